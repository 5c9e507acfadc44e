//! The dossier itself: made once, moved by every push.

use lgsp_base::id::DossierId;

use super::contents::DossierKey;
use super::model::{Dossier, channel_number, dossier_columns, dossier_row, status_number};
use crate::{StoreError, Tx, dialect, params};

impl Tx<'_> {
    /// Stores a new dossier with its data key and what it says, both sealed. False if there is one with this code already; then
    /// nothing is stored.
    pub fn dossier_insert(
        &mut self,
        new: &Dossier,
        key: &DossierKey,
        summary_sealed: &[u8],
        content_sealed: &[u8],
    ) -> Result<bool, StoreError> {
        let inserted = self.execute(
            "INSERT INTO dossiers (id, code_key, code, owner_org_id, handling_org_id, unit_org_id, procedure_code, field_code, \
             channel, status, status_at, is_open, submitted_at, received_at, due_at, due_effective_at, paused_at, \
             paused_working_seconds, finished_at, closed_at, version, last_document_id, source_system_id, person_hash, \
             retention, keep_until, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
             $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28) ON CONFLICT (code_key) DO NOTHING",
            params![
                new.id,
                &new.code_key,
                &new.code,
                new.owner,
                new.handling,
                new.unit(),
                &new.procedure,
                &new.field,
                new.channel.map(channel_number),
                status_number(new.status),
                new.status_at,
                new.is_open,
                new.submitted_at,
                new.received_at,
                new.due_at,
                new.due_effective_at,
                new.paused_at,
                new.paused_working_seconds,
                new.finished_at,
                new.closed_at,
                new.version,
                new.last_document,
                new.source_system,
                new.person,
                &new.retention,
                new.keep_until,
                new.created_at,
                new.updated_at,
            ],
        )?;
        if inserted == 0 {
            return Ok(false);
        }
        self.execute(
            "INSERT INTO dossier_contents (dossier_id, key_number, key_sealed, summary_sealed, content_sealed) \
             VALUES ($1, $2, $3, $4, $5)",
            params![
                new.id,
                key.number,
                &key.sealed,
                summary_sealed,
                content_sealed
            ],
        )?;
        Ok(true)
    }

    /// Replaces everything but id, code and time of making, in the dossier's row and where parties repeat it. False if the stored
    /// version is not the one just before the given, or the dossier is erased; then nothing is changed.
    pub fn dossier_update(&mut self, dossier: &Dossier) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE dossiers SET owner_org_id = $2, handling_org_id = $3, unit_org_id = $4, procedure_code = $5, \
             field_code = $6, channel = $7, status = $8, status_at = $9, is_open = $10, submitted_at = $11, \
             received_at = $12, due_at = $13, due_effective_at = $14, paused_at = $15, paused_working_seconds = $16, \
             finished_at = $17, closed_at = $18, version = $19, last_document_id = $20, source_system_id = $21, \
             person_hash = $22, retention = $23, keep_until = $24, updated_at = $25 \
             WHERE id = $1 AND version + 1 = $19 AND erased_at IS NULL",
            params![
                dossier.id,
                dossier.owner,
                dossier.handling,
                dossier.unit(),
                &dossier.procedure,
                &dossier.field,
                dossier.channel.map(channel_number),
                status_number(dossier.status),
                dossier.status_at,
                dossier.is_open,
                dossier.submitted_at,
                dossier.received_at,
                dossier.due_at,
                dossier.due_effective_at,
                dossier.paused_at,
                dossier.paused_working_seconds,
                dossier.finished_at,
                dossier.closed_at,
                dossier.version,
                dossier.last_document,
                dossier.source_system,
                dossier.person,
                &dossier.retention,
                dossier.keep_until,
                dossier.updated_at,
            ],
        )?;
        if changed == 0 {
            return Ok(false);
        }
        self.execute(
            "UPDATE dossier_parties SET is_open = $2, due_at = $3, updated_at = $4 WHERE dossier_id = $1",
            params![
                dossier.id,
                dossier.is_open,
                dossier.due_effective_at,
                dossier.updated_at
            ],
        )?;
        Ok(true)
    }

    /// A dossier by its id.
    pub fn dossier_lookup(&mut self, id: DossierId) -> Result<Option<Dossier>, StoreError> {
        self.query_opt(
            concat!(
                "SELECT ",
                dossier_columns!(),
                " FROM dossiers d WHERE d.id = $1"
            ),
            params![id],
            dossier_row,
        )
    }

    /// A dossier by its code as codes are compared.
    pub fn dossier_by_code(&mut self, code_key: &str) -> Result<Option<Dossier>, StoreError> {
        self.query_opt(
            concat!(
                "SELECT ",
                dossier_columns!(),
                " FROM dossiers d WHERE d.code_key = $1"
            ),
            params![code_key],
            dossier_row,
        )
    }

    /// Like [`Tx::dossier_by_code`], and until the end of the transaction no other changes it: two pushes about one dossier come one
    /// after the other.
    pub fn dossier_hold(&mut self, code_key: &str) -> Result<Option<Dossier>, StoreError> {
        if let Some(hold) = dialect::dossier_hold(self.engine()) {
            self.query_opt(hold, params![code_key], |_| Ok(()))?;
        }
        self.dossier_by_code(code_key)
    }

    /// How many dossiers there are; counts all of them, so not for a page.
    pub fn dossier_count(&mut self) -> Result<u64, StoreError> {
        let count = self.query_one("SELECT COUNT(*) FROM dossiers", &[], |row| row.int(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
