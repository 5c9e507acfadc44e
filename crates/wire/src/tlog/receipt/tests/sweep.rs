//! Every bit and every field of a bundle matters (A6), and the sweep itself can fail.

use super::*;

/// Every bit of a byte.
const ALL: fn(usize) -> Vec<u8> = |_| (0..8).map(|bit| 1 << bit).collect();
/// One bit, another at each position: for bundles that are long.
const ONE: fn(usize) -> Vec<u8> = |at| vec![1 << (at % 8)];

/// Positions at which a verifier does not notice that one of these bits was flipped.
fn unnoticed(
    bytes: &[u8],
    bits: fn(usize) -> Vec<u8>,
    is_valid: impl Fn(&[u8]) -> bool,
) -> Vec<usize> {
    let mut bytes = bytes.to_vec();
    let mut found = Vec::new();
    for at in 0..bytes.len() {
        for bit in bits(at) {
            bytes[at] ^= bit;
            if is_valid(&bytes) {
                found.push(at);
            }
            bytes[at] ^= bit;
        }
    }
    found
}

#[test]
fn every_flipped_bit_makes_a_bundle_invalid() {
    for (bundle, bits) in [(small(), ALL), (full(), ONE)] {
        let bytes = bundle.encode();
        assert!(verify(&bytes, None).is_valid());
        assert_eq!(
            unnoticed(&bytes, bits, |bytes| verify(bytes, None).is_valid()),
            Vec::<usize>::new()
        );
    }
}

/// A verifier with planted bugs: it forgets checks, and the sweep must find what they bind.
fn forgetful(bytes: &[u8], forgotten: &[Name]) -> bool {
    verify(bytes, None)
        .checks
        .iter()
        .all(|check| check.is_good() || forgotten.contains(&check.name))
}

#[test]
fn a_verifier_that_forgets_a_check_is_caught() {
    let bytes = small().encode();
    let found = unnoticed(&bytes, ONE, |bytes| forgetful(bytes, &[Name::Signature]));
    // The platform's name is bound by nothing but the outer signature.
    let name = "Nền tảng".as_bytes();
    let at = bytes
        .windows(name.len())
        .position(|window| window == name)
        .expect("named");
    assert!(found.contains(&at));
    // The salt is bound by inclusion too.
    let key = b"\"salt\":\"";
    let salt = bytes
        .windows(key.len())
        .position(|window| window == key)
        .expect("there")
        + key.len();
    let is_in_salt = |at: &usize| (salt..salt + 43).contains(at);
    assert!(!found.iter().any(is_in_salt));
    let found = unnoticed(&bytes, ONE, |bytes| {
        forgetful(bytes, &[Name::Signature, Name::Inclusion])
    });
    assert!(found.iter().any(is_in_salt));
}

#[test]
fn every_flipped_byte_still_names_the_record() {
    let bytes = full().encode();
    let facts = verify(&bytes, None).facts;
    for at in 0..bytes.len() {
        for mask in [1, 0x80] {
            let mut flipped = bytes.clone();
            flipped[at] ^= mask;
            let report = verify(&flipped, None);
            let named =
                report.facts.document == facts.document || report.facts.receipt == facts.receipt;
            assert!(!report.is_valid() && named, "byte {at}: {report:?}");
        }
    }
    assert_eq!(claimed(b""), Facts::default());
    assert_eq!(
        claimed(b"nothing to see here").text(Lang::Vi),
        "không rõ bản ghi nào"
    );
}

#[test]
fn each_field_of_the_record_is_bound() {
    let original = sample::record();
    let keys: Vec<String> = original.iter().map(|(key, _)| key.to_owned()).collect();
    for key in keys {
        let mut parts = full_parts();
        let changed = match original.get(&key) {
            Some(Value::Text(text)) => Value::Text(format!("{text}x")),
            Some(Value::Integer(number)) => Value::Integer(number + 1),
            Some(Value::List(_)) => Value::List(Vec::new()),
            other => panic!("no change known for {other:?}"),
        };
        parts.record = original.clone().with(key.clone(), changed).encode();
        // Even the log cannot sign that afterwards.
        let bundle = Bundle::sign(parts, &log_key(2)).expect("signs");
        let report = verify(&bundle.encode(), Some(log_key(2).key()));
        assert_eq!(
            failures(&report),
            [(Name::Inclusion, Reason::OtherRoot)],
            "{key}"
        );
    }
}

/// Takes part `number` of `from` into `to`.
fn take_part(to: &mut Parts, from: &Parts, number: usize) {
    match number {
        0 => to.record.clone_from(&from.record),
        1 => to.salt = from.salt,
        2 => to.leaf_index = from.leaf_index,
        3 => to.proof.clone_from(&from.proof),
        4 => to.checkpoint = from.checkpoint.clone(),
        5 => to.key = from.key.clone(),
        6 => to.successions.clone_from(&from.successions),
        7 => to.witnesses.clone_from(&from.witnesses),
        8 => to.timestamp.clone_from(&from.timestamp),
        _ => to.platform.clone_from(&from.platform),
    }
}

#[test]
fn parts_of_another_good_bundle_do_not_fit() {
    let mut other = full_parts();
    other.platform.push('!');
    other.record = sample::record().with("bytes", 9).encode();
    other.salt = [1; 32];
    other.leaf_index = 0;
    let (good, small) = (full(), small_parts());
    for number in 0..10 {
        for from in [&other, &small] {
            let mut parts = good.parts().clone();
            take_part(&mut parts, from, number);
            if parts == *good.parts() {
                continue;
            }
            let mixed = Bundle {
                parts,
                signature: good.signature,
            };
            assert!(!verify(&mixed.encode(), None).is_valid(), "part {number}");
        }
    }
}

#[test]
fn the_leaf_is_the_commitment() {
    let commitment = commitment(LEDGER_DOMAIN, &sample::SALT, &sample::record().encode());
    let mut bytes = vec![0];
    bytes.extend_from_slice(&commitment.0);
    assert_eq!(leaf_hash(&commitment.0), Sha256::of(&bytes));
}
