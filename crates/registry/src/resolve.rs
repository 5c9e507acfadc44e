//! Which organisation a code means at an instant, and who takes its place after it was closed.
//!
//! A code that was closed by a merger or a renaming routes to the one successor while the transition period of every step of the
//! chain lasts. A transfer never routes. Where there is no single successor the answer names the candidates, so that a sender
//! can choose; the document axis says the same as code 23.

use std::collections::HashSet;
use std::time::Duration;

use lgsp_base::id::OrgId;
use lgsp_base::org_code::{self, Scheme};
use lgsp_base::problem::{Problem, kinds};
use lgsp_base::time::Timestamp;

use crate::directory::Directory;
use crate::model::{Organisation, SuccessionKind};

/// Steps of one chain of successors; a longer one is taken as closed.
const HOPS_MAX: usize = 64;
/// Candidates named in one answer.
const CANDIDATES_MAX: usize = 200;
/// Predecessors of one organisation; the largest merger of a province in 2025 had fewer than ten.
const LINEAGE_MAX: usize = 64;

/// What a code means at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The organisation that has the code.
    Active {
        /// Who it is.
        org: OrgId,
        /// The code to write for it, of the first addressable scheme.
        code: String,
    },
    /// The code is closed and routes to the one successor.
    Forwarded {
        /// Whose code it was.
        from: OrgId,
        /// Who takes its place now.
        org: OrgId,
        /// The successor's code.
        code: String,
        /// When the code was closed.
        closed_at: Timestamp,
    },
    /// The code is closed and does not route.
    Closed {
        /// Whose code it was.
        org: OrgId,
        /// When it was closed.
        closed_at: Timestamp,
        /// Who may take its place; empty when nobody is known.
        candidates: Vec<Candidate>,
        /// Why it does not route.
        reason: ClosedReason,
    },
    /// The organisation or its code begins later.
    NotYet {
        /// Whose code it will be.
        org: OrgId,
        /// From when on.
        from: Timestamp,
    },
    /// Nobody has or had this code.
    Unknown,
}

/// A possible successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who it is.
    pub org: OrgId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// Why a closed code does not route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedReason {
    /// There is one successor, but the transition period is over.
    TransitionOver,
    /// There are several successors.
    SeveralSuccessors,
    /// The organisation went into one that is not known.
    SuccessorUnknown,
    /// The organisation was dissolved.
    Dissolved,
}

impl ClosedReason {
    /// The stable word of the API.
    pub const fn name(self) -> &'static str {
        match self {
            ClosedReason::TransitionOver => "transition_over",
            ClosedReason::SeveralSuccessors => "several_successors",
            ClosedReason::SuccessorUnknown => "successor_unknown",
            ClosedReason::Dissolved => "dissolved",
        }
    }
}

impl Resolution {
    /// The stable word of the API.
    pub const fn status(&self) -> &'static str {
        match self {
            Resolution::Active { .. } => "active",
            Resolution::Forwarded { .. } => "forwarded",
            Resolution::Closed { .. } => "closed",
            Resolution::NotYet { .. } => "not_yet",
            Resolution::Unknown => "unknown",
        }
    }

    /// Who receives what is sent to the code; `None` when nobody does.
    pub const fn recipient(&self) -> Option<OrgId> {
        match self {
            Resolution::Active { org, .. } | Resolution::Forwarded { org, .. } => Some(*org),
            Resolution::Closed { .. } | Resolution::NotYet { .. } | Resolution::Unknown => None,
        }
    }

    /// The organisation that has, had or will have the code.
    pub const fn organisation(&self) -> Option<OrgId> {
        match self {
            Resolution::Active { org, .. }
            | Resolution::Closed { org, .. }
            | Resolution::NotYet { org, .. } => Some(*org),
            Resolution::Forwarded { from, .. } => Some(*from),
            Resolution::Unknown => None,
        }
    }

    /// The answer of the document axis: 0 it routes, 18 unknown, 23 closed (protocols §2.6).
    pub const fn axis_code(&self) -> u8 {
        match self {
            Resolution::Active { .. } | Resolution::Forwarded { .. } => 0,
            Resolution::NotYet { .. } | Resolution::Unknown => 18,
            Resolution::Closed { .. } => 23,
        }
    }

    /// The problem of sending to `code`, or `None` when it routes.
    pub fn to_problem(&self, code: &str) -> Option<Problem> {
        match self {
            Resolution::Active { .. } | Resolution::Forwarded { .. } => None,
            Resolution::Unknown => Some(kinds::EXCHANGE_RECIPIENT_UNKNOWN.with(code)),
            Resolution::NotYet { from, .. } => Some(
                kinds::EXCHANGE_RECIPIENT_UNKNOWN.with(format!("{code}: {}", from.to_civil_date())),
            ),
            Resolution::Closed {
                closed_at,
                candidates,
                ..
            } => {
                let names: Vec<String> = candidates
                    .iter()
                    .map(|candidate| format!("{} ({})", candidate.code, candidate.name))
                    .collect();
                Some(kinds::EXCHANGE_RECIPIENT_CLOSED.with(format!(
                    "{code}, {}: [{}]",
                    closed_at.to_civil_date(),
                    names.join("; ")
                )))
            }
        }
    }
}

