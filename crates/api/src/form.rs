//! The fields of a multipart form, read strictly (RFC 7578): the pure part, without a connection.
//!
//! A name stands once unless it may repeat, a file has exactly one plain `filename`, and nothing is guessed.

use lgsp_base::Problem;
use lgsp_base::limits;
use lgsp_base::problem::{kinds, rules};

/// Bytes of one text field.
pub const FIELD_BYTES_MAX: usize = 4 * limits::TEXT_CHARS_MAX;
/// Text fields of one form, repeated ones included.
pub const FIELDS_MAX: usize = limits::RECIPIENTS_MAX + 64;

/// Names that stand at most once.
const SINGLE: [&str; 19] = [
    "from",
    "number",
    "notation",
    "subject",
    "type_name",
    "document_id",
    "date",
    "place",
    "content",
    "due_date",
    "signer_name",
    "signer_position",
    "signer_competence",
    "priority",
    "secrecy",
    "reason",
    "pages",
    "copies",
    "steering_type",
];
/// Names that may repeat; each value may also be a list with commas.
const REPEATED: [&str; 1] = ["to"];

fn refuse(what: impl std::fmt::Display) -> Problem {
    kinds::INPUT_MULTIPART.with(what)
}

/// What `Content-Disposition` of a part says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// The field's name.
    pub name: String,
    /// The file's name, when the part is a file.
    pub file_name: Option<String>,
}

impl Disposition {
    /// Reads `form-data; name="…"[; filename="…"]`. Quoted strings may hold `\"`, `\\` and `%22`, as browsers and curl
    /// write them.
    ///
    /// # Errors
    /// `input.multipart` for another disposition, a parameter twice, `filename*` (forbidden by RFC 7578 §4.2), an empty
    /// or over-long name, control characters, or text that is not UTF-8.
    pub fn parse(field: &[u8]) -> Result<Self, Problem> {
        let text =
            std::str::from_utf8(field).map_err(|_| refuse("a part's header is not UTF-8"))?;
        if text.chars().any(char::is_control) {
            return Err(refuse("a part's header has control characters"));
        }
        let (kind, mut rest) = text.split_once(';').unwrap_or((text, ""));
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(refuse("a part is not form-data"));
        }
        let (mut name, mut file_name) = (None, None);
        while !rest.trim().is_empty() {
            let (key, after) = rest
                .split_once('=')
                .ok_or_else(|| refuse("a part's header is malformed"))?;
            let (value, after) = read_value(after)?;
            rest = after;
            let slot = match key.trim().to_ascii_lowercase().as_str() {
                "name" => &mut name,
                "filename" => &mut file_name,
                "filename*" => return Err(refuse("filename* is not allowed in a form")),
                _ => return Err(refuse("a part's header has an unknown parameter")),
            };
            if slot.replace(value).is_some() {
                return Err(refuse("a part's header names one parameter twice"));
            }
        }
        let name = name.ok_or_else(|| refuse("a part has no name"))?;
        let is_bad = |text: &str, most| text.is_empty() || text.chars().count() > most;
        if is_bad(&name, 64) {
            return Err(refuse("a part's name is empty or too long"));
        }
        if file_name
            .as_deref()
            .is_some_and(|file| is_bad(file, limits::FILE_NAME_CHARS_MAX))
        {
            return Err(refuse("a file's name is empty or too long"));
        }
        Ok(Self { name, file_name })
    }
}

/// A token or a quoted string, and what stands behind the next semicolon.
fn read_value(text: &str) -> Result<(String, &str), Problem> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return Ok((value.trim().to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = quoted.get(at + 1..).unwrap_or("").trim_start();
                let rest = match rest.strip_prefix(';') {
                    Some(rest) => rest,
                    None if rest.is_empty() => rest,
                    None => return Err(refuse("a part's header is malformed")),
                };
                return Ok((value.replace("%22", "\""), rest));
            }
            '\\' => match chars.clone().next() {
                Some((_, escaped @ ('"' | '\\'))) => {
                    value.push(escaped);
                    chars.next();
                }
                // Some browsers send Windows paths unescaped.
                _ => value.push('\\'),
            },
            c => value.push(c),
        }
    }
    Err(refuse("a part's header is malformed"))
}

