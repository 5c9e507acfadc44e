//! Organisations, their periods and codes, and the events and successions that changed them.
//!
//! Whole directories are written at once, so the writing methods take many rows and send them in statements of many rows each.

use lgsp_base::id::{OrgEventId, OrgId};
use lgsp_base::time::Timestamp;

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;
use crate::value::Param;

/// Rows of one statement; with at most eleven columns far below the 32,766 parameters of SQLite.
const ROWS_PER_STATEMENT: usize = 128;

/// A row of `organisations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationRow {
    /// Primary key.
    pub id: OrgId,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// A row of `organisation_periods`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodRow {
    /// Whose period.
    pub org_id: OrgId,
    /// First instant.
    pub from_at: Timestamp,
    /// First instant after it.
    pub to_at: Option<Timestamp>,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// Level.
    pub level: u32,
    /// Organisation above.
    pub parent_id: Option<OrgId>,
    /// Administrative unit.
    pub admin_unit_code: Option<String>,
    /// Province.
    pub province: Option<String>,
    /// The event that began it.
    pub event_id: OrgEventId,
}

/// A row of `organisation_codes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRow {
    /// Scheme, by its stable word.
    pub scheme: &'static str,
    /// As it is matched.
    pub code_key: String,
    /// As it was given.
    pub code: String,
    /// Whose code.
    pub org_id: OrgId,
    /// Valid from.
    pub from_at: Timestamp,
    /// Closed at.
    pub to_at: Option<Timestamp>,
    /// False for a made-up code.
    pub is_official: bool,
    /// The decision behind it.
    pub legal_basis: Option<String>,
    /// The event that gave it.
    pub event_id: OrgEventId,
}

/// A row of `organisation_events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Primary key.
    pub id: OrgEventId,
    /// What happened, a stable word.
    pub kind: &'static str,
    /// Since when it holds.
    pub effective_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Number of the decision.
    pub decision: Option<String>,
    /// Remark.
    pub note: Option<String>,
    /// Who recorded it.
    pub actor: String,
    /// Particulars as JSON.
    pub detail: String,
}

/// A row of `organisation_successions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessionRow {
    /// The event it belongs to.
    pub event_id: OrgEventId,
    /// Who gave.
    pub predecessor_id: OrgId,
    /// Who took.
    pub successor_id: Option<OrgId>,
    /// How, a stable word.
    pub kind: String,
    /// Since when.
    pub effective_at: Timestamp,
    /// Remark.
    pub note: Option<String>,
}

/// A code as it was read: the scheme is text there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCode {
    /// Scheme, by its stable word.
    pub scheme: String,
    /// The other columns.
    pub code_key: String,
    /// As it was given.
    pub code: String,
    /// Whose code.
    pub org_id: OrgId,
    /// Valid from.
    pub from_at: Timestamp,
    /// Closed at.
    pub to_at: Option<Timestamp>,
    /// False for a made-up code.
    pub is_official: bool,
    /// The decision behind it.
    pub legal_basis: Option<String>,
    /// The event that gave it.
    pub event_id: OrgEventId,
}

