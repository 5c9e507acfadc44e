//! The bundle and its canonical bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::{Sha256, limits};

use crate::record::{Record, Value};
use crate::tlog::merkle::PROOF_HASHES_MAX;
use crate::tlog::note::{SIGNATURES_MAX, SignError, SignedNote, Signer, VerifierKey};
use crate::tlog::succession::Succession;

/// Names the format and its version; also the domain of the signature over a bundle.
const FORMAT: &str = "lgsp receipt v1";
/// Every key that a bundle may have, besides `timestamp` and `signature`.
const KEYS: [&str; 10] = [
    "checkpoint",
    "format",
    "key",
    "leaf_index",
    "platform",
    "proof",
    "record",
    "salt",
    "successions",
    "witnesses",
];
/// Characters of the platform's name.
const PLATFORM_CHARS_MAX: usize = limits::ORG_NAME_CHARS_MAX;

/// What a bundle consists of, besides the signature over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The platform's name, for the cover page; at most 300 characters.
    pub platform: String,
    /// The canonical record of the entry.
    pub record: Vec<u8>,
    /// The salt of its commitment.
    pub salt: [u8; 32],
    /// Which leaf the entry is.
    pub leaf_index: u64,
    /// From the leaf to the root of the checkpoint.
    pub proof: Vec<Sha256>,
    /// A checkpoint that contains the leaf, with the log's signature and the witnesses' cosignatures.
    pub checkpoint: SignedNote,
    /// The oldest of the log's keys that the reader is shown.
    pub key: VerifierKey,
    /// How the key was replaced since then, oldest first; see [`Succession`].
    pub successions: Vec<SignedNote>,
    /// The keys of the witnesses that cosigned.
    pub witnesses: Vec<VerifierKey>,
    /// A time stamp over [`imprint_of`](crate::tlog::timestamp::imprint_of) the checkpoint's text.
    pub timestamp: Option<StampedBy>,
}

/// A time stamp token and the certificate of the authority that signed it, both DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StampedBy {
    /// The token (RFC 3161).
    pub token: Vec<u8>,
    /// The certificate that signed the token itself, not that of its issuer.
    pub certificate: Vec<u8>,
}

/// Parts and the signature of the log's newest key over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    pub(super) parts: Parts,
    pub(super) signature: [u8; 64],
}

/// The bytes are not a bundle in its canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeBundleError {
    /// More than the limit.
    #[error("the bundle is too long")]
    TooLong,
    /// Not a bundle of this version.
    #[error("not a receipt bundle")]
    NotABundle,
    /// A bundle, but not in its canonical form.
    #[error("not in canonical form")]
    NotCanonical,
}

impl Parts {
    /// The log's keys that the statements of succession lead to, oldest first, each with the size from which it signs; and whether
    /// every statement fits behind the one before.
    pub(super) fn keys(&self, planted: Planted) -> (Vec<(u64, VerifierKey)>, bool) {
        let mut keys = vec![(0, self.key.clone())];
        for note in &self.successions {
            let stated = if planted.has(Bug::SkipSuccession) {
                note.text.parse().ok()
            } else {
                Succession::open(note).ok()
            };
            let follows = stated.filter(|statement: &Succession| {
                keys.last().is_some_and(|(from_size, key)| {
                    *key == statement.old && *from_size <= statement.from_size
                })
            });
            match follows {
                Some(statement) => keys.push((statement.from_size, statement.new)),
                None => return (keys, false),
            }
        }
        (keys, true)
    }

    fn is_within_limits(&self) -> bool {
        self.platform.chars().count() <= PLATFORM_CHARS_MAX
            && self.proof.len() <= PROOF_HASHES_MAX
            && self.successions.len() <= limits::RECEIPT_SUCCESSIONS_MAX
            && self.witnesses.len() <= SIGNATURES_MAX
            && i64::try_from(self.leaf_index).is_ok()
    }

    fn record(&self) -> Record {
        let texts = |items: Vec<String>| Value::List(items.into_iter().map(Value::Text).collect());
        let record = Record::new()
            .with("format", FORMAT)
            .with("platform", self.platform.as_str())
            .with("record", STANDARD.encode(&self.record))
            .with("salt", STANDARD.encode(self.salt))
            .with(
                "leaf_index",
                i64::try_from(self.leaf_index).unwrap_or(i64::MAX),
            )
            .with(
                "proof",
                texts(self.proof.iter().map(|h| STANDARD.encode(h.0)).collect()),
            )
            .with("checkpoint", self.checkpoint.encode())
            .with("key", self.key.to_string())
            .with(
                "successions",
                texts(self.successions.iter().map(SignedNote::encode).collect()),
            )
            .with(
                "witnesses",
                texts(self.witnesses.iter().map(VerifierKey::to_string).collect()),
            );
        match &self.timestamp {
            Some(stamped) => record.with(
                "timestamp",
                Record::new()
                    .with("token", STANDARD.encode(&stamped.token))
                    .with("certificate", STANDARD.encode(&stamped.certificate)),
            ),
            None => record,
        }
    }

