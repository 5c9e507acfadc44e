//! `/he-thong`: connected systems with their tokens and endpoints, and what is done to them.
//!
//! An operator sees and changes all; a system sees those of its own organisation. What is asked of the visitor before
//! something changes stands in [`system_actions`](super::system_actions).

use axum::extract::{Path, State};
use axum::response::Response;
use lgsp_base::id::{OrgId, SystemId, TokenId, WebhookId};
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Permission, Timestamp, limits, vi};
use lgsp_registry::Snapshot;
use lgsp_registry::model::{Protocol, System, WebhookState};
use serde::Serialize;

use crate::Console;
use crate::error::Failure;
use crate::form::encode;
use crate::page::{Page, Place};
use crate::pages::organisations::Party;
use crate::visitor::Visitor;

/// The list.
#[derive(Debug, Serialize)]
pub(crate) struct SystemsPage {
    text: String,
    rows: Vec<Row>,
    /// Those that fit, on this page and others.
    count: usize,
    has_closed: bool,
    next: Option<String>,
    may_add: bool,
}

/// One system.
#[derive(Debug, Clone, Serialize)]
struct Row {
    id: SystemId,
    name: String,
    owner: Option<Party>,
    protocol: &'static str,
    is_active: bool,
    is_receiver: bool,
    tokens: usize,
    /// Endpoints that wait for approval.
    proposed: usize,
    created_at: Timestamp,
}

impl Row {
    fn of(snapshot: &Snapshot, system: &System, at: Timestamp) -> Self {
        Self {
            id: system.id,
            name: system.name.clone(),
            owner: Party::of(snapshot, system.org, at),
            protocol: system.protocol.name(),
            is_active: system.is_active,
            is_receiver: system.is_receiver,
            tokens: snapshot.connections().tokens_of(Some(system.id)).len(),
            proposed: proposed(snapshot, system),
            created_at: system.created_at,
        }
    }

    fn sample(number: u128, name: &str, protocol: Protocol, is_active: bool) -> Self {
        Self {
            id: SystemId::from_bits(number),
            name: name.to_owned(),
            owner: Some(Party::sample(1, "H99.08", "Sở Y tế tỉnh Bình An")),
            protocol: protocol.name(),
            is_active,
            is_receiver: is_active,
            tokens: usize::from(protocol == Protocol::Rest),
            proposed: usize::from(number == 1),
            created_at: Timestamp::from_micros(1_751_302_800_000_000),
        }
    }
}

impl Page for SystemsPage {
    const TEMPLATE: &'static str = "systems.html";
    const PLACE: Place = Place::Systems;

    fn samples() -> Vec<(&'static str, Self)> {
        let page = |text: &str, rows: Vec<Row>, may_add| Self {
            text: text.to_owned(),
            count: rows.len(),
            rows,
            has_closed: false,
            next: None,
            may_add,
        };
        let rows = vec![
            Row::sample(1, "QLVB Sở Y tế", Protocol::Rest, true),
            Row::sample(2, "QLVB Sở Y tế (cũ)", Protocol::Vxp, false),
            Row::sample(3, "Cổng dịch vụ công quốc gia", Protocol::Dvcqg, true),
            Row::sample(4, "Hộ tịch", Protocol::CivilStatus, true),
            Row::sample(5, "Lý lịch tư pháp", Protocol::CriminalRecord, true),
        ];
        vec![
            ("empty", page("", Vec::new(), true)),
            (
                "usual",
                Self {
                    next: Some("/he-thong?sau=sys_x".to_owned()),
                    has_closed: true,
                    ..page("", rows.clone(), true)
                },
            ),
            ("own", page("", rows, false)),
            ("nothing", page("xyz", Vec::new(), true)),
        ]
    }
}

/// Endpoints of a system that wait for approval.
fn proposed(snapshot: &Snapshot, system: &System) -> usize {
    snapshot
        .webhooks_of(system.id)
        .filter(|webhook| webhook.state == WebhookState::Proposed)
        .count()
}

