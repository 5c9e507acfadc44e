//! The webhook endpoints of agencies: each verifies the signature of a push, fetches what it announces and answers.
//!
//! Standard Webhooks 1.0 with asymmetric signatures (`v1a`, Ed25519). A push carries no content: the agency fetches it with its own token.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use lgsp_base::Sha256;
use lgsp_wire::webhook;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::agency::AgencySystem;
use crate::control::Breakable as _;
use crate::door::{Kind, Waiting};
use crate::expired;
use crate::host::{self, Broken};
use crate::one_stop::OneStop;

/// Bytes of a push that are read.
const PUSH_BYTES_MAX: usize = 64 * 1024;
/// How old or how far ahead a push's time may be.
const PUSH_SKEW: Duration = Duration::from_secs(5 * 60);
/// How long a system that never answers holds a push.
const SILENCE: Duration = Duration::from_secs(5);
/// Deliveries whose failures are counted; beyond, counting starts anew.
const FAILURES_MAX: usize = 10_000;

#[derive(Debug, Deserialize)]
struct Push {
    data: PushData,
}

#[derive(Debug, Deserialize)]
struct PushData {
    #[serde(alias = "id")]
    delivery_id: String,
    document_id: String,
    kind: String,
    sha256: Sha256,
    content_url: String,
}

/// Receives pushes for any number of systems, each under `/<anything>/<its code>`.
#[derive(Debug)]
pub struct Receiver {
    listener: TcpListener,
    address: SocketAddr,
    offices: Vec<Arc<OneStop>>,
}

impl Receiver {
    /// Binds the endpoint; port 0 takes a free one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            offices: Vec::new(),
        })
    }

    /// Dossiers that come for these agencies go to their one-stop systems.
    #[must_use]
    pub fn with_offices(mut self, offices: Vec<Arc<OneStop>>) -> Self {
        self.offices = offices;
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers pushes until told to stop; those that come over TLS meet a certificate that has expired. `public_key` is the text that the server publishes.
    pub async fn serve(
        self,
        systems: Vec<Arc<AgencySystem>>,
        public_key: String,
        stop: watch::Receiver<bool>,
    ) {
        let by_code = systems
            .into_iter()
            .map(|system| (system.agency().code.clone(), system));
        let endpoint = Arc::new(Endpoint {
            systems: by_code.collect(),
            offices: self
                .offices
                .into_iter()
                .map(|office| (office.agency().code.clone(), office))
                .collect(),
            public_key: webhook::parse_public_key(&public_key).unwrap_or_default(),
            failures: Mutex::default(),
        });
        let handler = move |request| {
            let endpoint = Arc::clone(&endpoint);
            async move { endpoint.answer(request).await }
        };
        host::serve(self.listener, expired::acceptor(), Arc::new(handler), stop).await;
    }
}

#[derive(Debug)]
struct Endpoint {
    systems: HashMap<String, Arc<AgencySystem>>,
    offices: HashMap<String, Arc<OneStop>>,
    public_key: Vec<u8>,
    /// How many pushes of a delivery were failed on purpose.
    failures: Mutex<HashMap<String, u32>>,
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Broken> {
        let code = request.uri().path().rsplit('/').next().unwrap_or_default();
        let Some(system) = self.systems.get(code) else {
            return Ok(empty(StatusCode::NOT_FOUND));
        };
        let faults = system.faults();
        if faults.is_down() {
            return Ok(empty(StatusCode::SERVICE_UNAVAILABLE));
        }
        if faults.never_answers() {
            tokio::time::sleep(SILENCE).await;
            return Err(Broken);
        }
        let delay = faults.delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if faults.has_wrong_digest() {
            let wrong = format!("{{\"sha256\":\"{}\"}}", Sha256::of(b""));
            return Ok(Response::new(Full::from(wrong)));
        }
        Ok(empty(self.take(system, request).await))
    }

