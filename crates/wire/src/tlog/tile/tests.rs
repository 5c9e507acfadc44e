use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::tlog::merkle::{self, CompactRange, leaf_hash};

fn tile(level: u8, index: u64, width: u16) -> TileId {
    TileId {
        level,
        index,
        width,
    }
}

#[test]
fn paths_are_those_of_the_specification() {
    for (id, path) in [
        (tile(0, 1_234_067, 256), "0/x001/x234/067"),
        (tile(0, 1_234_067, 5), "0/x001/x234/067.p/5"),
        (tile(1, 0, 1), "1/000.p/1"),
        (tile(7, 999, 256), "7/999"),
        (tile(0, 1_000, 255), "0/x001/000.p/255"),
        (
            tile(0, u64::MAX, 256),
            "0/x018/x446/x744/x073/x709/x551/615",
        ),
    ] {
        assert_eq!(id.to_string(), path);
        assert_eq!(path.parse(), Ok(id));
    }
    let bundle = BundleId {
        index: 273_063,
        width: 7,
    };
    assert_eq!(bundle.to_string(), "entries/x273/063.p/7");
    assert_eq!("entries/x273/063.p/7".parse(), Ok(bundle));
}

#[test]
fn other_spellings_are_refused() {
    for path in [
        "",
        "0",
        "0/",
        "0/1",
        "0/01",
        "0/0001",
        "00/001",
        "+0/001",
        "8/000",
        "0/x000/001",
        "0/x001",
        "0/001/002",
        "0/x001/x002",
        "0/001.p/0",
        "0/001.p/256",
        "0/001.p/05",
        "0/001.p/",
        "0/001.p",
        "0/001.p/5/",
        "0/x01/001",
        "-1/001",
        "0/x018/x446/x744/x073/x709/x551/616",
        "entries/001",
        "0/+01",
        "0/001 ",
        "0/x1000/001",
    ] {
        assert_eq!(path.parse::<TileId>(), Err(ParseTileError), "{path}");
    }
    for path in [
        "entries/",
        "entries/1",
        "entries/0/001",
        "0/001",
        "entries/001.p/256",
        "tile/entries/001",
    ] {
        assert_eq!(path.parse::<BundleId>(), Err(ParseTileError), "{path}");
    }
}

#[test]
fn a_tree_consists_of_its_tiles() {
    assert_eq!(tiles_of(0).count(), 0);
    assert_eq!(tiles_of(1).collect::<Vec<_>>(), [tile(0, 0, 1)]);
    assert_eq!(
        tiles_of(256).collect::<Vec<_>>(),
        [tile(0, 0, 256), tile(1, 0, 1)]
    );
    // The example of tlog-tiles: 256 × 273 full tiles, one partial of 4, and so on upwards.
    let ids: BTreeSet<String> = tiles_of(70_000).map(|id| id.to_string()).collect();
    assert_eq!(ids.len(), 273 + 1 + 1 + 1 + 1);
    for path in [
        "0/000",
        "0/272",
        "0/273.p/112",
        "1/000",
        "1/001.p/17",
        "2/000.p/1",
    ] {
        assert!(ids.contains(path), "{path}");
    }
    assert_eq!(
        tiles_of(u64::MAX).take(3).map(|id| id.index).max(),
        Some(2),
        "a tree of any size is walked lazily"
    );
}

#[test]
fn bundles_are_lengths_and_entries() {
    let bytes = encode_bundle([&b"ab"[..], b"", b"c"]).expect("short");
    assert_eq!(bytes, [0, 2, b'a', b'b', 0, 0, 0, 1, b'c']);
    assert_eq!(decode_bundle(&bytes), Ok(vec![&b"ab"[..], b"", b"c"]));
    for length in [1, 3, 8] {
        assert_eq!(decode_bundle(&bytes[..length]), Err(BundleError::Cut));
    }
    assert_eq!(decode_bundle(&[]), Ok(Vec::new()));
    let long = vec![0; ENTRY_BYTES_MAX + 1];
    assert_eq!(encode_bundle([&long[..]]), Err(BundleError::EntryTooLong));
    assert!(encode_bundle([&long[1..]]).is_ok());
    assert_eq!(
        encode_bundle(vec![&b""[..]; 257]),
        Err(BundleError::TooMany)
    );
    assert_eq!(decode_bundle(&[0; 514]), Err(BundleError::TooMany));
    assert!(decode_bundle(&[0; 512]).is_ok());
}

