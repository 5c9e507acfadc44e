//! `/don-vi`: the directory as a tree by level, found with or without marks; and one organisation with everything it was.

use axum::extract::{Path, State};
use axum::response::Response;
use lgsp_base::id::{OrgId, SystemId};
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Permission, Timestamp, limits};
use lgsp_registry::Snapshot;
use lgsp_registry::model::{Organisation, Protocol};
use lgsp_registry::snapshot::ListFilter;
use serde::Serialize;

use crate::Console;
use crate::chart::Graph;
use crate::error::Failure;
use crate::form::encode;
use crate::page::{Page, Place};
use crate::pages::organisation_history as history;
use crate::visitor::Visitor;

/// Organisations shown directly below one of the tree's upper level.
const BRANCH_MAX: usize = 12;

/// An organisation by name.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Party {
    /// Its id.
    pub(crate) id: OrgId,
    /// The code to write.
    pub(crate) code: String,
    /// Its name.
    pub(crate) name: String,
}

impl Party {
    /// As of a time.
    pub(crate) fn of(snapshot: &Snapshot, org: OrgId, at: Timestamp) -> Option<Self> {
        snapshot.organisation(org).map(|org| Self::from(org, at))
    }

    fn from(org: &Organisation, at: Timestamp) -> Self {
        Self {
            id: org.id,
            code: org.code_near(at).to_owned(),
            name: org.name_near(at).to_owned(),
        }
    }

