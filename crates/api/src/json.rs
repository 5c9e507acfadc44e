//! JSON request bodies, read strictly: each key once, bounded depth, nothing behind the value, no unknown field.

use std::cell::Cell;
use std::fmt;

use axum::body::Body;
use http::HeaderMap;
use lgsp_base::limits;
use lgsp_base::problem::kinds;
use lgsp_base::{Clock, Problem};
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::body::{declared_length, read_whole};
use crate::media::MediaType;
use crate::query::shorten;

/// Reads a body of the type `T`.
///
/// # Errors
/// `input.media_type`, `input.too_large`, `http.timeout`, `input.json` for what is not strict JSON, `input.invalid` for
/// JSON of another shape.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    clock: &dyn Clock,
) -> Result<T, Problem> {
    let size = Size {
        bytes: limits::JSON_BODY_BYTES_MAX,
        values: usize::MAX,
    };
    read_json_within(headers, body, clock, size).await
}

/// How much JSON is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Bytes of the text.
    pub(crate) bytes: usize,
    /// Values in it, nested ones included.
    pub(crate) values: usize,
}

/// Reads a body of the type `T` up to a size of its own.
///
/// # Errors
/// As [`read_json`].
pub(crate) async fn read_json_within<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    clock: &dyn Clock,
    size: Size,
) -> Result<T, Problem> {
    MediaType::of(headers)?.require("application/json")?;
    declared_length(headers, size.bytes as u64)?;
    let bytes = read_whole(body, size.bytes, clock).await?;
    parse_within(&bytes, size.values)
}

/// Reads a value of the type `T` from a whole text.
fn parse_within<T: DeserializeOwned>(bytes: &[u8], values_max: usize) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let values_left = Cell::new(values_max);
    let walk = Strict {
        depth: 0,
        values_left: &values_left,
    };
    walk.deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| kinds::INPUT_JSON.with(shorten(&error.to_string())))?;
    serde_json::from_slice(bytes).map_err(|error| {
        kinds::INPUT_INVALID.problem().at(
            format!("line {} column {}", error.line(), error.column()),
            "shape",
            shorten_message(&error.to_string()),
        )
    })
}

/// Serde's message without the place that stands in `pointer`.
fn shorten_message(message: &str) -> String {
    let text = message
        .rsplit_once(" at line ")
        .map_or(message, |(text, _)| text);
    text.chars().take(200).collect()
}

/// Walks a value and keeps nothing; fails on a repeated key, too much depth or too many values.
struct Strict<'b> {
    depth: usize,
    values_left: &'b Cell<usize>,
}

impl<'b> Strict<'b> {
    fn deeper<E: de::Error>(&self) -> Result<Strict<'b>, E> {
        if self.depth >= limits::JSON_DEPTH_MAX {
            return Err(E::custom(format_args!(
                "deeper than {} levels",
                limits::JSON_DEPTH_MAX
            )));
        }
        Ok(Strict {
            depth: self.depth + 1,
            values_left: self.values_left,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let left = self.values_left.get().checked_sub(1);
        let left = left.ok_or_else(|| de::Error::custom("too many values"))?;
        self.values_left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            if items.next_element_seed(self.deeper()?)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        // Objects of this API are small; a set pays only for the large ones that are refused anyway.
        let mut few: Vec<String> = Vec::new();
        let mut many = std::collections::HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            let is_new = if few.len() < 16 {
                let is_new = !few.contains(&key);
                few.push(key);
                is_new
            } else {
                !few.contains(&key) && many.insert(key)
            };
            if !is_new {
                return Err(de::Error::custom("a key stands twice"));
            }
            entries.next_value_seed(self.deeper()?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
        parse_within(bytes, 10_000)
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its shape is asked for")]
        id: String,
    }

    #[test]
    fn strict_json_and_nothing_else() {
        assert!(parse::<Sample>(br#" {"id":"\ud83d\ude00"} "#).is_ok());
        let deep = "[".repeat(10_000);
        let nested = format!("{}{}", "[".repeat(65), "]".repeat(65));
        let many = format!("[{}0]", "0,".repeat(10_000));
        for bad in [
            deep.as_str(),
            &nested,
            &many,
            r#"{"id":1e400}"#,
            r#"{"id":"a","id":"b"}"#,
            r#"{"id":"\ud800"}"#,
            "\u{feff}{\"id\":\"a\"}",
            r#"{"id":NaN}"#,
            r#"{"id":"a"}x"#,
            r#"{"id":"a"}{"id":"a"}"#,
            "",
            "{",
            "{\"id\":\"a\n\"}",
            "{'id':'a'}",
            "{\"id\":01}",
        ] {
            assert_eq!(
                parse::<Sample>(bad.as_bytes()).expect_err("refused").code(),
                "input.json"
            );
        }
        let unknown = parse::<Sample>(br#"{"id":"a","extra":1}"#).expect_err("refused");
        assert_eq!(unknown.code(), "input.invalid");
        assert!(unknown.fields.iter().any(|f| f.message.contains("extra")));
        assert_eq!(
            parse::<Sample>(b"[]").expect_err("refused").code(),
            "input.invalid"
        );
    }
}
