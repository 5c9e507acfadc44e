//! Recipients confirm or refuse what they were handed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lgsp_base::id::{DeliveryId, OrgId, ReceiptId};
use lgsp_base::planted::Bug;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Permission, Problem, Timestamp, limits};
use lgsp_store::exchange::{DeliveryForConfirm, DeliveryState, DocumentKind, PairHead};
use lgsp_store::ledger::NewEntry;
use lgsp_store::{StoreError, Tx};

use crate::counters::count;
use crate::error::ReceiveError;
use crate::evidence::{self, Entry};
use crate::model::{AcknowledgeOutcome, Acknowledged, Acknowledgement, Refused};
use crate::order::{self, Refusing, count_closed};
use crate::service::{Exchange, may};

/// The cause of a refusal that the recipient gave by confirming a later document first.
const PASSED_OVER: &str = "passed_over";
/// Open deliveries of a pair that a batch reads at once.
const TURNS_AHEAD: usize = 64;

impl Exchange {
    /// Confirms deliveries: all in one transaction, each decided on its own. Repeating a confirmation gives the same
    /// receipt. Within one call the order of the list does not matter: earlier ones of a pair are confirmed first.
    ///
    /// # Errors
    /// [`ReceiveError::Invalid`] for more than `limits::ACKNOWLEDGE_BATCH_MAX`; what concerns one delivery stands in its
    /// outcome: unknown (also for somebody else's), another digest, an earlier one open, or closed otherwise.
    pub async fn acknowledge(
        &self,
        actor: &Actor,
        batch: Vec<Acknowledgement>,
    ) -> Result<Vec<AcknowledgeOutcome>, ReceiveError> {
        if !may(actor, Permission::InboxReceive) {
            return Err(ReceiveError::Forbidden);
        }
        if batch.len() > limits::ACKNOWLEDGE_BATCH_MAX {
            return Err(ReceiveError::Invalid(
                kinds::INPUT_INVALID.problem().breaks(
                    "deliveries",
                    rules::TOO_MANY.with(&[("max", &limits::ACKNOWLEDGE_BATCH_MAX)]),
                ),
            ));
        }
        let now = self.now();
        let found = self.look_up(actor, &batch, now).await?;
        let (exchange, by) = (self.clone(), actor.clone());
        let done = self
            .inner
            .db
            .write::<_, ReceiveError, _>("delivery_acknowledge", move |tx| {
                Ok(Batch::new(&exchange, &by, now).run(tx, &batch, &found)?)
            })
            .await?;
        count_closed(self, DeliveryState::Delivered, done.confirmed);
        count_closed(self, DeliveryState::Parked, done.parked);
        if done.confirmed + done.parked > 0 {
            self.ring();
        }
        Ok(done.outcomes)
    }

