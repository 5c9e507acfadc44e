//! What a newcomer hears when every connection is busy: come back soon.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lgsp_base::id::RequestId;
use lgsp_base::problem::{Lang, kinds};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::Listening;
use super::head::Refusal;
use super::refusal::problem_json;
use crate::tasks::Tasks;

/// Newcomers that are answered at once; more are closed without a word.
const AT_ONCE: usize = 64;
/// How long one of them may take to listen.
const PATIENCE: Duration = Duration::from_secs(1);
/// Seconds until it should come back.
const RETRY_AFTER_SECONDS: u64 = 5;
/// Bytes of its request that are read, so that closing does not destroy the answer on its way.
const DRAINED_BYTES_MAX: u64 = 64 * 1024;

/// Answers newcomers that find no place.
#[derive(Debug)]
pub(crate) struct TurnAway(Arc<Semaphore>);

impl Default for TurnAway {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl TurnAway {
    /// Says so and closes; never waits itself. The request is not read, so the language is the source language.
    pub(crate) fn answer(&self, mut socket: TcpStream, listening: &Listening, tasks: &Tasks) {
        listening.counters.refused.fetch_add(1, Ordering::Relaxed);
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else {
            return;
        };
        let text = text(listening);
        tasks.spawn("http.turn_away", async move {
            let told = async {
                socket.write_all(text.as_bytes()).await?;
                socket.shutdown().await?;
                let mut rest = (&mut socket).take(DRAINED_BYTES_MAX);
                tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
            };
            // A newcomer that does not listen has its answer all the same.
            drop(tokio::time::timeout(PATIENCE, told).await);
            drop(place);
        });
    }
}

fn text(listening: &Listening) -> String {
    let instance =
        RequestId::generate(listening.clock.now(), listening.entropy.as_ref()).to_string();
    let refusal = Refusal::new(&kinds::SYSTEM_BUSY, "every connection is busy");
    tracing::debug!(request.id = %instance, "all connections are busy");
    let body = problem_json(refusal, &instance, Lang::default());
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         retry-after: {RETRY_AFTER_SECONDS}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
