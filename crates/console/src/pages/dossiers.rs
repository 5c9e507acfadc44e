//! `/ho-so`: dossiers of the one-stop shop; found by code, unit, procedure and deadline. Every filter stands in the address,
//! and none of them is about a person.

use axum::extract::State;
use axum::response::Response;
use lgsp_base::id::DossierId;
use lgsp_base::vi::Day;
use lgsp_base::{Permission, Timestamp, limits};
use lgsp_exchange::dossier::{ClockState, DossierClock, DossierCounts, DossierQuery, DossierRow};
use lgsp_wire::dossier::DossierStatus;
use serde::Serialize;

use super::documents::unit;
use crate::Console;
use crate::error::Failure;
use crate::form::{Query, address, encode};
use crate::page::{Page, Place};
use crate::visitor::Visitor;

/// Names of the parameters.
const CODE: &str = "ma";
const UNIT: &str = "don-vi";
const PROCEDURE: &str = "thu-tuc";
const FIELD: &str = "linh-vuc";
const STATUS: &str = "trang-thai";
const CLOCK: &str = "han";
const FROM: &str = "tu";
const TO: &str = "den";
const CURSOR: &str = "trang";

/// The list.
#[derive(Debug, Serialize)]
pub(crate) struct DossiersPage {
    filter: Filter,
    statuses: Vec<&'static str>,
    clocks: Vec<&'static str>,
    /// Open dossiers by the state of their clock.
    figures: Vec<Figure>,
    /// All open dossiers.
    open: u64,
    rows: Vec<Row>,
    next: Option<String>,
    /// The unit that was typed is none that is known.
    unit_unknown: bool,
    is_narrowed: bool,
    sees_portals: bool,
}

/// How many open dossiers have this state of the clock.
#[derive(Debug, Clone, Serialize)]
struct Figure {
    clock: &'static str,
    count: u64,
}

/// The filters as they stand in the address.
#[derive(Debug, Clone, Default, Serialize)]
struct Filter {
    code: String,
    unit: String,
    procedure: String,
    field: String,
    status: String,
    clock: String,
    from: String,
    to: String,
}

/// One dossier.
#[derive(Debug, Clone, Serialize)]
struct Row {
    id: DossierId,
    code: String,
    procedure: String,
    procedure_name: String,
    /// Masked by role.
    applicant: Option<String>,
    /// Who handles it.
    unit: String,
    /// Who took it in.
    owner: String,
    /// The last part of a key `dossier_status.…`.
    status: &'static str,
    sign: &'static str,
    clock: ClockView,
    updated_at: Timestamp,
}

/// The clock of a dossier as the pages show it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ClockView {
    /// The last part of a key `dossier_clock.…`.
    pub(crate) word: &'static str,
    pub(crate) sign: &'static str,
    /// With stops counted.
    pub(crate) due_at: Option<Timestamp>,
    /// Working days left, or by which it is late; none for what is done.
    pub(crate) days: Option<u32>,
    /// Per cent of the time that has passed.
    pub(crate) share: Option<u8>,
    pub(crate) stopped_since: Option<Timestamp>,
}

/// The sign of a status.
pub(crate) const fn sign(status: DossierStatus) -> &'static str {
    match status {
        DossierStatus::Finished | DossierStatus::Returned => "ok",
        DossierStatus::Refused | DossierStatus::Withdrawn | DossierStatus::Stopped => "paused",
        DossierStatus::SupplementAsked | DossierStatus::PaymentAsked => "slow",
        DossierStatus::Registered | DossierStatus::Received | DossierStatus::Processing => {
            "unknown"
        }
    }
}

/// The sign of a clock's state.
const fn clock_sign(state: ClockState) -> &'static str {
    match state {
        ClockState::OnTime | ClockState::DoneOnTime => "ok",
        ClockState::Due => "slow",
        ClockState::Overdue | ClockState::DoneLate => "down",
        ClockState::Stopped => "paused",
    }
}

/// States of the clock of open dossiers, which have a figure each.
const OPEN_CLOCKS: [ClockState; 4] = [
    ClockState::OnTime,
    ClockState::Due,
    ClockState::Overdue,
    ClockState::Stopped,
];

