//! Documents through the plain and the edXML door: idempotency, identity of bytes, secrecy of what belongs to others.

use http::Method;
use lgsp_base::Sha256;
use serde_json::json;

use super::*;

const PACKET: &[u8] =
    include_bytes!("../../../wire/fixtures/edoc_new_two_receivers_zip_attachment.edxml");
const EDXML: (&str, &str) = ("content-type", "application/edxml+xml");

#[tokio::test]
async fn plain_bytes_go_through_and_are_confirmed() {
    let door = Door::open("api-plain").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    let sent = sender.submit("H99.131", "k1", "hello").await;
    assert_eq!(sent.status, 202);
    let accepted = sent.json();
    assert_eq!(accepted["status"], "accepted");
    assert_eq!(accepted["sha256"], Sha256::of(b"hello").to_string());
    assert_eq!(accepted["deliveries"][0]["to"], "H99.131");
    assert_eq!(
        sent.headers["location"],
        format!("/api/v1/documents/{}", text(&accepted, "/id"))
    );

    let page = receiver
        .get("/api/v1/inbox?include=content&page_size=10")
        .await
        .json();
    let item = &page["items"][0];
    assert_eq!(item["content"], "aGVsbG8=");
    assert_eq!(item["from"], "H99.14");
    assert!(page.get("next_page_token").is_none());
    let parts = receiver
        .call(
            Method::GET,
            "/api/v1/inbox?include=content",
            &[("accept", "text/html, multipart/mixed;q=0.9")],
            "",
        )
        .await;
    let media = parts.headers["content-type"].to_str().expect("text");
    let (_, boundary) = media
        .split_once("multipart/mixed; boundary=")
        .expect("a boundary");
    let text_of_parts = String::from_utf8(parts.body.to_vec()).expect("text");
    let end = format!(
        "--{boundary}\r\nContent-Type: {}\r\nContent-ID: <{}>\r\nContent-Length: 5\r\n\r\nhello\r\n\
         --{boundary}--\r\n",
        text(item, "/content_type"),
        text(item, "/id")
    );
    assert!(text_of_parts.ends_with(&end), "{text_of_parts}");
    let first = text_of_parts.split("\r\n\r\n").nth(1).expect("a page");
    let first: Value = serde_json::from_str(first.lines().next().expect("a line")).expect("json");
    assert_eq!(first["items"][0]["id"], item["id"]);
    assert!(first["items"][0].get("content").is_none());

    let one =
        json!({"deliveries": [{"id": item["id"], "sha256": Sha256::of(b"other").to_string()}]});
    let refused = receiver
        .post("/api/v1/inbox/acknowledge", &one)
        .await
        .json();
    assert_eq!(text(&refused, "/results/0/problem/code"), "receipt.hash");
    let one = json!({"deliveries": [{"id": item["id"], "sha256": item["sha256"]}]});
    let confirmed = receiver
        .post("/api/v1/inbox/acknowledge", &one)
        .await
        .json();
    assert_eq!(text(&confirmed, "/results/0/status"), "confirmed");
    let again = receiver
        .post("/api/v1/inbox/acknowledge", &one)
        .await
        .json();
    assert_eq!(again["results"][0]["repeated"], true);
    assert_eq!(
        again["results"][0]["receipt_id"],
        confirmed["results"][0]["receipt_id"]
    );
    assert_eq!(
        receiver.get("/api/v1/inbox").await.json()["items"],
        json!([])
    );

    let trace = sender.get(text(&accepted, "/trace")).await.json();
    assert_eq!(text(&trace, "/deliveries/0/state"), "delivered");
}

/// GW17 and the promises of an idempotency key.
#[tokio::test]
async fn a_repetition_stores_nothing() {
    let door = Door::open("api-repeat").await;
    let sender = door.system("H99.14").await;
    let other = door.system("H99.132").await;
    let first = sender.submit("H99.131", "key", "hello").await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let again = sender.submit("H99.131", "key", "hello").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.body, first.body);
    let changed = sender.submit("H99.131", "key", "other").await;
    assert_eq!(
        problem(&changed),
        (409, "exchange.idempotency_conflict".to_owned())
    );
    let separate = other.submit("H99.131", "key", "hello").await;
    assert_eq!(separate.status, 202);
    assert_ne!(separate.json()["id"], first.json()["id"]);
    for bad in ["", &"k".repeat(256), &"k".repeat(10_240)] {
        let answer = sender.submit("H99.131", bad, "x").await;
        assert_eq!(
            problem(&answer),
            (400, "input.invalid".to_owned()),
            "{}",
            bad.len()
        );
    }
    assert_eq!(
        sender.submit("H99.131", &"k".repeat(255), "x").await.status,
        202
    );
    let none = [("content-type", "text/plain")];
    let answer = sender
        .call(Method::POST, "/api/v1/documents?to=H99.131", &none, "x")
        .await;
    assert_eq!(
        problem(&answer),
        (400, "exchange.idempotency_required".to_owned())
    );
    for (path, code) in [
        ("/api/v1/documents?to=H99.777", "exchange.recipient_unknown"),
        ("/api/v1/documents", "exchange.recipients"),
        (
            "/api/v1/documents?to=H99.131&to=H99.131",
            "exchange.recipients",
        ),
        (
            "/api/v1/documents?to=H99.131&secrecy=mat",
            "exchange.secret",
        ),
        (
            "/api/v1/documents?to=H99.131&from=H99.132",
            "exchange.sender",
        ),
        (
            "/api/v1/documents?to=H99.131&from=a&from=b",
            "input.duplicate",
        ),
    ] {
        let headers = [("content-type", "text/plain"), ("idempotency-key", "n")];
        let answer = sender.call(Method::POST, path, &headers, "x").await;
        assert_eq!(problem(&answer).1, code, "{path}");
    }
}

