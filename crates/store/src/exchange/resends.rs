//! Bulk resends: the job, its deliveries in their order, and what came of each.

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, JobId, OrgId};

use super::documents::word;
use super::model::{ResendItem, ResendJob, ResendOutcome};
use crate::{Param, Row, StoreError, Tx, params};

/// Deliveries of a job stored by one statement: everybody else who writes waits for them.
const ITEMS_AT_ONCE: usize = 200;

/// A bulk resend about to be stored, running.
#[derive(Debug, Clone, Copy)]
pub struct NewResend<'a> {
    /// Its id.
    pub id: JobId,
    /// Who asks: [`Actor::label`](lgsp_base::Actor::label).
    pub owner: &'a str,
    /// A system's organisation.
    pub org: Option<OrgId>,
    /// What was chosen, as JSON.
    pub request: &'a str,
    /// Deliveries per second.
    pub per_second: u32,
    /// In the order in which they are sent again.
    pub deliveries: &'a [DeliveryId],
    /// Now.
    pub created_at: Timestamp,
}

/// A delivery whose turn it is, with its pair where it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResendTurn {
    /// Place in the job, from 1.
    pub number: i64,
    /// The delivery as named.
    pub delivery: DeliveryId,
    /// Sender and recipient; none for a delivery that does not exist.
    pub pair: Option<(OrgId, OrgId)>,
}

/// How far a job came in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResendAdvance {
    /// Deliveries that had their turn in this step.
    pub done: u32,
    /// Of these: sent again.
    pub resent: u32,
    /// Of these: had been sent again before.
    pub already: u32,
    /// Of these: could not be sent again.
    pub failed: u32,
    /// When the next one may go.
    pub next_at: Timestamp,
}

/// The columns that [`job_row`] reads, in its order.
macro_rules! job_columns {
    () => {
        "id, owner, org_id, request, state, per_second, total, done, resent, already, failed, created_at, next_at, \
         finished_at, cancelled_by"
    };
}

fn job_row(row: &Row<'_>) -> Result<ResendJob, StoreError> {
    let count = |column| Ok::<_, StoreError>(u64::try_from(row.int(column)?).unwrap_or(0));
    Ok(ResendJob {
        id: row.id(0)?,
        owner: row.text(1)?,
        org: row.opt_id(2)?,
        request: row.text(3)?,
        state: word(row, 4)?,
        per_second: u32::try_from(row.int(5)?).unwrap_or(1),
        total: count(6)?,
        done: count(7)?,
        resent: count(8)?,
        already: count(9)?,
        failed: count(10)?,
        created_at: row.time(11)?,
        next_at: row.time(12)?,
        finished_at: row.opt_time(13)?,
        cancelled_by: row.opt_text(14)?,
    })
}

