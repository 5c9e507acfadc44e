//! Documents: found by number, subject, unit, code and date, with or without diacritics; every filter stands in the address.

use axum::extract::State;
use axum::response::Response;
use lgsp_base::id::OrgId;
use lgsp_base::vi::Day;
use lgsp_base::{Permission, Timestamp, limits};
use lgsp_exchange::DocumentKind;
use lgsp_insight::{DocumentQuery, FoundRow, Outcome, Scope, Unit};
use lgsp_registry::Snapshot;
use serde::Serialize;

use super::cause::Cause;
use super::organisations::Party;
use super::trace::business;
use crate::Console;
use crate::error::Failure;
use crate::form::{Query, address};
use crate::page::{Page, Place};
use crate::visitor::Visitor;

/// Names of the parameters.
const TEXT: &str = "q";
const UNIT: &str = "don-vi";
const OUTCOME: &str = "trang-thai";
const KIND: &str = "loai";
const FROM: &str = "tu";
const TO: &str = "den";
const CURSOR: &str = "trang";

/// What may be chosen as outcome.
const OUTCOMES: [Outcome; 4] = [
    Outcome::UnderWay,
    Outcome::Done,
    Outcome::Troubled,
    Outcome::Cancelled,
];

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct DocumentsPage {
    filter: Filter,
    outcomes: Vec<&'static str>,
    kinds: Vec<&'static str>,
    rows: Vec<Row>,
    next: Option<String>,
    as_of: Timestamp,
    /// Sealed entries that the list does not know yet.
    lag: u64,
    /// The unit that was typed is none that is known.
    unit_unknown: bool,
    is_narrowed: bool,
}

/// The filters as they stand in the address.
#[derive(Debug, Clone, Default, Serialize)]
struct Filter {
    text: String,
    unit: String,
    outcome: String,
    kind: String,
    from: String,
    to: String,
}

/// One document.
#[derive(Debug, Clone, Serialize)]
struct Row {
    id: String,
    title: String,
    subject: Option<String>,
    kind: &'static str,
    business: &'static str,
    sender: String,
    recipients: Vec<String>,
    /// Recipients that are not named here.
    more: u64,
    outcome: &'static str,
    sign: &'static str,
    waiting: u64,
    done: u64,
    troubled: u64,
    total: u64,
    cause: Option<Cause>,
    at: Timestamp,
    last_at: Timestamp,
}

impl Row {
    fn of(row: FoundRow, snapshot: &Snapshot) -> Self {
        let transaction = row.transaction;
        let at = transaction.first_at;
        let name = |org: OrgId| Party::of(snapshot, org, at).map(|party| party.name);
        let id = transaction.document.to_string();
        let named = u64::try_from(row.recipients.len()).unwrap_or(0);
        Self {
            title: row
                .notation
                .or(row.external_id)
                .unwrap_or_else(|| id.clone()),
            id,
            subject: row.subject,
            kind: transaction.kind.name(),
            business: business(transaction.business_type),
            sender: name(transaction.sender).unwrap_or(row.sender_code),
            recipients: row
                .recipients
                .iter()
                .map(|recipient| name(recipient.org).unwrap_or_else(|| recipient.org.to_string()))
                .collect(),
            more: transaction.recipients.saturating_sub(named),
            outcome: transaction.outcome.name(),
            sign: sign(transaction.outcome),
            waiting: transaction.waiting,
            done: transaction.done,
            troubled: transaction.troubled,
            total: transaction.recipients,
            cause: transaction
                .cause
                .as_deref()
                .filter(|_| transaction.troubled > 0)
                .map(Cause::of),
            at,
            last_at: transaction.last_at,
        }
    }
}

/// The sign of an outcome.
const fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "ok",
        Outcome::UnderWay => "unknown",
        Outcome::Troubled | Outcome::Refused => "down",
        Outcome::Cancelled => "paused",
    }
}

/// `GET /van-ban`.
pub(crate) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DocumentRead)?;
    let snapshot = console.registry.snapshot();
    let filter = Filter::read(&visitor.query);
    let unit = unit(&snapshot, &filter.unit, visitor.now());
    let unit_unknown = !filter.unit.is_empty() && unit.is_none();
    let view = console
        .exchange
        .event_view(&visitor.actor)
        .map_err(|error| error.to_problem())?;
    let scope = match view.organisations() {
        None => Scope::All,
        Some(orgs) => Scope::Organisations(orgs.to_vec()),
    };
    let query = DocumentQuery {
        text: (!filter.text.is_empty()).then(|| filter.text.clone()),
        unit: unit.map(Unit::Either),
        outcome: filter.outcome.parse().ok(),
        kinds: filter.kind.parse().into_iter().collect(),
        from: filter.from.parse().ok().map(Day::start),
        to: filter
            .to
            .parse()
            .ok()
            .and_then(|day: Day| day.plus_days(1))
            .map(Day::start),
        cursor: visitor
            .query
            .text(CURSOR)
            .and_then(|text| text.parse().ok()),
        limit: limits::CONSOLE_PAGE_ROWS,
    };
    let found = console
        .insight
        .search(&scope, &query)
        .await
        .map_err(|error| error.to_problem())?;
    let page = DocumentsPage {
        is_narrowed: !filter.address().is_empty(),
        next: found.next.map(|cursor| filter.page(cursor)),
        rows: if unit_unknown {
            Vec::new()
        } else {
            found
                .rows
                .into_iter()
                .map(|row| Row::of(row, &snapshot))
                .collect()
        },
        as_of: found.progress.as_of,
        lag: found.progress.lag,
        unit_unknown,
        filter,
        ..DocumentsPage::empty(visitor.now())
    };
    visitor.show(&console, &page)
}

