//! A small house for the tests of the doors: store, registry and exchange over a fresh SQLite database.
//!
//! The tests of `lgsp-api` include this file, too.
#![allow(
    dead_code,
    reason = "each of the two crates that share this file needs another part"
)]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::{OrgId, SystemId};
use lgsp_base::planted::Planted;
use lgsp_base::time::ManualClock;
use lgsp_base::{Actor, Clock, Entropy, Timestamp};
use lgsp_exchange::{
    Channel, ConnectorKind, Directory, Exchange, ExchangeConfig, Party, Receiver, Resolved,
};
use lgsp_registry::draft::{NewOrganisation, Occasion};
use lgsp_registry::model::Protocol;
use lgsp_registry::{NewSystem, Registry, RegistryConfig, Resolution, Vault};
use lgsp_store::Blobs;
use lgsp_store::testing::TestDb;
use tower::ServiceExt;

/// Who sets the house up.
const ACTOR: Actor = Actor::Platform { part: "test" };

/// The parts behind the doors.
pub(crate) struct House {
    pub(crate) registry: Registry,
    pub(crate) exchange: Exchange,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) db: TestDb,
}

#[derive(Debug)]
struct Wired(Registry, Arc<ManualClock>);

impl Directory for Wired {
    fn resolve(&self, code: &str, at: Timestamp) -> Resolved {
        match self.0.snapshot().resolve(code, at) {
            Resolution::Active { org, code } => Resolved::Found {
                org,
                code,
                routed_from: None,
            },
            Resolution::Closed { candidates, .. } => Resolved::Closed {
                candidates: candidates.into_iter().map(|c| (c.code, c.name)).collect(),
            },
            _ => Resolved::Unknown,
        }
    }

    fn party(&self, org: OrgId) -> Option<Party> {
        let now = self.1.now();
        self.0.snapshot().organisation(org).map(|found| Party {
            code: found.code_near(now).to_owned(),
            name: found.name_near(now).to_owned(),
        })
    }

    fn receiver(&self, org: OrgId) -> Option<Receiver> {
        self.0.snapshot().receiver(org).map(|system| Receiver {
            system: system.id,
            channel: match system.protocol {
                Protocol::Vxp => Channel::Axis,
                Protocol::Rest => Channel::Inbox,
                Protocol::Dvcqg => Channel::Connector {
                    kind: ConnectorKind::Dvcqg,
                },
                Protocol::CivilStatus => Channel::Connector {
                    kind: ConnectorKind::CivilStatus,
                },
                Protocol::CriminalRecord => Channel::Connector {
                    kind: ConnectorKind::CriminalRecord,
                },
            },
        })
    }

    fn may_send_as(&self, system: SystemId, org: OrgId) -> bool {
        self.0.snapshot().may_send_as(system, org)
    }

    fn receives_for(&self, system: SystemId) -> Vec<OrgId> {
        let mut orgs = self.acts_for(system);
        orgs.retain(|org| {
            self.receiver(*org)
                .is_some_and(|receiver| receiver.system == system)
        });
        orgs
    }

    fn acts_for(&self, system: SystemId) -> Vec<OrgId> {
        self.0.snapshot().acts_for(system).collect()
    }

    fn lineage(&self, org: OrgId) -> Vec<OrgId> {
        self.0.snapshot().lineage(org, self.1.now())
    }

    fn pushed_to(&self) -> Vec<OrgId> {
        Vec::new()
    }
}

impl House {
    /// Stands at 20:00 on 21 November 2026 in Vietnam, with the province H99 and some of its agencies.
    pub(crate) async fn new(name: &str) -> Self {
        Self::with(name, RegistryConfig::default()).await
    }

    /// The same, for systems that are called over plain HTTP.
    pub(crate) async fn plain(name: &str) -> Self {
        let config = RegistryConfig {
            has_plain_webhooks: true,
            ..RegistryConfig::default()
        };
        Self::with(name, config).await
    }

    async fn with(name: &str, config: RegistryConfig) -> Self {
        let db = TestDb::sqlite(name);
        let now = Timestamp::from_edxml("2026/11/21 20:00:00").expect("time");
        let clock = Arc::new(ManualClock::new(now));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
        let vault = Vault::create(&db.folder().join("vault.key"), entropy.as_ref()).expect("vault");
        let registry = Registry::open(
            db.db().clone(),
            clock.clone(),
            entropy.clone(),
            vault,
            config,
        )
        .await
        .expect("registry");
        let blobs = Blobs::beside(db.db(), &db.folder().join("blobs")).expect("blobs");
        let exchange = Exchange::new(
            db.db().clone(),
            blobs,
            clock.clone(),
            entropy.clone(),
            Arc::new(Wired(registry.clone(), clock.clone())),
            ExchangeConfig {
                planted: Planted::NONE,
                ..ExchangeConfig::default()
            },
        );
        let house = Self {
            registry,
            exchange,
            clock,
            entropy,
            db,
        };
        for (code, name, level) in [
            ("H99", "UBND tỉnh Bình An", 1),
            ("H99.14", "Sở Khoa học và Công nghệ", 2),
            ("H99.131", "UBND phường Trung Tâm", 3),
            ("H99.132", "UBND xã An Hòa", 3),
        ] {
            house.found(code, name, level).await;
        }
        house
    }

    async fn found(&self, code: &str, name: &str, level: u32) {
        let parent = self.registry.snapshot().lookup("H99").map(|org| org.id);
        let new = NewOrganisation {
            level,
            parent,
            kind: "so".to_owned(),
            province: Some("Bình An".to_owned()),
            ..NewOrganisation::undescribed(code, name)
        };
        let since_always = Occasion {
            effective_at: Timestamp::BEGINNING,
            ..Occasion::default()
        };
        self.registry
            .create_organisation(&ACTOR, &new, &since_always)
            .await
            .expect("organisation");
    }

    /// Connects a system.
    pub(crate) async fn connect(&self, code: &str, protocol: Protocol) -> NewSystem {
        let org = self
            .registry
            .snapshot()
            .lookup(code)
            .expect("organisation")
            .id;
        self.registry
            .add_system(&ACTOR, org, "QLVB", protocol)
            .await
            .expect("system")
    }

    /// An operator's token.
    pub(crate) async fn operator(&self) -> String {
        let (_, token) = self
            .registry
            .issue_token(&ACTOR, None, "operator")
            .await
            .expect("token");
        token.expose().clone()
    }
}

/// An answer that was read whole.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.expect("body").to_bytes().to_vec(),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("json")
    }
}

/// Sends one request through a router.
pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    Answer::of(router.clone().oneshot(request).await.expect("answer")).await
}
