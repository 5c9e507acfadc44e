//! The national portals of a node: their daily round, and what an operator asks of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use lgsp_base::id::{OrgId, SystemId};
use lgsp_base::vi::Day;
use lgsp_base::{Actor, Clock, Permission, limits};
use lgsp_connect::dvcqg::{NationalPortal, PortalRecords, SyncError};
use lgsp_exchange::dossier::portals::{Portals, PortalsError, SyncReport};
use lgsp_exchange::dossier::reconcile::Reconciler;
use lgsp_exchange::dossier::{
    DossierError, Dossiers, ProcedureFilter, Reconciliation, ReconciliationState,
};
use lgsp_registry::Registry;
use lgsp_registry::model::{Protocol, System};

use crate::tasks::Tasks;

/// How often it is looked whether something is to be done.
const ROUND_EVERY: Duration = Duration::from_secs(10);
/// Pause behind a round that did not come to its end.
const RETRY_AFTER: Duration = Duration::from_secs(600);
/// Who does the daily round.
const ACTOR: Actor = Actor::Platform { part: "portals" };

/// The portals of a node; clones share it.
#[derive(Debug, Clone)]
pub struct PortalDesk {
    portal: NationalPortal,
    dossiers: Dossiers,
    registry: Registry,
    clock: Arc<dyn Clock>,
    /// Hour of the day, Vietnamese time, from which the daily round is made.
    from_hour: u8,
    rounds: Arc<Mutex<HashMap<OrgId, Round>>>,
}

/// What was done for a portal since the start.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    synchronised: Option<Day>,
    compared: Option<Day>,
    /// Not before this monotonic time.
    pause_until: Duration,
}

impl PortalDesk {
    /// Nothing is done yet.
    pub(crate) fn new(
        portal: NationalPortal,
        dossiers: Dossiers,
        registry: Registry,
        clock: Arc<dyn Clock>,
        from_hour: u8,
    ) -> Self {
        Self {
            portal,
            dossiers,
            registry,
            clock,
            from_hour,
            rounds: Arc::default(),
        }
    }

    /// Starts the daily round.
    pub(crate) fn start(&self, tasks: &Tasks) {
        let desk = self.clone();
        tasks.every("portals.round", ROUND_EVERY, move || {
            let desk = desk.clone();
            async move { desk.round().await }
        });
    }

    /// The connected portals: organisation and system.
    fn connected(&self) -> Vec<(OrgId, SystemId)> {
        let snapshot = self.registry.snapshot();
        let is_portal = |system: &&System| system.is_receiver && system.protocol == Protocol::Dvcqg;
        let systems = snapshot.connections().systems().filter(is_portal);
        let mut found: Vec<(OrgId, SystemId)> =
            systems.map(|system| (system.org, system.id)).collect();
        found.sort_unstable();
        found
    }

    fn system_of(&self, portal: OrgId) -> Result<SystemId, PortalsError> {
        let connected = self.connected().into_iter();
        connected
            .filter(|(org, _)| *org == portal)
            .map(|(_, system)| system)
            .next()
            .ok_or(PortalsError::Unknown)
    }

    /// Does for every portal what is due.
    async fn round(&self) {
        for (org, _) in self.connected() {
            let mut round = self.known(org);
            if self.clock.monotonic() < round.pause_until {
                continue;
            }
            if let Err(error) = self.round_of(org, &mut round).await {
                round.pause_until = self.clock.monotonic().saturating_add(RETRY_AFTER);
                tracing::warn!(%error, organisation.id = %org, "the daily round of a portal stopped");
            }
            let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            rounds.insert(org, round);
        }
    }

    fn known(&self, org: OrgId) -> Round {
        let rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.get(&org).copied().unwrap_or_default()
    }

    async fn round_of(&self, org: OrgId, round: &mut Round) -> Result<(), PortalsError> {
        let now = self.clock.now();
        let today = Day::of(now);
        let opens_at = today
            .start()
            .plus(Duration::from_secs(u64::from(self.from_hour) * 3600));
        let is_open = now >= opens_at;
        let is_first = round.synchronised.is_none() && !self.knows_procedures().await?;
        if is_first || is_open && round.synchronised != Some(today) {
            let report = self.synchronise(&ACTOR, org).await?;
            tracing::info!(
                procedures = report.procedures,
                changed = report.changed,
                skipped = report.skipped,
                entries = report.entries,
                failed = report.failed.len(),
                "procedures and catalogues were fetched"
            );
            round.synchronised = Some(today);
        }
        if is_open && round.compared != Some(today) {
            self.compare_days(org, today).await?;
            round.compared = Some(today);
        }
        Ok(())
    }

    async fn knows_procedures(&self) -> Result<bool, PortalsError> {
        let any = ProcedureFilter {
            limit: 1,
            ..ProcedureFilter::default()
        };
        Ok(!self.dossiers.procedures(&ACTOR, any).await?.is_empty())
    }

    /// Compares the last days that are not compared yet, the earliest first.
    async fn compare_days(&self, org: OrgId, today: Day) -> Result<(), PortalsError> {
        for back in (1..=limits::RECONCILE_DAYS).rev() {
            let Some(day) = today.plus_days(-back) else {
                continue;
            };
            let found = self.reconcile(&ACTOR, org, day).await?;
            if found.state == ReconciliationState::Failed {
                let problem = found.problem.unwrap_or_default();
                return Err(PortalsError::Unavailable(problem));
            }
        }
        Ok(())
    }
}

impl Portals for PortalDesk {
    fn organisations(&self) -> Vec<OrgId> {
        self.connected().into_iter().map(|(org, _)| org).collect()
    }

    fn reconcile<'a>(
        &'a self,
        actor: &'a Actor,
        portal: OrgId,
        day: Day,
    ) -> BoxFuture<'a, Result<Reconciliation, PortalsError>> {
        Box::pin(async move {
            let system = self.system_of(portal)?;
            let records = Arc::new(PortalRecords::new(self.portal.clone(), system));
            let reconciler = Reconciler::new(self.dossiers.clone(), portal, records);
            Ok(reconciler.run(actor, day).await?)
        })
    }

    fn synchronise<'a>(
        &'a self,
        actor: &'a Actor,
        portal: OrgId,
    ) -> BoxFuture<'a, Result<SyncReport, PortalsError>> {
        Box::pin(async move {
            if !actor.may(Permission::DossierAdmin) {
                return Err(DossierError::Forbidden.into());
            }
            let system = self.system_of(portal)?;
            let report = self.portal.synchronise(&self.dossiers, system).await;
            report.map_err(|error| match error {
                SyncError::Portal(error) => PortalsError::Unavailable(error.cause().to_owned()),
                SyncError::Store(error) => PortalsError::Dossier(error),
            })
        })
    }
}
