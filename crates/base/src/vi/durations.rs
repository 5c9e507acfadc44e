//! Spans of time in words: `13 phút 27 giây`, `còn 2 giờ 5 phút`, `5 ngày trước`.

use std::time::Duration;

use crate::Lang;
use crate::vi::numbers::integer;

/// The units from the largest: seconds in one, Vietnamese word, English singular and plural.
const UNITS: [(u64, &str, &str, &str); 4] = [
    (86_400, "ngày", "day", "days"),
    (3_600, "giờ", "hour", "hours"),
    (60, "phút", "minute", "minutes"),
    (1, "giây", "second", "seconds"),
];
/// From so many days on, hours are left out.
const DAYS_ALONE_FROM: u64 = 3;

/// A span in its two largest units, rounded down: `13 phút 27 giây`, `2 giờ 5 phút`, `5 ngày`; below one second `340 ms`.
pub fn duration(span: Duration, lang: Lang) -> String {
    let seconds = span.as_secs();
    if seconds == 0 {
        return format!("{} ms", span.subsec_millis());
    }
    let mut rest = seconds;
    let mut words = Vec::with_capacity(2);
    for (index, (unit, vi, one, many)) in UNITS.into_iter().enumerate() {
        let amount = rest / unit;
        rest %= unit;
        if amount == 0 {
            if words.is_empty() {
                continue;
            }
            // The second unit is the one next to the first or none: "2 giờ", not "2 giờ 5 giây".
            break;
        }
        let word = match (lang, amount) {
            (Lang::Vi, _) => vi,
            (Lang::En, 1) => one,
            (Lang::En, _) => many,
        };
        let shown = integer(i64::try_from(amount).unwrap_or(i64::MAX), lang);
        words.push(format!("{shown} {word}"));
        if words.len() == 2 || (index == 0 && amount >= DAYS_ALONE_FROM) {
            break;
        }
    }
    words.join(" ")
}

/// What is left until something happens: `còn 13 phút 27 giây`, `13 minutes 27 seconds left`; below one second `đến hạn`, `due`.
pub fn remaining(span: Duration, lang: Lang) -> String {
    match lang {
        Lang::Vi if span.as_secs() == 0 => "đến hạn".to_owned(),
        Lang::En if span.as_secs() == 0 => "due".to_owned(),
        Lang::Vi => format!("còn {}", duration(span, lang)),
        Lang::En => format!("{} left", duration(span, lang)),
    }
}

/// How long a deadline has passed: `quá hạn 2 ngày`, `2 days overdue`.
pub fn overdue(span: Duration, lang: Lang) -> String {
    match lang {
        Lang::Vi => format!("quá hạn {}", duration(span, lang)),
        Lang::En => format!("{} overdue", duration(span, lang)),
    }
}

/// How long ago something was, in its largest unit: `vừa xong`, `13 phút trước`, `5 ngày trước`; `just now`, `5 days ago`.
pub fn ago(span: Duration, lang: Lang) -> String {
    let seconds = span.as_secs();
    let Some((unit, ..)) = UNITS.into_iter().find(|(unit, ..)| seconds >= *unit) else {
        return match lang {
            Lang::Vi => "vừa xong".to_owned(),
            Lang::En => "just now".to_owned(),
        };
    };
    let whole = Duration::from_secs(seconds / unit * unit);
    match lang {
        Lang::Vi => format!("{} trước", duration(whole, lang)),
        Lang::En => format!("{} ago", duration(whole, lang)),
    }
}
