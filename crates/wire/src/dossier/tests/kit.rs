//! What the tests share: the samples and small changes to them.

use serde_json::Value;

use crate::dossier::*;

macro_rules! samples {
    ($($name:literal),* $(,)?) => {
        /// Every sample request, by name.
        pub(super) const SAMPLES: &[(&str, &[u8])] = &[
            $(($name, include_bytes!(concat!("../../../fixtures/dossier_", $name, ".json")))),*
        ];
    };
}

samples!(
    "DongBoHoSoMC_new",
    "CapNhatTienDoHoSoMC",
    "DongBoHoSoMC_result_returned",
);

pub(super) fn sample(name: &str) -> Value {
    let (_, bytes) = SAMPLES
        .iter()
        .find(|(known, _)| *known == name)
        .expect("sample");
    serde_json::from_slice(bytes).expect("JSON")
}

/// The first object of a sample's `data`.
pub(super) fn first(name: &str) -> Value {
    sample(name)["data"][0].clone()
}

/// The new dossier of the samples with one field changed.
pub(super) fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut object = first("DongBoHoSoMC_new");
    object[name] = value.into();
    object
}

/// The dossier, and what was looked past, as words.
pub(super) fn read(value: Value) -> (Dossier, Vec<(String, Habit)>) {
    let item = Dossier::from_portal(value, "data[0]");
    let habits = item
        .tolerances
        .into_iter()
        .map(|t| (t.path, t.habit))
        .collect();
    (item.result.expect("a dossier"), habits)
}

/// The places and rules of a refusal.
pub(super) fn refusal(value: Value) -> Vec<(String, &'static str)> {
    Dossier::from_portal(value, "data[0]")
        .result
        .expect_err("refused")
        .into_iter()
        .map(|v| (v.path, v.sentence.word()))
        .collect()
}
