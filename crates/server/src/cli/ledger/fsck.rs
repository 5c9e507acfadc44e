//! `lgsp ledger fsck`: everything is derived again from the entries and compared with what is stored.

use std::path::Path;

use lgsp_base::planted::Planted;
use lgsp_base::time::SystemClock;
use lgsp_base::{Lang, vi};
use lgsp_store::DbOptions;
use lgsp_store::ledger::{BadPosition, Fault, FsckReport, KnownCheckpoint};
use lgsp_wire::tlog::checkpoint::Checkpoint;
use lgsp_wire::tlog::note::SignedNote;
use lgsp_wire::tlog::receipt::Bundle;
use serde_json::{Value, json};

use super::{Context, FsckArgs, folder_failure, read_bounded};
use crate::cli::config;
use crate::cli::serve::runtime;
use crate::compose::{close_store, open_store, target};
use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};
use crate::output::{Output, Progress};

pub(super) fn run(context: &Context, args: &FsckArgs) -> Result<Exit, Failure> {
    let known = args
        .against
        .iter()
        .map(|path| known(path))
        .collect::<Result<Vec<_>, _>>()?;
    let report = runtime()?.block_on(check(context, args, known))?;
    tell(context.output, &report);
    Ok(if report.first_bad.is_none() {
        Exit::Done
    } else {
        Exit::Integrity
    })
}

async fn check(
    context: &Context,
    args: &FsckArgs,
    known: Vec<KnownCheckpoint>,
) -> Result<FsckReport, Failure> {
    let folder = DataFolder::new(&args.data);
    let failed = |error: anyhow::Error| folder_failure(context, error);
    folder.check().map_err(|error| failed(error.into()))?;
    let config = config::load(&folder)?.config;
    let is_sqlite = config.database.url.expose().is_empty();
    // A PostgreSQL database may be checked while it is served.
    let lock = is_sqlite.then(|| folder.lock()).transpose();
    let _lock = lock.map_err(|error| failed(error.into()))?;
    let target = target(&folder, &config).map_err(|error| failed(error.into()))?;
    let db = open_store(DbOptions::new(target)).await.map_err(failed)?;
    let clock = std::sync::Arc::new(SystemClock::new());
    let entropy = std::sync::Arc::new(lgsp_base::entropy::OsEntropy);
    let ledger = crate::ledger::open(db.clone(), &folder, "", clock, entropy, Planted::NONE).await;
    let report = match ledger {
        Ok(ledger) => {
            let mut meter = Progress::new(args.progress.progress, 0);
            let lang = context.lang();
            ledger
                .fsck_against(known, |progress| {
                    meter.set_total(progress.total);
                    meter.at_rate(progress.leaves, progress.leaves_per_second, lang);
                })
                .await
                .map_err(anyhow::Error::from)
        }
        Err(error) => Err(error),
    };
    close_store(db).await;
    report.map_err(failed)
}

/// A checkpoint from elsewhere: that of a receipt, or a signed note such as `/ledger/checkpoint` gives out.
fn known(path: &Path) -> Result<KnownCheckpoint, Failure> {
    let bytes = read_bounded(path)?;
    let note = match Bundle::decode(&bytes) {
        Ok(bundle) => Some(bundle.parts().checkpoint.text.clone()),
        Err(_) => std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| SignedNote::parse(text).ok())
            .map(|note| note.text),
    };
    let checkpoint: Option<Checkpoint> = note.and_then(|text| text.parse().ok());
    checkpoint
        .map(|checkpoint| KnownCheckpoint {
            size: checkpoint.size,
            root: checkpoint.root,
        })
        .ok_or_else(|| {
            Failure::new(
                Exit::Invalid,
                "cli.file",
                format!("{}: neither a receipt nor a checkpoint", path.display()),
            )
        })
}

