//! What the tests share: fixtures, a sink that keeps bytes, packets made to measure.

use crate::edxml::*;

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        /// Every sample packet, by name.
        pub(super) const FIXTURES: &[(&str, &[u8])] = &[
            $(($name, include_bytes!(concat!("../../../fixtures/", $name, ".edxml")))),*
        ];
    };
}

fixtures!(
    "edoc_new_department_to_commune",
    "edoc_new_signed",
    "edoc_new_two_receivers_zip_attachment",
    "edoc_recall",
    "edoc_replace",
    "edoc_update",
    "status_01_arrived",
    "status_02_rejected",
    "status_03_received",
    "status_06_completed",
    "status_13_take_back_by_sender",
    "status_15_recall_accepted",
    "status_16_recall_refused",
);

pub(super) fn fixture(name: &str) -> &'static [u8] {
    FIXTURES
        .iter()
        .find(|(known, _)| *known == name)
        .expect("fixture")
        .1
}

/// Keeps the attachments' bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Keep {
    pub(super) files: Vec<Vec<u8>>,
    pub(super) ended: usize,
}

impl AttachmentSink for Keep {
    fn begin(&mut self, index: usize) {
        assert_eq!(index, self.files.len());
        self.files.push(Vec::new());
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        assert!(!bytes.is_empty());
        self.files
            .last_mut()
            .expect("begun")
            .extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) {
        self.ended += 1;
    }
}

/// Reads bytes cut into pieces of these sizes, over and over.
pub(super) fn read_cut(
    bytes: &[u8],
    sizes: &[usize],
    limits: Limits,
) -> Result<Parsed<Keep>, EdxmlError> {
    let mut reader = Reader::new(limits, Keep::default());
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, tail) = rest.split_at((*size).clamp(1, rest.len()));
        reader.push(piece)?;
        rest = tail;
    }
    reader.finish()
}

pub(super) fn read(bytes: &[u8]) -> Result<Parsed<Keep>, EdxmlError> {
    read_cut(bytes, &[usize::MAX], Limits::default())
}

pub(super) fn document(bytes: &[u8]) -> (Document, Keep) {
    let parsed = read(bytes).expect("readable");
    match parsed.packet {
        Packet::Document(document) => (*document, parsed.sink),
        Packet::Status(_) => panic!("a status message"),
    }
}

/// Writes a document with its attachments' bytes as they are.
pub(super) fn write(document: &Document, files: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bodies = files.iter().map(|file| AttachmentBody {
        content: Box::new(file.as_slice()),
        zip_entry: None,
    });
    write_document(document, &mut bodies, &mut out).expect("written");
    out
}

/// A packet whose only attachment has this name, type and base64 text.
pub(super) fn with_attachment(name: &str, content_type: &str, base64: &str) -> Vec<u8> {
    format!(
        "<edXML xmlns=\"{NAMESPACE}\"><edXMLEnvelope><edXMLHeader><MessageHeader><DocumentId>1</DocumentId>\
         </MessageHeader></edXMLHeader></edXMLEnvelope><AttachmentEncoded><Attachment><ContentId>cid:1</ContentId>\
         <AttachmentName>{name}</AttachmentName><ContentType>{content_type}</ContentType>\
         <ContentTransferEncoded>{base64}</ContentTransferEncoded></Attachment></AttachmentEncoded></edXML>"
    )
    .into_bytes()
}

/// A packet with this inside its message header.
pub(super) fn with_header(inner: &str) -> Vec<u8> {
    format!(
        "<edXML xmlns=\"{NAMESPACE}\"><edXMLEnvelope><edXMLHeader><MessageHeader>{inner}</MessageHeader></edXMLHeader>\
         </edXMLEnvelope></edXML>"
    )
    .into_bytes()
}

/// The stable code of the refusal.
pub(super) fn code(bytes: &[u8]) -> &'static str {
    match read(bytes) {
        Ok(_) => "accepted",
        Err(error) => error.to_problem().code(),
    }
}
