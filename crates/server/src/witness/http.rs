//! The witness over HTTP: one operation for logs, one page for people.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use lgsp_base::{Lang, Timestamp, vi};
use lgsp_wire::tlog::witness::{Conflict, REQUEST_BYTES_MAX, SIZE_MEDIA_TYPE};

use super::notary::{Notary, Refusal};

#[derive(Debug, Clone)]
struct Parts {
    notary: Arc<Notary>,
    lang: Lang,
}

/// `POST /add-checkpoint` and `GET /`.
pub(super) fn router(notary: Arc<Notary>, lang: Lang) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/", get(page))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(middleware::map_response(harden))
        .with_state(Parts { notary, lang })
}

/// Nothing here is ever a document of a browser, nothing may be kept.
async fn harden(mut response: Response) -> Response {
    let fields = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn add_checkpoint(State(parts): State<Parts>, body: Bytes) -> Response {
    let Ok(body) = String::from_utf8(body.into()) else {
        return refused(&Refusal::Malformed);
    };
    let notary = parts.notary;
    // It writes and syncs a file.
    let judged = tokio::task::spawn_blocking(move || notary.add_checkpoint(&body)).await;
    match judged {
        Ok(Ok(signature)) => text(StatusCode::OK, format!("{signature}\n")),
        Ok(Err(refusal)) => refused(&refusal),
        Err(error) => {
            tracing::error!(%error, "a request was not judged");
            refused(&Refusal::Unavailable)
        }
    }
}

fn text(status: StatusCode, body: String) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        body,
    )
        .into_response()
}

fn refused(refusal: &Refusal) -> Response {
    let (status, words) = match refusal {
        Refusal::Malformed => (StatusCode::BAD_REQUEST, "not an add-checkpoint request"),
        Refusal::UnknownLog => (StatusCode::NOT_FOUND, "this witness does not watch the log"),
        Refusal::NotSigned => (StatusCode::FORBIDDEN, "not signed by a key of the log"),
        Refusal::Inconsistent => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "the log does not continue what was cosigned",
        ),
        Refusal::Unavailable => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "nothing could be recorded, so nothing is cosigned",
        ),
        Refusal::Conflict(size) | Refusal::Fork(size) => {
            let head = [(header::CONTENT_TYPE, SIZE_MEDIA_TYPE)];
            return (StatusCode::CONFLICT, head, Conflict(*size).to_string()).into_response();
        }
    };
    text(status, format!("{words}\n"))
}

/// What was seen, as a text that needs no explanation.
async fn page(State(parts): State<Parts>) -> Response {
    let say = |vi: &'static str, en: &'static str| match parts.lang {
        Lang::Vi => vi,
        Lang::En => en,
    };
    let mut page = format!(
        "{}\n{}\n\n",
        say(
            "Bên chứng kiến sổ nhật ký, lgsp",
            "Witness of ledgers, lgsp"
        ),
        parts.notary.key()
    );
    for log in parts.notary.seen() {
        page.push_str(&format!(
            "{}\n  {}: {}\n",
            log.origin,
            say("số dòng đã chứng kiến", "entries witnessed"),
            vi::number(log.size),
        ));
        if log.at > 0 {
            let at = i64::try_from(log.at).unwrap_or(0).saturating_mul(1_000);
            page.push_str(&format!(
                "  {}: {}\n  {}: {}\n",
                say("mã băm gốc", "root"),
                log.root,
                say("lúc", "at"),
                Timestamp::from_millis(at).to_vietnamese(),
            ));
        }
        if log.refused > 0 {
            page.push_str(&format!(
                "  {}: {}\n",
                say(
                    "CẢNH BÁO, số lần sổ nhật ký bị viết lại đã từ chối",
                    "WARNING, rewritten histories refused"
                ),
                vi::number(log.refused),
            ));
        }
    }
    text(StatusCode::OK, page)
}
