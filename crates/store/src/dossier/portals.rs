//! What a portal was sent of a dossier, and what it has.

use lgsp_base::Timestamp;
use lgsp_base::id::{DossierId, OrgId};
use lgsp_wire::dossier::DossierStatus;

use super::lists::DossierPlace;
use super::model::{Finding, opt_status, status, status_number};
use crate::exchange::documents::word;
use crate::exchange::lists::Conditions;
use crate::{Row, StoreError, Tx, params};

/// What a portal was sent of a dossier and what it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalItem {
    /// The dossier.
    pub dossier: DossierId,
    /// The newest version sent; 0: never any, the portal was only asked.
    pub sent_version: i64,
    /// When.
    pub sent_at: Timestamp,
    /// The newest version accepted; 0: none.
    pub accepted_version: i64,
    /// When.
    pub accepted_at: Option<Timestamp>,
    /// The status that was read there.
    pub remote_status: Option<DossierStatus>,
    /// When.
    pub checked_at: Option<Timestamp>,
    /// What was found then.
    pub finding: Option<Finding>,
}

/// Which dossiers are compared with a portal.
#[derive(Debug, Clone, Copy)]
pub struct PortalWalk {
    /// The portal: a party of them.
    pub portal: OrgId,
    /// With a last push at or after this time.
    pub from: Timestamp,
    /// With a last push before this time: later ones may still be on their way.
    pub to: Timestamp,
    /// Behind this place.
    pub after: Option<DossierPlace>,
    /// At most so many.
    pub limit: usize,
}

/// A dossier of which a portal is a party, and what the portal has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalWalkRow {
    /// Where the walk stands with it.
    pub place: DossierPlace,
    /// Its code.
    pub code: String,
    /// Its status here.
    pub status: DossierStatus,
    /// Its version here.
    pub version: i64,
    /// The document of its last push.
    pub last_document: lgsp_base::id::DocumentId,
    /// What the portal was sent; none: never anything.
    pub item: Option<PortalItem>,
}

/// Reads an item from column `at` on; none if there is none.
fn opt_item(
    row: &Row<'_>,
    at: usize,
    dossier: DossierId,
) -> Result<Option<PortalItem>, StoreError> {
    let Some(sent_version) = row.opt_int(at)? else {
        return Ok(None);
    };
    Ok(Some(PortalItem {
        dossier,
        sent_version,
        sent_at: row.time(at + 1)?,
        accepted_version: row.int(at + 2)?,
        accepted_at: row.opt_time(at + 3)?,
        remote_status: opt_status(row, at + 4)?,
        checked_at: row.opt_time(at + 5)?,
        finding: row.opt_id(at + 6)?,
    }))
}

fn item_row(row: &Row<'_>) -> Result<PortalItem, StoreError> {
    opt_item(row, 1, row.id(0)?)?.ok_or(StoreError::Missing)
}

