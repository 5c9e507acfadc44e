//! How a refusal below the router travels to the client.
//!
//! A head that is refused must be answered behind the answers to the requests before it on the same connection. The guard
//! therefore hands the HTTP library a stand-in request with a method that no client can send, and the service answers it
//! with the reason left in [`Verdict`].

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use lgsp_base::problem::Lang;
use tokio::sync::Notify;

use super::head::Refusal;

/// The method of the stand-in request.
pub(crate) const METHOD: &str = "LGSP-REFUSED";
/// The whole stand-in.
pub(crate) const STAND_IN: &[u8] =
    b"LGSP-REFUSED / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// What the guard and the service of one connection tell each other.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Why a head was refused; the last word on its connection.
    pub(crate) head: OnceLock<Refusal>,
    /// The language that the refused head asks for.
    pub(crate) lang: OnceLock<Lang>,
    /// Why the body that is being read cannot be trusted.
    pub(crate) body: OnceLock<Refusal>,
    /// Requests whose answer is not finished.
    pub(crate) open: AtomicUsize,
    /// Milliseconds on the listener's clock since when the connection only waits; 0 while it works.
    pub(crate) idle_since: AtomicU64,
    /// Asks the connection to go, to make room.
    pub(crate) evict: Notify,
}

impl Verdict {
    /// True while no request is being answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }
}

/// The language that a head asks for, as far as it came; a head that is refused is not taken apart further.
pub(crate) fn language(head: &[u8]) -> Lang {
    const NAME: &[u8] = b"accept-language:";
    head.split(|byte| *byte == b'\n')
        .take_while(|line| !matches!(line, [] | [b'\r']))
        .find_map(|line| {
            let (name, value) = line.split_at_checked(NAME.len())?;
            name.eq_ignore_ascii_case(NAME).then_some(value)
        })
        .and_then(|value| std::str::from_utf8(value).ok())
        .map_or(Lang::default(), Lang::from_accept_language)
}

/// The body of a problem document for an answer that no handler made.
pub(crate) fn problem_json(refusal: Refusal, instance: &str, lang: Lang) -> String {
    let kind = refusal.kind;
    serde_json::json!({
        "type": format!("/problems/{}", kind.code),
        "title": kind.title(lang),
        "status": kind.status,
        "code": kind.code,
        "detail": refusal.detail,
        "instance": instance,
        "trace_id": instance,
        "retryable": kind.retryable,
        "fix": kind.fix(lang),
    })
    .to_string()
}
