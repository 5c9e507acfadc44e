//! Proofs from the stored tree: where an entry stands, and that the log only grew.

use lgsp_base::Sha256;
use lgsp_base::id::{DocumentId, ReceiptId};
use lgsp_wire::tlog::merkle::{consistency_proof, inclusion_proof, leaf_hash};

use super::entry::read_entry;
use super::rows::tile_reader;
use super::{Ledger, LedgerError, PathStep, Proof, SealedEntry, Side, StoredCheckpoint};
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// What a receipt is asked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The receipt of a document's acceptance.
    Document(DocumentId),
    /// Any receipt.
    Receipt(ReceiptId),
}

impl Ledger {
    /// Everything that shows the entry of a leaf in the newest checkpoint; `None` behind its end.
    ///
    /// # Errors
    /// The store's; [`StoreError::Corrupt`] if the entry or a tile is gone.
    pub async fn proof(&self, leaf: u64) -> Result<Option<Proof>, LedgerError> {
        let proof = self
            .inner
            .db
            .read("ledger_proof", move |tx| tx.ledger_proof(leaf))
            .await?;
        Ok(proof)
    }

    /// The hashes that show the first `old` leaves of the log unchanged in the first `new` (RFC 9162 §2.1.4); `None` if the log
    /// has no checkpoint of at least `new` leaves, or `old` is larger.
    ///
    /// # Errors
    /// The store's; [`StoreError::Corrupt`] if a tile is gone.
    pub async fn consistency(
        &self,
        old: u64,
        new: u64,
    ) -> Result<Option<Vec<Sha256>>, LedgerError> {
        let proof = self
            .inner
            .db
            .read::<_, StoreError, _>("ledger_consistency", move |tx| {
                if old > new || new > tx.ledger_head()?.published {
                    return Ok(None);
                }
                Ok(Some(consistency_proof(
                    old,
                    new,
                    &mut tile_reader(tx, new),
                )?))
            })
            .await?;
        Ok(proof)
    }

    /// The leaf of the entry that carries a receipt, or a document's receipt; `None` if there is no such receipt.
    ///
    /// # Errors
    /// [`LedgerError::NotSealed`] if it is no leaf of a checkpoint yet; the store's.
    pub async fn leaf_of(&self, subject: Subject) -> Result<Option<u64>, LedgerError> {
        self.inner
            .db
            .read("ledger_leaf_of", move |tx| tx.ledger_leaf_of(subject))
            .await
    }
}

/// On which side each sibling of a path stands.
fn sides(leaf: u64, size: u64) -> Vec<Side> {
    let (mut place, mut last) = (leaf, size.saturating_sub(1));
    let mut sides = Vec::new();
    while last > 0 {
        if place & 1 == 1 {
            sides.push(Side::Left);
        } else if place < last {
            sides.push(Side::Right);
        }
        place >>= 1;
        last >>= 1;
    }
    sides
}

impl Tx<'_> {
    fn ledger_proof(&mut self, leaf: u64) -> Result<Option<Proof>, StoreError> {
        let newest = self.ledger_checkpoint_upto(u64::MAX)?;
        let Some(checkpoint) = newest.filter(|newest| leaf < newest.size) else {
            return Ok(None);
        };
        let sealed = self.ledger_leaf(leaf)?;
        let leaf_hash = leaf_hash(&sealed.entry.commitment.0);
        let path = self.ledger_path(leaf, &checkpoint)?;
        let cosignatures = self.ledger_cosignatures(checkpoint.size)?;
        let timestamp = self.ledger_timestamp_from(leaf.saturating_add(1))?;
        Ok(Some(Proof {
            sealed,
            leaf_hash,
            path: sides(leaf, checkpoint.size)
                .into_iter()
                .zip(path)
                .map(|(side, hash)| PathStep { side, hash })
                .collect(),
            checkpoint: checkpoint.with_cosignatures(&cosignatures),
            cosignatures,
            timestamp,
        }))
    }

    /// The entry of one leaf.
    pub(crate) fn ledger_leaf(&mut self, leaf: u64) -> Result<SealedEntry, StoreError> {
        let found = self.ledger_visit(leaf, leaf.saturating_add(1), |_, row| read_entry(row))?;
        let found = found.into_iter().next();
        let (leaf, entry) = found
            .ok_or_else(|| StoreError::corrupt(format_args!("ledger leaf {leaf} has no entry")))?;
        Ok(SealedEntry { leaf, entry })
    }

    /// The siblings from a leaf to the root of a checkpoint.
    pub(crate) fn ledger_path(
        &mut self,
        leaf: u64,
        checkpoint: &StoredCheckpoint,
    ) -> Result<Vec<Sha256>, StoreError> {
        let mut tiles = tile_reader(self, checkpoint.size);
        Ok(inclusion_proof(leaf, checkpoint.size, &mut tiles)?)
    }

    pub(crate) fn ledger_leaf_of(&mut self, subject: Subject) -> Result<Option<u64>, LedgerError> {
        let receipt = match subject {
            Subject::Receipt(receipt) => Some(receipt),
            Subject::Document(document) => self.query_opt(
                "SELECT receipt_id FROM documents WHERE id = $1",
                params![document],
                |row| row.id::<ReceiptId>(0),
            )?,
        };
        let Some(receipt) = receipt else {
            return Ok(None);
        };
        let head = self.ledger_head()?;
        if let Some(leaf) = self.ledger_receipt_leaf(receipt)? {
            return if leaf < head.published {
                Ok(Some(leaf))
            } else {
                Err(LedgerError::NotSealed)
            };
        }
        let waits = self.query_opt(
            "SELECT id FROM ledger_entries WHERE id >= $1 AND receipt_id = $2 LIMIT 1",
            params![head.next_id, receipt],
            |row| row.int(0),
        )?;
        match (waits, subject) {
            // A document's entry is always written with it: it waits in a gap.
            (Some(_), _) | (None, Subject::Document(_)) => Err(LedgerError::NotSealed),
            (None, Subject::Receipt(_)) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lgsp_wire::tlog::merkle::{HashReader, node_hash, root};

    /// Leaf `n` has the hash of the text `n`.
    struct Plain;

    impl HashReader for Plain {
        type Error = std::convert::Infallible;

        fn hash(&mut self, level: u8, index: u64) -> Result<Sha256, Self::Error> {
            let Some(below) = level.checked_sub(1) else {
                return Ok(leaf_hash(index.to_string().as_bytes()));
            };
            let Ok(left) = self.hash(below, index * 2);
            let Ok(right) = self.hash(below, index * 2 + 1);
            Ok(node_hash(&left, &right))
        }
    }

    #[test]
    fn hashing_siblings_on_their_sides_leads_to_the_root() {
        for size in 1..40 {
            let Ok(expected) = root(size, &mut Plain);
            for leaf in 0..size {
                let Ok(path) = inclusion_proof(leaf, size, &mut Plain);
                let sides = sides(leaf, size);
                assert_eq!(sides.len(), path.len());
                let start = leaf_hash(leaf.to_string().as_bytes());
                let reached =
                    sides
                        .iter()
                        .zip(&path)
                        .fold(start, |hash, (side, sibling)| match side {
                            Side::Left => node_hash(sibling, &hash),
                            Side::Right => node_hash(&hash, sibling),
                        });
                assert_eq!(reached, expected, "leaf {leaf} of {size}");
            }
        }
    }
}
