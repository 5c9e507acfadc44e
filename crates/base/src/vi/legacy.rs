//! Texts that went through a wrong character set: recognised and explained, never silently changed.
//!
//! Three accidents are known: fonts of the TCVN3 (ABC) and VNI families, whose bytes look like `Céng hßa` and `Coäng hoøa`, and UTF-8
//! that was read as Windows-1252 (`Cá»™ng hÃ²a`). A text counts as damaged when most of its marked words are no Vietnamese
//! syllables as they stand and nearly all are after the repair.

use crate::vi::syllable;

/// Which wrong character set a text went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legacy {
    /// TCVN 5712:1993 VN3, the `.Vn…` fonts ("ABC").
    Tcvn3,
    /// VNI for Windows, the `VNI-…` fonts.
    Vni,
    /// UTF-8 that was read as Windows-1252.
    Utf8AsLatin,
}

/// TCVN3: the letters as they look in Latin-1, and what they mean, in the same order.
const TCVN3_SEEN: &str =
    "µ¸¶·¹¨»¾¼½Æ©ÇÊÈÉË®ÌÐÎÏÑªÒÕÓÔÖ×ÝØÜÞßãáâä«åèæçé¬êíëìîïóñòô\u{ad}õøö÷ùúýûüþ¡¢£¤¥¦§";
const TCVN3_MEANT: &str =
    "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵĂÂÊÔƠƯĐ";

/// VNI: marks that follow a vowel, as they look in Latin-1, and the combining marks that they mean.
const VNI_MARKS: [(char, &str); 17] = [
    ('ø', "\u{300}"),
    ('ù', "\u{301}"),
    ('û', "\u{309}"),
    ('õ', "\u{303}"),
    ('ï', "\u{323}"),
    ('â', "\u{302}"),
    ('à', "\u{302}\u{300}"),
    ('á', "\u{302}\u{301}"),
    ('å', "\u{302}\u{309}"),
    ('ã', "\u{302}\u{303}"),
    ('ä', "\u{302}\u{323}"),
    ('ê', "\u{306}"),
    ('è', "\u{306}\u{300}"),
    ('é', "\u{306}\u{301}"),
    ('ú', "\u{306}\u{309}"),
    ('ü', "\u{306}\u{303}"),
    ('ë', "\u{306}\u{323}"),
];
/// VNI: letters of their own.
const VNI_LETTERS: [(char, char); 8] = [
    ('ñ', 'đ'),
    ('ö', 'ư'),
    ('ô', 'ơ'),
    ('æ', 'ỉ'),
    ('ó', 'ĩ'),
    ('ò', 'ị'),
    ('î', 'ỵ'),
    ('Ñ', 'Đ'),
];
/// Windows-1252, 0x80 to 0x9f; the five unused places are read as the control characters of Latin-1.
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// Of the marked words, so many in a hundred must be syllables after the repair, and so many at most before it.
const GOOD_AFTER_PERCENT: usize = 90;
const GOOD_BEFORE_PERCENT: usize = 50;

/// Which accident a text shows, with the text as it was probably meant; none for healthy text and for other languages.
pub fn detect_legacy(text: &str) -> Option<(Legacy, String)> {
    if text.is_ascii() {
        return None;
    }
    let (good, marked) = syllables(text);
    if marked == 0 || good * 100 > marked * GOOD_BEFORE_PERCENT {
        return None;
    }
    [
        (Legacy::Utf8AsLatin, utf8_as_latin(text)),
        (Legacy::Tcvn3, Some(tcvn3(text))),
        (Legacy::Vni, Some(vni(text))),
    ]
    .into_iter()
    .find_map(|(kind, repaired)| {
        let repaired = repaired?;
        let (good, marked) = syllables(&repaired);
        let is_healed = marked > 0 && good * 100 >= marked * GOOD_AFTER_PERCENT && repaired != text;
        is_healed.then_some((kind, repaired))
    })
}

/// How many of the words with marks are syllables, and how many such words there are.
fn syllables(text: &str) -> (usize, usize) {
    let marked: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_ascii_punctuation() || c.is_ascii_digit())
        .filter(|word| !word.is_ascii() && !word.is_empty())
        .collect();
    let good = marked
        .iter()
        .filter(|word| syllable::is_syllable(word))
        .count();
    (good, marked.len())
}

fn tcvn3(text: &str) -> String {
    text.chars()
        .map(|c| {
            let place = TCVN3_SEEN.chars().position(|seen| seen == c);
            place
                .and_then(|place| TCVN3_MEANT.chars().nth(place))
                .unwrap_or(c)
        })
        .collect()
}

fn vni(text: &str) -> String {
    let mut repaired = String::with_capacity(text.len());
    let mut takes_mark = false;
    for c in text.chars() {
        let small = c.to_lowercase().next().unwrap_or(c);
        let mark = VNI_MARKS.iter().find(|(seen, _)| *seen == small);
        if let (true, Some((_, mark))) = (takes_mark, mark) {
            repaired.push_str(mark);
            takes_mark = false;
            continue;
        }
        let letter = VNI_LETTERS
            .iter()
            .find(|(seen, _)| *seen == c)
            .map_or(c, |(_, meant)| *meant);
        takes_mark = matches!(
            letter.to_ascii_lowercase(),
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'ơ' | 'ư'
        );
        repaired.push(letter);
    }
    super::nfc(&repaired)
}

fn utf8_as_latin(text: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = text
        .chars()
        .map(|c| {
            let high = WINDOWS_1252.chars().position(|known| known == c);
            match high {
                Some(place) => u8::try_from(0x80 + place).ok(),
                None => u8::try_from(u32::from(c)).ok(),
            }
        })
        .collect();
    String::from_utf8(bytes?).ok()
}
