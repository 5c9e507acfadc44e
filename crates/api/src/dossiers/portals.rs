//! The national portals on command: comparing the dossiers of a day, fetching procedures and catalogues.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use lgsp_base::Problem;
use lgsp_base::id::{JobId, OrgId};
use lgsp_base::problem::{kinds, rules};
use lgsp_base::vi::Day;
use lgsp_exchange::dossier::Reconciliation;
use lgsp_exchange::dossier::portals::{Portals, PortalsError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{DossierAdmin, Permitted};
use crate::json::read_json;
use crate::organisations::find;
use crate::problem::{Failure, ProblemDocument};
use crate::respond::json;

/// Which day is compared.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"day": "2026-03-12"}))]
pub(crate) struct Reconcile {
    /// `yyyy-MM-dd`, Vietnamese time; yesterday when absent.
    day: Option<String>,
}

/// A comparison of a day's dossiers with a portal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReconciliationView {
    #[schema(value_type = String)]
    id: JobId,
    #[schema(value_type = String)]
    organisation_id: OrgId,
    /// `running`, `done` or `failed`.
    state: &'static str,
    /// Dossiers compared.
    checked: u64,
    /// Of these: missing there.
    missing: u64,
    /// Of these: there more than once.
    duplicate: u64,
    /// Of these: there in another status.
    drift: u64,
    /// Sent again.
    replayed: u64,
    /// Why it failed, a stable word.
    problem: Option<String>,
}

impl From<Reconciliation> for ReconciliationView {
    fn from(found: Reconciliation) -> Self {
        Self {
            id: found.id,
            organisation_id: found.portal,
            state: found.state.name(),
            checked: found.checked,
            missing: found.missing,
            duplicate: found.duplicate,
            drift: found.drift,
            replayed: found.replayed,
            problem: found.problem,
        }
    }
}

/// What was fetched from a portal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SynchronisationView {
    /// Procedures that the portal listed.
    procedures: u64,
    /// Of these: new or changed.
    changed: u64,
    /// Of these: not understood or refused; the one before is kept.
    skipped: u64,
    /// Entries of all catalogues.
    entries: u64,
    /// Services that failed.
    failed: Vec<FailedService>,
}

/// A service that failed.
#[derive(Debug, Serialize, ToSchema)]
struct FailedService {
    service: &'static str,
    /// A stable word.
    cause: String,
}

fn desk(state: &ApiState) -> Result<&dyn Portals, Problem> {
    state
        .portals
        .as_deref()
        .ok_or_else(|| kinds::PORTAL_UNAVAILABLE.problem())
}

fn problem(error: PortalsError) -> Problem {
    match error {
        PortalsError::Unknown => kinds::SYSTEM_UNKNOWN.problem(),
        PortalsError::Unavailable(cause) => kinds::PORTAL_UNAVAILABLE.with(cause),
        PortalsError::Dossier(error) => error.to_problem(),
    }
}

/// Compare a day's dossiers with a portal
///
/// What it lacks is sent again. One that was interrupted or failed goes on, one that is done is answered as it was.
#[utoipa::path(post, path = "/api/v1/portals/{organisation}/reconciliations", tag = "dossiers", request_body = Reconcile,
    params(("organisation" = String, Path, description = "The portal's organisation: id or code")),
    responses((status = 200, description = "Compared", body = ReconciliationView),
        (status = 404, description = "No such organisation, or no portal", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "This node calls no portals", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn reconcile(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    Path(organisation): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: Reconcile = read_json(&headers, body, state.clock.as_ref()).await?;
    let portal = find(&state.registry.snapshot(), &organisation)?.id;
    let wrong = || {
        let problem = kinds::INPUT_INVALID.problem();
        problem.breaks("/day", rules::DATE.plain())
    };
    let day = match &request.day {
        Some(text) => text.parse::<Day>().ok(),
        None => Day::of(state.clock.now()).plus_days(-1),
    };
    let day = day.ok_or_else(wrong)?;
    let found = desk(&state)?.reconcile(&permitted.actor, portal, day).await;
    let view = ReconciliationView::from(found.map_err(problem)?);
    Ok(json(StatusCode::OK, &view)?)
}

/// Fetch procedures and catalogues from a portal
#[utoipa::path(post, path = "/api/v1/portals/{organisation}/synchronisations", tag = "dossiers",
    params(("organisation" = String, Path, description = "The portal's organisation: id or code")),
    responses((status = 200, description = "Fetched; services that failed are named", body = SynchronisationView),
        (status = 404, description = "No such organisation, or no portal", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The portal does not answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn synchronise(
    State(state): State<ApiState>,
    permitted: Permitted<DossierAdmin>,
    Path(organisation): Path<String>,
) -> Result<Response, Failure> {
    let portal = find(&state.registry.snapshot(), &organisation)?.id;
    let report = desk(&state)?.synchronise(&permitted.actor, portal).await;
    let report = report.map_err(problem)?;
    let view = SynchronisationView {
        procedures: report.procedures,
        changed: report.changed,
        skipped: report.skipped,
        entries: report.entries,
        failed: report
            .failed
            .into_iter()
            .map(|(service, cause)| FailedService { service, cause })
            .collect(),
    };
    Ok(json(StatusCode::OK, &view)?)
}
