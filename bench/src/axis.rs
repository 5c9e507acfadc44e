//! Ours through the document axis: signed requests, edXML packets, one acknowledgement per document.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_base::Sha256;
use lgsp_base::hash::to_hex;
use lgsp_base::time::{Clock, SystemClock};
use lgsp_wire::edxml::{
    Attachment, AttachmentBody, Business, BusinessType, Code, Document, DocumentType, Organization,
    PromulgationInfo, Reference, Trace, write_document,
};
use lgsp_wire::vxp;
use serde_json::Value;

use crate::http::Connection;
use crate::lgsp::{Folder, Lgsp, text};
use crate::load::{Body, Load, Stopwatch};

const EMPTY_PAUSE: Duration = Duration::from_millis(1);
const SENDER: &str = "H98.3";
const OCTETS: &str = "application/octet-stream";
const JSON: &str = "application/json";
/// Packets up to this size carry their random text in the header, larger ones in an attachment.
const HEADER_PACKET_BYTES_MAX: usize = 64 * 1024;
/// What an attachment of type PDF begins with.
const PDF_BEGINNING: &[u8] = b"%PDF-1.4\n";

/// System id and secret.
#[derive(Debug)]
struct Credential {
    system_id: String,
    secret: String,
}

/// A sender's and several recipients' systems on a running server.
#[derive(Debug)]
pub(crate) struct Axis {
    server: Arc<Lgsp>,
    sender: Credential,
    recipients: Vec<(String, Credential)>,
}

impl Axis {
    /// Organisations that the axis needs, with their names.
    pub(crate) fn organisations(recipients: usize) -> Vec<(String, String)> {
        let mut all = vec![(SENDER.to_owned(), "Sở Gửi Trục".to_owned())];
        all.extend((0..recipients).map(|n| (recipient_code(n), format!("Sở Nhận Trục {n}"))));
        all
    }

