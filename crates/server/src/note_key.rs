//! Key files of those who sign notes: the log of this platform, and a witness.
//!
//! A file holds one line in the form of Go's `sumdb/note`: `PRIVATE+KEY+name+id+base64(algorithm ‖ seed)`. The name travels
//! with the key: a log whose name depended on a setting would be another log as soon as somebody edits the setting.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_base::hash::{from_hex, to_hex};
use lgsp_base::{Entropy, Secret};
use lgsp_wire::tlog::note::{Algorithm, Signer, SoftSigner};

use crate::data_folder::{FolderError, check_private_file, write_private_file};

/// What a private key's line begins with.
const PREFIX: &str = "PRIVATE+KEY+";
/// Bytes of the seed of an Ed25519 key (RFC 8032 §5.1.5).
const SEED_BYTES: usize = 32;
/// Random bytes in a name that is made here, so that two logs of one organisation are never the same log.
const NAME_RANDOM_BYTES: usize = 4;

/// A new key under this name; its file must not exist yet.
pub fn create(
    path: &Path,
    name: &str,
    algorithm: Algorithm,
    entropy: &dyn Entropy,
) -> Result<SoftSigner, FolderError> {
    let mut seed = [0u8; SEED_BYTES];
    entropy.fill(&mut seed);
    let seed = Secret::new(seed);
    let signer = SoftSigner::from_seed(name, algorithm, seed.expose())
        .map_err(|_| malformed(path, "the name cannot stand in a note"))?;
    let line = Secret::new(line(&signer, algorithm, seed.expose()));
    write_private_file(path, line.expose().as_bytes())?;
    Ok(signer)
}

/// Reads a key that only this process's user can read.
pub fn open(path: &Path, algorithm: Algorithm) -> Result<SoftSigner, FolderError> {
    check_private_file(path)?;
    let text = fs::read_to_string(path)
        .map(Secret::new)
        .map_err(|error| FolderError::Io(path.to_owned(), error))?;
    parse(text.expose(), algorithm).ok_or_else(|| malformed(path, "not a private key of a note"))
}

/// True if there is a key, or something else, at the path.
pub fn exists(path: &Path) -> Result<bool, FolderError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FolderError::Io(path.to_owned(), error)),
    }
}

/// A name that nobody else has: `room/kind/random`.
pub fn name(room: &str, kind: &str, entropy: &dyn Entropy) -> String {
    let mut random = [0u8; NAME_RANDOM_BYTES];
    entropy.fill(&mut random);
    let kind: String = kind
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '.' || *c == '-')
        .collect();
    format!("{room}/{}/{}", kind.to_ascii_lowercase(), to_hex(&random))
}

fn malformed(path: &Path, reason: &str) -> FolderError {
    FolderError::Unsafe {
        path: PathBuf::from(path),
        reason: reason.to_owned(),
    }
}

fn line(signer: &SoftSigner, algorithm: Algorithm, seed: &[u8; SEED_BYTES]) -> String {
    let bytes = Secret::new([&[algorithm as u8], seed.as_slice()].concat());
    format!(
        "{PREFIX}{}+{}+{}\n",
        signer.key().name(),
        to_hex(&signer.key().key_id()),
        STANDARD.encode(bytes.expose())
    )
}

fn parse(text: &str, algorithm: Algorithm) -> Option<SoftSigner> {
    let mut parts = text.trim_end().strip_prefix(PREFIX)?.splitn(3, '+');
    let (name, id, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = Secret::new(STANDARD.decode(encoded).ok()?);
    let (first, seed) = bytes.expose().split_first()?;
    let seed = Secret::new(<[u8; SEED_BYTES]>::try_from(seed).ok()?);
    let signer = SoftSigner::from_seed(name, algorithm, seed.expose()).ok()?;
    let is_whole = *first == algorithm as u8 && from_hex(id)? == signer.key().key_id();
    is_whole.then_some(signer)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use lgsp_base::entropy::SeededEntropy;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("lgsp-key-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).expect("a folder");
        folder
    }

    #[test]
    fn a_key_comes_back_as_it_was() {
        let folder = folder("back");
        let path = folder.join("ledger.key");
        let entropy = SeededEntropy::new(1);
        let name = name("lgsp", "H99", &entropy);
        assert!(name.starts_with("lgsp/h99/"), "{name}");
        let made = create(&path, &name, Algorithm::Ed25519, &entropy).expect("made");
        let read = open(&path, Algorithm::Ed25519).expect("read");
        assert_eq!(made.key(), read.key());
        assert_eq!(read.key().name(), name);
        assert!(exists(&path).expect("looked"));
        assert!(
            create(&path, &name, Algorithm::Ed25519, &entropy).is_err(),
            "a key is never overwritten"
        );
        assert!(
            open(&path, Algorithm::CosignatureV1).is_err(),
            "a key of a log is no key of a witness"
        );
        drop(fs::remove_dir_all(folder));
    }

    #[test]
    fn changed_or_open_files_are_refused() {
        let folder = folder("changed");
        let path = folder.join("k");
        create(&path, "a/b", Algorithm::Ed25519, &SeededEntropy::new(2)).expect("made");
        let good = fs::read_to_string(&path).expect("text");
        for bad in [
            good.replace("a/b", "a/c"),
            good.replace("PRIVATE+KEY+", ""),
            good.replacen("a/b+", "a/b+0", 1),
            String::new(),
            good.get(..good.len() - 8).unwrap_or_default().to_owned(),
        ] {
            fs::write(&path, &bad).expect("written");
            assert!(open(&path, Algorithm::Ed25519).is_err(), "{bad:?}");
        }
        fs::write(&path, &good).expect("written");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("chmod");
        assert!(matches!(
            open(&path, Algorithm::Ed25519),
            Err(FolderError::Unsafe { .. })
        ));
        drop(fs::remove_dir_all(folder));
    }
}
