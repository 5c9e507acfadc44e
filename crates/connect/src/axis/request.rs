//! Who calls the axis: the signed header fields, verified in constant time.

use http::HeaderMap;
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Problem, limits};
use lgsp_wire::vxp::{Method, SignedRequest, VerifiedParams};

use super::AxisState;

/// Takes the place of the secret of a system that does not exist, so that its refusal costs the same.
const NO_SECRET: &[u8] = b"no system has this as its secret";

/// A caller whose signature is right.
#[derive(Debug)]
pub(super) struct Caller {
    /// The system and its organisation.
    pub(super) actor: Actor,
    /// The signed parameters.
    pub(super) params: VerifiedParams,
}

impl Caller {
    /// A parameter that the method needs and that the signature covers.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Problem> {
        self.optional(name).ok_or_else(|| {
            kinds::INPUT_INVALID
                .problem()
                .at(name, "required", "the parameter is required")
        })
    }

    /// A parameter; an empty one counts as absent.
    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.params.get(name).filter(|text| !text.is_empty())
    }
}

/// Verifies a request's head. An unknown system gets the answer of a wrong secret.
///
/// # Errors
/// `axis.signature`, `axis.timestamp`.
pub(super) fn authenticate(
    state: &AxisState,
    method: Method,
    headers: &HeaderMap,
) -> Result<Caller, Problem> {
    let fields: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let signed = SignedRequest::read(method, &fields).map_err(|error| error.to_problem())?;
    let snapshot = state.registry.snapshot();
    let system = snapshot
        .system_by_vxp(signed.claimed_system_id())
        .filter(|system| system.is_active);
    let secret = system.and_then(|system| snapshot.vxp_secret(system.id));
    let params = signed
        .verify(secret.map_or(NO_SECRET, |secret| secret.expose().as_slice()))
        .map_err(|error| error.to_problem())?;
    let (Some(system), Some(_)) = (system, secret) else {
        return Err(kinds::AXIS_SIGNATURE.problem());
    };
    let now = state.clock.now();
    let age = now.since(params.timestamp).max(params.timestamp.since(now));
    if age > limits::AXIS_TIMESTAMP_SKEW {
        return Err(kinds::AXIS_TIMESTAMP.with(format_args!(
            "{} s, at most {} s",
            age.as_secs(),
            limits::AXIS_TIMESTAMP_SKEW.as_secs()
        )));
    }
    Ok(Caller {
        actor: Actor::System {
            system: system.id,
            org: system.org,
        },
        params,
    })
}