    /// Reads what a batch is about and works out what its confirmations write, before the transaction that everybody waits
    /// for. Deliveries that the actor does not receive are not found.
    async fn look_up(
        &self,
        actor: &Actor,
        batch: &[Acknowledgement],
        now: Timestamp,
    ) -> Result<Vec<Option<Found>>, StoreError> {
        let wanted: Vec<DeliveryId> = batch.iter().map(|item| item.delivery).collect();
        let known = self
            .inner
            .db
            .read::<_, StoreError, _>("delivery_for_confirm", move |tx| {
                wanted
                    .iter()
                    .map(|id| tx.delivery_for_confirm(*id))
                    .collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let found = batch.iter().zip(known).map(|(item, known)| {
            let known = known.filter(|known| self.is_recipient(actor, known.recipient_org))?;
            let confirmation = known.state.is_open().then(|| {
                let receipt = ReceiptId::generate(now, self.entropy());
                confirmation(self, actor, item.delivery, &known, receipt, now)
            });
            Some(Found {
                known,
                confirmation,
            })
        });
        Ok(found.collect())
    }

    /// A recipient says that it will not take a delivery; after the last refusal it is parked and later ones pass.
    ///
    /// # Errors
    /// [`ReceiveError::DeliveryUnknown`], also for somebody else's; [`ReceiveError::DeliveryState`] if it is closed.
    pub async fn refuse(
        &self,
        actor: &Actor,
        delivery: DeliveryId,
        cause: String,
        detail: Option<String>,
    ) -> Result<Refused, ReceiveError> {
        if !may(actor, Permission::InboxReceive) {
            return Err(ReceiveError::Forbidden);
        }
        for (text, pointer, max) in [
            (Some(&cause), "cause", 100),
            (detail.as_ref(), "detail", limits::TEXT_CHARS_MAX),
        ] {
            if text.is_some_and(|text| text.chars().count() > max || text.contains('\0')) {
                return Err(ReceiveError::Invalid(
                    kinds::INPUT_INVALID
                        .problem()
                        .breaks(pointer, rules::TOO_LONG.with(&[("max", &max)])),
                ));
            }
        }
        let now = self.now();
        let (exchange, by) = (self.clone(), actor.clone());
        let refusal =
            self.inner
                .db
                .write("delivery_refuse", move |tx| {
                    let found = tx
                        .delivery_lookup(delivery)?
                        .ok_or(ReceiveError::DeliveryUnknown)?;
                    if !exchange.is_recipient(&by, found.recipient_org) {
                        return Err(ReceiveError::DeliveryUnknown);
                    }
                    let refusing = Refusing {
                        cause: &cause,
                        detail: detail.as_deref(),
                        next_at: None,
                    };
                    let refusal = order::refuse(tx, &exchange, &by, &found, &refusing, now)?
                        .ok_or(ReceiveError::DeliveryState {
                            state: found.state.name(),
                        })?;
                    tx.attempt_insert(
                        delivery,
                        "pull",
                        now,
                        now,
                        "refused",
                        Some(&cause),
                        detail.as_deref(),
                    )?;
                    Ok(refusal)
                })
                .await?;
        count(&self.counters().refused_by_recipient, 1);
        if refusal.is_parked {
            count_closed(self, DeliveryState::Parked, 1);
            self.ring();
        }
        Ok(Refused {
            refusals: refusal.refusals,
            is_parked: refusal.is_parked,
        })
    }
}

/// What one transaction did.
#[derive(Debug)]
struct Done {
    outcomes: Vec<AcknowledgeOutcome>,
    confirmed: u64,
    parked: u64,
}

/// A delivery of a batch as it was found before the transaction. What it is never changes; where it stands is looked at again.
struct Found {
    known: DeliveryForConfirm,
    /// If it was open.
    confirmation: Option<Confirmation>,
}

/// What a confirmation writes into the ledger.
pub(crate) struct Confirmation {
    receipt: ReceiptId,
    entry: NewEntry,
}

/// A batch at work.
struct Batch<'a> {
    exchange: &'a Exchange,
    actor: &'a Actor,
    now: Timestamp,
    /// Deliveries that were passed over: each counts one refusal per call, however many came behind it.
    passed_over: BTreeSet<DeliveryId>,
    parked: u64,
    /// The pair whose row this transaction holds, and the last number confirmed in it.
    held: Option<(OrgId, OrgId)>,
    /// The next open deliveries of that pair, by kind.
    turns: BTreeMap<DocumentKind, VecDeque<PairHead>>,
    confirmed_seq: i64,
}

impl<'a> Batch<'a> {
    const fn new(exchange: &'a Exchange, actor: &'a Actor, now: Timestamp) -> Self {
        Self {
            exchange,
            actor,
            now,
            passed_over: BTreeSet::new(),
            parked: 0,
            held: None,
            turns: BTreeMap::new(),
            confirmed_seq: 0,
        }
    }

