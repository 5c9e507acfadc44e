//! Looking at a dossier: everything an actor may see, after the look itself was recorded.
//!
//! A system that is a party sees the dossier whole, the platform's operators see persons masked. Whoever is no party gets the answer
//! for a dossier that does not exist.

use lgsp_base::id::{DossierId, OrgId, ReceiptId};
use lgsp_base::planted::Bug;
use lgsp_base::{Actor, Permission, Timestamp, limits};
use lgsp_store::dossier as rows;
use lgsp_store::dossier::{
    DossierContent, DossierFile, DossierMessage, DossierStep, NewLook, PortalItem,
};
use lgsp_store::exchange::{Delivery, Document};
use lgsp_store::seal::{DataKey, Place};
use lgsp_store::{StoreError, Tx};

use super::apply::code_of;
use super::decide::timing_of;
use super::error::DossierError;
use super::history;
use super::mask;
use super::model::{
    DossierRef, DossierView, FileView, LetterView, MessageDelivery, MessageView, PartyView,
    PortalState, Purpose, StepView,
};
use super::sealing;
use super::service::{Dossiers, Viewer};
use crate::counters::count;
use crate::evidence::{self, Entry};
use crate::service::Exchange;

/// Everything stored about a dossier that a view shows.
struct Found {
    row: rows::Dossier,
    content: Option<DossierContent>,
    parties: Vec<rows::DossierParty>,
    steps: Vec<DossierStep>,
    messages: Vec<(DossierMessage, Option<Document>, Vec<Delivery>)>,
    files: Vec<DossierFile>,
    portals: Vec<(OrgId, PortalItem)>,
    letters: Vec<rows::DossierLetter>,
}

fn find(tx: &mut Tx<'_>, row: rows::Dossier) -> Result<Found, StoreError> {
    let id = row.id;
    let shown = i64::try_from(limits::DOSSIER_MESSAGES_MAX).unwrap_or(i64::MAX);
    let mut messages = Vec::new();
    for message in tx.dossier_messages(
        id,
        row.version.saturating_sub(shown),
        limits::DOSSIER_MESSAGES_MAX,
    )? {
        let document = tx.document_lookup(message.document)?;
        let deliveries = tx.delivery_list_by_document(message.document)?;
        messages.push((message, document, deliveries));
    }
    let parties = tx.dossier_parties(id)?;
    let mut portals = Vec::new();
    for party in &parties {
        if let Some(item) = tx.portal_item(party.org, id)? {
            portals.push((party.org, item));
        }
    }
    Ok(Found {
        content: tx.dossier_content(id)?,
        parties,
        steps: tx.dossier_steps(id, 0, limits::DOSSIER_STEPS_MAX)?,
        files: tx.dossier_files(id, None, limits::DOSSIER_FILES_MAX)?,
        letters: tx.dossier_letters(id, limits::DOSSIER_MESSAGES_MAX)?,
        portals,
        messages,
        row,
    })
}

impl Dossiers {
    /// Everything the actor may see of a dossier. The look is a ledger entry and is durable before the answer.
    ///
    /// # Errors
    /// [`DossierError::Unknown`] if it does not exist or the actor is no party.
    pub async fn view(
        &self,
        actor: &Actor,
        which: &DossierRef,
        purpose: Purpose,
    ) -> Result<DossierView, DossierError> {
        let viewer = self.viewer(actor)?;
        let is_masked = !self.sees_persons(actor, &viewer);
        let now = self.now();
        let (dossiers, by, wanted) = (self.clone(), actor.clone(), which.clone());
        let looker = viewer.clone();
        let found = self
            .exchange()
            .inner
            .db
            .write("dossier_view", move |tx| {
                let row = lookup(tx, &wanted)?.ok_or(DossierError::Unknown)?;
                let parties = tx.dossier_parties(row.id)?;
                if !dossiers.takes_part(&looker, &parties) {
                    return Err(DossierError::Unknown);
                }
                if !dossiers.exchange().has_bug(Bug::LookUnrecorded) {
                    note_look(tx, dossiers.exchange(), &by, row.id, purpose, now)?;
                }
                Ok(find(tx, row)?)
            })
            .await?;
        count(&self.inner.counters.viewed, 1);
        self.build(&viewer, found, is_masked, now)
    }

    /// True if this viewer takes part in a dossier with these parties.
    pub(crate) fn takes_part(&self, viewer: &Viewer, parties: &[rows::DossierParty]) -> bool {
        match viewer {
            Viewer::All => true,
            Viewer::Party(own) => parties.iter().any(|party| own.contains(&party.org)),
        }
    }

    /// True if the actor sees who the persons are: systems of parties do, operators do not.
    pub(crate) fn sees_persons(&self, actor: &Actor, viewer: &Viewer) -> bool {
        actor.may(Permission::DossierReadPersonal)
            && (matches!(viewer, Viewer::Party(_)) || matches!(actor, Actor::Platform { .. }))
    }

