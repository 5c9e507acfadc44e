//! Documents and deliveries as the API shows them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lgsp_base::id::{DeliveryId, DocumentId, ReceiptId, StatusId, SystemId};
use lgsp_base::{Sha256, Timestamp};
use lgsp_exchange::{
    Accepted, Attempt, Delivery, Document, Erasure, InboxItem, SentRow, Status, Trace,
    TraceDelivery,
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::problem::{Facts, ProblemDocument};

/// The answer to a document that was handed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "doc_01jqcy4m9ze5b8q6p6b0w7h3tn", "receipt_id": "rcp_01jqcy4m9zh9y1a2b3c4d5e6f7", "status": "accepted",
    "kind": "edoc", "accepted_at": "2026-03-12T01:00:00.000000Z",
    "sha256": "ac0db05429d4cd7271bead862270dc0885611bb0374aa72b89bd901bb92cf7cc", "bytes": 5120,
    "deliveries": [{"id": "dlv_01jqcy4m9zk1m2n3p4q5r6s7t8", "to": "H99.131", "seq": 1}],
    "trace": "/api/v1/documents/doc_01jqcy4m9ze5b8q6p6b0w7h3tn/trace"
}))]
pub(crate) struct AcceptedView {
    /// The document.
    #[schema(value_type = String)]
    pub(crate) id: DocumentId,
    /// The sender's receipt: an entry of the ledger.
    #[schema(value_type = String)]
    receipt_id: ReceiptId,
    /// Always `accepted`: stored durably.
    status: &'static str,
    /// `edoc`, `status` or `plain`.
    kind: &'static str,
    /// RFC 3339, UTC.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// Digest of the stored bytes.
    #[schema(value_type = String)]
    sha256: Sha256,
    /// How many bytes are stored.
    bytes: u64,
    /// One per recipient.
    deliveries: Vec<AcceptedDeliveryView>,
    /// Where to follow it.
    trace: String,
}

/// One recipient in the answer to a submit.
#[derive(Debug, Serialize, ToSchema)]
struct AcceptedDeliveryView {
    /// The delivery.
    #[schema(value_type = String)]
    id: DeliveryId,
    /// The recipient's code now.
    to: String,
    /// The closed code that was named, if its successor receives.
    #[serde(skip_serializing_if = "Option::is_none")]
    routed_from: Option<String>,
    /// Number within the pair of sender and recipient.
    seq: i64,
}

impl From<Accepted> for AcceptedView {
    fn from(accepted: Accepted) -> Self {
        Self {
            trace: format!("/api/v1/documents/{}/trace", accepted.document),
            id: accepted.document,
            receipt_id: accepted.receipt,
            status: "accepted",
            kind: accepted.kind.name(),
            accepted_at: accepted.accepted_at,
            sha256: accepted.content_sha256,
            bytes: accepted.content_bytes,
            deliveries: accepted
                .deliveries
                .into_iter()
                .map(|delivery| AcceptedDeliveryView {
                    id: delivery.id,
                    to: delivery.recipient_code,
                    routed_from: delivery.routed_from,
                    seq: delivery.seq,
                })
                .collect(),
        }
    }
}

/// A document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentView {
    /// The document.
    #[schema(value_type = String)]
    id: DocumentId,
    /// `edoc`, `status`, `plain`, `notice` or `dossier`.
    kind: &'static str,
    /// 0 new, 1 recall, 2 update, 3 replace; edXML documents only.
    business_type: Option<u8>,
    /// The sender's code, as the document names it.
    from: String,
    /// The sender's own id.
    external_id: Option<String>,
    /// Number and notation.
    notation: Option<String>,
    /// Trích yếu.
    subject: Option<String>,
    /// Date of issue, `yyyy/MM/dd`.
    issued_on: Option<String>,
    /// Kind in words.
    type_name: Option<String>,
    /// Urgency, 0 to 4.
    priority: Option<String>,
    /// The document that this one is about.
    #[schema(value_type = Option<String>)]
    original_id: Option<DocumentId>,
    /// Media type of the content.
    content_type: String,
    /// Bytes of the content.
    bytes: u64,
    /// Digest of the content.
    #[schema(value_type = String)]
    sha256: Sha256,
    /// Its attachments, numbered from 1 for download.
    #[schema(value_type = Vec<Object>)]
    attachments: serde_json::Value,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// When open deliveries end.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The sender's receipt.
    #[schema(value_type = String)]
    receipt_id: ReceiptId,
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        Self {
            id: document.id,
            kind: document.kind.name(),
            business_type: document.business_type,
            from: document.sender_code,
            external_id: document.external_id,
            notation: document.notation,
            subject: document.subject,
            issued_on: document.issued_on,
            type_name: document.type_name,
            priority: document.priority,
            original_id: document.original,
            content_type: document.content_type,
            bytes: document.content_bytes,
            sha256: document.content_sha256,
            attachments: document
                .attachments
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_else(|| serde_json::Value::Array(Vec::new())),
            accepted_at: document.accepted_at,
            expires_at: document.expires_at,
            receipt_id: document.receipt,
        }
    }
}

