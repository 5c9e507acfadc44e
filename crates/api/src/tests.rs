//! The API as its callers see it.

mod committed;
mod directory;
mod documents;
mod dossier_files;
mod dossiers;
mod errors;
mod events;
mod forms;
mod ledger;
mod one_stop;
mod operations;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Method, Request};
use lgsp_base::Clock;
use lgsp_base::problem::kinds;
use lgsp_base::vi::WorkingCalendar;
use lgsp_exchange::dossier::{DossierConfig, Dossiers, KeyRing};
use lgsp_registry::model::Protocol;
use lgsp_store::ledger::{Ledger, LedgerConfig};
use lgsp_wire::tlog::note::{Algorithm, SoftSigner};
use serde_json::Value;
use tower::ServiceExt;

use crate::testkit::{Answer, House};
use crate::{ApiParts, ApiState, Probe, router};

/// The name of the tests' log.
const ORIGIN: &str = "ledger.binhan.example";

/// A house with its REST door open.
struct Door {
    house: House,
    router: Router,
    ledger: Ledger,
    state: ApiState,
}

/// A log over the house's entries, with a key of its own.
async fn open_ledger(house: &House) -> Ledger {
    let signer = SoftSigner::from_seed(ORIGIN, Algorithm::Ed25519, &[7; 32]).expect("a key");
    let config = LedgerConfig {
        origin: ORIGIN.to_owned(),
        platform: "LGSP Bình An".to_owned(),
        signer: Arc::new(signer),
        entropy: house.entropy.clone(),
        planted: lgsp_base::planted::Planted::NONE,
    };
    Ledger::open(house.db.db().clone(), house.clock.clone(), config)
        .await
        .expect("a ledger")
}

/// The dossiers of the house, with keys of their own.
fn open_dossiers(house: &House) -> Dossiers {
    let keys = house.db.folder().join("dossier.key");
    let keys = KeyRing::create(&keys, house.clock.now(), house.entropy.as_ref());
    Dossiers::new(
        house.exchange.clone(),
        keys.expect("keys"),
        Arc::new(WorkingCalendar::built_in().clone()),
        DossierConfig::default(),
    )
}

/// A caller with a token.
#[derive(Clone)]
struct Caller {
    router: Router,
    token: Option<String>,
}

impl Door {
    async fn open(name: &str) -> Self {
        let house = House::new(name).await;
        let spool = house.db.folder().join("spool");
        std::fs::create_dir_all(&spool).expect("spool");
        let ledger = open_ledger(&house).await;
        let state = ApiState::new(ApiParts {
            exchange: house.exchange.clone(),
            dossiers: open_dossiers(&house),
            portals: None,
            registry: house.registry.clone(),
            clock: house.clock.clone(),
            entropy: house.entropy.clone(),
            spool,
            webhook_public_key: "whpk_test".to_owned(),
            endpoint_policy: Arc::new(|url| {
                if url.contains("127.0.0.1") {
                    Err(kinds::URL_FORBIDDEN.with("local"))
                } else {
                    Ok(())
                }
            }),
            probes: vec![
                Probe::new("store", || Ok(())),
                Probe::new("worker", || Err("it stands".to_owned())),
            ],
            ledger: Some(ledger.clone()),
        });
        Self {
            house,
            router: router(state.clone()),
            ledger,
            state,
        }
    }

    fn anonymous(&self) -> Caller {
        Caller {
            router: self.router.clone(),
            token: None,
        }
    }

    async fn operator(&self) -> Caller {
        Caller {
            token: Some(self.house.operator().await),
            ..self.anonymous()
        }
    }

    async fn system(&self, code: &str) -> Caller {
        let system = self.house.connect(code, Protocol::Rest).await;
        Caller {
            token: system.token.map(|token| token.expose().clone()),
            ..self.anonymous()
        }
    }
}

impl Caller {
    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        Answer::of(self.head(method, path, headers, body).await).await
    }

    /// An answer whose body was not read yet.
    async fn head(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).expect("request");
        self.router.clone().oneshot(request).await.expect("answer")
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.call(Method::POST, path, &headers, body.to_string())
            .await
    }

    /// Hands opaque bytes in.
    async fn submit(&self, to: &str, key: &str, body: impl Into<Body>) -> Answer {
        let headers = [
            ("content-type", "application/pdf"),
            ("idempotency-key", key),
        ];
        let path = format!("/api/v1/documents?to={to}&subject=x");
        self.call(Method::POST, &path, &headers, body).await
    }
}

/// Status and problem code of an answer.
fn problem(answer: &Answer) -> (u16, String) {
    assert_eq!(
        answer.headers["content-type"],
        "application/problem+json",
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let code = answer.json()["code"].as_str().expect("code").to_owned();
    (answer.status.as_u16(), code)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} in {value}"))
}
