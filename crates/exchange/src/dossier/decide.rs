//! What a push makes of a dossier: decided from what is stored, written by `apply`.

use std::collections::BTreeMap;

use lgsp_base::id::OrgId;
use lgsp_base::{Sha256, limits};
use lgsp_store::dossier as rows;
use lgsp_store::dossier::{DossierParty, PartyRole};
use lgsp_store::seal::DataKey;
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::{Dossier, DossierStatus, ProgressStep};

use super::clock::{Moved, Timing};
use super::error::DossierError;
use super::history;
use super::model::PushMode;
use super::procedures;
use super::push::{What, Work, too_many_parties, written};
use super::routes;
use super::rules::{self, Tables};
use super::sealing;
use super::service::Dossiers;
use crate::error::SubmitError;
use crate::submit::Recipient;

/// What a push makes of a dossier.
pub(crate) struct Next {
    /// The row, with the new version.
    pub(crate) row: rows::Dossier,
    /// The row before; none for a new dossier.
    pub(crate) before: Option<rows::Dossier>,
    pub(crate) data_key: DataKey,
    /// The data key wrapped, for a new dossier.
    pub(crate) wrapped: Option<rows::DossierKey>,
    /// The whole state.
    pub(crate) state: Dossier,
    /// False if the state is as it was.
    pub(crate) is_changed: bool,
    pub(crate) sender: OrgId,
    pub(crate) parties: BTreeMap<OrgId, PartyRole>,
    /// Whom this push reaches, if not all parties.
    pub(crate) only: Option<Recipient>,
    /// Steps that are new.
    pub(crate) steps: Vec<ProgressStep>,
    pub(crate) body: Vec<u8>,
    pub(crate) sha256: Sha256,
}

pub(crate) fn create(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    work: &Work,
    dossier: &Dossier,
) -> Result<Next, DossierError> {
    let owner = work.owner.clone()?;
    let followers = routes::recipients(tx, dossiers, dossier, work.now)?;
    let sender = new_sender(dossiers, work, owner, &followers)?;
    let tables = Tables::read(tx)?;
    if !tables.transitions.allows(None, dossier.status) {
        return Err(DossierError::Transition {
            from: None,
            to: dossier.status,
        });
    }
    let procedure = procedures::national(tx, dossiers, dossier, owner)?;
    let moved = Moved::of(dossier, work.now);
    let timing = Timing::default().moved(dossiers.calendar(), &moved);
    let ring = dossiers.keys()?;
    let (data_key, wrapped) = sealing::new_key(ring, work.new_id, dossiers.exchange().entropy())?;
    let person = rules::identity_numbers(&dossier.applicant)
        .first()
        .map(|number| ring.person_hash(number));
    let mut row = rows::Dossier {
        id: work.new_id,
        code_key: dossier.code.as_str().to_owned(),
        code: dossier.code.as_str().to_owned(),
        owner,
        handling: work.handling.filter(|unit| *unit != owner),
        procedure,
        field: dossier.sector.code.clone(),
        channel: dossier.channel,
        status: dossier.status,
        status_at: moved.at,
        is_open: true,
        submitted_at: dossier.submitted_at,
        received_at: dossier.received_at,
        due_at: None,
        due_effective_at: None,
        paused_at: None,
        paused_working_seconds: 0,
        finished_at: None,
        closed_at: None,
        version: 1,
        last_document: work.document,
        source_system: work.sender_system,
        person,
        retention: String::new(),
        keep_until: None,
        erased_at: None,
        erasure_receipt: None,
        created_at: work.now,
        updated_at: work.now,
    };
    set_timing(&mut row, &timing, &tables);
    let mut parties = BTreeMap::from([(row.owner, PartyRole::Owner)]);
    add_parties(&mut parties, &row, sender, work, &followers)?;
    Ok(Next {
        row,
        before: None,
        data_key,
        wrapped: Some(wrapped),
        state: dossier.clone(),
        is_changed: true,
        sender,
        parties,
        only: None,
        steps: Vec::new(),
        body: work.body.clone(),
        sha256: work.sha256,
    })
}

/// In whose name a new dossier comes: the owner's, or that of an organisation which routes lead to, as the national portal takes
/// dossiers in for every agency.
fn new_sender(
    dossiers: &Dossiers,
    work: &Work,
    owner: OrgId,
    followers: &[OrgId],
) -> Result<OrgId, DossierError> {
    if work.senders.is_empty() {
        return Ok(owner);
    }
    let refused = || {
        let code = work.senders.first().map(|org| dossiers.shown(*org).code);
        DossierError::Submit(SubmitError::Sender {
            code: code.unwrap_or_default(),
        })
    };
    work.senders
        .iter()
        .copied()
        .find(|sender| *sender == owner || followers.contains(sender))
        .ok_or_else(refused)
}

