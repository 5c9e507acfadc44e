//! The append-only trail and the log over it.
//!
//! An [`Entry`] is written in the transaction of the change it describes. A sealer makes entries the leaves of a Merkle tree
//! ([`lgsp_wire::tlog`]), stores the tree as tiles, reads everything back and publishes a signed checkpoint. The leaf index is
//! complete and without holes: projections, events, witnesses and receipts follow it, never the row id and never the clock.

mod clock;
mod entry;
mod error;
mod evidence;
mod fsck;
mod keys;
mod model;
mod plan;
mod proofs;
mod receipts;
mod rows;
mod runs;
mod seal;
mod service;

pub use clock::{ClockSkew, ClockSource};
pub use entry::{CLOCK_ACCEPTED, CLOCK_STEPPED, Entry, KEY_ROTATED, NewEntry, RECORD_ERASED};
pub use error::LedgerError;
pub use model::{
    BadPosition, Cosignature, Fault, FsckReport, KnownCheckpoint, PathStep, Progress, Proof,
    Sealed, SealedEntry, Side, StoredCheckpoint, StoredKey, StoredTimestamp, WitnessState,
};
pub use proofs::Subject;
pub use service::{Ledger, LedgerConfig};

#[cfg(test)]
mod tests;
