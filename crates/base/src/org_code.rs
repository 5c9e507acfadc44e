//! Codes of organisations: the schemes in use, tolerant matching of foreign ones, strict checking of those we issue.
//!
//! Sources: Decision 20/2020/QĐ-TTg, QCVN 102:2016/BTTTT; protocols §3. No formula converts one scheme into another: the
//! registry keeps a table.

use std::fmt;
use std::str::FromStr;

use crate::limits;

/// A system of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Decision 20/2020/QĐ-TTg, level 1 at the left: `H56.14`.
    Qd20,
    /// QCVN 102:2016, level 1 at the right: `000.00.14.H56`.
    Qcvn102,
    /// Tax or business registration number.
    Tax,
    /// Code of an administrative unit (ĐVHC) of the statistics office.
    AdminUnit,
    /// Budget-unit code (ĐVQHNS).
    BudgetUnit,
    /// Any code under which the national document axis knows the organisation.
    Axis,
    /// X-Road member id, `VN/GOV/…`.
    Xroad,
    /// A code of a local system that fits no other scheme.
    Local,
}

impl Scheme {
    /// Every scheme, in order of precedence when a code is looked up without naming its scheme.
    pub const ALL: [Scheme; 8] = [
        Scheme::Qd20,
        Scheme::Qcvn102,
        Scheme::Axis,
        Scheme::Tax,
        Scheme::AdminUnit,
        Scheme::BudgetUnit,
        Scheme::Xroad,
        Scheme::Local,
    ];

    /// Schemes under which a message may name its sender and receivers. An administrative unit's number is not one:
    /// `01` names a territory, not a body.
    pub const ADDRESSABLE: [Scheme; 6] = [
        Scheme::Qd20,
        Scheme::Qcvn102,
        Scheme::Axis,
        Scheme::Tax,
        Scheme::Xroad,
        Scheme::Local,
    ];

    /// The stable word used in the store, the API and files.
    pub const fn name(self) -> &'static str {
        match self {
            Scheme::Qd20 => "qd20",
            Scheme::Qcvn102 => "qcvn102",
            Scheme::Tax => "tax",
            Scheme::AdminUnit => "admin_unit",
            Scheme::BudgetUnit => "budget_unit",
            Scheme::Axis => "axis",
            Scheme::Xroad => "xroad",
            Scheme::Local => "local",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The word names no scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown code scheme")]
pub struct UnknownScheme;

impl FromStr for Scheme {
    type Err = UnknownScheme;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Scheme::ALL
            .into_iter()
            .find(|scheme| scheme.name() == text)
            .ok_or(UnknownScheme)
    }
}

/// Why a code cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Nothing but white space.
    #[error("the code is empty")]
    Empty,
    /// Longer than [`limits::ORG_CODE_CHARS_MAX`].
    #[error("the code is longer than {} characters", limits::ORG_CODE_CHARS_MAX)]
    TooLong,
    /// A control character, or the word `null` that some producers write.
    #[error("the code has characters that no code has")]
    Characters,
    /// Issued by us it must follow the scheme's form.
    #[error("the code does not follow the form of its scheme")]
    Form,
}

/// The key under which a code is matched: trimmed, upper case. Tolerates any irregular foreign code (R-ORG-10).
///
/// # Errors
/// [`CodeError`] for an empty, over-long or unprintable text, or the word `null`.
pub fn key(code: &str) -> Result<String, CodeError> {
    let code = code.trim();
    if code.is_empty() {
        return Err(CodeError::Empty);
    }
    if code.chars().count() > limits::ORG_CODE_CHARS_MAX {
        return Err(CodeError::TooLong);
    }
    if code.chars().any(char::is_control) || code.eq_ignore_ascii_case("null") {
        return Err(CodeError::Characters);
    }
    Ok(code.to_uppercase())
}

