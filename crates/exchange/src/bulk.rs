//! Bulk resends: many troubled deliveries sent again, at a pace, as work that survives a restart.
//!
//! What is chosen is fixed when it is asked for. From then on the job's row says how far it came, and a step is one
//! transaction that holds this row, sends the next few again and moves it on: a worker that dies loses nothing and repeats
//! nothing, and of two workers one waits for the other. Each delivery is sent again by the same rules as a single one, so
//! that a delivery that was sent again already, by whatever way, names the one that was made.

mod select;
mod turns;

use lgsp_base::hash::Sha256Hasher;
use lgsp_base::id::{DeliveryId, JobId, OrgId};
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Permission, Sha256, Timestamp, limits};
use lgsp_store::exchange::{
    DeliveryState, NewResend, ResendItem, ResendJob, ResendOutcome, ResendState,
};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::record::Record;

use crate::error::ResendError;
use crate::evidence::{self, Entry};
use crate::service::{Exchange, may};

pub use turns::ResendStep;

/// Jobs removed in one transaction.
const PURGE_BATCH: usize = 8;

/// Which deliveries are to be sent again: those named, or else every troubled one that fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchQuery {
    /// These, in this order; at most `limits::RESEND_ITEMS_MAX`. The other fields but `skip_expired` are not looked at then.
    pub ids: Vec<DeliveryId>,
    /// Only with this cause; empty stands for none.
    pub cause: Option<String>,
    /// Only for this recipient.
    pub org: Option<OrgId>,
    /// Only parked, dead or expired.
    pub state: Option<DeliveryState>,
    /// True to leave out what expired: its sender was told already.
    pub skip_expired: bool,
}

/// What a bulk resend would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BatchPreview {
    /// Deliveries that were found.
    pub matched: u64,
    /// Of these: would be sent again.
    pub sendable: u64,
    /// Of these: expired; part of `sendable` unless they are left out.
    pub expired: u64,
    /// Of these: were sent again before.
    pub already: u64,
    /// Of these: open, delivered, cancelled, erased, unknown, or somebody else's.
    pub unsendable: u64,
    /// Of those that would be sent: their recipient has no system that could take them now.
    pub without_system: u64,
    /// Deliveries per second.
    pub per_second: u32,
    /// Seconds that it would take.
    pub seconds: u64,
    /// True if there are more than one bulk resend takes.
    pub is_cut: bool,
}

/// The answer to a bulk resend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchStarted {
    /// The job.
    pub job: ResendJob,
    /// True if an earlier request with the same key had started it.
    pub is_repeat: bool,
}

/// What a selection came to.
#[derive(Debug, Default)]
struct Selected {
    deliveries: Vec<DeliveryId>,
    preview: BatchPreview,
}

impl Exchange {
    /// Says what [`Exchange::resend_batch`] would do with this choice and pace; changes nothing.
    ///
    /// # Errors
    /// As [`Exchange::resend_batch`], except for the key and an empty choice.
    pub async fn resend_preview(
        &self,
        actor: &Actor,
        query: BatchQuery,
        per_second: Option<u32>,
    ) -> Result<BatchPreview, ResendError> {
        Ok(self.select(actor, query, pace(per_second)?).await?.preview)
    }

