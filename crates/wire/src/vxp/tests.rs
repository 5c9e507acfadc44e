//! The recorded vectors, and rows EX04 and EX05 of the attack table.

use super::*;
use lgsp_base::{Sha256, Timestamp};

const VECTORS: &str = include_str!("../../fixtures/vxp_request_vectors.json");
const SECRET: &[u8] = b"test-secret";

type Headers = Vec<(String, String)>;

fn read(method: Method, headers: &Headers) -> Result<SignedRequest, VxpError> {
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    SignedRequest::read(method, &headers)
}

fn check(method: Method, headers: &Headers) -> Result<VerifiedParams, VxpError> {
    read(method, headers)?.verify(SECRET)
}

fn send_headers() -> Headers {
    let params = [
        ("servicetype", "eDoc"),
        ("messagetype", "edoc"),
        ("hash-file", "ab"),
        ("from", "H99.14"),
        ("to", "[\"H99.131\"]"),
    ];
    let at = Timestamp::from_edxml("2026/03/12 09:16:02").expect("time");
    sign("TEST.H99", SECRET, at, "application/octet-stream", &params)
}

fn set(headers: &mut Headers, name: &str, value: &str) {
    headers
        .iter_mut()
        .find(|(n, _)| n == name)
        .expect("header")
        .1 = value.to_owned();
}

/// Signs a text of the test's own making.
fn with_text(mut headers: Headers, text: &str, names: &str) -> Headers {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET);
    let mac = lgsp_base::hash::to_hex(aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref());
    set(&mut headers, "XroadVnpt-sign-header", text);
    set(&mut headers, "XroadVnpt-sign-header-key", names);
    set(&mut headers, "XroadVnpt-hash-header", &mac);
    headers
}

#[test]
fn all_recorded_requests_verify() {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).expect("JSON");
    let requests = vectors["requests"].as_array().expect("requests");
    assert_eq!(requests.len(), 8);
    for request in requests {
        let path = request["path"].as_str().expect("path");
        let method = Method::from_path(path.trim_start_matches('/')).expect("method");
        let headers: Headers = request["headers"]
            .as_object()
            .expect("headers")
            .iter()
            .map(|(name, value)| {
                (
                    name.to_lowercase(),
                    value.as_str().expect("text").to_owned(),
                )
            })
            .collect();
        let verified = check(method, &headers).expect(path);
        assert!(verified.system_id.starts_with("TEST."));
        for name in method.required() {
            assert!(verified.get(name).is_some(), "{path} {name}");
        }
        let claimed = read(method, &headers).expect(path);
        assert_eq!(claimed.claimed_system_id(), verified.system_id);
        assert_eq!(
            claimed.verify(b"other").err(),
            Some(VxpError::Signature),
            "{path}"
        );
    }
}

#[test]
fn our_own_requests_verify() {
    let verified = check(Method::SendEdoc, &send_headers()).expect("verifies");
    assert_eq!(verified.get("Hash-File"), Some("ab"));
    assert_eq!(verified.get("to"), Some("[\"H99.131\"]"));
    assert_eq!(verified.timestamp.to_edxml(), "2026/03/12 09:16:02");
}

#[test]
fn ex04_both_forms_of_the_file_hash_and_no_third() {
    let file = include_bytes!("../../fixtures/edoc_new_department_to_commune.edxml");
    let digest = Sha256::of(file);
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).expect("JSON");
    let right = vectors["file_hash"]["sha256_correct"]
        .as_str()
        .expect("text");
    let short = vectors["file_hash"]["sha256_as_sent_by_sdk"]
        .as_str()
        .expect("text");
    assert_eq!(digest.to_string(), right);
    assert_eq!(sdk_hash(&digest), short);
    assert!(file_hash_matches(right, &digest));
    assert!(file_hash_matches(short, &digest));
    assert!(file_hash_matches(&right.to_uppercase(), &digest));
    assert!(!file_hash_matches(short.get(1..).expect("text"), &digest));
    assert!(!file_hash_matches(&format!("{short}0"), &digest));
    assert!(!file_hash_matches("", &digest));
    assert!(!file_hash_matches(right, &Sha256::of(b"other")));
}

#[test]
fn ex05_every_departure_from_the_signed_form_is_refused() {
    type Change = fn(&mut Headers);
    let cases: [(&str, Change, VxpError); 9] = [
        (
            "changed header",
            |h| set(h, "XroadVnpt-from", "H99.15"),
            VxpError::NotSent("from".to_owned()),
        ),
        (
            "missing header",
            |h| h.retain(|(n, _)| n != "XroadVnpt-to"),
            VxpError::NotSent("to".to_owned()),
        ),
        (
            "header twice",
            |h| h.push(("xroadvnpt-FROM".to_owned(), "H99.14".to_owned())),
            VxpError::NotSent("from".to_owned()),
        ),
        (
            "extra unsigned header",
            |h| h.push(("XroadVnpt-docId".to_owned(), "1".to_owned())),
            VxpError::Extra("docid".to_owned()),
        ),
        (
            "signature header twice",
            |h| h.push(("XroadVnpt-hash-header".to_owned(), "00".to_owned())),
            VxpError::Header("hash-header"),
        ),
        (
            "no signature",
            |h| h.retain(|(n, _)| n != "XroadVnpt-sign-header"),
            VxpError::Header("sign-header"),
        ),
        (
            "wrong signature",
            |h| set(h, "XroadVnpt-hash-header", &"0".repeat(64)),
            VxpError::Signature,
        ),
        (
            "other content type",
            |h| set(h, "Content-Type", "text/xml"),
            VxpError::NotSent("content-type".to_owned()),
        ),
        (
            "1 MB",
            |h| set(h, "XroadVnpt-sign-header", &" ".repeat(1 << 20)),
            VxpError::TooLong,
        ),
    ];
    for (name, change, error) in cases {
        let mut headers = send_headers();
        change(&mut headers);
        let found = check(Method::SendEdoc, &headers).expect_err(name);
        assert_eq!(found, error, "{name}");
        assert_eq!(found.to_problem().code(), "axis.signature");
    }
}