fn tell(output: Output, report: &FsckReport) {
    let object = json!({
        "sound": report.first_bad.is_none(),
        "leaves": report.leaves,
        "checkpoints": report.checkpoints,
        "cosignatures": report.cosignatures,
        "timestamps": report.timestamps,
        "first_bad": report.first_bad.as_ref().map(|bad| bad_json(output.lang, bad)),
    });
    output.data(&object, || {
        let counts = format!(
            "{} {}, {} {}, {} {}, {} {}",
            vi::number(report.leaves),
            output.say("dòng", "leaves"),
            vi::number(report.checkpoints),
            output.say("điểm chốt", "checkpoints"),
            vi::number(report.cosignatures),
            output.say("chữ ký chứng kiến", "cosignatures"),
            vi::number(report.timestamps),
            output.say("dấu thời gian", "time stamps"),
        );
        match &report.first_bad {
            None => format!(
                "✔ {}: {counts}\n",
                output.say("Sổ nhật ký toàn vẹn", "The ledger is sound")
            ),
            Some(bad) => format!(
                "✘ {}: {} ({bad})\n  {}: {counts}\n",
                output.say("Chỗ sai đầu tiên", "First place that is wrong"),
                words(output.lang, bad.fault),
                output.say("Đúng cho tới đó", "Right until there"),
            ),
        }
    });
}

fn bad_json(lang: Lang, bad: &BadPosition) -> Value {
    json!({
        "fault": bad.fault.code(),
        "leaf": bad.leaf,
        "leaf_end": bad.leaf_end,
        "row": bad.row,
        "text": words(lang, bad.fault),
    })
}

/// What a fault means, for people.
const fn words(lang: Lang, fault: Fault) -> &'static str {
    let (vi, en) = match fault {
        Fault::EntryMissing => ("bản ghi bị mất", "an entry is gone"),
        Fault::EntryChanged => ("bản ghi bị sửa", "an entry was changed"),
        Fault::EntryColumns => (
            "thời điểm hoặc loại của bản ghi bị sửa",
            "time or kind of an entry was changed",
        ),
        Fault::EntryErased => (
            "bản ghi bị xóa mà sổ không ghi việc xóa",
            "an entry was erased and the ledger does not say so",
        ),
        Fault::EntryUnsealed => (
            "một bản ghi bị bỏ qua khi niêm phong",
            "an entry was passed by when others were sealed",
        ),
        Fault::Runs => (
            "thứ tự các dòng không liền mạch",
            "the order of leaves has a hole",
        ),
        Fault::Tile => (
            "mã băm lưu trữ không khớp các bản ghi",
            "a stored hash does not follow from the entries",
        ),
        Fault::CheckpointRoot => (
            "điểm chốt không khớp các bản ghi",
            "a checkpoint does not follow from the entries",
        ),
        Fault::CheckpointSignature => (
            "chữ ký của điểm chốt không hợp lệ",
            "a checkpoint's signature does not fit",
        ),
        Fault::CheckpointOrder => (
            "thiếu điểm chốt hoặc điểm chốt vượt cuối sổ",
            "a checkpoint is gone, or stands beyond the end",
        ),
        Fault::Evidence => (
            "chữ ký chứng kiến hoặc dấu thời gian không khớp điểm chốt nào",
            "a cosignature or time stamp fits no checkpoint",
        ),
        Fault::Key => (
            "một khóa của sổ không nối tiếp khóa trước",
            "a key of the ledger does not follow from the one before",
        ),
        Fault::Receipt => (
            "biên nhận trỏ tới dòng khác",
            "a receipt names another leaf",
        ),
        Fault::Unreadable => ("không đọc được dữ liệu", "rows cannot be read"),
        Fault::RolledBack => (
            "sổ ngắn hơn hoặc khác với điểm chốt đã biết: đã bị quay lui",
            "the ledger is shorter than or other than a known checkpoint: it was rolled back",
        ),
    };
    match lang {
        Lang::Vi => vi,
        Lang::En => en,
    }
}
