//! The transparency log: a Merkle tree over the commitments of the ledger, and what is signed and proved about it.
//!
//! [`merkle`] computes and checks (RFC 6962, RFC 9162), [`tile`] names and cuts the stored tree (C2SP tlog-tiles).

pub mod merkle;
pub mod tile;
