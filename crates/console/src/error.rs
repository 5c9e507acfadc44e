//! What did not work, as a page: what happened, its code, what the visitor can do, who can help, the number to give them.

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use lgsp_base::Problem;
use lgsp_base::problem::kinds;
use serde::Serialize;

use crate::Console;
use crate::form::encode;
use crate::page::{self, Page, Place};
use crate::visitor::Facts;

/// A problem on its way to the layer that makes it a page.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status_of(&self.0).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status_of(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorPage {
    code: &'static str,
    status: u16,
    title: &'static str,
    /// What the catalogue advises, which speaks to programs.
    fix: &'static str,
    /// What a person at a browser does instead: the last part of `error.fix.…`.
    own_fix: Option<&'static str>,
    detail: String,
    fields: Vec<ErrorField>,
    is_retryable: bool,
    /// `yourself`, `operator` or `platform`: the last part of `error.helper.…`.
    helper: &'static str,
}

/// A place in the input that was wrong.
#[derive(Debug, Serialize)]
struct ErrorField {
    pointer: String,
    message: String,
}

impl ErrorPage {
    fn of(problem: &Problem, lang: lgsp_base::Lang) -> Self {
        Self {
            code: problem.kind.code,
            status: problem.kind.status,
            title: problem.kind.title(lang),
            fix: problem.kind.fix(lang),
            own_fix: match problem.kind.code {
                "input.invalid" => Some("input"),
                "http.not_found" => Some("address"),
                "http.method" => Some("method"),
                "system.internal" => Some("internal"),
                _ => None,
            },
            detail: problem.detail_in(lang).into_owned(),
            fields: problem
                .fields
                .iter()
                .map(|field| ErrorField {
                    pointer: field.pointer.clone(),
                    message: field.message_in(lang).into_owned(),
                })
                .collect(),
            is_retryable: problem.kind.retryable,
            helper: match problem.kind.status {
                401 | 403 => "operator",
                500.. => "platform",
                _ => "yourself",
            },
        }
    }
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
    const PLACE: Place = Place::None;

    fn samples() -> Vec<(&'static str, Self)> {
        let lang = lgsp_base::Lang::Vi;
        vec![
            ("lost", Self::of(&kinds::HTTP_NOT_FOUND.problem(), lang)),
            ("method", Self::of(&kinds::HTTP_METHOD.problem(), lang)),
            (
                "forbidden",
                Self::of(&kinds::AUTH_FORBIDDEN.with("system.write"), lang),
            ),
            (
                "wrong",
                Self::of(
                    &kinds::INPUT_INVALID
                        .problem()
                        .at("name", "name", "tên để trống"),
                    lang,
                ),
            ),
            (
                "internal",
                Self::of(&kinds::SYSTEM_INTERNAL.problem(), lang),
            ),
        ]
    }
}

/// The outermost layer: facts for every request, pages for problems, headers that protect.
pub(crate) async fn conduct(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let facts = Facts::of(&parts, &console);
    parts.extensions.insert(facts.clone());
    let is_read = parts.method == Method::GET || parts.method == Method::HEAD;
    let request = Request::from_parts(parts, body);
    let mut response = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!(request.id = %facts.trace_id, "a page panicked");
            Failure(kinds::SYSTEM_INTERNAL.problem()).into_response()
        });
    let problem = match response.extensions_mut().remove::<Failure>() {
        Some(Failure(problem)) => Some(problem),
        // Refusals by the router itself, which come without a page.
        None => match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => Some(kinds::HTTP_METHOD.problem()),
            StatusCode::BAD_REQUEST => Some(kinds::HTTP_NOT_FOUND.problem()),
            _ => None,
        },
    };
    if let Some(problem) = problem {
        if problem.kind.status >= 500 {
            tracing::warn!(request.id = %facts.trace_id, problem = %problem, "a page failed");
        }
        response = if problem.kind == &kinds::AUTH_REQUIRED && is_read {
            to_login(&facts)
        } else {
            render(&console, &facts, &problem)
        };
    }
    let is_asset = facts.uri.path().starts_with("/assets/") && response.status().is_success();
    facts
        .preferences
        .keep_lang(response.headers_mut(), facts.is_secure);
    protect(response.headers_mut(), is_asset, facts.is_secure);
    response
}

/// Asks a stranger to log in, and remembers where to.
fn to_login(facts: &Facts) -> Response {
    let wanted = facts.uri.path_and_query().map_or("/", |path| path.as_str());
    let target = if wanted == "/" || wanted.contains("manh=") {
        crate::router::LOGIN.to_owned()
    } else {
        format!("{}?ve={}", crate::router::LOGIN, encode(wanted))
    };
    redirect(&target)
}

/// `303 See Other`: the answer to every action that worked.
pub(crate) fn redirect(target: &str) -> Response {
    let location = HeaderValue::from_str(target).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

fn render(console: &Console, facts: &Facts, problem: &Problem) -> Response {
    let page = ErrorPage::of(problem, facts.lang());
    let shell = facts.shell(console, ErrorPage::PLACE, None);
    let context = page::context(&page, &shell);
    let html = console
        .renderer
        .page(facts.lang(), ErrorPage::TEMPLATE, context)
        .unwrap_or_else(|error| {
            tracing::error!(error = %error.display_debug_info(), "an error page could not be rendered");
            problem.kind.code.to_owned()
        });
    let mut response = (status_of(problem), Html(html)).into_response();
    if let Some(seconds) = problem.retry_after_seconds {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Nothing from elsewhere, nothing inline, no frame around us, no copy on the way.
const PROTECTION: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=()",
    ),
];

/// Sets the headers that protect a page; an asset may be kept, a page may not.
pub(crate) fn protect(headers: &mut HeaderMap, is_asset: bool, is_secure: bool) {
    for (name, value) in PROTECTION {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_secure {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    if !is_asset {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
