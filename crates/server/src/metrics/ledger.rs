//! The numbers of the log and of what follows it.

use super::{Page, Sources};

/// Entries that are counted at most; more is as bad.
const WAITING_MAX: usize = 1_000_000;

impl Sources {
    pub(super) async fn render_ledger(&self, page: &mut Page) {
        self.render_sealing(page).await;
        self.render_delays(page);
        self.render_clock(page);
        self.render_stamping(page);
        self.render_witnesses(page);
    }

    async fn render_sealing(&self, page: &mut Page) {
        let sealing = &self.vouching.sealing;
        let size = *self.ledger.subscribe().borrow();
        let name = "lgsp_ledger_leaves";
        page.one(name, "gauge", "Leaves of the newest checkpoint", size);
        match self.ledger.waiting(WAITING_MAX).await {
            Ok(waiting) => page.one(
                "lgsp_ledger_entries_waiting",
                "gauge",
                "Entries that are not sealed yet",
                waiting,
            ),
            Err(error) => tracing::warn!(%error, "entries could not be counted"),
        }
        for (name, help, value) in [
            (
                "lgsp_ledger_sealed_leaves_total",
                "Leaves sealed by this node",
                sealing.leaves(),
            ),
            (
                "lgsp_ledger_checkpoints_total",
                "Checkpoints published by this node",
                sealing.checkpoints(),
            ),
            (
                "lgsp_ledger_seal_failures_total",
                "Rounds of sealing that failed",
                sealing.condition.failures(),
            ),
        ] {
            page.one(name, "counter", help, value);
        }
        page.one(
            "lgsp_ledger_sealing",
            "gauge",
            "1 while the ledger is sealed, 0 while that fails",
            u64::from(sealing.condition.failing().is_none()),
        );
    }

    fn render_delays(&self, page: &mut Page) {
        let sealing = &self.vouching.sealing;
        let (name, total) = (
            "lgsp_ledger_checkpoint_delay_seconds",
            sealing.checkpoints(),
        );
        page.head(
            name,
            "histogram",
            "How long the oldest entry of a checkpoint waited for it",
        );
        for (bound, count) in sealing.delays().classes() {
            let le = format!("{}.{:03}", bound / 1_000, bound % 1_000);
            page.sample(&format!("{name}_bucket"), &[("le", &le)], count);
        }
        page.sample(&format!("{name}_bucket"), &[("le", "+Inf")], total);
        let sum = sealing.delays().sum_micros();
        page.line(&format!(
            "{name}_sum {}.{:06}",
            sum / 1_000_000,
            sum % 1_000_000
        ));
        page.sample(&format!("{name}_count"), &[], total);
    }

    fn render_clock(&self, page: &mut Page) {
        let skew = self.ledger.clock_skew();
        let name = "lgsp_ledger_clock_skew_seconds";
        page.head(
            name,
            "gauge",
            "How far our clock is ahead of what it is compared with",
        );
        let sign = if skew.micros < 0 { "-" } else { "" };
        let (source, micros) = (skew.source.code(), skew.micros.unsigned_abs());
        page.line(&format!(
            "{name}{{compared_with=\"{source}\"}} {sign}{}.{:06}",
            micros / 1_000_000,
            micros % 1_000_000
        ));
        page.one(
            "lgsp_ledger_clock_steps_total",
            "counter",
            "Steps of the clock that this node saw",
            self.ledger.clock_steps(),
        );
    }

    fn render_stamping(&self, page: &mut Page) {
        let Some(stamping) = &self.vouching.stamping else {
            return;
        };
        page.one(
            "lgsp_ledger_timestamp_age_seconds",
            "gauge",
            "Time since everything sealed had a time stamp",
            stamping.age().as_secs(),
        );
        page.one(
            "lgsp_ledger_timestamp_failures_total",
            "counter",
            "Calls of the time-stamp authority that brought no stamp",
            stamping.condition.failures(),
        );
        let name = "lgsp_ledger_timestamp_skew_seconds";
        page.head(
            name,
            "gauge",
            "Clock of the time-stamp authority less ours, at the last stamp",
        );
        let skew = stamping.skew_millis();
        let sign = if skew < 0 { "-" } else { "" };
        let skew = skew.unsigned_abs();
        page.line(&format!(
            "{name} {sign}{}.{:03}",
            skew / 1_000,
            skew % 1_000
        ));
        // Absent while all is well, so that an alert on its presence is an alert on the outage.
        if let Some(left) = stamping.stops_in() {
            page.one(
                "lgsp_ledger_timestamp_countdown_seconds",
                "gauge",
                "Time until the outage of the authority is over its limit",
                left.as_secs(),
            );
        }
    }

    fn render_witnesses(&self, page: &mut Page) {
        let witnesses = &self.vouching.witnesses;
        if witnesses.is_empty() {
            return;
        }
        for (name, kind, help) in [
            (
                "lgsp_ledger_witness_leaves",
                "gauge",
                "Leaves that the witness signed last",
            ),
            (
                "lgsp_ledger_witness_failures_total",
                "counter",
                "Rounds in which the witness did not sign",
            ),
            (
                "lgsp_ledger_witness_contradicts",
                "gauge",
                "1 while the witness says that this log is not the one it signed",
            ),
        ] {
            page.head(name, kind, help);
            for witness in witnesses {
                let value = match name {
                    "lgsp_ledger_witness_leaves" => witness.size(),
                    "lgsp_ledger_witness_failures_total" => witness.condition.failures(),
                    _ => u64::from(witness.is_contradicted()),
                };
                page.sample(name, &[("witness", witness.key().name())], value);
            }
        }
    }

    pub(super) async fn render_insight(&self, page: &mut Page) {
        match self.insight.progress().await {
            Ok(progress) => {
                page.one(
                    "lgsp_insight_leaves",
                    "gauge",
                    "Leaves that figures and search know",
                    progress.leaves,
                );
                page.one(
                    "lgsp_insight_lag_leaves",
                    "gauge",
                    "Sealed leaves that they do not know yet",
                    progress.lag,
                );
            }
            Err(error) => tracing::warn!(%error, "the progress of figures could not be read"),
        }
        page.one(
            "lgsp_insight_failures_total",
            "counter",
            "Rounds of the projector that failed",
            self.vouching.projecting.failures(),
        );
    }
}
