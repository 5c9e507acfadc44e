//! Dossiers of the one-stop shop (*hồ sơ*), on the document exchange.
//!
//! A dossier is a long-lived record with a public code. What systems push about it is a document of the kind `dossier` on the one
//! delivery engine: its receipt, order, retries, dead letters, resends and trace are those of every document. In the same transaction
//! the push moves the dossier's state. Everything that says something about a person is sealed under the dossier's own key; the
//! normative description is `docs/specs/dossiers.md`.
//!
//! Reading order: `model`, `push`, `apply`, `decide`, `history`, `clock`, `rules`, `mask`, `view`, `lists`, `public`.

pub mod model;

mod apply;
mod clock;
pub(crate) mod connectors;
mod counters;
mod decide;
mod error;
mod files;
mod history;
mod keeping;
mod lists;
mod looks;
mod mask;
mod outgoing;
pub mod portals;
mod procedures;
mod public;
mod push;
pub mod reconcile;
mod routes;
mod rules;
pub(crate) mod sealing;
mod service;
pub(crate) mod view;

pub use clock::{DossierClock, Timing};
pub use counters::{DossierCounters, LiveCounters};
pub use error::DossierError;
pub use files::{FileContent, FileIntake, FileLink, NewFile};
pub use keeping::KeyState;
pub use lgsp_store::dossier::{
    CatalogueEntry, ClockState, ConnectorHealth, DossierPlace, DossierRoute, FileKind, Finding,
    MessageKind, PartyRole, Procedure, ProcedureFilter, ProcedureMapping, Reconciliation,
    ReconciliationState, RouteKind,
};
pub use lgsp_store::seal::KeyRing;
pub use model::*;
pub use outgoing::Onward;
pub use rules::RetentionTable;
pub use sealing::opens;
pub use service::{DossierConfig, Dossiers};
