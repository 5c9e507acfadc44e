//! The transaction of a push. It may run more than once and then does the same again.
//!
//! In it stand together: the dossier's row, parties, steps, persons and message; the document that carries the push, its deliveries,
//! its idempotency key and its ledger entry. The dossier is held first, then the pairs of its deliveries in their order.

use std::collections::BTreeMap;

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, DossierId, OrgId};
use lgsp_base::planted::Bug;
use lgsp_store::dossier as rows;
use lgsp_store::dossier::{DossierMessage, MessageKind};
use lgsp_store::exchange::DocumentKind;
use lgsp_store::seal::Place;
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::{Dossier, DossierCode};
use lgsp_wire::record::Value;

use super::decide::{self, Next};
use super::error::DossierError;
use super::history;
use super::mask;
use super::model::{DOSSIER_TYPE, DossierAccepted, DossierRef, PROGRESS_TYPE, PushMode};
use super::push::{What, Work};
use super::rules;
use super::sealing::{self, Summary};
use super::service::Dossiers;
use crate::accept::{self, Claim};
use crate::error::SubmitError;
use crate::packet::Facts;
use crate::submit::{Checked, Parts, Recipient};

/// Messages looked back for the last one of a sender.
const LOOK_BACK: i64 = 64;
/// 0 in `business_type`: a new dossier.
const NEW: u8 = 0;
/// 2 in `business_type`: one that was known.
const UPDATE: u8 = 2;

/// Stores a push, or finds the earlier one that it repeats.
pub(crate) fn run(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    work: &Work,
) -> Result<DossierAccepted, DossierError> {
    let exchange = dossiers.exchange();
    let owner = work.actor.label();
    let claim = Claim {
        key: work.key.as_ref(),
        owner: &owner,
        document: work.document,
        now: work.now,
    };
    if let Some(earlier) = accept::claim_key(tx, exchange, &claim)? {
        return answer(tx, earlier);
    }
    let found = hold(tx, &work.target)?;
    if let Some(found) = &found {
        if found.erased_at.is_some() {
            return Err(DossierError::Erased);
        }
        if let Some(repeated) = repeated(tx, dossiers, work, found)? {
            return Ok(repeated);
        }
    }
    let next = match (&work.what, found) {
        (What::State { dossier, mode }, Some(found)) => {
            decide::update(tx, dossiers, work, found, dossier, *mode)?
        }
        (What::State { mode, .. }, None) if *mode == PushMode::Update => {
            return Err(DossierError::Unknown);
        }
        (What::State { dossier, .. }, None) => decide::create(tx, dossiers, work, dossier)?,
        (What::Steps(_), Some(found)) => decide::progress(tx, dossiers, work, found)?,
        (What::Replay, Some(found)) => decide::replay(tx, dossiers, work, found)?,
        (What::Steps(_) | What::Replay, None) => return Err(DossierError::Unknown),
    };
    store(tx, dossiers, work, next)
}

/// The dossier, held until the end of the transaction.
fn hold(tx: &mut Tx<'_>, target: &DossierRef) -> Result<Option<rows::Dossier>, StoreError> {
    match target {
        DossierRef::Code(code) => tx.dossier_hold(code.as_str()),
        DossierRef::Id(id) => match tx.dossier_lookup(*id)? {
            Some(found) => tx.dossier_hold(&found.code_key),
            None => Ok(None),
        },
    }
}

/// What was answered to the push that made a document.
fn answer(
    tx: &mut Tx<'_>,
    accepted: crate::model::Accepted,
) -> Result<DossierAccepted, DossierError> {
    let missing = || SubmitError::KeyConflict;
    let (dossier, version) = tx
        .dossier_by_document(accepted.document)?
        .ok_or_else(missing)?;
    let row = tx.dossier_lookup(dossier)?.ok_or(StoreError::Missing)?;
    let message = tx
        .dossier_messages(dossier, version - 1, 1)?
        .into_iter()
        .next()
        .ok_or(StoreError::Missing)?;
    Ok(DossierAccepted {
        dossier,
        code: code_of(&row)?,
        version,
        status: message.status,
        accepted,
    })
}

