//! What is asked of the lists, and how long the answers take.

use anyhow::Result;
use lgsp_base::id::{DossierId, TokenId};
use lgsp_base::{Actor, Clock, Timestamp, limits};
use lgsp_exchange::dossier::{
    AgeingQuery, ClockState, DossierCursor, DossierPlace, DossierQuery, Dossiers,
};
use lgsp_wire::dossier::DossierStatus;

use crate::measure::percentile_ms;
use crate::micros_since;
use crate::province::{
    DAYS, FIELDS, PORTAL, PROCEDURES, UNITS, actor, field, mixed, org, procedure,
};
use crate::report::Row;

/// Promised: milliseconds that 99 of 100 pages stay below.
pub(crate) const PAGE_P99_MS: f64 = 200.0;

const DAY_MICROS: i64 = 24 * 3_600_000_000;

/// What differs from one question of a kind to the next.
#[derive(Debug, Clone, Copy)]
struct Turn {
    round: usize,
    now: Timestamp,
}

impl Turn {
    fn roll(&self, salt: u64, sides: usize) -> usize {
        mixed(self.round, 100 + salt, sides)
    }

    fn back(&self, days: usize) -> Timestamp {
        Timestamp::from_micros(self.now.as_micros() - days as i64 * DAY_MICROS)
    }
}

fn operator() -> Actor {
    Actor::Operator {
        token: TokenId::from_bits(1),
    }
}

type Ask = fn(Turn) -> (Actor, DossierQuery);

const LISTS: [(&str, Ask); 20] = [
    ("newest", |_| (operator(), page())),
    ("newest, a later page", |turn| {
        let place = DossierPlace {
            at: turn.back(turn.roll(1, DAYS as usize)),
            id: DossierId::from_bits(0),
        };
        let cursor = Some(DossierCursor::Newest(place));
        (operator(), DossierQuery { cursor, ..page() })
    }),
    ("one week", |turn| {
        let week = turn.roll(2, DAYS as usize);
        let (from, to) = (Some(turn.back(week + 7)), Some(turn.back(week)));
        (operator(), DossierQuery { from, to, ..page() })
    }),
    ("by due time", |_| (operator(), by_due(vec![]))),
    ("overdue", |_| {
        (operator(), by_due(vec![ClockState::Overdue]))
    }),
    ("due today", |_| (operator(), by_due(vec![ClockState::Due]))),
    ("stopped", |_| {
        let clocks = vec![ClockState::Stopped];
        (operator(), DossierQuery { clocks, ..page() })
    }),
    ("done late", |_| {
        let clocks = vec![ClockState::DoneLate];
        (operator(), DossierQuery { clocks, ..page() })
    }),
    ("code", |turn| {
        let text = Some(format!("H99.{}-", turn.roll(3, UNITS)));
        (operator(), DossierQuery { text, ..page() })
    }),
    ("procedure", |turn| {
        let procedure = Some(procedure(turn.roll(4, PROCEDURES)));
        (
            operator(),
            DossierQuery {
                procedure,
                ..page()
            },
        )
    }),
    ("field", |turn| {
        let field = Some(field(turn.roll(5, FIELDS)));
        (operator(), DossierQuery { field, ..page() })
    }),
    ("field, overdue", |turn| {
        let field = Some(field(turn.roll(6, FIELDS)));
        let overdue = by_due(vec![ClockState::Overdue]);
        (operator(), DossierQuery { field, ..overdue })
    }),
    ("two statuses", |_| {
        let statuses = vec![DossierStatus::Withdrawn, DossierStatus::Refused];
        (operator(), DossierQuery { statuses, ..page() })
    }),
    ("unit", |turn| (operator(), of_unit(turn, page()))),
    ("unit, overdue", |turn| {
        let overdue = by_due(vec![ClockState::Overdue]);
        (operator(), of_unit(turn, overdue))
    }),
    ("unit, field, status", |turn| {
        let query = DossierQuery {
            field: Some(field(turn.roll(7, FIELDS))),
            statuses: vec![DossierStatus::Finished],
            ..page()
        };
        (operator(), of_unit(turn, query))
    }),
    ("own dossiers", |turn| (actor(turn.roll(8, UNITS)), page())),
    ("own dossiers, by due time", |turn| {
        (actor(turn.roll(8, UNITS)), by_due(vec![]))
    }),
    ("the portal's, rare ones", |turn| {
        let query = DossierQuery {
            procedure: Some(procedure(PROCEDURES - 1 - turn.roll(9, 20))),
            statuses: vec![DossierStatus::Finished],
            ..page()
        };
        (actor(PORTAL), query)
    }),
    ("nothing found", |_| {
        let query = DossierQuery {
            field: Some(field(0)),
            procedure: Some("9.999999".to_owned()),
            ..by_due(vec![ClockState::OnTime])
        };
        (operator(), query)
    }),
];

