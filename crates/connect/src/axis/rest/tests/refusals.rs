//! What this flavour refuses, and in which form it says so.

use lgsp_base::{Actor, limits};

use super::*;

const OPERATOR: Actor = Actor::Platform { part: "test" };

#[tokio::test]
async fn what_is_no_call_is_said_in_the_axis_own_form() {
    let house = House::new("rest-calls").await;
    let client = Client::of(&house, "H99.14").await;
    for call in [
        "sendedoc",
        "x",
        "auth",
        "%ED%A0%BD",
        "%00",
        "getEdoc/",
        "a/b/c",
    ] {
        let answer = client.get(call).await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer.json())),
            (200, "10"),
            "{call}"
        );
    }
    for (verb, call) in [
        ("GET", "sendEdoc"),
        ("POST", "getEdoc"),
        ("DELETE", "updateStatus"),
    ] {
        let request = client.request(verb, call, "application/json", "");
        let answer = ask(&client.router, request).await.json();
        assert_eq!(code(&answer), "10", "{verb} {call}");
    }
}

/// Wrong, foreign and old tokens, replays, closed systems: one answer, which says nothing more.
#[tokio::test]
async fn only_a_session_of_the_system_itself_opens() {
    let house = House::new("rest-session").await;
    let client = Client::of(&house, "H99.14").await;
    let other = Client::of(&house, "H99.131").await;
    let list = "syncReceivedEdocList?messageType=edoc";
    let with = async |token: &str, id: &str, secret: &str| {
        let request = Request::get(format!("/axis/v1/{list}"))
            .header("authorization", format!("Bearer {token}"))
            .header("x-systemid", id)
            .header("x-secretkey", secret)
            .body(Body::empty())
            .expect("request");
        ask(&client.router, request).await
    };
    let (token, id, secret) = (&client.token, &client.id, &client.secret);
    assert_eq!(code(&with(token, id, secret).await.json()), "0");
    // A token is no one-time word: the same call again is the same call.
    assert_eq!(code(&with(token, id, secret).await.json()), "0");
    let operator = house.operator().await;
    let refused = with("x", id, secret).await;
    assert_eq!(
        (refused.status.as_u16(), code(&refused.json())),
        (401, "15")
    );
    assert_eq!(refused.headers["www-authenticate"], "Bearer realm=\"axis\"");
    for (token, id, secret) in [
        (token.as_str(), id.as_str(), "wrong"),
        (token, id, other.secret.as_str()),
        (token, "no.such.system", secret),
        (token, &other.id, &other.secret),
        (&other.token, id, secret),
        (&operator, id, secret),
        (secret, id, secret),
        ("", id, secret),
        (&token.to_uppercase(), id, secret),
    ] {
        let answer = with(token, id, secret).await;
        assert_eq!(
            (answer.status, answer.body),
            (refused.status, refused.body.clone())
        );
    }
    for missing in ["authorization", "x-systemid", "x-secretkey"] {
        let mut request = client.request("GET", list, "application/json", "");
        request.headers_mut().remove(missing);
        let answer = ask(&client.router, request).await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer.json())),
            (401, "15"),
            "{missing}"
        );
        let mut request = client.request("GET", list, "application/json", "");
        let value = request.headers()[missing].clone();
        request.headers_mut().append(missing, value);
        assert_eq!(
            ask(&client.router, request).await.status,
            401,
            "{missing} twice"
        );
    }
    let mut request = client.request("GET", list, "application/json", "");
    let basic = http::HeaderValue::from_static("Basic dTpw");
    request.headers_mut().insert("authorization", basic);
    assert_eq!(ask(&client.router, request).await.status, 401);

    let rest = house.connect("H99.132", Protocol::Rest).await;
    let rest = rest.token.expect("token");
    let answer = with(rest.expose(), id, secret).await;
    assert_eq!(answer.status, 401, "a token of the API is none here");

    house.clock.advance(limits::AXIS_SESSION_LIFE);
    assert_eq!(with(token, id, secret).await.status, 401);
    let fresh = client.login().await;
    assert_eq!(with(&fresh, id, secret).await.status, 200);
    let system = house
        .registry
        .snapshot()
        .system_by_vxp(id)
        .expect("system")
        .id;
    house
        .registry
        .close_system(&OPERATOR, system)
        .await
        .expect("closed");
    let closed = with(&fresh, id, secret).await;
    assert_eq!((closed.status, closed.body), (refused.status, refused.body));
    assert_eq!(client.tries_login(id, secret).await.status, 401);
}

