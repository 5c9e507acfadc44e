//! Receipt bundles: everything that proves one entry to somebody who is offline.

use lgsp_base::{Sha256, limits};
use lgsp_wire::tlog::note::{SignedNote, VerifierKey};
use lgsp_wire::tlog::receipt::{Bundle, Parts, StampedBy};
use lgsp_wire::tlog::timestamp::{Certificate, Token, imprint_of};

use super::rows::count;
use super::{
    BadPosition, Cosignature, Fault, Ledger, LedgerError, StoredKey, StoredTimestamp, Subject,
};
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// Stamped checkpoints among which one with a cosignature is looked for.
const STAMPED_LOOKED_AT: usize = 64;

/// What is read for a bundle.
#[derive(Debug)]
struct Found {
    record: Vec<u8>,
    salt: [u8; 32],
    leaf: u64,
    proof: Vec<Sha256>,
    note: String,
    keys: Vec<StoredKey>,
    cosignatures: Vec<Cosignature>,
    timestamp: Option<StoredTimestamp>,
}

impl Ledger {
    /// The bundle of a receipt; `None` if there is no such receipt or document.
    ///
    /// It rests on the smallest checkpoint that holds the entry and was stamped and cosigned, or stamped, or cosigned, or else on
    /// the newest: asked for later, the bundle of a receipt may say more.
    ///
    /// # Errors
    /// [`LedgerError::NotSealed`] if the entry has no checkpoint yet, [`LedgerError::Erased`] if its record was erased,
    /// [`LedgerError::Damaged`] if it is not what was committed to,
    /// [`LedgerError::Clock`] if the clock is too far off; the signer's and the store's.
    pub async fn receipt_bundle(&self, subject: Subject) -> Result<Option<Bundle>, LedgerError> {
        let inner = &self.inner;
        let found = inner
            .db
            .read("ledger_receipt", move |tx| tx.ledger_receipt_parts(subject))
            .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        self.may_sign()?;
        let current = self.current();
        let shown = found
            .keys
            .len()
            .saturating_sub(limits::RECEIPT_SUCCESSIONS_MAX + 1);
        let mut keys = found.keys.iter().skip(shown);
        let oldest = keys.next().ok_or(StoreError::Missing)?;
        let key: VerifierKey = oldest.verifier.parse().map_err(StoreError::corrupt)?;
        let successions = keys
            .map(|key| SignedNote::parse(key.succession.as_deref().unwrap_or_default()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(StoreError::corrupt)?;
        let checkpoint = SignedNote::parse(&found.note).map_err(StoreError::corrupt)?;
        let timestamp = match &found.timestamp {
            Some(stored) => Some(stamped_by(stored, &checkpoint.text)?),
            None => None,
        };
        let parts = Parts {
            platform: inner.platform.clone(),
            record: found.record,
            salt: found.salt,
            leaf_index: found.leaf,
            proof: found.proof,
            checkpoint,
            key,
            successions,
            witnesses: found
                .cosignatures
                .into_iter()
                .map(|line| line.key)
                .collect(),
            timestamp,
        };
        Ok(Some(Bundle::sign(parts, current.signer.as_ref())?))
    }
}

/// The token with the certificate that signed it.
fn stamped_by(stored: &StoredTimestamp, text: &str) -> Result<StampedBy, LedgerError> {
    let stamp = Certificate::parse(&stored.certificate)
        .and_then(|authority| {
            Token::parse(&stored.token)?.verify(&imprint_of(text), None, &authority)
        })
        .map_err(LedgerError::Timestamp)?;
    Ok(StampedBy {
        token: stored.token.clone(),
        certificate: stamp.certificate.as_der().to_vec(),
    })
}

impl Tx<'_> {
    fn ledger_receipt_parts(&mut self, subject: Subject) -> Result<Option<Found>, LedgerError> {
        let Some(leaf) = self.ledger_leaf_of(subject)? else {
            return Ok(None);
        };
        let sealed = self.ledger_leaf(leaf)?;
        let entry = &sealed.entry;
        if entry.is_erased() {
            return Err(LedgerError::Erased);
        }
        if !entry.is_intact() {
            let place = BadPosition::at(Fault::EntryChanged, leaf, Some(entry.id));
            return Err(LedgerError::Damaged(place));
        }
        if matches!(subject, Subject::Receipt(wanted) if entry.receipt != Some(wanted)) {
            let place = BadPosition::at(Fault::Receipt, leaf, Some(entry.id));
            return Err(LedgerError::Damaged(place));
        }
        let (size, timestamp) = self.ledger_evidence_for(leaf)?;
        let checkpoint = self
            .ledger_checkpoint(size)?
            .filter(|found| found.size == size)
            .ok_or(LedgerError::NoCheckpoint { size })?;
        let salt = entry.salt.as_slice().try_into();
        Ok(Some(Found {
            salt: salt.map_err(|_| StoreError::corrupt(format_args!("salt of leaf {leaf}")))?,
            leaf,
            proof: self.ledger_path(leaf, &checkpoint)?,
            cosignatures: self.ledger_cosignatures(size)?,
            note: checkpoint.note,
            keys: self.ledger_keys()?,
            timestamp,
            record: sealed.entry.record,
        }))
    }

    /// The checkpoint on which the bundle of a leaf rests, and its timestamp.
    fn ledger_evidence_for(
        &mut self,
        leaf: u64,
    ) -> Result<(u64, Option<StoredTimestamp>), StoreError> {
        let first = leaf.saturating_add(1);
        let both = self.query_opt(
            "SELECT size FROM (SELECT size FROM ledger_timestamps WHERE size >= $1 ORDER BY size LIMIT $2) AS stamped
             WHERE EXISTS (SELECT 1 FROM ledger_cosignatures WHERE ledger_cosignatures.size = stamped.size)
             ORDER BY size LIMIT 1",
            params![first, STAMPED_LOOKED_AT],
            |row| count(row, 0),
        )?;
        if let Some(timestamp) = self.ledger_timestamp_from(both.unwrap_or(first))? {
            return Ok((timestamp.size, Some(timestamp)));
        }
        let cosigned = self.query_opt(
            "SELECT size FROM ledger_cosignatures WHERE size >= $1 ORDER BY size LIMIT 1",
            params![first],
            |row| count(row, 0),
        )?;
        match cosigned {
            Some(size) => Ok((size, None)),
            None => Ok((self.ledger_head()?.published, None)),
        }
    }
}
