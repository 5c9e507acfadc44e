//! Keys of requests that were answered: a repetition gets the first answer (reliability D3, D4).
//!
//! The key is stored in the transaction that does the work. Of two requests that race on one key, one inserts it; the
//! other sees `false` from [`Tx::idempotency_insert`], rolls back and looks the answer up.

use lgsp_base::{Sha256, Timestamp};

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// What was answered under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The digest of the request that brought the key; another request under it is a conflict.
    pub request_sha256: Sha256,
    /// The answer, as the domain wrote it.
    pub answer: String,
    /// When it was stored.
    pub created_at: Timestamp,
}

impl Tx<'_> {
    /// What an owner (an organisation or a system) was answered under a key.
    pub fn idempotency_lookup(
        &mut self,
        owner: &str,
        key: &str,
    ) -> Result<Option<Answered>, StoreError> {
        self.query_opt(
            "SELECT request_sha256, answer, created_at FROM idempotency_keys WHERE owner = $1 AND key = $2",
            params![owner, key],
            |row| {
                Ok(Answered {
                    request_sha256: row.sha256(0)?,
                    answer: row.text(1)?,
                    created_at: row.time(2)?,
                })
            },
        )
    }

    /// Stores an answer; `false` if the key is taken already (then nothing changes).
    pub fn idempotency_insert(
        &mut self,
        owner: &str,
        key: &str,
        request_sha256: &Sha256,
        answer: &str,
        created_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = self.execute(
            "INSERT INTO idempotency_keys (owner, key, request_sha256, answer, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (owner, key) DO NOTHING",
            params![owner, key, request_sha256, answer, created_at],
        )?;
        Ok(rows == 1)
    }

    /// Removes up to `limit` keys stored before a time and gives their number.
    pub fn idempotency_purge(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.execute(
            "DELETE FROM idempotency_keys WHERE (owner, key) IN
                 (SELECT owner, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
            params![before, limit],
        )
    }
}
