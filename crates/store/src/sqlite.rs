//! SQLite: one writer with group commit, readers on snapshots, and a checkpointer beside them.
//!
//! The log is synced at each commit (`synchronous=FULL`); checkpoints run on a connection of their own, because the
//! checkpoint inside a commit is what makes SQLite's slowest commits slow. SQLite finds damage in the structure of its
//! pages (`cell_size_check`, `integrity_check`) but not a flipped bit inside a value: contents are therefore compared with
//! the hash that stands beside them when they are read, and ledger entries with their commitment.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use lgsp_base::limits;
use lgsp_base::planted::{Bug, Planted};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::db::Shared;
use crate::error::{OpenError, StoreError};
use crate::migrate::{self, Migration};
use crate::queue::{Job, Verdict};
use crate::tx::{Conn, Tx};

pub(crate) use session::{Session, Sql, Statements, numbers};

/// 3.51.3, the first version that cannot lose a log that is reset while it is recovered.
const VERSION_MIN: i32 = 3_051_003;
/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 512;
/// How long the writer waits for another process that writes.
const WRITER_WAIT: Duration = Duration::from_secs(10);
/// Copies what can be copied without waiting for anybody.
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// Copies everything and gives the log's space back.
const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
/// Groups that run with savepoints after one in which a member had to be rolled back.
const CAREFUL_GROUPS: u32 = 16;
/// Time between two checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);
/// Size at which the log starts again at its beginning: its blocks stay allocated, which makes its syncs cheaper.
const LOG_RESTART_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes that may be left for the writer to copy.
const LOG_TAIL_BYTES: u64 = 1024 * 1024;
/// Rounds in which the checkpointer tries to leave no more than that.
const CHECKPOINT_ROUNDS: u32 = 4;
/// Bytes of a database page; a document of 2 KiB would leave half of a smaller one empty.
const PAGE_BYTES: u64 = 8192;
/// KiB of pages that the writer keeps. A larger cache is slower: SQLite walks through all of it whenever a tree was balanced.
const WRITER_CACHE_KIB: u64 = 16 * 1024;

/// Opens the file, migrates it and starts the threads.
pub(crate) fn start(
    path: &Path,
    migrations: &[Migration],
    readers: usize,
    shared: &Arc<Shared>,
) -> Result<Vec<JoinHandle<()>>, OpenError> {
    if rusqlite::version_number() < VERSION_MIN {
        return Err(OpenError::OldSqlite {
            found: rusqlite::version(),
        });
    }
    let writer = open_writer(path, shared.planted)?;
    migrate::sqlite(&writer, path, migrations)?;
    sync_folder(path)?;
    let checkpoints = open_writer(path, shared.planted)?;
    checkpoints.busy_timeout(Duration::ZERO).map_err(classify)?;
    let readers = (0..readers)
        .map(|_| open_reader(path))
        .collect::<Result<Vec<_>, _>>()?;

    let mut threads = Vec::new();
    let spawned = spawn_all(writer, checkpoints, readers, shared, &mut threads);
    if let Err(error) = spawned {
        shared.writes.close();
        shared.reads.close();
        shared.bell.ring();
        return Err(error.into());
    }
    Ok(threads)
}

fn spawn_all(
    writer: Connection,
    checkpoints: Connection,
    readers: Vec<Connection>,
    shared: &Arc<Shared>,
    threads: &mut Vec<JoinHandle<()>>,
) -> std::io::Result<()> {
    let mut spawn = |name: &str, run: Box<dyn FnOnce(&Shared) + Send>| {
        let shared = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&shared))?;
        threads.push(thread);
        std::io::Result::Ok(())
    };
    spawn(
        "store-write",
        Box::new(move |shared| write_all(&Session::new(&writer), shared)),
    )?;
    for reader in readers {
        spawn(
            "store-read",
            Box::new(move |shared| read_all(&Session::new(&reader), shared)),
        )?;
    }
    // The last in the list: see the end of the store.
    spawn(
        "store-checkpoint",
        Box::new(move |shared| checkpoint_all(&Session::new(&checkpoints), shared)),
    )?;
    Ok(())
}

