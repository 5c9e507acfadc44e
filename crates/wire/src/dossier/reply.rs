//! The answers of the portal and of provincial front-ends: `{error_code, message, …}` with HTTP status 200 also for failures (protocols
//! §4.4).

use lgsp_base::limits::{DOSSIER_BATCH_MAX, DOSSIER_BODY_BYTES_MAX};
use lgsp_base::{Secret, vi};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bare::{Batch, read_items};
use super::error::DossierError;
use super::fields::{Extra, Item, Object, read_item};
use super::json;
use super::model::Dossier;

/// What an answer means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplyOutcome {
    /// Done.
    Ok,
    /// A create met a dossier that exists: send again as update.
    AlreadyExists,
    /// The session is not, or no longer, good: log in again once.
    SessionLost,
    /// Refused for another reason.
    Refused,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A web page, as proxies and gateways write.
    #[error("a web page instead of JSON")]
    Html,
    /// Nothing at all.
    #[error("an empty answer")]
    Empty,
    /// Not usable JSON.
    #[error("not usable JSON")]
    Json(#[source] DossierError),
    /// JSON that says neither success nor failure.
    #[error("no error code in the answer")]
    NoCode,
}

/// The words by which answers are told apart, as data that an operator may replace: no list of the portal's codes is published. A row
/// is met if all its words stand in the message; words are compared without tone marks and letter case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyWords {
    /// Codes that mean a lost session whatever the message.
    pub session_codes: Vec<String>,
    /// Rows that mean a lost session.
    pub session_lost: Vec<Vec<String>>,
    /// Rows that mean that the dossier exists already.
    pub already_exists: Vec<Vec<String>>,
}

impl Default for ReplyWords {
    fn default() -> Self {
        let rows = |rows: &[&[&str]]| {
            let row = |row: &&[&str]| row.iter().map(|word| (*word).to_owned()).collect();
            rows.iter().map(row).collect()
        };
        Self {
            session_codes: Vec::new(),
            session_lost: rows(&[
                &["session", "hết hạn"],
                &["session", "không"],
                &["session", "sai"],
                &["session", "expired"],
                &["session", "invalid"],
                &["session", "not"],
                &["session", "timeout"],
                &["phiên làm việc", "hết"],
                &["phiên làm việc", "không"],
                &["phiên đăng nhập", "hết"],
                &["phiên đăng nhập", "không"],
                &["hết phiên"],
                &["phiên hết hạn"],
                &["phiên đã hết hạn"],
                &["phiên không"],
                &["chưa đăng nhập"],
                &["đăng nhập lại"],
            ]),
            already_exists: rows(&[
                &["đã tồn tại"],
                &["already exist"],
                &["đã có trên hệ thống"],
                &["trùng mã hồ sơ"],
            ]),
        }
    }
}

impl ReplyWords {
    fn outcome(&self, code: &str, message: &str) -> ReplyOutcome {
        let message = vi::fold(message);
        let meets = |rows: &[Vec<String>]| {
            rows.iter().any(|row| {
                !row.is_empty() && row.iter().all(|word| message.contains(&vi::fold(word)))
            })
        };
        if self.session_codes.iter().any(|known| known == code) || meets(&self.session_lost) {
            ReplyOutcome::SessionLost
        } else if meets(&self.already_exists) {
            ReplyOutcome::AlreadyExists
        } else {
            ReplyOutcome::Refused
        }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// What it means.
    pub outcome: ReplyOutcome,
    /// `error_code` as text: `0`, `00`, `-3`; empty where an error came without one.
    pub code: String,
    /// `message`; empty if there was none. For people, in whatever language it came.
    pub message: String,
    /// `session` of a login.
    pub session: Option<Secret<String>>,
    /// Every other field.
    pub fields: Extra,
}

/// Names under which a code is sent, the usual one first.
const CODE_NAMES: [&str; 5] = ["error_code", "errorCode", "code", "error", "result_code"];
/// Names under which words are sent, the usual one first.
const MESSAGE_NAMES: [&str; 8] = [
    "message",
    "error_message",
    "userMessage",
    "internalMessage",
    "description",
    "msg",
    "error_description",
    "detail",
];
/// Names under which a result is sent, the usual one first.
const RESULT_NAMES: [&str; 4] = ["result", "data", "results", "items"];
/// Characters of [`Reply::message`]; what is behind them is cut off.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// The place of a field, its name in any letter case.
fn key_of(body: &Map<String, Value>, name: &str) -> Option<String> {
    if body.contains_key(name) {
        return Some(name.to_owned());
    }
    body.keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Takes the first of these fields that has a text.
pub(super) fn take_first(body: &mut Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let key = key_of(body, name)?;
        let text = text_of(body.get(&key)?).filter(|text| !text.is_empty())?;
        body.remove(&key);
        Some(text)
    })
}

