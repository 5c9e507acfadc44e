//! Deliveries: find those in trouble, look at one, fetch its content, send it again.

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::id::{DeliveryId, OrgId};
use lgsp_base::problem::kinds;
use lgsp_exchange::{ContentTarget, DeliveryFilter, DeliveryState};

use crate::ApiState;
use crate::auth::{DeliveryResend, DocumentRead, InboxReceive, Permitted};
use crate::content;
use crate::page::PageRequest;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, id, json, paged, tagged};
use crate::view::{DeliveryView, TraceDeliveryView};

/// List deliveries
///
/// Those in which the caller is sender or recipient, newest first. Without `state` those in trouble: parked, dead, expired.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "deliveries",
    params(
        ("state" = Option<String>, Query, description = "`waiting`, `leased`, `delivered`, `parked`, `dead`, `expired` or `cancelled`"),
        ("organisation_id" = Option<String>, Query, description = "Whose, of those for which the caller speaks; all by default"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<DeliveryView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(
        uri.query(),
        &["state", "organisation_id", "page_size", "page_token"],
        &[],
    )?;
    let page = PageRequest::of(&query)?;
    let filter = DeliveryFilter {
        state: query.parse::<DeliveryState>("state")?,
        party: query.parse::<OrgId>("organisation_id")?,
        before: crate::inbox::cursor(page.after.as_deref())?,
        limit: page.size,
    };
    let found = state.exchange.deliveries(&permitted.actor, filter).await?;
    let next = (found.len() >= page.size)
        .then(|| found.last().map(|delivery| delivery.id.to_string()))
        .flatten();
    let items: Vec<DeliveryView> = found.into_iter().map(Into::into).collect();
    Ok(paged(&uri, items, next)?)
}

/// Show a delivery
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "deliveries",
    params(("id" = String, Path, description = "The delivery")),
    responses((status = 200, description = "The delivery with its tries and statuses", body = TraceDeliveryView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn fetch(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    Path(delivery): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let delivery: DeliveryId = id(&delivery, &kinds::EXCHANGE_DELIVERY_UNKNOWN)?;
    let (_, delivery) = state.exchange.delivery(&permitted.actor, delivery).await?;
    Ok(tagged(&headers, &TraceDeliveryView::from(delivery), None)?)
}

/// Fetch a delivery's content
///
/// The identical bytes that were handed in; counts as a hand-over to the recipient.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}/content", tag = "deliveries",
    params(("id" = String, Path, description = "The delivery")),
    responses((status = 200, description = "The bytes, in the type they came in", body = Vec<u8>, content_type = "*/*"),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn content(
    State(state): State<ApiState>,
    permitted: Permitted<InboxReceive>,
    Path(delivery): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let delivery = id(&delivery, &kinds::EXCHANGE_DELIVERY_UNKNOWN)?;
    content::answer(
        &state,
        &permitted.actor,
        ContentTarget::Delivery(delivery),
        &headers,
    )
    .await
}

/// Send a delivery again
///
/// A parked, dead or expired one; it takes a new place in the order. Asking again names the delivery that was made.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/resend", tag = "deliveries",
    params(("id" = String, Path, description = "The delivery")),
    responses((status = 202, description = "The new delivery", body = DeliveryView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "Still open", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn resend(
    State(state): State<ApiState>,
    permitted: Permitted<DeliveryResend>,
    Path(delivery): Path<String>,
) -> Result<Response, Failure> {
    let delivery: DeliveryId = id(&delivery, &kinds::EXCHANGE_DELIVERY_UNKNOWN)?;
    let renewed = state.exchange.resend(&permitted.actor, delivery).await?;
    Ok(json(StatusCode::ACCEPTED, &DeliveryView::from(renewed))?)
}
