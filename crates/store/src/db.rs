//! The door to the database: [`Db::write`] and [`Db::read`].
//!
//! A closure is synchronous code that sees a [`Tx`]. Writes run first in, first out on SQLite's single writer, which
//! commits as many as wait in one synced group; on PostgreSQL several connections work at once. A caller hears `Ok` only
//! after the commit was synced. A closure may be run again, after a conflict or because another member of its group
//! failed; it must do the same each time and nothing but use `tx`: not move its captured values away, not wait for another
//! transaction.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};

use lgsp_base::limits;
use lgsp_base::planted::{Bug, Planted};
use tokio::sync::oneshot;

use crate::dialect::Engine;
use crate::error::{OpenError, StoreError};
use crate::queue::{Answer, Bell, Job, Queue, Work};
use crate::room::Room;
use crate::tx::Tx;
use crate::{migrate, postgres, sqlite};

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// Which database.
    pub target: DbTarget,
    /// Deliberate faults; [`Planted::NONE`] outside of tests.
    pub planted: Planted,
    /// Free bytes below which [`Db::has_room`] says no.
    pub disk_reserve_bytes: u64,
    /// Threads that read; at least one is started.
    pub readers: usize,
    /// Connections that write to PostgreSQL; SQLite always has one.
    pub writers: usize,
}

impl DbOptions {
    /// The defaults for a target.
    pub const fn new(target: DbTarget) -> Self {
        Self {
            target,
            planted: Planted::NONE,
            disk_reserve_bytes: limits::DISK_RESERVE_BYTES,
            readers: 2,
            writers: 8,
        }
    }
}

/// Where the data is.
#[derive(Clone)]
pub enum DbTarget {
    /// A file; its folder must exist.
    Sqlite {
        /// The file, `lgsp.db`.
        path: PathBuf,
    },
    /// A server.
    Postgres {
        /// `postgres://user:password@host:port/database`; never printed.
        url: String,
    },
}

impl fmt::Debug for DbTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DbTarget::Sqlite { path } => f.debug_struct("Sqlite").field("path", path).finish(),
            DbTarget::Postgres { .. } => f.write_str("Postgres"),
        }
    }
}

/// Whether the store can do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Ready,
    /// The disk reserve is used up: nothing new is accepted, everything else goes on.
    Full,
    /// The last transaction did not reach the database.
    Unavailable,
    /// A sync failed: nothing is acknowledged until it is opened anew.
    Poisoned,
    /// It was closed.
    Closed,
}

/// What the store did since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions committed.
    pub writes: u64,
    /// Commits; `writes / groups` is the size of a group.
    pub groups: u64,
    /// Write transactions rolled back because their closure said so.
    pub undone: u64,
    /// Reads done.
    pub reads: u64,
    /// Closures run again after a conflict (PostgreSQL).
    pub retries: u64,
    /// Transactions refused because the queue was full.
    pub refused: u64,
    /// Writes that wait now.
    pub writes_waiting: u64,
    /// Reads that wait now.
    pub reads_waiting: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) writes: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) undone: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// What the threads of one store share.
pub(crate) struct Shared {
    pub(crate) writes: Queue,
    pub(crate) reads: Queue,
    pub(crate) planted: Planted,
    /// The file system of an SQLite database.
    pub(crate) room: Option<Room>,
    pub(crate) counters: Counters,
    pub(crate) bell: Bell,
    /// Bytes of SQLite's log that are not in the database file yet.
    pub(crate) log_bytes: AtomicU64,
    /// Asks SQLite's writer to begin the log anew.
    pub(crate) log_is_long: AtomicBool,
    /// Set by a failed sync of the database or of a blob; never cleared.
    pub(crate) poisoned: Arc<AtomicBool>,
    pub(crate) is_unavailable: AtomicBool,
    pub(crate) is_closed: AtomicBool,
}

impl Shared {
    pub(crate) fn new(planted: Planted, room: Option<Room>) -> Self {
        Self {
            writes: Queue::new(limits::WRITE_QUEUE_MAX),
            reads: Queue::new(limits::READ_QUEUE_MAX),
            planted,
            room,
            counters: Counters::default(),
            bell: Bell::default(),
            log_bytes: AtomicU64::new(0),
            log_is_long: AtomicBool::new(false),
            poisoned: Arc::new(AtomicBool::new(false)),
            is_unavailable: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        let log_bytes = self.log_bytes.load(Ordering::Relaxed);
        match &self.room {
            Some(room) => room.is_enough(log_bytes),
            None => true,
        }
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire) && !self.planted.has(Bug::RetryAfterFailedSync)
    }

    pub(crate) fn poison(&self, place: &'static str) {
        if !self.poisoned.swap(true, Ordering::AcqRel) {
            tracing::error!(
                place,
                "a sync failed; the store acknowledges nothing more until it is opened anew"
            );
        }
    }
}

