//! The directory on the axis: `getAgenciesList`, `getAgenciesListQD20`, `getSynchronizeUnit`, `registerAgency`,
//! `deleteAgency`.
//!
//! A directory has more than a hundred thousand entries, so lists are written while they are sent.

use axum::response::Response;
use lgsp_base::id::OrgId;
use lgsp_base::org_code::Scheme;
use lgsp_base::problem::kinds;
use lgsp_base::{Problem, Timestamp};
use lgsp_registry::model::Organisation;
use lgsp_wire::vxp::response::{
    AgencyItem, AgencyQd20Item, RegisterAgency, Response as Frame, SynchronizeUnitItem,
};
use serde::Serialize;

use super::request::Caller;
use super::send::{time, wrong};
use super::{AxisState, answer};

/// Organisations that are written at once.
const BATCH: usize = 500;

/// Streams one item per organisation for which `show` gives one.
fn listed<T: Serialize>(
    state: &AxisState,
    show: impl Fn(&Organisation, Timestamp) -> Option<T> + Send + 'static,
) -> Response {
    answer::array(batches(state, show))
}

/// The items as they stand in a JSON array, some hundred at once.
pub(super) fn batches<T: Serialize>(
    state: &AxisState,
    show: impl Fn(&Organisation, Timestamp) -> Option<T> + Send + 'static,
) -> impl Iterator<Item = Vec<u8>> + Send + 'static {
    let now = state.clock.now();
    let snapshot = state.registry.snapshot();
    let total = snapshot.directory().len();
    let mut is_first = true;
    (0..total).step_by(BATCH).map(move |start| {
        let mut text = Vec::new();
        for org in snapshot.directory().iter().skip(start).take(BATCH) {
            let Some(json) = show(org, now).and_then(|item| serde_json::to_vec(&item).ok()) else {
                continue;
            };
            if !std::mem::take(&mut is_first) {
                text.push(b',');
            }
            text.extend_from_slice(&json);
        }
        text
    })
}

fn parent(org: &Organisation, at: Timestamp) -> String {
    org.period_near(at)
        .and_then(|period| period.parent)
        .map(|id: OrgId| id.to_string())
        .unwrap_or_default()
}

fn code_in(org: &Organisation, scheme: Scheme, at: Timestamp) -> Option<&str> {
    org.codes
        .iter()
        .find(|code| code.scheme == scheme && code.is_open(at))
        .map(|code| code.code.as_str())
}

/// Every active organisation.
pub(super) fn list(state: &AxisState) -> Response {
    listed(state, |org, now| {
        org.period_at(now).map(|period| AgencyItem {
            id: org.id.to_string(),
            pid: parent(org, now),
            code: org.code_near(now).to_owned(),
            name: period.name.clone(),
            mail: String::new(),
            old_code: code_in(org, Scheme::Qcvn102, now)
                .unwrap_or_default()
                .to_owned(),
        })
    })
}

/// Every active organisation of one level with a code of Decision 20/2020.
pub(super) fn list_of_level(state: &AxisState, caller: &Caller) -> Result<Response, Problem> {
    let level: u32 = caller
        .required("level")?
        .parse()
        .map_err(|_| wrong("level", "1–9"))?;
    Ok(listed(state, move |org, now| {
        let period = org.period_at(now).filter(|period| period.level == level)?;
        Some(AgencyQd20Item {
            id: org.id.to_string(),
            code: code_in(org, Scheme::Qd20, now)?.to_owned(),
            code102: code_in(org, Scheme::Qcvn102, now)
                .unwrap_or_default()
                .to_owned(),
            name: period.name.clone(),
            mail: String::new(),
        })
    }))
}

/// Every organisation, ended ones marked as deleted.
pub(super) fn list_for_synchronisation(state: &AxisState) -> Response {
    listed(state, |org, now| {
        let period = org.period_near(now)?;
        let changed_at = match (org.ended_at(), period.from) {
            (Some(ended), _) => ended,
            (None, from) if from > Timestamp::BEGINNING => from,
            (None, _) => org.created_at,
        };
        Some(SynchronizeUnitItem {
            id: org.id.to_string(),
            pid: parent(org, now),
            code: org.code_near(now).to_owned(),
            name: period.name.clone(),
            mail: String::new(),
            center_code: String::new(),
            version: org.periods.len().to_string(),
            deleted: org.period_at(now).is_none(),
            modify_date: time(changed_at),
            is_agency: true,
        })
    })
}

/// The system and organisation of an axis caller.
fn system_of(caller: &Caller) -> Result<lgsp_base::id::SystemId, Problem> {
    match caller.actor {
        lgsp_base::Actor::System { system, .. } => Ok(system),
        _ => Err(kinds::AUTH_FORBIDDEN.problem()),
    }
}

fn find(state: &AxisState, code: &str) -> Result<OrgId, Problem> {
    state
        .registry
        .snapshot()
        .resolve(code, state.clock.now())
        .recipient()
        .ok_or_else(|| kinds::ORG_UNKNOWN.with(code.chars().take(64).collect::<String>()))
}

/// Registers the caller's system for an agency at or below its own organisation.
pub(super) async fn register(
    state: &AxisState,
    caller: &Caller,
    body: &[u8],
) -> Result<Response, Problem> {
    let agency: RegisterAgency =
        serde_json::from_slice(body).map_err(|_| kinds::INPUT_JSON.problem())?;
    let org = find(state, &agency.code)?;
    state
        .registry
        .register_agency(&caller.actor, system_of(caller)?, org)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(answer::frame(&Frame::<()>::ok()))
}

/// Takes a registration back.
pub(super) async fn delete(state: &AxisState, caller: &Caller) -> Result<Response, Problem> {
    let org = find(state, caller.required("AgencyCode")?)?;
    state
        .registry
        .delete_agency(&caller.actor, system_of(caller)?, org)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(answer::frame(&Frame::<()>::ok()))
}
