//! Deliveries in trouble that nobody has sent again yet: parked, dead or expired, and the newest of their document to their
//! recipient.

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, OrgId};

use super::documents::word;
use super::lists::Conditions;
use super::model::DeliveryState;
use crate::{Row, StoreError, Tx};

/// Which troubled deliveries are wanted.
#[derive(Debug, Clone, Default)]
pub struct TroubledFilter {
    /// Only in this state; none: parked, dead and expired.
    pub state: Option<DeliveryState>,
    /// Only with this cause; empty stands for none.
    pub cause: Option<String>,
    /// Only for this recipient.
    pub recipient: Option<OrgId>,
    /// Only where one of these is sender or recipient; none: all.
    pub parties: Option<Vec<OrgId>>,
    /// Only sent by one of these; none: by all.
    pub senders: Option<Vec<OrgId>>,
    /// At most so many of each state.
    pub limit: usize,
}

/// A troubled delivery, as far as grouping needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubledRow {
    /// Which delivery.
    pub id: DeliveryId,
    /// Parked, dead or expired.
    pub state: DeliveryState,
    /// Why; empty if nobody said.
    pub cause: String,
    /// More about the cause.
    pub detail: Option<String>,
    /// Who should have got it.
    pub recipient_org: OrgId,
    /// The recipient's code at the time of the submit.
    pub recipient_code: String,
    /// Since when.
    pub closed_at: Timestamp,
}

/// Which end of a state's deliveries is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubledOrder {
    /// As they were made.
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

fn troubled_row(row: &Row<'_>) -> Result<TroubledRow, StoreError> {
    Ok(TroubledRow {
        id: row.id(0)?,
        state: word(row, 1)?,
        cause: row.opt_text(2)?.unwrap_or_default(),
        detail: row.opt_text(3)?,
        recipient_org: row.id(4)?,
        recipient_code: row.text(5)?,
        closed_at: row.time(6)?,
    })
}

impl Tx<'_> {
    /// Calls `each` with every troubled delivery that is wanted, state by state.
    pub fn delivery_visit_troubled(
        &mut self,
        filter: &TroubledFilter,
        order: TroubledOrder,
        mut each: impl FnMut(TroubledRow),
    ) -> Result<(), StoreError> {
        for state in [
            DeliveryState::Parked,
            DeliveryState::Dead,
            DeliveryState::Expired,
        ] {
            if filter.state.is_some_and(|wanted| wanted != state) {
                continue;
            }
            let page = conditions(filter, state, order);
            self.query_dyn(&page.sql, &page.params, |row| {
                each(troubled_row(row)?);
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// One state at a time, so that the index gives the order and nothing is sorted.
fn conditions<'a>(
    filter: &'a TroubledFilter,
    state: DeliveryState,
    order: TroubledOrder,
) -> Conditions<'a> {
    let mut page = Conditions::new(
        "SELECT v.id, v.state, v.cause, v.cause_detail, v.recipient_org_id, v.recipient_code, \
         COALESCE(v.closed_at, v.created_at) FROM deliveries v \
         WHERE (v.state = 'parked' OR v.state = 'dead' OR v.state = 'expired')",
    );
    page.when(" AND v.state = $?", Some(state.name()));
    page.sql.push_str(
        " AND NOT EXISTS (SELECT 1 FROM deliveries n WHERE n.recipient_org_id = v.recipient_org_id \
         AND n.document_id = v.document_id AND n.seq > v.seq) \
         AND NOT EXISTS (SELECT 1 FROM document_erasures e WHERE e.document_id = v.document_id)",
    );
    page.when(" AND COALESCE(v.cause, '') = $?", filter.cause.as_deref());
    page.when(" AND v.recipient_org_id = $?", filter.recipient);
    if let Some(senders) = &filter.senders {
        let list = page.list(senders);
        page.sql
            .push_str(&format!(" AND v.sender_org_id IN ({list})"));
    }
    if let Some(parties) = &filter.parties {
        let list = page.list(parties);
        page.sql.push_str(&format!(
            " AND (v.sender_org_id IN ({list}) OR v.recipient_org_id IN ({list}))"
        ));
    }
    let limit = page.param(filter.limit);
    let direction = match order {
        TroubledOrder::OldestFirst => "ASC",
        TroubledOrder::NewestFirst => "DESC",
    };
    page.sql
        .push_str(&format!(" ORDER BY v.id {direction} LIMIT {limit}"));
    page
}
