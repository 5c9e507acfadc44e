//! What an operator does with organisations: each operation is one event, or one import, in one transaction with its ledger entry.

use lgsp_base::actor::{Actor, Permission};
use lgsp_base::hash::Sha256;
use lgsp_base::id::{OrgEventId, OrgId};
use lgsp_base::time::Timestamp;
use lgsp_store::StoreError;
use lgsp_wire::record::{Record, Value};
use serde_json::json;

use crate::draft::{Draft, NewCode, NewOrganisation, Occasion, Strictness};
use crate::error::{EventError, EventRule, date_text, permit};
use crate::import::{self, ImportOptions, ImportReport};
use crate::model::{EventKind, SuccessionKind};
use crate::service::{CommitError, LedgerEntry, Registry};

/// How often a change is planned again after another node was faster.
const PLANS_MAX: usize = 8;

/// Told while an import runs how many rows are done, out of how many.
pub type ProgressFn = Box<dyn FnMut(usize, usize) + Send>;

/// An event to be recorded: what it is, whom it concerns.
struct Planned {
    kind: EventKind,
    organisations: Vec<OrgId>,
    detail: serde_json::Value,
}

impl Registry {
    /// Lets an organisation begin and gives its id. Its codes are checked strictly: we issue them.
    ///
    /// # Errors
    /// The actor may not, a rule is broken, or the store fails.
    pub async fn create_organisation(
        &self,
        actor: &Actor,
        new: &NewOrganisation,
        occasion: &Occasion,
    ) -> Result<OrgId, EventError> {
        let planned = Planned {
            kind: EventKind::Create,
            organisations: Vec::new(),
            detail: json!({ "name": new.name }),
        };
        let at = occasion.effective_at;
        let (_, id) = self
            .record_event(actor, occasion, planned, |draft, event| {
                draft.create(new, at, event, Strictness::Issued)
            })
            .await?;
        Ok(id)
    }

    /// Gives an organisation another name; id and codes stay.
    ///
    /// # Errors
    /// The actor may not, a rule is broken, or the store fails.
    pub async fn rename(
        &self,
        actor: &Actor,
        org: OrgId,
        name: &str,
        occasion: &Occasion,
    ) -> Result<OrgEventId, EventError> {
        let planned = Planned {
            kind: EventKind::Rename,
            organisations: vec![org],
            detail: json!({ "organisation": org, "name": name }),
        };
        let at = occasion.effective_at;
        self.record_event(actor, occasion, planned, |draft, event| {
            draft.rename(org, name, at, event)
        })
        .await
        .map(|(event, ())| event)
    }

    /// Lets organisations go into another one (`None`: one that is not known), which ends them. Their codes close and route to the
    /// successor during the transition period.
    ///
    /// # Errors
    /// The actor may not, a rule is broken, or the store fails.
    pub async fn merge(
        &self,
        actor: &Actor,
        predecessors: &[OrgId],
        successor: Option<OrgId>,
        occasion: &Occasion,
    ) -> Result<OrgEventId, EventError> {
        if predecessors.is_empty() {
            return Err(EventRule::TooFew.into());
        }
        let planned = Planned {
            kind: EventKind::Merge,
            organisations: predecessors.iter().copied().chain(successor).collect(),
            detail: json!({ "predecessors": predecessors, "successor": successor }),
        };
        self.record_event(actor, occasion, planned, |draft, event| {
            for predecessor in predecessors {
                draft.succeed(
                    *predecessor,
                    &[successor],
                    SuccessionKind::Merge,
                    occasion,
                    event,
                )?;
            }
            Ok(())
        })
        .await
        .map(|(event, ())| event)
    }

    /// Divides an organisation among at least two others, which ends it. Its codes close; senders choose among the successors.
    ///
    /// # Errors
    /// The actor may not, a rule is broken, or the store fails.
    pub async fn split(
        &self,
        actor: &Actor,
        predecessor: OrgId,
        successors: &[OrgId],
        occasion: &Occasion,
    ) -> Result<OrgEventId, EventError> {
        let mut distinct: Vec<Option<OrgId>> = successors.iter().copied().map(Some).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < 2 {
            return Err(EventRule::TooFew.into());
        }
        let planned = Planned {
            kind: EventKind::Split,
            organisations: std::iter::once(predecessor)
                .chain(successors.iter().copied())
                .collect(),
            detail: json!({ "predecessor": predecessor, "successors": successors }),
        };
        self.record_event(actor, occasion, planned, |draft, event| {
            draft.succeed(
                predecessor,
                &distinct,
                SuccessionKind::Split,
                occasion,
                event,
            )
        })
        .await
        .map(|(event, ())| event)
    }