/// `GET /ho-so`.
pub(crate) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DossierRead)?;
    let snapshot = console.registry.snapshot();
    let filter = Filter::read(&visitor.query);
    let org = unit(&snapshot, &filter.unit, visitor.now());
    let unit_unknown = !filter.unit.is_empty() && org.is_none();
    let counts = console.dossiers.counts(&visitor.actor).await;
    let counts = counts.map_err(|error| error.to_problem())?;
    let mut page = DossiersPage {
        figures: figures(&counts),
        open: counts.open,
        is_narrowed: !filter.address().is_empty(),
        sees_portals: visitor.actor.may(Permission::DossierReadAll),
        unit_unknown,
        filter,
        ..DossiersPage::empty()
    };
    if !unit_unknown {
        let mut query = page.filter.query();
        query.org = org;
        query.cursor = visitor
            .query
            .text(CURSOR)
            .and_then(|text| text.parse().ok());
        let found = console.dossiers.list(&visitor.actor, query).await;
        let found = found.map_err(|error| error.to_problem())?;
        page.rows = found
            .rows
            .into_iter()
            .map(|row| Row::of(row, visitor.now()))
            .collect();
        page.next = found
            .next
            .map(|cursor| page.filter.page(&cursor.to_string()));
    }
    visitor.show(&console, &page)
}

fn figures(counts: &DossierCounts) -> Vec<Figure> {
    OPEN_CLOCKS
        .into_iter()
        .zip([counts.on_time, counts.due, counts.overdue, counts.stopped])
        .map(|(clock, count)| Figure {
            clock: clock.name(),
            count,
        })
        .collect()
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
            code: text(CODE),
            unit: text(UNIT),
            procedure: text(PROCEDURE),
            field: text(FIELD),
            status: text(STATUS),
            clock: text(CLOCK),
            from: text(FROM),
            to: text(TO),
        }
    }

    /// What is asked of the service; the unit is known elsewhere.
    fn query(&self) -> DossierQuery {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        DossierQuery {
            procedure: given(&self.procedure),
            field: given(&self.field),
            statuses: self.status.parse().into_iter().collect(),
            clocks: self.clock.parse().into_iter().collect(),
            text: given(&self.code),
            from: self.from.parse().ok().map(Day::start),
            to: self
                .to
                .parse()
                .ok()
                .and_then(|day: Day| day.plus_days(1))
                .map(Day::start),
            limit: limits::CONSOLE_PAGE_ROWS,
            ..DossierQuery::default()
        }
    }

    /// The filters as a query.
    fn address(&self) -> String {
        address(&[
            (CODE, &self.code),
            (UNIT, &self.unit),
            (PROCEDURE, &self.procedure),
            (FIELD, &self.field),
            (STATUS, &self.status),
            (CLOCK, &self.clock),
            (FROM, &self.from),
            (TO, &self.to),
        ])
    }

    /// The address of the page behind a cursor.
    fn page(&self, cursor: &str) -> String {
        let cursor = encode(cursor);
        match self.address() {
            address if address.is_empty() => format!("/ho-so?{CURSOR}={cursor}"),
            address => format!("/ho-so?{address}&{CURSOR}={cursor}"),
        }
    }
}

impl Row {
    fn of(row: DossierRow, now: Timestamp) -> Self {
        let unit = match row.handling {
            Some(org) => org.name,
            None if row.handling_unit.is_empty() => row.owner.name.clone(),
            None => row.handling_unit,
        };
        Self {
            id: row.id,
            code: row.code.to_string(),
            procedure: row.procedure,
            procedure_name: row.procedure_name,
            applicant: Some(row.applicant).filter(|name| !name.is_empty()),
            unit,
            owner: row.owner.name,
            status: row.status.code(),
            sign: sign(row.status),
            clock: ClockView::of(&row.clock, row.received_at, now),
            updated_at: row.updated_at,
        }
    }
}

