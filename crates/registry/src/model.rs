//! The words of the registry: organisations with their periods and codes, successions, systems, webhooks.
//!
//! All periods are half-open: `from` belongs to the period, `to` does not; `to = None` means until further notice.

use std::sync::Arc;

use lgsp_base::id::{OrgEventId, OrgId, SystemId, TokenId, WebhookId};
use lgsp_base::org_code::Scheme;
use lgsp_base::time::Timestamp;

/// An organisation for all time. Its id never changes; everything else stands in dated parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// The immutable id.
    pub id: OrgId,
    /// When it was recorded here; not when it began to exist.
    pub created_at: Timestamp,
    /// What it was from when to when: at least one, ascending, without gap or overlap.
    pub periods: Vec<Period>,
    /// Every code it ever had, in the order in which they were given.
    pub codes: Vec<Code>,
}

/// What an organisation is during one span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Option<Timestamp>,
    /// Name as people write it, NFC.
    pub name: String,
    /// Kind as a short word (`so`, `ubnd_xa` …); empty while nobody has described the organisation.
    pub kind: Arc<str>,
    /// Level in the hierarchy, 1 at the top. How many levels there are is data.
    pub level: u32,
    /// The organisation above.
    pub parent: Option<OrgId>,
    /// Code of the administrative unit in which it works.
    pub admin_unit_code: Option<String>,
    /// Province, for people.
    pub province: Option<Arc<str>>,
    /// The event that began the period.
    pub event: OrgEventId,
}

/// A code of an organisation. `(scheme, key)` belongs to one organisation for ever (R-ORG-04).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// System of codes.
    pub scheme: Scheme,
    /// As it was given.
    pub code: String,
    /// As it is matched, [`lgsp_base::org_code::key`].
    pub key: String,
    /// Valid from.
    pub from: Timestamp,
    /// Closed at.
    pub to: Option<Timestamp>,
    /// False for codes that somebody made up until the official one is known.
    pub is_official: bool,
    /// The decision behind it.
    pub legal_basis: Option<String>,
    /// The event that gave it.
    pub event: OrgEventId,
}

impl Period {
    /// True if the instant lies in this period.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

impl Code {
    /// True if the code is open at this instant.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

impl Organisation {
    /// When it began to exist.
    pub fn begins_at(&self) -> Timestamp {
        self.periods
            .first()
            .map_or(Timestamp::BEGINNING, |period| period.from)
    }

    /// When it ceased to exist, if it did.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.periods.last().and_then(|period| period.to)
    }

    /// What it was at this instant; `None` before its beginning and after its end.
    pub fn period_at(&self, at: Timestamp) -> Option<&Period> {
        let index = self.periods.partition_point(|period| period.from <= at);
        self.periods
            .get(index.checked_sub(1)?)
            .filter(|period| period.contains(at))
    }

    /// The period that describes it best at this instant: the current one, else the last one before, else the first.
    pub fn period_near(&self, at: Timestamp) -> Option<&Period> {
        let index = self.periods.partition_point(|period| period.from <= at);
        self.periods
            .get(index.saturating_sub(1))
            .or_else(|| self.periods.last())
    }

    /// The name at this instant, or the nearest one; empty never happens for a stored organisation.
    pub fn name_near(&self, at: Timestamp) -> &str {
        self.period_near(at).map_or("", |period| &period.name)
    }

    /// The code to write at this instant: an open one of the first addressable scheme, else the one closed last.
    pub fn code_near(&self, at: Timestamp) -> &str {
        let rank = |scheme: Scheme| {
            Scheme::ADDRESSABLE
                .iter()
                .position(|known| *known == scheme)
                .unwrap_or(usize::MAX)
        };
        let open = self
            .codes
            .iter()
            .filter(|code| code.is_open(at))
            .min_by_key(|code| (rank(code.scheme), std::cmp::Reverse(code.from)));
        open.or_else(|| {
            self.codes
                .iter()
                .min_by_key(|code| (rank(code.scheme), std::cmp::Reverse(code.to)))
        })
        .map_or("", |code| &code.code)
    }
}

/// What binds a predecessor to a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SuccessionKind {
    /// The predecessor went into the successor.
    Merge,
    /// The predecessor goes on under another code and name.
    Rename,
    /// The predecessor was divided among its successors.
    Split,
    /// Some tasks or some of the area; the predecessor may live on.
    Transfer,
    /// The predecessor ceased; nobody takes its place.
    Dissolve,
}

impl SuccessionKind {
    /// The stable word of the store, the API and import files.
    pub const fn name(self) -> &'static str {
        match self {
            SuccessionKind::Merge => "merge",
            SuccessionKind::Rename => "rename",
            SuccessionKind::Split => "split",
            SuccessionKind::Transfer => "transfer",
            SuccessionKind::Dissolve => "dissolve",
        }
    }

    /// Reads [`SuccessionKind::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [
            SuccessionKind::Merge,
            SuccessionKind::Rename,
            SuccessionKind::Split,
            SuccessionKind::Transfer,
            SuccessionKind::Dissolve,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// True if the predecessor ends with it.
    pub const fn ends_predecessor(self) -> bool {
        !matches!(self, SuccessionKind::Transfer)
    }
}

