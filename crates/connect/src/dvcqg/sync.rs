//! Procedures and catalogues of the portal, fetched into the store. What one service does not give leaves the others alone: each is
//! stored by itself, and the report names those that failed.

use lgsp_base::id::SystemId;
use lgsp_base::{Timestamp, limits};
use lgsp_exchange::dossier::portals::SyncReport;
use lgsp_exchange::dossier::{CatalogueEntry, DossierError, Dossiers, Procedure};
use lgsp_wire::dossier::{
    Item, PortalRequest, PortalService, ProcedureCode, ProcedureRow, Reply, ReplyOutcome,
};
use serde_json::{Map, Value};

use super::{NationalPortal, PortalError};
use crate::connector::{ACTOR, cause_of};

/// Procedures that are stored in one transaction.
const PAGE: usize = 50;

/// Why a synchronisation stopped.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The portal does not answer.
    #[error("the portal does not answer")]
    Portal(#[from] PortalError),
    /// What came could not be stored.
    #[error("what the portal gave could not be stored")]
    Store(#[from] DossierError),
}

impl NationalPortal {
    /// Fetches every procedure of the agency, and every catalogue.
    ///
    /// # Errors
    /// [`SyncError`]; a service that refuses stands in the report.
    pub async fn synchronise(
        &self,
        dossiers: &Dossiers,
        system: SystemId,
    ) -> Result<SyncReport, SyncError> {
        let mut report = SyncReport::default();
        self.fetch_procedures(dossiers, system, &mut report).await?;
        for service in PortalService::ALL.iter().filter(|one| one.is_catalogue()) {
            let Some(reply) = self.fetch(system, *service, &mut report).await? else {
                continue;
            };
            let entries = entries(&reply);
            if entries.is_empty() {
                // An empty answer is more likely a fault than an empty catalogue: what we have stays.
                report.failed.push((service.name(), "empty".to_owned()));
                continue;
            }
            report.entries += entries.len() as u64;
            dossiers
                .catalogue_put(&ACTOR, service.name(), entries)
                .await?;
        }
        Ok(report)
    }

    /// The answer of a service without further fields; none if it refused.
    async fn fetch(
        &self,
        system: SystemId,
        service: PortalService,
        report: &mut SyncReport,
    ) -> Result<Option<Reply>, PortalError> {
        let answer = self
            .call(system, |session, agency| {
                PortalRequest::new(session, agency, service)
            })
            .await?;
        if answer.reply.outcome == ReplyOutcome::Ok {
            return Ok(Some(answer.reply));
        }
        let cause = cause_of("portal", &answer.reply.code);
        report.failed.push((service.name(), cause));
        Ok(None)
    }

    async fn fetch_procedures(
        &self,
        dossiers: &Dossiers,
        system: SystemId,
        report: &mut SyncReport,
    ) -> Result<(), SyncError> {
        let listed = self
            .fetch(system, PortalService::Procedures, report)
            .await?;
        let Some(listed) = listed else {
            return Ok(());
        };
        let rows: Vec<Item<ProcedureRow>> = ProcedureRow::of_reply(&listed);
        let mut page = Vec::with_capacity(PAGE);
        for row in rows.into_iter().take(limits::PORTAL_PROCEDURES_MAX) {
            report.procedures += 1;
            let Ok(row) = row.result else {
                report.skipped += 1;
                continue;
            };
            match self.fetch_procedure(system, &row).await? {
                Some(procedure) => page.push(procedure),
                None => report.skipped += 1,
            }
            if page.len() == PAGE {
                let full = std::mem::replace(&mut page, Vec::with_capacity(PAGE));
                report.changed += dossiers.procedures_put(&ACTOR, full).await?;
            }
        }
        if !page.is_empty() {
            report.changed += dossiers.procedures_put(&ACTOR, page).await?;
        }
        Ok(())
    }

    /// A procedure in full; none if the portal refuses it or it cannot be read.
    async fn fetch_procedure(
        &self,
        system: SystemId,
        row: &ProcedureRow,
    ) -> Result<Option<Procedure>, PortalError> {
        let answer = self
            .call(system, |session, agency| {
                PortalRequest::procedure(session, agency, &row.code)
            })
            .await?;
        if answer.reply.outcome != ReplyOutcome::Ok {
            return Ok(None);
        }
        let read = lgsp_wire::dossier::Procedure::of_reply(&answer.reply);
        Ok(read
            .and_then(|item| item.result.ok())
            .map(|record| stored(&row.code, &record)))
    }
}

fn stored(listed_as: &ProcedureCode, record: &lgsp_wire::dossier::Procedure) -> Procedure {
    let sector = record.sectors.first();
    let level = record.levels.first();
    Procedure {
        code: listed_as.base().to_owned(),
        agency: listed_as.suffix().unwrap_or_default().to_owned(),
        name: record.name.clone(),
        field_code: sector.map(|sector| sector.code.clone()).unwrap_or_default(),
        field_name: sector.map(|sector| sector.name.clone()).unwrap_or_default(),
        level: level.map(|level| level.code.clone()).unwrap_or_default(),
        record: record.to_portal().to_string(),
        // Set when it is stored.
        synced_at: Timestamp::BEGINNING,
        version: 0,
    }
}

/// The entries of a catalogue. Each has a code, an id where it has no code, and words; the names of the fields differ by catalogue.
fn entries(reply: &Reply) -> Vec<CatalogueEntry> {
    reply
        .rows()
        .into_iter()
        .take(limits::PORTAL_CATALOGUE_MAX)
        .filter_map(|row| {
            let code = of_name(row, "MA").or_else(|| of_name(row, "ID"))?;
            Some(CatalogueEntry {
                label: of_name(row, "TEN").unwrap_or_default(),
                extra: serde_json::to_string(row).ok(),
                code,
            })
        })
        .collect()
}

/// The text of the field with the shortest name that begins like this.
fn of_name(row: &Map<String, Value>, beginning: &str) -> Option<String> {
    let begins = |name: &str| {
        name.get(..beginning.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    row.iter()
        .filter(|(name, _)| begins(name))
        .filter_map(|(name, value)| match value {
            Value::String(text) => Some((name.len(), text.trim().to_owned())),
            Value::Number(number) => Some((name.len(), number.to_string())),
            _ => None,
        })
        .filter(|(_, text)| !text.is_empty())
        .min_by_key(|(length, _)| *length)
        .map(|(_, text)| text)
}
