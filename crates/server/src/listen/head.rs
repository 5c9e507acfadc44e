//! Judges one request head before the HTTP library sees it (RFC 9112, RFC 9110; reliability.md table 5.A).
//!
//! The library behind it is tolerant in places where two parsers may disagree. This one accepts exactly one reading: what
//! passes has one framing, one host, no control character, and no field that a connection may not name.

use lgsp_base::limits::{HTTP_HEADERS_MAX, HTTP_TARGET_BYTES_MAX};
use lgsp_base::problem::{ProblemKind, kinds};

/// Longest method name.
const METHOD_BYTES_MAX: usize = 32;
/// Options that `Connection` may name: they concern the connection itself and nothing that a handler reads.
const CONNECTION_OPTIONS: [&str; 5] = ["close", "keep-alive", "upgrade", "http2-settings", "te"];
/// Fields that decide who asks and what is sent: a second one would leave the choice to the reader.
const SINGLE_FIELDS: [&str; 6] = [
    "authorization",
    "content-type",
    "content-encoding",
    "idempotency-key",
    "if-match",
    "range",
];

/// How the bytes behind a head are delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Exactly so many bytes; zero without a body.
    Length(u64),
    /// Chunks and trailers.
    Chunked,
}

/// Why a head is refused, with the place for the detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The catalogue entry.
    pub(crate) kind: &'static ProblemKind,
    /// What exactly, in English; no echo of the input.
    pub(crate) detail: &'static str,
}

impl Refusal {
    pub(crate) const fn new(kind: &'static ProblemKind, detail: &'static str) -> Self {
        Self { kind, detail }
    }
}

const fn syntax(detail: &'static str) -> Refusal {
    Refusal::new(&kinds::HTTP_SYNTAX, detail)
}

const fn framing(detail: &'static str) -> Refusal {
    Refusal::new(&kinds::HTTP_FRAMING, detail)
}

const fn host(detail: &'static str) -> Refusal {
    Refusal::new(&kinds::HTTP_HOST, detail)
}

/// Where the head ends: the index behind its empty line, once that is there.
///
/// `from` is where the last search stopped, so that a head coming byte by byte costs no more than one pass.
pub(crate) fn find_end(bytes: &[u8], from: usize) -> Option<usize> {
    let start = from.saturating_sub(3);
    let tail = bytes.get(start..)?;
    tail.windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|index| start + index + 4)
}

/// True if a line behind `from` ends in a bare LF: it can never become a valid head, and the client need not wait for the
/// timeout to hear it.
pub(crate) fn has_bare_line_feed(bytes: &[u8], from: usize) -> bool {
    let mut last = from
        .checked_sub(1)
        .and_then(|index| bytes.get(index))
        .copied()
        .unwrap_or(0);
    bytes.get(from..).unwrap_or_default().iter().any(|byte| {
        let is_bare = *byte == b'\n' && last != b'\r';
        last = *byte;
        is_bare
    })
}

/// Reads a whole head, its empty line included, and says how its body is framed.
pub(crate) fn judge(head: &[u8]) -> Result<Framing, Refusal> {
    let text = head
        .strip_suffix(b"\r\n\r\n")
        .ok_or(syntax("the head has no end"))?;
    let mut lines = Lines { rest: Some(text) };
    let request = judge_request_line(lines.next().unwrap_or(Ok(&[]))?)?;
    let mut fields = Fields::default();
    for line in lines {
        fields.add(line?)?;
    }
    fields.finish(&request)
}

/// Splits at CRLF; a bare CR or LF is an error.
struct Lines<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
            return Some(Ok(rest));
        };
        let (line, behind) = rest.split_at_checked(end)?;
        match behind.strip_prefix(b"\r\n") {
            Some(next) => {
                self.rest = Some(next);
                Some(Ok(line))
            }
            None => Some(Err(syntax("a line does not end in CR LF"))),
        }
    }
}

/// What the fields are compared with.
struct RequestLine<'a> {
    is_http_10: bool,
    /// The authority of a target in absolute form.
    authority: Option<&'a [u8]>,
}

fn judge_request_line(line: &[u8]) -> Result<RequestLine<'_>, Refusal> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(syntax("the request line is not method, target and version"));
    };
    let is_http_10 = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        _ => return Err(syntax("the version is not HTTP/1.1 or HTTP/1.0")),
    };
    if method.is_empty()
        || method.len() > METHOD_BYTES_MAX
        || !method
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || *byte == b'-')
    {
        return Err(syntax("the method is not a word in capital letters"));
    }
    if matches!(method, b"TRACE" | b"TRACK" | b"CONNECT") {
        return Err(Refusal::new(
            &kinds::HTTP_METHOD,
            "this method is not served",
        ));
    }
    if method == super::refusal::METHOD.as_bytes() {
        return Err(syntax("the method is reserved"));
    }
    Ok(RequestLine {
        is_http_10,
        authority: judge_target(method, target)?,
    })
}

