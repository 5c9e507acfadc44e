//! One word, two spellings: *Hoà* and *Hòa*, *thuý* and *thúy* are the same word, and no Unicode form makes them equal.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::vi::syllable;

/// The text in composed form with every tone mark on the letter where schoolbooks of the older style put it: *hòa, thúy, quý, già*.
///
/// For comparing only: what an author wrote is stored and shown as it is. Words that are no Vietnamese syllable stay as they are.
pub fn canonical_tones(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphabetic() || is_combining_mark(c) {
            word.push(c);
        } else {
            result.push_str(&canonical_word(&word));
            word.clear();
            result.push(c);
        }
    }
    result.push_str(&canonical_word(&word));
    result.nfc().collect()
}

fn canonical_word(word: &str) -> String {
    let mut letters = syllable::letters(word);
    let mut tones = letters.iter().filter_map(|letter| letter.tone);
    let (Some(tone), None) = (tones.next(), tones.next()) else {
        return word.to_owned();
    };
    let Some(place) = syllable::tone_place(&letters) else {
        return word.to_owned();
    };
    for (index, letter) in letters.iter_mut().enumerate() {
        letter.tone = (index == place).then_some(tone);
    }
    letters
        .iter()
        .flat_map(|letter| letter.text.chars().chain(letter.tone))
        .collect()
}

/// True if two texts say the same words: case, spacing, composition and the place of tone marks do not count, the tones
/// themselves and all other marks do.
///
/// ```
/// assert!(lgsp_base::vi::same_words("Hoà Bình", "HÒA  BÌNH"));
/// assert!(!lgsp_base::vi::same_words("Hòa Bình", "Hóa Bình"));
/// ```
pub fn same_words(a: &str, b: &str) -> bool {
    let key = |text: &str| -> String {
        let words: Vec<&str> = text.split_whitespace().collect();
        canonical_tones(&words.join(" ")).to_lowercase()
    };
    key(a) == key(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own(text in "\\PC{0,40}") {
            let once = canonical_tones(&text);
            prop_assert_eq!(canonical_tones(&once), once);
        }

        #[test]
        fn letters_and_other_marks_stay(text in "[a-zA-ZđĐăâêôơưàáảãạ ]{0,40}") {
            let folded = super::super::fold(&text);
            prop_assert_eq!(super::super::fold(&canonical_tones(&text)), folded);
        }
    }
}
