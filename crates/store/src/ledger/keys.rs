//! The log's keys: the first, and how one follows another.

use lgsp_base::Timestamp;

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

impl Tx<'_> {
    /// Makes this the log's first key, if it has none.
    pub(crate) fn ledger_first_key(
        &mut self,
        verifier: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let rows = self.execute(
            "UPDATE ledger_head SET key_number = 1 WHERE id = 1 AND key_number = 0",
            &[],
        )?;
        if rows == 1 {
            self.execute(
                "INSERT INTO ledger_keys (number, verifier, from_size, created_at)
                 VALUES (1, $1, 1, $2)",
                params![verifier, at],
            )?;
        }
        Ok(())
    }
}
