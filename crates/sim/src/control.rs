//! The control listener of a simulated province: break agencies, slow them down, restore them.
//!
//! It listens on loopback alone and asks for a token. `lgsp sim` is its client; anything that speaks HTTP may be one:
//!
//! | Request | Does |
//! | --- | --- |
//! | `GET /sim/agencies` | lists agencies and national platforms and how they are |
//! | `POST /sim/agencies/{name}/fail` | a pushed agency answers 503, a polling one stops polling; neither sends. A platform may be told how to fail: body `{"how": "html"}` |
//! | `POST /sim/agencies/{name}/slow` | every piece of work waits; body `{"seconds": 10}` |
//! | `POST /sim/agencies/{name}/restore` | normal again |
//!
//! `{name}` is a code, an abbreviation (`SYT`) or a part of the name, with or without marks; it must mean one agency.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use lgsp_base::{Lang, Secret, Sha256, vi};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::fault::{Fault, Faults, How};
use crate::host;

/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 4 * 1024;
/// Characters of a name in a path.
const NAME_BYTES_MAX: usize = 400;
/// The longest wait that can be asked for, in seconds.
pub const SLOW_SECONDS_MAX: u64 = 300;
/// The wait when none is named, in seconds.
pub const SLOW_SECONDS_DEFAULT: u64 = 10;
/// Agencies that are named when a name means several.
const CANDIDATES_MAX: usize = 5;

/// Something that can be broken on command: the system of an agency, or a national platform.
pub trait Breakable: Send + Sync + fmt::Debug {
    /// The code by which it is found, usually the organisation's.
    fn code(&self) -> &str;
    /// Its name.
    fn name(&self) -> &str;
    /// Its abbreviation.
    fn notation(&self) -> &str;
    /// `push`, `poll` or, for a platform that is called in its own protocol, `call`.
    fn receives(&self) -> &'static str;
    /// Its misbehaviour.
    fn faults(&self) -> &Faults;
    /// The ways in which it can fail.
    fn ways(&self) -> &'static [How] {
        &[How::Down]
    }
    /// Takes up again what is normal for it.
    fn settle(&self) {}
}

/// How an agency is at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgencyState {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// `push`, `poll` or `call`.
    pub receives: String,
    /// `ok`, `slow`, or the word for how it fails: `down`, `html` and so on.
    pub state: String,
    /// How long each piece of work waits, in seconds; 0 unless slow.
    pub slow_seconds: u64,
}

impl AgencyState {
    fn of(system: &dyn Breakable) -> Self {
        let slow_seconds = system.faults().delay().as_secs();
        let state = match (system.faults().how(), slow_seconds) {
            (Some(how), _) => how.name(),
            (None, 0) => "ok",
            (None, _) => "slow",
        };
        Self {
            code: system.code().to_owned(),
            name: system.name().to_owned(),
            receives: system.receives().to_owned(),
            state: state.to_owned(),
            slow_seconds,
        }
    }
}

/// The listener before it serves.
#[derive(Debug)]
pub struct Control {
    listener: TcpListener,
    address: SocketAddr,
}

impl Control {
    /// Binds a free port of the loopback interface.
    ///
    /// # Errors
    /// Those of the operating system.
    pub async fn bind() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until told to stop.
    pub async fn serve(
        self,
        systems: Vec<Arc<dyn Breakable>>,
        token: Secret<String>,
        stop: watch::Receiver<bool>,
    ) {
        let panel = Arc::new(Panel {
            systems,
            token_hash: Sha256::of(token.expose().as_bytes()),
        });
        let handler = move |request| {
            let panel = Arc::clone(&panel);
            async move { Ok(panel.answer(request).await) }
        };
        host::serve(self.listener, None, Arc::new(handler), stop).await;
    }
}

#[derive(Debug)]
struct Panel {
    systems: Vec<Arc<dyn Breakable>>,
    /// Comparing hashes tells nothing about the token by its timing.
    token_hash: Sha256,
}

