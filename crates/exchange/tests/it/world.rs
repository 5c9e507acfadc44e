//! A small province: organisations, a clock that stands still, a store in a folder of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::{DeliveryId, OrgId, SystemId, TokenId, WebhookId};
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::time::ManualClock;
use lgsp_base::vi::WorkingCalendar;
use lgsp_base::{Actor, Clock, Timestamp};
use lgsp_exchange::dossier::{DossierConfig, Dossiers, KeyRing};
use lgsp_exchange::{
    Accepted, AcknowledgeOutcome, Acknowledgement, Channel, ConnectorKind, Directory, Door,
    Exchange, ExchangeConfig, HandOver, HandOverOutcome, InboxPage, InboxQuery, IntakeKind, Party,
    Receiver, Resolved, Submit, SubmitError, Transport,
};
use lgsp_store::testing::TestDb;
use lgsp_store::{Blobs, Db, DbOptions};

/// Does something that blocks, on a thread that drives no futures.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("no panic apart"))
}

/// Runs a test's future.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// How an organisation of the province receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Inbox,
    Axis,
    Push,
    Call,
    Nothing,
}

/// Organisations by number; the code of number 3 is `H99.3`.
#[derive(Debug, Default)]
pub(crate) struct FakeDirectory {
    ways: Mutex<BTreeMap<u8, Way>>,
    /// Codes that are closed, with the successor (routed; its predecessor is theirs) or candidates.
    pub(crate) closed: Mutex<BTreeMap<String, Option<u8>>>,
}

pub(crate) fn org(number: u8) -> OrgId {
    OrgId::from_bits(u128::from(number) + 1)
}

pub(crate) fn system(number: u8) -> SystemId {
    SystemId::from_bits(u128::from(number) + 1)
}

pub(crate) fn code(number: u8) -> String {
    format!("H99.{number}")
}

pub(crate) fn actor(number: u8) -> Actor {
    Actor::System {
        system: system(number),
        org: org(number),
    }
}

/// Ids of second systems begin here: they act for an organisation and do not receive for it.
const SECOND: u128 = 10_000;

/// An organisation's second system.
pub(crate) fn second(number: u8) -> Actor {
    Actor::System {
        system: SystemId::from_bits(u128::from(number) + 1 + SECOND),
        org: org(number),
    }
}

pub(crate) fn operator() -> Actor {
    Actor::Operator {
        token: TokenId::from_bits(1),
    }
}

impl FakeDirectory {
    pub(crate) fn set(&self, number: u8, way: Way) {
        self.ways.lock().expect("not poisoned").insert(number, way);
    }

    fn way(&self, number: u8) -> Option<Way> {
        self.ways
            .lock()
            .expect("not poisoned")
            .get(&number)
            .copied()
    }

    fn number(&self, org: OrgId) -> Option<u8> {
        let number = u8::try_from(org.bits().checked_sub(1)?).ok()?;
        self.way(number).map(|_| number)
    }
}

impl Directory for FakeDirectory {
    fn resolve(&self, text: &str, _at: Timestamp) -> Resolved {
        if let Some(successor) = self.closed.lock().expect("not poisoned").get(text) {
            return match successor {
                Some(number) => Resolved::Found {
                    org: org(*number),
                    code: code(*number),
                    routed_from: Some(text.to_owned()),
                },
                None => Resolved::Closed {
                    candidates: vec![("H99.1".to_owned(), "Sở Một".to_owned())],
                },
            };
        }
        match text
            .strip_prefix("H99.")
            .and_then(|number| number.parse::<u8>().ok())
        {
            Some(number) if self.way(number).is_some() => Resolved::Found {
                org: org(number),
                code: code(number),
                routed_from: None,
            },
            _ => Resolved::Unknown,
        }
    }

    fn party(&self, org: OrgId) -> Option<Party> {
        self.number(org).map(|number| Party {
            code: code(number),
            name: format!("Sở số {number}"),
        })
    }