#[tokio::test]
async fn failed_logins_are_limited_by_name() {
    let house = House::new("rest-login").await;
    let client = Client::of(&house, "H99.14").await;
    let unknown = client.tries_login("no.such.system", "wrong").await;
    for number in 0..limits::AXIS_LOGIN_FAILURES_MAX {
        let wrong = client
            .tries_login(&client.id, &format!("wrong-{number}"))
            .await;
        assert_eq!((wrong.status.as_u16(), code(&wrong.json())), (401, "15"));
        assert_eq!(
            wrong.body, unknown.body,
            "an unknown system is a wrong secret"
        );
    }
    let locked = client.tries_login(&client.id, &client.secret).await;
    assert_eq!((locked.status.as_u16(), code(&locked.json())), (429, "15"));
    assert_eq!(
        locked.headers["retry-after"],
        limits::AXIS_LOGIN_WINDOW.as_secs().to_string()
    );
    // Neighbours and sessions that are open go on.
    let other = Client::of(&house, "H99.131").await;
    assert!(other.list("edoc").await.is_empty() && client.list("edoc").await.is_empty());
    house.clock.advance(limits::AXIS_LOGIN_WINDOW);
    assert!(client.login().await.starts_with("lgsp_axis_"));
    // Right ones are no failures, however many.
    for _ in 0..2 * limits::AXIS_LOGIN_FAILURES_MAX {
        client.login().await;
    }
    let post = async |body: &str| {
        let request = Request::post("/axis/v1/auth/login").body(body.to_owned().into());
        ask(&client.router, request.expect("request")).await.json()
    };
    for bad in [
        "",
        "{",
        "null",
        "{\"username\":1}",
        "{\"username\":\"a\",\"username\":\"b\"}",
    ] {
        assert_eq!(code(&post(bad).await), "10", "{bad}");
    }
    assert_eq!(code(&post("{}").await), "15");
    assert_eq!(code(&post("[]").await), "15");
    assert_eq!(code(&post(&"[".repeat(100_000)).await), "10");
    let large = format!("{{\"x\":\"{}\"}}", "a".repeat(limits::JSON_BODY_BYTES_MAX));
    assert_eq!(code(&post(&large).await), "10");
}

