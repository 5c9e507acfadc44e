//! Which entry is which leaf, kept as runs of neighbouring row ids.
//!
//! The row ids of entries are nearly without holes and nearly in the order of commits, so a handful of runs tells the leaf of
//! millions of entries, and no entry's row is touched when it is sealed.

use super::entry::read_entry;
use super::{Entry, SealedEntry, rows};
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;
use crate::value::Row;

/// Row ids between two wanted ones that are read along rather than asked for around.
const READ_ALONG_MAX: i64 = 64;

/// Neighbouring entries that are neighbouring leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// The leaf of its first entry.
    pub(crate) first_leaf: u64,
    /// The row id of its first entry.
    pub(crate) first_id: i64,
    /// How many.
    pub(crate) entries: u64,
}

impl Run {
    /// The leaf behind the last.
    pub(crate) const fn end_leaf(&self) -> u64 {
        self.first_leaf.saturating_add(self.entries)
    }

    /// The row id behind the last.
    pub(crate) const fn end_id(&self) -> i64 {
        self.first_id.saturating_add_unsigned(self.entries)
    }

    /// The leaf of a row id of this run.
    fn leaf_of(&self, id: i64) -> Option<u64> {
        let place = u64::try_from(id.checked_sub(self.first_id)?).ok()?;
        (place < self.entries).then(|| self.first_leaf.saturating_add(place))
    }

    /// The row id of a leaf of this run.
    pub(crate) fn id_of(&self, leaf: u64) -> Option<i64> {
        let place = leaf.checked_sub(self.first_leaf)?;
        (place < self.entries).then(|| self.first_id.saturating_add_unsigned(place))
    }

    /// The part of it between two leaves.
    fn cut(&self, from: u64, to: u64) -> Option<Run> {
        let first_leaf = self.first_leaf.max(from);
        let end_leaf = self.end_leaf().min(to);
        let first_id = self.id_of(first_leaf)?;
        let entries = end_leaf.checked_sub(first_leaf).filter(|some| *some > 0)?;
        Some(Run {
            first_leaf,
            first_id,
            entries,
        })
    }
}

/// Runs that are read with one statement.
#[derive(Debug)]
struct Scan {
    begin: i64,
    end: i64,
    /// In the order of their row ids.
    runs: Vec<Run>,
}

impl Scan {
    fn leaf_of(&self, id: i64) -> Option<u64> {
        let behind = self.runs.partition_point(|run| run.first_id <= id);
        self.runs.get(behind.checked_sub(1)?)?.leaf_of(id)
    }
}

/// Puts runs whose row ids are near to each other into one scan.
fn scans(mut runs: Vec<Run>) -> Vec<Scan> {
    runs.sort_by_key(|run| run.first_id);
    let mut scans: Vec<Scan> = Vec::new();
    for run in runs {
        match scans.last_mut() {
            Some(last) if run.first_id <= last.end.saturating_add(READ_ALONG_MAX) => {
                last.end = last.end.max(run.end_id());
                last.runs.push(run);
            }
            _ => scans.push(Scan {
                begin: run.first_id,
                end: run.end_id(),
                runs: vec![run],
            }),
        }
    }
    scans
}

pub(crate) fn read_run(row: &Row<'_>) -> Result<Run, StoreError> {
    Ok(Run {
        first_leaf: rows::count(row, 0)?,
        first_id: row.int(1)?,
        entries: rows::count(row, 2)?,
    })
}

