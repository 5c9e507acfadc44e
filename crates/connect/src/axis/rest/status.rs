//! `updateStatus`: what a recipient did with a packet, and with the document in it.
//!
//! In this flavour recipients send no status messages of their own. So a code, or the keyword for it, both confirms the
//! delivery and makes the status message that goes to the sender.

use axum::response::Response;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId};
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Problem};
use lgsp_exchange::{ContentTarget, DocumentKind, Door, StatusReport};
use lgsp_wire::axis_rest::{Reply, Update, UpdateRequest};
use lgsp_wire::edxml::StatusCode;

use super::answer;
use crate::axis::AxisState;
use crate::axis::receive::{confirm, refuse, target};
use crate::axis::send::wrong;

/// The reason where a code needs one and the call, which has no field for it, gives none.
const NO_REASON: &str = "Hệ thống nhận không nêu lý do";

/// Takes a status. Repeating it changes nothing.
pub(super) async fn update(
    state: &AxisState,
    actor: &Actor,
    body: &[u8],
) -> Result<Response, Problem> {
    let request: UpdateRequest =
        serde_json::from_slice(body).map_err(|_| kinds::INPUT_JSON.problem())?;
    let update = Update::from_word(&request.status).ok_or_else(|| {
        let words: Vec<&str> = Update::WORDS.iter().map(|(word, _)| *word).collect();
        wrong(
            "status",
            &format!("01–06, 13, 15, 16, {}", words.join(", ")),
        )
    })?;
    match (target(&request.doc_id)?, update) {
        (ContentTarget::Delivery(delivery), Update::Done) => {
            confirm(state, actor, delivery).await?;
        }
        (ContentTarget::Delivery(delivery), Update::Fail) => refuse(state, actor, delivery).await?,
        (ContentTarget::Delivery(delivery), Update::Report(code)) => {
            receive(state, actor, delivery, code, &request).await?;
        }
        // The sender asks to take its document back; everything else is a recipient's to say.
        (ContentTarget::Document(document), Update::Report(code)) if code.is_from_sender() => {
            let key = format!("axis-rest:{document}:{}", code.as_text());
            report(state, actor, document, report_of(code, key, &request)).await?;
        }
        (ContentTarget::Document(_), _) => {
            return Err(kinds::EXCHANGE_DELIVERY_UNKNOWN.problem());
        }
    }
    Ok(answer::reply(&Reply::<()>::ok()))
}

/// Confirms the delivery, then reports. When the second is lost, the repetition does it.
async fn receive(
    state: &AxisState,
    actor: &Actor,
    delivery: DeliveryId,
    code: StatusCode,
    request: &UpdateRequest,
) -> Result<(), Problem> {
    if code.is_from_sender() {
        return Err(wrong("status", "13 is the sender's, with its own docId"));
    }
    confirm(state, actor, delivery).await?;
    let (document, shown) = state.exchange.delivery(actor, delivery).await?;
    if document.kind != DocumentKind::Edoc {
        // Nobody reports about a report.
        return Ok(());
    }
    let key = format!("axis-rest:{delivery}:{}", code.as_text());
    let message = StatusReport {
        reporter: speaker(state, actor, shown.delivery.recipient_org),
        ..report_of(code, key, request)
    };
    report(state, actor, document.id, message).await
}

/// In whose name: that of the recipient where the system speaks for it, else of whoever succeeded it.
fn speaker(state: &AxisState, actor: &Actor, recipient: OrgId) -> Option<OrgId> {
    let Actor::System { system, .. } = actor else {
        return None;
    };
    let snapshot = state.registry.snapshot();
    snapshot
        .may_send_as(*system, recipient)
        .then_some(recipient)
}

fn report_of(code: StatusCode, key: String, request: &UpdateRequest) -> StatusReport {
    let given = Some(request.description.trim()).filter(|text| !text.is_empty());
    StatusReport {
        code: code.as_text().to_owned(),
        reason: given
            .or_else(|| code.needs_reason().then_some(NO_REASON))
            .map(ToOwned::to_owned),
        at: None,
        staff: None,
        reporter: None,
        idempotency_key: Some(key),
        door: Door::Axis,
    }
}

async fn report(
    state: &AxisState,
    actor: &Actor,
    document: DocumentId,
    message: StatusReport,
) -> Result<(), Problem> {
    state
        .exchange
        .report_status(actor, document, message)
        .await?;
    Ok(())
}
