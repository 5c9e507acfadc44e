//! What the rows hold, in the words of the schema.

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, DossierId, OrgId, ReceiptId, SystemId};
use lgsp_wire::dossier::{Channel, DossierStatus};

use crate::exchange::model::{UnknownWord, words};
use crate::seal::PersonHash;
use crate::{Row, StoreError};

words! {
    /// As what an organisation takes part in a dossier.
    PartyRole {
        /// It received the dossier.
        Owner = "owner",
        /// It handles the dossier for the owner.
        Handling = "handling",
        /// It is told what becomes of the dossier.
        Follower = "follower",
    }
}

words! {
    /// What a push about a dossier carried.
    MessageKind {
        /// The whole state.
        Dossier = "dossier",
        /// Steps of the progress.
        Progress = "progress",
    }
}

words! {
    /// What a file of a dossier is.
    FileKind {
        /// Handed in by the applicant.
        Paper = "paper",
        /// What the applicant gets.
        Result = "result",
    }
}

words! {
    /// What a route looks at.
    RouteKind {
        /// Every dossier.
        All = "all",
        /// The beginning of the field's code.
        Field = "field",
        /// The procedure's code without its agency part.
        Procedure = "procedure",
    }
}

words! {
    /// How a portal differs from us about a dossier.
    Finding {
        /// It was sent, or should have been, and is not there.
        Missing = "missing",
        /// It is there more than once.
        Duplicate = "duplicate",
        /// It is there in another status.
        Drift = "drift",
    }
}

words! {
    /// Where a reconciliation stands.
    ReconciliationState {
        /// Under way, or stopped half-way by a restart.
        Running = "running",
        /// Every dossier was compared.
        Done = "done",
        /// The portal did not answer; what was found until then stays.
        Failed = "failed",
    }
}

/// A dossier without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dossier {
    /// Its id.
    pub id: DossierId,
    /// Its code as codes are compared; unique.
    pub code_key: String,
    /// Its code as it was first written.
    pub code: String,
    /// The organisation of the code.
    pub owner: OrgId,
    /// The organisation that handles it for the owner.
    pub handling: Option<OrgId>,
    /// The procedure's code; empty where unknown.
    pub procedure: String,
    /// The field's code; empty where unknown.
    pub field: String,
    /// How it was handed in.
    pub channel: Option<Channel>,
    /// Where it stands.
    pub status: DossierStatus,
    /// Since when.
    pub status_at: Timestamp,
    /// True while the clock runs or stands: neither finished nor closed.
    pub is_open: bool,
    /// When it was submitted.
    pub submitted_at: Option<Timestamp>,
    /// When it was received.
    pub received_at: Option<Timestamp>,
    /// When it is due, as the agency says.
    pub due_at: Option<Timestamp>,
    /// When it is due with the time in which the clock stood.
    pub due_effective_at: Option<Timestamp>,
    /// Since when the clock stands.
    pub paused_at: Option<Timestamp>,
    /// Working time in which the clock stood before, in seconds.
    pub paused_working_seconds: i64,
    /// When the work on it ended.
    pub finished_at: Option<Timestamp>,
    /// When it came to its end.
    pub closed_at: Option<Timestamp>,
    /// How many pushes it had, from 1.
    pub version: i64,
    /// The document of the last push.
    pub last_document: DocumentId,
    /// The application of the last push; none for an operator.
    pub source_system: Option<SystemId>,
    /// The keyed hash of the first identity number.
    pub person: Option<PersonHash>,
    /// The class of the settings that says how long it is kept.
    pub retention: String,
    /// When it is to be erased.
    pub keep_until: Option<Timestamp>,
    /// When it was erased.
    pub erased_at: Option<Timestamp>,
    /// The ledger entry of the erasure.
    pub erasure_receipt: Option<ReceiptId>,
    /// When its first push came.
    pub created_at: Timestamp,
    /// When its last push came.
    pub updated_at: Timestamp,
}

impl Dossier {
    /// The organisation whose clock runs.
    pub fn unit(&self) -> OrgId {
        self.handling.unwrap_or(self.owner)
    }
}

