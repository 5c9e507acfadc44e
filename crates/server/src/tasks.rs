//! The one handle through which background work is started: named, counted, joined at shutdown.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Pause before a part that panicked is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// How long aborted tasks get to fall.
const ABORT_WAIT: Duration = Duration::from_secs(2);

/// Starts tasks, tells them to stop, waits for them. Clones share everything.
#[derive(Debug, Clone)]
pub struct Tasks {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stop: watch::Sender<bool>,
    running: watch::Sender<usize>,
    handles: Mutex<Handles>,
}

#[derive(Debug, Default)]
struct Handles {
    next: u64,
    open: std::collections::HashMap<u64, (&'static str, AbortHandle)>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                stop: watch::Sender::new(false),
                running: watch::Sender::new(0),
                handles: Mutex::default(),
            }),
        }
    }

    /// Becomes true when the tasks shall finish what they do and end.
    pub fn stop_signal(&self) -> watch::Receiver<bool> {
        self.shared.stop.subscribe()
    }

    /// True once [`Tasks::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        *self.shared.stop.borrow()
    }

    /// Starts a task; a panic in it is logged and ends this task alone.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let ended = Ended {
            shared: self.shared.clone(),
            number: self.with(|handles| {
                handles.next += 1;
                handles.next
            }),
        };
        self.shared.running.send_modify(|running| *running += 1);
        let number = ended.number;
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that starts tasks: counted, and joined at shutdown"
        )]
        let handle = tokio::spawn(async move {
            let ended = ended;
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a task panicked");
            }
            drop(ended);
        });
        let abort = handle.abort_handle();
        self.with(|handles| {
            // The task may be over already: then its entry would never be removed.
            if !abort.is_finished() {
                handles.open.insert(number, (name, abort));
            }
        });
    }

    /// Starts a part that must never be missing: after a panic it is made and started again.
    pub fn supervise<F, W>(&self, name: &'static str, make: F)
    where
        F: Fn() -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        self.spawn(name, async move {
            let mut stop = tasks.stop_signal();
            while AssertUnwindSafe(make()).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a part panicked and is started again");
                if is_stopped_within(&mut stop, RESTART_PAUSE).await {
                    return;
                }
            }
        });
    }

    /// Runs a small step again and again with a pause between, until told to stop.
    pub fn every<F, W>(&self, name: &'static str, pause: Duration, step: F)
    where
        F: Fn() -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        let step = Arc::new(step);
        self.supervise(name, move || {
            let (mut stop, step) = (tasks.stop_signal(), step.clone());
            async move {
                loop {
                    if is_stopped_within(&mut stop, pause).await {
                        return;
                    }
                    step().await;
                }
            }
        });
    }

    /// Tells every task to finish.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Waits until all tasks ended; those that run beyond the deadline are aborted and named in the log.
    pub async fn join(&self, deadline: Duration) {
        let mut running = self.shared.running.subscribe();
        let all_ended = async {
            drop(running.wait_for(|running| *running == 0).await);
        };
        if tokio::time::timeout(deadline, all_ended).await.is_ok() {
            return;
        }
        self.abort().await;
    }

    /// Ends every task where it stands.
    pub async fn abort(&self) {
        let left: Vec<_> = self.with(|handles| handles.open.drain().collect());
        for (_, (name, handle)) in left {
            tracing::warn!(task = name, "a task was cut off");
            handle.abort();
        }
        let mut running = self.shared.running.subscribe();
        drop(tokio::time::timeout(ABORT_WAIT, running.wait_for(|running| *running == 0)).await);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Handles) -> T) -> T {
        let mut handles = self
            .shared
            .handles
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        act(&mut handles)
    }
}

/// Waits for the pause to pass; true if the stop signal came first.
pub async fn is_stopped_within(stop: &mut watch::Receiver<bool>, pause: Duration) -> bool {
    tokio::time::timeout(pause, stop.wait_for(|stop| *stop))
        .await
        .is_ok()
}

/// Counts a task out when it ends, also when it is aborted.
#[derive(Debug)]
struct Ended {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.shared
            .handles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .open
            .remove(&self.number);
        self.shared
            .running
            .send_modify(|running| *running = running.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_costs_one_task_and_a_supervised_part_returns() {
        let tasks = Tasks::new();
        let starts = Arc::new(AtomicUsize::new(0));
        tasks.spawn("one", async { panic!("planned") });
        let counted = starts.clone();
        tasks.supervise("part", move || {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(number >= 2, "planned");
            }
        });
        tasks.join(Duration::from_secs(60)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_waits_then_cuts_off() {
        let tasks = Tasks::new();
        let mut stop = tasks.stop_signal();
        let ended = Arc::new(AtomicUsize::new(0));
        let polite = ended.clone();
        tasks.spawn("polite", async move {
            drop(stop.wait_for(|stop| *stop).await);
            polite.fetch_add(1, Ordering::SeqCst);
        });
        tasks.spawn("stubborn", std::future::pending());
        tasks.stop();
        tasks.join(Duration::from_secs(30)).await;
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        assert_eq!(*tasks.shared.running.borrow(), 0);
    }
}
