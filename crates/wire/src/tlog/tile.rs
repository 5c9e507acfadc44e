//! Tiles and entry bundles of a stored tree (C2SP tlog-tiles): height 8, so 256 hashes or entries to a full one.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use lgsp_base::Sha256;

use super::merkle::{HashReader, node_hash};

/// Hashes of a full tile, and entries of a full bundle.
pub const WIDTH: u16 = 256;
/// Levels of the tree between one level of tiles and the next.
const HEIGHT: u8 = 8;
/// The highest level of tiles: 8 × 8 bits are all positions there are.
const LEVEL_MAX: u8 = 7;
/// Bytes of one entry, as its length is written in 16 bits.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// Tiles that a [`TileReader`] remembers.
const TILES_REMEMBERED_MAX: usize = 64;

/// A tile: the hashes `index * 256 …` of the tree's level `level * 8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for the tiles of leaf hashes, up to 7.
    pub level: u8,
    /// Which tile of the level.
    pub index: u64,
    /// Hashes in it, 1 to 256; fewer than 256 is a partial tile.
    pub width: u16,
}

/// A bundle: the entries `index * 256 …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    /// Which bundle.
    pub index: u64,
    /// Entries in it, 1 to 256; fewer than 256 is a partial bundle.
    pub width: u16,
}

impl fmt::Display for TileId {
    /// What stands behind `tile/` in the path: `0/x001/234.p/5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.level)?;
        write_place(self.index, self.width, f)
    }
}

impl fmt::Display for BundleId {
    /// What stands behind `tile/` in the path: `entries/x001/234.p/5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries/")?;
        write_place(self.index, self.width, f)
    }
}

/// Three digits per element, all but the last marked by an `x`, then the width of a partial one.
fn write_place(index: u64, width: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // 2^64 has 20 digits, seven groups.
    for group in (1..7u32).rev() {
        let above = index / 1_000u64.pow(group);
        if above > 0 {
            write!(f, "x{:03}/", above % 1_000)?;
        }
    }
    write!(f, "{:03}", index % 1_000)?;
    if width < WIDTH {
        write!(f, ".p/{width}")?;
    }
    Ok(())
}

/// The text is not the path of a tile or bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile")]
pub struct ParseTileError;

impl FromStr for TileId {
    type Err = ParseTileError;

    /// Reads exactly what `Display` writes.
    fn from_str(text: &str) -> Result<Self, ParseTileError> {
        let (level, place) = text.split_once('/').ok_or(ParseTileError)?;
        let level: u8 = level.parse().map_err(|_| ParseTileError)?;
        let (index, width) = parse_place(place)?;
        let id = Self {
            level,
            index,
            width,
        };
        // Leading zeros, signs and superfluous groups are other spellings, and there is only one.
        if level <= LEVEL_MAX && id.to_string() == text {
            Ok(id)
        } else {
            Err(ParseTileError)
        }
    }
}

impl FromStr for BundleId {
    type Err = ParseTileError;

    /// Reads exactly what `Display` writes.
    fn from_str(text: &str) -> Result<Self, ParseTileError> {
        let (index, width) = parse_place(text.strip_prefix("entries/").ok_or(ParseTileError)?)?;
        let id = Self { index, width };
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(ParseTileError)
        }
    }
}

fn parse_place(text: &str) -> Result<(u64, u16), ParseTileError> {
    let (groups, width) = match text.split_once(".p/") {
        Some((groups, width)) => (groups, width.parse().map_err(|_| ParseTileError)?),
        None => (text, WIDTH),
    };
    if !(1..=WIDTH).contains(&width) {
        return Err(ParseTileError);
    }
    let mut index: u64 = 0;
    for group in groups.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let value: u64 = digits.parse().map_err(|_| ParseTileError)?;
        index = index
            .checked_mul(1_000)
            .and_then(|above| above.checked_add(value))
            .ok_or(ParseTileError)?;
    }
    Ok((index, width))
}

impl TileId {
    /// The tile that holds the hash of a complete subtree in a tree of `size` leaves, and the places in that tile of the
    /// hashes from which it is computed. A subtree at a level divisible by 8 is one stored hash.
    ///
    /// `None` if the tree has no such subtree.
    pub fn holding(level: u8, index: u64, size: u64) -> Option<(TileId, std::ops::Range<usize>)> {
        if level >= 64 || index >= size >> level {
            return None;
        }
        let above = level % HEIGHT;
        let tile_level = level / HEIGHT;
        // No overflow: the subtree lies within `size`.
        let first = index << above;
        let id = Self::at(tile_level, first / u64::from(WIDTH), size)?;
        let begin = usize::try_from(first % u64::from(WIDTH)).ok()?;
        Some((id, begin..begin + (1 << above)))
    }

    /// The tile at a level and index of a tree of `size` leaves, with the width it has there.
    pub fn at(level: u8, index: u64, size: u64) -> Option<TileId> {
        let hashes = hashes_at(level, size);
        let before = index.checked_mul(u64::from(WIDTH))?;
        let width = hashes.checked_sub(before)?.min(u64::from(WIDTH));
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self {
            level,
            index,
            width,
        })
    }
}

/// Hashes that the tiles of this level hold in a tree of `size` leaves.
fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(HEIGHT))
        .unwrap_or(0)
}

