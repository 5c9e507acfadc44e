//! `lgsp init`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Context;
use super::serve::start_failure;
use crate::exit::{Exit, Failure};
use crate::init::{InitOptions, init};

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Data folder
    #[arg(long)]
    data: PathBuf,
    /// Code of the organisation that runs the platform
    #[arg(long)]
    org: String,
    /// Name of that organisation
    #[arg(long)]
    name: String,
    /// Use PostgreSQL at this address instead of SQLite
    #[arg(long, env = "LGSP__DATABASE__URL", hide_env_values = true)]
    database: Option<String>,
}

pub(super) fn run(context: &Context, args: InitArgs) -> Result<Exit, Failure> {
    let made = super::serve::runtime()?
        .block_on(init(InitOptions {
            data: &args.data,
            org_code: &args.org,
            org_name: &args.name,
            database: args.database.as_deref().filter(|url| !url.is_empty()),
        }))
        .map_err(|error| start_failure(&error, context.lang()))?;
    let output = context.output;
    let token = made.admin_token.expose();
    let object = json!({
        "admin_token": token,
        "organisation_id": made.org_id,
        "ledger_key": made.ledger_key,
        "data": args.data,
    });
    output.data(&object, || {
        format!(
            "{}: {}\n{}: {token}\n{}: {}\n",
            output.say("Đã tạo", "Created"),
            args.data.display(),
            output.say("Khóa quản trị", "Operator's token"),
            output.say("Khóa công khai của sổ nhật ký", "Public key of the ledger"),
            made.ledger_key,
        )
    });
    output.note(output.say(
        "Cất khóa ngay bây giờ: nó không hiện lại lần nào nữa.",
        "Keep the token now: it is not shown again.",
    ));
    output.note(&format!(
        "{}: lgsp serve --data {}",
        output.say("Bước tiếp", "Next"),
        args.data.display()
    ));
    Ok(Exit::Done)
}
