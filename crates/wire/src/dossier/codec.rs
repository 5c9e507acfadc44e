//! How foreign systems write times and truth, as data: one row per form, so that a protocol is a choice of rows and not code
//! (protocols §4.11, §8). Official times carry no zone and are Vietnamese time, GMT+7.

use std::time::Duration;

use lgsp_base::Timestamp;
use lgsp_base::vi::Day;
use serde::{Deserialize, Serialize};

/// Years that a time may have.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=9999;
/// Digits of a time in milliseconds since 1970: September 2001 to November 2286.
const EPOCH_MILLIS_DIGITS: usize = 13;

/// A form in which a time or a day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateForm {
    /// `20260312081500`, the form of Cổng DVCQG.
    CompactTime,
    /// `202603120815`.
    CompactMinute,
    /// `20260312`.
    CompactDate,
    /// `12/03/2026 08:15:00`.
    DayFirstTime,
    /// `12/03/2026 08:15`.
    DayFirstMinute,
    /// `12/03/2026`.
    DayFirstDate,
    /// `12.03.2026`.
    DottedDate,
    /// `2026/03/12 08:15:00`.
    YearFirstTime,
    /// `2026/03/12`.
    YearFirstDate,
    /// `2026-03-12T08:15:00` without a zone.
    IsoLocal,
    /// `2026-03-12 08:15:00`.
    IsoSpaced,
    /// `2026-03-12`.
    IsoDate,
    /// RFC 3339 with a zone.
    Rfc3339,
    /// Milliseconds since 1970, 13 digits; never guessed at, as a compact time that lost a digit looks the same.
    EpochMillis,
}

impl DateForm {
    /// Every form. No text is read by two of them.
    pub const ALL: [DateForm; 14] = [
        Self::CompactTime,
        Self::CompactMinute,
        Self::CompactDate,
        Self::DayFirstTime,
        Self::DayFirstMinute,
        Self::DayFirstDate,
        Self::DottedDate,
        Self::YearFirstTime,
        Self::YearFirstDate,
        Self::IsoLocal,
        Self::IsoSpaced,
        Self::IsoDate,
        Self::Rfc3339,
        Self::EpochMillis,
    ];

    /// The places of the digits; `None` for the forms that are no such row.
    const fn pattern(self) -> Option<&'static str> {
        Some(match self {
            Self::CompactTime => "yyyyMMddHHmmss",
            Self::CompactMinute => "yyyyMMddHHmm",
            Self::CompactDate => "yyyyMMdd",
            Self::DayFirstTime => "dd/MM/yyyy HH:mm:ss",
            Self::DayFirstMinute => "dd/MM/yyyy HH:mm",
            Self::DayFirstDate => "dd/MM/yyyy",
            Self::DottedDate => "dd.MM.yyyy",
            Self::YearFirstTime => "yyyy/MM/dd HH:mm:ss",
            Self::YearFirstDate => "yyyy/MM/dd",
            Self::IsoLocal => "yyyy-MM-ddTHH:mm:ss",
            Self::IsoSpaced => "yyyy-MM-dd HH:mm:ss",
            Self::IsoDate => "yyyy-MM-dd",
            Self::Rfc3339 | Self::EpochMillis => return None,
        })
    }

    /// The instant of a text in exactly this form, to the second; a day is its midnight. `None` also for days that do not
    /// exist and for years before 1900.
    pub fn read(self, text: &str) -> Option<Timestamp> {
        let at = match (self, self.pattern()) {
            (_, Some(pattern)) => Parts::read(pattern, text)?.instant()?,
            (Self::EpochMillis, _) => {
                let is_millis = text.len() == EPOCH_MILLIS_DIGITS
                    && text.bytes().all(|byte| byte.is_ascii_digit());
                Timestamp::from_millis(is_millis.then(|| text.parse().ok())??)
            }
            // A day alone is another row.
            _ => Timestamp::parse(text.contains(['T', 't']).then_some(text)?)?,
        };
        let second = 1_000_000;
        let at = Timestamp::from_micros(at.as_micros().div_euclid(second) * second);
        YEARS.contains(&Day::of(at).year()).then_some(at)
    }

    /// The instant of a text in any form but [`DateForm::EpochMillis`], and in which.
    pub fn read_any(text: &str) -> Option<(Timestamp, DateForm)> {
        Self::ALL
            .into_iter()
            .filter(|form| *form != Self::EpochMillis)
            .find_map(|form| form.read(text).map(|at| (at, form)))
    }

    /// The instant of a text in this form, or in any form of [`DateForm::read_any`], and in which.
    pub fn read_loosely(self, text: &str) -> Option<(Timestamp, DateForm)> {
        self.read(text)
            .map(|at| (at, self))
            .or_else(|| Self::read_any(text))
    }

    /// An instant in this form, to the second or as coarse as the form is.
    pub fn write(self, at: Timestamp) -> String {
        match (self, self.pattern()) {
            (_, Some(pattern)) => Parts::of(at).write(pattern),
            (Self::EpochMillis, _) => (at.as_millis().div_euclid(1_000) * 1_000).to_string(),
            _ => lgsp_base::vi::iso_local(at),
        }
    }
}

/// The numbers of a civil time.
#[derive(Default)]
struct Parts {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Parts {
    fn slot(&mut self, letter: u8) -> Option<&mut u32> {
        Some(match letter {
            b'y' => &mut self.year,
            b'M' => &mut self.month,
            b'd' => &mut self.day,
            b'H' => &mut self.hour,
            b'm' => &mut self.minute,
            b's' => &mut self.second,
            _ => return None,
        })
    }

