//! `auth/login`: a session for a system that shows its id and secret.
//!
//! This flavour was made for a platform with user accounts. Here a system has one credential, so `username` is its id and
//! `password` its secret; there are no anonymous callers, whatever `allow_anonymous` says.

use std::net::IpAddr;

use axum::response::Response;
use lgsp_base::failures::{FailureBounds, Failures};
use lgsp_base::problem::kinds;
use lgsp_base::{Problem, Sha256, limits};
use lgsp_wire::axis_rest::{LoginData, LoginRequest, Reply};

use super::{RestState, answer};

/// Failed logins by address and digest of the name: behind a proxy all systems have one address.
pub(super) type LoginFailures = Failures<(Option<IpAddr>, Sha256)>;

/// None yet.
pub(super) fn failures() -> LoginFailures {
    Failures::new(FailureBounds {
        most: limits::AXIS_LOGIN_FAILURES_MAX,
        window: limits::AXIS_LOGIN_WINDOW,
        keys: limits::AXIS_LOGIN_KEYS_MAX,
    })
}

/// Opens a session. An unknown system gets the answer of a wrong secret.
///
/// # Errors
/// `input.json`, `auth.invalid`, `auth.too_many`.
pub(super) fn enter(
    state: &RestState,
    from: Option<IpAddr>,
    body: &[u8],
) -> Result<Response, Problem> {
    let login: LoginRequest =
        serde_json::from_slice(body).map_err(|_| kinds::INPUT_JSON.problem())?;
    let key = Some((from, Sha256::of(login.username.as_bytes())));
    let now = state.axis.clock.monotonic();
    if !state.failures.begin(now, key) {
        let seconds = limits::AXIS_LOGIN_WINDOW.as_secs();
        return Err(kinds::AUTH_TOO_MANY.problem().retry_after(seconds));
    }
    let registry = &state.axis.registry;
    let system = registry.axis_system(&login.username, login.password.as_bytes());
    let opened = system.and_then(|system| {
        let session = registry.open_axis_session(system.id)?;
        Some((system, session))
    });
    let (system, session) = opened.ok_or_else(|| kinds::AUTH_INVALID.problem())?;
    state.failures.forgive(now, key);
    Ok(answer::reply(&Reply::with_data(LoginData {
        token: session.token.expose().clone(),
        username: login.username,
        name: system.name,
    })))
}
