//! Serves every page in every state from samples, without a platform: `cargo run -p lgsp-console --example gallery`, then
//! open the address that it prints. `?lang=en`, `?strong=1` and `?mode=live` change the look.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, Uri};
use lgsp_base::Lang;
use lgsp_console::Mode;
use lgsp_console::gallery::{Gallery, Look};

/// Where it listens when no address is given.
const LISTEN: &str = "127.0.0.1:8090";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| LISTEN.to_owned());
    let router = Router::new()
        .fallback(get(show))
        .with_state(Arc::new(Gallery::new()?));
    let listener = tokio::net::TcpListener::bind(&listen).await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

/// `/` lists the samples, `/<page>/<state>` shows one, `/assets/…` gives what it needs.
async fn show(State(gallery): State<Arc<Gallery>>, uri: Uri) -> Response {
    let path = uri.path();
    if let Some(asset) = gallery.asset(path) {
        return asset;
    }
    let asked = |pair: &str| {
        uri.query()
            .is_some_and(|query| query.split('&').any(|one| one == pair))
    };
    let look = Look {
        lang: if asked("lang=en") { Lang::En } else { Lang::Vi },
        mode: if asked("mode=live") {
            Mode::Live
        } else if asked("mode=test") {
            Mode::Test
        } else {
            Mode::Demo
        },
        is_strong: asked("strong=1"),
    };
    let name = path.trim_start_matches('/');
    match gallery.samples().iter().find(|sample| sample.name == name) {
        Some(sample) => match gallery.render(sample, None, look) {
            Ok(html) => Html(html).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
        },
        None => Html(index(&gallery)).into_response(),
    }
}

fn index(gallery: &Gallery) -> String {
    gallery
        .samples()
        .iter()
        .map(|sample| format!("<p><a href=\"/{0}\">{0}</a></p>", sample.name))
        .collect()
}
