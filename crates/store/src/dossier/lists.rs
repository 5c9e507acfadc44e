//! Lists of dossiers, page by page.
//!
//! Each order has an index that is walked; conditions that are no part of it are looked at row by row. So that no choice of conditions
//! makes a page slow, one page walks over at most `limits::DOSSIER_SCAN_MAX` rows: it may then hold less than was asked for, or
//! nothing, and still say where the next one goes on.

use lgsp_base::id::{DossierId, OrgId};
use lgsp_base::{Timestamp, limits};
use lgsp_wire::dossier::DossierStatus;

use super::model::{Dossier, dossier_columns, dossier_row, status_number};
use crate::exchange::lists::Conditions;
use crate::exchange::model::{UnknownWord, words};
use crate::{Row, StoreError, Tx};

words! {
    /// How a dossier stands against its clock.
    ClockState {
        /// It is open and its last day has not come; also without a due time.
        OnTime = "on_time",
        /// Its last day has come.
        Due = "due",
        /// Its due time is over.
        Overdue = "overdue",
        /// The clock stands.
        Stopped = "stopped",
        /// The work on it ended in time; also without a due time.
        DoneOnTime = "done_on_time",
        /// The work on it ended too late.
        DoneLate = "done_late",
    }
}

/// The instants between which the states of the clock change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockBounds {
    /// Before it, a due time is over.
    pub now: Timestamp,
    /// Before it, a due time's last day has come.
    pub due_until: Timestamp,
}

/// A place in a list that is ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DossierPlace {
    /// The time of the dossier at this place.
    pub at: Timestamp,
    /// The dossier at this place.
    pub id: DossierId,
}

/// In which order, and from where on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DossierOrder {
    /// By the last push, newest first, behind this place. A dossier that is pushed between two pages stands on the first one again.
    Newest(Option<DossierPlace>),
    /// Open ones that have a due time, the earliest first, behind this place.
    Due(Option<DossierPlace>),
    /// Those whose code begins so, in order of their codes, behind this one.
    Code {
        /// How the code begins, as codes are compared.
        prefix: String,
        /// The last code of the page before.
        after: Option<String>,
    },
}

/// Which dossiers are wanted.
#[derive(Debug, Clone)]
pub struct DossierFilter {
    /// Only where this organisation is a party.
    pub party: Option<OrgId>,
    /// Only of this unit: whose clock runs.
    pub unit: Option<OrgId>,
    /// Only of this procedure.
    pub procedure: Option<String>,
    /// Only of this field.
    pub field: Option<String>,
    /// Only in one of these statuses; empty: in all.
    pub statuses: Vec<DossierStatus>,
    /// Only in one of these states of the clock; empty: in all.
    pub clocks: Vec<ClockState>,
    /// What the states of the clock mean.
    pub bounds: ClockBounds,
    /// Only with a last push at or after this time.
    pub from: Option<Timestamp>,
    /// Only with a last push before this time.
    pub to: Option<Timestamp>,
    /// In which order, and from where on.
    pub order: DossierOrder,
    /// At most so many.
    pub limit: usize,
}

/// A page of dossiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierRows {
    /// The dossiers.
    pub rows: Vec<Dossier>,
    /// The order of the next page; none: this one is the last.
    pub next: Option<DossierOrder>,
}