pub(crate) fn update(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    work: &Work,
    found: rows::Dossier,
    dossier: &Dossier,
    mode: PushMode,
) -> Result<Next, DossierError> {
    let known = tx.dossier_parties(found.id)?;
    let sender = sender_among(dossiers, work, &found, &known).ok_or(match mode {
        // Whoever makes a dossier under a code that is taken is told so, as the code alone says nothing about a person.
        PushMode::Create => DossierError::Exists,
        PushMode::Update | PushMode::Either => DossierError::Unknown,
    })?;
    let (data_key, state) = opened(tx, dossiers, &found)?;
    if !rules::may_be_same(&state.applicant, &dossier.applicant) {
        return Err(DossierError::OtherApplicant);
    }
    if mode == PushMode::Create {
        return Err(DossierError::Exists);
    }
    let tables = Tables::read(tx)?;
    if !tables
        .transitions
        .allows(Some(found.status), dossier.status)
    {
        return Err(DossierError::Transition {
            from: Some(found.status),
            to: dossier.status,
        });
    }
    let followers = routes::recipients(tx, dossiers, dossier, work.now)?;
    let moved = Moved::of(dossier, work.now);
    let timing = timing_of(&found).moved(dossiers.calendar(), &moved);
    let person = rules::identity_numbers(&dossier.applicant)
        .first()
        .map(|number| Ok::<_, DossierError>(dossiers.keys()?.person_hash(number)))
        .transpose()?;
    let mut row = rows::Dossier {
        handling: work
            .handling
            .or(found.handling)
            .filter(|unit| *unit != found.owner),
        procedure: procedures::national(tx, dossiers, dossier, found.owner)?,
        field: dossier.sector.code.clone(),
        channel: dossier.channel.or(found.channel),
        status: dossier.status,
        status_at: if dossier.status == found.status {
            found.status_at
        } else {
            moved.at
        },
        submitted_at: dossier.submitted_at.or(found.submitted_at),
        received_at: dossier.received_at.or(found.received_at),
        version: found.version + 1,
        last_document: work.document,
        source_system: work.sender_system,
        person: person.or(found.person),
        updated_at: work.now.max(found.updated_at),
        ..found.clone()
    };
    set_timing(&mut row, &timing, &tables);
    let mut parties = roles(&known);
    add_parties(&mut parties, &row, sender, work, &followers)?;
    Ok(Next {
        row,
        before: Some(found),
        data_key,
        wrapped: None,
        state: dossier.clone(),
        is_changed: true,
        sender,
        parties,
        only: None,
        steps: Vec::new(),
        body: work.body.clone(),
        sha256: work.sha256,
    })
}

pub(crate) fn progress(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    work: &Work,
    found: rows::Dossier,
) -> Result<Next, DossierError> {
    let What::Steps(steps) = &work.what else {
        return Err(DossierError::Unknown);
    };
    let known = tx.dossier_parties(found.id)?;
    let sender = sender_among(dossiers, work, &found, &known).ok_or(DossierError::Unknown)?;
    let (data_key, mut state) = opened(tx, dossiers, &found)?;
    let tables = Tables::read(tx)?;
    let (mut status, mut status_at) = (found.status, found.status_at);
    let mut timing = timing_of(&found);
    let fresh = history::fresh(tx, &found, &data_key, steps, work.now)?;
    for step in &fresh {
        let at = step.handled_at.unwrap_or(work.now).min(work.now);
        // What happened before the last known change is history and moves nothing.
        if at < status_at {
            continue;
        }
        if !tables.transitions.allows(Some(status), step.status) {
            return Err(DossierError::Transition {
                from: Some(status),
                to: step.status,
            });
        }
        if step.status != status {
            status_at = at;
        }
        status = step.status;
        let moved = Moved {
            status,
            at,
            stated_due_at: None,
        };
        timing = timing.moved(dossiers.calendar(), &moved);
    }
    let is_changed = status != found.status;
    state.status = status;
    match status {
        DossierStatus::Finished => state.finished_at = state.finished_at.or(Some(status_at)),
        DossierStatus::Returned => state.returned_at = state.returned_at.or(Some(status_at)),
        DossierStatus::Refused => state.rejected_at = state.rejected_at.or(Some(status_at)),
        _ => {}
    }
    let followers = routes::recipients(tx, dossiers, &state, work.now)?;
    let mut row = rows::Dossier {
        status,
        status_at,
        version: found.version + 1,
        last_document: work.document,
        source_system: work.sender_system,
        updated_at: work.now.max(found.updated_at),
        ..found.clone()
    };
    set_timing(&mut row, &timing, &tables);
    let mut parties = roles(&known);
    add_parties(&mut parties, &row, sender, work, &followers)?;
    Ok(Next {
        row,
        before: Some(found),
        data_key,
        wrapped: None,
        state,
        is_changed,
        sender,
        parties,
        only: None,
        steps: fresh,
        body: work.body.clone(),
        sha256: work.sha256,
    })
}

