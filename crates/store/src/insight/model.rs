//! What the rows hold, in the words of the schema.

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId};

use crate::exchange::DocumentKind;
use crate::exchange::model::{UnknownWord, words};

words! {
    /// What became of a transaction.
    Outcome {
        /// On its way to at least one recipient, and in no trouble.
        UnderWay = "under_way",
        /// Every recipient has it (or it was taken back from the others).
        Done = "done",
        /// At least one recipient did not get it: somebody must look.
        Troubled = "troubled",
        /// It was taken back from everybody.
        Cancelled = "cancelled",
        /// It was not accepted; only counted.
        Refused = "refused",
    }
}

words! {
    /// Where a transaction stands at one recipient.
    RecipientState {
        /// Waits to be fetched, or for the next try.
        Waiting = "waiting",
        /// The recipient confirmed it.
        Confirmed = "confirmed",
        /// The recipient refused it too often.
        Parked = "parked",
        /// The tries are used up.
        Dead = "dead",
        /// Nobody fetched it in time.
        Expired = "expired",
        /// It was taken back unseen.
        Cancelled = "cancelled",
    }
}

impl RecipientState {
    /// The state as an outcome.
    pub const fn outcome(self) -> Outcome {
        match self {
            RecipientState::Waiting => Outcome::UnderWay,
            RecipientState::Confirmed => Outcome::Done,
            RecipientState::Parked | RecipientState::Dead | RecipientState::Expired => {
                Outcome::Troubled
            }
            RecipientState::Cancelled => Outcome::Cancelled,
        }
    }
}

words! {
    /// From whose side something is counted.
    Direction {
        /// By the sender, once for each document.
        Sent = "sent",
        /// By the recipient, once for each document it is to get.
        Received = "received",
    }
}

/// How far the projector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The next leaf it will read.
    pub next_leaf: u64,
    /// The time of the last one it read.
    pub as_of: Timestamp,
}

/// A business transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The leaf of its acceptance; newer is larger.
    pub leaf: u64,
    /// The document.
    pub document: DocumentId,
    /// The first document of its chain.
    pub correlation: DocumentId,
    /// What it is.
    pub kind: DocumentKind,
    /// 0 new, 1 recall, 2 update, 3 replace.
    pub business_type: Option<u8>,
    /// The sender.
    pub sender: OrgId,
    /// Bytes of the content.
    pub content_bytes: u64,
    /// How many are to get it.
    pub recipients: u64,
    /// How many of them wait for it.
    pub waiting: u64,
    /// How many have it.
    pub done: u64,
    /// How many did not get it.
    pub troubled: u64,
    /// From how many it was taken back.
    pub cancelled: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// The newest cause of trouble.
    pub cause: Option<String>,
    /// The earliest next try that is known.
    pub next_try_at: Option<Timestamp>,
    /// When it was accepted.
    pub first_at: Timestamp,
    /// When something last happened to it.
    pub last_at: Timestamp,
    /// The leaf of that.
    pub last_leaf: u64,
    /// When its content was erased.
    pub erased_at: Option<Timestamp>,
    /// Folded words with a space on either side.
    pub words: String,
}

/// What became of a transaction at one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The recipient.
    pub org: OrgId,
    /// Its newest delivery.
    pub delivery: DeliveryId,
    /// Where it stands.
    pub state: RecipientState,
    /// Why it is in trouble, or was not taken the last time.
    pub cause: Option<String>,
    /// The recipient's status, 01–06.
    pub status_code: Option<String>,
    /// Failed tries of the newest delivery.
    pub attempts: u64,
    /// When it is tried next, if that is known.
    pub next_try_at: Option<Timestamp>,
    /// When the newest delivery set out.
    pub since_at: Timestamp,
    /// When it reached a final state.
    pub closed_at: Option<Timestamp>,
}

/// What the projector takes from a document's own row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFacts {
    /// The document that it recalls, updates, replaces or answers.
    pub original: Option<DocumentId>,
    /// The sender's code as the message names it.
    pub sender_code: String,
    /// The sender's own id.
    pub external_id: Option<String>,
    /// Number and notation.
    pub notation: Option<String>,
    /// Trích yếu.
    pub subject: Option<String>,
    /// Bytes of the content.
    pub content_bytes: u64,
}

/// A counter, or how much it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// Whose; none: of all organisations together.
    pub agency: Option<OrgId>,
    /// Whole hours since 1970 UTC.
    pub hour: i64,
    /// From whose side.
    pub direction: Direction,
    /// What; none for what was refused.
    pub kind: Option<DocumentKind>,
    /// What became of it.
    pub outcome: Outcome,
}

/// The leaves of an hour's transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    /// Whole hours since 1970 UTC.
    pub hour: i64,
    /// The first one.
    pub first_leaf: u64,
    /// The last one.
    pub last_leaf: u64,
}

/// How deliveries to an organisation go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// The organisation.
    pub org: OrgId,
    /// Deliveries that wait for it.
    pub waiting: i64,
    /// Deliveries that it did not get.
    pub troubled: i64,
    /// Its last confirmation.
    pub good_at: Option<Timestamp>,
    /// The leaf of that.
    pub good_leaf: Option<u64>,
    /// True if the last confirmation came late.
    pub was_slow: bool,
    /// The first failure behind the last confirmation.
    pub trouble_since: Option<Timestamp>,
    /// The last failure.
    pub trouble_at: Option<Timestamp>,
    /// The leaf of that.
    pub trouble_leaf: Option<u64>,
    /// The cause of that.
    pub trouble_cause: Option<String>,
}

impl Agency {
    /// An organisation of which nothing is known yet.
    pub const fn new(org: OrgId) -> Self {
        Self {
            org,
            waiting: 0,
            troubled: 0,
            good_at: None,
            good_leaf: None,
            was_slow: false,
            trouble_since: None,
            trouble_at: None,
            trouble_leaf: None,
            trouble_cause: None,
        }
    }
}

/// What happened to an organisation's deliveries in one span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthTick {
    /// The organisation.
    pub org: OrgId,
    /// The span: its number since 1970.
    pub tick: i64,
    /// Confirmed in time.
    pub good: u64,
    /// Confirmed late.
    pub slow: u64,
    /// Failed.
    pub trouble: u64,
}
