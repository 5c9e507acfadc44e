//! `/`: is everything all right, and what is to be done?
//!
//! The figures are for the people who run the platform; an agency sees its own line of health and its own news.

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::Method;
use http::request::Parts;
use lgsp_base::id::{DocumentId, OrgId};
use lgsp_base::{Actor, Permission, Timestamp, vi};
use lgsp_insight::{Activity, Compared, Happened, Overview, RecipientState, Scope, Strip};
use lgsp_registry::Snapshot;
use lgsp_registry::model::WebhookState;
use serde::Serialize;

use crate::Console;
use crate::chart::{Bar, Tick};
use crate::error::Failure;
use crate::form::Query;
use crate::login::{self, From};
use crate::page::{Page, Place};
use crate::pages::cause::Cause;
use crate::visitor::{Facts, Visitor};

/// Checks in a strip of health.
const TICKS: usize = lgsp_insight::STRIP_TICKS;
/// Lines of the ticker.
const LINES_MAX: usize = 12;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct OverviewPage {
    /// The figures hold what happened until then.
    as_of: Timestamp,
    /// Absent for an agency.
    figures: Option<Figures>,
    health: Vec<Health>,
    checkpoint: Option<Checkpoint>,
    todo: Vec<Todo>,
    ticker: Vec<Line>,
    /// The first steps, until the first document.
    start: Option<Start>,
}

/// The figures.
#[derive(Debug, Serialize)]
struct Figures {
    transactions: Today,
    sent: Today,
    received: Today,
    refused: u64,
    waiting: u64,
    oldest_waiting_at: Option<Timestamp>,
    dead_letters: u64,
    dead_letter_organisations: u64,
    /// For each of the last hours: done, under way, in trouble.
    bars: Vec<Bar>,
    /// Everything in each hour.
    hours: Vec<u64>,
    /// Everything in all of them.
    total: u64,
}

/// A figure against the same time yesterday.
#[derive(Debug, Serialize)]
struct Today {
    today: u64,
    yesterday: u64,
}

impl std::convert::From<Compared> for Today {
    fn from(compared: Compared) -> Self {
        Self {
            today: compared.today,
            yesterday: compared.yesterday,
        }
    }
}

/// An organisation's line.
#[derive(Debug, Serialize)]
struct Health {
    id: OrgId,
    name: String,
    /// `ok`, `slow`, `down` or `unknown`.
    state: &'static str,
    /// Since when it is in trouble, and why.
    since: Option<Timestamp>,
    cause: Option<Cause>,
    waiting: u64,
    ticks: Vec<Tick>,
    count_ok: usize,
    count_slow: usize,
    count_down: usize,
}

/// The newest checkpoint of the ledger.
#[derive(Debug, Serialize)]
struct Checkpoint {
    size: u64,
    at: Timestamp,
}

/// Something to be done.
#[derive(Debug, Serialize)]
struct Todo {
    /// The last part of a key `overview.todo.…`.
    word: &'static str,
    count: u64,
    href: &'static str,
}

/// Something that happened.
#[derive(Debug, Serialize)]
struct Line {
    leaf: u64,
    at: Timestamp,
    /// The last part of a key `activity.…`.
    word: &'static str,
    document: Option<DocumentId>,
    sender: Option<String>,
    recipient: Option<String>,
    /// Further recipients.
    others: u64,
}

/// The first steps.
#[derive(Debug, Serialize)]
struct Start {
    has_organisations: bool,
    has_systems: bool,
}

impl Health {
    fn new(id: OrgId, name: String, state: Tick, ticks: Vec<Tick>) -> Self {
        let count = |wanted| ticks.iter().filter(|tick| **tick == wanted).count();
        Self {
            id,
            name,
            state: match state {
                Tick::Ok => "ok",
                Tick::Slow => "slow",
                Tick::Down => "down",
                Tick::None => "unknown",
            },
            since: None,
            cause: None,
            waiting: 0,
            count_ok: count(Tick::Ok),
            count_slow: count(Tick::Slow),
            count_down: count(Tick::Down),
            ticks,
        }
    }

