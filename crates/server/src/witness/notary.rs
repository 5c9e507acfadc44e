//! The judgement of a witness: which checkpoint it cosigns, and why it refuses one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lgsp_base::Clock;
use lgsp_base::hash::equal_in_constant_time;
use lgsp_wire::tlog::checkpoint::{Checkpoint, cosign};
use lgsp_wire::tlog::merkle::verify_consistency;
use lgsp_wire::tlog::note::{Signature, SignedNote, Signer as _, SoftSigner, VerifierKey};
use lgsp_wire::tlog::witness::AddCheckpoint;

use super::shelf::{Kept, Shelf};

/// Why nothing was cosigned (C2SP tlog-witness, "add-checkpoint").
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: not a request of this form, or an old size beyond the new one.
    Malformed,
    /// 404: nobody told this witness to watch the log.
    UnknownLog,
    /// 403: no signature by a key of the log.
    NotSigned,
    /// 409: the witness knows the log at another size than the caller thinks.
    Conflict(u64),
    /// 409: the witness cosigned another root at this very size: the log has two faces.
    Fork(u64),
    /// 422: the proof does not lead from the known root to the new one.
    Inconsistent,
    /// 500: the record could not be written or signed; nothing was cosigned.
    Unavailable,
}

/// Why a witness cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum NotaryError {
    /// A record of what was cosigned cannot be used. Starting without it would forget what was seen.
    #[error("{}: {cause}", path.display())]
    Record {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

/// A log as this witness has seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenLog {
    /// The log's name.
    pub origin: String,
    /// Leaves of the checkpoint that was cosigned last.
    pub size: u64,
    /// Its root.
    pub root: lgsp_base::Sha256,
    /// When, seconds since 1970.
    pub at: u64,
    /// Requests since the start that would have rewritten what was seen.
    pub refused: u64,
}

#[derive(Debug, Default)]
struct State {
    kept: BTreeMap<String, Kept>,
    refused: BTreeMap<String, u64>,
}

/// A witness: its key, the logs it watches, what it saw of them.
#[derive(Debug)]
pub struct Notary {
    signer: SoftSigner,
    logs: Vec<VerifierKey>,
    shelf: Shelf,
    clock: Arc<dyn Clock>,
    /// Held while a request is judged and recorded: two requests must not both build on the same old state.
    state: Mutex<State>,
}

impl Notary {
    /// Reads what was cosigned before.
    ///
    /// # Errors
    /// [`NotaryError`] for a record that cannot be read or is not this witness's.
    pub fn open(
        folder: &Path,
        signer: SoftSigner,
        logs: Vec<VerifierKey>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NotaryError> {
        let shelf = Shelf::new(folder);
        let records = shelf
            .read(signer.key())
            .map_err(|(path, cause)| NotaryError::Record { path, cause })?;
        let kept = records
            .into_iter()
            .map(|record| (record.checkpoint.origin.clone(), record))
            .collect();
        Ok(Self {
            signer,
            logs,
            shelf,
            clock,
            state: Mutex::new(State {
                kept,
                refused: BTreeMap::new(),
            }),
        })
    }

    /// The witness's public key.
    pub fn key(&self) -> &VerifierKey {
        self.signer.key()
    }

    /// What was seen of each log, by name; watched logs that sent nothing yet have size 0.
    pub fn seen(&self) -> Vec<SeenLog> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<&str> = self
            .logs
            .iter()
            .map(VerifierKey::name)
            .chain(state.kept.keys().map(String::as_str))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .map(|origin| {
                let kept = state.kept.get(origin);
                SeenLog {
                    origin: origin.to_owned(),
                    size: kept.map_or(0, |kept| kept.checkpoint.size),
                    root: kept.map_or_else(lgsp_wire::tlog::merkle::empty_root, |kept| {
                        kept.checkpoint.root
                    }),
                    at: kept.map_or(0, |kept| kept.at),
                    refused: state.refused.get(origin).copied().unwrap_or(0),
                }
            })
            .collect()
    }

