//! Request bodies as they arrive: bounded in size, in silence and in slowness.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use lgsp_base::limits;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Clock, Problem};

/// A body that is read piece by piece.
#[derive(Debug)]
pub(crate) struct BodyReader<'c> {
    body: Body,
    clock: &'c dyn Clock,
    started: Duration,
    received: u64,
    limit: u64,
}

impl<'c> BodyReader<'c> {
    /// Reads at most `limit` bytes.
    pub(crate) fn new(body: Body, limit: u64, clock: &'c dyn Clock) -> Self {
        Self {
            body,
            clock,
            started: clock.monotonic(),
            received: 0,
            limit,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// `http.timeout` after a silence or below the least rate, `input.too_large` over the limit, `http.framing` when
    /// the connection breaks or the chunks are malformed.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = tokio::time::timeout(limits::HTTP_BODY_IDLE_TIMEOUT, self.body.frame())
                .await
                .map_err(|_| kinds::HTTP_TIMEOUT.problem())?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| kinds::HTTP_FRAMING.with("the body broke off"))?;
            // Trailers are dropped: nothing in this API reads them.
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            self.received = self
                .received
                .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if self.received > self.limit {
                return Err(too_large(self.limit));
            }
            self.check_rate()?;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    fn check_rate(&self) -> Result<(), Problem> {
        let elapsed = self.clock.monotonic().saturating_sub(self.started);
        let is_slow = elapsed > limits::HTTP_BODY_RATE_GRACE
            && self.received < elapsed.as_secs() * limits::HTTP_BODY_BYTES_PER_SECOND_MIN;
        if is_slow {
            Err(kinds::HTTP_TIMEOUT.problem())
        } else {
            Ok(())
        }
    }
}

fn too_large(limit: u64) -> Problem {
    kinds::INPUT_TOO_LARGE.says(rules::TOO_LARGE.with(&[("max", &limit)]))
}

/// The declared length, when there is one.
///
/// # Errors
/// `input.too_large` when it is over the limit: nothing of the body is read then.
pub(crate) fn declared_length(headers: &HeaderMap, limit: u64) -> Result<Option<u64>, Problem> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    match declared {
        Some(length) if length > limit => Err(too_large(limit)),
        declared => Ok(declared),
    }
}

/// A whole small body.
///
/// # Errors
/// As [`BodyReader::next`].
pub(crate) async fn read_whole(
    body: Body,
    limit: usize,
    clock: &dyn Clock,
) -> Result<Bytes, Problem> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut reader = BodyReader::new(body, limit, clock);
    let Some(first) = reader.next().await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = reader.next().await? else {
        return Ok(first);
    };
    let mut whole = Vec::with_capacity(first.len() + second.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(piece) = reader.next().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}
