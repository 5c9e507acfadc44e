//! Finding documents: by words, parties, kind, outcome and time, newest first.
//!
//! The search index answers in the order of leaves and stops at the end of a page, however many documents a word has.
//! Outcomes change and stand in the rows; the unfinished ones have an index of their own.

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, OrgId};

use super::model::{Outcome, Recipient, Transaction};
use super::project::{TRANSACTION_COLUMNS, transaction_columns, transaction_row};
use crate::dialect;
use crate::exchange::DocumentKind;
use crate::{Engine, Param, Row, StoreError, Tx, params};

/// Matches of a text up to which an unfinished outcome is looked for among them; beyond, the text is looked for among
/// the unfinished.
const RARE_MATCHES_MAX: usize = 2_000;
/// Recipients that come with a row.
const RECIPIENTS_SHOWN: usize = 3;

/// On which side an organisation takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// As the sender.
    Sender,
    /// As a recipient.
    Recipient,
    /// As either.
    Either,
}

/// Which words are wanted. Words are folded: letters and digits of any script, no spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// This word.
    Word(String),
    /// A word that begins so.
    Prefix(String),
    /// All of these.
    All(Vec<Match>),
    /// One of these.
    Any(Vec<Match>),
}

/// Which documents are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// This one only.
    pub document: Option<DocumentId>,
    /// With these words.
    pub text: Option<Match>,
    /// Only where one organisation of each list takes part; an empty list matches nothing.
    pub parties: Vec<Vec<(Side, OrgId)>>,
    /// Only these kinds; empty: all.
    pub kinds: Vec<DocumentKind>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only accepted at or after this time.
    pub from: Option<Timestamp>,
    /// Only accepted before this time.
    pub to: Option<Timestamp>,
    /// Only older than this leaf.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRow {
    /// Its transaction.
    pub transaction: Transaction,
    /// The sender's code as the message names it.
    pub sender_code: String,
    /// The sender's own id.
    pub external_id: Option<String>,
    /// Number and notation.
    pub notation: Option<String>,
    /// Trích yếu.
    pub subject: Option<String>,
    /// Kind in words: `Công văn`.
    pub type_name: Option<String>,
    /// Date of issue as the message writes it.
    pub issued_on: Option<String>,
    /// The first few recipients.
    pub recipients: Vec<Recipient>,
}

/// The word under which the search index knows that an organisation takes part; nothing a person types gives it.
pub fn party_word(side: Side, org: OrgId) -> String {
    let id = org.to_string();
    let id = id.strip_prefix("org_").unwrap_or(&id);
    match side {
        Side::Recipient => format!("_r{id}"),
        Side::Sender | Side::Either => format!("_s{id}"),
    }
}

/// The word under which the search index knows a kind.
pub fn kind_word(kind: DocumentKind) -> String {
    format!("_k{}", kind.name())
}

impl Match {
    /// The expression for an engine; none if there is nothing in it.
    fn render(&self, engine: Engine) -> Option<String> {
        let joined = |parts: &[Match], between: &str| {
            let parts: Vec<String> = parts
                .iter()
                .filter_map(|part| part.render(engine))
                .collect();
            (!parts.is_empty()).then(|| format!("({})", parts.join(between)))
        };
        match self {
            Match::Word(word) => Some(dialect::search_word(engine, word, false)),
            Match::Prefix(word) => Some(dialect::search_word(engine, word, true)),
            Match::All(parts) => joined(parts, dialect::search_and(engine)),
            Match::Any(parts) => joined(parts, dialect::search_or(engine)),
        }
    }
}

impl Search {
    /// Text, parties and kinds as one expression over the search index.
    fn expression(&self, engine: Engine) -> Option<String> {
        let parties = self.parties.iter().map(|list| {
            Match::Any(
                list.iter()
                    .flat_map(|(side, org)| {
                        match side {
                            Side::Either => vec![Side::Sender, Side::Recipient],
                            side => vec![*side],
                        }
                        .into_iter()
                        .map(|side| Match::Word(party_word(side, *org)))
                    })
                    .collect(),
            )
        });
        let kinds = Match::Any(
            self.kinds
                .iter()
                .map(|kind| Match::Word(kind_word(*kind)))
                .collect(),
        );
        Match::All(
            self.text
                .iter()
                .cloned()
                .chain(parties)
                .chain([kinds])
                .collect(),
        )
        .render(engine)
    }
}

/// A statement that grows, with its parameters.
struct Statement<'a> {
    sql: String,
    params: Vec<Param<'a>>,
}

impl<'a> Statement<'a> {
    fn new(head: &str) -> Self {
        Self {
            sql: head.to_owned(),
            params: Vec::new(),
        }
    }

