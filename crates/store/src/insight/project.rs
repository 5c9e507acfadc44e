//! The projector's side: what it reads before it works on a batch, and what it writes with its cursor.

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, OrgId};

use super::model::{
    Agency, Counter, Cursor, DocumentFacts, HealthTick, Hour, Recipient, Transaction,
};
use crate::{Row, StoreError, Tx, dialect, params};

/// Everything that one batch changes.
#[derive(Debug, Clone, Default)]
pub struct Projected {
    /// Transactions, new or changed.
    pub transactions: Vec<Transaction>,
    /// Recipients with the leaf of their transaction, new or changed.
    pub recipients: Vec<(u64, Recipient)>,
    /// Words of new transactions, by leaf.
    pub words: Vec<(u64, String)>,
    /// Hours that got transactions.
    pub hours: Vec<Hour>,
    /// By how much counters change: count, bytes.
    pub counters: Vec<(Counter, i64, i64)>,
    /// Agencies, new or changed.
    pub agencies: Vec<Agency>,
    /// What strips gain.
    pub health: Vec<HealthTick>,
}

/// The columns that [`transaction_row`] reads, in its order.
macro_rules! transaction_columns {
    () => {
        "t.leaf, t.document_id, t.correlation_id, t.kind, t.business_type, t.sender_org_id, t.content_bytes, \
         t.recipients, t.waiting, t.done, t.troubled, t.cancelled, t.outcome, t.cause, t.next_try_at, t.first_at, \
         t.last_at, t.last_leaf, t.erased_at, t.words"
    };
}
pub(super) use transaction_columns;

/// How many columns those are.
pub(super) const TRANSACTION_COLUMNS: usize = 20;

fn count(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    Ok(u64::try_from(row.int(column)?).unwrap_or(0))
}

fn opt_leaf(row: &Row<'_>, column: usize) -> Result<Option<u64>, StoreError> {
    Ok(row
        .opt_int(column)?
        .and_then(|leaf| u64::try_from(leaf).ok()))
}

pub(super) fn transaction_row(row: &Row<'_>) -> Result<Transaction, StoreError> {
    Ok(Transaction {
        leaf: count(row, 0)?,
        document: row.id(1)?,
        correlation: row.id(2)?,
        kind: row.id(3)?,
        business_type: row.opt_int(4)?.and_then(|value| u8::try_from(value).ok()),
        sender: row.id(5)?,
        content_bytes: count(row, 6)?,
        recipients: count(row, 7)?,
        waiting: count(row, 8)?,
        done: count(row, 9)?,
        troubled: count(row, 10)?,
        cancelled: count(row, 11)?,
        outcome: row.id(12)?,
        cause: row.opt_text(13)?,
        next_try_at: row.opt_time(14)?,
        first_at: row.time(15)?,
        last_at: row.time(16)?,
        last_leaf: count(row, 17)?,
        erased_at: row.opt_time(18)?,
        words: row.text(19)?,
    })
}

fn recipient_row(row: &Row<'_>) -> Result<Recipient, StoreError> {
    Ok(Recipient {
        org: row.id(0)?,
        delivery: row.id(1)?,
        state: row.id(2)?,
        cause: row.opt_text(3)?,
        status_code: row.opt_text(4)?,
        attempts: count(row, 5)?,
        next_try_at: row.opt_time(6)?,
        since_at: row.time(7)?,
        closed_at: row.opt_time(8)?,
    })
}

pub(super) fn agency_row(row: &Row<'_>) -> Result<Agency, StoreError> {
    Ok(Agency {
        org: row.id(0)?,
        waiting: row.int(1)?,
        troubled: row.int(2)?,
        good_at: row.opt_time(3)?,
        good_leaf: opt_leaf(row, 4)?,
        was_slow: row.flag(5)?,
        trouble_since: row.opt_time(6)?,
        trouble_at: row.opt_time(7)?,
        trouble_leaf: opt_leaf(row, 8)?,
        trouble_cause: row.opt_text(9)?,
    })
}

