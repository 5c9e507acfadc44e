//! What a page is: a typed context, a template, and samples that the tests, and the gallery, render.

use lgsp_base::{Lang, Timestamp};
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use crate::alarms::Alarm;
use crate::preferences::{Contrast, TextSize};

/// A page. The template sees it as `page`, and what every page has around it as `shell`.
pub(crate) trait Page: Serialize {
    /// File name in `templates/`.
    const TEMPLATE: &'static str;
    /// Which entry of the navigation is the current one.
    const PLACE: Place;
    /// The blocks of the template that may be asked for alone, with `?manh=NAME`.
    const FRAGMENTS: &'static [&'static str] = &[];

    /// The page in every state that looks different: empty, usual, full, in trouble. Each has a short name.
    fn samples() -> Vec<(&'static str, Self)>
    where
        Self: Sized;
}

/// Where a page stands in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// Overview.
    Overview,
    /// Documents and their traces.
    Documents,
    /// Dossiers of the one-stop shop.
    Dossiers,
    /// Dead letters.
    DeadLetters,
    /// Organisations.
    Organisations,
    /// Systems.
    Systems,
    /// The ledger.
    Ledger,
    /// The visitor's own account.
    Account,
    /// Nowhere: login, errors, search.
    None,
}

/// What kind of installation this is; said on every page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Real traffic.
    Live,
    /// Tests with partners.
    Test,
    /// Invented data.
    Demo,
}

/// What stands around every page.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shell {
    /// `vi` or `en`.
    pub(crate) lang: &'static str,
    /// True for English.
    pub(crate) is_english: bool,
    /// The same page in each language.
    pub(crate) lang_links: LangLinks,
    /// Kind of installation.
    pub(crate) mode: Mode,
    /// When the page was made.
    pub(crate) now: Timestamp,
    /// The page's own address, to come back to.
    pub(crate) address: String,
    /// Current entry of the navigation.
    pub(crate) place: Place,
    /// Size of the text.
    pub(crate) text_size: TextSize,
    /// Contrast of the colours.
    pub(crate) contrast: Contrast,
    /// Who is logged in.
    pub(crate) user: Option<User>,
    /// What is wrong with the platform itself, for those who are logged in.
    pub(crate) alarms: Vec<Alarm>,
    /// The token that a form sends back.
    pub(crate) csrf: String,
    /// What was just done, as the last part of a key `done.…`.
    pub(crate) done: Option<&'static str>,
    /// The request, for questions to the people who run the platform.
    pub(crate) trace_id: String,
}

/// Addresses of the same page.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LangLinks {
    /// In Vietnamese.
    pub(crate) vi: String,
    /// In English.
    pub(crate) en: String,
}

/// Who is logged in.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct User {
    /// The name of the token, or of the system.
    pub(crate) name: String,
    /// `operator` or `system`.
    pub(crate) role: &'static str,
    /// Seconds without a sign of life after which the session ends.
    pub(crate) idle_seconds: u64,
}

/// Page and shell as the template sees them.
pub(crate) fn context<P: Page>(page: &P, shell: &Shell) -> Value {
    #[derive(Serialize)]
    struct Context<'a, P> {
        page: &'a P,
        shell: &'a Shell,
    }
    Value::from(Serde(Context { page, shell }))
}

/// The language as HTML names it.
pub(crate) const fn lang_name(lang: Lang) -> &'static str {
    match lang {
        Lang::Vi => "vi",
        Lang::En => "en",
    }
}
