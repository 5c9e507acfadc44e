//! The order of a pair: deliveries of one sender to one recipient are confirmed in the order in which they were accepted.
//!
//! The order holds per kind of document, because the document axis fetches documents and status messages through separate
//! lists. Whoever makes or closes a delivery holds the row of its pair first ([`Tx::pair_advance`], [`Tx::pair_confirm`]),
//! so that "is there an earlier open one" and "who comes next" always have one answer. For a recipient that is pushed to,
//! only the first open delivery has a time for its next try; closing it gives the next one its turn.

use lgsp_base::id::OrgId;
use lgsp_base::planted::Bug;
use lgsp_base::{Actor, Timestamp};
use lgsp_store::exchange::{Delivery, DeliveryState, DocumentKind, NewDelivery};
use lgsp_store::{StoreError, Tx};

use crate::counters::count;
use crate::evidence::{self, Entry};
use crate::service::Exchange;

/// Stores a delivery at its pair's next place, which must be `new.place` already, and makes it due if it is pushed and
/// nothing comes before it.
pub(crate) fn enqueue(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    mut new: NewDelivery<'_>,
    is_pushed: bool,
) -> Result<(), StoreError> {
    if is_pushed && !exchange.has_bug(Bug::LostWakeup) {
        let is_first = exchange.has_bug(Bug::NoPairOrder)
            || tx
                .delivery_head(new.sender_org, new.recipient_org, new.kind)?
                .is_none();
        new.next_attempt_at = is_first.then_some(new.created_at);
    }
    tx.delivery_insert(&new)
}

/// Gives the next open delivery of a pair its turn, if the recipient is pushed to. The pair is held already.
pub(crate) fn promote(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    sender: OrgId,
    recipient: OrgId,
    kind: DocumentKind,
    now: Timestamp,
) -> Result<(), StoreError> {
    if exchange.is_pushed_to(recipient) && !exchange.has_bug(Bug::LostWakeup) {
        tx.delivery_promote(sender, recipient, kind, now)?;
    }
    Ok(())
}

/// Why a delivery is closed without success.
#[derive(Debug, Clone)]
pub(crate) struct Closing<'a> {
    pub(crate) state: DeliveryState,
    pub(crate) kind: &'static str,
    pub(crate) cause: &'a str,
    pub(crate) detail: Option<&'a str>,
}

/// Closes an open delivery without success: state, ledger entry, turn of the next. False if it was closed already.
pub(crate) fn close(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    delivery: &Delivery,
    closing: &Closing<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.pair_confirm(delivery.sender_org, delivery.recipient_org, 0)?;
    if !tx.delivery_close(
        delivery.id,
        closing.state,
        now,
        closing.cause,
        closing.detail,
    )? {
        return Ok(false);
    }
    Entry::new(closing.kind, now, actor, exchange.salt())
        .about(delivery)
        .with("cause", closing.cause)
        .append(tx, now)?;
    promote(
        tx,
        exchange,
        delivery.sender_org,
        delivery.recipient_org,
        delivery.kind,
        now,
    )?;
    Ok(true)
}

/// What a refusal led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) refusals: u32,
    pub(crate) is_parked: bool,
}

/// A recipient's refusal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusing<'a> {
    pub(crate) cause: &'a str,
    pub(crate) detail: Option<&'a str>,
    /// When a push is tried again, if it is not parked.
    pub(crate) next_at: Option<Timestamp>,
}

/// Counts a refusal of an open delivery, with a ledger entry, and parks it after the last one. None if it was closed already.
pub(crate) fn refuse(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    delivery: &Delivery,
    refusing: &Refusing<'_>,
    now: Timestamp,
) -> Result<Option<Refusal>, StoreError> {
    tx.pair_confirm(delivery.sender_org, delivery.recipient_org, 0)?;
    let (cause, detail) = (refusing.cause, refusing.detail);
    let Some(refusals) = tx.delivery_refuse(delivery.id, now, cause, detail)? else {
        return Ok(None);
    };
    let next_at = refusing.next_at.map(Timestamp::as_micros);
    let refusals = u32::try_from(refusals).unwrap_or(u32::MAX);
    let is_parked = refusals >= exchange.inner.config.refusals_max;
    Entry::new(evidence::DELIVERY_REFUSED, now, actor, exchange.salt())
        .about(delivery)
        .with("cause", cause)
        .with("number", i64::from(refusals))
        .with_opt("next_at", next_at.filter(|_| !is_parked))
        .append(tx, now)?;
    if is_parked {
        let closing = Closing {
            state: DeliveryState::Parked,
            kind: evidence::DELIVERY_PARKED,
            cause,
            detail,
        };
        close(tx, exchange, actor, delivery, &closing, now)?;
    }
    Ok(Some(Refusal {
        refusals,
        is_parked,
    }))
}

/// Counts what a finished transaction closed.
pub(crate) fn count_closed(exchange: &Exchange, state: DeliveryState, by: u64) {
    let counters = exchange.counters();
    let counter = match state {
        DeliveryState::Delivered => &counters.delivered,
        DeliveryState::Parked => &counters.parked,
        DeliveryState::Dead => &counters.dead,
        DeliveryState::Expired => &counters.expired,
        DeliveryState::Cancelled => &counters.cancelled,
        DeliveryState::Waiting | DeliveryState::Leased => return,
    };
    count(counter, by);
}
