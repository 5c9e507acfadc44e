//! Witnessing: each newest checkpoint goes to a witness, with the proof that it continues the one that it signed last.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lgsp_base::Clock;
use lgsp_base::limits::WITNESS_PAUSE_MAX;
use lgsp_connect::witness::{Verdict, WitnessClient, WitnessError};
use lgsp_store::ledger::{Ledger, LedgerError, StoredCheckpoint};
use lgsp_wire::tlog::note::{NoteError, SignedNote, VerifierKey};
use lgsp_wire::tlog::witness::AddCheckpoint;

use super::condition::Condition;

/// Pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, Default)]
struct Course {
    /// When the witness is asked next, by the monotonic clock.
    due: Duration,
    /// The last pause; zero while all is well.
    pause: Duration,
}

/// The way of this node to one witness.
#[derive(Debug)]
pub struct Witnessing {
    ledger: Ledger,
    client: WitnessClient,
    clock: Arc<dyn Clock>,
    /// How it fares.
    pub condition: Condition,
    /// True while the witness says that this log is not the one it signed.
    is_contradicted: AtomicBool,
    /// False until the witness answered this process: a data folder that was rolled back while it rested shows only by asking.
    is_met: AtomicBool,
    size: AtomicU64,
    course: Mutex<Course>,
}

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Call(#[from] WitnessError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the stored checkpoint cannot be read")]
    Checkpoint(#[from] NoteError),
    /// The witness signed more than this log has: the log was rolled back, perhaps by a restored backup.
    #[error(
        "the witness signed {known} leaves, this log has {own}: it was rolled back or restored"
    )]
    RolledBack { known: u64, own: u64 },
    /// The witness signed another history.
    #[error("the witness signed another history of this log up to leaf {known}")]
    Contradicts { known: u64 },
    /// The witness was not told to watch this log, or not its newest key.
    #[error("the witness does not watch this log under its present key")]
    Unwatched,
    /// Another node was faster twice in a row.
    #[error("the witness changed its mind in between")]
    Moved,
}

impl Failure {
    /// What the witness says it knows.
    fn known(&self) -> Option<u64> {
        match self {
            Failure::RolledBack { known, .. } | Failure::Contradicts { known } => Some(*known),
            _ => None,
        }
    }
}

impl Witnessing {
    pub(super) fn new(ledger: Ledger, client: WitnessClient, clock: Arc<dyn Clock>) -> Self {
        Self {
            ledger,
            client,
            clock,
            condition: Condition::default(),
            is_contradicted: AtomicBool::new(false),
            is_met: AtomicBool::new(false),
            size: AtomicU64::new(0),
            course: Mutex::default(),
        }
    }

    /// The witness's key.
    pub fn key(&self) -> &VerifierKey {
        self.client.key()
    }

    /// The newest size it signed since the start of this node.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// True while the witness says that this log is not the one it signed: an alarm, not an outage.
    pub fn is_contradicted(&self) -> bool {
        self.is_contradicted.load(Ordering::Relaxed)
    }

    /// Asks the witness if there is something new and it is time to.
    pub async fn step(&self) {
        let now = self.clock.monotonic();
        if now < self.with(|course| course.due) {
            return;
        }
        match self.cosign_newest().await {
            Ok(()) => {
                self.with(|course| *course = Course::default());
                self.is_contradicted.store(false, Ordering::Relaxed);
                if self.condition.succeeds() {
                    tracing::info!(witness = self.key().name(), "the witness signs again");
                }
            }
            Err(failure) => {
                self.with(|course| {
                    course.pause = (course.pause * 2).clamp(FIRST_PAUSE, WITNESS_PAUSE_MAX);
                    course.due = now + course.pause;
                });
                self.fails(&failure).await;
            }
        }
    }

    async fn cosign_newest(&self) -> Result<(), Failure> {
        let Some(checkpoint) = self.ledger.checkpoint().await? else {
            return Ok(());
        };
        let state = self.ledger.witness_state(self.key().name()).await?;
        let known = state.as_ref().map_or(0, |state| state.size);
        self.size.store(known, Ordering::Relaxed);
        let is_done = self.is_met.load(Ordering::Relaxed)
            && known == checkpoint.size
            && state.is_some_and(|state| state.cosigned_at.is_some() && state.failure.is_none());
        if is_done {
            return Ok(());
        }
        // What the witness knows is its own word: ours may be older, as a backup was restored or another node was there.
        let verdict = match self.ask(&checkpoint, known.min(checkpoint.size)).await? {
            Verdict::Knows(other) if other <= checkpoint.size => {
                self.ask(&checkpoint, other).await?
            }
            verdict => verdict,
        };
        match verdict {
            Verdict::Cosigned(signature) => {
                self.ledger
                    .add_cosignature(checkpoint.size, &signature, self.key())
                    .await?;
                self.size.store(checkpoint.size, Ordering::Relaxed);
                self.is_met.store(true, Ordering::Relaxed);
                Ok(())
            }
            Verdict::Knows(known) if known > checkpoint.size => Err(Failure::RolledBack {
                known,
                own: checkpoint.size,
            }),
            Verdict::Knows(_) => Err(Failure::Moved),
            Verdict::Contradicts => Err(Failure::Contradicts { known }),
            Verdict::Unwatched => Err(Failure::Unwatched),
        }
    }

    async fn ask(&self, checkpoint: &StoredCheckpoint, old_size: u64) -> Result<Verdict, Failure> {
        let mut note = SignedNote::parse(&checkpoint.note)?;
        // Cosignatures of others are no business of this witness.
        note.signatures
            .retain(|line| line.name == self.ledger.origin());
        let proof = self.ledger.consistency(old_size, checkpoint.size).await?;
        let request = AddCheckpoint {
            old_size,
            proof: proof.unwrap_or_default(),
            note,
        };
        Ok(self.client.add_checkpoint(&request).await?)
    }

    async fn fails(&self, failure: &Failure) {
        let words = super::chain(failure);
        let is_alarm = failure.known().is_some();
        self.is_contradicted.store(is_alarm, Ordering::Relaxed);
        let name = self.key().name();
        if self.condition.fails(self.clock.now(), &words) {
            if is_alarm {
                tracing::error!(
                    witness = name,
                    error = words,
                    "the witness refuses this log"
                );
            } else {
                tracing::warn!(witness = name, error = words, "the witness did not sign");
            }
            let noted = self.ledger.note_witness_failure(name, None, &words).await;
            if let Err(error) = noted {
                tracing::warn!(%error, "the failure of a witness could not be noted");
            }
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Course) -> T) -> T {
        act(&mut self.course.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
