//! The texts of the pages in Vietnamese, the source language, and English.
//!
//! Keys are flat (`systems.title`), messages are whole sentences with named arguments: `{count}` is a value, whole numbers
//! with separators; `{count|document|documents}` chooses between one and many. Nothing joins messages.

use std::collections::BTreeMap;
use std::fmt;

use lgsp_base::{Lang, vi};

use crate::files;

/// All messages of one language.
#[derive(Debug)]
pub(crate) struct Catalogue {
    lang: Lang,
    messages: BTreeMap<String, Message>,
}

/// A message in pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Value(String),
    Choice {
        name: String,
        one: String,
        other: String,
    },
}

/// An argument of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Argument {
    /// A whole number.
    Number(i64),
    /// Anything else, already in its form for people.
    Text(String),
}

/// A catalogue that cannot be read: found by the tests, since the texts are compiled in.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A file is not a flat JSON object of strings.
    #[error("the texts {file} are not a flat object of strings")]
    File {
        /// Which one.
        file: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A key stands in two files.
    #[error("the text {0} stands twice")]
    Twice(String),
    /// A brace is left open, or an argument has no name.
    #[error("the text {0} has an argument that cannot be read")]
    Argument(String),
}

/// A message was asked for that is not there, or lacks an argument.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Missing {
    /// No such key.
    Key(String),
    /// No such argument: key, name.
    Argument(String, String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Key(key) => write!(f, "there is no text {key}"),
            Missing::Argument(key, name) => write!(f, "the text {key} needs {name}"),
        }
    }
}

impl Message {
    fn parse(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((words, tail)) = rest.split_once('{') {
            let (argument, tail) = tail.split_once('}')?;
            if !words.is_empty() {
                pieces.push(Piece::Words(words.to_owned()));
            }
            let mut parts = argument.split('|');
            let name = parts.next().filter(|name| is_name(name))?.to_owned();
            pieces.push(match (parts.next(), parts.next(), parts.next()) {
                (None, ..) => Piece::Value(name),
                (Some(one), Some(other), None) => Piece::Choice {
                    name,
                    one: one.to_owned(),
                    other: other.to_owned(),
                },
                _ => return None,
            });
            rest = tail;
        }
        if rest.contains('}') {
            return None;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Words(rest.to_owned()));
        }
        Some(Self(pieces))
    }

    /// The names of its arguments.
    #[cfg(test)]
    pub(crate) fn arguments(&self) -> std::collections::BTreeSet<&str> {
        self.0
            .iter()
            .filter_map(|piece| match piece {
                Piece::Words(_) => None,
                Piece::Value(name) | Piece::Choice { name, .. } => Some(name.as_str()),
            })
            .collect()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

impl Catalogue {
    /// Reads the texts that are compiled in.
    ///
    /// # Errors
    /// [`TextError`], which the tests exclude.
    pub(crate) fn load(lang: Lang) -> Result<Self, TextError> {
        let sources = match lang {
            Lang::Vi => files::VI,
            Lang::En => files::EN,
        };
        let mut messages = BTreeMap::new();
        for (file, text) in sources {
            let read: BTreeMap<String, String> =
                serde_json::from_str(text).map_err(|source| TextError::File { file, source })?;
            for (key, text) in read {
                let Some(message) = Message::parse(&text) else {
                    return Err(TextError::Argument(key));
                };
                if messages.insert(key.clone(), message).is_some() {
                    return Err(TextError::Twice(key));
                }
            }
        }
        Ok(Self { lang, messages })
    }

    /// Which language it is.
    pub(crate) fn lang(&self) -> Lang {
        self.lang
    }

    /// The message with its arguments put in.
    ///
    /// # Errors
    /// [`Missing`].
    pub(crate) fn say(
        &self,
        key: &str,
        argument: &dyn Fn(&str) -> Option<Argument>,
    ) -> Result<String, Missing> {
        let message = self
            .messages
            .get(key)
            .ok_or_else(|| Missing::Key(key.to_owned()))?;
        let find = |name: &str| {
            argument(name).ok_or_else(|| Missing::Argument(key.to_owned(), name.to_owned()))
        };
        let mut text = String::new();
        for piece in &message.0 {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Value(name) => match find(name)? {
                    Argument::Number(value) => text.push_str(&vi::integer(value, self.lang)),
                    Argument::Text(value) => text.push_str(&value),
                },
                Piece::Choice { name, one, other } => {
                    let is_one = find(name)? == Argument::Number(1);
                    text.push_str(if is_one { one } else { other });
                }
            }
        }
        Ok(text)
    }

    /// True if there is such a message.
    #[cfg(test)]
    pub(crate) fn message(&self, key: &str) -> Option<&Message> {
        self.messages.get(key)
    }

    /// Every key.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.messages.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_take_values_and_choose_between_one_and_many() {
        let message = Message::parse("{count} {count|document|documents} of {name}").expect("form");
        let mut catalogue = Catalogue {
            lang: Lang::En,
            messages: BTreeMap::new(),
        };
        catalogue.messages.insert("k".to_owned(), message);
        let say = |count| {
            catalogue.say("k", &|name| match name {
                "count" => Some(Argument::Number(count)),
                "name" => Some(Argument::Text("X".to_owned())),
                _ => None,
            })
        };
        assert_eq!(say(1).expect("said"), "1 document of X");
        assert_eq!(say(1234).expect("said"), "1,234 documents of X");
        assert_eq!(
            catalogue.say("k", &|_| None),
            Err(Missing::Argument("k".to_owned(), "count".to_owned()))
        );
        assert_eq!(
            catalogue.say("other", &|_| None),
            Err(Missing::Key("other".to_owned()))
        );
        for bad in ["{", "a } b", "{}", "{a|b}", "{a|b|c|d}", "{Name}"] {
            assert_eq!(Message::parse(bad), None, "{bad}");
        }
    }
}
