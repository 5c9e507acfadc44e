//! The parts of markup that are read as a whole: references, attributes, the XML declaration.

use super::error::Cause;
use super::names::{Attribute, is_space, split_name};

/// Longest reference worth reading: `&#x0010FFFF;` and a little.
pub(crate) const REFERENCE_BYTES_MAX: usize = 16;

/// The character of `&name;` or `&#…;`.
pub(crate) fn decode_reference(name: &str) -> Result<char, Cause> {
    let code = match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        other => match other.strip_prefix("#x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => other.strip_prefix('#').and_then(|d| d.parse::<u32>().ok()),
        },
    };
    code.and_then(char::from_u32)
        .filter(|c| is_xml_char(*c))
        .ok_or(Cause::Malformed("unknown entity or character"))
}

/// True for a character that XML 1.0 allows.
pub(crate) const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// True for a byte that may be more than text.
pub(crate) const fn is_special_in_text(byte: u8) -> bool {
    (byte == b'<') | (byte == b'&') | (byte == b']') | (byte == b'>') | (byte == b'\r')
}

/// True for a byte that may end a tag or begin a value.
pub(crate) const fn is_special_in_tag(byte: u8) -> bool {
    (byte == b'<') | (byte == b'>') | (byte == b'"') | (byte == b'\'')
}

/// Reads `name="value" …`.
pub(crate) fn parse_attributes(text: &str, attributes_max: usize) -> Result<Vec<Attribute>, Cause> {
    let mut attributes = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches(is_space);
        if trimmed.is_empty() {
            return Ok(attributes);
        }
        if trimmed.len() == rest.len() {
            return Err(Cause::Malformed("attributes without space between them"));
        }
        if attributes.len() >= attributes_max {
            return Err(Cause::Limit("attributes"));
        }
        let (name, after) = trimmed
            .split_once('=')
            .ok_or(Cause::Malformed("attribute without value"))?;
        let name = name.trim_end_matches(is_space);
        split_name(name)?;
        let after = after.trim_start_matches(is_space);
        let quote = after
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\''))
            .ok_or(Cause::Malformed("attribute without quotes"))?;
        let (value, tail) = after
            .get(1..)
            .and_then(|body| body.split_once(quote))
            .ok_or(Cause::Malformed("attribute without end"))?;
        attributes.push(Attribute {
            name: name.to_owned(),
            value: decode_value(value)?,
        });
        rest = tail;
    }
}

fn decode_value(value: &str) -> Result<String, Cause> {
    let mut decoded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(index) = rest.find(['&', '\t', '\n', '\r']) {
        let (before, special) = rest.split_at(index);
        decoded.push_str(before);
        if let Some(body) = special.strip_prefix('&') {
            let (name, tail) = body
                .split_once(';')
                .filter(|(name, _)| name.len() <= REFERENCE_BYTES_MAX)
                .ok_or(Cause::Malformed("bad reference"))?;
            decoded.push(decode_reference(name)?);
            rest = tail;
        } else {
            decoded.push(' ');
            rest = special
                .strip_prefix("\r\n")
                .or_else(|| special.get(1..))
                .unwrap_or_default();
        }
    }
    decoded.push_str(rest);
    Ok(decoded)
}

/// Checks `version`, `encoding`, `standalone` in this order (XML 1.0 §2.8).
pub(crate) fn check_declaration(attributes: &[Attribute]) -> Result<(), Cause> {
    const BAD: Cause = Cause::Malformed("bad XML declaration");
    let mut expected = ["version", "encoding", "standalone"].into_iter();
    for attribute in attributes {
        if !expected.any(|name| name == attribute.name) {
            return Err(BAD);
        }
        let is_good = match attribute.name.as_str() {
            "version" => attribute.value == "1.0",
            "encoding" if attribute.value.eq_ignore_ascii_case("utf-8") => true,
            "encoding" => return Err(Cause::Malformed("encoding other than UTF-8")),
            _ => matches!(attribute.value.as_str(), "yes" | "no"),
        };
        if !is_good {
            return Err(BAD);
        }
    }
    if attributes.first().is_some_and(|a| a.name == "version") {
        Ok(())
    } else {
        Err(BAD)
    }
}
