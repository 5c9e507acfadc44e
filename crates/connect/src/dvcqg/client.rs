//! Log-in, session and calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};
use lgsp_base::Secret;
use lgsp_base::id::SystemId;
use lgsp_registry::model::Connector;
use lgsp_wire::dossier::{
    DESTINATION_FIELD, LoginRequest, PortalRequest, Reply, ReplyError, ReplyOutcome, read_reply,
};
use serde_json::Value;

use super::NationalPortal;
use crate::connector::{Fault, cause_of, post_json};

/// The log-in's name in the health of services.
const LOGIN: &str = "login";

/// Why the portal gave no answer that could be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortalError {
    /// The system has no connector any more.
    #[error("the system has no connector")]
    NoConnector,
    /// The portal is not there, or something else answered in its place.
    #[error("the portal did not answer: {cause}")]
    Unreachable {
        /// A stable word: `timeout`, `http_502`, `html`, `portal_500`.
        cause: String,
        /// More about it, without personal data.
        detail: String,
        /// When it asks to come back.
        retry_after: Option<std::time::Duration>,
    },
    /// It does not take our name and password.
    #[error("the portal refused the log-in: {cause}")]
    Login {
        /// A stable word with its code.
        cause: String,
    },
    /// The session was lost again right behind a fresh log-in.
    #[error("the portal lost a fresh session")]
    SessionLost,
}

impl PortalError {
    /// The stable word.
    pub fn cause(&self) -> &str {
        match self {
            PortalError::NoConnector => "no_connector",
            PortalError::Unreachable { cause, .. } | PortalError::Login { cause } => cause,
            PortalError::SessionLost => "session_lost",
        }
    }
}

impl From<Fault> for PortalError {
    fn from(fault: Fault) -> Self {
        PortalError::Unreachable {
            cause: fault.cause,
            detail: fault.detail,
            retry_after: fault.retry_after,
        }
    }
}

impl From<PortalError> for Fault {
    fn from(error: PortalError) -> Self {
        let detail = error.to_string();
        match error {
            PortalError::Unreachable {
                cause,
                detail,
                retry_after,
            } => Fault {
                cause,
                detail,
                retry_after,
            },
            PortalError::NoConnector | PortalError::Login { .. } | PortalError::SessionLost => {
                Fault::new(error.cause(), &detail)
            }
        }
    }
}

/// An answer that was read, with what had been asked, so that its words can be shown without what they repeat.
#[derive(Debug)]
pub struct SystemReply {
    /// The answer.
    pub reply: Reply,
    /// `data` of the request; null where it had none.
    pub sent: Value,
}

/// A session that the portal gave.
#[derive(Debug, Clone)]
struct Session {
    /// Tells it from the one before.
    number: u64,
    text: Secret<String>,
    /// With what it was opened: another address, name or code asks for another session.
    opened_by: Connector,
}

/// The place of a system's session. Its lock is held during a log-in, so that many callers make one.
type Slot = Arc<tokio::sync::Mutex<(u64, Option<Session>)>>;

/// Sessions by system.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    slots: Mutex<HashMap<SystemId, Slot>>,
}

impl Sessions {
    fn slot(&self, system: SystemId) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(system).or_default())
    }
}

impl NationalPortal {
    /// Calls a service in a session, which is opened where there is none and renewed once where it is lost.
    ///
    /// # Errors
    /// [`PortalError`]; a refusal in words is an answer, not an error.
    pub async fn call(
        &self,
        system: SystemId,
        make: impl Fn(Secret<String>, &str) -> PortalRequest + Send,
    ) -> Result<SystemReply, PortalError> {
        let (connector, password) = self.connector(system)?;
        let mut lost = None;
        for _ in 0..2 {
            let session = self.session(&connector, &password, lost).await?;
            let request = make(session.text.clone(), &connector.settings.unit_code);
            let reply = self.ask(&connector, &request).await?;
            if reply.outcome != ReplyOutcome::SessionLost {
                let sent = request.data.unwrap_or_default();
                return Ok(SystemReply { reply, sent });
            }
            lost = Some(session.number);
        }
        Err(PortalError::SessionLost)
    }

