#![doc = include_str!("../README.md")]

mod router;

pub mod alarms;
pub mod events;
pub mod session;

mod login;
mod preferences;
mod visitor;

mod pages;

mod chart;
mod error;
mod page;
mod proof;
mod timeline;

mod assets;
mod files;
pub mod gallery;
mod i18n;
mod render;

mod cookie;
mod form;

#[cfg(test)]
#[path = "../../connect/src/testkit.rs"]
mod testkit;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use lgsp_base::failures::Failures;
use lgsp_base::places::Places;
use lgsp_base::{Clock, Entropy, limits};
use lgsp_exchange::Exchange;
use lgsp_exchange::dossier::Dossiers;
use lgsp_exchange::dossier::portals::Portals;
use lgsp_insight::Insight;
use lgsp_registry::Registry;
use lgsp_store::ledger::Ledger;
use tokio::sync::watch;

pub use alarms::{Alarm, AlarmKind, Alarms};
pub use events::{Batch, Event, Events, LedgerEvents};
pub use i18n::TextError;
pub use page::Mode;
pub use render::LoadError;
pub use router::{Pages, router};
pub use session::{Credential, SessionView, Sessions, StoreSessions};
pub use visitor::OverTls;

use assets::Assets;
use pages::look_up::Guesses;
use render::Renderer;

/// What the console is put together from.
#[derive(Debug)]
pub struct ConsoleParts {
    /// The document exchange.
    pub exchange: Exchange,
    /// Dossiers of the one-stop shop.
    pub dossiers: Dossiers,
    /// The national portals, on command.
    pub portals: Arc<dyn Portals>,
    /// Organisations, systems, credentials.
    pub registry: Registry,
    /// The sealed log.
    pub ledger: Ledger,
    /// Figures and search, derived from the log.
    pub insight: Insight,
    /// Who is logged in.
    pub sessions: Arc<dyn Sessions>,
    /// What happens, for pages that follow it.
    pub events: Arc<dyn Events>,
    /// What is wrong with the platform itself, for every page.
    pub alarms: Arc<dyn Alarms>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for request ids and the secrets of forms.
    pub entropy: Arc<dyn Entropy>,
    /// Kind of installation, shown on every page.
    pub mode: Mode,
    /// The address under which browsers reach the platform; with `https` cookies are sent over TLS only.
    pub public_url: String,
    /// Becomes true when the platform stops: open streams end.
    pub stop: watch::Receiver<bool>,
}

/// What the pages work with; clones share it.
#[derive(Clone)]
pub(crate) struct Console(Arc<Shared>);

/// The inside of [`Console`].
pub(crate) struct Shared {
    pub(crate) exchange: Exchange,
    pub(crate) dossiers: Dossiers,
    pub(crate) portals: Arc<dyn Portals>,
    pub(crate) registry: Registry,
    pub(crate) ledger: Ledger,
    pub(crate) insight: Insight,
    pub(crate) sessions: Arc<dyn Sessions>,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) alarms: Arc<dyn Alarms>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) mode: Mode,
    /// Scheme and authority of the public address.
    pub(crate) origin: String,
    /// True if the public address is `https`.
    pub(crate) is_secure: bool,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) renderer: Renderer,
    pub(crate) assets: Arc<Assets>,
    pub(crate) failures: Failures<IpAddr>,
    pub(crate) guesses: Guesses,
    pub(crate) streams: Places,
}

impl Console {
    /// Puts the parts together.
    ///
    /// # Errors
    /// [`LoadError`], which the tests exclude.
    pub(crate) fn new(parts: ConsoleParts) -> Result<Self, LoadError> {
        let assets = Arc::new(Assets::load());
        let renderer = Renderer::load(&assets, None)?;
        let (scheme, rest) = parts
            .public_url
            .split_once("://")
            .unwrap_or(("http", &parts.public_url));
        let authority = rest.split('/').next().unwrap_or_default();
        Ok(Self(Arc::new(Shared {
            exchange: parts.exchange,
            dossiers: parts.dossiers,
            portals: parts.portals,
            registry: parts.registry,
            ledger: parts.ledger,
            insight: parts.insight,
            sessions: parts.sessions,
            events: parts.events,
            alarms: parts.alarms,
            clock: parts.clock,
            entropy: parts.entropy,
            mode: parts.mode,
            origin: format!("{scheme}://{authority}"),
            is_secure: scheme.eq_ignore_ascii_case("https"),
            stop: parts.stop,
            renderer,
            assets,
            failures: login::failures(),
            guesses: Guesses::default(),
            streams: Places::new(
                limits::EVENT_STREAMS_MAX,
                limits::CONSOLE_STREAMS_PER_VISITOR_MAX,
            ),
        })))
    }
}

impl Deref for Console {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
