//! Idempotency keys, as far as only submits need it.

use crate::{StoreError, Tx, params};

impl Tx<'_> {
    /// Replaces the answer of a key that this transaction has just stored.
    pub fn idempotency_answer(
        &mut self,
        owner: &str,
        key: &str,
        answer: &str,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE idempotency_keys SET answer = $3 WHERE owner = $1 AND key = $2",
            params![owner, key, answer],
        )?;
        Ok(())
    }
}
