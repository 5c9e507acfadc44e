//! Dossiers as the API shows them. None of these types prints what it holds: there are persons in them.

use lgsp_base::id::{DocumentId, DossierFileId, DossierId, OrgId, ReceiptId};
use lgsp_base::{Sha256, Timestamp};
use lgsp_exchange::dossier as domain;
use lgsp_wire::dossier::Dossier;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::ProblemDocument;
use crate::view::{AcceptedView, DeliveryView};

/// The answer to a push.
#[derive(Serialize, ToSchema)]
pub(crate) struct DossierAcceptedView {
    /// The dossier.
    #[schema(value_type = String, example = "dsr_01jqcy4m9ze5b8q6p6b0w7h3tn")]
    pub(crate) id: DossierId,
    /// Its code.
    code: String,
    /// Number of this message about it, from 1.
    version: i64,
    /// Its status now, `1` to `10`.
    status: &'static str,
    /// True if an earlier request had stored it.
    pub(crate) repeated: bool,
    /// The document that carries the push to its parties.
    document: AcceptedView,
}

impl From<domain::DossierAccepted> for DossierAcceptedView {
    fn from(accepted: domain::DossierAccepted) -> Self {
        Self {
            id: accepted.dossier,
            code: accepted.code.to_string(),
            version: accepted.version,
            status: accepted.status.code(),
            repeated: accepted.is_repeat(),
            document: accepted.accepted.into(),
        }
    }
}

/// What came of each dossier of a batch, in the order of the request.
#[derive(Serialize, ToSchema)]
pub(crate) struct PushResults {
    /// How many are stored.
    accepted: usize,
    /// How many are not.
    refused: usize,
    results: Vec<PushResult>,
}

impl PushResults {
    pub(crate) fn of(results: Vec<PushResult>) -> Self {
        let accepted = results.iter().filter(|one| one.accepted.is_some()).count();
        Self {
            accepted,
            refused: results.len() - accepted,
            results,
        }
    }
}

/// What came of one of them: `accepted` or `problem`. A refused one does not concern the others.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct PushResult {
    /// Its code, if one could be read.
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accepted: Option<DossierAcceptedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<ProblemDocument>,
}

/// An organisation.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierOrganisation)]
pub(crate) struct OrgView {
    #[schema(value_type = String)]
    id: OrgId,
    /// Its code now.
    code: String,
    name: String,
}

impl From<domain::OrgView> for OrgView {
    fn from(org: domain::OrgView) -> Self {
        Self {
            id: org.org,
            code: org.code,
            name: org.name,
        }
    }
}

/// Where a dossier stands against its due time.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClockView {
    /// `on_time`, `due`, `overdue`, `stopped`, `done_on_time` or `done_late`.
    state: &'static str,
    /// Due as the agency said last.
    #[schema(value_type = Option<String>, format = DateTime)]
    stated_due_at: Option<Timestamp>,
    /// Due, with what the clock stood still.
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
    /// Since when it stands still.
    #[schema(value_type = Option<String>, format = DateTime)]
    paused_at: Option<Timestamp>,
    /// When handling finished.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Working days left, 0 on the last one; negative: days late.
    working_days_left: Option<i32>,
    /// True if holidays of the due year are not known yet.
    is_forecast: bool,
}

impl From<domain::DossierClock> for ClockView {
    fn from(clock: domain::DossierClock) -> Self {
        Self {
            state: clock.state.name(),
            stated_due_at: clock.stated_due_at,
            due_at: clock.due_at,
            paused_at: clock.paused_at,
            finished_at: clock.finished_at,
            working_days_left: clock.working_days_left,
            is_forecast: clock.is_forecast,
        }
    }
}

