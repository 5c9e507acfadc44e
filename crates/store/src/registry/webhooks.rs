//! Push endpoints of systems.

use lgsp_base::id::{SystemId, WebhookId};
use lgsp_base::time::Timestamp;

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// A row of `webhooks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Primary key.
    pub id: WebhookId,
    /// Whose endpoint.
    pub system_id: SystemId,
    /// Where to.
    pub url: String,
    /// `proposed`, `active` or `disabled`.
    pub state: String,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When it was approved.
    pub approved_at: Option<Timestamp>,
    /// Since when every call failed.
    pub failing_since: Option<Timestamp>,
    /// Grows with each change.
    pub version: i64,
    /// When it was proposed.
    pub created_at: Timestamp,
}

impl Tx<'_> {
    /// Adds an endpoint.
    pub fn webhook_insert(&mut self, row: &WebhookRow) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO webhooks (id, system_id, url, state, approved_by, approved_at, failing_since, version, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            params![
                row.id,
                row.system_id,
                &row.url,
                &row.state,
                &row.approved_by,
                row.approved_at,
                row.failing_since,
                row.version,
                row.created_at
            ],
        )
        .map(drop)
    }

    /// Every endpoint, oldest first.
    pub fn webhook_list(&mut self) -> Result<Vec<WebhookRow>, StoreError> {
        self.query(
            "SELECT id, system_id, url, state, approved_by, approved_at, failing_since, version, created_at \
             FROM webhooks ORDER BY id",
            params![],
            |row| {
                Ok(WebhookRow {
                    id: row.id(0)?,
                    system_id: row.id(1)?,
                    url: row.text(2)?,
                    state: row.text(3)?,
                    approved_by: row.opt_text(4)?,
                    approved_at: row.opt_time(5)?,
                    failing_since: row.opt_time(6)?,
                    version: row.int(7)?,
                    created_at: row.time(8)?,
                })
            },
        )
    }

    /// Approves a proposed or disabled endpoint; false when there is none.
    pub fn webhook_approve(
        &mut self,
        webhook: WebhookId,
        by: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let written = self.execute(
            "UPDATE webhooks SET state = 'active', approved_by = $2, approved_at = $3, failing_since = NULL, \
             version = version + 1 WHERE id = $1",
            params![webhook, by, at],
        )?;
        Ok(written == 1)
    }

    /// Switches an endpoint off; false when there is none or it is off already.
    pub fn webhook_disable(&mut self, webhook: WebhookId) -> Result<bool, StoreError> {
        let written = self.execute(
            "UPDATE webhooks SET state = 'disabled', version = version + 1 WHERE id = $1 AND state <> 'disabled'",
            params![webhook],
        )?;
        Ok(written == 1)
    }

    /// Switches off every endpoint of a system and gives their number.
    pub fn webhook_disable_by_system(&mut self, system: SystemId) -> Result<u64, StoreError> {
        self.execute(
            "UPDATE webhooks SET state = 'disabled', version = version + 1 \
             WHERE system_id = $1 AND state <> 'disabled'",
            params![system],
        )
    }
}
