//! The command line: `lgsp <noun> <verb>`, with Vietnamese aliases (ux.md §4.1).
//!
//! This file is the grammar; each group of commands is a file beside it. Texts in Vietnamese stand in `texts`.

mod config;
mod doctor;
mod document;
mod dossier;
mod explain;
mod init;
mod ledger;
mod organisation;
mod serve;
mod sim;
mod system;
mod texts;
mod witness;

use std::ffi::OsString;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use lgsp_base::planted::Planted;
use lgsp_base::{Lang, Secret};

use crate::client::{Api, Target};
use crate::exit::{Exit, Failure};
use crate::output::{Format, Output, ProgressStyle};

/// Run and use a platform that exchanges official documents
#[derive(Debug, Parser)]
#[command(
    name = "lgsp",
    version,
    disable_help_subcommand = true,
    propagate_version = false
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
struct Common {
    /// Choose the language of texts
    #[arg(
        long,
        global = true,
        value_enum,
        env = "LGSP_LANG",
        default_value = "vi"
    )]
    lang: Language,
    /// Choose the form of standard output
    #[arg(short = 'o', long, global = true, value_enum, default_value = "table")]
    output: Format,
    /// Address of the server
    #[arg(
        long,
        global = true,
        env = "LGSP_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    server: String,
    /// API token
    #[arg(
        long,
        global = true,
        env = "LGSP_TOKEN",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    token: String,
    /// Trust the certificates of this PEM file
    #[arg(long, global = true)]
    ca: Option<PathBuf>,
    /// Wait this many seconds for an answer
    #[arg(long, global = true, default_value_t = 300)]
    timeout: u64,
}

/// The language of texts.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    /// Vietnamese
    Vi,
    /// English
    En,
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Vi => Lang::Vi,
            Language::En => Lang::En,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a living province with simulated agencies
    #[command(alias = "minh-hoa")]
    Demo(DemoArgs),
    /// Create the data folder of an installation
    #[command(alias = "khoi-tao")]
    Init(init::InitArgs),
    /// Run the platform
    #[command(alias = "chay")]
    Serve(serve::ServeArgs),
    /// Look after organisations
    #[command(subcommand, alias = "don-vi")]
    Org(organisation::OrgCommand),
    /// Look after connected systems
    #[command(subcommand, alias = "he-thong")]
    System(system::SystemCommand),
    /// Exchange documents
    #[command(subcommand, alias = "van-ban")]
    Doc(document::DocCommand),
    /// Exchange dossiers of the one-stop shop
    #[command(subcommand, alias = "ho-so")]
    Dossier(dossier::DossierCommand),
    /// Send a document
    #[command(alias = "gui")]
    Send(document::SendArgs),
    /// List what waits for this system
    #[command(alias = "hop-thu")]
    Inbox(document::InboxArgs),
    /// Follow a document to its recipients
    #[command(alias = "truy-vet")]
    Trace(document::TraceArgs),
    /// Break and restore agencies of a running demonstration
    #[command(subcommand, alias = "mo-phong")]
    Sim(sim::SimCommand),
    /// Check an installation and say what to do
    #[command(alias = "kiem-tra")]
    Doctor(doctor::DoctorArgs),
    /// Explain the code of a problem
    #[command(alias = "giai-thich")]
    Explain(explain::ExplainArgs),
    /// Fetch the receipt of a document
    #[command(alias = "bien-nhan")]
    Receipt(ledger::ReceiptArgs),
    /// Check a receipt, offline and with public keys alone
    #[command(alias = "xac-minh")]
    Verify(ledger::VerifyArgs),
    /// Look after the ledger
    #[command(subcommand, alias = "nhat-ky")]
    Ledger(ledger::LedgerCommand),
    /// Cosign the checkpoints of logs as an independent witness
    #[command(alias = "chung-kien")]
    Witness(witness::WitnessArgs),
    /// Look at the settings
    #[command(subcommand, alias = "cau-hinh")]
    Config(config::ConfigCommand),
    /// Print the version
    #[command(alias = "phien-ban")]
    Version,
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Folder of the demonstration
    #[arg(long, default_value = "./lgsp-demo")]
    data: PathBuf,
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Run the scenario once, check it and end
    #[arg(long)]
    once: bool,
}

/// Flags of commands that show progress.
#[derive(Debug, Clone, Copy, Args)]
struct ProgressArgs {
    /// Choose how progress is shown
    #[arg(long, value_enum, default_value = "auto")]
    progress: ProgressStyle,
}

/// What a command works with.
#[derive(Debug, Clone)]
struct Context {
    common: Common,
    output: Output,
    planted: Planted,
}

impl Context {
    fn lang(&self) -> Lang {
        self.output.lang
    }

    /// A client of the server that the flags name.
    fn api(&self) -> Result<Api, Failure> {
        Api::new(self.target())
    }

    fn target(&self) -> Target {
        let token = &self.common.token;
        Target {
            server: self.common.server.clone(),
            token: (!token.is_empty()).then(|| Secret::new(token.clone())),
            ca: self.common.ca.clone(),
            timeout: Duration::from_secs(self.common.timeout.clamp(1, 86_400)),
            lang: self.lang(),
        }
    }
}

