//! Organisations, systems and push endpoints.

use http::Method;
use serde_json::json;

use super::*;

#[tokio::test]
async fn organisations_live_and_are_resolved() {
    let door = Door::open("api-organisations").await;
    let operator = door.operator().await;
    let new = json!({"name": "Sở Mới", "kind": "so", "level": 2, "parent": "H99",
        "codes": [{"scheme": "qd20", "code": "H99.20"}], "effective": "2026-01-01"});
    let created = operator.post("/api/v1/organisations", &new).await;
    assert_eq!(created.status, 201, "{}", created.json());
    assert_eq!(
        problem(&operator.post("/api/v1/organisations", &new).await).0,
        409
    );
    let merge = json!({"kind": "merge", "predecessors": ["H99.20"], "successor": "H99.14", "effective": "2026-07-01"});
    let merged = operator.post("/api/v1/organisations/events", &merge).await;
    assert_eq!(merged.status, 201, "{}", merged.json());
    let resolve = async |query: &str| {
        operator
            .get(&format!("/api/v1/organisations/resolve?{query}"))
            .await
            .json()
    };
    let now = resolve("code=H99.20").await;
    assert_eq!(
        (text(&now, "/status"), text(&now, "/routed_to/code")),
        ("forwarded", "H99.14")
    );
    assert_eq!(now["routes"], true);
    assert_eq!(
        text(&resolve("code=H99.20&at=2026-05-01").await, "/status"),
        "active"
    );
    assert_eq!(resolve("code=nobody").await["axis_code"], 18);
    let split = json!({"kind": "split", "predecessor": "H99.132", "successors": ["H99.131", "H99.14"], "effective": "2026-08-01"});
    assert_eq!(
        operator
            .post("/api/v1/organisations/events", &split)
            .await
            .status,
        201
    );
    let closed = resolve("code=H99.132").await;
    assert_eq!(closed["axis_code"], 23);
    assert_eq!(closed["successors"].as_array().expect("list").len(), 2);

    let found = operator
        .get("/api/v1/organisations?q=khoa%20hoc")
        .await
        .json();
    assert_eq!(text(&found, "/items/0/code"), "H99.14");
    let page = operator.get("/api/v1/organisations?page_size=1").await;
    assert!(page.headers.contains_key("link"));
    let shown = operator.get("/api/v1/organisations/H99.14").await;
    let tag = shown.headers["etag"].to_str().expect("text").to_owned();
    let path = format!("/api/v1/organisations/{}", text(&shown.json(), "/id"));
    assert_eq!(
        operator
            .call(Method::GET, &path, &[("if-none-match", &tag)], "")
            .await
            .status,
        304
    );
    assert_eq!(
        problem(&operator.get("/api/v1/organisations/H1.1").await),
        (404, "org.unknown".to_owned())
    );
    for bad in [
        json!({"kind": "vanish"}),
        json!({"kind": "dissolve", "organisation": "H99", "why": 1}),
    ] {
        assert_eq!(
            problem(&operator.post("/api/v1/organisations/events", &bad).await).0,
            400,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_file_is_imported_whole_or_not_at_all() {
    let door = Door::open("api-import").await;
    let operator = door.operator().await;
    let csv = [("content-type", "text/csv")];
    let head = "code_qd20,code_qcvn102,name,kind,level,parent_code_qd20,admin_unit_code,province,code_is_official\n";
    let good = format!("{head}H99.21,,Sở Hai Mốt,so,2,H99,,Bình An,true\n");
    let path = "/api/v1/organisations/import";
    let tried = operator
        .call(
            Method::POST,
            &format!("{path}?dry_run=true"),
            &csv,
            good.clone(),
        )
        .await;
    assert_eq!(
        (tried.status.as_u16(), &tried.json()["created"]),
        (200, &json!(1))
    );
    let bad = format!("{good}H99.22,,,so,x,H99,,Bình An,true\n");
    let refused = operator.call(Method::POST, path, &csv, bad).await;
    assert_eq!(problem(&refused), (422, "import.invalid".to_owned()));
    assert!(text(&refused.json(), "/errors/0/pointer").contains('3'));
    assert_eq!(
        problem(&operator.get("/api/v1/organisations/H99.21").await).0,
        404
    );
    let done = operator.call(Method::POST, path, &csv, good).await;
    assert_eq!(done.status, 200, "{}", done.json());
    assert_eq!(
        operator.get("/api/v1/organisations/H99.21").await.status,
        200
    );
    let wrong = operator
        .call(
            Method::POST,
            path,
            &[("content-type", "application/json")],
            "{}",
        )
        .await;
    assert_eq!(problem(&wrong).0, 415);
}

#[tokio::test]
async fn systems_and_their_credentials() {
    let door = Door::open("api-systems").await;
    let operator = door.operator().await;
    let add = |protocol: &str| json!({"organisation": "H99.14", "name": format!("QLVB {protocol}"), "protocol": protocol});
    let vxp = operator.post("/api/v1/systems", &add("vxp")).await;
    assert_eq!(vxp.status, 201);
    assert_eq!(vxp.headers["cache-control"], "no-store");
    assert!(vxp.json()["secret"].is_string() && vxp.json().get("token").is_none());
    assert_eq!(vxp.json()["is_receiver"], json!(true));
    let rest = operator.post("/api/v1/systems", &add("rest")).await.json();
    assert_eq!(rest["is_receiver"], json!(false), "one receives");
    assert_eq!(
        problem(&operator.post("/api/v1/systems", &add("rest")).await).0,
        409
    );
    assert_eq!(
        problem(&operator.post("/api/v1/systems", &add("soap")).await).0,
        400
    );
    let mut portal = add("dvcqg");
    assert_eq!(
        problem(&operator.post("/api/v1/systems", &portal).await).0,
        400
    );
    portal["connector"] = json!({"url": "https://truc.example", "user": "binhan", "password": "bí mật 9", "unit_code": "H99"});
    let added = operator.post("/api/v1/systems", &portal).await;
    assert_eq!(added.status, 201);
    assert!(added.json().get("token").is_none());
    let shown = operator
        .get(&format!("/api/v1/systems/{}", text(&added.json(), "/id")))
        .await;
    assert_eq!(shown.json()["connector"]["unit_code"], json!("H99"));
    assert!(!String::from_utf8_lossy(&shown.body).contains("bí mật 9"));
    let caller = Caller {
        token: Some(text(&rest, "/token").to_owned()),
        ..door.anonymous()
    };
    assert_eq!(caller.get("/api/v1/inbox").await.status, 200);
    assert_eq!(
        problem(&caller.get("/api/v1/systems").await),
        (403, "auth.forbidden".to_owned())
    );

    let path = format!("/api/v1/systems/{}", text(&rest, "/id"));
    let issued = operator
        .post(&format!("{path}/tokens"), &json!({"name": "second"}))
        .await
        .json();
    let second = Caller {
        token: Some(text(&issued, "/token").to_owned()),
        ..door.anonymous()
    };
    assert_eq!(second.get("/api/v1/inbox").await.status, 200);
    let token = format!("{path}/tokens/{}", text(&issued, "/id"));
    assert_eq!(
        operator.call(Method::DELETE, &token, &[], "").await.status,
        204
    );
    assert_eq!(
        problem(&second.get("/api/v1/inbox").await).1,
        "auth.invalid"
    );
    assert_eq!(
        problem(&operator.call(Method::DELETE, &token, &[], "").await).0,
        404
    );

    let shown = operator.get(&path).await;
    assert!(!String::from_utf8_lossy(&shown.body).contains("lgsp_live_"));
    let tag = shown.headers["etag"].to_str().expect("text").to_owned();
    assert_eq!(
        problem(&operator.call(Method::DELETE, &path, &[], "").await).0,
        428
    );
    assert_eq!(
        problem(
            &operator
                .call(Method::DELETE, &path, &[("if-match", "\"v99\"")], "")
                .await
        )
        .0,
        412
    );
    assert_eq!(
        operator
            .call(Method::DELETE, &path, &[("if-match", &tag)], "")
            .await
            .status,
        204
    );
    assert_eq!(
        problem(&caller.get("/api/v1/inbox").await).1,
        "auth.invalid"
    );
    assert_eq!(
        operator.get("/api/v1/systems").await.json()["items"]
            .as_array()
            .expect("list")
            .len(),
        3
    );
    assert_eq!(problem(&operator.get("/api/v1/systems/sys_x").await).0, 404);
}

/// A system is replaced without losing what waits: the new one takes over before the old one is closed.
#[tokio::test]
async fn another_system_becomes_the_receiver() {
    let door = Door::open("api-receiver").await;
    let operator = door.operator().await;
    let sender = door.system("H99.14").await;
    let old = door.system("H99.131").await;
    let added = operator
        .post(
            "/api/v1/systems",
            &json!({"organisation": "H99.131", "name": "QLVB mới", "protocol": "rest"}),
        )
        .await
        .json();
    let new = Caller {
        token: Some(text(&added, "/token").to_owned()),
        ..door.anonymous()
    };
    assert_eq!(sender.submit("H99.131", "k", "x").await.status, 202);
    let waiting = async |caller: &Caller| {
        let page = caller.get("/api/v1/inbox").await.json();
        page["items"].as_array().expect("list").len()
    };
    assert_eq!((waiting(&old).await, waiting(&new).await), (1, 0));

    let path = format!("/api/v1/systems/{}", text(&added, "/id"));
    let receiver = format!("{path}/receiver");
    let unmatched = operator.call(Method::POST, &receiver, &[], "").await;
    assert_eq!(problem(&unmatched).0, 428);
    let tag = operator.get(&path).await.headers["etag"]
        .to_str()
        .expect("text")
        .to_owned();
    let matched = [("if-match", tag.as_str())];
    assert_eq!(
        problem(&sender.call(Method::POST, &receiver, &matched, "").await).0,
        403
    );
    let made = operator.call(Method::POST, &receiver, &matched, "").await;
    assert_eq!(made.status, 200);
    assert_eq!(made.json()["is_receiver"], json!(true));
    assert_eq!((waiting(&old).await, waiting(&new).await), (0, 1));
    let again = operator.call(Method::POST, &receiver, &matched, "").await;
    assert_eq!(problem(&again).0, 412);
}

#[tokio::test]
async fn push_endpoints_need_approval() {
    let door = Door::open("api-webhooks").await;
    let operator = door.operator().await;
    let system = door.system("H99.14").await;
    let stranger = door.system("H99.131").await;
    let wished = json!({"url": "https://qlvb.example.vn/hook"});
    let proposed = system.post("/api/v1/webhooks", &wished).await;
    assert_eq!(proposed.status, 201, "{}", proposed.json());
    assert_eq!(proposed.json()["state"], "proposed");
    assert_eq!(proposed.headers["cache-control"], "no-store");
    let secret = text(&proposed.json(), "/secret").to_owned();
    assert!(lgsp_wire::webhook::parse_secret(&secret).is_some());
    for bad in ["https://127.0.0.1/", "ftp://a.vn/", "https://u:p@a.vn/"] {
        assert_eq!(
            problem(&system.post("/api/v1/webhooks", &json!({"url": bad})).await).0,
            422,
            "{bad}"
        );
    }
    assert_eq!(
        problem(&operator.post("/api/v1/webhooks", &wished).await).0,
        400
    );
    let path = format!("/api/v1/webhooks/{}", text(&proposed.json(), "/id"));
    let shown = operator.get(&path).await;
    let tag = shown.headers["etag"].to_str().expect("text").to_owned();
    let approve = format!("{path}/approve");
    assert_eq!(problem(&system.post(&approve, &json!({})).await).0, 403);
    assert_eq!(problem(&operator.post(&approve, &json!({})).await).0, 428);
    let active = operator
        .call(Method::POST, &approve, &[("if-match", &tag)], "")
        .await;
    assert_eq!(active.json()["state"], "active");
    assert_eq!(
        problem(
            &operator
                .call(Method::POST, &approve, &[("if-match", &tag)], "")
                .await
        )
        .0,
        412
    );
    assert_eq!(problem(&stranger.get(&path).await).0, 404);
    assert_eq!(
        problem(
            &stranger
                .call(Method::DELETE, &path, &[("if-match", "*")], "")
                .await
        )
        .0,
        404
    );
    assert_eq!(
        stranger.get("/api/v1/webhooks").await.json()["items"],
        json!([])
    );
    assert_eq!(
        operator.get("/api/v1/webhooks").await.json()["items"]
            .as_array()
            .expect("list")
            .len(),
        1
    );
    let shown = operator.get(&path).await;
    assert!(shown.json().get("secret").is_none(), "it is shown once");
    let rotate = format!("{path}/secret");
    assert_eq!(problem(&system.post(&rotate, &json!({})).await).0, 428);
    let tag = active.headers["etag"].to_str().expect("text").to_owned();
    let if_match = [("if-match", tag.as_str())];
    assert_eq!(
        problem(&stranger.call(Method::POST, &rotate, &if_match, "").await).0,
        404
    );
    let rotated = system.call(Method::POST, &rotate, &if_match, "").await;
    assert_eq!(rotated.status, 200);
    assert_ne!(text(&rotated.json(), "/secret"), secret);
    let again = system.call(Method::POST, &rotate, &if_match, "").await;
    assert_eq!(problem(&again).0, 412);
    let active = operator.get(&path).await;
    let tag = active.headers["etag"].to_str().expect("text").to_owned();
    assert_eq!(
        system
            .call(Method::DELETE, &path, &[("if-match", &tag)], "")
            .await
            .status,
        204
    );
    assert_eq!(
        system.get("/api/v1/webhooks/key").await.json()["public_key"],
        "whpk_test"
    );
}

/// The occasion stands beside the event's own fields; neither takes the place of the other, and nothing else stands there.
#[tokio::test]
async fn an_event_has_its_own_fields_and_those_of_its_occasion() {
    let door = Door::open("api-occasion").await;
    let operator = door.operator().await;
    let path = "/api/v1/organisations/events";
    for body in [
        json!({"kind": "dissolve", "organisation": "H99.14", "force": true}),
        json!({"kind": "dissolve", "organisation": "H99.14", "effective": 1}),
        json!({"kind": "dissolve", "organisation": "H99.14", "effective": "soon"}),
        json!({"kind": "dissolve", "decision": "1/QĐ"}),
        json!({"kind": "explode", "organisation": "H99.14"}),
        json!({"effective": "2026-12-01"}),
        json!([]),
    ] {
        let answer = operator.post(path, &body).await;
        assert_eq!(
            problem(&answer),
            (400, "input.invalid".to_owned()),
            "{body}"
        );
    }
    let renamed = json!({"kind": "rename", "organisation": "H99.14", "name": "Sở KHCN", "effective": "2026-11-01",
        "decision": "12/2026/NQ-HĐND", "note": "đổi tên"});
    assert_eq!(operator.post(path, &renamed).await.status, 201);
    let found = operator.get("/api/v1/organisations/H99.14").await.json();
    assert_eq!(found["name"], "Sở KHCN");
}
