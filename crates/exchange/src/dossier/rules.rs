//! What a dossier must keep to besides its form: the transitions of its status, one applicant for one code, how long it is kept. The
//! tables are versioned settings; their defaults are this project's own, as no source gives any.

use std::collections::BTreeMap;

use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Timestamp, vi};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::{Applicant, Dossier, DossierStatus, IdentityKind, TransitionTable};
use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::error::DossierError;

/// The setting that holds the transitions, JSON.
pub(crate) const TRANSITIONS: &str = "dossier.transitions";
/// The setting that holds the classes of retention, JSON.
pub(crate) const RETENTION: &str = "dossier.retention";
/// Seconds of a day.
const DAY: u64 = 24 * 3600;
/// Days of the default class: ten years.
const STANDARD_DAYS: u32 = 3_653;
/// Days of the class for what came to nothing: two years.
const SHORT_DAYS: u32 = 731;
/// Days above which a class is no class: two centuries.
const DAYS_MAX: u32 = 73_050;
/// Classes or rules of one table.
const CLASSES_MAX: usize = 1_000;
/// Characters of the name of a class.
const CLASS_CHARS_MAX: usize = 40;
/// How far dates may lie in the future, beyond which they are mistakes: clocks differ, and NgayHenTra is a promise.
const AHEAD_MAX: Duration = Duration::from_secs(DAY);
/// How far ahead a due time may lie.
const DUE_AHEAD_MAX: Duration = Duration::from_secs(20 * 366 * DAY);

/// How long dossiers are kept after they were closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionTable {
    /// Names the edition.
    pub version: String,
    /// The class of a dossier that no rule names.
    pub default: String,
    /// The class of what was refused or withdrawn and that no rule names.
    pub without_result: String,
    /// Days by class; none: for ever.
    pub classes: BTreeMap<String, Option<u32>>,
    /// Class by procedure (national code) or sector.
    pub by_code: BTreeMap<String, String>,
}

impl Default for RetentionTable {
    fn default() -> Self {
        Self {
            version: "default-1".to_owned(),
            default: "standard".to_owned(),
            without_result: "short".to_owned(),
            classes: [
                ("permanent".to_owned(), None),
                ("standard".to_owned(), Some(STANDARD_DAYS)),
                ("short".to_owned(), Some(SHORT_DAYS)),
            ]
            .into(),
            by_code: BTreeMap::new(),
        }
    }
}

impl RetentionTable {
    /// What is wrong with a table that an operator brings; none: it can be used.
    pub fn fault(&self) -> Option<&'static str> {
        let is_known = |class: &String| self.classes.contains_key(class);
        let is_name = |class: &String| {
            !class.is_empty() && class.len() <= CLASS_CHARS_MAX && !class.contains('\0')
        };
        if self.version.is_empty() || self.version.len() > CLASS_CHARS_MAX {
            Some("version")
        } else if self.classes.len() > CLASSES_MAX
            || !self.classes.keys().all(is_name)
            || self.classes.values().flatten().any(|days| *days > DAYS_MAX)
        {
            Some("classes")
        } else if !is_known(&self.default) {
            Some("default")
        } else if !is_known(&self.without_result) {
            Some("without_result")
        } else if self.by_code.len() > CLASSES_MAX || !self.by_code.values().all(is_known) {
            Some("by_code")
        } else {
            None
        }
    }

    /// The class of a dossier.
    pub(crate) fn class(&self, procedure: &str, field: &str, status: DossierStatus) -> &str {
        let by_rule = self
            .by_code
            .get(procedure)
            .or_else(|| self.by_code.get(field));
        match (by_rule, status) {
            (Some(class), _) => class,
            (None, DossierStatus::Refused | DossierStatus::Withdrawn) => &self.without_result,
            (None, _) => &self.default,
        }
    }

    /// When a dossier of a class that was closed at a time is to be erased.
    pub(crate) fn keep_until(&self, class: &str, closed_at: Timestamp) -> Option<Timestamp> {
        let days = self.classes.get(class).copied().flatten()?;
        Some(closed_at.plus(Duration::from_secs(u64::from(days) * DAY)))
    }
}

/// The tables in force, read in the transaction that keeps to them.
pub(crate) struct Tables {
    pub(crate) transitions: TransitionTable,
    pub(crate) retention: RetentionTable,
}

impl Tables {
    pub(crate) fn read(tx: &mut Tx<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            transitions: table(tx, TRANSITIONS)?,
            retention: table(tx, RETENTION)?,
        })
    }
}

/// A table of the settings, or its default.
pub(crate) fn table<T: Default + serde::de::DeserializeOwned>(
    tx: &mut Tx<'_>,
    key: &str,
) -> Result<T, StoreError> {
    match tx.setting_get(key)? {
        Some(setting) => serde_json::from_str(&setting.value)
            .map_err(|_| StoreError::corrupt(format_args!("the setting {key} is not readable"))),
        None => Ok(T::default()),
    }
}

