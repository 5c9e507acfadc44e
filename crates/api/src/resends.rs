//! Bulk resends: preview, start, follow, end.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use lgsp_base::Timestamp;
use lgsp_base::id::{DeliveryId, JobId, OrgId};
use lgsp_base::problem::{kinds, rules};
use lgsp_exchange::{
    BatchPreview, BatchQuery, DeliveryState, ResendItem, ResendJob, ResendOutcome, seconds_left,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::{DeliveryResend, Permitted};
use crate::json::read_json;
use crate::page::PageRequest;
use crate::problem::{Failure, ProblemDocument};
use crate::query::Query;
use crate::respond::{Page, id, idempotency_key, json, paged};
use crate::submit::mark_replayed;

/// Which deliveries are to be sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "cause": "http_503", "organisation_id": "org_01jqcy4m9ze5b8q6p6b0w7h3tn", "state": "dead", "skip_expired": true,
    "per_second": 12
}))]
pub(crate) struct ResendRequest {
    /// These, at most 20000. Without: every troubled delivery that fits the fields below, of which at least one is given.
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(default)]
    ids: Vec<DeliveryId>,
    /// Only with this cause; empty stands for none.
    cause: Option<String>,
    /// Only for this recipient.
    #[schema(value_type = Option<String>)]
    organisation_id: Option<OrgId>,
    /// `parked`, `dead` or `expired`.
    state: Option<String>,
    /// True to leave out what expired.
    #[serde(default)]
    skip_expired: bool,
    /// Deliveries per second, 1 to 500; 12 by default.
    per_second: Option<u32>,
}

impl ResendRequest {
    fn query(self) -> Result<(BatchQuery, Option<u32>), Failure> {
        let is_chosen = !self.ids.is_empty()
            || self.cause.is_some()
            || self.organisation_id.is_some()
            || self.state.is_some();
        if !is_chosen {
            return Err(kinds::INPUT_INVALID
                .problem()
                .breaks(
                    "/ids",
                    rules::REQUIRED_ONE.with(&[("words", &"ids, cause, organisation_id, state")]),
                )
                .into());
        }
        let state = self
            .state
            .map(|text| {
                text.parse::<DeliveryState>().map_err(|_| {
                    kinds::INPUT_INVALID.problem().breaks(
                        "/state",
                        rules::WORD.with(&[("words", &"parked, dead, expired")]),
                    )
                })
            })
            .transpose()?;
        let query = BatchQuery {
            ids: self.ids,
            cause: self.cause,
            org: self.organisation_id,
            state,
            skip_expired: self.skip_expired,
        };
        Ok((query, self.per_second))
    }
}

/// What a bulk resend would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "matched": 412, "sendable": 409, "expired": 3, "already": 0, "unsendable": 0, "without_system": 0, "per_second": 12,
    "seconds": 35, "is_cut": false
}))]
pub(crate) struct ResendPreview {
    /// Deliveries that were found.
    matched: u64,
    /// Of these: would be sent again.
    sendable: u64,
    /// Of these: expired.
    expired: u64,
    /// Of these: were sent again before.
    already: u64,
    /// Of these: open, delivered, cancelled, erased, unknown, or not the caller's.
    unsendable: u64,
    /// Of those that would be sent: their recipient has no system that could take them now.
    without_system: u64,
    /// Deliveries per second.
    per_second: u32,
    /// Seconds that it would take.
    seconds: u64,
    /// True if there are more than one bulk resend takes.
    is_cut: bool,
}

impl From<BatchPreview> for ResendPreview {
    fn from(preview: BatchPreview) -> Self {
        Self {
            matched: preview.matched,
            sendable: preview.sendable,
            expired: preview.expired,
            already: preview.already,
            unsendable: preview.unsendable,
            without_system: preview.without_system,
            per_second: preview.per_second,
            seconds: preview.seconds,
            is_cut: preview.is_cut,
        }
    }
}

