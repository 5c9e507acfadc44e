//! The projector: reads sealed leaves behind its cursor and writes what follows from them, in small transactions.
//!
//! What is written and the cursor are one transaction, so a stop at any point loses nothing and counts nothing twice. All
//! reading is done before, on a snapshot; the writer only compares the cursor and stores rows. Of two nodes that work on
//! the same leaves one moves the cursor, and the other's work is thrown away.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, OrgId};
use lgsp_base::limits::{
    INSIGHT_BATCH_MAX, INSIGHT_MERGE_PAGES, INSIGHT_REST_FACTOR, RECIPIENTS_MAX,
};
use lgsp_store::insight::{Cursor, Projected};
use lgsp_store::ledger::SealedEntry;
use lgsp_store::{Engine, StoreError, Tx};

use crate::batch::{Batch, Known, Loaded};
use crate::event::{self, Event, What};
use crate::{Insight, InsightError};

/// Longest rest between two batches.
const REST_MAX: Duration = Duration::from_secs(1);

/// What one round of the projector did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advanced {
    /// Leaves worked in.
    pub leaves: u64,
    /// Sealed leaves that are still to be worked in.
    pub lag: u64,
    /// How long to wait before the next round while there is something to do, so that the writer has time for others.
    pub rest: Duration,
}

/// What the projector of this process did since it was started, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Leaves worked in.
    pub leaves: u64,
    /// Batches written.
    pub batches: u64,
    /// Batches thrown away because another node was faster.
    pub lost: u64,
    /// Microseconds that batches took, waiting for the writer included.
    pub busy_micros: u64,
}

/// How many rows there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    /// Transactions: one for each document.
    pub transactions: u64,
    /// Recipients of them.
    pub recipients: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    leaves: AtomicU64,
    batches: AtomicU64,
    lost: AtomicU64,
    busy_micros: AtomicU64,
}

/// How far the tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Everything that happened until then is in the tables.
    pub as_of: Timestamp,
    /// Leaves worked in.
    pub leaves: u64,
    /// Sealed leaves that are still to be worked in.
    pub lag: u64,
}

impl Insight {
    /// Works in up to [`INSIGHT_BATCH_MAX`] further leaves. The caller waits [`Advanced::rest`] between two rounds, and
    /// `limits::INSIGHT_INTERVAL` (or for the next sealing) when nothing was left to do.
    ///
    /// # Errors
    /// The store's, or the ledger's.
    pub async fn advance(&self) -> Result<Advanced, InsightError> {
        self.advance_by(INSIGHT_BATCH_MAX).await
    }

    pub(crate) async fn advance_by(&self, limit: usize) -> Result<Advanced, InsightError> {
        let size = self.inner.leaves.size();
        let cursor = self.cursor().await?;
        let read = self.inner.leaves.read(cursor.next_leaf, limit).await?;
        let events = in_order(cursor.next_leaf, &read);
        let started = self.inner.clock.monotonic();
        let done = self.work_in(cursor, events).await?;
        let took = self.inner.clock.monotonic().saturating_sub(started);
        if !read.is_empty() {
            self.inner.counters.note(done, took);
        }
        let next = cursor.next_leaf + done;
        Ok(Advanced {
            leaves: done,
            lag: size.saturating_sub(next),
            rest: took.saturating_mul(INSIGHT_REST_FACTOR).min(REST_MAX),
        })
    }

    /// Makes all tables again from the first leaf on, and comes back when they are there. Meanwhile figures and search know
    /// the part that is done, and [`Insight::progress`] says how far it is.
    ///
    /// # Errors
    /// The store's, or the ledger's. What is done by then stays, and [`Insight::advance`] goes on from there.
    pub async fn rebuild(&self) -> Result<u64, InsightError> {
        self.inner
            .db
            .write::<_, StoreError, _>("insight_clear", |tx| tx.insight_clear())
            .await?;
        let mut total = 0;
        loop {
            let advanced = self.advance().await?;
            total += advanced.leaves;
            if advanced.leaves == 0 && advanced.lag == 0 {
                return Ok(total);
            }
        }
    }

