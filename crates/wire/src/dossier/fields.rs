//! Reading and writing the JSON objects of the national portal: every scalar a text, an empty text for unknown (protocols §4.6).
//!
//! [`object!`](object) makes a type and both directions of its codec from one list of fields. What a reader cannot place is kept in
//! [`Extra`] and written back, so that a passage through here loses nothing.

use std::collections::BTreeMap;

use lgsp_base::Timestamp;
use lgsp_base::limits::{
    DOSSIER_FIELDS_MAX, DOSSIER_LIST_ITEMS_MAX, DOSSIER_VIOLATIONS_MAX, TEXT_CHARS_MAX,
};
use lgsp_base::problem::{Sentence, rules};
use serde_json::{Map, Value};

use super::codec::{BoolForm, DateForm};
use super::error::{DossierError, Habit, Tolerance, Violation};

/// Fields that a model does not know, by their name on the wire.
pub type Extra = BTreeMap<String, Value>;

/// Digits of an amount or a count.
const NUMBER_DIGITS_MAX: usize = 15;

/// One field on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    is_required: bool,
    chars_max: usize,
    bool_form: BoolForm,
}

/// A field that may be absent.
pub(super) const fn field(name: &'static str) -> Spec {
    Spec {
        name,
        is_required: false,
        chars_max: TEXT_CHARS_MAX,
        bool_form: BoolForm::Digit,
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
        self.bool_form = form;
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
    notes: &'n mut Notes,
}

impl<'n> Fields<'n> {
    /// The fields of an object; `None` after a violation if it has too many.
    fn new(entries: Map<String, Value>, path: &'n str, notes: &'n mut Notes) -> Option<Self> {
        if entries.len() > DOSSIER_FIELDS_MAX {
            let sentence = rules::TOO_MANY.with(&[("max", &DOSSIER_FIELDS_MAX)]);
            notes.breaks(path.to_owned(), sentence);
            return None;
        }
        Some(Self {
            entries,
            path,
            notes,
        })
    }

    fn path_of(&self, name: &str) -> String {
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
    fn take(&mut self, name: &str) -> Option<Value> {
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
    fn text(&mut self, spec: &Spec) -> Option<String> {
        let text = match self.take(spec.name) {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => {
                self.tolerates(spec.name, Habit::Number);
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
    fn keep(&mut self, name: &str, value: Value) {
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
    fn put(&self, out: &mut Map<String, Value>, spec: &Spec);
}

fn put_text(out: &mut Map<String, Value>, spec: &Spec, text: &str) {
    if text.is_empty() {
        out.entry(spec.name).or_insert_with(|| "".into());
    } else {
        out.insert(spec.name.to_owned(), text.into());
    }
}

impl Member for String {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        fields.text(spec)
    }

    fn put(&self, out: &mut Map<String, Value>, spec: &Spec) {
        put_text(out, spec, self);
    }
}

impl Member for Option<Timestamp> {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let text = fields.text(spec)?;
        let text = text.trim();
        if text.is_empty() {
            return Some(None);
        }
        match DateForm::read_any(text) {
            Some((at, form)) => {
                if form != DateForm::CompactTime {
                    fields.tolerates(spec.name, Habit::Date(form));
                }
                Some(Some(at))
            }
            None => {
                fields.breaks(spec.name, rules::PORTAL_TIME.plain());
                None
            }
        }
    }

    fn put(&self, out: &mut Map<String, Value>, spec: &Spec) {
        let text = self.map(|at| DateForm::CompactTime.write(at));
        put_text(out, spec, text.as_deref().unwrap_or(""));
    }
}

impl Member for Option<bool> {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let text = fields.text(spec)?;
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Some(None);
        }
        match BoolForm::read_any(trimmed) {
            Some((value, form)) => {
                if form != spec.bool_form {
                    fields.tolerates(spec.name, Habit::Bool(form));
                }
                Some(Some(value))
            }
            None => {
                fields.keep(spec.name, text.into());
                Some(None)
            }
        }
    }

    fn put(&self, out: &mut Map<String, Value>, spec: &Spec) {
        put_text(
            out,
            spec,
            self.map_or("", |value| spec.bool_form.write(value)),
        );
    }
}

impl Member for Option<u64> {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let text = fields.text(spec)?;
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Some(None);
        }
        let is_number =
            trimmed.len() <= NUMBER_DIGITS_MAX && trimmed.bytes().all(|b| b.is_ascii_digit());
        match trimmed.parse::<u64>() {
            Ok(number) if is_number => {
                if number.to_string() != text {
                    fields.tolerates(spec.name, Habit::Spelling);
                }
                Some(Some(number))
            }
            _ => {
                fields.keep(spec.name, text.into());
                Some(None)
            }
        }
    }

    fn put(&self, out: &mut Map<String, Value>, spec: &Spec) {
        let text = self.map(|number| number.to_string());
        put_text(out, spec, text.as_deref().unwrap_or(""));
    }
}

/// A closed list of codes.
pub(super) trait Coded: Copy + 'static {
    /// Every value.
    const VALUES: &'static [Self];
    /// The text on the wire.
    fn text(self) -> &'static str;
}

