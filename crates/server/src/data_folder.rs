//! The folder of one installation: its layout, and who may read it.
//!
//! Keys and settings that others can read or replace are refused at start (reliability.md OP10): an installation that runs
//! with open keys would look healthy for years.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use lgsp_base::hash::{from_hex, to_hex};
use lgsp_base::{Entropy, Secret};

/// Bytes of the seed of an Ed25519 key.
const SEED_BYTES: usize = 32;

/// Paths inside a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    root: PathBuf,
}

/// Why a data folder cannot be used.
#[derive(Debug)]
pub enum FolderError {
    /// There is no installation in it.
    Missing(PathBuf),
    /// There is something in it already.
    Exists(PathBuf),
    /// A file or folder is open to others, belongs to somebody else, or is a link.
    Unsafe {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The installation's database is gone or empty; beginning a new one would sign a second history with the log's key.
    Lost(PathBuf),
    /// Another process works with it.
    Busy(PathBuf),
    /// The file system refused.
    Io(PathBuf, io::Error),
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FolderError::Missing(path) => {
                write!(f, "{}: no installation here", path.display())
            }
            FolderError::Exists(path) => {
                write!(f, "{}: the folder is not empty", path.display())
            }
            FolderError::Lost(path) => {
                write!(
                    f,
                    "{}: the database of this installation is gone",
                    path.display()
                )
            }
            FolderError::Busy(path) => {
                write!(f, "{}: another process uses this folder", path.display())
            }
            FolderError::Unsafe { path, reason } => write!(f, "{}: {reason}", path.display()),
            FolderError::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FolderError::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

impl DataFolder {
    /// Names a folder; nothing is read yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The settings.
    pub fn settings(&self) -> PathBuf {
        self.root.join("lgsp.toml")
    }

    /// The SQLite database.
    pub fn database(&self) -> PathBuf {
        self.root.join("lgsp.db")
    }

    /// The SQLite database of an installation, which `init` made: a missing or empty one is a loss, not a first start.
    ///
    /// # Errors
    /// [`FolderError::Lost`].
    pub fn existing_database(&self) -> Result<PathBuf, FolderError> {
        let path = self.database();
        match fs::metadata(&path) {
            Ok(facts) if facts.len() > 0 => Ok(path),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FolderError::Io(path, error))
            }
            _ => Err(FolderError::Lost(path)),
        }
    }

    /// Bodies of documents.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Uploads under way; nothing in it outlives the process.
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// The keys; never part of a backup.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The key under which systems' secrets are sealed.
    pub fn vault_key(&self) -> PathBuf {
        self.keys().join("vault.key")
    }

    /// The seed of the Ed25519 key that signs webhooks.
    pub fn webhook_key(&self) -> PathBuf {
        self.keys().join("webhook.key")
    }

    /// The private key that signs the log's checkpoints.
    pub fn ledger_key(&self) -> PathBuf {
        self.keys().join("ledger.key")
    }

    /// The keys under which dossiers are sealed.
    pub fn dossier_key(&self) -> PathBuf {
        self.keys().join("dossier.key")
    }