    /// Gives some tasks or some of the area to another organisation. Both live on; nothing routes.
    ///
    /// # Errors
    /// The actor may not, a rule is broken, or the store fails.
    pub async fn transfer(
        &self,
        actor: &Actor,
        from: OrgId,
        to: OrgId,
        occasion: &Occasion,
    ) -> Result<OrgEventId, EventError> {
        let planned = Planned {
            kind: EventKind::Transfer,
            organisations: vec![from, to],
            detail: json!({ "from": from, "to": to }),
        };
        self.record_event(actor, occasion, planned, |draft, event| {
            draft.succeed(from, &[Some(to)], SuccessionKind::Transfer, occasion, event)
        })
        .await
        .map(|(event, ())| event)
    }

    /// Ends an organisation without successor. What stands below it lives on.
    ///
    /// # Errors
    /// The actor may not, a rule is broken, or the store fails.
    pub async fn dissolve(
        &self,
        actor: &Actor,
        org: OrgId,
        occasion: &Occasion,
    ) -> Result<OrgEventId, EventError> {
        let planned = Planned {
            kind: EventKind::Dissolve,
            organisations: vec![org],
            detail: json!({ "organisation": org }),
        };
        self.record_event(actor, occasion, planned, |draft, event| {
            draft.succeed(org, &[None], SuccessionKind::Dissolve, occasion, event)
        })
        .await
        .map(|(event, ())| event)
    }

    /// Puts an organisation below another one (`None`: at the top).
    ///
    /// # Errors
    /// The actor may not, a rule is broken, or the store fails.
    pub async fn move_to(
        &self,
        actor: &Actor,
        org: OrgId,
        parent: Option<OrgId>,
        occasion: &Occasion,
    ) -> Result<OrgEventId, EventError> {
        let planned = Planned {
            kind: EventKind::Move,
            organisations: std::iter::once(org).chain(parent).collect(),
            detail: json!({ "organisation": org, "parent": parent }),
        };
        let at = occasion.effective_at;
        self.record_event(actor, occasion, planned, |draft, event| {
            draft.move_to(org, parent, at, event)
        })
        .await
        .map(|(event, ())| event)
    }

    /// Gives an organisation another level.
    ///
    /// # Errors
    /// The actor may not, a rule is broken, or the store fails.
    pub async fn change_level(
        &self,
        actor: &Actor,
        org: OrgId,
        level: u32,
        occasion: &Occasion,
    ) -> Result<OrgEventId, EventError> {
        let planned = Planned {
            kind: EventKind::ChangeLevel,
            organisations: vec![org],
            detail: json!({ "organisation": org, "level": level }),
        };
        let at = occasion.effective_at;
        self.record_event(actor, occasion, planned, |draft, event| {
            draft.change_level(org, level, at, event)
        })
        .await
        .map(|(event, ())| event)
    }

    /// Gives an organisation a further code, or, with `replaces`, another one in the place of its open codes of that scheme, which
    /// close and route to it during the transition period.
    ///
    /// # Errors
    /// The actor may not, a rule is broken, or the store fails.
    pub async fn add_code(
        &self,
        actor: &Actor,
        org: OrgId,
        code: &NewCode,
        strictness: Strictness,
        replaces: bool,
        occasion: &Occasion,
    ) -> Result<OrgEventId, EventError> {
        let planned = Planned {
            kind: EventKind::Code,
            organisations: vec![org],
            detail: json!({
                "organisation": org,
                "scheme": code.scheme.name(),
                "code": code.code,
                "replaces": replaces,
            }),
        };
        let at = occasion.effective_at;
        self.record_event(actor, occasion, planned, |draft, event| {
            draft.add_code(org, code, at, event, strictness, replaces)
        })
        .await
        .map(|(event, ())| event)
    }

    /// Imports a CSV file whole or, when a line has a problem, not at all; see [`crate::import`].
    ///
    /// # Errors
    /// The actor may not, or the store fails. Problems of the file stand in the report.
    pub async fn import(
        &self,
        actor: &Actor,
        bytes: Vec<u8>,
        options: ImportOptions,
    ) -> Result<ImportReport, EventError> {
        self.import_with_progress(actor, bytes, options, Box::new(|_, _| {}))
            .await
    }

