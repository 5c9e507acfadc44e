//! Large bodies as files, named by owner and content.
//!
//! A blob is written to `v1/tmp/`, synced, renamed to `v1/<owner>/<ab>/<sha256>` and its folders are synced, all before a
//! row may name it (reliability D1, D8). Equal content of one owner is one file; owners never share, because that would
//! tell one what another has. A file holds the bytes alone: the version of the form stands in the folder's name.
//!
//! A reader compares the digest before it gives the last bytes away, so that a damaged blob never looks complete.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use lgsp_base::hash::Sha256Hasher;
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::{Sha256, Timestamp, limits};

use crate::db::Db;
use crate::error::{OpenError, StoreError};
use crate::room::Room;

/// The folder that carries the version of the form.
const VERSION: &str = "v1";
/// The folder of unfinished files; no owner may have this name.
const UNFINISHED: &str = "tmp";
/// Characters of an owner.
const OWNER_CHARS_MAX: usize = 64;
/// Shelves that are remembered as synced.
const SHELVES_KNOWN_MAX: usize = 65_536;
/// Bytes read at once when a blob is checked.
const CHECK_BYTES: usize = 256 * 1024;

struct Inner {
    root: PathBuf,
    planted: Planted,
    /// Shared with the database: a failed sync of either stops both.
    poisoned: Arc<AtomicBool>,
    room: Room,
    next: AtomicU64,
    /// Held while a finished file takes its place and while an orphan is removed: an upload of the same content must
    /// not lose its file to the sweeper.
    places: Mutex<()>,
    /// Shelves whose folders this process has synced up to the root; they are never removed.
    shelves: Mutex<HashSet<PathBuf>>,
}

/// The folder of blobs; clones share it.
#[derive(Clone)]
pub struct Blobs {
    inner: Arc<Inner>,
}

/// A stored blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRef {
    /// `owner/ab/sha256`, as rows keep it.
    pub name: String,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// Its size.
    pub bytes: u64,
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Blobs without a row that were removed.
    pub orphans: u64,
    /// Unfinished files that were removed.
    pub unfinished: u64,
}

impl Blobs {
    /// Opens a folder of its own, with the default disk reserve.
    ///
    /// # Errors
    /// The folder cannot be made or used.
    pub fn open(root: &Path, planted: Planted) -> Result<Self, OpenError> {
        let fate = Arc::new(AtomicBool::new(false));
        Self::open_as(root, planted, fate, limits::DISK_RESERVE_BYTES)
    }

    /// Opens the folder beside a database: it has the same disk reserve and the same deliberate faults, and a failed
    /// sync of one stops the acknowledgements of both.
    ///
    /// # Errors
    /// The folder cannot be made or used.
    pub fn beside(db: &Db, root: &Path) -> Result<Self, OpenError> {
        Self::open_as(root, db.planted(), db.fate(), db.disk_reserve_bytes())
    }

    fn open_as(
        root: &Path,
        planted: Planted,
        poisoned: Arc<AtomicBool>,
        reserve_bytes: u64,
    ) -> Result<Self, OpenError> {
        let folder = root.join(VERSION).join(UNFINISHED);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        for parent in folder.ancestors().take(4).skip(1) {
            if !parent.as_os_str().is_empty() {
                sync_folder(parent)?;
            }
        }
        Ok(Self {
            inner: Arc::new(Inner {
                root: root.join(VERSION),
                planted,
                poisoned,
                room: Room::new(root, reserve_bytes),
                next: AtomicU64::new(0),
                places: Mutex::new(()),
                shelves: Mutex::new(HashSet::new()),
            }),
        })
    }

    /// True if a body of this size may be accepted without touching the disk reserve.
    pub fn has_room(&self, bytes: u64) -> bool {
        self.inner.planted.has(Bug::NoDiskReserve) || self.inner.room.is_enough(bytes)
    }

    fn is_poisoned(&self) -> bool {
        self.inner.poisoned.load(Ordering::Acquire)
            && !self.inner.planted.has(Bug::RetryAfterFailedSync)
    }

