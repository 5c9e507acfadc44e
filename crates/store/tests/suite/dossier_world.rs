//! Dossiers to store in tests.

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, DossierId, OrgId, ReceiptId};
use lgsp_store::dossier::{
    ClockBounds, Dossier, DossierFilter, DossierKey, DossierOrder, PartyRole,
};
use lgsp_store::exchange::{DocumentKind, NewDocument};
use lgsp_store::{Db, StoreError, Tx};
use lgsp_wire::dossier::{Channel, DossierStatus};

pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

pub(crate) fn write<T: Send + 'static>(
    db: &Db,
    closure: impl FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    db.write("test", closure).wait().expect("stores")
}

pub(crate) const fn org(number: u128) -> OrgId {
    OrgId::from_bits(number)
}

pub(crate) const fn dossier_id(number: u128) -> DossierId {
    DossierId::from_bits(number)
}

pub(crate) const fn document_id(number: u128) -> DocumentId {
    DocumentId::from_bits(number)
}

/// An open dossier of organisation 1, pushed first at second `number`.
pub(crate) fn dossier(number: u32) -> Dossier {
    let id = u128::from(number);
    let pushed = at(i64::from(number));
    let code = format!("H99.01-261201-{number:04}");
    Dossier {
        id: dossier_id(id),
        code_key: code.clone(),
        code,
        owner: org(1),
        handling: None,
        procedure: "2.000488".to_owned(),
        field: "G03-GD10".to_owned(),
        channel: Some(Channel::Online),
        status: DossierStatus::Received,
        status_at: pushed,
        is_open: true,
        submitted_at: Some(pushed),
        received_at: Some(pushed),
        due_at: Some(at(10_000 + i64::from(number))),
        due_effective_at: Some(at(10_000 + i64::from(number))),
        paused_at: None,
        paused_working_seconds: 0,
        finished_at: None,
        closed_at: None,
        version: 1,
        last_document: document_id(id),
        source_system: None,
        person: None,
        retention: "ordinary".to_owned(),
        keep_until: None,
        erased_at: None,
        erasure_receipt: None,
        created_at: pushed,
        updated_at: pushed,
    }
}

pub(crate) fn key(number: u32) -> DossierKey {
    DossierKey {
        number,
        sealed: vec![7; 61],
    }
}

/// Stores a dossier with its parties, as a first push does.
pub(crate) fn insert(tx: &mut Tx<'_>, dossier: &Dossier) -> Result<(), StoreError> {
    assert!(tx.dossier_insert(dossier, &key(1), b"summary", b"content")?);
    tx.dossier_party_put(dossier, dossier.owner, PartyRole::Owner, dossier.created_at)?;
    if let Some(handling) = dossier.handling {
        tx.dossier_party_put(dossier, handling, PartyRole::Handling, dossier.created_at)?;
    }
    Ok(())
}

/// Stores a push as a document.
pub(crate) fn push(
    tx: &mut Tx<'_>,
    id: DocumentId,
    blob: Option<&str>,
    body: Option<&[u8]>,
) -> Result<(), StoreError> {
    tx.document_insert(&NewDocument {
        id,
        accepted_at: at(1),
        expires_at: at(2),
        door: "api",
        kind: DocumentKind::Dossier,
        business_type: None,
        sender_org: org(1),
        sender_code: "H99.01",
        sender_system: None,
        external_id: None,
        notation: Some("H99.01-261201-0001"),
        subject: None,
        subject_folded: None,
        issued_on: None,
        type_name: Some("dossier"),
        priority: None,
        original: None,
        content_type: "application/vnd.lgsp.dossier+json",
        content_bytes: 5,
        content_sha256: lgsp_base::Sha256::of(b"plain"),
        attachments: None,
        receipt: ReceiptId::from_bits(id.bits()),
        blob,
        body,
    })
}

/// All dossiers, newest first.
pub(crate) fn all(limit: usize) -> DossierFilter {
    DossierFilter {
        party: None,
        unit: None,
        procedure: None,
        field: None,
        statuses: Vec::new(),
        clocks: Vec::new(),
        bounds: ClockBounds {
            now: at(10_003),
            due_until: at(10_006),
        },
        from: None,
        to: None,
        order: DossierOrder::Newest(None),
        limit,
    }
}
