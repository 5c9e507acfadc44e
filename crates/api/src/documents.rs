//! Documents: find, follow, fetch, report on. Handing them in stands in `submit`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::id::OrgId;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::vi;
use lgsp_exchange::{
    ContentTarget, DocumentFilter, DocumentKind, Door, EraseReason, StaffReport, StatusReport,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{DocumentErase, DocumentRead, Permitted, StatusReport as ReportPermission};
use crate::json::read_json;
use crate::page::PageRequest;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, id, idempotency_key, json, paged, tagged};
use crate::submit::mark_replayed;
use crate::view::{AcceptedView, ErasureView, SentView, TraceView};
use crate::{attachments, content};

/// A status about a document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    /// 01–06, 13, 15 or 16.
    #[schema(example = "03")]
    code: String,
    /// Required for 02, 13 and 16.
    reason: Option<String>,
    /// When it happened; now by default.
    at: Option<String>,
    /// Who handled it.
    staff: Option<Staff>,
    /// In whose name, for an operator or a system with several agencies: its id.
    organisation_id: Option<String>,
}

/// The status messages that a report became.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportedView {
    /// One to the sender; for 13 one to each recipient.
    messages: Vec<AcceptedView>,
}

/// The person and department behind a status.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Staff {
    department: String,
    name: String,
    email: String,
    mobile: String,
}

