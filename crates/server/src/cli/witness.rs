//! `lgsp witness`: cosigns the checkpoints of logs, on another machine than theirs.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use lgsp_wire::tlog::note::{Algorithm, VerifierKey};
use serde_json::json;

use super::Context;
use super::serve::{Signals, runtime, start_failure};
use crate::config::LogConfig;
use crate::exit::{Exit, Failure};
use crate::witness::{NotaryError, WitnessOptions, start};

#[derive(Debug, Args)]
pub(super) struct WitnessArgs {
    /// Folder of the witness, made on the first start
    #[arg(long)]
    data: PathBuf,
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Public key of a log to watch, as `lgsp ledger key` prints it; may be repeated
    #[arg(long)]
    log: Vec<String>,
    /// Name of the key on the first start, such as witness.example.vn
    #[arg(long)]
    name: Option<String>,
}

pub(super) fn run(context: &Context, args: WitnessArgs) -> Result<Exit, Failure> {
    let logs = args
        .log
        .iter()
        .map(|text| log_key(text))
        .collect::<Result<Vec<_>, _>>()?;
    let log = crate::logging::start(&LogConfig::default());
    let options = WitnessOptions {
        data: args.data,
        listen: args.listen,
        name: args.name,
        logs,
        lang: context.lang(),
    };
    let exit = runtime()?.block_on(serve(context, options));
    drop(log);
    exit
}

fn log_key(text: &str) -> Result<VerifierKey, Failure> {
    let failed = |reason: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, "cli.key", format!("--log {text}: {reason}"))
            .fix("lgsp ledger key --data DIR")
    };
    let key: VerifierKey = text.parse().map_err(|error| failed(&error))?;
    match key.algorithm() {
        Algorithm::Ed25519 => Ok(key),
        Algorithm::CosignatureV1 => Err(failed(&"the key of a witness, not of a log")),
    }
}

async fn serve(context: &Context, options: WitnessOptions) -> Result<Exit, Failure> {
    let mut signals =
        Signals::new().map_err(|error| Failure::new(Exit::Failed, "cli.signals", error))?;
    let logs: Vec<String> = options
        .logs
        .iter()
        .map(|key| key.name().to_owned())
        .collect();
    let running =
        start(options)
            .await
            .map_err(|error| match error.downcast_ref::<NotaryError>() {
                Some(damaged) => Failure::new(Exit::Integrity, "witness.record", damaged),
                None => start_failure(&error, context.lang()),
            })?;
    let output = context.output;
    let url = format!("http://{}", running.addr());
    let object = json!({"key": running.key().to_string(), "url": url, "logs": logs});
    output.data(&object, || format!("{}\n", running.key()));
    output.note(&format!("lgsp witness listening on {url}"));
    output.note(&format!(
        "{}: [ledger] witnesses = [\"{} {url}\"]",
        output.say("Khai báo ở nền tảng", "For the platform's settings"),
        running.key()
    ));
    if logs.is_empty() {
        output.note(output.say(
            "Chưa theo dõi sổ nhật ký nào: thêm --log KHÓA.",
            "No log is watched yet: add --log KEY.",
        ));
    }
    let exit = signals.next().await;
    running.stop().await;
    Ok(match exit {
        Exit::Interrupted => Exit::Interrupted,
        _ => Exit::Done,
    })
}
