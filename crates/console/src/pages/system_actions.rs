//! What is done to systems, tokens and endpoints: asked first on a page that says what follows, then done by a post.
//!
//! Every action leads back to a page that can be loaded again, with one exception: a new credential is shown in the answer
//! to the post, because it is kept nowhere from where another page could fetch it.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lgsp_base::id::{SystemId, TokenId, WebhookId};
use lgsp_base::problem::kinds;
use lgsp_base::{Permission, Problem, vi};
use lgsp_registry::model::{Protocol, System};
use lgsp_registry::{NewSystem, Snapshot, SystemError};
use serde::Serialize;

use crate::Console;
use crate::error::{Failure, redirect};
use crate::page::{Page, Place};
use crate::pages::organisations::Party;
use crate::pages::systems::{SystemPage, find};
use crate::visitor::{Posted, Visitor};

/// Organisations offered when a name was given instead of a code.
const SUGGESTIONS_MAX: usize = 8;

/// The form for a new system.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AddPage {
    organisation: String,
    name: String,
    /// `vxp` or `rest`.
    protocol: String,
    /// The last parts of keys `system_add.problem.…`, and the field each is about.
    problems: Vec<FieldProblem>,
    suggestions: Vec<Party>,
}

/// A field that is wrong.
#[derive(Debug, Serialize)]
struct FieldProblem {
    field: &'static str,
    word: &'static str,
}

impl Page for AddPage {
    const TEMPLATE: &'static str = "system_add.html";
    const PLACE: Place = Place::Systems;

    fn samples() -> Vec<(&'static str, Self)> {
        let problem = |field, word| FieldProblem { field, word };
        vec![
            ("first", Self::default()),
            (
                "wrong",
                Self {
                    organisation: "y te".to_owned(),
                    name: "QLVB".to_owned(),
                    protocol: "rest".to_owned(),
                    problems: vec![
                        problem("don_vi", "organisation"),
                        problem("ten", "name"),
                        problem("ten", "taken"),
                        problem("giao_thuc", "protocol"),
                    ],
                    suggestions: vec![Party::sample(8, "H99.08", "Sở Y tế tỉnh Bình An")],
                },
            ),
        ]
    }
}

/// What an action does, asked before it is done.
#[derive(Debug, Serialize)]
pub(crate) struct ConfirmPage {
    /// The middle part of the keys `confirm.….title`.
    word: &'static str,
    /// The name of the object.
    name: String,
    /// Where the form goes.
    action: String,
    /// Where the visitor goes who changed their mind.
    back: String,
    is_destructive: bool,
}

impl Page for ConfirmPage {
    const TEMPLATE: &'static str = "confirm.html";
    const PLACE: Place = Place::Systems;

    fn samples() -> Vec<(&'static str, Self)> {
        let page = |word, is_destructive| Self {
            word,
            name: "QLVB Sở Y tế".to_owned(),
            action: "/he-thong/sys_x/dong".to_owned(),
            back: "/he-thong/sys_x".to_owned(),
            is_destructive,
        };
        vec![
            ("close", page("close", true)),
            ("receiver", page("receiver", false)),
            ("revoke", page("revoke", true)),
            ("approve", page("approve", false)),
            ("disable", page("disable", true)),
        ]
    }
}

/// A new credential, which is shown this once.
#[derive(Debug, Serialize)]
pub(crate) struct CredentialPage {
    system: SystemId,
    system_name: String,
    /// `system` or `token`.
    what: &'static str,
    is_receiver: bool,
    vxp_id: Option<String>,
    secret: Option<String>,
    token: Option<String>,
}

impl Page for CredentialPage {
    const TEMPLATE: &'static str = "credential.html";
    const PLACE: Place = Place::Systems;

    fn samples() -> Vec<(&'static str, Self)> {
        let page = |what| Self {
            system: SystemId::from_bits(1),
            system_name: "QLVB Sở Y tế".to_owned(),
            what,
            is_receiver: what == "system",
            vxp_id: None,
            secret: None,
            token: Some("lgsp_test_…".to_owned()),
        };
        vec![
            ("token", page("token")),
            ("rest", page("system")),
            (
                "vxp",
                Self {
                    vxp_id: Some("H99.08-QLVB".to_owned()),
                    secret: Some("0f…".to_owned()),
                    token: None,
                    is_receiver: false,
                    ..page("system")
                },
            ),
        ]
    }
}

/// `GET /he-thong/them`
pub(crate) async fn add_form(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.permit(Permission::SystemWrite)?;
    let page = AddPage {
        organisation: visitor.query.text("don-vi").unwrap_or("").to_owned(),
        ..AddPage::default()
    };
    visitor.show(&console, &page)
}

