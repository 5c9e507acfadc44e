//! What a table of rates does not show: start, idle memory, one very large attachment, restart with many stored documents.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lgsp_base::entropy::{Entropy as _, SeededEntropy};
use lgsp_base::time::{Clock, SystemClock};

use crate::lgsp::{Folder, Lgsp};
use crate::load::{self, Load, Target};
use crate::measure;
use crate::plain::Plain;
use crate::report::{Row, note};

/// How long the server is left alone before its idle memory is read.
const IDLE_FOR: Duration = Duration::from_secs(3);
/// Bytes of the large attachment, before base64.
const LARGE_ATTACHMENT_BYTES: u64 = 1024 * 1024 * 1024;
/// A multiple of three, so that pieces of base64 can be put behind each other.
const PIECE_BYTES: u64 = 768 * 1024;
/// What an attachment of type PDF begins with.
const PDF_BEGINNING: &[u8] = b"%PDF-1.4\n";
const SUBMIT: &str = "/api/v1/documents";
const STORED_DOCUMENTS: usize = 1_000_000;

/// Time to ready and idle memory of a server that was just started.
pub(crate) async fn start_row(server: &Lgsp) -> Row {
    tokio::time::sleep(IDLE_FOR).await;
    Row::fact(
        "lgsp start, then idle",
        "–",
        Some(measure::rss_mb(server.pid())),
        format!("ready after {} ms", server.ready_after.as_millis()),
    )
}

/// Sends an edXML packet with an attachment of 1 GiB, made while it is sent, and fetches it back; memory must stay flat.
pub(crate) async fn large_attachment_row(plain: &Plain) -> Result<Row> {
    let pid = plain.pid();
    let before = measure::rss_mb(pid);
    let clock = SystemClock::new();
    let (head, tail) = large_packet_frame();
    let encoded = LARGE_ATTACHMENT_BYTES.div_ceil(PIECE_BYTES) * PIECE_BYTES / 3 * 4;
    let length = head.len() as u64 + encoded + tail.len() as u64;
    let (_, authorization) = plain.submission(0)?;
    let headers =
        format!("{authorization}content-type: application/edxml+xml\r\nidempotency-key: large\r\n");
    let mut connection = Lgsp::connect().await?;
    connection.begin("POST", SUBMIT, &headers, length).await?;
    connection.push(&head).await?;

    let entropy = SeededEntropy::new(11);
    let mut piece = vec![0; usize::try_from(PIECE_BYTES)?];
    entropy.fill(&mut piece);
    let mut first = piece.clone();
    for (slot, byte) in first.iter_mut().zip(PDF_BEGINNING) {
        *slot = *byte;
    }
    let (first, piece) = (encode(&first), encode(&piece));
    connection.push(&first).await?;
    for _ in 1..LARGE_ATTACHMENT_BYTES.div_ceil(PIECE_BYTES) {
        connection.push(&piece).await?;
    }
    connection.push(&tail).await?;
    connection.answer("POST", SUBMIT).await?;
    let accepted: serde_json::Value = serde_json::from_slice(&connection.body)?;
    let accepted_after = clock.monotonic();
    let document = accepted
        .get("id")
        .and_then(serde_json::Value::as_str)
        .context("no id")?;

    let authorization = plain.recipient_authorization(0)?;
    let path = format!("/api/v1/documents/{document}/content");
    connection.begin("GET", &path, &authorization, 0).await?;
    let fetched = connection.answer_discarded().await?;
    ensure!(fetched == length, "{fetched} of {length} bytes came back");
    let fetched_after = clock.monotonic().saturating_sub(accepted_after);
    // It must not stand at the head of the inbox for the loads that follow.
    let delivery = accepted
        .pointer("/deliveries/0/id")
        .and_then(serde_json::Value::as_str)
        .context("no delivery")?;
    let body = serde_json::json!({ "deliveries": [{ "id": delivery }] }).to_string();
    let headers = format!("{authorization}content-type: application/json\r\n");
    let acknowledge = "/api/v1/inbox/acknowledge";
    connection
        .call("POST", acknowledge, &headers, body.as_bytes())
        .await?;
    let peak = measure::rss_peak_mb(pid)?;
    Ok(Row::fact(
        "lgsp 1 GiB attachment",
        "1.37 GiB",
        Some(measure::rss_mb(pid)),
        format!(
            "accepted in {:.1} s, fetched in {:.1} s, RSS before {before:.0}, peak of the whole run {peak:.0} MiB",
            accepted_after.as_secs_f64(),
            fetched_after.as_secs_f64()
        ),
    ))
}

