//! Between the words of the registry and the rows of the store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lgsp_base::id::OrgId;
use lgsp_base::org_code::Scheme;
use lgsp_base::time::Timestamp;
use lgsp_store::registry::{CodeRow, EventRow, OrganisationRow, PeriodRow, SuccessionRow};
use lgsp_store::{StoreError, Tx};

use crate::directory::Directory;
use crate::draft::Changes;
use crate::model::{Code, Organisation, Period, Succession, SuccessionKind};

/// Counts changes of organisations; other nodes watch it.
pub(crate) const DIRECTORY_VERSION: &str = "registry_version.organisations";
/// Counts changes of systems, tokens, endpoints and settings; nodes that watch it read them again. Whoever writes such rows
/// without the registry must bump it in the same transaction.
pub const CONNECTIONS_VERSION: &str = "registry_version.systems";

/// The rows of a change, ready to be written.
#[derive(Debug, Default)]
pub(crate) struct ChangeRows {
    organisations: Vec<OrganisationRow>,
    periods: Vec<PeriodRow>,
    codes: Vec<CodeRow>,
    events: Vec<EventRow>,
    successions: Vec<SuccessionRow>,
}

impl ChangeRows {
    pub(crate) fn of(changes: Changes, recorded_at: Timestamp, actor: &str) -> Self {
        let mut rows = Self::default();
        for org in changes.organisations {
            if changes.created.contains(&org.id) {
                rows.organisations.push(OrganisationRow {
                    id: org.id,
                    created_at: org.created_at,
                });
            }
            rows.periods.extend(
                org.periods
                    .into_iter()
                    .map(|period| period_row(org.id, period)),
            );
            rows.codes
                .extend(org.codes.into_iter().map(|code| code_row(org.id, code)));
        }
        rows.events = changes
            .events
            .into_iter()
            .map(|event| EventRow {
                id: event.id,
                kind: event.kind.name(),
                effective_at: event.effective_at,
                recorded_at,
                decision: event.decision,
                note: event.note,
                actor: actor.to_owned(),
                detail: event.detail,
            })
            .collect();
        rows.successions = changes
            .successions
            .into_iter()
            .map(|edge| SuccessionRow {
                event_id: edge.event,
                predecessor_id: edge.predecessor,
                successor_id: edge.successor,
                kind: edge.kind.name().to_owned(),
                effective_at: edge.effective_at,
                note: edge.note,
            })
            .collect();
        rows
    }

    pub(crate) fn write(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.organisation_event_insert_all(&self.events)?;
        tx.organisation_insert_all(&self.organisations)?;
        tx.organisation_period_put_all(&self.periods)?;
        tx.organisation_code_put_all(&self.codes)?;
        tx.organisation_succession_insert_all(&self.successions)
    }
}

fn period_row(org_id: OrgId, period: Period) -> PeriodRow {
    PeriodRow {
        org_id,
        from_at: period.from,
        to_at: period.to,
        name: period.name,
        kind: period.kind.to_string(),
        level: period.level,
        parent_id: period.parent,
        admin_unit_code: period.admin_unit_code,
        province: period.province.as_deref().map(str::to_owned),
        event_id: period.event,
    }
}

fn code_row(org_id: OrgId, code: Code) -> CodeRow {
    CodeRow {
        scheme: code.scheme.name(),
        code_key: code.key,
        code: code.code,
        org_id,
        from_at: code.from,
        to_at: code.to,
        is_official: code.is_official,
        legal_basis: code.legal_basis,
        event_id: code.event,
    }
}

/// Kinds and provinces repeat thousands of times: each text is kept once.
#[derive(Default)]
struct Interner(HashSet<Arc<str>>);

impl Interner {
    fn get(&mut self, text: String) -> Arc<str> {
        if let Some(known) = self.0.get(text.as_str()) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(text);
        self.0.insert(Arc::clone(&shared));
        shared
    }
}

/// Reads the whole directory.
///
/// # Errors
/// [`StoreError::Corrupt`] for a row that no version of this program writes, or that belongs to no organisation.
pub(crate) fn read_directory(tx: &mut Tx<'_>) -> Result<Directory, StoreError> {
    let version = tx.counter_get(DIRECTORY_VERSION)?;
    let mut texts = Interner::default();
    let mut organisations: Vec<Organisation> = tx
        .organisation_list()?
        .into_iter()
        .map(|row| Organisation {
            id: row.id,
            created_at: row.created_at,
            periods: Vec::new(),
            codes: Vec::new(),
        })
        .collect();
    let places: HashMap<OrgId, usize> = organisations
        .iter()
        .enumerate()
        .map(|(place, org)| (org.id, place))
        .collect();
    let orphan = || StoreError::corrupt("a row of an organisation that does not exist");
    for row in tx.organisation_period_list()? {
        let org = places
            .get(&row.org_id)
            .and_then(|place| organisations.get_mut(*place))
            .ok_or_else(orphan)?;
        org.periods.push(Period {
            from: row.from_at,
            to: row.to_at,
            name: row.name,
            kind: texts.get(row.kind),
            level: row.level,
            parent: row.parent_id,
            admin_unit_code: row.admin_unit_code,
            province: row.province.map(|province| texts.get(province)),
            event: row.event_id,
        });
    }
    for row in tx.organisation_code_list()? {
        let org = places
            .get(&row.org_id)
            .and_then(|place| organisations.get_mut(*place))
            .ok_or_else(orphan)?;
        org.codes.push(Code {
            scheme: row
                .scheme
                .parse::<Scheme>()
                .map_err(|_| StoreError::corrupt("scheme of a code"))?,
            code: row.code,
            key: row.code_key,
            from: row.from_at,
            to: row.to_at,
            is_official: row.is_official,
            legal_basis: row.legal_basis,
            event: row.event_id,
        });
    }
    let mut successions = Vec::new();
    for row in tx.organisation_succession_list()? {
        successions.push(Succession {
            event: row.event_id,
            predecessor: row.predecessor_id,
            successor: row.successor_id,
            kind: SuccessionKind::from_name(&row.kind)
                .ok_or_else(|| StoreError::corrupt("kind of a succession"))?,
            effective_at: row.effective_at,
            note: row.note,
        });
    }
    Ok(Directory::build(version, organisations, successions))
}
