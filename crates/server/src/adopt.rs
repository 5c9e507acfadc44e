//! The first start on an empty PostgreSQL database: it takes over what `init` wrote into the data folder.
//!
//! `lgsp init` without `--database` makes the root organisation and the operator's token in SQLite. When the installation is
//! then served from PostgreSQL, the token that was shown must open it.

use lgsp_base::{Actor, Clock, Entropy, Timestamp};
use lgsp_registry::draft::{NewOrganisation, Occasion};
use lgsp_registry::{CONNECTIONS_VERSION, Registry, RegistryConfig, Vault};
use lgsp_store::registry::TokenRow;
use lgsp_store::{Db, DbOptions, DbTarget, Engine, StoreError};
use lgsp_wire::record::Record;

use crate::compose::{close_store, open_store};
use crate::data_folder::DataFolder;

/// Who takes over.
const ACTOR: Actor = Actor::Platform { part: "init" };
/// Organisations looked at; `init` makes one.
const ORGANISATIONS_MAX: usize = 16;

/// Copies operators' tokens and root organisations into an empty database.
pub(crate) async fn operators(
    folder: &DataFolder,
    db: &Db,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> anyhow::Result<()> {
    let is_fresh = db
        .read("adopt_check", |tx| {
            Ok::<_, StoreError>(tx.token_list()?.is_empty())
        })
        .await?;
    if db.engine() == Engine::Sqlite || !is_fresh || !folder.database().exists() {
        return Ok(());
    }
    let local = open_store(DbOptions::new(DbTarget::Sqlite {
        path: folder.database(),
    }))
    .await?;
    let tokens: Vec<TokenRow> = local
        .read("adopt_tokens", |tx| tx.token_list())
        .await?
        .into_iter()
        .filter(|token| token.system_id.is_none())
        .collect();
    copy_organisations(folder, &local, db).await?;
    close_store(local).await;

    let at = clock.now();
    let salts: Vec<[u8; 32]> = tokens
        .iter()
        .map(|_| {
            let mut salt = [0u8; 32];
            entropy.fill(&mut salt);
            salt
        })
        .collect();
    // The tokens last: while there is none, the next start begins again.
    db.write("adopt_tokens", move |tx| {
        // Without a step of the counter nobody would read them.
        tx.counter_bump(CONNECTIONS_VERSION)?;
        for (token, salt) in tokens.iter().zip(&salts) {
            let record = Record::new()
                .with("actor", ACTOR.label())
                .with("token", token.id.to_string());
            tx.token_insert(token)?;
            tx.ledger_append(at, "token.issued", None, &record, *salt)?;
        }
        Ok::<_, StoreError>(())
    })
    .await?;
    tracing::info!("the operators' tokens of this folder were taken over into the database");
    Ok(())
}

async fn copy_organisations(folder: &DataFolder, from: &Db, to: &Db) -> anyhow::Result<()> {
    let open = |db: &Db| {
        let db = db.clone();
        async move {
            let registry = Registry::open(
                db,
                std::sync::Arc::new(lgsp_base::time::SystemClock::new()),
                std::sync::Arc::new(lgsp_base::entropy::OsEntropy),
                Vault::open(&folder.vault_key())?,
                RegistryConfig::default(),
            )
            .await?;
            anyhow::Ok(registry)
        }
    };
    let (source, target) = (open(from).await?, open(to).await?);
    let occasion = Occasion {
        effective_at: Timestamp::BEGINNING,
        decision: None,
        note: None,
    };
    let snapshot = source.snapshot();
    for org in snapshot.directory().iter().take(ORGANISATIONS_MAX) {
        let (code, name) = (
            org.code_near(Timestamp::BEGINNING),
            org.name_near(Timestamp::BEGINNING),
        );
        if target.snapshot().lookup(code).is_some() {
            continue;
        }
        target
            .create_organisation(&ACTOR, &NewOrganisation::undescribed(code, name), &occasion)
            .await
            .map_err(|error| error.to_problem())?;
    }
    Ok(())
}
