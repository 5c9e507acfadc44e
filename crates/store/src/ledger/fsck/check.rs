//! The check itself: facts in, the first bad position out. No database, no clock.
//!
//! Every checkpoint's root is computed over the same leaves in one pass. Checkpoints whose roots are right are therefore
//! consistent with each other, every pair of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use lgsp_base::Sha256;
use lgsp_wire::tlog::checkpoint::{Checkpoint, verify_cosignature};
use lgsp_wire::tlog::merkle::CompactRange;
use lgsp_wire::tlog::note::{SignedNote, VerifierKey};
use lgsp_wire::tlog::succession::Succession;
use lgsp_wire::tlog::tile::tiles_of;
use lgsp_wire::tlog::timestamp::{Certificate, Token, imprint_of};

use super::read::{Batch, Fact, Ground, Tail, check_runs};
use crate::ledger::{
    BadPosition, Cosignature, Fault, FsckReport, KnownCheckpoint, StoredCheckpoint, StoredTimestamp,
};

/// A key and the checkpoints it signs.
#[derive(Debug)]
struct Key {
    number: u64,
    from_size: u64,
    verifier: VerifierKey,
}

/// The check, as far as it has come.
#[derive(Debug)]
pub(super) struct Check {
    ground: Arc<Ground>,
    origin: String,
    /// Leaves of one batch; whole tiles.
    at_once: u64,
    keys: Vec<Key>,
    /// By size, rising; those ahead.
    known: Vec<KnownCheckpoint>,
    /// Size of the last of them that was right.
    agreed: u64,
    /// Where the runs or keys are not right: leaves are checked up to there.
    stop: Option<BadPosition>,
    edge: CompactRange,
    /// Size of the last checkpoint that was right.
    last: u64,
    /// Erased records whose erasure was not seen yet, with their places.
    erased: HashMap<Sha256, (u64, i64)>,
    /// Erasures that were told before the record was met.
    told: Vec<Sha256>,
    receipts: u64,
    /// Evidence whose checkpoint was not reached yet, by size.
    cosignatures: VecDeque<Cosignature>,
    timestamps: VecDeque<StoredTimestamp>,
    report: FsckReport,
}

const fn empty_report() -> FsckReport {
    FsckReport {
        leaves: 0,
        checkpoints: 0,
        cosignatures: 0,
        timestamps: 0,
        first_bad: None,
    }
}

/// The report of a log whose rows cannot even be read.
pub(super) fn unreadable(from: u64, to: u64) -> FsckReport {
    FsckReport {
        first_bad: Some(BadPosition::within(Fault::Unreadable, from, to)),
        ..empty_report()
    }
}

impl Check {
    /// `verifier` is the newest key of the log, as configured.
    pub(super) fn new(
        ground: Arc<Ground>,
        origin: &str,
        verifier: &VerifierKey,
        mut known: Vec<KnownCheckpoint>,
        at_once: u64,
    ) -> Self {
        known.sort_by_key(|checkpoint| checkpoint.size);
        let runs = check_runs(&ground);
        let (keys, bad_key) = match check_keys(&ground, verifier) {
            Ok(keys) => (keys, None),
            Err(size) => (Vec::new(), Some(BadPosition::at(Fault::Key, size, None))),
        };
        Self {
            origin: origin.to_owned(),
            at_once,
            keys,
            known,
            agreed: 0,
            stop: bad_key.or(runs),
            edge: CompactRange::new(),
            last: 0,
            erased: HashMap::new(),
            told: Vec::new(),
            receipts: 0,
            cosignatures: VecDeque::new(),
            timestamps: VecDeque::new(),
            report: empty_report(),
            ground,
        }
    }

    /// The leaves to be read next; `None` at the end, or where something was found.
    pub(super) fn next(&self) -> Option<(u64, u64)> {
        let from = self.edge.size();
        let end = self.end();
        (self.is_sound() && from < end).then(|| (from, end.min(from + self.at_once)))
    }

    /// The first leaf that is not looked at.
    fn end(&self) -> u64 {
        let size = self.ground.head.size;
        self.stop.map_or(size, |stop| match stop.fault {
            Fault::Key => 0,
            _ => size.min(stop.leaf),
        })
    }

    pub(super) fn leaves(&self) -> u64 {
        self.report.leaves
    }

    /// True while nothing was found.
    pub(super) fn is_sound(&self) -> bool {
        self.report.first_bad.is_none()
    }

    pub(super) fn into_report(self) -> FsckReport {
        self.report
    }

    /// Checks a batch; `None` if its rows could not be read.
    pub(super) fn take(&mut self, batch: Option<Batch>) {
        let from = self.edge.size();
        let to = self.end().min(from + self.at_once);
        let checked = match batch {
            Some(mut batch) => {
                self.cosignatures.extend(batch.cosignatures.drain(..));
                self.timestamps.extend(batch.timestamps.drain(..));
                self.check_batch(&batch, to)
            }
            None => Err(BadPosition::within(Fault::Unreadable, from, to)),
        };
        self.report.first_bad = checked.err();
    }