/// The stored tiles of a tree, each by level and index, as wide as it is at that size.
fn stored(leaves: &[Sha256]) -> BTreeMap<(u8, u64), Vec<u8>> {
    let mut tiles: BTreeMap<(u8, u64), Vec<u8>> = BTreeMap::new();
    let mut range = CompactRange::new();
    for leaf in leaves {
        range
            .push_with(*leaf, |level, index, hash| {
                if level.is_multiple_of(8) {
                    tiles
                        .entry((level / 8, index / 256))
                        .or_default()
                        .extend_from_slice(&hash.0);
                }
                Ok::<(), Infallible>(())
            })
            .expect("infallible");
    }
    tiles
}

#[test]
fn proofs_are_read_from_tiles() {
    let leaves: Vec<Sha256> = (0..70_000u32)
        .map(|n| leaf_hash(&n.to_be_bytes()))
        .collect();
    let tiles = stored(&leaves);
    let wanted: BTreeSet<(u8, u64)> = tiles_of(70_000).map(|id| (id.level, id.index)).collect();
    assert_eq!(wanted, tiles.keys().copied().collect());
    let mut range = CompactRange::new();
    for (size, leaf) in (1u64..).zip(&leaves) {
        range.push(*leaf);
        if ![1, 255, 256, 257, 5_000, 65_536, 65_537, 70_000].contains(&size) {
            continue;
        }
        // The tiles of the whole tree serve every smaller one.
        let mut reader = TileReader::new(size, |id| {
            Ok::<_, Infallible>(tiles.get(&(id.level, id.index)).cloned())
        });
        assert_eq!(merkle::root(size, &mut reader), Ok(range.root()));
        for index in [0, size / 3, size / 2, size - 1] {
            let proof = merkle::inclusion_proof(index, size, &mut reader).expect("stored");
            let leaf = leaves[usize::try_from(index).expect("small")];
            merkle::verify_inclusion(&leaf, index, size, &proof, &range.root()).expect("holds");
        }
        assert_eq!(reader.hash(0, size), Err(ReadTileError::Outside));
        assert_eq!(reader.hash(64, 0), Err(ReadTileError::Outside));
    }
}

#[test]
fn a_missing_or_short_tile_is_named() {
    let mut missing = TileReader::new(300, |_| Ok::<_, Infallible>(None));
    assert_eq!(
        missing.hash(0, 299),
        Err(ReadTileError::Damaged(tile(0, 1, 44)))
    );
    let mut short = TileReader::new(300, |_| Ok::<_, Infallible>(Some(vec![0; 31])));
    assert_eq!(short.hash(8, 0), Err(ReadTileError::Damaged(tile(1, 0, 1))));
    let mut failing = TileReader::new(300, |_| Err("disk"));
    assert_eq!(failing.hash(0, 0), Err(ReadTileError::Source("disk")));
}

proptest! {
    #[test]
    fn changed_tiles_are_the_difference(old in 0u64..200_000, more in 0u64..2_000) {
        let new = old + more;
        let before: BTreeSet<TileId> = tiles_of(old).collect();
        let after: BTreeSet<TileId> = tiles_of(new).collect();
        let changed: BTreeSet<TileId> = tiles_changed(old, new).collect();
        prop_assert_eq!(after.difference(&before).copied().collect::<BTreeSet<_>>(), changed);
        prop_assert_eq!(tiles_changed(new, old).count(), 0);
        let bundles: Vec<u64> = bundles_changed(old, new).map(|id| id.index).collect();
        let leaves: Vec<u64> =
            tiles_changed(old, new).filter(|id| id.level == 0).map(|id| id.index).collect();
        prop_assert_eq!(bundles, leaves);
    }

    #[test]
    fn a_path_that_is_read_is_written_the_same(text in "[0-9]{1,2}/(x?[0-9]{1,3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(id) = text.parse::<TileId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn every_tile_is_found_by_its_path(level in 0u8..8, index: u64, width in 1u16..=256) {
        let id = tile(level, index, width);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn decoding_a_bundle_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(entries) = decode_bundle(&bytes) {
            prop_assert_eq!(encode_bundle(entries), Ok(bytes));
        }
    }
}
