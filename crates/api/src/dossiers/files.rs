//! Files of a dossier: in and out as streams, and by links that end.
//!
//! The name of a file may name a person, so it stands in a header field and never in an address; what stands in the address of a link
//! are ids, a time and an authenticator.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use lgsp_base::id::{DossierFileId, SystemId};
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Problem, Timestamp, limits};
use lgsp_exchange::dossier::{Audience, DossierError, FileContent, FileIntake, FileKind, NewFile};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::FileView;
use super::{reference, word_of};
use crate::ApiState;
use crate::auth::{DossierRead, DossierSubmit, Permitted, PermittedBasic, whoever};
use crate::body::BodyReader;
use crate::download::{Download, respond};
use crate::json::read_json;
use crate::media::MediaType;
use crate::organisations::find;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{id, json, once};
use crate::transfer::{BATCH_BYTES, Verbatim, blocking, streamed};

/// Store a file of a dossier
///
/// The body is the file, up to 50 MB; its name stands in `Content-Disposition`, as it may name a person. It is sealed while it comes in. The same file of the same name again gives the
/// one that is there.
#[utoipa::path(post, path = "/api/v1/dossiers/{id}/files", tag = "dossiers",
    params(("id" = String, Path, description = "Its id or its code"),
        ("kind" = Option<String>, Query, description = "`paper`, which is the default, or `result`"),
        ("Content-Disposition" = String, Header, description = "The file's name", example = "attachment; filename*=UTF-8''don-de-nghi.pdf")),
    request_body(content = Vec<u8>, content_type = "*/*", description = "The bytes"),
    responses((status = 201, description = "Stored", body = FileView, headers(("Location" = String))),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Larger than 50 MB", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn file_store(
    State(state): State<ApiState>,
    permitted: PermittedBasic<DossierSubmit>,
    Path(dossier): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["kind"], &[])?;
    let kinds = FileKind::ALL.iter().map(|kind| kind.name());
    let new = NewFile {
        name: file_name(&headers)?,
        media_type: MediaType::of(&headers)?.field,
        kind: word_of(query.text("kind").unwrap_or("paper"), "kind", kinds)?,
        declared_len: headers
            .get(header::CONTENT_LENGTH)
            .and_then(|field| field.to_str().ok()?.parse().ok()),
    };
    let which = reference(&dossier)?;
    let intake = state
        .dossiers
        .file_begin(&permitted.actor, &which, new)
        .await?;
    // The intake counts; the reader sees to it that the bytes keep coming.
    let reader = BodyReader::new(body, u64::MAX, state.clock.as_ref());
    let intake = take_in(reader, intake).await?;
    let stored = state.dossiers.file_store(&permitted.actor, intake).await?;
    let place = format!("/api/v1/dossier-files/{}", stored.id);
    let mut response = json(StatusCode::CREATED, &FileView::from(stored))?;
    if let Ok(value) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    Ok(response)
}

async fn take_in(
    mut reader: BodyReader<'_>,
    mut intake: FileIntake,
) -> Result<FileIntake, Problem> {
    let (mut batch, mut waiting) = (Vec::new(), 0);
    while let Some(piece) = reader.next().await? {
        waiting += piece.len();
        batch.push(piece);
        if waiting >= BATCH_BYTES {
            intake = push_batch(intake, std::mem::take(&mut batch)).await?;
            waiting = 0;
        }
    }
    push_batch(intake, batch).await
}

async fn push_batch(mut intake: FileIntake, batch: Vec<Bytes>) -> Result<FileIntake, Problem> {
    let pushed = blocking(move || {
        batch.iter().try_for_each(|piece| intake.push(piece))?;
        Ok::<_, DossierError>(intake)
    });
    Ok(pushed.await??)
}

/// The name in `Content-Disposition` (RFC 6266): `filename*` in UTF-8, otherwise `filename`; its last part, as it is no path.
///
/// # Errors
/// `input.invalid` without a name.
fn file_name(headers: &HeaderMap) -> Result<String, Problem> {
    let missing = || {
        kinds::INPUT_INVALID
            .problem()
            .breaks("Content-Disposition", rules::REQUIRED.plain())
    };
    let field = headers
        .get(header::CONTENT_DISPOSITION)
        .ok_or_else(missing)?;
    let field = std::str::from_utf8(field.as_bytes()).map_err(|_| missing())?;
    let of = |wanted: &str| {
        field.split(';').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| value.trim())
        })
    };
    let encoded = of("filename*").and_then(|value| {
        let (charset, rest) = value.split_once('\'')?;
        let (_, text) = rest.split_once('\'')?;
        charset
            .eq_ignore_ascii_case("utf-8")
            .then(|| crate::query::decode_percent(text))?
    });
    let name = encoded
        .or_else(|| of("filename").map(|value| value.trim_matches('"').to_owned()))
        .ok_or_else(missing)?;
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() {
        return Err(missing());
    }
    Ok(name.to_owned())
}

fn answer(request: &HeaderMap, content: FileContent) -> Response {
    let file = content.file;
    let download = Download {
        content_type: file.media_type,
        bytes: Some(file.bytes),
        sha256: file.sha256,
        file_name: file.name,
        body: streamed(Verbatim(Box::new(content.body))),
    };
    respond(request, download)
}

