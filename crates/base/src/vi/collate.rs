//! Vietnamese alphabetical order as sort keys: `a ă â b c d đ e ê …`, then tones, then case.
//!
//! The order is that of the CLDR collation for `vi` (space before digits before letters; tones ngang, huyền, hỏi, ngã, sắc, nặng
//! as second level; small before capital as third), with one difference that lists of units need: runs of digits compare as
//! numbers, so that *Phường 2* stands before *Phường 10*. Keys are bytes and compare bytewise, in memory and in a database.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::vi::syllable::TONES;

/// The alphabet with the four letters of foreign words in their places.
const ALPHABET: [&str; 33] = [
    "a", "a\u{306}", "a\u{302}", "b", "c", "d", "đ", "e", "e\u{302}", "f", "g", "h", "i", "j", "k",
    "l", "m", "n", "o", "o\u{302}", "o\u{31b}", "p", "q", "r", "s", "t", "u", "u\u{31b}", "v", "w",
    "x", "y", "z",
];

/// Ends a level; smaller than every weight.
const LEVEL_END: u8 = 0x01;
const SPACE: u8 = 0x03;
const SIGN: u8 = 0x04;
const DIGITS: u8 = 0x05;
const FIRST_LETTER: u8 = 0x10;
const OTHER_LETTER: u8 = 0xf0;
/// The level tone, and everything that has no tone.
const NO_TONE: u8 = 0x02;
const FOREIGN_MARK: u8 = 0x10;
const SMALL: u8 = 0x02;
const CAPITAL: u8 = 0x03;

/// The three levels of a key while it grows.
#[derive(Debug, Default)]
struct Levels {
    letters: Vec<u8>,
    tones: Vec<u8>,
    cases: Vec<u8>,
}

impl Levels {
    fn add(&mut self, letter: &[u8], tone: u8, case: u8) {
        self.letters.extend_from_slice(letter);
        self.tones.push(tone);
        self.cases.push(case);
    }
}

/// The sort key of a text; keys compare bytewise. Spaces at the ends do not count, several in a row count as one.
///
/// ```
/// let mut names = ["Đà Nẵng", "Dĩ An", "Cần Thơ", "Cao Bằng"];
/// names.sort_by_key(|name| lgsp_base::vi::sort_key(name));
/// assert_eq!(names, ["Cao Bằng", "Cần Thơ", "Dĩ An", "Đà Nẵng"]);
/// ```
pub fn sort_key(text: &str) -> Vec<u8> {
    let mut levels = Levels::default();
    let chars: Vec<char> = text.nfd().collect();
    let mut at = 0;
    let mut space = false;
    while let Some(&c) = chars.get(at) {
        at += 1;
        if c.is_whitespace() {
            space = !levels.letters.is_empty();
            continue;
        }
        if std::mem::take(&mut space) {
            levels.add(&[SPACE], NO_TONE, SMALL);
        }
        if c.is_ascii_digit() {
            let rest = chars.get(at..).unwrap_or_default();
            let more = rest.iter().take_while(|c| c.is_ascii_digit()).count();
            add_number(
                &mut levels,
                chars.get(at - 1..at + more).unwrap_or_default(),
            );
            at += more;
            continue;
        }
        let rest = chars.get(at..).unwrap_or_default();
        let marks = rest.iter().take_while(|c| is_combining_mark(**c)).count();
        add_letter(&mut levels, c, rest.get(..marks).unwrap_or_default());
        at += marks;
    }
    let mut key = levels.letters;
    key.push(LEVEL_END);
    key.append(&mut levels.tones);
    key.push(LEVEL_END);
    key.append(&mut levels.cases);
    key
}

/// Compares two texts by their sort keys; for more than a few, compute [`sort_key`] once for each.
pub fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    sort_key(a).cmp(&sort_key(b))
}

/// A number: how many digits, then the digits. Leading zeros do not count.
fn add_number(levels: &mut Levels, digits: &[char]) {
    let digits: Vec<u8> = digits
        .iter()
        .skip_while(|c| **c == '0')
        .filter_map(|c| u8::try_from(*c).ok())
        .collect();
    let length = u8::try_from(digits.len()).unwrap_or(u8::MAX);
    let mut weight = vec![DIGITS, length];
    weight.extend(digits);
    levels.add(&weight, NO_TONE, SMALL);
}

fn add_letter(levels: &mut Levels, base: char, marks: &[char]) {
    let small: String = base.to_lowercase().collect();
    let case = if small.chars().eq([base]) {
        SMALL
    } else {
        CAPITAL
    };
    let mut tone = NO_TONE;
    let mut letter = small;
    for mark in marks {
        if let Some(index) = TONES.iter().position(|known| known == mark) {
            tone = NO_TONE + 1 + u8::try_from(index).unwrap_or(0);
        } else if is_letter(&format!("{letter}{mark}")) {
            letter.push(*mark);
        } else {
            tone = tone.max(FOREIGN_MARK);
        }
    }
    if let Some(index) = ALPHABET.iter().position(|known| *known == letter) {
        levels.add(
            &[FIRST_LETTER + u8::try_from(index).unwrap_or(0)],
            tone,
            case,
        );
        return;
    }
    let group = if base.is_alphanumeric() {
        OTHER_LETTER
    } else {
        SIGN
    };
    let [_, high, middle, low] = u32::from(letter.chars().next().unwrap_or(base)).to_be_bytes();
    levels.add(&[group, high, middle, low], tone, case);
}

fn is_letter(text: &str) -> bool {
    ALPHABET.contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn composition_does_not_change_the_order(text in "[a-zA-Zàáảãạăằâầđêềôơưứ 0-9.,-]{0,30}") {
            let composed: String = text.nfc().collect();
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(sort_key(&composed), sort_key(&decomposed));
        }

        #[test]
        fn any_text_has_a_key(text in "\\PC{0,40}") {
            prop_assert!(sort_key(&text).len() >= 2);
        }
    }
}