/// What is done to an agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Fail(How),
    Slow(Duration),
    Restore,
}

#[derive(Debug, Default, Deserialize)]
struct Wish {
    seconds: Option<u64>,
    how: Option<How>,
}

/// A refusal: status, stable code, words in Vietnamese and English.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    vi: String,
    en: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, vi: &str, en: &str) -> Self {
        Self {
            status,
            code,
            vi: vi.to_owned(),
            en: en.to_owned(),
        }
    }

    fn invalid(vi: &str, en: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "sim.request", vi, en)
    }

    /// As an answer, in the manner of a problem document (RFC 9457).
    fn to_value(&self, lang: Lang) -> Value {
        let detail = match lang {
            Lang::Vi => &self.vi,
            Lang::En => &self.en,
        };
        json!({"status": self.status.as_u16(), "code": self.code, "detail": detail})
    }
}

impl Panel {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let lang = request
            .headers()
            .get(ACCEPT_LANGUAGE)
            .and_then(|field| field.to_str().ok())
            .map_or(Lang::Vi, Lang::from_accept_language);
        match self.handle(request).await {
            Ok(value) => respond(StatusCode::OK, &value),
            Err(refusal) => respond(refusal.status, &refusal.to_value(lang)),
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Value, Refusal> {
        if !self.is_authorized(&request) {
            return Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "sim.token",
                "mã truy cập không phải của bản mô phỏng này",
                "the token is not the one of this simulation",
            ));
        }
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["sim", "agencies"]) => {
                let all: Vec<AgencyState> = self
                    .systems
                    .iter()
                    .map(|system| AgencyState::of(&**system))
                    .collect();
                Ok(json!({"agencies": all}))
            }
            (&Method::POST, ["sim", "agencies", name, deed]) => {
                let deed = read_deed(deed, request).await?;
                let system = &**self.find(&decode(name))?;
                apply(system, deed)?;
                tracing::info!(agency = %system.code(), ?deed, "a simulated agency was changed");
                Ok(json!(AgencyState::of(system)))
            }
            _ => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "sim.path",
                "ở đây không có gì",
                "there is nothing here",
            )),
        }
    }

    fn is_authorized(&self, request: &Request<Incoming>) -> bool {
        request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            .is_some_and(|token| Sha256::of(token) == self.token_hash)
    }

    fn find(&self, name: &str) -> Result<&Arc<dyn Breakable>, Refusal> {
        match find(&self.systems, name).as_slice() {
            [one] => Ok(*one),
            [] => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "sim.agency_unknown",
                &format!("không có đơn vị mô phỏng nào tên là {name}"),
                &format!("no simulated agency is called {name}"),
            )),
            several => {
                let codes: Vec<&str> = several
                    .iter()
                    .take(CANDIDATES_MAX)
                    .map(|system| system.code())
                    .collect();
                let codes = codes.join(", ");
                Err(Refusal::new(
                    StatusCode::CONFLICT,
                    "sim.agency_ambiguous",
                    &format!("{name} có thể là {codes}…"),
                    &format!("{name} may be {codes}…"),
                ))
            }
        }
    }
}

/// The agencies that a name may mean: by code, else by abbreviation, else by a part of the name.
fn find<'a>(systems: &'a [Arc<dyn Breakable>], name: &str) -> Vec<&'a Arc<dyn Breakable>> {
    let name = name.trim();
    let folded = vi::fold(name);
    if folded.is_empty() {
        return Vec::new();
    }
    let by = |test: &dyn Fn(&dyn Breakable) -> bool| -> Vec<&'a Arc<dyn Breakable>> {
        systems.iter().filter(|system| test(&***system)).collect()
    };
    let by_code = by(&|system| system.code().eq_ignore_ascii_case(name));
    if !by_code.is_empty() {
        return by_code;
    }
    let by_notation = by(&|system| system.notation().to_lowercase() == name.to_lowercase());
    if !by_notation.is_empty() {
        return by_notation;
    }
    by(&|system| vi::fold(system.name()).contains(&folded))
}

