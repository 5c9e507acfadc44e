//! The complete check of what is stored: every page of the database, every ledger entry, every body, every blob.
//!
//! Each part stops at its first damage and names the place; the parts do not depend on each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lgsp_base::Sha256;
use lgsp_base::id::DocumentId;
use lgsp_base::planted::Planted;
use lgsp_store::exchange::{DocumentKind, StoredContent};
use lgsp_store::{Blobs, Db, Engine, OpenError, StoreError, seal};
use lgsp_wire::record::Record;

use super::{Doctor, State};
use crate::data_folder::DataFolder;
use crate::output::{Progress, ProgressStyle};

/// The ledger's word for an erased content.
const ERASED: &str = "document.erased";
/// Ledger entries looked at in one transaction.
const ENTRIES_AT_ONCE: usize = 1_000;
/// Documents looked at in one transaction; each has up to 64 KiB of body.
const DOCUMENTS_AT_ONCE: usize = 64;

/// What to do about a damaged part.
pub(super) const RESTORE: (&str, &str) = (
    "Dừng lgsp, giữ lại bản hỏng, khôi phục từ bản sao lưu",
    "Stop lgsp, keep the damaged copy, restore from a backup",
);

/// How far the check has come, over all its parts.
struct Course {
    progress: Progress,
    done: u64,
}

impl Course {
    fn step(&mut self, by: usize) {
        self.done += by as u64;
        self.progress.at(self.done);
    }
}

/// Why a part of the check did not end well.
enum Trouble {
    /// Stored data is not what was stored; says where.
    Damaged(String),
    /// The check itself could not be done.
    Failed(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { detail } => Trouble::Damaged(detail),
            other => Trouble::Failed(super::chain(other)),
        }
    }
}

impl Doctor<'_> {
    /// Checks everything; without a database only the blobs.
    pub(super) fn integrity(&mut self, folder: &DataFolder, db: Option<&Db>) {
        let blobs = match Blobs::open(&folder.blobs(), Planted::NONE) {
            Ok(blobs) => blobs,
            Err(error) => return self.not_opened("contents", error),
        };
        let mut course = Course {
            progress: Progress::new(ProgressStyle::Auto, total(folder, db)),
            done: 0,
        };
        if let Some(db) = db {
            self.pages(db);
            let mut erased = BTreeSet::new();
            let entries = ledger(db, &mut erased, &mut course);
            self.conclude("ledger", entries);
            let documents = documents(db, &blobs, &erased, &mut course);
            self.conclude("documents", documents);
        }
        let contents = files(folder, &blobs, &mut course);
        self.conclude("contents", contents);
    }

    /// A store that does not open is damaged or cannot be reached.
    pub(super) fn not_opened(&mut self, name: &'static str, error: OpenError) {
        match error {
            OpenError::Database(error @ StoreError::Corrupt { .. }) => {
                self.note(name, State::Damaged, super::chain(error), RESTORE);
            }
            other => self.note(
                name,
                State::Bad,
                super::chain(other),
                (
                    "Kiểm tra địa chỉ và quyền truy cập",
                    "Check address and rights",
                ),
            ),
        }
    }

    fn pages(&mut self, db: &Db) {
        match (db.check().wait(), db.engine()) {
            (Ok(lines), engine) => match (lines.first(), engine) {
                (None, engine) => self.good("database", format!("{engine:?}")),
                (Some(line), Engine::Sqlite) => {
                    let detail = line.replace('\n', " ");
                    self.note("database", State::Damaged, detail, RESTORE);
                }
                (Some(line), Engine::Postgres) => self.note(
                    "database",
                    State::Warning,
                    line,
                    (
                        "Bật data checksums cho cụm PostgreSQL (pg_checksums)",
                        "Turn data checksums of the PostgreSQL cluster on (pg_checksums)",
                    ),
                ),
            },
            (Err(error), _) => self.conclude("database", Err(error.into())),
        }
    }

    fn conclude(&mut self, name: &'static str, result: Result<u64, Trouble>) {
        match result {
            Ok(count) => self.good(name, format!("{} ✓", lgsp_base::vi::number(count))),
            Err(Trouble::Damaged(place)) => self.note(name, State::Damaged, place, RESTORE),
            Err(Trouble::Failed(detail)) => self.note(
                name,
                State::Bad,
                detail,
                (
                    "Kiểm tra quyền truy cập và ổ đĩa rồi chạy lại",
                    "Check rights and disk, then run it again",
                ),
            ),
        }
    }
}

