//! Foreign words on their way into causes and details: an operator needs them, and they may repeat what was sent about a person.

use lgsp_base::limits::CONNECTOR_DETAIL_CHARS;
use lgsp_base::vi;
use serde_json::Value;

/// What stands in the place of something personal.
const MASK: &str = "***";
/// Characters from which a text that was sent is looked for in what came back; shorter ones stand in every sentence.
const ECHO_CHARS_MIN: usize = 3;
/// Digits in a row from which a number may be that of a person, a telephone or an account.
const NUMBER_DIGITS_MIN: usize = 8;
/// Characters of a foreign code that stands in a cause.
const CODE_CHARS_MAX: usize = 16;
/// Fields that say nothing about a person and that an operator must see.
const OPEN_FIELDS: &[&str] = &[
    "MaHoSo",
    "MaTTHC",
    "TenTTHC",
    "MaLinhVuc",
    "TenLinhVuc",
    "TrangThaiHoSo",
    "TrangThai",
    "KenhThucHien",
    "DonViXuLy",
    "LoaiDoiTuong",
    "HinhThuc",
    "maDonVi",
    "module",
    "maHoSo",
    "idReceivedDec",
    "idMinistryJustice",
];

/// The stable word for a foreign code: `portal_3`, `portal_-3`; without a code the word alone.
pub(crate) fn cause_of(prefix: &str, code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(CODE_CHARS_MAX)
        .collect();
    if plain.is_empty() {
        format!("{prefix}_refused")
    } else {
        format!("{prefix}_{}", plain.to_ascii_lowercase())
    }
}

/// Foreign words without what they repeat of `sent`, without long numbers and addresses of mail, in one line of bounded length.
pub(crate) fn scrub(words: &str, sent: &Value) -> String {
    let mut text: String = vi::nfc(words)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut echoes = Vec::new();
    collect(sent, &mut echoes);
    // The longest first: a part must not leave the rest of a whole behind.
    echoes.sort_unstable_by_key(|echo| std::cmp::Reverse(echo.len()));
    echoes.dedup();
    for echo in echoes {
        for form in [echo.clone(), echo.to_uppercase(), echo.to_lowercase()] {
            if text.contains(&form) {
                text = text.replace(&form, MASK);
            }
        }
    }
    let masked: Vec<String> = text.split_whitespace().map(mask_word).collect();
    let text = masked.join(" ");
    match text.char_indices().nth(CONNECTOR_DETAIL_CHARS) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

/// Every text that was sent in a field that is not open.
fn collect(sent: &Value, echoes: &mut Vec<String>) {
    match sent {
        Value::String(text) => {
            let text = vi::nfc(text.trim());
            if text.chars().count() >= ECHO_CHARS_MIN && text.chars().any(char::is_alphabetic) {
                echoes.push(text);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, echoes)),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !OPEN_FIELDS.contains(&name.as_str()))
            .for_each(|(_, value)| collect(value, echoes)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A word without long numbers; an address of mail is masked whole.
fn mask_word(word: &str) -> String {
    if word.contains('@') {
        return MASK.to_owned();
    }
    let mut masked = String::new();
    let mut digits = String::new();
    for c in word.chars().chain([' ']) {
        if c.is_numeric() {
            digits.push(c);
            continue;
        }
        let is_long = digits.chars().count() >= NUMBER_DIGITS_MIN;
        masked.push_str(if is_long { MASK } else { &digits });
        digits.clear();
        masked.push(c);
    }
    masked.truncate(masked.trim_end().len());
    masked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operator_sees_the_rule_and_nobody_personal() {
        let sent = json!([{
            "MaHoSo": "H99.131-260312-0042",
            "ChuHoSo": "Phạm Thị Thử Nghiệm",
            "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "000000000000"}],
            "SoDienThoai": "0000000000",
            "Email": "mau@example.com",
            "TrangThaiHoSo": "2",
        }]);
        for (words, shown) in [
            (
                "Hồ sơ H99.131-260312-0042: thiếu TenTTHC",
                "Hồ sơ H99.131-260312-0042: thiếu TenTTHC",
            ),
            (
                "ChuHoSo 'Phạm Thị Thử Nghiệm' sai; PHẠM THỊ THỬ NGHIỆM",
                "ChuHoSo '***' sai; ***",
            ),
            (
                "Số định danh 000000000000, điện thoại 0000000000.",
                "Số định danh ***, điện thoại ***.",
            ),
            (
                "gửi tới Mau@Example.com, ai.khac@example.com",
                "gửi tới *** ***",
            ),
            ("a\nb\u{0}c", "a b c"),
            ("", ""),
        ] {
            assert_eq!(scrub(words, &sent), shown);
        }
        assert_eq!(
            scrub(&"ớ ".repeat(2_000), &sent).chars().count(),
            CONNECTOR_DETAIL_CHARS
        );
    }

    #[test]
    fn causes_are_words() {
        for (code, cause) in [
            ("3", "portal_3"),
            ("-3", "portal_-3"),
            ("", "portal_refused"),
            ("ORA 03113\n", "portal_ora03113"),
            ("Ｘ", "portal_refused"),
        ] {
            assert_eq!(cause_of("portal", code), cause);
        }
    }
}