#[tokio::test]
async fn an_edxml_packet_keeps_its_bytes() {
    let door = Door::open("api-edxml").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    let sent = sender
        .call(Method::POST, "/api/v1/documents", &[EDXML], PACKET)
        .await;
    assert_eq!(sent.status, 202, "{}", sent.json());
    let accepted = sent.json();
    let repeated = sender
        .call(Method::POST, "/api/v1/documents", &[EDXML], PACKET)
        .await;
    assert_eq!(repeated.headers["idempotency-replayed"], "true");
    assert_eq!(accepted["deliveries"].as_array().expect("list").len(), 2);
    let path = format!("/api/v1/documents/{}", text(&accepted, "/id"));
    let content = receiver.get(&format!("{path}/content")).await;
    assert!(content.body == PACKET);
    assert_eq!(content.headers["content-length"], PACKET.len().to_string());
    assert_eq!(content.headers["x-content-type-options"], "nosniff");
    let tag = format!("\"{}\"", Sha256::of(PACKET));
    assert_eq!(content.headers["etag"], tag);
    assert!(
        content.headers["content-disposition"]
            .to_str()
            .expect("text")
            .starts_with("attachment; filename=\"")
    );
    // HT41, AF19: a range gets the whole.
    let ranges = (0..1000)
        .map(|n| format!("0-{n}"))
        .collect::<Vec<_>>()
        .join(",");
    let field = format!("bytes={ranges}");
    let whole = receiver
        .call(
            Method::GET,
            &format!("{path}/content"),
            &[("range", &field)],
            "",
        )
        .await;
    assert_eq!(
        (whole.status.as_u16(), whole.body.len()),
        (200, PACKET.len())
    );
    let known = receiver
        .call(
            Method::GET,
            &format!("{path}/content"),
            &[("if-none-match", &tag)],
            "",
        )
        .await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    let shown = receiver.get(&path).await;
    let tag = shown.headers["etag"].to_str().expect("text").to_owned();
    assert_eq!(
        receiver
            .call(Method::GET, &path, &[("if-none-match", &tag)], "")
            .await
            .status,
        304
    );

    let attachments = shown.json()["attachments"].as_array().expect("list").len();
    assert!(attachments > 0);
    for number in 1..=attachments {
        let file = receiver.get(&format!("{path}/attachments/{number}")).await;
        assert_eq!(file.status, 200);
        assert_eq!(file.headers["content-length"], file.body.len().to_string());
        assert_eq!(file.headers["content-type"], "application/octet-stream");
    }
    for number in ["0", "99", "x", "-1"] {
        let answer = receiver.get(&format!("{path}/attachments/{number}")).await;
        assert_eq!(
            problem(&answer),
            (404, "attachment.not_found".to_owned()),
            "{number}"
        );
    }
    let bad = sender
        .call(
            Method::POST,
            "/api/v1/documents",
            &[EDXML],
            "<!DOCTYPE x><edXML/>",
        )
        .await;
    assert_eq!(problem(&bad), (400, "xml.dtd".to_owned()));
    // A content that breaks off stores nothing.
    let broken = futures_util::stream::iter([
        Ok(PACKET[..500].to_vec()),
        Err(std::io::Error::other("gone")),
    ]);
    let answer = sender
        .call(
            Method::POST,
            "/api/v1/documents",
            &[EDXML],
            Body::from_stream(broken),
        )
        .await;
    assert_eq!(problem(&answer), (400, "http.framing".to_owned()));
}

