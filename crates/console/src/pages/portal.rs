//! `/dvcqg`: the connection to the national public service portal and to ministry systems: health by service, what waits, and
//! the daily reconciliation with its replays.

use axum::extract::{Path, State};
use axum::response::Response;
use lgsp_base::id::{DossierId, JobId, OrgId};
use lgsp_base::problem::kinds;
use lgsp_base::vi::Day;
use lgsp_base::{Permission, Problem, Timestamp, limits};
use lgsp_exchange::dossier::portals::PortalsError;
use lgsp_exchange::dossier::reconcile::FindingView;
use lgsp_exchange::dossier::{
    ConnectorHealth, DossierPlace, Finding, Reconciliation, ReconciliationState,
};
use lgsp_insight::Overview;
use lgsp_registry::model::System;
use serde::Serialize;

use super::cause::Cause;
use super::organisations::Party;
use crate::Console;
use crate::error::{Failure, redirect};
use crate::page::{Page, Place};
use crate::visitor::{Posted, Visitor};

/// Failures in a row from which a service counts as down.
const FAILURES_DOWN: u64 = 3;
/// Microseconds of a day.
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct PortalPage {
    connections: Vec<ConnectionView>,
    runs: Vec<RunView>,
    /// Portals that may be compared with on command.
    portals: Vec<Party>,
    /// The day that is offered for it.
    yesterday: String,
    /// The last part of a key `portal.problem.…`.
    problem: Option<&'static str>,
}

/// One connected national system.
#[derive(Debug, Clone, Serialize)]
struct ConnectionView {
    org: OrgId,
    name: String,
    protocol: &'static str,
    waiting: u64,
    troubled: u64,
    last_ok_at: Option<Timestamp>,
    services: Vec<ServiceView>,
}

/// One service of it.
#[derive(Debug, Clone, Serialize)]
struct ServiceView {
    name: String,
    sign: &'static str,
    last_ok_at: Option<Timestamp>,
    last_error_at: Option<Timestamp>,
    cause: Cause,
    ok: u64,
    failed: u64,
}

/// One reconciliation.
#[derive(Debug, Clone, Serialize)]
struct RunView {
    id: JobId,
    portal: String,
    day: Timestamp,
    /// The last part of a key `reconciliation_state.…`.
    state: &'static str,
    sign: &'static str,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
    checked: u64,
    equal: u64,
    missing: u64,
    duplicate: u64,
    drift: u64,
    replayed: u64,
}

/// One reconciliation with what it found.
#[derive(Debug, Serialize)]
pub(crate) struct ReconciliationPage {
    run: RunView,
    items: Vec<ItemView>,
}

/// A dossier that differs.
#[derive(Debug, Clone, Serialize)]
struct ItemView {
    dossier: DossierId,
    code: String,
    /// The last part of a key `dossier_finding.…`.
    finding: &'static str,
    /// The last part of a key `dossier_status.…`.
    ours: String,
    /// What the portal says: statuses as it writes them.
    theirs: String,
    is_replayed: bool,
    problem: Option<String>,
}

/// `GET /dvcqg`.
pub(crate) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let page = gather(&console, &visitor, None).await?;
    visitor.show(&console, &page)
}

/// `GET /dvcqg/doi-soat/{id}`.
pub(crate) async fn reconciliation(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    visitor.permit(Permission::DossierReadAll)?;
    let id: JobId = id.parse().map_err(|_| kinds::DOSSIER_UNKNOWN.problem())?;
    let found = console
        .dossiers
        .reconciliation(&visitor.actor, id, None)
        .await;
    let (run, findings) = found.map_err(|error| error.to_problem())?;
    let page = ReconciliationPage {
        run: RunView::of(&run, name_of(&console, run.portal, visitor.now())),
        items: findings.into_iter().map(ItemView::of).collect(),
    };
    visitor.show(&console, &page)
}

/// `POST /dvcqg/doi-soat`: compares one day with a portal now. What is not done within the time of a page is gone on with by the daily
/// round.
pub(crate) async fn reconcile(
    State(console): State<Console>,
    posted: Posted,
) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    visitor.permit(Permission::DossierAdmin)?;
    let portal: Option<OrgId> = form.required("cong")?.parse().ok();
    let day: Option<Day> = form.required("ngay")?.parse().ok();
    let problem = match (portal, day) {
        (Some(portal), Some(day)) if day < Day::of(visitor.now()) => {
            let run = console.portals.reconcile(&visitor.actor, portal, day);
            match tokio::time::timeout(limits::CONSOLE_RECONCILE_WAIT, run).await {
                Ok(Ok(run)) => return Ok(redirect(&format!("/dvcqg/doi-soat/{}", run.id))),
                Ok(Err(error)) => problem_of(error)?,
                Err(_) => return Ok(redirect("/dvcqg?xong=reconciliation_started")),
            }
        }
        _ => "day",
    };
    let page = gather(&console, &visitor, Some(problem)).await?;
    let mut response = visitor.show(&console, &page)?;
    *response.status_mut() = http::StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

