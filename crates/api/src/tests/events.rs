//! The stream of events: complete, in order, to whom it concerns, and no longer than it may.

use futures_util::{FutureExt, StreamExt};
use lgsp_base::limits;
use serde_json::json;

use super::*;

/// An open stream.
struct Stream {
    body: axum::body::BodyDataStream,
}

impl Caller {
    async fn follow(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        let answer = self.head(Method::GET, path, headers, Body::empty()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut stream = Stream {
            body: answer.into_body().into_data_stream(),
        };
        assert_eq!(stream.part().await.expect("a greeting"), "retry: 2000\n\n");
        stream
    }
}

impl Stream {
    /// The next part; none at the end.
    async fn part(&mut self) -> Option<String> {
        let part = self.body.next().await?.expect("no error");
        Some(String::from_utf8(part.to_vec()).expect("text"))
    }

    /// The events of the next part.
    async fn events(&mut self) -> Vec<Value> {
        let part = self.part().await.expect("the stream is open");
        part.split_terminator("\n\n")
            .map(|message| {
                let (id, data) = message.split_once('\n').expect("two lines");
                let event: Value =
                    serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("json");
                assert_eq!(id, format!("id: {}", text(&event, "/id")));
                event
            })
            .collect()
    }

    /// True if nothing comes without waiting.
    fn is_silent(&mut self) -> bool {
        self.body.next().now_or_never().is_none()
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| text(event, "/type")).collect()
}

#[tokio::test]
async fn events_come_to_whom_they_concern_and_a_client_that_comes_back_misses_none() {
    let door = Door::open("api-events").await;
    let sender = door.system("H99.14").await;
    let receiver = door.system("H99.131").await;
    let other = door.system("H99.132").await;
    let operator = door.operator().await;
    door.ledger.seal().await.expect("sealed");
    let path = "/api/v1/events";
    let mut all = operator.follow(path, &[]).await;
    let mut sent = sender.follow(path, &[]).await;
    let mut received = receiver.follow(path, &[]).await;
    let mut foreign = other.follow(path, &[]).await;
    assert!(
        all.is_silent() && sent.is_silent(),
        "what was before is not told"
    );

    let two = "/api/v1/documents?to=H99.131&to=H99.132&subject=x";
    let headers = [("content-type", "text/plain"), ("idempotency-key", "k")];
    let document = sender.call(Method::POST, two, &headers, "x").await.json();
    let alone = sender.submit("H99.131", "k2", "y").await.json();
    door.ledger.seal().await.expect("sealed");
    let events = all.events().await;
    assert_eq!(
        kinds(&events),
        ["lgsp.document.accepted", "lgsp.document.accepted"]
    );
    let first = &events[0];
    assert_eq!(
        (
            text(first, "/specversion"),
            text(first, "/source"),
            text(first, "/datacontenttype")
        ),
        ("1.0", "//ledger.binhan.example/ledger", "application/json")
    );
    assert_eq!(first["subject"], document["id"]);
    assert_eq!(
        first["data"]["deliveries"]
            .as_array()
            .expect("deliveries")
            .len(),
        2
    );
    assert_eq!(sent.events().await, events);
    let own = received.events().await;
    assert_eq!(own.len(), 2);
    assert_eq!(
        own[0]["data"]["deliveries"]
            .as_array()
            .expect("deliveries")
            .len(),
        1
    );
    assert_eq!(foreign.events().await.len(), 1, "only what it gets itself");

    // A client that comes back names what it saw last.
    let last = text(first, "/id");
    let mut back = operator.follow(path, &[("last-event-id", last)]).await;
    assert_eq!(back.events().await, events[1..]);
    let mut back = operator.follow(&format!("{path}?after={last}"), &[]).await;
    assert_eq!(back.events().await[0]["subject"], alone["id"]);
    let mut whole = operator.follow(&format!("{path}?after=-1"), &[]).await;
    let told = whole.events().await;
    assert_eq!(text(&told[0], "/id"), "0");
    assert_eq!(told.last(), events.last());
    // A log that was set back is not waited for.
    let mut ahead = operator.follow(path, &[("last-event-id", "99999")]).await;
    assert!(ahead.is_silent());
    receiver
        .post(
            "/api/v1/inbox/acknowledge",
            &json!({"deliveries": [{"id": document["deliveries"][0]["id"]}]}),
        )
        .await;
    door.ledger.seal().await.expect("sealed");
    for stream in [&mut all, &mut ahead, &mut sent] {
        assert_eq!(kinds(&stream.events().await), ["lgsp.delivery.confirmed"]);
    }
    for bad in ["?after=-2", "?after=x", "?since=1"] {
        let answer = operator.get(&format!("{path}{bad}")).await;
        assert_eq!(problem(&answer), (400, "input.invalid".to_owned()), "{bad}");
    }
    let answer = operator
        .call(Method::GET, path, &[("last-event-id", "x")], "")
        .await;
    assert_eq!(problem(&answer).0, 400);
}

/// More than a page holds: every leaf once, in order.
#[tokio::test]
async fn a_long_history_comes_page_by_page() {
    let door = Door::open("api-events-pages").await;
    let sender = door.system("H99.14").await;
    let operator = door.operator().await;
    let count = limits::EVENTS_AT_ONCE * 2 + 10;
    for number in 0..count {
        sender.submit("H99.131", &format!("k{number}"), "x").await;
    }
    while door.ledger.seal().await.expect("sealed").is_some() {}
    let mut stream = operator.follow("/api/v1/events?after=-1", &[]).await;
    let mut ids: Vec<u64> = Vec::new();
    while ids.len() < count {
        let events = stream.events().await;
        assert!(events.len() <= limits::EVENTS_AT_ONCE);
        ids.extend(
            events
                .iter()
                .map(|event| text(event, "/id").parse::<u64>().expect("a leaf")),
        );
    }
    assert_eq!(ids, (0..ids.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_ends_with_its_credential_and_with_the_platform() {
    let door = Door::open("api-events-end").await;
    let sender = door.system("H99.14").await;
    let operator = door.operator().await;
    let mut stream = sender.follow("/api/v1/events", &[]).await;
    let mut other = operator.follow("/api/v1/events", &[]).await;
    let systems = operator.get("/api/v1/systems").await.json();
    let system = text(&systems, "/items/0/id").to_owned();
    let path = format!("/api/v1/systems/{system}");
    let tag = operator.get(&path).await.headers["etag"]
        .to_str()
        .expect("text")
        .to_owned();
    let closed = operator
        .call(Method::DELETE, &path, &[("if-match", &tag)], "")
        .await;
    assert_eq!(closed.status, 204);
    door.ledger.seal().await.expect("sealed");
    assert!(stream.part().await.is_none());
    assert_eq!(
        kinds(&other.events().await).last(),
        Some(&"lgsp.system.closed")
    );
    door.state.close_streams();
    assert!(other.part().await.is_none());
}

#[tokio::test]
async fn streams_are_counted() {
    let door = Door::open("api-events-limit").await;
    let operator = door.operator().await;
    let mut open = Vec::new();
    for _ in 0..limits::EVENT_STREAMS_PER_CALLER_MAX {
        open.push(operator.follow("/api/v1/events", &[]).await);
    }
    let answer = operator.get("/api/v1/events").await;
    assert_eq!(problem(&answer), (429, "events.limit".to_owned()));
    assert!(answer.headers.contains_key("retry-after"));
    open.pop();
    operator.follow("/api/v1/events", &[]).await;
}