/// Checks a code that we are about to issue: strict where [`key`] is tolerant. Enterprises keep their registration number.
///
/// # Errors
/// [`CodeError::Form`] when the text does not follow its scheme.
pub fn check_issued(scheme: Scheme, code: &str) -> Result<(), CodeError> {
    let ok = match scheme {
        Scheme::Qd20 => is_qd20(code) || is_registration_number(code),
        Scheme::Qcvn102 => is_qcvn102(code),
        Scheme::Tax => is_registration_number(code),
        Scheme::AdminUnit => {
            matches!(code.len(), 2 | 3 | 5) && code.bytes().all(|b| b.is_ascii_digit())
        }
        Scheme::BudgetUnit => code.len() == 7 && code.bytes().all(|b| b.is_ascii_digit()),
        Scheme::Axis | Scheme::Xroad | Scheme::Local => key(code).is_ok(),
    };
    if ok { Ok(()) } else { Err(CodeError::Form) }
}

/// The form of Decision 20/2020: `^[A-Y]\d{2}(\.[0-9A-Z]+)*$`, at most 35 characters.
pub fn is_qd20(code: &str) -> bool {
    const QD20_CHARS_MAX: usize = 35;
    let mut groups = code.split('.');
    let first = groups.next().unwrap_or("").as_bytes();
    code.len() <= QD20_CHARS_MAX
        && matches!(first, [letter, a, b]
            if (b'A'..=b'Y').contains(letter) && a.is_ascii_digit() && b.is_ascii_digit())
        && groups.all(|group| {
            !group.is_empty()
                && group
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        })
}

/// The form of QCVN 102:2016: `^\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}$`.
pub fn is_qcvn102(code: &str) -> bool {
    let digits = |group: &str, count: usize| {
        group.len() == count && group.bytes().all(|b| b.is_ascii_digit())
    };
    let groups: Vec<&str> = code.split('.').collect();
    matches!(groups.as_slice(), [v, z, y, m]
        if digits(v, 3) && digits(z, 2) && digits(y, 2)
            && matches!(m.as_bytes(), [letter, a, b]
                if letter.is_ascii_uppercase() && a.is_ascii_digit() && b.is_ascii_digit()))
}

/// A business registration or tax number: 10 digits, or 10 digits, a hyphen and 3 digits.
pub fn is_registration_number(code: &str) -> bool {
    let (head, branch) = match code.split_once('-') {
        Some((head, branch)) => (head, Some(branch)),
        None => (code, None),
    };
    head.len() == 10
        && head.bytes().all(|b| b.is_ascii_digit())
        && branch.is_none_or(|b| b.len() == 3 && b.bytes().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issued_codes_follow_their_form() {
        for good in [
            "H56.14",
            "H26.31.8",
            "G12.01",
            "H21.129",
            "H37.DN.001",
            "H99",
            "0101234567",
        ] {
            assert_eq!(check_issued(Scheme::Qd20, good), Ok(()), "{good}");
        }
        for bad in [
            "Z99",
            "h56.14",
            "H5",
            "H56.",
            "H56..1",
            "28.22.H17",
            "vxp.saas.03",
            "H56.14 ",
        ] {
            assert_eq!(
                check_issued(Scheme::Qd20, bad),
                Err(CodeError::Form),
                "{bad}"
            );
        }
        assert!(is_qd20(&format!("H56.{}", "1".repeat(31))));
        assert!(!is_qd20(&format!("H56.{}", "1".repeat(32))));
        for good in ["000.00.00.H41", "002.00.20.H13"] {
            assert!(is_qcvn102(good), "{good}");
        }
        for bad in ["00.22.W00", "999.010.01.H22", "000.00.00.41H"] {
            assert!(!is_qcvn102(bad), "{bad}");
        }
    }

    #[test]
    fn foreign_codes_are_tolerated() {
        for odd in [
            "28.22.H17",
            "999.010.01.H22",
            "00.22.W00",
            "99.99.99.G21",
            "vxp.saas.03",
        ] {
            assert!(key(odd).is_ok(), "{odd}");
        }
        assert_eq!(key(" vxp.saas.03 ").as_deref(), Ok("VXP.SAAS.03"));
        assert_eq!(key("  "), Err(CodeError::Empty));
        assert_eq!(key("null"), Err(CodeError::Characters));
        assert_eq!(key("a\nb"), Err(CodeError::Characters));
        assert_eq!(
            key(&"A".repeat(limits::ORG_CODE_CHARS_MAX + 1)),
            Err(CodeError::TooLong)
        );
    }

    #[test]
    fn scheme_names_round_trip() {
        for scheme in Scheme::ALL {
            assert_eq!(scheme.name().parse(), Ok(scheme));
        }
    }
}
