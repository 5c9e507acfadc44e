use std::collections::BTreeMap;

use lgsp_base::hash::from_hex;
use proptest::prelude::*;

use super::*;

/// A whole tree in memory, by level and index.
#[derive(Default)]
struct Memory {
    range: CompactRange,
    nodes: BTreeMap<(u8, u64), Sha256>,
}

impl Memory {
    fn of(leaves: &[Sha256]) -> Self {
        let mut memory = Self::default();
        for leaf in leaves {
            let nodes = &mut memory.nodes;
            memory
                .range
                .push_with(*leaf, |level, index, hash| {
                    assert!(nodes.insert((level, index), hash).is_none());
                    Ok::<(), Infallible>(())
                })
                .expect("infallible");
        }
        memory
    }
}

impl HashReader for Memory {
    type Error = (u8, u64);
    fn hash(&mut self, level: u8, index: u64) -> Result<Sha256, (u8, u64)> {
        self.nodes
            .get(&(level, index))
            .copied()
            .ok_or((level, index))
    }
}

/// MTH of RFC 6962 §2.1, as it is written there.
fn naive_root(leaves: &[Sha256]) -> Sha256 {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

/// PATH of RFC 6962 §2.1.1.
fn naive_path(m: usize, leaves: &[Sha256]) -> Vec<Sha256> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut path, sibling) = if m < k {
        (naive_path(m, &leaves[..k]), naive_root(&leaves[k..]))
    } else {
        (naive_path(m - k, &leaves[k..]), naive_root(&leaves[..k]))
    };
    path.push(sibling);
    path
}

/// SUBPROOF of RFC 6962 §2.1.2.
fn naive_subproof(m: usize, leaves: &[Sha256], is_known: bool) -> Vec<Sha256> {
    if m == leaves.len() {
        return if is_known {
            Vec::new()
        } else {
            vec![naive_root(leaves)]
        };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut path, sibling) = if m <= k {
        (
            naive_subproof(m, &leaves[..k], is_known),
            naive_root(&leaves[k..]),
        )
    } else {
        (
            naive_subproof(m - k, &leaves[k..], false),
            naive_root(&leaves[..k]),
        )
    };
    path.push(sibling);
    path
}

fn leaves(count: usize) -> Vec<Sha256> {
    (0..count)
        .map(|number| leaf_hash(&number.to_be_bytes()))
        .collect()
}

