//! Organisations: look up, resolve codes, record what happens to them, import directories.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::id::{OrgEventId, OrgId};
use lgsp_base::org_code::Scheme;
use lgsp_base::problem::kinds;
use lgsp_base::{Problem, Timestamp, limits};
use lgsp_registry::draft::{NewCode, NewOrganisation, Occasion, Strictness};
use lgsp_registry::model::{Organisation, Succession};
use lgsp_registry::snapshot::ListFilter;
use lgsp_registry::{ImportOptions, Resolution, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{OrganisationRead, OrganisationWrite, Permitted};
use crate::body::{declared_length, read_whole};
use crate::json::read_json;
use crate::media::MediaType;
use crate::page::PageRequest;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, json, paged, tagged};

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

fn view(snapshot: &Snapshot, org: &Organisation, at: Timestamp) -> OrganisationView {
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
            .at("code", "required", "the parameter is required")
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

/// A code that an organisation gets.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeRequest {
    /// `qd20`, `qcvn102`, `tax`, `admin_unit`, `budget_unit`, `axis`, `xroad` or `local`.
    #[schema(example = "qd20")]
    scheme: String,
    code: String,
    /// False for one that was made up until the official one is known; true by default.
    is_official: Option<bool>,
    legal_basis: Option<String>,
}

impl CodeRequest {
    fn read(self, pointer: &str) -> Result<NewCode, Problem> {
        let scheme = self.scheme.parse::<Scheme>().map_err(|_| {
            kinds::INPUT_INVALID
                .problem()
                .at(format!("{pointer}/scheme"), "word", "no such scheme")
        })?;
        Ok(NewCode {
            scheme,
            code: self.code,
            is_official: self.is_official.unwrap_or(true),
            legal_basis: self.legal_basis,
        })
    }
}

/// An organisation that begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Sở Khoa học và Công nghệ", "kind": "so", "level": 2, "parent": "H99",
    "codes": [{"scheme": "qd20", "code": "H99.14"}], "effective": "2025-07-01", "decision": "12/QĐ-UBND"}))]
pub(crate) struct CreateOrganisation {
    name: String,
    /// A short word.
    #[serde(default)]
    kind: String,
    /// 1 at the top.
    level: u32,
    /// The organisation above: id or code.
    parent: Option<String>,
    admin_unit_code: Option<String>,
    province: Option<String>,
    /// At least one code by which others can name it.
    codes: Vec<CodeRequest>,
    /// Since when: a date or time; since always by default.
    effective: Option<String>,
    decision: Option<String>,
    note: Option<String>,
}

fn occasion(
    effective: Option<&str>,
    default: Timestamp,
    decision: Option<String>,
    note: Option<String>,
) -> Result<Occasion, Problem> {
    let effective_at = match effective {
        None => default,
        Some(text) => Timestamp::parse(text).ok_or_else(|| {
            kinds::INPUT_INVALID.problem().at(
                "/effective",
                "time",
                "not a date or an RFC 3339 time",
            )
        })?,
    };
    Ok(Occasion {
        effective_at,
        decision,
        note,
    })
}