/// The unit that was typed: an id, a code, or the best hit of its name.
pub(super) fn unit(snapshot: &Snapshot, text: &str, now: Timestamp) -> Option<OrgId> {
    if text.is_empty() {
        return None;
    }
    text.parse()
        .ok()
        .or_else(|| snapshot.lookup(text).map(|org| org.id))
        .or_else(|| snapshot.search(text, now, 1).first().map(|hit| hit.org))
}

impl Filter {
    fn read(query: &Query) -> Self {
        let text = |name| {
            query
                .text(name)
                .unwrap_or_default()
                .chars()
                .take(limits::ORG_NAME_CHARS_MAX)
                .collect()
        };
        Self {
            text: text(TEXT),
            unit: text(UNIT),
            outcome: text(OUTCOME),
            kind: text(KIND),
            from: text(FROM),
            to: text(TO),
        }
    }

    /// The filters as a query.
    fn address(&self) -> String {
        address(&[
            (TEXT, &self.text),
            (UNIT, &self.unit),
            (OUTCOME, &self.outcome),
            (KIND, &self.kind),
            (FROM, &self.from),
            (TO, &self.to),
        ])
    }

    /// The address of the page behind a cursor.
    fn page(&self, cursor: u64) -> String {
        match self.address() {
            address if address.is_empty() => format!("/van-ban?{CURSOR}={cursor}"),
            address => format!("/van-ban?{address}&{CURSOR}={cursor}"),
        }
    }
}

impl DocumentsPage {
    fn empty(as_of: Timestamp) -> Self {
        Self {
            filter: Filter::default(),
            outcomes: OUTCOMES.iter().map(|outcome| outcome.name()).collect(),
            kinds: DocumentKind::ALL.iter().map(|kind| kind.name()).collect(),
            rows: Vec::new(),
            next: None,
            as_of,
            lag: 0,
            unit_unknown: false,
            is_narrowed: false,
        }
    }
}

impl Page for DocumentsPage {
    const TEMPLATE: &'static str = "documents.html";
    const PLACE: Place = Place::Documents;
    const FRAGMENTS: &'static [&'static str] = &["list"];

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let row = |n: u128, outcome: Outcome, kind: DocumentKind| Row {
            id: lgsp_base::id::DocumentId::from_bits(n).to_string(),
            title: format!("{}/UBND-KGVX", 120 + n),
            subject: Some(
                "V/v báo cáo tình hình chuẩn bị năm học mới trên địa bàn tỉnh".to_owned(),
            ),
            kind: kind.name(),
            business: business(u8::try_from(n).ok()),
            sender: "Ủy ban nhân dân tỉnh Bình An".to_owned(),
            recipients: vec![
                "Sở Y tế tỉnh Bình An".to_owned(),
                "Sở Tài chính tỉnh Bình An".to_owned(),
            ],
            more: u64::from(outcome == Outcome::Troubled) * 12,
            outcome: outcome.name(),
            sign: sign(outcome),
            waiting: 1,
            done: 1,
            troubled: u64::from(outcome == Outcome::Troubled),
            total: 2,
            cause: (outcome == Outcome::Troubled).then(|| Cause::of("http_503")),
            at,
            last_at: at.plus(std::time::Duration::from_secs(90)),
        };
        let rows = OUTCOMES
            .into_iter()
            .chain([Outcome::Refused])
            .zip(DocumentKind::ALL.iter().cycle())
            .zip(0_u128..)
            .map(|((outcome, kind), n)| row(n, outcome, *kind))
            .collect();
        let narrowed = |text: &str| Filter {
            text: text.to_owned(),
            unit: "H99.08".to_owned(),
            outcome: "troubled".to_owned(),
            kind: "edoc".to_owned(),
            from: "2026-11-01".to_owned(),
            to: "2026-11-05".to_owned(),
        };
        vec![
            ("empty", Self::empty(at)),
            (
                "full",
                Self {
                    rows,
                    next: Some("/van-ban?trang=17".to_owned()),
                    lag: 4_000,
                    ..Self::empty(at)
                },
            ),
            (
                "nothing",
                Self {
                    filter: narrowed("xyz"),
                    is_narrowed: true,
                    ..Self::empty(at)
                },
            ),
            (
                "unit-unknown",
                Self {
                    filter: narrowed(""),
                    is_narrowed: true,
                    unit_unknown: true,
                    ..Self::empty(at)
                },
            ),
        ]
    }
}
