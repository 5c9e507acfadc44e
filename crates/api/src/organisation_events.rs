//! Changes of the directory: new organisations, events in their lives, imports.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use lgsp_base::id::OrgEventId;
use lgsp_base::org_code::Scheme;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Problem, Timestamp, limits};
use lgsp_registry::ImportOptions;
use lgsp_registry::draft::{NewCode, NewOrganisation, Occasion, Strictness};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{OrganisationWrite, Permitted};
use crate::body::{declared_length, read_whole};
use crate::json::read_json;
use crate::media::MediaType;
use crate::organisations::{OrganisationView, find, view};
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::json;

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
                .breaks(format!("{pointer}/scheme"), rules::FORM.plain())
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

/// When and why something happens to organisations.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OccasionRequest {
    /// Since when: a date or time; now by default.
    effective: Option<String>,
    /// The decision behind it.
    decision: Option<String>,
    /// Anything else about it.
    note: Option<String>,
}

impl OccasionRequest {
    /// The names of its fields, which stand beside those of an event.
    const FIELDS: [&str; 3] = ["effective", "decision", "note"];

    fn read(self, default: Timestamp) -> Result<Occasion, Problem> {
        let effective_at = match self.effective.as_deref() {
            None => default,
            Some(text) => Timestamp::parse(text).ok_or_else(|| {
                kinds::INPUT_INVALID
                    .problem()
                    .breaks("/effective", rules::TIME.plain())
            })?,
        };
        Ok(Occasion {
            effective_at,
            decision: self.decision,
            note: self.note,
        })
    }
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
    let occasion = OccasionRequest {
        effective: request.effective,
        decision: request.decision,
        note: request.note,
    }
    .read(Timestamp::BEGINNING)?;
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

/// What happens to organisations. They are named by id or code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum OrganisationEvent {
    /// Another name, same organisation and code.
    Rename { organisation: String, name: String },
    /// Organisations go into another one; unknown when `successor` is absent.
    Merge {
        predecessors: Vec<String>,
        successor: Option<String>,
    },
    /// One is divided.
    Split {
        predecessor: String,
        successors: Vec<String>,
    },
    /// Another organisation above; none when `parent` is absent.
    Move {
        organisation: String,
        parent: Option<String>,
    },
    /// Another level.
    ChangeLevel { organisation: String, level: u32 },
    /// Some tasks or area go to another one.
    Transfer { from: String, to: String },
    /// One ends without successor.
    Dissolve { organisation: String },
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
    },
}

/// Something that happens to organisations, and the occasion on which it does.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(try_from = "serde_json::Map<String, serde_json::Value>")]
#[schema(example = json!({"kind": "rename", "organisation": "H99.14", "name": "Sở Khoa học và Công nghệ",
    "effective": "2026-07-01", "decision": "12/2026/NQ-HĐND"}))]
pub(crate) struct EventRequest {
    #[serde(flatten)]
    event: OrganisationEvent,
    #[serde(flatten)]
    occasion: OccasionRequest,
}

impl TryFrom<serde_json::Map<String, serde_json::Value>> for EventRequest {
    type Error = serde_json::Error;

    /// Takes the occasion's fields out, so that what is left has to be the event's: both refuse unknown ones.
    fn try_from(
        mut fields: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, Self::Error> {
        let occasion = OccasionRequest::FIELDS
            .into_iter()
            .filter_map(|name| fields.remove_entry(name))
            .collect();
        Ok(Self {
            occasion: serde_json::from_value(serde_json::Value::Object(occasion))?,
            event: serde_json::from_value(serde_json::Value::Object(fields))?,
        })
    }
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
    let occasion = request.occasion.read(now)?;
    let recorded = match request.event {
        OrganisationEvent::Rename { organisation, name } => {
            registry
                .rename(actor, id_of(&organisation)?, &name, &occasion)
                .await
        }
        OrganisationEvent::Merge {
            predecessors,
            successor,
        } => {
            let successor = successor.as_deref().map(id_of).transpose()?;
            registry
                .merge(actor, &ids_of(&predecessors)?, successor, &occasion)
                .await
        }
        OrganisationEvent::Split {
            predecessor,
            successors,
        } => {
            registry
                .split(
                    actor,
                    id_of(&predecessor)?,
                    &ids_of(&successors)?,
                    &occasion,
                )
                .await
        }
        OrganisationEvent::Move {
            organisation,
            parent,
        } => {
            let parent = parent.as_deref().map(id_of).transpose()?;
            registry
                .move_to(actor, id_of(&organisation)?, parent, &occasion)
                .await
        }
        OrganisationEvent::ChangeLevel {
            organisation,
            level,
        } => {
            registry
                .change_level(actor, id_of(&organisation)?, level, &occasion)
                .await
        }
        OrganisationEvent::Transfer { from, to } => {
            registry
                .transfer(actor, id_of(&from)?, id_of(&to)?, &occasion)
                .await
        }
        OrganisationEvent::Dissolve { organisation } => {
            registry
                .dissolve(actor, id_of(&organisation)?, &occasion)
                .await
        }
        OrganisationEvent::AddCode {
            organisation,
            scheme,
            code,
            is_official,
            legal_basis,
            replaces,
            is_foreign,
        } => {
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