/// What a code of any addressable scheme means at an instant; when several schemes know it, an active meaning wins.
pub fn resolve(
    directory: &Directory,
    code: &str,
    at: Timestamp,
    transition: Duration,
) -> Resolution {
    let Ok(key) = org_code::key(code) else {
        return Resolution::Unknown;
    };
    let mut first = Resolution::Unknown;
    for scheme in Scheme::ADDRESSABLE {
        let found = resolve_key(directory, scheme, &key, at, transition);
        if found.recipient().is_some() {
            return found;
        }
        if first == Resolution::Unknown {
            first = found;
        }
    }
    first
}

/// What a code of one scheme means at an instant.
pub fn resolve_in(
    directory: &Directory,
    scheme: Scheme,
    code: &str,
    at: Timestamp,
    transition: Duration,
) -> Resolution {
    match org_code::key(code) {
        Ok(key) => resolve_key(directory, scheme, &key, at, transition),
        Err(_) => Resolution::Unknown,
    }
}

fn resolve_key(
    directory: &Directory,
    scheme: Scheme,
    key: &str,
    at: Timestamp,
    transition: Duration,
) -> Resolution {
    let Some(org) = directory.by_key(scheme, key) else {
        return Resolution::Unknown;
    };
    let code = org
        .codes
        .iter()
        .find(|code| code.scheme == scheme && code.key == key);
    let starts = code
        .map_or(org.begins_at(), |code| code.from)
        .max(org.begins_at());
    if at < starts {
        return Resolution::NotYet {
            org: org.id,
            from: starts,
        };
    }
    if let Some(ended) = org.ended_at().filter(|ended| *ended <= at) {
        let closed_at = code.and_then(|code| code.to).unwrap_or(ended).min(ended);
        return resolve_ended(directory, org, closed_at, at, transition);
    }
    match code.and_then(|code| code.to).filter(|to| *to <= at) {
        None => Resolution::Active {
            org: org.id,
            code: org.code_near(at).to_owned(),
        },
        Some(closed_at) => resolve_replaced(org, closed_at, at, transition),
    }
}

/// The organisation lives on under another code.
fn resolve_replaced(
    org: &Organisation,
    closed_at: Timestamp,
    at: Timestamp,
    transition: Duration,
) -> Resolution {
    let code = org.code_near(at).to_owned();
    if at < closed_at.plus(transition) {
        return Resolution::Forwarded {
            from: org.id,
            org: org.id,
            code,
            closed_at,
        };
    }
    Resolution::Closed {
        org: org.id,
        closed_at,
        candidates: vec![Candidate {
            org: org.id,
            code,
            name: org.name_near(at).to_owned(),
        }],
        reason: ClosedReason::TransitionOver,
    }
}

