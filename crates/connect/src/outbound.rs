//! The one HTTP client that leaves the platform.
//!
//! Receivers of webhooks stand in private networks, so the usual advice to block private addresses is turned round: an
//! operator's allow-list names the networks and hosts that may be called, and everything that is not plainly public is
//! refused without an entry. The address is judged when the connection is made, after the name was resolved, and the
//! connection goes to exactly the address that was judged: a name that changes its mind in between gains nothing
//! (reliability.md WH01, WH02). Redirects are not followed; every call has a deadline and a cap on its answer.

mod address;
mod connector;
mod stream;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lgsp_base::Problem;
use lgsp_base::problem::kinds;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

pub use address::{AllowEntry, Network, ParseAllowEntryError, ParseNetworkError};
use address::{Guard, Target};
use connector::GuardedConnector;
pub use connector::{Resolve, SystemResolver};
pub use stream::{StreamLimits, StreamedAnswer};

/// What the operator allows.
#[derive(Debug, Clone, Default)]
pub struct OutboundConfig {
    /// Hosts and networks that may be called although they are not public.
    pub allowed: Vec<AllowEntry>,
    /// The platform's own listeners: never called, whatever the allow-list says.
    pub own: Vec<SocketAddr>,
    /// Certificates (PEM) of the authorities that are trusted for `https`; without one no `https` call succeeds.
    pub roots_pem: Option<Vec<u8>>,
}

/// The client could not be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum OutboundConfigError {
    /// The PEM text cannot be read.
    #[error("the trusted certificates are not valid PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// A certificate cannot be used as a trust anchor.
    #[error("a trusted certificate cannot be used")]
    Certificate(#[source] rustls::Error),
}

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The address is not allowed; nothing was sent.
    #[error("the address is not allowed: {0}")]
    Forbidden(String),
    /// No answer before the deadline.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The certificate of the other side does not hold: expired, for another name, by an unknown issuer.
    #[error("the certificate does not hold: {0}")]
    Certificate(String),
    /// No connection, a broken TLS handshake or broken HTTP.
    #[error("the call failed: {0}")]
    Failed(String),
    /// The answer's body is over its cap.
    #[error("the answer is larger than {0} bytes")]
    AnswerTooLarge(usize),
}

impl CallError {
    /// The stable word for the record of an attempt.
    pub const fn cause(&self) -> &'static str {
        match self {
            CallError::Forbidden(_) => "url_forbidden",
            CallError::Timeout(_) => "timeout",
            CallError::Certificate(_) => "certificate",
            CallError::Failed(_) => "connect",
            CallError::AnswerTooLarge(_) => "answer_too_large",
        }
    }
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    /// Status; redirects are handed back as they are.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

type HttpClient = Client<HttpsConnector<GuardedConnector>, Full<Bytes>>;

/// The guarded client; clones share connections.
#[derive(Clone)]
pub struct Outbound {
    guard: Arc<Guard>,
    client: HttpClient,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

impl Outbound {
    /// Makes the client.
    ///
    /// # Errors
    /// [`OutboundConfigError`] for certificates that cannot be used.
    pub fn new(
        config: OutboundConfig,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, OutboundConfigError> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in
            CertificateDer::pem_slice_iter(config.roots_pem.as_deref().unwrap_or(b""))
        {
            roots
                .add(certificate.map_err(OutboundConfigError::Pem)?)
                .map_err(OutboundConfigError::Certificate)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(OutboundConfigError::Certificate)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let guard = Arc::new(Guard::new(config.allowed, config.own));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(GuardedConnector::new(Arc::clone(&guard), resolver));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(8)
            .build(connector);
        Ok(Self { guard, client })
    }

    /// Judges an address when somebody proposes it: form, scheme, literal addresses, ports. Names are judged again at
    /// every connection.
    ///
    /// # Errors
    /// `url.forbidden` saying which rule it breaks.
    pub fn check_url(&self, url: &str) -> Result<(), Problem> {
        Target::parse(url)
            .and_then(|target| self.guard.check_proposed(&target))
            .map_err(|reason| kinds::URL_FORBIDDEN.with(reason))
    }

    /// Posts a body and reads the answer, all within `deadline`.
    ///
    /// # Errors
    /// [`CallError`]; a status of 300 or more is an answer, not an error.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        deadline: Duration,
        answer_bytes_max: usize,
    ) -> Result<Answer, CallError> {
        let request = self.request(Method::POST, url, headers, body)?;
        tokio::time::timeout(deadline, self.exchange(request, answer_bytes_max))
            .await
            .map_err(|_| CallError::Timeout(deadline))?
    }

    /// Gets an answer and reads it whole, all within `deadline`. For what may be large there is [`Outbound::open`].
    ///
    /// # Errors
    /// As [`Outbound::post`].
    pub async fn get(
        &self,
        url: &str,
        headers: HeaderMap,
        deadline: Duration,
        answer_bytes_max: usize,
    ) -> Result<Answer, CallError> {
        let request = self.request(Method::GET, url, headers, Bytes::new())?;
        tokio::time::timeout(deadline, self.exchange(request, answer_bytes_max))
            .await
            .map_err(|_| CallError::Timeout(deadline))?
    }

    /// A request to an address that was judged as far as its form says.
    fn request(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let forbidden = |reason: &'static str| CallError::Forbidden(reason.to_owned());
        let target = Target::parse(url).map_err(forbidden)?;
        self.guard.check_proposed(&target).map_err(forbidden)?;
        let uri = url
            .parse::<Uri>()
            .map_err(|_| forbidden("the address is malformed"))?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CallError> {
        self.client.request(request).await.map_err(|error| {
            if let Some(reason) = connector::refusal(&error) {
                return CallError::Forbidden(reason);
            }
            match connector::bad_certificate(&error) {
                Some(reason) => CallError::Certificate(reason),
                None => CallError::Failed(chain(&error)),
            }
        })
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        answer_bytes_max: usize,
    ) -> Result<Answer, CallError> {
        let (parts, body) = self.send(request).await?.into_parts();
        let body = Limited::new(body, answer_bytes_max)
            .collect()
            .await
            .map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    CallError::AnswerTooLarge(answer_bytes_max)
                } else {
                    CallError::Failed(chain(error.as_ref()))
                }
            })?
            .to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

/// An error with its sources in one line, for the attempt's record.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
