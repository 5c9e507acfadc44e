//! WH01–WH05: what may be proposed, and what a connection may reach.

use std::io;
use std::net::IpAddr;
use std::sync::Mutex;

use futures_util::future::BoxFuture;

use super::*;

#[derive(Debug)]
struct Names(Mutex<Vec<Vec<IpAddr>>>);

impl Names {
    fn answering(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |list: &&[&str]| list.iter().map(|ip| ip.parse().expect("ip")).collect();
        Arc::new(Self(Mutex::new(answers.iter().rev().map(parse).collect())))
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let answer = self.0.lock().expect("lock").pop().unwrap_or_default();
        Box::pin(async move { Ok(answer) })
    }
}

fn outbound(allowed: &[&str], resolver: Arc<dyn Resolve>) -> Outbound {
    let config = OutboundConfig {
        allowed: allowed.iter().map(|e| e.parse().expect("entry")).collect(),
        own: vec!["127.0.0.1:9100".parse().expect("address")],
        roots_pem: None,
    };
    Outbound::new(config, resolver).expect("client")
}

#[test]
fn forbidden_targets_are_refused_when_proposed() {
    let client = outbound(&[], Arc::new(SystemResolver));
    let hosts = [
        "127.0.0.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.1",
        "192.168.1.1",
        "100.64.0.1",
        "[fc00::1]",
        "[fd12::1]",
        "[fe80::1]",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "localhost",
        "localhost.",
        "a.localhost",
        "[64:ff9b::7f00:1]",
        "[::127.0.0.1]",
        "[2002:7f00:1::]",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "printer",
        "xn--fa-hia.de",
        "a..b",
        "-a.vn",
        "[ff02::1]",
        "[::ffff:10.0.0.1]",
        "1.2.3.4.",
    ];
    for host in hosts {
        for url in [
            format!("https://{host}/hook"),
            format!("https://{host}:8443/"),
        ] {
            assert_eq!(
                client.check_url(&url).expect_err(&url).code(),
                "url.forbidden",
                "{url}"
            );
        }
    }
    for url in [
        "file:///etc/passwd",
        "gopher://a.vn/",
        "ftp://a.vn/",
        "dict://a.vn/",
        "data:text/plain,x",
        "unix:/run/x.sock",
        "https://u:p@a.vn/",
        "https://a.vn#@b.vn/",
        "https://a.vn\\@b.vn/",
        "https://a。vn/",
        "https://a.vn:22/",
        "https://a.vn:6379/",
        "http://a.vn/",
        "https://a.vn:0/",
        "https://a.vn:99999/",
        "https://a.vn:+443/",
        "https:///x",
        "//a.vn/",
        "https://a.vn/ x",
        "https://a.vn/\r\nX: y",
        "",
    ] {
        assert_eq!(
            client.check_url(url).expect_err(url).code(),
            "url.forbidden",
            "{url}"
        );
    }
    for url in [
        "https://qlvb.example.vn/hook?x=1",
        "HTTPS://qlvb.example.vn:8443",
    ] {
        assert_eq!(client.check_url(url), Ok(()), "{url}");
    }
}

#[test]
fn the_allow_list_opens_what_it_names_and_no_more() {
    let client = outbound(
        &[
            "10.1.0.0/16:8443",
            "127.0.0.0/8",
            "qlvb.snv.vn:8080",
            "[fd00::/8]",
        ],
        Arc::new(SystemResolver),
    );
    for url in [
        "http://10.1.9.9:8443/",
        "http://127.0.0.1:5000/",
        "http://qlvb.snv.vn:8080/a",
        "http://[fd12::5]/",
    ] {
        assert_eq!(client.check_url(url), Ok(()), "{url}");
    }
    for url in [
        "http://10.1.9.9:8444/",
        "http://10.2.0.1:8443/",
        "http://127.0.0.1:9100/",
        "http://[fe80::5]/",
    ] {
        assert!(client.check_url(url).is_err(), "{url}");
    }
    for bad in ["10.0.0.0/33", "a b", "", "1.2.3.4:x", "127.1"] {
        assert!(bad.parse::<AllowEntry>().is_err(), "{bad}");
    }
}

async fn post(client: &Outbound, url: &str) -> Result<Answer, CallError> {
    client
        .post(
            url,
            HeaderMap::new(),
            Bytes::from_static(b"x"),
            Duration::from_secs(5),
            1024,
        )
        .await
}

#[tokio::test]
async fn a_name_is_judged_by_its_address_at_the_connection() {
    let cases: [&[&str]; 4] = [
        &["127.0.0.1"],
        &["10.0.0.7"],
        &["203.0.114.5", "10.0.0.7"],
        &["169.254.169.254"],
    ];
    for addresses in cases {
        let client = outbound(&[], Names::answering(&[addresses]));
        let error = post(&client, "https://rebind.example.vn/")
            .await
            .expect_err("refused");
        assert!(
            matches!(error, CallError::Forbidden(_)),
            "{addresses:?}: {error}"
        );
    }
    // A listed name may lead to a private address but never to this machine.
    let client = outbound(
        &["rebind.example.vn:443"],
        Names::answering(&[&["127.0.0.1"]]),
    );
    let error = post(&client, "https://rebind.example.vn/")
        .await
        .expect_err("refused");
    assert!(matches!(error, CallError::Forbidden(_)), "{error}");
}

