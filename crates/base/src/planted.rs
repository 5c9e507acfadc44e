//! Deliberate faults, so that every checker can show that it catches something.
//!
//! Without the feature `planted-bugs` this is an empty value and [`Planted::has`] is `false` at compile time. With it, a
//! test passes `Planted::with(Bug::…)` into the options of the part under test and expects the invariant checker to fail.

/// One way to break a promise (reliability.md §3.4, column "planted bug").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Bug {
    /// D1: answer before the transaction is committed.
    AckBeforeCommit = 1 << 0,
    /// D1: SQLite with `synchronous=OFF`, so that a power cut loses acknowledged work.
    NoSync = 1 << 1,
    /// D3: the idempotency key is not stored.
    ForgetIdempotencyKey = 1 << 2,
    /// D4: the content is not compared when a key comes back.
    IgnoreKeyConflict = 1 << 3,
    /// D5: a lease has no fencing number.
    NoFencing = 1 << 4,
    /// D6: deliveries of a pair do not wait for each other.
    NoPairOrder = 1 << 5,
    /// D7: a delivery that is due is never woken.
    LostWakeup = 1 << 6,
    /// D8: the row is written although the blob was not synced and renamed.
    RowBeforeBlob = 1 << 7,
    /// D9: the disk reserve is not kept.
    NoDiskReserve = 1 << 8,
    /// D10: go on acknowledging after a failed sync.
    RetryAfterFailedSync = 1 << 9,
    /// D11: stored content is served without comparing its hash.
    ServeUnchecked = 1 << 10,
    /// D2: a recipient outside the request also gets the document.
    InventDelivery = 1 << 11,
    /// A1: the sealer passes an entry by, and no leaf stands for it.
    SealSkipsEntry = 1 << 12,
    /// A2: a checkpoint is published without reading the entries again.
    CheckpointBeforeReread = 1 << 13,
    /// A4: a checkpoint is published although there is another one of its size.
    ForkAtEqualSize = 1 << 14,
    /// A8: entries become leaves in the order of their times.
    LeavesByClock = 1 << 15,
    /// A8: checkpoints and receipts are signed although the clock is far off.
    SignDespiteSkew = 1 << 16,
    /// A5: a receipt is found valid although the statements between its keys were not checked.
    SkipSuccession = 1 << 17,
    /// A7: stamps count as fresh although the authority gave none.
    StampsAlwaysFresh = 1 << 18,
    /// A checkpoint is published only every few seconds.
    SealLate = 1 << 19,
    /// A comparison with a portal passes by what the portal does not have.
    ReconcileSkipsMissing = 1 << 28,
    /// The body of a dossier is stored as it came, and not sealed.
    DossierInClear = 1 << 29,
    /// Looking at a dossier leaves no trace.
    LookUnrecorded = 1 << 30,
    /// The state of a dossier is written although its document was not accepted with it.
    DossierWithoutDocument = 1 << 31,
    /// A delivery that is sent again is counted as another business transaction.
    CountResendTwice = 1 << 20,
    /// A9: credentials of requests are written into the log.
    LogSecrets = 1 << 26,
    /// D5: a resend does not look whether the delivery was sent again already.
    ResendTwice = 1 << 24,
}

/// The set of faults switched on; empty and free without the feature `planted-bugs`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Planted {
    #[cfg(feature = "planted-bugs")]
    bits: u32,
}

impl Planted {
    /// No fault.
    pub const NONE: Planted = Planted {
        #[cfg(feature = "planted-bugs")]
        bits: 0,
    };

    /// One fault.
    #[cfg(feature = "planted-bugs")]
    pub const fn with(bug: Bug) -> Self {
        Self { bits: bug as u32 }
    }

    /// True if this fault is switched on.
    #[cfg(feature = "planted-bugs")]
    pub const fn has(self, bug: Bug) -> bool {
        self.bits & (bug as u32) != 0
    }

    /// Always false: the feature is off.
    #[cfg(not(feature = "planted-bugs"))]
    #[inline(always)]
    pub const fn has(self, _bug: Bug) -> bool {
        false
    }
}