    /// For samples.
    pub(crate) fn sample(number: u128, code: &str, name: &str) -> Self {
        Self {
            id: OrgId::from_bits(number),
            code: code.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Kinds that have a name in the texts, `kind.…`; others are shown as they are.
const KINDS: &[&str] = &[
    "ubnd_tinh",
    "ubnd_huyen",
    "ubnd_xa",
    "so",
    "ban",
    "van_phong",
    "van_phong_hdnd",
    "thanh_tra",
    "don_vi_khac",
];

/// What kind of organisation.
#[derive(Debug, Clone, Serialize)]
struct Kind {
    /// The last part of a key.
    word: Option<&'static str>,
    /// As stored, for kinds without a key.
    text: String,
}

impl Kind {
    fn of(text: &str) -> Self {
        Self {
            word: KINDS.iter().copied().find(|known| *known == text),
            text: text.to_owned(),
        }
    }
}

/// The list.
#[derive(Debug, Serialize)]
pub(crate) struct OrganisationsPage {
    /// What was searched for.
    text: String,
    /// The organisation whose branch is shown, and those above it, the highest first.
    above: Vec<Party>,
    branches: Vec<Branch>,
    hits: Vec<Branch>,
    /// Organisations in the directory, ended ones included.
    count: usize,
    has_ended: bool,
    next: Option<String>,
}

/// An organisation with those below it.
#[derive(Debug, Serialize)]
struct Branch {
    party: Party,
    kind: Kind,
    level: u32,
    /// `active`, `ended` or `not_yet`.
    state: &'static str,
    /// Since when it is what it is; absent for "since always".
    since: Option<Timestamp>,
    /// How many stand directly below.
    children_count: usize,
    /// The first of them, in the order of codes.
    children: Vec<Party>,
    systems: usize,
}

impl Branch {
    fn of(snapshot: &Snapshot, org: &Organisation, at: Timestamp, has_children: bool) -> Self {
        let period = org.period_near(at);
        let directory = snapshot.directory();
        let children: Vec<&Organisation> = directory.children_of(org.id, at).collect();
        Self {
            party: Party::from(org, at),
            kind: Kind::of(period.map_or("", |period| &period.kind)),
            level: period.map_or(0, |period| period.level),
            state: state_of(org, at),
            since: period.and_then(|period| known(period.from)),
            children_count: children.len(),
            children: children
                .into_iter()
                .take(if has_children { BRANCH_MAX } else { 0 })
                .map(|child| Party::from(child, at))
                .collect(),
            systems: snapshot
                .connections()
                .systems_of(org.id)
                .filter(|system| system.is_active)
                .count(),
        }
    }

    fn sample(number: u128, code: &str, name: &str, kind: &str, level: u32) -> Self {
        Self {
            party: Party::sample(number, code, name),
            kind: Kind::of(kind),
            level,
            state: "active",
            since: None,
            children_count: 0,
            children: Vec::new(),
            systems: 1,
        }
    }
}

fn state_of(org: &Organisation, at: Timestamp) -> &'static str {
    if org.period_at(at).is_some() {
        "active"
    } else if at < org.begins_at() {
        "not_yet"
    } else {
        "ended"
    }
}

/// "Since always" is left out.
pub(crate) fn known(at: Timestamp) -> Option<Timestamp> {
    (at > Timestamp::BEGINNING).then_some(at)
}

impl Page for OrganisationsPage {
    const TEMPLATE: &'static str = "organisations.html";
    const PLACE: Place = Place::Organisations;

    fn samples() -> Vec<(&'static str, Self)> {
        let none = || Self {
            text: String::new(),
            above: Vec::new(),
            branches: Vec::new(),
            hits: Vec::new(),
            count: 0,
            has_ended: false,
            next: None,
        };
        let top = Branch {
            children_count: 20,
            children: vec![
                Party::sample(2, "H99.02", "Sở Nội vụ tỉnh Bình An"),
                Party::sample(3, "H99.03", "Sở Nông nghiệp và Môi trường tỉnh Bình An"),
            ],
            ..Branch::sample(1, "H99", "Ủy ban nhân dân tỉnh Bình An", "ubnd_tinh", 1)
        };
        let kinds = KINDS.iter().zip(10u128..).map(|(kind, number)| Branch {
            state: match number % 3 {
                0 => "active",
                1 => "ended",
                _ => "not_yet",
            },
            since: Some(Timestamp::from_micros(1_751_302_800_000_000)),
            ..Branch::sample(number, "H99.131", "UBND phường Trần Hưng Đạo", kind, 3)
        });
        let other = Branch::sample(30, "X1", "Tổng công ty X", "doanh_nghiep", 1);
        vec![
            ("empty", none()),
            (
                "tree",
                Self {
                    branches: vec![top, other],
                    count: 24,
                    next: Some("/don-vi?sau=org_x".to_owned()),
                    ..none()
                },
            ),
            (
                "branch",
                Self {
                    above: vec![Party::sample(1, "H99", "Ủy ban nhân dân tỉnh Bình An")],
                    branches: kinds.collect(),
                    count: 24,
                    has_ended: true,
                    ..none()
                },
            ),
            (
                "leaf",
                Self {
                    above: vec![Party::sample(8, "H99.08", "Sở Y tế tỉnh Bình An")],
                    count: 24,
                    ..none()
                },
            ),
            (
                "found",
                Self {
                    text: "so y te".to_owned(),
                    hits: vec![Branch::sample(8, "H99.08", "Sở Y tế tỉnh Bình An", "so", 2)],
                    count: 24,
                    ..none()
                },
            ),
            (
                "nothing",
                Self {
                    text: "xyz".to_owned(),
                    count: 24,
                    ..none()
                },
            ),
        ]
    }
}

/// `GET /don-vi`
pub(crate) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::OrganisationRead)?;
    let (snapshot, now) = (console.registry.snapshot(), visitor.now());
    let text: String = visitor
        .query
        .text("q")
        .unwrap_or("")
        .chars()
        .take(limits::ORG_NAME_CHARS_MAX)
        .collect();
    let has_ended = visitor.query.text("ngung").is_some();
    let parent = match visitor.query.text("cha") {
        Some(id) => Some(find(&snapshot, id)?),
        None => None,
    };
    let hits = snapshot
        .search(&text, now, limits::CONSOLE_PAGE_ROWS)
        .into_iter()
        .filter_map(|hit| snapshot.organisation(hit.org))
        .map(|org| Branch::of(&snapshot, org, now, false))
        .collect();
    let (branches, next) = if text.is_empty() {
        let after = visitor.query.text("sau").and_then(|id| id.parse().ok());
        branches(&snapshot, parent, has_ended, after, now)
    } else {
        (Vec::new(), None)
    };
    let page = OrganisationsPage {
        above: parent
            .map(|org| above(&snapshot, org, now))
            .unwrap_or_default(),
        branches,
        hits,
        count: snapshot.directory().len(),
        has_ended,
        next,
        text,
    };
    visitor.show(&console, &page)
}

