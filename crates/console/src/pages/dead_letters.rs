//! Dead letters: what did not arrive, grouped by cause and unit; sent again to where it was meant to go, with a preview,
//! at a pace, with progress, and safe to press twice.

use axum::extract::{Path, State};
use axum::response::Response;
use lgsp_base::id::{DeliveryId, JobId, OrgId};
use lgsp_base::problem::kinds;
use lgsp_base::{Entropy, Permission, Timestamp, hash, limits};
use lgsp_exchange::{
    BatchPreview, BatchQuery, DeliveryState, ResendItem, ResendJob, ResendOutcome, ResendState,
    TroubledGroup, TroubledQuery, seconds_left,
};
use serde::Serialize;

use super::cause::Cause;
use super::organisations::Party;

use crate::Console;
use crate::error::{Failure, redirect};
use crate::form::{Query, encode};
use crate::page::{Page, Place};
use crate::visitor::{Posted, Visitor};

/// Names of parameters and fields: cause, unit, state, pace, whether expired ones stay out, one delivery, the key that makes
/// a second press harmless.
const CAUSE: &str = "nguyen-nhan";
const UNIT: &str = "don-vi";
const STATE: &str = "trang-thai";
const PACE: &str = "toc-do";
const SKIP_EXPIRED: &str = "bo-qua-het-han";
const ID: &str = "id";
const KEY: &str = "khoa";
/// Stands for "nobody said why", since an empty value counts as absent.
const UNSAID: &str = "~";
/// Bulk resends listed below the groups.
const JOBS_SHOWN: usize = 10;
/// Results shown of a bulk resend: those that failed first.
const ITEMS_SHOWN: usize = 200;

/// The groups, and the bulk resends of the last days.
#[derive(Debug, Serialize)]
pub(crate) struct DeadLettersPage {
    groups: Vec<Group>,
    total: u64,
    oldest_at: Option<Timestamp>,
    is_complete: bool,
    /// The unit to which the list is narrowed.
    unit: Option<String>,
    state: Option<&'static str>,
    jobs: Vec<Job>,
}

/// One group.
#[derive(Debug, Clone, Serialize)]
struct Group {
    cause: Cause,
    state: &'static str,
    unit_id: String,
    unit: String,
    code: String,
    count: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    samples: Vec<String>,
    detail: Option<String>,
    href: String,
}

impl Group {
    fn of(group: TroubledGroup) -> Self {
        let state = group.state.name();
        Self {
            href: format!(
                "/hang-doi-loi/gui-lai?{CAUSE}={}&{UNIT}={}&{STATE}={state}",
                encode(if group.cause.is_empty() {
                    UNSAID
                } else {
                    &group.cause
                }),
                group.recipient
            ),
            cause: Cause::of(&group.cause),
            state,
            unit_id: group.recipient.to_string(),
            unit: group
                .recipient_name
                .unwrap_or_else(|| group.recipient_code.clone()),
            code: group.recipient_code,
            count: group.count,
            first_at: group.first_at,
            last_at: group.last_at,
            samples: group.samples.iter().map(ToString::to_string).collect(),
            detail: group.detail,
        }
    }
}

/// What a bulk resend would do, and the form that starts it.
#[derive(Debug, Serialize)]
pub(crate) struct ResendPage {
    cause: Option<Cause>,
    cause_value: Option<String>,
    unit: Option<String>,
    unit_id: Option<String>,
    state: Option<&'static str>,
    preview: Preview,
    first: Option<String>,
    key: String,
    pace_max: u32,
    skips_expired: bool,
}

/// [`BatchPreview`] for the template.
#[derive(Debug, Clone, Serialize)]
struct Preview {
    matched: u64,
    sendable: u64,
    expired: u64,
    already: u64,
    unsendable: u64,
    without_system: u64,
    per_second: u32,
    took: u64,
    is_cut: bool,
}

impl Preview {
    fn of(preview: BatchPreview) -> Self {
        Self {
            matched: preview.matched,
            sendable: preview.sendable,
            expired: preview.expired,
            already: preview.already,
            unsendable: preview.unsendable,
            without_system: preview.without_system,
            per_second: preview.per_second,
            took: preview.seconds.saturating_mul(1_000),
            is_cut: preview.is_cut,
        }
    }
}

