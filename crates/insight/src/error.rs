//! What can go wrong.

use lgsp_base::Problem;
use lgsp_base::problem::kinds;
use lgsp_store::StoreError;
use lgsp_store::ledger::LedgerError;

/// Why a question was not answered, or a round of the projector not finished.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InsightError {
    /// The search is limited to more organisations than `limits::INSIGHT_SCOPE_MAX`.
    #[error("a search over too many organisations")]
    TooManyOrganisations,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl InsightError {
    /// The problem that a caller outside is told.
    pub fn to_problem(&self) -> Problem {
        match self {
            InsightError::TooManyOrganisations => kinds::INPUT_INVALID.problem(),
            InsightError::Store(error) => error.to_problem(),
            InsightError::Ledger(error) => error.to_problem(),
        }
    }
}
