//! Procedures and catalogues as the national side publishes them, and what local codes mean there.

use lgsp_base::id::OrgId;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Permission, limits};
use lgsp_store::dossier::{CatalogueEntry, Procedure, ProcedureFilter, ProcedureMapping};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::{Dossier, ProcedureCode};

use super::error::DossierError;
use super::service::Dossiers;
use crate::inbox::page_size;

/// The national code of a dossier's procedure: mapped, or known as it stands.
///
/// # Errors
/// [`DossierError::ProcedureUnknown`] if procedures were synchronised and this one is neither among them nor mapped.
pub(crate) fn national(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    dossier: &Dossier,
    owner: OrgId,
) -> Result<String, DossierError> {
    let code = &dossier.procedure.code;
    for local in [code.as_str(), code.base()] {
        if let Some(mapping) = tx.procedure_mapping_lookup(local, owner)? {
            return Ok(mapping.national_code);
        }
    }
    let known = tx.procedure_lookup(code.base(), code.suffix().unwrap_or_default())?;
    if known.is_none() && dossiers.inner.config.checks_procedures && has_procedures(tx)? {
        return Err(DossierError::ProcedureUnknown {
            code: code.to_string(),
        });
    }
    Ok(code.base().to_owned())
}

/// True once any procedures were synchronised: before that every code is taken.
pub(crate) fn has_procedures(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    let any = ProcedureFilter {
        limit: 1,
        ..ProcedureFilter::default()
    };
    Ok(!tx.procedure_list(&any)?.is_empty())
}

impl Dossiers {
    fn check_reader(&self, actor: &Actor) -> Result<(), DossierError> {
        if actor.may(Permission::DossierRead) {
            Ok(())
        } else {
            Err(DossierError::Forbidden)
        }
    }

    /// Procedures in order of code and agency, for everybody who may see dossiers.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], [`DossierError::Invalid`] for an impossible page.
    pub async fn procedures(
        &self,
        actor: &Actor,
        mut filter: ProcedureFilter,
    ) -> Result<Vec<Procedure>, DossierError> {
        self.check_reader(actor)?;
        filter.limit =
            page_size(filter.limit).map_err(|error| DossierError::Invalid(error.into()))?;
        let db = &self.exchange().inner.db;
        db.read("procedure_list", move |tx| Ok(tx.procedure_list(&filter)?))
            .await
    }

    /// A procedure by its code, with or without an agency behind it.
    ///
    /// # Errors
    /// [`DossierError::ProcedureUnknown`].
    pub async fn procedure(
        &self,
        actor: &Actor,
        code: &ProcedureCode,
    ) -> Result<Procedure, DossierError> {
        self.check_reader(actor)?;
        let (base, agency) = (
            code.base().to_owned(),
            code.suffix().unwrap_or_default().to_owned(),
        );
        let db = &self.exchange().inner.db;
        let found = db
            .read::<_, DossierError, _>("procedure_lookup", move |tx| {
                Ok(tx.procedure_lookup(&base, &agency)?)
            })
            .await?;
        found.ok_or_else(|| DossierError::ProcedureUnknown {
            code: code.to_string(),
        })
    }

    /// Stores procedures as they were fetched now; gives how many are new or changed.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], the store's.
    pub async fn procedures_put(
        &self,
        actor: &Actor,
        procedures: Vec<Procedure>,
    ) -> Result<u64, DossierError> {
        self.check_admin(actor)?;
        let now = self.now();
        let db = &self.exchange().inner.db;
        db.write("procedure_put", move |tx| {
            let mut changed = 0;
            for procedure in &procedures {
                let before = tx.procedure_lookup(&procedure.code, &procedure.agency)?;
                let version = tx.procedure_put(&Procedure {
                    synced_at: now,
                    ..procedure.clone()
                })?;
                let is_same = before.is_some_and(|before| {
                    before.agency == procedure.agency && before.version == version
                });
                changed += u64::from(!is_same);
            }
            Ok(changed)
        })
        .await
    }

    /// What local codes mean, in their order.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], the store's.
    pub async fn mappings(&self, actor: &Actor) -> Result<Vec<ProcedureMapping>, DossierError> {
        self.check_reader(actor)?;
        let db = &self.exchange().inner.db;
        db.read("procedure_mappings", |tx| {
            Ok(tx.procedure_mappings(None, limits::PAGE_SIZE_MAX)?)
        })
        .await
    }

    /// Says what a local code means, for the systems of one organisation or for all.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`]; [`DossierError::ProcedureUnknown`] for a national code that is not known;
    /// [`DossierError::Invalid`] for a code in another form.
    pub async fn mapping_put(
        &self,
        actor: &Actor,
        local_code: &str,
        org: Option<OrgId>,
        national_code: &ProcedureCode,
    ) -> Result<(), DossierError> {
        self.check_admin(actor)?;
        let local = ProcedureCode::read(local_code).map_err(|_| {
            let problem = kinds::INPUT_INVALID.problem();
            DossierError::Invalid(problem.breaks("local_code", rules::FORM.plain()))
        })?;
        let (national, now, by) = (national_code.clone(), self.now(), actor.label());
        let db = &self.exchange().inner.db;
        db.write("procedure_mapping_put", move |tx| {
            let suffix = national.suffix().unwrap_or_default();
            if has_procedures(tx)? && tx.procedure_lookup(national.base(), suffix)?.is_none() {
                return Err(DossierError::ProcedureUnknown {
                    code: national.to_string(),
                });
            }
            tx.procedure_mapping_put(&ProcedureMapping {
                local_code: local.to_string(),
                org,
                national_code: national.base().to_owned(),
                mapped_at: now,
                mapped_by: by.clone(),
            })?;
            Ok(())
        })
        .await
    }

    /// Forgets what a local code means. False if nothing was said.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], the store's.
    pub async fn mapping_remove(
        &self,
        actor: &Actor,
        local_code: &str,
        org: Option<OrgId>,
    ) -> Result<bool, DossierError> {
        self.check_admin(actor)?;
        let local = local_code.to_owned();
        let db = &self.exchange().inner.db;
        db.write("procedure_mapping_remove", move |tx| {
            Ok(tx.procedure_mapping_remove(&local, org)?)
        })
        .await
    }

    /// Replaces a whole catalogue.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], the store's.
    pub async fn catalogue_put(
        &self,
        actor: &Actor,
        name: &str,
        entries: Vec<CatalogueEntry>,
    ) -> Result<(), DossierError> {
        self.check_admin(actor)?;
        let (name, now) = (name.to_owned(), self.now());
        let db = &self.exchange().inner.db;
        db.write("catalogue_replace", move |tx| {
            Ok(tx.catalogue_replace(&name, &entries, now)?)
        })
        .await
    }

    /// Entries of a catalogue in order of their codes, behind one of them.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], [`DossierError::Invalid`] for an impossible page.
    pub async fn catalogue(
        &self,
        actor: &Actor,
        name: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<CatalogueEntry>, DossierError> {
        self.check_reader(actor)?;
        let limit = page_size(limit).map_err(|error| DossierError::Invalid(error.into()))?;
        let name = name.to_owned();
        let db = &self.exchange().inner.db;
        db.read("catalogue_entries", move |tx| {
            Ok(tx.catalogue_entries(&name, after.as_deref(), limit)?)
        })
        .await
    }
}
