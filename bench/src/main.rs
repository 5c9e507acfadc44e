//! `bench/documents`: documents accepted durably, delivered and acknowledged, beside RabbitMQ in one interleaved run.
//!
//! See `bench/README.md` for what is measured and how to read it.

mod amqp;
mod axis;
mod extras;
mod http;
mod lgsp;
mod load;
mod measure;
mod plain;
mod process;
mod rabbitmq;
mod report;
mod sealing;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::axis::Axis;
use crate::lgsp::{Folder, Lgsp};
use crate::load::{Load, Sample, Target};
use crate::plain::Plain;
use crate::rabbitmq::RabbitMq;
use crate::report::{Report, Row, note};

/// Rounds of each target and size; the table shows medians.
const ROUNDS: u64 = 3;
/// Recipients that the systems are set up for; no load has more.
const RECIPIENTS: usize = 4;

const SMALL: Load = Load {
    size: "2 KiB",
    bytes: 2 * 1024,
    documents: 40_960,
    connections: 64,
    recipients: 4,
    batch: 64,
};
const LARGE: Load = Load {
    size: "1 MiB",
    bytes: 1024 * 1024,
    documents: 1_024,
    connections: 8,
    recipients: 2,
    batch: 8,
};

#[derive(Debug)]
struct Options {
    as_json: bool,
    is_full: bool,
    has_peer: bool,
    has_ours: bool,
    /// The small documents through the plain door and nothing else: a look while working on it.
    is_plain_only: bool,
    /// The cost of the sealed log instead: `bench/sealing`.
    is_sealing: bool,
    /// Divides the number of documents: 1 for the real run, more for a quick look.
    shrink: usize,
    binary: PathBuf,
    dir: PathBuf,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            as_json: false,
            is_full: false,
            has_peer: true,
            has_ours: true,
            is_plain_only: false,
            is_sealing: false,
            shrink: 1,
            binary: PathBuf::from("target/release/lgsp"),
            dir: std::env::temp_dir().join(format!("lgsp-bench-{}", std::process::id())),
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().context("an option lacks its value");
            match argument.as_str() {
                "--json" => options.as_json = true,
                "--full" => options.is_full = true,
                "--sealing" => options.is_sealing = true,
                "--quick" => options.shrink = 8,
                "--only" => match value()?.as_str() {
                    "lgsp" => options.has_peer = false,
                    "plain" => (options.has_peer, options.is_plain_only) = (false, true),
                    "rabbitmq" => options.has_ours = false,
                    other => bail!("--only {other}: lgsp, plain or rabbitmq"),
                },
                "--binary" => options.binary = value()?.into(),
                "--dir" => options.dir = value()?.into(),
                other => bail!("unknown option {other}; see bench/README.md"),
            }
        }
        Ok(options)
    }

    fn load(&self, load: Load) -> Load {
        Load {
            documents: load.documents / self.shrink,
            ..load
        }
    }
}

fn main() -> ExitCode {
    let result = Options::parse(std::env::args().skip(1)).and_then(|options| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        // An interrupted run drops, and with that ends, what it has started.
        let outcome = runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                outcome = run(&options) => outcome,
                _ = terminate.recv() => bail!("terminated"),
                _ = tokio::signal::ctrl_c() => bail!("interrupted"),
            }
        });
        if let Err(error) = std::fs::remove_dir_all(&options.dir) {
            note(&format!(
                "{} is left behind: {error}",
                options.dir.display()
            ));
        }
        outcome?.print(options.as_json)?;
        Ok(())
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Our server with everything that calls it.
#[derive(Debug)]
struct Ours {
    folder: Folder,
    server: Arc<Lgsp>,
    plain: Arc<Plain>,
    axis: Arc<Axis>,
}

impl Ours {
    /// Starts the server on a fresh folder and adds organisations and systems; the row tells of start and idling.
    async fn start(options: &Options) -> Result<(Self, Row)> {
        note("starting lgsp");
        let folder = Folder::init(&options.binary, &options.dir.join("lgsp")).await?;
        let server = Arc::new(folder.serve().await?);
        let row = extras::start_row(&server).await;
        let mut organisations = Plain::organisations(RECIPIENTS);
        organisations.extend(Axis::organisations(RECIPIENTS));
        folder.import(&organisations).await?;
        let plain = Plain::set_up(&folder, Arc::clone(&server), RECIPIENTS).await?;
        let axis = Axis::set_up(&folder, Arc::clone(&server), RECIPIENTS).await?;
        let ours = Self {
            folder,
            server,
            plain: Arc::new(plain),
            axis: Arc::new(axis),
        };
        Ok((ours, row))
    }

