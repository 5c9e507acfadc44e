//! Problem documents over HTTP (RFC 9457) and the outermost layer that renders them.
//!
//! A handler answers `Err(Failure)`; the failure travels as a response extension to [`conduct`], which alone knows the
//! request's id and language and writes the document. Rejections, unknown addresses, wrong methods and panics take the
//! same way, so that every answer of the API that is not a success has one shape.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lgsp_base::hash::to_hex;
use lgsp_base::id::RequestId;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Lang, Problem, ProblemKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;

/// Characters of a caller's request id that are echoed.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// What went wrong, on its way to [`conduct`].
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) Problem);

impl<P: Into<Problem>> From<P> for Failure {
    fn from(problem: P) -> Self {
        Failure(problem.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status_of(self.0.kind).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status_of(kind: &ProblemKind) -> StatusCode {
    StatusCode::from_u16(kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// What every answer to one request has in common.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The caller's id when it is sane, otherwise our own.
    pub(crate) request_id: String,
    /// 32 hexadecimal digits, the caller's when it sent `traceparent`.
    pub(crate) trace_id: String,
    /// The language of texts for people.
    pub(crate) lang: Lang,
}

impl Facts {
    fn of(headers: &HeaderMap, state: &ApiState) -> Self {
        let own = RequestId::generate(state.clock.now(), state.entropy.as_ref());
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            request_id: text("x-request-id")
                .filter(|id| is_sane_request_id(id))
                .map_or_else(|| own.to_string(), ToOwned::to_owned),
            trace_id: text("traceparent")
                .and_then(trace_id)
                .unwrap_or_else(|| to_hex(&own.bits().to_be_bytes())),
            lang: text("accept-language").map_or(Lang::Vi, Lang::from_accept_language),
        }
    }

    /// The document that tells of this problem.
    pub(crate) fn document(&self, problem: &Problem) -> ProblemDocument {
        let kind = problem.kind;
        ProblemDocument {
            r#type: format!("/problems/{}", kind.code),
            title: kind.title(self.lang),
            status: kind.status,
            detail: problem.detail_in(self.lang).into_owned(),
            instance: self.request_id.clone(),
            code: kind.code,
            trace_id: self.trace_id.clone(),
            retryable: kind.retryable,
            fix: kind.fix(self.lang),
            errors: problem
                .fields
                .iter()
                .map(|field| ProblemPlace {
                    pointer: field.pointer.clone(),
                    rule: field.rule,
                    message: field.message_in(self.lang).into_owned(),
                })
                .collect(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Facts {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        // `conduct` puts the facts there for every request; the empty ones serve a router without it.
        Ok(parts.extensions.get::<Facts>().cloned().unwrap_or(Facts {
            request_id: String::new(),
            trace_id: String::new(),
            lang: Lang::Vi,
        }))
    }
}

/// An id that may be repeated in headers and logs without harm.
fn is_sane_request_id(id: &str) -> bool {
    (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The trace id of a `traceparent` field (W3C Trace Context §3.2), if it is valid.
fn trace_id(field: &str) -> Option<String> {
    let mut parts = field.split('-');
    let (version, trace, parent) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, len| {
        text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && trace.bytes().any(|b| b != b'0');
    is_valid.then(|| trace.to_owned())
}

/// A problem document (RFC 9457) with the members of this platform.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "/problems/exchange.recipient_unknown", "title": "Đơn vị nhận không tồn tại", "status": 422,
    "detail": "H99.999", "instance": "req_01jqcy4m9ze5b8q6p6b0w7h3tn",
    "code": "exchange.recipient_unknown", "trace_id": "0196f2a4d13f72e85ba6b0f3c2d1e0a9",
    "retryable": false, "fix": "Tra lại mã đơn vị nhận trong danh bạ",
    "errors": [{"pointer": "to[0]", "rule": "known", "message": "H99.999"}]
}))]
pub(crate) struct ProblemDocument {
    /// Address of the catalogue entry.
    r#type: String,
    /// What happened, in the language of `Accept-Language` (Vietnamese unless English is preferred).
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What exactly: which item, which value, which limit. May be empty.
    detail: String,
    /// The request's id; also in `X-Request-Id`.
    instance: String,
    /// Stable and dotted; never renamed.
    code: &'static str,
    /// The trace the request belongs to.
    trace_id: String,
    /// True if the same request may succeed later.
    retryable: bool,
    /// What to do next.
    fix: &'static str,
    /// The places in the input that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemPlace>,
}

/// One place in the input that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemPlace {
    /// JSON pointer, element path, parameter name or `line 12`.
    pointer: String,
    /// Which rule, a stable word.
    rule: &'static str,
    /// What is wrong there.
    message: String,
}

/// The outermost layer: gives each request its id, renders problems, and turns a panic into `system.internal`.
pub(crate) async fn conduct(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let facts = Facts::of(request.headers(), &state);
    request.extensions_mut().insert(facts.clone());
    let mut response = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!(request.id = %facts.request_id, "a request handler panicked");
            Failure(kinds::SYSTEM_INTERNAL.problem()).into_response()
        });
    if let Some(Failure(problem)) = response.extensions_mut().remove::<Failure>() {
        if problem.kind.status >= 500 {
            tracing::warn!(request.id = %facts.request_id, problem = %problem, "request failed");
        }
        let inherited = std::mem::take(response.headers_mut());
        response = render(&facts, &problem, inherited);
    } else if response.status().is_client_error() {
        // Only the extractor of path segments refuses by itself, in plain text.
        let problem = kinds::INPUT_INVALID.says(rules::PERCENT_ENCODING.plain());
        response = render(&facts, &problem, HeaderMap::new());
    }
    if let Ok(value) = HeaderValue::from_str(&facts.request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

fn render(facts: &Facts, problem: &Problem, inherited: HeaderMap) -> Response {
    let body = serde_json::to_vec(&facts.document(problem)).unwrap_or_default();
    let mut response = (status_of(problem.kind), body).into_response();
    let headers = response.headers_mut();
    for name in [header::ALLOW, header::WWW_AUTHENTICATE, header::ETAG] {
        for value in inherited.get_all(&name) {
            headers.append(&name, value.clone());
        }
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(
        header::CONTENT_LANGUAGE,
        HeaderValue::from_static(match facts.lang {
            Lang::Vi => "vi",
            Lang::En => "en",
        }),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    if let Some(seconds) = problem.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // The rest of a body that came too slowly or too long is not waited for.
    let is_left_unread = [
        &kinds::HTTP_TIMEOUT,
        &kinds::INPUT_TOO_LARGE,
        &kinds::DOSSIER_FILE_TOO_LARGE,
    ]
    .contains(&problem.kind);
    if is_left_unread {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The answer at an address where there is nothing.
pub(crate) async fn not_found() -> Failure {
    Failure(kinds::HTTP_NOT_FOUND.problem())
}

/// The answer to a method that an address does not have.
pub(crate) async fn method_not_allowed() -> Failure {
    Failure(kinds::HTTP_METHOD.problem())
}

/// An entry of the catalogue as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogueEntry {
    code: &'static str,
    status: u16,
    retryable: bool,
    title: &'static str,
    fix: &'static str,
    /// The code with which the document axis says the same.
    axis_code: u8,
}

/// Explain a problem code
#[utoipa::path(get, path = "/problems/{code}", tag = "platform",
    params(("code" = String, Path, description = "A problem code", example = "exchange.conflict")),
    responses((status = 200, description = "The catalogue entry", body = CatalogueEntry)),
    security(()))]
pub(crate) async fn explain(
    facts: Facts,
    Path(code): Path<String>,
) -> Result<axum::Json<CatalogueEntry>, Failure> {
    let kind = kinds::ALL
        .iter()
        .find(|kind| kind.code == code)
        .ok_or_else(|| kinds::HTTP_NOT_FOUND.problem())?;
    Ok(axum::Json(CatalogueEntry {
        code: kind.code,
        status: kind.status,
        retryable: kind.retryable,
        title: kind.title(facts.lang),
        fix: kind.fix(facts.lang),
        axis_code: kind.axis_code,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_ids_are_echoed_only_when_harmless() {
        assert!(is_sane_request_id("abc-DEF_1"));
        for bad in ["", "a b", "<script>", "x\r\ny", "đ", &"x".repeat(65)] {
            assert!(!is_sane_request_id(bad), "{bad:?}");
        }
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(
            trace_id(good).as_deref(),
            Some("4bf92f3577b34da6a3ce929d0e0e4736")
        );
        for bad in [
            "",
            "00-0-0-0",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(trace_id(bad), None);
        }
    }
}
