//! How long dossiers are kept and under which keys: retention with proof, and the wrapping of data keys under a new key.

use lgsp_base::id::{DeliveryId, DossierId, ReceiptId};
use lgsp_base::problem::{kinds, rules as sentences};
use lgsp_base::{Actor, Permission, Timestamp};
use lgsp_store::dossier::Dossier as Row;
use lgsp_store::exchange::DocumentKind;
use lgsp_store::seal::Place;
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::TransitionTable;

use super::error::DossierError;
use super::rules::{self, RETENTION, RetentionTable, TRANSITIONS};
use super::sealing;
use super::service::Dossiers;
use crate::counters::count;
use crate::erase::EraseReason;
use crate::evidence::{self, Entry};
use crate::service::Exchange;

/// Dossiers looked at in one step of erasing.
const ERASE_BATCH: usize = 50;
/// Data keys wrapped anew in one transaction: small enough that the writer's other work hardly waits.
const REWRAP_BATCH: usize = 200;
/// Data keys under an older key that are counted.
const OLDER_COUNT_MAX: usize = 100_000;
/// Messages read at once.
const MESSAGES_AT_ONCE: usize = 500;

/// How the data keys stand under the key-encryption keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyState {
    /// The current key's number.
    pub current: u32,
    /// Data keys still wrapped under an older one, counted up to a hundred thousand.
    pub older: u64,
}

impl Dossiers {
    /// Looks whether the key file has a new key; true if it does.
    ///
    /// # Errors
    /// The file cannot be used; the keys are those of before then.
    pub async fn reload_keys(&self) -> Result<bool, DossierError> {
        let ring = self.keys()?.clone();
        let reloaded = tokio::task::spawn_blocking(move || ring.reload())
            .await
            .map_err(|_| StoreError::Panicked)?;
        Ok(reloaded?)
    }

    /// Wraps a page of data keys that are under an older key under the current one; gives how many. 0: there are no more.
    ///
    /// # Errors
    /// [`DossierError::Keys`] if the older key is no longer in the file; the store's.
    pub async fn rewrap_step(&self) -> Result<u64, DossierError> {
        let ring = self.keys()?.clone();
        let current = ring.current_number();
        let page = self
            .exchange()
            .inner
            .db
            .read::<_, DossierError, _>("dossier_key_page", move |tx| {
                Ok(tx.dossier_key_page(current, None, REWRAP_BATCH)?)
            })
            .await?;
        if page.is_empty() {
            return Ok(0);
        }
        let mut wrapped = Vec::with_capacity(page.len());
        for (id, old) in page {
            let key = sealing::open_key(&ring, id, &old)?;
            let new = ring.wrap(Place::Key(id), &key, self.exchange().entropy())?;
            wrapped.push((id, old.number, new));
        }
        let done = self
            .exchange()
            .inner
            .db
            .write::<_, DossierError, _>("dossier_rewrap", move |tx| {
                let mut done = 0;
                for (id, was, new) in &wrapped {
                    done += u64::from(tx.dossier_key_replace(*id, *was, new)?);
                }
                Ok(done)
            })
            .await?;
        count(&self.inner.counters.rewrapped, done);
        Ok(done)
    }

    /// How the data keys stand, for metrics and the doctor.
    ///
    /// # Errors
    /// The store's.
    pub async fn key_state(&self) -> Result<KeyState, DossierError> {
        let current = self.keys()?.current_number();
        let older = self
            .exchange()
            .inner
            .db
            .read::<_, DossierError, _>("dossier_key_count", move |tx| {
                Ok(tx.dossier_key_count_older(current, OLDER_COUNT_MAX)?)
            })
            .await?;
        Ok(KeyState { current, older })
    }

    /// Erases every dossier whose time of keeping is over: its key, everything sealed, the contents of its messages, its files. What
    /// proves that they were there stays, and a ledger entry says that they went. A dossier with a message on its way waits. Gives how
    /// many.
    ///
    /// # Errors
    /// The store's; what was erased before stays erased.
    pub async fn erase_due(&self) -> Result<u64, DossierError> {
        let (mut total, mut after) = (0, None);
        loop {
            let now = self.now();
            let page = self
                .exchange()
                .inner
                .db
                .read::<_, DossierError, _>("dossier_list_ended", move |tx| {
                    Ok(tx.dossier_list_ended(now, after, ERASE_BATCH)?)
                })
                .await?;
            let Some(last) = page.last() else {
                return Ok(total);
            };
            after = Some(*last);
            for (_, id) in page {
                let actor = Actor::Platform { part: "retention" };
                let erased = self
                    .erase_one(&actor, id, EraseReason::RetentionEnded)
                    .await?;
                total += u64::from(erased.is_some());
            }
        }
    }

    /// Erases one dossier before its time, by the reason of [`EraseReason`]. The receipt proves it; none if it was erased before, or has
    /// a message on its way.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], [`DossierError::Unknown`].
    pub async fn erase(
        &self,
        actor: &Actor,
        id: DossierId,
        reason: EraseReason,
    ) -> Result<Option<ReceiptId>, DossierError> {
        self.check_admin(actor)?;
        if !actor.may(Permission::DocumentErase) {
            return Err(DossierError::Forbidden);
        }
        self.erase_one(actor, id, reason).await
    }

