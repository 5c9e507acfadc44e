//! Accepting a document: everything is checked and prepared first, then one transaction stores document, deliveries, key
//! and ledger entry, and only after its sync the sender gets the receipt.
//!
//! A repetition is recognised by its idempotency key or, for documents with an id of the sender's, by identical content; it
//! gets the original answer. Two that race meet at the unique indexes: the loser runs again and finds the winner.

use std::collections::BTreeSet;
use std::sync::Arc;

use lgsp_base::hash::Sha256Hasher;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId, ReceiptId, SystemId};
use lgsp_base::planted::Bug;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Permission, Sha256, Timestamp, limits, vi};
use lgsp_store::StoreError;
use lgsp_store::exchange::DocumentKind;
use lgsp_store::ledger::NewEntry;
use lgsp_wire::record::{Record, Value};

use crate::accept::accept;
use crate::counters::count;
use crate::directory::{Channel, Resolved};
use crate::error::SubmitError;
use crate::evidence::{self, Entry};
use crate::intake::{Body, Content, IntakeKind};
use crate::model::{Accepted, Door, Submit};
use crate::packet::{self, Facts, StatusFacts};
use crate::service::{Exchange, may};

/// Times a submit that lost a race at a unique index runs again.
pub(crate) const RACES_MAX: usize = 3;

/// One recipient, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(crate) org: OrgId,
    pub(crate) code: String,
    pub(crate) addressed: String,
    pub(crate) is_routed: bool,
    pub(crate) is_pushed: bool,
    pub(crate) delivery: DeliveryId,
}

/// A submit with everything that its transaction needs; made once, used by every run of the closure.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) actor: Actor,
    pub(crate) document: DocumentId,
    pub(crate) receipt: ReceiptId,
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) door: Door,
    pub(crate) facts: Facts,
    pub(crate) sender_org: OrgId,
    pub(crate) sender_code: String,
    pub(crate) sender_system: Option<SystemId>,
    pub(crate) subject_folded: Option<String>,
    pub(crate) recipients: Vec<Recipient>,
    /// Predecessors whose document this one may be about.
    pub(crate) inherited_owners: Vec<OrgId>,
    /// Positions in `recipients` by organisation: pairs are always locked in this order.
    pub(crate) lock_order: Vec<usize>,
    pub(crate) content_type: String,
    pub(crate) content_bytes: u64,
    pub(crate) content_sha256: Sha256,
    pub(crate) blob: Option<String>,
    pub(crate) body: Option<Vec<u8>>,
    /// Key and digest of the request.
    pub(crate) key: Option<(String, Sha256)>,
    pub(crate) owner: String,
    pub(crate) entry: NewEntry,
}

/// What is known of a submit before its content is stored.
pub(crate) struct Checked {
    pub(crate) facts: Facts,
    pub(crate) sender_org: OrgId,
    pub(crate) sender_code: String,
    pub(crate) sender_system: Option<SystemId>,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) key: Option<(String, Sha256)>,
}

/// The rest of what a submit is put together from.
pub(crate) struct Parts {
    pub(crate) document: DocumentId,
    pub(crate) actor: Actor,
    pub(crate) door: Door,
    pub(crate) now: Timestamp,
    pub(crate) content_type: String,
    pub(crate) content_bytes: u64,
    pub(crate) content_sha256: Sha256,
    pub(crate) blob: Option<String>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) tolerated: Vec<Value>,
    /// What else the ledger entry says.
    pub(crate) about: Vec<(&'static str, Value)>,
}

impl Exchange {
    /// Accepts a document, a status message or a plain content for its recipients. Repeating it is always safe.
    ///
    /// # Errors
    /// See [`SubmitError`]; a refusal stores nothing but a ledger entry about it.
    pub async fn submit(&self, submit: Submit) -> Result<Accepted, SubmitError> {
        let actor = submit.actor.clone();
        let content_sha256 = submit.content.sha256();
        let result = self.try_submit(submit).await;
        match &result {
            Ok(accepted) if accepted.is_repeat => count(&self.inner.counters.repeated, 1),
            Ok(accepted) => {
                count(&self.inner.counters.submitted, 1);
                count(
                    &self.inner.counters.deliveries,
                    accepted.deliveries.len() as u64,
                );
            }
            Err(error) => {
                count(&self.inner.counters.refused, 1);
                if error.is_noted() {
                    let code = error.to_problem().code();
                    self.note_refusal(&actor, content_sha256, code).await;
                }
            }
        }
        result
    }