/// One document on its way to one recipient.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// The delivery.
    #[schema(value_type = String)]
    id: DeliveryId,
    /// The document.
    #[schema(value_type = String)]
    document_id: DocumentId,
    /// The recipient's code.
    to: String,
    /// The code that the document names.
    addressed_to: String,
    /// Number within the pair of sender and recipient.
    seq: i64,
    /// `waiting`, `leased`, `delivered`, `parked`, `dead`, `expired` or `cancelled`.
    state: &'static str,
    /// Hand-overs so far.
    attempts: i64,
    /// Refusals so far.
    refusals: i64,
    /// Why it is where it is, a stable word.
    cause: Option<String>,
    /// More about it.
    cause_detail: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the content was handed over last.
    #[schema(value_type = Option<String>, format = DateTime)]
    offered_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Timestamp>,
    /// The next push.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// When it expires.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The recipient's receipt.
    #[schema(value_type = Option<String>)]
    receipt_id: Option<ReceiptId>,
    /// The system that confirmed it.
    #[schema(value_type = Option<String>)]
    confirmed_by: Option<SystemId>,
    /// The recipient's status, 01 to 06.
    status_code: Option<String>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    status_at: Option<Timestamp>,
    /// 13, 15 or 16.
    side_status: Option<String>,
    /// The delivery that this one repeats.
    #[schema(value_type = Option<String>)]
    resend_of: Option<DeliveryId>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            document_id: delivery.document,
            to: delivery.recipient_code,
            addressed_to: delivery.addressed_code,
            seq: delivery.seq,
            state: delivery.state.name(),
            attempts: delivery.attempts,
            refusals: delivery.refusals,
            cause: delivery.cause,
            cause_detail: delivery.cause_detail,
            created_at: delivery.created_at,
            offered_at: delivery.offered_at,
            closed_at: delivery.closed_at,
            next_attempt_at: delivery.next_attempt_at,
            expires_at: delivery.expires_at,
            receipt_id: delivery.receipt,
            confirmed_by: delivery.confirmed_by,
            status_code: delivery.status_code,
            status_at: delivery.status_at,
            side_status: delivery.side_status,
            resend_of: delivery.resend_of,
        }
    }
}

/// That and why a content was erased.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "erased_at": "2026-11-05T03:10:00.000000Z", "erased_by": "tok_01jqcy4m9ze5b8q6p6b0w7h3tn", "reason": "personal_data"
}))]
pub(crate) struct ErasureView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    erased_at: Timestamp,
    /// By whom.
    erased_by: String,
    /// `retention_ended`, `legal_order`, `personal_data` or `sent_in_error`.
    reason: String,
}

impl From<Erasure> for ErasureView {
    fn from(erasure: Erasure) -> Self {
        Self {
            erased_at: erasure.at,
            erased_by: erasure.by,
            reason: erasure.reason,
        }
    }
}

/// A document with its deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentView {
    #[serde(flatten)]
    document: DocumentView,
    /// Those that the caller may see.
    deliveries: Vec<DeliveryView>,
}

impl From<SentRow> for SentView {
    fn from(row: SentRow) -> Self {
        Self {
            document: row.document.into(),
            deliveries: row.deliveries.into_iter().map(Into::into).collect(),
        }
    }
}

impl SentView {
    /// The short form of a trace.
    pub(crate) fn of_trace(trace: Trace) -> Self {
        Self {
            document: trace.document.into(),
            deliveries: trace
                .deliveries
                .into_iter()
                .map(|entry| entry.delivery.into())
                .collect(),
        }
    }
}

