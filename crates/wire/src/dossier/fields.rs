//! Reading and writing the JSON objects of the national portal: every scalar a text, an empty text for unknown (protocols §4.6).
//!
//! What a reader cannot place is kept in [`Extra`] and written back, so that a passage through here loses nothing.

use std::collections::BTreeMap;

use lgsp_base::limits::{DOSSIER_FIELDS_MAX, DOSSIER_VIOLATIONS_MAX, TEXT_CHARS_MAX};
use lgsp_base::problem::{Sentence, rules};
use serde_json::{Map, Value};

use super::codec::BoolForm;
use super::error::{DossierError, Habit, Tolerance, Violation};
use super::forms::{ForeignForms, PORTAL};
use super::json;

/// Fields that a model does not know, by their name on the wire. Numbers in them keep 15 digits, or all if they are whole and fit in 64
/// bits.
pub type Extra = BTreeMap<String, Value>;

/// Whole numbers up to here are exact as floating point numbers.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// One field on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) chars_max: usize,
    /// Where it is not the protocol's own.
    pub(super) bool_form: Option<BoolForm>,
    /// A day and not a time.
    pub(super) is_day: bool,
    /// Written as a JSON number.
    pub(super) is_number: bool,
}

/// A field that may be absent.
pub(super) const fn field(name: &'static str) -> Spec {
    Spec {
        name,
        is_required: false,
        chars_max: TEXT_CHARS_MAX,
        bool_form: None,
        is_day: false,
        is_number: false,
    }
}

/// A field that must have a value.
pub(super) const fn required(name: &'static str) -> Spec {
    field(name).required()
}

/// A group of fields without an object of its own.
pub(super) const GROUP: Spec = field("");

impl Spec {
    pub(super) const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    pub(super) const fn max(mut self, chars: usize) -> Self {
        self.chars_max = chars;
        self
    }

    pub(super) const fn truth(mut self, form: BoolForm) -> Self {
        self.bool_form = Some(form);
        self
    }

    pub(super) const fn day(mut self) -> Self {
        self.is_day = true;
        self
    }

    pub(super) const fn number(mut self) -> Self {
        self.is_number = true;
        self
    }
}

/// What reading found besides values.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) violations: Vec<Violation>,
    pub(super) tolerances: Vec<Tolerance>,
}

impl Notes {
    pub(super) fn breaks(&mut self, path: String, sentence: Sentence) {
        if self.violations.len() < DOSSIER_VIOLATIONS_MAX {
            self.violations.push(Violation { path, sentence });
        }
    }

    pub(super) fn tolerates(&mut self, path: String, habit: Habit) {
        if self.tolerances.len() < DOSSIER_VIOLATIONS_MAX {
            self.tolerances.push(Tolerance { path, habit });
        }
    }
}

/// The fields of one object that are still to be taken.
pub(super) struct Fields<'n> {
    entries: Map<String, Value>,
    path: &'n str,
    pub(super) forms: &'n ForeignForms,
    pub(super) notes: &'n mut Notes,
}

impl<'n> Fields<'n> {
    /// The fields of an object; `None` after a violation if it has too many.
    fn new(
        entries: Map<String, Value>,
        path: &'n str,
        forms: &'n ForeignForms,
        notes: &'n mut Notes,
    ) -> Option<Self> {
        if entries.len() > DOSSIER_FIELDS_MAX {
            let sentence = rules::TOO_MANY.with(&[("max", &DOSSIER_FIELDS_MAX)]);
            notes.breaks(path.to_owned(), sentence);
            return None;
        }
        Some(Self {
            entries,
            path,
            forms,
            notes,
        })
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    pub(super) fn breaks(&mut self, name: &str, sentence: Sentence) {
        let path = self.path_of(name);
        self.notes.breaks(path, sentence);
    }

    pub(super) fn tolerates(&mut self, name: &str, habit: Habit) {
        let path = self.path_of(name);
        self.notes.tolerates(path, habit);
    }

    /// The value of a field, if it is there in any letter case.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        if let Some(value) = self.entries.remove(name) {
            return Some(value);
        }
        let key = self
            .entries
            .keys()
            .find(|key| key.eq_ignore_ascii_case(name))?
            .clone();
        self.tolerates(name, Habit::LetterCase);
        self.entries.remove(&key)
    }

    /// The text of a scalar field, empty if it is absent; `None` after a violation.
    pub(super) fn text(&mut self, spec: &Spec) -> Option<String> {
        let text = match self.take(spec.name) {
            None => String::new(),
            Some(Value::String(text)) => text,
            // A number that did not fit has lost digits already.
            Some(Value::Number(number))
                if number
                    .as_f64()
                    .is_none_or(|n| number.is_f64() && n.abs() > EXACT_MAX) =>
            {
                self.breaks(spec.name, rules::FORM.plain());
                return None;
            }
            Some(Value::Number(number)) => {
                if !spec.is_number {
                    self.tolerates(spec.name, Habit::Number);
                }
                number.to_string()
            }
            Some(Value::Bool(value)) => {
                self.tolerates(spec.name, Habit::Boolean);
                BoolForm::Lower.write(value).to_owned()
            }
            Some(Value::Null) => {
                self.tolerates(spec.name, Habit::Null);
                String::new()
            }
            Some(Value::Array(_) | Value::Object(_)) => {
                self.breaks(spec.name, rules::SCALAR.plain());
                return None;
            }
        };
        if spec.is_required && text.trim().is_empty() {
            self.breaks(spec.name, rules::REQUIRED.plain());
            return None;
        }
        if text.chars().count() > spec.chars_max {
            let sentence = rules::TOO_LONG.with(&[("max", &spec.chars_max)]);
            self.breaks(spec.name, sentence);
            return None;
        }
        if text.contains('\0') {
            self.breaks(spec.name, rules::NUL.plain());
            return None;
        }
        Some(text)
    }

    /// Keeps a value that has no place in the model.
    pub(super) fn keep(&mut self, name: &str, value: Value) {
        self.entries.insert(name.to_owned(), value);
        self.tolerates(name, Habit::UnknownCode);
    }

    /// What nobody took.
    pub(super) fn rest(self) -> Extra {
        self.entries.into_iter().collect()
    }
}

