use super::*;
use crate::testing::{Scratch, TestDb};

fn failure(extended_code: i32) -> StoreError {
    classify(rusqlite::Error::SqliteFailure(
        ffi::Error::new(extended_code),
        None,
    ))
}

#[test]
fn errors_are_sorted_by_what_can_be_done() {
    assert!(matches!(failure(ffi::SQLITE_FULL), StoreError::Full));
    assert!(matches!(
        failure(ffi::SQLITE_IOERR_FSYNC),
        StoreError::Poisoned
    ));
    assert!(matches!(
        failure(ffi::SQLITE_IOERR_WRITE),
        StoreError::Poisoned
    ));
    assert!(matches!(failure(ffi::SQLITE_IOERR_READ), StoreError::Io(_)));
    assert!(matches!(
        failure(ffi::SQLITE_CORRUPT),
        StoreError::Corrupt { .. }
    ));
    assert!(matches!(
        failure(ffi::SQLITE_NOTADB),
        StoreError::Corrupt { .. }
    ));
    assert!(matches!(failure(ffi::SQLITE_BUSY), StoreError::Busy));
}

#[test]
fn a_long_log_is_begun_anew_by_the_writer() {
    let scratch = Scratch::new("log");
    let path = scratch.path().join("lgsp.db");
    let shared = Shared::new(Planted::NONE, None);
    let writer = open_writer(&path, Planted::NONE).expect("opens");
    let checkpoints = open_writer(&path, Planted::NONE).expect("opens");
    let reader = open_reader(&path).expect("opens");
    let (writing, reading) = (Session::new(&writer), Session::new(&reader));
    let checkpointing = Session::new(&checkpoints);
    batch(&writer, "CREATE TABLE t (a BYTEA)").expect("a table");
    assert!(!shorten_log(&checkpointing, &shared).expect("short"));
    let count = || numbers(&reading, "SELECT count(*) FROM t", &[]).expect("reads");
    let sql = "INSERT INTO t VALUES (zeroblob($1))";
    let put = |bytes: u64| {
        writing
            .execute(Sql::Fixed(sql), &[crate::Param::from(bytes)])
            .expect("stores")
    };
    let wal_bytes = || {
        let wal = scratch.path().join("lgsp.db-wal");
        std::fs::metadata(wal).expect("the log").len()
    };

    // A reader that still needs the log puts the restart off, and nobody waits for it.
    put(1);
    batch(&reader, "BEGIN").expect("begins");
    assert_eq!(count(), [1]);
    put(LOG_RESTART_BYTES);
    assert!(shorten_log(&checkpointing, &shared).expect("long"));
    let long = wal_bytes();
    restart_log(&writing, &shared);
    put(1);
    assert!(wal_bytes() > long);
    assert_eq!(count(), [1]);
    batch(&reader, "COMMIT").expect("ends");

    restart_log(&writing, &shared);
    put(1);
    let log = copy_log(&checkpointing, &shared, PASSIVE).expect("copies");
    assert!(log.bytes < LOG_TAIL_BYTES, "{}", log.bytes);
    assert_eq!(count(), [4]);
}

/// SQLite's connections hold a shared lock on the file as long as they are open (byte 0x40000002 on, `os_unix.c`). Without it
/// another program that looks into the database and leaves takes itself for the last one and deletes the log under us.
#[test]
fn an_open_database_stays_locked_against_other_processes() {
    use std::os::unix::fs::MetadataExt;

    let test = TestDb::sqlite("locked");
    let inode = std::fs::metadata(test.folder().join("lgsp.db"))
        .expect("the file")
        .ino();
    let (ours, file) = (
        format!(" {} ", std::process::id()),
        format!(":{inode} 1073741826 "),
    );
    let locks = std::fs::read_to_string("/proc/locks").expect("Linux");
    let is_held = locks
        .lines()
        .any(|lock| lock.contains("POSIX") && lock.contains(&ours) && lock.contains(&file));
    assert!(is_held, "no lock on {inode} in:\n{locks}");
}

#[test]
fn a_full_database_says_so_and_recovers_by_itself() {
    let test = TestDb::sqlite("full");
    let db = test.db();
    let pages = |db: &crate::Db, count: &'static str| {
        let set = db.write("test", move |tx| tx.query_dyn(count, &[], |row| row.int(0)));
        set.wait().expect("sets");
    };
    // The file may not grow: SQLite answers as on a full disk.
    pages(db, "PRAGMA max_page_count = 1");
    let large = "x".repeat(100_000);
    let text = large.clone();
    let put = move |tx: &mut Tx<'_>| {
        tx.setting_put("large", &text, lgsp_base::Timestamp::from_micros(0), "me")
    };
    let full = db.write("test", put.clone()).wait();
    assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
    assert_ne!(db.health(), crate::Health::Poisoned);
    let small = db.write("test", |tx| tx.counter_bump("small")).wait();
    assert_eq!(small.expect("what fits still goes in"), 1);
    pages(db, "PRAGMA max_page_count = 1000000");
    let stored = db.write("test", put).wait();
    assert_eq!(stored.expect("there is room again"), 1);
}

