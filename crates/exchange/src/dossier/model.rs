//! What callers of the dossier service give and get.
//!
//! Nothing here prints a person: `Debug` of what holds a dossier names its code and leaves the rest out.

use std::fmt;
use std::str::FromStr;

use lgsp_base::id::{DocumentId, DossierFileId, DossierId, OrgId, ReceiptId, SystemId};
use lgsp_base::{Actor, Sha256, Timestamp};
use lgsp_store::dossier::{
    ClockState, DossierOrder, DossierPlace, FileKind, Finding, MessageKind, PartyRole,
};
use lgsp_wire::dossier::{Dossier, DossierCode, DossierStatus, ProgressStep};

use super::clock::DossierClock;
use crate::Delivery;
use crate::model::{Accepted, Door};

/// Content type of a whole dossier as a document.
pub const DOSSIER_TYPE: &str = "application/vnd.lgsp.dossier+json";
/// Content type of steps as a document.
pub const PROGRESS_TYPE: &str = "application/vnd.lgsp.dossier-progress+json";

/// Declares an enum whose variants are stable words of the API.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The stable word.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl FromStr for $name {
            type Err = NotAWord;
            fn from_str(text: &str) -> Result<Self, NotAWord> {
                match text { $($word => Ok($name::$variant),)* _ => Err(NotAWord) }
            }
        }
    };
}

/// The text is none of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of the words")]
pub struct NotAWord;

named! {
    /// Whether a push may make a dossier, change one, or both.
    PushMode {
        /// The dossier must be new (`isUpdating` = `"False"`).
        Create = "create",
        /// The dossier must exist (`isUpdating` = `"True"`).
        Update = "update",
        /// Either.
        Either = "either",
    }
}

named! {
    /// Why somebody looks at a dossier. A closed list: the ledger holds no free text about persons.
    Purpose {
        /// To handle it.
        Handling = "handling",
        /// To answer the applicant.
        Applicant = "applicant",
        /// To look over the work of an agency.
        Supervision = "supervision",
        /// To find out why something went wrong.
        Support = "support",
        /// A competent authority asked.
        LegalOrder = "legal_order",
        /// A file of it was opened.
        File = "file",
    }
}

/// A whole dossier handed in.
#[derive(Clone)]
pub struct DossierPush {
    /// Who hands it in.
    pub actor: Actor,
    /// Through which door.
    pub door: Door,
    /// Code of the organisation in whose name: `MaDinhDanhDV`. The actor's own when not given; for an operator the agency of the
    /// dossier's code.
    pub agency: Option<String>,
    /// Code of the handling unit, where the request names it; kept from the push before when not given.
    pub handling: Option<String>,
    /// Codes of organisations that get it besides its parties and routes; they follow the dossier from then on.
    pub to: Vec<String>,
    /// The dossier as it is now.
    pub dossier: Dossier,
    /// Whether it may be new.
    pub mode: PushMode,
    /// Repetitions with this key get the original answer. Without one, the same content as the last push of this sender about this
    /// dossier is a repetition.
    pub idempotency_key: Option<String>,
}

impl DossierPush {
    /// A push with nothing but the dossier.
    pub const fn new(actor: Actor, door: Door, dossier: Dossier) -> Self {
        Self {
            actor,
            door,
            agency: None,
            handling: None,
            to: Vec::new(),
            dossier,
            mode: PushMode::Either,
            idempotency_key: None,
        }
    }
}

impl fmt::Debug for DossierPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DossierPush")
            .field("actor", &self.actor)
            .field("code", &self.dossier.code)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Steps of one dossier handed in.
#[derive(Clone)]
pub struct ProgressPush {
    /// Who hands them in.
    pub actor: Actor,
    /// Through which door.
    pub door: Door,
    /// As in [`DossierPush`].
    pub agency: Option<String>,
    /// The dossier.
    pub code: DossierCode,
    /// The steps, `1..=limits::DOSSIER_STEPS_PER_PUSH_MAX`, all of this dossier.
    pub steps: Vec<ProgressStep>,
    /// As in [`DossierPush`].
    pub idempotency_key: Option<String>,
}

