//! Codes of dossiers and of administrative procedures (Circular 01/2018/TT-VPCP, article 19; protocols §4.2).

use std::fmt;
use std::str::FromStr;

use lgsp_base::vi::Day;
use serde::{Deserialize, Serialize};

/// Characters of an agency code inside such a code (Decision 20/2020/QĐ-TTg).
const AGENCY_CHARS_MAX: usize = 35;
/// The century of the two-digit year: the codes exist since 2018.
const CENTURY: i16 = 2000;
/// `d.dddddd`.
const PROCEDURE_BASE_CHARS: usize = 8;

/// The text is no such code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DossierCodeError {
    /// Not three parts between hyphens, or a part in another form.
    #[error("not a code in the form agency-YYMMDD-XXXX")]
    Form,
    /// The day does not exist.
    #[error("the day in the code does not exist")]
    Day,
}

/// The code of a dossier: `<agency code>-YYMMDD-XXXX`, the agency code in the old style (`000.00.14.H20`) or the new one
/// (`H21.129`), then the day, then the running number of that unit and day with 4 digits, or 5 where a system had to issue the code
/// anew.
///
/// ```
/// use lgsp_wire::dossier::DossierCode;
/// let code: DossierCode = "H21.129-250812-0035".parse()?;
/// assert_eq!((code.agency(), code.number()), ("H21.129", "0035"));
/// assert_eq!(code.date().to_string(), "2025-08-12");
/// # Ok::<(), lgsp_wire::dossier::DossierCodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DossierCode {
    text: String,
    agency_len: usize,
    date: Day,
}

impl DossierCode {
    /// Composes a code.
    ///
    /// # Errors
    /// [`DossierCodeError::Form`] for an agency code in neither style, a year outside 2000 to 2099 or a number above 99999.
    pub fn new(agency: &str, date: Day, number: u32) -> Result<Self, DossierCodeError> {
        let year = date.year() - CENTURY;
        let text = format!(
            "{agency}-{year:02}{:02}{:02}-{number:04}",
            date.month(),
            date.day()
        );
        text.parse()
    }

    /// Reads as loosely as is safe: letter case, white space around the code and its hyphens, and typographic dashes.
    ///
    /// # Errors
    /// [`DossierCodeError`] as for the strict form.
    pub fn read(text: &str) -> Result<Self, DossierCodeError> {
        let parts: Vec<&str> = text.split(is_dash).map(str::trim).collect();
        match parts.as_slice() {
            [agency, day, number] => {
                format!("{}-{day}-{number}", agency.to_ascii_uppercase()).parse()
            }
            _ => Err(DossierCodeError::Form),
        }
    }

    /// The whole code.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The code of the agency that received the dossier, in either style.
    pub fn agency(&self) -> &str {
        self.text.get(..self.agency_len).unwrap_or("")
    }

    /// The day on which the code was issued.
    pub const fn date(&self) -> Day {
        self.date
    }

    /// The running number with its leading zeros, 4 or 5 digits.
    pub fn number(&self) -> &str {
        self.text.rsplit('-').next().unwrap_or("")
    }
}

const fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2013}' | '\u{2212}')
}

/// An agency code in one of the two styles, irregular group lengths included: groups of digits and capital letters between dots,
/// the first or the last of them a letter and two digits.
fn is_agency(code: &str) -> bool {
    let is_group = |group: &str| {
        !group.is_empty()
            && group
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    };
    let is_level_1 = |group: Option<&str>| {
        group.is_some_and(|group| {
            matches!(group.as_bytes(), [letter, a, b]
                if letter.is_ascii_uppercase() && a.is_ascii_digit() && b.is_ascii_digit())
        })
    };
    code.len() <= AGENCY_CHARS_MAX
        && code.split('.').all(is_group)
        && (is_level_1(code.split('.').next()) || is_level_1(code.rsplit('.').next()))
}

