//! Taking a dossier or steps of one in: what can be checked without the database is checked here, then one transaction does the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use lgsp_base::hash::Sha256Hasher;
use lgsp_base::id::{DocumentId, DossierId, OrgId, SystemId};
use lgsp_base::problem::{kinds, rules as sentences};
use lgsp_base::{Actor, Permission, Sha256, Timestamp, limits};
use lgsp_store::StoreError;
use lgsp_wire::dossier::{Dossier, DossierCode, ProgressStep};

use super::apply;
use super::error::DossierError;
use super::model::{DossierAccepted, DossierPush, DossierRef, ProgressPush, PushMode};
use super::rules;
use super::service::Dossiers;
use crate::counters::count;
use crate::directory::{Channel, Resolved};
use crate::error::SubmitError;
use crate::model::Door;
use crate::submit::{RACES_MAX, Recipient};

/// What is pushed.
pub(crate) enum What {
    /// A whole dossier.
    State {
        dossier: Box<Dossier>,
        mode: PushMode,
    },
    /// Steps of one, oldest first.
    Steps(Vec<ProgressStep>),
    /// Its state once more, for one party.
    Replay,
}

impl What {
    /// The word for it in messages and documents.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            What::State { .. } | What::Replay => "dossier",
            What::Steps(_) => "progress",
        }
    }
}

/// A push with everything that its transaction needs; made once, used by every run of the closure.
pub(crate) struct Work {
    pub(crate) actor: Actor,
    pub(crate) door: Door,
    pub(crate) now: Timestamp,
    pub(crate) target: DossierRef,
    pub(crate) what: What,
    /// In whose name it may be, the best first; empty: in the owner's.
    pub(crate) senders: Vec<OrgId>,
    pub(crate) sender_system: Option<SystemId>,
    /// Who owns a new dossier, or why nobody can.
    pub(crate) owner: Result<OrgId, DossierError>,
    pub(crate) handling: Option<OrgId>,
    /// Whom the request names.
    pub(crate) to: Vec<Recipient>,
    /// The canonical body; empty for a replay, which reads it.
    pub(crate) body: Vec<u8>,
    pub(crate) sha256: Sha256,
    pub(crate) key: Option<(String, Sha256)>,
    pub(crate) document: DocumentId,
    /// The id of a new dossier.
    pub(crate) new_id: DossierId,
}

impl Dossiers {
    /// Takes a whole dossier in: stores it, moves its state, sends it to its parties. Repeating it is always safe.
    ///
    /// # Errors
    /// See [`DossierError`]; a refusal stores nothing but a ledger entry about it.
    pub async fn push(&self, push: DossierPush) -> Result<DossierAccepted, DossierError> {
        let actor = push.actor.clone();
        let body = written(&push.dossier)?;
        let sha256 = Sha256::of(&body);
        let result = match self.prepare(push, body, sha256) {
            Ok(work) => self.run(work).await,
            Err(error) => Err(error),
        };
        self.note(&actor, sha256, &result).await;
        result
    }

    /// Takes many dossiers in, each in a transaction of its own: a wrong one does not take the others with it. Those of one code keep
    /// their order. The results stand in the order of the pushes.
    ///
    /// # Errors
    /// [`DossierError::BatchTooLarge`]; what concerns one dossier stands in its result.
    pub async fn push_all(
        &self,
        pushes: Vec<DossierPush>,
    ) -> Result<Vec<Result<DossierAccepted, DossierError>>, DossierError> {
        if pushes.len() > limits::DOSSIER_BATCH_MAX {
            return Err(DossierError::BatchTooLarge);
        }
        let count = pushes.len();
        let mut by_code: BTreeMap<DossierCode, Vec<(usize, DossierPush)>> = BTreeMap::new();
        for (index, push) in pushes.into_iter().enumerate() {
            let turn = by_code.entry(push.dossier.code.clone()).or_default();
            turn.push((index, push));
        }
        let mut done: Vec<(usize, Result<DossierAccepted, DossierError>)> =
            stream::iter(by_code.into_values())
                .map(|turn| async move {
                    let mut results = Vec::with_capacity(turn.len());
                    for (index, push) in turn {
                        results.push((index, self.push(push).await));
                    }
                    results
                })
                .buffer_unordered(limits::DOSSIERS_AT_ONCE)
                .collect::<Vec<_>>()
                .await
                .into_iter()
                .flatten()
                .collect();
        done.sort_by_key(|(index, _)| *index);
        debug_assert_eq!(done.len(), count, "every push has its result");
        Ok(done.into_iter().map(|(_, result)| result).collect())
    }

