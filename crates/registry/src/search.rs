//! Finding organisations by name without marks, by initials and by code, over the whole country's directory.
//!
//! All folded names stand in one text, one line each, which is scanned as a whole: 150,000 names are about eight megabytes, a few
//! milliseconds. The abbreviations that offices use for themselves (`UBND`, `HĐND`, `TP`) are written out on both sides.

use std::cmp::Ordering;
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

/// Lines of text, and which organisation each belongs to.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    starts: Vec<u32>,
}

impl Lines {
    /// Begins with a line end, so that every line stands between two.
    fn push(&mut self, line: &str) {
        if self.text.is_empty() {
            self.text.push('\n');
        }
        self.starts
            .push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
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

    /// Calls with line number and position in the line of the first match of each line.
    fn scan(&self, needle: &str, mut found: impl FnMut(usize, usize)) {
        let finder = memmem::Finder::new(needle.as_bytes());
        let bytes = self.text.as_bytes();
        let mut from = 0;
        let mut line = 0;
        while let Some(position) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
            let offset = from + position;
            // A needle that begins with the line end itself belongs to the line behind it.
            let inside = offset + usize::from(needle.starts_with('\n'));
            line = self.line_of(inside, line);
            let start = self.starts.get(line).map_or(0, |start| *start as usize);
            found(line, inside.saturating_sub(start));
            line += 1;
            match self.starts.get(line) {
                Some(next) => from = (*next as usize).saturating_sub(1),
                None => break,
            }
        }
    }
}

/// The texts of all organisations, ready to be searched.
#[derive(Debug, Default)]
pub(crate) struct SearchIndex {
    names: Lines,
    marked: Lines,
    initials: Lines,
    /// Organisation and period of each line, the same for the three texts above.
    owners: Vec<(u32, u32)>,
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
            for (at, period) in org.periods.iter().enumerate() {
                // A period that only moved has the same name; the search asks which period holds anyway.
                if last_name == Some(&period.name) {
                    continue;
                }
                last_name = Some(&period.name);
                let folded = fold(&period.name);
                index.initials.push(&vi::initials(&folded));
                index.names.push(&folded);
                index.marked.push(&lower(&period.name));
                index
                    .owners
                    .push((number, u32::try_from(at).unwrap_or(u32::MAX)));
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

/// The best hit of each organisation during one search: how it matched, and whether the marks match too.
struct Found<'a> {
    directory: &'a Directory,
    at: Timestamp,
    best: HashMap<u32, (Matched, bool)>,
}

impl Found<'_> {
    fn note(&mut self, organisation: u32, matched: Matched, has_marks: bool) {
        let slot = self
            .best
            .entry(organisation)
            .or_insert((matched, has_marks));
        slot.0 = slot.0.min(matched);
        slot.1 |= has_marks;
    }

    /// Notes a match of a name if that name holds at the asked instant.
    fn note_line(&mut self, owner: Option<&(u32, u32)>, matched: Matched, has_marks: bool) {
        let Some((organisation, period)) = owner else {
            return;
        };
        let Some(org) = self.directory.at(*organisation) else {
            return;
        };
        let Some(current) = org.period_at(self.at) else {
            return;
        };
        let holds = org
            .periods
            .get(*period as usize)
            .is_some_and(|named| named.from == current.from || named.name == current.name);
        if holds {
            self.note(*organisation, matched, has_marks);
        }
    }
}

/// Organisations that fit the text at an instant, best first, at most `limit` and never more than [`SEARCH_RESULTS_MAX`].
///
/// Names must hold at the instant; a full code also finds an organisation that has ended, marked as not active.
pub fn search(directory: &Directory, text: &str, at: Timestamp, limit: usize) -> Vec<Hit> {
    let limit = limit.min(SEARCH_RESULTS_MAX);
    let text: String = text.trim().chars().take(QUERY_CHARS_MAX).collect();
    if text.is_empty() || limit == 0 {
        return Vec::new();
    }
    let mut found = Found {
        directory,
        at,
        best: HashMap::new(),
    };
    let index = directory.search_index();
    search_codes(index, &text.to_lowercase(), limit, &mut found);
    let folded = fold(&text);
    if !folded.is_empty() {
        search_initials(index, &folded, &mut found);
        search_names(index, &folded, &mut found);
        if found.best.len() < limit && folded.contains(' ') {
            search_words(index, &folded, &mut found);
        }
    }
    if !text.is_ascii() {
        index.marked.scan(&lower(&text), |line, _| {
            found.note_line(index.owners.get(line), Matched::NamePart, true);
        });
    }
    rank(found, limit)
}

