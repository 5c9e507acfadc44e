//! What happens, as a stream (server-sent events, WHATWG HTML §9.2) of CloudEvents 1.0 in JSON.
//!
//! An event is a sealed entry of the ledger, its id the leaf: complete, in one order, and the same for everybody who may see it. A
//! client that comes back names the last id it saw and misses nothing. Streams share the pages they read; how many there are is
//! bounded, a slow one holds one page, and each is asked again and again whether its caller still may.

mod pages;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Uri, header};
use lgsp_base::places::Place;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Problem, limits};
use lgsp_exchange::EventView;
use lgsp_store::ledger::{Ledger, SealedEntry};
use lgsp_wire::record::Record;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{DocumentRead, Permitted, still_permitted};
use crate::ledger::record_json;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;

pub(crate) use pages::Pages;

/// The version of CloudEvents.
const SPEC_VERSION: &str = "1.0";
/// What stands before the kind of an entry in the type of its event.
const TYPE_PREFIX: &str = "lgsp.";

/// One event, in the data of a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "specversion": "1.0", "id": "17", "source": "//ledger.binhan.example/ledger", "type": "lgsp.delivery.confirmed",
    "subject": "doc_01jqcy4m9ze5b8q6p6b0w7h3tn", "time": "2026-11-05T03:10:00.000000Z", "datacontenttype": "application/json",
    "data": {"delivery": "dlv_01jqcy4m9zk1m2n3p4q5r6s7t8", "document": "doc_01jqcy4m9ze5b8q6p6b0w7h3tn", "seq": 1}
}))]
pub(crate) struct CloudEvent {
    /// Always `1.0`.
    specversion: &'static str,
    /// The leaf of the ledger's entry.
    id: String,
    /// The log.
    source: String,
    /// `lgsp.` and the kind of the entry.
    r#type: String,
    /// The document it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// When it happened.
    time: String,
    /// Always `application/json`.
    datacontenttype: &'static str,
    /// What was recorded, as far as the caller takes part in it.
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

/// Follow what happens
///
/// Server-sent events, each a CloudEvent (1.0, JSON) for a sealed ledger entry; its id is the leaf. An operator sees all, a system
/// what its organisations take part in. Begins behind `Last-Event-ID` or `after`, without them with what comes next; a comment comes
/// every few seconds.
#[utoipa::path(get, path = "/api/v1/events", tag = "events",
    params(("after" = Option<i64>, Query, description = "Only behind this leaf; -1: from the first"),
        ("Last-Event-ID" = Option<String>, Header, description = "As a browser sends it when it comes back; goes before `after`")),
    responses((status = 200, description = "The stream", body = CloudEvent, content_type = "text/event-stream"),
        (status = 429, description = "Too many streams", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn follow(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["after"], &[])?;
    let ledger = state.ledger()?.clone();
    let sealed = ledger.subscribe();
    let newest = *sealed.borrow();
    let next = match last_seen(&headers, &query)? {
        // A client that knows more than there is saw another log; it gets what comes next.
        Some(leaf) => leaf.map_or(0, |leaf| leaf.saturating_add(1)).min(newest),
        None => newest,
    };
    let place = state.places.take(&permitted.actor.label()).ok_or_else(|| {
        kinds::EVENTS_LIMIT
            .problem()
            .retry_after(limits::EVENT_HEARTBEAT.as_secs())
    })?;
    let closing = state.closing.subscribe();
    let follower = Follower {
        state,
        ledger,
        actor: permitted.actor,
        credential: headers,
        sealed,
        closing,
        next,
        is_new: true,
        _place: place,
    };
    let body = Body::from_stream(stream::unfold(follower, Follower::advance));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The last leaf that the client saw: none if it names none, `Some(None)` for "before the first".
fn last_seen(headers: &HeaderMap, query: &Query) -> Result<Option<Option<u64>>, Problem> {
    let wrong = |pointer: &str| {
        kinds::INPUT_INVALID
            .problem()
            .breaks(pointer.to_owned(), rules::LEAF.plain())
    };
    if let Some(field) = headers.get("last-event-id") {
        let text = field.to_str().map_err(|_| wrong("Last-Event-ID"))?;
        let leaf = text.parse().map_err(|_| wrong("Last-Event-ID"))?;
        return Ok(Some(Some(leaf)));
    }
    match query.parse::<i64>("after")? {
        None => Ok(None),
        Some(-1) => Ok(Some(None)),
        Some(leaf) => Ok(Some(Some(u64::try_from(leaf).map_err(|_| wrong("after"))?))),
    }
}

/// One open stream.
struct Follower {
    state: ApiState,
    ledger: Ledger,
    actor: Actor,
    /// The request's head: the token in it is looked at again.
    credential: HeaderMap,
    sealed: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    /// The first leaf that was not looked at.
    next: u64,
    is_new: bool,
    _place: Place,
}

/// A part of the answer; an error ends it.
type Part = (Result<Bytes, Infallible>, Follower);

impl Follower {
    /// The next part of the stream; none ends it.
    async fn advance(mut self) -> Option<Part> {
        if self.is_new {
            self.is_new = false;
            let hello = format!("retry: {}\n\n", limits::EVENT_RETRY.as_millis());
            return Some((Ok(Bytes::from(hello)), self));
        }
        loop {
            if *self.closing.borrow()
                || !still_permitted(&self.credential, &self.state, &self.actor)
            {
                return None;
            }
            let newest = *self.sealed.borrow_and_update();
            if self.next < newest {
                // A stream that catches up is never without work: others come first after each page.
                tokio::task::yield_now().await;
                match self.read().await {
                    Ok(text) if text.is_empty() => continue,
                    Ok(text) => return Some((Ok(Bytes::from(text)), self)),
                    Err(problem) => {
                        tracing::warn!(%problem, "a stream of events ends: the ledger could not be read");
                        return None;
                    }
                }
            }
            if self.wait(limits::EVENT_HEARTBEAT).await {
                return Some((Ok(Bytes::from_static(b": \n\n")), self));
            }
        }
    }

    /// Waits for more; true if nothing came in that time.
    async fn wait(&mut self, at_most: Duration) -> bool {
        tokio::select! {
            _ = self.sealed.changed() => false,
            _ = self.closing.changed() => false,
            () = tokio::time::sleep(at_most) => true,
        }
    }

    /// Reads one page and moves on behind it; empty if the caller sees nothing of it.
    async fn read(&mut self) -> Result<String, Problem> {
        let page = self.state.pages.read(&self.ledger, self.next).await?;
        let Some(last) = page.last() else {
            // Announced and not readable yet by this connection: the next announcement or heartbeat looks again.
            self.wait(limits::EVENT_HEARTBEAT).await;
            return Ok(String::new());
        };
        let view = self.state.exchange.event_view(&self.actor)?;
        let mut text = String::new();
        for sealed in page.iter() {
            if let Some(event) = event(sealed, &view, self.ledger.origin()) {
                write(&mut text, &event);
            }
        }
        self.next = last.leaf.saturating_add(1);
        Ok(text)
    }
}

/// An entry as an event; none if the caller takes no part in it, or if its record was erased.
fn event(sealed: &SealedEntry, view: &EventView, origin: &str) -> Option<CloudEvent> {
    let entry = &sealed.entry;
    let record = Record::decode(&entry.record).ok()?;
    let shown = view.shown(&record)?;
    Some(CloudEvent {
        specversion: SPEC_VERSION,
        id: sealed.leaf.to_string(),
        source: format!("//{origin}/ledger"),
        r#type: format!("{TYPE_PREFIX}{}", entry.kind),
        subject: record.text("document").map(ToOwned::to_owned),
        time: entry.at.to_string(),
        datacontenttype: "application/json",
        data: record_json(&shown),
    })
}

/// A message of the stream: JSON has no line breaks of its own.
fn write(text: &mut String, event: &CloudEvent) {
    if let Ok(data) = serde_json::to_string(event) {
        text.push_str("id: ");
        text.push_str(&event.id);
        text.push_str("\ndata: ");
        text.push_str(&data);
        text.push_str("\n\n");
    }
}
