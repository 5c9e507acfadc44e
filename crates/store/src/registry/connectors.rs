//! Where systems stand that are called by a national protocol.

use lgsp_base::id::SystemId;
use lgsp_base::time::Timestamp;

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// A row of `system_connectors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorRow {
    /// The system; one row each.
    pub system_id: SystemId,
    /// Base address.
    pub url: String,
    /// Under which name it is entered; may be empty.
    pub user_name: String,
    /// The password or key, sealed.
    pub secret_sealed: Vec<u8>,
    /// The protocol's own particulars, JSON.
    pub settings: String,
    /// When it was written.
    pub changed_at: Timestamp,
}

impl Tx<'_> {
    /// Writes where a system stands, over what was written before.
    pub fn connector_put(&mut self, row: &ConnectorRow) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO system_connectors (system_id, url, user_name, secret_sealed, settings, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (system_id) DO UPDATE SET url = excluded.url, \
             user_name = excluded.user_name, secret_sealed = excluded.secret_sealed, settings = excluded.settings, \
             changed_at = excluded.changed_at",
            params![
                row.system_id,
                &row.url,
                &row.user_name,
                row.secret_sealed.as_slice(),
                &row.settings,
                row.changed_at
            ],
        )
        .map(drop)
    }

    /// Every row, in the order of the systems.
    pub fn connector_list(&mut self) -> Result<Vec<ConnectorRow>, StoreError> {
        self.query(
            "SELECT system_id, url, user_name, secret_sealed, settings, changed_at FROM system_connectors \
             ORDER BY system_id",
            params![],
            |row| {
                Ok(ConnectorRow {
                    system_id: row.id(0)?,
                    url: row.text(1)?,
                    user_name: row.text(2)?,
                    secret_sealed: row.blob(3)?,
                    settings: row.text(4)?,
                    changed_at: row.time(5)?,
                })
            },
        )
    }
}
