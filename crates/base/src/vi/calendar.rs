//! Working days: which days offices work, and the counting of deadlines in *ngày làm việc*.
//!
//! Weekends, public holidays and make-up days come from a versioned table of text lines. One edition is compiled in
//! (`data/working-days.txt`); an installation may bring a newer one in the same form.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::vi::dates::Day;

/// The largest number of working days that is counted in one go, either way.
pub const WORKING_DAYS_MAX: i32 = 10_000;
/// Largest table in bytes.
pub const TABLE_BYTES_MAX: usize = 1024 * 1024;
/// Calendar days that a count may pass over: three per working day are plenty, Tết included.
const DAYS_MAX: i64 = 3 * WORKING_DAYS_MAX as i64 + 100;

/// Holidays with a fixed date, for years that the table does not cover (Labour Code 2019, article 112).
const FIXED_HOLIDAYS: [(i8, i8); 4] = [(1, 1), (4, 30), (5, 1), (9, 2)];

/// The words of the table for the compiled-in edition.
const BUILT_IN: &str = include_str!("../../data/working-days.txt");

/// A line that the table departs from weekends with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exception {
    is_working: bool,
    reason: String,
}

/// Which days are working days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkingCalendar {
    version: String,
    sources: BTreeMap<i16, String>,
    exceptions: BTreeMap<Day, Exception>,
}

/// A table that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The table is larger than [`TABLE_BYTES_MAX`].
    #[error("the table of working days has more than {TABLE_BYTES_MAX} bytes")]
    TooLarge,
    /// A line is none of `version`, `year`, `off`, `work`, or says what cannot be.
    #[error("line {line}: {cause}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// No line names the edition.
    #[error("the table of working days names no version")]
    NoVersion,
}

