//! Handing documents in: whole packets, forms and opaque bytes; and taking back, changing or replacing what was sent.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use lgsp_base::id::DocumentId;
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Problem, limits};
use lgsp_exchange::{Accepted, DocumentKind, Door, IntakeKind, Submit};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{DocumentSubmit, Permitted};
use crate::body::{BodyReader, declared_length};
use crate::compose::{Known, Original, Purpose, compose};
use crate::form::Fields;
use crate::json::read_json;
use crate::media::MediaType;
use crate::multipart::{read_form, write_bare};
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{id, idempotency_key, json};
use crate::transfer::take_in;
use crate::view::AcceptedView;

/// Hand a document in
///
/// Three forms of one operation: `multipart/form-data` with text fields and then files, from which an edXML packet is
/// built; an edXML packet as it is (`application/edxml+xml`, `application/xml`, `text/xml`); or any other content type as
/// an opaque document with its parameters in the query. The answer comes after the document is stored durably.
/// Repeating the request with the same `Idempotency-Key` gets the same answer and stores nothing.
#[utoipa::path(post, path = "/api/v1/documents", tag = "documents",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Up to 255 printable characters; required when the document has no id of its own"),
        ("from" = Option<String>, Query, description = "Sender's code; by default that of the token", example = "H99.14"),
        ("to" = Option<Vec<String>>, Query, description = "Recipients' codes, repeated; required for opaque documents, replaces `To` of edXML", example = json!(["H99.131"])),
        ("subject" = Option<String>, Query, description = "Subject of an opaque document"),
        ("document_id" = Option<String>, Query, description = "The sender's own id of an opaque document"),
        ("secrecy" = Option<String>, Query, description = "Anything but `none` refuses the document"),
    ),
    request_body(description = "The document", content(
        (DocumentForm = "multipart/form-data"),
        (String = "application/edxml+xml"),
        (Vec<u8> = "application/octet-stream"),
    )),
    responses(
        (status = 202, description = "Accepted and durable", body = AcceptedView,
            headers(("Location" = String), ("Idempotency-Replayed" = String, description = "`true` on a repetition"))),
        (status = 400, description = "Not valid", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "May not send as `from`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "Conflict of ids or keys", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "Content type", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "Recipients, secrecy, attachments", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 507, description = "Disk nearly full", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn submit(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentSubmit>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let media = MediaType::of(&headers)?;
    if media.essence == "multipart/form-data" {
        Query::read(uri.query(), &[], &[])?;
        return submit_form(&state, permitted.actor, &headers, body, Purpose::New, None).await;
    }
    let query = Query::read(
        uri.query(),
        &["from", "subject", "document_id", "secrecy"],
        &["to"],
    )?;
    let idempotency_key = idempotency_key(&headers)?;
    let kind = if media.is_edxml() {
        IntakeKind::Edxml
    } else {
        IntakeKind::Plain {
            content_type: media.field,
        }
    };
    let declared = declared_length(&headers, limits::DOCUMENT_BYTES_MAX)?;
    let intake = state.exchange.intake(kind, &permitted.actor, declared)?;
    let reader = BodyReader::new(body, limits::DOCUMENT_BYTES_MAX, state.clock.as_ref());
    let content = take_in(reader, intake).await?;
    let text = |name: &str| query.text(name).map(ToOwned::to_owned);
    let accepted = state
        .exchange
        .submit(Submit {
            sender: text("from"),
            recipients: query
                .all("to")
                .flat_map(|list| list.split(','))
                .map(|code| code.trim().to_owned())
                .filter(|code| !code.is_empty())
                .collect(),
            external_id: text("document_id"),
            subject: text("subject"),
            idempotency_key,
            secrecy: text("secrecy"),
            ..Submit::new(permitted.actor, Door::Api, content)
        })
        .await?;
    accepted_answer(accepted)
}

/// The fields of a document as a form. Text fields come before the files.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; `form::Fields` reads it")]
struct DocumentForm {
    /// Sender's code.
    #[schema(example = "H99.14")]
    from: String,
    /// Recipients' codes: repeated, or a list with commas.
    #[schema(example = json!(["H99.131"]))]
    to: Vec<String>,
    /// Number, or number and notation joined by `/`.
    #[schema(example = "123/UBND-KGVX")]
    number: String,
    /// Notation, when `number` is the number alone.
    notation: Option<String>,
    /// Trích yếu.
    #[schema(example = "V/v báo cáo công tác chuyển đổi số quý I")]
    subject: String,
    /// Kind in words; `Công văn` by default.
    type_name: Option<String>,
    /// The sender's own id; `code,date,number/notation` by default.
    document_id: Option<String>,
    /// Date of issue, `yyyy-MM-dd`; today by default.
    date: Option<String>,
    /// Place of issue.
    place: Option<String>,
    /// Summary.
    content: Option<String>,
    /// Deadline, `yyyy-MM-dd`.
    due_date: Option<String>,
    signer_name: Option<String>,
    signer_position: Option<String>,
    signer_competence: Option<String>,
    /// 0 to 4.
    priority: Option<String>,
    /// Anything but `none` refuses the document.
    secrecy: Option<String>,
    /// Why; required for recall, update and replace.
    reason: Option<String>,
    pages: Option<String>,
    copies: Option<String>,
    steering_type: Option<String>,
    /// The attachments.
    #[schema(value_type = Vec<Vec<u8>>)]
    file: Vec<Vec<u8>>,
}

fn accepted_answer(accepted: Accepted) -> Result<Response, Failure> {
    let is_repeat = accepted.is_repeat;
    let view = AcceptedView::from(accepted);
    let mut response = json(StatusCode::ACCEPTED, &view)?;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("/api/v1/documents/{}", view.id)) {
        headers.insert(header::LOCATION, value);
    }
    if is_repeat {
        mark_replayed(&mut response);
    }
    Ok(response)
}

