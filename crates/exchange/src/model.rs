//! What callers give and get.

use lgsp_base::id::{DeliveryId, DocumentId, OrgId, ReceiptId};
use lgsp_base::{Actor, Problem, Sha256, Timestamp};
use lgsp_store::exchange::{Attempt, Delivery, Document, DocumentKind, Erasure, Status};

use crate::intake::Content;

/// Through which door a document comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The REST API.
    Api,
    /// The document axis (VXP).
    Axis,
    /// The platform itself: notices.
    Platform,
}

impl Door {
    /// The word in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Door::Api => "api",
            Door::Axis => "axis",
            Door::Platform => "platform",
        }
    }
}

/// A document handed in.
#[derive(Debug)]
pub struct Submit {
    /// Who hands it in.
    pub actor: Actor,
    /// Through which door.
    pub door: Door,
    /// The content, taken in whole.
    pub content: Content,
    /// The sender's code. edXML: must name the same organisation as `From` when given. Plain: the actor's organisation
    /// when not given.
    pub sender: Option<String>,
    /// The recipients' codes. edXML: replaces `To` when not empty.
    pub recipients: Vec<String>,
    /// Plain: the sender's own id.
    pub external_id: Option<String>,
    /// Plain: the subject.
    pub subject: Option<String>,
    /// Repetitions with this key get the original answer. Kept for `limits::IDEMPOTENCY_KEY_DAYS`.
    pub idempotency_key: Option<String>,
    /// What a repetition of the key is compared by; by default the content with sender and recipients. A door that
    /// builds the content itself gives the digest of the request instead.
    pub request_sha256: Option<Sha256>,
    /// The secrecy field of the request; anything but the words for "not secret" refuses the document (R-DOC-09).
    pub secrecy: Option<String>,
}

impl Submit {
    /// A submit with nothing but its content.
    pub const fn new(actor: Actor, door: Door, content: Content) -> Self {
        Self {
            actor,
            door,
            content,
            sender: None,
            recipients: Vec::new(),
            external_id: None,
            subject: None,
            idempotency_key: None,
            request_sha256: None,
            secrecy: None,
        }
    }
}

/// The answer to a submit. It is given after the sync; a repetition gets the same values with `is_repeat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The document's id.
    pub document: DocumentId,
    /// The sender's receipt.
    pub receipt: ReceiptId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// True if an earlier request had stored it.
    pub is_repeat: bool,
    /// What it is.
    pub kind: DocumentKind,
    /// One per recipient.
    pub deliveries: Vec<AcceptedDelivery>,
    /// Bytes of the content.
    pub content_bytes: u64,
    /// Digest of the content.
    pub content_sha256: Sha256,
}

/// One recipient in the answer to a submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedDelivery {
    /// The delivery's id.
    pub id: DeliveryId,
    /// The recipient's preferred code.
    pub recipient_code: String,
    /// The closed code that the message named, if the successor gets it.
    pub routed_from: Option<String>,
    /// Number within the pair of sender and recipient.
    pub seq: i64,
}

/// Which part of an inbox is wanted.
#[derive(Debug, Clone, Default)]
pub struct InboxQuery {
    /// Whose inbox: an operator must say, a system may narrow.
    pub org: Option<OrgId>,
    /// Only these kinds; empty: all.
    pub kinds: Vec<DocumentKind>,
    /// Only behind this cursor.
    pub after: Option<InboxCursor>,
    /// At most so many, `1..=limits::PAGE_SIZE_MAX`; 0 stands for `limits::PAGE_SIZE_DEFAULT`.
    pub limit: usize,
    /// True to get small bodies too, up to `limits::INBOX_CONTENT_BYTES_MAX` per page; counts as a hand-over.
    pub with_content: bool,
    /// Only made at or after this time.
    pub from: Option<Timestamp>,
    /// Only made before this time.
    pub to: Option<Timestamp>,
}

/// A place in an inbox. As text: position and delivery joined by `.`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboxCursor {
    /// Place in the order.
    pub position: i64,
    /// The delivery at that place.
    pub delivery: DeliveryId,
}

impl std::fmt::Display for InboxCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.position, self.delivery)
    }
}

impl std::str::FromStr for InboxCursor {
    type Err = NotACursor;
    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (position, delivery) = text.split_once('.').ok_or(NotACursor)?;
        Ok(Self {
            position: position.parse().map_err(|_| NotACursor)?,
            delivery: delivery.parse().map_err(|_| NotACursor)?,
        })
    }
}

