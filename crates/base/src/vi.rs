//! The Vietnamese correctness kit: the one place that knows how Vietnamese texts are searched, compared, sorted and shown
//! (ux.md §3.4).
//!
//! Pages, tables, exports and messages use these functions and nothing else for numbers, dates and spans of time, so that
//! one thing looks the same everywhere. Every function that people see takes a [`Lang`](crate::Lang); the expected results stand in
//! `tests/golden/vi.json`, which other programs may read too. Nothing here changes what an author wrote: normalised forms are for
//! comparing and finding.

mod calendar;
mod collate;
mod dates;
mod durations;
mod fold;
mod legacy;
mod numbers;
mod shorten;
mod syllable;
mod tones;

pub use calendar::{CalendarError, TABLE_BYTES_MAX, WORKING_DAYS_MAX, WorkingCalendar};
pub use collate::{compare, sort_key};
pub use dates::{
    Day, NotADay, ZONE, ZONE_OFFSET, date, date_time, date_time_zoned, hour_minute, iso_local,
    long_date, short_time, time_of_day,
};
pub use durations::{ago, duration, overdue, remaining};
pub use fold::{fold, initials, nfc};
pub use legacy::{Legacy, detect_legacy};
pub use numbers::{
    change, compact, count, decimal, file_size, integer, money, number, percent, scaled,
};
pub use shorten::truncate_middle;
pub use tones::{canonical_tones, same_words};

#[cfg(test)]
mod tests;
