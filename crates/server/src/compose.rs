//! Puts the parts together: store, registry, exchange, doors. The only place that knows all of them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::Request;
use axum::middleware;
use lgsp_api::{ApiParts, ApiState, Probe};
use lgsp_base::entropy::OsEntropy;
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::time::SystemClock;
use lgsp_base::{Clock, Entropy, limits};
use lgsp_connect::axis::AxisState;
use lgsp_connect::connector::{Connectors, DossierCasework};
use lgsp_connect::dvcqg::NationalPortal;
use lgsp_connect::ministries::Ministries;
use lgsp_connect::outbound::{Outbound, OutboundConfig, SystemResolver};
use lgsp_connect::webhook::WebhookTransport;
use lgsp_console::{ConsoleParts, LedgerEvents, Mode, StoreSessions};
use lgsp_exchange::dossier::Dossiers;
use lgsp_exchange::{Exchange, ExchangeConfig, Gate};
use lgsp_insight::Insight;
use lgsp_registry::{Environment, Registry, RegistryConfig, Vault};
use lgsp_store::ledger::Ledger;
use lgsp_store::{Blobs, Db, DbOptions, DbTarget, Health};
use lgsp_wire::webhook::SigningKey;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::adopt;
use crate::config::Config;
use crate::data_folder::{DataFolder, FolderError};
use crate::directory::RegistryDirectory;
use crate::dossiers;
use crate::ledger::{self, LedgerParts, Vouching};
use crate::listen::Counters;
use crate::metrics::{Requests, Sources, count_request};
use crate::portals::PortalDesk;
use crate::proxies::{Proxies, reveal};
use crate::tasks::Tasks;
use crate::transport::Transports;

/// Seconds of a day.
const DAY: u64 = 24 * 3600;
/// How often changes by other nodes are looked for.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// How often deliveries are looked through for those whose time is up.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// How often files without a document and old idempotency keys are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Sweeps of which one also forgets old idempotency keys.
const SWEEPS_PER_PURGE: u32 = 24;
/// How often it is looked whether a ministry is to be asked about a dossier.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// First pause between two such questions in the demonstration.
const DEMO_POLL: Duration = Duration::from_secs(1);
/// Where machines keep the authorities they trust.
const MACHINE_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// How long the exchange waits for recipients, apart from the settings.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a document waits for its recipients; none leaves it to the setting `limits.expiry_days`.
    pub expiry: Option<Duration>,
    /// Delay before each further try of a push.
    pub retry_schedule: &'static [Duration],
    /// How often deliveries are looked through for those whose time is up.
    pub expire_every: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            expiry: None,
            retry_schedule: &limits::RETRY_SCHEDULE,
            expire_every: EXPIRE_EVERY,
        }
    }
}

/// All parts of one node.
#[derive(Debug)]
pub struct Platform {
    /// The store.
    pub db: Db,
    /// Organisations and systems.
    pub registry: Registry,
    /// Documents.
    pub exchange: Exchange,
    /// Dossiers of the one-stop shop.
    pub dossiers: Dossiers,
    /// The public doors.
    pub router: Router,
    /// The operator's pages.
    pub admin: Router,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The log over the ledger.
    pub ledger: Ledger,
    /// Figures and search, derived from the log.
    pub insight: Insight,
    /// What keeps the log going.
    pub vouching: Vouching,
    transport: Arc<Transports>,
    /// The national portals, on command.
    pub portals: PortalDesk,
    ministries: Ministries,
    api: ApiState,
    expire_every: Duration,
}

/// What a node is composed from.
#[derive(Debug)]
pub struct PlatformOptions<'a> {
    /// The installation.
    pub folder: &'a DataFolder,
    /// Its settings.
    pub config: &'a Config,
    /// The platform's address as receivers of pushes see it.
    pub public_url: String,
    /// Our own listeners: never called outward.
    pub own: Vec<std::net::SocketAddr>,
    /// How long recipients are waited for.
    pub patience: Patience,
    /// Deliberate faults; none outside of tests.
    pub planted: Planted,
    /// Connections of the public listener.
    pub connections: Arc<Counters>,
    /// Log events dropped.
    pub log_dropped: Arc<AtomicU64>,
    /// True for the demonstration, whose pages say that their data is invented.
    pub is_demo: bool,
    /// Becomes true when answers without an end shall end.
    pub stop: watch::Receiver<bool>,
}

impl Platform {
    /// Opens the store and puts everything together; nothing runs in the background yet.
    pub async fn compose(options: PlatformOptions<'_>) -> anyhow::Result<Self> {
        let PlatformOptions { folder, config, .. } = options;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);