/// One edge of the predecessor–successor graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// The event it belongs to.
    pub event: OrgEventId,
    /// Who gave.
    pub predecessor: OrgId,
    /// Who took; `None` when unknown or nobody.
    pub successor: Option<OrgId>,
    /// How.
    pub kind: SuccessionKind,
    /// Since when.
    pub effective_at: Timestamp,
    /// What exactly, in words.
    pub note: Option<String>,
}

/// An event in the life of organisations, as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: OrgEventId,
    /// What happened.
    pub kind: EventKind,
    /// Since when it holds.
    pub effective_at: Timestamp,
    /// Number of the decision.
    pub decision: Option<String>,
    /// Remark.
    pub note: Option<String>,
    /// Machine-readable particulars as JSON.
    pub detail: String,
}

/// What can happen to organisations (R-ORG-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// One or more organisations begin.
    Create,
    /// Another name, same organisation and code.
    Rename,
    /// Organisations go into another one.
    Merge,
    /// One is divided.
    Split,
    /// Another parent.
    Move,
    /// Another level.
    ChangeLevel,
    /// Some tasks or area go to another one.
    Transfer,
    /// One ends without successor.
    Dissolve,
    /// A further or another code.
    Code,
    /// What was unknown is filled in; nothing that was known changes.
    Describe,
}

impl EventKind {
    /// The stable word of the store and the API.
    pub const fn name(self) -> &'static str {
        match self {
            EventKind::Create => "create",
            EventKind::Rename => "rename",
            EventKind::Merge => "merge",
            EventKind::Split => "split",
            EventKind::Move => "move",
            EventKind::ChangeLevel => "change_level",
            EventKind::Transfer => "transfer",
            EventKind::Dissolve => "dissolve",
            EventKind::Code => "code",
            EventKind::Describe => "describe",
        }
    }
}

/// How a system talks to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The document axis's own protocol, signed with a shared secret.
    Vxp,
    /// Our REST API, with a token.
    Rest,
    /// The national public service portal's, which we call.
    Dvcqg,
    /// The civil status system's of the Ministry of Justice, which we call.
    CivilStatus,
    /// The criminal record system's of the Ministry of Justice, which we call.
    CriminalRecord,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 5] = [
        Protocol::Vxp,
        Protocol::Rest,
        Protocol::Dvcqg,
        Protocol::CivilStatus,
        Protocol::CriminalRecord,
    ];

    /// The stable word.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Vxp => "vxp",
            Protocol::Rest => "rest",
            Protocol::Dvcqg => "dvcqg",
            Protocol::CivilStatus => "civil_status",
            Protocol::CriminalRecord => "criminal_record",
        }
    }

    /// Reads [`Protocol::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name() == name)
    }

    /// True where we call the system by its own protocol, at the address of its [`Connector`].
    pub const fn is_connector(self) -> bool {
        matches!(
            self,
            Protocol::Dvcqg | Protocol::CivilStatus | Protocol::CriminalRecord
        )
    }
}

/// Where a system stands that we call by its own protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// The system.
    pub system: SystemId,
    /// Base address, without a slash at its end.
    pub url: String,
    /// The name under which we enter; empty where a key alone is asked for.
    pub user: String,
    /// The protocol's own particulars.
    pub settings: ConnectorSettings,
}

/// Particulars of a protocol by which we call; what a protocol does not know is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ConnectorSettings {
    /// Where to log in, from the base address.
    pub login_path: String,
    /// Where the services are, from the base address.
    pub service_path: String,
    /// The far end behind the adapter: `dstcode`.
    pub destination: String,
    /// Our own code there: `madonvi`.
    pub unit_code: String,
}

/// A connected application of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// Its id.
    pub id: SystemId,
    /// Whose it is.
    pub org: OrgId,
    /// Name, unique among the active systems of its organisation.
    pub name: String,
    /// How it talks to us.
    pub protocol: Protocol,
    /// False once closed.
    pub is_active: bool,
    /// True for the one system that receives what is addressed to the organisation.
    pub is_receiver: bool,
    /// The id under which it signs requests of the document axis.
    pub vxp_id: Option<String>,
    /// Grows with each change.
    pub version: u64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// An API token as far as it may be known: never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// The system it speaks for; `None` for an operator's token.
    pub system: Option<SystemId>,
    /// What it is for, in words.
    pub name: String,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// Where a push endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookState {
    /// Wished for by the system's owner; nothing is sent.
    Proposed,
    /// Approved by an operator.
    Active,
    /// Switched off.
    Disabled,
}

impl WebhookState {
    /// The stable word.
    pub const fn name(self) -> &'static str {
        match self {
            WebhookState::Proposed => "proposed",
            WebhookState::Active => "active",
            WebhookState::Disabled => "disabled",
        }
    }

    /// Reads [`WebhookState::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "proposed" => Some(WebhookState::Proposed),
            "active" => Some(WebhookState::Active),
            "disabled" => Some(WebhookState::Disabled),
            _ => None,
        }
    }
}

/// A push endpoint of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub system: SystemId,
    /// Where to.
    pub url: String,
    /// Where it stands.
    pub state: WebhookState,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When it was approved.
    pub approved_at: Option<Timestamp>,
    /// Since when every call failed.
    pub failing_since: Option<Timestamp>,
    /// Grows with each change.
    pub version: u64,
    /// When it was proposed.
    pub created_at: Timestamp,
}
