//! Documents as forms, and what happens to them afterwards.

use http::Method;
use lgsp_wire::edxml::{self, Packet};
use serde_json::json;

use super::*;

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj<<>>endobj\n";

/// A multipart body of raw parts.
fn body_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, value) in parts {
        body.extend_from_slice(format!("--BOUND\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--BOUND--\r\n");
    body
}

fn field(name: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{name}\"")
}

fn file(name: &str) -> String {
    format!(
        "Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/pdf"
    )
}

async fn post_form(caller: &Caller, path: &str, key: &str, parts: &[(&str, &[u8])]) -> Answer {
    let headers = [
        ("content-type", "multipart/form-data; boundary=BOUND"),
        ("idempotency-key", key),
    ];
    caller
        .call(Method::POST, path, &headers, body_of(parts))
        .await
}

async fn send_letter(caller: &Caller, key: &str) -> Answer {
    let parts: [(&str, &[u8]); 6] = [
        (&field("from"), b"H99.14"),
        (&field("to"), b"H99.131"),
        (&field("number"), "123/SKHCN-CĐS".as_bytes()),
        (&field("subject"), "V/v họp".as_bytes()),
        (&file("Công văn.pdf"), PDF),
        (&file("bảng.txt"), b"mot hai ba"),
    ];
    post_form(caller, "/api/v1/documents", key, &parts).await
}

#[tokio::test]
async fn a_few_fields_and_a_file_are_a_document() {
    let door = Door::open("api-form").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    let sent = send_letter(&sender, "k").await;
    assert_eq!(sent.status, 202, "{}", sent.json());
    let again = send_letter(&sender, "k").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let path = format!("/api/v1/documents/{}", text(&sent.json(), "/id"));
    let content = receiver.get(&format!("{path}/content")).await;
    let Packet::Document(document) = edxml::read_all(&content.body, edxml::Limits::default())
        .expect("packet")
        .packet
    else {
        panic!("a document");
    };
    assert_eq!(document.from.name, "Sở Khoa học và Công nghệ");
    assert_eq!(document.document_id, "H99.14,2026/11/21,123/SKHCN-CĐS");
    assert_eq!(document.attachments.len(), 2);
    assert_eq!(
        receiver.get(&format!("{path}/attachments/1")).await.body,
        PDF
    );
    let plain = receiver.get(&format!("{path}/attachments/2")).await;
    assert_eq!(plain.body, b"mot hai ba", "unpacked");
    assert!(
        plain.headers["content-disposition"]
            .to_str()
            .expect("text")
            .ends_with("b%E1%BA%A3ng.txt")
    );
}

#[tokio::test]
async fn a_document_is_updated_replaced_recalled_and_reported_on() {
    let door = Door::open("api-life").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    let sent = send_letter(&sender, "k").await.json();
    let path = format!("/api/v1/documents/{}", text(&sent, "/id"));
    let one = json!({"deliveries": [{"id": text(&sent, "/deliveries/0/id")}]});
    receiver.get(&format!("{path}/content")).await;
    receiver.post("/api/v1/inbox/acknowledge", &one).await;

    for code in ["01", "03"] {
        let told = receiver
            .post(&format!("{path}/status"), &json!({"code": code}))
            .await;
        assert_eq!(told.status, 202, "{}", told.json());
        assert_eq!(told.json()["messages"][0]["kind"], "status");
    }
    for (report, code) in [
        (json!({"code": "02"}), "exchange.status"),
        (json!({"code": "99"}), "exchange.status"),
        (json!({"code": "01", "at": "soon"}), "input.invalid"),
        (json!({"code": "01", "staf": {}}), "input.invalid"),
    ] {
        let answer = receiver.post(&format!("{path}/status"), &report).await;
        assert_eq!(problem(&answer).1, code, "{report}");
    }
    let reason = [
        (field("reason"), "Bổ sung nơi nhận"),
        (field("to"), "H99.131,H99.132"),
    ];
    let parts: Vec<(&str, &[u8])> = reason
        .iter()
        .map(|(head, value)| (head.as_str(), value.as_bytes()))
        .collect();
    let updated = post_form(&sender, &format!("{path}/update"), "u", &parts).await;
    assert_eq!(updated.status, 202, "{}", updated.json());
    let replacement = [
        (field("to"), "H99.131"),
        (field("number"), "124/SKHCN-CĐS"),
        (field("subject"), "V/v họp (thay thế)"),
        (field("reason"), "Thay thế"),
    ];
    let parts: Vec<(&str, &[u8])> = replacement
        .iter()
        .map(|(head, value)| (head.as_str(), value.as_bytes()))
        .collect();
    let replaced = post_form(&sender, &format!("{path}/replace"), "r", &parts).await;
    assert_eq!(replaced.status, 202, "{}", replaced.json());
    for reason in ["x".repeat(100_000), "a\u{1}b".to_owned()] {
        let refused = sender
            .post(&format!("{path}/recall"), &json!({ "reason": reason }))
            .await;
        assert_eq!(problem(&refused), (400, "input.invalid".to_owned()));
    }
    let recalled = sender
        .post(
            &format!("{path}/recall"),
            &json!({"reason": "Ban hành nhầm"}),
        )
        .await;
    assert_eq!(recalled.status, 202, "{}", recalled.json());
    let missing = post_form(&sender, &format!("{path}/update"), "v", &[]).await;
    assert_eq!(problem(&missing).0, 400);

    let trace = sender.get(&format!("{path}/trace")).await.json();
    let related = trace["related"].as_array().expect("related");
    let types: Vec<&Value> = related
        .iter()
        .map(|entry| &entry["business_type"])
        .collect();
    for wanted in [1, 2, 3] {
        assert!(types.contains(&&json!(wanted)), "{types:?}");
    }
    assert_eq!(text(&trace, "/deliveries/0/status_code"), "03");
    let inbox = sender.get("/api/v1/inbox?kind=status").await.json();
    assert_eq!(inbox["items"].as_array().expect("list").len(), 2);
}

