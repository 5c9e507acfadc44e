//! The append-only trail: one entry for each state change, written in the transaction that makes the change.
//!
//! An entry is the canonical record, a 32-byte salt and the commitment to both. Only the commitment goes into a log that
//! others see, so that a record can be erased and its proof kept. `leaf_index` stays empty until an entry is sealed.
//!
//! Time and kind stand in columns, to be found, and in the record, to be committed to: appending puts them there, whoever
//! writes, and an entry whose columns say something else than its record is damaged.

use std::borrow::Cow;

use lgsp_base::Sha256;
use lgsp_base::Timestamp;
use lgsp_base::id::ReceiptId;
use lgsp_wire::record::{LEDGER_DOMAIN, Record, commitment};

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;
use crate::value::Row;

/// A stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Grows with each entry; gaps are possible.
    pub id: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: `document.accepted`.
    pub kind: String,
    /// The receipt that names this entry.
    pub receipt: Option<ReceiptId>,
    /// The canonical record, as [`Record::decode`] reads it.
    pub record: Vec<u8>,
    /// The salt of the commitment.
    pub salt: Vec<u8>,
    /// The commitment as stored.
    pub commitment: Sha256,
}

impl Entry {
    /// True if record and salt are those that were committed to, and time and kind those of the record.
    pub fn is_intact(&self) -> bool {
        let is_committed = <&[u8; 32]>::try_from(self.salt.as_slice())
            .is_ok_and(|salt| commitment(LEDGER_DOMAIN, salt, &self.record) == self.commitment);
        is_committed
            && Record::decode(&self.record)
                .is_ok_and(|record| is_bound(&record, self.at, &self.kind))
    }
}

fn is_bound(record: &Record, at: Timestamp, kind: &str) -> bool {
    record.text("kind") == Some(kind) && record.integer("at") == Some(at.as_micros())
}

/// An entry about to be appended, written out and committed to: on a path with many entries that is done before the
/// transaction, which everybody waits for.
#[derive(Debug, Clone)]
pub struct NewEntry {
    at: Timestamp,
    kind: String,
    receipt: Option<ReceiptId>,
    record: Vec<u8>,
    salt: [u8; 32],
    commitment: Sha256,
}

impl NewEntry {
    /// Writes the record out, with `at` (microseconds) and `kind`; other values under these keys are replaced. The salt is
    /// fresh randomness.
    pub fn new(
        at: Timestamp,
        kind: &str,
        receipt: Option<ReceiptId>,
        record: &Record,
        salt: [u8; 32],
    ) -> Self {
        let record = if is_bound(record, at, kind) {
            Cow::Borrowed(record)
        } else {
            Cow::Owned(record.clone().with("at", at.as_micros()).with("kind", kind))
        };
        let record = record.encode();
        Self {
            at,
            kind: kind.to_owned(),
            receipt,
            commitment: commitment(LEDGER_DOMAIN, &salt, &record),
            record,
            salt,
        }
    }
}

const COLUMNS_BY_ID: &str =
    "SELECT id, at, kind, receipt_id, record, salt, commitment FROM ledger_entries
    WHERE id > $1 ORDER BY id LIMIT $2";
const COLUMNS_BY_RECEIPT: &str =
    "SELECT id, at, kind, receipt_id, record, salt, commitment FROM ledger_entries
    WHERE receipt_id = $1 ORDER BY id LIMIT 1";

fn read_entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    Ok(Entry {
        id: row.int(0)?,
        at: row.time(1)?,
        kind: row.text(2)?,
        receipt: row.opt_id(3)?,
        record: row.blob(4)?,
        salt: row.blob(5)?,
        commitment: row.sha256(6)?,
    })
}

impl Tx<'_> {
    /// Writes an entry out as [`NewEntry::new`] does, appends it and gives its id.
    pub fn ledger_append(
        &mut self,
        at: Timestamp,
        kind: &str,
        receipt: Option<ReceiptId>,
        record: &Record,
        salt: [u8; 32],
    ) -> Result<i64, StoreError> {
        self.ledger_insert(&NewEntry::new(at, kind, receipt, record, salt))
    }

    /// Appends an entry that was written out before, and gives its id.
    pub fn ledger_insert(&mut self, entry: &NewEntry) -> Result<i64, StoreError> {
        self.query_one(
            "INSERT INTO ledger_entries (at, kind, receipt_id, record, salt, commitment)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            params![
                entry.at,
                &entry.kind,
                entry.receipt,
                &entry.record,
                &entry.salt,
                entry.commitment
            ],
            |row| row.int(0),
        )
    }

    /// Up to `limit` entries behind an id, in order; begin with 0.
    pub fn ledger_list(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.query(COLUMNS_BY_ID, params![after, limit], read_entry)
    }

    /// How many entries there are.
    pub fn ledger_count(&mut self) -> Result<u64, StoreError> {
        let count = self.query_one("SELECT COUNT(*) FROM ledger_entries", &[], |row| row.int(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The entry that a receipt names.
    pub fn ledger_lookup(&mut self, receipt: ReceiptId) -> Result<Option<Entry>, StoreError> {
        self.query_opt(COLUMNS_BY_RECEIPT, params![receipt], read_entry)
    }

    /// Compares up to `limit` entries behind an id with their commitments: the last id looked at (`None` at the end) and
    /// the ids of damaged entries.
    pub fn ledger_check(
        &mut self,
        after: i64,
        limit: usize,
    ) -> Result<(Option<i64>, Vec<i64>), StoreError> {
        let entries = self.ledger_list(after, limit)?;
        let damaged = entries
            .iter()
            .filter(|entry| !entry.is_intact())
            .map(|entry| entry.id)
            .collect();
        Ok((entries.last().map(|entry| entry.id), damaged))
    }
}
