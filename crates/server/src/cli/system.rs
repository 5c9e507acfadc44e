//! `lgsp system`: add, list.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::Context;
use super::organisation::{items, more_note, pages};
use crate::client::Payload;
use crate::exit::{Exit, Failure, plain};
use crate::output::table;

#[derive(Debug, Subcommand)]
pub(super) enum SystemCommand {
    /// Add a system and hand its credential out, once
    #[command(alias = "them")]
    Add(AddArgs),
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
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protocol {
    /// The document axis (VXP)
    Vxp,
    /// Our REST API
    Rest,
}

pub(super) async fn run(context: &Context, command: SystemCommand) -> Result<Exit, Failure> {
    let api = context.api()?;
    let output = context.output;
    match command {
        SystemCommand::Add(args) => {
            let protocol = match args.protocol {
                Protocol::Vxp => "vxp",
                Protocol::Rest => "rest",
            };
            let wanted = json!({"organisation": args.org, "name": args.name, "protocol": protocol});
            let added = api
                .post("/api/v1/systems", &[], Payload::Json(wanted))
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
            output.note(output.say(
                "Cất khóa ngay bây giờ: nó không hiện lại lần nào nữa.",
                "Keep the credential now: it is not shown again.",
            ));
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