struct Inner {
    shared: Arc<Shared>,
    engine: Engine,
    options: DbOptions,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// The database; clones share it.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

impl Db {
    /// Opens a database, brings its schema up to date and starts its threads.
    ///
    /// An older SQLite database is copied first, beside itself. PostgreSQL is migrated under an advisory lock.
    ///
    /// # Errors
    /// Old SQLite, unsafe PostgreSQL settings, a schema of another version, or a database that cannot be used.
    pub fn open(options: DbOptions) -> Result<Self, OpenError> {
        let room = match &options.target {
            DbTarget::Sqlite { path } => Some(Room::new(
                sqlite::folder_of(path),
                options.disk_reserve_bytes,
            )),
            DbTarget::Postgres { .. } => None,
        };
        let shared = Arc::new(Shared::new(options.planted, room));
        let readers = options.readers.max(1);
        let (engine, threads) = match &options.target {
            DbTarget::Sqlite { path } => (
                Engine::Sqlite,
                sqlite::start(path, migrate::ALL, readers, &shared)?,
            ),
            DbTarget::Postgres { url } => {
                let writers = options.writers.max(1);
                let threads = postgres::start(url, migrate::ALL, writers, readers, &shared)?;
                (Engine::Postgres, threads)
            }
        };
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                engine,
                options,
                threads: Mutex::new(threads),
            }),
        })
    }

    /// Which engine stands behind it.
    pub fn engine(&self) -> Engine {
        self.inner.engine
    }

    /// The deliberate faults it was opened with.
    pub fn planted(&self) -> Planted {
        self.inner.options.planted
    }

    /// Runs a closure in a write transaction; an `Err` of the closure rolls back what it did. The answer comes after the
    /// sync of the commit.
    ///
    /// # Errors
    /// The closure's own, or a [`StoreError`]: see there which of them leave open whether something was stored.
    pub fn write<T, E, F>(&self, name: &'static str, closure: F) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (work, receiver) = Work::new(name, closure);
        self.hand_in(&self.inner.shared.writes, Box::new(work));
        Pending { receiver }
    }

    /// Runs a closure on a read-only snapshot.
    ///
    /// # Errors
    /// The closure's own, or a [`StoreError`].
    pub fn read<T, E, F>(&self, name: &'static str, closure: F) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (work, receiver) = Work::new(name, closure);
        self.hand_in(&self.inner.shared.reads, Box::new(work));
        Pending { receiver }
    }

    fn hand_in(&self, queue: &Queue, job: Box<dyn Job>) {
        if let Err((job, error)) = queue.push(job) {
            let refused = &self.inner.shared.counters.refused;
            refused.fetch_add(1, Ordering::Relaxed);
            job.fail(error);
        }
    }

    /// True if new documents may be accepted: the disk reserve is free, and so is the space that the write-ahead log
    /// will still need in the database file. Asks the file system at most ten times per second.
    pub fn has_room(&self) -> bool {
        self.inner.options.planted.has(Bug::NoDiskReserve) || self.inner.shared.has_room()
    }

    /// Whether the store can do its work.
    pub fn health(&self) -> Health {
        let shared = &self.inner.shared;
        if shared.is_closed.load(Ordering::Acquire) {
            Health::Closed
        } else if shared.poisoned.load(Ordering::Acquire) {
            Health::Poisoned
        } else if shared.is_unavailable.load(Ordering::Acquire) {
            Health::Unavailable
        } else if self.has_room() {
            Health::Ready
        } else {
            Health::Full
        }
    }

    /// Counters for metrics.
    pub fn stats(&self) -> Stats {
        let shared = &self.inner.shared;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            writes: read(&shared.counters.writes),
            groups: read(&shared.counters.groups),
            undone: read(&shared.counters.undone),
            reads: read(&shared.counters.reads),
            retries: read(&shared.counters.retries),
            refused: read(&shared.counters.refused),
            writes_waiting: shared.writes.depth() as u64,
            reads_waiting: shared.reads.depth() as u64,
        }
    }

    /// Looks for damage in the whole database, page by page on SQLite. An empty answer is a clean bill; PostgreSQL
    /// checks its pages itself when they are read (data checksums), so only a server without them is named.
    ///
    /// # Errors
    /// The database cannot be read at all.
    pub fn check(&self) -> Pending<Vec<String>, StoreError> {
        match self.inner.engine {
            Engine::Sqlite => self.read("store_check", |tx| {
                let lines = tx.query("PRAGMA integrity_check", &[], |row| row.text(0))?;
                Ok(lines.into_iter().filter(|line| line != "ok").collect())
            }),
            Engine::Postgres => self.read("store_check", |tx| {
                let state = tx.query_one("SHOW data_checksums", &[], |row| row.text(0))?;
                let is_off = (state != "on").then(|| format!("data_checksums = {state}"));
                Ok(is_off.into_iter().collect())
            }),
        }
    }

    pub(crate) fn fate(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.inner.shared.poisoned)
    }

    pub(crate) fn disk_reserve_bytes(&self) -> u64 {
        self.inner.options.disk_reserve_bytes
    }

    /// Refuses new work, finishes what waits and joins the threads. Further calls do nothing.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Inner {
    fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
        self.shared.writes.close();
        self.shared.reads.close();
        let mut threads: Vec<_> = {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.drain(..).collect()
        };
        // SQLite's checkpointer goes last: the last connection that may write leaves no log behind.
        let last = threads.pop();
        threads.into_iter().for_each(join);
        self.shared.bell.ring();
        last.into_iter().for_each(join);
    }
}

fn join(thread: JoinHandle<()>) {
    // The last handle may be dropped by a closure, on a thread of the store itself.
    let is_me = thread.thread().id() == std::thread::current().id();
    if !is_me && thread.join().is_err() {
        tracing::error!("a thread of the store panicked");
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("target", &self.inner.options.target)
            .finish()
    }
}

/// The answer of a transaction, to be awaited or waited for. Dropping it does not take the transaction back.
#[must_use = "the transaction's outcome is only known to who waits for it"]
pub struct Pending<T, E> {
    receiver: oneshot::Receiver<Answer<T, E>>,
}

impl<T, E: From<StoreError>> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver)
            .poll(context)
            .map(|answer| match answer {
                Ok(answer) => answer.result,
                Err(_) => Err(StoreError::Closed.into()),
            })
    }
}

impl<T, E> fmt::Debug for Pending<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<T, E: From<StoreError>> Pending<T, E> {
    /// Blocks this thread until the answer is there; for tests, commands and threads of their own, not for async code.
    ///
    /// # Errors
    /// As the transaction's.
    pub fn wait(mut self) -> Result<T, E> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}
