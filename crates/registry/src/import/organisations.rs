//! Rows of a directory of organisations.

use std::collections::HashMap;

use lgsp_base::id::{OrgEventId, OrgId};
use lgsp_base::org_code::{self, Scheme};
use lgsp_base::time::Timestamp;
use lgsp_base::vi;

use super::reader::{Fields, Table};
use super::{ImportReport, LineProblem, PROGRESS_ROWS, Progress};
use crate::draft::{Draft, NewCode, NewOrganisation, Occasion, Strictness};
use crate::error::EventRule;
use crate::model::{EventKind, Organisation};

/// A row that was understood.
struct Row<'a> {
    fields: Fields<'a>,
    key: String,
    parent_key: Option<String>,
    has_official: bool,
    new: NewOrganisation,
}

/// Where the walk to the parents stands with a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progressed {
    No,
    Started,
    Done,
}

struct Importer<'d, 'b, 'r> {
    draft: &'d mut Draft<'b>,
    report: &'r mut ImportReport,
    effective: Timestamp,
    created_by: Option<OrgEventId>,
    described_by: Option<OrgEventId>,
}

/// Applies all rows, parents before children.
pub(super) fn apply(
    table: &Table,
    effective: Timestamp,
    draft: &mut Draft<'_>,
    report: &mut ImportReport,
    progress: Progress<'_>,
) {
    let rows = read_rows(table, report);
    let by_key: HashMap<&str, usize> = rows
        .iter()
        .enumerate()
        .rev()
        .map(|(index, row)| (row.key.as_str(), index))
        .collect();
    let mut importer = Importer {
        draft,
        report,
        effective,
        created_by: None,
        described_by: None,
    };
    let mut states = vec![Progressed::No; rows.len()];
    let mut done = 0;
    for start in 0..rows.len() {
        let mut stack = vec![start];
        while let Some(index) = stack.last().copied() {
            let (Some(row), Some(state)) = (rows.get(index), states.get_mut(index)) else {
                break;
            };
            if *state == Progressed::Done {
                stack.pop();
                continue;
            }
            let is_second_visit = *state == Progressed::Started;
            *state = Progressed::Started;
            let parent = row.parent_key.as_deref().and_then(|key| by_key.get(key));
            if let Some(parent) = parent.filter(|_| !is_second_visit) {
                match states.get(*parent) {
                    Some(Progressed::No) => {
                        stack.push(*parent);
                        continue;
                    }
                    Some(Progressed::Started) => {
                        let rule = EventRule::Cycle(row.key.clone());
                        importer.report.problem(LineProblem::of_rule(
                            row.fields.number(),
                            "parent_code_qd20",
                            &rule,
                        ));
                    }
                    _ => {}
                }
            }
            if by_key.get(row.key.as_str()) == Some(&index) {
                importer.row(row);
            } else {
                importer.report.problem(LineProblem::new(
                    row.fields.number(),
                    "code_qd20",
                    "duplicate",
                    format!("mã {} đã có ở dòng trên", row.key),
                    format!("code {} stands on an earlier line", row.key),
                ));
            }
            if let Some(state) = states.get_mut(index) {
                *state = Progressed::Done;
            }
            stack.pop();
            done += 1;
            if done % PROGRESS_ROWS == 0 {
                progress(done, rows.len());
            }
        }
    }
    progress(rows.len(), rows.len());
}

fn read_rows<'a>(table: &'a Table, report: &mut ImportReport) -> Vec<Row<'a>> {
    let mut rows = Vec::with_capacity(table.len());
    for fields in table.lines() {
        match read_row(fields) {
            Ok(row) => rows.push(row),
            Err(problem) => report.problem(problem),
        }
    }
    rows
}

