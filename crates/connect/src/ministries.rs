//! Systems of ministries behind a gateway: civil status and criminal records (protocols §4.11).
//!
//! A dossier that is routed to such a system is registered there in its own forms; from then on it is asked about until it is done, and
//! each new state comes back as a step of the ministry's organisation. What the one-stop system knows beyond the dossier travels in one
//! field of it, as JSON (a text, or an object): [`CIVIL_FORM`] or [`CRIMINAL_FORM`], in canonical forms (ISO days, `male`, `female`);
//! the days, genders and codes of the other side are data of `lgsp_wire::dossier`.

mod civil_status;
mod criminal_record;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use lgsp_base::Secret;
use lgsp_base::id::{OrgId, SystemId};
use lgsp_base::{Clock, Entropy, limits};
use lgsp_exchange::{ConnectorKind, HandOver, HandOverOutcome};
use lgsp_registry::Registry;
use lgsp_registry::model::Connector;
use lgsp_store::Db;
use lgsp_wire::dossier::{Dossier, DossierCode, DossierStatus};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::connector::{Casework, Fault, Message, later, post_json, refused, unread};
use crate::outbound::Outbound;

/// The dossier's field with what only the civil status system needs.
pub const CIVIL_FORM: &str = "HoTich";
/// The dossier's field with what only the system of criminal records needs.
pub const CRIMINAL_FORM: &str = "LyLichTuPhap";
/// The fields that go to no other system.
pub(crate) const FORM_FIELDS: &[&str] = &[CIVIL_FORM, CRIMINAL_FORM];

/// The ministries' systems as one node calls them; clones share everything.
#[derive(Debug, Clone)]
pub struct Ministries {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    outbound: Outbound,
    registry: Registry,
    casework: Arc<dyn Casework>,
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// First pause between two questions.
    poll_min: Duration,
}

/// A system with everything that a call needs.
struct Station {
    connector: Connector,
    key: Secret<String>,
    org: OrgId,
}

/// What a registration or a question came to, short of an answer.
enum Ended {
    Fault(Fault),
    Refused { cause: String, detail: String },
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Ended::Fault(fault)
    }
}

impl From<Ended> for HandOverOutcome {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Fault(fault) => fault.into(),
            Ended::Refused { cause, detail } => refused(&cause, &detail),
        }
    }
}

/// The state of a dossier at a ministry.
struct RemoteState {
    /// As it is written there.
    code: String,
    /// What it means; none: nothing that moves a dossier.
    status: Option<DossierStatus>,
    /// In the ministry's words.
    words: String,
    /// The ministry's own id, where it is told with the state.
    id: String,
}

impl Ministries {
    /// Nothing is called yet. `poll_min` none stands for `limits::MINISTRY_POLL_MIN`.
    pub fn new(
        outbound: Outbound,
        registry: Registry,
        casework: Arc<dyn Casework>,
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        poll_min: Option<Duration>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                outbound,
                registry,
                casework,
                db,
                clock,
                entropy,
                poll_min: poll_min.unwrap_or(limits::MINISTRY_POLL_MIN),
            }),
        }
    }

    /// Hands one delivery over: a dossier that is to be worked on is registered and asked about from then on; a ministry takes neither
    /// steps nor later states.
    pub(crate) async fn deliver(&self, item: &HandOver, kind: ConnectorKind) -> HandOverOutcome {
        let dossier = match self.inner.casework.read(item).await {
            Ok(Message::State(dossier)) if is_wanted(dossier.status) => dossier,
            Ok(Message::State(_) | Message::Steps { .. }) => return HandOverOutcome::Confirmed,
            Err(error) => return unread(&error),
        };
        let Some(station) = self.station(item.system) else {
            return later("no_connector", "the system has no connector");
        };
        let registered = match kind {
            ConnectorKind::CriminalRecord => self.register_criminal(&station, &dossier).await,
            _ => self.register_civil(&station, &dossier).await,
        };
        match registered {
            // Durable before it is confirmed: a state that nobody asks for never comes.
            Ok(id) => match self.watch(&station, kind, &dossier, id).await {
                Ok(()) => HandOverOutcome::Confirmed,
                Err(error) => later("store", &error.to_string()),
            },
            Err(ended) => ended.into(),
        }
    }

    fn station(&self, system: SystemId) -> Option<Station> {
        let snapshot = self.inner.registry.snapshot();
        let org = snapshot.system(system)?.org;
        let (connector, key) = snapshot.connections().connector(system)?;
        Some(Station {
            connector: connector.clone(),
            key: Secret::new(String::from_utf8_lossy(key.expose()).into_owned()),
            org,
        })
    }

    /// The code of the place in which the agency of a dossier works; empty where it is not known.
    fn place_of(&self, code: &DossierCode) -> String {
        let snapshot = self.inner.registry.snapshot();
        let agency = snapshot.lookup(code.agency());
        agency
            .and_then(|org| org.period_near(self.inner.clock.now()))
            .and_then(|period| period.admin_unit_code.clone())
            .unwrap_or_default()
    }

    /// Calls an operation and notes how that went.
    async fn ask<T>(
        &self,
        station: &Station,
        operation: &'static str,
        body: Vec<u8>,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<T, Fault> {
        let connector = &station.connector;
        let path = &connector.settings.service_path;
        let url = format!("{}{path}/{operation}", connector.url);
        let mut headers = HeaderMap::new();
        if let Ok(bearer) = HeaderValue::from_str(&format!("Bearer {}", station.key.expose())) {
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let answered = post_json(&self.inner.outbound, &url, headers, body).await;
        let answer = answered.and_then(|body| read(&body).ok_or_else(|| unreadable(&body)));
        let noted = answer
            .as_ref()
            .map(|_| ())
            .map_err(|fault| fault.cause.as_str());
        self.inner
            .casework
            .note(connector.system, operation, noted)
            .await;
        answer
    }
}

/// True for a dossier on which work begins or goes on; what is refused, withdrawn or done is no business of a ministry.
const fn is_wanted(status: DossierStatus) -> bool {
    matches!(status, DossierStatus::Received | DossierStatus::Processing)
}

/// Something else answered in the ministry's place, or it broke off.
fn unreadable(body: &Bytes) -> Fault {
    match body.trim_ascii_start() {
        [] => Fault::new("empty", "an empty answer"),
        [b'<', ..] => Fault::new("html", "a web page instead of JSON"),
        _ => Fault::new("not_json", "no usable answer"),
    }
}

/// The form that a dossier carries for a ministry; the empty one where there is none.
fn form_of<T: DeserializeOwned + Default>(
    dossier: &Dossier,
    name: &'static str,
) -> Result<T, Ended> {
    let form = match dossier.extra.get(name) {
        None | Some(Value::Null) => return Ok(T::default()),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(T::default()),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(value) => value.clone(),
    };
    // A list would be taken for the fields in their order. Serde's words may quote what they read.
    let read = Some(form)
        .filter(Value::is_object)
        .and_then(|form| T::deserialize(form).ok());
    read.ok_or_else(|| Ended::Refused {
        cause: "form_invalid".to_owned(),
        detail: format!("the field {name} of the dossier is no form of the ministry"),
    })
}

fn missing(what: &str) -> Ended {
    Ended::Refused {
        cause: "form_missing".to_owned(),
        detail: format!("{what} is missing"),
    }
}

#[cfg(test)]
mod tests;
