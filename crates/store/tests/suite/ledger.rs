//! The log: sealing, reading, proving, on both engines.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::ReceiptId;
use lgsp_base::planted::Planted;
use lgsp_base::time::ManualClock;
use lgsp_base::{Clock as _, Entropy as _, Sha256, Timestamp, limits};
use lgsp_store::ledger::{CLOCK_STEPPED, Ledger, LedgerConfig, LedgerError, NewEntry, SealedEntry};
use lgsp_store::testing::for_each_engine;
use lgsp_store::{Db, StoreError, Tx, params};
use lgsp_wire::record::Record;
use lgsp_wire::tlog::checkpoint::Checkpoint;
use lgsp_wire::tlog::merkle::{self, leaf_hash};
use lgsp_wire::tlog::note::{Algorithm, SignedNote, Signer as _, SoftSigner};
use lgsp_wire::tlog::tile::{self, BundleId, TileId, TileReader};

pub(crate) const ORIGIN: &str = "ledger.example.gov.vn";

pub(crate) fn signer(seed: u8) -> Arc<SoftSigner> {
    Arc::new(SoftSigner::from_seed(ORIGIN, Algorithm::Ed25519, &[seed; 32]).expect("a key"))
}

pub(crate) fn config(seed: u8) -> LedgerConfig {
    LedgerConfig {
        origin: ORIGIN.to_owned(),
        platform: "Trục liên thông thử nghiệm".to_owned(),
        signer: signer(seed),
        entropy: Arc::new(SeededEntropy::new(u64::from(seed))),
        planted: Planted::NONE,
    }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)))
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

pub(crate) fn open(db: &Db, clock: &Arc<ManualClock>) -> Ledger {
    wait(Ledger::open(db.clone(), clock.clone(), config(1))).expect("opens")
}

/// Entry number `number`, at a time that does not rise.
pub(crate) fn entry(number: u64) -> NewEntry {
    let record = Record::new().with("number", i64::try_from(number).expect("small"));
    let mut salt = [0; 32];
    SeededEntropy::new(number).fill(&mut salt);
    let at = Timestamp::from_millis(i64::try_from(number % 7).expect("small"));
    let receipt = number
        .is_multiple_of(2)
        .then(|| ReceiptId::from_bits(u128::from(number) + 1));
    NewEntry::new(at, "test.happened", receipt, &record, salt)
}

/// Appends entries `from..to`, in one transaction.
pub(crate) fn append(db: &Db, from: u64, to: u64) {
    let append = move |tx: &mut Tx<'_>| {
        (from..to).try_for_each(|number| tx.ledger_insert(&entry(number)).map(drop))
    };
    db.write::<_, StoreError, _>("append", append)
        .wait()
        .expect("appends");
}

fn number_of(sealed: &SealedEntry) -> i64 {
    let record = Record::decode(&sealed.entry.record).expect("a record");
    record.integer("number").expect("a number")
}

fn root_of(ledger: &Ledger) -> (u64, Sha256) {
    let checkpoint = wait(ledger.checkpoint()).expect("reads").expect("there");
    let note = SignedNote::parse(&checkpoint.note).expect("a note");
    let signed = Checkpoint::open(&note, &ledger.verifier_key()).expect("signed");
    assert_eq!(signed.origin, ORIGIN);
    assert_eq!(
        (signed.size, signed.root),
        (checkpoint.size, checkpoint.root)
    );
    (checkpoint.size, checkpoint.root)
}

