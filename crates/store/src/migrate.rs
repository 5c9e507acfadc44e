//! The schema and its changes: numbered files, forward only, each applied in one transaction together with the row that
//! records it, so that a stop at any point leaves the old schema or the new one.
//!
//! A database that holds a version this program does not know, or a known one with another text, is not touched.

use std::path::{Path, PathBuf};

use lgsp_base::Clock;
use lgsp_base::Sha256;
use lgsp_base::time::SystemClock;

use crate::dialect::{Engine, render};
use crate::error::{OpenError, StoreError};
use crate::postgres::Session;
use crate::sqlite::{self, Sql, Statements};
use crate::value::Param;

/// One numbered change.
#[derive(Debug)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) template: &'static str,
}

/// Every change, in order.
pub(crate) const ALL: &[Migration] = &[
    Migration {
        version: 1,
        name: "house",
        template: include_str!("migrations/0001_house.sql"),
    },
    Migration {
        version: 2,
        name: "ledger",
        template: include_str!("migrations/0002_ledger.sql"),
    },
    Migration {
        version: 3,
        name: "insight",
        template: include_str!("migrations/0003_insight.sql"),
    },
    Migration {
        version: 4,
        name: "ops",
        template: include_str!("migrations/0004_ops.sql"),
    },
    Migration {
        version: 5,
        name: "console",
        template: include_str!("migrations/0005_console.sql"),
    },
    Migration {
        version: 6,
        name: "dossiers",
        template: include_str!("migrations/0006_dossiers.sql"),
    },
    Migration {
        version: 7,
        name: "connectors",
        template: include_str!("migrations/0007_connectors.sql"),
    },
    Migration {
        version: 8,
        name: "lean",
        template: include_str!("migrations/0008_lean.sql"),
    },
    Migration {
        version: 9,
        name: "letters",
        template: include_str!("migrations/0009_letters.sql"),
    },
];

/// A change that the database has.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) checksum: String,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";
const LIST: &str = "SELECT version, checksum FROM schema_migrations ORDER BY version";
const RECORD: &str =
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";

/// Advisory lock under which nodes migrate PostgreSQL; any number that nobody else takes.
const LOCK_KEY: i64 = 0x6c67_7370;

impl Migration {
    fn checksum(&self) -> String {
        Sha256::of(self.template.as_bytes()).to_string()
    }
}

/// The changes that are still to be applied.
fn missing<'m>(applied: &[Applied], all: &'m [Migration]) -> Result<&'m [Migration], OpenError> {
    for (index, done) in applied.iter().enumerate() {
        let unknown = |what: &str| OpenError::UnknownSchema {
            detail: format!("version {} {what}", done.version),
        };
        let known = all.get(index).ok_or_else(|| unknown("is newer"))?;
        if known.version != done.version || known.checksum() != done.checksum {
            return Err(unknown("is another text"));
        }
    }
    Ok(all.get(applied.len()..).unwrap_or_default())
}

fn not_ours() -> OpenError {
    OpenError::UnknownSchema {
        detail: "it holds tables of another program".to_owned(),
    }
}

/// Brings an SQLite database up to date; one that has data is copied beside itself first.
pub(crate) fn sqlite(
    conn: &rusqlite::Connection,
    path: &Path,
    all: &[Migration],
) -> Result<(), OpenError> {
    let session = sqlite::Session::new(conn);
    let tables = sqlite::numbers(&session, "SELECT count(*) FROM sqlite_schema", &[])?;
    let ours = sqlite::numbers(
        &session,
        "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
        &[],
    )?;
    if tables != [0] && ours == [0] {
        return Err(not_ours());
    }
    let mut applied = Vec::new();
    if ours != [0] {
        session.visit(Sql::Fixed(LIST), &[], &mut |row| {
            if let (Ok(version), Ok(checksum)) = (row.int(0), row.text(1)) {
                applied.push(Applied { version, checksum });
            }
        })?;
    }
    let missing = missing(&applied, all)?;
    if let (Some(first), false) = (missing.first(), applied.is_empty()) {
        sqlite::copy(conn, &copy_path(path, first.version))?;
    }
    for migration in missing {
        sqlite::batch(conn, "BEGIN IMMEDIATE")?;
        let done = apply_to_sqlite(conn, migration);
        if done.is_err() {
            // The transaction may be gone already; the error below is the one that counts.
            drop(sqlite::batch(conn, "ROLLBACK"));
        }
        done?;
    }
    Ok(())
}

fn apply_to_sqlite(conn: &rusqlite::Connection, migration: &Migration) -> Result<(), StoreError> {
    sqlite::batch(conn, CREATE)?;
    sqlite::batch(conn, &render(migration.template, Engine::Sqlite))?;
    sqlite::Session::new(conn).execute(Sql::Fixed(RECORD), &record(migration))?;
    sqlite::batch(conn, "COMMIT")
}

fn record(migration: &Migration) -> [Param<'static>; 4] {
    [
        Param::Int(migration.version),
        Param::Text(migration.name),
        Param::Owned(migration.checksum()),
        Param::Int(SystemClock::new().now().as_micros()),
    ]
}

/// `lgsp.db.before-0002`.
fn copy_path(path: &Path, version: i64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".before-{version:04}"));
    PathBuf::from(name)
}

/// Brings a PostgreSQL database up to date; other nodes wait meanwhile.
pub(crate) fn postgres(session: &mut Session, all: &[Migration]) -> Result<(), OpenError> {
    session.execute("SELECT pg_advisory_lock($1)", &[Param::Int(LOCK_KEY)])?;
    let done = migrate_postgres(session, all);
    let unlocked = session.execute("SELECT pg_advisory_unlock($1)", &[Param::Int(LOCK_KEY)]);
    done?;
    unlocked?;
    Ok(())
}

fn migrate_postgres(session: &mut Session, all: &[Migration]) -> Result<(), OpenError> {
    let (mut tables, mut ours) = (0, 0);
    let count = "SELECT count(*), count(*) FILTER (WHERE tablename = 'schema_migrations')
        FROM pg_tables WHERE schemaname = current_schema()";
    session.visit(count, &[], &mut |row| {
        tables = row.int(0).unwrap_or(0);
        ours = row.int(1).unwrap_or(0);
    })?;
    if tables > 0 && ours == 0 {
        return Err(not_ours());
    }
    let mut applied = Vec::new();
    if ours > 0 {
        session.visit(LIST, &[], &mut |row| {
            if let (Ok(version), Ok(checksum)) = (row.int(0), row.text(1)) {
                applied.push(Applied { version, checksum });
            }
        })?;
    }
    for migration in missing(&applied, all)? {
        session.batch("BEGIN")?;
        let done = apply_to_postgres(session, migration);
        if done.is_err() {
            drop(session.batch("ROLLBACK"));
        }
        done?;
    }
    Ok(())
}

fn apply_to_postgres(session: &mut Session, migration: &Migration) -> Result<(), StoreError> {
    session.batch(CREATE)?;
    session.batch(&render(migration.template, Engine::Postgres))?;
    session.execute(RECORD, &record(migration))?;
    session.batch("COMMIT")
}

#[cfg(test)]
mod tests;
