//! What an operator does when something is wrong: groups, bulk resends, erasing a content.

use std::time::Duration;

use http::Method;
use lgsp_base::limits;
use serde_json::json;

use super::*;

/// Sends so many documents that nobody fetches, and lets them expire; the ids of the documents.
async fn expired(door: &Door, sender: &Caller, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let sent = sender
            .submit("H99.131", &format!("k{number}"), format!("{number}"))
            .await;
        ids.push(text(&sent.json(), "/id").to_owned());
        door.house.clock.advance(Duration::from_secs(1));
    }
    door.house.clock.advance(limits::DELIVERY_EXPIRY);
    door.house.exchange.expire_due().await.expect("expires");
    ids
}

/// Works the running jobs off.
async fn work(door: &Door) {
    while let Some(wait) = door
        .house
        .exchange
        .resend_step()
        .await
        .expect("works")
        .next_in
    {
        door.house.clock.advance(wait);
    }
}

#[tokio::test]
async fn trouble_is_shown_in_groups_and_sent_again_as_a_job() {
    let door = Door::open("api-resends").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    let other = door.system("H99.132").await;
    let operator = door.operator().await;
    expired(&door, &sender, 3).await;

    let groups = operator
        .get("/api/v1/deliveries/groups?state=expired")
        .await
        .json();
    assert_eq!(
        (&groups["total"], &groups["is_complete"]),
        (&json!(3), &json!(true))
    );
    let group = &groups["items"][0];
    assert_eq!(
        (text(group, "/cause"), text(group, "/to")),
        ("not_fetched", "H99.131")
    );
    assert_eq!(text(group, "/to_name"), "UBND phường Trung Tâm");
    assert_eq!(group["samples"].as_array().expect("samples").len(), 3);
    assert_eq!(
        other.get("/api/v1/deliveries/groups").await.json()["total"],
        0
    );
    let recipient = text(group, "/organisation_id");
    let members = format!("/api/v1/deliveries?recipient_id={recipient}&cause=not_fetched");
    assert_eq!(
        operator.get(&members).await.json()["items"]
            .as_array()
            .expect("items")
            .len(),
        3
    );

    let choice = json!({"cause": "not_fetched", "organisation_id": recipient, "state": "expired"});
    let preview = operator.post("/api/v1/resends?dry_run=true", &choice).await;
    assert_eq!(preview.status, 200);
    assert_eq!(
        preview.json(),
        json!({"matched": 3, "sendable": 3, "expired": 3, "already": 0, "unsendable": 0, "without_system": 0,
            "per_second": 12, "seconds": 1, "is_cut": false})
    );
    let body = choice.to_string();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "press"),
    ];
    let press = || operator.call(Method::POST, "/api/v1/resends", &headers, body.clone());
    let started = press().await;
    assert_eq!(started.status, 202);
    let location = started.headers["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let job = started.json();
    assert_eq!(
        (&job["state"], &job["total"], &job["done"]),
        (&json!("running"), &json!(3), &json!(0))
    );
    assert_eq!(job["eta_seconds"], 1);
    assert_eq!(job["request"]["cause"], "not_fetched");
    let again = press().await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["location"], location.as_str());
    // A second press by another way finds the same deliveries.
    door.house.clock.advance(Duration::from_secs(1));
    let named = json!({"ids": group["samples"]});
    let second = operator.post("/api/v1/resends", &named).await;
    assert_eq!(second.status, 202);
    work(&door).await;
    let done = operator.get(&location).await.json();
    assert_eq!(done["state"], "done");
    assert!(done.get("eta_seconds").is_none());
    let second = operator
        .get(second.headers["location"].to_str().expect("text"))
        .await
        .json();
    // Between them the two jobs sent each once.
    let sum =
        |key: &str| done[key].as_u64().expect("a count") + second[key].as_u64().expect("a count");
    assert_eq!((sum("resent"), sum("already"), sum("failed")), (3, 3, 0));
    let inbox = receiver.get("/api/v1/inbox").await.json();
    assert_eq!(inbox["items"].as_array().expect("items").len(), 3);
    let page = operator
        .get(&format!("{location}/results?page_size=2"))
        .await
        .json();
    assert!(["resent", "already"].contains(&text(&page, "/items/1/outcome")));
    let next = format!(
        "{location}/results?page_size=2&page_token={}",
        text(&page, "/next_page_token")
    );
    assert_eq!(
        operator.get(&next).await.json()["items"]
            .as_array()
            .expect("items")
            .len(),
        1
    );
    assert_eq!(
        operator.get("/api/v1/jobs?page_size=1").await.json()["items"][0]["id"],
        second["id"]
    );
    // Somebody else's job does not exist.
    assert_eq!(
        problem(&sender.get(&location).await),
        (404, "job.unknown".to_owned())
    );
    let ended = operator.call(Method::DELETE, &location, &[], "").await;
    assert_eq!(
        ended.json()["state"],
        "done",
        "what has ended stays as it is"
    );
    let nothing = operator.post("/api/v1/resends", &choice).await;
    assert_eq!(problem(&nothing), (422, "exchange.resend_empty".to_owned()));
}