#[test]
fn an_empty_log_has_no_checkpoint_and_a_sealed_one_gives_everything_back_in_order() {
    for_each_engine("ledger-order", |test| {
        let clock = clock();
        let ledger = open(test.db(), &clock);
        assert_eq!(wait(ledger.checkpoint()).expect("reads"), None);
        assert_eq!(wait(ledger.seal()).expect("seals"), None);
        let newest = ledger.subscribe();
        append(test.db(), 0, 300);
        assert_eq!(wait(ledger.waiting(1_000)).expect("reads"), 300);
        assert!(wait(ledger.leaves(0, 10)).expect("reads").is_empty());
        // The order is that of the log, however the clock goes (A8).
        // So small a step is not worth an entry of its own.
        clock.jump_to(Timestamp::from_millis(1_799_999_999_910));
        let sealed = wait(ledger.seal()).expect("seals").expect("something");
        assert_eq!((sealed.size, sealed.new_leaves), (300, 300));
        assert_eq!(root_of(&ledger), (300, sealed.root));
        assert_eq!(*newest.borrow(), 300);
        append(test.db(), 300, 400);
        let sealed = wait(ledger.seal()).expect("seals").expect("something");
        assert_eq!((sealed.size, sealed.new_leaves), (400, 100));
        let leaves = wait(ledger.leaves(0, 1_000)).expect("reads");
        assert_eq!(leaves.len(), 400);
        for (place, sealed) in (0..).zip(&leaves) {
            assert_eq!((sealed.leaf, number_of(sealed)), (place, place as i64));
            assert!(sealed.entry.is_intact());
        }
        let page = wait(ledger.leaves(250, 20)).expect("reads");
        assert_eq!(page, leaves[250..270]);
        assert!(wait(ledger.leaves(400, 20)).expect("reads").is_empty());
        assert_eq!(wait(ledger.waiting(1_000)).expect("reads"), 0);
        assert_eq!(wait(ledger.seal()).expect("seals"), None);
    });
}

/// The tree as a stranger sees it: from tiles alone.
fn tiles(
    ledger: &Ledger,
    size: u64,
) -> TileReader<impl FnMut(TileId) -> Result<Option<Vec<u8>>, LedgerError>> {
    let ledger = ledger.clone();
    TileReader::new(size, move |id| wait(ledger.tile(id)))
}

#[test]
fn every_two_checkpoints_of_a_log_grown_irregularly_are_consistent() {
    for_each_engine("ledger-pairs", |test| {
        let clock = clock();
        let ledger = open(test.db(), &clock);
        let entropy = SeededEntropy::new(42);
        let mut size = 0;
        while size < 1_500 {
            let more = 1 + entropy.below(if size < 20 { 4 } else { 90 });
            append(test.db(), size, size + more);
            size += more;
            if entropy.below(3) > 0 {
                wait(ledger.seal()).expect("seals");
            }
        }
        wait(ledger.seal()).expect("seals");
        let mut checkpoints = wait(ledger.checkpoints(u64::MAX, 1_000)).expect("reads");
        checkpoints.reverse();
        assert!(checkpoints.len() > 25);
        let mut reader = tiles(&ledger, size);
        for (place, old) in checkpoints.iter().enumerate() {
            let root = merkle::root(old.size, &mut reader).expect("tiles");
            assert_eq!(root, old.root);
            for new in &checkpoints[place..] {
                let proof = merkle::consistency_proof(old.size, new.size, &mut reader);
                let proof = proof.expect("tiles");
                merkle::verify_consistency(old.size, &old.root, new.size, &new.root, &proof)
                    .expect("consistent");
            }
        }
        let at = wait(ledger.checkpoint_at(checkpoints[3].size)).expect("reads");
        assert_eq!(at.as_ref(), checkpoints.get(3));
        assert_eq!(wait(ledger.checkpoint_at(size + 1)).expect("reads"), None);
    });
}

