//! The log on standard error, one event per line, written by a thread of its own.
//!
//! A full or slow terminal must not hold up a document: events that find the queue full are dropped and counted.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogConfig;

/// Events that may wait for the terminal.
const QUEUE_EVENTS_MAX: usize = 4_096;
/// How long the end waits for the rest to be written.
const FLUSH_WAIT: Duration = Duration::from_millis(500);

/// Keeps the log running; dropping it writes what is left.
#[derive(Debug)]
pub struct Log {
    dropped: Arc<AtomicU64>,
    ended: Receiver<()>,
    queue: Queue,
}

impl Log {
    /// Events that were not written because the queue was full.
    pub fn dropped(&self) -> Arc<AtomicU64> {
        self.dropped.clone()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        drop(self.queue.sender.try_send(Message::End));
        let _ = self.ended.recv_timeout(FLUSH_WAIT);
    }
}

#[derive(Debug)]
enum Message {
    Event(Vec<u8>),
    End,
}

/// Takes events without ever waiting.
#[derive(Debug, Clone)]
struct Queue {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Write for Queue {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        if self
            .sender
            .try_send(Message::Event(event.to_vec()))
            .is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Queue;
    fn make_writer(&'a self) -> Queue {
        self.clone()
    }
}

/// Starts the log for this process; a second start in one process keeps the first.
pub fn start(config: &LogConfig) -> Log {
    start_to(config, std::io::stderr())
}

fn start_to(config: &LogConfig, mut target: impl Write + Send + 'static) -> Log {
    let (sender, events) = sync_channel(QUEUE_EVENTS_MAX);
    let (end, ended) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = Queue {
        sender,
        dropped: dropped.clone(),
    };
    let writer = std::thread::Builder::new().name("log".to_owned());
    drop(writer.spawn(move || {
        while let Ok(Message::Event(event)) = events.recv() {
            // A closed terminal is nobody's fault: the event is lost, the service goes on.
            drop(target.write_all(&event));
        }
        let _ = end.send(());
    }));
    let filter = config
        .level
        .parse()
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(queue.clone());
    drop(if config.format == "json" {
        builder.json().try_init()
    } else {
        builder.try_init()
    });
    Log {
        dropped,
        ended,
        queue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal that takes nothing until it is let go.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_terminal_costs_events_and_nothing_else() {
        let (let_go, stuck) = sync_channel(1);
        let log = start_to(&LogConfig::default(), Stuck(stuck));
        let mut queue = log.queue.clone();
        for _ in 0..QUEUE_EVENTS_MAX + 100 {
            queue.write_all(b"event\n").expect("never fails");
        }
        assert!(log.dropped().load(Ordering::Relaxed) >= 98);
        drop(let_go);
    }
}