/// True for `0`, `00` and so on.
fn is_success(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| byte == b'0')
}

/// Reads an answer. HTTP's own status is the caller's to look at; many failures come with 200.
///
/// # Errors
/// [`ReplyError`] for a web page, broken JSON, and JSON that says neither success nor failure.
pub fn read_reply(bytes: &[u8], words: &ReplyWords) -> Result<Reply, ReplyError> {
    let value = match json::parse(bytes, DOSSIER_BODY_BYTES_MAX) {
        Ok((value, _)) => value,
        Err(error) => {
            let start = bytes.trim_ascii_start();
            return Err(match start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start) {
                [] => ReplyError::Empty,
                [b'<', ..] => ReplyError::Html,
                _ => ReplyError::Json(error),
            });
        }
    };
    let Value::Object(mut body) = value else {
        return Err(ReplyError::NoCode);
    };
    let session = take_first(&mut body, &["session"]).map(Secret::new);
    let fault = nested_fault(&mut body);
    let code = take_first(&mut body, &CODE_NAMES);
    let message = take_first(&mut body, &MESSAGE_NAMES);
    let (code, mut message, has_fault) = match fault {
        // An error inside wins over a code outside that says success.
        Some((inner, words)) => {
            let outer = code.filter(|code| !is_success(code));
            (inner.or(outer).unwrap_or_default(), words.or(message), true)
        }
        None => match (code, &session, &message) {
            (Some(code), _, _) => (code, message, false),
            // A login that gives a session has succeeded.
            (None, Some(_), _) => ("0".to_owned(), message, false),
            // X-Road's own errors have a type in place of a code.
            (None, None, Some(_)) if body.contains_key("type") => (String::new(), message, true),
            _ => return Err(ReplyError::NoCode),
        },
    };
    let mut text = message.take().unwrap_or_default();
    if let Some((end, _)) = text.char_indices().nth(MESSAGE_CHARS_MAX) {
        text.truncate(end);
    }
    let outcome = if is_success(&code) && !has_fault {
        ReplyOutcome::Ok
    } else {
        words.outcome(&code, &text)
    };
    Ok(Reply {
        outcome,
        code,
        message: text,
        session,
        fields: body.into_iter().collect(),
    })
}

/// Code and words of an object `error` or `fault` inside an answer. One that holds a success code is none.
fn nested_fault(body: &mut Map<String, Value>) -> Option<(Option<String>, Option<String>)> {
    let key = ["error", "fault"]
        .iter()
        .filter_map(|name| key_of(body, name))
        .find(|key| body.get(key).is_some_and(Value::is_object))?;
    let Some(Value::Object(mut inner)) = body.remove(&key) else {
        return None;
    };
    let code = take_first(&mut inner, &CODE_NAMES);
    let message = take_first(&mut inner, &MESSAGE_NAMES);
    if code.as_deref().is_some_and(is_success) {
        body.entry("error_code").or_insert_with(|| "0".into());
        return None;
    }
    Some((code, message))
}

