//! The rows of the log: its head, gaps, tiles, receipts, checkpoints and what was signed about them.

use std::sync::LazyLock;

use lgsp_base::Timestamp;
use lgsp_base::id::ReceiptId;
use lgsp_wire::tlog::tile::{ReadTileError, TileId, TileReader};

use super::model::{Cosignature, StoredCheckpoint, StoredKey, StoredTimestamp, WitnessState};
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;
use crate::value::{Param, Row};

/// Receipts written with one statement.
const RECEIPTS_AT_ONCE: usize = 64;

/// A number that is never negative.
pub(crate) fn count(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    u64::try_from(row.int(column)?)
        .map_err(|_| StoreError::corrupt(format_args!("column {column} is negative")))
}

/// The one row that says how far the log has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Leaves that have tiles.
    pub(crate) size: u64,
    /// The first row id not looked at yet.
    pub(crate) next_id: i64,
    /// The size of the newest checkpoint, 0 before the first.
    pub(crate) published: u64,
    /// The newest key, 0 before the first.
    pub(crate) key_number: u64,
    /// The node that seals at present.
    pub(crate) sealer: Option<String>,
    /// Until when.
    pub(crate) sealer_until: Option<Timestamp>,
}

/// Row ids that were skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) first_id: i64,
    pub(crate) ids: u64,
}

impl Gap {
    /// The row id behind the last.
    pub(crate) const fn end_id(&self) -> i64 {
        self.first_id.saturating_add_unsigned(self.ids)
    }
}

fn placeholders() -> String {
    let rows: Vec<_> = (0..RECEIPTS_AT_ONCE)
        .map(|row| format!("(${}, ${})", row * 2 + 1, row * 2 + 2))
        .collect();
    format!(
        "INSERT INTO ledger_receipts (receipt, leaf) VALUES {} ON CONFLICT (receipt) DO NOTHING",
        rows.join(", ")
    )
}

static RECEIPTS: LazyLock<String> = LazyLock::new(placeholders);
const RECEIPT: &str =
    "INSERT INTO ledger_receipts (receipt, leaf) VALUES ($1, $2) ON CONFLICT (receipt) DO NOTHING";

/// A receipt's id as its 16 bytes: shorter than its text, and in the same order.
pub(crate) const fn receipt_key(receipt: ReceiptId) -> [u8; 16] {
    receipt.bits().to_be_bytes()
}

