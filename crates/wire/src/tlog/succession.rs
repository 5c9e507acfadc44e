//! The change of a log's key: the old key names the new one in a signed note.
//!
//! The text begins with a line that no checkpoint of a log with a proper name can begin with, so neither signature can pass for the
//! other.

use std::fmt;
use std::str::FromStr;

use super::checkpoint::parse_decimal;
use super::note::{Algorithm, NoteError, SignError, Signature, SignedNote, Signer, VerifierKey};

const HEADER: &str = "lgsp ledger key succession v1";

/// "From this size on, checkpoints are signed by that key." The name of both keys is the log's origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// Checkpoints of this size and more are signed by the new key.
    pub from_size: u64,
    /// The key that signs the statement.
    pub old: VerifierKey,
    /// The key that follows.
    pub new: VerifierKey,
}

/// Why a statement of succession is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionError {
    /// Not of this form, or keys that cannot follow each other: other names, no note keys, the same key.
    #[error("not a statement of succession")]
    Malformed,
    /// The signature.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl fmt::Display for Succession {
    /// The text to be signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        writeln!(f, "{}", self.from_size)?;
        writeln!(f, "{}", self.old)?;
        writeln!(f, "{}", self.new)
    }
}

impl FromStr for Succession {
    type Err = SuccessionError;

    fn from_str(text: &str) -> Result<Self, SuccessionError> {
        let lines: Vec<&str> = text
            .strip_suffix('\n')
            .ok_or(SuccessionError::Malformed)?
            .splitn(5, '\n')
            .collect();
        let [HEADER, from_size, old, new] = lines.as_slice() else {
            return Err(SuccessionError::Malformed);
        };
        let key = |text: &str| text.parse().map_err(|_| SuccessionError::Malformed);
        let statement = Self {
            from_size: parse_decimal(from_size).ok_or(SuccessionError::Malformed)?,
            old: key(old)?,
            new: key(new)?,
        };
        if statement.is_possible() {
            Ok(statement)
        } else {
            Err(SuccessionError::Malformed)
        }
    }
}

impl Succession {
    fn is_possible(&self) -> bool {
        self.old.algorithm() == Algorithm::Ed25519
            && self.new.algorithm() == Algorithm::Ed25519
            && self.old.name() == self.new.name()
            && self.old != self.new
    }

    /// The statement that from `from_size` on `new` signs, signed by the old key.
    ///
    /// # Errors
    /// Those of the signer, and keys that cannot follow each other.
    pub fn sign(
        old: &dyn Signer,
        new: &VerifierKey,
        from_size: u64,
    ) -> Result<SignedNote, SignError> {
        let statement = Self {
            from_size,
            old: old.key().clone(),
            new: new.clone(),
        };
        if !statement.is_possible() {
            return Err(SignError::WrongAlgorithm);
        }
        let text = statement.to_string();
        let signature = Signature {
            name: old.key().name().to_owned(),
            key_id: old.key().key_id(),
            bytes: old.sign(text.as_bytes())?.to_vec(),
        };
        Ok(SignedNote {
            text,
            signatures: vec![signature],
        })
    }

    /// The statement of a note that the key it names as the old one signed. Whether that key is to be believed is for the caller.
    ///
    /// # Errors
    /// The form or the signature.
    pub fn open(note: &SignedNote) -> Result<Self, SuccessionError> {
        let statement: Self = note.text.parse()?;
        note.verify(&statement.old)?;
        Ok(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::checkpoint::Checkpoint;
    use crate::tlog::note::SoftSigner;

    fn signer(name: &str, seed: u8) -> SoftSigner {
        SoftSigner::from_seed(name, Algorithm::Ed25519, &[seed; 32]).expect("a key")
    }

    #[test]
    fn the_old_key_names_the_new_one() {
        let (old, new) = (signer("log", 1), signer("log", 2));
        let note = Succession::sign(&old, new.key(), 17).expect("signs");
        let statement = Succession::open(&note).expect("holds");
        assert_eq!(statement.from_size, 17);
        assert_eq!((&statement.old, &statement.new), (old.key(), new.key()));
        assert_eq!(statement.to_string(), note.text);
        assert!(note.text.parse::<Checkpoint>().is_err());

        let mut changed = note.clone();
        changed.text = changed.text.replace("\n17\n", "\n18\n");
        assert_eq!(
            Succession::open(&changed),
            Err(SuccessionError::Note(NoteError::BadSignature))
        );
        // Signed by the new key alone: nobody may name himself.
        let forged = SignedNote {
            signatures: vec![Signature {
                name: "log".to_owned(),
                key_id: new.key().key_id(),
                bytes: new.sign(note.text.as_bytes()).expect("signs").to_vec(),
            }],
            ..note.clone()
        };
        assert_eq!(
            Succession::open(&forged),
            Err(SuccessionError::Note(NoteError::NotSigned))
        );
        for (from, to) in [
            ("succession v1", "succession v2"),
            ("\n17\n", "\n017\n"),
            ("\nlog+", "\nlug+"),
            ("\n17\n", "\n17\n\n"),
        ] {
            let mut changed = note.clone();
            changed.text = changed.text.replacen(from, to, 1);
            assert_eq!(
                Succession::open(&changed),
                Err(SuccessionError::Malformed),
                "{to}"
            );
        }
        let longer = format!("{}x\n", note.text);
        assert_eq!(
            longer.parse::<Succession>(),
            Err(SuccessionError::Malformed)
        );
    }

    #[test]
    fn keys_that_cannot_follow_each_other_are_refused() {
        let old = signer("log", 1);
        let witness =
            SoftSigner::from_seed("log", Algorithm::CosignatureV1, &[3; 32]).expect("a key");
        for new in [old.key(), signer("other", 2).key(), witness.key()] {
            assert!(Succession::sign(&old, new, 1).is_err(), "{new}");
        }
        assert!(Succession::sign(&witness, old.key(), 1).is_err());
    }
}
