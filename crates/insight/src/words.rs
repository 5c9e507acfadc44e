//! From text to the words of the search index, the same way for documents and for questions.
//!
//! Words are folded (no marks, `đ` as `d`, lower case). Besides them stand words that nobody can type, because they begin
//! with `_`: the parties, the kind, codes and the sender's own id in one piece, so that their parts do not answer for numbers.

use std::collections::HashSet;

use lgsp_base::id::OrgId;
use lgsp_base::limits::{INSIGHT_QUERY_WORDS_MAX, INSIGHT_WORD_CHARS_MAX, INSIGHT_WORDS_MAX};
use lgsp_base::vi;
use lgsp_store::exchange::DocumentKind;
use lgsp_store::insight::search::{Match, Side, kind_word, party_word};

/// Letters and digits from which on the last piece of a question may be the beginning of a code or an id.
const PIECE_PREFIX_CHARS_MIN: usize = 4;

/// The words of one document, each once, in the order of their worth.
#[derive(Debug, Default)]
pub(crate) struct Words {
    seen: HashSet<String>,
    list: Vec<String>,
}

impl Words {
    /// Adds the words of a text.
    pub(crate) fn text(&mut self, text: &str) {
        for word in vi::fold(text).split(' ') {
            self.push(shortened(word));
        }
    }

    /// Adds a code, in one piece.
    pub(crate) fn code(&mut self, code: &str) {
        self.piece('c', code);
    }

    /// Adds the sender's own id, in one piece.
    pub(crate) fn external_id(&mut self, id: &str) {
        self.piece('x', id);
    }

    fn piece(&mut self, mark: char, text: &str) {
        let squeezed = squeeze(text);
        if !squeezed.is_empty() {
            self.push(format!("_{mark}{squeezed}"));
        }
    }

    fn push(&mut self, word: String) {
        if !word.is_empty()
            && self.list.len() < INSIGHT_WORDS_MAX
            && !self.seen.contains(word.as_str())
        {
            self.seen.insert(word.clone());
            self.list.push(word);
        }
    }

    /// As the transaction keeps them: a space on either side of each.
    pub(crate) fn stored(&self) -> String {
        let mut text = String::from(" ");
        for word in &self.list {
            text.push_str(word);
            text.push(' ');
        }
        text
    }

    /// As the search index gets them: with the parties and the kind.
    pub(crate) fn indexed(
        &self,
        kind: DocumentKind,
        sender: OrgId,
        recipients: impl Iterator<Item = OrgId>,
    ) -> String {
        let mut text = self.list.join(" ");
        let parties = recipients.map(|org| party_word(Side::Recipient, org));
        for word in [kind_word(kind), party_word(Side::Sender, sender)]
            .into_iter()
            .chain(parties)
        {
            text.push(' ');
            text.push_str(&word);
        }
        text
    }
}

/// What a question asks for: all its words, the last one as a beginning. None if it holds no letter and no digit.
pub(crate) fn question(text: &str) -> Option<Match> {
    let pieces: Vec<&str> = text
        .split_whitespace()
        .filter(|piece| piece.chars().any(char::is_alphanumeric))
        .collect();
    let last = pieces.len().checked_sub(1)?;
    let mut left = INSIGHT_QUERY_WORDS_MAX;
    let mut all = Vec::with_capacity(pieces.len());
    for (index, piece) in pieces.into_iter().enumerate() {
        let folded = vi::fold(piece);
        let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
        if words.is_empty() || left == 0 {
            continue;
        }
        let words = words.get(..left).unwrap_or(&words);
        left = left.saturating_sub(words.len());
        all.push(piece_match(piece, words, index == last));
    }
    (!all.is_empty()).then_some(Match::All(all))
}

/// The words of one piece of a question, or the piece as a code or an id.
fn piece_match(piece: &str, words: &[&str], is_last: bool) -> Match {
    let end = words.len().saturating_sub(1);
    let parts = words.iter().enumerate().map(|(index, word)| {
        if is_last && index == end {
            Match::Prefix(shortened(word))
        } else {
            Match::Word(shortened(word))
        }
    });
    let squeezed = squeeze(piece);
    let mut any = vec![Match::All(parts.collect())];
    for mark in ['c', 'x'] {
        let word = format!("_{mark}{squeezed}");
        any.push(
            if is_last && squeezed.chars().count() >= PIECE_PREFIX_CHARS_MIN {
                Match::Prefix(word)
            } else {
                Match::Word(word)
            },
        );
    }
    Match::Any(any)
}

/// A code or an id without anything between its letters and digits.
fn squeeze(text: &str) -> String {
    shortened(&vi::fold(text).replace(' ', ""))
}

fn shortened(word: &str) -> String {
    word.chars().take(INSIGHT_WORD_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_each_word_once_and_codes_in_one_piece() {
        let mut words = Words::default();
        words.text("12/UBND-KGVX");
        words.text("V/v báo cáo của UBND tỉnh về Đường Hoà Bình");
        words.code("H29.5.12");
        words.external_id("000.00.00.H29,2026/11/05,12/UBND");
        assert_eq!(
            words.stored(),
            " 12 ubnd kgvx v bao cao cua tinh ve duong hoa binh _ch29512 _x0000000h292026110512ubnd "
        );
    }

    #[test]
    fn no_more_words_are_kept_than_the_limit_says() {
        let mut words = Words::default();
        for number in 0..INSIGHT_WORDS_MAX + 100 {
            words.text(&number.to_string());
        }
        assert_eq!(words.stored().split_whitespace().count(), INSIGHT_WORDS_MAX);
    }

    #[test]
    fn a_question_is_all_its_words_and_the_beginning_of_the_last() {
        assert_eq!(question("  / - "), None);
        assert_eq!(question(""), None);
        let asked = question("Báo cáo").expect("words");
        let expected = Match::All(vec![
            Match::Any(vec![
                Match::All(vec![Match::Word("bao".to_owned())]),
                Match::Word("_cbao".to_owned()),
                Match::Word("_xbao".to_owned()),
            ]),
            Match::Any(vec![
                Match::All(vec![Match::Prefix("cao".to_owned())]),
                Match::Word("_ccao".to_owned()),
                Match::Word("_xcao".to_owned()),
            ]),
        ]);
        assert_eq!(asked, expected);
    }

    #[test]
    fn a_question_is_not_longer_than_the_limit() {
        fn words(wanted: &Match) -> usize {
            match wanted {
                Match::Word(word) | Match::Prefix(word) => usize::from(!word.starts_with('_')),
                Match::All(parts) | Match::Any(parts) => parts.iter().map(words).sum(),
            }
        }
        let long = "a-b ".repeat(100);
        assert_eq!(
            question(&long).as_ref().map(words),
            Some(INSIGHT_QUERY_WORDS_MAX)
        );
    }
}
