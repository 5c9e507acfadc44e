//! Dossiers of the one-stop shop: handed in whole or as steps, shown, listed, counted.
//!
//! Addresses and logs hold ids, codes and words, never a person: what names one stands in bodies alone.

pub(crate) mod files;
pub(crate) mod keeping;
pub(crate) mod portals;
pub(crate) mod procedures;
pub(crate) mod settings;
pub(crate) mod view;

mod reading;

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use lgsp_base::id::{DossierId, OrgId};
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Problem, Sha256, limits};
use lgsp_exchange::Door;
use lgsp_exchange::dossier::{
    AgeingQuery, ClockState, DossierCursor, DossierPush, DossierQuery, DossierRef, ProgressPush,
    Purpose, PushMode,
};
use lgsp_wire::dossier::{Dossier, DossierCode, DossierStatus};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{DossierRead, DossierSubmit, Permitted};
use crate::inbox::cursor;
use crate::json::{Size, read_json_within};
use crate::organisations::find;
use crate::page::PageRequest;
use crate::problem::{Facts, Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, idempotency_key, json, paged};
use crate::submit::mark_replayed;
use view::{
    AgeingView, CountsView, DossierAcceptedView, DossierRowView, DossierView, PushResult,
    PushResults,
};

/// Bodies with dossiers.
pub(crate) const BODY: Size = Size {
    bytes: limits::DOSSIER_BODY_BYTES_MAX,
    values: limits::DOSSIER_JSON_VALUES_MAX,
};

/// Dossiers that are handed in. One of `dossier` and `dossiers`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"mode": "either", "to": ["H99.14"], "dossier": {
    "code": "H99.131-260312-0042", "procedure": {"code": "2.000488", "name": "Cấp phiếu lý lịch tư pháp"},
    "sector": {"code": "G15-TP02", "name": "Hộ tịch"}, "status": "2", "applicant": {"name": "Nguyễn Văn Thử"},
    "received_at": "2026-03-12T01:15:00Z", "due_at": "2026-03-19T10:00:00Z", "handling_unit": "UBND phường Trung Tâm"}}))]
pub(crate) struct PushDossiers {
    /// The dossier as it is now, whole.
    #[schema(value_type = Option<Object>)]
    dossier: Option<Value>,
    /// Up to 200 of them; each is accepted or refused on its own.
    #[schema(value_type = Option<Vec<Object>>)]
    dossiers: Option<Vec<Value>>,
    /// In whose name: a code. The token's own organisation, or the owner, when absent.
    agency: Option<String>,
    /// Code of the unit that handles it; kept as it was when absent.
    handling: Option<String>,
    /// Codes of further organisations that get it and follow it from then on.
    #[serde(default)]
    to: Vec<String>,
    /// `create`, `update` or `either`, which is the default.
    mode: Option<String>,
}

impl std::fmt::Debug for PushDossiers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushDossiers")
            .field("agency", &self.agency)
            .field("to", &self.to)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl PushDossiers {
    fn mode(&self) -> Result<PushMode, Problem> {
        match &self.mode {
            None => Ok(PushMode::Either),
            Some(word) => word_of(word, "/mode", PushMode::ALL.iter().map(|mode| mode.name())),
        }
    }

    /// A push of one of them with everything that all have in common.
    fn push(&self, actor: &Actor, mode: PushMode, dossier: Dossier) -> DossierPush {
        DossierPush {
            agency: self.agency.clone(),
            handling: self.handling.clone(),
            to: self.to.clone(),
            mode,
            ..DossierPush::new(actor.clone(), Door::Api, dossier)
        }
    }
}

/// A word of a closed list.
///
/// # Errors
/// `input.invalid` that names the words.
fn word_of<T: FromStr>(
    word: &str,
    place: &str,
    words: impl Iterator<Item = &'static str>,
) -> Result<T, Problem> {
    word.parse().map_err(|_| {
        let words = words.collect::<Vec<_>>().join(", ");
        kinds::INPUT_INVALID
            .problem()
            .breaks(place, rules::WORD.with(&[("words", &words)]))
    })
}

