//! The push worker: leases due deliveries, hands them over, records what came of it.
//!
//! A lease carries a fencing number; whatever a worker reports under an older number changes nothing. A delivery whose
//! endpoint cannot be reached is tried again by the schedule and its pair waits for it; one that the receiver refuses is
//! parked after a few tries and later ones pass; when the budget is used up it is dead. The state in the database alone
//! decides what is due, so a worker may die at any point.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use lgsp_base::id::{OrgId, ReceiptId};
use lgsp_base::planted::Bug;
use lgsp_base::{Actor, Timestamp};
use lgsp_store::exchange::{DeliveryState, DocumentKind, LeaseClaim, LeasedDelivery};
use lgsp_store::{StoreError, Tx};
use tokio::sync::watch;

use crate::acknowledge;
use crate::counters::count;
use crate::directory::{Channel, Receiver};
use crate::dossier::connectors;
use crate::evidence::{self, Entry};
use crate::order::{self, Closing, Refusing, count_closed};
use crate::schedule::next_delay;
use crate::service::Exchange;
use crate::transport::{HandOver, HandOverOutcome, Transport};

/// Due deliveries looked at in one step.
const CLAIMS_MAX: usize = 256;
/// How often a worker looks without being woken.
const IDLE_WAIT: Duration = Duration::from_secs(2);
/// How often the safety net makes the heads of all pushed pairs due.
const RECONCILE_EVERY: Duration = Duration::from_secs(60);

/// One push that is finished.
struct Done {
    lease: LeasedDelivery,
    receiver: Receiver,
    /// The way's name in attempts.
    transport: &'static str,
    started_at: Timestamp,
    outcome: HandOverOutcome,
}

/// A delivery that may be handed over: its receiver, and the way's name in attempts.
#[derive(Clone)]
struct Chosen {
    claim: LeaseClaim,
    receiver: Receiver,
    transport: &'static str,
}

/// A push worker. [`Exchange::run_worker`] drives it; tests call [`Worker::step`].
#[derive(Debug)]
pub struct Worker {
    exchange: Exchange,
    owner: String,
    transport: Arc<dyn Transport>,
    under_way: BTreeMap<OrgId, usize>,
    pushed_to: BTreeSet<OrgId>,
    reconciled_at: Option<Duration>,
}

impl Exchange {
    /// A worker of this exchange; `owner` names the node.
    pub fn worker(&self, owner: String, transport: Arc<dyn Transport>) -> Worker {
        Worker {
            exchange: self.clone(),
            owner,
            transport,
            under_way: BTreeMap::new(),
            pushed_to: BTreeSet::new(),
            reconciled_at: None,
        }
    }

    /// Runs a worker until `stop` becomes true; pushes under way are finished first.
    pub async fn run_worker(
        &self,
        owner: String,
        transport: Arc<dyn Transport>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut worker = self.worker(owner, transport);
        let mut pushes = FuturesUnordered::new();
        loop {
            if *stop.borrow() {
                break;
            }
            // What is under way goes on while more is looked for.
            let mut ended = Vec::new();
            let leased = {
                let mut leasing = std::pin::pin!(worker.lease(pushes.len()));
                loop {
                    tokio::select! {
                        leased = &mut leasing => break leased,
                        Some(recipient) = pushes.next(), if !pushes.is_empty() => ended.push(recipient),
                    }
                }
            };
            let has_new_room = !ended.is_empty();
            for recipient in ended {
                worker.finish(recipient);
            }
            match leased {
                Ok(leased) if !leased.is_empty() => {
                    pushes.extend(leased);
                    // More may be due for others: look again before waiting.
                    continue;
                }
                // What was looked for did not know of the places that became free meanwhile.
                Ok(_) if has_new_room => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "deliveries could not be leased"),
            }
            tokio::select! {
                Some(done) = pushes.next(), if !pushes.is_empty() => worker.finish(done),
                () = self.inner.wake.notified() => {}
                () = tokio::time::sleep(IDLE_WAIT) => {}
                _ = stop.changed() => {}
            }
        }
        while let Some(done) = pushes.next().await {
            worker.finish(done);
        }
    }
}

