//! Status reports and the recipient's state that they move.

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId, StatusId};

use super::model::Status;
use crate::{StoreError, Tx, params};

/// A status report about to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewStatus<'a> {
    /// Its id.
    pub id: StatusId,
    /// The document it is about.
    pub document: DocumentId,
    /// The delivery it is about.
    pub delivery: Option<DeliveryId>,
    /// Who reports.
    pub reporter: OrgId,
    /// The status message that carries it.
    pub message: Option<DocumentId>,
    /// 01–06, 13, 15, 16.
    pub code: &'a str,
    /// The reason given.
    pub reason: Option<&'a str>,
    /// The time the reporter names.
    pub reported_at: Option<Timestamp>,
    /// Now.
    pub received_at: Timestamp,
    /// True if it moves the recipient's state.
    pub moved: bool,
}

/// Which branch of a delivery's state a report moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusTarget {
    /// 01–06.
    Main,
    /// 13, 15, 16.
    Side,
}

impl Tx<'_> {
    /// Records a report.
    pub fn status_insert(&mut self, new: &NewStatus<'_>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO statuses (id, document_id, delivery_id, reporter_org_id, message_id, code, reason, reported_at, \
             received_at, moved) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            params![
                new.id,
                new.document,
                new.delivery,
                new.reporter,
                new.message,
                new.code,
                new.reason,
                new.reported_at,
                new.received_at,
                new.moved,
            ],
        )?;
        Ok(())
    }

    /// Moves the state of a delivery's recipient.
    pub fn status_move(
        &mut self,
        delivery: DeliveryId,
        target: StatusTarget,
        code: &str,
        at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        match target {
            StatusTarget::Main => self.execute(
                "UPDATE deliveries SET status_code = $2, status_at = $3 WHERE id = $1",
                params![delivery, code, at],
            )?,
            StatusTarget::Side => self.execute(
                "UPDATE deliveries SET side_status = $2 WHERE id = $1",
                params![delivery, code],
            )?,
        };
        Ok(())
    }

    /// The time of the newest report that moved a delivery's side branch.
    pub fn status_side_at(
        &mut self,
        document: DocumentId,
        delivery: DeliveryId,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.query_one(
            "SELECT MAX(reported_at) FROM statuses WHERE document_id = $1 AND delivery_id = $2 AND moved = 1 \
             AND code IN ('13', '15', '16')",
            params![document, delivery],
            |row| row.opt_time(0),
        )
    }

    /// The reports about a document in order of arrival.
    pub fn status_list_by_document(
        &mut self,
        document: DocumentId,
    ) -> Result<Vec<Status>, StoreError> {
        self.query(
            "SELECT id, document_id, delivery_id, reporter_org_id, message_id, code, reason, reported_at, received_at, moved \
             FROM statuses WHERE document_id = $1 ORDER BY received_at, id",
            params![document],
            |row| {
                Ok(Status {
                    id: row.id(0)?,
                    document: row.id(1)?,
                    delivery: row.opt_id(2)?,
                    reporter: row.id(3)?,
                    message: row.opt_id(4)?,
                    code: row.text(5)?,
                    reason: row.opt_text(6)?,
                    reported_at: row.opt_time(7)?,
                    received_at: row.time(8)?,
                    moved: row.flag(9)?,
                })
            },
        )
    }
}
