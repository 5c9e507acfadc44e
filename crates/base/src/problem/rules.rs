//! What is wrong with an input, as whole sentences in Vietnamese and English with named values.
//!
//! A [`Rule`] is an entry of the catalogue: a stable word for programs and a sentence for people in each language. A [`Sentence`] is
//! a rule with its values; the language is chosen where the answer is written.

use std::fmt;

use super::Lang;

/// An entry of the catalogue. Values stand in the texts as `{name}`, the same names in both languages.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable word: `range`.
    pub word: &'static str,
    /// The sentence in Vietnamese.
    pub vi: &'static str,
    /// The sentence in English.
    pub en: &'static str,
}

impl Rule {
    /// The sentence with its values.
    pub fn with(&'static self, values: &[(&'static str, &dyn fmt::Display)]) -> Sentence {
        Sentence {
            rule: self,
            values: values
                .iter()
                .map(|(name, value)| (*name, value.to_string()))
                .collect(),
        }
    }

    /// The sentence of a rule that has no values.
    pub const fn plain(&'static self) -> Sentence {
        Sentence {
            rule: self,
            values: Vec::new(),
        }
    }
}

/// A rule with its values. `Display` writes English, for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    rule: &'static Rule,
    values: Vec<(&'static str, String)>,
}

impl Sentence {
    /// The stable word of the rule.
    pub const fn word(&self) -> &'static str {
        self.rule.word
    }

    /// The sentence in a language. A value is never looked into for further places.
    pub fn text(&self, lang: Lang) -> String {
        let mut rest = match lang {
            Lang::Vi => self.rule.vi,
            Lang::En => self.rule.en,
        };
        let mut text = String::new();
        while let Some((before, behind)) = rest.split_once('{') {
            text.push_str(before);
            let Some((name, behind)) = behind.split_once('}') else {
                break;
            };
            let value = self.values.iter().find(|(known, _)| *known == name);
            text.push_str(value.map_or("", |(_, value)| value));
            rest = behind;
        }
        text.push_str(rest);
        text
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

/// Declares the rules and the list of all of them.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $vi:literal, $en:literal;)*) => {
        $($(#[$doc])* pub static $name: Rule = Rule { word: $word, vi: $vi, en: $en };)*

        /// Every rule.
        pub static ALL: &[&Rule] = &[$(&$name,)*];
    };
}

rules! {
    /// A number outside its limits.
    RANGE = "range", "Giá trị phải từ {min} đến {max}", "The value must be {min} to {max}";
    /// A list with too many items.
    TOO_MANY = "too_many", "Không quá {max} mục", "At most {max} items";
    /// A text with too many characters.
    TOO_LONG = "too_long", "Không quá {max} ký tự", "At most {max} characters";
    /// A word outside a closed list.
    WORD = "word", "Chỉ nhận một trong các giá trị: {words}", "Only one of these is taken: {words}";
    /// Something that has to be there.
    REQUIRED = "required", "Thiếu giá trị này", "The value is missing";
    /// One of several things has to be there.
    REQUIRED_ONE = "required", "Cần ít nhất một trong các giá trị: {words}", "At least one of these is needed: {words}";
    /// What only an operator has to name.
    OPERATOR_NAMES = "required", "Người vận hành phải nêu rõ giá trị này", "An operator names this value";
    /// A value in another form than its type's.
    FORM = "form", "Giá trị không đúng dạng", "The value does not have the form asked for";
    /// A page token that we did not make, or one of another list.
    PAGE_TOKEN = "form", "Không phải mã trang của danh sách này", "Not a token of an earlier page of this list";
    /// The place in the stream of events.
    LEAF = "form", "Phải là số thứ tự trong nhật ký: 0, 1, 2 …; hoặc -1 để lấy từ đầu", "A place in the ledger: 0, 1, 2 …, or -1 for the beginning";
    /// The `Idempotency-Key` field.
    KEY_FORM = "form", "Cần đúng một trường, từ 1 đến {max} ký tự ASCII in được", "One field of 1 to {max} printable ASCII characters";
    /// A key that is empty or not printable.
    KEY_VALUE = "value", "Giá trị để trống hoặc có ký tự điều khiển", "The value is empty or has control characters";
    /// A time in none of the forms.
    TIME = "time", "Không phải thời điểm RFC 3339 hoặc ngày", "Not an RFC 3339 time or a date";
    /// A date in another form.
    DATE = "date", "Viết ngày theo dạng yyyy-MM-dd", "Write the date as yyyy-MM-dd";
    /// A parameter that does not exist.
    UNKNOWN_PARAMETER = "unknown", "Không có tham số này", "There is no such parameter";
    /// A form field that does not exist.
    UNKNOWN_FIELD = "unknown", "Không có trường này", "There is no such field";
    /// A form field that stands twice.
    ONCE = "once", "Trường này xuất hiện hai lần", "The field stands twice";
    /// A form field that is no text.
    TEXT = "text", "Không phải văn bản UTF-8, hoặc quá dài", "Not UTF-8 text, or too long";
    /// A character that may not stand there.
    CHARACTER = "character", "Có ký tự điều khiển, hoặc dấu chấm phẩy chưa viết thành %3B", "A control character, or a semicolon that is not written %3B";
    /// A query or an address in another encoding.
    PERCENT_ENCODING = "encoding", "Địa chỉ không phải UTF-8 mã hóa phần trăm", "The address is not percent-encoded UTF-8";
    /// More parameters than are read.
    TOO_MANY_PARAMETERS = "too_many", "Quá nhiều tham số", "Too many parameters";
    /// Number and notation of a document.
    NOTATION = "notation", "Viết số/ký hiệu, hoặc gửi trường notation", "Write number/notation, or send `notation`";
    /// A document without content.
    EMPTY_BODY = "required", "Văn bản không có nội dung", "The document is empty";
    /// A text that no store takes.
    NUL = "value", "Có ký tự NUL", "There is a NUL character";
    /// A document that is marked secret.
    SECRET = "secret", "Có dấu chỉ độ mật", "Marks a state secret";
    /// A request without a content type.
    TYPE_MISSING = "required", "Thiếu trường Content-Type", "Content-Type is missing";
    /// A request with two content types.
    TYPE_TWICE = "once", "Trường Content-Type xuất hiện hai lần", "Content-Type stands twice";
    /// A content type that is none.
    TYPE_MALFORMED = "form", "Trường Content-Type không đúng dạng", "Content-Type is malformed";
    /// A text in another encoding.
    TYPE_CHARSET = "charset", "Bảng mã không phải UTF-8", "The charset is not UTF-8";
    /// Another content type than the one that is read here.
    TYPE_WANTED = "word", "Cần {wanted}", "Wanted: {wanted}";
    /// Content larger than the limit.
    TOO_LARGE = "too_large", "Giới hạn là {max} byte", "The limit is {max} bytes";
    /// A document without recipients.
    NO_RECIPIENT = "recipients", "Chưa nêu đơn vị nhận", "No recipient is named";
    /// A document with too many recipients.
    RECIPIENTS_MAX = "recipients", "Nêu {count} đơn vị nhận, giới hạn {max}", "{count} recipients are named, the limit is {max}";
    /// A recipient that stands twice.
    RECIPIENT_TWICE = "recipients", "Đơn vị {code} được nêu hai lần", "{code} is named twice";
    /// A document to its sender.
    RECIPIENT_SENDER = "recipients", "Đơn vị {code} chính là nơi gửi", "{code} is the sender";
    /// A list or an object where a text is asked for.
    SCALAR = "form", "Cần một văn bản, không phải danh sách hay đối tượng", "A text is asked for, not a list or an object";
    /// Something else where a list is asked for.
    LIST = "form", "Cần một danh sách", "A list is asked for";
    /// Something else where an object is asked for.
    OBJECT = "form", "Cần một đối tượng JSON", "A JSON object is asked for";
    /// A time of the national public service portal.
    PORTAL_TIME = "time", "Không phải thời điểm có thật theo dạng yyyyMMddHHmmss", "Not an existing time in the form yyyyMMddHHmmss";
    /// A day of which the month, or month and day, may be unknown.
    PARTIAL_DATE = "date", "Không phải ngày, tháng và năm, hoặc năm có thật", "Not an existing day, month and year, or year";
    /// A text that should be base64.
    BASE64 = "encoding", "Không phải base64 chuẩn", "Not standard base64";
    /// A file larger than the limit.
    FILE_TOO_LARGE = "too_large", "Tệp không được quá {max} byte", "A file has at most {max} bytes";
    /// A service that the national public service portal does not have.
    PORTAL_SERVICE = "unknown", "Không có dịch vụ này", "There is no such service";
    /// The code of a dossier.
    DOSSIER_CODE = "form", "Mã hồ sơ phải theo dạng <mã cơ quan>-YYMMDD-XXXX với ngày có thật", "A dossier code is <agency code>-YYMMDD-XXXX with an existing day";
    /// The code of an administrative procedure.
    PROCEDURE_CODE = "form", "Mã thủ tục phải theo dạng d.dddddd, có thể kèm mã cơ quan", "A procedure code is d.dddddd, with or without an agency code";
    /// The status of a dossier.
    DOSSIER_STATUS = "value", "Trạng thái hồ sơ phải từ 1 đến 10", "The status of a dossier is 1 to 10";
    /// A recipient that was closed and has nobody in its place.
    NO_SUCCESSOR = "recipient_closed", "Đơn vị {code} đã đóng và không có đơn vị kế thừa", "{code} is closed and has no successor";
    /// A recipient that was closed, with those in its place.
    SUCCESSORS = "recipient_closed", "Đơn vị {code} đã đóng; đơn vị kế thừa: {successors}", "{code} is closed; its successors: {successors}";
    /// A date of a dossier that cannot be: in the future, or before the one that it follows.
    DOSSIER_DATE = "date", "Thời điểm này không thể có: ở tương lai, hoặc trước thời điểm mà nó phải theo sau", "A time that cannot be: in the future, or before the one that it follows";
    /// A step of another dossier.
    DOSSIER_STEP = "code", "Bước xử lý thuộc hồ sơ khác", "The step belongs to another dossier";
    /// A dossier that reaches too many organisations.
    DOSSIER_PARTIES = "too_many", "Hồ sơ được gửi tới quá {max} đơn vị", "The dossier reaches more than {max} organisations";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> std::collections::BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_places() {
        for rule in ALL {
            assert_eq!(places(rule.vi), places(rule.en), "{}", rule.en);
            assert!(!rule.word.is_empty() && rule.vi != rule.en, "{}", rule.en);
        }
    }

    #[test]
    fn values_stand_in_their_places_and_are_not_looked_into() {
        let sentence = RANGE.with(&[("max", &"{min}"), ("min", &1)]);
        assert_eq!(sentence.text(Lang::Vi), "Giá trị phải từ 1 đến {min}");
        assert_eq!(sentence.to_string(), "The value must be 1 to {min}");
        assert_eq!(RANGE.plain().to_string(), "The value must be  to ");
    }
}
