//! The national public service portal (Cổng DVCQG), called through the adapter of the exchange platform (protocols §4.4, §4.5).
//!
//! One session per connected system, renewed once when the portal says that it is lost; many callers that find it lost wait for one
//! log-in. Dossiers go as new or as change by what we know of the portal, and the other way at once where it knows better; steps go
//! in batches of at most `limits::DOSSIER_PROGRESS_BATCH_MAX`.

mod client;
mod compare;
mod deliver;
mod outgoing;
mod sync;

use std::sync::Arc;

use lgsp_registry::Registry;
use lgsp_wire::dossier::ReplyWords;

use crate::connector::Casework;
use crate::outbound::Outbound;
pub use client::{PortalError, SystemReply};
pub use compare::PortalRecords;
pub use sync::SyncError;

/// The portal as one node calls it; clones share sessions.
#[derive(Debug, Clone)]
pub struct NationalPortal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    outbound: Outbound,
    registry: Registry,
    casework: Arc<dyn Casework>,
    words: ReplyWords,
    sessions: client::Sessions,
    batches: deliver::BatchesDone,
}

impl NationalPortal {
    /// Nothing is called yet.
    pub fn new(outbound: Outbound, registry: Registry, casework: Arc<dyn Casework>) -> Self {
        Self {
            inner: Arc::new(Inner {
                outbound,
                registry,
                casework,
                words: ReplyWords::default(),
                sessions: client::Sessions::default(),
                batches: deliver::BatchesDone::default(),
            }),
        }
    }

    pub(crate) fn casework(&self) -> &dyn Casework {
        &*self.inner.casework
    }

    pub(crate) fn words(&self) -> &ReplyWords {
        &self.inner.words
    }
}

#[cfg(test)]
mod tests;
