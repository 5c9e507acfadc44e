//! Push endpoints: proposed by a system's owner, approved by an operator, switched off by either.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::id::{SystemId, WebhookId};
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Problem, Timestamp};
use lgsp_registry::Snapshot;
use lgsp_registry::model::Webhook;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{Permitted, WebhookApprove, WebhookWrite};
use crate::json::read_json;
use crate::page::{PageRequest, require_match, version_tag};
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, id, json, once, paged, tagged};

/// A push endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookView {
    #[schema(value_type = String)]
    id: WebhookId,
    #[schema(value_type = String)]
    system_id: SystemId,
    url: String,
    /// `proposed`, `active` or `disabled`.
    state: &'static str,
    approved_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    approved_at: Option<Timestamp>,
    /// Since when every call failed.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id,
            system_id: webhook.system,
            url: webhook.url.clone(),
            state: webhook.state.name(),
            approved_by: webhook.approved_by.clone(),
            approved_at: webhook.approved_at,
            failing_since: webhook.failing_since,
            created_at: webhook.created_at,
        }
    }
}

fn version(webhook: &Webhook) -> i64 {
    i64::try_from(webhook.version).unwrap_or(i64::MAX)
}

/// An endpoint that the actor may see; another one's is as unknown as none.
fn lookup<'s>(snapshot: &'s Snapshot, actor: &Actor, text: &str) -> Result<&'s Webhook, Problem> {
    let id: WebhookId = id(text, &kinds::WEBHOOK_UNKNOWN)?;
    snapshot
        .connections()
        .webhook(id)
        .filter(|webhook| match actor {
            Actor::System { system, .. } => webhook.system == *system,
            Actor::Operator { .. } | Actor::Platform { .. } => true,
        })
        .ok_or_else(|| kinds::WEBHOOK_UNKNOWN.problem())
}

/// List push endpoints
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks",
    params(
        ("system" = Option<String>, Query, description = "For an operator: of this system"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<WebhookView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    permitted: Permitted<WebhookWrite>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["system", "page_size", "page_token"], &[])?;
    let page = PageRequest::of(&query)?;
    let after = crate::inbox::cursor::<WebhookId>(page.after.as_deref())?;
    let snapshot = state.registry.snapshot();
    let wanted = match &permitted.actor {
        Actor::System { system, .. } => Some(*system),
        _ => query.parse::<SystemId>("system")?,
    };
    let systems: Vec<SystemId> = match wanted {
        Some(system) => vec![system],
        None => snapshot
            .connections()
            .systems()
            .map(|system| system.id)
            .collect(),
    };
    let mut found: Vec<&Webhook> = systems
        .iter()
        .flat_map(|system| snapshot.webhooks_of(*system))
        .filter(|webhook| after.is_none_or(|after| webhook.id > after))
        .collect();
    found.sort_unstable_by_key(|webhook| webhook.id);
    let has_more = found.len() > page.size;
    found.truncate(page.size);
    let next = has_more
        .then(|| found.last().map(|webhook| webhook.id.to_string()))
        .flatten();
    let items: Vec<WebhookView> = found.into_iter().map(Into::into).collect();
    Ok(paged(&uri, items, next)?)
}

/// An endpoint with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewWebhookView {
    #[serde(flatten)]
    webhook: WebhookView,
    /// With it `v1` signatures are verified: `whsec_` and base64. Keep it secret, or verify `v1a` by the public key instead.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// Another secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotatedSecretView {
    /// `whsec_` and base64.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// Until when pushes are signed with the secret before, too.
    #[schema(value_type = String, format = DateTime)]
    old_until: Timestamp,
}

/// A wished endpoint.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProposeWebhook {
    /// Where to. Private addresses need the operator's allow-list.
    #[schema(example = "https://qlvb.skhcn.binhan.example/lgsp")]
    url: String,
    /// For an operator: of which system.
    system_id: Option<String>,
}

