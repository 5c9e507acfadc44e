//! Leases of push deliveries: taken with a fencing number, given back only under the same number.

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId};

use super::documents::word;
use super::model::DocumentKind;
use crate::{Param, StoreError, Tx, params};

/// A delivery that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseClaim {
    /// Which delivery.
    pub id: DeliveryId,
    /// Who gets it.
    pub recipient_org: OrgId,
    /// The fencing number as last seen.
    pub lease_number: i64,
    /// True if another worker took it and its lease ran out.
    pub is_abandoned: bool,
}

/// A delivery that this worker owns until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedDelivery {
    /// Which delivery.
    pub id: DeliveryId,
    /// The document.
    pub document: DocumentId,
    /// Who sent it.
    pub sender_org: OrgId,
    /// Who gets it.
    pub recipient_org: OrgId,
    /// The recipient's code.
    pub recipient_code: String,
    /// The document's kind.
    pub kind: DocumentKind,
    /// Number within the pair.
    pub seq: i64,
    /// Which hand-over this is, from 1.
    pub attempt: i64,
    /// The fencing number of this lease.
    pub lease_number: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Tx<'_> {
    /// Deliveries whose time has come, the longest due first; none of the recipients that are busy already.
    pub fn lease_list_due(
        &mut self,
        now: Timestamp,
        busy: &[OrgId],
        limit: usize,
    ) -> Result<Vec<LeaseClaim>, StoreError> {
        let mut sql = String::from(
            "SELECT id, recipient_org_id, lease_number, CASE WHEN state = 'leased' THEN 1 ELSE 0 END \
             FROM deliveries WHERE next_attempt_at IS NOT NULL AND next_attempt_at <= $1 AND is_open = 1",
        );
        let mut values = vec![Param::from(now), Param::from(limit)];
        for org in busy {
            values.push(Param::from(*org));
            sql.push_str(&format!(" AND recipient_org_id <> ${}", values.len()));
        }
        sql.push_str(" ORDER BY next_attempt_at LIMIT $2");
        self.query_dyn(&sql, &values, |row| {
            Ok(LeaseClaim {
                id: row.id(0)?,
                recipient_org: row.id(1)?,
                lease_number: row.int(2)?,
                is_abandoned: row.flag(3)?,
            })
        })
    }

    /// Takes a delivery, if nobody took it since it was listed.
    pub fn lease_acquire(
        &mut self,
        claim: &LeaseClaim,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LeasedDelivery>, StoreError> {
        self.query_opt(
            "UPDATE deliveries SET state = 'leased', lease_owner = $3, lease_number = lease_number + 1, lease_until = $5, \
             next_attempt_at = $5, attempts = attempts + 1, offered_at = $4 \
             WHERE id = $1 AND is_open = 1 AND lease_number = $2 AND next_attempt_at <= $4 \
             RETURNING id, document_id, sender_org_id, recipient_org_id, recipient_code, kind, seq, attempts, lease_number, \
             created_at",
            params![claim.id, claim.lease_number, owner, now, until],
            |row| {
                Ok(LeasedDelivery {
                    id: row.id(0)?,
                    document: row.id(1)?,
                    sender_org: row.id(2)?,
                    recipient_org: row.id(3)?,
                    recipient_code: row.text(4)?,
                    kind: word(row, 5)?,
                    seq: row.int(6)?,
                    attempt: row.int(7)?,
                    lease_number: row.int(8)?,
                    created_at: row.time(9)?,
                })
            },
        )
    }

    /// True if the lease with this fencing number still holds the delivery. Holds the row until the transaction ends.
    pub fn lease_holds(&mut self, id: DeliveryId, lease_number: i64) -> Result<bool, StoreError> {
        let held = self.execute(
            "UPDATE deliveries SET lease_owner = lease_owner WHERE id = $1 AND lease_number = $2 AND state = 'leased'",
            params![id, lease_number],
        )?;
        Ok(held > 0)
    }

    /// Gives an open delivery back to wait until `next` (none: until somebody fetches it).
    pub fn lease_release(
        &mut self,
        id: DeliveryId,
        next: Option<Timestamp>,
        cause: Option<&str>,
        detail: Option<&str>,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE deliveries SET state = 'waiting', lease_owner = NULL, lease_until = NULL, next_attempt_at = $2, \
             cause = $3, cause_detail = $4 WHERE id = $1 AND is_open = 1",
            params![id, next, cause, detail],
        )?;
        Ok(())
    }

    /// The pairs and kinds in which something is open for this recipient.
    pub fn lease_list_pairs(
        &mut self,
        recipient: OrgId,
    ) -> Result<Vec<(OrgId, DocumentKind)>, StoreError> {
        self.query(
            "SELECT DISTINCT sender_org_id, kind FROM deliveries WHERE recipient_org_id = $1 AND is_open = 1",
            params![recipient],
            |row| Ok((row.id(0)?, word(row, 1)?)),
        )
    }
}
