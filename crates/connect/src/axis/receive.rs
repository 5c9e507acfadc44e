//! `getReceivedEdocList`, `getEdoc`, `downloadEdoc`, `updateStatus` and the counts.
//!
//! The `docId` that a receiver sees is the id of its delivery, so that an acknowledgement concerns one receiver.

use std::io::{Cursor, Read};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderName, HeaderValue, header};
use lgsp_base::id::{DeliveryId, DocumentId};
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Problem, Timestamp, limits};
use lgsp_exchange::{
    Acknowledgement, ContentBody, ContentStream, ContentTarget, InboxItem, InboxQuery, Waiting,
};
use lgsp_wire::vxp::response::{EdocListItem, Response as Frame};

use super::request::Caller;
use super::send::{message_kind, message_type, time, wrong};
use super::{AxisState, answer};

/// Bytes that are read and encoded at once: a multiple of three, so that base64 has no padding in the middle.
const PIECE_BYTES: usize = 192 * 1024;
/// Pages that a caller may skip: it acknowledges what it read, so it has no need to go far.
const PAGE_INDEX_MAX: usize = 1_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Lists what waits. Pages count from 1; 0 is taken as the first one, too.
pub(super) async fn list(state: &AxisState, caller: &Caller) -> Result<Response, Problem> {
    let kind = message_kind(caller)?;
    let size = number(caller, "pageSize", limits::PAGE_SIZE_MAX)?.unwrap_or(limits::PAGE_SIZE_MAX);
    let index = number(caller, "pageIndex", PAGE_INDEX_MAX)?
        .unwrap_or(1)
        .max(1);
    let mut query = InboxQuery {
        kinds: vec![kind],
        limit: size.max(1),
        from: date(caller, "fromDate")?.map(|(at, _)| at),
        to: date(caller, "toDate")?.map(end_of),
        ..InboxQuery::default()
    };
    let mut page = state.exchange.inbox(&caller.actor, query.clone()).await?;
    for _ in 1..index {
        let Some(next) = page.next else {
            page.items.clear();
            break;
        };
        query.after = Some(next);
        page = state.exchange.inbox(&caller.actor, query.clone()).await?;
    }
    let items: Vec<EdocListItem> = page.items.iter().map(item).collect();
    Ok(answer::frame(&Frame::with_data(items)))
}

fn number(caller: &Caller, name: &'static str, most: usize) -> Result<Option<usize>, Problem> {
    caller
        .optional(name)
        .map(|text| {
            text.parse()
                .ok()
                .filter(|number| *number <= most)
                .ok_or_else(|| {
                    kinds::INPUT_INVALID
                        .problem()
                        .at(name, "range", format_args!("0–{most}"))
                })
        })
        .transpose()
}

/// A time, or a whole day (`true`).
fn date(caller: &Caller, name: &'static str) -> Result<Option<(Timestamp, bool)>, Problem> {
    caller
        .optional(name)
        .map(|text| read_date(name, text))
        .transpose()
}

/// A time, or a whole day (`true`).
pub(super) fn read_date(name: &'static str, text: &str) -> Result<(Timestamp, bool), Problem> {
    Timestamp::from_civil_date(text)
        .map(|at| (at, true))
        .or_else(|| Timestamp::from_edxml(&text.replace('-', "/")).map(|at| (at, false)))
        .or_else(|| Timestamp::parse(text).map(|at| (at, false)))
        .ok_or_else(|| wrong(name, "yyyy/MM/dd"))
}

/// The end of a span whose last moment or day this is.
pub(super) fn end_of((at, is_day): (Timestamp, bool)) -> Timestamp {
    if is_day { at.plus(DAY) } else { at }
}

/// What becomes of a waiting packet: word, description, since when.
pub(super) fn waiting_status(item: &InboxItem) -> (&'static str, &'static str, Timestamp) {
    match item.offered_at {
        Some(at) => ("processing", "Đang xử lý", at),
        None => ("initial", "Chưa nhận", item.created_at),
    }
}

fn item(item: &InboxItem) -> EdocListItem {
    let (status, status_desc, updated_at) = waiting_status(item);
    EdocListItem {
        doc_id: item.delivery.to_string(),
        service_type: "eDoc".to_owned(),
        message_type: message_type(item.kind).to_owned(),
        created_time: time(item.created_at),
        updated_time: time(updated_at),
        from: item.sender_code.clone(),
        to: item.recipient_code.clone(),
        status: status.to_owned(),
        status_desc: status_desc.to_owned(),
    }
}

/// The packet that `docId` names: a delivery of the caller, or a document that it sent.
async fn packet(state: &AxisState, caller: &Caller) -> Result<ContentStream, Problem> {
    let target = target(caller.required("docId")?)?;
    Ok(state.exchange.content(&caller.actor, target).await?)
}

