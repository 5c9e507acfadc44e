//! Secrets at rest: AES-256-GCM under a key in a file of its own, which is never part of a backup.
//!
//! A sealed value is `version byte 1 ‖ 12-byte nonce ‖ ciphertext ‖ 16-byte tag`; the owner's id is authenticated with it, so that a sealed
//! secret moved to another row does not open (NIST SP 800-38D). Nonces are random: one key seals fewer than 2³² values.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use lgsp_base::entropy::Entropy;
use lgsp_base::hash::{from_hex, to_hex};
use lgsp_base::secret::Secret;
use zeroize::Zeroize;

/// First byte of everything sealed in this form.
const FORMAT: u8 = 1;
/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// What stands before the key in its file.
const FILE_PREFIX: &str = "lgsp-vault-key-1 ";
/// What the key for vouching is derived by, so that it is another one than the key that seals.
const VOUCH_LABEL: &[u8] = b"lgsp vault: vouch 1";
/// Bytes of a key file that are read.
const FILE_BYTES_MAX: u64 = 1_024;
/// The only mode a key file may have.
const FILE_MODE: u32 = 0o600;

/// Why the vault cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be made, read or synced.
    #[error("the key file cannot be used")]
    File(#[source] std::io::Error),
    /// Somebody else can read the key file, or it is not a plain file.
    #[error("the key file must be a plain file of mode 0600, it has mode {mode:o}")]
    Mode {
        /// The permission bits found.
        mode: u32,
    },
    /// The key file belongs to another user than its folder.
    #[error("the key file belongs to another user than its folder")]
    Owner,
    /// The file holds no key of a known form.
    #[error("the key file holds no key of a known form")]
    Key,
    /// The value was sealed in another form, under another key or for another owner, or it was changed.
    #[error("a sealed value does not open with this key")]
    Sealed,
}

/// Seals and opens secrets, and vouches for what the platform itself made.
pub struct Vault {
    key: LessSafeKey,
    vouch: hmac::Key,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// Makes a new key and its file, mode 0600, synced with its folder. An existing file is left alone and is an error.
    ///
    /// # Errors
    /// [`VaultError::File`] when the file exists or cannot be written.
    pub fn create(path: &Path, entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let mut key = [0u8; KEY_BYTES];
        entropy.fill(&mut key);
        let mut line = format!("{FILE_PREFIX}{}\n", to_hex(&key));
        let written = write_new(path, line.as_bytes());
        line.zeroize();
        let vault = Self::from_key(&key);
        key.zeroize();
        written.map_err(VaultError::File)?;
        vault
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// The file is missing, not of mode 0600, of another owner than its folder, or holds no key.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let mut file = OpenOptions::new()
            .read(true)
            .open(path)
            .map_err(VaultError::File)?;
        let facts = file.metadata().map_err(VaultError::File)?;
        let mode = facts.mode() & 0o7777;
        if !facts.is_file() || mode != FILE_MODE {
            return Err(VaultError::Mode { mode });
        }
        let folder = fs::metadata(folder_of(path)).map_err(VaultError::File)?;
        if folder.uid() != facts.uid() {
            return Err(VaultError::Owner);
        }
        let mut text = String::new();
        Read::by_ref(&mut file)
            .take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(VaultError::File)?;
        let key = text.trim_end().strip_prefix(FILE_PREFIX).and_then(from_hex);
        text.zeroize();
        let mut key = key.ok_or(VaultError::Key)?;
        let vault = Self::from_key(&key);
        key.zeroize();
        vault
    }

    fn from_key(key: &[u8]) -> Result<Self, VaultError> {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), VOUCH_LABEL);
        let vouch = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Key)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            vouch,
        })
    }

    /// A mark over a statement that only holders of this key can make (HMAC-SHA256, RFC 2104). The purpose stands before it,
    /// so that a mark for one is none for another.
    pub fn vouch(&self, purpose: &str, statement: &[u8]) -> Vec<u8> {
        hmac::sign(&self.vouch, &vouched(purpose, statement))
            .as_ref()
            .to_vec()
    }

    /// True if the mark is the one that [`Vault::vouch`] makes, compared in constant time.
    pub fn has_vouched(&self, purpose: &str, statement: &[u8], mark: &[u8]) -> bool {
        hmac::verify(&self.vouch, &vouched(purpose, statement), mark).is_ok()
    }

    /// Seals a secret for its owner.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] when the cipher refuses, which only absurd sizes cause.
    pub fn seal(
        &self,
        owner: &str,
        secret: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0u8; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut body = secret.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(owner.as_bytes()),
                &mut body,
            )
            .map_err(|_| VaultError::Sealed)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what [`Vault::seal`] made for the same owner.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] for anything else.
    pub fn unseal(&self, owner: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
        let (format, rest) = sealed.split_first().ok_or(VaultError::Sealed)?;
        if *format != FORMAT {
            return Err(VaultError::Sealed);
        }
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(VaultError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Sealed)?;
        let mut body = body.to_vec();
        let length = self
            .key
            .open_in_place(nonce, Aad::from(owner.as_bytes()), &mut body)
            .map_err(|_| VaultError::Sealed)?
            .len();
        body.truncate(length);
        Ok(Secret::new(body))
    }
}

fn vouched(purpose: &str, statement: &[u8]) -> Vec<u8> {
    [purpose.as_bytes(), b"\0", statement].concat()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::File::open(folder_of(path))?.sync_all()
}

#[cfg(test)]
mod tests;
