//! Checks a played scenario from the outside: the agencies' own record, and what the platform tells about each document.

use anyhow::Result;
use lgsp_sim::province::Scenario;
use lgsp_sim::{Journal, RestClient};
use serde_json::Value;

/// What the checks found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) traces: usize,
    pub(super) dead: u64,
    pub(super) problems: Vec<String>,
}

impl Checked {
    /// Puts two findings together.
    pub(super) fn add(&mut self, other: Checked) {
        self.traces += other.traces;
        self.dead += other.dead;
        self.problems.extend(other.problems);
    }
}

/// Every recipient got identical bytes exactly once and confirmed them, and every expected status came back.
pub(super) fn outcome(journal: &Journal, scenario: &Scenario) -> Checked {
    let verdict = journal.verdict();
    let mut problems = Vec::new();
    for missing in &verdict.missing {
        problems.push(format!("never delivered: {missing}"));
    }
    for invented in &verdict.invented {
        problems.push(format!("delivered but never sent: {invented}"));
    }
    if verdict.acknowledged != verdict.delivered {
        problems.push(format!(
            "{} delivered, but {} acknowledged",
            verdict.delivered, verdict.acknowledged
        ));
    }
    if verdict.duplicates > 0 {
        problems.push(format!("{} duplicates", verdict.duplicates));
    }
    for (id, recipient, code) in &scenario.expected {
        let seen = journal.statuses(id, recipient);
        if !seen.iter().any(|known| known == code) {
            problems.push(format!(
                "{id} → {recipient}: status {code} never came, seen {seen:?}"
            ));
        }
    }
    Checked {
        problems,
        ..Checked::default()
    }
}

/// The trace of every document shows each delivery as delivered, with the recipient's status.
pub(super) async fn traces(
    admin: &RestClient,
    journal: &Journal,
    scenario: &Scenario,
) -> Result<Checked> {
    let mut checked = Checked::default();
    for letter in &scenario.letters {
        let Some(document) = journal.document(letter.sha256) else {
            checked
                .problems
                .push(format!("{}: never accepted", letter.code));
            continue;
        };
        let trace = admin
            .get(&format!("/api/v1/documents/{document}/trace"))
            .await?;
        checked.traces += 1;
        let deliveries = trace
            .get("deliveries")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        for recipient in &letter.to {
            let text = |delivery: &Value, name: &str| {
                delivery
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let Some(delivery) = deliveries
                .iter()
                .find(|entry| text(entry, "to") == *recipient)
            else {
                checked
                    .problems
                    .push(format!("{document}: the trace does not know {recipient}"));
                continue;
            };
            let state = text(delivery, "state");
            checked.dead += u64::from(state == "dead");
            if state != "delivered" {
                checked
                    .problems
                    .push(format!("{document} → {recipient}: the trace says {state}"));
            }
            let has_status = !text(delivery, "status_code").is_empty()
                || !text(delivery, "side_status").is_empty();
            if !has_status && !letter.is_request {
                checked
                    .problems
                    .push(format!("{document} → {recipient}: no status in the trace"));
            }
        }
    }
    Ok(checked)
}
