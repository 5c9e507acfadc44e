//! Connected systems and their credentials.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::id::{OrgId, SystemId, TokenId};
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Problem, Secret, Timestamp};
use lgsp_registry::model::{Connector, ConnectorSettings, Protocol, System};
use lgsp_registry::{NewConnector, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{Permitted, SystemRead, SystemWrite};
use crate::json::read_json;
use crate::organisations::find;
use crate::page::{PageRequest, require_match, version_tag};
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, id, json, once, paged, tagged};

/// A connected application of an organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SystemView {
    #[schema(value_type = String)]
    id: SystemId,
    #[schema(value_type = String)]
    organisation_id: OrgId,
    /// The organisation's code now.
    organisation_code: String,
    name: String,
    /// `vxp`, `rest`, `dvcqg`, `civil_status` or `criminal_record`.
    protocol: &'static str,
    /// For a system that we call by its own protocol: where it stands.
    connector: Option<ConnectorView>,
    /// False once closed.
    is_active: bool,
    /// True for the system that receives for the organisation.
    is_receiver: bool,
    /// The id under which it signs on the document axis.
    vxp_system_id: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Timestamp>,
    /// Its usable tokens.
    tokens: Vec<TokenView>,
}

/// Where a system stands that we call by its own protocol, without its password.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectorView {
    url: String,
    user: String,
    login_path: String,
    service_path: String,
    destination: String,
    unit_code: String,
}

impl From<&Connector> for ConnectorView {
    fn from(connector: &Connector) -> Self {
        let settings = connector.settings.clone();
        Self {
            url: connector.url.clone(),
            user: connector.user.clone(),
            login_path: settings.login_path,
            service_path: settings.service_path,
            destination: settings.destination,
            unit_code: settings.unit_code,
        }
    }
}

/// An API token, without the token itself.
#[derive(Debug, Serialize, ToSchema)]
struct TokenView {
    #[schema(value_type = String)]
    id: TokenId,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

fn view(snapshot: &Snapshot, system: &System, at: Timestamp) -> SystemView {
    SystemView {
        id: system.id,
        organisation_id: system.org,
        organisation_code: snapshot
            .organisation(system.org)
            .map(|org| org.code_near(at).to_owned())
            .unwrap_or_default(),
        name: system.name.clone(),
        protocol: system.protocol.name(),
        connector: snapshot
            .connections()
            .connector(system.id)
            .map(|(connector, _)| connector.into()),
        is_active: system.is_active,
        is_receiver: system.is_receiver,
        vxp_system_id: system.vxp_id.clone(),
        created_at: system.created_at,
        closed_at: system.closed_at,
        tokens: snapshot
            .connections()
            .tokens_of(Some(system.id))
            .into_iter()
            .map(|token| TokenView {
                id: token.id,
                name: token.name.clone(),
                created_at: token.created_at,
            })
            .collect(),
    }
}

fn version(system: &System) -> i64 {
    i64::try_from(system.version).unwrap_or(i64::MAX)
}

fn lookup<'s>(snapshot: &'s Snapshot, text: &str) -> Result<&'s System, Problem> {
    let id = id(text, &kinds::SYSTEM_UNKNOWN)?;
    snapshot
        .connections()
        .system(id)
        .ok_or_else(|| kinds::SYSTEM_UNKNOWN.problem())
}

