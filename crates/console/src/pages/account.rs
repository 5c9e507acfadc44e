//! `/tai-khoan`: who the visitor is here, and what they may do.

use axum::extract::State;
use axum::response::Response;
use lgsp_base::id::OrgId;
use lgsp_base::{Actor, Permission, Timestamp};
use serde::Serialize;

use crate::Console;
use crate::error::Failure;
use crate::page::{Page, Place};
use crate::pages::organisations::Party;
use crate::visitor::Visitor;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct AccountPage {
    name: String,
    /// `operator` or `system`.
    role: &'static str,
    organisation: Option<Party>,
    /// How the ledger names the visitor.
    label: String,
    opened_at: Timestamp,
    ends_at: Timestamp,
    permissions: Vec<&'static str>,
    missing: Vec<&'static str>,
}

impl AccountPage {
    fn of(actor: &Actor) -> (Vec<&'static str>, Vec<&'static str>) {
        let (may, may_not): (Vec<Permission>, Vec<Permission>) =
            Permission::ALL.into_iter().partition(|one| actor.may(*one));
        let names = |list: Vec<Permission>| list.into_iter().map(Permission::name).collect();
        (names(may), names(may_not))
    }
}

impl Page for AccountPage {
    const TEMPLATE: &'static str = "account.html";
    const PLACE: Place = Place::Account;

    fn samples() -> Vec<(&'static str, Self)> {
        let at = Timestamp::from_micros(1_793_844_429_000_000);
        let of = |actor: &Actor, name: &str, role, organisation| {
            let (permissions, missing) = Self::of(actor);
            Self {
                name: name.to_owned(),
                role,
                organisation,
                label: actor.label(),
                opened_at: at,
                ends_at: at.plus(lgsp_base::limits::CONSOLE_SESSION_LIFE),
                permissions,
                missing,
            }
        };
        let token = lgsp_base::id::TokenId::from_bits(7);
        let system = lgsp_base::id::SystemId::from_bits(8);
        let org = OrgId::from_bits(9);
        vec![
            (
                "operator",
                of(&Actor::Operator { token }, "Trực ca", "operator", None),
            ),
            (
                "platform",
                of(
                    &Actor::Platform { part: "console" },
                    "Nền tảng",
                    "operator",
                    None,
                ),
            ),
            (
                "system",
                of(
                    &Actor::System { system, org },
                    "QLVB Sở Y tế",
                    "system",
                    Some(Party::sample(9, "H99.08", "Sở Y tế tỉnh Bình An")),
                ),
            ),
        ]
    }
}

/// `GET /tai-khoan`
pub(crate) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let (permissions, missing) = AccountPage::of(&visitor.actor);
    let snapshot = console.registry.snapshot();
    let page = AccountPage {
        name: visitor.session.name.clone(),
        role: match visitor.actor {
            Actor::System { .. } => "system",
            Actor::Operator { .. } | Actor::Platform { .. } => "operator",
        },
        organisation: visitor
            .actor
            .org()
            .and_then(|org| Party::of(&snapshot, org, visitor.now())),
        label: visitor.actor.label(),
        opened_at: visitor.session.opened_at,
        ends_at: visitor.session.ends_at,
        permissions,
        missing,
    };
    visitor.show(&console, &page)
}
