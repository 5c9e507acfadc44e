//! `getEdoc`: a packet as text and its attachments in base64, written while they are read.
//!
//! The content is read twice, once for each form, so the answer is flat in memory whatever its size. What is damaged breaks
//! the answer off before its end.

use std::io::{Error, Read};
use std::sync::mpsc::{Receiver, Sender, channel};

use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Problem};
use lgsp_exchange::{Document, DocumentKind};
use lgsp_wire::axis_rest::{Base64Pieces, escape_json};
use lgsp_wire::edxml::{AttachmentSink, Limits, Reader, SingleEntry, SinkError};
use serde::{Deserialize, Serialize};

use super::answer;
use super::caller::Query;
use crate::axis::AxisState;
use crate::axis::receive::{reader, target};

/// Bytes of a packet that are read at once: a zipped attachment in them may be `limits::ZIP_RATIO_MAX` times as large.
const READ_BYTES: usize = 32 * 1024;
/// Bytes of an answer from which on a piece is sent.
const PIECE_BYTES: usize = 192 * 1024;

/// What stands before the packet's text.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts<'a> {
    doc_id: &'a str,
    from: &'a str,
    from_name: &'a str,
    edoc_code: &'a str,
    edoc_abstract: &'a str,
}

/// What the store notes about an attachment.
#[derive(Debug, Default, Clone, Deserialize)]
struct Noted {
    name: String,
    #[serde(default)]
    is_zipped: bool,
}

/// Answers with a packet that waits for the caller, or that it sent or received.
pub(super) async fn fetch(
    state: &AxisState,
    actor: &Actor,
    query: &Query,
) -> Result<Response, Problem> {
    let doc_id = query.required("docId")?;
    let stream = state.exchange.content(actor, target(doc_id)?).await?;
    let document = &stream.document;
    if !matches!(document.kind, DocumentKind::Edoc | DocumentKind::Status) {
        return Err(kinds::EXCHANGE_DELIVERY_UNKNOWN.problem());
    }
    let again = state.exchange.content_again(&stream)?;
    let head = head(state, doc_id, document)?;
    let noted = noted(document)?;
    let phases = Phases {
        head: Some(head),
        text: Some(reader(stream.body)),
        attachments: Attachments::new(reader(again), noted),
        is_ended: false,
    };
    Ok(answer::streamed(pieces(phases)))
}

/// The members before `edxml`, and the beginning of that.
fn head(state: &AxisState, doc_id: &str, document: &Document) -> Result<Vec<u8>, Problem> {
    let snapshot = state.registry.snapshot();
    let sender = snapshot.organisation(document.sender_org);
    let facts = Facts {
        doc_id,
        from: &document.sender_code,
        from_name: sender.map_or("", |org| org.name_near(state.clock.now())),
        edoc_code: document.notation.as_deref().unwrap_or(""),
        edoc_abstract: document.subject.as_deref().unwrap_or(""),
    };
    let mut head = serde_json::to_vec(&facts).map_err(|_| kinds::SYSTEM_INTERNAL.problem())?;
    head.pop();
    head.extend_from_slice(b",\"edxml\":\"");
    Ok(head)
}

fn noted(document: &Document) -> Result<Vec<Noted>, Problem> {
    match document.attachments.as_deref() {
        None => Ok(Vec::new()),
        Some(list) => serde_json::from_str(list)
            .map_err(|_| kinds::STORAGE_CORRUPT.with(format_args!("{}", document.id))),
    }
}

/// The parts of the answer in their order.
struct Phases {
    head: Option<Vec<u8>>,
    text: Option<Box<dyn Read + Send>>,
    attachments: Attachments,
    is_ended: bool,
}

impl Phases {
    /// The next piece; `None` at the end. Blocks.
    fn produce(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        let mut out = Vec::new();
        while let Some(text) = &mut self.text {
            let piece = read_piece(text.as_mut())?;
            if piece.is_empty() {
                self.text = None;
                out.extend_from_slice(b"\",\"attachments\":[");
            }
            escape_json(&piece, &mut out);
            if out.len() >= PIECE_BYTES {
                return Ok(Some(out));
            }
        }
        while !self.is_ended {
            self.is_ended = !self.attachments.fill(&mut out)?;
            if self.is_ended {
                out.extend_from_slice(b"]}");
            }
            if out.len() >= PIECE_BYTES {
                break;
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }
}

fn read_piece(source: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(READ_BYTES);
    source
        .take(READ_BYTES as u64)
        .read_to_end(&mut piece)
        .map(|_| piece)
}

fn pieces(phases: Phases) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    stream::try_unfold(phases, |mut phases| async move {
        let made = tokio::task::spawn_blocking(move || {
            let piece = phases.produce();
            (phases, piece)
        });
        let (phases, piece) = made.await.map_err(Error::other)?;
        Ok(piece?.map(|piece| (Bytes::from(piece), phases)))
    })
}

/// The attachments of a packet as members of a JSON array.
struct Attachments {
    source: Box<dyn Read + Send>,
    reader: Reader<Written>,
    ready: Receiver<Vec<u8>>,
}

impl Attachments {
    fn new(source: Box<dyn Read + Send>, noted: Vec<Noted>) -> Self {
        let (sender, ready) = channel();
        let sink = Written {
            noted,
            unpack: None,
            encoder: Base64Pieces::default(),
            ready: sender,
        };
        Self {
            source,
            reader: Reader::new(Limits::default(), sink),
            ready,
        }
    }

    /// Reads on; false at the end.
    fn fill(&mut self, out: &mut Vec<u8>) -> std::io::Result<bool> {
        let piece = read_piece(self.source.as_mut())?;
        self.reader.push(&piece).map_err(Error::other)?;
        while let Ok(text) = self.ready.try_recv() {
            out.extend_from_slice(&text);
        }
        Ok(!piece.is_empty())
    }
}

/// Writes each attachment as it comes.
struct Written {
    noted: Vec<Noted>,
    unpack: Option<SingleEntry>,
    encoder: Base64Pieces,
    ready: Sender<Vec<u8>>,
}

impl Written {
    fn send(&self, text: Vec<u8>) {
        // The other end lives as long as the reader that holds this sink.
        drop(self.ready.send(text));
    }
}

impl AttachmentSink for Written {
    fn begin(&mut self, index: usize) {
        let noted = self.noted.get(index).cloned().unwrap_or_default();
        self.unpack = noted.is_zipped.then(|| SingleEntry::new(Limits::default()));
        let mut text = Vec::new();
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(b"{\"fileName\":\"");
        escape_json(noted.name.as_bytes(), &mut text);
        text.extend_from_slice(b"\",\"fileContent\":\"");
        self.send(text);
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let mut text = Vec::new();
        match &mut self.unpack {
            None => self.encoder.push(bytes, &mut text),
            Some(entry) => {
                let encoder = &mut self.encoder;
                entry
                    .push(bytes, &mut |piece| encoder.push(piece, &mut text))
                    .map_err(|error| SinkError(Error::other(error)))?;
            }
        }
        self.send(text);
        Ok(())
    }

    fn end(&mut self) {
        let mut text = Vec::new();
        self.encoder.finish(&mut text);
        text.extend_from_slice(b"\"}");
        self.send(text);
    }
}
