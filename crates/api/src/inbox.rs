//! The inbox: fetch what waits, confirm it in order, or refuse it.

use std::str::FromStr;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::id::{DeliveryId, DocumentId, OrgId, ReceiptId, RequestId};
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Problem, Sha256, limits};
use lgsp_exchange::{Acknowledgement, DocumentKind, InboxCursor, InboxItem, InboxQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{InboxReceive, Permitted};
use crate::json::read_json;
use crate::page::PageRequest;
use crate::parts::{self, Part};
use crate::problem::{Facts, Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, json, paged_as};
use crate::view::InboxItemView;

/// A cursor from a page token.
///
/// # Errors
/// `input.invalid` for a token of another list.
pub(crate) fn cursor<T: FromStr>(token: Option<&str>) -> Result<Option<T>, Problem> {
    token
        .map(|text| {
            text.parse().map_err(|_| {
                kinds::INPUT_INVALID
                    .problem()
                    .breaks("page_token", rules::PAGE_TOKEN.plain())
            })
        })
        .transpose()
}

/// List what waits
///
/// Oldest first. With `include=content` small documents come along in base64, up to 8 MiB a page. Whoever accepts
/// `multipart/mixed` gets them as they are: the first part is the page, then comes one part for each content, in the order
/// of the items, with the delivery's id as `Content-ID` and with its `Content-Length`.
#[utoipa::path(get, path = "/api/v1/inbox", tag = "inbox",
    params(
        ("kind" = Option<Vec<String>>, Query, description = "`edoc`, `status`, `plain`, `notice` or `dossier`; repeated"),
        ("include" = Option<String>, Query, description = "`content`"),
        ("after" = Option<String>, Query, description = "Made at or after this time"),
        ("before" = Option<String>, Query, description = "Made before this time"),
        ("organisation_id" = Option<String>, Query, description = "Whose inbox: required for an operator"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before"),
    ),
    responses((status = 200, description = "A page", content(
        (Page<InboxItemView> = "application/json"),
        (Vec<u8> = "multipart/mixed"),
    ))))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    permitted: Permitted<InboxReceive>,
    facts: Facts,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let query = Query::read(
        uri.query(),
        &[
            "include",
            "after",
            "before",
            "organisation_id",
            "page_size",
            "page_token",
        ],
        &["kind"],
    )?;
    let page = PageRequest::of(&query)?;
    let with_content = match query.text("include") {
        None => false,
        Some("content") => true,
        Some(_) => {
            return Err(kinds::INPUT_INVALID
                .problem()
                .breaks("include", rules::WORD.with(&[("words", &"content")]))
                .into());
        }
    };
    let kinds = query
        .all("kind")
        .map(DocumentKind::from_str)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| {
            kinds::INPUT_INVALID.problem().breaks(
                "kind",
                rules::WORD.with(&[("words", &"edoc, status, plain, notice")]),
            )
        })?;
    let wanted = InboxQuery {
        org: query.parse::<OrgId>("organisation_id")?,
        kinds,
        after: cursor::<InboxCursor>(page.after.as_deref())?,
        limit: page.size,
        with_content,
        from: query.time("after")?,
        to: query.time("before")?,
    };
    let mut found = state.exchange.inbox(&permitted.actor, wanted).await?;
    let parts: Option<Vec<Part>> =
        parts::are_accepted(&headers).then(|| found.items.iter_mut().filter_map(part_of).collect());
    let items: Vec<InboxItemView> = found
        .items
        .into_iter()
        .map(|item| InboxItemView::new(item, &facts))
        .collect();
    let next = found.next.map(|next| next.to_string());
    let answer = paged_as(&uri, items, next, |page| match parts {
        Some(parts) => {
            let boundary = RequestId::generate(state.clock.now(), state.entropy.as_ref());
            parts::answer(page, &parts, boundary)
        }
        None => json(StatusCode::OK, page),
    })?;
    Ok(answer)
}

/// Takes the content out of an item, to go behind the page.
fn part_of(item: &mut InboxItem) -> Option<Part> {
    Some(Part {
        id: item.delivery,
        content: item.content.take()?,
        content_type: item.content_type.clone(),
    })
}

