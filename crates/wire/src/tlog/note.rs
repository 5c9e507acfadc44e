//! Signed notes and their keys (C2SP signed-note): a text, an empty line, and signature lines.

mod key;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use key::{Algorithm, KeyError, SignError, Signer, SoftSigner, VerifierKey};

/// Signatures of one note.
pub const SIGNATURES_MAX: usize = 16;
/// Bytes of one note, signatures included.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a key name.
pub const KEY_NAME_BYTES_MAX: usize = 255;

const DASH: &str = "\u{2014} ";

/// Why a note is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not of the form of a signed note.
    #[error("not a signed note")]
    Malformed,
    /// More than 64 KiB.
    #[error("the note is too long")]
    TooLong,
    /// More than 16 signatures.
    #[error("too many signatures")]
    TooManySignatures,
    /// No signature by this key.
    #[error("not signed by this key")]
    NotSigned,
    /// A signature that claims to be by this key is not.
    #[error("the signature does not fit")]
    BadSignature,
    /// The key is for another kind of signature.
    #[error("a key for another kind of signature")]
    WrongAlgorithm,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The key's name; not empty, without blanks and plus signs.
    pub name: String,
    /// The key's id, see [`VerifierKey::key_id`].
    pub key_id: [u8; 4],
    /// What the algorithm makes: 64 bytes for Ed25519, 72 for a cosignature.
    pub bytes: Vec<u8>,
}

impl Signature {
    /// True if the line names this key.
    pub fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.key_id == key.key_id()
    }
}

impl fmt::Display for Signature {
    /// The line without its line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.to_vec();
        bytes.extend_from_slice(&self.bytes);
        write!(f, "{DASH}{} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for Signature {
    type Err = NoteError;

    /// Reads a line without its line feed.
    fn from_str(line: &str) -> Result<Self, NoteError> {
        let (name, encoded) = line
            .strip_prefix(DASH)
            .and_then(|rest| rest.split_once(' '))
            .filter(|(name, _)| is_key_name(name))
            .ok_or(NoteError::Malformed)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Malformed)?;
        match bytes.split_first_chunk::<4>() {
            Some((key_id, bytes)) if !bytes.is_empty() => Ok(Self {
                name: name.to_owned(),
                key_id: *key_id,
                bytes: bytes.to_vec(),
            }),
            _ => Err(NoteError::Malformed),
        }
    }
}

/// Signature lines alone, as a witness answers with them; each ends in a line feed, at least one and at most 16.
///
/// # Errors
/// [`NoteError::Malformed`], [`NoteError::TooLong`] or [`NoteError::TooManySignatures`].
pub fn parse_signature_lines(text: &str) -> Result<Vec<Signature>, NoteError> {
    if text.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLong);
    }
    let lines = text.strip_suffix('\n').ok_or(NoteError::Malformed)?;
    if lines.split('\n').nth(SIGNATURES_MAX).is_some() {
        return Err(NoteError::TooManySignatures);
    }
    lines.split('\n').map(str::parse).collect()
}

/// A text and its signatures. What the signatures are worth, [`SignedNote::verify`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    /// The signed text; ends in a line feed, which is signed too.
    pub text: String,
    /// At least one in a note that was read.
    pub signatures: Vec<Signature>,
}

impl SignedNote {
    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::Malformed`], [`NoteError::TooLong`] or [`NoteError::TooManySignatures`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed);
        }
        // The last empty line divides; the text keeps its own line feed.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        Ok(Self {
            text: format!("{text}\n"),
            signatures: parse_signature_lines(lines)?,
        })
    }

    /// The note as it is stored and sent.
    pub fn encode(&self) -> String {
        let mut note = format!("{}\n", self.text);
        for signature in &self.signatures {
            note.push_str(&format!("{signature}\n"));
        }
        note
    }

    /// Checks the signature of an Ed25519 key over the text. A note with several signatures that name the key must carry
    /// a good one each time.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`], [`NoteError::BadSignature`] or [`NoteError::WrongAlgorithm`] (cosignatures are for
    /// [`verify_cosignature`](super::checkpoint::verify_cosignature)).
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(NoteError::WrongAlgorithm);
        }
        let mut is_signed = false;
        for signature in self.signatures.iter().filter(|line| line.is_by(key)) {
            if !key.is_signature(self.text.as_bytes(), &signature.bytes) {
                return Err(NoteError::BadSignature);
            }
            is_signed = true;
        }
        if is_signed {
            Ok(())
        } else {
            Err(NoteError::NotSigned)
        }
    }
}

/// Not empty, no blanks, no plus signs, no control characters, at most 255 bytes.
fn is_key_name(name: &str) -> bool {
    (1..=KEY_NAME_BYTES_MAX).contains(&name.len())
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests;
