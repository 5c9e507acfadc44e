//! Answers in the portal's form: `{error_code, message, data}`.
//!
//! `error_code` is `0` for what is stored, [`REFUSED`] for what the sender must change, [`LATER`] for what may be sent again as it is.
//! The whole is 0 only if every item is: a client that looks at nothing else sends all of it again, which does no harm.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use lgsp_base::problem::kinds;
use lgsp_base::{Lang, Problem};
use lgsp_wire::dossier::{ItemReply, Reply, ReplyOutcome, Violation};
use serde_json::Value;

/// Stored.
const DONE: &str = "0";
/// Not taken: the sender must change something.
const REFUSED: &str = "3";
/// Not taken now: the same may be sent again.
const LATER: &str = "-1";
/// Characters of what an item calls itself that are repeated.
const KEY_CHARS_MAX: usize = 64;
/// Broken rules that one message names.
const PLACES_MAX: usize = 5;

/// The problem of an item that breaks rules.
pub(super) fn invalid(violations: &[Violation]) -> Problem {
    violations
        .iter()
        .fold(kinds::DOSSIER_INVALID.problem(), |problem, violation| {
            problem.breaks(violation.path.clone(), violation.sentence.clone())
        })
}

/// What happened, and where. The sender's own values are never repeated.
fn words(problem: &Problem, lang: Lang) -> String {
    let mut text = problem.kind.title(lang).to_owned();
    let detail = problem.detail_in(lang);
    if !detail.is_empty() {
        text.push_str(&format!(": {detail}"));
    }
    for field in problem.fields.iter().take(PLACES_MAX) {
        text.push_str(&format!("; {}: {}", field.pointer, field.message_in(lang)));
    }
    text
}

const fn code_of(problem: &Problem) -> &'static str {
    if problem.kind.retryable {
        LATER
    } else {
        REFUSED
    }
}

/// The answer to a request of which nothing was done.
pub(super) fn refused(problem: &Problem, lang: Lang) -> Response {
    respond(&Reply::refused(code_of(problem), &words(problem, lang)))
}

/// An answer with a result.
pub(super) fn found(lang: Lang, result: Vec<Value>) -> Response {
    respond(&Reply::ok(done(lang)).with("result", Value::Array(result)))
}

const fn done(lang: Lang) -> &'static str {
    match lang {
        Lang::Vi => "Thành công",
        Lang::En => "Done",
    }
}

fn respond(reply: &Reply) -> Response {
    let mut response = reply.to_bytes().into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What became of the items of one body, in its order.
pub(super) struct Outcomes {
    lang: Lang,
    items: Vec<ItemReply>,
}

impl Outcomes {
    pub(super) fn new(lang: Lang) -> Self {
        Self {
            lang,
            items: Vec::new(),
        }
    }

    /// Makes room for an item; gives its place.
    pub(super) fn expect(&mut self, key: &str) -> usize {
        self.items.push(ItemReply {
            key: key.chars().take(KEY_CHARS_MAX).collect(),
            outcome: ReplyOutcome::Refused,
            code: LATER.to_owned(),
            message: String::new(),
        });
        self.items.len() - 1
    }

    pub(super) fn accept(&mut self, place: usize) {
        if let Some(item) = self.items.get_mut(place) {
            item.outcome = ReplyOutcome::Ok;
            item.code = DONE.to_owned();
            item.message = done(self.lang).to_owned();
        }
    }

    pub(super) fn refuse(&mut self, place: usize, problem: &Problem) {
        let message = words(problem, self.lang);
        if let Some(item) = self.items.get_mut(place) {
            item.outcome = if problem.kind == &kinds::DOSSIER_EXISTS {
                ReplyOutcome::AlreadyExists
            } else {
                ReplyOutcome::Refused
            };
            item.code = code_of(problem).to_owned();
            item.message = message;
        }
    }

    /// The answer to all of them.
    pub(super) fn answer(&self) -> Response {
        let is_bad = |item: &&ItemReply| item.outcome != ReplyOutcome::Ok;
        let bad: Vec<&ItemReply> = self.items.iter().filter(is_bad).collect();
        let reply = match bad.first() {
            None => Reply::ok(done(self.lang)),
            Some(first) => {
                let is_later = bad.iter().all(|item| item.code == LATER);
                let code = if is_later { LATER } else { REFUSED };
                Reply::refused(code, &self.summary(first, &bad))
            }
        };
        respond(&reply.with_items(&self.items))
    }

    /// Clients look for *đã tồn tại* and send again as an update, so a cause is said of the whole only where it is that of every item
    /// that failed.
    fn summary(&self, first: &ItemReply, bad: &[&ItemReply]) -> String {
        if bad.iter().all(|item| item.message == first.message) {
            return first.message.clone();
        }
        let (total, wrong) = (self.items.len(), bad.len());
        match self.lang {
            Lang::Vi => format!("{wrong}/{total} hồ sơ không được nhận, xem data"),
            Lang::En => format!("{wrong} of {total} dossiers were not accepted, see data"),
        }
    }
}