    /// Sends many deliveries again, each to its original recipient, `per_second` at a time (none:
    /// `limits::RESEND_PER_SECOND_DEFAULT`). Repeating with the same key gives the same job; choosing a delivery twice never
    /// sends it twice.
    ///
    /// # Errors
    /// See [`ResendError`]. What concerns one delivery stands in its result.
    pub async fn resend_batch(
        &self,
        actor: &Actor,
        query: BatchQuery,
        per_second: Option<u32>,
        key: Option<String>,
    ) -> Result<BatchStarted, ResendError> {
        let per_second = pace(per_second)?;
        let request = describe(&query);
        let digest = Sha256::of(format!("{request} {per_second}").as_bytes());
        let chosen = chosen_by(&query);
        if let Some(key) = &key
            && let Some(started) = self.started_before(actor, key, digest).await?
        {
            return Ok(started);
        }
        let selected = self.select(actor, query, per_second).await?;
        if selected.deliveries.is_empty() {
            return Err(ResendError::Empty);
        }
        let (id, now) = (JobId::generate(self.now(), self.entropy()), self.now());
        let entry = Entry::new(evidence::RESEND_STARTED, now, actor, self.salt())
            .with("job", id.to_string())
            .with(
                "total",
                i64::try_from(selected.deliveries.len()).unwrap_or(i64::MAX),
            )
            .with(
                "deliveries_sha256",
                digest_of(&selected.deliveries).to_string(),
            )
            .with("per_second", i64::from(per_second))
            .with("chosen", chosen);
        let new = Starting {
            id,
            actor: actor.clone(),
            request,
            digest,
            key,
            per_second,
            deliveries: selected.deliveries,
            entry,
            now,
        };
        let started = self
            .inner
            .db
            .write("resend_start", move |tx| start(tx, &new))
            .await?;
        self.inner.resend_wake.notify_one();
        Ok(started)
    }

    async fn started_before(
        &self,
        actor: &Actor,
        key: &str,
        digest: Sha256,
    ) -> Result<Option<BatchStarted>, ResendError> {
        let (owner, key) = (key_owner(actor), key.to_owned());
        self.inner
            .db
            .read("resend_key", move |tx| answered(tx, &owner, &key, digest))
            .await
    }

    /// Chooses in a read transaction: whoever changes a delivery meanwhile is noticed when its turn comes.
    async fn select(
        &self,
        actor: &Actor,
        query: BatchQuery,
        per_second: u32,
    ) -> Result<Selected, ResendError> {
        if !may(actor, Permission::DeliveryResend) {
            return Err(ResendError::Forbidden);
        }
        check(&query)?;
        let (exchange, by) = (self.clone(), actor.clone());
        let mut selected = self
            .inner
            .db
            .read::<_, StoreError, _>("resend_select", move |tx| {
                if query.ids.is_empty() {
                    select::by_group(tx, &exchange, &by, &query)
                } else {
                    select::by_id(tx, &exchange, &by, &query)
                }
            })
            .await?;
        let preview = &mut selected.preview;
        preview.per_second = per_second;
        preview.seconds = preview.sendable.div_ceil(u64::from(per_second));
        Ok(selected)
    }

    /// A bulk resend, for who asked for it and for operators.
    ///
    /// # Errors
    /// [`ResendError::JobUnknown`], also for somebody else's.
    pub async fn resend_job(&self, actor: &Actor, job: JobId) -> Result<ResendJob, ResendError> {
        let found = self
            .inner
            .db
            .read::<_, StoreError, _>("resend_lookup", move |tx| tx.resend_lookup(job))
            .await?;
        found
            .filter(|found| sees(actor, found))
            .ok_or(ResendError::JobUnknown)
    }