/// What is walked: the index whose order is that of the list.
#[derive(Debug, Clone, Copy)]
enum Walk<'f> {
    Party(OrgId),
    Procedure(&'f str),
    Field(&'f str),
    Status(DossierStatus),
    All,
}

impl<'f> Walk<'f> {
    fn of(filter: &'f DossierFilter) -> Self {
        if matches!(filter.order, DossierOrder::Code { .. }) {
            return Walk::All;
        }
        // The unit is always a party, and has fewer dossiers than who follows it.
        if let Some(org) = filter.unit.or(filter.party) {
            return Walk::Party(org);
        }
        if matches!(filter.order, DossierOrder::Due(_)) {
            return Walk::All;
        }
        match (&filter.procedure, &filter.field, filter.statuses.as_slice()) {
            (Some(procedure), ..) => Walk::Procedure(procedure),
            (None, Some(field), _) => Walk::Field(field),
            (None, None, [status]) => Walk::Status(*status),
            _ => Walk::All,
        }
    }

    const fn is_party(self) -> bool {
        matches!(self, Walk::Party(_))
    }

    /// What is walked alone, and with the dossiers themselves. SQLite keeps the order of a cross join.
    const fn sources(self) -> (&'static str, &'static str) {
        match self {
            Walk::Party(_) => (
                "dossier_parties p",
                "dossier_parties p CROSS JOIN dossiers d",
            ),
            _ => ("dossiers d", "dossiers d"),
        }
    }

    /// The columns of the order.
    const fn keys(self, order: &DossierOrder) -> &'static [&'static str] {
        match (self, order) {
            (Walk::Party(_), DossierOrder::Newest(_)) => &["p.updated_at", "p.dossier_id"],
            (Walk::Party(_), DossierOrder::Due(_)) => &["p.due_at", "p.dossier_id"],
            (_, DossierOrder::Newest(_)) => &["d.updated_at", "d.id"],
            (_, DossierOrder::Due(_)) => &["d.due_effective_at", "d.id"],
            (_, DossierOrder::Code { .. }) => &["d.code_key"],
        }
    }

    /// The part of the index that is walked.
    fn range(self, page: &mut Conditions<'f>, filter: &'f DossierFilter) {
        match self {
            Walk::Party(org) => page.when(" AND p.org_id = $?", Some(org)),
            Walk::Procedure(code) => page.when(" AND d.procedure_code = $?", Some(code)),
            Walk::Field(code) => page.when(" AND d.field_code = $?", Some(code)),
            Walk::Status(status) => page.when(" AND d.status = $?", Some(status_number(status))),
            Walk::All => {}
        }
        match &filter.order {
            DossierOrder::Newest(before) => {
                let [at, id] = if self.is_party() {
                    ["p.updated_at", "p.dossier_id"]
                } else {
                    ["d.updated_at", "d.id"]
                };
                page.when(&format!(" AND {at} >= $?"), filter.from);
                page.when(&format!(" AND {at} < $?"), filter.to);
                compare(page, at, id, "<", before.as_ref());
            }
            DossierOrder::Due(after) => {
                let (table, at, id) = if self.is_party() {
                    ("p", "p.due_at", "p.dossier_id")
                } else {
                    ("d", "d.due_effective_at", "d.id")
                };
                page.sql
                    .push_str(&format!(" AND {table}.is_open = 1 AND {at} IS NOT NULL"));
                let (from, to) = due_span(&filter.clocks, &filter.bounds);
                page.when(&format!(" AND {at} >= $?"), from);
                page.when(&format!(" AND {at} < $?"), to);
                compare(page, at, id, ">", after.as_ref());
            }
            DossierOrder::Code { prefix, after } => {
                page.when(" AND d.code_key >= $?", Some(prefix));
                page.when(" AND d.code_key < $?", Some(format!("{prefix}\u{10ffff}")));
                page.when(" AND d.code_key > $?", after.as_ref());
            }
        }
    }

    /// Conditions that are no part of the walk. They stand in a form that no index fits, so that neither engine leaves the walk. True if
    /// there was one.
    fn rest(self, page: &mut Conditions<'f>, filter: &'f DossierFilter) -> bool {
        let before = page.sql.len();
        if let Some(party) = filter.party
            && !matches!(self, Walk::Party(org) if org == party)
        {
            page.when(
                " AND EXISTS (SELECT 1 FROM dossier_parties o WHERE o.dossier_id = d.id AND o.org_id = $?)",
                Some(party),
            );
        }
        page.when(" AND COALESCE(d.unit_org_id, '') = $?", filter.unit);
        if !matches!(self, Walk::Procedure(_)) {
            let procedure = filter.procedure.as_ref();
            page.when(" AND COALESCE(d.procedure_code, '') = $?", procedure);
        }
        if !matches!(self, Walk::Field(_)) {
            page.when(
                " AND COALESCE(d.field_code, '') = $?",
                filter.field.as_ref(),
            );
        }
        if !matches!(self, Walk::Status(_)) && !filter.statuses.is_empty() {
            let names: Vec<String> = filter
                .statuses
                .iter()
                .map(|status| page.param(status_number(*status)))
                .collect();
            page.sql.push_str(&format!(
                " AND COALESCE(d.status, 0) IN ({})",
                names.join(", ")
            ));
        }
        if !matches!(filter.order, DossierOrder::Newest(_)) {
            page.when(" AND COALESCE(d.updated_at, 0) >= $?", filter.from);
            page.when(" AND COALESCE(d.updated_at, 0) < $?", filter.to);
        }
        clocks(page, &filter.clocks, &filter.bounds);
        page.sql.len() > before
    }
}

