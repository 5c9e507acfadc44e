//! Organisations: look up and resolve codes. What changes them stands in `organisation_events`.

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Uri};
use lgsp_base::id::OrgId;
use lgsp_base::org_code::Scheme;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Problem, Timestamp, limits};
use lgsp_registry::model::{Organisation, Succession};
use lgsp_registry::snapshot::ListFilter;
use lgsp_registry::{Resolution, Snapshot};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{OrganisationRead, Permitted};
use crate::page::PageRequest;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, paged, tagged};

/// An organisation in a list or as a party.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OrganisationBrief {
    /// The id, for all time.
    #[schema(value_type = String)]
    id: OrgId,
    /// The code to write at the asked time.
    #[schema(example = "H99.14")]
    code: String,
    /// Name at the asked time.
    name: String,
    /// Kind, a short word.
    kind: String,
    /// 1 at the top.
    level: u32,
    /// Province.
    province: Option<String>,
    /// False if it does not exist at the asked time.
    is_active: bool,
}

fn brief(org: &Organisation, at: Timestamp) -> OrganisationBrief {
    let period = org.period_near(at);
    OrganisationBrief {
        id: org.id,
        code: org.code_near(at).to_owned(),
        name: org.name_near(at).to_owned(),
        kind: period.map(|p| p.kind.to_string()).unwrap_or_default(),
        level: period.map_or(0, |p| p.level),
        province: period.and_then(|p| p.province.as_deref().map(ToOwned::to_owned)),
        is_active: org.period_at(at).is_some(),
    }
}

/// Everything about an organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrganisationView {
    #[serde(flatten)]
    brief: OrganisationBrief,
    /// The organisation above now.
    #[schema(value_type = Option<String>)]
    parent_id: Option<OrgId>,
    /// What it was from when to when.
    periods: Vec<PeriodView>,
    /// Every code it ever had.
    codes: Vec<CodeView>,
    /// Who took its place, or part of it.
    successions: Vec<SuccessionView>,
    /// Whose place it took.
    #[schema(value_type = Vec<String>)]
    predecessors: Vec<OrgId>,
}

/// One span of time. `from` absent: since always; `to` absent: until further notice.
#[derive(Debug, Serialize, ToSchema)]
struct PeriodView {
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    name: String,
    kind: String,
    level: u32,
    #[schema(value_type = Option<String>)]
    parent_id: Option<OrgId>,
    admin_unit_code: Option<String>,
    province: Option<String>,
}

/// One code.
#[derive(Debug, Serialize, ToSchema)]
struct CodeView {
    #[schema(example = "qd20")]
    scheme: &'static str,
    code: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    is_official: bool,
    legal_basis: Option<String>,
}

/// One edge to a successor.
#[derive(Debug, Serialize, ToSchema)]
struct SuccessionView {
    /// `merge`, `rename`, `split`, `transfer` or `dissolve`.
    kind: &'static str,
    #[schema(value_type = Option<String>)]
    successor_id: Option<OrgId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_at: Option<Timestamp>,
    note: Option<String>,
}

/// "Since always" is left out.
fn known_time(at: Timestamp) -> Option<Timestamp> {
    (at > Timestamp::BEGINNING).then_some(at)
}

/// Everything that is known of an organisation, as of a time.
pub(crate) fn view(snapshot: &Snapshot, org: &Organisation, at: Timestamp) -> OrganisationView {
    let directory = snapshot.directory();
    OrganisationView {
        brief: brief(org, at),
        parent_id: org.period_near(at).and_then(|p| p.parent),
        periods: org
            .periods
            .iter()
            .map(|period| PeriodView {
                from: known_time(period.from),
                to: period.to,
                name: period.name.clone(),
                kind: period.kind.to_string(),
                level: period.level,
                parent_id: period.parent,
                admin_unit_code: period.admin_unit_code.clone(),
                province: period.province.as_deref().map(ToOwned::to_owned),
            })
            .collect(),
        codes: org
            .codes
            .iter()
            .map(|code| CodeView {
                scheme: code.scheme.name(),
                code: code.code.clone(),
                from: known_time(code.from),
                to: code.to,
                is_official: code.is_official,
                legal_basis: code.legal_basis.clone(),
            })
            .collect(),
        successions: directory
            .successions_of(org.id)
            .iter()
            .map(|edge: &Succession| SuccessionView {
                kind: edge.kind.name(),
                successor_id: edge.successor,
                effective_at: known_time(edge.effective_at),
                note: edge.note.clone(),
            })
            .collect(),
        predecessors: directory.predecessors_of(org.id).to_vec(),
    }
}

