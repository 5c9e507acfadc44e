//! The one-stop systems of a province: a scenario that is checked, and counters that stay open.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::one_stop::{OfficeWorld, OneStop};

/// How often somebody comes to some counter.
const VISIT_PAUSE: Duration = Duration::from_secs(6);
/// Rounds in which offices take in what an earlier run left behind.
const LEFTOVER_ROUNDS: usize = 20;

/// Offices that know each other's codes.
#[derive(Debug, Clone)]
pub struct Offices {
    members: Vec<Arc<OneStop>>,
    world: OfficeWorld,
}

impl Offices {
    /// These offices; `world` is the one that they share.
    pub fn new(members: Vec<Arc<OneStop>>, world: OfficeWorld) -> Self {
        Self { members, world }
    }

    /// The systems.
    pub fn members(&self) -> &[Arc<OneStop>] {
        &self.members
    }

    /// The office of the agency with this code.
    pub fn member(&self, code: &str) -> Option<&Arc<OneStop>> {
        self.members
            .iter()
            .find(|member| member.agency().code == code)
    }

    /// What they share.
    pub fn world(&self) -> &OfficeWorld {
        &self.world
    }

    /// Lets every office take in what an earlier run left behind; the book begins empty behind it.
    pub async fn take_leftovers(&self) {
        for _ in 0..LEFTOVER_ROUNDS {
            let mut taken = 0;
            for member in &self.members {
                taken += member.work().await;
            }
            if taken == 0 {
                break;
            }
        }
        self.world.book.clear();
    }

    /// Starts every system's own loop; they end when `stop` turns true.
    pub fn start(&self, pace: Duration, stop: &watch::Receiver<bool>) -> JoinSet<()> {
        let mut running = JoinSet::new();
        for member in &self.members {
            let (member, stop) = (Arc::clone(member), stop.clone());
            running.spawn(async move { member.run(pace, stop).await });
        }
        running
    }

    /// True when every case came to its end.
    pub fn are_done(&self) -> bool {
        self.members.iter().all(|member| member.is_done())
    }

    /// One citizen for everything that is offered at a counter; the codes of their dossiers.
    pub fn play_scenario(&self) -> Vec<String> {
        let mut codes = Vec::new();
        for member in &self.members {
            let services = member.services_at_counter();
            codes.extend(services.filter_map(|service| member.take_in(service)));
        }
        codes
    }

    /// Lets somebody come to some counter now and then until told to stop.
    pub async fn live(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            self.visit();
            tokio::select! {
                () = tokio::time::sleep(VISIT_PAUSE) => {}
                _ = stop.changed() => {}
            }
        }
    }

    fn visit(&self) {
        let pick = |count: usize| {
            let index = self.world.entropy.below(count as u64);
            usize::try_from(index).unwrap_or_default()
        };
        let Some(member) = self.members.get(pick(self.members.len())) else {
            return;
        };
        let offered: Vec<_> = member.services_at_counter().collect();
        if let Some(service) = offered.get(pick(offered.len())) {
            member.take_in(service);
        }
    }
}