/// Runs a command line and gives its exit code.
pub(crate) fn run(args: impl Iterator<Item = OsString>, planted: Planted) -> Exit {
    let args: Vec<OsString> = args.collect();
    let lang = early_lang(&args);
    let parsed = texts::translate(Cli::command(), lang)
        .try_get_matches_from(&args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &args, lang),
    };
    let output = Output {
        format: cli.common.output,
        lang: cli.common.lang.into(),
    };
    let context = Context {
        common: cli.common,
        output,
        planted,
    };
    match dispatch(&context, cli.command) {
        Ok(exit) => exit,
        Err(failure) => output.failure(&failure),
    }
}

fn dispatch(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo(context, args),
        Command::Init(args) => init::run(context, args),
        Command::Serve(args) => serve::run(context, args),
        Command::Org(command) => wait(organisation::run(context, command)),
        Command::System(command) => wait(system::run(context, command)),
        Command::Doc(command) => wait(document::run(context, command)),
        Command::Dossier(command) => wait(dossier::run(context, command)),
        Command::Send(args) => wait(document::send(context, args)),
        Command::Inbox(args) => wait(document::inbox(context, args)),
        Command::Trace(args) => wait(document::trace(context, args)),
        Command::Sim(command) => wait(sim::run(context, command)),
        Command::Doctor(args) => doctor::run(context, &args),
        Command::Explain(args) => explain::run(context, &args),
        Command::Receipt(args) => wait(ledger::receipt(context, args)),
        Command::Verify(args) => ledger::verify(context, &args),
        Command::Ledger(command) => ledger::run(context, command),
        Command::Witness(args) => witness::run(context, args),
        Command::Config(command) => config::run(context, command),
        Command::Version => {
            let version = env!("CARGO_PKG_VERSION");
            let object = serde_json::json!({"version": version});
            context.output.data(&object, || format!("lgsp {version}"));
            Ok(Exit::Done)
        }
    }
}

fn demo(context: &Context, args: DemoArgs) -> Result<Exit, Failure> {
    let _log = crate::logging::start(&crate::config::LogConfig {
        level: "warn".to_owned(),
        ..Default::default()
    });
    let options = crate::demo::DemoOptions {
        data: args.data,
        listen: args.listen,
        once: args.once,
        json: context.output.is_json(),
        lang: context.lang(),
    };
    let report = serve::runtime()?
        .block_on(crate::demo::run(options))
        .map_err(|error| Failure::new(Exit::Failed, "demo.failed", format!("{error:#}")))?;
    Ok(if report.is_ok() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Runs the asynchronous part of a command that speaks to a server.
fn wait(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "cli.runtime", error))?
        .block_on(work)
}

/// The language, before the grammar is known: help texts need it.
fn early_lang(args: &[OsString]) -> Lang {
    let mut words = args.iter().filter_map(|word| word.to_str());
    let mut named = None;
    while let Some(word) = words.next() {
        if word == "--lang" {
            named = words.next().map(ToOwned::to_owned);
        } else if let Some(value) = word.strip_prefix("--lang=") {
            named = Some(value.to_owned());
        }
    }
    match named.or_else(|| std::env::var("LGSP_LANG").ok()).as_deref() {
        Some("en") => Lang::En,
        _ => Lang::Vi,
    }
}

/// Help and version are answers; everything else is a wrong command line.
fn usage(error: &clap::Error, args: &[OsString], lang: Lang) -> Exit {
    if !error.use_stderr() {
        drop(error.print());
        return Exit::Done;
    }
    let is_json = args
        .windows(2)
        .any(|pair| matches!(pair, [flag, value] if (flag == "-o" || flag == "--output") && value == "json"))
        || args.iter().any(|word| word == "-ojson" || word == "--output=json");
    if is_json {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let output = Output {
            format: Format::Json,
            lang,
        };
        return output.failure(&Failure::new(
            Exit::Usage,
            "cli.usage",
            first.trim_start_matches("error: "),
        ));
    }
    drop(error.print());
    Exit::Usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
        texts::translate(Cli::command(), Lang::Vi).debug_assert();
    }

    #[test]
    fn nouns_have_vietnamese_names() {
        for line in [
            "lgsp don-vi tra-cuu H99",
            "lgsp he-thong danh-sach",
            "lgsp van-ban gui a.pdf --tu H99.1 --den H99.2",
            "lgsp --lang en gui a.pdf --from H99.1 --to H99.2 --to H99.3",
            "lgsp org import a.csv --effective 2025-07-01 --dry-run --server http://a -o json",
            "lgsp mo-phong hong H99.08",
            "lgsp sim slow syt --seconds 5 --url http://127.0.0.1:1 --token t",
            "lgsp sim status --data d -o json",
            "lgsp ho-so gui a.json --agency H99.131 --den H99.14 --mode create",
            "lgsp dossier route add H99.14 --procedure 2.000488",
            "lgsp dossier rotate-key --data d --prune",
            "lgsp serve --data d --listen 127.0.0.1:0 --database postgres://a --allow-outbound a:1 --allow-outbound b:2",
        ] {
            Cli::try_parse_from(line.split(' ')).expect(line);
        }
        assert!(Cli::try_parse_from(["lgsp", "org", "fly"]).is_err());
    }

    #[test]
    fn help_is_in_the_language() {
        let help = |lang| {
            texts::translate(Cli::command(), lang)
                .render_long_help()
                .to_string()
        };
        assert!(help(Lang::Vi).contains("Gửi văn bản"));
        assert!(help(Lang::En).contains("Send a document"));
        assert_eq!(early_lang(&["lgsp".into(), "--lang=en".into()]), Lang::En);
    }
}
