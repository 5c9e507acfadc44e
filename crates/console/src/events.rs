//! What happens, as a stream to open pages (server-sent events, WHATWG HTML §9.2).
//!
//! The stream says *that* something happened and to which document; a page then fetches anew the part that shows it. Its
//! order is the ledger's: the number of a message is the leaf, so a browser that comes back names the last one it saw.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, stream};
use http::{HeaderMap, HeaderValue, header};
use lgsp_base::id::DocumentId;
use lgsp_base::places::Place;
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Problem, Timestamp, limits};
use lgsp_exchange::Exchange;
use lgsp_store::ledger::Ledger;
use lgsp_wire::record::Record;
use serde::Serialize;
use tokio::sync::watch;

use crate::Console;
use crate::error::Failure;
use crate::visitor::Visitor;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its place in the ledger.
    #[serde(skip)]
    pub leaf: u64,
    /// When.
    pub at: Timestamp,
    /// What: `document.accepted`.
    pub kind: String,
    /// To which document, if to one.
    pub document: Option<DocumentId>,
}

/// What a reading of the ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// What the actor may see, in order.
    pub events: Vec<Event>,
    /// The first leaf that was not looked at.
    pub next: u64,
}

/// What happens, in the order of the ledger.
pub trait Events: Send + Sync + fmt::Debug {
    /// How many leaves are sealed; changes when there are more.
    fn sealed(&self) -> watch::Receiver<u64>;

    /// Looks at up to `limit` leaves from `leaf` on, and gives those that the actor may see.
    fn since<'a>(
        &'a self,
        actor: &'a Actor,
        leaf: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Batch, Problem>>;
}

/// What happens, straight from the sealed ledger; an actor sees what the exchange would show it.
#[derive(Debug, Clone)]
pub struct LedgerEvents {
    ledger: Ledger,
    exchange: Exchange,
}

impl LedgerEvents {
    /// Over a ledger and the exchange that judges who takes part in an entry.
    pub fn new(ledger: Ledger, exchange: Exchange) -> Self {
        Self { ledger, exchange }
    }

    async fn look(&self, actor: &Actor, leaf: u64, limit: usize) -> Result<Batch, Problem> {
        let view = self
            .exchange
            .event_view(actor)
            .map_err(|error| error.to_problem())?;
        let sealed = self
            .ledger
            .leaves(leaf, limit)
            .await
            .map_err(|error| error.to_problem())?;
        let next = sealed.last().map_or(leaf, |last| last.leaf + 1);
        let events = sealed
            .into_iter()
            .filter_map(|sealed| {
                let record = Record::decode(&sealed.entry.record).ok()?;
                let shown = view.shown(&record)?;
                let document = shown.text("document").and_then(|id| id.parse().ok());
                Some(Event {
                    leaf: sealed.leaf,
                    at: sealed.entry.at,
                    kind: sealed.entry.kind,
                    document,
                })
            })
            .collect();
        Ok(Batch { events, next })
    }
}

impl Events for LedgerEvents {
    fn sealed(&self) -> watch::Receiver<u64> {
        self.ledger.subscribe()
    }

    fn since<'a>(
        &'a self,
        actor: &'a Actor,
        leaf: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Batch, Problem>> {
        self.look(actor, leaf, limit).boxed()
    }
}

/// `GET /su-kien`
pub(crate) async fn follow(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let place = console
        .streams
        .take(&visitor.actor.label())
        .ok_or_else(|| kinds::SYSTEM_BUSY.problem().retry_after(5))?;
    let sealed = console.events.sealed();
    let newest = *sealed.borrow();
    let seen = headers
        .get("last-event-id")
        .and_then(|field| field.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    let follow = Follow {
        // A number from the future is one of another ledger.
        next: seen.map_or(newest, |seen| seen.saturating_add(1).min(newest)),
        ends_at: console.clock.monotonic() + limits::CONSOLE_STREAM_LIFE,
        asked_at: console.clock.monotonic(),
        stop: console.stop.clone(),
        sealed,
        cookie: visitor.cookie().to_owned(),
        actor: visitor.actor,
        is_greeted: false,
        console,
        _place: place,
    };
    let body = Body::from_stream(stream::unfold(follow, |follow| async {
        let (bytes, follow) = follow.step().await?;
        Some((Ok::<_, Infallible>(bytes), follow))
    }));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        // A proxy that gathers answers would hold the stream back.
        (
            header::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, body).into_response())
}

