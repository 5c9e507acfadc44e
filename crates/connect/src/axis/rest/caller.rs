//! Who calls: the session's token, and the system's id and secret with every call; and what the query says.

use http::{HeaderMap, HeaderValue, Uri, header};
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Problem};
use lgsp_registry::model::System;
use lgsp_wire::axis_rest::Call;

use crate::axis::AxisState;

const SYSTEM_ID: &str = "x-systemid";
const SECRET_KEY: &str = "x-secretkey";

/// Finds the actor behind a request's head. The token must be of the system whose id and secret are sent with it; only the
/// directory is open to the token alone, as clients ask for it.
///
/// # Errors
/// `auth.required` when a field is missing, `auth.invalid` for everything else: which one is wrong is not told.
pub(super) fn authenticate(
    state: &AxisState,
    call: Call,
    headers: &HeaderMap,
) -> Result<Actor, Problem> {
    let invalid = || kinds::AUTH_INVALID.problem();
    let bearer = single(headers, header::AUTHORIZATION.as_str())?
        .ok_or_else(|| kinds::AUTH_REQUIRED.problem())?;
    let token = bearer
        .to_str()
        .ok()
        .and_then(|field| field.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let session = token.and_then(|token| state.registry.axis_session(token));
    let shown = (single(headers, SYSTEM_ID)?, single(headers, SECRET_KEY)?);
    let system = match shown {
        (Some(id), Some(secret)) => id
            .to_str()
            .ok()
            .and_then(|id| state.registry.axis_system(id, secret.as_bytes())),
        (None, None) if call == Call::GetAgenciesList => session.clone(),
        _ => return Err(kinds::AUTH_REQUIRED.with("X-SystemId, X-SecretKey")),
    };
    let (session, system) = session.zip(system).ok_or_else(invalid)?;
    if session.id == system.id {
        Ok(actor(&system))
    } else {
        Err(invalid())
    }
}

fn actor(system: &System) -> Actor {
    Actor::System {
        system: system.id,
        org: system.org,
    }
}

/// A field that stands at most once.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h HeaderValue>, Problem> {
    let mut found = headers.get_all(name).iter();
    let first = found.next();
    if found.next().is_some() {
        return Err(kinds::AUTH_INVALID.problem());
    }
    Ok(first)
}

/// The parameters of a query, each at most once.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them.
    ///
    /// # Errors
    /// `input.invalid` for a parameter twice or bad escapes.
    pub(super) fn read(uri: &Uri) -> Result<Self, Problem> {
        let bad = || kinds::INPUT_INVALID.with("the query");
        let axum::extract::Query(pairs) =
            axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| bad())?;
        for (index, (name, _)) in pairs.iter().enumerate() {
            if pairs.iter().skip(index + 1).any(|(other, _)| other == name) {
                return Err(bad().at(name, "once", "the parameter stands twice"));
            }
        }
        Ok(Self(pairs))
    }

    /// A parameter; an empty one counts as absent.
    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A parameter that the call needs.
    ///
    /// # Errors
    /// `input.invalid`.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Problem> {
        self.optional(name).ok_or_else(|| {
            kinds::INPUT_INVALID
                .problem()
                .at(name, "required", "the parameter is required")
        })
    }
}