impl Reply {
    /// Success with words.
    pub fn ok(message: &str) -> Self {
        Self {
            outcome: ReplyOutcome::Ok,
            code: "0".to_owned(),
            message: message.to_owned(),
            session: None,
            fields: Extra::new(),
        }
    }

    /// Failure with a code and words.
    pub fn refused(code: &str, message: &str) -> Self {
        Self {
            outcome: ReplyOutcome::Refused,
            code: code.to_owned(),
            ..Self::ok(message)
        }
    }

    /// Adds a field, `result` for instance.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// The body: `{error_code, message, …}`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body: Map<String, Value> = self.fields.clone().into_iter().collect();
        body.insert("error_code".to_owned(), self.code.as_str().into());
        body.insert("message".to_owned(), self.message.as_str().into());
        if let Some(session) = &self.session {
            body.insert("session".to_owned(), session.expose().as_str().into());
        }
        Value::Object(body).to_string().into_bytes()
    }

    /// What the answer is about: `result`, or one of the names that are seen in its place.
    pub fn result(&self) -> Option<&Value> {
        RESULT_NAMES.iter().find_map(|name| {
            let mut fields = self.fields.iter();
            fields
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
                .filter(|value| value.is_array() || value.is_object())
        })
    }

    /// The objects of the result, as they are: rows of a catalogue. One object alone is one row; what is no object is left out.
    pub fn rows(&self) -> Vec<&Map<String, Value>> {
        match self.result() {
            Some(Value::Array(rows)) => rows.iter().filter_map(Value::as_object).collect(),
            Some(Value::Object(row)) => vec![row],
            _ => Vec::new(),
        }
    }

    /// The dossiers of the result, as `TraCuuHoSo` answers.
    ///
    /// # Errors
    /// [`DossierError`] if there are more than `DOSSIER_BATCH_MAX`.
    pub fn dossiers(&self) -> Result<Batch<Dossier>, DossierError> {
        let none = Value::Array(Vec::new());
        read_items(self.result().unwrap_or(&none).clone(), DOSSIER_BATCH_MAX)
    }

    /// The first object of the result, read as a type.
    pub(super) fn first<T: Object>(&self) -> Option<Item<T>> {
        let row = (*self.rows().first()?).clone();
        Some(read_item(Value::Object(row), "result[0]"))
    }

    /// What the answer says of single items; empty if it speaks of the whole alone.
    pub fn items(&self, words: &ReplyWords) -> Vec<ItemReply> {
        self.rows()
            .into_iter()
            .filter_map(|row| {
                let mut row = row.clone();
                let key = take_first(&mut row, &["MaHoSo"])?;
                let code = take_first(&mut row, &CODE_NAMES)?;
                let message = take_first(&mut row, &MESSAGE_NAMES).unwrap_or_default();
                let outcome = if is_success(&code) {
                    ReplyOutcome::Ok
                } else {
                    words.outcome(&code, &message)
                };
                Some(ItemReply {
                    key,
                    outcome,
                    code,
                    message,
                })
            })
            .collect()
    }

    /// Adds what became of single items.
    #[must_use]
    pub fn with_items(self, items: &[ItemReply]) -> Self {
        let rows = items.iter().map(ItemReply::to_value).collect();
        self.with("data", rows)
    }
}

/// What became of one item of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemReply {
    /// `MaHoSo`, as it was sent.
    pub key: String,
    /// What it means.
    pub outcome: ReplyOutcome,
    /// `error_code`.
    pub code: String,
    /// `message`.
    pub message: String,
}

impl ItemReply {
    fn to_value(&self) -> Value {
        let mut row = Map::new();
        row.insert("MaHoSo".to_owned(), self.key.as_str().into());
        row.insert("error_code".to_owned(), self.code.as_str().into());
        row.insert("message".to_owned(), self.message.as_str().into());
        Value::Object(row)
    }
}
