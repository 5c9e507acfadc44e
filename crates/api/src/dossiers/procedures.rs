//! Procedures as the national side publishes them, and what local codes mean there.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::id::OrgId;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Problem, Timestamp, limits};
use lgsp_exchange::dossier::{DossierError, Procedure, ProcedureFilter, ProcedureMapping};
use lgsp_wire::dossier::{Procedure as PortalProcedure, ProcedureCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::BODY;
use crate::ApiState;
use crate::auth::{DossierAdmin, DossierRead, DossierReadAll, Permitted};
use crate::json::{read_json, read_json_within};
use crate::one_stop::lookup::full_code;
use crate::organisations::find;
use crate::page::PageRequest;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, json, paged};

/// A procedure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Procedure)]
pub(crate) struct ProcedureView {
    /// Its code, with the agency that has it for itself.
    code: String,
    name: String,
    /// Sector.
    field: String,
    field_name: String,
    /// How much of it works online, as published.
    level: String,
    /// How often its record changed, from 1.
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    synced_at: Timestamp,
    /// All that was published; in lists left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    record: Option<Value>,
}

impl ProcedureView {
    fn new(procedure: Procedure, with_record: bool) -> Self {
        Self {
            code: full_code(&procedure),
            record: with_record
                .then(|| serde_json::from_str(&procedure.record).ok())
                .flatten(),
            name: procedure.name,
            field: procedure.field_code,
            field_name: procedure.field_name,
            level: procedure.level,
            version: procedure.version,
            synced_at: procedure.synced_at,
        }
    }
}

/// List procedures
#[utoipa::path(get, path = "/api/v1/procedures", tag = "dossiers",
    params(("q" = Option<String>, Query, description = "Only with this in the name or the code, tone marks or not"),
        ("field" = Option<String>, Query, description = "Only of this sector"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before")),
    responses((status = 200, description = "A page in order of codes", body = Page<ProcedureView>)))]
pub(crate) async fn procedures_list(
    State(state): State<ApiState>,
    permitted: Permitted<DossierRead>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["q", "field", "page_size", "page_token"], &[])?;
    let page = PageRequest::of(&query)?;
    let after = match page.after.as_deref() {
        None => None,
        Some(place) => {
            let (code, agency) = place.split_once(' ').ok_or_else(|| {
                let problem = kinds::INPUT_INVALID.problem();
                problem.breaks("page_token", rules::PAGE_TOKEN.plain())
            })?;
            Some((code.to_owned(), agency.to_owned()))
        }
    };
    let filter = ProcedureFilter {
        field: query.text("field").map(ToOwned::to_owned),
        text: query.text("q").map(ToOwned::to_owned),
        after,
        limit: page.size,
    };
    let found = state.dossiers.procedures(&permitted.actor, filter).await?;
    let next = match found.last() {
        Some(last) if found.len() == page.size => Some(format!("{} {}", last.code, last.agency)),
        _ => None,
    };
    let items: Vec<ProcedureView> = found
        .into_iter()
        .map(|procedure| ProcedureView::new(procedure, false))
        .collect();
    Ok(paged(&uri, items, next)?)
}

/// Show a procedure
#[utoipa::path(get, path = "/api/v1/procedures/{code}", tag = "dossiers",
    params(("code" = String, Path, description = "Its code, with or without an agency behind it", example = "2.000488")),
    responses((status = 200, description = "All that was published", body = ProcedureView),
        (status = 422, description = "There is no such procedure", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn procedure_fetch(
    State(state): State<ApiState>,
    permitted: Permitted<DossierRead>,
    Path(code): Path<String>,
) -> Result<Response, Failure> {
    let code = read_code(&code, "code")?;
    let procedure = state.dossiers.procedure(&permitted.actor, &code).await?;
    Ok(json(StatusCode::OK, &ProcedureView::new(procedure, true))?)
}

fn read_code(text: &str, place: &str) -> Result<ProcedureCode, Problem> {
    ProcedureCode::read(text).map_err(|_| {
        kinds::INPUT_INVALID
            .problem()
            .breaks(place, rules::PROCEDURE_CODE.plain())
    })
}

/// Records that are stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutProcedures {
    /// 1 to 200 records in the national form: `MATTHC`, `TENTTHC`, `LINHVUCTHUCHIEN`, …
    #[schema(value_type = Vec<Object>)]
    procedures: Vec<Value>,
}

/// How many were stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PutView {
    /// New, or with another record than before.
    changed: u64,
}

