//! The mutation sweep: every way to change a stored log, at every position, must be found and named.

use std::path::Path;
use std::sync::Arc;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::ReceiptId;
use lgsp_base::planted::Planted;
use lgsp_base::time::ManualClock;
use lgsp_base::{Timestamp, limits};
use lgsp_wire::record::{LEDGER_DOMAIN, Record, commitment};
use lgsp_wire::tlog::checkpoint::{Checkpoint, cosign};
use lgsp_wire::tlog::note::{Algorithm, SignedNote, Signer as _, SoftSigner, VerifierKey};
use rusqlite::Connection;

use super::*;
use crate::ledger::plan;
use crate::ledger::{BadPosition, Fault, LedgerConfig, NewEntry};
use crate::sqlite::Session;
use crate::testing::TestDb;
use crate::tx::{Conn, Tx};

const ORIGIN: &str = "ledger.example.gov.vn";
const ENTRIES: u64 = 1_000;
/// Sets for all operators that only every n-th position is tried; 1 for every one.
const STEP_VARIABLE: &str = "LGSP_SWEEP_STEP";

fn signer(seed: u8) -> Arc<SoftSigner> {
    Arc::new(SoftSigner::from_seed(ORIGIN, Algorithm::Ed25519, &[seed; 32]).expect("a key"))
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn record(number: u64) -> Record {
    Record::new().with("n", i64::try_from(number).expect("small"))
}

fn entry(number: u64) -> NewEntry {
    let receipt = number
        .is_multiple_of(3)
        .then(|| ReceiptId::from_bits(u128::from(number) + 1));
    let at = Timestamp::from_micros(5);
    NewEntry::new(at, "test.done", receipt, &record(number), [7; 32])
}

fn open(test: &TestDb, planted: Planted) -> Ledger {
    let config = LedgerConfig {
        origin: ORIGIN.to_owned(),
        platform: String::new(),
        signer: signer(1),
        entropy: Arc::new(SeededEntropy::new(1)),
        planted,
    };
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    wait(Ledger::open(test.db().clone(), clock, config)).expect("opens")
}

fn append(test: &TestDb, numbers: std::ops::Range<u64>) {
    let append = move |tx: &mut Tx<'_>| {
        numbers
            .clone()
            .try_for_each(|number| tx.ledger_insert(&entry(number)).map(drop))
    };
    test.db()
        .write::<_, StoreError, _>("append", append)
        .wait()
        .expect("appends");
}

/// A log of a thousand entries, with a change of key, a cosignature and checkpoints at irregular sizes.
fn grown(test: &TestDb) -> Ledger {
    let ledger = open(test, Planted::NONE);
    let (mut size, mut step) = (0, 1);
    while size < ENTRIES {
        let more = step.min(ENTRIES - size);
        // The entry about the key is one of the thousand.
        let rotated = u64::from(size < 500 && size + more >= 500);
        append(test, size..size + more - rotated);
        if rotated == 1 {
            wait(ledger.rotate(signer(2), "test")).expect("rotates");
        }
        wait(ledger.seal()).expect("seals");
        size += more;
        step = step % 61 + 7;
    }
    let checkpoint = wait(ledger.checkpoint()).expect("reads").expect("there");
    let witness = SoftSigner::from_seed("witness.example", Algorithm::CosignatureV1, &[9; 32]);
    let witness = witness.expect("a key");
    let note = SignedNote::parse(&checkpoint.note).expect("a note");
    let line = cosign(&note.text, &witness, 1_800_000_000).expect("signs");
    wait(ledger.add_cosignature(checkpoint.size, &line, witness.key())).expect("fits");
    ledger
}

/// The check over a connection of its own.
fn fsck(conn: &Connection, verifier: &VerifierKey, known: &[KnownCheckpoint]) -> FsckReport {
    let session = Session::new(conn);
    let mut tx = Tx::new(Conn::Sqlite(&session), Planted::NONE);
    let ground = match readable(tx.fsck_ground()).expect("reads") {
        Some(ground) => Arc::new(ground),
        None => return check::unreadable(0, u64::MAX),
    };
    let mut check = Check::new(Arc::clone(&ground), ORIGIN, verifier, known.to_vec(), 256);
    while let Some((from, to)) = check.next() {
        let batch = tx.fsck_batch(from, to, ground.head.size);
        check.take(readable(batch).expect("reads"));
    }
    if check.is_sound() {
        let tail = tx.fsck_tail(&ground);
        check.finish(readable(tail).expect("reads"));
    }
    check.into_report()
}