    /// A sync that failed cannot be repeated: the kernel may have dropped the bytes and forgotten the error.
    fn synced(&self, result: std::io::Result<()>) -> Result<(), StoreError> {
        result.map_err(|error| {
            if !self.inner.poisoned.swap(true, Ordering::AcqRel) {
                tracing::error!(error = %error, "the sync of a blob failed; the store acknowledges nothing more until it is opened anew");
            }
            StoreError::Poisoned
        })
    }

    /// Begins a blob of an owner (`org_…`).
    ///
    /// # Errors
    /// [`StoreError::BlobName`] for an impossible owner, [`StoreError::Full`], [`StoreError::Poisoned`], or a file error.
    pub fn create(&self, owner: &str) -> Result<BlobWriter, StoreError> {
        if !is_owner(owner) {
            return Err(StoreError::BlobName {
                name: owner.to_owned(),
            });
        }
        if self.is_poisoned() {
            return Err(StoreError::Poisoned);
        }
        let folder = self.inner.root.join(UNFINISHED);
        loop {
            let number = self.inner.next.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}", std::process::id()));
            let opened = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            match opened {
                Ok(file) => {
                    return Ok(BlobWriter {
                        blobs: self.clone(),
                        owner: owner.to_owned(),
                        file,
                        path: Some(path),
                        hasher: Sha256Hasher::new(),
                        bytes: 0,
                    });
                }
                // Left behind by a process of the same number.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::from_io(error)),
            }
        }
    }

    /// Stores bytes that are in memory already.
    ///
    /// # Errors
    /// As [`Blobs::create`], [`BlobWriter::write`] and [`BlobWriter::finish`].
    pub fn put(&self, owner: &str, bytes: &[u8]) -> Result<BlobRef, StoreError> {
        let mut writer = self.create(owner)?;
        writer.write(bytes)?;
        writer.finish()
    }

    fn path_of(&self, name: &str) -> Result<PathBuf, StoreError> {
        digest_of(name)
            .map(|_| self.inner.root.join(name))
            .ok_or_else(|| StoreError::BlobName {
                name: name.to_owned(),
            })
    }

    /// Opens a blob that must have this digest.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is not there, [`StoreError::BlobName`], or a file error.
    pub fn reader(&self, name: &str, expected: Sha256) -> Result<BlobReader, StoreError> {
        let path = self.path_of(name)?;
        let opened = File::open(path).and_then(|file| {
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        });
        match opened {
            Ok((file, bytes)) => Ok(BlobReader {
                file,
                bytes,
                position: 0,
                hasher: Some(Sha256Hasher::new()),
                expected,
                is_damaged: false,
                is_unchecked: self.inner.planted.has(Bug::ServeUnchecked),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(StoreError::corrupt(format_args!("blob {name} is missing")))
            }
            Err(error) => Err(StoreError::from_io(error)),
        }
    }

    /// Opens a blob that must have the digest in its name.
    ///
    /// # Errors
    /// As [`Blobs::reader`].
    pub fn reader_of(&self, name: &str) -> Result<BlobReader, StoreError> {
        let sha256 = digest_of(name).ok_or_else(|| StoreError::BlobName {
            name: name.to_owned(),
        })?;
        self.reader(name, sha256)
    }

    /// Reads a whole blob of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// As [`Blobs::reader`]; [`StoreError::Corrupt`] if the bytes are not those that were stored, or too many.
    pub fn read(
        &self,
        name: &str,
        expected: Sha256,
        bytes_max: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let mut reader = self.reader(name, expected)?;
        let size = usize::try_from(reader.size_bytes()).unwrap_or(usize::MAX);
        if size > bytes_max {
            return Err(StoreError::corrupt(format_args!("blob {name} has grown")));
        }
        let mut bytes = Vec::with_capacity(size);
        reader.read_to_end(&mut bytes).map_err(from_reader)?;
        Ok(bytes)
    }

    /// Compares a blob with the digest in its name; for a complete check of the store.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is missing or damaged, [`StoreError::BlobName`], or a file error.
    pub fn check(&self, name: &str) -> Result<BlobRef, StoreError> {
        let mut reader = self.reader_of(name)?;
        reader.is_unchecked = false;
        let (sha256, bytes) = (reader.expected, reader.size_bytes());
        let mut buffer = vec![0; CHECK_BYTES];
        while reader.read(&mut buffer).map_err(from_reader)? > 0 {}
        Ok(BlobRef {
            name: name.to_owned(),
            sha256,
            bytes,
        })
    }

    /// Removes a blob; one that is not there is fine.
    ///
    /// # Errors
    /// [`StoreError::BlobName`], or a file error.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        match std::fs::remove_file(self.path_of(name)?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::from_io(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes unfinished files and blobs without a row that were written before `older_than`. `is_known` says whether a
    /// row names a blob; it is asked without a lock and may read the database.
    ///
    /// # Errors
    /// As `is_known`, or a file error.
    pub fn sweep<E: From<StoreError>>(
        &self,
        older_than: Timestamp,
        mut is_known: impl FnMut(&str) -> Result<bool, E>,
    ) -> Result<Swept, E> {
        let mut swept = Swept::default();
        for path in files_in(&self.inner.root.join(UNFINISHED))? {
            swept.unfinished += u64::from(self.remove_old(&path, older_than)?);
        }
        for owner in files_in(&self.inner.root)? {
            if owner.ends_with(UNFINISHED) || !owner.is_dir() {
                continue;
            }
            for shelf in files_in(&owner)? {
                for path in files_in(&shelf)? {
                    let Some(name) = self.name_of(&path) else {
                        continue;
                    };
                    if is_older(&path, older_than)? && !is_known(&name)? {
                        swept.orphans += u64::from(self.remove_old(&path, older_than)?);
                    }
                }
            }
        }
        Ok(swept)
    }

    /// Removes one blob without a row if it was written before `older_than`: a younger one may be that of an upload whose
    /// row is about to come, and is left to [`Blobs::sweep`]. True if it is gone now.
    ///
    /// # Errors
    /// A file error, or a name that is none.
    pub fn remove_orphan(&self, name: &str, older_than: Timestamp) -> Result<bool, StoreError> {
        let path = self.path_of(name)?;
        Ok(!path.exists() || self.remove_old(&path, older_than)?)
    }

    fn name_of(&self, path: &Path) -> Option<String> {
        let name = path.strip_prefix(&self.inner.root).ok()?.to_str()?;
        digest_of(name).map(|_| name.to_owned())
    }

    fn remove_old(&self, path: &Path, older_than: Timestamp) -> Result<bool, StoreError> {
        let _place = self
            .inner
            .places
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !is_older(path, older_than)? {
            return Ok(false);
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::from_io(error))
            }
            result => Ok(result.is_ok()),
        }
    }

    /// Renames a synced file to its place and syncs the folders that changed.
    fn place(&self, from: &Path, name: &str) -> Result<(), StoreError> {
        let to = self.path_of(name)?;
        let shelf = to.parent().unwrap_or(&to);
        let is_settled = self.shelves().contains(shelf);
        if !is_settled {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(shelf)
                .map_err(StoreError::from_io)?;
        }
        {
            let _place = self
                .inner
                .places
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::fs::rename(from, &to).map_err(StoreError::from_io)?;
        }
        self.synced(sync_folder(shelf))?;
        if !is_settled {
            // Also when they were there: another upload may have made them and not synced them yet.
            for parent in shelf.ancestors().skip(1).take(2) {
                self.synced(sync_folder(parent))?;
            }
            let mut shelves = self.shelves();
            if shelves.len() >= SHELVES_KNOWN_MAX {
                shelves.clear();
            }
            shelves.insert(shelf.to_owned());
        }
        Ok(())
    }

    fn shelves(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.inner
            .shelves
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blobs")
            .field("root", &self.inner.root)
            .finish()
    }
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn is_owner(owner: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    !owner.is_empty()
        && owner != UNFINISHED
        && owner.len() <= OWNER_CHARS_MAX
        && owner.chars().all(is_plain)
}

