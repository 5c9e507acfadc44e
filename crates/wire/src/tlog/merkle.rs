//! The Merkle tree of RFC 6962 §2.1: hashes, proofs from stored subtrees, and their verification (RFC 9162 §2.1).

use std::convert::Infallible;

use lgsp_base::Sha256;
use lgsp_base::hash::equal_in_constant_time;

/// Hashes in the longest proof: one per level of a tree of 2^64 leaves, and one more for consistency.
pub const PROOF_HASHES_MAX: usize = 65;

/// The hash of a leaf: SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Sha256 {
    let mut bytes = Vec::with_capacity(entry.len().saturating_add(1));
    bytes.push(0);
    bytes.extend_from_slice(entry);
    Sha256::of(&bytes)
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
    let mut bytes = [1; 65];
    for (slot, byte) in bytes.iter_mut().skip(1).zip(left.0.iter().chain(&right.0)) {
        *slot = *byte;
    }
    Sha256::of(&bytes)
}

/// The root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Sha256 {
    Sha256::of(b"")
}

/// Gives the hashes of complete subtrees, from tiles or from memory.
pub trait HashReader {
    /// Why a hash cannot be had.
    type Error;

    /// The hash of the complete subtree over the leaves `index << level` up to (not including) `(index + 1) << level`.
    ///
    /// # Errors
    /// The source's own; asking beyond the tree is one.
    fn hash(&mut self, level: u8, index: u64) -> Result<Sha256, Self::Error>;
}

/// The root of the first `size` leaves.
///
/// # Errors
/// Those of the reader.
pub fn root<R: HashReader>(size: u64, reader: &mut R) -> Result<Sha256, R::Error> {
    range_root(0, size, reader)
}

/// The hashes that lead from leaf `index` to the root of the first `size` leaves, lowest first (RFC 9162 §2.1.3.1).
///
/// There is no proof for a leaf outside the tree: the list is empty then, and verifies for nothing.
///
/// # Errors
/// Those of the reader.
pub fn inclusion_proof<R: HashReader>(
    index: u64,
    size: u64,
    reader: &mut R,
) -> Result<Vec<Sha256>, R::Error> {
    let mut path = Vec::new();
    if index >= size {
        return Ok(path);
    }
    let (mut begin, mut end) = (0, size);
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            path.push(range_root(middle, end, reader)?);
            end = middle;
        } else {
            path.push(range_root(begin, middle, reader)?);
            begin = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The hashes that show the first `old` of `new` leaves unchanged (RFC 9162 §2.1.4.1).
///
/// Empty for equal sizes, for `old` = 0, and where `old` is not a part of `new`.
///
/// # Errors
/// Those of the reader.
pub fn consistency_proof<R: HashReader>(
    old: u64,
    new: u64,
    reader: &mut R,
) -> Result<Vec<Sha256>, R::Error> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    let (mut begin, mut end) = (0, new);
    // The verifier knows the old root: a subtree that is exactly it need not be sent.
    let mut is_old_root = true;
    while end != old {
        let middle = begin + split(end - begin);
        if old <= middle {
            path.push(range_root(middle, end, reader)?);
            end = middle;
        } else {
            path.push(range_root(begin, middle, reader)?);
            begin = middle;
            is_old_root = false;
        }
    }
    if !is_old_root {
        path.push(range_root(begin, end, reader)?);
    }
    path.reverse();
    Ok(path)
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (63 - count.saturating_sub(1).leading_zeros().min(63))
}

/// The root over a range whose begin is a multiple of the power of two that covers it.
fn range_root<R: HashReader>(begin: u64, end: u64, reader: &mut R) -> Result<Sha256, R::Error> {
    let count = end - begin;
    let mut done: u64 = 0;
    let mut root = None;
    // From the smallest subtree at the right edge to the largest at the left.
    for level in 0..64u8 {
        if count >> level & 1 == 0 {
            continue;
        }
        done += 1 << level;
        let left = reader.hash(level, (end - done) >> level)?;
        root = Some(root.map_or(left, |right| node_hash(&left, &right)));
    }
    Ok(root.unwrap_or_else(empty_root))
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The sizes or the index make no sense together.
    #[error("no proof is possible for these positions")]
    Position,
    /// Too few or too many hashes for these positions.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// The hashes do not lead to the root.
    #[error("the proof leads to another root")]
    Root,
}

