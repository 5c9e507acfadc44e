//! The transaction of a submit. It may run more than once and then does the same again.

use lgsp_base::id::DocumentId;
use lgsp_base::planted::Bug;
use lgsp_base::{Sha256, Timestamp};
use lgsp_store::dossier::DossierLetter;
use lgsp_store::exchange::{Document, NewDelivery, NewDocument, PairPlace};
use lgsp_store::{StoreError, Tx};

use crate::error::SubmitError;
use crate::model::{Accepted, AcceptedDelivery};
use crate::order;
use crate::recall;
use crate::report;
use crate::service::Exchange;
use crate::submit::Prepared;

/// Stores a prepared submit, or finds the earlier one that it repeats.
pub(crate) fn accept(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    prepared: &Prepared,
) -> Result<Accepted, SubmitError> {
    let claim = Claim {
        key: prepared.key.as_ref(),
        owner: &prepared.owner,
        document: prepared.document,
        now: prepared.now,
    };
    if let Some(earlier) = claim_key(tx, exchange, &claim)? {
        return Ok(earlier);
    }
    if let Some(earlier) = same_content(tx, prepared)? {
        return Ok(earlier);
    }
    let original = original(tx, prepared)?;
    let accepted = store(
        tx,
        exchange,
        prepared,
        original.as_ref().map(|found| found.id),
    )?;
    if let Some(original) = &original {
        if let Some(status) = &prepared.facts.status {
            report::record(tx, exchange, prepared, status, original)?;
        }
        recall::take_back_unseen(tx, exchange, prepared, original)?;
    }
    Ok(accepted)
}

/// Stores the document, its deliveries and its ledger entry, and gives the answer. Nothing else makes a document of a sender.
pub(crate) fn store(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    prepared: &Prepared,
    original: Option<DocumentId>,
) -> Result<Accepted, StoreError> {
    tx.document_insert(&new_document(prepared, original))?;
    attach_letter(tx, exchange, prepared)?;
    let deliveries = deliver(tx, exchange, prepared)?;
    tx.ledger_insert(&prepared.entry)?;
    Ok(Accepted {
        document: prepared.document,
        receipt: prepared.receipt,
        accepted_at: prepared.now,
        is_repeat: false,
        kind: prepared.facts.kind,
        deliveries,
        content_bytes: prepared.content_bytes,
        content_sha256: prepared.content_sha256,
    })
}

/// Notes at its dossier an official document that names one, if it comes from a party. It is a document like any other: nothing about the
/// dossier keeps it from being taken.
fn attach_letter(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    prepared: &Prepared,
) -> Result<(), StoreError> {
    let Some(code) = &prepared.facts.dossier else {
        return Ok(());
    };
    let Some(dossier) = tx.dossier_by_code(code.as_str())? else {
        return Ok(());
    };
    let sender = prepared.sender_org;
    let is_party = tx
        .dossier_parties(dossier.id)?
        .iter()
        .any(|party| exchange.stands_for(sender, party.org));
    if is_party && dossier.erased_at.is_none() {
        let letter = DossierLetter {
            document: prepared.document,
            sender,
            at: prepared.now,
        };
        tx.dossier_letter_insert(dossier.id, &letter)?;
    }
    Ok(())
}

/// An idempotency key and what it is to stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// Key and digest of the request.
    pub(crate) key: Option<&'a (String, Sha256)>,
    /// Whose key.
    pub(crate) owner: &'a str,
    /// The document that is its answer.
    pub(crate) document: DocumentId,
    /// When it is claimed.
    pub(crate) now: Timestamp,
}

/// Claims the idempotency key, or gives the answer that it stands for.
pub(crate) fn claim_key(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    claim: &Claim<'_>,
) -> Result<Option<Accepted>, SubmitError> {
    let Some((key, request)) = claim.key else {
        return Ok(None);
    };
    if exchange.has_bug(Bug::ForgetIdempotencyKey) {
        return Ok(None);
    }
    let answer = claim.document.to_string();
    if tx.idempotency_insert(claim.owner, key, request, &answer, claim.now)? {
        return Ok(None);
    }
    let stored = tx
        .idempotency_lookup(claim.owner, key)?
        .ok_or(StoreError::Missing)?;
    if stored.request_sha256 != *request && !exchange.has_bug(Bug::IgnoreKeyConflict) {
        return Err(SubmitError::KeyConflict);
    }
    let document = stored
        .answer
        .parse()
        .map_err(|_| StoreError::corrupt("the answer of an idempotency key is no document id"))?;
    repeated(tx, document).map(Some)
}

/// Finds the same content under the same id of the same sender; other content under the id of a new document is a conflict.
fn same_content(tx: &mut Tx<'_>, prepared: &Prepared) -> Result<Option<Accepted>, SubmitError> {
    let Some(external_id) = &prepared.facts.external_id else {
        return Ok(None);
    };
    match tx.document_lookup_same(prepared.sender_org, external_id, &prepared.content_sha256)? {
        Some((document, true)) => {
            if let Some((key, _)) = &prepared.key {
                tx.idempotency_answer(&prepared.owner, key, &document.to_string())?;
            }
            repeated(tx, document).map(Some)
        }
        Some((_, false)) if prepared.facts.business_type == Some(0) => Err(SubmitError::Conflict {
            external_id: external_id.clone(),
        }),
        _ => Ok(None),
    }
}

