//! Taking a document back (protocols §1.10): before the recipient has seen it that is a plain cancel, afterwards a request
//! that is forwarded like any other document.

use lgsp_store::exchange::{Delivery, DeliveryState, Document};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::edxml::StatusCode;

use crate::evidence::{self, Entry};
use crate::lineage;
use crate::notice::{self, Notice};
use crate::order;
use crate::service::Exchange;
use crate::submit::Prepared;

/// The cause of a delivery that its sender took back unseen, and of the request that thereby became void.
const CAUSE: &str = "taken_back";

/// If this is a recall (packet type 1) or a take-back (status 13): cancels the original's deliveries that were never handed
/// over, together with the request to the same recipient, and tells the sender. The pairs are held by the submit.
pub(crate) fn take_back_unseen(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    prepared: &Prepared,
    original: &Document,
) -> Result<(), StoreError> {
    let facts = &prepared.facts;
    let is_take_back = facts
        .status
        .as_ref()
        .is_some_and(|status| status.code == StatusCode::TakeBack);
    let is_request = facts.business_type == Some(1) || is_take_back;
    if !is_request || !exchange.stands_for(prepared.sender_org, original.sender_org) {
        return Ok(());
    }
    let mut cancelled = Vec::new();
    for recipient in &prepared.recipients {
        let deliveries = lineage::deliveries_to(tx, exchange, original.id, recipient.org)?;
        let mut is_void = !deliveries.is_empty();
        for delivery in deliveries {
            if cancel(tx, exchange, prepared, &delivery)? {
                cancelled.push(delivery);
            } else {
                is_void = false;
            }
        }
        if !is_void {
            continue;
        }
        tx.delivery_close(
            recipient.delivery,
            DeliveryState::Cancelled,
            prepared.now,
            CAUSE,
            Some("the original was cancelled before it was handed over"),
        )?;
        order::promote(
            tx,
            exchange,
            prepared.sender_org,
            recipient.org,
            facts.kind,
            prepared.now,
        )?;
    }
    if cancelled.is_empty() {
        return Ok(());
    }
    let notice = Notice {
        code: "taken_back",
        title_vi: "Văn bản đã được lấy lại trước khi bên nhận nhận",
        title_en: "The document was taken back before its recipient saw it",
        document: original,
        deliveries: &cancelled,
    };
    notice::send(tx, exchange, &notice, prepared.now)
}

/// Cancels a delivery that was never handed over; false if it was. A predecessor's pair is not the one that the submit holds.
fn cancel(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    prepared: &Prepared,
    delivery: &Delivery,
) -> Result<bool, StoreError> {
    tx.pair_confirm(delivery.sender_org, delivery.recipient_org, 0)?;
    if !tx.delivery_cancel_unseen(delivery.id, prepared.now, CAUSE)? {
        return Ok(false);
    }
    Entry::new(
        evidence::DELIVERY_CANCELLED,
        prepared.now,
        &prepared.actor,
        exchange.salt(),
    )
    .about(delivery)
    .with("cause", CAUSE)
    .with("request", prepared.document.to_string())
    .append(tx, prepared.now)?;
    order::promote(
        tx,
        exchange,
        delivery.sender_org,
        delivery.recipient_org,
        delivery.kind,
        prepared.now,
    )?;
    Ok(true)
}