/// Everything that the caller may see about one document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceView {
    document: DocumentView,
    /// The sender's name now.
    from_name: Option<String>,
    deliveries: Vec<TraceDeliveryView>,
    /// Recalls, updates, replacements, status messages and notices about it, oldest first.
    related: Vec<DocumentView>,
    /// The document that this one is about.
    original: Option<DocumentView>,
    /// That and why the content was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    erasure: Option<ErasureView>,
}

/// One delivery in a trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceDeliveryView {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// The recipient's name now.
    to_name: Option<String>,
    /// True while the recipient has no system that could fetch it.
    waits_for_system: bool,
    /// Its tries.
    attempt_list: Vec<AttemptView>,
    /// The reports about it, in order of arrival.
    statuses: Vec<StatusView>,
}

/// One try.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptView {
    /// From 1.
    number: i64,
    /// `inbox`, `axis` or `webhook`.
    transport: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    outcome: Option<String>,
    cause: Option<String>,
    detail: Option<String>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            transport: attempt.transport,
            started_at: attempt.started_at,
            finished_at: attempt.finished_at,
            outcome: attempt.outcome,
            cause: attempt.cause,
            detail: attempt.detail,
        }
    }
}

/// One report.
#[derive(Debug, Serialize, ToSchema)]
struct StatusView {
    #[schema(value_type = String)]
    id: StatusId,
    /// 01–06, 13, 15, 16.
    code: String,
    reason: Option<String>,
    /// When it happened, as reported.
    #[schema(value_type = Option<String>, format = DateTime)]
    reported_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// True if the recipient's state went forward with it.
    moved: bool,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        Self {
            id: status.id,
            code: status.code,
            reason: status.reason,
            reported_at: status.reported_at,
            received_at: status.received_at,
            moved: status.moved,
        }
    }
}

impl From<TraceDelivery> for TraceDeliveryView {
    fn from(entry: TraceDelivery) -> Self {
        Self {
            delivery: entry.delivery.into(),
            to_name: entry.recipient_name,
            waits_for_system: entry.waits_for_system,
            attempt_list: entry.attempts.into_iter().map(Into::into).collect(),
            statuses: entry.statuses.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Trace> for TraceView {
    fn from(trace: Trace) -> Self {
        Self {
            document: trace.document.into(),
            from_name: trace.sender_name,
            deliveries: trace.deliveries.into_iter().map(Into::into).collect(),
            related: trace.related.into_iter().map(Into::into).collect(),
            original: trace.original.map(Into::into),
            erasure: trace.erasure.map(Into::into),
        }
    }
}

/// One delivery in an inbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InboxItemView {
    /// The delivery: what is acknowledged.
    #[schema(value_type = String)]
    id: DeliveryId,
    /// The document.
    #[schema(value_type = String)]
    document_id: DocumentId,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_name: Option<String>,
    to: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Number within the pair of sender and recipient: acknowledge in this order.
    seq: i64,
    /// How often the content was handed over.
    attempt: i64,
    content_type: String,
    bytes: u64,
    #[schema(value_type = String)]
    sha256: Sha256,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The content in base64, with `include=content` and if it is small; otherwise fetch it.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Box<RawValue>>,
    /// Where to fetch the content.
    content_url: String,
    /// Set instead of content that is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemDocument>,
}

/// Bytes as a JSON text in base64, ready to be copied: nothing in it needs an escape, and a page holds megabytes of it.
fn base64_text(bytes: &[u8]) -> Option<Box<RawValue>> {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4 + 2);
    text.push('"');
    STANDARD.encode_string(bytes, &mut text);
    text.push('"');
    RawValue::from_string(text).ok()
}

impl InboxItemView {
    /// From an item of the exchange.
    pub(crate) fn new(item: InboxItem, facts: &Facts) -> Self {
        Self {
            id: item.delivery,
            document_id: item.document,
            from: item.sender_code,
            from_name: item.sender_name,
            to: item.recipient_code,
            kind: item.kind.name(),
            business_type: item.business_type,
            external_id: item.external_id,
            notation: item.notation,
            subject: item.subject,
            seq: item.seq,
            attempt: item.attempt,
            content_type: item.content_type,
            bytes: item.content_bytes,
            sha256: item.content_sha256,
            created_at: item.created_at,
            content: item.content.as_deref().and_then(base64_text),
            content_url: format!("/api/v1/deliveries/{}/content", item.delivery),
            problem: item.problem.as_ref().map(|problem| facts.document(problem)),
        }
    }
}