    fn param(&mut self, value: impl Into<Param<'a>>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    /// Adds a condition in which `$?` stands for the value.
    fn when(&mut self, condition: &str, value: impl Into<Param<'a>>) {
        let name = self.param(value);
        self.sql.push_str(" AND ");
        self.sql.push_str(&condition.replace("$?", &name));
    }

    fn words(&mut self, wanted: &Match) {
        let condition = self.condition(wanted);
        self.sql.push_str(" AND ");
        self.sql.push_str(&condition);
    }

    /// The words as a condition on a row, for rows that were not found by the search index.
    fn condition(&mut self, wanted: &Match) -> String {
        match wanted {
            Match::Word(word) => {
                let name = self.param(format!("% {word} %"));
                format!("t.words LIKE {name}")
            }
            Match::Prefix(word) => {
                let name = self.param(format!("% {word}%"));
                format!("t.words LIKE {name}")
            }
            Match::All(parts) => self.conditions(parts, " AND ", "1 = 1"),
            Match::Any(parts) => self.conditions(parts, " OR ", "1 = 0"),
        }
    }

    fn conditions(&mut self, parts: &[Match], between: &str, empty: &str) -> String {
        if parts.is_empty() {
            return empty.to_owned();
        }
        let parts: Vec<String> = parts.iter().map(|part| self.condition(part)).collect();
        format!("({})", parts.join(between))
    }

    fn parties(&mut self, list: &[(Side, OrgId)]) {
        let mut parts = Vec::with_capacity(list.len());
        for (side, org) in list {
            let name = self.param(*org);
            if matches!(side, Side::Sender | Side::Either) {
                parts.push(format!("t.sender_org_id = {name}"));
            }
            if matches!(side, Side::Recipient | Side::Either) {
                parts.push(format!(
                    "EXISTS (SELECT 1 FROM insight_recipients r WHERE r.leaf = t.leaf AND r.org_id = {name})"
                ));
            }
        }
        self.sql.push_str(" AND (");
        self.sql.push_str(&parts.join(" OR "));
        self.sql.push(')');
    }

    fn kinds(&mut self, kinds: &[DocumentKind]) {
        if !kinds.is_empty() {
            let words: Vec<String> = kinds
                .iter()
                .map(|kind| format!("'{}'", kind.name()))
                .collect();
            self.sql
                .push_str(&format!(" AND t.kind IN ({})", words.join(", ")));
        }
    }

    /// What stands in the rows and not in the search index.
    fn outcome_and_time(&mut self, search: &Search) {
        if let Some(outcome) = search.outcome {
            self.when("t.outcome = $?", outcome.name());
        }
        if let Some(from) = search.from {
            self.when("t.first_at >= $?", from);
        }
        if let Some(to) = search.to {
            self.when("t.first_at < $?", to);
        }
    }

    fn page(&mut self, leaf: &str, limit: usize) {
        let name = self.param(limit);
        self.sql
            .push_str(&format!(" ORDER BY {leaf} DESC LIMIT {name}"));
    }
}

/// Leaves between which a page is looked for: from the first, before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: u64,
    before: u64,
}

const FACTS: &str = "d.sender_code, d.external_id, d.notation, d.subject, d.type_name, d.issued_on";

fn found_row(row: &Row<'_>) -> Result<FoundRow, StoreError> {
    Ok(FoundRow {
        transaction: transaction_row(row)?,
        sender_code: row.text(TRANSACTION_COLUMNS)?,
        external_id: row.opt_text(TRANSACTION_COLUMNS + 1)?,
        notation: row.opt_text(TRANSACTION_COLUMNS + 2)?,
        subject: row.opt_text(TRANSACTION_COLUMNS + 3)?,
        type_name: row.opt_text(TRANSACTION_COLUMNS + 4)?,
        issued_on: row.opt_text(TRANSACTION_COLUMNS + 5)?,
        recipients: Vec::new(),
    })
}

