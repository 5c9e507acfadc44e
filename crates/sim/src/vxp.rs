//! A client of the document axis that behaves as the public Java SDK does (protocols §2.1–§2.5).
//!
//! All parameters are header fields, signed as one JSON text; the timestamp is fixed when the client is made; calls with a
//! JSON body announce `Expect: 100-continue`; a call that broke is repeated, so that a send can arrive twice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Method;
use lgsp_base::time::Timestamp;
use lgsp_base::{Clock, Secret, Sha256};
use lgsp_wire::vxp;
use serde::Deserialize;
use serde_json::Value;

use crate::door::Kind;
use crate::http::{Call, CallError, HttpClient};

/// `client.max-error-retry` of the SDK: further tries after an I/O error.
const RETRIES_MAX: u32 = 3;
const OCTETS: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// One entry of `getReceivedEdocList`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedEdoc {
    /// What `getEdoc` and `updateStatus` name.
    pub doc_id: String,
    /// The sender's code.
    #[serde(default)]
    pub from: String,
    /// Where the hand-over stands.
    #[serde(default)]
    pub status: String,
}

#[derive(Debug, Deserialize)]
struct AxisAnswer {
    status: String,
    #[serde(rename = "ErrorCode", default)]
    error_code: Value,
    #[serde(rename = "ErrorDesc", default)]
    error_desc: Option<String>,
    #[serde(rename = "DocId", default)]
    doc_id: Option<String>,
    #[serde(default)]
    data: Value,
}

/// Calls the document axis of one server as one system.
#[derive(Debug)]
pub struct VxpClient {
    http: HttpClient,
    system_id: String,
    secret: Secret<Vec<u8>>,
    made_at: Timestamp,
}

impl VxpClient {
    /// A client of `origin` (the methods stand under `/vxp/`); `secret` is the text that was issued with the system id.
    pub fn new(origin: &str, system_id: &str, secret: &str, clock: &dyn Clock) -> Self {
        Self {
            http: HttpClient::new(origin),
            system_id: system_id.to_owned(),
            secret: Secret::new(secret.as_bytes().to_vec()),
            made_at: clock.now(),
        }
    }

    /// Sends a packet in the name of `from`; answers the axis's document id.
    pub async fn send_edoc(
        &self,
        from: &str,
        kind: Kind,
        to: &[String],
        packet: Bytes,
    ) -> Result<String, CallError> {
        let to = Value::from(to.to_vec()).to_string();
        let hash = vxp::sdk_hash(&Sha256::of(&packet));
        let parameters = [
            ("servicetype", "eDoc"),
            ("messagetype", message_type(kind)),
            ("hash-file", &hash),
            ("from", from),
            ("to", &to),
        ];
        // The SDK ends the body with a line break that is not part of the file.
        let mut body = Vec::with_capacity(packet.len() + 2);
        body.extend_from_slice(&packet);
        body.extend_from_slice(b"\r\n");
        let answer = self
            .call(Method::POST, "sendEdoc", &parameters, OCTETS, body.into())
            .await?;
        answer
            .doc_id
            .ok_or_else(|| CallError::Format("sendEdoc answered no DocId".to_owned()))
    }

    /// What waits for the agencies of this system.
    pub async fn received(&self, kind: Kind) -> Result<Vec<ReceivedEdoc>, CallError> {
        let parameters = [("servicetype", "eDoc"), ("messagetype", message_type(kind))];
        let answer = self
            .call(
                Method::POST,
                "getReceivedEdocList",
                &parameters,
                JSON,
                Bytes::new(),
            )
            .await?;
        match answer.data {
            Value::Null => Ok(Vec::new()),
            data => {
                serde_json::from_value(data).map_err(|error| CallError::Format(error.to_string()))
            }
        }
    }

    /// The packet's bytes.
    pub async fn get_edoc(&self, doc_id: &str) -> Result<Bytes, CallError> {
        let parameters = [("docId", doc_id), ("filePath", "/tmp/edoc")];
        let answer = self
            .call(Method::POST, "getEdoc", &parameters, JSON, "{}".into())
            .await?;
        let text = answer
            .data
            .as_str()
            .ok_or_else(|| CallError::Format("getEdoc answered no text".to_owned()))?;
        STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|error| CallError::Format(error.to_string()))
    }

    /// Acknowledges the transport: `done`, `fail` or `processing`.
    pub async fn update_status(&self, doc_id: &str, status: &str) -> Result<(), CallError> {
        let parameters = [("docId", doc_id), ("status", status)];
        self.call(Method::POST, "updateStatus", &parameters, JSON, "{}".into())
            .await
            .map(drop)
    }

    /// As [`VxpClient::update_status`] with `done`, but signed with a secret that is not the one of this system.
    pub async fn confirm_with_bad_signature(&self, doc_id: &str) -> Result<(), CallError> {
        let mut wrong = self.secret.expose().clone();
        wrong.reverse();
        let forger = Self {
            http: self.http.clone(),
            system_id: self.system_id.clone(),
            secret: Secret::new(wrong),
            made_at: self.made_at,
        };
        forger.update_status(doc_id, "done").await
    }

    async fn call(
        &self,
        method: Method,
        name: &str,
        parameters: &[(&str, &str)],
        content_type: &str,
        body: Bytes,
    ) -> Result<AxisAnswer, CallError> {
        let headers = vxp::sign(
            &self.system_id,
            self.secret.expose(),
            self.made_at,
            content_type,
            parameters,
        );
        let mut call = Call::new(method, format!("/vxp/{name}"));
        for (header, value) in headers {
            call = call.header(&header, &value);
        }
        if content_type == JSON && !body.is_empty() {
            call = call.header("expect", "100-continue");
        }
        let call = call.body(body);
        let mut retries = 0;
        let answer = loop {
            match self.http.send(call.clone()).await {
                Err(error) if error.is_io() && retries < RETRIES_MAX => retries += 1,
                other => break other?,
            }
        };
        let parsed: AxisAnswer = serde_json::from_slice(&answer.body).map_err(|error| {
            CallError::Format(format!("{name}: HTTP {}: {error}", answer.status))
        })?;
        if parsed.status == "OK" {
            return Ok(parsed);
        }
        Err(CallError::Refused {
            status: answer.status.as_u16(),
            code: parsed.error_code.as_str().unwrap_or_default().to_owned(),
            detail: parsed.error_desc.unwrap_or_default(),
        })
    }
}

