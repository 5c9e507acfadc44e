//! The frame of answers, whole or streamed.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, header};
use lgsp_base::Problem;
use lgsp_wire::vxp::AxisCode;
use lgsp_wire::vxp::response::Response as Frame;
use serde::Serialize;

/// What stands before and behind the value of `data` in a successful answer.
const HEAD: &str = "{\"status\":\"OK\",\"ErrorCode\":\"0\",\"ErrorDesc\":\"Thành công\",\"data\":";
const TAIL: &str = "}";

/// Marks an answer as JSON.
pub(super) fn is_json(mut response: Response) -> Response {
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    response
}

/// A whole answer.
pub(super) fn frame<T: Serialize>(frame: &Frame<T>) -> Response {
    let body = serde_json::to_vec(frame).unwrap_or_default();
    is_json(body.into_response())
}

/// The axis code of a problem, and in words what and where; both flavours of the axis say the same.
pub(super) fn refusal(problem: &Problem) -> (AxisCode, String) {
    let code = AxisCode::from_number(problem.kind.axis_code).unwrap_or(AxisCode::SystemFault);
    let mut text = problem.kind.title_vi.to_owned();
    if !problem.detail.is_empty() {
        text.push_str(": ");
        text.push_str(&problem.detail);
    }
    let places = problem
        .fields
        .iter()
        .filter(|field| !problem.detail.contains(&field.message));
    for field in places.take(20) {
        text.push_str(&format!("; {}: {}", field.pointer, field.message));
    }
    text.push_str(&format!(" [{}]", problem.kind.code));
    if problem.kind.status >= 500 {
        tracing::warn!(problem = %problem, "axis request failed");
    }
    (code, text)
}

/// A refusal.
pub(super) fn fail(problem: &Problem) -> Response {
    let (code, text) = refusal(problem);
    frame(&Frame::<()>::fail(code, &text))
}

/// An answer whose `data` is an array that is written piece by piece.
pub(super) fn array(items: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Response {
    let start = stream::iter([Bytes::from(format!("{HEAD}["))]);
    let middle = stream::iter(items.map(Bytes::from));
    let end = stream::iter([Bytes::from(format!("]{TAIL}"))]);
    let body = start
        .chain(middle)
        .chain(end)
        .map(Ok::<_, std::convert::Infallible>);
    is_json(Body::from_stream(body).into_response())
}

/// An answer whose `data` is a text that needs no escapes. `bytes` is the length of that text.
pub(super) fn text(
    bytes: u64,
    pieces: impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send + 'static,
) -> Response {
    let (head, tail) = (format!("{HEAD}\""), format!("\"{TAIL}"));
    let length = bytes + u64::try_from(head.len() + tail.len()).unwrap_or(0);
    let body = stream::iter([Ok(Bytes::from(head))])
        .chain(pieces)
        .chain(stream::iter([Ok(Bytes::from(tail))]));
    let mut response = is_json(Body::from_stream(body).into_response());
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streamed_answers_have_the_frame_of_whole_ones() {
        let whole = serde_json::to_string(&Frame::with_data("x")).expect("json");
        assert_eq!(whole, format!("{HEAD}\"x\"{TAIL}"));
    }
}
