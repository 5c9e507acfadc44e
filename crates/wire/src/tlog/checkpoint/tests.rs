use proptest::prelude::*;

use super::*;
use crate::tlog::note::SoftSigner;

const TEXT: &str =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

fn signer(name: &str, algorithm: Algorithm, seed: u8) -> SoftSigner {
    SoftSigner::from_seed(name, algorithm, &[seed; 32]).expect("a key")
}

#[test]
fn the_text_of_the_specification_is_read_and_written() {
    let checkpoint: Checkpoint = TEXT.parse().expect("valid");
    assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
    assert_eq!(checkpoint.size, 20_852_163);
    assert!(checkpoint.extensions.is_empty());
    assert_eq!(checkpoint.to_string(), TEXT);
    let extended: Checkpoint = format!("{TEXT}one\ntwo\n").parse().expect("valid");
    assert_eq!(extended.extensions, ["one", "two"]);
}

#[test]
fn other_forms_are_refused() {
    for (from, to) in [
        ("q2I=\n", "q2I="),
        ("20852163", "020852163"),
        ("20852163", "+20852163"),
        ("20852163", "-1"),
        ("20852163", "18446744073709551616"),
        ("CsUY", "CsU"),
        ("q2I=", "q2J="),
        ("example.com/behind-the-sofa", ""),
        ("q2I=\n", "q2I=\n\n"),
        ("q2I=\n", "q2I=\n\nx\n"),
        ("q2I=\n", "q2I=\nx\ty\n"),
    ] {
        let text = TEXT.replacen(from, to, 1);
        assert_eq!(
            text.parse::<Checkpoint>(),
            Err(ParseCheckpointError),
            "{to:?}"
        );
    }
}

#[test]
fn a_signed_checkpoint_is_opened_by_its_key_only() {
    let log = signer("example.com/behind-the-sofa", Algorithm::Ed25519, 1);
    let other = signer("example.com/behind-the-sofa", Algorithm::Ed25519, 2);
    let witness = signer("witness", Algorithm::CosignatureV1, 1);
    let checkpoint: Checkpoint = TEXT.parse().expect("valid");
    let note = checkpoint.sign(&log).expect("signs");
    assert_eq!(Checkpoint::open(&note, log.key()), Ok(checkpoint.clone()));
    assert_eq!(
        Checkpoint::open(&note, other.key()),
        Err(OpenError::Note(NoteError::NotSigned))
    );
    assert_eq!(
        Checkpoint::open(&note, witness.key()),
        Err(OpenError::Note(NoteError::WrongAlgorithm))
    );
    assert_eq!(checkpoint.sign(&witness), Err(SignError::WrongAlgorithm));
    let mut changed = note;
    changed.text = changed.text.replace("20852163", "20852164");
    assert_eq!(
        Checkpoint::open(&changed, log.key()),
        Err(OpenError::Note(NoteError::BadSignature))
    );
}

#[test]
fn a_cosignature_binds_text_time_and_witness() {
    let witness = signer("witness.example/w1", Algorithm::CosignatureV1, 3);
    let other = signer("witness.example/w1", Algorithm::CosignatureV1, 4);
    let log = signer("witness.example/w1", Algorithm::Ed25519, 3);
    let signature = cosign(TEXT, &witness, 1_679_315_147).expect("signs");
    assert_eq!(
        verify_cosignature(TEXT, &signature, witness.key()),
        Ok(1_679_315_147)
    );
    // RFC 8032 over the message written out in the specification.
    assert!(witness.key().is_signature(
        format!("cosignature/v1\ntime 1679315147\n{TEXT}").as_bytes(),
        &signature.bytes[8..]
    ));
    for at in 0..signature.bytes.len() {
        for bit in 0..8 {
            let mut changed = signature.clone();
            changed.bytes[at] ^= 1 << bit;
            assert_eq!(
                verify_cosignature(TEXT, &changed, witness.key()),
                Err(NoteError::BadSignature)
            );
        }
    }
    let changed = TEXT.replace("20852163", "20852164");
    assert_eq!(
        verify_cosignature(&changed, &signature, witness.key()),
        Err(NoteError::BadSignature)
    );
    assert_eq!(
        verify_cosignature(TEXT, &signature, other.key()),
        Err(NoteError::NotSigned)
    );
    assert_eq!(
        verify_cosignature(TEXT, &signature, log.key()),
        Err(NoteError::WrongAlgorithm)
    );
    assert_eq!(cosign(TEXT, &log, 1), Err(SignError::WrongAlgorithm));
    let without_time = cosign(TEXT, &witness, 0).expect("signs");
    assert_eq!(
        verify_cosignature(TEXT, &without_time, witness.key()),
        Err(NoteError::BadSignature)
    );
}

proptest! {
    #[test]
    fn a_checkpoint_that_is_read_is_written_the_same(text in "([a-z]{0,5}\n)?[0-9]{0,3}\n[A-Za-z0-9+/]{43}=\n(x?\n)?") {
        if let Ok(checkpoint) = text.parse::<Checkpoint>() {
            prop_assert_eq!(checkpoint.to_string(), text);
        }
    }
}
