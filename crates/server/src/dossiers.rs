//! The dossiers of a node: the keys they are sealed under, and what works on them without being asked.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use lgsp_base::vi::WorkingCalendar;
use lgsp_base::{Clock, Entropy};
use lgsp_exchange::Exchange;
use lgsp_exchange::dossier::{DossierConfig, Dossiers, KeyRing};
use lgsp_store::{Db, StoreError};

use crate::data_folder::DataFolder;
use crate::tasks::Tasks;

/// How often the key file is looked at for a new key.
const KEYS_EVERY: Duration = Duration::from_secs(1);
/// How often data keys under an older key are wrapped anew, a page at a time.
const REWRAP_EVERY: Duration = Duration::from_secs(2);
/// How often dossiers are looked through for those whose time of keeping is over.
const ERASE_EVERY: Duration = Duration::from_secs(3600);

/// Opens the keys of an installation. One from before there were dossiers gets its key file here.
///
/// # Errors
/// The file cannot be used, or it is missing although there are dossiers: a new key would not open them.
pub(crate) async fn keys(
    folder: &DataFolder,
    db: &Db,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> anyhow::Result<KeyRing> {
    let path = folder.dossier_key();
    if path.try_exists().context("keys/dossier.key")? {
        return KeyRing::open(&path).context("keys/dossier.key");
    }
    let has_dossiers = db
        .read::<_, StoreError, _>("dossier_any", |tx| {
            Ok(tx.dossier_key_count_older(u32::MAX, 1)? > 0)
        })
        .await?;
    anyhow::ensure!(
        !has_dossiers,
        "keys/dossier.key is missing; without it no dossier can be read: put it back from where keys are kept"
    );
    KeyRing::create(&path, clock.now(), entropy).context("keys/dossier.key could not be made")
}

/// The service of dossiers.
pub(crate) fn compose(exchange: &Exchange, keys: KeyRing) -> Dossiers {
    Dossiers::new(
        exchange.clone(),
        keys,
        Arc::new(WorkingCalendar::built_in().clone()),
        DossierConfig::default(),
    )
}

/// Starts what works on dossiers without being asked.
pub(crate) fn start(tasks: &Tasks, dossiers: &Dossiers) {
    let keyed = dossiers.clone();
    tasks.every("dossiers.keys", KEYS_EVERY, move || {
        let dossiers = keyed.clone();
        async move {
            if let Err(error) = dossiers.reload_keys().await {
                tracing::warn!(%error, "the key file of the dossiers could not be read anew");
            }
        }
    });
    let wrapped = dossiers.clone();
    tasks.every("dossiers.rewrap", REWRAP_EVERY, move || {
        let dossiers = wrapped.clone();
        async move {
            if let Err(error) = dossiers.rewrap_step().await {
                tracing::warn!(%error, "data keys could not be wrapped anew");
            }
        }
    });
    let kept = dossiers.clone();
    tasks.every("dossiers.erase", ERASE_EVERY, move || {
        let dossiers = kept.clone();
        async move {
            if let Err(error) = dossiers.erase_due().await {
                tracing::warn!(%error, "dossiers whose time is over could not be erased");
            }
        }
    });
}
