//! Comparing our dossiers with a portal's, day by day, and sending again what it lacks.
//!
//! A comparison of a day walks over the dossiers of which the portal is a party and whose last push came on that day. Each page is one
//! transaction that stores what was found and how far the walk has come, so that a comparison that stops half-way goes on where it was.
//! What was found is then sent again, each dossier once, under a key of its own. Both can be repeated without harm.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use lgsp_base::id::{DeliveryId, DossierId, JobId, OrgId};
use lgsp_base::planted::Bug;
use lgsp_base::vi::Day;
use lgsp_base::{Actor, Permission, Timestamp, limits};
use lgsp_store::dossier::{
    DossierPlace, Finding, PortalWalk, PortalWalkRow, Reconciliation, ReconciliationItem,
    ReconciliationState,
};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::{DossierCode, DossierStatus};

use super::error::DossierError;
use super::service::Dossiers;

/// Findings read at once when they are sent again.
const ITEMS_AT_ONCE: usize = 100;
/// Comparisons of one list.
const LIST_MAX: usize = 366;
/// Microseconds of a day.
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
/// From UTC to Vietnamese time, microseconds.
const OFFSET_MICROS: i64 = 7 * 3600 * 1_000_000;

/// One record that a portal has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteDossier {
    /// Its code.
    pub code: DossierCode,
    /// Its status there; none if the portal names one that we do not know.
    pub status: Option<DossierStatus>,
}

/// The portal does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the portal does not answer: {cause}")]
pub struct PortalUnavailable {
    /// A stable word: `timeout`, `session_lost`.
    pub cause: String,
}

/// A portal that can be asked what it has; `connect` implements it.
pub trait Portal: Send + Sync + std::fmt::Debug {
    /// Every record that the portal has of these dossiers, at most `limits::PORTAL_LOOK_UP_MAX`. A dossier that it has twice stands in
    /// the answer twice, one that it does not have not at all.
    fn look_up(
        &self,
        codes: Vec<DossierCode>,
    ) -> BoxFuture<'_, Result<Vec<RemoteDossier>, PortalUnavailable>>;
}

/// Something found, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingView {
    /// About which dossier.
    pub dossier: DossierId,
    /// Its code.
    pub code: String,
    /// What.
    pub finding: Finding,
    /// Our status.
    pub ours: String,
    /// The portal's statuses, joined by a comma; empty if it has no record.
    pub theirs: String,
    /// The delivery that sent it again.
    pub replayed_as: Option<DeliveryId>,
    /// The code of the problem for which it could not be sent again.
    pub problem: Option<String>,
    /// When it was found, and later when it was sent again.
    pub at: Timestamp,
}

/// Compares with one portal.
#[derive(Debug, Clone)]
pub struct Reconciler {
    dossiers: Dossiers,
    portal_org: OrgId,
    portal: Arc<dyn Portal>,
}

impl Reconciler {
    /// A comparison of `portal_org`'s dossiers with what `portal` has.
    pub fn new(dossiers: Dossiers, portal_org: OrgId, portal: Arc<dyn Portal>) -> Self {
        Self {
            dossiers,
            portal_org,
            portal,
        }
    }

    /// Compares the dossiers of a day and sends again what the portal lacks. One that was interrupted goes on, one that is done is given
    /// back as it is.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`]; the store's. That the portal does not answer stands in the comparison: it failed, and the next call
    /// goes on.
    pub async fn run(&self, actor: &Actor, day: Day) -> Result<Reconciliation, DossierError> {
        self.dossiers.check_admin(actor)?;
        let mut now = self.begin(day).await?;
        if now.state == ReconciliationState::Done {
            return Ok(now);
        }
        loop {
            let rows = self.page(&now, day).await?;
            if rows.is_empty() {
                break;
            }
            let codes = rows.iter().map(|row| row.code.clone()).collect();
            match self.ask(codes).await? {
                Ok(remote) => now = self.compare(&now, rows, &remote).await?,
                Err(error) => return self.fail(now, &error).await,
            }
        }
        let replayed = self.repair(actor, now.id).await?;
        self.end(now, replayed).await
    }

    async fn begin(&self, day: Day) -> Result<Reconciliation, DossierError> {
        let at = self.dossiers.now();
        let number = day_number(day);
        let new = Reconciliation {
            id: JobId::generate(at, self.dossiers.exchange().entropy()),
            portal: self.portal_org,
            day: number,
            state: ReconciliationState::Running,
            started_at: at,
            finished_at: None,
            place: DossierPlace {
                at: Timestamp::BEGINNING,
                id: DossierId::from_bits(0),
            },
            checked: 0,
            missing: 0,
            duplicate: 0,
            drift: 0,
            replayed: 0,
            problem: None,
        };
        let portal = self.portal_org;
        let db = &self.dossiers.exchange().inner.db;
        db.write("reconciliation_begin", move |tx| {
            if tx.reconciliation_insert(&new)? {
                return Ok(new.clone());
            }
            let known = tx.reconciliation_list(portal, number.checked_add(1), 1)?;
            let mut found = known
                .into_iter()
                .find(|one| one.day == number)
                .ok_or(StoreError::Missing)?;
            if found.state == ReconciliationState::Failed {
                found.state = ReconciliationState::Running;
                found.problem = None;
                tx.reconciliation_update(&found)?;
            }
            Ok(found)
        })
        .await
    }

