//! Vietnamese correctness kit: search keys and the comparison of names (ux.md §3.4).

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The search key of a text: no marks, `đ` as `d`, lower case, punctuation squeezed to single spaces.
///
/// `"Sở Y tế"`, `"SỞ  Y-TẾ"` and the decomposed form all give `"so y te"`; *Hoà* and *Hòa* give the same key.
///
/// ```
/// assert_eq!(lgsp_base::vi::fold("Đường  Trần Hưng-Đạo"), "duong tran hung dao");
/// ```
pub fn fold(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.nfd().filter(|c| !is_combining_mark(*c)) {
        let c = match c {
            'đ' | 'Đ' => 'd',
            other => other,
        };
        if c.is_alphanumeric() {
            if gap && !key.is_empty() {
                key.push(' ');
            }
            gap = false;
            key.extend(c.to_lowercase());
        } else {
            gap = true;
        }
    }
    key
}

/// The initials of the words of a folded key, for searches such as `syt`.
pub fn initials(folded: &str) -> String {
    folded
        .split(' ')
        .filter_map(|word| word.chars().next())
        .collect()
}

/// The text in composed form (NFC), as names are stored and shown.
pub fn nfc(text: &str) -> String {
    text.nfc().collect()
}

/// A whole number as people read it: `1.234.567`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_keys() {
        for (text, key) in [
            ("Sở Y tế", "so y te"),
            ("SỞ  Y-TẾ ", "so y te"),
            ("So\u{31b}\u{309} Y te\u{302}\u{301}", "so y te"),
            ("Hoà Bình", "hoa binh"),
            ("Hòa Bình", "hoa binh"),
            ("Đắk Lắk", "dak lak"),
            ("123/UBND-KGVX", "123 ubnd kgvx"),
            ("", ""),
        ] {
            assert_eq!(fold(text), key, "{text}");
        }
        assert_eq!(initials("so y te"), "syt");
        assert_eq!(number(1_234_567), "1.234.567");
        assert_eq!(number(12), "12");
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
