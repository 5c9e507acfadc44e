//! Rows of mergers, renamings, transfers and dissolutions.

use std::collections::BTreeMap;

use lgsp_base::id::OrgId;
use lgsp_base::org_code::Scheme;
use lgsp_base::time::Timestamp;

use super::reader::{Fields, Table};
use super::{ImportReport, LineProblem, PROGRESS_ROWS, Progress};
use crate::directory::Directory;
use crate::draft::{Draft, Occasion};
use crate::error::EventRule;
use crate::model::{EventKind, Organisation, SuccessionKind};

/// A row that was understood.
struct Row<'a> {
    fields: Fields<'a>,
    predecessor: OrgId,
    successor: Option<OrgId>,
    kind: SuccessionKind,
    effective_at: Timestamp,
}

impl Row<'_> {
    fn is_new_name_only(&self) -> bool {
        self.kind == SuccessionKind::Rename && self.successor == Some(self.predecessor)
    }

    fn occasion(&self) -> Occasion {
        Occasion {
            effective_at: self.effective_at,
            decision: self.fields.opt("legal_basis").map(str::to_owned),
            note: self.fields.opt("note").map(str::to_owned),
        }
    }
}

struct Importer<'d, 'b, 'r> {
    draft: &'d mut Draft<'b>,
    report: &'r mut ImportReport,
}

/// Applies all rows, by date. On one date: new names, then endings, then transfers, because a transfer of everything is told from a transfer
/// of something by whether the organisations above end on that date too.
pub(super) fn apply(
    table: &Table,
    directory: &Directory,
    draft: &mut Draft<'_>,
    report: &mut ImportReport,
    progress: Progress<'_>,
) {
    let mut by_date: BTreeMap<Timestamp, Vec<Row<'_>>> = BTreeMap::new();
    for fields in table.lines() {
        match read_row(fields, draft) {
            Ok(row) => by_date.entry(row.effective_at).or_default().push(row),
            Err(problem) => report.problem(problem),
        }
    }
    let mut importer = Importer { draft, report };
    let mut done = 0;
    let mut told = 0;
    for (date, rows) in &by_date {
        for row in rows.iter().filter(|row| row.is_new_name_only()) {
            importer.rename(row);
        }
        for group in groups(rows, |row| {
            row.kind.ends_predecessor() && !row.is_new_name_only()
        }) {
            importer.end(&group);
        }
        let transfers = groups(rows, |row| row.kind == SuccessionKind::Transfer);
        importer.transfers(&transfers, directory, *date);
        done += rows.len();
        if done >= told + PROGRESS_ROWS {
            told = done;
            progress(done, table.len());
        }
    }
    progress(table.len(), table.len());
}

/// Rows of one predecessor and one kind that belong together, in the order of the file.
fn groups<'r, 'a>(
    rows: &'r [Row<'a>],
    is_wanted: impl Fn(&Row<'a>) -> bool,
) -> Vec<Vec<&'r Row<'a>>> {
    let mut order: Vec<Vec<&Row<'_>>> = Vec::new();
    let mut places: BTreeMap<(OrgId, SuccessionKind), usize> = BTreeMap::new();
    for row in rows.iter().filter(|row| is_wanted(row)) {
        let place = *places
            .entry((row.predecessor, row.kind))
            .or_insert_with(|| {
                order.push(Vec::new());
                order.len() - 1
            });
        if let Some(group) = order.get_mut(place) {
            group.push(row);
        }
    }
    order
}

