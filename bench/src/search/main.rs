//! `bench/search`: how long a search over a million documents and over a country's organisations takes.
//!
//! The documents enter the tables as they do in the platform, through the projector. See `bench/README.md`.

#[expect(dead_code, reason = "shared with bench/documents, which uses the rest")]
#[path = "../measure.rs"]
mod measure;
mod province;
mod questions;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use lgsp_base::Clock;
use lgsp_base::time::SystemClock;
use lgsp_insight::Insight;
use lgsp_registry::directory::Directory;
use lgsp_store::{Db, DbOptions, DbTarget, StoreError};

use crate::province::{CHUNK, DirectoryNames, Letter, PassingLeaves, Year};
use crate::questions::{DOCUMENTS_P99_MS, ORGANISATIONS_P99_MS};
use crate::report::{Report, Row, note};

#[derive(Debug)]
struct Options {
    as_json: bool,
    documents: usize,
    organisations: usize,
    rounds: usize,
    dir: PathBuf,
    postgres: Option<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            as_json: false,
            documents: 1_000_000,
            organisations: 150_000,
            rounds: 200,
            dir: std::env::temp_dir().join(format!("lgsp-bench-{}", std::process::id())),
            postgres: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--json" => options.as_json = true,
                "--quick" => {
                    options.documents = 50_000;
                    options.rounds = 40;
                }
                "--documents" => options.documents = value()?.parse()?,
                "--rounds" => options.rounds = value()?.parse()?,
                "--dir" => options.dir = value()?.into(),
                "--postgres" => options.postgres = Some(value()?),
                other => bail!("unknown option {other}; see bench/README.md"),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<ExitCode> {
    let options = Options::parse(std::env::args().skip(1))?;
    std::fs::create_dir_all(&options.dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let outcome = runtime.block_on(run(&options));
    // What cannot be removed is left to the system's own cleaning.
    let _removed = std::fs::remove_dir_all(&options.dir);
    outcome?.print(options.as_json)?;
    Ok(ExitCode::SUCCESS)
}

async fn run(options: &Options) -> Result<Report> {
    let target = match &options.postgres {
        Some(url) => DbTarget::Postgres { url: url.clone() },
        None => DbTarget::Sqlite {
            path: options.dir.join("lgsp.db"),
        },
    };
    let db = Db::open(DbOptions::new(target))?;
    let clock = Arc::new(SystemClock::new());
    let now = clock.now();
    note("organisations");
    let directory = Arc::new(Directory::build(
        1,
        province::organisations(options.organisations),
        Vec::new(),
    ));
    let leaves = Arc::new(PassingLeaves::default());
    let insight = Insight::open(
        db.clone(),
        Arc::<SystemClock>::clone(&clock),
        Arc::<PassingLeaves>::clone(&leaves),
        Arc::new(DirectoryNames(Arc::clone(&directory))),
    );
    let mut rows = vec![fill(options, &db, &*clock, &leaves, &insight).await?];
    let size = thousands(options.documents);
    note("questions about documents");
    let (found, documents_p99) =
        questions::documents(&insight, &*clock, options.rounds, &size, now).await?;
    rows.extend(found);
    note("the overview");
    rows.push(overview(&insight, &*clock, options.rounds, &size, now).await?);
    note("questions about organisations");
    let size = thousands(options.organisations);
    let (found, organisations_p99) =
        questions::organisations(&directory, &*clock, options.rounds, &size, now);
    rows.push(found);
    db.close();
    Ok(Report {
        machine: measure::machine(),
        rows,
        ratios: [
            (
                "documents_promised_vs_p99",
                DOCUMENTS_P99_MS / documents_p99,
            ),
            (
                "organisations_promised_vs_p99",
                ORGANISATIONS_P99_MS / organisations_p99,
            ),
        ]
        .into(),
    })
}

/// Microseconds that passed since a reading of the clock.
fn micros_since(clock: &dyn Clock, started: Duration) -> u32 {
    let passed = clock.monotonic().saturating_sub(started);
    u32::try_from(passed.as_micros()).unwrap_or(u32::MAX)
}

fn thousands(count: usize) -> String {
    lgsp_base::vi::number(count as u64)
}

/// Stores the documents and works their entries in; the row tells how fast the projector is when it does not rest.
async fn fill(
    options: &Options,
    db: &Db,
    clock: &dyn Clock,
    leaves: &PassingLeaves,
    insight: &Insight,
) -> Result<Row> {
    let year = Year::new(7, options.documents, clock.now());
    let mut worked_in = 0_u64;
    let mut busy = Duration::ZERO;
    let mut batches: Vec<u32> = Vec::new();
    let mut number = 0;
    while number < options.documents {
        let end = (number + CHUNK).min(options.documents);
        let letters: Arc<[Letter]> = (number..end).map(|number| year.letter(number)).collect();
        let stored = Arc::clone(&letters);
        db.write::<_, StoreError, _>("bench_documents", move |tx| {
            stored.iter().try_for_each(|letter| letter.store(tx))
        })
        .await?;
        letters.iter().for_each(|letter| letter.enter(leaves));
        loop {
            let started = clock.monotonic();
            let done = insight.advance().await?.leaves;
            if done == 0 {
                break;
            }
            busy += clock.monotonic().saturating_sub(started);
            batches.push(micros_since(clock, started));
            worked_in += done;
        }
        if end / 100_000 > number / 100_000 || end == options.documents {
            note(&format!("{} documents", thousands(end)));
        }
        number = end;
    }
    batches.sort_unstable();
    let database = options.dir.join("lgsp.db");
    let mib = std::fs::metadata(database).map_or(0, |found| found.len() / (1024 * 1024));
    Ok(Row {
        target: "projector, leaves (per batch)".to_owned(),
        size: thousands(options.documents),
        per_second: Some(worked_in as f64 / busy.as_secs_f64().max(f64::EPSILON)),
        cpu_us_per_item: None,
        p50_ms: Some(measure::percentile_ms(&batches, 0.5)),
        p99_ms: Some(measure::percentile_ms(&batches, 0.99)),
        rss_mb: Some(measure::rss_mb(std::process::id())),
        note: format!("database {mib} MiB"),
    })
}

async fn overview(
    insight: &Insight,
    clock: &dyn Clock,
    rounds: usize,
    size: &str,
    now: lgsp_base::Timestamp,
) -> Result<Row> {
    let mut times = Vec::new();
    for _ in 0..rounds.min(50) {
        let started = clock.monotonic();
        insight.overview(now).await?;
        times.push(micros_since(clock, started));
    }
    times.sort_unstable();
    Ok(Row {
        target: "overview".to_owned(),
        size: size.to_owned(),
        per_second: None,
        cpu_us_per_item: None,
        p50_ms: Some(measure::percentile_ms(&times, 0.5)),
        p99_ms: Some(measure::percentile_ms(&times, 0.99)),
        rss_mb: None,
        note: String::new(),
    })
}
