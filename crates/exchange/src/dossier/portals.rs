//! Portals on command: what an operator may ask of them apart from their daily round. The connectors' side implements it.

use futures_util::future::BoxFuture;
use lgsp_base::Actor;
use lgsp_base::id::OrgId;
use lgsp_base::vi::Day;
use lgsp_store::dossier::Reconciliation;

use super::error::DossierError;

/// What a synchronisation of procedures and catalogues did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Procedures that the portal listed.
    pub procedures: u64,
    /// Of these: new or changed.
    pub changed: u64,
    /// Of these: not understood, or refused; the one before is kept.
    pub skipped: u64,
    /// Entries of all catalogues.
    pub entries: u64,
    /// Services that failed, with a stable word each.
    pub failed: Vec<(&'static str, String)>,
}

/// Why a portal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PortalsError {
    /// No portal is connected for this organisation.
    #[error("no portal is connected for this organisation")]
    Unknown,
    /// The portal does not answer; with a stable word.
    #[error("the portal does not answer: {0}")]
    Unavailable(String),
    /// We could not.
    #[error("it could not be done")]
    Dossier(#[from] DossierError),
}

/// The portals of a node.
pub trait Portals: Send + Sync + std::fmt::Debug {
    /// The organisations of connected portals.
    fn organisations(&self) -> Vec<OrgId>;

    /// Compares the dossiers of a day with a portal and sends again what it lacks. That the portal does not answer stands in the
    /// comparison.
    fn reconcile<'a>(
        &'a self,
        actor: &'a Actor,
        portal: OrgId,
        day: Day,
    ) -> BoxFuture<'a, Result<Reconciliation, PortalsError>>;

    /// Fetches procedures and catalogues.
    fn synchronise<'a>(
        &'a self,
        actor: &'a Actor,
        portal: OrgId,
    ) -> BoxFuture<'a, Result<SyncReport, PortalsError>>;
}
