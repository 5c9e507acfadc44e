//! The table of reliability.md 5.A over real sockets, and the clocks over a pipe with paused time.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::routing::{any, get, post};
use lgsp_base::entropy::SeededEntropy;
use lgsp_base::problem::kinds;
use lgsp_base::time::SystemClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;

/// Answers of the test router: the body's length, an early refusal, a panic, a large answer.
fn router() -> Router {
    Router::new()
        .route(
            "/length",
            any(|request: Request| async move {
                match axum::body::to_bytes(request.into_body(), 64 * 1024 * 1024).await {
                    Ok(bytes) => (axum::http::StatusCode::OK, bytes.len().to_string()),
                    Err(_) => (axum::http::StatusCode::BAD_REQUEST, "broken".to_owned()),
                }
            }),
        )
        .route(
            "/early",
            post(|| async { axum::http::StatusCode::UNAUTHORIZED }),
        )
        .route(
            "/panic",
            get(async || -> &'static str { panic!("planned") }),
        )
        .route("/ok", get(|| async { "ok" }))
        .route(
            "/large",
            get(|| async { Body::from(vec![b'x'; 16 * 1024 * 1024]) }),
        )
}

struct Server {
    address: SocketAddr,
    tasks: Tasks,
    counters: Arc<Counters>,
}

fn listening(connections_max: usize) -> Listening {
    Listening {
        router: router(),
        connections_max,
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SeededEntropy::new(1)),
        counters: Arc::default(),
    }
}

async fn start(connections_max: usize) -> Server {
    let tasks = Tasks::new();
    let listening = listening(connections_max);
    let counters = listening.counters.clone();
    let bound = bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = bound.address();
    tasks.spawn("listener", serve(bound, listening, tasks.clone()));
    Server {
        address,
        tasks,
        counters,
    }
}