    fn receiver(&self, org: OrgId) -> Option<Receiver> {
        let number = self.number(org)?;
        let channel = match self.way(number)? {
            Way::Inbox => Channel::Inbox,
            Way::Axis => Channel::Axis,
            Way::Push => Channel::Webhook {
                webhook: WebhookId::from_bits(u128::from(number) + 1),
                url: format!("https://{number}.binhan.example/hook"),
            },
            Way::Call => Channel::Connector {
                kind: ConnectorKind::Dvcqg,
            },
            Way::Nothing => return None,
        };
        Some(Receiver {
            system: system(number),
            channel,
        })
    }

    fn may_send_as(&self, system: SystemId, org: OrgId) -> bool {
        self.acts_for(system).contains(&org)
    }

    fn receives_for(&self, system: SystemId) -> Vec<OrgId> {
        match system.bits().checked_sub(SECOND) {
            Some(_) => Vec::new(),
            None => self.acts_for(system),
        }
    }

    fn acts_for(&self, system: SystemId) -> Vec<OrgId> {
        let bits = system.bits();
        vec![OrgId::from_bits(bits.checked_sub(SECOND).unwrap_or(bits))]
    }

    fn lineage(&self, successor: OrgId) -> Vec<OrgId> {
        let closed = self.closed.lock().expect("not poisoned");
        let mut found: Vec<OrgId> = Vec::new();
        let mut open = vec![successor];
        while let Some(next) = open.pop() {
            let gone_into = closed
                .iter()
                .filter(|(_, into)| into.is_some_and(|number| org(number) == next))
                .filter_map(|(text, _)| text.strip_prefix("H99.")?.parse().ok())
                .map(org);
            for predecessor in gone_into {
                found.push(predecessor);
                open.push(predecessor);
            }
        }
        found
    }

    fn pushed_to(&self) -> Vec<OrgId> {
        let ways = self.ways.lock().expect("not poisoned");
        ways.iter()
            .filter(|(_, way)| matches!(way, Way::Push | Way::Call))
            .map(|(number, _)| org(*number))
            .collect()
    }
}

/// What an endpoint does with the next push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Take,
    Refuse,
    Fail,
    Gone,
    /// Never answers.
    Hang,
    /// Answers after its lease ended and another worker took over.
    Stall,
}

/// A transport that does as it is told and remembers what it saw.
#[derive(Debug)]
pub(crate) struct FakeTransport {
    pub(crate) next: Mutex<Vec<Behaviour>>,
    pub(crate) seen: Mutex<Vec<HandOver>>,
    pub(crate) gone: Mutex<Vec<WebhookId>>,
    pub(crate) hanging: tokio::sync::Notify,
    clock: Arc<ManualClock>,
    exchange: Exchange,
}

impl FakeTransport {
    pub(crate) fn new(world: &World) -> Arc<Self> {
        Arc::new(Self {
            next: Mutex::default(),
            seen: Mutex::default(),
            gone: Mutex::default(),
            hanging: tokio::sync::Notify::new(),
            clock: Arc::clone(&world.clock),
            exchange: world.exchange.clone(),
        })
    }

    pub(crate) fn will(&self, behaviours: &[Behaviour]) {
        *self.next.lock().expect("not poisoned") = behaviours.iter().rev().cloned().collect();
    }

    pub(crate) fn seen(&self) -> Vec<DeliveryId> {
        let seen = self.seen.lock().expect("not poisoned");
        seen.iter().map(|item| item.delivery).collect()
    }
}

