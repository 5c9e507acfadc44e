//! Systems that are called by their own protocol: what their connectors have in common.
//!
//! A connector is handed a delivery, reads what it carries, says it in the words of the other side and judges the answer. What an answer
//! means is decided by its body, never by the HTTP status alone: these systems send failures with status 200 (protocols §4.4, §8).
//!
//! | Answer | Means |
//! | --- | --- |
//! | the protocol's success | taken: the delivery is confirmed |
//! | "already exists" for a new dossier | sent again as a change, at once |
//! | a refusal with words | refused; after five refusals parked, with the words and without personal data |
//! | a lost session | log in once and send again; lost again: later |
//! | no answer, a web page, broken JSON, 5xx in status or code | later, by the schedule or `Retry-After` |

mod call;
mod casework;
mod dossiers;
mod words;

#[cfg(test)]
pub(crate) mod fakes;

use futures_util::future::BoxFuture;
use lgsp_base::id::{SystemId, WebhookId};
use lgsp_base::limits;
use lgsp_exchange::{Channel, ConnectorKind, HandOver, HandOverOutcome, Transport};

pub(crate) use call::{Fault, post_json};
pub use casework::{Casework, CaseworkError, Message};
pub(crate) use dossiers::ACTOR;
pub use dossiers::DossierCasework;
pub(crate) use words::{cause_of, scrub};

use crate::dvcqg::NationalPortal;
use crate::ministries::Ministries;

/// Hands deliveries to the connector of their protocol.
#[derive(Debug)]
pub struct Connectors {
    portal: NationalPortal,
    ministries: Ministries,
}

impl Connectors {
    /// The connectors of a node.
    pub const fn new(portal: NationalPortal, ministries: Ministries) -> Self {
        Self { portal, ministries }
    }

    async fn call(&self, item: HandOver) -> HandOverOutcome {
        let done = async {
            match item.channel {
                Channel::Connector {
                    kind: ConnectorKind::Dvcqg,
                } => self.portal.deliver(&item).await,
                Channel::Connector { kind } => self.ministries.deliver(&item, kind).await,
                _ => later("channel", "no connector speaks the receiver's protocol"),
            }
        };
        tokio::time::timeout(limits::CONNECTOR_HAND_OVER_TIMEOUT, done)
            .await
            .unwrap_or_else(|_| later("timeout", "the hand-over took too long"))
    }
}

impl Transport for Connectors {
    fn hand_over(&self, item: HandOver) -> BoxFuture<'_, HandOverOutcome> {
        Box::pin(self.call(item))
    }

    fn endpoint_gone(&self, _: WebhookId, _: SystemId) -> BoxFuture<'_, ()> {
        // A connector is never gone for good: its address is an operator's setting.
        Box::pin(std::future::ready(()))
    }
}

/// Not now; the delivery is tried again.
pub(crate) fn later(cause: &str, detail: &str) -> HandOverOutcome {
    HandOverOutcome::Unreachable {
        cause: cause.to_owned(),
        detail: detail.to_owned(),
        retry_after: None,
    }
}

/// What could not be read.
pub(crate) fn unread(error: &CaseworkError) -> HandOverOutcome {
    match error {
        CaseworkError::NotADossier => refused("not_a_dossier", &error.to_string()),
        CaseworkError::Erased => refused("erased", &error.to_string()),
        CaseworkError::Unavailable(_) => later("casework", &error.to_string()),
    }
}

/// Not this one.
pub(crate) fn refused(cause: &str, detail: &str) -> HandOverOutcome {
    HandOverOutcome::Refused {
        cause: cause.to_owned(),
        detail: detail.to_owned(),
    }
}
