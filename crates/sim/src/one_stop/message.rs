//! What the platform hands over to an office: its own JSON of a dossier, or of steps.

use lgsp_wire::dossier::{Dossier, ProgressStep};
use serde_json::{Map, Value};

use super::OfficeError;
use crate::dossier_book::Mark;

/// A message as an office reads it.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) code: String,
    pub(super) mark: Mark,
    /// The whole state in the national form; none for steps.
    pub(super) state: Option<Map<String, Value>>,
}

impl Message {
    /// Reads what the platform hands over: its own JSON of a dossier, or of steps.
    pub(super) fn read(content: &[u8]) -> Result<Self, OfficeError> {
        let broken = |error: serde_json::Error| OfficeError::Content(error.to_string());
        let value: Value = serde_json::from_slice(content).map_err(broken)?;
        let text = |value: &Value, name: &str| {
            let found = value.get(name).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        if let Some(steps) = value.get("steps").and_then(Value::as_array) {
            let last = steps.last().unwrap_or(&Value::Null);
            let step: ProgressStep = serde_json::from_value(last.clone()).map_err(broken)?;
            return Ok(Message {
                code: text(&value, "code"),
                mark: Mark {
                    is_progress: true,
                    status: step.status.code().to_owned(),
                },
                state: None,
            });
        }
        let dossier: Dossier = serde_json::from_value(value).map_err(broken)?;
        let Value::Object(state) = dossier.to_portal() else {
            return Err(OfficeError::Content("no object".to_owned()));
        };
        Ok(Message {
            code: dossier.code.to_string(),
            mark: Mark {
                is_progress: false,
                status: dossier.status.code().to_owned(),
            },
            state: Some(state),
        })
    }
}
