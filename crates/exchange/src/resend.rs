//! Sending again to one recipient (R-DOC-05): a new delivery with a new place in the order.

use lgsp_base::id::{DeliveryId, JobId};
use lgsp_base::planted::Bug;
use lgsp_base::{Actor, Permission};
use lgsp_store::exchange::{Delivery, DeliveryState, NewDelivery};
use lgsp_store::{StoreError, Tx};

use crate::counters::count;
use crate::error::ReceiveError;
use crate::evidence::{self, Entry};
use crate::order;
use crate::service::{Exchange, may};

impl Exchange {
    /// Sends a parked, dead or expired delivery on its way again and gives the new delivery.
    ///
    /// # Errors
    /// [`ReceiveError::DeliveryUnknown`] unless the actor is the sender or an operator; [`ReceiveError::DeliveryState`] if
    /// the delivery is open, delivered or cancelled, or another one of the document to this recipient is under way or
    /// arrived; [`ReceiveError::Erased`] if there is nothing left to send.
    pub async fn resend(
        &self,
        actor: &Actor,
        delivery: DeliveryId,
    ) -> Result<Delivery, ReceiveError> {
        if !may(actor, Permission::DeliveryResend) {
            return Err(ReceiveError::Forbidden);
        }
        let (exchange, by) = (self.clone(), actor.clone());
        let new = DeliveryId::generate(self.now(), self.entropy());
        let resent = self
            .inner
            .db
            .write("delivery_resend", move |tx| {
                again(tx, &exchange, &by, delivery, new, None)
            })
            .await?;
        if resent.id == new {
            count(&self.counters().resent, 1);
            count(&self.counters().deliveries, 1);
            self.ring();
        }
        Ok(resent)
    }
}

/// Makes the delivery `new` that repeats `id`, or gives the one that was made before. `job`: the bulk resend it is part of.
pub(crate) fn again(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    id: DeliveryId,
    new: DeliveryId,
    job: Option<JobId>,
) -> Result<Delivery, ReceiveError> {
    let old = tx
        .delivery_lookup(id)?
        .ok_or(ReceiveError::DeliveryUnknown)?;
    let document = tx
        .document_lookup(old.document)?
        .ok_or(StoreError::Missing)?;
    if !exchange.is_sender(actor, &document) {
        return Err(ReceiveError::DeliveryUnknown);
    }
    let now = exchange.now();
    tx.pair_confirm(old.sender_org, old.recipient_org, 0)?;
    // Looked at while the pair is held: of two that resend at once, one makes the delivery and both are told of it.
    let latest = tx
        .delivery_latest(old.document, old.recipient_org)?
        .ok_or(StoreError::Missing)?;
    let is_blind = exchange.has_bug(Bug::ResendTwice);
    if latest.resend_of == Some(old.id) && !is_blind {
        return Ok(latest);
    }
    let may_go = matches!(
        latest.state,
        DeliveryState::Parked | DeliveryState::Dead | DeliveryState::Expired
    );
    if (latest.id != old.id || !may_go) && !is_blind {
        return Err(ReceiveError::DeliveryState {
            state: latest.state.name(),
        });
    }
    if tx.document_erasure(old.document)?.is_some() {
        return Err(ReceiveError::Erased);
    }
    let place = tx.pair_advance(old.sender_org, old.recipient_org, now)?;
    let row = NewDelivery {
        id: new,
        document: old.document,
        sender_org: old.sender_org,
        recipient_org: old.recipient_org,
        recipient_code: &old.recipient_code,
        addressed_code: &old.addressed_code,
        is_routed: old.is_routed,
        kind: old.kind,
        place,
        next_attempt_at: None,
        created_at: now,
        expires_at: now.plus(exchange.inner.config.expiry),
        resend_of: Some(old.id),
    };
    order::enqueue(tx, exchange, row, exchange.is_pushed_to(old.recipient_org))?;
    let made = tx.delivery_lookup(new)?.ok_or(StoreError::Missing)?;
    Entry::new(evidence::DELIVERY_RESENT, now, actor, exchange.salt())
        .about(&made)
        .with("resend_of", old.id.to_string())
        .with_opt("job", job.map(|job| job.to_string()))
        .append(tx, now)?;
    Ok(made)
}