fn message_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Document => "edoc",
        Kind::Status => "status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lgsp_base::time::ManualClock;
    use lgsp_wire::vxp::{Method as AxisMethod, SignedRequest, file_hash_matches};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Answers one request with a fixed body and gives back what came.
    async fn one_request(listener: TcpListener, body: &str) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut seen = Vec::new();
        let (head_bytes, length, headers) = loop {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.expect("bytes");
            seen.extend_from_slice(&piece[..count]);
            let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            let headers: Vec<(String, Vec<u8>)> = seen[..end]
                .split(|byte| *byte == b'\n')
                .skip(1)
                .map(|line| {
                    let colon = line
                        .iter()
                        .position(|byte| *byte == b':')
                        .expect("a header");
                    let name = String::from_utf8_lossy(&line[..colon]).into_owned();
                    (name, line[colon + 1..].trim_ascii().to_vec())
                })
                .collect();
            let length = headers
                .iter()
                .find(|(name, _)| name == "content-length")
                .map_or(0, |(_, value)| {
                    String::from_utf8_lossy(value).parse().expect("number")
                });
            break (end + 4, length, headers);
        };
        while seen.len() < head_bytes + length {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.expect("bytes");
            seen.extend_from_slice(&piece[..count]);
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.expect("answered");
        (headers, seen.split_off(head_bytes))
    }

    #[tokio::test]
    async fn a_send_is_signed_as_the_sdk_signs_and_ends_with_a_line_break() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("bound"));
        let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_123));
        let client = VxpClient::new(&origin, "TEST.H99", "test-secret", &clock);
        let packet = Bytes::from_static(b"<edXML/>");
        let to = ["H99.131".to_owned()];
        let (sent, (headers, body)) = tokio::join!(
            client.send_edoc("H99.14", Kind::Document, &to, packet.clone()),
            one_request(
                listener,
                r#"{"status":"OK","ErrorCode":"0","ErrorDesc":"","DocId":"doc_1"}"#
            ),
        );
        assert_eq!(sent.expect("accepted"), "doc_1");
        assert_eq!(body, b"<edXML/>\r\n");
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        let request = SignedRequest::read(AxisMethod::SendEdoc, &headers).expect("well-formed");
        let params = request.verify(b"test-secret").expect("the signature fits");
        assert_eq!(params.system_id, "TEST.H99");
        assert_eq!(params.get("to"), Some(r#"["H99.131"]"#));
        let hash = params.get("hash-file").expect("signed");
        assert!(file_hash_matches(hash, &Sha256::of(&packet)));
    }

    #[tokio::test]
    async fn a_forged_confirmation_is_whole_but_for_its_signature() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("bound"));
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let client = VxpClient::new(&origin, "TEST.H99", "test-secret", &clock);
        let refusal = r#"{"status":"FAIL","ErrorCode":"3","ErrorDesc":"sai"}"#;
        let (result, (headers, _)) = tokio::join!(
            client.confirm_with_bad_signature("dlv_1"),
            one_request(listener, refusal),
        );
        assert!(result.is_err());
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        let request = SignedRequest::read(AxisMethod::UpdateStatus, &headers).expect("well-formed");
        assert!(request.verify(b"test-secret").is_err());
    }

    #[tokio::test]
    async fn a_refusal_of_the_axis_keeps_its_code() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("bound"));
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let client = VxpClient::new(&origin, "TEST.H99", "test-secret", &clock);
        let (result, (headers, body)) = tokio::join!(
            client.update_status("dlv_1", "done"),
            one_request(
                listener,
                r#"{"status":"FAIL","ErrorCode":"15","ErrorDesc":"sai"}"#
            ),
        );
        assert_eq!(result.expect_err("refused").code(), "15");
        assert_eq!(body, b"{}");
        assert!(headers.contains(&("expect".to_owned(), b"100-continue".to_vec())));
    }
}
