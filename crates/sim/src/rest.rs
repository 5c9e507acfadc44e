//! A client of the REST API (`/api/v1`) with a bearer token, as an agency's developer would write it.

use bytes::Bytes;
use hyper::Method;
use lgsp_base::{Secret, Sha256};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::door::Kind;
use crate::http::{Answer, Call, CallError, HttpClient, encode_query};

/// Tries of a call whose answer was lost; each repeats the same idempotency key.
pub const TRIES_MAX: u32 = 4;

/// What a submitted document got.
#[derive(Debug, Clone, Deserialize)]
pub struct Accepted {
    /// The document's id.
    pub id: String,
    /// The receipt's id.
    pub receipt_id: String,
    /// SHA-256 of the content that the server kept.
    pub sha256: Sha256,
    /// One entry per recipient.
    pub deliveries: Vec<AcceptedDelivery>,
}

/// One recipient of an accepted document.
#[derive(Debug, Clone, Deserialize)]
pub struct AcceptedDelivery {
    /// The delivery's id.
    pub id: String,
    /// The recipient's code.
    pub to: String,
}

/// One document that waits in the inbox.
#[derive(Debug, Clone, Deserialize)]
pub struct InboxItem {
    /// The delivery's id, named when acknowledging.
    pub id: String,
    /// The document's id.
    pub document_id: String,
    /// SHA-256 of the content.
    pub sha256: Sha256,
    /// Path of the content.
    pub content_url: String,
}

#[derive(Debug, Deserialize)]
struct InboxPage {
    items: Vec<InboxItem>,
}

/// Calls the REST API of one server with one token; clones share connections.
#[derive(Debug, Clone)]
pub struct RestClient {
    http: HttpClient,
    token: Secret<String>,
}

impl RestClient {
    /// A client of `origin` (for example `http://127.0.0.1:8080`) that presents `token`.
    pub fn new(origin: &str, token: &str) -> Self {
        Self {
            http: HttpClient::new(origin),
            token: Secret::new(token.to_owned()),
        }
    }

    /// Submits an edXML packet; the same key and bytes give the original answer.
    pub async fn submit(
        &self,
        packet: Bytes,
        idempotency_key: &str,
    ) -> Result<Accepted, CallError> {
        let call = Call::new(Method::POST, "/api/v1/documents")
            .header("content-type", "application/edxml+xml")
            .header("idempotency-key", idempotency_key)
            .body(packet);
        read(&self.call(call).await?)
    }

    /// What waits for the token's organisation, at most `page_size` items in the order of their arrival.
    pub async fn inbox(&self, kind: Kind, page_size: usize) -> Result<Vec<InboxItem>, CallError> {
        let kind = match kind {
            Kind::Document => "edoc",
            Kind::Status => "status",
        };
        self.inbox_of(kind, page_size).await
    }

    /// The same for a kind by its word: `dossier` has no packets.
    pub async fn inbox_of(
        &self,
        kind: &str,
        page_size: usize,
    ) -> Result<Vec<InboxItem>, CallError> {
        let path = format!("/api/v1/inbox?kind={kind}&page_size={page_size}");
        let page: InboxPage = read(&self.call(Call::new(Method::GET, path)).await?)?;
        Ok(page.items)
    }

    /// The content behind the path that an inbox item names, byte for byte.
    pub async fn content(&self, content_url: &str) -> Result<Bytes, CallError> {
        Ok(self.call(Call::new(Method::GET, content_url)).await?.body)
    }

    /// Confirms one delivery, naming the hash of what was received.
    pub async fn acknowledge(&self, delivery: &str, sha256: Sha256) -> Result<(), CallError> {
        let body = json!({"deliveries": [{"id": delivery, "sha256": sha256}]});
        let answer = self.post("/api/v1/inbox/acknowledge", &body).await?;
        let problem = answer
            .pointer("/results/0/problem")
            .filter(|value| value.is_object());
        match problem {
            Some(problem) => Err(refusal(200, problem)),
            None => Ok(()),
        }
    }

    /// Reports how far the handling of a received document is (codes of protocols §1.9).
    pub async fn report_status(
        &self,
        document: &str,
        code: &str,
        reason: &str,
    ) -> Result<(), CallError> {
        let path = format!("/api/v1/documents/{}/status", encode_query(document));
        self.post(&path, &json!({"code": code, "reason": reason}))
            .await
            .map(drop)
    }

    /// Reads any resource as JSON.
    pub async fn get(&self, path: &str) -> Result<Value, CallError> {
        read(&self.call(Call::new(Method::GET, path)).await?)
    }

    /// Posts JSON and reads JSON; an empty answer is `null`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        let call = Call::new(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = self.call(call).await?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        read(&answer)
    }

    /// Posts a CSV file and reads the report.
    pub async fn post_csv(&self, path: &str, file: &'static str) -> Result<Value, CallError> {
        let call = Call::new(Method::POST, path)
            .header("content-type", "text/csv")
            .body(file);
        read(&self.call(call).await?)
    }

    /// Proposes a push endpoint for the token's own system and answers its id; nothing is sent to it before an operator approves it.
    pub async fn propose_webhook(&self, url: &str) -> Result<String, CallError> {
        let made = self.post("/api/v1/webhooks", &json!({"url": url})).await?;
        made.get("id")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
            .ok_or_else(|| CallError::Format("the webhook has no id".to_owned()))
    }

    /// Looks at a proposed endpoint and approves what was looked at; for operators.
    pub async fn approve_webhook(&self, webhook: &str) -> Result<(), CallError> {
        self.act("webhooks", webhook, "approve").await
    }

    /// Lets a system receive for its organisation from now on; for operators.
    pub async fn make_receiver(&self, system: &str) -> Result<(), CallError> {
        self.act("systems", system, "receiver").await
    }

    /// Looks at something and does this to what was looked at.
    async fn act(&self, collection: &str, id: &str, action: &str) -> Result<(), CallError> {
        let path = format!("/api/v1/{collection}/{}", encode_query(id));
        let seen = self.call(Call::new(Method::GET, path.as_str())).await?;
        let etag = seen
            .headers
            .get("etag")
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| CallError::Format(format!("no ETag of {collection}")))?;
        let call = Call::new(Method::POST, format!("{path}/{action}")).header("if-match", etag);
        self.call(call).await.map(drop)
    }

    /// The Ed25519 key under which pushes are signed, as text.
    pub async fn webhook_key(&self) -> Result<String, CallError> {
        let key = self.get("/api/v1/webhooks/key").await?;
        key.get("public_key")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
            .ok_or_else(|| CallError::Format("no public_key".to_owned()))
    }

    async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let call = call
            .header("authorization", &format!("Bearer {}", self.token.expose()))
            .header("accept", "application/json");
        let mut tries = 1;
        let answer = loop {
            match self.http.send(call.clone()).await {
                Err(error) if error.is_io() && tries < TRIES_MAX => tries += 1,
                other => break other?,
            }
        };
        if answer.status.is_success() {
            return Ok(answer);
        }
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        Err(refusal(answer.status.as_u16(), &problem))
    }
}

/// A problem document (RFC 9457) as an error.
fn refusal(status: u16, problem: &Value) -> CallError {
    let text = |key: &str| {
        problem
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let detail = match text("detail") {
        detail if detail.is_empty() => text("title"),
        detail => detail,
    };
    CallError::Refused {
        status,
        code: text("code"),
        detail,
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, CallError> {
    serde_json::from_slice(&answer.body).map_err(|error| CallError::Format(error.to_string()))
}
