//! What happens now, line by line, for the ticker: straight from the sealed ledger, so it does not wait for the projector.

use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId};
use lgsp_base::limits::{INSIGHT_ACTIVITY_SCAN_MAX, PAGE_SIZE_MAX};
use lgsp_store::exchange::DocumentKind;
use lgsp_store::insight::RecipientState;
use lgsp_store::ledger::SealedEntry;

use crate::event::{self, Event, Step, What};
use crate::{Insight, InsightError, Scope};

/// What happened, for a line of the ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A document was accepted.
    Accepted {
        /// What it is.
        kind: DocumentKind,
    },
    /// A document was refused at the door.
    Refused {
        /// The problem's code.
        code: String,
    },
    /// A try to hand it over failed.
    AttemptFailed {
        /// Why.
        cause: Option<String>,
        /// Which try it was, from 1.
        number: u64,
        /// When the next one is.
        next_at: Option<Timestamp>,
    },
    /// The recipient refused to take it.
    RecipientRefused {
        /// Why.
        cause: Option<String>,
    },
    /// The delivery reached a final state.
    Closed {
        /// Which.
        state: RecipientState,
        /// Why, unless it was confirmed.
        cause: Option<String>,
    },
    /// It was sent again.
    Resent,
    /// The recipient reported a status.
    StatusReported {
        /// 01–06, 13, 15, 16.
        code: String,
    },
    /// The content was erased; its proof stays.
    Erased,
}

/// A line of the ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The leaf: the line's place and its proof.
    pub leaf: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: Happened,
    /// The document.
    pub document: Option<DocumentId>,
    /// The delivery.
    pub delivery: Option<DeliveryId>,
    /// The sender; of a refused document the organisation whose application handed it in.
    pub sender: Option<OrgId>,
    /// The first recipient.
    pub recipient: Option<OrgId>,
    /// How many recipients there are.
    pub recipients: u64,
}

/// A page of lines, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityPage {
    /// The lines.
    pub lines: Vec<Activity>,
    /// What to ask for next: the leaf behind the last one that was looked at.
    pub next: u64,
}

impl Insight {
    /// The lines from a leaf on, at most `limit` and at most those among `limits::INSIGHT_ACTIVITY_SCAN_MAX` leaves.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn activity(
        &self,
        scope: &Scope,
        from: u64,
        limit: usize,
    ) -> Result<ActivityPage, InsightError> {
        let limit = limit.clamp(1, PAGE_SIZE_MAX);
        let leaves = self
            .inner
            .leaves
            .read(from, INSIGHT_ACTIVITY_SCAN_MAX)
            .await?;
        let mut page = ActivityPage {
            lines: Vec::new(),
            next: from,
        };
        for leaf in &leaves {
            if page.lines.len() == limit {
                break;
            }
            page.next = leaf.leaf + 1;
            page.lines.extend(visible(leaf, scope));
        }
        Ok(page)
    }

    /// The newest lines, at most `limit`, oldest first; where to go on with [`Insight::activity`] stands in the page.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn newest_activity(
        &self,
        scope: &Scope,
        limit: usize,
    ) -> Result<ActivityPage, InsightError> {
        let limit = limit.clamp(1, PAGE_SIZE_MAX);
        let from = self
            .inner
            .leaves
            .size()
            .saturating_sub(INSIGHT_ACTIVITY_SCAN_MAX as u64);
        let leaves = self
            .inner
            .leaves
            .read(from, INSIGHT_ACTIVITY_SCAN_MAX)
            .await?;
        let next = leaves.last().map_or(from, |leaf| leaf.leaf + 1);
        let mut lines: Vec<Activity> = leaves
            .iter()
            .rev()
            .filter_map(|leaf| visible(leaf, scope))
            .take(limit)
            .collect();
        lines.reverse();
        Ok(ActivityPage { lines, next })
    }
}

/// The line of a leaf; none if it is no business of documents, or not to be seen in this scope.
fn visible(leaf: &SealedEntry, scope: &Scope) -> Option<Activity> {
    let event = event::read(leaf);
    let is_visible = match scope {
        Scope::All => true,
        Scope::Organisations(orgs) => takes_part(&event, orgs),
    };
    if is_visible { line(event) } else { None }
}

fn takes_part(event: &Event, orgs: &[OrgId]) -> bool {
    let is_one = |org: &OrgId| orgs.contains(org);
    match &event.what {
        What::Accepted(accepted) => {
            is_one(&accepted.sender) || accepted.deliveries.iter().any(|(_, org)| is_one(org))
        }
        What::Refused { org, .. } => org.as_ref().is_some_and(is_one),
        What::Delivery(delivery) => {
            is_one(&delivery.recipient) || delivery.sender.as_ref().is_some_and(is_one)
        }
        What::Erased { sender, .. } => sender.as_ref().is_some_and(is_one),
        What::Other => false,
    }
}

fn line(event: Event) -> Option<Activity> {
    let mut line = Activity {
        leaf: event.leaf,
        at: event.at,
        what: Happened::Resent,
        document: None,
        delivery: None,
        sender: None,
        recipient: None,
        recipients: 0,
    };
    match event.what {
        What::Other => return None,
        What::Accepted(accepted) => {
            line.what = Happened::Accepted {
                kind: accepted.kind,
            };
            line.document = Some(accepted.document);
            line.sender = Some(accepted.sender);
            line.recipient = accepted.deliveries.first().map(|(_, org)| *org);
            line.recipients = accepted.deliveries.len() as u64;
        }
        What::Refused { org, code } => {
            line.what = Happened::Refused { code };
            line.sender = org;
        }
        What::Erased { document, sender } => {
            line.what = Happened::Erased;
            line.document = Some(document);
            line.sender = sender;
        }
        What::Delivery(delivery) => {
            line.what = happened(delivery.step);
            line.document = Some(delivery.document);
            line.delivery = Some(delivery.delivery);
            line.sender = delivery.sender;
            line.recipient = Some(delivery.recipient);
            line.recipients = 1;
        }
    }
    Some(line)
}

fn happened(step: Step) -> Happened {
    match step {
        Step::Failed {
            cause,
            is_refusal: true,
            ..
        } => Happened::RecipientRefused { cause },
        Step::Failed {
            cause,
            number,
            next_at,
            is_refusal: false,
        } => Happened::AttemptFailed {
            cause,
            number,
            next_at,
        },
        Step::Closed { state, cause } => Happened::Closed { state, cause },
        Step::Resent => Happened::Resent,
        Step::Status { code, .. } => Happened::StatusReported { code },
    }
}
