//! Time stamps: an authority stamps the newest checkpoint, again and again.
//!
//! When it stays away, a warning stands at once and a countdown runs from the last stamp; whether its end stops new
//! documents is the operator's choice (reliability.md A7).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lgsp_base::planted::{Bug, Planted};
use lgsp_base::{Clock, Entropy, Timestamp};
use lgsp_connect::timestamp::{StampError, TimestampClient};
use lgsp_exchange::Gate;
use lgsp_store::ledger::{Ledger, LedgerError, StoredCheckpoint};
use lgsp_wire::tlog::note::{NoteError, SignedNote};
use lgsp_wire::tlog::timestamp::{Certificate, imprint_of};

use super::condition::Condition;
use crate::config::OnOutage;

/// Pause after a failure before the authority is asked again.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// How stamps are made and what their absence means.
#[derive(Debug, Clone)]
pub struct StampingRules {
    /// The certificate under which the authority signs, or that of its issuer.
    pub authority: Certificate,
    /// Time between two stamps.
    pub every: Duration,
    /// What happens when there are none.
    pub on_outage: OnOutage,
    /// After which time.
    pub stop_after: Duration,
    /// Deliberate faults; none outside of tests.
    pub planted: Planted,
}

#[derive(Debug, Clone, Copy)]
struct Course {
    /// When everything sealed was stamped last.
    good_at: Timestamp,
    /// When the authority is asked next, by the monotonic clock.
    due: Duration,
    /// The authority's clock less ours, at the last stamp, in milliseconds.
    skew_millis: i64,
}

/// The stamping of this node.
#[derive(Debug)]
pub struct Stamping {
    ledger: Ledger,
    client: TimestampClient,
    rules: StampingRules,
    gate: Gate,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// How it fares.
    pub condition: Condition,
    course: Mutex<Course>,
}

/// Why a checkpoint was not stamped.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Authority(#[from] StampError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the stored checkpoint cannot be read")]
    Checkpoint(#[from] NoteError),
}

