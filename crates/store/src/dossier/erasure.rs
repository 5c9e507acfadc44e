//! The end of a dossier's time of keeping: what it said goes, what proves that it was there stays.

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, DossierId, ReceiptId};

use super::model::Dossier;
use crate::{StoreError, Tx, params};

/// Pushes whose contents are erased before the next ones are read.
const MESSAGES_AT_ONCE: usize = 500;

/// What went with a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierErased {
    /// The dossier as it stands now.
    pub dossier: Dossier,
    /// Pushes whose contents were erased.
    pub documents: Vec<DocumentId>,
    /// Blobs that no row of this dossier names any more; the caller removes the files.
    pub blobs: Vec<String>,
}

impl Tx<'_> {
    /// Dossiers whose time of keeping is over, the earliest first, behind a time and a dossier.
    pub fn dossier_list_ended(
        &mut self,
        now: Timestamp,
        after: Option<(Timestamp, DossierId)>,
        limit: usize,
    ) -> Result<Vec<(Timestamp, DossierId)>, StoreError> {
        let (at, id) = after.unwrap_or((Timestamp::from_micros(i64::MIN), DossierId::from_bits(0)));
        self.query(
            "SELECT keep_until, id FROM dossiers WHERE keep_until IS NOT NULL AND keep_until <= $1 \
             AND (keep_until, id) > ($2, $3) ORDER BY keep_until, id LIMIT $4",
            params![now, at, id, limit],
            |row| Ok((row.time(0)?, row.id(1)?)),
        )
    }

    /// Erases a dossier in this one transaction: its data key, everything sealed, the contents of all its pushes, the names of its
    /// blobs and the hashes of its persons. Row, steps' times and statuses, digests and looks stay. None if there is no such dossier
    /// or it was erased before.
    ///
    /// The data key is written over first, so that its bytes do not stay behind in a freed page.
    pub fn dossier_erase(
        &mut self,
        id: DossierId,
        by: &str,
        reason: &str,
        receipt: Option<ReceiptId>,
        now: Timestamp,
    ) -> Result<Option<DossierErased>, StoreError> {
        let changed = self.execute(
            "UPDATE dossiers SET erased_at = $2, erasure_receipt_id = $3, keep_until = NULL, person_hash = NULL \
             WHERE id = $1 AND erased_at IS NULL",
            params![id, now, receipt],
        )?;
        if changed == 0 {
            return Ok(None);
        }
        self.dossier_key_destroy(id)?;
        self.execute(
            "UPDATE dossier_steps SET text_sealed = NULL WHERE dossier_id = $1",
            params![id],
        )?;
        self.execute(
            "DELETE FROM dossier_persons WHERE dossier_id = $1",
            params![id],
        )?;
        let mut blobs = self.query(
            "SELECT blob FROM dossier_files WHERE dossier_id = $1 AND blob IS NOT NULL",
            params![id],
            |row| row.text(0),
        )?;
        self.execute(
            "UPDATE dossier_files SET blob = NULL, name_sealed = NULL, source_url_sealed = NULL WHERE dossier_id = $1",
            params![id],
        )?;
        let documents = self.dossier_erase_pushes(id, by, reason, now, &mut blobs)?;
        let dossier = self.dossier_lookup(id)?.ok_or(StoreError::Missing)?;
        Ok(Some(DossierErased {
            dossier,
            documents,
            blobs,
        }))
    }

    fn dossier_key_destroy(&mut self, id: DossierId) -> Result<(), StoreError> {
        if let Some(key) = self.dossier_key(id)? {
            let zeros = vec![0u8; key.sealed.len()];
            self.execute(
                "UPDATE dossier_contents SET key_sealed = $2 WHERE dossier_id = $1",
                params![id, &zeros],
            )?;
        }
        self.execute(
            "DELETE FROM dossier_contents WHERE dossier_id = $1",
            params![id],
        )?;
        Ok(())
    }

    fn dossier_erase_pushes(
        &mut self,
        id: DossierId,
        by: &str,
        reason: &str,
        now: Timestamp,
        blobs: &mut Vec<String>,
    ) -> Result<Vec<DocumentId>, StoreError> {
        let (mut documents, mut after) = (Vec::new(), 0);
        loop {
            let messages = self.dossier_messages(id, after, MESSAGES_AT_ONCE)?;
            let Some(last) = messages.last() else {
                return Ok(documents);
            };
            after = last.version;
            for message in &messages {
                let document = self.document_lookup(message.document)?;
                if self.document_erase(message.document, by, reason, now)? {
                    documents.push(message.document);
                    blobs.extend(document.and_then(|document| document.blob));
                }
            }
        }
    }
}
