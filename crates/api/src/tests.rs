//! The API as its callers see it.

mod committed;
mod directory;
mod documents;
mod errors;
mod forms;
mod operations;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use lgsp_base::problem::kinds;
use lgsp_registry::model::Protocol;
use serde_json::Value;

use crate::testkit::{Answer, House, send};
use crate::{ApiParts, ApiState, Probe, router};

/// A house with its REST door open.
struct Door {
    house: House,
    router: Router,
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
        let router = router(ApiState::new(ApiParts {
            exchange: house.exchange.clone(),
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
        }));
        Self { house, router }
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
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(&self.router, request.body(body.into()).expect("request")).await
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
