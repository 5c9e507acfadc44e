//! A small log with everything a bundle can have: seven leaves, a change of key at size 5, a witness, a time stamp.

use super::*;
use crate::tlog::merkle::{CompactRange, HashReader, inclusion_proof};
use std::collections::BTreeMap;
use std::convert::Infallible;

pub(super) const ORIGIN: &str = "lgsp.binhan.example/ledger";
/// The leaf that the receipts are about.
pub(super) const LEAF: u64 = 4;

pub(super) fn log_key(seed: u8) -> SoftSigner {
    SoftSigner::from_seed(ORIGIN, Algorithm::Ed25519, &[seed; 32]).expect("a key")
}

pub(super) fn witness() -> SoftSigner {
    SoftSigner::from_seed("witness.example/w1", Algorithm::CosignatureV1, &[9; 32]).expect("a key")
}

pub(super) fn record() -> Record {
    Record::new()
        .with("kind", "document.accepted")
        .with("at", 1_795_305_600_000_000_i64)
        .with("actor", "sys_01kpkhs8002wr2r9s2pm1e0001")
        .with("receipt", "rcp_01kpkhs8002wr2r9s2pm1e0002")
        .with("document", "doc_01kpkhs8002wr2r9s2pm1e0003")
        .with("document_kind", "edoc")
        .with("sender", "org_01kpkhs8002wr2r9s2pm1e0004")
        .with("sha256", Sha256::of(b"content").to_string())
        .with("bytes", 7)
        .with("door", "rest")
        .with("external_id", "H99.04,2026/11/22,17/SYT-VP")
        .with(
            "deliveries",
            vec![Value::from(
                Record::new()
                    .with("delivery", "dlv_01kpkhs8002wr2r9s2pm1e0005")
                    .with("recipient", "org_01kpkhs8002wr2r9s2pm1e0006"),
            )],
        )
}

pub(super) const SALT: [u8; 32] = [0x5a; 32];

#[derive(Default)]
struct Nodes(BTreeMap<(u8, u64), Sha256>);

impl HashReader for Nodes {
    type Error = ();
    fn hash(&mut self, level: u8, index: u64) -> Result<Sha256, ()> {
        self.0.get(&(level, index)).copied().ok_or(())
    }
}

/// Root and proof of [`LEAF`] in the tree of this size.
fn tree(size: u64) -> (Sha256, Vec<Sha256>) {
    let mut range = CompactRange::new();
    let mut nodes = Nodes::default();
    for index in 0..size {
        let entry = if index == LEAF {
            commitment(LEDGER_DOMAIN, &SALT, &record().encode())
        } else {
            Sha256::of(&index.to_be_bytes())
        };
        range
            .push_with(leaf_hash(&entry.0), |level, index, hash| {
                nodes.0.insert((level, index), hash);
                Ok::<(), Infallible>(())
            })
            .expect("infallible");
    }
    let proof = inclusion_proof(LEAF, size, &mut nodes).expect("stored");
    (range.root(), proof)
}

pub(super) fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: tree(size).0,
        extensions: Vec::new(),
    }
}

/// Signed by the key in force: the second one from size 6 on.
fn signed(size: u64) -> SignedNote {
    let signer = log_key(if size < 6 { 1 } else { 2 });
    checkpoint(size).sign(&signer).expect("signs")
}

/// With everything.
pub(super) fn full_parts() -> Parts {
    let mut note = signed(7);
    let cosignature = cosign(&note.text, &witness(), 1_795_305_601).expect("signs");
    note.signatures.push(cosignature);
    Parts {
        platform: "Nền tảng tích hợp, chia sẻ dữ liệu tỉnh Bình An".to_owned(),
        record: record().encode(),
        salt: SALT,
        leaf_index: LEAF,
        proof: tree(7).1,
        checkpoint: note,
        key: log_key(1).key().clone(),
        successions: vec![Succession::sign(&log_key(1), log_key(2).key(), 6).expect("signs")],
        witnesses: vec![witness().key().clone()],
        timestamp: Some(StampedBy {
            token: include_bytes!("../../../../fixtures/timestamp/rsa.tst").to_vec(),
            certificate: include_bytes!("../../../../fixtures/timestamp/rsa.der").to_vec(),
        }),
    }
}

/// With nothing that can be left out.
pub(super) fn small_parts() -> Parts {
    Parts {
        checkpoint: signed(5),
        proof: tree(5).1,
        successions: Vec::new(),
        witnesses: Vec::new(),
        timestamp: None,
        ..full_parts()
    }
}

pub(super) fn full() -> Bundle {
    Bundle::sign(full_parts(), &log_key(2)).expect("signs")
}

pub(super) fn small() -> Bundle {
    Bundle::sign(small_parts(), &log_key(1)).expect("signs")
}