/// The text fields of one form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    values: Vec<(String, String)>,
}

impl Fields {
    /// Takes one field.
    ///
    /// # Errors
    /// `input.multipart` for an unknown name, a second value of a single one, too many fields, or a value that is too
    /// long or not UTF-8.
    pub fn add(&mut self, name: &str, value: &[u8]) -> Result<(), Problem> {
        let is_repeated = REPEATED.contains(&name);
        if !is_repeated && !SINGLE.contains(&name) {
            return Err(refuse("there is no such field").breaks(name, rules::UNKNOWN_FIELD.plain()));
        }
        if self.values.len() >= FIELDS_MAX {
            return Err(refuse("too many fields"));
        }
        if !is_repeated && self.values.iter().any(|(known, _)| known == name) {
            return Err(refuse("a field stands twice").breaks(name, rules::ONCE.plain()));
        }
        let value = std::str::from_utf8(value)
            .ok()
            .filter(|text| text.len() <= FIELD_BYTES_MAX)
            .filter(|text| {
                !text
                    .chars()
                    .any(|c| c.is_control() && !"\r\n\t".contains(c))
            })
            .ok_or_else(|| refuse("a field is not plain text").breaks(name, rules::TEXT.plain()))?;
        self.values.push((name.to_owned(), value.trim().to_owned()));
        Ok(())
    }

    /// The value of a field; an empty one counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Every receiver, from repeated fields and comma lists.
    pub fn receivers(&self) -> Vec<String> {
        self.values
            .iter()
            .filter(|(name, _)| name == "to")
            .flat_map(|(_, list)| list.split([',', ';']))
            .map(str::trim)
            .filter(|code| !code.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_name_per_part() {
        let read = |text: &str| Disposition::parse(text.as_bytes());
        let part = read("form-data; name=\"file\"; filename=\"Công văn \\\"số 1\\\".pdf\"")
            .expect("valid");
        assert_eq!(part.name, "file");
        assert_eq!(part.file_name.as_deref(), Some("Công văn \"số 1\".pdf"));
        assert_eq!(read("Form-Data; name=to").expect("valid").file_name, None);
        for bad in [
            "attachment; name=\"a\"",
            "form-data",
            "form-data; name=\"\"",
            "form-data; name=\"a\"; name=\"b\"",
            "form-data; name=\"a\"; filename=\"x\"; filename=\"y\"",
            "form-data; name=\"a\"; filename*=utf-8''x",
            "form-data; name=\"a\"; filename=\"\"",
            "form-data; name=\"a",
            "form-data; name=\"a\" junk",
            "form-data; name=\"a\"; other=1",
            "form-data; name=\"a\r\nX: y\"",
            &format!("form-data; name=\"a\"; filename=\"{}\"", "x".repeat(256)),
        ] {
            assert_eq!(read(bad).expect_err(bad).code(), "input.multipart", "{bad}");
        }
        assert!(Disposition::parse(b"form-data; name=\"\xff\"").is_err());
    }

    #[test]
    fn fields_are_known_single_and_bounded() {
        let mut fields = Fields::default();
        fields.add("to", b"H99.1, H99.2").expect("first");
        fields.add("to", "H99.3".as_bytes()).expect("second");
        fields
            .add("subject", " V/v họp ".as_bytes())
            .expect("subject");
        assert_eq!(fields.receivers(), ["H99.1", "H99.2", "H99.3"]);
        assert_eq!(fields.text("subject"), Some("V/v họp"));
        assert!(fields.add("subject", b"again").is_err());
        assert!(fields.add("colour", b"red").is_err());
        assert!(fields.add("place", b"\xff").is_err());
        assert!(fields.add("place", b"a\0b").is_err());
        assert!(
            fields
                .add("place", &vec![b'x'; FIELD_BYTES_MAX + 1])
                .is_err()
        );
        for _ in 0..FIELDS_MAX {
            let _last = fields.add("to", b"x");
        }
        assert!(fields.add("to", b"x").is_err());
    }
}
