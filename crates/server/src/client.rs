//! The command line's way to a server: the same REST API that everybody uses.

mod form;

use std::path::Path;
use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lgsp_base::{Lang, Secret};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::exit::{Exit, Failure};

use form::FormBody;

pub use form::Form;

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Which server, as whom.
#[derive(Debug, Clone)]
pub struct Target {
    /// `http://host:port` or `https://host:port`.
    pub server: String,
    /// The API token.
    pub token: Option<Secret<String>>,
    /// A file of certificates to trust instead of the machine's.
    pub ca: Option<std::path::PathBuf>,
    /// Longest time for one call.
    pub timeout: Duration,
    /// The language of answers.
    pub lang: Lang,
}

/// A client of one server.
#[derive(Debug)]
pub struct Api {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    base: String,
    target: Target,
}

/// What is sent.
#[derive(Debug)]
pub enum Payload {
    /// Nothing.
    Empty,
    /// A JSON object.
    Json(Value),
    /// Bytes of a content type.
    Bytes(String, Bytes),
    /// A form with files.
    Form(Form),
    /// A file of a content type and so many bytes.
    File(String, std::path::PathBuf, u64),
}

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null when it is something else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Api {
    /// Prepares the connection; nothing is sent yet.
    pub fn new(target: Target) -> Result<Self, Failure> {
        let base = target.server.trim_end_matches('/').to_owned();
        let is_address = ["http://", "https://"].iter().any(|scheme| {
            base.strip_prefix(scheme)
                .is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', '@', '?', '#', ' ']))
        });
        if !is_address {
            return Err(Failure::new(
                Exit::Usage,
                "cli.server",
                "the server is not http://HOST:PORT or https://HOST:PORT",
            )
            .fix("--server http://127.0.0.1:8080"));
        }
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.set_nodelay(true);
        http.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(target.ca.as_deref())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            base,
            target,
        })
    }

    /// The server's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reads something.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.call(Method::GET, path, query, &[], Payload::Empty)
            .await
    }

    /// Sends something.
    pub async fn post(
        &self,
        path: &str,
        query: &[(&str, &str)],
        payload: Payload,
    ) -> Result<Answer, Failure> {
        self.call(Method::POST, path, query, &[], payload).await
    }

    /// One call; an answer that is not a success is a failure.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        payload: Payload,
    ) -> Result<Answer, Failure> {
        let request = self.request(method, path, query, headers, payload)?;
        let exchange = async {
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|error| self.unreachable(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|error| Failure::new(Exit::Unreachable, "cli.interrupted", error))?
                .to_bytes();
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body,
            })
        };
        let answer = tokio::time::timeout(self.target.timeout, exchange)
            .await
            .map_err(|_| {
                Failure::new(
                    Exit::Timeout,
                    "cli.timeout",
                    format!("no answer within {} seconds", self.target.timeout.as_secs()),
                )
                .fix("--timeout SECONDS")
            })??;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(Failure::of_document(answer.status.as_u16(), &answer.json()))
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        payload: Payload,
    ) -> Result<Request<Body>, Failure> {
        let mut address = format!("{}{path}", self.base);
        for (index, (name, value)) in query.iter().enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            address.push_str(&format!("{name}={}", encode(value)));
        }
        let mut request = Request::builder()
            .method(method)
            .uri(address)
            .header(
                header::USER_AGENT,
                concat!("lgsp/", env!("CARGO_PKG_VERSION")),
            )
            .header(
                header::ACCEPT_LANGUAGE,
                match self.target.lang {
                    Lang::Vi => "vi",
                    Lang::En => "en",
                },
            );
        if let Some(token) = &self.target.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (content_type, body) = match payload {
            Payload::Empty => (
                None,
                Empty::new().map_err(|never| match never {}).boxed_unsync(),
            ),
            Payload::Json(value) => (
                Some("application/json".to_owned()),
                full(Bytes::from(value.to_string())),
            ),
            Payload::Bytes(content_type, bytes) => (Some(content_type), full(bytes)),
            Payload::File(content_type, path, bytes) => (
                Some(content_type),
                FormBody::of_file(path, bytes).boxed_unsync(),
            ),
            Payload::Form(form) => (Some(form.content_type()), form.into_body().boxed_unsync()),
        };
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        request
            .body(body)
            .map_err(|error| Failure::new(Exit::Usage, "cli.argument", error))
    }

    fn unreachable(&self, error: &hyper_util::client::legacy::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Failure::new(
            Exit::Unreachable,
            "cli.unreachable",
            format!("{}: {cause}", self.base),
        )
        .fix("lgsp doctor")
    }
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Percent-encodes everything that is not unreserved (RFC 3986 §2.3).
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn tls(ca: Option<&Path>) -> Result<rustls::ClientConfig, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::Invalid, "cli.ca", error);
    let builder = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| failed(&error))?;
    let builder = match ca {
        Some(file) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in
                CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))?
            {
                let certificate = certificate.map_err(|error| failed(&error))?;
                roots.add(certificate).map_err(|error| failed(&error))?;
            }
            builder.with_root_certificates(roots)
        }
        // A machine without certificates can still speak plain HTTP.
        None => match builder.clone().with_native_roots() {
            Ok(builder) => builder,
            Err(_) => builder.with_root_certificates(rustls::RootCertStore::empty()),
        },
    };
    Ok(builder.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(server: &str) -> Target {
        Target {
            server: server.to_owned(),
            token: None,
            ca: None,
            timeout: Duration::from_secs(1),
            lang: Lang::Vi,
        }
    }

    #[test]
    fn only_plain_addresses_are_servers() {
        for good in ["http://127.0.0.1:8080", "https://lgsp.tinh.gov.vn/"] {
            assert!(Api::new(target(good)).is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "ftp://a",
            "http://",
            "http://u@a",
            "http://a/b",
            "http://a?x",
        ] {
            let failure = Api::new(target(bad)).expect_err(bad);
            assert_eq!(failure.exit, Exit::Usage);
        }
        assert_eq!(encode("Sở & a/b"), "S%E1%BB%9F%20%26%20a%2Fb");
    }
}
