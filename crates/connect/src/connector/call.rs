//! One call of a foreign system.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use lgsp_base::limits;
use lgsp_exchange::HandOverOutcome;

use crate::outbound::{Answer, CallError, Outbound};

/// Why there is no answer that could be judged: the other side is not there, or something else answered in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// A stable word: `timeout`, `http_502`, `html`.
    pub(crate) cause: String,
    /// More about it, without anything that was sent or answered.
    pub(crate) detail: String,
    /// When the other side asks to come back.
    pub(crate) retry_after: Option<Duration>,
}

impl Fault {
    pub(crate) fn new(cause: &str, detail: &str) -> Self {
        Self {
            cause: cause.to_owned(),
            detail: detail.to_owned(),
            retry_after: None,
        }
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        Self::new(error.cause(), &error.to_string())
    }
}

impl From<Fault> for HandOverOutcome {
    fn from(fault: Fault) -> Self {
        HandOverOutcome::Unreachable {
            cause: fault.cause,
            detail: fault.detail,
            retry_after: fault.retry_after,
        }
    }
}

/// Posts JSON and gives the body of the answer. A client error with a JSON body is an answer, too: its words decide.
pub(crate) async fn post_json(
    outbound: &Outbound,
    url: &str,
    mut headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Bytes, Fault> {
    let json = header::HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json.clone());
    headers.insert(header::ACCEPT, json);
    headers.insert(header::USER_AGENT, header::HeaderValue::from_static("lgsp"));
    let answer = outbound
        .post(
            url,
            headers,
            Bytes::from(body),
            limits::CONNECTOR_TIMEOUT,
            limits::CONNECTOR_ANSWER_BYTES_MAX,
        )
        .await?;
    judge_status(answer)
}

fn judge_status(answer: Answer) -> Result<Bytes, Fault> {
    let speaks = answer.body.trim_ascii_start().starts_with(b"{");
    let is_answer = match answer.status {
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN => false,
        status => status.is_success() || status.is_client_error() && speaks,
    };
    if is_answer {
        return Ok(answer.body);
    }
    let retry_after = answer
        .headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(|seconds| Duration::from_secs(seconds).min(limits::RETRY_AFTER_MAX));
    Err(Fault {
        cause: format!("http_{}", answer.status.as_u16()),
        detail: String::new(),
        retry_after,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_alone_decides_only_where_nobody_speaks() {
        for (status, body, is_answer) in [
            (200, "{}", true),
            (200, "<html>", true),
            (400, "{\"error_code\":3}", true),
            (404, "<html>", false),
            (401, "{}", false),
            (403, "{}", false),
            (408, "{}", false),
            (429, "{}", false),
            (302, "{}", false),
            (500, "{\"error_code\":3}", false),
        ] {
            let answer = Answer {
                status: StatusCode::from_u16(status).expect("status"),
                headers: HeaderMap::new(),
                body: Bytes::copy_from_slice(body.as_bytes()),
            };
            assert_eq!(judge_status(answer).is_ok(), is_answer, "{status} {body}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("7"));
        let busy = judge_status(Answer {
            status: StatusCode::SERVICE_UNAVAILABLE,
            headers,
            body: Bytes::new(),
        });
        let fault = busy.expect_err("busy");
        assert_eq!(fault.cause, "http_503");
        assert_eq!(fault.retry_after, Some(Duration::from_secs(7)));
    }
}
