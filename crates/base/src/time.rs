//! Time as a value: the instant type, the clock that is passed in, and the forms in which times are written.
//!
//! Instants are UTC microseconds (a `BIGINT` in the store, RFC 3339 in the API). People are shown Asia/Ho_Chi_Minh,
//! `dd/MM/yyyy HH:mm:ss`. Durations and deadlines come from the monotonic reading, never from the wall clock.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use jiff::tz::{Offset, TimeZone};

/// Vietnam keeps UTC+7 all year; official times carry no zone (protocols §1.2).
const VIETNAM: Offset = Offset::constant(7);

/// An instant in UTC, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before everything: "since always" in validity periods.
    pub const BEGINNING: Timestamp = Timestamp(i64::MIN / 4);

    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This instant plus a duration, saturating.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This instant minus a duration, saturating.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Midnight in Vietnam at the start of a civil date (`yyyy-MM-dd`, `yyyy/MM/dd` or `dd/MM/yyyy`).
    pub fn from_civil_date(text: &str) -> Option<Self> {
        let date = parse_date(text)?;
        let zoned = date.to_zoned(TimeZone::fixed(VIETNAM)).ok()?;
        Some(Self(zoned.timestamp().as_microsecond()))
    }

    /// RFC 3339, or a civil date as in [`Timestamp::from_civil_date`].
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(parsed) = text.parse::<jiff::Timestamp>() {
            return Some(Self(parsed.as_microsecond()));
        }
        Self::from_civil_date(text)
    }

    /// The time of an edXML message, `yyyy/MM/dd HH:mm:ss`, read as Vietnamese local time (protocols §1.2).
    pub fn from_edxml(text: &str) -> Option<Self> {
        let civil = jiff::civil::DateTime::strptime("%Y/%m/%d %H:%M:%S", text.trim()).ok()?;
        let zoned = civil.to_zoned(TimeZone::fixed(VIETNAM)).ok()?;
        Some(Self(zoned.timestamp().as_microsecond()))
    }

    /// The civil time in Vietnam.
    pub(crate) fn zoned(self) -> jiff::Zoned {
        let clamped = jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        clamped.to_zoned(TimeZone::fixed(VIETNAM))
    }

    /// `yyyy/MM/dd HH:mm:ss` in Vietnam, as edXML writes it.
    pub fn to_edxml(self) -> String {
        self.zoned().strftime("%Y/%m/%d %H:%M:%S").to_string()
    }

    /// `dd/MM/yyyy HH:mm:ss` in Vietnam, as people read it.
    pub fn to_vietnamese(self) -> String {
        crate::vi::date_time(self, crate::Lang::Vi)
    }

    /// `yyyy-MM-dd` in Vietnam.
    pub fn to_civil_date(self) -> String {
        self.zoned().strftime("%Y-%m-%d").to_string()
    }
}

/// Reads `yyyy-MM-dd`, `yyyy/MM/dd` or `dd/MM/yyyy`.
fn parse_date(text: &str) -> Option<jiff::civil::Date> {
    let text = text.trim();
    ["%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y"]
        .into_iter()
        .find_map(|form| jiff::civil::Date::strptime(form, text).ok())
}

/// True for a calendar date in the form that edXML demands, `yyyy/MM/dd`.
pub fn is_edxml_date(text: &str) -> bool {
    jiff::civil::Date::strptime("%Y/%m/%d", text.trim()).is_ok()
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant:.6}"),
            Err(_) => f.write_str(if self.0 < 0 {
                "-009999-01-02T01:59:59Z"
            } else {
                "9999-12-30T22:00:00Z"
            }),
        }
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Timestamp::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

/// The only source of time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock, for validity and records.
    fn now(&self) -> Timestamp;
    /// A reading that never goes back, for durations and deadlines.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// Starts the monotonic reading at zero.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clocks"
    )]
    pub fn new() -> Self {
        Self {
            started: std::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clocks"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that a test moves.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    /// Stands at `now` until moved.
    pub fn new(now: Timestamp) -> Self {
        Self {
            state: Mutex::new((now, Duration::ZERO)),
        }
    }

    /// Moves both readings forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.0 = state.0.plus(by);
        state.1 += by;
    }

    /// Sets the wall clock alone, also backwards.
    pub fn jump_to(&self, now: Timestamp) {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .0 = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .0
    }

    fn monotonic(&self) -> Duration {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_agree_on_one_instant() {
        let at = Timestamp::from_edxml("2026/03/12 09:16:02").expect("valid");
        assert_eq!(at.to_string(), "2026-03-12T02:16:02.000000Z");
        assert_eq!(at.to_edxml(), "2026/03/12 09:16:02");
        assert_eq!(at.to_vietnamese(), "12/03/2026 09:16:02");
        assert_eq!(Timestamp::parse("2026-03-12T02:16:02Z"), Some(at));
    }

    #[test]
    fn dates_are_midnight_in_vietnam() {
        let at = Timestamp::from_civil_date("2025-07-01").expect("valid");
        assert_eq!(at.to_string(), "2025-06-30T17:00:00.000000Z");
        assert_eq!(at, Timestamp::from_civil_date("01/07/2025").expect("valid"));
        assert!(Timestamp::from_civil_date("2025-02-30").is_none());
        assert_eq!(at.to_civil_date(), "2025-07-01");
    }

    #[test]
    fn the_beginning_prints_and_orders() {
        assert!(Timestamp::BEGINNING < Timestamp::from_micros(0));
        assert!(!Timestamp::BEGINNING.to_string().is_empty());
        assert!(!Timestamp::from_micros(i64::MAX).to_string().is_empty());
    }
}