impl Worker {
    /// Leases what is due, hands it over and records the outcomes; gives how many were handed over.
    ///
    /// # Errors
    /// The store's.
    pub async fn step(&mut self) -> Result<usize, StoreError> {
        let mut pushes: FuturesUnordered<_> = self.lease(0).await?.into_iter().collect();
        let count = pushes.len();
        while let Some(done) = pushes.next().await {
            self.finish(done);
        }
        Ok(count)
    }

    /// Takes due deliveries up to the limits and gives a future for each push.
    async fn lease(
        &mut self,
        under_way: usize,
    ) -> Result<Vec<BoxFuture<'static, OrgId>>, StoreError> {
        self.reconcile().await?;
        let room = self
            .exchange
            .inner
            .config
            .deliveries_at_once
            .saturating_sub(under_way);
        if room == 0 {
            return Ok(Vec::new());
        }
        let now = self.exchange.now();
        let limit = self.exchange.inner.config.deliveries_per_recipient;
        let busy: Vec<OrgId> = self
            .under_way
            .iter()
            .filter(|(_, slots)| **slots >= limit)
            .map(|(org, _)| *org)
            .collect();
        let due = self
            .exchange
            .inner
            .db
            .read("lease_list_due", move |tx| {
                tx.lease_list_due(now, &busy, CLAIMS_MAX)
            })
            .await?;
        let (chosen, unpushed) = self.choose(due, room);
        if chosen.is_empty() && unpushed.is_empty() {
            return Ok(Vec::new());
        }
        let leased = self.acquire(chosen, unpushed, now).await?;
        let mut pushes = Vec::with_capacity(leased.len());
        for (lease, item, chosen) in leased {
            *self.under_way.entry(lease.recipient_org).or_default() += 1;
            count(&self.exchange.counters().pushed, 1);
            pushes.push(self.push(lease, item, chosen));
        }
        Ok(pushes)
    }

    /// Picks what may be pushed now: one recipient never takes all the places. Second: what is due although its recipient
    /// is not pushed to any more.
    fn choose(&self, due: Vec<LeaseClaim>, room: usize) -> (Vec<Chosen>, Vec<LeaseClaim>) {
        let mut busy = self.under_way.clone();
        let (mut chosen, mut unpushed) = (Vec::new(), Vec::new());
        for claim in due {
            let receiver = self.exchange.inner.directory.receiver(claim.recipient_org);
            let pushed =
                receiver.and_then(|receiver| Some((receiver.channel.pushed_by()?, receiver)));
            let Some((transport, receiver)) = pushed else {
                unpushed.push(claim);
                continue;
            };
            let slots = busy.entry(claim.recipient_org).or_default();
            if chosen.len() < room && *slots < self.exchange.inner.config.deliveries_per_recipient {
                *slots += 1;
                chosen.push(Chosen {
                    claim,
                    receiver,
                    transport,
                });
            }
        }
        (chosen, unpushed)
    }

    async fn acquire(
        &self,
        chosen: Vec<Chosen>,
        unpushed: Vec<LeaseClaim>,
        now: Timestamp,
    ) -> Result<Vec<(LeasedDelivery, HandOver, Chosen)>, StoreError> {
        let (exchange, owner) = (self.exchange.clone(), self.owner.clone());
        self.exchange
            .inner
            .db
            .write("lease_acquire", move |tx| {
                let until = now.plus(exchange.inner.config.lease);
                let mut leased = Vec::with_capacity(chosen.len());
                for chosen in &chosen {
                    if let Some(lease) = tx.lease_acquire(&chosen.claim, &owner, now, until)? {
                        if chosen.claim.is_abandoned {
                            tx.attempt_insert(
                                chosen.claim.id,
                                chosen.transport,
                                now,
                                now,
                                "lost",
                                Some("worker_lost"),
                                None,
                            )?;
                            let lost = LeasedDelivery {
                                attempt: lease.attempt - 1,
                                ..lease.clone()
                            };
                            failed_entry(&exchange, &lost, "worker_lost", Some(now), now)
                                .append(tx, now)?;
                        }
                        let item = hand_over(tx, &lease, &chosen.receiver)?;
                        leased.push((lease, item, chosen.clone()));
                    }
                }
                for claim in &unpushed {
                    tx.lease_release(claim.id, None, None, None)?;
                }
                Ok(leased)
            })
            .await
    }

    /// Hands one delivery over and records what came of it; gives the recipient whose place is free then. Outcomes are recorded at the
    /// same time: a worker that waited for each one would hand over no faster than one transaction after the other.
    fn push(
        &self,
        lease: LeasedDelivery,
        item: HandOver,
        chosen: Chosen,
    ) -> BoxFuture<'static, OrgId> {
        let (transport, exchange) = (Arc::clone(&self.transport), self.exchange.clone());
        Box::pin(async move {
            let started_at = exchange.now();
            let outcome = transport.hand_over(item).await;
            if let (HandOverOutcome::Gone, Channel::Webhook { webhook, .. }) =
                (&outcome, &chosen.receiver.channel)
            {
                transport
                    .endpoint_gone(*webhook, chosen.receiver.system)
                    .await;
            }
            let (id, recipient) = (lease.id, lease.recipient_org);
            let done = Done {
                lease,
                receiver: chosen.receiver,
                transport: chosen.transport,
                started_at,
                outcome,
            };
            // A report that is lost here is made good by the lease: it ends, and the delivery is tried again.
            if let Err(error) = exchange.report_push(done).await {
                tracing::warn!(%error, delivery.id = %id, "the outcome of a push was not recorded");
            }
            recipient
        })
    }

    /// Frees the place of a push that ended.
    fn finish(&mut self, recipient: OrgId) {
        if let Some(slots) = self.under_way.get_mut(&recipient) {
            *slots = slots.saturating_sub(1);
            if *slots == 0 {
                self.under_way.remove(&recipient);
            }
        }
    }

    /// Makes the heads of pairs due for recipients that begin to be pushed to, and now and then for all of them.
    async fn reconcile(&mut self) -> Result<(), StoreError> {
        if self.exchange.has_bug(Bug::LostWakeup) {
            return Ok(());
        }
        let current: BTreeSet<OrgId> = self
            .exchange
            .inner
            .directory
            .pushed_to()
            .into_iter()
            .collect();
        let clock = self.exchange.inner.clock.monotonic();
        let is_time = self
            .reconciled_at
            .is_none_or(|last| clock.saturating_sub(last) >= RECONCILE_EVERY);
        let fresh: Vec<OrgId> = current
            .iter()
            .filter(|org| is_time || !self.pushed_to.contains(*org))
            .copied()
            .collect();
        for org in fresh {
            self.exchange.activate(org).await?;
        }
        if is_time {
            self.reconciled_at = Some(clock);
        }
        self.pushed_to = current;
        Ok(())
    }
}