struct Sweep {
    conn: Connection,
    newest: KnownCheckpoint,
    verifier: VerifierKey,
}

impl Sweep {
    fn load(path: &Path, newest: KnownCheckpoint) -> Self {
        let mut conn = Connection::open_in_memory().expect("opens");
        let progress = None::<fn(rusqlite::backup::Progress)>;
        conn.restore("main", path, progress).expect("loads");
        Self {
            conn,
            newest,
            verifier: signer(2).key().clone(),
        }
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) {
        let mut statement = self.conn.prepare_cached(sql).expect("prepares");
        statement.execute(values).expect("changes");
    }

    fn number(&self, sql: &str, value: i64) -> i64 {
        let mut statement = self.conn.prepare_cached(sql).expect("prepares");
        statement
            .query_row([value], |row| row.get(0))
            .expect("a row")
    }

    /// Changes the log, checks it, changes it back.
    fn mutant(&self, mutate: impl FnOnce(&Self), known: &[KnownCheckpoint]) -> Option<BadPosition> {
        self.conn.execute_batch("SAVEPOINT mutant").expect("begins");
        mutate(self);
        let report = fsck(&self.conn, &self.verifier, known);
        let undo = "ROLLBACK TO mutant; RELEASE mutant";
        self.conn.execute_batch(undo).expect("ends");
        report.first_bad
    }

    /// Writes another record under a row, as somebody with the program would, commitment included.
    fn rewrite(&self, row: i64) {
        let forged = Record::new()
            .with("at", 5i64)
            .with("kind", "test.done")
            .with("n", -1i64);
        let bytes = forged.encode();
        let committed = commitment(LEDGER_DOMAIN, &[7; 32], &bytes);
        self.run(
            "UPDATE ledger_entries SET at = 5, kind = 'test.done', receipt_id = NULL, record = ?2,
                 salt = ?3, commitment = ?4 WHERE id = ?1",
            (row, bytes, [7u8; 32].as_slice(), committed.0.as_slice()),
        );
    }

    /// Builds the tree anew over what the entries are now, and signs the checkpoints behind a leaf.
    fn rebuild(&self, leaf: i64, signer: impl Fn(i64) -> Arc<SoftSigner>) {
        let clear =
            "DELETE FROM ledger_tiles; DELETE FROM ledger_runs; DELETE FROM ledger_receipts;
            UPDATE ledger_head SET size = 0, next_id = 1; DELETE FROM ledger_cosignatures";
        self.conn.execute_batch(clear).expect("clears");
        let session = Session::new(&self.conn);
        let mut tx = Tx::new(Conn::Sqlite(&session), Planted::NONE);
        let plan = plan::read(&mut tx, &[], limits::SEAL_BATCH_MAX, Planted::NONE).expect("plans");
        let until = Timestamp::from_micros(0);
        assert!(tx.ledger_seal(&plan, "test", until).expect("stores"));
        let after = u64::try_from(leaf + 1).expect("small");
        for checkpoint in tx.ledger_checkpoint_list(after, ENTRIES).expect("reads") {
            let size = i64::try_from(checkpoint.size).expect("small");
            let root = tx.ledger_root(checkpoint.size).expect("a root");
            let signed = Checkpoint {
                origin: ORIGIN.to_owned(),
                size: checkpoint.size,
                root,
                extensions: Vec::new(),
            };
            let note = signed.sign(signer(size).as_ref()).expect("signs").encode();
            self.run(
                "UPDATE ledger_checkpoints SET root = ?2, note = ?3 WHERE size = ?1",
                (size, root.0.as_slice(), note),
            );
        }
    }

