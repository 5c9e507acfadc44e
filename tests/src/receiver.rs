//! A recipient's webhook endpoint that answers what it is told to.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// A call of the platform.
#[derive(Debug, Clone)]
pub struct Call {
    /// The `webhook-id`.
    pub id: String,
    /// True if it came with a signature of the right form.
    pub is_signed: bool,
    /// The body.
    pub body: Value,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<u16>,
    calls: Vec<Call>,
}

/// The endpoint; its threads end with the test's process.
#[derive(Debug)]
pub struct WebhookReceiver {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl WebhookReceiver {
    /// An endpoint that gives these answers (HTTP status) one after the other, then 204 for ever.
    ///
    /// # Panics
    /// If there is no port.
    pub fn answering(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            answers: answers.iter().copied().collect(),
            calls: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // The platform may close its connection at any time.
                    let _ended = serve(client, &shared);
                });
            }
        });
        Self { address, state }
    }

    /// Where the platform shall call.
    pub fn url(&self) -> String {
        format!("http://{}/lgsp", self.address)
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .calls
            .clone()
    }
}

fn serve(client: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut client = client;
    loop {
        let (mut id, mut is_signed, mut length) = (String::new(), false, 0);
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            let (name, value) = text.split_once(':').unwrap_or((text, ""));
            match name.to_ascii_lowercase().as_str() {
                "webhook-id" => id = value.trim().to_owned(),
                "webhook-signature" => is_signed = value.trim().starts_with("v1a,"),
                "content-length" => length = value.trim().parse().unwrap_or(0),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let status = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.calls.push(Call {
                id,
                is_signed,
                body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            });
            state.answers.pop_front().unwrap_or(204)
        };
        // 204 has no content-length (RFC 9110 §8.6).
        let length = if status == 204 {
            ""
        } else {
            "content-length: 0\r\n"
        };
        let head = format!("HTTP/1.1 {status} Answer\r\nretry-after: 1\r\n{length}\r\n");
        client.write_all(head.as_bytes())?;
    }
}
