//! How each foreign system writes days, birth dates, gender, truth and success, as one row of data per system (protocols §4.11):
//! an installation may replace a row, because gateways differ.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use lgsp_base::vi::Day;
use serde::{Deserialize, Serialize};

use super::codec::{BoolForm, DateForm};

/// The gender of a person, in the codings of the systems around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gender {
    /// Nam.
    Male,
    /// Nữ.
    Female,
    /// Khác.
    Other,
}

type Text = Cow<'static, str>;

/// The texts that stand for genders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenderCoding {
    /// Text for male.
    pub male: Text,
    /// Text for female.
    pub female: Text,
    /// Text for another gender, if the system has one.
    #[serde(default)]
    pub other: Option<Text>,
}

impl GenderCoding {
    const fn new(male: &'static str, female: &'static str, other: Option<&'static str>) -> Self {
        Self {
            male: Cow::Borrowed(male),
            female: Cow::Borrowed(female),
            other: match other {
                Some(text) => Some(Cow::Borrowed(text)),
                None => None,
            },
        }
    }

    /// The gender of a text.
    pub fn read(&self, text: &str) -> Option<Gender> {
        if text == self.male {
            Some(Gender::Male)
        } else if text == self.female {
            Some(Gender::Female)
        } else {
            (self.other.as_deref() == Some(text)).then_some(Gender::Other)
        }
    }

    /// The text of a gender, if the system has one.
    pub fn write(&self, gender: Gender) -> Option<&str> {
        match gender {
            Gender::Male => Some(&self.male),
            Gender::Female => Some(&self.female),
            Gender::Other => self.other.as_deref(),
        }
    }
}

/// A day, a month or a year: birth dates of older people are not known to the day. As text ISO 8601, `1989-08-12`, `1989-08`, `1989`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartialDate {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
}

/// The text is no day, month or year of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day, month or year in the form yyyy-MM-dd, yyyy-MM or yyyy")]
pub struct NotAPartialDate;

/// Years that a birth date may have.
const YEARS: std::ops::RangeInclusive<i16> = 1800..=2999;

impl PartialDate {
    /// A date of the calendar. A day needs a month.
    pub fn new(year: i16, month: Option<i8>, day: Option<i8>) -> Option<Self> {
        let is_whole = day.is_none() || month.is_some();
        let exists = Day::new(year, month.unwrap_or(1), day.unwrap_or(1)).is_some();
        (is_whole && exists && YEARS.contains(&year)).then_some(Self { year, month, day })
    }

    /// The year.
    pub const fn year(self) -> i16 {
        self.year
    }

    /// The month, if known.
    pub const fn month(self) -> Option<i8> {
        self.month
    }

    /// The day of the month, if known.
    pub const fn day(self) -> Option<i8> {
        self.day
    }

    /// `loaiNgaySinh` of social insurance: 0 the day is known, 1 the year alone, 2 the month.
    pub const fn insurance_kind(self) -> &'static str {
        match (self.month, self.day) {
            (_, Some(_)) => "0",
            (None, None) => "1",
            (Some(_), None) => "2",
        }
    }

    /// From texts of digits alone: year with 4, month and day with 1 or 2.
    fn of_digits(year: &str, month: Option<&str>, day: Option<&str>) -> Option<Self> {
        let pair = |text: Option<&str>| match text {
            None => Some(None),
            Some(text) if matches!(text.len(), 1 | 2) && is_digits(text) => {
                text.parse().ok().map(Some)
            }
            Some(_) => None,
        };
        let year = (year.len() == 4 && is_digits(year)).then(|| year.parse().ok())??;
        Self::new(year, pair(month)?, pair(day)?)
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        for part in [self.month, self.day].into_iter().flatten() {
            write!(f, "-{part:02}")?;
        }
        Ok(())
    }
}

impl FromStr for PartialDate {
    type Err = NotAPartialDate;

    fn from_str(text: &str) -> Result<Self, NotAPartialDate> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next().unwrap_or(""), parts.next(), parts.next());
        if parts.next().is_some() {
            return Err(NotAPartialDate);
        }
        Self::of_digits(year, month, day).ok_or(NotAPartialDate)
    }
}

