//! What the log gives out.

use std::fmt;
use std::time::Duration;

use lgsp_base::{Sha256, Timestamp};
use lgsp_wire::tlog::note::{Signature, SignedNote, VerifierKey};

use super::Entry;

/// An entry and its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEntry {
    /// Its leaf: from 0, without holes, for ever.
    pub leaf: u64,
    /// The entry.
    pub entry: Entry,
}

/// What one round of sealing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Leaves of the newest checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Sha256,
    /// Leaves that it has more than the one before.
    pub new_leaves: u64,
    /// How long the oldest of them waited for it, by the times of entry and checkpoint; zero where the clock went back.
    pub delay: Duration,
}

/// A checkpoint as published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Leaves; the first checkpoint has at least one.
    pub size: u64,
    /// The root over them.
    pub root: Sha256,
    /// When it was signed, by the clock of the node that signed. Says nothing about order.
    pub at: Timestamp,
    /// The signed note (C2SP tlog-checkpoint): the log's signature, and the cosignatures known when it was read.
    pub note: String,
    /// Which key of the log signed it, from 1.
    pub key_number: u64,
    /// Size of the checkpoint before; 0 for the first.
    pub previous: u64,
}

impl StoredCheckpoint {
    /// Puts the cosignatures under the log's own signature.
    pub(crate) fn with_cosignatures(mut self, cosignatures: &[Cosignature]) -> Self {
        if let Ok(mut note) = SignedNote::parse(&self.note) {
            note.signatures
                .extend(cosignatures.iter().map(Cosignature::to_signature));
            self.note = note.encode();
        }
        self
    }
}

/// A witness's signature under a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// Size of the checkpoint.
    pub size: u64,
    /// The witness's key.
    pub key: VerifierKey,
    /// Time and signature, 72 bytes (C2SP tlog-cosignature).
    pub bytes: Vec<u8>,
    /// When it came in.
    pub at: Timestamp,
}

impl Cosignature {
    /// As a line of a note.
    pub fn to_signature(&self) -> Signature {
        Signature {
            name: self.key.name().to_owned(),
            key_id: self.key.key_id(),
            bytes: self.bytes.clone(),
        }
    }
}

/// An RFC 3161 token over a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTimestamp {
    /// Size of the checkpoint that it stamps.
    pub size: u64,
    /// The time that the authority put into it.
    pub gen_time: Timestamp,
    /// When it came in.
    pub at: Timestamp,
    /// The token, DER.
    pub token: Vec<u8>,
    /// The certificate that is trusted: the authority's own or an issuer's, DER.
    pub certificate: Vec<u8>,
}

/// A key of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// From 1, rising.
    pub number: u64,
    /// The verifier key as the note format writes it.
    pub verifier: String,
    /// Checkpoints of this size and more are signed by it, until the next key's size.
    pub from_size: u64,
    /// The statement signed by the key before; `None` for the first key.
    pub succession: Option<String>,
    /// When it was taken into use.
    pub created_at: Timestamp,
}

/// What the log knows of one of its witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessState {
    /// Name of the witness's key.
    pub name: String,
    /// The newest size it cosigned; 0 for none.
    pub size: u64,
    /// When that was.
    pub cosigned_at: Option<Timestamp>,
    /// Its last failure since then, in words for the operator.
    pub failure: Option<String>,
    /// When that was.
    pub failed_at: Option<Timestamp>,
}

/// On which side of the path a sibling stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The sibling is hashed first.
    Left,
    /// The sibling is hashed second.
    Right,
}

/// One step from a leaf to the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathStep {
    /// Where the sibling stands.
    pub side: Side,
    /// Its hash.
    pub hash: Sha256,
}

/// Everything that shows one entry in the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry.
    pub sealed: SealedEntry,
    /// The hash of its leaf.
    pub leaf_hash: Sha256,
    /// The siblings, lowest first.
    pub path: Vec<PathStep>,
    /// The checkpoint to which the path leads.
    pub checkpoint: StoredCheckpoint,
    /// The witnesses that signed it.
    pub cosignatures: Vec<Cosignature>,
    /// The earliest timestamp of a checkpoint that holds the entry.
    pub timestamp: Option<StoredTimestamp>,
}

