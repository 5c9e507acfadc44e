//! The dossier service as connectors know it.

use futures_util::future::BoxFuture;
use lgsp_base::Actor;
use lgsp_base::id::{DocumentId, OrgId, SystemId};
use lgsp_exchange::dossier::{DOSSIER_TYPE, DossierError, Dossiers, PROGRESS_TYPE};
use lgsp_exchange::{ContentBody, ContentTarget, Exchange, HandOver, ReceiveError};
use lgsp_wire::dossier::{Dossier, DossierCode, ProcedureCode, ProgressStep};
use serde::Deserialize;

use super::casework::{Casework, CaseworkError, Message};

/// Who reads what is handed over.
pub(crate) const ACTOR: Actor = Actor::Platform { part: "connector" };

/// The dossiers of a node, for its connectors.
#[derive(Debug, Clone)]
pub struct DossierCasework {
    exchange: Exchange,
    dossiers: Dossiers,
}

/// Steps as a document carries them.
#[derive(Deserialize)]
struct Steps {
    code: DossierCode,
    steps: Vec<ProgressStep>,
}

impl DossierCasework {
    /// Wires the two together.
    pub const fn new(exchange: Exchange, dossiers: Dossiers) -> Self {
        Self { exchange, dossiers }
    }

    async fn message(&self, item: &HandOver) -> Result<Message, CaseworkError> {
        if ![DOSSIER_TYPE, PROGRESS_TYPE].contains(&item.content_type.as_str()) {
            return Err(CaseworkError::NotADossier);
        }
        let target = ContentTarget::Document(item.document);
        let content = self.exchange.content(&ACTOR, target).await?;
        let ContentBody::Bytes(body) = content.body else {
            return Err(CaseworkError::Unavailable(
                "the content is a file".to_owned(),
            ));
        };
        // Serde's words may quote what they read.
        let unreadable = |_| CaseworkError::Unavailable("the content is unreadable".to_owned());
        if item.content_type == DOSSIER_TYPE {
            let dossier: Dossier = serde_json::from_slice(&body).map_err(unreadable)?;
            return Ok(Message::State(Box::new(dossier)));
        }
        let Steps { code, steps } = serde_json::from_slice(&body).map_err(unreadable)?;
        Ok(Message::Steps { code, steps })
    }
}

impl From<ReceiveError> for CaseworkError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Erased => CaseworkError::Erased,
            error => CaseworkError::Unavailable(error.to_string()),
        }
    }
}

impl From<DossierError> for CaseworkError {
    fn from(error: DossierError) -> Self {
        match error {
            DossierError::Erased => CaseworkError::Erased,
            DossierError::Unknown => CaseworkError::NotADossier,
            error => CaseworkError::Unavailable(error.to_string()),
        }
    }
}

impl Casework for DossierCasework {
    fn read<'a>(&'a self, item: &'a HandOver) -> BoxFuture<'a, Result<Message, CaseworkError>> {
        Box::pin(self.message(item))
    }

    fn state(&self, document: DocumentId) -> BoxFuture<'_, Result<Dossier, CaseworkError>> {
        Box::pin(async move { Ok(self.dossiers.state_of(document).await?) })
    }

    fn is_known_to(&self, org: OrgId, document: DocumentId) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let onward = self.dossiers.onward(document, org).await;
            onward.is_ok_and(|onward| onward.is_known)
        })
    }

    fn national_code<'a>(
        &'a self,
        document: DocumentId,
        code: &'a ProcedureCode,
    ) -> BoxFuture<'a, Result<ProcedureCode, CaseworkError>> {
        Box::pin(async move { Ok(self.dossiers.published_code(document, code).await?) })
    }

    fn links<'a>(
        &'a self,
        _: DocumentId,
        _: SystemId,
        urls: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, CaseworkError>> {
        Box::pin(std::future::ready(Ok(vec![None; urls.len()])))
    }

    fn note<'a>(
        &'a self,
        system: SystemId,
        service: &'static str,
        outcome: Result<(), &'a str>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let error = outcome.err().map(str::to_owned);
            if let Err(error) = self.dossiers.connector_note(system, service, error).await {
                tracing::warn!(%error, "the health of a connector was not noted");
            }
        })
    }
}