impl Stamping {
    /// Takes the time of the last stamp from the ledger, so that a restart does not begin the countdown anew.
    pub(super) async fn begin(
        ledger: &Ledger,
        client: TimestampClient,
        rules: StampingRules,
        gate: Gate,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, LedgerError> {
        let newest = ledger.newest_timestamp().await?;
        let good_at = newest.map_or_else(|| clock.now(), |stamp| stamp.at);
        Ok(Self {
            ledger: ledger.clone(),
            client,
            rules,
            gate,
            clock,
            entropy,
            condition: Condition::default(),
            course: Mutex::new(Course {
                good_at,
                due: Duration::ZERO,
                skew_millis: 0,
            }),
        })
    }

    /// Stamps the newest checkpoint if it is time to, and opens or closes the gate.
    pub async fn step(&self) {
        let now = self.clock.monotonic();
        if now >= self.with(|course| course.due) {
            let pause = match self.stamp_newest().await {
                // Nothing new: whatever comes next is stamped at once.
                Ok(None) => {
                    self.succeeds();
                    Duration::ZERO
                }
                Ok(Some(())) => {
                    self.succeeds();
                    self.rules.every
                }
                Err(_) if self.rules.planted.has(Bug::StampsAlwaysFresh) => {
                    self.succeeds();
                    self.rules.every
                }
                Err(failure) => {
                    self.fails(&failure);
                    RETRY_PAUSE.min(self.rules.every)
                }
            };
            self.with(|course| course.due = now + pause);
        }
        let is_over =
            self.rules.on_outage == OnOutage::Stop && self.stops_in() == Some(Duration::ZERO);
        if self.gate.set_closed(is_over) {
            if is_over {
                tracing::error!(
                    "new documents are refused: the ledger has had no time stamp for too long"
                );
            } else {
                tracing::info!("new documents are taken again");
            }
        }
    }

    /// For readiness: the countdown while stamps fail.
    pub(super) fn told(&self) -> Result<(), String> {
        let Some(left) = self.stops_in() else {
            return Ok(());
        };
        let (age, left) = (self.age().as_secs(), left.as_secs());
        Err(match (self.is_stopping(), left) {
            (true, 0) => format!("no time stamp for {age} s; new documents are refused"),
            (true, _) => {
                format!("no time stamp for {age} s; new documents are refused in {left} s")
            }
            (false, _) => format!("no time stamp for {age} s"),
        })
    }

    /// Time since everything sealed was stamped last.
    pub fn age(&self) -> Duration {
        self.clock.now().since(self.with(|course| course.good_at))
    }

    /// What is left of the countdown while stamps fail; zero when it is over.
    pub fn stops_in(&self) -> Option<Duration> {
        self.condition
            .failing()
            .map(|_| self.rules.stop_after.saturating_sub(self.age()))
    }

    /// When the countdown ends, running or not.
    pub fn stops_at(&self) -> Timestamp {
        self.with(|course| course.good_at)
            .plus(self.rules.stop_after)
    }

    /// True if the end of the countdown stops new documents.
    pub fn is_stopping(&self) -> bool {
        self.rules.on_outage == OnOutage::Stop
    }

    /// The authority's clock less ours, at the last stamp, in milliseconds.
    pub fn skew_millis(&self) -> i64 {
        self.with(|course| course.skew_millis)
    }

    /// `None` if everything sealed is stamped.
    async fn stamp_newest(&self) -> Result<Option<()>, Failure> {
        let Some(checkpoint) = self.ledger.checkpoint().await? else {
            return Ok(None);
        };
        let newest = self.ledger.newest_timestamp().await?;
        let is_stamped = newest.is_some_and(|stamp| stamp.size == checkpoint.size);
        // While the clock is off nothing new may come: the authority is asked for the time alone.
        if is_stamped && !self.ledger.clock_skew().is_alarm() {
            return Ok(None);
        }
        self.stamp(&checkpoint).await.map(Some)
    }

    async fn stamp(&self, checkpoint: &StoredCheckpoint) -> Result<(), Failure> {
        let note = SignedNote::parse(&checkpoint.note)?;
        let mut nonce = [0; 8];
        self.entropy.fill(&mut nonce);
        let nonce = u64::from_be_bytes(nonce);
        let asked = self.clock.monotonic();
        let token = self.client.stamp(&imprint_of(&note.text), nonce).await?;
        // The ledger verifies before it stores.
        let stored = self
            .ledger
            .add_timestamp(checkpoint.size, &token, Some(nonce), &self.rules.authority)
            .await?;
        let skew = stored.gen_time.as_millis() - stored.at.as_millis();
        self.with(|course| course.skew_millis = skew);
        self.ledger.hear_time(stored.gen_time, asked);
        Ok(())
    }

    fn succeeds(&self) {
        let now = self.clock.now();
        self.with(|course| course.good_at = now);
        if self.condition.succeeds() {
            tracing::info!("the ledger gets time stamps again");
        }
    }

    fn fails(&self, failure: &Failure) {
        let words = super::chain(failure);
        if self.condition.fails(self.clock.now(), &words) {
            tracing::warn!(
                error = words,
                age_seconds = self.age().as_secs(),
                "the newest checkpoint got no time stamp"
            );
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Course) -> T) -> T {
        act(&mut self.course.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use lgsp_base::entropy::SeededEntropy;
    use lgsp_base::time::ManualClock;
    use lgsp_connect::outbound::{Outbound, OutboundConfig, SystemResolver};
    use lgsp_store::StoreError;
    use lgsp_store::ledger::LedgerConfig;
    use lgsp_store::testing::TestDb;
    use lgsp_wire::record::Record;
    use lgsp_wire::tlog::note::{Algorithm, SoftSigner};

    use super::*;

    const STOP_AFTER: Duration = Duration::from_secs(14_400);

    struct Scene {
        db: TestDb,
        ledger: Ledger,
        clock: Arc<ManualClock>,
        gate: Gate,
    }

    impl Scene {
        async fn new(name: &str) -> Self {
            let db = TestDb::sqlite(name);
            let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_000_000_000)));
            let signer = SoftSigner::from_seed("log/1", Algorithm::Ed25519, &[7; 32]);
            let config = LedgerConfig {
                origin: "log/1".to_owned(),
                platform: "test".to_owned(),
                signer: Arc::new(signer.expect("a key")),
                entropy: Arc::new(SeededEntropy::new(1)),
                planted: Planted::NONE,
            };
            let ledger = Ledger::open(db.db().clone(), clock.clone(), config).await;
            Self {
                ledger: ledger.expect("a log"),
                db,
                clock,
                gate: Gate::default(),
            }
        }

        async fn seals_an_entry(&self) {
            let at = self.clock.now();
            let written = self.db.db().write("test", move |tx| {
                let record = Record::new().with("actor", "test");
                tx.ledger_append(at, "test.happened", None, &record, [1; 32])
                    .map(|_| ())
                    .map_err(|error: StoreError| error)
            });
            written.await.expect("written");
            self.ledger.seal().await.expect("sealed");
        }

        /// An authority that nobody may call.
        async fn stamping(&self, on_outage: OnOutage) -> Stamping {
            self.stamping_with(on_outage, Planted::NONE).await
        }

        async fn stamping_with(&self, on_outage: OnOutage, planted: Planted) -> Stamping {
            let certificate = include_bytes!("../../../wire/fixtures/timestamp/issuer.pem");
            let rules = StampingRules {
                authority: Certificate::parse(certificate).expect("a certificate"),
                every: Duration::from_secs(60),
                on_outage,
                stop_after: STOP_AFTER,
                planted,
            };
            let outbound = Outbound::new(OutboundConfig::default(), Arc::new(SystemResolver));
            let client = TimestampClient::new(outbound.expect("a client"), "http://127.0.0.1:9/");
            Stamping::begin(
                &self.ledger,
                client,
                rules,
                self.gate.clone(),
                self.clock.clone(),
                Arc::new(SeededEntropy::new(2)),
            )
            .await
            .expect("begins")
        }
    }

