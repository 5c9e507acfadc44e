//! What a sealed entry says, as far as it matters here.

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId};
use lgsp_store::exchange::DocumentKind;
use lgsp_store::insight::RecipientState;
use lgsp_store::ledger::SealedEntry;
use lgsp_wire::record::{Record, Value};

/// One sealed entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its leaf.
    pub(crate) leaf: u64,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// What happened.
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A document was accepted.
    Accepted(Accepted),
    /// A document was refused.
    Refused {
        /// The organisation whose application handed it in.
        org: Option<OrgId>,
        /// The problem's code.
        code: String,
    },
    /// Something happened to a delivery.
    Delivery(DeliveryEvent),
    /// A content was erased.
    Erased {
        /// Of this document.
        document: DocumentId,
        /// Its sender.
        sender: Option<OrgId>,
    },
    /// Something that is no business of documents, or that this version does not know.
    Other,
}

/// A document was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) document: DocumentId,
    pub(crate) kind: DocumentKind,
    pub(crate) business_type: Option<u8>,
    pub(crate) sender: OrgId,
    pub(crate) deliveries: Vec<(DeliveryId, OrgId)>,
}

/// Something happened to a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryEvent {
    pub(crate) document: DocumentId,
    pub(crate) delivery: DeliveryId,
    pub(crate) sender: Option<OrgId>,
    pub(crate) recipient: OrgId,
    pub(crate) step: Step,
}

/// What happened to a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A try failed, or the recipient refused; it goes on.
    Failed {
        cause: Option<String>,
        number: u64,
        next_at: Option<Timestamp>,
        is_refusal: bool,
    },
    /// It reached a final state.
    Closed {
        state: RecipientState,
        cause: Option<String>,
    },
    /// It set out again under a new id.
    Resent,
    /// A status report came in.
    Status { code: String, moved: bool },
}

/// Reads a leaf. An entry that cannot be read is [`What::Other`]: the ledger's own checks are for that, and a projector
/// that stops would hide everything behind it.
pub(crate) fn read(leaf: &SealedEntry) -> Event {
    let what = Record::decode(&leaf.entry.record)
        .ok()
        .and_then(|record| what(&leaf.entry.kind, &record));
    Event {
        leaf: leaf.leaf,
        at: leaf.entry.at,
        what: what.unwrap_or(What::Other),
    }
}

fn what(kind: &str, record: &Record) -> Option<What> {
    let closed = |state| Step::Closed {
        state,
        cause: text(record, "cause"),
    };
    let step = match kind {
        "document.accepted" => return accepted(record).map(What::Accepted),
        "submit.refused" => {
            return Some(What::Refused {
                org: id(record, "org"),
                code: text(record, "code").unwrap_or_default(),
            });
        }
        "document.erased" => {
            return Some(What::Erased {
                document: id(record, "document")?,
                sender: id(record, "sender"),
            });
        }
        "delivery.confirmed" => closed(RecipientState::Confirmed),
        "delivery.parked" => closed(RecipientState::Parked),
        "delivery.dead" => closed(RecipientState::Dead),
        "delivery.expired" => closed(RecipientState::Expired),
        "delivery.cancelled" => closed(RecipientState::Cancelled),
        "delivery.resent" => Step::Resent,
        "delivery.attempt_failed" | "delivery.refused" => Step::Failed {
            cause: text(record, "cause"),
            number: record
                .integer("number")
                .and_then(|number| u64::try_from(number).ok())
                .unwrap_or(1),
            next_at: record.integer("next_at").map(Timestamp::from_micros),
            is_refusal: kind == "delivery.refused",
        },
        "status.reported" => Step::Status {
            code: text(record, "code")?,
            moved: record.get("moved") == Some(&Value::Bool(true)),
        },
        _ => return None,
    };
    Some(What::Delivery(DeliveryEvent {
        document: id(record, "document")?,
        delivery: id(record, "delivery")?,
        sender: id(record, "sender"),
        recipient: id(record, "recipient")?,
        step,
    }))
}

fn accepted(record: &Record) -> Option<Accepted> {
    let deliveries = match record.get("deliveries") {
        Some(Value::List(list)) => list.iter().filter_map(delivery).collect(),
        _ => Vec::new(),
    };
    Some(Accepted {
        document: id(record, "document")?,
        kind: record.text("document_kind")?.parse().ok()?,
        business_type: record
            .integer("business_type")
            .and_then(|value| u8::try_from(value).ok()),
        sender: id(record, "sender")?,
        deliveries,
    })
}

fn delivery(value: &Value) -> Option<(DeliveryId, OrgId)> {
    match value {
        Value::Map(record) => Some((id(record, "delivery")?, id(record, "recipient")?)),
        _ => None,
    }
}

fn text(record: &Record, key: &str) -> Option<String> {
    record.text(key).map(str::to_owned)
}

fn id<T: std::str::FromStr>(record: &Record, key: &str) -> Option<T> {
    record.text(key)?.parse().ok()
}