/// A line of a list. Persons are masked.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierRow)]
pub(crate) struct DossierRowView {
    #[schema(value_type = String)]
    id: DossierId,
    code: String,
    /// National code.
    procedure: String,
    procedure_name: String,
    /// Sector.
    field: String,
    /// The applicant's name, masked.
    applicant: String,
    handling_unit: String,
    /// `1` to `10`.
    status: &'static str,
    /// A stable word: `supplement_asked`.
    status_name: &'static str,
    owner: OrgView,
    handling: Option<OrgView>,
    clock: ClockView,
    #[schema(value_type = Option<String>, format = DateTime)]
    received_at: Option<Timestamp>,
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<domain::DossierRow> for DossierRowView {
    fn from(row: domain::DossierRow) -> Self {
        Self {
            id: row.id,
            code: row.code.to_string(),
            procedure: row.procedure,
            procedure_name: row.procedure_name,
            field: row.field,
            applicant: row.applicant,
            handling_unit: row.handling_unit,
            status: row.status.code(),
            status_name: row.status.name(),
            owner: row.owner.into(),
            handling: row.handling.map(OrgView::from),
            clock: row.clock.into(),
            received_at: row.received_at,
            version: row.version,
            updated_at: row.updated_at,
        }
    }
}

/// Everything the caller may see of a dossier.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierDetail)]
pub(crate) struct DossierView {
    #[schema(value_type = String)]
    id: DossierId,
    code: String,
    /// Number of the last message about it.
    version: i64,
    /// `1` to `10`.
    status: &'static str,
    /// A stable word.
    status_name: &'static str,
    /// True if persons are masked in everything here.
    is_masked: bool,
    /// The state as it was handed in; null once erased.
    #[schema(value_type = Option<Object>)]
    dossier: Option<Dossier>,
    owner: OrgView,
    handling: Option<OrgView>,
    parties: Vec<PartyView>,
    /// Its history, oldest first.
    steps: Vec<StepView>,
    /// The messages about it, oldest first.
    messages: Vec<MessageView>,
    clock: ClockView,
    files: Vec<FileView>,
    portals: Vec<PortalView>,
    /// Official documents that name it, oldest first.
    letters: Vec<LetterView>,
    /// Class of retention.
    retention: String,
    /// Erased at this time; null while it is open, or for ever.
    #[schema(value_type = Option<String>, format = DateTime)]
    keep_until: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    erased_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl DossierView {
    pub(crate) fn new(view: domain::DossierView) -> Self {
        Self {
            id: view.id,
            code: view.code.to_string(),
            version: view.version,
            status: view.status.code(),
            status_name: view.status.name(),
            is_masked: view.is_masked,
            dossier: view.dossier,
            owner: view.owner.into(),
            handling: view.handling.map(OrgView::from),
            parties: view.parties.into_iter().map(PartyView::from).collect(),
            steps: view.steps.into_iter().map(StepView::from).collect(),
            messages: view.messages.into_iter().map(MessageView::from).collect(),
            clock: view.clock.into(),
            files: view.files.into_iter().map(FileView::from).collect(),
            portals: view.portals.into_iter().map(PortalView::from).collect(),
            letters: view.letters.into_iter().map(LetterView::from).collect(),
            retention: view.retention,
            keep_until: view.keep_until,
            erased_at: view.erased_at,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

/// A party.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierParty)]
struct PartyView {
    organisation: OrgView,
    /// `owner`, `handling` or `follower`.
    role: &'static str,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

impl From<domain::PartyView> for PartyView {
    fn from(party: domain::PartyView) -> Self {
        Self {
            organisation: party.org.into(),
            role: party.role.name(),
            since: party.since,
        }
    }
}

/// A step of the history.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierStep)]
struct StepView {
    /// From 1.
    seq: i64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The status behind it.
    status: &'static str,
    status_name: &'static str,
    organisation: OrgView,
    /// The message that told of it.
    #[schema(value_type = String)]
    document_id: DocumentId,
    /// Who handled it; null where only the status is known.
    handler: Option<String>,
    position: Option<String>,
    department: Option<String>,
    /// What was done.
    content: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
}

impl From<domain::StepView> for StepView {
    fn from(view: domain::StepView) -> Self {
        let step = view.step;
        let text = |text: fn(&lgsp_wire::dossier::ProgressStep) -> &String| {
            step.as_ref().map(|step| text(step).clone())
        };
        Self {
            seq: view.seq,
            at: view.at,
            status: view.status.code(),
            status_name: view.status.name(),
            organisation: view.org.into(),
            document_id: view.document,
            handler: text(|step| &step.handler),
            position: text(|step| &step.position),
            department: text(|step| &step.department),
            content: text(|step| &step.content),
            started_at: view.started_at,
            due_at: view.due_at,
        }
    }
}

/// One message about a dossier, with where it went.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierMessage)]
struct MessageView {
    version: i64,
    #[schema(value_type = String)]
    document_id: DocumentId,
    /// `dossier`: the whole state; `progress`: steps.
    kind: &'static str,
    sender: OrgView,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The sender's receipt, for the sender.
    #[schema(value_type = Option<String>)]
    receipt_id: Option<ReceiptId>,
    /// All for the sender and operators, the own one for another party.
    deliveries: Vec<DeliveryView>,
}

impl From<domain::MessageView> for MessageView {
    fn from(message: domain::MessageView) -> Self {
        Self {
            version: message.version,
            document_id: message.document,
            kind: message.kind.name(),
            sender: message.sender.into(),
            at: message.at,
            receipt_id: message.receipt,
            deliveries: message
                .deliveries
                .into_iter()
                .map(|one| one.delivery.into())
                .collect(),
        }
    }
}

/// An official document that names the dossier (`ApplicationType` `MCDT_DT`) and came from one of its parties.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierLetter)]
struct LetterView {
    /// Readable for its sender and recipients.
    #[schema(value_type = String)]
    document_id: DocumentId,
    sender: OrgView,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<domain::LetterView> for LetterView {
    fn from(letter: domain::LetterView) -> Self {
        Self {
            document_id: letter.document,
            sender: letter.sender.into(),
            at: letter.at,
        }
    }
}

/// A file of a dossier.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierFile)]
pub(crate) struct FileView {
    #[schema(value_type = String)]
    id: DossierFileId,
    /// Its name; empty where masked.
    name: String,
    media_type: String,
    /// 0 if it stands elsewhere.
    bytes: u64,
    #[schema(value_type = Option<String>)]
    sha256: Option<Sha256>,
    /// `paper` or `result`.
    kind: &'static str,
    /// True if we have its content.
    is_stored: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<domain::FileView> for FileView {
    fn from(file: domain::FileView) -> Self {
        Self {
            id: file.id,
            name: file.name,
            media_type: file.media_type,
            bytes: file.bytes,
            is_stored: file.sha256.is_some(),
            sha256: file.sha256,
            kind: file.kind.name(),
            created_at: file.created_at,
        }
    }
}

/// Where a portal stands with a dossier.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierPortal)]
struct PortalView {
    portal: OrgView,
    /// The last message that went to it.
    sent_version: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<Timestamp>,
    /// The last one that it took.
    accepted_version: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    accepted_at: Option<Timestamp>,
    /// The status that it names.
    remote_status: Option<&'static str>,
    #[schema(value_type = Option<String>, format = DateTime)]
    checked_at: Option<Timestamp>,
    /// How it differed: `missing`, `duplicate` or `drift`.
    finding: Option<&'static str>,
}

impl From<domain::PortalState> for PortalView {
    fn from(portal: domain::PortalState) -> Self {
        Self {
            portal: portal.portal.into(),
            sent_version: portal.sent_version,
            sent_at: portal.sent_at,
            accepted_version: portal.accepted_version,
            accepted_at: portal.accepted_at,
            remote_status: portal.remote_status.map(|status| status.code()),
            checked_at: portal.checked_at,
            finding: portal.finding.map(|finding| finding.name()),
        }
    }
}

/// Open dossiers of one unit and sector, by age.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierAgeing)]
pub(crate) struct AgeingView {
    /// Who handles them, else the owner.
    organisation: OrgView,
    field: String,
    /// All of them.
    open: u64,
    on_time: u64,
    /// Due on this working day.
    due: u64,
    /// All overdue ones.
    overdue: u64,
    /// At most 5 working days.
    overdue_short: u64,
    /// 6 to 15 working days.
    overdue_middle: u64,
    /// More than 15 working days.
    overdue_long: u64,
    /// Waiting for the applicant.
    stopped: u64,
    /// The status in which most of the overdue ones are stuck.
    stuck_status: Option<&'static str>,
    #[schema(value_type = Option<String>, format = DateTime)]
    earliest_due_at: Option<Timestamp>,
}

impl From<domain::AgeingRow> for AgeingView {
    fn from(row: domain::AgeingRow) -> Self {
        Self {
            open: row.open(),
            overdue: row.overdue(),
            organisation: row.org.into(),
            field: row.field,
            on_time: row.on_time,
            due: row.due,
            overdue_short: row.overdue_short,
            overdue_middle: row.overdue_middle,
            overdue_long: row.overdue_long,
            stopped: row.stopped,
            stuck_status: row.stuck_status.map(|status| status.code()),
            earliest_due_at: row.earliest_due_at,
        }
    }
}

/// How many dossiers are open, and how they stand.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierCounts)]
pub(crate) struct CountsView {
    open: u64,
    by_status: Vec<StatusCount>,
    on_time: u64,
    due: u64,
    overdue: u64,
    stopped: u64,
}

/// How many are in one status.
#[derive(Serialize, ToSchema)]
struct StatusCount {
    status: &'static str,
    status_name: &'static str,
    open: u64,
}

impl From<domain::DossierCounts> for CountsView {
    fn from(counts: domain::DossierCounts) -> Self {
        let by_status = counts.by_status.into_iter();
        Self {
            open: counts.open,
            by_status: by_status
                .map(|(status, open)| StatusCount {
                    status: status.code(),
                    status_name: status.name(),
                    open,
                })
                .collect(),
            on_time: counts.on_time,
            due: counts.due,
            overdue: counts.overdue,
            stopped: counts.stopped,
        }
    }
}

/// Somebody looked at a dossier of a person.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierLook)]
pub(crate) struct LookView {
    /// The dossier's code.
    code: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who, as the ledger names actors.
    actor: String,
    organisation: Option<OrgView>,
    purpose: String,
}

impl From<domain::Look> for LookView {
    fn from(look: domain::Look) -> Self {
        Self {
            code: look.code.to_string(),
            at: look.at,
            actor: look.actor,
            organisation: look.org.map(OrgView::from),
            purpose: look.purpose,
        }
    }
}
