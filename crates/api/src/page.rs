//! Pages of lists and entity tags: the two conventions that every resource shares.
//!
//! A page is asked for with `page_size` and `page_token`; the answer has `next_page_token` and `Link: …; rel="next"`
//! while there is more. Tokens are opaque and stable under inserts. A record that changes has an `ETag`; changing it
//! needs `If-Match` (428 without, 412 when it is stale).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Uri, header};
use lgsp_base::Problem;
use lgsp_base::limits;
use lgsp_base::problem::{kinds, rules};

use crate::query::Query;

/// Characters of a page token; ours are far shorter.
const TOKEN_CHARS_MAX: usize = 512;

/// Which part of a list is asked for.
#[derive(Debug)]
pub(crate) struct PageRequest {
    /// Items, 1 to [`limits::PAGE_SIZE_MAX`].
    pub(crate) size: usize,
    /// Where the page before ended, as the domain wrote it.
    pub(crate) after: Option<String>,
}

impl PageRequest {
    /// From `page_size` and `page_token`.
    ///
    /// # Errors
    /// `input.invalid` for a size outside the limit or a token that we did not make.
    pub(crate) fn of(query: &Query) -> Result<Self, Problem> {
        let size = query
            .parse::<usize>("page_size")?
            .unwrap_or(limits::PAGE_SIZE_DEFAULT);
        if !(1..=limits::PAGE_SIZE_MAX).contains(&size) {
            return Err(kinds::INPUT_INVALID.problem().breaks(
                "page_size",
                rules::RANGE.with(&[("min", &1), ("max", &limits::PAGE_SIZE_MAX)]),
            ));
        }
        let after = query
            .text("page_token")
            .map(|token| {
                open_token(token).ok_or_else(|| {
                    kinds::INPUT_INVALID
                        .problem()
                        .breaks("page_token", rules::PAGE_TOKEN.plain())
                })
            })
            .transpose()?;
        Ok(Self { size, after })
    }
}

/// The opaque form of a cursor.
pub(crate) fn seal_token(cursor: &str) -> String {
    URL_SAFE_NO_PAD.encode(cursor)
}

fn open_token(token: &str) -> Option<String> {
    if token.len() > TOKEN_CHARS_MAX {
        return None;
    }
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

/// `Link` to the page behind this one: the same address with another token.
pub(crate) fn link_next(uri: &Uri, token: &str) -> Option<HeaderValue> {
    let kept = uri
        .query()
        .unwrap_or("")
        .split('&')
        .filter(|item| !item.is_empty() && !item.starts_with("page_token="));
    let mut query = String::new();
    for item in kept {
        query.push_str(item);
        query.push('&');
    }
    HeaderValue::from_str(&format!(
        "<{}?{query}page_token={token}>; rel=\"next\"",
        uri.path()
    ))
    .ok()
}

/// The tag of a record in this version.
pub(crate) fn version_tag(version: i64) -> String {
    format!("\"v{version}\"")
}

/// Checks `If-Match` (RFC 9110 §13.1.1) against a record's tag.
///
/// # Errors
/// `precondition.required` when the field is absent, `precondition.failed` when it names another version.
pub(crate) fn require_match(headers: &HeaderMap, tag: &str) -> Result<(), Problem> {
    let mut fields = headers.get_all(header::IF_MATCH).iter().peekable();
    if fields.peek().is_none() {
        return Err(kinds::PRECONDITION_REQUIRED.problem());
    }
    let is_met = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .any(|item| matches!(item.trim(), "*") || item.trim() == tag);
    if is_met {
        Ok(())
    } else {
        Err(kinds::PRECONDITION_FAILED.with(format_args!("the record is at {tag}")))
    }
}

/// True if the caller already has this version (`If-None-Match`, weak comparison).
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .any(|item| item.trim() == "*" || item.trim().trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_pages_are_bounded() {
        let query = |raw: &str| {
            PageRequest::of(
                &Query::read(Some(raw), &["page_size", "page_token"], &[]).expect("query"),
            )
        };
        assert_eq!(query("").expect("default").size, limits::PAGE_SIZE_DEFAULT);
        let token = seal_token("17|dlv_x");
        let page = query(&format!("page_size=1000&page_token={token}")).expect("valid");
        assert_eq!(page.after.as_deref(), Some("17|dlv_x"));
        for bad in [
            "page_size=0",
            "page_size=1001",
            "page_size=-1",
            "page_token=%21",
        ] {
            assert_eq!(query(bad).expect_err(bad).code(), "input.invalid");
        }
        let uri: Uri = "/api/v1/inbox?page_token=old&kind=edoc"
            .parse()
            .expect("uri");
        assert_eq!(
            link_next(&uri, "new").expect("header"),
            "</api/v1/inbox?kind=edoc&page_token=new>; rel=\"next\""
        );
    }

    #[test]
    fn a_change_needs_the_present_version() {
        let mut headers = HeaderMap::new();
        let code = |headers: &HeaderMap| require_match(headers, "\"v2\"").map_err(|p| p.code());
        assert_eq!(code(&headers), Err("precondition.required"));
        headers.insert(header::IF_MATCH, HeaderValue::from_static("\"v1\""));
        assert_eq!(code(&headers), Err("precondition.failed"));
        headers.insert(header::IF_MATCH, HeaderValue::from_static("\"v1\", \"v2\""));
        assert_eq!(code(&headers), Ok(()));
    }
}
