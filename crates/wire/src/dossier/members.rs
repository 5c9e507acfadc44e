//! What may stand in a field, and how it is read and written.

use lgsp_base::Timestamp;
use lgsp_base::limits::DOSSIER_LIST_ITEMS_MAX;
use lgsp_base::problem::{Sentence, rules};
use serde_json::Value;

use super::codec::{BoolForm, DateForm};
use super::error::Habit;
use super::fields::{Fields, Member, Object, Out, Spec, read_object};
use super::forms::{ForeignForms, Gender, PartialDate};

/// Digits of an amount or a count.
const NUMBER_DIGITS_MAX: usize = 15;

/// The form of a time or a day.
const fn form_of(spec: &Spec, forms: &ForeignForms) -> DateForm {
    if spec.is_day { forms.day } else { forms.time }
}

impl Member for String {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        fields.text(spec)
    }

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        out.text(spec, self);
    }
}

impl Member for Option<Timestamp> {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let text = fields.text(spec)?;
        let text = text.trim();
        if text.is_empty() {
            return Some(None);
        }
        match form_of(spec, fields.forms).read_loosely(text) {
            Some((at, form)) => {
                if form != form_of(spec, fields.forms) {
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

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        let text = self.map(|at| form_of(spec, out.forms).write(at));
        out.text(spec, text.as_deref().unwrap_or(""));
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
                if form != spec.bool_form.unwrap_or(fields.forms.truth) {
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

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        let form = spec.bool_form.unwrap_or(out.forms.truth);
        out.text(spec, self.map_or("", |value| form.write(value)));
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

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        let text = self.map(|number| number.to_string());
        out.text(spec, text.as_deref().unwrap_or(""));
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
    let find = |is_same: &dyn Fn(&str) -> bool| {
        T::VALUES
            .iter()
            .copied()
            .find(|value| is_same(value.text()))
    };
    let exact = find(&|code| code == trimmed);
    let found = exact.or_else(|| find(&|code| without_zeros(code) == without_zeros(trimmed)))?;
    Some((found, found.text() == text))
}

/// A code without leading zeros; a zero alone stays.
fn without_zeros(code: &str) -> &str {
    match code.trim_start_matches('0') {
        "" if !code.is_empty() => "0",
        rest => rest,
    }
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

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        out.text(spec, self.map_or("", Coded::text));
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
            .map(|(index, item)| {
                read_object(
                    item,
                    &format!("{path}[{index}]"),
                    fields.forms,
                    fields.notes,
                )
            })
            .collect();
        taken.into_iter().collect()
    }

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        if self.is_empty() {
            return out.unknown(spec, Value::Array(Vec::new()));
        }
        let forms = out.forms;
        let items = self.iter().map(|item| item.write(forms).into()).collect();
        out.set(spec, Value::Array(items));
    }
}

/// Takes an object that stands in one field; its default if it is absent.
pub(super) fn take_nested<T: Object + Default>(fields: &mut Fields<'_>, spec: &Spec) -> Option<T> {
    let habit = match fields.take(spec.name) {
        None => None,
        Some(Value::Null) => Some(Habit::Null),
        Some(Value::String(text)) if text.trim().is_empty() => Some(Habit::List),
        Some(value) => {
            let path = fields.path_of(spec.name);
            return read_object(value, &path, fields.forms, fields.notes);
        }
    };
    if spec.is_required {
        fields.breaks(spec.name, rules::REQUIRED.plain());
        return None;
    }
    if let Some(habit) = habit {
        fields.tolerates(spec.name, habit);
    }
    Some(T::default())
}

impl Member for Option<Gender> {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let text = fields.text(spec)?;
        if text.trim().is_empty() {
            return Some(None);
        }
        let gender = fields.forms.gender.read(text.trim());
        if gender.is_none() {
            fields.keep(spec.name, text.into());
        }
        Some(gender)
    }

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        let text = self.and_then(|gender| out.forms.gender.write(gender));
        let text = text.unwrap_or("").to_owned();
        out.text(spec, &text);
    }
}

impl Member for Option<PartialDate> {
    fn take(fields: &mut Fields<'_>, spec: &Spec) -> Option<Self> {
        let text = fields.text(spec)?;
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Some(None);
        }
        let form = fields.forms.birth;
        match form.read_loosely(trimmed) {
            Some(date) => {
                if form.write(date) != text {
                    fields.tolerates(spec.name, Habit::Spelling);
                }
                Some(Some(date))
            }
            None => {
                fields.breaks(spec.name, rules::PARTIAL_DATE.plain());
                None
            }
        }
    }

    fn put(&self, out: &mut Out<'_>, spec: &Spec) {
        let text = self.map(|date| out.forms.birth.write(date));
        out.text(spec, text.as_deref().unwrap_or(""));
    }
}