/// How far a check of the whole log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Leaves that were checked.
    pub leaves: u64,
    /// Leaves there are.
    pub total: u64,
    /// Leaves per second so far; 0 at the beginning.
    pub leaves_per_second: u64,
}

/// A checkpoint that is known from outside: from a witness, a receipt, an earlier check. A log that was rolled back as a whole
/// can only be told by such a one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownCheckpoint {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Sha256,
}

/// What a check of the whole log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsckReport {
    /// Leaves that were checked and found right.
    pub leaves: u64,
    /// Checkpoints that were checked and found right.
    pub checkpoints: u64,
    /// Cosignatures that were checked and found right.
    pub cosignatures: u64,
    /// Timestamps that stand under a checkpoint.
    pub timestamps: u64,
    /// The first position that is not right.
    pub first_bad: Option<BadPosition>,
}

/// What is wrong at a position of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A leaf's entry is gone.
    EntryMissing,
    /// Record and salt are not those that were committed to.
    EntryChanged,
    /// Time or kind in the columns are not those of the record.
    EntryColumns,
    /// A record was erased, and no entry of the log says so.
    EntryErased,
    /// An entry was passed by: it stands before sealed ones and is no leaf.
    EntryUnsealed,
    /// The runs of leaves overlap, leave a hole or end elsewhere than the log.
    Runs,
    /// A stored hash of the tree is another than the entries give.
    Tile,
    /// A checkpoint states another root than the entries give.
    CheckpointRoot,
    /// A checkpoint's signature does not fit the key of its time, or its text says something else than its row.
    CheckpointSignature,
    /// A checkpoint was taken out, or one stands beyond the end of the log.
    CheckpointOrder,
    /// A cosignature or timestamp belongs to no checkpoint or does not fit.
    Evidence,
    /// A key of the log has no valid statement of the one before, or is not the one configured.
    Key,
    /// A receipt names another leaf than the one that carries it.
    Receipt,
    /// Rows cannot be read at all.
    Unreadable,
    /// The log is shorter or other than a checkpoint that is known from outside.
    RolledBack,
}

impl Fault {
    /// A stable code for logs and translation.
    pub const fn code(self) -> &'static str {
        match self {
            Fault::EntryMissing => "entry.missing",
            Fault::EntryChanged => "entry.changed",
            Fault::EntryColumns => "entry.columns",
            Fault::EntryErased => "entry.erased",
            Fault::EntryUnsealed => "entry.unsealed",
            Fault::Runs => "runs.order",
            Fault::Tile => "tile.hash",
            Fault::CheckpointRoot => "checkpoint.root",
            Fault::CheckpointSignature => "checkpoint.signature",
            Fault::CheckpointOrder => "checkpoint.order",
            Fault::Evidence => "checkpoint.evidence",
            Fault::Key => "key.unknown",
            Fault::Receipt => "receipt.leaf",
            Fault::Unreadable => "rows.unreadable",
            Fault::RolledBack => "log.rolled_back",
        }
    }
}

/// Where the log is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadPosition {
    /// What is wrong.
    pub fault: Fault,
    /// The first leaf it may concern.
    pub leaf: u64,
    /// The leaf behind the last it may concern.
    pub leaf_end: u64,
    /// The row of `ledger_entries`, where it is one.
    pub row: Option<i64>,
}

impl BadPosition {
    /// At one leaf.
    pub(crate) const fn at(fault: Fault, leaf: u64, row: Option<i64>) -> Self {
        Self {
            fault,
            leaf,
            leaf_end: leaf.saturating_add(1),
            row,
        }
    }

    /// Somewhere between two leaves.
    pub(crate) const fn within(fault: Fault, leaf: u64, leaf_end: u64) -> Self {
        Self {
            fault,
            leaf,
            leaf_end,
            row: None,
        }
    }
}

impl fmt::Display for BadPosition {
    /// `tile.hash at leaf 17, row 18`, or `checkpoint.root in leaves 16 to 31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.code())?;
        if self.leaf_end <= self.leaf.saturating_add(1) {
            write!(f, " at leaf {}", self.leaf)?;
        } else {
            write!(f, " in leaves {} to {}", self.leaf, self.leaf_end - 1)?;
        }
        match self.row {
            Some(row) => write!(f, ", row {row}"),
            None => Ok(()),
        }
    }
}
