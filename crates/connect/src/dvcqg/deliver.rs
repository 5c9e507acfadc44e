//! One delivery to the portal: a dossier as new or as change, or steps in batches.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use lgsp_base::id::{DeliveryId, OrgId};
use lgsp_base::vi;
use lgsp_exchange::{HandOver, HandOverOutcome};
use lgsp_wire::dossier::{
    Dossier, ItemReply, PortalRequest, ProgressStep, ReplyOutcome, progress_batches,
};

use super::outgoing::prepare;
use super::{NationalPortal, PortalError, SystemReply};
use crate::connector::{CaseworkError, Fault, Message, cause_of, later, refused, scrub, unread};

/// Deliveries whose batches are remembered; what is forgotten is sent again, which the portal takes.
const REMEMBERED_MAX: usize = 10_000;
/// Items of a batch that are named when some were refused.
const ITEMS_NAMED_MAX: usize = 5;
/// Words with which the portal says that it does not know a dossier. A row is met if all its words stand in the message.
const MISSING: &[&[&str]] = &[
    &["chưa có", "hệ thống"],
    &["chưa tồn tại"],
    &["không tồn tại"],
    &["không tìm thấy"],
    &["not found"],
    &["not exist"],
];

/// How many batches of a delivery the portal has taken: a delivery that is tried again goes on there.
#[derive(Debug, Default)]
pub(super) struct BatchesDone {
    by_delivery: Mutex<HashMap<DeliveryId, usize>>,
}

impl BatchesDone {
    fn of(&self, delivery: DeliveryId) -> usize {
        let known = self.by_delivery.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        known.get(&delivery).copied().unwrap_or(0)
    }

    fn set(&self, delivery: DeliveryId, done: usize) {
        let known = self.by_delivery.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(delivery, done);
    }

    fn forget(&self, delivery: DeliveryId) {
        let known = self.by_delivery.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        known.remove(&delivery);
    }
}

/// What a push came to.
enum Judged {
    Taken,
    /// It meets a dossier that exists already.
    Exists,
    /// It is about a dossier that the portal does not know.
    Missing(HandOverOutcome),
    Refused(HandOverOutcome),
}

/// Why a delivery ends before it is taken.
struct Ended(HandOverOutcome);

impl From<PortalError> for Ended {
    fn from(error: PortalError) -> Self {
        Self(Fault::from(error).into())
    }
}

impl From<CaseworkError> for Ended {
    fn from(error: CaseworkError) -> Self {
        Self(unread(&error))
    }
}

impl NationalPortal {
    /// Hands one delivery over.
    pub(crate) async fn deliver(&self, item: &HandOver) -> HandOverOutcome {
        match self.try_deliver(item).await {
            Ok(()) => HandOverOutcome::Confirmed,
            Err(Ended(outcome)) => outcome,
        }
    }

    async fn try_deliver(&self, item: &HandOver) -> Result<(), Ended> {
        let portal = self.organisation(item)?;
        match self.casework().read(item).await? {
            Message::State(dossier) => {
                let is_known = self.casework().is_known_to(portal, item.document).await;
                self.push_state(item, *dossier, is_known).await?;
            }
            Message::Steps { steps, .. } => self.push_steps(item, &steps).await?,
        }
        Ok(())
    }

    /// The portal's organisation.
    fn organisation(&self, item: &HandOver) -> Result<OrgId, Ended> {
        let snapshot = self.inner.registry.snapshot();
        let system = snapshot.system(item.system);
        system
            .map(|system| system.org)
            .ok_or_else(|| PortalError::NoConnector.into())
    }

    /// Pushes a dossier, the way we believe first and the other way where the portal knows better.
    async fn push_state(
        &self,
        item: &HandOver,
        dossier: Dossier,
        is_known: bool,
    ) -> Result<(), Ended> {
        let dossier = prepare(self.casework(), item.document, dossier).await?;
        let first = self.send_state(item, &dossier, is_known).await?;
        let second = match (first, is_known) {
            (Judged::Taken, _) => return Ok(()),
            (Judged::Exists, false) | (Judged::Missing(_), true) => {
                self.send_state(item, &dossier, !is_known).await?
            }
            (other, _) => other,
        };
        match second {
            Judged::Taken => Ok(()),
            Judged::Exists => Err(Ended(later(
                "portal_exists",
                "the portal says that the dossier exists, also to a change",
            ))),
            Judged::Missing(outcome) | Judged::Refused(outcome) => Err(Ended(outcome)),
        }
    }