    /// Bulk resends, newest first: an operator sees all, a system its own.
    ///
    /// # Errors
    /// [`ResendError::Forbidden`], or the store's.
    pub async fn resend_jobs(
        &self,
        actor: &Actor,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<ResendJob>, ResendError> {
        if !may(actor, Permission::DeliveryResend) {
            return Err(ResendError::Forbidden);
        }
        let owner = match actor {
            Actor::System { .. } => Some(actor.label()),
            Actor::Operator { .. } | Actor::Platform { .. } => None,
        };
        let limit = limit.clamp(1, limits::PAGE_SIZE_MAX);
        let jobs = self
            .inner
            .db
            .read::<_, StoreError, _>("resend_list", move |tx| {
                tx.resend_list(owner.as_deref(), before, limit)
            })
            .await?;
        Ok(jobs)
    }

    /// What came of the deliveries of a bulk resend behind place `after`, in their order.
    ///
    /// # Errors
    /// As [`Exchange::resend_job`].
    pub async fn resend_items(
        &self,
        actor: &Actor,
        job: JobId,
        outcome: Option<ResendOutcome>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ResendItem>, ResendError> {
        self.resend_job(actor, job).await?;
        let limit = limit.clamp(1, limits::PAGE_SIZE_MAX);
        let items = self
            .inner
            .db
            .read::<_, StoreError, _>("resend_items", move |tx| {
                tx.resend_item_list(job, after, outcome, limit)
            })
            .await?;
        Ok(items)
    }

    /// Ends a bulk resend: what was sent again stays so, the rest is left as it was. Ending one that has ended changes nothing.
    ///
    /// # Errors
    /// As [`Exchange::resend_job`].
    pub async fn resend_cancel(&self, actor: &Actor, job: JobId) -> Result<ResendJob, ResendError> {
        self.resend_job(actor, job).await?;
        let (by, now) = (actor.label(), self.now());
        let entry = Entry::new(evidence::RESEND_CANCELLED, now, actor, self.salt())
            .with("job", job.to_string());
        self.inner
            .db
            .write::<_, StoreError, _>("resend_cancel", move |tx| {
                if tx.resend_cancel(job, &by, now)? {
                    entry.append(tx, now)?;
                }
                Ok(())
            })
            .await?;
        self.resend_job(actor, job).await
    }

    /// Forgets bulk resends that ended longer ago than `limits::RESEND_JOB_KEPT`; gives how many.
    ///
    /// # Errors
    /// The store's.
    pub async fn purge_resends(&self) -> Result<u64, StoreError> {
        let before = self.now().minus(limits::RESEND_JOB_KEPT);
        let mut total = 0;
        loop {
            let purged = self
                .inner
                .db
                .write::<_, StoreError, _>("resend_purge", move |tx| {
                    tx.resend_purge(before, PURGE_BATCH)
                })
                .await?;
            total += purged;
            if purged < PURGE_BATCH as u64 {
                return Ok(total);
            }
        }
    }
}

/// Everything that the first transaction of a job needs.
struct Starting {
    id: JobId,
    actor: Actor,
    request: String,
    digest: Sha256,
    key: Option<String>,
    per_second: u32,
    deliveries: Vec<DeliveryId>,
    entry: Entry,
    now: Timestamp,
}

fn start(tx: &mut Tx<'_>, new: &Starting) -> Result<BatchStarted, ResendError> {
    if let Some(key) = &new.key {
        let owner = key_owner(&new.actor);
        let answer = new.id.to_string();
        if !tx.idempotency_insert(&owner, key, &new.digest, &answer, new.now)? {
            return answered(tx, &owner, key, new.digest)?.ok_or(ResendError::JobUnknown);
        }
    }
    if tx.resend_list_running(limits::RESEND_JOBS_MAX)?.len() >= limits::RESEND_JOBS_MAX {
        return Err(ResendError::TooMany);
    }
    tx.resend_insert(&NewResend {
        id: new.id,
        owner: &new.actor.label(),
        org: new.actor.org(),
        request: &new.request,
        per_second: new.per_second,
        deliveries: &new.deliveries,
        created_at: new.now,
    })?;
    new.entry.append(tx, new.now)?;
    let job = tx.resend_lookup(new.id)?.ok_or(StoreError::Missing)?;
    Ok(BatchStarted {
        job,
        is_repeat: false,
    })
}

/// What was answered under a key; a job that was forgotten since is as if it had not been.
fn answered(
    tx: &mut Tx<'_>,
    owner: &str,
    key: &str,
    digest: Sha256,
) -> Result<Option<BatchStarted>, ResendError> {
    let Some(known) = tx.idempotency_lookup(owner, key)? else {
        return Ok(None);
    };
    if known.request_sha256 != digest {
        return Err(ResendError::KeyConflict);
    }
    let job = known.answer.parse().map_err(|_| StoreError::Missing)?;
    Ok(tx.resend_lookup(job)?.map(|job| BatchStarted {
        job,
        is_repeat: true,
    }))
}

/// Keys of bulk resends do not meet those of submits.
fn key_owner(actor: &Actor) -> String {
    format!("resend:{}", actor.label())
}

fn sees(actor: &Actor, job: &ResendJob) -> bool {
    match actor {
        Actor::System { .. } => actor.label() == job.owner,
        Actor::Operator { .. } | Actor::Platform { .. } => may(actor, Permission::DeliveryResend),
    }
}

fn pace(per_second: Option<u32>) -> Result<u32, ResendError> {
    let wanted = per_second.unwrap_or(limits::RESEND_PER_SECOND_DEFAULT);
    if (1..=limits::RESEND_PER_SECOND_MAX).contains(&wanted) {
        return Ok(wanted);
    }
    Err(ResendError::Invalid(kinds::INPUT_INVALID.problem().breaks(
        "/per_second",
        rules::RANGE.with(&[("min", &1), ("max", &limits::RESEND_PER_SECOND_MAX)]),
    )))
}

fn check(query: &BatchQuery) -> Result<(), ResendError> {
    let invalid = |pointer: &str, sentence| {
        ResendError::Invalid(kinds::INPUT_INVALID.problem().breaks(pointer, sentence))
    };
    if query.ids.len() > limits::RESEND_ITEMS_MAX {
        let sentence = rules::TOO_MANY.with(&[("max", &limits::RESEND_ITEMS_MAX)]);
        return Err(invalid("/ids", sentence));
    }
    let is_troubled = query.state.is_none_or(|state| {
        matches!(
            state,
            DeliveryState::Parked | DeliveryState::Dead | DeliveryState::Expired
        )
    });
    if !is_troubled {
        let sentence = rules::WORD.with(&[("words", &"parked, dead, expired")]);
        return Err(invalid("/state", sentence));
    }
    let is_long =
        |cause: &String| cause.chars().count() > limits::TEXT_CHARS_MAX || cause.contains('\0');
    if query.cause.as_ref().is_some_and(is_long) {
        let sentence = rules::TOO_LONG.with(&[("max", &limits::TEXT_CHARS_MAX)]);
        return Err(invalid("/cause", sentence));
    }
    Ok(())
}

/// SHA-256 over the ids as text, one behind the other.
fn digest_of(deliveries: &[DeliveryId]) -> Sha256 {
    let mut digest = Sha256Hasher::new();
    for id in deliveries {
        digest.update(id.to_string().as_bytes());
    }
    digest.finish()
}

/// How it was chosen, for the ledger; the cause is the stable word or the recipient's own, as the entries of the deliveries have it.
fn chosen_by(query: &BatchQuery) -> Record {
    let record = Record::new()
        .with("by_id", !query.ids.is_empty())
        .with("skip_expired", query.skip_expired);
    let parts = [
        ("cause", query.cause.clone()),
        ("org", query.org.map(|org| org.to_string())),
        ("state", query.state.map(|state| state.name().to_owned())),
    ];
    parts
        .into_iter()
        .fold(record, |record, (key, part)| match part {
            Some(part) => record.with(key, part),
            None => record,
        })
}

/// What was chosen, for people and for the comparison of a repeated key.
fn describe(query: &BatchQuery) -> String {
    let ids = (!query.ids.is_empty()).then(|| {
        let sha256 = digest_of(&query.ids).to_string();
        serde_json::json!({"count": query.ids.len(), "sha256": sha256})
    });
    serde_json::json!({
        "ids": ids,
        "cause": query.cause,
        "organisation_id": query.org,
        "state": query.state.map(DeliveryState::name),
        "skip_expired": query.skip_expired,
    })
    .to_string()
}

/// Seconds until a running bulk resend ends; none for one that ended.
pub fn seconds_left(job: &ResendJob) -> Option<u64> {
    let left = job.total.saturating_sub(job.done);
    (job.state == ResendState::Running).then(|| left.div_ceil(u64::from(job.per_second.max(1))))
}
