//! Dossiers and steps out of JSON bodies, each item on its own. What is said about a wrong one never repeats its values.

use lgsp_base::Problem;
use lgsp_base::problem::kinds;
use lgsp_wire::dossier::{Dossier, DossierCode, ProgressStep};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::query::shorten;

/// A dossier in our own JSON.
///
/// # Errors
/// `dossier.invalid` with the place and what is asked for there.
pub(crate) fn dossier(item: Value, place: &str) -> Result<Dossier, Problem> {
    read(item, place)
}

/// A step in our own JSON; the code of the address counts where the step names none.
///
/// # Errors
/// As [`dossier`].
pub(crate) fn step(
    mut item: Value,
    code: &DossierCode,
    place: &str,
) -> Result<ProgressStep, Problem> {
    if let Value::Object(fields) = &mut item {
        fields
            .entry("code")
            .or_insert_with(|| Value::String(code.to_string()));
    }
    read(item, place)
}

/// The code of an item, if it has one that can be read.
pub(crate) fn code_of(item: &Value) -> Option<String> {
    let text = item.get("code")?.as_str()?;
    DossierCode::read(text).ok().map(|code| code.to_string())
}

fn read<T: DeserializeOwned>(item: Value, place: &str) -> Result<T, Problem> {
    serde_json::from_value(item).map_err(|error| {
        kinds::DOSSIER_INVALID
            .problem()
            .at(place, "shape", asked_for(&error.to_string()))
    })
}

/// Serde's words without the value that it met.
fn asked_for(message: &str) -> String {
    let met = ["invalid ", "unknown variant"];
    let message = match message.rsplit_once("expected ") {
        Some((_, asked)) if met.iter().any(|start| message.starts_with(start)) => {
            format!("expected {asked}")
        }
        _ => message.to_owned(),
    };
    shorten(&message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_never_repeats_a_value() {
        let good = json!({"code": "H99.131-260312-0042", "status": "2", "procedure": {"code": "2.000488"}, "sector": {}});
        assert!(dossier(good.clone(), "/dossier").is_ok());
        for (name, value, said) in [
            ("applicant", json!("Nguyễn Văn Thử"), "expected"),
            ("applicant", json!({"name": 12}), "expected a string"),
            ("channel", json!("Nguyễn Văn Thử"), "expected"),
            ("received_at", json!("Nguyễn Văn Thử"), ""),
            ("status", json!("99"), "1 to 10"),
            ("code", json!("H99.131-260231-0042"), "day"),
            ("other", json!(1), "unknown field `other`"),
        ] {
            let mut item = good.clone();
            item[name] = value;
            let problem = dossier(item, "/dossier").expect_err(name);
            assert_eq!(problem.code(), "dossier.invalid");
            let message = problem.fields[0]
                .message_in(lgsp_base::Lang::En)
                .into_owned();
            assert!(message.contains(said), "{name}: {message}");
            assert!(!message.contains("Thử"), "{message}");
        }
    }
}
