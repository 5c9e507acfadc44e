//! Search keys: what a person types finds what somebody else wrote.

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