    fn of(strip: &Strip, snapshot: &Snapshot, at: Timestamp) -> Self {
        let name = snapshot
            .organisation(strip.org)
            .map(|org| org.name_near(at).to_owned())
            .unwrap_or_default();
        let ticks = strip.ticks.iter().copied().map(tick).collect();
        Self {
            since: strip.trouble_since,
            cause: strip
                .trouble_since
                .map(|_| Cause::of(strip.trouble_cause.as_deref().unwrap_or(""))),
            waiting: strip.waiting,
            ..Self::new(strip.org, name, tick(strip.now), ticks)
        }
    }
}

fn tick(tick: lgsp_insight::Tick) -> Tick {
    match tick {
        lgsp_insight::Tick::None => Tick::None,
        lgsp_insight::Tick::Ok => Tick::Ok,
        lgsp_insight::Tick::Slow => Tick::Slow,
        lgsp_insight::Tick::Trouble => Tick::Down,
    }
}

impl Figures {
    fn of(overview: &Overview) -> Self {
        let cards = overview.cards;
        Self {
            transactions: cards.transactions.into(),
            sent: cards.documents_sent.into(),
            received: cards.documents_received.into(),
            refused: cards.refused_today,
            waiting: cards.waiting,
            oldest_waiting_at: overview.to_do.oldest_waiting,
            dead_letters: cards.troubled,
            dead_letter_organisations: overview.to_do.troubled_agencies,
            bars: overview
                .hours
                .iter()
                .map(|hour| Bar {
                    label: vi::hour_minute(hour.at).chars().take(2).collect(),
                    values: vec![hour.done, hour.under_way, hour.troubled],
                })
                .collect(),
            hours: overview.hours.iter().map(|hour| hour.accepted()).collect(),
            total: overview.hours.iter().map(|hour| hour.accepted()).sum(),
        }
    }
}

/// What may stand in the list of things to do, and where it is done.
const TODO: &[(&str, &str)] = &[
    ("dead_letters", "/hang-doi-loi"),
    ("agencies", "/hang-doi-loi"),
    ("webhooks", "/he-thong?cho-duyet=1"),
    ("no_receiver", "/don-vi"),
];

fn todo(overview: &Overview, snapshot: &Snapshot) -> Vec<Todo> {
    let proposed = snapshot
        .connections()
        .systems()
        .filter(|system| system.is_active)
        .flat_map(|system| snapshot.webhooks_of(system.id))
        .filter(|webhook| webhook.state == WebhookState::Proposed)
        .count();
    let unconnected = overview
        .strips
        .iter()
        .filter(|strip| strip.waiting > 0 && snapshot.receiver(strip.org).is_none())
        .count();
    let counts = [
        overview.to_do.troubled,
        overview.to_do.agencies_in_trouble,
        u64::try_from(proposed).unwrap_or(u64::MAX),
        u64::try_from(unconnected).unwrap_or(u64::MAX),
    ];
    TODO.iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|((word, href), count)| Todo { word, count, href })
        .collect()
}

/// What the ticker tells, as the last part of a key `activity.…`.
const ACTIVITY_WORDS: &[&str] = &[
    "accepted",
    "refused",
    "attempt_failed",
    "recipient_refused",
    "waiting",
    "confirmed",
    "parked",
    "dead",
    "expired",
    "cancelled",
    "resent",
    "status",
    "erased",
];

fn word(what: &Happened) -> &'static str {
    match what {
        Happened::Accepted { .. } => "accepted",
        Happened::Refused { .. } => "refused",
        Happened::AttemptFailed { .. } => "attempt_failed",
        Happened::RecipientRefused { .. } => "recipient_refused",
        Happened::Closed { state, .. } => match state {
            RecipientState::Waiting => "waiting",
            RecipientState::Confirmed => "confirmed",
            RecipientState::Parked => "parked",
            RecipientState::Dead => "dead",
            RecipientState::Expired => "expired",
            RecipientState::Cancelled => "cancelled",
        },
        Happened::Resent => "resent",
        Happened::StatusReported { .. } => "status",
        Happened::Erased => "erased",
    }
}