impl TryFrom<String> for PartialDate {
    type Error = NotAPartialDate;

    fn try_from(text: String) -> Result<Self, NotAPartialDate> {
        text.parse()
    }
}

impl From<PartialDate> for String {
    fn from(date: PartialDate) -> Self {
        date.to_string()
    }
}

/// How a [`PartialDate`] is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BirthForm {
    /// `12/08/1989`, `08/1989`, `1989`.
    Slashes,
    /// `12.08.1989`, `08.1989`, `1989`.
    Dots,
    /// `19890812`, `198908`, `1989`.
    Compact,
}

impl BirthForm {
    /// Every form.
    pub const ALL: [BirthForm; 3] = [Self::Slashes, Self::Dots, Self::Compact];

    /// The date of a text in this form.
    pub fn read(self, text: &str) -> Option<PartialDate> {
        let separator = match self {
            Self::Slashes => '/',
            Self::Dots => '.',
            Self::Compact => {
                let (year, rest) = text.split_at_checked(4)?;
                let (month, day) = rest.split_at_checked(rest.len().min(2))?;
                let part = |text| Some(text).filter(|text: &&str| !text.is_empty());
                let is_whole = rest.is_empty() || month.len() == 2 && matches!(day.len(), 0 | 2);
                return is_whole
                    .then(|| PartialDate::of_digits(year, part(month), part(day)))
                    .flatten();
            }
        };
        let mut parts = text.rsplit(separator);
        let (year, month, day) = (parts.next().unwrap_or(""), parts.next(), parts.next());
        if parts.next().is_some() {
            return None;
        }
        PartialDate::of_digits(year, month, day)
    }

    /// The date of a text in this form, in another one, or as ISO 8601.
    pub fn read_loosely(self, text: &str) -> Option<PartialDate> {
        self.read(text)
            .or_else(|| Self::ALL.into_iter().find_map(|form| form.read(text)))
            .or_else(|| text.parse().ok())
    }

    /// A date in this form.
    pub fn write(self, date: PartialDate) -> String {
        let parts = [date.day, date.month].into_iter().flatten();
        let year = format!("{:04}", date.year);
        match self {
            Self::Slashes => parts.map(|part| format!("{part:02}/")).collect::<String>() + &year,
            Self::Dots => parts.map(|part| format!("{part:02}.")).collect::<String>() + &year,
            Self::Compact => date.to_string().replace('-', ""),
        }
    }
}

/// The habits of one foreign system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignForms {
    /// Times.
    pub time: DateForm,
    /// Days.
    pub day: DateForm,
    /// Birth dates.
    pub birth: BirthForm,
    /// Yes and no.
    pub truth: BoolForm,
    /// Genders.
    pub gender: GenderCoding,
    /// Codes of success.
    pub success: Cow<'static, [Text]>,
}

const ZERO: &[Text] = &[Cow::Borrowed("0"), Cow::Borrowed("00")];
const ONE: &[Text] = &[Cow::Borrowed("1")];

/// The national portal. Its catalogue of genders is the national one, 1 and 2.
pub static PORTAL: ForeignForms = ForeignForms {
    time: DateForm::CompactTime,
    day: DateForm::CompactDate,
    birth: BirthForm::Compact,
    truth: BoolForm::Digit,
    gender: GenderCoding::new("1", "2", None),
    success: Cow::Borrowed(ZERO),
};

/// Civil status (hộ tịch). Days with dots are seen in public clients; the coding of genders is inferred.
pub static CIVIL_STATUS: ForeignForms = ForeignForms {
    time: DateForm::DottedDate,
    day: DateForm::DottedDate,
    birth: BirthForm::Dots,
    truth: BoolForm::Digit,
    gender: GenderCoding::new("1", "2", None),
    success: Cow::Borrowed(ONE),
};

/// Criminal records (lý lịch tư pháp). The code of success is inferred from its sister systems.
pub static CRIMINAL_RECORD: ForeignForms = ForeignForms {
    time: DateForm::DayFirstDate,
    day: DateForm::DayFirstDate,
    birth: BirthForm::Slashes,
    truth: BoolForm::Digit,
    gender: GenderCoding::new("1", "0", None),
    success: Cow::Borrowed(ONE),
};

