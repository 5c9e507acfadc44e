//! What the rows hold, in the words of the schema.

use lgsp_base::id::{DeliveryId, DocumentId, JobId, OrgId, ReceiptId, StatusId, SystemId};
use lgsp_base::{Sha256, Timestamp};

/// Declares an enum whose variants are stored as words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every value, in the order of the schema.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The stable word in the store and the API.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($word => Ok($name::$variant),)* _ => Err(UnknownWord) }
            }
        }
    };
}
pub(crate) use words;

/// A stored word that no enum knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;

words! {
    /// What a document is.
    DocumentKind {
        /// An edXML document packet.
        Edoc = "edoc",
        /// An edXML status message.
        Status = "status",
        /// Opaque bytes of any type.
        Plain = "plain",
        /// A notice of the platform to the sender: an expiry, a recall that came in time.
        Notice = "notice",
        /// A push about a dossier of the one-stop shop: its whole state, or steps of its progress.
        Dossier = "dossier",
    }
}

words! {
    /// Where a delivery stands. The first two are open.
    DeliveryState {
        /// Waits for the recipient to fetch it, or for its next try.
        Waiting = "waiting",
        /// A worker owns it until the lease ends.
        Leased = "leased",
        /// The recipient confirmed it.
        Delivered = "delivered",
        /// The recipient refused it too often; later ones pass.
        Parked = "parked",
        /// The tries are used up.
        Dead = "dead",
        /// Nobody fetched it in time.
        Expired = "expired",
        /// The sender took it back before the recipient had seen it.
        Cancelled = "cancelled",
    }
}

words! {
    /// Where a bulk resend stands.
    ResendState {
        /// It goes on by itself.
        Running = "running",
        /// Every delivery had its turn.
        Done = "done",
        /// Somebody ended it; what was sent again stays so.
        Cancelled = "cancelled",
    }
}

words! {
    /// What came of one delivery of a bulk resend.
    ResendOutcome {
        /// A new delivery is on its way.
        Resent = "resent",
        /// It had been sent again before.
        Already = "already",
        /// It could not be sent again.
        Failed = "failed",
    }
}

impl DeliveryState {
    /// True while the delivery can still reach its recipient.
    pub const fn is_open(self) -> bool {
        matches!(self, DeliveryState::Waiting | DeliveryState::Leased)
    }
}

/// A document without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When its deliveries expire.
    pub expires_at: Timestamp,
    /// Through which door it came: `api`, `axis`, `platform`.
    pub door: String,
    /// What it is.
    pub kind: DocumentKind,
    /// 0 new, 1 recall, 2 update, 3 replace (protocols §1.9).
    pub business_type: Option<u8>,
    /// The sender.
    pub sender_org: OrgId,
    /// The sender's code as the message names it.
    pub sender_code: String,
    /// The application that sent it; none for an operator.
    pub sender_system: Option<SystemId>,
    /// The sender's own id, `DocumentId` in edXML. For a status message the id it answers.
    pub external_id: Option<String>,
    /// Number and notation, `215/SKHCN-CĐS`.
    pub notation: Option<String>,
    /// Trích yếu.
    pub subject: Option<String>,
    /// Date of issue as the message writes it, `yyyy/MM/dd`.
    pub issued_on: Option<String>,
    /// Kind in words: `Công văn`.
    pub type_name: Option<String>,
    /// Urgency code, 0–4.
    pub priority: Option<String>,
    /// The document that this one recalls, updates, replaces, answers or is about.
    pub original: Option<DocumentId>,
    /// Media type of the content.
    pub content_type: String,
    /// Bytes of the content.
    pub content_bytes: u64,
    /// Digest of the content.
    pub content_sha256: Sha256,
    /// Attachments as a JSON array, if the packet has any.
    pub attachments: Option<String>,
    /// The sender's receipt.
    pub receipt: ReceiptId,
    /// Name of the blob that holds the content; none: it stands in the row.
    pub blob: Option<String>,
}