/// List or search organisations
///
/// With `q` the best matches by name without marks, initials or code (one page); otherwise all by code.
#[utoipa::path(get, path = "/api/v1/organisations", tag = "organisations",
    params(
        ("q" = Option<String>, Query, description = "Text to search for", example = "so khoa hoc"),
        ("at" = Option<String>, Query, description = "As of this time; now by default"),
        ("parent" = Option<String>, Query, description = "Directly below this organisation: id or code"),
        ("level" = Option<u32>, Query, description = "Of this level"),
        ("kind" = Option<String>, Query, description = "Of this kind"),
        ("include" = Option<String>, Query, description = "`inactive`: also those that do not exist then"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<OrganisationBrief>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Permitted<OrganisationRead>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(
        uri.query(),
        &[
            "q",
            "at",
            "parent",
            "level",
            "kind",
            "include",
            "page_size",
            "page_token",
        ],
        &[],
    )?;
    let page = PageRequest::of(&query)?;
    let at = query.time("at")?.unwrap_or_else(|| state.clock.now());
    let snapshot = state.registry.snapshot();
    if let Some(text) = query.text("q") {
        let items: Vec<OrganisationBrief> = snapshot
            .search(text, at, page.size.min(limits::SEARCH_RESULTS_MAX))
            .into_iter()
            .map(|hit| OrganisationBrief {
                id: hit.org,
                code: hit.code,
                name: hit.name,
                kind: hit.kind,
                level: hit.level,
                province: hit.province,
                is_active: hit.is_active,
            })
            .collect();
        return Ok(paged(&uri, items, None)?);
    }
    let parent = query
        .text("parent")
        .map(|text| find(&snapshot, text).map(|org| org.id))
        .transpose()?;
    let filter = ListFilter {
        parent,
        level: query.parse("level")?,
        kind: query.text("kind"),
        has_inactive: query.text("include") == Some("inactive"),
        after: crate::inbox::cursor::<OrgId>(page.after.as_deref())?,
        limit: page.size,
    };
    let found = snapshot.list(at, &filter);
    let next = (found.len() >= page.size)
        .then(|| found.last().map(|org| org.id.to_string()))
        .flatten();
    let items: Vec<OrganisationBrief> = found.into_iter().map(|org| brief(org, at)).collect();
    Ok(paged(&uri, items, next)?)
}

/// The organisation that a caller names by id or code.
pub(crate) fn find<'s>(
    snapshot: &'s Snapshot,
    id_or_code: &str,
) -> Result<&'s Organisation, Problem> {
    snapshot
        .lookup(id_or_code)
        .ok_or_else(|| kinds::ORG_UNKNOWN.with(crate::query::shorten(id_or_code)))
}