impl fmt::Debug for ProgressPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressPush")
            .field("actor", &self.actor)
            .field("code", &self.code)
            .field("steps", &self.steps.len())
            .finish_non_exhaustive()
    }
}

/// The answer to a push. It is given after the sync; a repetition gets the same values with `accepted.is_repeat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierAccepted {
    /// The dossier.
    pub dossier: DossierId,
    /// Its code.
    pub code: DossierCode,
    /// Number of this message about the dossier, from 1.
    pub version: i64,
    /// The dossier's status now.
    pub status: DossierStatus,
    /// The document that carried it: receipt, deliveries, digest.
    pub accepted: Accepted,
}

impl DossierAccepted {
    /// True if an earlier request had stored it.
    pub const fn is_repeat(&self) -> bool {
        self.accepted.is_repeat
    }
}

/// Which dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DossierRef {
    /// By our id.
    Id(DossierId),
    /// By its code.
    Code(DossierCode),
}

/// An organisation as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgView {
    /// The organisation.
    pub org: OrgId,
    /// Its code now.
    pub code: String,
    /// Its name now; its code where it has none.
    pub name: String,
}

/// A party to a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyView {
    /// Who.
    pub org: OrgView,
    /// As what.
    pub role: PartyRole,
    /// Since when.
    pub since: Timestamp,
}

/// One step in the history of a dossier.
#[derive(Clone, PartialEq, Eq)]
pub struct StepView {
    /// Place in the history, from 1.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// The status behind it.
    pub status: DossierStatus,
    /// Whose step.
    pub org: OrgView,
    /// The message that told of it.
    pub document: DocumentId,
    /// Who did what; none where only the status is known. Masked: without the handler and the text.
    pub step: Option<ProgressStep>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it had to end.
    pub due_at: Option<Timestamp>,
}

impl fmt::Debug for StepView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepView")
            .field("seq", &self.seq)
            .field("at", &self.at)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// One message about a dossier, with where it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// Its number.
    pub version: i64,
    /// The document.
    pub document: DocumentId,
    /// The whole state, or steps.
    pub kind: MessageKind,
    /// Who sent it.
    pub sender: OrgView,
    /// When it came.
    pub at: Timestamp,
    /// The sender's receipt.
    pub receipt: Option<ReceiptId>,
    /// Its deliveries: all for the sender and operators, the own one for another party.
    pub deliveries: Vec<MessageDelivery>,
}

/// A message on its way to one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageDelivery {
    /// Who gets it.
    pub recipient: OrgView,
    /// Where it stands.
    pub delivery: Delivery,
}

/// An official document that names the dossier and came from one of its parties; its sender and recipients may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterView {
    /// The document.
    pub document: DocumentId,
    /// Who sent it.
    pub sender: OrgView,
    /// When it came.
    pub at: Timestamp,
}

/// A file of a dossier.
#[derive(Clone, PartialEq, Eq)]
pub struct FileView {
    /// Its id.
    pub id: DossierFileId,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Bytes of its content; 0 if it stands elsewhere.
    pub bytes: u64,
    /// Digest of its content, if we have it.
    pub sha256: Option<Sha256>,
    /// A paper that was handed in, or a result.
    pub kind: FileKind,
    /// Where it stands if we do not have it.
    pub source_url: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
}

impl fmt::Debug for FileView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileView")
            .field("id", &self.id)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Where a portal stands with a dossier, as the last comparison found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalState {
    /// The portal's organisation.
    pub portal: OrgView,
    /// The last message that went to it.
    pub sent_version: Option<i64>,
    /// When that was.
    pub sent_at: Option<Timestamp>,
    /// The last message that it took.
    pub accepted_version: Option<i64>,
    /// When that was.
    pub accepted_at: Option<Timestamp>,
    /// The status that it names.
    pub remote_status: Option<DossierStatus>,
    /// When it was asked last.
    pub checked_at: Option<Timestamp>,
    /// How it differed then.
    pub finding: Option<Finding>,
}

