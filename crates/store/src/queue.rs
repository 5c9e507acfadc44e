//! The bounded queues between callers and the threads that talk to the database.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::tx::Tx;

/// What becomes of a member's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They are part of the commit.
    Keep,
    /// They are rolled back.
    Undo,
}

/// A transaction of a caller, its types erased.
pub(crate) trait Job: Send {
    /// The name for logs and metrics.
    fn name(&self) -> &'static str;
    /// Runs the closure (maybe again) and keeps its result.
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict;
    /// Hands the kept result to the caller.
    fn answer(self: Box<Self>);
    /// Hands the caller an error instead.
    fn fail(self: Box<Self>, error: StoreError);
}

/// What a caller gets.
pub(crate) struct Answer<T, E> {
    /// The result of its closure.
    pub(crate) result: Result<T, E>,
    /// The closure with all that it holds: the caller's thread drops it, not the one that everybody waits for.
    _spent: Option<Box<dyn Send>>,
}

/// A closure with the place where its caller waits.
pub(crate) struct Work<T, E, F> {
    name: &'static str,
    closure: F,
    result: Option<Result<T, E>>,
    caller: Option<oneshot::Sender<Answer<T, E>>>,
}

impl<T, E, F> Work<T, E, F> {
    pub(crate) fn new(name: &'static str, closure: F) -> (Self, oneshot::Receiver<Answer<T, E>>) {
        let (caller, receiver) = oneshot::channel();
        let work = Self {
            name,
            closure,
            result: None,
            caller: Some(caller),
        };
        (work, receiver)
    }
}

impl<T, E, F> Job for Work<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict {
        // The closure's captures are dropped or run again from the start, the transaction is rolled back.
        let ran = catch_unwind(AssertUnwindSafe(|| (self.closure)(tx)));
        let result = match (ran, tx.failure()) {
            (Err(_), _) => {
                tracing::error!(
                    operation = self.name,
                    "a transaction panicked and was rolled back"
                );
                Err(StoreError::Panicked.into())
            }
            (Ok(Ok(_)), Some(failure)) => Err(failure.into()),
            (Ok(result), _) => result,
        };
        let verdict = match result {
            Ok(_) => Verdict::Keep,
            Err(_) => Verdict::Undo,
        };
        self.result = Some(result);
        verdict
    }

    fn answer(mut self: Box<Self>) {
        let result = self.result.take();
        let result = result.unwrap_or(Err(StoreError::Closed.into()));
        if let Some(caller) = self.caller.take() {
            // A caller that went away does not take its answer; what it asked for happened all the same.
            drop(caller.send(Answer {
                result,
                _spent: Some(self),
            }));
        }
    }

    fn fail(mut self: Box<Self>, error: StoreError) {
        self.result = Some(Err(error.into()));
        self.answer();
    }
}

struct State {
    jobs: VecDeque<Box<dyn Job>>,
    idle_threads: usize,
    is_closed: bool,
}

/// First in, first out, with an upper bound.
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    limit: usize,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                idle_threads: 0,
                is_closed: false,
            }),
            ready: Condvar::new(),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job, or gives it back with the reason.
    pub(crate) fn push(&self, job: Box<dyn Job>) -> Result<(), (Box<dyn Job>, StoreError)> {
        let mut state = self.lock();
        if state.is_closed {
            return Err((job, StoreError::Closed));
        }
        if state.jobs.len() >= self.limit {
            return Err((job, StoreError::Busy));
        }
        state.jobs.push_back(job);
        // Waking costs a system call, also when nobody sleeps.
        let must_wake = state.idle_threads > 0;
        drop(state);
        if must_wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for at least one job and takes up to `max`; an empty answer says that the queue is closed and drained.
    pub(crate) fn take(&self, max: usize) -> Vec<Box<dyn Job>> {
        let mut state = self.lock();
        loop {
            if !state.jobs.is_empty() {
                let count = state.jobs.len().min(max);
                return state.jobs.drain(..count).collect();
            }
            if state.is_closed {
                return Vec::new();
            }
            state.idle_threads += 1;
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle_threads -= 1;
        }
    }

    /// How many jobs wait.
    pub(crate) fn depth(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Refuses new jobs; those that wait are still done.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.ready.notify_all();
    }
}

/// Wakes a periodic thread for the last time.
#[derive(Default)]
pub(crate) struct Bell {
    is_rung: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    /// Waits for the bell, at most for `span`; true if it was rung.
    pub(crate) fn wait(&self, span: Duration) -> bool {
        let guard = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = self
            .rung
            .wait_timeout_while(guard, span, |is_rung| !*is_rung)
            .unwrap_or_else(PoisonError::into_inner);
        *guard
    }

    /// Rings.
    pub(crate) fn ring(&self) {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rung.notify_all();
    }
}
