//! The inbox of a recipient that fetches: pages in order, with small contents on demand.

use lgsp_base::id::{DeliveryId, OrgId};
use lgsp_base::planted::Bug;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Permission, Sha256, Timestamp, limits};
use lgsp_store::exchange::{DocumentKind, InboxRow, InboxWanted};
use lgsp_store::{StoreError, Tx};

use crate::counters::count;
use crate::error::ReceiveError;
use crate::model::{InboxCursor, InboxItem, InboxPage, InboxQuery, Waiting};
use crate::service::{Exchange, may};

impl Exchange {
    /// A page of open deliveries in their order. With content, each content in the page counts as handed over.
    ///
    /// # Errors
    /// [`ReceiveError::Forbidden`] for another organisation's inbox, [`ReceiveError::Invalid`] for an impossible page.
    pub async fn inbox(&self, actor: &Actor, query: InboxQuery) -> Result<InboxPage, ReceiveError> {
        let orgs = self.receives_for(actor, query.org)?;
        let limit = page_size(query.limit)?;
        let exchange = self.clone();
        let sees_persons = may(actor, Permission::DossierReadPersonal);
        let mut page = self
            .inner
            .db
            .read::<_, ReceiveError, _>("inbox_list", move |tx| {
                let mut rows = Vec::new();
                for org in &orgs {
                    rows.extend(tx.inbox_list(&InboxWanted {
                        recipient: *org,
                        kinds: &query.kinds,
                        after: query.after.map(|cursor| (cursor.position, cursor.delivery)),
                        from: query.from,
                        to: query.to,
                        limit: limit + 1,
                    })?);
                }
                let mut page = page_of(rows, limit);
                if query.with_content {
                    fill(tx, &exchange, &mut page, sees_persons)?;
                }
                Ok(page)
            })
            .await?;
        self.hand_over(&mut page).await?;
        for item in &mut page.items {
            item.sender_name = self.sender_name(item);
        }
        Ok(page)
    }

    /// How many deliveries wait for an actor, by kind.
    ///
    /// # Errors
    /// As [`Exchange::inbox`].
    pub async fn count_waiting(
        &self,
        actor: &Actor,
        org: Option<OrgId>,
    ) -> Result<Waiting, ReceiveError> {
        let orgs = self.receives_for(actor, org)?;
        self.inner
            .db
            .read("inbox_count", move |tx| {
                let mut waiting = Waiting::default();
                for org in &orgs {
                    waiting.edoc += tx.delivery_count_open(*org, DocumentKind::Edoc)?;
                    waiting.status += tx.delivery_count_open(*org, DocumentKind::Status)?;
                    waiting.plain += tx.delivery_count_open(*org, DocumentKind::Plain)?;
                    waiting.notice += tx.delivery_count_open(*org, DocumentKind::Notice)?;
                    waiting.dossier += tx.delivery_count_open(*org, DocumentKind::Dossier)?;
                }
                Ok(waiting)
            })
            .await
    }

    /// The organisations whose inbox this actor may open: all its own, or the one it names.
    pub(crate) fn receives_for(
        &self,
        actor: &Actor,
        named: Option<OrgId>,
    ) -> Result<Vec<OrgId>, ReceiveError> {
        if !may(actor, Permission::InboxReceive) {
            return Err(ReceiveError::Forbidden);
        }
        match (actor, named) {
            (Actor::System { system, .. }, named) => {
                let own = self.inner.directory.receives_for(*system);
                match named {
                    None => Ok(own),
                    Some(org) if own.contains(&org) => Ok(vec![org]),
                    Some(_) => Err(ReceiveError::Forbidden),
                }
            }
            (Actor::Operator { .. } | Actor::Platform { .. }, Some(org)) => Ok(vec![org]),
            (Actor::Operator { .. } | Actor::Platform { .. }, None) => Err(ReceiveError::Invalid(
                kinds::INPUT_INVALID
                    .problem()
                    .breaks("org", rules::OPERATOR_NAMES.plain()),
            )),
        }
    }

    /// True if this actor receives for this organisation.
    pub(crate) fn is_recipient(&self, actor: &Actor, org: OrgId) -> bool {
        match actor {
            Actor::System { system, .. } => {
                self.inner.directory.receives_for(*system).contains(&org)
            }
            Actor::Operator { .. } | Actor::Platform { .. } => true,
        }
    }

