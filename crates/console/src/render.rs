//! Templates and texts become HTML.
//!
//! There is one environment per language, so that a template says `t("key", name=value)` and never names a language.
//! Everything is escaped, an undefined value is an error, and a page has a bounded number of steps.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lgsp_base::{Lang, Timestamp, limits, vi};
use minijinja::value::{Kwargs, Serde};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
    escape_formatter,
};

use crate::assets::Assets;
use crate::chart::{self, Bar, Graph, Segment, Tick};
use crate::files;
use crate::i18n::{Argument, Catalogue, Missing, TextError};
use crate::proof::{self, Ladder};
use crate::timeline::{self, Timeline};

/// Renders pages in both languages.
#[derive(Debug)]
pub(crate) struct Renderer {
    vi: Environment<'static>,
    en: Environment<'static>,
}

/// Why the pages cannot be put together; the tests exclude it, since everything is compiled in.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A text.
    #[error("a text cannot be read")]
    Text(#[from] TextError),
    /// A template.
    #[error("a template cannot be read")]
    Template(#[from] Error),
}

/// What was asked of the catalogue while rendering: for the tests.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Keys that were found.
    pub(crate) keys: BTreeSet<String>,
    /// What was not there.
    pub(crate) missing: BTreeSet<Missing>,
}

/// Where questions to the catalogue are written down.
pub(crate) type Recorder = Arc<Mutex<Asked>>;

impl Renderer {
    /// Reads every template and text.
    ///
    /// # Errors
    /// [`LoadError`].
    pub(crate) fn load(
        assets: &Arc<Assets>,
        recorder: Option<&Recorder>,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            vi: environment(Lang::Vi, assets, recorder)?,
            en: environment(Lang::En, assets, recorder)?,
        })
    }

    fn of(&self, lang: Lang) -> &Environment<'static> {
        match lang {
            Lang::Vi => &self.vi,
            Lang::En => &self.en,
        }
    }

    /// A whole page.
    ///
    /// # Errors
    /// The template names something that the context does not have.
    pub(crate) fn page(&self, lang: Lang, template: &str, context: Value) -> Result<String, Error> {
        self.of(lang).get_template(template)?.render(context)
    }

    /// One block of a page, for a part that is refreshed alone.
    ///
    /// # Errors
    /// As [`Renderer::page`], or there is no such block.
    pub(crate) fn block(
        &self,
        lang: Lang,
        template: &str,
        block: &str,
        context: Value,
    ) -> Result<String, Error> {
        self.of(lang)
            .get_template(template)?
            .render_captured(context)?
            .with_state_mut(|state| state.render_block(block))
    }
}

fn environment(
    lang: Lang,
    assets: &Arc<Assets>,
    recorder: Option<&Recorder>,
) -> Result<Environment<'static>, LoadError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(write_value);
    environment.set_fuel(Some(limits::CONSOLE_TEMPLATE_FUEL));
    for (name, source) in files::TEMPLATES {
        environment.add_template(name, source)?;
    }
    let catalogue = Catalogue::load(lang)?;
    let recorder = recorder.cloned();
    environment.add_function("t", move |key: String, arguments: Kwargs| {
        translate(&catalogue, recorder.as_ref(), &key, &arguments)
    });
    let assets = Arc::clone(assets);
    environment.add_function("asset", move |name: String| {
        let unknown = || Error::new(ErrorKind::InvalidOperation, format!("no asset {name}"));
        assets.address(&name).ok_or_else(unknown)
    });
    add_forms(&mut environment, lang);
    add_drawings(&mut environment, lang);
    Ok(environment)
}

/// Writes a value into a page. Texts are escaped as [`chart::escape`] does, which leaves the slashes of addresses alone; a
/// value that is absent is a mistake of the template, not the word "none".
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        return Err(Error::new(
            ErrorKind::UndefinedError,
            "a value that is absent is written",
        ));
    }
    match value.as_str() {
        Some(text) if !value.is_safe() => out
            .write_str(&chart::escape(text))
            .map_err(|_| Error::new(ErrorKind::WriteFailure, "the page cannot be written")),
        _ => escape_formatter(out, state, value),
    }
}

