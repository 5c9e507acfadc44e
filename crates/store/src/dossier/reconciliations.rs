//! Comparisons with a portal, one for each day, and what they found.

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, DossierId, JobId, OrgId};

use super::lists::DossierPlace;
use super::model::{Finding, ReconciliationState};
use crate::{Row, StoreError, Tx, params};

/// A comparison with a portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// Its id.
    pub id: JobId,
    /// The portal.
    pub portal: OrgId,
    /// The day it is for: days since 1970, Vietnamese time.
    pub day: i64,
    /// Where it stands.
    pub state: ReconciliationState,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Up to which dossier it has come.
    pub place: DossierPlace,
    /// Dossiers compared.
    pub checked: u64,
    /// Of these: missing there.
    pub missing: u64,
    /// Of these: there more than once.
    pub duplicate: u64,
    /// Of these: there in another status.
    pub drift: u64,
    /// Sent again.
    pub replayed: u64,
    /// Why it failed.
    pub problem: Option<String>,
}

/// Something that a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationItem {
    /// About which dossier.
    pub dossier: DossierId,
    /// What.
    pub finding: Finding,
    /// What we have, in words for an operator.
    pub ours: String,
    /// What the portal has, in words for an operator.
    pub theirs: String,
    /// The delivery that sent it again.
    pub replayed_as: Option<DeliveryId>,
    /// Why it could not be sent again.
    pub problem: Option<String>,
    /// When it was found, and later when it was sent again.
    pub at: Timestamp,
}

/// The columns that [`reconciliation_row`] reads, in its order.
macro_rules! reconciliation_columns {
    () => {
        "id, portal_org_id, day, state, started_at, finished_at, place_at, place_id, checked, missing, duplicate, drift, \
         replayed, problem"
    };
}

fn reconciliation_row(row: &Row<'_>) -> Result<Reconciliation, StoreError> {
    let count = |column| row.int(column).map(i64::unsigned_abs);
    Ok(Reconciliation {
        id: row.id(0)?,
        portal: row.id(1)?,
        day: row.int(2)?,
        state: row.id(3)?,
        started_at: row.time(4)?,
        finished_at: row.opt_time(5)?,
        place: DossierPlace {
            at: row.time(6)?,
            id: row.id(7)?,
        },
        checked: count(8)?,
        missing: count(9)?,
        duplicate: count(10)?,
        drift: count(11)?,
        replayed: count(12)?,
        problem: row.opt_text(13)?,
    })
}

impl Tx<'_> {
    /// Begins the comparison of a day. False if that day has one.
    pub fn reconciliation_insert(&mut self, new: &Reconciliation) -> Result<bool, StoreError> {
        let inserted = self.execute(
            "INSERT INTO reconciliations (id, portal_org_id, day, state, started_at, finished_at, place_at, place_id, checked, \
             missing, duplicate, drift, replayed, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
             ON CONFLICT (portal_org_id, day) DO NOTHING",
            params![
                new.id,
                new.portal,
                new.day,
                new.state.name(),
                new.started_at,
                new.finished_at,
                new.place.at,
                new.place.id,
                new.checked,
                new.missing,
                new.duplicate,
                new.drift,
                new.replayed,
                &new.problem
            ],
        )?;
        Ok(inserted > 0)
    }

    /// Stores how far a comparison has come, its counts and its end.
    pub fn reconciliation_update(&mut self, now: &Reconciliation) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE reconciliations SET state = $2, finished_at = $3, place_at = $4, place_id = $5, checked = $6, missing = $7, \
             duplicate = $8, drift = $9, replayed = $10, problem = $11 WHERE id = $1",
            params![
                now.id,
                now.state.name(),
                now.finished_at,
                now.place.at,
                now.place.id,
                now.checked,
                now.missing,
                now.duplicate,
                now.drift,
                now.replayed,
                &now.problem
            ],
        )?;
        if changed == 0 {
            return Err(StoreError::Missing);
        }
        Ok(())
    }

    /// A comparison by its id.
    pub fn reconciliation_lookup(
        &mut self,
        id: JobId,
    ) -> Result<Option<Reconciliation>, StoreError> {
        self.query_opt(
            concat!(
                "SELECT ",
                reconciliation_columns!(),
                " FROM reconciliations WHERE id = $1"
            ),
            params![id],
            reconciliation_row,
        )
    }

    /// Comparisons with a portal, the newest day first, before a day.
    pub fn reconciliation_list(
        &mut self,
        portal: OrgId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Reconciliation>, StoreError> {
        self.query(
            concat!(
                "SELECT ",
                reconciliation_columns!(),
                " FROM reconciliations WHERE portal_org_id = $1 AND day < $2 ORDER BY day DESC LIMIT $3"
            ),
            params![portal, before.unwrap_or(i64::MAX), limit],
            reconciliation_row,
        )
    }

    /// Notes something found, once for each dossier and finding of a comparison. False if it was noted before.
    pub fn reconciliation_item_insert(
        &mut self,
        reconciliation: JobId,
        item: &ReconciliationItem,
    ) -> Result<bool, StoreError> {
        let inserted = self.execute(
            "INSERT INTO reconciliation_items (reconciliation_id, dossier_id, finding, ours, theirs, replayed_as, problem, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (reconciliation_id, dossier_id, finding) DO NOTHING",
            params![
                reconciliation,
                item.dossier,
                item.finding.name(),
                &item.ours,
                &item.theirs,
                item.replayed_as,
                &item.problem,
                item.at
            ],
        )?;
        Ok(inserted > 0)
    }

    /// Notes that what was found was sent again, or why not. False if there is no such item, or it was sent again before.
    pub fn reconciliation_item_replayed(
        &mut self,
        reconciliation: JobId,
        dossier: DossierId,
        finding: Finding,
        outcome: Result<DeliveryId, &str>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE reconciliation_items SET replayed_as = $4, problem = $5, at = $6 \
             WHERE reconciliation_id = $1 AND dossier_id = $2 AND finding = $3 AND replayed_as IS NULL",
            params![
                reconciliation,
                dossier,
                finding.name(),
                outcome.ok(),
                outcome.err(),
                at
            ],
        )?;
        Ok(changed > 0)
    }

    /// What a comparison found, in order of the dossiers, behind a dossier and a finding.
    pub fn reconciliation_items(
        &mut self,
        reconciliation: JobId,
        after: Option<(DossierId, Finding)>,
        limit: usize,
    ) -> Result<Vec<ReconciliationItem>, StoreError> {
        let (dossier, finding) = after.map_or((DossierId::from_bits(0), ""), |(id, finding)| {
            (id, finding.name())
        });
        self.query(
            "SELECT dossier_id, finding, ours, theirs, replayed_as, problem, at FROM reconciliation_items \
             WHERE reconciliation_id = $1 AND (dossier_id, finding) > ($2, $3) ORDER BY dossier_id, finding LIMIT $4",
            params![reconciliation, dossier, finding, limit],
            |row| {
                Ok(ReconciliationItem {
                    dossier: row.id(0)?,
                    finding: row.id(1)?,
                    ours: row.text(2)?,
                    theirs: row.text(3)?,
                    replayed_as: row.opt_id(4)?,
                    problem: row.opt_text(5)?,
                    at: row.time(6)?,
                })
            },
        )
    }
}
