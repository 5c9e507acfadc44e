//! What the simulated systems of ministries have in common: address, token, and files that move on when somebody asks for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lgsp_base::{Clock, Secret};
use serde_json::{Map, Value};

use crate::fault::{Faults, How};
use crate::platform::{Asked, Visits};

/// Questions after which a file is one status further.
pub const QUESTIONS_PER_STATUS: u32 = 2;
/// Files that a system keeps; a further one is refused.
const FILES_MAX: usize = 50_000;

/// Address and account of a ministry's system.
#[derive(Debug, Clone)]
pub struct MinistryConfig {
    /// The organisation's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The beginning of its paths, with a slash at both ends; the operation stands behind it.
    pub prefix: String,
    /// The bearer token that callers present.
    pub token: Secret<String>,
    /// The codes of the units whose files it takes; empty if it takes any.
    pub units: Vec<String>,
    /// Questions after which a file is one status further; 0 counts as 1.
    pub questions_per_status: u32,
}

/// A file as a ministry's system keeps it.
#[derive(Debug, Clone)]
pub struct MinistryFile {
    /// The request that brought it, as it came.
    pub request: Map<String, Value>,
    /// The system's own id of the file.
    pub id: u64,
    /// How often somebody asked for its status.
    pub asked: u32,
    /// More than 1 if it is there twice.
    pub copies: u32,
    /// What is missing; empty if nothing is.
    pub missing: String,
    /// True if the caller has marked it as fetched.
    pub is_fetched: bool,
}

#[derive(Debug, Default)]
struct Files {
    by_code: BTreeMap<String, MinistryFile>,
    last_id: u64,
}

/// The files and manners of one system.
#[derive(Debug)]
pub(crate) struct Ministry {
    pub(crate) config: MinistryConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) faults: Faults,
    pub(crate) visits: Visits,
    files: Mutex<Files>,
}

impl Ministry {
    pub(crate) fn new(config: MinistryConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            config,
            clock,
            faults: Faults::default(),
            visits: Visits::default(),
            files: Mutex::default(),
        }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if the caller may ask; nobody may while sessions are lost.
    pub(crate) fn is_known(&self, asked: &Asked) -> bool {
        !self.faults.is(How::Session) && asked.bears(&self.config.token)
    }

    pub(crate) fn is_unit(&self, code: &str) -> bool {
        !code.is_empty()
            && (self.config.units.is_empty() || self.config.units.iter().any(|unit| unit == code))
    }

    /// Keeps a file and answers its id; none if it is there or the system is full.
    pub(crate) fn keep(&self, code: &str, request: Map<String, Value>) -> Option<u64> {
        let mut files = self.files();
        files.last_id += 1;
        let id = files.last_id;
        let known = files.by_code.get(code);
        // A file that lacks something may be sent again.
        let may_come = known.is_none_or(|file| !file.missing.is_empty());
        if !may_come || files.by_code.len() >= FILES_MAX {
            return None;
        }
        if self.faults.is(How::Lose) {
            return Some(id);
        }
        let missing = if self.faults.is(How::Drift) {
            "Bản sao giấy tờ tùy thân"
        } else {
            ""
        };
        let file = MinistryFile {
            request,
            id,
            asked: 0,
            copies: if self.faults.is(How::Duplicate) { 2 } else { 1 },
            missing: missing.to_owned(),
            is_fetched: false,
        };
        files.by_code.insert(code.to_owned(), file);
        Some(id)
    }

    /// Counts a question about a file's status.
    pub(crate) fn ask(&self, code: &str) -> Option<MinistryFile> {
        let mut files = self.files();
        let file = files.by_code.get_mut(code)?;
        file.asked = file.asked.saturating_add(1);
        Some(file.clone())
    }

    pub(crate) fn file(&self, code: &str) -> Option<MinistryFile> {
        self.files().by_code.get(code).cloned()
    }

    pub(crate) fn all(&self) -> Vec<(String, MinistryFile)> {
        let files = self.files();
        let pairs = files.by_code.iter();
        pairs
            .map(|(code, file)| (code.clone(), file.clone()))
            .collect()
    }

    /// Changes a file; false if there is none.
    pub(crate) fn change(&self, code: &str, change: impl FnOnce(&mut MinistryFile)) -> bool {
        match self.files().by_code.get_mut(code) {
            Some(file) => {
                change(file);
                true
            }
            None => false,
        }
    }

    /// How many statuses a file has moved on.
    pub(crate) fn moves(&self, file: &MinistryFile) -> u32 {
        file.asked / self.config.questions_per_status.max(1)
    }
}

/// The days, months and years of a text whose parts have these lengths, for example `[2, 2, 4]` behind `/`.
pub(crate) fn is_dated(text: &str, separator: char, lengths: &[usize]) -> bool {
    let parts: Vec<&str> = text.split(separator).collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
pub(crate) mod testkit {
    use lgsp_base::Timestamp;
    use lgsp_base::time::ManualClock;

    use super::*;
    use crate::platform::Platform;

    pub(crate) fn clock() -> Arc<dyn Clock> {
        let now = Timestamp::from_edxml("2026/03/12 09:16:02").expect("valid");
        Arc::new(ManualClock::new(now))
    }

    /// One request with a token, without a network.
    pub(crate) fn ask(system: &dyn Platform, operation: &str, token: &str, body: &Value) -> Value {
        let mut headers = hyper::HeaderMap::new();
        let bearer = format!("Bearer {token}").parse().expect("a header");
        headers.insert(hyper::header::AUTHORIZATION, bearer);
        let said = system.answer(&Asked {
            method: hyper::Method::POST,
            path: format!("{}{operation}", system.prefix()),
            query: String::new(),
            headers,
            body: body.to_string().into(),
        });
        serde_json::from_slice(&said.body).expect("JSON")
    }
}
