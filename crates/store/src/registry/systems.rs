//! Systems of organisations and the agencies they registered for.

use lgsp_base::id::{OrgId, SystemId};
use lgsp_base::time::Timestamp;

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// A row of `systems`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemRow {
    /// Primary key.
    pub id: SystemId,
    /// Whose system.
    pub org_id: OrgId,
    /// Name, unique among the active systems of its organisation.
    pub name: String,
    /// Protocol, a stable word.
    pub protocol: String,
    /// `active` or `closed`.
    pub state: String,
    /// True for the one that receives.
    pub is_receiver: bool,
    /// Id on the document axis.
    pub vxp_system_id: Option<String>,
    /// Sealed secret of the document axis.
    pub vxp_secret_sealed: Option<Vec<u8>>,
    /// Grows with each change.
    pub version: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// A row of `system_agencies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgencyRow {
    /// The system.
    pub system_id: SystemId,
    /// The organisation it speaks for.
    pub org_id: OrgId,
    /// Since when.
    pub registered_at: Timestamp,
}

impl Tx<'_> {
    /// Adds a system; false when its name or its axis id is taken.
    pub fn system_insert(&mut self, row: &SystemRow) -> Result<bool, StoreError> {
        let written = self.execute(
            "INSERT INTO systems (id, org_id, name, protocol, state, is_receiver, vxp_system_id, vxp_secret_sealed, \
             version, created_at, closed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT DO NOTHING",
            params![
                row.id,
                row.org_id,
                &row.name,
                &row.protocol,
                &row.state,
                row.is_receiver,
                &row.vxp_system_id,
                row.vxp_secret_sealed.as_deref(),
                row.version,
                row.created_at,
                row.closed_at
            ],
        )?;
        Ok(written == 1)
    }

    /// Every system, closed ones included, oldest first.
    pub fn system_list(&mut self) -> Result<Vec<SystemRow>, StoreError> {
        self.query(
            "SELECT id, org_id, name, protocol, state, is_receiver, vxp_system_id, vxp_secret_sealed, version, \
             created_at, closed_at FROM systems ORDER BY id",
            params![],
            |row| {
                Ok(SystemRow {
                    id: row.id(0)?,
                    org_id: row.id(1)?,
                    name: row.text(2)?,
                    protocol: row.text(3)?,
                    state: row.text(4)?,
                    is_receiver: row.flag(5)?,
                    vxp_system_id: row.opt_text(6)?,
                    vxp_secret_sealed: row.opt_blob(7)?,
                    version: row.int(8)?,
                    created_at: row.time(9)?,
                    closed_at: row.opt_time(10)?,
                })
            },
        )
    }

    /// The system that receives for an organisation.
    pub fn system_receiver_lookup(&mut self, org: OrgId) -> Result<Option<SystemId>, StoreError> {
        self.query_opt(
            "SELECT id FROM systems WHERE org_id = $1 AND is_receiver = 1 AND state = 'active'",
            params![org],
            |row| row.id(0),
        )
    }

    /// Makes an active system the one that receives; false when it is no active system of the organisation.
    pub fn system_set_receiver(
        &mut self,
        org: OrgId,
        system: SystemId,
    ) -> Result<bool, StoreError> {
        self.execute(
            "UPDATE systems SET is_receiver = 0, version = version + 1 \
             WHERE org_id = $1 AND is_receiver = 1 AND state = 'active' AND id <> $2",
            params![org, system],
        )?;
        let written = self.execute(
            "UPDATE systems SET is_receiver = 1, version = version + 1 \
             WHERE id = $1 AND org_id = $2 AND state = 'active'",
            params![system, org],
        )?;
        Ok(written == 1)
    }

    /// Closes a system; false when it is none or closed already.
    pub fn system_close(&mut self, system: SystemId, at: Timestamp) -> Result<bool, StoreError> {
        let written = self.execute(
            "UPDATE systems SET state = 'closed', is_receiver = 0, closed_at = $2, version = version + 1 \
             WHERE id = $1 AND state = 'active'",
            params![system, at],
        )?;
        Ok(written == 1)
    }

    /// Lets a system speak for an organisation; false when it did already.
    pub fn system_agency_insert(&mut self, row: &AgencyRow) -> Result<bool, StoreError> {
        let written = self.execute(
            "INSERT INTO system_agencies (system_id, org_id, registered_at) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING",
            params![row.system_id, row.org_id, row.registered_at],
        )?;
        Ok(written == 1)
    }

    /// Takes that back; false when it did not.
    pub fn system_agency_delete(
        &mut self,
        system: SystemId,
        org: OrgId,
    ) -> Result<bool, StoreError> {
        let written = self.execute(
            "DELETE FROM system_agencies WHERE system_id = $1 AND org_id = $2",
            params![system, org],
        )?;
        Ok(written == 1)
    }

    /// Every registration.
    pub fn system_agency_list(&mut self) -> Result<Vec<AgencyRow>, StoreError> {
        self.query(
            "SELECT system_id, org_id, registered_at FROM system_agencies ORDER BY system_id, org_id",
            params![],
            |row| {
                Ok(AgencyRow {
                    system_id: row.id(0)?,
                    org_id: row.id(1)?,
                    registered_at: row.time(2)?,
                })
            },
        )
    }
}
