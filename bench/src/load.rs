//! One load for every target: producers and consumers at the same time until everything is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use lgsp_base::Sha256;
use lgsp_base::entropy::{Entropy as _, SeededEntropy};
use lgsp_base::id::RequestId;
use lgsp_base::time::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::axis::Axis;
use crate::measure;
use crate::plain::Plain;
use crate::rabbitmq::RabbitMq;

/// Longest time for one load; a slower target is an error, not a wait.
const LOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// What is sent, and by how many at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Name of the size in the table.
    pub(crate) size: &'static str,
    /// Bytes of one document, random and incompressible.
    pub(crate) bytes: usize,
    /// Documents of one round; a multiple of `connections` and of `recipients × batch`.
    pub(crate) documents: usize,
    /// Producers, each with its own connection and one document under way.
    pub(crate) connections: usize,
    /// Recipients (inboxes, queues), each with one consumer of its own.
    pub(crate) recipients: usize,
    /// Documents that a consumer acknowledges together.
    pub(crate) batch: usize,
}

impl Load {
    /// What one consumer gets.
    pub(crate) const fn documents_per_recipient(&self) -> usize {
        self.documents / self.recipients
    }
}

/// What one round cost.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) per_second: f64,
    pub(crate) cpu_us_per_item: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) rss_mb: f64,
}

/// Whom the load is put on.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// The peer.
    RabbitMq(Arc<RabbitMq>),
    /// Ours through the plain door.
    Plain(Arc<Plain>),
    /// Ours through the document axis.
    Axis(Arc<Axis>),
}

impl Target {
    /// Name in the table.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::RabbitMq(_) => "rabbitmq quorum+confirms",
            Self::Plain(_) => "lgsp plain door",
            Self::Axis(_) => "lgsp VXP",
        }
    }

    fn server_pid(&self) -> u32 {
        match self {
            Self::RabbitMq(target) => target.pid(),
            Self::Plain(target) => target.pid(),
            Self::Axis(target) => target.pid(),
        }
    }

    async fn produce(&self, load: Load, producer: usize, body: Body) -> Result<Vec<u32>> {
        match self {
            Self::RabbitMq(target) => target.produce(load, producer, body).await,
            Self::Plain(target) => target.produce(load, producer, body).await,
            Self::Axis(target) => target.produce(load, producer, body).await,
        }
    }

    async fn consume(&self, load: Load, recipient: usize) -> Result<()> {
        match self {
            Self::RabbitMq(target) => target.consume(load, recipient).await,
            Self::Plain(target) => target.consume(load, recipient).await,
            Self::Axis(target) => target.consume(load, recipient).await,
        }
    }
}

/// Random bytes, different for every document, made with little work between two sends.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    entropy: SeededEntropy,
    clock: SystemClock,
}

impl Body {
    fn new(length: usize, seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed);
        let mut bytes = vec![0; length];
        entropy.fill(&mut bytes);
        Self {
            bytes,
            entropy,
            clock: SystemClock::new(),
        }
    }

    /// The next document.
    pub(crate) fn next(&mut self) -> &[u8] {
        let mut mark = [0; 32];
        self.entropy.fill(&mut mark);
        for (slot, byte) in self.bytes.iter_mut().zip(mark) {
            *slot = byte;
        }
        &self.bytes
    }

    /// A key as our own clients make theirs: unique, and in the order of time.
    pub(crate) fn key(&self) -> RequestId {
        RequestId::generate(self.clock.now(), &self.entropy)
    }

    /// A number that no other document of the run has.
    pub(crate) fn unique(&self) -> u64 {
        self.entropy.below(u64::MAX)
    }
}

/// Measures how long each piece of work of one producer took.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    clock: SystemClock,
    samples_us: Vec<u32>,
}

impl Stopwatch {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            clock: SystemClock::new(),
            samples_us: Vec::with_capacity(capacity),
        }
    }

    pub(crate) async fn time<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let from = self.clock.monotonic();
        let result = work.await?;
        let took = self.clock.monotonic().saturating_sub(from).as_micros();
        self.samples_us
            .push(u32::try_from(took).unwrap_or(u32::MAX));
        Ok(result)
    }

    pub(crate) fn into_samples(self) -> Vec<u32> {
        self.samples_us
    }
}

/// Puts the load on the target once. `round` makes the bodies different from those of other rounds.
pub(crate) async fn run(target: &Target, load: Load, round: u64) -> Result<Sample> {
    ensure!(
        load.documents.is_multiple_of(load.connections)
            && load.documents.is_multiple_of(load.recipients * load.batch),
        "the load does not divide evenly"
    );
    // Bodies are made before the clock starts.
    let bodies: Vec<Body> = (0..load.connections)
        .map(|producer| {
            // Hashed: neighbouring seeds of this generator could give overlapping sequences.
            let name = format!("{round}/{}/{producer}", load.bytes);
            let Sha256([a, b, c, d, e, f, g, h, ..]) = Sha256::of(name.as_bytes());
            Body::new(load.bytes, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
        })
        .collect();
    let clock = SystemClock::new();
    let cpu_from = measure::cpu_time(target.server_pid());
    let from = clock.monotonic();

    let mut producers: JoinSet<Result<Vec<u32>>> = JoinSet::new();
    for (producer, body) in bodies.into_iter().enumerate() {
        let target = target.clone();
        producers.spawn(async move { target.produce(load, producer, body).await });
    }
    let mut consumers: JoinSet<Result<()>> = JoinSet::new();
    for recipient in 0..load.recipients {
        let target = target.clone();
        consumers.spawn(async move { target.consume(load, recipient).await });
    }
    let mut latencies = Vec::with_capacity(load.documents);
    let finished = async {
        while let Some(samples) = producers.join_next().await {
            latencies.extend(samples??);
        }
        while let Some(done) = consumers.join_next().await {
            done??;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LOAD_TIMEOUT, finished).await??;

    let wall = clock.monotonic().saturating_sub(from).as_secs_f64();
    let cpu = measure::cpu_time(target.server_pid()).saturating_sub(cpu_from);
    latencies.sort_unstable();
    let documents = load.documents as f64;
    Ok(Sample {
        per_second: documents / wall,
        cpu_us_per_item: cpu.as_secs_f64() * 1e6 / documents,
        p50_ms: measure::percentile_ms(&latencies, 0.50),
        p99_ms: measure::percentile_ms(&latencies, 0.99),
        rss_mb: measure::rss_mb(target.server_pid()),
    })
}
