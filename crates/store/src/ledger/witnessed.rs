//! The other side of a witness: what this node remembers of the logs whose checkpoints it cosigns.

use lgsp_base::{Sha256, Timestamp};

use super::rows::count;
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// The newest checkpoint of a log that this node cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessedLog {
    /// The log.
    pub origin: String,
    /// Leaves of the checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Sha256,
    /// The signed note as it came in.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

impl Tx<'_> {
    /// What is known of a log.
    pub fn witnessed_log_lookup(
        &mut self,
        origin: &str,
    ) -> Result<Option<WitnessedLog>, StoreError> {
        self.query_opt(
            "SELECT origin, size, root, note, at FROM witnessed_logs WHERE origin = $1",
            params![origin],
            |row| {
                Ok(WitnessedLog {
                    origin: row.text(0)?,
                    size: count(row, 1)?,
                    root: row.sha256(2)?,
                    note: row.text(3)?,
                    at: row.time(4)?,
                })
            },
        )
    }

    /// Moves a log forward from the size it had (0: it was unknown); `false`, and nothing changed, if it has another size by
    /// now, would become shorter, or would get another root at the same size. The cosignature is made after the commit of this.
    pub fn witnessed_log_advance(
        &mut self,
        from_size: u64,
        log: &WitnessedLog,
    ) -> Result<bool, StoreError> {
        if from_size == 0 {
            let rows = self.execute(
                "INSERT INTO witnessed_logs (origin, size, root, note, at)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (origin) DO NOTHING",
                params![&log.origin, log.size, log.root, &log.note, log.at],
            )?;
            if rows == 1 {
                return Ok(true);
            }
        }
        let rows = self.execute(
            "UPDATE witnessed_logs SET size = $2, root = $3, note = $4, at = $5
             WHERE origin = $1 AND size = $6 AND (size < $2 OR (size = $2 AND root = $3))",
            params![
                &log.origin,
                log.size,
                log.root,
                &log.note,
                log.at,
                from_size
            ],
        )?;
        Ok(rows == 1)
    }
}
