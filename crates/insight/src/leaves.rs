//! Where sealed entries and the names of organisations come from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use lgsp_base::Timestamp;
use lgsp_base::id::OrgId;
use lgsp_store::ledger::{Ledger, LedgerError, SealedEntry};

/// The answer of [`Leaves::read`].
pub type LeavesRead<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<SealedEntry>, LedgerError>> + Send + 'a>>;

/// The sealed ledger.
pub trait Leaves: Send + Sync + fmt::Debug {
    /// How many leaves are sealed; rises, and may lag behind by a moment.
    fn size(&self) -> u64;

    /// Up to `limit` leaves from this one on, in order and without holes; fewer than asked for, also none, at the end.
    fn read(&self, from: u64, limit: usize) -> LeavesRead<'_>;
}

impl Leaves for Ledger {
    fn size(&self) -> u64 {
        *self.subscribe().borrow()
    }

    fn read(&self, from: u64, limit: usize) -> LeavesRead<'_> {
        Box::pin(self.leaves(from, limit))
    }
}

/// An organisation as a document names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its name as people write it.
    pub name: String,
    /// Its code.
    pub code: Option<String>,
}

/// Names of organisations, so that a document is found by its parties.
pub trait Names: Send + Sync + fmt::Debug {
    /// What the organisation was called at that time; none if it is not known.
    fn party(&self, org: OrgId, at: Timestamp) -> Option<Party>;
}
