//! The stream of what happens: where it begins, how it ends, and how many there are.

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use lgsp_base::limits;
use lgsp_registry::model::Protocol;

use super::support::{Browser, World, with_world};

const HTTP: &str = "http://127.0.0.1:8088";

fn asking(last: Option<&str>) -> Request<Body> {
    let mut request = Request::get("/su-kien");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    request.body(Body::empty()).expect("a request")
}

/// The next piece of a stream; empty at its end.
async fn piece(body: &mut Body) -> String {
    match body.frame().await {
        Some(frame) => {
            let data = frame.expect("a piece").into_data().expect("data");
            String::from_utf8(data.to_vec()).expect("UTF-8")
        }
        None => String::new(),
    }
}

async fn open(world: &World, browser: &mut Browser, last: Option<&str>) -> Body {
    let (status, headers, body) = browser.open(world, &mut asking(last)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-store");
    body
}

#[test]
fn a_browser_that_comes_back_misses_nothing() {
    with_world("console-events", HTTP, |world| {
        async {
            let mut browser = world.logged_in(&world.operator.clone()).await;
            // Three leaves are sealed; the browser saw the first.
            let mut body = open(world, &mut browser, Some("0")).await;
            let hello = piece(&mut body).await;
            assert!(hello.starts_with("retry: 2000\n"), "{hello}");
            assert!(hello.contains("event: beat\ndata: 1\n\n"), "{hello}");
            for leaf in [1, 2] {
                let text = piece(&mut body).await;
                assert!(text.starts_with(&format!("id: {leaf}\nevent: change\n")));
            }
            // One that saw nothing begins with what comes next, and so does one that saw another ledger.
            for last in [None, Some("99"), Some("none")] {
                let mut body = open(world, &mut browser, last).await;
                assert!(piece(&mut body).await.contains("data: 3\n"), "{last:?}");
            }
            world.quiet.0.send_replace(4);
            assert!(piece(&mut body).await.starts_with("id: 3\n"));
            world.stop.send_replace(true);
            assert_eq!(
                piece(&mut body).await,
                "",
                "a platform that stops ends its streams"
            );
        }
        .boxed()
    });
}

#[test]
fn streams_are_for_visitors_and_bounded() {
    with_world("console-streams", HTTP, |world| {
        async {
            let mut stranger = Browser::default();
            let (status, ..) = stranger.open(world, &mut asking(None)).await;
            assert_eq!(status, StatusCode::SEE_OTHER);
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let mut held = Vec::new();
            for _ in 0..limits::CONSOLE_STREAMS_PER_VISITOR_MAX {
                held.push(open(world, &mut browser, None).await);
            }
            let (status, headers, _) = browser.open(world, &mut asking(None)).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(headers.contains_key("retry-after"));
            held.pop();
            drop(open(world, &mut browser, None).await);
            // It ends after its life, and the browser opens the next where it ended.
            let mut old = held.pop().expect("one");
            piece(&mut old).await;
            world.advance(limits::CONSOLE_STREAM_LIFE.as_secs());
            assert_eq!(piece(&mut old).await, "");
        }
        .boxed()
    });
}

#[test]
fn a_stream_ends_with_its_session_however_much_happens() {
    with_world("console-streams-end", HTTP, |world| {
        async {
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let mut body = open(world, &mut browser, Some("0")).await;
            piece(&mut body).await;
            assert!(piece(&mut body).await.starts_with("id: 1\n"));
            let page = browser.get(world, "/tai-khoan").await;
            browser
                .post(world, "/dang-xuat", &[("csrf", page.csrf())])
                .await;
            // There is always something to send, so the stream is never silent.
            world.advance(limits::EVENT_HEARTBEAT.as_secs());
            assert_eq!(piece(&mut body).await, "");
        }
        .boxed()
    });
}

#[test]
fn one_visitor_leaves_streams_for_the_others() {
    with_world("console-streams-share", HTTP, |world| {
        async {
            let system = world.house.connect("H99.14", Protocol::Rest).await;
            let token = system.token.expect("a token").expose().clone();
            let mut agency = world.logged_in(&token).await;
            let mut held = Vec::new();
            for _ in 0..limits::CONSOLE_STREAMS_PER_VISITOR_MAX {
                held.push(open(world, &mut agency, None).await);
            }
            let (status, ..) = agency.open(world, &mut asking(None)).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            let mut operator = world.logged_in(&world.operator.clone()).await;
            drop(open(world, &mut operator, None).await);
        }
        .boxed()
    });
}