/// One bulk resend.
#[derive(Debug, Clone, Serialize)]
struct Job {
    id: String,
    state: &'static str,
    total: u64,
    done: u64,
    resent: u64,
    already: u64,
    failed: u64,
    per_second: u32,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
    /// Milliseconds that it still needs.
    left: Option<u64>,
}

impl Job {
    fn of(job: &ResendJob) -> Self {
        Self {
            id: job.id.to_string(),
            state: job.state.name(),
            total: job.total,
            done: job.done,
            resent: job.resent,
            already: job.already,
            failed: job.failed,
            per_second: job.per_second,
            created_at: job.created_at,
            finished_at: job.finished_at,
            left: seconds_left(job).map(|seconds| seconds.saturating_mul(1_000)),
        }
    }
}

/// A bulk resend at work.
#[derive(Debug, Serialize)]
pub(crate) struct JobPage {
    job: Job,
    items: Vec<Item>,
    is_cut: bool,
}

/// What came of one delivery.
#[derive(Debug, Clone, Serialize)]
struct Item {
    number: i64,
    delivery: String,
    outcome: &'static str,
    problem: Option<String>,
    at: Option<Timestamp>,
}

impl Item {
    fn of(item: ResendItem) -> Self {
        Self {
            number: item.number,
            delivery: item.delivery.to_string(),
            outcome: item.outcome.map_or("open", ResendOutcome::name),
            problem: item.problem,
            at: item.at,
        }
    }
}

/// What a query or a form chooses.
fn chosen(query: &Query) -> Result<BatchQuery, Failure> {
    let invalid =
        |name: &'static str| Failure::from(kinds::INPUT_INVALID.problem().at(name, "format", ""));
    let ids = query
        .all(ID)
        .map(|id| id.parse::<DeliveryId>().map_err(|_| invalid(ID)))
        .collect::<Result<Vec<_>, _>>()?;
    let org: Option<OrgId> = query
        .text(UNIT)
        .map(str::parse)
        .transpose()
        .map_err(|_| invalid(UNIT))?;
    let state: Option<DeliveryState> = query
        .text(STATE)
        .map(str::parse)
        .transpose()
        .map_err(|_| invalid(STATE))?;
    Ok(BatchQuery {
        ids,
        cause: query.text(CAUSE).map(|cause| match cause {
            UNSAID => String::new(),
            cause => cause.to_owned(),
        }),
        org,
        state,
        skip_expired: query.text(SKIP_EXPIRED).is_some(),
    })
}

fn pace(query: &Query) -> Result<Option<u32>, Failure> {
    query
        .text(PACE)
        .map(|text| {
            text.parse()
                .map_err(|_| kinds::INPUT_INVALID.problem().at(PACE, "number", "").into())
        })
        .transpose()
}

/// `GET /hang-doi-loi`.
pub(crate) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DocumentRead)?;
    let wanted = chosen(&visitor.query)?;
    let found = console
        .exchange
        .troubled_groups(
            &visitor.actor,
            TroubledQuery {
                state: wanted.state,
                cause: wanted.cause,
                org: wanted.org,
            },
        )
        .await
        .map_err(|error| error.to_problem())?;
    let jobs = if visitor.actor.may(Permission::DeliveryResend) {
        console
            .exchange
            .resend_jobs(&visitor.actor, None, JOBS_SHOWN)
            .await
            .map_err(|error| error.to_problem())?
    } else {
        Vec::new()
    };
    let page = DeadLettersPage {
        groups: found.groups.into_iter().map(Group::of).collect(),
        total: found.total,
        oldest_at: found.oldest_at,
        is_complete: found.is_complete,
        unit: wanted
            .org
            .map(|org| unit_name(&console, org, visitor.now())),
        state: wanted.state.map(DeliveryState::name),
        jobs: jobs.iter().map(Job::of).collect(),
    };
    visitor.show(&console, &page)
}

fn unit_name(console: &Console, org: OrgId, at: Timestamp) -> String {
    Party::of(&console.registry.snapshot(), org, at)
        .map_or_else(|| org.to_string(), |unit| unit.name)
}

/// `GET /hang-doi-loi/mau/{id}`: from a delivery to its place in the trace of its document.
pub(crate) async fn sample(
    State(console): State<Console>,
    Path(id): Path<DeliveryId>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let (document, _) = console
        .exchange
        .delivery(&visitor.actor, id)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(redirect(&format!("/truy-vet/{}#{id}", document.id)))
}

