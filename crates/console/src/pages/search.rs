//! `/tim`: the search field of every page. An id or a code leads straight to its page; words give organisations and
//! systems, and a way to the documents that have them.

use axum::extract::State;
use axum::response::Response;
use lgsp_base::id::{DeliveryId, DocumentId, OrgId, SystemId};
use lgsp_base::{Actor, Permission, limits, vi};
use lgsp_registry::Snapshot;
use serde::Serialize;

use crate::Console;
use crate::error::{Failure, redirect};
use crate::form::encode;
use crate::page::{Page, Place};
use crate::pages::organisations::Party;
use crate::visitor::Visitor;

/// Hits of each kind on the page.
const HITS_MAX: usize = 20;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct SearchPage {
    text: String,
    /// The same as part of an address.
    text_encoded: String,
    organisations: Vec<Party>,
    systems: Vec<SystemHit>,
}

/// A system that was found.
#[derive(Debug, Serialize)]
struct SystemHit {
    id: SystemId,
    name: String,
    code: String,
}

impl Page for SearchPage {
    const TEMPLATE: &'static str = "search.html";
    const PLACE: Place = Place::None;

    fn samples() -> Vec<(&'static str, Self)> {
        let page = |text: &str, is_found: bool| Self {
            text: text.to_owned(),
            text_encoded: encode(text),
            organisations: if is_found {
                vec![
                    Party::sample(1, "H99.08", "Sở Y tế tỉnh Bình An"),
                    Party::sample(2, "H99.08.01", "Bệnh viện đa khoa tỉnh Bình An"),
                ]
            } else {
                Vec::new()
            },
            systems: if is_found {
                vec![SystemHit {
                    id: SystemId::from_bits(3),
                    name: "QLVB Sở Y tế".to_owned(),
                    code: "H99.08".to_owned(),
                }]
            } else {
                Vec::new()
            },
        };
        vec![
            ("empty", page("", false)),
            ("found", page("y tế", true)),
            ("nothing", page("xyz", false)),
        ]
    }
}

/// `GET /tim?q=…`
pub(crate) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::OrganisationRead)?;
    let text: String = visitor
        .query
        .text("q")
        .unwrap_or("")
        .chars()
        .take(limits::ORG_NAME_CHARS_MAX)
        .collect();
    let snapshot = console.registry.snapshot();
    if let Some(target) = direct(&snapshot, &text) {
        return Ok(redirect(&target));
    }
    let now = visitor.now();
    let organisations = if text.is_empty() {
        Vec::new()
    } else {
        snapshot
            .search(&text, now, HITS_MAX)
            .into_iter()
            .map(|hit| Party {
                id: hit.org,
                code: hit.code,
                name: hit.name,
            })
            .collect()
    };
    let page = SearchPage {
        text_encoded: encode(&text),
        organisations,
        systems: systems(&snapshot, &visitor.actor, &text, now),
        text,
    };
    visitor.show(&console, &page)
}

/// The page that an id or a code names.
fn direct(snapshot: &Snapshot, text: &str) -> Option<String> {
    if let Ok(id) = text.parse::<DocumentId>() {
        return Some(format!("/truy-vet/{id}"));
    }
    if let Ok(id) = text.parse::<DeliveryId>() {
        return Some(format!("/van-ban?q={id}"));
    }
    if let Ok(id) = text.parse::<SystemId>() {
        return Some(format!("/he-thong/{id}"));
    }
    if let Ok(id) = text.parse::<OrgId>() {
        return Some(format!("/don-vi/{id}"));
    }
    // A word without a digit is more likely a name than a code.
    let is_code = text.bytes().any(|byte| byte.is_ascii_digit()) && !text.contains(['/', ' ']);
    let org = snapshot.lookup(text).filter(|_| is_code)?;
    Some(format!("/don-vi/{}", org.id))
}

fn systems(
    snapshot: &Snapshot,
    actor: &Actor,
    text: &str,
    now: lgsp_base::Timestamp,
) -> Vec<SystemHit> {
    let wanted = vi::fold(text);
    if wanted.is_empty() || !actor.may(Permission::SystemRead) {
        return Vec::new();
    }
    let mut found: Vec<SystemHit> = snapshot
        .connections()
        .systems()
        .filter(|system| vi::fold(&system.name).contains(&wanted))
        .take(HITS_MAX)
        .map(|system| SystemHit {
            id: system.id,
            name: system.name.clone(),
            code: snapshot
                .organisation(system.org)
                .map(|org| org.code_near(now).to_owned())
                .unwrap_or_default(),
        })
        .collect();
    found.sort_by_cached_key(|hit| vi::sort_key(&hit.name));
    found
}
