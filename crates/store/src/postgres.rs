//! PostgreSQL: several connections, each driven from a thread of its own.
//!
//! A thread has a small runtime that only lives inside each statement, so that closures are plain synchronous code here
//! too. Writes run at READ COMMITTED, closures are run again after a serialisation failure or a deadlock, reads see a
//! repeatable snapshot. When the connection is lost during COMMIT, whether it stored is unknown and the caller hears
//! [`StoreError::Unavailable`]; at any earlier point the closure is run again on a new connection.
//!
//! Connections are plain TCP or a Unix socket: TLS to the database is not supported.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use lgsp_base::planted::Bug;
use tokio::runtime::Runtime;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};

use crate::db::Shared;
use crate::error::{OpenError, StoreError};
use crate::migrate::{self, Migration};
use crate::queue::{Job, Verdict};
use crate::tx::{Conn, Tx};
use crate::value::{Param, Row};

/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 512;
/// Times a closure is run again after a conflict or a lost connection.
const RETRIES_MAX: u32 = 10;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After how long a silent server counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// A transaction that waits too long for a row or a caller's thread gives the others way.
const CONNECTION_SETTINGS: &str =
    "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'";

/// Checks the server, migrates the database and starts the threads.
pub(crate) fn start(
    url: &str,
    migrations: &[Migration],
    writers: usize,
    readers: usize,
    shared: &Arc<Shared>,
) -> Result<Vec<JoinHandle<()>>, OpenError> {
    let mut config: Config = url
        .parse()
        .map_err(|error| OpenError::Url(Arc::new(error)))?;
    config
        .application_name("lgsp")
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(SILENCE_MAX)
        .tcp_user_timeout(SILENCE_MAX)
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    // On a thread of its own: the caller may stand inside a runtime, where a session cannot run another.
    std::thread::scope(|scope| {
        let preparing = scope.spawn(|| prepare(&config, migrations));
        preparing
            .join()
            .unwrap_or_else(|_panic| Err(StoreError::Closed.into()))
    })?;

    let mut threads = Vec::new();
    let kinds =
        std::iter::repeat_n(Kind::Write, writers).chain(std::iter::repeat_n(Kind::Read, readers));
    for kind in kinds {
        let shared_there = Arc::clone(shared);
        let config = config.clone();
        let spawned = std::thread::Builder::new()
            .name(kind.thread_name().to_owned())
            .spawn(move || Worker::new(config, kind, &shared_there).run());
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                shared.writes.close();
                shared.reads.close();
                return Err(error.into());
            }
        }
    }
    Ok(threads)
}

/// Checks the server's settings and brings the schema up to date.
fn prepare(config: &Config, migrations: &[Migration]) -> Result<(), OpenError> {
    let mut session = Session::open(config)?;
    if let Some((name, value)) = unsafe_setting(&mut session)? {
        return Err(OpenError::UnsafeSetting { name, value });
    }
    migrate::postgres(&mut session, migrations)
}

