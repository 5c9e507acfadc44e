//! One running node: ports, parts, workers, and the way down.

use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context as _;
use lgsp_base::hash::to_hex;
use lgsp_base::limits::SHUTDOWN_DRAIN;
use lgsp_base::planted::Planted;
use lgsp_base::time::SystemClock;
use lgsp_base::{Clock, Entropy};

use crate::compose::{Patience, Platform, PlatformOptions, close_store};
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::listen::{self, Bound, Counters, Listening};
use crate::tasks::Tasks;

/// Connections of the admin listener.
const ADMIN_CONNECTIONS_MAX: usize = 64;
/// Descriptors that are kept for the store, the workers and the listeners.
const DESCRIPTORS_KEPT: u64 = 256;

/// What a node is started with.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The data folder.
    pub data: PathBuf,
    /// The settings, flags included.
    pub config: Config,
    /// How long recipients are waited for; the demonstration is short of patience.
    pub patience: Patience,
    /// Deliberate faults; [`Planted::NONE`] outside of tests.
    pub planted: Planted,
    /// Log events dropped, for the metrics page.
    pub log_dropped: Arc<AtomicU64>,
    /// True for the demonstration, whose pages say that their data is invented.
    pub is_demo: bool,
}

impl ServeOptions {
    /// A folder served with the given settings.
    pub fn new(data: impl Into<PathBuf>, config: Config) -> Self {
        Self {
            data: data.into(),
            config,
            patience: Patience::default(),
            planted: Planted::NONE,
            log_dropped: Arc::default(),
            is_demo: false,
        }
    }
}

/// A node that serves. It must be stopped with [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    ready_in: Duration,
    platform: Platform,
    /// What accepts and answers; stops first.
    listeners: Tasks,
    /// What works in the background; stops behind the last answer.
    workers: Tasks,
    _lock: File,
}

/// Checks the folder, takes the ports, opens the store and serves. When it returns, the node is ready.
pub async fn start(options: ServeOptions) -> anyhow::Result<Running> {
    let began = SystemClock::new();
    let folder = DataFolder::new(&options.data);
    folder.check()?;
    let lock = folder.lock()?;
    let config = &options.config;
    let public = bind(config.listen_address()?)?;
    let admin = config.admin_address()?.map(bind).transpose()?;
    let (address, admin_address) = (public.address(), admin.as_ref().map(Bound::address));

    let counters = Arc::new(Counters::default());
    let (listeners, workers) = (Tasks::new(), Tasks::new());
    let platform = Platform::compose(PlatformOptions {
        folder: &folder,
        config,
        public_url: if config.public_url.is_empty() {
            local_url(address)
        } else {
            config.public_url.clone()
        },
        own: std::iter::once(address).chain(admin_address).collect(),
        patience: options.patience,
        planted: options.planted,
        connections: counters.clone(),
        log_dropped: options.log_dropped.clone(),
        is_demo: options.is_demo,
        stop: listeners.stop_signal(),
    })
    .await?;

    let listening = Listening {
        router: platform.router.clone(),
        connections_max: connections_max(config.limits.connections),
        clock: platform.clock.clone(),
        entropy: platform.entropy.clone(),
        counters,
    };
    if let Some(admin) = admin {
        let listening = Listening {
            router: platform.admin.clone(),
            connections_max: ADMIN_CONNECTIONS_MAX,
            counters: Arc::default(),
            ..listening.clone()
        };
        listeners.spawn(
            "listener.admin",
            listen::serve(admin, listening, listeners.clone()),
        );
    }
    listeners.spawn(
        "listener",
        listen::serve(public, listening, listeners.clone()),
    );
    platform.start_workers(&workers, &node_name(platform.entropy.as_ref()));
    Ok(Running {
        address,
        admin_address,
        ready_in: began.monotonic(),
        platform,
        listeners,
        workers,
        _lock: lock,
    })
}

/// A listener on every address is named by the loopback one.
fn local_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

fn bind(address: SocketAddr) -> anyhow::Result<Bound> {
    listen::bind(address).with_context(|| format!("listen: {address}"))
}

/// A name for leases: a new one with each start, so that a restarted node never takes its own old lease for granted.
fn node_name(entropy: &dyn Entropy) -> String {
    let mut random = [0u8; 8];
    entropy.fill(&mut random);
    format!("node-{}", to_hex(&random))
}

/// As many connections as the settings allow and the descriptors suffice for, after asking for more of them.
fn connections_max(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = u64::try_from(wanted)
        .unwrap_or(u64::MAX)
        .saturating_add(DESCRIPTORS_KEPT);
    let limits = getrlimit(Resource::Nofile);
    let mut current = limits.current.unwrap_or(u64::MAX);
    if current < needed {
        let raised = limits.maximum.unwrap_or(needed).min(needed);
        let wish = Rlimit {
            current: Some(raised),
            maximum: limits.maximum,
        };
        if setrlimit(Resource::Nofile, wish).is_ok() {
            current = raised;
        }
    }
    if current < needed {
        tracing::warn!(
            descriptors = current,
            wanted = needed,
            "fewer connections than set: the descriptors do not suffice"
        );
    }
    usize::try_from(current.saturating_sub(DESCRIPTORS_KEPT))
        .unwrap_or(wanted)
        .clamp(16, wanted.max(16))
}

impl Running {
    /// The public listener's address with its real port.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The admin listener's address, if there is one.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// The public listener's address as a URL of this machine.
    pub fn url(&self) -> String {
        local_url(self.address)
    }

    /// How long the start took.
    pub fn ready_in(&self) -> Duration {
        self.ready_in
    }

    /// The parts, for tests and the demonstration.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Stops accepting, finishes open requests within the drain time, then the workers, then the store.
    pub async fn stop(self) {
        self.listeners.stop();
        self.platform.close_streams();
        self.listeners.join(SHUTDOWN_DRAIN).await;
        self.finish(SHUTDOWN_DRAIN).await;
    }

    /// As [`Running::stop`], but cut short when `hurry` resolves.
    pub async fn stop_unless(self, hurry: impl Future<Output = ()>) {
        self.listeners.stop();
        self.platform.close_streams();
        self.workers.stop();
        let is_hurried = tokio::select! {
            () = self.listeners.join(SHUTDOWN_DRAIN) => false,
            () = hurry => true,
        };
        if is_hurried {
            self.listeners.abort().await;
            self.workers.abort().await;
        }
        self.finish(Duration::from_secs(5)).await;
    }

    async fn finish(self, patience: Duration) {
        self.workers.stop();
        self.workers.join(patience).await;
        // What was still written shall not wait for the next start.
        self.platform.vouching.sealing.step().await;
        let db = self.platform.db.clone();
        drop(self.platform);
        close_store(db).await;
    }
}
