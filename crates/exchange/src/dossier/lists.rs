//! Lists and figures of dossiers. Persons are masked in every list.

use std::collections::BTreeMap;

use lgsp_base::id::OrgId;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Permission};
use lgsp_store::dossier as rows;
use lgsp_store::dossier::{
    AgeingBounds, AgeingFilter, DossierFilter, DossierOrder, DossierPlace, DossierRows,
    DossierSummary,
};
use lgsp_store::seal::Place;
use lgsp_wire::dossier::DossierStatus;

use super::apply::code_of;
use super::clock;
use super::decide::timing_of;
use super::error::DossierError;
use super::model::{
    AgeingQuery, AgeingRow, DossierCounts, DossierCursor, DossierPage, DossierQuery, DossierRow,
};
use super::sealing::{self, Summary};
use super::service::{Dossiers, Viewer};
use crate::inbox::page_size;

/// Working days after which an overdue dossier is counted as longer overdue, and as longest.
const LATE_DAYS: [i32; 2] = [5, 15];

/// The order of two rows of a list.
fn is_before(order: &DossierOrder, a: &rows::Dossier, b: &rows::Dossier) -> std::cmp::Ordering {
    match order {
        DossierOrder::Newest(_) => (b.updated_at, b.id).cmp(&(a.updated_at, a.id)),
        DossierOrder::Due(_) => (a.due_effective_at, a.id).cmp(&(b.due_effective_at, b.id)),
        DossierOrder::Code { .. } => a.code_key.cmp(&b.code_key),
    }
}

/// True if a row stands behind a place of its list.
fn is_behind(row: &rows::Dossier, place: &DossierOrder) -> bool {
    match place {
        DossierOrder::Newest(Some(place)) => (row.updated_at, row.id) < (place.at, place.id),
        DossierOrder::Due(Some(place)) => {
            (row.due_effective_at, row.id) > (Some(place.at), place.id)
        }
        DossierOrder::Code {
            after: Some(code), ..
        } => row.code_key > *code,
        DossierOrder::Newest(None)
        | DossierOrder::Due(None)
        | DossierOrder::Code { after: None, .. } => false,
    }
}

/// True if the first place of a list comes before the second.
fn comes_first(a: &DossierOrder, b: &DossierOrder) -> bool {
    match (a, b) {
        (DossierOrder::Newest(Some(a)), DossierOrder::Newest(Some(b))) => {
            (a.at, a.id) > (b.at, b.id)
        }
        (DossierOrder::Due(Some(a)), DossierOrder::Due(Some(b))) => (a.at, a.id) < (b.at, b.id),
        (DossierOrder::Code { after: a, .. }, DossierOrder::Code { after: b, .. }) => a < b,
        _ => false,
    }
}

fn place_of(row: &rows::Dossier, order: &DossierOrder) -> DossierOrder {
    let place = |at| Some(DossierPlace { at, id: row.id });
    match order {
        DossierOrder::Newest(_) => DossierOrder::Newest(place(row.updated_at)),
        DossierOrder::Due(_) => DossierOrder::Due(row.due_effective_at.and_then(place)),
        DossierOrder::Code { prefix, .. } => DossierOrder::Code {
            prefix: prefix.clone(),
            after: Some(row.code_key.clone()),
        },
    }
}

/// One page out of the pages of several organisations. Each is complete up to where it stopped; what lies behind the first stop of any
/// belongs to a later page.
fn merge(pages: Vec<DossierRows>, order: &DossierOrder, limit: usize) -> DossierRows {
    let mut horizon: Option<DossierOrder> = None;
    let mut all = Vec::new();
    for page in pages {
        if let Some(next) = page.next
            && horizon
                .as_ref()
                .is_none_or(|known| comes_first(&next, known))
        {
            horizon = Some(next);
        }
        all.extend(page.rows);
    }
    all.sort_by(|a, b| is_before(order, a, b));
    all.dedup_by_key(|row| row.id);
    if let Some(horizon) = &horizon {
        all.retain(|row| !is_behind(row, horizon));
    }
    let next = if all.len() > limit {
        all.truncate(limit);
        all.last().map(|row| place_of(row, order))
    } else {
        horizon
    };
    DossierRows { rows: all, next }
}