    /// Where a system stands, and with what it is entered.
    fn connector(&self, system: SystemId) -> Result<(Connector, Secret<String>), PortalError> {
        let snapshot = self.inner.registry.snapshot();
        let (connector, secret) = snapshot
            .connections()
            .connector(system)
            .ok_or(PortalError::NoConnector)?;
        let password = String::from_utf8_lossy(secret.expose()).into_owned();
        Ok((connector.clone(), Secret::new(password)))
    }

    /// The session of a system; a new one where there is none, where the one there is `lost`, or where the settings changed.
    async fn session(
        &self,
        connector: &Connector,
        password: &Secret<String>,
        lost: Option<u64>,
    ) -> Result<Session, PortalError> {
        let slot = self.inner.sessions.slot(connector.system);
        let mut place = slot.lock().await;
        let (last, known) = &mut *place;
        let usable = known
            .as_ref()
            .filter(|session| lost != Some(session.number) && session.opened_by == *connector);
        if let Some(session) = usable {
            return Ok(session.clone());
        }
        *known = None;
        let text = self.log_in(connector, password).await?;
        *last += 1;
        let session = Session {
            number: *last,
            text,
            opened_by: connector.clone(),
        };
        *known = Some(session.clone());
        Ok(session)
    }

    async fn log_in(
        &self,
        connector: &Connector,
        password: &Secret<String>,
    ) -> Result<Secret<String>, PortalError> {
        let request = LoginRequest {
            username: connector.user.clone(),
            password: password.clone(),
        };
        let path = &connector.settings.login_path;
        let answered = self.post(connector, path, request.to_bytes()).await;
        let opened = answered.and_then(|reply| match (reply.outcome, reply.session) {
            (ReplyOutcome::Ok, Some(session)) => Ok(session),
            (ReplyOutcome::Ok, None) => {
                Err(Fault::new("no_session", "no session was given").into())
            }
            _ => Err(PortalError::Login {
                cause: cause_of(LOGIN, &reply.code),
            }),
        });
        let noted = opened.as_ref().map(|_| ()).map_err(PortalError::cause);
        self.casework().note(connector.system, LOGIN, noted).await;
        opened
    }

    async fn ask(
        &self,
        connector: &Connector,
        request: &PortalRequest,
    ) -> Result<Reply, PortalError> {
        let path = &connector.settings.service_path;
        let answered = self.post(connector, path, request.to_bytes()).await;
        let noted = match &answered {
            Ok(reply) => match reply.outcome {
                ReplyOutcome::Ok | ReplyOutcome::AlreadyExists => Ok(()),
                ReplyOutcome::SessionLost => Err("session_lost".to_owned()),
                ReplyOutcome::Refused => Err(cause_of("portal", &reply.code)),
            },
            Err(error) => Err(error.cause().to_owned()),
        };
        let noted = noted.as_ref().copied().map_err(String::as_str);
        self.casework()
            .note(connector.system, request.service.name(), noted)
            .await;
        answered
    }

    async fn post(
        &self,
        connector: &Connector,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Reply, PortalError> {
        let url = format!("{}{path}", connector.url);
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static("charset"),
            HeaderValue::from_static("utf-8"),
        );
        if let Ok(destination) = HeaderValue::from_str(&connector.settings.destination) {
            headers.insert(HeaderName::from_static(DESTINATION_FIELD), destination);
        }
        let body = post_json(&self.inner.outbound, &url, headers, body).await?;
        let reply = read_reply(&body, self.words()).map_err(unreadable)?;
        if is_down(&reply) {
            let cause = cause_of("portal", &reply.code);
            return Err(Fault::new(&cause, "the portal reports a fault of its own").into());
        }
        Ok(reply)
    }
}

/// Something else answered in the portal's place, or it broke off.
fn unreadable(error: ReplyError) -> PortalError {
    let cause = match error {
        ReplyError::Html => "html",
        ReplyError::Empty => "empty",
        ReplyError::Json(_) => "not_json",
        ReplyError::NoCode => "no_code",
    };
    Fault::new(cause, &error.to_string()).into()
}

/// A code of the kind 5xx is a fault of the portal, not of what was sent.
fn is_down(reply: &Reply) -> bool {
    reply.outcome == ReplyOutcome::Refused
        && reply
            .code
            .parse::<u16>()
            .is_ok_and(|code| (500..600).contains(&code))
}
