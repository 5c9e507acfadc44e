//! The public look-up: whoever has the code of a dossier and one of its numbers sees how far it is, and nothing about anybody.
//!
//! An unknown code and a wrong check get the same answer, and the same work is done for both.

use lgsp_base::hash::equal_in_constant_time;
use lgsp_base::{Timestamp, limits};
use lgsp_store::dossier as rows;
use lgsp_store::dossier::DossierStep;
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::{Dossier, DossierCode};

use super::decide::timing_of;
use super::error::DossierError;
use super::model::{PublicStep, PublicView};
use super::sealing;
use super::service::Dossiers;
use super::view::whole_second;
use crate::counters::count;

/// Digits that are asked for: of the receipt, of an identity number or of a telephone number.
const CHECK_DIGITS: usize = 4;
/// Numbers of one dossier that a check is compared with.
const NUMBERS_MAX: usize = 16;

impl Dossiers {
    /// What everybody may see of a dossier who knows its code and the last four digits of its receipt, of an identity number or of the
    /// telephone number of its applicant. None for an unknown code, a wrong check, and what was erased. The caller bounds how often it
    /// is asked.
    ///
    /// # Errors
    /// The store's.
    pub async fn public(
        &self,
        code: &DossierCode,
        check: &str,
    ) -> Result<Option<PublicView>, DossierError> {
        let found = self.find_public(code).await?;
        let numbers = match &found {
            Some((_, state, _)) => numbers(state),
            None => Vec::new(),
        };
        let is_right = is_right(&numbers, check);
        match found.filter(|_| is_right) {
            Some((row, state, steps)) => {
                count(&self.inner.counters.looked_up, 1);
                Ok(Some(self.public_view(code, &row, &state, &steps)))
            }
            None => {
                count(&self.inner.counters.look_ups_failed, 1);
                Ok(None)
            }
        }
    }

    async fn find_public(
        &self,
        code: &DossierCode,
    ) -> Result<Option<(rows::Dossier, Dossier, Vec<DossierStep>)>, DossierError> {
        let key = code.as_str().to_owned();
        let ring = self.keys()?;
        let found = self
            .exchange()
            .inner
            .db
            .read::<_, DossierError, _>("dossier_public", move |tx| Ok(find(tx, &key)?))
            .await?;
        match found {
            Some((row, content, steps)) => {
                let data_key = sealing::open_key(ring, row.id, &content.key)?;
                let state = sealing::open_state(&data_key, row.id, &content.content_sealed)?;
                Ok(Some((row, state, steps)))
            }
            None => {
                sealing::work_in_vain(ring, self.exchange().entropy())?;
                Ok(None)
            }
        }
    }

    fn public_view(
        &self,
        code: &DossierCode,
        row: &rows::Dossier,
        state: &Dossier,
        steps: &[DossierStep],
    ) -> PublicView {
        let now: Timestamp = self.now();
        let clock = timing_of(row).clock(self.calendar(), row.status, now);
        let mut steps: Vec<PublicStep> = steps
            .iter()
            .map(|step| PublicStep {
                at: step.at,
                status: step.status,
                unit: self.shown(step.org).name,
            })
            .collect();
        steps.sort_by_key(|step| whole_second(step.at));
        steps.dedup();
        PublicView {
            code: code.clone(),
            procedure: state.procedure.name.clone(),
            unit: state.handling_unit.clone(),
            status: row.status,
            steps,
            received_at: row.received_at,
            due_at: row.due_effective_at,
            returned_at: state.returned_at,
            clock: clock.state,
        }
    }
}

type Found = (rows::Dossier, rows::DossierContent, Vec<DossierStep>);

fn find(tx: &mut Tx<'_>, code_key: &str) -> Result<Option<Found>, StoreError> {
    let Some(row) = tx.dossier_by_code(code_key)? else {
        return Ok(None);
    };
    let Some(content) = tx.dossier_content(row.id)? else {
        return Ok(None);
    };
    let steps = tx.dossier_steps(row.id, 0, limits::DOSSIER_STEPS_MAX)?;
    Ok(Some((row, content, steps)))
}

/// The ends of the numbers by which an applicant shows that a dossier is theirs.
fn numbers(state: &Dossier) -> Vec<String> {
    let applicant = &state.applicant;
    let identities = applicant.identities.iter().map(|one| one.number.as_str());
    [state.receipt_number.as_str(), applicant.phone.as_str()]
        .into_iter()
        .chain(identities)
        .filter_map(tail)
        .take(NUMBERS_MAX)
        .collect()
}

/// The last four digits of a number that has more than those.
fn tail(number: &str) -> Option<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let at = digits.len().checked_sub(CHECK_DIGITS)?;
    digits.get(at..).map(str::to_owned)
}

/// Compares with every number, found or not, so that the time says nothing.
fn is_right(numbers: &[String], check: &str) -> bool {
    let check = check.trim();
    let is_check = check.len() == CHECK_DIGITS && check.bytes().all(|byte| byte.is_ascii_digit());
    let mut is_right = false;
    for place in 0..NUMBERS_MAX {
        let known = numbers.get(place).map_or("none", String::as_str);
        is_right |= equal_in_constant_time(known.as_bytes(), check.as_bytes());
    }
    is_right && is_check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_of_one_of_the_numbers_are_asked_for() {
        let numbers = ["001099012345", "BN-2026/00417", "0912 345 678", "12"]
            .into_iter()
            .filter_map(tail)
            .collect::<Vec<_>>();
        assert_eq!(numbers, ["2345", "0417", "5678"]);
        for right in ["2345", " 0417 ", "5678"] {
            assert!(is_right(&numbers, right), "{right}");
        }
        for wrong in ["", "none", "12", "345", "12345", "9999", "23 45"] {
            assert!(!is_right(&numbers, wrong), "{wrong}");
        }
        assert!(!is_right(&[], "none"));
    }
}
