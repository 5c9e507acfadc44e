//! The strangers who talk to the platform over the network: an operator, and the agencies' systems.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use lgsp_base::Sha256;
use serde_json::{Value, json};

use crate::dossiers::Push;
use crate::history::{Event, FinalDocument, Recorder};
use crate::http::{Answer, Http};
use crate::system::PROVINCE;

const API: &str = "/api/v1";
const JSON: (&str, &str) = ("content-type", "application/json");

/// The hash of bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::of(bytes).to_string()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The people who run the platform.
#[derive(Debug)]
pub struct Operator {
    http: Http,
    bearer: String,
}

impl Operator {
    /// With the token that `init` gave.
    pub fn new(address: SocketAddr, token: &str) -> Self {
        Self {
            http: Http::new(address),
            bearer: format!("Bearer {token}"),
        }
    }

    /// Calls the API; the platform is expected to answer.
    ///
    /// # Panics
    /// If it does not.
    pub fn calls(&mut self, method: &str, path: &str, field: (&str, &str), body: &[u8]) -> Answer {
        let fields = [("authorization", self.bearer.as_str()), field];
        self.http
            .call(method, &format!("{API}{path}"), &fields, body)
            .expect("an answer")
    }

    /// Imports organisations directly below the province.
    ///
    /// # Panics
    /// If the import is refused.
    pub fn imports(&mut self, codes: &[&str]) {
        let mut csv = String::from(
            "code_qd20,code_qcvn102,name,kind,level,parent_code_qd20,admin_unit_code,province,code_is_official\n",
        );
        for code in codes {
            csv.push_str(&format!(
                "{code},,Đơn vị {code},so,2,{PROVINCE},,Bình An,false\n"
            ));
        }
        let answer = self.calls(
            "POST",
            "/organisations/import",
            ("content-type", "text/csv"),
            csv.as_bytes(),
        );
        assert_eq!(answer.status / 100, 2, "{}", answer.json());
    }

    fn adds_system(&mut self, code: &str, protocol: &str) -> Value {
        let body = json!({"organisation": code, "name": "QLVB", "protocol": protocol});
        let answer = self.calls("POST", "/systems", JSON, body.to_string().as_bytes());
        assert_eq!(answer.status / 100, 2, "{}", answer.json());
        answer.json()
    }

    /// Connects a REST system for an organisation; its token.
    ///
    /// # Panics
    /// If that is refused.
    pub fn connects(&mut self, code: &str) -> String {
        text(&self.adds_system(code, "rest")["token"])
    }

    /// Connects a system that speaks to the axis; its id there and its secret.
    ///
    /// # Panics
    /// If that is refused.
    pub fn connects_axis(&mut self, code: &str) -> (String, String) {
        let made = self.adds_system(code, "vxp");
        (text(&made["system_id"]), text(&made["secret"]))
    }

    /// Approves a webhook endpoint as it stands.
    ///
    /// # Panics
    /// If that is refused.
    pub fn approves_webhook(&mut self, webhook: &str) {
        let place = format!("/webhooks/{webhook}");
        let shown = self.calls("GET", &place, ("accept", "application/json"), b"");
        let tag = shown.field("etag").expect("an ETag").to_owned();
        let answer = self.calls("POST", &format!("{place}/approve"), ("if-match", &tag), b"");
        assert_eq!(answer.status / 100, 2, "{}", answer.json());
    }

    /// Lets an organisation follow every dossier of the province.
    ///
    /// # Panics
    /// If that is refused.
    pub fn routes_dossiers_to(&mut self, code: &str) {
        let body = json!({"kind": "all", "value": "", "to": code}).to_string();
        let answer = self.calls("POST", "/dossiers/routes", JSON, body.as_bytes());
        assert_eq!(answer.status / 100, 2, "{}", answer.json());
    }

    /// Everything that happened to a document.
    ///
    /// # Panics
    /// If the platform does not say.
    pub fn trace(&mut self, document: &str) -> Value {
        let path = format!("/documents/{document}/trace");
        let answer = self.calls("GET", &path, ("accept", "application/json"), b"");
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }
}

/// A document that an agency hands in through the plain door.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Idempotency key.
    pub key: String,
    /// Codes of the recipients.
    pub recipients: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A request that makes a document.
struct Parcel<'a> {
    key: &'a str,
    recipients: &'a [String],
    sha256: String,
    path: &'a str,
    content_type: &'a str,
    body: &'a [u8],
}

/// What a sender knows after a submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted under this id; true if the platform says that it had the key before.
    Accepted(String, bool),
    /// Refused for good: status and problem code.
    Refused(u16, String),
    /// Nobody knows: no answer, or a 5xx.
    Unknown,
}

impl Outcome {
    /// The document's id.
    ///
    /// # Panics
    /// If it was not accepted.
    pub fn document(&self) -> &str {
        match self {
            Outcome::Accepted(document, _) => document,
            other => panic!("not accepted: {other:?}"),
        }
    }
}

