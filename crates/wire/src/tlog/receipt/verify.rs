//! The checks of a bundle, each made whatever the others found.

use std::borrow::Cow;

use lgsp_base::Timestamp;
use lgsp_base::hash::to_hex;
use lgsp_base::planted::Planted;

use super::bundle::{Bundle, DecodeBundleError, Parts};
use super::claimed::claimed;
use super::report::{Check, Facts, Name, Outcome, Reason, Report};
use crate::record::{LEDGER_DOMAIN, Record, commitment};
use crate::tlog::checkpoint::{Checkpoint, verify_cosignature};
use crate::tlog::merkle::{leaf_hash, verify_inclusion};
use crate::tlog::note::VerifierKey;
use crate::tlog::timestamp::{Certificate, Token, imprint_of};

/// Judges the bytes of a bundle. `pinned` is a key of the log that the reader has from elsewhere; without one the report says that the
/// embedded key is not pinned.
pub fn verify(bytes: &[u8], pinned: Option<&VerifierKey>) -> Report {
    verify_with(bytes, pinned, Planted::NONE)
}

/// As [`verify`], perhaps with a deliberate fault.
pub fn verify_with(bytes: &[u8], pinned: Option<&VerifierKey>, planted: Planted) -> Report {
    match Bundle::decode(bytes) {
        Ok(bundle) => bundle.verify_with(pinned, planted),
        Err(error) => {
            let reason = match error {
                DecodeBundleError::TooLong | DecodeBundleError::NotABundle => Reason::NotABundle,
                DecodeBundleError::NotCanonical => Reason::NotCanonical,
            };
            Report {
                facts: claimed(bytes),
                checks: vec![check(Name::Form, Outcome::Fails(reason), "")],
            }
        }
    }
}

impl Bundle {
    /// Judges a bundle that was read; see [`verify`].
    pub fn verify(&self, pinned: Option<&VerifierKey>) -> Report {
        self.verify_with(pinned, Planted::NONE)
    }

    fn verify_with(&self, pinned: Option<&VerifierKey>, planted: Planted) -> Report {
        let parts = self.parts();
        let (keys, is_whole) = parts.keys(planted);
        let checkpoint: Option<Checkpoint> = parts.checkpoint.text.parse().ok();
        let record = Record::decode(&parts.record);
        let facts = match &record {
            Ok(record) => Facts::of(record, parts.leaf_index),
            Err(_) => claimed(&self.encode()),
        };
        let mut checks = vec![
            check(Name::Form, Outcome::Holds, ""),
            check(
                Name::Record,
                outcome(record.map(|_| ()).map_err(|_| Reason::NotCanonical)),
                "",
            ),
            check(
                Name::Inclusion,
                outcome(inclusion(parts, checkpoint.as_ref())),
                place(parts, checkpoint.as_ref()),
            ),
            check(
                Name::Succession,
                match (parts.successions.is_empty(), is_whole) {
                    (true, _) => Outcome::Absent,
                    (false, true) => Outcome::Holds,
                    (false, false) => Outcome::Fails(Reason::BrokenChain),
                },
                "",
            ),
        ];
        checks.extend(signatures(parts, &keys, checkpoint.as_ref()));
        checks.push(timestamp(parts));
        let newest = keys.last().map(|(_, key)| key);
        let is_signed =
            newest.is_some_and(|key| key.is_signature(&parts.signed_message(), &self.signature));
        checks.push(check(
            Name::Signature,
            if is_signed {
                Outcome::Holds
            } else {
                Outcome::Fails(Reason::BadSignature)
            },
            "",
        ));
        // Whoever trusts a key also trusts those that it named: the newest key, which signed the bundle, is the last of them.
        checks.push(match pinned {
            None => check(
                Name::Pin,
                Outcome::Absent,
                newest.map(VerifierKey::to_string).unwrap_or_default(),
            ),
            Some(pinned) if keys.iter().any(|(_, key)| key == pinned) => {
                check(Name::Pin, Outcome::Holds, pinned.to_string())
            }
            Some(pinned) => check(
                Name::Pin,
                Outcome::Fails(Reason::OtherKey),
                pinned.to_string(),
            ),
        });
        Report { facts, checks }
    }
}