/// AF17 and neighbours: forms that are not exactly the form.
#[tokio::test]
async fn forms_are_read_strictly() {
    let house = House::new("rest-forms").await;
    let client = Client::of(&house, "H99.14").await;
    let receiver = Client::of(&house, "H99.131").await;
    let file: Part<'_> = ("name=\"edocFile\"; filename=\"a.edxml\"", TWO_RECEIVERS);
    let kind: Part<'_> = ("name=\"messageType\"", b"edoc");
    let long = vec![b'x'; limits::AXIS_FORM_FIELD_BYTES_MAX + 1];
    let named = |head| (head, TWO_RECEIVERS);
    let nested =
        "name=\"edocFile\"; filename=\"a.edxml\"\r\nContent-Type: multipart/mixed; boundary=x";
    let cases: [(&str, Vec<Part<'_>>); 15] = [
        ("no type", vec![file]),
        ("no file", vec![kind]),
        ("nothing", vec![]),
        ("no file name", vec![named("name=\"edocFile\""), kind]),
        (
            "another extension",
            vec![named("name=\"edocFile\"; filename=\"a.pdf\""), kind],
        ),
        (
            "two file names",
            vec![
                named("name=\"edocFile\"; filename=\"a.edxml\"; filename=\"b.edxml\""),
                kind,
            ],
        ),
        (
            "filename*",
            vec![named("name=\"edocFile\"; filename*=utf-8''a.edxml"), kind],
        ),
        ("two files", vec![file, file, kind]),
        ("two types", vec![file, kind, kind]),
        (
            "an unknown field",
            vec![file, kind, ("name=\"to\"", b"H99.131")],
        ),
        ("a nested form", vec![named(nested), kind]),
        (
            "a wrong word",
            vec![file, ("name=\"messageType\"", b"Edoc")],
        ),
        ("not UTF-8", vec![file, ("name=\"messageType\"", b"\xff")]),
        ("a long field", vec![file, ("name=\"messageType\"", &long)]),
        (
            "another service",
            vec![file, kind, ("name=\"serviceType\"", b"eMail")],
        ),
    ];
    for (name, parts) in cases {
        let answer = client.form(&parts).await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer.json())),
            (200, "10"),
            "{name}"
        );
    }
    let many = vec![kind; 10_000];
    assert_eq!(code(&client.form(&many).await.json()), "10");
    let whole = form(&[file, kind]);
    for (name, content_type, body) in [
        ("no boundary", "multipart/form-data", whole.as_slice()),
        ("no form", "application/json", b"{}"),
        (
            "another boundary",
            "multipart/form-data; boundary=other",
            &whole,
        ),
        (
            "cut off",
            &format!("multipart/form-data; boundary={BOUNDARY}"),
            &whole[..whole.len() / 2],
        ),
        (
            "no end",
            &format!("multipart/form-data; boundary={BOUNDARY}"),
            &whole[..whole.len() - 8],
        ),
        (
            "empty",
            &format!("multipart/form-data; boundary={BOUNDARY}"),
            b"",
        ),
    ] {
        let request = client.request("POST", "sendEdoc", content_type, body.to_vec());
        let answer = ask(&client.router, request).await.json();
        assert!(["10", "22"].contains(&code(&answer)), "{name}: {answer}");
    }
    assert!(receiver.list("edoc").await.is_empty(), "nothing was stored");
    let accepted = client
        .form(&[kind, ("name=\"serviceType\"", b"eDoc"), file])
        .await;
    assert_eq!(code(&accepted.json()), "0", "any order");
    assert_eq!(receiver.list("edoc").await.len(), 1);
}

/// A head, or what stands before the first part, that never ends is not kept in memory for ever.
#[tokio::test]
async fn an_endless_head_ends_the_form() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    const PIECE: usize = 64 * 1024;
    let house = House::new("rest-endless").await;
    let client = Client::of(&house, "H99.14").await;
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    for start in [
        String::new(),
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; x="),
    ] {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = taken.clone();
        let endless = (0..10_000usize).map(move |_| {
            count.fetch_add(PIECE, Ordering::Relaxed);
            Ok::<_, std::io::Error>(vec![b'x'; PIECE])
        });
        let pieces = std::iter::once(Ok(start.into_bytes())).chain(endless);
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let request = client.request("POST", "sendEdoc", &kind, body);
        assert_eq!(code(&ask(&client.router, request).await.json()), "10");
        let most = limits::AXIS_FORM_HEAD_BYTES_MAX + 2 * PIECE;
        assert!(taken.load(Ordering::Relaxed) <= most);
    }
}

