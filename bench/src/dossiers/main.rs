//! `bench/dossiers`: lists, ageing and updates over a million dossiers.
//!
//! The dossiers enter by the store's own functions, sealed as a push seals them. See `bench/README.md`.

#[expect(dead_code, reason = "shared with bench/documents, which uses the rest")]
#[path = "../measure.rs"]
mod measure;
mod pages;
mod province;
#[path = "../search/report.rs"]
mod report;
mod updates;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use lgsp_base::entropy::OsEntropy;
use lgsp_base::id::TokenId;
use lgsp_base::planted::Planted;
use lgsp_base::time::SystemClock;
use lgsp_base::vi::WorkingCalendar;
use lgsp_base::{Actor, Clock, Entropy};
use lgsp_exchange::dossier::{DossierConfig, Dossiers, KeyRing, RouteKind};
use lgsp_exchange::{Exchange, ExchangeConfig};
use lgsp_store::{Blobs, Db, DbOptions, DbTarget, StoreError};

use crate::pages::PAGE_P99_MS;
use crate::province::{PORTAL, Province, Stored, Units, unit_code};
use crate::report::{Report, Row, note};
use crate::updates::{Load, UPDATES_PER_SECOND};

/// Dossiers in one transaction while filling.
const CHUNK: usize = 2_000;

#[derive(Debug)]
struct Options {
    as_json: bool,
    dossiers: usize,
    rounds: usize,
    span: Duration,
    dir: PathBuf,
    postgres: Option<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            as_json: false,
            dossiers: 1_000_000,
            rounds: 200,
            span: Duration::from_secs(60),
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
                    options.dossiers = 50_000;
                    options.rounds = 40;
                    options.span = Duration::from_secs(10);
                }
                "--dossiers" => options.dossiers = value()?.parse()?,
                "--rounds" => options.rounds = value()?.parse()?,
                "--seconds" => options.span = Duration::from_secs(value()?.parse()?),
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let ring = KeyRing::create(&options.dir.join("dossier.key"), clock.now(), &*entropy)?;
    let province = Province {
        count: options.dossiers,
        now: clock.now(),
    };
    let exchange = Exchange::new(
        db.clone(),
        Blobs::open(&options.dir.join("blobs"), Planted::NONE)?,
        Arc::clone(&clock),
        Arc::clone(&entropy),
        Arc::new(Units),
        ExchangeConfig::default(),
    );
    let dossiers = Dossiers::new(
        exchange.clone(),
        ring.clone(),
        Arc::new(WorkingCalendar::built_in().clone()),
        DossierConfig::default(),
    );
    let operator = Actor::Operator {
        token: TokenId::from_bits(1),
    };
    dossiers
        .route_add(&operator, RouteKind::All, "", &unit_code(PORTAL))
        .await?;
    let mut rows = vec![fill(options, &db, &*clock, province, &ring, &entropy).await?];
    let size = thousands(options.dossiers);
    note("lists");
    let (found, lists_p99) = pages::lists(&dossiers, &*clock, options.rounds, &size).await?;
    rows.extend(found);
    note("ageing");
    let (found, ageing_p99) = pages::ageing(&dossiers, &*clock, options.rounds, &size).await?;
    rows.extend(found);
    note("updates");
    let load = Load {
        dossiers,
        exchange,
        province,
        clock,
        span: options.span,
    };
    let (found, per_second) = load.run(&size).await?;
    rows.extend(found);
    db.close();
    Ok(Report {
        machine: measure::machine(),
        rows,
        ratios: [
            (
                "dossier_lists_promised_vs_p99",
                PAGE_P99_MS / lists_p99.max(ageing_p99),
            ),
            (
                "dossier_updates_vs_promised",
                per_second / UPDATES_PER_SECOND,
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

/// Stores the dossiers; the next ones are sealed while the ones before are written.
async fn fill(
    options: &Options,
    db: &Db,
    clock: &dyn Clock,
    province: Province,
    ring: &KeyRing,
    entropy: &Arc<dyn Entropy>,
) -> Result<Row> {
    let started = clock.monotonic();
    let prepare = |from: usize| {
        let (ring, entropy) = (ring.clone(), Arc::clone(entropy));
        let until = (from + CHUNK).min(province.count);
        tokio::task::spawn_blocking(move || {
            (from..until)
                .map(|number| Stored::make(&province, number, &ring, &*entropy))
                .collect::<Result<Vec<_>>>()
        })
    };
    let mut ready = prepare(0).await??;
    let mut done = 0;
    while !ready.is_empty() {
        let before = done;
        done += ready.len();
        let coming = prepare(done);
        db.write::<_, StoreError, _>("bench_dossiers", move |tx| {
            ready.iter().try_for_each(|one| one.store(tx))
        })
        .await?;
        if done / 100_000 > before / 100_000 {
            note(&format!("{} dossiers", thousands(done)));
        }
        ready = coming.await??;
    }
    let seconds = clock.monotonic().saturating_sub(started).as_secs_f64();
    let mib = std::fs::metadata(options.dir.join("lgsp.db"))
        .map_or(0, |found| found.len() / (1024 * 1024));
    Ok(Row {
        target: "filling".to_owned(),
        size: thousands(done),
        per_second: Some(done as f64 / seconds.max(f64::EPSILON)),
        cpu_us_per_item: None,
        p50_ms: None,
        p99_ms: None,
        rss_mb: Some(measure::rss_mb(std::process::id())),
        note: format!("database {mib} MiB"),
    })
}
