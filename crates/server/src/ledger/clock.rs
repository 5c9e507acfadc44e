//! The clock, as readiness, the console and the log see it; the ledger itself refuses to sign where it is too far off.

use std::sync::Arc;

use lgsp_base::Clock;
use lgsp_store::ledger::{ClockSkew, Ledger};

use super::condition::Condition;

/// Watches the clock of this node.
#[derive(Debug)]
pub struct ClockCare {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    /// How it fares: failing while the skew is an alarm.
    pub condition: Condition,
}

impl ClockCare {
    pub(super) fn new(ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        Self {
            ledger,
            clock,
            condition: Condition::default(),
        }
    }

    /// How far the clock is off.
    pub fn skew(&self) -> ClockSkew {
        self.ledger.clock_skew()
    }

    /// Looks once.
    pub(super) fn step(&self) {
        let skew = self.skew();
        if !skew.is_alarm() {
            if self.condition.succeeds() {
                tracing::info!("the clock is right again");
            }
            return;
        }
        // The cause without its size, so that one that grows is told once.
        let source = skew.source.code();
        let words = match skew.is_refused() {
            true => format!("too far off to sign anything, compared with {source}"),
            false => format!("off, compared with {source}"),
        };
        if self.condition.fails(self.clock.now(), &words) {
            tracing::error!(
                skew_millis = skew.micros / 1_000,
                "the clock is {words}: set it, and turn NTP on"
            );
        }
    }

    /// For readiness.
    pub(super) fn told(&self) -> Result<(), String> {
        let skew = self.skew();
        match (skew.is_alarm(), skew.is_refused()) {
            (_, true) => Err(format!("{skew}: nothing is signed")),
            (true, false) => Err(skew.to_string()),
            (false, false) => Ok(()),
        }
    }
}