fn read_row<'a>(fields: Fields<'a>, draft: &Draft<'_>) -> Result<Row<'a>, LineProblem> {
    let line = fields.number();
    let kind = fields.get("kind");
    let kind = SuccessionKind::from_name(kind).ok_or_else(|| {
        LineProblem::new(
            line,
            "kind",
            "kind",
            "loại phải là merge, rename, split, transfer hoặc dissolve",
            "the kind must be merge, rename, split, transfer or dissolve",
        )
    })?;
    let effective_at =
        Timestamp::from_civil_date(fields.get("effective_date")).ok_or_else(|| {
            LineProblem::new(
                line,
                "effective_date",
                "date",
                "ngày phải có dạng 2025-07-01",
                "the date must have the form 2025-07-01",
            )
        })?;
    let predecessor = known(fields, draft, "predecessor_code_qd20")?;
    let missing = |column| {
        LineProblem::new(
            line,
            column,
            "required",
            "giá trị bắt buộc",
            "a value is required",
        )
    };
    let predecessor = predecessor.ok_or_else(|| missing("predecessor_code_qd20"))?;
    let successor = known(fields, draft, "successor_code_qd20")?;
    match (kind, successor) {
        (SuccessionKind::Dissolve, Some(_)) => Err(LineProblem::new(
            line,
            "successor_code_qd20",
            "not_empty",
            "đơn vị giải thể không có đơn vị kế thừa",
            "a dissolved organisation has no successor",
        )),
        (SuccessionKind::Rename | SuccessionKind::Split | SuccessionKind::Transfer, None) => {
            Err(missing("successor_code_qd20"))
        }
        _ => Ok(Row {
            fields,
            predecessor,
            successor,
            kind,
            effective_at,
        }),
    }
}

fn known(
    fields: Fields<'_>,
    draft: &Draft<'_>,
    column: &'static str,
) -> Result<Option<OrgId>, LineProblem> {
    let Some(code) = fields.opt(column) else {
        return Ok(None);
    };
    let found = lgsp_base::org_code::key(code).ok().and_then(|key| {
        Scheme::ADDRESSABLE
            .into_iter()
            .find_map(|scheme| draft.by_key(scheme, &key))
    });
    found.map(Some).ok_or_else(|| {
        let rule = EventRule::Unknown(code.chars().take(64).collect());
        LineProblem::of_rule(fields.number(), column, &rule)
    })
}

