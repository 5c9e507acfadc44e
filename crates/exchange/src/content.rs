//! Reading a document's content back: exactly the bytes that came in, or an error.

use lgsp_base::id::{DeliveryId, DocumentId};
use lgsp_base::planted::Bug;
use lgsp_base::{Actor, Permission, Sha256};
use lgsp_store::exchange::{Delivery, Document, DocumentKind};
use lgsp_store::{BlobReader, StoreError, Tx};

use crate::counters::count;
use crate::dossier::Purpose;
use crate::dossier::sealing;
use crate::dossier::view::note_look;
use crate::error::ReceiveError;
use crate::service::{Exchange, may};

/// Which content is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentTarget {
    /// Of this document.
    Document(DocumentId),
    /// Of the document of this delivery.
    Delivery(DeliveryId),
}

/// Content on its way out.
#[derive(Debug)]
pub struct ContentStream {
    /// The document.
    pub document: Document,
    /// Its bytes.
    pub body: ContentBody,
}

/// Where content comes from.
#[derive(Debug)]
pub enum ContentBody {
    /// Small content, compared with its digest already.
    Bytes(Vec<u8>),
    /// A file. Reading blocks; it fails instead of giving the last bytes if the digest differs, so that damaged content
    /// never looks complete.
    Blob(Box<BlobReader>),
}

/// What the database knows about wanted content.
struct Found {
    document: Document,
    deliveries: Vec<Delivery>,
    body: Option<Vec<u8>>,
    is_erased: bool,
}

impl Exchange {
    /// The content of a document for a party to it. For a recipient whose delivery is open it counts as handed over.
    ///
    /// # Errors
    /// [`ReceiveError::DocumentUnknown`] or [`ReceiveError::DeliveryUnknown`] for what is not there and for what is
    /// somebody else's; [`ReceiveError::Forbidden`] for a dossier if the actor may not see persons; [`ReceiveError::Erased`]; a storage problem if the content is damaged.
    pub async fn content(
        &self,
        actor: &Actor,
        target: ContentTarget,
    ) -> Result<ContentStream, ReceiveError> {
        let unknown = match target {
            ContentTarget::Document(_) => ReceiveError::DocumentUnknown,
            ContentTarget::Delivery(_) => ReceiveError::DeliveryUnknown,
        };
        if !may(actor, Permission::DocumentRead) {
            return Err(ReceiveError::Forbidden);
        }
        let exchange = self.clone();
        let found = self
            .inner
            .db
            .read("content_lookup", move |tx| {
                let id = match target {
                    ContentTarget::Document(id) => id,
                    ContentTarget::Delivery(id) => match tx.delivery_lookup(id)? {
                        Some(delivery) => delivery.document,
                        None => return Ok(None),
                    },
                };
                let Some(document) = tx.document_lookup(id)? else {
                    return Ok(None);
                };
                let body = match document.blob {
                    Some(_) => None,
                    None => exchange.document_body(tx, id, document.kind)?,
                };
                // Only where nothing is left is it asked why.
                let is_erased =
                    document.blob.is_none() && body.is_none() && tx.document_erasure(id)?.is_some();
                Ok::<_, StoreError>(Some(Found {
                    deliveries: tx.delivery_list_by_document(id)?,
                    is_erased,
                    document,
                    body,
                }))
            })
            .await?;
        let Some(found) = found else {
            return Err(unknown);
        };
        let handed_over = self.allowed(actor, target, &found).ok_or(unknown)?;
        let is_dossier = found.document.kind == DocumentKind::Dossier;
        if is_dossier && !may(actor, Permission::DossierReadPersonal) {
            return Err(ReceiveError::Forbidden);
        }
        if found.is_erased {
            return Err(ReceiveError::Erased);
        }
        // A hand-over is recorded as one; whoever else reads a dossier looks at it.
        if is_dossier && handed_over.is_empty() && !matches!(actor, Actor::Platform { .. }) {
            self.look(actor, found.document.id).await?;
        }
        let body = self.open(&found.document, found.body)?;
        if !handed_over.is_empty() {
            let open = self.offer(handed_over).await?;
            count(&self.counters().handed_over, open.len() as u64);
        }
        Ok(ContentStream {
            document: found.document,
            body,
        })
    }