/// The value of a code, and whether it was spelt as it is written.
pub(super) fn read_code<T: Coded>(text: &str) -> Option<(T, bool)> {
    let trimmed = text.trim();
    let digits = trimmed.trim_start_matches('0');
    let plain = if digits.is_empty() && !trimmed.is_empty() {
        "0"
    } else {
        digits
    };
    let found = T::VALUES.iter().find(|value| value.text() == plain)?;
    Some((*found, found.text() == text))
}

impl<T: Coded> Member for Option<T> {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let text = fields.text(spec)?;
        if text.trim().is_empty() {
            return Some(None);
        }
        match read_code(&text) {
            Some((value, is_exact)) => {
                if !is_exact {
                    fields.tolerates(spec.name, Habit::Spelling);
                }
                Some(Some(value))
            }
            None => {
                fields.keep(spec.name, text.into());
                Some(None)
            }
        }
    }

    fn put(&self, out: &mut Map<String, Value>, spec: &Spec) {
        put_text(out, spec, self.map_or("", Coded::text));
    }
}

/// A value that must be right: read strictly first, then loosely.
pub(super) fn take_exact<T>(
    fields: &mut Fields<'_>,
    spec: &Spec,
    rule: Sentence,
    read: impl Fn(&str) -> Option<T>,
    write: impl Fn(&T) -> String,
) -> Option<T> {
    let text = fields.text(spec)?;
    let Some(value) = read(&text) else {
        fields.breaks(spec.name, rule);
        return None;
    };
    if write(&value) != text {
        fields.tolerates(spec.name, Habit::Spelling);
    }
    Some(value)
}

/// A type that is one JSON object.
pub(super) trait Object: Sized {
    /// Takes what it knows; `None` after a violation.
    fn read(fields: Fields<'_>) -> Option<Self>;
    /// The object.
    fn write(&self) -> Map<String, Value>;
}

impl<T: Object> Member for Vec<T> {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let items = match fields.take(spec.name) {
            None => return Some(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(Value::Null) => {
                fields.tolerates(spec.name, Habit::Null);
                return Some(Vec::new());
            }
            Some(Value::String(text)) if text.trim().is_empty() => {
                fields.tolerates(spec.name, Habit::List);
                return Some(Vec::new());
            }
            Some(Value::Object(item)) => {
                fields.tolerates(spec.name, Habit::List);
                vec![Value::Object(item)]
            }
            Some(_) => {
                fields.breaks(spec.name, rules::LIST.plain());
                return None;
            }
        };
        if items.len() > DOSSIER_LIST_ITEMS_MAX {
            let sentence = rules::TOO_MANY.with(&[("max", &DOSSIER_LIST_ITEMS_MAX)]);
            fields.breaks(spec.name, sentence);
            return None;
        }
        let path = fields.path_of(spec.name);
        let taken: Vec<Option<T>> = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| read_object(item, &format!("{path}[{index}]"), fields.notes))
            .collect();
        taken.into_iter().collect()
    }

    fn put(&self, out: &mut Map<String, Value>, spec: &Spec) {
        if self.is_empty() {
            out.entry(spec.name)
                .or_insert_with(|| Value::Array(Vec::new()));
        } else {
            let items = self.iter().map(|item| item.write().into()).collect();
            out.insert(spec.name.to_owned(), Value::Array(items));
        }
    }
}

