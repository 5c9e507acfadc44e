//! Many objects in one body: the bare array that provincial front-ends take, `POST …/DongBoHoSoMC?MaDinhDanhDV=…&isUpdating=True`
//! (protocols §4.4).

use lgsp_base::limits::{DOSSIER_BATCH_MAX, DOSSIER_BODY_BYTES_MAX};
use lgsp_base::problem::rules;
use serde_json::Value;

use super::error::{DossierError, Habit, Tolerance, Violation};
use super::fields::{Item, Object, read_item};
use super::json;
use super::model::Dossier;
use super::progress::ProgressStep;

/// The objects of one body. Each stands for itself: a wrong one does not take the others with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<T> {
    /// In the order of the body.
    pub items: Vec<Item<T>>,
    /// What was looked past in the body itself.
    pub tolerances: Vec<Tolerance>,
}

/// Reads a bare array of dossiers; one object alone is taken as an array of one.
///
/// # Errors
/// [`DossierError`] for what is no such array, or has more than `DOSSIER_BATCH_MAX` items. Rules that a dossier breaks stand in its
/// [`Item`], with places `data[0].…`.
pub fn read_dossiers(bytes: &[u8]) -> Result<Batch<Dossier>, DossierError> {
    read_bare(bytes)
}

/// Reads a bare array of steps; as [`read_dossiers`].
///
/// # Errors
/// As [`read_dossiers`].
pub fn read_progress(bytes: &[u8]) -> Result<Batch<ProgressStep>, DossierError> {
    read_bare(bytes)
}

/// The bare array of dossiers.
pub fn write_dossiers(dossiers: &[Dossier]) -> Vec<u8> {
    write_bare(dossiers)
}

/// The bare array of steps.
pub fn write_progress(steps: &[ProgressStep]) -> Vec<u8> {
    write_bare(steps)
}

fn read_bare<T: Object>(bytes: &[u8]) -> Result<Batch<T>, DossierError> {
    let (value, has_mark) = json::parse(bytes, DOSSIER_BODY_BYTES_MAX)?;
    let mut batch = read_items(value, DOSSIER_BATCH_MAX)?;
    if has_mark {
        let (path, habit) = (String::new(), Habit::ByteOrderMark);
        batch.tolerances.push(Tolerance { path, habit });
    }
    Ok(batch)
}

/// Reads each item of `data` on its own.
pub(super) fn read_items<T: Object>(
    data: Value,
    items_max: usize,
) -> Result<Batch<T>, DossierError> {
    let mut tolerances = Vec::new();
    let items = match data {
        Value::Array(items) => items,
        Value::Object(item) => {
            let (path, habit) = ("data".to_owned(), Habit::List);
            tolerances.push(Tolerance { path, habit });
            vec![Value::Object(item)]
        }
        _ => return Err(DossierError::Shape("an array of objects is asked for")),
    };
    if items.len() > items_max {
        return Err(DossierError::Invalid(vec![Violation {
            path: "data".to_owned(),
            sentence: rules::TOO_MANY.with(&[("max", &items_max)]),
        }]));
    }
    let items = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| read_item(item, &format!("data[{index}]")))
        .collect();
    Ok(Batch { items, tolerances })
}

fn write_bare<T: Object>(items: &[T]) -> Vec<u8> {
    let items: Value = items.iter().map(Object::to_value).collect();
    items.to_string().into_bytes()
}
