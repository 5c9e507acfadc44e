//! Problem documents, conventions of requests, health.

use http::Method;
use serde_json::json;

use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn problems_speak_vietnamese_and_english() {
    let door = Door::open("api-problems").await;
    let caller = door.anonymous();
    let answer = caller.get("/nowhere").await;
    assert_eq!(problem(&answer), (404, "http.not_found".to_owned()));
    assert_eq!(answer.json()["title"], "Không có địa chỉ này");
    assert_eq!(answer.headers["content-language"], "vi");
    let english = [
        ("accept-language", "en-GB,vi;q=0.5"),
        ("x-request-id", "client-7"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ];
    let answer = caller.call(Method::GET, "/nowhere", &english, "").await;
    assert_eq!(
        answer.json(),
        json!({
            "type": "/problems/http.not_found", "title": "There is nothing at this address", "status": 404,
            "detail": "", "instance": "client-7", "code": "http.not_found",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "retryable": false,
            "fix": "See /api/openapi.json for the addresses",
        })
    );
    assert_eq!(answer.headers["x-request-id"], "client-7");
    // GW20: ids that are not harmless are replaced.
    for bad in ["<script>", "a b", &"x".repeat(10_000)] {
        let answer = caller
            .call(Method::GET, "/nowhere", &[("x-request-id", bad)], "")
            .await;
        assert!(text(&answer.json(), "/instance").starts_with("req_"));
    }
    let answer = caller.call(Method::PATCH, "/api/v1/inbox", &[], "").await;
    assert_eq!(problem(&answer), (405, "http.method".to_owned()));
    assert_eq!(answer.headers["allow"], "GET,HEAD");
    let entry = caller
        .call(
            Method::GET,
            "/problems/exchange.conflict",
            &english[..1],
            "",
        )
        .await;
    assert_eq!(entry.json()["status"], 409);
    assert_eq!(problem(&caller.get("/problems/no.such").await).0, 404);
    // GW13: one canonical form of an address.
    for other in [
        "/api/v1/inbox/",
        "/API/v1/inbox",
        "/api/v1%2finbox",
        "//api/v1/inbox",
    ] {
        assert_eq!(problem(&caller.get(other).await).0, 404, "{other}");
    }
}

/// Not only the title: what is wrong with the input is a sentence in the caller's language, too.
#[tokio::test]
async fn places_in_the_input_are_explained_in_both_languages() {
    let door = Door::open("api-sentences").await;
    let caller = door.system("H99.14").await;
    let plain = ("content-type", "text/plain");
    let english = [("accept-language", "en"), ("idempotency-key", "k"), plain];
    let vietnamese = [("idempotency-key", "k"), plain];
    let said = async |method: &Method, path: &str, pointer: &str| {
        let mut both = Vec::new();
        for headers in [&vietnamese[..], &english[..]] {
            let answer = caller.call(method.clone(), path, headers, "x").await;
            both.push(text(&answer.json(), pointer).to_owned());
        }
        (both.remove(0), both.remove(0))
    };
    let (get, post) = (Method::GET, Method::POST);
    for (method, path, pointer, vi, en) in [
        (
            &get,
            "/api/v1/inbox?page_size=0",
            "/errors/0/message",
            "Giá trị phải từ 1 đến 1000",
            "The value must be 1 to 1000",
        ),
        (
            &get,
            "/api/v1/inbox?nope=1",
            "/errors/0/message",
            "Không có tham số này",
            "There is no such parameter",
        ),
        (
            &get,
            "/api/v1/documents?direction=up",
            "/errors/0/message",
            "Chỉ nhận một trong các giá trị: sent, received",
            "Only one of these is taken: sent, received",
        ),
        (
            &get,
            "/api/v1/inbox?q=%zz",
            "/detail",
            "Địa chỉ không phải UTF-8 mã hóa phần trăm",
            "The address is not percent-encoded UTF-8",
        ),
        (
            &post,
            "/api/v1/documents?to=H99.131&to=H99.131",
            "/detail",
            "Đơn vị H99.131 được nêu hai lần",
            "H99.131 is named twice",
        ),
        (
            &post,
            "/api/v1/documents?to=H99.14",
            "/errors/0/message",
            "Đơn vị H99.14 chính là nơi gửi",
            "H99.14 is the sender",
        ),
    ] {
        let expected = (vi.to_owned(), en.to_owned());
        assert_eq!(said(method, path, pointer).await, expected, "{path}");
    }
}

#[tokio::test]
async fn credentials_that_are_none() {
    let door = Door::open("api-credentials").await;
    let token = door.house.operator().await;
    let get = async |field: &str| {
        let headers = [("authorization", field)];
        problem(
            &door
                .anonymous()
                .call(Method::GET, "/api/v1/inbox", &headers, "")
                .await,
        )
        .1
    };
    assert_eq!(
        problem(&door.anonymous().get("/api/v1/inbox").await).1,
        "auth.required"
    );
    for bad in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic eDp5",
        &format!("Bearer {token}x"),
        &token,
    ] {
        assert_eq!(get(bad).await, "auth.invalid", "{bad}");
    }
    let two = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
    let answer = door
        .anonymous()
        .call(Method::GET, "/api/v1/inbox", &two, "")
        .await;
    assert_eq!(problem(&answer).1, "auth.invalid");
    assert!(!String::from_utf8_lossy(&answer.body).contains("Bearer"));
    // The permission is decided before the body: an endless one is not read.
    let endless = Body::from_stream(futures_util::stream::repeat_with(|| {
        Ok::<_, std::io::Error>(vec![0u8; 1024])
    }));
    let answer = door
        .anonymous()
        .call(Method::POST, "/api/v1/documents", &[JSON], endless)
        .await;
    assert_eq!(problem(&answer).1, "auth.required");
}

