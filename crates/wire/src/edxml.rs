//! edXML, the packet of official documents (QCVN 102:2016/BTTTT; protocols §1).
//!
//! [`Reader`] takes a packet in pieces of any size and never holds more of it than its header and one block of an
//! attachment; [`Packet`] is what it found; [`validate()`] says what a packet lacks; [`write_document`] and
//! [`write_status`] produce the form that the SDK of the national axis reads. Local names are matched without regard to
//! letter case and order, as the SDK does, but only in the edXML namespace.

mod archive;
mod base64;
mod builder;
mod content;
mod error;
mod limits;
mod markup;
mod model;
mod names;
mod reader;
mod scan;
mod schema;
mod tokenizer;
mod tree;
mod validate;
mod writer;

#[cfg(test)]
mod tests;

pub use archive::{ArchiveError, SingleEntry, UnpackError, is_zip_wrapped, unpack_attachment};
pub use content::{Magic, display_name};
pub use error::{Cause, EdxmlError, SinkError};
pub use limits::Limits;
pub use model::*;
pub use reader::{AttachmentSink, Discard, Parsed, Reader, Tolerance, read_all};
pub(crate) use tokenizer::{Handler, StartTag, Tokenizer};
pub use validate::{Violation, secrecy_mark, to_problem, validate};
pub(crate) use writer::escape;
pub use writer::{AttachmentBody, Encoding, encoding_for, write_document, write_status};

/// The namespace of edXML packets.
pub const NAMESPACE: &str = "http://www.mic.gov.vn/TBT/QCVN_102_2016";
/// The namespace of XML signatures.
pub(crate) const DSIG_NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";
