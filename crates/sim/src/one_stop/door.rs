//! The way by which a one-stop system reaches the exchange.

use bytes::Bytes;
use lgsp_base::Sha256;
use lgsp_wire::dossier::{Dossier, ProgressStep};
use serde_json::{Map, Value, json};

use crate::door::Waiting;
use crate::http::{CallError, encode_query};
use crate::rest::RestClient;

/// How dossiers are handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Our own API, with the JSON of the platform.
    Own,
    /// As systems in the field do it: a bare array of objects in the national form.
    Field,
}

/// A client of the exchange for dossiers.
#[derive(Debug)]
pub struct DossierDoor {
    client: RestClient,
    shape: Shape,
    /// `MaDinhDanhDV`: in whose name.
    agency: String,
}

impl DossierDoor {
    /// A door for an agency.
    pub fn new(client: RestClient, shape: Shape, agency: &str) -> Self {
        Self {
            client,
            shape,
            agency: agency.to_owned(),
        }
    }

    /// Hands a dossier in; repeating the same one is harmless.
    ///
    /// # Errors
    /// [`CallError`] of the call, or of the one dossier.
    pub async fn push(
        &self,
        dossier: &Map<String, Value>,
        to: &[String],
        is_updating: bool,
    ) -> Result<(), CallError> {
        let body = Value::Object(dossier.clone());
        match self.shape {
            Shape::Field => self.synchronise("DongBoHoSoMC", is_updating, body).await,
            Shape::Own => {
                let read = Dossier::from_portal(body, "");
                let dossier = read
                    .result
                    .map_err(|wrong| CallError::Format(format!("{} rules broken", wrong.len())))?;
                let mode = if is_updating { "update" } else { "create" };
                let body = json!({"dossier": dossier, "to": to, "mode": mode});
                self.client.post("/api/v1/dossiers", &body).await.map(drop)
            }
        }
    }

    /// Hands a step in.
    ///
    /// # Errors
    /// As [`DossierDoor::push`].
    pub async fn tell(&self, code: &str, step: &Map<String, Value>) -> Result<(), CallError> {
        let body = Value::Object(step.clone());
        match self.shape {
            Shape::Field => self.synchronise("CapNhatTienDoHoSoMC", false, body).await,
            Shape::Own => {
                let read = ProgressStep::from_portal(body, "");
                let step = read
                    .result
                    .map_err(|wrong| CallError::Format(format!("{} rules broken", wrong.len())))?;
                let path = format!("/api/v1/dossiers/{}/progress", encode_query(code));
                let body = json!({"steps": [step]});
                self.client.post(&path, &body).await.map(drop)
            }
        }
    }

    /// One bare item; the answer tells of the whole and, where it does, of the item.
    async fn synchronise(
        &self,
        service: &str,
        is_updating: bool,
        item: Value,
    ) -> Result<(), CallError> {
        let word = if is_updating { "True" } else { "False" };
        let path = format!(
            "/api/SynsTTHCC/{service}?MaDinhDanhDV={}&isUpdating={word}",
            encode_query(&self.agency)
        );
        let answer = self.client.post(&path, &json!([item])).await?;
        let of_item = answer.pointer("/data/0").filter(|item| has_code(item));
        for told in [Some(&answer), of_item].into_iter().flatten() {
            let code = code_of(told);
            if code.is_empty() || code.bytes().any(|byte| byte != b'0') {
                let message = told.get("message").and_then(Value::as_str);
                return Err(CallError::Refused {
                    status: 200,
                    code,
                    detail: message.unwrap_or_default().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// What waits, oldest first.
    pub(super) async fn waiting(&self, page_size: usize) -> Result<Vec<Waiting>, CallError> {
        let items = self.client.inbox_of("dossier", page_size).await?;
        let items = items.into_iter().map(|item| Waiting {
            handle: item.id,
            document: item.document_id,
            content_url: item.content_url,
            sha256: Some(item.sha256),
        });
        Ok(items.collect())
    }

    /// The content; its hash must be the announced one.
    pub(super) async fn fetch(&self, item: &Waiting) -> Result<Bytes, CallError> {
        let content = self.client.content(&item.content_url).await?;
        match item.sha256 {
            Some(announced) if announced != Sha256::of(&content) => Err(CallError::Format(
                "the content does not have the announced hash".to_owned(),
            )),
            _ => Ok(content),
        }
    }

    pub(super) async fn acknowledge(
        &self,
        item: &Waiting,
        sha256: Sha256,
    ) -> Result<(), CallError> {
        self.client.acknowledge(&item.handle, sha256).await
    }
}

fn has_code(value: &Value) -> bool {
    value.get("error_code").is_some()
}

fn code_of(value: &Value) -> String {
    match value.get("error_code") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