/// Fetch a file of a dossier
///
/// For systems of parties; the look is recorded. `Range` is not served.
#[utoipa::path(get, path = "/api/v1/dossier-files/{id}", tag = "dossiers",
    params(("id" = String, Path, description = "The file, `dfl_…`")),
    responses((status = 200, description = "The bytes, in the type they came in", body = Vec<u8>, content_type = "*/*",
            headers(("ETag" = String, description = "The SHA-256 of the bytes"))),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 410, description = "The dossier was erased", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn file_fetch(
    State(state): State<ApiState>,
    permitted: PermittedBasic<DossierRead>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let file: DossierFileId = id(&file, &kinds::DOSSIER_FILE_UNKNOWN)?;
    let content = state.dossiers.file_open(&permitted.actor, file).await?;
    Ok(answer(&headers, content))
}

/// A link that is made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "H99.14", "seconds": 900}))]
pub(crate) struct MakeLink {
    /// For whom: a system's id, an organisation (id or code), whose receiving system it is then, or `bearer` for whoever has the link.
    to: String,
    /// How long it opens.
    seconds: Option<u64>,
}

/// A link to a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkView {
    /// The path under this server's address.
    path: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Make a link to a file of a dossier
///
/// It opens for its system alone (or for whoever has it, if made so), and only for a time.
#[utoipa::path(post, path = "/api/v1/dossier-files/{id}/links", tag = "dossiers", request_body = MakeLink,
    params(("id" = String, Path, description = "The file, `dfl_…`")),
    responses((status = 201, description = "Made", body = LinkView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn link_make(
    State(state): State<ApiState>,
    permitted: Permitted<DossierRead>,
    Path(file): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let file: DossierFileId = id(&file, &kinds::DOSSIER_FILE_UNKNOWN)?;
    let request: MakeLink = read_json(&headers, body, state.clock.as_ref()).await?;
    let audience = audience(&state, &request.to)?;
    let life = request.seconds.map(Duration::from_secs);
    if life.is_some_and(|life| life.is_zero()) {
        let max = limits::DOSSIER_LINK_LIFE_MAX.as_secs();
        let range = rules::RANGE.with(&[("min", &1), ("max", &max)]);
        return Err(kinds::INPUT_INVALID
            .problem()
            .breaks("/seconds", range)
            .into());
    }
    let link = state
        .dossiers
        .link_make(&permitted.actor, file, audience, life)
        .await?;
    let view = LinkView {
        path: format!("/tep/{}", link.token),
        expires_at: link.expires_at,
    };
    Ok(once(json(StatusCode::CREATED, &view)?))
}

fn audience(state: &ApiState, to: &str) -> Result<Audience, Problem> {
    if to == "bearer" {
        return Ok(Audience::Bearer);
    }
    let snapshot = state.registry.snapshot();
    if let Ok(system) = to.parse::<SystemId>() {
        return match snapshot.system(system) {
            Some(system) => Ok(Audience::System(system.id)),
            None => Err(kinds::SYSTEM_UNKNOWN.problem()),
        };
    }
    let org = find(&snapshot, to)?;
    match snapshot.receiver(org.id) {
        Some(system) => Ok(Audience::System(system.id)),
        None => Err(kinds::SYSTEM_UNKNOWN.problem()),
    }
}

/// Open a link to a file
///
/// The caller says who it is, with a token or with Basic, unless the link is for whoever has it. The look is recorded.
#[utoipa::path(get, path = "/tep/{link}", tag = "one-stop", security(()),
    params(("link" = String, Path, description = "As it was made")),
    responses((status = 200, description = "The bytes, in the type they came in", body = Vec<u8>, content_type = "*/*"),
        (status = 403, description = "Made for another system", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "Not a link of ours", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 410, description = "Its time is up", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn link_open(
    State(state): State<ApiState>,
    Path(link): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let caller: Option<Actor> = whoever(&headers, &state)?;
    let content = state.dossiers.link_open(&link, caller.as_ref()).await?;
    Ok(answer(&headers, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path() {
        let name = |field: &str| {
            let mut headers = HeaderMap::new();
            let field = HeaderValue::from_bytes(field.as_bytes()).expect("a field");
            headers.insert(header::CONTENT_DISPOSITION, field);
            file_name(&headers).ok()
        };
        for (field, expected) in [
            ("attachment; filename=\"a.pdf\"", Some("a.pdf")),
            ("attachment; filename=\"../../a.pdf\"", Some("a.pdf")),
            ("attachment; filename=\"C:\\x\\a.pdf\"", Some("a.pdf")),
            (
                "attachment; filename=\"x\"; filename*=UTF-8''%C4%90%C6%A1n.pdf",
                Some("Đơn.pdf"),
            ),
            ("attachment; filename*=UTF-8''%zz", None),
            ("attachment", None),
            ("attachment; filename=\"\"", None),
        ] {
            assert_eq!(name(field).as_deref(), expected, "{field}");
        }
    }
}
