//! The causes of trouble in words: which stand in deliveries and attempts, and whose business it is to end them.

use serde::Serialize;

/// A cause as the texts know it: `cause.KEY` with the cause itself as `code`, and `cause_owner.OWNER`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cause {
    /// The last part of the text's key.
    pub(crate) key: &'static str,
    /// The stable word, or the recipient's own; for an HTTP answer its number.
    pub(crate) code: String,
    /// Who can end it: `recipient`, `sender`, `platform`.
    pub(crate) owner: &'static str,
}

/// The words that the exchange and its transports use, and who can end each.
const KNOWN: &[(&str, &str)] = &[
    ("connect", "recipient"),
    ("certificate", "recipient"),
    ("timeout", "recipient"),
    ("not_confirmed", "recipient"),
    ("answer_too_large", "recipient"),
    ("not_fetched", "recipient"),
    ("no_system", "platform"),
    ("worker_lost", "platform"),
    ("passed_over", "recipient"),
    ("url_forbidden", "platform"),
    ("taken_back", "sender"),
];

impl Cause {
    /// Reads the word of a delivery or attempt.
    pub(crate) fn of(word: &str) -> Self {
        let (key, code, owner) = match (word, word.strip_prefix("http_")) {
            ("", _) => ("unsaid", "", "recipient"),
            (_, Some("413")) => ("too_large", "413", "sender"),
            (_, Some(status)) => ("http", status, "recipient"),
            _ => match KNOWN.iter().find(|(known, _)| *known == word) {
                Some((known, owner)) => (*known, word, *owner),
                None => ("other", word, "recipient"),
            },
        };
        Self {
            key,
            code: code.to_owned(),
            owner,
        }
    }

    /// One of each, for samples.
    pub(crate) fn samples() -> Vec<Self> {
        KNOWN
            .iter()
            .map(|(word, _)| *word)
            .chain(["", "http_413", "http_503", "thieu-tep-dinh-kem"])
            .map(Self::of)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_known_by_its_word_its_status_or_as_the_recipients_own() {
        for (word, key, code) in [
            ("connect", "connect", "connect"),
            ("http_503", "http", "503"),
            ("http_413", "too_large", "413"),
            ("", "unsaid", ""),
            ("E-17", "other", "E-17"),
        ] {
            let cause = Cause::of(word);
            assert_eq!((cause.key, cause.code.as_str()), (key, code), "{word}");
        }
    }
}