    /// Takes steps of a dossier in. The last one moves the status, unless a later one is known.
    ///
    /// # Errors
    /// As [`Dossiers::push`]; [`DossierError::Unknown`] if there is no such dossier.
    pub async fn progress(&self, push: ProgressPush) -> Result<DossierAccepted, DossierError> {
        let actor = push.actor.clone();
        check_steps(&push)?;
        let body = serde_json::json!({"code": push.code, "steps": push.steps});
        let body = body.to_string().into_bytes();
        if body.len() > limits::DOSSIER_BYTES_MAX {
            return Err(DossierError::TooLarge);
        }
        let sha256 = Sha256::of(&body);
        let result = match self.prepare_steps(push, body, sha256) {
            Ok(work) => self.run(work).await,
            Err(error) => Err(error),
        };
        self.note(&actor, sha256, &result).await;
        result
    }

    /// Sends the state of a dossier as it is now once more, to one party: after a comparison found that it lacks it. The owner is the
    /// sender. Repeating it with the same key gives the first answer.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`] unless the actor is an operator or the platform; [`DossierError::Unknown`],
    /// [`DossierError::Erased`]; [`SubmitError::Recipients`] for an organisation that is no party.
    pub async fn replay(
        &self,
        actor: &Actor,
        dossier: DossierId,
        to: OrgId,
        key: String,
    ) -> Result<DossierAccepted, DossierError> {
        self.check_admin(actor)?;
        self.check_open()?;
        let now = self.now();
        let mut hasher = Sha256Hasher::new();
        hasher.update(format!("replay {dossier} {to}").as_bytes());
        let work = Work {
            actor: actor.clone(),
            door: Door::Platform,
            now,
            target: DossierRef::Id(dossier),
            what: What::Replay,
            senders: Vec::new(),
            sender_system: None,
            owner: Err(DossierError::Unknown),
            handling: None,
            to: vec![self.recipient(to, None, now)],
            body: Vec::new(),
            sha256: Sha256::of(&[]),
            key: Some((key, hasher.finish())),
            document: DocumentId::generate(now, self.exchange().entropy()),
            new_id: DossierId::generate(now, self.exchange().entropy()),
        };
        self.run(work).await
    }

    /// New work is taken: there is room, and the gate is open.
    fn check_open(&self) -> Result<(), DossierError> {
        let exchange = self.exchange();
        if !exchange.inner.db.has_room() {
            return Err(SubmitError::Full.into());
        }
        Ok(())
    }

    fn check_submitter(&self, actor: &Actor) -> Result<(), DossierError> {
        if !actor.may(Permission::DossierSubmit) {
            return Err(DossierError::Forbidden);
        }
        self.check_open()?;
        let is_own = matches!(actor, Actor::Platform { .. });
        if self.exchange().inner.config.gate.is_closed() && !is_own {
            return Err(SubmitError::Closed.into());
        }
        Ok(())
    }

