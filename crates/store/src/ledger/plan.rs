//! What a round of sealing is going to write, worked out on a snapshot by a reader, so that the writer only writes it down.

use lgsp_base::Sha256;
use lgsp_base::Timestamp;
use lgsp_base::id::ReceiptId;
use lgsp_base::limits;
use lgsp_base::planted::{Bug, Planted};
use lgsp_wire::tlog::merkle::{CompactRange, leaf_hash};
use lgsp_wire::tlog::tile::{self, TileId};

use super::rows::{Gap, Head, receipt_key, tile_reader};
use super::runs::Run;
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;
use crate::value::Row;

/// Levels of tiles.
const TILE_LEVELS: u8 = 8;

/// An entry that is about to become a leaf.
#[derive(Debug, Clone)]
struct Candidate {
    id: i64,
    at: Timestamp,
    receipt: Option<[u8; 16]>,
    commitment: Sha256,
}

/// A tile and its hashes.
type TileBytes = (TileId, Vec<u8>);

/// One batch, ready to be written down.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The head on which it builds: another one in the meantime, and it is void.
    pub(crate) before: Head,
    /// Leaves afterwards.
    pub(crate) size: u64,
    /// The first row id not looked at afterwards.
    pub(crate) next_id: i64,
    /// The last run, if it grows, as it is afterwards.
    pub(crate) grown: Option<Run>,
    /// New runs.
    pub(crate) runs: Vec<Run>,
    /// Gaps to be taken out.
    pub(crate) gaps_out: Vec<Gap>,
    /// Gaps to be put in.
    pub(crate) gaps_in: Vec<Gap>,
    /// Gaps that stay as they are.
    pub(crate) gaps_kept: Vec<Gap>,
    /// Receipts and their leaves.
    pub(crate) receipts: Vec<([u8; 16], u64)>,
    /// New tiles and those of the right edge.
    pub(crate) tiles: Vec<TileBytes>,
}

impl Plan {
    /// Leaves that it adds.
    pub(crate) fn new_leaves(&self) -> u64 {
        self.size.saturating_sub(self.before.size)
    }

    /// True if there is nothing to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.size == self.before.size && self.gaps_out.is_empty()
    }
}

fn read_candidate(row: &Row<'_>) -> Result<Candidate, StoreError> {
    Ok(Candidate {
        id: row.int(0)?,
        at: row.time(1)?,
        // A receipt that is none is the check's business; the entry is sealed as it is.
        receipt: row
            .opt_text_ref(2)?
            .and_then(|text| text.parse::<ReceiptId>().ok())
            .map(receipt_key),
        commitment: row.sha256(3)?,
    })
}

impl Tx<'_> {
    fn ledger_candidates(
        &mut self,
        from: i64,
        to: i64,
        limit: usize,
    ) -> Result<Vec<Candidate>, StoreError> {
        self.query(
            "SELECT id, at, receipt_id, commitment FROM ledger_entries
             WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3",
            params![from, to, limit],
            read_candidate,
        )
    }
}

/// Works out the next batch: late entries from gaps first, then what is new. `given_up` are the first row ids of gaps that were
/// waited for long enough; they are looked at once more and then taken out.
pub(crate) fn read(
    tx: &mut Tx<'_>,
    given_up: &[i64],
    limit: usize,
    planted: Planted,
) -> Result<Plan, StoreError> {
    let before = tx.ledger_head()?;
    let mut gaps = Gaps::default();
    let mut found = late(tx, given_up, limit, &mut gaps)?;
    let room = limit.saturating_sub(found.len());
    let fresh = tx.ledger_candidates(before.next_id, i64::MAX, room)?;
    let mut next_id = before.next_id;
    for entry in &fresh {
        gaps.note(next_id, entry.id);
        next_id = entry.id.saturating_add(1);
    }
    found.extend(fresh);
    if planted.has(Bug::SealSkipsEntry) && found.len() > 2 {
        found.remove(1);
    }
    if planted.has(Bug::LeavesByClock) {
        found.sort_by_key(|entry| entry.at);
    }
    let (grown, runs) = runs_of(&found, before.size, tx.ledger_last_run()?);
    let (tiles, size) = tiles_of(tx, before.size, &found)?;
    let receipts = (before.size..)
        .zip(&found)
        .filter_map(|(leaf, entry)| Some((entry.receipt?, leaf)))
        .collect();
    Ok(Plan {
        before,
        size,
        next_id,
        grown,
        runs,
        gaps_out: gaps.out,
        gaps_in: gaps.put,
        gaps_kept: gaps.kept,
        receipts,
        tiles,
    })
}

