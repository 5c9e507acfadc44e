//! The worker of bulk resends: a step is one transaction that holds the job, sends the next few again and moves the job on.

use std::time::Duration;

use lgsp_base::id::{DeliveryId, JobId, SystemId, TokenId};
use lgsp_base::{Actor, Timestamp, limits};
use lgsp_store::exchange::{ResendAdvance, ResendJob, ResendOutcome, ResendTurn};
use lgsp_store::{StoreError, Tx};
use tokio::sync::watch;

use crate::counters::count;
use crate::error::ReceiveError;
use crate::resend::again;
use crate::service::Exchange;

/// Deliveries sent again in one transaction, which every other writer waits for.
const BATCH: u32 = 32;
/// How much of its pace a job may make up for after standing still.
const CATCH_UP: Duration = Duration::from_secs(1);
/// Time between two steps, so that a fast job sends several at once instead of one in each transaction.
const PAUSE: Duration = Duration::from_millis(20);
/// How often the worker looks without being woken.
const IDLE_WAIT: Duration = Duration::from_secs(2);

/// What one step of the worker did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResendStep {
    /// Deliveries that had their turn.
    pub done: u64,
    /// When the next one has its turn; none if no job is running.
    pub next_in: Option<Duration>,
}

impl Exchange {
    /// Works bulk resends off until `stop` becomes true. Any number of nodes may run it.
    pub async fn run_resend_worker(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let wait = match self.resend_step().await {
                Ok(step) => step.next_in.unwrap_or(IDLE_WAIT).min(IDLE_WAIT),
                Err(error) => {
                    tracing::warn!(%error, "a bulk resend could not go on");
                    IDLE_WAIT
                }
            };
            tokio::select! {
                () = self.inner.resend_wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Gives each running bulk resend what its pace allows now, at most a batch; says when to come back.
    ///
    /// # Errors
    /// The store's; what other jobs did before stays done.
    pub async fn resend_step(&self) -> Result<ResendStep, StoreError> {
        let running = self
            .inner
            .db
            .read::<_, StoreError, _>("resend_running", |tx| {
                tx.resend_list_running(limits::RESEND_JOBS_MAX)
            })
            .await?;
        let mut step = ResendStep::default();
        for (job, next_at) in running {
            let mut due = next_at;
            if is_due(next_at, self.now()) {
                let Some(advance) = self.resend_some(job).await? else {
                    continue;
                };
                step.done += u64::from(advance.done);
                due = advance.next_at;
            }
            let wait = due.since(self.now()).max(PAUSE);
            step.next_in = Some(step.next_in.map_or(wait, |next| next.min(wait)));
        }
        Ok(step)
    }

    /// One transaction of one job; none if it is not running any more.
    async fn resend_some(&self, job: JobId) -> Result<Option<ResendAdvance>, StoreError> {
        let exchange = self.clone();
        let advance = self
            .inner
            .db
            .write("resend_batch", move |tx| take_turns(tx, &exchange, job))
            .await?;
        if let Some(advance) = &advance {
            count(&self.counters().resent, u64::from(advance.resent));
            count(&self.counters().deliveries, u64::from(advance.resent));
            if advance.resent > 0 {
                self.ring();
            }
        }
        Ok(advance)
    }
}

/// A time too far ahead was written before the clock was set back: it is not waited for.
fn is_due(next_at: Timestamp, now: Timestamp) -> bool {
    next_at <= now || next_at.since(now) > CATCH_UP * 2
}

/// Microseconds between two deliveries.
fn spacing(per_second: u32) -> u64 {
    1_000_000 / u64::from(per_second.max(1))
}

/// Sends the next few again, holding the job.
fn take_turns(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    id: JobId,
) -> Result<Option<ResendAdvance>, StoreError> {
    let Some(job) = tx.resend_hold(id)? else {
        return Ok(None);
    };
    let now = exchange.now();
    let mut advance = ResendAdvance {
        done: 0,
        resent: 0,
        already: 0,
        failed: 0,
        next_at: job.next_at,
    };
    if !is_due(job.next_at, now) {
        // Another node was quicker.
        return Ok(Some(advance));
    }
    let since = job.next_at.max(now.minus(CATCH_UP)).min(now);
    let missed = u64::try_from(now.since(since).as_micros()).unwrap_or(u64::MAX);
    let allowed = 1 + missed / spacing(job.per_second);
    let limit = usize::try_from(allowed.min(u64::from(BATCH))).unwrap_or(1);
    let mut turns = tx.resend_turns(id, job.done, limit)?;
    // Pairs are always held in one order, and the deliveries of a pair keep theirs.
    turns.sort_by_key(|turn| (turn.pair, turn.number));
    let actor = asker(&job);
    for turn in &turns {
        let outcome = take_turn(tx, exchange, &actor, &job, turn, now)?;
        advance.done += 1;
        match outcome {
            ResendOutcome::Resent => advance.resent += 1,
            ResendOutcome::Already => advance.already += 1,
            ResendOutcome::Failed => advance.failed += 1,
        }
    }
    let span = spacing(job.per_second).saturating_mul(u64::from(advance.done));
    advance.next_at = since.plus(Duration::from_micros(span));
    tx.resend_advance(id, &advance, now)?;
    Ok(Some(advance))
}

fn take_turn(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    job: &ResendJob,
    turn: &ResendTurn,
    now: Timestamp,
) -> Result<ResendOutcome, StoreError> {
    let new = DeliveryId::generate(now, exchange.entropy());
    let (outcome, made, problem) =
        match again(tx, exchange, actor, turn.delivery, new, Some(job.id)) {
            Ok(made) if made.id == new => (ResendOutcome::Resent, Some(made.id), None),
            Ok(made) => (ResendOutcome::Already, Some(made.id), None),
            // The transaction is lost, and with it the whole step: it is taken again.
            Err(ReceiveError::Store(error)) => return Err(error),
            Err(error) => (ResendOutcome::Failed, None, Some(error.to_problem().code())),
        };
    tx.resend_report(job.id, turn.number, outcome, made, problem, now)?;
    Ok(outcome)
}

/// The actor in whose name the job works, as far as its rights go.
fn asker(job: &ResendJob) -> Actor {
    if let (Ok(system), Some(org)) = (job.owner.parse::<SystemId>(), job.org) {
        return Actor::System { system, org };
    }
    match job.owner.parse::<TokenId>() {
        Ok(token) => Actor::Operator { token },
        Err(_) => Actor::Platform { part: "resend" },
    }
}
