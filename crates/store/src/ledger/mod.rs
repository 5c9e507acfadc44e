//! The append-only trail and the log over it.
//!
//! An [`Entry`] is written in the transaction of the change it describes. A sealer makes entries the leaves of a Merkle tree
//! ([`lgsp_wire::tlog`]), stores the tree as tiles, reads everything back and publishes a signed checkpoint. The leaf index is
//! complete and without holes: projections, events, witnesses and receipts follow it, never the row id and never the clock.

mod entry;

pub use entry::{Entry, KEY_ROTATED, NewEntry, RECORD_ERASED};
