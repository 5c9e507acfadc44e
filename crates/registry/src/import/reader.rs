//! Bytes of a CSV file to lines of named fields, under limits and without knowledge of the registry.

use lgsp_base::limits;

use super::{ImportKind, LineProblem};

/// The first three bytes of UTF-8 files that come from spreadsheets.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Columns of one file.
const COLUMNS_MAX: usize = 64;

const ORGANISATION_COLUMNS: [&str; 4] = ["code_qd20", "name", "kind", "level"];
const SUCCESSION_COLUMNS: [&str; 4] = [
    "predecessor_code_qd20",
    "successor_code_qd20",
    "kind",
    "effective_date",
];

/// A file that was read: its kind, and its lines.
#[derive(Debug, Clone)]
pub struct Table {
    kind: ImportKind,
    columns: Vec<String>,
    lines: Vec<Line>,
    problems: Vec<LineProblem>,
}

#[derive(Debug, Clone)]
struct Line {
    number: u64,
    record: csv::StringRecord,
}

/// One line with its field names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    table: &'a Table,
    line: &'a Line,
}

impl Table {
    /// What the file is.
    pub fn kind(&self) -> ImportKind {
        self.kind
    }

    /// Lines behind the header.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Lines whose number of fields does not fit the header.
    pub fn problems(&self) -> &[LineProblem] {
        &self.problems
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = Fields<'_>> {
        self.lines.iter().map(|line| Fields { table: self, line })
    }
}

impl<'a> Fields<'a> {
    /// Line of the file.
    pub(crate) fn number(self) -> u64 {
        self.line.number
    }

    /// The trimmed value of a column; empty when the file has no such column or the line ends before it.
    pub(crate) fn get(self, column: &str) -> &'a str {
        self.table
            .columns
            .iter()
            .position(|known| known == column)
            .and_then(|index| self.line.record.get(index))
            .map_or("", str::trim)
    }

    /// True if the file says anything about this column.
    pub(crate) fn has(self, column: &str) -> bool {
        self.table.columns.iter().any(|known| known == column)
    }

    /// The value of a column as [`Fields::get`] gives it, `None` when empty.
    pub(crate) fn opt(self, column: &str) -> Option<&'a str> {
        Some(self.get(column)).filter(|value| !value.is_empty())
    }
}

/// Reads a CSV file: UTF-8 with or without byte order mark, line ends of any kind, `,`, `;` or tab between fields.
///
/// # Errors
/// The first problem that makes the whole file unreadable: size, encoding, header.
pub fn parse(bytes: &[u8]) -> Result<Table, LineProblem> {
    if bytes.len() > limits::IMPORT_BYTES_MAX {
        return Err(LineProblem::new(
            0,
            "",
            "too_large",
            format!("tệp lớn hơn {} byte", limits::IMPORT_BYTES_MAX),
            format!("the file is larger than {} bytes", limits::IMPORT_BYTES_MAX),
        ));
    }
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or(&[]);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        LineProblem::new(
            line as u64,
            "",
            "encoding",
            "tệp không phải UTF-8 (có thể là TCVN3, VNI hoặc Windows-1258)",
            "the file is not UTF-8 (maybe TCVN3, VNI or Windows-1258)",
        )
    })?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter_of(text))
        .flexible(true)
        .has_headers(true)
        .from_reader(text.as_bytes());
    let columns: Vec<String> = reader
        .headers()
        .map(|header| {
            header
                .iter()
                .map(|name| name.trim().to_ascii_lowercase())
                .collect()
        })
        .unwrap_or_default();
    let kind = kind_of(&columns)?;
    let mut table = Table {
        kind,
        columns,
        lines: Vec::new(),
        problems: Vec::new(),
    };
    read_lines(reader, &mut table)?;
    Ok(table)
}

fn read_lines(mut reader: csv::Reader<&[u8]>, table: &mut Table) -> Result<(), LineProblem> {
    for record in reader.records() {
        // The text is UTF-8 and lines may have any length, so only an unusable position could be reported here.
        let Ok(record) = record else { break };
        let number = record.position().map_or(0, csv::Position::line);
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        if table.lines.len() >= limits::IMPORT_ROWS_MAX {
            return Err(LineProblem::new(
                number,
                "",
                "too_many_rows",
                format!("tệp có hơn {} dòng", limits::IMPORT_ROWS_MAX),
                format!("the file has more than {} rows", limits::IMPORT_ROWS_MAX),
            ));
        }
        if record.len() > table.columns.len() && table.problems.len() < limits::IMPORT_PROBLEMS_MAX
        {
            table.problems.push(LineProblem::new(
                number,
                "",
                "columns",
                format!(
                    "dòng có {} cột, tiêu đề có {}; đặt giá trị chứa dấu phân cách trong dấu \"",
                    record.len(),
                    table.columns.len()
                ),
                format!(
                    "the line has {} fields, the header {}; put values with separators into quotes",
                    record.len(),
                    table.columns.len()
                ),
            ));
        }
        table.lines.push(Line { number, record });
    }
    Ok(())
}

fn delimiter_of(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or("");
    [b',', b';', b'\t']
        .into_iter()
        .rev()
        .max_by_key(|delimiter| header.bytes().filter(|byte| byte == delimiter).count())
        .unwrap_or(b',')
}

fn kind_of(columns: &[String]) -> Result<ImportKind, LineProblem> {
    let has = |name: &&str| columns.iter().any(|column| column == *name);
    let invalid = |rule, vi: String, en: String| Err(LineProblem::new(1, "", rule, vi, en));
    if columns.len() > COLUMNS_MAX {
        return invalid(
            "header",
            format!("tiêu đề có hơn {COLUMNS_MAX} cột"),
            format!("the header has more than {COLUMNS_MAX} columns"),
        );
    }
    let mut sorted: Vec<&String> = columns.iter().filter(|name| !name.is_empty()).collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair.first() == pair.last()) {
        let name = twice.first().map_or("", |name| name.as_str());
        return invalid(
            "header",
            format!("cột {name} xuất hiện hai lần"),
            format!("column {name} appears twice"),
        );
    }
    for (kind, wanted) in [
        (ImportKind::Successions, SUCCESSION_COLUMNS),
        (ImportKind::Organisations, ORGANISATION_COLUMNS),
    ] {
        let missing: Vec<&str> = wanted.iter().filter(|name| !has(name)).copied().collect();
        if missing.is_empty() {
            return Ok(kind);
        }
        if wanted.first().is_some_and(has) {
            return invalid(
                "header",
                format!("thiếu cột {}", missing.join(", ")),
                format!("missing columns: {}", missing.join(", ")),
            );
        }
    }
    invalid(
        "header",
        format!(
            "tiêu đề phải có các cột {} hoặc {}",
            ORGANISATION_COLUMNS.join(", "),
            SUCCESSION_COLUMNS.join(", ")
        ),
        format!(
            "the header must have the columns {} or {}",
            ORGANISATION_COLUMNS.join(", "),
            SUCCESSION_COLUMNS.join(", ")
        ),
    )
}
