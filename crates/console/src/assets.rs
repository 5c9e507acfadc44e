//! Style sheet, script and fonts, compiled in and served under names that hold their hash, so that a browser keeps them
//! for ever and a new version is fetched at once.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use lgsp_base::Sha256;
use lgsp_base::problem::kinds;

use crate::Console;
use crate::error::Failure;

/// Hexadecimal digits of the hash in a file's name.
const HASH_CHARS: usize = 16;

/// Fonts first: the style sheet names them.
const FILES: &[(&str, &str, &[u8])] = &[
    (
        "be-vietnam-pro-latin-400-normal.woff2",
        "font/woff2",
        include_bytes!("../assets/fonts/be-vietnam-pro-latin-400-normal.woff2"),
    ),
    (
        "be-vietnam-pro-latin-600-normal.woff2",
        "font/woff2",
        include_bytes!("../assets/fonts/be-vietnam-pro-latin-600-normal.woff2"),
    ),
    (
        "be-vietnam-pro-vietnamese-400-normal.woff2",
        "font/woff2",
        include_bytes!("../assets/fonts/be-vietnam-pro-vietnamese-400-normal.woff2"),
    ),
    (
        "be-vietnam-pro-vietnamese-600-normal.woff2",
        "font/woff2",
        include_bytes!("../assets/fonts/be-vietnam-pro-vietnamese-600-normal.woff2"),
    ),
    (
        "mark.svg",
        "image/svg+xml",
        include_bytes!("../assets/mark.svg"),
    ),
    (
        "console.css",
        "text/css; charset=utf-8",
        include_bytes!("../assets/console.css"),
    ),
    (
        "console.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/console.js"),
    ),
];

/// One file as it is served.
#[derive(Debug)]
struct Asset {
    content_type: &'static str,
    body: Bytes,
}

/// Every file, by its name with the hash.
#[derive(Debug)]
pub(crate) struct Assets {
    served: BTreeMap<String, Asset>,
    names: BTreeMap<&'static str, String>,
}

impl Assets {
    /// Names everything; in the style sheet `asset(name)` becomes the address of that file.
    pub(crate) fn load() -> Self {
        let mut assets = Self {
            served: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        for (name, content_type, body) in FILES {
            let body = if name.ends_with(".css") {
                let mut text = String::from_utf8_lossy(body).into_owned();
                for (known, hashed) in &assets.names {
                    text = text.replace(
                        &format!("asset({known})"),
                        &format!("url(\"/assets/{hashed}\")"),
                    );
                }
                Bytes::from(text)
            } else {
                Bytes::from_static(body)
            };
            let hash = Sha256::of(&body).to_string();
            let hash = hash.get(..HASH_CHARS).unwrap_or(&hash);
            let hashed = match name.rsplit_once('.') {
                Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
                None => format!("{name}.{hash}"),
            };
            assets.names.insert(name, hashed.clone());
            assets.served.insert(hashed, Asset { content_type, body });
        }
        assets
    }

    /// The address of a file.
    pub(crate) fn address(&self, name: &str) -> Option<String> {
        self.names
            .get(name)
            .map(|hashed| format!("/assets/{hashed}"))
    }

    /// The bytes of a file, by its plain name.
    #[cfg(test)]
    pub(crate) fn body(&self, name: &str) -> &[u8] {
        &self.served[&self.names[name]].body
    }

    /// The answer to a request for a file under its hashed name.
    pub(crate) fn answer(&self, name: &str) -> Option<Response> {
        let asset = self.served.get(name)?;
        let headers = [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static(asset.content_type),
            ),
            (
                header::CACHE_CONTROL,
                HeaderValue::from_static("public, max-age=31536000, immutable"),
            ),
        ];
        Some((StatusCode::OK, headers, asset.body.clone()).into_response())
    }
}

/// `GET /assets/{name}`.
pub(crate) async fn serve(
    State(console): State<Console>,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    console
        .assets
        .answer(&name)
        .ok_or_else(|| kinds::HTTP_NOT_FOUND.problem().into())
}
