//! Fresh databases for tests, the same test on each engine.
//!
//! SQLite is always there. PostgreSQL joins when the environment names a server in `LGSP_TEST_POSTGRES`; a database is
//! created for each test and dropped behind it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};

use crate::db::{Db, DbOptions, DbTarget};
use crate::dialect::Engine;
use crate::error::{OpenError, StoreError};
use crate::postgres::Session;

/// The variable that names the PostgreSQL server for tests.
pub const POSTGRES_VARIABLE: &str = "LGSP_TEST_POSTGRES";

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A name that no other test of this machine uses at the same time.
fn unique(name: &str) -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("lgsp-{name}-{}-{number}", std::process::id())
}

/// A folder that goes away with the value.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes an empty folder in the system's place for temporary files.
    ///
    /// # Panics
    /// If that is not possible.
    #[expect(clippy::expect_used, reason = "a test cannot go on without its folder")]
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(unique(name));
        // A process of the same number may have died here.
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir_all(&path).expect("a folder for a test");
        Self { path }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        drop(std::fs::remove_dir_all(&self.path));
    }
}

/// A database for one test, with a folder for blobs beside it.
#[derive(Debug)]
pub struct TestDb {
    db: Db,
    target: DbTarget,
    dropping: Option<Dropping>,
    scratch: Scratch,
}

#[derive(Debug)]
struct Dropping {
    server: String,
    database: String,
}

impl TestDb {
    /// A fresh SQLite database.
    ///
    /// # Panics
    /// If it cannot be opened.
    #[expect(
        clippy::expect_used,
        reason = "a test cannot go on without its database"
    )]
    pub fn sqlite(name: &str) -> Self {
        let scratch = Scratch::new(name);
        let target = DbTarget::Sqlite {
            path: scratch.path().join("lgsp.db"),
        };
        let db = Db::open(DbOptions::new(target.clone())).expect("a database for a test");
        Self {
            db,
            target,
            dropping: None,
            scratch,
        }
    }

    /// A fresh database on the test server, `None` if the environment names none, which is said on the terminal.
    ///
    /// # Panics
    /// If it cannot be opened.
    #[expect(
        clippy::expect_used,
        reason = "a test cannot go on without its database"
    )]
    pub fn postgres(name: &str) -> Option<Self> {
        let Ok(server) = std::env::var(POSTGRES_VARIABLE) else {
            say_skipped();
            return None;
        };
        let database = unique(name).replace('-', "_");
        let create = format!("CREATE DATABASE {database} TEMPLATE template0");
        on_server(&server, &create).expect("a database for a test on the test server");
        let target = DbTarget::Postgres {
            url: with_database(&server, &database),
        };
        let mut options = DbOptions::new(target.clone());
        options.writers = 4;
        let db = Db::open(options).expect("a database for a test");
        Some(Self {
            db,
            target,
            dropping: Some(Dropping { server, database }),
            scratch: Scratch::new(name),
        })
    }

    /// The open database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The folder of the test; SQLite's file `lgsp.db` is in it.
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Which database it is, to open it again.
    pub fn target(&self) -> DbTarget {
        self.target.clone()
    }

    /// Closes it and opens it again, as a restart does.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn reopen(&mut self) -> Result<(), OpenError> {
        self.db.close();
        self.db = Db::open(DbOptions::new(self.target()))?;
        Ok(())
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        self.db.close();
        let Some(dropping) = &self.dropping else {
            return;
        };
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", dropping.database);
        // A database that stays behind costs some disk; the test's own failure is what must be seen.
        drop(on_server(&dropping.server, &sql));
    }
}

/// Runs a statement on the server, on a thread of its own: a test may stand inside a runtime.
fn on_server(server: &str, sql: &str) -> Result<(), OpenError> {
    std::thread::scope(|scope| {
        let run = || {
            let config = server
                .parse()
                .map_err(|error: tokio_postgres::Error| OpenError::Url(Arc::new(error)))?;
            Ok(Session::open(&config)?.batch(sql)?)
        };
        let done = scope.spawn(run).join();
        done.unwrap_or_else(|_panic| Err(StoreError::Closed.into()))
    })
}

/// The URL with another database at its end.
fn with_database(server: &str, database: &str) -> String {
    let (address, options) = match server.split_once('?') {
        Some((address, options)) => (address, format!("?{options}")),
        None => (server, String::new()),
    };
    let host_at = address.find("://").map_or(0, |at| at + 3);
    let base = match address.get(host_at..).and_then(|rest| rest.find('/')) {
        Some(at) => address.get(..host_at + at).unwrap_or(address),
        None => address,
    };
    format!("{base}/{database}{options}")
}

/// Runs a test on every engine that is there.
///
/// # Panics
/// If a database cannot be opened, and as the test does.
pub fn for_each_engine(name: &str, mut test: impl FnMut(&mut TestDb)) {
    test(&mut TestDb::sqlite(name));
    if let Some(mut database) = TestDb::postgres(name) {
        debug_assert_eq!(database.db().engine(), Engine::Postgres);
        test(&mut database);
    }
}

/// Says once per test binary that PostgreSQL is left out, past the test harness, which would swallow it from a test that passes.
fn say_skipped() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let line = format!("SKIP PostgreSQL: {POSTGRES_VARIABLE} is not set\n");
        // Nothing to do about a closed output.
        drop(std::io::stderr().write_all(line.as_bytes()));
    });
}