impl Tx<'_> {
    /// How far the projector is.
    pub fn insight_cursor(&mut self) -> Result<Cursor, StoreError> {
        self.query_one(
            "SELECT next_leaf, as_of FROM insight_cursor WHERE id = 1",
            &[],
            |row| {
                Ok(Cursor {
                    next_leaf: count(row, 0)?,
                    as_of: row.time(1)?,
                })
            },
        )
    }

    /// Moves the cursor on from where the projector read it; false if another one moved it meanwhile, who then holds
    /// what is behind it.
    pub fn insight_advance(
        &mut self,
        from: u64,
        to: u64,
        as_of: Timestamp,
    ) -> Result<bool, StoreError> {
        let moved = self.execute(
            "UPDATE insight_cursor SET next_leaf = $2, as_of = $3 WHERE id = 1 AND next_leaf = $1",
            params![from, to, as_of],
        )?;
        Ok(moved == 1)
    }

    /// The transaction of a document.
    pub fn insight_transaction_lookup(
        &mut self,
        document: DocumentId,
    ) -> Result<Option<Transaction>, StoreError> {
        self.query_opt(
            concat!(
                "SELECT ",
                transaction_columns!(),
                " FROM insight_transactions t WHERE t.document_id = $1"
            ),
            params![document],
            transaction_row,
        )
    }

    /// The chain that a document belongs to; none if the document is not known here.
    pub fn insight_correlation_lookup(
        &mut self,
        document: DocumentId,
    ) -> Result<Option<DocumentId>, StoreError> {
        self.query_opt(
            "SELECT correlation_id FROM insight_transactions WHERE document_id = $1",
            params![document],
            |row| row.id(0),
        )
    }

    /// The recipients of a transaction, by id, at most so many.
    pub fn insight_recipients(
        &mut self,
        leaf: u64,
        limit: usize,
    ) -> Result<Vec<Recipient>, StoreError> {
        self.query(
            "SELECT org_id, delivery_id, state, cause, status_code, attempts, next_try_at, since_at, closed_at
             FROM insight_recipients WHERE leaf = $1 ORDER BY org_id LIMIT $2",
            params![leaf, limit],
            recipient_row,
        )
    }

    /// What a document's own row says.
    pub fn insight_document_facts(
        &mut self,
        document: DocumentId,
    ) -> Result<Option<DocumentFacts>, StoreError> {
        self.query_opt(
            "SELECT original_id, sender_code, external_id, notation, subject, content_bytes
             FROM documents WHERE id = $1",
            params![document],
            |row| {
                Ok(DocumentFacts {
                    original: row.opt_id(0)?,
                    sender_code: row.text(1)?,
                    external_id: row.opt_text(2)?,
                    notation: row.opt_text(3)?,
                    subject: row.opt_text(4)?,
                    content_bytes: count(row, 5)?,
                })
            },
        )
    }

    /// How deliveries to an organisation go.
    pub fn insight_agency_lookup(&mut self, org: OrgId) -> Result<Option<Agency>, StoreError> {
        self.query_opt(
            "SELECT org_id, waiting, troubled, good_at, good_leaf, was_slow, trouble_since, trouble_at, trouble_leaf,
             trouble_cause FROM insight_agencies WHERE org_id = $1",
            params![org],
            agency_row,
        )
    }

    /// Writes what a batch changes. The caller moved the cursor in the same transaction.
    pub fn insight_write(&mut self, projected: &Projected) -> Result<(), StoreError> {
        for transaction in &projected.transactions {
            self.insight_write_transaction(transaction)?;
        }
        for (leaf, recipient) in &projected.recipients {
            self.insight_write_recipient(*leaf, recipient)?;
        }
        let insert = dialect::search_insert(self.engine());
        for (leaf, words) in &projected.words {
            self.execute(insert, params![*leaf, words])?;
        }
        for hour in &projected.hours {
            self.execute(
                "INSERT INTO insight_hours AS h (hour, first_leaf, last_leaf) VALUES ($1, $2, $3)
                 ON CONFLICT (hour) DO UPDATE SET
                    first_leaf = CASE WHEN excluded.first_leaf < h.first_leaf THEN excluded.first_leaf
                        ELSE h.first_leaf END,
                    last_leaf = CASE WHEN excluded.last_leaf > h.last_leaf THEN excluded.last_leaf
                        ELSE h.last_leaf END",
                params![hour.hour, hour.first_leaf, hour.last_leaf],
            )?;
        }
        for (counter, by, bytes) in &projected.counters {
            self.insight_count(counter, *by, *bytes)?;
        }
        for agency in &projected.agencies {
            self.insight_write_agency(agency)?;
        }
        for tick in &projected.health {
            self.insight_write_tick(tick)?;
        }
        Ok(())
    }

    fn insight_write_transaction(&mut self, row: &Transaction) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO insight_transactions (leaf, document_id, correlation_id, kind, business_type, sender_org_id,
                content_bytes, recipients, waiting, done, troubled, cancelled, outcome, cause, next_try_at, first_at,
                last_at, last_leaf, erased_at, words)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
             ON CONFLICT (leaf) DO UPDATE SET recipients = excluded.recipients, waiting = excluded.waiting,
                done = excluded.done, troubled = excluded.troubled, cancelled = excluded.cancelled,
                outcome = excluded.outcome, cause = excluded.cause, next_try_at = excluded.next_try_at,
                last_at = excluded.last_at, last_leaf = excluded.last_leaf, erased_at = excluded.erased_at",
            params![
                row.leaf,
                row.document,
                row.correlation,
                row.kind.name(),
                row.business_type,
                row.sender,
                row.content_bytes,
                row.recipients,
                row.waiting,
                row.done,
                row.troubled,
                row.cancelled,
                row.outcome.name(),
                &row.cause,
                row.next_try_at,
                row.first_at,
                row.last_at,
                row.last_leaf,
                row.erased_at,
                &row.words
            ],
        )?;
        Ok(())
    }

    fn insight_write_recipient(&mut self, leaf: u64, row: &Recipient) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO insight_recipients (leaf, org_id, delivery_id, state, cause, status_code, attempts,
                next_try_at, since_at, closed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (leaf, org_id) DO UPDATE SET delivery_id = excluded.delivery_id, state = excluded.state,
                cause = excluded.cause, status_code = excluded.status_code, attempts = excluded.attempts,
                next_try_at = excluded.next_try_at, since_at = excluded.since_at, closed_at = excluded.closed_at",
            params![
                leaf,
                row.org,
                row.delivery,
                row.state.name(),
                &row.cause,
                &row.status_code,
                row.attempts,
                row.next_try_at,
                row.since_at,
                row.closed_at
            ],
        )?;
        Ok(())
    }

    /// A counter that reaches zero is removed, so that the way to a state leaves no trace in the rows.
    fn insight_count(&mut self, counter: &Counter, by: i64, bytes: i64) -> Result<(), StoreError> {
        let agency = counter
            .agency
            .map(|org| org.to_string())
            .unwrap_or_default();
        let kind = counter.kind.map_or("", |kind| kind.name());
        self.execute(
            "INSERT INTO insight_counters AS c (agency, hour, direction, kind, outcome, count, content_bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (agency, hour, direction, kind, outcome) DO UPDATE SET
                count = c.count + excluded.count, content_bytes = c.content_bytes + excluded.content_bytes",
            params![
                &agency,
                counter.hour,
                counter.direction.name(),
                kind,
                counter.outcome.name(),
                by,
                bytes
            ],
        )?;
        if by < 0 {
            self.execute(
                "DELETE FROM insight_counters WHERE agency = $1 AND hour = $2 AND direction = $3 AND kind = $4
                    AND outcome = $5 AND count = 0",
                params![
                    &agency,
                    counter.hour,
                    counter.direction.name(),
                    kind,
                    counter.outcome.name()
                ],
            )?;
        }
        Ok(())
    }

    fn insight_write_agency(&mut self, row: &Agency) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO insight_agencies (org_id, waiting, troubled, good_at, good_leaf, was_slow, trouble_since,
                trouble_at, trouble_leaf, trouble_cause)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (org_id) DO UPDATE SET waiting = excluded.waiting, troubled = excluded.troubled,
                good_at = excluded.good_at, good_leaf = excluded.good_leaf, was_slow = excluded.was_slow,
                trouble_since = excluded.trouble_since, trouble_at = excluded.trouble_at,
                trouble_leaf = excluded.trouble_leaf, trouble_cause = excluded.trouble_cause",
            params![
                row.org,
                row.waiting,
                row.troubled,
                row.good_at,
                row.good_leaf,
                row.was_slow,
                row.trouble_since,
                row.trouble_at,
                row.trouble_leaf,
                &row.trouble_cause
            ],
        )?;
        Ok(())
    }

    fn insight_write_tick(&mut self, tick: &HealthTick) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO insight_health AS h (org_id, slot, tick, good, slow, trouble)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (org_id, slot) DO UPDATE SET
                good = excluded.good + CASE WHEN h.tick = excluded.tick THEN h.good ELSE 0 END,
                slow = excluded.slow + CASE WHEN h.tick = excluded.tick THEN h.slow ELSE 0 END,
                trouble = excluded.trouble + CASE WHEN h.tick = excluded.tick THEN h.trouble ELSE 0 END,
                tick = excluded.tick
             WHERE h.tick <= excluded.tick",
            params![
                tick.org,
                tick.tick.rem_euclid(HEALTH_SLOTS),
                tick.tick,
                tick.good,
                tick.slow,
                tick.trouble
            ],
        )?;
        Ok(())
    }

    /// Merges parts of the search index, at most so many pages, so that questions have few parts to look into.
    pub fn insight_merge(&mut self, pages: usize) -> Result<(), StoreError> {
        if let Some(merge) = dialect::search_merge(self.engine()) {
            self.execute(merge, params![pages])?;
        }
        Ok(())
    }

    /// Removes everything that was derived and puts the cursor before the first leaf.
    pub fn insight_clear(&mut self) -> Result<(), StoreError> {
        self.execute(dialect::search_clear(self.engine()), &[])?;
        for table in [
            "DELETE FROM insight_transactions",
            "DELETE FROM insight_recipients",
            "DELETE FROM insight_hours",
            "DELETE FROM insight_counters",
            "DELETE FROM insight_agencies",
            "DELETE FROM insight_health",
        ] {
            self.execute(table, &[])?;
        }
        self.execute(
            "UPDATE insight_cursor SET next_leaf = 0, as_of = 0 WHERE id = 1",
            &[],
        )?;
        Ok(())
    }
}

/// Slots of an organisation's ring: the 90 ticks that a strip shows, and some to spare.
const HEALTH_SLOTS: i64 = 96;
