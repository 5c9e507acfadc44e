//! Import of directories and of their changes from CSV, whole or not at all.
//!
//! The header line says what a file is. A file that was imported before changes nothing, so pressing twice is safe; a row that contradicts
//! what is recorded is a problem of its line, and a file with a problem changes nothing either.
//!
//! - Organisations: `code_qd20, name, kind, level` and, when known, `code_qcvn102, parent_code_qd20, admin_unit_code, province, code_is_official`.
//!   Parents stand in the registry or anywhere in the same file.
//! - Successions: `predecessor_code_qd20, successor_code_qd20, kind, effective_date` and, when known, `legal_basis, note, predecessor_name,
//!   successor_name`. Rows are applied by date, whatever their order in the file.

mod organisations;
mod reader;
mod successions;

use lgsp_base::Entropy;
use lgsp_base::limits;
use lgsp_base::problem::{Problem, kinds};
use lgsp_base::time::Timestamp;
use serde::Serialize;

use crate::directory::Directory;
use crate::draft::{Changes, Draft};
use crate::error::EventRule;

pub use reader::{Table, parse};

/// Warnings listed in a report.
const WARNINGS_MAX: usize = 50;
/// Rows after which progress is told again.
const PROGRESS_ROWS: usize = 1_000;

/// How a file is to be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Since when the organisations of the file exist; `None` is the beginning of time. Successions carry their own dates.
    pub effective: Option<Timestamp>,
    /// True to check and count without storing.
    pub is_dry_run: bool,
}

/// What a file is, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportKind {
    /// A directory of organisations.
    Organisations,
    /// Mergers, renamings, transfers and dissolutions.
    Successions,
}

/// What an import did, or would have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// What the file is; `None` when its header is not known.
    pub kind: Option<ImportKind>,
    /// Rows behind the header.
    pub rows: usize,
    /// Rows that began an organisation.
    pub created: usize,
    /// Rows that changed something recorded.
    pub changed: usize,
    /// Rows that say what is recorded already.
    pub unchanged: usize,
    /// Events recorded.
    pub events: usize,
    /// True if nothing was to be stored.
    pub is_dry_run: bool,
    /// What is wrong, by line; at most [`limits::IMPORT_PROBLEMS_MAX`] are listed.
    pub problems: Vec<LineProblem>,
    /// How many problems there are.
    pub problem_count: usize,
    /// What is odd and was taken all the same, by line; at most 50 are listed.
    pub warnings: Vec<LineProblem>,
}

/// Something about one line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineProblem {
    /// Line of the file, counted from 1, the header included.
    pub line: u64,
    /// Name of the column; empty when the whole line is meant.
    pub column: String,
    /// Which rule, a stable word.
    pub rule: &'static str,
    /// What is wrong, in Vietnamese.
    pub message_vi: String,
    /// What is wrong, in English.
    pub message_en: String,
}

impl LineProblem {
    pub(crate) fn new(
        line: u64,
        column: &str,
        rule: &'static str,
        message_vi: impl Into<String>,
        message_en: impl Into<String>,
    ) -> Self {
        Self {
            line,
            column: column.to_owned(),
            rule,
            message_vi: message_vi.into(),
            message_en: message_en.into(),
        }
    }

    pub(crate) fn of_rule(line: u64, column: &str, rule: &EventRule) -> Self {
        Self::new(
            line,
            column,
            rule.name(),
            rule.message_vi(),
            rule.to_string(),
        )
    }
}

impl ImportReport {
    fn new(is_dry_run: bool) -> Self {
        Self {
            kind: None,
            rows: 0,
            created: 0,
            changed: 0,
            unchanged: 0,
            events: 0,
            is_dry_run,
            problems: Vec::new(),
            problem_count: 0,
            warnings: Vec::new(),
        }
    }

    /// True if the file has no problem.
    pub fn is_accepted(&self) -> bool {
        self.problem_count == 0
    }

    /// The problem of a refused file, with its lines.
    pub fn to_problem(&self) -> Option<Problem> {
        if self.is_accepted() {
            return None;
        }
        let mut problem = kinds::IMPORT_INVALID.with(format!("{} problems", self.problem_count));
        for item in &self.problems {
            let place = if item.column.is_empty() {
                format!("line {}", item.line)
            } else {
                format!("line {} {}", item.line, item.column)
            };
            problem = problem.at(place, item.rule, &item.message_vi);
        }
        Some(problem)
    }

    pub(crate) fn problem(&mut self, problem: LineProblem) {
        self.problem_count += 1;
        if self.problems.len() < limits::IMPORT_PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    pub(crate) fn warn(&mut self, warning: LineProblem) {
        if self.warnings.len() < WARNINGS_MAX {
            self.warnings.push(warning);
        }
    }
}

/// Told now and then how many rows are done, out of how many.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// Works out what a file would change; pure. Without a problem in the report the changes may be stored.
pub fn plan(
    directory: &Directory,
    bytes: &[u8],
    options: ImportOptions,
    now: Timestamp,
    entropy: &dyn Entropy,
    progress: Progress<'_>,
) -> (ImportReport, Changes) {
    let mut report = ImportReport::new(options.is_dry_run);
    let table = match parse(bytes) {
        Ok(table) => table,
        Err(problem) => {
            report.problem(problem);
            return (report, Changes::default());
        }
    };
    report.kind = Some(table.kind());
    report.rows = table.len();
    for problem in table.problems() {
        report.problem(problem.clone());
    }
    let mut draft = Draft::new(directory, now, entropy);
    match table.kind() {
        ImportKind::Organisations => {
            let effective = options.effective.unwrap_or(Timestamp::BEGINNING);
            organisations::apply(&table, effective, &mut draft, &mut report, progress);
        }
        ImportKind::Successions => {
            successions::apply(&table, directory, &mut draft, &mut report, progress);
        }
    }
    if !report.is_accepted() {
        report.created = 0;
        report.changed = 0;
        return (report, Changes::default());
    }
    report.events = draft.event_count();
    (report, draft.into_changes())
}