/// An agency code in the other of the two styles: `000.00.14.H20` for `H20.14` and back. None where the groups of one style do not
/// fit into the other, as with `H21.129`.
pub fn agency_in_other_style(code: &str) -> Option<String> {
    /// Digits of the groups of the old style, the lowest level first, below the letter.
    const OLD_DIGITS: [usize; 3] = [2, 2, 3];
    if !is_agency(code) {
        return None;
    }
    let is_letter = |group: &&str| group.starts_with(|c: char| c.is_ascii_uppercase());
    let groups: Vec<&str> = code.split('.').collect();
    if groups.first().is_some_and(is_letter) {
        let (top, below) = groups.split_first()?;
        if below.len() > OLD_DIGITS.len() {
            return None;
        }
        let mut old = vec![(*top).to_owned()];
        for (level, digits) in OLD_DIGITS.into_iter().enumerate() {
            match below.get(level) {
                Some(group) if group.len() == digits => old.push((*group).to_owned()),
                Some(_) => return None,
                None => old.push("0".repeat(digits)),
            }
        }
        old.reverse();
        return Some(old.join("."));
    }
    let is_zero = |group: &&&str| group.bytes().all(|byte| byte == b'0');
    let new: Vec<&str> = groups.iter().rev().copied().collect();
    let levels = new.len() - new.iter().rev().take_while(is_zero).count();
    Some(new.get(..levels)?.join("."))
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl FromStr for DossierCode {
    type Err = DossierCodeError;

    /// Reads the exact form.
    fn from_str(text: &str) -> Result<Self, DossierCodeError> {
        let mut parts = text.split('-');
        let (Some(agency), Some(day), Some(number), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(DossierCodeError::Form);
        };
        if !is_agency(agency)
            || day.len() != 6
            || !are_digits(day)
            || !matches!(number.len(), 4 | 5)
            || !are_digits(number)
        {
            return Err(DossierCodeError::Form);
        }
        let pair = |from: usize| {
            day.get(from..from + 2)
                .and_then(|digits| digits.parse::<i8>().ok())
                .ok_or(DossierCodeError::Form)
        };
        let year = CENTURY + i16::from(pair(0)?);
        let date = Day::new(year, pair(2)?, pair(4)?).ok_or(DossierCodeError::Day)?;
        Ok(Self {
            text: text.to_owned(),
            agency_len: agency.len(),
            date,
        })
    }
}

impl TryFrom<String> for DossierCode {
    type Error = DossierCodeError;

    fn try_from(text: String) -> Result<Self, DossierCodeError> {
        text.parse()
    }
}

impl From<DossierCode> for String {
    fn from(code: DossierCode) -> Self {
        code.text
    }
}

impl fmt::Display for DossierCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is no code of a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a code in the form d.dddddd, with or without an agency code behind it")]
pub struct ProcedureCodeError;

/// The code of an administrative procedure: `2.000488`; that of one province has the agency code behind it in either style,
/// `2.000488.000.00.00.H56` or `2.000488.H56`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProcedureCode(String);

impl ProcedureCode {
    /// Reads as loosely as is safe: letter case, and white space around the code.
    ///
    /// # Errors
    /// [`ProcedureCodeError`] as for the strict form.
    pub fn read(text: &str) -> Result<Self, ProcedureCodeError> {
        text.trim().to_ascii_uppercase().parse()
    }

    /// The whole code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The national code without an agency, `2.000488`.
    pub fn base(&self) -> &str {
        self.0.get(..PROCEDURE_BASE_CHARS).unwrap_or("")
    }

    /// The code of the agency whose procedure it is, if the code names one.
    pub fn suffix(&self) -> Option<&str> {
        self.0.get(PROCEDURE_BASE_CHARS + 1..)
    }
}

impl FromStr for ProcedureCode {
    type Err = ProcedureCodeError;

    /// Reads the exact form.
    fn from_str(text: &str) -> Result<Self, ProcedureCodeError> {
        let (base, rest) = text
            .split_at_checked(PROCEDURE_BASE_CHARS)
            .ok_or(ProcedureCodeError)?;
        let is_base = matches!(base.split_once('.'), Some((kind, number))
            if kind.len() == 1 && are_digits(kind) && number.len() == 6 && are_digits(number));
        let is_rest = rest.is_empty() || rest.strip_prefix('.').is_some_and(is_agency);
        if is_base && is_rest {
            Ok(Self(text.to_owned()))
        } else {
            Err(ProcedureCodeError)
        }
    }
}

impl TryFrom<String> for ProcedureCode {
    type Error = ProcedureCodeError;

    fn try_from(text: String) -> Result<Self, ProcedureCodeError> {
        text.parse()
    }
}

impl From<ProcedureCode> for String {
    fn from(code: ProcedureCode) -> Self {
        code.0
    }
}

impl fmt::Display for ProcedureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_styles_are_read() {
        for (text, agency, date, number) in [
            (
                "000.00.14.H20-190415-0007",
                "000.00.14.H20",
                "2019-04-15",
                "0007",
            ),
            ("H21.129-250812-0035", "H21.129", "2025-08-12", "0035"),
            ("H99.131-260312-00042", "H99.131", "2026-03-12", "00042"),
            ("H99-240229-9999", "H99", "2024-02-29", "9999"),
            ("28.22.H17-260312-0001", "28.22.H17", "2026-03-12", "0001"),
        ] {
            let code: DossierCode = text.parse().expect(text);
            assert_eq!(code.agency(), agency);
            assert_eq!(code.date().to_string(), date);
            assert_eq!(code.number(), number);
            assert_eq!(code.to_string(), text);
            let count = number.parse().expect("a number");
            if number.len() == 4 {
                assert_eq!(DossierCode::new(agency, code.date(), count), Ok(code));
            }
        }
    }

    #[test]
    fn agencies_are_written_in_both_styles() {
        for (old, new) in [
            ("000.00.00.H56", "H56"),
            ("000.00.14.H20", "H20.14"),
            ("000.05.14.H20", "H20.14.05"),
            ("123.05.14.H20", "H20.14.05.123"),
        ] {
            assert_eq!(agency_in_other_style(old).as_deref(), Some(new));
            assert_eq!(agency_in_other_style(new).as_deref(), Some(old));
        }
        for one_style in ["H21.129", "H20.1", "H1.2.3.4.5", "", "h20", "20.30"] {
            assert_eq!(agency_in_other_style(one_style), None, "{one_style}");
        }
    }

    #[test]
    fn wrong_codes_are_refused() {
        for text in [
            "",
            "-",
            "--",
            "H99.131",
            "H99.131-260312",
            "H99.131-260312-",
            "H99.131-260312-042",
            "H99.131-260312-000042",
            "H99.131-260312-00A2",
            "H99.131-26312-0042",
            "H99.131-2O0312-0042",
            "H99.131--260312-0042",
            "H99.131-260312-0042-1",
            "131-260312-0042",
            "H99..1-260312-0042",
            ".H99-260312-0042",
            "h99.131-260312-0042",
            " H99.131-260312-0042",
            "H99 .131-260312-0042",
            "Ｈ99.131-260312-0042",
            "H99.131-２６0312-0042",
        ] {
            assert_eq!(
                text.parse::<DossierCode>(),
                Err(DossierCodeError::Form),
                "{text}"
            );
        }
        for text in [
            "H99.131-260230-0042",
            "H99.131-250229-0042",
            "H99.131-261301-0042",
            "H99.131-260300-0042",
        ] {
            assert_eq!(
                text.parse::<DossierCode>(),
                Err(DossierCodeError::Day),
                "{text}"
            );
        }
        let long = format!("H99.{}-260312-0042", "1".repeat(32));
        assert_eq!(long.parse::<DossierCode>(), Err(DossierCodeError::Form));
        let year = Day::new(2100, 1, 1).expect("a day");
        assert!(DossierCode::new("H99", year, 1).is_err());
        assert!(DossierCode::new("H99", Day::new(1999, 1, 1).expect("a day"), 1).is_err());
        assert!(DossierCode::new("H99", Day::new(2026, 1, 1).expect("a day"), 100_000).is_err());
    }

    #[test]
    fn letter_case_and_space_are_forgiven_where_that_is_safe() {
        for text in [
            "h99.131-260312-0042",
            " H99.131 - 260312 - 0042\n",
            "H99.131–260312–0042",
        ] {
            assert_eq!(
                DossierCode::read(text).expect(text).as_str(),
                "H99.131-260312-0042"
            );
        }
        assert!(DossierCode::read("H99.131-26 0312-0042").is_err());
        assert_eq!(
            ProcedureCode::read(" 2.000488.h56 ")
                .expect("a code")
                .as_str(),
            "2.000488.H56"
        );
    }

    #[test]
    fn procedures_with_and_without_an_agency() {
        for (text, suffix) in [
            ("2.000488", None),
            ("2.000488.H56", Some("H56")),
            ("2.000488.000.00.00.H56", Some("000.00.00.H56")),
        ] {
            let code: ProcedureCode = text.parse().expect(text);
            assert_eq!((code.base(), code.suffix()), ("2.000488", suffix));
        }
        for text in [
            "",
            "2.00048",
            "2.0004888",
            "22.00488",
            "2.000488.",
            "2.000488H56",
            "2.000488.x",
            "2.00048８",
            "ả.000488",
        ] {
            assert_eq!(
                text.parse::<ProcedureCode>(),
                Err(ProcedureCodeError),
                "{text}"
            );
        }
    }

    #[test]
    fn as_json_they_are_texts() {
        let code: DossierCode = serde_json::from_str("\"H99.131-260312-0042\"").expect("a code");
        assert_eq!(
            serde_json::to_string(&code).expect("text"),
            "\"H99.131-260312-0042\""
        );
        assert!(serde_json::from_str::<DossierCode>("\"x\"").is_err());
        assert!(serde_json::from_str::<ProcedureCode>("\"x\"").is_err());
    }
}
