//! Sealing: entries become leaves, and a checkpoint over them is published.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lgsp_base::Clock;
use lgsp_store::ledger::{Ledger, LedgerError};

use super::condition::Condition;

/// How long sealing may fail before no more work is taken.
const LASTING: Duration = Duration::from_secs(10);

/// The sealer of this node.
#[derive(Debug)]
pub struct Sealing {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    /// How it fares.
    pub condition: Condition,
    leaves: AtomicU64,
    checkpoints: AtomicU64,
}

impl Sealing {
    pub(super) fn new(ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        Self {
            ledger,
            clock,
            condition: Condition::default(),
            leaves: AtomicU64::new(0),
            checkpoints: AtomicU64::new(0),
        }
    }

    /// Leaves that this node sealed since its start.
    pub fn leaves(&self) -> u64 {
        self.leaves.load(Ordering::Relaxed)
    }

    /// Checkpoints that this node published since its start.
    pub fn checkpoints(&self) -> u64 {
        self.checkpoints.load(Ordering::Relaxed)
    }

    /// For readiness: a round that failed is repeated at once, so only trouble that lasts counts.
    pub(super) fn told(&self) -> Result<(), String> {
        let lasting = self
            .condition
            .failing()
            .filter(|failing| self.clock.now().since(failing.since) >= LASTING);
        super::told(lasting)
    }

    /// One round.
    pub async fn step(&self) {
        match self.ledger.seal().await {
            Ok(sealed) => {
                if let Some(sealed) = sealed {
                    self.leaves.fetch_add(sealed.new_leaves, Ordering::Relaxed);
                    self.checkpoints.fetch_add(1, Ordering::Relaxed);
                }
                if self.condition.succeeds() {
                    tracing::info!("the ledger is sealed again");
                }
            }
            Err(error) => self.fails(&error),
        }
    }

    fn fails(&self, error: &LedgerError) {
        let words = super::chain(error);
        if self.condition.fails(self.clock.now(), &words) {
            tracing::error!(error = words, "the ledger is not sealed");
        }
    }
}
