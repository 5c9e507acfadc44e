//! Ledger entries of the exchange: what is recorded about each step, in canonical form.
//!
//! A record names ids, codes and digests; never content, subjects or persons.

use lgsp_base::id::ReceiptId;
use lgsp_base::{Actor, Timestamp};
use lgsp_store::exchange::{Delivery, DocumentKind};
use lgsp_store::ledger::NewEntry;
use lgsp_store::{StoreError, Tx};
use lgsp_wire::record::{Record, Value};

/// A document was accepted.
pub(crate) const DOCUMENT_ACCEPTED: &str = "document.accepted";
/// A document was refused.
pub(crate) const SUBMIT_REFUSED: &str = "submit.refused";
/// A recipient confirmed a delivery.
pub(crate) const DELIVERY_CONFIRMED: &str = "delivery.confirmed";
/// A try to push a delivery failed.
pub(crate) const DELIVERY_ATTEMPT_FAILED: &str = "delivery.attempt_failed";
/// A recipient refused a delivery.
pub(crate) const DELIVERY_REFUSED: &str = "delivery.refused";
/// A recipient refused a delivery too often.
pub(crate) const DELIVERY_PARKED: &str = "delivery.parked";
/// The tries of a delivery are used up.
pub(crate) const DELIVERY_DEAD: &str = "delivery.dead";
/// Nobody fetched a delivery in time.
pub(crate) const DELIVERY_EXPIRED: &str = "delivery.expired";
/// A delivery goes on its way again.
pub(crate) const DELIVERY_RESENT: &str = "delivery.resent";
/// Many deliveries are to be sent again.
pub(crate) const RESEND_STARTED: &str = "resend.started";
/// The rest of them is not.
pub(crate) const RESEND_CANCELLED: &str = "resend.cancelled";
/// A delivery was taken back unseen.
pub(crate) const DELIVERY_CANCELLED: &str = "delivery.cancelled";
/// The content of a document was erased.
pub(crate) const DOCUMENT_ERASED: &str = "document.erased";
/// A status report came in.
pub(crate) const STATUS_REPORTED: &str = "status.reported";

/// Somebody looked at a dossier.
pub(crate) const DOSSIER_VIEWED: &str = "dossier.viewed";
/// Somebody asked who looked at a person's dossiers.
pub(crate) const DOSSIER_LOOKS_READ: &str = "dossier.looks_read";
/// A file of a dossier was stored.
pub(crate) const DOSSIER_FILE_STORED: &str = "dossier.file_stored";
/// A dossier was erased, by its time of keeping or by a reason.
pub(crate) const DOSSIER_ERASED: &str = "dossier.erased";

/// An entry about to be written.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Which kind.
    pub(crate) kind: &'static str,
    /// The receipt that names it.
    pub(crate) receipt: Option<ReceiptId>,
    /// What happened.
    pub(crate) record: Record,
    /// Makes the commitment unguessable.
    pub(crate) salt: [u8; 32],
}

impl Entry {
    /// An entry with what all of them have: the kind, the time, who acted.
    pub(crate) fn new(kind: &'static str, at: Timestamp, actor: &Actor, salt: [u8; 32]) -> Self {
        Self {
            kind,
            receipt: None,
            record: Record::new()
                .with("kind", kind)
                .with("at", at.as_micros())
                .with("actor", actor.label()),
            salt,
        }
    }

    /// Names the receipt.
    #[must_use]
    pub(crate) fn receipt(mut self, receipt: ReceiptId) -> Self {
        self.receipt = Some(receipt);
        self.with("receipt", receipt.to_string())
    }

    /// Adds a value.
    #[must_use]
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.record = self.record.with(key, value);
        self
    }

    /// Adds a value if there is one.
    #[must_use]
    pub(crate) fn with_opt(self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Adds what identifies a delivery.
    #[must_use]
    pub(crate) fn about(self, delivery: &Delivery) -> Self {
        self.with("delivery", delivery.id.to_string())
            .with("document", delivery.document.to_string())
            .with("sender", delivery.sender_org.to_string())
            .with("recipient", delivery.recipient_org.to_string())
            .with("seq", delivery.seq)
            .with("document_kind", kind_word(delivery.kind))
    }

    /// Writes it out, ready for the transaction.
    pub(crate) fn written(&self, at: Timestamp) -> NewEntry {
        NewEntry::new(at, self.kind, self.receipt, &self.record, self.salt)
    }

    /// Writes it into the ledger of the transaction.
    pub(crate) fn append(&self, tx: &mut Tx<'_>, at: Timestamp) -> Result<(), StoreError> {
        tx.ledger_insert(&self.written(at))?;
        Ok(())
    }
}

/// The word for a document's kind.
pub(crate) fn kind_word(kind: DocumentKind) -> Value {
    Value::from(kind.name())
}