    /// Makes the folder and its inner folders, open to the owner alone; refuses one that holds anything.
    pub fn create(&self) -> Result<(), FolderError> {
        let io = |error| FolderError::Io(self.root.clone(), error);
        match fs::read_dir(&self.root).map(|mut entries| entries.next().is_some()) {
            Ok(true) => return Err(FolderError::Exists(self.root.clone())),
            Ok(false) => {
                let open = fs::metadata(&self.root).map_err(io)?.mode() & 0o077;
                if open != 0 {
                    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
                    fs::set_permissions(&self.root, owner_only).map_err(io)?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut builder = DirBuilder::new();
                builder
                    .recursive(true)
                    .mode(0o700)
                    .create(&self.root)
                    .map_err(io)?;
            }
            Err(error) => return Err(io(error)),
        }
        for folder in [self.keys(), self.blobs(), self.spool()] {
            DirBuilder::new()
                .mode(0o700)
                .create(&folder)
                .map_err(|error| FolderError::Io(folder, error))?;
        }
        Ok(())
    }

    /// Takes everything away that [`DataFolder::create`] and the steps behind it made; for an `init` that failed half-way.
    pub fn remove(&self) {
        for folder in [self.keys(), self.blobs(), self.spool()] {
            drop(fs::remove_dir_all(folder));
        }
        drop(fs::remove_file(self.settings()));
        for end in ["", "-wal", "-shm"] {
            drop(fs::remove_file(self.root.join(format!("lgsp.db{end}"))));
        }
        drop(fs::remove_dir(&self.root));
    }

    /// Writes a new file that only the owner can read, and syncs it.
    pub fn write_private(&self, path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
        write_private_file(path, bytes)
    }

    /// Takes the folder for this process alone, until the returned file is dropped or the process ends, however it ends.
    pub fn lock(&self) -> Result<File, FolderError> {
        lock_file(&self.root, &self.settings())
    }

    /// The seed of the key that signs webhooks.
    pub fn read_webhook_seed(&self) -> Result<Secret<Vec<u8>>, FolderError> {
        let path = self.webhook_key();
        let text = fs::read_to_string(&path)
            .map(Secret::new)
            .map_err(|error| FolderError::Io(path.clone(), error))?;
        match from_hex(text.expose().trim_end()) {
            Some(seed) if seed.len() == SEED_BYTES => Ok(Secret::new(seed)),
            _ => Err(FolderError::Unsafe {
                path,
                reason: "not an Ed25519 seed of 64 hexadecimal digits".to_owned(),
            }),
        }
    }

    /// Makes the key that signs webhooks.
    pub fn create_webhook_key(&self, entropy: &dyn Entropy) -> Result<(), FolderError> {
        let mut seed = [0u8; SEED_BYTES];
        entropy.fill(&mut seed);
        let line = Secret::new(format!("{}\n", to_hex(&seed)));
        self.write_private(&self.webhook_key(), line.expose().as_bytes())
    }

    /// Every file that an installation needs and that others must not touch, checked; the first that fails is named.
    pub fn check(&self) -> Result<(), FolderError> {
        match fs::symlink_metadata(self.settings()) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FolderError::Missing(self.root.clone()));
            }
            Err(error) => return Err(FolderError::Io(self.settings(), error)),
        }
        check_private(&self.root, Kind::Folder)?;
        check_private(&self.keys(), Kind::Folder)?;
        check_private(&self.blobs(), Kind::Folder)?;
        check_private(&self.spool(), Kind::Folder)?;
        for file in [
            self.settings(),
            self.vault_key(),
            self.webhook_key(),
            self.ledger_key(),
        ] {
            check_private(&file, Kind::File)?;
        }
        // An installation from before there were dossiers has none yet; the next start makes it.
        if fs::symlink_metadata(self.dossier_key()).is_ok() {
            check_private(&self.dossier_key(), Kind::File)?;
        }
        Ok(())
    }
}

/// Writes a new file that only the owner can read, and syncs it and its folder.
pub(crate) fn write_private_file(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| FolderError::Io(path.to_owned(), error))
}

/// Takes a folder for this process alone through one of its files, until the returned file is dropped.
pub(crate) fn lock_file(folder: &Path, file: &Path) -> Result<File, FolderError> {
    let held = File::open(file).map_err(|error| FolderError::Io(file.to_owned(), error))?;
    match rustix::fs::flock(&held, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(held),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(FolderError::Busy(folder.to_owned())),
        Err(error) => Err(FolderError::Io(file.to_owned(), error.into())),
    }
}

