//! One attachment out of a stored packet: decoded, unpacked where it was zipped for transport only, streamed.

use std::io::{Cursor, Error, Read};
use std::sync::mpsc::{Receiver, Sender, channel};

use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use lgsp_base::Actor;
use lgsp_base::id::DocumentId;
use lgsp_base::problem::kinds;
use lgsp_exchange::{ContentBody, ContentTarget, DocumentKind};
use lgsp_wire::edxml::{AttachmentSink, Limits, Reader, SingleEntry, SinkError};
use serde::Deserialize;

use crate::ApiState;
use crate::download::{Download, respond};
use crate::problem::Failure;
use crate::transfer::{Produce, read_batch, streamed};

/// What the store notes about an attachment.
#[derive(Debug, Deserialize)]
struct Noted {
    name: String,
    bytes: Option<u64>,
    #[serde(default)]
    is_zipped: bool,
}

/// Answers with one attachment, numbered from 1.
pub(crate) async fn answer(
    state: &ApiState,
    actor: &Actor,
    document: DocumentId,
    number: usize,
    request: &HeaderMap,
) -> Result<Response, Failure> {
    let stream = state
        .exchange
        .content(actor, ContentTarget::Document(document))
        .await?;
    let unknown = || kinds::ATTACHMENT_NOT_FOUND.problem();
    if stream.document.kind != DocumentKind::Edoc {
        return Err(unknown().into());
    }
    let index = number.checked_sub(1).ok_or_else(unknown)?;
    let noted = noted(stream.document.attachments.as_deref(), index).ok_or_else(unknown)?;
    let source: Box<dyn Read + Send> = match stream.body {
        ContentBody::Bytes(bytes) => Box::new(Cursor::new(bytes)),
        ContentBody::Blob(reader) => reader,
    };
    let limits = Limits::default();
    let (sender, ready) = channel();
    let extraction = Extraction {
        source,
        reader: Reader::new(
            limits,
            Pick {
                wanted: index,
                is_wanted: false,
                unpack: noted.is_zipped.then(|| SingleEntry::new(limits)),
                ready: sender,
            },
        ),
        ready,
    };
    let download = Download {
        // What a stranger declared is not repeated as the type of an answer from this server.
        content_type: "application/octet-stream".to_owned(),
        bytes: noted.bytes,
        sha256: None,
        file_name: noted.name,
        body: streamed(extraction),
    };
    Ok(respond(request, download))
}

fn noted(list: Option<&str>, index: usize) -> Option<Noted> {
    let list: Vec<Noted> = serde_json::from_str(list?).ok()?;
    list.into_iter().nth(index)
}

/// Passes the bytes of one attachment on.
struct Pick {
    wanted: usize,
    is_wanted: bool,
    unpack: Option<SingleEntry>,
    ready: Sender<Bytes>,
}

impl AttachmentSink for Pick {
    fn begin(&mut self, index: usize) {
        self.is_wanted = index == self.wanted;
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if !self.is_wanted {
            return Ok(());
        }
        let ready = &self.ready;
        // The other end lives as long as the reader that holds this sink.
        let mut pass = |piece: &[u8]| drop(ready.send(Bytes::copy_from_slice(piece)));
        match &mut self.unpack {
            None => pass(bytes),
            Some(entry) => entry
                .push(bytes, &mut pass)
                .map_err(|error| SinkError(Error::other(error)))?,
        }
        Ok(())
    }

    fn end(&mut self) {
        self.is_wanted = false;
    }
}

/// Reads the packet only as far as the client takes the attachment.
struct Extraction {
    source: Box<dyn Read + Send>,
    reader: Reader<Pick>,
    ready: Receiver<Bytes>,
}

impl Produce for Extraction {
    fn produce(&mut self) -> std::io::Result<Option<Bytes>> {
        loop {
            if let Ok(piece) = self.ready.try_recv() {
                return Ok(Some(piece));
            }
            let batch = read_batch(&mut self.source)?;
            if batch.is_empty() {
                return Ok(None);
            }
            self.reader.push(&batch).map_err(Error::other)?;
        }
    }
}
