//! Deliveries and the counters of their pairs.

use lgsp_base::id::{DeliveryId, DocumentId, OrgId, ReceiptId, SystemId};
use lgsp_base::{Sha256, Timestamp};

use super::documents::word;
use super::model::{Delivery, DeliveryState, DocumentKind};
use crate::{Row, StoreError, Tx, params};

/// The next place in the order of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairPlace {
    /// Number within the pair, from 1.
    pub seq: i64,
    /// Place in the recipient's inbox, microseconds; rising within the pair.
    pub position: i64,
}

/// A delivery about to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewDelivery<'a> {
    /// Its id.
    pub id: DeliveryId,
    /// The document.
    pub document: DocumentId,
    /// Who sends.
    pub sender_org: OrgId,
    /// Who gets it.
    pub recipient_org: OrgId,
    /// The recipient's preferred code.
    pub recipient_code: &'a str,
    /// The code as the message names it.
    pub addressed_code: &'a str,
    /// True if the addressed code is closed and its successor gets the document.
    pub is_routed: bool,
    /// The document's kind.
    pub kind: DocumentKind,
    /// Its place.
    pub place: PairPlace,
    /// When a worker tries first; none: it waits to be fetched, or for an earlier one of the pair.
    pub next_attempt_at: Option<Timestamp>,
    /// Now.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The delivery that this one repeats.
    pub resend_of: Option<DeliveryId>,
}

/// What a confirmation needs to know of a delivery, in one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryForConfirm {
    /// The document.
    pub document: DocumentId,
    /// Who sent it.
    pub sender_org: OrgId,
    /// Who gets it.
    pub recipient_org: OrgId,
    /// The document's kind.
    pub kind: DocumentKind,
    /// Number within the pair.
    pub seq: i64,
    /// Where it stands.
    pub state: DeliveryState,
    /// Times it was handed over.
    pub attempts: i64,
    /// The receipt, when it was confirmed before.
    pub receipt: Option<ReceiptId>,
    /// Digest of the document.
    pub content_sha256: Sha256,
}

/// The first open delivery of a pair and kind: the one whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairHead {
    /// Which delivery.
    pub id: DeliveryId,
    /// Number within the pair.
    pub seq: i64,
}

/// The columns that [`delivery_row`] reads, in its order.
macro_rules! delivery_columns {
    () => {
        "v.id, v.document_id, v.sender_org_id, v.recipient_org_id, v.recipient_code, v.addressed_code, v.is_routed, v.kind, \
         v.seq, v.position, v.state, v.attempts, v.refusals, v.next_attempt_at, v.lease_number, v.cause, v.cause_detail, \
         v.created_at, v.expires_at, v.offered_at, v.closed_at, v.confirmed_by, v.receipt_id, v.status_code, v.status_at, \
         v.side_status, v.resend_of"
    };
}
pub(super) use delivery_columns;

pub(super) fn delivery_row(row: &Row<'_>) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.id(0)?,
        document: row.id(1)?,
        sender_org: row.id(2)?,
        recipient_org: row.id(3)?,
        recipient_code: row.text(4)?,
        addressed_code: row.text(5)?,
        is_routed: row.flag(6)?,
        kind: word(row, 7)?,
        seq: row.int(8)?,
        position: row.int(9)?,
        state: word(row, 10)?,
        attempts: row.int(11)?,
        refusals: row.int(12)?,
        next_attempt_at: row.opt_time(13)?,
        lease_number: row.int(14)?,
        cause: row.opt_text(15)?,
        cause_detail: row.opt_text(16)?,
        created_at: row.time(17)?,
        expires_at: row.time(18)?,
        offered_at: row.opt_time(19)?,
        closed_at: row.opt_time(20)?,
        confirmed_by: row.opt_id(21)?,
        receipt: row.opt_id(22)?,
        status_code: row.opt_text(23)?,
        status_at: row.opt_time(24)?,
        side_status: row.opt_text(25)?,
        resend_of: row.opt_id(26)?,
    })
}

fn head_row(row: &Row<'_>) -> Result<PairHead, StoreError> {
    Ok(PairHead {
        id: row.id(0)?,
        seq: row.int(1)?,
    })
}

