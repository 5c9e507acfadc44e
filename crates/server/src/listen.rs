//! Accepts connections and serves a router over them, within bounds.
//!
//! Each socket stands behind a guard that judges request heads and watches the clock; the library (hyper) does the rest.
//! When every place is taken, the connection that has waited longest without a request makes room for the new one; when
//! all of them work, the new one is told to come back.

mod chunks;
mod guard;
mod head;
mod refusal;
mod service;
mod turn_away;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use lgsp_base::{Clock, Entropy};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::tasks::Tasks;
use guard::Guard;
use refusal::Verdict;
use service::Service;
use turn_away::TurnAway;

/// Connections that the kernel holds until we accept them.
const BACKLOG: u32 = 4_096;
/// Pause after a failed accept, so that a full descriptor table does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound port that does not accept yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Takes the port; port 0 takes a free one.
pub fn bind(address: SocketAddr) -> io::Result<Bound> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A restart must not wait for the old connections' last packets.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok(Bound { listener, address })
}

impl Bound {
    /// The address with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What a listener serves with.
#[derive(Debug, Clone)]
pub struct Listening {
    /// The requests' handlers.
    pub router: Router,
    /// Connections at once.
    pub connections_max: usize,
    /// For request ids.
    pub clock: Arc<dyn Clock>,
    /// For request ids.
    pub entropy: Arc<dyn Entropy>,
    /// Where connections are counted.
    pub counters: Arc<Counters>,
}

/// What a listener counts; read by the metrics page.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Idle connections closed to make room.
    pub evicted: AtomicU64,
    /// Requests refused below the router.
    pub refused: AtomicU64,
    /// Handlers that panicked.
    pub panics: AtomicU64,
    /// Connections open now.
    pub open: AtomicU64,
}

/// The open connections, by number.
#[derive(Debug, Default)]
struct Places(Mutex<std::collections::HashMap<u64, Arc<Verdict>>>);

impl Places {
    fn with<T>(
        &self,
        act: impl FnOnce(&mut std::collections::HashMap<u64, Arc<Verdict>>) -> T,
    ) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the connection that has waited longest to go; false if all of them work.
    fn evict_oldest(&self) -> bool {
        self.with(|open| {
            let oldest = open
                .iter()
                .filter(|(_, verdict)| verdict.is_idle())
                .map(|(number, verdict)| (verdict.idle_since.load(Ordering::Relaxed), *number))
                .filter(|(since, _)| *since > 0)
                .min();
            let Some(verdict) = oldest.and_then(|(_, number)| open.remove(&number)) else {
                return false;
            };
            verdict.evict.notify_one();
            true
        })
    }
}

/// Accepts until the tasks are told to stop; then open requests are finished and their connections closed.
pub async fn serve(bound: Bound, listening: Listening, tasks: Tasks) {
    let started = Instant::now();
    let places = Arc::new(Places::default());
    let turn_away = TurnAway::default();
    let mut number = 0u64;
    let mut stop = tasks.stop_signal();
    loop {
        let accepted = tokio::select! {
            accepted = bound.listener.accept() => accepted,
            () = stopped(&mut stop) => return,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        listening.counters.accepted.fetch_add(1, Ordering::Relaxed);
        if places.with(|open| open.len()) >= listening.connections_max {
            if !places.evict_oldest() {
                // Every place works for somebody.
                turn_away.answer(socket, &listening, &tasks);
                continue;
            }
            listening.counters.evicted.fetch_add(1, Ordering::Relaxed);
        }
        number += 1;
        let verdict = Arc::new(Verdict::default());
        places.with(|open| open.insert(number, verdict.clone()));
        let place = Place {
            places: places.clone(),
            number,
            counters: listening.counters.clone(),
        };
        listening.counters.open.fetch_add(1, Ordering::Relaxed);
        let connection = serve_connection(
            socket,
            verdict,
            started,
            listening.clone(),
            tasks.stop_signal(),
        );
        tasks.spawn("http.connection", async move {
            connection.await;
            drop(place);
        });
    }
}

/// Gives a connection's place back when it ends, however it ends.
#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    number: u64,
    counters: Arc<Counters>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.with(|open| open.remove(&self.number));
        self.counters.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Resolves when the signal says stop, or its sender is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

async fn serve_connection(
    socket: TcpStream,
    verdict: Arc<Verdict>,
    started: Instant,
    listening: Listening,
    mut stop: watch::Receiver<bool>,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let service = Service::new(listening, verdict.clone(), socket.peer_addr().ok());
    let io = TokioIo::new(Guard::new(socket, verdict.clone(), started));
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            // The guard watches the clock.
            .header_read_timeout(None)
            .pipeline_flush(true)
            .serve_connection(io, service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = verdict.evict.notified() => return,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
