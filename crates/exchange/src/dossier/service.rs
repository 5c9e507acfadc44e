//! The dossier service as one value: what its operations share.

use std::sync::Arc;

use lgsp_base::id::{OrgId, SystemId};
use lgsp_base::vi::WorkingCalendar;
use lgsp_base::{Actor, Permission, Timestamp};
use lgsp_store::seal::KeyRing;

use super::counters::LiveCounters;
use super::error::DossierError;
use super::model::OrgView;
use crate::directory::Resolved;
use crate::service::Exchange;

/// What an operator may change.
#[derive(Debug, Clone)]
pub struct DossierConfig {
    /// True if a procedure must be known or mapped, once any were synchronised.
    pub checks_procedures: bool,
}

impl Default for DossierConfig {
    fn default() -> Self {
        Self {
            checks_procedures: true,
        }
    }
}

pub(crate) struct Inner {
    pub(crate) exchange: Exchange,
    pub(crate) calendar: Arc<WorkingCalendar>,
    pub(crate) config: DossierConfig,
    pub(crate) counters: LiveCounters,
}

/// The dossiers of the one-stop shop, on the document exchange; clones share it.
#[derive(Clone)]
pub struct Dossiers {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for Dossiers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dossiers")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

/// Who looks at dossiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// An operator: every dossier, persons masked.
    All,
    /// A system, for these organisations.
    Party(Vec<OrgId>),
}

impl Dossiers {
    /// Puts the service together. The exchange opens the bodies of dossiers with the same keys from then on.
    pub fn new(
        exchange: Exchange,
        keys: KeyRing,
        calendar: Arc<WorkingCalendar>,
        config: DossierConfig,
    ) -> Self {
        // One exchange has one ring: a second service over it works with the first one's.
        drop(exchange.inner.keys.set(keys));
        Self {
            inner: Arc::new(Inner {
                exchange,
                calendar,
                config,
                counters: LiveCounters::default(),
            }),
        }
    }

    /// What the service counted since it was put together.
    pub fn counters(&self) -> &LiveCounters {
        &self.inner.counters
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.inner.exchange
    }

    pub(crate) fn calendar(&self) -> &WorkingCalendar {
        &self.inner.calendar
    }

    pub(crate) fn keys(&self) -> Result<&KeyRing, DossierError> {
        self.exchange().inner.keys.get().ok_or(DossierError::Keys)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.exchange().now()
    }

    /// Who looks, if it may.
    pub(crate) fn viewer(&self, actor: &Actor) -> Result<Viewer, DossierError> {
        if !actor.may(Permission::DossierRead) {
            return Err(DossierError::Forbidden);
        }
        Ok(match actor {
            Actor::System { system, .. } => Viewer::Party(self.exchange().reads_for(*system)),
            Actor::Operator { .. } | Actor::Platform { .. } => Viewer::All,
        })
    }

    pub(crate) fn check_admin(&self, actor: &Actor) -> Result<(), DossierError> {
        if actor.may(Permission::DossierAdmin) {
            Ok(())
        } else {
            Err(DossierError::Forbidden)
        }
    }

    /// The organisation that took the place of this one by now, or itself.
    pub(crate) fn current(&self, org: OrgId, now: Timestamp) -> OrgId {
        let directory = &self.exchange().inner.directory;
        let Some(party) = directory.party(org) else {
            return org;
        };
        match directory.resolve(&party.code, now) {
            Resolved::Found { org: found, .. } if self.exchange().stands_for(found, org) => found,
            _ => org,
        }
    }

    pub(crate) fn may_send_as(&self, system: SystemId, org: OrgId) -> bool {
        self.exchange().inner.directory.may_send_as(system, org)
    }

    /// An organisation as it is shown.
    pub(crate) fn shown(&self, org: OrgId) -> OrgView {
        match self.exchange().inner.directory.party(org) {
            Some(party) => OrgView {
                org,
                code: party.code,
                name: party.name,
            },
            None => OrgView {
                org,
                code: String::new(),
                name: org.to_string(),
            },
        }
    }
}