    /// Adds the systems.
    pub(crate) async fn set_up(
        folder: &Folder,
        server: Arc<Lgsp>,
        recipients: usize,
    ) -> Result<Self> {
        let sender = credential(folder, SENDER).await?;
        let mut all = Vec::new();
        for number in 0..recipients {
            let code = recipient_code(number);
            let credential = credential(folder, &code).await?;
            all.push((code, credential));
        }
        Ok(Self {
            server,
            sender,
            recipients: all,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
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
            let recipient = (producer + number) % load.recipients;
            let (code, _) = self
                .recipients
                .get(recipient)
                .context("no such recipient")?;
            let unique = body.unique();
            let mut packet = packet(code, unique, body.next(), load.bytes)?;
            let hash = vxp::sdk_hash(&Sha256::of(&packet));
            packet.extend_from_slice(b"\r\n");
            let to = format!("[\"{code}\"]");
            let params = [
                ("servicetype", "eDoc"),
                ("messagetype", "edoc"),
                ("hash-file", &hash),
                ("from", SENDER),
                ("to", &to),
            ];
            let sent = call(
                &mut connection,
                &self.sender,
                "sendEdoc",
                OCTETS,
                &params,
                &packet,
            );
            stopwatch.time(sent).await?;
        }
        Ok(stopwatch.into_samples())
    }

    pub(crate) async fn consume(&self, load: Load, recipient: usize) -> Result<()> {
        let (_, credential) = self
            .recipients
            .get(recipient)
            .context("no such recipient")?;
        let page_size = load.batch.to_string();
        let list = [
            ("servicetype", "eDoc"),
            ("messagetype", "edoc"),
            ("pageSize", &page_size),
            ("pageIndex", "1"),
        ];
        let mut connection = Lgsp::connect().await?;
        let mut left = load.documents_per_recipient();
        while left > 0 {
            let method = "getReceivedEdocList";
            let answer = call(&mut connection, credential, method, JSON, &list, b"").await?;
            let items = answer.get("data").and_then(Value::as_array);
            let items = items.map(Vec::as_slice).unwrap_or_default();
            if items.is_empty() {
                tokio::time::sleep(EMPTY_PAUSE).await;
            }
            for item in items {
                let id = text(item, "docId")?;
                let get = [("docId", id.as_str()), ("filePath", "/tmp")];
                let edoc = call(&mut connection, credential, "getEdoc", JSON, &get, b"{}").await?;
                let packet = STANDARD.decode(text(&edoc, "data")?)?;
                ensure!(packet.len() >= load.bytes, "{} bytes", packet.len());
                let done = [("docId", id.as_str()), ("status", "done")];
                let method = "updateStatus";
                call(&mut connection, credential, method, JSON, &done, b"{}").await?;
            }
            left = left.saturating_sub(items.len());
        }
        Ok(())
    }
}

async fn credential(folder: &Folder, code: &str) -> Result<Credential> {
    let made = folder.add_system(code, "vxp").await?;
    Ok(Credential {
        system_id: text(&made, "system_id")?,
        secret: text(&made, "secret")?,
    })
}

/// One signed call; anything but `OK` is an error.
async fn call(
    connection: &mut Connection,
    credential: &Credential,
    method: &str,
    content_type: &str,
    params: &[(&str, &str)],
    body: &[u8],
) -> Result<Value> {
    let signed = vxp::sign(
        &credential.system_id,
        credential.secret.as_bytes(),
        SystemClock::new().now(),
        content_type,
        params,
    );
    let headers: String = signed
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let path = format!("/vxp/{method}");
    connection.call("POST", &path, &headers, body).await?;
    let answer: Value = serde_json::from_slice(&connection.body)?;
    ensure!(
        answer.get("status").and_then(Value::as_str) == Some("OK"),
        "{method}: {answer}"
    );
    Ok(answer)
}

/// A valid packet of about `bytes` bytes with random content.
fn packet(to: &str, unique: u64, random: &[u8], bytes: usize) -> Result<Vec<u8>> {
    let organization = |code: &str| Organization {
        organ_id: code.to_owned(),
        name: format!("Cơ quan {code}"),
        ..Organization::default()
    };
    let mut document = Document {
        from: organization(SENDER),
        to: vec![organization(to)],
        document_id: format!("{SENDER},{unique:x}"),
        code: Code {
            number: "1".to_owned(),
            notation: "ĐL".to_owned(),
        },
        promulgation: PromulgationInfo {
            place: "Tỉnh Đo Lường".to_owned(),
            date: "2026/03/12".to_owned(),
        },
        document_type: DocumentType {
            group: "2".to_owned(),
            detail: "18".to_owned(),
            name: "Công văn".to_owned(),
        },
        subject: "V/v đo tốc độ".to_owned(),
        trace: Trace {
            business: Some(Business {
                document_id: String::new(),
                business_type: BusinessType::New,
                reason: "Văn bản điện tử mới".to_owned(),
                paper: "0".to_owned(),
                updates: Vec::new(),
                replacements: Vec::new(),
                staff: Vec::new(),
            }),
            ..Trace::default()
        },
        ..Document::default()
    };
    document.signer.full_name = "Trần Văn Ví Dụ".to_owned();
    let mut packet = Vec::with_capacity(bytes + 4096);
    if bytes <= HEADER_PACKET_BYTES_MAX {
        write_document(&document, &mut std::iter::empty(), &mut packet)?;
        // Two hexadecimal digits per random byte fill the packet up to its size.
        let missing = bytes.saturating_sub(packet.len() + "<edXML:Content></edXML:Content>".len());
        document.content = to_hex(random.get(..missing / 2).unwrap_or_default());
        packet.clear();
        write_document(&document, &mut std::iter::empty(), &mut packet)?;
        return Ok(packet);
    }
    document.references = vec![Reference {
        content_id: "cid:1".to_owned(),
        content_type: "application/pdf".to_owned(),
        attachment_name: "do.pdf".to_owned(),
        ..Reference::default()
    }];
    document.attachments = vec![Attachment {
        content_id: "cid:1".to_owned(),
        name: "do.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        ..Attachment::default()
    }];
    // Base64 makes four bytes of three.
    let raw = random.get(..bytes / 4 * 3).unwrap_or_default();
    let content = std::io::Read::chain(PDF_BEGINNING, raw);
    let mut bodies = std::iter::once(AttachmentBody {
        content: Box::new(content),
        zip_entry: None,
    });
    write_document(&document, &mut bodies, &mut packet)?;
    Ok(packet)
}

fn recipient_code(number: usize) -> String {
    format!("H98.4{number}")
}
