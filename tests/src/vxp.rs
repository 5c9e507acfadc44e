//! A client of the document axis as the reference SDK builds it (protocols §2.2), written from the description alone.

use std::net::SocketAddr;

use lgsp_base::Sha256;
use serde_json::Value;

use crate::http::{Answer, Http};

/// Clients build it once and send it for as long as they live.
const TIMESTAMP_FORM: &str = "%d%m%YT%H%M%S+0009";
const JSON: &str = "application/json";
const BLOCK: usize = 64;

/// A document management system that speaks to the axis.
#[derive(Debug)]
pub struct VxpClient {
    http: Http,
    system_id: String,
    secret: String,
    timestamp: String,
}

impl VxpClient {
    /// With the id and the secret that the operator handed out.
    ///
    /// # Panics
    /// If this machine has no `date`.
    pub fn new(address: SocketAddr, system_id: &str, secret: &str) -> Self {
        let output = std::process::Command::new("date")
            .arg(format!("+{TIMESTAMP_FORM}"))
            .env("TZ", "Asia/Ho_Chi_Minh")
            .output()
            .expect("date");
        Self {
            http: Http::new(address),
            system_id: system_id.to_owned(),
            secret: secret.to_owned(),
            timestamp: String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        }
    }

    /// Calls a method with parameters and a body.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn calls(
        &mut self,
        verb: &str,
        method: &str,
        parameters: &[(&str, &str)],
        content_type: &str,
        body: &[u8],
    ) -> Answer {
        let mut signed: Vec<(String, String)> =
            vec![("systemid".to_owned(), self.system_id.clone())];
        signed.extend(
            parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        signed.push(("timestamp".to_owned(), self.timestamp.clone()));
        signed.push(("Content-Type".to_owned(), content_type.to_owned()));
        let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
        let keys = names.join(";");
        // Compact JSON in the order of the names.
        let members: Vec<String> = signed
            .iter()
            .map(|(name, value)| format!("\"XroadVnpt-{name}\":{}", Value::from(value.as_str())))
            .collect();
        let text = format!("{{{}}}", members.join(","));
        let hash = hmac_sha256(self.secret.as_bytes(), text.as_bytes());
        let prefixed: Vec<(String, String)> = signed
            .into_iter()
            .map(|(name, value)| (format!("XroadVnpt-{name}"), value))
            .collect();
        let mut fields: Vec<(&str, &str)> = prefixed
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        fields.extend([
            ("Content-Type", content_type),
            ("XroadVnpt-sign-header-key", keys.as_str()),
            ("XroadVnpt-sign-header", text.as_str()),
            ("XroadVnpt-hash-header", hash.as_str()),
            ("XroadVnpt-version", "3.0.201608"),
            ("User-Agent", "JAVASDKAgent/1.0.0 XRoad/VPCP"),
        ]);
        self.http
            .call(verb, &format!("/vxp/{method}"), &fields, body)
            .expect("an answer")
    }

    /// Sends a packet; the answer's `DocId`, or its `ErrorCode`.
    ///
    /// # Errors
    /// The error code of the axis.
    pub fn sends(
        &mut self,
        from: &str,
        message_type: &str,
        packet: &[u8],
    ) -> Result<String, String> {
        let hash = sdk_hash(packet);
        let parameters = [
            ("from", from),
            ("servicetype", "eDoc"),
            ("messagetype", message_type),
            ("hash-file", hash.as_str()),
        ];
        let body = [packet, b"\r\n"].concat();
        let answer = self
            .calls(
                "POST",
                "sendEdoc",
                &parameters,
                "application/octet-stream",
                &body,
            )
            .json();
        result(&answer)?;
        Ok(answer["DocId"].as_str().unwrap_or_default().to_owned())
    }

    /// What waits: the ids of documents (`edoc`) or status messages (`status`).
    ///
    /// # Panics
    /// If the axis says FAIL.
    pub fn lists(&mut self, message_type: &str) -> Vec<String> {
        let parameters = [("servicetype", "eDoc"), ("messagetype", message_type)];
        let answer = self
            .calls("POST", "getReceivedEdocList", &parameters, JSON, b"")
            .json();
        result(&answer).expect("a list");
        let items = answer["data"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .map(|item| item["docId"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The raw bytes of a packet.
    pub fn downloads(&mut self, id: &str) -> Vec<u8> {
        let parameters = [("docId", id), ("filePath", "/tmp")];
        self.calls("GET", "downloadEdoc", &parameters, JSON, b"")
            .body
    }

    /// Tells the axis what became of the hand-over: `done`, `fail` or `processing`.
    ///
    /// # Errors
    /// The error code of the axis.
    pub fn updates(&mut self, id: &str, status: &str) -> Result<(), String> {
        let parameters = [("docId", id), ("status", status)];
        result(
            &self
                .calls("POST", "updateStatus", &parameters, JSON, b"{}")
                .json(),
        )
    }
}

fn result(answer: &Value) -> Result<(), String> {
    if answer["status"] == "OK" {
        Ok(())
    } else {
        Err(answer["ErrorCode"].as_str().unwrap_or_default().to_owned())
    }
}

/// SHA-256 with each byte printed without its leading zero, as the SDK sends it (protocols §2.5).
fn sdk_hash(bytes: &[u8]) -> String {
    Sha256::of(bytes)
        .0
        .iter()
        .map(|byte| format!("{byte:x}"))
        .collect()
}

/// RFC 2104.
fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::of(key).0);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = [block.map(|byte| byte ^ 0x36).as_slice(), message].concat();
    let outer = [
        block.map(|byte| byte ^ 0x5c).as_slice(),
        &Sha256::of(&inner).0,
    ]
    .concat();
    Sha256::of(&outer).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_like_the_published_vector() {
        let text = r#"{"XroadVnpt-systemid":"TEST.SYS","XroadVnpt-timestamp":"21112026T191239+0009","XroadVnpt-Content-Type":"application/json"}"#;
        assert_eq!(
            hmac_sha256(b"test-secret", text.as_bytes()),
            "9e0a600bf1d4f51dd943f6b249d1c691c71aeeb05cfa8315edeea7b362bdeca9"
        );
    }
}