    fn build(
        &self,
        viewer: &Viewer,
        found: Found,
        is_masked: bool,
        now: Timestamp,
    ) -> Result<DossierView, DossierError> {
        let row = &found.row;
        let mut dossier = None;
        let mut steps = Vec::with_capacity(found.steps.len());
        let mut files = Vec::with_capacity(found.files.len());
        let data_key = match &found.content {
            Some(content) => {
                let key = sealing::open_key(self.keys()?, row.id, &content.key)?;
                let whole = sealing::open_state(&key, row.id, &content.content_sealed)?;
                dossier = Some(if is_masked {
                    mask::dossier(&whole)
                } else {
                    whole
                });
                Some(key)
            }
            None => None,
        };
        for step in &found.steps {
            let text = match &data_key {
                Some(key) => history::text(key, row, step)?,
                None => None,
            };
            steps.push(StepView {
                seq: step.seq,
                at: step.at,
                status: step.status,
                org: self.shown(step.org),
                document: step.document,
                step: text.map(|text| if is_masked { mask::step(&text) } else { text }),
                started_at: step.started_at,
                due_at: step.due_at,
            });
        }
        steps.sort_by_key(|step| (whole_second(step.at), step.seq));
        if let Some(key) = &data_key {
            for file in &found.files {
                files.push(file_view(key, file, is_masked)?);
            }
        }
        let mut parties: Vec<PartyView> = found
            .parties
            .iter()
            .map(|party| PartyView {
                org: self.shown(party.org),
                role: party.role,
                since: party.since,
            })
            .collect();
        parties.sort_by(|a, b| (a.role, &a.org.code).cmp(&(b.role, &b.org.code)));
        Ok(DossierView {
            id: row.id,
            code: code_of(row)?,
            version: row.version,
            dossier,
            is_masked,
            status: row.status,
            owner: self.shown(row.owner),
            handling: row.handling.map(|unit| self.shown(unit)),
            parties,
            steps,
            messages: found
                .messages
                .into_iter()
                .map(|(message, document, deliveries)| {
                    self.message(viewer, message, document, deliveries)
                })
                .collect(),
            clock: timing_of(row).clock(self.calendar(), row.status, now),
            files,
            portals: found
                .portals
                .into_iter()
                .map(|(portal, item)| self.portal(portal, &item))
                .collect(),
            letters: found
                .letters
                .iter()
                .map(|letter| LetterView {
                    document: letter.document,
                    sender: self.shown(letter.sender),
                    at: letter.at,
                })
                .collect(),
            retention: row.retention.clone(),
            keep_until: row.keep_until,
            erased_at: row.erased_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }

    fn message(
        &self,
        viewer: &Viewer,
        message: DossierMessage,
        document: Option<Document>,
        deliveries: Vec<Delivery>,
    ) -> MessageView {
        let is = |org: OrgId| match viewer {
            Viewer::All => true,
            Viewer::Party(own) => own.contains(&org),
        };
        let is_sender = is(message.sender);
        MessageView {
            version: message.version,
            document: message.document,
            kind: message.kind,
            sender: self.shown(message.sender),
            at: message.at,
            receipt: document
                .filter(|_| is_sender)
                .map(|document| document.receipt),
            deliveries: deliveries
                .into_iter()
                .filter(|delivery| is_sender || is(delivery.recipient_org))
                .map(|delivery| MessageDelivery {
                    recipient: self.shown(delivery.recipient_org),
                    delivery,
                })
                .collect(),
        }
    }

    fn portal(&self, portal: OrgId, item: &PortalItem) -> PortalState {
        let given = |version: i64| (version > 0).then_some(version);
        PortalState {
            portal: self.shown(portal),
            sent_version: given(item.sent_version),
            sent_at: given(item.sent_version).map(|_| item.sent_at),
            accepted_version: given(item.accepted_version),
            accepted_at: item.accepted_at,
            remote_status: item.remote_status,
            checked_at: item.checked_at,
            finding: item.finding,
        }
    }
}

/// Steps are stated to the second while a push has its exact time: within a second they stand in the order in which they came.
pub(crate) const fn whole_second(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

pub(crate) fn lookup(
    tx: &mut Tx<'_>,
    which: &DossierRef,
) -> Result<Option<rows::Dossier>, StoreError> {
    match which {
        DossierRef::Id(id) => tx.dossier_lookup(*id),
        DossierRef::Code(code) => tx.dossier_by_code(code.as_str()),
    }
}

/// Records that an actor looks: a row that persons can be asked about, and a ledger entry that names no person.
pub(crate) fn note_look(
    tx: &mut Tx<'_>,
    exchange: &Exchange,
    actor: &Actor,
    dossier: DossierId,
    purpose: Purpose,
    now: Timestamp,
) -> Result<ReceiptId, StoreError> {
    let receipt = ReceiptId::generate(now, exchange.entropy());
    let label = actor.label();
    tx.dossier_look_insert(&NewLook {
        dossier,
        actor: &label,
        org: actor.org(),
        purpose: purpose.name(),
        receipt: Some(receipt),
        at: now,
    })?;
    Entry::new(evidence::DOSSIER_VIEWED, now, actor, exchange.salt())
        .receipt(receipt)
        .with("dossier", dossier.to_string())
        .with("purpose", purpose.name())
        .with_opt("org", actor.org().map(|org| org.to_string()))
        .append(tx, now)?;
    Ok(receipt)
}

/// A file as it is shown; masked, its name and source are hidden.
pub(crate) fn file_view(
    key: &DataKey,
    file: &DossierFile,
    is_masked: bool,
) -> Result<FileView, DossierError> {
    let open = |sealed: &Option<Vec<u8>>, place| match sealed {
        Some(sealed) if !is_masked => sealing::open_text(key, place, sealed).map(Some),
        _ => Ok(None),
    };
    Ok(FileView {
        id: file.id,
        name: open(&file.name_sealed, Place::FileName(file.id))?.unwrap_or_default(),
        media_type: file.media_type.clone(),
        bytes: file.bytes,
        sha256: file.blob.is_some().then_some(file.sha256),
        kind: file.kind,
        source_url: open(&file.source_url_sealed, Place::FileSource(file.id))?,
        created_at: file.created_at,
    })
}
