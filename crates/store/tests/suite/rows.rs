//! Settings, idempotency keys, jobs and ledger.

use std::time::Duration;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::{JobId, ReceiptId};
use lgsp_base::{Sha256, Timestamp};
use lgsp_store::idempotency::Answered;
use lgsp_store::jobs::{JobCounts, Leased, NewJob, Retried};
use lgsp_store::testing::for_each_engine;
use lgsp_store::{Db, StoreError, Tx, params};
use lgsp_wire::record::Record;

fn write<T: Send + 'static>(
    db: &Db,
    closure: impl FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    db.write("test", closure).wait().expect("stores")
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

#[test]
fn every_kind_of_value_comes_back() {
    for_each_engine("values", |test| {
        write(test.db(), |tx| {
            let entropy = SeededEntropy::new(1);
            let id = JobId::generate(at(1), &entropy);
            let nothing: Option<i64> = None;
            let sql = "SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS TEXT),
                CAST($5 AS BIGINT), CAST($6 AS TEXT), CAST($7 AS DOUBLE PRECISION), CAST($2 AS BIGINT) = 7";
            let values = params!["ơ", 7u32, Timestamp::BEGINNING, id, nothing, Some("x"), 0.5];
            tx.query_one(sql, values, |row| {
                assert_eq!(row.text(0)?, "ơ");
                assert_eq!(row.int(1)?, 7);
                assert_eq!(row.time(2)?, Timestamp::BEGINNING);
                assert_eq!(row.id::<JobId>(3)?, id);
                assert_eq!(row.opt_int(4)?, None);
                assert_eq!(row.opt_text(5)?.as_deref(), Some("x"));
                assert_eq!(row.opt_real(6)?, Some(0.5));
                assert!(row.flag(7)?);
                assert!(matches!(row.int(0), Err(StoreError::Corrupt { .. })));
                assert!(matches!(row.int(4), Err(StoreError::Corrupt { .. })));
                assert!(matches!(
                    row.id::<ReceiptId>(3),
                    Err(StoreError::Corrupt { .. })
                ));
                assert!(matches!(row.text(99), Err(StoreError::Corrupt { .. })));
                Ok(())
            })
        });
    });
}

#[test]
fn codes_compare_byte_by_byte() {
    for_each_engine("collation", |test| {
        let keys = write(test.db(), |tx| {
            for key in ["b", "A", "a", "Đ", "B", "_"] {
                tx.counter_bump(key)?;
            }
            tx.query("SELECT key FROM settings ORDER BY key", &[], |row| {
                row.text(0)
            })
        });
        assert_eq!(keys, ["A", "B", "_", "a", "b", "Đ"]);
    });
}

#[test]
fn settings_and_counters_count_their_changes() {
    for_each_engine("settings", |test| {
        write(test.db(), |tx| {
            assert_eq!(tx.setting_get("a")?, None);
            assert_eq!(tx.setting_put("a", "1", at(1), "me")?, 1);
            assert_eq!(tx.setting_put("a", "2", at(2), "you")?, 2);
            let setting = tx.setting_get("a")?.expect("there");
            assert_eq!((setting.value.as_str(), setting.version), ("2", 2));
            assert_eq!(
                (setting.updated_at, setting.updated_by.as_str()),
                (at(2), "you")
            );
            assert_eq!(tx.counter_get("c")?, 0);
            assert_eq!((tx.counter_bump("c")?, tx.counter_bump("c")?), (1, 2));
            assert_eq!(tx.counter_get("c")?, 2);
            Ok(())
        });
    });
}

#[test]
fn a_key_keeps_its_first_answer() {
    for_each_engine("keys", |test| {
        write(test.db(), |tx| {
            let (one, two) = (Sha256::of(b"one"), Sha256::of(b"two"));
            assert!(tx.idempotency_insert("org", "key", &one, "first", at(1))?);
            assert!(!tx.idempotency_insert("org", "key", &two, "second", at(2))?);
            assert!(tx.idempotency_insert("other", "key", &two, "third", at(3))?);
            let expected = Answered {
                request_sha256: one,
                answer: "first".to_owned(),
                created_at: at(1),
            };
            assert_eq!(tx.idempotency_lookup("org", "key")?, Some(expected));
            assert_eq!(tx.idempotency_lookup("org", "another")?, None);
            let (old, rest) = tx.idempotency_list_old(None, at(3), 1)?;
            let (none, end) = tx.idempotency_list_old(rest.as_ref(), at(3), 2)?;
            assert_eq!((old.len(), none, end), (1, Vec::new(), None));
            assert_eq!(tx.idempotency_purge(&old, at(1))?, 0, "not old enough");
            assert_eq!(tx.idempotency_purge(&old, at(3))?, 1);
            assert_eq!(tx.idempotency_lookup("org", "key")?, None);
            assert!(tx.idempotency_lookup("other", "key")?.is_some());
            Ok(())
        });
    });
}

