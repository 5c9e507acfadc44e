//! Dates and times as people read them, always in Asia/Ho_Chi_Minh (UTC+7 all year).
//!
//! Vietnamese dates are `05/11/2026`. English ones spell the month, `05 Nov 2026`, because `05/11` means two days.

use std::fmt;
use std::str::FromStr;

use jiff::Span;
use jiff::civil::{Date, Weekday};

use crate::{Lang, Timestamp};

/// The zone in which people are shown times, by its name in the IANA data base.
pub const ZONE: &str = "Asia/Ho_Chi_Minh";
/// The distance of [`ZONE`] from UTC; Vietnam has no summer time.
pub const ZONE_OFFSET: &str = "+07:00";

/// A calendar day in Vietnam, written `yyyy-MM-dd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// A day of the calendar, or none if there is no such day.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self)
    }

    /// The day in Vietnam at an instant.
    pub fn of(at: Timestamp) -> Self {
        Self(at.zoned().date())
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The month, 1 to 12.
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// The day of the month, 1 to 31.
    pub fn day(self) -> i8 {
        self.0.day()
    }

    /// True on Saturday and Sunday.
    pub fn is_weekend(self) -> bool {
        matches!(self.0.weekday(), Weekday::Saturday | Weekday::Sunday)
    }

    /// So many days later, or earlier if negative; none beyond the calendar (years -9999 to 9999).
    pub fn plus_days(self, days: i32) -> Option<Self> {
        self.0.checked_add(Span::new().days(days)).ok().map(Self)
    }

    /// Midnight in Vietnam at the start of the day.
    pub fn start(self) -> Timestamp {
        Timestamp::from_civil_date(&self.to_string()).unwrap_or_default()
    }

    /// `05/11/2026`, in English `05 Nov 2026`.
    pub fn show(self, lang: Lang) -> String {
        match lang {
            Lang::Vi => self.0.strftime("%d/%m/%Y").to_string(),
            Lang::En => self.0.strftime("%d %b %Y").to_string(),
        }
    }

    /// As official letters write it: `ngày 05 tháng 11 năm 2026`, in English `5 November 2026`.
    ///
    /// A leading zero stands before days below 10 and before the months 1 and 2 alone (Decree 30/2020/NĐ-CP, annex I, part II, I.4).
    pub fn show_long(self, lang: Lang) -> String {
        let (year, month, day) = (self.year(), self.month(), self.day());
        match lang {
            Lang::Vi if month < 3 => format!("ngày {day:02} tháng {month:02} năm {year}"),
            Lang::Vi => format!("ngày {day:02} tháng {month} năm {year}"),
            Lang::En => self.0.strftime("%-d %B %Y").to_string(),
        }
    }

    /// The day of the week: `Thứ Năm`, `Chủ nhật`; `Thursday`.
    pub fn weekday(self, lang: Lang) -> &'static str {
        let (vi, en) = match self.0.weekday() {
            Weekday::Monday => ("Thứ Hai", "Monday"),
            Weekday::Tuesday => ("Thứ Ba", "Tuesday"),
            Weekday::Wednesday => ("Thứ Tư", "Wednesday"),
            Weekday::Thursday => ("Thứ Năm", "Thursday"),
            Weekday::Friday => ("Thứ Sáu", "Friday"),
            Weekday::Saturday => ("Thứ Bảy", "Saturday"),
            Weekday::Sunday => ("Chủ nhật", "Sunday"),
        };
        match lang {
            Lang::Vi => vi,
            Lang::En => en,
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%d"))
    }
}

impl FromStr for Day {
    type Err = NotADay;

    /// Reads `yyyy-MM-dd`.
    fn from_str(text: &str) -> Result<Self, NotADay> {
        Date::strptime("%Y-%m-%d", text)
            .map(Self)
            .map_err(|_| NotADay)
    }
}

/// The text is no day in the form `yyyy-MM-dd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day in the form yyyy-MM-dd")]
pub struct NotADay;

/// `05/11/2026`, in English `05 Nov 2026`.
pub fn date(at: Timestamp, lang: Lang) -> String {
    Day::of(at).show(lang)
}

/// `05/11/2026 09:07:09`, in English `05 Nov 2026 09:07:09`.
pub fn date_time(at: Timestamp, lang: Lang) -> String {
    format!("{} {}", date(at, lang), time_of_day(at))
}

/// With its zone, as audit views need it: `05/11/2026 09:07:09 (Asia/Ho_Chi_Minh, +07:00)`.
pub fn date_time_zoned(at: Timestamp, lang: Lang) -> String {
    format!("{} ({ZONE}, {ZONE_OFFSET})", date_time(at, lang))
}

/// As official letters write it: `ngày 05 tháng 11 năm 2026`, in English `5 November 2026`; see [`Day::show_long`].
pub fn long_date(at: Timestamp, lang: Lang) -> String {
    Day::of(at).show_long(lang)
}

/// `09:07:09`, the same in both languages.
pub fn time_of_day(at: Timestamp) -> String {
    at.zoned().strftime("%H:%M:%S").to_string()
}

/// `09:07`, the same in both languages.
pub fn hour_minute(at: Timestamp) -> String {
    at.zoned().strftime("%H:%M").to_string()
}

/// For spreadsheets and machines that want local time: `2026-11-05T09:07:09+07:00` (ISO 8601).
pub fn iso_local(at: Timestamp) -> String {
    format!("{}{ZONE_OFFSET}", at.zoned().strftime("%Y-%m-%dT%H:%M:%S"))
}

/// As short as it stays clear at a moment: the time alone on the same day, otherwise `05/11 09:07`, with the year in another year.
pub fn short_time(at: Timestamp, now: Timestamp, lang: Lang) -> String {
    let (then, today) = (Day::of(at), Day::of(now));
    if then == today {
        time_of_day(at)
    } else if then.year() == today.year() {
        let form = match lang {
            Lang::Vi => "%d/%m",
            Lang::En => "%d %b",
        };
        format!("{} {}", then.0.strftime(form), hour_minute(at))
    } else {
        format!("{} {}", date(at, lang), hour_minute(at))
    }
}
