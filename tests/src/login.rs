//! The form of the console's door, filled in without a browser.

use crate::http::{Answer, Http};

/// The cookie that an answer sets, as the next request carries it.
///
/// # Panics
/// If it sets none.
pub fn cookie(answer: &Answer) -> String {
    let set = answer.field("set-cookie").expect("a cookie");
    set.split(';').next().expect("a cookie").to_owned()
}

/// Fetches the form and sends it with a token; `fields` go with both requests.
///
/// # Panics
/// If there is no answer, or no form in it.
pub fn logs_in(http: &mut Http, token: &str, fields: &[(&str, &str)]) -> Answer {
    let login = http
        .call("GET", "/dang-nhap", fields, b"")
        .expect("the form");
    let form = String::from_utf8_lossy(&login.body).into_owned();
    let csrf = form.split("name=\"csrf\" value=\"").nth(1);
    let csrf = csrf.and_then(|rest| rest.split('"').next());
    let body = format!("csrf={}&khoa={token}", csrf.expect("a secret of the form"));
    let waiting = cookie(&login);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let mut all = vec![kind, ("cookie", waiting.as_str())];
    all.extend_from_slice(fields);
    http.call("POST", "/dang-nhap", &all, body.as_bytes())
        .expect("an answer")
}