/// One open stream.
struct Follow {
    console: Console,
    actor: Actor,
    cookie: String,
    next: u64,
    sealed: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    ends_at: Duration,
    /// When the session was looked at last.
    asked_at: Duration,
    is_greeted: bool,
    _place: Place,
}

/// What a stream waited for.
enum Woken {
    More,
    Silence,
    End,
}

impl Follow {
    /// The next piece of the stream; `None` at its end.
    async fn step(mut self) -> Option<(Bytes, Self)> {
        if !self.is_greeted {
            self.is_greeted = true;
            let greeting = format!(
                "retry: {}\n{}",
                limits::EVENT_RETRY.as_millis(),
                beat(self.next)
            );
            return Some((greeting.into(), self));
        }
        loop {
            let now = self.console.clock.monotonic();
            if *self.stop.borrow() || now >= self.ends_at {
                return None;
            }
            // The session may have ended meanwhile, however much happens; a page that only listens does not keep it alive.
            if now.saturating_sub(self.asked_at) >= limits::EVENT_HEARTBEAT {
                self.ask_again().await?;
            }
            let sealed = *self.sealed.borrow_and_update();
            if self.next < sealed {
                // A stream that catches up is never without work: others come first after each batch.
                tokio::task::yield_now().await;
                let batch = self
                    .console
                    .events
                    .since(&self.actor, self.next, limits::EVENTS_AT_ONCE)
                    .await
                    .ok()?;
                self.next = if batch.next > self.next {
                    batch.next
                } else {
                    sealed
                };
                let text: String = batch.events.iter().map(message).collect();
                if !text.is_empty() {
                    return Some((text.into(), self));
                }
                continue;
            }
            match self.wait().await {
                Woken::More => {}
                Woken::End => return None,
                Woken::Silence => {
                    self.ask_again().await?;
                    return Some((beat(self.next).into(), self));
                }
            }
        }
    }

    /// Looks at the session again; `None` if it is over.
    async fn ask_again(&mut self) -> Option<()> {
        self.asked_at = self.console.clock.monotonic();
        let found = self.console.sessions.find(&self.cookie, false).await;
        found.ok()?.map(drop)
    }

    async fn wait(&mut self) -> Woken {
        tokio::select! {
            changed = self.sealed.changed() => match changed {
                Ok(()) => Woken::More,
                Err(_) => Woken::End,
            },
            _ = self.stop.changed() => Woken::End,
            () = tokio::time::sleep(limits::EVENT_HEARTBEAT) => Woken::Silence,
        }
    }
}

/// One message. Its data is one line of JSON, which has no line ends.
fn message(event: &Event) -> String {
    let data = serde_json::to_string(event).unwrap_or_default();
    format!("id: {}\nevent: change\ndata: {data}\n\n", event.leaf)
}

/// A sign of life that also says how far the ledger is; without an id, so that a browser keeps the last one it saw.
fn beat(next: u64) -> String {
    format!("event: beat\ndata: {next}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_of_json() {
        let event = Event {
            leaf: 7,
            at: Timestamp::from_micros(0),
            kind: "document.accepted\n".to_owned(),
            document: None,
        };
        assert_eq!(
            message(&event),
            "id: 7\nevent: change\ndata: {\"at\":\"1970-01-01T00:00:00.000000Z\",\
             \"kind\":\"document.accepted\\n\",\"document\":null}\n\n"
        );
    }
}
