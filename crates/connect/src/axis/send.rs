//! `sendEdoc` and `getSentEdocList`.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, header};
use lgsp_base::id::DocumentId;
use lgsp_base::problem::kinds;
use lgsp_base::{Problem, Timestamp, limits};
use lgsp_exchange::{
    Delivery, DeliveryState, Document, DocumentFilter, DocumentKind, Door, IntakeKind, Submit,
};
use lgsp_wire::vxp::response::{Response as Frame, SentEdocItem};

use super::request::Caller;
use super::{AxisState, answer, upload};

/// What kind of message a call is about.
pub(super) fn message_kind(caller: &Caller) -> Result<DocumentKind, Problem> {
    if !caller.required("servicetype")?.eq_ignore_ascii_case("eDoc") {
        return Err(wrong("servicetype", "eDoc"));
    }
    match caller.required("messagetype")? {
        "edoc" => Ok(DocumentKind::Edoc),
        "status" => Ok(DocumentKind::Status),
        _ => Err(wrong("messagetype", "edoc, status")),
    }
}

pub(super) fn wrong(parameter: &'static str, allowed: &str) -> Problem {
    kinds::INPUT_INVALID
        .problem()
        .at(parameter, "word", allowed)
}

/// The receivers named by `to`, a JSON array; they replace those of the packet.
fn receivers(caller: &Caller) -> Result<Vec<String>, Problem> {
    let Some(text) = caller.optional("to") else {
        return Ok(Vec::new());
    };
    let list: Vec<String> =
        serde_json::from_str(text).map_err(|_| wrong("to", "a JSON array of codes"))?;
    if list.len() > limits::RECIPIENTS_MAX {
        return Err(
            kinds::EXCHANGE_RECIPIENTS.with(format_args!("at most {}", limits::RECIPIENTS_MAX))
        );
    }
    Ok(list)
}

/// Accepts a packet. A second arrival of the same one gets the same `DocId`: clients retry (protocols §2.2).
pub(super) async fn send(
    state: &AxisState,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let kind = message_kind(caller)?;
    let sender = caller.required("from")?.to_owned();
    let recipients = receivers(caller)?;
    let hash_file = caller.required("hash-file")?;
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let intake = state
        .exchange
        .intake(IntakeKind::Edxml, &caller.actor, declared)?;
    let content = upload::file(body, intake, hash_file, state.clock.as_ref()).await?;
    if content.kind() != kind {
        return Err(wrong("messagetype", "the packet is of the other kind"));
    }
    let accepted = state
        .exchange
        .submit(Submit {
            sender: Some(sender),
            recipients,
            ..Submit::new(caller.actor.clone(), Door::Axis, content)
        })
        .await?;
    Ok(answer::frame(&Frame::<()>::with_doc_id(
        &accepted.document.to_string(),
    )))
}

/// Lists what the caller sent: one document's deliveries with `docId`, otherwise those of the newest documents.
pub(super) async fn list(state: &AxisState, caller: &Caller) -> Result<Response, Problem> {
    let kind = message_kind(caller)?;
    let rows = match caller.optional("docId") {
        Some(text) => {
            let id: DocumentId = text
                .parse()
                .map_err(|_| kinds::EXCHANGE_DOCUMENT_UNKNOWN.problem())?;
            let trace = state.exchange.trace(&caller.actor, id).await?;
            let deliveries = trace
                .deliveries
                .into_iter()
                .map(|entry| entry.delivery)
                .collect();
            vec![(trace.document, deliveries)]
        }
        None => {
            let filter = DocumentFilter {
                kinds: vec![kind],
                limit: limits::PAGE_SIZE_DEFAULT,
                ..DocumentFilter::default()
            };
            let found = state.exchange.sent(&caller.actor, filter).await?;
            found
                .into_iter()
                .map(|row| (row.document, row.deliveries))
                .collect()
        }
    };
    let items: Vec<SentEdocItem> = rows
        .iter()
        .filter(|(document, _)| document.kind == kind)
        .flat_map(|(document, deliveries)| {
            deliveries.iter().map(|delivery| item(document, delivery))
        })
        .collect();
    Ok(answer::frame(&Frame::with_data(items)))
}

fn item(document: &Document, delivery: &Delivery) -> SentEdocItem {
    let (receive_status, receive_status_desc) = transport_status(delivery);
    SentEdocItem {
        sender_doc_id: document.id.to_string(),
        receiver_doc_id: delivery.id.to_string(),
        from_code: document.sender_code.clone(),
        to_code: delivery.recipient_code.clone(),
        service_type: "eDoc".to_owned(),
        message_type: message_type(document.kind).to_owned(),
        title: document.subject.clone().unwrap_or_default(),
        notation: document.notation.clone().unwrap_or_default(),
        sent_time: time(document.accepted_at),
        received_time: match delivery.state {
            DeliveryState::Delivered => delivery.closed_at.map(time).unwrap_or_default(),
            _ => String::new(),
        },
        send_status: "done".to_owned(),
        send_status_desc: "Đã gửi".to_owned(),
        receive_status: receive_status.to_owned(),
        receive_status_desc: receive_status_desc.to_owned(),
    }
}

/// The word of the axis for a kind of message.
pub(super) fn message_type(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Status => "status",
        // Pushes about dossiers stand in no list of the axis.
        DocumentKind::Edoc | DocumentKind::Plain | DocumentKind::Notice | DocumentKind::Dossier => {
            "edoc"
        }
    }
}

/// The transport state of a delivery in the axis's words.
fn transport_status(delivery: &Delivery) -> (&'static str, &'static str) {
    match delivery.state {
        DeliveryState::Delivered => ("done", "Đã nhận"),
        DeliveryState::Waiting | DeliveryState::Leased if delivery.offered_at.is_some() => {
            ("processing", "Đang xử lý")
        }
        DeliveryState::Waiting | DeliveryState::Leased => ("initial", "Chưa nhận"),
        DeliveryState::Parked => ("fail", "Đơn vị nhận từ chối nhiều lần"),
        DeliveryState::Dead => ("fail", "Không giao được"),
        DeliveryState::Expired => ("fail", "Hết hạn nhận"),
        DeliveryState::Cancelled => ("fail", "Đã thu hồi trước khi nhận"),
    }
}

/// `yyyy-MM-dd HH:mm:ss` in Vietnam.
pub(super) fn time(at: Timestamp) -> String {
    at.to_edxml().replace('/', "-")
}