fn encode(bytes: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .encode(bytes)
        .into_bytes()
}

/// What stands before and behind the base64 text of the large packet.
fn large_packet_frame() -> (Vec<u8>, Vec<u8>) {
    let namespace = lgsp_wire::edxml::NAMESPACE;
    let head = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<edXML xmlns=\"{namespace}\" xmlns:edXML=\"{namespace}\">\n\
         <edXML:edXMLEnvelope><edXML:edXMLHeader><edXML:MessageHeader>\
         <edXML:From><edXML:OrganId>{from}</edXML:OrganId><edXML:OrganName>Sở Gửi</edXML:OrganName></edXML:From>\
         <edXML:To><edXML:OrganId>{to}</edXML:OrganId><edXML:OrganName>Sở Nhận</edXML:OrganName></edXML:To>\
         <edXML:DocumentId>large</edXML:DocumentId>\
         <edXML:Code><edXML:CodeNumber>1</edXML:CodeNumber><edXML:CodeNotation>ĐL</edXML:CodeNotation></edXML:Code>\
         <edXML:PromulgationInfo><edXML:Place>Tỉnh Đo Lường</edXML:Place>\
         <edXML:PromulgationDate>2026/03/12</edXML:PromulgationDate></edXML:PromulgationInfo>\
         <edXML:DocumentType><edXML:Type>2</edXML:Type><edXML:TypeDetail>18</edXML:TypeDetail>\
         <edXML:TypeName>Công văn</edXML:TypeName></edXML:DocumentType>\
         <edXML:Subject>V/v gửi tệp lớn</edXML:Subject>\
         <edXML:SignerInfo><edXML:FullName>Trần Văn Ví Dụ</edXML:FullName></edXML:SignerInfo>\
         </edXML:MessageHeader><edXML:TraceHeaderList><edXML:TraceHeader><edXML:OrganId>{from}</edXML:OrganId>\
         <edXML:Timestamp>2026/03/12 09:15:30</edXML:Timestamp></edXML:TraceHeader><edXML:Bussiness>\
         <edXML:BussinessDocType>0</edXML:BussinessDocType><edXML:BussinessDocReason>Mới</edXML:BussinessDocReason>\
         </edXML:Bussiness></edXML:TraceHeaderList></edXML:edXMLHeader><edXML:edXMLBody>\
         <edXML:edXMLManifest version=\"1.0\"><edXML:Reference><edXML:ContentId>cid:1</edXML:ContentId>\
         <edXML:ContentType>application/pdf</edXML:ContentType><edXML:AttachmentName>lon.pdf</edXML:AttachmentName>\
         </edXML:Reference></edXML:edXMLManifest></edXML:edXMLBody></edXML:edXMLEnvelope>\n\
         <AttachmentEncoded><Attachment><ContentId>cid:1</ContentId><AttachmentName>lon.pdf</AttachmentName>\
         <ContentType>application/pdf</ContentType><edXML:ContentTransferEncoded>",
        from = Plain::SENDER,
        to = Plain::FIRST_RECIPIENT,
    );
    let tail = "</edXML:ContentTransferEncoded></Attachment></AttachmentEncoded>\n</edXML>\n";
    (head.into_bytes(), tail.as_bytes().to_vec())
}

/// Stores a million documents, restarts the server and reads how long it took to be ready.
pub(crate) async fn restart_row(
    folder: &Folder,
    plain: Plain,
    server: Arc<Lgsp>,
) -> Result<(Row, Lgsp)> {
    let fill = Load {
        size: "64 B",
        bytes: 64,
        documents: 64_000,
        connections: 64,
        recipients: 4,
        batch: 250,
    };
    let target = Target::Plain(Arc::new(plain));
    let rounds = STORED_DOCUMENTS.div_ceil(fill.documents);
    for round in 0..rounds {
        note(&format!(
            "storing documents, round {} of {rounds}",
            round + 1
        ));
        load::run(&target, fill, 1_000 + round as u64).await?;
    }
    drop(target);
    Arc::into_inner(server)
        .context("somebody still uses the server")?
        .stop()
        .await?;
    let server = folder.serve().await?;
    let row = Row::fact(
        "lgsp restart, 1 M stored",
        "–",
        Some(measure::rss_mb(server.pid())),
        format!("ready after {} ms", server.ready_after.as_millis()),
    );
    Ok((row, server))
}
