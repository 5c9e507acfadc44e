//! `lgsp dossier rotate-key`: a new key seals what comes from now on; running nodes notice it and wrap the keys of older dossiers anew.

use lgsp_base::Clock as _;
use lgsp_base::entropy::OsEntropy;
use lgsp_base::time::SystemClock;
use lgsp_store::StoreError;
use lgsp_store::seal::{KeyRing, SealError};
use serde_json::json;

use super::{Context, RotateArgs};
use crate::cli::config;
use crate::compose::{close_store, open_store, target};
use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};

fn failed(error: &SealError) -> Failure {
    Failure::new(
        Exit::Failed,
        "dossier.keys",
        format!("keys/dossier.key: {error}"),
    )
    .fix("lgsp doctor --data DIR")
}

pub(super) async fn run(context: &Context, args: &RotateArgs) -> Result<Exit, Failure> {
    let folder = DataFolder::new(&args.data);
    let ring = KeyRing::open(&folder.dossier_key()).map_err(|error| failed(&error))?;
    if args.prune {
        return prune(context, &folder, &ring).await;
    }
    let number = ring
        .append(SystemClock::new().now(), &OsEntropy)
        .map_err(|error| failed(&error))?;
    let output = context.output;
    let object = json!({"key_number": number});
    output.data(&object, || format!("{number}\n"));
    output.note(output.say(
        "Sao lưu keys/dossier.key ngay; máy chủ đang chạy tự gói lại khóa của các hồ sơ. Theo dõi bằng lgsp doctor, rồi bỏ khóa cũ bằng --prune.",
        "Back keys/dossier.key up now; a running server wraps the dossiers' keys anew by itself. Follow it with lgsp doctor, then remove the old key with --prune.",
    ));
    Ok(Exit::Done)
}

/// Removes keys that nothing is sealed under.
async fn prune(context: &Context, folder: &DataFolder, ring: &KeyRing) -> Result<Exit, Failure> {
    let start = |error: anyhow::Error| super::super::serve::start_failure(&error, context.lang());
    let _lock = folder.lock().map_err(|error| start(error.into()))?;
    let settings = config::load(folder)?.config;
    let at = target(folder, &settings).map_err(|error| start(error.into()))?;
    let db = open_store(lgsp_store::DbOptions::new(at))
        .await
        .map_err(start)?;
    let mut used = Vec::new();
    for number in ring.numbers() {
        let is_used = db
            .read::<_, StoreError, _>("dossier_key_is_used", move |tx| {
                tx.dossier_key_is_used(number)
            })
            .await
            .map_err(|error| start(error.into()))?;
        if is_used {
            used.push(number);
        }
    }
    close_store(db).await;
    let pruned = ring
        .prune(
            SystemClock::new().now(),
            |number| Ok(used.contains(&number)),
        )
        .map_err(|error| failed(&error))?;
    let object = json!({"removed": pruned.removed, "used": pruned.used, "fresh": pruned.fresh});
    context.output.data(&object, || {
        let numbers: Vec<String> = pruned.removed.iter().map(u32::to_string).collect();
        format!("{}\n", numbers.join(" "))
    });
    Ok(Exit::Done)
}