pub(crate) fn replay(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    work: &Work,
    found: rows::Dossier,
) -> Result<Next, DossierError> {
    let known = tx.dossier_parties(found.id)?;
    let to = work.to.first().ok_or(DossierError::Unknown)?;
    let is_party = known
        .iter()
        .any(|party| dossiers.exchange().stands_for(to.org, party.org));
    let sender = dossiers.current(found.owner, work.now);
    if !is_party || to.org == sender {
        return Err(SubmitError::RecipientUnknown {
            codes: vec![to.code.clone()],
        }
        .into());
    }
    let (data_key, state) = opened(tx, dossiers, &found)?;
    let body = written(&state)?;
    Ok(Next {
        row: rows::Dossier {
            version: found.version + 1,
            last_document: work.document,
            updated_at: work.now.max(found.updated_at),
            ..found.clone()
        },
        before: Some(found),
        data_key,
        wrapped: None,
        state,
        is_changed: false,
        sender,
        parties: roles(&known),
        only: Some(to.clone()),
        steps: Vec::new(),
        sha256: Sha256::of(&body),
        body,
    })
}

/// What a dossier says, opened.
fn opened(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    found: &rows::Dossier,
) -> Result<(DataKey, Dossier), DossierError> {
    let content = tx
        .dossier_content(found.id)?
        .ok_or_else(|| StoreError::corrupt(format_args!("{} has no content", found.id)))?;
    let ring = dossiers.keys()?;
    let data_key = sealing::open_key(ring, found.id, &content.key)?;
    let state = sealing::open_state(&data_key, found.id, &content.content_sealed)?;
    Ok((data_key, state))
}

pub(crate) const fn timing_of(row: &rows::Dossier) -> Timing {
    Timing {
        due_at: row.due_at,
        due_effective_at: row.due_effective_at,
        paused_at: row.paused_at,
        paused_working_seconds: row.paused_working_seconds,
        finished_at: row.finished_at,
        closed_at: row.closed_at,
    }
}

/// Writes the clock into the row, and with it how long the dossier is kept.
fn set_timing(row: &mut rows::Dossier, timing: &Timing, tables: &Tables) {
    row.due_at = timing.due_at;
    row.due_effective_at = timing.due_effective_at;
    row.paused_at = timing.paused_at;
    row.paused_working_seconds = timing.paused_working_seconds;
    row.finished_at = timing.finished_at;
    row.closed_at = timing.closed_at;
    row.is_open = timing.finished_at.is_none() && timing.closed_at.is_none();
    let class = tables
        .retention
        .class(&row.procedure, &row.field, row.status)
        .to_owned();
    row.keep_until = timing
        .closed_at
        .and_then(|closed| tables.retention.keep_until(&class, closed));
    row.retention = class;
}

fn roles(known: &[DossierParty]) -> BTreeMap<OrgId, PartyRole> {
    known.iter().map(|party| (party.org, party.role)).collect()
}

/// Adds whom the push makes a party: the handling unit, those it names, those routes lead to, its sender.
fn add_parties(
    parties: &mut BTreeMap<OrgId, PartyRole>,
    row: &rows::Dossier,
    sender: OrgId,
    work: &Work,
    followers: &[OrgId],
) -> Result<(), DossierError> {
    for (org, role) in parties.iter_mut() {
        if *role == PartyRole::Handling && row.handling != Some(*org) {
            *role = PartyRole::Follower;
        }
    }
    if let Some(unit) = row.handling {
        parties.insert(unit, PartyRole::Handling);
    }
    let named = work.to.iter().map(|recipient| recipient.org);
    for org in named.chain(followers.iter().copied()).chain([sender]) {
        parties.entry(org).or_insert(PartyRole::Follower);
    }
    if parties.len() > limits::DOSSIER_PARTIES_MAX {
        return Err(too_many_parties());
    }
    Ok(())
}

/// In whose name this push about a known dossier goes: the first that is a party, or took the place of one. None: it is nobody's
/// business here.
pub(crate) fn sender_among(
    dossiers: &Dossiers,
    work: &Work,
    found: &rows::Dossier,
    parties: &[DossierParty],
) -> Option<OrgId> {
    if work.senders.is_empty() {
        return Some(dossiers.current(found.owner, work.now));
    }
    work.senders.iter().copied().find(|sender| {
        parties
            .iter()
            .any(|party| dossiers.exchange().stands_for(*sender, party.org))
    })
}
