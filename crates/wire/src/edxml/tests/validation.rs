//! The rules of protocols §1.12, one case each, and the marks of state secrets (R-DOC-09).

use super::kit::*;
use crate::edxml::*;

/// Paths and rules.
type Expected = &'static [(&'static str, &'static str)];

fn found(packet: Packet) -> Vec<(String, &'static str)> {
    let violations = validate(&packet);
    for violation in &violations {
        assert!(!violation.message_vi.is_empty() && !violation.message_en.is_empty());
        assert_eq!(violation.axis_code, 22);
    }
    if let Some(problem) = to_problem(&violations) {
        assert_eq!(problem.code(), "edxml.invalid");
        assert_eq!(problem.fields.len(), violations.len());
    }
    violations
        .into_iter()
        .map(|violation| (violation.path, violation.rule))
        .collect()
}

#[test]
fn a_document_without_anything_lacks_what_is_required() {
    let paths = found(Packet::Document(Box::default()));
    let expected = [
        "MessageHeader/From/OrganId",
        "MessageHeader/To",
        "MessageHeader/DocumentId",
        "MessageHeader/Code/CodeNumber",
        "MessageHeader/Code/CodeNotation",
        "MessageHeader/PromulgationInfo/PromulgationDate",
        "MessageHeader/Subject",
        "MessageHeader/DocumentType/TypeName",
        "TraceHeaderList/Bussiness/BussinessDocType",
    ];
    let expected = expected.map(|path| (path.to_owned(), "required"));
    assert_eq!(paths, expected);
}

