//! Every route of the API on one page.

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{conduct, method_not_allowed, not_found};
use crate::{
    ApiState, deliveries, documents, dossiers, events, health, inbox, ledger, one_stop, openapi,
    organisation_events, organisations, problem, resends, submit, systems, webhooks,
};
use dossiers::{files, keeping, portals, procedures, settings};

/// The routes and their description. The address of a handler stands in its `#[utoipa::path]`.
fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(openapi::Description::openapi())
        // /api/v1/documents
        .routes(routes!(submit::submit, documents::list))
        .routes(routes!(documents::fetch)) // …/{id}
        .routes(routes!(documents::content, documents::erase)) // …/{id}/content
        .routes(routes!(documents::attachment)) // …/{id}/attachments/{number}
        .routes(routes!(documents::trace)) // …/{id}/trace
        .routes(routes!(submit::recall)) // …/{id}/recall
        .routes(routes!(submit::update)) // …/{id}/update
        .routes(routes!(submit::replace)) // …/{id}/replace
        .routes(routes!(documents::report_status)) // …/{id}/status
        // /api/v1/inbox
        .routes(routes!(inbox::list))
        .routes(routes!(inbox::acknowledge)) // …/acknowledge
        .routes(routes!(inbox::refuse)) // …/refuse
        // /api/v1/deliveries
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::groups)) // …/groups
        .routes(routes!(deliveries::fetch)) // …/{id}
        .routes(routes!(deliveries::content)) // …/{id}/content
        .routes(routes!(deliveries::resend)) // …/{id}/resend
        // /api/v1/resends, /api/v1/jobs
        .routes(routes!(resends::resend_many))
        .routes(routes!(resends::list))
        .routes(routes!(resends::fetch, resends::cancel)) // …/{id}
        .routes(routes!(resends::results)) // …/{id}/results
        // /api/v1/dossiers
        .routes(routes!(dossiers::submit, dossiers::list))
        .routes(routes!(dossiers::ageing)) // …/ageing
        .routes(routes!(dossiers::counts)) // …/counts
        .routes(routes!(settings::looks)) // …/looks
        .routes(routes!(settings::retention, settings::set_retention)) // …/retention
        .routes(routes!(settings::transitions, settings::set_transitions)) // …/transitions
        .routes(routes!(
            settings::routes_list,
            settings::route_add,
            settings::route_remove
        )) // …/routes
        .routes(routes!(dossiers::fetch)) // …/{id}
        .routes(routes!(keeping::erase)) // …/{id}/content
        .routes(routes!(files::file_store)) // …/{id}/files
        .routes(routes!(dossiers::progress)) // …/{id}/progress
        .routes(routes!(keeping::replay)) // …/{id}/replay
        // /api/v1/dossier-files
        .routes(routes!(files::file_fetch)) // …/{id}
        .routes(routes!(files::link_make)) // …/{id}/links
        .routes(routes!(files::link_open)) // /tep/{link}
        // /api/v1/portals/{organisation}
        .routes(routes!(portals::reconcile)) // …/reconciliations
        .routes(routes!(portals::synchronise)) // …/synchronisations
        // /api/v1/procedures
        .routes(routes!(
            procedures::procedures_list,
            procedures::procedures_put
        ))
        .routes(routes!(
            procedures::mappings_list,
            procedures::mapping_put,
            procedures::mapping_remove
        )) // …/mappings
        .routes(routes!(procedures::procedure_fetch)) // …/{code}
        // /motcua
        .routes(routes!(one_stop::sync_dossiers)) // …/SynsTTHCC/DongBoHoSoMC
        .routes(routes!(one_stop::sync_progress)) // …/SynsTTHCC/CapNhatTienDoHoSoMC
        .routes(routes!(one_stop::lookup::look_up)) // …/KetNoiMotCuaQuocGia/{service}
        // /api/v1/organisations
        .routes(routes!(organisations::list, organisation_events::create))
        .routes(routes!(organisations::resolve)) // …/resolve
        .routes(routes!(organisation_events::record_event)) // …/events
        .routes(routes!(organisation_events::import)) // …/import
        .routes(routes!(organisations::fetch)) // …/{id}
        // /api/v1/systems
        .routes(routes!(systems::list, systems::add))
        .routes(routes!(systems::fetch, systems::close)) // …/{id}
        .routes(routes!(systems::make_receiver)) // …/{id}/receiver
        .routes(routes!(systems::issue_token)) // …/{id}/tokens
        .routes(routes!(systems::revoke_token)) // …/{id}/tokens/{token}
        // /api/v1/webhooks
        .routes(routes!(webhooks::list, webhooks::propose))
        .routes(routes!(webhooks::key)) // …/key
        .routes(routes!(webhooks::fetch, webhooks::disable)) // …/{id}
        .routes(routes!(webhooks::approve)) // …/{id}/approve
        .routes(routes!(webhooks::rotate)) // …/{id}/secret
        // the ledger
        .routes(routes!(events::follow)) // /api/v1/events
        .routes(routes!(ledger::receipt)) // /api/v1/documents/{id}/receipt
        .routes(routes!(ledger::entries)) // /api/v1/ledger/entries
        .routes(routes!(ledger::proof)) // …/{leaf}/proof
        .routes(routes!(ledger::checkpoint)) // /ledger/checkpoint
        .routes(routes!(ledger::keys)) // /ledger/keys
        // the platform
        .routes(routes!(openapi::serve)) // /api/openapi.json
        .routes(routes!(problem::explain)) // /problems/{code}
        .routes(routes!(health::live)) // /livez
        .routes(routes!(health::ready)) // /readyz
}

/// The API's description, as it is served and committed.
pub fn description() -> String {
    openapi::text(routes().into_openapi())
}

/// The API as a router.
pub fn router(state: ApiState) -> axum::Router {
    let (mut router, _) = routes().split_for_parts();
    for prefix in one_stop::OTHER_PREFIXES {
        let at = |path: &str| format!("{prefix}/{path}");
        router = router
            .route(&at("SynsTTHCC/DongBoHoSoMC"), post(one_stop::sync_dossiers))
            .route(
                &at("SynsTTHCC/CapNhatTienDoHoSoMC"),
                post(one_stop::sync_progress),
            )
            .route(
                &at("KetNoiMotCuaQuocGia/{service}"),
                get(one_stop::lookup::look_up),
            );
    }
    router
        .route("/ledger/tile/{*path}", get(ledger::tile))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        // Bodies are bounded where they are read, each by its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(state.clone(), conduct))
        .with_state(state)
}
