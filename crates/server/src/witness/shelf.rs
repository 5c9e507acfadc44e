//! What a witness cosigned last, one file per log: the checkpoint with the log's signature and its own.
//!
//! A record is on the disk before its cosignature leaves the process: written beside, synced, renamed, its folder synced.
//! Each record is under the witness's own signature, so that damage and a record of another witness are noticed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use lgsp_base::Sha256;
use lgsp_wire::tlog::checkpoint::{Checkpoint, verify_cosignature};
use lgsp_wire::tlog::note::{NOTE_BYTES_MAX, SignedNote, VerifierKey};

/// How a record's name ends.
const END: &str = ".note";

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// What was cosigned.
    pub(super) checkpoint: Checkpoint,
    /// When, seconds since 1970.
    pub(super) at: u64,
}

/// The folder of records.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Every record, and the path of the first that is not one of this witness.
    pub(super) fn read(&self, own: &VerifierKey) -> Result<Vec<Kept>, (PathBuf, io::Error)> {
        let failed = |error| (self.folder.clone(), error);
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            // What was written beside and never renamed was never answered.
            if !name.is_some_and(|name| name.ends_with(END)) {
                continue;
            }
            let record = read_record(&path, own).map_err(|error| (path.clone(), error))?;
            if path != self.place(&record.checkpoint.origin) {
                return Err((path, damaged("the record of another log")));
            }
            records.push(record);
        }
        Ok(records)
    }

    /// Replaces the record of a log; when it returns, the new one survives a power cut.
    pub(super) fn write(&self, origin: &str, note: &SignedNote) -> io::Result<()> {
        let place = self.place(origin);
        let beside = place.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(note.encode().as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, &place)?;
        File::open(&self.folder)?.sync_all()
    }

    /// Origins are free text, file names are not.
    fn place(&self, origin: &str) -> PathBuf {
        self.folder
            .join(format!("{}{END}", Sha256::of(origin.as_bytes())))
    }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn read_record(path: &Path, own: &VerifierKey) -> io::Result<Kept> {
    if fs::metadata(path)?.len() > NOTE_BYTES_MAX as u64 {
        return Err(damaged("too long for a record"));
    }
    let note = SignedNote::parse(&fs::read_to_string(path)?)
        .map_err(|_| damaged("not a signed checkpoint"))?;
    let at = note
        .signatures
        .iter()
        .find_map(|line| verify_cosignature(&note.text, line, own).ok())
        .ok_or_else(|| damaged("not signed by this witness"))?;
    let checkpoint = note
        .text
        .parse()
        .map_err(|_| damaged("not a signed checkpoint"))?;
    Ok(Kept { checkpoint, at })
}
