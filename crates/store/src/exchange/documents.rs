//! Documents as received.

use lgsp_base::id::{DocumentId, OrgId, ReceiptId, SystemId};
use lgsp_base::{Sha256, Timestamp};

use super::model::{Document, DocumentKind};
use crate::{Row, StoreError, Tx, params};

/// A document about to be stored; borrowed, so that a repeated transaction copies nothing.
#[derive(Debug, Clone, Copy)]
pub struct NewDocument<'a> {
    /// Its id.
    pub id: DocumentId,
    /// When it is accepted.
    pub accepted_at: Timestamp,
    /// When its deliveries expire.
    pub expires_at: Timestamp,
    /// Through which door it comes.
    pub door: &'a str,
    /// What it is.
    pub kind: DocumentKind,
    /// 0 new, 1 recall, 2 update, 3 replace.
    pub business_type: Option<u8>,
    /// The sender.
    pub sender_org: OrgId,
    /// The sender's code as the message names it.
    pub sender_code: &'a str,
    /// The application that sends it.
    pub sender_system: Option<SystemId>,
    /// The sender's own id.
    pub external_id: Option<&'a str>,
    /// Number and notation.
    pub notation: Option<&'a str>,
    /// Trích yếu.
    pub subject: Option<&'a str>,
    /// The subject folded for search.
    pub subject_folded: Option<&'a str>,
    /// Date of issue.
    pub issued_on: Option<&'a str>,
    /// Kind in words.
    pub type_name: Option<&'a str>,
    /// Urgency code.
    pub priority: Option<&'a str>,
    /// The document it is about.
    pub original: Option<DocumentId>,
    /// Media type.
    pub content_type: &'a str,
    /// Bytes of the content.
    pub content_bytes: u64,
    /// Digest of the content.
    pub content_sha256: Sha256,
    /// Attachments as JSON.
    pub attachments: Option<&'a str>,
    /// The sender's receipt.
    pub receipt: ReceiptId,
    /// The blob, for a large body.
    pub blob: Option<&'a str>,
    /// The content, for a small body.
    pub body: Option<&'a [u8]>,
}

/// What a document's row says about its content, for a complete check of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredContent {
    /// The document.
    pub document: DocumentId,
    /// What it is. Of a dossier, row and blob hold the sealed content.
    pub kind: DocumentKind,
    /// Digest of the content, before it was sealed.
    pub sha256: Sha256,
    /// Bytes of the content, before it was sealed.
    pub bytes: u64,
    /// The blob, for a large body.
    pub blob: Option<String>,
    /// The content, for a small body.
    pub body: Option<Vec<u8>>,
    /// True if it was erased: then there is neither.
    pub is_erased: bool,
}

/// The columns that [`document_row`] reads, in its order.
macro_rules! document_columns {
    () => {
        "d.id, d.accepted_at, d.expires_at, d.door, d.kind, d.business_type, d.sender_org_id, d.sender_code, \
         d.sender_system_id, d.external_id, d.notation, d.subject, d.issued_on, d.type_name, d.priority, d.original_id, \
         d.content_type, d.content_bytes, d.content_sha256, d.attachments, d.receipt_id, d.blob"
    };
}
pub(super) use document_columns;

/// Reads a word of one of the enums in [`model`](super::model).
pub(crate) fn word<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.id(column)
}

pub(super) fn document_row(row: &Row<'_>) -> Result<Document, StoreError> {
    Ok(Document {
        id: row.id(0)?,
        accepted_at: row.time(1)?,
        expires_at: row.time(2)?,
        door: row.text(3)?,
        kind: word(row, 4)?,
        business_type: row.opt_int(5)?.and_then(|value| u8::try_from(value).ok()),
        sender_org: row.id(6)?,
        sender_code: row.text(7)?,
        sender_system: row.opt_id(8)?,
        external_id: row.opt_text(9)?,
        notation: row.opt_text(10)?,
        subject: row.opt_text(11)?,
        issued_on: row.opt_text(12)?,
        type_name: row.opt_text(13)?,
        priority: row.opt_text(14)?,
        original: row.opt_id(15)?,
        content_type: row.text(16)?,
        content_bytes: u64::try_from(row.int(17)?).unwrap_or(0),
        content_sha256: row.sha256(18)?,
        attachments: row.opt_text(19)?,
        receipt: row.id(20)?,
        blob: row.opt_text(21)?,
    })
}

