use lgsp_base::planted::{Bug, Planted};
use lgsp_base::{Lang, Sha256};

use super::*;
use crate::record::{LEDGER_DOMAIN, Record, Value, commitment};
use crate::tlog::checkpoint::{Checkpoint, cosign};
use crate::tlog::merkle::leaf_hash;
use crate::tlog::note::{Algorithm, SignError, Signature, SignedNote, Signer, SoftSigner};
use crate::tlog::succession::Succession;

mod golden;
mod python;
mod sample;
mod sweep;

use sample::{full, full_parts, log_key, small, small_parts, witness};

/// The checks that fail, with their reasons.
fn failures(report: &Report) -> Vec<(Name, Reason)> {
    report
        .checks
        .iter()
        .filter_map(|check| match check.outcome {
            Outcome::Fails(reason) => Some((check.name, reason)),
            Outcome::Holds | Outcome::Absent => None,
        })
        .collect()
}

fn outcome(report: &Report, name: Name) -> Outcome {
    report
        .checks
        .iter()
        .find(|check| check.name == name)
        .expect("checked")
        .outcome
}

#[test]
fn a_good_bundle_is_valid_and_says_what_it_is_about() {
    let report = verify(&full().encode(), Some(log_key(2).key()));
    assert!(report.is_valid() && report.is_pinned(), "{report:?}");
    assert!(
        report
            .checks
            .iter()
            .all(|check| check.outcome == Outcome::Holds)
    );
    assert_eq!(
        report.text(Lang::Vi),
        "HỢP LỆ: văn bản doc_01kpkhs8002wr2r9s2pm1e0003, biên nhận rcp_01kpkhs8002wr2r9s2pm1e0002, dòng sổ số 4"
    );
    assert_eq!(
        report.facts.sha256,
        Some(Sha256::of(b"content").to_string())
    );

    let small = verify(&small().encode(), None);
    assert!(small.is_valid() && !small.is_pinned());
    for name in [
        Name::Succession,
        Name::Cosignature,
        Name::Timestamp,
        Name::Pin,
    ] {
        assert_eq!(outcome(&small, name), Outcome::Absent);
    }
}

#[test]
fn a_pinned_key_or_its_successors_vouch_and_no_other() {
    let bytes = full().encode();
    for (key, is_pinned) in [(1, true), (2, true), (3, false)] {
        let report = verify(&bytes, Some(log_key(key).key()));
        assert_eq!(
            (report.is_valid(), report.is_pinned()),
            (is_pinned, is_pinned)
        );
    }
    assert_eq!(
        failures(&verify(&bytes, Some(witness().key()))),
        [(Name::Pin, Reason::OtherKey)]
    );
    let unpinned = verify(&bytes, None);
    assert!(unpinned.is_valid() && !unpinned.is_pinned());
    let check = unpinned.checks.last().expect("checked");
    assert!(check.text(Lang::Vi).contains("CHƯA ĐƯỢC GHIM"));
    assert!(check.text(Lang::En).contains("NOT PINNED"));
    assert!(check.text(Lang::En).contains(&log_key(2).key().to_string()));
}

#[test]
fn an_old_checkpoint_is_good_under_a_new_key() {
    // The key changed after the checkpoint was made, and the certificate of its time stamp has run out by now: nothing here asks
    // what time it is.
    let parts = Parts {
        successions: full_parts().successions,
        ..small_parts()
    };
    let bundle = Bundle::sign(parts, &log_key(2)).expect("signs");
    for seed in [1, 2] {
        assert!(bundle.verify(Some(log_key(seed).key())).is_pinned());
    }
    assert!(bundle.verify(None).is_valid());
}