    /// Judges one request; on success the cosignature, which is recorded on the disk already. Blocks on the disk.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn add_checkpoint(&self, body: &str) -> Result<Signature, Refusal> {
        let request: AddCheckpoint = body.parse().map_err(|_| Refusal::Malformed)?;
        let checkpoint: Checkpoint = request.note.text.parse().map_err(|_| Refusal::Malformed)?;
        let signed = self.signed_by_log(&request.note, &checkpoint.origin)?;
        if request.old_size > checkpoint.size {
            return Err(Refusal::Malformed);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = judge(state.kept.get(&checkpoint.origin), &request, &checkpoint);
        if let Err(refusal) = judged {
            if matches!(refusal, Refusal::Fork(_) | Refusal::Inconsistent) {
                *state.refused.entry(checkpoint.origin.clone()).or_default() += 1;
                tracing::warn!(
                    origin = checkpoint.origin,
                    size = checkpoint.size,
                    "refused: the checkpoint does not continue what was cosigned"
                );
            }
            return Err(refusal);
        }
        self.record(&mut state, checkpoint, signed)
    }

    /// The log's own good signatures, and no others: whoever else signed is no business of this witness.
    fn signed_by_log(&self, note: &SignedNote, origin: &str) -> Result<Vec<Signature>, Refusal> {
        let keys: Vec<&VerifierKey> = self
            .logs
            .iter()
            .filter(|key| key.name() == origin)
            .collect();
        if keys.is_empty() {
            return Err(Refusal::UnknownLog);
        }
        let good: Vec<Signature> = note
            .signatures
            .iter()
            .filter(|line| {
                keys.iter().any(|key| {
                    line.is_by(key) && key.is_signature(note.text.as_bytes(), &line.bytes)
                })
            })
            .cloned()
            .collect();
        if good.is_empty() {
            return Err(Refusal::NotSigned);
        }
        Ok(good)
    }

    fn record(
        &self,
        state: &mut State,
        checkpoint: Checkpoint,
        mut signatures: Vec<Signature>,
    ) -> Result<Signature, Refusal> {
        let at = u64::try_from(self.clock.now().as_millis() / 1_000)
            .map_err(|_| Refusal::Unavailable)?;
        let text = checkpoint.to_string();
        let cosignature = cosign(&text, &self.signer, at).map_err(|error| {
            tracing::error!(%error, "the cosignature could not be made");
            Refusal::Unavailable
        })?;
        signatures.push(cosignature.clone());
        let note = SignedNote { text, signatures };
        self.shelf
            .write(&checkpoint.origin, &note)
            .map_err(|error| {
                tracing::error!(%error, "the record could not be written; nothing is cosigned");
                Refusal::Unavailable
            })?;
        state
            .kept
            .insert(checkpoint.origin.clone(), Kept { checkpoint, at });
        Ok(cosignature)
    }
}

/// Whether the checkpoint continues what is kept, in the order of checks of the specification.
fn judge(
    kept: Option<&Kept>,
    request: &AddCheckpoint,
    checkpoint: &Checkpoint,
) -> Result<(), Refusal> {
    let known = kept.map_or(0, |kept| kept.checkpoint.size);
    if request.old_size != known {
        return Err(Refusal::Conflict(known));
    }
    let root = kept.map_or_else(lgsp_wire::tlog::merkle::empty_root, |kept| {
        kept.checkpoint.root
    });
    if checkpoint.size == known && !equal_in_constant_time(&checkpoint.root.0, &root.0) {
        return Err(Refusal::Fork(known));
    }
    verify_consistency(
        known,
        &root,
        checkpoint.size,
        &checkpoint.root,
        &request.proof,
    )
    .map_err(|_| Refusal::Inconsistent)
}

#[cfg(test)]
mod tests;
