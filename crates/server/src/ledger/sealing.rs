//! Sealing: entries become leaves, and a checkpoint over them is published.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lgsp_base::Clock;
use lgsp_store::ledger::{Ledger, LedgerError};

use super::condition::Condition;

/// How long sealing may fail before no more work is taken.
const LASTING: Duration = Duration::from_secs(10);
/// Bounds of the classes by which delays are counted, in milliseconds; a second is what is promised.
const DELAY_CLASSES_MS: [u64; 6] = [100, 250, 500, 1_000, 2_500, 10_000];

/// The sealer of this node.
#[derive(Debug)]
pub struct Sealing {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    /// How it fares.
    pub condition: Condition,
    leaves: AtomicU64,
    checkpoints: AtomicU64,
    delays: Delays,
}

/// How long the oldest entry of each checkpoint waited for it.
#[derive(Debug, Default)]
pub struct Delays {
    /// Checkpoints by [`DELAY_CLASSES_MS`], each counted in every class that it does not exceed.
    classes: [AtomicU64; DELAY_CLASSES_MS.len()],
    sum_micros: AtomicU64,
}

impl Delays {
    fn count(&self, delay: Duration) {
        for (bound, class) in DELAY_CLASSES_MS.iter().zip(&self.classes) {
            if delay <= Duration::from_millis(*bound) {
                class.fetch_add(1, Ordering::Relaxed);
            }
        }
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Each bound in milliseconds with the checkpoints that did not exceed it.
    pub fn classes(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.classes.iter();
        let counts = counts.map(|class| class.load(Ordering::Relaxed));
        DELAY_CLASSES_MS.into_iter().zip(counts)
    }

    /// All delays together, in microseconds.
    pub fn sum_micros(&self) -> u64 {
        self.sum_micros.load(Ordering::Relaxed)
    }
}

impl Sealing {
    pub(super) fn new(ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        Self {
            ledger,
            clock,
            condition: Condition::default(),
            leaves: AtomicU64::new(0),
            checkpoints: AtomicU64::new(0),
            delays: Delays::default(),
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

    /// How long entries waited for those checkpoints.
    pub fn delays(&self) -> &Delays {
        &self.delays
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
                    self.delays.count(sealed.delay);
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
