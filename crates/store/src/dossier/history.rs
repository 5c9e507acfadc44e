//! What became of a dossier: its steps, and the pushes that told of them.

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, DossierId, OrgId};
use lgsp_wire::dossier::DossierStatus;

use super::model::{MessageKind, status, status_number};
use crate::{StoreError, Tx, params};

/// A step of the work on a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierStep {
    /// Number within the dossier, from 1.
    pub seq: i64,
    /// When it was taken.
    pub at: Timestamp,
    /// The status it led to.
    pub status: DossierStatus,
    /// Whose system reported it.
    pub org: OrgId,
    /// The push that told of it.
    pub document: DocumentId,
    /// Who did what, sealed; none when erased.
    pub text_sealed: Option<Vec<u8>>,
    /// When the agency began it.
    pub started_at: Option<Timestamp>,
    /// When the agency should end it.
    pub due_at: Option<Timestamp>,
}

/// A push about a dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DossierMessage {
    /// The version of the dossier that it made.
    pub version: i64,
    /// The document that carried it.
    pub document: DocumentId,
    /// What it carried.
    pub kind: MessageKind,
    /// Who sent it.
    pub sender: OrgId,
    /// The status of the dossier behind it.
    pub status: DossierStatus,
    /// When it came.
    pub at: Timestamp,
}

/// An official document that names a dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DossierLetter {
    /// The document.
    pub document: DocumentId,
    /// Who sent it.
    pub sender: OrgId,
    /// When it came.
    pub at: Timestamp,
}

impl Tx<'_> {
    /// Adds a step; its number is the caller's, who holds the dossier ([`Tx::dossier_step_next`]).
    pub fn dossier_step_insert(
        &mut self,
        dossier: DossierId,
        step: &DossierStep,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dossier_steps (dossier_id, seq, at, status, org_id, document_id, text_sealed, started_at, due_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            params![
                dossier,
                step.seq,
                step.at,
                status_number(step.status),
                step.org,
                step.document,
                step.text_sealed.as_deref(),
                step.started_at,
                step.due_at
            ],
        )?;
        Ok(())
    }

    /// The number of a dossier's next step, from 1.
    pub fn dossier_step_next(&mut self, dossier: DossierId) -> Result<i64, StoreError> {
        self.query_one(
            "SELECT COALESCE(MAX(seq), 0) + 1 FROM dossier_steps WHERE dossier_id = $1",
            params![dossier],
            |row| row.int(0),
        )
    }

    /// Steps of a dossier behind a number, in order of arrival; begin with 0.
    pub fn dossier_steps(
        &mut self,
        dossier: DossierId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<DossierStep>, StoreError> {
        self.query(
            "SELECT seq, at, status, org_id, document_id, text_sealed, started_at, due_at FROM dossier_steps \
             WHERE dossier_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            params![dossier, after, limit],
            |row| {
                Ok(DossierStep {
                    seq: row.int(0)?,
                    at: row.time(1)?,
                    status: status(row, 2)?,
                    org: row.id(3)?,
                    document: row.id(4)?,
                    text_sealed: row.opt_blob(5)?,
                    started_at: row.opt_time(6)?,
                    due_at: row.opt_time(7)?,
                })
            },
        )
    }

    /// Notes a push about a dossier.
    pub fn dossier_message_insert(
        &mut self,
        dossier: DossierId,
        message: &DossierMessage,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dossier_messages (dossier_id, version, document_id, kind, sender_org_id, status, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            params![
                dossier,
                message.version,
                message.document,
                message.kind.name(),
                message.sender,
                status_number(message.status),
                message.at
            ],
        )?;
        Ok(())
    }

    /// Pushes about a dossier behind a version, oldest first; begin with 0.
    pub fn dossier_messages(
        &mut self,
        dossier: DossierId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<DossierMessage>, StoreError> {
        self.query(
            "SELECT version, document_id, kind, sender_org_id, status, at FROM dossier_messages \
             WHERE dossier_id = $1 AND version > $2 ORDER BY version LIMIT $3",
            params![dossier, after, limit],
            |row| {
                Ok(DossierMessage {
                    version: row.int(0)?,
                    document: row.id(1)?,
                    kind: row.id(2)?,
                    sender: row.id(3)?,
                    status: status(row, 4)?,
                    at: row.time(5)?,
                })
            },
        )
    }

    /// Notes an official document that names the dossier. Noting it again changes nothing.
    pub fn dossier_letter_insert(
        &mut self,
        dossier: DossierId,
        letter: &DossierLetter,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dossier_letters (dossier_id, document_id, sender_org_id, at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (dossier_id, document_id) DO NOTHING",
            params![dossier, letter.document, letter.sender, letter.at],
        )?;
        Ok(())
    }

    /// Official documents that name a dossier, the first ones.
    pub fn dossier_letters(
        &mut self,
        dossier: DossierId,
        limit: usize,
    ) -> Result<Vec<DossierLetter>, StoreError> {
        self.query(
            "SELECT document_id, sender_org_id, at FROM dossier_letters WHERE dossier_id = $1 \
             ORDER BY document_id LIMIT $2",
            params![dossier, limit],
            |row| {
                Ok(DossierLetter {
                    document: row.id(0)?,
                    sender: row.id(1)?,
                    at: row.time(2)?,
                })
            },
        )
    }

    /// The dossier and the version that a document made, if it is a push about one.
    pub fn dossier_by_document(
        &mut self,
        document: DocumentId,
    ) -> Result<Option<(DossierId, i64)>, StoreError> {
        self.query_opt(
            "SELECT dossier_id, version FROM dossier_messages WHERE document_id = $1",
            params![document],
            |row| Ok((row.id(0)?, row.int(1)?)),
        )
    }
}
