//! `lgsp ledger accept-clock`: the newest checkpoint was signed under a clock that ran ahead, and the present one is right.

use lgsp_base::entropy::OsEntropy;
use lgsp_base::planted::Planted;
use lgsp_base::time::SystemClock;
use lgsp_base::{Actor, Clock as _, vi};
use lgsp_store::DbOptions;
use serde_json::json;

use super::{AcceptClockArgs, Context, folder_failure};
use crate::cli::config;
use crate::cli::serve::runtime;
use crate::compose::{close_store, open_store, target};
use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};

/// Who says so, for the ledger: somebody who can write the data folder.
const ACTOR: Actor = Actor::Platform {
    part: "command-line",
};

pub(super) fn run(context: &Context, args: &AcceptClockArgs) -> Result<Exit, Failure> {
    runtime()?.block_on(accept(context, args))?;
    let output = context.output;
    let now = SystemClock::new().now();
    output.data(&json!({"now": now.to_string()}), || {
        format!(
            "{}: {}\n",
            output.say(
                "Giờ hiện tại được coi là đúng",
                "The present clock is taken as right"
            ),
            vi::date_time_zoned(now, context.lang())
        )
    });
    Ok(Exit::Done)
}

async fn accept(context: &Context, args: &AcceptClockArgs) -> Result<(), Failure> {
    let failed = |error: anyhow::Error| folder_failure(context, error);
    let folder = DataFolder::new(&args.data);
    folder.check().map_err(|error| failed(error.into()))?;
    let config = config::load(&folder)?.config;
    let is_sqlite = config.database.url.expose().is_empty();
    // On PostgreSQL the platform may run meanwhile, and hears of it.
    let lock = is_sqlite.then(|| folder.lock()).transpose();
    let _lock = lock.map_err(|error| failed(error.into()))?;
    let target = target(&folder, &config).map_err(|error| failed(error.into()))?;
    let db = open_store(DbOptions::new(target)).await.map_err(failed)?;
    let clock = std::sync::Arc::new(SystemClock::new());
    let entropy = std::sync::Arc::new(OsEntropy);
    let ledger = crate::ledger::open(db.clone(), &folder, "", clock, entropy, Planted::NONE).await;
    let accepted = match ledger {
        Ok(ledger) => ledger
            .accept_clock(&ACTOR)
            .await
            .map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    close_store(db).await;
    accepted.map_err(failed)
}
