//! Transactions: groups, rollbacks, panics, order, repetition, bounds, restart.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use lgsp_base::planted::{Bug, Planted};
use lgsp_base::{Timestamp, limits};
use lgsp_store::testing::{TestDb, for_each_engine};
use lgsp_store::{
    Blobs, Db, DbOptions, Engine, Health, OpenError, Pending, StoreError, Tx, params,
};

/// What a closure may say of itself.
#[derive(Debug)]
enum Refused {
    ByClosure,
    ByStore(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Refused::ByStore(error)
    }
}

fn put(tx: &mut Tx<'_>, key: &str) -> Result<i64, StoreError> {
    tx.setting_put(key, "value", Timestamp::from_micros(1), "test")
}

fn has(db: &Db, key: &'static str) -> bool {
    db.read("has", move |tx| tx.setting_get(key))
        .wait()
        .expect("reads")
        .is_some()
}

/// Keeps SQLite's writer busy until the sender is dropped, so that what is written meanwhile forms one group.
fn hold(db: &Db) -> (mpsc::Sender<()>, Pending<(), StoreError>) {
    let (release, held) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let pending = db.write("hold", move |_| {
        started.send(()).expect("the test waits");
        let _ended = held.recv();
        Ok(())
    });
    has_started.recv().expect("the writer runs");
    (release, pending)
}

#[test]
fn a_member_that_fails_takes_nothing_else_with_it() {
    for_each_engine("group", |test| {
        let db = test.db();
        let (release, held) = hold(db);
        let good = db.write("good", |tx| put(tx, "good"));
        let refused = db.write("refused", |tx| {
            put(tx, "refused")?;
            Err::<(), _>(Refused::ByClosure)
        });
        let violating = db.write("violating", |tx| {
            put(tx, "violating")?;
            let sql = "INSERT INTO settings (key, value, version, updated_at, updated_by)
                VALUES ('violating', '', 1, 0, '')";
            tx.execute(sql, &[])
        });
        let panicking = db.write("panicking", |tx| -> Result<(), Refused> {
            put(tx, "panicking")?;
            panic!("on purpose");
        });
        let last = db.write("last", |tx| put(tx, "last"));
        drop(release);
        held.wait().expect("held");
        assert_eq!(good.wait().expect("stores"), 1);
        assert!(matches!(refused.wait(), Err(Refused::ByClosure)));
        let violated = violating.wait().expect_err("a second row");
        assert!(violated.is_constraint(), "{violated:?}");
        let panicked = panicking.wait();
        assert!(matches!(
            panicked,
            Err(Refused::ByStore(StoreError::Panicked))
        ));
        assert_eq!(last.wait().expect("stores"), 1);
        assert!(has(db, "good") && has(db, "last"));
        assert!(!has(db, "refused") && !has(db, "violating") && !has(db, "panicking"));
        if db.engine() == Engine::Sqlite {
            let stats = db.stats();
            assert_eq!((stats.writes, stats.groups, stats.undone), (3, 2, 3));
        }
        assert_eq!(db.health(), Health::Ready);
    });
}

#[test]
fn a_failed_statement_loses_the_transaction_even_if_the_closure_says_ok() {
    for_each_engine("swallow", |test| {
        let db = test.db();
        let swallowed = db.write("swallow", |tx| {
            put(tx, "before")?;
            let failed = tx.execute("INSERT INTO settings (key) VALUES ('x')", &[]);
            assert!(failed.is_err_and(|error| error.is_constraint()));
            assert!(matches!(put(tx, "after"), Err(StoreError::Aborted)));
            Ok::<_, StoreError>(())
        });
        assert!(swallowed.wait().is_err_and(|error| error.is_constraint()));
        assert!(!has(db, "before"));
    });
}

#[test]
fn writes_that_wait_form_one_group_in_their_order() {
    let test = TestDb::sqlite("fifo");
    let db = test.db();
    let (release, held) = hold(db);
    let order = Arc::new(Mutex::new(Vec::new()));
    let waiting: Vec<_> = (0..100)
        .map(|number| {
            let order = Arc::clone(&order);
            db.write("member", move |tx| {
                order.lock().expect("lock").push(number);
                tx.counter_bump("members")
            })
        })
        .collect();
    assert_eq!(db.stats().writes_waiting, 100);
    drop(release);
    held.wait().expect("held");
    for (number, pending) in waiting.into_iter().enumerate() {
        assert_eq!(pending.wait().expect("stores"), number as i64 + 1);
    }
    assert_eq!(*order.lock().expect("lock"), (0..100).collect::<Vec<_>>());
    let stats = db.stats();
    assert_eq!(
        (stats.writes, stats.groups),
        (101, 2),
        "the holder, then the hundred in one commit"
    );
}

