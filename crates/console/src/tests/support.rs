//! The console over a fresh database, asked as a browser asks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use lgsp_base::id::OrgId;
use lgsp_base::planted::Planted;
use lgsp_base::vi::{Day, WorkingCalendar};
use lgsp_base::{Actor, Clock, Problem, Timestamp};
use lgsp_exchange::dossier::portals::{Portals, PortalsError, SyncReport};
use lgsp_exchange::dossier::{DossierConfig, Dossiers, KeyRing, Reconciliation};
use lgsp_insight::{Insight, Names, Party};
use lgsp_registry::Registry;
use lgsp_store::ledger::{Ledger, LedgerConfig};
use lgsp_wire::tlog::note::{Algorithm, SoftSigner};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::testkit::House;
use crate::{Alarm, Alarms, Batch, ConsoleParts, Events, Mode, StoreSessions};

/// No news.
#[derive(Debug)]
pub(super) struct Quiet(pub(super) watch::Sender<u64>, pub(super) Mutex<Vec<Alarm>>);

impl Events for Quiet {
    fn sealed(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    fn since<'a>(
        &'a self,
        _: &'a Actor,
        leaf: u64,
        _: usize,
    ) -> BoxFuture<'a, Result<Batch, Problem>> {
        let event = crate::Event {
            leaf,
            at: Timestamp::from_micros(0),
            kind: "document.accepted".to_owned(),
            document: None,
        };
        let batch = Batch {
            events: vec![event],
            next: leaf + 1,
        };
        async { Ok(batch) }.boxed()
    }
}

impl Alarms for Quiet {
    fn alarms(&self) -> Vec<Alarm> {
        self.1.lock().expect("alarms").clone()
    }
}

/// No portal is connected.
#[derive(Debug)]
struct Unconnected;

impl Portals for Unconnected {
    fn organisations(&self) -> Vec<OrgId> {
        Vec::new()
    }

    fn reconcile<'a>(
        &'a self,
        _: &'a Actor,
        _: OrgId,
        _: Day,
    ) -> BoxFuture<'a, Result<Reconciliation, PortalsError>> {
        Box::pin(async { Err(PortalsError::Unknown) })
    }

    fn synchronise<'a>(
        &'a self,
        _: &'a Actor,
        _: OrgId,
    ) -> BoxFuture<'a, Result<SyncReport, PortalsError>> {
        Box::pin(async { Err(PortalsError::Unknown) })
    }
}

/// Names from the registry.
#[derive(Debug)]
struct Named(Registry);

impl Names for Named {
    fn party(&self, org: OrgId, at: Timestamp) -> Option<Party> {
        let snapshot = self.0.snapshot();
        snapshot.organisation(org).map(|found| Party {
            name: found.name_near(at).to_owned(),
            code: Some(found.code_near(at).to_owned()),
        })
    }
}

/// A platform with a directory, an operator's token, and the console over it.
pub(super) struct World {
    pub(super) house: House,
    pub(super) dossiers: Dossiers,
    pub(super) sessions: StoreSessions,
    pub(super) operator: String,
    pub(super) router: Router,
    pub(super) quiet: Arc<Quiet>,
    pub(super) ledger: Ledger,
    pub(super) insight: Insight,
    pub(super) stop: watch::Sender<bool>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// A browser: keeps cookies, follows nothing by itself.
#[derive(Debug, Default, Clone)]
pub(super) struct Browser {
    cookies: Vec<(String, String)>,
}

/// Runs a test against the console on a fresh SQLite database.
pub(super) fn with_world<F>(name: &str, public_url: &str, test: F)
where
    F: for<'a> FnOnce(&'a mut World) -> BoxFuture<'a, ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut world = World::open(name, public_url).await;
        test(&mut world).await;
    });
}