/// Reads one object; `None` after a violation.
pub(super) fn read_object<T: Object>(value: Value, path: &str, notes: &mut Notes) -> Option<T> {
    let Value::Object(entries) = value else {
        notes.breaks(path.to_owned(), rules::OBJECT.plain());
        return None;
    };
    T::read(Fields::new(entries, path, notes)?)
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

/// Reads one object on its own.
pub(super) fn read_item<T: Object>(value: Value, path: &str) -> Item<T> {
    let key = value
        .get("MaHoSo")
        .and_then(Value::as_str)
        .map(|text| text.chars().take(KEY_CHARS_MAX).collect())
        .unwrap_or_default();
    let mut notes = Notes::default();
    let read = read_object(value, path, &mut notes);
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

impl<T> Item<T> {
    /// The value alone.
    ///
    /// # Errors
    /// [`DossierError::Invalid`] with the rules that it breaks.
    pub fn into_result(self) -> Result<T, DossierError> {
        self.result.map_err(DossierError::Invalid)
    }
}

/// A type that is one JSON object of the portal, and its codec, from one list of fields. `needed` fields have no default; a type
/// with `group` has no object of its own: its fields stand among those of the object that it is part of; `settle` names a function
/// that looks at what was read before the rest is kept.
macro_rules! object {
    (@type
        [$($extra:tt)*]
        $(#[$meta:meta])*
        $name:ident
        { $( $(#[$nmeta:meta])* $nfield:ident : $ntype:ty = $nspec:expr ; )* }
        { $( $(#[$kmeta:meta])* $kfield:ident : $ktype:ty = $kspec:expr ; )* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $( $(#[$nmeta])* pub $nfield: $ntype, )*
            $( $(#[$kmeta])* #[serde(default)] pub $kfield: $ktype, )*
            $($extra)*
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            needed { $( $(#[$nmeta:meta])* $nfield:ident : $ntype:ty = $nspec:expr ; )* }
            known { $( $(#[$kmeta:meta])* $kfield:ident : $ktype:ty = $kspec:expr ; )* }
        }
        $(settle $settle:path;)?
    ) => {
        object! { @type
            [
                /// Fields that this model does not know, by their name on the wire; written back as they came.
                #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
                pub extra: $crate::dossier::Extra,
            ]
            $(#[$meta])*
            $name
            { $( $(#[$nmeta])* $nfield: $ntype = $nspec; )* }
            { $( $(#[$kmeta])* $kfield: $ktype = $kspec; )* }
        }

        impl $crate::dossier::fields::Object for $name {
            fn read(mut fields: $crate::dossier::fields::Fields<'_>) -> Option<Self> {
                // Everything is taken before the first missing value ends it, so that every violation is found.
                $( let $nfield = <$ntype as $crate::dossier::fields::Member>::take(&mut fields, &$nspec); )*
                $( let $kfield = <$ktype as $crate::dossier::fields::Member>::take(&mut fields, &$kspec); )*
                let mut read = Self {
                    $( $nfield: $nfield?, )*
                    $( $kfield: $kfield?, )*
                    extra: Default::default(),
                };
                $( $settle(&mut read, &mut fields); )?
                read.extra = fields.rest();
                Some(read)
            }

            fn write(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut out: serde_json::Map<String, serde_json::Value> =
                    self.extra.clone().into_iter().collect();
                $( $crate::dossier::fields::Member::put(&self.$nfield, &mut out, &$nspec); )*
                $( $crate::dossier::fields::Member::put(&self.$kfield, &mut out, &$kspec); )*
                out
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident group {
            needed { $( $(#[$nmeta:meta])* $nfield:ident : $ntype:ty = $nspec:expr ; )* }
            known { $( $(#[$kmeta:meta])* $kfield:ident : $ktype:ty = $kspec:expr ; )* }
        }
    ) => {
        object! { @type
            []
            $(#[$meta])*
            $name
            { $( $(#[$nmeta])* $nfield: $ntype = $nspec; )* }
            { $( $(#[$kmeta])* $kfield: $ktype = $kspec; )* }
        }

        impl $crate::dossier::fields::Member for $name {
            fn take(
                fields: &mut $crate::dossier::fields::Fields<'_>,
                _group: &$crate::dossier::fields::Spec,
            ) -> Option<Self> {
                $( let $nfield = <$ntype as $crate::dossier::fields::Member>::take(fields, &$nspec); )*
                $( let $kfield = <$ktype as $crate::dossier::fields::Member>::take(fields, &$kspec); )*
                Some(Self {
                    $( $nfield: $nfield?, )*
                    $( $kfield: $kfield?, )*
                })
            }

            fn put(
                &self,
                out: &mut serde_json::Map<String, serde_json::Value>,
                _group: &$crate::dossier::fields::Spec,
            ) {
                $( $crate::dossier::fields::Member::put(&self.$nfield, out, &$nspec); )*
                $( $crate::dossier::fields::Member::put(&self.$kfield, out, &$kspec); )*
            }
        }
    };
}

/// A closed list of codes: the text on the wire, and a snake_case word in our own JSON.
macro_rules! coded {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident = $text:literal ; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )*
        }

        impl $name {
            /// Every value in the order of the codes.
            pub const ALL: &'static [$name] = &[$( Self::$variant, )*];

            /// The text on the wire.
            pub const fn code(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )*
                }
            }

            /// The value of a text on the wire.
            pub fn from_code(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == text)
            }
        }

        impl $crate::dossier::fields::Coded for $name {
            const VALUES: &'static [Self] = Self::ALL;

            fn text(self) -> &'static str {
                self.code()
            }
        }
    };
}

pub(super) use {coded, object};
