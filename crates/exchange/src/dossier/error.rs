//! Why an operation on dossiers did not succeed, by what the caller can do about it. No variant holds a value of the dossier.

use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Problem, limits};
use lgsp_store::StoreError;
use lgsp_wire::dossier::{DossierStatus, Violation};

use crate::error::SubmitError;

/// Why an operation on dossiers did not succeed. Nothing was stored, unless the cause leaves it open ([`StoreError`]): repeating is
/// always safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DossierError {
    /// The actor may not do that.
    #[error("the actor may not do that")]
    Forbidden,
    /// No such dossier, or none that this actor may see or push about: the same answer.
    #[error("unknown dossier")]
    Unknown,
    /// The text is no code of a dossier.
    #[error("not a code of a dossier")]
    Code,
    /// Fields of the dossier break rules.
    #[error("{} fields break a rule", .0.len())]
    Fields(Vec<Violation>),
    /// The request itself is not valid; says where.
    #[error("the request is not valid: {0}")]
    Invalid(Problem),
    /// The code belongs to another applicant's dossier.
    #[error("the dossier belongs to another applicant")]
    OtherApplicant,
    /// A dossier with this code exists with other content, and the push may only make a new one.
    #[error("the dossier exists")]
    Exists,
    /// The status may not follow the current one.
    #[error("status {to} may not follow {}", from.map_or("nothing", DossierStatus::code))]
    Transition {
        /// The status now; none for a new dossier.
        from: Option<DossierStatus>,
        /// The one asked for.
        to: DossierStatus,
    },
    /// The procedure is neither known nor mapped.
    #[error("unknown procedure {code}")]
    ProcedureUnknown {
        /// The code.
        code: String,
    },
    /// Nobody has the agency code of the dossier.
    #[error("unknown agency {code:?}")]
    AgencyUnknown {
        /// The code.
        code: String,
    },
    /// More dossiers than one call takes.
    #[error("more than {} dossiers", limits::DOSSIER_BATCH_MAX)]
    BatchTooLarge,
    /// The dossier is larger than the limit.
    #[error("the dossier is larger than {} bytes", limits::DOSSIER_BYTES_MAX)]
    TooLarge,
    /// The dossier was erased when its time of keeping ended.
    #[error("the dossier was erased")]
    Erased,
    /// No such file, or one of a dossier that this actor may not see; or a link that we did not make.
    #[error("unknown file")]
    FileUnknown,
    /// The file is larger than the limit.
    #[error("the file is larger than {} bytes", limits::DOSSIER_FILE_BYTES_MAX)]
    FileTooLarge,
    /// The link's time is up.
    #[error("the link expired")]
    LinkExpired,
    /// The link was made for another system.
    #[error("the link is for another system")]
    LinkAudience,
    /// The key of the dossier is not in the key file.
    #[error("the keys of the dossiers are missing")]
    Keys,
    /// As for any document.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The store did not do it.
    #[error("the store did not do it")]
    Store(#[from] StoreError),
}

impl DossierError {
    /// The problem document.
    pub fn to_problem(&self) -> Problem {
        match self {
            DossierError::Forbidden => kinds::AUTH_FORBIDDEN.problem(),
            DossierError::Unknown => kinds::DOSSIER_UNKNOWN.problem(),
            DossierError::Code => kinds::DOSSIER_CODE_INVALID.problem(),
            DossierError::Fields(violations) => {
                violations
                    .iter()
                    .fold(kinds::DOSSIER_INVALID.problem(), |problem, violation| {
                        problem.breaks(violation.path.clone(), violation.sentence.clone())
                    })
            }
            DossierError::Invalid(problem) => problem.clone(),
            DossierError::OtherApplicant => kinds::DOSSIER_OTHER_APPLICANT.problem(),
            DossierError::Exists => kinds::DOSSIER_EXISTS.problem(),
            DossierError::Transition { .. } => kinds::DOSSIER_TRANSITION.with(self),
            DossierError::ProcedureUnknown { code } => kinds::DOSSIER_PROCEDURE_UNKNOWN.with(code),
            DossierError::AgencyUnknown { code } => kinds::DOSSIER_AGENCY_UNKNOWN.with(code),
            DossierError::BatchTooLarge => kinds::DOSSIER_BATCH_TOO_LARGE.problem().breaks(
                "data",
                rules::TOO_MANY.with(&[("max", &limits::DOSSIER_BATCH_MAX)]),
            ),
            DossierError::TooLarge => kinds::INPUT_TOO_LARGE.problem().breaks(
                "body",
                rules::TOO_LARGE.with(&[("max", &limits::DOSSIER_BYTES_MAX)]),
            ),
            DossierError::Erased => kinds::DOSSIER_ERASED.problem(),
            DossierError::FileUnknown => kinds::DOSSIER_FILE_UNKNOWN.problem(),
            DossierError::FileTooLarge => kinds::DOSSIER_FILE_TOO_LARGE.problem().breaks(
                "body",
                rules::TOO_LARGE.with(&[("max", &limits::DOSSIER_FILE_BYTES_MAX)]),
            ),
            DossierError::LinkExpired => kinds::DOSSIER_LINK_EXPIRED.problem(),
            DossierError::LinkAudience => kinds::DOSSIER_LINK_AUDIENCE.problem(),
            DossierError::Keys => kinds::DOSSIER_KEYS.problem(),
            DossierError::Submit(error) => error.to_problem(),
            DossierError::Store(error) => error.to_problem(),
        }
    }
}

impl From<DossierError> for Problem {
    fn from(error: DossierError) -> Self {
        error.to_problem()
    }
}