/// The digest in a name of the form `owner/ab/ab…`; names come from rows, so nothing else may reach the file system.
fn digest_of(name: &str) -> Option<Sha256> {
    let mut parts = name.split('/');
    let (owner, shelf, digest) = (parts.next()?, parts.next()?, parts.next()?);
    let is_form = parts.next().is_none()
        && is_owner(owner)
        && digest.get(..2) == Some(shelf)
        && !digest.bytes().any(|byte| byte.is_ascii_uppercase());
    digest.parse().ok().filter(|_| is_form)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::from_io(error)),
    };
    entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(StoreError::from_io)
}

fn is_older(path: &Path, than: Timestamp) -> Result<bool, StoreError> {
    let modified = match std::fs::metadata(path).and_then(|metadata| metadata.modified()) {
        Ok(modified) => modified,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(StoreError::from_io(error)),
    };
    let since = modified
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Timestamp::from_micros(0).plus(since) < than)
}

/// A blob that is being written; dropping it unfinished removes its file.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    owner: String,
    file: File,
    path: Option<PathBuf>,
    hasher: Sha256Hasher,
    bytes: u64,
}

impl BlobWriter {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`StoreError::Full`] or a file error; the blob is of no use afterwards.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(StoreError::from_io)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    pub const fn size_bytes(&self) -> u64 {
        self.bytes
    }

    /// Digest of the bytes written so far.
    pub fn sha256(&self) -> Sha256 {
        self.hasher.clone().finish()
    }

    /// Makes the blob durable under its name.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] if a sync failed; then nothing more is stored until the store is opened anew.
    /// [`StoreError::Full`] or a file error.
    pub fn finish(mut self) -> Result<BlobRef, StoreError> {
        let sha256 = std::mem::take(&mut self.hasher).finish();
        let digest = sha256.to_string();
        let shelf = digest.get(..2).unwrap_or_default();
        let name = format!("{}/{shelf}/{digest}", self.owner);
        let blob = BlobRef {
            name,
            sha256,
            bytes: self.bytes,
        };
        if self.blobs.inner.planted.has(Bug::RowBeforeBlob) {
            return Ok(blob);
        }
        if self.blobs.is_poisoned() {
            return Err(StoreError::Poisoned);
        }
        self.blobs.synced(self.file.sync_all())?;
        if let Some(path) = &self.path {
            self.blobs.place(path, &blob.name)?;
            self.path = None;
        }
        Ok(blob)
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What cannot be removed now is swept later.
            drop(std::fs::remove_file(path));
        }
    }
}