/// What is confirmed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledge {
    /// 1 to 1000 deliveries; those of one sender in the order of `seq`.
    deliveries: Vec<AcknowledgeItem>,
}

/// One delivery that is confirmed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AcknowledgeItem {
    /// The delivery.
    #[schema(value_type = String)]
    id: DeliveryId,
    /// The digest of what was received; compared when given.
    #[schema(value_type = Option<String>)]
    sha256: Option<Sha256>,
}

/// What came of each confirmation, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Acknowledged {
    results: Vec<AcknowledgedItem>,
}

/// One confirmation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum AcknowledgedItem {
    /// It is confirmed.
    Confirmed {
        #[schema(value_type = String)]
        id: DeliveryId,
        /// Always `confirmed`.
        status: &'static str,
        #[schema(value_type = String)]
        receipt_id: ReceiptId,
        #[schema(value_type = String)]
        document_id: DocumentId,
        /// True if it had been confirmed before.
        repeated: bool,
    },
    /// It is not.
    Problem {
        #[schema(value_type = String)]
        id: DeliveryId,
        problem: ProblemDocument,
    },
}

/// Confirm deliveries
///
/// Each is confirmed or not on its own; confirming again gets the same receipt.
#[utoipa::path(post, path = "/api/v1/inbox/acknowledge", tag = "inbox", request_body = Acknowledge,
    responses((status = 200, description = "What came of each", body = Acknowledged),
        (status = 400, description = "Not valid", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn acknowledge(
    State(state): State<ApiState>,
    permitted: Permitted<InboxReceive>,
    facts: Facts,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: Acknowledge = read_json(&headers, body, state.clock.as_ref()).await?;
    if !(1..=limits::ACKNOWLEDGE_BATCH_MAX).contains(&request.deliveries.len()) {
        return Err(kinds::INPUT_INVALID
            .problem()
            .breaks(
                "/deliveries",
                rules::RANGE.with(&[("min", &1), ("max", &limits::ACKNOWLEDGE_BATCH_MAX)]),
            )
            .into());
    }
    let wanted = request
        .deliveries
        .iter()
        .map(|item| Acknowledgement {
            delivery: item.id,
            sha256: item.sha256,
        })
        .collect();
    let outcomes = state.exchange.acknowledge(&permitted.actor, wanted).await?;
    let results = outcomes
        .into_iter()
        .map(|outcome| match outcome.result {
            Ok(done) => AcknowledgedItem::Confirmed {
                id: outcome.delivery,
                status: "confirmed",
                receipt_id: done.receipt,
                document_id: done.document,
                repeated: done.repeated,
            },
            Err(problem) => AcknowledgedItem::Problem {
                id: outcome.delivery,
                problem: facts.document(&problem),
            },
        })
        .collect();
    Ok(json(StatusCode::OK, &Acknowledged { results })?)
}

/// A delivery that is not taken.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refuse {
    /// The delivery.
    #[schema(value_type = String)]
    id: DeliveryId,
    /// Why, a short word.
    #[schema(example = "damaged_pdf")]
    cause: String,
    /// Why, in words.
    detail: Option<String>,
}

/// What came of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedView {
    #[schema(value_type = String)]
    id: DeliveryId,
    /// Refusals so far.
    refusals: u32,
    /// True if the delivery is parked now and later ones pass.
    is_parked: bool,
}

/// Refuse a delivery
///
/// After five refusals it is parked, and later documents of the sender pass.
#[utoipa::path(post, path = "/api/v1/inbox/refuse", tag = "inbox", request_body = Refuse,
    responses((status = 200, description = "Counted", body = RefusedView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn refuse(
    State(state): State<ApiState>,
    permitted: Permitted<InboxReceive>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: Refuse = read_json(&headers, body, state.clock.as_ref()).await?;
    let refused = state
        .exchange
        .refuse(&permitted.actor, request.id, request.cause, request.detail)
        .await?;
    let view = RefusedView {
        id: request.id,
        refusals: refused.refusals,
        is_parked: refused.is_parked,
    };
    Ok(json(StatusCode::OK, &view)?)
}
