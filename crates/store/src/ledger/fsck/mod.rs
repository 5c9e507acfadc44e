//! The check of the whole log: everything is derived again from the entries and compared with what is stored.
//!
//! It goes from leaf to leaf and stops at the first that is not right, so that it names where the trouble begins. While it
//! runs, the log may grow; what is checked is the log as it stood at the beginning.

mod check;
mod read;

use std::sync::Arc;

use lgsp_base::limits;

use self::check::Check;
use super::{FsckReport, KnownCheckpoint, Ledger, LedgerError, Progress};
use crate::error::StoreError;

/// Leaves read in one transaction; whole tiles.
const LEAVES_AT_ONCE: u64 = 2_048;

impl Ledger {
    /// Checks the whole log: commitments, columns, leaf hashes, tiles, runs, receipts, every checkpoint's root and signature
    /// (and so the consistency of all of them), cosignatures, timestamps and keys.
    ///
    /// # Errors
    /// The log cannot be read. A log that is damaged is a report with `first_bad`, not an error.
    pub async fn fsck(&self, progress: impl FnMut(Progress)) -> Result<FsckReport, LedgerError> {
        self.fsck_against(Vec::new(), progress).await
    }

    /// Like [`Ledger::fsck`], and compares the log with checkpoints that are known from outside.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn fsck_against(
        &self,
        known: Vec<KnownCheckpoint>,
        mut progress: impl FnMut(Progress),
    ) -> Result<FsckReport, LedgerError> {
        let inner = &self.inner;
        let started = inner.clock.monotonic();
        let ground = inner
            .db
            .read("fsck_ground", |tx| tx.fsck_ground().map(Arc::new))
            .await;
        let ground = match ground {
            Err(StoreError::Corrupt { .. }) => return Ok(check::unreadable(0, u64::MAX)),
            ground => ground?,
        };
        let verifier = self.verifier_key();
        let mut check = Check::new(
            Arc::clone(&ground),
            &inner.origin,
            &verifier,
            known,
            LEAVES_AT_ONCE,
        );
        while let Some((from, to)) = check.next() {
            let size = ground.head.size;
            let batch = inner
                .db
                .read("fsck_batch", move |tx| tx.fsck_batch(from, to, size))
                .await;
            check.take(readable(batch)?);
            let spent = inner.clock.monotonic().saturating_sub(started);
            let per_second = (u128::from(check.leaves()) * 1_000_000)
                .checked_div(spent.as_micros())
                .unwrap_or(0);
            progress(Progress {
                leaves: check.leaves(),
                total: size,
                leaves_per_second: u64::try_from(per_second).unwrap_or(u64::MAX),
            });
        }
        if check.is_sound() {
            let tail = inner
                .db
                .read("fsck_tail", move |tx| tx.fsck_tail(&ground))
                .await;
            check.finish(readable(tail)?);
        }
        Ok(check.into_report())
    }
}

/// Damage that keeps rows from being read is a finding; anything else is an error.
fn readable<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

const _: () = assert!(LEAVES_AT_ONCE as usize <= limits::LEDGER_LEAVES_MAX);

#[cfg(test)]
mod tests;
