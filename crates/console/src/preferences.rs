//! How a visitor wants to read: language, size of the text, contrast. Kept in cookies, changed without script.

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lgsp_base::Lang;
use serde::Serialize;

use crate::cookie::{self, Cookie};
use crate::error::Failure;
use crate::form::{Form, Query};
use crate::page::lang_name;
use crate::visitor::Facts;

const LANG_COOKIE: &str = "lgsp_ngon_ngu";
const SIZE_COOKIE: &str = "lgsp_co_chu";
const CONTRAST_COOKIE: &str = "lgsp_tuong_phan";
/// How long a browser keeps them, in seconds: one year.
const KEEP_SECONDS: u64 = 365 * 24 * 3600;

/// Size of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TextSize {
    /// `A-`
    Small,
    /// `A`
    #[default]
    Usual,
    /// `A+`
    Large,
}

/// Contrast of the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Contrast {
    /// As designed.
    #[default]
    Usual,
    /// Black on white.
    High,
}

/// All of a visitor's wishes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Preferences {
    pub(crate) lang: Lang,
    pub(crate) text_size: TextSize,
    pub(crate) contrast: Contrast,
    /// The language came with the address and is to be kept.
    pub(crate) is_lang_new: bool,
}

impl Preferences {
    /// From address and cookies, in this order; Vietnamese where nothing is said. What the browser prefers is not asked: many
    /// offices run an English browser and none of them reads English pages.
    pub(crate) fn of(parts: &Parts) -> Self {
        let asked = parts.uri.query().and_then(|query| {
            let wanted = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("lang="))?;
            lang(wanted)
        });
        let kept = || cookie::find(&parts.headers, LANG_COOKIE).and_then(lang);
        Self {
            lang: asked.or_else(kept).unwrap_or(Lang::Vi),
            text_size: cookie::find(&parts.headers, SIZE_COOKIE)
                .and_then(text_size)
                .unwrap_or_default(),
            contrast: cookie::find(&parts.headers, CONTRAST_COOKIE)
                .and_then(contrast)
                .unwrap_or_default(),
            is_lang_new: asked.is_some(),
        }
    }

    /// Keeps a language that came with the address.
    pub(crate) fn keep_lang(&self, headers: &mut HeaderMap, is_secure: bool) {
        if self.is_lang_new {
            keep(headers, LANG_COOKIE, lang_name(self.lang), is_secure);
        }
    }
}

fn lang(text: &str) -> Option<Lang> {
    match text {
        "vi" => Some(Lang::Vi),
        "en" => Some(Lang::En),
        _ => None,
    }
}

fn text_size(text: &str) -> Option<TextSize> {
    match text {
        "small" => Some(TextSize::Small),
        "usual" => Some(TextSize::Usual),
        "large" => Some(TextSize::Large),
        _ => None,
    }
}

fn contrast(text: &str) -> Option<Contrast> {
    match text {
        "usual" => Some(Contrast::Usual),
        "high" => Some(Contrast::High),
        _ => None,
    }
}

fn keep(headers: &mut HeaderMap, name: &'static str, value: &str, is_secure: bool) {
    let cookie = Cookie {
        name,
        value,
        seconds: KEEP_SECONDS,
        is_secure,
    };
    headers.append(header::SET_COOKIE, cookie.header());
}

/// `POST /tuy-chon`: keeps a wish and goes back. It changes nothing but cookies of the visitor's own browser, so it needs
/// no session; a form on another site is refused by the check of the origin that all posts go through.
pub(crate) async fn change(facts: Facts, form: Form) -> Result<Response, Failure> {
    let back = Query::local_path(form.text("ve").unwrap_or("/")).unwrap_or("/");
    let location = HeaderValue::from_str(back).unwrap_or(HeaderValue::from_static("/"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    let headers = response.headers_mut();
    if let Some(wanted) = form.text("co_chu").filter(|text| text_size(text).is_some()) {
        keep(headers, SIZE_COOKIE, wanted, facts.is_secure);
    }
    if let Some(wanted) = form
        .text("tuong_phan")
        .filter(|text| contrast(text).is_some())
    {
        keep(headers, CONTRAST_COOKIE, wanted, facts.is_secure);
    }
    Ok(response)
}
