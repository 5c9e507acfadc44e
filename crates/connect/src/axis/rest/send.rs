//! `sendEdoc`.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, header};
use lgsp_base::{Actor, Problem};
use lgsp_exchange::{Door, IntakeKind, Submit};
use lgsp_wire::axis_rest::{MessageType, Reply};

use super::{answer, form};
use crate::axis::AxisState;
use crate::axis::send::wrong;

/// The words of message types, for a refusal.
const MESSAGE_TYPES: &str = "edoc, replacement, revocation, update, status";

/// Reads a message type.
///
/// # Errors
/// `input.invalid`.
pub(super) fn message_type(word: Option<&str>) -> Result<MessageType, Problem> {
    word.and_then(MessageType::from_word)
        .ok_or_else(|| wrong("messageType", MESSAGE_TYPES))
}

/// Accepts a packet; sender and receivers are those that it names. A second arrival of the same one gets the same `docId`.
pub(super) async fn send(
    state: &AxisState,
    actor: &Actor,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let intake = state.exchange.intake(IntakeKind::Edxml, actor, declared)?;
    let form = form::read(headers, body, intake, state.clock.as_ref()).await?;
    let kind = message_type(form.text("messageType"))?;
    let is_document = form
        .text("serviceType")
        .is_none_or(|word| word.eq_ignore_ascii_case("eDoc"));
    if !is_document {
        return Err(wrong("serviceType", "eDoc"));
    }
    if !form
        .content
        .packet()
        .is_some_and(|packet| kind.fits(packet))
    {
        return Err(wrong("messageType", "the packet is of another kind"));
    }
    let submit = Submit::new(actor.clone(), Door::Axis, form.content);
    let accepted = state.exchange.submit(submit).await?;
    Ok(answer::reply(&Reply::<()> {
        doc_id: Some(accepted.document.to_string()),
        ..Reply::ok()
    }))
}
