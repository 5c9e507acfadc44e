//! Rows of dossiers of the one-stop shop: what a dossier is now, who takes part, its steps, pushes, persons, files, and what the portals
//! know of it.
//!
//! Every query stands here as a method of [`Tx`](crate::Tx), noun first. Pushes themselves are documents of the kind
//! [`Dossier`](crate::exchange::DocumentKind::Dossier). What says something about a person is handed in sealed
//! ([`seal`](crate::seal)) and comes out sealed; nothing here holds a key.

mod ageing;
mod catalogues;
mod connectors;
mod contents;
mod dossiers;
mod erasure;
mod files;
mod history;
mod lists;
pub mod model;
mod parties;
mod persons;
mod portals;
mod reconciliations;
mod routes;

pub use ageing::{AgeingBounds, AgeingFilter, AgeingRow};
pub use catalogues::{CatalogueEntry, Procedure, ProcedureFilter, ProcedureMapping};
pub use connectors::ConnectorHealth;
pub use contents::{DossierContent, DossierKey, DossierSummary};
pub use erasure::DossierErased;
pub use files::DossierFile;
pub use history::{DossierLetter, DossierMessage, DossierStep};
pub use lists::{ClockBounds, ClockState, DossierFilter, DossierOrder, DossierPlace, DossierRows};
pub use model::{
    Dossier, DossierRoute, FileKind, Finding, MessageKind, PartyRole, ReconciliationState,
    RouteKind,
};
pub use parties::DossierParty;
pub use persons::{DossierLook, LookFilter, NewLook};
pub use portals::{PortalItem, PortalWalk, PortalWalkRow};
pub use reconciliations::{Reconciliation, ReconciliationItem};
