//! Taking content in: small bodies stay in memory, large ones go to a file; edXML is read on the way.

use lgsp_base::{Actor, Sha256, limits};
use lgsp_store::BlobWriter;
use lgsp_store::exchange::DocumentKind;
use lgsp_wire::edxml::{self, Discard, Limits, Packet, Reader, Tolerance};

use crate::error::SubmitError;
use crate::service::Exchange;

/// The media type of edXML content.
pub(crate) const EDXML_TYPE: &str = "application/edxml+xml";

/// What kind of content is coming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntakeKind {
    /// An edXML packet, document or status message.
    Edxml,
    /// Opaque bytes.
    Plain {
        /// Their media type.
        content_type: String,
    },
}

/// Content on its way in. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct Intake {
    exchange: Exchange,
    owner: String,
    kind: IntakeKind,
    reader: Option<Box<Reader<Discard>>>,
    buffer: Vec<u8>,
    spill: Option<BlobWriter>,
    bytes: u64,
}

/// Where taken-in content is until the submit stores it.
#[derive(Debug)]
pub(crate) enum Body {
    /// In memory, for the row.
    Inline(Vec<u8>),
    /// In a file that has no name yet.
    Spilled(BlobWriter),
}

/// Content taken in whole. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct Content {
    pub(crate) body: Body,
    pub(crate) kind: IntakeKind,
    pub(crate) packet: Option<Box<Packet>>,
    tolerances: Vec<Tolerance>,
    sha256: Sha256,
    bytes: u64,
}

impl Content {
    /// Digest of the bytes.
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// How many bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the reader of a packet looked past.
    pub fn tolerances(&self) -> &[Tolerance] {
        &self.tolerances
    }

    /// The packet, if it is edXML.
    pub fn packet(&self) -> Option<&Packet> {
        self.packet.as_deref()
    }

    /// The media type.
    pub fn content_type(&self) -> &str {
        match &self.kind {
            IntakeKind::Edxml => EDXML_TYPE,
            IntakeKind::Plain { content_type } => content_type,
        }
    }

    /// Edoc, status or plain.
    pub fn kind(&self) -> DocumentKind {
        match self.packet.as_deref() {
            Some(Packet::Document(_)) => DocumentKind::Edoc,
            Some(Packet::Status(_)) => DocumentKind::Status,
            None => DocumentKind::Plain,
        }
    }

    /// Small content that was made here, for notices and reports.
    pub(crate) fn of_packet(packet: Packet, bytes: Vec<u8>) -> Self {
        Self {
            sha256: Sha256::of(&bytes),
            bytes: bytes.len() as u64,
            body: Body::Inline(bytes),
            kind: IntakeKind::Edxml,
            packet: Some(Box::new(packet)),
            tolerances: Vec::new(),
        }
    }
}

impl Exchange {
    /// Begins to take content in for an actor.
    ///
    /// # Errors
    /// [`SubmitError::TooLarge`] if the declared length says so, [`SubmitError::Full`] below the disk reserve.
    pub fn intake(
        &self,
        kind: IntakeKind,
        actor: &Actor,
        declared_len: Option<u64>,
    ) -> Result<Intake, SubmitError> {
        if declared_len.is_some_and(|len| len > limits::DOCUMENT_BYTES_MAX) {
            return Err(SubmitError::TooLarge);
        }
        if !self.inner.db.has_room() || !self.inner.blobs.has_room(declared_len.unwrap_or(0)) {
            return Err(SubmitError::Full);
        }
        let small = declared_len
            .and_then(|len| usize::try_from(len).ok())
            .unwrap_or(0)
            .min(limits::INLINE_BODY_BYTES_MAX);
        Ok(Intake {
            exchange: self.clone(),
            owner: actor
                .org()
                .map_or_else(|| "platform".to_owned(), |org| org.to_string()),
            reader: matches!(kind, IntakeKind::Edxml)
                .then(|| Box::new(Reader::new(Limits::default(), Discard))),
            kind,
            buffer: Vec::with_capacity(small),
            spill: None,
            bytes: 0,
        })
    }
}

impl Intake {
    /// Takes the next bytes. Once [`Intake::is_spilled`] it writes to a file: a door that serves many callers on one thread
    /// calls it from a blocking thread then.
    ///
    /// # Errors
    /// The packet's first fault, too many bytes, or a full disk; the content is lost then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), SubmitError> {
        let total = self.bytes.saturating_add(bytes.len() as u64);
        if total > limits::DOCUMENT_BYTES_MAX {
            return Err(SubmitError::TooLarge);
        }
        if let Some(reader) = &mut self.reader {
            reader.push(bytes).map_err(packet_problem)?;
        }
        self.bytes = total;
        if let Some(spill) = &mut self.spill {
            return Ok(spill.write(bytes)?);
        }
        if self.buffer.len() + bytes.len() <= limits::INLINE_BODY_BYTES_MAX {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        if !self.exchange.inner.db.has_room() {
            return Err(SubmitError::Full);
        }
        let mut spill = self.exchange.inner.blobs.create(&self.owner)?;
        spill.write(&self.buffer)?;
        spill.write(bytes)?;
        self.buffer = Vec::new();
        self.spill = Some(spill);
        Ok(())
    }

    /// True once the content is larger than a row holds.
    pub const fn is_spilled(&self) -> bool {
        self.spill.is_some()
    }

    /// Ends the content. The file of a large one is synced and named by the submit, after everything was checked.
    ///
    /// # Errors
    /// A packet that is cut off.
    pub fn finish(self) -> Result<Content, SubmitError> {
        let (packet, tolerances) = match self.reader {
            Some(reader) => {
                let parsed = reader.finish().map_err(packet_problem)?;
                (Some(Box::new(parsed.packet)), parsed.tolerances)
            }
            None => (None, Vec::new()),
        };
        let (sha256, body) = match self.spill {
            Some(spill) => (spill.sha256(), Body::Spilled(spill)),
            None => (Sha256::of(&self.buffer), Body::Inline(self.buffer)),
        };
        Ok(Content {
            body,
            kind: self.kind,
            packet,
            tolerances,
            sha256,
            bytes: self.bytes,
        })
    }
}

fn packet_problem(error: edxml::EdxmlError) -> SubmitError {
    SubmitError::Packet(error.to_problem())
}
