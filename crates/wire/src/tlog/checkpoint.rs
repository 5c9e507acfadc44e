//! Checkpoints of the log and cosignatures of witnesses (C2SP tlog-checkpoint, tlog-cosignature).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_base::Sha256;

use super::note::{Algorithm, NoteError, SignError, Signature, SignedNote, Signer, VerifierKey};

/// Bytes of a cosignature: the time and the Ed25519 signature.
const COSIGNATURE_BYTES: usize = 8 + 64;

/// What a log says of itself at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The identity of the log, also the name of its key; one line, not empty.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Sha256,
    /// Further lines, which nobody audits; not empty each.
    pub extensions: Vec<String>,
}

/// The text is not that of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint")]
pub struct ParseCheckpointError;

/// Why a signed checkpoint is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The signature.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text.
    #[error(transparent)]
    Text(#[from] ParseCheckpointError),
}

impl fmt::Display for Checkpoint {
    /// The text to be signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.origin)?;
        writeln!(f, "{}", self.size)?;
        writeln!(f, "{}", STANDARD.encode(self.root.0))?;
        for line in &self.extensions {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl FromStr for Checkpoint {
    type Err = ParseCheckpointError;

    fn from_str(text: &str) -> Result<Self, ParseCheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(ParseCheckpointError)?;
        if lines.split('\n').any(str::is_empty) || lines.chars().any(|c| c < ' ' && c != '\n') {
            return Err(ParseCheckpointError);
        }
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(ParseCheckpointError);
        };
        Ok(Self {
            origin: origin.to_owned(),
            size: parse_decimal(size).ok_or(ParseCheckpointError)?,
            root: parse_hash(root).ok_or(ParseCheckpointError)?,
            extensions: lines.map(str::to_owned).collect(),
        })
    }
}

impl Checkpoint {
    /// The note with the log's signature.
    ///
    /// # Errors
    /// Those of the signer, and a key that is not an Ed25519 note key.
    pub fn sign(&self, signer: &dyn Signer) -> Result<SignedNote, SignError> {
        let key = signer.key();
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(SignError::WrongAlgorithm);
        }
        let text = self.to_string();
        let signature = Signature {
            name: key.name().to_owned(),
            key_id: key.key_id(),
            bytes: signer.sign(text.as_bytes())?.to_vec(),
        };
        Ok(SignedNote {
            text,
            signatures: vec![signature],
        })
    }

    /// The checkpoint of a note that this key signed. Whether the origin is the one expected is for the caller to judge.
    ///
    /// # Errors
    /// The signature does not fit, or the text is not a checkpoint.
    pub fn open(note: &SignedNote, key: &VerifierKey) -> Result<Self, OpenError> {
        note.verify(key)?;
        Ok(note.text.parse()?)
    }
}

/// A witness's signature of a checkpoint's text as of a time in seconds since 1970.
///
/// # Errors
/// Those of the signer, and a key that is not a cosignature key.
pub fn cosign(
    note_text: &str,
    signer: &dyn Signer,
    timestamp_seconds: u64,
) -> Result<Signature, SignError> {
    let key = signer.key();
    if key.algorithm() != Algorithm::CosignatureV1 {
        return Err(SignError::WrongAlgorithm);
    }
    let mut bytes = timestamp_seconds.to_be_bytes().to_vec();
    bytes.extend_from_slice(&signer.sign(&cosigned_message(note_text, timestamp_seconds))?);
    Ok(Signature {
        name: key.name().to_owned(),
        key_id: key.key_id(),
        bytes,
    })
}

/// The time in seconds since 1970 at which the witness signed this text.
///
/// # Errors
/// [`NoteError::NotSigned`] if the line names another key, [`NoteError::BadSignature`], [`NoteError::WrongAlgorithm`].
pub fn verify_cosignature(
    note_text: &str,
    signature: &Signature,
    key: &VerifierKey,
) -> Result<u64, NoteError> {
    if key.algorithm() != Algorithm::CosignatureV1 {
        return Err(NoteError::WrongAlgorithm);
    }
    if !signature.is_by(key) {
        return Err(NoteError::NotSigned);
    }
    let (time, bytes) = signature
        .bytes
        .split_first_chunk::<8>()
        .filter(|_| signature.bytes.len() == COSIGNATURE_BYTES)
        .ok_or(NoteError::BadSignature)?;
    let time = u64::from_be_bytes(*time);
    // Zero would mean "no statement about the time"; the top bit is forbidden.
    if time == 0 || i64::try_from(time).is_err() {
        return Err(NoteError::BadSignature);
    }
    if key.is_signature(&cosigned_message(note_text, time), bytes) {
        Ok(time)
    } else {
        Err(NoteError::BadSignature)
    }
}

fn cosigned_message(note_text: &str, timestamp_seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {timestamp_seconds}\n{note_text}").into_bytes()
}

/// A number in its one decimal form: no sign, no leading zeros.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|number: &u64| number.to_string() == text)
}

/// A hash in base64.
pub(super) fn parse_hash(text: &str) -> Option<Sha256> {
    STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| Sha256::from_slice(&bytes))
}

#[cfg(test)]
mod tests;