impl Importer<'_, '_, '_> {
    fn rename(&mut self, row: &Row<'_>) {
        let line = row.fields.number();
        let Some(name) = row.fields.opt("successor_name") else {
            self.report.problem(LineProblem::of_rule(
                line,
                "successor_name",
                &EventRule::NameEmpty,
            ));
            return;
        };
        let name = lgsp_base::vi::nfc(name);
        let is_known = self.draft.organisation(row.predecessor).is_some_and(|org| {
            org.periods
                .iter()
                .any(|period| period.from == row.effective_at && period.name == name)
        });
        if is_known {
            self.report.unchanged += 1;
            return;
        }
        let event = self
            .draft
            .event(EventKind::Rename, &row.occasion(), detail(&[row]));
        match self
            .draft
            .rename(row.predecessor, &name, row.effective_at, event)
        {
            Ok(()) => self.report.changed += 1,
            Err(rule) => self.refuse(&[row], &rule),
        }
    }

    /// Applies the endings of one predecessor; all rows of the group have one kind and date.
    fn end(&mut self, group: &[&Row<'_>]) {
        let Some(first) = group.first() else { return };
        let new: Vec<&Row<'_>> = group
            .iter()
            .copied()
            .filter(|row| !self.is_recorded(row))
            .collect();
        self.report.unchanged += group.len() - new.len();
        if new.is_empty() {
            return;
        }
        let kind = match first.kind {
            SuccessionKind::Dissolve => EventKind::Dissolve,
            SuccessionKind::Split => EventKind::Split,
            SuccessionKind::Rename => EventKind::Rename,
            SuccessionKind::Merge | SuccessionKind::Transfer => EventKind::Merge,
        };
        let event = self.draft.event(kind, &first.occasion(), detail(&new));
        let successors = distinct(new.iter().map(|row| row.successor));
        let result = self.draft.succeed(
            first.predecessor,
            &successors,
            first.kind,
            &first.occasion(),
            event,
        );
        match result {
            Ok(()) => self.report.changed += new.len(),
            Err(rule) => self.refuse(&new, &rule),
        }
    }

    /// Transfers of one date. Where everything was divided the predecessor ends; that may in turn end what is below it.
    fn transfers(&mut self, groups: &[Vec<&Row<'_>>], directory: &Directory, date: Timestamp) {
        let mut open: Vec<(OrgId, &[&Row<'_>])> = groups
            .iter()
            .filter_map(|group| Some((group.first()?.predecessor, group.as_slice())))
            .collect();
        for edge in directory.iter_successions() {
            let is_other = !open.iter().any(|(id, _)| *id == edge.predecessor);
            if edge.kind == SuccessionKind::Transfer && edge.effective_at == date && is_other {
                open.push((edge.predecessor, &[]));
            }
        }
        loop {
            let (ended, rest): (Vec<_>, Vec<_>) = open
                .into_iter()
                .partition(|(id, rows)| self.is_divided(*id, rows, date));
            let is_final = ended.is_empty();
            for (id, rows) in ended {
                self.divide(id, rows, date);
            }
            open = rest;
            if is_final {
                break;
            }
        }
        for (id, rows) in open {
            self.transfer(id, rows);
        }
    }

    /// True for an organisation whose tasks went to several others on the day on which what stood above it ended.
    fn is_divided(&self, id: OrgId, rows: &[&Row<'_>], date: Timestamp) -> bool {
        let is_alive = self
            .draft
            .organisation(id)
            .is_some_and(|org| Organisation::ended_at(org).is_none());
        is_alive
            && self.takers(id, rows, date).len() > 1
            && self.draft.has_ending_ancestor(id, date)
    }

    /// Everybody who took something over from the organisation on that date.
    fn takers(&self, id: OrgId, rows: &[&Row<'_>], date: Timestamp) -> Vec<Option<OrgId>> {
        let recorded = self
            .draft
            .successions_of(id)
            .filter(|edge| edge.effective_at == date && edge.kind == SuccessionKind::Transfer)
            .map(|edge| edge.successor);
        distinct(rows.iter().map(|row| row.successor).chain(recorded))
    }

    fn divide(&mut self, id: OrgId, rows: &[&Row<'_>], date: Timestamp) {
        let takers = self.takers(id, rows, date);
        let occasion = rows.first().map_or(
            Occasion {
                effective_at: date,
                ..Occasion::default()
            },
            |row| row.occasion(),
        );
        let event = self.draft.event(EventKind::Split, &occasion, detail(rows));
        match self
            .draft
            .succeed(id, &takers, SuccessionKind::Split, &occasion, event)
        {
            Ok(()) => self.report.changed += rows.len(),
            Err(rule) => self.refuse(rows, &rule),
        }
    }

    fn transfer(&mut self, id: OrgId, rows: &[&Row<'_>]) {
        let new: Vec<&Row<'_>> = rows
            .iter()
            .copied()
            .filter(|row| !self.is_recorded(row))
            .collect();
        self.report.unchanged += rows.len() - new.len();
        // Each part has its own note, so each row is an event of its own.
        for row in new {
            if self.is_recorded(row) {
                self.report.unchanged += 1;
                continue;
            }
            let occasion = row.occasion();
            let event = self
                .draft
                .event(EventKind::Transfer, &occasion, detail(&[row]));
            match self.draft.succeed(
                id,
                &[row.successor],
                SuccessionKind::Transfer,
                &occasion,
                event,
            ) {
                Ok(()) => self.report.changed += 1,
                Err(rule) => self.refuse(&[row], &rule),
            }
        }
    }

    fn is_recorded(&self, row: &Row<'_>) -> bool {
        self.draft.successions_of(row.predecessor).any(|edge| {
            let is_same_kind = edge.kind == row.kind
                || (row.kind == SuccessionKind::Transfer && edge.kind == SuccessionKind::Split);
            is_same_kind && edge.successor == row.successor && edge.effective_at == row.effective_at
        })
    }

    fn refuse(&mut self, rows: &[&Row<'_>], rule: &EventRule) {
        let line = rows.first().map_or(0, |row| row.fields.number());
        let column = match rule {
            EventRule::NameEmpty | EventRule::NameForm | EventRule::NoChange => "successor_name",
            EventRule::BeforeBeginning(_) => "effective_date",
            _ => "",
        };
        self.report
            .problem(LineProblem::of_rule(line, column, rule));
    }
}

fn distinct(successors: impl Iterator<Item = Option<OrgId>>) -> Vec<Option<OrgId>> {
    let mut list: Vec<Option<OrgId>> = Vec::new();
    for successor in successors {
        if !list.contains(&successor) {
            list.push(successor);
        }
    }
    list
}

fn detail(rows: &[&Row<'_>]) -> serde_json::Value {
    let lines: Vec<u64> = rows.iter().map(|row| row.fields.number()).collect();
    serde_json::json!({ "lines": lines })
}