    fn run(
        &mut self,
        tx: &mut Tx<'_>,
        batch: &[Acknowledgement],
        found: &[Option<Found>],
    ) -> Result<Done, StoreError> {
        // By pair and place: later ones find the earlier ones confirmed, and pairs are always held in one order.
        let mut turns: Vec<usize> = (0..batch.len()).collect();
        turns.sort_by_key(|index| {
            let delivery = found.get(*index).and_then(Option::as_ref);
            delivery.map(|Found { known, .. }| (known.sender_org, known.recipient_org, known.seq))
        });
        let mut results: Vec<Option<Result<Acknowledged, Problem>>> = vec![None; batch.len()];
        let mut confirmed = 0;
        for index in turns {
            let (Some(item), Some(found), Some(slot)) =
                (batch.get(index), found.get(index), results.get_mut(index))
            else {
                continue;
            };
            let result = match found {
                Some(found) => self.confirm(tx, item, found),
                None => Err(ReceiveError::DeliveryUnknown),
            };
            *slot = Some(match result {
                Ok(done) => {
                    confirmed += u64::from(!done.repeated);
                    Ok(done)
                }
                // The transaction is lost: nobody in the batch may hear otherwise.
                Err(ReceiveError::Store(error)) => return Err(error),
                Err(error) => Err(error.to_problem()),
            });
        }
        self.let_go(tx)?;
        let outcomes = batch
            .iter()
            .zip(results)
            .map(|(item, result)| AcknowledgeOutcome {
                delivery: item.delivery,
                result: result.unwrap_or_else(|| Err(ReceiveError::DeliveryUnknown.to_problem())),
            })
            .collect();
        Ok(Done {
            outcomes,
            confirmed,
            parked: self.parked,
        })
    }

    fn confirm(
        &mut self,
        tx: &mut Tx<'_>,
        item: &Acknowledgement,
        found: &Found,
    ) -> Result<Acknowledged, ReceiveError> {
        let known = &found.known;
        if item
            .sha256
            .is_some_and(|sha256| sha256 != known.content_sha256)
        {
            return Err(ReceiveError::ReceiptHash);
        }
        if let Some(confirmation) = &found.confirmation {
            self.hold(tx, known)?;
            self.check_turn(tx, item, known)?;
            if confirm(
                tx,
                self.exchange,
                self.actor,
                item.delivery,
                known,
                confirmation,
                None,
                self.now,
            )? {
                self.take_turn(known.kind, item.delivery);
                self.confirmed_seq = self.confirmed_seq.max(known.seq);
                return Ok(Acknowledged {
                    receipt: confirmation.receipt,
                    document: known.document,
                    repeated: false,
                });
            }
        }
        // Closed before, or by somebody else just now, or earlier in this batch.
        let closed = tx
            .delivery_for_confirm(item.delivery)?
            .ok_or(ReceiveError::DeliveryUnknown)?;
        match (closed.state, closed.receipt) {
            (DeliveryState::Delivered, Some(receipt)) => Ok(Acknowledged {
                receipt,
                document: closed.document,
                repeated: true,
            }),
            (state, _) => Err(ReceiveError::DeliveryState {
                state: state.name(),
            }),
        }
    }

    /// Holds the delivery's pair, and notes how far the one held before was confirmed.
    fn hold(&mut self, tx: &mut Tx<'_>, known: &DeliveryForConfirm) -> Result<(), StoreError> {
        let pair = (known.sender_org, known.recipient_org);
        if self.held != Some(pair) {
            self.let_go(tx)?;
            tx.pair_confirm(pair.0, pair.1, 0)?;
            self.held = Some(pair);
        }
        Ok(())
    }

    fn let_go(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if let Some((sender, recipient)) = self.held.take()
            && self.confirmed_seq > 0
        {
            tx.pair_confirm(sender, recipient, self.confirmed_seq)?;
        }
        self.confirmed_seq = 0;
        self.turns.clear();
        Ok(())
    }