impl Tx<'_> {
    /// A page of documents, newest first.
    pub fn insight_search(&mut self, search: &Search) -> Result<Vec<FoundRow>, StoreError> {
        let Some(statement) = self.insight_statement(search)? else {
            return Ok(Vec::new());
        };
        self.insight_found(&statement)
    }

    /// How SQLite would run a search, step by step; for tests.
    pub fn insight_search_plan(&mut self, search: &Search) -> Result<Vec<String>, StoreError> {
        let Some(mut statement) = self.insight_statement(search)? else {
            return Ok(Vec::new());
        };
        statement.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
        self.query_dyn(&statement.sql, &statement.params, |row| row.text(3))
    }

    /// The same page as [`Tx::insight_search`] without the help of the search index, row by row: what the index is compared with.
    pub fn insight_search_by_rows(&mut self, search: &Search) -> Result<Vec<FoundRow>, StoreError> {
        match self.insight_span(search)? {
            Some(span) => self.insight_found(&by_rows(search, span)),
            None => Ok(Vec::new()),
        }
    }

    /// The statement for a search; none if nothing can be found.
    fn insight_statement(
        &mut self,
        search: &Search,
    ) -> Result<Option<Statement<'static>>, StoreError> {
        if search.limit == 0 || search.parties.iter().any(Vec::is_empty) {
            return Ok(None);
        }
        let Some(span) = self.insight_span(search)? else {
            return Ok(None);
        };
        let engine = self.engine();
        let expression = match search.document {
            Some(_) => None,
            None => search.expression(engine),
        };
        let is_unfinished = search
            .outcome
            .is_some_and(|outcome| outcome != Outcome::Done);
        Ok(Some(match expression {
            Some(expression) if !is_unfinished || self.insight_is_rare(&expression, span)? => {
                by_index(engine, search, expression, span)
            }
            _ => by_rows(search, span),
        }))
    }

    fn insight_found(&mut self, statement: &Statement<'_>) -> Result<Vec<FoundRow>, StoreError> {
        let mut rows = self.query_dyn(&statement.sql, &statement.params, found_row)?;
        for row in &mut rows {
            row.recipients = self.insight_recipients(row.transaction.leaf, RECIPIENTS_SHOWN)?;
        }
        Ok(rows)
    }

    /// The leaves of the wanted time; none if nothing was accepted then.
    fn insight_span(&mut self, search: &Search) -> Result<Option<Span>, StoreError> {
        let mut span = Span {
            from: 0,
            before: search.before.unwrap_or(i64::MAX.unsigned_abs()),
        };
        if search.from.is_some() || search.to.is_some() {
            let first = search.from.map_or(i64::MIN, hour_of);
            let last = search.to.map_or(i64::MAX, hour_of);
            let (from, to) = self.query_one(
                "SELECT MIN(first_leaf), MAX(last_leaf) FROM insight_hours WHERE hour >= $1 AND hour <= $2",
                params![first, last],
                |row| Ok((row.opt_int(0)?, row.opt_int(1)?)),
            )?;
            let (Some(from), Some(to)) = (from, to) else {
                return Ok(None);
            };
            span.from = from.unsigned_abs();
            span.before = span.before.min(to.unsigned_abs() + 1);
        }
        Ok((span.from < span.before).then_some(span))
    }

    /// True if an expression has so few matches that all of them can be looked at.
    fn insight_is_rare(&mut self, expression: &str, span: Span) -> Result<bool, StoreError> {
        let engine = self.engine();
        let leaf = dialect::search_leaf(engine);
        let mut counting = Statement::new(&format!(
            "SELECT COUNT(*) FROM (SELECT {leaf} FROM insight_search s WHERE 1 = 1"
        ));
        counting.when(dialect::search_matches(engine), expression);
        counting.when(&format!("{leaf} >= $?"), span.from);
        counting.when(&format!("{leaf} < $?"), span.before);
        counting.page(leaf, RARE_MATCHES_MAX + 1);
        counting.sql.push_str(") few");
        let counts = self.query_dyn(&counting.sql, &counting.params, |row| row.int(0))?;
        let few = i64::try_from(RARE_MATCHES_MAX).unwrap_or(i64::MAX);
        Ok(counts.first().is_some_and(|count| *count <= few))
    }
}

/// Walks the search index. SQLite keeps the order of a cross join, so that the index is walked and the rest looked up.
fn by_index(engine: Engine, search: &Search, expression: String, span: Span) -> Statement<'static> {
    let leaf = dialect::search_leaf(engine);
    let mut statement = Statement::new(&format!(
        "SELECT {}, {FACTS} FROM insight_search s CROSS JOIN insight_transactions t CROSS JOIN documents d
         WHERE t.leaf = {leaf} AND d.id = t.document_id",
        transaction_columns!()
    ));
    statement.when(dialect::search_matches(engine), expression);
    statement.when(&format!("{leaf} >= $?"), span.from);
    statement.when(&format!("{leaf} < $?"), span.before);
    statement.outcome_and_time(search);
    statement.page(leaf, search.limit);
    statement
}

/// Walks the transactions themselves, or the unfinished ones of them.
fn by_rows(search: &Search, span: Span) -> Statement<'static> {
    let mut statement = Statement::new(&format!(
        "SELECT {}, {FACTS} FROM insight_transactions t CROSS JOIN documents d WHERE d.id = t.document_id",
        transaction_columns!()
    ));
    if search
        .outcome
        .is_some_and(|outcome| outcome != Outcome::Done)
    {
        // Says to both engines that the index of the unfinished is enough.
        statement.sql.push_str(" AND t.outcome <> 'done'");
    }
    if let Some(document) = search.document {
        statement.when("t.document_id = $?", document);
    }
    statement.when("t.leaf >= $?", span.from);
    statement.when("t.leaf < $?", span.before);
    statement.outcome_and_time(search);
    statement.kinds(&search.kinds);
    for list in &search.parties {
        statement.parties(list);
    }
    if let Some(text) = &search.text {
        statement.words(text);
    }
    statement.page("t.leaf", search.limit);
    statement
}

/// Microseconds of an hour.
const HOUR_MICROS: i64 = 3_600_000_000;

/// The hour of an instant: whole hours since 1970 UTC.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(HOUR_MICROS)
}