    #[tokio::test]
    async fn an_outage_warns_at_once_and_stops_new_documents_only_where_that_is_set() {
        for on_outage in [OnOutage::Warn, OnOutage::Stop] {
            let scene = Scene::new("stamping").await;
            let stamping = scene.stamping(on_outage).await;
            stamping.step().await;
            assert_eq!(stamping.condition.failing(), None, "nothing to stamp yet");

            scene.seals_an_entry().await;
            stamping.step().await;
            assert!(stamping.condition.failing().is_some(), "a warning at once");
            assert_eq!(stamping.stops_in(), Some(STOP_AFTER));
            assert!(stamping.told().is_err());
            assert!(!scene.gate.is_closed());

            scene.clock.advance(STOP_AFTER - Duration::from_secs(1));
            stamping.step().await;
            assert_eq!(stamping.stops_in(), Some(Duration::from_secs(1)));
            assert!(!scene.gate.is_closed());
            scene.clock.advance(Duration::from_secs(1));
            stamping.step().await;
            assert_eq!(stamping.stops_in(), Some(Duration::ZERO));
            assert_eq!(scene.gate.is_closed(), on_outage == OnOutage::Stop);
        }
    }

    /// An authority that stays away for longer than is allowed: true if that is told at once and stops new documents in time.
    async fn holds(name: &str, planted: Planted) -> bool {
        let scene = Scene::new(name).await;
        let stamping = scene.stamping_with(OnOutage::Stop, planted).await;
        scene.seals_an_entry().await;
        stamping.step().await;
        let is_told = stamping.told().is_err() && stamping.stops_in() == Some(STOP_AFTER);
        scene.clock.advance(STOP_AFTER);
        stamping.step().await;
        is_told && scene.gate.is_closed()
    }

    #[tokio::test]
    async fn stamps_that_are_called_fresh_without_an_authority_are_noticed() {
        assert!(holds("stamping-good", Planted::NONE).await);
        assert!(!holds("stamping-bug", Planted::with(Bug::StampsAlwaysFresh)).await);
    }

    #[tokio::test]
    async fn failures_are_counted_with_pauses_between() {
        let scene = Scene::new("stamping-pause").await;
        let stamping = scene.stamping(OnOutage::Warn).await;
        scene.seals_an_entry().await;
        for _ in 0..5 {
            stamping.step().await;
        }
        assert_eq!(stamping.condition.failures(), 1, "the pause is kept");
        scene.clock.advance(RETRY_PAUSE);
        stamping.step().await;
        assert_eq!(stamping.condition.failures(), 2);
    }
}
