//! How open dossiers stand against their clocks, by unit, field and status.

use lgsp_base::Timestamp;
use lgsp_base::id::OrgId;
use lgsp_wire::dossier::DossierStatus;

use super::lists::ClockBounds;
use super::model::{status, status_number};
use crate::exchange::lists::Conditions;
use crate::{Row, StoreError, Tx, params};

/// The instants that part what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeingBounds {
    /// Now, and the end of the last day.
    pub clock: ClockBounds,
    /// Before the first, a due time is over for some while; before the second, for long.
    pub late: [Timestamp; 2],
}

/// Which open dossiers are counted.
#[derive(Debug, Clone, Default)]
pub struct AgeingFilter {
    /// Only of these units; none: of all.
    pub units: Option<Vec<OrgId>>,
    /// Only of this field.
    pub field: Option<String>,
}

/// How many open dossiers of a unit, a field and a status stand how. Whether the clock stands is a matter of the status, and so the
/// caller's: then only `open` means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeingRow {
    /// The unit whose clock runs.
    pub unit: OrgId,
    /// The field's code; empty where unknown.
    pub field: String,
    /// The status.
    pub status: DossierStatus,
    /// All of them.
    pub open: u64,
    /// Their last day has not come, or they have no due time.
    pub on_time: u64,
    /// Their last day has come.
    pub due: u64,
    /// Over since a short while, some while, long.
    pub overdue: [u64; 3],
    /// The earliest due time.
    pub earliest_due_at: Option<Timestamp>,
}

fn ageing_row(row: &Row<'_>) -> Result<AgeingRow, StoreError> {
    let count = |column| row.int(column).map(i64::unsigned_abs);
    let open = count(3)?;
    let (until_last_day, over, late, very_late) = (count(4)?, count(5)?, count(6)?, count(7)?);
    Ok(AgeingRow {
        unit: row.id(0)?,
        field: row.text(1)?,
        status: status(row, 2)?,
        open,
        on_time: open.saturating_sub(until_last_day),
        due: until_last_day.saturating_sub(over),
        overdue: [
            over.saturating_sub(late),
            late.saturating_sub(very_late),
            very_late,
        ],
        earliest_due_at: row.opt_time(8)?,
    })
}

fn statement<'f>(filter: &'f AgeingFilter, bounds: &AgeingBounds) -> Conditions<'f> {
    let mut counting = Conditions::new("");
    let mut before = |at: Timestamp| {
        let name = counting.param(at);
        format!("CAST(SUM(CASE WHEN d.due_effective_at < {name} THEN 1 ELSE 0 END) AS BIGINT)")
    };
    let [late, very_late] = bounds.late;
    let counts = [
        before(bounds.clock.due_until),
        before(bounds.clock.now),
        before(late),
        before(very_late),
    ];
    counting.sql = format!(
        "SELECT d.unit_org_id, d.field_code, d.status, COUNT(*), {}, MIN(d.due_effective_at) FROM dossiers d \
         WHERE d.is_open = 1",
        counts.join(", ")
    );
    if let Some(units) = &filter.units {
        let list = counting.list(units);
        counting
            .sql
            .push_str(&format!(" AND d.unit_org_id IN ({list})"));
    }
    // Of all units, a field is looked for in a form that no other index fits: that of the lists by field holds closed dossiers too.
    let of_field = if filter.units.is_some() {
        " AND d.field_code = $?"
    } else {
        " AND COALESCE(d.field_code, '') = $?"
    };
    counting.when(of_field, filter.field.as_ref());
    counting.sql.push_str(
        " GROUP BY d.unit_org_id, d.field_code, d.status ORDER BY d.unit_org_id, d.field_code, d.status",
    );
    counting
}

impl Tx<'_> {
    /// How many open dossiers stand how, in order of unit, field and status. Read from one index alone.
    pub fn dossier_ageing(
        &mut self,
        filter: &AgeingFilter,
        bounds: &AgeingBounds,
    ) -> Result<Vec<AgeingRow>, StoreError> {
        let counting = statement(filter, bounds);
        self.query_dyn(&counting.sql, &counting.params, ageing_row)
    }

    /// How the engine would count, step by step; for tests.
    pub fn dossier_ageing_plan(
        &mut self,
        filter: &AgeingFilter,
        bounds: &AgeingBounds,
    ) -> Result<Vec<String>, StoreError> {
        let mut counting = statement(filter, bounds);
        let (explain, column) = self.engine().explain();
        counting.sql.insert_str(0, explain);
        self.query_dyn(&counting.sql, &counting.params, |row| row.text(column))
    }

    /// How many open dossiers are in each status.
    pub fn dossier_count_open(&mut self) -> Result<Vec<(DossierStatus, u64)>, StoreError> {
        self.query(
            "SELECT d.status, COUNT(*) FROM dossiers d WHERE d.is_open = 1 GROUP BY d.status ORDER BY d.status",
            params![],
            |row| Ok((status(row, 0)?, row.int(1)?.unsigned_abs())),
        )
    }

    /// How many dossiers, open or not, are in a status, counted up to `limit`.
    pub fn dossier_count_in(
        &mut self,
        wanted: DossierStatus,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.query_one(
            "SELECT COUNT(*) FROM (SELECT 1 FROM dossiers WHERE status = $1 LIMIT $2) few",
            params![status_number(wanted), limit],
            |row| Ok(row.int(0)?.unsigned_abs()),
        )
    }
}
