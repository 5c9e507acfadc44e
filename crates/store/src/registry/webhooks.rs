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
    /// The secret with which its pushes are signed, sealed.
    pub secret_sealed: Option<Vec<u8>>,
    /// The secret before it, sealed.
    pub old_secret_sealed: Option<Vec<u8>>,
    /// Until when that one signs, too.
    pub old_secret_until: Option<Timestamp>,
}

impl Tx<'_> {
    /// Adds an endpoint.
    pub fn webhook_insert(&mut self, row: &WebhookRow) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO webhooks (id, system_id, url, state, approved_by, approved_at, failing_since, version, \
             created_at, secret_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            params![
                row.id,
                row.system_id,
                &row.url,
                &row.state,
                &row.approved_by,
                row.approved_at,
                row.failing_since,
                row.version,
                row.created_at,
                row.secret_sealed.as_deref()
            ],
        )
        .map(drop)
    }

    /// Every endpoint, oldest first.
    pub fn webhook_list(&mut self) -> Result<Vec<WebhookRow>, StoreError> {
        self.query(
            "SELECT id, system_id, url, state, approved_by, approved_at, failing_since, version, created_at, \
             secret_sealed, old_secret_sealed, old_secret_until FROM webhooks ORDER BY id",
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
                    secret_sealed: row.opt_blob(9)?,
                    old_secret_sealed: row.opt_blob(10)?,
                    old_secret_until: row.opt_time(11)?,
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

    /// Gives an endpoint another secret; the one it had signs until `old_until`, too. False when there is none.
    pub fn webhook_rotate_secret(
        &mut self,
        webhook: WebhookId,
        sealed: &[u8],
        old_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let written = self.execute(
            "UPDATE webhooks SET old_secret_sealed = secret_sealed, old_secret_until = $3, secret_sealed = $2, \
             version = version + 1 WHERE id = $1",
            params![webhook, sealed, old_until],
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
