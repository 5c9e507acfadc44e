//! What the axis refuses, and in which form it says so.

use super::*;

#[tokio::test]
async fn what_is_no_method_is_said_in_the_axis_own_form() {
    let house = House::new("axis-method").await;
    let client = Client::of(&house, "H99.14").await;
    for method in ["sendedoc", "%ED%A0%BD", "%00", "send%2FEdoc"] {
        let answer = client.ask(method, &[], "{}").await;
        assert_eq!(code(&answer), ("FAIL", "10"), "{method}");
    }
}

/// EX05, EX07: what is not signed right gets one answer, whoever is claimed.
#[tokio::test]
async fn only_a_right_signature_opens() {
    let house = House::new("axis-signature").await;
    let client = Client::of(&house, "H99.14").await;
    let ask = async |client: &Client| {
        let request = client.request("countReceiveEdoc", JSON, &[], "{}");
        call(&client.router, request).await
    };
    assert_eq!(code(&ask(&client).await.json()), ("OK", "0"));
    let variant = |id: &str, secret: &[u8], at: Timestamp| Client {
        id: id.to_owned(),
        secret: secret.to_vec(),
        router: client.router.clone(),
        at,
    };
    let wrong = ask(&variant(&client.id, b"wrong", client.at)).await;
    let unknown = ask(&variant("no.such.system", &client.secret, client.at)).await;
    assert_eq!(code(&wrong.json()), ("FAIL", "15"));
    assert_eq!((wrong.status, wrong.body), (unknown.status, unknown.body));

    let hours = |count: u64| std::time::Duration::from_secs(count * 3600);
    for (at, expected) in [
        (client.at.minus(hours(2)), "0"),
        (client.at.minus(hours(24)), "0"),
        (client.at.plus(hours(2)), "0"),
        (client.at.minus(hours(24 * 8)), "15"),
        (client.at.plus(hours(24 * 8)), "15"),
    ] {
        let answer = ask(&variant(&client.id, &client.secret, at)).await.json();
        assert_eq!(answer["ErrorCode"], expected, "{answer}");
    }

    type Spoil = fn(&mut http::HeaderMap);
    fn set(headers: &mut http::HeaderMap, name: &'static str, value: &'static str) {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    let spoils: [Spoil; 5] = [
        |headers| set(headers, "xroadvnpt-extra", "1"),
        |headers| set(headers, "xroadvnpt-hash-header", "00"),
        |headers| {
            headers.append("xroadvnpt-systemid", http::HeaderValue::from_static("x"));
        },
        |headers| set(headers, "xroadvnpt-sign-header", "{"),
        |headers| set(headers, "xroadvnpt-sign-header-key", "systemid"),
    ];
    for (index, spoil) in spoils.into_iter().enumerate() {
        let mut request = client.request("countReceiveEdoc", JSON, &[], "{}");
        spoil(request.headers_mut());
        assert_eq!(
            code(&call(&client.router, request).await.json()),
            ("FAIL", "15"),
            "{index}"
        );
    }
    // Closed systems are as unknown ones.
    let system = house
        .registry
        .snapshot()
        .system_by_vxp(&client.id)
        .expect("system")
        .id;
    let operator = lgsp_base::Actor::Platform { part: "test" };
    house
        .registry
        .close_system(&operator, system)
        .await
        .expect("closed");
    assert_eq!(code(&ask(&client).await.json()), ("FAIL", "15"));
}

/// EX08, EX10, EX11 and neighbours: other parties' things, impossible pages, wrong words.
#[tokio::test]
async fn requests_that_ask_for_too_much() {
    let house = House::new("axis-errors").await;
    let sender = Client::of(&house, "H99.14").await;
    let receiver = Client::of(&house, "H99.131").await;
    let stranger = Client::of(&house, "H99").await;
    let hash = Sha256::of(TWO_RECEIVERS).to_string();
    let attempt = async |client: &Client, more: &[(&str, &str)]| {
        let answer = client.send(TWO_RECEIVERS, &hash, b"\r\n", more).await;
        answer["ErrorCode"].as_str().expect("code").to_owned()
    };
    assert_eq!(attempt(&receiver, &[("from", "H99.14")]).await, "19");
    assert_eq!(
        attempt(&sender, &[("from", "H99.14"), ("to", "[\"H99.777\"]")]).await,
        "18"
    );
    assert_eq!(
        attempt(
            &sender,
            &[("from", "H99.14"), ("to", "[\"H99.131\",\"H99.131\"]")]
        )
        .await,
        "18"
    );
    assert_eq!(
        attempt(&sender, &[("from", "H99.14"), ("to", "H99.131")]).await,
        "10"
    );
    assert_eq!(
        attempt(&sender, &[("from", "H99.14"), ("to", "[1]")]).await,
        "10"
    );
    let none = sender.submit(b"<edXML>").await;
    assert_eq!(code(&none), ("FAIL", "22"), "{none}");
    assert!(receiver.list("edoc").await.is_empty(), "nothing was stored");

    assert_eq!(
        attempt(&sender, &[("from", "H99.14"), ("to", "[\"H99.131\"]")]).await,
        "0"
    );
    let waiting = receiver.list("edoc").await;
    let id = doc_id(&waiting[0]);
    let missing = "dlv_01jqcy4m9ze5b8q6p6b0w7h3tn";
    // Another organisation's delivery is as unknown as none: the same bytes.
    for method in ["getEdoc", "downloadEdoc"] {
        let theirs = stranger.raw(method, &[("docId", id)], "").await;
        let nothing = stranger.raw(method, &[("docId", missing)], "").await;
        assert_eq!(code(&theirs.json()), ("FAIL", "10"));
        assert_eq!(theirs.body, nothing.body, "{method}");
    }
    for word in ["done", "fail", "processing"] {
        let theirs = stranger
            .raw("updateStatus", &[("docId", id), ("status", word)], "{}")
            .await;
        let nothing = stranger
            .raw(
                "updateStatus",
                &[("docId", missing), ("status", word)],
                "{}",
            )
            .await;
        assert_eq!(code(&theirs.json()), ("FAIL", "10"));
        assert_eq!(theirs.body, nothing.body, "{word}");
    }
    assert!(stranger.list("edoc").await.is_empty());
    let bad = receiver
        .ask("updateStatus", &[("docId", id), ("status", "maybe")], "{}")
        .await;
    assert_eq!(code(&bad), ("FAIL", "10"));

    let page = |name: &'static str, value: &'static str| {
        [
            ("servicetype", "eDoc"),
            ("messagetype", "edoc"),
            (name, value),
        ]
    };
    for (name, value) in [
        ("pageSize", "-1"),
        ("pageSize", "1000000000"),
        ("pageIndex", "-3"),
        ("pageIndex", "99999999999999999999"),
        ("fromDate", "yesterday"),
        ("toDate", "2026/13/45"),
    ] {
        let answer = receiver
            .ask("getReceivedEdocList", &page(name, value), "")
            .await;
        assert_eq!(code(&answer), ("FAIL", "10"), "{name}={value}");
    }
    for (name, value, count) in [
        ("pageSize", "1", 1),
        ("pageIndex", "0", 1),
        ("pageIndex", "2", 0),
        ("fromDate", "2026/11/21", 1),
        ("fromDate", "2026/11/22", 0),
        ("toDate", "2026/11/21", 1),
        ("toDate", "2026/11/20", 0),
    ] {
        let answer = receiver
            .ask("getReceivedEdocList", &page(name, value), "")
            .await;
        assert_eq!(
            answer["data"].as_array().expect("list").len(),
            count,
            "{name}={value}"
        );
    }
    assert_eq!(
        code(&receiver.ask("noSuchMethod", &[], "").await),
        ("FAIL", "10")
    );
    let mut request = receiver.request("countReceiveEdoc", JSON, &[], "");
    *request.method_mut() = http::Method::GET;
    assert_eq!(
        code(&call(&receiver.router, request).await.json()),
        ("FAIL", "10")
    );
}

#[tokio::test]
async fn a_refused_document_is_parked_after_five_times() {
    let house = House::new("axis-refuse").await;
    let sender = Client::of(&house, "H99.14").await;
    let receiver = Client::of(&house, "H99.131").await;
    sender.submit(TWO_RECEIVERS).await;
    let waiting = receiver.list("edoc").await;
    let params = [("docId", doc_id(&waiting[0])), ("status", "fail")];
    for _ in 0..5 {
        assert_eq!(
            code(&receiver.ask("updateStatus", &params, "{}").await),
            ("OK", "0")
        );
    }
    assert!(receiver.list("edoc").await.is_empty());
    assert_eq!(
        code(&receiver.ask("updateStatus", &params, "{}").await),
        ("FAIL", "10")
    );
}
