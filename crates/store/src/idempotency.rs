//! Keys of requests that were answered: a repetition gets the first answer (reliability D3, D4).
//!
//! The key is stored in the transaction that does the work. Of two requests that race on one key, one inserts it; the
//! other sees `false` from [`Tx::idempotency_insert`], rolls back and looks the answer up.

use lgsp_base::{Sha256, Timestamp};

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// What was answered under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The digest of the request that brought the key; another request under it is a conflict.
    pub request_sha256: Sha256,
    /// The answer, as the domain wrote it.
    pub answer: String,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// Whose key it is, and the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlace {
    /// The organisation or system that sent it.
    pub owner: String,
    /// The key.
    pub key: String,
}

impl Tx<'_> {
    /// What an owner (an organisation or a system) was answered under a key.
    pub fn idempotency_lookup(
        &mut self,
        owner: &str,
        key: &str,
    ) -> Result<Option<Answered>, StoreError> {
        self.query_opt(
            "SELECT request_sha256, answer, created_at FROM idempotency_keys WHERE owner = $1 AND key = $2",
            params![owner, key],
            |row| {
                Ok(Answered {
                    request_sha256: row.sha256(0)?,
                    answer: row.text(1)?,
                    created_at: row.time(2)?,
                })
            },
        )
    }

    /// Stores an answer; `false` if the key is taken already (then nothing changes).
    pub fn idempotency_insert(
        &mut self,
        owner: &str,
        key: &str,
        request_sha256: &Sha256,
        answer: &str,
        created_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = self.execute(
            "INSERT INTO idempotency_keys (owner, key, request_sha256, answer, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (owner, key) DO NOTHING",
            params![owner, key, request_sha256, answer, created_at],
        )?;
        Ok(rows == 1)
    }

    /// The keys among the next `limit` behind a place that were stored before a time, and the place to go on from; none at
    /// the end. No index tells the age of a key, so that storing one stays cheap: all of them are walked through.
    pub fn idempotency_list_old(
        &mut self,
        after: Option<&KeyPlace>,
        before: Timestamp,
        limit: usize,
    ) -> Result<(Vec<KeyPlace>, Option<KeyPlace>), StoreError> {
        let (owner, key) = after.map_or(("", ""), |place| (&place.owner, &place.key));
        let (mut seen, mut last) = (0, None);
        let old = self.query(
            "SELECT owner, key, created_at FROM idempotency_keys WHERE (owner, key) > ($1, $2) \
             ORDER BY owner, key LIMIT $3",
            params![owner, key, limit],
            |row| {
                seen += 1;
                let is_old = row.time(2)? < before;
                let place = (is_old || seen == limit)
                    .then(|| {
                        Ok::<_, StoreError>(KeyPlace {
                            owner: row.text(0)?,
                            key: row.text(1)?,
                        })
                    })
                    .transpose()?;
                if seen == limit {
                    last.clone_from(&place);
                }
                Ok(place.filter(|_| is_old))
            },
        )?;
        Ok((old.into_iter().flatten().collect(), last))
    }

    /// Removes those of these keys that were stored before a time and gives their number.
    pub fn idempotency_purge(
        &mut self,
        keys: &[KeyPlace],
        before: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        for place in keys {
            removed += self.execute(
                "DELETE FROM idempotency_keys WHERE owner = $1 AND key = $2 AND created_at < $3",
                params![&place.owner, &place.key, before],
            )?;
        }
        Ok(removed)
    }
}
