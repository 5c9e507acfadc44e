//! Builds the tree of known elements while the tokenizer walks through a packet, and judges each attachment at its end.

use std::collections::BTreeSet;

use lgsp_base::Sha256;
use lgsp_base::hash::Sha256Hasher;

use super::archive::{ArchiveError, SingleEntry, is_zip_wrapped};
use super::base64::Decoder;
use super::content::{FIRST_BYTES, check_type};
use super::error::Cause;
use super::limits::Limits;
use super::model::{Attachment, AttachmentContent, SignatureSummary};
use super::names::Attribute;
use super::reader::{AttachmentSink, Tolerance};
use super::schema::{Kind, ROOT, Spec};
use super::tokenizer::{Handler, StartTag};
use super::tree::{self, Node};
use super::{DSIG_NAMESPACE, NAMESPACE};

/// XML Inclusions 1.0.
const XINCLUDE_NAMESPACE: &str = "http://www.w3.org/2001/XInclude";
/// Namespaces of older or home-made formats that are named in the refusal (protocols §1.11).
const FOREIGN_FORMATS: [&str; 2] = ["http://www.e-doc.vn/Schema/", "http://www.go.vn/eDoc"];

fn is_foreign_format(namespace: &str) -> bool {
    FOREIGN_FORMATS.iter().any(|known| {
        namespace
            .trim_end_matches('/')
            .eq_ignore_ascii_case(known.trim_end_matches('/'))
    })
}

/// Refuses what asks a reader to fetch something: an inclusion, or the address of a schema. We would not follow it, but the
/// next reader may.
fn refuse_references(tag: &StartTag<'_>) -> Result<(), Cause> {
    if tag.namespace == XINCLUDE_NAMESPACE {
        return Err(Cause::Invalid("an inclusion of another file"));
    }
    let local = |name: &str| name.rsplit(':').next().map(str::to_ascii_lowercase);
    let is_address = |attribute: &Attribute| {
        matches!(
            local(&attribute.name).as_deref(),
            Some("schemalocation" | "nonamespaceschemalocation")
        )
    };
    if tag.attributes.iter().any(is_address) {
        return Err(Cause::Invalid("the address of a schema"));
    }
    Ok(())
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

/// The attributes of a tag that are kept.
fn known_attributes(spec: &Spec, tag: &StartTag<'_>) -> Vec<(&'static str, String)> {
    let mut kept = Vec::new();
    for attribute in tag.attributes {
        let name = attribute.name.as_str();
        let local = name.split_once(':').map_or(name, |(_, local)| local);
        if let Some(known) = spec.attributes.iter().find(|known| **known == local) {
            kept.push((*known, attribute.value.clone()));
        }
    }
    kept
}

/// Builds the tree of known elements.
#[derive(Debug)]
pub(crate) struct Builder<S> {
    limits: Limits,
    pub(crate) sink: S,
    open: Vec<Node>,
    pub(crate) root: Option<Node>,
    /// Open elements inside an unknown element or a signature, that one included.
    skipping: usize,
    is_in_signature: bool,
    pub(crate) signature: Option<SignatureSummary>,
    content: Option<Content>,
    finished: Option<Finished>,
    pub(crate) attachments: Vec<Attachment>,
    contents: usize,
    /// Bytes of the present element's text.
    text_bytes: usize,
    content_text_bytes: u64,
    pub(crate) tolerances: BTreeSet<Tolerance>,
}

impl<S: AttachmentSink> Builder<S> {
    pub(crate) fn new(limits: Limits, sink: S) -> Self {
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

    /// Bytes held for the present attachment.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.content.as_ref().map_or(0, |content| {
            let archive = content.archive.as_ref();
            content.decoder.buffered_bytes()
                + archive.map_or(0, |archive| archive.entry.buffered_bytes())
        })
    }

    /// The open known elements, for errors.
    pub(crate) fn path(&self) -> String {
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
        self.open.push(Node::new(&ROOT, Vec::new()));
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
        refuse_references(tag)?;
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
            // Readers disagree on what such a value is: some read around the element, some read it along.
            if matches!(parent.spec.kind, Kind::Leaf | Kind::Content) {
                return Err(Cause::Invalid("an element inside a value"));
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
        self.note(spec.name, tag);
        self.open.push(Node::new(spec, known_attributes(spec, tag)));
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
        if self.is_base64() {
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

    fn is_base64(&self) -> bool {
        let present = self.open.last().map(|node| node.spec.kind);
        self.skipping == 0 && present == Some(Kind::Content)
    }

    fn other(&mut self, at: u64) -> Result<(), Cause> {
        self.check_header(at)
    }
}