#[test]
fn a_damaged_page_is_found() {
    let mut test = TestDb::sqlite("damage");
    for number in 0..200 {
        let key = format!("key-{number:04}-{}", "y".repeat(100));
        let put = test.db().write("test", move |tx| {
            tx.setting_put(&key, "value", lgsp_base::Timestamp::from_micros(0), "me")
        });
        put.wait().expect("stores");
    }
    assert_eq!(
        test.db().check().wait().expect("checks"),
        Vec::<String>::new()
    );
    test.db().close();
    let path = test.folder().join("lgsp.db");
    assert!(
        !test.folder().join("lgsp.db-wal").exists(),
        "all of the log is in the file"
    );
    let mut bytes = std::fs::read(&path).expect("reads");
    // The head of the page that holds one of the keys.
    let at = bytes
        .windows(8)
        .position(|window| window == b"key-0100")
        .expect("the key");
    let page_bytes = usize::try_from(PAGE_BYTES).expect("fits");
    let page = at / page_bytes * page_bytes;
    bytes[page + 3] ^= 0x3f;
    std::fs::write(&path, bytes).expect("damages");
    let found = match test.reopen() {
        Ok(()) => test.db().check().wait().map_or(1, |lines| lines.len()),
        Err(_) => 1,
    };
    assert!(found > 0, "the damage was not found");
}

#[test]
fn parameters_go_by_their_number() {
    let test = TestDb::sqlite("parameters");
    let swapped = test.db().read("test", |tx| {
        tx.query_one("SELECT $2, $1, $2", crate::params!["one", "two"], |row| {
            Ok((row.text(0)?, row.text(1)?, row.text(2)?))
        })
    });
    let expected = ("two".to_owned(), "one".to_owned(), "two".to_owned());
    assert_eq!(swapped.wait().expect("reads"), expected);
    let missing = test.db().read("test", |tx| {
        tx.query_one("SELECT $2", crate::params!["one"], |row| row.text(0))
    });
    assert!(matches!(missing.wait(), Err(StoreError::Sql(_))));
}

/// The indexes that only these needed are gone; none of them may read a whole table for it.
#[test]
fn what_lost_its_index_is_read_from_another() {
    let test = TestDb::sqlite("plans");
    for (sql, expected) in [
        (
            "SELECT id FROM deliveries WHERE is_open = 1 AND expires_at <= 5 ORDER BY expires_at, id LIMIT 9",
            "SCAN deliveries USING COVERING INDEX deliveries_open",
        ),
        (
            "SELECT v.document_id FROM deliveries v WHERE v.recipient_org_id = 'a' AND v.is_open = 0",
            "SEARCH v USING COVERING INDEX deliveries_closed (recipient_org_id=?)",
        ),
        (
            "SELECT v.document_id FROM deliveries v WHERE v.recipient_org_id = 'a' AND v.is_open = 1",
            "SEARCH v USING INDEX deliveries_open (recipient_org_id=?)",
        ),
        (
            "SELECT v.id FROM deliveries v WHERE v.is_open = 1 AND v.recipient_org_id = 'a' AND (v.position > 1 \
             OR (v.position = 1 AND v.id > 'b')) ORDER BY v.position, v.id LIMIT 9",
            "SEARCH v USING COVERING INDEX deliveries_open (recipient_org_id=? AND position>?)",
        ),
        (
            "SELECT v.seq FROM deliveries v WHERE v.document_id = 'a' AND v.recipient_org_id = 'b'",
            "SEARCH v USING INDEX deliveries_by_document (document_id=? AND recipient_org_id=?)",
        ),
        (
            "SELECT owner, key, created_at FROM idempotency_keys WHERE (owner, key) > ('', '') \
             ORDER BY owner, key LIMIT 9",
            "SEARCH idempotency_keys USING PRIMARY KEY ((owner,key)>(?,?))",
        ),
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let plan = test.db().read::<_, StoreError, _>("test", move |tx| {
            tx.query_dyn(&explain, &[], |row| row.text(3))
        });
        let plan = plan.wait().expect("a plan");
        assert!(plan.iter().any(|step| step == expected), "{sql}: {plan:?}");
    }
}
