//! Cookies: read from a request, written to an answer, never readable by script and never sent by another site's form.

use http::{HeaderMap, HeaderValue, header};

/// A cookie to be set; with zero seconds the browser forgets it.
#[derive(Debug)]
pub(crate) struct Cookie<'a> {
    pub(crate) name: &'static str,
    pub(crate) value: &'a str,
    pub(crate) seconds: u64,
    pub(crate) is_secure: bool,
}

impl Cookie<'_> {
    /// The value of `Set-Cookie` (RFC 6265 §4.1). `Lax`, so that a link in a letter finds the visitor logged in.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut text = format!(
            "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax",
            self.name, self.value, self.seconds
        );
        if self.is_secure {
            text.push_str("; Secure");
        }
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// The value of a cookie; the first one, as browsers send the most specific first.
pub(crate) fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_and_protected() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; b=2=3"));
        headers.append(header::COOKIE, HeaderValue::from_static("c="));
        assert_eq!(find(&headers, "b"), Some("2=3"));
        assert_eq!(find(&headers, "c"), Some(""));
        assert_eq!(find(&headers, "d"), None);
        let cookie = Cookie {
            name: "x",
            value: "y",
            seconds: 5,
            is_secure: true,
        };
        let text = "x=y; Path=/; Max-Age=5; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(cookie.header(), text);
    }
}