/// Z4: what belongs to another organisation is answered with the same bytes as what does not exist.
#[tokio::test]
async fn another_ones_object_is_as_unknown_as_none() {
    let door = Door::open("api-secrecy").await;
    let sender = door.system("H99.14").await;
    let stranger = door.system("H99.132").await;
    let accepted = sender.submit("H99.131", "k", "hello").await.json();
    let (document, delivery) = (text(&accepted, "/id"), text(&accepted, "/deliveries/0/id"));
    let id = [
        ("x-request-id", "same"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ];
    for (path, real, missing) in [
        ("documents/*", document, "doc_01jqcy4m9ze5b8q6p6b0w7h3tn"),
        (
            "documents/*/content",
            document,
            "doc_01jqcy4m9ze5b8q6p6b0w7h3tn",
        ),
        (
            "documents/*/trace",
            document,
            "doc_01jqcy4m9ze5b8q6p6b0w7h3tn",
        ),
        (
            "documents/*/attachments/1",
            document,
            "doc_01jqcy4m9ze5b8q6p6b0w7h3tn",
        ),
        ("deliveries/*", delivery, "dlv_01jqcy4m9ze5b8q6p6b0w7h3tn"),
        (
            "deliveries/*/content",
            delivery,
            "dlv_01jqcy4m9ze5b8q6p6b0w7h3tn",
        ),
        ("documents/*", document, "not-an-id"),
    ] {
        let ask = async |object: &str| {
            let path = format!("/api/v1/{}", path.replace('*', object));
            stranger.call(Method::GET, &path, &id, "").await
        };
        let (theirs, nothing) = (ask(real).await, ask(missing).await);
        assert_eq!(theirs.status, 404, "{path}");
        assert_eq!(theirs.body, nothing.body, "{path}");
        assert_eq!(theirs.headers, nothing.headers, "{path}");
    }
    for (path, body) in [
        (
            "/api/v1/inbox/refuse",
            json!({"id": delivery, "cause": "x"}),
        ),
        (&format!("/api/v1/deliveries/{delivery}/resend"), json!({})),
        (
            &format!("/api/v1/documents/{document}/recall"),
            json!({"reason": "x"}),
        ),
        (
            &format!("/api/v1/documents/{document}/status"),
            json!({"code": "01"}),
        ),
    ] {
        assert_eq!(problem(&stranger.post(path, &body).await).0, 404, "{path}");
    }
    let one = json!({"deliveries": [{"id": delivery}]});
    let answer = stranger
        .post("/api/v1/inbox/acknowledge", &one)
        .await
        .json();
    assert_eq!(
        text(&answer, "/results/0/problem/code"),
        "exchange.delivery_unknown"
    );
    for path in [
        "/api/v1/documents",
        "/api/v1/documents?direction=received",
        "/api/v1/deliveries",
        "/api/v1/inbox",
    ] {
        assert_eq!(
            stranger.get(path).await.json()["items"],
            json!([]),
            "{path}"
        );
    }
    assert_eq!(
        sender.get("/api/v1/documents").await.json()["items"]
            .as_array()
            .expect("list")
            .len(),
        1
    );
    assert_eq!(
        sender.get("/api/v1/deliveries?state=waiting").await.json()["items"]
            .as_array()
            .expect("list")
            .len(),
        1
    );
}

#[tokio::test]
async fn pages_follow_each_other() {
    let door = Door::open("api-pages").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    for number in 0..5 {
        sender
            .submit("H99.131", &format!("k{number}"), format!("body {number}"))
            .await;
    }
    for list in [
        "inbox?",
        "documents?direction=received&",
        "deliveries?state=waiting&",
    ] {
        let mut seen = std::collections::BTreeSet::new();
        let mut path = format!("/api/v1/{list}page_size=2");
        loop {
            let page = receiver.get(&path).await;
            let body = page.json();
            for item in body["items"].as_array().expect("list") {
                assert!(seen.insert(text(item, "/id").to_owned()), "twice in {list}");
            }
            let Some(link) = page.headers.get("link") else {
                assert!(body.get("next_page_token").is_none());
                break;
            };
            let link = link.to_str().expect("text");
            path = link
                .trim_start_matches('<')
                .split('>')
                .next()
                .expect("address")
                .to_owned();
        }
        assert_eq!(seen.len(), 5, "{list}");
    }
}

#[tokio::test]
async fn a_large_body_comes_back_identical() {
    let door = Door::open("api-large").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    let body: Vec<u8> = (0..1_500_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        body.chunks(7_001).map(|piece| Ok(piece.to_vec())).collect();
    let sent = sender
        .submit(
            "H99.131",
            "k",
            Body::from_stream(futures_util::stream::iter(pieces)),
        )
        .await;
    assert_eq!(sent.json()["bytes"], body.len());
    let page = receiver.get("/api/v1/inbox?include=content").await.json();
    assert!(
        page["items"][0].get("content").is_none(),
        "too large to come along"
    );
    let content = receiver.get(text(&page, "/items/0/content_url")).await;
    assert!(content.body == body);
    let declared = [
        ("content-type", "a/b"),
        ("idempotency-key", "z"),
        ("content-length", "9999999999999"),
    ];
    let answer = sender
        .call(Method::POST, "/api/v1/documents?to=H99.131", &declared, "x")
        .await;
    assert_eq!(problem(&answer), (413, "input.too_large".to_owned()));
}