/// List systems
#[utoipa::path(get, path = "/api/v1/systems", tag = "systems",
    params(
        ("organisation" = Option<String>, Query, description = "Of this organisation: id or code"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<SystemView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Permitted<SystemRead>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(
        uri.query(),
        &["organisation", "page_size", "page_token"],
        &[],
    )?;
    let page = PageRequest::of(&query)?;
    let after = crate::inbox::cursor::<SystemId>(page.after.as_deref())?;
    let snapshot = state.registry.snapshot();
    let org = query
        .text("organisation")
        .map(|text| find(&snapshot, text).map(|org| org.id))
        .transpose()?;
    let mut found: Vec<&System> = snapshot
        .connections()
        .systems()
        .filter(|system| org.is_none_or(|org| system.org == org))
        .filter(|system| after.is_none_or(|after| system.id > after))
        .collect();
    found.sort_unstable_by_key(|system| system.id);
    let has_more = found.len() > page.size;
    found.truncate(page.size);
    let next = has_more
        .then(|| found.last().map(|system| system.id.to_string()))
        .flatten();
    let now = state.clock.now();
    let items: Vec<SystemView> = found.into_iter().map(|s| view(&snapshot, s, now)).collect();
    Ok(paged(&uri, items, next)?)
}

/// Show a system
#[utoipa::path(get, path = "/api/v1/systems/{id}", tag = "systems",
    params(("id" = String, Path, description = "The system")),
    responses((status = 200, description = "The system", body = SystemView, headers(("ETag" = String))),
        (status = 404, description = "Unknown", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn fetch(
    State(state): State<ApiState>,
    _: Permitted<SystemRead>,
    Path(system): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let snapshot = state.registry.snapshot();
    let system = lookup(&snapshot, &system)?;
    let shown = view(&snapshot, system, state.clock.now());
    Ok(tagged(&headers, &shown, Some(version(system)))?)
}

/// A system that is added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"organisation": "H99.14", "name": "QLVB Sở KH&CN", "protocol": "vxp"}))]
pub(crate) struct AddSystem {
    /// Whose: id or code.
    organisation: String,
    /// Unique among the organisation's systems.
    name: String,
    /// `vxp`, `rest`, `dvcqg`, `civil_status` or `criminal_record`.
    protocol: String,
    /// Where to call it; for the last three, and only for them.
    connector: Option<AddConnector>,
}

/// Where a system stands that we call by its own protocol.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://truc.binhan.example", "user": "binhan", "password": "…", "unit_code": "H99"}))]
pub(crate) struct AddConnector {
    /// Base address. Private addresses need the operator's allow-list.
    url: String,
    /// The name under which we enter; needed for `dvcqg`.
    #[serde(default)]
    user: String,
    /// The password, or the key of a ministry's gateway. It is kept sealed and never shown.
    password: String,
    /// Where to log in, from the base address; the usual path of an adapter when absent.
    #[serde(default)]
    login_path: String,
    /// Where the services are, from the base address; the usual path of an adapter when absent.
    #[serde(default)]
    service_path: String,
    /// The far end behind the adapter (`dstcode`); the portal's own when absent.
    #[serde(default)]
    destination: String,
    /// Our own code there (`madonvi`); needed for `dvcqg`.
    #[serde(default)]
    unit_code: String,
}

impl std::fmt::Debug for AddConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddConnector")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl From<AddConnector> for NewConnector {
    fn from(added: AddConnector) -> Self {
        Self {
            url: added.url,
            user: added.user,
            secret: Secret::new(added.password),
            settings: ConnectorSettings {
                login_path: added.login_path,
                service_path: added.service_path,
                destination: added.destination,
                unit_code: added.unit_code,
            },
        }
    }
}

/// A new system with its credential, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewSystemView {
    #[schema(value_type = String)]
    id: SystemId,
    /// What the system names itself by: for `vxp` the id under which it signs.
    system_id: String,
    /// True if its organisation's documents are delivered to it: one system of an organisation has them, the first.
    is_receiver: bool,
    /// For `vxp`: the secret with which it signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// For `rest`: the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// The words for protocols, for whoever used another.
fn words() -> String {
    Protocol::ALL.map(Protocol::name).join(", ")
}

/// Add a system
#[utoipa::path(post, path = "/api/v1/systems", tag = "systems", request_body = AddSystem,
    responses((status = 201, description = "Added; the credential is shown this once", body = NewSystemView),
        (status = 404, description = "Unknown organisation", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "The name is taken", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The connector's address is not allowed", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn add(
    State(state): State<ApiState>,
    permitted: Permitted<SystemWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: AddSystem = read_json(&headers, body, state.clock.as_ref()).await?;
    let protocol = Protocol::from_name(&request.protocol).ok_or_else(|| {
        kinds::INPUT_INVALID
            .problem()
            .breaks("/protocol", rules::WORD.with(&[("words", &words())]))
    })?;
    let org = find(&state.registry.snapshot(), &request.organisation)?.id;
    let (registry, actor) = (&state.registry, &permitted.actor);
    let new = match request.connector {
        None => {
            registry
                .add_system(actor, org, &request.name, protocol)
                .await
        }
        Some(connector) => {
            (state.endpoint_policy)(&connector.url)?;
            registry
                .add_connector(actor, org, &request.name, protocol, connector.into())
                .await
        }
    }
    .map_err(|error| error.to_problem())?;
    let view = NewSystemView {
        id: new.system,
        system_id: new.vxp_id.unwrap_or_else(|| new.system.to_string()),
        is_receiver: state
            .registry
            .snapshot()
            .system(new.system)
            .is_some_and(|system| system.is_receiver),
        secret: new.secret.map(|secret| secret.expose().clone()),
        token: new.token.map(|token| token.expose().clone()),
    };
    Ok(once(json(StatusCode::CREATED, &view)?))
}

/// Make a system the receiver
///
/// From now on its organisation's documents, those that wait included, are delivered to it; the receiver before only sends
/// and reads along. Do this before closing a receiver that is replaced. Needs `If-Match`.
#[utoipa::path(post, path = "/api/v1/systems/{id}/receiver", tag = "systems",
    params(("id" = String, Path, description = "The system"),
        ("If-Match" = String, Header, description = "Its ETag")),
    responses((status = 200, description = "The receiver", body = SystemView, headers(("ETag" = String))),
        (status = 404, description = "Unknown or closed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has changed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn make_receiver(
    State(state): State<ApiState>,
    permitted: Permitted<SystemWrite>,
    Path(system): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let snapshot = state.registry.snapshot();
    let system = lookup(&snapshot, &system)?;
    require_match(&headers, &version_tag(version(system)))?;
    state
        .registry
        .set_receiver(&permitted.actor, system.id)
        .await
        .map_err(|error| error.to_problem())?;
    let snapshot = state.registry.snapshot();
    let system = snapshot
        .system(system.id)
        .ok_or_else(|| kinds::SYSTEM_INTERNAL.problem())?;
    let shown = view(&snapshot, system, state.clock.now());
    Ok(tagged(&HeaderMap::new(), &shown, Some(version(system)))?)
}

/// Close a system
///
/// Its credentials end at once. Needs `If-Match`.
#[utoipa::path(delete, path = "/api/v1/systems/{id}", tag = "systems",
    params(("id" = String, Path, description = "The system"),
        ("If-Match" = String, Header, description = "Its ETag")),
    responses((status = 204, description = "Closed"),
        (status = 404, description = "Unknown", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has changed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn close(
    State(state): State<ApiState>,
    permitted: Permitted<SystemWrite>,
    Path(system): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let snapshot = state.registry.snapshot();
    let system = lookup(&snapshot, &system)?;
    require_match(&headers, &version_tag(version(system)))?;
    state
        .registry
        .close_system(&permitted.actor, system.id)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(StatusCode::NO_CONTENT)
}

/// A token that is issued.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssueToken {
    /// What it is for.
    name: String,
}

/// A new token, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewTokenView {
    #[schema(value_type = String)]
    id: TokenId,
    token: String,
}

/// Issue a token
#[utoipa::path(post, path = "/api/v1/systems/{id}/tokens", tag = "systems", request_body = IssueToken,
    params(("id" = String, Path, description = "The system")),
    responses((status = 201, description = "Issued; the token is shown this once", body = NewTokenView),
        (status = 404, description = "Unknown system", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn issue_token(
    State(state): State<ApiState>,
    permitted: Permitted<SystemWrite>,
    Path(system): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: IssueToken = read_json(&headers, body, state.clock.as_ref()).await?;
    let system = lookup(&state.registry.snapshot(), &system)?.id;
    let (id, token) = state
        .registry
        .issue_token(&permitted.actor, Some(system), &request.name)
        .await
        .map_err(|error| error.to_problem())?;
    let view = NewTokenView {
        id,
        token: token.expose().clone(),
    };
    Ok(once(json(StatusCode::CREATED, &view)?))
}

/// Revoke a token
#[utoipa::path(delete, path = "/api/v1/systems/{id}/tokens/{token}", tag = "systems",
    params(("id" = String, Path, description = "The system"), ("token" = String, Path, description = "The token's id")),
    responses((status = 204, description = "Revoked"),
        (status = 404, description = "Unknown system or token", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn revoke_token(
    State(state): State<ApiState>,
    permitted: Permitted<SystemWrite>,
    Path((system, token)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    let snapshot = state.registry.snapshot();
    let system = lookup(&snapshot, &system)?;
    let token: TokenId = id(&token, &kinds::SYSTEM_UNKNOWN)?;
    let is_its = snapshot
        .connections()
        .tokens_of(Some(system.id))
        .iter()
        .any(|known| known.id == token);
    if !is_its {
        return Err(kinds::SYSTEM_UNKNOWN.problem().into());
    }
    state
        .registry
        .revoke_token(&permitted.actor, token)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(StatusCode::NO_CONTENT)
}
