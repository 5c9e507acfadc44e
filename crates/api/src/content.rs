//! Content of a document or delivery as an answer, small or streamed.

use axum::body::Body;
use axum::response::Response;
use http::HeaderMap;
use lgsp_base::Actor;
use lgsp_exchange::{ContentBody, ContentTarget, Document, DocumentKind};

use crate::ApiState;
use crate::download::{Download, respond};
use crate::problem::Failure;
use crate::transfer::{Verbatim, streamed};

/// A name for the file that a person would save.
fn file_name(document: &Document) -> String {
    let stem = document
        .notation
        .as_deref()
        .map_or_else(|| document.id.to_string(), |text| text.replace('/', "-"));
    match document.kind {
        DocumentKind::Edoc | DocumentKind::Status | DocumentKind::Notice => format!("{stem}.edxml"),
        DocumentKind::Dossier => format!("{stem}.json"),
        DocumentKind::Plain => stem,
    }
}

/// Answers with the identical bytes.
pub(crate) async fn answer(
    state: &ApiState,
    actor: &Actor,
    target: ContentTarget,
    request: &HeaderMap,
) -> Result<Response, Failure> {
    let stream = state.exchange.content(actor, target).await?;
    let document = stream.document;
    let body = match stream.body {
        ContentBody::Bytes(bytes) => Body::from(bytes),
        ContentBody::Blob(reader) => streamed(Verbatim(reader)),
    };
    let download = Download {
        file_name: file_name(&document),
        content_type: document.content_type,
        bytes: Some(document.content_bytes),
        sha256: Some(document.content_sha256),
        body,
    };
    Ok(respond(request, download))
}
