//! A client of the axis's provincial REST flavour (protocols §2.6), written from the description alone.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Answer, Http};

const BOUNDARY: &str = "axis-rest-client";
/// A whole large packet may be in one answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A document management system that speaks to the axis by REST.
#[derive(Debug)]
pub struct RestClient {
    http: Http,
    system_id: String,
    secret: String,
    token: String,
}

impl RestClient {
    /// Logs in with the id and the secret that the operator handed out.
    ///
    /// # Panics
    /// If that is refused.
    pub fn new(address: SocketAddr, system_id: &str, secret: &str) -> Self {
        let mut client = Self {
            http: Http::new(address).with_patience(PATIENCE),
            system_id: system_id.to_owned(),
            secret: secret.to_owned(),
            token: String::new(),
        };
        let login = json!({"username": system_id, "password": secret, "applicationCode": "QLVB",
            "otp": null, "twoFactorProvider": null, "typeObjs": [0, 1]});
        let answer = client.calls(
            "POST",
            "auth/login?allow_anonymous=true",
            "application/json",
            login.to_string().as_bytes(),
        );
        client.token = answer.json()["data"]["token"]
            .as_str()
            .expect("a token")
            .to_owned();
        client
    }

    /// The same session on a new connection.
    #[must_use]
    pub fn reconnected(mut self, address: SocketAddr) -> Self {
        self.http = Http::new(address).with_patience(PATIENCE);
        self
    }

    /// The session's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Calls anything.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn calls(&mut self, verb: &str, call: &str, kind: &str, body: &[u8]) -> Answer {
        let bytes = body.len() as u64;
        self.streams(verb, call, kind, bytes, |out| out.write_all(body))
    }

    fn streams(
        &mut self,
        verb: &str,
        call: &str,
        kind: &str,
        bytes: u64,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let fields = [
            ("Authorization", bearer.as_str()),
            ("X-SystemId", &self.system_id),
            ("X-SecretKey", &self.secret),
            ("Content-Type", kind),
        ];
        self.http
            .call_streaming(verb, &format!("/axis/v1/{call}"), &fields, bytes, write)
            .expect("an answer")
    }

    /// Sends a packet; its `docId`, or the error code.
    ///
    /// # Errors
    /// The error code of the axis.
    pub fn sends(&mut self, message_type: &str, packet: &[u8]) -> Result<String, String> {
        let bytes = packet.len() as u64;
        self.sends_streaming(message_type, bytes, |out| out.write_all(packet))
    }

    /// Like [`RestClient::sends`] with a packet that is written piece by piece.
    ///
    /// # Errors
    /// The error code of the axis.
    pub fn sends_streaming(
        &mut self,
        message_type: &str,
        bytes: u64,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<String, String> {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"edocFile\"; filename=\"a.edxml\"\r\n\
             Content-Type: application/xml\r\n\r\n"
        );
        let tail = format!(
            "\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"messageType\"\r\n\r\n\
             {message_type}\r\n--{BOUNDARY}--\r\n"
        );
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let bytes = bytes + (head.len() + tail.len()) as u64;
        let answer = self.streams("POST", "sendEdoc", &kind, bytes, |out| {
            out.write_all(head.as_bytes())?;
            write(out)?;
            out.write_all(tail.as_bytes())
        });
        let answer = answer.json();
        result(&answer)?;
        Ok(answer["docId"].as_str().unwrap_or_default().to_owned())
    }

    /// The ids of what waits.
    ///
    /// # Panics
    /// If that is refused.
    pub fn lists(&mut self, message_type: &str) -> Vec<String> {
        let call = format!("syncReceivedEdocList?messageType={message_type}");
        let answer = self.calls("GET", &call, "application/json", b"").json();
        result(&answer).expect("a list");
        let items = answer["data"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .map(|item| item["docId"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// A packet as the axis shows it.
    ///
    /// # Panics
    /// If that is refused.
    pub fn fetches(&mut self, id: &str) -> Value {
        let call = format!("getEdoc?docId={id}");
        let mut answer = self.calls("GET", &call, "application/json", b"").json();
        result(&answer).expect("a packet");
        answer["data"].take()
    }

    /// Says what became of a packet.
    ///
    /// # Errors
    /// The error code of the axis.
    pub fn updates(&mut self, id: &str, status: &str) -> Result<(), String> {
        let body = json!({"docId": id, "status": status}).to_string();
        let kind = "application/json";
        result(
            &self
                .calls("POST", "updateStatus", kind, body.as_bytes())
                .json(),
        )
    }
}

fn result(answer: &Value) -> Result<(), String> {
    if answer["success"] == true {
        Ok(())
    } else {
        let code = answer["data"]["errorCode"].as_str().unwrap_or_default();
        Err(code.to_owned())
    }
}