/// Says that an earlier request had done it.
pub(crate) fn mark_replayed(response: &mut Response) {
    response
        .headers_mut()
        .insert("idempotency-replayed", HeaderValue::from_static("true"));
}

fn known(state: &ApiState, code: &str) -> Known {
    let now = state.clock.now();
    let snapshot = state.registry.snapshot();
    snapshot
        .resolve(code, now)
        .recipient()
        .and_then(|org| snapshot.organisation(org))
        .and_then(|org| org.period_near(now))
        .map(|period| Known {
            name: period.name.clone(),
            province: period.province.as_deref().map(ToOwned::to_owned),
        })
        .unwrap_or_default()
}

/// The code of the actor's own organisation.
fn own_code(state: &ApiState, actor: &Actor) -> Option<String> {
    let snapshot = state.registry.snapshot();
    let org = snapshot.organisation(actor.org()?)?;
    Some(org.code_near(state.clock.now()).to_owned())
}

async fn submit_form(
    state: &ApiState,
    actor: Actor,
    headers: &HeaderMap,
    body: Body,
    purpose: Purpose,
    sender: Option<String>,
) -> Result<Response, Failure> {
    let idempotency_key = idempotency_key(headers)?;
    declared_length(headers, limits::DOCUMENT_BYTES_MAX)?;
    let form = read_form(headers, body, state).await?;
    let sender = form
        .fields
        .text("from")
        .map(ToOwned::to_owned)
        .or(sender)
        .or_else(|| own_code(state, &actor))
        .unwrap_or_default();
    let document = compose(
        &form.fields,
        &purpose,
        &sender,
        state.clock.now(),
        &|code| known(state, code),
    )?;
    let secrecy = form.fields.text("secrecy").map(ToOwned::to_owned);
    let request_sha256 = Some(form.request_sha256);
    let intake = state.exchange.intake(IntakeKind::Edxml, &actor, None)?;
    let content = form.write(document, intake).await?;
    let accepted = state
        .exchange
        .submit(Submit {
            idempotency_key,
            request_sha256,
            secrecy,
            ..Submit::new(actor, Door::Api, content)
        })
        .await?;
    accepted_answer(accepted)
}

/// The original as its sender knows it.
async fn original(
    state: &ApiState,
    actor: &Actor,
    document: DocumentId,
) -> Result<(Original, String), Problem> {
    let trace = state.exchange.trace(actor, document).await?;
    let document = trace.document;
    if document.kind != DocumentKind::Edoc {
        return Err(
            kinds::INPUT_INVALID.with("only edXML documents are recalled, updated or replaced")
        );
    }
    let mut receivers: Vec<String> = Vec::new();
    for entry in trace.deliveries {
        if !receivers.contains(&entry.delivery.recipient_code) {
            receivers.push(entry.delivery.recipient_code);
        }
    }
    let original = Original {
        external_id: document.external_id.unwrap_or_default(),
        notation: document.notation.unwrap_or_default(),
        date: document.issued_on.unwrap_or_default(),
        subject: document.subject.unwrap_or_default(),
        type_name: document.type_name.unwrap_or_default(),
        receivers,
    };
    Ok((original, document.sender_code))
}