#[test]
fn two_requests_under_one_key_at_once_have_one_winner() {
    for_each_engine("key-race", |test| {
        let db = test.db();
        let winners: usize = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        usize::from(write(db, |tx| {
                            tx.idempotency_insert("org", "key", &Sha256::of(b""), "", at(1))
                        }))
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().expect("races"))
                .sum()
        });
        assert_eq!(winners, 1);
    });
}

fn new_job<'a>(id: JobId, key: &'a str, due: i64) -> NewJob<'a> {
    NewJob {
        id,
        queue: "queue",
        key,
        payload: "{}",
        due_at: at(due),
        attempts_max: 2,
        created_at: at(0),
    }
}

fn acquire(db: &Db, owner: &'static str, now: i64) -> Vec<Leased> {
    write(db, move |tx| {
        tx.job_acquire("queue", owner, at(now), Duration::from_secs(10), 10)
    })
}

#[test]
fn jobs_are_leased_in_the_order_of_their_time() {
    for_each_engine("jobs", |test| {
        let db = test.db();
        let entropy = SeededEntropy::new(3);
        let ids: Vec<_> = (0..3).map(|_| JobId::generate(at(0), &entropy)).collect();
        let (a, b, c) = (ids[0], ids[1], ids[2]);
        write(db, move |tx| {
            assert!(tx.job_enqueue(&new_job(a, "a", 20))?);
            assert!(tx.job_enqueue(&new_job(b, "b", 10))?);
            assert!(tx.job_enqueue(&new_job(c, "c", 99))?);
            assert!(!tx.job_enqueue(&new_job(JobId::from_bits(9), "a", 5))?);
            Ok(())
        });
        assert_eq!(acquire(db, "one", 9), []);
        let leased = acquire(db, "one", 30);
        assert_eq!(leased.iter().map(|job| job.id).collect::<Vec<_>>(), [b, a]);
        assert!(
            leased
                .iter()
                .all(|job| job.attempt == 1 && job.payload == "{}")
        );
        assert_eq!(acquire(db, "two", 31), [], "they are in hand");
        write(db, move |tx| {
            tx.job_complete(b, leased[0].lease_number, at(31))
        });
        let counts = write(db, |tx| tx.job_count("queue"));
        let expected = JobCounts {
            pending: 1,
            running: 1,
            done: 1,
            dead: 0,
        };
        assert_eq!(counts, expected);
        assert_eq!(write(db, |tx| tx.job_purge(at(32), 10)), 1);
    });
}

#[test]
fn a_worker_that_lost_its_lease_changes_nothing() {
    for_each_engine("fencing", |test| {
        let db = test.db();
        let id = JobId::from_bits(1);
        write(db, move |tx| tx.job_enqueue(&new_job(id, "a", 0)));
        let first = acquire(db, "one", 1)[0].lease_number;
        write(db, move |tx| tx.job_extend(id, first, at(50)));
        assert_eq!(acquire(db, "two", 49), []);
        let second = acquire(db, "two", 50)[0].lease_number;
        assert!(second > first);
        let stale = [
            db.write("stale", move |tx| tx.job_complete(id, first, at(51)))
                .wait(),
            db.write("stale", move |tx| tx.job_extend(id, first, at(99)))
                .wait(),
            db.write("stale", move |tx| {
                tx.job_retry(id, first, at(60), "late", at(51)).map(drop)
            })
            .wait(),
        ];
        assert!(
            stale
                .iter()
                .all(|result| matches!(result, Err(StoreError::LeaseLost)))
        );
        write(db, move |tx| tx.job_complete(id, second, at(52)));
        let again = db
            .write("again", move |tx| tx.job_complete(id, second, at(53)))
            .wait();
        assert!(matches!(again, Err(StoreError::LeaseLost)));
    });
}