        let vault = Vault::open(&folder.vault_key()).context("keys/vault.key")?;
        let db = open_store(DbOptions {
            planted: options.planted,
            disk_reserve_bytes: config.storage.reserve_bytes,
            readers: config.database.readers,
            ..DbOptions::new(target(folder, config)?)
        })
        .await?;
        adopt::operators(folder, &db, clock.as_ref(), entropy.as_ref()).await?;
        let registry = Registry::open(
            db.clone(),
            clock.clone(),
            entropy.clone(),
            vault,
            registry_config(config),
        )
        .await?;
        let blobs = Blobs::beside(&db, &folder.blobs())?;
        let directory = Arc::new(RegistryDirectory::new(registry.clone(), clock.clone()));
        let gate = Gate::default();
        let exchange = Exchange::new(
            db.clone(),
            blobs,
            clock.clone(),
            entropy.clone(),
            directory.clone(),
            ExchangeConfig {
                expiry: options
                    .patience
                    .expiry
                    .unwrap_or(Duration::from_secs(config.limits.expiry_days * DAY)),
                retry_schedule: options.patience.retry_schedule,
                gate: gate.clone(),
                planted: options.planted,
                ..ExchangeConfig::default()
            },
        );

        let keys = dossiers::keys(folder, &db, clock.as_ref(), entropy.as_ref()).await?;
        let dossiers = dossiers::compose(&exchange, keys);

        let outbound = Outbound::new(
            OutboundConfig {
                allowed: config.allowed()?,
                own: options.own,
                roots_pem: trusted_roots(&config.outbound.ca_file)?,
            },
            Arc::new(SystemResolver),
        )?;
        let key = SigningKey::from_seed(folder.read_webhook_seed()?.expose())
            .context("keys/webhook.key")?;
        let public_key = lgsp_wire::webhook::public_key_text(&key.public_key());
        let webhooks = WebhookTransport::new(
            outbound.clone(),
            key,
            clock.clone(),
            registry.clone(),
            &options.public_url,
        );
        let casework = Arc::new(DossierCasework::new(
            exchange.clone(),
            dossiers.clone(),
            &options.public_url,
        ));
        let portal = NationalPortal::new(outbound.clone(), registry.clone(), casework.clone());
        let ministries = Ministries::new(
            outbound.clone(),
            registry.clone(),
            casework,
            db.clone(),
            clock.clone(),
            entropy.clone(),
            options.is_demo.then_some(DEMO_POLL),
        );
        let connectors = Connectors::new(portal.clone(), ministries.clone());
        let transport = Arc::new(Transports::new(webhooks, Arc::new(connectors)));
        let portals = PortalDesk::new(
            portal,
            dossiers.clone(),
            registry.clone(),
            clock.clone(),
            config.portals.from_hour,
        );

        let ledger = ledger::open(
            db.clone(),
            folder,
            &ledger::platform_name(&registry, clock.as_ref()),
            clock.clone(),
            entropy.clone(),
            options.planted,
        )
        .await?;
        let parts = LedgerParts {
            folder,
            config: &config.ledger,
            outbound: &outbound,
            gate,
            clock: clock.clone(),
            entropy: entropy.clone(),
            planted: options.planted,
        };
        let vouching = Vouching::compose(&ledger, parts).await?;
        let insight = Insight::open(
            db.clone(),
            clock.clone(),
            Arc::new(ledger.clone()),
            directory,
        );

