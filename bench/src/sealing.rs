//! What the sealed log costs the documents, and how fast a whole log is checked.
//!
//! The same load on a fresh data folder, sealed and unsealed in turn; afterwards `lgsp ledger fsck` reads the sealed one.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use lgsp_base::time::{Clock, SystemClock};

use crate::lgsp::Folder;
use crate::load::{self, Load, Sample, Target};
use crate::measure;
use crate::plain::Plain;
use crate::report::{Report, Row, note};
use crate::{Options, RECIPIENTS, ROUNDS};

/// The setting that keeps a server from sealing.
const UNSEALED: &[(&str, &str)] = &[("LGSP__LEDGER__SEAL", "false")];

/// Measures both and checks the last sealed log.
pub(crate) async fn run(options: &Options, load: Load) -> Result<Report> {
    let (mut sealed, mut unsealed) = (Vec::new(), Vec::new());
    let mut checked = None;
    for round in 0..ROUNDS {
        // The order changes with the round, so that neither side always comes first.
        for is_sealed in [round % 2 == 0, round % 2 != 0] {
            let name = format!("{}-{round}", if is_sealed { "sealed" } else { "unsealed" });
            let folder = Folder::init(&options.binary, &options.dir.join(&name)).await?;
            let sample = one(&folder, if is_sealed { &[] } else { UNSEALED }, load, round).await?;
            note(&format!("{name}: {:.0} documents/s", sample.per_second));
            if is_sealed {
                checked = Some(folder);
                sealed.push(sample);
            } else {
                unsealed.push(sample);
            }
        }
    }
    let (with, without) = (
        row("lgsp, sealed", load, &sealed),
        row("lgsp, not sealed", load, &unsealed),
    );
    let ratio = with.per_second.zip(without.per_second);
    let folder = checked.context("no sealed round")?;
    Ok(Report {
        machine: measure::machine(),
        rows: vec![with, without, check(&folder).await?],
        ratios: vec![(
            "documents_2k_sealed_vs_unsealed",
            ratio.map(|(with, without)| with / without),
        )],
    })
}

/// One round on a fresh folder; the server ends with it.
async fn one(folder: &Folder, settings: &[(&str, &str)], load: Load, round: u64) -> Result<Sample> {
    let server = Arc::new(folder.serve_with(settings).await?);
    folder.import(&Plain::organisations(RECIPIENTS)).await?;
    let plain = Plain::set_up(folder, Arc::clone(&server), RECIPIENTS).await?;
    let target = Target::Plain(Arc::new(plain));
    let sample = load::run(&target, load, round).await?;
    if settings.is_empty() {
        server.wait_until_sealed().await?;
    }
    drop(target);
    Arc::into_inner(server)
        .context("somebody still uses the server")?
        .stop()
        .await?;
    Ok(sample)
}

fn row(target: &str, load: Load, samples: &[Sample]) -> Row {
    let of = |value: fn(&Sample) -> f64| Some(measure::median(samples.iter().map(value).collect()));
    Row {
        target: target.to_owned(),
        size: load.size.to_owned(),
        per_second: of(|sample| sample.per_second),
        cpu_us_per_item: of(|sample| sample.cpu_us_per_item),
        p50_ms: of(|sample| sample.p50_ms),
        p99_ms: of(|sample| sample.p99_ms),
        rss_mb: of(|sample| sample.rss_mb),
        note: String::new(),
    }
}

/// `lgsp ledger fsck` over the folder: leaves per second, the start of the program included.
async fn check(folder: &Folder) -> Result<Row> {
    note("checking the sealed log");
    let clock = SystemClock::new();
    let report = folder.fsck().await?;
    let seconds = clock.monotonic().as_secs_f64();
    let leaves = report
        .get("leaves")
        .and_then(serde_json::Value::as_u64)
        .context("fsck named no leaves")?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than a few digits"
    )]
    let per_second = leaves as f64 / seconds;
    Ok(Row {
        per_second: Some(per_second),
        ..Row::fact(
            "lgsp ledger fsck",
            "leaves",
            None,
            format!("{leaves} leaves, all right"),
        )
    })
}
