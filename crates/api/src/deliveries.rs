//! Deliveries: find those in trouble, look at one, fetch its content, send it again.

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, OrgId};
use lgsp_base::problem::kinds;
use lgsp_exchange::{ContentTarget, DeliveryFilter, DeliveryState, TroubledGroup, TroubledQuery};
use serde::Serialize;
use utoipa::ToSchema;

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
        ("recipient_id" = Option<String>, Query, description = "Only for this recipient"),
        ("cause" = Option<String>, Query, description = "Only with this cause, as in a group"),
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
        &[
            "state",
            "organisation_id",
            "recipient_id",
            "cause",
            "page_size",
            "page_token",
        ],
        &[],
    )?;
    let page = PageRequest::of(&query)?;
    let filter = DeliveryFilter {
        state: query.parse::<DeliveryState>("state")?,
        party: query.parse::<OrgId>("organisation_id")?,
        recipient: query.parse::<OrgId>("recipient_id")?,
        cause: query.text("cause").map(ToOwned::to_owned),
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

/// Deliveries in trouble for the same cause at the same recipient.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "cause": "http_503", "cause_detail": "503 Service Unavailable", "state": "dead",
    "organisation_id": "org_01jqcy4m9ze5b8q6p6b0w7h3tn", "to": "H99.131", "to_name": "UBND phường Trung Tâm", "count": 412,
    "first_at": "2026-11-05T01:52:00.000000Z", "last_at": "2026-11-05T03:04:00.000000Z",
    "samples": ["dlv_01jqcy4m9zk1m2n3p4q5r6s7t8"]
}))]
pub(crate) struct GroupView {
    /// A stable word, or the recipient's own; empty if nobody said.
    cause: String,
    /// More about the cause of the newest.
    cause_detail: Option<String>,
    /// `parked`, `dead` or `expired`.
    state: &'static str,
    /// The recipient.
    #[schema(value_type = String)]
    organisation_id: OrgId,
    /// The recipient's code.
    to: String,
    /// The recipient's name now.
    to_name: Option<String>,
    /// How many that nobody has sent again.
    count: u64,
    /// When the first of them got into trouble.
    #[schema(value_type = String, format = DateTime)]
    first_at: Timestamp,
    /// When the last of them got into trouble.
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
    /// The newest, at most three.
    #[schema(value_type = Vec<String>)]
    samples: Vec<DeliveryId>,
}

impl From<TroubledGroup> for GroupView {
    fn from(group: TroubledGroup) -> Self {
        Self {
            cause: group.cause,
            cause_detail: group.detail,
            state: group.state.name(),
            organisation_id: group.recipient,
            to: group.recipient_code,
            to_name: group.recipient_name,
            count: group.count,
            first_at: group.first_at,
            last_at: group.last_at,
            samples: group.samples,
        }
    }
}

/// Troubled deliveries in groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupsView {
    /// The largest first, at most 500.
    items: Vec<GroupView>,
    /// Deliveries in all groups.
    total: u64,
    /// When the oldest of them got into trouble.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_at: Option<Timestamp>,
    /// False if there were more deliveries or groups than are looked at.
    is_complete: bool,
}

/// Group troubled deliveries
///
/// By cause, recipient and state; those that nobody has sent again and in which the caller takes part.
#[utoipa::path(get, path = "/api/v1/deliveries/groups", tag = "deliveries",
    params(
        ("state" = Option<String>, Query, description = "`parked`, `dead` or `expired`"),
        ("cause" = Option<String>, Query, description = "Only with this cause"),
        ("recipient_id" = Option<String>, Query, description = "Only for this recipient"),
    ),
    responses((status = 200, description = "The groups", body = GroupsView)))]
pub(crate) async fn groups(
    State(state): State<ApiState>,
    permitted: Permitted<DocumentRead>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["state", "cause", "recipient_id"], &[])?;
    let wanted = TroubledQuery {
        state: query.parse::<DeliveryState>("state")?,
        cause: query.text("cause").map(ToOwned::to_owned),
        org: query.parse::<OrgId>("recipient_id")?,
    };
    let found = state
        .exchange
        .troubled_groups(&permitted.actor, wanted)
        .await?;
    let view = GroupsView {
        items: found.groups.into_iter().map(Into::into).collect(),
        total: found.total,
        oldest_at: found.oldest_at,
        is_complete: found.is_complete,
    };
    Ok(json(StatusCode::OK, &view)?)
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