impl ClockView {
    /// The clock as it stands now; the share that has passed is counted from `since`.
    pub(crate) fn of(clock: &DossierClock, since: Option<Timestamp>, now: Timestamp) -> Self {
        let is_open = OPEN_CLOCKS.contains(&clock.state);
        Self {
            word: clock.state.name(),
            sign: clock_sign(clock.state),
            due_at: clock.due_at,
            days: clock
                .working_days_left
                .filter(|_| is_open)
                .map(i32::unsigned_abs),
            share: match (since, clock.due_at) {
                (Some(since), Some(due)) if is_open && due > since => {
                    let (whole, gone) = (due.since(since), now.since(since).min(due.since(since)));
                    u8::try_from(100 * gone.as_secs() / whole.as_secs().max(1)).ok()
                }
                _ => None,
            },
            stopped_since: clock.paused_at,
        }
    }

    /// For samples.
    pub(crate) fn sample(state: ClockState) -> Self {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let is_open = OPEN_CLOCKS.contains(&state);
        Self {
            word: state.name(),
            sign: clock_sign(state),
            due_at: Some(at),
            days: is_open.then_some(3),
            share: is_open.then_some(60),
            stopped_since: (state == ClockState::Stopped).then_some(at),
        }
    }
}

impl DossiersPage {
    fn empty() -> Self {
        Self {
            filter: Filter::default(),
            statuses: DossierStatus::ALL.map(DossierStatus::code).to_vec(),
            clocks: ClockState::ALL.iter().map(|state| state.name()).collect(),
            figures: figures(&DossierCounts::default()),
            open: 0,
            rows: Vec::new(),
            next: None,
            unit_unknown: false,
            is_narrowed: false,
            sees_portals: false,
        }
    }
}

impl Page for DossiersPage {
    const TEMPLATE: &'static str = "dossiers.html";
    const PLACE: Place = Place::Dossiers;
    const FRAGMENTS: &'static [&'static str] = &["figures", "list"];

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let row = |n: u8, status: DossierStatus, clock: ClockState| Row {
            id: DossierId::from_bits(u128::from(n)),
            code: format!("H99.131-260312-{n:04}"),
            procedure: "9.000001".to_owned(),
            procedure_name: "Thủ tục mẫu: cấp bản sao giấy tờ, trích lục (giả định)".to_owned(),
            applicant: (!n.is_multiple_of(3)).then(|| "P*** T*** T***".to_owned()),
            unit: "Ủy ban nhân dân xã Phú Mẫu".to_owned(),
            owner: if n.is_multiple_of(2) {
                "Ủy ban nhân dân xã Phú Mẫu".to_owned()
            } else {
                "Trung tâm Phục vụ hành chính công tỉnh Bình An".to_owned()
            },
            status: status.code(),
            sign: sign(status),
            clock: ClockView::sample(clock),
            updated_at: at,
        };
        let rows = (1..)
            .zip(DossierStatus::ALL)
            .zip(ClockState::ALL.iter().cycle())
            .map(|((n, status), clock)| row(n, status, *clock))
            .collect();
        let narrowed = Filter {
            code: "H99.131-2603".to_owned(),
            unit: "H99.131".to_owned(),
            procedure: "9.000001".to_owned(),
            field: "G99-LV01".to_owned(),
            status: "4".to_owned(),
            clock: "overdue".to_owned(),
            from: "2026-03-01".to_owned(),
            to: "2026-03-31".to_owned(),
        };
        vec![
            ("empty", Self::empty()),
            (
                "full",
                Self {
                    rows,
                    figures: figures(&DossierCounts {
                        on_time: 4_120,
                        due: 230,
                        overdue: 87,
                        stopped: 41,
                        ..DossierCounts::default()
                    }),
                    open: 4_478,
                    next: Some("/ho-so?trang=x".to_owned()),
                    sees_portals: true,
                    ..Self::empty()
                },
            ),
            (
                "nothing",
                Self {
                    filter: narrowed.clone(),
                    is_narrowed: true,
                    ..Self::empty()
                },
            ),
            (
                "unit-unknown",
                Self {
                    filter: narrowed,
                    is_narrowed: true,
                    unit_unknown: true,
                    ..Self::empty()
                },
            ),
        ]
    }
}
