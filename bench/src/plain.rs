//! Ours through the plain door: raw bodies over HTTP, an inbox with contents, batch acknowledgements.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Deserialize;

use crate::lgsp::{Folder, Lgsp, text};
use crate::load::{Body, Load, Stopwatch};

/// Bodies above this size are fetched one by one instead of standing in the inbox page.
const INLINE_BYTES_MAX: usize = 64 * 1024;
/// Pause of a consumer that found nothing.
const EMPTY_PAUSE: Duration = Duration::from_millis(1);

/// A sender's and several recipients' systems on a running server.
#[derive(Debug)]
pub(crate) struct Plain {
    server: Arc<Lgsp>,
    sender_token: String,
    /// Code and token.
    recipients: Vec<(String, String)>,
}

#[derive(Debug, Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

#[derive(Debug, Deserialize)]
struct Item<'a> {
    id: &'a str,
    content_url: &'a str,
}

#[derive(Debug, Deserialize)]
struct Results {
    results: Vec<Outcome>,
}

/// What came of one acknowledgement: a problem, or none.
#[derive(Debug, Deserialize)]
struct Outcome {
    #[serde(default)]
    problem: Option<serde_json::Value>,
}

impl Plain {
    /// Code of the sender.
    pub(crate) const SENDER: &'static str = "H98.1";
    /// Code of the first recipient.
    pub(crate) const FIRST_RECIPIENT: &'static str = "H98.20";

    /// Organisations that the plain door needs, with their names.
    pub(crate) fn organisations(recipients: usize) -> Vec<(String, String)> {
        let mut all = vec![(Self::SENDER.to_owned(), "Sở Gửi".to_owned())];
        all.extend((0..recipients).map(|n| (recipient_code(n), format!("Sở Nhận {n}"))));
        all
    }

    /// Adds the systems.
    pub(crate) async fn set_up(
        folder: &Folder,
        server: Arc<Lgsp>,
        recipients: usize,
    ) -> Result<Self> {
        let sender_token = text(&folder.add_system(Self::SENDER, "rest").await?, "token")?;
        let mut tokens = Vec::new();
        for number in 0..recipients {
            let code = recipient_code(number);
            let token = text(&folder.add_system(&code, "rest").await?, "token")?;
            tokens.push((code, token));
        }
        Ok(Self {
            server,
            sender_token,
            recipients: tokens,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// The path that submits to one recipient, and the headers but for the key.
    pub(crate) fn submission(&self, recipient: usize) -> Result<(String, String)> {
        let (code, _) = self
            .recipients
            .get(recipient)
            .context("no such recipient")?;
        Ok((
            format!("/api/v1/documents?from={}&to={code}", Self::SENDER),
            format!("authorization: Bearer {}\r\n", self.sender_token),
        ))
    }

    /// The header with which a recipient calls.
    pub(crate) fn recipient_authorization(&self, recipient: usize) -> Result<String> {
        let (_, token) = self
            .recipients
            .get(recipient)
            .context("no such recipient")?;
        Ok(format!("authorization: Bearer {token}\r\n"))
    }

    pub(crate) async fn produce(
        &self,
        load: Load,
        producer: usize,
        mut body: Body,
    ) -> Result<Vec<u32>> {
        let mut connection = Lgsp::connect().await?;
        let count = load.documents / load.connections;
        let mut stopwatch = Stopwatch::new(count);
        for number in 0..count {
            let (path, authorization) = self.submission((producer + number) % load.recipients)?;
            let key = body.key();
            let headers = format!(
                "{authorization}content-type: application/octet-stream\r\nidempotency-key: {key}\r\n"
            );
            let sent = connection.call("POST", &path, &headers, body.next());
            stopwatch.time(sent).await?;
        }
        Ok(stopwatch.into_samples())
    }

    pub(crate) async fn consume(&self, load: Load, recipient: usize) -> Result<()> {
        let authorization = self.recipient_authorization(recipient)?;
        let is_inline = load.bytes <= INLINE_BYTES_MAX;
        let include = if is_inline { "&include=content" } else { "" };
        let list = format!("/api/v1/inbox?page_size={}{include}", load.batch);
        let get = format!("{authorization}accept: multipart/mixed\r\n");
        let post = format!("{authorization}content-type: application/json\r\n");
        let mut connection = Lgsp::connect().await?;
        let mut left = load.documents_per_recipient();
        while left > 0 {
            connection.call("GET", &list, &get, b"").await?;
            let answer = std::mem::take(&mut connection.body);
            let mut parts = Parts(&answer);
            let page = parts.next().context("no page")??;
            let page: Page<'_> = serde_json::from_slice(page)?;
            if page.items.is_empty() {
                tokio::time::sleep(EMPTY_PAUSE).await;
                continue;
            }
            for item in &page.items {
                let bytes = match parts.next() {
                    Some(content) => content?.len(),
                    None => {
                        let url = item.content_url;
                        connection.call("GET", url, &authorization, b"").await?;
                        connection.body.len()
                    }
                };
                ensure!(bytes == load.bytes, "a document of {bytes} bytes");
            }
            let named: Vec<String> = page
                .items
                .iter()
                .map(|item| format!("{{\"id\":\"{}\"}}", item.id))
                .collect();
            let body = format!("{{\"deliveries\":[{}]}}", named.join(","));
            connection
                .call("POST", "/api/v1/inbox/acknowledge", &post, body.as_bytes())
                .await?;
            let answer: Results = serde_json::from_slice(&connection.body)?;
            let refused = answer.results.iter().find(|r| r.problem.is_some());
            ensure!(refused.is_none(), "not acknowledged: {refused:?}");
            left = left.saturating_sub(page.items.len());
        }
        Ok(())
    }
}

/// The parts of a `multipart/mixed` body, each of which says its length.
#[derive(Debug)]
struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Result<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut length = None;
        loop {
            let at = self.0.iter().position(|byte| *byte == b'\n')?;
            let (line, rest) = self.0.split_at(at + 1);
            self.0 = rest;
            let line = line.trim_ascii();
            if let Some(value) = line.strip_prefix(b"Content-Length: ") {
                length = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok());
            }
            if let (true, Some(length)) = (line.is_empty(), length) {
                let Some((part, rest)) = self.0.split_at_checked(length) else {
                    return Some(Err(anyhow!("the answer ends inside a part")));
                };
                self.0 = rest;
                return Some(Ok(part));
            }
        }
    }
}

fn recipient_code(number: usize) -> String {
    format!("H98.2{number}")
}
