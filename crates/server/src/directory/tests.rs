//! The exchange over a real registry: a merger cuts nothing off.

use std::sync::Arc;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::time::ManualClock;
use lgsp_base::{Actor, Entropy, Timestamp};
use lgsp_exchange::{
    Door, Exchange, ExchangeConfig, IntakeKind, ReceiveError, StatusReport, Submit,
};
use lgsp_registry::draft::{NewOrganisation, Occasion};
use lgsp_registry::model::Protocol;
use lgsp_registry::{Registry, RegistryConfig, Vault};
use lgsp_store::Blobs;
use lgsp_store::testing::TestDb;

use super::RegistryDirectory;

const ACTOR: Actor = Actor::Platform { part: "test" };

struct House {
    db: TestDb,
    registry: Registry,
    exchange: Exchange,
}

impl House {
    async fn new(name: &str) -> Self {
        let db = TestDb::sqlite(name);
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_000_000_000)));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(3));
        let vault = Vault::create(&db.folder().join("vault.key"), &*entropy).expect("a vault");
        let registry = Registry::open(
            db.db().clone(),
            clock.clone(),
            entropy.clone(),
            vault,
            RegistryConfig::default(),
        )
        .await
        .expect("a registry");
        let exchange = Exchange::new(
            db.db().clone(),
            Blobs::beside(db.db(), &db.folder().join("blobs")).expect("blobs"),
            clock.clone(),
            entropy,
            Arc::new(RegistryDirectory::new(registry.clone(), clock)),
            ExchangeConfig::default(),
        );
        Self {
            db,
            registry,
            exchange,
        }
    }

    /// An organisation with a system of this protocol; gives the system as an actor.
    async fn settle(&self, code: &str, protocol: Protocol) -> Actor {
        let occasion = Occasion {
            effective_at: Timestamp::BEGINNING,
            ..Occasion::default()
        };
        let new = NewOrganisation::undescribed(code, &format!("Đơn vị {code}"));
        let org = self
            .registry
            .create_organisation(&ACTOR, &new, &occasion)
            .await
            .expect("an organisation");
        let added = self
            .registry
            .add_system(&ACTOR, org, "QLVB", protocol)
            .await
            .expect("a system");
        Actor::System {
            system: added.system,
            org,
        }
    }

    async fn merge(&self, from: &Actor, into: &Actor) {
        let occasion = Occasion {
            effective_at: Timestamp::from_millis(1_794_000_000_000),
            ..Occasion::default()
        };
        let from = from.org().expect("an organisation");
        self.registry
            .merge(&ACTOR, &[from], into.org(), &occasion)
            .await
            .expect("merged");
    }

    fn submit(&self, by: &Actor, to: &str) -> Submit {
        let kind = IntakeKind::Plain {
            content_type: "application/pdf".to_owned(),
        };
        let mut intake = self.exchange.intake(kind, by, None).expect("an intake");
        intake.push(b"%PDF").expect("pushed");
        let content = intake.finish().expect("content");
        let mut submit = Submit::new(by.clone(), Door::Api, content);
        submit.recipients = vec![to.to_owned()];
        submit.idempotency_key = Some("k".to_owned());
        submit
    }

    /// Closes the store away from the runtime.
    async fn close(self) {
        let Self {
            db,
            registry,
            exchange,
        } = self;
        drop((registry, exchange));
        tokio::task::spawn_blocking(move || drop(db))
            .await
            .expect("closed");
    }
}

fn received() -> StatusReport {
    StatusReport {
        code: "03".to_owned(),
        reason: None,
        at: None,
        staff: None,
        reporter: None,
        idempotency_key: None,
        door: Door::Api,
    }
}

#[tokio::test]
async fn a_successor_follows_and_reports_what_its_predecessors_sent_and_received() {
    let house = House::new("server-directory-mergers").await;
    let sender = house.settle("H99.01", Protocol::Rest).await;
    let recipient = house.settle("H99.02", Protocol::Rest).await;
    let heir_of_sender = house.settle("H99.03", Protocol::Rest).await;
    let heir_of_recipient = house.settle("H99.04", Protocol::Rest).await;
    let stranger = house.settle("H99.05", Protocol::Rest).await;
    let sent = house
        .exchange
        .submit(house.submit(&sender, "H99.02"))
        .await
        .expect("accepted");
    house.merge(&sender, &heir_of_sender).await;
    house.merge(&recipient, &heir_of_recipient).await;

    let answers = house
        .exchange
        .report_status(&heir_of_recipient, sent.document, received())
        .await
        .expect("reported");
    assert_eq!(answers[0].deliveries[0].recipient_code, "H99.03");
    assert_eq!(
        answers[0].deliveries[0].routed_from.as_deref(),
        Some("H99.01")
    );
    for heir in [&heir_of_sender, &heir_of_recipient] {
        let trace = house.exchange.trace(heir, sent.document).await;
        let trace = trace.expect("a trace");
        assert_eq!(
            trace.deliveries[0].delivery.status_code.as_deref(),
            Some("03")
        );
    }
    let refused = house.exchange.trace(&stranger, sent.document).await;
    assert!(matches!(refused, Err(ReceiveError::DocumentUnknown)));
    house.close().await;
}