fn judge_target<'a>(method: &[u8], target: &'a [u8]) -> Result<Option<&'a [u8]>, Refusal> {
    if target.len() > HTTP_TARGET_BYTES_MAX {
        return Err(Refusal::new(
            &kinds::HTTP_TARGET_TOO_LONG,
            "the target is longer than 16 KiB",
        ));
    }
    let is_clean = target.iter().all(|byte| {
        byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'<' | b'>' | b'"' | b'{' | b'}')
    });
    if !is_clean {
        return Err(syntax("the target has a character that must be escaped"));
    }
    if target.starts_with(b"/") {
        return Ok(None);
    }
    if target == b"*" && method == b"OPTIONS" {
        return Ok(None);
    }
    let behind = [&b"http://"[..], b"https://"]
        .iter()
        .find_map(|scheme| {
            let start = target.get(..scheme.len())?;
            start
                .eq_ignore_ascii_case(scheme)
                .then(|| target.get(scheme.len()..))?
        })
        .ok_or(syntax("the target is not a path"))?;
    let end = behind
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(behind.len());
    Ok(behind.get(..end))
}

/// What is gathered over the fields.
#[derive(Default)]
struct Fields<'a> {
    count: usize,
    host: Option<&'a [u8]>,
    length: Option<u64>,
    is_chunked: bool,
    has_expectation: bool,
    seen_single: [bool; SINGLE_FIELDS.len()],
}

impl<'a> Fields<'a> {
    fn add(&mut self, line: &'a [u8]) -> Result<(), Refusal> {
        self.count += 1;
        if self.count > HTTP_HEADERS_MAX {
            return Err(Refusal::new(
                &kinds::HTTP_HEAD_TOO_LARGE,
                "more than 100 header fields",
            ));
        }
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .ok_or(syntax("a header line has no colon"))?;
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        let value = trim(value.get(1..).unwrap_or_default());
        if name.is_empty() || !name.iter().copied().all(is_token_byte) {
            return Err(syntax("a header name is not a token"));
        }
        // Looking at every byte without stopping is what the processor does many at once.
        let is_control = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
        if value
            .iter()
            .fold(false, |found, byte| found | is_control(*byte))
        {
            return Err(syntax("a header value has a control character"));
        }
        self.weigh(name, value)
    }

    fn weigh(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), Refusal> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("host") {
            if self.host.replace(value).is_some() {
                return Err(host("more than one Host"));
            }
        } else if is("content-length") {
            let length = parse_length(value).ok_or(framing("Content-Length is not a number"))?;
            if self.length.replace(length).is_some() {
                return Err(framing("more than one Content-Length"));
            }
        } else if is("transfer-encoding") {
            if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(framing("Transfer-Encoding is not exactly chunked"));
            }
            self.is_chunked = true;
        } else if is("connection") {
            let is_harmless = value.split(|byte| *byte == b',').all(|option| {
                let option = trim(option);
                option.is_empty()
                    || CONNECTION_OPTIONS
                        .iter()
                        .any(|known| option.eq_ignore_ascii_case(known.as_bytes()))
            });
            if !is_harmless {
                return Err(Refusal::new(
                    &kinds::HTTP_CONNECTION,
                    "Connection names a field of the message",
                ));
            }
        } else if is("expect") {
            if self.has_expectation || !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(Refusal::new(
                    &kinds::HTTP_EXPECTATION,
                    "Expect is not exactly 100-continue",
                ));
            }
            self.has_expectation = true;
        }
        for (known, seen) in SINGLE_FIELDS.iter().zip(&mut self.seen_single) {
            if is(known) && std::mem::replace(seen, true) {
                return Err(Refusal::new(
                    &kinds::INPUT_DUPLICATE,
                    "a header field that may stand once stands twice",
                ));
            }
        }
        Ok(())
    }

    fn finish(self, request: &RequestLine<'_>) -> Result<Framing, Refusal> {
        match (self.host, request.is_http_10) {
            (Some(value), _) => {
                if !is_valid_host(value) {
                    return Err(host("Host is not a name or address with an optional port"));
                }
                if request
                    .authority
                    .is_some_and(|authority| !authority.eq_ignore_ascii_case(value))
                {
                    return Err(host("the target names another host than Host"));
                }
            }
            (None, true) => {}
            (None, false) => return Err(host("Host is missing")),
        }
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(framing("both Content-Length and Transfer-Encoding")),
            (true, None) if request.is_http_10 => Err(framing("HTTP/1.0 has no transfer codings")),
            (true, None) => Ok(Framing::Chunked),
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// Takes optional white space away: spaces and tabs, and nothing else that some readers also take for space.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// RFC 9110 §5.6.2.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES
        .get(usize::from(byte))
        .copied()
        .unwrap_or_default()
}