    /// The next dossiers of the day. What came after the comparison began belongs to a later one, also what it sends again itself.
    async fn page(
        &self,
        now: &Reconciliation,
        day: Day,
    ) -> Result<Vec<PortalWalkRow>, DossierError> {
        let end = day.plus_days(1).map_or(now.started_at, Day::start);
        let walk = PortalWalk {
            portal: self.portal_org,
            from: day.start(),
            to: end.min(now.started_at),
            after: Some(now.place),
            limit: limits::PORTAL_LOOK_UP_MAX,
        };
        let db = &self.dossiers.exchange().inner.db;
        db.read("portal_walk", move |tx| Ok(tx.portal_walk(&walk)?))
            .await
    }

    async fn ask(
        &self,
        codes: Vec<String>,
    ) -> Result<Result<BTreeMap<String, Vec<RemoteDossier>>, PortalUnavailable>, DossierError> {
        let mut asked = Vec::with_capacity(codes.len());
        for code in codes {
            let code = code
                .parse::<DossierCode>()
                .map_err(|_| StoreError::corrupt("a dossier has no code of a dossier"))?;
            asked.push(code);
        }
        Ok(self.portal.look_up(asked).await.map(|records| {
            let mut by_code: BTreeMap<String, Vec<RemoteDossier>> = BTreeMap::new();
            for record in records {
                let of_code = by_code.entry(record.code.as_str().to_owned()).or_default();
                of_code.push(record);
            }
            by_code
        }))
    }

    /// Stores what was found in a page and how far the walk has come. If another node went on in the meantime, its place counts.
    async fn compare(
        &self,
        before: &Reconciliation,
        rows: Vec<PortalWalkRow>,
        remote: &BTreeMap<String, Vec<RemoteDossier>>,
    ) -> Result<Reconciliation, DossierError> {
        let skips_missing = self.dossiers.exchange().has_bug(Bug::ReconcileSkipsMissing);
        let compared: Vec<(PortalWalkRow, Vec<RemoteDossier>)> = rows
            .into_iter()
            .map(|row| {
                let records = remote.get(&row.code).cloned().unwrap_or_default();
                (row, records)
            })
            .collect();
        let (before, portal, at) = (before.clone(), self.portal_org, self.dossiers.now());
        let db = &self.dossiers.exchange().inner.db;
        db.write("reconciliation_page", move |tx| {
            let mut now = tx
                .reconciliation_lookup(before.id)?
                .ok_or(StoreError::Missing)?;
            if now.place != before.place {
                return Ok(now);
            }
            for (row, records) in &compared {
                now.place = row.place;
                if is_on_its_way(tx, row, portal)? {
                    continue;
                }
                now.checked += 1;
                let finding =
                    found(row, records).filter(|one| !(skips_missing && *one == Finding::Missing));
                let status = records.first().and_then(|record| record.status);
                tx.portal_item_checked(portal, row.place.id, status, finding, at)?;
                let Some(finding) = finding else {
                    continue;
                };
                let item = ReconciliationItem {
                    dossier: row.place.id,
                    finding,
                    ours: row.status.code().to_owned(),
                    theirs: statuses(records),
                    replayed_as: None,
                    problem: None,
                    at,
                };
                if tx.reconciliation_item_insert(now.id, &item)? {
                    let counter = match finding {
                        Finding::Missing => &mut now.missing,
                        Finding::Duplicate => &mut now.duplicate,
                        Finding::Drift => &mut now.drift,
                    };
                    *counter += 1;
                }
            }
            tx.reconciliation_update(&now)?;
            Ok(now)
        })
        .await
    }

    /// Sends again whatever was found and was not sent again yet; gives how many are sent again by now.
    async fn repair(&self, actor: &Actor, id: JobId) -> Result<u64, DossierError> {
        let (mut after, mut replayed) = (None, 0);
        loop {
            let db = &self.dossiers.exchange().inner.db;
            let items = db
                .read::<_, DossierError, _>("reconciliation_items", move |tx| {
                    Ok(tx.reconciliation_items(id, after, ITEMS_AT_ONCE)?)
                })
                .await?;
            let Some(last) = items.last() else {
                return Ok(replayed);
            };
            after = Some((last.dossier, last.finding));
            for item in items {
                let is_done = item.replayed_as.is_some()
                    || self
                        .dossiers
                        .replay_finding(actor, id, self.portal_org, &item)
                        .await?;
                replayed += u64::from(is_done);
            }
        }
    }

    async fn end(
        &self,
        mut now: Reconciliation,
        replayed: u64,
    ) -> Result<Reconciliation, DossierError> {
        now.state = ReconciliationState::Done;
        now.finished_at = Some(self.dossiers.now());
        now.replayed = replayed;
        self.put(now).await
    }

