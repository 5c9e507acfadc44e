//! Following a document: what its sender, its recipients and the operator may see.
//!
//! Whoever is no party gets the answer for a document that does not exist.

use lgsp_base::id::{DeliveryId, DocumentId, OrgId};
use lgsp_base::{Actor, Permission};
use lgsp_store::exchange::{
    Attempt, Delivery, DeliveryState, Document, DocumentKind, Erasure, Status,
};
use lgsp_store::{StoreError, Tx};

use crate::error::ReceiveError;
use crate::model::{Trace, TraceDelivery};
use crate::service::{Exchange, may};

/// Related documents in one trace.
const RELATED_MAX: usize = 1_000;

/// Everything stored about a document.
struct Found {
    document: Document,
    deliveries: Vec<Delivery>,
    attempts: Vec<Attempt>,
    statuses: Vec<Status>,
    related: Vec<(Document, Vec<OrgId>)>,
    original: Option<(Document, Vec<OrgId>)>,
    erasure: Option<Erasure>,
}

/// Who looks.
enum Viewer {
    /// An operator: everything.
    All,
    /// A party with these organisations.
    Party(Vec<OrgId>),
}

impl Viewer {
    fn is(&self, org: OrgId) -> bool {
        match self {
            Viewer::All => true,
            Viewer::Party(own) => own.contains(&org),
        }
    }
}

fn recipients(tx: &mut Tx<'_>, document: &Document) -> Result<Vec<OrgId>, StoreError> {
    let deliveries = tx.delivery_list_by_document(document.id)?;
    Ok(deliveries
        .into_iter()
        .map(|delivery| delivery.recipient_org)
        .collect())
}

fn find(tx: &mut Tx<'_>, id: DocumentId) -> Result<Option<Found>, StoreError> {
    let Some(document) = tx.document_lookup(id)? else {
        return Ok(None);
    };
    let mut related = Vec::new();
    for other in tx.document_list_related(id, RELATED_MAX)? {
        let orgs = recipients(tx, &other)?;
        related.push((other, orgs));
    }
    let original = match document.original {
        Some(original) => match tx.document_lookup(original)? {
            Some(other) => {
                let orgs = recipients(tx, &other)?;
                Some((other, orgs))
            }
            None => None,
        },
        None => None,
    };
    Ok(Some(Found {
        deliveries: tx.delivery_list_by_document(id)?,
        attempts: tx.attempt_list_by_document(id)?,
        statuses: tx.status_list_by_document(id)?,
        erasure: tx.document_erasure(id)?,
        document,
        related,
        original,
    }))
}

impl Exchange {
    /// A document with everything that happened to it: all deliveries for the sender and the operator, the own one for a
    /// recipient.
    ///
    /// # Errors
    /// [`ReceiveError::DocumentUnknown`] if it does not exist or is somebody else's.
    pub async fn trace(&self, actor: &Actor, document: DocumentId) -> Result<Trace, ReceiveError> {
        let viewer = self.viewer(actor)?;
        let found = self
            .inner
            .db
            .read("document_trace", move |tx| find(tx, document))
            .await?
            .ok_or(ReceiveError::DocumentUnknown)?;
        self.shown(&viewer, found)
            .ok_or(ReceiveError::DocumentUnknown)
    }

    /// A delivery as its parties see it, with the trace around it.
    ///
    /// # Errors
    /// [`ReceiveError::DeliveryUnknown`] if it does not exist or is somebody else's.
    pub async fn delivery(
        &self,
        actor: &Actor,
        delivery: DeliveryId,
    ) -> Result<(Document, TraceDelivery), ReceiveError> {
        let viewer = self.viewer(actor)?;
        let found = self
            .inner
            .db
            .read("delivery_trace", move |tx| {
                let Some(row) = tx.delivery_lookup(delivery)? else {
                    return Ok::<_, StoreError>(None);
                };
                find(tx, row.document)
            })
            .await?
            .ok_or(ReceiveError::DeliveryUnknown)?;
        let trace = self
            .shown(&viewer, found)
            .ok_or(ReceiveError::DeliveryUnknown)?;
        let document = trace.document;
        trace
            .deliveries
            .into_iter()
            .find(|shown| shown.delivery.id == delivery)
            .map(|shown| (document, shown))
            .ok_or(ReceiveError::DeliveryUnknown)
    }

    fn viewer(&self, actor: &Actor) -> Result<Viewer, ReceiveError> {
        if !may(actor, Permission::DocumentRead) {
            return Err(ReceiveError::Forbidden);
        }
        Ok(match actor {
            Actor::System { system, .. } => Viewer::Party(self.reads_for(*system)),
            Actor::Operator { .. } | Actor::Platform { .. } => Viewer::All,
        })
    }

    fn shown(&self, viewer: &Viewer, found: Found) -> Option<Trace> {
        let is_sender = viewer.is(found.document.sender_org);
        let visible = |(document, orgs): &(Document, Vec<OrgId>)| {
            viewer.is(document.sender_org) || orgs.iter().any(|org| viewer.is(*org))
        };
        let deliveries: Vec<TraceDelivery> = found
            .deliveries
            .into_iter()
            .filter(|delivery| is_sender || viewer.is(delivery.recipient_org))
            .map(|delivery| self.shown_delivery(delivery, &found.attempts, &found.statuses))
            .collect();
        if deliveries.is_empty() && !is_sender {
            return None;
        }
        let directory = &self.inner.directory;
        let sender_name = (found.document.kind != DocumentKind::Notice)
            .then(|| directory.party(found.document.sender_org))
            .flatten()
            .map(|party| party.name);
        Some(Trace {
            sender_name,
            deliveries,
            related: found
                .related
                .into_iter()
                .filter(visible)
                .map(|(document, _)| document)
                .collect(),
            original: found.original.filter(visible).map(|(document, _)| document),
            erasure: found.erasure,
            document: found.document,
        })
    }

    fn shown_delivery(
        &self,
        delivery: Delivery,
        attempts: &[Attempt],
        statuses: &[Status],
    ) -> TraceDelivery {
        let directory = &self.inner.directory;
        TraceDelivery {
            recipient_name: directory
                .party(delivery.recipient_org)
                .map(|party| party.name),
            waits_for_system: delivery.state.is_open()
                && directory.receiver(delivery.recipient_org).is_none(),
            attempts: attempts_of(&delivery, attempts),
            statuses: statuses
                .iter()
                .filter(|status| status.delivery == Some(delivery.id))
                .cloned()
                .collect(),
            delivery,
        }
    }
}

/// The tries of a delivery. The confirmation of a pulled one stands in the delivery itself and is added as the last.
fn attempts_of(delivery: &Delivery, attempts: &[Attempt]) -> Vec<Attempt> {
    let mut own: Vec<Attempt> = attempts
        .iter()
        .filter(|attempt| attempt.delivery == delivery.id)
        .cloned()
        .collect();
    let is_shown = own
        .iter()
        .any(|attempt| attempt.outcome.as_deref() == Some("confirmed"));
    if delivery.state == DeliveryState::Delivered && !is_shown {
        own.push(Attempt {
            delivery: delivery.id,
            number: own.last().map_or(1, |last| last.number + 1),
            transport: "pull".to_owned(),
            started_at: delivery.offered_at.unwrap_or(delivery.created_at),
            finished_at: delivery.closed_at,
            outcome: Some("confirmed".to_owned()),
            cause: None,
            detail: None,
        });
    }
    own
}
