//! `lgsp doc`: send, inbox, trace; each is also a command of its own.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lgsp_base::entropy::OsEntropy;
use lgsp_base::hash::to_hex;
use lgsp_base::{Entropy, Lang, Sha256, Timestamp, vi};
use serde_json::{Value, json};

use super::Context;
use super::organisation::{items, more_note, pages};
use crate::client::{Api, Form, Payload};
use crate::exit::{Exit, Failure, plain};
use crate::output::{Output, table};

#[derive(Debug, Subcommand)]
pub(super) enum DocCommand {
    /// Send a document
    #[command(alias = "gui")]
    Send(SendArgs),
    /// List what waits for this system
    #[command(alias = "hop-thu")]
    Inbox(InboxArgs),
    /// Follow a document to its recipients
    #[command(alias = "truy-vet")]
    Trace(TraceArgs),
}

#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// File: edXML, PDF or any other
    file: PathBuf,
    /// Code of the sending organisation
    #[arg(long, alias = "tu")]
    from: Option<String>,
    /// Code of a recipient; may be repeated
    #[arg(long, alias = "den")]
    to: Vec<String>,
    /// Subject
    #[arg(long, alias = "trich-yeu")]
    subject: Option<String>,
    /// Number and notation, such as 123/UBND-KGVX
    #[arg(long, alias = "so")]
    number: Option<String>,
    /// Name of the type of document
    #[arg(long = "type", alias = "loai")]
    type_name: Option<String>,
    /// The sender's own id of the document
    #[arg(long)]
    document_id: Option<String>,
    /// Idempotency key; sending again with the same key makes no second document
    #[arg(long)]
    key: Option<String>,
    /// A further attachment; may be repeated
    #[arg(long, alias = "dinh-kem")]
    attach: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct InboxArgs {
    /// Acknowledge what is listed
    #[arg(long, alias = "xac-nhan")]
    ack: bool,
    /// Save contents into this folder first
    #[arg(long, alias = "luu")]
    save: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    /// Id of the document, doc_…
    document: String,
}

pub(super) async fn run(context: &Context, command: DocCommand) -> Result<Exit, Failure> {
    match command {
        DocCommand::Send(args) => send(context, args).await,
        DocCommand::Inbox(args) => inbox(context, args).await,
        DocCommand::Trace(args) => trace(context, args).await,
    }
}

/// Parameters behind the address.
type Query = Vec<(&'static str, String)>;

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::NotFound,
        "cli.file",
        format!("{}: {error}", path.display()),
    )
}