/// A setting that makes the server acknowledge before its log is on disk.
fn unsafe_setting(session: &mut Session) -> Result<Option<(&'static str, String)>, StoreError> {
    for (name, sql) in [
        ("fsync", "SHOW fsync"),
        ("full_page_writes", "SHOW full_page_writes"),
        ("synchronous_commit", "SHOW synchronous_commit"),
    ] {
        let mut value = String::new();
        session.visit(sql, &[], &mut |row| {
            value = row.text(0).unwrap_or_default();
        })?;
        if value == "off" {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

/// A connection is refused because of a setting.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL has {name} = off")]
struct Unsafe {
    name: &'static str,
}

/// What a thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Write,
    Read,
}

impl Kind {
    const fn thread_name(self) -> &'static str {
        match self {
            Kind::Write => "store-write",
            Kind::Read => "store-read",
        }
    }

    const fn begin(self) -> &'static str {
        match self {
            Kind::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Kind::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// How one run of a closure ended.
enum Ran {
    /// Committed or rolled back as the closure wished.
    Done,
    /// Nothing was stored, and another run may succeed.
    Again(StoreError),
    /// Whether it was stored is not known, or another run is useless.
    Failed(StoreError),
}

struct Worker<'s> {
    config: Config,
    kind: Kind,
    shared: &'s Shared,
    session: Option<Session>,
}

impl<'s> Worker<'s> {
    const fn new(config: Config, kind: Kind, shared: &'s Shared) -> Self {
        Self {
            config,
            kind,
            shared,
            session: None,
        }
    }

    fn run(&mut self) {
        let queue = match self.kind {
            Kind::Write => &self.shared.writes,
            Kind::Read => &self.shared.reads,
        };
        while let Some(job) = queue.take(1).pop() {
            // A blob whose sync failed stops the acknowledgements here too.
            if self.kind == Kind::Write && self.shared.is_poisoned() {
                job.fail(StoreError::Poisoned);
            } else {
                self.work(job);
            }
        }
    }

    fn work(&mut self, mut job: Box<dyn Job>) {
        let mut tries = 0;
        let result = loop {
            match self.attempt(job.as_mut()) {
                Ran::Done => break Ok(()),
                Ran::Failed(error) => break Err(error),
                Ran::Again(error) if tries == RETRIES_MAX => break Err(error),
                Ran::Again(_) => {
                    tries += 1;
                    self.shared.counters.retries.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let is_lost = matches!(result, Err(StoreError::Unavailable(_)));
        self.shared.is_unavailable.store(is_lost, Ordering::Release);
        match result {
            Ok(()) => job.answer(),
            Err(error) => {
                tracing::warn!(operation = job.name(), error = %error, "a transaction failed");
                job.fail(error);
            }
        }
    }

    fn attempt(&mut self, job: &mut dyn Job) -> Ran {
        let kept = self.session.take().filter(|session| !session.is_closed());
        let mut session = match kept.map_or_else(|| self.connect(), Ok) {
            Ok(session) => session,
            Err(error) => return Ran::Failed(error),
        };
        let ran = self.attempt_on(&mut session, job);
        // A connection that failed outside a statement of ours is not trusted again.
        let is_broken = matches!(
            ran,
            Ran::Again(StoreError::Unavailable(_)) | Ran::Failed(StoreError::Unavailable(_))
        );
        self.session = (!is_broken).then_some(session);
        ran
    }

    fn connect(&self) -> Result<Session, StoreError> {
        let mut session = Session::open(&self.config)?;
        session.batch(CONNECTION_SETTINGS)?;
        if self.shared.planted.has(Bug::NoSync) {
            session.batch("SET synchronous_commit = off")?;
        } else if let Some((name, value)) = unsafe_setting(&mut session)? {
            tracing::error!(
                name,
                value,
                "PostgreSQL would lose acknowledged work and is not used"
            );
            return Err(StoreError::Unavailable(Arc::new(Unsafe { name })));
        }
        Ok(session)
    }

    fn attempt_on(&self, session: &mut Session, job: &mut dyn Job) -> Ran {
        if let Err(error) = session.batch(self.kind.begin()) {
            return after_failure(error);
        }
        let mut tx = Tx::new(Conn::Postgres(session), self.shared.planted);
        let verdict = job.run(&mut tx);
        if let Some(failure) = tx.failure() {
            let ended = session.batch("ROLLBACK");
            return match (after_failure(failure), ended) {
                (Ran::Again(error), _) => Ran::Again(error),
                (_, Err(error)) => Ran::Again(error),
                // The closure's own error, which may be a translation of the failure, is the answer.
                _ => Ran::Done,
            };
        }
        let counters = &self.shared.counters;
        let end = match verdict {
            Verdict::Keep => "COMMIT",
            Verdict::Undo => "ROLLBACK",
        };
        match session.batch(end) {
            Ok(()) => {
                match (self.kind, verdict) {
                    (Kind::Read, _) => counters.reads.fetch_add(1, Ordering::Relaxed),
                    (Kind::Write, Verdict::Undo) => counters.undone.fetch_add(1, Ordering::Relaxed),
                    (Kind::Write, Verdict::Keep) => {
                        counters.groups.fetch_add(1, Ordering::Relaxed);
                        counters.writes.fetch_add(1, Ordering::Relaxed)
                    }
                };
                Ran::Done
            }
            Err(error) if is_conflict(&error) => Ran::Again(error),
            // Nothing was to be stored: another run on another connection is as good.
            Err(error) if verdict == Verdict::Undo || self.kind == Kind::Read => Ran::Again(error),
            Err(error) => Ran::Failed(error),
        }
    }
}

/// What a statement's failure before COMMIT means for the transaction.
fn after_failure(error: StoreError) -> Ran {
    if is_conflict(&error) || matches!(error, StoreError::Unavailable(_)) {
        Ran::Again(error)
    } else {
        Ran::Failed(error)
    }
}

fn is_conflict(error: &StoreError) -> bool {
    let StoreError::Sql(cause) = error else {
        return false;
    };
    let code = cause
        .downcast_ref::<tokio_postgres::Error>()
        .and_then(tokio_postgres::Error::code);
    code == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
        || code == Some(&SqlState::T_R_DEADLOCK_DETECTED)
}

/// One connection with its runtime and its prepared statements.
pub(crate) struct Session {
    // The client goes first, so that the connection's task sees it leave.
    client: Client,
    statements: HashMap<Box<str>, Statement>,
    runtime: Runtime,
}

impl Session {
    pub(crate) fn open(config: &Config) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StoreError::from_io)?;
        let (client, connection) = runtime.block_on(config.connect(NoTls)).map_err(classify)?;
        // Ends with the client; the runtime that runs it belongs to the session.
        drop(runtime.spawn(connection));
        Ok(Self {
            client,
            statements: HashMap::new(),
            runtime,
        })
    }

    fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a text of several statements without parameters.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.runtime
            .block_on(self.client.batch_execute(sql))
            .map_err(classify)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self
            .runtime
            .block_on(self.client.prepare(sql))
            .map_err(classify)?;
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        self.statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql)?;
        self.runtime
            .block_on(self.client.execute(&statement, &as_dyn(params)))
            .map_err(classify)
    }

    pub(crate) fn visit(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&Row<'_>),
    ) -> Result<(), StoreError> {
        let statement = self.prepare(sql)?;
        let rows = self
            .runtime
            .block_on(self.client.query(&statement, &as_dyn(params)))
            .map_err(classify)?;
        for row in &rows {
            each(&Row::of_postgres(row));
        }
        Ok(())
    }
}

fn as_dyn<'p>(params: &'p [Param<'_>]) -> Vec<&'p (dyn ToSql + Sync)> {
    params.iter().map(|param| param as _).collect()
}

/// Sorts PostgreSQL's errors by what can be done about them.
fn classify(error: tokio_postgres::Error) -> StoreError {
    let Some(server) = error.as_db_error() else {
        // Everything but a value that does not fit comes from the connection.
        return if error.is_closed()
            || std::error::Error::source(&error).is_some_and(|cause| cause.is::<std::io::Error>())
        {
            StoreError::Unavailable(Arc::new(error))
        } else {
            StoreError::Sql(Arc::new(error))
        };
    };
    let code = server.code();
    match code.code().get(..2) {
        Some("23") => StoreError::Constraint {
            detail: server
                .constraint()
                .or(server.column())
                .unwrap_or_default()
                .to_owned(),
        },
        Some("08" | "57") => StoreError::Unavailable(Arc::new(error)),
        _ if *code == SqlState::DISK_FULL => StoreError::Full,
        _ if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED => {
            StoreError::corrupt(server.message())
        }
        _ if *code == SqlState::TOO_MANY_CONNECTIONS || *code == SqlState::LOCK_NOT_AVAILABLE => {
            StoreError::Busy
        }
        _ => StoreError::Sql(Arc::new(error)),
    }
}
