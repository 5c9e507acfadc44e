//! Following one document: a row per step, a branch per recipient, waiting drawn as waiting.
//!
//! What the platform does with a document (waiting, handed over, confirmed) and what the recipient does with it (01–06) are
//! shown side by side and never mixed.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;
use lgsp_base::id::DocumentId;
use lgsp_base::problem::kinds;
use lgsp_base::{Timestamp, limits, vi};
use lgsp_exchange::{OwnReceipt, Trace, TraceDelivery};
use lgsp_store::exchange::{Attempt, Delivery, DeliveryState, Document};
use lgsp_store::ledger::{LedgerError, Subject};
use lgsp_wire::tlog::receipt::{FILE_EXTENSION, MEDIA_TYPE};
use serde::Serialize;

use super::cause::Cause;
use crate::Console;
use crate::error::Failure;
use crate::page::{Page, Place};
use crate::timeline::{Line, Mark, MarkKind, Timeline};
use crate::visitor::Visitor;

/// Narrows the branches to those in trouble.
const TROUBLED_ONLY: &str = "chi-loi";
/// How much of the time line is shown, from its beginning: word and seconds; 0 for all of it.
const ZOOM: &str = "phong";
const ZOOMS: &[(&str, i64)] = &[
    ("het", 0),
    ("giay", 1),
    ("phut", 60),
    ("gio", 3_600),
    ("ngay", 86_400),
];

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct TracePage {
    id: String,
    /// Number and notation, or the sender's id, or ours.
    title: String,
    subject: Option<String>,
    kind: &'static str,
    business: &'static str,
    sender: Party,
    recipients: usize,
    accepted_at: Timestamp,
    expires_at: Timestamp,
    door: String,
    external_id: Option<String>,
    type_name: Option<String>,
    content_bytes: u64,
    attachments: usize,
    sha256: String,
    original: Option<Linked>,
    related: Vec<Linked>,
    erased_at: Option<Timestamp>,
    /// The leaf of the acceptance, once sealed.
    leaf: Option<u64>,
    branches: Vec<Branch>,
    /// Branches in trouble.
    troubled: usize,
    is_troubled_only: bool,
    zoom: &'static str,
    timeline: Timeline,
}

/// An organisation in a role.
#[derive(Debug, Clone, Serialize)]
struct Party {
    id: String,
    name: Option<String>,
    code: String,
}

/// Another document.
#[derive(Debug, Clone, Serialize)]
struct Linked {
    id: String,
    title: String,
    kind: &'static str,
    business: &'static str,
    at: Timestamp,
}

/// The way to one recipient.
#[derive(Debug, Clone, Serialize)]
struct Branch {
    id: String,
    recipient: Party,
    routed_from: Option<String>,
    /// `delivered`, `waiting`, `retrying`, `no_system`, `leased`, `parked`, `dead`, `expired`, `cancelled`.
    transport: &'static str,
    /// The sign of it: `ok`, `slow`, `down`, `unknown`, `paused`.
    sign: &'static str,
    cause: Option<Cause>,
    cause_detail: Option<String>,
    offered_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    /// Milliseconds from acceptance to the end of the delivery.
    took: Option<u64>,
    receipt: Option<String>,
    waiting: Option<Waiting>,
    expires_at: Option<Timestamp>,
    failures: Vec<Failures>,
    statuses: Vec<Reported>,
    attempts: Vec<Tried>,
    is_resend: bool,
    can_resend: bool,
}

/// Waiting for the next try.
#[derive(Debug, Clone, Serialize)]
struct Waiting {
    from: Timestamp,
    until: Timestamp,
    number: i64,
}

/// Tries in a row that failed for one cause.
#[derive(Debug, Clone, Serialize)]
struct Failures {
    cause: Cause,
    count: usize,
    last_at: Timestamp,
}

/// A status report.
#[derive(Debug, Clone, Serialize)]
struct Reported {
    code: String,
    reason: Option<String>,
    at: Timestamp,
    moved: bool,
}

/// One try in full.
#[derive(Debug, Clone, Serialize)]
struct Tried {
    number: i64,
    transport: String,
    started_at: Timestamp,
    millis: Option<u64>,
    outcome: String,
    cause: Option<String>,
    detail: Option<String>,
}

