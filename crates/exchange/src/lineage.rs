//! What outlives a merger: a successor follows what its predecessors sent and received.
//!
//! Nothing stored is rewritten. A document stays the sender's under whose code it came, a delivery stays its recipient's;
//! who asks, reports or recalls is compared with them and with the organisations that took their place.

use lgsp_base::id::{DocumentId, OrgId, SystemId};
use lgsp_store::exchange::Delivery;
use lgsp_store::{StoreError, Tx};

use crate::packet::Facts;
use crate::service::Exchange;
use crate::submit::Recipient;

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