fn apply(system: &dyn Breakable, deed: Deed) -> Result<(), Refusal> {
    let faults = system.faults();
    match deed {
        Deed::Fail(how) if !system.ways().contains(&how) => {
            let ways: Vec<&str> = system.ways().iter().map(|way| way.name()).collect();
            let ways = ways.join(", ");
            return Err(Refusal::invalid(
                &format!("đơn vị này chỉ có thể hỏng theo cách: {ways}"),
                &format!("this one can fail in these ways alone: {ways}"),
            ));
        }
        Deed::Fail(how) => {
            if system.ways().len() > 1 {
                // A platform fails in one way at a time.
                faults.restore();
            }
            faults.start(Fault::Platform(how));
        }
        Deed::Slow(delay) => {
            faults.restore();
            faults.start(Fault::Slow(delay));
        }
        Deed::Restore => {
            faults.restore();
            system.settle();
        }
    }
    Ok(())
}

async fn read_deed(word: &str, request: Request<Incoming>) -> Result<Deed, Refusal> {
    match word {
        "restore" => return Ok(Deed::Restore),
        "fail" | "slow" => {}
        _ => {
            return Err(Refusal::invalid(
                "cần fail, slow hoặc restore",
                "fail, slow or restore is expected",
            ));
        }
    }
    let body = host::body(request.into_body(), BODY_BYTES_MAX)
        .await
        .ok_or_else(|| {
            Refusal::invalid(
                "nội dung quá lớn, quá chậm hoặc bị ngắt",
                "the body is too large, too slow or broken",
            )
        })?;
    let wish: Wish = if body.is_empty() {
        Wish::default()
    } else {
        serde_json::from_slice(&body).map_err(|_| {
            Refusal::invalid(
                "cần nội dung như {\"seconds\": 10} hoặc {\"how\": \"html\"}",
                "a body like {\"seconds\": 10} or {\"how\": \"html\"} is expected",
            )
        })?
    };
    if word == "fail" {
        return Ok(Deed::Fail(wish.how.unwrap_or(How::Down)));
    }
    let seconds = wish.seconds.unwrap_or(SLOW_SECONDS_DEFAULT);
    if !(1..=SLOW_SECONDS_MAX).contains(&seconds) {
        return Err(Refusal::invalid(
            &format!("số giây phải từ 1 đến {SLOW_SECONDS_MAX}"),
            &format!("seconds must be between 1 and {SLOW_SECONDS_MAX}"),
        ));
    }
    Ok(Deed::Slow(Duration::from_secs(seconds)))
}

