//! `syncReceivedEdocList`.

use axum::response::Response;
use lgsp_base::{Actor, Problem, limits};
use lgsp_exchange::{DocumentKind, InboxItem, InboxQuery};
use lgsp_wire::axis_rest::{MessageType, ReceivedItem, Reply};

use super::answer;
use super::caller::Query;
use super::send::message_type;
use crate::axis::AxisState;
use crate::axis::receive::{end_of, read_date, waiting_status};
use crate::axis::send::time;

/// Lists what waits, oldest first, at most `limits::PAGE_SIZE_MAX`: what is confirmed makes room for the rest.
pub(super) async fn list(
    state: &AxisState,
    actor: &Actor,
    query: &Query,
) -> Result<Response, Problem> {
    let kind = message_type(query.optional("messageType"))?;
    let date = |name| {
        query
            .optional(name)
            .map(|text| read_date(name, text))
            .transpose()
    };
    let mut wanted = InboxQuery {
        kinds: vec![match kind {
            MessageType::Status => DocumentKind::Status,
            _ => DocumentKind::Edoc,
        }],
        limit: limits::PAGE_SIZE_MAX,
        from: date("fromDate")?.map(|(at, _)| at),
        to: date("toDate")?.map(end_of),
        ..InboxQuery::default()
    };
    let mut items = Vec::new();
    loop {
        let page = state.exchange.inbox(actor, wanted.clone()).await?;
        let fitting = page.items.iter().filter(|item| {
            kind.business_type()
                .is_none_or(|wanted| item.business_type == Some(wanted))
        });
        items.extend(fitting.map(|found| item(found, kind)));
        match page.next {
            Some(next) if items.is_empty() => wanted.after = Some(next),
            _ => break,
        }
    }
    Ok(answer::reply(&Reply {
        count: Some(items.len()),
        ..Reply::with_data(items)
    }))
}

fn item(item: &InboxItem, kind: MessageType) -> ReceivedItem {
    let (status, status_desc, updated_at) = waiting_status(item);
    ReceivedItem {
        doc_id: item.delivery.to_string(),
        service_type: "eDoc".to_owned(),
        message_type: kind.word().to_owned(),
        created_time: time(item.created_at),
        updated_time: time(updated_at),
        from: item.sender_code.clone(),
        to: item.recipient_code.clone(),
        status: status.to_owned(),
        status_desc: status_desc.to_owned(),
    }
}