#[test]
fn the_queue_has_an_end_and_says_busy_there() {
    let test = TestDb::sqlite("bound");
    let db = test.db();
    let (release, held) = hold(db);
    let waiting: Vec<_> = (0..limits::WRITE_QUEUE_MAX)
        .map(|_| db.write("waits", |tx| tx.counter_bump("waits")))
        .collect();
    let refused = db.write("refused", |tx| tx.counter_bump("waits")).wait();
    assert!(matches!(refused, Err(StoreError::Busy)));
    assert_eq!(db.stats().refused, 1);
    drop(release);
    held.wait().expect("held");
    let last = waiting
        .into_iter()
        .map(|pending| pending.wait().expect("stores"));
    assert_eq!(last.max(), Some(limits::WRITE_QUEUE_MAX as i64));
}

#[test]
fn many_callers_at_once_lose_nothing() {
    for_each_engine("many", |test| {
        let db = test.db();
        std::thread::scope(|scope| {
            for caller in 0..16 {
                scope.spawn(move || {
                    for number in 0..20 {
                        let key = format!("{caller}-{number}");
                        let write = db.write("many", move |tx| {
                            put(tx, &key)?;
                            tx.counter_bump("total")
                        });
                        write.wait().expect("stores");
                    }
                });
            }
        });
        let total = db.read("total", |tx| {
            let rows = tx.query_one("SELECT count(*) FROM settings", &[], |row| row.int(0))?;
            Ok::<_, StoreError>((tx.counter_get("total")?, rows))
        });
        assert_eq!(total.wait().expect("reads"), (320, 321));
    });
}

#[test]
fn a_read_cannot_write_and_sees_what_was_acknowledged() {
    for_each_engine("read", |test| {
        let db = test.db();
        let wrote = db.read("write", |tx| put(tx, "no")).wait();
        assert!(wrote.is_err());
        db.write("put", |tx| put(tx, "yes")).wait().expect("stores");
        assert!(has(db, "yes") && !has(db, "no"));
    });
}

#[test]
fn a_deadlock_runs_the_closures_again_until_both_are_done() {
    let Some(test) = TestDb::postgres("deadlock") else {
        return;
    };
    let db = test.db();
    db.write("rows", |tx| {
        put(tx, "a")?;
        put(tx, "b")
    })
    .wait()
    .expect("stores");
    let meeting = Arc::new(std::sync::Barrier::new(2));
    let runs = Arc::new(AtomicU64::new(0));
    let swap = |first: &'static str, second: &'static str| {
        let (meeting, runs) = (Arc::clone(&meeting), Arc::clone(&runs));
        let mut is_first_run = true;
        db.write("swap", move |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            put(tx, first)?;
            // Only the first time: afterwards the other one may be done already.
            if std::mem::take(&mut is_first_run) {
                meeting.wait();
            }
            put(tx, second)
        })
    };
    let (one, two) = (swap("a", "b"), swap("b", "a"));
    one.wait().expect("stores");
    two.wait().expect("stores");
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    assert_eq!(db.stats().retries, 1);
    let version = db.read("version", |tx| tx.setting_get("a")).wait();
    assert_eq!(
        version.expect("reads").map(|setting| setting.version),
        Some(3)
    );
}

#[test]
fn a_lost_connection_is_made_anew() {
    let Some(test) = TestDb::postgres("lost") else {
        return;
    };
    let db = test.db();
    for round in 1..=3 {
        let killed = db.write("kill", |tx| {
            tx.query(
                "SELECT CAST(count(pg_terminate_backend(pid)) AS BIGINT) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
                &[],
                |row| row.int(0),
            )
        });
        killed.wait().expect("kills the others");
        for _ in 0..8 {
            db.write("bump", |tx| tx.counter_bump("all"))
                .wait()
                .expect("stores");
        }
        let total = db.read("total", |tx| tx.counter_get("all")).wait();
        assert_eq!(total.expect("reads"), round * 8);
    }
}

#[test]
fn acknowledged_work_is_there_after_a_restart_and_closing_is_final() {
    for_each_engine("restart", |test| {
        test.db()
            .write("put", |tx| put(tx, "kept"))
            .wait()
            .expect("stores");
        let closed = test.db().clone();
        test.reopen().expect("opens again");
        assert!(has(test.db(), "kept"));
        assert_eq!(closed.health(), Health::Closed);
        let late = closed.write("late", |tx| put(tx, "late")).wait();
        assert!(matches!(late, Err(StoreError::Closed)));
        closed.close();
    });
}

#[test]
fn closing_finishes_what_waits() {
    let test = TestDb::sqlite("drain");
    let db = test.db().clone();
    let (release, held) = hold(&db);
    let waiting: Vec<_> = (0..10)
        .map(|_| db.write("waits", |tx| tx.counter_bump("waits")))
        .collect();
    let closer = std::thread::spawn({
        let db = db.clone();
        move || db.close()
    });
    drop(release);
    closer.join().expect("closes");
    held.wait().expect("held");
    for pending in waiting {
        pending.wait().expect("stored before the end");
    }
}