impl WorkingCalendar {
    /// The edition that is compiled in.
    pub fn built_in() -> &'static Self {
        static CALENDAR: OnceLock<WorkingCalendar> = OnceLock::new();
        // A test reads the compiled-in table; an unreadable one would leave weekends and fixed holidays.
        CALENDAR.get_or_init(|| Self::parse(BUILT_IN).unwrap_or_default())
    }

    /// Reads a table; the form of its lines is described in `data/working-days.txt`.
    pub fn parse(table: &str) -> Result<Self, CalendarError> {
        if table.len() > TABLE_BYTES_MAX {
            return Err(CalendarError::TooLarge);
        }
        let mut calendar = Self::default();
        for (index, line) in table.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                calendar.add(line).map_err(|cause| CalendarError::Line {
                    line: index + 1,
                    cause,
                })?;
            }
        }
        if calendar.version.is_empty() {
            return Err(CalendarError::NoVersion);
        }
        Ok(calendar)
    }

    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        let (keyword, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (first, reason) = rest
            .trim_start()
            .split_once(char::is_whitespace)
            .unwrap_or((rest.trim_start(), ""));
        match keyword {
            "version" => rest.trim().clone_into(&mut self.version),
            "year" => {
                let year = first.parse().map_err(|_| "a year is expected")?;
                if self
                    .sources
                    .insert(year, reason.trim().to_owned())
                    .is_some()
                {
                    return Err("the year stands there twice");
                }
            }
            "off" | "work" => {
                let day: Day = first
                    .parse()
                    .map_err(|_| "a day in the form yyyy-MM-dd is expected")?;
                let is_working = keyword == "work";
                if is_working != day.is_weekend() {
                    return Err("`off` is for Monday to Friday, `work` for Saturday and Sunday");
                }
                if !self.covers(day) {
                    return Err("the day stands before the line of its year");
                }
                let exception = Exception {
                    is_working,
                    reason: reason.trim().to_owned(),
                };
                if self.exceptions.insert(day, exception).is_some() {
                    return Err("the day stands there twice");
                }
            }
            _ => return Err("one of version, year, off, work is expected"),
        }
        Ok(())
    }

    /// Which edition of the table it is.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where the days of a year come from; none for a year that the table does not cover.
    pub fn source(&self, year: i16) -> Option<&str> {
        self.sources.get(&year).map(String::as_str)
    }

    /// True if the table knows the holidays of the day's year. For other years only weekends and holidays with a fixed date count,
    /// so that a deadline there is a forecast.
    pub fn covers(&self, day: Day) -> bool {
        self.sources.contains_key(&day.year())
    }

    /// True if offices work on that day.
    pub fn is_working_day(&self, day: Day) -> bool {
        if let Some(exception) = self.exceptions.get(&day) {
            return exception.is_working;
        }
        let is_fixed_holiday =
            !self.covers(day) && FIXED_HOLIDAYS.contains(&(day.month(), day.day()));
        !day.is_weekend() && !is_fixed_holiday
    }

    /// Why a day is off or a make-up day, in Vietnamese; none for ordinary days.
    pub fn reason(&self, day: Day) -> Option<&str> {
        self.exceptions
            .get(&day)
            .map(|exception| exception.reason.as_str())
    }

    /// The day so many working days after `start`, which itself does not count: a term begins on the day after (Civil Code 2015,
    /// article 147). Negative numbers count back. With 0 it is `start` or the first working day after it.
    ///
    /// None beyond [`WORKING_DAYS_MAX`] and beyond the calendar.
    pub fn add_working_days(&self, start: Day, count: i32) -> Option<Day> {
        if count.abs() > WORKING_DAYS_MAX {
            return None;
        }
        let step = if count < 0 { -1 } else { 1 };
        let mut day = start;
        let mut left = count.abs();
        if left == 0 {
            while !self.is_working_day(day) {
                day = day.plus_days(step)?;
            }
        }
        while left > 0 {
            day = day.plus_days(step)?;
            left -= i32::from(self.is_working_day(day));
        }
        Some(day)
    }

    /// How many working days lie after `from`, up to and including `to`: what [`WorkingCalendar::add_working_days`] adds. 0 when `to`
    /// is not after `from`; counts at most [`WORKING_DAYS_MAX`].
    pub fn working_days_between(&self, from: Day, to: Day) -> i32 {
        let mut count = 0;
        let mut day = from;
        for _ in 0..DAYS_MAX {
            if day >= to || count == WORKING_DAYS_MAX {
                break;
            }
            let Some(next) = day.plus_days(1) else {
                break;
            };
            day = next;
            count += i32::from(self.is_working_day(day));
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_compiled_in_table_is_read_and_covers_three_years() {
        let calendar = WorkingCalendar::parse(BUILT_IN).expect("readable");
        assert_eq!(&calendar, WorkingCalendar::built_in());
        for year in 2024..=2026 {
            assert!(!calendar.source(year).expect("covered").is_empty());
            // Every swapped day has its make-up day: 11 holidays of the law on weekdays, each swap one more and one less.
            let of_year = |is_working: bool| {
                calendar
                    .exceptions
                    .iter()
                    .filter(|(day, e)| day.year() == year && e.is_working == is_working)
                    .count()
            };
            let swaps = calendar
                .exceptions
                .iter()
                .filter(|(day, e)| day.year() == year && e.reason.starts_with("Hoán đổi"))
                .count();
            assert_eq!(of_year(true), swaps, "{year}");
        }
        assert_eq!(calendar.source(2027), None);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        let line = |table: &str| match WorkingCalendar::parse(table) {
            Err(CalendarError::Line { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line("version 1\nyear 2026 x\noff 2026-02-30 no day"), 3);
        assert_eq!(line("version 1\nyear 2026 x\noff 2026-08-22 a Saturday"), 3);
        assert_eq!(line("version 1\noff 2026-08-31 no year"), 2);
        assert_eq!(line("holiday 2026-01-01"), 1);
        let twice = "version 1\nyear 2026 x\noff 2026-08-31 a\noff 2026-08-31 b";
        assert_eq!(line(twice), 4);
        assert_eq!(
            WorkingCalendar::parse("year 2026 x"),
            Err(CalendarError::NoVersion)
        );
    }

    proptest! {
        #[test]
        fn adding_and_counting_agree(days in 0i32..900, count in 0i32..300) {
            let calendar = WorkingCalendar::built_in();
            let start = Day::new(2024, 1, 1).and_then(|day| day.plus_days(days)).expect("a day");
            let start = calendar.add_working_days(start, 0).expect("a day");
            let end = calendar.add_working_days(start, count).expect("a day");
            prop_assert!(calendar.is_working_day(end));
            prop_assert_eq!(calendar.working_days_between(start, end), count);
            prop_assert_eq!(calendar.add_working_days(end, -count), Some(start));
        }
    }
}