#[test]
fn the_test_tree_of_certificate_transparency() {
    // The leaves and roots used by the reference implementation of RFC 6962.
    let entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    assert_eq!(
        empty_root().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let mut range = CompactRange::new();
    assert_eq!(range.root(), empty_root());
    for (entry, root) in entries.iter().zip(roots) {
        range.push(leaf_hash(&from_hex(entry).expect("hex")));
        assert_eq!(range.root().to_string(), root);
    }
    let all: Vec<Sha256> = entries
        .iter()
        .map(|entry| leaf_hash(&from_hex(entry).expect("hex")))
        .collect();
    let mut tree = Memory::of(&all);
    // RFC 6962 reference: path of leaf 6 (counting from one) in the tree of 8.
    let path: Vec<String> = inclusion_proof(5, 8, &mut tree)
        .expect("stored")
        .iter()
        .map(Sha256::to_string)
        .collect();
    assert_eq!(
        path,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    let proof: Vec<String> = consistency_proof(6, 8, &mut tree)
        .expect("stored")
        .iter()
        .map(Sha256::to_string)
        .collect();
    assert_eq!(
        proof,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
}

#[test]
fn every_small_tree_agrees_with_the_definition() {
    let all = leaves(33);
    let mut tree = Memory::of(&all);
    for size in 0..=all.len() {
        let root = super::root(size as u64, &mut tree).expect("stored");
        assert_eq!(root, naive_root(&all[..size]));
        let edge = CompactRange::load(size as u64, &mut tree).expect("stored");
        assert_eq!((edge.root(), edge.size()), (root, size as u64));
        for index in 0..size {
            let proof = inclusion_proof(index as u64, size as u64, &mut tree).expect("stored");
            assert_eq!(proof, naive_path(index, &all[..size]));
            verify_inclusion(&all[index], index as u64, size as u64, &proof, &root).expect("holds");
        }
        for old in 1..=size {
            let proof = consistency_proof(old as u64, size as u64, &mut tree).expect("stored");
            assert_eq!(proof, naive_subproof(old, &all[..size], true));
            let old_root = naive_root(&all[..old]);
            verify_consistency(old as u64, &old_root, size as u64, &root, &proof).expect("holds");
        }
    }
}

#[test]
fn a_loaded_edge_grows_like_the_tree_it_came_from() {
    let all = leaves(20);
    let mut tree = Memory::of(&all);
    let mut edge = CompactRange::load(11, &mut tree).expect("stored");
    for leaf in &all[11..] {
        edge.push(*leaf);
    }
    assert_eq!(edge, tree.range);
    let before = edge.clone();
    assert_eq!(edge.push_with(all[0], |_, _, _| Err("full")), Err("full"));
    assert_eq!(edge, before);
}

/// Every list of hashes that differs from `proof` in one bit, one missing, one more, or two exchanged.
fn damaged(proof: &[Sha256]) -> Vec<Vec<Sha256>> {
    let mut all = Vec::new();
    for at in 0..proof.len() {
        for bit in 0..256 {
            let mut other = proof.to_vec();
            other[at].0[bit / 8] ^= 1 << (bit % 8);
            all.push(other);
        }
        let mut shorter = proof.to_vec();
        shorter.remove(at);
        all.push(shorter);
        for second in at + 1..proof.len() {
            let mut exchanged = proof.to_vec();
            exchanged.swap(at, second);
            all.push(exchanged);
        }
    }
    for at in 0..=proof.len() {
        for extra in proof.iter().copied().chain([empty_root()]) {
            let mut longer = proof.to_vec();
            longer.insert(at, extra);
            all.push(longer);
        }
    }
    all
}

#[test]
fn every_damaged_proof_is_refused() {
    let all = leaves(13);
    let mut tree = Memory::of(&all);
    for size in 1..=13u64 {
        let root = super::root(size, &mut tree).expect("stored");
        for index in 0..size {
            let leaf = all[usize::try_from(index).expect("small")];
            let proof = inclusion_proof(index, size, &mut tree).expect("stored");
            for other in damaged(&proof) {
                assert!(verify_inclusion(&leaf, index, size, &other, &root).is_err());
            }
            for wrong in (0..=size).filter(|wrong| *wrong != index) {
                assert!(verify_inclusion(&leaf, wrong, size, &proof, &root).is_err());
            }
            assert!(verify_inclusion(&empty_root(), index, size, &proof, &root).is_err());
            assert!(verify_inclusion(&leaf, index, size, &proof, &empty_root()).is_err());
        }
        for old in 1..size {
            let old_root = super::root(old, &mut tree).expect("stored");
            let proof = consistency_proof(old, size, &mut tree).expect("stored");
            for other in damaged(&proof) {
                assert!(verify_consistency(old, &old_root, size, &root, &other).is_err());
            }
            assert!(verify_consistency(old, &root, size, &root, &proof).is_err());
            assert!(verify_consistency(old, &old_root, size, &old_root, &proof).is_err());
            assert!(verify_consistency(size, &root, old, &old_root, &proof).is_err());
        }
    }
}

#[test]
fn the_edges_of_consistency() {
    let root = leaf_hash(b"x");
    assert_eq!(verify_consistency(0, &empty_root(), 5, &root, &[]), Ok(()));
    assert_eq!(
        verify_consistency(0, &root, 5, &root, &[]),
        Err(ProofError::Root)
    );
    assert_eq!(
        verify_consistency(0, &empty_root(), 5, &root, &[root]),
        Err(ProofError::Length)
    );
    assert_eq!(verify_consistency(5, &root, 5, &root, &[]), Ok(()));
    assert_eq!(
        verify_consistency(5, &root, 5, &empty_root(), &[]),
        Err(ProofError::Root)
    );
    assert_eq!(
        verify_consistency(4, &root, 5, &root, &[]),
        Err(ProofError::Length)
    );
    assert_eq!(
        verify_inclusion(&root, 0, 0, &[], &root),
        Err(ProofError::Position)
    );
    let long = vec![root; 70];
    assert!(verify_inclusion(&root, u64::MAX - 1, u64::MAX, &long, &root).is_err());
    assert!(verify_consistency(1, &root, u64::MAX, &root, &long).is_err());
}

#[test]
fn a_reader_that_cannot_answer_is_heard() {
    let mut tree = Memory::of(&leaves(4));
    assert_eq!(super::root(5, &mut tree), Err((0, 4)));
    assert_eq!(inclusion_proof(0, 6, &mut tree), Err((1, 2)));
    assert_eq!(consistency_proof(3, 6, &mut tree), Err((1, 2)));
    assert_eq!(inclusion_proof(4, 4, &mut tree), Ok(Vec::new()));
}

proptest! {
    #[test]
    fn larger_trees_agree_with_the_definition(size in 1usize..600, index in 0usize..600, old in 1usize..600) {
        let (index, old) = (index % size, 1 + (old - 1) % size);
        let all = leaves(size);
        let mut tree = Memory::of(&all);
        let root = naive_root(&all);
        prop_assert_eq!(tree.range.root(), root);
        let proof = inclusion_proof(index as u64, size as u64, &mut tree).expect("stored");
        prop_assert!(verify_inclusion(&all[index], index as u64, size as u64, &proof, &root).is_ok());
        prop_assert_eq!(proof, naive_path(index, &all));
        let proof = consistency_proof(old as u64, size as u64, &mut tree).expect("stored");
        prop_assert!(
            verify_consistency(old as u64, &naive_root(&all[..old]), size as u64, &root, &proof).is_ok()
        );
        prop_assert_eq!(proof, naive_subproof(old, &all, true));
    }
}
