//! Settings that an operator may change, and counters of changes that other nodes watch.

use lgsp_base::Timestamp;

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// A stored setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value, as text.
    pub value: String,
    /// Grows by one with each change.
    pub version: i64,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// By whom: [`Actor::label`](lgsp_base::Actor::label).
    pub updated_by: String,
}

impl Tx<'_> {
    /// The setting, if somebody changed it from its default.
    pub fn setting_get(&mut self, key: &str) -> Result<Option<Setting>, StoreError> {
        self.query_opt(
            "SELECT value, version, updated_at, updated_by FROM settings WHERE key = $1",
            params![key],
            |row| {
                Ok(Setting {
                    value: row.text(0)?,
                    version: row.int(1)?,
                    updated_at: row.time(2)?,
                    updated_by: row.text(3)?,
                })
            },
        )
    }

    /// Stores a value and gives the setting's new version.
    pub fn setting_put(
        &mut self,
        key: &str,
        value: &str,
        at: Timestamp,
        by: &str,
    ) -> Result<i64, StoreError> {
        self.query_one(
            "INSERT INTO settings (key, value, version, updated_at, updated_by) VALUES ($1, $2, 1, $3, $4)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = settings.version + 1,
                 updated_at = excluded.updated_at, updated_by = excluded.updated_by
             RETURNING version",
            params![key, value, at, by],
            |row| row.int(0),
        )
    }

    /// Adds one to a counter and gives its new value, 1 at first. On PostgreSQL others that bump it wait for this
    /// transaction's end, so that a reader who sees a value also sees everything that was counted.
    pub fn counter_bump(&mut self, key: &str) -> Result<i64, StoreError> {
        self.query_one(
            "INSERT INTO settings (key, value, version, updated_at, updated_by) VALUES ($1, '', 1, 0, '')
             ON CONFLICT (key) DO UPDATE SET version = settings.version + 1
             RETURNING version",
            params![key],
            |row| row.int(0),
        )
    }

    /// The value of a counter, 0 if it was never bumped.
    pub fn counter_get(&mut self, key: &str) -> Result<i64, StoreError> {
        let value = self.query_opt(
            "SELECT version FROM settings WHERE key = $1",
            params![key],
            |row| row.int(0),
        )?;
        Ok(value.unwrap_or(0))
    }
}
