//! The description of the API, generated from the handlers.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as Answer, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::ApiState;

/// What is said about the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "LGSP",
        description = "Exchange of official documents between the agencies of a province. JSON in snake_case, times in \
                       RFC 3339 UTC. Every answer that is not a success is a problem document (RFC 9457) with a stable \
                       `code`; its language follows `Accept-Language`, Vietnamese by default. Lists are paged with \
                       `page_size` and `page_token`. Unknown fields and parameters are refused.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "documents", description = "Hand in, find, follow, fetch, report on, take back"),
        (name = "inbox", description = "Fetch what waits, confirm, refuse"),
        (name = "deliveries", description = "One document on its way to one recipient"),
        (name = "jobs", description = "Long work: how far it came, what came of it, end it"),
        (name = "dossiers", description = "Dossiers of the one-stop shop: hand in, follow, list, look after"),
        (name = "one-stop", description = "The same in the shapes that one-stop systems in the field speak; bearer token, or Basic with the system's id and its token"),
        (name = "organisations", description = "The directory over time"),
        (name = "systems", description = "Connected applications and their credentials"),
        (name = "webhooks", description = "Push endpoints (Standard Webhooks 1.0, Ed25519 and HMAC)"),
        (name = "events", description = "What happens, as a stream"),
        (name = "ledger", description = "The public log, receipts, entries and proofs"),
        (name = "platform", description = "Health and this description"),
    ),
    security(("token" = [])),
    modifiers(&Token),
    // Its route has a wildcard, which a description cannot have.
    paths(crate::ledger::tile),
    components(schemas(crate::problem::ProblemDocument)),
)]
pub(crate) struct Description;

/// Adds the one way to authenticate.
struct Token;

impl Modify for Token {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("lgsp_live_… or lgsp_test_…")
            .description(Some("The token of a system or an operator"))
            .build();
        description
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// What every operation may answer besides what it says itself: nobody lists 400, 401, 403, 503 forty times.
fn refusal() -> Answer {
    let document = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ProblemDocument")))
        .build();
    ResponseBuilder::new()
        .description("Refused or failed; `code` says why and `fix` what to do")
        .content("application/problem+json", document)
        .build()
}

/// The description as text, ready to be served. Operations are named `resource_handler`: names are unique in a document.
pub(crate) fn text(mut description: utoipa::openapi::OpenApi) -> String {
    for item in description.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let tag = operation.tags.iter().flatten().next();
            if let (Some(tag), Some(id)) = (tag, &operation.operation_id) {
                operation.operation_id = Some(format!("{tag}_{id}"));
            }
            operation
                .responses
                .responses
                .entry("default".to_owned())
                .or_insert_with(|| RefOr::T(refusal()));
        }
    }
    let mut text = description.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Show this description
#[utoipa::path(get, path = "/api/openapi.json", tag = "platform", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn serve(State(state): State<ApiState>) -> Response {
    let mut response = state.description.clone().into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
