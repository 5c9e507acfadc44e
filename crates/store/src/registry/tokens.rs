//! API tokens; only digests are stored.

use lgsp_base::Sha256;
use lgsp_base::id::{SystemId, TokenId};
use lgsp_base::time::Timestamp;

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// A row of `api_tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Primary key.
    pub id: TokenId,
    /// Digest of the token.
    pub token_sha256: Sha256,
    /// Whose token; `None` for an operator's.
    pub system_id: Option<SystemId>,
    /// What it is for.
    pub name: String,
    /// When it was issued.
    pub created_at: Timestamp,
}

impl Tx<'_> {
    /// Adds a token.
    pub fn token_insert(&mut self, row: &TokenRow) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO api_tokens (id, token_sha256, system_id, name, created_at, revoked_at) \
             VALUES ($1, $2, $3, $4, $5, NULL)",
            params![
                row.id,
                row.token_sha256,
                row.system_id,
                &row.name,
                row.created_at
            ],
        )
        .map(drop)
    }

    /// Every token that was not revoked, oldest first.
    pub fn token_list(&mut self) -> Result<Vec<TokenRow>, StoreError> {
        self.query(
            "SELECT id, token_sha256, system_id, name, created_at FROM api_tokens \
             WHERE revoked_at IS NULL ORDER BY id",
            params![],
            |row| {
                Ok(TokenRow {
                    id: row.id(0)?,
                    token_sha256: row.sha256(1)?,
                    system_id: row.opt_id(2)?,
                    name: row.text(3)?,
                    created_at: row.time(4)?,
                })
            },
        )
    }

    /// Revokes a token; false when there is none or it was revoked before.
    pub fn token_revoke(&mut self, token: TokenId, at: Timestamp) -> Result<bool, StoreError> {
        let written = self.execute(
            "UPDATE api_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
            params![token, at],
        )?;
        Ok(written == 1)
    }

    /// Revokes every token of a system and gives their number.
    pub fn token_revoke_by_system(
        &mut self,
        system: SystemId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.execute(
            "UPDATE api_tokens SET revoked_at = $2 WHERE system_id = $1 AND revoked_at IS NULL",
            params![system, at],
        )
    }
}