/// What a `docId` names.
pub(super) fn target(doc_id: &str) -> Result<ContentTarget, Problem> {
    match (doc_id.parse::<DeliveryId>(), doc_id.parse::<DocumentId>()) {
        (Ok(delivery), _) => Ok(ContentTarget::Delivery(delivery)),
        (_, Ok(document)) => Ok(ContentTarget::Document(document)),
        _ => Err(kinds::EXCHANGE_DELIVERY_UNKNOWN.problem()),
    }
}

/// The bytes of a content.
pub(super) fn reader(body: ContentBody) -> Box<dyn Read + Send> {
    match body {
        ContentBody::Bytes(bytes) => Box::new(Cursor::new(bytes)),
        ContentBody::Blob(reader) => reader,
    }
}

/// Reads a source piece by piece on the blocking pool, each when the one before was taken.
fn pieces(
    source: Box<dyn Read + Send>,
    form: fn(Vec<u8>) -> Vec<u8>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    stream::try_unfold(source, move |mut source| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0u8; PIECE_BYTES];
            let mut filled = 0;
            while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match source.read(rest)? {
                    0 => break,
                    count => filled += count,
                }
            }
            piece.truncate(filled);
            Ok::<_, std::io::Error>((source, piece))
        });
        let (source, piece) = read.await.map_err(std::io::Error::other)??;
        Ok((!piece.is_empty()).then(|| (Bytes::from(form(piece)), source)))
    })
}

/// The packet in base64 inside JSON; flat in memory whatever its size.
pub(super) async fn fetch_in_json(state: &AxisState, caller: &Caller) -> Result<Response, Problem> {
    let packet = packet(state, caller).await?;
    let encoded_bytes = packet.document.content_bytes.div_ceil(3) * 4;
    Ok(match packet.body {
        ContentBody::Bytes(bytes) => {
            let text = Bytes::from(STANDARD.encode(bytes));
            answer::text(encoded_bytes, stream::iter([Ok(text)]))
        }
        body => answer::text(
            encoded_bytes,
            pieces(reader(body), |piece| STANDARD.encode(piece).into_bytes()),
        ),
    })
}

/// The packet as it is.
pub(super) async fn download(state: &AxisState, caller: &Caller) -> Result<Response, Problem> {
    let packet = packet(state, caller).await?;
    let bytes = packet.document.content_bytes;
    let body = match packet.body {
        ContentBody::Bytes(bytes) => Body::from(bytes),
        body => Body::from_stream(pieces(reader(body), |piece| piece)),
    };
    let mut response = body.into_response();
    let fields: [(HeaderName, HeaderValue); 4] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"packet.edxml\""),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(bytes)),
    ];
    response.headers_mut().extend(fields);
    Ok(response)
}

/// Acknowledges (`done`) or refuses (`fail`) the transport; `processing` changes nothing.
pub(super) async fn update_status(state: &AxisState, caller: &Caller) -> Result<Response, Problem> {
    let delivery: DeliveryId = caller
        .required("docId")?
        .parse()
        .map_err(|_| kinds::EXCHANGE_DELIVERY_UNKNOWN.problem())?;
    match caller.required("status")? {
        "done" => confirm(state, &caller.actor, delivery).await?,
        "fail" => refuse(state, &caller.actor, delivery).await?,
        "processing" => {
            state.exchange.delivery(&caller.actor, delivery).await?;
        }
        _ => return Err(wrong("status", "done, fail, processing")),
    }
    Ok(answer::frame(&Frame::<()>::ok()))
}

/// The recipient has a packet.
pub(super) async fn confirm(
    state: &AxisState,
    actor: &Actor,
    delivery: DeliveryId,
) -> Result<(), Problem> {
    let item = Acknowledgement {
        delivery,
        sha256: None,
    };
    for outcome in state.exchange.acknowledge(actor, vec![item]).await? {
        outcome.result?;
    }
    Ok(())
}

/// The recipient cannot take a packet.
pub(super) async fn refuse(
    state: &AxisState,
    actor: &Actor,
    delivery: DeliveryId,
) -> Result<(), Problem> {
    let cause = "axis_fail".to_owned();
    state.exchange.refuse(actor, delivery, cause, None).await?;
    Ok(())
}

/// Counts what waits.
pub(super) async fn count(
    state: &AxisState,
    caller: &Caller,
    of: fn(&Waiting) -> u64,
) -> Result<Response, Problem> {
    let waiting = state.exchange.count_waiting(&caller.actor, None).await?;
    Ok(answer::frame(&Frame::<()>::with_count(of(&waiting))))
}