    fn check_batch(&mut self, batch: &Batch, to: u64) -> Result<(), BadPosition> {
        let mut checkpoints = batch.checkpoints.iter().peekable();
        let mut facts = batch.facts.iter();
        while self.edge.size() < to {
            let leaf = self.edge.size();
            let fact = facts
                .next()
                .filter(|fact| fact.leaf == leaf)
                .ok_or(BadPosition::at(Fault::EntryMissing, leaf, None))?;
            self.check_leaf(fact, batch)?;
            let size = self.edge.size();
            if let Some(checkpoint) = checkpoints.next_if(|next| next.size <= size) {
                self.check_checkpoint(checkpoint)?;
            }
            self.check_known()?;
        }
        Ok(())
    }

    fn check_leaf(&mut self, fact: &Fact, batch: &Batch) -> Result<(), BadPosition> {
        let here = |fault| BadPosition::at(fault, fact.leaf, Some(fact.row));
        if let Some(fault) = fact.fault {
            return Err(here(fault));
        }
        self.edge.push_with(fact.leaf_hash, |level, index, hash| {
            let is_right = level % 8 != 0 || is_in_tile(batch, level / 8, index, &hash);
            match (is_right, level) {
                (true, _) => Ok(()),
                (false, 0) => Err(here(Fault::Tile)),
                (false, _) => Err(BadPosition::within(
                    Fault::Tile,
                    index << level,
                    (index + 1) << level,
                )),
            }
        })?;
        if fact.has_wrong_receipt {
            return Err(here(Fault::Receipt));
        }
        if fact.is_erased {
            match self.told.iter().position(|told| *told == fact.commitment) {
                Some(place) => drop(self.told.swap_remove(place)),
                None => drop(self.erased.insert(fact.commitment, (fact.leaf, fact.row))),
            }
        }
        if let Some(announced) = fact.announces
            && self.erased.remove(&announced).is_none()
        {
            self.told.push(announced);
        }
        self.receipts += u64::from(fact.has_receipt);
        self.report.leaves += 1;
        Ok(())
    }

    fn check_checkpoint(&mut self, stored: &StoredCheckpoint) -> Result<(), BadPosition> {
        let last = self.last;
        let here = |fault| BadPosition::within(fault, last, stored.size);
        if stored.previous != last || stored.size != self.edge.size() {
            return Err(here(Fault::CheckpointOrder));
        }
        if stored.root != self.edge.root() {
            return Err(here(Fault::CheckpointRoot));
        }
        let key = self
            .keys
            .iter()
            .rev()
            .find(|key| key.from_size <= stored.size)
            .filter(|key| key.number == stored.key_number)
            .ok_or(here(Fault::CheckpointSignature))?;
        let text = signed_text(&stored.note, &key.verifier, |signed| {
            signed.origin == self.origin
                && signed.size == stored.size
                && signed.root == stored.root
                && signed.extensions.is_empty()
        })
        .ok_or(here(Fault::CheckpointSignature))?;
        self.last = stored.size;
        self.report.checkpoints += 1;
        self.check_evidence(&text).map_err(here)
    }

    /// Checks what was signed about the checkpoint just checked; evidence of an earlier size belongs to none.
    fn check_evidence(&mut self, text: &str) -> Result<(), Fault> {
        let size = self.last;
        while let Some(found) = self.cosignatures.pop_front_if(|next| next.size <= size) {
            if found.size < size || !is_cosigned(text, &found) {
                return Err(Fault::Evidence);
            }
            self.report.cosignatures += 1;
        }
        while let Some(found) = self.timestamps.pop_front_if(|next| next.size <= size) {
            if found.size < size || !is_stamped(text, &found) {
                return Err(Fault::Evidence);
            }
            self.report.timestamps += 1;
        }
        Ok(())
    }

    /// Compares with the checkpoints from outside that have this size.
    fn check_known(&mut self) -> Result<(), BadPosition> {
        let size = self.edge.size();
        while let Some(known) = self.known.first().copied() {
            if known.size > size {
                break;
            }
            self.known.remove(0);
            if known.size == size && known.root != self.edge.root() {
                return Err(BadPosition::within(Fault::RolledBack, self.agreed, size));
            }
            self.agreed = known.size;
        }
        Ok(())
    }

    /// Checks what is left when every leaf was found right; `None` if it could not be read.
    pub(super) fn finish(&mut self, tail: Option<Tail>) {
        if self.is_sound() {
            self.report.first_bad = self.check_tail(tail).err();
        }
    }