/// Hand dossiers in
///
/// The whole state of one dossier, or of many, each on its own. The answer comes after they are stored durably. Every push about a dossier is a document of the kind `dossier` that its
/// parties get. Repeating the request with the same `Idempotency-Key` stores nothing again; without a key the same content as the sender's last push about
/// the dossier is a repetition.
#[utoipa::path(post, path = "/api/v1/dossiers", tag = "dossiers", request_body = PushDossiers,
    params(("Idempotency-Key" = Option<String>, Header, description = "Up to 255 printable characters")),
    responses((status = 202, description = "One: accepted and durable", body = DossierAcceptedView,
            headers(("Location" = String), ("Idempotency-Replayed" = String, description = "`true` on a repetition"))),
        (status = 200, description = "Many: what came of each", body = PushResults),
        (status = 404, description = "`update` of what does not exist, or is not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "`create` of what exists; another applicant; conflict of keys", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large, or too many", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "Fields, dates, transition, procedure, agency", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn submit(
    State(state): State<ApiState>,
    permitted: Permitted<DossierSubmit>,
    facts: Facts,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let key = idempotency_key(&headers)?;
    let mut request: PushDossiers =
        read_json_within(&headers, body, state.clock.as_ref(), BODY).await?;
    let actor = permitted.actor;
    match (request.dossier.take(), request.dossiers.take()) {
        (Some(item), None) => {
            let dossier = reading::dossier(item, "/dossier")?;
            let mut push = request.push(&actor, request.mode()?, dossier);
            push.idempotency_key = key;
            let accepted = Box::pin(state.dossiers.push(push)).await?;
            accepted_answer(DossierAcceptedView::from(accepted))
        }
        (None, Some(items)) => {
            let results = push_many(&state, &actor, &request, items, key, &facts).await?;
            Ok(json(StatusCode::OK, &results)?)
        }
        _ => Err(kinds::INPUT_INVALID
            .problem()
            .breaks("/dossier", rules::REQUIRED.plain())
            .into()),
    }
}

fn accepted_answer(view: DossierAcceptedView) -> Result<Response, Failure> {
    let mut response = json(StatusCode::ACCEPTED, &view)?;
    if let Ok(value) = HeaderValue::from_str(&format!("/api/v1/dossiers/{}", view.id)) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    if view.repeated {
        mark_replayed(&mut response);
    }
    Ok(response)
}

/// Each of many on its own. A key of the request becomes one for each dossier.
async fn push_many(
    state: &ApiState,
    actor: &Actor,
    request: &PushDossiers,
    items: Vec<Value>,
    key: Option<String>,
    facts: &Facts,
) -> Result<PushResults, Failure> {
    let mode = request.mode()?;
    if items.is_empty() {
        return Err(kinds::INPUT_INVALID
            .problem()
            .breaks("/dossiers", rules::REQUIRED.plain())
            .into());
    }
    if items.len() > limits::DOSSIER_BATCH_MAX {
        return Err(lgsp_exchange::dossier::DossierError::BatchTooLarge.into());
    }
    let mut results: Vec<PushResult> = Vec::with_capacity(items.len());
    let (mut places, mut pushes) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, item) in items.into_iter().enumerate() {
        let code = reading::code_of(&item);
        match reading::dossier(item, &format!("/dossiers/{index}")) {
            Ok(dossier) => {
                let mut push = request.push(actor, mode, dossier);
                let nth = seen.entry(push.dossier.code.to_string()).or_default();
                push.idempotency_key = key
                    .as_deref()
                    .map(|key| derived_key(key, &push.dossier.code, *nth));
                *nth += 1;
                places.push(index);
                results.push(PushResult {
                    code,
                    ..PushResult::default()
                });
                pushes.push(push);
            }
            Err(problem) => results.push(PushResult {
                code,
                problem: Some(facts.document(&problem)),
                ..PushResult::default()
            }),
        }
    }
    let outcomes = Box::pin(state.dossiers.push_all(pushes)).await?;
    for (index, outcome) in places.into_iter().zip(outcomes) {
        let Some(result) = results.get_mut(index) else {
            continue;
        };
        match outcome {
            Ok(accepted) => result.accepted = Some(accepted.into()),
            Err(error) => result.problem = Some(facts.document(&error.to_problem())),
        }
    }
    Ok(PushResults::of(results))
}

/// The key of one dossier of a batch: a retry of the batch in another order, or of a part of it, finds it again.
fn derived_key(key: &str, code: &DossierCode, nth: usize) -> String {
    Sha256::of(format!("{key}\0{code}\0{nth}").as_bytes()).to_string()
}

/// Steps that are handed in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"steps": [{"status": "4", "handler": "Trần Thị Xử", "department": "Phòng Tư pháp",
    "handled_at": "2026-03-13T02:00:00Z", "content": "Đã thẩm định"}]}))]