#[test]
fn tiles_and_bundles_are_those_of_the_published_tree() {
    for_each_engine("ledger-tiles", |test| {
        let ledger = open(test.db(), &clock());
        append(test.db(), 0, 600);
        wait(ledger.seal()).expect("seals");
        append(test.db(), 600, 700);
        let leaves = wait(ledger.leaves(0, 600)).expect("reads");
        let hashes: Vec<_> = leaves
            .iter()
            .map(|sealed| leaf_hash(&sealed.entry.commitment.0))
            .collect();
        for (index, width) in [(0, 256), (0, 7), (1, 256), (2, 88), (2, 1)] {
            let id = TileId {
                level: 0,
                index,
                width,
            };
            let bytes = wait(ledger.tile(id)).expect("reads").expect("there");
            let from = usize::try_from(index * 256).expect("small");
            let expected = &hashes[from..from + usize::from(width)];
            assert_eq!(tile::decode_tile(id, &bytes).expect("a tile"), expected);
            let bundle = wait(ledger.bundle(BundleId { index, width }));
            let bundle = bundle.expect("reads").expect("there");
            let entries = tile::decode_bundle(&bundle).expect("a bundle");
            let commitments: Vec<_> = leaves[from..from + usize::from(width)]
                .iter()
                .map(|sealed| sealed.entry.commitment.0.to_vec())
                .collect();
            assert_eq!(entries, commitments);
        }
        for (level, index, width) in [(0, 2, 89), (0, 3, 1), (1, 0, 3), (2, 0, 1)] {
            let id = TileId {
                level,
                index,
                width,
            };
            assert_eq!(wait(ledger.tile(id)).expect("reads"), None, "{id}");
        }
        let id = BundleId {
            index: 2,
            width: 89,
        };
        assert_eq!(wait(ledger.bundle(id)).expect("reads"), None);
        let id = BundleId {
            index: u64::MAX,
            width: 1,
        };
        assert_eq!(wait(ledger.bundle(id)).expect("reads"), None);
    });
}

#[test]
fn a_log_is_sealed_in_batches_up_to_a_bound_per_round() {
    for_each_engine("ledger-batches", |test| {
        let ledger = open(test.db(), &clock());
        let count = limits::SEAL_BATCH_MAX as u64 * 2 + 5;
        append(test.db(), 0, count);
        let sealed = wait(ledger.seal()).expect("seals").expect("something");
        assert_eq!(sealed.new_leaves, count);
        let checkpoints = wait(ledger.checkpoints(u64::MAX, 10)).expect("reads");
        assert_eq!(checkpoints.len(), 1, "one checkpoint per round");
        let bounded = wait(ledger.leaves(0, usize::MAX)).expect("reads");
        assert_eq!(bounded.len(), limits::LEDGER_LEAVES_MAX);
    });
}

#[test]
fn two_nodes_that_seal_at_once_make_one_log() {
    for_each_engine("ledger-nodes", |test| {
        let clock = clock();
        let nodes: Vec<_> = (0..2u64)
            .map(|node| {
                let config = LedgerConfig {
                    entropy: Arc::new(SeededEntropy::new(node)),
                    ..config(1)
                };
                wait(Ledger::open(test.db().clone(), clock.clone(), config)).expect("opens")
            })
            .collect();
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let db = test.db();
                scope.spawn(move || {
                    for round in 0..40 {
                        let from = writer * 1_000 + round * 10;
                        append(db, from, from + 10);
                    }
                });
            }
            for node in &nodes {
                let clock = &clock;
                scope.spawn(move || {
                    for _ in 0..60 {
                        wait(node.seal()).expect("seals");
                        // Leases run out while both are at work.
                        clock.advance(limits::SEAL_LEASE / 2);
                    }
                });
            }
        });
        clock.advance(limits::SEAL_LEASE);
        wait(nodes[0].seal()).expect("seals");
        let leaves = wait(nodes[1].leaves(0, 4_000)).expect("reads");
        assert_eq!(leaves.len(), 1_200);
        let numbers: BTreeSet<_> = leaves.iter().map(number_of).collect();
        assert_eq!(numbers.len(), 1_200, "every entry once");
        let hashes: Vec<_> = leaves
            .iter()
            .map(|sealed| leaf_hash(&sealed.entry.commitment.0))
            .collect();
        for checkpoint in wait(nodes[1].checkpoints(u64::MAX, 1_000)).expect("reads") {
            let mut range = merkle::CompactRange::new();
            let size = usize::try_from(checkpoint.size).expect("small");
            hashes[..size].iter().for_each(|hash| range.push(*hash));
            assert_eq!(range.root(), checkpoint.root);
        }
        assert_eq!(wait(nodes[1].seal()).expect("seals"), None);
        assert_eq!(*nodes[1].subscribe().borrow(), 1_200);
    });
}

