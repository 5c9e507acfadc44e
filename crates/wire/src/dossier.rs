//! Dossiers of the one-stop shop (*một cửa*) and the formats in which they travel: the national public service portal (Cổng DVCQG)
//! and the systems around it (protocols §4).
//!
//! [`Dossier`] and [`ProgressStep`] are the canonical model; their serde form is our own JSON, their `from_portal` and `to_portal` are
//! the portal's objects, in which every scalar is a text. Readers look past the habits of producers and say which ([`Tolerance`]),
//! keep fields that they do not know, and name the place and the rule of everything that is wrong ([`Violation`]).

mod bare;
mod civil_record;
pub mod civil_status;
mod code;
pub mod codec;
pub mod criminal_record;
mod error;
mod fields;
mod file;
pub mod forms;
mod json;
mod letter;
mod macros;
mod members;
mod model;
mod notice;
mod portal;
mod procedure;
mod progress;
mod reply;
pub mod rest_exchange;
mod reuse;
mod status;

#[cfg(test)]
mod tests;

pub use bare::{Batch, read_dossiers, read_progress, write_dossiers, write_progress};
pub use civil_record::CivilRecord;
pub use code::{
    DossierCode, DossierCodeError, ProcedureCode, ProcedureCodeError, agency_in_other_style,
};
pub use error::{DossierError, Habit, Tolerance, Violation, to_problem};
pub use fields::{Extra, Item};
pub use file::{FileBytes, NotAFile};
pub use letter::{APPLICATION_TYPE, DossierLetter, NoDossier};
pub use model::*;
pub use notice::*;
pub use portal::{
    DESTINATION, DESTINATION_FIELD, LoginRequest, PortalRequest, PortalService, progress_batches,
};
pub use procedure::*;
pub use progress::ProgressStep;
pub use reply::{ItemReply, Reply, ReplyError, ReplyOutcome, ReplyWords, read_reply};
pub use reuse::*;
pub use status::{DossierStatus, TransitionTable, UnknownStatus};
