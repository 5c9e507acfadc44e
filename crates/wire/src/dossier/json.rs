//! JSON of strangers as a tree: each key once, bounded depth, bounded number of values, nothing behind it.

use std::fmt;

use lgsp_base::limits::{DOSSIER_JSON_VALUES_MAX, JSON_DEPTH_MAX};
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::DossierError;

/// What some producers write in front of the text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The tree of a text, and whether it began with a byte order mark.
///
/// # Errors
/// [`DossierError::TooLarge`] and [`DossierError::Json`].
pub(super) fn parse(bytes: &[u8], bytes_max: usize) -> Result<(Value, bool), DossierError> {
    if bytes.len() > bytes_max {
        return Err(DossierError::TooLarge);
    }
    let (text, has_mark) = match bytes.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => (text, true),
        None => (bytes, false),
    };
    let mut values_left = DOSSIER_JSON_VALUES_MAX;
    let mut reader = serde_json::Deserializer::from_slice(text);
    let tree = Tree {
        depth: 0,
        values_left: &mut values_left,
    };
    let value = tree
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| DossierError::Json {
            line: error.line(),
            column: error.column(),
            cause: cause(&error),
        })?;
    Ok((value, has_mark))
}

/// Serde's words without the place; they never hold text of the input, as any kind of value is taken everywhere.
fn cause(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((cause, _)) => cause.to_owned(),
        None => text,
    }
}

/// Builds one value under what is left of the budget.
struct Tree<'b> {
    depth: usize,
    values_left: &'b mut usize,
}

impl Tree<'_> {
    fn spend<E: de::Error>(&mut self) -> Result<(), E> {
        match self.values_left.checked_sub(1) {
            Some(left) => {
                *self.values_left = left;
                Ok(())
            }
            None => Err(E::custom("too many values")),
        }
    }

    fn deeper<E: de::Error>(&mut self) -> Result<Tree<'_>, E> {
        if self.depth >= JSON_DEPTH_MAX {
            return Err(E::custom("too deep"));
        }
        Ok(Tree {
            depth: self.depth + 1,
            values_left: self.values_left,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(mut self, deserializer: D) -> Result<Value, D::Error> {
        self.spend()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self.deeper()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(self.deeper()?)?;
            if entries.insert(key, value).is_some() {
                return Err(de::Error::custom("a key stands twice"));
            }
        }
        Ok(Value::Object(entries))
    }
}
