//! Stops between the steps of sealing, and the deliberate faults that the checks must catch.

use std::sync::Arc;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::time::ManualClock;
use lgsp_base::{Entropy as _, Sha256, Timestamp, limits};
use lgsp_wire::record::Record;
use lgsp_wire::tlog::merkle::verify_consistency;
use lgsp_wire::tlog::note::{Algorithm, SoftSigner};

use super::seal::{Batch, GapWatch};
use super::*;
use crate::db::Db;
use crate::error::StoreError;
use crate::params;
use crate::testing::{TestDb, for_each_engine};
use crate::tx::Tx;

const ORIGIN: &str = "ledger.example.gov.vn";

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn signer(seed: u8) -> Arc<SoftSigner> {
    Arc::new(SoftSigner::from_seed(ORIGIN, Algorithm::Ed25519, &[seed; 32]).expect("a key"))
}

fn open(db: &Db, planted: Planted) -> Ledger {
    open_as(db, 1, planted)
}

fn open_with(db: &Db, key: u8) -> Ledger {
    open_as(db, key, Planted::NONE)
}

fn open_as(db: &Db, key: u8, planted: Planted) -> Ledger {
    let config = LedgerConfig {
        origin: ORIGIN.to_owned(),
        platform: String::new(),
        signer: signer(key),
        entropy: Arc::new(SeededEntropy::new(1)),
        planted,
    };
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    wait(Ledger::open(db.clone(), clock, config)).expect("opens")
}

/// Entries whose times go backwards.
fn append(db: &Db, count: i64) {
    let append = move |tx: &mut Tx<'_>| {
        (0..count).try_for_each(|number| {
            let record = Record::new().with("n", number);
            let at = Timestamp::from_micros(1_000_000 - number);
            tx.ledger_append(at, "test.done", None, &record, [3; 32])
                .map(drop)
        })
    };
    write(db, append);
}

fn write<T: Send + 'static>(
    db: &Db,
    closure: impl FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    db.write("test", closure).wait().expect("stores")
}

fn batch(ledger: &Ledger) -> Batch {
    wait(ledger.seal_batch(&mut GapWatch::default())).expect("stores")
}

fn first_bad(ledger: &Ledger) -> Option<Fault> {
    let report = wait(ledger.fsck(|_| ())).expect("checks");
    report.first_bad.map(|bad| bad.fault)
}

#[test]
fn a_stop_after_any_step_is_made_good_by_the_next_round() {
    for_each_engine("ledger-steps", |test| {
        let ledger = open(test.db(), Planted::NONE);
        append(test.db(), 10);
        // Stopped between the entries and the leaves: nothing to see of them yet.
        assert_eq!(wait(ledger.checkpoint()).expect("reads"), None);
        assert_eq!(first_bad(&ledger), None);
        // Stopped between the leaves and the checkpoint.
        assert_eq!(batch(&ledger), Batch::Last);
        append(test.db(), 5);
        assert_eq!(batch(&ledger), Batch::Last);
        assert_eq!(wait(ledger.checkpoint()).expect("reads"), None);
        assert_eq!(wait(ledger.leaves(0, 10)).expect("reads"), []);
        assert_eq!(first_bad(&ledger), None);
        drop(ledger);
        test.reopen().expect("opens again");
        let ledger = open(test.db(), Planted::NONE);
        // Nothing new has come, and the checkpoint is still owed. On PostgreSQL the lease of the lost node runs out first.
        wait_for_lease(test.db());
        let sealed = wait(ledger.seal()).expect("seals").expect("a checkpoint");
        assert_eq!((sealed.size, sealed.new_leaves), (15, 15));
        append(test.db(), 5);
        assert_eq!(batch(&ledger), Batch::Last);
        append(test.db(), 5);
        let sealed = wait(ledger.seal()).expect("seals").expect("a checkpoint");
        assert_eq!((sealed.size, sealed.new_leaves), (25, 10));
        assert_eq!(first_bad(&ledger), None);
        let report = wait(ledger.fsck(|_| ())).expect("checks");
        assert_eq!((report.leaves, report.checkpoints), (25, 2));
    });
}

fn wait_for_lease(db: &Db) {
    write(db, |tx| {
        tx.execute("UPDATE ledger_head SET sealer_until = 0", &[])
    });
}