impl Page for TracePage {
    const TEMPLATE: &'static str = "trace.html";
    const PLACE: Place = Place::Documents;
    const FRAGMENTS: &'static [&'static str] = &["way", "drawing", "answer"];

    fn samples() -> Vec<(&'static str, Self)> {
        super::trace_samples::samples()
    }
}

/// `GET /truy-vet/{id}`.
pub(crate) async fn show(
    State(console): State<Console>,
    Path(id): Path<DocumentId>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let trace = console
        .exchange
        .trace(&visitor.actor, id)
        .await
        .map_err(|error| error.to_problem())?;
    let leaf = match console.ledger.leaf_of(Subject::Document(id)).await {
        Ok(leaf) => leaf,
        Err(LedgerError::NotSealed) => None,
        Err(error) => return Err(error.to_problem().into()),
    };
    let view = View {
        now: visitor.now(),
        is_troubled_only: visitor.query.text(TROUBLED_ONLY).is_some(),
        zoom: visitor.query.text(ZOOM).unwrap_or_default(),
    };
    visitor.show(&console, &TracePage::of(trace, leaf, &view))
}

/// `GET /truy-vet/{id}/bien-nhan`: the receipt of a document as a file that verifies without this platform.
pub(crate) async fn receipt(
    State(console): State<Console>,
    Path(id): Path<DocumentId>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let own = console
        .exchange
        .receipt_of(&visitor.actor, id)
        .await
        .map_err(|error| error.to_problem())?;
    let subject = match own {
        OwnReceipt::Acceptance(_) => Subject::Document(id),
        OwnReceipt::Confirmation(receipt) => Subject::Receipt(receipt),
        OwnReceipt::Nothing => return Err(kinds::LEDGER_UNKNOWN.problem().into()),
    };
    let bundle = console
        .ledger
        .receipt_bundle(subject)
        .await
        .map_err(|error| error.to_problem())?
        .ok_or_else(|| kinds::LEDGER_UNKNOWN.problem())?;
    let headers = [
        (header::CONTENT_TYPE, MEDIA_TYPE.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}.{FILE_EXTENSION}\""),
        ),
    ];
    Ok((headers, bundle.encode()).into_response())
}

/// How the visitor looks at it.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// When.
    pub(crate) now: Timestamp,
    /// Only branches in trouble.
    pub(crate) is_troubled_only: bool,
    /// A word of [`ZOOMS`], or anything.
    pub(crate) zoom: &'a str,
}

impl TracePage {
    /// From what the exchange knows, and the leaf of the acceptance.
    pub(crate) fn of(trace: Trace, leaf: Option<u64>, view: &View<'_>) -> Self {
        let document = &trace.document;
        let mut branches: Vec<Branch> = trace
            .deliveries
            .iter()
            .map(|shown| branch(document, shown, &trace.deliveries))
            .collect();
        let (zoom, seconds) = ZOOMS
            .iter()
            .copied()
            .find(|(word, _)| *word == view.zoom)
            .unwrap_or(("het", 0));
        let timeline = drawing(document, &trace.deliveries, seconds, view.now);
        let troubled = branches
            .iter()
            .filter(|branch| branch.sign == "down")
            .count();
        if view.is_troubled_only {
            branches.retain(|branch| matches!(branch.sign, "down" | "slow"));
        }
        Self {
            id: document.id.to_string(),
            title: title(document),
            subject: document.subject.clone(),
            kind: document.kind.name(),
            business: business(document.business_type),
            sender: Party {
                id: document.sender_org.to_string(),
                name: trace.sender_name.clone(),
                code: document.sender_code.clone(),
            },
            recipients: trace.deliveries.len(),
            accepted_at: document.accepted_at,
            expires_at: document.expires_at,
            door: document.door.clone(),
            external_id: document.external_id.clone(),
            type_name: document.type_name.clone(),
            content_bytes: document.content_bytes,
            attachments: count_attachments(document),
            sha256: document.content_sha256.to_string(),
            original: trace.original.as_ref().map(linked),
            related: trace.related.iter().map(linked).collect(),
            erased_at: trace.erasure.as_ref().map(|erasure| erasure.at),
            leaf,
            branches,
            troubled,
            is_troubled_only: view.is_troubled_only,
            zoom,
            timeline,
        }
    }
}

