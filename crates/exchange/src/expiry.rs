//! What time does: deliveries expire with a notice, old keys are forgotten, orphaned files go.

use std::time::Duration;

use lgsp_base::id::DeliveryId;
use lgsp_base::{Actor, Timestamp, limits};
use lgsp_store::exchange::{Delivery, DeliveryState};
use lgsp_store::{StoreError, Tx};

use crate::counters::count;
use crate::evidence;
use crate::notice::{self, Notice};
use crate::order::{self, Closing, count_closed};
use crate::service::Exchange;

/// Deliveries handled in one transaction.
const BATCH: usize = 200;
/// Expired deliveries that are listed at once.
const LISTED_MAX: usize = 10_000;
/// Keys looked at with one read; the old ones among them are removed in one transaction.
const KEYS_SLICE: usize = 500;

impl Exchange {
    /// Expires every open delivery whose time is up, each with a ledger entry and a notice to its sender; gives how many.
    ///
    /// # Errors
    /// The store's; what was done before stays done.
    pub async fn expire_due(&self) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let now = self.now();
            let due = self
                .inner
                .db
                .read::<_, StoreError, _>("delivery_list_expired", move |tx| {
                    tx.delivery_list_expired(now, LISTED_MAX)
                })
                .await?;
            let mut expired = 0;
            for batch in due.chunks(BATCH) {
                expired += self.expire_batch(batch.to_vec(), now).await?;
            }
            total += expired;
            // What is listed and does not expire was closed by somebody else meanwhile.
            if due.len() < LISTED_MAX || expired == 0 {
                break;
            }
        }
        if total > 0 {
            self.ring();
        }
        Ok(total)
    }

    async fn expire_batch(
        &self,
        batch: Vec<DeliveryId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let exchange = self.clone();
        let expired = self
            .inner
            .db
            .write::<_, StoreError, _>("delivery_expire", move |tx| {
                let mut expired = 0;
                for id in &batch {
                    let delivery = tx.delivery_lookup(*id)?;
                    if let Some(delivery) = delivery.filter(|found| found.expires_at <= now) {
                        expired += u64::from(expire(tx, &exchange, &delivery)?);
                    }
                }
                Ok(expired)
            })
            .await?;
        count_closed(self, DeliveryState::Expired, expired);
        Ok(expired)
    }

    /// Forgets idempotency keys older than `limits::IDEMPOTENCY_KEY_DAYS`; gives how many. All keys are looked at, a slice at
    /// a time and on a reader.
    ///
    /// # Errors
    /// The store's.
    pub async fn purge_keys(&self) -> Result<u64, StoreError> {
        let kept = Duration::from_secs(limits::IDEMPOTENCY_KEY_DAYS * 24 * 3600);
        let before = self.now().minus(kept);
        let (mut total, mut after) = (0, None);
        loop {
            let from = after.take();
            let (old, next) = self
                .inner
                .db
                .read::<_, StoreError, _>("idempotency_list_old", move |tx| {
                    tx.idempotency_list_old(from.as_ref(), before, KEYS_SLICE)
                })
                .await?;
            if !old.is_empty() {
                total += self
                    .inner
                    .db
                    .write::<_, StoreError, _>("idempotency_purge", move |tx| {
                        tx.idempotency_purge(&old, before)
                    })
                    .await?;
            }
            match next {
                Some(place) => after = Some(place),
                None => return Ok(total),
            }
        }
    }

    /// Removes files that no document names and that are older than `limits::ORPHAN_BLOB_AGE`; gives how many. A refused
    /// or repeated submit of a large document can leave one behind.
    ///
    /// # Errors
    /// The store's.
    pub async fn sweep_orphans(&self) -> Result<u64, StoreError> {
        let older_than = self.now().minus(limits::ORPHAN_BLOB_AGE);
        let (blobs, db) = (self.inner.blobs.clone(), self.inner.db.clone());
        let swept = tokio::task::spawn_blocking(move || {
            blobs.sweep(older_than, |name| {
                let name = name.to_owned();
                db.read::<_, StoreError, _>("blob_is_known", move |tx| tx.blob_is_known(&name))
                    .wait()
            })
        })
        .await
        .map_err(|_| StoreError::Panicked)??;
        let removed = swept.orphans + swept.unfinished;
        count(&self.counters().orphans_removed, removed);
        Ok(removed)
    }
}

fn expire(tx: &mut Tx<'_>, exchange: &Exchange, delivery: &Delivery) -> Result<bool, StoreError> {
    let now = exchange.now();
    let actor = Actor::Platform { part: "expiry" };
    let cause = match exchange.inner.directory.receiver(delivery.recipient_org) {
        None => "no_system",
        Some(_) => "not_fetched",
    };
    let closing = Closing {
        state: DeliveryState::Expired,
        kind: evidence::DELIVERY_EXPIRED,
        cause,
        detail: None,
    };
    if !order::close(tx, exchange, &actor, delivery, &closing, now)? {
        return Ok(false);
    }
    let document = tx
        .document_lookup(delivery.document)?
        .ok_or(StoreError::Missing)?;
    let notice = Notice {
        code: "expired",
        title_vi: "Văn bản hết hạn chờ mà bên nhận chưa nhận",
        title_en: "The document expired before its recipient took it",
        document: &document,
        deliveries: std::slice::from_ref(delivery),
    };
    notice::send(tx, exchange, &notice, now)?;
    Ok(true)
}