fn resolve_ended(
    directory: &Directory,
    org: &Organisation,
    closed_at: Timestamp,
    at: Timestamp,
    transition: Duration,
) -> Resolution {
    let mut is_in_transition = at < closed_at.plus(transition);
    let mut seen = HashSet::from([org.id]);
    let mut current = org;
    let mut reason = ClosedReason::SeveralSuccessors;
    for _ in 0..HOPS_MAX {
        let Some(ended) = current.ended_at() else {
            break;
        };
        is_in_transition &= at < ended.plus(transition);
        match single_successor(directory, current, ended) {
            Ok(next) if seen.insert(next.id) => {
                if next.period_at(at).is_some() {
                    if is_in_transition {
                        return Resolution::Forwarded {
                            from: org.id,
                            org: next.id,
                            code: next.code_near(at).to_owned(),
                            closed_at,
                        };
                    }
                    reason = ClosedReason::TransitionOver;
                    break;
                }
                current = next;
            }
            Ok(_) => break,
            Err(why) => {
                reason = why;
                break;
            }
        }
    }
    Resolution::Closed {
        org: org.id,
        closed_at,
        candidates: candidates(directory, org.id, at),
        reason,
    }
}

/// The one organisation into which this one went as a whole.
fn single_successor<'a>(
    directory: &'a Directory,
    org: &Organisation,
    ended: Timestamp,
) -> Result<&'a Organisation, ClosedReason> {
    let mut whole: Option<OrgId> = None;
    let mut reason = ClosedReason::Dissolved;
    for edge in directory.successions_of(org.id) {
        if edge.effective_at != ended {
            continue;
        }
        match (edge.kind, edge.successor) {
            (SuccessionKind::Merge | SuccessionKind::Rename, Some(successor)) => {
                if whole.is_some_and(|known| known != successor) {
                    return Err(ClosedReason::SeveralSuccessors);
                }
                whole = Some(successor);
            }
            (SuccessionKind::Merge | SuccessionKind::Rename, None) => {
                reason = ClosedReason::SuccessorUnknown;
            }
            (SuccessionKind::Split, _) => return Err(ClosedReason::SeveralSuccessors),
            (SuccessionKind::Transfer | SuccessionKind::Dissolve, _) => {}
        }
    }
    whole
        .and_then(|id| directory.organisation(id))
        .ok_or(reason)
}

/// The ended organisations that went into this one as a whole by an instant, directly or through others; nearest first. Unlike
/// routing this outlives the transition period: what they sent and received is this one's to follow.
pub fn lineage(directory: &Directory, org: OrgId, at: Timestamp) -> Vec<OrgId> {
    let mut found: Vec<OrgId> = Vec::new();
    let mut next = Some(org);
    let mut looked_at = 0;
    while let Some(current) = next {
        for predecessor in directory.predecessors_of(current) {
            let has_gone_into = directory
                .organisation(*predecessor)
                .and_then(|known| Some((known, known.ended_at().filter(|ended| *ended <= at)?)))
                .and_then(|(known, ended)| single_successor(directory, known, ended).ok())
                .is_some_and(|successor| successor.id == current);
            if has_gone_into && *predecessor != org && !found.contains(predecessor) {
                found.push(*predecessor);
            }
        }
        if found.len() >= LINEAGE_MAX {
            found.truncate(LINEAGE_MAX);
            break;
        }
        next = found.get(looked_at).copied();
        looked_at += 1;
    }
    found
}

/// The active ends of all chains that start at a closed organisation.
fn candidates(directory: &Directory, start: OrgId, at: Timestamp) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut seen = HashSet::from([start]);
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        let Some(ended) = directory.organisation(id).and_then(Organisation::ended_at) else {
            continue;
        };
        let edges = directory.successions_of(id);
        let ending = || edges.iter().filter(|edge| edge.effective_at == ended);
        // A whole successor stands for everything; the parts that others took over do not compete with it.
        let has_whole = ending().any(|edge| {
            edge.successor.is_some()
                && matches!(edge.kind, SuccessionKind::Merge | SuccessionKind::Rename)
        });
        for edge in ending() {
            if has_whole && edge.kind == SuccessionKind::Transfer {
                continue;
            }
            let Some(org) = edge.successor.and_then(|next| directory.organisation(next)) else {
                continue;
            };
            if !seen.insert(org.id) {
                continue;
            }
            if org.period_at(at).is_some() {
                found.push(Candidate {
                    org: org.id,
                    code: org.code_near(at).to_owned(),
                    name: org.name_near(at).to_owned(),
                });
            } else if seen.len() < CANDIDATES_MAX {
                open.push(org.id);
            }
        }
    }
    found.sort_by(|a, b| a.code.cmp(&b.code));
    found.truncate(CANDIDATES_MAX);
    found
}
