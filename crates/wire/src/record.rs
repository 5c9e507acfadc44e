//! Canonical records of the ledger: the bytes that a ledger entry commits to.
//!
//! A [`Record`] is written as JSON in the manner of RFC 8785: no whitespace, keys sorted by their UTF-16 units, the
//! shortest escapes. There are no floating-point numbers and no `null`; integers are written in full, also beyond 2^53,
//! where RFC 8785 would round. One record has exactly one form, so equal records give equal bytes for ever.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use lgsp_base::Sha256;
use lgsp_base::hash::Sha256Hasher;
use serde::Deserialize;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};

/// The domain of ledger entries in [`commitment`].
pub const LEDGER_DOMAIN: &str = "lgsp ledger entry v1\n";

/// What an entry about a document takes, so that its text need not grow.
const TYPICAL_BYTES: usize = 768;

/// Entries of one about a delivery, so that its list need not grow.
const TYPICAL_ENTRIES: usize = 16;

/// Nesting of a record.
const DEPTH_MAX: usize = 32;

/// A value of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// Values in order.
    List(Vec<Value>),
    /// Values by key.
    Map(Record),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Vec<Value>> for Value {
    fn from(list: Vec<Value>) -> Self {
        Self::List(list)
    }
}

impl From<Record> for Value {
    fn from(map: Record) -> Self {
        Self::Map(map)
    }
}

/// Values by key. Whatever order they are put in, they are written in the canonical one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record(
    /// In the order of the keys' bytes. There are a dozen: a list is searched faster than a tree and is one allocation.
    Vec<(Key, Value)>,
);

/// The platform's own keys stand in the program.
type Key = Cow<'static, str>;

impl Record {
    /// Without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces an entry.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        let (key, value) = (key.into(), value.into());
        match self.place(&key) {
            Ok(place) => {
                if let Some((_, known)) = self.0.get_mut(place) {
                    *known = value;
                }
            }
            Err(place) => {
                if self.0.is_empty() {
                    self.0.reserve(TYPICAL_ENTRIES);
                }
                self.0.insert(place, (key, value));
            }
        }
        self
    }

    /// Where a key stands, or where it belongs.
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(key))
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let place = self.place(key).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// The text under a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole number under a key.
    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.get(key) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// The canonical bytes.
    ///
    /// ```
    /// use lgsp_wire::record::Record;
    /// let record = Record::new().with("b", 2).with("a", "Sở \"Y tế\"\n");
    /// assert_eq!(record.encode(), "{\"a\":\"Sở \\\"Y tế\\\"\\n\",\"b\":2}".as_bytes());
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let mut text = String::with_capacity(TYPICAL_BYTES);
        write_map(self, &mut text);
        text.into_bytes()
    }

    /// Reads canonical bytes back.
    ///
    /// # Errors
    /// Anything that [`Record::encode`] would not have written: whitespace, another order, a key twice, a number that is
    /// not whole, nesting beyond 32.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeRecordError> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|_| DecodeRecordError::NotARecord)?;
        match value {
            Value::Map(record) if !is_deep(&record, DEPTH_MAX) => {
                if record.encode() == bytes {
                    Ok(record)
                } else {
                    Err(DecodeRecordError::NotCanonical)
                }
            }
            _ => Err(DecodeRecordError::NotARecord),
        }
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

/// The bytes are not the canonical form of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeRecordError {
    /// Not JSON, or with values that a record cannot hold.
    #[error("not a record")]
    NotARecord,
    /// A record, but not in its canonical form.
    #[error("not in canonical form")]
    NotCanonical,
}

/// The salted commitment to a record: SHA-256(domain ‖ salt ‖ record).
///
/// Domains are fixed texts, none of which begins with another, and the salt has a fixed length, so the three parts cannot
/// be cut differently. The salt keeps short records from being guessed from the ledger.
pub fn commitment(domain: &str, salt: &[u8; 32], record: &[u8]) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    hasher.update(domain.as_bytes());
    hasher.update(salt);
    hasher.update(record);
    hasher.finish()
}

fn is_deep(record: &Record, depth: usize) -> bool {
    fn is_value_deep(value: &Value, depth: usize) -> bool {
        match value {
            Value::Map(map) => is_deep(map, depth),
            Value::List(list) => {
                depth == 0 || list.iter().any(|item| is_value_deep(item, depth - 1))
            }
            Value::Text(_) | Value::Integer(_) | Value::Bool(_) => false,
        }
    }
    depth == 0
        || record
            .0
            .iter()
            .any(|(_, value)| is_value_deep(value, depth - 1))
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Text(text) => write_text(text, out),
        Value::Integer(number) => {
            // Writing into a text cannot fail.
            let _ = write!(out, "{number}");
        }
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Map(map) => write_map(map, out),
    }
}

