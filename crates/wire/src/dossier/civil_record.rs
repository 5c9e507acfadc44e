//! The record inside a civil status message: flat names and texts, as XML text `<hotich><hoso>…</hoso></hotich>` or, since 2025, as
//! JSON text (protocols §4.11). Names are those of the ministry: `so`, `quyenSo`, `nksHoTen`, `meNgaySinh` …

use std::collections::BTreeMap;

use lgsp_base::limits::{
    DOSSIER_BATCH_MAX, DOSSIER_BODY_BYTES_MAX, DOSSIER_FIELDS_MAX, XML_TEXT_BYTES_MAX,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::edxml::{Cause, Handler, Limits, StartTag, Tokenizer, escape};

use super::error::DossierError;
use super::json;

/// The element around all records.
const ROOT: &str = "hotich";
/// The element around one record.
const RECORD: &str = "hoso";
const SHAPE: DossierError = DossierError::Shape("hotich/hoso with flat fields is asked for");

/// One record: texts by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CivilRecord(pub BTreeMap<String, String>);

impl CivilRecord {
    /// The text of a field, empty if it is absent.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Reads the records of a message, XML or JSON, whichever it is.
    ///
    /// # Errors
    /// [`DossierError`] for what is neither, has fields inside fields, or is over a limit.
    pub fn read(text: &str) -> Result<Vec<Self>, DossierError> {
        if text.len() > DOSSIER_BODY_BYTES_MAX {
            return Err(DossierError::TooLarge);
        }
        let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        if text.starts_with('<') {
            read_xml(text)
        } else {
            read_json(json::parse(text.as_bytes(), DOSSIER_BODY_BYTES_MAX)?.0)
        }
    }

    /// The records as XML text. Empty fields are left out.
    ///
    /// # Errors
    /// [`DossierError::Shape`] for a name that is no plain name, or a character that XML cannot hold.
    pub fn to_xml(records: &[Self]) -> Result<String, DossierError> {
        let mut xml = format!("<{ROOT}>");
        for record in records {
            xml.push_str(&format!("<{RECORD}>"));
            for (name, text) in record.0.iter().filter(|(_, text)| !text.is_empty()) {
                if !is_name(name) {
                    return Err(DossierError::Shape(
                        "names of letters and digits are asked for",
                    ));
                }
                let text = escape(text)
                    .map_err(|_| DossierError::Shape("a character that XML cannot hold"))?;
                xml.push_str(&format!("<{name}>{text}</{name}>"));
            }
            xml.push_str(&format!("</{RECORD}>"));
        }
        xml.push_str(&format!("</{ROOT}>"));
        Ok(xml)
    }

    /// One record as JSON text.
    pub fn to_json(&self) -> String {
        let fields = self.0.iter();
        let object: Map<String, Value> = fields
            .map(|(name, text)| (name.clone(), text.as_str().into()))
            .collect();
        Value::Object(object).to_string()
    }

    /// Adds a field; one that stands there already is a fault.
    fn add(&mut self, name: &str, text: String) -> Result<(), DossierError> {
        if self.0.len() >= DOSSIER_FIELDS_MAX || self.0.contains_key(name) {
            return Err(SHAPE);
        }
        self.0.insert(name.to_owned(), text);
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn read_json(value: Value) -> Result<Vec<CivilRecord>, DossierError> {
    let records = match unwrapped(unwrapped(value, ROOT), RECORD) {
        Value::Array(records) => records,
        record => vec![record],
    };
    if records.len() > DOSSIER_BATCH_MAX {
        return Err(SHAPE);
    }
    records.into_iter().map(record_of).collect()
}

/// The only member of an object, if it has this name.
fn unwrapped(value: Value, name: &str) -> Value {
    match value {
        Value::Object(mut object) if object.len() == 1 && object.contains_key(name) => {
            object.remove(name).unwrap_or_default()
        }
        other => other,
    }
}

fn record_of(value: Value) -> Result<CivilRecord, DossierError> {
    let Value::Object(fields) = value else {
        return Err(SHAPE);
    };
    let mut record = CivilRecord::default();
    for (name, value) in fields {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Null => String::new(),
            Value::Array(_) | Value::Object(_) => return Err(SHAPE),
        };
        record.add(&name, text)?;
    }
    Ok(record)
}

fn read_xml(text: &str) -> Result<Vec<CivilRecord>, DossierError> {
    let mut tokenizer = Tokenizer::new(Limits::default());
    let mut collector = Collector::default();
    tokenizer
        .push(text, &mut collector)
        .and_then(|()| tokenizer.finish())
        .map_err(|fault| DossierError::Xml {
            cause: fault.cause.to_string(),
            at: fault.at,
        })?;
    Ok(collector.records)
}

/// Builds records from tags and texts.
#[derive(Default)]
struct Collector {
    depth: usize,
    records: Vec<CivilRecord>,
    name: String,
    text: String,
}

impl Handler for Collector {
    fn start(&mut self, tag: &StartTag<'_>, _at: u64) -> Result<(), Cause> {
        self.depth += 1;
        match self.depth {
            1 if tag.local.eq_ignore_ascii_case(ROOT) => {}
            2 if tag.local.eq_ignore_ascii_case(RECORD) => {
                if self.records.len() >= DOSSIER_BATCH_MAX {
                    return Err(Cause::Limit("records"));
                }
                self.records.push(CivilRecord::default());
            }
            3 => {
                tag.local.clone_into(&mut self.name);
                self.text.clear();
            }
            _ => return Err(Cause::Invalid("hotich/hoso with flat fields is asked for")),
        }
        Ok(())
    }

    fn end(&mut self, _at: u64) -> Result<(), Cause> {
        if self.depth == 3
            && let Some(record) = self.records.last_mut()
        {
            record
                .add(&self.name, std::mem::take(&mut self.text))
                .map_err(|_| Cause::Invalid("a field twice, or too many fields"))?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Cause> {
        if self.depth == 3 {
            if self.text.len() + text.len() > XML_TEXT_BYTES_MAX {
                return Err(Cause::Limit("bytes of a text"));
            }
            self.text.push_str(text);
        }
        Ok(())
    }

    fn other(&mut self, _at: u64) -> Result<(), Cause> {
        Ok(())
    }
}
