//! What outlives a merger: a successor follows what its predecessors sent and received.
//!
//! Nothing stored is rewritten. A document stays the sender's under whose code it came, a delivery stays its recipient's;
//! who asks, reports or recalls is compared with them and with the organisations that took their place.

use lgsp_base::id::{DocumentId, OrgId, SystemId};
use lgsp_store::exchange::{Delivery, Document};
use lgsp_store::{StoreError, Tx};

use crate::packet::Facts;
use crate::recall;
use crate::report;
use crate::service::Exchange;
use crate::submit::{Prepared, Recipient};

impl Exchange {
    /// The organisations whose documents a system may read: those in whose name it acts, and their predecessors.
    pub(crate) fn reads_for(&self, system: SystemId) -> Vec<OrgId> {
        let directory = &self.inner.directory;
        let mut orgs = directory.acts_for(system);
        let inherited: Vec<OrgId> = orgs
            .iter()
            .flat_map(|org| directory.lineage(*org))
            .collect();
        for org in inherited {
            if !orgs.contains(&org) {
                orgs.push(org);
            }
        }
        orgs
    }

    /// True if `org` is `owner` or has taken its place.
    pub(crate) fn stands_for(&self, org: OrgId, owner: OrgId) -> bool {
        org == owner || self.inner.directory.lineage(org).contains(&owner)
    }

    /// Whose documents besides its own parties' a packet may be about: the predecessors of the one that must have sent them.
    pub(crate) fn inherited_owners(
        &self,
        facts: &Facts,
        sender: OrgId,
        recipients: &[Recipient],
    ) -> Vec<OrgId> {
        if facts.originals.is_empty() {
            return Vec::new();
        }
        let is_report = facts
            .status
            .as_ref()
            .is_some_and(|status| !status.code.is_from_sender());
        let directory = &self.inner.directory;
        if is_report {
            recipients
                .iter()
                .flat_map(|recipient| directory.lineage(recipient.org))
                .collect()
        } else {
            directory.lineage(sender)
        }
    }
}

/// The latest delivery of a document to an organisation, or else those to its predecessors.
pub(crate) fn deliveries_to(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    document: DocumentId,
    org: OrgId,
) -> Result<Vec<Delivery>, StoreError> {
    if let Some(own) = tx.delivery_latest(document, org)? {
        return Ok(vec![own]);
    }
    let mut inherited = Vec::new();
    for predecessor in exchange.inner.directory.lineage(org) {
        inherited.extend(tx.delivery_latest(document, predecessor)?);
    }
    Ok(inherited)
}

/// If an accepted packet is about a document of a predecessor, ties it to that document and does there what it says. Costs
/// nothing unless a party has predecessors and none of its own documents was meant.
pub(crate) fn attach(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    prepared: &Prepared,
) -> Result<(), StoreError> {
    if prepared.inherited_owners.is_empty() {
        return Ok(());
    }
    let stored = tx
        .document_lookup(prepared.document)?
        .ok_or(StoreError::Missing)?;
    if stored.original.is_some() {
        return Ok(());
    }
    let Some(original) = inherited_original(tx, prepared)? else {
        return Ok(());
    };
    tx.document_set_original(prepared.document, original.id)?;
    if let Some(status) = &prepared.facts.status {
        report::record(tx, exchange, prepared, status, &original)?;
    }
    recall::take_back_unseen(tx, exchange, prepared, &original)
}

fn inherited_original(
    tx: &mut Tx<'_>,
    prepared: &Prepared,
) -> Result<Option<Document>, StoreError> {
    for external_id in &prepared.facts.originals {
        for owner in &prepared.inherited_owners {
            if let Some(document) = tx.document_by_external_id(*owner, external_id)? {
                return Ok(Some(document));
            }
        }
        if let Ok(id) = external_id.parse::<DocumentId>()
            && let Some(document) = tx.document_lookup(id)?
            && prepared.inherited_owners.contains(&document.sender_org)
        {
            return Ok(Some(document));
        }
    }
    Ok(None)
}
