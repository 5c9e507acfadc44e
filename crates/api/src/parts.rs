//! Answers in several parts (RFC 2046 §5.1.3): JSON first, then contents as they are, so that megabytes of them need no
//! base64.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use lgsp_base::Problem;
use lgsp_base::id::{DeliveryId, RequestId};
use lgsp_base::problem::kinds;
use serde::Serialize;

/// The media type of such an answer.
pub(crate) const MULTIPART_MIXED: &str = "multipart/mixed";
/// What the head of a part and its boundary take at most, but for the media type.
const PART_HEAD_BYTES: usize = 192;

/// A content behind the JSON.
#[derive(Debug)]
pub(crate) struct Part {
    /// The delivery whose content it is; names the part (RFC 2392).
    pub(crate) id: DeliveryId,
    /// Its media type as the sender named it.
    pub(crate) content_type: String,
    /// The bytes.
    pub(crate) content: Vec<u8>,
}

/// True if the caller asks for parts by name; `*/*` gets JSON.
pub(crate) fn are_accepted(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|essence| essence.trim().eq_ignore_ascii_case(MULTIPART_MIXED))
}

/// The answer. Every part says its length. `boundary` is fresh, so that no content can hold it.
pub(crate) fn answer<T: Serialize>(
    value: &T,
    parts: &[Part],
    boundary: RequestId,
) -> Result<Response, Problem> {
    let internal = || kinds::SYSTEM_INTERNAL.problem();
    let json = serde_json::to_vec(value).map_err(|_| internal())?;
    let room = parts.iter().fold(json.len(), |room, part| {
        room + part.content.len() + part.content_type.len() + PART_HEAD_BYTES
    });
    let mut body = Vec::with_capacity(room + PART_HEAD_BYTES);
    let boundary = boundary.to_string();
    let mut push = |head: &str, content: &[u8]| {
        for piece in ["--", &boundary, "\r\n", head] {
            body.extend_from_slice(piece.as_bytes());
        }
        body.extend_from_slice(format!("Content-Length: {}\r\n\r\n", content.len()).as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    push("Content-Type: application/json\r\n", &json);
    for part in parts {
        let head = format!(
            "Content-Type: {}\r\nContent-ID: <{}>\r\n",
            part.content_type, part.id
        );
        push(&head, &part.content);
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let mut response = body.into_response();
    let media = format!("{MULTIPART_MIXED}; boundary={boundary}");
    let media = HeaderValue::from_str(&media).map_err(|_| internal())?;
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    Ok(response)
}
