//! `lgsp receipt`, `lgsp verify`, `lgsp ledger`: what is proved, and the log that proves it.

mod accept_clock;
mod fsck;
mod rotate;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use lgsp_base::id::DocumentId;
use lgsp_base::limits::RECEIPT_BYTES_MAX;
use lgsp_store::ledger::LedgerError;
use lgsp_wire::tlog::note::{Algorithm, Signer as _, VerifierKey};
use lgsp_wire::tlog::receipt::{self, Bundle, Check, Outcome, Report};
use serde_json::{Value, json};

use super::{Context, ProgressArgs, wait};
use crate::client::Api;
use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};
use crate::note_key;
use crate::output::Output;

/// Tries for a receipt whose entry is not sealed yet; sealing takes less than a second.
const RECEIPT_TRIES: u32 = 8;
/// Pause between them.
const RECEIPT_PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(super) struct ReceiptArgs {
    /// Id of the document, doc_…
    document: String,
    /// File to write the receipt into
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// File with the receipt (.lgsp-receipt)
    bundle: PathBuf,
    /// Public key of the ledger, from elsewhere than the receipt
    #[arg(long)]
    key: Option<String>,
    /// Print the receipt's cover page too
    #[arg(long)]
    cover: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Derive the whole ledger again and name the first place that is wrong
    #[command(alias = "kiem-tra")]
    Fsck(FsckArgs),
    /// Print the public key of the ledger
    #[command(alias = "khoa")]
    Key(KeyArgs),
    /// Replace the key of the ledger; earlier receipts stay valid
    #[command(alias = "thay-khoa")]
    RotateKey(RotateArgs),
    /// Say that the present clock is right although the newest checkpoint is from a later time
    #[command(alias = "nhan-gio")]
    AcceptClock(AcceptClockArgs),
}

#[derive(Debug, Args)]
pub(super) struct FsckArgs {
    /// Data folder
    #[arg(long)]
    data: PathBuf,
    /// Receipt or checkpoint from elsewhere to compare with; may be repeated
    #[arg(long)]
    against: Vec<PathBuf>,
    #[command(flatten)]
    progress: ProgressArgs,
}

#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// Data folder; without it the server is asked
    #[arg(long)]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Data folder
    #[arg(long)]
    data: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct AcceptClockArgs {
    /// Data folder
    #[arg(long)]
    data: PathBuf,
}

pub(super) fn run(context: &Context, command: LedgerCommand) -> Result<Exit, Failure> {
    match command {
        LedgerCommand::Fsck(args) => fsck::run(context, &args),
        LedgerCommand::Key(args) => key(context, args),
        LedgerCommand::RotateKey(args) => rotate::run(context, &args),
        LedgerCommand::AcceptClock(args) => accept_clock::run(context, &args),
    }
}

pub(super) async fn receipt(context: &Context, args: ReceiptArgs) -> Result<Exit, Failure> {
    if args.document.parse::<DocumentId>().is_err() {
        return Err(
            Failure::new(Exit::Usage, "cli.usage", "not the id of a document")
                .fix("lgsp receipt doc_… --out FILE"),
        );
    }
    let bytes = fetch(&context.api()?, &args.document).await?;
    let report = receipt::verify(&bytes, None);
    std::fs::write(&args.out, &bytes).map_err(|error| unusable(&args.out, &error))?;
    let output = context.output;
    let object = json!({
        "file": args.out,
        "bytes": bytes.len(),
        "valid": report.is_valid(),
        "document": report.facts.document,
        "receipt": report.facts.receipt,
        "leaf_index": report.facts.leaf_index,
    });
    output.data(&object, || {
        format!("{}\n{}\n", args.out.display(), report.text(output.lang))
    });
    output.note(&format!(
        "{}: lgsp verify {} --key {}",
        output.say("Kiểm tra", "Check it"),
        args.out.display(),
        output.say("KHÓA", "KEY"),
    ));
    Ok(verdict(&report))
}