/// True if the visitor may look at a system of this organisation.
fn may_see(actor: &Actor, org: OrgId) -> bool {
    actor.may(Permission::SystemRead) || actor.org() == Some(org)
}

/// `GET /he-thong`
pub(crate) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::WebhookWrite)?;
    let (snapshot, now) = (console.registry.snapshot(), visitor.now());
    let text = visitor.query.text("q").unwrap_or("").to_owned();
    let has_closed = visitor.query.text("dong").is_some();
    let is_waiting = visitor.query.text("cho-duyet").is_some();
    let wanted = vi::fold(&text);
    let mut found: Vec<(&System, String)> = snapshot
        .connections()
        .systems()
        .filter(|system| may_see(&visitor.actor, system.org))
        .filter(|system| has_closed || system.is_active)
        .filter(|system| !is_waiting || proposed(&snapshot, system) > 0)
        .map(|system| (system, label(&snapshot, system, now)))
        .filter(|(_, label)| vi::fold(label).contains(&wanted))
        .collect();
    found.sort_by_cached_key(|(system, label)| (vi::sort_key(label), system.id));
    let count = found.len();
    let after: Option<SystemId> = visitor.query.text("sau").and_then(|id| id.parse().ok());
    let start = after
        .and_then(|after| found.iter().position(|(system, _)| system.id == after))
        .map_or(0, |position| position + 1);
    let shown: Vec<&System> = found
        .iter()
        .skip(start)
        .take(limits::CONSOLE_PAGE_ROWS)
        .map(|(system, _)| *system)
        .collect();
    let next = shown
        .last()
        .filter(|_| start + shown.len() < count)
        .map(|last| {
            let closed = if has_closed { "&dong=1" } else { "" };
            let waiting = if is_waiting { "&cho-duyet=1" } else { "" };
            format!(
                "/he-thong?sau={}&q={}{closed}{waiting}",
                last.id,
                encode(&text)
            )
        });
    let page = SystemsPage {
        rows: shown
            .into_iter()
            .map(|system| Row::of(&snapshot, system, now))
            .collect(),
        text,
        count,
        has_closed,
        next,
        may_add: visitor.actor.may(Permission::SystemWrite),
    };
    visitor.show(&console, &page)
}

/// What a system is found and sorted by: owner and name.
fn label(snapshot: &Snapshot, system: &System, at: Timestamp) -> String {
    let owner = snapshot
        .organisation(system.org)
        .map_or("", |org| org.name_near(at));
    format!("{owner} {}", system.name)
}

/// One system.
#[derive(Debug, Serialize)]
pub(crate) struct SystemPage {
    row: Row,
    vxp_id: Option<String>,
    closed_at: Option<Timestamp>,
    tokens: Vec<TokenRow>,
    webhooks: Vec<WebhookRow>,
    /// Other organisations in whose name it sends.
    agencies: Vec<Party>,
    may_change: bool,
    may_approve: bool,
    /// The name that was asked for is taken, or not one.
    token_problem: Option<&'static str>,
}

/// A usable token.
#[derive(Debug, Serialize)]
struct TokenRow {
    id: TokenId,
    name: String,
    created_at: Timestamp,
}

/// A push endpoint.
#[derive(Debug, Serialize)]
struct WebhookRow {
    id: WebhookId,
    url: String,
    state: &'static str,
    approved_at: Option<Timestamp>,
    approved_by: Option<String>,
    failing_since: Option<Timestamp>,
}

