//! A clock that a test moves: what is recorded, what is signed, and how it is mended.

use std::sync::Arc;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::ReceiptId;
use lgsp_base::planted::Planted;
use lgsp_base::time::ManualClock;
use lgsp_wire::tlog::note::{Algorithm, SoftSigner};

use super::super::{LedgerConfig, Subject};
use super::*;
use crate::db::Db;
use crate::testing::{TestDb, for_each_engine};

const ORIGIN: &str = "ledger.example.gov.vn";
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const RECEIPT: ReceiptId = ReceiptId::from_bits(7);
const MAX: Duration = limits::CLOCK_SKEW_MAX;
const MILLI: Duration = Duration::from_millis(1);

struct Scene {
    db: Db,
    clock: Arc<ManualClock>,
    ledger: Ledger,
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

impl Scene {
    /// A process that starts at this time.
    fn at(test: &TestDb, now: Timestamp, planted: Planted) -> Self {
        let signer = SoftSigner::from_seed(ORIGIN, Algorithm::Ed25519, &[1; 32]);
        let config = LedgerConfig {
            origin: ORIGIN.to_owned(),
            platform: String::new(),
            signer: Arc::new(signer.expect("a key")),
            entropy: Arc::new(SeededEntropy::new(1)),
            planted,
        };
        let (db, clock) = (test.db().clone(), Arc::new(ManualClock::new(now)));
        // On PostgreSQL the lease of the process before runs out first.
        release(&db);
        let ledger = wait(Ledger::open(db.clone(), clock.clone(), config)).expect("opens");
        Self { db, clock, ledger }
    }

    fn appends(&self) {
        let at = self.clock.now();
        let append = move |tx: &mut Tx<'_>| {
            tx.ledger_append(at, "test.done", Some(RECEIPT), &Record::new(), [3; 32])
        };
        let written = self.db.write::<_, StoreError, _>("test", append);
        written.wait().expect("stores");
    }

    fn seals(&self) -> Result<Option<u64>, LedgerError> {
        release(&self.db);
        wait(self.ledger.seal()).map(|sealed| sealed.map(|sealed| sealed.size))
    }

    /// The clock moved by this much, the time that passes aside.
    fn steps(&self, micros: i64) {
        let now = self.clock.now().as_micros() + micros;
        self.clock.jump_to(Timestamp::from_micros(now));
    }

    /// Millisecond steps that the ledger tells of.
    fn told(&self) -> Vec<i64> {
        let list = |tx: &mut Tx<'_>| tx.ledger_list(0, 100);
        let entries = self.db.read::<_, StoreError, _>("test", list).wait();
        let told = entries.expect("reads").into_iter();
        told.filter(|entry| entry.kind == CLOCK_STEPPED)
            .map(|entry| {
                let record: serde_json::Value =
                    serde_json::from_slice(&entry.record).expect("a record");
                record["stepped_millis"].as_i64().expect("a number")
            })
            .collect()
    }
}

fn release(db: &Db) {
    let sql = "UPDATE ledger_head SET sealer_until = 0";
    let freed = db.write::<_, StoreError, _>("test", |tx| tx.execute(sql, &[]));
    freed.wait().expect("stores");
}

fn refused(outcome: Result<Option<u64>, LedgerError>) -> ClockSkew {
    match outcome {
        Err(LedgerError::Clock(skew)) => skew,
        other => panic!("{other:?}"),
    }
}

fn micros_of(span: Duration) -> i64 {
    micros(span)
}

#[test]
fn steps_either_way_are_entries_of_the_ledger() {
    for_each_engine("ledger-clock-steps", |test| {
        let scene = Scene::at(test, START, Planted::NONE);
        scene.appends();
        assert_eq!(scene.seals().expect("seals"), Some(1));
        scene.clock.advance(Duration::from_secs(3600));
        scene.seals().expect("an hour that passes is no step");
        assert_eq!(scene.told(), [] as [i64; 0]);
        scene.steps(-2_500_000);
        assert_eq!(scene.seals().expect("seals"), Some(2));
        scene.steps(400_000);
        scene.seals().expect("seals");
        scene.steps(50_000);
        scene.seals().expect("seals");
        assert_eq!(
            (scene.told(), scene.ledger.clock_steps()),
            (vec![-2_500, 400], 2)
        );
        let skew = scene.ledger.clock_skew();
        assert_eq!((skew.micros, skew.source), (-2_050_000, ClockSource::Start));
        assert!(skew.is_alarm() && !skew.is_refused());
        assert_eq!(skew.to_string(), "2.0 s behind (start)");
    });
}