/// Social insurance (BHXH). How a year or a month alone is written is inferred.
pub static INSURANCE: ForeignForms = ForeignForms {
    time: DateForm::CompactDate,
    day: DateForm::CompactDate,
    birth: BirthForm::Compact,
    truth: BoolForm::Digit,
    gender: GenderCoding::new("1", "2", Some("3")),
    success: Cow::Borrowed(ZERO),
};

/// Business registration (đăng ký doanh nghiệp). It has no genders; the national coding stands in.
pub static ENTERPRISE: ForeignForms = ForeignForms {
    time: DateForm::DayFirstDate,
    day: DateForm::DayFirstDate,
    birth: BirthForm::Slashes,
    truth: BoolForm::Letter,
    gender: GenderCoding::new("1", "2", None),
    success: Cow::Borrowed(ONE),
};

/// The document systems of one province (REST of protocols §4.12). Its forms of times are inferred.
pub static REST_EXCHANGE: ForeignForms = ForeignForms {
    time: DateForm::DayFirstTime,
    day: DateForm::DayFirstDate,
    birth: BirthForm::Slashes,
    truth: BoolForm::Lower,
    gender: GenderCoding::new("1", "2", None),
    success: Cow::Borrowed(ZERO),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genders_of_every_system() {
        for (forms, male, female, other) in [
            (&PORTAL, "1", "2", None),
            (&CIVIL_STATUS, "1", "2", None),
            (&CRIMINAL_RECORD, "1", "0", None),
            (&INSURANCE, "1", "2", Some("3")),
            (&ENTERPRISE, "1", "2", None),
        ] {
            let coding = &forms.gender;
            assert_eq!(coding.read(male), Some(Gender::Male));
            assert_eq!(coding.read(female), Some(Gender::Female));
            assert_eq!(coding.write(Gender::Other), other);
            assert_eq!(coding.write(Gender::Female), Some(female));
            assert_eq!(coding.read("9"), None);
            if let Some(other) = other {
                assert_eq!(coding.read(other), Some(Gender::Other));
            }
        }
    }

    #[test]
    fn birth_dates_of_every_form() {
        let date = |text: &str| text.parse::<PartialDate>().expect(text);
        for (form, text, iso, kind) in [
            (BirthForm::Slashes, "12/08/1989", "1989-08-12", "0"),
            (BirthForm::Slashes, "08/1989", "1989-08", "2"),
            (BirthForm::Slashes, "1989", "1989", "1"),
            (BirthForm::Dots, "12.08.1989", "1989-08-12", "0"),
            (BirthForm::Dots, "08.1989", "1989-08", "2"),
            (BirthForm::Compact, "19890812", "1989-08-12", "0"),
            (BirthForm::Compact, "198908", "1989-08", "2"),
            (BirthForm::Compact, "1989", "1989", "1"),
        ] {
            assert_eq!(form.read(text), Some(date(iso)), "{text}");
            assert_eq!(form.write(date(iso)), text);
            assert_eq!(date(iso).to_string(), iso);
            assert_eq!(date(iso).insurance_kind(), kind);
            for other in BirthForm::ALL {
                assert_eq!(other.read_loosely(text), Some(date(iso)), "{text}");
            }
        }
        for text in [
            "",
            "89",
            "30/02/1989",
            "13/1989",
            "0/1989",
            "19890230",
            "1989081",
            "19890",
            "1/2/3/1989",
            "/1989",
            "12/08/89",
            "x",
            "1989-13",
            "9999",
            "١٩٨٩",
            "198９08",
        ] {
            assert_eq!(BirthForm::Slashes.read_loosely(text), None, "{text}");
        }
        assert_eq!(PartialDate::new(1989, None, Some(1)), None);
    }

    #[test]
    fn a_row_may_come_from_an_operator() {
        for forms in [
            &PORTAL,
            &CIVIL_STATUS,
            &CRIMINAL_RECORD,
            &INSURANCE,
            &ENTERPRISE,
            &REST_EXCHANGE,
        ] {
            let text = serde_json::to_string(forms).expect("text");
            assert_eq!(
                &serde_json::from_str::<ForeignForms>(&text).expect("a row"),
                forms
            );
        }
    }
}
