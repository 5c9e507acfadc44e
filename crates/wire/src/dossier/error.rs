//! Why a text was not read: not JSON within the limits, another shape, or fields that break a rule.

use lgsp_base::Problem;
use lgsp_base::problem::{Sentence, kinds};

use super::codec::{BoolForm, DateForm};

/// A body that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DossierError {
    /// Larger than `DOSSIER_BODY_BYTES_MAX`.
    #[error("the body is too large")]
    TooLarge,
    /// Not JSON, a key that stands twice, too deep, or too many values.
    #[error("not usable JSON: {cause} (line {line}, column {column})")]
    Json {
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
        /// What is wrong, without text of the input.
        cause: String,
    },
    /// Not usable XML.
    #[error("not usable XML: {cause} (byte {at})")]
    Xml {
        /// What is wrong, without text of the input.
        cause: String,
        /// Offset in bytes.
        at: u64,
    },
    /// JSON of another shape; says which is asked for.
    #[error("another shape: {0}")]
    Shape(&'static str),
    /// Fields that break rules.
    #[error("{} fields break a rule", .0.len())]
    Invalid(Vec<Violation>),
}

impl DossierError {
    /// The problem document of this error: `input.too_large`, `input.json`, `xml.malformed` or `input.invalid`.
    pub fn to_problem(&self) -> Problem {
        match self {
            Self::TooLarge => kinds::INPUT_TOO_LARGE.problem(),
            Self::Json { .. } => kinds::INPUT_JSON.with(self),
            Self::Xml { .. } => kinds::XML_MALFORMED.with(self),
            Self::Shape(_) => kinds::INPUT_INVALID.with(self),
            Self::Invalid(violations) => to_problem(violations),
        }
    }
}

/// One field that breaks a rule. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, `data[3].NgayTiepNhan`.
    pub path: String,
    /// Which rule, in words of both languages.
    pub sentence: Sentence,
}

/// The problem document `input.invalid` of a list of violations.
pub fn to_problem(violations: &[Violation]) -> Problem {
    violations
        .iter()
        .fold(kinds::INPUT_INVALID.problem(), |problem, violation| {
            problem.breaks(violation.path.clone(), violation.sentence.clone())
        })
}

/// A habit of a producer that the reader looked past.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tolerance {
    /// Where, `data[3].NgayTiepNhan`.
    pub path: String,
    /// What was looked past.
    pub habit: Habit,
}

/// What a reader looks past (protocols §4.6, §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Habit {
    /// A byte order mark before the text.
    ByteOrderMark,
    /// A number where a text is asked for; leading zeros are lost before it comes here.
    Number,
    /// `true` or `false` where a text is asked for.
    Boolean,
    /// `null` instead of an empty text.
    Null,
    /// A field's name in other letter case.
    LetterCase,
    /// A time in this form instead of the usual one.
    Date(DateForm),
    /// A yes or no in this form instead of the usual one.
    Bool(BoolForm),
    /// A code that is not known; kept among the unknown fields.
    UnknownCode,
    /// A code in other letter case, with white space or leading zeros.
    Spelling,
    /// An older field in place of a newer one.
    OlderField,
    /// One object, or an empty text, where a list is asked for.
    List,
}
