//! `lgsp dossier`: hand in, list, show, tell steps, look after routes and local codes, replace the key.

mod portal;
mod rotate;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use lgsp_base::{Lang, Sha256};
use serde_json::{Value, json};

use super::Context;
use super::organisation::{items, more_note, pages};
use crate::client::{Api, Payload, encode};
use crate::exit::{Exit, Failure, plain};
use crate::output::{Output, table};

/// Where dossiers are.
const DOSSIERS: &str = "/api/v1/dossiers";
/// Where routes are.
const ROUTES: &str = "/api/v1/dossiers/routes";

#[derive(Debug, Subcommand)]
pub(super) enum DossierCommand {
    /// Hand dossiers in from a JSON file: one or many of ours, or the portal's objects
    #[command(alias = "gui")]
    Push(PushArgs),
    /// List dossiers
    #[command(alias = "danh-sach")]
    List(ListArgs),
    /// Show a dossier; the look is recorded
    #[command(alias = "xem")]
    Show(ShowArgs),
    /// Hand a step of a dossier in
    #[command(alias = "tien-do")]
    Progress(ProgressArgs),
    /// Look after the rules by which dossiers are sent on
    #[command(subcommand, alias = "dinh-tuyen")]
    Route(RouteCommand),
    /// Say what a local code of a procedure means nationally
    #[command(alias = "anh-xa")]
    Map(MapArgs),
    /// Compare a day's dossiers with a national portal and send again what it lacks
    #[command(alias = "doi-soat")]
    Reconcile(portal::ReconcileArgs),
    /// Fetch procedures and catalogues from a national portal
    #[command(alias = "dong-bo")]
    Sync(portal::SyncArgs),
    /// Replace the key under which dossiers are sealed; a running server follows by itself
    #[command(alias = "thay-khoa")]
    RotateKey(RotateArgs),
}

#[derive(Debug, Args)]
pub(super) struct PushArgs {
    /// JSON file
    file: PathBuf,
    /// Code of the organisation in whose name it is
    #[arg(long)]
    agency: Option<String>,
    /// Code of a further recipient; may be repeated
    #[arg(long, alias = "den")]
    to: Vec<String>,
    /// Whether the dossiers may be new
    #[arg(long, value_enum, default_value = "either")]
    mode: Mode,
    /// Idempotency key; by default one made from the file
    #[arg(long)]
    key: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// They must be new
    Create,
    /// They must exist
    Update,
    /// Either
    Either,
}

impl Mode {
    const fn name(self) -> &'static str {
        match self {
            Mode::Create => "create",
            Mode::Update => "update",
            Mode::Either => "either",
        }
    }

    const fn is_updating(self) -> &'static str {
        match self {
            Mode::Create => "False",
            Mode::Update => "True",
            Mode::Either => "",
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Of this organisation: id or code
    #[arg(long)]
    org: Option<String>,
    /// Of this procedure
    #[arg(long)]
    procedure: Option<String>,
    /// In this status, 1 to 10; may be repeated
    #[arg(long)]
    status: Vec<String>,
    /// With this state of the clock, such as overdue; may be repeated
    #[arg(long)]
    clock: Vec<String>,
    /// With a code that begins like this
    #[arg(long)]
    code: Option<String>,
    /// Open ones by their due time
    #[arg(long)]
    due: bool,
    /// Fetch every page
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Code or id of the dossier
    dossier: String,
    /// Why: handling, applicant, supervision, support or legal_order
    #[arg(long, default_value = "handling")]
    purpose: String,
}