impl Line {
    fn of(activity: &Activity, snapshot: &Snapshot, at: Timestamp) -> Self {
        let name = |org: Option<OrgId>| {
            let org = snapshot.organisation(org?)?;
            Some(org.name_near(at).to_owned())
        };
        Self {
            leaf: activity.leaf,
            at: activity.at,
            word: word(&activity.what),
            document: activity.document,
            sender: name(activity.sender),
            recipient: name(activity.recipient),
            others: activity.recipients.saturating_sub(1),
        }
    }
}

impl OverviewPage {
    fn sample_empty(at: Timestamp) -> Self {
        Self {
            as_of: at,
            figures: Some(Figures {
                transactions: Compared::default().into(),
                sent: Compared::default().into(),
                received: Compared::default().into(),
                refused: 0,
                waiting: 0,
                oldest_waiting_at: None,
                dead_letters: 0,
                dead_letter_organisations: 0,
                bars: Vec::new(),
                hours: Vec::new(),
                total: 0,
            }),
            health: Vec::new(),
            checkpoint: None,
            todo: Vec::new(),
            ticker: Vec::new(),
            start: Some(Start {
                has_organisations: true,
                has_systems: false,
            }),
        }
    }

    fn sample_busy(at: Timestamp) -> Self {
        let hours = [
            3, 1, 0, 0, 2, 8, 41, 160, 212, 188, 150, 60, 44, 170, 201, 190, 122, 40, 12, 6, 4, 2,
            1, 0,
        ];
        let compared = |today, yesterday| Today { today, yesterday };
        Self {
            as_of: at,
            figures: Some(Figures {
                transactions: compared(1_617, 1_516),
                sent: compared(1_204, 1_260),
                received: compared(1_188, 1_204),
                refused: 3,
                waiting: 437,
                oldest_waiting_at: Some(at.minus(std::time::Duration::from_secs(4_320))),
                dead_letters: 412,
                dead_letter_organisations: 1,
                bars: (0u32..)
                    .zip(hours)
                    .map(|(hour, all)| Bar {
                        label: format!("{hour:02}"),
                        values: vec![all - all / 5, all / 8, all / 5 - all / 8],
                    })
                    .collect(),
                hours: hours.to_vec(),
                total: hours.iter().sum(),
            }),
            health: sample_health(at),
            checkpoint: Some(Checkpoint {
                size: 184_221,
                at: at.minus(std::time::Duration::from_secs(1)),
            }),
            todo: TODO
                .iter()
                .map(|(word, href)| Todo {
                    word,
                    count: 12,
                    href,
                })
                .collect(),
            ticker: sample_ticker(at),
            start: None,
        }
    }
}

fn sample_health(at: Timestamp) -> Vec<Health> {
    let ticks = |bad: std::ops::Range<usize>| -> Vec<Tick> {
        let of = |index: usize| match index {
            i if bad.contains(&i) => Tick::Down,
            i if i.is_multiple_of(31) => Tick::Slow,
            i if i < 8 => Tick::None,
            _ => Tick::Ok,
        };
        (0..TICKS).map(of).collect()
    };
    let health = |number, name: &str, state, ticks| {
        Health::new(OrgId::from_bits(number), name.to_owned(), state, ticks)
    };
    vec![
        Health {
            since: Some(at.minus(std::time::Duration::from_secs(900))),
            cause: Some(Cause::of("http_503")),
            waiting: 412,
            ..health(1, "Sở Y tế tỉnh Bình An", Tick::Down, ticks(80..90))
        },
        health(4, "UBND phường Trần Hưng Đạo", Tick::Slow, ticks(0..0)),
        health(2, "Sở Tài chính tỉnh Bình An", Tick::Ok, ticks(20..22)),
        health(3, "UBND xã An Hòa", Tick::None, vec![Tick::None; TICKS]),
    ]
}

fn sample_ticker(at: Timestamp) -> Vec<Line> {
    ACTIVITY_WORDS
        .iter()
        .zip(1u64..)
        .map(|(word, number)| Line {
            leaf: 184_000 - number,
            at: at.minus(std::time::Duration::from_secs(number * 7)),
            word,
            document: (*word != "refused").then(|| DocumentId::from_bits(u128::from(number))),
            sender: Some("UBND tỉnh Bình An".to_owned()),
            recipient: (*word != "refused").then(|| "Sở Y tế tỉnh Bình An".to_owned()),
            others: number % 3,
        })
        .collect()
}