/// Long work: how far it came.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "job_01jqcy4m9ze5b8q6p6b0w7h3tn", "kind": "resend", "state": "running", "total": 412, "done": 300, "resent": 298,
    "already": 0, "failed": 2, "per_second": 12, "eta_seconds": 10, "requested_by": "tok_01jqcy4m9ze5b8q6p6b0w7h3tn",
    "request": {"cause": "http_503", "state": "dead"}, "created_at": "2026-11-05T03:10:00.000000Z",
    "results": "/api/v1/jobs/job_01jqcy4m9ze5b8q6p6b0w7h3tn/results"
}))]
pub(crate) struct JobView {
    /// The job.
    #[schema(value_type = String)]
    id: JobId,
    /// Always `resend`.
    kind: &'static str,
    /// `running`, `done` or `cancelled`.
    state: &'static str,
    /// Deliveries chosen.
    total: u64,
    /// Deliveries that had their turn.
    done: u64,
    /// Of these: sent again.
    resent: u64,
    /// Of these: had been sent again before.
    already: u64,
    /// Of these: could not be sent again.
    failed: u64,
    /// Deliveries per second.
    per_second: u32,
    /// Seconds until it is done; absent when it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_seconds: Option<u64>,
    /// Who asked for it.
    requested_by: String,
    /// What was chosen.
    #[schema(value_type = Object)]
    request: serde_json::Value,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Who ended it before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<String>,
    /// Where the result of each delivery stands.
    results: String,
}

impl From<ResendJob> for JobView {
    fn from(job: ResendJob) -> Self {
        Self {
            eta_seconds: seconds_left(&job),
            results: format!("/api/v1/jobs/{}/results", job.id),
            id: job.id,
            kind: "resend",
            state: job.state.name(),
            total: job.total,
            done: job.done,
            resent: job.resent,
            already: job.already,
            failed: job.failed,
            per_second: job.per_second,
            requested_by: job.owner,
            request: serde_json::from_str(&job.request).unwrap_or_default(),
            created_at: job.created_at,
            finished_at: job.finished_at,
            cancelled_by: job.cancelled_by,
        }
    }
}

