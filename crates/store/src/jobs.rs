//! Background work: leased rows, so that several nodes share a queue and a lost worker's job is taken up again.
//!
//! Each lease has a number that grows; a worker names it when it reports, and one that was paused past its lease hears
//! [`StoreError::LeaseLost`] and changes nothing. A job runs at least once.

use std::time::Duration;

use lgsp_base::Timestamp;
use lgsp_base::id::JobId;
use lgsp_base::planted::Bug;

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;
use crate::value::Row;

/// A job to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewJob<'a> {
    /// Its id.
    pub id: JobId,
    /// Which kind of worker takes it.
    pub queue: &'a str,
    /// What it is about; a queue has one job per key, finished ones included until they are purged.
    pub key: &'a str,
    /// What the worker needs, usually JSON.
    pub payload: &'a str,
    /// When it may start.
    pub due_at: Timestamp,
    /// Attempts after which it is dead.
    pub attempts_max: u32,
    /// Now.
    pub created_at: Timestamp,
}

/// A job in the hands of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// Its id.
    pub id: JobId,
    /// What it is about.
    pub key: String,
    /// What the worker needs.
    pub payload: String,
    /// Which attempt this is, from 1.
    pub attempt: i64,
    /// Names this lease in reports.
    pub lease_number: i64,
}

/// What became of a job that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It waits for its next attempt.
    Pending,
    /// It had its last attempt.
    Dead,
}

/// How many jobs of a queue are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting for their time or a worker.
    pub pending: i64,
    /// In a worker's hands.
    pub running: i64,
    /// Finished and not purged.
    pub done: i64,
    /// Given up.
    pub dead: i64,
}

impl Tx<'_> {
    /// Adds a job unless its queue has one with this key; `true` if it was added.
    pub fn job_enqueue(&mut self, job: &NewJob<'_>) -> Result<bool, StoreError> {
        let rows = self.execute(
            "INSERT INTO jobs (id, queue, key, payload, state, due_at, attempts, attempts_max, lease_number, created_at)
             VALUES ($1, $2, $3, $4, 'pending', $5, 0, $6, 0, $7) ON CONFLICT (queue, key) DO NOTHING",
            params![job.id, job.queue, job.key, job.payload, job.due_at, job.attempts_max, job.created_at],
        )?;
        Ok(rows == 1)
    }

    /// Takes up to `limit` jobs that are due, or whose worker let its lease run out, earliest first. A job that lost its
    /// worker in its last attempt is dead instead.
    pub fn job_acquire(
        &mut self,
        queue: &str,
        owner: &str,
        now: Timestamp,
        lease_for: Duration,
        limit: usize,
    ) -> Result<Vec<Leased>, StoreError> {
        self.execute(
            "UPDATE jobs SET state = 'dead', finished_at = $2, lease_owner = NULL, lease_until = NULL,
                 last_error = 'the worker was lost'
             WHERE queue = $1 AND state = 'running' AND lease_until <= $2 AND attempts >= attempts_max",
            params![queue, now],
        )?;
        // Nodes that ask at the same moment pass each other's rows by; SQLite has one writer and needs no lock.
        let sql = self.engine().pick(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_owner = $2,
                 lease_number = lease_number + 1, lease_until = $4
             WHERE id IN (SELECT id FROM jobs WHERE queue = $1
                 AND ((state = 'pending' AND due_at <= $3) OR (state = 'running' AND lease_until <= $3))
                 ORDER BY due_at, id LIMIT $5)
             RETURNING id, key, payload, attempts, lease_number, due_at",
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_owner = $2,
                 lease_number = lease_number + 1, lease_until = $4
             WHERE id IN (SELECT id FROM jobs WHERE queue = $1
                 AND ((state = 'pending' AND due_at <= $3) OR (state = 'running' AND lease_until <= $3))
                 ORDER BY due_at, id LIMIT $5 FOR UPDATE SKIP LOCKED)
             RETURNING id, key, payload, attempts, lease_number, due_at",
        );
        let mut leased = self.query(
            sql,
            params![queue, owner, now, now.plus(lease_for), limit],
            |row| Ok((row.time(5)?, read_leased(row)?)),
        )?;
        leased.sort_by_key(|(due_at, job)| (*due_at, job.id));
        Ok(leased.into_iter().map(|(_, job)| job).collect())
    }

    /// Finishes a job.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the lease is not this one any more.
    pub fn job_complete(
        &mut self,
        id: JobId,
        lease_number: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_fenced = !self.planted(Bug::NoFencing);
        let rows = self.execute(
            "UPDATE jobs SET state = 'done', finished_at = $3, lease_owner = NULL, lease_until = NULL
             WHERE id = $1 AND ((state = 'running' AND lease_number = $2) OR CAST($4 AS BIGINT) = 0)",
            params![id, lease_number, now, i64::from(is_fenced)],
        )?;
        held(rows)
    }

    /// Gives a job back for another attempt at `due_at`; after its last attempt it is dead.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the lease is not this one any more.
    pub fn job_retry(
        &mut self,
        id: JobId,
        lease_number: i64,
        due_at: Timestamp,
        error: &str,
        now: Timestamp,
    ) -> Result<Retried, StoreError> {
        let state = self.query_opt(
            "UPDATE jobs SET state = CASE WHEN attempts >= attempts_max THEN 'dead' ELSE 'pending' END,
                 finished_at = CASE WHEN attempts >= attempts_max THEN CAST($5 AS BIGINT) END,
                 due_at = $3, last_error = $4, lease_owner = NULL, lease_until = NULL
             WHERE id = $1 AND state = 'running' AND lease_number = $2
             RETURNING state",
            params![id, lease_number, due_at, error, now],
            |row| row.text(0),
        )?;
        match state.as_deref() {
            Some("dead") => Ok(Retried::Dead),
            Some(_) => Ok(Retried::Pending),
            None => Err(StoreError::LeaseLost),
        }
    }

    /// Keeps a lease until a later time.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the lease is not this one any more.
    pub fn job_extend(
        &mut self,
        id: JobId,
        lease_number: i64,
        lease_until: Timestamp,
    ) -> Result<(), StoreError> {
        let rows = self.execute(
            "UPDATE jobs SET lease_until = $3 WHERE id = $1 AND state = 'running' AND lease_number = $2",
            params![id, lease_number, lease_until],
        )?;
        held(rows)
    }

    /// How many jobs of a queue are in each state.
    pub fn job_count(&mut self, queue: &str) -> Result<JobCounts, StoreError> {
        let mut counts = JobCounts::default();
        let rows = self.query(
            "SELECT state, count(*) FROM jobs WHERE queue = $1 GROUP BY state",
            params![queue],
            |row| Ok((row.text(0)?, row.int(1)?)),
        )?;
        for (state, count) in rows {
            match state.as_str() {
                "pending" => counts.pending = count,
                "running" => counts.running = count,
                "done" => counts.done = count,
                _ => counts.dead += count,
            }
        }
        Ok(counts)
    }

    /// Removes up to `limit` jobs that finished before a time and gives their number.
    pub fn job_purge(&mut self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.execute(
            "DELETE FROM jobs WHERE id IN
                 (SELECT id FROM jobs WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)",
            params![before, limit],
        )
    }
}

fn read_leased(row: &Row<'_>) -> Result<Leased, StoreError> {
    Ok(Leased {
        id: row.id(0)?,
        key: row.text(1)?,
        payload: row.text(2)?,
        attempt: row.int(3)?,
        lease_number: row.int(4)?,
    })
}

const fn held(rows: u64) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::LeaseLost),
        _ => Ok(()),
    }
}