impl Tx<'_> {
    /// How far the log has come.
    pub(crate) fn ledger_head(&mut self) -> Result<Head, StoreError> {
        self.query_one(
            "SELECT size, next_id, published, key_number, sealer, sealer_until
             FROM ledger_head WHERE id = 1",
            &[],
            |row| {
                Ok(Head {
                    size: count(row, 0)?,
                    next_id: row.int(1)?,
                    published: count(row, 2)?,
                    key_number: count(row, 3)?,
                    sealer: row.opt_text(4)?,
                    sealer_until: row.opt_time(5)?,
                })
            },
        )
    }

    /// Skipped row ids, in order.
    pub(crate) fn ledger_gaps(&mut self) -> Result<Vec<Gap>, StoreError> {
        self.query(
            "SELECT first_id, ids FROM ledger_gaps ORDER BY first_id",
            &[],
            |row| {
                Ok(Gap {
                    first_id: row.int(0)?,
                    ids: count(row, 1)?,
                })
            },
        )
    }

    /// Notes receipts with their leaves; a receipt that has one keeps it.
    pub(crate) fn ledger_receipts_insert(
        &mut self,
        receipts: &[([u8; 16], u64)],
    ) -> Result<(), StoreError> {
        let (many, few) = receipts.as_chunks::<RECEIPTS_AT_ONCE>();
        for chunk in many {
            let values: Vec<Param<'_>> = chunk.iter().flat_map(receipt_params).collect();
            self.execute(&RECEIPTS, &values)?;
        }
        for receipt in few {
            self.execute(RECEIPT, &receipt_params(receipt))?;
        }
        Ok(())
    }

    /// The leaf that a receipt names, sealed or about to be.
    pub(crate) fn ledger_receipt_leaf(
        &mut self,
        receipt: ReceiptId,
    ) -> Result<Option<u64>, StoreError> {
        let key = receipt_key(receipt);
        self.query_opt(
            "SELECT leaf FROM ledger_receipts WHERE receipt = $1",
            params![key.as_slice()],
            |row| count(row, 0),
        )
    }

    /// Writes a tile, in place of a narrower one.
    pub(crate) fn ledger_tile_put(&mut self, id: TileId, hashes: &[u8]) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO ledger_tiles (level, tile, width, hashes) VALUES ($1, $2, $3, $4)
             ON CONFLICT (level, tile) DO UPDATE SET width = excluded.width, hashes = excluded.hashes",
            params![id.level, id.index, id.width, hashes],
        )?;
        Ok(())
    }

    /// The hashes of a tile, at least as many as asked for.
    pub(crate) fn ledger_tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, StoreError> {
        self.query_opt(
            "SELECT hashes FROM ledger_tiles WHERE level = $1 AND tile = $2 AND width >= $3",
            params![id.level, id.index, id.width],
            |row| row.blob(0),
        )
    }

    /// The newest checkpoint up to a size.
    pub(crate) fn ledger_checkpoint_upto(
        &mut self,
        size: u64,
    ) -> Result<Option<StoredCheckpoint>, StoreError> {
        self.query_opt(
            "SELECT size, root, at, note, key_number, previous FROM ledger_checkpoints
             WHERE size <= $1 ORDER BY size DESC LIMIT 1",
            params![size],
            read_checkpoint,
        )
    }

    /// Checkpoints from `from` up to and including `to`, by size.
    pub(crate) fn ledger_checkpoint_list(
        &mut self,
        from: u64,
        to: u64,
    ) -> Result<Vec<StoredCheckpoint>, StoreError> {
        self.query(
            "SELECT size, root, at, note, key_number, previous FROM ledger_checkpoints
             WHERE size >= $1 AND size <= $2 ORDER BY size",
            params![from, to],
            read_checkpoint,
        )
    }

    /// Up to `limit` checkpoints below a size, newest first.
    pub(crate) fn ledger_checkpoint_list_back(
        &mut self,
        below: u64,
        limit: usize,
    ) -> Result<Vec<StoredCheckpoint>, StoreError> {
        self.query(
            "SELECT size, root, at, note, key_number, previous FROM ledger_checkpoints
             WHERE size < $1 ORDER BY size DESC LIMIT $2",
            params![below, limit],
            read_checkpoint,
        )
    }

    /// The signatures of witnesses under a checkpoint, by name.
    pub(crate) fn ledger_cosignatures(
        &mut self,
        size: u64,
    ) -> Result<Vec<Cosignature>, StoreError> {
        self.query(
            "SELECT size, verifier, signature, at FROM ledger_cosignatures
             WHERE size = $1 ORDER BY verifier",
            params![size],
            read_cosignature,
        )
    }

    /// Cosignatures of checkpoints from `from` up to and including `to`, by size.
    pub(crate) fn ledger_cosignature_list(
        &mut self,
        from: u64,
        to: u64,
    ) -> Result<Vec<Cosignature>, StoreError> {
        self.query(
            "SELECT size, verifier, signature, at FROM ledger_cosignatures
             WHERE size >= $1 AND size <= $2 ORDER BY size, verifier",
            params![from, to],
            read_cosignature,
        )
    }

    /// Timestamps of checkpoints from `from` up to and including `to`, by size; without the certificate where it is gone.
    pub(crate) fn ledger_timestamp_list(
        &mut self,
        from: u64,
        to: u64,
    ) -> Result<Vec<StoredTimestamp>, StoreError> {
        self.query(
            "SELECT size, gen_time, at, token, certificate
             FROM ledger_timestamps LEFT JOIN ledger_authorities ON fingerprint = authority
             WHERE size >= $1 AND size <= $2 ORDER BY size, gen_time",
            params![from, to],
            read_timestamp,
        )
    }

    /// The timestamp of the smallest stamped checkpoint of at least a size.
    pub(crate) fn ledger_timestamp_from(
        &mut self,
        size: u64,
    ) -> Result<Option<StoredTimestamp>, StoreError> {
        self.query_opt(
            "SELECT size, gen_time, at, token, certificate
             FROM ledger_timestamps JOIN ledger_authorities ON fingerprint = authority
             WHERE size >= $1 ORDER BY size, gen_time LIMIT 1",
            params![size],
            read_timestamp,
        )
    }

    /// The timestamp of the largest stamped checkpoint.
    pub(crate) fn ledger_timestamp_newest(
        &mut self,
    ) -> Result<Option<StoredTimestamp>, StoreError> {
        self.query_opt(
            "SELECT size, gen_time, at, token, certificate
             FROM ledger_timestamps JOIN ledger_authorities ON fingerprint = authority
             ORDER BY size DESC, gen_time DESC LIMIT 1",
            &[],
            read_timestamp,
        )
    }

    /// Every key of the log, oldest first.
    pub(crate) fn ledger_keys(&mut self) -> Result<Vec<StoredKey>, StoreError> {
        self.query(
            "SELECT number, verifier, from_size, succession, created_at FROM ledger_keys ORDER BY number",
            &[],
            |row| {
                Ok(StoredKey {
                    number: count(row, 0)?,
                    verifier: row.text(1)?,
                    from_size: count(row, 2)?,
                    succession: row.opt_text(3)?,
                    created_at: row.time(4)?,
                })
            },
        )
    }

    /// What the log knows of its witnesses, by name.
    pub(crate) fn ledger_witnesses(&mut self) -> Result<Vec<WitnessState>, StoreError> {
        self.query(
            "SELECT name, size, cosigned_at, failure, failed_at FROM ledger_witnesses ORDER BY name",
            &[],
            |row| {
                Ok(WitnessState {
                    name: row.text(0)?,
                    size: count(row, 1)?,
                    cosigned_at: row.opt_time(2)?,
                    failure: row.opt_text(3)?,
                    failed_at: row.opt_time(4)?,
                })
            },
        )
    }
}

