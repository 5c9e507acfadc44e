//! The person behind a request: facts that hold for everybody, and a session for those who are logged in.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{Html, IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Uri};
use lgsp_base::hash::equal_in_constant_time;
use lgsp_base::id::RequestId;
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Lang, Permission, Problem, Sha256, Timestamp, limits};

use crate::Console;
use crate::cookie;
use crate::error::Failure;
use crate::form::{Form, Query};
use crate::page::{self, LangLinks, Page, Place, Shell, User, lang_name};
use crate::preferences::Preferences;
use crate::session::SessionView;

/// The parameter that asks for one block of a page.
const FRAGMENT: &str = "manh";
/// The parameter with which an action comes back to a page.
const DONE: &str = "xong";
/// The field of a form that proves that the page was ours.
pub(crate) const CSRF_FIELD: &str = "csrf";

/// What a page may say was just done; `done.…` in the texts.
pub(crate) const DONE_WORDS: &[&str] = &[
    "system_closed",
    "receiver_set",
    "token_revoked",
    "webhook_approved",
    "webhook_disabled",
    "reconciliation_started",
    "procedure_mapped",
    "logged_out",
];

/// Put into a request by the listener if a trusted proxy says that it came over TLS.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// What is known of every request.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The trace the request belongs to.
    pub(crate) trace_id: String,
    /// How the visitor wants to read.
    pub(crate) preferences: Preferences,
    /// Path and query.
    pub(crate) uri: Uri,
    /// When it came.
    pub(crate) now: Timestamp,
    /// True if it came over TLS, as the public address or a trusted proxy says: cookies then travel over TLS only.
    pub(crate) is_secure: bool,
    /// The visitor, once known: also an error page greets by name.
    known: Arc<OnceLock<(User, String)>>,
}

impl Facts {
    pub(crate) fn of(parts: &Parts, console: &Console) -> Self {
        let now = console.clock.now();
        let own = RequestId::generate(now, console.entropy.as_ref());
        Self {
            trace_id: own.to_string(),
            preferences: Preferences::of(parts),
            uri: parts.uri.clone(),
            now,
            is_secure: console.is_secure || parts.extensions.get::<OverTls>().is_some(),
            known: Arc::default(),
        }
    }

    pub(crate) fn lang(&self) -> Lang {
        self.preferences.lang
    }

    /// The address without what is of one request only.
    fn address(&self) -> String {
        with_query(&self.uri, &[FRAGMENT, DONE, "lang"], None)
    }

    /// What stands around a page.
    pub(crate) fn shell(&self, console: &Console, place: Place, csrf: Option<&str>) -> Shell {
        let known = self.known.get();
        let asked = Query::read(self.uri.query().unwrap_or(""));
        let is_english = self.lang() == Lang::En;
        Shell {
            lang: lang_name(self.lang()),
            lang_links: LangLinks {
                vi: with_query(&self.uri, &[FRAGMENT, DONE, "lang"], Some("lang=vi")),
                en: with_query(&self.uri, &[FRAGMENT, DONE, "lang"], Some("lang=en")),
            },
            is_english,
            mode: console.mode,
            now: self.now,
            address: self.address(),
            place,
            text_size: self.preferences.text_size,
            contrast: self.preferences.contrast,
            user: known.map(|(user, _)| user.clone()),
            alarms: known.map_or_else(Vec::new, |_| console.alarms.alarms()),
            csrf: csrf
                .or(known.map(|(_, csrf)| csrf.as_str()))
                .unwrap_or_default()
                .to_owned(),
            done: asked
                .text(DONE)
                .and_then(|word| DONE_WORDS.iter().copied().find(|known| *known == word)),
            trace_id: self.trace_id.clone(),
        }
    }
}

impl FromRequestParts<Console> for Facts {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Failure> {
        Ok(parts
            .extensions
            .get::<Facts>()
            .cloned()
            .unwrap_or_else(|| Facts::of(parts, console)))
    }
}

/// The same address without some parameters, and with another one.
fn with_query(uri: &Uri, without: &[&str], with: Option<&str>) -> String {
    let kept = uri.query().unwrap_or("").split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or("");
        // The secret of a link is of no use to anybody any more, but it is not repeated either.
        !name.is_empty() && name != "k" && !without.contains(&name)
    });
    let query: Vec<&str> = kept.chain(with).collect();
    if query.is_empty() {
        uri.path().to_owned()
    } else {
        format!("{}?{}", uri.path(), query.join("&"))
    }
}

/// A visitor who is logged in.
#[derive(Debug)]
pub(crate) struct Visitor {
    /// Who it is.
    pub(crate) actor: Actor,
    /// The session.
    pub(crate) session: SessionView,
    /// The query of the address.
    pub(crate) query: Query,
    pub(crate) facts: Facts,
    cookie: String,
    csrf: String,
}