/// Create an organisation
#[utoipa::path(post, path = "/api/v1/organisations", tag = "organisations", request_body = CreateOrganisation,
    responses((status = 201, description = "Created", body = OrganisationView),
        (status = 409, description = "A code was given before", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "Not valid", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    permitted: Permitted<OrganisationWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: CreateOrganisation = read_json(&headers, body, state.clock.as_ref()).await?;
    let snapshot = state.registry.snapshot();
    let parent = request
        .parent
        .as_deref()
        .map(|text| find(&snapshot, text).map(|org| org.id))
        .transpose()?;
    let codes = request
        .codes
        .into_iter()
        .enumerate()
        .map(|(index, code)| code.read(&format!("/codes/{index}")))
        .collect::<Result<Vec<_>, _>>()?;
    let occasion = occasion(
        request.effective.as_deref(),
        Timestamp::BEGINNING,
        request.decision,
        request.note,
    )?;
    let new = NewOrganisation {
        name: request.name,
        kind: request.kind,
        level: request.level,
        parent,
        admin_unit_code: request.admin_unit_code,
        province: request.province,
        codes,
    };
    let id = state
        .registry
        .create_organisation(&permitted.actor, &new, &occasion)
        .await
        .map_err(|error| error.to_problem())?;
    let snapshot = state.registry.snapshot();
    let org = snapshot
        .organisation(id)
        .ok_or_else(|| kinds::SYSTEM_INTERNAL.problem())?;
    Ok(json(
        StatusCode::CREATED,
        &view(&snapshot, org, state.clock.now()),
    )?)
}

/// Something that happens to organisations. Organisations are named by id or code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum EventRequest {
    /// Another name, same organisation and code.
    Rename {
        organisation: String,
        name: String,
        effective: Option<String>,
        decision: Option<String>,
        note: Option<String>,
    },
    /// Organisations go into another one; unknown when `successor` is absent.
    Merge {
        predecessors: Vec<String>,
        successor: Option<String>,
        effective: Option<String>,
        decision: Option<String>,
        note: Option<String>,
    },
    /// One is divided.
    Split {
        predecessor: String,
        successors: Vec<String>,
        effective: Option<String>,
        decision: Option<String>,
        note: Option<String>,
    },
    /// Another organisation above; none when `parent` is absent.
    Move {
        organisation: String,
        parent: Option<String>,
        effective: Option<String>,
        decision: Option<String>,
        note: Option<String>,
    },
    /// Another level.
    ChangeLevel {
        organisation: String,
        level: u32,
        effective: Option<String>,
        decision: Option<String>,
        note: Option<String>,
    },
    /// Some tasks or area go to another one.
    Transfer {
        from: String,
        to: String,
        effective: Option<String>,
        decision: Option<String>,
        note: Option<String>,
    },
    /// One ends without successor.
    Dissolve {
        organisation: String,
        effective: Option<String>,
        decision: Option<String>,
        note: Option<String>,
    },
    /// A further code, or with `replaces` another one.
    AddCode {
        organisation: String,
        scheme: String,
        code: String,
        is_official: Option<bool>,
        legal_basis: Option<String>,
        #[serde(default)]
        replaces: bool,
        /// True for a code that somebody else issued, which need not follow the form.
        #[serde(default)]
        is_foreign: bool,
        effective: Option<String>,
        decision: Option<String>,
        note: Option<String>,
    },
}

/// A recorded event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    #[schema(value_type = String)]
    id: OrgEventId,
}

