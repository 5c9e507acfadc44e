//! Idempotency keys on the fast path of a submit: claimed in one statement.

use lgsp_base::{Sha256, Timestamp};

use crate::{StoreError, Tx, params};

impl Tx<'_> {
    /// Claims a key for an answer; false if it is taken. A claim under way elsewhere is waited for.
    pub fn key_claim(
        &mut self,
        owner: &str,
        key: &str,
        request_sha256: &Sha256,
        answer: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let inserted = self.execute(
            "INSERT INTO idempotency_keys (owner, key, request_sha256, answer, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (owner, key) DO NOTHING",
            params![owner, key, request_sha256, answer, now],
        )?;
        Ok(inserted > 0)
    }

    /// Replaces the answer of a key that this transaction claimed.
    pub fn key_answer(&mut self, owner: &str, key: &str, answer: &str) -> Result<(), StoreError> {
        self.execute(
            "UPDATE idempotency_keys SET answer = $3 WHERE owner = $1 AND key = $2",
            params![owner, key, answer],
        )?;
        Ok(())
    }
}
