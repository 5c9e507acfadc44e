//! Systems that are called by their own protocol, on the page of numbers. Labels are the protocols and their services, closed lists both.

use std::collections::BTreeMap;

use lgsp_base::Actor;

use super::{Page, Sources};

/// Who reads the health of services.
const ACTOR: Actor = Actor::Platform { part: "metrics" };

#[derive(Default)]
struct Counts {
    ok: u64,
    failed: u64,
    failing: u64,
}

impl Sources {
    pub(super) async fn render_connectors(&self, page: &mut Page) {
        let Ok(health) = self.dossiers.connector_health(&ACTOR, None).await else {
            return;
        };
        let snapshot = self.registry.snapshot();
        let mut counts: BTreeMap<(&'static str, String), Counts> = BTreeMap::new();
        for one in health {
            let Some(system) = snapshot.system(one.system).filter(|found| found.is_active) else {
                continue;
            };
            let key = (system.protocol.name(), one.service);
            let sum = counts.entry(key).or_default();
            sum.ok += one.ok;
            sum.failed += one.failed;
            sum.failing = sum.failing.max(one.failed_in_a_row);
        }
        type Value = fn(&Counts) -> u64;
        let families: [(&str, &str, &str, Value); 3] = [
            (
                "lgsp_connector_calls_answered_total",
                "Calls of systems by their own protocol that were answered well",
                "counter",
                |counts| counts.ok,
            ),
            (
                "lgsp_connector_calls_failed_total",
                "Calls of systems by their own protocol that failed or were refused",
                "counter",
                |counts| counts.failed,
            ),
            (
                "lgsp_connector_calls_failing",
                "Failures behind the last good answer of a service",
                "gauge",
                |counts| counts.failing,
            ),
        ];
        for (name, help, kind, value) in families {
            page.head(name, kind, help);
            for ((protocol, service), counts) in &counts {
                let labels = [("protocol", *protocol), ("service", service.as_str())];
                page.sample(name, &labels, value(counts));
            }
        }
    }
}
