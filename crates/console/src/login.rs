//! The door: a form that takes a token, a link that opens once, and the way out.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::response::{Html, IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lgsp_base::failures::{FailureBounds, Failures};
use lgsp_base::hash::to_hex;
use lgsp_base::problem::kinds;
use lgsp_base::{Problem, Secret, limits};
use serde::Serialize;

use crate::Console;
use crate::cookie::{self, Cookie};
use crate::error::{Failure, redirect};
use crate::form::{Form, Query};
use crate::page::{self, Page, Place};
use crate::session::{Credential, OpenError};
use crate::visitor::{self, Facts, Posted, csrf_of, render_failed, session_cookie};

/// The cookie whose secret the form of the login page is bound to.
const WAIT_COOKIE: &str = "lgsp_cho";
/// How long the login page may stand open, in seconds.
const WAIT_SECONDS: u64 = 3600;
const SECRET_BYTES: usize = 32;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct LoginPage {
    /// Where the visitor wanted to go.
    back: Option<String>,
    /// The last part of a key `login.problem.…`.
    problem: Option<&'static str>,
    /// Minutes without a sign of life after which a session ends.
    idle_minutes: u64,
}

impl LoginPage {
    fn new(back: Option<&str>, problem: Option<&'static str>) -> Self {
        Self {
            back: back.map(ToOwned::to_owned),
            problem,
            idle_minutes: limits::CONSOLE_SESSION_IDLE.as_secs() / 60,
        }
    }
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "login.html";
    const PLACE: Place = Place::None;

    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("first", Self::new(None, None)),
            ("refused", Self::new(Some("/van-ban"), Some("refused"))),
            ("link", Self::new(None, Some("link"))),
            ("too-many", Self::new(None, Some("too_many"))),
            ("form", Self::new(None, Some("form"))),
        ]
    }
}

/// Where a visitor is, as far as the listener says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From(Option<IpAddr>);

impl From {
    /// The address, if the listener says it.
    pub(crate) const fn address(self) -> Option<IpAddr> {
        self.0
    }

    fn text(self) -> String {
        self.0
            .map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
    }
}

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(peer.map(|ConnectInfo(address)| address.ip())))
    }
}

/// Failed logins of a while, by address.
pub(crate) fn failures() -> Failures<IpAddr> {
    Failures::new(FailureBounds {
        most: limits::CONSOLE_LOGIN_FAILURES_MAX,
        window: limits::CONSOLE_LOGIN_WINDOW,
        keys: limits::CONSOLE_LOGIN_ADDRESSES_MAX,
    })
}

/// `GET /dang-nhap`
pub(crate) async fn show(
    State(console): State<Console>,
    facts: Facts,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let query = Query::read(facts.uri.query().unwrap_or(""));
    let back = query.text("ve").and_then(Query::local_path);
    if visitor::find(&headers, &console, &facts, true)
        .await?
        .is_some()
    {
        return Ok(redirect(back.unwrap_or("/")));
    }
    answer(
        &console,
        &facts,
        StatusCode::OK,
        &LoginPage::new(back, None),
    )
}

/// A page for a visitor without a session, with a fresh secret for its form.
pub(crate) fn answer<P: Page>(
    console: &Console,
    facts: &Facts,
    status: StatusCode,
    page: &P,
) -> Result<Response, Failure> {
    let secret = fresh_secret(console);
    let csrf = csrf_of(&secret);
    let shell = facts.shell(console, P::PLACE, Some(&csrf));
    let html = console
        .renderer
        .page(facts.lang(), P::TEMPLATE, page::context(page, &shell))
        .map_err(render_failed)?;
    let cookie = Cookie {
        name: WAIT_COOKIE,
        value: &secret,
        seconds: WAIT_SECONDS,
        is_secure: facts.is_secure,
    };
    let headers = [(header::SET_COOKIE, cookie.header())];
    Ok((status, headers, Html(html)).into_response())
}

/// True for a form that came from a page of [`answer`] in the same browser.
pub(crate) fn is_ours(headers: &HeaderMap, form: &Form) -> bool {
    let waiting = cookie::find(headers, WAIT_COOKIE).unwrap_or("");
    !waiting.is_empty() && visitor::check_csrf(form, &csrf_of(waiting)).is_ok()
}