    /// Leaves of the log as it stood when it had `size` leaves.
    fn cut(&self, size: i64) {
        for sql in [
            "DELETE FROM ledger_entries WHERE id > ?1",
            "DELETE FROM ledger_receipts WHERE leaf >= ?1",
            "DELETE FROM ledger_checkpoints WHERE size > ?1",
            "DELETE FROM ledger_cosignatures WHERE size > ?1",
            "DELETE FROM ledger_keys WHERE from_size > ?1 + 1",
            "UPDATE ledger_runs SET entries = ?1",
            "DELETE FROM ledger_runs WHERE entries = 0 AND ?1 >= 0",
            "UPDATE ledger_tiles SET width = min(width, ?1 - tile * 256) WHERE level = 0",
            "UPDATE ledger_tiles SET width = min(width, ?1 / 256 - tile * 256) WHERE level = 1",
            "DELETE FROM ledger_tiles WHERE width <= 0 AND ?1 >= 0",
            "UPDATE ledger_tiles SET hashes = substr(hashes, 1, width * 32) WHERE ?1 >= 0",
            "UPDATE ledger_head SET size = ?1, next_id = ?1 + 1,
                 published = coalesce((SELECT max(size) FROM ledger_checkpoints), 0),
                 key_number = (SELECT max(number) FROM ledger_keys)",
        ] {
            self.run(sql, [size]);
        }
    }

    /// The key in force for a checkpoint.
    fn owner(&self, size: i64) -> Arc<SoftSigner> {
        let sql = "SELECT max(number) FROM ledger_keys WHERE from_size <= ?1";
        signer(u8::try_from(self.number(sql, size)).expect("small"))
    }
}

impl Sweep {
    fn try_at(&self, operator: &Operator, leaf: i64) {
        let known: &[_] = if operator.needs_known {
            &[self.newest]
        } else {
            &[]
        };
        let name = operator.name;
        let found = self.mutant(|sweep| (operator.mutate)(sweep, leaf), known);
        let Some(found) = found else {
            panic!("{name} at leaf {leaf} was not found");
        };
        // The last entry can only be swapped with the one before.
        let first = if name == "swap" { leaf.min(998) } else { leaf };
        let first = u64::try_from(first).expect("small");
        assert!(
            operator.faults.contains(&found.fault),
            "{name} at {leaf}: {found}"
        );
        let is_named = (found.leaf..found.leaf_end).contains(&first);
        let is_exact = found.leaf == first && found.leaf_end == first + 1;
        // Without its key a log has no place that is right.
        assert!(
            is_named && (is_exact || !operator.is_exact) || found.fault == Fault::Key,
            "{name} at {leaf}: {found}"
        );
    }
}

/// Changes the log at a leaf.
type Mutation = Box<dyn Fn(&Sweep, i64)>;

/// A way to change a log. The leaf is counted from 0, its row is one more.
struct Operator {
    name: &'static str,
    mutate: Mutation,
    /// What it must be found as.
    faults: &'static [Fault],
    /// Whether the very leaf must be named, or a range that holds it.
    is_exact: bool,
    /// Whether it can only be told by a checkpoint known from outside.
    needs_known: bool,
    /// Only every n-th position is tried.
    every: usize,
}

impl Operator {
    fn new(
        name: &'static str,
        fault: &'static [Fault],
        mutate: impl Fn(&Sweep, i64) + 'static,
    ) -> Self {
        Self {
            name,
            mutate: Box::new(mutate),
            faults: fault,
            is_exact: true,
            needs_known: false,
            every: 16,
        }
    }

    fn names_a_range(self, needs_known: bool) -> Self {
        Self {
            is_exact: false,
            needs_known,
            every: 64,
            ..self
        }
    }
}