/// What a person would call the document.
pub(crate) fn title(document: &Document) -> String {
    document
        .notation
        .clone()
        .or_else(|| document.external_id.clone())
        .unwrap_or_else(|| document.id.to_string())
}

/// The word for what a document does to another.
pub(crate) const fn business(business_type: Option<u8>) -> &'static str {
    match business_type {
        Some(1) => "recall",
        Some(2) => "update",
        Some(3) => "replace",
        _ => "new",
    }
}

fn linked(document: &Document) -> Linked {
    Linked {
        id: document.id.to_string(),
        title: title(document),
        kind: document.kind.name(),
        business: business(document.business_type),
        at: document.accepted_at,
    }
}

fn count_attachments(document: &Document) -> usize {
    document
        .attachments
        .as_deref()
        .and_then(|text| serde_json::from_str::<Vec<serde_json::Value>>(text).ok())
        .map_or(0, |list| list.len())
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

fn branch(document: &Document, shown: &TraceDelivery, all: &[TraceDelivery]) -> Branch {
    let delivery = &shown.delivery;
    let (transport, sign) = stand(shown);
    let is_sent_again = all
        .iter()
        .any(|other| other.delivery.resend_of == Some(delivery.id));
    Branch {
        id: delivery.id.to_string(),
        recipient: Party {
            id: delivery.recipient_org.to_string(),
            name: shown.recipient_name.clone(),
            code: delivery.recipient_code.clone(),
        },
        routed_from: delivery.is_routed.then(|| delivery.addressed_code.clone()),
        transport,
        sign,
        cause: delivery
            .cause
            .as_deref()
            .filter(|_| delivery.state != DeliveryState::Delivered)
            .map(Cause::of),
        cause_detail: delivery.cause_detail.clone(),
        offered_at: delivery.offered_at,
        closed_at: delivery.closed_at,
        took: delivery
            .closed_at
            .map(|at| millis(document.accepted_at, at)),
        receipt: delivery.receipt.map(|receipt| receipt.to_string()),
        waiting: waiting(delivery, &shown.attempts),
        expires_at: delivery.state.is_open().then_some(delivery.expires_at),
        failures: failures(&shown.attempts),
        statuses: shown
            .statuses
            .iter()
            .map(|status| Reported {
                code: status.code.clone(),
                reason: status.reason.clone(),
                at: status.received_at,
                moved: status.moved,
            })
            .collect(),
        attempts: shown.attempts.iter().map(tried).collect(),
        is_resend: delivery.resend_of.is_some(),
        can_resend: !is_sent_again
            && matches!(
                delivery.state,
                DeliveryState::Parked | DeliveryState::Dead | DeliveryState::Expired
            ),
    }
}

/// The word and the sign of where a delivery stands.
fn stand(shown: &TraceDelivery) -> (&'static str, &'static str) {
    stand_of(&shown.delivery, shown.waits_for_system)
}

/// The same of a delivery alone; `waits_for_system`: nobody could take it at present.
pub(super) fn stand_of(
    delivery: &Delivery,
    waits_for_system: bool,
) -> (&'static str, &'static str) {
    match delivery.state {
        DeliveryState::Delivered => ("delivered", "ok"),
        DeliveryState::Waiting if waits_for_system => ("no_system", "slow"),
        DeliveryState::Waiting if delivery.cause.is_some() => ("retrying", "slow"),
        DeliveryState::Waiting => ("waiting", "unknown"),
        DeliveryState::Leased => ("leased", "unknown"),
        DeliveryState::Parked => ("parked", "down"),
        DeliveryState::Dead => ("dead", "down"),
        DeliveryState::Expired => ("expired", "down"),
        DeliveryState::Cancelled => ("cancelled", "paused"),
    }
}

fn waiting(delivery: &Delivery, attempts: &[Attempt]) -> Option<Waiting> {
    let until = delivery
        .next_attempt_at
        .filter(|_| delivery.state == DeliveryState::Waiting)?;
    let last = attempts.last()?;
    Some(Waiting {
        from: last.finished_at.unwrap_or(last.started_at),
        until,
        number: last.number + 1,
    })
}

/// Failed tries, those in a row with one cause taken together.
fn failures(attempts: &[Attempt]) -> Vec<Failures> {
    let mut rows: Vec<Failures> = Vec::new();
    for attempt in attempts.iter().filter(|attempt| is_failure(attempt)) {
        let cause = Cause::of(attempt.cause.as_deref().unwrap_or_default());
        let at = attempt.finished_at.unwrap_or(attempt.started_at);
        match rows.last_mut().filter(|row| row.cause == cause) {
            Some(row) => {
                row.count += 1;
                row.last_at = at;
            }
            None => rows.push(Failures {
                cause,
                count: 1,
                last_at: at,
            }),
        }
    }
    rows
}

fn is_failure(attempt: &Attempt) -> bool {
    attempt
        .outcome
        .as_deref()
        .is_some_and(|word| word != "confirmed")
}

fn tried(attempt: &Attempt) -> Tried {
    Tried {
        number: attempt.number,
        transport: attempt.transport.clone(),
        started_at: attempt.started_at,
        millis: attempt
            .finished_at
            .map(|finished| millis(attempt.started_at, finished)),
        outcome: attempt.outcome.clone().unwrap_or_else(|| "open".to_owned()),
        cause: attempt.cause.clone(),
        detail: attempt
            .detail
            .as_deref()
            .map(|detail| detail.chars().take(limits::CONSOLE_DETAIL_CHARS).collect()),
    }
}

/// All branches over time, from the acceptance to now or to the next try.
fn drawing(
    document: &Document,
    deliveries: &[TraceDelivery],
    seconds: i64,
    now: Timestamp,
) -> Timeline {
    let from = document.accepted_at;
    let lines: Vec<Line> = deliveries.iter().map(|shown| line(shown, now)).collect();
    let last = lines
        .iter()
        .flat_map(|line| line.marks.iter().map(|mark| mark.at))
        .max()
        .unwrap_or(from);
    let is_open = deliveries
        .iter()
        .any(|shown| shown.delivery.state.is_open());
    let end = if is_open { last.max(now) } else { last };
    let until = if seconds > 0 {
        from.plus(std::time::Duration::from_secs(seconds.unsigned_abs()))
    } else {
        // A little air behind the last mark; a document that was taken at once still gets a span.
        end.plus((end.since(from) / 20).max(std::time::Duration::from_millis(10)))
    };
    Timeline {
        from,
        until,
        from_label: vi::time_of_day(from),
        until_label: vi::time_of_day(until),
        lines,
    }
}

fn line(shown: &TraceDelivery, now: Timestamp) -> Line {
    let delivery = &shown.delivery;
    let mut marks = vec![Mark {
        at: delivery.created_at,
        kind: MarkKind::Ok,
    }];
    let mut mark = |at: Timestamp, kind: MarkKind| marks.push(Mark { at, kind });
    for attempt in &shown.attempts {
        let kind = if is_failure(attempt) {
            MarkKind::Failed
        } else {
            MarkKind::Ok
        };
        mark(attempt.finished_at.unwrap_or(attempt.started_at), kind);
    }
    if let Some(at) = delivery.closed_at {
        let kind = match delivery.state {
            DeliveryState::Delivered => MarkKind::Ok,
            _ => MarkKind::Failed,
        };
        mark(at, kind);
    }
    for status in &shown.statuses {
        mark(status.received_at, MarkKind::Ok);
    }
    let next = delivery
        .next_attempt_at
        .filter(|at| delivery.state == DeliveryState::Waiting && *at > now);
    if let Some(at) = next {
        mark(at, MarkKind::Planned);
    }
    marks.sort_by_key(|mark| mark.at);
    let waits = match (delivery.state.is_open(), delivery.closed_at) {
        (true, _) => vec![(delivery.created_at, next.unwrap_or(now))],
        (false, Some(at)) => vec![(delivery.created_at, at)],
        (false, None) => Vec::new(),
    };
    Line {
        label: shown
            .recipient_name
            .clone()
            .unwrap_or_else(|| delivery.recipient_code.clone()),
        marks,
        waits,
    }
}