fn problem_of(error: PortalsError) -> Result<&'static str, Problem> {
    match error {
        PortalsError::Unknown => Ok("unknown"),
        PortalsError::Unavailable(_) => Ok("unavailable"),
        PortalsError::Dossier(error) => Err(error.to_problem()),
    }
}

async fn gather(
    console: &Console,
    visitor: &Visitor,
    problem: Option<&'static str>,
) -> Result<PortalPage, Failure> {
    visitor.permit(Permission::DossierReadAll)?;
    let (actor, now) = (&visitor.actor, visitor.now());
    let health = console.dossiers.connector_health(actor, None).await;
    let health = health.map_err(|error| error.to_problem())?;
    let overview = console.insight.overview(now).await;
    let overview = overview.map_err(|error| error.to_problem())?;
    let snapshot = console.registry.snapshot();
    let connections = snapshot
        .connections()
        .systems()
        .filter(|system| system.is_active && system.protocol.is_connector())
        .map(|system| {
            let name = name_of(console, system.org, now);
            ConnectionView::of(system, name, &health, &overview)
        })
        .collect();
    let mut runs = Vec::new();
    let mut portals = Vec::new();
    for portal in console.portals.organisations() {
        let found = console.dossiers.reconciliations(actor, portal).await;
        let found = found.map_err(|error| error.to_problem())?;
        let name = name_of(console, portal, now);
        runs.extend(found.iter().map(|run| RunView::of(run, name.clone())));
        portals.extend(Party::of(&snapshot, portal, now));
    }
    runs.sort_by_key(|run| std::cmp::Reverse(run.day));
    runs.truncate(limits::CONSOLE_PAGE_ROWS);
    if !actor.may(Permission::DossierAdmin) {
        portals.clear();
    }
    Ok(PortalPage {
        connections,
        runs,
        portals,
        yesterday: Day::of(now)
            .plus_days(-1)
            .map(|day| day.to_string())
            .unwrap_or_default(),
        problem,
    })
}

fn name_of(console: &Console, org: OrgId, now: Timestamp) -> String {
    let snapshot = console.registry.snapshot();
    Party::of(&snapshot, org, now).map_or_else(|| org.to_string(), |party| party.name)
}

impl ConnectionView {
    fn of(system: &System, name: String, health: &[ConnectorHealth], overview: &Overview) -> Self {
        let services: Vec<ServiceView> = health
            .iter()
            .filter(|row| row.system == system.id)
            .map(ServiceView::of)
            .collect();
        let strip = overview.strips.iter().find(|strip| strip.org == system.org);
        Self {
            org: system.org,
            name,
            protocol: system.protocol.name(),
            waiting: strip.map_or(0, |strip| strip.waiting),
            troubled: strip.map_or(0, |strip| strip.troubled),
            last_ok_at: services.iter().filter_map(|row| row.last_ok_at).max(),
            services,
        }
    }
}

impl ServiceView {
    fn of(row: &ConnectorHealth) -> Self {
        Self {
            name: row.service.clone(),
            sign: match (row.failed_in_a_row, row.last_ok_at) {
                (0, _) => "ok",
                (_, Some(_)) if row.failed_in_a_row < FAILURES_DOWN => "slow",
                _ => "down",
            },
            last_ok_at: row.last_ok_at,
            last_error_at: row.last_error_at,
            cause: Cause::of(row.last_error.as_deref().unwrap_or_default()),
            ok: row.ok,
            failed: row.failed,
        }
    }
}

impl RunView {
    fn of(run: &Reconciliation, portal: String) -> Self {
        let differing = run.missing + run.duplicate + run.drift;
        Self {
            id: run.id,
            portal,
            day: Timestamp::from_micros(run.day.saturating_mul(DAY_MICROS)),
            state: run.state.name(),
            sign: match run.state {
                ReconciliationState::Running => "unknown",
                ReconciliationState::Done => "ok",
                ReconciliationState::Failed => "down",
            },
            started_at: run.started_at,
            finished_at: run.finished_at,
            checked: run.checked,
            equal: run.checked.saturating_sub(differing),
            missing: run.missing,
            duplicate: run.duplicate,
            drift: run.drift,
            replayed: run.replayed,
        }
    }
}