/// A document that was handed over.
#[derive(Debug, Clone)]
pub struct Handed {
    /// The delivery.
    pub delivery: String,
    /// The document.
    pub document: String,
    /// Hash of the bytes received.
    pub sha256: String,
}

/// An agency's connected system.
#[derive(Debug)]
pub struct Agency {
    /// Code of the organisation.
    pub code: String,
    http: Http,
    bearer: String,
    recorder: Option<Arc<Recorder>>,
    address: SocketAddr,
}

impl Agency {
    /// With the token that the operator handed out.
    pub fn new(address: SocketAddr, code: &str, token: &str) -> Self {
        Self {
            code: code.to_owned(),
            http: Http::new(address),
            bearer: format!("Bearer {token}"),
            recorder: None,
            address,
        }
    }

    /// Another client of the same system, with a connection of its own.
    #[must_use]
    pub fn twin(&self) -> Self {
        self.through(self.address)
    }

    /// Another client of the same system that goes through another address, such as a proxy.
    #[must_use]
    pub fn through(&self, address: SocketAddr) -> Self {
        Self {
            code: self.code.clone(),
            http: Http::new(address),
            bearer: self.bearer.clone(),
            recorder: self.recorder.clone(),
            address,
        }
    }

    /// Writes everything it does and hears into this history.
    pub fn records_in(&mut self, recorder: &Arc<Recorder>) {
        self.recorder = Some(Arc::clone(recorder));
    }

    /// The value of its `Authorization` field.
    pub fn bearer(&self) -> &str {
        &self.bearer
    }

    fn record(&self, event: Event) {
        if let Some(recorder) = &self.recorder {
            recorder.record(event);
        }
    }

    /// Calls the API once.
    ///
    /// # Errors
    /// No answer.
    pub fn calls(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut all = vec![("authorization", self.bearer.as_str())];
        all.extend_from_slice(fields);
        self.http.call(method, &format!("{API}{path}"), &all, body)
    }

    /// Hands a letter in, once.
    pub fn submits(&mut self, letter: &Letter) -> Outcome {
        let mut path = format!("/documents?from={}", self.code);
        for recipient in &letter.recipients {
            path.push_str(&format!("&to={recipient}"));
        }
        let parcel = Parcel {
            key: &letter.key,
            recipients: &letter.recipients,
            sha256: sha256(&letter.body),
            path: &path,
            content_type: "application/octet-stream",
            body: &letter.body,
        };
        self.hands_in(&parcel, |said| said.clone())
    }

    /// Hands a dossier in as it is now, once.
    pub fn pushes(&mut self, push: &Push) -> Outcome {
        let parcel = Parcel {
            key: &push.key,
            recipients: &push.recipients,
            sha256: sha256(&push.content()),
            path: "/dossiers",
            content_type: "application/json",
            body: &push.request(),
        };
        self.hands_in(&parcel, |said| said["document"].clone())
    }

    /// Sends something whose answer tells of a document, which `document` finds in it.
    fn hands_in(&mut self, parcel: &Parcel<'_>, document: impl Fn(&Value) -> Value) -> Outcome {
        let key = parcel.key.to_owned();
        self.record(Event::Submitting {
            key: key.clone(),
            sender: self.code.clone(),
            recipients: parcel.recipients.to_vec(),
            sha256: parcel.sha256.clone(),
        });
        let fields = [
            ("content-type", parcel.content_type),
            ("idempotency-key", parcel.key),
        ];
        let outcome = match self.calls("POST", parcel.path, &fields, parcel.body) {
            Ok(answer) if answer.status / 100 == 2 => {
                let is_repeat = answer.field("idempotency-replayed") == Some("true");
                self.accepted(&key, &document(&answer.json()), is_repeat)
            }
            Ok(answer) if answer.status < 500 || answer.status == 507 => {
                Outcome::Refused(answer.status, answer.code())
            }
            Ok(_) | Err(_) => Outcome::Unknown,
        };
        match &outcome {
            Outcome::Accepted(..) => {}
            Outcome::Refused(_, code) => self.record(Event::Refused {
                key,
                code: code.clone(),
            }),
            Outcome::Unknown => self.record(Event::Unknown { key }),
        }
        outcome
    }

    fn accepted(&self, key: &str, said: &Value, is_repeat: bool) -> Outcome {
        let deliveries = said["deliveries"].as_array().cloned().unwrap_or_default();
        let document = text(&said["id"]);
        self.record(Event::Accepted {
            key: key.to_owned(),
            document: document.clone(),
            receipt: text(&said["receipt_id"]),
            sha256: text(&said["sha256"]),
            deliveries: deliveries
                .iter()
                .map(|delivery| {
                    let seq = delivery["seq"].as_u64().unwrap_or_default();
                    (text(&delivery["id"]), text(&delivery["to"]), seq)
                })
                .collect(),
        });
        Outcome::Accepted(document, is_repeat)
    }