    /// An earlier open delivery of the pair comes first. If its recipient was handed it and goes on without it, that is a
    /// refusal; it had a lease's time to confirm before that is held against it.
    fn check_turn(
        &mut self,
        tx: &mut Tx<'_>,
        item: &Acknowledgement,
        known: &DeliveryForConfirm,
    ) -> Result<(), ReceiveError> {
        if self.exchange.has_bug(Bug::NoPairOrder) {
            return Ok(());
        }
        loop {
            let head = self.head(tx, known)?;
            let Some(head) = head.filter(|head| head.id != item.delivery && head.seq < known.seq)
            else {
                return Ok(());
            };
            // Closed since it was looked up: nothing is held against the earlier one.
            let now = tx.delivery_for_confirm(item.delivery)?;
            if now.is_none_or(|now| !now.state.is_open()) {
                return Ok(());
            }
            let earlier = tx.delivery_lookup(head.id)?.ok_or(StoreError::Missing)?;
            let had_time = earlier
                .offered_at
                .is_some_and(|offered| self.now.since(offered) >= self.exchange.inner.config.lease);
            if !had_time || !self.passed_over.insert(head.id) {
                return Err(ReceiveError::Order { earlier: head.id });
            }
            let refusal = order::refuse(
                tx,
                self.exchange,
                self.actor,
                &earlier,
                &Refusing {
                    cause: PASSED_OVER,
                    detail: None,
                    next_at: None,
                },
                self.now,
            )?;
            tx.attempt_insert(
                head.id,
                "pull",
                self.now,
                self.now,
                "refused",
                Some(PASSED_OVER),
                None,
            )?;
            if !refusal.is_some_and(|refusal| refusal.is_parked) {
                return Err(ReceiveError::Order { earlier: head.id });
            }
            self.take_turn(known.kind, head.id);
            self.parked += 1;
        }
    }

    /// The first open delivery of the pair that is held. A few are read ahead: nobody else closes one meanwhile.
    fn head(
        &mut self,
        tx: &mut Tx<'_>,
        known: &DeliveryForConfirm,
    ) -> Result<Option<PairHead>, StoreError> {
        let turns = self.turns.entry(known.kind).or_default();
        if turns.is_empty() {
            turns.extend(tx.delivery_list_heads(
                known.sender_org,
                known.recipient_org,
                known.kind,
                TURNS_AHEAD,
            )?);
        }
        Ok(turns.front().copied())
    }

    /// The first one was closed: the next has its turn.
    fn take_turn(&mut self, kind: DocumentKind, delivery: DeliveryId) {
        if let Some(turns) = self.turns.get_mut(&kind)
            && turns.front().is_some_and(|head| head.id == delivery)
        {
            turns.pop_front();
        }
    }
}

/// Closes an open delivery as confirmed: state, attempt, ledger entry, turn of the next. False if it was closed
/// already. The caller holds the pair.
#[expect(
    clippy::too_many_arguments,
    reason = "one step shared by pull and push, called twice"
)]
pub(crate) fn confirm(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    id: DeliveryId,
    known: &DeliveryForConfirm,
    confirmation: &Confirmation,
    pushed: Option<(&'static str, Timestamp)>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let by = match actor {
        Actor::System { system, .. } => Some(*system),
        Actor::Operator { .. } | Actor::Platform { .. } => None,
    };
    let is_first = tx.delivery_confirm(id, now, by, confirmation.receipt)?;
    if !is_first && !exchange.has_bug(Bug::NoFencing) {
        return Ok(false);
    }
    // A pulled delivery says itself when and by whom it was confirmed; a row of its own would say it twice.
    if let Some((transport, started_at)) = pushed {
        tx.attempt_insert(id, transport, started_at, now, "confirmed", None, None)?;
    }
    tx.ledger_insert(&confirmation.entry)?;
    order::promote(
        tx,
        exchange,
        known.sender_org,
        known.recipient_org,
        known.kind,
        now,
    )?;
    Ok(true)
}

/// Works out what the confirmation of a delivery writes into the ledger.
pub(crate) fn confirmation(
    exchange: &Exchange,
    actor: &Actor,
    id: DeliveryId,
    known: &DeliveryForConfirm,
    receipt: ReceiptId,
    now: Timestamp,
) -> Confirmation {
    let entry = Entry::new(evidence::DELIVERY_CONFIRMED, now, actor, exchange.salt())
        .receipt(receipt)
        .with("delivery", id.to_string())
        .with("document", known.document.to_string())
        .with("sender", known.sender_org.to_string())
        .with("recipient", known.recipient_org.to_string())
        .with("seq", known.seq)
        .with("sha256", known.content_sha256.to_string())
        .written(now);
    Confirmation { receipt, entry }
}
