//! What the registry knew at one moment, for readers that never wait.

use std::sync::Arc;
use std::time::Duration;

use lgsp_base::hash::Sha256;
use lgsp_base::id::{OrgId, SystemId};
use lgsp_base::org_code::Scheme;
use lgsp_base::secret::Secret;
use lgsp_base::time::Timestamp;

use crate::connections::Connections;
use crate::directory::Directory;
use crate::model::{Organisation, System, TokenRecord, Webhook};
use crate::resolve::{self, Resolution};
use crate::search::{self, Hit};

/// Directory and connections, immutable. Cheap to clone and to keep for the length of a request.
#[derive(Debug, Clone)]
pub struct Snapshot {
    directory: Arc<Directory>,
    connections: Arc<Connections>,
    transition: Duration,
}

/// Which organisations a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListFilter<'a> {
    /// Only those directly below this one.
    pub parent: Option<OrgId>,
    /// Only those of this level.
    pub level: Option<u32>,
    /// Only those of this kind.
    pub kind: Option<&'a str>,
    /// Also those that do not exist at the instant.
    pub has_inactive: bool,
    /// Only those behind this one in the order of the list.
    pub after: Option<OrgId>,
    /// At most so many.
    pub limit: usize,
}

impl Snapshot {
    pub(crate) fn new(
        directory: Arc<Directory>,
        connections: Arc<Connections>,
        transition: Duration,
    ) -> Self {
        Self {
            directory,
            connections,
            transition,
        }
    }

    /// All organisations.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// All systems, tokens and endpoints.
    pub fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// How long closed codes route to the successor.
    pub fn transition(&self) -> Duration {
        self.transition
    }

    /// What a code of any addressable scheme means at an instant.
    pub fn resolve(&self, code: &str, at: Timestamp) -> Resolution {
        resolve::resolve(&self.directory, code, at, self.transition)
    }

    /// What a code of one scheme means at an instant.
    pub fn resolve_in(&self, scheme: Scheme, code: &str, at: Timestamp) -> Resolution {
        resolve::resolve_in(&self.directory, scheme, code, at, self.transition)
    }

    /// The ended organisations that went into this one as a whole by an instant: what they sent and received is its to follow.
    pub fn lineage(&self, org: OrgId, at: Timestamp) -> Vec<OrgId> {
        resolve::lineage(&self.directory, org, at)
    }

    /// One organisation.
    pub fn organisation(&self, id: OrgId) -> Option<&Organisation> {
        self.directory.organisation(id)
    }

    /// The organisation that a person means: by id, or by any code it has or had.
    pub fn lookup(&self, id_or_code: &str) -> Option<&Organisation> {
        match id_or_code.trim().parse::<OrgId>() {
            Ok(id) => self.directory.organisation(id),
            Err(_) => self.directory.by_code(id_or_code),
        }
    }

    /// Organisations that fit a text at an instant, best first.
    pub fn search(&self, text: &str, at: Timestamp, limit: usize) -> Vec<Hit> {
        search::search(&self.directory, text, at, limit)
    }

    /// Organisations at an instant, by code.
    pub fn list(&self, at: Timestamp, filter: &ListFilter<'_>) -> Vec<&Organisation> {
        let mut is_behind = filter.after.is_none();
        self.directory
            .iter()
            .filter(|org| {
                let take = is_behind;
                is_behind |= filter.after == Some(org.id);
                take && is_listed(org, at, filter)
            })
            .take(filter.limit)
            .collect()
    }

    /// The system that receives for an organisation.
    pub fn receiver(&self, org: OrgId) -> Option<&System> {
        self.connections.receiver(org)
    }

    /// One system.
    pub fn system(&self, id: SystemId) -> Option<&System> {
        self.connections.system(id)
    }

    /// The system that signs with this id on the document axis.
    pub fn system_by_vxp(&self, vxp_id: &str) -> Option<&System> {
        self.connections.by_vxp_id(vxp_id)
    }

    /// The secret with which an active system signs on the document axis.
    pub fn vxp_secret(&self, id: SystemId) -> Option<&Secret<Vec<u8>>> {
        self.connections.vxp_secret(id)
    }

    /// The usable token with this digest.
    pub fn token(&self, digest: &Sha256) -> Option<&TokenRecord> {
        self.connections.token(digest)
    }

    /// The push endpoints of a system.
    pub fn webhooks_of(&self, system: SystemId) -> impl Iterator<Item = &Webhook> {
        self.connections.webhooks_of(system)
    }

    /// The organisations for which a system registered itself on the document axis.
    pub fn agencies_of(&self, system: SystemId) -> &[OrgId] {
        self.connections.agencies_of(system)
    }

    /// True if the system may send in the name of the organisation: its own, or one that it registered for.
    pub fn may_send_as(&self, system: SystemId, org: OrgId) -> bool {
        self.acts_for(system).any(|own| own == org)
    }

    /// The organisations in whose name a system may send: its own first, then those that it registered for; none for a closed
    /// system.
    pub fn acts_for(&self, system: SystemId) -> impl Iterator<Item = OrgId> {
        self.system(system)
            .filter(|found| found.is_active)
            .into_iter()
            .flat_map(|found| {
                std::iter::once(found.org).chain(self.agencies_of(found.id).iter().copied())
            })
    }

    /// True if `org` stands at or below `above` at an instant.
    pub fn is_within(&self, org: OrgId, above: OrgId, at: Timestamp) -> bool {
        let mut current = Some(org);
        // Levels are few; the bound only guards against damage.
        for _ in 0..32 {
            match current {
                Some(id) if id == above => return true,
                Some(id) => {
                    current = self
                        .organisation(id)
                        .and_then(|org| org.period_at(at))
                        .and_then(|period| period.parent);
                }
                None => return false,
            }
        }
        false
    }
}

fn is_listed(org: &Organisation, at: Timestamp, filter: &ListFilter<'_>) -> bool {
    let period = if filter.has_inactive {
        org.period_near(at)
    } else {
        org.period_at(at)
    };
    period.is_some_and(|period| {
        filter
            .parent
            .is_none_or(|parent| period.parent == Some(parent))
            && filter.level.is_none_or(|level| period.level == level)
            && filter.kind.is_none_or(|kind| &*period.kind == kind)
    })
}