pub(crate) fn code_of(row: &rows::Dossier) -> Result<DossierCode, StoreError> {
    row.code
        .parse()
        .map_err(|_| StoreError::corrupt(format_args!("{} has no code of a dossier", row.id)))
}

/// Finds the earlier push that one without a key of its own repeats: the same content as the last of this sender. A push that may only
/// make a dossier is recognised by its content in any case.
fn repeated(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    work: &Work,
    found: &rows::Dossier,
) -> Result<Option<DossierAccepted>, DossierError> {
    let makes = matches!(
        work.what,
        What::State {
            mode: PushMode::Create,
            ..
        }
    );
    if (work.key.is_some() && !makes) || matches!(work.what, What::Replay) {
        return Ok(None);
    }
    let parties = tx.dossier_parties(found.id)?;
    let Some(sender) = decide::sender_among(dossiers, work, found, &parties) else {
        return Ok(None);
    };
    let last = tx
        .dossier_messages(
            found.id,
            found.version - LOOK_BACK,
            usize::try_from(LOOK_BACK).unwrap_or(1),
        )?
        .into_iter()
        .rev()
        .find(|message| message.sender == sender);
    let Some(last) = last.filter(|last| last.kind.name() == work.what.word()) else {
        return Ok(None);
    };
    let document = tx
        .document_lookup(last.document)?
        .ok_or(StoreError::Missing)?;
    if document.content_sha256 != work.sha256 {
        return Ok(None);
    }
    if let Some((key, _)) = &work.key {
        tx.idempotency_answer(&work.actor.label(), key, &document.id.to_string())?;
    }
    let accepted = accept::repeated(tx, document.id)?;
    answer(tx, accepted).map(Some)
}

/// Whom a push reaches: every party but its sender, under the code that the request or the party has.
fn recipients(dossiers: &Dossiers, work: &Work, next: &Next) -> Vec<Recipient> {
    if let Some(only) = &next.only {
        return vec![only.clone()];
    }
    let mut found: BTreeMap<OrgId, Recipient> = BTreeMap::new();
    for named in &work.to {
        found.entry(named.org).or_insert_with(|| named.clone());
    }
    for party in next.parties.keys() {
        let org = dossiers.current(*party, work.now);
        if !found.contains_key(&org) && !dossiers.takes_edxml_only(org) {
            found.insert(org, dossiers.recipient(org, None, work.now));
        }
    }
    if !dossiers.exchange().has_bug(Bug::InventDelivery) {
        found.remove(&next.sender);
    }
    found.into_values().collect()
}

/// Writes everything that a push makes.
fn store(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    work: &Work,
    next: Next,
) -> Result<DossierAccepted, DossierError> {
    let exchange = dossiers.exchange();
    let recipients = recipients(dossiers, work, &next);
    let first = first_document(tx, &next)?;
    let body = if exchange.has_bug(Bug::DossierInClear) {
        next.body.clone()
    } else {
        let place = Place::Document(work.document);
        next.data_key.seal(place, &next.body, exchange.entropy())?
    };
    let prepared = exchange.assemble(
        Parts {
            document: work.document,
            actor: work.actor.clone(),
            door: work.door,
            now: work.now,
            content_type: content_type(&work.what).to_owned(),
            content_bytes: next.body.len() as u64,
            content_sha256: next.sha256,
            blob: None,
            body: Some(body),
            tolerated: Vec::new(),
            about: about(&next),
        },
        Checked {
            facts: facts(&work.what, &next),
            sender_org: next.sender,
            sender_code: dossiers.shown(next.sender).code,
            sender_system: work.sender_system,
            recipients,
            key: work.key.clone(),
        },
    );
    write_dossier(tx, dossiers, work, &next)?;
    let accepted = if exchange.has_bug(Bug::DossierWithoutDocument) && next.before.is_some() {
        crate::model::Accepted {
            document: work.document,
            receipt: prepared.receipt,
            accepted_at: work.now,
            is_repeat: false,
            kind: DocumentKind::Dossier,
            deliveries: Vec::new(),
            content_bytes: prepared.content_bytes,
            content_sha256: prepared.content_sha256,
        }
    } else {
        accept::store(tx, exchange, &prepared, first)?
    };
    for recipient in &prepared.recipients {
        if exchange.is_portal(recipient.org) {
            tx.portal_item_sent(recipient.org, next.row.id, next.row.version, work.now)?;
        }
    }
    Ok(DossierAccepted {
        dossier: next.row.id,
        code: code_of(&next.row)?,
        version: next.row.version,
        status: next.row.status,
        accepted,
    })
}

