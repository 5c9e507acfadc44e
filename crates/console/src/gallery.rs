//! Every page in every state, from samples: for the tests, and for people who work on pages (`examples/gallery.rs`).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, Uri, header};
use lgsp_base::{Lang, Timestamp};
use minijinja::Value;
use minijinja::value::Serde;

use crate::alarms;
use crate::assets::Assets;
use crate::error::protect;
use crate::page::{LangLinks, Mode, Page, Place, Shell, User, lang_name};
use crate::preferences::{Contrast, TextSize};
use crate::render::{LoadError, Recorder, Renderer};
use crate::router::EVENTS;

/// A page in one state.
#[derive(Debug)]
pub struct Sample {
    /// The page's template without its ending, a slash, the state's name.
    pub name: String,
    template: &'static str,
    place: Place,
    /// The blocks that may be asked for alone.
    pub fragments: &'static [&'static str],
    page: Value,
}

/// Lists the samples of every page.
macro_rules! pages {
    ($($page:path,)*) => {
        fn samples() -> Vec<Sample> {
            let mut all = Vec::new();
            $(all.extend(samples_of::<$page>());)*
            all
        }
    };
}

pages! {
    crate::pages::overview::OverviewPage,
    crate::pages::documents::DocumentsPage,
    crate::pages::trace::TracePage,
    crate::pages::dossiers::DossiersPage,
    crate::pages::dossier::DossierPage,
    crate::pages::dossier_ageing::AgeingPage,
    crate::pages::portal::PortalPage,
    crate::pages::portal::ReconciliationPage,
    crate::pages::procedures::ProceduresPage,
    crate::pages::look_up::LookUpPage,
    crate::pages::dead_letters::DeadLettersPage,
    crate::pages::dead_letters::ResendPage,
    crate::pages::dead_letters::JobPage,
    crate::pages::ledger::LedgerPage,
    crate::pages::ledger::EntryPage,
    crate::pages::organisations::OrganisationsPage,
    crate::pages::organisations::OrganisationPage,
    crate::pages::systems::SystemsPage,
    crate::pages::systems::SystemPage,
    crate::pages::system_actions::AddPage,
    crate::pages::system_actions::ConfirmPage,
    crate::pages::system_actions::CredentialPage,
    crate::pages::search::SearchPage,
    crate::pages::account::AccountPage,
    crate::login::LoginPage,
    crate::error::ErrorPage,
}

fn samples_of<P: Page>() -> impl Iterator<Item = Sample> {
    let stem = P::TEMPLATE.trim_end_matches(".html");
    P::samples().into_iter().map(move |(name, page)| Sample {
        name: format!("{stem}/{name}"),
        template: P::TEMPLATE,
        place: P::PLACE,
        fragments: P::FRAGMENTS,
        page: Value::from(Serde(&page)),
    })
}

/// How a sample is to look.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Language.
    pub lang: Lang,
    /// Kind of installation.
    pub mode: Mode,
    /// High contrast and large text.
    pub is_strong: bool,
}

impl Look {
    /// The look that the query of an address asks for.
    fn asked(uri: &Uri) -> Self {
        let asks = |pair: &str| {
            uri.query()
                .is_some_and(|query| query.split('&').any(|one| one == pair))
        };
        Self {
            lang: if asks("lang=en") { Lang::En } else { Lang::Vi },
            mode: if asks("mode=live") {
                Mode::Live
            } else if asks("mode=test") {
                Mode::Test
            } else {
                Mode::Demo
            },
            is_strong: asks("strong=1"),
        }
    }
}

/// All samples and what renders them.
#[derive(Debug)]
pub struct Gallery {
    renderer: Renderer,
    assets: Arc<Assets>,
    samples: Vec<Sample>,
}

impl Gallery {
    /// Reads everything.
    ///
    /// # Errors
    /// A template or a text cannot be read.
    pub fn new() -> Result<Self, LoadError> {
        Self::recorded(None)
    }

    pub(crate) fn recorded(recorder: Option<&Recorder>) -> Result<Self, LoadError> {
        let assets = Arc::new(Assets::load());
        Ok(Self {
            renderer: Renderer::load(&assets, recorder)?,
            assets,
            samples: samples(),
        })
    }

