//! Procedures, catalogues and dossiers as one-stop systems ask for them: `GET …/KetNoiMotCuaQuocGia/{service}`.

use axum::extract::{Path, State};
use axum::response::Response;
use http::Uri;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Problem, limits};
use lgsp_exchange::dossier::{CatalogueEntry, DossierRef, Procedure, ProcedureFilter, Purpose};
use lgsp_wire::dossier::{DossierCode, PortalService, ProcedureCode};
use serde_json::{Value, json};

use super::answer::{found, refused};
use crate::ApiState;
use crate::auth::{DossierRead, PermittedBasic};
use crate::problem::{Facts, Failure};
use crate::query::Query;

/// Rows of one answer: as many as a province has, several times over.
const ROWS_MAX: usize = 20_000;

/// Look procedures, catalogues and dossiers up
///
/// `LayDanhSachTTHC`; `LayThuTuc?maTTHC=`; `LayDanhMuc…` by the portal's names; `TraCuuHoSo?mahoso=`, which is a look that is recorded.
/// As they were synchronised last.
#[utoipa::path(get, path = "/motcua/KetNoiMotCuaQuocGia/{service}", tag = "one-stop",
    params(("service" = String, Path, description = "`LayDanhSachTTHC`, `LayThuTuc`, `LayDanhMuc…`, `TraCuuHoSo`", example = "LayThuTuc"),
        ("maTTHC" = Option<String>, Query, description = "Of `LayThuTuc`: the procedure", example = "2.000488"),
        ("mahoso" = Option<String>, Query, description = "Of `TraCuuHoSo`: the dossier")),
    responses((status = 200, description = "`{error_code, message, result}`", body = Object)))]
pub(crate) async fn look_up(
    State(state): State<ApiState>,
    permitted: PermittedBasic<DossierRead>,
    facts: Facts,
    Path(service): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read_loosely(uri.query())?;
    let actor = &permitted.actor;
    let rows = match PortalService::from_name(&service) {
        Some(PortalService::Procedures) => procedures(&state, actor).await,
        Some(PortalService::Procedure) => procedure(&state, actor, &query).await,
        Some(PortalService::FindDossier) => dossier(&state, actor, &query).await,
        Some(service) if service.is_catalogue() => catalogue(&state, actor, service.name()).await,
        _ => return Err(kinds::HTTP_NOT_FOUND.problem().into()),
    };
    match rows {
        Ok(rows) => Ok(found(facts.lang, rows)),
        Err(problem) if problem.kind.status >= 500 => Err(problem.into()),
        Err(problem) => Ok(refused(&problem, facts.lang)),
    }
}

/// A JSON object out of its text.
fn object(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.is_object().then_some(value)
}

/// The code of a procedure with the agency that has it for itself.
pub(crate) fn full_code(procedure: &Procedure) -> String {
    match procedure.agency.as_str() {
        "" => procedure.code.clone(),
        agency => format!("{}.{agency}", procedure.code),
    }
}

fn row(procedure: &Procedure) -> Value {
    json!({
        "MATTHC": full_code(procedure),
        "TENTTHC": procedure.name,
        "MALINHVUC": procedure.field_code,
        "TENLINHVUC": procedure.field_name,
    })
}

fn entry(entry: &CatalogueEntry) -> Value {
    let published = entry.extra.as_deref().and_then(object);
    published.unwrap_or_else(|| json!({"MA": entry.code, "TEN": entry.label}))
}

async fn procedures(state: &ApiState, actor: &Actor) -> Result<Vec<Value>, Problem> {
    let (mut rows, mut after) = (Vec::new(), None);
    while rows.len() < ROWS_MAX {
        let filter = ProcedureFilter {
            after,
            limit: limits::PAGE_SIZE_MAX,
            ..ProcedureFilter::default()
        };
        let page = state.dossiers.procedures(actor, filter).await?;
        rows.extend(page.iter().map(row));
        after = match page.last() {
            Some(last) if page.len() == limits::PAGE_SIZE_MAX => {
                Some((last.code.clone(), last.agency.clone()))
            }
            _ => break,
        };
    }
    Ok(rows)
}

async fn procedure(state: &ApiState, actor: &Actor, query: &Query) -> Result<Vec<Value>, Problem> {
    let code = query.text_of("maTTHC").unwrap_or_default();
    let code = ProcedureCode::read(code).map_err(|_| {
        let problem = kinds::INPUT_INVALID.problem();
        problem.breaks("maTTHC", rules::PROCEDURE_CODE.plain())
    })?;
    let procedure = state.dossiers.procedure(actor, &code).await?;
    let published = object(&procedure.record).filter(|record| record.get("MATTHC").is_some());
    Ok(vec![published.unwrap_or_else(|| row(&procedure))])
}

async fn dossier(state: &ApiState, actor: &Actor, query: &Query) -> Result<Vec<Value>, Problem> {
    let code = DossierCode::read(query.text_of("mahoso").unwrap_or_default())
        .map_err(|_| kinds::DOSSIER_CODE_INVALID.problem())?;
    let which = DossierRef::Code(code);
    let view = Box::pin(state.dossiers.view(actor, &which, Purpose::Handling)).await?;
    let dossier = view
        .dossier
        .ok_or_else(|| kinds::DOSSIER_ERASED.problem())?;
    Ok(vec![dossier.to_portal()])
}

async fn catalogue(state: &ApiState, actor: &Actor, name: &str) -> Result<Vec<Value>, Problem> {
    let (mut rows, mut after) = (Vec::new(), None);
    while rows.len() < ROWS_MAX {
        let page = state
            .dossiers
            .catalogue(actor, name, after, limits::PAGE_SIZE_MAX)
            .await?;
        rows.extend(page.iter().map(entry));
        after = match page.last() {
            Some(last) if page.len() == limits::PAGE_SIZE_MAX => Some(last.code.clone()),
            _ => break,
        };
    }
    Ok(rows)
}