impl Transport for FakeTransport {
    fn hand_over(&self, item: HandOver) -> BoxFuture<'_, HandOverOutcome> {
        self.seen.lock().expect("not poisoned").push(item);
        let behaviour = self.next.lock().expect("not poisoned").pop();
        Box::pin(async move {
            match behaviour.unwrap_or(Behaviour::Take) {
                Behaviour::Take => HandOverOutcome::Confirmed,
                Behaviour::Refuse => HandOverOutcome::Refused {
                    cause: "http_422".to_owned(),
                    detail: "no".to_owned(),
                },
                Behaviour::Fail => HandOverOutcome::Unreachable {
                    cause: "connect".to_owned(),
                    detail: "refused".to_owned(),
                    retry_after: None,
                },
                Behaviour::Gone => HandOverOutcome::Gone,
                Behaviour::Hang => {
                    self.hanging.notify_one();
                    std::future::pending().await
                }
                Behaviour::Stall => {
                    self.clock.advance(Duration::from_secs(61));
                    let other = Arc::new(Self {
                        next: Mutex::default(),
                        seen: Mutex::default(),
                        gone: Mutex::default(),
                        hanging: tokio::sync::Notify::new(),
                        clock: Arc::clone(&self.clock),
                        exchange: self.exchange.clone(),
                    });
                    let step: BoxFuture<'_, _> = Box::pin(async {
                        self.exchange
                            .worker("second".to_owned(), other.clone())
                            .step()
                            .await
                    });
                    step.await.expect("the second worker works");
                    let mut seen = other.seen.lock().expect("not poisoned").clone();
                    self.seen.lock().expect("not poisoned").append(&mut seen);
                    HandOverOutcome::Confirmed
                }
            }
        })
    }

    fn endpoint_gone(&self, webhook: WebhookId, _system: SystemId) -> BoxFuture<'_, ()> {
        self.gone.lock().expect("not poisoned").push(webhook);
        Box::pin(std::future::ready(()))
    }
}

/// Everything a test needs.
pub(crate) struct World {
    /// Removes the database behind the test.
    store: Option<TestDb>,
    pub(crate) db: Db,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<SeededEntropy>,
    pub(crate) directory: Arc<FakeDirectory>,
    pub(crate) exchange: Exchange,
    pub(crate) dossiers: Dossiers,
    planted: Planted,
}