impl Tx<'_> {
    /// Stores a bulk resend with its deliveries.
    pub fn resend_insert(&mut self, new: &NewResend<'_>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO resend_jobs (id, owner, org_id, request, state, per_second, total, done, resent, already, failed, \
             created_at, next_at) VALUES ($1, $2, $3, $4, 'running', $5, $6, 0, 0, 0, 0, $7, $7)",
            params![
                new.id,
                new.owner,
                new.org,
                new.request,
                new.per_second,
                new.deliveries.len(),
                new.created_at
            ],
        )?;
        let mut number = 0i64;
        for chunk in new.deliveries.chunks(ITEMS_AT_ONCE) {
            let mut values = vec![Param::from(new.id)];
            let mut rows = Vec::with_capacity(chunk.len());
            for delivery in chunk {
                number += 1;
                values.push(Param::from(number));
                values.push(Param::from(*delivery));
                rows.push(format!("($1, ${}, ${})", values.len() - 1, values.len()));
            }
            let sql = format!(
                "INSERT INTO resend_items (job_id, number, delivery_id) VALUES {}",
                rows.join(", ")
            );
            self.execute_dyn(&sql, &values)?;
        }
        Ok(())
    }

    /// A bulk resend by its id.
    pub fn resend_lookup(&mut self, id: JobId) -> Result<Option<ResendJob>, StoreError> {
        self.query_opt(
            concat!("SELECT ", job_columns!(), " FROM resend_jobs WHERE id = $1"),
            params![id],
            job_row,
        )
    }

    /// A bulk resend that is running, held until the transaction ends: two nodes never give it the same turn.
    pub fn resend_hold(&mut self, id: JobId) -> Result<Option<ResendJob>, StoreError> {
        self.query_opt(
            concat!(
                "UPDATE resend_jobs SET next_at = next_at WHERE id = $1 AND state = 'running' RETURNING ",
                job_columns!()
            ),
            params![id],
            job_row,
        )
    }

    /// The bulk resends that are running, the oldest first, with the time of their next turn.
    pub fn resend_list_running(
        &mut self,
        limit: usize,
    ) -> Result<Vec<(JobId, Timestamp)>, StoreError> {
        self.query(
            "SELECT id, next_at FROM resend_jobs WHERE state = 'running' ORDER BY id LIMIT $1",
            params![limit],
            |row| Ok((row.id(0)?, row.time(1)?)),
        )
    }

    /// The bulk resends of an owner (none: of all), newest first.
    pub fn resend_list(
        &mut self,
        owner: Option<&str>,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<ResendJob>, StoreError> {
        self.query(
            concat!(
                "SELECT ",
                job_columns!(),
                " FROM resend_jobs WHERE (CAST($1 AS TEXT) IS NULL OR owner = $1) \
                 AND (CAST($2 AS TEXT) IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"
            ),
            params![owner, before, limit],
            job_row,
        )
    }

    /// The next deliveries of a job, behind the ones that had their turn.
    pub fn resend_turns(
        &mut self,
        job: JobId,
        done: u64,
        limit: usize,
    ) -> Result<Vec<ResendTurn>, StoreError> {
        self.query(
            "SELECT i.number, i.delivery_id, v.sender_org_id, v.recipient_org_id FROM resend_items i \
             LEFT JOIN deliveries v ON v.id = i.delivery_id WHERE i.job_id = $1 AND i.number > $2 \
             ORDER BY i.number LIMIT $3",
            params![job, done, limit],
            |row| {
                Ok(ResendTurn {
                    number: row.int(0)?,
                    delivery: row.id(1)?,
                    pair: row.opt_id(2)?.zip(row.opt_id(3)?),
                })
            },
        )
    }

    /// Records what came of one delivery.
    pub fn resend_report(
        &mut self,
        job: JobId,
        number: i64,
        outcome: ResendOutcome,
        resent_as: Option<DeliveryId>,
        problem: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE resend_items SET outcome = $3, resent_as = $4, problem = $5, at = $6 \
             WHERE job_id = $1 AND number = $2",
            params![job, number, outcome.name(), resent_as, problem, now],
        )?;
        Ok(())
    }

    /// Moves a job on; after its last delivery it is done.
    pub fn resend_advance(
        &mut self,
        job: JobId,
        by: &ResendAdvance,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE resend_jobs SET done = done + $2, resent = resent + $3, already = already + $4, failed = failed + $5, \
             next_at = $6, state = CASE WHEN done + $2 >= total THEN 'done' ELSE state END, \
             finished_at = CASE WHEN done + $2 >= total THEN CAST($7 AS BIGINT) END WHERE id = $1",
            params![job, by.done, by.resent, by.already, by.failed, by.next_at, now],
        )?;
        Ok(())
    }

    /// Ends a running job before its last delivery. False if it is not running any more.
    pub fn resend_cancel(
        &mut self,
        job: JobId,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE resend_jobs SET state = 'cancelled', finished_at = $3, cancelled_by = $2 \
             WHERE id = $1 AND state = 'running'",
            params![job, by, now],
        )?;
        Ok(changed > 0)
    }

    /// The deliveries of a job behind a number, in their order.
    pub fn resend_item_list(
        &mut self,
        job: JobId,
        after: i64,
        outcome: Option<ResendOutcome>,
        limit: usize,
    ) -> Result<Vec<ResendItem>, StoreError> {
        self.query(
            "SELECT number, delivery_id, outcome, resent_as, problem, at FROM resend_items \
             WHERE job_id = $1 AND number > $2 AND (CAST($3 AS TEXT) IS NULL OR outcome = $3) ORDER BY number LIMIT $4",
            params![job, after, outcome.map(ResendOutcome::name), limit],
            |row| {
                Ok(ResendItem {
                    number: row.int(0)?,
                    delivery: row.id(1)?,
                    outcome: row.opt_id(2)?,
                    resent_as: row.opt_id(3)?,
                    problem: row.opt_text(4)?,
                    at: row.opt_time(5)?,
                })
            },
        )
    }

    /// Removes up to `limit` jobs that ended before a time, with their deliveries' results, and gives their number.
    pub fn resend_purge(&mut self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let ended = self.query(
            "SELECT id FROM resend_jobs WHERE finished_at < $1 ORDER BY id LIMIT $2",
            params![before, limit],
            |row| row.id::<JobId>(0),
        )?;
        for job in &ended {
            self.execute("DELETE FROM resend_items WHERE job_id = $1", params![*job])?;
            self.execute("DELETE FROM resend_jobs WHERE id = $1", params![*job])?;
        }
        Ok(ended.len() as u64)
    }
}
