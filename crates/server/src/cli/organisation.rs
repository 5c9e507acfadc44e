//! `lgsp org`: import, list, resolve.

use std::path::PathBuf;

use bytes::Bytes;
use clap::{Args, Subcommand};
use lgsp_base::Timestamp;
use lgsp_base::limits::IMPORT_BYTES_MAX;
use serde_json::{Value, json};

use super::{Context, ProgressArgs};
use crate::client::{Api, Payload};
use crate::exit::{Exit, Failure, plain};
use crate::output::{Output, Progress, table};

#[derive(Debug, Subcommand)]
pub(super) enum OrgCommand {
    /// Import organisations or their changes from a CSV file
    #[command(alias = "nap")]
    Import(ImportArgs),
    /// List organisations
    #[command(alias = "danh-sach")]
    List(ListArgs),
    /// Resolve the code of an organisation at a time
    #[command(alias = "tra-cuu")]
    Resolve(ResolveArgs),
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// CSV file
    file: PathBuf,
    /// Date from which the file holds; the default is the beginning of time
    #[arg(long)]
    effective: Option<String>,
    /// Check only, write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    progress: ProgressArgs,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Search by name or code, marks not needed
    #[arg(long)]
    query: Option<String>,
    /// At this time
    #[arg(long)]
    at: Option<String>,
    /// Fetch every page
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// Code of the organisation
    code: String,
    /// At this time; the default is now
    #[arg(long)]
    at: Option<String>,
}

pub(super) async fn run(context: &Context, command: OrgCommand) -> Result<Exit, Failure> {
    let api = context.api()?;
    match command {
        OrgCommand::Import(args) => import(context, &api, args).await,
        OrgCommand::List(args) => list(context, &api, args).await,
        OrgCommand::Resolve(args) => resolve(context, &api, args).await,
    }
}

/// A date or time as the API takes it.
fn time(text: &str) -> Result<String, Failure> {
    Timestamp::parse(text)
        .map(|at| at.to_string())
        .ok_or_else(|| {
            Failure::new(Exit::Usage, "cli.time", format!("{text:?} is not a date"))
                .fix("2025-07-01, 01/07/2025, 2025-07-01T00:00:00+07:00")
        })
}

async fn import(context: &Context, api: &Api, args: ImportArgs) -> Result<Exit, Failure> {
    let name = args.file.display().to_string();
    let unreadable = |error: std::io::Error| {
        Failure::new(Exit::NotFound, "cli.file", format!("{name}: {error}"))
    };
    let bytes = std::fs::metadata(&args.file).map_err(unreadable)?.len();
    if bytes > u64::try_from(IMPORT_BYTES_MAX).unwrap_or(u64::MAX) {
        return Err(Failure::new(
            Exit::Invalid,
            "input.too_large",
            format!("{name}: {bytes} bytes"),
        ));
    }
    let effective = args.effective.as_deref().map(time).transpose()?;
    let content = std::fs::read(&args.file).map_err(unreadable)?;
    // The file arrives as one transaction: the bar counts the bytes handed over, then the rows that were kept.
    let mut progress = Progress::new(args.progress.progress, 3);
    progress.at(1);
    let mut query = vec![("dry_run", if args.dry_run { "true" } else { "false" })];
    if let Some(effective) = &effective {
        query.push(("effective", effective));
    }
    let answer = api
        .post(
            "/api/v1/organisations/import",
            &query,
            Payload::Bytes("text/csv".to_owned(), Bytes::from(content)),
        )
        .await?;
    progress.at(3);
    let report = answer.json();
    context
        .output
        .data(&report, || import_text(context.output, &report));
    Ok(Exit::Done)
}

/// The numbers of a report, one per line.
fn import_text(output: Output, report: &Value) -> String {
    let mut text = String::from(output.say("Đã nạp.", "Imported."));
    if report.get("dry_run").and_then(Value::as_bool) == Some(true) {
        text = output
            .say(
                "Tệp hợp lệ, chưa ghi gì.",
                "The file is valid; nothing was written.",
            )
            .to_owned();
    }
    for (name, value) in report.as_object().into_iter().flatten() {
        if value.is_number() {
            text.push_str(&format!("\n  {name:<24}{value}"));
        }
    }
    text
}

