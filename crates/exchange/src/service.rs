//! The exchange as one value: what its operations share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lgsp_base::planted::{Bug, Planted};
use lgsp_base::{Actor, Clock, Entropy, Permission, Timestamp, limits};
use lgsp_store::seal::KeyRing;
use lgsp_store::{Blobs, Db};
use tokio::sync::Notify;

use crate::counters::Counters;
use crate::directory::Directory;
use crate::gate::Gate;

/// What an operator may change.
#[derive(Debug, Clone)]
pub struct ExchangeConfig {
    /// How long a document waits for its recipients.
    pub expiry: Duration,
    /// Refusals after which a delivery is parked.
    pub refusals_max: u32,
    /// Delay before each further try of a push; behind the last one the delivery is dead.
    pub retry_schedule: &'static [Duration],
    /// How long a worker owns a delivery.
    pub lease: Duration,
    /// Deliveries that one worker has under way at once.
    pub deliveries_at_once: usize,
    /// Deliveries under way to one recipient at once.
    pub deliveries_per_recipient: usize,
    /// Whether new documents are taken.
    pub gate: Gate,
    /// Deliberate faults; [`Planted::NONE`] outside of tests.
    pub planted: Planted,
}

impl Default for ExchangeConfig {
    fn default() -> Self {
        Self {
            expiry: limits::DELIVERY_EXPIRY,
            refusals_max: limits::REFUSALS_MAX,
            retry_schedule: &limits::RETRY_SCHEDULE,
            lease: limits::DELIVERY_LEASE,
            deliveries_at_once: limits::DELIVERIES_AT_ONCE,
            deliveries_per_recipient: 8,
            gate: Gate::default(),
            planted: Planted::NONE,
        }
    }
}

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) config: ExchangeConfig,
    pub(crate) counters: Counters,
    /// The keys of dossiers, once the service of dossiers is there.
    pub(crate) keys: OnceLock<KeyRing>,
    /// Rung when a delivery that is pushed may be due.
    pub(crate) wake: Notify,
    /// Rung when a bulk resend was asked for.
    pub(crate) resend_wake: Notify,
}

/// The document exchange; clones share it.
#[derive(Clone)]
pub struct Exchange {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    /// Puts the exchange together.
    pub fn new(
        db: Db,
        blobs: Blobs,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        directory: Arc<dyn Directory>,
        config: ExchangeConfig,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                db,
                blobs,
                clock,
                entropy,
                directory,
                config,
                counters: Counters::default(),
                keys: OnceLock::new(),
                wake: Notify::new(),
                resend_wake: Notify::new(),
            }),
        }
    }

    /// What the exchange counted since it was put together.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.inner.entropy.as_ref()
    }

    pub(crate) fn has_bug(&self, bug: Bug) -> bool {
        self.inner.config.planted.has(bug)
    }

    /// Wakes the push workers.
    pub(crate) fn ring(&self) {
        if !self.has_bug(Bug::LostWakeup) {
            self.inner.wake.notify_one();
        }
    }

    /// A 32-byte salt for a ledger entry.
    pub(crate) fn salt(&self) -> [u8; 32] {
        let mut salt = [0u8; 32];
        self.inner.entropy.fill(&mut salt);
        salt
    }
}

/// True if this actor may do that at all; whose object it is, is asked separately.
pub(crate) const fn may(actor: &Actor, permission: Permission) -> bool {
    actor.may(permission)
}
