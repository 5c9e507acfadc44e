use super::*;
use crate::testing::Scratch;

/// One more than there are.
fn next() -> Migration {
    Migration {
        version: ALL.last().expect("the newest").version + 1,
        name: "next",
        template: "CREATE TABLE later (a BIGINT)",
    }
}

fn with_next() -> Vec<Migration> {
    let known = ALL.iter().map(|known| Migration {
        version: known.version,
        name: known.name,
        template: known.template,
    });
    known.chain([next()]).collect()
}

#[test]
fn an_older_database_is_copied_and_then_brought_up_to_date() {
    let scratch = Scratch::new("migrate-copy");
    let path = scratch.path().join("lgsp.db");
    let conn = rusqlite::Connection::open(&path).expect("opens");
    sqlite(&conn, &path, ALL).expect("new");
    conn.execute_batch("INSERT INTO settings VALUES ('a', 'b', 1, 0, 'me')")
        .expect("some data");
    sqlite(&conn, &path, ALL).expect("nothing to do");
    assert!(!copy_path(&path, next().version).exists());
    sqlite(&conn, &path, &with_next()).expect("second");
    conn.execute_batch("INSERT INTO later VALUES (1)")
        .expect("there");
    let copy = rusqlite::Connection::open(copy_path(&path, next().version)).expect("the copy");
    let value: String = copy
        .query_row("SELECT value FROM settings", [], |row| row.get(0))
        .expect("the data");
    assert_eq!(value, "b");
}

#[test]
fn an_unknown_schema_is_refused_and_left_alone() {
    let scratch = Scratch::new("migrate-unknown");
    let path = scratch.path().join("lgsp.db");
    let conn = rusqlite::Connection::open(&path).expect("opens");
    sqlite(&conn, &path, &with_next()).expect("newer");
    let newer = sqlite(&conn, &path, ALL);
    assert!(matches!(newer, Err(OpenError::UnknownSchema { .. })));
    let sql = format!(
        "DELETE FROM schema_migrations WHERE version = {}; UPDATE schema_migrations SET checksum = 'x'",
        next().version
    );
    conn.execute_batch(&sql).expect("changes");
    let changed = sqlite(&conn, &path, ALL);
    assert!(matches!(changed, Err(OpenError::UnknownSchema { .. })));
    conn.execute_batch("DROP TABLE schema_migrations")
        .expect("drops");
    let foreign = sqlite(&conn, &path, ALL);
    assert!(matches!(foreign, Err(OpenError::UnknownSchema { .. })));
}

#[test]
fn a_migration_that_fails_half_way_leaves_nothing() {
    let scratch = Scratch::new("migrate-half");
    let path = scratch.path().join("lgsp.db");
    let conn = rusqlite::Connection::open(&path).expect("opens");
    let broken = [Migration {
        version: 1,
        name: "broken",
        template: "CREATE TABLE one (a BIGINT); CREATE TABLE one (a BIGINT);",
    }];
    assert!(sqlite(&conn, &path, &broken).is_err());
    let tables = crate::sqlite::numbers(
        &crate::sqlite::Session::new(&conn),
        "SELECT count(*) FROM sqlite_schema",
        &[],
    );
    assert_eq!(tables.expect("reads"), [0]);
    sqlite(&conn, &path, ALL).expect("a good one afterwards");
}