/// HT37, HT38, HT40, GW11, EX11 and neighbours.
#[tokio::test]
async fn requests_are_read_strictly() {
    let door = Door::open("api-strict").await;
    let system = door.system("H99.14").await;
    for (path, code) in [
        ("/api/v1/inbox?page_size=1&page_size=2", "input.duplicate"),
        ("/api/v1/inbox?page_size[]=1", "input.invalid"),
        ("/api/v1/inbox?page_size=1000000000", "input.invalid"),
        ("/api/v1/inbox?page_size=-1", "input.invalid"),
        ("/api/v1/inbox?page_token=AAAA", "input.invalid"),
        ("/api/v1/inbox?kind=letter", "input.invalid"),
        ("/api/v1/inbox?include=everything", "input.invalid"),
        ("/api/v1/inbox?after=yesterday", "input.invalid"),
        ("/api/v1/inbox?agency=H99", "input.invalid"),
        ("/api/v1/deliveries?state=lost", "input.invalid"),
        ("/api/v1/documents?direction=up", "input.invalid"),
        ("/api/v1/organisations/resolve", "input.invalid"),
        (
            "/api/v1/organisations/resolve?code=H99&scheme=x",
            "input.invalid",
        ),
        ("/api/v1/documents/%ED%A0%BD/trace", "input.invalid"),
        (
            "/api/v1/organisations/resolve?code=H99;code=H99.14",
            "input.invalid",
        ),
        ("/api/v1/organisations/resolve?code=H99%00", "input.invalid"),
    ] {
        assert_eq!(
            problem(&system.get(path).await),
            (400, code.to_owned()),
            "{path}"
        );
    }
    let path = "/api/v1/inbox/acknowledge";
    for (body, code) in [
        ("{\"deliveries\":[],\"deliveries\":[]}", "input.json"),
        ("{\"deliveries\":[1e400]}", "input.json"),
        ("{\"deliveries\":[]}x", "input.json"),
        ("\u{feff}{\"deliveries\":[]}", "input.json"),
        ("{\"deliveries\":[]}", "input.invalid"),
        ("{\"deliveries\":[],\"force\":true}", "input.invalid"),
        ("{\"deliveries\":[{\"id\":\"x\"}]}", "input.invalid"),
        ("[]", "input.invalid"),
    ] {
        let answer = system.call(Method::POST, path, &[JSON], body).await;
        assert_eq!(problem(&answer), (400, code.to_owned()), "{body}");
    }
    for kind in [
        "text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "json",
    ] {
        let answer = system
            .call(Method::POST, path, &[("content-type", kind)], "{}")
            .await;
        assert_eq!(
            problem(&answer),
            (415, "input.media_type".to_owned()),
            "{kind}"
        );
    }
    let answer = system.call(Method::POST, path, &[], "{}").await;
    assert_eq!(problem(&answer).0, 415);
    let answer = system.call(Method::POST, path, &[JSON, JSON], "{}").await;
    assert_eq!(problem(&answer).0, 415);
    let large = format!("{{\"deliveries\":[\"{}\"]}}", "x".repeat(2 * 1024 * 1024));
    let answer = system.call(Method::POST, path, &[JSON], large).await;
    assert_eq!(problem(&answer), (413, "input.too_large".to_owned()));
    assert_eq!(answer.headers["connection"], "close");
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let door = Door::open("api-panic").await;
    let state = ApiState::new(ApiParts {
        dossiers: door.state.dossiers.clone(),
        portals: None,
        exchange: door.house.exchange.clone(),
        registry: door.house.registry.clone(),
        clock: door.house.clock.clone(),
        entropy: door.house.entropy.clone(),
        spool: door.house.db.folder().to_owned(),
        webhook_public_key: String::new(),
        endpoint_policy: Arc::new(|_| Ok(())),
        probes: Vec::new(),
        ledger: None,
    });
    async fn fall() {
        panic!("planted");
    }
    let router = Router::new()
        .route("/fall", axum::routing::get(fall))
        .layer(axum::middleware::from_fn_with_state(
            state,
            crate::problem::conduct,
        ));
    let caller = Caller {
        router,
        token: None,
    };
    let answer = caller.get("/fall").await;
    assert_eq!(problem(&answer), (500, "system.internal".to_owned()));
    assert!(!String::from_utf8_lossy(&answer.body).contains("planted"));
}

#[tokio::test]
async fn readiness_says_why_not() {
    let door = Door::open("api-health").await;
    let caller = door.anonymous();
    assert_eq!(caller.get("/livez").await.status, 200);
    let answer = caller.get("/readyz").await;
    assert_eq!(answer.status, 503);
    let report = answer.json();
    assert_eq!(report["status"], "not_ready");
    assert_eq!(report["checks"][0]["is_ok"], true);
    assert_eq!(report["checks"][1]["reason"], "it stands");
}
