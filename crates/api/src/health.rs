//! Liveness and readiness: whether the process answers, and whether it can take work, with the reasons if not.

use std::fmt;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;

/// One thing that must hold before work is taken: the store, the disk, the delivery worker.
pub struct Probe {
    name: &'static str,
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
            check: Box::new(check),
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
    /// `ok` or `not_ready`.
    status: &'static str,
    /// Every part that was asked.
    checks: Vec<HealthCheck>,
}

/// How one part is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthCheck {
    /// `store`, `disk`, `worker` …
    name: &'static str,
    /// True if it can take work.
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
    let checks: Vec<HealthCheck> = state
        .probes
        .iter()
        .map(|probe| {
            let outcome = (probe.check)();
            HealthCheck {
                name: probe.name,
                is_ok: outcome.is_ok(),
                reason: outcome.err(),
            }
        })
        .collect();
    if checks.iter().all(|check| check.is_ok) {
        answer(
            StatusCode::OK,
            HealthReport {
                status: "ok",
                checks,
            },
        )
    } else {
        answer(
            StatusCode::SERVICE_UNAVAILABLE,
            HealthReport {
                status: "not_ready",
                checks,
            },
        )
    }
}