type Figures = fn(Turn) -> (Actor, AgeingQuery);

const AGEING: [(&str, Figures); 5] = [
    ("ageing, the province", |_| {
        (operator(), AgeingQuery::default())
    }),
    ("ageing, a unit", |turn| {
        let org = Some(org(turn.roll(11, UNITS)));
        let query = AgeingQuery { org, field: None };
        (operator(), query)
    }),
    ("ageing, a field", |turn| {
        let field = Some(field(turn.roll(12, FIELDS)));
        (operator(), AgeingQuery { org: None, field })
    }),
    ("ageing, a unit and field", |turn| {
        let query = AgeingQuery {
            org: Some(org(turn.roll(13, UNITS))),
            field: Some(field(turn.roll(14, FIELDS))),
        };
        (operator(), query)
    }),
    ("ageing, own dossiers", |turn| {
        (actor(turn.roll(15, UNITS)), AgeingQuery::default())
    }),
];

fn page() -> DossierQuery {
    DossierQuery {
        limit: limits::CONSOLE_PAGE_ROWS,
        ..DossierQuery::default()
    }
}

fn by_due(clocks: Vec<ClockState>) -> DossierQuery {
    DossierQuery {
        by_due: true,
        clocks,
        ..page()
    }
}

fn of_unit(turn: Turn, query: DossierQuery) -> DossierQuery {
    DossierQuery {
        org: Some(org(turn.roll(10, UNITS))),
        ..query
    }
}

/// Times of every kind of question, and of all of them.
#[derive(Debug, Default)]
struct Times {
    rows: Vec<Row>,
    all: Vec<u32>,
}

impl Times {
    fn add(&mut self, target: &str, size: &str, mut times: Vec<u32>, note: String) {
        self.all.extend(&times);
        times.sort_unstable();
        self.rows.push(row(target, size, &times, note));
    }

    /// The rows, the line of all together, and its p99.
    fn end(mut self, target: &str, size: &str) -> (Vec<Row>, f64) {
        self.all.sort_unstable();
        self.rows.push(row(target, size, &self.all, String::new()));
        (self.rows, percentile_ms(&self.all, 0.99))
    }
}

pub(crate) fn row(target: &str, size: &str, sorted: &[u32], note: String) -> Row {
    Row {
        target: target.to_owned(),
        size: size.to_owned(),
        per_second: None,
        cpu_us_per_item: None,
        p50_ms: Some(percentile_ms(sorted, 0.5)),
        p99_ms: Some(percentile_ms(sorted, 0.99)),
        rss_mb: None,
        note,
    }
}

/// Asks every kind of list in turn; rows, and the p99 of all together.
pub(crate) async fn lists(
    dossiers: &Dossiers,
    clock: &dyn Clock,
    rounds: usize,
    size: &str,
) -> Result<(Vec<Row>, f64)> {
    let mut times: Vec<Vec<u32>> = vec![Vec::with_capacity(rounds); LISTS.len()];
    let mut found = vec![0_usize; LISTS.len()];
    for round in 0..rounds {
        let turn = Turn {
            round,
            now: clock.now(),
        };
        for (((_, ask), times), found) in LISTS.iter().zip(&mut times).zip(&mut found) {
            let (actor, query) = ask(turn);
            let started = clock.monotonic();
            let page = dossiers.list(&actor, query).await?;
            times.push(micros_since(clock, started));
            *found += page.rows.len();
        }
    }
    let mut all = Times::default();
    for (((name, _), times), found) in LISTS.iter().zip(times).zip(found) {
        let each = found as f64 / rounds.max(1) as f64;
        all.add(name, size, times, format!("{each:.0} rows a page"));
    }
    Ok(all.end("lists, all", size))
}

/// Asks every kind of ageing page and the counts in turn; rows, and the p99 of all together.
pub(crate) async fn ageing(
    dossiers: &Dossiers,
    clock: &dyn Clock,
    rounds: usize,
    size: &str,
) -> Result<(Vec<Row>, f64)> {
    let mut times: Vec<Vec<u32>> = vec![Vec::with_capacity(rounds); AGEING.len()];
    let mut counts = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let turn = Turn {
            round,
            now: clock.now(),
        };
        for ((_, ask), times) in AGEING.iter().zip(&mut times) {
            let (actor, query) = ask(turn);
            let started = clock.monotonic();
            dossiers.ageing(&actor, query).await?;
            times.push(micros_since(clock, started));
        }
        let started = clock.monotonic();
        dossiers.counts(&operator()).await?;
        counts.push(micros_since(clock, started));
    }
    let mut all = Times::default();
    for ((name, _), times) in AGEING.iter().zip(times) {
        all.add(name, size, times, String::new());
    }
    all.add("counts, the province", size, counts, String::new());
    Ok(all.end("ageing, all", size))
}