    async fn take(&self, system: &AgencySystem, request: Request<Incoming>) -> StatusCode {
        let (parts, body) = request.into_parts();
        let Some(body) = host::body(body, PUSH_BYTES_MAX).await else {
            return StatusCode::PAYLOAD_TOO_LARGE;
        };
        if !self.is_genuine(system, &parts.headers, &body) {
            return StatusCode::UNAUTHORIZED;
        }
        let Ok(push) = serde_json::from_slice::<Push>(&body) else {
            return StatusCode::BAD_REQUEST;
        };
        let kind = match push.data.kind.as_str() {
            "dossier" => return self.take_dossier(system, push.data).await,
            "edoc" => Kind::Document,
            "status" => Kind::Status,
            // Notices of the platform are read by people, not by this system.
            _ => return StatusCode::NO_CONTENT,
        };
        if self.fails(&push.data.delivery_id, system.faults().fails_first()) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let item = waiting(push.data);
        match system.take_push(kind, &item).await {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(error) => {
                tracing::debug!(error = %error, "a simulated endpoint could not take a push");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// An agency's one-stop system stands behind the same address.
    async fn take_dossier(&self, system: &AgencySystem, data: PushData) -> StatusCode {
        let Some(office) = self.offices.get(&system.agency().code) else {
            return StatusCode::NOT_FOUND;
        };
        if office.faults().is_down() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        match office.take_push(&waiting(data)).await {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(error) => {
                tracing::debug!(error = %error, "a simulated office could not take a push");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Counts a push of a delivery and says whether it is among the first `times`.
    fn fails(&self, delivery: &str, times: u32) -> bool {
        if times == 0 {
            return false;
        }
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= FAILURES_MAX {
            failures.clear();
        }
        let seen = failures.entry(delivery.to_owned()).or_default();
        *seen = seen.saturating_add(1);
        *seen <= times
    }

    fn is_genuine(&self, system: &AgencySystem, headers: &HeaderMap, body: &[u8]) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(id), Some(at), Some(signatures)) = (
            text("webhook-id"),
            text("webhook-timestamp").and_then(|text| text.parse::<i64>().ok()),
            text("webhook-signature"),
        ) else {
            return false;
        };
        let now = system.clock().now().as_millis().div_euclid(1_000);
        now.abs_diff(at) <= PUSH_SKEW.as_secs()
            && webhook::verify(&[&self.public_key], id, at, body, signatures)
    }
}

fn waiting(data: PushData) -> Waiting {
    Waiting {
        handle: data.delivery_id,
        document: data.document_id,
        content_url: path_of(&data.content_url).to_owned(),
        sha256: Some(data.sha256),
    }
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// The path of an absolute or a relative address.
fn path_of(url: &str) -> &str {
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => url,
    }
}

#[cfg(test)]
mod tests {
    use lgsp_base::entropy::SeededEntropy;
    use lgsp_base::time::SystemClock;

    use super::*;
    use crate::fault::Fault;
    use crate::http::{Answer, Call, CallError, HttpClient};
    use crate::{Agency, Door, Journal, Receive, RestClient, World};

    fn system(code: &str, fault: Fault) -> Arc<AgencySystem> {
        let agency = Agency {
            code: code.to_owned(),
            name: format!("Đơn vị {code}"),
            in_charge: String::new(),
            notation: "DV".to_owned(),
        };
        let world = World {
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SeededEntropy::new(1)),
            journal: Journal::new(),
        };
        let door = Door::Rest(RestClient::new("http://127.0.0.1:9", "none"));
        let system = AgencySystem::new(agency, door, Receive::Push, world);
        system.faults().start(fault);
        Arc::new(system)
    }

    async fn push(url: &str, code: &str) -> Result<Answer, CallError> {
        let call = Call::new(hyper::Method::POST, format!("/nhan/{code}")).body("{}");
        HttpClient::new(url).send(call).await
    }

    #[tokio::test]
    async fn one_endpoint_serves_many_systems_each_with_its_fault() {
        let receiver = Receiver::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a port");
        let url = format!("http://{}", receiver.address());
        let systems = vec![
            system("A", Fault::Down),
            system("B", Fault::WrongDigest),
            system("C", Fault::AcknowledgesTwice),
        ];
        let (_stop, stopping) = watch::channel(false);
        let checks = async {
            let status = |answer: Result<Answer, CallError>| answer.expect("answered").status;
            assert_eq!(
                status(push(&url, "A").await),
                StatusCode::SERVICE_UNAVAILABLE
            );
            let wrong = push(&url, "B").await.expect("answered");
            assert_eq!(wrong.status, StatusCode::OK);
            assert!(wrong.body.starts_with(b"{\"sha256\":"));
            assert_eq!(status(push(&url, "C").await), StatusCode::UNAUTHORIZED);
            assert_eq!(status(push(&url, "D").await), StatusCode::NOT_FOUND);
        };
        tokio::select! {
            () = checks => {}
            () = receiver.serve(systems, String::new(), stopping) => panic!("the endpoint ended"),
        }
    }

    #[test]
    fn the_first_pushes_of_each_delivery_fail() {
        let endpoint = Endpoint {
            systems: HashMap::new(),
            offices: HashMap::new(),
            public_key: Vec::new(),
            failures: Mutex::default(),
        };
        let outcomes: Vec<bool> = (0..5).map(|_| endpoint.fails("dlv_1", 3)).collect();
        assert_eq!(outcomes, [true, true, true, false, false]);
        assert!(endpoint.fails("dlv_2", 3));
        assert!(!endpoint.fails("dlv_3", 0));
    }
}