impl Page for OverviewPage {
    const TEMPLATE: &'static str = "overview.html";
    const PLACE: Place = Place::Overview;
    const FRAGMENTS: &'static [&'static str] = &["cards", "hourly", "health", "ticker", "todo"];

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let agency = Self {
            figures: None,
            todo: Vec::new(),
            ..Self::sample_busy(at)
        };
        vec![
            ("first-day", Self::sample_empty(at)),
            ("busy", Self::sample_busy(at)),
            ("agency", agency),
        ]
    }
}

/// The secret of a link that opens one session, if the address has one and is visited: programs that only look whether a
/// link in a letter is alive (`HEAD`) must not use it up.
pub(crate) struct Link(Option<String>);

impl<S: Sync> FromRequestParts<S> for Link {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = Query::read(parts.uri.query().unwrap_or(""));
        let secret = query.text("k").filter(|_| parts.method == Method::GET);
        Ok(Self(secret.map(ToOwned::to_owned)))
    }
}

/// `GET /`
pub(crate) async fn show(
    State(console): State<Console>,
    Link(link): Link,
    facts: Facts,
    from: From,
    visitor: Result<Visitor, Failure>,
) -> Result<Response, Failure> {
    if let Some(link) = link {
        return login::enter_by_link(&console, &facts, from, &link).await;
    }
    let visitor = visitor?;
    visitor.permit(Permission::DocumentRead)?;
    let page = gather(&console, &visitor).await?;
    visitor.show(&console, &page)
}

/// Puts the page together, for an agency from its own part alone.
async fn gather(console: &Console, visitor: &Visitor) -> Result<OverviewPage, Failure> {
    let (snapshot, now) = (console.registry.snapshot(), visitor.now());
    let is_operator = visitor.actor.may(Permission::DocumentReadAll);
    let overview = console
        .insight
        .overview(now)
        .await
        .map_err(|error| error.to_problem())?;
    let scope = scope(console, &visitor.actor)?;
    let ticker = console
        .insight
        .newest_activity(&scope, LINES_MAX)
        .await
        .map_err(|error| error.to_problem())?;
    let checkpoint = console
        .ledger
        .checkpoint()
        .await
        .map_err(|error| error.to_problem())?;
    let is_own = |strip: &&Strip| match &scope {
        Scope::All => true,
        Scope::Organisations(own) => own.contains(&strip.org),
    };
    let is_quiet = ticker.lines.is_empty() && overview.progress.leaves == 0;
    let has_documents = overview.strips.iter().any(|strip| strip.good_at.is_some());
    let is_new = !has_documents && (is_quiet || overview.cards.transactions.today == 0);
    Ok(OverviewPage {
        as_of: overview.progress.as_of,
        health: overview
            .strips
            .iter()
            .filter(is_own)
            .map(|strip| Health::of(strip, &snapshot, now))
            .collect(),
        todo: if is_operator {
            todo(&overview, &snapshot)
        } else {
            Vec::new()
        },
        figures: is_operator.then(|| Figures::of(&overview)),
        checkpoint: checkpoint.map(|checkpoint| Checkpoint {
            size: checkpoint.size,
            at: checkpoint.at,
        }),
        ticker: ticker
            .lines
            .iter()
            .rev()
            .map(|line| Line::of(line, &snapshot, now))
            .collect(),
        start: (is_operator && is_new).then(|| Start {
            has_organisations: !snapshot.directory().is_empty(),
            has_systems: snapshot.connections().systems().next().is_some(),
        }),
    })
}

/// Whose documents the visitor may see.
fn scope(console: &Console, actor: &Actor) -> Result<Scope, Failure> {
    let view = console
        .exchange
        .event_view(actor)
        .map_err(|error| error.to_problem())?;
    Ok(match view.organisations() {
        None => Scope::All,
        Some(own) => Scope::Organisations(own.to_vec()),
    })
}