/// The text of a scalar field of a request's own object; empty after a violation.
pub(super) fn take_text(
    body: &mut Map<String, Value>,
    spec: &Spec,
    violations: &mut Vec<Violation>,
) -> String {
    let mut notes = Notes::default();
    let mut fields = Fields {
        entries: std::mem::take(body),
        path: "",
        forms: &PORTAL,
        notes: &mut notes,
    };
    let text = fields.text(spec).unwrap_or_default();
    *body = fields.entries;
    violations.append(&mut notes.violations);
    text
}

/// A value that stands in one field, or in a group of fields.
pub(super) trait Member: Sized {
    /// Takes the value; `None` after a violation.
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self>;
    /// Puts the value. A value that is unknown leaves what stands there already.
    fn put(&self, out: &mut Out<'_>, spec: &Spec);
}

/// The fields of one object as they are written.
pub(super) struct Out<'f> {
    entries: Map<String, Value>,
    pub(super) forms: &'f ForeignForms,
}

impl<'f> Out<'f> {
    /// Begins with what the model does not know.
    pub(super) fn new(extra: &Extra, forms: &'f ForeignForms) -> Self {
        Self {
            entries: extra.clone().into_iter().collect(),
            forms,
        }
    }

    /// The object.
    pub(super) fn finish(self) -> Map<String, Value> {
        self.entries
    }

    /// Sets a field to a value that is known.
    pub(super) fn set(&mut self, spec: &Spec, value: Value) {
        self.entries.insert(spec.name.to_owned(), value);
    }

    /// Sets a field to what stands for unknown, unless something stands there.
    pub(super) fn unknown(&mut self, spec: &Spec, value: Value) {
        self.entries.entry(spec.name).or_insert(value);
    }

    /// Sets a field to a text; an empty one is unknown.
    pub(super) fn text(&mut self, spec: &Spec, text: &str) {
        if text.is_empty() {
            return self.unknown(spec, "".into());
        }
        match text.parse::<i64>() {
            Ok(number) if spec.is_number && number.to_string() == text => {
                self.set(spec, number.into());
            }
            _ => self.set(spec, text.into()),
        }
    }
}

/// A type that is one JSON object.
pub(super) trait Object: Sized {
    /// Takes what it knows; `None` after a violation.
    fn read(fields: Fields<'_>) -> Option<Self>;
    /// The object, in the forms of a protocol.
    fn write(&self, forms: &ForeignForms) -> Map<String, Value>;

    /// The object of the national portal.
    fn to_value(&self) -> Value {
        Value::Object(self.write(&PORTAL))
    }
}

/// Reads one object; `None` after a violation.
pub(super) fn read_object<T: Object>(
    value: Value,
    path: &str,
    forms: &ForeignForms,
    notes: &mut Notes,
) -> Option<T> {
    let Value::Object(entries) = value else {
        notes.breaks(path.to_owned(), rules::OBJECT.plain());
        return None;
    };
    T::read(Fields::new(entries, path, forms, notes)?)
}

/// One object that was read on its own, with what was looked past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<T> {
    /// `MaHoSo` as far as it could be read, otherwise empty: names the item in an answer.
    pub key: String,
    /// The value, or every rule that it breaks.
    pub result: Result<T, Vec<Violation>>,
    /// What was looked past, in the order of the fields.
    pub tolerances: Vec<Tolerance>,
}

/// Characters of [`Item::key`].
const KEY_CHARS_MAX: usize = 64;

/// Reads one object of the national portal on its own.
pub(super) fn read_item<T: Object>(value: Value, path: &str) -> Item<T> {
    read_item_in(value, path, &PORTAL)
}

/// Reads one object in the forms of a protocol on its own.
pub(super) fn read_item_in<T: Object>(value: Value, path: &str, forms: &ForeignForms) -> Item<T> {
    let key = value
        .get("MaHoSo")
        .and_then(Value::as_str)
        .map(|text| text.chars().take(KEY_CHARS_MAX).collect())
        .unwrap_or_default();
    let mut notes = Notes::default();
    let read = read_object(value, path, forms, &mut notes);
    let result = match read {
        Some(value) if notes.violations.is_empty() => Ok(value),
        _ => Err(notes.violations),
    };
    Item {
        key,
        result,
        tolerances: notes.tolerances,
    }
}

/// Reads one object that is a whole body.
pub(super) fn read_body<T: Object>(
    bytes: &[u8],
    bytes_max: usize,
    forms: &ForeignForms,
) -> Result<Item<T>, DossierError> {
    let (value, has_mark) = json::parse(bytes, bytes_max)?;
    let mut item = read_item_in(value, "", forms);
    if has_mark {
        let (path, habit) = (String::new(), Habit::ByteOrderMark);
        item.tolerances.insert(0, Tolerance { path, habit });
    }
    Ok(item)
}

impl<T> Item<T> {
    /// The value alone.
    ///
    /// # Errors
    /// [`DossierError::Invalid`] with the rules that it breaks.
    pub fn into_result(self) -> Result<T, DossierError> {
        self.result.map_err(DossierError::Invalid)
    }
}