/// Propose an endpoint
///
/// Nothing is sent to it before an operator approves it. The answer carries the endpoint's secret, this once.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = ProposeWebhook,
    responses((status = 201, description = "Proposed", body = NewWebhookView),
        (status = 422, description = "The address is not allowed", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn propose(
    State(state): State<ApiState>,
    permitted: Permitted<WebhookWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: ProposeWebhook = read_json(&headers, body, state.clock.as_ref()).await?;
    let system = match (&permitted.actor, &request.system_id) {
        (Actor::System { system, .. }, None) => *system,
        (_, Some(text)) => id(text, &kinds::SYSTEM_UNKNOWN)?,
        (_, None) => {
            return Err(kinds::INPUT_INVALID
                .problem()
                .breaks("/system_id", rules::OPERATOR_NAMES.plain())
                .into());
        }
    };
    (state.endpoint_policy)(&request.url)?;
    let new = state
        .registry
        .propose_webhook(&permitted.actor, system, &request.url)
        .await
        .map_err(|error| error.to_problem())?;
    let snapshot = state.registry.snapshot();
    let webhook = snapshot
        .connections()
        .webhook(new.webhook)
        .ok_or_else(|| kinds::SYSTEM_INTERNAL.problem())?;
    let view = NewWebhookView {
        webhook: webhook.into(),
        secret: new.secret.expose().clone(),
    };
    Ok(once(json(StatusCode::CREATED, &view)?))
}

/// Rotate an endpoint's secret
///
/// The answer carries the new one, this once. Pushes are signed with both for a day. Needs `If-Match`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/secret", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint"), ("If-Match" = String, Header, description = "Its ETag")),
    responses((status = 200, description = "The new secret", body = RotatedSecretView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has changed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn rotate(
    State(state): State<ApiState>,
    permitted: Permitted<WebhookWrite>,
    Path(webhook): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let snapshot = state.registry.snapshot();
    let webhook = lookup(&snapshot, &permitted.actor, &webhook)?;
    require_match(&headers, &version_tag(version(webhook)))?;
    let rotated = state
        .registry
        .rotate_webhook_secret(&permitted.actor, webhook.id)
        .await
        .map_err(|error| error.to_problem())?;
    let view = RotatedSecretView {
        secret: rotated.secret.expose().clone(),
        old_until: rotated.old_until,
    };
    Ok(once(json(StatusCode::OK, &view)?))
}

/// Show an endpoint
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint")),
    responses((status = 200, description = "The endpoint", body = WebhookView, headers(("ETag" = String))),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn fetch(
    State(state): State<ApiState>,
    permitted: Permitted<WebhookWrite>,
    Path(webhook): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let snapshot = state.registry.snapshot();
    let webhook = lookup(&snapshot, &permitted.actor, &webhook)?;
    Ok(tagged(
        &headers,
        &WebhookView::from(webhook),
        Some(version(webhook)),
    )?)
}

/// Approve an endpoint
///
/// Needs `If-Match`: what is approved is what was looked at.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/approve", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint"), ("If-Match" = String, Header, description = "Its ETag")),
    responses((status = 200, description = "Active", body = WebhookView),
        (status = 404, description = "Unknown", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has changed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn approve(
    State(state): State<ApiState>,
    permitted: Permitted<WebhookApprove>,
    Path(webhook): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let snapshot = state.registry.snapshot();
    let webhook = lookup(&snapshot, &permitted.actor, &webhook)?;
    require_match(&headers, &version_tag(version(webhook)))?;
    (state.endpoint_policy)(&webhook.url)?;
    state
        .registry
        .approve_webhook(&permitted.actor, webhook.id)
        .await
        .map_err(|error| error.to_problem())?;
    let snapshot = state.registry.snapshot();
    let webhook = snapshot
        .connections()
        .webhook(webhook.id)
        .ok_or_else(|| kinds::SYSTEM_INTERNAL.problem())?;
    Ok(tagged(
        &HeaderMap::new(),
        &WebhookView::from(webhook),
        Some(version(webhook)),
    )?)
}

/// Switch an endpoint off
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint"), ("If-Match" = String, Header, description = "Its ETag")),
    responses((status = 204, description = "Off"),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has changed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn disable(
    State(state): State<ApiState>,
    permitted: Permitted<WebhookWrite>,
    Path(webhook): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let snapshot = state.registry.snapshot();
    let webhook = lookup(&snapshot, &permitted.actor, &webhook)?;
    require_match(&headers, &version_tag(version(webhook)))?;
    state
        .registry
        .disable_webhook(&permitted.actor, webhook.id)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(StatusCode::NO_CONTENT)
}

/// The key with which pushes are signed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookKey {
    /// Ed25519 public key in the form of Standard Webhooks: `whpk_` and base64.
    #[schema(example = "whpk_MCowBQYDK2VwAyEA")]
    public_key: String,
}

/// Show the signing key
#[utoipa::path(get, path = "/api/v1/webhooks/key", tag = "webhooks",
    responses((status = 200, description = "The public key", body = WebhookKey)))]
pub(crate) async fn key(
    State(state): State<ApiState>,
    _: Permitted<WebhookWrite>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let key = WebhookKey {
        public_key: state.webhook_public_key.to_string(),
    };
    Ok(tagged(&headers, &key, None)?)
}
