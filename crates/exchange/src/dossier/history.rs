//! The steps of a dossier: what is new in a push, and what is kept of it.

use lgsp_base::{Timestamp, limits};
use lgsp_store::Tx;
use lgsp_store::dossier as rows;
use lgsp_store::dossier::DossierStep;
use lgsp_store::seal::{DataKey, Place};
use lgsp_wire::dossier::ProgressStep;

use super::decide::Next;
use super::error::DossierError;
use super::push::{What, Work};
use super::sealing;
use super::service::Dossiers;

/// The steps of a push that are not known yet: systems send their whole history again and again.
pub(crate) fn fresh(
    tx: &mut Tx<'_>,
    found: &rows::Dossier,
    data_key: &DataKey,
    steps: &[ProgressStep],
    now: Timestamp,
) -> Result<Vec<ProgressStep>, DossierError> {
    let known = tx.dossier_steps(found.id, 0, limits::DOSSIER_STEPS_MAX)?;
    let mut fresh: Vec<ProgressStep> = Vec::with_capacity(steps.len());
    for step in steps {
        let at = happened_at(step, now);
        let mut is_known = fresh.contains(step);
        for row in known
            .iter()
            .filter(|row| row.at == at && row.status == step.status)
        {
            is_known = is_known || text(data_key, found, row)?.as_ref() == Some(step);
        }
        if !is_known {
            fresh.push(step.clone());
        }
    }
    Ok(fresh)
}

/// Who did what in a step; none where only its status is known.
pub(crate) fn text(
    data_key: &DataKey,
    found: &rows::Dossier,
    row: &DossierStep,
) -> Result<Option<ProgressStep>, DossierError> {
    match &row.text_sealed {
        Some(sealed) => {
            sealing::open_json(data_key, Place::Step(found.id, row.seq), sealed).map(Some)
        }
        None => Ok(None),
    }
}

/// Never in the future: clocks of strangers go wrong.
fn happened_at(step: &ProgressStep, now: Timestamp) -> Timestamp {
    step.handled_at.unwrap_or(now).min(now)
}

/// Writes what a push adds to the history: its steps, or the change of status that a whole dossier shows.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    work: &Work,
    next: &Next,
) -> Result<(), DossierError> {
    let row = &next.row;
    let mut seq = tx.dossier_step_next(row.id)?;
    let mut add = |tx: &mut Tx<'_>, step: Option<&ProgressStep>| -> Result<(), DossierError> {
        if usize::try_from(seq).unwrap_or(usize::MAX) > limits::DOSSIER_STEPS_MAX {
            return Ok(());
        }
        let text_sealed = match step {
            Some(step) => {
                let place = Place::Step(row.id, seq);
                let entropy = dossiers.exchange().entropy();
                Some(sealing::seal_json(&next.data_key, place, step, entropy)?)
            }
            None => None,
        };
        tx.dossier_step_insert(
            row.id,
            &DossierStep {
                seq,
                at: step.map_or(row.status_at, |step| happened_at(step, work.now)),
                status: step.map_or(row.status, |step| step.status),
                org: next.sender,
                document: work.document,
                text_sealed,
                started_at: step.and_then(|step| step.started_at),
                due_at: step.and_then(|step| step.due_at),
            },
        )?;
        seq += 1;
        Ok(())
    };
    match &work.what {
        What::State { .. } => {
            if next
                .before
                .as_ref()
                .is_none_or(|before| before.status != row.status)
            {
                add(tx, None)?;
            }
        }
        What::Steps(_) => {
            for step in &next.steps {
                add(tx, Some(step))?;
            }
        }
        What::Replay => {}
    }
    Ok(())
}