    fn prepare(
        &self,
        push: DossierPush,
        body: Vec<u8>,
        sha256: Sha256,
    ) -> Result<Work, DossierError> {
        self.check_submitter(&push.actor)?;
        let now = self.now();
        let violations = push.dossier.check();
        if !violations.is_empty() {
            return Err(DossierError::Fields(violations));
        }
        rules::check_dates(&push.dossier, now)?;
        let agency = self.agency(&push.actor, push.agency.as_deref(), now)?;
        let owner = self.owner(&push.dossier.code, agency, now);
        let handling = match &push.handling {
            Some(code) => Some(self.named(code, now)?),
            None => None,
        };
        let to = self.named_recipients(&push.to, now)?;
        let key = self.key(push.idempotency_key, &push.actor, sha256, &push.to)?;
        Ok(Work {
            senders: self.senders(&push.actor, agency, owner.as_ref().ok().copied()),
            sender_system: system_of(&push.actor),
            actor: push.actor,
            door: push.door,
            now,
            target: DossierRef::Code(push.dossier.code.clone()),
            what: What::State {
                dossier: Box::new(push.dossier),
                mode: push.mode,
            },
            owner,
            handling,
            to,
            body,
            sha256,
            key,
            document: DocumentId::generate(now, self.exchange().entropy()),
            new_id: DossierId::generate(now, self.exchange().entropy()),
        })
    }

    fn prepare_steps(
        &self,
        push: ProgressPush,
        body: Vec<u8>,
        sha256: Sha256,
    ) -> Result<Work, DossierError> {
        self.check_submitter(&push.actor)?;
        let now = self.now();
        let agency = self.agency(&push.actor, push.agency.as_deref(), now)?;
        let owner = self.owner(&push.code, agency, now);
        let key = self.key(push.idempotency_key, &push.actor, sha256, &[])?;
        let mut steps = push.steps;
        steps.sort_by_key(|step| step.handled_at.unwrap_or(now));
        Ok(Work {
            senders: self.senders(&push.actor, agency, owner.as_ref().ok().copied()),
            sender_system: system_of(&push.actor),
            actor: push.actor,
            door: push.door,
            now,
            target: DossierRef::Code(push.code),
            what: What::Steps(steps),
            owner,
            handling: None,
            to: Vec::new(),
            body,
            sha256,
            key,
            document: DocumentId::generate(now, self.exchange().entropy()),
            new_id: DossierId::generate(now, self.exchange().entropy()),
        })
    }

