//! The doors that one-stop systems in the field know (protocols §4.4): bare arrays of the portal's objects, and the portal's answer
//! `{error_code, message, data}` with HTTP 200, also where single items were refused.
//!
//! What concerns the request and not its content (no credential, a body that is too large, a store that is full) is a problem document
//! with its HTTP status, as for every other operation.

pub(crate) mod lookup;

mod answer;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Uri};
use lgsp_base::{Actor, Problem, Sha256, limits};
use lgsp_exchange::Door;
use lgsp_exchange::dossier::{DossierPush, ProgressPush, PushMode};
use lgsp_wire::dossier::codec::BoolForm;
use lgsp_wire::dossier::{
    DossierCode, DossierError as FormatError, ProgressStep, read_dossiers, read_progress,
};

use crate::ApiState;
use crate::auth::{DossierSubmit, PermittedBasic};
use crate::body::{declared_length, read_whole};
use crate::problem::{Facts, Failure};
use crate::query::Query;
use crate::respond::idempotency_key;
use answer::{Outcomes, refused};

/// Where these doors stand besides the documented `/motcua`: clients of other fronts look there.
pub(crate) const OTHER_PREFIXES: [&str; 2] = ["", "/api"];

/// What a request says besides its body.
struct Parameters {
    agency: Option<String>,
    mode: PushMode,
    key: Option<String>,
}

impl Parameters {
    /// Names in any letter case; what is not known is looked past.
    fn of(uri: &Uri, headers: &HeaderMap) -> Result<Self, Failure> {
        let query = Query::read_loosely(uri.query())?;
        let is_updating = query.text_of("isUpdating").map(str::trim);
        Ok(Self {
            agency: query.text_of("MaDinhDanhDV").map(ToOwned::to_owned),
            mode: match is_updating.and_then(BoolForm::read_any) {
                Some((true, _)) => PushMode::Update,
                Some((false, _)) => PushMode::Create,
                None => PushMode::Either,
            },
            key: idempotency_key(headers)?,
        })
    }

    /// The key of one item: a retry of the request, whole or in parts, finds it again.
    fn key_of(&self, code: &DossierCode, nth: usize) -> Option<String> {
        let key = self.key.as_deref()?;
        Some(Sha256::of(format!("{key}\0{code}\0{nth}").as_bytes()).to_string())
    }
}

async fn read_body(state: &ApiState, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    declared_length(headers, limits::DOSSIER_BODY_BYTES_MAX as u64)?;
    read_whole(body, limits::DOSSIER_BODY_BYTES_MAX, state.clock.as_ref()).await
}

/// Hand dossiers in (DongBoHoSoMC)
///
/// A bare array of the portal's objects. `isUpdating=False` makes new dossiers, `True` changes known ones, without it both. Each item
/// is accepted or refused on its own; `data` says which. Accepted means stored durably; the same item again is no second dossier.
#[utoipa::path(post, path = "/motcua/SynsTTHCC/DongBoHoSoMC", tag = "one-stop",
    request_body(content = Vec<Object>, description = "The portal's objects: `MaHoSo`, `MaTTHC`, …"),
    params(("MaDinhDanhDV" = Option<String>, Query, description = "In whose name: an organisation's code", example = "H99.131"),
        ("isUpdating" = Option<String>, Query, description = "`True` or `False`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe even after other pushes")),
    responses((status = 200, description = "`{error_code, message, data: [{MaHoSo, error_code, message}]}`; 0 where every item was accepted", body = Object)))]
