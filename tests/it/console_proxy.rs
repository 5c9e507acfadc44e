//! Failed logins behind a proxy: each visitor has a count of his own, and nobody can make himself another one.

use lgsp_base::limits::CONSOLE_LOGIN_FAILURES_MAX;
use lgsp_tests::http::{Answer, Http};
use lgsp_tests::login::{cookie, logs_in};
use lgsp_tests::system::{System, SystemBuilder};

use crate::BINARY;

const WRONG: &str = "lgsp_live_wrong";

fn started(name: &str, trusted: &str) -> System {
    let builder = SystemBuilder::new(BINARY, name);
    let builder = builder.with_setting("LGSP__TRUSTED_PROXIES", trusted);
    builder.start().expect("SQLite")
}

/// A login that the proxy passes on with these fields.
fn tries(system: &System, token: &str, fields: &[(&str, &str)]) -> Answer {
    logs_in(&mut Http::new(system.address), token, fields)
}

fn fails(system: &System, from: &str) -> u16 {
    tries(system, WRONG, &[("x-forwarded-for", from)]).status
}

#[test]
fn behind_a_trusted_proxy_each_visitor_has_a_count() {
    let system = started("proxy-trusted", "127.0.0.0/8");
    for number in 0..CONSOLE_LOGIN_FAILURES_MAX {
        // What the visitor claims to the left of himself changes nothing.
        assert_eq!(
            fails(&system, &format!("192.0.2.{number}, 203.0.113.9")),
            401
        );
    }
    assert_eq!(fails(&system, "203.0.113.9"), 429);
    assert_eq!(fails(&system, "198.51.100.7, 203.0.113.9"), 429);
    assert_eq!(fails(&system, "203.0.113.10"), 401, "a neighbour");
}

#[test]
fn without_a_trusted_proxy_the_fields_are_lies() {
    let system = started("proxy-none", "");
    for number in 0..CONSOLE_LOGIN_FAILURES_MAX {
        assert_eq!(fails(&system, &format!("192.0.2.{number}")), 401);
    }
    assert_eq!(fails(&system, "192.0.2.200"), 429);
    let https = [("x-forwarded-proto", "https")];
    let entered = tries(&system, system.admin_token(), &https);
    assert_eq!(entered.status, 429);
}

#[test]
fn cookies_are_for_tls_alone_where_a_trusted_proxy_says_so() {
    let system = started("proxy-tls", "127.0.0.1");
    let https = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    let entered = tries(&system, system.admin_token(), &https);
    assert_eq!(entered.status, 303);
    assert!(
        cookie(&entered).starts_with("__Host-"),
        "{:?}",
        entered.fields
    );
    let set = entered.field("set-cookie").expect("a cookie");
    assert!(set.contains("; Secure"), "{set}");
    assert!(entered.field("strict-transport-security").is_some());
    // The session is found again over the same way, and only there.
    let session = cookie(&entered);
    let page = |fields: &[(&str, &str)]| {
        let fields = [&[("cookie", session.as_str())], fields].concat();
        let answer = Http::new(system.address).call("GET", "/", &fields, b"");
        answer.expect("an answer").status
    };
    assert_eq!(page(&https), 200);
    assert_ne!(page(&[]), 200);
    let plain = tries(&system, system.admin_token(), &[]);
    assert!(
        !plain
            .field("set-cookie")
            .expect("a cookie")
            .contains("Secure")
    );
}