impl ItemView {
    fn of(finding: FindingView) -> Self {
        Self {
            dossier: finding.dossier,
            code: finding.code,
            finding: finding.finding.name(),
            ours: finding.ours,
            theirs: finding.theirs,
            is_replayed: finding.replayed_as.is_some(),
            problem: finding.problem,
        }
    }
}

impl RunView {
    fn sample(state: ReconciliationState) -> Self {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let run = Reconciliation {
            id: JobId::from_bits(6),
            portal: OrgId::from_bits(9),
            day: 20_700,
            state,
            started_at: at,
            finished_at: (state != ReconciliationState::Running).then_some(at),
            place: DossierPlace {
                at,
                id: DossierId::from_bits(1),
            },
            checked: 1_204,
            missing: 4,
            duplicate: 2,
            drift: 3,
            replayed: 9,
            problem: None,
        };
        Self::of(&run, "Cổng Dịch vụ công quốc gia".to_owned())
    }
}

impl Page for PortalPage {
    const TEMPLATE: &'static str = "portal.html";
    const PLACE: Place = Place::Dossiers;
    const FRAGMENTS: &'static [&'static str] = &["runs"];

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let service = |name: &str, sign| ServiceView {
            name: name.to_owned(),
            sign,
            last_ok_at: (sign != "down").then_some(at),
            last_error_at: (sign != "ok").then_some(at),
            cause: Cause::of("timeout"),
            ok: 1_204,
            failed: 3,
        };
        let connection = |name: &str, protocol, services| ConnectionView {
            org: OrgId::from_bits(9),
            name: name.to_owned(),
            protocol,
            waiting: 12,
            troubled: 1,
            last_ok_at: Some(at),
            services,
        };
        let runs = || -> Vec<RunView> {
            let states = ReconciliationState::ALL.iter();
            states.map(|state| RunView::sample(*state)).collect()
        };
        let portal = || Party::sample(9, "G22", "Cổng Dịch vụ công quốc gia");
        let refused = |problem| Self {
            connections: Vec::new(),
            runs: runs(),
            portals: vec![portal()],
            yesterday: "2026-11-04".to_owned(),
            problem: Some(problem),
        };
        vec![
            (
                "empty",
                Self {
                    connections: Vec::new(),
                    runs: Vec::new(),
                    portals: Vec::new(),
                    yesterday: String::new(),
                    problem: None,
                },
            ),
            (
                "full",
                Self {
                    connections: vec![
                        connection(
                            "Cổng Dịch vụ công quốc gia",
                            "dvcqg",
                            vec![
                                service("DongBoHoSoMC", "ok"),
                                service("CapNhatTienDoHoSoMC", "slow"),
                                service("TraCuuHoSo", "down"),
                            ],
                        ),
                        connection("Hệ thống Hộ tịch điện tử", "civil_status", Vec::new()),
                    ],
                    runs: runs(),
                    portals: vec![portal()],
                    yesterday: "2026-11-04".to_owned(),
                    problem: None,
                },
            ),
            ("day", refused("day")),
            ("unknown", refused("unknown")),
            ("unavailable", refused("unavailable")),
        ]
    }
}

impl Page for ReconciliationPage {
    const TEMPLATE: &'static str = "reconciliation.html";
    const PLACE: Place = Place::Dossiers;
    const FRAGMENTS: &'static [&'static str] = &["run"];

    fn samples() -> Vec<(&'static str, Self)> {
        let item = |finding: Finding, is_replayed, problem: Option<&str>| ItemView {
            dossier: DossierId::from_bits(4),
            code: "H99.131-260312-0042".to_owned(),
            finding: finding.name(),
            ours: "10".to_owned(),
            theirs: match finding {
                Finding::Missing => String::new(),
                Finding::Duplicate => "4,10".to_owned(),
                Finding::Drift => "4".to_owned(),
            },
            is_replayed,
            problem: problem.map(str::to_owned),
        };
        let page = |state, items| Self {
            run: RunView::sample(state),
            items,
        };
        vec![
            ("equal", page(ReconciliationState::Done, Vec::new())),
            ("running", page(ReconciliationState::Running, Vec::new())),
            (
                "differs",
                page(
                    ReconciliationState::Failed,
                    vec![
                        item(Finding::Missing, true, None),
                        item(Finding::Duplicate, false, None),
                        item(Finding::Drift, false, Some("dossier.erased")),
                    ],
                ),
            ),
        ]
    }
}