/// The document with which the dossier began: the later ones are about it.
fn first_document(tx: &mut Tx<'_>, next: &Next) -> Result<Option<DocumentId>, StoreError> {
    let Some(before) = &next.before else {
        return Ok(None);
    };
    let first = tx.dossier_messages(before.id, 0, 1)?;
    Ok(first.first().map(|message| message.document))
}

fn write_dossier(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    work: &Work,
    next: &Next,
) -> Result<(), DossierError> {
    let entropy = dossiers.exchange().entropy();
    let row = &next.row;
    let summary = Summary {
        applicant: mask::name(&next.state.applicant.name),
        procedure: next.state.procedure.name.clone(),
        unit: next.state.handling_unit.clone(),
    };
    if next.is_changed {
        let key = &next.data_key;
        let summary = sealing::seal_json(key, Place::Summary(row.id), &summary, entropy)?;
        let state = sealing::seal_json(key, Place::Content(row.id), &next.state, entropy)?;
        match &next.wrapped {
            Some(wrapped) => {
                if !tx.dossier_insert(row, wrapped, &summary, &state)? {
                    // Another push made it since it was looked for: run again and find it.
                    return Err(StoreError::Constraint {
                        detail: "dossiers_code".to_owned(),
                    }
                    .into());
                }
            }
            None => tx.dossier_content_update(row.id, &summary, &state)?,
        }
    }
    if next.before.is_some() && !tx.dossier_update(row)? {
        return Err(StoreError::corrupt(format_args!("{} moved while it was held", row.id)).into());
    }
    let known = tx.dossier_parties(row.id)?;
    for (org, role) in &next.parties {
        let is_known = known
            .iter()
            .any(|party| party.org == *org && party.role == *role);
        if !is_known {
            tx.dossier_party_put(row, *org, *role, work.now)?;
        }
    }
    put_persons(tx, dossiers, row.id, &next.state, work.now)?;
    history::record(tx, dossiers, work, next)?;
    tx.dossier_message_insert(
        row.id,
        &DossierMessage {
            version: row.version,
            document: work.document,
            kind: message_kind(&work.what),
            sender: next.sender,
            status: row.status,
            at: work.now,
        },
    )?;
    Ok(())
}

fn put_persons(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    id: DossierId,
    state: &Dossier,
    now: Timestamp,
) -> Result<(), DossierError> {
    let ring = dossiers.keys()?;
    for number in rules::identity_numbers(&state.applicant) {
        tx.dossier_person_put(ring.person_hash(&number), id, now)?;
    }
    Ok(())
}

const fn message_kind(what: &What) -> MessageKind {
    match what {
        What::State { .. } | What::Replay => MessageKind::Dossier,
        What::Steps(_) => MessageKind::Progress,
    }
}

const fn content_type(what: &What) -> &'static str {
    match what {
        What::State { .. } | What::Replay => DOSSIER_TYPE,
        What::Steps(_) => PROGRESS_TYPE,
    }
}

/// What the ledger says about a push besides what it says about every document; nothing of a person.
fn about(next: &Next) -> Vec<(&'static str, Value)> {
    vec![
        ("dossier", Value::from(next.row.id.to_string())),
        ("dossier_version", Value::from(next.row.version)),
        (
            "dossier_status",
            Value::from(next.row.status.code().to_owned()),
        ),
    ]
}

fn facts(what: &What, next: &Next) -> Facts {
    Facts {
        kind: DocumentKind::Dossier,
        business_type: Some(if next.before.is_none() { NEW } else { UPDATE }),
        from: None,
        to: Vec::new(),
        external_id: None,
        notation: Some(next.row.code.clone()),
        subject: None,
        issued_on: None,
        type_name: Some(what.word().to_owned()),
        priority: None,
        attachments: None,
        originals: Vec::new(),
        status: None,
        dossier: None,
    }
}