/// What a reader says instead of the last bytes of a damaged blob.
#[derive(Debug, thiserror::Error)]
#[error("the blob is not what was stored")]
struct Damaged;

fn from_reader(error: std::io::Error) -> StoreError {
    if error.get_ref().is_some_and(|inner| inner.is::<Damaged>()) {
        StoreError::corrupt("a blob is not what was stored")
    } else {
        StoreError::from_io(error)
    }
}

/// Reads a blob and compares it on the way; the last bytes only come if all of them are right.
#[derive(Debug)]
pub struct BlobReader {
    file: File,
    bytes: u64,
    position: u64,
    /// `None` when the comparison was made.
    hasher: Option<Sha256Hasher>,
    expected: Sha256,
    is_damaged: bool,
    is_unchecked: bool,
}

impl BlobReader {
    /// How many bytes the blob has.
    pub const fn size_bytes(&self) -> u64 {
        self.bytes
    }

    fn compare(&mut self) -> std::io::Result<()> {
        if let Some(hasher) = self.hasher.take() {
            let is_whole = self.position == self.bytes;
            let is_right = is_whole && hasher.finish() == self.expected;
            self.is_damaged = !is_right && !self.is_unchecked;
        }
        if self.is_damaged {
            tracing::error!(expected = %self.expected, "a blob is damaged and is not served");
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                Damaged,
            ));
        }
        Ok(())
    }
}

impl Read for BlobReader {
    /// Fails with [`std::io::ErrorKind::InvalidData`] instead of giving the last bytes of a damaged blob.
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // Never behind the size that was promised, so that the last bytes are known as such.
        let left = usize::try_from(self.bytes.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let slot = buffer.get_mut(..wanted).unwrap_or_default();
        let count = self.file.read(slot)?;
        if let (Some(hasher), Some(read)) = (&mut self.hasher, slot.get(..count)) {
            hasher.update(read);
        }
        self.position += count as u64;
        if self.position >= self.bytes || count == 0 {
            self.compare()?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
