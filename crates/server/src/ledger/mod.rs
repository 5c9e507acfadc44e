//! What keeps the log going: sealing, time stamps, witnesses, and the projections that follow it.
//!
//! Each part is a small step that a task repeats; how each fares stands in [`Vouching`], which readiness, metrics and log read.

mod clock;
mod condition;
mod sealing;
mod stamping;
mod witnessing;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use lgsp_api::Probe;
use lgsp_base::limits::{INSIGHT_INTERVAL, SEAL_INTERVAL};
use lgsp_base::planted::Planted;
use lgsp_base::{Clock, Entropy};
use lgsp_connect::outbound::Outbound;
use lgsp_connect::timestamp::TimestampClient;
use lgsp_connect::witness::WitnessClient;
use lgsp_console::{Alarm, AlarmKind, Alarms};
use lgsp_exchange::Gate;
use lgsp_insight::Insight;
use lgsp_registry::Registry;
use lgsp_store::Db;
use lgsp_store::ledger::{Ledger, LedgerConfig};
use lgsp_wire::tlog::note::{Algorithm, Signer as _};

use crate::config;
use crate::data_folder::DataFolder;
use crate::note_key;
use crate::tasks::{Tasks, is_stopped_within};

pub use clock::ClockCare;
pub use condition::{Condition, Failing};
use sealing::Sealing;
pub use stamping::{Stamping, StampingRules};
pub use witnessing::Witnessing;

/// How often a step looks whether something is due.
const TICK: Duration = Duration::from_secs(1);
/// Characters of the platform's name on the cover page of receipts.
const PLATFORM_CHARS_MAX: usize = 300;

/// What the log is put together from, besides its database.
#[derive(Debug)]
pub struct LedgerParts<'a> {
    /// Where the key is.
    pub folder: &'a DataFolder,
    /// Who vouches.
    pub config: &'a config::LedgerConfig,
    /// The way to them.
    pub outbound: &'a Outbound,
    /// Closed when documents must be stamped and are not.
    pub gate: Gate,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Deliberate faults; [`Planted::NONE`] outside of tests.
    pub planted: Planted,
}

/// Opens the log with the key of the data folder.
pub async fn open(
    db: Db,
    folder: &DataFolder,
    platform: &str,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    planted: Planted,
) -> anyhow::Result<Ledger> {
    let signer = note_key::open(&folder.ledger_key(), Algorithm::Ed25519)?;
    let config = LedgerConfig {
        origin: signer.key().name().to_owned(),
        platform: platform.chars().take(PLATFORM_CHARS_MAX).collect(),
        signer: Arc::new(signer),
        entropy,
        planted,
    };
    let ledger = Ledger::open(db, clock, config).await;
    ledger.context("keys/ledger.key")
}

/// The name of the organisation that runs the platform: the oldest without one above it.
pub fn platform_name(registry: &Registry, clock: &dyn Clock) -> String {
    let snapshot = registry.snapshot();
    let root = snapshot
        .directory()
        .iter()
        .filter(|org| {
            org.period_near(clock.now())
                .is_some_and(|period| period.parent.is_none())
        })
        .min_by_key(|org| org.id);
    root.map_or_else(
        || "lgsp".to_owned(),
        |org| org.name_near(clock.now()).to_owned(),
    )
}

/// Everything that keeps the log going. Clones share it.
#[derive(Debug, Clone)]
pub struct Vouching {
    /// False if the settings keep the log from being sealed.
    pub seals: bool,
    /// Makes entries leaves, and publishes checkpoints.
    pub sealing: Arc<Sealing>,
    /// How the clock stands.
    pub clock: Arc<ClockCare>,
    /// Time stamps; `None` without an authority.
    pub stamping: Option<Arc<Stamping>>,
    /// One for each witness of the settings.
    pub witnesses: Vec<Arc<Witnessing>>,
    /// How the projections of `insight` fare.
    pub projecting: Arc<Condition>,
}

impl Vouching {
    /// Puts the parts together; nothing runs yet.
    ///
    /// # Errors
    /// Settings that cannot be used, or a certificate that cannot be read.
    pub async fn compose(ledger: &Ledger, parts: LedgerParts<'_>) -> anyhow::Result<Self> {
        let config = parts.config;
        let stamping = match config.authority()? {
            None => None,
            Some(authority) => {
                let rules = StampingRules {
                    authority,
                    every: config.timestamp_every(),
                    on_outage: config.on_outage(),
                    stop_after: config.stop_after(),
                    planted: parts.planted,
                };
                let client = TimestampClient::new(parts.outbound.clone(), &config.timestamp_url);
                let (clock, entropy) = (parts.clock.clone(), parts.entropy.clone());
                let stamping = Stamping::begin(ledger, client, rules, parts.gate, clock, entropy);
                Some(Arc::new(stamping.await?))
            }
        };
        let witnesses = config
            .witness_entries()?
            .into_iter()
            .map(|entry| {
                let client = WitnessClient::new(parts.outbound.clone(), entry.key, &entry.url);
                Arc::new(Witnessing::new(ledger.clone(), client, parts.clock.clone()))
            })
            .collect();
        Ok(Self {
            seals: config.seal,
            clock: Arc::new(ClockCare::new(ledger.clone(), parts.clock.clone())),
            sealing: Arc::new(Sealing::new(ledger.clone(), parts.clock)),
            stamping,
            witnesses,
            projecting: Arc::default(),
        })
    }