pub(crate) struct PushProgress {
    /// 1 to 200 steps of this dossier.
    #[schema(value_type = Vec<Object>)]
    steps: Vec<Value>,
    /// In whose name: a code.
    agency: Option<String>,
}

impl std::fmt::Debug for PushProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushProgress")
            .field("steps", &self.steps.len())
            .field("agency", &self.agency)
            .finish()
    }
}

/// Hand steps of a dossier in
///
/// Steps that are known already are left out, so a system may send its whole history again. The newest one moves the status.
#[utoipa::path(post, path = "/api/v1/dossiers/{id}/progress", tag = "dossiers", request_body = PushProgress,
    params(("id" = String, Path, description = "The dossier's code", example = "H99.131-260312-0042"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    responses((status = 202, description = "Accepted and durable", body = DossierAcceptedView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "Fields, transition", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn progress(
    State(state): State<ApiState>,
    permitted: Permitted<DossierSubmit>,
    Path(code): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let code = DossierCode::read(&code).map_err(|_| kinds::DOSSIER_CODE_INVALID.problem())?;
    let idempotency_key = idempotency_key(&headers)?;
    let request: PushProgress =
        read_json_within(&headers, body, state.clock.as_ref(), BODY).await?;
    let steps = request.steps.into_iter().enumerate();
    let steps = steps
        .map(|(index, item)| reading::step(item, &code, &format!("/steps/{index}")))
        .collect::<Result<Vec<_>, _>>()?;
    let push = ProgressPush {
        actor: permitted.actor,
        door: Door::Api,
        agency: request.agency,
        code,
        steps,
        idempotency_key,
    };
    let accepted = Box::pin(state.dossiers.progress(push)).await?;
    accepted_answer(DossierAcceptedView::from(accepted))
}

/// A dossier that an address names.
///
/// # Errors
/// `dossier.unknown`: what is neither an id nor a code names nothing.
pub(crate) fn reference(text: &str) -> Result<DossierRef, Problem> {
    if let Ok(id) = text.parse::<DossierId>() {
        return Ok(DossierRef::Id(id));
    }
    let code = DossierCode::read(text).map_err(|_| kinds::DOSSIER_UNKNOWN.problem())?;
    Ok(DossierRef::Code(code))
}

/// The id of a dossier that an address names, found without looking at it.
///
/// # Errors
/// `dossier.unknown`.
pub(crate) async fn id_of(
    state: &ApiState,
    actor: &Actor,
    text: &str,
) -> Result<DossierId, Problem> {
    let code = match reference(text)? {
        DossierRef::Id(id) => return Ok(id),
        DossierRef::Code(code) => code,
    };
    let query = DossierQuery {
        text: Some(code.to_string()),
        limit: 1,
        ..DossierQuery::default()
    };
    let page = state.dossiers.list(actor, query).await?;
    let found = page.rows.into_iter().find(|row| row.code == code);
    Ok(found.ok_or_else(|| kinds::DOSSIER_UNKNOWN.problem())?.id)
}

/// Show a dossier
///
/// Everything the caller may see: the state, its history, the messages about it and where they went, its clock, its files. A party's system sees it whole, operators see
/// persons masked. The look is recorded with its purpose before the answer.
#[utoipa::path(get, path = "/api/v1/dossiers/{id}", tag = "dossiers",
    params(("id" = String, Path, description = "Its id, `dsr_…`, or its code", example = "H99.131-260312-0042"),
        ("purpose" = String, Query, description = "Why: `handling`, `applicant`, `supervision`, `support` or `legal_order`")),
    responses((status = 200, description = "The dossier", body = DossierView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn fetch(
    State(state): State<ApiState>,
    permitted: Permitted<DossierRead>,
    Path(dossier): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["purpose"], &[])?;
    let words = Purpose::ALL.iter().map(|purpose| purpose.name());
    let purpose = word_of(query.text("purpose").unwrap_or_default(), "purpose", words)?;
    let which = reference(&dossier)?;
    let view = Box::pin(state.dossiers.view(&permitted.actor, &which, purpose)).await?;
    Ok(json(StatusCode::OK, &DossierView::new(view))?)
}

/// The organisation that a parameter names, by id or code.
///
/// # Errors
/// `org.unknown`.
fn organisation(state: &ApiState, query: &Query) -> Result<Option<OrgId>, Problem> {
    query
        .text("organisation")
        .map(|text| find(&state.registry.snapshot(), text).map(|org| org.id))
        .transpose()
}

/// List dossiers
///
/// Those of which the caller's organisations are parties; for operators all. Persons are masked. The last changed first; with `order=due` open ones by their due time; with `code` in order of codes.
#[utoipa::path(get, path = "/api/v1/dossiers", tag = "dossiers",
    params(
        ("organisation" = Option<String>, Query, description = "Only those of which this organisation is a party: id or code"),
        ("procedure" = Option<String>, Query, description = "Only of this procedure, national code", example = "2.000488"),
        ("field" = Option<String>, Query, description = "Only of this sector", example = "G15-TP02"),
        ("status" = Option<Vec<String>>, Query, description = "`1` to `10`; repeated"),
        ("clock" = Option<Vec<String>>, Query, description = "`on_time`, `due`, `overdue`, `stopped`, `done_on_time` or `done_late`; repeated"),
        ("code" = Option<String>, Query, description = "Only with a code that begins like this"),
        ("after" = Option<String>, Query, description = "Changed at or after this time"),
        ("before" = Option<String>, Query, description = "Changed before this time"),
        ("order" = Option<String>, Query, description = "`newest` or `due`"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<DossierRowView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    permitted: Permitted<DossierRead>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(
        uri.query(),
        &[
            "organisation",
            "procedure",
            "field",
            "code",
            "after",
            "before",
            "order",
            "page_size",
            "page_token",
        ],
        &["status", "clock"],
    )?;
    let page = PageRequest::of(&query)?;
    let text = |name: &str| query.text(name).map(ToOwned::to_owned);
    let status_words = || DossierStatus::ALL.into_iter().map(DossierStatus::code);
    let clock_words = || ClockState::ALL.iter().map(|state| state.name());
    let wanted = DossierQuery {
        org: organisation(&state, &query)?,
        procedure: text("procedure"),
        field: text("field"),
        statuses: query
            .all("status")
            .map(|word| word_of(word, "status", status_words()))
            .collect::<Result<_, _>>()?,
        clocks: query
            .all("clock")
            .map(|word| word_of(word, "clock", clock_words()))
            .collect::<Result<_, _>>()?,
        text: text("code"),
        from: query.time("after")?,
        to: query.time("before")?,
        by_due: match query.text("order") {
            None | Some("newest") => false,
            Some("due") => true,
            Some(_) => {
                let words = rules::WORD.with(&[("words", &"newest, due")]);
                return Err(kinds::INPUT_INVALID.problem().breaks("order", words).into());
            }
        },
        cursor: cursor::<DossierCursor>(page.after.as_deref())?,
        limit: page.size,
    };
    let found = Box::pin(state.dossiers.list(&permitted.actor, wanted)).await?;
    let next = found.next.map(|next| next.to_string());
    let items = found.rows.into_iter().map(DossierRowView::from).collect();
    Ok(paged(&uri, items, next)?)
}

/// Count open dossiers by age
///
/// One row per unit and sector; overdue ones by working days, with the status in which most are stuck.
#[utoipa::path(get, path = "/api/v1/dossiers/ageing", tag = "dossiers",
    params(("organisation" = Option<String>, Query, description = "Only of this unit: id or code"),
        ("field" = Option<String>, Query, description = "Only of this sector")),
    responses((status = 200, description = "All rows", body = Page<AgeingView>)))]
pub(crate) async fn ageing(
    State(state): State<ApiState>,
    permitted: Permitted<DossierRead>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["organisation", "field"], &[])?;
    let wanted = AgeingQuery {
        org: organisation(&state, &query)?,
        field: query.text("field").map(ToOwned::to_owned),
    };
    let rows = state.dossiers.ageing(&permitted.actor, wanted).await?;
    let items = rows.into_iter().map(AgeingView::from).collect();
    Ok(paged(&uri, items, None)?)
}

/// Count open dossiers
#[utoipa::path(get, path = "/api/v1/dossiers/counts", tag = "dossiers",
    responses((status = 200, description = "By status and clock", body = CountsView)))]
pub(crate) async fn counts(
    State(state): State<ApiState>,
    permitted: Permitted<DossierRead>,
) -> Result<Response, Failure> {
    let counts = state.dossiers.counts(&permitted.actor).await?;
    Ok(json(StatusCode::OK, &CountsView::from(counts))?)
}
