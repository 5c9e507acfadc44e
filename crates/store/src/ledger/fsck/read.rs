//! What the check reads, in pieces: the ground it stands on, batches of leaves, and what is left at the end.

use std::collections::HashMap;

use lgsp_base::Sha256;
use lgsp_base::id::ReceiptId;
use lgsp_wire::record::Record;
use lgsp_wire::tlog::merkle::leaf_hash;
use lgsp_wire::tlog::tile::TileId;

use crate::error::StoreError;
use crate::ledger::entry::{RECORD_ERASED, read_entry};
use crate::ledger::rows::{Gap, Head, count};
use crate::ledger::runs::{Run, read_run};
use crate::ledger::{
    BadPosition, Cosignature, Entry, Fault, StoredCheckpoint, StoredKey, StoredTimestamp,
};
use crate::params;
use crate::tx::Tx;
use crate::value::Row;

/// Levels of tiles.
const TILE_LEVELS: u8 = 8;

/// What is read first and stays true while the log grows on.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) head: Head,
    pub(super) keys: Vec<StoredKey>,
    /// In the order of leaves.
    pub(super) runs: Vec<Run>,
    pub(super) gaps: Vec<Gap>,
}

/// What there is to know of one leaf.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub(super) leaf: u64,
    pub(super) row: i64,
    pub(super) leaf_hash: Sha256,
    pub(super) commitment: Sha256,
    pub(super) fault: Option<Fault>,
    pub(super) is_erased: bool,
    /// The commitment of a record that this entry says was erased.
    pub(super) announces: Option<Sha256>,
    pub(super) has_receipt: bool,
    /// Its receipt leads to another leaf.
    pub(super) has_wrong_receipt: bool,
}

/// Leaves in order, and what belongs to them.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) facts: Vec<Fact>,
    /// By level and index.
    pub(super) tiles: HashMap<(u8, u64), Vec<u8>>,
    pub(super) checkpoints: Vec<StoredCheckpoint>,
    pub(super) cosignatures: Vec<Cosignature>,
    pub(super) timestamps: Vec<StoredTimestamp>,
}

/// What is read last.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) head: Head,
    pub(super) tiles: u64,
    pub(super) receipts: u64,
    pub(super) newest_checkpoint: u64,
    /// The row of an entry that is in no run and no gap.
    pub(super) stray: Option<i64>,
    /// Commitments of records that entries without a leaf say were erased.
    pub(super) announced: Vec<Sha256>,
}

impl Tx<'_> {
    pub(super) fn fsck_ground(&mut self) -> Result<Ground, StoreError> {
        Ok(Ground {
            head: self.ledger_head()?,
            keys: self.ledger_keys()?,
            runs: self.query(
                "SELECT first_leaf, first_id, entries FROM ledger_runs ORDER BY first_leaf",
                &[],
                read_run,
            )?,
            gaps: self.ledger_gaps()?,
        })
    }

    /// The leaves from `from` up to (not including) `to` of a log of `size`, with the checkpoints behind `from` up to `to`.
    pub(super) fn fsck_batch(
        &mut self,
        from: u64,
        to: u64,
        size: u64,
    ) -> Result<Batch, StoreError> {
        let mut receipts = Vec::new();
        let found = self.ledger_visit(from, to, |leaf, row| {
            let (fact, receipt) = fact_of(leaf, row)?;
            if let Some(receipt) = receipt {
                receipts.push((leaf, receipt));
            }
            Ok(fact)
        })?;
        let mut facts: Vec<Fact> = found.into_iter().map(|(_, fact)| fact).collect();
        for (leaf, receipt) in receipts {
            if !self.fsck_receipt(leaf, receipt)?
                && let Ok(place) = facts.binary_search_by_key(&leaf, |fact| fact.leaf)
                && let Some(fact) = facts.get_mut(place)
            {
                fact.has_wrong_receipt = true;
            }
        }
        let first = from.saturating_add(1);
        Ok(Batch {
            facts,
            tiles: self.fsck_tiles(from, to, size)?,
            checkpoints: self.ledger_checkpoint_list(first, to)?,
            cosignatures: self.ledger_cosignature_list(first, to)?,
            timestamps: self.ledger_timestamp_list(first, to)?,
        })
    }

    /// True if the receipt leads to this leaf, or to an earlier one that carries it too.
    fn fsck_receipt(&mut self, leaf: u64, receipt: ReceiptId) -> Result<bool, StoreError> {
        match self.ledger_receipt_leaf(receipt)? {
            Some(known) if known == leaf => Ok(true),
            Some(known) if known < leaf => {
                Ok(self.ledger_leaf(known)?.entry.receipt == Some(receipt))
            }
            _ => Ok(false),
        }
    }

    fn fsck_tiles(
        &mut self,
        from: u64,
        to: u64,
        size: u64,
    ) -> Result<HashMap<(u8, u64), Vec<u8>>, StoreError> {
        let mut tiles = HashMap::new();
        for level in 0..TILE_LEVELS {
            let tile_of = |leaf: u64| leaf.checked_shr(u32::from(level) * 8).unwrap_or(0) / 256;
            for index in tile_of(from)..=tile_of(to.saturating_sub(1)) {
                if let Some(id) = TileId::at(level, index, size)
                    && let Some(hashes) = self.ledger_tile(id)?
                {
                    tiles.insert((level, index), hashes);
                }
            }
        }
        Ok(tiles)
    }

    pub(super) fn fsck_tail(&mut self, ground: &Ground) -> Result<Tail, StoreError> {
        let counts =
            "SELECT (SELECT COUNT(*) FROM ledger_tiles), (SELECT COUNT(*) FROM ledger_receipts),
            (SELECT COALESCE(MAX(size), 0) FROM ledger_checkpoints)";
        let (tiles, receipts, newest_checkpoint) = self.query_one(counts, &[], |row| {
            Ok((count(row, 0)?, count(row, 1)?, count(row, 2)?))
        })?;
        let announced = self.query(
            "SELECT record FROM ledger_entries WHERE id >= $1 AND kind = $2",
            params![ground.head.next_id, RECORD_ERASED],
            |row| Ok(row.opt_blob_ref(0)?.and_then(announced_by)),
        )?;
        let mut stray = None;
        for (begin, end) in passed_by(ground) {
            stray = self.query_opt(
                "SELECT id FROM ledger_entries WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 1",
                params![begin, end],
                |row| row.int(0),
            )?;
            if stray.is_some() {
                break;
            }
        }
        Ok(Tail {
            head: self.ledger_head()?,
            tiles,
            receipts,
            newest_checkpoint,
            stray,
            announced: announced.into_iter().flatten().collect(),
        })
    }
}