/// Percent-decodes a part of a path (RFC 3986 §2.1); what is no UTF-8 then matches nothing.
fn decode(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes().take(NAME_BYTES_MAX);
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) => bytes.extend(u8::try_from(high * 16 + low)),
            _ => return String::new(),
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn respond(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(value.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use lgsp_base::entropy::SeededEntropy;
    use lgsp_base::time::SystemClock;

    use super::*;
    use crate::http::{Call, HttpClient};
    use crate::{Agency, AgencySystem, Door, Journal, Receive, RestClient, World};

    fn systems() -> Vec<Arc<dyn Breakable>> {
        let world = World {
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SeededEntropy::new(1)),
            journal: Journal::new(),
        };
        let system = |(code, name, notation): (&str, &str, &str), receive| {
            let agency = Agency {
                code: code.to_owned(),
                name: name.to_owned(),
                in_charge: String::new(),
                notation: notation.to_owned(),
            };
            let door = Door::Rest(RestClient::new("http://127.0.0.1:9", "none"));
            Arc::new(AgencySystem::new(agency, door, receive, world.clone())) as Arc<dyn Breakable>
        };
        vec![
            system(("H99.08", "Sở Y tế tỉnh Bình An", "SYT"), Receive::Push),
            system(("H99.02", "Sở Nội vụ tỉnh Bình An", "SNV"), Receive::Poll),
        ]
    }

    #[test]
    fn names_are_found_by_code_abbreviation_or_a_part() {
        let systems = systems();
        let codes = |name: &str| -> Vec<String> {
            find(&systems, name)
                .iter()
                .map(|system| system.code().to_owned())
                .collect()
        };
        for name in ["H99.08", "h99.08", "syt", "Sở Y tế", "so y te"] {
            assert_eq!(codes(name), ["H99.08"], "{name}");
        }
        assert_eq!(codes("Bình An").len(), 2);
        assert!(codes("H99").is_empty());
        assert!(codes(" . ").is_empty());
    }

    #[test]
    fn paths_are_decoded_and_nonsense_means_nobody() {
        assert_eq!(decode("S%E1%BB%9F%20Y"), "Sở Y");
        assert_eq!(decode("%E1"), "");
        assert_eq!(decode("%zz"), "");
        assert_eq!(decode("%"), "");
    }

    #[tokio::test]
    async fn agencies_are_broken_slowed_and_restored_with_the_token_only() {
        let systems = systems();
        let control = Control::bind().await.expect("a port");
        let client = HttpClient::new(&control.url());
        let (_stop, stopping) = watch::channel(false);
        let call = async |method: Method, path: &str, token: &str, body: &'static str| {
            let call = Call::new(method, path)
                .header("authorization", &format!("Bearer {token}"))
                .body(body);
            let answer = client.send(call).await.expect("answered");
            let value: Value = serde_json::from_slice(&answer.body).expect("JSON");
            (answer.status.as_u16(), value)
        };
        let checks = async {
            let post = async |path: &str, body: &'static str| {
                call(Method::POST, &format!("/sim/agencies/{path}"), "t", body).await
            };
            let (status, _) = call(Method::GET, "/sim/agencies", "other", "").await;
            assert_eq!(status, 401);

            let (status, state) = post("syt/fail", "").await;
            assert_eq!((status, state["state"].as_str()), (200, Some("down")));
            assert!(systems[0].faults().is_down() && !systems[1].faults().is_down());
            let (_, state) = post("H99.08/slow", "{\"seconds\": 7}").await;
            assert_eq!(state["slow_seconds"], 7);
            let (_, all) = call(Method::GET, "/sim/agencies", "t", "").await;
            assert_eq!(all["agencies"][0]["state"], "slow");
            assert_eq!(all["agencies"][1]["state"], "ok");
            let (_, state) = post("H99.08/restore", "").await;
            assert_eq!(state["state"], "ok");

            assert_eq!(post("H99.08/slow", "{\"seconds\": 0}").await.0, 400);
            assert_eq!(post("H99.08/explode", "").await.0, 400);
            let (status, refusal) = post("H99.08/fail", "{\"how\": \"html\"}").await;
            assert_eq!(
                (status, refusal["code"].as_str()),
                (400, Some("sim.request"))
            );
            assert_eq!(post("H99.08/fail", "{\"how\": \"no\"}").await.0, 400);
            assert_eq!(systems[0].faults().how(), None);
            assert_eq!(post("H98/fail", "").await.0, 404);
            let (status, refusal) = post("b%C3%ACnh%20an/fail", "").await;
            assert_eq!(
                (status, refusal["code"].as_str()),
                (409, Some("sim.agency_ambiguous"))
            );
            assert_eq!(call(Method::GET, "/", "t", "").await.0, 404);
        };
        let token = Secret::new("t".to_owned());
        tokio::select! {
            () = checks => {}
            () = control.serve(systems.clone(), token, stopping) => panic!("the listener ended"),
        }
    }
}