fn open_writer(path: &Path, planted: Planted) -> Result<Connection, OpenError> {
    create(path)?;
    let conn = Connection::open(path).map_err(classify)?;
    conn.busy_timeout(WRITER_WAIT).map_err(classify)?;
    batch(&conn, &format!("PRAGMA page_size={PAGE_BYTES}"))?;
    let mut mode = String::new();
    Session::new(&conn).visit(Sql::Fixed("PRAGMA journal_mode=WAL"), &[], &mut |row| {
        mode = row.text(0).unwrap_or_default();
    })?;
    if mode != "wal" {
        return Err(OpenError::UnsafeSetting {
            name: "journal_mode",
            value: mode,
        });
    }
    let sync = if planted.has(Bug::NoSync) {
        "OFF"
    } else {
        "FULL"
    };
    batch(&conn, &format!("PRAGMA synchronous={sync}"))?;
    batch(
        &conn,
        &format!(
            "PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=0; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;
             PRAGMA mmap_size=0; PRAGMA cache_size=-{WRITER_CACHE_KIB}"
        ),
    )?;
    tune(&conn)?;
    Ok(conn)
}

/// Makes the file if there is none; the log and its index take its mode. A file that is there must not be opened: closing
/// it again would end every lock that this process has on it (POSIX fcntl), also those of SQLite's open connections, and
/// the next program that looks into the database would take itself for the only one and delete the log.
fn create(path: &Path) -> std::io::Result<()> {
    let made = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(classify)?;
    conn.busy_timeout(WRITER_WAIT).map_err(classify)?;
    batch(
        &conn,
        "PRAGMA query_only=ON; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;
         PRAGMA cache_size=-16384",
    )?;
    tune(&conn)?;
    Ok(conn)
}

/// The folder that a file is in, also of a bare file name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Statements are planned once and kept: without the planner's stability guarantee each new value of a parameter that a
/// partial index looks at would plan its statement again.
fn tune(conn: &Connection) -> Result<(), OpenError> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(classify)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn write_all(session: &Session<'_>, shared: &Shared) {
    let mut caution = 0u32;
    loop {
        let mut group = shared.writes.take(limits::WRITE_GROUP_MAX);
        if group.is_empty() {
            return;
        }
        if shared.log_is_long.load(Ordering::Acquire) {
            restart_log(session, shared);
        }
        if shared.is_poisoned() {
            fail_all(group, &StoreError::Poisoned);
            continue;
        }
        // A savepoint costs a copy of each page that its member changes, and nearly all members succeed. So a group first
        // runs without, and once more with them if a member has to be rolled back.
        let is_careful = group.len() > 1 && caution > 0;
        caution = caution.saturating_sub(1);
        let ran = match run_group(session, shared, &mut group, is_careful) {
            Ok(None) => {
                caution = CAREFUL_GROUPS;
                session
                    .statement("ROLLBACK")
                    .and_then(|()| run_group(session, shared, &mut group, true))
            }
            ran => ran,
        };
        finish_group(session, shared, group, ran.map(Option::unwrap_or_default));
    }
}

/// Runs every member in one transaction and gives how many are kept; `None` if one is to be rolled back and cannot be.
fn run_group(
    session: &Session<'_>,
    shared: &Shared,
    group: &mut [Box<dyn Job>],
    is_careful: bool,
) -> Result<Option<u64>, StoreError> {
    session.statement("BEGIN IMMEDIATE")?;
    let is_alone = group.len() == 1;
    let mut kept = 0;
    for job in group {
        match run_member(session, shared, job.as_mut(), is_careful)? {
            Verdict::Keep => kept += 1,
            Verdict::Undo if is_careful || is_alone => {}
            Verdict::Undo => return Ok(None),
        }
    }
    Ok(Some(kept))
}

