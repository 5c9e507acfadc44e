//! What the portal keeps: dossiers as they came, their steps, ratings and answers.

use std::collections::BTreeMap;

use lgsp_base::Timestamp;
use serde_json::{Map, Value};

use super::{Refused, text_of};

/// Dossiers that it keeps; a further one is refused.
const DOSSIERS_MAX: usize = 200_000;
/// Records of one dossier.
const RECORDS_MAX: usize = 16;
/// Steps of one dossier.
const STEPS_MAX: usize = 1_000;
/// Ratings and answers of one service.
const SENT_MAX: usize = 10_000;

/// A dossier as the portal keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The object as it came last.
    pub object: Map<String, Value>,
    /// When the first one came.
    pub created_at: Timestamp,
    /// How many updates came.
    pub updates: u32,
}

impl Record {
    /// `TrangThaiHoSo`.
    pub fn status(&self) -> &str {
        text_of(&self.object, "TrangThaiHoSo")
    }
}

/// What the portal keeps of one dossier: more than one record is a duplicate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Remembered {
    /// The dossier.
    pub records: Vec<Record>,
    /// Its steps as they came.
    pub steps: Vec<Value>,
}

impl Remembered {
    /// `TrangThaiHoSo` of the only record.
    pub fn status(&self) -> Option<&str> {
        match self.records.as_slice() {
            [one] => Some(one.status()),
            _ => None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Memory {
    dossiers: BTreeMap<String, Remembered>,
    sent: BTreeMap<String, Vec<Value>>,
}

impl Memory {
    pub(super) fn knows(&self, code: &str) -> bool {
        self.dossiers.contains_key(code)
    }

    pub(super) fn remembered(&self, code: &str) -> Remembered {
        self.dossiers.get(code).cloned().unwrap_or_default()
    }

    pub(super) fn codes(&self) -> Vec<String> {
        self.dossiers.keys().cloned().collect()
    }

    /// Keeps a new dossier, or puts an update in the place of whatever was kept: duplicates end with it.
    pub(super) fn keep(
        &mut self,
        object: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let code = text_of(object, "MaHoSo");
        if self.dossiers.len() >= DOSSIERS_MAX && !self.knows(code) {
            return Err(Refused::rule("Hệ thống đã đầy"));
        }
        let known = self.dossiers.entry(code.to_owned()).or_default();
        let first = known.records.first();
        let record = Record {
            object: object.clone(),
            created_at: first.map_or(now, |record| record.created_at),
            updates: first.map_or(0, |record| record.updates.saturating_add(1)),
        };
        known.records = vec![record];
        Ok(())
    }

    /// Keeps a step; the dossier's status moves with it unless the portal drifts. A step that is known is kept again only on purpose.
    pub(super) fn keep_step(
        &mut self,
        step: &Map<String, Value>,
        is_drifting: bool,
        again: bool,
    ) -> Result<(), Refused> {
        let code = text_of(step, "MaHoSo");
        let Some(known) = self.dossiers.get_mut(code) else {
            return Err(Refused::rule(format!("Hồ sơ {code} chưa có trên hệ thống")));
        };
        if known.steps.len() >= STEPS_MAX {
            return Err(Refused::rule(format!("Hồ sơ {code} có quá nhiều bước")));
        }
        let value = Value::Object(step.clone());
        if again || !known.steps.contains(&value) {
            known.steps.push(value);
        }
        if !is_drifting {
            for record in &mut known.records {
                let status = text_of(step, "TrangThai").to_owned();
                record
                    .object
                    .insert("TrangThaiHoSo".to_owned(), status.into());
            }
        }
        Ok(())
    }

    /// The records of a dossier, as `TraCuuHoSo` answers.
    pub(super) fn found(&self, code: &str) -> Vec<Value> {
        let known = self.dossiers.get(code);
        known
            .into_iter()
            .flat_map(|known| &known.records)
            .map(|record| Value::Object(record.object.clone()))
            .collect()
    }

    pub(super) fn forget(&mut self, code: &str) -> bool {
        self.dossiers.remove(code).is_some()
    }

    pub(super) fn duplicate(&mut self, code: &str) -> bool {
        let Some(known) = self.dossiers.get_mut(code) else {
            return false;
        };
        let Some(first) = known.records.first().cloned() else {
            return false;
        };
        if known.records.len() < RECORDS_MAX {
            known.records.push(first);
        }
        true
    }

    pub(super) fn set_status(&mut self, code: &str, status: &str) -> bool {
        let Some(known) = self.dossiers.get_mut(code) else {
            return false;
        };
        for record in &mut known.records {
            record
                .object
                .insert("TrangThaiHoSo".to_owned(), status.into());
        }
        true
    }

    pub(super) fn keep_sent(
        &mut self,
        service: &str,
        items: Vec<&Map<String, Value>>,
    ) -> Result<(), Refused> {
        let sent = self.sent.entry(service.to_owned()).or_default();
        if sent.len() + items.len() > SENT_MAX {
            return Err(Refused::rule("Hệ thống đã đầy"));
        }
        sent.extend(items.into_iter().cloned().map(Value::Object));
        Ok(())
    }

    pub(super) fn sent_to(&self, service: &str) -> Vec<Value> {
        self.sent.get(service).cloned().unwrap_or_default()
    }

    /// The answers that were sent to a question.
    pub(super) fn answers_to(&self, question: &str) -> Vec<Value> {
        let sent = ["DongBoHoiDap", "DongBoKetQuaHoiDapGuiTuDVCQG"];
        sent.iter()
            .flat_map(|service| self.sent_to(service))
            .filter(|item| item.get("ID").and_then(Value::as_str) == Some(question))
            .collect()
    }
}