impl Server {
    /// Sends bytes on a new connection and reads until the server closes it (or `Connection: close` made it).
    async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut socket = TcpStream::connect(self.address).await.expect("connects");
        let (mut read, mut write) = socket.split();
        let send = async {
            // The server may close before everything is sent.
            drop(write.write_all(bytes.as_ref()).await);
        };
        let mut answer = Vec::new();
        let receive = async {
            drop(read.read_to_end(&mut answer).await);
        };
        tokio::time::timeout(Duration::from_secs(10), async {
            tokio::join!(send, receive)
        })
        .await
        .expect("the server closes the connection");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn statuses(answer: &str) -> Vec<&str> {
    answer
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|part| &part[..3])
        .filter(|status| status.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

const CLOSE: &str = "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn refusals_have_a_status_a_code_and_close_the_connection() {
    let server = start(64).await;
    let post =
        |lines: &str, body: &str| format!("POST /length HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}");
    let chunked = |body: &str| post("Transfer-Encoding: chunked\r\n", body);
    for (id, request, status, code) in [
        (
            "HT01",
            post(
                "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            "400",
            "http.framing",
        ),
        (
            "HT02",
            post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"),
            "400",
            "http.framing",
        ),
        (
            "HT04",
            post("Content-Length: +3\r\n", "abc"),
            "400",
            "http.framing",
        ),
        (
            "HT05",
            post("Content-Length: 18446744073709551621\r\n", "abc"),
            "400",
            "http.framing",
        ),
        (
            "HT07",
            post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
            "400",
            "http.syntax",
        ),
        (
            "HT08",
            post(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                "",
            ),
            "400",
            "http.framing",
        ),
        (
            "HT10",
            chunked("0x5\r\nhello\r\n0\r\n\r\n"),
            "400",
            "http.framing",
        ),
        (
            "HT10",
            chunked("5 \r\nhello\r\n0\r\n\r\n"),
            "400",
            "http.framing",
        ),
        (
            "HT11",
            chunked("5\nhello\r\n0\r\n\r\n"),
            "400",
            "http.framing",
        ),
        (
            "HT11",
            chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"),
            "400",
            "http.framing",
        ),
        (
            "HT11",
            chunked("5\r\nhello\rX0\r\n\r\n"),
            "400",
            "http.framing",
        ),
        ("HT11", chunked("0\r\nX: 1\n\r\n"), "400", "http.framing"),
        (
            "HT13",
            chunked(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(65536))),
            "400",
            "http.framing",
        ),
        ("HT16", post("X : 1\r\n", ""), "400", "http.syntax"),
        ("HT17", post("X: a\0b\r\n", ""), "400", "http.syntax"),
        (
            "HT19",
            "GET /ok HTTP/1.1\r\n\r\n".into(),
            "400",
            "http.host",
        ),
        (
            "HT19",
            "GET /ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(),
            "400",
            "http.host",
        ),
        (
            "HT20",
            "GET http://b/ok HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            "400",
            "http.host",
        ),
        (
            "HT22",
            "get /ok HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            "400",
            "http.syntax",
        ),
        (
            "HT22",
            format!("{} /ok HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(8192)),
            "400",
            "http.syntax",
        ),
        (
            "HT22",
            "TRACE /ok HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            "405",
            "http.method",
        ),
        (
            "HT22",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            "405",
            "http.method",
        ),
        (
            "HT23",
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "u".repeat(65536)),
            "414",
            "http.target_too_long",
        ),
        (
            "HT23",
            "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            "400",
            "http.syntax",
        ),
        (
            "HT25",
            post(&"X: 1\r\n".repeat(101), ""),
            "431",
            "http.head_too_large",
        ),
        (
            "HT25",
            post(&format!("X: {}\r\n", "v".repeat(65536)), ""),
            "431",
            "http.head_too_large",
        ),
        (
            "HT25",
            post(&format!("X: {}\r\n", "v".repeat(1 << 20)), ""),
            "431",
            "http.head_too_large",
        ),
        (
            "HT28",
            post("Expect: 100-continue, x\r\nContent-Length: 3\r\n", "abc"),
            "417",
            "http.expectation",
        ),
        (
            "HT35",
            post("Connection: Authorization\r\n", ""),
            "400",
            "http.connection",
        ),
        (
            "HT44",
            post(&"Cookie: a=b; ".repeat(6000), ""),
            "431",
            "http.head_too_large",
        ),
        (
            "neighbour",
            "GET /ok HTTP/1.1\nHost: a\n\n".into(),
            "400",
            "http.syntax",
        ),
        (
            "neighbour",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(),
            "400",
            "http.syntax",
        ),
        (
            "neighbour",
            "\x16\x03\x01\x02\x00\r\n\r\n".into(),
            "400",
            "http.syntax",
        ),
        (
            "neighbour",
            "LGSP-REFUSED / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            "400",
            "http.syntax",
        ),
    ] {
        let answer = server.say(&request).await;
        let seen = statuses(&answer);
        assert_eq!(seen, [status], "{id} {request:.60?}\n{answer}");
        assert!(
            answer.contains(&format!("\"code\":\"{code}\"")),
            "{id} {request:.60?}\n{answer}"
        );
        assert!(answer.contains("application/problem+json"), "{id}");
        assert!(
            answer.to_ascii_lowercase().contains("connection: close"),
            "{id}"
        );
    }
    assert!(server.say(CLOSE).await.ends_with("ok"), "the canary sings");
}

#[tokio::test]
async fn what_is_allowed_passes_and_messages_do_not_run_together() {
    let server = start(64).await;
    let trailer = "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n0\r\nAuthorization: x\r\n\r\n";
    let answer = server.say(format!("{trailer}{CLOSE}")).await;
    assert_eq!(statuses(&answer), ["200", "200"], "HT14 {answer}");

    let expect =
        "POST /length HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc";
    let answer = server.say(format!("{expect}{CLOSE}")).await;
    assert!(
        matches!(*statuses(&answer), ["100", "200", "200"] | ["200", "200"]),
        "HT28 {answer}"
    );

    let upgrade = "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x01\x02\x03\r\n\r\n";
    let answer = server.say(upgrade).await;
    assert_eq!(
        statuses(&answer),
        ["200", "400"],
        "HT29: not upgraded, and the bytes behind are no request {answer}"
    );

    for method in ["GET", "OPTIONS", "DELETE"] {
        let request =
            format!("{method} /length HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /");
        let answer = server.say(format!("{request}{CLOSE}")).await;
        assert_eq!(statuses(&answer), ["200", "200"], "HT31 {method} {answer}");
    }
    let answer = server
        .say("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /ok HTTP/1.1\r\n")
        .await;
    assert_eq!(statuses(&answer), ["401"], "HT32");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_up_to_the_bad_one() {
    let server = start(64).await;
    let good = |size: usize| {
        format!(
            "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n{}",
            "x".repeat(size)
        )
    };
    let mut all: String = (0..50).map(good).collect();
    all.push_str("GET /ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    all.extend((0..50).map(good));
    let answer = server.say(all).await;
    let seen = statuses(&answer);
    assert_eq!(seen.len(), 51, "HT34 {seen:?}");
    assert!(seen[..50].iter().all(|status| *status == "200") && seen[50] == "400");
    for size in 0..50 {
        assert!(
            answer.contains(&format!("\r\n\r\n{size}HTTP/1.1")),
            "{size}"
        );
    }
}

#[tokio::test]
async fn any_split_of_the_bytes_gives_the_same_answers() {
    let server = start(256).await;
    let all = format!(
        "\r\nPOST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n{CLOSE}"
    );
    let expected = statuses(&server.say(&all).await).join(" ");
    assert_eq!(expected, "200 200");
    for split in (0..all.len()).step_by(3) {
        let mut socket = TcpStream::connect(server.address).await.expect("connects");
        socket.set_nodelay(true).expect("an option");
        socket
            .write_all(&all.as_bytes()[..split])
            .await
            .expect("first part");
        tokio::task::yield_now().await;
        socket
            .write_all(&all.as_bytes()[split..])
            .await
            .expect("second part");
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(statuses(&answer).join(" "), expected, "split at {split}");
    }
}

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_still_sends() {
    let server = start(64).await;
    let body = "x".repeat(8 * 1024 * 1024);
    let answer = server
        .say(format!(
            "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    assert_eq!(statuses(&answer), ["401"]);
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let server = start(64).await;
    let answer = server.say("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&answer), ["500"]);
    assert!(answer.contains("system.internal"));
    assert!(server.say(CLOSE).await.ends_with("ok"));
    assert_eq!(server.counters.panics.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn idle_connections_make_room() {
    let server = start(8).await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(TcpStream::connect(server.address).await.expect("connects"));
    }
    assert!(server.say(CLOSE).await.ends_with("ok"));
    assert!(server.counters.evicted.load(Ordering::Relaxed) >= 32);
    assert!(server.counters.open.load(Ordering::Relaxed) <= 9);
}

#[tokio::test]
async fn a_newcomer_that_finds_every_place_busy_is_told_to_come_back() {
    let server = start(1).await;
    let mut busy = TcpStream::connect(server.address).await.expect("connects");
    busy.write_all(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n")
        .await
        .expect("a head");
    let mut seen = [0u8; 12];
    busy.read_exact(&mut seen).await.expect("the handler works");
    assert_eq!(&seen, b"HTTP/1.1 100");
    let answer = server.say(CLOSE).await;
    assert_eq!(statuses(&answer), ["503"]);
    assert!(answer.contains("\r\nretry-after: 5\r\n"), "{answer}");
    assert!(answer.contains("\"code\":\"system.busy\""), "{answer}");
    busy.write_all(b"abc").await.expect("a body");
    let mut rest = String::new();
    busy.read_to_string(&mut rest).await.expect("an answer");
    assert!(rest.ends_with('3'), "{rest}");
    while server.counters.open.load(Ordering::Relaxed) > 0 {
        tokio::task::yield_now().await;
    }
    assert!(server.say(CLOSE).await.ends_with("ok"));
}

#[tokio::test]
async fn a_refused_head_is_answered_in_its_language() {
    let server = start(64).await;
    let refused = |fields: &str| {
        format!("POST /length HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: +3\r\n\r\nabc")
    };
    for (fields, title) in [
        ("", kinds::HTTP_FRAMING.title_vi),
        (
            "Accept-Language: vi, en;q=0.5\r\n",
            kinds::HTTP_FRAMING.title_vi,
        ),
        (
            "accept-LANGUAGE: en-GB,vi;q=0.3\r\n",
            kinds::HTTP_FRAMING.title_en,
        ),
    ] {
        let answer = server.say(refused(fields)).await;
        assert_eq!(statuses(&answer), ["400"], "{fields}");
        assert!(answer.contains(title), "{fields} {answer}");
    }
}

#[tokio::test]
async fn shutdown_finishes_what_is_open() {
    let server = start(8).await;
    let mut socket = TcpStream::connect(server.address).await.expect("connects");
    socket
        .write_all(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        .await
        .expect("the head");
    let mut word = [0u8; 12];
    socket.read_exact(&mut word).await.expect("100");
    server.tasks.stop();
    socket.write_all(b"abc").await.expect("the body");
    let mut answer = String::new();
    socket
        .read_to_string(&mut answer)
        .await
        .expect("the answer");
    assert!(answer.contains("200 OK"), "{answer}");
    server.tasks.join(Duration::from_secs(5)).await;
    assert!(TcpStream::connect(server.address).await.is_err());
}

/// A guarded pipe served by the test router, in paused time.
fn piped(capacity: usize) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let (client, socket) = tokio::io::duplex(capacity);
    let verdict = Arc::new(Verdict::default());
    let io = TokioIo::new(Guard::new(socket, verdict.clone(), Instant::now()));
    let service = Service::new(listening(1), verdict, None);
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(io, service);
    #[expect(clippy::disallowed_methods, reason = "a test waits for its end")]
    let ended = tokio::spawn(async move {
        drop(connection.await);
    });
    (client, ended)
}

async fn rest_of(client: &mut DuplexStream) -> String {
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("the end");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(start_paused = true)]
async fn slow_heads_and_bodies_are_cut() {
    let (mut client, _) = piped(65536);
    let began = Instant::now();
    client
        .write_all(b"GET /ok HTTP/1.1\r\nHost: a\r\nX: ")
        .await
        .expect("part of a head");
    let answer = rest_of(&mut client).await;
    assert!(
        answer.contains(" 408 ") && answer.contains("http.timeout"),
        "HT25 {answer}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(13),
        "{:?}",
        began.elapsed()
    );

    let (mut client, _) = piped(65536);
    let began = Instant::now();
    client
        .write_all(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        .await
        .expect("a head");
    let answer = rest_of(&mut client).await;
    assert!(answer.contains(" 408 "), "HT26 no body {answer}");
    assert!(
        began.elapsed() < Duration::from_secs(33),
        "{:?}",
        began.elapsed()
    );

    let (mut client, _) = piped(65536);
    let began = Instant::now();
    client
        .write_all(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n")
        .await
        .expect("a head");
    let mut sent = 0;
    while sent < 300
        && client.write_all(b"0123456789").await.is_ok()
        && began.elapsed() < Duration::from_secs(61)
    {
        sent += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let answer = rest_of(&mut client).await;
    assert!(answer.contains(" 408 "), "HT26 trickle {answer}");
    assert!(
        began.elapsed() < Duration::from_secs(65),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_steady_body_may_take_long_and_idle_connections_end() {
    let (mut client, _) = piped(65536);
    client
        .write_all(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n")
        .await
        .expect("a head");
    for _ in 0..200 {
        client.write_all(&[b'x'; 2000]).await.expect("goes on");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut answer = [0u8; 15];
    client.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let began = Instant::now();
    rest_of(&mut client).await;
    let idle = began.elapsed().as_secs();
    assert!((70..=76).contains(&idle), "{idle}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_left() {
    let (mut client, ended) = piped(1024);
    let began = Instant::now();
    client
        .write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("a request");
    ended.await.expect("the connection ends");
    let waited = began.elapsed().as_secs();
    assert!((59..=62).contains(&waited), "HT43 {waited}");
}