/// One document on its way to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The document.
    pub document: DocumentId,
    /// Who sent it.
    pub sender_org: OrgId,
    /// Who gets it.
    pub recipient_org: OrgId,
    /// The recipient's preferred code at the time of the submit.
    pub recipient_code: String,
    /// The code as the message names it.
    pub addressed_code: String,
    /// True if the addressed code is closed and its successor got the document.
    pub is_routed: bool,
    /// The document's kind.
    pub kind: DocumentKind,
    /// Number within the pair of sender and recipient, rising.
    pub seq: i64,
    /// Place in the recipient's inbox, microseconds, rising within the pair.
    pub position: i64,
    /// Where it stands.
    pub state: DeliveryState,
    /// Times it was handed over, confirmed or not.
    pub attempts: i64,
    /// Times the recipient refused it.
    pub refusals: i64,
    /// When the worker tries next; only for the first open delivery of a pair that is pushed to.
    pub next_attempt_at: Option<Timestamp>,
    /// Fencing number: rises each time a worker takes the delivery.
    pub lease_number: i64,
    /// Why it is parked, dead, expired, cancelled, or was not taken the last time.
    pub cause: Option<String>,
    /// More about the cause.
    pub cause_detail: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was handed over last.
    pub offered_at: Option<Timestamp>,
    /// When it reached a final state.
    pub closed_at: Option<Timestamp>,
    /// The application that confirmed it.
    pub confirmed_by: Option<SystemId>,
    /// The recipient's receipt.
    pub receipt: Option<ReceiptId>,
    /// The recipient's status, 01–06.
    pub status_code: Option<String>,
    /// The time that status names.
    pub status_at: Option<Timestamp>,
    /// The side branch: 13, 15 or 16.
    pub side_status: Option<String>,
    /// The delivery that this one repeats.
    pub resend_of: Option<DeliveryId>,
}

/// One try of a push, or one confirmation or refusal of a pulled delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// 1, 2, 3 …
    pub number: i64,
    /// `pull`, `webhook`.
    pub transport: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// `confirmed`, `refused`, `unreachable`, `gone`, `lost`.
    pub outcome: Option<String>,
    /// A stable word for the cause of a failure.
    pub cause: Option<String>,
    /// More about it.
    pub detail: Option<String>,
}

/// One status report about a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its id.
    pub id: StatusId,
    /// The document it is about.
    pub document: DocumentId,
    /// The delivery it is about, if the reporter is a recipient (or, for 13, names one).
    pub delivery: Option<DeliveryId>,
    /// Who reports.
    pub reporter: OrgId,
    /// The status message that carried it.
    pub message: Option<DocumentId>,
    /// 01–06, 13, 15, 16.
    pub code: String,
    /// The reason given.
    pub reason: Option<String>,
    /// The time the reporter names.
    pub reported_at: Option<Timestamp>,
    /// When it came in.
    pub received_at: Timestamp,
    /// True if it moved the recipient's state.
    pub moved: bool,
}

/// A bulk resend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResendJob {
    /// Its id.
    pub id: JobId,
    /// Who asked for it, as the ledger names actors.
    pub owner: String,
    /// The organisation of a system that asked.
    pub org: Option<OrgId>,
    /// What was chosen, as JSON.
    pub request: String,
    /// Where it stands.
    pub state: ResendState,
    /// Deliveries per second.
    pub per_second: u32,
    /// Deliveries chosen.
    pub total: u64,
    /// Deliveries that had their turn.
    pub done: u64,
    /// Of these: sent again.
    pub resent: u64,
    /// Of these: had been sent again before.
    pub already: u64,
    /// Of these: could not be sent again.
    pub failed: u64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the next delivery may go.
    pub next_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Who ended it before its end.
    pub cancelled_by: Option<String>,
}

/// One delivery of a bulk resend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResendItem {
    /// Place in the job, from 1.
    pub number: i64,
    /// The delivery as chosen.
    pub delivery: DeliveryId,
    /// What came of it; none before its turn.
    pub outcome: Option<ResendOutcome>,
    /// The new delivery.
    pub resent_as: Option<DeliveryId>,
    /// The code of the problem.
    pub problem: Option<String>,
    /// When it had its turn.
    pub at: Option<Timestamp>,
}

/// What is left in the place of a content that was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// When.
    pub at: Timestamp,
    /// By whom, as the ledger names actors.
    pub by: String,
    /// A stable word.
    pub reason: String,
}
