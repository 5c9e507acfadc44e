//! The push reader: pieces of a packet go in, attachment bytes go to a sink, the model comes out at the end.
//!
//! Held in memory are the known elements of the header (under `header_bytes`), one tag and one block of base64. Errors and
//! results do not depend on how the bytes were cut.

use super::builder::Builder;
use super::error::{Cause, EdxmlError, SinkError};
use super::limits::Limits;
use super::markup::is_xml_char;
use super::model::Packet;
use super::scan;
use super::schema::ROOT;
use super::tokenizer::{Fault, Tokenizer};
use super::tree;

/// Receives the decoded bytes of attachments, as they stand in the packet: still zipped where they were zipped.
///
/// Nothing given to it may be trusted before [`Reader::finish`] returns `Ok`.
pub trait AttachmentSink {
    /// The attachment at `index` (from 0, in packet order) begins.
    fn begin(&mut self, index: usize);
    /// The next bytes of it, never empty.
    ///
    /// # Errors
    /// Ends the reading with [`Cause::Sink`].
    fn chunk(&mut self, bytes: &[u8]) -> Result<(), SinkError>;
    /// It is complete.
    fn end(&mut self);
}

/// Keeps no attachment bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Discard;

impl AttachmentSink for Discard {
    fn begin(&mut self, _index: usize) {}
    fn chunk(&mut self, _bytes: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }
    fn end(&mut self) {}
}