/// Asked for every byte of every name: a look into a table is cheaper than comparisons.
const TOKEN_BYTES: [bool; 256] = token_bytes();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses an index outside"
)]
const fn token_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut rest: &[u8] =
        b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    while let [byte, behind @ ..] = rest {
        table[*byte as usize] = true;
        rest = behind;
    }
    table
}

/// One to eighteen digits without a leading zero: never a second reading, never an overflow.
fn parse_length(value: &[u8]) -> Option<u64> {
    let is_plain = matches!(value, [b'0'] | [b'1'..=b'9', ..])
        && value.len() <= 18
        && value.iter().all(u8::is_ascii_digit);
    is_plain
        .then(|| std::str::from_utf8(value).ok()?.parse().ok())
        .flatten()
}

/// `name[:port]` or `[address][:port]` (RFC 9110 §7.2), without a trailing dot.
fn is_valid_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, behind)) = rest.split_once(']') else {
            return false;
        };
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return false;
        }
        match behind.strip_prefix(':') {
            Some(port) => ("v6", Some(port)),
            None if behind.is_empty() => ("v6", None),
            None => return false,
        }
    } else {
        match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        }
    };
    let is_port = port.is_none_or(|port| {
        port.len() <= 5
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|number| number > 0)
    });
    is_port
        && !name.is_empty()
        && name.len() <= 255
        && !name.ends_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(head: impl AsRef<[u8]>) -> &'static str {
        match judge(head.as_ref()) {
            Ok(Framing::Chunked) => "chunked",
            Ok(Framing::Length(0)) => "empty",
            Ok(Framing::Length(_)) => "length",
            Err(refusal) => refusal.kind.code,
        }
    }

    fn with(lines: &str) -> String {
        format!("POST /x HTTP/1.1\r\nHost: a.vn\r\n{lines}\r\n")
    }

    #[test]
    fn ordinary_heads_pass() {
        assert_eq!(code(with("")), "empty");
        assert_eq!(code(with("Content-Length: 12\r\n")), "length");
        assert_eq!(code(with("content-length:0\r\n")), "empty");
        assert_eq!(code(with("Transfer-Encoding: Chunked\r\n")), "chunked");
        assert_eq!(
            code(with(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            )),
            "empty"
        );
        assert_eq!(code(with("Expect: 100-Continue\r\n")), "empty");
        assert_eq!(code(with("X-Name: Sở Y tế\r\n")), "empty");
        assert_eq!(code("GET / HTTP/1.0\r\n\r\n"), "empty");
        assert_eq!(
            code("GET http://a.vn/x HTTP/1.1\r\nHost: A.vn\r\n\r\n"),
            "empty"
        );
        assert_eq!(
            code("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
            "empty"
        );
        assert_eq!(
            code("GET /a?x=1|2 HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"),
            "empty"
        );
    }

    #[test]
    fn lengths_have_one_reading() {
        for bad in [
            "+5",
            "-5",
            "0x5",
            "5 5",
            "1_0",
            "05",
            "",
            "9223372036854775808",
            "18446744073709551621",
            "5,5",
        ] {
            assert_eq!(
                code(with(&format!("Content-Length: {bad}\r\n"))),
                "http.framing",
                "{bad:?}"
            );
        }
        for lines in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding:\r\n",
        ] {
            assert_eq!(code(with(lines)), "http.framing", "{lines:?}");
        }
        let old = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(code(old), "http.framing");
    }

    #[test]
    fn control_bytes_around_a_coding_never_pass() {
        let clean = b"Transfer-Encoding: chunked\r\n";
        for byte in (0u8..=0x1f).chain([0x7f, 0x80, 0xa0]) {
            for position in 0..clean.len() - 1 {
                let mut line = clean.to_vec();
                line.insert(position, byte);
                let mut head = b"POST /x HTTP/1.1\r\nHost: a.vn\r\n".to_vec();
                head.extend_from_slice(&line);
                head.extend_from_slice(b"\r\n");
                let verdict = judge(&head);
                // A tab is white space around a value and nowhere else.
                let is_space = byte == b'\t' && matches!(position, 18 | 19 | 26);
                assert_eq!(
                    verdict == Ok(Framing::Chunked),
                    is_space,
                    "{byte:#x} at {position}: {verdict:?}"
                );
            }
        }
    }

    #[test]
    fn names_values_and_lines_are_strict() {
        for lines in [
            "X : 1\r\n",
            "X\t: 1\r\n",
            "X Y: 1\r\n",
            ": 1\r\n",
            "X\r\n",
            "Tên: 1\r\n",
            " folded\r\n",
            "X: a\0b\r\n",
            "X: a\rb\r\n",
            "X: a\nb\r\n",
            "X: a\x7fb\r\n",
            "X: a\n",
            "X: a\r\n folded\r\n",
        ] {
            assert_eq!(code(with(lines)), "http.syntax", "{lines:?}");
        }
    }

    #[test]
    fn hosts_are_one_and_valid() {
        for hosts in [
            "",
            "Host: a\r\nHost: a\r\n",
            "Host: a, b\r\n",
            "Host: u@a\r\n",
            "Host: a/x\r\n",
            "Host: a\x01\r\n",
            "Host: a.\r\n",
            "Host: a:99999\r\n",
            "Host: a:\r\n",
            "Host: a:0\r\n",
            "Host: [::1\r\n",
            "Host: [x]\r\n",
            "Host:\r\n",
            "Host: a:1:2\r\n",
        ] {
            let head = format!("GET / HTTP/1.1\r\n{hosts}\r\n");
            let code = code(&head);
            assert!(
                code == "http.host" || (hosts.contains('\x01') && code == "http.syntax"),
                "{hosts:?}: {code}"
            );
        }
        assert_eq!(
            code("GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n"),
            "http.host"
        );
        assert_eq!(
            code("GET http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
            "http.host"
        );
    }

    #[test]
    fn request_lines_are_strict() {
        for (line, expected) in [
            (format!("{} / HTTP/1.1", "A".repeat(8192)), "http.syntax"),
            ("get / HTTP/1.1".into(), "http.syntax"),
            ("TRACE / HTTP/1.1".into(), "http.method"),
            ("TRACK / HTTP/1.1".into(), "http.method"),
            ("CONNECT a.vn:80 HTTP/1.1".into(), "http.method"),
            (
                format!("GET /{} HTTP/1.1", "a".repeat(64 * 1024)),
                "http.target_too_long",
            ),
            ("GET /a#b HTTP/1.1".into(), "http.syntax"),
            ("GET /a\\b HTTP/1.1".into(), "http.syntax"),
            ("GET /<a> HTTP/1.1".into(), "http.syntax"),
            ("GET /đ HTTP/1.1".into(), "http.syntax"),
            ("GET a HTTP/1.1".into(), "http.syntax"),
            ("GET  / HTTP/1.1".into(), "http.syntax"),
            ("GET / HTTP/1.1 ".into(), "http.syntax"),
            ("GET / HTTP/2.0".into(), "http.syntax"),
            ("GET /".into(), "http.syntax"),
            (String::new(), "http.syntax"),
            ("LGSP-REFUSED /0 HTTP/1.1".into(), "http.syntax"),
        ] {
            assert_eq!(
                code(format!("{line}\r\nHost: a\r\n\r\n")),
                expected,
                "{:.40}",
                line
            );
        }
    }

    #[test]
    fn fields_that_choose_are_not_repeated_or_dropped() {
        for option in ["Authorization", "X-Agency", "Content-Length", "close, host"] {
            assert_eq!(
                code(with(&format!("Connection: {option}\r\n"))),
                "http.connection"
            );
        }
        for value in ["100-continue, x", "200-ok", "", " 100-continue x"] {
            assert_eq!(
                code(with(&format!("Expect: {value}\r\n"))),
                "http.expectation"
            );
        }
        assert_eq!(
            code(with("Content-Type: a/b\r\nContent-Type: a/b\r\n")),
            "input.duplicate"
        );
        let many = "X: 1\r\n".repeat(HTTP_HEADERS_MAX);
        assert_eq!(code(with(&many)), "http.head_too_large");
    }

    #[test]
    fn the_end_is_found_across_reads() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        for step in 1..8 {
            let (mut searched, mut found) = (0, None);
            while found.is_none() {
                let seen = (searched + step).min(head.len());
                found = find_end(&head[..seen], searched);
                searched = seen;
            }
            assert_eq!(found, Some(27), "in steps of {step}");
        }
        assert!(has_bare_line_feed(b"GET / HTTP/1.1\nHost", 0));
        assert!(!has_bare_line_feed(b"GET / HTTP/1.1\r\nHost", 0));
        assert!(!has_bare_line_feed(b"GET / HTTP/1.1\r\nHost", 15));
        assert!(has_bare_line_feed(b"GET / HTTP/1.1\n\nHost", 15));
    }
}