/// The answer that an earlier submit got, from the rows that it stored.
pub(crate) fn repeated(tx: &mut Tx<'_>, id: DocumentId) -> Result<Accepted, SubmitError> {
    let document = tx.document_lookup(id)?.ok_or(StoreError::Missing)?;
    let deliveries = tx
        .delivery_list_by_document(id)?
        .into_iter()
        .filter(|delivery| delivery.resend_of.is_none())
        .map(|delivery| AcceptedDelivery {
            id: delivery.id,
            routed_from: delivery.is_routed.then_some(delivery.addressed_code),
            recipient_code: delivery.recipient_code,
            seq: delivery.seq,
        })
        .collect();
    Ok(Accepted {
        document: id,
        receipt: document.receipt,
        accepted_at: document.accepted_at,
        is_repeat: true,
        kind: document.kind,
        deliveries,
        content_bytes: document.content_bytes,
        content_sha256: document.content_sha256,
    })
}

/// The document that this one recalls, updates, replaces or reports about, by the sender's stable id (R-DOC-06). Not
/// finding it refuses nothing: the recipients may know it from before.
fn original(tx: &mut Tx<'_>, prepared: &Prepared) -> Result<Option<Document>, StoreError> {
    let facts = &prepared.facts;
    let is_report = facts
        .status
        .as_ref()
        .is_some_and(|status| !status.code.is_from_sender());
    let mut owners: Vec<_> = if is_report {
        prepared
            .recipients
            .iter()
            .map(|recipient| recipient.org)
            .collect()
    } else {
        vec![prepared.sender_org]
    };
    owners.extend(&prepared.inherited_owners);
    for external_id in &facts.originals {
        for owner in &owners {
            if let Some(document) = tx.document_by_external_id(*owner, external_id)? {
                return Ok(Some(document));
            }
        }
        // A report through our API about a document without an id of the sender's names ours.
        if let Ok(id) = external_id.parse::<DocumentId>()
            && let Some(document) = tx.document_lookup(id)?
            && owners.contains(&document.sender_org)
        {
            return Ok(Some(document));
        }
    }
    Ok(None)
}

fn new_document(prepared: &Prepared, original: Option<DocumentId>) -> NewDocument<'_> {
    let facts = &prepared.facts;
    NewDocument {
        id: prepared.document,
        accepted_at: prepared.now,
        expires_at: prepared.expires_at,
        door: prepared.door.name(),
        kind: facts.kind,
        business_type: facts.business_type,
        sender_org: prepared.sender_org,
        sender_code: &prepared.sender_code,
        sender_system: prepared.sender_system,
        external_id: facts.external_id.as_deref(),
        notation: facts.notation.as_deref(),
        subject: facts.subject.as_deref(),
        subject_folded: prepared.subject_folded.as_deref(),
        issued_on: facts.issued_on.as_deref(),
        type_name: facts.type_name.as_deref(),
        priority: facts.priority.as_deref(),
        original,
        content_type: &prepared.content_type,
        content_bytes: prepared.content_bytes,
        content_sha256: prepared.content_sha256,
        attachments: facts.attachments.as_deref(),
        receipt: prepared.receipt,
        blob: prepared.blob.as_deref(),
        body: prepared.body.as_deref(),
    }
}

/// Stores a delivery for each recipient at its pair's next place.
fn deliver(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    prepared: &Prepared,
) -> Result<Vec<AcceptedDelivery>, StoreError> {
    let mut made = Vec::with_capacity(prepared.recipients.len());
    for index in &prepared.lock_order {
        let Some(recipient) = prepared.recipients.get(*index) else {
            continue;
        };
        let place: PairPlace = tx.pair_advance(prepared.sender_org, recipient.org, prepared.now)?;
        let new = NewDelivery {
            id: recipient.delivery,
            document: prepared.document,
            sender_org: prepared.sender_org,
            recipient_org: recipient.org,
            recipient_code: &recipient.code,
            addressed_code: &recipient.addressed,
            is_routed: recipient.is_routed,
            kind: prepared.facts.kind,
            place,
            next_attempt_at: None,
            created_at: prepared.now,
            expires_at: prepared.expires_at,
            resend_of: None,
        };
        order::enqueue(tx, exchange, new, recipient.is_pushed)?;
        made.push(AcceptedDelivery {
            id: recipient.delivery,
            recipient_code: recipient.code.clone(),
            routed_from: recipient.is_routed.then(|| recipient.addressed.clone()),
            seq: place.seq,
        });
    }
    made.sort_by_key(|delivery| delivery.id);
    Ok(made)
}