impl Dossiers {
    /// A page of dossiers: for a system those of which its organisations are parties, for an operator all.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`] for another organisation's, [`DossierError::Invalid`] for an impossible page or a place of another
    /// list.
    pub async fn list(
        &self,
        actor: &Actor,
        query: DossierQuery,
    ) -> Result<DossierPage, DossierError> {
        let parties = self.scope(actor, query.org)?;
        let limit = page_size(query.limit).map_err(|error| DossierError::Invalid(error.into()))?;
        let order = order_of(&query)?;
        let now = self.now();
        let filter = DossierFilter {
            party: None,
            unit: None,
            procedure: query.procedure,
            field: query.field,
            statuses: query.statuses,
            clocks: query.clocks,
            bounds: clock::bounds(self.calendar(), now),
            from: query.from,
            to: query.to,
            order: order.clone(),
            limit,
        };
        let (rows, summaries) = self
            .exchange()
            .inner
            .db
            .read::<_, DossierError, _>("dossier_list", move |tx| {
                let mut pages = Vec::with_capacity(parties.len());
                for party in &parties {
                    let one = DossierFilter {
                        party: *party,
                        ..filter.clone()
                    };
                    pages.push(tx.dossier_list(&one)?);
                }
                let rows = merge(pages, &order, limit);
                let ids: Vec<_> = rows.rows.iter().map(|row| row.id).collect();
                let summaries = tx.dossier_summaries(&ids)?;
                Ok((rows, summaries))
            })
            .await?;
        let summaries = self.opened(summaries)?;
        let mut page = DossierPage {
            rows: Vec::with_capacity(rows.rows.len()),
            next: rows.next.and_then(DossierCursor::of),
        };
        for row in rows.rows {
            let summary = summaries.get(&row.id).cloned().unwrap_or_default();
            page.rows.push(DossierRow {
                id: row.id,
                code: code_of(&row)?,
                procedure_name: summary.procedure,
                applicant: summary.applicant,
                handling_unit: summary.unit,
                status: row.status,
                owner: self.shown(row.owner),
                handling: row.handling.map(|unit| self.shown(unit)),
                clock: timing_of(&row).clock(self.calendar(), row.status, now),
                received_at: row.received_at,
                version: row.version,
                updated_at: row.updated_at,
                procedure: row.procedure,
                field: row.field,
            });
        }
        Ok(page)
    }

    /// Open dossiers by unit, sector and age.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`] for another organisation's.
    pub async fn ageing(
        &self,
        actor: &Actor,
        query: AgeingQuery,
    ) -> Result<Vec<AgeingRow>, DossierError> {
        let units = units_of(self.scope(actor, query.org)?);
        let filter = AgeingFilter {
            units,
            field: query.field,
        };
        let now = self.now();
        let bounds = AgeingBounds {
            clock: clock::bounds(self.calendar(), now),
            late: LATE_DAYS.map(|days| clock::working_days_before(self.calendar(), now, days)),
        };
        let counted = self
            .exchange()
            .inner
            .db
            .read::<_, DossierError, _>("dossier_ageing", move |tx| {
                Ok(tx.dossier_ageing(&filter, &bounds)?)
            })
            .await?;
        let mut by_unit: BTreeMap<(OrgId, String), Vec<rows::AgeingRow>> = BTreeMap::new();
        for row in counted {
            let rows = by_unit.entry((row.unit, row.field.clone())).or_default();
            rows.push(row);
        }
        Ok(by_unit
            .into_iter()
            .map(|((unit, field), rows)| self.ageing_row(unit, field, &rows))
            .collect())
    }

