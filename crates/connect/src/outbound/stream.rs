//! Answers that are read piece by piece: files that pass through and never stand in memory whole.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, unfold};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::{CallError, Outbound, chain};

/// What an answer that is read piece by piece may take.
#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// Until the head of the answer is there.
    pub head_timeout: Duration,
    /// Longest silence inside the body.
    pub idle_timeout: Duration,
    /// For everything together.
    pub deadline: Duration,
    /// Bytes of the body.
    pub bytes_max: u64,
}

/// The head of an answer, and its body as it comes.
pub struct StreamedAnswer {
    /// Status; redirects are handed back as they are.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body. It ends with an error where a limit was hit or the connection broke; what came before is then a part only.
    pub body: BoxStream<'static, Result<Bytes, CallError>>,
}

impl std::fmt::Debug for StreamedAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamedAnswer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A body on its way.
struct Reading {
    body: Incoming,
    until: Instant,
    limits: StreamLimits,
    bytes_left: u64,
    is_over: bool,
}

impl Reading {
    /// The next piece; none at the end.
    async fn next(&mut self) -> Option<Result<Bytes, CallError>> {
        loop {
            let quiet_until = Instant::now() + self.limits.idle_timeout;
            let frame =
                tokio::time::timeout_at(quiet_until.min(self.until), self.body.frame()).await;
            let piece = match frame {
                Err(_) if quiet_until < self.until => {
                    Err(CallError::Timeout(self.limits.idle_timeout))
                }
                Err(_) => Err(CallError::Timeout(self.limits.deadline)),
                Ok(None) => return None,
                Ok(Some(Err(error))) => Err(CallError::Failed(chain(&error))),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => self.take(piece),
                    // Trailers say nothing that is asked for.
                    Err(_) => continue,
                },
            };
            self.is_over = piece.is_err();
            return Some(piece);
        }
    }

    fn take(&mut self, piece: Bytes) -> Result<Bytes, CallError> {
        let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.bytes_left = self
            .bytes_left
            .checked_sub(size)
            .ok_or_else(|| too_large(self.limits.bytes_max))?;
        Ok(piece)
    }
}

fn too_large(bytes_max: u64) -> CallError {
    CallError::AnswerTooLarge(usize::try_from(bytes_max).unwrap_or(usize::MAX))
}

impl Outbound {
    /// Gets an answer and hands its body on as it comes.
    ///
    /// # Errors
    /// [`CallError`], also where the head announces more bytes than allowed; a status of 300 or more is an answer, not an error.
    pub async fn open(
        &self,
        url: &str,
        headers: HeaderMap,
        limits: StreamLimits,
    ) -> Result<StreamedAnswer, CallError> {
        let until = Instant::now() + limits.deadline;
        let request = self.request(Method::GET, url, headers, Bytes::new())?;
        let response = tokio::time::timeout(limits.head_timeout, self.send(request))
            .await
            .map_err(|_| CallError::Timeout(limits.head_timeout))??;
        let (parts, body) = response.into_parts();
        let announced = parts
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|bytes| bytes > limits.bytes_max) {
            return Err(too_large(limits.bytes_max));
        }
        let reading = Reading {
            body,
            until,
            limits,
            bytes_left: limits.bytes_max,
            is_over: false,
        };
        let body = unfold(reading, |mut reading| async move {
            if reading.is_over {
                return None;
            }
            let piece = reading.next().await?;
            Some((piece, reading))
        });
        Ok(StreamedAnswer {
            status: parts.status,
            headers: parts.headers,
            body: body.boxed(),
        })
    }
}
