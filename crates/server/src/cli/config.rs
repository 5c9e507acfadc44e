//! `lgsp config`: show, check, default.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use crate::config::{self, ConfigError, Loaded, Origin};
use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};
use crate::output::table;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show every value and where it comes from
    #[command(alias = "xem")]
    Show(DataArgs),
    /// Check the settings
    #[command(alias = "kiem-tra")]
    Check(DataArgs),
    /// Print the commented default file
    #[command(alias = "mac-dinh")]
    Default,
}

#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// Data folder
    #[arg(long)]
    data: PathBuf,
}

/// A wrong setting as a failure of the command.
pub(super) fn failure(error: &ConfigError) -> Failure {
    Failure::new(Exit::Invalid, "config.invalid", error).fix("lgsp config show --data DIR")
}

/// Reads the settings of a data folder and this process's environment.
pub(super) fn load(data: &DataFolder) -> Result<Loaded, Failure> {
    let env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    config::load(&data.settings(), env).map_err(|error| failure(&error))
}

pub(super) fn run(context: &Context, command: ConfigCommand) -> Result<Exit, Failure> {
    let output = context.output;
    match command {
        ConfigCommand::Default => {
            let object = json!({"file": config::DEFAULT_FILE});
            output.data(&object, || config::DEFAULT_FILE.to_owned());
        }
        ConfigCommand::Check(args) => {
            let loaded = load(&DataFolder::new(args.data))?;
            let authority = loaded.config.ledger.authority();
            authority.map_err(|error| failure(&error))?;
            output.data(&json!({"valid": true}), || {
                output
                    .say("Cấu hình hợp lệ.", "The settings are valid.")
                    .to_owned()
            });
        }
        ConfigCommand::Show(args) => {
            let loaded = load(&DataFolder::new(args.data))?;
            let values = serde_json::to_value(&loaded.config)
                .map_err(|error| Failure::new(Exit::Failed, "config.invalid", error))?;
            let rows: Vec<(String, Value, &Origin)> = loaded
                .origins
                .iter()
                .map(|(path, origin)| (path.clone(), at(&values, path), origin))
                .collect();
            let object = json!({"items": rows.iter().map(|(path, value, origin)| {
                json!({"path": path, "value": value, "origin": origin})
            }).collect::<Vec<_>>()});
            output.data(&object, || {
                let rows: Vec<Vec<String>> = rows
                    .iter()
                    .map(|(path, value, origin)| {
                        let origin = match origin {
                            Origin::Default => output.say("mặc định", "default").to_owned(),
                            Origin::File => "lgsp.toml".to_owned(),
                            Origin::Env(name) => name.clone(),
                        };
                        vec![path.clone(), value.to_string(), origin]
                    })
                    .collect();
                table(
                    &["", output.say("GIÁ TRỊ", "VALUE"), output.say("TỪ", "FROM")],
                    &rows,
                )
            });
        }
    }
    Ok(Exit::Done)
}

/// The value at `section.name`.
fn at(values: &Value, path: &str) -> Value {
    path.split('.')
        .try_fold(values, |value, name| value.get(name))
        .cloned()
        .unwrap_or(Value::Null)
}