    /// Runs the transaction, again where it lost a race.
    async fn run(&self, work: Work) -> Result<DossierAccepted, DossierError> {
        let exchange = self.exchange();
        let work = Arc::new(work);
        let mut races = 0;
        loop {
            let (dossiers, shared) = (self.clone(), Arc::clone(&work));
            let outcome = exchange
                .inner
                .db
                .write("dossier_push", move |tx| apply::run(tx, &dossiers, &shared))
                .await;
            match outcome {
                Err(
                    DossierError::Store(StoreError::Constraint { .. })
                    | DossierError::Submit(SubmitError::Store(StoreError::Constraint { .. })),
                ) if races < RACES_MAX => races += 1,
                Ok(accepted) => {
                    self.count(&work.what, &accepted);
                    exchange.ring();
                    return Ok(accepted);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn count(&self, what: &What, accepted: &DossierAccepted) {
        let (mine, exchange) = (&self.inner.counters, self.exchange().counters());
        if accepted.is_repeat() {
            count(&mine.repeated, 1);
            count(&exchange.repeated, 1);
            return;
        }
        let counter = match what {
            What::State { .. } if accepted.version == 1 => &mine.created,
            What::State { .. } => &mine.updated,
            What::Steps(_) => &mine.progressed,
            What::Replay => &mine.replayed,
        };
        count(counter, 1);
        count(&exchange.submitted, 1);
        count(
            &exchange.deliveries,
            accepted.accepted.deliveries.len() as u64,
        );
    }

    /// A refusal leaves a trace without content.
    async fn note(
        &self,
        actor: &Actor,
        sha256: Sha256,
        result: &Result<DossierAccepted, DossierError>,
    ) {
        let Err(error) = result else {
            return;
        };
        count(&self.inner.counters.refused, 1);
        let is_noted = match error {
            DossierError::Submit(error) => error.is_noted(),
            DossierError::Forbidden
            | DossierError::TooLarge
            | DossierError::BatchTooLarge
            | DossierError::Keys
            | DossierError::Store(_) => false,
            _ => true,
        };
        if is_noted {
            let code = error.to_problem().code();
            self.exchange().note_refusal(actor, sha256, code).await;
        }
    }

    /// The organisation that the request names as sender.
    fn agency(
        &self,
        actor: &Actor,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<OrgId>, DossierError> {
        match code {
            Some(code) => Ok(Some(self.exchange().sender_org(actor, code, now)?)),
            None => Ok(None),
        }
    }

    /// Who owns a new dossier: the agency of its code, or the one that is named.
    fn owner(
        &self,
        code: &DossierCode,
        agency: Option<OrgId>,
        now: Timestamp,
    ) -> Result<OrgId, DossierError> {
        match self.exchange().inner.directory.resolve(code.agency(), now) {
            Resolved::Found { org, .. } => Ok(org),
            Resolved::Closed { candidates } => Err(SubmitError::RecipientClosed {
                recipients: vec![(code.agency().to_owned(), candidates)],
            }
            .into()),
            Resolved::Unknown => agency.ok_or_else(|| DossierError::AgencyUnknown {
                code: code.agency().to_owned(),
            }),
        }
    }

    /// In whose name an actor may speak about a dossier, the best first; none: an operator speaks for the owner.
    fn senders(&self, actor: &Actor, agency: Option<OrgId>, owner: Option<OrgId>) -> Vec<OrgId> {
        if let Some(agency) = agency {
            return vec![agency];
        }
        let Actor::System { system, org } = actor else {
            return Vec::new();
        };
        let mut senders: Vec<OrgId> = owner
            .filter(|owner| self.may_send_as(*system, *owner))
            .into_iter()
            .collect();
        senders.push(*org);
        senders.extend(self.exchange().inner.directory.acts_for(*system));
        senders
    }

    /// The organisation of a code that somebody named.
    fn named(&self, code: &str, now: Timestamp) -> Result<OrgId, DossierError> {
        match self.exchange().inner.directory.resolve(code, now) {
            Resolved::Found { org, .. } => Ok(org),
            Resolved::Closed { candidates } => Err(SubmitError::RecipientClosed {
                recipients: vec![(code.to_owned(), candidates)],
            }
            .into()),
            Resolved::Unknown => Err(SubmitError::RecipientUnknown {
                codes: vec![code.to_owned()],
            }
            .into()),
        }
    }

    fn named_recipients(
        &self,
        codes: &[String],
        now: Timestamp,
    ) -> Result<Vec<Recipient>, DossierError> {
        if codes.len() > limits::DOSSIER_PARTIES_MAX {
            return Err(too_many_parties());
        }
        let mut found = Vec::with_capacity(codes.len());
        let mut unreachable = Vec::new();
        for code in codes {
            let org = self.named(code, now)?;
            if self.takes_edxml_only(org) {
                unreachable.push(code.clone());
            }
            found.push(self.recipient(org, Some(code), now));
        }
        if unreachable.is_empty() {
            Ok(found)
        } else {
            Err(SubmitError::RecipientFormat { codes: unreachable }.into())
        }
    }

    /// True if the organisation's system fetches from the document axis, which has no list for dossiers.
    pub(crate) fn takes_edxml_only(&self, org: OrgId) -> bool {
        let directory = &self.exchange().inner.directory;
        directory
            .receiver(org)
            .is_some_and(|receiver| receiver.channel == Channel::Axis)
    }

    /// A recipient under its own code, or under the one that was named.
    pub(crate) fn recipient(&self, org: OrgId, named: Option<&str>, now: Timestamp) -> Recipient {
        let code = self.shown(org).code;
        let addressed = named.unwrap_or(&code).to_owned();
        let is_routed = addressed != code
            && matches!(
                self.exchange().inner.directory.resolve(&addressed, now),
                Resolved::Found {
                    routed_from: Some(_),
                    ..
                }
            );
        self.exchange()
            .recipient(org, code, &addressed, is_routed, now)
    }

    /// The key of a push with the digest that a repetition is compared by.
    fn key(
        &self,
        key: Option<String>,
        actor: &Actor,
        sha256: Sha256,
        to: &[String],
    ) -> Result<Option<(String, Sha256)>, DossierError> {
        let Some(key) = key else {
            return Ok(None);
        };
        let problem = kinds::INPUT_INVALID.problem();
        if key.is_empty() || key.chars().any(char::is_control) {
            let problem = problem.breaks("Idempotency-Key", sentences::KEY_VALUE.plain());
            return Err(DossierError::Invalid(problem));
        }
        if key.chars().count() > limits::IDEMPOTENCY_KEY_CHARS_MAX {
            let max = [(
                "max",
                &limits::IDEMPOTENCY_KEY_CHARS_MAX as &dyn std::fmt::Display,
            )];
            let problem = problem.breaks("Idempotency-Key", sentences::TOO_LONG.with(&max));
            return Err(DossierError::Invalid(problem));
        }
        let mut codes: Vec<&str> = to.iter().map(String::as_str).collect();
        codes.sort_unstable();
        let mut hasher = Sha256Hasher::new();
        hasher.update(&sha256.0);
        for part in [actor.label().as_str()].into_iter().chain(codes) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Ok(Some((key, hasher.finish())))
    }
}

/// The canonical body of a dossier: our own JSON, keys in the model's order.
pub(crate) fn written(dossier: &Dossier) -> Result<Vec<u8>, DossierError> {
    let body = serde_json::to_vec(dossier)
        .map_err(|_| StoreError::corrupt("a dossier could not be written as JSON"))?;
    if body.len() > limits::DOSSIER_BYTES_MAX {
        return Err(DossierError::TooLarge);
    }
    Ok(body)
}

pub(crate) fn too_many_parties() -> DossierError {
    DossierError::Invalid(kinds::DOSSIER_INVALID.problem().breaks(
        "to",
        sentences::DOSSIER_PARTIES.with(&[("max", &limits::DOSSIER_PARTIES_MAX)]),
    ))
}

const fn system_of(actor: &Actor) -> Option<SystemId> {
    match actor {
        Actor::System { system, .. } => Some(*system),
        Actor::Operator { .. } | Actor::Platform { .. } => None,
    }
}

fn check_steps(push: &ProgressPush) -> Result<(), DossierError> {
    let count = push.steps.len();
    if count == 0 || count > limits::DOSSIER_STEPS_PER_PUSH_MAX {
        let range =
            sentences::RANGE.with(&[("min", &1), ("max", &limits::DOSSIER_STEPS_PER_PUSH_MAX)]);
        return Err(DossierError::Invalid(
            kinds::DOSSIER_INVALID.problem().breaks("steps", range),
        ));
    }
    let mut violations = Vec::new();
    for (index, step) in push.steps.iter().enumerate() {
        violations.extend(step.check().into_iter().map(|mut violation| {
            violation.path = format!("steps[{index}].{}", violation.path);
            violation
        }));
        if step.code != push.code {
            violations.push(lgsp_wire::dossier::Violation {
                path: format!("steps[{index}].MaHoSo"),
                sentence: sentences::DOSSIER_STEP.plain(),
            });
        }
    }
    violations.truncate(limits::DOSSIER_VIOLATIONS_MAX);
    if violations.is_empty() {
        Ok(())
    } else {
        Err(DossierError::Fields(violations))
    }
}