    async fn try_submit(&self, submit: Submit) -> Result<Accepted, SubmitError> {
        if !may(&submit.actor, Permission::DocumentSubmit) {
            return Err(SubmitError::Forbidden);
        }
        if !self.inner.db.has_room() {
            return Err(SubmitError::Full);
        }
        let is_own = matches!(submit.actor, Actor::Platform { .. });
        if self.inner.config.gate.is_closed() && !is_own {
            return Err(SubmitError::Closed);
        }
        let now = self.now();
        let checked = self.check(&submit, now)?;
        let Submit {
            actor,
            door,
            content,
            ..
        } = submit;
        let prepared = Arc::new(self.prepare(actor, door, content, checked, now).await?);
        let accepted = self.store(&prepared).await?;
        if prepared
            .recipients
            .iter()
            .any(|recipient| recipient.is_pushed)
        {
            self.ring();
        }
        Ok(accepted)
    }

    /// Runs the transaction, again where it lost a race.
    async fn store(&self, prepared: &Arc<Prepared>) -> Result<Accepted, SubmitError> {
        let mut races = 0;
        loop {
            let (exchange, shared) = (self.clone(), Arc::clone(prepared));
            let outcome = self
                .inner
                .db
                .write("document_submit", move |tx| accept(tx, &exchange, &shared))
                .await;
            match outcome {
                Err(SubmitError::Store(StoreError::Constraint { .. })) if races < RACES_MAX => {
                    races += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn check(&self, submit: &Submit, now: Timestamp) -> Result<Checked, SubmitError> {
        check_texts(submit)?;
        if let Some(secrecy) = &submit.secrecy
            && !is_open_word(secrecy)
        {
            return Err(SubmitError::Secret {
                field: "secrecy".to_owned(),
            });
        }
        let facts = facts_of(submit)?;
        let (sender_org, sender_code) = self.check_sender(submit, &facts, now)?;
        let named = if submit.recipients.is_empty() {
            &facts.to
        } else {
            &submit.recipients
        };
        let recipients = self.check_recipients(named, sender_org, now)?;
        self.check_format(facts.kind, &recipients)?;
        if facts.external_id.is_none() && submit.idempotency_key.is_none() {
            return Err(SubmitError::KeyRequired);
        }
        let key = submit.idempotency_key.clone().map(|key| {
            let request = submit
                .request_sha256
                .unwrap_or_else(|| request_digest(&submit.content, &facts, &sender_code, named));
            (key, request)
        });
        let sender_system = match submit.actor {
            Actor::System { system, .. } => Some(system),
            Actor::Operator { .. } | Actor::Platform { .. } => None,
        };
        Ok(Checked {
            facts,
            sender_org,
            sender_code,
            sender_system,
            recipients,
            key,
        })
    }

    /// The organisation in whose name the document goes: `From`, the request's sender, or the actor's own.
    fn check_sender(
        &self,
        submit: &Submit,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<(OrgId, String), SubmitError> {
        let own = || {
            let org = submit.actor.org()?;
            Some(self.inner.directory.party(org)?.code)
        };
        let code = facts
            .from
            .clone()
            .or_else(|| submit.sender.clone())
            .or_else(own)
            .ok_or_else(|| SubmitError::Sender {
                code: String::new(),
            })?;
        let org = self.sender_org(&submit.actor, &code, now)?;
        if let Some(named) = &submit.sender
            && *named != code
            && self.sender_org(&submit.actor, named, now)? != org
        {
            return Err(SubmitError::Sender {
                code: named.clone(),
            });
        }
        Ok((org, code))
    }

    pub(crate) fn sender_org(
        &self,
        actor: &Actor,
        code: &str,
        now: Timestamp,
    ) -> Result<OrgId, SubmitError> {
        let refused = || SubmitError::Sender {
            code: code.to_owned(),
        };
        let Resolved::Found { org, .. } = self.inner.directory.resolve(code, now) else {
            return Err(refused());
        };
        let is_allowed = match actor {
            Actor::System { system, .. } => self.inner.directory.may_send_as(*system, org),
            Actor::Operator { .. } | Actor::Platform { .. } => true,
        };
        is_allowed.then_some(org).ok_or_else(refused)
    }

    fn check_recipients(
        &self,
        named: &[String],
        sender: OrgId,
        now: Timestamp,
    ) -> Result<Vec<Recipient>, SubmitError> {
        if named.is_empty() {
            return Err(SubmitError::Recipients(rules::NO_RECIPIENT.plain()));
        }
        if named.len() > limits::RECIPIENTS_MAX {
            return Err(SubmitError::Recipients(rules::RECIPIENTS_MAX.with(&[
                ("count", &named.len()),
                ("max", &limits::RECIPIENTS_MAX),
            ])));
        }
        let (mut unknown, mut closed) = (Vec::new(), Vec::new());
        let mut found: Vec<Recipient> = Vec::with_capacity(named.len());
        let (mut codes, mut orgs) = (BTreeSet::new(), BTreeSet::new());
        for code in named {
            if !codes.insert(code.as_str()) {
                return Err(SubmitError::Recipients(
                    rules::RECIPIENT_TWICE.with(&[("code", code)]),
                ));
            }
            match self.inner.directory.resolve(code, now) {
                Resolved::Unknown => unknown.push(code.clone()),
                Resolved::Closed { candidates } => closed.push((code.clone(), candidates)),
                Resolved::Found { org, .. } if org == sender => {
                    return Err(SubmitError::Recipients(
                        rules::RECIPIENT_SENDER.with(&[("code", code)]),
                    ));
                }
                // Two codes of one organisation, usually because their bearers merged: it gets the document once.
                Resolved::Found { org, .. } if !orgs.insert(org) => {}
                Resolved::Found {
                    org,
                    code: preferred,
                    routed_from,
                } => found.push(self.recipient(org, preferred, code, routed_from.is_some(), now)),
            }
        }
        if !unknown.is_empty() {
            return Err(SubmitError::RecipientUnknown { codes: unknown });
        }
        if !closed.is_empty() {
            return Err(SubmitError::RecipientClosed { recipients: closed });
        }
        if self.has_bug(Bug::InventDelivery) && !orgs.contains(&sender) {
            found.push(self.recipient(sender, "?".to_owned(), "?", false, now));
        }
        Ok(found)
    }

    /// The axis has no list in which plain content could stand.
    fn check_format(
        &self,
        kind: DocumentKind,
        recipients: &[Recipient],
    ) -> Result<(), SubmitError> {
        if kind != DocumentKind::Plain {
            return Ok(());
        }
        let codes: Vec<String> = recipients
            .iter()
            .filter(|recipient| {
                self.inner
                    .directory
                    .receiver(recipient.org)
                    .is_some_and(|receiver| receiver.channel == Channel::Axis)
            })
            .map(|recipient| recipient.addressed.clone())
            .collect();
        if codes.is_empty() {
            return Ok(());
        }
        Err(SubmitError::RecipientFormat { codes })
    }

    pub(crate) fn recipient(
        &self,
        org: OrgId,
        code: String,
        addressed: &str,
        is_routed: bool,
        now: Timestamp,
    ) -> Recipient {
        Recipient {
            org,
            code,
            addressed: addressed.to_owned(),
            is_routed,
            is_pushed: self.is_pushed_to(org),
            delivery: DeliveryId::generate(now, self.entropy()),
        }
    }

    /// True if a worker pushes to this organisation.
    pub(crate) fn is_pushed_to(&self, org: OrgId) -> bool {
        self.inner
            .directory
            .receiver(org)
            .is_some_and(|receiver| receiver.channel.pushed_by().is_some())
    }

    /// Makes ids, names the blob and writes the ledger entry out: after this only SQL is left to do.
    async fn prepare(
        &self,
        actor: Actor,
        door: Door,
        content: Content,
        checked: Checked,
        now: Timestamp,
    ) -> Result<Prepared, SubmitError> {
        let content_type = content.content_type().to_owned();
        let (content_bytes, content_sha256) = (content.bytes(), content.sha256());
        let tolerated: Vec<Value> = content
            .tolerances()
            .iter()
            .map(|tolerance| Value::from(format!("{tolerance:?}")))
            .collect();
        let (blob, body) = match content.body {
            Body::Inline(bytes) => (None, Some(bytes)),
            Body::Spilled(writer) => {
                let blob = tokio::task::spawn_blocking(move || writer.finish())
                    .await
                    .map_err(|_| StoreError::Panicked)??;
                (Some(blob.name), None)
            }
        };
        Ok(self.assemble(
            Parts {
                document: DocumentId::generate(now, self.entropy()),
                actor,
                door,
                now,
                content_type,
                content_bytes,
                content_sha256,
                blob,
                body,
                tolerated,
                about: Vec::new(),
            },
            checked,
        ))
    }

    /// Puts a submit together: ids, the order of locks, the ledger entry.
    pub(crate) fn assemble(&self, parts: Parts, checked: Checked) -> Prepared {
        let Parts {
            document,
            actor,
            door,
            now,
            content_bytes,
            content_sha256,
            ..
        } = parts;
        let receipt = ReceiptId::generate(now, self.entropy());
        let mut recipients = checked.recipients;
        // Ids in the order in which the recipients are named: the stored order is the named one.
        let mut ids: Vec<DeliveryId> = recipients
            .iter()
            .map(|recipient| recipient.delivery)
            .collect();
        ids.sort_unstable();
        for (recipient, id) in recipients.iter_mut().zip(ids) {
            recipient.delivery = id;
        }
        let mut lock_order: Vec<usize> = (0..recipients.len()).collect();
        lock_order.sort_by_key(|index| recipients.get(*index).map(|recipient| recipient.org));
        let tolerated = parts.tolerated;
        let entry = Entry::new(evidence::DOCUMENT_ACCEPTED, now, &actor, self.salt())
            .receipt(receipt)
            .with("document", document.to_string())
            .with("document_kind", evidence::kind_word(checked.facts.kind))
            .with("sender", checked.sender_org.to_string())
            .with("sha256", content_sha256.to_string())
            .with("bytes", i64::try_from(content_bytes).unwrap_or(i64::MAX))
            .with("door", door.name())
            .with_opt("external_id", checked.facts.external_id.clone())
            .with_opt("business_type", checked.facts.business_type.map(i64::from))
            .with_opt("tolerated", (!tolerated.is_empty()).then_some(tolerated))
            .with("deliveries", delivery_records(&recipients));
        let entry = parts
            .about
            .into_iter()
            .fold(entry, |entry, (key, value)| entry.with(key, value));
        let inherited_owners =
            self.inherited_owners(&checked.facts, checked.sender_org, &recipients);
        Prepared {
            inherited_owners,
            document,
            receipt,
            now,
            expires_at: now.plus(self.inner.config.expiry),
            door,
            subject_folded: checked.facts.subject.as_deref().map(vi::fold),
            facts: checked.facts,
            sender_org: checked.sender_org,
            sender_code: checked.sender_code,
            sender_system: checked.sender_system,
            recipients,
            lock_order,
            content_type: parts.content_type,
            content_bytes,
            content_sha256,
            blob: parts.blob,
            body: parts.body,
            key: checked.key,
            owner: actor.label(),
            entry: entry.written(now),
            actor,
        }
    }

    /// A refusal leaves a trace without content, so that both sides can talk about it. `code` is that of the problem.
    pub(crate) async fn note_refusal(
        &self,
        actor: &Actor,
        content_sha256: Sha256,
        code: &'static str,
    ) {
        if !self.inner.db.has_room() {
            return;
        }
        let now = self.now();
        let entry = Entry::new(evidence::SUBMIT_REFUSED, now, actor, self.salt())
            .with("code", code)
            .with("sha256", content_sha256.to_string())
            .with_opt("org", actor.org().map(|org| org.to_string()));
        let noted = self
            .inner
            .db
            .write::<(), StoreError, _>("submit_refused", move |tx| entry.append(tx, now))
            .await;
        if let Err(error) = noted {
            tracing::warn!(%error, "a refusal was not recorded");
        }
    }
}

fn delivery_records(recipients: &[Recipient]) -> Value {
    Value::from(
        recipients
            .iter()
            .map(|recipient| {
                Value::from(
                    Record::new()
                        .with("delivery", recipient.delivery.to_string())
                        .with("recipient", recipient.org.to_string()),
                )
            })
            .collect::<Vec<_>>(),
    )
}

fn facts_of(submit: &Submit) -> Result<Facts, SubmitError> {
    match submit.content.packet() {
        Some(packet) => packet::facts(packet),
        None => Ok(Facts {
            kind: DocumentKind::Plain,
            business_type: Some(0),
            from: None,
            to: Vec::new(),
            external_id: submit.external_id.clone(),
            notation: None,
            subject: submit.subject.clone(),
            issued_on: None,
            type_name: None,
            priority: None,
            attachments: None,
            originals: Vec::new(),
            status: None::<StatusFacts>,
            dossier: None,
        }),
    }
}

/// Words of the secrecy field that mean "not secret"; every other value refuses the document (R-DOC-09).
fn is_open_word(text: &str) -> bool {
    matches!(
        vi::fold(text.trim()).as_str(),
        "" | "0"
            | "none"
            | "khong"
            | "khong mat"
            | "thuong"
            | "binh thuong"
            | "normal"
            | "public"
            | "false"
    )
}

fn check_texts(submit: &Submit) -> Result<(), SubmitError> {
    let too_long = |pointer: &str, max: usize| {
        SubmitError::Invalid(
            kinds::INPUT_INVALID
                .problem()
                .breaks(pointer, rules::TOO_LONG.with(&[("max", &max)])),
        )
    };
    let is_longer = |text: &Option<String>, max: usize| {
        text.as_ref()
            .is_some_and(|text| text.len() > max && text.chars().count() > max)
    };
    if let Some(key) = &submit.idempotency_key
        && (key.is_empty() || key.chars().any(char::is_control))
    {
        return Err(SubmitError::Invalid(
            kinds::INPUT_INVALID
                .problem()
                .breaks("Idempotency-Key", rules::KEY_VALUE.plain()),
        ));
    }
    for (text, pointer, max) in [
        (
            &submit.idempotency_key,
            "Idempotency-Key",
            limits::IDEMPOTENCY_KEY_CHARS_MAX,
        ),
        (
            &submit.external_id,
            "document_id",
            limits::EXTERNAL_ID_CHARS_MAX,
        ),
        (&submit.subject, "subject", limits::TEXT_CHARS_MAX),
    ] {
        if is_longer(text, max) {
            return Err(too_long(pointer, max));
        }
    }
    if let IntakeKind::Plain { content_type } = &submit.content.kind
        && (content_type.len() > 255 || content_type.chars().any(char::is_control))
    {
        return Err(too_long("Content-Type", 255));
    }
    if submit.content.bytes() == 0 {
        return Err(SubmitError::Invalid(
            kinds::INPUT_INVALID
                .problem()
                .breaks("body", rules::EMPTY_BODY.plain()),
        ));
    }
    // PostgreSQL cannot store it, and no text needs it.
    let has_nul = [&submit.external_id, &submit.subject]
        .into_iter()
        .flatten()
        .any(|text| text.contains('\0'));
    if has_nul {
        return Err(SubmitError::Invalid(
            kinds::INPUT_INVALID
                .problem()
                .breaks("subject", rules::NUL.plain()),
        ));
    }
    Ok(())
}

/// What a repeated key is compared by: content, sender, recipients in any order, the sender's id and the subject.
fn request_digest(content: &Content, facts: &Facts, sender: &str, named: &[String]) -> Sha256 {
    let mut codes: Vec<&str> = named.iter().map(String::as_str).collect();
    codes.sort_unstable();
    let mut hasher = Sha256Hasher::new();
    hasher.update(&content.sha256().0);
    for part in [
        facts.kind.name(),
        sender,
        facts.external_id.as_deref().unwrap_or_default(),
        facts.subject.as_deref().unwrap_or_default(),
    ]
    .into_iter()
    .chain(codes)
    {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finish()
}
