//! `/ho-so/ton-dong`: open dossiers by handling unit and field, by working days, and the step at which late ones stand.

use std::cmp::Reverse;

use axum::extract::State;
use axum::response::Response;
use lgsp_base::id::OrgId;
use lgsp_base::{Permission, Timestamp};
use lgsp_exchange::dossier::{AgeingQuery, AgeingRow};
use serde::Serialize;

use crate::Console;
use crate::error::Failure;
use crate::page::{Page, Place};
use crate::visitor::Visitor;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct AgeingPage {
    rows: Vec<Row>,
    total: Ages,
    as_of: Timestamp,
}

/// A unit and a field.
#[derive(Debug, Clone, Serialize)]
struct Row {
    org: OrgId,
    unit: String,
    field: String,
    counts: Ages,
    late: u64,
    /// The status at which most of the late ones stand, the last part of a key `dossier_status.…`.
    stuck_status: Option<&'static str>,
    /// The earliest due time of those whose clock runs.
    earliest_due_at: Option<Timestamp>,
}

/// Open dossiers by age.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Ages {
    on_time: u64,
    due: u64,
    /// Late by 1 to 5 working days.
    late_few: u64,
    /// Late by 6 to 15.
    late_some: u64,
    /// Late by more.
    late_many: u64,
    stopped: u64,
}

/// `GET /ho-so/ton-dong`.
pub(crate) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DossierRead)?;
    let counted = console
        .dossiers
        .ageing(&visitor.actor, AgeingQuery::default())
        .await
        .map_err(|error| error.to_problem())?;
    visitor.show(&console, &AgeingPage::of(counted, visitor.now()))
}

impl AgeingPage {
    fn of(counted: Vec<AgeingRow>, as_of: Timestamp) -> Self {
        let mut total = Ages::default();
        let mut rows: Vec<Row> = counted.into_iter().map(Row::of).collect();
        for row in &rows {
            total.add(&row.counts);
        }
        rows.sort_by_key(|row| Reverse((row.late, row.counts.due)));
        Self { rows, total, as_of }
    }
}

impl Row {
    fn of(row: AgeingRow) -> Self {
        Self {
            late: row.overdue(),
            counts: Ages {
                on_time: row.on_time,
                due: row.due,
                late_few: row.overdue_short,
                late_some: row.overdue_middle,
                late_many: row.overdue_long,
                stopped: row.stopped,
            },
            org: row.org.org,
            unit: row.org.name,
            field: row.field,
            stuck_status: row.stuck_status.map(|status| status.code()),
            earliest_due_at: row.earliest_due_at,
        }
    }
}

impl Ages {
    fn add(&mut self, other: &Self) {
        self.on_time += other.on_time;
        self.due += other.due;
        self.late_few += other.late_few;
        self.late_some += other.late_some;
        self.late_many += other.late_many;
        self.stopped += other.stopped;
    }
}

impl Page for AgeingPage {
    const TEMPLATE: &'static str = "dossier_ageing.html";
    const PLACE: Place = Place::Dossiers;
    const FRAGMENTS: &'static [&'static str] = &["list"];

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let counts = Ages {
            on_time: 1_204,
            due: 31,
            late_few: 12,
            late_some: 4,
            late_many: 1,
            stopped: 9,
        };
        let row = |n: u128, is_late: bool| Row {
            org: OrgId::from_bits(n),
            unit: "Ủy ban nhân dân xã Phú Mẫu".to_owned(),
            field: if is_late {
                "G99-LV01".to_owned()
            } else {
                String::new()
            },
            counts: if is_late { counts } else { Ages::default() },
            late: if is_late { 17 } else { 0 },
            stuck_status: is_late.then_some("4"),
            earliest_due_at: is_late.then_some(at),
        };
        vec![
            (
                "empty",
                Self {
                    rows: Vec::new(),
                    total: Ages::default(),
                    as_of: at,
                },
            ),
            (
                "full",
                Self {
                    rows: vec![row(1, true), row(2, false)],
                    total: counts,
                    as_of: at,
                },
            ),
        ]
    }
}
