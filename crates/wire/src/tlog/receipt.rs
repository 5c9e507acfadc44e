//! Receipt bundles: one file that proves, offline and with public keys alone, that a record stands in the log.
//!
//! A [`Bundle`] is made by [`Bundle::sign`], written by [`Bundle::encode`] in one canonical form and judged by [`verify`], which gives a
//! [`Report`] in stable codes and in words. The cover page is rendered from the bundle by [`cover`] and not stored in it. The format is
//! described in `docs/specs/receipt.md`, so that a stranger can write a verifier.

mod bundle;
mod claimed;
mod cover;
mod report;
mod verify;

pub use bundle::{Bundle, DecodeBundleError, Parts, StampedBy};
pub use claimed::claimed;
pub use cover::{CoverLine, CoverPage, cover};
pub use report::{Check, Facts, Name, Outcome, Reason, Report};
pub use verify::{verify, verify_with};

/// What the file's last extension is.
pub const FILE_EXTENSION: &str = "lgsp-receipt";
/// Media type of a bundle.
pub const MEDIA_TYPE: &str = "application/vnd.lgsp.receipt+json";

#[cfg(test)]
mod tests;