#[derive(Debug, Default)]
struct Gaps {
    out: Vec<Gap>,
    put: Vec<Gap>,
    kept: Vec<Gap>,
}

impl Gaps {
    /// Notes what is missing from `begin` up to (not including) `end`.
    fn note(&mut self, begin: i64, end: i64) {
        if let Some(ids) = end
            .checked_sub(begin)
            .and_then(|ids| u64::try_from(ids).ok())
            && ids > 0
        {
            self.put.push(Gap {
                first_id: begin,
                ids,
            });
        }
    }
}

/// Entries that appeared in gaps: what is left of such a gap takes its place.
fn late(
    tx: &mut Tx<'_>,
    given_up: &[i64],
    limit: usize,
    gaps: &mut Gaps,
) -> Result<Vec<Candidate>, StoreError> {
    let known = tx.ledger_gaps()?;
    let recent = known.len().saturating_sub(limits::LEDGER_GAPS_AT_ONCE);
    let mut found = Vec::new();
    for (place, gap) in known.into_iter().enumerate() {
        let is_given_up = given_up.contains(&gap.first_id);
        let room = limit.saturating_sub(found.len());
        if room == 0 || (place < recent && !is_given_up) {
            gaps.kept.push(gap);
            continue;
        }
        let entries = tx.ledger_candidates(gap.first_id, gap.end_id(), room)?;
        if entries.is_empty() && !is_given_up {
            gaps.kept.push(gap);
            continue;
        }
        gaps.out.push(gap);
        let is_whole = entries.len() < room;
        let mut next = gap.first_id;
        for entry in &entries {
            if !is_given_up {
                gaps.note(next, entry.id);
            }
            next = entry.id.saturating_add(1);
        }
        if !is_given_up || !is_whole {
            gaps.note(next, gap.end_id());
        }
        found.extend(entries);
    }
    Ok(found)
}

/// The runs of new leaves; the first may go on where the last run ends.
fn runs_of(found: &[Candidate], size: u64, last: Option<Run>) -> (Option<Run>, Vec<Run>) {
    let mut runs: Vec<Run> = last.into_iter().collect();
    for (first_leaf, entry) in (size..).zip(found) {
        match runs.last_mut() {
            Some(run) if run.end_id() == entry.id && run.end_leaf() == first_leaf => {
                run.entries += 1;
            }
            _ => runs.push(Run {
                first_leaf,
                first_id: entry.id,
                entries: 1,
            }),
        }
    }
    if last.is_none() {
        return (None, runs);
    }
    let rest = runs.split_off(runs.len().min(1));
    let grown = runs.pop().filter(|run| Some(*run) != last);
    (grown, rest)
}

/// The tiles that change when these entries become leaves.
fn tiles_of(
    tx: &mut Tx<'_>,
    size: u64,
    found: &[Candidate],
) -> Result<(Vec<TileBytes>, u64), StoreError> {
    if found.is_empty() {
        return Ok((Vec::new(), size));
    }
    let mut edge = CompactRange::load(size, &mut tile_reader(tx, size))?;
    let mut open = (0..TILE_LEVELS)
        .map(|level| OpenTile::load(tx, level, size))
        .collect::<Result<Vec<_>, _>>()?;
    let mut tiles = Vec::new();
    for entry in found {
        edge.push_with(leaf_hash(&entry.commitment.0), |level, index, hash| {
            if level % TILE_LEVELS == 0
                && let Some(tile) = open.get_mut(usize::from(level / TILE_LEVELS))
            {
                tiles.extend(tile.push(index, hash));
            }
            Ok::<(), StoreError>(())
        })?;
    }
    tiles.extend(open.iter().filter_map(OpenTile::partial));
    Ok((tiles, edge.size()))
}