/// Row ids below the first that was not looked at, which are in no run and no gap, as ranges.
fn passed_by(ground: &Ground) -> Vec<(i64, i64)> {
    let runs = ground.runs.iter().map(|run| (run.first_id, run.end_id()));
    let gaps = ground.gaps.iter().map(|gap| (gap.first_id, gap.end_id()));
    let mut taken: Vec<(i64, i64)> = runs.chain(gaps).collect();
    taken.sort_unstable();
    taken.push((ground.head.next_id, i64::MAX));
    let mut next = i64::MIN;
    let mut ranges = Vec::new();
    for (begin, end) in taken {
        if begin > next {
            ranges.push((next, begin));
        }
        next = next.max(end);
    }
    ranges
}

fn fact_of(leaf: u64, row: &Row<'_>) -> Result<(Fact, Option<ReceiptId>), StoreError> {
    let mut fact = Fact {
        leaf,
        row: row.int(0)?,
        leaf_hash: Sha256([0; 32]),
        commitment: Sha256([0; 32]),
        fault: Some(Fault::EntryChanged),
        is_erased: false,
        announces: None,
        has_receipt: false,
        has_wrong_receipt: false,
    };
    let entry = match read_entry(row) {
        Ok(entry) => entry,
        Err(StoreError::Corrupt { .. }) => return Ok((fact, None)),
        Err(error) => return Err(error),
    };
    fact.commitment = entry.commitment;
    fact.leaf_hash = leaf_hash(&entry.commitment.0);
    fact.is_erased = entry.is_erased();
    fact.has_receipt = entry.receipt.is_some();
    fact.fault = fault_of(&entry);
    if entry.kind == RECORD_ERASED {
        fact.announces = announced_by(&entry.record);
    }
    Ok((fact, entry.receipt))
}

fn fault_of(entry: &Entry) -> Option<Fault> {
    if entry.is_erased() {
        None
    } else if !entry.is_committed() {
        Some(Fault::EntryChanged)
    } else if !entry.is_bound() {
        Some(Fault::EntryColumns)
    } else {
        None
    }
}

fn announced_by(record: &[u8]) -> Option<Sha256> {
    let record = Record::decode(record).ok()?;
    record.text("commitment")?.parse().ok()
}

/// Sees that the runs tell of every leaf once and of no row twice; gives the first leaf where they do not.
pub(super) fn check_runs(ground: &Ground) -> Option<BadPosition> {
    let mut expected = 0;
    let mut rows = Vec::with_capacity(ground.runs.len());
    for run in &ground.runs {
        if run.first_leaf != expected || run.entries == 0 || run.end_id() > ground.head.next_id {
            let leaf = expected.min(run.first_leaf);
            return Some(BadPosition::at(Fault::Runs, leaf, None));
        }
        expected = run.end_leaf();
        rows.push((run.first_id, run.end_id(), run.first_leaf));
    }
    if expected != ground.head.size {
        let leaf = expected.min(ground.head.size);
        return Some(BadPosition::at(Fault::Runs, leaf, None));
    }
    rows.sort_unstable();
    let mut end = i64::MIN;
    let mut first: Option<u64> = None;
    for (begin, end_id, leaf) in rows {
        if begin < end {
            first = Some(first.map_or(leaf, |known| known.min(leaf)));
        }
        end = end.max(end_id);
    }
    first.map(|leaf| BadPosition::at(Fault::Runs, leaf, None))
}