impl Tx<'_> {
    /// The runs that hold the leaves from `from` up to (not including) `to`, cut to them, in the order of leaves.
    pub(crate) fn ledger_runs(&mut self, from: u64, to: u64) -> Result<Vec<Run>, StoreError> {
        let runs = self.query(
            "SELECT first_leaf, first_id, entries FROM ledger_runs
             WHERE first_leaf < $2 AND first_leaf >=
                 (SELECT COALESCE(MAX(first_leaf), 0) FROM ledger_runs WHERE first_leaf <= $1)
             ORDER BY first_leaf",
            params![from, to],
            read_run,
        )?;
        Ok(runs.iter().filter_map(|run| run.cut(from, to)).collect())
    }

    /// The run with the highest leaves.
    pub(crate) fn ledger_last_run(&mut self) -> Result<Option<Run>, StoreError> {
        self.query_opt(
            "SELECT first_leaf, first_id, entries FROM ledger_runs ORDER BY first_leaf DESC LIMIT 1",
            &[],
            read_run,
        )
    }

    /// Reads the entries of the leaves from `from` up to (not including) `to`, in order. A leaf without a row is left out.
    ///
    /// The columns are `id, at, kind, receipt_id, record, salt, commitment`.
    pub(crate) fn ledger_visit<T>(
        &mut self,
        from: u64,
        to: u64,
        mut each: impl FnMut(u64, &Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<(u64, T)>, StoreError> {
        let runs = self.ledger_runs(from, to)?;
        let scans = scans(runs);
        let mut found = Vec::with_capacity(usize::try_from(to.saturating_sub(from)).unwrap_or(0));
        for scan in &scans {
            let rows = self.query(
                "SELECT id, at, kind, receipt_id, record, salt, commitment FROM ledger_entries
                 WHERE id >= $1 AND id < $2 ORDER BY id",
                params![scan.begin, scan.end],
                |row| match scan.leaf_of(row.int(0)?) {
                    Some(leaf) => each(leaf, row).map(|value| Some((leaf, value))),
                    None => Ok(None),
                },
            )?;
            found.extend(rows.into_iter().flatten());
        }
        found.sort_by_key(|(leaf, _)| *leaf);
        Ok(found)
    }

    /// Up to `limit` sealed entries from a leaf on, in order; those behind the newest checkpoint do not count yet.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a leaf has no entry.
    pub(crate) fn ledger_leaves(
        &mut self,
        from: u64,
        limit: usize,
    ) -> Result<Vec<SealedEntry>, StoreError> {
        let published = self.ledger_head()?.published;
        let to = published.min(from.saturating_add(limit as u64));
        if from >= to {
            return Ok(Vec::new());
        }
        let found = self.ledger_visit(from, to, |_, row| read_entry(row))?;
        complete(from, to, found)
    }
}

/// Sees that every leaf is there.
fn complete(from: u64, to: u64, found: Vec<(u64, Entry)>) -> Result<Vec<SealedEntry>, StoreError> {
    let mut expected = from;
    let mut entries = Vec::with_capacity(found.len());
    for (leaf, entry) in found {
        if leaf != expected {
            break;
        }
        expected += 1;
        entries.push(SealedEntry { leaf, entry });
    }
    if expected == to {
        Ok(entries)
    } else {
        Err(StoreError::corrupt(format_args!(
            "ledger leaf {expected} has no entry"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first_leaf: u64, first_id: i64, entries: u64) -> Run {
        Run {
            first_leaf,
            first_id,
            entries,
        }
    }

    #[test]
    fn a_run_is_cut_to_the_leaves_asked_for() {
        let whole = run(10, 100, 5);
        assert_eq!(whole.cut(0, 99), Some(whole));
        assert_eq!(whole.cut(12, 14), Some(run(12, 102, 2)));
        assert_eq!(whole.cut(15, 99), None);
        assert_eq!(whole.cut(0, 10), None);
    }

    #[test]
    fn near_runs_share_a_scan_and_every_id_finds_its_leaf() {
        let scans = scans(vec![
            run(0, 1, 3),
            run(3, 6, 2),
            run(5, 4, 2),
            run(7, 9_000, 1),
        ]);
        assert_eq!(scans.len(), 2);
        let leaves: Vec<_> = (1..9).map(|id| scans[0].leaf_of(id)).collect();
        let expected = [
            Some(0),
            Some(1),
            Some(2),
            Some(5),
            Some(6),
            Some(3),
            Some(4),
        ];
        assert_eq!(leaves[..7], expected);
        assert_eq!(leaves[7], None);
        assert_eq!(scans[1].leaf_of(9_000), Some(7));
    }
}
