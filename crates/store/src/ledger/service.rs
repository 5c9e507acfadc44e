//! [`Ledger`]: the log as the rest of the house sees it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use lgsp_base::hash::to_hex;
use lgsp_base::planted::Planted;
use lgsp_base::{Clock, Entropy, limits};
use lgsp_wire::tlog::note::{Algorithm, Signer, VerifierKey};
use lgsp_wire::tlog::tile::{BundleId, TileId, WIDTH, encode_bundle};
use tokio::sync::watch;

use super::clock::ClockWatch;
use super::rows::count;
use super::seal::GapWatch;
use super::{LedgerError, SealedEntry, StoredCheckpoint, StoredKey};
use crate::db::Db;
use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// What a log needs besides its database.
#[derive(Debug, Clone)]
pub struct LedgerConfig {
    /// The name of the log in its checkpoints: a host name and perhaps a path, `ledger.example.gov.vn`.
    pub origin: String,
    /// The platform's name, for the cover page of receipts; at most 300 characters.
    pub platform: String,
    /// The newest key; its name is the origin.
    pub signer: Arc<dyn Signer>,
    /// For salts and the name of this node's lease.
    pub entropy: Arc<dyn Entropy>,
    /// Deliberate faults; [`Planted::NONE`] outside of tests.
    pub planted: Planted,
}

/// The key that signs, and its number.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) number: u64,
    pub(crate) signer: Arc<dyn Signer>,
}

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) origin: String,
    pub(crate) platform: String,
    pub(crate) planted: Planted,
    /// Names this handle in the lease.
    pub(crate) sealer: String,
    pub(crate) current: RwLock<Current>,
    /// One round of sealing at a time.
    pub(crate) sealing: tokio::sync::Mutex<GapWatch>,
    pub(crate) newest: watch::Sender<u64>,
    /// What is known of the clock.
    pub(crate) watch: Mutex<ClockWatch>,
}

/// The log: sealing, reading, proving, checking. Clones share it.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) inner: Arc<Inner>,
}

impl Ledger {
    /// Opens the log of a database; the first time, the signer's key becomes the log's first key.
    ///
    /// # Errors
    /// A key that is not the newest of this log, or not one for this origin, or the store's error.
    pub async fn open(
        db: Db,
        clock: Arc<dyn Clock>,
        config: LedgerConfig,
    ) -> Result<Self, LedgerError> {
        let key = config.signer.key();
        if key.name() != config.origin || key.algorithm() != Algorithm::Ed25519 {
            return Err(LedgerError::UnusableKey {
                origin: config.origin,
            });
        }
        let verifier = key.to_string();
        let at = clock.now();
        let known = verifier.clone();
        let (newest, published, floor) = db
            .write("ledger_open", move |tx| {
                tx.ledger_first_key(&known, at)?;
                let keys = tx.ledger_keys()?;
                let newest = keys.into_iter().next_back();
                let floor = tx.ledger_clock_floor()?;
                Ok::<_, StoreError>((newest, tx.ledger_head()?.published, floor))
            })
            .await?;
        let stored = newest.ok_or(StoreError::Missing)?;
        if stored.verifier != verifier {
            return Err(LedgerError::ForeignKey {
                stored: stored.verifier,
                given: verifier,
            });
        }
        let mut name = [0; 8];
        config.entropy.fill(&mut name);
        let watch = Mutex::new(ClockWatch::new(clock.as_ref(), floor));
        Ok(Self {
            inner: Arc::new(Inner {
                db,
                watch,
                clock,
                entropy: config.entropy,
                origin: config.origin,
                platform: config.platform,
                planted: config.planted,
                sealer: to_hex(&name),
                current: RwLock::new(Current {
                    number: stored.number,
                    signer: config.signer,
                }),
                sealing: tokio::sync::Mutex::default(),
                newest: watch::Sender::new(published),
            }),
        })
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// The key that signs checkpoints now.
    pub fn verifier_key(&self) -> VerifierKey {
        self.current().signer.key().clone()
    }

    /// Every key the log had, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn keys(&self) -> Result<Vec<StoredKey>, LedgerError> {
        let keys = self
            .inner
            .db
            .read("ledger_keys", |tx| tx.ledger_keys())
            .await?;
        Ok(keys)
    }

    pub(crate) fn current(&self) -> Current {
        self.inner
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The size of the newest checkpoint, now and whenever it grows. On a node that does not seal itself, it grows when
    /// [`Ledger::seal`] is called.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.newest.subscribe()
    }

    /// Tells those who wait that the log has this size, unless they know more.
    pub(crate) fn announce(&self, published: u64) {
        self.inner.newest.send_if_modified(|known| {
            let is_newer = published > *known;
            *known = published.max(*known);
            is_newer
        });
    }

    /// Up to `limit` sealed entries from a leaf on, in order; empty at the end. What comes out here never changes.
    ///
    /// # Errors
    /// The store's; [`StoreError::Corrupt`] if a leaf has lost its entry.
    pub async fn leaves(&self, from: u64, limit: usize) -> Result<Vec<SealedEntry>, LedgerError> {
        let limit = limit.min(limits::LEDGER_LEAVES_MAX);
        let entries = self
            .inner
            .db
            .read("ledger_leaves", move |tx| tx.ledger_leaves(from, limit))
            .await?;
        Ok(entries)
    }

