//! Numbers as people read them: `1.234.567,89` in Vietnamese, `1,234,567.89` in English.
//!
//! Spaces between a number and its word are ordinary spaces; pages keep them together with their own means.

use crate::Lang;

/// Largest number of decimal places that is written.
const PLACES_MAX: u8 = 9;

/// The marks of a language: between thousands, and before the decimals.
const fn marks(lang: Lang) -> (char, char) {
    match lang {
        Lang::Vi => ('.', ','),
        Lang::En => (',', '.'),
    }
}

/// Puts the thousands mark between the digits of a whole number.
fn group(digits: &str, mark: char) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

/// A whole number in Vietnamese: `1.234.567`. Short for [`integer`] where there is no choice of language.
pub fn number(value: u64) -> String {
    group(&value.to_string(), '.')
}

/// A whole number: `1.234.567`, `1,234,567`; negative ones with a hyphen.
pub fn integer(value: i64, lang: Lang) -> String {
    let digits = group(&value.unsigned_abs().to_string(), marks(lang).0);
    if value < 0 {
        format!("-{digits}")
    } else {
        digits
    }
}

/// A decimal number kept as a whole one: `scaled(123_456_789, 2)` is `1.234.567,89`. All `places` are written, at most 9.
pub fn scaled(value: i128, places: u8, lang: Lang) -> String {
    let places = places.min(PLACES_MAX);
    let (thousands, point) = marks(lang);
    let unit = 10u128.pow(u32::from(places));
    let whole = value.unsigned_abs() / unit;
    let rest = value.unsigned_abs() % unit;
    let sign = if value < 0 { "-" } else { "" };
    let mut text = format!("{sign}{}", group(&whole.to_string(), thousands));
    if places > 0 {
        text.push(point);
        text.push_str(&format!("{rest:0width$}", width = usize::from(places)));
    }
    text
}

/// A decimal number with exactly `places` decimals (at most 9), rounded; what is no number is `–`.
pub fn decimal(value: f64, places: u8, lang: Lang) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let places = places.min(PLACES_MAX);
    let plain = format!("{value:.width$}", width = usize::from(places));
    let (sign, plain) = match plain.strip_prefix('-') {
        Some(rest) if rest.contains(|c: char| c.is_ascii_digit() && c != '0') => ("-", rest),
        Some(rest) => ("", rest),
        None => ("", plain.as_str()),
    };
    let (thousands, point) = marks(lang);
    match plain.split_once('.') {
        Some((whole, rest)) => format!("{sign}{}{point}{rest}", group(whole, thousands)),
        None => format!("{sign}{}", group(plain, thousands)),
    }
}

/// A share in percent with one decimal, `98,7%`; a whole share has none.
///
/// Rounded, but never up to `100%` nor down to `0%`: those words are kept for *all* and *none*. `–` when there is nothing to share.
pub fn percent(part: u64, whole: u64, lang: Lang) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let exact = u128::from(part) * 1_000;
    let mut tenths = (exact + u128::from(whole) / 2) / u128::from(whole);
    if part < whole {
        tenths = tenths.min(999);
    }
    if part > 0 {
        tenths = tenths.max(1);
    }
    let tenths = i128::try_from(tenths).unwrap_or(i128::MAX);
    let text = if tenths % 10 == 0 {
        scaled(tenths / 10, 0, lang)
    } else {
        scaled(tenths, 1, lang)
    };
    format!("{text}%")
}

/// An amount of đồng, which has no smaller coin: `14.238.953.224 ₫`, in English `₫14,238,953,224`.
pub fn money(dong: i64, lang: Lang) -> String {
    let amount = integer(dong, lang);
    match (lang, amount.strip_prefix('-')) {
        (Lang::Vi, _) => format!("{amount} ₫"),
        (Lang::En, Some(amount)) => format!("-₫{amount}"),
        (Lang::En, None) => format!("₫{amount}"),
    }
}

/// Above which number the compact form begins: below it the digits themselves are short enough.
const COMPACT_FROM: u64 = 10_000;

/// A large number in short: `12,3 nghìn`, `1,2 triệu`, `14,2 tỷ`; `12.3K`, `1.2M`, `14.2B`. Below 10.000 in full.
///
/// Rounded down to one decimal, so that a threshold is never shown as reached before it is.
pub fn compact(value: u64, lang: Lang) -> String {
    if value < COMPACT_FROM {
        return group(&value.to_string(), marks(lang).0);
    }
    let (unit, vi, en) = match value {
        1_000_000_000.. => (1_000_000_000, " tỷ", "B"),
        1_000_000.. => (1_000_000, " triệu", "M"),
        _ => (1_000, " nghìn", "K"),
    };
    let word = match lang {
        Lang::Vi => vi,
        Lang::En => en,
    };
    format!("{}{word}", tenths_of(value, unit, lang))
}

/// The size of a file in decimal units: `512 B`, `1,2 kB`, `49,9 MB`, `1,5 GB`; rounded down to one decimal.
pub fn file_size(bytes: u64, lang: Lang) -> String {
    let (unit, word) = match bytes {
        1_000_000_000_000.. => (1_000_000_000_000, "TB"),
        1_000_000_000.. => (1_000_000_000, "GB"),
        1_000_000.. => (1_000_000, "MB"),
        1_000.. => (1_000, "kB"),
        _ => return format!("{bytes} B"),
    };
    format!("{} {word}", tenths_of(bytes, unit, lang))
}

/// `value / unit` with one decimal, which is left out when it is zero; rounded down.
fn tenths_of(value: u64, unit: u64, lang: Lang) -> String {
    let tenths = i128::from(value / (unit / 10).max(1));
    if tenths % 10 == 0 {
        scaled(tenths / 10, 0, lang)
    } else {
        scaled(tenths, 1, lang)
    }
}

/// A change against an earlier count: `+12 (+8,5%)`, `-3 (-25%)`, `0`; without a percentage where there was nothing before.
pub fn change(now: u64, before: u64, lang: Lang) -> String {
    let difference = now.abs_diff(before);
    let sign = match now.cmp(&before) {
        std::cmp::Ordering::Less => "-",
        std::cmp::Ordering::Equal => return "0".to_owned(),
        std::cmp::Ordering::Greater => "+",
    };
    let digits = group(&difference.to_string(), marks(lang).0);
    if before == 0 {
        return format!("{sign}{digits}");
    }
    format!(
        "{sign}{digits} ({sign}{})",
        percent(difference, before, lang)
    )
}

/// A count with its noun: Vietnamese nouns have one form, English ones two.
///
/// ```
/// use lgsp_base::{Lang, vi};
/// assert_eq!(vi::count(1_200, Lang::Vi, "văn bản", "document", "documents"), "1.200 văn bản");
/// assert_eq!(vi::count(1, Lang::En, "văn bản", "document", "documents"), "1 document");
/// ```
pub fn count(value: u64, lang: Lang, vi: &str, en_one: &str, en_many: &str) -> String {
    let noun = match (lang, value) {
        (Lang::Vi, _) => vi,
        (Lang::En, 1) => en_one,
        (Lang::En, _) => en_many,
    };
    format!("{} {noun}", group(&value.to_string(), marks(lang).0))
}