/// Show an organisation
#[utoipa::path(get, path = "/api/v1/organisations/{id}", tag = "organisations",
    params(("id" = String, Path, description = "Its id, or any code it has or had")),
    responses((status = 200, description = "Its periods, codes and successions", body = OrganisationView, headers(("ETag" = String))),
        (status = 404, description = "Unknown", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn fetch(
    State(state): State<ApiState>,
    _: Permitted<OrganisationRead>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let snapshot = state.registry.snapshot();
    let org = find(&snapshot, &id)?;
    let view = view(&snapshot, org, state.clock.now());
    Ok(tagged(&headers, &view, None)?)
}

/// What a code means at a time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"code": "H99.131", "at": "2026-03-12T00:00:00.000000Z", "status": "active", "routes": true,
    "organisation": {"id": "org_01jqcy4m9ze5b8q6p6b0w7h3tn", "code": "H99.131", "name": "UBND xã An Hòa"},
    "routed_to": {"id": "org_01jqcy4m9ze5b8q6p6b0w7h3tn", "code": "H99.131", "name": "UBND xã An Hòa"},
    "successors": [], "axis_code": 0}))]
pub(crate) struct ResolutionView {
    code: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `active`, `forwarded`, `closed`, `not_yet` or `unknown`.
    status: &'static str,
    /// True if a document sent to the code finds a recipient.
    routes: bool,
    /// Whose code it is.
    organisation: Option<PartyView>,
    /// Who receives.
    routed_to: Option<PartyView>,
    /// Who may take its place, when it does not route or is forwarded.
    successors: Vec<PartyView>,
    /// When the code was closed.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<Timestamp>,
    /// Why a closed code does not route.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The answer of the document axis: 0, 18 or 23.
    axis_code: u8,
}

/// An organisation by id, code and name.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct PartyView {
    #[schema(value_type = String)]
    id: OrgId,
    code: String,
    name: String,
}

fn party(snapshot: &Snapshot, org: OrgId, at: Timestamp) -> Option<PartyView> {
    snapshot.organisation(org).map(|org| PartyView {
        id: org.id,
        code: org.code_near(at).to_owned(),
        name: org.name_near(at).to_owned(),
    })
}

/// Resolve a code
///
/// Which organisation a code means at a time, and who takes its place after it was closed.
#[utoipa::path(get, path = "/api/v1/organisations/resolve", tag = "organisations",
    params(
        ("code" = String, Query, description = "The code", example = "H99.14"),
        ("at" = Option<String>, Query, description = "At this time; now by default"),
        ("scheme" = Option<String>, Query, description = "Only in this scheme", example = "qd20"),
    ),
    responses((status = 200, description = "Also for unknown and closed codes", body = ResolutionView)))]
pub(crate) async fn resolve(
    State(state): State<ApiState>,
    _: Permitted<OrganisationRead>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["code", "at", "scheme"], &[])?;
    let code = query.text("code").ok_or_else(|| {
        kinds::INPUT_INVALID
            .problem()
            .breaks("code", rules::REQUIRED.plain())
    })?;
    let at = query.time("at")?.unwrap_or_else(|| state.clock.now());
    let snapshot = state.registry.snapshot();
    let resolution = match query.parse::<Scheme>("scheme")? {
        Some(scheme) => snapshot.resolve_in(scheme, code, at),
        None => snapshot.resolve(code, at),
    };
    let routed_to = resolution
        .recipient()
        .and_then(|org| party(&snapshot, org, at));
    let (closed_at, reason, successors) = match &resolution {
        Resolution::Forwarded { closed_at, .. } => (
            Some(*closed_at),
            None,
            routed_to.clone().into_iter().collect(),
        ),
        Resolution::Closed {
            closed_at,
            candidates,
            reason,
            ..
        } => {
            let successors = candidates
                .iter()
                .map(|candidate| PartyView {
                    id: candidate.org,
                    code: candidate.code.clone(),
                    name: candidate.name.clone(),
                })
                .collect();
            (Some(*closed_at), Some(reason.name()), successors)
        }
        _ => (None, None, Vec::new()),
    };
    let view = ResolutionView {
        code: crate::query::shorten(code),
        at,
        status: resolution.status(),
        routes: routed_to.is_some(),
        organisation: resolution
            .organisation()
            .and_then(|org| party(&snapshot, org, at)),
        routed_to,
        successors,
        closed_at,
        reason,
        axis_code: resolution.axis_code(),
    };
    Ok(tagged(&headers, &view, None)?)
}
