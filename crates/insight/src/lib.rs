#![doc = include_str!("../README.md")]

mod activity;
mod batch;
mod error;
mod event;
mod leaves;
mod overview;
mod projector;
mod search;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use lgsp_base::Clock;
use lgsp_store::Db;

pub use activity::{Activity, ActivityPage, Happened};
pub use error::InsightError;
pub use leaves::{Leaves, LeavesRead, Names, Party};
pub use lgsp_store::insight::{FoundRow, Outcome, Recipient, RecipientState, Transaction};
pub use overview::{
    Cards, Compared, HourPoint, Overview, SERIES_HOURS, STRIP_TICKS, Strip, Tick, ToDo, tick_start,
};
pub use projector::{Advanced, Progress, Rows, Stats};
pub use search::{DocumentPage, DocumentQuery, Scope, Unit};

#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    leaves: Arc<dyn Leaves>,
    names: Arc<dyn Names>,
    counters: projector::Counters,
}

/// What happened, derived from the sealed ledger. Clones share it.
#[derive(Debug, Clone)]
pub struct Insight {
    inner: Arc<Inner>,
}

impl Insight {
    /// Over a database whose schema is up to date; `names` answers what an organisation was called when a document was
    /// accepted, so that it is found by that name.
    pub fn open(
        db: Db,
        clock: Arc<dyn Clock>,
        leaves: Arc<dyn Leaves>,
        names: Arc<dyn Names>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                db,
                clock,
                leaves,
                names,
                counters: projector::Counters::default(),
            }),
        }
    }
}