/// Record an event
///
/// Rename, merge, split, move, change of level, transfer, dissolution, or a further code.
#[utoipa::path(post, path = "/api/v1/organisations/events", tag = "organisations", request_body = EventRequest,
    responses((status = 201, description = "Recorded", body = EventView),
        (status = 422, description = "A rule forbids it", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn record_event(
    State(state): State<ApiState>,
    permitted: Permitted<OrganisationWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: EventRequest = read_json(&headers, body, state.clock.as_ref()).await?;
    let snapshot = state.registry.snapshot();
    let now = state.clock.now();
    let id_of = |text: &str| find(&snapshot, text).map(|org| org.id);
    let ids_of = |list: &[String]| {
        list.iter()
            .map(|text| id_of(text))
            .collect::<Result<Vec<_>, _>>()
    };
    let (registry, actor) = (&state.registry, &permitted.actor);
    let recorded = match request {
        EventRequest::Rename {
            organisation,
            name,
            effective,
            decision,
            note,
        } => {
            let occasion = occasion(effective.as_deref(), now, decision, note)?;
            registry
                .rename(actor, id_of(&organisation)?, &name, &occasion)
                .await
        }
        EventRequest::Merge {
            predecessors,
            successor,
            effective,
            decision,
            note,
        } => {
            let occasion = occasion(effective.as_deref(), now, decision, note)?;
            let successor = successor.as_deref().map(id_of).transpose()?;
            registry
                .merge(actor, &ids_of(&predecessors)?, successor, &occasion)
                .await
        }
        EventRequest::Split {
            predecessor,
            successors,
            effective,
            decision,
            note,
        } => {
            let occasion = occasion(effective.as_deref(), now, decision, note)?;
            registry
                .split(
                    actor,
                    id_of(&predecessor)?,
                    &ids_of(&successors)?,
                    &occasion,
                )
                .await
        }
        EventRequest::Move {
            organisation,
            parent,
            effective,
            decision,
            note,
        } => {
            let occasion = occasion(effective.as_deref(), now, decision, note)?;
            let parent = parent.as_deref().map(id_of).transpose()?;
            registry
                .move_to(actor, id_of(&organisation)?, parent, &occasion)
                .await
        }
        EventRequest::ChangeLevel {
            organisation,
            level,
            effective,
            decision,
            note,
        } => {
            let occasion = occasion(effective.as_deref(), now, decision, note)?;
            registry
                .change_level(actor, id_of(&organisation)?, level, &occasion)
                .await
        }
        EventRequest::Transfer {
            from,
            to,
            effective,
            decision,
            note,
        } => {
            let occasion = occasion(effective.as_deref(), now, decision, note)?;
            registry
                .transfer(actor, id_of(&from)?, id_of(&to)?, &occasion)
                .await
        }
        EventRequest::Dissolve {
            organisation,
            effective,
            decision,
            note,
        } => {
            let occasion = occasion(effective.as_deref(), now, decision, note)?;
            registry
                .dissolve(actor, id_of(&organisation)?, &occasion)
                .await
        }
        EventRequest::AddCode {
            organisation,
            scheme,
            code,
            is_official,
            legal_basis,
            replaces,
            is_foreign,
            effective,
            decision,
            note,
        } => {
            let occasion = occasion(effective.as_deref(), now, decision, note)?;
            let code = CodeRequest {
                scheme,
                code,
                is_official,
                legal_basis,
            }
            .read("")?;
            let strictness = if is_foreign {
                Strictness::Foreign
            } else {
                Strictness::Issued
            };
            registry
                .add_code(
                    actor,
                    id_of(&organisation)?,
                    &code,
                    strictness,
                    replaces,
                    &occasion,
                )
                .await
        }
    };
    let id = recorded.map_err(|error| error.to_problem())?;
    Ok(json(StatusCode::CREATED, &EventView { id })?)
}

/// Import a file
///
/// A directory of organisations or a list of successions as CSV. Nothing is imported while one line is wrong; `errors`
/// then lists the lines.
#[utoipa::path(post, path = "/api/v1/organisations/import", tag = "organisations",
    params(
        ("effective" = Option<String>, Query, description = "Since when the organisations exist; since always by default"),
        ("dry_run" = Option<bool>, Query, description = "`true` checks and counts only"),
    ),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "What was done", body = Object),
        (status = 422, description = "Lines are wrong; nothing was imported", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn import(
    State(state): State<ApiState>,
    permitted: Permitted<OrganisationWrite>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["effective", "dry_run"], &[])?;
    MediaType::of(&headers)?.require("text/csv")?;
    let options = ImportOptions {
        effective: query.time("effective")?,
        is_dry_run: query.parse::<bool>("dry_run")?.unwrap_or(false),
    };
    declared_length(&headers, limits::IMPORT_BYTES_MAX as u64)?;
    let bytes = read_whole(body, limits::IMPORT_BYTES_MAX, state.clock.as_ref()).await?;
    let report = state
        .registry
        .import(&permitted.actor, bytes.into(), options)
        .await
        .map_err(|error| error.to_problem())?;
    match report.to_problem() {
        Some(problem) if !options.is_dry_run => Err(problem.into()),
        _ => Ok(json(StatusCode::OK, &report)?),
    }
}
