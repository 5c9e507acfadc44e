//! Every sample packet: read, valid, written back byte for byte, and independent of how it was cut.

use super::kit::*;
use crate::edxml::*;

#[test]
fn every_fixture_is_read_and_valid() {
    for (name, bytes) in FIXTURES {
        let parsed = read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(parsed.tolerances, [], "{name}");
        assert_eq!(validate(&parsed.packet), [], "{name}");
        assert_eq!(to_problem(&validate(&parsed.packet)), None);
        assert_eq!(parsed.bytes, bytes.len() as u64);
        assert_eq!(parsed.sink.ended, parsed.sink.files.len());
    }
}

#[test]
fn what_was_read_is_written_byte_for_byte() {
    for (name, bytes) in FIXTURES {
        let parsed = read(bytes).expect(name);
        let written = match &parsed.packet {
            Packet::Document(document) => write(document, &parsed.sink.files),
            Packet::Status(status) => {
                let mut out = Vec::new();
                write_status(status, &mut out).expect("written");
                out
            }
        };
        // A signature is not written, and without it the signed packet is the plain one.
        let expected = match *name {
            "edoc_new_signed" => fixture("edoc_new_department_to_commune"),
            _ => bytes,
        };
        assert_eq!(
            String::from_utf8_lossy(&written),
            String::from_utf8_lossy(expected),
            "{name}"
        );
    }
}

#[test]
fn pieces_of_any_size_give_the_same() {
    for (name, bytes) in FIXTURES {
        let whole = read(bytes).expect(name);
        for sizes in [&[1][..], &[2], &[3, 1, 7], &[64, 1], &[4096]] {
            let cut = read_cut(bytes, sizes, Limits::default()).expect(name);
            assert_eq!(cut.packet, whole.packet, "{name}");
            assert_eq!(cut.sink, whole.sink, "{name}");
        }
    }
}

#[test]
fn a_new_document_in_full() {
    let (document, _) = document(fixture("edoc_new_two_receivers_zip_attachment"));
    assert_eq!(document.from.organ_id, "H99.14");
    let to: Vec<&str> = document.to.iter().map(|to| to.organ_id.as_str()).collect();
    assert_eq!(to, ["H99.131", "H99.132"]);
    assert_eq!(document.document_id, "H99.14,2026/03/12,215/SKHCN-CĐS");
    assert_eq!(document.code.number, "215");
    assert_eq!(document.document_type.name, "Công văn");
    assert_eq!(document.business_type(), BusinessType::New);
    assert_eq!(document.trace.hops.len(), 2);
    assert_eq!(document.other.copies, "2");
    assert_eq!(document.signature, None);
    let [pdf, text] = document.attachments.as_slice() else {
        panic!("two attachments")
    };
    let pdf = pdf.content.as_ref().expect("content");
    assert!(pdf.first_bytes.starts_with(b"%PDF-1.4"));
    assert_eq!(pdf.unpacked_bytes, None);
    assert_eq!(text.name, "ghi-chu-ky-thuat.txt");
    assert_eq!(
        text.content.as_ref().expect("content").unpacked_bytes,
        Some(59)
    );
}

#[test]
fn the_signature_is_noted_and_not_relied_on() {
    let (signed, _) = document(fixture("edoc_new_signed"));
    let summary = signed.signature.expect("signature");
    assert!(summary.is_dsig && !summary.is_legacy);
    assert_eq!(summary.algorithms.len(), 5);
}

#[test]
fn the_other_business_types_carry_their_blocks() {
    let (update, _) = document(fixture("edoc_update"));
    let business = update.trace.business.expect("business");
    assert_eq!(business.business_type, BusinessType::Update);
    assert_eq!(business.updates[0].receivers[0].organ_id, "H99.132");
    let (replace, _) = document(fixture("edoc_replace"));
    let business = replace.trace.business.expect("business");
    assert_eq!(business.business_type, BusinessType::Replace);
    assert_eq!(business.replacements[0].organ_ids, ["H99.131"]);
    let (recall, _) = document(fixture("edoc_recall"));
    assert_eq!(recall.business_type(), BusinessType::Recall);
}