fn run_member(
    session: &Session<'_>,
    shared: &Shared,
    job: &mut dyn Job,
    is_careful: bool,
) -> Result<Verdict, StoreError> {
    if is_careful {
        session.statement("SAVEPOINT member")?;
    }
    let mut tx = Tx::new(Conn::Sqlite(session), shared.planted);
    let verdict = job.run(&mut tx);
    match tx.failure() {
        Some(StoreError::Poisoned) => return Err(StoreError::Poisoned),
        // A full disk and some other errors make SQLite roll back the whole transaction, the others' work included.
        failure if session.is_autocommit() => return Err(failure.unwrap_or(StoreError::Aborted)),
        _ => {}
    }
    if is_careful {
        if verdict == Verdict::Undo {
            session.statement("ROLLBACK TO member")?;
        }
        session.statement("RELEASE member")?;
    }
    Ok(verdict)
}

/// One commit for all that waited. Nobody is answered before it, not even a member that was rolled back: its answer may
/// rest on what another member of the group did.
fn finish_group(
    session: &Session<'_>,
    shared: &Shared,
    mut group: Vec<Box<dyn Job>>,
    ran: Result<u64, StoreError>,
) {
    let count = group.len() as u64;
    if ran.is_ok() && shared.planted.has(Bug::AckBeforeCommit) {
        group.drain(..).for_each(Job::answer);
    }
    let done = ran.and_then(|kept| {
        session.statement(if kept == 0 { "ROLLBACK" } else { "COMMIT" })?;
        Ok(kept)
    });
    match done {
        Ok(kept) => {
            let counters = &shared.counters;
            counters.writes.fetch_add(kept, Ordering::Relaxed);
            counters.undone.fetch_add(count - kept, Ordering::Relaxed);
            counters
                .groups
                .fetch_add(u64::from(kept > 0), Ordering::Relaxed);
            group.into_iter().for_each(Job::answer);
        }
        Err(error) => {
            if !session.is_autocommit() {
                // Fails only if the transaction is gone already.
                drop(session.statement("ROLLBACK"));
            }
            if matches!(error, StoreError::Poisoned) {
                shared.poison("the database");
            }
            fail_all(group, &error);
        }
    }
}

fn fail_all(group: Vec<Box<dyn Job>>, error: &StoreError) {
    let first = group.first().map_or("", |job| job.name());
    tracing::warn!(operation = first, members = group.len(), error = %error, "a group of writes failed");
    for job in group {
        job.fail(error.clone());
    }
}

fn read_all(session: &Session<'_>, shared: &Shared) {
    loop {
        let Some(mut job) = shared.reads.take(1).pop() else {
            return;
        };
        let done = session.statement("BEGIN").map(|()| {
            job.run(&mut Tx::new(Conn::Sqlite(session), shared.planted));
        });
        if !session.is_autocommit() {
            // A snapshot has nothing to lose; if it cannot end, the next BEGIN says so.
            drop(session.statement("ROLLBACK"));
        }
        shared.counters.reads.fetch_add(1, Ordering::Relaxed);
        match done {
            Ok(()) => job.answer(),
            Err(error) => job.fail(error),
        }
    }
}

/// Copies the log into the database again and again, so that little of it waits when the writer looks.
fn checkpoint_all(session: &Session<'_>, shared: &Shared) {
    let (mut seen, mut was_tight) = (u64::MAX, false);
    while !shared.bell.wait(CHECKPOINT_EVERY) {
        let groups = shared.counters.groups.load(Ordering::Relaxed);
        let is_tight = !shared.has_room();
        let is_idle = groups == seen
            && is_tight == was_tight
            && shared.log_bytes.load(Ordering::Relaxed) == 0;
        let is_writers_turn = shared.log_is_long.load(Ordering::Acquire);
        if is_idle || is_writers_turn || shared.is_poisoned() {
            continue;
        }
        (seen, was_tight) = (groups, is_tight);
        let done = if is_tight {
            // The log's own blocks are worth more than the speed of the next syncs.
            copy_log(session, shared, TRUNCATE).map(|_| false)
        } else {
            shorten_log(session, shared)
        };
        match done {
            Ok(is_long) => shared.log_is_long.store(is_long, Ordering::Release),
            Err(error) => note_failure(shared, error),
        }
    }
}