    fn check_tail(&mut self, tail: Option<Tail>) -> Result<(), BadPosition> {
        let size = self.edge.size();
        if let Some(stop) = self.stop {
            return Err(stop);
        }
        if !self.known.is_empty() {
            return Err(BadPosition::at(Fault::RolledBack, size, None));
        }
        let tail = tail.ok_or(BadPosition::at(Fault::Unreadable, size, None))?;
        let (before, after) = (&self.ground.head, &tail.head);
        if self.last < before.published || self.last > after.published {
            // Leaves that a checkpoint counts are gone, or the checkpoint is.
            let (from, to) = (self.last.min(before.published), before.published.max(size));
            return Err(BadPosition::within(Fault::CheckpointOrder, from, to));
        }
        if let Some(row) = tail.stray {
            let behind = self.ground.runs.iter().filter(|run| run.first_id > row);
            let leaf = behind.map(|run| run.first_leaf).min().unwrap_or(size);
            return Err(BadPosition::at(Fault::EntryUnsealed, leaf, Some(row)));
        }
        let told = |commitment: &Sha256| tail.announced.contains(commitment);
        let silent = self
            .erased
            .iter()
            .filter(|(commitment, _)| !told(commitment));
        if let Some((leaf, row)) = silent.map(|(_, place)| *place).min() {
            return Err(BadPosition::at(Fault::EntryErased, leaf, Some(row)));
        }
        // These count what there is now: only of a log that did not grow meanwhile.
        if before.size != after.size || before.published != after.published {
            return Ok(());
        }
        if tail.newest_checkpoint != before.published || self.last != before.published {
            return Err(BadPosition::at(Fault::CheckpointOrder, size, None));
        }
        if !self.cosignatures.is_empty() || !self.timestamps.is_empty() {
            return Err(BadPosition::at(Fault::Evidence, size, None));
        }
        if tail.tiles != tiles_of(size).count() as u64 {
            return Err(BadPosition::at(Fault::Tile, size, None));
        }
        if tail.receipts > self.receipts {
            return Err(BadPosition::at(Fault::Receipt, size, None));
        }
        Ok(())
    }
}

fn is_in_tile(batch: &Batch, level: u8, index: u64, hash: &Sha256) -> bool {
    let stored = batch.tiles.get(&(level, index / 256));
    let begin = usize::try_from(index % 256).unwrap_or(usize::MAX) * 32;
    stored.and_then(|hashes| hashes.get(begin..begin + 32)) == Some(hash.0.as_slice())
}

/// The text of a note that this key signed, and nobody else, if the checkpoint in it is the one expected.
fn signed_text(
    note: &str,
    key: &VerifierKey,
    is_expected: impl FnOnce(&Checkpoint) -> bool,
) -> Option<String> {
    let note = SignedNote::parse(note).ok()?;
    let signed = Checkpoint::open(&note, key).ok()?;
    (note.signatures.len() == 1 && is_expected(&signed)).then_some(note.text)
}

fn is_cosigned(text: &str, cosignature: &Cosignature) -> bool {
    verify_cosignature(text, &cosignature.to_signature(), &cosignature.key).is_ok()
}

fn is_stamped(text: &str, timestamp: &StoredTimestamp) -> bool {
    let (Ok(token), Ok(authority)) = (
        Token::parse(&timestamp.token),
        Certificate::parse(&timestamp.certificate),
    ) else {
        return false;
    };
    token
        .verify(&imprint_of(text), None, &authority)
        .is_ok_and(|stamp| stamp.at == timestamp.gen_time)
}

/// The keys, each named by the one before, the last being the one configured; or the size from which they are not right.
fn check_keys(ground: &Ground, verifier: &VerifierKey) -> Result<Vec<Key>, u64> {
    let mut keys: Vec<Key> = Vec::new();
    for stored in &ground.keys {
        let bad = stored.from_size.saturating_sub(1);
        let parsed: VerifierKey = stored.verifier.parse().map_err(|_| bad)?;
        let is_right = match (keys.last(), &stored.succession) {
            (None, None) => stored.number == 1 && stored.from_size == 1,
            (Some(before), Some(note)) => {
                let statement = SignedNote::parse(note)
                    .ok()
                    .and_then(|note| Succession::open(&note).ok());
                stored.number == before.number + 1
                    && statement.is_some_and(|statement| {
                        statement.old == before.verifier
                            && statement.new == parsed
                            && statement.from_size == stored.from_size
                    })
            }
            _ => false,
        };
        if !is_right {
            return Err(bad);
        }
        keys.push(Key {
            number: stored.number,
            from_size: stored.from_size,
            verifier: parsed,
        });
    }
    match keys.last() {
        Some(last) if last.verifier == *verifier && last.number == ground.head.key_number => {
            Ok(keys)
        }
        last => Err(last.map_or(0, |key| key.from_size.saturating_sub(1))),
    }
}
