//! Small sealed values: AES-256-GCM (NIST SP 800-38D) with a random nonce.
//!
//! A sealed value is `format byte 1 ‖ 12-byte nonce ‖ ciphertext ‖ 16-byte tag`. One key seals fewer than 2³² values.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use lgsp_base::entropy::Entropy;
use lgsp_base::secret::Secret;

use super::ring::KeyRing;
use super::{Place, SealError};
use crate::dossier::DossierKey;

/// First byte of everything sealed in this form.
const FORMAT: u8 = 1;
/// Bytes of a key.
pub const CIPHER_KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub const NONCE_BYTES: usize = NONCE_LEN;
/// Bytes of the tag behind each ciphertext.
pub(super) const TAG_BYTES: usize = 16;
/// How many bytes a sealed value has more than the plain one.
pub const SEALED_OVERHEAD_BYTES: usize = 1 + NONCE_LEN + TAG_BYTES;

/// Seals and opens small values under one key.
pub struct Cipher {
    key: LessSafeKey,
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher")
    }
}

impl Cipher {
    /// Takes a key of [`CIPHER_KEY_BYTES`] bytes; `None` for another length.
    pub fn new(key: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
        Some(Self {
            key: LessSafeKey::new(key),
        })
    }

    /// Seals a value for a place, which [`Cipher::open`] must be told again.
    ///
    /// # Errors
    /// [`SealError::Damaged`] when the cipher refuses, which only absurd sizes cause.
    pub fn seal(
        &self,
        place: &str,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0u8; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(plain.len() + SEALED_OVERHEAD_BYTES);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let body = sealed.get_mut(1 + NONCE_LEN..).ok_or(SealError::Damaged)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.as_bytes()),
                body,
            )
            .map_err(|_| SealError::Damaged)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`Cipher::seal`] made for the same place.
    ///
    /// # Errors
    /// [`SealError::Damaged`] for anything else.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        let (format, rest) = sealed.split_first().ok_or(SealError::Damaged)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Damaged)?;
        if *format != FORMAT {
            return Err(SealError::Damaged);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Damaged)?;
        let mut body = body.to_vec();
        let length = self
            .key
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut body)
            .map_err(|_| SealError::Damaged)?
            .len();
        body.truncate(length);
        Ok(Secret::new(body))
    }
}

/// The key of one dossier, under which everything of it is sealed.
pub struct DataKey {
    bytes: Secret<[u8; CIPHER_KEY_BYTES]>,
    cipher: Cipher,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey")
    }
}

impl DataKey {
    /// A key that nobody has had before.
    ///
    /// # Errors
    /// None that can be met: the length is that of a key.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, SealError> {
        let mut bytes = [0u8; CIPHER_KEY_BYTES];
        entropy.fill(&mut bytes);
        Self::from_bytes(Secret::new(bytes))
    }

    fn from_bytes(bytes: Secret<[u8; CIPHER_KEY_BYTES]>) -> Result<Self, SealError> {
        let cipher = Cipher::new(bytes.expose()).ok_or(SealError::Damaged)?;
        Ok(Self { bytes, cipher })
    }

    pub(super) const fn bytes(&self) -> &Secret<[u8; CIPHER_KEY_BYTES]> {
        &self.bytes
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// As [`Cipher::seal`].
    pub fn seal(
        &self,
        place: Place,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SealError> {
        self.cipher.seal(&place.to_string(), plain, entropy)
    }

    /// Opens a value of its place.
    ///
    /// # Errors
    /// As [`Cipher::open`].
    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        self.cipher.open(&place.to_string(), sealed)
    }
}

impl KeyRing {
    /// Seals a data key under the current key-encryption key.
    ///
    /// # Errors
    /// As [`Cipher::seal`].
    pub fn wrap(
        &self,
        place: Place,
        key: &DataKey,
        entropy: &dyn Entropy,
    ) -> Result<DossierKey, SealError> {
        let (number, cipher) = self.current()?;
        let sealed = cipher.seal(&place.to_string(), key.bytes().expose(), entropy)?;
        Ok(DossierKey { number, sealed })
    }

    /// Opens a data key. A key-encryption key that is not known yet is looked for in the file once.
    ///
    /// # Errors
    /// [`SealError::KeyUnknown`], [`SealError::Damaged`].
    pub fn unwrap_key(&self, place: Place, wrapped: &DossierKey) -> Result<DataKey, SealError> {
        let cipher = self.numbered(wrapped.number)?;
        let plain = cipher.open(&place.to_string(), &wrapped.sealed)?;
        let bytes = plain.expose().as_slice().try_into();
        DataKey::from_bytes(Secret::new(bytes.map_err(|_| SealError::Damaged)?))
    }
}