    async fn erase_one(
        &self,
        actor: &Actor,
        id: DossierId,
        reason: EraseReason,
    ) -> Result<Option<ReceiptId>, DossierError> {
        let (exchange, by, now) = (self.exchange().clone(), actor.clone(), self.now());
        let erased = self
            .exchange()
            .inner
            .db
            .write::<_, DossierError, _>("dossier_erase", move |tx| {
                erase(tx, &exchange, &by, id, reason, now)
            })
            .await?;
        let Some((receipt, blobs)) = erased else {
            return Ok(None);
        };
        for blob in blobs {
            self.exchange().remove_file(blob).await;
        }
        count(&self.inner.counters.erased, 1);
        Ok(Some(receipt))
    }

    /// The table of transitions in force.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], the store's.
    pub async fn transitions(&self, actor: &Actor) -> Result<TransitionTable, DossierError> {
        self.setting(actor, TRANSITIONS).await
    }

    /// Puts another table of transitions in force. Dossiers keep the status they have.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`]; [`DossierError::Invalid`] for a table without a version or a beginning.
    pub async fn set_transitions(
        &self,
        actor: &Actor,
        table: &TransitionTable,
    ) -> Result<(), DossierError> {
        let fault = if table.version.is_empty() {
            Some("version")
        } else if table.initial.is_empty() {
            Some("initial")
        } else {
            None
        };
        self.set_setting(actor, TRANSITIONS, fault, table).await
    }

    /// The table of retention in force.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], the store's.
    pub async fn retention(&self, actor: &Actor) -> Result<RetentionTable, DossierError> {
        self.setting(actor, RETENTION).await
    }

    /// Puts another table of retention in force, for what is pushed from now on.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`]; [`DossierError::Invalid`] for a table that names a class it does not have.
    pub async fn set_retention(
        &self,
        actor: &Actor,
        table: &RetentionTable,
    ) -> Result<(), DossierError> {
        self.set_setting(actor, RETENTION, table.fault(), table)
            .await
    }

    async fn setting<T>(&self, actor: &Actor, key: &'static str) -> Result<T, DossierError>
    where
        T: Default + serde::de::DeserializeOwned + Send + 'static,
    {
        self.check_all(actor)?;
        let db = &self.exchange().inner.db;
        db.read("dossier_setting", move |tx| Ok(rules::table(tx, key)?))
            .await
    }

    async fn set_setting<T: serde::Serialize>(
        &self,
        actor: &Actor,
        key: &'static str,
        fault: Option<&'static str>,
        table: &T,
    ) -> Result<(), DossierError> {
        self.check_admin(actor)?;
        if let Some(place) = fault {
            let problem = kinds::INPUT_INVALID.problem();
            let problem = problem.breaks(place, sentences::FORM.plain());
            return Err(DossierError::Invalid(problem));
        }
        let text = serde_json::to_string(table)
            .map_err(|_| StoreError::corrupt("a table could not be written as JSON"))?;
        let (now, by) = (self.now(), actor.label());
        let db = &self.exchange().inner.db;
        db.write("dossier_setting_put", move |tx| {
            tx.setting_put(key, &text, now, &by)?;
            Ok(())
        })
        .await
    }
}

/// The transaction of an erasure; none if there is nothing to erase, or a message is on its way.
fn erase(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    id: DossierId,
    reason: EraseReason,
    now: Timestamp,
) -> Result<Option<(ReceiptId, Vec<String>)>, DossierError> {
    let row = tx.dossier_lookup(id)?.ok_or(DossierError::Unknown)?;
    let held = tx
        .dossier_hold(&row.code_key)?
        .ok_or(DossierError::Unknown)?;
    if held.erased_at.is_some() || !hold_closed(tx, &held)? {
        return Ok(None);
    }
    let receipt = ReceiptId::generate(now, exchange.entropy());
    let label = actor.label();
    let Some(erased) = tx.dossier_erase(id, &label, reason.name(), Some(receipt), now)? else {
        return Ok(None);
    };
    for document in &erased.documents {
        let document = tx.document_lookup(*document)?.ok_or(StoreError::Missing)?;
        Entry::new(evidence::DOCUMENT_ERASED, now, actor, exchange.salt())
            .with("document", document.id.to_string())
            .with("document_kind", evidence::kind_word(DocumentKind::Dossier))
            .with("sender", document.sender_org.to_string())
            .with("sha256", document.content_sha256.to_string())
            .with("reason", reason.name())
            .append(tx, now)?;
    }
    Entry::new(evidence::DOSSIER_ERASED, now, actor, exchange.salt())
        .receipt(receipt)
        .with("dossier", id.to_string())
        .with("retention", held.retention.clone())
        .with(
            "documents",
            i64::try_from(erased.documents.len()).unwrap_or(i64::MAX),
        )
        .with(
            "files",
            i64::try_from(erased.blobs.len()).unwrap_or(i64::MAX),
        )
        .with("reason", reason.name())
        .append(tx, now)?;
    Ok(Some((receipt, erased.blobs)))
}

/// Holds the pairs of every message in their order; false if one is still on its way.
fn hold_closed(tx: &mut Tx<'_>, row: &Row) -> Result<bool, StoreError> {
    let (mut pairs, mut open, mut after) = (Vec::new(), Vec::<DeliveryId>::new(), 0);
    loop {
        let messages = tx.dossier_messages(row.id, after, MESSAGES_AT_ONCE)?;
        let Some(last) = messages.last() else {
            break;
        };
        after = last.version;
        for message in &messages {
            for delivery in tx.delivery_list_by_document(message.document)? {
                pairs.push((delivery.sender_org, delivery.recipient_org));
                if delivery.state.is_open() {
                    open.push(delivery.id);
                }
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    for (sender, recipient) in pairs {
        tx.pair_confirm(sender, recipient, 0)?;
    }
    Ok(open.is_empty())
}