/// What came of one delivery of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "number": 7, "delivery_id": "dlv_01jqcy4m9zk1m2n3p4q5r6s7t8", "outcome": "resent",
    "resent_as": "dlv_01jqd0000000000000000000v9", "at": "2026-11-05T03:10:01.000000Z"
}))]
pub(crate) struct JobResultView {
    /// Place in the job, from 1.
    number: i64,
    /// The delivery as chosen.
    #[schema(value_type = String)]
    delivery_id: DeliveryId,
    /// `waiting` before its turn; then `resent`, `already` (it had been sent again before) or `failed`.
    outcome: &'static str,
    /// The new delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    resent_as: Option<DeliveryId>,
    /// The code of the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// When it had its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

impl From<ResendItem> for JobResultView {
    fn from(item: ResendItem) -> Self {
        Self {
            number: item.number,
            delivery_id: item.delivery,
            outcome: item.outcome.map_or("waiting", ResendOutcome::name),
            resent_as: item.resent_as,
            problem: item.problem,
            at: item.at,
        }
    }
}

/// Send many deliveries again
///
/// Each to its original recipient, at a pace, as a job that goes on by itself. A delivery is sent again once, however often it is
/// asked for; the same `Idempotency-Key` gives the same job. With `dry_run=true` it is only said what would happen.
#[utoipa::path(post, path = "/api/v1/resends", tag = "deliveries",
    params(("dry_run" = Option<bool>, Query, description = "`true`: change nothing, answer 200 with the preview"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = ResendRequest,
    responses((status = 202, description = "The job; `Location` names it", body = JobView, headers(("Location" = String))),
        (status = 200, description = "With `dry_run`: what would happen", body = ResendPreview),
        (status = 409, description = "The key was used for another request", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "Nothing fits", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "Too many are under way", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn resend_many(
    State(state): State<ApiState>,
    permitted: Permitted<DeliveryResend>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let parameters = Query::read(uri.query(), &["dry_run"], &[])?;
    let is_dry_run = parameters.parse::<bool>("dry_run")?.unwrap_or(false);
    let key = idempotency_key(&headers)?;
    let request: ResendRequest = read_json(&headers, body, state.clock.as_ref()).await?;
    let (query, per_second) = request.query()?;
    if is_dry_run {
        let preview = state
            .exchange
            .resend_preview(&permitted.actor, query, per_second)
            .await?;
        return Ok(json(StatusCode::OK, &ResendPreview::from(preview))?);
    }
    let started = state
        .exchange
        .resend_batch(&permitted.actor, query, per_second, key)
        .await?;
    let location = format!("/api/v1/jobs/{}", started.job.id);
    let mut response = json(StatusCode::ACCEPTED, &JobView::from(started.job))?;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if started.is_repeat {
        mark_replayed(&mut response);
    }
    Ok(response)
}

/// List jobs
///
/// The caller's own, an operator all; newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs",
    params(("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before")),
    responses((status = 200, description = "A page", body = Page<JobView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    permitted: Permitted<DeliveryResend>,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = Query::read(uri.query(), &["page_size", "page_token"], &[])?;
    let page = PageRequest::of(&query)?;
    let before = crate::inbox::cursor::<JobId>(page.after.as_deref())?;
    let jobs = state
        .exchange
        .resend_jobs(&permitted.actor, before, page.size)
        .await?;
    let next = (jobs.len() >= page.size)
        .then(|| jobs.last().map(|job| job.id.to_string()))
        .flatten();
    let items: Vec<JobView> = jobs.into_iter().map(Into::into).collect();
    Ok(paged(&uri, items, next)?)
}

/// Show a job
///
/// How far it came, and when it will be done.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn fetch(
    State(state): State<ApiState>,
    permitted: Permitted<DeliveryResend>,
    Path(job): Path<String>,
) -> Result<Response, Failure> {
    let job = id(&job, &kinds::JOB_UNKNOWN)?;
    let job = state.exchange.resend_job(&permitted.actor, job).await?;
    Ok(json(StatusCode::OK, &JobView::from(job))?)
}

/// Show a job's results
///
/// One for each delivery, in the order in which they have their turn.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/results", tag = "jobs",
    params(("id" = String, Path, description = "The job"),
        ("outcome" = Option<String>, Query, description = "Only `resent`, `already` or `failed`"),
        ("page_size" = Option<u32>, Query, description = "1 to 1000"),
        ("page_token" = Option<String>, Query, description = "From the page before")),
    responses((status = 200, description = "A page", body = Page<JobResultView>),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn results(
    State(state): State<ApiState>,
    permitted: Permitted<DeliveryResend>,
    Path(job): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let job = id(&job, &kinds::JOB_UNKNOWN)?;
    let query = Query::read(uri.query(), &["outcome", "page_size", "page_token"], &[])?;
    let page = PageRequest::of(&query)?;
    let outcome = query.parse::<ResendOutcome>("outcome")?;
    let after = crate::inbox::cursor::<i64>(page.after.as_deref())?.unwrap_or(0);
    let found = state
        .exchange
        .resend_items(&permitted.actor, job, outcome, after, page.size)
        .await?;
    let next = (found.len() >= page.size)
        .then(|| found.last().map(|item| item.number.to_string()))
        .flatten();
    let items: Vec<JobResultView> = found.into_iter().map(Into::into).collect();
    Ok(paged(&uri, items, next)?)
}

/// End a job
///
/// What was sent again stays so; the rest is left as it was. Ending one that has ended changes nothing.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "As it ended", body = JobView),
        (status = 404, description = "Unknown, or not the caller's: the same answer", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    permitted: Permitted<DeliveryResend>,
    Path(job): Path<String>,
) -> Result<Response, Failure> {
    let job = id(&job, &kinds::JOB_UNKNOWN)?;
    let job = state.exchange.resend_cancel(&permitted.actor, job).await?;
    Ok(json(StatusCode::OK, &JobView::from(job))?)
}