#[test]
fn a_clock_that_is_far_off_signs_nothing_until_it_is_mended() {
    for_each_engine("ledger-clock-refuse", |test| {
        let scene = Scene::at(test, START, Planted::NONE);
        scene.appends();
        scene.seals().expect("seals");
        for far in [micros_of(MAX + MILLI), -micros_of(MAX + MILLI)] {
            scene.steps(far);
            scene.appends();
            let skew = refused(scene.seals());
            assert_eq!((skew.micros, skew.source), (far, ClockSource::Start));
            let receipt = wait(scene.ledger.receipt_bundle(Subject::Receipt(RECEIPT)));
            assert!(matches!(receipt, Err(LedgerError::Clock(_))), "{receipt:?}");
            // Put right, everything that waited is sealed, what happened to the clock included.
            scene.steps(-far);
            scene.seals().expect("seals").expect("a checkpoint");
            assert!(!scene.ledger.clock_skew().is_alarm());
            assert!(wait(scene.ledger.receipt_bundle(Subject::Receipt(RECEIPT))).is_ok());
        }
        scene.steps(micros_of(MAX));
        scene.seals().expect("the limit itself is allowed");
        assert_eq!(
            scene.told(),
            [300_001, -300_001, -300_001, 300_001, 300_000]
        );
    });
}

/// Signs under a clock far behind the newest checkpoint; true if that is found.
fn is_found(name: &str, planted: Planted) -> bool {
    let test = TestDb::sqlite(name);
    let scene = Scene::at(&test, START, planted);
    scene.appends();
    scene.seals().expect("seals");
    scene.steps(-micros_of(MAX + MILLI));
    scene.appends();
    let outcome = scene.seals();
    let newest = wait(scene.ledger.checkpoint())
        .expect("reads")
        .expect("one");
    matches!(outcome, Err(LedgerError::Clock(_))) && newest.at == START
}

#[test]
fn a_signature_despite_the_skew_is_found() {
    assert!(is_found("ledger-clock-good", Planted::NONE));
    assert!(!is_found(
        "ledger-clock-bug",
        Planted::with(Bug::SignDespiteSkew)
    ));
}

#[test]
fn a_restart_with_a_clock_behind_the_newest_checkpoint_is_noticed() {
    for_each_engine("ledger-clock-restart", |test| {
        let scene = Scene::at(test, START.plus(MAX * 10), Planted::NONE);
        scene.appends();
        scene.seals().expect("seals");
        drop(scene);
        // The clock of before was wrong, the present one is right: the platform cannot know.
        let scene = Scene::at(test, START, Planted::NONE);
        scene.appends();
        let skew = refused(scene.seals());
        assert_eq!(
            (skew.micros, skew.source),
            (-3_000_000_000, ClockSource::Checkpoint)
        );
        assert_eq!(scene.told(), [-3_000_000]);
        // An authority knows.
        scene.ledger.hear_time(START, scene.clock.monotonic());
        assert_eq!(scene.ledger.clock_skew().micros, 0);
        scene.seals().expect("seals").expect("a checkpoint");
    });
}

#[test]
fn an_operator_says_that_the_present_clock_is_right() {
    for_each_engine("ledger-clock-accept", |test| {
        let scene = Scene::at(test, START.plus(MAX * 10), Planted::NONE);
        scene.appends();
        scene.seals().expect("seals");
        drop(scene);
        let running = Scene::at(test, START, Planted::NONE);
        refused(running.seals());
        let command = Scene::at(test, START, Planted::NONE);
        let actor = Actor::Platform { part: "test" };
        wait(command.ledger.accept_clock(&actor)).expect("accepts");
        // A node that runs hears of it too.
        running.seals().expect("seals").expect("a checkpoint");
        assert!(!running.ledger.clock_skew().is_alarm());
        // From here on checkpoints count again.
        let late = Scene::at(
            test,
            Timestamp::from_micros(START.as_micros() - 400_000_000),
            Planted::NONE,
        );
        assert_eq!(refused(late.seals()).source, ClockSource::Checkpoint);
    });
}

#[test]
fn an_authoritys_word_leaves_open_what_it_cannot_know() {
    let test = TestDb::sqlite("ledger-clock-authority");
    let scene = Scene::at(
        &test,
        START.plus(Duration::from_millis(1_700)),
        Planted::NONE,
    );
    let heard = |time: Timestamp, took: Duration| {
        let asked = scene.clock.monotonic();
        scene.clock.advance(took);
        scene.steps(-micros_of(took));
        scene.ledger.hear_time(time, asked);
        scene.ledger.clock_skew().micros
    };
    // Ours says 1.7 s past the authority's whole second: a second of it may be what was cut, the rest the way back.
    assert_eq!(heard(START, Duration::ZERO), 700_000);
    assert_eq!(heard(START, Duration::from_millis(800)), 0);
    // A time with a fraction was not cut.
    assert_eq!(
        heard(START.plus(MILLI), Duration::from_millis(200)),
        1_499_000
    );
    // Behind is behind, however long it took.
    let ahead = START.plus(Duration::from_millis(4_700));
    assert_eq!(heard(ahead, Duration::from_secs(2)), -3_000_000);
    assert!(scene.ledger.clock_skew().is_alarm());
    // And a step from there on adds to it.
    scene.steps(-micros_of(MAX));
    let skew = scene.ledger.clock_skew();
    assert_eq!(
        (skew.micros, skew.source),
        (-303_000_000, ClockSource::Authority)
    );
    assert!(skew.is_refused());
}