/// `POST /he-thong/them`
pub(crate) async fn add(
    State(console): State<Console>,
    posted: Posted,
) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    visitor.permit(Permission::SystemWrite)?;
    let snapshot = console.registry.snapshot();
    let mut page = AddPage {
        organisation: form.text("don_vi").unwrap_or("").to_owned(),
        name: form.text("ten").unwrap_or("").to_owned(),
        protocol: form.text("giao_thuc").unwrap_or("").to_owned(),
        ..AddPage::default()
    };
    let org = snapshot
        .lookup(&page.organisation)
        .filter(|org| org.period_at(visitor.now()).is_some());
    let protocol = Protocol::from_name(&page.protocol);
    let (Some(org), Some(protocol)) = (org, protocol) else {
        if org.is_none() {
            page.wrong("don_vi", "organisation");
            page.suggestions = suggestions(&snapshot, &page.organisation, &visitor);
        }
        if protocol.is_none() {
            page.wrong("giao_thuc", "protocol");
        }
        return refused(&console, &visitor, &page);
    };
    match console
        .registry
        .add_system(&visitor.actor, org.id, &page.name, protocol)
        .await
    {
        Ok(new) => show_new(&console, &visitor, page.name, &new),
        Err(SystemError::Exists(_)) => {
            page.wrong("ten", "taken");
            refused(&console, &visitor, &page)
        }
        Err(SystemError::Name) => {
            page.wrong("ten", "name");
            refused(&console, &visitor, &page)
        }
        Err(error) => Err(error.to_problem().into()),
    }
}

impl AddPage {
    fn wrong(&mut self, field: &'static str, word: &'static str) {
        self.problems.push(FieldProblem { field, word });
    }
}

fn suggestions(snapshot: &Snapshot, text: &str, visitor: &Visitor) -> Vec<Party> {
    if vi::fold(text).is_empty() {
        return Vec::new();
    }
    snapshot
        .search(text, visitor.now(), SUGGESTIONS_MAX)
        .into_iter()
        .map(|hit| Party {
            id: hit.org,
            code: hit.code,
            name: hit.name,
        })
        .collect()
}

/// The form again, with what is wrong.
fn refused<P: Page>(console: &Console, visitor: &Visitor, page: &P) -> Result<Response, Failure> {
    let mut response = visitor.show(console, page)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

fn show_new(
    console: &Console,
    visitor: &Visitor,
    system_name: String,
    new: &NewSystem,
) -> Result<Response, Failure> {
    let snapshot = console.registry.snapshot();
    let page = CredentialPage {
        system: new.system,
        system_name,
        what: "system",
        is_receiver: snapshot
            .system(new.system)
            .is_some_and(|system| system.is_receiver),
        vxp_id: new.vxp_id.clone(),
        secret: new.secret.as_ref().map(|secret| secret.expose().clone()),
        token: new.token.as_ref().map(|token| token.expose().clone()),
    };
    Ok((StatusCode::CREATED, visitor.show(console, &page)?).into_response())
}

/// `POST /he-thong/{id}/khoa`: issues a token. A name that a usable token of the system has is refused, so that a page
/// that is loaded again does not issue another one.
pub(crate) async fn issue_token(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    visitor.permit(Permission::SystemWrite)?;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, &visitor, &id)?;
    let name = form.text("ten").unwrap_or("");
    let is_taken = snapshot
        .connections()
        .tokens_of(Some(system.id))
        .iter()
        .any(|token| vi::same_words(&token.name, name));
    if is_taken {
        let page = SystemPage::of(&snapshot, system, &visitor, Some("taken"));
        return refused(&console, &visitor, &page);
    }
    match console
        .registry
        .issue_token(&visitor.actor, Some(system.id), name)
        .await
    {
        Ok((_, token)) => {
            let page = CredentialPage {
                system: system.id,
                system_name: system.name.clone(),
                what: "token",
                is_receiver: false,
                vxp_id: None,
                secret: None,
                token: Some(token.expose().clone()),
            };
            Ok((StatusCode::CREATED, visitor.show(&console, &page)?).into_response())
        }
        Err(SystemError::Name) => {
            let page = SystemPage::of(&snapshot, system, &visitor, Some("name"));
            refused(&console, &visitor, &page)
        }
        Err(error) => Err(error.to_problem().into()),
    }
}

/// Asks before something is done to a system.
fn ask(
    console: &Console,
    visitor: &Visitor,
    system: &System,
    word: &'static str,
    name: &str,
    action: String,
) -> Result<Response, Failure> {
    let page = ConfirmPage {
        word,
        name: name.to_owned(),
        action,
        back: format!("/he-thong/{}", system.id),
        is_destructive: matches!(word, "close" | "revoke" | "disable"),
    };
    visitor.show(console, &page)
}

/// Back to the system's page, which says what was done.
fn done(system: SystemId, word: &str) -> Response {
    redirect(&format!("/he-thong/{system}?xong={word}"))
}

/// `GET /he-thong/{id}/dong`
pub(crate) async fn close_form(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    visitor.permit(Permission::SystemWrite)?;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, &visitor, &id)?;
    let action = format!("/he-thong/{}/dong", system.id);
    ask(&console, &visitor, system, "close", &system.name, action)
}