impl World {
    async fn open(name: &str, public_url: &str) -> Self {
        let house = House::new(name).await;
        let clock: Arc<dyn Clock> = house.clock.clone();
        let operator = house.operator().await;
        let sessions = StoreSessions::new(
            house.db.db().clone(),
            house.registry.clone(),
            clock.clone(),
            house.entropy.clone(),
        );
        let (stop, stopped) = watch::channel(false);
        let quiet = Arc::new(Quiet(watch::Sender::new(3), Mutex::default()));
        let signer = SoftSigner::from_seed("ledger.example", Algorithm::Ed25519, &[7; 32]);
        let ledger = Ledger::open(
            house.db.db().clone(),
            clock.clone(),
            LedgerConfig {
                origin: "ledger.example".to_owned(),
                platform: "UBND tỉnh Bình An".to_owned(),
                signer: Arc::new(signer.expect("a key")),
                entropy: house.entropy.clone(),
                planted: Planted::NONE,
            },
        )
        .await
        .expect("a ledger");
        let insight = Insight::open(
            house.db.db().clone(),
            clock.clone(),
            Arc::new(ledger.clone()),
            Arc::new(Named(house.registry.clone())),
        );
        let keys = house.db.folder().join("dossier.key");
        let keys = KeyRing::create(&keys, clock.now(), house.entropy.as_ref()).expect("keys");
        let dossiers = Dossiers::new(
            house.exchange.clone(),
            keys,
            Arc::new(WorkingCalendar::built_in().clone()),
            DossierConfig::default(),
        );
        let router = crate::router(ConsoleParts {
            exchange: house.exchange.clone(),
            dossiers: dossiers.clone(),
            portals: Arc::new(Unconnected),
            registry: house.registry.clone(),
            ledger: ledger.clone(),
            insight: insight.clone(),
            sessions: Arc::new(sessions.clone()),
            alarms: quiet.clone(),
            events: quiet.clone(),
            clock,
            entropy: house.entropy.clone(),
            mode: Mode::Test,
            public_url: public_url.to_owned(),
            stop: stopped,
        })
        .expect("compiled in")
        .router;
        Self {
            house,
            dossiers,
            sessions,
            operator,
            router,
            quiet,
            ledger,
            insight,
            stop,
        }
    }

    /// Seals what was written and works it into the figures.
    pub(super) async fn settle(&self) {
        while self.ledger.seal().await.expect("sealed").is_some() {}
        while self.insight.advance().await.expect("advanced").lag > 0 {}
    }

    pub(super) fn org(&self, code: &str) -> OrgId {
        let snapshot = self.house.registry.snapshot();
        snapshot.lookup(code).expect("there").id
    }

    /// Kinds of the ledger's entries, oldest first, and all records as text.
    pub(super) async fn ledger(&self) -> (Vec<String>, String) {
        let entries = self
            .house
            .db
            .db()
            .read("test", |tx| tx.ledger_list(0, 1_000))
            .await
            .expect("read");
        let records = entries
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.record).into_owned())
            .collect();
        (
            entries.into_iter().map(|entry| entry.kind).collect(),
            records,
        )
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.house.clock.advance(Duration::from_secs(seconds));
    }

    /// A browser that is logged in with a token.
    pub(super) async fn logged_in(&self, token: &str) -> Browser {
        let mut browser = Browser::default();
        let page = browser.get(self, "/dang-nhap").await;
        let form = [("csrf", page.csrf()), ("khoa", token.to_owned())];
        let answer = browser.post(self, "/dang-nhap", &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        browser
    }
}

impl Answer {
    /// The body with slashes and ampersands as people type them.
    pub(super) fn plain(&self) -> String {
        self.body.replace("&#x2f;", "/").replace("&amp;", "&")
    }

    pub(super) fn csrf(&self) -> String {
        let start = self.body.find("name=\"csrf\" value=\"").expect("a form") + 19;
        self.body[start..]
            .split('"')
            .next()
            .expect("its end")
            .to_owned()
    }

    pub(super) fn location(&self) -> &str {
        self.header(header::LOCATION.as_str())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("plain"))
    }
}

impl Browser {
    pub(super) async fn get(&mut self, world: &World, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        self.send(world, request).await
    }

    pub(super) async fn post(
        &mut self,
        world: &World,
        path: &str,
        form: &[(&str, String)],
    ) -> Answer {
        self.post_from(world, path, form, "same-origin").await
    }

    /// Posts as a browser does that stands on a page of the same or of another site.
    pub(super) async fn post_from(
        &mut self,
        world: &World,
        path: &str,
        form: &[(&str, String)],
        site: &str,
    ) -> Answer {
        let fields: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", crate::form::encode(value)))
            .collect();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from(fields.join("&")))
            .expect("a request");
        self.send(world, request).await
    }

    pub(super) async fn send(&mut self, world: &World, mut request: Request<Body>) -> Answer {
        let (status, headers, body) = self.open(world, &mut request).await;
        let body = body.collect().await.expect("a body").to_bytes();
        Answer {
            status,
            headers,
            body: String::from_utf8(body.to_vec()).expect("UTF-8"),
        }
    }

    /// Sends a request and leaves the body unread.
    pub(super) async fn open(
        &mut self,
        world: &World,
        request: &mut Request<Body>,
    ) -> (StatusCode, HeaderMap, Body) {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            let value = cookies.join("; ").parse().expect("plain");
            request.headers_mut().insert(header::COOKIE, value);
        }
        let request = std::mem::take(request);
        let response = world.router.clone().oneshot(request).await.expect("never");
        let (parts, body) = response.into_parts();
        for field in parts.headers.get_all(header::SET_COOKIE) {
            let text = field.to_str().expect("plain");
            let (pair, rest) = text.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.retain(|(known, _)| known != name);
            if !rest.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        (parts.status, parts.headers, body)
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}