fn operators() -> Vec<Operator> {
    let shift = |sweep: &Sweep, leaf: i64| {
        sweep.run(
            "UPDATE ledger_entries SET id = -id - 1 WHERE id > ?1",
            [leaf],
        );
        sweep.run("UPDATE ledger_entries SET id = -id WHERE id < ?1", [0]);
        sweep.run(
            "INSERT INTO ledger_entries (id, at, kind, record, salt, commitment)
             SELECT ?1, at, kind, record, salt, commitment FROM ledger_entries WHERE id = ?1 + 1",
            [leaf + 1],
        );
        sweep.rewrite(leaf + 1);
        sweep.run("UPDATE ledger_head SET next_id = next_id + ?1", [1]);
    };
    let swap = |sweep: &Sweep, leaf: i64| {
        let other = if leaf == 999 { leaf } else { leaf + 2 };
        sweep.run("UPDATE ledger_entries SET id = 0 WHERE id = ?1", [leaf + 1]);
        sweep.run(
            "UPDATE ledger_entries SET id = ?1 WHERE id = ?2",
            [leaf + 1, other],
        );
        sweep.run("UPDATE ledger_entries SET id = ?1 WHERE id = 0", [other]);
    };
    let truncate = |sweep: &Sweep, leaf: i64| {
        let keep = "CREATE TEMP TABLE kept AS SELECT * FROM ledger_checkpoints;
            CREATE TEMP TABLE kept_keys AS SELECT * FROM ledger_keys";
        sweep.conn.execute_batch(keep).expect("keeps");
        sweep.cut(leaf);
        let back = "INSERT OR IGNORE INTO ledger_checkpoints SELECT * FROM kept;
            INSERT OR IGNORE INTO ledger_keys SELECT * FROM kept_keys;
            UPDATE ledger_head SET published = 1000, key_number = 2;
            DROP TABLE kept; DROP TABLE kept_keys";
        sweep.conn.execute_batch(back).expect("puts back");
    };
    vec![
        Operator::new("edit the record", &[Fault::EntryChanged], |sweep, leaf| {
            let sql = "UPDATE ledger_entries SET record = replace(record, 'n', 'm') WHERE id = ?1";
            sweep.run(sql, [leaf + 1]);
        }),
        Operator::new("edit the time", &[Fault::EntryColumns], |sweep, leaf| {
            let sql = "UPDATE ledger_entries SET at = at + 1 WHERE id = ?1";
            sweep.run(sql, [leaf + 1]);
        }),
        Operator::new(
            "edit record and commitment",
            &[Fault::Tile],
            |sweep, leaf| {
                sweep.rewrite(leaf + 1);
            },
        ),
        Operator::new("erase in silence", &[Fault::EntryErased], |sweep, leaf| {
            let sql = "UPDATE ledger_entries SET record = NULL, salt = NULL WHERE id = ?1";
            sweep.run(sql, [leaf + 1]);
        }),
        Operator::new("delete", &[Fault::EntryMissing], |sweep, leaf| {
            sweep.run("DELETE FROM ledger_entries WHERE id = ?1", [leaf + 1]);
        }),
        Operator::new("insert", &[Fault::Tile], shift),
        Operator::new("swap", &[Fault::Tile], swap),
        Operator::new(
            "truncate the entries",
            &[Fault::EntryMissing],
            |sweep, leaf| {
                sweep.run("DELETE FROM ledger_entries WHERE id > ?1", [leaf]);
            },
        ),
        Operator::new("truncate", &[Fault::CheckpointOrder], truncate).names_a_range(false),
        Operator::new(
            "sign anew with another key",
            &[Fault::CheckpointSignature],
            |sweep, leaf| {
                sweep.rewrite(leaf + 1);
                sweep.rebuild(leaf, |_| signer(3));
            },
        )
        .names_a_range(false),
        Operator::new(
            "sign anew with the log's own key",
            &[Fault::RolledBack],
            |sweep, leaf| {
                sweep.rewrite(leaf + 1);
                sweep.rebuild(leaf, |size| sweep.owner(size));
            },
        )
        .names_a_range(true),
        Operator::new("roll back", &[Fault::RolledBack, Fault::Key], Sweep::cut)
            .names_a_range(true),
    ]
}

#[test]
fn every_mutation_of_a_log_is_found_and_its_place_named() {
    let test = TestDb::sqlite("ledger-sweep");
    let ledger = grown(&test);
    let sound = wait(ledger.fsck(|_| ())).expect("checks");
    assert_eq!((sound.first_bad, sound.leaves), (None, ENTRIES));
    assert!(
        sound.checkpoints > 25 && sound.cosignatures == 1,
        "{sound:?}"
    );
    let newest = wait(ledger.checkpoint()).expect("reads").expect("there");
    let newest = KnownCheckpoint {
        size: newest.size,
        root: newest.root,
    };
    test.db().close();
    let step = std::env::var(STEP_VARIABLE).ok();
    let step: Option<usize> = step.map(|step| step.parse().expect("a number"));
    let path = test.folder().join("lgsp.db");
    let positions = i64::try_from(ENTRIES).expect("small");
    std::thread::scope(|scope| {
        for half in 0..2 {
            let path = &path;
            scope.spawn(move || {
                let sweep = Sweep::load(path, newest);
                assert_eq!(sweep.mutant(|_| (), &[newest]), None, "nothing is wrong");
                for (place, operator) in operators().iter().enumerate() {
                    let step = step.unwrap_or(operator.every);
                    // Each operator begins elsewhere, so that together they come by most positions.
                    let skipped = place % step;
                    for leaf in (half..positions).step_by(2).skip(skipped).step_by(step) {
                        sweep.try_at(operator, leaf);
                    }
                }
            });
        }
    });
}