impl Tx<'_> {
    /// Takes the next place of a pair; holds the pair until the transaction ends, so that places commit in order.
    pub fn pair_advance(
        &mut self,
        sender: OrgId,
        recipient: OrgId,
        now: Timestamp,
    ) -> Result<PairPlace, StoreError> {
        let advanced = self.execute(
            "UPDATE pairs SET last_seq = last_seq + 1, \
             last_position = CASE WHEN $3 > last_position THEN $3 ELSE last_position + 1 END \
             WHERE sender_org_id = $1 AND recipient_org_id = $2",
            params![sender, recipient, now],
        )?;
        if advanced == 0 {
            self.execute(
                "INSERT INTO pairs (sender_org_id, recipient_org_id, last_seq, last_position, confirmed_seq) \
                 VALUES ($1, $2, 1, $3, 0) \
                 ON CONFLICT (sender_org_id, recipient_org_id) DO UPDATE SET last_seq = pairs.last_seq + 1, \
                 last_position = CASE WHEN excluded.last_position > pairs.last_position THEN excluded.last_position \
                 ELSE pairs.last_position + 1 END",
                params![sender, recipient, now],
            )?;
        }
        self.query_one(
            "SELECT last_seq, last_position FROM pairs WHERE sender_org_id = $1 AND recipient_org_id = $2",
            params![sender, recipient],
            |row| {
                Ok(PairPlace {
                    seq: row.int(0)?,
                    position: row.int(1)?,
                })
            },
        )
    }

    /// Holds the pair until the transaction ends and notes how far it is confirmed (`seq` 0: only hold it). Whoever closes
    /// a delivery does this first: a submit that runs at the same time then sees the pair before or after, never between.
    pub fn pair_confirm(
        &mut self,
        sender: OrgId,
        recipient: OrgId,
        seq: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE pairs SET confirmed_seq = CASE WHEN $3 > confirmed_seq THEN $3 ELSE confirmed_seq END \
             WHERE sender_org_id = $1 AND recipient_org_id = $2",
            params![sender, recipient, seq],
        )?;
        Ok(())
    }

    /// Stores a delivery, waiting.
    pub fn delivery_insert(&mut self, new: &NewDelivery<'_>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO deliveries (id, document_id, sender_org_id, recipient_org_id, recipient_code, addressed_code, \
             is_routed, kind, seq, position, state, is_open, attempts, refusals, next_attempt_at, lease_number, created_at, \
             expires_at, resend_of) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', 1, 0, 0, $11, 0, $12, $13, $14)",
            params![
                new.id,
                new.document,
                new.sender_org,
                new.recipient_org,
                new.recipient_code,
                new.addressed_code,
                new.is_routed,
                new.kind.name(),
                new.place.seq,
                new.place.position,
                new.next_attempt_at,
                new.created_at,
                new.expires_at,
                new.resend_of,
            ],
        )?;
        Ok(())
    }

    /// A delivery by its id.
    pub fn delivery_lookup(&mut self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.query_opt(
            concat!(
                "SELECT ",
                delivery_columns!(),
                " FROM deliveries v WHERE v.id = $1"
            ),
            params![id],
            delivery_row,
        )
    }

    /// The deliveries of a document in the order in which they were made.
    pub fn delivery_list_by_document(
        &mut self,
        document: DocumentId,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.query(
            concat!(
                "SELECT ",
                delivery_columns!(),
                " FROM deliveries v WHERE v.document_id = $1 ORDER BY v.id"
            ),
            params![document],
            delivery_row,
        )
    }

    /// What a confirmation needs to know.
    pub fn delivery_for_confirm(
        &mut self,
        id: DeliveryId,
    ) -> Result<Option<DeliveryForConfirm>, StoreError> {
        self.query_opt(
            "SELECT v.document_id, v.sender_org_id, v.recipient_org_id, v.kind, v.seq, v.state, v.attempts, v.receipt_id, \
             d.content_sha256 FROM deliveries v JOIN documents d ON d.id = v.document_id WHERE v.id = $1",
            params![id],
            |row| {
                Ok(DeliveryForConfirm {
                    document: row.id(0)?,
                    sender_org: row.id(1)?,
                    recipient_org: row.id(2)?,
                    kind: word(row, 3)?,
                    seq: row.int(4)?,
                    state: word(row, 5)?,
                    attempts: row.int(6)?,
                    receipt: row.opt_id(7)?,
                    content_sha256: row.sha256(8)?,
                })
            },
        )
    }

    /// The first open delivery of a pair and kind: the one whose turn it is.
    pub fn delivery_head(
        &mut self,
        sender: OrgId,
        recipient: OrgId,
        kind: DocumentKind,
    ) -> Result<Option<PairHead>, StoreError> {
        self.query_opt(
            "SELECT id, seq FROM deliveries WHERE recipient_org_id = $1 AND sender_org_id = $2 AND kind = $3 \
             AND is_open = 1 ORDER BY seq LIMIT 1",
            params![recipient, sender, kind.name()],
            head_row,
        )
    }

    /// The first open deliveries of a pair and kind, in their order.
    pub fn delivery_list_heads(
        &mut self,
        sender: OrgId,
        recipient: OrgId,
        kind: DocumentKind,
        limit: usize,
    ) -> Result<Vec<PairHead>, StoreError> {
        self.query(
            "SELECT id, seq FROM deliveries WHERE recipient_org_id = $1 AND sender_org_id = $2 AND kind = $3 \
             AND is_open = 1 ORDER BY seq LIMIT $4",
            params![recipient, sender, kind.name(), limit],
            head_row,
        )
    }

    /// Makes the first open delivery of a pair and kind due, if it waits without a time.
    pub fn delivery_promote(
        &mut self,
        sender: OrgId,
        recipient: OrgId,
        kind: DocumentKind,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let promoted = self.execute(
            "UPDATE deliveries SET next_attempt_at = $4 WHERE id = (SELECT h.id FROM deliveries h \
             WHERE h.recipient_org_id = $1 AND h.sender_org_id = $2 AND h.kind = $3 AND h.is_open = 1 \
             ORDER BY h.seq LIMIT 1) AND state = 'waiting' AND next_attempt_at IS NULL",
            params![recipient, sender, kind.name(), now],
        )?;
        Ok(promoted > 0)
    }

    /// Closes an open delivery as delivered. False if it is not open any more.
    pub fn delivery_confirm(
        &mut self,
        id: DeliveryId,
        now: Timestamp,
        by: Option<SystemId>,
        receipt: ReceiptId,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE deliveries SET state = 'delivered', is_open = 0, next_attempt_at = NULL, lease_owner = NULL, \
             lease_until = NULL, cause = NULL, cause_detail = NULL, closed_at = $2, confirmed_by = $3, receipt_id = $4 \
             WHERE id = $1 AND is_open = 1",
            params![id, now, by, receipt],
        )?;
        Ok(changed > 0)
    }

    /// Closes an open delivery without success. False if it is not open any more.
    pub fn delivery_close(
        &mut self,
        id: DeliveryId,
        state: DeliveryState,
        now: Timestamp,
        cause: &str,
        detail: Option<&str>,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE deliveries SET state = $2, is_open = 0, next_attempt_at = NULL, lease_owner = NULL, lease_until = NULL, \
             closed_at = $3, cause = $4, cause_detail = $5 WHERE id = $1 AND is_open = 1",
            params![id, state.name(), now, cause, detail],
        )?;
        Ok(changed > 0)
    }

    /// Takes an open delivery back that its recipient has not seen. False if it was handed over or is closed.
    pub fn delivery_cancel_unseen(
        &mut self,
        id: DeliveryId,
        now: Timestamp,
        cause: &str,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE deliveries SET state = 'cancelled', is_open = 0, next_attempt_at = NULL, closed_at = $2, cause = $3 \
             WHERE id = $1 AND state = 'waiting' AND attempts = 0 AND offered_at IS NULL",
            params![id, now, cause],
        )?;
        Ok(changed > 0)
    }

    /// Counts a hand-over of an open delivery to a recipient that fetches.
    pub fn delivery_offer(&mut self, id: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE deliveries SET attempts = attempts + 1, offered_at = $2 WHERE id = $1 AND is_open = 1",
            params![id, now],
        )?;
        Ok(changed > 0)
    }

    /// Counts a refusal of an open delivery, which ends its last hand-over; gives the number of refusals so far, none if it
    /// is not open.
    pub fn delivery_refuse(
        &mut self,
        id: DeliveryId,
        now: Timestamp,
        cause: &str,
        detail: Option<&str>,
    ) -> Result<Option<i64>, StoreError> {
        self.query_opt(
            "UPDATE deliveries SET refusals = refusals + 1, offered_at = $2, cause = $3, cause_detail = $4 \
             WHERE id = $1 AND is_open = 1 RETURNING refusals",
            params![id, now, cause, detail],
            |row| row.int(0),
        )
    }

    /// True if an open delivery of this document to this recipient exists.
    pub fn delivery_is_under_way(
        &mut self,
        document: DocumentId,
        recipient: OrgId,
    ) -> Result<bool, StoreError> {
        Ok(self
            .query_opt(
                "SELECT 1 FROM deliveries WHERE document_id = $1 AND recipient_org_id = $2 AND is_open = 1 LIMIT 1",
                params![document, recipient],
                |row| row.int(0),
            )?
            .is_some())
    }

    /// The newest delivery of a document to a recipient: the one that status reports are about.
    pub fn delivery_latest(
        &mut self,
        document: DocumentId,
        recipient: OrgId,
    ) -> Result<Option<Delivery>, StoreError> {
        self.query_opt(
            concat!(
                "SELECT ",
                delivery_columns!(),
                " FROM deliveries v WHERE v.document_id = $1 AND v.recipient_org_id = $2 ORDER BY v.seq DESC LIMIT 1"
            ),
            params![document, recipient],
            delivery_row,
        )
    }

    /// Open deliveries whose time is up, oldest first. Reads the index of all open ones, so it belongs on a reader.
    pub fn delivery_list_expired(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        self.query(
            "SELECT id FROM deliveries WHERE is_open = 1 AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2",
            params![now, limit],
            |row| row.id(0),
        )
    }

    /// Open deliveries of these kinds that wait for a recipient.
    pub fn delivery_count_open(
        &mut self,
        recipient: OrgId,
        kind: DocumentKind,
    ) -> Result<u64, StoreError> {
        let count = self.query_one(
            "SELECT COUNT(*) FROM deliveries WHERE recipient_org_id = $1 AND kind = $2 AND is_open = 1",
            params![recipient, kind.name()],
            |row| row.int(0),
        )?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