/// A text of the page. One that is missing is a fault of ours: the visitor sees its key, the log tells us.
fn translate(
    catalogue: &Catalogue,
    recorder: Option<&Recorder>,
    key: &str,
    arguments: &Kwargs,
) -> Result<String, Error> {
    let said = catalogue.say(key, &|name| {
        let value: Value = arguments.get(name).ok()?;
        Some(match i64::try_from(value.clone()) {
            Ok(number) if value.is_integer() => Argument::Number(number),
            _ => Argument::Text(value.to_string()),
        })
    });
    let answer = match &said {
        Ok(text) => text.clone(),
        Err(missing) => {
            tracing::error!(%missing, lang = ?catalogue.lang(), "a text of the console is missing");
            key.to_owned()
        }
    };
    if let Some(recorder) = recorder {
        let mut asked = recorder.lock().unwrap_or_else(PoisonError::into_inner);
        match said {
            Ok(_) => drop(asked.keys.insert(key.to_owned())),
            Err(missing) => drop(asked.missing.insert(missing)),
        }
    }
    Ok(answer)
}

/// Numbers and times as people read them: [`lgsp_base::vi`] under the names of filters.
fn add_forms(environment: &mut Environment<'static>, lang: Lang) {
    environment.add_filter("number", move |value: i64| vi::integer(value, lang));
    environment.add_filter("compact", move |value: u64| vi::compact(value, lang));
    environment.add_filter("file_size", move |bytes: u64| vi::file_size(bytes, lang));
    environment.add_filter("percent", move |part: u64, whole: u64| {
        vi::percent(part, whole, lang)
    });
    environment.add_filter("change", move |now: u64, before: u64| {
        vi::change(now, before, lang)
    });
    environment.add_filter("shorten", |text: String, chars: usize| {
        vi::truncate_middle(&text, chars)
    });
    environment.add_filter("date_time", move |at: String| {
        Ok::<_, Error>(vi::date_time(time(&at)?, lang))
    });
    environment.add_filter("date_time_zoned", move |at: String| {
        Ok::<_, Error>(vi::date_time_zoned(time(&at)?, lang))
    });
    environment.add_filter("date", move |at: String| {
        Ok::<_, Error>(vi::date(time(&at)?, lang))
    });
    environment.add_filter("clock", |at: String| {
        Ok::<_, Error>(vi::time_of_day(time(&at)?))
    });
    environment.add_filter("hour_minute", |at: String| {
        Ok::<_, Error>(vi::hour_minute(time(&at)?))
    });
    environment.add_filter("short_time", move |at: String, now: String| {
        Ok::<_, Error>(vi::short_time(time(&at)?, time(&now)?, lang))
    });
    environment.add_filter("ago", move |at: String, now: String| {
        Ok::<_, Error>(vi::ago(time(&now)?.since(time(&at)?), lang))
    });
    environment.add_filter("remaining", move |at: String, now: String| {
        Ok::<_, Error>(vi::remaining(time(&at)?.since(time(&now)?), lang))
    });
    environment.add_filter("duration", move |millis: u64| {
        vi::duration(Duration::from_millis(millis), lang)
    });
}

/// Drawings under their own names. Their words are arguments, already in the page's language.
fn add_drawings(environment: &mut Environment<'static>, lang: Lang) {
    let number = move |value: u64| vi::compact(value, lang);
    environment.add_function(
        "bars",
        move |Serde(bars): Serde<Vec<Bar>>,
              title: String,
              description: String,
              series: Vec<String>| {
            Value::from_safe_string(chart::bars(&bars, &title, &description, &series, &number))
        },
    );
    environment.add_function("sparkline", |values: Vec<u64>, title: String| {
        Value::from_safe_string(chart::sparkline(&values, &title))
    });
    environment.add_function("strip", |Serde(ticks): Serde<Vec<Tick>>, title: String| {
        Value::from_safe_string(chart::strip(&ticks, &title))
    });
    environment.add_function(
        "segments",
        move |Serde(segments): Serde<Vec<Segment>>, title: String| {
            Value::from_safe_string(chart::segments(&segments, &title, &number))
        },
    );
    environment.add_function(
        "graph",
        |Serde(graph): Serde<Graph>, title: String, description: String| {
            Value::from_safe_string(chart::graph(&graph, &title, &description))
        },
    );
    environment.add_function(
        "timeline",
        |Serde(way): Serde<Timeline>, title: String, description: String| {
            Value::from_safe_string(timeline::timeline(&way, &title, &description))
        },
    );
    environment.add_function(
        "ladder",
        |Serde(proof): Serde<Ladder>, title: String, description: String| {
            Value::from_safe_string(proof::ladder(&proof, &title, &description))
        },
    );
}

/// A time in a context: RFC 3339.
fn time(text: &str) -> Result<Timestamp, Error> {
    Timestamp::parse(text).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "not a time"))
}