fn receipt_params<'a>((receipt, leaf): &'a ([u8; 16], u64)) -> [Param<'a>; 2] {
    [Param::Blob(receipt), Param::from(*leaf)]
}

fn read_checkpoint(row: &Row<'_>) -> Result<StoredCheckpoint, StoreError> {
    Ok(StoredCheckpoint {
        size: count(row, 0)?,
        root: row.sha256(1)?,
        at: row.time(2)?,
        note: row.text(3)?,
        key_number: count(row, 4)?,
        previous: count(row, 5)?,
    })
}

fn read_cosignature(row: &Row<'_>) -> Result<Cosignature, StoreError> {
    Ok(Cosignature {
        size: count(row, 0)?,
        key: row.id(1)?,
        bytes: row.blob(2)?,
        at: row.time(3)?,
    })
}

fn read_timestamp(row: &Row<'_>) -> Result<StoredTimestamp, StoreError> {
    Ok(StoredTimestamp {
        size: count(row, 0)?,
        gen_time: row.time(1)?,
        at: row.time(2)?,
        token: row.blob(3)?,
        certificate: row.opt_blob(4)?.unwrap_or_default(),
    })
}

/// Reads hashes of the stored tree of `size` leaves.
pub(crate) fn tile_reader<'t>(
    tx: &'t mut Tx<'_>,
    size: u64,
) -> TileReader<impl FnMut(TileId) -> Result<Option<Vec<u8>>, StoreError> + 't> {
    TileReader::new(size, move |id| tx.ledger_tile(id))
}

impl From<ReadTileError<StoreError>> for StoreError {
    fn from(error: ReadTileError<StoreError>) -> Self {
        match error {
            ReadTileError::Source(error) => error,
            ReadTileError::Damaged(id) => {
                StoreError::corrupt(format_args!("ledger tile {id} is missing or damaged"))
            }
            ReadTileError::Outside => StoreError::corrupt("the log has no such subtree"),
        }
    }
}