    /// The same content from its beginning once more, for an answer that shows it in two forms. No further hand-over.
    ///
    /// # Errors
    /// A storage problem if the content is damaged or was erased meanwhile.
    pub fn content_again(&self, stream: &ContentStream) -> Result<ContentBody, ReceiveError> {
        let body = match &stream.body {
            ContentBody::Bytes(bytes) => Some(bytes.clone()),
            ContentBody::Blob(_) => None,
        };
        Ok(self.open(&stream.document, body)?)
    }

    /// Records that an actor looks at the dossier of a push, before it sees it.
    async fn look(&self, actor: &Actor, document: DocumentId) -> Result<(), StoreError> {
        if self.has_bug(Bug::LookUnrecorded) {
            return Ok(());
        }
        let (exchange, by, now) = (self.clone(), actor.clone(), self.now());
        self.inner
            .db
            .write("dossier_look", move |tx| {
                if let Some((dossier, _)) = tx.dossier_by_document(document)? {
                    note_look(tx, &exchange, &by, dossier, Purpose::Handling, now)?;
                }
                Ok(())
            })
            .await
    }

    /// The open deliveries that this reading hands over; none at all if the actor may not read.
    fn allowed(
        &self,
        actor: &Actor,
        target: ContentTarget,
        found: &Found,
    ) -> Option<Vec<DeliveryId>> {
        let Actor::System { system, .. } = actor else {
            return Some(Vec::new());
        };
        let readable = self.reads_for(*system);
        let received: Vec<&Delivery> = found
            .deliveries
            .iter()
            .filter(|delivery| match target {
                ContentTarget::Document(_) => true,
                ContentTarget::Delivery(id) => delivery.id == id,
            })
            .filter(|delivery| readable.contains(&delivery.recipient_org))
            .collect();
        if received.is_empty() && !readable.contains(&found.document.sender_org) {
            return None;
        }
        // Only the system that receives takes a document over; others of its organisation look on.
        let own = self.inner.directory.receives_for(*system);
        Some(
            received
                .into_iter()
                .filter(|delivery| own.contains(&delivery.recipient_org))
                .filter(|delivery| delivery.state.is_open())
                .map(|delivery| delivery.id)
                .collect(),
        )
    }

    /// True if this actor speaks for the sender of a document.
    pub(crate) fn is_sender(&self, actor: &Actor, document: &Document) -> bool {
        match actor {
            Actor::System { system, .. } => self
                .inner
                .directory
                .may_send_as(*system, document.sender_org),
            Actor::Operator { .. } | Actor::Platform { .. } => true,
        }
    }

    /// The small body of a document as it came in: that of a push about a dossier is sealed where it stands. None if it has none, or
    /// was erased.
    pub(crate) fn document_body(
        &self,
        tx: &mut Tx<'_>,
        id: DocumentId,
        kind: DocumentKind,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let body = tx.document_body(id)?;
        match (kind, body) {
            (DocumentKind::Dossier, Some(sealed)) if !self.has_bug(Bug::DossierInClear) => {
                let ring = self.inner.keys.get().ok_or_else(|| {
                    StoreError::corrupt("there are dossiers and no keys to open them")
                })?;
                sealing::open_body(tx, ring, id, &sealed)
            }
            (_, body) => Ok(body),
        }
    }

    fn open(&self, document: &Document, body: Option<Vec<u8>>) -> Result<ContentBody, StoreError> {
        if let Some(blob) = &document.blob {
            let reader = self.inner.blobs.reader(blob, document.content_sha256)?;
            if reader.size_bytes() != document.content_bytes && !self.has_bug(Bug::ServeUnchecked) {
                return Err(StoreError::corrupt(format_args!(
                    "the blob of {} has another size",
                    document.id
                )));
            }
            return Ok(ContentBody::Blob(Box::new(reader)));
        }
        let bytes = body
            .ok_or_else(|| StoreError::corrupt(format_args!("{} has no content", document.id)))?;
        self.verify(document, &bytes)?;
        Ok(ContentBody::Bytes(bytes))
    }

    /// Compares small content with the digest that was taken when it came in (reliability D11).
    pub(crate) fn verify(&self, document: &Document, bytes: &[u8]) -> Result<(), StoreError> {
        if Sha256::of(bytes) == document.content_sha256 || self.has_bug(Bug::ServeUnchecked) {
            return Ok(());
        }
        tracing::error!(document.id = %document.id, "stored content is damaged and is not served");
        Err(StoreError::corrupt(format_args!(
            "the content of {} is not what was stored",
            document.id
        )))
    }
}