/// A regular file of mode 0600 or tighter, of this process's user, not reached by a link.
pub(crate) fn check_private_file(path: &Path) -> Result<(), FolderError> {
    check_private(path, Kind::File)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

/// A regular file of mode 0600 or a folder of mode 0700 (or tighter), of this process's user, not reached by a link.
fn check_private(path: &Path, kind: Kind) -> Result<(), FolderError> {
    let refuse = |reason: String| {
        Err(FolderError::Unsafe {
            path: path.to_owned(),
            reason,
        })
    };
    // The folder itself may be named through a link (a mount, `current`); nothing inside may be one.
    let facts = if kind == Kind::Folder {
        fs::metadata(path)
    } else {
        fs::symlink_metadata(path)
    };
    let facts = facts.map_err(|error| FolderError::Io(path.to_owned(), error))?;
    let is_kind = match kind {
        Kind::File => facts.is_file(),
        Kind::Folder => facts.is_dir(),
    };
    if !is_kind {
        return refuse("not a regular file".to_owned());
    }
    let mode = facts.mode() & 0o777;
    if mode & 0o077 != 0 {
        let wanted = if kind == Kind::File { "0600" } else { "0700" };
        return refuse(format!("mode {mode:04o} lets others in; chmod {wanted}"));
    }
    let user = rustix::process::geteuid().as_raw();
    if facts.uid() != user {
        return refuse(format!(
            "belongs to user {}, this process runs as {user}",
            facts.uid()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Temp(DataFolder);

    impl Temp {
        fn new(name: &str) -> Self {
            let root =
                std::env::temp_dir().join(format!("lgsp-folder-{name}-{}", std::process::id()));
            drop(fs::remove_dir_all(&root));
            Self(DataFolder::new(root))
        }

        fn filled(name: &str) -> Self {
            let temp = Self::new(name);
            temp.0.create().expect("a folder");
            for file in [
                temp.0.settings(),
                temp.0.vault_key(),
                temp.0.webhook_key(),
                temp.0.ledger_key(),
            ] {
                temp.0.write_private(&file, b"x").expect("a file");
            }
            temp
        }
    }

    impl Drop for Temp {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(self.0.root()));
        }
    }

    #[test]
    fn a_new_folder_is_private_and_passes() {
        let temp = Temp::filled("new");
        temp.0.check().expect("passes");
        assert!(matches!(temp.0.create(), Err(FolderError::Exists(_))));
        assert!(
            temp.0.write_private(&temp.0.vault_key(), b"y").is_err(),
            "keys are never overwritten"
        );
    }

    #[test]
    fn a_lost_database_is_no_first_start() {
        let temp = Temp::filled("lost");
        let is_lost = || matches!(temp.0.existing_database(), Err(FolderError::Lost(_)));
        assert!(is_lost());
        fs::write(temp.0.database(), b"").expect("written");
        assert!(is_lost());
        fs::write(temp.0.database(), b"SQLite format 3\0").expect("written");
        assert!(!is_lost());
    }

    #[test]
    fn what_is_open_linked_or_missing_is_refused() {
        let temp = Temp::filled("open");
        for path in [
            temp.0.vault_key(),
            temp.0.settings(),
            temp.0.keys(),
            temp.0.root().to_owned(),
        ] {
            let before = fs::metadata(&path).expect("facts").permissions();
            let mut open = before.clone();
            open.set_mode(before.mode() | 0o044);
            fs::set_permissions(&path, open).expect("chmod");
            let refused = temp.0.check().expect_err("refused");
            assert!(
                matches!(&refused, FolderError::Unsafe { path: named, .. } if *named == path),
                "{refused}"
            );
            fs::set_permissions(&path, before).expect("chmod");
        }
        let moved = temp.0.root().join("elsewhere");
        fs::rename(temp.0.webhook_key(), &moved).expect("moved");
        assert!(matches!(temp.0.check(), Err(FolderError::Io(..))));
        std::os::unix::fs::symlink(&moved, temp.0.webhook_key()).expect("a link");
        assert!(matches!(temp.0.check(), Err(FolderError::Unsafe { .. })));
        let empty = Temp::new("missing");
        assert!(matches!(empty.0.check(), Err(FolderError::Missing(_))));
    }
}
