//! Contents that were erased: what is left in their place.

use lgsp_base::Timestamp;
use lgsp_base::id::DocumentId;

use super::model::Erasure;
use crate::{StoreError, Tx, params};

impl Tx<'_> {
    /// That and why the content of a document was erased, if it was.
    pub fn document_erasure(&mut self, id: DocumentId) -> Result<Option<Erasure>, StoreError> {
        self.query_opt(
            "SELECT erased_at, erased_by, reason FROM document_erasures WHERE document_id = $1",
            params![id],
            |row| {
                Ok(Erasure {
                    at: row.time(0)?,
                    by: row.text(1)?,
                    reason: row.text(2)?,
                })
            },
        )
    }

    /// Takes the content out of a document's row and notes the erasure. False if it was erased before. A small body is
    /// written over first, so that its bytes do not stay behind in a freed page; a blob's file is the caller's to remove.
    pub fn document_erase(
        &mut self,
        id: DocumentId,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_first = self.execute(
            "INSERT INTO document_erasures (document_id, erased_at, erased_by, reason) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (document_id) DO NOTHING",
            params![id, now, by, reason],
        )?;
        if is_first == 0 {
            return Ok(false);
        }
        if let Some(body) = self.document_body(id)? {
            let zeros = vec![0u8; body.len()];
            self.execute(
                "UPDATE documents SET body = $2 WHERE id = $1",
                params![id, zeros.as_slice()],
            )?;
        }
        self.execute(
            "UPDATE documents SET body = NULL, blob = NULL WHERE id = $1",
            params![id],
        )?;
        Ok(true)
    }
}
