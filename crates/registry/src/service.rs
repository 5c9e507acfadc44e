//! The registry itself: the current snapshot, and the one way in which changes are written.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use lgsp_base::actor::{Actor, Permission};
use lgsp_base::limits;
use lgsp_base::problem::{Problem, kinds};
use lgsp_base::{Clock, Entropy};
use lgsp_store::{Db, StoreError, Tx};
use lgsp_wire::record::Record;

use crate::connections::{ConnectionRows, Connections};
use crate::directory::Directory;
use crate::draft::Changes;
use crate::error::{EventError, SystemError, permit};
use crate::rows::{CONNECTIONS_VERSION, ChangeRows, DIRECTORY_VERSION, read_directory};
use crate::snapshot::Snapshot;
use crate::tokens::Environment;
use crate::vault::{Vault, VaultError};

/// The setting that holds the transition period, in days.
const TRANSITION_SETTING: &str = "registry.transition_days";
/// Longest transition period in days.
const TRANSITION_DAYS_MAX: u64 = 36_500;

/// How a registry is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistryConfig {
    /// How long closed codes route to the successor while nobody has set it otherwise.
    pub transition: Duration,
    /// What the tokens of this platform look like.
    pub environment: Environment,
    /// True if push endpoints may be `http://` (demonstrations and tests).
    pub has_plain_webhooks: bool,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            transition: limits::TRANSITION_PERIOD,
            environment: Environment::Live,
            has_plain_webhooks: false,
        }
    }
}

/// Why a registry cannot be opened or read again.
#[derive(Debug, thiserror::Error)]
pub enum OpenRegistryError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A stored secret does not open: the key file is not the one with which it was sealed.
    #[error("a stored secret does not open with this key")]
    Vault(#[from] VaultError),
}

impl OpenRegistryError {
    /// The same for people and machines.
    pub fn to_problem(&self) -> Problem {
        match self {
            OpenRegistryError::Store(error) => error.to_problem(),
            OpenRegistryError::Vault(_) => kinds::SYSTEM_INTERNAL.problem(),
        }
    }
}

impl From<OpenRegistryError> for SystemError {
    fn from(error: OpenRegistryError) -> Self {
        match error {
            OpenRegistryError::Store(error) => SystemError::Store(error),
            OpenRegistryError::Vault(error) => SystemError::Vault(error),
        }
    }
}

/// Organisations, systems and credentials. Clones share everything.
#[derive(Debug, Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    vault: Arc<Vault>,
    config: RegistryConfig,
    snapshot: ArcSwap<Snapshot>,
    /// Held while the snapshot is read anew, so that an older one never replaces a newer one.
    reading: tokio::sync::Mutex<()>,
}

/// What one reading found: only the halves that are newer than those in memory.
#[derive(Default)]
struct Loaded {
    directory: Option<Directory>,
    connections: Option<(ConnectionRows, Option<Duration>)>,
}

/// Why a change was not committed.
pub(crate) enum CommitError {
    /// Somebody else changed the directory since the change was planned.
    Stale,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        CommitError::Store(error)
    }
}

/// An entry for the ledger.
pub(crate) struct LedgerEntry {
    pub(crate) kind: &'static str,
    pub(crate) record: Record,
}

impl Registry {
    /// Reads everything and is then ready.
    ///
    /// # Errors
    /// The store fails, or the vault does not open a stored secret.
    pub async fn open(
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        vault: Vault,
        config: RegistryConfig,
    ) -> Result<Self, OpenRegistryError> {
        let empty = Snapshot::new(Arc::default(), Arc::default(), config.transition);
        let registry = Self {
            inner: Arc::new(Inner {
                db,
                clock,
                entropy,
                vault: Arc::new(vault),
                config,
                snapshot: ArcSwap::from_pointee(empty),
                reading: tokio::sync::Mutex::new(()),
            }),
        };
        registry.refresh().await?;
        Ok(registry)
    }