pub(crate) async fn sync_dossiers(
    State(state): State<ApiState>,
    permitted: PermittedBasic<DossierSubmit>,
    facts: Facts,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri, &headers)?;
    let bytes = read_body(&state, &headers, body).await?;
    let batch = match read_dossiers(&bytes) {
        Ok(batch) => batch,
        Err(error) => return unreadable(&error, &facts),
    };
    let mut outcomes = Outcomes::new(facts.lang);
    let (mut places, mut pushes) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<DossierCode, usize> = BTreeMap::new();
    for item in batch.items {
        let place = outcomes.expect(&item.key);
        match item.result {
            Ok(dossier) => {
                let nth = seen.entry(dossier.code.clone()).or_default();
                let idempotency_key = parameters.key_of(&dossier.code, *nth);
                *nth += 1;
                places.push(place);
                pushes.push(DossierPush {
                    agency: parameters.agency.clone(),
                    mode: parameters.mode,
                    idempotency_key,
                    ..DossierPush::new(permitted.actor.clone(), Door::Api, dossier)
                });
            }
            Err(violations) => outcomes.refuse(place, &answer::invalid(&violations)),
        }
    }
    let done = Box::pin(state.dossiers.push_all(pushes)).await?;
    for (place, result) in places.into_iter().zip(done) {
        match result {
            Ok(_) => outcomes.accept(place),
            Err(error) => outcomes.refuse(place, &error.to_problem()),
        }
    }
    Ok(outcomes.answer())
}

/// A body that is too large was not read to its end; every other fault of the whole body is told in the portal's form.
fn unreadable(error: &FormatError, facts: &Facts) -> Result<Response, Failure> {
    let problem = error.to_problem();
    match error {
        FormatError::TooLarge => Err(problem.into()),
        _ => Ok(refused(&problem, facts.lang)),
    }
}

/// Hand steps in (CapNhatTienDoHoSoMC)
///
/// A bare array of the portal's objects; the steps of one dossier are stored together. Steps that are known already are left out.
#[utoipa::path(post, path = "/motcua/SynsTTHCC/CapNhatTienDoHoSoMC", tag = "one-stop",
    request_body(content = Vec<Object>, description = "The portal's objects: `MaHoSo`, `TrangThai`, …"),
    params(("MaDinhDanhDV" = Option<String>, Query, description = "In whose name: an organisation's code", example = "H99.131"),
        ("isUpdating" = Option<String>, Query, description = "Looked past: steps are added"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe even after other pushes")),
    responses((status = 200, description = "As for `DongBoHoSoMC`", body = Object)))]
pub(crate) async fn sync_progress(
    State(state): State<ApiState>,
    permitted: PermittedBasic<DossierSubmit>,
    facts: Facts,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri, &headers)?;
    let bytes = read_body(&state, &headers, body).await?;
    let batch = match read_progress(&bytes) {
        Ok(batch) => batch,
        Err(error) => return unreadable(&error, &facts),
    };
    let mut outcomes = Outcomes::new(facts.lang);
    let mut by_code: BTreeMap<DossierCode, Vec<(usize, ProgressStep)>> = BTreeMap::new();
    for item in batch.items {
        let place = outcomes.expect(&item.key);
        match item.result {
            Ok(step) => {
                let steps = by_code.entry(step.code.clone()).or_default();
                steps.push((place, step));
            }
            Err(violations) => outcomes.refuse(place, &answer::invalid(&violations)),
        }
    }
    for (code, steps) in by_code {
        let (places, steps): (Vec<usize>, Vec<ProgressStep>) = steps.into_iter().unzip();
        let result = push_steps(&state, &permitted.actor, &parameters, code, steps).await;
        for place in places {
            match &result {
                Ok(()) => outcomes.accept(place),
                Err(problem) => outcomes.refuse(place, problem),
            }
        }
    }
    Ok(outcomes.answer())
}

async fn push_steps(
    state: &ApiState,
    actor: &Actor,
    parameters: &Parameters,
    code: DossierCode,
    steps: Vec<ProgressStep>,
) -> Result<(), Problem> {
    let push = ProgressPush {
        actor: actor.clone(),
        door: Door::Api,
        agency: parameters.agency.clone(),
        idempotency_key: parameters.key_of(&code, 0),
        code,
        steps,
    };
    Box::pin(state.dossiers.progress(push)).await?;
    Ok(())
}
