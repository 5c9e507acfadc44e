//! Files of a dossier.

use lgsp_base::id::{DossierFileId, DossierId};
use lgsp_base::{Sha256, Timestamp};

use super::model::FileKind;
use crate::{Row, StoreError, Tx, params};

/// A file of a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierFile {
    /// Its id.
    pub id: DossierFileId,
    /// The dossier.
    pub dossier: DossierId,
    /// What it is.
    pub kind: FileKind,
    /// Its name, sealed; none when erased.
    pub name_sealed: Option<Vec<u8>>,
    /// Its media type.
    pub media_type: String,
    /// Its size, in bytes, before it was sealed.
    pub bytes: u64,
    /// The digest of what was handed in.
    pub sha256: Sha256,
    /// The sealed blob; none if it was never fetched or is erased.
    pub blob: Option<String>,
    /// From where it can be fetched, sealed.
    pub source_url_sealed: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
}

fn file_row(row: &Row<'_>) -> Result<DossierFile, StoreError> {
    Ok(DossierFile {
        id: row.id(0)?,
        dossier: row.id(1)?,
        kind: row.id(2)?,
        name_sealed: row.opt_blob(3)?,
        media_type: row.text(4)?,
        bytes: u64::try_from(row.int(5)?).unwrap_or(0),
        sha256: row.sha256(6)?,
        blob: row.opt_text(7)?,
        source_url_sealed: row.opt_blob(8)?,
        created_at: row.time(9)?,
    })
}

impl Tx<'_> {
    /// Stores a file; its blob is durable already.
    pub fn dossier_file_insert(&mut self, file: &DossierFile) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dossier_files (id, dossier_id, kind, name_sealed, media_type, bytes, sha256, blob, \
             source_url_sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            params![
                file.id,
                file.dossier,
                file.kind.name(),
                file.name_sealed.as_deref(),
                &file.media_type,
                file.bytes,
                file.sha256,
                file.blob.as_deref(),
                file.source_url_sealed.as_deref(),
                file.created_at
            ],
        )?;
        Ok(())
    }

    /// A file by its id.
    pub fn dossier_file(&mut self, id: DossierFileId) -> Result<Option<DossierFile>, StoreError> {
        self.query_opt(
            "SELECT id, dossier_id, kind, name_sealed, media_type, bytes, sha256, blob, source_url_sealed, created_at \
             FROM dossier_files WHERE id = $1",
            params![id],
            file_row,
        )
    }

    /// Files of a dossier in order of their making, behind one of them.
    pub fn dossier_files(
        &mut self,
        dossier: DossierId,
        after: Option<DossierFileId>,
        limit: usize,
    ) -> Result<Vec<DossierFile>, StoreError> {
        let after = after.unwrap_or(DossierFileId::from_bits(0));
        self.query(
            "SELECT id, dossier_id, kind, name_sealed, media_type, bytes, sha256, blob, source_url_sealed, created_at \
             FROM dossier_files WHERE dossier_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            params![dossier, after, limit],
            file_row,
        )
    }

    /// Notes the blob of a file that was fetched from its source. False if it had one before, or is erased.
    pub fn dossier_file_fetched(
        &mut self,
        id: DossierFileId,
        blob: &str,
        bytes: u64,
        sha256: Sha256,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE dossier_files SET blob = $2, bytes = $3, sha256 = $4 \
             WHERE id = $1 AND blob IS NULL AND source_url_sealed IS NOT NULL",
            params![id, blob, bytes, sha256],
        )?;
        Ok(changed > 0)
    }

    /// True if a row names this blob: a document's content or a file of a dossier.
    pub fn blob_is_known(&mut self, blob: &str) -> Result<bool, StoreError> {
        let is_file = self.query_opt(
            "SELECT 1 FROM dossier_files WHERE blob = $1 LIMIT 1",
            params![blob],
            |row| row.int(0),
        )?;
        Ok(is_file.is_some() || self.document_blob_is_known(blob)?)
    }
}