#[derive(Debug, Args)]
pub(super) struct ProgressArgs {
    /// Code of the dossier
    dossier: String,
    /// Status behind the step, 1 to 10
    #[arg(long)]
    status: String,
    /// What was done
    #[arg(long)]
    content: Option<String>,
    /// Department that did it
    #[arg(long)]
    department: Option<String>,
    /// Who did it
    #[arg(long)]
    handler: Option<String>,
    /// When; the default is now
    #[arg(long)]
    at: Option<String>,
    /// Code of the organisation in whose name it is
    #[arg(long)]
    agency: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum RouteCommand {
    /// Send dossiers on to an organisation from now on
    #[command(alias = "them")]
    Add(RouteArgs),
    /// List the rules
    #[command(alias = "danh-sach")]
    List,
    /// Remove a rule
    #[command(alias = "bo")]
    Remove(RouteArgs),
}

#[derive(Debug, Args)]
pub(super) struct RouteArgs {
    /// Code of the organisation that gets them
    to: String,
    /// Only of this procedure, national code
    #[arg(long, conflicts_with = "field")]
    procedure: Option<String>,
    /// Only of sectors whose code begins like this
    #[arg(long)]
    field: Option<String>,
}

impl RouteArgs {
    fn rule(&self) -> (&'static str, &str) {
        match (&self.procedure, &self.field) {
            (Some(procedure), _) => ("procedure", procedure),
            (None, Some(field)) => ("field", field),
            (None, None) => ("all", ""),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct MapArgs {
    /// Code that local systems write
    local: String,
    /// National code
    national: String,
    /// Only for dossiers of this organisation: id or code
    #[arg(long)]
    org: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Data folder
    #[arg(long)]
    data: PathBuf,
    /// Remove old keys that nothing is sealed under, instead of adding one; the server must be stopped
    #[arg(long)]
    prune: bool,
}

/// What speaks to a server. Replacing the key does not: see [`rotate_key`].
pub(super) async fn run(context: &Context, command: DossierCommand) -> Result<Exit, Failure> {
    let output = context.output;
    match command {
        DossierCommand::Push(args) => push(output, &context.api()?, &args).await,
        DossierCommand::List(args) => list(output, &context.api()?, &args).await,
        DossierCommand::Show(args) => show(output, &context.api()?, &args).await,
        DossierCommand::Progress(args) => progress(output, &context.api()?, &args).await,
        DossierCommand::Route(command) => route(output, &context.api()?, command).await,
        DossierCommand::Map(args) => map(output, &context.api()?, &args).await,
        DossierCommand::Reconcile(args) => portal::reconcile(context, &args).await,
        DossierCommand::Sync(args) => portal::synchronise(context, &args).await,
        DossierCommand::RotateKey(args) => rotate::run(context, &args).await,
    }
}

/// The file, as JSON.
fn read(file: &std::path::Path) -> Result<(Vec<u8>, Value), Failure> {
    let name = file.display();
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::new(Exit::NotFound, "cli.file", format!("{name}: {error}")))?;
    let value = serde_json::from_slice(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes))
        .map_err(|error| Failure::new(Exit::Invalid, "input.json", format!("{name}: {error}")))?;
    Ok((bytes, value))
}

/// The portal's objects in what a file holds: an array, one of them, or a request with `data`.
fn of_portal(value: &Value) -> Option<Value> {
    let items = value.get("data").unwrap_or(value);
    let first = items.get(0).unwrap_or(items);
    first.get("MaHoSo")?;
    Some(match items {
        Value::Array(_) => items.clone(),
        one => json!([one]),
    })
}

async fn push(output: Output, api: &Api, args: &PushArgs) -> Result<Exit, Failure> {
    let (bytes, value) = read(&args.file)?;
    let key = match &args.key {
        Some(key) => key.clone(),
        None => format!("file-{}", Sha256::of(&bytes)),
    };
    let headers = [("Idempotency-Key", key.as_str())];
    if let Some(items) = of_portal(&value) {
        let agency = args.agency.as_deref().unwrap_or_default();
        let query = [
            ("MaDinhDanhDV", agency),
            ("isUpdating", args.mode.is_updating()),
        ];
        let path = "/motcua/SynsTTHCC/DongBoHoSoMC";
        let payload = Payload::Json(items);
        let method = axum::http::Method::POST;
        let answer = api.call(method, path, &query, &headers, payload).await?;
        return Ok(told(output, &answer.json()));
    }
    let mut body = json!({"to": args.to, "agency": args.agency, "mode": args.mode.name()});
    let (name, dossiers) = match value {
        Value::Array(many) => ("dossiers", Value::Array(many)),
        Value::Object(mut object) => match object.remove("dossiers") {
            Some(many) => ("dossiers", many),
            None => ("dossier", Value::Object(object)),
        },
        other => ("dossier", other),
    };
    if let Some(body) = body.as_object_mut() {
        body.insert(name.to_owned(), dossiers);
    }
    let payload = Payload::Json(body);
    let method = axum::http::Method::POST;
    let answer = api.call(method, DOSSIERS, &[], &headers, payload).await?;
    let answer = answer.json();
    output.data(&answer, || pushed(output, &answer));
    Ok(match answer.get("refused").and_then(Value::as_u64) {
        Some(refused) if refused > 0 => Exit::Partial,
        _ => Exit::Done,
    })
}

/// An answer in the portal's form.
fn told(output: Output, answer: &Value) -> Exit {
    let part = |value: &Value, name: &str| value.get(name).map(plain).unwrap_or_default();
    let rows: Vec<Vec<String>> = answer
        .get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|item| {
            ["MaHoSo", "error_code", "message"]
                .map(|name| part(item, name))
                .to_vec()
        })
        .collect();
    let is_good = |row: &&Vec<String>| row.get(1).is_some_and(|code| code == "0");
    let good = rows.iter().filter(is_good).count();
    output.data(answer, || {
        let heading = match output.lang {
            Lang::Vi => ["HỒ SƠ", "MÃ", "KẾT QUẢ"],
            Lang::En => ["DOSSIER", "CODE", "RESULT"],
        };
        format!("{}{}\n", table(&heading, &rows), part(answer, "message"))
    });
    match (part(answer, "error_code") == "0", good) {
        (true, _) => Exit::Done,
        (false, 0) => Exit::Invalid,
        (false, _) => Exit::Partial,
    }
}

/// An answer of our own API, to one or to many.
fn pushed(output: Output, answer: &Value) -> String {
    let part = |value: &Value, path: &str| value.pointer(path).map(plain).unwrap_or_default();
    let Some(results) = answer.get("results").and_then(Value::as_array) else {
        return format!(
            "{}  {}  {}",
            part(answer, "/code"),
            part(answer, "/id"),
            part(answer, "/document/id")
        );
    };
    let rows: Vec<Vec<String>> = results
        .iter()
        .map(|result| {
            let what = match result.get("accepted") {
                Some(accepted) => part(accepted, "/document/id"),
                None => format!(
                    "{}: {}",
                    part(result, "/problem/code"),
                    part(result, "/problem/title")
                ),
            };
            vec![part(result, "/code"), what]
        })
        .collect();
    let heading = match output.lang {
        Lang::Vi => ["HỒ SƠ", "KẾT QUẢ"],
        Lang::En => ["DOSSIER", "RESULT"],
    };
    table(&heading, &rows)
}

async fn list(output: Output, api: &Api, args: &ListArgs) -> Result<Exit, Failure> {
    let mut query: Vec<(&str, &str)> = Vec::new();
    for (name, value) in [
        ("organisation", &args.org),
        ("procedure", &args.procedure),
        ("code", &args.code),
    ] {
        if let Some(value) = value {
            query.push((name, value));
        }
    }
    query.extend(args.status.iter().map(|status| ("status", status.as_str())));
    query.extend(args.clock.iter().map(|clock| ("clock", clock.as_str())));
    if args.due {
        query.push(("order", "due"));
    }
    let page = pages(api, DOSSIERS, &query, args.all).await?;
    output.data(&page, || {
        let rows = items(&page).map(|row| {
            let columns = [
                "/code",
                "/status_name",
                "/clock/state",
                "/clock/due_at",
                "/applicant",
                "/owner/code",
            ];
            let part = |path| row.pointer(path).map(plain).unwrap_or_default();
            columns.map(part).to_vec()
        });
        let heading = match output.lang {
            Lang::Vi => [
                "HỒ SƠ",
                "TRẠNG THÁI",
                "THỜI HẠN",
                "HẸN TRẢ",
                "CHỦ HỒ SƠ",
                "ĐƠN VỊ",
            ],
            Lang::En => ["DOSSIER", "STATUS", "CLOCK", "DUE", "APPLICANT", "OWNER"],
        };
        table(&heading, &rows.collect::<Vec<_>>())
    });
    more_note(output, &page);
    Ok(Exit::Done)
}

async fn show(output: Output, api: &Api, args: &ShowArgs) -> Result<Exit, Failure> {
    let path = format!("{DOSSIERS}/{}", encode(&args.dossier));
    let shown = api.get(&path, &[("purpose", &args.purpose)]).await?.json();
    output.data(&shown, || {
        let part = |path: &str| shown.pointer(path).map(plain).unwrap_or_default();
        let mut text = String::new();
        for (name, path) in [
            ("code", "/code"),
            ("id", "/id"),
            ("status", "/status_name"),
            ("clock", "/clock/state"),
            ("due_at", "/clock/due_at"),
            ("procedure", "/dossier/procedure/name"),
            ("applicant", "/dossier/applicant/name"),
            ("owner", "/owner/name"),
            ("keep_until", "/keep_until"),
        ] {
            text.push_str(&format!("{name:<12}{}\n", part(path)));
        }
        for step in shown
            .get("steps")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let part = |path: &str| step.pointer(path).map(plain).unwrap_or_default();
            let line = [
                part("/at"),
                part("/status_name"),
                part("/organisation/name"),
                part("/content"),
            ];
            text.push_str(&format!("  {}\n", line.join("  ")));
        }
        text
    });
    Ok(Exit::Done)
}

