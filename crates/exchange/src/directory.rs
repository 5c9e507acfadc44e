//! What the exchange asks about organisations; the registry answers, wired up by the server.

use lgsp_base::Timestamp;
use lgsp_base::id::{OrgId, SystemId, WebhookId};

/// A webhook's name in attempts.
const WEBHOOK: &str = "webhook";
/// A connector's name in attempts.
const CONNECTOR: &str = "connector";

/// Where a code leads at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// To this organisation.
    Found {
        /// The organisation that gets the document.
        org: OrgId,
        /// Its preferred code.
        code: String,
        /// The closed code, if its successor was found in the transition period.
        routed_from: Option<String>,
    },
    /// The code is closed and does not route (axis code 23).
    Closed {
        /// Code and name of each candidate successor; may be empty.
        candidates: Vec<(String, String)>,
    },
    /// Nobody has this code, or nobody yet (axis code 18).
    Unknown,
}

/// How an organisation is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Preferred code.
    pub code: String,
    /// Name.
    pub name: String,
}

/// By which national protocol a system is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectorKind {
    /// The national public service portal's.
    Dvcqg,
    /// The civil status system's of the Ministry of Justice.
    CivilStatus,
    /// The criminal record system's of the Ministry of Justice.
    CriminalRecord,
}

/// How deliveries reach an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// Its system fetches from the REST inbox.
    Inbox,
    /// Its system polls the document axis.
    Axis,
    /// We push to this approved endpoint.
    Webhook {
        /// The endpoint.
        webhook: WebhookId,
        /// Its address.
        url: String,
    },
    /// We call its system by this protocol.
    Connector {
        /// The protocol.
        kind: ConnectorKind,
    },
}

impl Channel {
    /// The word for it in attempts, if a worker pushes over it; none where the recipient fetches.
    pub const fn pushed_by(&self) -> Option<&'static str> {
        match self {
            Channel::Inbox | Channel::Axis => None,
            Channel::Webhook { .. } => Some(WEBHOOK),
            Channel::Connector { .. } => Some(CONNECTOR),
        }
    }
}

/// The one system that receives for an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// The system.
    pub system: SystemId,
    /// How it receives.
    pub channel: Channel,
}

/// Organisations and systems as the exchange needs to know them. Answers come from a snapshot in memory and never wait.
pub trait Directory: Send + Sync + std::fmt::Debug {
    /// Where a code leads at this time.
    fn resolve(&self, code: &str, at: Timestamp) -> Resolved;
    /// How an organisation is shown.
    fn party(&self, org: OrgId) -> Option<Party>;
    /// How deliveries reach an organisation; none while it has no system.
    fn receiver(&self, org: OrgId) -> Option<Receiver>;
    /// True if this system may send in the name of this organisation: its own, or an agency it registered.
    fn may_send_as(&self, system: SystemId, org: OrgId) -> bool;
    /// The organisations for which this system receives: its own first, then the agencies it registered.
    fn receives_for(&self, system: SystemId) -> Vec<OrgId>;
    /// The organisations in whose name this system sends and reads, whether it receives for them or not: its own first, then
    /// the agencies it registered.
    fn acts_for(&self, system: SystemId) -> Vec<OrgId>;
    /// The closed organisations that went into this one as a whole, directly or through others: what they sent and received is
    /// now its own to follow. No end of a transition period ends that.
    fn lineage(&self, org: OrgId) -> Vec<OrgId>;
    /// Every organisation to which a worker pushes ([`Channel::pushed_by`]).
    fn pushed_to(&self) -> Vec<OrgId>;
}
