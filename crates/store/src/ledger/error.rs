//! Why the log does not do what it is asked.

use lgsp_base::Problem;
use lgsp_base::problem::kinds;
use lgsp_wire::tlog::note::{NoteError, SignError};
use lgsp_wire::tlog::timestamp::TimestampError;

use super::{BadPosition, ClockSkew};
use crate::error::StoreError;

/// Why an operation on the log did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The store failed.
    #[error("the store of the ledger failed")]
    Store(#[from] StoreError),
    /// What is stored is not what was sealed; no checkpoint is published over it (reliability A2, A3).
    #[error("the ledger is damaged: {0}")]
    Damaged(BadPosition),
    /// There is another checkpoint of this size (reliability A4).
    #[error("another checkpoint of {size} leaves was signed before")]
    Fork {
        /// The size.
        size: u64,
    },
    /// The key given is not the newest of this log.
    #[error("the ledger's key is {stored}, not {given}")]
    ForeignKey {
        /// The key that the log knows.
        stored: String,
        /// The key that was given.
        given: String,
    },
    /// The key was replaced by another node, or by a command; this one may not sign any more.
    #[error("the ledger's key was replaced")]
    KeyReplaced,
    /// The key's name is not the origin of the log, or it is no key for checkpoints.
    #[error("not a key for the log {origin}")]
    UnusableKey {
        /// The origin.
        origin: String,
    },
    /// The clock is too far off; nothing is signed until it is mended (reliability A8).
    #[error("nothing is signed: the clock is {0}")]
    Clock(ClockSkew),
    /// The signer did not sign.
    #[error("the checkpoint could not be signed")]
    Sign(#[from] SignError),
    /// The entry is written and not sealed yet; it will be at once.
    #[error("the entry is not sealed yet")]
    NotSealed,
    /// The record was erased: its place can be proved, what it said cannot.
    #[error("the record was erased")]
    Erased,
    /// There is no checkpoint of this size.
    #[error("there is no checkpoint of {size} leaves")]
    NoCheckpoint {
        /// The size.
        size: u64,
    },
    /// The signature is not one of a witness over this checkpoint.
    #[error("the cosignature does not fit")]
    Cosignature(#[source] NoteError),
    /// The timestamp is not one of this authority over this checkpoint.
    #[error("the timestamp does not fit")]
    Timestamp(#[source] TimestampError),
    /// The checkpoint has as many cosignatures as are kept.
    #[error("the checkpoint has too many cosignatures")]
    TooManyCosignatures,
}

impl LedgerError {
    /// The problem that a caller outside is told.
    pub fn to_problem(&self) -> Problem {
        match self {
            LedgerError::Store(error) => error.to_problem(),
            LedgerError::Damaged(_) | LedgerError::Fork { .. } => kinds::STORAGE_CORRUPT.problem(),
            LedgerError::NotSealed => kinds::LEDGER_NOT_SEALED.problem().retry_after(1),
            LedgerError::NoCheckpoint { .. } | LedgerError::Erased => {
                kinds::LEDGER_UNKNOWN.problem()
            }
            LedgerError::Clock(_) => kinds::LEDGER_CLOCK.problem().retry_after(60),
            LedgerError::ForeignKey { .. }
            | LedgerError::KeyReplaced
            | LedgerError::UnusableKey { .. }
            | LedgerError::Sign(_) => kinds::LEDGER_UNAVAILABLE.problem(),
            LedgerError::Cosignature(_)
            | LedgerError::Timestamp(_)
            | LedgerError::TooManyCosignatures => kinds::SYSTEM_INTERNAL.problem(),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        error.to_problem()
    }
}