fn check<'a>(name: Name, outcome: Outcome, about: impl Into<Cow<'a, str>>) -> Check {
    Check {
        name,
        outcome,
        about: about.into().into_owned(),
    }
}

fn outcome(result: Result<(), Reason>) -> Outcome {
    match result {
        Ok(()) => Outcome::Holds,
        Err(reason) => Outcome::Fails(reason),
    }
}

/// Record and salt to the commitment, to the leaf, to the root.
fn inclusion(parts: &Parts, checkpoint: Option<&Checkpoint>) -> Result<(), Reason> {
    let checkpoint = checkpoint.ok_or(Reason::NotACheckpoint)?;
    let commitment = commitment(LEDGER_DOMAIN, &parts.salt, &parts.record);
    verify_inclusion(
        &leaf_hash(&commitment.0),
        parts.leaf_index,
        checkpoint.size,
        &parts.proof,
        &checkpoint.root,
    )?;
    Ok(())
}

/// Which leaf of how many.
fn place(parts: &Parts, checkpoint: Option<&Checkpoint>) -> String {
    match checkpoint {
        Some(checkpoint) => format!("{} / {}", parts.leaf_index, checkpoint.size),
        None => parts.leaf_index.to_string(),
    }
}

/// The log's signature and every other line under the checkpoint.
fn signatures(
    parts: &Parts,
    keys: &[(u64, VerifierKey)],
    checkpoint: Option<&Checkpoint>,
) -> Vec<Check> {
    let note = &parts.checkpoint;
    // A key that was replaced must not sign for larger sizes.
    let in_force = checkpoint.and_then(|checkpoint| {
        keys.iter()
            .rev()
            .find(|(from_size, _)| *from_size <= checkpoint.size)
            .map(|(_, key)| (checkpoint, key))
    });
    let result = match in_force {
        Some((checkpoint, key)) if checkpoint.origin == key.name() => {
            note.verify(key).map_err(Reason::from)
        }
        _ => Err(Reason::NotACheckpoint),
    };
    let about = in_force
        .map(|(checkpoint, key)| format!("{}, {}", checkpoint.origin, to_hex(&key.key_id())));
    let mut checks = vec![check(
        Name::Checkpoint,
        outcome(result),
        about.unwrap_or_default(),
    )];
    let is_log =
        |line: &crate::tlog::note::Signature| in_force.is_some_and(|(_, key)| line.is_by(key));
    for line in note.signatures.iter().filter(|line| !is_log(line)) {
        let result = match parts.witnesses.iter().find(|key| line.is_by(key)) {
            None => Err(Reason::UnknownWitness),
            Some(key) => verify_cosignature(&note.text, line, key).map_err(Reason::from),
        };
        checks.push(match result {
            Ok(seconds) => check(
                Name::Cosignature,
                Outcome::Holds,
                format!(
                    "{}, {}",
                    line.name,
                    Timestamp::from_millis(
                        i64::try_from(seconds)
                            .unwrap_or(i64::MAX)
                            .saturating_mul(1_000)
                    )
                    .to_vietnamese()
                ),
            ),
            Err(reason) => check(
                Name::Cosignature,
                Outcome::Fails(reason),
                line.name.as_str(),
            ),
        });
    }
    if checks.len() == 1 {
        checks.push(check(Name::Cosignature, Outcome::Absent, ""));
    }
    checks
}

fn timestamp(parts: &Parts) -> Check {
    let Some(stamped) = &parts.timestamp else {
        return check(Name::Timestamp, Outcome::Absent, "");
    };
    let certificate = Certificate::from_der(&stamped.certificate);
    let result = certificate.and_then(|certificate| {
        let token = Token::parse(&stamped.token)?;
        token.verify_by(&imprint_of(&parts.checkpoint.text), &certificate)
    });
    match result {
        Ok(stamp) => check(
            Name::Timestamp,
            Outcome::Holds,
            format!(
                "{}, {}, SHA-256 {}",
                stamp.at.to_vietnamese(),
                stamp.certificate.name(),
                stamp.certificate.fingerprint()
            ),
        ),
        Err(error) => check(Name::Timestamp, Outcome::Fails(Reason::from(&error)), ""),
    }
}
