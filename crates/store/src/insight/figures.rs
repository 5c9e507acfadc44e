//! Sums for the overview: counters, what waits, health.

use lgsp_base::Timestamp;
use lgsp_base::id::OrgId;

use super::model::{Agency, Direction, HealthTick, Outcome};
use super::project::agency_row;
use crate::exchange::DocumentKind;
use crate::{Row, StoreError, Tx, params};

/// A counter of one hour, or of several hours together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterSum {
    /// Whole hours since 1970 UTC.
    pub hour: i64,
    /// From whose side.
    pub direction: Direction,
    /// What; none for what was refused.
    pub kind: Option<DocumentKind>,
    /// What became of it.
    pub outcome: Outcome,
    /// How many.
    pub count: u64,
    /// Bytes of their contents.
    pub content_bytes: u64,
}

/// The first and the last leaf of an hour's transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafSpan {
    /// The first one.
    pub first: u64,
    /// The last one.
    pub last: u64,
}

/// What was accepted in a part of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanSum {
    /// What.
    pub kind: DocumentKind,
    /// How many.
    pub transactions: u64,
    /// How many recipients have it.
    pub received: u64,
}

/// What waits and what is in trouble.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitingSum {
    /// Deliveries that wait for their recipients.
    pub waiting: u64,
    /// Organisations for which something waits.
    pub waiting_agencies: u64,
    /// Deliveries that their recipients did not get.
    pub troubled: u64,
    /// Organisations that did not get something.
    pub troubled_agencies: u64,
    /// When the oldest transaction under way was accepted.
    pub oldest_under_way: Option<Timestamp>,
    /// When the oldest transaction in trouble was accepted.
    pub oldest_troubled: Option<Timestamp>,
}

fn amount(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    Ok(u64::try_from(row.opt_int(column)?.unwrap_or(0)).unwrap_or(0))
}

impl Tx<'_> {
    /// Counters of an organisation (none: of all together) from one hour until another, both included.
    pub fn insight_counters(
        &mut self,
        agency: Option<OrgId>,
        from_hour: i64,
        to_hour: i64,
    ) -> Result<Vec<CounterSum>, StoreError> {
        let agency = agency.map(|org| org.to_string()).unwrap_or_default();
        self.query(
            "SELECT hour, direction, kind, outcome, count, content_bytes FROM insight_counters
             WHERE agency = $1 AND hour >= $2 AND hour <= $3 ORDER BY hour, direction, kind, outcome",
            params![&agency, from_hour, to_hour],
            |row| {
                let kind = row.text_ref(2)?;
                Ok(CounterSum {
                    hour: row.int(0)?,
                    direction: row.id(1)?,
                    kind: if kind.is_empty() {
                        None
                    } else {
                        Some(row.id(2)?)
                    },
                    outcome: row.id(3)?,
                    count: amount(row, 4)?,
                    content_bytes: amount(row, 5)?,
                })
            },
        )
    }

    /// The leaves of an hour's transactions.
    pub fn insight_hour_lookup(&mut self, hour: i64) -> Result<Option<LeafSpan>, StoreError> {
        self.query_opt(
            "SELECT first_leaf, last_leaf FROM insight_hours WHERE hour = $1",
            params![hour],
            |row| {
                Ok(LeafSpan {
                    first: amount(row, 0)?,
                    last: amount(row, 1)?,
                })
            },
        )
    }

    /// What was accepted in a span of time, of which the leaves are known.
    pub fn insight_span_sum(
        &mut self,
        span: LeafSpan,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<SpanSum>, StoreError> {
        self.query(
            "SELECT kind, COUNT(*), CAST(SUM(done) AS BIGINT) FROM insight_transactions
             WHERE leaf >= $1 AND leaf <= $2 AND first_at >= $3 AND first_at < $4 GROUP BY kind ORDER BY kind",
            params![span.first, span.last, from, to],
            |row| {
                Ok(SpanSum {
                    kind: row.id(0)?,
                    transactions: amount(row, 1)?,
                    received: amount(row, 2)?,
                })
            },
        )
    }

    /// What waits and what is in trouble, over all organisations.
    pub fn insight_waiting(&mut self) -> Result<WaitingSum, StoreError> {
        let mut sum = self.query_one(
            "SELECT CAST(SUM(waiting) AS BIGINT), CAST(SUM(CASE WHEN waiting > 0 THEN 1 ELSE 0 END) AS BIGINT),
                CAST(SUM(troubled) AS BIGINT), CAST(SUM(CASE WHEN troubled > 0 THEN 1 ELSE 0 END) AS BIGINT)
             FROM insight_agencies",
            &[],
            |row| {
                Ok(WaitingSum {
                    waiting: amount(row, 0)?,
                    waiting_agencies: amount(row, 1)?,
                    troubled: amount(row, 2)?,
                    troubled_agencies: amount(row, 3)?,
                    oldest_under_way: None,
                    oldest_troubled: None,
                })
            },
        )?;
        sum.oldest_under_way = self.insight_oldest(Outcome::UnderWay)?;
        sum.oldest_troubled = self.insight_oldest(Outcome::Troubled)?;
        Ok(sum)
    }

    fn insight_oldest(&mut self, outcome: Outcome) -> Result<Option<Timestamp>, StoreError> {
        self.query_opt(
            "SELECT first_at FROM insight_transactions WHERE outcome = $1 AND outcome <> 'done'
             ORDER BY leaf LIMIT 1",
            params![outcome.name()],
            |row| row.time(0),
        )
    }

    /// How many transactions and recipients there are, summed up from the counters.
    pub fn insight_rows(&mut self) -> Result<(u64, u64), StoreError> {
        self.query_one(
            "SELECT CAST(SUM(CASE WHEN direction = 'sent' THEN count ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN direction = 'received' THEN count ELSE 0 END) AS BIGINT)
             FROM insight_counters WHERE agency = '' AND outcome <> 'refused'",
            &[],
            |row| Ok((amount(row, 0)?, amount(row, 1)?)),
        )
    }

    /// Organisations to which something was delivered, those in trouble and with most waiting first.
    pub fn insight_agencies(&mut self, limit: usize) -> Result<Vec<Agency>, StoreError> {
        self.query(
            "SELECT org_id, waiting, troubled, good_at, good_leaf, was_slow, trouble_since, trouble_at, trouble_leaf,
                trouble_cause FROM insight_agencies
             ORDER BY CASE WHEN trouble_since IS NULL THEN 1 ELSE 0 END, troubled DESC, waiting DESC, org_id LIMIT $1",
            params![limit],
            agency_row,
        )
    }

    /// The ticks of an organisation's strip from one number until another, both included.
    pub fn insight_health(
        &mut self,
        org: OrgId,
        from_tick: i64,
        to_tick: i64,
    ) -> Result<Vec<HealthTick>, StoreError> {
        self.query(
            "SELECT org_id, tick, good, slow, trouble FROM insight_health
             WHERE org_id = $1 AND tick >= $2 AND tick <= $3 ORDER BY tick",
            params![org, from_tick, to_tick],
            |row| {
                Ok(HealthTick {
                    org: row.id(0)?,
                    tick: row.int(1)?,
                    good: amount(row, 2)?,
                    slow: amount(row, 3)?,
                    trouble: amount(row, 4)?,
                })
            },
        )
    }
}
