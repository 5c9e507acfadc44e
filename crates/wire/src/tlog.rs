//! The transparency log: a Merkle tree over the commitments of the ledger, and what is signed and proved about it.
//!
//! [`merkle`] computes and checks (RFC 6962, RFC 9162), [`tile`] names and cuts the stored tree (C2SP tlog-tiles), [`note`],
//! [`checkpoint`] and [`witness`] are what a log signs and others sign for it (C2SP signed-note, tlog-checkpoint,
//! tlog-cosignature, tlog-witness). [`succession`] is the change of a log's key, [`timestamp`] says when somebody else saw it
//! (RFC 3161), [`receipt`] is the file that proves one record to a stranger.

pub mod checkpoint;
pub mod merkle;
pub mod note;
pub mod receipt;
pub mod succession;
pub mod tile;
pub mod timestamp;
pub mod witness;

/// Text of strangers as it may be shown: what would move the cursor, start a line or turn the direction of writing is replaced.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                '\u{fffd}'
            }
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}
