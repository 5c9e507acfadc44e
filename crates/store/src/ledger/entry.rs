//! Entries: what a state change leaves behind, written in the transaction that makes the change.
//!
//! An entry is the canonical record, a 32-byte salt and the commitment to both. Only the commitment goes into the log that
//! others see, so that a record can be erased and its proof kept.
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
    /// The canonical record, as [`Record::decode`] reads it; empty if it was erased.
    pub record: Vec<u8>,
    /// The salt of the commitment; empty if the record was erased.
    pub salt: Vec<u8>,
    /// The commitment as stored.
    pub commitment: Sha256,
}

impl Entry {
    /// True if the record and its salt were erased and the commitment kept.
    pub fn is_erased(&self) -> bool {
        self.record.is_empty() && self.salt.is_empty()
    }

    /// True if record and salt are those that were committed to, and time and kind those of the record. Of an erased entry
    /// there is nothing to compare; that its erasure is itself recorded, the check of the whole log sees.
    pub fn is_intact(&self) -> bool {
        self.is_erased() || (self.is_committed() && self.is_bound())
    }

    /// True if record and salt are those that were committed to.
    pub(crate) fn is_committed(&self) -> bool {
        commits(&self.salt, &self.record, &self.commitment)
    }

    /// True if time and kind are those of the record.
    pub(crate) fn is_bound(&self) -> bool {
        Record::decode(&self.record).is_ok_and(|record| is_bound(&record, self.at, &self.kind))
    }
}

/// True if the commitment is that to these bytes.
pub(crate) fn commits(salt: &[u8], record: &[u8], stored: &Sha256) -> bool {
    <&[u8; 32]>::try_from(salt).is_ok_and(|salt| commitment(LEDGER_DOMAIN, salt, record) == *stored)
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

/// The kind of the entry that tells of an erased record.
pub const RECORD_ERASED: &str = "ledger.record_erased";
/// The kind of the entry that tells of a new key of the log.
pub const KEY_ROTATED: &str = "ledger.key_rotated";
/// The kind of the entry that tells of a step of a node's clock.
pub const CLOCK_STEPPED: &str = "ledger.clock_stepped";
/// The kind of the entry that tells that a checkpoint's time is no measure of the clock.
pub const CLOCK_ACCEPTED: &str = "ledger.clock_accepted";

const COLUMNS_BY_ID: &str =
    "SELECT id, at, kind, receipt_id, record, salt, commitment FROM ledger_entries
    WHERE id > $1 ORDER BY id LIMIT $2";
/// Reads the columns `id, at, kind, receipt_id, record, salt, commitment`.
pub(crate) fn read_entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    Ok(Entry {
        id: row.int(0)?,
        at: row.time(1)?,
        kind: row.text(2)?,
        receipt: row.opt_id(3)?,
        record: row.opt_blob(4)?.unwrap_or_default(),
        salt: row.opt_blob(5)?.unwrap_or_default(),
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
        self.insert(
            "INSERT INTO ledger_entries (at, kind, receipt_id, record, salt, commitment)
             VALUES ($1, $2, $3, $4, $5, $6)",
            params![
                entry.at,
                &entry.kind,
                entry.receipt,
                &entry.record,
                &entry.salt,
                entry.commitment
            ],
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

    /// Erases the record and the salt of an entry, keeps its commitment, and appends an entry that says so; gives the id of
    /// that entry, or `None` if there is no such record any more.
    ///
    /// Entries about the ledger itself are not erased: what was erased must stay provable.
    pub fn ledger_erase(
        &mut self,
        id: i64,
        at: Timestamp,
        actor: &str,
        reason: &str,
        salt: [u8; 32],
    ) -> Result<Option<i64>, StoreError> {
        let erased = self.query_opt(
            "UPDATE ledger_entries SET record = NULL, salt = NULL
             WHERE id = $1 AND record IS NOT NULL AND kind NOT LIKE 'ledger.%'
             RETURNING commitment",
            params![id],
            |row| row.sha256(0),
        )?;
        let Some(commitment) = erased else {
            return Ok(None);
        };
        let record = Record::new()
            .with("actor", actor)
            .with("reason", reason)
            .with("commitment", commitment.to_string());
        self.ledger_append(at, RECORD_ERASED, None, &record, salt)
            .map(Some)
    }
}