    /// The newest checkpoint; `None` before the first seal.
    ///
    /// # Errors
    /// The store's.
    pub async fn checkpoint(&self) -> Result<Option<StoredCheckpoint>, LedgerError> {
        let checkpoint = self
            .inner
            .db
            .read("ledger_checkpoint", |tx| tx.ledger_checkpoint(u64::MAX))
            .await?;
        Ok(checkpoint)
    }

    /// The checkpoint of exactly this size.
    ///
    /// # Errors
    /// The store's.
    pub async fn checkpoint_at(&self, size: u64) -> Result<Option<StoredCheckpoint>, LedgerError> {
        let checkpoint = self
            .inner
            .db
            .read("ledger_checkpoint_at", move |tx| tx.ledger_checkpoint(size))
            .await?;
        Ok(checkpoint.filter(|found| found.size == size))
    }

    /// Up to `limit` checkpoints below a size, newest first, without cosignatures; begin with `u64::MAX`.
    ///
    /// # Errors
    /// The store's.
    pub async fn checkpoints(
        &self,
        below: u64,
        limit: usize,
    ) -> Result<Vec<StoredCheckpoint>, LedgerError> {
        let limit = limit.min(limits::PAGE_SIZE_MAX);
        let page = self
            .inner
            .db
            .read("ledger_checkpoints", move |tx| {
                tx.ledger_checkpoint_list_back(below, limit)
            })
            .await?;
        Ok(page)
    }

    /// The bytes of a tile of the published tree, partial ones of earlier sizes included.
    ///
    /// # Errors
    /// The store's.
    pub async fn tile(&self, id: TileId) -> Result<Option<Vec<u8>>, LedgerError> {
        let tile = self
            .inner
            .db
            .read("ledger_tile", move |tx| tx.ledger_published_tile(id))
            .await?;
        Ok(tile)
    }

    /// The bytes of an entry bundle of the published tree: commitments of 32 bytes.
    ///
    /// # Errors
    /// The store's; [`StoreError::Corrupt`] if a leaf has lost its entry.
    pub async fn bundle(&self, id: BundleId) -> Result<Option<Vec<u8>>, LedgerError> {
        let bundle = self
            .inner
            .db
            .read("ledger_bundle", move |tx| tx.ledger_bundle(id))
            .await?;
        Ok(bundle)
    }

    /// Entries that are no leaves yet, at most `limit`: what the next rounds of sealing will find.
    ///
    /// # Errors
    /// The store's.
    pub async fn waiting(&self, limit: usize) -> Result<u64, LedgerError> {
        let waiting = self
            .inner
            .db
            .read("ledger_waiting", move |tx| tx.ledger_waiting(limit))
            .await?;
        Ok(waiting)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("origin", &self.inner.origin)
            .field("newest", &*self.inner.newest.borrow())
            .finish_non_exhaustive()
    }
}

impl Tx<'_> {
    /// The newest checkpoint up to a size, with its cosignatures.
    pub(crate) fn ledger_checkpoint(
        &mut self,
        size: u64,
    ) -> Result<Option<StoredCheckpoint>, StoreError> {
        let Some(checkpoint) = self.ledger_checkpoint_upto(size)? else {
            return Ok(None);
        };
        let cosignatures = self.ledger_cosignatures(checkpoint.size)?;
        Ok(Some(checkpoint.with_cosignatures(&cosignatures)))
    }

    fn ledger_published_tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, StoreError> {
        let published = self.ledger_head()?.published;
        let is_there =
            TileId::at(id.level, id.index, published).is_some_and(|whole| id.width <= whole.width);
        if !is_there {
            return Ok(None);
        }
        let mut hashes = self.ledger_tile(id)?.ok_or_else(|| {
            StoreError::corrupt(format_args!("ledger tile {id} is missing or damaged"))
        })?;
        hashes.truncate(usize::from(id.width) * 32);
        Ok(Some(hashes))
    }

    fn ledger_bundle(&mut self, id: BundleId) -> Result<Option<Vec<u8>>, StoreError> {
        let published = self.ledger_head()?.published;
        let range = id
            .index
            .checked_mul(u64::from(WIDTH))
            .and_then(|from| Some((from, from.checked_add(u64::from(id.width))?)));
        let Some((from, to)) = range.filter(|(_, to)| *to <= published) else {
            return Ok(None);
        };
        let commitments = self.ledger_visit(from, to, |_, row| row.sha256(6))?;
        if commitments.len() != usize::from(id.width) {
            return Err(StoreError::corrupt(format_args!(
                "a leaf from {from} on has no entry"
            )));
        }
        let entries = commitments
            .iter()
            .map(|(_, commitment)| commitment.0.as_slice());
        encode_bundle(entries)
            .map(Some)
            .map_err(StoreError::corrupt)
    }

    fn ledger_waiting(&mut self, limit: usize) -> Result<u64, StoreError> {
        let head = self.ledger_head()?;
        let new = self.query_one(
            "SELECT COUNT(*) FROM (SELECT id FROM ledger_entries WHERE id >= $1 LIMIT $2) AS waiting",
            params![head.next_id, limit],
            |row| count(row, 0),
        )?;
        Ok(new.saturating_add(head.size.saturating_sub(head.published)))
    }
}