impl Exchange {
    /// Makes the first open delivery of each pair of a recipient due, where it waits without a time.
    async fn activate(&self, recipient: OrgId) -> Result<(), StoreError> {
        let pairs = self
            .inner
            .db
            .read("lease_list_pairs", move |tx| tx.lease_list_pairs(recipient))
            .await?;
        if pairs.is_empty() {
            return Ok(());
        }
        let now = self.now();
        self.inner
            .db
            .write("lease_activate", move |tx| {
                for (sender, kind) in &pairs {
                    tx.delivery_promote(*sender, recipient, *kind, now)?;
                }
                Ok(())
            })
            .await
    }

    /// Records what came of a push, if its lease still holds.
    async fn report_push(&self, done: Done) -> Result<(), StoreError> {
        let exchange = self.clone();
        let now = self.now();
        let receipt = ReceiptId::generate(now, self.entropy());
        let state = self
            .inner
            .db
            .write("push_report", move |tx| {
                report(tx, &exchange, &done, receipt, now)
            })
            .await;
        match state {
            Ok(state) => {
                count_closed(self, state, 1);
                self.ring();
                Ok(())
            }
            Err(StoreError::LeaseLost) => {
                count(&self.counters().leases_lost, 1);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// What the transport needs to know of a leased delivery.
fn hand_over(
    tx: &mut Tx<'_>,
    lease: &LeasedDelivery,
    receiver: &Receiver,
) -> Result<HandOver, StoreError> {
    let document = tx
        .document_lookup(lease.document)?
        .ok_or(StoreError::Missing)?;
    Ok(HandOver {
        delivery: lease.id,
        document: lease.document,
        channel: receiver.channel.clone(),
        system: receiver.system,
        sender_code: document.sender_code,
        recipient_code: lease.recipient_code.clone(),
        kind: lease.kind,
        business_type: document.business_type,
        external_id: document.external_id,
        notation: document.notation,
        subject: document.subject,
        seq: lease.seq,
        attempt: lease.attempt,
        content_type: document.content_type,
        content_bytes: document.content_bytes,
        content_sha256: document.content_sha256,
        accepted_at: document.accepted_at,
    })
}

fn report(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    done: &Done,
    receipt: ReceiptId,
    now: Timestamp,
) -> Result<DeliveryState, StoreError> {
    let lease = &done.lease;
    tx.pair_confirm(lease.sender_org, lease.recipient_org, 0)?;
    if !tx.lease_holds(lease.id, lease.lease_number)? && !exchange.has_bug(Bug::NoFencing) {
        return Err(StoreError::LeaseLost);
    }
    let times = (done.started_at, now);
    match &done.outcome {
        HandOverOutcome::Confirmed => {
            let known = tx
                .delivery_for_confirm(lease.id)?
                .ok_or(StoreError::Missing)?;
            let actor = Actor::System {
                system: done.receiver.system,
                org: lease.recipient_org,
            };
            tx.pair_confirm(lease.sender_org, lease.recipient_org, known.seq)?;
            let confirmation =
                acknowledge::confirmation(exchange, &actor, lease.id, &known, receipt, now);
            acknowledge::confirm(
                tx,
                exchange,
                &actor,
                lease.id,
                &known,
                &confirmation,
                Some((done.transport, done.started_at)),
                now,
            )?;
            if lease.kind == DocumentKind::Dossier && exchange.is_portal(lease.recipient_org) {
                connectors::note_accepted(tx, lease.recipient_org, lease.document, now)?;
            }
            Ok(DeliveryState::Delivered)
        }
        HandOverOutcome::Refused { cause, detail } => {
            let attempt = Attempt {
                outcome: "refused",
                cause,
                detail,
            };
            attempt.insert(tx, done, times)?;
            refused(tx, exchange, done, cause, detail, now)
        }
        HandOverOutcome::Unreachable {
            cause,
            detail,
            retry_after,
        } => {
            let attempt = Attempt {
                outcome: "unreachable",
                cause,
                detail,
            };
            unreached(tx, exchange, done, &attempt, *retry_after, now)
        }
        HandOverOutcome::Gone => {
            let attempt = Attempt {
                outcome: "gone",
                cause: "http_410",
                detail: "the endpoint is gone",
            };
            unreached(tx, exchange, done, &attempt, None, now)
        }
    }
}

/// What an attempt came to.
struct Attempt<'a> {
    outcome: &'static str,
    cause: &'a str,
    detail: &'a str,
}

impl Attempt<'_> {
    fn insert(
        &self,
        tx: &mut Tx<'_>,
        done: &Done,
        (started_at, now): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        tx.attempt_insert(
            done.lease.id,
            done.transport,
            started_at,
            now,
            self.outcome,
            Some(self.cause),
            Some(self.detail),
        )
    }
}

/// The time of the next try; none when the budget is used up. The attempt that failed is recorded already.
fn next_try(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    done: &Done,
    retry_after: Option<Duration>,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let failed = tx.attempt_count_failed(done.lease.id, done.transport)?;
    let failed = u64::try_from(failed).unwrap_or(0);
    let schedule = exchange.inner.config.retry_schedule;
    let delay = next_delay(schedule, failed, retry_after, exchange.entropy());
    Ok(delay.map(|delay| now.plus(delay)))
}

fn refused(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    done: &Done,
    cause: &str,
    detail: &str,
    now: Timestamp,
) -> Result<DeliveryState, StoreError> {
    let actor = Actor::System {
        system: done.receiver.system,
        org: done.lease.recipient_org,
    };
    let delivery = tx
        .delivery_lookup(done.lease.id)?
        .ok_or(StoreError::Missing)?;
    let next_at = next_try(tx, exchange, done, None, now)?;
    let refusing = Refusing {
        cause,
        detail: Some(detail),
        next_at,
    };
    match order::refuse(tx, exchange, &actor, &delivery, &refusing, now)? {
        Some(refusal) if refusal.is_parked => Ok(DeliveryState::Parked),
        _ => give_back(tx, exchange, done, cause, detail, next_at, now),
    }
}

/// Records that the endpoint was not reached, and gives the delivery back for a later try.
fn unreached(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    done: &Done,
    attempt: &Attempt<'_>,
    retry_after: Option<Duration>,
    now: Timestamp,
) -> Result<DeliveryState, StoreError> {
    attempt.insert(tx, done, (done.started_at, now))?;
    let next_at = next_try(tx, exchange, done, retry_after, now)?;
    failed_entry(exchange, &done.lease, attempt.cause, next_at, now).append(tx, now)?;
    give_back(
        tx,
        exchange,
        done,
        attempt.cause,
        attempt.detail,
        next_at,
        now,
    )
}

/// The entry about a try that failed; at most one for each try that the retry budget or the delivery's time allows.
fn failed_entry(
    exchange: &Exchange,
    lease: &LeasedDelivery,
    cause: &str,
    next_at: Option<Timestamp>,
    now: Timestamp,
) -> Entry {
    let actor = Actor::Platform { part: "worker" };
    Entry::new(
        evidence::DELIVERY_ATTEMPT_FAILED,
        now,
        &actor,
        exchange.salt(),
    )
    .with("delivery", lease.id.to_string())
    .with("document", lease.document.to_string())
    .with("sender", lease.sender_org.to_string())
    .with("recipient", lease.recipient_org.to_string())
    .with("seq", lease.seq)
    .with("document_kind", evidence::kind_word(lease.kind))
    .with("cause", cause)
    .with("number", lease.attempt)
    .with_opt("next_at", next_at.map(Timestamp::as_micros))
}

/// Gives the delivery back until its next try, or closes it as dead when there is none.
fn give_back(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    done: &Done,
    cause: &str,
    detail: &str,
    next_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<DeliveryState, StoreError> {
    if next_at.is_some() {
        tx.lease_release(done.lease.id, next_at, Some(cause), Some(detail))?;
        return Ok(DeliveryState::Waiting);
    }
    let delivery = tx
        .delivery_lookup(done.lease.id)?
        .ok_or(StoreError::Missing)?;
    let closing = Closing {
        state: DeliveryState::Dead,
        kind: evidence::DELIVERY_DEAD,
        cause,
        detail: Some(detail),
    };
    order::close(
        tx,
        exchange,
        &Actor::Platform { part: "worker" },
        &delivery,
        &closing,
        now,
    )?;
    Ok(DeliveryState::Dead)
}
