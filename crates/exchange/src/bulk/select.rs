//! Which deliveries a bulk resend takes, and what will become of them as things stand.

use std::collections::BTreeSet;

use lgsp_base::id::DeliveryId;
use lgsp_base::{Actor, limits};
use lgsp_store::exchange::{DeliveryState, TroubledFilter, TroubledOrder};
use lgsp_store::{StoreError, Tx};

use super::{BatchQuery, Selected};
use crate::service::Exchange;

/// The troubled deliveries that fit, the oldest first.
pub(super) fn by_group(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    query: &BatchQuery,
) -> Result<Selected, StoreError> {
    let directory = &exchange.inner.directory;
    let filter = TroubledFilter {
        state: query.state,
        cause: query.cause.clone(),
        recipient: query.org,
        parties: None,
        senders: match actor {
            Actor::System { system, .. } => Some(directory.acts_for(*system)),
            Actor::Operator { .. } | Actor::Platform { .. } => None,
        },
        // One more, to know whether there are more.
        limit: limits::RESEND_ITEMS_MAX + 1,
    };
    let mut found = Vec::new();
    tx.delivery_visit_troubled(&filter, TroubledOrder::OldestFirst, |row| {
        found.push((row.id, row.state, row.recipient_org));
    })?;
    found.sort_unstable_by_key(|(id, _, _)| *id);
    let mut selected = Selected::default();
    let preview = &mut selected.preview;
    for (id, state, recipient) in found {
        preview.matched += 1;
        let is_expired = state == DeliveryState::Expired;
        preview.expired += u64::from(is_expired);
        if is_expired && query.skip_expired {
            continue;
        }
        if selected.deliveries.len() >= limits::RESEND_ITEMS_MAX {
            preview.is_cut = true;
            break;
        }
        preview.sendable += 1;
        preview.without_system += u64::from(directory.receiver(recipient).is_none());
        selected.deliveries.push(id);
    }
    Ok(selected)
}

/// The named deliveries, each once. All of them become part of the job, so that each gets a result of its own.
pub(super) fn by_id(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    query: &BatchQuery,
) -> Result<Selected, StoreError> {
    let mut selected = Selected::default();
    let mut seen = BTreeSet::new();
    for id in query.ids.iter().copied().filter(|id| seen.insert(*id)) {
        let preview = &mut selected.preview;
        preview.matched += 1;
        match prospect(tx, exchange, actor, id)? {
            Prospect::Sendable {
                is_expired,
                has_system,
            } => {
                preview.expired += u64::from(is_expired);
                if is_expired && query.skip_expired {
                    continue;
                }
                preview.sendable += 1;
                preview.without_system += u64::from(!has_system);
            }
            Prospect::Already => preview.already += 1,
            Prospect::Unsendable => preview.unsendable += 1,
        }
        selected.deliveries.push(id);
    }
    Ok(selected)
}

/// What would become of one named delivery.
enum Prospect {
    Sendable { is_expired: bool, has_system: bool },
    Already,
    Unsendable,
}

fn prospect(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    id: DeliveryId,
) -> Result<Prospect, StoreError> {
    let Some(delivery) = tx.delivery_lookup(id)? else {
        return Ok(Prospect::Unsendable);
    };
    let is_own = match actor {
        Actor::System { system, .. } => exchange
            .inner
            .directory
            .may_send_as(*system, delivery.sender_org),
        Actor::Operator { .. } | Actor::Platform { .. } => true,
    };
    let latest = tx.delivery_latest(delivery.document, delivery.recipient_org)?;
    let is_troubled = matches!(
        delivery.state,
        DeliveryState::Parked | DeliveryState::Dead | DeliveryState::Expired
    );
    if !is_own || tx.document_erasure(delivery.document)?.is_some() {
        return Ok(Prospect::Unsendable);
    }
    Ok(match latest {
        Some(latest) if latest.resend_of == Some(id) => Prospect::Already,
        Some(latest) if latest.id == id && is_troubled => Prospect::Sendable {
            is_expired: delivery.state == DeliveryState::Expired,
            has_system: exchange
                .inner
                .directory
                .receiver(delivery.recipient_org)
                .is_some(),
        },
        _ => Prospect::Unsendable,
    })
}
