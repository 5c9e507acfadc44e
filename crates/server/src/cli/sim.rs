//! `lgsp sim`: break, slow down and restore agencies of a running demonstration.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use lgsp_base::{Lang, Secret, vi};
use lgsp_sim::How;
use serde_json::{Value, json};

use super::Context;
use crate::client::{Api, Payload, Target, encode};
use crate::demo::folder;
use crate::exit::{Exit, Failure, plain};
use crate::output::{Output, table};

#[derive(Debug, Subcommand)]
pub(super) enum SimCommand {
    /// Break an agency, which then neither sends nor receives, or a national platform in the way that --how names
    #[command(alias = "hong")]
    Fail(FailArgs),
    /// Let an agency answer late
    #[command(alias = "cham")]
    Slow(SlowArgs),
    /// Let an agency work as usual again
    #[command(alias = "khoi-phuc")]
    Restore(AgencyArgs),
    /// List the simulated agencies and how they are
    #[command(alias = "trang-thai")]
    Status(HostArgs),
}

/// Where the simulation runs.
#[derive(Debug, Args)]
pub(super) struct HostArgs {
    /// Folder of the demonstration
    #[arg(long, default_value = "./lgsp-demo")]
    data: PathBuf,
    /// Address of the control listener instead of a folder; its token is --token
    #[arg(long)]
    url: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct AgencyArgs {
    /// Code, abbreviation or a part of the name
    org: String,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, Args)]
pub(super) struct FailArgs {
    /// Code, abbreviation or a part of the name
    org: String,
    /// How it fails; agencies can only be down
    #[arg(long, default_value = How::Down.name(), value_parser = PossibleValuesParser::new(How::ALL.map(How::name)))]
    how: String,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, Args)]
pub(super) struct SlowArgs {
    /// Code, abbreviation or a part of the name
    org: String,
    /// Seconds that each piece of work waits
    #[arg(long, default_value_t = lgsp_sim::control::SLOW_SECONDS_DEFAULT)]
    seconds: u64,
    #[command(flatten)]
    host: HostArgs,
}

pub(super) async fn run(context: &Context, command: SimCommand) -> Result<Exit, Failure> {
    match command {
        SimCommand::Fail(args) => {
            let wish = Payload::Json(json!({"how": args.how}));
            change(context, &args.host, &args.org, "fail", wish).await
        }
        SimCommand::Restore(args) => {
            change(context, &args.host, &args.org, "restore", Payload::Empty).await
        }
        SimCommand::Slow(args) => {
            let wish = Payload::Json(json!({"seconds": args.seconds}));
            change(context, &args.host, &args.org, "slow", wish).await
        }
        SimCommand::Status(host) => {
            let list = api(context, &host)?.get("/sim/agencies", &[]).await?.json();
            context.output.data(&list, || {
                let agencies = list.get("agencies").cloned().unwrap_or_default();
                states(context.output, &agencies)
            });
            Ok(Exit::Done)
        }
    }
}

async fn change(
    context: &Context,
    host: &HostArgs,
    org: &str,
    deed: &str,
    payload: Payload,
) -> Result<Exit, Failure> {
    let path = format!("/sim/agencies/{}/{deed}", encode(org));
    let state = api(context, host)?.post(&path, &[], payload).await?.json();
    context
        .output
        .data(&state, || states(context.output, &json!([state])));
    Ok(Exit::Done)
}

/// A client of the control listener that the flags name.
fn api(context: &Context, host: &HostArgs) -> Result<Api, Failure> {
    let target = context.target();
    if let Some(url) = &host.url {
        return Api::new(Target {
            server: url.clone(),
            ..target
        });
    }
    let output = context.output;
    let none = || {
        let detail = format!(
            "{}: {}",
            host.data.display(),
            output.say(
                "không có bản minh họa nào đang chạy ở đây",
                "no demonstration runs here"
            )
        );
        Failure::new(Exit::Unreachable, "sim.not_running", detail).fix("lgsp demo")
    };
    let file = folder::read(&host.data)
        .map_err(|error| Failure::new(Exit::Invalid, "sim.folder", format!("{error:#}")))?
        .ok_or_else(none)?;
    let token = file.sim_token.as_ref().ok_or_else(none)?;
    Api::new(Target {
        server: file.sim_url.clone(),
        token: Some(Secret::new(token.expose().to_owned())),
        ..target
    })
}

fn states(output: Output, agencies: &Value) -> String {
    let lang = output.lang;
    let rows = agencies.as_array().into_iter().flatten().map(|agency| {
        let part = |name: &str| agency.get(name).map(plain).unwrap_or_default();
        let seconds = agency.get("slow_seconds").and_then(Value::as_u64);
        let wait = std::time::Duration::from_secs(seconds.unwrap_or(0));
        let state = match (part("state").as_str(), lang) {
            ("down", Lang::Vi) => "■ Mất kết nối".to_owned(),
            ("down", Lang::En) => "■ Down".to_owned(),
            ("slow", Lang::Vi) => format!("▲ Chậm {}", vi::duration(wait, lang)),
            ("slow", Lang::En) => format!("▲ Slow by {}", vi::duration(wait, lang)),
            ("ok", Lang::Vi) => "● Bình thường".to_owned(),
            ("ok", Lang::En) => "● Normal".to_owned(),
            (how, Lang::Vi) => format!("■ Hỏng: {how}"),
            (how, Lang::En) => format!("■ Fails: {how}"),
        };
        let receives = match (part("receives").as_str(), lang) {
            ("push", Lang::Vi) => "webhook",
            ("push", Lang::En) => "webhook",
            ("call", Lang::Vi) => "giao thức riêng",
            ("call", Lang::En) => "own protocol",
            (_, Lang::Vi) => "hộp thư",
            (_, Lang::En) => "inbox",
        };
        vec![part("code"), state, receives.to_owned(), part("name")]
    });
    let heading = match lang {
        Lang::Vi => ["MÃ", "TÌNH TRẠNG", "NHẬN QUA", "TÊN"],
        Lang::En => ["CODE", "STATE", "RECEIVES BY", "NAME"],
    };
    table(&heading, &rows.collect::<Vec<_>>())
}
