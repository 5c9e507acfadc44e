//! What must be true before an event is applied: rules that look at a draft and change nothing.

use std::collections::HashSet;

use lgsp_base::id::{OrgEventId, OrgId};
use lgsp_base::limits;
use lgsp_base::org_code;
use lgsp_base::time::Timestamp;
use lgsp_base::vi;

use super::{Draft, NewCode, Strictness};
use crate::error::EventRule;
use crate::model::{Code, Organisation};

/// Highest level of an organisation.
const LEVEL_MAX: u32 = 9;
/// Characters of a kind.
const KIND_CHARS_MAX: usize = 40;

impl Draft<'_> {
    pub(super) fn active(&self, id: OrgId, at: Timestamp) -> Result<&Organisation, EventRule> {
        let org = self
            .organisation(id)
            .ok_or_else(|| EventRule::Unknown(id.to_string()))?;
        if org.period_at(at).is_none() {
            return Err(EventRule::NotActive(self.label(id, at)));
        }
        Ok(org)
    }

    /// The organisation exists at the instant and had begun before it.
    pub(super) fn check_touchable(&self, id: OrgId, at: Timestamp) -> Result<(), EventRule> {
        let org = self
            .organisation(id)
            .ok_or_else(|| EventRule::Unknown(id.to_string()))?;
        if at <= org.begins_at() {
            return Err(EventRule::BeforeBeginning(self.label(id, at)));
        }
        // Giving something away on the very day of the end belongs to the end.
        if org.ended_at().is_some_and(|ended| ended < at) {
            return Err(EventRule::NotActive(self.label(id, at)));
        }
        Ok(())
    }

    /// A parent may begin later than what is below it (imports say nothing about beginnings) but must not have ended.
    pub(super) fn check_parent_open(&self, parent: OrgId, at: Timestamp) -> Result<(), EventRule> {
        let org = self
            .organisation(parent)
            .ok_or_else(|| EventRule::Unknown(parent.to_string()))?;
        if org.ended_at().is_some_and(|ended| ended <= at) {
            return Err(EventRule::NotActive(self.label(parent, at)));
        }
        Ok(())
    }

    /// A successor exists at the instant; one that itself ends then is a link of a chain.
    pub(super) fn check_successor(&self, id: OrgId, at: Timestamp) -> Result<(), EventRule> {
        let org = self
            .organisation(id)
            .ok_or_else(|| EventRule::Unknown(id.to_string()))?;
        let has_begun = org.begins_at() <= at;
        let has_ended = org.ended_at().is_some_and(|ended| ended < at);
        if has_begun && !has_ended {
            Ok(())
        } else {
            Err(EventRule::NotActive(self.label(id, at)))
        }
    }

    pub(super) fn check_no_parent_cycle(
        &self,
        id: OrgId,
        parent: OrgId,
        at: Timestamp,
    ) -> Result<(), EventRule> {
        let mut seen = HashSet::new();
        let mut open = vec![parent];
        while let Some(next) = open.pop() {
            if next == id {
                return Err(EventRule::Cycle(self.label(id, at)));
            }
            if !seen.insert(next) {
                continue;
            }
            let periods = self
                .organisation(next)
                .map_or(&[][..], |org| org.periods.as_slice());
            open.extend(
                periods
                    .iter()
                    .filter(|period| period.to.is_none_or(|to| to > at))
                    .filter_map(|period| period.parent),
            );
        }
        Ok(())
    }

    pub(super) fn check_no_succession_cycle(
        &self,
        predecessor: OrgId,
        successor: OrgId,
        at: Timestamp,
    ) -> Result<(), EventRule> {
        let mut seen = HashSet::new();
        let mut open = vec![successor];
        while let Some(next) = open.pop() {
            if next == predecessor {
                return Err(EventRule::Cycle(self.label(predecessor, at)));
            }
            if seen.insert(next) {
                open.extend(
                    self.successions_of(next)
                        .filter(|edge| edge.kind.ends_predecessor())
                        .filter_map(|edge| edge.successor),
                );
            }
        }
        Ok(())
    }

    pub(super) fn checked_code(
        &self,
        new: &NewCode,
        from: Timestamp,
        event: OrgEventId,
        strictness: Strictness,
    ) -> Result<Code, EventRule> {
        let invalid = |cause| EventRule::Code {
            scheme: new.scheme,
            code: new.code.chars().take(limits::ORG_CODE_CHARS_MAX).collect(),
            cause,
        };
        let key = org_code::key(&new.code).map_err(invalid)?;
        if strictness == Strictness::Issued {
            org_code::check_issued(new.scheme, &new.code).map_err(invalid)?;
        }
        if self.by_key(new.scheme, &key).is_some() {
            return Err(EventRule::CodeTaken(new.code.clone()));
        }
        Ok(Code {
            scheme: new.scheme,
            code: new.code.trim().to_owned(),
            key,
            from,
            to: None,
            is_official: new.is_official,
            legal_basis: new.legal_basis.clone(),
            event,
        })
    }
}

pub(super) fn checked_name(name: &str) -> Result<String, EventRule> {
    let name = vi::nfc(name.trim());
    if name.is_empty() {
        return Err(EventRule::NameEmpty);
    }
    if name.chars().count() > limits::ORG_NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(EventRule::NameForm);
    }
    Ok(name)
}

pub(super) fn check_level(level: u32) -> Result<(), EventRule> {
    if (1..=LEVEL_MAX).contains(&level) {
        Ok(())
    } else {
        Err(EventRule::Level)
    }
}

pub(super) fn check_kind(kind: &str) -> Result<(), EventRule> {
    let is_word = kind
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_word && kind.len() <= KIND_CHARS_MAX {
        Ok(())
    } else {
        Err(EventRule::Kind)
    }
}