fn compare(
    page: &mut Conditions<'_>,
    at: &str,
    id: &str,
    than: &str,
    place: Option<&DossierPlace>,
) {
    if let Some(place) = place {
        let (when, which) = (page.param(place.at), page.param(place.id));
        page.sql
            .push_str(&format!(" AND ({at}, {id}) {than} ({when}, {which})"));
    }
}

/// From where to where due times can lie in these states of the clock.
fn due_span(clocks: &[ClockState], bounds: &ClockBounds) -> (Option<Timestamp>, Option<Timestamp>) {
    let is_from_index = |state: &ClockState| {
        matches!(
            state,
            ClockState::OnTime | ClockState::Due | ClockState::Overdue
        )
    };
    if clocks.is_empty() || !clocks.iter().all(is_from_index) {
        return (None, None);
    }
    let has = |state| clocks.contains(&state);
    let from = match (has(ClockState::Overdue), has(ClockState::Due)) {
        (true, _) => None,
        (false, true) => Some(bounds.now),
        (false, false) => Some(bounds.due_until),
    };
    let to = match (has(ClockState::OnTime), has(ClockState::Due)) {
        (true, _) => None,
        (false, true) => Some(bounds.due_until),
        (false, false) => Some(bounds.now),
    };
    (from, to)
}

fn clocks(page: &mut Conditions<'_>, clocks: &[ClockState], bounds: &ClockBounds) {
    if clocks.is_empty() {
        return;
    }
    const DUE: &str = "COALESCE(d.due_effective_at, 0)";
    let has = |state| clocks.contains(&state);
    // A parameter that stands nowhere has no type on PostgreSQL.
    let (mut now, mut until) = (String::new(), String::new());
    if has(ClockState::Due) || has(ClockState::Overdue) {
        now = page.param(bounds.now);
    }
    if has(ClockState::Due) || has(ClockState::OnTime) {
        until = page.param(bounds.due_until);
    }
    let runs = "COALESCE(d.is_open, 0) = 1 AND d.paused_at IS NULL";
    let done = "COALESCE(d.is_open, 0) = 0";
    let parts: Vec<String> = clocks
        .iter()
        .map(|state| match state {
            ClockState::OnTime => {
                format!("({runs} AND (d.due_effective_at IS NULL OR {DUE} >= {until}))")
            }
            ClockState::Due => format!("({runs} AND {DUE} >= {now} AND {DUE} < {until})"),
            ClockState::Overdue => {
                format!("({runs} AND d.due_effective_at IS NOT NULL AND {DUE} < {now})")
            }
            ClockState::Stopped => {
                "(COALESCE(d.is_open, 0) = 1 AND d.paused_at IS NOT NULL)".to_owned()
            }
            ClockState::DoneOnTime => format!(
                "({done} AND (d.due_effective_at IS NULL OR COALESCE(d.finished_at, d.closed_at, 0) <= {DUE}))"
            ),
            ClockState::DoneLate => format!(
                "({done} AND d.due_effective_at IS NOT NULL AND COALESCE(d.finished_at, d.closed_at, 0) > {DUE})"
            ),
        })
        .collect();
    page.sql.push_str(&format!(" AND ({})", parts.join(" OR ")));
}

/// Where a walk is left for the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stop {
    Place(DossierPlace),
    Code(String),
}

impl Stop {
    fn of(row: &Row<'_>, order: &DossierOrder) -> Result<Self, StoreError> {
        Ok(match order {
            DossierOrder::Code { .. } => Stop::Code(row.text(0)?),
            DossierOrder::Newest(_) | DossierOrder::Due(_) => Stop::Place(DossierPlace {
                at: row.time(0)?,
                id: row.id(1)?,
            }),
        })
    }

    fn behind(dossier: &Dossier, order: &DossierOrder) -> Self {
        let at = match order {
            DossierOrder::Code { .. } => return Stop::Code(dossier.code_key.clone()),
            DossierOrder::Newest(_) => dossier.updated_at,
            DossierOrder::Due(_) => dossier.due_effective_at.unwrap_or(Timestamp::BEGINNING),
        };
        Stop::Place(DossierPlace { at, id: dossier.id })
    }