async fn progress(output: Output, api: &Api, args: &ProgressArgs) -> Result<Exit, Failure> {
    let mut step = json!({"status": args.status});
    if let Some(step) = step.as_object_mut() {
        for (name, value) in [
            ("content", &args.content),
            ("department", &args.department),
            ("handler", &args.handler),
            ("handled_at", &args.at),
        ] {
            if let Some(value) = value {
                step.insert(name.to_owned(), value.as_str().into());
            }
        }
    }
    let path = format!("{DOSSIERS}/{}/progress", encode(&args.dossier));
    let body = json!({"steps": [step], "agency": args.agency});
    let answer = api.post(&path, &[], Payload::Json(body)).await?.json();
    output.data(&answer, || pushed(output, &answer));
    Ok(Exit::Done)
}

async fn route(output: Output, api: &Api, command: RouteCommand) -> Result<Exit, Failure> {
    match command {
        RouteCommand::List => {
            let list = api.get(ROUTES, &[]).await?.json();
            output.data(&list, || {
                let rows = items(&list).map(|route| {
                    let part = |name: &str| route.get(name).map(plain).unwrap_or_default();
                    ["kind", "value", "to"].map(part).to_vec()
                });
                let heading = match output.lang {
                    Lang::Vi => ["LOẠI", "GIÁ TRỊ", "NƠI NHẬN"],
                    Lang::En => ["KIND", "VALUE", "TO"],
                };
                table(&heading, &rows.collect::<Vec<_>>())
            });
        }
        RouteCommand::Add(args) => {
            let (kind, value) = args.rule();
            let body = json!({"kind": kind, "value": value, "to": args.to});
            api.post(ROUTES, &[], Payload::Json(body.clone())).await?;
            output.data(&body, || format!("{kind} {value} → {}", args.to));
        }
        RouteCommand::Remove(args) => {
            let (kind, value) = args.rule();
            let query = [("kind", kind), ("value", value), ("to", args.to.as_str())];
            let method = axum::http::Method::DELETE;
            api.call(method, ROUTES, &query, &[], Payload::Empty)
                .await?;
            let removed = json!({"kind": kind, "value": value, "to": args.to, "removed": true});
            output.data(&removed, String::new);
        }
    }
    Ok(Exit::Done)
}

async fn map(output: Output, api: &Api, args: &MapArgs) -> Result<Exit, Failure> {
    let body = json!({
        "local_code": args.local,
        "national_code": args.national,
        "organisation": args.org,
    });
    api.post(
        "/api/v1/procedures/mappings",
        &[],
        Payload::Json(body.clone()),
    )
    .await?;
    output.data(&body, || format!("{} → {}", args.local, args.national));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portals_objects_are_known_by_their_code() {
        let item = json!({"MaHoSo": "H99.131-260312-0042"});
        for file in [
            item.clone(),
            json!([item]),
            json!({"data": [item], "service": "DongBoHoSoMC"}),
        ] {
            assert_eq!(of_portal(&file), Some(json!([item])));
        }
        for file in [
            json!({"code": "x"}),
            json!([]),
            json!({"dossiers": []}),
            json!(7),
        ] {
            assert_eq!(of_portal(&file), None);
        }
    }
}