/// Checks that `leaf` (a [`leaf_hash`]) stands at `index` of the tree with `size` leaves and this root
/// (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`ProofError`]; every other proof, shorter, longer or changed, is refused.
pub fn verify_inclusion(
    leaf: &Sha256,
    index: u64,
    size: u64,
    proof: &[Sha256],
    root: &Sha256,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Position);
    }
    let mut place = index;
    let mut last = size - 1;
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            // The right edge has no sibling on the levels where it is a left child.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    same(&hash, root)
}

/// Checks that the tree of `old` leaves is the beginning of the tree of `new` leaves (RFC 9162 §2.1.4.2).
///
/// The empty tree is the beginning of every tree, with an empty proof.
///
/// # Errors
/// [`ProofError`]; every other proof, shorter, longer or changed, is refused.
pub fn verify_consistency(
    old: u64,
    old_root: &Sha256,
    new: u64,
    new_root: &Sha256,
    proof: &[Sha256],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Position);
    }
    if old == 0 || old == new {
        if !proof.is_empty() {
            return Err(ProofError::Length);
        }
        let known = if old == 0 { empty_root() } else { *new_root };
        return same(old_root, &known);
    }
    let (first, rest) = match proof.split_first() {
        None => return Err(ProofError::Length),
        Some(_) if old.is_power_of_two() => (old_root, proof),
        Some((first, rest)) => (first, rest),
    };
    let mut place = old - 1;
    let mut last = new - 1;
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    same(&old_hash, old_root)?;
    same(&new_hash, new_root)
}

fn same(computed: &Sha256, known: &Sha256) -> Result<(), ProofError> {
    if equal_in_constant_time(&computed.0, &known.0) {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// The right edge of a growing tree: enough to append leaves and to know the root, at most 64 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    /// Roots of the complete subtrees, the largest (leftmost) first.
    peaks: Vec<Sha256>,
}

impl CompactRange {
    /// Without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of the first `size` leaves of a stored tree.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn load<R: HashReader>(size: u64, reader: &mut R) -> Result<Self, R::Error> {
        let mut peaks = Vec::new();
        let mut done: u64 = 0;
        for level in (0..64u8).rev() {
            if size >> level & 1 == 1 {
                peaks.push(reader.hash(level, done >> level)?);
                done += 1 << level;
            }
        }
        Ok(Self { size, peaks })
    }

    /// Appends a leaf by its [`leaf_hash`].
    pub fn push(&mut self, leaf: Sha256) {
        let Ok(()) = self.push_with(leaf, |_, _, _| Ok::<(), Infallible>(()));
    }

    /// Appends a leaf and tells every subtree that became complete by it: level, index at that level, hash. The leaf itself
    /// comes first, at level 0.
    ///
    /// # Errors
    /// Those of `completed`; the range is unchanged then.
    pub fn push_with<E>(
        &mut self,
        leaf: Sha256,
        mut completed: impl FnMut(u8, u64, Sha256) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut hash = leaf;
        completed(0, self.size, hash)?;
        // As many peaks merge as the size ends in one bits.
        let merged = usize::try_from(self.size.trailing_ones()).unwrap_or(0);
        let mut level = 0u8;
        for left in self.peaks.iter().rev().take(merged) {
            hash = node_hash(left, &hash);
            level += 1;
            completed(level, self.size >> level, hash)?;
        }
        self.peaks.truncate(self.peaks.len().saturating_sub(merged));
        self.peaks.push(hash);
        self.size += 1;
        Ok(())
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Sha256 {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(empty_root)
    }
}

#[cfg(test)]
mod tests;