fn read_row(fields: Fields<'_>) -> Result<Row<'_>, LineProblem> {
    let line = fields.number();
    let code = fields.get("code_qd20");
    let key = org_code::key(code).map_err(|cause| {
        let rule = EventRule::Code {
            scheme: Scheme::Qd20,
            code: code.chars().take(64).collect(),
            cause,
        };
        LineProblem::of_rule(line, "code_qd20", &rule)
    })?;
    let level = fields
        .get("level")
        .parse::<u32>()
        .map_err(|_| LineProblem::of_rule(line, "level", &EventRule::Level))?;
    let official = fields.opt("code_is_official");
    let is_official = match official.map(str::to_lowercase).as_deref() {
        None | Some("true" | "1" | "x" | "có") => true,
        Some("false" | "0" | "không") => false,
        Some(_) => {
            return Err(LineProblem::new(
                line,
                "code_is_official",
                "boolean",
                "giá trị phải là true hoặc false",
                "the value must be true or false",
            ));
        }
    };
    let mut codes = vec![NewCode {
        scheme: Scheme::Qd20,
        code: code.to_owned(),
        is_official,
        legal_basis: None,
    }];
    if let Some(old) = fields.opt("code_qcvn102") {
        codes.push(NewCode {
            scheme: Scheme::Qcvn102,
            code: old.to_owned(),
            is_official,
            legal_basis: None,
        });
    }
    Ok(Row {
        fields,
        key,
        parent_key: fields
            .opt("parent_code_qd20")
            .and_then(|parent| org_code::key(parent).ok()),
        has_official: official.is_some(),
        new: NewOrganisation {
            name: vi::nfc(fields.get("name")),
            kind: fields.get("kind").to_owned(),
            level,
            parent: None,
            admin_unit_code: fields.opt("admin_unit_code").map(str::to_owned),
            province: fields.opt("province").map(vi::nfc),
            codes,
        },
    })
}

impl Importer<'_, '_, '_> {
    fn row(&mut self, row: &Row<'_>) {
        let line = row.fields.number();
        let mut new = row.new.clone();
        if let Some(parent) = row.fields.opt("parent_code_qd20") {
            let known = row
                .parent_key
                .as_deref()
                .and_then(|key| self.draft.by_key(Scheme::Qd20, key));
            if known.is_none() {
                let rule = EventRule::Unknown(parent.chars().take(64).collect());
                self.report
                    .problem(LineProblem::of_rule(line, "parent_code_qd20", &rule));
                return;
            }
            new.parent = known;
        }
        match self.draft.by_key(Scheme::Qd20, &row.key) {
            Some(id) => self.known(row, &new, id),
            None => self.create(row, &new),
        }
    }

    fn create(&mut self, row: &Row<'_>, new: &NewOrganisation) {
        let line = row.fields.number();
        // An empty kind means "not yet described", which a directory must not claim.
        if new.kind.is_empty() {
            self.report
                .problem(LineProblem::of_rule(line, "kind", &EventRule::Kind));
            return;
        }
        if !org_code::is_qd20(&row.key) && !org_code::is_registration_number(&row.key) {
            self.report.warn(LineProblem::new(
                line,
                "code_qd20",
                "irregular",
                "mã không theo QĐ 20/2020/QĐ-TTg; vẫn nhận",
                "the code does not follow Decision 20/2020; it was taken all the same",
            ));
        }
        let event = self.event_of(EventKind::Create);
        match self
            .draft
            .create(new, self.effective, event, Strictness::Foreign)
        {
            Ok(_) => self.report.created += 1,
            Err(rule) => self.refuse(line, &rule),
        }
    }

    /// The code is known: the row repeats what is recorded, adds to it, or contradicts it.
    fn known(&mut self, row: &Row<'_>, new: &NewOrganisation, id: OrgId) {
        let line = row.fields.number();
        let Some(org) = self.draft.organisation(id) else {
            return;
        };
        let mut said = new.clone();
        if !row.fields.has("parent_code_qd20") {
            let begins_at = org.begins_at();
            let recorded = org.period_near(self.effective.max(begins_at));
            said.parent = recorded.and_then(|period| period.parent);
        }
        let new = &said;
        let differences = differences(org, new, self.effective);
        if !differences.contradictions.is_empty() {
            for (column, recorded, given) in differences.contradictions {
                let given = given.unwrap_or_default();
                self.report.problem(LineProblem::new(
                    line,
                    column,
                    "differs",
                    format!(
                        "{} đã ghi nhận {column} là \"{recorded}\", dòng này ghi \"{given}\"",
                        row.key
                    ),
                    format!(
                        "{} is recorded with {column} \"{recorded}\", the line says \"{given}\"",
                        row.key
                    ),
                ));
            }
            return;
        }
        if row.has_official && differences.is_official_different {
            self.report.warn(LineProblem::new(
                line,
                "code_is_official",
                "differs",
                "khác với giá trị đã ghi nhận; giữ giá trị cũ",
                "differs from what is recorded, which was kept",
            ));
        }
        if !differences.is_addition && differences.missing_codes.is_empty() {
            self.report.unchanged += 1;
            return;
        }
        let begins_at = org.begins_at();
        let event = self.event_of(EventKind::Describe);
        let mut result = Ok(());
        if differences.is_addition {
            result = self.draft.describe(id, new);
        }
        for code in &differences.missing_codes {
            let at = self.effective.max(begins_at);
            result = result.and_then(|()| {
                self.draft
                    .add_code(id, code, at, event, Strictness::Foreign, false)
            });
        }
        match result {
            Ok(()) => self.report.changed += 1,
            Err(rule) => self.refuse(line, &rule),
        }
    }

    /// One event stands for all organisations that the file begins, one for all that it completes.
    fn event_of(&mut self, kind: EventKind) -> OrgEventId {
        let slot = match kind {
            EventKind::Create => &mut self.created_by,
            _ => &mut self.described_by,
        };
        *slot.get_or_insert_with(|| {
            let occasion = Occasion {
                effective_at: self.effective,
                ..Occasion::default()
            };
            self.draft.event(
                kind,
                &occasion,
                serde_json::json!({ "rows": self.report.rows }),
            )
        })
    }

    fn refuse(&mut self, line: u64, rule: &EventRule) {
        let column = match rule {
            EventRule::NameEmpty | EventRule::NameForm => "name",
            EventRule::Level => "level",
            EventRule::Kind => "kind",
            EventRule::NotActive(_) | EventRule::Cycle(_) => "parent_code_qd20",
            EventRule::CodeTaken(code) | EventRule::Code { code, .. } => {
                if org_code::is_qcvn102(code) {
                    "code_qcvn102"
                } else {
                    "code_qd20"
                }
            }
            _ => "",
        };
        self.report
            .problem(LineProblem::of_rule(line, column, rule));
    }
}

