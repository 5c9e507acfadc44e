//! Dossiers that a ministry works on: durable jobs that ask for their state until they are done. A new state comes back as a step of the
//! ministry's organisation, under a key of its own, so that a job that runs twice tells nothing twice.

use std::time::Duration;

use lgsp_base::id::{JobId, SystemId};
use lgsp_base::{Actor, Sha256, Timestamp, limits};
use lgsp_exchange::dossier::{DossierError, Dossiers, ProgressPush};
use lgsp_exchange::{ConnectorKind, Door};
use lgsp_store::StoreError;
use lgsp_store::jobs::{Leased, NewJob};
use lgsp_wire::dossier::{Dossier, DossierCode, DossierStatus, ProgressStep};
use serde::{Deserialize, Serialize};

use super::{Ended, Ministries, RemoteState, Station};

/// The queue of the jobs.
const QUEUE: &str = "ministry.watch";
/// How long a worker owns a job: one call and one confirmation.
const LEASE: Duration = Duration::from_secs(60);
/// The part of a question's age after which it is asked again.
const AGE_PART: u32 = 10;

/// What a job is about. Nothing here says anything about a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Watch {
    system: SystemId,
    is_criminal: bool,
    code: DossierCode,
    /// The unit for civil status, the ministry's id for criminal records.
    place: String,
    since: Timestamp,
}

impl Ministries {
    /// Asks about a dossier from now on.
    pub(super) async fn watch(
        &self,
        station: &Station,
        kind: ConnectorKind,
        dossier: &Dossier,
        place: String,
    ) -> Result<(), StoreError> {
        let now = self.inner.clock.now();
        let id = JobId::generate(now, self.inner.entropy.as_ref());
        let watch = Watch {
            system: station.connector.system,
            is_criminal: kind == ConnectorKind::CriminalRecord,
            code: dossier.code.clone(),
            place,
            since: now,
        };
        let key = format!("{}/{}", watch.system, watch.code);
        // A struct of texts always becomes JSON.
        let payload = serde_json::to_string(&watch).unwrap_or_default();
        let due_at = now.plus(self.inner.poll_min);
        self.inner
            .db
            .write("ministry_watch", move |tx| {
                tx.job_enqueue(&NewJob {
                    id,
                    queue: QUEUE,
                    key: &key,
                    payload: &payload,
                    due_at,
                    attempts_max: limits::MINISTRY_POLLS_MAX,
                    created_at: now,
                })
                .map(drop)
            })
            .await
    }

    /// Asks about every dossier that is due; gives how many that were. `owner` names the node.
    ///
    /// # Errors
    /// The store's.
    pub async fn step(&self, dossiers: &Dossiers, owner: &str) -> Result<usize, StoreError> {
        let (now, owner) = (self.inner.clock.now(), owner.to_owned());
        let due = self
            .inner
            .db
            .write("ministry_watch_lease", move |tx| {
                tx.job_acquire(QUEUE, &owner, now, LEASE, limits::MINISTRY_POLLS_AT_ONCE)
            })
            .await?;
        let count = due.len();
        for job in due {
            self.look(dossiers, job).await?;
        }
        Ok(count)
    }

    async fn look(&self, dossiers: &Dossiers, job: Leased) -> Result<(), StoreError> {
        let outcome = match serde_json::from_str::<Watch>(&job.payload) {
            Ok(watch) => self
                .ask_state(dossiers, &watch)
                .await
                .map_err(|cause| (cause, self.pause(&watch))),
            Err(_) => Err(("payload".to_owned(), limits::MINISTRY_POLL_MAX)),
        };
        let now = self.inner.clock.now();
        self.inner
            .db
            .write("ministry_watch_done", move |tx| match &outcome {
                Ok(()) => tx.job_complete(job.id, job.lease_number, now),
                Err((cause, pause)) => tx
                    .job_retry(job.id, job.lease_number, now.plus(*pause), cause, now)
                    .map(drop),
            })
            .await
            .or_else(|error| match error {
                // Another node has it by now, and will tell the same under the same key.
                StoreError::LeaseLost => Ok(()),
                error => Err(error),
            })
    }

    /// Young questions are asked often, old ones rarely.
    fn pause(&self, watch: &Watch) -> Duration {
        let age = self.inner.clock.now().since(watch.since) / AGE_PART;
        age.clamp(self.inner.poll_min, limits::MINISTRY_POLL_MAX)
    }

    /// Asks for the state and tells it. An error is the word for why it is asked again.
    async fn ask_state(&self, dossiers: &Dossiers, watch: &Watch) -> Result<(), String> {
        let station = self.station(watch.system).ok_or("no_connector")?;
        let asked = if watch.is_criminal {
            self.criminal_state(&station, &watch.code).await
        } else {
            self.civil_state(&station, &watch.place, &watch.code).await
        };
        let state = asked.map_err(|ended| match ended {
            Ended::Fault(fault) => fault.cause,
            Ended::Refused { cause, .. } => cause,
        })?;
        let Some(status) = state.status else {
            return Err("state".to_owned());
        };
        self.tell(dossiers, watch, &station, &state, status).await?;
        if status != DossierStatus::Finished {
            return Err("pending".to_owned());
        }
        if watch.is_criminal {
            let id = if state.id.is_empty() {
                &watch.place
            } else {
                &state.id
            };
            let confirmed = self.confirm_criminal(&station, id).await;
            confirmed.map_err(|_| "not_confirmed".to_owned())?;
        }
        Ok(())
    }

    async fn tell(
        &self,
        dossiers: &Dossiers,
        watch: &Watch,
        station: &Station,
        state: &RemoteState,
        status: DossierStatus,
    ) -> Result<(), String> {
        let step = ProgressStep {
            code: watch.code.clone(),
            status,
            handler: String::new(),
            position: String::new(),
            // Without a time the step is the same however often it is told; the platform's own stands in for it.
            handled_at: None,
            department: String::new(),
            content: state.words.clone(),
            started_at: None,
            due_at: None,
            extra: Default::default(),
        };
        let push = ProgressPush {
            actor: Actor::System {
                system: watch.system,
                org: station.org,
            },
            door: Door::Platform,
            agency: None,
            code: watch.code.clone(),
            steps: vec![step],
            idempotency_key: Some(format!(
                "watch/{}/{}/{}",
                watch.code,
                state.code,
                Sha256::of(state.words.as_bytes())
            )),
        };
        match dossiers.progress(push).await {
            // One that moved past this state meanwhile, or ended, needs no word of it.
            Ok(_) | Err(DossierError::Transition { .. } | DossierError::Erased) => Ok(()),
            Err(error) => Err(error.to_problem().code().to_owned()),
        }
    }
}
