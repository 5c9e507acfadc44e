//! Erasing a content: the bytes go, what proves them stays.
//!
//! Document, deliveries, digest and ledger entries are kept, and a new entry says that the content was erased, by whom and why. A
//! receipt proves the digest of what was sent as before; whoever still has the bytes can show that they are those.

use std::str::FromStr;

use lgsp_base::id::{DeliveryId, DocumentId};
use lgsp_base::{Actor, Permission, limits};
use lgsp_store::exchange::Erasure;
use lgsp_store::{StoreError, Tx};

use crate::error::EraseError;
use crate::evidence::{self, Entry};
use crate::service::{Exchange, may};

/// Open deliveries that a refusal names.
const OPEN_NAMED_MAX: usize = 20;

/// Why a content is erased. A closed list: the ledger holds no free text about persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EraseReason {
    /// Its time of keeping is over.
    RetentionEnded,
    /// A competent authority ordered it.
    LegalOrder,
    /// It holds personal data that may not be kept.
    PersonalData,
    /// It should not have been sent: marked secret, wrong file.
    SentInError,
}

impl EraseReason {
    /// Every reason.
    pub const ALL: [EraseReason; 4] = [
        EraseReason::RetentionEnded,
        EraseReason::LegalOrder,
        EraseReason::PersonalData,
        EraseReason::SentInError,
    ];

    /// The stable word in ledger, store and API.
    pub const fn name(self) -> &'static str {
        match self {
            EraseReason::RetentionEnded => "retention_ended",
            EraseReason::LegalOrder => "legal_order",
            EraseReason::PersonalData => "personal_data",
            EraseReason::SentInError => "sent_in_error",
        }
    }
}

/// The text is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reason")]
pub struct NotAReason;

impl FromStr for EraseReason {
    type Err = NotAReason;
    fn from_str(text: &str) -> Result<Self, NotAReason> {
        EraseReason::ALL
            .into_iter()
            .find(|reason| reason.name() == text)
            .ok_or(NotAReason)
    }
}

/// What one transaction did.
struct Done {
    erasure: Erasure,
    /// The file that held the content.
    blob: Option<String>,
}

impl Exchange {
    /// Erases the content of a document and leaves its proof. Erasing again gives the first erasure.
    ///
    /// # Errors
    /// [`EraseError::Open`] while a delivery is open; see there for the rest.
    pub async fn erase(
        &self,
        actor: &Actor,
        document: DocumentId,
        reason: EraseReason,
    ) -> Result<Erasure, EraseError> {
        if !may(actor, Permission::DocumentErase) {
            return Err(EraseError::Forbidden);
        }
        let (exchange, by) = (self.clone(), actor.clone());
        let done = self
            .inner
            .db
            .write("document_erase", move |tx| {
                erase(tx, &exchange, &by, document, reason)
            })
            .await?;
        if let Some(blob) = done.blob {
            self.remove_file(blob).await;
        }
        Ok(done.erasure)
    }

    /// Removes the file unless another document has the same content, or an upload of it may be under way: then the sweeper
    /// does it when the file is old enough.
    pub(crate) async fn remove_file(&self, blob: String) {
        let older_than = self.now().minus(limits::ORPHAN_BLOB_AGE);
        let (blobs, db) = (self.inner.blobs.clone(), self.inner.db.clone());
        let removed = tokio::task::spawn_blocking(move || {
            let name = blob.clone();
            let is_known = db
                .read::<_, StoreError, _>("blob_is_known", move |tx| tx.blob_is_known(&name))
                .wait()?;
            if !is_known {
                blobs.remove_orphan(&blob, older_than)?;
            }
            Ok::<_, StoreError>(())
        })
        .await;
        match removed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the file of an erased content is left to the sweeper");
            }
            Err(error) => {
                tracing::warn!(%error, "the file of an erased content is left to the sweeper");
            }
        }
    }
}

fn erase(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    id: DocumentId,
    reason: EraseReason,
) -> Result<Done, EraseError> {
    let document = tx.document_lookup(id)?.ok_or(EraseError::DocumentUnknown)?;
    hold_pairs(tx, id)?;
    if let Some(erasure) = tx.document_erasure(id)? {
        return Ok(Done {
            erasure,
            blob: None,
        });
    }
    let open: Vec<DeliveryId> = tx
        .delivery_list_by_document(id)?
        .into_iter()
        .filter(|delivery| delivery.state.is_open())
        .map(|delivery| delivery.id)
        .take(OPEN_NAMED_MAX)
        .collect();
    if !open.is_empty() {
        return Err(EraseError::Open { deliveries: open });
    }
    let now = exchange.now();
    tx.document_erase(id, &actor.label(), reason.name(), now)?;
    Entry::new(evidence::DOCUMENT_ERASED, now, actor, exchange.salt())
        .with("document", id.to_string())
        .with("document_kind", evidence::kind_word(document.kind))
        .with("sender", document.sender_org.to_string())
        .with("sha256", document.content_sha256.to_string())
        .with("reason", reason.name())
        .append(tx, now)?;
    let erasure = tx.document_erasure(id)?.ok_or(StoreError::Missing)?;
    Ok(Done {
        erasure,
        blob: document.blob,
    })
}

/// Holds every pair of the document, in the order in which pairs are held: a resend that runs at the same time sees the
/// document before or after.
fn hold_pairs(tx: &mut Tx<'_>, id: DocumentId) -> Result<(), StoreError> {
    let mut pairs: Vec<_> = tx
        .delivery_list_by_document(id)?
        .into_iter()
        .map(|delivery| (delivery.sender_org, delivery.recipient_org))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    for (sender, recipient) in pairs {
        tx.pair_confirm(sender, recipient, 0)?;
    }
    Ok(())
}
