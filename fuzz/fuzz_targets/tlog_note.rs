//! Everything textual that a log, a witness or a client may send: what is read is written the same, and nothing unsigned passes.
//! The first byte picks what the rest is read as.
#![no_main]

use lgsp_wire::tlog::checkpoint::{Checkpoint, verify_cosignature};
use lgsp_wire::tlog::note::{
    Algorithm, SignedNote, Signer, SoftSigner, VerifierKey, parse_signature_lines,
};
use lgsp_wire::tlog::succession::Succession;
use lgsp_wire::tlog::tile::{BundleId, TileId, decode_bundle, encode_bundle};
use lgsp_wire::tlog::witness::{AddCheckpoint, Conflict};
use libfuzzer_sys::fuzz_target;

/// A key that signed nothing of the corpus.
fn stranger(algorithm: Algorithm) -> VerifierKey {
    let signer = SoftSigner::from_seed("example.com/foo", algorithm, &[0x5a; 32]).expect("a key");
    signer.key().clone()
}

fn look_at_note(note: &SignedNote) {
    assert!(note.verify(&stranger(Algorithm::Ed25519)).is_err());
    for line in &note.signatures {
        assert!(verify_cosignature(&note.text, line, &stranger(Algorithm::CosignatureV1)).is_err());
    }
    if let Ok(statement) = Succession::open(note) {
        assert_eq!(statement.to_string(), note.text);
    }
    if let Ok(checkpoint) = note.text.parse::<Checkpoint>() {
        assert_eq!(checkpoint.to_string(), note.text);
        assert!(note.text.parse::<Succession>().is_err());
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    if let Ok(entries) = decode_bundle(rest) {
        assert_eq!(encode_bundle(entries).as_deref(), Ok(rest));
    }
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    match kind % 6 {
        0 => {
            if let Ok(note) = SignedNote::parse(text) {
                assert_eq!(note.encode(), text);
                look_at_note(&note);
            }
        }
        1 => {
            if let Ok(request) = text.parse::<AddCheckpoint>() {
                assert_eq!(request.to_string(), text);
                look_at_note(&request.note);
            }
        }
        2 => {
            if let Ok(key) = text.parse::<VerifierKey>() {
                assert_eq!(key.to_string(), text);
            }
        }
        3 => {
            if let Ok(lines) = parse_signature_lines(text) {
                let written: String = lines.iter().map(|line| format!("{line}\n")).collect();
                assert_eq!(written, text);
            }
        }
        4 => {
            if let Ok(id) = text.parse::<TileId>() {
                assert_eq!(id.to_string(), text);
            }
            if let Ok(id) = text.parse::<BundleId>() {
                assert_eq!(id.to_string(), text);
            }
        }
        _ => {
            if let Ok(conflict) = text.parse::<Conflict>() {
                assert_eq!(conflict.to_string(), text);
            }
        }
    }
});