/// A known fault of producers that the reader looked past (protocols §1.11); to be recorded with the document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tolerance {
    /// A byte order mark.
    ByteOrderMark,
    /// This many bytes before the XML declaration (XM13).
    Junk(usize),
    /// An element in unusual letter case; holds the usual name.
    LetterCase(&'static str),
    /// `AttachmentEncoded` or `Attachment` with a prefix; holds which.
    Prefixed(&'static str),
    /// A signature outside the XML signature namespace.
    SignatureNamespace,
}

/// A packet that was read.
#[derive(Debug)]
pub struct Parsed<S> {
    /// What it says.
    pub packet: Packet,
    /// What was looked past, each once, in a fixed order.
    pub tolerances: Vec<Tolerance>,
    /// Bytes of the whole packet.
    pub bytes: u64,
    /// The sink that was passed in.
    pub sink: S,
}

/// Reads one packet.
///
/// ```
/// use lgsp_wire::edxml::{Discard, Limits, Packet, Reader};
/// let bytes = include_bytes!("../../fixtures/status_01_arrived.edxml");
/// let mut reader = Reader::new(Limits::default(), Discard);
/// for piece in bytes.chunks(7) {
///     reader.push(piece)?;
/// }
/// let Packet::Status(status) = reader.finish()?.packet else { unreachable!() };
/// assert_eq!(status.status_code, "01");
/// # Ok::<(), lgsp_wire::edxml::EdxmlError>(())
/// ```
#[derive(Debug)]
pub struct Reader<S> {
    limits: Limits,
    tokenizer: Tokenizer,
    builder: Builder<S>,
    /// Bytes of a character that the last piece cut in two.
    carry: Vec<u8>,
    bytes: u64,
    has_failed: bool,
}

impl<S: AttachmentSink> Reader<S> {
    /// Starts before the first byte.
    pub fn new(limits: Limits, sink: S) -> Self {
        Self {
            limits,
            tokenizer: Tokenizer::new(limits),
            builder: Builder::new(limits, sink),
            carry: Vec::with_capacity(4),
            bytes: 0,
            has_failed: false,
        }
    }

    /// Takes the next bytes, cut anywhere.
    ///
    /// # Errors
    /// The first fault of the packet, or the sink's; every later call then fails with [`Cause::Failed`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), EdxmlError> {
        if self.has_failed {
            return Err(self.error(Fault {
                cause: Cause::Failed,
                at: self.bytes,
            }));
        }
        let result = self.take(bytes).map_err(|fault| self.error(fault));
        self.has_failed = result.is_err();
        result
    }

    /// Ends the packet and gives its model.
    ///
    /// # Errors
    /// A packet that is cut off or lacks its frame.
    pub fn finish(self) -> Result<Parsed<S>, EdxmlError> {
        let ended = if self.has_failed {
            Err(self.tokenizer.fault(Cause::Failed))
        } else if self.carry.is_empty() {
            self.tokenizer.finish()
        } else {
            Err(self.tokenizer.fault(NOT_UTF8))
        };
        ended.map_err(|fault| self.error(fault))?;
        let bytes = self.bytes;
        let mut tolerances = self.builder.tolerances;
        if self.tokenizer.has_bom() {
            tolerances.insert(Tolerance::ByteOrderMark);
        }
        if self.tokenizer.junk_bytes() > 0 {
            tolerances.insert(Tolerance::Junk(self.tokenizer.junk_bytes()));
        }
        let packet = self
            .builder
            .root
            .ok_or(Cause::Invalid("no edXML element"))
            .and_then(|root| tree::packet(&root, self.builder.attachments, self.builder.signature))
            .map_err(|cause| EdxmlError {
                cause,
                at: bytes,
                path: ROOT.name.to_owned(),
            })?;
        Ok(Parsed {
            packet,
            tolerances: tolerances.into_iter().collect(),
            bytes,
            sink: self.builder.sink,
        })
    }

    /// Bytes that the reader holds at this moment, apart from the model's texts; stays flat whatever the attachments' size.
    pub fn buffered_bytes(&self) -> usize {
        self.carry.capacity() + self.tokenizer.buffered_bytes() + self.builder.buffered_bytes()
    }

    #[cfg(test)]
    pub(crate) fn steps(&self) -> u64 {
        self.tokenizer.steps
    }

    fn error(&self, fault: Fault) -> EdxmlError {
        EdxmlError {
            cause: fault.cause,
            at: fault.at,
            path: self.builder.path(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let room = self.limits.document_bytes - self.bytes;
        let (bytes, is_over) = match usize::try_from(room).ok().and_then(|r| bytes.get(..r)) {
            Some(head) if head.len() < bytes.len() => (head, true),
            _ => (bytes, false),
        };
        self.bytes += bytes.len() as u64;
        let mut rest = bytes;
        while let (false, Some((first, tail))) = (self.carry.is_empty(), rest.split_first()) {
            self.carry.push(*first);
            rest = tail;
            let carried = std::mem::take(&mut self.carry);
            self.characters(&carried)?;
        }
        self.characters(rest)?;
        if is_over {
            return Err(self.tokenizer.fault(Cause::TooLarge));
        }
        Ok(())
    }

    /// Hands the valid characters on and keeps a cut one.
    fn characters(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let (valid, error) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), Some(error))
            }
        };
        match forbidden(valid) {
            Some(bad) => {
                let good = valid.get(..bad).unwrap_or_default();
                self.tokenizer.push(good, &mut self.builder)?;
                return Err(self
                    .tokenizer
                    .fault(Cause::Malformed("forbidden character")));
            }
            None => self.tokenizer.push(valid, &mut self.builder)?,
        }
        match error {
            Some(error) if error.error_len().is_some() => Err(self.tokenizer.fault(NOT_UTF8)),
            Some(error) => {
                self.carry
                    .extend_from_slice(bytes.get(error.valid_up_to()..).unwrap_or_default());
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// The place of the first character that XML forbids. Only control characters, U+FFFE and U+FFFF are candidates, which
/// their first byte shows.
fn forbidden(text: &str) -> Option<usize> {
    let may_be_bad = |byte: u8| {
        let is_control = (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r');
        is_control | (byte == 0xEF)
    };
    let from = scan::position(text.as_bytes(), may_be_bad)?;
    let tail = text.get(from..)?;
    tail.find(|c| !is_xml_char(c)).map(|at| from + at)
}

const NOT_UTF8: Cause = Cause::Malformed("not UTF-8");

/// Reads a packet that is in memory, without keeping its attachments.
///
/// # Errors
/// As [`Reader::push`] and [`Reader::finish`].
pub fn read_all(bytes: &[u8], limits: Limits) -> Result<Parsed<Discard>, EdxmlError> {
    let mut reader = Reader::new(limits, Discard);
    reader.push(bytes)?;
    reader.finish()
}
