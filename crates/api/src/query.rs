//! Query strings, read strictly: a name that is not known or stands twice is refused, never guessed at, and so is a
//! bare `;`, at which some readers divide and others do not.

use std::str::FromStr;

use lgsp_base::Problem;
use lgsp_base::limits;
use lgsp_base::problem::{kinds, rules};

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads `application/x-www-form-urlencoded` pairs. `single` may stand once, `repeated` several times.
    ///
    /// # Errors
    /// `input.duplicate` for a name that stands twice, `input.invalid` for an unknown name, broken encoding or a
    /// character that is not allowed.
    pub(crate) fn read(
        raw: Option<&str>,
        single: &[&str],
        repeated: &[&str],
    ) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let items = raw.unwrap_or("").split('&').filter(|item| !item.is_empty());
        for item in items {
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(kinds::INPUT_INVALID.says(rules::PERCENT_ENCODING.plain()));
            };
            if item.contains(';') || value.contains(char::is_control) {
                return Err(kinds::INPUT_INVALID
                    .problem()
                    .breaks(shorten(&name), rules::CHARACTER.plain()));
            }
            let is_repeated = repeated.contains(&name.as_str());
            if !is_repeated && !single.contains(&name.as_str()) {
                return Err(kinds::INPUT_INVALID
                    .problem()
                    .breaks(shorten(&name), rules::UNKNOWN_PARAMETER.plain()));
            }
            if !is_repeated && pairs.iter().any(|(known, _)| *known == name) {
                return Err(kinds::INPUT_DUPLICATE.with(name));
            }
            if pairs.len() >= limits::RECIPIENTS_MAX {
                return Err(kinds::INPUT_INVALID.says(rules::TOO_MANY_PARAMETERS.plain()));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// Reads pairs as foreign clients write them: names that are not known are looked past, and of a repeated name the first value
    /// counts. For [`Query::text_of`].
    ///
    /// # Errors
    /// `input.invalid` for broken encoding, a control character or too many pairs.
    pub(crate) fn read_loosely(raw: Option<&str>) -> Result<Self, Problem> {
        let mut pairs = Vec::new();
        let items = raw.unwrap_or("").split('&').filter(|item| !item.is_empty());
        for item in items {
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(kinds::INPUT_INVALID.says(rules::PERCENT_ENCODING.plain()));
            };
            if value.contains(char::is_control) {
                return Err(kinds::INPUT_INVALID
                    .problem()
                    .breaks(shorten(&name), rules::CHARACTER.plain()));
            }
            if pairs.len() >= limits::RECIPIENTS_MAX {
                return Err(kinds::INPUT_INVALID.says(rules::TOO_MANY_PARAMETERS.plain()));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// The value of a parameter whose name is written in any letter case.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(known, value)| known.eq_ignore_ascii_case(name) && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every non-empty value of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A parameter in the form of its type.
    ///
    /// # Errors
    /// `input.invalid` naming the parameter.
    pub(crate) fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.text(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    kinds::INPUT_INVALID
                        .problem()
                        .breaks(name, rules::FORM.plain())
                })
            })
            .transpose()
    }

    /// A time: RFC 3339, or a date at its start in Vietnam.
    ///
    /// # Errors
    /// `input.invalid` naming the parameter.
    pub(crate) fn time(&self, name: &str) -> Result<Option<lgsp_base::Timestamp>, Problem> {
        self.text(name)
            .map(|text| {
                lgsp_base::Timestamp::parse(text).ok_or_else(|| {
                    kinds::INPUT_INVALID
                        .problem()
                        .breaks(name, rules::TIME.plain())
                })
            })
            .transpose()
    }
}

/// A name from outside, short enough to be repeated in an answer.
pub(crate) fn shorten(text: &str) -> String {
    text.chars()
        .take(64)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    decode_percent(&text.replace('+', " "))
}

/// A text with octets as `%XX` (RFC 3986 §2.1); `None` if it is not UTF-8 then.
pub(crate) fn decode_percent(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<Query, Problem> {
        Query::read(Some(raw), &["id", "q"], &["to"])
    }

    #[test]
    fn a_name_stands_once_unless_it_may_repeat() {
        let query = read("id=1&to=a&to=b&q=%C4%90+%26").expect("valid");
        assert_eq!(query.text("q"), Some("Đ &"));
        assert_eq!(query.all("to").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(query.parse::<u32>("id").expect("number"), Some(1));
        for (raw, code) in [
            ("id=1&id=2", "input.duplicate"),
            ("id[]=1", "input.invalid"),
            ("other=1", "input.invalid"),
            ("q=%zz", "input.invalid"),
            ("q=%ff", "input.invalid"),
            ("id=1;q=2", "input.invalid"),
            ("q=a;id=1", "input.invalid"),
            ("q=%00", "input.invalid"),
            ("to=a%0d%0ab", "input.invalid"),
        ] {
            assert_eq!(read(raw).expect_err(raw).code(), code, "{raw}");
        }
        assert_eq!(read("q=a%3Bb").expect("escaped").text("q"), Some("a;b"));
        assert!(read("id=x").expect("read").parse::<u32>("id").is_err());
    }
}