/// The tile at the right edge of one level.
#[derive(Debug)]
struct OpenTile {
    level: u8,
    index: u64,
    hashes: Vec<u8>,
    is_changed: bool,
}

impl OpenTile {
    fn load(tx: &mut Tx<'_>, level: u8, size: u64) -> Result<Self, StoreError> {
        let width = u64::from(tile::WIDTH);
        let hashes = size.checked_shr(u32::from(level) * 8).unwrap_or(0);
        let index = hashes / width;
        let mut stored = Vec::new();
        // A last tile that is full is followed by an empty one.
        if let Some(id) = TileId::at(level, index, size) {
            stored = tx.ledger_tile(id)?.unwrap_or_default();
            let bytes = usize::from(id.width) * 32;
            if stored.len() < bytes {
                return Err(StoreError::corrupt(format_args!(
                    "ledger tile {id} is missing or damaged"
                )));
            }
            stored.truncate(bytes);
        }
        Ok(Self {
            level,
            index,
            hashes: stored,
            is_changed: false,
        })
    }

    /// Adds a hash; gives the tile if that made it full.
    fn push(&mut self, index: u64, hash: Sha256) -> Option<TileBytes> {
        debug_assert_eq!(index / u64::from(tile::WIDTH), self.index);
        self.hashes.extend_from_slice(&hash.0);
        self.is_changed = true;
        if self.hashes.len() < usize::from(tile::WIDTH) * 32 {
            return None;
        }
        let full = self.partial();
        self.index += 1;
        self.hashes.clear();
        self.is_changed = false;
        full
    }

    fn partial(&self) -> Option<TileBytes> {
        let width = u16::try_from(self.hashes.len() / 32).ok()?;
        let id = TileId {
            level: self.level,
            index: self.index,
            width,
        };
        (self.is_changed && width > 0).then(|| (id, self.hashes.clone()))
    }
}

impl Tx<'_> {
    /// Writes a batch down; `false`, and nothing written, if the log is not the one any more on which it builds.
    pub(crate) fn ledger_seal(
        &mut self,
        plan: &Plan,
        sealer: &str,
        sealer_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = self.execute(
            "UPDATE ledger_head SET size = $1, next_id = $2, sealer = $3, sealer_until = $4
             WHERE id = 1 AND size = $5 AND next_id = $6 AND key_number = $7",
            params![
                plan.size,
                plan.next_id,
                sealer,
                sealer_until,
                plan.before.size,
                plan.before.next_id,
                plan.before.key_number
            ],
        )?;
        if rows == 0 {
            return Ok(false);
        }
        if let Some(run) = &plan.grown {
            self.execute(
                "UPDATE ledger_runs SET entries = $2 WHERE first_leaf = $1",
                params![run.first_leaf, run.entries],
            )?;
        }
        for run in &plan.runs {
            self.execute(
                "INSERT INTO ledger_runs (first_leaf, first_id, entries) VALUES ($1, $2, $3)",
                params![run.first_leaf, run.first_id, run.entries],
            )?;
        }
        for gap in &plan.gaps_out {
            self.execute(
                "DELETE FROM ledger_gaps WHERE first_id = $1",
                params![gap.first_id],
            )?;
        }
        for gap in &plan.gaps_in {
            self.execute(
                "INSERT INTO ledger_gaps (first_id, ids) VALUES ($1, $2)",
                params![gap.first_id, gap.ids],
            )?;
        }
        for (id, hashes) in &plan.tiles {
            self.ledger_tile_put(*id, hashes)?;
        }
        self.ledger_receipts_insert(&plan.receipts)?;
        Ok(true)
    }
}