#[test]
fn a_log_in_another_nodes_hands_is_left_alone_until_its_lease_runs_out() {
    for_each_engine("ledger-lease", |test| {
        let ledger = open(test.db(), Planted::NONE);
        append(test.db(), 3);
        write(test.db(), |tx| {
            let until = Timestamp::from_millis(1_800_000_000_000).plus(limits::SEAL_LEASE);
            let sql = "UPDATE ledger_head SET sealer = 'other', sealer_until = $1";
            tx.execute(sql, params![until])
        });
        let is_alone = test.db().engine() == crate::Engine::Sqlite;
        assert_eq!(wait(ledger.seal()).expect("seals").is_some(), is_alone);
        wait_for_lease(test.db());
        assert_eq!(wait(ledger.seal()).expect("seals").is_none(), is_alone);
    });
}

/// Changes a sealed entry that has no checkpoint yet.
fn tamper(db: &Db) {
    write(db, |tx| {
        let record = Record::new().with("n", 99i64).encode();
        let sql = "UPDATE ledger_entries SET record = $1 WHERE id = 3";
        tx.execute(sql, params![&record])
    });
}

#[test]
fn nothing_is_signed_over_entries_that_changed_after_they_were_sealed() {
    for_each_engine("ledger-reread", |test| {
        let ledger = open(test.db(), Planted::NONE);
        append(test.db(), 10);
        assert_eq!(batch(&ledger), Batch::Last);
        tamper(test.db());
        let refused = wait(ledger.seal());
        let bad = match refused {
            Err(LedgerError::Damaged(bad)) => bad,
            other => panic!("{other:?}"),
        };
        assert_eq!((bad.fault, bad.leaf), (Fault::EntryChanged, 2));
        assert_eq!(wait(ledger.checkpoint()).expect("reads"), None);
        // Whoever looked says that the record is lost, and the log goes on and tells it.
        write(test.db(), |tx| {
            tx.ledger_erase(3, Timestamp::from_micros(9), "operator", "lost", [5; 32])
        });
        let sealed = wait(ledger.seal()).expect("seals").expect("something");
        assert_eq!((sealed.size, first_bad(&ledger)), (11, None));
    });
    for_each_engine("ledger-reread-bug", |test| {
        let ledger = open(test.db(), Planted::with(Bug::CheckpointBeforeReread));
        append(test.db(), 10);
        assert_eq!(batch(&ledger), Batch::Last);
        tamper(test.db());
        wait(ledger.seal()).expect("the fault signs it");
        assert_eq!(first_bad(&ledger), Some(Fault::EntryChanged));
    });
}

#[test]
fn nothing_is_signed_over_a_tree_that_changed() {
    for_each_engine("ledger-tree", |test| {
        let ledger = open(test.db(), Planted::NONE);
        append(test.db(), 10);
        wait(ledger.seal()).expect("seals");
        append(test.db(), 10);
        write(test.db(), |tx| {
            tx.execute(
                "UPDATE ledger_tiles SET hashes = $1",
                params![[5u8; 320].as_slice()],
            )
        });
        let refused = wait(ledger.seal());
        assert!(matches!(
            refused,
            Err(LedgerError::Damaged(BadPosition {
                fault: Fault::Tile,
                ..
            }))
        ));
    });
}

#[test]
fn an_entry_that_the_sealer_passes_by_is_found() {
    for_each_engine("ledger-skip-bug", |test| {
        let ledger = open(test.db(), Planted::with(Bug::SealSkipsEntry));
        append(test.db(), 10);
        wait(ledger.seal()).expect("seals");
        let report = wait(ledger.fsck(|_| ())).expect("checks");
        let bad = report.first_bad.expect("found");
        assert_eq!(
            (bad.fault, bad.leaf, bad.row),
            (Fault::EntryUnsealed, 1, Some(2))
        );
        assert_eq!(bad.to_string(), "entry.unsealed at leaf 1, row 2");
    });
}

/// Row ids of the leaves, in order.
fn rows(ledger: &Ledger) -> Vec<i64> {
    let leaves = wait(ledger.leaves(0, 100)).expect("reads");
    leaves.iter().map(|sealed| sealed.entry.id).collect()
}

#[test]
fn the_order_of_the_log_is_not_that_of_the_clock() {
    for_each_engine("ledger-clock", |test| {
        let ledger = open(test.db(), Planted::NONE);
        append(test.db(), 5);
        wait(ledger.seal()).expect("seals");
        assert_eq!(rows(&ledger), [1, 2, 3, 4, 5]);
    });
    for_each_engine("ledger-clock-bug", |test| {
        let ledger = open(test.db(), Planted::with(Bug::LeavesByClock));
        append(test.db(), 5);
        wait(ledger.seal()).expect("seals");
        assert_ne!(rows(&ledger), [1, 2, 3, 4, 5], "the test sees the fault");
    });
}

