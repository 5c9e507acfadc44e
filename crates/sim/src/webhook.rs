//! An agency's webhook endpoint: verifies the signature of a push, fetches what it announces and answers.
//!
//! Standard Webhooks 1.0 with asymmetric signatures (`v1a`, Ed25519). A push carries no content: the agency fetches it with its own token.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use lgsp_base::{Clock, Sha256};
use lgsp_wire::webhook;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::agency::AgencySystem;
use crate::door::{Kind, Waiting};

/// Bytes of a push that are read.
const PUSH_BYTES_MAX: usize = 64 * 1024;
/// How old or how far ahead a push's time may be.
const PUSH_SKEW: Duration = Duration::from_secs(5 * 60);

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

/// Receives pushes for one system.
#[derive(Debug)]
pub struct Receiver {
    listener: TcpListener,
    address: SocketAddr,
}

impl Receiver {
    /// Binds the endpoint; port 0 takes a free one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers pushes until told to stop. `public_key` is the text that the server publishes.
    pub async fn serve(
        self,
        system: Arc<AgencySystem>,
        clock: Arc<dyn Clock>,
        public_key: String,
        mut stop: watch::Receiver<bool>,
    ) {
        let endpoint = Arc::new(Endpoint {
            system,
            clock,
            public_key: webhook::parse_public_key(&public_key).unwrap_or_default(),
        });
        let mut connections = JoinSet::new();
        while !*stop.borrow() {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.changed() => break,
            };
            // A failed accept is that connection's loss; the next one may succeed.
            let Ok((stream, _)) = accepted else { continue };
            let endpoint = Arc::clone(&endpoint);
            connections.spawn(async move {
                let service = service_fn(move |request| {
                    let endpoint = Arc::clone(&endpoint);
                    async move { Ok::<_, std::convert::Infallible>(endpoint.answer(request).await) }
                });
                // The other side sees a broken connection too and pushes again.
                let _ended = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
            while connections.try_join_next().is_some() {}
        }
    }
}

#[derive(Debug)]
struct Endpoint {
    system: Arc<AgencySystem>,
    clock: Arc<dyn Clock>,
    public_key: Vec<u8>,
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        *response.status_mut() = self.handle(request).await;
        response
    }

    async fn handle(&self, request: Request<Incoming>) -> StatusCode {
        if self.system.faults().is_down() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let delay = self.system.faults().delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, PUSH_BYTES_MAX).collect().await else {
            return StatusCode::PAYLOAD_TOO_LARGE;
        };
        let body = body.to_bytes();
        if !self.is_genuine(&parts.headers, &body) {
            return StatusCode::UNAUTHORIZED;
        }
        let Ok(push) = serde_json::from_slice::<Push>(&body) else {
            return StatusCode::BAD_REQUEST;
        };
        let kind = match push.data.kind.as_str() {
            "edoc" => Kind::Document,
            "status" => Kind::Status,
            // Notices of the platform are read by people, not by this system.
            _ => return StatusCode::NO_CONTENT,
        };
        let item = Waiting {
            handle: push.data.delivery_id,
            document: push.data.document_id,
            content_url: path_of(&push.data.content_url).to_owned(),
            sha256: Some(push.data.sha256),
        };
        match self.system.take_push(kind, &item).await {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(error) => {
                tracing::debug!(error = %error, "a simulated endpoint could not take a push");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn is_genuine(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(id), Some(at), Some(signatures)) = (
            text("webhook-id"),
            text("webhook-timestamp").and_then(|text| text.parse::<i64>().ok()),
            text("webhook-signature"),
        ) else {
            return false;
        };
        let now = self.clock.now().as_millis().div_euclid(1_000);
        now.abs_diff(at) <= PUSH_SKEW.as_secs()
            && webhook::verify(&[&self.public_key], id, at, body, signatures)
    }
}

/// The path of an absolute or a relative address.
fn path_of(url: &str) -> &str {
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => url,
    }
}
