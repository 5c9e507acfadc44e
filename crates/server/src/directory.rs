//! What exchange and insight ask about organisations, answered from the registry's snapshot.

use lgsp_base::Timestamp;
use lgsp_base::id::{OrgId, SystemId};
use lgsp_exchange::{Channel, ConnectorKind, Directory, Party, Receiver, Resolved};
use lgsp_registry::model::{Protocol, System, WebhookState};
use lgsp_registry::{Candidate, Registry, Resolution, Snapshot};

/// The registry as the exchange knows it.
#[derive(Debug, Clone)]
pub struct RegistryDirectory {
    registry: Registry,
    clock: std::sync::Arc<dyn lgsp_base::Clock>,
}

impl RegistryDirectory {
    /// Wires the two together.
    pub fn new(registry: Registry, clock: std::sync::Arc<dyn lgsp_base::Clock>) -> Self {
        Self { registry, clock }
    }
}

/// Names a system's way to receive: the protocol by which we call it, else its approved endpoint, else what its protocol
/// fetches from.
fn channel(snapshot: &Snapshot, system: &System) -> Channel {
    let fetched = match system.protocol {
        Protocol::Vxp => Channel::Axis,
        Protocol::Rest => Channel::Inbox,
        Protocol::Dvcqg => return called(ConnectorKind::Dvcqg),
        Protocol::CivilStatus => return called(ConnectorKind::CivilStatus),
        Protocol::CriminalRecord => return called(ConnectorKind::CriminalRecord),
    };
    snapshot
        .webhooks_of(system.id)
        .find(|webhook| webhook.state == WebhookState::Active)
        .map_or(fetched, |webhook| Channel::Webhook {
            webhook: webhook.id,
            url: webhook.url.clone(),
        })
}

const fn called(kind: ConnectorKind) -> Channel {
    Channel::Connector { kind }
}

fn candidates(found: Vec<Candidate>) -> Vec<(String, String)> {
    found
        .into_iter()
        .map(|candidate| (candidate.code, candidate.name))
        .collect()
}

impl Directory for RegistryDirectory {
    fn resolve(&self, code: &str, at: Timestamp) -> Resolved {
        match self.registry.snapshot().resolve(code, at) {
            Resolution::Active { org, code } => Resolved::Found {
                org,
                code,
                routed_from: None,
            },
            Resolution::Forwarded { org, code: to, .. } => Resolved::Found {
                org,
                code: to,
                routed_from: Some(code.to_owned()),
            },
            Resolution::Closed {
                candidates: found, ..
            } => Resolved::Closed {
                candidates: candidates(found),
            },
            Resolution::NotYet { .. } | Resolution::Unknown => Resolved::Unknown,
        }
    }

    fn party(&self, org: OrgId) -> Option<Party> {
        let snapshot = self.registry.snapshot();
        let now = self.clock.now();
        snapshot.organisation(org).map(|found| Party {
            code: found.code_near(now).to_owned(),
            name: found.name_near(now).to_owned(),
        })
    }

    fn receiver(&self, org: OrgId) -> Option<Receiver> {
        let snapshot = self.registry.snapshot();
        let system = snapshot.receiver(org)?;
        Some(Receiver {
            system: system.id,
            channel: channel(&snapshot, system),
        })
    }

    fn may_send_as(&self, system: SystemId, org: OrgId) -> bool {
        self.registry.snapshot().may_send_as(system, org)
    }

    fn receives_for(&self, system: SystemId) -> Vec<OrgId> {
        let snapshot = self.registry.snapshot();
        snapshot
            .acts_for(system)
            .filter(|org| {
                snapshot
                    .receiver(*org)
                    .is_some_and(|receiver| receiver.id == system)
            })
            .collect()
    }

    fn acts_for(&self, system: SystemId) -> Vec<OrgId> {
        self.registry.snapshot().acts_for(system).collect()
    }

    fn lineage(&self, org: OrgId) -> Vec<OrgId> {
        self.registry.snapshot().lineage(org, self.clock.now())
    }

    fn pushed_to(&self) -> Vec<OrgId> {
        let snapshot = self.registry.snapshot();
        let mut orgs: Vec<OrgId> = snapshot
            .connections()
            .systems()
            .filter(|system| system.is_active)
            .filter(|system| channel(&snapshot, system).pushed_by().is_some())
            .flat_map(|system| self.receives_for(system.id))
            .collect();
        orgs.sort_unstable();
        orgs.dedup();
        orgs
    }
}

impl lgsp_insight::Names for RegistryDirectory {
    fn party(&self, org: OrgId, at: Timestamp) -> Option<lgsp_insight::Party> {
        self.registry
            .snapshot()
            .organisation(org)
            .map(|found| lgsp_insight::Party {
                name: found.name_near(at).to_owned(),
                code: Some(found.code_near(at).to_owned()),
            })
    }
}

#[cfg(test)]
mod tests;