    /// What is signed: the format's name and a line feed, then the canonical record without the signature.
    pub(super) fn signed_message(&self) -> Vec<u8> {
        let mut message = format!("{FORMAT}\n").into_bytes();
        message.extend_from_slice(&self.record().encode());
        message
    }
}

impl Bundle {
    /// Signs the parts with the log's newest key.
    ///
    /// # Errors
    /// Those of the signer; [`SignError::BadKey`] if the statements of succession do not lead to its key, if a limit is exceeded, or if
    /// the result could not be read back.
    pub fn sign(parts: Parts, signer: &dyn Signer) -> Result<Self, SignError> {
        let (keys, is_whole) = parts.keys(Planted::NONE);
        let is_newest = keys.last().is_some_and(|(_, key)| key == signer.key());
        if !is_whole || !is_newest || !parts.is_within_limits() {
            return Err(SignError::BadKey);
        }
        let signature = signer.sign(&parts.signed_message())?;
        let bundle = Self { parts, signature };
        match Self::decode(&bundle.encode()) {
            Ok(read) if read == bundle => Ok(bundle),
            _ => Err(SignError::BadKey),
        }
    }

    /// What the bundle consists of.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.parts
            .record()
            .with("signature", STANDARD.encode(self.signature))
            .encode()
    }

    /// Reads canonical bytes back; what they are worth, [`verify`](super::verify()) says.
    ///
    /// # Errors
    /// Anything that [`Bundle::encode`] would not have written.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeBundleError> {
        if bytes.len() > limits::RECEIPT_BYTES_MAX {
            return Err(DecodeBundleError::TooLong);
        }
        let record = Record::decode(bytes).map_err(|error| match error {
            crate::record::DecodeRecordError::NotARecord => DecodeBundleError::NotABundle,
            crate::record::DecodeRecordError::NotCanonical => DecodeBundleError::NotCanonical,
        })?;
        let bundle = read(&record).ok_or(DecodeBundleError::NotABundle)?;
        // Also catches other spellings inside: of a note, a key, a number.
        if bundle.encode() == bytes {
            Ok(bundle)
        } else {
            Err(DecodeBundleError::NotCanonical)
        }
    }
}

fn read(record: &Record) -> Option<Bundle> {
    let is_known = |key: &str| KEYS.contains(&key) || key == "timestamp" || key == "signature";
    if record.text("format") != Some(FORMAT) || !record.iter().all(|(key, _)| is_known(key)) {
        return None;
    }
    let timestamp = match record.get("timestamp") {
        None => None,
        Some(Value::Map(stamped)) => Some(StampedBy {
            token: bytes(stamped, "token")?,
            certificate: bytes(stamped, "certificate")?,
        }),
        Some(_) => return None,
    };
    let parts = Parts {
        platform: record.text("platform")?.to_owned(),
        record: bytes(record, "record")?,
        salt: bytes(record, "salt")?.try_into().ok()?,
        leaf_index: record.integer("leaf_index")?.try_into().ok()?,
        proof: list(record, "proof", |text| {
            Sha256::from_slice(&STANDARD.decode(text).ok()?)
        })?,
        checkpoint: SignedNote::parse(record.text("checkpoint")?).ok()?,
        key: record.text("key")?.parse().ok()?,
        successions: list(record, "successions", |text| SignedNote::parse(text).ok())?,
        witnesses: list(record, "witnesses", |text| text.parse().ok())?,
        timestamp,
    };
    let signature = bytes(record, "signature")?.try_into().ok()?;
    parts
        .is_within_limits()
        .then_some(Bundle { parts, signature })
}

fn bytes(record: &Record, key: &str) -> Option<Vec<u8>> {
    STANDARD.decode(record.text(key)?).ok()
}

fn list<T>(record: &Record, key: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    match record.get(key)? {
        Value::List(items) => items
            .iter()
            .map(|item| match item {
                Value::Text(text) => read(text),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}