    /// Fetches what waits, at most `limit` documents, oldest first.
    ///
    /// # Errors
    /// No answer, or one that is not a list.
    pub fn receives(&mut self, limit: usize) -> io::Result<Vec<Handed>> {
        let path = format!("/inbox?page_size={limit}");
        let answer = self.calls("GET", &path, &[], b"")?;
        let page = answer.json();
        let items = page["items"].as_array().ok_or_else(unexpected)?.clone();
        let mut all = Vec::with_capacity(items.len());
        for item in &items {
            let document = text(&item["document_id"]);
            let place = text(&item["content_url"]);
            let place = place.strip_prefix(API).ok_or_else(unexpected)?;
            let answer = self.calls("GET", place, &[], b"")?;
            if answer.status != 200 {
                return Err(unexpected());
            }
            let handed = Handed {
                delivery: text(&item["id"]),
                document,
                sha256: sha256(&answer.body),
            };
            self.record(Event::Handed {
                recipient: self.code.clone(),
                sender: text(&item["from"]),
                delivery: handed.delivery.clone(),
                document: handed.document.clone(),
                sha256: handed.sha256.clone(),
                attempt: item["attempt"].as_u64().unwrap_or_default(),
            });
            all.push(handed);
        }
        Ok(all)
    }

    /// Confirms what it has stored; those that the platform took note of, and the problem codes of the others.
    ///
    /// # Errors
    /// No answer: nobody knows.
    pub fn acknowledges(&mut self, handed: &[Handed]) -> io::Result<Vec<Result<bool, String>>> {
        let deliveries: Vec<Value> = handed
            .iter()
            .map(|one| json!({"id": one.delivery, "sha256": one.sha256}))
            .collect();
        let body = json!({ "deliveries": deliveries }).to_string();
        let answer = self.calls("POST", "/inbox/acknowledge", &[JSON], body.as_bytes())?;
        let said = answer.json();
        let results = said["results"].as_array().ok_or_else(unexpected)?;
        Ok(results
            .iter()
            .map(|result| {
                if result["status"] != "confirmed" {
                    return Err(text(&result["problem"]["code"]));
                }
                let is_repeat = result["repeated"].as_bool().unwrap_or(false);
                self.record(Event::Confirmed {
                    recipient: self.code.clone(),
                    delivery: text(&result["id"]),
                    receipt: text(&result["receipt_id"]),
                    is_repeat,
                });
                Ok(is_repeat)
            })
            .collect())
    }

    /// Says that it cannot take a delivery.
    ///
    /// # Errors
    /// No answer.
    pub fn refuses(&mut self, delivery: &str) -> io::Result<Answer> {
        let body = json!({"id": delivery, "cause": "unreadable", "detail": "test"}).to_string();
        self.calls("POST", "/inbox/refuse", &[JSON], body.as_bytes())
    }

    /// Proposes an address for pushes; the endpoint's id.
    ///
    /// # Panics
    /// If that is refused.
    pub fn proposes_webhook(&mut self, url: &str) -> String {
        let body = json!({ "url": url }).to_string();
        let answer = self
            .calls("POST", "/webhooks", &[JSON], body.as_bytes())
            .expect("an answer");
        assert_eq!(answer.status / 100, 2, "{}", answer.json());
        text(&answer.json()["id"])
    }

    /// The bytes of a document; `None` if the platform does not give them out.
    ///
    /// # Errors
    /// No answer, or a body that breaks off.
    pub fn content(&mut self, document: &str) -> io::Result<Option<Vec<u8>>> {
        let path = format!("/documents/{document}/content");
        let answer = self.calls("GET", &path, &[], b"")?;
        Ok((answer.status == 200).then_some(answer.body))
    }

    /// Everything that happened to a document.
    ///
    /// # Errors
    /// No answer.
    pub fn trace(&mut self, document: &str) -> io::Result<Option<Value>> {
        let answer = self.calls("GET", &format!("/documents/{document}/trace"), &[], b"")?;
        Ok((answer.status == 200).then(|| answer.json()))
    }

    /// A document as the platform shows it now; `None` if it shows none.
    ///
    /// # Errors
    /// No answer to the question for the trace. A body that breaks off counts as not given out.
    pub fn looks_up(&mut self, document: &str) -> io::Result<Option<FinalDocument>> {
        let Some(trace) = self.trace(document)? else {
            return Ok(None);
        };
        let content = self.content(document).ok().flatten();
        let shown = &trace["document"];
        let deliveries = trace["deliveries"].as_array().cloned().unwrap_or_default();
        Ok(Some(FinalDocument {
            content_sha256: content.map(|bytes| sha256(&bytes)),
            sha256: text(&shown["sha256"]),
            receipt: text(&shown["receipt_id"]),
            deliveries: deliveries
                .iter()
                .map(|delivery| {
                    let receipt = delivery["receipt_id"].as_str().map(str::to_owned);
                    (text(&delivery["id"]), (text(&delivery["state"]), receipt))
                })
                .collect(),
        }))
    }
}

fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an unexpected answer")
}