    /// What readiness says of the log: a ledger that is not sealed takes no work, everything else is a notice.
    pub fn probes(&self) -> Vec<Probe> {
        let (sealing, projecting) = (self.sealing.clone(), self.projecting.clone());
        let (seals, care) = (self.seals, self.clock.clone());
        let mut probes = vec![
            Probe::new("ledger", move || sealing.told()),
            Probe::notice("sealing", move || {
                if seals {
                    Ok(())
                } else {
                    Err("switched off by ledger.seal".to_owned())
                }
            }),
            Probe::notice("clock", move || care.told()),
            Probe::notice("insight", move || told(projecting.failing())),
        ];
        if let Some(stamping) = self.stamping.clone() {
            probes.push(Probe::notice("timestamp", move || stamping.told()));
        }
        for witness in self.witnesses.iter().cloned() {
            probes.push(Probe::notice("witness", move || {
                told(witness.condition.failing())
                    .map_err(|words| format!("{}: {words}", witness.key().name()))
            }));
        }
        probes
    }

    /// Starts everything that works without being asked.
    pub fn start(&self, tasks: &Tasks, insight: &Insight, clock: Arc<dyn Clock>) {
        if !self.seals {
            tracing::warn!("the ledger is not sealed: ledger.seal is false");
            return;
        }
        let (sealing, care) = (self.sealing.clone(), self.clock.clone());
        tasks.every("ledger.seal", SEAL_INTERVAL, move || {
            let (sealing, care) = (sealing.clone(), care.clone());
            async move {
                sealing.step().await;
                care.step();
            }
        });
        if let Some(stamping) = self.stamping.clone() {
            tasks.every("ledger.timestamp", TICK, move || {
                let stamping = stamping.clone();
                async move { stamping.step().await }
            });
        }
        for witness in &self.witnesses {
            let witness = witness.clone();
            tasks.every("ledger.witness", TICK, move || {
                let witness = witness.clone();
                async move { witness.step().await }
            });
        }
        let (insight, condition, signal) =
            (insight.clone(), self.projecting.clone(), tasks.clone());
        tasks.supervise("insight.advance", move || {
            let (insight, condition) = (insight.clone(), condition.clone());
            let (mut stop, clock) = (signal.stop_signal(), clock.clone());
            async move {
                let mut rest = INSIGHT_INTERVAL;
                while !is_stopped_within(&mut stop, rest).await {
                    rest = project(&insight, &condition, clock.as_ref()).await;
                }
            }
        });
    }
}

impl Alarms for Vouching {
    fn alarms(&self) -> Vec<Alarm> {
        let alarm = |kind, failing: Failing, until, about: &str| Alarm {
            kind,
            since: failing.since,
            until,
            about: about.to_owned(),
        };
        let mut alarms = Vec::new();
        if let Some(failing) = self.sealing.condition.failing() {
            alarms.push(alarm(AlarmKind::Sealing, failing, None, ""));
        }
        if let Some(failing) = self.clock.condition.failing() {
            let skew = self.clock.skew();
            let kind = if skew.is_refused() {
                AlarmKind::ClockStops
            } else {
                AlarmKind::Clock
            };
            alarms.push(alarm(kind, failing, None, &skew.to_string()));
        }
        if let Some((stamping, failing)) = self
            .stamping
            .as_ref()
            .and_then(|stamping| Some((stamping, stamping.condition.failing()?)))
        {
            let kind = if stamping.is_stopping() {
                AlarmKind::TimestampStops
            } else {
                AlarmKind::Timestamp
            };
            alarms.push(alarm(kind, failing, Some(stamping.stops_at()), ""));
        }
        for witness in &self.witnesses {
            if let Some(failing) = witness.condition.failing() {
                alarms.push(alarm(
                    AlarmKind::Witness,
                    failing,
                    None,
                    witness.key().name(),
                ));
            }
        }
        if let Some(failing) = self.projecting.failing() {
            alarms.push(alarm(AlarmKind::Figures, failing, None, ""));
        }
        alarms
    }
}

/// A failure for readiness: when it began and the kind of trouble. The page is public, so causes stand in the log only.
fn told(failing: Option<Failing>) -> Result<(), String> {
    failing.map_or(Ok(()), |failing| {
        Err(format!("failing since {}", failing.since))
    })
}

/// One round of the projector; how long to rest behind it.
async fn project(insight: &Insight, condition: &Condition, clock: &dyn Clock) -> Duration {
    match insight.advance().await {
        Ok(advanced) => {
            if condition.succeeds() {
                tracing::info!("figures and search follow the ledger again");
            }
            if advanced.leaves == 0 {
                INSIGHT_INTERVAL
            } else {
                advanced.rest
            }
        }
        Err(error) => {
            let words = chain(&error);
            if condition.fails(clock.now(), &words) {
                tracing::error!(error = words, "figures and search do not follow the ledger");
            }
            TICK
        }
    }
}

/// An error with its causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let cause = inner.to_string();
        // Transparent errors repeat themselves.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = inner.source();
    }
    text
}
