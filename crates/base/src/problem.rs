//! Problem documents (RFC 9457): the one shape in which any door says that something did not work.
//!
//! A [`ProblemKind`] is an entry of the catalogue: stable dotted code, HTTP status, whether the same request may succeed
//! later, title and remedy in Vietnamese and English. A [`Problem`] is one occurrence. Codes are never renamed; the
//! catalogue is published as `docs/reference/errors.md`, generated from here. SOAP faults and axis codes are renderings of
//! the same occurrence.

pub mod kinds;
pub mod rules;

use std::borrow::Cow;
use std::fmt;

pub use rules::{Rule, Sentence};

/// The language of a text for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Vietnamese, the source language.
    #[default]
    Vi,
    /// English.
    En,
}

impl Lang {
    /// From an `Accept-Language` field: English only where it is preferred to Vietnamese.
    pub fn from_accept_language(field: &str) -> Self {
        let rank = |wanted: &str| {
            field
                .split(',')
                .filter_map(|item| {
                    let mut parts = item.split(';');
                    let tag = parts.next()?.trim().to_ascii_lowercase();
                    let quality = parts
                        .find_map(|p| {
                            p.trim()
                                .strip_prefix("q=")
                                .and_then(|q| q.parse::<f32>().ok())
                        })
                        .unwrap_or(1.0);
                    (tag == wanted || tag.starts_with(&format!("{wanted}-"))).then_some(quality)
                })
                .fold(0.0f32, f32::max)
        };
        if rank("en") > rank("vi") {
            Lang::En
        } else {
            Lang::Vi
        }
    }
}

/// An entry of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// Stable, dotted: `exchange.conflict`.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// True if the same request may succeed later without a change.
    pub retryable: bool,
    /// What happened, in Vietnamese.
    pub title_vi: &'static str,
    /// What happened, in English.
    pub title_en: &'static str,
    /// What to do next, in Vietnamese.
    pub fix_vi: &'static str,
    /// What to do next, in English.
    pub fix_en: &'static str,
    /// The code of the document axis that says the same (protocols §2.6).
    pub axis_code: u8,
}

impl ProblemKind {
    /// The title in a language.
    pub const fn title(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Vi => self.title_vi,
            Lang::En => self.title_en,
        }
    }

    /// The remedy in a language.
    pub const fn fix(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Vi => self.fix_vi,
            Lang::En => self.fix_en,
        }
    }

    /// One occurrence without detail.
    pub fn problem(&'static self) -> Problem {
        Problem {
            kind: self,
            detail: String::new(),
            sentence: None,
            fields: Vec::new(),
            retry_after_seconds: None,
        }
    }

    /// One occurrence with a detail: which item, which value, which limit. Never a secret, a body or personal data.
    pub fn with(&'static self, detail: impl fmt::Display) -> Problem {
        let mut problem = self.problem();
        problem.detail = detail.to_string();
        problem
    }

    /// One occurrence with a detail for people, in the language of the answer.
    pub fn says(&'static self, sentence: Sentence) -> Problem {
        let mut problem = self.with(&sentence);
        problem.sentence = Some(sentence);
        problem
    }
}

/// One place in the input that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Where: a JSON pointer, an element path (`MessageHeader/To[2]/OrganId`), or `line 12`.
    pub pointer: String,
    /// Which rule, a stable word.
    pub rule: &'static str,
    /// What is wrong there, in English or in no language.
    pub message: String,
    /// The same as a sentence of the catalogue.
    pub sentence: Option<Sentence>,
}

impl FieldProblem {
    /// What is wrong there, in a language if the catalogue has the sentence.
    pub fn message_in(&self, lang: Lang) -> Cow<'_, str> {
        said(self.sentence.as_ref(), &self.message, lang)
    }
}

fn said<'t>(sentence: Option<&Sentence>, text: &'t str, lang: Lang) -> Cow<'t, str> {
    match sentence {
        Some(sentence) => Cow::Owned(sentence.text(lang)),
        None => Cow::Borrowed(text),
    }
}

/// One occurrence of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The catalogue entry.
    pub kind: &'static ProblemKind,
    /// What exactly, in English or in no language; may be empty.
    pub detail: String,
    /// The same as a sentence of the catalogue.
    pub sentence: Option<Sentence>,
    /// The places in the input, if any.
    pub fields: Vec<FieldProblem>,
    /// When to come back, for `Retry-After`.
    pub retry_after_seconds: Option<u64>,
}

impl Problem {
    /// Adds a place in the input.
    #[must_use]
    pub fn at(
        mut self,
        pointer: impl Into<String>,
        rule: &'static str,
        message: impl fmt::Display,
    ) -> Self {
        self.fields.push(FieldProblem {
            pointer: pointer.into(),
            rule,
            message: message.to_string(),
            sentence: None,
        });
        self
    }

    /// Adds a place in the input that breaks a rule of the catalogue.
    #[must_use]
    pub fn breaks(mut self, pointer: impl Into<String>, sentence: Sentence) -> Self {
        self.fields.push(FieldProblem {
            pointer: pointer.into(),
            rule: sentence.word(),
            message: sentence.to_string(),
            sentence: Some(sentence),
        });
        self
    }

    /// What exactly, in a language if the catalogue has the sentence; may be empty.
    pub fn detail_in(&self, lang: Lang) -> Cow<'_, str> {
        said(self.sentence.as_ref(), &self.detail, lang)
    }

    /// Says when to come back.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.kind.code
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.code, self.kind.title_en)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_complete_and_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in kinds::ALL {
            assert!(seen.insert(kind.code), "twice: {}", kind.code);
            assert!(kind.code.contains('.') && kind.code.is_ascii());
            assert!((400..600).contains(&kind.status), "{}", kind.code);
            for text in [kind.title_vi, kind.title_en, kind.fix_vi, kind.fix_en] {
                assert!(!text.is_empty(), "{}", kind.code);
            }
            assert_ne!(kind.title_vi, kind.title_en, "{}", kind.code);
        }
    }

    #[test]
    fn language_follows_preference() {
        assert_eq!(Lang::from_accept_language(""), Lang::Vi);
        assert_eq!(Lang::from_accept_language("en-US,en;q=0.9"), Lang::En);
        assert_eq!(Lang::from_accept_language("vi,en;q=0.8"), Lang::Vi);
        assert_eq!(Lang::from_accept_language("en;q=0.5, vi;q=0.7"), Lang::Vi);
    }
}
