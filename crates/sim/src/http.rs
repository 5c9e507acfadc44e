//! A small HTTP/1.1 client over loopback or a plain network, with a deadline and a bounded answer.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Bytes of an answer that are read; a longer one is an error.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Time for one call, answer included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a call got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection, or it broke: worth another try with the same idempotency key.
    #[error("{method} {path}: {cause}")]
    Io {
        /// The method of the call.
        method: Method,
        /// The path of the call.
        path: String,
        /// What the transport said.
        cause: String,
    },
    /// The server answered and refused.
    #[error("refused with HTTP {status}, code {code}: {detail}")]
    Refused {
        /// The HTTP status (200 on the document axis).
        status: u16,
        /// The stable problem code, or the axis error code.
        code: String,
        /// The words of the server.
        detail: String,
    },
    /// The answer is not what the protocol promises.
    #[error("unexpected answer: {0}")]
    Format(String),
}

impl CallError {
    /// True when the same call may be repeated: nobody knows whether it arrived.
    pub fn is_io(&self) -> bool {
        matches!(self, Self::Io { .. })
    }

    /// The stable code of a refusal, or an empty text.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Io { .. } | Self::Format(_) => "",
        }
    }
}

/// An answer with its whole body.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body, at most [`ANSWER_BYTES_MAX`].
    pub body: Bytes,
}

/// A call before it is sent.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    invalid: Option<String>,
}

impl Call {
    /// A call without headers and body; `path` begins with `/` and may carry a query.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            invalid: None,
        }
    }

    /// Adds a header; an impossible name or value fails the call when it is sent.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name);
        // Bytes, not text: the axis carries JSON with Vietnamese letters in headers.
        let value = HeaderValue::from_bytes(value.as_bytes());
        match (name, value) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            _ => self.invalid = Some("a header has an impossible name or value".to_owned()),
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// Calls one server; clones share its connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client<HttpConnector, Full<Bytes>>,
    origin: String,
}

impl HttpClient {
    /// A client of `origin`, for example `http://127.0.0.1:8080`.
    pub fn new(origin: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            origin: origin.trim_end_matches('/').to_owned(),
        }
    }

    /// The server's address as given.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends the call once and reads the whole answer, whatever its status.
    pub async fn send(&self, call: Call) -> Result<Answer, CallError> {
        let method = call.method.clone();
        let path = call.path.clone();
        let io = |cause: String| CallError::Io {
            method: method.clone(),
            path: path.clone(),
            cause,
        };
        if let Some(invalid) = call.invalid {
            return Err(CallError::Format(invalid));
        }
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = format!("{}{}", self.origin, call.path)
            .parse()
            .map_err(|error| CallError::Format(format!("not an address: {error}")))?;
        *request.headers_mut() = call.headers;
        let exchange = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| error_chain(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|error| error_chain(error.as_ref()))?
                .to_bytes();
            Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body,
            })
        };
        match tokio::time::timeout(CALL_TIMEOUT, exchange).await {
            Ok(answer) => answer.map_err(io),
            Err(_) => Err(io(format!("no answer within {CALL_TIMEOUT:?}"))),
        }
    }
}

/// The error and everything under it, in one line.
pub(crate) fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut inner = error.source();
    while let Some(cause) = inner {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        inner = cause.source();
    }
    text
}

/// Percent-encodes one query value (RFC 3986 §2.1).
pub fn encode_query(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push_str(&lgsp_base::hash::to_hex(&[byte]).to_ascii_uppercase());
        }
    }
    text
}
