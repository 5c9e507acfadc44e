//! Files that only their owner may read: keys.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::sqlite::folder_of;

/// The only mode such a file may have.
pub const FILE_MODE: u32 = 0o600;

/// Why such a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// It cannot be made, read or synced.
    #[error("a file operation failed")]
    File(#[from] io::Error),
    /// Somebody else can read it, or it is not a plain file.
    #[error("it must be a plain file of mode 0600, it has mode {mode:o}")]
    Mode {
        /// The permission bits found.
        mode: u32,
    },
    /// It belongs to another user than its folder.
    #[error("it belongs to another user than its folder")]
    Owner,
}

/// Reads a file of at most `bytes_max` bytes; what stands behind them is left out.
///
/// # Errors
/// The file is missing, not of mode 0600, of another owner than its folder, or no UTF-8.
pub fn read(path: &Path, bytes_max: u64) -> Result<Zeroizing<String>, PrivateFileError> {
    let mut file = OpenOptions::new().read(true).open(path)?;
    let facts = file.metadata()?;
    let mode = facts.mode() & 0o7777;
    if !facts.is_file() || mode != FILE_MODE {
        return Err(PrivateFileError::Mode { mode });
    }
    if fs::metadata(folder_of(path))?.uid() != facts.uid() {
        return Err(PrivateFileError::Owner);
    }
    let mut text = Zeroizing::new(String::new());
    Read::by_ref(&mut file)
        .take(bytes_max)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Makes a new file, synced with its folder. An existing one is left alone and is an error.
///
/// # Errors
/// The file exists or cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    File::open(folder_of(path))?.sync_all()
}

/// Puts new content in the place of a file's, so that a stop at any point leaves the old one or the new one whole.
///
/// # Errors
/// A file operation failed.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = next_of(path);
    // One that was left behind half-way; whoever replaces holds the folder.
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create(&next, bytes)?;
    fs::rename(&next, path)?;
    File::open(folder_of(path))?.sync_all()
}

/// Holds the folder of a file until the value is dropped; `None` if another program holds it.
///
/// # Errors
/// A file operation failed.
pub(super) fn hold_folder(path: &Path) -> io::Result<Option<File>> {
    let folder = File::open(folder_of(path))?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

fn next_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}
