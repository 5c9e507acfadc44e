//! Deliveries in trouble, grouped by what an operator acts on: the cause, the recipient, the state.
//!
//! Only those that nobody has sent again are counted: a group gets smaller while it is worked off.

use std::collections::BTreeMap;

use lgsp_base::id::{DeliveryId, OrgId};
use lgsp_base::{Actor, Permission, Timestamp, limits};
use lgsp_store::StoreError;
use lgsp_store::exchange::{DeliveryState, TroubledFilter, TroubledOrder, TroubledRow};

use crate::error::ReceiveError;
use crate::service::{Exchange, may};

/// Which groups are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TroubledQuery {
    /// Only in this state; none: parked, dead and expired.
    pub state: Option<DeliveryState>,
    /// Only with this cause; empty stands for none.
    pub cause: Option<String>,
    /// Only for this recipient.
    pub org: Option<OrgId>,
}

/// Deliveries that are in trouble for the same cause at the same recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubledGroup {
    /// A stable word (`connect`, `http_413`, `not_fetched`), or the recipient's own; empty if nobody said.
    pub cause: String,
    /// Parked, dead or expired.
    pub state: DeliveryState,
    /// The recipient.
    pub recipient: OrgId,
    /// Its code at the time of the newest submit.
    pub recipient_code: String,
    /// Its name now.
    pub recipient_name: Option<String>,
    /// How many.
    pub count: u64,
    /// When the first of them got into trouble.
    pub first_at: Timestamp,
    /// When the last of them got into trouble.
    pub last_at: Timestamp,
    /// The newest, at most `limits::TROUBLED_SAMPLES_MAX`.
    pub samples: Vec<DeliveryId>,
    /// More about the cause of the newest.
    pub detail: Option<String>,
}

/// The groups, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TroubledGroups {
    /// At most `limits::TROUBLED_GROUPS_MAX`.
    pub groups: Vec<TroubledGroup>,
    /// Deliveries in all groups, listed or not.
    pub total: u64,
    /// When the oldest of them got into trouble.
    pub oldest_at: Option<Timestamp>,
    /// False if there were more deliveries or groups than are looked at.
    pub is_complete: bool,
}

impl Exchange {
    /// Groups the troubled deliveries in which the actor takes part; an operator sees all.
    ///
    /// # Errors
    /// [`ReceiveError::Forbidden`], or the store's.
    pub async fn troubled_groups(
        &self,
        actor: &Actor,
        query: TroubledQuery,
    ) -> Result<TroubledGroups, ReceiveError> {
        if !may(actor, Permission::DocumentRead) {
            return Err(ReceiveError::Forbidden);
        }
        let filter = TroubledFilter {
            state: query.state,
            cause: query.cause,
            recipient: query.org,
            parties: match actor {
                Actor::System { system, .. } => Some(self.reads_for(*system)),
                Actor::Operator { .. } | Actor::Platform { .. } => None,
            },
            senders: None,
            limit: limits::TROUBLED_SCAN_MAX,
        };
        let gathered = self
            .inner
            .db
            .read::<_, StoreError, _>("delivery_groups", move |tx| {
                let mut gathered = Gathered::default();
                tx.delivery_visit_troubled(&filter, TroubledOrder::NewestFirst, |row| {
                    gathered.add(row);
                })?;
                Ok(gathered)
            })
            .await?;
        Ok(self.named(gathered))
    }

    /// Puts the groups in order and names their recipients.
    fn named(&self, gathered: Gathered) -> TroubledGroups {
        let is_whole = gathered
            .seen
            .values()
            .all(|seen| *seen < limits::TROUBLED_SCAN_MAX);
        let mut groups: Vec<TroubledGroup> = gathered.groups.into_values().collect();
        let total = groups.iter().map(|group| group.count).sum();
        let oldest_at = groups.iter().map(|group| group.first_at).min();
        groups.sort_by(|a, b| b.count.cmp(&a.count).then(b.last_at.cmp(&a.last_at)));
        let is_complete = is_whole && groups.len() <= limits::TROUBLED_GROUPS_MAX;
        groups.truncate(limits::TROUBLED_GROUPS_MAX);
        for group in &mut groups {
            group.recipient_name = self
                .inner
                .directory
                .party(group.recipient)
                .map(|party| party.name);
        }
        TroubledGroups {
            groups,
            total,
            oldest_at,
            is_complete,
        }
    }
}

/// Groups while the rows go by, newest first within a state.
#[derive(Debug, Default)]
struct Gathered {
    groups: BTreeMap<(DeliveryState, OrgId, String), TroubledGroup>,
    seen: BTreeMap<DeliveryState, usize>,
}

impl Gathered {
    fn add(&mut self, row: TroubledRow) {
        *self.seen.entry(row.state).or_default() += 1;
        let key = (row.state, row.recipient_org, row.cause);
        let group = self
            .groups
            .entry(key)
            .or_insert_with_key(|(state, recipient, cause)| TroubledGroup {
                cause: cause.clone(),
                state: *state,
                recipient: *recipient,
                recipient_code: row.recipient_code,
                recipient_name: None,
                count: 0,
                first_at: row.closed_at,
                last_at: row.closed_at,
                samples: Vec::new(),
                detail: row.detail,
            });
        group.count += 1;
        group.first_at = group.first_at.min(row.closed_at);
        group.last_at = group.last_at.max(row.closed_at);
        if group.samples.len() < limits::TROUBLED_SAMPLES_MAX {
            group.samples.push(row.id);
        }
    }
}