/// `POST /he-thong/{id}/dong`
pub(crate) async fn close(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Failure> {
    let visitor = &posted.visitor;
    let system = find(&console.registry.snapshot(), visitor, &id)?.id;
    console
        .registry
        .close_system(&visitor.actor, system)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(done(system, "system_closed"))
}

/// `GET /he-thong/{id}/noi-nhan`
pub(crate) async fn receiver_form(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    visitor.permit(Permission::SystemWrite)?;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, &visitor, &id)?;
    let action = format!("/he-thong/{}/noi-nhan", system.id);
    ask(&console, &visitor, system, "receiver", &system.name, action)
}

/// `POST /he-thong/{id}/noi-nhan`
pub(crate) async fn set_receiver(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Failure> {
    let visitor = &posted.visitor;
    let system = find(&console.registry.snapshot(), visitor, &id)?.id;
    console
        .registry
        .set_receiver(&visitor.actor, system)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(done(system, "receiver_set"))
}

/// The name of a usable token of the system.
fn token_of(snapshot: &Snapshot, system: &System, id: &str) -> Result<(TokenId, String), Problem> {
    let id: TokenId = id.parse().map_err(|_| kinds::SYSTEM_UNKNOWN.problem())?;
    snapshot
        .connections()
        .tokens_of(Some(system.id))
        .into_iter()
        .find(|token| token.id == id)
        .map(|token| (token.id, token.name.clone()))
        .ok_or_else(|| kinds::SYSTEM_UNKNOWN.problem())
}

/// `GET /he-thong/{id}/khoa/{token}/thu-hoi`
pub(crate) async fn revoke_form(
    State(console): State<Console>,
    visitor: Visitor,
    Path((id, token)): Path<(String, String)>,
) -> Result<Response, Failure> {
    visitor.permit(Permission::SystemWrite)?;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, &visitor, &id)?;
    let (token, name) = token_of(&snapshot, system, &token)?;
    let action = format!("/he-thong/{}/khoa/{token}/thu-hoi", system.id);
    ask(&console, &visitor, system, "revoke", &name, action)
}

/// `POST /he-thong/{id}/khoa/{token}/thu-hoi`
pub(crate) async fn revoke_token(
    State(console): State<Console>,
    Path((id, token)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Failure> {
    let visitor = &posted.visitor;
    visitor.permit(Permission::SystemWrite)?;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, visitor, &id)?;
    let (token, _) = token_of(&snapshot, system, &token)?;
    console
        .registry
        .revoke_token(&visitor.actor, token)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(done(system.id, "token_revoked"))
}

/// The address of an endpoint of the system.
fn webhook_of(
    snapshot: &Snapshot,
    system: &System,
    id: &str,
) -> Result<(WebhookId, String), Problem> {
    let id: WebhookId = id.parse().map_err(|_| kinds::WEBHOOK_UNKNOWN.problem())?;
    snapshot
        .webhooks_of(system.id)
        .find(|webhook| webhook.id == id)
        .map(|webhook| (webhook.id, webhook.url.clone()))
        .ok_or_else(|| kinds::WEBHOOK_UNKNOWN.problem())
}

/// `GET /he-thong/{id}/webhook/{webhook}/duyet`
pub(crate) async fn approve_form(
    State(console): State<Console>,
    visitor: Visitor,
    Path((id, webhook)): Path<(String, String)>,
) -> Result<Response, Failure> {
    visitor.permit(Permission::WebhookApprove)?;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, &visitor, &id)?;
    let (webhook, url) = webhook_of(&snapshot, system, &webhook)?;
    let action = format!("/he-thong/{}/webhook/{webhook}/duyet", system.id);
    ask(&console, &visitor, system, "approve", &url, action)
}

/// `POST /he-thong/{id}/webhook/{webhook}/duyet`
pub(crate) async fn approve_webhook(
    State(console): State<Console>,
    Path((id, webhook)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Failure> {
    let visitor = &posted.visitor;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, visitor, &id)?;
    let (webhook, _) = webhook_of(&snapshot, system, &webhook)?;
    console
        .registry
        .approve_webhook(&visitor.actor, webhook)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(done(system.id, "webhook_approved"))
}

/// `GET /he-thong/{id}/webhook/{webhook}/tat`
pub(crate) async fn disable_form(
    State(console): State<Console>,
    visitor: Visitor,
    Path((id, webhook)): Path<(String, String)>,
) -> Result<Response, Failure> {
    visitor.permit(Permission::WebhookWrite)?;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, &visitor, &id)?;
    let (webhook, url) = webhook_of(&snapshot, system, &webhook)?;
    let action = format!("/he-thong/{}/webhook/{webhook}/tat", system.id);
    ask(&console, &visitor, system, "disable", &url, action)
}

/// `POST /he-thong/{id}/webhook/{webhook}/tat`
pub(crate) async fn disable_webhook(
    State(console): State<Console>,
    Path((id, webhook)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Failure> {
    let visitor = &posted.visitor;
    let snapshot = console.registry.snapshot();
    let system = find(&snapshot, visitor, &id)?;
    let (webhook, _) = webhook_of(&snapshot, system, &webhook)?;
    console
        .registry
        .disable_webhook(&visitor.actor, webhook)
        .await
        .map_err(|error| error.to_problem())?;
    Ok(done(system.id, "webhook_disabled"))
}
