//! Content on its way out: the identical bytes, as a download that no browser runs or renders.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lgsp_base::Sha256;

use crate::page;

/// What is sent.
pub(crate) struct Download {
    /// Media type as stored.
    pub(crate) content_type: String,
    /// Bytes, when they are known before the end.
    pub(crate) bytes: Option<u64>,
    /// Digest, when it is known before the end.
    pub(crate) sha256: Option<Sha256>,
    /// Name for people.
    pub(crate) file_name: String,
    /// The bytes.
    pub(crate) body: Body,
}

/// Builds the answer. `Range` is not served: the whole content is always an allowed answer (RFC 9110 §14.2).
pub(crate) fn respond(request: &HeaderMap, download: Download) -> Response {
    let tag = download.sha256.map(|digest| format!("\"{digest}\""));
    let is_known = tag
        .as_deref()
        .is_some_and(|tag| page::is_known(request, tag));
    let mut response = Response::new(if is_known {
        Body::empty()
    } else {
        download.body
    });
    let headers = response.headers_mut();
    let mut set = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    if let Some(tag) = &tag {
        set(header::ETAG, tag);
    }
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; sandbox",
    );
    set(header::CACHE_CONTROL, "private, no-cache");
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    set(
        header::CONTENT_DISPOSITION,
        &disposition(&download.file_name),
    );
    if let Some(bytes) = download.bytes {
        set(header::CONTENT_LENGTH, &bytes.to_string());
    }
    set(header::CONTENT_TYPE, "application/octet-stream");
    set(header::CONTENT_TYPE, &download.content_type);
    response
}

/// `attachment` with the name in both forms (RFC 6266, RFC 8187); nothing in a name can end the header or its quotes.
pub(crate) fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || "-_.() ".contains(c) => c,
            _ => '_',
        })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(
            disposition("a\"; x=\r\nSet-Cookie: y.pdf"),
            "attachment; filename=\"a__ x___Set-Cookie_ y.pdf\"; \
             filename*=UTF-8''a%22%3B%20x%3D%0D%0ASet-Cookie%3A%20y.pdf"
        );
        assert!(disposition("Công văn.pdf").ends_with("C%C3%B4ng%20v%C4%83n.pdf"));
        assert!(HeaderValue::from_str(&disposition("\u{0}\u{202e}x")).is_ok());
    }
}
