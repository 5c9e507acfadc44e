//! Who gets dossiers besides their parties.

use lgsp_base::Timestamp;

use super::model::{DossierRoute, RouteKind};
use crate::{StoreError, Tx, params};

impl Tx<'_> {
    /// Adds a route. False if it is there already.
    pub fn dossier_route_insert(
        &mut self,
        kind: RouteKind,
        value: &str,
        recipient_code: &str,
        at: Timestamp,
        by: &str,
    ) -> Result<bool, StoreError> {
        let inserted = self.execute(
            "INSERT INTO dossier_routes (match_kind, match_value, recipient_code, created_at, created_by) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (match_kind, match_value, recipient_code) DO NOTHING",
            params![kind.name(), value, recipient_code, at, by],
        )?;
        Ok(inserted > 0)
    }

    /// Removes a route. False if there is none.
    pub fn dossier_route_remove(
        &mut self,
        kind: RouteKind,
        value: &str,
        recipient_code: &str,
    ) -> Result<bool, StoreError> {
        let removed = self.execute(
            "DELETE FROM dossier_routes WHERE match_kind = $1 AND match_value = $2 AND recipient_code = $3",
            params![kind.name(), value, recipient_code],
        )?;
        Ok(removed > 0)
    }

    /// Routes in order of what they look at; there are few, and all of them are wanted.
    pub fn dossier_routes(&mut self, limit: usize) -> Result<Vec<DossierRoute>, StoreError> {
        self.query(
            "SELECT match_kind, match_value, recipient_code, created_at, created_by FROM dossier_routes \
             ORDER BY match_kind, match_value, recipient_code LIMIT $1",
            params![limit],
            |row| {
                Ok(DossierRoute {
                    kind: row.id(0)?,
                    value: row.text(1)?,
                    recipient_code: row.text(2)?,
                    created_at: row.time(3)?,
                    created_by: row.text(4)?,
                })
            },
        )
    }
}