    fn ageing_row(&self, unit: OrgId, field: String, counted: &[rows::AgeingRow]) -> AgeingRow {
        let mut row = AgeingRow {
            org: self.shown(unit),
            field,
            on_time: 0,
            due: 0,
            overdue_short: 0,
            overdue_middle: 0,
            overdue_long: 0,
            stopped: 0,
            stuck_status: None,
            earliest_due_at: None,
        };
        let mut most = 0;
        for one in counted {
            if clock::pauses(one.status) {
                row.stopped += one.open;
                continue;
            }
            let [short, middle, long] = one.overdue;
            row.on_time += one.on_time;
            row.due += one.due;
            row.overdue_short += short;
            row.overdue_middle += middle;
            row.overdue_long += long;
            if short + middle + long > most {
                most = short + middle + long;
                row.stuck_status = Some(one.status);
            }
            row.earliest_due_at = match (row.earliest_due_at, one.earliest_due_at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        row
    }

    /// How many dossiers are open, and how they stand.
    ///
    /// # Errors
    /// As [`Dossiers::ageing`].
    pub async fn counts(&self, actor: &Actor) -> Result<DossierCounts, DossierError> {
        let units = units_of(self.scope(actor, None)?);
        let filter = AgeingFilter { units, field: None };
        let now = self.now();
        let bounds = AgeingBounds {
            clock: clock::bounds(self.calendar(), now),
            late: [now; 2],
        };
        let counted = self
            .exchange()
            .inner
            .db
            .read::<_, DossierError, _>("dossier_counts", move |tx| {
                Ok(tx.dossier_ageing(&filter, &bounds)?)
            })
            .await?;
        let mut counts = DossierCounts::default();
        let mut by_status: BTreeMap<DossierStatus, u64> = BTreeMap::new();
        for row in counted {
            counts.open += row.open;
            *by_status.entry(row.status).or_default() += row.open;
            if clock::pauses(row.status) {
                counts.stopped += row.open;
            } else {
                counts.on_time += row.on_time;
                counts.due += row.due;
                counts.overdue += row.overdue.iter().sum::<u64>();
            }
        }
        counts.by_status = by_status.into_iter().collect();
        Ok(counts)
    }

    /// The organisations whose dossiers are listed: the actor's own, or the one that is named; `None` stands for all.
    fn scope(
        &self,
        actor: &Actor,
        named: Option<OrgId>,
    ) -> Result<Vec<Option<OrgId>>, DossierError> {
        match (self.viewer(actor)?, named) {
            (Viewer::All, _) if !actor.may(Permission::DossierReadAll) => {
                Err(DossierError::Forbidden)
            }
            (Viewer::All, named) => Ok(vec![named]),
            (Viewer::Party(own), None) => Ok(own.into_iter().map(Some).collect()),
            (Viewer::Party(own), Some(org)) if own.contains(&org) => Ok(vec![Some(org)]),
            (Viewer::Party(_), Some(_)) => Err(DossierError::Forbidden),
        }
    }

    fn opened(
        &self,
        summaries: Vec<DossierSummary>,
    ) -> Result<BTreeMap<lgsp_base::id::DossierId, Summary>, DossierError> {
        if summaries.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ring = self.keys()?;
        let mut opened = BTreeMap::new();
        for summary in summaries {
            let key = sealing::open_key(ring, summary.dossier, &summary.key)?;
            let place = Place::Summary(summary.dossier);
            let text = sealing::open_json(&key, place, &summary.sealed)?;
            opened.insert(summary.dossier, text);
        }
        Ok(opened)
    }
}

/// The units of a scope; none: all of them.
fn units_of(scope: Vec<Option<OrgId>>) -> Option<Vec<OrgId>> {
    scope.into_iter().collect()
}

/// The order of a list and where it goes on.
fn order_of(query: &DossierQuery) -> Result<DossierOrder, DossierError> {
    let other_list = || {
        let problem = kinds::INPUT_INVALID.problem();
        DossierError::Invalid(problem.breaks("page_token", rules::PAGE_TOKEN.plain()))
    };
    if let Some(prefix) = &query.text {
        let after = match &query.cursor {
            None => None,
            Some(DossierCursor::Code(code)) => Some(code.clone()),
            Some(_) => return Err(other_list()),
        };
        return Ok(DossierOrder::Code {
            prefix: prefix.trim().to_ascii_uppercase(),
            after,
        });
    }
    match (&query.cursor, query.by_due) {
        (None, false) => Ok(DossierOrder::Newest(None)),
        (None, true) => Ok(DossierOrder::Due(None)),
        (Some(DossierCursor::Newest(place)), false) => Ok(DossierOrder::Newest(Some(*place))),
        (Some(DossierCursor::Due(place)), true) => Ok(DossierOrder::Due(Some(*place))),
        (Some(_), _) => Err(other_list()),
    }
}
