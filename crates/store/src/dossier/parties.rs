//! Who takes part in a dossier.

use lgsp_base::Timestamp;
use lgsp_base::id::{DossierId, OrgId};

use super::model::{Dossier, PartyRole};
use crate::{StoreError, Tx, params};

/// An organisation that takes part in a dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DossierParty {
    /// The organisation.
    pub org: OrgId,
    /// As what.
    pub role: PartyRole,
    /// Since when.
    pub since: Timestamp,
}

impl Tx<'_> {
    /// Makes an organisation a party of a dossier, or gives a party another role. It stays a party since it first was one.
    pub fn dossier_party_put(
        &mut self,
        dossier: &Dossier,
        org: OrgId,
        role: PartyRole,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dossier_parties (dossier_id, org_id, role, since_at, is_open, due_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (dossier_id, org_id) DO UPDATE SET role = excluded.role",
            params![
                dossier.id,
                org,
                role.name(),
                at,
                dossier.is_open,
                dossier.due_effective_at,
                dossier.updated_at
            ],
        )?;
        Ok(())
    }

    /// The parties of a dossier, the oldest first.
    pub fn dossier_parties(&mut self, id: DossierId) -> Result<Vec<DossierParty>, StoreError> {
        self.query(
            "SELECT org_id, role, since_at FROM dossier_parties WHERE dossier_id = $1 ORDER BY since_at, org_id",
            params![id],
            |row| {
                Ok(DossierParty {
                    org: row.id(0)?,
                    role: row.id(1)?,
                    since: row.time(2)?,
                })
            },
        )
    }

    /// As what an organisation takes part in a dossier.
    pub fn dossier_party(
        &mut self,
        id: DossierId,
        org: OrgId,
    ) -> Result<Option<PartyRole>, StoreError> {
        self.query_opt(
            "SELECT role FROM dossier_parties WHERE dossier_id = $1 AND org_id = $2",
            params![id, org],
            |row| row.id(0),
        )
    }
}
