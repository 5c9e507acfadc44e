//! The parts of a Vietnamese syllable: onset, vowels, final consonant and tone.
//!
//! Works on decomposed text (NFD), where a tone is a mark of its own and the other marks (`ˆ ˘ ̛`) belong to the letter.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The tones that are written, in the order of the dictionary: huyền, hỏi, ngã, sắc, nặng. The level tone (ngang) has no mark.
pub(super) const TONES: [char; 5] = ['\u{300}', '\u{309}', '\u{303}', '\u{301}', '\u{323}'];

/// Circumflex, breve and horn: they make another letter.
const QUALITIES: [char; 3] = ['\u{302}', '\u{306}', '\u{31b}'];

const ONSETS: [&str; 27] = [
    "", "b", "c", "ch", "d", "đ", "g", "gh", "gi", "h", "k", "kh", "l", "m", "n", "ng", "ngh",
    "nh", "p", "ph", "qu", "r", "s", "t", "th", "tr", "v",
];
const ONSET_X: &str = "x";
const FINALS: [&str; 9] = ["", "c", "ch", "m", "n", "ng", "nh", "p", "t"];
/// The vowel groups of the language, without tones.
const NUCLEI: [&str; 51] = [
    "a", "ai", "ao", "au", "ay", "e", "eo", "i", "ia", "iu", "iê", "iêu", "o", "oa", "oai", "oao",
    "oay", "oe", "oeo", "oi", "oo", "oă", "u", "ua", "ui", "uy", "uya", "uyu", "uyê", "uâ", "uây",
    "uê", "uô", "uôi", "uơ", "y", "yê", "yêu", "â", "âu", "ây", "ă", "ê", "êu", "ô", "ôi", "ơ",
    "ơi", "ư", "ưa", "ưi",
];
const NUCLEI_WITH_HORN: [&str; 4] = ["ươ", "ươi", "ươu", "ưu"];

/// A letter with the marks that belong to it, and its tone apart.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// The base letter and its quality marks and foreign marks, decomposed.
    pub(super) text: String,
    /// Its tone mark, if it carries exactly one.
    pub(super) tone: Option<char>,
}

impl Letter {
    fn is_vowel(&self) -> bool {
        self.text
            .chars()
            .next()
            .is_some_and(|c| matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y'))
    }

    fn is(&self, plain: char) -> bool {
        let mut chars = self.text.chars();
        chars.next().is_some_and(|c| c.eq_ignore_ascii_case(&plain)) && chars.next().is_none()
    }

    fn has_quality(&self) -> bool {
        self.text.contains(QUALITIES)
    }
}

/// The letters of a word.
pub(super) fn letters(word: &str) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::new();
    for c in word.nfd() {
        match letters.last_mut() {
            Some(last) if TONES.contains(&c) && last.tone.is_none() => last.tone = Some(c),
            Some(last) if is_combining_mark(c) => last.text.push(c),
            _ => letters.push(Letter {
                text: c.to_string(),
                tone: None,
            }),
        }
    }
    letters
}

/// Where the vowels of a syllable begin and end, `qu` and the `i` of `gi` counted to the onset; none if there is not one group.
fn vowels(letters: &[Letter]) -> Option<(usize, usize)> {
    let mut begin = letters.iter().position(Letter::is_vowel)?;
    let vowel_at = |index: usize| letters.get(index).is_some_and(Letter::is_vowel);
    let before = begin.checked_sub(1).and_then(|index| letters.get(index));
    let glide = letters.get(begin)?;
    let is_qu = before.is_some_and(|letter| letter.is('q')) && glide.is('u');
    let is_gi = begin == 1 && before.is_some_and(|letter| letter.is('g')) && glide.is('i');
    if (is_qu || is_gi) && vowel_at(begin + 1) {
        begin += 1;
    }
    let length = letters
        .iter()
        .skip(begin)
        .take_while(|letter| letter.is_vowel())
        .count();
    let end = begin + length;
    let is_one_group = !letters.iter().skip(end).any(Letter::is_vowel);
    (is_one_group && length <= 3).then_some((begin, end))
}

/// Which letter carries the tone: *hòa, thúy, hoàng, quý, già, khuỷu*; none if the word is no syllable.
pub(super) fn tone_place(letters: &[Letter]) -> Option<usize> {
    let (begin, end) = vowels(letters)?;
    let group = letters.get(begin..end)?;
    if let Some(last) = group.iter().rposition(Letter::has_quality) {
        return Some(begin + last);
    }
    let has_final = end < letters.len();
    let offset = match (group.len(), has_final) {
        (1, _) | (2, false) => 0,
        (_, true) => group.len() - 1,
        (_, false) => 1,
    };
    Some(begin + offset)
}

/// True for what could be a Vietnamese syllable by its letters, whatever its tone and case.
pub(super) fn is_syllable(word: &str) -> bool {
    let letters = letters(word);
    if letters
        .iter()
        .filter(|letter| letter.tone.is_some())
        .count()
        > 1
    {
        return false;
    }
    let Some((begin, end)) = vowels(&letters) else {
        return false;
    };
    let part = |from: usize, to: usize| -> String {
        letters
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .flat_map(|letter| letter.text.nfc())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let (onset, nucleus, last) = (part(0, begin), part(begin, end), part(end, letters.len()));
    (ONSETS.contains(&onset.as_str()) || onset == ONSET_X)
        && (NUCLEI.contains(&nucleus.as_str()) || NUCLEI_WITH_HORN.contains(&nucleus.as_str()))
        && FINALS.contains(&last.as_str())
}
