//! What a connector needs of a dossier besides the document that it hands over. Sending to a party is no look: the delivery says who
//! got what.

use std::collections::BTreeSet;

use lgsp_base::id::{DocumentId, DossierId, OrgId};
use lgsp_store::dossier as rows;
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::{Dossier, DossierCode, ProcedureCode, agency_in_other_style};

use super::apply::code_of;
use super::error::DossierError;
use super::procedures::has_procedures;
use super::sealing;
use super::service::Dossiers;
use crate::directory::Resolved;

/// A dossier on its way to a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onward {
    /// The dossier.
    pub dossier: DossierId,
    /// Its code.
    pub code: DossierCode,
    /// The agency of its code.
    pub owner: OrgId,
    /// True if the party took an earlier message about it.
    pub is_known: bool,
}

fn found(tx: &mut Tx<'_>, document: DocumentId) -> Result<rows::Dossier, DossierError> {
    let (dossier, _) = tx
        .dossier_by_document(document)?
        .ok_or(DossierError::Unknown)?;
    Ok(tx.dossier_lookup(dossier)?.ok_or(StoreError::Missing)?)
}

impl Dossiers {
    /// The dossier that a document is about, on its way to a party.
    ///
    /// # Errors
    /// [`DossierError::Unknown`] for a document about no dossier; the store's.
    pub async fn onward(&self, document: DocumentId, party: OrgId) -> Result<Onward, DossierError> {
        let db = &self.exchange().inner.db;
        db.read("dossier_onward", move |tx| {
            let row = found(tx, document)?;
            let item = tx.portal_item(party, row.id)?;
            Ok(Onward {
                dossier: row.id,
                code: code_of(&row)?,
                owner: row.owner,
                is_known: item.is_some_and(|item| item.accepted_version > 0),
            })
        })
        .await
    }

    /// The state now of the dossier that a document is about, for a party that has lost it.
    ///
    /// # Errors
    /// [`DossierError::Unknown`], [`DossierError::Erased`]; the store's.
    pub async fn state_of(&self, document: DocumentId) -> Result<Dossier, DossierError> {
        let db = &self.exchange().inner.db;
        let (id, content) = db
            .read::<_, DossierError, _>("dossier_state", move |tx| {
                let row = found(tx, document)?;
                Ok((row.id, tx.dossier_content(row.id)?))
            })
            .await?;
        let content = content.ok_or(DossierError::Erased)?;
        let key = sealing::open_key(self.keys()?, id, &content.key)?;
        sealing::open_state(&key, id, &content.content_sealed)
    }

    /// A procedure's code as the national side publishes it: what a mapping says; else with the agency behind it if the agency
    /// publishes it for itself, in the style in which it does, also under the code that it has since a merger; else the national code.
    /// While no procedures are known the code stays as it is.
    ///
    /// # Errors
    /// [`DossierError::Unknown`] for a document about no dossier; the store's.
    pub async fn published_code(
        &self,
        document: DocumentId,
        code: &ProcedureCode,
    ) -> Result<ProcedureCode, DossierError> {
        let agencies = self.agencies_of(code);
        let code = code.clone();
        let db = &self.exchange().inner.db;
        db.read("dossier_published_code", move |tx| {
            let row = found(tx, document)?;
            for local in [code.as_str(), code.base()] {
                if let Some(mapping) = tx.procedure_mapping_lookup(local, row.owner)? {
                    return Ok(written(&mapping.national_code, &code));
                }
            }
            for agency in &agencies {
                let published = tx.procedure_lookup(code.base(), agency)?;
                if published.is_some_and(|published| published.agency == *agency) {
                    return Ok(written(&format!("{}.{agency}", code.base()), &code));
                }
            }
            if code.suffix().is_some() && !has_procedures(tx)? {
                return Ok(code.clone());
            }
            Ok(written(code.base(), &code))
        })
        .await
    }

    /// The codes under which the agency of a procedure's code may publish it: as written, in the other style, and as its successor.
    fn agencies_of(&self, code: &ProcedureCode) -> BTreeSet<String> {
        let Some(suffix) = code.suffix() else {
            return BTreeSet::new();
        };
        let mut codes = vec![suffix.to_owned()];
        let directory = &self.exchange().inner.directory;
        for known in [Some(suffix.to_owned()), agency_in_other_style(suffix)] {
            let resolved = known.map(|known| directory.resolve(&known, self.now()));
            if let Some(Resolved::Found { code, .. }) = resolved {
                codes.push(code);
            }
        }
        let others: Vec<String> = codes
            .iter()
            .filter_map(|code| agency_in_other_style(code))
            .collect();
        codes.into_iter().chain(others).collect()
    }
}

/// A stored code; one in no known form leaves the code as it was.
fn written(stored: &str, as_it_was: &ProcedureCode) -> ProcedureCode {
    stored.parse().unwrap_or_else(|_| as_it_was.clone())
}
