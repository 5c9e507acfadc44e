//! Pages: the inbox of a recipient, what a sender sent, deliveries in trouble.

use lgsp_base::id::{DeliveryId, DocumentId, OrgId};
use lgsp_base::{Sha256, Timestamp};

use super::deliveries::{delivery_columns, delivery_row};
use super::documents::{document_columns, document_row, word};
use super::model::{Delivery, DeliveryState, Document, DocumentKind};
use crate::{Param, Row, StoreError, Tx, params};

/// Which open deliveries of one recipient are wanted.
#[derive(Debug, Clone, Copy)]
pub struct InboxWanted<'a> {
    /// The recipient.
    pub recipient: OrgId,
    /// Only these kinds; empty: all.
    pub kinds: &'a [DocumentKind],
    /// Only behind this place.
    pub after: Option<(i64, DeliveryId)>,
    /// Only made at or after this time.
    pub from: Option<Timestamp>,
    /// Only made before this time.
    pub to: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// A delivery in an inbox, with what the list shows of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRow {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The document.
    pub document: DocumentId,
    /// The sender.
    pub sender_org: OrgId,
    /// The sender's code as the message names it.
    pub sender_code: String,
    /// The recipient's code.
    pub recipient_code: String,
    /// What it is.
    pub kind: DocumentKind,
    /// 0 new, 1 recall, 2 update, 3 replace.
    pub business_type: Option<u8>,
    /// The sender's own id.
    pub external_id: Option<String>,
    /// Number and notation.
    pub notation: Option<String>,
    /// Trích yếu.
    pub subject: Option<String>,
    /// Number within the pair.
    pub seq: i64,
    /// Place in the inbox.
    pub position: i64,
    /// Times it was handed over so far.
    pub attempts: i64,
    /// Bytes of the content.
    pub content_bytes: u64,
    /// Digest of the content.
    pub content_sha256: Sha256,
    /// Media type.
    pub content_type: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was handed over last.
    pub offered_at: Option<Timestamp>,
}

/// Which documents are wanted.
#[derive(Debug, Clone, Default)]
pub struct DocumentFilter {
    /// Only of this sender; none: of all.
    pub sender: Option<OrgId>,
    /// Only for this recipient; none: for all.
    pub recipient: Option<OrgId>,
    /// Only these kinds; empty: all.
    pub kinds: Vec<DocumentKind>,
    /// Only with this id of the sender's.
    pub external_id: Option<String>,
    /// Only with this folded text in the subject.
    pub subject_folded: Option<String>,
    /// Only accepted at or after this time.
    pub from: Option<Timestamp>,
    /// Only accepted before this time.
    pub to: Option<Timestamp>,
    /// Only older than this one.
    pub before: Option<DocumentId>,
    /// At most so many.
    pub limit: usize,
}

/// A document with its deliveries, for the list of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRow {
    /// The document.
    pub document: Document,
    /// Its deliveries.
    pub deliveries: Vec<Delivery>,
}

/// Which deliveries are wanted.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// In this state; none: in trouble (parked, dead, expired).
    pub state: Option<DeliveryState>,
    /// Only where this organisation is sender or recipient; none: all.
    pub party: Option<OrgId>,
    /// Only for this recipient; none: for all.
    pub recipient: Option<OrgId>,
    /// Only with this cause; empty stands for none.
    pub cause: Option<String>,
    /// Only older than this one.
    pub before: Option<DeliveryId>,
    /// At most so many.
    pub limit: usize,
}

/// A condition list with its parameters.
pub(crate) struct Conditions<'a> {
    pub(crate) sql: String,
    pub(crate) params: Vec<Param<'a>>,
}

impl<'a> Conditions<'a> {
    pub(crate) fn new(select: &str) -> Self {
        Self {
            sql: select.to_owned(),
            params: Vec::new(),
        }
    }

    /// Adds a parameter and gives its name.
    pub(crate) fn param(&mut self, value: impl Into<Param<'a>>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    /// Adds ids and gives their names, to stand between the brackets of an `IN`; the name of nothing for an empty list.
    pub(crate) fn list(&mut self, orgs: &[OrgId]) -> String {
        if orgs.is_empty() {
            return "NULL".to_owned();
        }
        let names: Vec<String> = orgs.iter().map(|org| self.param(*org)).collect();
        names.join(", ")
    }

    fn kinds(&mut self, column: &str, kinds: &[DocumentKind]) {
        if !kinds.is_empty() {
            let words: Vec<String> = kinds
                .iter()
                .map(|kind| format!("'{}'", kind.name()))
                .collect();
            self.sql
                .push_str(&format!(" AND {column} IN ({})", words.join(", ")));
        }
    }

    pub(crate) fn when<T: Into<Param<'a>>>(&mut self, condition: &str, value: Option<T>) {
        if let Some(value) = value {
            let name = self.param(value);
            self.sql.push_str(&condition.replace("$?", &name));
        }
    }
}

fn inbox_row(row: &Row<'_>) -> Result<InboxRow, StoreError> {
    Ok(InboxRow {
        delivery: row.id(0)?,
        document: row.id(1)?,
        sender_org: row.id(2)?,
        sender_code: row.text(3)?,
        recipient_code: row.text(4)?,
        kind: word(row, 5)?,
        business_type: row.opt_int(6)?.and_then(|value| u8::try_from(value).ok()),
        external_id: row.opt_text(7)?,
        notation: row.opt_text(8)?,
        subject: row.opt_text(9)?,
        seq: row.int(10)?,
        position: row.int(11)?,
        attempts: row.int(12)?,
        content_bytes: u64::try_from(row.int(13)?).unwrap_or(0),
        content_sha256: row.sha256(14)?,
        content_type: row.text(15)?,
        created_at: row.time(16)?,
        offered_at: row.opt_time(17)?,
    })
}

