//! Makes an installation: folder, keys, settings, database, root organisation, the operator's first token.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use lgsp_base::entropy::OsEntropy;
use lgsp_base::time::SystemClock;
use lgsp_base::{Actor, Clock, Entropy, Secret, Timestamp};
use lgsp_exchange::dossier::KeyRing;
use lgsp_registry::draft::{NewOrganisation, Occasion};
use lgsp_registry::{Registry, RegistryConfig, Vault};
use lgsp_store::{DbOptions, DbTarget};
use lgsp_wire::tlog::note::{Algorithm, Signer as _};

use crate::compose::{close_store, open_store};
use crate::config;
use crate::data_folder::{DataFolder, FolderError};
use crate::note_key;

/// What a new installation is made of.
#[derive(Debug, Clone)]
pub struct InitOptions<'a> {
    /// The data folder; missing or empty.
    pub data: &'a Path,
    /// Code of the organisation that runs the platform.
    pub org_code: &'a str,
    /// Its name.
    pub org_name: &'a str,
    /// A PostgreSQL address instead of SQLite in the folder.
    pub database: Option<&'a str>,
}

/// What a new installation begins with.
#[derive(Debug)]
pub struct Initialised {
    /// The operator's token, shown this once.
    pub admin_token: Secret<String>,
    /// The organisation that runs the platform.
    pub org_id: lgsp_base::id::OrgId,
    /// The public key of the log, to be pinned by those who verify receipts (C2SP signed-note).
    pub ledger_key: String,
}

/// Makes an installation; on failure nothing of it is left in the folder.
pub async fn init(options: InitOptions<'_>) -> anyhow::Result<Initialised> {
    let folder = DataFolder::new(options.data);
    folder.create()?;
    let made = fill(&folder, &options).await;
    if made.is_err() {
        folder.remove();
    }
    made
}

async fn fill(folder: &DataFolder, options: &InitOptions<'_>) -> anyhow::Result<Initialised> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let vault = Vault::create(&folder.vault_key(), entropy.as_ref())
        .context("keys/vault.key could not be made")?;
    folder.create_webhook_key(entropy.as_ref())?;
    KeyRing::create(&folder.dossier_key(), clock.now(), entropy.as_ref())
        .context("keys/dossier.key could not be made")?;
    let log_name = note_key::name("lgsp", options.org_code, entropy.as_ref());
    let signer = note_key::create(
        &folder.ledger_key(),
        &log_name,
        Algorithm::Ed25519,
        entropy.as_ref(),
    )?;

    let target = match options.database {
        Some(url) => DbTarget::Postgres {
            url: url.to_owned(),
        },
        None => DbTarget::Sqlite {
            path: folder.database(),
        },
    };
    let db = open_store(DbOptions::new(target)).await?;
    let registry =
        Registry::open(db.clone(), clock, entropy, vault, RegistryConfig::default()).await?;
    let has_operator = !registry.snapshot().connections().tokens_of(None).is_empty();
    if has_operator {
        // A database that somebody uses already: its operators decide, not whoever can reach it.
        return Err(FolderError::Exists("database".into()).into());
    }
    let actor = Actor::Platform { part: "init" };
    let occasion = Occasion {
        effective_at: Timestamp::BEGINNING,
        decision: None,
        note: None,
    };
    let new = NewOrganisation::undescribed(options.org_code, options.org_name);
    let org_id = registry
        .create_organisation(&actor, &new, &occasion)
        .await
        .map_err(|error| error.to_problem())?;
    let (_, admin_token) = registry
        .issue_token(&actor, None, "init")
        .await
        .map_err(|error| error.to_problem())?;
    // The settings come last: a folder without them is no installation.
    folder.write_private(&folder.settings(), settings(options).as_bytes())?;
    drop(registry);
    close_store(db).await;
    Ok(Initialised {
        admin_token,
        org_id,
        ledger_key: signer.key().to_string(),
    })
}

/// The commented defaults, with the database that was named.
fn settings(options: &InitOptions<'_>) -> String {
    match options.database {
        Some(url) => config::DEFAULT_FILE.replace(
            "\nurl = \"\"",
            &format!("\nurl = {}", toml::Value::String(url.to_owned())),
        ),
        None => config::DEFAULT_FILE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_database_stands_in_the_settings() {
        let options = |database| InitOptions {
            data: Path::new("x"),
            org_code: "H99",
            org_name: "Bình An",
            database,
        };
        let text = settings(&options(Some("postgres://u:p\"w@h/d")));
        let loaded = config::parse(&text, std::iter::empty()).expect("valid");
        assert_eq!(loaded.config.database.url.expose(), "postgres://u:p\"w@h/d");
        assert_eq!(loaded.config.public_url, "");
        assert_eq!(settings(&options(None)), config::DEFAULT_FILE);
    }
}