/// Ledger entries, documents and blob files together, as far as they can be counted.
fn total(folder: &DataFolder, db: Option<&Db>) -> u64 {
    let rows = db.map_or(Ok(0), |db| {
        db.read::<_, StoreError, _>("doctor_count", |tx| {
            Ok(tx.ledger_count()? + tx.document_count()?)
        })
        .wait()
    });
    rows.unwrap_or(0) + blob_files(folder).count() as u64
}

/// Compares every entry with its commitment; notes the documents whose content was erased.
fn ledger(db: &Db, erased: &mut BTreeSet<DocumentId>, course: &mut Course) -> Result<u64, Trouble> {
    let (mut after, mut count) = (0, 0);
    loop {
        let entries = db
            .read::<_, StoreError, _>("doctor_ledger", move |tx| {
                tx.ledger_list(after, ENTRIES_AT_ONCE)
            })
            .wait()?;
        if let Some(damaged) = entries.iter().find(|entry| !entry.is_intact()) {
            return Err(Trouble::Damaged(format!("ledger entry {}", damaged.id)));
        }
        let Some(last) = entries.last() else {
            return Ok(count);
        };
        for entry in entries.iter().filter(|entry| entry.kind == ERASED) {
            let record = Record::decode(&entry.record).ok();
            let document =
                record.and_then(|record| record.text("document")?.parse::<DocumentId>().ok());
            erased.extend(document);
        }
        after = last.id;
        count += entries.len() as u64;
        course.step(entries.len());
    }
}

/// Compares every small body with its digest, and sees that the blob of every large one is there in its size. A content is
/// gone only where the ledger says that it was erased.
fn documents(
    db: &Db,
    blobs: &Blobs,
    erased: &BTreeSet<DocumentId>,
    course: &mut Course,
) -> Result<u64, Trouble> {
    let (mut after, mut count) = (DocumentId::from_bits(0), 0);
    loop {
        let contents = db
            .read::<_, StoreError, _>("doctor_documents", move |tx| {
                tx.document_contents(after, DOCUMENTS_AT_ONCE)
            })
            .wait()?;
        for content in &contents {
            let is_gone = content.is_erased && erased.contains(&content.document);
            if !is_whole(blobs, content, is_gone)? {
                return Err(Trouble::Damaged(content.document.to_string()));
            }
        }
        let Some(last) = contents.last() else {
            return Ok(count);
        };
        after = last.document;
        count += contents.len() as u64;
        course.step(contents.len());
    }
}

fn is_whole(blobs: &Blobs, content: &StoredContent, is_gone: bool) -> Result<bool, StoreError> {
    match (&content.body, &content.blob) {
        // Without its key a sealed content only shows that it has the right size; its blob has a digest of its own.
        (Some(body), None) if content.kind == DocumentKind::Dossier => {
            Ok(body.len() as u64 == content.bytes + seal::SEALED_OVERHEAD_BYTES as u64)
        }
        (None, Some(blob)) if content.kind == DocumentKind::Dossier => {
            Ok(blobs.reader_of(blob)?.size_bytes() == seal::sealed_stream_bytes(content.bytes))
        }
        (Some(body), None) => {
            Ok(Sha256::of(body) == content.sha256 && body.len() as u64 == content.bytes)
        }
        (None, Some(blob)) => Ok(blob.ends_with(&content.sha256.to_string())
            && blobs.reader(blob, content.sha256)?.size_bytes() == content.bytes),
        (None, None) => Ok(is_gone),
        _ => Ok(false),
    }
}

/// Compares every file with the digest in its name.
fn files(folder: &DataFolder, blobs: &Blobs, course: &mut Course) -> Result<u64, Trouble> {
    let root = folder.blobs().join("v1");
    let mut count = 0;
    for path in blob_files(folder) {
        let name = path
            .strip_prefix(&root)
            .ok()
            .and_then(Path::to_str)
            .unwrap_or_default();
        match blobs.check(name) {
            Ok(_) => count += 1,
            // A running node may have swept it since it was listed.
            Err(_) if !path.exists() => {}
            Err(StoreError::Corrupt { .. } | StoreError::BlobName { .. }) => {
                return Err(Trouble::Damaged(path.display().to_string()));
            }
            Err(error) => return Err(error.into()),
        }
        course.step(1);
    }
    Ok(count)
}

/// Finished files below the folder of blobs: owner, shelf, file.
fn blob_files(folder: &DataFolder) -> impl Iterator<Item = PathBuf> {
    let inner = |path: PathBuf| {
        std::fs::read_dir(path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    inner(folder.blobs().join("v1"))
        .flat_map(inner)
        .flat_map(inner)
}