impl SystemPage {
    pub(super) fn of(
        snapshot: &Snapshot,
        system: &System,
        visitor: &Visitor,
        token_problem: Option<&'static str>,
    ) -> Self {
        let at = visitor.now();
        Self {
            row: Row::of(snapshot, system, at),
            vxp_id: system.vxp_id.clone(),
            closed_at: system.closed_at,
            tokens: snapshot
                .connections()
                .tokens_of(Some(system.id))
                .into_iter()
                .map(|token| TokenRow {
                    id: token.id,
                    name: token.name.clone(),
                    created_at: token.created_at,
                })
                .collect(),
            webhooks: snapshot
                .webhooks_of(system.id)
                .map(|webhook| WebhookRow {
                    id: webhook.id,
                    url: webhook.url.clone(),
                    state: webhook.state.name(),
                    approved_at: webhook.approved_at,
                    approved_by: webhook.approved_by.clone(),
                    failing_since: webhook.failing_since,
                })
                .collect(),
            agencies: snapshot
                .agencies_of(system.id)
                .iter()
                .filter_map(|org| Party::of(snapshot, *org, at))
                .collect(),
            may_change: visitor.actor.may(Permission::SystemWrite),
            may_approve: visitor.actor.may(Permission::WebhookApprove),
            token_problem,
        }
    }
}

impl Page for SystemPage {
    const TEMPLATE: &'static str = "system.html";
    const PLACE: Place = Place::Systems;

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_751_302_800_000_000);
        let webhook = |state: WebhookState, failing_since| WebhookRow {
            id: WebhookId::from_bits(4),
            url: "https://qlvb.soyte.binhan.example/nhan".to_owned(),
            state: state.name(),
            approved_at: (state == WebhookState::Active).then_some(at),
            approved_by: (state == WebhookState::Active).then(|| "tok_01".to_owned()),
            failing_since,
        };
        let open = || Self {
            row: Row::sample(1, "QLVB Sở Y tế", Protocol::Rest, true),
            vxp_id: None,
            closed_at: None,
            tokens: vec![TokenRow {
                id: TokenId::from_bits(6),
                name: "Máy chủ chính".to_owned(),
                created_at: at,
            }],
            webhooks: vec![
                webhook(WebhookState::Proposed, None),
                webhook(WebhookState::Active, Some(at)),
                webhook(WebhookState::Disabled, None),
            ],
            agencies: vec![Party::sample(
                2,
                "H99.08.01",
                "Bệnh viện đa khoa tỉnh Bình An",
            )],
            may_change: true,
            may_approve: true,
            token_problem: None,
        };
        let spare = Row {
            is_receiver: false,
            ..Row::sample(1, "QLVB Sở Y tế", Protocol::Rest, true)
        };
        vec![
            ("open", open()),
            (
                "new",
                Self {
                    row: spare,
                    tokens: Vec::new(),
                    webhooks: Vec::new(),
                    agencies: Vec::new(),
                    token_problem: Some("taken"),
                    ..open()
                },
            ),
            (
                "name",
                Self {
                    token_problem: Some("name"),
                    ..open()
                },
            ),
            (
                "own",
                Self {
                    may_change: false,
                    may_approve: false,
                    ..open()
                },
            ),
            (
                "closed",
                Self {
                    row: Row::sample(2, "QLVB Sở Y tế (cũ)", Protocol::Vxp, false),
                    vxp_id: Some("H99.08-QLVB".to_owned()),
                    closed_at: Some(at),
                    tokens: Vec::new(),
                    webhooks: Vec::new(),
                    may_change: false,
                    may_approve: false,
                    ..open()
                },
            ),
        ]
    }
}

/// The system that an address names, if the visitor may look at it; otherwise there is none.
pub(super) fn find<'s>(
    snapshot: &'s Snapshot,
    visitor: &Visitor,
    id: &str,
) -> Result<&'s System, Failure> {
    let unknown = || kinds::SYSTEM_UNKNOWN.problem();
    let id: SystemId = id.parse().map_err(|_| unknown())?;
    Ok(snapshot
        .connections()
        .system(id)
        .filter(|system| may_see(&visitor.actor, system.org))
        .ok_or_else(unknown)?)
}

/// `GET /he-thong/{id}`
pub(crate) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    visitor.permit(Permission::WebhookWrite)?;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, &visitor, &id)?;
    let page = SystemPage::of(&snapshot, system, &visitor, None);
    visitor.show(&console, &page)
}