/// Report a status
///
/// As the recipient 01–06, 15, 16, or as the sender 13. The report is recorded and forwarded as an edXML status message.
#[utoipa::path(post, path = "/api/v1/documents/{id}/status", tag = "documents",
    params(("id" = String, Path, description = "The document"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Report,
    responses((status = 202, description = "Recorded and on its way", body = ReportedView),
        (status = 404, description = "Unknown document", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "Code or reason", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn report_status(
    State(state): State<ApiState>,
    permitted: Permitted<ReportPermission>,
    Path(document): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let document = id(&document, &kinds::EXCHANGE_DOCUMENT_UNKNOWN)?;
    let idempotency_key = idempotency_key(&headers)?;
    let report: Report = read_json(&headers, body, state.clock.as_ref()).await?;
    let at = report
        .at
        .map(|text| {
            lgsp_base::Timestamp::parse(&text).ok_or_else(|| {
                kinds::INPUT_INVALID
                    .problem()
                    .breaks("/at", rules::TIME.plain())
            })
        })
        .transpose()?;
    let reporter = report
        .organisation_id
        .map(|text| id::<OrgId>(&text, &kinds::ORG_UNKNOWN))
        .transpose()?;
    let accepted = state
        .exchange
        .report_status(
            &permitted.actor,
            document,
            StatusReport {
                code: report.code,
                reason: report.reason.filter(|text| !text.is_empty()),
                at,
                staff: report.staff.map(|staff| StaffReport {
                    department: staff.department,
                    staff: staff.name,
                    email: staff.email,
                    mobile: staff.mobile,
                }),
                reporter,
                idempotency_key,
                door: Door::Api,
            },
        )
        .await?;
    let is_repeat = accepted.iter().all(|message| message.is_repeat);
    let view = ReportedView {
        messages: accepted.into_iter().map(Into::into).collect(),
    };
    let mut response = json(StatusCode::ACCEPTED, &view)?;
    if is_repeat {
        mark_replayed(&mut response);
    }
    Ok(response)
}

/// List documents
///
/// Documents that the caller sent or received, newest first.
#[utoipa::path(get, path = "/api/v1/documents", tag = "documents",
    params(
        ("direction" = Option<String>, Query, description = "`sent` (default) or `received`"),
        ("kind" = Option<String>, Query, description = "`edoc`, `status`, `plain`, `notice` or `dossier`"),
        ("document_id" = Option<String>, Query, description = "The sender's own id"),
        ("q" = Option<String>, Query, description = "Part of the subject, without regard to marks"),
        ("after" = Option<String>, Query, description = "Accepted at or after this time"),
        ("before" = Option<String>, Query, description = "Accepted before this time"),
        ("organisation_id" = Option<String>, Query, description = "Whose, of those for which the caller speaks; all by default"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<SentView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(
        uri.query(),
        &[
            "direction",
            "kind",
            "document_id",
            "q",
            "after",
            "before",
            "organisation_id",
            "page_size",
            "page_token",
        ],
        &[],
    )?;
    let page = PageRequest::of(&query)?;
    let org = query.parse::<OrgId>("organisation_id")?;
    let is_received = match query.text("direction") {
        None | Some("sent") => false,
        Some("received") => true,
        Some(_) => {
            return Err(kinds::INPUT_INVALID
                .problem()
                .breaks(
                    "direction",
                    rules::WORD.with(&[("words", &"sent, received")]),
                )
                .into());
        }
    };
    let filter = DocumentFilter {
        sender: org.filter(|_| !is_received),
        recipient: org.filter(|_| is_received),
        kinds: query.parse::<DocumentKind>("kind")?.into_iter().collect(),
        external_id: query.text("document_id").map(ToOwned::to_owned),
        subject_folded: query.text("q").map(vi::fold),
        from: query.time("after")?,
        to: query.time("before")?,
        before: crate::inbox::cursor(page.after.as_deref())?,
        limit: page.size,
    };
    let rows = if is_received {
        state.exchange.received(&permitted.actor, filter).await?
    } else {
        state.exchange.sent(&permitted.actor, filter).await?
    };
    let next = (rows.len() >= page.size)
        .then(|| rows.last().map(|row| row.document.id.to_string()))
        .flatten();
    let items: Vec<SentView> = rows.into_iter().map(Into::into).collect();
    Ok(paged(&uri, items, next)?)
}

/// Show a document
#[utoipa::path(get, path = "/api/v1/documents/{id}", tag = "documents",
    params(("id" = String, Path, description = "The document")),
    responses((status = 200, description = "The document and its deliveries", body = SentView, headers(("ETag" = String))),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn fetch(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    Path(document): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let document = id(&document, &kinds::EXCHANGE_DOCUMENT_UNKNOWN)?;
    let trace = state.exchange.trace(&permitted.actor, document).await?;
    Ok(tagged(&headers, &SentView::of_trace(trace), None)?)
}

/// Follow a document
#[utoipa::path(get, path = "/api/v1/documents/{id}/trace", tag = "documents",
    params(("id" = String, Path, description = "The document")),
    responses((status = 200, description = "Deliveries, tries, statuses, related documents", body = TraceView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn trace(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    Path(document): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let document = id(&document, &kinds::EXCHANGE_DOCUMENT_UNKNOWN)?;
    let trace = state.exchange.trace(&permitted.actor, document).await?;
    Ok(tagged(&headers, &TraceView::from(trace), None)?)
}

/// Fetch a document's content
///
/// The identical bytes that were handed in. `Range` is not served: the answer is always whole.
#[utoipa::path(get, path = "/api/v1/documents/{id}/content", tag = "documents",
    params(("id" = String, Path, description = "The document")),
    responses((status = 200, description = "The bytes, in the type they came in", body = Vec<u8>, content_type = "*/*",
            headers(("ETag" = String, description = "The SHA-256 of the bytes"))),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 410, description = "The content was erased", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn content(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    Path(document): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let document = id(&document, &kinds::EXCHANGE_DOCUMENT_UNKNOWN)?;
    content::answer(
        &state,
        &permitted.actor,
        ContentTarget::Document(document),
        &headers,
    )
    .await
}

/// Erase a document's content
///
/// The bytes go for good; metadata, digest, deliveries and ledger entries stay, so that every receipt proves what it proved. Erasing
/// again gives the first erasure.
#[utoipa::path(delete, path = "/api/v1/documents/{id}/content", tag = "documents",
    params(("id" = String, Path, description = "The document"),
        ("reason" = String, Query, description = "`retention_ended`, `legal_order`, `personal_data` or `sent_in_error`")),
    responses((status = 200, description = "Erased", body = ErasureView),
        (status = 404, description = "Unknown", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "A delivery is open", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn erase(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentErase>,
    Path(document): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let document = id(&document, &kinds::EXCHANGE_DOCUMENT_UNKNOWN)?;
    let query = Query::read(uri.query(), &["reason"], &[])?;
    let reason = query.parse::<EraseReason>("reason")?.ok_or_else(|| {
        let words = EraseReason::ALL.map(EraseReason::name).join(", ");
        kinds::INPUT_INVALID
            .problem()
            .breaks("reason", rules::WORD.with(&[("words", &words)]))
    })?;
    let erasure = state
        .exchange
        .erase(&permitted.actor, document, reason)
        .await?;
    Ok(json(StatusCode::OK, &ErasureView::from(erasure))?)
}

/// Fetch one attachment
///
/// Unpacked where it was zipped for transport only. Attachments are numbered from 1.
#[utoipa::path(get, path = "/api/v1/documents/{id}/attachments/{number}", tag = "documents",
    params(("id" = String, Path, description = "The document"), ("number" = u32, Path, description = "From 1")),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "Unknown document or attachment", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn attachment(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    Path((document, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let document = id(&document, &kinds::EXCHANGE_DOCUMENT_UNKNOWN)?;
    let number: usize = id(&number, &kinds::ATTACHMENT_NOT_FOUND)?;
    attachments::answer(&state, &permitted.actor, document, number, &headers).await
}
