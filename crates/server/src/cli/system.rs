//! `lgsp system`: add, list.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Context;
use super::organisation::{items, more_note, pages};
use crate::client::Payload;
use crate::exit::{Exit, Failure, plain};
use crate::output::table;

#[derive(Debug, Subcommand)]
pub(super) enum SystemCommand {
    /// Add a system and hand its credential out, once
    #[command(alias = "them")]
    Add(Box<AddArgs>),
    /// List systems
    #[command(alias = "danh-sach")]
    List,
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Code of the organisation it belongs to
    org: String,
    /// Name of the system
    name: String,
    /// Protocol it speaks
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// Address at which it is called; for the last three protocols
    #[arg(long, requires = "password_file")]
    url: Option<String>,
    /// Name under which we enter it
    #[arg(long, default_value = "", requires = "url", hide_default_value = true)]
    user: String,
    /// File with the password or key with which we enter it
    #[arg(long, requires = "url")]
    password_file: Option<PathBuf>,
    /// Our own code there
    #[arg(long, default_value = "", requires = "url", hide_default_value = true)]
    unit_code: String,
    /// Where to log in, from the address
    #[arg(long, default_value = "", requires = "url", hide_default_value = true)]
    login_path: String,
    /// Where its services are, from the address
    #[arg(long, default_value = "", requires = "url", hide_default_value = true)]
    service_path: String,
    /// Code of the far end behind an adapter
    #[arg(long, default_value = "", requires = "url", hide_default_value = true)]
    destination: String,
}

impl AddArgs {
    /// What the API is asked for.
    fn wanted(&self) -> Result<Value, Failure> {
        let connector = match (&self.url, &self.password_file) {
            (Some(url), Some(file)) => {
                let password = std::fs::read_to_string(file).map_err(|error| {
                    let message = format!("{}: {error}", file.display());
                    Failure::new(Exit::NotFound, "cli.file", message)
                })?;
                json!({
                    "url": url,
                    "user": self.user,
                    "password": password.trim_end_matches(['\r', '\n']),
                    "unit_code": self.unit_code,
                    "login_path": self.login_path,
                    "service_path": self.service_path,
                    "destination": self.destination,
                })
            }
            _ => Value::Null,
        };
        Ok(json!({
            "organisation": self.org,
            "name": self.name,
            "protocol": self.protocol.name(),
            "connector": connector,
        }))
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protocol {
    /// The document axis (VXP)
    Vxp,
    /// Our REST API
    Rest,
    /// The national public service portal, which we call
    Dvcqg,
    /// The civil status system of the Ministry of Justice, which we call
    #[value(name = "civil_status")]
    CivilStatus,
    /// The criminal record system of the Ministry of Justice, which we call
    #[value(name = "criminal_record")]
    CriminalRecord,
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Protocol::Vxp => "vxp",
            Protocol::Rest => "rest",
            Protocol::Dvcqg => "dvcqg",
            Protocol::CivilStatus => "civil_status",
            Protocol::CriminalRecord => "criminal_record",
        }
    }

    /// True where the answer carries a credential.
    const fn has_credential(self) -> bool {
        matches!(self, Protocol::Vxp | Protocol::Rest)
    }
}

pub(super) async fn run(context: &Context, command: SystemCommand) -> Result<Exit, Failure> {
    let api = context.api()?;
    let output = context.output;
    match command {
        SystemCommand::Add(args) => {
            let added = api
                .post("/api/v1/systems", &[], Payload::Json(args.wanted()?))
                .await?
                .json();
            output.data(&added, || {
                added
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(_, value)| value.is_string())
                    .map(|(name, value)| format!("{name:<14}{}\n", plain(value)))
                    .collect()
            });
            if args.protocol.has_credential() {
                output.note(output.say(
                    "Cất khóa ngay bây giờ: nó không hiện lại lần nào nữa.",
                    "Keep the credential now: it is not shown again.",
                ));
            }
            if added.get("is_receiver") == Some(&json!(false)) {
                output.note(output.say(
                    "Đơn vị đã có hệ thống nhận văn bản; hệ thống này chỉ gửi và xem.",
                    "Another system receives this organisation's documents; this one sends and reads along.",
                ));
            }
        }
        SystemCommand::List => {
            let list = pages(&api, "/api/v1/systems", &[], true).await?;
            output.data(&list, || {
                let rows = items(&list).map(|system| {
                    let part = |name: &str| system.get(name).map(plain).unwrap_or_default();
                    let columns = ["id", "organisation_code", "protocol", "name"];
                    columns.map(part).to_vec()
                });
                let heading = match output.lang {
                    lgsp_base::Lang::Vi => ["ID", "ĐƠN VỊ", "GIAO THỨC", "TÊN"],
                    lgsp_base::Lang::En => ["ID", "ORGANISATION", "PROTOCOL", "NAME"],
                };
                table(&heading, &rows.collect::<Vec<_>>())
            });
            more_note(output, &list);
        }
    }
    Ok(Exit::Done)
}
