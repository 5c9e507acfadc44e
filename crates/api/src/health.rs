//! Liveness and readiness: whether the process answers, and whether it can take work, with the reasons if not.

use std::fmt;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;

/// One thing that must hold before work is taken (the store, the disk), or that people should know (a witness is away).
pub struct Probe {
    name: &'static str,
    is_required: bool,
    check: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl Probe {
    /// `check` is quick, never blocks, and says in words what is wrong.
    pub fn new(
        name: &'static str,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            is_required: true,
            check: Box::new(check),
        }
    }

    /// Like [`Probe::new`] for something without which work can still be taken: its trouble is told, and that is all.
    pub fn notice(
        name: &'static str,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            is_required: false,
            ..Self::new(name, check)
        }
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How the platform is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthReport {
    /// `ok`, `degraded` (work is taken, something needs attention) or `not_ready`.
    status: &'static str,
    /// Every part that was asked.
    checks: Vec<HealthCheck>,
}

/// How one part is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthCheck {
    /// `store`, `disk`, `worker` …
    name: &'static str,
    /// True if all is well with it.
    is_ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

fn answer(status: StatusCode, report: HealthReport) -> Response {
    let mut response = (status, axum::Json(report)).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Say that the process answers
#[utoipa::path(get, path = "/livez", tag = "platform", security(()),
    responses((status = 200, description = "It answers", body = HealthReport)))]
pub(crate) async fn live() -> Response {
    let report = HealthReport {
        status: "ok",
        checks: Vec::new(),
    };
    answer(StatusCode::OK, report)
}

/// Say whether work can be taken, and why not
#[utoipa::path(get, path = "/readyz", tag = "platform", security(()),
    responses((status = 200, description = "Ready", body = HealthReport),
        (status = 503, description = "Not ready; `checks` says why", body = HealthReport)))]
pub(crate) async fn ready(State(state): State<ApiState>) -> Response {
    let mut is_ready = true;
    let checks: Vec<HealthCheck> = state
        .probes
        .iter()
        .map(|probe| {
            let outcome = (probe.check)();
            is_ready &= outcome.is_ok() || !probe.is_required;
            HealthCheck {
                name: probe.name,
                is_ok: outcome.is_ok(),
                reason: outcome.err(),
            }
        })
        .collect();
    let is_well = checks.iter().all(|check| check.is_ok);
    let (code, status) = match (is_ready, is_well) {
        (true, true) => (StatusCode::OK, "ok"),
        (true, false) => (StatusCode::OK, "degraded"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    answer(code, HealthReport { status, checks })
}
