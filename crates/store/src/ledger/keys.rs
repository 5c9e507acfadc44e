//! The log's keys: the first, and how one follows another.

use std::sync::{Arc, PoisonError};

use lgsp_base::Timestamp;
use lgsp_wire::record::Record;
use lgsp_wire::tlog::note::{Algorithm, Signer};
use lgsp_wire::tlog::succession::Succession;

use super::entry::{KEY_ROTATED, NewEntry};
use super::service::Current;
use super::{Ledger, LedgerError, StoredKey};
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// Tries to name the size from which a new key signs while other nodes publish checkpoints.
const ROTATE_TRIES: u32 = 8;

impl Ledger {
    /// Replaces the key: a statement signed by the old key names the new one, an entry `ledger.key_rotated` tells of it, and the
    /// next checkpoint is signed by the new key. Receipts under the old key stay valid.
    ///
    /// Other nodes stop sealing ([`LedgerError::KeyReplaced`]) until they are given the new key.
    ///
    /// # Errors
    /// A key that is not for this log, the signers' and the store's errors, [`LedgerError::KeyReplaced`] if somebody else was
    /// faster.
    pub async fn rotate(
        &self,
        new: Arc<dyn Signer>,
        actor: &str,
    ) -> Result<StoredKey, LedgerError> {
        let inner = &self.inner;
        let _one_at_a_time = inner.sealing.lock().await;
        let key = new.key().clone();
        if key.name() != inner.origin || key.algorithm() != Algorithm::Ed25519 {
            return Err(LedgerError::UnusableKey {
                origin: inner.origin.clone(),
            });
        }
        let old = self.current();
        let at = inner.clock.now();
        let mut salt = [0; 32];
        inner.entropy.fill(&mut salt);
        for _ in 0..ROTATE_TRIES {
            let head = inner.db.read("ledger_head", |tx| tx.ledger_head()).await?;
            if head.key_number != old.number {
                return Err(LedgerError::KeyReplaced);
            }
            let from_size = head.published.saturating_add(1);
            let stored = StoredKey {
                number: old.number.saturating_add(1),
                verifier: key.to_string(),
                from_size,
                succession: Some(Succession::sign(old.signer.as_ref(), &key, from_size)?.encode()),
                created_at: at,
            };
            let record = Record::new()
                .with("actor", actor)
                .with("old_key", old.signer.key().to_string())
                .with("new_key", key.to_string())
                .with("from_size", i64::try_from(from_size).unwrap_or(i64::MAX));
            let entry = NewEntry::new(at, KEY_ROTATED, None, &record, salt);
            let written = stored.clone();
            let is_done = inner
                .db
                .write("ledger_rotate", move |tx| {
                    tx.ledger_next_key(&written, &entry)
                })
                .await?;
            if is_done {
                *inner
                    .current
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = Current {
                    number: stored.number,
                    signer: new,
                };
                return Ok(stored);
            }
        }
        Err(LedgerError::Store(StoreError::Busy))
    }
}

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

    /// `false`, and nothing written, if a checkpoint was published or the key replaced in the meantime.
    fn ledger_next_key(&mut self, key: &StoredKey, entry: &NewEntry) -> Result<bool, StoreError> {
        let rows = self.execute(
            "UPDATE ledger_head SET key_number = $1
             WHERE id = 1 AND key_number = $2 AND published = $3",
            params![
                key.number,
                key.number.saturating_sub(1),
                key.from_size.saturating_sub(1)
            ],
        )?;
        if rows == 0 {
            return Ok(false);
        }
        self.execute(
            "INSERT INTO ledger_keys (number, verifier, from_size, succession, created_at)
             VALUES ($1, $2, $3, $4, $5)",
            params![
                key.number,
                &key.verifier,
                key.from_size,
                key.succession.as_deref(),
                key.created_at
            ],
        )?;
        self.ledger_insert(entry)?;
        Ok(true)
    }
}
