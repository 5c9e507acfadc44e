//! The way to a time-stamp authority (RFC 3161 over HTTP, §3.4).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use lgsp_base::Sha256;
use lgsp_base::limits::{NOTARY_ANSWER_BYTES_MAX, NOTARY_TIMEOUT};
use lgsp_wire::tlog::timestamp::{
    REQUEST_MEDIA_TYPE, RESPONSE_MEDIA_TYPE, TimestampError, Token, parse_response, request_der,
};

use crate::outbound::{CallError, Outbound};

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
    /// The call brought no answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An answer other than 200.
    #[error("the authority answered {0}")]
    Status(u16),
    /// An answer that is no time stamp.
    #[error(transparent)]
    Token(#[from] TimestampError),
}

/// One authority.
#[derive(Debug, Clone)]
pub struct TimestampClient {
    outbound: Outbound,
    url: String,
}

impl TimestampClient {
    /// The authority at this address.
    pub fn new(outbound: Outbound, url: &str) -> Self {
        Self {
            outbound,
            url: url.to_owned(),
        }
    }

    /// Has a digest stamped. The token is read, not verified: whoever stores it verifies it against the nonce and the
    /// authority's certificate.
    ///
    /// # Errors
    /// [`StampError`].
    pub async fn stamp(&self, imprint: &Sha256, nonce: u64) -> Result<Token, StampError> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::CONTENT_TYPE, REQUEST_MEDIA_TYPE),
            (header::ACCEPT, RESPONSE_MEDIA_TYPE),
            (header::USER_AGENT, "lgsp"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let answer = self
            .outbound
            .post(
                &self.url,
                headers,
                Bytes::from(request_der(imprint, nonce)),
                NOTARY_TIMEOUT,
                NOTARY_ANSWER_BYTES_MAX,
            )
            .await?;
        match answer.status.as_u16() {
            200 => Ok(parse_response(&answer.body)?),
            status => Err(StampError::Status(status)),
        }
    }
}
