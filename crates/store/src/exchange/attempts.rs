//! Tries of a delivery.

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, DocumentId};

use super::model::Attempt;
use crate::{StoreError, Tx, params};

impl Tx<'_> {
    /// Records one finished try under the delivery's next number.
    #[expect(
        clippy::too_many_arguments,
        reason = "a row of eight columns, written from three places"
    )]
    pub fn attempt_insert(
        &mut self,
        delivery: DeliveryId,
        transport: &str,
        started_at: Timestamp,
        finished_at: Timestamp,
        outcome: &str,
        cause: Option<&str>,
        detail: Option<&str>,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO attempts (delivery_id, number, transport, started_at, finished_at, outcome, cause, detail) \
             SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5, $6, $7 FROM attempts WHERE delivery_id = $1",
            params![delivery, transport, started_at, finished_at, outcome, cause, detail],
        )?;
        Ok(())
    }

    /// Tries of a delivery through one transport that reached no answer of the recipient.
    pub fn attempt_count_failed(
        &mut self,
        delivery: DeliveryId,
        transport: &str,
    ) -> Result<i64, StoreError> {
        self.query_one(
            "SELECT COUNT(*) FROM attempts WHERE delivery_id = $1 AND transport = $2 AND outcome <> 'confirmed'",
            params![delivery, transport],
            |row| row.int(0),
        )
    }

    /// The tries of a document's deliveries, in order.
    pub fn attempt_list_by_document(
        &mut self,
        document: DocumentId,
    ) -> Result<Vec<Attempt>, StoreError> {
        self.query(
            "SELECT a.delivery_id, a.number, a.transport, a.started_at, a.finished_at, a.outcome, a.cause, a.detail \
             FROM attempts a JOIN deliveries v ON v.id = a.delivery_id WHERE v.document_id = $1 \
             ORDER BY a.delivery_id, a.number",
            params![document],
            |row| {
                Ok(Attempt {
                    delivery: row.id(0)?,
                    number: row.int(1)?,
                    transport: row.text(2)?,
                    started_at: row.time(3)?,
                    finished_at: row.opt_time(4)?,
                    outcome: row.opt_text(5)?,
                    cause: row.opt_text(6)?,
                    detail: row.opt_text(7)?,
                })
            },
        )
    }
}
