//! What operators set for dossiers: who gets them, which status may follow which, how long they are kept; and who looked at a person.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::Timestamp;
use lgsp_base::problem::{kinds, rules};
use lgsp_exchange::dossier::{DossierRoute, RetentionTable, RouteKind};
use lgsp_wire::dossier::TransitionTable;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::LookView;
use super::word_of;
use crate::ApiState;
use crate::auth::{DossierAdmin, DossierReadAll, Permitted};
use crate::json::read_json;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, json, paged};

/// A rule by which dossiers are sent on.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierRoute)]
pub(crate) struct RouteView {
    /// `all`, `field` or `procedure`.
    kind: &'static str,
    /// The beginning of a sector's code, or a procedure's national code; empty for `all`.
    value: String,
    /// Code of the organisation that gets them.
    to: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who made it, as the ledger names actors.
    created_by: String,
}

impl From<DossierRoute> for RouteView {
    fn from(route: DossierRoute) -> Self {
        Self {
            kind: route.kind.name(),
            value: route.value,
            to: route.recipient_code,
            created_at: route.created_at,
            created_by: route.created_by,
        }
    }
}

/// List routes of dossiers
#[utoipa::path(get, path = "/api/v1/dossiers/routes", tag = "dossiers",
    responses((status = 200, description = "All of them", body = Page<RouteView>)))]
pub(crate) async fn routes_list(
    State(state): State<ApiState>,
    permitted: Permitted<DossierReadAll>,
    uri: Uri,
) -> Result<Response, Failure> {
    Query::read(uri.query(), &[], &[])?;
    let routes = state.dossiers.routes(&permitted.actor).await?;
    let items = routes.into_iter().map(RouteView::from).collect();
    Ok(paged(&uri, items, None)?)
}

/// A route that is added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "procedure", "value": "2.000488", "to": "H99.14"}))]
pub(crate) struct AddRoute {
    /// `all`, `field` or `procedure`.
    kind: String,
    /// What it looks for; empty for `all`.
    #[serde(default)]
    value: String,
    /// Code of the organisation that gets the dossiers.
    to: String,
}

fn kind_of(word: &str, place: &str) -> Result<RouteKind, Failure> {
    let words = RouteKind::ALL.iter().map(|kind| kind.name());
    Ok(word_of(word, place, words)?)
}

/// Add a route of dossiers
///
/// From now on dossiers of the procedure, of the sector, or all of them, go to the organisation too.
#[utoipa::path(post, path = "/api/v1/dossiers/routes", tag = "dossiers", request_body = AddRoute,
    responses((status = 201, description = "Added"), (status = 200, description = "It was there"),
        (status = 422, description = "Nobody has the code", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn route_add(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let route: AddRoute = read_json(&headers, body, state.clock.as_ref()).await?;
    let kind = kind_of(&route.kind, "/kind")?;
    let is_new = state
        .dossiers
        .route_add(&permitted.actor, kind, &route.value, &route.to)
        .await?;
    Ok(if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    })
}

/// Remove a route of dossiers
#[utoipa::path(delete, path = "/api/v1/dossiers/routes", tag = "dossiers",
    params(("kind" = String, Query, description = "`all`, `field` or `procedure`"),
        ("value" = Option<String>, Query, description = "What it looks for"),
        ("to" = String, Query, description = "Code of the organisation")),
    responses((status = 204, description = "Removed"),
        (status = 404, description = "There is none", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn route_remove(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    uri: Uri,
) -> Result<StatusCode, Failure> {
    let query = Query::read(uri.query(), &["kind", "value", "to"], &[])?;
    let kind = kind_of(query.text("kind").unwrap_or_default(), "kind")?;
    let value = query.text("value").unwrap_or_default();
    let to = query.text("to").unwrap_or_default();
    let is_gone = state
        .dossiers
        .route_remove(&permitted.actor, kind, value, to)
        .await?;
    if is_gone {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(kinds::HTTP_NOT_FOUND.problem().into())
    }
}

/// Show the table of transitions
#[utoipa::path(get, path = "/api/v1/dossiers/transitions", tag = "dossiers",
    responses((status = 200, description = "Which status may follow which", body = Object)))]
pub(crate) async fn transitions(
    State(state): State<ApiState>,
    permitted: Permitted<DossierReadAll>,
) -> Result<Response, Failure> {
    let table = state.dossiers.transitions(&permitted.actor).await?;
    Ok(json(StatusCode::OK, &table)?)
}

/// Put another table of transitions in force
///
/// Dossiers keep the status they have.
#[utoipa::path(post, path = "/api/v1/dossiers/transitions", tag = "dossiers",
    request_body(content = Object, description = "`{version, allows_repeats, initial, allowed}`"),
    responses((status = 200, description = "In force", body = Object)))]
pub(crate) async fn set_transitions(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let table: TransitionTable = read_json(&headers, body, state.clock.as_ref()).await?;
    state
        .dossiers
        .set_transitions(&permitted.actor, &table)
        .await?;
    Ok(json(StatusCode::OK, &table)?)
}

/// Show the table of retention
#[utoipa::path(get, path = "/api/v1/dossiers/retention", tag = "dossiers",
    responses((status = 200, description = "Classes, their days, and who has which", body = Object)))]
pub(crate) async fn retention(
    State(state): State<ApiState>,
    permitted: Permitted<DossierReadAll>,
) -> Result<Response, Failure> {
    let table = state.dossiers.retention(&permitted.actor).await?;
    Ok(json(StatusCode::OK, &table)?)
}

/// Put another table of retention in force
///
/// For what is pushed from now on.
#[utoipa::path(post, path = "/api/v1/dossiers/retention", tag = "dossiers",
    request_body(content = Object, description = "`{version, default, without_result, classes, by_code}`"),
    responses((status = 200, description = "In force", body = Object)))]
pub(crate) async fn set_retention(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let table: RetentionTable = read_json(&headers, body, state.clock.as_ref()).await?;
    state
        .dossiers
        .set_retention(&permitted.actor, &table)
        .await?;
    Ok(json(StatusCode::OK, &table)?)
}

/// Whose dossiers are asked about. The number stands in the body, so that no log of addresses has it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhoLooked {
    /// The number of an identity document.
    identity_number: String,
}

/// Ask who looked at a person's dossiers
///
/// The newest looks first. That it was asked is recorded, without the number.
#[utoipa::path(post, path = "/api/v1/dossiers/looks", tag = "dossiers", request_body = WhoLooked,
    responses((status = 200, description = "The looks; empty for somebody unknown", body = Page<LookView>)))]
pub(crate) async fn looks(
    State(state): State<ApiState>,
    permitted: Permitted<DossierReadAll>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: WhoLooked = read_json(&headers, body, state.clock.as_ref()).await?;
    if request.identity_number.trim().is_empty() {
        return Err(kinds::INPUT_INVALID
            .problem()
            .breaks("/identity_number", rules::REQUIRED.plain())
            .into());
    }
    let looks = state
        .dossiers
        .who_looked(&permitted.actor, &request.identity_number)
        .await?;
    let items = looks.into_iter().map(LookView::from).collect();
    Ok(paged(&uri, items, None)?)
}