    async fn send_state(
        &self,
        item: &HandOver,
        dossier: &Dossier,
        is_updating: bool,
    ) -> Result<Judged, Ended> {
        let dossiers = std::slice::from_ref(dossier);
        let answer = self
            .call(item.system, |session, agency| {
                PortalRequest::sync_dossiers(session, agency, is_updating, dossiers)
            })
            .await?;
        Ok(self.judge(&answer))
    }

    /// Pushes steps in batches. The batches that were taken by an earlier try are left out.
    async fn push_steps(&self, item: &HandOver, steps: &[ProgressStep]) -> Result<(), Ended> {
        let done = &self.inner.batches;
        let skipped = done.of(item.delivery);
        let mut has_restored = false;
        for (index, batch) in progress_batches(steps).enumerate().skip(skipped) {
            let mut judged = self.send_steps(item, batch, false).await?;
            if matches!(judged, Judged::Missing(_)) && !has_restored {
                // The portal has lost the dossier: without it no step is ever taken.
                has_restored = true;
                let dossier = self.casework().state(item.document).await?;
                self.push_state(item, dossier, false).await?;
                judged = self.send_steps(item, batch, false).await?;
            }
            if matches!(judged, Judged::Exists) {
                judged = self.send_steps(item, batch, true).await?;
            }
            match judged {
                // To a change, "exists" says that the steps are there.
                Judged::Taken | Judged::Exists => done.set(item.delivery, index + 1),
                Judged::Missing(outcome) | Judged::Refused(outcome) => {
                    return Err(Ended(about_batch(outcome, index, batch.len(), steps.len())));
                }
            }
        }
        done.forget(item.delivery);
        Ok(())
    }

    async fn send_steps(
        &self,
        item: &HandOver,
        batch: &[ProgressStep],
        is_updating: bool,
    ) -> Result<Judged, Ended> {
        let answer = self
            .call(item.system, |session, agency| {
                PortalRequest::sync_progress(session, agency, is_updating, batch)
            })
            .await?;
        Ok(self.judge(&answer))
    }

    /// What an answer to a push means. What it says of single items goes before what it says of the whole.
    fn judge(&self, answer: &SystemReply) -> Judged {
        let reply = &answer.reply;
        let items = reply.items(self.words());
        let failed: Vec<&ItemReply> = items
            .iter()
            .filter(|item| item.outcome != ReplyOutcome::Ok)
            .collect();
        if items.is_empty() || failed.is_empty() && reply.outcome != ReplyOutcome::Ok {
            return of_words(answer, reply.outcome, &reply.code, &reply.message);
        }
        match failed.as_slice() {
            [] => Judged::Taken,
            [one] if items.len() == 1 => of_words(answer, one.outcome, &one.code, &one.message),
            [first, ..] => Judged::Refused(refused(
                &cause_of("portal", &first.code),
                &name_items(answer, &failed, items.len()),
            )),
        }
    }
}

fn of_words(answer: &SystemReply, outcome: ReplyOutcome, code: &str, message: &str) -> Judged {
    let words = || {
        let cause = cause_of("portal", code);
        refused(&cause, &scrub(message, &answer.sent))
    };
    match outcome {
        ReplyOutcome::Ok => Judged::Taken,
        ReplyOutcome::AlreadyExists => Judged::Exists,
        ReplyOutcome::Refused | ReplyOutcome::SessionLost if is_missing(message) => {
            Judged::Missing(words())
        }
        ReplyOutcome::Refused | ReplyOutcome::SessionLost => Judged::Refused(words()),
    }
}

pub(super) fn is_missing(message: &str) -> bool {
    let message = vi::fold(message);
    MISSING
        .iter()
        .any(|row| row.iter().all(|word| message.contains(&vi::fold(word))))
}

/// "2 of 10: CODE: words; …".
fn name_items(answer: &SystemReply, failed: &[&ItemReply], count: usize) -> String {
    let named: Vec<String> = failed
        .iter()
        .take(ITEMS_NAMED_MAX)
        .map(|item| {
            let words = format!("{} {} {}", item.key, item.code, item.message);
            scrub(&words, &answer.sent)
        })
        .collect();
    format!("{} of {count}: {}", failed.len(), named.join("; "))
}

/// Says which batch was refused, where there are several.
fn about_batch(
    outcome: HandOverOutcome,
    index: usize,
    batch_len: usize,
    steps: usize,
) -> HandOverOutcome {
    match outcome {
        HandOverOutcome::Refused { cause, detail } if batch_len < steps => {
            HandOverOutcome::Refused {
                cause,
                detail: format!("batch {} of {steps} steps: {detail}", index + 1),
            }
        }
        other => other,
    }
}
