//! What others sign about a checkpoint: cosignatures of witnesses and timestamps of authorities.

use lgsp_base::limits;
use lgsp_wire::tlog::checkpoint::verify_cosignature;
use lgsp_wire::tlog::note::{Signature, SignedNote, VerifierKey};
use lgsp_wire::tlog::timestamp::{Certificate, Token, imprint_of};

use super::rows::count;
use super::{Cosignature, Ledger, LedgerError, StoredTimestamp, WitnessState};
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

impl Ledger {
    /// Keeps a witness's signature under the checkpoint of this size, and notes how far that witness has come. Repeating it
    /// changes nothing; a later signature by the same key replaces the earlier.
    ///
    /// # Errors
    /// No such checkpoint, a signature that does not fit it, too many signatures, or the store's.
    pub async fn add_cosignature(
        &self,
        size: u64,
        signature: &Signature,
        witness: &VerifierKey,
    ) -> Result<(), LedgerError> {
        let text = self.signed_text(size).await?;
        verify_cosignature(&text, signature, witness).map_err(LedgerError::Cosignature)?;
        let cosignature = Cosignature {
            size,
            key: witness.clone(),
            bytes: signature.bytes.clone(),
            at: self.inner.clock.now(),
        };
        let is_kept = self
            .inner
            .db
            .write("ledger_cosign", move |tx| {
                tx.ledger_cosignature_put(&cosignature)
            })
            .await?;
        if is_kept {
            Ok(())
        } else {
            Err(LedgerError::TooManyCosignatures)
        }
    }

    /// Keeps a timestamp over the checkpoint of this size, after checking that it is one of `authority` (or of one it issued);
    /// `nonce` is that of the request. What was stamped is [`imprint_of`] the text of the note.
    ///
    /// # Errors
    /// No such checkpoint, a token that does not fit it, or the store's.
    pub async fn add_timestamp(
        &self,
        size: u64,
        token: &Token,
        nonce: Option<u64>,
        authority: &Certificate,
    ) -> Result<StoredTimestamp, LedgerError> {
        let text = self.signed_text(size).await?;
        let stamp = token
            .verify(&imprint_of(&text), nonce, authority)
            .map_err(LedgerError::Timestamp)?;
        let stored = StoredTimestamp {
            size,
            gen_time: stamp.at,
            at: self.inner.clock.now(),
            token: token.as_der().to_vec(),
            certificate: authority.as_der().to_vec(),
        };
        let (written, fingerprint) = (stored.clone(), authority.fingerprint());
        self.inner
            .db
            .write::<_, StoreError, _>("ledger_stamp", move |tx| {
                tx.execute(
                    "INSERT INTO ledger_authorities (fingerprint, certificate) VALUES ($1, $2)
                     ON CONFLICT (fingerprint) DO NOTHING",
                    params![fingerprint, &written.certificate],
                )?;
                tx.execute(
                    "INSERT INTO ledger_timestamps (size, authority, gen_time, at, token)
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (size, authority) DO NOTHING",
                    params![
                        written.size,
                        fingerprint,
                        written.gen_time,
                        written.at,
                        &written.token
                    ],
                )
            })
            .await?;
        Ok(stored)
    }

    /// The text of the checkpoint of this size: what witnesses and authorities sign.
    async fn signed_text(&self, size: u64) -> Result<String, LedgerError> {
        let checkpoint = self.checkpoint_at(size).await?;
        let note = checkpoint.and_then(|found| SignedNote::parse(&found.note).ok());
        Ok(note.ok_or(LedgerError::NoCheckpoint { size })?.text)
    }

    /// The timestamp of the largest stamped checkpoint.
    ///
    /// # Errors
    /// The store's.
    pub async fn newest_timestamp(&self) -> Result<Option<StoredTimestamp>, LedgerError> {
        let stamp = self
            .inner
            .db
            .read("ledger_timestamp", |tx| tx.ledger_timestamp_newest())
            .await?;
        Ok(stamp)
    }

    /// The signatures of witnesses under the checkpoint of this size.
    ///
    /// # Errors
    /// The store's.
    pub async fn cosignatures(&self, size: u64) -> Result<Vec<Cosignature>, LedgerError> {
        let found = self
            .inner
            .db
            .read("ledger_cosignatures", move |tx| {
                tx.ledger_cosignatures(size)
            })
            .await?;
        Ok(found)
    }

    /// What the log knows of every witness it ever asked, by name.
    ///
    /// # Errors
    /// The store's.
    pub async fn witnesses(&self) -> Result<Vec<WitnessState>, LedgerError> {
        let states = self
            .inner
            .db
            .read("ledger_witnesses", |tx| tx.ledger_witnesses())
            .await?;
        Ok(states)
    }

    /// What the log knows of one witness.
    ///
    /// # Errors
    /// The store's.
    pub async fn witness_state(&self, name: &str) -> Result<Option<WitnessState>, LedgerError> {
        let states = self.witnesses().await?;
        Ok(states.into_iter().find(|state| state.name == name))
    }

    /// Notes that a witness did not sign, in words for the operator; `size` is what the witness says it knows, where it said
    /// so (a log that was restored knows less than its witness).
    ///
    /// # Errors
    /// The store's.
    pub async fn note_witness_failure(
        &self,
        name: &str,
        size: Option<u64>,
        failure: &str,
    ) -> Result<(), LedgerError> {
        let (name, failure) = (name.to_owned(), failure.to_owned());
        let at = self.inner.clock.now();
        self.inner
            .db
            .write::<_, StoreError, _>("ledger_witness", move |tx| {
                tx.execute(
                    "INSERT INTO ledger_witnesses (name, size, failure, failed_at)
                     VALUES ($1, COALESCE(CAST($2 AS BIGINT), 0), $3, $4)
                     ON CONFLICT (name) DO UPDATE SET failure = excluded.failure, failed_at = excluded.failed_at,
                         size = COALESCE(CAST($2 AS BIGINT), ledger_witnesses.size)",
                    params![&name, size, &failure, at],
                )
            })
            .await?;
        Ok(())
    }
}

impl Tx<'_> {
    /// `false` if the checkpoint has too many.
    fn ledger_cosignature_put(&mut self, cosignature: &Cosignature) -> Result<bool, StoreError> {
        let verifier = cosignature.key.to_string();
        let others = self.query_one(
            "SELECT COUNT(*) FROM ledger_cosignatures WHERE size = $1 AND verifier <> $2",
            params![cosignature.size, &verifier],
            |row| count(row, 0),
        )?;
        if others >= limits::LEDGER_COSIGNATURES_MAX as u64 {
            return Ok(false);
        }
        self.execute(
            "INSERT INTO ledger_cosignatures (size, verifier, signature, at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (size, verifier) DO UPDATE SET signature = excluded.signature, at = excluded.at",
            params![
                cosignature.size,
                &verifier,
                &cosignature.bytes,
                cosignature.at
            ],
        )?;
        self.execute(
            "INSERT INTO ledger_witnesses (name, size, cosigned_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET size = excluded.size, cosigned_at = excluded.cosigned_at,
                 failure = NULL, failed_at = NULL",
            params![
                cosignature.key.name(),
                cosignature.size,
                cosignature.at
            ],
        )?;
        Ok(true)
    }
}