#[test]
fn each_rule_for_documents() {
    type Change = fn(&mut Document);
    const REFERENCE: &str = "edXMLManifest/Reference[1]/ContentId";
    const ATTACHMENT: &str = "AttachmentEncoded/Attachment[1]/ContentId";
    let cases: [(&str, Change, Expected); 16] = [
        ("edoc_recall", |_| {}, &[]),
        (
            "edoc_recall",
            |d| d.from.organ_id = "null".to_owned(),
            &[("MessageHeader/From/OrganId", "required")],
        ),
        (
            "edoc_recall",
            |d| d.promulgation.date = "12/03/2026".to_owned(),
            &[("MessageHeader/PromulgationInfo/PromulgationDate", "date")],
        ),
        (
            "edoc_recall",
            |d| d.promulgation.date = "2026/02/30".to_owned(),
            &[("MessageHeader/PromulgationInfo/PromulgationDate", "date")],
        ),
        (
            "edoc_recall",
            |d| d.promulgation.date = "2026/3/12".to_owned(),
            &[("MessageHeader/PromulgationInfo/PromulgationDate", "date")],
        ),
        (
            "edoc_recall",
            |d| d.due_date = "soon".to_owned(),
            &[("MessageHeader/DueDate", "date")],
        ),
        (
            "edoc_recall",
            |d| d.subject = "a".repeat(4_001),
            &[("MessageHeader/Subject", "too_long")],
        ),
        (
            "edoc_recall",
            |d| d.document_id = "a".repeat(501),
            &[("MessageHeader/DocumentId", "too_long")],
        ),
        (
            "edoc_recall",
            |d| d.attachments[0].content_id = "1".to_owned(),
            &[],
        ),
        (
            "edoc_recall",
            |d| d.attachments[0].content_id = "cid:2".to_owned(),
            &[(REFERENCE, "no_attachment"), (ATTACHMENT, "no_reference")],
        ),
        (
            "edoc_recall",
            |d| d.attachments.clear(),
            &[(REFERENCE, "no_attachment")],
        ),
        (
            "edoc_recall",
            |d| d.references.clear(),
            &[(ATTACHMENT, "no_reference")],
        ),
        (
            "edoc_recall",
            |d| d.references.push(d.references[0].clone()),
            &[
                (REFERENCE, "twice"),
                ("edXMLManifest/Reference[2]/ContentId", "twice"),
            ],
        ),
        (
            "edoc_recall",
            |d| {
                d.trace.business.as_mut().expect("business").business_type =
                    BusinessType::from_text("7");
            },
            &[("TraceHeaderList/Bussiness/BussinessDocType", "value")],
        ),
        (
            "edoc_update",
            |d| d.trace.business.as_mut().expect("business").updates.clear(),
            &[(
                "TraceHeaderList/Bussiness/BussinessDocumentInfo",
                "required",
            )],
        ),
        (
            "edoc_replace",
            |d| {
                d.trace
                    .business
                    .as_mut()
                    .expect("business")
                    .replacements
                    .clear();
            },
            &[("TraceHeaderList/Bussiness/ReplacementInfoList", "required")],
        ),
    ];
    for (name, change, expected) in cases {
        let (mut packet, _) = document(fixture(name));
        change(&mut packet);
        let found = found(Packet::Document(Box::new(packet)));
        let found: Vec<(&str, &str)> = found.iter().map(|(p, r)| (p.as_str(), *r)).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn each_rule_for_status_messages() {
    type Change = fn(&mut StatusMessage);
    let cases: [(&str, Change, Expected); 7] = [
        ("status_01_arrived", |s| s.description.clear(), &[]),
        (
            "status_01_arrived",
            |s| s.status_code = "1".to_owned(),
            &[("MessageHeader/StatusCode", "value")],
        ),
        (
            "status_01_arrived",
            |s| s.status_code = "07".to_owned(),
            &[("MessageHeader/StatusCode", "value")],
        ),
        (
            "status_02_rejected",
            |s| s.description.clear(),
            &[("MessageHeader/Description", "required")],
        ),
        (
            "status_13_take_back_by_sender",
            |s| s.description.clear(),
            &[("MessageHeader/Description", "required")],
        ),
        (
            "status_16_recall_refused",
            |s| {
                s.description.clear();
                s.response_for.document_id.clear();
            },
            &[
                ("MessageHeader/ResponseFor/DocumentId", "required"),
                ("MessageHeader/Description", "required"),
            ],
        ),
        (
            "status_03_received",
            |s| s.timestamp = "2026-03-12T09:16:02Z".to_owned(),
            &[("MessageHeader/Timestamp", "time")],
        ),
    ];
    for (name, change, expected) in cases {
        let Packet::Status(mut status) = read(fixture(name)).expect(name).packet else {
            panic!("a status message")
        };
        change(&mut status);
        let found = found(Packet::Status(status));
        let found: Vec<(&str, &str)> = found.iter().map(|(p, r)| (p.as_str(), *r)).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn only_exact_words_mark_a_state_secret() {
    for (inner, mark) in [
        (
            "<OtherInfo><SecurityLevel>MẬT</SecurityLevel></OtherInfo>",
            Some("MẬT"),
        ),
        (
            "<OtherInfo><Secrecy>Tối mật</Secrecy></OtherInfo>",
            Some("Tối mật"),
        ),
        (
            "<OtherInfo><DoMat>Thường</DoMat><DoMat>tuyệt  MẬT</DoMat></OtherInfo>",
            Some("tuyệt  MẬT"),
        ),
        ("<OtherInfo><DoMat>Không mật</DoMat></OtherInfo>", None),
        ("<OtherInfo><DoMat>Thường</DoMat></OtherInfo>", None),
        ("<OtherInfo><Priority>Mật</Priority></OtherInfo>", None),
        ("<Subject>Mật</Subject>", None),
    ] {
        let (document, _) = document(&with_header(inner));
        assert_eq!(secrecy_mark(&document), mark, "{inner}");
        assert!(!String::from_utf8_lossy(&write(&document, &[])).contains("DoMat"));
    }
}

#[test]
fn status_codes_keep_their_zero() {
    for code in StatusCode::ALL {
        assert_eq!(StatusCode::from_text(code.as_text()), Some(code));
        assert!(!code.label_vi().is_empty());
    }
    assert_eq!(StatusCode::from_text("1"), None);
    assert_eq!(content_key("cid:1"), "1");
    assert_eq!(content_key("CID:1"), "1");
    assert_eq!(content_key("1"), "1");
    assert_eq!(content_key("ứ1"), "ứ1");
}