impl World {
    /// On SQLite; organisations 0–4: three that fetch, one that is pushed to, one without a system.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(TestDb::sqlite(name), 1, Planted::NONE)
    }

    /// On any store, with deliberate faults in the exchange and its blobs. The database does not wait for the disk: power
    /// cuts are not what is tested here.
    pub(crate) fn with(store: TestDb, seed: u64, planted: Planted) -> Self {
        store.db().close();
        let db = open(&store, lgsp_base::limits::DISK_RESERVE_BYTES);
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_773_000_000_000)));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let directory = Arc::new(FakeDirectory::default());
        for (number, way) in [
            (0, Way::Inbox),
            (1, Way::Inbox),
            (2, Way::Inbox),
            (3, Way::Push),
            (4, Way::Nothing),
        ] {
            directory.set(number, way);
        }
        let blobs = store.folder().join("blobs");
        let exchange = put_together(&db, &blobs, &clock, &entropy, &directory, planted);
        let dossiers = dossiers_of(&exchange, &store.folder().join("dossier.key"), &entropy);
        Self {
            dossiers,
            store: Some(store),
            db,
            clock,
            entropy,
            directory,
            exchange,
            planted,
        }
    }

    /// Closes the store and opens it again.
    pub(crate) fn restart(&mut self) {
        self.restart_with_reserve(lgsp_base::limits::DISK_RESERVE_BYTES);
    }

    /// The same with another disk reserve; one larger than any disk is a full disk.
    pub(crate) fn restart_with_reserve(&mut self, bytes: u64) {
        let store = self.store.as_ref().expect("open");
        self.db.close();
        self.db = open(store, bytes);
        self.exchange = put_together(
            &self.db,
            &self.blob_folder(),
            &self.clock,
            &self.entropy,
            &self.directory,
            self.planted,
        );
        self.dossiers = dossiers_of(&self.exchange, &self.dossier_keys(), &self.entropy);
    }

    pub(crate) fn blob_folder(&self) -> PathBuf {
        self.store.as_ref().expect("open").folder().join("blobs")
    }

    pub(crate) fn dossier_keys(&self) -> PathBuf {
        self.store
            .as_ref()
            .expect("open")
            .folder()
            .join("dossier.key")
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes content in, in pieces.
    pub(crate) fn take_in(
        &self,
        by: &Actor,
        kind: IntakeKind,
        bytes: &[u8],
    ) -> Result<lgsp_exchange::Content, SubmitError> {
        let mut intake = self.exchange.intake(kind, by, Some(bytes.len() as u64))?;
        for piece in bytes.chunks(10_000) {
            intake.push(piece)?;
        }
        intake.finish()
    }

    /// A plain submit, ready to be changed.
    pub(crate) fn plain(&self, from: u8, to: &[u8], bytes: &[u8], key: Option<&str>) -> Submit {
        let kind = IntakeKind::Plain {
            content_type: "application/pdf".to_owned(),
        };
        let content = self
            .take_in(&actor(from), kind, bytes)
            .expect("plain content is taken in");
        let mut submit = Submit::new(actor(from), Door::Api, content);
        submit.recipients = to.iter().copied().map(code).collect();
        submit.idempotency_key = key.map(str::to_owned);
        submit
    }

    pub(crate) async fn send(&self, from: u8, to: &[u8], bytes: &[u8], key: &str) -> Accepted {
        self.exchange
            .submit(self.plain(from, to, bytes, Some(key)))
            .await
            .expect("accepted")
    }

    pub(crate) async fn send_edxml(
        &self,
        from: u8,
        packet: &[u8],
    ) -> Result<Accepted, SubmitError> {
        let content = self.take_in(&actor(from), IntakeKind::Edxml, packet)?;
        self.exchange
            .submit(Submit::new(actor(from), Door::Axis, content))
            .await
    }

    pub(crate) async fn inbox(&self, number: u8) -> InboxPage {
        let query = InboxQuery {
            with_content: true,
            ..InboxQuery::default()
        };
        self.exchange
            .inbox(&actor(number), query)
            .await
            .expect("an inbox")
    }

    pub(crate) async fn acknowledge(
        &self,
        number: u8,
        deliveries: &[DeliveryId],
    ) -> Vec<AcknowledgeOutcome> {
        let batch = deliveries
            .iter()
            .map(|delivery| Acknowledgement {
                delivery: *delivery,
                sha256: None,
            })
            .collect();
        self.exchange
            .acknowledge(&actor(number), batch)
            .await
            .expect("answered")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.db.close();
        let store = self.store.take();
        apart(|| drop(store));
    }
}

fn open(store: &TestDb, disk_reserve_bytes: u64) -> Db {
    let mut options = DbOptions::new(store.target());
    options.planted = Planted::with(Bug::NoSync);
    options.writers = 4;
    options.disk_reserve_bytes = disk_reserve_bytes;
    apart(|| Db::open(options).expect("the database opens"))
}

fn put_together(
    db: &Db,
    blobs: &std::path::Path,
    clock: &Arc<ManualClock>,
    entropy: &Arc<SeededEntropy>,
    directory: &Arc<FakeDirectory>,
    planted: Planted,
) -> Exchange {
    let blobs = Blobs::open(blobs, planted).expect("a folder for blobs");
    let config = ExchangeConfig {
        planted,
        ..ExchangeConfig::default()
    };
    Exchange::new(
        db.clone(),
        blobs,
        Arc::clone(clock) as Arc<dyn Clock>,
        Arc::clone(entropy) as Arc<dyn lgsp_base::Entropy>,
        Arc::clone(directory) as Arc<dyn Directory>,
        config,
    )
}

/// The dossiers of an exchange; the key file is made the first time.
fn dossiers_of(exchange: &Exchange, keys: &std::path::Path, entropy: &SeededEntropy) -> Dossiers {
    let ring = if keys.exists() {
        KeyRing::open(keys)
    } else {
        KeyRing::create(keys, Timestamp::from_millis(1_773_000_000_000), entropy)
    };
    Dossiers::new(
        exchange.clone(),
        ring.expect("a key ring"),
        Arc::new(WorkingCalendar::built_in().clone()),
        DossierConfig::default(),
    )
}