/// The organisation itself and those above it, the highest first.
fn above(snapshot: &Snapshot, org: &Organisation, at: Timestamp) -> Vec<Party> {
    let mut line = vec![Party::from(org, at)];
    let mut current = org.period_near(at).and_then(|period| period.parent);
    // Levels are few; the bound only guards against damage.
    while let Some(parent) = current.and_then(|id| snapshot.organisation(id)) {
        if line.len() > 32 {
            break;
        }
        line.push(Party::from(parent, at));
        current = parent.period_near(at).and_then(|period| period.parent);
    }
    line.reverse();
    line
}

/// One page of a level of the tree, and the address of the next one.
fn branches(
    snapshot: &Snapshot,
    parent: Option<&Organisation>,
    has_ended: bool,
    after: Option<OrgId>,
    at: Timestamp,
) -> (Vec<Branch>, Option<String>) {
    let rows = limits::CONSOLE_PAGE_ROWS;
    let filter = ListFilter {
        parent: parent.map(|org| org.id),
        has_inactive: has_ended,
        after,
        limit: if parent.is_some() {
            rows + 1
        } else {
            usize::MAX
        },
        ..ListFilter::default()
    };
    let is_top = |org: &&Organisation| {
        parent.is_some()
            || org
                .period_near(at)
                .is_some_and(|period| period.parent.is_none())
    };
    let mut found: Vec<&Organisation> = snapshot
        .list(at, &filter)
        .into_iter()
        .filter(is_top)
        .take(rows + 1)
        .collect();
    let has_more = found.len() > rows;
    found.truncate(rows);
    let next = found.last().filter(|_| has_more).map(|last| {
        let parent = parent.map_or_else(String::new, |org| format!("&cha={}", org.id));
        let ended = if has_ended { "&ngung=1" } else { "" };
        format!(
            "/don-vi?sau={}{parent}{ended}",
            encode(&last.id.to_string())
        )
    });
    let branches = found
        .into_iter()
        .map(|org| Branch::of(snapshot, org, at, parent.is_none()))
        .collect();
    (branches, next)
}

/// The organisation that an address names by id or code.
fn find<'s>(snapshot: &'s Snapshot, text: &str) -> Result<&'s Organisation, Failure> {
    let unknown = || kinds::ORG_UNKNOWN.with(text.chars().take(64).collect::<String>());
    Ok(snapshot.lookup(text).ok_or_else(unknown)?)
}

/// One organisation.
#[derive(Debug, Serialize)]
pub(crate) struct OrganisationPage {
    party: Party,
    kind: Kind,
    level: u32,
    state: &'static str,
    above: Vec<Party>,
    children_count: usize,
    periods: Vec<PeriodRow>,
    codes: Vec<CodeRow>,
    /// Absent without predecessor and successor.
    history: Option<History>,
    /// Absent where the visitor may not see systems.
    systems: Option<Vec<SystemRow>>,
    has_receiver: bool,
    is_own: bool,
}

/// One span of time.
#[derive(Debug, Serialize)]
struct PeriodRow {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    name: String,
    kind: Kind,
    level: u32,
    parent: Option<Party>,
}

/// One code.
#[derive(Debug, Serialize)]
struct CodeRow {
    scheme: &'static str,
    code: String,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    is_official: bool,
    legal_basis: Option<String>,
}

/// Where it came from and where it went.
#[derive(Debug, Serialize)]
struct History {
    graph: Graph,
    rows: Vec<history::Row>,
}

/// A system of the organisation.
#[derive(Debug, Serialize)]
struct SystemRow {
    id: SystemId,
    name: String,
    protocol: &'static str,
    is_active: bool,
    is_receiver: bool,
}