impl Tx<'_> {
    /// Adds organisations.
    pub fn organisation_insert_all(&mut self, rows: &[OrganisationRow]) -> Result<(), StoreError> {
        self.put_all(
            "INSERT INTO organisations (id, created_at) VALUES ",
            2,
            "",
            rows,
            |row, out| out.extend([row.id.into(), row.created_at.into()]),
        )
    }

    /// Writes periods as they are now to be: a period with the same organisation and beginning is replaced.
    pub fn organisation_period_put_all(&mut self, rows: &[PeriodRow]) -> Result<(), StoreError> {
        self.put_all(
            "INSERT INTO organisation_periods (org_id, from_at, to_at, name, kind, level, parent_id, \
             admin_unit_code, province, event_id) VALUES ",
            10,
            " ON CONFLICT (org_id, from_at) DO UPDATE SET to_at = excluded.to_at, name = excluded.name, \
             kind = excluded.kind, level = excluded.level, parent_id = excluded.parent_id, \
             admin_unit_code = excluded.admin_unit_code, province = excluded.province",
            rows,
            |row, out| {
                out.extend([
                    row.org_id.into(),
                    row.from_at.into(),
                    row.to_at.into(),
                    (&row.name).into(),
                    (&row.kind).into(),
                    row.level.into(),
                    row.parent_id.into(),
                    (&row.admin_unit_code).into(),
                    (&row.province).into(),
                    row.event_id.into(),
                ]);
            },
        )
    }

    /// Writes codes; a known code of the same organisation only gets its end.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when a code belongs to another organisation.
    pub fn organisation_code_put_all(&mut self, rows: &[CodeRow]) -> Result<(), StoreError> {
        self.put_all(
            "INSERT INTO organisation_codes (scheme, code_key, code, org_id, from_at, to_at, is_official, \
             legal_basis, event_id) VALUES ",
            9,
            " ON CONFLICT (scheme, code_key) DO UPDATE SET to_at = excluded.to_at \
             WHERE organisation_codes.org_id = excluded.org_id",
            rows,
            |row, out| {
                out.extend([
                    row.scheme.into(),
                    (&row.code_key).into(),
                    (&row.code).into(),
                    row.org_id.into(),
                    row.from_at.into(),
                    row.to_at.into(),
                    row.is_official.into(),
                    (&row.legal_basis).into(),
                    row.event_id.into(),
                ]);
            },
        )
    }

    /// Adds events.
    pub fn organisation_event_insert_all(&mut self, rows: &[EventRow]) -> Result<(), StoreError> {
        self.put_all(
            "INSERT INTO organisation_events (id, kind, effective_at, recorded_at, decision, note, actor, detail) \
             VALUES ",
            8,
            "",
            rows,
            |row, out| {
                out.extend([
                    row.id.into(),
                    row.kind.into(),
                    row.effective_at.into(),
                    row.recorded_at.into(),
                    (&row.decision).into(),
                    (&row.note).into(),
                    (&row.actor).into(),
                    (&row.detail).into(),
                ]);
            },
        )
    }

    /// Adds edges of the succession graph.
    pub fn organisation_succession_insert_all(
        &mut self,
        rows: &[SuccessionRow],
    ) -> Result<(), StoreError> {
        self.put_all(
            "INSERT INTO organisation_successions (event_id, predecessor_id, successor_id, kind, effective_at, note) \
             VALUES ",
            6,
            "",
            rows,
            |row, out| {
                out.extend([
                    row.event_id.into(),
                    row.predecessor_id.into(),
                    // The column is part of the key and therefore never NULL: empty says "nobody known".
                    row.successor_id
                        .map_or(Param::Text(""), |successor| successor.into()),
                    (&row.kind).into(),
                    row.effective_at.into(),
                    (&row.note).into(),
                ]);
            },
        )
    }

    /// Every organisation.
    pub fn organisation_list(&mut self) -> Result<Vec<OrganisationRow>, StoreError> {
        self.query(
            "SELECT id, created_at FROM organisations ORDER BY id",
            params![],
            |row| {
                Ok(OrganisationRow {
                    id: row.id(0)?,
                    created_at: row.time(1)?,
                })
            },
        )
    }

    /// Every period, by organisation and beginning.
    pub fn organisation_period_list(&mut self) -> Result<Vec<PeriodRow>, StoreError> {
        self.query(
            "SELECT org_id, from_at, to_at, name, kind, level, parent_id, admin_unit_code, province, event_id \
             FROM organisation_periods ORDER BY org_id, from_at",
            params![],
            |row| {
                Ok(PeriodRow {
                    org_id: row.id(0)?,
                    from_at: row.time(1)?,
                    to_at: row.opt_time(2)?,
                    name: row.text(3)?,
                    kind: row.text(4)?,
                    level: u32::try_from(row.int(5)?)
                        .map_err(|_| StoreError::corrupt("level of an organisation"))?,
                    parent_id: row.opt_id(6)?,
                    admin_unit_code: row.opt_text(7)?,
                    province: row.opt_text(8)?,
                    event_id: row.id(9)?,
                })
            },
        )
    }

    /// Every code, by organisation and beginning.
    pub fn organisation_code_list(&mut self) -> Result<Vec<StoredCode>, StoreError> {
        self.query(
            "SELECT scheme, code_key, code, org_id, from_at, to_at, is_official, legal_basis, event_id \
             FROM organisation_codes ORDER BY org_id, from_at, scheme, code_key",
            params![],
            |row| {
                Ok(StoredCode {
                    scheme: row.text(0)?,
                    code_key: row.text(1)?,
                    code: row.text(2)?,
                    org_id: row.id(3)?,
                    from_at: row.time(4)?,
                    to_at: row.opt_time(5)?,
                    is_official: row.flag(6)?,
                    legal_basis: row.opt_text(7)?,
                    event_id: row.id(8)?,
                })
            },
        )
    }

    /// Every edge of the succession graph, by event.
    pub fn organisation_succession_list(&mut self) -> Result<Vec<SuccessionRow>, StoreError> {
        self.query(
            "SELECT event_id, predecessor_id, successor_id, kind, effective_at, note \
             FROM organisation_successions ORDER BY event_id, predecessor_id, successor_id",
            params![],
            |row| {
                let successor = row.text(2)?;
                Ok(SuccessionRow {
                    event_id: row.id(0)?,
                    predecessor_id: row.id(1)?,
                    successor_id: if successor.is_empty() {
                        None
                    } else {
                        Some(row.id(2)?)
                    },
                    kind: row.text(3)?,
                    effective_at: row.time(4)?,
                    note: row.opt_text(5)?,
                })
            },
        )
    }

    /// Sends rows in as few statements as the parameter limit allows. `head` ends with `VALUES `, `tail` may hold a conflict
    /// clause; a row that the clause leaves out is a violated rule.
    fn put_all<'r, T>(
        &mut self,
        head: &'static str,
        columns: usize,
        tail: &'static str,
        rows: &'r [T],
        fill: impl Fn(&'r T, &mut Vec<Param<'r>>),
    ) -> Result<(), StoreError> {
        let mut sql = String::new();
        let mut sql_rows = 0;
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            if sql_rows != chunk.len() {
                sql = values_statement(head, columns, chunk.len(), tail);
                sql_rows = chunk.len();
            }
            let mut values = Vec::with_capacity(columns * chunk.len());
            for row in chunk {
                fill(row, &mut values);
            }
            let written = self.execute_dyn(&sql, &values)?;
            if written != chunk.len() as u64 {
                return Err(StoreError::Constraint {
                    detail: "organisation_codes (scheme, code_key)".to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn values_statement(head: &str, columns: usize, rows: usize, tail: &str) -> String {
    use std::fmt::Write;
    let mut sql = String::with_capacity(head.len() + tail.len() + rows * columns * 7);
    sql.push_str(head);
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let separator = if column == 0 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(sql, "{separator}${}", row * columns + column + 1);
        }
        sql.push(')');
    }
    sql.push_str(tail);
    sql
}
