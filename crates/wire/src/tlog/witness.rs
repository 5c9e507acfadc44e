//! What a log asks of a witness (C2SP tlog-witness): `POST …/add-checkpoint`.
//!
//! The answers: 200 with signature lines ([`parse_signature_lines`](super::note::parse_signature_lines)), 404 for an unknown
//! origin, 403 without a good signature of the log, 409 with the size the witness knows ([`Conflict`]), 422 for a proof that
//! does not hold, 400 for anything else.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_base::Sha256;

use super::checkpoint::{parse_decimal, parse_hash};
use super::note::{NOTE_BYTES_MAX, SignedNote};

/// Lines of a consistency proof.
pub const PROOF_LINES_MAX: usize = 63;
/// Bytes of a request: the note, the size and the proof.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + 64 * 64;
/// Media type of the body of a 409.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// A checkpoint to be cosigned and the proof that it grew from the one the witness knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the witness cosigned last, 0 for none.
    pub old_size: u64,
    /// Consistency of the two, empty if `old_size` is 0 or the size is unchanged.
    pub proof: Vec<Sha256>,
    /// The checkpoint with the log's signature.
    pub note: SignedNote,
}

/// The request is not of this form: to be answered with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an add-checkpoint request")]
pub struct ParseRequestError;

impl fmt::Display for AddCheckpoint {
    /// The body of the request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.proof {
            writeln!(f, "{}", STANDARD.encode(hash.0))?;
        }
        write!(f, "\n{}", self.note.encode())
    }
}

impl FromStr for AddCheckpoint {
    type Err = ParseRequestError;

    fn from_str(body: &str) -> Result<Self, ParseRequestError> {
        if body.len() > REQUEST_BYTES_MAX {
            return Err(ParseRequestError);
        }
        let (head, note) = body.split_once("\n\n").ok_or(ParseRequestError)?;
        let mut lines = head.split('\n');
        let old_size = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(parse_decimal)
            .ok_or(ParseRequestError)?;
        let proof: Vec<Sha256> = lines
            .take(PROOF_LINES_MAX + 1)
            .map(|line| parse_hash(line).ok_or(ParseRequestError))
            .collect::<Result<_, _>>()?;
        if proof.len() > PROOF_LINES_MAX {
            return Err(ParseRequestError);
        }
        Ok(Self {
            old_size,
            proof,
            note: SignedNote::parse(note).map_err(|_| ParseRequestError)?,
        })
    }
}

/// The body of a 409: the size of the checkpoint that the witness cosigned last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict(pub u64);

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0)
    }
}

impl FromStr for Conflict {
    type Err = ParseRequestError;

    fn from_str(body: &str) -> Result<Self, ParseRequestError> {
        body.strip_suffix('\n')
            .and_then(parse_decimal)
            .map(Self)
            .ok_or(ParseRequestError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::merkle::leaf_hash;
    use proptest::prelude::*;

    /// The example of the specification, with one of its signatures.
    const EXAMPLE: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let request: AddCheckpoint = EXAMPLE.parse().expect("valid");
        assert_eq!((request.old_size, request.proof.len()), (20_852_014, 4));
        assert!(request.note.text.ends_with("q2I=\n"));
        assert_eq!(request.to_string(), EXAMPLE);
        let first = EXAMPLE.replacen("old 20852014", "old 0", 1);
        assert_eq!(first.parse::<AddCheckpoint>().expect("valid").old_size, 0);
    }

    #[test]
    fn other_forms_are_refused() {
        for (from, to) in [
            ("old 20852014", "old 020852014"),
            ("old 20852014", "old -1"),
            ("old 20852014", "old"),
            ("old 20852014", "size 20852014"),
            ("PlRN", "PlR"),
            ("pkaw=", "pkaw"),
            ("\n\n\u{2014}", "\n\u{2014}"),
        ] {
            let body = EXAMPLE.replacen(from, to, 1);
            assert_eq!(
                body.parse::<AddCheckpoint>(),
                Err(ParseRequestError),
                "{to}"
            );
        }
        let mut request: AddCheckpoint = EXAMPLE.parse().expect("valid");
        request.proof = vec![leaf_hash(b""); PROOF_LINES_MAX];
        assert_eq!(request.to_string().parse(), Ok(request.clone()));
        request.proof.push(leaf_hash(b""));
        assert!(request.to_string().parse::<AddCheckpoint>().is_err());
    }

    #[test]
    fn a_conflict_tells_the_size() {
        assert_eq!("17\n".parse(), Ok(Conflict(17)));
        assert_eq!(Conflict(17).to_string(), "17\n");
        for body in ["17", "017\n", "+17\n", "\n", "17\n\n"] {
            assert!(body.parse::<Conflict>().is_err(), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(body in "(old [0-9]{1,3}\n)?([A-Za-z0-9+/=]{44}\n){0,2}\n?.{0,40}") {
            if let Ok(request) = body.parse::<AddCheckpoint>() {
                prop_assert_eq!(request.to_string(), body);
            }
        }
    }
}
