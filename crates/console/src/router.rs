//! Every route of the console on one page. Vietnamese words are the addresses; English ones lead there.

use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, Uri, header};
use lgsp_base::problem::kinds;

use crate::error::{Failure, conduct};
use crate::pages::{
    account, dead_letters, documents, dossier, dossier_ageing, dossiers, ledger, look_up,
    organisations, overview, portal, procedures, search, system_actions, systems, trace,
};
use crate::{Console, ConsoleParts, LoadError, assets, events, login, preferences};

/// Where visitors log in.
pub(crate) const LOGIN: &str = "/dang-nhap";
/// The stream of what happens.
pub(crate) const EVENTS: &str = "/su-kien";

/// English addresses and the Vietnamese ones to which they lead, with whatever stands behind them.
const ALIASES: &[(&str, &str)] = &[
    ("/documents", "/van-ban"),
    ("/trace", "/truy-vet"),
    ("/dossiers", "/ho-so"),
    ("/national-portal", "/dvcqg"),
    ("/procedures", "/thu-tuc"),
    ("/look-up", "/tra-cuu"),
    ("/dead-letters", "/hang-doi-loi"),
    ("/organisations", "/don-vi"),
    ("/systems", "/he-thong"),
    ("/login", LOGIN),
    ("/account", "/tai-khoan"),
    ("/search", "/tim"),
];

/// The console's doors.
#[derive(Debug)]
pub struct Pages {
    /// Every page.
    pub router: axum::Router,
    /// Answers any address with the page that says that there is none, for browsers that ask for what nobody serves.
    pub lost: axum::Router,
}

/// The console as routers.
///
/// # Errors
/// [`LoadError`]: a compiled-in template or text cannot be read, which the tests exclude.
pub fn router(parts: ConsoleParts) -> Result<Pages, LoadError> {
    let console = Console::new(parts)?;
    let mut router = axum::Router::new()
        .route("/", get(overview::show))
        // documents and their ways
        .route("/van-ban", get(documents::list))
        .route("/truy-vet/{id}", get(trace::show))
        .route("/truy-vet/{id}/bien-nhan", get(trace::receipt))
        // dossiers
        .route("/ho-so", get(dossiers::list))
        .route("/ho-so/ton-dong", get(dossier_ageing::show))
        .route("/ho-so/{id}", get(dossier::show))
        .route("/dvcqg", get(portal::show))
        .route("/dvcqg/doi-soat", post(portal::reconcile))
        .route("/dvcqg/doi-soat/{id}", get(portal::reconciliation))
        .route("/thu-tuc", get(procedures::list))
        .route("/thu-tuc/anh-xa", post(procedures::map))
        // for everybody
        .route("/tra-cuu", get(look_up::show).post(look_up::look_up))
        // dead letters
        .route("/hang-doi-loi", get(dead_letters::list))
        .route("/hang-doi-loi/mau/{id}", get(dead_letters::sample))
        .route(
            "/hang-doi-loi/gui-lai",
            get(dead_letters::preview).post(dead_letters::start),
        )
        .route("/hang-doi-loi/viec/{id}", get(dead_letters::job))
        .route("/hang-doi-loi/viec/{id}/dung", post(dead_letters::cancel))
        // the ledger
        .route("/nhat-ky", get(ledger::list))
        .route("/nhat-ky/{leaf}", get(ledger::show))
        // organisations
        .route("/don-vi", get(organisations::list))
        .route("/don-vi/{id}", get(organisations::show))
        // systems and credentials
        .route("/he-thong", get(systems::list))
        .route(
            "/he-thong/them",
            get(system_actions::add_form).post(system_actions::add),
        )
        .route("/he-thong/{id}", get(systems::show))
        .route(
            "/he-thong/{id}/dong",
            get(system_actions::close_form).post(system_actions::close),
        )
        .route(
            "/he-thong/{id}/noi-nhan",
            get(system_actions::receiver_form).post(system_actions::set_receiver),
        )
        .route("/he-thong/{id}/khoa", post(system_actions::issue_token))
        .route(
            "/he-thong/{id}/khoa/{token}/thu-hoi",
            get(system_actions::revoke_form).post(system_actions::revoke_token),
        )
        .route(
            "/he-thong/{id}/webhook/{webhook}/duyet",
            get(system_actions::approve_form).post(system_actions::approve_webhook),
        )
        .route(
            "/he-thong/{id}/webhook/{webhook}/tat",
            get(system_actions::disable_form).post(system_actions::disable_webhook),
        )
        // everything
        .route("/tim", get(search::show))
        // the visitor
        .route(LOGIN, get(login::show).post(login::enter))
        .route("/dang-xuat", post(login::leave))
        .route("/tiep-tuc", post(login::stay))
        .route("/tai-khoan", get(account::show))
        .route("/tuy-chon", post(preferences::change))
        // machinery
        .route(EVENTS, get(events::follow))
        .route("/assets/{name}", get(assets::serve));
    // What stands behind `/ledger/` is the public log.
    router = router.route(
        "/ledger",
        get(|uri: Uri| async move { lead(&uri, "/ledger", "/nhat-ky") }),
    );
    for (alias, target) in ALIASES {
        let lead = move |uri: Uri| async move { lead(&uri, alias, target) };
        router = router
            .route(alias, get(lead))
            .route(&format!("{alias}/{{*rest}}"), get(lead));
    }
    let conducted = |router: axum::Router<Console>| {
        router
            .layer(middleware::from_fn_with_state(console.clone(), conduct))
            .with_state(console.clone())
    };
    Ok(Pages {
        router: conducted(router),
        lost: conducted(axum::Router::new().fallback(lost)),
    })
}

/// A page that is not there.
async fn lost() -> Failure {
    kinds::HTTP_NOT_FOUND.problem().into()
}

/// The same address under its Vietnamese name.
fn lead(uri: &Uri, alias: &str, target: &str) -> Response {
    let whole = uri.path_and_query().map_or("", |path| path.as_str());
    let rest = whole.strip_prefix(alias).unwrap_or("");
    let location = HeaderValue::from_str(&format!("{target}{rest}"));
    let mut response = Response::default();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(
        header::LOCATION,
        location.unwrap_or(HeaderValue::from_static("/")),
    );
    response
}