    /// The rows that need the server alone; ends it.
    async fn finish(self, is_full: bool) -> Result<Vec<Row>> {
        let Self {
            folder,
            server,
            plain,
            axis,
        } = self;
        drop(axis);
        note("sending an attachment of 1 GiB");
        let mut rows = vec![extras::large_attachment_row(&plain).await?];
        let plain = Arc::into_inner(plain).context("somebody still uses the plain door")?;
        let server = if is_full {
            let (row, server) = extras::restart_row(&folder, plain, server).await?;
            rows.push(row);
            server
        } else {
            drop(plain);
            Arc::into_inner(server).context("somebody still uses the server")?
        };
        server.stop().await?;
        Ok(rows)
    }
}

async fn run(options: &Options) -> Result<Report> {
    std::fs::create_dir_all(&options.dir)?;
    if options.is_sealing {
        return sealing::run(options, options.load(SMALL)).await;
    }
    let mut rows = Vec::new();
    let mut targets = Vec::new();
    let mut peer = None;
    if options.has_peer {
        note(&format!("starting RabbitMQ {}", RabbitMq::version().await));
        let broker = Arc::new(RabbitMq::start(&options.dir.join("rabbitmq")).await?);
        targets.push(Target::RabbitMq(Arc::clone(&broker)));
        peer = Some(broker);
    }
    let mut ours = None;
    if options.has_ours {
        let (server, row) = Ours::start(options).await?;
        rows.push(row);
        targets.push(Target::Plain(Arc::clone(&server.plain)));
        if !options.is_plain_only {
            targets.push(Target::Axis(Arc::clone(&server.axis)));
        }
        ours = Some(server);
    }
    let (measured, documents_2k_vs_rabbitmq) = interleaved(&targets, options.load(SMALL)).await?;
    rows.extend(measured);
    let mut documents_1m_vs_rabbitmq = None;
    if !options.is_plain_only {
        let (measured, ratio) = interleaved(&targets, options.load(LARGE)).await?;
        rows.extend(measured);
        documents_1m_vs_rabbitmq = ratio;
    }
    drop(targets);
    if let Some(peer) = peer {
        let peer = Arc::into_inner(peer).context("somebody still uses the broker")?;
        peer.stop().await?;
    }
    if let Some(ours) = ours.filter(|_| !options.is_plain_only) {
        rows.extend(ours.finish(options.is_full).await?);
    }
    Ok(Report {
        machine: measure::machine(),
        rows,
        ratios: vec![
            ("documents_2k_vs_rabbitmq", documents_2k_vs_rabbitmq),
            ("documents_1m_vs_rabbitmq", documents_1m_vs_rabbitmq),
        ],
    })
}

/// Runs all targets in turn, the order rotated each round, and gives the medians and ours divided by theirs.
async fn interleaved(targets: &[Target], load: Load) -> Result<(Vec<Row>, Option<f64>)> {
    let ours = targets.iter().find_map(|target| match target {
        Target::Plain(plain) => Some(plain.pid()),
        Target::RabbitMq(_) | Target::Axis(_) => None,
    });
    let mut samples: Vec<Vec<Sample>> = targets.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS {
        let mut order: Vec<usize> = (0..targets.len()).collect();
        order.rotate_left(usize::try_from(round)? % targets.len());
        for index in order {
            let (Some(target), Some(samples)) = (targets.get(index), samples.get_mut(index)) else {
                continue;
            };
            if let Target::RabbitMq(peer) = target {
                peer.prepare(load).await?;
                // Figures and search follow behind a round of ours; that is our cost, not the peer's.
                if let Some(pid) = ours {
                    process::hold(pid).await;
                }
            }
            let sample = load::run(target, load, round)
                .await
                .with_context(|| format!("{} with {}", target.name(), load.size))?;
            if let Target::RabbitMq(peer) = target {
                peer.clear(load).await?;
                if let Some(pid) = ours {
                    process::release(pid).await;
                }
            }
            note(&format!(
                "{} {} round {}: {:.0} documents/s",
                target.name(),
                load.size,
                round + 1,
                sample.per_second
            ));
            samples.push(sample);
        }
    }
    let mut rows = Vec::new();
    let (mut own, mut theirs) = (None, None);
    for (target, samples) in targets.iter().zip(&samples) {
        let of =
            |value: fn(&Sample) -> f64| Some(measure::median(samples.iter().map(value).collect()));
        let per_second = of(|sample| sample.per_second);
        match target {
            Target::Plain(_) => own = per_second,
            Target::RabbitMq(_) => theirs = per_second,
            Target::Axis(_) => {}
        }
        rows.push(Row {
            target: target.name().to_owned(),
            size: load.size.to_owned(),
            per_second,
            cpu_us_per_item: of(|sample| sample.cpu_us_per_item),
            p50_ms: of(|sample| sample.p50_ms),
            p99_ms: of(|sample| sample.p99_ms),
            rss_mb: of(|sample| sample.rss_mb),
            note: String::new(),
        });
    }
    let ratio = own.zip(theirs).map(|(own, theirs)| own / theirs);
    Ok((rows, ratio))
}
