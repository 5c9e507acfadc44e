//! How each service of a connector goes.

use lgsp_base::Timestamp;
use lgsp_base::id::SystemId;

use crate::{StoreError, Tx, params};

/// How one service of a connector goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorHealth {
    /// The connected system.
    pub system: SystemId,
    /// The service's name: `DongBoHoSoMC`, `login`.
    pub service: String,
    /// When it last answered well.
    pub last_ok_at: Option<Timestamp>,
    /// When it last did not.
    pub last_error_at: Option<Timestamp>,
    /// Why.
    pub last_error: Option<String>,
    /// Good answers so far.
    pub ok: u64,
    /// Failures so far.
    pub failed: u64,
    /// Failures behind the last good answer.
    pub failed_in_a_row: u64,
}

impl Tx<'_> {
    /// Counts a good answer of a service.
    pub fn connector_note_ok(
        &mut self,
        system: SystemId,
        service: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO connector_health (system_id, service, last_ok_at, ok, failed, failed_in_a_row) \
             VALUES ($1, $2, $3, 1, 0, 0) ON CONFLICT (system_id, service) DO UPDATE SET \
             last_ok_at = excluded.last_ok_at, ok = connector_health.ok + 1, failed_in_a_row = 0",
            params![system, service, at],
        )?;
        Ok(())
    }

    /// Counts a failure of a service.
    pub fn connector_note_error(
        &mut self,
        system: SystemId,
        service: &str,
        error: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO connector_health (system_id, service, last_error_at, last_error, ok, failed, failed_in_a_row) \
             VALUES ($1, $2, $3, $4, 0, 1, 1) ON CONFLICT (system_id, service) DO UPDATE SET \
             last_error_at = excluded.last_error_at, last_error = excluded.last_error, \
             failed = connector_health.failed + 1, failed_in_a_row = connector_health.failed_in_a_row + 1",
            params![system, service, at, error],
        )?;
        Ok(())
    }

    /// How the services of a system go, or of all systems, in order of their names.
    pub fn connector_health(
        &mut self,
        system: Option<SystemId>,
        limit: usize,
    ) -> Result<Vec<ConnectorHealth>, StoreError> {
        self.query(
            "SELECT system_id, service, last_ok_at, last_error_at, last_error, ok, failed, failed_in_a_row \
             FROM connector_health WHERE CAST($1 AS TEXT) IS NULL OR system_id = $1 ORDER BY system_id, service LIMIT $2",
            params![system, limit],
            |row| {
                Ok(ConnectorHealth {
                    system: row.id(0)?,
                    service: row.text(1)?,
                    last_ok_at: row.opt_time(2)?,
                    last_error_at: row.opt_time(3)?,
                    last_error: row.opt_text(4)?,
                    ok: row.int(5)?.unsigned_abs(),
                    failed: row.int(6)?.unsigned_abs(),
                    failed_in_a_row: row.int(7)?.unsigned_abs(),
                })
            },
        )
    }
}
