//! `lgsp serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use lgsp_base::{Lang, Problem};
use lgsp_store::{OpenError, StoreError};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Context;
use crate::config::{ConfigError, DatabaseUrl};
use crate::data_folder::{DataFolder, FolderError};
use crate::exit::{Exit, Failure};
use crate::serve::{ServeOptions, start};

/// Stack of a thread of the runtime: parsing is bounded in depth, so this is plenty.
const THREAD_STACK_BYTES: usize = 2 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Data folder
    #[arg(long)]
    data: PathBuf,
    /// Address and port to listen on
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Address and port of the operator's pages (/metrics)
    #[arg(long)]
    admin_listen: Option<SocketAddr>,
    /// Use PostgreSQL at this address instead of SQLite
    #[arg(long)]
    database: Option<String>,
    /// Allow calls to this HOST:PORT; may be repeated
    #[arg(long)]
    allow_outbound: Vec<String>,
}

/// The runtime of a node: a worker thread per core.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("lgsp")
        .thread_stack_size(THREAD_STACK_BYTES)
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "cli.runtime", error))
}

pub(super) fn run(context: &Context, args: ServeArgs) -> Result<Exit, Failure> {
    let loaded = super::config::load(&DataFolder::new(&args.data))?;
    let mut config = loaded.config;
    if let Some(listen) = args.listen {
        config.listen = listen.to_string();
    }
    if let Some(listen) = args.admin_listen {
        config.admin_listen = listen.to_string();
    }
    if let Some(url) = args.database {
        config.database.url = DatabaseUrl::new(url);
    }
    config.outbound.allow.extend(args.allow_outbound);
    config
        .check()
        .map_err(|error| super::config::failure(&error))?;

    let log = crate::logging::start(&config.log);
    let options = ServeOptions {
        planted: context.planted,
        log_dropped: log.dropped(),
        ..ServeOptions::new(args.data, config)
    };
    let exit = runtime()?.block_on(serve(context, options));
    drop(log);
    exit
}

async fn serve(context: &Context, options: ServeOptions) -> Result<Exit, Failure> {
    // Handlers first: a signal during the start must not leave half a start behind.
    let mut signals =
        Signals::new().map_err(|error| Failure::new(Exit::Failed, "cli.signals", error))?;
    let running = tokio::select! {
        running = start(options) => {
            running.map_err(|error| start_failure(&error, context.lang()))?
        }
        exit = signals.next() => return Ok(exit),
    };
    let (url, output) = (running.url(), context.output);
    let ready_ms = u64::try_from(running.ready_in().as_millis()).unwrap_or(u64::MAX);
    output.note(&format!(
        "lgsp {} listening on {url}",
        env!("CARGO_PKG_VERSION")
    ));
    let admin = running
        .admin_addr()
        .map(|address| format!("http://{address}"));
    if let Some(admin) = &admin {
        output.note(&format!("lgsp admin pages on {admin}"));
    }
    if output.is_json() {
        let object = json!({"url": url, "admin_url": admin, "ready_ms": ready_ms});
        output.data(&object, String::new);
    }
    tracing::info!(%url, ready_ms, "ready");
    let exit = signals.next().await;
    tracing::info!("stopping: open requests are finished");
    running
        .stop_unless(async {
            signals.next().await;
        })
        .await;
    tracing::info!("stopped");
    // A node that was told to end and did so has done what it was asked.
    Ok(match exit {
        Exit::Interrupted => Exit::Interrupted,
        _ => Exit::Done,
    })
}

/// The signals that end a node.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one: SIGTERM is a clean end, Ctrl-C an interruption. SIGHUP ends nothing.
    pub(super) async fn next(&mut self) -> Exit {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Exit::Done,
                _ = self.interrupt.recv() => return Exit::Interrupted,
                _ = self.hang_up.recv() => {
                    tracing::warn!("SIGHUP: settings are read at the start; restart to apply them");
                }
            }
        }
    }
}

/// Why an installation cannot be made or started: one line, an exit code, a remedy.
pub(super) fn start_failure(error: &anyhow::Error, lang: Lang) -> Failure {
    let text = format!("{error:#}");
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return Failure::of_problem(problem, lang);
    }
    if let Some(wrong) = error.downcast_ref::<ConfigError>() {
        return super::config::failure(wrong);
    }
    if let Some(folder) = error.downcast_ref::<FolderError>() {
        let (exit, code, fix) = match folder {
            FolderError::Missing(_) => (Exit::NotFound, "data.missing", "lgsp init --data DIR …"),
            FolderError::Lost(_) => (Exit::Integrity, "data.lost", "lgsp doctor --data DIR"),
            FolderError::Exists(_) => (Exit::Conflict, "data.exists", "lgsp init --data NEW-DIR …"),
            FolderError::Busy(_) => (Exit::Conflict, "data.busy", "lgsp doctor --data DIR"),
            FolderError::Unsafe { .. } => (Exit::Denied, "data.unsafe", "chmod, chown"),
            FolderError::Io(..) => (Exit::Failed, "data.unusable", "lgsp doctor --data DIR"),
        };
        // It names its cause itself, which the whole chain would repeat.
        return Failure::new(exit, code, folder).fix(fix);
    }
    if let Some(open) = error.downcast_ref::<OpenError>() {
        let (exit, code) = match open {
            OpenError::UnknownSchema { .. } => (Exit::Conflict, "storage.schema"),
            OpenError::UnsafeSetting { .. } | OpenError::Url(_) => {
                (Exit::Invalid, "storage.setting")
            }
            OpenError::OldSqlite { .. } => (Exit::Failed, "storage.version"),
            OpenError::Database(StoreError::Corrupt { .. }) => (Exit::Integrity, "storage.corrupt"),
            OpenError::Database(StoreError::Unavailable(_)) => {
                (Exit::Unreachable, "storage.unavailable")
            }
            OpenError::Io(_) | OpenError::Database(_) => (Exit::Failed, "storage.unusable"),
        };
        return Failure::new(exit, code, text).fix("lgsp doctor --data DIR");
    }
    if let Some(io) = error.downcast_ref::<std::io::Error>()
        && io.kind() == std::io::ErrorKind::AddrInUse
    {
        return Failure::new(Exit::Conflict, "listen.taken", text).fix("--listen ADDR:PORT");
    }
    let is_damaged = error.chain().any(|cause| {
        matches!(
            cause.downcast_ref::<StoreError>(),
            Some(StoreError::Corrupt { .. })
        )
    });
    let (exit, code) = if is_damaged {
        (Exit::Integrity, "storage.corrupt")
    } else {
        (Exit::Failed, "start.failed")
    };
    Failure::new(exit, code, text).fix("lgsp doctor --data DIR")
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_failed_start_says_its_cause_once_and_damage_is_no_other_failure() {
        let missing = FolderError::Io("keys/vault.key".into(), std::io::ErrorKind::NotFound.into());
        let failure = start_failure(&missing.into(), Lang::En);
        assert_eq!(
            (failure.exit, failure.code.as_str()),
            (Exit::Failed, "data.unusable")
        );
        assert_eq!(failure.message, "keys/vault.key: entity not found");

        let damaged = Err::<(), _>(StoreError::corrupt("a page"))
            .context("the directory cannot be loaded")
            .expect_err("damaged");
        let failure = start_failure(&damaged, Lang::En);
        assert_eq!(
            (failure.exit, failure.code.as_str()),
            (Exit::Integrity, "storage.corrupt")
        );
    }
}
