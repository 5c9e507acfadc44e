//! Who looked at a person's dossiers.

use lgsp_base::id::DossierId;
use lgsp_base::{Actor, limits};
use lgsp_store::dossier::{DossierLook, LookFilter};

use super::error::DossierError;
use super::model::Look;
use super::rules;
use super::service::Dossiers;
use crate::evidence::{self, Entry};

impl Dossiers {
    /// Who looked at dossiers of the person with this identity number, the newest first. That it was asked is a ledger entry, which
    /// names no person.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`] unless the actor sees all dossiers.
    pub async fn who_looked(
        &self,
        actor: &Actor,
        identity_number: &str,
    ) -> Result<Vec<Look>, DossierError> {
        self.check_all(actor)?;
        let person = self
            .keys()?
            .person_hash(&rules::normal_number(identity_number));
        let (dossiers, by, now) = (self.clone(), actor.clone(), self.now());
        let looks = self
            .exchange()
            .inner
            .db
            .write::<_, DossierError, _>("dossier_looks", move |tx| {
                let filter = LookFilter::Person(person);
                let looks = tx.dossier_looks(filter, None, limits::DOSSIER_LOOKS_MAX)?;
                let salt = dossiers.exchange().salt();
                Entry::new(evidence::DOSSIER_LOOKS_READ, now, &by, salt)
                    .with("looks", i64::try_from(looks.len()).unwrap_or(i64::MAX))
                    .append(tx, now)?;
                Ok(looks)
            })
            .await?;
        self.shown_looks(looks)
    }

    /// Who looked at this dossier, the newest first.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`] unless the actor sees all dossiers.
    pub async fn looks_at(
        &self,
        actor: &Actor,
        dossier: DossierId,
    ) -> Result<Vec<Look>, DossierError> {
        self.check_all(actor)?;
        let looks = self
            .exchange()
            .inner
            .db
            .read::<_, DossierError, _>("dossier_looks_at", move |tx| {
                let filter = LookFilter::Dossier(dossier);
                Ok(tx.dossier_looks(filter, None, limits::DOSSIER_LOOKS_SHOWN)?)
            })
            .await?;
        self.shown_looks(looks)
    }

    fn shown_looks(&self, looks: Vec<DossierLook>) -> Result<Vec<Look>, DossierError> {
        looks
            .into_iter()
            .map(|look| {
                Ok(Look {
                    code: look.code.parse().map_err(|_| {
                        lgsp_store::StoreError::corrupt("a look names no code of a dossier")
                    })?,
                    at: look.at,
                    actor: look.actor,
                    org: look.org.map(|org| self.shown(org)),
                    purpose: look.purpose,
                })
            })
            .collect()
    }
}
