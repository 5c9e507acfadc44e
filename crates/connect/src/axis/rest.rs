//! The provincial REST flavour of the axis (protocols §2.6), under `/axis/v1/`: a session opened by a login, multipart forms
//! in, JSON out.
//!
//! Answers are HTTP 200 with `success` and a code of §2.6, as in the other flavour; only what concerns the credential (code
//! 15) also says so by its HTTP status, so that a client knows when to log in again. Everything behind the door is what
//! [`super`] does.

mod answer;
mod caller;
mod directory;
mod form;
mod login;
mod packet;
mod receive;
mod send;
mod status;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::Response;
use axum::routing::any;
use lgsp_base::Problem;
use lgsp_base::problem::kinds;
use lgsp_wire::axis_rest::Call;
use lgsp_wire::vxp::Verb;

use self::caller::Query;
use self::login::LoginFailures;
use super::{AxisState, upload};

/// What this flavour works with.
#[derive(Debug, Clone)]
struct RestState {
    axis: AxisState,
    failures: Arc<LoginFailures>,
}

/// The flavour as a router.
pub(super) fn router(axis: AxisState) -> Router {
    let state = RestState {
        axis,
        failures: Arc::new(login::failures()),
    };
    Router::new()
        .route("/axis/v1/{*call}", any(call))
        .with_state(state)
}

async fn call(
    State(state): State<RestState>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // A name that is not even UTF-8 is no call either.
    let path = path.map_or_else(|_| String::new(), |Path(path)| path);
    match dispatch(&state, &path, request).await {
        Ok(response) => response,
        Err(problem) => answer::fail(&problem),
    }
}

async fn dispatch(state: &RestState, path: &str, request: Request) -> Result<Response, Problem> {
    let call = Call::from_path(path).ok_or_else(|| kinds::AXIS_METHOD.problem())?;
    let verb = match call.verb() {
        Verb::Get => http::Method::GET,
        Verb::Post => http::Method::POST,
    };
    if *request.method() != verb {
        return Err(kinds::HTTP_METHOD.problem());
    }
    let (head, body) = request.into_parts();
    let axis = &state.axis;
    if call == Call::Login {
        let peer = head.extensions.get::<ConnectInfo<SocketAddr>>();
        let from: Option<IpAddr> = peer.map(|ConnectInfo(address)| address.ip());
        let body = upload::small(body, axis.clock.as_ref()).await?;
        return login::enter(state, from, &body);
    }
    let actor = caller::authenticate(axis, call, &head.headers)?;
    let query = Query::read(&head.uri)?;
    match call {
        Call::SendEdoc => send::send(axis, &actor, &head.headers, body).await,
        Call::SyncReceivedEdocList => receive::list(axis, &actor, &query).await,
        Call::GetEdoc => packet::fetch(axis, &actor, &query).await,
        Call::UpdateStatus => {
            let body = upload::small(body, axis.clock.as_ref()).await?;
            status::update(axis, &actor, &body).await
        }
        Call::GetAgenciesList => Ok(directory::list(axis)),
        Call::Login => Err(kinds::AXIS_METHOD.problem()),
    }
}

#[cfg(test)]
mod tests;