impl Tx<'_> {
    /// A page of a recipient's open deliveries in their order.
    pub fn inbox_list(&mut self, wanted: &InboxWanted<'_>) -> Result<Vec<InboxRow>, StoreError> {
        let mut page = Conditions::new(
            "SELECT v.id, v.document_id, v.sender_org_id, d.sender_code, v.recipient_code, v.kind, \
             d.business_type, d.external_id, d.notation, d.subject, v.seq, v.position, v.attempts, \
             d.content_bytes, d.content_sha256, d.content_type, v.created_at, v.offered_at \
             FROM deliveries v JOIN documents d ON d.id = v.document_id WHERE v.is_open = 1",
        );
        page.when(" AND v.recipient_org_id = $?", Some(wanted.recipient));
        page.kinds("v.kind", wanted.kinds);
        if let Some((position, id)) = wanted.after {
            let place = page.param(position);
            let id = page.param(id);
            page.sql.push_str(&format!(
                " AND (v.position > {place} OR (v.position = {place} AND v.id > {id}))"
            ));
        }
        page.when(" AND v.created_at >= $?", wanted.from);
        page.when(" AND v.created_at < $?", wanted.to);
        let limit = page.param(wanted.limit);
        page.sql
            .push_str(&format!(" ORDER BY v.position, v.id LIMIT {limit}"));
        self.query_dyn(&page.sql, &page.params, inbox_row)
    }

    /// A page of documents, newest first.
    pub fn document_list(&mut self, filter: &DocumentFilter) -> Result<Vec<Document>, StoreError> {
        let mut page = Conditions::new(concat!(
            "SELECT ",
            document_columns!(),
            " FROM documents d WHERE 1 = 1"
        ));
        page.when(" AND d.sender_org_id = $?", filter.sender);
        if let Some(recipient) = filter.recipient {
            let name = page.param(recipient);
            page.sql.push_str(&format!(
                " AND d.id IN (SELECT v.document_id FROM deliveries v WHERE v.recipient_org_id = {name} AND v.is_open = 0 \
                 UNION ALL SELECT v.document_id FROM deliveries v WHERE v.recipient_org_id = {name} AND v.is_open = 1)"
            ));
        }
        page.kinds("d.kind", &filter.kinds);
        page.when(" AND d.external_id = $?", filter.external_id.as_deref());
        page.when(
            " AND d.subject_folded LIKE $? ESCAPE '\\'",
            filter.subject_folded.as_deref().map(like_pattern),
        );
        page.when(" AND d.accepted_at >= $?", filter.from);
        page.when(" AND d.accepted_at < $?", filter.to);
        page.when(" AND d.id < $?", filter.before);
        let limit = page.param(filter.limit);
        page.sql
            .push_str(&format!(" ORDER BY d.id DESC LIMIT {limit}"));
        self.query_dyn(&page.sql, &page.params, document_row)
    }

    /// A page of deliveries, newest first.
    pub fn delivery_list(&mut self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        let mut page = Conditions::new(concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM deliveries v WHERE "
        ));
        match filter.state {
            Some(state) => {
                let name = page.param(state.name());
                page.sql.push_str(&format!("v.state = {name}"));
                if state.is_open() {
                    page.sql.push_str(" AND v.is_open = 1");
                } else if !matches!(state, DeliveryState::Delivered | DeliveryState::Cancelled) {
                    page.sql.push_str(
                        " AND (v.state = 'parked' OR v.state = 'dead' OR v.state = 'expired')",
                    );
                }
            }
            None => page
                .sql
                .push_str("(v.state = 'parked' OR v.state = 'dead' OR v.state = 'expired')"),
        }
        if let Some(party) = filter.party {
            let name = page.param(party);
            page.sql.push_str(&format!(
                " AND (v.sender_org_id = {name} OR v.recipient_org_id = {name})"
            ));
        }
        page.when(" AND v.recipient_org_id = $?", filter.recipient);
        page.when(" AND COALESCE(v.cause, '') = $?", filter.cause.as_deref());
        page.when(" AND v.id < $?", filter.before);
        let limit = page.param(filter.limit);
        page.sql
            .push_str(&format!(" ORDER BY v.id DESC LIMIT {limit}"));
        self.query_dyn(&page.sql, &page.params, delivery_row)
    }

    /// How many deliveries are open, parked and dead, for metrics.
    pub fn delivery_count_by_state(&mut self) -> Result<Vec<(DeliveryState, u64)>, StoreError> {
        let mut counts = self.query(
            "SELECT state, COUNT(*) FROM deliveries WHERE is_open = 1 GROUP BY state",
            params![],
            |row| Ok((word(row, 0)?, u64::try_from(row.int(1)?).unwrap_or(0))),
        )?;
        counts.extend(self.query(
            "SELECT state, COUNT(*) FROM deliveries WHERE state = 'parked' OR state = 'dead' OR state = 'expired' GROUP BY state",
            params![],
            |row| Ok((word(row, 0)?, u64::try_from(row.int(1)?).unwrap_or(0))),
        )?);
        Ok(counts)
    }
}

/// A LIKE pattern that finds the text anywhere; its own wildcards are escaped.
pub(crate) fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
