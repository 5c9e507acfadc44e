//! Keys of notes: how they are written, and what makes and checks a signature.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_base::Sha256;
use lgsp_base::hash::{from_hex, to_hex};

use super::is_key_name;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Algorithm {
    /// Ed25519 over the text of a note.
    Ed25519 = 1,
    /// Ed25519 over a checkpoint and a time (C2SP tlog-cosignature).
    CosignatureV1 = 4,
}

/// Why a verifier key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not of the form `name+id+base64`.
    #[error("not a verifier key of the form name+id+base64")]
    Malformed,
    /// An algorithm other than the two known ones.
    #[error("the key is for an unknown algorithm")]
    UnknownAlgorithm,
    /// The id is not that of the name and key.
    #[error("the key id belongs to another name or key")]
    WrongId,
    /// A public key under which a signature says nothing: not in its one form, or of small order.
    #[error("a weak public key")]
    Weak,
}

/// A public key and its name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key_id: [u8; 4],
    algorithm: Algorithm,
    public_key: [u8; 32],
}

impl VerifierKey {
    /// From its parts.
    ///
    /// # Errors
    /// A name that cannot stand in a note, or a weak key.
    pub fn new(name: &str, algorithm: Algorithm, public_key: [u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Malformed);
        }
        if is_weak(&public_key) {
            return Err(KeyError::Weak);
        }
        Ok(Self {
            name: name.to_owned(),
            key_id: key_id(name, algorithm, &public_key),
            algorithm,
            public_key,
        })
    }

    /// The name; for a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name ‖ "\n" ‖ algorithm ‖ public key).
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// What the key signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key as RFC 8032 §5.1.5 encodes it.
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// True if these bytes are this key's Ed25519 signature of the message.
    ///
    /// Strict: the scalar must be reduced and the point in its one encoding, so nobody can change a signature into another
    /// valid one.
    pub fn is_signature(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.algorithm as u8];
        bytes.extend_from_slice(&self.public_key);
        write!(
            f,
            "{}+{}+{}",
            self.name,
            to_hex(&self.key_id),
            STANDARD.encode(bytes)
        )
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyError::Malformed);
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError::Malformed)?;
        let (algorithm, public_key) = bytes.split_first().ok_or(KeyError::Malformed)?;
        let algorithm = match algorithm {
            1 => Algorithm::Ed25519,
            4 => Algorithm::CosignatureV1,
            _ => return Err(KeyError::UnknownAlgorithm),
        };
        let public_key = public_key.try_into().map_err(|_| KeyError::Malformed)?;
        let key = Self::new(name, algorithm, public_key)?;
        if id.chars().any(|c| c.is_ascii_uppercase()) || id.len() != 8 {
            return Err(KeyError::Malformed);
        }
        if from_hex(id).ok_or(KeyError::Malformed)? != key.key_id {
            return Err(KeyError::WrongId);
        }
        Ok(key)
    }
}

fn key_id(name: &str, algorithm: Algorithm, public_key: &[u8; 32]) -> [u8; 4] {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend_from_slice(&[b'\n', algorithm as u8]);
    bytes.extend_from_slice(public_key);
    let [a, b, c, d, ..] = Sha256::of(&bytes).0;
    [a, b, c, d]
}

/// True for encodings that are not reduced modulo 2^255 − 19 and for the eight points of small order, under which one
/// signature would fit many messages.
fn is_weak(public_key: &[u8; 32]) -> bool {
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let [low, middle @ .., high] = *public_key;
    // The top bit is the sign of x.
    let high = high & 0x7f;
    let mut y = *public_key;
    y[31] = high;
    let is_all = |byte: u8| middle.iter().all(|b| *b == byte);
    // y ≥ 2^255 − 20 covers p − 1 (order 2) and everything not reduced; y of 0 and 1 have order 4 and 1.
    (is_all(0xff) && high == 0x7f && low >= 0xec)
        || (is_all(0) && high == 0 && low <= 1)
        || ORDER_8.contains(&y)
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The device that holds the key does not answer.
    #[error("the signing key cannot be used: {0}")]
    Unavailable(String),
    /// The key is for another kind of signature.
    #[error("a key for another kind of signature")]
    WrongAlgorithm,
    /// The seed and name do not make a usable key.
    #[error("not a usable signing key")]
    BadKey,
}

/// Signs for one key, wherever its private half is.
pub trait Signer: Send + Sync + fmt::Debug {
    /// The public half.
    fn key(&self) -> &VerifierKey;

    /// The Ed25519 signature of the message.
    ///
    /// # Errors
    /// [`SignError::Unavailable`].
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// A signer whose private key is in memory.
pub struct SoftSigner {
    key: VerifierKey,
    pair: Ed25519KeyPair,
}

impl SoftSigner {
    /// From a seed of 32 bytes (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`SignError::BadKey`] for a name that cannot stand in a note.
    pub fn from_seed(name: &str, algorithm: Algorithm, seed: &[u8; 32]) -> Result<Self, SignError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SignError::BadKey)?;
        let public_key = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| SignError::BadKey)?;
        let key = VerifierKey::new(name, algorithm, public_key).map_err(|_| SignError::BadKey)?;
        Ok(Self { key, pair })
    }
}

impl fmt::Debug for SoftSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftSigner({})", self.key)
    }
}

impl Signer for SoftSigner {
    fn key(&self) -> &VerifierKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        self.pair
            .sign(message)
            .as_ref()
            .try_into()
            .map_err(|_| SignError::BadKey)
    }
}