fn write_map(map: &Record, out: &mut String) {
    // The entries are in byte order, which is UTF-16 order for ASCII.
    if map.iter().all(|(key, _)| key.is_ascii()) {
        write_entries(map.iter(), out);
    } else {
        let mut entries: Vec<(&str, &Value)> = map.iter().collect();
        entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        write_entries(entries.into_iter(), out);
    }
}

fn write_entries<'m>(entries: impl Iterator<Item = (&'m str, &'m Value)>, out: &mut String) {
    out.push('{');
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write_value(value, out);
    }
    out.push('}');
}

/// RFC 8785 §3.2.2.2.
fn write_text(text: &str, out: &mut String) {
    let needs_escape = |b: u8| b < b' ' || b == b'"' || b == b'\\';
    out.push('"');
    // Nearly nothing needs an escape, and looking at every byte without stopping is what the processor does many at once.
    if !text.bytes().fold(false, |found, b| found | needs_escape(b)) {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(needs_escape) {
        let (run, tail) = rest.split_at(at);
        out.push_str(run);
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\t') => out.push_str("\\t"),
            Some('\n') => out.push_str("\\n"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\r') => out.push_str("\\r"),
            Some(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a whole number, true or false, a list or a map")
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number)
            .map(Value::Integer)
            .map_err(|_| E::custom("number too large"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list: Vec<(Key, Value)> = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Value>()? {
            list.push((key.into(), value));
        }
        // Nothing is moved when they come in order.
        list.sort_by(|(a, _), (b, _)| a.cmp(b));
        let is_twice = |pair: &[(Key, Value)]| matches!(pair, [(a, _), (b, _)] if a == b);
        if list.windows(2).any(is_twice) {
            return Err(A::Error::custom("a key twice"));
        }
        Ok(Value::Map(Record(list)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_sorted_by_utf16_units_as_rfc_8785_demands() {
        // RFC 8785 §3.2.3: U+1F600 (a surrogate pair, D83D…) sorts before U+FB33.
        let record = Record::new()
            .with("\u{20ac}", 1)
            .with("\r", 2)
            .with("\u{fb33}", 3)
            .with("1", 4)
            .with("\u{1f600}", 5)
            .with("\u{80}", 6)
            .with("\u{f6}", 7);
        let text = String::from_utf8(record.encode()).expect("UTF-8");
        assert_eq!(
            text,
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
        );
        assert_eq!(Record::decode(text.as_bytes()), Ok(record));
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        for (bytes, error) in [
            ("{\"b\":1,\"a\":2}", DecodeRecordError::NotCanonical),
            ("{\"a\": 2}", DecodeRecordError::NotCanonical),
            ("{\"a\":\"\\u0041\"}", DecodeRecordError::NotCanonical),
            ("{\"a\":1,\"a\":1}", DecodeRecordError::NotARecord),
            ("{\"a\":1.0}", DecodeRecordError::NotARecord),
            ("{\"a\":-0}", DecodeRecordError::NotARecord),
            ("{\"a\":null}", DecodeRecordError::NotARecord),
            ("{\"a\":9223372036854775808}", DecodeRecordError::NotARecord),
            ("[]", DecodeRecordError::NotARecord),
            ("{}x", DecodeRecordError::NotARecord),
            ("", DecodeRecordError::NotARecord),
        ] {
            assert_eq!(Record::decode(bytes.as_bytes()), Err(error), "{bytes}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
        assert!(Record::decode(deep.as_bytes()).is_err());
    }

    #[test]
    fn the_commitment_is_the_plain_digest_of_its_parts() {
        let salt = [7; 32];
        let mut bytes = b"lgsp ledger entry v1\n".to_vec();
        bytes.extend_from_slice(&salt);
        bytes.extend_from_slice(b"{}");
        assert_eq!(commitment(LEDGER_DOMAIN, &salt, b"{}"), Sha256::of(&bytes));
        assert_ne!(
            commitment(LEDGER_DOMAIN, &[8; 32], b"{}"),
            Sha256::of(&bytes)
        );
    }

    fn record_of(map: std::collections::BTreeMap<String, Value>) -> Record {
        Record(
            map.into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        )
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<String>().prop_map(Value::Text),
            any::<i64>().prop_map(Value::Integer),
            any::<bool>().prop_map(Value::Bool),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Map(record_of(map))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(map in proptest::collection::btree_map(any::<String>(), values(), 0..5)) {
            let record = record_of(map);
            prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(record) = Record::decode(&bytes) {
                prop_assert_eq!(record.encode(), bytes);
            }
        }
    }
}