    fn read(pattern: &str, text: &str) -> Option<Self> {
        if pattern.len() != text.len() {
            return None;
        }
        let mut parts = Self::default();
        for (letter, byte) in pattern.bytes().zip(text.bytes()) {
            match parts.slot(letter) {
                Some(slot) if byte.is_ascii_digit() => {
                    *slot = *slot * 10 + u32::from(byte - b'0');
                }
                None if letter == byte => {}
                _ => return None,
            }
        }
        Some(parts)
    }

    fn instant(&self) -> Option<Timestamp> {
        let day = Day::new(
            i16::try_from(self.year).ok()?,
            i8::try_from(self.month).ok()?,
            i8::try_from(self.day).ok()?,
        )?;
        if !YEARS.contains(&day.year()) || self.hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let seconds = (self.hour * 60 + self.minute) * 60 + self.second;
        Some(day.start().plus(Duration::from_secs(u64::from(seconds))))
    }

    /// From `yyyy/MM/dd HH:mm:ss`, as the words write an instant; years beyond four digits do not occur in what was read.
    fn of(at: Timestamp) -> Self {
        Self::read("yyyy/MM/dd HH:mm:ss", &at.to_edxml()).unwrap_or_default()
    }

    fn write(&mut self, pattern: &str) -> String {
        // From the right, so that each letter takes its number's last digit.
        let mut text: Vec<char> = pattern
            .bytes()
            .rev()
            .map(|letter| match self.slot(letter) {
                Some(slot) => {
                    let digit = *slot % 10;
                    *slot /= 10;
                    char::from_digit(digit, 10).unwrap_or('0')
                }
                None => char::from(letter),
            })
            .collect();
        text.reverse();
        text.into_iter().collect()
    }
}

/// A form in which yes or no is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoolForm {
    /// `"1"` and `"0"`.
    Digit,
    /// `"True"` and `"False"`.
    Word,
    /// `"true"` and `"false"`, or the JSON values.
    Lower,
    /// `"Y"` and `"N"`.
    Letter,
}

impl BoolForm {
    /// Every form. No text is read by two of them.
    pub const ALL: [BoolForm; 4] = [Self::Digit, Self::Word, Self::Lower, Self::Letter];

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Digit => ("0", "1"),
            Self::Word => ("False", "True"),
            Self::Lower => ("false", "true"),
            Self::Letter => ("N", "Y"),
        }
    }

    /// The truth of a text in exactly this form.
    pub fn read(self, text: &str) -> Option<bool> {
        let (no, yes) = self.texts();
        (text == no || text == yes).then_some(text == yes)
    }

    /// The truth of a text in any form, and in which.
    pub fn read_any(text: &str) -> Option<(bool, BoolForm)> {
        Self::ALL
            .into_iter()
            .find_map(|form| form.read(text).map(|value| (value, form)))
    }

    /// A truth in this form.
    pub const fn write(self, value: bool) -> &'static str {
        let (no, yes) = self.texts();
        if value { yes } else { no }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    #[test]
    fn every_form_reads_and_writes_its_row() {
        let time = at("2026-03-12T01:15:07Z");
        let minute = at("2026-03-12T01:15:00Z");
        let day = at("2026-03-11T17:00:00Z");
        for (form, text, value) in [
            (DateForm::CompactTime, "20260312081507", time),
            (DateForm::CompactMinute, "202603120815", minute),
            (DateForm::CompactDate, "20260312", day),
            (DateForm::DayFirstTime, "12/03/2026 08:15:07", time),
            (DateForm::DayFirstMinute, "12/03/2026 08:15", minute),
            (DateForm::DayFirstDate, "12/03/2026", day),
            (DateForm::DottedDate, "12.03.2026", day),
            (DateForm::YearFirstTime, "2026/03/12 08:15:07", time),
            (DateForm::YearFirstDate, "2026/03/12", day),
            (DateForm::IsoLocal, "2026-03-12T08:15:07", time),
            (DateForm::IsoSpaced, "2026-03-12 08:15:07", time),
            (DateForm::IsoDate, "2026-03-12", day),
            (DateForm::Rfc3339, "2026-03-12T08:15:07+07:00", time),
            (DateForm::EpochMillis, "1773278107000", time),
        ] {
            let guessed = (form != DateForm::EpochMillis).then_some((value, form));
            assert_eq!(DateForm::read_any(text), guessed, "{text}");
            assert_eq!(form.read(text), Some(value), "{text}");
            assert_eq!(form.write(value), text);
            let readers = DateForm::ALL.into_iter().filter(|f| f.read(text).is_some());
            assert_eq!(readers.count(), 1, "{text}");
        }
        assert_eq!(
            DateForm::read_any("2026-03-12T01:15:07.9Z"),
            Some((time, DateForm::Rfc3339))
        );
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "0",
            "20260230081500",
            "20260312240000",
            "20260312086000",
            "20260312080060",
            "20261301000000",
            "00000000000000",
            "18991231000000",
            "2026031208150",
            "202603120815000",
            "+2026031208150",
            "２０２６０３１２",
            "31/04/2026",
            "2026-3-2",
            "2026-03-12T",
            "99999999999999",
            "-000001-01-01T00:00:00Z",
            "1899-12-31T00:00:00Z",
        ] {
            assert_eq!(DateForm::read_any(text), None, "{text}");
        }
    }

    #[test]
    fn yes_and_no() {
        for (form, no, yes) in [
            (BoolForm::Digit, "0", "1"),
            (BoolForm::Word, "False", "True"),
            (BoolForm::Lower, "false", "true"),
            (BoolForm::Letter, "N", "Y"),
        ] {
            for (text, value) in [(no, false), (yes, true)] {
                assert_eq!(BoolForm::read_any(text), Some((value, form)));
                assert_eq!(form.write(value), text);
            }
        }
        assert_eq!(BoolForm::read_any("yes"), None);
    }
}
