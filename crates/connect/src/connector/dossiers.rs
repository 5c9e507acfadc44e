//! The dossier service as connectors know it.

use futures_util::future::BoxFuture;
use lgsp_base::id::{DocumentId, DossierFileId, OrgId, SystemId};
use lgsp_base::{Actor, limits};
use lgsp_exchange::dossier::{Audience, DOSSIER_TYPE, DossierError, Dossiers, PROGRESS_TYPE};
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
    /// The platform's address as the other side sees it, without a slash at its end.
    public_url: String,
}

/// Steps as a document carries them.
#[derive(Deserialize)]
struct Steps {
    code: DossierCode,
    steps: Vec<ProgressStep>,
}

impl DossierCasework {
    /// Wires the two together; `public_url` is the platform's address as the other side sees it.
    pub fn new(exchange: Exchange, dossiers: Dossiers, public_url: &str) -> Self {
        Self {
            exchange,
            dossiers,
            public_url: public_url.trim_end_matches('/').to_owned(),
        }
    }

    /// Our short-lived address of a file that the address names; the other side has no credential of ours, so whoever has it may
    /// open it.
    async fn link(&self, url: &str) -> Result<Option<String>, CaseworkError> {
        let Some(file) = file_of(url) else {
            return Ok(None);
        };
        let life = Some(limits::DOSSIER_LINK_LIFE_MAX);
        let made = self
            .dossiers
            .link_make(&ACTOR, file, Audience::Bearer, life);
        match made.await {
            Ok(link) => Ok(Some(format!("{}/tep/{}", self.public_url, link.token))),
            // A file of somebody else, or none: the address stays as it was written.
            Err(DossierError::FileUnknown) => Ok(None),
            Err(error) => Err(error.into()),
        }
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

/// The file of ours that an address names: ids of files stand in no other text.
fn file_of(url: &str) -> Option<DossierFileId> {
    let start = url.find("dfl_")?;
    let id = url.get(start..)?;
    let end = id
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(id.len());
    id.get(..end)?.parse().ok()
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
        urls: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, CaseworkError>> {
        Box::pin(async move {
            let mut links = Vec::with_capacity(urls.len());
            for url in urls {
                links.push(self.link(url).await?);
            }
            Ok(links)
        })
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