/// Store procedures
///
/// For an installation that does not fetch them from the portal. All or none of them are stored.
#[utoipa::path(post, path = "/api/v1/procedures", tag = "dossiers", request_body = PutProcedures,
    responses((status = 200, description = "Stored", body = PutView),
        (status = 400, description = "A record breaks a rule", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn procedures_put(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: PutProcedures =
        read_json_within(&headers, body, state.clock.as_ref(), BODY).await?;
    if request.procedures.len() > limits::DOSSIER_BATCH_MAX {
        return Err(DossierError::BatchTooLarge.into());
    }
    let now = state.clock.now();
    let procedures = request
        .procedures
        .into_iter()
        .enumerate()
        .map(|(index, record)| stored(record, index, now))
        .collect::<Result<Vec<_>, _>>()?;
    let changed = state
        .dossiers
        .procedures_put(&permitted.actor, procedures)
        .await?;
    Ok(json(StatusCode::OK, &PutView { changed })?)
}

fn stored(record: Value, index: usize, now: Timestamp) -> Result<Procedure, Problem> {
    let read = PortalProcedure::from_portal(record, &format!("procedures[{index}]"));
    let read = read.into_result().map_err(|error| error.to_problem())?;
    let sector = read.sectors.first();
    Ok(Procedure {
        code: read.code.base().to_owned(),
        agency: read.code.suffix().unwrap_or_default().to_owned(),
        name: read.name.clone(),
        field_code: sector.map(|one| one.code.clone()).unwrap_or_default(),
        field_name: sector.map(|one| one.name.clone()).unwrap_or_default(),
        level: String::new(),
        record: read.to_portal().to_string(),
        synced_at: now,
        version: 1,
    })
}

/// What a local code means.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProcedureMapping)]
pub(crate) struct MappingView {
    local_code: String,
    /// Only for this organisation's dossiers; null: for all.
    #[schema(value_type = Option<String>)]
    organisation_id: Option<OrgId>,
    national_code: String,
    #[schema(value_type = String, format = DateTime)]
    mapped_at: Timestamp,
    /// By whom, as the ledger names actors.
    mapped_by: String,
}

impl From<ProcedureMapping> for MappingView {
    fn from(mapping: ProcedureMapping) -> Self {
        Self {
            local_code: mapping.local_code,
            organisation_id: mapping.org,
            national_code: mapping.national_code,
            mapped_at: mapping.mapped_at,
            mapped_by: mapping.mapped_by,
        }
    }
}

/// List what local codes mean
#[utoipa::path(get, path = "/api/v1/procedures/mappings", tag = "dossiers",
    responses((status = 200, description = "All of them", body = Page<MappingView>)))]
pub(crate) async fn mappings_list(
    State(state): State<ApiState>,
    permitted: Permitted<DossierReadAll>,
    uri: Uri,
) -> Result<Response, Failure> {
    Query::read(uri.query(), &[], &[])?;
    let mappings = state.dossiers.mappings(&permitted.actor).await?;
    let items = mappings.into_iter().map(MappingView::from).collect();
    Ok(paged(&uri, items, None)?)
}

/// What a local code shall mean.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"local_code": "9.000001", "national_code": "2.000488"}))]
pub(crate) struct PutMapping {
    local_code: String,
    national_code: String,
    /// Only for this organisation's dossiers: id or code.
    organisation: Option<String>,
}

/// Say what a local code means
#[utoipa::path(post, path = "/api/v1/procedures/mappings", tag = "dossiers", request_body = PutMapping,
    responses((status = 204, description = "Said"),
        (status = 422, description = "There is no such procedure", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn mapping_put(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let request: PutMapping = read_json(&headers, body, state.clock.as_ref()).await?;
    let national = read_code(&request.national_code, "/national_code")?;
    let org = organisation(&state, request.organisation.as_deref())?;
    state
        .dossiers
        .mapping_put(&permitted.actor, &request.local_code, org, &national)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn organisation(state: &ApiState, text: Option<&str>) -> Result<Option<OrgId>, Problem> {
    text.map(|text| find(&state.registry.snapshot(), text).map(|org| org.id))
        .transpose()
}

/// Forget what a local code means
#[utoipa::path(delete, path = "/api/v1/procedures/mappings", tag = "dossiers",
    params(("local_code" = String, Query, description = "The code"),
        ("organisation" = Option<String>, Query, description = "Of this organisation alone: id or code")),
    responses((status = 204, description = "Forgotten"),
        (status = 422, description = "Nothing was said", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn mapping_remove(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    uri: Uri,
) -> Result<StatusCode, Failure> {
    let query = Query::read(uri.query(), &["local_code", "organisation"], &[])?;
    let local = query.text("local_code").unwrap_or_default();
    let org = organisation(&state, query.text("organisation"))?;
    let is_gone = state
        .dossiers
        .mapping_remove(&permitted.actor, local, org)
        .await?;
    if is_gone {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(kinds::DOSSIER_PROCEDURE_UNKNOWN
            .with(crate::query::shorten(local))
            .into())
    }
}