/// A change of the parts, and the checks that must notice it.
type Fault = (fn(&mut Parts), &'static [(Name, Reason)]);

fn faults() -> [Fault; 17] {
    [
        (
            |parts| parts.record.push(b' '),
            &[
                (Name::Record, Reason::NotCanonical),
                (Name::Inclusion, Reason::OtherRoot),
            ],
        ),
        (
            |parts| {
                parts.record = sample::record().with("bytes", 8).encode();
            },
            &[(Name::Inclusion, Reason::OtherRoot)],
        ),
        (
            |parts| parts.salt[0] ^= 1,
            &[(Name::Inclusion, Reason::OtherRoot)],
        ),
        (
            |parts| parts.leaf_index = 5,
            &[(Name::Inclusion, Reason::OtherRoot)],
        ),
        (
            |parts| parts.leaf_index = 7,
            &[(Name::Inclusion, Reason::ProofShape)],
        ),
        (
            |parts| parts.proof[0].0[0] ^= 1,
            &[(Name::Inclusion, Reason::OtherRoot)],
        ),
        (
            |parts| parts.proof.truncate(1),
            &[(Name::Inclusion, Reason::ProofShape)],
        ),
        // Another checkpoint of the same log, properly signed.
        (
            |parts| parts.checkpoint = sample::checkpoint(6).sign(&log_key(2)).expect("signs"),
            &[
                (Name::Inclusion, Reason::ProofShape),
                (Name::Timestamp, Reason::OtherImprint),
            ],
        ),
        // The key that was replaced signs a size beyond its end.
        (
            |parts| {
                parts.checkpoint = sample::checkpoint(7).sign(&log_key(1)).expect("signs");
            },
            &[
                (Name::Checkpoint, Reason::NotSigned),
                (Name::Cosignature, Reason::UnknownWitness),
            ],
        ),
        (
            |parts| parts.checkpoint.signatures[0].bytes[0] ^= 1,
            &[(Name::Checkpoint, Reason::BadSignature)],
        ),
        (
            |parts| parts.checkpoint.text = "x\n".to_owned(),
            &[
                (Name::Inclusion, Reason::NotACheckpoint),
                (Name::Checkpoint, Reason::NotACheckpoint),
                (Name::Cosignature, Reason::UnknownWitness),
                (Name::Cosignature, Reason::BadSignature),
                (Name::Timestamp, Reason::OtherImprint),
            ],
        ),
        (
            |parts| parts.checkpoint.signatures[1].bytes[20] ^= 1,
            &[(Name::Cosignature, Reason::BadSignature)],
        ),
        (
            |parts| parts.witnesses.clear(),
            &[(Name::Cosignature, Reason::UnknownWitness)],
        ),
        (
            |parts| parts.successions.clear(),
            &[
                (Name::Checkpoint, Reason::NotSigned),
                (Name::Cosignature, Reason::UnknownWitness),
                (Name::Signature, Reason::BadSignature),
                (Name::Pin, Reason::OtherKey),
            ],
        ),
        (
            |parts| {
                parts.successions =
                    vec![Succession::sign(&log_key(3), log_key(2).key(), 6).expect("signs")];
            },
            &[
                (Name::Succession, Reason::BrokenChain),
                (Name::Checkpoint, Reason::NotSigned),
                (Name::Cosignature, Reason::UnknownWitness),
                (Name::Signature, Reason::BadSignature),
                (Name::Pin, Reason::OtherKey),
            ],
        ),
        (
            |parts| {
                let stamped = parts.timestamp.as_mut().expect("stamped");
                stamped.certificate =
                    include_bytes!("../../../fixtures/timestamp/p256.der").to_vec();
            },
            &[(Name::Timestamp, Reason::OtherAuthority)],
        ),
        (
            |parts| {
                let stamped = parts.timestamp.as_mut().expect("stamped");
                stamped.token = include_bytes!("../../../fixtures/timestamp/past.tst").to_vec();
                stamped.certificate =
                    include_bytes!("../../../fixtures/timestamp/past.der").to_vec();
            },
            &[(Name::Timestamp, Reason::CertificateNotValid)],
        ),
    ]
}

/// The full bundle with one thing changed, signed again by somebody who holds the log's key.
fn resigned(change: fn(&mut Parts)) -> Bundle {
    let mut parts = full_parts();
    change(&mut parts);
    let signature = log_key(2).sign(&parts.signed_message()).expect("signs");
    Bundle { parts, signature }
}

/// The bundle of a thief who made the log's next key himself: the key of the log never said so.
fn stolen() -> Bundle {
    let (log, thief) = (log_key(1), log_key(9));
    let signed = |text: String| SignedNote {
        signatures: vec![Signature {
            name: thief.key().name().to_owned(),
            key_id: thief.key().key_id(),
            bytes: thief.sign(text.as_bytes()).expect("signs").to_vec(),
        }],
        text,
    };
    let mut parts = full_parts();
    let statement = Succession {
        from_size: 1,
        old: log.key().clone(),
        new: thief.key().clone(),
    };
    parts.successions = vec![signed(statement.to_string())];
    parts.checkpoint = signed(parts.checkpoint.text);
    parts.witnesses.clear();
    let signature = thief.sign(&parts.signed_message()).expect("signs");
    Bundle { parts, signature }
}

#[test]
fn a_succession_that_nobody_checks_is_noticed() {
    let (bytes, pinned) = (stolen().encode(), log_key(1));
    let report = verify(&bytes, Some(pinned.key()));
    assert_eq!(
        outcome(&report, Name::Succession),
        Outcome::Fails(Reason::BrokenChain)
    );
    assert!(!report.is_valid());
    let planted = Planted::with(Bug::SkipSuccession);
    let fooled = verify_with(&bytes, Some(pinned.key()), planted);
    assert!(fooled.is_valid() && fooled.is_pinned(), "{fooled:?}");
}

#[test]
fn each_check_notices_its_own_fault_even_if_the_log_signs_it() {
    for (number, (change, expected)) in faults().into_iter().enumerate() {
        let report = resigned(change).verify(Some(log_key(2).key()));
        assert!(!report.is_valid());
        assert_eq!(failures(&report), expected, "case {number}");
    }
}

#[test]
fn a_bundle_is_only_signed_by_the_newest_key_and_within_limits() {
    let refused = |parts: Parts, seed| {
        assert_eq!(Bundle::sign(parts, &log_key(seed)), Err(SignError::BadKey));
    };
    refused(full_parts(), 1);
    refused(small_parts(), 2);
    refused(
        Parts {
            leaf_index: u64::MAX,
            ..full_parts()
        },
        2,
    );
    refused(
        Parts {
            platform: "x".repeat(301),
            ..full_parts()
        },
        2,
    );
    refused(
        Parts {
            proof: vec![Sha256::of(b""); 66],
            ..full_parts()
        },
        2,
    );
    let mut unreadable = full_parts();
    unreadable.checkpoint.text = "no line feed".to_owned();
    refused(unreadable, 2);
}

#[test]
fn only_the_canonical_form_is_read() {
    let bytes = full().encode();
    assert_eq!(Bundle::decode(&bytes), Ok(full()));
    let text = String::from_utf8(bytes).expect("UTF-8");
    for (from, to) in [
        ("{\"checkpoint\"", "{ \"checkpoint\""),
        ("\"leaf_index\":4", "\"leaf_index\":04"),
        ("\"leaf_index\":4", "\"leaf_index\":-4"),
        ("\"leaf_index\":4", "\"leaf_index\":\"4\""),
        ("\"platform\"", "\"extra\":1,\"platform\""),
        ("lgsp receipt v1", "lgsp receipt v2"),
        ("\"witnesses\":[", "\"witnesses\":[1,"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text);
        assert!(Bundle::decode(other.as_bytes()).is_err(), "{to}");
    }
    assert_eq!(Bundle::decode(b"{}"), Err(DecodeBundleError::NotABundle));
    assert_eq!(
        Bundle::decode(&vec![b' '; lgsp_base::limits::RECEIPT_BYTES_MAX + 1]),
        Err(DecodeBundleError::TooLong)
    );
    assert_eq!(
        Bundle::decode(format!("{text}\n").as_bytes()),
        Err(DecodeBundleError::NotCanonical)
    );
}

#[test]
fn every_text_exists_in_both_languages() {
    for bundle in [full(), small()] {
        for check in bundle.verify(None).checks {
            let (vi, en) = (check.text(Lang::Vi), check.text(Lang::En));
            assert!(!vi.is_empty() && vi != en, "{check:?}");
        }
    }
    let mut codes: Vec<&str> = [
        Reason::NotABundle,
        Reason::NotCanonical,
        Reason::ProofShape,
        Reason::OtherRoot,
        Reason::NotACheckpoint,
        Reason::NotSigned,
        Reason::BadSignature,
        Reason::UnknownWitness,
        Reason::BrokenChain,
        Reason::TokenUnreadable,
        Reason::OtherImprint,
        Reason::OtherAuthority,
        Reason::OtherPurpose,
        Reason::CertificateNotValid,
        Reason::UnknownAlgorithm,
        Reason::OtherKey,
    ]
    .iter()
    .map(|reason| reason.code())
    .collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 16);
}