impl Tx<'_> {
    /// Stores a document. A second one of the same sender, external id and content, or a second new one of the same sender
    /// and external id, is [`StoreError::Constraint`].
    pub fn document_insert(&mut self, new: &NewDocument<'_>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO documents (id, accepted_at, expires_at, door, kind, business_type, sender_org_id, sender_code, \
             sender_system_id, external_id, notation, subject, subject_folded, issued_on, type_name, priority, original_id, \
             content_type, content_bytes, content_sha256, attachments, receipt_id, blob, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
             $23, $24)",
            params![
                new.id,
                new.accepted_at,
                new.expires_at,
                new.door,
                new.kind.name(),
                new.business_type,
                new.sender_org,
                new.sender_code,
                new.sender_system,
                new.external_id,
                new.notation,
                new.subject,
                new.subject_folded,
                new.issued_on,
                new.type_name,
                new.priority,
                new.original,
                new.content_type,
                new.content_bytes,
                &new.content_sha256,
                new.attachments,
                new.receipt,
                new.blob,
                new.body,
            ],
        )?;
        Ok(())
    }

    /// A document by its id.
    pub fn document_lookup(&mut self, id: DocumentId) -> Result<Option<Document>, StoreError> {
        self.query_opt(
            concat!(
                "SELECT ",
                document_columns!(),
                " FROM documents d WHERE d.id = $1"
            ),
            params![id],
            document_row,
        )
    }

    /// The small body of a document, if it stands in the row.
    pub fn document_body(&mut self, id: DocumentId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .query_opt(
                "SELECT body FROM documents WHERE id = $1",
                params![id],
                |row| row.opt_blob(0),
            )?
            .flatten())
    }

    /// The contents of up to `limit` documents behind an id, in order of ids; begin with the id of all zeros.
    pub fn document_contents(
        &mut self,
        after: DocumentId,
        limit: usize,
    ) -> Result<Vec<StoredContent>, StoreError> {
        self.query(
            "SELECT d.id, d.content_sha256, d.content_bytes, d.blob, d.body, \
             CASE WHEN e.document_id IS NULL THEN 0 ELSE 1 END, d.kind FROM documents d \
             LEFT JOIN document_erasures e ON e.document_id = d.id WHERE d.id > $1 ORDER BY d.id LIMIT $2",
            params![after, limit],
            |row| {
                Ok(StoredContent {
                    document: row.id(0)?,
                    kind: word(row, 6)?,
                    sha256: row.sha256(1)?,
                    bytes: u64::try_from(row.int(2)?).unwrap_or(0),
                    blob: row.opt_text(3)?,
                    body: row.opt_blob(4)?,
                    is_erased: row.flag(5)?,
                })
            },
        )
    }

    /// How many documents there are.
    pub fn document_count(&mut self) -> Result<u64, StoreError> {
        let count = self.query_one("SELECT COUNT(*) FROM documents", &[], |row| row.int(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The document of this sender with this external id that has exactly this content (`true`), or else the new one with
    /// other content (`false`).
    pub fn document_lookup_same(
        &mut self,
        sender: OrgId,
        external_id: &str,
        sha256: &Sha256,
    ) -> Result<Option<(DocumentId, bool)>, StoreError> {
        self.query_opt(
            "SELECT id, CASE WHEN content_sha256 = $3 THEN 1 ELSE 0 END AS is_same FROM documents \
             WHERE sender_org_id = $1 AND external_id = $2 AND (content_sha256 = $3 OR business_type = 0) \
             ORDER BY is_same DESC LIMIT 1",
            params![sender, external_id, sha256],
            |row| Ok((row.id(0)?, row.flag(1)?)),
        )
    }

    /// The document that this sender's external id stands for: the new one (type 0), or the replacement that introduced
    /// the id (type 3). Recalls, updates and status messages attach to it.
    pub fn document_by_external_id(
        &mut self,
        sender: OrgId,
        external_id: &str,
    ) -> Result<Option<Document>, StoreError> {
        self.query_opt(
            concat!(
                "SELECT ",
                document_columns!(),
                " FROM documents d WHERE d.sender_org_id = $1 AND d.external_id = $2 AND d.business_type IN (0, 3) \
                 ORDER BY d.business_type, d.id LIMIT 1"
            ),
            params![sender, external_id],
            document_row,
        )
    }

    /// Documents that recall, update, replace, answer or report about this one, oldest first.
    pub fn document_list_related(
        &mut self,
        original: DocumentId,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        self.query(
            concat!(
                "SELECT ",
                document_columns!(),
                " FROM documents d WHERE d.original_id = $1 ORDER BY d.id LIMIT $2"
            ),
            params![original, limit],
            document_row,
        )
    }

    /// True if a document's content is this blob.
    pub fn document_blob_is_known(&mut self, blob: &str) -> Result<bool, StoreError> {
        Ok(self
            .query_opt(
                "SELECT 1 FROM documents WHERE blob = $1 LIMIT 1",
                params![blob],
                |row| row.int(0),
            )?
            .is_some())
    }
}
