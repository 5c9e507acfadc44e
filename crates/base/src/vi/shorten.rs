//! Long names of units: shortened in the middle, because both ends tell them apart.

use unicode_normalization::UnicodeNormalization;

/// The text in at most `chars_max` letters, the middle replaced by `…` where it is longer.
///
/// *Sở Nông nghiệp và Môi trường tỉnh Bình An* becomes *Sở Nông nghiệ…tỉnh Bình An*. Pages show the full text on focus. Combined
/// letters are not split: the result is in composed form. With room for less than three letters only the beginning is left.
pub fn truncate_middle(text: &str, chars_max: usize) -> String {
    let letters: Vec<char> = text.nfc().collect();
    if letters.len() <= chars_max {
        return letters.into_iter().collect();
    }
    if chars_max < 3 {
        return letters.into_iter().take(chars_max).collect();
    }
    let kept = chars_max - 1;
    let head = kept.div_ceil(2);
    let beginning: String = letters.iter().take(head).collect();
    let ending: String = letters.iter().skip(letters.len() - (kept - head)).collect();
    format!("{}…{}", beginning.trim_end(), ending.trim_start())
}
