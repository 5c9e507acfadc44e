//! What can go wrong in the store, by what a caller can do about it.

use std::error::Error;
use std::sync::Arc;

use lgsp_base::Problem;
use lgsp_base::problem::kinds;

/// An engine's own error, shared by all members of a group that failed together.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a transaction or a blob operation did not succeed.
///
/// No variant but `Constraint`, `LeaseLost`, `Busy`, `Missing` and `Panicked` promises that nothing was stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. Nothing was stored; works again when space returns.
    #[error("the disk is full")]
    Full,
    /// A sync failed earlier: nothing more is acknowledged until the store is opened anew (reliability D10).
    #[error("the store stopped after a failed sync and must be opened anew")]
    Poisoned,
    /// Too many transactions wait already, or a lock was not granted in time.
    #[error("too much work is waiting for the store")]
    Busy,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The database cannot be reached, or it was lost while it committed; whether it stored is unknown.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// A uniqueness or other rule of the schema was violated.
    #[error("a rule of the schema was violated: {detail}")]
    Constraint {
        /// The constraint, index or column (PostgreSQL), the columns (SQLite).
        detail: String,
    },
    /// Stored data is not what was stored.
    #[error("stored data is damaged: {detail}")]
    Corrupt {
        /// What and where; never content.
        detail: String,
    },
    /// `query_one` found no row.
    #[error("a row that must exist is missing")]
    Missing,
    /// The job or delivery was leased to somebody else in the meantime.
    #[error("the lease was lost")]
    LeaseLost,
    /// The closure panicked; its transaction was rolled back.
    #[error("the operation failed inside")]
    Panicked,
    /// A statement was used after another of the same transaction had failed.
    #[error("an earlier statement of the transaction failed")]
    Aborted,
    /// A blob's name or owner has an impossible form.
    #[error("not the name of a blob: {name}")]
    BlobName {
        /// The name as given.
        name: String,
    },
    /// A file operation failed.
    #[error("a file operation failed")]
    Io(#[source] Cause),
    /// The engine refused a statement for another reason.
    #[error("the database refused a statement")]
    Sql(#[source] Cause),
}

impl StoreError {
    /// The problem that a caller outside is told; causes go to the log, not into it.
    pub fn to_problem(&self) -> Problem {
        match self {
            StoreError::Full => kinds::STORAGE_FULL.problem(),
            StoreError::Poisoned | StoreError::Closed | StoreError::Unavailable(_) => {
                kinds::STORAGE_UNAVAILABLE.problem()
            }
            StoreError::Busy => kinds::SYSTEM_BUSY.problem().retry_after(1),
            StoreError::Corrupt { .. } => kinds::STORAGE_CORRUPT.problem(),
            StoreError::Constraint { .. }
            | StoreError::Missing
            | StoreError::LeaseLost
            | StoreError::Panicked
            | StoreError::Aborted
            | StoreError::BlobName { .. }
            | StoreError::Io(_)
            | StoreError::Sql(_) => kinds::SYSTEM_INTERNAL.problem(),
        }
    }

    /// True if a rule of the schema was violated.
    pub const fn is_constraint(&self) -> bool {
        matches!(self, StoreError::Constraint { .. })
    }

    /// Damaged data, with the place.
    pub fn corrupt(detail: impl std::fmt::Display) -> Self {
        StoreError::Corrupt {
            detail: detail.to_string(),
        }
    }

    /// From a file operation: a full disk is told apart.
    pub(crate) fn from_io(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full,
            _ => StoreError::Io(Arc::new(error)),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        error.to_problem()
    }
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite is older than 3.51.3, which can lose a write-ahead log (reliability §4.4).
    #[error("SQLite {found} is too old, 3.51.3 is needed")]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
    /// The database was written by another version of this program, or by another program.
    #[error("the schema of the database is not known to this version: {detail}")]
    UnknownSchema {
        /// What was found.
        detail: String,
    },
    /// The database is configured so that it may lose what it acknowledged, or cannot be configured otherwise.
    #[error("the database has {name} = {value}, which may lose acknowledged work")]
    UnsafeSetting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The URL of the database is not valid.
    #[error("the URL of the database is not valid")]
    Url(#[source] Cause),
    /// A file or folder cannot be used.
    #[error("a file or folder of the store cannot be used")]
    Io(#[from] std::io::Error),
    /// The database does not answer as it should.
    #[error("the database cannot be used")]
    Database(#[from] StoreError),
}
