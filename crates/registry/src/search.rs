//! Finding organisations by name without marks, by initials and by code, over the whole country's directory.
//!
//! All folded names stand in one text, one line each, which is scanned as a whole: 150,000 names are about eight megabytes, a few
//! milliseconds. Better kinds of matches are looked for first, and worse ones only until there are enough. The abbreviations that offices use for themselves (`UBND`, `HĐND`, `TP`) are written out on both sides.

use std::collections::HashMap;

use lgsp_base::id::OrgId;
use lgsp_base::limits::SEARCH_RESULTS_MAX;
use lgsp_base::time::Timestamp;
use lgsp_base::vi;
use memchr::memmem;

use crate::directory::Directory;
use crate::model::Organisation;

/// Characters of a query that are looked at.
const QUERY_CHARS_MAX: usize = 200;
/// Lines that are looked at for names that have all words of a query in any order.
const WORD_LINES_MAX: usize = 30_000;
/// Characters of a query that may be initials.
const INITIALS_CHARS_MAX: usize = 12;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The organisation.
    pub org: OrgId,
    /// Its code at the asked instant.
    pub code: String,
    /// Its name at the asked instant, as people write it.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its level.
    pub level: u32,
    /// Its province.
    pub province: Option<String>,
    /// False for an organisation that was found by a code although it has ended or not yet begun.
    pub is_active: bool,
    /// How it was found.
    pub matched: Matched,
}

/// How well a query fits, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matched {
    /// The query is a code.
    Code,
    /// The query is the whole name.
    Name,
    /// The name begins with the query.
    NamePrefix,
    /// The initials of the name are the query.
    Initials,
    /// The initials of the name begin with the query.
    InitialsPrefix,
    /// A code begins with the query.
    CodePrefix,
    /// A word of the name begins with the query.
    NameWord,
    /// The words of the query all begin words of the name.
    AllWords,
    /// The name contains the query.
    NamePart,
}

/// Lines of text. Each is preceded by a line end and a space, so that every word of it follows a space.
#[derive(Debug)]
struct Lines {
    text: String,
    starts: Vec<u32>,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            text: "\n".to_owned(),
            starts: Vec::new(),
        }
    }
}

impl Lines {
    fn push(&mut self, line: &str) {
        self.starts
            .push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        self.text.push(' ');
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn line_of(&self, offset: usize, hint: usize) -> usize {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let rest = self.starts.get(hint..).unwrap_or(&[]);
        // Matches come in ascending order and mostly close together, so a short look ahead beats a binary search.
        match rest.iter().take(8).position(|start| *start > offset) {
            Some(ahead) => hint + ahead.saturating_sub(1),
            None => {
                hint + rest
                    .partition_point(|start| *start <= offset)
                    .saturating_sub(1)
            }
        }
    }

    /// The line with the space before it.
    fn line(&self, index: usize) -> &str {
        let Some(start) = self.starts.get(index).map(|start| *start as usize) else {
            return "";
        };
        let end = self
            .starts
            .get(index + 1)
            .map_or(self.text.len(), |next| *next as usize);
        self.text.get(start..end.saturating_sub(1)).unwrap_or("")
    }

    fn contains(&self, needle: &str) -> bool {
        memmem::find(self.text.as_bytes(), needle.as_bytes()).is_some()
    }

    /// Calls with the number of each line that has the needle, until the callback says no.
    fn scan(&self, needle: &str, mut found: impl FnMut(usize) -> bool) {
        // A needle that begins with the line end itself belongs to the line behind it.
        let shift = usize::from(needle.starts_with('\n'));
        let mut last = None;
        for offset in memmem::find_iter(self.text.as_bytes(), needle.as_bytes()) {
            let line = self.line_of(offset + shift, last.unwrap_or(0));
            if last != Some(line) && !found(line) {
                return;
            }
            last = Some(line);
        }
    }
}

/// Whose name stands on a line, and when it holds.
#[derive(Debug, Clone, Copy)]
struct Owner {
    organisation: u32,
    from: Timestamp,
    to: Option<Timestamp>,
    /// Level and length of the name: upper levels and short names come first.
    weight: u32,
}

/// The texts of all organisations, ready to be searched.
#[derive(Debug, Default)]
pub(crate) struct SearchIndex {
    names: Lines,
    marked: Lines,
    initials: Lines,
    /// One for each line, the same for the three texts above.
    owners: Vec<Owner>,
    /// How many names have a word.
    words: HashMap<Box<str>, u32>,
    /// Codes in lower case, sorted.
    codes: Vec<(Box<str>, u32)>,
}

impl SearchIndex {
    /// Folds every name of every period.
    pub(crate) fn build(organisations: &[Organisation]) -> Self {
        let mut index = Self::default();
        for (number, org) in organisations.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let mut last_name = None;
            for period in &org.periods {
                // A period that only moved has the same name, which then holds on.
                if last_name == Some(&period.name) {
                    if let Some(owner) = index.owners.last_mut() {
                        owner.to = period.to;
                    }
                    continue;
                }
                last_name = Some(&period.name);
                let folded = fold(&period.name);
                for word in folded.split(' ') {
                    match index.words.get_mut(word) {
                        Some(count) => *count = count.saturating_add(1),
                        None => drop(index.words.insert(word.into(), 1)),
                    }
                }
                index.initials.push(&vi::initials(&folded));
                index.names.push(&folded);
                index.marked.push(&lower(&period.name));
                let length = u32::try_from(period.name.len()).unwrap_or(u32::MAX);
                index.owners.push(Owner {
                    organisation: number,
                    from: period.from,
                    to: period.to,
                    weight: (period.level << 16) | length.min(0xffff),
                });
            }
            for code in &org.codes {
                index
                    .codes
                    .push((code.key.to_lowercase().into_boxed_str(), number));
            }
        }
        index.codes.sort_unstable();
        index
    }
}

