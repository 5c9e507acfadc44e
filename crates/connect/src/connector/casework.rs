//! What connectors need of the dossiers, so that a test can stand in for them.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use lgsp_base::id::{DocumentId, OrgId, SystemId};
use lgsp_exchange::HandOver;
use lgsp_wire::dossier::{Dossier, DossierCode, ProcedureCode, ProgressStep};

/// What a delivery carries.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// The whole state of a dossier.
    State(Box<Dossier>),
    /// Steps of a dossier.
    Steps {
        /// Which.
        code: DossierCode,
        /// In their order.
        steps: Vec<ProgressStep>,
    },
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Message::State(dossier) => write!(f, "State({})", dossier.code),
            Message::Steps { code, steps } => write!(f, "Steps({code}, {})", steps.len()),
        }
    }
}

/// Why it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseworkError {
    /// The document is nothing about a dossier: a connector cannot say it.
    #[error("the document is about no dossier")]
    NotADossier,
    /// The dossier was erased.
    #[error("the dossier was erased")]
    Erased,
    /// The platform itself could not; says why, without personal data.
    #[error("the dossier could not be read: {0}")]
    Unavailable(String),
}

/// The dossiers as connectors know them.
pub trait Casework: Send + Sync + Debug {
    /// What a delivery carries.
    fn read<'a>(&'a self, item: &'a HandOver) -> BoxFuture<'a, Result<Message, CaseworkError>>;

    /// The newest whole state of the dossier that a document is about, for a receiver that has lost it.
    fn state(&self, document: DocumentId) -> BoxFuture<'_, Result<Dossier, CaseworkError>>;

    /// True if this organisation was sent the dossier of a document before, and took it.
    fn is_known_to(&self, org: OrgId, document: DocumentId) -> BoxFuture<'_, bool>;

    /// The procedure's code as the national side has it: mapped, or with the agency in the style in which it is published there.
    fn national_code<'a>(
        &'a self,
        document: DocumentId,
        code: &'a ProcedureCode,
    ) -> BoxFuture<'a, Result<ProcedureCode, CaseworkError>>;

    /// Addresses at which files open for a while without a credential; in the order of `urls`, none where the file is not ours to give.
    fn links<'a>(
        &'a self,
        urls: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, CaseworkError>>;

    /// Notes how a service of a system went; a failure with a stable word.
    fn note<'a>(
        &'a self,
        system: SystemId,
        service: &'static str,
        outcome: Result<(), &'a str>,
    ) -> BoxFuture<'a, ()>;
}
