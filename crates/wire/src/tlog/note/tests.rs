use proptest::prelude::*;

use super::*;

/// Published with golang.org/x/mod/sumdb/note.
const NEUMANN_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NEUMANN_NOTE: &str = "If you think cryptography is the answer to your problem,
then you don't know what your problem is.

\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
";
/// The example of C2SP signed-note.
const FOO_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const FOO_NOTE: &str = "This is an example message.

\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
";

fn key(text: &str) -> VerifierKey {
    text.parse().expect("a key")
}

fn signer(name: &str) -> SoftSigner {
    SoftSigner::from_seed(name, Algorithm::Ed25519, &[7; 32]).expect("a key")
}

fn signed(text: &str, signers: &[&dyn Signer]) -> SignedNote {
    SignedNote {
        text: text.to_owned(),
        signatures: signers
            .iter()
            .map(|signer| Signature {
                name: signer.key().name().to_owned(),
                key_id: signer.key().key_id(),
                bytes: signer.sign(text.as_bytes()).expect("signs").to_vec(),
            })
            .collect(),
    }
}

#[test]
fn published_notes_verify() {
    for (vkey, text) in [(NEUMANN_KEY, NEUMANN_NOTE), (FOO_KEY, FOO_NOTE)] {
        let note = SignedNote::parse(text).expect("a note");
        assert_eq!(note.verify(&key(vkey)), Ok(()));
        assert_eq!(note.encode(), text);
        assert_eq!(key(vkey).to_string(), vkey);
    }
    let note = SignedNote::parse(FOO_NOTE).expect("a note");
    assert_eq!(note.verify(&key(NEUMANN_KEY)), Err(NoteError::NotSigned));
}

#[test]
fn our_own_signature_verifies_and_no_other_does() {
    let signer = signer("lgsp.example/ledger");
    let note = signed("a\n\nb\n", &[&signer]);
    assert_eq!(SignedNote::parse(&note.encode()), Ok(note.clone()));
    assert_eq!(note.verify(signer.key()), Ok(()));
    let mut other = note.clone();
    other.text.push('\n');
    assert_eq!(other.verify(signer.key()), Err(NoteError::BadSignature));
    for at in 0..64 {
        for bit in 0..8 {
            let mut other = note.clone();
            other.signatures[0].bytes[at] ^= 1 << bit;
            assert_eq!(other.verify(signer.key()), Err(NoteError::BadSignature));
        }
    }
    // A good signature does not make up for a bad one by the same key.
    let mut twice = note.clone();
    twice.signatures.push(note.signatures[0].clone());
    assert_eq!(twice.verify(signer.key()), Ok(()));
    twice.signatures[0].bytes[3] ^= 1;
    assert_eq!(twice.verify(signer.key()), Err(NoteError::BadSignature));
}

#[test]
fn a_signature_cannot_be_turned_into_another_one() {
    let signer = signer("log");
    let mut note = signed("x\n", &[&signer]);
    // s + L, the same scalar modulo the group order (RFC 8032 §5.1.7 demands s < L).
    let order: [u8; 32] = lgsp_base::hash::from_hex(
        "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
    )
    .and_then(|bytes| bytes.try_into().ok())
    .expect("32 bytes");
    let mut carry = 0u16;
    for (slot, add) in note.signatures[0].bytes[32..].iter_mut().zip(order) {
        carry += u16::from(*slot) + u16::from(add);
        *slot = (carry & 0xff) as u8;
        carry >>= 8;
    }
    assert_eq!(note.verify(signer.key()), Err(NoteError::BadSignature));
}

#[test]
fn weak_keys_are_refused() {
    let mut weak: Vec<[u8; 32]> = Vec::new();
    for low in 0xecu8..=0xff {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (low, 0x7f);
        weak.push(bytes);
    }
    for low in 0..2 {
        let mut bytes = [0; 32];
        bytes[0] = low;
        weak.push(bytes);
    }
    for hex in [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        let bytes = lgsp_base::hash::from_hex(hex).expect("hex");
        weak.push(bytes.try_into().expect("32 bytes"));
    }
    for mut bytes in weak {
        for _ in 0..2 {
            let made = VerifierKey::new("log", Algorithm::Ed25519, bytes);
            assert_eq!(made, Err(KeyError::Weak));
            bytes[31] ^= 0x80;
        }
    }
}

#[test]
fn keys_in_other_forms_are_refused() {
    for (text, error) in [
        ("", KeyError::Malformed),
        ("PeterNeumann+c74f20a3", KeyError::Malformed),
        (
            "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::Malformed,
        ),
        (
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::Malformed,
        ),
        (
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::Malformed,
        ),
        (
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::WrongId,
        ),
        (
            "PeterNeumanm+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::WrongId,
        ),
        (
            "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::UnknownAlgorithm,
        ),
        (
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10",
            KeyError::Malformed,
        ),
        ("PeterNeumann+c74f20a3+", KeyError::Malformed),
    ] {
        assert_eq!(text.parse::<VerifierKey>(), Err(error), "{text}");
    }
}

#[test]
fn notes_in_other_forms_are_refused() {
    for (from, to) in [
        ("\n\n\u{2014}", "\n\u{2014}"),
        ("\u{2014} ", "- "),
        ("\u{2014} ", "\u{2014}"),
        ("aQM=\n", "aQM="),
        ("aQM=", "aQN="),
        ("aQM=", "aQM"),
        ("aQM=\n", "aQM=\n\n"),
        ("example.com/foo ", "example.com/+foo "),
        ("example.com/foo ", "example.com/\u{a0}foo "),
        ("message", "mess\tage"),
        ("message", "mess\rage"),
    ] {
        let text = FOO_NOTE.replacen(from, to, 1);
        assert_eq!(
            SignedNote::parse(&text),
            Err(NoteError::Malformed),
            "{to:?}"
        );
    }
    let line = FOO_NOTE.lines().last().expect("a line");
    let with = |count: usize| format!("x\n\n{}", format!("{line}\n").repeat(count));
    assert!(SignedNote::parse(&with(SIGNATURES_MAX)).is_ok());
    assert_eq!(
        SignedNote::parse(&with(SIGNATURES_MAX + 1)),
        Err(NoteError::TooManySignatures)
    );
    let long = format!("{}{FOO_NOTE}", "x\n".repeat(NOTE_BYTES_MAX / 2));
    assert_eq!(SignedNote::parse(&long), Err(NoteError::TooLong));
}

proptest! {
    #[test]
    fn a_note_that_is_read_is_written_the_same(text in "(\\PC{0,20}\n){0,3}\n?(\u{2014} [a-z]{0,5} [A-Za-z0-9+/]{0,8}={0,2}\n){0,3}") {
        if let Ok(note) = SignedNote::parse(&text) {
            prop_assert_eq!(note.encode(), text);
        }
    }

    #[test]
    fn keys_are_read_as_written(name in "[a-z/.]{1,20}", seed: [u8; 32], is_witness: bool) {
        let algorithm = if is_witness { Algorithm::CosignatureV1 } else { Algorithm::Ed25519 };
        let signer = SoftSigner::from_seed(&name, algorithm, &seed).expect("a key");
        prop_assert_eq!(signer.key().to_string().parse(), Ok(signer.key().clone()));
    }
}