    /// What is known now. Keep it for the length of one request, so that all its answers fit together.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot.load_full()
    }

    /// Reads again what has changed since the last reading; true if something had. The platform calls it every second for the changes of
    /// other nodes; own changes are read before the operation returns.
    ///
    /// # Errors
    /// As [`Registry::open`]; the old snapshot stays.
    pub async fn refresh(&self) -> Result<bool, OpenRegistryError> {
        let _reading = self.inner.reading.lock().await;
        let before = self.snapshot();
        let directory_version = before.directory().version();
        let connections_version = before.connections().version();
        let loaded = self
            .inner
            .db
            .read("registry_load", move |tx| {
                let mut loaded = Loaded::default();
                if tx.counter_get(DIRECTORY_VERSION)? != directory_version {
                    loaded.directory = Some(read_directory(tx)?);
                }
                if tx.counter_get(CONNECTIONS_VERSION)? != connections_version {
                    loaded.connections = Some((read_connections(tx)?, read_transition(tx)?));
                }
                Ok::<_, StoreError>(loaded)
            })
            .await?;
        let has_changed = loaded.directory.is_some() || loaded.connections.is_some();
        if !has_changed {
            return Ok(false);
        }
        let directory = loaded
            .directory
            .map_or_else(|| Arc::clone(before.directory()), Arc::new);
        let (connections, transition) = match loaded.connections {
            Some((rows, transition)) => (
                Arc::new(Connections::build(rows, &self.inner.vault)?),
                transition.unwrap_or(self.inner.config.transition),
            ),
            None => (Arc::clone(before.connections()), before.transition()),
        };
        let next = Snapshot::new(directory, connections, transition);
        self.inner.snapshot.store(Arc::new(next));
        Ok(true)
    }

    /// Sets for how many days closed codes route to the successor.
    ///
    /// # Errors
    /// The actor may not, or the store fails.
    pub async fn set_transition_days(&self, actor: &Actor, days: u64) -> Result<(), SystemError> {
        permit(actor, Permission::OrganisationWrite)?;
        let days = days.min(TRANSITION_DAYS_MAX);
        let at = self.clock().now();
        let by = actor.label();
        let entry = LedgerEntry {
            kind: "registry.transition_set",
            record: Record::new()
                .with("actor", by.as_str())
                .with("days", i64::try_from(days).unwrap_or(i64::MAX)),
        };
        self.write("registry_transition_set", entry, move |tx| {
            tx.setting_put(TRANSITION_SETTING, &days.to_string(), at, &by)?;
            Ok::<_, StoreError>(())
        })
        .await
    }

    pub(crate) fn db(&self) -> &Db {
        &self.inner.db
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.inner.entropy
    }

    pub(crate) fn entropy_shared(&self) -> Arc<dyn Entropy> {
        Arc::clone(&self.inner.entropy)
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &RegistryConfig {
        &self.inner.config
    }

    /// Stores planned changes of the directory and their ledger entries in one transaction, unless the directory is no longer the one for
    /// which they were planned; then reads it anew.
    pub(crate) async fn commit(
        &self,
        actor: &Actor,
        planned_on: &Directory,
        changes: Changes,
        entries: Vec<LedgerEntry>,
    ) -> Result<(), CommitError> {
        let at = self.clock().now();
        let expected = planned_on.version() + 1;
        let rows = ChangeRows::of(changes, at, &actor.label());
        let salts: Vec<[u8; 32]> = entries.iter().map(|_| self.salt()).collect();
        let committed = self
            .db()
            .write("registry_commit", move |tx| {
                // The counter first: on PostgreSQL its row is the lock that keeps changes of the directory apart.
                if tx.counter_bump(DIRECTORY_VERSION)? != expected {
                    return Err(CommitError::Stale);
                }
                rows.write(tx)?;
                for (entry, salt) in entries.iter().zip(&salts) {
                    tx.ledger_append(at, entry.kind, None, &entry.record, *salt)?;
                }
                Ok(())
            })
            .await;
        let refreshed = self.refresh().await;
        committed?;
        match refreshed {
            Ok(_) => Ok(()),
            Err(OpenRegistryError::Store(error)) => Err(CommitError::Store(error)),
            // The directory has no secrets; the half that has them was not to be read anew by this change.
            Err(OpenRegistryError::Vault(_)) => Ok(()),
        }
    }

    /// Runs a change of systems, tokens, endpoints or settings with its ledger entry in one transaction, then reads that half anew.
    pub(crate) async fn write<T, E>(
        &self,
        name: &'static str,
        entry: LedgerEntry,
        mut change: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, SystemError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        SystemError: From<E>,
    {
        let at = self.clock().now();
        let salt = self.salt();
        let answer = self
            .db()
            .write(name, move |tx| {
                tx.counter_bump(CONNECTIONS_VERSION)?;
                let answer = change(tx)?;
                tx.ledger_append(at, entry.kind, None, &entry.record, salt)?;
                Ok::<T, E>(answer)
            })
            .await?;
        self.refresh().await?;
        Ok(answer)
    }

    fn salt(&self) -> [u8; 32] {
        let mut salt = [0u8; 32];
        self.entropy().fill(&mut salt);
        salt
    }
}

impl From<CommitError> for EventError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Stale => EventError::Contended,
            CommitError::Store(error) => EventError::Store(error),
        }
    }
}

fn read_connections(tx: &mut Tx<'_>) -> Result<ConnectionRows, StoreError> {
    Ok(ConnectionRows {
        version: tx.counter_get(CONNECTIONS_VERSION)?,
        systems: tx.system_list()?,
        agencies: tx.system_agency_list()?,
        tokens: tx.token_list()?,
        webhooks: tx.webhook_list()?,
        connectors: tx.connector_list()?,
    })
}

fn read_transition(tx: &mut Tx<'_>) -> Result<Option<Duration>, StoreError> {
    let Some(setting) = tx.setting_get(TRANSITION_SETTING)? else {
        return Ok(None);
    };
    let days: u64 = setting
        .value
        .parse()
        .map_err(|_| StoreError::corrupt(TRANSITION_SETTING))?;
    Ok(Some(Duration::from_secs(days.saturating_mul(24 * 3600))))
}