/// Checks what the form alone does not: dates that cannot be.
///
/// # Errors
/// [`DossierError::Invalid`] with the places.
pub(crate) fn check_dates(dossier: &Dossier, now: Timestamp) -> Result<(), DossierError> {
    let mut problem = None;
    let mut breaks = |place: &'static str| {
        let so_far = problem
            .take()
            .unwrap_or_else(|| kinds::DOSSIER_INVALID.problem());
        problem = Some(so_far.breaks(place, rules::DOSSIER_DATE.plain()));
    };
    let ahead = now.plus(AHEAD_MAX);
    for (place, at) in [
        ("NgayNopHoSo", dossier.submitted_at),
        ("NgayTiepNhan", dossier.received_at),
        ("NgayTra", dossier.returned_at),
        ("NgayKetThucXuLy", dossier.finished_at),
        ("NgayTuChoi", dossier.rejected_at),
    ] {
        if at.is_some_and(|at| at > ahead) {
            breaks(place);
        }
    }
    let due_max = now.plus(DUE_AHEAD_MAX);
    let received = dossier.received_at.or(dossier.submitted_at);
    let is_impossible =
        |due: Timestamp| due > due_max || received.is_some_and(|received| due < received);
    if dossier.due_at.is_some_and(is_impossible) {
        breaks("NgayHenTra");
    }
    if dossier
        .supplements
        .iter()
        .filter_map(|one| one.due_at)
        .any(is_impossible)
    {
        breaks("DanhSachHoSoBoSung.NgayHenTraMoi");
    }
    if let (Some(received), Some(returned)) = (dossier.received_at, dossier.returned_at)
        && returned < received
    {
        breaks("NgayTra");
    }
    problem.map_or(Ok(()), |problem| Err(DossierError::Invalid(problem)))
}

/// The identity numbers of an applicant as they are compared and hashed.
pub(crate) fn identity_numbers(applicant: &Applicant) -> Vec<String> {
    let mut numbers: Vec<String> = applicant
        .identities
        .iter()
        .map(|identity| normal_number(&identity.number))
        .filter(|number| !number.is_empty())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// An identity number without what people put between its digits.
pub(crate) fn normal_number(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_uppercase)
        .collect()
}

/// True if both may be the same applicant: one identity number or account in common, or no number to compare by and the same words in
/// the name. Numbers of other kinds under one name are one person whose card was replaced.
pub(crate) fn may_be_same(known: &Applicant, named: &Applicant) -> bool {
    let has_same_account = !known.tech_id.trim().is_empty() && known.tech_id == named.tech_id;
    let (mine, theirs) = (identity_numbers(known), identity_numbers(named));
    if has_same_account || mine.iter().any(|number| theirs.contains(number)) {
        return true;
    }
    let (name, other) = (vi::fold(known.name.trim()), vi::fold(named.name.trim()));
    let is_same_name = name.is_empty() || other.is_empty() || name == other;
    if mine.is_empty() || theirs.is_empty() {
        return is_same_name;
    }
    is_same_name && kinds_of(known) != kinds_of(named)
}

fn kinds_of(applicant: &Applicant) -> Vec<Option<IdentityKind>> {
    let mut kinds: Vec<_> = applicant
        .identities
        .iter()
        .map(|identity| identity.kind)
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;
    use lgsp_wire::dossier::Identity;

    fn applicant(name: &str, numbers: &[(&str, Option<IdentityKind>)]) -> Applicant {
        Applicant {
            name: name.to_owned(),
            identities: numbers
                .iter()
                .map(|(number, kind)| Identity {
                    kind: *kind,
                    number: (*number).to_owned(),
                    extra: Default::default(),
                })
                .collect(),
            ..Applicant::default()
        }
    }

    #[test]
    fn one_code_has_one_applicant() {
        let citizen = Some(IdentityKind::CitizenCard);
        let old = Some(IdentityKind::OldCard);
        let an = applicant("Nguyễn Văn An", &[("001099012345", citizen)]);
        for (named, is_same) in [
            (
                applicant("Nguyễn Văn Ân", &[("001 099 012 345", citizen)]),
                true,
            ),
            (applicant("", &[("001099012345", None)]), true),
            (
                applicant("Nguyễn Văn An", &[("001099000000", citizen)]),
                false,
            ),
            (applicant("Nguyễn Văn An", &[("012345678", old)]), true),
            (applicant("Trần Thị Bình", &[("012345678", old)]), false),
            (applicant("NGUYỄN VĂN AN", &[]), true),
            (applicant("", &[]), true),
            (applicant("Trần Thị Bình", &[]), false),
        ] {
            assert_eq!(may_be_same(&an, &named), is_same, "{}", named.name);
            assert_eq!(may_be_same(&named, &an), is_same, "{}", named.name);
        }
    }

    #[test]
    fn retention_goes_by_rule_then_by_outcome() {
        let mut table = RetentionTable::default();
        assert_eq!(table.fault(), None);
        table
            .by_code
            .insert("2.000488".to_owned(), "permanent".to_owned());
        table
            .by_code
            .insert("G03-GD10".to_owned(), "short".to_owned());
        let class = |procedure, field, status| table.class(procedure, field, status).to_owned();
        assert_eq!(
            class("2.000488", "G03-GD10", DossierStatus::Refused),
            "permanent"
        );
        assert_eq!(
            class("1.000001", "G03-GD10", DossierStatus::Returned),
            "short"
        );
        assert_eq!(
            class("1.000001", "G01-TP01", DossierStatus::Returned),
            "standard"
        );
        assert_eq!(
            class("1.000001", "G01-TP01", DossierStatus::Withdrawn),
            "short"
        );
        let closed = Timestamp::from_millis(0);
        assert_eq!(table.keep_until("permanent", closed), None);
        assert_eq!(
            table.keep_until("short", closed),
            Some(Timestamp::from_millis(731 * 86_400_000))
        );
        table.by_code.insert("x".to_owned(), "none".to_owned());
        assert_eq!(table.fault(), Some("by_code"));
        table.default = "gone".to_owned();
        assert_eq!(table.fault(), Some("default"));
    }
}