/// A checkpoint that somebody signed behind the log's back.
fn forge_checkpoint(db: &Db, size: u64) {
    write(db, move |tx| {
        tx.execute(
            "INSERT INTO ledger_checkpoints (size, root, at, key_number, previous, note)
             VALUES ($1, $2, 0, 1, 10, 'x')",
            params![size, Sha256::of(b"another tree")],
        )
    });
}

#[test]
fn a_second_checkpoint_of_a_size_is_refused() {
    for_each_engine("ledger-fork", |test| {
        let ledger = open(test.db(), Planted::NONE);
        append(test.db(), 10);
        wait(ledger.seal()).expect("seals");
        append(test.db(), 10);
        forge_checkpoint(test.db(), 20);
        let refused = wait(ledger.seal());
        assert!(matches!(refused, Err(LedgerError::Fork { size: 20 })));
        assert_eq!(first_bad(&ledger), Some(Fault::CheckpointRoot));
    });
    for_each_engine("ledger-fork-bug", |test| {
        let ledger = open(test.db(), Planted::with(Bug::ForkAtEqualSize));
        append(test.db(), 10);
        wait(ledger.seal()).expect("seals");
        append(test.db(), 10);
        forge_checkpoint(test.db(), 20);
        wait(ledger.seal()).expect("the fault signs a second one");
        let known = KnownCheckpoint {
            size: 20,
            root: Sha256::of(b"another tree"),
        };
        let report = wait(ledger.fsck_against(vec![known], |_| ())).expect("checks");
        let found = report.first_bad.expect("seen by who knows the first one");
        assert_eq!(found.fault, Fault::RolledBack);
    });
}

/// Appends, batches without a checkpoint, rounds, new keys and restarts, as the seed has it.
fn live(test: &mut TestDb, seed: u64) {
    let entropy = SeededEntropy::new(seed);
    let mut key = 1;
    let mut ledger = open_with(test.db(), key);
    let mut entries = 0;
    for _ in 0..40 {
        match entropy.below(8) {
            0..3 => {
                let count = 1 + entropy.below(70);
                append(test.db(), i64::try_from(count).expect("small"));
                entries += count;
            }
            3 => {
                batch(&ledger);
            }
            4 | 5 => {
                wait(ledger.seal()).expect("seals");
            }
            6 => {
                key += 1;
                wait(ledger.rotate(signer(key), "test")).expect("rotates");
                entries += 1;
            }
            _ => {
                drop(ledger);
                test.reopen().expect("opens again");
                wait_for_lease(test.db());
                ledger = open_with(test.db(), key);
            }
        }
    }
    wait(ledger.seal()).expect("seals");
    let report = wait(ledger.fsck(|_| ())).expect("checks");
    assert_eq!(
        (report.first_bad, report.leaves),
        (None, entries),
        "seed {seed}"
    );
    let checkpoints = wait(ledger.checkpoints(u64::MAX, 100)).expect("reads");
    for (place, new) in checkpoints.iter().enumerate() {
        for old in &checkpoints[place..] {
            let proof = wait(ledger.consistency(old.size, new.size)).expect("reads");
            let proof = proof.expect("possible");
            verify_consistency(old.size, &old.root, new.size, &new.root, &proof)
                .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
    }
}

#[test]
fn whatever_happens_to_a_log_every_pair_of_its_checkpoints_is_consistent() {
    for_each_engine("ledger-life", |test| {
        let seeds = match test.db().engine() {
            crate::Engine::Sqlite => 0..6,
            crate::Engine::Postgres => 6..8,
        };
        for seed in seeds {
            live(test, seed);
            write(test.db(), clear);
        }
    });
}

/// Makes the database that of a log that was never opened.
fn clear(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_runs",
        "DELETE FROM ledger_gaps",
        "DELETE FROM ledger_tiles",
        "DELETE FROM ledger_receipts",
        "DELETE FROM ledger_checkpoints",
        "DELETE FROM ledger_keys",
        "UPDATE ledger_head SET size = 0, next_id = 1, published = 0, key_number = 0",
    ] {
        tx.execute(sql, &[])?;
    }
    Ok(())
}