/// Who gets dossiers besides their parties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierRoute {
    /// What the route looks at.
    pub kind: RouteKind,
    /// What it must find there; empty for all.
    pub value: String,
    /// The code of the organisation that gets the dossier.
    pub recipient_code: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom, as the ledger names actors.
    pub created_by: String,
}

/// The columns that [`dossier_row`] reads, in its order.
macro_rules! dossier_columns {
    () => {
        "d.id, d.code_key, d.code, d.owner_org_id, d.handling_org_id, d.procedure_code, d.field_code, d.channel, d.status, \
         d.status_at, d.is_open, d.submitted_at, d.received_at, d.due_at, d.due_effective_at, d.paused_at, \
         d.paused_working_seconds, d.finished_at, d.closed_at, d.version, d.last_document_id, d.source_system_id, \
         d.person_hash, d.retention, d.keep_until, d.erased_at, d.erasure_receipt_id, d.created_at, d.updated_at"
    };
}
pub(super) use dossier_columns;

pub(super) fn dossier_row(row: &Row<'_>) -> Result<Dossier, StoreError> {
    Ok(Dossier {
        id: row.id(0)?,
        code_key: row.text(1)?,
        code: row.text(2)?,
        owner: row.id(3)?,
        handling: row.opt_id(4)?,
        procedure: row.text(5)?,
        field: row.text(6)?,
        channel: channel(row, 7)?,
        status: status(row, 8)?,
        status_at: row.time(9)?,
        is_open: row.flag(10)?,
        submitted_at: row.opt_time(11)?,
        received_at: row.opt_time(12)?,
        due_at: row.opt_time(13)?,
        due_effective_at: row.opt_time(14)?,
        paused_at: row.opt_time(15)?,
        paused_working_seconds: row.int(16)?,
        finished_at: row.opt_time(17)?,
        closed_at: row.opt_time(18)?,
        version: row.int(19)?,
        last_document: row.id(20)?,
        source_system: row.opt_id(21)?,
        person: opt_person(row, 22)?,
        retention: row.text(23)?,
        keep_until: row.opt_time(24)?,
        erased_at: row.opt_time(25)?,
        erasure_receipt: row.opt_id(26)?,
        created_at: row.time(27)?,
        updated_at: row.time(28)?,
    })
}

/// The number of a status, 1 to 10, as rows keep it.
pub(super) fn status_number(status: DossierStatus) -> i64 {
    DossierStatus::ALL
        .iter()
        .zip(1i64..)
        .find_map(|(known, number)| (*known == status).then_some(number))
        .unwrap_or(0)
}

pub(super) fn status(row: &Row<'_>, column: usize) -> Result<DossierStatus, StoreError> {
    read_status(row.int(column)?)
}

pub(super) fn opt_status(
    row: &Row<'_>,
    column: usize,
) -> Result<Option<DossierStatus>, StoreError> {
    row.opt_int(column)?.map(read_status).transpose()
}

fn read_status(number: i64) -> Result<DossierStatus, StoreError> {
    let place = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1));
    place
        .and_then(|place| DossierStatus::ALL.get(place).copied())
        .ok_or_else(|| StoreError::corrupt("the status of a dossier is no status"))
}

/// The number of a channel as rows keep it.
pub(super) fn channel_number(channel: Channel) -> i64 {
    channel.code().parse().unwrap_or(0)
}

fn channel(row: &Row<'_>, column: usize) -> Result<Option<Channel>, StoreError> {
    let read = |number: i64| {
        Channel::from_code(&number.to_string())
            .ok_or_else(|| StoreError::corrupt("the channel of a dossier is no channel"))
    };
    row.opt_int(column)?.map(read).transpose()
}

fn opt_person(row: &Row<'_>, column: usize) -> Result<Option<PersonHash>, StoreError> {
    let read = |bytes: &[u8]| {
        <[u8; 32]>::try_from(bytes)
            .map(PersonHash)
            .map_err(|_| StoreError::corrupt("the hash of a person has not 32 bytes"))
    };
    row.opt_blob_ref(column)?.map(read).transpose()
}