/// How a row differs from what is recorded.
#[derive(Default)]
struct Differences {
    /// Column, recorded value, value of the row.
    contradictions: Vec<(&'static str, String, Option<String>)>,
    /// The row fills something that was empty.
    is_addition: bool,
    missing_codes: Vec<NewCode>,
    is_official_different: bool,
}

fn differences(org: &Organisation, new: &NewOrganisation, effective: Timestamp) -> Differences {
    let mut found = Differences::default();
    let Some(period) = org.period_near(effective.max(org.begins_at())) else {
        return found;
    };
    if period.kind.is_empty() && !new.kind.is_empty() {
        found.is_addition = true;
    } else {
        let mut compare = |column, recorded: String, given: String| {
            if recorded != given {
                found.contradictions.push((column, recorded, Some(given)));
            }
        };
        compare("name", period.name.clone(), new.name.clone());
        compare("kind", period.kind.to_string(), new.kind.clone());
        compare("level", period.level.to_string(), new.level.to_string());
        if period.parent != new.parent {
            let text = |id: Option<OrgId>| id.map_or(String::new(), |id| id.to_string());
            compare("parent_code_qd20", text(period.parent), text(new.parent));
        }
    }
    let mut fill = |column, recorded: Option<&str>, given: Option<&str>| match (recorded, given) {
        (None, Some(_)) => found.is_addition = true,
        (Some(recorded), Some(given)) if recorded != given => {
            let contradiction = (column, recorded.to_owned(), Some(given.to_owned()));
            found.contradictions.push(contradiction);
        }
        _ => {}
    };
    fill(
        "admin_unit_code",
        period.admin_unit_code.as_deref(),
        new.admin_unit_code.as_deref(),
    );
    fill(
        "province",
        period.province.as_deref(),
        new.province.as_deref(),
    );
    for code in &new.codes {
        let key = org_code::key(&code.code).unwrap_or_default();
        match org
            .codes
            .iter()
            .find(|known| known.scheme == code.scheme && known.key == key)
        {
            Some(known) => found.is_official_different |= known.is_official != code.is_official,
            None => found.missing_codes.push(code.clone()),
        }
    }
    found
}
