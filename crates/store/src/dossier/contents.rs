//! What a dossier says, sealed, and the data keys that open it.

use lgsp_base::id::DossierId;

use crate::exchange::lists::Conditions;
use crate::{Param, Row, StoreError, Tx, params};

/// A data key, sealed under the key-encryption key of that number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierKey {
    /// Which key-encryption key opens it.
    pub number: u32,
    /// The data key, sealed.
    pub sealed: Vec<u8>,
}

/// What a dossier says, sealed under its data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierContent {
    /// The data key.
    pub key: DossierKey,
    /// The little that lists show.
    pub summary_sealed: Vec<u8>,
    /// The whole current state.
    pub content_sealed: Vec<u8>,
}

/// What a list needs to show of a dossier, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierSummary {
    /// The dossier.
    pub dossier: DossierId,
    /// The data key.
    pub key: DossierKey,
    /// The little that lists show.
    pub sealed: Vec<u8>,
}

fn key(row: &Row<'_>, column: usize) -> Result<DossierKey, StoreError> {
    Ok(DossierKey {
        number: u32::try_from(row.int(column)?)
            .map_err(|_| StoreError::corrupt("the number of a key is no number of a key"))?,
        sealed: row.blob(column + 1)?,
    })
}

impl Tx<'_> {
    /// What a dossier says; none if there is no such dossier or it is erased.
    pub fn dossier_content(&mut self, id: DossierId) -> Result<Option<DossierContent>, StoreError> {
        self.query_opt(
            "SELECT key_number, key_sealed, summary_sealed, content_sealed FROM dossier_contents WHERE dossier_id = $1",
            params![id],
            |row| {
                Ok(DossierContent {
                    key: key(row, 0)?,
                    summary_sealed: row.blob(2)?,
                    content_sealed: row.blob(3)?,
                })
            },
        )
    }

    /// The data key of a dossier alone.
    pub fn dossier_key(&mut self, id: DossierId) -> Result<Option<DossierKey>, StoreError> {
        self.query_opt(
            "SELECT key_number, key_sealed FROM dossier_contents WHERE dossier_id = $1",
            params![id],
            |row| key(row, 0),
        )
    }

    /// What lists show of these dossiers, in no order; erased ones are left out.
    pub fn dossier_summaries(
        &mut self,
        dossiers: &[DossierId],
    ) -> Result<Vec<DossierSummary>, StoreError> {
        if dossiers.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = Conditions::new(
            "SELECT dossier_id, key_number, key_sealed, summary_sealed FROM dossier_contents WHERE dossier_id IN (",
        );
        let names: Vec<String> = dossiers.iter().map(|id| wanted.param(*id)).collect();
        wanted.sql.push_str(&names.join(", "));
        wanted.sql.push(')');
        self.query_dyn(&wanted.sql, &wanted.params, |row| {
            Ok(DossierSummary {
                dossier: row.id(0)?,
                key: key(row, 1)?,
                sealed: row.blob(3)?,
            })
        })
    }

    /// Replaces what a dossier says; its data key stays.
    pub fn dossier_content_update(
        &mut self,
        id: DossierId,
        summary_sealed: &[u8],
        content_sealed: &[u8],
    ) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE dossier_contents SET summary_sealed = $2, content_sealed = $3 WHERE dossier_id = $1",
            params![id, summary_sealed, content_sealed],
        )?;
        if changed == 0 {
            return Err(StoreError::Missing);
        }
        Ok(())
    }

    /// A page of data keys that are sealed under a key-encryption key before the current one, behind a dossier of such a key. Begin with
    /// none; a page that is not full is the last.
    pub fn dossier_key_page(
        &mut self,
        current: u32,
        after: Option<(u32, DossierId)>,
        limit: usize,
    ) -> Result<Vec<(DossierId, DossierKey)>, StoreError> {
        let (number, id) = after.unwrap_or((0, DossierId::from_bits(0)));
        self.query(
            "SELECT dossier_id, key_number, key_sealed FROM dossier_contents \
             WHERE key_number < $1 AND (key_number, dossier_id) > ($2, $3) ORDER BY key_number, dossier_id LIMIT $4",
            params![current, number, id, limit],
            |row| Ok((row.id(0)?, key(row, 1)?)),
        )
    }

    /// Puts the newly sealed data key in the place of the one under `number_was`. False if somebody did it before, or the dossier is
    /// erased.
    pub fn dossier_key_replace(
        &mut self,
        id: DossierId,
        number_was: u32,
        key: &DossierKey,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE dossier_contents SET key_number = $3, key_sealed = $4 WHERE dossier_id = $1 AND key_number = $2",
            params![id, number_was, key.number, &key.sealed],
        )?;
        Ok(changed > 0)
    }

    /// True if a data key is sealed under this key-encryption key.
    pub fn dossier_key_is_used(&mut self, number: u32) -> Result<bool, StoreError> {
        let found = self.query_opt(
            "SELECT 1 FROM dossier_contents WHERE key_number = $1 LIMIT 1",
            params![number],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    /// How many data keys are still sealed under a key-encryption key before this one, counted up to `limit`.
    pub fn dossier_key_count_older(
        &mut self,
        current: u32,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let count = self.query_one(
            "SELECT COUNT(*) FROM (SELECT 1 FROM dossier_contents WHERE key_number < $1 LIMIT $2) older",
            &[Param::from(current), Param::from(limit)],
            |row| row.int(0),
        )?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