#[tokio::test]
async fn redirects_are_not_followed_and_answers_are_capped() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("bind");
    let address = listener.local_addr().expect("address");
    let client = outbound(&["127.0.0.1"], Arc::new(SystemResolver));
    let url = format!("http://{address}/hook");
    let serve = async {
        for head in [
            "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n",
        ] {
            let (mut stream, _) = listener.accept().await.expect("accept");
            let mut buffer = [0u8; 4096];
            let _read = stream.read(&mut buffer).await.expect("read");
            let answer = format!("{head}Connection: close\r\n\r\n{}", "y".repeat(4000));
            // The client hangs up once it has seen enough.
            let _written = stream.write_all(answer.as_bytes()).await;
        }
    };
    let call = async {
        assert_eq!(post(&client, &url).await.expect("answer").status, 302);
        assert!(matches!(
            post(&client, &url).await,
            Err(CallError::AnswerTooLarge(1024))
        ));
    };
    tokio::join!(serve, call);
}

/// Answers each connection with the next of these, and gives what was asked.
async fn serving(listener: &tokio::net::TcpListener, answers: &[String]) -> Vec<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut asked = Vec::new();
    for answer in answers {
        let (mut stream, _) = listener.accept().await.expect("accept");
        let mut buffer = [0u8; 4096];
        let read = stream.read(&mut buffer).await.expect("read");
        asked.push(String::from_utf8_lossy(&buffer[..read]).into_owned());
        // The client hangs up once it has seen enough.
        let _written = stream.write_all(answer.as_bytes()).await;
    }
    asked
}

const LIMITS: StreamLimits = StreamLimits {
    head_timeout: Duration::from_secs(5),
    idle_timeout: Duration::from_secs(5),
    deadline: Duration::from_secs(10),
    bytes_max: 1024,
};

async fn read_all(answer: StreamedAnswer) -> Result<usize, CallError> {
    use futures_util::TryStreamExt;
    let mut pieces = answer.body;
    let mut total = 0;
    while let Some(piece) = pieces.try_next().await? {
        total += piece.len();
    }
    Ok(total)
}

#[tokio::test]
async fn a_file_passes_in_pieces_under_a_cap() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("bind");
    let url = format!("http://{}/tep", listener.local_addr().expect("address"));
    let client = outbound(&["127.0.0.1"], Arc::new(SystemResolver));
    let chunk = format!("200\r\n{}\r\n", "y".repeat(512));
    let answers = [
        format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1024\r\n\r\n{}",
            "y".repeat(1024)
        ),
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1025\r\n\r\n".to_owned(),
        format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
            chunk.repeat(3)
        ),
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nabc".to_owned(),
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ];
    let calls = async {
        let open = || client.open(&url, HeaderMap::new(), LIMITS);
        let whole = open().await.expect("answer");
        assert_eq!(whole.status, 200);
        assert_eq!(read_all(whole).await.expect("whole"), 1024);
        let announced = open().await.expect_err("too large");
        assert!(matches!(announced, CallError::AnswerTooLarge(1024)));
        let unannounced = read_all(open().await.expect("answer")).await;
        assert!(matches!(unannounced, Err(CallError::AnswerTooLarge(1024))));
        let broken = read_all(open().await.expect("answer")).await;
        assert!(matches!(broken, Err(CallError::Failed(_))), "{broken:?}");
        let missing = client
            .get(&url, HeaderMap::new(), Duration::from_secs(5), 10)
            .await;
        assert_eq!(missing.expect("answer").status, 404);
    };
    let (asked, ()) = tokio::join!(serving(&listener, &answers), calls);
    assert!(
        asked
            .iter()
            .all(|head| head.starts_with("GET /tep HTTP/1.1\r\n"))
    );
}

#[tokio::test]
async fn a_file_that_stops_coming_ends_by_its_deadlines() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("bind");
    let url = format!("http://{}/tep", listener.local_addr().expect("address"));
    let client = outbound(&["127.0.0.1"], Arc::new(SystemResolver));
    let short = Duration::from_millis(50);
    let stalling = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.expect("accept");
            let mut buffer = [0u8; 4096];
            let _read = stream.read(&mut buffer).await.expect("read");
            if open.is_empty() {
                let part = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
                stream.write_all(part.as_bytes()).await.expect("write");
            }
            open.push(stream);
        }
    };
    let calls = async {
        let quiet = StreamLimits {
            idle_timeout: short,
            ..LIMITS
        };
        let answer = client.open(&url, HeaderMap::new(), quiet).await;
        let stalled = read_all(answer.expect("answer")).await;
        assert!(matches!(stalled, Err(CallError::Timeout(by)) if by == short));
        let headless = StreamLimits {
            head_timeout: short,
            ..LIMITS
        };
        let silent = client.open(&url, HeaderMap::new(), headless).await;
        assert!(matches!(silent, Err(CallError::Timeout(by)) if by == short));
    };
    tokio::select! {
        () = stalling => {}
        () = calls => {}
    }
    let forbidden = outbound(&[], Arc::new(SystemResolver))
        .open(&url, HeaderMap::new(), LIMITS)
        .await;
    assert!(matches!(forbidden, Err(CallError::Forbidden(_))));
}