fn search_codes(index: &SearchIndex, query: &str, limit: usize, found: &mut Found<'_>) {
    let from = index.codes.partition_point(|(code, _)| &**code < query);
    let rest = index.codes.get(from..).unwrap_or(&[]);
    let mut taken = 0;
    for (code, organisation) in rest.iter().take_while(|(code, _)| code.starts_with(query)) {
        if **code == *query {
            found.note(*organisation, Matched::Code, true);
            continue;
        }
        let is_active = found
            .directory
            .at(*organisation)
            .is_some_and(|org| org.period_at(found.at).is_some());
        if is_active {
            found.note(*organisation, Matched::CodePrefix, true);
            taken += 1;
        }
        if taken >= limit {
            break;
        }
    }
}

fn search_initials(index: &SearchIndex, folded: &str, found: &mut Found<'_>) {
    if folded.contains(' ') || folded.len() < 2 || folded.len() > INITIALS_CHARS_MAX {
        return;
    }
    index.initials.scan(&format!("\n{folded}"), |line, _| {
        let matched = if index.initials.line(line).len() == folded.len() {
            Matched::Initials
        } else {
            Matched::InitialsPrefix
        };
        found.note_line(index.owners.get(line), matched, false);
    });
}

fn search_names(index: &SearchIndex, folded: &str, found: &mut Found<'_>) {
    // Word starts first: a line whose first match is inside a word may still have a better one.
    index.names.scan(folded, |line, position| {
        let name = index.names.line(line);
        let matched = if position == 0 && name.len() == folded.len() {
            Matched::Name
        } else if position == 0 {
            Matched::NamePrefix
        } else if has_word_start(name, folded) {
            Matched::NameWord
        } else {
            Matched::NamePart
        };
        found.note_line(index.owners.get(line), matched, false);
    });
}

fn search_words(index: &SearchIndex, folded: &str, found: &mut Found<'_>) {
    let words: Vec<&str> = folded.split(' ').collect();
    let Some(longest) = words.iter().max_by_key(|word| word.len()) else {
        return;
    };
    index.names.scan(longest, |line, _| {
        let name = index.names.line(line);
        if words.iter().all(|word| has_word_start(name, word)) {
            found.note_line(index.owners.get(line), Matched::AllWords, false);
        }
    });
}

fn has_word_start(name: &str, word: &str) -> bool {
    name.match_indices(word).any(|(position, _)| {
        position == 0
            || name
                .as_bytes()
                .get(position - 1)
                .is_some_and(|before| *before == b' ')
    })
}

fn rank(found: Found<'_>, limit: usize) -> Vec<Hit> {
    let directory = found.directory;
    let mut entries: Vec<(Matched, bool, u32)> = found
        .best
        .iter()
        .map(|(organisation, (matched, has_marks))| (*matched, !*has_marks, *organisation))
        .collect();
    let weigh = |entry: &(Matched, bool, u32)| {
        let org = directory.at(entry.2);
        let period = org.and_then(|org| org.period_near(found.at));
        (
            period.map_or(u32::MAX, |period| period.level),
            period.map_or(usize::MAX, |period| period.name.len()),
            entry.2,
        )
    };
    // Organisations are numbered by code, so the last part of the weight sorts by code.
    let order = |a: &(Matched, bool, u32), b: &(Matched, bool, u32)| -> Ordering {
        (a.1, a.0)
            .cmp(&(b.1, b.0))
            .then_with(|| weigh(a).cmp(&weigh(b)))
    };
    if entries.len() > limit {
        entries.select_nth_unstable_by(limit, order);
        entries.truncate(limit);
    }
    entries.sort_unstable_by(order);
    entries
        .into_iter()
        .filter_map(|(matched, _, organisation)| {
            let org = directory.at(organisation)?;
            let period = org.period_near(found.at)?;
            Some(Hit {
                org: org.id,
                code: org.code_near(found.at).to_owned(),
                name: period.name.clone(),
                kind: period.kind.to_string(),
                level: period.level,
                province: period.province.as_deref().map(str::to_owned),
                is_active: org.period_at(found.at).is_some(),
                matched,
            })
        })
        .collect()
}
