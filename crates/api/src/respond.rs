//! Forms of answers that several resources share.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Problem, Sha256, limits};
use serde::Serialize;
use utoipa::ToSchema;

use crate::page;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The items in a stable order.
    pub(crate) items: Vec<T>,
    /// The next page, for `page_token`; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_page_token: Option<String>,
}

/// JSON without another copy.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|_| kinds::SYSTEM_INTERNAL.problem())?;
    let mut response = (status, body).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

/// A page with its `Link` to the next one. `next` is the domain's cursor.
pub(crate) fn paged<T: Serialize>(
    uri: &Uri,
    items: Vec<T>,
    next: Option<String>,
) -> Result<Response, Problem> {
    paged_as(uri, items, next, |page| json(StatusCode::OK, page))
}

/// A page that `write` puts into its form, with its `Link` to the next one.
pub(crate) fn paged_as<T: Serialize>(
    uri: &Uri,
    items: Vec<T>,
    next: Option<String>,
    write: impl FnOnce(&Page<T>) -> Result<Response, Problem>,
) -> Result<Response, Problem> {
    let token = next.map(|cursor| page::seal_token(&cursor));
    let link = token
        .as_deref()
        .and_then(|token| page::link_next(uri, token));
    let mut response = write(&Page {
        items,
        next_page_token: token,
    })?;
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// JSON with an `ETag`: the given version, or a digest of the answer. 304 when the caller has it already.
pub(crate) fn tagged<T: Serialize>(
    request: &HeaderMap,
    value: &T,
    version: Option<i64>,
) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|_| kinds::SYSTEM_INTERNAL.problem())?;
    let tag = match version {
        Some(version) => page::version_tag(version),
        None => {
            let digest = Sha256::of(&body).to_string();
            format!("\"{}\"", digest.get(..32).unwrap_or(&digest))
        }
    };
    let mut response = if page::is_known(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = body.into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        response
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// An answer with a credential is kept nowhere on its way.
pub(crate) fn once(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The `Idempotency-Key` of a request.
///
/// # Errors
/// `input.invalid` when it stands twice, is empty, longer than the limit or not printable ASCII.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut fields = headers.get_all("idempotency-key").iter();
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    let is_single = fields.next().is_none();
    field
        .to_str()
        .ok()
        .filter(|key| is_single && (1..=limits::IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len()))
        .filter(|key| key.bytes().all(|b| b.is_ascii_graphic() || b == b' '))
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| {
            kinds::INPUT_INVALID.problem().breaks(
                "Idempotency-Key",
                rules::KEY_FORM.with(&[("max", &limits::IDEMPOTENCY_KEY_CHARS_MAX)]),
            )
        })
}

/// An id from the path. A text that is no id names nothing, so it gets the answer for something unknown.
pub(crate) fn id<T: std::str::FromStr>(
    text: &str,
    unknown: &'static lgsp_base::ProblemKind,
) -> Result<T, Problem> {
    text.parse().map_err(|_| unknown.problem())
}