fn fresh_secret(console: &Console) -> String {
    let mut bytes = [0u8; SECRET_BYTES];
    console.entropy.fill(&mut bytes);
    to_hex(&bytes)
}

/// `POST /dang-nhap`
pub(crate) async fn enter(
    State(console): State<Console>,
    facts: Facts,
    from: From,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Failure> {
    let back = form.text("ve").and_then(Query::local_path);
    let refuse = |problem: &Problem, word| {
        let status = StatusCode::from_u16(problem.kind.status).unwrap_or(StatusCode::FORBIDDEN);
        answer(&console, &facts, status, &LoginPage::new(back, Some(word)))
    };
    if !is_ours(&headers, &form) {
        return refuse(&kinds::AUTH_FORM.problem(), "form");
    }
    let now = console.clock.monotonic();
    if !console.failures.begin(now, from.0) {
        let seconds = limits::CONSOLE_LOGIN_WINDOW.as_secs();
        let mut response = refuse(&kinds::AUTH_TOO_MANY.problem(), "too_many")?;
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    let token = Secret::new(form.text("khoa").unwrap_or("").to_owned());
    let opened = console
        .sessions
        .open(Credential::Token(token), &from.text())
        .await;
    if !matches!(opened, Err(OpenError::Refused)) {
        console.failures.forgive(now, from.0);
    }
    match opened {
        Ok(secret) => Ok(welcome(&facts, &secret, back.unwrap_or("/"))),
        Err(error @ OpenError::Refused) => refuse(&error.to_problem(), "refused"),
        Err(error) => Err(error.to_problem().into()),
    }
}

/// `GET /?k=…`: a link that opens one session, once. The address is left at once, so that the secret stays in no history.
pub(crate) async fn enter_by_link(
    console: &Console,
    facts: &Facts,
    from: From,
    link: &str,
) -> Result<Response, Failure> {
    let refuse = |status, word| answer(console, facts, status, &LoginPage::new(None, Some(word)));
    let now = console.clock.monotonic();
    if !console.failures.begin(now, from.0) {
        return refuse(StatusCode::TOO_MANY_REQUESTS, "too_many");
    }
    let link = Credential::Link(Secret::new(link.to_owned()));
    let opened = console.sessions.open(link, &from.text()).await;
    if !matches!(opened, Err(OpenError::Refused)) {
        console.failures.forgive(now, from.0);
    }
    match opened {
        Ok(secret) => Ok(welcome(facts, &secret, "/")),
        Err(OpenError::Refused) => refuse(StatusCode::UNAUTHORIZED, "link"),
        Err(error) => Err(error.to_problem().into()),
    }
}

fn welcome(facts: &Facts, secret: &Secret<String>, target: &str) -> Response {
    let mut response = redirect(target);
    let session = Cookie {
        name: session_cookie(facts.is_secure),
        value: secret.expose(),
        seconds: limits::CONSOLE_SESSION_LIFE.as_secs(),
        is_secure: facts.is_secure,
    };
    set(&mut response, &session);
    forget(&mut response, WAIT_COOKIE, facts.is_secure);
    response
}

fn set(response: &mut Response, cookie: &Cookie<'_>) {
    response
        .headers_mut()
        .append(header::SET_COOKIE, cookie.header());
}

fn forget(response: &mut Response, name: &'static str, is_secure: bool) {
    let cookie = Cookie {
        name,
        value: "",
        seconds: 0,
        is_secure,
    };
    set(response, &cookie);
}

/// `POST /dang-xuat`
pub(crate) async fn leave(
    State(console): State<Console>,
    facts: Facts,
    posted: Posted,
) -> Result<Response, Failure> {
    console
        .sessions
        .close(posted.visitor.cookie())
        .await
        .map_err(|error| error.to_problem())?;
    let mut response = redirect(&format!("{}?xong=logged_out", crate::router::LOGIN));
    forget(
        &mut response,
        session_cookie(facts.is_secure),
        facts.is_secure,
    );
    Ok(response)
}

/// `POST /tiep-tuc`: a sign of life from a visitor who reads without clicking.
pub(crate) async fn stay(_: Posted) -> StatusCode {
    StatusCode::NO_CONTENT
}