/// XM01–XM11, AF01–AF05 as this flavour renders them: codes 22, 21, 19, 18.
#[tokio::test]
async fn packets_are_refused_with_the_codes_of_the_axis() {
    let house = House::new("rest-packets").await;
    let client = Client::of(&house, "H99.14").await;
    let stranger = Client::of(&house, "H99.131").await;
    let text = String::from_utf8(TWO_RECEIVERS.to_vec()).expect("utf-8");
    let root = text.find("<edXML").expect("a root");
    let with_dtd = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e \"x\">]>{}",
        &text[root..]
    );
    let deep = "<a>".repeat(100_000);
    let bad_base64 = text.replacen(">JVBERi0x", ">JVBE*Ri0x", 1);
    let no_receiver = text.replace("H99.131", "H99.777");
    for (name, file, expected) in [
        ("XM01 DTD", with_dtd.as_str(), "22"),
        ("XM04 depth", &deep, "22"),
        ("XM05 cut off", &text[..root + 40], "22"),
        (
            "XM08 namespace",
            &text.replace("QCVN_102_2016", "evil"),
            "22",
        ),
        ("no XML", "%PDF-1.7", "22"),
        ("empty", "", "22"),
        ("XM11 receiver", &no_receiver, "18"),
        ("AF01 base64", &bad_base64, "21"),
    ] {
        let answer = client.send("edoc", file.as_bytes()).await;
        assert_eq!(code(&answer), expected, "{name}: {answer}");
        assert_eq!(answer["data"]["docId"], Value::Null);
        assert_eq!(answer["data"]["status"], "error");
    }
    // XM10: in the name of another.
    assert_eq!(code(&stranger.send("edoc", TWO_RECEIVERS).await), "19");
    assert!(stranger.list("edoc").await.is_empty(), "nothing was stored");
}

/// EX10, EX11: what is another's is as unknown as what is not there; impossible questions.
#[tokio::test]
async fn requests_that_ask_for_too_much() {
    let house = House::new("rest-errors").await;
    let sender = Client::of(&house, "H99.14").await;
    let receiver = Client::of(&house, "H99.131").await;
    let stranger = Client::of(&house, "H99").await;
    sender.send("edoc", TWO_RECEIVERS).await;
    let waiting = receiver.list("edoc").await;
    let id = doc_id(&waiting[0]);
    let missing = "dlv_01jqcy4m9ze5b8q6p6b0w7h3tn";
    let theirs = stranger.get(&format!("getEdoc?docId={id}")).await;
    let nothing = stranger.get(&format!("getEdoc?docId={missing}")).await;
    assert_eq!(code(&theirs.json()), "10");
    assert_eq!(theirs.body, nothing.body);
    for word in ["done", "fail", "03", "finish"] {
        let theirs = stranger.update(id, word).await;
        assert_eq!(code(&theirs), "10", "{word}");
        assert_eq!(theirs, stranger.update(missing, word).await, "{word}");
    }
    assert!(stranger.list("edoc").await.is_empty());
    assert_eq!(receiver.list("edoc").await[0]["status"], "initial");
    for status in ["", "07", "maybe", "3", "DONE"] {
        assert_eq!(code(&receiver.update(id, status).await), "10", "{status}");
    }
    for query in [
        "",
        "messageType=all",
        "messageType=edoc&messageType=status",
        "messageType=edoc&fromDate=yesterday",
        "messageType=edoc&toDate=2026/13/45",
        "messageType=%ff",
    ] {
        let answer = receiver
            .get(&format!("syncReceivedEdocList?{query}"))
            .await
            .json();
        assert_eq!(code(&answer), "10", "{query}");
    }
    for (query, count) in [
        ("", 1),
        ("&fromDate=2026/11/21", 1),
        ("&fromDate=2026/11/22", 0),
        ("&toDate=2026/11/21", 1),
        ("&toDate=2026/11/20", 0),
    ] {
        let call = format!("syncReceivedEdocList?messageType=edoc{query}");
        assert_eq!(receiver.get(&call).await.json()["count"], count, "{query}");
    }
    for bad in [
        "getEdoc",
        "getEdoc?docId=",
        "getEdoc?docId=x",
        "getEdoc?docId=../../etc/passwd",
    ] {
        assert_eq!(code(&receiver.get(bad).await.json()), "10", "{bad}");
    }
    // A refusal counts; the fifth parks the document and the sixth finds it closed.
    for _ in 0..5 {
        assert_eq!(code(&receiver.update(id, "fail").await), "0");
    }
    assert_eq!(code(&receiver.update(id, "fail").await), "10");
    assert!(receiver.list("edoc").await.is_empty());
}