        let state = ApiState::new(ApiParts {
            exchange: exchange.clone(),
            dossiers: dossiers.clone(),
            portals: Some(Arc::new(portals.clone())),
            registry: registry.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            spool: folder.spool(),
            webhook_public_key: public_key,
            endpoint_policy: Arc::new(move |url| outbound.check_url(url)),
            probes: probes(&db, &vouching),
            ledger: Some(ledger.clone()),
        });
        let api = lgsp_api::router(state.clone());
        let axis = lgsp_connect::axis::router(AxisState {
            exchange: exchange.clone(),
            registry: registry.clone(),
            clock: clock.clone(),
        });
        let console = lgsp_console::router(ConsoleParts {
            exchange: exchange.clone(),
            dossiers: dossiers.clone(),
            portals: Arc::new(portals.clone()),
            registry: registry.clone(),
            ledger: ledger.clone(),
            insight: insight.clone(),
            sessions: Arc::new(StoreSessions::new(
                db.clone(),
                registry.clone(),
                clock.clone(),
                entropy.clone(),
            )),
            alarms: Arc::new(vouching.clone()),
            events: Arc::new(LedgerEvents::new(ledger.clone(), exchange.clone())),
            clock: clock.clone(),
            entropy: entropy.clone(),
            mode: mode(config, options.is_demo),
            public_url: options.public_url,
            stop: options.stop,
        })?;
        let requests = Arc::new(Requests::new(clock.clone()));
        let (lost, unknown) = (console.lost, api.clone());
        let router = api
            .clone()
            .merge(axis)
            .merge(console.router)
            // Whoever reads pages is told by a page, everybody else by a problem document.
            .fallback(move |request: Request| {
                let door = if reads_pages(&request) { lost } else { unknown };
                door.oneshot(request)
            })
            .layer(middleware::from_fn_with_state(
                requests.clone(),
                count_request,
            ));
        let proxies = config.proxies()?;
        let router = if proxies.is_empty() {
            router
        } else {
            let proxies = Proxies::new(proxies);
            router.layer(middleware::from_fn_with_state(proxies, reveal))
        };
        let router = if options.planted.has(Bug::LogSecrets) {
            router.layer(middleware::map_request(log_credentials))
        } else {
            router
        };
        let sources = Sources {
            db: db.clone(),
            exchange: exchange.clone(),
            dossiers: dossiers.clone(),
            registry: registry.clone(),
            ledger: ledger.clone(),
            insight: insight.clone(),
            vouching: vouching.clone(),
            requests,
            connections: options.connections,
            log_dropped: options.log_dropped,
            data: folder.root().to_owned(),
            clock: clock.clone(),
        };
        Ok(Self {
            db,
            registry,
            exchange,
            dossiers,
            router,
            admin: admin(api, sources),
            clock,
            entropy,
            ledger,
            insight,
            vouching,
            transport,
            portals,
            ministries,
            api: state,
            expire_every: options.patience.expire_every,
        })
    }

    /// Ends answers that have no end of their own.
    pub fn close_streams(&self) {
        self.api.close_streams();
    }

    /// Starts everything that works without being asked.
    pub fn start_workers(&self, tasks: &Tasks, node: &str) {
        let (exchange, transport) = (self.exchange.clone(), self.transport.clone());
        let (owner, signal) = (node.to_owned(), tasks.clone());
        tasks.supervise("exchange.push", move || {
            let (exchange, transport) = (exchange.clone(), transport.clone());
            let (owner, stop) = (owner.clone(), signal.stop_signal());
            async move { exchange.run_worker(owner, transport, stop).await }
        });
        let (exchange, signal) = (self.exchange.clone(), tasks.clone());
        tasks.supervise("exchange.resend", move || {
            let (exchange, stop) = (exchange.clone(), signal.stop_signal());
            async move { exchange.run_resend_worker(stop).await }
        });
        dossiers::start(tasks, &self.dossiers);
        self.portals.start(tasks);
        let (ministries, dossiers) = (self.ministries.clone(), self.dossiers.clone());
        let owner = node.to_owned();
        tasks.every("ministries.watch", WATCH_EVERY, move || {
            let (ministries, dossiers) = (ministries.clone(), dossiers.clone());
            let owner = owner.clone();
            async move {
                if let Err(error) = ministries.step(&dossiers, &owner).await {
                    tracing::warn!(%error, "dossiers at ministries could not be asked for");
                }
            }
        });
        self.vouching
            .start(tasks, &self.insight, self.clock.clone());
        let registry = self.registry.clone();
        tasks.every("registry.refresh", REFRESH_EVERY, move || {
            let registry = registry.clone();
            async move {
                if let Err(error) = registry.refresh().await {
                    tracing::warn!(%error, "the directory could not be read anew");
                }
            }
        });
        let exchange = self.exchange.clone();
        tasks.every("exchange.expire", self.expire_every, move || {
            let exchange = exchange.clone();
            async move {
                if let Err(error) = exchange.expire_due().await {
                    tracing::warn!(%error, "expired deliveries could not be closed");
                }
            }
        });
        let exchange = self.exchange.clone();
        let sweeps = Arc::new(AtomicU32::new(0));
        tasks.every("exchange.sweep", SWEEP_EVERY, move || {
            let (exchange, sweeps) = (exchange.clone(), Arc::clone(&sweeps));
            async move {
                let swept = exchange.sweep_orphans().await;
                // Every key is looked at: once a day is enough for what is kept for weeks.
                let purged = match sweeps.fetch_add(1, Ordering::Relaxed) % SWEEPS_PER_PURGE {
                    0 => exchange.purge_keys().await,
                    _ => Ok(0),
                };
                let forgotten = exchange.purge_resends().await;
                for error in [swept.err(), purged.err(), forgotten.err()]
                    .into_iter()
                    .flatten()
                {
                    tracing::warn!(%error, "what is no longer needed could not be removed");
                }
            }
        });
    }
}

