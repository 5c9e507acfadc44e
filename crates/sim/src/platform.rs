//! National platforms that others call in the platforms' own protocols: one listener for all, one prefix of paths for each.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use lgsp_base::{Secret, Sha256};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::control::Breakable;
use crate::fault::How;
use crate::host::{self, Broken};

/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long a platform that never answers holds a request.
const SILENCE: Duration = Duration::from_secs(5);
/// Requests that a platform remembers, the newest.
const VISITS_MAX: usize = 10_000;
/// What a proxy says that has lost the platform behind it.
const WEB_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\
    <body><center><h1>502 Bad Gateway</h1></center></body></html>";

/// A request as a platform sees it.
#[derive(Debug)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// Its query, without the question mark.
    pub query: String,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Asked {
    /// The last part of the path, which names the operation in most protocols.
    pub fn operation(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// A header field as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The undecoded value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// True if the request presents this bearer token.
    pub(crate) fn bears(&self, token: &Secret<String>) -> bool {
        self.headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            .is_some_and(|shown| Sha256::of(shown) == Sha256::of(token.expose().as_bytes()))
    }

    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Option<serde_json::Map<String, Value>> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// What a platform answers.
#[derive(Debug)]
pub struct Said {
    /// HTTP status.
    pub status: StatusCode,
    /// Media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

impl Said {
    /// JSON with status 200, as these protocols answer whatever happened.
    pub fn json(value: &Value) -> Self {
        Self::json_with(StatusCode::OK, value)
    }

    /// JSON with another status.
    pub fn json_with(status: StatusCode, value: &Value) -> Self {
        Self {
            status,
            content_type: "application/json; charset=utf-8",
            body: value.to_string().into(),
        }
    }

    fn empty(status: StatusCode) -> Self {
        Self {
            status,
            content_type: "text/plain",
            body: Bytes::new(),
        }
    }

    fn web_page() -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "text/html",
            body: Bytes::from_static(WEB_PAGE.as_bytes()),
        }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }
}

/// A request that a platform saw, without anything personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The service or operation; empty if it named none.
    pub service: String,
    /// The dossiers that it was about.
    pub codes: Vec<String>,
    /// The code of the answer.
    pub answer: String,
}

/// The newest requests that a platform saw.
#[derive(Debug, Default)]
pub(crate) struct Visits(Mutex<VecDeque<Visit>>);

impl Visits {
    pub(crate) fn note(&self, service: &str, codes: Vec<String>, answer: &str) {
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if visits.len() >= VISITS_MAX {
            visits.pop_front();
        }
        visits.push_back(Visit {
            service: service.to_owned(),
            codes,
            answer: answer.to_owned(),
        });
    }

    pub(crate) fn all(&self) -> Vec<Visit> {
        let visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        visits.iter().cloned().collect()
    }
}

/// A platform that answers under a prefix.
pub trait Platform: Breakable {
    /// The beginning of the paths that are its own, with a slash at both ends.
    fn prefix(&self) -> &str;
    /// Answers one request. Being down, slow or a web page is the listener's part.
    fn answer(&self, asked: &Asked) -> Said;
}

/// The listener of any number of platforms, before it serves.
#[derive(Debug)]
pub struct Platforms {
    listener: TcpListener,
    address: SocketAddr,
}

impl Platforms {
    /// Binds the listener; port 0 takes a free one.
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

    /// Its address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until told to stop.
    pub async fn serve(self, platforms: Vec<Arc<dyn Platform>>, stop: watch::Receiver<bool>) {
        let platforms = Arc::new(platforms);
        let handler = move |request| {
            let platforms = Arc::clone(&platforms);
            async move { answer(&platforms, request).await.map(Said::into_response) }
        };
        host::serve(self.listener, None, Arc::new(handler), stop).await;
    }
}

async fn answer(
    platforms: &[Arc<dyn Platform>],
    request: Request<Incoming>,
) -> Result<Said, Broken> {
    let path = request.uri().path().to_owned();
    let platform = platforms
        .iter()
        .find(|platform| path.starts_with(platform.prefix()));
    let Some(platform) = platform else {
        return Ok(Said::empty(StatusCode::NOT_FOUND));
    };
    let faults = platform.faults();
    if faults.is_down() {
        return Ok(Said::empty(StatusCode::SERVICE_UNAVAILABLE));
    }
    if faults.never_answers() {
        tokio::time::sleep(SILENCE).await;
        return Err(Broken);
    }
    let delay = faults.delay();
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if faults.is(How::Html) {
        return Ok(Said::web_page());
    }
    let (parts, body) = request.into_parts();
    let Some(body) = host::body(body, BODY_BYTES_MAX).await else {
        return Ok(Said::empty(StatusCode::PAYLOAD_TOO_LARGE));
    };
    Ok(platform.answer(&Asked {
        method: parts.method,
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    }))
}