/// Asks until the entry is sealed.
async fn fetch(api: &Api, document: &str) -> Result<Vec<u8>, Failure> {
    let path = format!("/api/v1/documents/{document}/receipt");
    let mut tries = 1;
    loop {
        match api.get(&path, &[]).await {
            Ok(answer) => return Ok(answer.body.to_vec()),
            Err(failure) if failure.code == "ledger.not_sealed_yet" && tries < RECEIPT_TRIES => {
                tries += 1;
                tokio::time::sleep(RECEIPT_PAUSE).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

pub(super) fn verify(context: &Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let key = args.key.as_deref().map(pinned).transpose()?;
    let bytes = read_bounded(&args.bundle)?;
    let report = receipt::verify_with(&bytes, key.as_ref(), context.planted);
    let output = context.output;
    let object = json!({
        "valid": report.is_valid(),
        "pinned": report.is_pinned(),
        "verdict": report.text(output.lang),
        "kind": report.facts.kind,
        "at": report.facts.at.map(|at| at.to_string()),
        "document": report.facts.document,
        "receipt": report.facts.receipt,
        "sha256": report.facts.sha256,
        "leaf_index": report.facts.leaf_index,
        "checks": report.checks.iter().map(|check| check_json(output, check)).collect::<Vec<_>>(),
    });
    output.data(&object, || {
        let mut text = format!("{}\n", report.text(output.lang));
        for check in &report.checks {
            let mark = match check.outcome {
                Outcome::Holds => "✔",
                Outcome::Absent => "–",
                Outcome::Fails(_) => "✘",
            };
            text.push_str(&format!("{mark} {}\n", check.text(output.lang)));
        }
        if let Some(bundle) = Bundle::decode(&bytes).ok().filter(|_| args.cover) {
            text.push_str(&format!("\n{}", receipt::cover(&bundle, output.lang)));
        }
        text
    });
    Ok(verdict(&report))
}

fn check_json(output: Output, check: &Check) -> Value {
    let (outcome, reason) = match check.outcome {
        Outcome::Holds => ("holds", None),
        Outcome::Absent => ("absent", None),
        Outcome::Fails(reason) => ("fails", Some(reason.code())),
    };
    json!({
        "name": check.name.code(),
        "outcome": outcome,
        "reason": reason,
        "about": check.about,
        "text": check.text(output.lang),
    })
}

fn verdict(report: &Report) -> Exit {
    if report.is_valid() {
        Exit::Done
    } else {
        Exit::Integrity
    }
}

fn pinned(text: &str) -> Result<VerifierKey, Failure> {
    let failed = |reason: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, "cli.key", format!("--key: {reason}")).fix("lgsp ledger key")
    };
    let key: VerifierKey = text.trim().parse().map_err(|error| failed(&error))?;
    match key.algorithm() {
        Algorithm::Ed25519 => Ok(key),
        Algorithm::CosignatureV1 => Err(failed(&"the key of a witness, not of a ledger")),
    }
}

/// The whole file, or a byte more than any receipt has, which the judgement refuses.
fn read_bounded(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| {
            file.take(RECEIPT_BYTES_MAX as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| unusable(path, &error))?;
    Ok(bytes)
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let exit = match error.kind() {
        std::io::ErrorKind::NotFound => Exit::NotFound,
        std::io::ErrorKind::PermissionDenied => Exit::Denied,
        _ => Exit::Failed,
    };
    Failure::new(exit, "cli.file", format!("{}: {error}", path.display()))
}

fn key(context: &Context, args: KeyArgs) -> Result<Exit, Failure> {
    let output = context.output;
    let keys: Vec<String> = match args.data {
        Some(data) => {
            let folder = DataFolder::new(data);
            let signer = note_key::open(&folder.ledger_key(), Algorithm::Ed25519)
                .map_err(|error| folder_failure(context, error.into()))?;
            vec![signer.key().to_string()]
        }
        None => {
            let api = context.api()?;
            let answer = tokio_wait(async { api.get("/ledger/keys", &[]).await })?;
            let text = String::from_utf8_lossy(&answer).into_owned();
            text.lines().map(str::to_owned).collect()
        }
    };
    let newest = keys.last().cloned().unwrap_or_default();
    let object = json!({"key": newest, "keys": keys});
    output.data(&object, || format!("{newest}\n"));
    Ok(Exit::Done)
}

/// The body of an answer, for a command that is not asynchronous otherwise.
fn tokio_wait(
    ask: impl Future<Output = Result<crate::client::Answer, Failure>>,
) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    wait(async {
        body = ask.await?.body.to_vec();
        Ok(Exit::Done)
    })?;
    Ok(body)
}

/// Why a data folder cannot be used, as when it is served.
fn folder_failure(context: &Context, error: anyhow::Error) -> Failure {
    match error.downcast_ref::<LedgerError>() {
        Some(LedgerError::ForeignKey { .. } | LedgerError::Damaged(_)) => {
            Failure::new(Exit::Integrity, "ledger.key", format!("{error:#}"))
                .fix("lgsp ledger rotate-key --data DIR")
        }
        _ => super::serve::start_failure(&error, context.lang()),
    }
}