    /// Every page in every state.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Content type and bytes of an asset by its address.
    pub fn asset(&self, address: &str) -> Option<Response> {
        self.assets.answer(address.strip_prefix("/assets/")?)
    }

    /// A sample as HTML: the whole page, or one block of it.
    ///
    /// # Errors
    /// The template fails, in words.
    pub fn render(
        &self,
        sample: &Sample,
        fragment: Option<&str>,
        look: Look,
    ) -> Result<String, String> {
        let shell = shell(sample, look);
        let context = minijinja::context! { page => sample.page.clone(), shell => Value::from(Serde(&shell)) };
        let rendered = match fragment {
            None => self.renderer.page(look.lang, sample.template, context),
            Some(block) => self
                .renderer
                .block(look.lang, sample.template, block, context),
        };
        rendered.map_err(|error| format!("{}: {}", sample.name, error.display_debug_info()))
    }

    fn answer(&self, uri: &Uri) -> Response {
        let name = uri.path().trim_start_matches('/');
        match self.samples.iter().find(|sample| sample.name == name) {
            Some(sample) => match self.render(sample, None, Look::asked(uri)) {
                Ok(html) => Html(html).into_response(),
                Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
            },
            None => Html(self.index()).into_response(),
        }
    }

    fn index(&self) -> String {
        self.samples
            .iter()
            .map(|sample| format!("<p><a href=\"/{0}\">{0}</a></p>", sample.name))
            .collect()
    }
}

/// The gallery as a site: `/` lists the samples, `/<page>/<state>` shows one, with the headers of the console. `?lang=en`,
/// `?strong=1`, `?mode=live` and `?mode=test` change the look.
///
/// # Errors
/// A template or a text cannot be read.
pub fn router() -> Result<Router, LoadError> {
    let gallery = Arc::new(Gallery::new()?);
    Ok(Router::new().fallback(get(serve)).with_state(gallery))
}

async fn serve(State(gallery): State<Arc<Gallery>>, uri: Uri) -> Response {
    if uri.path() == EVENTS {
        let silence = "retry: 600000\n\n";
        return ([(header::CONTENT_TYPE, "text/event-stream")], silence).into_response();
    }
    let asset = gallery.asset(uri.path());
    let is_asset = asset.is_some();
    let mut response = asset.unwrap_or_else(|| gallery.answer(&uri));
    protect(response.headers_mut(), is_asset, false);
    response
}

fn shell(sample: &Sample, look: Look) -> Shell {
    let is_guest = ["login.html", "look_up.html"].contains(&sample.template);
    Shell {
        lang: lang_name(look.lang),
        is_english: look.lang == Lang::En,
        lang_links: LangLinks {
            vi: "?lang=vi".to_owned(),
            en: "?lang=en".to_owned(),
        },
        mode: look.mode,
        now: Timestamp::from_micros(1_793_844_429_000_000),
        address: format!("/{}", sample.name),
        place: sample.place,
        text_size: if look.is_strong {
            TextSize::Large
        } else {
            TextSize::Usual
        },
        contrast: if look.is_strong {
            Contrast::High
        } else {
            Contrast::Usual
        },
        alarms: if look.is_strong && !is_guest {
            alarms::samples()
        } else {
            Vec::new()
        },
        user: (!is_guest).then(|| User {
            name: "Trực ca".to_owned(),
            role: "operator",
            idle_seconds: 900,
        }),
        csrf: "0".repeat(64),
        done: None,
        trace_id: "req_01jqcy4m9ze5b8q6p6b0w7h3tn".to_owned(),
    }
}

/// A page with each thing that may just have been done, for the tests.
#[cfg(test)]
pub(crate) fn done_shells(gallery: &Gallery, lang: Lang) -> Vec<Result<String, String>> {
    let look = Look {
        lang,
        mode: Mode::Live,
        is_strong: false,
    };
    let Some(sample) = gallery.samples.first() else {
        return Vec::new();
    };
    let of = |word: &&'static str| {
        let mut shell = shell(sample, look);
        shell.done = Some(word);
        let context = minijinja::context! { page => sample.page.clone(), shell => Value::from(Serde(&shell)) };
        gallery
            .renderer
            .page(lang, sample.template, context)
            .map_err(|error| error.display_debug_info().to_string())
    };
    crate::visitor::DONE_WORDS.iter().map(of).collect()
}