fn extension(path: &Path) -> String {
    path.extension()
        .and_then(|text| text.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// The media type of the files that offices send.
fn content_type(path: &Path) -> &'static str {
    match extension(path).as_str() {
        "pdf" => "application/pdf",
        "edxml" => "application/edxml+xml",
        "xml" => "application/xml",
        "zip" => "application/zip",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "tif" | "tiff" => "image/tiff",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}

pub(super) async fn send(context: &Context, args: SendArgs) -> Result<Exit, Failure> {
    let api = context.api()?;
    let key = args.key.clone().unwrap_or_else(|| {
        let mut random = [0u8; 16];
        OsEntropy.fill(&mut random);
        to_hex(&random)
    });
    let headers = [("idempotency-key", key.as_str())];
    let is_packet = matches!(extension(&args.file).as_str(), "edxml" | "xml");
    let (query, payload) = if is_packet {
        packet(&args)?
    } else {
        (Vec::new(), form(&args, &key)?)
    };
    let query: Vec<(&str, &str)> = query
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let accepted = api
        .call(
            axum::http::Method::POST,
            "/api/v1/documents",
            &query,
            &headers,
            payload,
        )
        .await
        .map_err(|failure| match failure.exit {
            // Nobody knows whether it arrived: the same key makes the next try safe.
            Exit::Unreachable | Exit::Timeout => failure.fix(format!("lgsp send … --key {key}")),
            _ => failure,
        })?
        .json();
    let output = context.output;
    output.data(&accepted, || accepted_text(output, &accepted));
    Ok(Exit::Done)
}

/// An edXML packet goes as it is: it names sender and recipients itself.
fn packet(args: &SendArgs) -> Result<(Query, Payload), Failure> {
    let bytes = std::fs::metadata(&args.file)
        .map_err(|error| unreadable(&args.file, &error))?
        .len();
    let mut query = Vec::new();
    if let Some(from) = &args.from {
        query.push(("from", from.clone()));
    }
    query.extend(args.to.iter().map(|to| ("to", to.clone())));
    Ok((
        query,
        Payload::File("application/edxml+xml".to_owned(), args.file.clone(), bytes),
    ))
}

/// Any other file becomes the first attachment of a packet that the server builds.
fn form(args: &SendArgs, key: &str) -> Result<Payload, Failure> {
    let (Some(from), false) = (&args.from, args.to.is_empty()) else {
        return Err(Failure::new(
            Exit::Usage,
            "cli.usage",
            "--from and --to are needed for a file that is not edXML",
        )
        .fix("lgsp send FILE --from H99.1 --to H99.2"));
    };
    let mut form = Form::new(&OsEntropy);
    form.text("from", from);
    for to in &args.to {
        form.text("to", to);
    }
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let fallback = name(&args.file);
    form.text("subject", args.subject.as_deref().unwrap_or(&fallback));
    // Without a number the letter is named by its key: two such letters of one day are not the same document.
    let unnumbered = format!("00/{from}");
    form.text("number", args.number.as_deref().unwrap_or(&unnumbered));
    let own_id = format!("{from},{key}");
    match (&args.document_id, &args.number) {
        (Some(id), _) => form.text("document_id", id),
        (None, None) => form.text("document_id", &own_id),
        (None, Some(_)) => {}
    }
    if let Some(name) = &args.type_name {
        form.text("type_name", name);
    }
    for file in std::iter::once(&args.file).chain(&args.attach) {
        form.file("file", file, &name(file), content_type(file))
            .map_err(|error| unreadable(file, &error))?;
    }
    Ok(Payload::Form(form))
}

fn accepted_text(output: Output, accepted: &Value) -> String {
    let part = |value: &Value, name: &str| value.get(name).map(plain).unwrap_or_default();
    let mut text = format!(
        "{} {}\n{}: {}",
        output.say("Đã tiếp nhận", "Accepted"),
        part(accepted, "id"),
        output.say("Biên nhận", "Receipt"),
        part(accepted, "receipt_id"),
    );
    for delivery in accepted
        .get("deliveries")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let from = part(delivery, "routed_from");
        let note = if from.is_empty() {
            String::new()
        } else {
            format!(
                " ({} {from})",
                output.say("thay mã đã đóng", "instead of the closed code")
            )
        };
        text.push_str(&format!(
            "\n  → {}{note}  {}",
            part(delivery, "to"),
            part(delivery, "id")
        ));
    }
    text
}

pub(super) async fn inbox(context: &Context, args: InboxArgs) -> Result<Exit, Failure> {
    let api = context.api()?;
    let output = context.output;
    let mut page = pages(&api, "/api/v1/inbox", &[], false).await?;
    if let Some(folder) = &args.save {
        for item in items(&page) {
            save(&api, folder, item).await?;
        }
    }
    let mut exit = Exit::Done;
    if args.ack {
        let results = acknowledge(&api, &page).await?;
        let is_partial = results.iter().any(|result| result.get("problem").is_some());
        if is_partial {
            exit = Exit::Partial;
        }
        if let Some(object) = page.as_object_mut() {
            object.insert("acknowledged".to_owned(), Value::Array(results));
        }
    }
    output.data(&page, || inbox_text(output, &page));
    more_note(output, &page);
    Ok(exit)
}

/// A field of a JSON object as text.
fn field(item: &Value, name: &str) -> String {
    item.get(name).map(plain).unwrap_or_default()
}

fn inbox_text(output: Output, page: &Value) -> String {
    let rows: Vec<Vec<String>> = items(page)
        .map(|item| {
            vec![
                field(item, "id"),
                local_time(output, item, "created_at"),
                field(item, "from"),
                field(item, "notation"),
                field(item, "subject"),
            ]
        })
        .collect();
    if rows.is_empty() {
        return output
            .say("Không có gì đang chờ.", "Nothing waits.")
            .to_owned();
    }
    let heading = match output.lang {
        Lang::Vi => [
            "LƯỢT GỬI",
            "THỜI GIAN",
            "NƠI GỬI",
            "SỐ KÝ HIỆU",
            "TRÍCH YẾU",
        ],
        Lang::En => ["DELIVERY", "TIME", "FROM", "NUMBER", "SUBJECT"],
    };
    let mut text = table(&heading, &rows);
    let results = page.get("acknowledged").and_then(Value::as_array);
    for result in results.into_iter().flatten() {
        let word = match result.get("problem") {
            None => output.say("đã xác nhận", "acknowledged").to_owned(),
            Some(problem) => field(problem, "code"),
        };
        text.push_str(&format!("{}: {word}\n", field(result, "id")));
    }
    text
}

/// Fetches a content, compares its digest and stores it under the delivery's id.
async fn save(api: &Api, folder: &Path, item: &Value) -> Result<(), Failure> {
    let document = field(item, "document_id");
    let content = api
        .get(&format!("/api/v1/documents/{document}/content"), &[])
        .await?
        .body;
    let expected = field(item, "sha256");
    if !expected.is_empty() && Sha256::of(&content).to_string() != expected {
        return Err(Failure::new(
            Exit::Integrity,
            "receipt.hash",
            format!("{document}: the content is not what was sent"),
        ));
    }
    std::fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
    let path = folder.join(field(item, "id"));
    std::fs::write(&path, &content).map_err(|error| unreadable(&path, &error))
}

async fn acknowledge(api: &Api, page: &Value) -> Result<Vec<Value>, Failure> {
    let deliveries: Vec<Value> = items(page)
        .map(|item| json!({"id": field(item, "id"), "sha256": field(item, "sha256")}))
        .collect();
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    let mut answer = api
        .post(
            "/api/v1/inbox/acknowledge",
            &[],
            Payload::Json(json!({"deliveries": deliveries})),
        )
        .await?
        .json();
    match answer.get_mut("results").map(Value::take) {
        Some(Value::Array(results)) => Ok(results),
        _ => Ok(Vec::new()),
    }
}

pub(super) async fn trace(context: &Context, args: TraceArgs) -> Result<Exit, Failure> {
    if args.document.parse::<lgsp_base::id::DocumentId>().is_err() {
        return Err(
            Failure::new(Exit::Usage, "cli.usage", "not the id of a document")
                .fix("lgsp trace doc_…"),
        );
    }
    let api = context.api()?;
    let trace = api
        .get(&format!("/api/v1/documents/{}/trace", args.document), &[])
        .await?
        .json();
    let output = context.output;
    output.data(&trace, || trace_text(output, &trace));
    Ok(Exit::Done)
}

/// A time of the API as people read it.
fn local_time(output: Output, value: &Value, name: &str) -> String {
    let text = field(value, name);
    match Timestamp::parse(&text) {
        Some(at) => vi::date_time(at, output.lang),
        None => text,
    }
}

/// The array under a name.
fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn trace_text(output: Output, trace: &Value) -> String {
    let document = trace.get("document").unwrap_or(&Value::Null);
    let mut text = format!(
        "{}  {}  {}\n{}  {} {}  {} {}\n",
        field(document, "id"),
        field(document, "notation"),
        field(document, "subject"),
        local_time(output, document, "accepted_at"),
        output.say("tiếp nhận từ", "accepted from"),
        field(document, "from"),
        output.say("biên nhận", "receipt"),
        field(document, "receipt_id"),
    );
    for delivery in list(trace, "deliveries") {
        text.push_str(&format!(
            "→ {} {}  {}  {}\n",
            field(delivery, "to"),
            field(delivery, "to_name"),
            state_word(output, &field(delivery, "state")),
            field(delivery, "id"),
        ));
        if delivery.get("waits_for_system") == Some(&Value::Bool(true)) {
            let word = output.say(
                "đơn vị chưa có hệ thống nhận",
                "the recipient has no system yet",
            );
            text.push_str(&format!("    {word}\n"));
        }
        for attempt in list(delivery, "attempt_list") {
            text.push_str(&format!(
                "    {}  {} {}  {} {}\n",
                local_time(output, attempt, "started_at"),
                output.say("lần", "attempt"),
                field(attempt, "number"),
                field(attempt, "outcome"),
                field(attempt, "cause"),
            ));
        }
        for status in list(delivery, "statuses") {
            text.push_str(&format!(
                "    {}  {} {} {}\n",
                local_time(output, status, "received_at"),
                output.say("trạng thái", "status"),
                field(status, "code"),
                field(status, "reason"),
            ));
        }
    }
    for related in list(trace, "related") {
        text.push_str(&format!(
            "{} {}  {}\n",
            output.say("liên quan", "related"),
            field(related, "id"),
            field(related, "kind"),
        ));
    }
    text
}

/// A delivery's state in words.
fn state_word(output: Output, state: &str) -> String {
    match state {
        "waiting" => output.say("đang chờ", "waiting"),
        "leased" => output.say("đang gửi", "under way"),
        "delivered" => output.say("đã nhận", "delivered"),
        "parked" => output.say("tạm gác", "parked"),
        "dead" => output.say("không gửi được", "given up"),
        "expired" => output.say("hết hạn", "expired"),
        "cancelled" => output.say("đã hủy", "cancelled"),
        other => other,
    }
    .to_owned()
}
