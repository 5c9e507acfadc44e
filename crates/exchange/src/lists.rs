//! Lists: what an organisation sent or received, and deliveries in trouble.

use lgsp_base::id::OrgId;
use lgsp_base::{Actor, Permission, vi};
use lgsp_store::StoreError;
use lgsp_store::exchange::{
    Delivery, DeliveryFilter, DeliveryState, Document, DocumentFilter, SentRow,
};

use crate::error::ReceiveError;
use crate::inbox::page_size;
use crate::service::{Exchange, may};

impl Exchange {
    /// Documents that the actor's organisations sent, or organisations whose successor they are, with the state of each delivery, newest first. `filter.sender`
    /// narrows to one of them (an operator may leave it out to see all); `subject_folded` may be given unfolded.
    ///
    /// # Errors
    /// [`ReceiveError::Forbidden`] for another sender, [`ReceiveError::Invalid`] for an impossible page.
    pub async fn sent(
        &self,
        actor: &Actor,
        mut filter: DocumentFilter,
    ) -> Result<Vec<SentRow>, ReceiveError> {
        let senders = self.own(actor, filter.sender)?;
        filter.limit = page_size(filter.limit)?;
        filter.subject_folded = filter.subject_folded.map(|text| vi::fold(&text));
        self.inner
            .db
            .read("document_sent", move |tx| {
                let mut rows: Vec<Document> = Vec::new();
                for sender in &senders {
                    let mut one = filter.clone();
                    one.sender = *sender;
                    rows.extend(tx.document_list(&one)?);
                }
                newest_first(&mut rows, filter.limit);
                let mut page = Vec::with_capacity(rows.len());
                for document in rows {
                    page.push(SentRow {
                        deliveries: tx.delivery_list_by_document(document.id)?,
                        document,
                    });
                }
                Ok(page)
            })
            .await
    }

    /// Documents that the actor's organisations received or are to receive, newest first; each with the own delivery.
    ///
    /// # Errors
    /// As [`Exchange::sent`], for `filter.recipient`.
    pub async fn received(
        &self,
        actor: &Actor,
        mut filter: DocumentFilter,
    ) -> Result<Vec<SentRow>, ReceiveError> {
        let recipients = self.own(actor, filter.recipient)?;
        filter.limit = page_size(filter.limit)?;
        filter.subject_folded = filter.subject_folded.map(|text| vi::fold(&text));
        self.inner
            .db
            .read("document_received", move |tx| {
                let mut rows: Vec<Document> = Vec::new();
                for recipient in &recipients {
                    let mut one = filter.clone();
                    one.recipient = *recipient;
                    rows.extend(tx.document_list(&one)?);
                }
                newest_first(&mut rows, filter.limit);
                let mut page = Vec::with_capacity(rows.len());
                for document in rows {
                    let mut deliveries = tx.delivery_list_by_document(document.id)?;
                    deliveries.retain(|delivery| {
                        recipients
                            .iter()
                            .any(|own| own.is_none_or(|own| own == delivery.recipient_org))
                    });
                    page.push(SentRow {
                        document,
                        deliveries,
                    });
                }
                Ok(page)
            })
            .await
    }

    /// Deliveries in a state (none: parked, dead and expired) in which the actor takes part, newest first.
    ///
    /// # Errors
    /// As [`Exchange::sent`], for `filter.party`.
    pub async fn deliveries(
        &self,
        actor: &Actor,
        mut filter: DeliveryFilter,
    ) -> Result<Vec<Delivery>, ReceiveError> {
        let parties = self.own(actor, filter.party)?;
        filter.limit = page_size(filter.limit)?;
        self.inner
            .db
            .read("delivery_list", move |tx| {
                let mut rows = Vec::new();
                for party in &parties {
                    let mut one = filter.clone();
                    one.party = *party;
                    rows.extend(tx.delivery_list(&one)?);
                }
                rows.sort_by_key(|row: &Delivery| std::cmp::Reverse(row.id));
                rows.dedup_by_key(|row| row.id);
                rows.truncate(filter.limit);
                Ok(rows)
            })
            .await
    }

    /// How many deliveries are open, parked, dead and expired, for metrics.
    ///
    /// # Errors
    /// The store's.
    pub async fn count_by_state(&self) -> Result<Vec<(DeliveryState, u64)>, StoreError> {
        self.inner
            .db
            .read("delivery_count", |tx| tx.delivery_count_by_state())
            .await
    }

    /// The organisations that a list is about: the actor's own, or the named one; `None` stands for all.
    fn own(&self, actor: &Actor, named: Option<OrgId>) -> Result<Vec<Option<OrgId>>, ReceiveError> {
        if !may(actor, Permission::DocumentRead) {
            return Err(ReceiveError::Forbidden);
        }
        let Actor::System { system, .. } = actor else {
            return Ok(vec![named]);
        };
        let own = self.reads_for(*system);
        match named {
            None => Ok(own.into_iter().map(Some).collect()),
            Some(org) if own.contains(&org) => Ok(vec![Some(org)]),
            Some(_) => Err(ReceiveError::Forbidden),
        }
    }
}

fn newest_first(rows: &mut Vec<Document>, limit: usize) {
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows.dedup_by_key(|row| row.id);
    rows.truncate(limit);
}
