//! The push reader: pieces of a packet go in, attachment bytes go to a sink, the model comes out at the end.
//!
//! Held in memory are the known elements of the header (under `header_bytes`), one tag and one block of base64. Errors and
//! results do not depend on how the bytes were cut.

use std::collections::BTreeSet;

use lgsp_base::Sha256;
use lgsp_base::hash::Sha256Hasher;

use super::archive::{ArchiveError, SingleEntry, is_zip_wrapped};
use super::base64::Decoder;
use super::content::{FIRST_BYTES, check_type};
use super::error::{Cause, EdxmlError, SinkError};
use super::limits::Limits;
use super::model::{Attachment, AttachmentContent, Packet, SignatureSummary};
use super::schema::{Kind, ROOT};
use super::tokenizer::{Fault, Handler, StartTag, Tokenizer, is_xml_char};
use super::tree::{self, Node};
use super::{DSIG_NAMESPACE, NAMESPACE};

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
        let content = self.builder.content.as_ref().map_or(0, |content| {
            content.decoder.buffered_bytes()
                + content
                    .archive
                    .as_ref()
                    .map_or(0, |archive| archive.entry.buffered_bytes())
        });
        self.carry.capacity() + self.tokenizer.buffered_bytes() + content
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
    let may_be_bad =
        |byte: &u8| (*byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || *byte == 0xEF;
    let from = text.as_bytes().iter().position(may_be_bad)?;
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

/// Namespaces of older or home-made formats that are named in the refusal (protocols §1.11).
const FOREIGN_FORMATS: [&str; 2] = ["http://www.e-doc.vn/Schema/", "http://www.go.vn/eDoc"];

fn is_foreign_format(namespace: &str) -> bool {
    FOREIGN_FORMATS.iter().any(|known| {
        namespace
            .trim_end_matches('/')
            .eq_ignore_ascii_case(known.trim_end_matches('/'))
    })
}

/// The zip check of one attachment. It runs before it is known whether it is needed: the type may stand behind the text.
#[derive(Debug)]
struct ArchiveCheck {
    entry: SingleEntry,
    fault: Option<ArchiveError>,
    first: Vec<u8>,
}

/// The attachment text being read.
#[derive(Debug)]
struct Content {
    decoder: Decoder,
    hasher: Sha256Hasher,
    bytes: u64,
    first: Vec<u8>,
    archive: Option<ArchiveCheck>,
}

/// The attachment text that was read last.
#[derive(Debug)]
struct Finished {
    bytes: u64,
    sha256: Sha256,
    first: Vec<u8>,
    archive: Option<ArchiveCheck>,
}

fn keep_first(first: &mut Vec<u8>, bytes: &[u8]) {
    let room = FIRST_BYTES.saturating_sub(first.len());
    first.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}

/// Builds the tree of known elements.
#[derive(Debug)]
struct Builder<S> {
    limits: Limits,
    sink: S,
    open: Vec<Node>,
    root: Option<Node>,
    /// Open elements inside an unknown element or a signature, that one included.
    skipping: usize,
    is_in_signature: bool,
    signature: Option<SignatureSummary>,
    content: Option<Content>,
    finished: Option<Finished>,
    attachments: Vec<Attachment>,
    contents: usize,
    /// Bytes of the present element's text.
    text_bytes: usize,
    content_text_bytes: u64,
    tolerances: BTreeSet<Tolerance>,
}

impl<S: AttachmentSink> Builder<S> {
    fn new(limits: Limits, sink: S) -> Self {
        Self {
            limits,
            sink,
            open: Vec::new(),
            root: None,
            skipping: 0,
            is_in_signature: false,
            signature: None,
            content: None,
            finished: None,
            attachments: Vec::new(),
            contents: 0,
            text_bytes: 0,
            content_text_bytes: 0,
            tolerances: BTreeSet::new(),
        }
    }

    fn path(&self) -> String {
        if self.open.is_empty() {
            return "-".to_owned();
        }
        let names: Vec<&str> = self.open.iter().map(|node| node.spec.name).collect();
        names.join("/")
    }

    fn check_header(&self, at: u64) -> Result<(), Cause> {
        if at.saturating_sub(self.content_text_bytes) > self.limits.header_bytes {
            return Err(Cause::Limit("bytes without attachments"));
        }
        Ok(())
    }

    fn skip(&mut self) {
        self.skipping = 1;
    }

    fn start_root(&mut self, tag: &StartTag<'_>) -> Result<(), Cause> {
        if tag.namespace != NAMESPACE {
            return Err(Cause::Namespace(tag.namespace.to_owned()));
        }
        if !tag.local.eq_ignore_ascii_case(ROOT.name) {
            return Err(Cause::Invalid("the root element is not edXML"));
        }
        self.note(ROOT.name, tag);
        self.open.push(Node::new(&ROOT));
        Ok(())
    }

    fn note(&mut self, name: &'static str, tag: &StartTag<'_>) {
        if tag.local != name {
            self.tolerances.insert(Tolerance::LetterCase(name));
        }
        if !tag.prefix.is_empty() && matches!(name, "AttachmentEncoded" | "Attachment") {
            self.tolerances.insert(Tolerance::Prefixed(name));
        }
    }

    fn start_signature(&mut self, tag: &StartTag<'_>) -> Result<(), Cause> {
        let is_dsig = match tag.namespace {
            DSIG_NAMESPACE => true,
            NAMESPACE => false,
            other => return Err(Cause::Namespace(other.to_owned())),
        };
        if !is_dsig {
            self.tolerances.insert(Tolerance::SignatureNamespace);
        }
        let summary = self.signature.get_or_insert_default();
        summary.is_dsig |= is_dsig;
        self.is_in_signature = true;
        self.skip();
        Ok(())
    }

    fn note_algorithm(&mut self, tag: &StartTag<'_>) {
        let (true, Some(summary)) = (self.is_in_signature, self.signature.as_mut()) else {
            return;
        };
        for attribute in tag.attributes {
            if attribute.name.eq_ignore_ascii_case("Algorithm") {
                // xmldsig#rsa-sha1, xmldsig#sha1, xmldsig#hmac-sha1, xmldsig#dsa-sha1.
                summary.is_legacy |= attribute.value.to_ascii_lowercase().ends_with("sha1");
                summary.algorithms.push(attribute.value.clone());
            }
        }
    }

    fn start_content(&mut self) -> Result<(), Cause> {
        if self.contents >= self.limits.attachments {
            return Err(Cause::Limit("attachments"));
        }
        self.content = Some(Content {
            decoder: Decoder::new(),
            hasher: Sha256Hasher::new(),
            bytes: 0,
            first: Vec::with_capacity(FIRST_BYTES),
            archive: None,
        });
        self.sink.begin(self.contents);
        self.contents += 1;
        Ok(())
    }

    fn end_content(&mut self) -> Result<(), Cause> {
        let Some(mut content) = self.content.take() else {
            return Ok(());
        };
        let Content {
            decoder,
            hasher,
            bytes,
            first,
            archive,
        } = &mut content;
        let (limits, sink) = (&self.limits, &mut self.sink);
        decoder
            .finish(&mut |block| Self::block(limits, sink, hasher, bytes, first, archive, block))?;
        self.sink.end();
        self.finished = Some(Finished {
            bytes: content.bytes,
            sha256: content.hasher.finish(),
            first: content.first,
            archive: content.archive,
        });
        Ok(())
    }

    fn content_text(&mut self, text: &str) -> Result<(), Cause> {
        self.content_text_bytes += text.len() as u64;
        let Some(content) = self.content.as_mut() else {
            return Ok(());
        };
        let Content {
            decoder,
            hasher,
            bytes,
            first,
            archive,
        } = content;
        let (limits, sink) = (&self.limits, &mut self.sink);
        decoder.push(text, &mut |block| {
            Self::block(limits, sink, hasher, bytes, first, archive, block)
        })
    }

    fn block(
        limits: &Limits,
        sink: &mut S,
        hasher: &mut Sha256Hasher,
        bytes: &mut u64,
        first: &mut Vec<u8>,
        archive: &mut Option<ArchiveCheck>,
        block: &[u8],
    ) -> Result<(), Cause> {
        if *bytes == 0 && block.starts_with(b"PK") {
            *archive = Some(ArchiveCheck {
                entry: SingleEntry::new(*limits),
                fault: None,
                first: Vec::with_capacity(FIRST_BYTES),
            });
        }
        *bytes += block.len() as u64;
        if *bytes > limits.attachment_bytes {
            return Err(Cause::AttachmentTooLarge);
        }
        keep_first(first, block);
        hasher.update(block);
        if let Some(check) = archive.as_mut().filter(|check| check.fault.is_none()) {
            let kept = &mut check.first;
            check.fault = check
                .entry
                .push(block, &mut |unpacked| keep_first(kept, unpacked))
                .err();
        }
        sink.chunk(block).map_err(Cause::Sink)
    }

    /// Judges an attachment when all its elements are known.
    fn end_attachment(&mut self, node: &Node) -> Result<(), Cause> {
        let mut attachment = tree::attachment(node);
        let finished = self
            .finished
            .take()
            .ok_or(Cause::Invalid("an attachment without content"))?;
        let mut unpacked_bytes = None;
        let mut first = &finished.first;
        if is_zip_wrapped(&attachment.content_type, &attachment.name) {
            let check = finished
                .archive
                .as_ref()
                .ok_or(Cause::AttachmentArchive(ArchiveError::NotZip))?;
            let size = match check.fault {
                Some(fault) => Err(fault),
                None => check.entry.finish(),
            };
            unpacked_bytes = Some(size.map_err(Cause::AttachmentArchive)?);
            first = &check.first;
            check_type(&attachment.name, "", first)?;
        } else {
            check_type(&attachment.name, &attachment.content_type, first)?;
        }
        attachment.content = Some(AttachmentContent {
            bytes: finished.bytes,
            sha256: finished.sha256,
            first_bytes: finished.first,
            unpacked_bytes,
        });
        self.attachments.push(attachment);
        Ok(())
    }
}

impl<S: AttachmentSink> Handler for Builder<S> {
    fn start(&mut self, tag: &StartTag<'_>, at: u64) -> Result<(), Cause> {
        self.text_bytes = 0;
        self.check_header(at)?;
        if self.skipping > 0 {
            self.skipping += 1;
            self.note_algorithm(tag);
            return Ok(());
        }
        let Some(parent) = self.open.last_mut() else {
            return self.start_root(tag);
        };
        let Some((place, spec)) = parent.spec.child(tag.local) else {
            if is_foreign_format(tag.namespace) {
                return Err(Cause::Namespace(tag.namespace.to_owned()));
            }
            self.skip();
            return Ok(());
        };
        if spec.kind == Kind::Signature {
            return self.start_signature(tag);
        }
        // A known name in another namespace is not skipped: readers that match local names only would take it.
        if tag.namespace != NAMESPACE {
            return Err(Cause::Namespace(tag.namespace.to_owned()));
        }
        let bit = 1u64 << place;
        if parent.seen & bit != 0 && !spec.is_many {
            return Err(Cause::Invalid("an element stands twice"));
        }
        parent.seen |= bit;
        let mut node = Node::new(spec);
        for attribute in tag.attributes {
            let (_, local) = attribute
                .name
                .split_once(':')
                .unwrap_or(("", &attribute.name));
            if let Some(known) = spec.attributes.iter().find(|known| **known == local) {
                node.attributes.push((known, attribute.value.clone()));
            }
        }
        self.note(spec.name, tag);
        self.open.push(node);
        if spec.kind == Kind::Content {
            self.start_content()?;
        }
        Ok(())
    }

    fn end(&mut self, at: u64) -> Result<(), Cause> {
        self.text_bytes = 0;
        self.check_header(at)?;
        if self.skipping > 0 {
            self.skipping -= 1;
            self.is_in_signature &= self.skipping > 0;
            return Ok(());
        }
        // The element stays open while it is judged, so that a complaint names it.
        let kind = self.open.last().map(|node| node.spec.kind);
        if kind == Some(Kind::Content) {
            self.end_content()?;
        }
        if let Some(node) = self.open.pop_if(|node| node.spec.name == "Attachment") {
            let judged = self.end_attachment(&node);
            if judged.is_err() {
                self.open.push(node);
            }
            return judged;
        }
        let Some(node) = self.open.pop() else {
            return Ok(());
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Cause> {
        let is_content = self
            .open
            .last()
            .is_some_and(|node| node.spec.kind == Kind::Content);
        if self.skipping == 0 && is_content {
            return self.content_text(text);
        }
        self.text_bytes += text.len();
        if self.text_bytes > self.limits.text_bytes {
            return Err(Cause::Limit("bytes of one text"));
        }
        if self.skipping == 0
            && let Some(node) = self.open.last_mut()
            && node.spec.kind == Kind::Leaf
        {
            node.text.push_str(text);
        }
        Ok(())
    }

    fn other(&mut self, at: u64) -> Result<(), Cause> {
        self.check_header(at)
    }
}