/// Everything an actor may see of a dossier.
#[derive(Clone, PartialEq, Eq)]
pub struct DossierView {
    /// Its id.
    pub id: DossierId,
    /// Its code.
    pub code: DossierCode,
    /// Number of the last message about it.
    pub version: i64,
    /// The dossier, whole or masked; none once it was erased.
    pub dossier: Option<Dossier>,
    /// True if persons are masked in everything here.
    pub is_masked: bool,
    /// Its status.
    pub status: DossierStatus,
    /// The agency of its code.
    pub owner: OrgView,
    /// The unit that handles it, if it is known as an organisation.
    pub handling: Option<OrgView>,
    /// Everybody whom messages about it reach.
    pub parties: Vec<PartyView>,
    /// Its history, oldest first.
    pub steps: Vec<StepView>,
    /// The messages about it, oldest first.
    pub messages: Vec<MessageView>,
    /// Its clock.
    pub clock: DossierClock,
    /// Its files.
    pub files: Vec<FileView>,
    /// What portals say about it.
    pub portals: Vec<PortalState>,
    /// Official documents that name it, oldest first.
    pub letters: Vec<LetterView>,
    /// How long it is kept: its class.
    pub retention: String,
    /// When it will be erased; none while it is open, or for ever.
    pub keep_until: Option<Timestamp>,
    /// When it was erased.
    pub erased_at: Option<Timestamp>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

impl fmt::Debug for DossierView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DossierView")
            .field("id", &self.id)
            .field("code", &self.code)
            .field("version", &self.version)
            .field("status", &self.status)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// Which dossiers a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DossierQuery {
    /// Only those of which this organisation is a party.
    pub org: Option<OrgId>,
    /// Only of this procedure: a national code.
    pub procedure: Option<String>,
    /// Only of this sector.
    pub field: Option<String>,
    /// Only in one of these statuses; empty: all.
    pub statuses: Vec<DossierStatus>,
    /// Only in one of these states of the clock; empty: all.
    pub clocks: Vec<ClockState>,
    /// Only with a code that begins like this.
    pub text: Option<String>,
    /// Only changed at or after this time.
    pub from: Option<Timestamp>,
    /// Only changed before this time.
    pub to: Option<Timestamp>,
    /// True to see open ones with a due time, the earliest first; otherwise the last changed first. A list by code is in order of codes.
    pub by_due: bool,
    /// Only behind this place of an earlier page of the same list.
    pub cursor: Option<DossierCursor>,
    /// At most so many, `1..=limits::PAGE_SIZE_MAX`; 0 stands for `limits::PAGE_SIZE_DEFAULT`.
    pub limit: usize,
}

/// A place in a list, as text `n.` or `d.` with time and dossier, or `c.` with a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DossierCursor {
    /// Of a list by the last change.
    Newest(DossierPlace),
    /// Of a list by the due time.
    Due(DossierPlace),
    /// Of a list by code.
    Code(String),
}

impl DossierCursor {
    pub(crate) fn of(order: DossierOrder) -> Option<Self> {
        match order {
            DossierOrder::Newest(place) => place.map(DossierCursor::Newest),
            DossierOrder::Due(place) => place.map(DossierCursor::Due),
            DossierOrder::Code { after, .. } => after.map(DossierCursor::Code),
        }
    }
}

impl fmt::Display for DossierCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DossierCursor::Newest(place) => write!(f, "n.{}.{}", place.at.as_micros(), place.id),
            DossierCursor::Due(place) => write!(f, "d.{}.{}", place.at.as_micros(), place.id),
            DossierCursor::Code(code) => write!(f, "c.{code}"),
        }
    }
}

impl FromStr for DossierCursor {
    type Err = NotAWord;
    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let place = |text: &str| {
            let (at, id) = text.split_once('.').ok_or(NotAWord)?;
            Ok(DossierPlace {
                at: Timestamp::from_micros(at.parse().map_err(|_| NotAWord)?),
                id: id.parse().map_err(|_| NotAWord)?,
            })
        };
        match text.split_once('.').ok_or(NotAWord)? {
            ("n", rest) => place(rest).map(DossierCursor::Newest),
            ("d", rest) => place(rest).map(DossierCursor::Due),
            ("c", rest) => Ok(DossierCursor::Code(rest.to_owned())),
            _ => Err(NotAWord),
        }
    }
}