    async fn fail(
        &self,
        mut now: Reconciliation,
        error: &PortalUnavailable,
    ) -> Result<Reconciliation, DossierError> {
        tracing::warn!(cause = %error.cause, "a comparison with a portal stopped");
        now.state = ReconciliationState::Failed;
        now.problem = Some(error.cause.clone());
        self.put(now).await
    }

    async fn put(&self, now: Reconciliation) -> Result<Reconciliation, DossierError> {
        let db = &self.dossiers.exchange().inner.db;
        db.write("reconciliation_update", move |tx| {
            tx.reconciliation_update(&now)?;
            Ok(now.clone())
        })
        .await
    }
}

impl Dossiers {
    /// Comparisons with a portal, the newest day first.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`] unless the actor sees all dossiers.
    pub async fn reconciliations(
        &self,
        actor: &Actor,
        portal: OrgId,
    ) -> Result<Vec<Reconciliation>, DossierError> {
        self.check_all(actor)?;
        let db = &self.exchange().inner.db;
        db.read("reconciliation_list", move |tx| {
            Ok(tx.reconciliation_list(portal, None, LIST_MAX)?)
        })
        .await
    }

    /// One comparison with what it found, up to `limits::PAGE_SIZE_MAX` findings behind a place.
    ///
    /// # Errors
    /// [`DossierError::Unknown`] if there is no such comparison.
    pub async fn reconciliation(
        &self,
        actor: &Actor,
        id: JobId,
        after: Option<(DossierId, Finding)>,
    ) -> Result<(Reconciliation, Vec<FindingView>), DossierError> {
        self.check_all(actor)?;
        let db = &self.exchange().inner.db;
        db.read("reconciliation", move |tx| {
            let found = tx.reconciliation_lookup(id)?.ok_or(DossierError::Unknown)?;
            let mut views = Vec::new();
            for item in tx.reconciliation_items(id, after, limits::PAGE_SIZE_MAX)? {
                let row = tx.dossier_lookup(item.dossier)?;
                views.push(FindingView {
                    code: row.map(|row| row.code).unwrap_or_default(),
                    dossier: item.dossier,
                    finding: item.finding,
                    ours: item.ours,
                    theirs: item.theirs,
                    replayed_as: item.replayed_as,
                    problem: item.problem,
                    at: item.at,
                });
            }
            Ok((found, views))
        })
        .await
    }

    /// Sends one finding again, once; true if it is sent again by now.
    ///
    /// # Errors
    /// The store's. Why a dossier cannot be sent again stands in the finding.
    pub(crate) async fn replay_finding(
        &self,
        actor: &Actor,
        id: JobId,
        portal: OrgId,
        item: &ReconciliationItem,
    ) -> Result<bool, DossierError> {
        let (dossier, finding) = (item.dossier, item.finding);
        let key = format!("reconcile {id} {dossier} {}", finding.name());
        let outcome = match self.replay(actor, dossier, portal, key).await {
            Ok(accepted) => accepted
                .accepted
                .deliveries
                .first()
                .map(|delivery| delivery.id)
                .ok_or("dossier.unknown"),
            Err(DossierError::Store(error)) => return Err(error.into()),
            Err(error) => Err(error.to_problem().code()),
        };
        let (is_done, at) = (outcome.is_ok(), self.now());
        let db = &self.exchange().inner.db;
        db.write::<_, DossierError, _>("reconciliation_replayed", move |tx| {
            tx.reconciliation_item_replayed(id, dossier, finding, outcome, at)?;
            Ok(())
        })
        .await?;
        Ok(is_done)
    }

    pub(crate) fn check_all(&self, actor: &Actor) -> Result<(), DossierError> {
        if actor.may(Permission::DossierReadAll) {
            Ok(())
        } else {
            Err(DossierError::Forbidden)
        }
    }
}

/// True if the last message about a dossier is on its way to the portal: then it may differ.
fn is_on_its_way(tx: &mut Tx<'_>, row: &PortalWalkRow, portal: OrgId) -> Result<bool, StoreError> {
    let latest = tx.delivery_latest(row.last_document, portal)?;
    Ok(latest.is_some_and(|delivery| delivery.state.is_open()))
}

fn found(row: &PortalWalkRow, records: &[RemoteDossier]) -> Option<Finding> {
    match records {
        [] => Some(Finding::Missing),
        [one] if one.status == Some(row.status) => None,
        [_] => Some(Finding::Drift),
        _ => Some(Finding::Duplicate),
    }
}

/// The portal's statuses in words for an operator.
fn statuses(records: &[RemoteDossier]) -> String {
    let codes: Vec<&str> = records
        .iter()
        .map(|record| record.status.map_or("?", DossierStatus::code))
        .collect();
    codes.join(", ")
}

/// A day as the number of days since 1970, Vietnamese time.
fn day_number(day: Day) -> i64 {
    (day.start().as_micros() + OFFSET_MICROS).div_euclid(DAY_MICROS)
}