#[tokio::test]
async fn a_job_is_ended_before_its_end() {
    let door = Door::open("api-cancel").await;
    let sender = door.system("H99.14").await;
    expired(&door, &sender, 5).await;
    let slow = json!({"state": "expired", "per_second": 1});
    let started = sender.post("/api/v1/resends", &slow).await;
    let location = started.headers["location"]
        .to_str()
        .expect("text")
        .to_owned();
    door.house.exchange.resend_step().await.expect("works");
    let ended = sender.call(Method::DELETE, &location, &[], "").await.json();
    assert_eq!(
        (&ended["state"], &ended["resent"]),
        (&json!("cancelled"), &json!(1))
    );
    work(&door).await;
    assert_eq!(sender.get(&location).await.json()["resent"], 1);
    let results = sender.get(&format!("{location}/results")).await.json();
    assert_eq!(text(&results, "/items/0/outcome"), "resent");
    assert_eq!(text(&results, "/items/4/outcome"), "waiting");
}

#[tokio::test]
async fn a_resend_says_what_it_chooses() {
    let door = Door::open("api-resend-input").await;
    let operator = door.operator().await;
    for body in [
        json!({}),
        json!({"per_second": 5}),
        json!({"state": "open"}),
        json!({"state": "waiting"}),
        json!({"state": "dead", "per_second": 0}),
        json!({"state": "dead", "per_second": 501}),
        json!({"ids": ["x"]}),
        json!({"ids": [], "everything": true}),
    ] {
        let answer = operator.post("/api/v1/resends", &body).await;
        assert_eq!(
            problem(&answer),
            (400, "input.invalid".to_owned()),
            "{body}"
        );
    }
    for path in [
        "/api/v1/jobs/x",
        "/api/v1/jobs/x/results",
        "/api/v1/jobs/job_01jqcy4m9ze5b8q6p6b0w7h3tn",
    ] {
        assert_eq!(
            problem(&operator.get(path).await),
            (404, "job.unknown".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_erased_content_is_gone_and_its_metadata_stays() {
    let door = Door::open("api-erase").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    let operator = door.operator().await;
    let sent = sender.submit("H99.131", "k", "personal").await.json();
    let content = format!("/api/v1/documents/{}/content", text(&sent, "/id"));
    let erase = format!("{content}?reason=personal_data");
    let open = operator.call(Method::DELETE, &erase, &[], "").await;
    assert_eq!(problem(&open), (409, "exchange.document_open".to_owned()));
    assert_eq!(
        open.json()["errors"][0]["message"],
        sent["deliveries"][0]["id"]
    );
    let one = json!({"deliveries": [{"id": sent["deliveries"][0]["id"]}]});
    receiver.post("/api/v1/inbox/acknowledge", &one).await;
    for (caller, path, expected) in [
        (&sender, erase.as_str(), (403, "auth.forbidden")),
        (&operator, content.as_str(), (400, "input.invalid")),
        (
            &operator,
            &format!("{content}?reason=tidy"),
            (400, "input.invalid"),
        ),
        (
            &operator,
            "/api/v1/documents/doc_01jqcy4m9ze5b8q6p6b0w7h3tn/content?reason=legal_order",
            (404, "exchange.document_unknown"),
        ),
    ] {
        let answer = caller.call(Method::DELETE, path, &[], "").await;
        assert_eq!(
            problem(&answer),
            (expected.0, expected.1.to_owned()),
            "{path}"
        );
    }
    let erased = operator.call(Method::DELETE, &erase, &[], "").await;
    assert_eq!(
        (erased.status.as_u16(), &erased.json()["reason"]),
        (200, &json!("personal_data"))
    );
    let again = operator.call(Method::DELETE, &erase, &[], "").await;
    assert_eq!(again.body, erased.body);
    for caller in [&sender, &receiver, &operator] {
        assert_eq!(
            problem(&caller.get(&content).await),
            (410, "exchange.document_erased".to_owned())
        );
    }
    let trace = sender.get(text(&sent, "/trace")).await.json();
    assert_eq!(trace["document"]["sha256"], sent["sha256"]);
    assert_eq!(trace["erasure"], erased.json());
    let first = format!("/api/v1/documents/{}/attachments/1", text(&sent, "/id"));
    assert!(problem(&sender.get(&first).await).0 >= 404);
}