async fn list(context: &Context, api: &Api, args: ListArgs) -> Result<Exit, Failure> {
    let at = args.at.as_deref().map(time).transpose()?;
    let mut query = Vec::new();
    if let Some(text) = &args.query {
        query.push(("q", text.as_str()));
    }
    if let Some(at) = &at {
        query.push(("at", at.as_str()));
    }
    let list = pages(api, "/api/v1/organisations", &query, args.all).await?;
    let output = context.output;
    output.data(&list, || {
        let rows = items(&list).map(|org| {
            ["code", "name", "level", "id"]
                .iter()
                .map(|name| org.get(*name).map(plain).unwrap_or_default())
                .collect()
        });
        let heading = match output.lang {
            lgsp_base::Lang::Vi => ["MÃ", "TÊN", "CẤP", "ID"],
            lgsp_base::Lang::En => ["CODE", "NAME", "LEVEL", "ID"],
        };
        table(&heading, &rows.collect::<Vec<_>>())
    });
    more_note(output, &list);
    Ok(Exit::Done)
}

/// One page of a list, or all of them as one.
pub(super) async fn pages(
    api: &Api,
    path: &str,
    query: &[(&str, &str)],
    is_all: bool,
) -> Result<Value, Failure> {
    let mut gathered: Vec<Value> = Vec::new();
    let mut token = String::new();
    loop {
        let mut query = query.to_vec();
        query.push(("page_size", if is_all { "1000" } else { "100" }));
        if !token.is_empty() {
            query.push(("page_token", &token));
        }
        let mut page = api.get(path, &query).await?.json();
        let next = page
            .get("next_page_token")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if !is_all {
            return Ok(page);
        }
        if let Some(Value::Array(items)) = page.get_mut("items") {
            gathered.append(items);
        }
        if next.is_empty() || next == token {
            return Ok(json!({"items": gathered, "next_page_token": null}));
        }
        token = next;
    }
}

/// The items of a page.
pub(super) fn items(page: &Value) -> impl Iterator<Item = &Value> {
    page.get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Says that there is more than was shown.
pub(super) fn more_note(output: Output, page: &Value) {
    let has_more = page
        .get("next_page_token")
        .and_then(Value::as_str)
        .is_some_and(|token| !token.is_empty());
    if has_more {
        output.note(output.say("… còn nữa: thêm --all", "… there is more: add --all"));
    }
}

async fn resolve(context: &Context, api: &Api, args: ResolveArgs) -> Result<Exit, Failure> {
    let at = args.at.as_deref().map(time).transpose()?;
    let mut query = vec![("code", args.code.as_str())];
    if let Some(at) = &at {
        query.push(("at", at));
    }
    let found = api
        .get("/api/v1/organisations/resolve", &query)
        .await?
        .json();
    let status = found.get("status").map(plain).unwrap_or_default();
    let output = context.output;
    output.data(&found, || resolve_text(output, &args.code, &found));
    Ok(match status.as_str() {
        "unknown" | "not_yet" => Exit::NotFound,
        _ => Exit::Done,
    })
}

fn resolve_text(output: Output, code: &str, found: &Value) -> String {
    let status = found.get("status").map(plain).unwrap_or_default();
    let word = match status.as_str() {
        "active" => output.say("đang hoạt động", "active"),
        "forwarded" => output.say(
            "đã đóng, chuyển tới đơn vị kế thừa",
            "closed, routed to its successor",
        ),
        "closed" => output.say("đã đóng", "closed"),
        "not_yet" => output.say("chưa có hiệu lực", "not in force yet"),
        _ => output.say("không tồn tại", "unknown"),
    };
    let unit = |value: &Value| {
        let part = |name: &str| value.get(name).map(plain).unwrap_or_default();
        format!("{}  {}", part("code"), part("name"))
    };
    let mut text = format!("{code}: {word}");
    let fields: &[&str] = match status.as_str() {
        "forwarded" => &["organisation", "routed_to"],
        _ => &["organisation"],
    };
    for field in fields.iter().copied() {
        if let Some(value) = found.get(field).filter(|value| value.is_object()) {
            let arrow = if field == "routed_to" { "→ " } else { "" };
            text.push_str(&format!("\n  {arrow}{}", unit(value)));
        }
    }
    for value in found
        .get("successors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        text.push_str(&format!("\n  · {}", unit(value)));
    }
    text
}