#[test]
fn ex05_signed_texts_of_the_wrong_form() {
    for (text, names, error) in [
        ("{", "systemid", VxpError::Json),
        ("[]", "systemid", VxpError::Json),
        ("{}", "", VxpError::Names),
        ("{\"XroadVnpt-from\":1}", "from", VxpError::Json),
        (
            "{\"XroadVnpt-from\":\"a\",\"XroadVnpt-from\":\"a\"}",
            "from",
            VxpError::Json,
        ),
        (
            "{\"XroadVnpt-from\":\"a\",\"xroadvnpt-From\":\"a\"}",
            "from",
            VxpError::Json,
        ),
        ("{\"from\":\"H99.14\"}", "from", VxpError::Json),
        (
            "{\"XroadVnpt-from\":\"H99.14\"}",
            "from;to",
            VxpError::Names,
        ),
        (
            "{\"XroadVnpt-from\":\"H99.14\"}",
            "from;from",
            VxpError::Names,
        ),
    ] {
        let headers = with_text(send_headers(), text, names);
        assert_eq!(
            check(Method::SendEdoc, &headers).err(),
            Some(error),
            "{text}"
        );
    }
}

#[test]
fn ex05_a_required_parameter_must_be_signed() {
    let at = Timestamp::from_micros(0);
    for method in Method::ALL {
        for left_out in method.required() {
            let params: Vec<(&str, &str)> = method
                .required()
                .iter()
                .filter(|name| *name != left_out)
                .map(|name| (*name, "x"))
                .collect();
            let headers = sign("S", SECRET, at, "application/json", &params);
            assert_eq!(
                check(method, &headers).err(),
                Some(VxpError::NotSigned(left_out)),
                "{}",
                method.path()
            );
        }
    }
    let mut headers = send_headers();
    headers.retain(|(name, _)| name != "XroadVnpt-timestamp");
    let text = "{\"XroadVnpt-systemid\":\"TEST.H99\"}";
    headers.retain(|(name, _)| {
        !name.starts_with("XroadVnpt-")
            || name.contains("sign")
            || name.contains("hash-header")
            || name.contains("systemid")
            || name.contains("Content")
    });
    let headers = with_text(headers, text, "systemid");
    assert_eq!(
        check(Method::GetAgenciesList, &headers).err(),
        Some(VxpError::NotSigned("timestamp"))
    );
}

#[test]
fn time_stamps_carry_milliseconds_behind_the_plus() {
    let at = parse_timestamp("21112026T191239+0768").expect("time");
    assert_eq!(at.to_string(), "2026-11-21T12:12:39.768000Z");
    assert_eq!(format_timestamp(at), "21112026T191239+0768");
    for bad in [
        "",
        "21112026T191239",
        "2026-11-21T19:12:39Z",
        "31022026T191239+0000",
        "21112026T251239+0000",
        "21112026T191239+700",
        "2111202xT191239+0000",
        "21112026T191239+07000",
    ] {
        assert_eq!(parse_timestamp(bad), None, "{bad}");
    }
}

#[test]
fn answers_have_the_names_of_the_wire() {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).expect("JSON");
    let examples = &vectors["response_examples"];
    let list: response::Response<Vec<response::EdocListItem>> =
        serde_json::from_value(examples["getReceivedEdocList_ok"].clone()).expect("list");
    assert_eq!(
        serde_json::to_value(&list).expect("JSON"),
        examples["getReceivedEdocList_ok"]
    );
    let sent: response::Response<()> =
        serde_json::from_value(examples["sendEdoc_ok"].clone()).expect("sent");
    assert_eq!(sent.doc_id.as_deref(), Some("0f6a"));
    let failed = response::Response::<()>::fail(AxisCode::Format, "");
    assert_eq!(
        serde_json::to_string(&failed).expect("JSON"),
        "{\"status\":\"FAIL\",\"ErrorCode\":\"22\",\"ErrorDesc\":\"Sai định dạng edXML\"}"
    );
    let ok = response::Response::<()>::with_count(3);
    assert_eq!(
        serde_json::to_string(&ok).expect("JSON"),
        "{\"status\":\"OK\",\"ErrorCode\":\"0\",\"ErrorDesc\":\"Thành công\",\"count\":3}"
    );
    let item = serde_json::to_value(response::SynchronizeUnitItem::default()).expect("JSON");
    for name in ["centerCode", "modifyDate", "isAgency", "deleted"] {
        assert!(item.get(name).is_some(), "{name}");
    }
    let agency = serde_json::to_value(response::AgencyItem::default()).expect("JSON");
    assert!(agency.get("oldCode").is_some());
}

#[test]
fn every_problem_kind_has_a_code_of_the_axis() {
    for kind in lgsp_base::problem::kinds::ALL {
        assert!(
            AxisCode::from_number(kind.axis_code).is_some(),
            "{}",
            kind.code
        );
    }
    assert!(
        AxisCode::ALL
            .iter()
            .filter(|code| code.is_retryable())
            .count()
            == 1
    );
}