#[test]
fn a_job_dies_after_its_last_attempt() {
    for_each_engine("dead", |test| {
        let db = test.db();
        let (reported, lost) = (JobId::from_bits(1), JobId::from_bits(2));
        write(db, move |tx| {
            tx.job_enqueue(&new_job(reported, "reported", 0))
        });
        for (now, expected) in [(1, Retried::Pending), (5, Retried::Dead)] {
            let leased = acquire(db, "one", now);
            let number = leased[0].lease_number;
            let retried = write(db, move |tx| {
                tx.job_retry(reported, number, at(5), "no", at(now))
            });
            assert_eq!(retried, expected);
        }
        write(db, move |tx| tx.job_enqueue(&new_job(lost, "lost", 0)));
        assert_eq!(acquire(db, "one", 10)[0].attempt, 1);
        assert_eq!(acquire(db, "one", 20)[0].attempt, 2);
        assert_eq!(acquire(db, "one", 30), []);
        assert_eq!(write(db, |tx| tx.job_count("queue")).dead, 2);
    });
}

#[test]
fn workers_that_ask_at_once_never_share_a_job() {
    for_each_engine("share", |test| {
        let db = test.db();
        write(db, |tx| {
            for number in 0..40u32 {
                tx.job_enqueue(&new_job(
                    JobId::from_bits(number.into()),
                    &number.to_string(),
                    0,
                ))?;
            }
            Ok(())
        });
        let mut seen: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| acquire(db, "any", 1)))
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().expect("works"))
                .collect()
        });
        seen.sort_by_key(|job| job.id);
        let before = seen.len();
        seen.dedup_by_key(|job| job.id);
        assert_eq!(seen.len(), before);
        assert!(seen.iter().all(|job| job.attempt == 1));
    });
}

#[test]
fn a_ledger_entry_is_bound_to_its_record() {
    for_each_engine("ledger", |test| {
        let db = test.db();
        let receipt = ReceiptId::from_bits(7);
        let (first, second) = write(db, move |tx| {
            let record = Record::new().with("what", "document").with("bytes", 5i64);
            let first =
                tx.ledger_append(at(1), "document.accepted", Some(receipt), &record, [1; 32])?;
            let second = tx.ledger_append(at(2), "delivery.confirmed", None, &record, [2; 32])?;
            Ok((first, second))
        });
        assert!(second > first);
        let entry = write(db, |tx| tx.ledger_list(0, 1)).remove(0);
        assert_eq!(entry.receipt, Some(receipt));
        assert_eq!(
            (entry.id, entry.at, entry.kind.as_str()),
            (first, at(1), "document.accepted")
        );
        assert!(entry.is_intact());
        let record = Record::decode(&entry.record).expect("a record");
        assert_eq!(record.text("what"), Some("document"));
        assert_eq!(record.text("kind"), Some("document.accepted"));
        assert_eq!(record.integer("at"), Some(at(1).as_micros()));
        let listed = write(db, move |tx| tx.ledger_list(first, 10));
        assert_eq!(
            listed.iter().map(|entry| entry.id).collect::<Vec<_>>(),
            [second]
        );
        assert_eq!(
            write(db, |tx| tx.ledger_check(0, 10)),
            (Some(second), vec![])
        );
        write(db, move |tx| {
            let sql = "UPDATE ledger_entries SET at = at + 1 WHERE id = $1";
            tx.execute(sql, params![first])?;
            let sql = "UPDATE ledger_entries SET kind = 'delivery.dead' WHERE id = $1";
            tx.execute(sql, params![second])
        });
        assert_eq!(
            write(db, |tx| tx.ledger_check(0, 10)),
            (Some(second), vec![first, second]),
            "time and kind are bound as well"
        );
        write(db, move |tx| {
            let sql = "UPDATE ledger_entries SET at = at - 1 WHERE id = $1";
            tx.execute(sql, params![first])?;
            let sql = "UPDATE ledger_entries SET kind = 'delivery.confirmed' WHERE id = $1";
            tx.execute(sql, params![second])
        });
        write(db, move |tx| {
            let sql = "UPDATE ledger_entries SET record = $1 WHERE id = $2";
            tx.execute(sql, params![b"{}".as_slice(), second])
        });
        assert_eq!(
            write(db, |tx| tx.ledger_check(0, 10)),
            (Some(second), vec![second])
        );
        assert_eq!(
            write(db, move |tx| tx.ledger_check(second, 10)),
            (None, vec![])
        );
    });
}
