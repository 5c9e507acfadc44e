//! The fields of a multipart form, read strictly (RFC 7578): the pure part, without a connection.
//!
//! A name stands once unless it may repeat, and nothing is guessed.

use lgsp_base::Problem;
use lgsp_base::limits;
use lgsp_base::problem::{kinds, rules};
pub use lgsp_wire::multipart::Disposition;

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
