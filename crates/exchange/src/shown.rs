//! What an actor may see of the ledger: the events in which its organisations take part, and the receipts that are its own.

use std::borrow::Cow;

use lgsp_base::id::{DocumentId, OrgId, ReceiptId};
use lgsp_base::{Actor, Permission};
use lgsp_store::StoreError;
use lgsp_store::exchange::DeliveryState;
use lgsp_wire::record::{Record, Value};

use crate::error::ReceiveError;
use crate::service::{Exchange, may};

/// The keys of a record that name an organisation which takes part.
const PARTIES: [&str; 3] = ["sender", "recipient", "org"];
/// The key under which the acceptance of a document lists its recipients.
const DELIVERIES: &str = "deliveries";

/// Whose events are shown. Made for each page of events: who stands for whom may change.
#[derive(Debug, Clone)]
pub struct EventView {
    /// The organisations; none: everything.
    own: Option<Vec<OrgId>>,
}

impl EventView {
    /// The organisations whose part is seen; none: everybody's.
    pub fn organisations(&self) -> Option<&[OrgId]> {
        self.own.as_deref()
    }

    /// The record as the actor may see it: whole for a sender and an operator; a recipient of several sees itself among the
    /// recipients and nobody else. None if the actor takes no part.
    pub fn shown<'r>(&self, record: &'r Record) -> Option<Cow<'r, Record>> {
        let Some(own) = &self.own else {
            return Some(Cow::Borrowed(record));
        };
        if PARTIES.iter().any(|key| names(own, record.text(key))) {
            return Some(Cow::Borrowed(record));
        }
        let Some(Value::List(deliveries)) = record.get(DELIVERIES) else {
            return None;
        };
        let mine: Vec<Value> = deliveries
            .iter()
            .filter(|delivery| match delivery {
                Value::Map(delivery) => names(own, delivery.text("recipient")),
                _ => false,
            })
            .cloned()
            .collect();
        (!mine.is_empty()).then(|| Cow::Owned(record.clone().with(DELIVERIES, Value::List(mine))))
    }
}

fn names(own: &[OrgId], text: Option<&str>) -> bool {
    text.and_then(|text| text.parse().ok())
        .is_some_and(|org: OrgId| own.contains(&org))
}

/// The receipt with which a party can prove something about a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnReceipt {
    /// Of the acceptance: for the sender and for operators.
    Acceptance(ReceiptId),
    /// Of the recipient's own confirmation.
    Confirmation(ReceiptId),
    /// The recipient has confirmed nothing.
    Nothing,
}

impl Exchange {
    /// What this actor may see of the ledger's records.
    ///
    /// # Errors
    /// [`ReceiveError::Forbidden`] if it may see no documents at all.
    pub fn event_view(&self, actor: &Actor) -> Result<EventView, ReceiveError> {
        if !may(actor, Permission::DocumentRead) {
            return Err(ReceiveError::Forbidden);
        }
        let own = match actor {
            Actor::System { system, .. } => Some(self.reads_for(*system)),
            Actor::Operator { .. } | Actor::Platform { .. } => None,
        };
        Ok(EventView { own })
    }

    /// The receipt of this document that is the actor's own.
    ///
    /// # Errors
    /// [`ReceiveError::DocumentUnknown`] if it does not exist or is somebody else's.
    pub async fn receipt_of(
        &self,
        actor: &Actor,
        document: DocumentId,
    ) -> Result<OwnReceipt, ReceiveError> {
        let view = self.event_view(actor)?;
        let (found, deliveries) = self
            .inner
            .db
            .read::<_, StoreError, _>("receipt_lookup", move |tx| {
                let deliveries = tx.delivery_list_by_document(document)?;
                Ok((tx.document_lookup(document)?, deliveries))
            })
            .await?;
        let found = found.ok_or(ReceiveError::DocumentUnknown)?;
        let Some(own) = view.own.filter(|own| !own.contains(&found.sender_org)) else {
            return Ok(OwnReceipt::Acceptance(found.receipt));
        };
        let mine: Vec<_> = deliveries
            .iter()
            .filter(|delivery| own.contains(&delivery.recipient_org))
            .collect();
        if mine.is_empty() {
            return Err(ReceiveError::DocumentUnknown);
        }
        Ok(mine
            .iter()
            .rev()
            .filter(|delivery| delivery.state == DeliveryState::Delivered)
            .find_map(|delivery| delivery.receipt)
            .map_or(OwnReceipt::Nothing, OwnReceipt::Confirmation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn org(number: u128) -> OrgId {
        OrgId::from_bits(number)
    }

    fn accepted() -> Record {
        let delivery =
            |number| Value::Map(Record::new().with("recipient", org(number).to_string()));
        Record::new()
            .with("kind", "document.accepted")
            .with("sender", org(1).to_string())
            .with(DELIVERIES, Value::List(vec![delivery(2), delivery(3)]))
    }

    fn recipients(record: &Record) -> usize {
        match record.get(DELIVERIES) {
            Some(Value::List(list)) => list.len(),
            _ => 0,
        }
    }

    #[test]
    fn a_party_sees_its_part_and_nobody_else_anything() {
        let seen = |own: Option<Vec<OrgId>>| {
            let record = accepted();
            EventView { own }
                .shown(&record)
                .map(|shown| recipients(&shown))
        };
        assert_eq!(seen(None), Some(2));
        assert_eq!(seen(Some(vec![org(1)])), Some(2));
        assert_eq!(seen(Some(vec![org(3)])), Some(1));
        assert_eq!(seen(Some(vec![org(4)])), None);
        assert_eq!(seen(Some(Vec::new())), None);
        let event = Record::new().with("kind", "organisation.event");
        let view = EventView {
            own: Some(vec![org(1)]),
        };
        assert!(view.shown(&event).is_none());
    }
}