    fn sender_name(&self, item: &InboxItem) -> Option<String> {
        if item.kind == DocumentKind::Notice {
            return None;
        }
        match self
            .inner
            .directory
            .resolve(&item.sender_code, item.created_at)
        {
            crate::Resolved::Found { org, .. } => {
                self.inner.directory.party(org).map(|party| party.name)
            }
            crate::Resolved::Closed { .. } | crate::Resolved::Unknown => None,
        }
    }

    /// Counts the contents of a page as handed over, all in one transaction, before the page leaves the house. What was
    /// confirmed in the meantime drops out.
    async fn hand_over(&self, page: &mut InboxPage) -> Result<(), ReceiveError> {
        let offered: Vec<DeliveryId> = page
            .items
            .iter()
            .filter(|item| item.content.is_some())
            .map(|item| item.delivery)
            .collect();
        if offered.is_empty() {
            return Ok(());
        }
        let open = self.offer(offered).await?;
        count(&self.counters().handed_over, open.len() as u64);
        page.items
            .retain(|item| item.content.is_none() || open.binary_search(&item.delivery).is_ok());
        Ok(())
    }

    /// Counts hand-overs; gives the deliveries that are still open, sorted.
    pub(crate) async fn offer(
        &self,
        mut offered: Vec<DeliveryId>,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let now: Timestamp = self.now();
        // One order everywhere, so that two pages at once never wait for each other in a circle.
        offered.sort_unstable();
        self.inner
            .db
            .write("delivery_offer", move |tx| {
                let mut open = Vec::with_capacity(offered.len());
                for id in &offered {
                    if tx.delivery_offer(*id, now)? {
                        open.push(*id);
                    }
                }
                Ok::<_, StoreError>(open)
            })
            .await
    }
}

/// The number of items of a page; 0 stands for the default.
pub(crate) fn page_size(wanted: usize) -> Result<usize, ReceiveError> {
    match wanted {
        0 => Ok(limits::PAGE_SIZE_DEFAULT),
        size if size <= limits::PAGE_SIZE_MAX => Ok(size),
        _ => Err(ReceiveError::Invalid(
            kinds::INPUT_INVALID.problem().breaks(
                "page_size",
                rules::RANGE.with(&[("min", &1), ("max", &limits::PAGE_SIZE_MAX)]),
            ),
        )),
    }
}

fn page_of(mut rows: Vec<InboxRow>, limit: usize) -> InboxPage {
    rows.sort_by_key(|row| (row.position, row.delivery));
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let items: Vec<InboxItem> = rows.into_iter().map(item_of).collect();
    let next = items.last().filter(|_| has_more).map(|item| item.cursor);
    InboxPage { items, next }
}

/// Reads the small contents of a page, as long as they fit, and compares each with its digest.
fn fill(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    page: &mut InboxPage,
    sees_persons: bool,
) -> Result<(), StoreError> {
    let is_unchecked = exchange.has_bug(Bug::ServeUnchecked);
    let mut room = limits::INBOX_CONTENT_BYTES_MAX as u64;
    for item in &mut page.items {
        let is_small = item.content_bytes <= limits::INLINE_BODY_BYTES_MAX as u64;
        if item.kind == DocumentKind::Dossier && !sees_persons {
            continue;
        }
        let Some(left) = room.checked_sub(item.content_bytes).filter(|_| is_small) else {
            continue;
        };
        let Some(body) = exchange.document_body(tx, item.document, item.kind)? else {
            continue;
        };
        if !is_unchecked && Sha256::of(&body) != item.content_sha256 {
            tracing::error!(document.id = %item.document, "stored content is damaged and is not served");
            item.problem = Some(kinds::STORAGE_CORRUPT.with(item.document));
            continue;
        }
        room = left;
        item.attempt += 1;
        item.content = Some(body);
    }
    Ok(())
}

fn item_of(row: InboxRow) -> InboxItem {
    InboxItem {
        delivery: row.delivery,
        document: row.document,
        sender_code: row.sender_code,
        sender_name: None,
        recipient_code: row.recipient_code,
        kind: row.kind,
        business_type: row.business_type,
        external_id: row.external_id,
        notation: row.notation,
        subject: row.subject,
        seq: row.seq,
        attempt: row.attempts,
        content_bytes: row.content_bytes,
        content_sha256: row.content_sha256,
        content_type: row.content_type,
        created_at: row.created_at,
        offered_at: row.offered_at,
        cursor: InboxCursor {
            position: row.position,
            delivery: row.delivery,
        },
        content: None,
        problem: None,
    }
}