/// The tiles of which the stored tree of `size` leaves consists, level by level.
pub fn tiles_of(size: u64) -> impl Iterator<Item = TileId> {
    tiles_changed(0, size)
}

/// The tiles of the tree of `new` leaves that the tree of `old` leaves does not have in the same width.
pub fn tiles_changed(old: u64, new: u64) -> impl Iterator<Item = TileId> {
    (0..=LEVEL_MAX).flat_map(move |level| {
        let (before, after) = (hashes_at(level, old), hashes_at(level, new));
        let tiles = if before < after {
            before / u64::from(WIDTH)..after.div_ceil(u64::from(WIDTH))
        } else {
            0..0
        };
        tiles.filter_map(move |index| TileId::at(level, index, new))
    })
}

/// The bundles of `new` entries that `old` entries do not have in the same width.
pub fn bundles_changed(old: u64, new: u64) -> impl Iterator<Item = BundleId> {
    tiles_changed(old, new)
        .take_while(|tile| tile.level == 0)
        .map(|tile| BundleId {
            index: tile.index,
            width: tile.width,
        })
}

/// Why a bundle cannot be written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry of more than 65,535 bytes.
    #[error("an entry is too long")]
    EntryTooLong,
    /// More than 256 entries.
    #[error("too many entries")]
    TooMany,
    /// The bytes end inside an entry.
    #[error("the bundle ends inside an entry")]
    Cut,
}

/// The bytes of a bundle: each entry behind its length in 16 bits, most significant byte first.
///
/// # Errors
/// An entry that is too long, or more than 256.
pub fn encode_bundle<'a>(
    entries: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    for (number, entry) in entries.into_iter().enumerate() {
        if number >= usize::from(WIDTH) {
            return Err(BundleError::TooMany);
        }
        let length = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle.
///
/// # Errors
/// Bytes that end inside an entry, or more than 256 entries.
pub fn decode_bundle(bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if entries.len() >= usize::from(WIDTH) {
            return Err(BundleError::TooMany);
        }
        let (length, tail) = rest.split_first_chunk::<2>().ok_or(BundleError::Cut)?;
        let (entry, tail) = tail
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or(BundleError::Cut)?;
        entries.push(entry);
        rest = tail;
    }
    Ok(entries)
}

/// The hashes of a tile's bytes, 32 to each; `None` unless there are exactly as many as the id says.
pub fn decode_tile(id: TileId, bytes: &[u8]) -> Option<Vec<Sha256>> {
    if bytes.len() != usize::from(id.width) * 32 {
        return None;
    }
    bytes.chunks_exact(32).map(Sha256::from_slice).collect()
}

/// The bytes of a tile.
pub fn encode_tile(hashes: &[Sha256]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Why a hash cannot be read from tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadTileError<E> {
    /// The tree of this size has no such subtree.
    #[error("no such subtree")]
    Outside,
    /// The tile is not there or has the wrong number of bytes.
    #[error("tile {0} is missing or damaged")]
    Damaged(TileId),
    /// The source failed.
    #[error(transparent)]
    Source(E),
}

/// Reads hashes of subtrees from the tiles of a tree of a known size, and remembers a few tiles.
#[derive(Debug)]
pub struct TileReader<F> {
    size: u64,
    fetch: F,
    remembered: BTreeMap<TileId, Vec<Sha256>>,
}

impl<F, E> TileReader<F>
where
    F: FnMut(TileId) -> Result<Option<Vec<u8>>, E>,
{
    /// Over a tree of `size` leaves; `fetch` gives the bytes of a tile, in at least the width asked for.
    pub fn new(size: u64, fetch: F) -> Self {
        Self {
            size,
            fetch,
            remembered: BTreeMap::new(),
        }
    }

    fn tile(&mut self, id: TileId) -> Result<&[Sha256], ReadTileError<E>> {
        if !self.remembered.contains_key(&id) {
            let mut bytes = (self.fetch)(id)
                .map_err(ReadTileError::Source)?
                .ok_or(ReadTileError::Damaged(id))?;
            // A wider tile of the same place begins with the same hashes.
            bytes.truncate(usize::from(id.width) * 32);
            let hashes = decode_tile(id, &bytes).ok_or(ReadTileError::Damaged(id))?;
            if self.remembered.len() >= TILES_REMEMBERED_MAX {
                self.remembered.clear();
            }
            self.remembered.insert(id, hashes);
        }
        self.remembered
            .get(&id)
            .map(Vec::as_slice)
            .ok_or(ReadTileError::Damaged(id))
    }
}

impl<F, E> HashReader for TileReader<F>
where
    F: FnMut(TileId) -> Result<Option<Vec<u8>>, E>,
{
    type Error = ReadTileError<E>;

    fn hash(&mut self, level: u8, index: u64) -> Result<Sha256, Self::Error> {
        let (id, places) =
            TileId::holding(level, index, self.size).ok_or(ReadTileError::Outside)?;
        let hashes = self.tile(id)?;
        let mut row = hashes
            .get(places)
            .ok_or(ReadTileError::Damaged(id))?
            .to_vec();
        while row.len() > 1 {
            row = row
                .chunks(2)
                .filter_map(|pair| match pair {
                    [left, right] => Some(node_hash(left, right)),
                    _ => None,
                })
                .collect();
        }
        row.first().copied().ok_or(ReadTileError::Damaged(id))
    }
}

#[cfg(test)]
mod tests;
