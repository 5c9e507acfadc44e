//! `lgsp ledger rotate-key`: a new key signs from the next checkpoint on, and the old one says so.
//!
//! The new key is on the disk before the ledger names it, and the files change places afterwards. A rotation that breaks off is
//! finished, or begun anew, by the next call.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lgsp_base::entropy::OsEntropy;
use lgsp_base::planted::Planted;
use lgsp_base::time::SystemClock;
use lgsp_base::{Actor, Clock as _};
use lgsp_store::ledger::{Ledger, LedgerConfig, LedgerError};
use lgsp_store::{Db, DbOptions};
use lgsp_wire::tlog::note::{Algorithm, Signer as _, SoftSigner};
use serde_json::json;

use super::{Context, RotateArgs, folder_failure};
use crate::cli::config;
use crate::cli::serve::runtime;
use crate::compose::{close_store, open_store, target};
use crate::data_folder::{DataFolder, FolderError};
use crate::exit::{Exit, Failure};
use crate::note_key;

/// Who replaces the key, for the ledger: somebody who can write the data folder.
const ACTOR: Actor = Actor::Platform {
    part: "command-line",
};

/// What a rotation did.
struct Rotated {
    old: Option<String>,
    new: String,
    retired: PathBuf,
}

pub(super) fn run(context: &Context, args: &RotateArgs) -> Result<Exit, Failure> {
    let rotated = runtime()?
        .block_on(in_folder(&args.data))
        .map_err(|error| folder_failure(context, error))?;
    let output = context.output;
    let object = json!({
        "key": rotated.new,
        "retired_key": rotated.old,
        "retired_file": rotated.retired,
    });
    output.data(&object, || format!("{}\n", rotated.new));
    output.note(&format!(
        "{}: {}",
        output.say("Khóa cũ để riêng tại", "The old key stands aside in"),
        rotated.retired.display()
    ));
    output.note(output.say(
        "Công bố khóa mới, đưa nó cho các bên chứng kiến (--log) và các nút khác dùng chung cơ sở dữ liệu.",
        "Publish the new key; give it to the witnesses (--log) and to other nodes on the same database.",
    ));
    Ok(Exit::Done)
}

async fn in_folder(data: &Path) -> anyhow::Result<Rotated> {
    let folder = DataFolder::new(data);
    let _lock = folder.lock()?;
    let config = config::load(&folder)
        .map_err(|failure| anyhow::anyhow!("{}", failure.message))?
        .config;
    let db = open_store(DbOptions::new(target(&folder, &config)?)).await?;
    let rotated = rotate(&folder, &db, &mut |_| Ok(())).await;
    close_store(db).await;
    rotated
}

/// A step of a rotation that is done; whatever stops it there, the next call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The new key is on the disk.
    Written,
    /// The ledger names it.
    Named,
    /// The old key is aside.
    Aside,
    /// The new key is in its place.
    Settled,
}

/// Replaces the key; `is_done` hears of each step and may end the rotation there, as a test does.
async fn rotate(
    folder: &DataFolder,
    db: &Db,
    is_done: &mut (dyn FnMut(Step) -> anyhow::Result<()> + Send),
) -> anyhow::Result<Rotated> {
    let (present, coming) = (folder.ledger_key(), coming(folder));
    let entropy = Arc::new(OsEntropy);
    let is_left_over = note_key::exists(&coming)?;
    // A file that cannot be read was cut off while it was written: the ledger does not name it.
    if is_left_over && let Ok(new) = note_key::open(&coming, Algorithm::Ed25519) {
        let key = new.key().to_string();
        match open(db, new).await {
            // The ledger names it already: only the files are left to change places.
            Ok(_) => {
                return Ok(Rotated {
                    old: None,
                    new: key,
                    retired: settle(folder, is_done)?,
                });
            }
            Err(LedgerError::ForeignKey { .. }) if note_key::exists(&present)? => {}
            Err(error) => return Err(error.into()),
        }
    }
    let old = note_key::open(&present, Algorithm::Ed25519)?;
    let (name, old_key) = (old.key().name().to_owned(), old.key().to_string());
    let ledger = open(db, old).await?;
    if is_left_over {
        fs::remove_file(&coming).map_err(|error| FolderError::Io(coming.clone(), error))?;
    }
    // What is sealed by now stays under the old key.
    ledger.seal().await?;
    let new = note_key::create(&coming, &name, Algorithm::Ed25519, entropy.as_ref())?;
    let key = new.key().to_string();
    is_done(Step::Written)?;
    ledger.rotate(Arc::new(new), &ACTOR.label()).await?;
    is_done(Step::Named)?;
    let retired = settle(folder, is_done)?;
    ledger.seal().await?;
    Ok(Rotated {
        old: Some(old_key),
        new: key,
        retired,
    })
}

async fn open(db: &Db, signer: SoftSigner) -> Result<Ledger, LedgerError> {
    let config = LedgerConfig {
        origin: signer.key().name().to_owned(),
        platform: String::new(),
        signer: Arc::new(signer),
        entropy: Arc::new(OsEntropy),
        planted: Planted::NONE,
    };
    Ledger::open(db.clone(), Arc::new(SystemClock::new()), config).await
}

/// Where the next key waits until the ledger names it.
fn coming(folder: &DataFolder) -> PathBuf {
    folder.keys().join("ledger.key.next")
}

/// Puts the old key aside under the time of today and the new one in its place.
fn settle(
    folder: &DataFolder,
    is_done: &mut (dyn FnMut(Step) -> anyhow::Result<()> + Send),
) -> anyhow::Result<PathBuf> {
    let present = folder.ledger_key();
    let stamp = SystemClock::new().now().as_millis();
    let retired = folder.keys().join(format!("ledger.key.retired-{stamp}"));
    let failed = |error| FolderError::Io(present.clone(), error);
    if note_key::exists(&present)? {
        fs::rename(&present, &retired).map_err(failed)?;
    }
    is_done(Step::Aside)?;
    fs::rename(coming(folder), &present).map_err(failed)?;
    File::open(folder.keys())
        .and_then(|keys| keys.sync_all())
        .map_err(failed)?;
    is_done(Step::Settled)?;
    Ok(retired)
}

#[cfg(test)]
mod tests;