/// `GET /hang-doi-loi/gui-lai`: what it would do.
pub(crate) async fn preview(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DeliveryResend)?;
    let wanted = chosen(&visitor.query)?;
    let preview = console
        .exchange
        .resend_preview(&visitor.actor, wanted.clone(), pace(&visitor.query)?)
        .await
        .map_err(|error| error.to_problem())?;
    let first = console
        .exchange
        .troubled_groups(
            &visitor.actor,
            TroubledQuery {
                state: wanted.state,
                cause: wanted.cause.clone(),
                org: wanted.org,
            },
        )
        .await
        .map_err(|error| error.to_problem())?
        .groups
        .first()
        .and_then(|group| group.samples.last().map(ToString::to_string));
    let page = ResendPage {
        cause: wanted.cause.as_deref().map(Cause::of),
        cause_value: visitor.query.text(CAUSE).map(ToOwned::to_owned),
        unit: wanted
            .org
            .map(|org| unit_name(&console, org, visitor.now())),
        unit_id: wanted.org.map(|org| org.to_string()),
        state: wanted.state.map(DeliveryState::name),
        preview: Preview::of(preview),
        first,
        key: fresh_key(console.entropy.as_ref()),
        pace_max: limits::RESEND_PER_SECOND_MAX,
        skips_expired: wanted.skip_expired,
    };
    visitor.show(&console, &page)
}

/// A key that belongs to one showing of the form: however often it is sent, one bulk resend comes of it.
fn fresh_key(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    hash::to_hex(&bytes)
}

/// `POST /hang-doi-loi/gui-lai`.
pub(crate) async fn start(
    State(console): State<Console>,
    Posted { visitor, form }: Posted,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DeliveryResend)?;
    let key = form.required(KEY)?.to_owned();
    let started = console
        .exchange
        .resend_batch(
            &visitor.actor,
            chosen(form.query())?,
            pace(form.query())?,
            Some(key),
        )
        .await
        .map_err(|error| error.to_problem())?;
    Ok(redirect(&format!("/hang-doi-loi/viec/{}", started.job.id)))
}

/// `GET /hang-doi-loi/viec/{id}`.
pub(crate) async fn job(
    State(console): State<Console>,
    Path(id): Path<JobId>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DeliveryResend)?;
    let job = console
        .exchange
        .resend_job(&visitor.actor, id)
        .await
        .map_err(|error| error.to_problem())?;
    let mut items = Vec::new();
    for outcome in [
        ResendOutcome::Failed,
        ResendOutcome::Already,
        ResendOutcome::Resent,
    ] {
        let more = console
            .exchange
            .resend_items(
                &visitor.actor,
                id,
                Some(outcome),
                0,
                ITEMS_SHOWN.saturating_sub(items.len()).max(1),
            )
            .await
            .map_err(|error| error.to_problem())?;
        items.extend(more.into_iter().map(Item::of));
    }
    items.truncate(ITEMS_SHOWN);
    let page = JobPage {
        is_cut: job.done > ITEMS_SHOWN as u64,
        job: Job::of(&job),
        items,
    };
    visitor.show(&console, &page)
}

/// `POST /hang-doi-loi/viec/{id}/dung`.
pub(crate) async fn cancel(
    State(console): State<Console>,
    Path(id): Path<JobId>,
    Posted { visitor, .. }: Posted,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DeliveryResend)?;
    console
        .exchange
        .resend_cancel(&visitor.actor, id)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(redirect(&format!("/hang-doi-loi/viec/{id}")))
}

fn sample_at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_793_840_829_120_000).plus(std::time::Duration::from_secs(seconds))
}

fn sample_job(state: ResendState, done: u64) -> Job {
    let is_running = state == ResendState::Running;
    Job {
        id: JobId::from_bits(7).to_string(),
        state: state.name(),
        total: 412,
        done,
        resent: done.saturating_sub(3),
        already: 1.min(done),
        failed: 2.min(done),
        per_second: 12,
        created_at: sample_at(0),
        finished_at: (!is_running).then(|| sample_at(35)),
        left: is_running.then_some(9_000),
    }
}