    fn next(self, order: &DossierOrder) -> Option<DossierOrder> {
        match (self, order) {
            (Stop::Place(place), DossierOrder::Newest(_)) => {
                Some(DossierOrder::Newest(Some(place)))
            }
            (Stop::Place(place), DossierOrder::Due(_)) => Some(DossierOrder::Due(Some(place))),
            (Stop::Code(code), DossierOrder::Code { prefix, .. }) => Some(DossierOrder::Code {
                prefix: prefix.clone(),
                after: Some(code),
            }),
            _ => None,
        }
    }
}

/// The end of the walk, as a condition.
fn until<'f>(page: &mut Conditions<'f>, keys: &[&str], order: &DossierOrder, stop: &Stop) {
    match (stop, keys) {
        (Stop::Place(place), [at, id]) => {
            let than = if matches!(order, DossierOrder::Newest(_)) {
                ">="
            } else {
                "<="
            };
            compare(page, at, id, than, Some(place));
        }
        (Stop::Code(code), [key]) => {
            page.when(&format!(" AND {key} <= $?"), Some(code.clone()));
        }
        _ => {}
    }
}

fn ordered(keys: &[&str], order: &DossierOrder) -> String {
    let direction = if matches!(order, DossierOrder::Newest(_)) {
        " DESC"
    } else {
        ""
    };
    let keys: Vec<String> = keys.iter().map(|key| format!("{key}{direction}")).collect();
    format!(" ORDER BY {}", keys.join(", "))
}

/// The statement of a page, up to the stop of its walk.
fn page<'f>(walk: Walk<'f>, filter: &'f DossierFilter, stop: Option<&Stop>) -> Conditions<'f> {
    let keys = walk.keys(&filter.order);
    let joined = if walk.is_party() {
        "d.id = p.dossier_id"
    } else {
        "1 = 1"
    };
    let mut page = Conditions::new(&format!(
        "SELECT {} FROM {} WHERE {joined}",
        dossier_columns!(),
        walk.sources().1
    ));
    walk.range(&mut page, filter);
    walk.rest(&mut page, filter);
    if let Some(stop) = stop {
        until(&mut page, keys, &filter.order, stop);
    }
    page.sql.push_str(&ordered(keys, &filter.order));
    let limit = page.param(filter.limit);
    page.sql.push_str(&format!(" LIMIT {limit}"));
    page
}

impl Tx<'_> {
    /// A page of dossiers.
    pub fn dossier_list(&mut self, filter: &DossierFilter) -> Result<DossierRows, StoreError> {
        if filter.limit == 0 {
            return Ok(DossierRows {
                rows: Vec::new(),
                next: None,
            });
        }
        let walk = Walk::of(filter);
        let stop = self.dossier_walk_stop(walk, filter)?;
        let page = page(walk, filter, stop.as_ref());
        let rows = self.query_dyn(&page.sql, &page.params, dossier_row)?;
        let last = match rows.last() {
            Some(last) if rows.len() == filter.limit => Some(Stop::behind(last, &filter.order)),
            _ => stop,
        };
        let next = last.and_then(|stop| stop.next(&filter.order));
        Ok(DossierRows { rows, next })
    }

    /// How the engine would run a page, step by step; for tests.
    pub fn dossier_list_plan(&mut self, filter: &DossierFilter) -> Result<Vec<String>, StoreError> {
        let walk = Walk::of(filter);
        let stop = self.dossier_walk_stop(walk, filter)?;
        let mut page = page(walk, filter, stop.as_ref());
        let (explain, column) = self.engine().explain();
        page.sql.insert_str(0, explain);
        self.query_dyn(&page.sql, &page.params, |row| row.text(column))
    }

    /// The last row that a page with further conditions may look at; none if the walk ends before, or has no further conditions.
    fn dossier_walk_stop(
        &mut self,
        walk: Walk<'_>,
        filter: &DossierFilter,
    ) -> Result<Option<Stop>, StoreError> {
        if !walk.rest(&mut Conditions::new(""), filter) {
            return Ok(None);
        }
        let keys = walk.keys(&filter.order);
        let mut seek = Conditions::new(&format!(
            "SELECT {} FROM {} WHERE 1 = 1",
            keys.join(", "),
            walk.sources().0
        ));
        walk.range(&mut seek, filter);
        seek.sql.push_str(&ordered(keys, &filter.order));
        let skipped = seek.param(limits::DOSSIER_SCAN_MAX.saturating_sub(1));
        seek.sql.push_str(&format!(" LIMIT 1 OFFSET {skipped}"));
        let stops = self.query_dyn(&seek.sql, &seek.params, |row| Stop::of(row, &filter.order))?;
        Ok(stops.into_iter().next())
    }
}