#[test]
fn another_schema_is_refused() {
    for_each_engine("schema", |test| {
        let change = |sql: &'static str| {
            let done = test.db().write("change", move |tx| tx.execute(sql, &[]));
            done.wait().expect("changes");
        };
        change(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (99, 'x', 'y', 0)",
        );
        let newer = Db::open(DbOptions::new(test.target()));
        assert!(
            matches!(newer, Err(OpenError::UnknownSchema { .. })),
            "{newer:?}"
        );
        change("DELETE FROM schema_migrations WHERE version = 99");
        Db::open(DbOptions::new(test.target()))
            .expect("opens")
            .close();
        change("UPDATE schema_migrations SET checksum = 'z'");
        let other = Db::open(DbOptions::new(test.target()));
        assert!(
            matches!(other, Err(OpenError::UnknownSchema { .. })),
            "{other:?}"
        );
    });
}

#[test]
fn the_disk_reserve_is_kept() {
    let test = TestDb::sqlite("reserve");
    assert!(test.db().has_room());
    test.db().close();
    let mut options = DbOptions::new(test.target());
    options.disk_reserve_bytes = u64::MAX;
    let db = Db::open(options).expect("opens");
    assert!(!db.has_room());
    assert_eq!(db.health(), Health::Full);
    // What is accepted goes on: only the exchange asks before it accepts more.
    db.write("put", |tx| put(tx, "status"))
        .wait()
        .expect("stores");
    let blobs = lgsp_store::Blobs::beside(&db, test.folder()).expect("opens");
    assert!(!blobs.has_room(1));
}

#[test]
fn the_database_checks_itself() {
    for_each_engine("check", |test| {
        let found = test.db().check().wait().expect("checks");
        if test.db().engine() == Engine::Sqlite {
            assert_eq!(found, Vec::<String>::new());
        }
    });
}

#[test]
fn dynamic_statements_take_parameters_too() {
    for_each_engine("dynamic", |test| {
        let found = test.db().write("dynamic", |tx| {
            put(tx, "a")?;
            put(tx, "b")?;
            let sql = format!(
                "SELECT key FROM settings WHERE key {} $1 ORDER BY key",
                ">="
            );
            tx.query_dyn(&sql, params!["b"], |row| row.text(0))
        });
        assert_eq!(found.wait().expect("reads"), ["b"]);
    });
}

#[test]
fn a_store_lives_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tests = [Some(TestDb::sqlite("await")), TestDb::postgres("await")];
        for test in tests.into_iter().flatten() {
            let db = test.db();
            let bumped = db.write("bump", |tx| tx.counter_bump("a")).await;
            assert_eq!(bumped.map_err(|error: StoreError| error.to_string()), Ok(1));
            let read = db.read("get", |tx| tx.counter_get("a")).await;
            assert_eq!(read.map_err(|error: StoreError| error.to_string()), Ok(1));
        }
    });
}

#[test]
fn each_planted_bug_breaks_its_promise() {
    let open = |test: &TestDb, bug: Bug, reserve_bytes: u64| {
        test.db().close();
        let mut options = DbOptions::new(test.target());
        options.planted = Planted::with(bug);
        options.disk_reserve_bytes = reserve_bytes;
        Db::open(options).expect("opens")
    };
    let test = TestDb::sqlite("planted");
    assert!(open(&test, Bug::NoDiskReserve, u64::MAX).has_room());

    let db = open(&test, Bug::RowBeforeBlob, 0);
    let blobs = Blobs::beside(&db, test.folder()).expect("opens");
    let blob = blobs.put("org_a", b"content").expect("says so");
    assert!(blobs.check(&blob.name).is_err());

    let blobs = Blobs::open(test.folder(), Planted::NONE).expect("opens");
    let blob = blobs.put("org_a", b"content").expect("stores");
    let unchecked = Blobs::open(test.folder(), Planted::with(Bug::ServeUnchecked)).expect("opens");
    std::fs::write(test.folder().join("v1").join(&blob.name), b"CONTENT").expect("damages");
    assert!(blobs.read(&blob.name, blob.sha256, 7).is_err());
    assert_eq!(
        unchecked.read(&blob.name, blob.sha256, 7).expect("serves"),
        b"CONTENT"
    );

    let db = open(&test, Bug::NoSync, 0);
    let sync = db.write("sync", |tx| {
        tx.query_one("PRAGMA synchronous", &[], |row| row.int(0))
    });
    assert_eq!(sync.wait().expect("reads"), 0);
}

#[test]
fn the_log_is_synced_at_each_commit() {
    let test = TestDb::sqlite("sync");
    let sync = test.db().write("sync", |tx| {
        let level = tx.query_one("PRAGMA synchronous", &[], |row| row.int(0))?;
        Ok::<_, StoreError>((
            level,
            tx.query_one("PRAGMA journal_mode", &[], |row| row.text(0))?,
        ))
    });
    assert_eq!(sync.wait().expect("reads"), (2, "wal".to_owned()));
}
