//! The server side of the national document axis (VXP, protocols §2): an existing system works by changing only its
//! endpoint.
//!
//! Every request is an HTTP call to `/vxp/{method}` whose parameters are signed header fields. [`request`] verifies them
//! before anything else; then one function per method does the work through the exchange and the registry. Answers are
//! HTTP 200 with `status` `OK` or `FAIL` and a code of §2.6: the clients look at nothing else.
//!
//! [`rest`] serves the provincial REST flavour of the same axis under `/axis/v1/`, for the same systems.

mod agencies;
mod answer;
mod receive;
mod request;
mod rest;
mod send;
mod upload;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::any;
use lgsp_base::problem::kinds;
use lgsp_base::{Clock, Problem};
use lgsp_exchange::Exchange;
use lgsp_registry::Registry;
use lgsp_wire::vxp::{Method, Verb};

use crate::axis::request::Caller;

/// What the axis works with.
#[derive(Clone)]
pub struct AxisState {
    /// The document exchange.
    pub exchange: Exchange,
    /// Organisations, systems and their secrets.
    pub registry: Registry,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for AxisState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AxisState")
    }
}

/// The axis as a router, to be merged at the server's root.
pub fn router(state: AxisState) -> Router {
    Router::new()
        .route("/vxp/{method}", any(call))
        .with_state(state.clone())
        .merge(rest::router(state))
}

async fn call(
    State(state): State<AxisState>,
    method: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // A name that is not even UTF-8 is no method either.
    let method = method.map_or_else(|_| String::new(), |Path(name)| name);
    match dispatch(&state, &method, request).await {
        Ok(response) => response,
        Err(problem) => answer::fail(&problem),
    }
}

async fn dispatch(state: &AxisState, method: &str, request: Request) -> Result<Response, Problem> {
    let method = Method::from_path(method).ok_or_else(|| kinds::AXIS_METHOD.problem())?;
    let verb = match method.verb() {
        Verb::Get => http::Method::GET,
        Verb::Post => http::Method::POST,
    };
    if *request.method() != verb {
        return Err(kinds::HTTP_METHOD.problem());
    }
    let (head, body) = request.into_parts();
    let caller = request::authenticate(state, method, &head.headers)?;
    match method {
        Method::SendEdoc => send::send(state, &caller, &head.headers, body).await,
        Method::RegisterAgency => {
            let body = upload::small(body, state.clock.as_ref()).await?;
            agencies::register(state, &caller, &body).await
        }
        _ => {
            // It says nothing (`{}`), but a client may wait for the 100 that only reading it sends.
            upload::small(body, state.clock.as_ref()).await?;
            perform(state, method, &caller).await
        }
    }
}

/// The methods whose parameters all stand in the head.
async fn perform(state: &AxisState, method: Method, caller: &Caller) -> Result<Response, Problem> {
    match method {
        Method::GetReceivedEdocList => receive::list(state, caller).await,
        Method::GetEdoc => receive::fetch_in_json(state, caller).await,
        Method::DownloadEdoc => receive::download(state, caller).await,
        Method::UpdateStatus => receive::update_status(state, caller).await,
        Method::GetSentEdocList => send::list(state, caller).await,
        Method::CountReceiveEdoc => receive::count(state, caller, |waiting| waiting.edoc).await,
        Method::CountReceiveStatus => receive::count(state, caller, |waiting| waiting.status).await,
        Method::GetAgenciesList => Ok(agencies::list(state)),
        Method::GetAgenciesListQd20 => agencies::list_of_level(state, caller),
        Method::GetSynchronizeUnit => Ok(agencies::list_for_synchronisation(state)),
        Method::DeleteAgency => agencies::delete(state, caller).await,
        Method::SendEdoc | Method::RegisterAgency => Err(kinds::AXIS_METHOD.problem()),
    }
}

#[cfg(test)]
mod tests;