impl OrganisationPage {
    fn of(snapshot: &Snapshot, org: &Organisation, actor: &Actor, visitor: &Visitor) -> Self {
        let at = visitor.now();
        let directory = snapshot.directory();
        let branch = Branch::of(snapshot, org, at, false);
        let mut above = above(snapshot, org, at);
        above.pop();
        let may_see = actor.may(Permission::SystemRead) || actor.org() == Some(org.id);
        let (graph, rows) = history::of(snapshot, org, at, visitor.lang());
        Self {
            party: branch.party,
            kind: branch.kind,
            level: branch.level,
            state: branch.state,
            above,
            children_count: directory.children_of(org.id, at).count(),
            periods: periods(snapshot, org, at),
            codes: org
                .codes
                .iter()
                .map(|code| CodeRow {
                    scheme: code.scheme.name(),
                    code: code.code.clone(),
                    from: known(code.from),
                    to: code.to,
                    is_official: code.is_official,
                    legal_basis: code.legal_basis.clone(),
                })
                .collect(),
            history: (!rows.is_empty()).then_some(History { graph, rows }),
            systems: may_see.then(|| {
                let rows = snapshot
                    .connections()
                    .systems_of(org.id)
                    .map(|system| SystemRow {
                        id: system.id,
                        name: system.name.clone(),
                        protocol: system.protocol.name(),
                        is_active: system.is_active,
                        is_receiver: system.is_receiver,
                    });
                rows.collect()
            }),
            has_receiver: snapshot.receiver(org.id).is_some(),
            is_own: actor.org() == Some(org.id),
        }
    }
}

fn periods(snapshot: &Snapshot, org: &Organisation, at: Timestamp) -> Vec<PeriodRow> {
    let row = |period: &lgsp_registry::model::Period| PeriodRow {
        from: known(period.from),
        to: period.to,
        name: period.name.clone(),
        kind: Kind::of(&period.kind),
        level: period.level,
        parent: period
            .parent
            .and_then(|parent| Party::of(snapshot, parent, at)),
    };
    org.periods.iter().rev().map(row).collect()
}

impl Page for OrganisationPage {
    const TEMPLATE: &'static str = "organisation.html";
    const PLACE: Place = Place::Organisations;

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_751_302_800_000_000);
        let plain = || Self {
            party: Party::sample(1, "H99.131", "UBND phường Trần Hưng Đạo"),
            kind: Kind::of("ubnd_xa"),
            level: 3,
            state: "active",
            above: vec![Party::sample(2, "H99", "Ủy ban nhân dân tỉnh Bình An")],
            children_count: 2,
            periods: vec![PeriodRow {
                from: Some(at),
                to: None,
                name: "UBND phường Trần Hưng Đạo".to_owned(),
                kind: Kind::of("ubnd_xa"),
                level: 3,
                parent: Some(Party::sample(2, "H99", "Ủy ban nhân dân tỉnh Bình An")),
            }],
            codes: lgsp_base::org_code::Scheme::ALL
                .iter()
                .map(|scheme| CodeRow {
                    scheme: scheme.name(),
                    code: "H99.131".to_owned(),
                    from: None,
                    to: Some(at),
                    is_official: false,
                    legal_basis: Some("Nghị quyết 123/NQ-HĐND".to_owned()),
                })
                .collect(),
            history: None,
            systems: None,
            has_receiver: false,
            is_own: false,
        };
        let rows = history::samples(at);
        let system = |protocol: Protocol, is_active| SystemRow {
            id: SystemId::from_bits(5),
            name: "QLVB phường".to_owned(),
            protocol: protocol.name(),
            is_active,
            is_receiver: is_active,
        };
        vec![
            ("plain", plain()),
            (
                "merged",
                Self {
                    state: "ended",
                    codes: vec![CodeRow {
                        scheme: "qd20",
                        code: "H99.131".to_owned(),
                        from: Some(at),
                        to: None,
                        is_official: true,
                        legal_basis: None,
                    }],
                    history: Some(History {
                        graph: history::sample_graph(),
                        rows,
                    }),
                    systems: Some(vec![
                        system(Protocol::Rest, true),
                        system(Protocol::Vxp, false),
                    ]),
                    has_receiver: true,
                    is_own: true,
                    ..plain()
                },
            ),
            (
                "unconnected",
                Self {
                    state: "not_yet",
                    systems: Some(Vec::new()),
                    children_count: 0,
                    ..plain()
                },
            ),
        ]
    }
}

/// `GET /don-vi/{id}`
pub(crate) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    visitor.permit(Permission::OrganisationRead)?;
    let snapshot = console.registry.snapshot();
    let org = find(&snapshot, &id)?;
    let page = OrganisationPage::of(&snapshot, org, &visitor.actor, &visitor);
    visitor.show(&console, &page)
}
