//! Which dossiers tell of a person, and who looked at them.

use lgsp_base::Timestamp;
use lgsp_base::id::{DossierId, OrgId, ReceiptId};

use crate::seal::PersonHash;
use crate::{StoreError, Tx, params};

/// A look about to be noted.
#[derive(Debug, Clone, Copy)]
pub struct NewLook<'a> {
    /// At which dossier.
    pub dossier: DossierId,
    /// Who looks, as the ledger names actors.
    pub actor: &'a str,
    /// The organisation of a system that looks.
    pub org: Option<OrgId>,
    /// What for, a stable word.
    pub purpose: &'a str,
    /// The ledger entry.
    pub receipt: Option<ReceiptId>,
    /// When.
    pub at: Timestamp,
}

/// Somebody looked at a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierLook {
    /// Place in the order of looks.
    pub id: i64,
    /// At which dossier.
    pub dossier: DossierId,
    /// The dossier's code.
    pub code: String,
    /// Who looked, as the ledger names actors.
    pub actor: String,
    /// The organisation of a system that looked.
    pub org: Option<OrgId>,
    /// What for, a stable word.
    pub purpose: String,
    /// The ledger entry.
    pub receipt: Option<ReceiptId>,
    /// When.
    pub at: Timestamp,
}

/// At whom or what somebody looked.
#[derive(Debug, Clone, Copy)]
pub enum LookFilter {
    /// At this dossier.
    Dossier(DossierId),
    /// At any dossier that tells, or told, of this person.
    Person(PersonHash),
}

impl Tx<'_> {
    /// Notes that a dossier tells of a person.
    pub fn dossier_person_put(
        &mut self,
        person: PersonHash,
        dossier: DossierId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dossier_persons (person_hash, dossier_id, since_at) VALUES ($1, $2, $3) \
             ON CONFLICT (person_hash, dossier_id) DO NOTHING",
            params![person, dossier, at],
        )?;
        Ok(())
    }

    /// Dossiers that tell, or told, of a person, newest first, before one of them.
    pub fn dossier_list_by_person(
        &mut self,
        person: PersonHash,
        before: Option<DossierId>,
        limit: usize,
    ) -> Result<Vec<DossierId>, StoreError> {
        let before = before.unwrap_or(DossierId::from_bits(u128::MAX));
        self.query(
            "SELECT dossier_id FROM dossier_persons WHERE person_hash = $1 AND dossier_id < $2 \
             ORDER BY dossier_id DESC LIMIT $3",
            params![person, before, limit],
            |row| row.id(0),
        )
    }

    /// Notes a look.
    pub fn dossier_look_insert(&mut self, look: &NewLook<'_>) -> Result<i64, StoreError> {
        self.insert(
            "INSERT INTO dossier_looks (dossier_id, actor, org_id, purpose, receipt_id, at) VALUES ($1, $2, $3, $4, $5, $6)",
            params![
                look.dossier,
                look.actor,
                look.org,
                look.purpose,
                look.receipt,
                look.at
            ],
        )
    }

    /// Looks, newest first, before one of them.
    pub fn dossier_looks(
        &mut self,
        filter: LookFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<DossierLook>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        let (sql, wanted) = match filter {
            LookFilter::Dossier(dossier) => (
                "SELECT l.id, l.dossier_id, d.code, l.actor, l.org_id, l.purpose, l.receipt_id, l.at FROM dossier_looks l \
                 JOIN dossiers d ON d.id = l.dossier_id WHERE l.dossier_id = $1 AND l.id < $2 ORDER BY l.id DESC LIMIT $3",
                dossier.into(),
            ),
            LookFilter::Person(person) => (
                "SELECT l.id, l.dossier_id, d.code, l.actor, l.org_id, l.purpose, l.receipt_id, l.at FROM dossier_looks l \
                 JOIN dossiers d ON d.id = l.dossier_id \
                 WHERE l.dossier_id IN (SELECT p.dossier_id FROM dossier_persons p WHERE p.person_hash = $1) \
                 AND l.id < $2 ORDER BY l.id DESC LIMIT $3",
                person.into(),
            ),
        };
        self.query(sql, &[wanted, before.into(), limit.into()], |row| {
            Ok(DossierLook {
                id: row.int(0)?,
                dossier: row.id(1)?,
                code: row.text(2)?,
                actor: row.text(3)?,
                org: row.opt_id(4)?,
                purpose: row.text(5)?,
                receipt: row.opt_id(6)?,
                at: row.time(7)?,
            })
        })
    }
}
