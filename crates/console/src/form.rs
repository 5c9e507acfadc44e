//! What a browser sends: the query of an address, and the fields of a form, `application/x-www-form-urlencoded`.
//!
//! An address is read leniently, because people shorten and mistype addresses; a form is ours and is read under limits.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use futures_util::StreamExt;
use http::{HeaderMap, header};
use lgsp_base::problem::kinds;
use lgsp_base::{Problem, limits};

use crate::Console;
use crate::error::Failure;

/// Pairs of names and values.
#[derive(Debug, Default, Clone)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads pairs; what is not percent-encoded UTF-8 is left out, and so is everything past the limit.
    pub(crate) fn read(text: &str) -> Self {
        let pairs = text
            .split('&')
            .filter(|item| !item.is_empty())
            .filter_map(|item| {
                let (name, value) = item.split_once('=').unwrap_or((item, ""));
                Some((decode(name)?, decode(value)?))
            })
            .take(limits::CONSOLE_FORM_FIELDS_MAX)
            .collect();
        Self { pairs }
    }

    /// The trimmed value of a name; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.trim())
            .find(|value| !value.is_empty())
    }

    /// Every non-empty value of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(known, value)| known == name && !value.trim().is_empty())
            .map(|(_, value)| value.trim())
    }

    /// A path on this site, to which a visitor may be sent back; nothing that a browser would read as another host.
    pub(crate) fn local_path(text: &str) -> Option<&str> {
        let is_local = text.starts_with('/')
            && !text.starts_with("//")
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        is_local.then_some(text)
    }
}

/// The pairs that have a value, as the query of an address.
pub(crate) fn address(pairs: &[(&str, &String)]) -> String {
    let kept: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    kept.join("&")
}

/// The fields of a posted form.
#[derive(Debug)]
pub(crate) struct Form(Query);

impl Form {
    /// The fields as pairs, for what reads a form and an address alike.
    pub(crate) fn query(&self) -> &Query {
        &self.0
    }

    /// The trimmed value of a field; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.text(name)
    }

    /// The value of a field that must be there.
    ///
    /// # Errors
    /// `input.invalid` naming the field.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, Problem> {
        self.text(name)
            .ok_or_else(|| kinds::INPUT_INVALID.problem().at(name, "required", ""))
    }
}

impl FromRequest<Console> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        check_origin(&parts.headers, &console.origin)?;
        let is_form = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|field| field.to_str().ok())
            .and_then(|field| field.split(';').next())
            .is_some_and(|kind| {
                kind.trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        if !is_form {
            return Err(kinds::INPUT_MEDIA_TYPE.problem().into());
        }
        let bytes = collect(body).await?;
        let text = String::from_utf8(bytes).map_err(|_| kinds::INPUT_INVALID.problem())?;
        Ok(Self(Query::read(&text)))
    }
}

async fn collect(body: Body) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| kinds::HTTP_TIMEOUT.problem())?;
        if bytes.len() + piece.len() > limits::CONSOLE_FORM_BYTES_MAX {
            return Err(kinds::INPUT_TOO_LARGE.with(limits::CONSOLE_FORM_BYTES_MAX));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Refuses a post that another site made: `Sec-Fetch-Site` where the browser sends it, otherwise `Origin` against our own
/// address. The token of the form is asked besides.
fn check_origin(headers: &HeaderMap, own: &str) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|field| field.to_str().ok());
    let is_ours = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            origin.eq_ignore_ascii_case(own)
                || text("host").is_some_and(|host| {
                    origin
                        .split_once("://")
                        .is_some_and(|(_, named)| named.eq_ignore_ascii_case(host))
                })
        }
        (None, None) => true,
    };
    if is_ours {
        Ok(())
    } else {
        Err(kinds::AUTH_FORBIDDEN.with("the form was sent from another site"))
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A value as it stands in the query of an address.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&lgsp_base::hash::to_hex(&[byte]).to_uppercase());
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_broken_ones_left_out() {
        let query = Query::read("q=S%E1%BB%9F+Y+t%E1%BA%BF&x=%zz&y=%FF&e=&q=2");
        assert_eq!(query.text("q"), Some("Sở Y tế"));
        assert_eq!(query.all("q").count(), 2);
        for absent in ["x", "y", "e", "z"] {
            assert_eq!(query.text(absent), None, "{absent}");
        }
        assert_eq!(encode("Sở a&b"), "S%E1%BB%9F%20a%26b");
    }

    #[test]
    fn visitors_are_sent_back_only_to_this_site() {
        assert_eq!(Query::local_path("/van-ban?q=1"), Some("/van-ban?q=1"));
        for bad in ["", "//host", "https://host", "/\\host", "/a b", "/a\r\nb"] {
            assert_eq!(Query::local_path(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn posts_of_other_sites_are_refused() {
        let check = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, http::HeaderValue::from_static(value));
            }
            check_origin(&headers, "https://lgsp.example").is_ok()
        };
        assert!(check(&[]));
        assert!(check(&[("origin", "https://lgsp.example")]));
        assert!(check(&[
            ("origin", "http://127.0.0.1:8088"),
            ("host", "127.0.0.1:8088")
        ]));
        assert!(check(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "null")
        ]));
        assert!(!check(&[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://lgsp.example")
        ]));
        assert!(!check(&[("sec-fetch-site", "same-site")]));
        assert!(!check(&[
            ("origin", "https://evil.example"),
            ("host", "lgsp.example")
        ]));
        assert!(!check(&[("origin", "null"), ("host", "lgsp.example")]));
    }
}