/// The text is no cursor of an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a page token")]
pub struct NotACursor;

/// One delivery in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxItem {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The document.
    pub document: DocumentId,
    /// The sender's code as the message names it.
    pub sender_code: String,
    /// The sender's name now.
    pub sender_name: Option<String>,
    /// The recipient's code.
    pub recipient_code: String,
    /// What it is.
    pub kind: DocumentKind,
    /// 0 new, 1 recall, 2 update, 3 replace.
    pub business_type: Option<u8>,
    /// The sender's own id.
    pub external_id: Option<String>,
    /// Number and notation.
    pub notation: Option<String>,
    /// Trích yếu.
    pub subject: Option<String>,
    /// Number within the pair.
    pub seq: i64,
    /// How often the content was handed over, this time included if `content` is here.
    pub attempt: i64,
    /// Bytes of the content.
    pub content_bytes: u64,
    /// Digest of the content.
    pub content_sha256: Sha256,
    /// Media type.
    pub content_type: String,
    /// When the delivery was made.
    pub created_at: Timestamp,
    /// When the content was handed over last, before this page.
    pub offered_at: Option<Timestamp>,
    /// The content, compared with its digest, if it was asked for and fits the page.
    pub content: Option<Vec<u8>>,
    /// Set instead of content that is damaged.
    pub problem: Option<Problem>,
    /// Where this item stands, for the next page.
    pub cursor: InboxCursor,
}

/// A page of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxPage {
    /// The items in their order.
    pub items: Vec<InboxItem>,
    /// Where the next page begins; none at the end.
    pub next: Option<InboxCursor>,
}

/// A recipient says that it has a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The digest of what was received, if the recipient compares.
    pub sha256: Option<Sha256>,
}

/// What came of one acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgeOutcome {
    /// The delivery as named.
    pub delivery: DeliveryId,
    /// The receipt, or why not.
    pub result: Result<Acknowledged, Problem>,
}

/// A confirmed delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// The recipient's receipt.
    pub receipt: ReceiptId,
    /// The document that was confirmed.
    pub document: DocumentId,
    /// True if it had been confirmed before.
    pub repeated: bool,
}

/// What came of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Refusals so far.
    pub refusals: u32,
    /// True if that was the last one: the delivery is parked and later ones pass.
    pub is_parked: bool,
}

/// What a recipient (or, for 13, the sender) reports about a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// 01–06, 13, 15, 16.
    pub code: String,
    /// Required for 02, 13 and 16.
    pub reason: Option<String>,
    /// When it happened; now when not given.
    pub at: Option<Timestamp>,
    /// Who handled it.
    pub staff: Option<StaffReport>,
    /// For an operator, or a system with several agencies: in whose name.
    pub reporter: Option<OrgId>,
    /// Repetitions with this key get the original answer.
    pub idempotency_key: Option<String>,
    /// Through which door it comes.
    pub door: Door,
}

/// The person and department behind a status report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaffReport {
    /// Department.
    pub department: String,
    /// Name.
    pub staff: String,
    /// E-mail.
    pub email: String,
    /// Mobile number.
    pub mobile: String,
}

/// Everything an actor may see about one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The document.
    pub document: Document,
    /// The sender now.
    pub sender_name: Option<String>,
    /// The deliveries: all for the sender, the own one for a recipient.
    pub deliveries: Vec<TraceDelivery>,
    /// Recalls, updates, replacements, status messages and notices about it, oldest first, which the actor may see.
    pub related: Vec<Document>,
    /// The document that this one is about, if the actor may see it.
    pub original: Option<Document>,
    /// That and why the content was erased.
    pub erasure: Option<Erasure>,
}

/// One delivery in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The recipient's name now.
    pub recipient_name: Option<String>,
    /// True while the recipient has no system that could fetch it.
    pub waits_for_system: bool,
    /// Its tries.
    pub attempts: Vec<Attempt>,
    /// The reports about it in order of arrival.
    pub statuses: Vec<Status>,
}

/// How many deliveries wait, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// edXML documents.
    pub edoc: u64,
    /// Status messages.
    pub status: u64,
    /// Plain documents.
    pub plain: u64,
    /// Notices.
    pub notice: u64,
    /// Pushes about dossiers.
    pub dossier: u64,
}