impl Tx<'_> {
    /// Notes that a version was sent to a portal; an older one than the newest sent changes nothing.
    pub fn portal_item_sent(
        &mut self,
        portal: OrgId,
        dossier: DossierId,
        version: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO portal_items (portal_org_id, dossier_id, sent_version, sent_at, accepted_version) \
             VALUES ($1, $2, $3, $4, 0) ON CONFLICT (portal_org_id, dossier_id) DO UPDATE SET \
             sent_version = excluded.sent_version, sent_at = excluded.sent_at \
             WHERE portal_items.sent_version <= excluded.sent_version",
            params![portal, dossier, version, at],
        )?;
        Ok(())
    }

    /// Notes that a portal accepted a version that was sent; an older one than the newest accepted changes nothing.
    pub fn portal_item_accepted(
        &mut self,
        portal: OrgId,
        dossier: DossierId,
        version: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO portal_items (portal_org_id, dossier_id, sent_version, sent_at, accepted_version, accepted_at) \
             VALUES ($1, $2, $3, $4, $3, $4) ON CONFLICT (portal_org_id, dossier_id) DO UPDATE SET \
             accepted_version = excluded.accepted_version, accepted_at = excluded.accepted_at \
             WHERE portal_items.accepted_version <= excluded.accepted_version",
            params![portal, dossier, version, at],
        )?;
        Ok(())
    }

    /// Notes what was found at a portal about a dossier, also about one that it was never sent.
    pub fn portal_item_checked(
        &mut self,
        portal: OrgId,
        dossier: DossierId,
        remote_status: Option<DossierStatus>,
        finding: Option<Finding>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO portal_items (portal_org_id, dossier_id, sent_version, sent_at, accepted_version, remote_status, \
             finding, checked_at) VALUES ($1, $2, 0, $5, 0, $3, $4, $5) \
             ON CONFLICT (portal_org_id, dossier_id) DO UPDATE SET remote_status = excluded.remote_status, \
             finding = excluded.finding, checked_at = excluded.checked_at",
            params![
                portal,
                dossier,
                remote_status.map(status_number),
                finding.map(Finding::name),
                at
            ],
        )?;
        Ok(())
    }

    /// What a portal was sent of a dossier.
    pub fn portal_item(
        &mut self,
        portal: OrgId,
        dossier: DossierId,
    ) -> Result<Option<PortalItem>, StoreError> {
        self.query_opt(
            "SELECT dossier_id, sent_version, sent_at, accepted_version, accepted_at, remote_status, checked_at, finding \
             FROM portal_items WHERE portal_org_id = $1 AND dossier_id = $2",
            params![portal, dossier],
            item_row,
        )
    }

    /// Dossiers at which the last comparison with a portal found something, in order of their ids, behind one of them.
    pub fn portal_findings(
        &mut self,
        portal: OrgId,
        finding: Finding,
        after: Option<DossierId>,
        limit: usize,
    ) -> Result<Vec<PortalItem>, StoreError> {
        self.query(
            "SELECT dossier_id, sent_version, sent_at, accepted_version, accepted_at, remote_status, checked_at, finding \
             FROM portal_items WHERE portal_org_id = $1 AND finding = $2 AND finding IS NOT NULL AND dossier_id > $3 \
             ORDER BY dossier_id LIMIT $4",
            params![
                portal,
                finding.name(),
                after.unwrap_or(DossierId::from_bits(0)),
                limit
            ],
            item_row,
        )
    }

    /// At how many dossiers the last comparison with a portal found what.
    pub fn portal_finding_counts(
        &mut self,
        portal: OrgId,
    ) -> Result<Vec<(Finding, u64)>, StoreError> {
        self.query(
            "SELECT finding, COUNT(*) FROM portal_items WHERE portal_org_id = $1 AND finding IS NOT NULL \
             GROUP BY finding ORDER BY finding",
            params![portal],
            |row| Ok((word(row, 0)?, row.int(1)?.unsigned_abs())),
        )
    }

    /// Dossiers of which a portal is a party, in order of their last push, whether it was ever sent anything of them or not.
    pub fn portal_walk(&mut self, walk: &PortalWalk) -> Result<Vec<PortalWalkRow>, StoreError> {
        let mut page = Conditions::new(
            "SELECT p.updated_at, p.dossier_id, d.code, d.status, d.version, d.last_document_id, i.sent_version, i.sent_at, \
             i.accepted_version, i.accepted_at, i.remote_status, i.checked_at, i.finding \
             FROM dossier_parties p CROSS JOIN dossiers d LEFT JOIN portal_items i \
             ON i.portal_org_id = p.org_id AND i.dossier_id = p.dossier_id \
             WHERE d.id = p.dossier_id AND d.erased_at IS NULL",
        );
        page.when(" AND p.org_id = $?", Some(walk.portal));
        page.when(" AND p.updated_at >= $?", Some(walk.from));
        page.when(" AND p.updated_at < $?", Some(walk.to));
        if let Some(after) = walk.after {
            let (at, id) = (page.param(after.at), page.param(after.id));
            page.sql
                .push_str(&format!(" AND (p.updated_at, p.dossier_id) > ({at}, {id})"));
        }
        let limit = page.param(walk.limit);
        page.sql.push_str(&format!(
            " ORDER BY p.updated_at, p.dossier_id LIMIT {limit}"
        ));
        self.query_dyn(&page.sql, &page.params, |row| {
            let place = DossierPlace {
                at: row.time(0)?,
                id: row.id(1)?,
            };
            Ok(PortalWalkRow {
                place,
                code: row.text(2)?,
                status: status(row, 3)?,
                version: row.int(4)?,
                last_document: row.id(5)?,
                item: opt_item(row, 6, place.id)?,
            })
        })
    }
}