impl Visitor {
    /// When the request came.
    pub(crate) fn now(&self) -> Timestamp {
        self.facts.now
    }

    /// The language of the answer.
    pub(crate) fn lang(&self) -> Lang {
        self.facts.lang()
    }

    /// The cookie's value, to end the session or to follow it.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Refuses visitors without the permission.
    ///
    /// # Errors
    /// `auth.forbidden`.
    pub(crate) fn permit(&self, permission: Permission) -> Result<(), Problem> {
        if self.actor.may(permission) {
            Ok(())
        } else {
            Err(kinds::AUTH_FORBIDDEN.with(permission.name()))
        }
    }

    /// The page as HTML, or the one block of it that was asked for.
    ///
    /// # Errors
    /// `http.not_found` for a block that the page does not give out alone, `system.internal` if the template fails.
    pub(crate) fn show<P: Page>(&self, console: &Console, page: &P) -> Result<Response, Failure> {
        let shell = self.facts.shell(console, P::PLACE, None);
        let context = page::context(page, &shell);
        let rendered = match self.query.text(FRAGMENT) {
            None => console.renderer.page(self.lang(), P::TEMPLATE, context),
            Some(name) => {
                let Some(name) = P::FRAGMENTS.iter().find(|known| **known == name) else {
                    return Err(kinds::HTTP_NOT_FOUND.problem().into());
                };
                console
                    .renderer
                    .block(self.lang(), P::TEMPLATE, name, context)
            }
        };
        Ok(Html(rendered.map_err(render_failed)?).into_response())
    }
}

/// A template that fails is a fault of ours; what failed stands in the log.
pub(crate) fn render_failed(error: minijinja::Error) -> Problem {
    tracing::error!(error = %error.display_debug_info(), "a page could not be rendered");
    kinds::SYSTEM_INTERNAL.problem()
}

/// The name of the session's cookie; the prefix keeps other hosts of the domain from setting it.
pub(crate) const fn session_cookie(is_secure: bool) -> &'static str {
    if is_secure {
        "__Host-lgsp_phien"
    } else {
        "lgsp_phien"
    }
}

/// What a form must send back, made from the secret of a cookie.
pub(crate) fn csrf_of(secret: &str) -> String {
    Sha256::of(format!("lgsp console form\n{secret}").as_bytes()).to_string()
}

/// The session of a request, if it has a good one.
///
/// # Errors
/// The store fails.
pub(crate) async fn find(
    headers: &HeaderMap,
    console: &Console,
    facts: &Facts,
    is_visit: bool,
) -> Result<Option<(SessionView, String)>, Problem> {
    let Some(cookie) = cookie::find(headers, session_cookie(facts.is_secure)) else {
        return Ok(None);
    };
    let found = console
        .sessions
        .find(cookie, is_visit)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(found.map(|session| (session, cookie.to_owned())))
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Failure> {
        let facts = Facts::from_request_parts(parts, console).await?;
        let query = Query::read(parts.uri.query().unwrap_or(""));
        // What a page fetches by itself is no sign of life.
        let is_visit = query.text(FRAGMENT).is_none() && parts.uri.path() != crate::router::EVENTS;
        let Some((session, cookie)) = find(&parts.headers, console, &facts, is_visit).await? else {
            return Err(kinds::AUTH_REQUIRED.problem().into());
        };
        let csrf = csrf_of(&cookie);
        let user = User {
            name: session.name.clone(),
            role: match session.actor {
                Actor::System { .. } => "system",
                Actor::Operator { .. } | Actor::Platform { .. } => "operator",
            },
            idle_seconds: limits::CONSOLE_SESSION_IDLE.as_secs(),
        };
        // Only the first extractor of a request sets it.
        drop(facts.known.set((user, csrf.clone())));
        Ok(Self {
            actor: session.actor.clone(),
            session,
            query,
            facts,
            cookie,
            csrf,
        })
    }
}

/// A visitor's posted form, with the proof that it came from one of our pages.
#[derive(Debug)]
pub(crate) struct Posted {
    /// Who sent it.
    pub(crate) visitor: Visitor,
    /// What was sent.
    pub(crate) form: Form,
}

impl FromRequest<Console> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, console).await?;
        let form = Form::from_request(Request::from_parts(parts, body), console).await?;
        check_csrf(&form, &visitor.csrf)?;
        Ok(Self { visitor, form })
    }
}

/// Refuses a form without the token of its page.
///
/// # Errors
/// `auth.form`.
pub(crate) fn check_csrf(form: &Form, csrf: &str) -> Result<(), Problem> {
    let sent = form.text(CSRF_FIELD).unwrap_or("");
    if equal_in_constant_time(sent.as_bytes(), csrf.as_bytes()) {
        Ok(())
    } else {
        Err(kinds::AUTH_FORM.problem())
    }
}