fn fold(text: &str) -> String {
    let folded = vi::fold(text);
    if !folded
        .split(' ')
        .any(|word| matches!(word, "ubnd" | "hdnd" | "tp"))
    {
        return folded;
    }
    let words: Vec<&str> = folded
        .split(' ')
        .map(|word| match word {
            "ubnd" => "uy ban nhan dan",
            "hdnd" => "hoi dong nhan dan",
            "tp" => "thanh pho",
            other => other,
        })
        .collect();
    words.join(" ")
}

fn lower(text: &str) -> String {
    vi::nfc(text).to_lowercase().replace('\n', " ")
}

/// The hits so far, best first, and how many are wanted.
struct Search<'a> {
    index: &'a SearchIndex,
    at: Timestamp,
    limit: usize,
    hits: Vec<(u32, Matched)>,
}

impl Search<'_> {
    fn is_full(&self) -> bool {
        self.hits.len() >= self.limit
    }

    /// Adds the best of the candidates (kind of match, weight, organisation) that are not among the hits yet. Organisations are numbered by
    /// code, so that equal weights come by code.
    fn add(&mut self, mut candidates: Vec<(Matched, u32, u32)>) {
        let wanted = self.limit + self.hits.len();
        if candidates.len() > wanted {
            candidates.select_nth_unstable(wanted);
            candidates.truncate(wanted);
        }
        candidates.sort_unstable();
        for (matched, _, organisation) in candidates {
            let is_new = !self.hits.iter().any(|(known, _)| *known == organisation);
            if is_new && !self.is_full() {
                self.hits.push((organisation, matched));
            }
        }
    }

    /// Adds the lines that have the needle and whose names hold at the instant.
    fn scan(
        &mut self,
        lines: &Lines,
        needle: &str,
        lines_max: usize,
        rate: impl Fn(&str) -> Option<Matched>,
    ) {
        if self.is_full() {
            return;
        }
        let mut candidates = Vec::new();
        let mut looked_at = 0;
        lines.scan(needle, |line| {
            looked_at += 1;
            if let Some(owner) = self.index.owners.get(line)
                && owner.from <= self.at
                && owner.to.is_none_or(|to| self.at < to)
                && let Some(matched) = rate(lines.line(line))
            {
                candidates.push((matched, owner.weight, owner.organisation));
            }
            looked_at < lines_max
        });
        self.add(candidates);
    }

    /// Names that begin with the text, or are it.
    fn scan_begin(&mut self, lines: &Lines, text: &str) {
        self.scan(lines, &format!("\n {text}"), usize::MAX, |line| {
            Some(if line.len() == text.len() + 1 {
                Matched::Name
            } else {
                Matched::NamePrefix
            })
        });
    }

    /// Names with a word that begins with the text.
    fn scan_word(&mut self, lines: &Lines, text: &str) {
        let needle = format!(" {text}");
        self.scan(lines, &needle, usize::MAX, |_| Some(Matched::NameWord));
    }

    /// Names that have the text anywhere.
    fn scan_part(&mut self, lines: &Lines, text: &str) {
        self.scan(lines, text, usize::MAX, |_| Some(Matched::NamePart));
    }

    fn codes(&mut self, directory: &Directory, query: &str) {
        let from = self
            .index
            .codes
            .partition_point(|(code, _)| &**code < query);
        let rest = self.index.codes.get(from..).unwrap_or(&[]);
        for (code, organisation) in rest.iter().take_while(|(code, _)| code.starts_with(query)) {
            if self.is_full() {
                return;
            }
            let is_active = directory
                .at(*organisation)
                .is_some_and(|org| org.period_at(self.at).is_some());
            let matched = if **code == *query {
                Matched::Code
            } else {
                Matched::CodePrefix
            };
            let is_known = self.hits.iter().any(|(known, _)| known == organisation);
            if !is_known && (is_active || matched == Matched::Code) {
                self.hits.push((*organisation, matched));
            }
        }
    }

    fn initials(&mut self, folded: &str) {
        if folded.contains(' ') || folded.len() < 2 || folded.len() > INITIALS_CHARS_MAX {
            return;
        }
        let index = self.index;
        self.scan(
            &index.initials,
            &format!("\n {folded}"),
            usize::MAX,
            |line| {
                Some(if line.len() == folded.len() + 1 {
                    Matched::Initials
                } else {
                    Matched::InitialsPrefix
                })
            },
        );
    }

    /// Names that have all words of the text in any order. The rarest word is looked for, the others are checked there.
    fn all_words(&mut self, folded: &str) {
        let mut words: Vec<(u32, String)> = folded
            .split(' ')
            .map(|word| {
                let count = self.index.words.get(word).copied().unwrap_or(0);
                (count, format!(" {word}"))
            })
            .collect();
        words.sort_unstable();
        words.dedup();
        let mut needles = words.iter().map(|(_, word)| word.as_str());
        let Some(rarest) = needles.next() else { return };
        let others: Vec<memmem::Finder<'_>> = needles
            .map(|word| memmem::Finder::new(word.as_bytes()))
            .collect();
        let index = self.index;
        self.scan(&index.names, rarest, WORD_LINES_MAX, |line| {
            others
                .iter()
                .all(|word| word.find(line.as_bytes()).is_some())
                .then_some(Matched::AllWords)
        });
    }
}