#[test]
fn the_cover_page_is_rendered_from_the_bundle() {
    let page = cover(&full(), Lang::Vi);
    assert_eq!(page.title, "BIÊN NHẬN ĐIỆN TỬ");
    assert_eq!(
        page.platform,
        "Nền tảng tích hợp, chia sẻ dữ liệu tỉnh Bình An"
    );
    let value = |label: &str| {
        page.lines
            .iter()
            .find(|line| line.label == label)
            .map(|line| line.value.as_str())
    };
    assert_eq!(
        value("Nội dung xác nhận"),
        Some("Nền tảng đã tiếp nhận văn bản")
    );
    assert_eq!(value("Mã văn bản"), Some("doc_01kpkhs8002wr2r9s2pm1e0003"));
    assert_eq!(value("Số nơi nhận"), Some("1"));
    assert_eq!(
        value("Thời điểm (giờ Việt Nam, theo đồng hồ của nền tảng)"),
        Some("22/11/2026 07:00:00")
    );
    assert_eq!(value("Dòng trong sổ nhật ký"), Some("4"));
    assert_eq!(
        value("Cơ quan cấp dấu thời gian"),
        Some("Bình An test TSA (rsa)")
    );
    assert!(value("Dấu thời gian").is_some());
    assert!(page.to_string().contains("Mã biên nhận: rcp_"));
    let english = cover(&full(), Lang::En);
    assert_eq!(english.lines.len(), page.lines.len());
    for (a, b) in english.lines.iter().zip(&page.lines) {
        assert!(a.label != b.label, "{}", a.label);
    }
    assert!(cover(&small(), Lang::Vi).lines.len() < page.lines.len());
}

#[test]
fn a_receipt_cannot_write_lines_of_its_own_into_the_verdict() {
    let mut parts = small_parts();
    parts.platform = "A\n  [đạt] receipt.pin".to_owned();
    parts.record = Record::new()
        .with("document", "x\u{1b}[2J\nHỢP LỆ\u{202e}")
        .encode();
    let bundle = Bundle::sign(parts, &log_key(1)).expect("signs");
    let text = bundle.verify(None).text(Lang::Vi);
    assert_eq!(
        text,
        "KHÔNG HỢP LỆ: văn bản x\u{fffd}[2J\u{fffd}HỢP LỆ\u{fffd}, dòng sổ số 4"
    );
    let page = cover(&bundle, Lang::Vi);
    assert!(!page.platform.contains('\n'));
    assert!(
        page.lines
            .iter()
            .all(|line| !line.value.contains(char::is_control))
    );
}
