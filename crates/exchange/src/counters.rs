//! What the exchange did since it started, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the counters once for the live and the read form.
macro_rules! counters {
    ($live:ident, $read:ident: $($(#[$doc:meta])* $name:ident,)*) => {
        /// Live counters; only ever added to.
        #[derive(Debug, Default)]
        pub struct $live { $($(#[$doc])* pub $name: std::sync::atomic::AtomicU64,)* }

        /// The counters at one moment.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $read { $($(#[$doc])* pub $name: u64,)* }

        impl $live {
            /// Reads all of them.
            pub fn read(&self) -> $read {
                let now = std::sync::atomic::Ordering::Relaxed;
                $read { $($name: self.$name.load(now),)* }
            }
        }
    };
}
pub(crate) use counters;

counters! {
    Counters, ExchangeCounters:
    /// Documents accepted.
    submitted,
    /// Submits answered with an earlier acceptance.
    repeated,
    /// Submits refused.
    refused,
    /// Deliveries made.
    deliveries,
    /// Contents handed over to a recipient that fetches.
    handed_over,
    /// Pushes tried.
    pushed,
    /// Deliveries confirmed.
    delivered,
    /// Refusals by recipients.
    refused_by_recipient,
    /// Deliveries parked.
    parked,
    /// Deliveries dead.
    dead,
    /// Deliveries expired.
    expired,
    /// Deliveries cancelled.
    cancelled,
    /// Deliveries sent again.
    resent,
    /// Status reports recorded.
    statuses,
    /// Orphaned blobs removed.
    orphans_removed,
    /// Leases that another worker had taken when this one came back.
    leases_lost,
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