    /// What the projector of this process did since it was started.
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            leaves: read(&counters.leaves),
            batches: read(&counters.batches),
            lost: read(&counters.lost),
            busy_micros: read(&counters.busy_micros),
        }
    }

    /// How many rows there are; a sum over the counters of all hours.
    ///
    /// # Errors
    /// The store's.
    pub async fn rows(&self) -> Result<Rows, InsightError> {
        let (transactions, recipients) = self
            .inner
            .db
            .read::<_, StoreError, _>("insight_rows", |tx| tx.insight_rows())
            .await?;
        Ok(Rows {
            transactions,
            recipients,
        })
    }

    /// How far the tables are.
    ///
    /// # Errors
    /// The store's.
    pub async fn progress(&self) -> Result<Progress, InsightError> {
        let cursor = self.cursor().await?;
        Ok(self.progress_of(cursor))
    }

    /// When nothing is left to work in, the tables are as of now; otherwise as of the last leaf that they know.
    pub(crate) fn progress_of(&self, cursor: Cursor) -> Progress {
        let lag = self.inner.leaves.size().saturating_sub(cursor.next_leaf);
        Progress {
            as_of: if lag == 0 {
                self.inner.clock.now()
            } else {
                cursor.as_of
            },
            leaves: cursor.next_leaf,
            lag,
        }
    }

    async fn cursor(&self) -> Result<Cursor, StoreError> {
        self.inner
            .db
            .read::<_, StoreError, _>("insight_cursor", |tx| tx.insight_cursor())
            .await
    }

    /// Gives how many leaves were worked in: none if another node was faster.
    async fn work_in(&self, cursor: Cursor, events: Vec<Event>) -> Result<u64, StoreError> {
        let Some(as_of) = events.iter().map(|event| event.at).max() else {
            return Ok(0);
        };
        let count = events.len() as u64;
        let events = Arc::new(events);
        let wanted = Arc::clone(&events);
        let loaded = self
            .inner
            .db
            .read::<_, StoreError, _>("insight_load", move |tx| load(tx, &wanted))
            .await?;
        let mut batch = Batch::new(&*self.inner.names, self.inner.db.planted(), loaded);
        for event in events.iter() {
            batch.apply(event);
        }
        let projected = batch.finish();
        let (from, to, as_of) = (
            cursor.next_leaf,
            cursor.next_leaf + count,
            as_of.max(cursor.as_of),
        );
        let is_ours = self
            .inner
            .db
            .write::<_, StoreError, _>("insight_advance", move |tx| {
                store(tx, (from, to, as_of), &projected)
            })
            .await?;
        if is_ours && self.inner.db.engine() == Engine::Sqlite {
            // A transaction of its own: others have the writer in between.
            self.inner
                .db
                .write::<_, StoreError, _>("insight_merge", |tx| {
                    tx.insight_merge(INSIGHT_MERGE_PAGES)
                })
                .await?;
        }
        Ok(if is_ours { count } else { 0 })
    }
}

impl Counters {
    fn note(&self, leaves: u64, took: Duration) {
        let add = |counter: &AtomicU64, by: u64| {
            counter.fetch_add(by, Ordering::Relaxed);
        };
        add(&self.leaves, leaves);
        add(&self.batches, u64::from(leaves > 0));
        add(&self.lost, u64::from(leaves == 0));
        add(
            &self.busy_micros,
            u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        );
    }
}

fn store(
    tx: &mut Tx<'_>,
    (from, to, as_of): (u64, u64, Timestamp),
    projected: &Projected,
) -> Result<bool, StoreError> {
    let is_ours = tx.insight_advance(from, to, as_of)?;
    if is_ours {
        tx.insight_write(projected)?;
    }
    Ok(is_ours)
}

/// The events of the leaves that follow the cursor without a hole.
fn in_order(from: u64, leaves: &[SealedEntry]) -> Vec<Event> {
    leaves
        .iter()
        .zip(from..)
        .take_while(|(leaf, expected)| leaf.leaf == *expected)
        .map(|(leaf, _)| event::read(leaf))
        .collect()
}

/// Reads what the events are about.
fn load(tx: &mut Tx<'_>, events: &[Event]) -> Result<Loaded, StoreError> {
    let mut loaded = Loaded::default();
    let mut seen = HashSet::new();
    for event in events {
        match &event.what {
            What::Accepted(accepted) => {
                let is_new = seen.insert(accepted.document)
                    && !load_known(tx, &mut loaded, accepted.document)?;
                if is_new {
                    load_facts(tx, &mut loaded, accepted.document)?;
                }
                for (_, org) in &accepted.deliveries {
                    load_agency(tx, &mut loaded, *org)?;
                }
            }
            What::Delivery(delivery) => {
                if seen.insert(delivery.document) {
                    load_known(tx, &mut loaded, delivery.document)?;
                }
                load_agency(tx, &mut loaded, delivery.recipient)?;
            }
            What::Erased { document, .. } => {
                if seen.insert(*document) {
                    load_known(tx, &mut loaded, *document)?;
                }
            }
            What::Refused { .. } | What::Other => {}
        }
    }
    Ok(loaded)
}

fn load_known(
    tx: &mut Tx<'_>,
    loaded: &mut Loaded,
    document: DocumentId,
) -> Result<bool, StoreError> {
    let Some(transaction) = tx.insight_transaction_lookup(document)? else {
        return Ok(false);
    };
    let recipients = tx
        .insight_recipients(transaction.leaf, RECIPIENTS_MAX)?
        .into_iter()
        .map(|recipient| (recipient.org, recipient))
        .collect();
    loaded.known.insert(
        document,
        Known {
            transaction,
            recipients,
        },
    );
    Ok(true)
}

fn load_facts(
    tx: &mut Tx<'_>,
    loaded: &mut Loaded,
    document: DocumentId,
) -> Result<(), StoreError> {
    let Some(facts) = tx.insight_document_facts(document)? else {
        return Ok(());
    };
    if let Some(original) = facts.original
        && !loaded.chains.contains_key(&original)
        && let Some(chain) = tx.insight_correlation_lookup(original)?
    {
        loaded.chains.insert(original, chain);
    }
    loaded.facts.insert(document, facts);
    Ok(())
}

fn load_agency(tx: &mut Tx<'_>, loaded: &mut Loaded, org: OrgId) -> Result<(), StoreError> {
    if !loaded.agencies.contains_key(&org)
        && let Some(agency) = tx.insight_agency_lookup(org)?
    {
        loaded.agencies.insert(org, agency);
    }
    Ok(())
}
