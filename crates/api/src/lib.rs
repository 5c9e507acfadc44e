#![doc = include_str!("../README.md")]

mod router;

mod documents;
mod submit;

mod inbox;

mod deliveries;
mod resends;

mod organisation_events;
mod organisations;
mod systems;
mod webhooks;

mod dossiers;
mod one_stop;

mod events;
mod ledger;

mod health;
mod openapi;

mod auth;
mod problem;

mod attachments;
mod content;
mod view;

mod compose;
pub mod form;
mod multipart;

mod body;
mod download;
mod json;
mod media;
mod page;
mod parts;
mod query;
mod respond;
mod transfer;

#[cfg(test)]
#[path = "../../connect/src/testkit.rs"]
mod testkit;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use lgsp_base::places::Places;
use lgsp_base::{Clock, Entropy, Problem, limits};
use lgsp_exchange::Exchange;
use lgsp_exchange::dossier::Dossiers;
use lgsp_exchange::dossier::portals::Portals;
use lgsp_registry::Registry;
use lgsp_store::ledger::Ledger;
use tokio::sync::watch;

use crate::events::Pages;

pub use health::Probe;
pub use router::{description, router};

/// Judges the address of a proposed push endpoint; the server wires the guarded client in.
pub type EndpointPolicy = Arc<dyn Fn(&str) -> Result<(), Problem> + Send + Sync>;

/// What the handlers work with; clones share it.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// The inside of [`ApiState`].
pub struct Shared {
    exchange: Exchange,
    dossiers: Dossiers,
    portals: Option<Arc<dyn Portals>>,
    registry: Registry,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    spool: PathBuf,
    webhook_public_key: Arc<str>,
    endpoint_policy: EndpointPolicy,
    probes: Arc<[Probe]>,
    description: String,
    ledger: Option<Ledger>,
    /// Becomes true when streams shall end.
    closing: watch::Sender<bool>,
    pages: Pages,
    places: Places,
}

/// The parts from which the API is put together.
pub struct ApiParts {
    /// The document exchange.
    pub exchange: Exchange,
    /// Dossiers of the one-stop shop.
    pub dossiers: Dossiers,
    /// The national portals on command; without them what concerns them answers `portal.unavailable`.
    pub portals: Option<Arc<dyn Portals>>,
    /// Organisations, systems, credentials.
    pub registry: Registry,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for request ids and spool files.
    pub entropy: Arc<dyn Entropy>,
    /// A folder for uploads that are too large for memory; files in it have no names and vanish by themselves.
    pub spool: PathBuf,
    /// The public key that verifies pushes, in the form of Standard Webhooks.
    pub webhook_public_key: String,
    /// Which addresses may be proposed as push endpoints.
    pub endpoint_policy: EndpointPolicy,
    /// What `/readyz` asks.
    pub probes: Vec<Probe>,
    /// The log; without it what concerns the ledger answers `ledger.unavailable`.
    pub ledger: Option<Ledger>,
}

impl ApiState {
    /// Puts the state together.
    pub fn new(parts: ApiParts) -> Self {
        Self(Arc::new(Shared {
            exchange: parts.exchange,
            dossiers: parts.dossiers,
            portals: parts.portals,
            registry: parts.registry,
            clock: parts.clock,
            entropy: parts.entropy,
            spool: parts.spool,
            webhook_public_key: parts.webhook_public_key.into(),
            endpoint_policy: parts.endpoint_policy,
            probes: parts.probes.into(),
            description: router::description(),
            ledger: parts.ledger,
            closing: watch::Sender::new(false),
            pages: Pages::default(),
            places: Places::new(
                limits::EVENT_STREAMS_MAX,
                limits::EVENT_STREAMS_PER_CALLER_MAX,
            ),
        }))
    }

    /// Ends every stream of events, now and from now on: an answer without an end would hold a shutdown up.
    pub fn close_streams(&self) {
        self.closing.send_replace(true);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("probes", &self.probes)
            .finish_non_exhaustive()
    }
}

impl std::ops::Deref for ApiState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiState").field(&self.0).finish()
    }
}

impl fmt::Debug for ApiParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiParts")
            .field("probes", &self.probes)
            .finish_non_exhaustive()
    }
}
