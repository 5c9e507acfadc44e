//! How the services of connectors go, and what portals took.

use lgsp_base::id::{DocumentId, OrgId, SystemId};
use lgsp_base::{Actor, Timestamp, limits};
use lgsp_store::dossier::ConnectorHealth;
use lgsp_store::{StoreError, Tx};

use super::error::DossierError;
use super::service::Dossiers;
use crate::directory::{Channel, ConnectorKind};
use crate::service::Exchange;

/// Characters of the words of a failure that are kept.
const ERROR_CHARS_MAX: usize = 500;

impl Dossiers {
    /// Counts a good answer of a connector's service (none: a failure with its words, which must name no person).
    ///
    /// # Errors
    /// The store's.
    pub async fn connector_note(
        &self,
        system: SystemId,
        service: &'static str,
        error: Option<String>,
    ) -> Result<(), DossierError> {
        let at = self.now();
        let error = error.map(|text| text.chars().take(ERROR_CHARS_MAX).collect::<String>());
        let db = &self.exchange().inner.db;
        db.write("connector_note", move |tx| {
            match &error {
                None => tx.connector_note_ok(system, service, at)?,
                Some(error) => tx.connector_note_error(system, service, error, at)?,
            }
            Ok(())
        })
        .await
    }

    /// How the services of a connector go, or of all of them.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`] unless the actor sees all dossiers.
    pub async fn connector_health(
        &self,
        actor: &Actor,
        system: Option<SystemId>,
    ) -> Result<Vec<ConnectorHealth>, DossierError> {
        self.check_all(actor)?;
        let db = &self.exchange().inner.db;
        db.read("connector_health", move |tx| {
            Ok(tx.connector_health(system, limits::PAGE_SIZE_MAX)?)
        })
        .await
    }
}

impl Exchange {
    /// True if dossiers of this organisation go to the national portal.
    pub(crate) fn is_portal(&self, org: OrgId) -> bool {
        self.inner.directory.receiver(org).is_some_and(|receiver| {
            receiver.channel
                == Channel::Connector {
                    kind: ConnectorKind::Dvcqg,
                }
        })
    }
}

/// Notes that a portal took a push about a dossier.
pub(crate) fn note_accepted(
    tx: &mut Tx<'_>,
    portal: OrgId,
    document: DocumentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some((dossier, version)) = tx.dossier_by_document(document)? {
        tx.portal_item_accepted(portal, dossier, version, now)?;
    }
    Ok(())
}