/// A line of a list. Persons are always masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierRow {
    /// Its id.
    pub id: DossierId,
    /// Its code.
    pub code: DossierCode,
    /// Its procedure's code.
    pub procedure: String,
    /// Its procedure's name as the dossier writes it; empty once erased.
    pub procedure_name: String,
    /// Its sector's code.
    pub field: String,
    /// The applicant's name, masked; empty once erased.
    pub applicant: String,
    /// The name of the unit that handles it as the dossier writes it.
    pub handling_unit: String,
    /// Its status.
    pub status: DossierStatus,
    /// The agency of its code.
    pub owner: OrgView,
    /// The unit that handles it.
    pub handling: Option<OrgView>,
    /// Its clock.
    pub clock: DossierClock,
    /// When it was received.
    pub received_at: Option<Timestamp>,
    /// Number of the last message.
    pub version: i64,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A page of a list, the last changed first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierPage {
    /// The lines.
    pub rows: Vec<DossierRow>,
    /// Where the next page begins; none at the end.
    pub next: Option<DossierCursor>,
}

/// Which open dossiers are counted by age.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgeingQuery {
    /// Only those of this organisation as owner or handling unit.
    pub org: Option<OrgId>,
    /// Only of this sector.
    pub field: Option<String>,
}

/// Open dossiers of one unit and sector, by age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeingRow {
    /// The unit: who handles them, else the owner.
    pub org: OrgView,
    /// The sector's code.
    pub field: String,
    /// With time left, or without a due time.
    pub on_time: u64,
    /// Due on this working day.
    pub due: u64,
    /// Overdue, at most 5 working days.
    pub overdue_short: u64,
    /// Overdue, 6 to 15 working days.
    pub overdue_middle: u64,
    /// Overdue, more than 15 working days.
    pub overdue_long: u64,
    /// Waiting for the applicant.
    pub stopped: u64,
    /// The status in which most of the overdue ones are stuck.
    pub stuck_status: Option<DossierStatus>,
    /// The earliest due time among those whose clock runs.
    pub earliest_due_at: Option<Timestamp>,
}

impl AgeingRow {
    /// All overdue ones.
    pub const fn overdue(&self) -> u64 {
        self.overdue_short + self.overdue_middle + self.overdue_long
    }

    /// All of them.
    pub const fn open(&self) -> u64 {
        self.on_time + self.due + self.overdue() + self.stopped
    }
}

/// How many dossiers are open, and how they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DossierCounts {
    /// All open ones.
    pub open: u64,
    /// By status.
    pub by_status: Vec<(DossierStatus, u64)>,
    /// With time left, or without a due time.
    pub on_time: u64,
    /// Due on this working day.
    pub due: u64,
    /// Overdue.
    pub overdue: u64,
    /// Waiting for the applicant.
    pub stopped: u64,
}

/// What everybody with the code and the check may see; nothing personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicView {
    /// The code.
    pub code: DossierCode,
    /// The procedure's name.
    pub procedure: String,
    /// The name of the unit that handles it.
    pub unit: String,
    /// The status.
    pub status: DossierStatus,
    /// Status changes and steps, oldest first.
    pub steps: Vec<PublicStep>,
    /// Received.
    pub received_at: Option<Timestamp>,
    /// Due, with what the clock stood still.
    pub due_at: Option<Timestamp>,
    /// Result handed over.
    pub returned_at: Option<Timestamp>,
    /// Where it stands against its due time.
    pub clock: ClockState,
}

/// A step as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicStep {
    /// When.
    pub at: Timestamp,
    /// The status behind it.
    pub status: DossierStatus,
    /// The unit.
    pub unit: String,
}

/// Somebody looked at a dossier of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The dossier's code.
    pub code: DossierCode,
    /// When.
    pub at: Timestamp,
    /// Who, as the ledger names actors.
    pub actor: String,
    /// For which organisation; none for the platform's operators.
    pub org: Option<OrgView>,
    /// Why.
    pub purpose: String,
}

/// For whom a link to a file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// A connected system: it must call itself.
    System(SystemId),
    /// Whoever has the link: the national side fetches files without a credential of ours.
    Bearer,
}
