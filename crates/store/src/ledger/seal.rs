//! A round of sealing: entries become leaves, are read again, and a checkpoint is signed over them.
//!
//! The steps are transactions of their own, and each begins where the stored log stands: whatever a crash leaves undone, the
//! next round does. Two nodes that seal at once build on the same head, and the second to write finds it changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lgsp_base::limits;
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::{Sha256, Timestamp};
use lgsp_wire::tlog::checkpoint::Checkpoint;
use lgsp_wire::tlog::merkle::{self, CompactRange, leaf_hash};

use super::entry::commits;
use super::plan::{self, Plan};
use super::rows::{Gap, Head, count, tile_reader};
use super::{BadPosition, Fault, Ledger, LedgerError, Sealed, StoredCheckpoint};
use crate::dialect::Engine;
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// How seldom [`Bug::SealLate`] seals.
const SEAL_LATE: Duration = Duration::from_secs(8);

/// A checkpoint about to be published.
#[derive(Debug, Clone)]
struct Draft {
    size: u64,
    root: Sha256,
    at: Timestamp,
    key_number: u64,
    /// The size of the checkpoint before.
    previous: u64,
    note: String,
}

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Published {
    /// It is the newest checkpoint, or was it before.
    Yes,
    /// Another node published meanwhile.
    Overtaken,
    /// The key is not the newest any more.
    KeyReplaced,
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Batch {
    /// There may be more.
    Full,
    /// Everything has tiles now, and not everything a checkpoint.
    Last,
    /// There is nothing to do, or another node does it.
    Nothing,
}

/// Since when each gap is known, by the monotonic clock: a jump of the wall clock must not give an entry up. A node that seals
/// for the first time begins to wait anew.
#[derive(Debug, Default)]
pub(crate) struct GapWatch {
    seen: BTreeMap<i64, Duration>,
}

impl GapWatch {
    /// The first row ids of gaps that were waited for long enough.
    fn given_up(&self, now: Duration) -> Vec<i64> {
        self.seen
            .iter()
            .filter(|(_, since)| now.saturating_sub(**since) >= limits::LEDGER_GAP_WAIT)
            .map(|(first_id, _)| *first_id)
            .take(limits::LEDGER_GAPS_AT_ONCE)
            .collect()
    }

    /// Takes over the gaps as they are after a batch; what is left of a gap is as old as that was.
    fn update(&mut self, plan: &Plan, now: Duration) {
        let since = |gap: &Gap| {
            let whole = plan
                .gaps_out
                .iter()
                .find(|out| (out.first_id..out.end_id()).contains(&gap.first_id));
            let known = whole.map_or(gap.first_id, |out| out.first_id);
            (gap.first_id, self.seen.get(&known).copied().unwrap_or(now))
        };
        self.seen = plan
            .gaps_kept
            .iter()
            .chain(&plan.gaps_in)
            .map(since)
            .collect();
    }
}

impl Ledger {
    /// Makes leaves of entries that are none yet, reads them back, and publishes a checkpoint; `None` if there was nothing to
    /// do, or another node does it.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] if what is read back is not what was sealed: then nothing is published, now and later, until
    /// somebody looks. [`LedgerError::Fork`], [`LedgerError::KeyReplaced`], [`LedgerError::Clock`], the signer's and the store's errors.
    pub async fn seal(&self) -> Result<Option<Sealed>, LedgerError> {
        let mut gaps = self.inner.sealing.lock().await;
        self.watch_clock().await?;
        if self.inner.planted.has(Bug::SealLate) && self.is_sealed_within(SEAL_LATE) {
            return Ok(None);
        }
        if self.may_sign().is_err() {
            // The newest checkpoint may be another one by now, or no measure any more.
            let floor = self
                .inner
                .db
                .read("ledger_clock_floor", |tx| tx.ledger_clock_floor());
            self.note_floor(floor.await?);
            self.may_sign()?;
        }
        for _ in 0..limits::SEAL_BATCHES_MAX {
            match self.seal_batch(&mut gaps).await? {
                Batch::Full => {}
                Batch::Last => break,
                Batch::Nothing => return Ok(None),
            }
        }
        self.publish().await
    }

    /// Stores one batch of leaves with their tiles; no checkpoint yet.
    pub(crate) async fn seal_batch(&self, gaps: &mut GapWatch) -> Result<Batch, LedgerError> {
        let inner = &self.inner;
        let given_up = gaps.given_up(inner.clock.monotonic());
        let planted = inner.planted;
        let plan = inner
            .db
            .read("ledger_plan", move |tx| {
                plan::read(tx, &given_up, limits::SEAL_BATCH_MAX, planted)
            })
            .await?;
        self.announce(plan.before.published);
        // A node that may not sign does not take the log into its hands either.
        if plan.before.key_number != self.current().number {
            return Err(LedgerError::KeyReplaced);
        }
        let is_published = plan.before.published == plan.before.size;
        if self.is_elsewhere(&plan.before) || (plan.is_empty() && is_published) {
            return Ok(Batch::Nothing);
        }
        if plan.is_empty() {
            return Ok(Batch::Last);
        }
        let plan = Arc::new(plan);
        let until = inner.clock.now().plus(limits::SEAL_LEASE);
        let (written, sealer) = (Arc::clone(&plan), inner.sealer.clone());
        let is_stored = inner
            .db
            .write("ledger_seal", move |tx| {
                tx.ledger_seal(&written, &sealer, until)
            })
            .await?;
        if !is_stored {
            return Ok(Batch::Nothing);
        }
        gaps.update(&plan, inner.clock.monotonic());
        Ok(if plan.new_leaves() < limits::SEAL_BATCH_MAX as u64 {
            Batch::Last
        } else {
            Batch::Full
        })
    }

    /// True if another node seals at present. SQLite has one node: a lease that is not ours was left by the process before. One
    /// that reaches further than leases do comes from a clock that went wrong.
    fn is_elsewhere(&self, head: &Head) -> bool {
        let now = self.inner.clock.now();
        self.inner.db.engine() == Engine::Postgres
            && head.sealer.as_ref() != Some(&self.inner.sealer)
            && head
                .sealer_until
                .is_some_and(|until| until > now && until <= now.plus(limits::SEAL_LEASE))
    }

    /// Reads every leaf behind the newest checkpoint again and signs the tree as it stands.
    pub(crate) async fn publish(&self) -> Result<Option<Sealed>, LedgerError> {
        let (previous, size, root, oldest) = self.reread().await?;
        if size == previous {
            return Ok(None);
        }
        self.may_sign()?;
        let current = self.current();
        let checkpoint = Checkpoint {
            origin: self.inner.origin.clone(),
            size,
            root,
            extensions: Vec::new(),
        };
        let draft = Draft {
            size,
            root,
            at: self.inner.clock.now(),
            key_number: current.number,
            previous,
            note: checkpoint.sign(current.signer.as_ref())?.encode(),
        };
        let (planted, at) = (self.inner.planted, draft.at);
        let outcome = self
            .inner
            .db
            .write::<_, LedgerError, _>("ledger_publish", move |tx| {
                tx.ledger_publish(&draft, planted)
            })
            .await?;
        match outcome {
            Published::Yes => {
                self.announce(size);
                self.note_floor(Some(at));
                Ok(Some(Sealed {
                    size,
                    root,
                    new_leaves: size.saturating_sub(previous),
                    delay: at.since(oldest.unwrap_or(at)),
                }))
            }
            Published::Overtaken => Ok(None),
            Published::KeyReplaced => Err(LedgerError::KeyReplaced),
        }
    }

    /// Recomputes commitments, leaf hashes and the root from what is stored, and compares the root with that of the tiles.
    /// Gives the size of the newest checkpoint, that of the tree, its root, and the earliest time of an entry in between.
    async fn reread(&self) -> Result<(u64, u64, Sha256, Option<Timestamp>), LedgerError> {
        let db = &self.inner.db;
        let planted = self.inner.planted;
        let (previous, size, mut edge) = db
            .read::<_, LedgerError, _>("ledger_edge", move |tx| tx.ledger_edge(planted))
            .await?;
        if planted.has(Bug::CheckpointBeforeReread) {
            let root = db.read("ledger_root", move |tx| tx.ledger_root(size));
            return Ok((previous, size, root.await?, None));
        }
        let mut oldest: Option<Timestamp> = None;
        while edge.size() < size {
            let from = edge.size();
            let to = size.min(from.saturating_add(limits::SEAL_BATCH_MAX as u64));
            let (hashes, earliest) = db
                .read::<_, LedgerError, _>("ledger_reread", move |tx| tx.ledger_reread(from, to))
                .await?;
            hashes.into_iter().for_each(|hash| edge.push(hash));
            oldest = oldest.into_iter().chain(earliest).min();
        }
        let stored = db.read("ledger_root", move |tx| tx.ledger_root(size));
        let root = edge.root();
        if root != stored.await? {
            let place = BadPosition::within(Fault::Tile, previous, size);
            return Err(LedgerError::Damaged(place));
        }
        Ok((previous, size, root, oldest))
    }
}

impl Tx<'_> {
    /// The size of the newest checkpoint, that of the tree, and the tree's edge at the newest checkpoint, compared with that.
    fn ledger_edge(&mut self, planted: Planted) -> Result<(u64, u64, CompactRange), LedgerError> {
        let head = self.ledger_head()?;
        let newest = self.ledger_checkpoint_upto(u64::MAX)?;
        let stored = newest.as_ref().map_or(0, |checkpoint| checkpoint.size);
        if stored > head.published && !planted.has(Bug::ForkAtEqualSize) {
            return Err(LedgerError::Fork { size: stored });
        }
        if stored < head.published || head.published > head.size {
            let place = BadPosition::at(Fault::CheckpointOrder, stored.min(head.size), None);
            return Err(LedgerError::Damaged(place));
        }
        let mut tiles = tile_reader(self, head.size);
        let edge = CompactRange::load(head.published, &mut tiles).map_err(StoreError::from)?;
        let is_other = |checkpoint: &StoredCheckpoint| {
            checkpoint.size == head.published && checkpoint.root != edge.root()
        };
        if newest.as_ref().is_some_and(is_other) {
            let place = BadPosition::within(Fault::Tile, 0, head.published);
            return Err(LedgerError::Damaged(place));
        }
        Ok((head.published, head.size, edge))
    }

    /// The root of the stored tree.
    pub(crate) fn ledger_root(&mut self, size: u64) -> Result<Sha256, StoreError> {
        Ok(merkle::root(size, &mut tile_reader(self, size))?)
    }

    /// The leaf hashes from `from` up to (not including) `to`, each from its record and salt, and the earliest time of an entry.
    fn ledger_reread(
        &mut self,
        from: u64,
        to: u64,
    ) -> Result<(Vec<Sha256>, Option<Timestamp>), LedgerError> {
        let mut oldest: Option<Timestamp> = None;
        let found = self.ledger_visit(from, to, |leaf, row| {
            let commitment = row.sha256(6)?;
            let is_right = match (row.opt_blob_ref(4)?, row.opt_blob_ref(5)?) {
                (Some(record), Some(salt)) => commits(salt, record, &commitment),
                (None, None) => true,
                _ => false,
            };
            oldest = oldest.into_iter().chain([row.time(1)?]).min();
            let place = BadPosition::at(Fault::EntryChanged, leaf, Some(row.int(0)?));
            Ok((is_right.then(|| leaf_hash(&commitment.0)), place))
        })?;
        let mut hashes = Vec::with_capacity(found.len());
        for (expected, (leaf, (hash, place))) in (from..).zip(found) {
            if leaf != expected {
                break;
            }
            hashes.push(hash.ok_or(LedgerError::Damaged(place))?);
        }
        let reached = from.saturating_add(hashes.len() as u64);
        if reached < to {
            let place = BadPosition::at(Fault::EntryMissing, reached, None);
            return Err(LedgerError::Damaged(place));
        }
        Ok((hashes, oldest))
    }

    fn ledger_publish(
        &mut self,
        draft: &Draft,
        planted: Planted,
    ) -> Result<Published, LedgerError> {
        let rows = self.execute(
            "UPDATE ledger_head SET published = $1
             WHERE id = 1 AND published = $2 AND key_number = $3 AND size >= $1",
            params![draft.size, draft.previous, draft.key_number],
        )?;
        if rows == 0 {
            let head = self.ledger_head()?;
            return Ok(if head.key_number == draft.key_number {
                Published::Overtaken
            } else {
                Published::KeyReplaced
            });
        }
        let beyond = self.query_opt(
            "SELECT size FROM ledger_checkpoints WHERE size > $1 ORDER BY size LIMIT 1",
            params![draft.previous],
            |row| count(row, 0),
        )?;
        match beyond {
            Some(_) if planted.has(Bug::ForkAtEqualSize) => {
                self.execute(
                    "DELETE FROM ledger_checkpoints WHERE size > $1",
                    params![draft.previous],
                )?;
            }
            Some(size) => return Err(LedgerError::Fork { size }),
            None => {}
        }
        self.execute(
            "INSERT INTO ledger_checkpoints (size, root, at, key_number, previous, note)
             VALUES ($1, $2, $3, $4, $5, $6)",
            params![
                draft.size,
                draft.root,
                draft.at,
                draft.key_number,
                draft.previous,
                &draft.note
            ],
        )?;
        Ok(Published::Yes)
    }
}
