//! Secrets at rest: AES-256-GCM under a key in a file of its own, which is never part of a backup.
//!
//! Values have the form of [`Cipher`]; the owner's id is authenticated with each, so that a sealed secret moved to another row does
//! not open.

use std::path::Path;

use aws_lc_rs::hmac;
use lgsp_base::entropy::Entropy;
use lgsp_base::hash::{from_hex, to_hex};
use lgsp_base::secret::Secret;
use lgsp_store::seal::private_file::{self, PrivateFileError};
use lgsp_store::seal::{CIPHER_KEY_BYTES, Cipher};
use zeroize::Zeroizing;

/// What stands before the key in its file.
const FILE_PREFIX: &str = "lgsp-vault-key-1 ";
/// What the key for vouching is derived by, so that it is another one than the key that seals.
const VOUCH_LABEL: &[u8] = b"lgsp vault: vouch 1";
/// Bytes of a key file that are read.
const FILE_BYTES_MAX: u64 = 1_024;

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

impl From<PrivateFileError> for VaultError {
    fn from(error: PrivateFileError) -> Self {
        match error {
            PrivateFileError::File(error) => VaultError::File(error),
            PrivateFileError::Mode { mode } => VaultError::Mode { mode },
            PrivateFileError::Owner => VaultError::Owner,
        }
    }
}

/// Seals and opens secrets, and vouches for what the platform itself made.
pub struct Vault {
    cipher: Cipher,
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
        let mut key = Zeroizing::new([0u8; CIPHER_KEY_BYTES]);
        entropy.fill(key.as_mut());
        let digits = Zeroizing::new(to_hex(key.as_ref()));
        let line = Zeroizing::new(format!("{FILE_PREFIX}{}\n", *digits));
        private_file::create(path, line.as_bytes()).map_err(VaultError::File)?;
        Self::from_key(key.as_ref())
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// The file is missing, not of mode 0600, of another owner than its folder, or holds no key.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let text = private_file::read(path, FILE_BYTES_MAX)?;
        let key = text.trim_end().strip_prefix(FILE_PREFIX).and_then(from_hex);
        Self::from_key(&Zeroizing::new(key.ok_or(VaultError::Key)?))
    }

    fn from_key(key: &[u8]) -> Result<Self, VaultError> {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), VOUCH_LABEL);
        let vouch = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        let cipher = Cipher::new(key).ok_or(VaultError::Key)?;
        Ok(Self { cipher, vouch })
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
        let sealed = self.cipher.seal(owner, secret, entropy);
        sealed.map_err(|_| VaultError::Sealed)
    }

    /// Opens what [`Vault::seal`] made for the same owner.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] for anything else.
    pub fn unseal(&self, owner: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
        let opened = self.cipher.open(owner, sealed);
        opened.map_err(|_| VaultError::Sealed)
    }
}

fn vouched(purpose: &str, statement: &[u8]) -> Vec<u8> {
    [purpose.as_bytes(), b"\0", statement].concat()
}

#[cfg(test)]
mod tests;