/// Why a document is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recall {
    /// In words.
    #[schema(example = "Ban hành nhầm thời hạn")]
    reason: String,
    /// From whom; from every recipient by default.
    #[serde(default)]
    to: Vec<String>,
}

/// Recall a document
///
/// Sends a recall packet (`BussinessDocType` 1) to the recipients. Where a recipient has not seen the document yet, it is
/// cancelled at once; otherwise the recipient answers with status 15 or 16.
#[utoipa::path(post, path = "/api/v1/documents/{id}/recall", tag = "documents",
    params(("id" = String, Path, description = "The document"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = Recall,
    responses((status = 202, description = "The recall is on its way", body = AcceptedView),
        (status = 404, description = "Unknown document", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn recall(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentSubmit>,
    Path(document): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let document = id(&document, &kinds::EXCHANGE_DOCUMENT_UNKNOWN)?;
    let idempotency_key = idempotency_key(&headers)?;
    let recall: Recall = read_json(&headers, body, state.clock.as_ref()).await?;
    let (original, sender) = original(&state, &permitted.actor, document).await?;
    let mut fields = Fields::default();
    // The rules are those of a form, the place is the JSON body.
    let of_json = |problem: Problem| Problem {
        kind: &kinds::INPUT_INVALID,
        ..problem
    };
    fields
        .add("reason", recall.reason.as_bytes())
        .map_err(of_json)?;
    for code in &recall.to {
        fields.add("to", code.as_bytes()).map_err(of_json)?;
    }
    let packet = compose(
        &fields,
        &Purpose::Recall(original),
        &sender,
        state.clock.now(),
        &|code| known(&state, code),
    )?;
    let intake = state
        .exchange
        .intake(IntakeKind::Edxml, &permitted.actor, None)?;
    let content = write_bare(packet, intake).await?;
    let accepted = state
        .exchange
        .submit(Submit {
            idempotency_key,
            ..Submit::new(permitted.actor, Door::Api, content)
        })
        .await?;
    accepted_answer(accepted)
}

/// Update a document
///
/// The form of `POST /documents` with `reason`; fields that are left out keep the original's values.
#[utoipa::path(post, path = "/api/v1/documents/{id}/update", tag = "documents",
    params(("id" = String, Path, description = "The document"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body(content = DocumentForm, content_type = "multipart/form-data"),
    responses((status = 202, description = "The update is on its way", body = AcceptedView),
        (status = 404, description = "Unknown document", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn update(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentSubmit>,
    Path(document): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    submit_about(
        &state,
        permitted,
        &document,
        Purpose::Update,
        &headers,
        body,
    )
    .await
}

/// Replace a document
///
/// The form of `POST /documents` with `reason`: a document with its own number that takes the place of the original.
#[utoipa::path(post, path = "/api/v1/documents/{id}/replace", tag = "documents",
    params(("id" = String, Path, description = "The document"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body(content = DocumentForm, content_type = "multipart/form-data"),
    responses((status = 202, description = "The replacement is on its way", body = AcceptedView),
        (status = 404, description = "Unknown document", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn replace(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentSubmit>,
    Path(document): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    submit_about(
        &state,
        permitted,
        &document,
        Purpose::Replace,
        &headers,
        body,
    )
    .await
}

/// A form about an earlier document.
async fn submit_about(
    state: &ApiState,
    permitted: Permitted<DocumentSubmit>,
    document: &str,
    purpose: fn(Original) -> Purpose,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    MediaType::of(headers)?.require("multipart/form-data")?;
    let document = id(document, &kinds::EXCHANGE_DOCUMENT_UNKNOWN)?;
    let (original, sender) = original(state, &permitted.actor, document).await?;
    submit_form(
        state,
        permitted.actor,
        headers,
        body,
        purpose(original),
        Some(sender),
    )
    .await
}