/// AF17 and neighbours: nothing about a form is guessed.
#[tokio::test]
async fn forms_are_read_strictly() {
    let door = Door::open("api-multipart").await;
    let sender = door.system("H99.14").await;
    let base = [
        (field("to"), "H99.131"),
        (field("number"), "1/A"),
        (field("subject"), "x"),
    ];
    let with = |more: &[(String, Vec<u8>)]| {
        let mut parts: Vec<(String, Vec<u8>)> = base
            .iter()
            .map(|(head, value)| (head.clone(), value.as_bytes().to_vec()))
            .collect();
        parts.extend_from_slice(more);
        let parts: Vec<(&str, &[u8])> = parts
            .iter()
            .map(|(head, value)| (head.as_str(), value.as_slice()))
            .collect();
        body_of(&parts)
    };
    let one = |head: &str, value: &[u8]| with(&[(head.to_owned(), value.to_vec())]);
    let many: Vec<(String, Vec<u8>)> = (0..10_000).map(|_| (field("to"), b"a".to_vec())).collect();
    let kind = "multipart/form-data; boundary=BOUND";
    let cases = [
        ("no file name", kind, one(&field("file"), PDF)),
        (
            "two file names",
            kind,
            one(
                &format!(
                    "{}; filename=\"b\"",
                    "Content-Disposition: form-data; name=\"file\"; filename=\"a\""
                ),
                PDF,
            ),
        ),
        (
            "filename*",
            kind,
            one(
                "Content-Disposition: form-data; name=\"file\"; filename*=utf-8''a.pdf",
                PDF,
            ),
        ),
        ("10,000 fields", kind, with(&many)),
        (
            "nested",
            kind,
            one(
                &format!(
                    "{}\r\nContent-Type: multipart/mixed; boundary=x",
                    field("file")
                ),
                PDF,
            ),
        ),
        (
            "boundary in content",
            kind,
            one(&file("a.pdf"), b"%PDF\r\n--BOUND\r\nx"),
        ),
        ("no name", kind, one("Content-Type: text/plain", b"x")),
        ("field twice", kind, one(&field("subject"), b"y")),
        ("unknown field", kind, one(&field("colour"), b"red")),
        (
            "field behind a file",
            kind,
            with(&[
                (file("a.pdf"), PDF.to_vec()),
                (field("place"), b"x".to_vec()),
            ]),
        ),
        (
            "file under another name",
            kind,
            one(
                "Content-Disposition: form-data; name=\"doc\"; filename=\"a\"",
                PDF,
            ),
        ),
        ("cut off", kind, one(&file("a.pdf"), PDF)[..200].to_vec()),
        ("empty", kind, Vec::new()),
        (
            "no boundary",
            "multipart/form-data",
            one(&file("a.pdf"), PDF),
        ),
        (
            "other boundary",
            "multipart/form-data; boundary=OTHER",
            one(&file("a.pdf"), PDF),
        ),
        (
            "long field",
            kind,
            one(&field("place"), &vec![b'x'; 20_000]),
        ),
    ];
    for (name, kind, body) in cases {
        let headers = [("content-type", kind), ("idempotency-key", "k")];
        let answer = sender
            .call(Method::POST, "/api/v1/documents", &headers, body)
            .await;
        let (status, code) = problem(&answer);
        assert_eq!((status, code.as_str()), (400, "input.multipart"), "{name}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(300));
    let answer = sender
        .call(
            Method::POST,
            "/api/v1/documents",
            &[("content-type", &long)],
            "x",
        )
        .await;
    assert!(matches!(problem(&answer).0, 400 | 415));
    let missing = post_form(
        &sender,
        "/api/v1/documents",
        "k",
        &[(&field("to"), b"H99.131")],
    )
    .await;
    let places = missing.json()["errors"].clone();
    assert_eq!(places.as_array().expect("errors").len(), 2, "{places}");
    assert_eq!(
        sender.get("/api/v1/documents").await.json()["items"],
        json!([]),
        "nothing was stored"
    );
}

/// A file larger than what stays in memory waits in the spool and leaves nothing there.
#[tokio::test]
async fn a_large_file_passes_through_the_spool() {
    let door = Door::open("api-spool").await;
    let sender = door.system("H99.14").await;
    let pdf = [PDF, &vec![0x5a; 1_200_000]].concat();
    let parts: [(&str, &[u8]); 4] = [
        (&field("to"), b"H99.131"),
        (&field("number"), b"1/A"),
        (&field("subject"), b"x"),
        (&file("a.pdf"), &pdf),
    ];
    let sent = post_form(&sender, "/api/v1/documents", "k", &parts).await;
    assert_eq!(sent.status, 202, "{}", sent.json());
    let path = format!(
        "/api/v1/documents/{}/attachments/1",
        text(&sent.json(), "/id")
    );
    assert!(sender.get(&path).await.body == pdf);
    let left = std::fs::read_dir(door.house.db.folder().join("spool"))
        .expect("spool")
        .count();
    assert_eq!(left, 0);
}
