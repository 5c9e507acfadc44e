//! The frame of answers, whole or streamed.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderValue, StatusCode, header};
use lgsp_base::Problem;
use lgsp_wire::axis_rest::Reply;
use lgsp_wire::vxp::AxisCode;
use serde::Serialize;

use crate::axis::answer::{is_json, refusal};

/// What stands before and behind the value of `data` in a successful answer.
const HEAD: &str = "{\"success\":true,\"message\":\"Thành công\",\"data\":";
const TAIL: &str = "}";

/// A whole answer.
pub(super) fn reply<T: Serialize>(reply: &Reply<T>) -> Response {
    let body = serde_json::to_vec(reply).unwrap_or_default();
    is_json(body.into_response())
}

/// A refusal. What concerns the credential has its HTTP status, too.
pub(super) fn fail(problem: &Problem) -> Response {
    let (code, text) = refusal(problem);
    let mut response = reply(&Reply::fail(code, &text));
    if code == AxisCode::WrongCredential {
        *response.status_mut() =
            StatusCode::from_u16(problem.kind.status).unwrap_or(StatusCode::UNAUTHORIZED);
        if *response.status_mut() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"axis\""),
            );
        }
    }
    if let Some(seconds) = problem.retry_after_seconds {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// An answer whose `data` is written piece by piece.
pub(super) fn streamed(
    pieces: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
) -> Response {
    let edge = |text: &'static str| stream::iter([Ok(Bytes::from_static(text.as_bytes()))]);
    let body = edge(HEAD).chain(pieces).chain(edge(TAIL));
    is_json(Body::from_stream(body).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streamed_answers_have_the_frame_of_whole_ones() {
        let whole = serde_json::to_string(&Reply::with_data("x")).expect("json");
        assert_eq!(whole, format!("{HEAD}\"x\"{TAIL}"));
    }
}