#[test]
fn a_row_id_that_comes_late_becomes_the_next_leaf_and_one_that_never_comes_is_given_up() {
    for_each_engine("ledger-gaps", |test| {
        let clock = clock();
        let ledger = open(test.db(), &clock);
        append(test.db(), 0, 10);
        // Rows 4, 5 and 8 are in transactions that are not committed yet.
        move_rows(test.db(), &[(4, 1_004), (5, 1_005), (8, 1_008)]);
        let park = |db: &Db, rows: &'static [i64]| {
            let sql = "UPDATE ledger_entries SET id = id - 10000 WHERE id = $1";
            let park = move |tx: &mut Tx<'_>| {
                rows.iter()
                    .try_for_each(|row| tx.execute(sql, params![*row]).map(drop))
            };
            db.write::<_, StoreError, _>("park", park)
                .wait()
                .expect("parks");
        };
        park(test.db(), &[1_004, 1_005, 1_008]);
        let sealed = wait(ledger.seal()).expect("seals").expect("something");
        assert_eq!(sealed.size, 7);
        move_rows(test.db(), &[(-8_995, 5)]);
        let sealed = wait(ledger.seal()).expect("seals").expect("something");
        assert_eq!(sealed.size, 8);
        append(test.db(), 10, 12);
        // A jump of the wall clock gives nothing up; an authority confirms it, so that the log goes on, and tells of it.
        clock.jump_to(Timestamp::from_millis(1_900_000_000_000));
        ledger.hear_time(clock.now(), clock.monotonic());
        move_rows(test.db(), &[(-8_992, 8)]);
        let sealed = wait(ledger.seal()).expect("seals").expect("something");
        assert_eq!(sealed.size, 12);
        let order: Vec<_> = wait(ledger.leaves(0, 100))
            .expect("reads")
            .iter()
            .filter(|sealed| sealed.entry.kind != CLOCK_STEPPED)
            .map(number_of)
            .collect();
        assert_eq!(order, [0, 1, 2, 5, 6, 8, 9, 4, 7, 10, 11]);
        assert_eq!(gaps(test.db()), [4]);
        clock.advance(limits::LEDGER_GAP_WAIT + Duration::from_secs(1));
        append(test.db(), 12, 13);
        wait(ledger.seal()).expect("seals");
        assert_eq!(gaps(test.db()), [0; 0]);
    });
}

fn move_rows(db: &Db, moves: &'static [(i64, i64)]) {
    let sql = "UPDATE ledger_entries SET id = $2 WHERE id = $1";
    let apply = move |tx: &mut Tx<'_>| {
        moves
            .iter()
            .try_for_each(|(from, to)| tx.execute(sql, params![*from, *to]).map(drop))
    };
    db.write::<_, StoreError, _>("move", apply)
        .wait()
        .expect("moves");
}

fn gaps(db: &Db) -> Vec<i64> {
    let sql = "SELECT first_id FROM ledger_gaps ORDER BY first_id";
    db.read::<_, StoreError, _>("gaps", move |tx| tx.query(sql, &[], |row| row.int(0)))
        .wait()
        .expect("reads")
}

#[test]
fn a_foreign_key_is_refused() {
    for_each_engine("ledger-key", |test| {
        let clock = clock();
        let ledger = open(test.db(), &clock);
        assert_eq!(ledger.verifier_key(), *signer(1).key());
        let foreign = wait(Ledger::open(test.db().clone(), clock.clone(), config(2)));
        assert!(matches!(foreign, Err(LedgerError::ForeignKey { .. })));
        let renamed = LedgerConfig {
            origin: "other.example".to_owned(),
            ..config(1)
        };
        let renamed = wait(Ledger::open(test.db().clone(), clock.clone(), renamed));
        assert!(matches!(renamed, Err(LedgerError::UnusableKey { .. })));
        open(test.db(), &clock);
    });
}