/// Opens the store on a thread that may block: it connects and migrates before it answers.
pub(crate) async fn open_store(options: DbOptions) -> anyhow::Result<Db> {
    Ok(tokio::task::spawn_blocking(move || Db::open(options)).await??)
}

/// Closes the store on a thread that may block: it finishes what waits and joins its threads.
pub(crate) async fn close_store(db: Db) {
    if let Err(error) = tokio::task::spawn_blocking(move || db.close()).await {
        tracing::error!(%error, "the store could not be closed in order");
    }
}

/// The database of an installation.
///
/// # Errors
/// [`FolderError::Lost`] for an SQLite file that is no longer there.
pub(crate) fn target(folder: &DataFolder, config: &Config) -> Result<DbTarget, FolderError> {
    Ok(match config.database.url.expose() {
        "" => DbTarget::Sqlite {
            path: folder.existing_database()?,
        },
        url => DbTarget::Postgres {
            url: url.to_owned(),
        },
    })
}

fn registry_config(config: &Config) -> RegistryConfig {
    RegistryConfig {
        transition: Duration::from_secs(config.registry.transition_days * DAY),
        environment: match config.registry.environment.as_str() {
            "test" => Environment::Test,
            _ => Environment::Live,
        },
        // Plain HTTP only where the operator has named receivers one by one.
        has_plain_webhooks: !config.outbound.allow.is_empty(),
    }
}

/// The deliberate fault [`Bug::LogSecrets`].
async fn log_credentials(request: Request) -> Request {
    let credential = request.headers().get(axum::http::header::AUTHORIZATION);
    let credential = credential.and_then(|field| field.to_str().ok());
    tracing::info!(credential, "a request");
    request
}

/// True for a browser that opens an address.
fn reads_pages(request: &Request) -> bool {
    request
        .headers()
        .get(axum::http::header::ACCEPT)
        .and_then(|field| field.to_str().ok())
        .is_some_and(|field| field.contains("text/html"))
}

/// What stands on every page of the console.
fn mode(config: &Config, is_demo: bool) -> Mode {
    match (is_demo, config.registry.environment.as_str()) {
        (true, _) => Mode::Demo,
        (false, "test") => Mode::Test,
        (false, _) => Mode::Live,
    }
}

/// The named file, or the machine's; none is an installation without `https` outward.
fn trusted_roots(named: &str) -> anyhow::Result<Option<Vec<u8>>> {
    if !named.is_empty() {
        let pem = std::fs::read(named).with_context(|| format!("outbound.ca_file: {named}"))?;
        return Ok(Some(pem));
    }
    Ok(MACHINE_ROOTS
        .iter()
        .map(Path::new)
        .find_map(|path| std::fs::read(path).ok()))
}

fn probes(db: &Db, vouching: &Vouching) -> Vec<Probe> {
    let (store, disk) = (db.clone(), db.clone());
    let mut probes = vec![
        Probe::new("store", move || match store.health() {
            Health::Ready | Health::Full => Ok(()),
            Health::Unavailable => Err("the database does not answer".to_owned()),
            Health::Poisoned => Err("a sync failed; restart after checking the disk".to_owned()),
            Health::Closed => Err("the store is closed".to_owned()),
        }),
        Probe::new("disk", move || match disk.health() {
            Health::Full => Err("the disk reserve is used up".to_owned()),
            _ => Ok(()),
        }),
    ];
    probes.extend(vouching.probes());
    probes
}

/// The operator's pages: the numbers, and the same health pages as in public.
fn admin(api: Router, sources: Sources) -> Router {
    let metrics = axum::routing::get(move || {
        let sources = sources.clone();
        async move {
            let content_type = "text/plain; version=0.0.4; charset=utf-8";
            let head = [(axum::http::header::CONTENT_TYPE, content_type)];
            (head, sources.page().await)
        }
    });
    let health = axum::routing::get(move |request: Request| api.clone().oneshot(request));
    Router::new()
        .route("/metrics", metrics)
        .route("/livez", health.clone())
        .route("/readyz", health)
}
