//! Notices of the platform to a sender: small JSON documents in the sender's own inbox, never on the document axis.

use lgsp_base::id::{DeliveryId, DocumentId, OrgId, ReceiptId};
use lgsp_base::{Actor, Sha256, Timestamp};
use lgsp_store::exchange::{Delivery, Document, DocumentKind, NewDelivery, NewDocument};
use lgsp_store::{StoreError, Tx};

use crate::directory::Resolved;
use crate::evidence::{self, Entry};
use crate::model::Door;
use crate::order;
use crate::service::Exchange;

/// The sender's code on a notice.
const PLATFORM_CODE: &str = "lgsp";

/// What a sender is told about deliveries of one document.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    /// A stable word.
    pub(crate) code: &'static str,
    pub(crate) title_vi: &'static str,
    pub(crate) title_en: &'static str,
    pub(crate) document: &'a Document,
    pub(crate) deliveries: &'a [Delivery],
}

/// Stores a notice and its delivery to the sender of the document it is about, or to who took the sender's place. A notice is never about a notice.
pub(crate) fn send(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    notice: &Notice<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let about = notice.document;
    if about.kind == DocumentKind::Notice {
        return Ok(());
    }
    let deliveries: Vec<serde_json::Value> = notice
        .deliveries
        .iter()
        .map(|delivery| serde_json::json!({"id": delivery.id, "to": delivery.recipient_code}))
        .collect();
    let body = serde_json::json!({
        "code": notice.code,
        "title": notice.title_vi,
        "title_en": notice.title_en,
        "at": now,
        "document": about.id,
        "external_id": about.external_id,
        "notation": about.notation,
        "subject": about.subject,
        "deliveries": deliveries,
    })
    .to_string()
    .into_bytes();
    let owner = owner(exchange, about, now);
    let code = exchange
        .inner
        .directory
        .party(owner)
        .map_or_else(|| about.sender_code.clone(), |party| party.code);
    let document = DocumentId::generate(now, exchange.entropy());
    let receipt = ReceiptId::generate(now, exchange.entropy());
    let delivery = DeliveryId::generate(now, exchange.entropy());
    let expires_at = now.plus(exchange.inner.config.expiry);
    let sha256 = Sha256::of(&body);
    let place = tx.pair_advance(owner, owner, now)?;
    tx.document_insert(&NewDocument {
        id: document,
        accepted_at: now,
        expires_at,
        door: Door::Platform.name(),
        kind: DocumentKind::Notice,
        business_type: None,
        sender_org: owner,
        sender_code: PLATFORM_CODE,
        sender_system: None,
        external_id: None,
        notation: about.notation.as_deref(),
        subject: Some(notice.title_vi),
        subject_folded: None,
        issued_on: None,
        type_name: None,
        priority: None,
        original: Some(about.id),
        content_type: "application/json",
        content_bytes: body.len() as u64,
        content_sha256: sha256,
        attachments: None,
        receipt,
        blob: None,
        body: Some(&body),
    })?;
    let new = NewDelivery {
        id: delivery,
        document,
        sender_org: owner,
        recipient_org: owner,
        recipient_code: &code,
        addressed_code: &code,
        is_routed: false,
        kind: DocumentKind::Notice,
        place,
        next_attempt_at: None,
        created_at: now,
        expires_at,
        resend_of: None,
    };
    order::enqueue(tx, exchange, new, exchange.is_pushed_to(owner))?;
    Entry::new(
        evidence::DOCUMENT_ACCEPTED,
        now,
        &Actor::Platform { part: "notice" },
        exchange.salt(),
    )
    .receipt(receipt)
    .with("document", document.to_string())
    .with("document_kind", evidence::kind_word(DocumentKind::Notice))
    .with("sender", owner.to_string())
    .with("sha256", sha256.to_string())
    .with("original", about.id.to_string())
    .append(tx, now)
}

/// Who is told about a document: its sender, or the organisation to which the sender's closed code leads.
fn owner(exchange: &Exchange, about: &Document, now: Timestamp) -> OrgId {
    match exchange.inner.directory.resolve(&about.sender_code, now) {
        Resolved::Found { org, .. } if exchange.stands_for(org, about.sender_org) => org,
        _ => about.sender_org,
    }
}