/// Organisations that fit the text at an instant, best first, at most `limit` and never more than [`SEARCH_RESULTS_MAX`].
///
/// Names must hold at the instant; a full code also finds an organisation that has ended, marked as not active. Names that have the text
/// with its marks come before those that only have it without.
pub fn search(directory: &Directory, text: &str, at: Timestamp, limit: usize) -> Vec<Hit> {
    let limit = limit.min(SEARCH_RESULTS_MAX);
    let text: String = text.trim().chars().take(QUERY_CHARS_MAX).collect();
    if text.is_empty() || limit == 0 {
        return Vec::new();
    }
    let index = directory.search_index();
    let mut search = Search {
        index,
        at,
        limit,
        hits: Vec::new(),
    };
    search.codes(directory, &text.to_lowercase());
    let marked = lower(&text);
    if !text.is_ascii() && index.marked.contains(&marked) {
        search.scan_begin(&index.marked, &marked);
        search.scan_word(&index.marked, &marked);
        search.scan_part(&index.marked, &marked);
    }
    let folded = fold(&text);
    if !folded.is_empty() {
        // One look tells whether three scans are in vain.
        let is_somewhere = !search.is_full() && index.names.contains(&folded);
        if is_somewhere {
            search.scan_begin(&index.names, &folded);
        }
        search.initials(&folded);
        if is_somewhere {
            search.scan_word(&index.names, &folded);
        }
        if folded.contains(' ') {
            search.all_words(&folded);
        }
        if is_somewhere {
            search.scan_part(&index.names, &folded);
        }
    }
    search
        .hits
        .into_iter()
        .filter_map(|(organisation, matched)| hit(directory, organisation, matched, at))
        .collect()
}

fn hit(directory: &Directory, organisation: u32, matched: Matched, at: Timestamp) -> Option<Hit> {
    let org = directory.at(organisation)?;
    let period = org.period_near(at)?;
    Some(Hit {
        org: org.id,
        code: org.code_near(at).to_owned(),
        name: period.name.clone(),
        kind: period.kind.to_string(),
        level: period.level,
        province: period.province.as_deref().map(str::to_owned),
        is_active: org.period_at(at).is_some(),
        matched,
    })
}