    /// [`Registry::import`], telling how far it is.
    ///
    /// # Errors
    /// As [`Registry::import`].
    pub async fn import_with_progress(
        &self,
        actor: &Actor,
        bytes: Vec<u8>,
        options: ImportOptions,
        progress: ProgressFn,
    ) -> Result<ImportReport, EventError> {
        permit(actor, Permission::OrganisationWrite)?;
        let digest = Sha256::of(&bytes);
        let bytes: std::sync::Arc<[u8]> = bytes.into();
        let progress = std::sync::Arc::new(std::sync::Mutex::new(progress));
        for _ in 0..PLANS_MAX {
            let directory = std::sync::Arc::clone(self.snapshot().directory());
            let planned_on = std::sync::Arc::clone(&directory);
            let now = self.clock().now();
            let entropy = self.entropy_shared();
            let bytes = std::sync::Arc::clone(&bytes);
            let progress = std::sync::Arc::clone(&progress);
            // Planning a large file takes seconds of processor: a reader thread of the store does it, not the caller's.
            let (report, changes) = self
                .db()
                .read("organisation_import_plan", move |_| {
                    let mut tell = progress
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    Ok::<_, StoreError>(import::plan(
                        &directory,
                        &bytes,
                        options,
                        now,
                        &*entropy,
                        &mut **tell,
                    ))
                })
                .await?;
            if !report.is_accepted() || report.is_dry_run || changes.events.is_empty() {
                return Ok(report);
            }
            let entry = LedgerEntry {
                kind: "organisations.imported",
                record: import_record(actor, &report, options, &digest),
            };
            match self.commit(actor, &planned_on, changes, vec![entry]).await {
                Ok(()) => return Ok(report),
                Err(CommitError::Stale) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(EventError::Contended)
    }

    /// Plans one event on the current directory and commits it; plans again when another node was faster.
    async fn record_event<T>(
        &self,
        actor: &Actor,
        occasion: &Occasion,
        planned: Planned,
        apply: impl Fn(&mut Draft<'_>, OrgEventId) -> Result<T, EventRule>,
    ) -> Result<(OrgEventId, T), EventError> {
        permit(actor, Permission::OrganisationWrite)?;
        for _ in 0..PLANS_MAX {
            let snapshot = self.snapshot();
            let mut draft = Draft::new(snapshot.directory(), self.clock().now(), self.entropy());
            let event = draft.event(planned.kind, occasion, planned.detail.clone());
            let answer = apply(&mut draft, event)?;
            let changes = draft.into_changes();
            let mut concerned: Vec<OrgId> = planned.organisations.clone();
            concerned.extend(changes.created.iter().copied());
            let entry = LedgerEntry {
                kind: "organisation.event",
                record: event_record(actor, event, &planned, occasion, &concerned),
            };
            match self
                .commit(actor, snapshot.directory(), changes, vec![entry])
                .await
            {
                Ok(()) => return Ok((event, answer)),
                Err(CommitError::Stale) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(EventError::Contended)
    }
}

fn event_record(
    actor: &Actor,
    event: OrgEventId,
    planned: &Planned,
    occasion: &Occasion,
    concerned: &[OrgId],
) -> Record {
    let organisations: Vec<Value> = concerned
        .iter()
        .map(|org| Value::from(org.to_string()))
        .collect();
    Record::new()
        .with("actor", actor.label())
        .with("event", event.to_string())
        .with("event_kind", planned.kind.name())
        .with("effective", date_text(occasion.effective_at))
        .with("decision", occasion.decision.as_deref().unwrap_or(""))
        .with("note", occasion.note.as_deref().unwrap_or(""))
        .with("organisations", organisations)
        .with("detail", planned.detail.to_string())
}

fn import_record(
    actor: &Actor,
    report: &ImportReport,
    options: ImportOptions,
    digest: &Sha256,
) -> Record {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let kind = match report.kind {
        Some(import::ImportKind::Organisations) => "organisations",
        Some(import::ImportKind::Successions) => "successions",
        None => "",
    };
    Record::new()
        .with("actor", actor.label())
        .with("file_kind", kind)
        .with("sha256", digest.to_string())
        .with(
            "effective",
            date_text(options.effective.unwrap_or(Timestamp::BEGINNING)),
        )
        .with("rows", count(report.rows))
        .with("created", count(report.created))
        .with("changed", count(report.changed))
        .with("unchanged", count(report.unchanged))
        .with("events", count(report.events))
}