/// Copies what waits; `true` if the log is long and nearly all of it is copied, so that the writer may begin it anew.
fn shorten_log(session: &Session<'_>, shared: &Shared) -> Result<bool, StoreError> {
    let mut log = copy_log(session, shared, PASSIVE)?;
    if log.bytes < LOG_RESTART_BYTES {
        return Ok(false);
    }
    // Under load the log grows while it is copied.
    for _ in 0..CHECKPOINT_ROUNDS {
        if log.waiting_bytes <= LOG_TAIL_BYTES {
            break;
        }
        log = copy_log(session, shared, PASSIVE)?;
    }
    Ok(true)
}

/// The writer copies the last piece itself, between two groups: then nothing is written meanwhile, the whole log is in
/// the database, and the next commit begins it anew. A reader on an old snapshot puts that off and is never waited for.
fn restart_log(session: &Session<'_>, shared: &Shared) {
    shared.log_is_long.store(false, Ordering::Release);
    let run = || {
        let log = copy_log(session, shared, PASSIVE)?;
        if log.waiting_bytes == 0 && log.bytes >= limits::WAL_TRUNCATE_BYTES {
            session.set_wait(Duration::ZERO)?;
            let cut = copy_log(session, shared, TRUNCATE);
            session.set_wait(WRITER_WAIT)?;
            cut?;
        }
        Ok(())
    };
    if let Err(error) = run() {
        note_failure(shared, error);
    }
}

fn note_failure(shared: &Shared, error: StoreError) {
    match error {
        // Another process or thread copies at this moment.
        StoreError::Busy => {}
        StoreError::Poisoned => shared.poison("a checkpoint"),
        error => tracing::warn!(error = %error, "a checkpoint failed and is tried again"),
    }
}

struct Log {
    bytes: u64,
    waiting_bytes: u64,
}

fn copy_log(session: &Session<'_>, shared: &Shared, mode: &'static str) -> Result<Log, StoreError> {
    let mut pages = (0, 0);
    session.visit(Sql::Fixed(mode), &[], &mut |row| {
        pages = (row.int(1).unwrap_or(0), row.int(2).unwrap_or(0));
    })?;
    let bytes = |pages: i64| u64::try_from(pages).unwrap_or(0) * PAGE_BYTES;
    let log = Log {
        bytes: bytes(pages.0),
        waiting_bytes: bytes(pages.0).saturating_sub(bytes(pages.1)),
    };
    shared.log_bytes.store(log.waiting_bytes, Ordering::Relaxed);
    Ok(log)
}

/// Runs a text of several statements without parameters.
pub(crate) fn batch(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    conn.execute_batch(sql).map_err(classify)
}

/// Copies the whole database to a new file and syncs it.
pub(crate) fn copy(conn: &Connection, to: &Path) -> Result<(), OpenError> {
    let part = to.with_extension("part");
    if part.exists() {
        std::fs::remove_file(&part)?;
    }
    conn.backup("main", &part, None::<fn(rusqlite::backup::Progress)>)
        .map_err(classify)?;
    File::open(&part)?.sync_all()?;
    std::fs::rename(&part, to)?;
    sync_folder(to)?;
    Ok(())
}

/// Sorts SQLite's errors by what can be done about them.
pub(crate) fn classify(error: rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(failure, message) = &error else {
        return StoreError::Sql(Arc::new(error));
    };
    let detail = || message.clone().unwrap_or_default();
    match failure.code {
        ErrorCode::DiskFull => StoreError::Full,
        ErrorCode::ConstraintViolation => StoreError::Constraint { detail: detail() },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::corrupt(detail()),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
        ErrorCode::SystemIoFailure => match failure.extended_code {
            ffi::SQLITE_IOERR_FSYNC
            | ffi::SQLITE_IOERR_DIR_FSYNC
            | ffi::SQLITE_IOERR_WRITE
            | ffi::SQLITE_IOERR_TRUNCATE => StoreError::Poisoned,
            _ => StoreError::Io(Arc::new(error)),
        },
        _ => StoreError::Sql(Arc::new(error)),
    }
}

mod session;
#[cfg(test)]
mod tests;
