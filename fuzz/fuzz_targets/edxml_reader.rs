//! Whatever the bytes: the edXML reader does not panic, holds little, gives the same verdict however the bytes are cut,
//! and what it accepts is read the same after it was written.
#![no_main]

use lgsp_wire::edxml::{
    AttachmentBody, AttachmentSink, Limits, Packet, Parsed, Reader, SinkError, secrecy_mark,
    to_problem, validate, write_document, write_status,
};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Default, PartialEq)]
struct Keep(Vec<Vec<u8>>);

impl AttachmentSink for Keep {
    fn begin(&mut self, _index: usize) {
        self.0.push(Vec::new());
    }
    fn chunk(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if let Some(file) = self.0.last_mut() {
            file.extend_from_slice(bytes);
        }
        Ok(())
    }
    fn end(&mut self) {}
}

/// The packet, or the error as text.
fn read(bytes: &[u8], piece: usize) -> Result<Parsed<Keep>, String> {
    let limits = Limits {
        attachment_bytes: 1 << 20,
        ..Limits::default()
    };
    let mut reader = Reader::new(limits, Keep::default());
    for piece in bytes.chunks(piece) {
        reader.push(piece).map_err(|error| {
            let _problem = error.to_problem();
            format!("{error:?}")
        })?;
        assert!(reader.buffered_bytes() < 256 * 1024);
    }
    reader.finish().map_err(|error| format!("{error:?}"))
}

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let whole = read(bytes, usize::MAX);
    let cut = read(bytes, usize::from(*first).max(1));
    let parsed = match (whole, cut) {
        (Ok(whole), Ok(cut)) => {
            assert_eq!(whole.packet, cut.packet);
            assert_eq!(whole.tolerances, cut.tolerances);
            assert_eq!(whole.sink, cut.sink);
            whole
        }
        (Err(whole), Err(cut)) => {
            assert_eq!(whole, cut);
            return;
        }
        (whole, cut) => panic!("{whole:?} but {cut:?}"),
    };
    let _problem = to_problem(&validate(&parsed.packet));

    let mut written = Vec::new();
    match &parsed.packet {
        Packet::Document(document) => {
            let _mark = secrecy_mark(document);
            let mut bodies = parsed.sink.0.iter().map(|file| AttachmentBody {
                content: Box::new(file.as_slice()),
                zip_entry: None,
            });
            write_document(document, &mut bodies, &mut written).expect("written");
        }
        Packet::Status(status) => write_status(status, &mut written).expect("written"),
    }
    // Signatures and secrecy marks are read and never written.
    match (parsed.packet, read(&written, 64).expect("read back").packet) {
        (Packet::Document(mut before), Packet::Document(after)) => {
            before.signature = None;
            before.other.secrecy_marks.clear();
            assert_eq!(before, after);
        }
        (Packet::Status(mut before), Packet::Status(after)) => {
            before.signature = None;
            assert_eq!(before, after);
        }
        (before, after) => panic!("{before:?} but {after:?}"),
    }
});