impl Page for DeadLettersPage {
    const TEMPLATE: &'static str = "dead_letters.html";
    const PLACE: Place = Place::DeadLetters;
    const FRAGMENTS: &'static [&'static str] = &["groups", "jobs"];

    fn samples() -> Vec<(&'static str, Self)> {
        let empty = || Self {
            groups: Vec::new(),
            total: 0,
            oldest_at: None,
            is_complete: true,
            unit: None,
            state: None,
            jobs: Vec::new(),
        };
        let states = [
            DeliveryState::Dead,
            DeliveryState::Parked,
            DeliveryState::Expired,
        ];
        let groups = Cause::samples()
            .into_iter()
            .zip(states.iter().cycle())
            .zip(1_u64..)
            .map(|((cause, state), n)| Group {
                state: state.name(),
                unit_id: OrgId::from_bits(n.into()).to_string(),
                unit: "Sở Y tế tỉnh Bình An".to_owned(),
                code: "H99.03".to_owned(),
                count: 412 / n,
                first_at: sample_at(n * 60),
                last_at: sample_at(n * 600),
                samples: vec![DeliveryId::from_bits(n.into()).to_string(); 3],
                detail: (n % 2 == 0).then(|| "Connection refused".to_owned()),
                href: "/hang-doi-loi/gui-lai?nguyen-nhan=connect".to_owned(),
                cause,
            })
            .collect();
        vec![
            ("empty", empty()),
            (
                "full",
                Self {
                    groups,
                    total: 437,
                    oldest_at: Some(sample_at(60)),
                    is_complete: false,
                    unit: Some("Sở Y tế tỉnh Bình An".to_owned()),
                    state: Some("dead"),
                    jobs: vec![
                        sample_job(ResendState::Running, 300),
                        sample_job(ResendState::Done, 412),
                        sample_job(ResendState::Cancelled, 120),
                    ],
                },
            ),
        ]
    }
}

impl Page for ResendPage {
    const TEMPLATE: &'static str = "resend.html";
    const PLACE: Place = Place::DeadLetters;

    fn samples() -> Vec<(&'static str, Self)> {
        let preview = |sendable| Preview {
            matched: 425,
            sendable,
            expired: 3,
            already: 6,
            unsendable: 4,
            without_system: 1,
            per_second: 12,
            took: 35_000,
            is_cut: sendable > 0,
        };
        let page = |sendable| Self {
            cause: (sendable > 0).then(|| Cause::of("connect")),
            cause_value: (sendable > 0).then(|| "connect".to_owned()),
            unit: (sendable > 0).then(|| "Sở Y tế tỉnh Bình An".to_owned()),
            unit_id: (sendable > 0).then(|| OrgId::from_bits(3).to_string()),
            state: (sendable > 0).then_some("dead"),
            preview: preview(sendable),
            first: (sendable > 0).then(|| DeliveryId::from_bits(1).to_string()),
            key: "0".repeat(32),
            pace_max: limits::RESEND_PER_SECOND_MAX,
            skips_expired: sendable > 0,
        };
        vec![("usual", page(412)), ("nothing", page(0))]
    }
}

impl Page for JobPage {
    const TEMPLATE: &'static str = "resend_job.html";
    const PLACE: Place = Place::DeadLetters;
    const FRAGMENTS: &'static [&'static str] = &["job"];

    fn samples() -> Vec<(&'static str, Self)> {
        let item = |number, outcome, problem: Option<&str>| Item {
            number,
            delivery: DeliveryId::from_bits(1).to_string(),
            outcome,
            problem: problem.map(ToOwned::to_owned),
            at: Some(sample_at(1)),
        };
        let items = vec![
            item(1, "failed", Some("exchange.delivery_state")),
            item(2, "already", None),
            item(3, "resent", None),
            item(4, "open", None),
        ];
        vec![
            (
                "running",
                Self {
                    job: sample_job(ResendState::Running, 300),
                    items: items.clone(),
                    is_cut: true,
                },
            ),
            (
                "done",
                Self {
                    job: sample_job(ResendState::Done, 412),
                    items,
                    is_cut: false,
                },
            ),
            (
                "cancelled",
                Self {
                    job: sample_job(ResendState::Cancelled, 0),
                    items: Vec::new(),
                    is_cut: false,
                },
            ),
        ]
    }
}
