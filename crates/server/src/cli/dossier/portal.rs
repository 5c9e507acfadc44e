//! `lgsp dossier reconcile`, `lgsp dossier sync`: the national portals on command.

use clap::Args;
use serde_json::json;

use crate::cli::Context;
use crate::client::{Payload, encode};
use crate::exit::{Exit, Failure, plain};

#[derive(Debug, Args)]
pub(in crate::cli) struct ReconcileArgs {
    /// Code of the portal's organisation
    portal: String,
    /// Day to compare, yyyy-MM-dd; yesterday by default
    #[arg(long)]
    day: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SyncArgs {
    /// Code of the portal's organisation
    portal: String,
}

/// Compares; exit code 7 if the portal did not answer.
pub(super) async fn reconcile(context: &Context, args: &ReconcileArgs) -> Result<Exit, Failure> {
    let path = format!("/api/v1/portals/{}/reconciliations", encode(&args.portal));
    let body = Payload::Json(json!({"day": args.day}));
    let done = context.api()?.post(&path, &[], body).await?.json();
    show(context, &done);
    Ok(match done.get("state").and_then(|state| state.as_str()) {
        Some("failed") => Exit::Unreachable,
        _ => Exit::Done,
    })
}

/// Fetches; exit code 9 if a service failed.
pub(super) async fn synchronise(context: &Context, args: &SyncArgs) -> Result<Exit, Failure> {
    let path = format!("/api/v1/portals/{}/synchronisations", encode(&args.portal));
    let done = context
        .api()?
        .post(&path, &[], Payload::Empty)
        .await?
        .json();
    show(context, &done);
    let failed = done.get("failed").and_then(|failed| failed.as_array());
    Ok(match failed {
        Some(failed) if !failed.is_empty() => Exit::Partial,
        _ => Exit::Done,
    })
}

fn show(context: &Context, done: &serde_json::Value) {
    context.output.data(done, || {
        done.as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("{name:<16}{}\n", plain(value)))
            .collect()
    });
}
