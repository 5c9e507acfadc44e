//! Exit codes of the command line, and the failures that lead to them (ux.md §4.3).

use std::fmt;
use std::process::ExitCode;

use lgsp_base::{Lang, Problem};
use serde_json::{Value, json};

/// How a command ended. The numbers are fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Something else went wrong.
    Failed = 1,
    /// The command line is not valid.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// Not signed in, or not allowed.
    Denied = 4,
    /// In conflict with what exists, or with its version.
    Conflict = 5,
    /// The data is not valid.
    Invalid = 6,
    /// The server cannot be reached.
    Unreachable = 7,
    /// It took too long.
    Timeout = 8,
    /// Some parts succeeded and some did not.
    Partial = 9,
    /// A check of integrity failed.
    Integrity = 10,
    /// Stopped by the user.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// The exit that fits a problem document.
    pub fn of_problem(status: u16, code: &str) -> Self {
        match (code, status) {
            ("receipt.hash" | "storage.corrupt" | "axis.hash", _) => Exit::Integrity,
            (_, 404 | 410) => Exit::NotFound,
            (_, 401 | 403) => Exit::Denied,
            (_, 409 | 412 | 428) => Exit::Conflict,
            (_, 408 | 504) => Exit::Timeout,
            (_, 400..=499) => Exit::Invalid,
            _ => Exit::Failed,
        }
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// A stable word: a problem's code, or one of the command line's own (`cli.unreachable`).
    pub code: String,
    /// What happened, one line.
    pub message: String,
    /// What to do next.
    pub fix: Option<Box<str>>,
    /// The request's id, to find it in the server's log.
    pub trace: Option<Box<str>>,
    /// The places in the input that are wrong.
    pub places: Vec<String>,
}

impl Failure {
    /// A failure of the command line itself.
    pub fn new(exit: Exit, code: &str, message: impl fmt::Display) -> Self {
        Self {
            exit,
            code: code.to_owned(),
            message: one_line(&message.to_string()),
            fix: None,
            trace: None,
            places: Vec::new(),
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into().into());
        self
    }

    /// A problem of this process.
    pub fn of_problem(problem: &Problem, lang: Lang) -> Self {
        let title = problem.kind.title(lang);
        let message = if problem.detail.is_empty() {
            title.to_owned()
        } else {
            format!("{title}: {}", problem.detail)
        };
        Self {
            fix: Some(problem.kind.fix(lang).into()),
            places: problem
                .fields
                .iter()
                .map(|field| format!("{}: {}", field.pointer, field.message))
                .collect(),
            ..Self::new(
                Exit::of_problem(problem.kind.status, problem.code()),
                problem.code(),
                message,
            )
        }
    }

    /// A problem document from a server.
    pub fn of_document(status: u16, document: &Value) -> Self {
        let text = |name: &str| document.get(name).and_then(Value::as_str).map(one_line);
        let code = text("code").unwrap_or_else(|| format!("http.{status}"));
        let title = text("title").unwrap_or_else(|| format!("HTTP {status}"));
        let message = match text("detail").filter(|detail| !detail.is_empty()) {
            Some(detail) => format!("{title}: {detail}"),
            None => title,
        };
        let places = document
            .get("errors")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|place| {
                let part = |name: &str| place.get(name).map(plain).unwrap_or_default();
                format!("{}: {}", part("pointer"), part("message"))
            })
            .collect();
        Self {
            exit: Exit::of_problem(status, &code),
            code,
            message,
            fix: text("fix").map(Into::into),
            trace: text("trace_id")
                .or_else(|| text("instance"))
                .map(Into::into),
            places,
        }
    }

    /// One JSON object that says the same.
    pub fn to_json(&self) -> Value {
        json!({"problem": {
            "code": self.code,
            "message": self.message,
            "fix": self.fix,
            "trace_id": self.trace,
            "errors": self.places,
            "exit": self.exit as u8,
        }})
    }

    /// The lines for people: `code message. Fix · explain · trace`.
    pub fn to_text(&self, lang: Lang) -> String {
        let (remedy, trace) = match lang {
            Lang::Vi => ("Cách sửa", "mã yêu cầu"),
            Lang::En => ("Fix", "trace"),
        };
        let mut text = format!("{} {}.", self.code, self.message.trim_end_matches('.'));
        if let Some(fix) = &self.fix {
            text.push_str(&format!(" {remedy}: {fix}"));
        }
        if let Some(id) = &self.trace {
            text.push_str(&format!(" · {trace} {id}"));
        }
        for place in &self.places {
            text.push_str(&format!("\n  {place}"));
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(Lang::En))
    }
}

impl std::error::Error for Failure {}

/// Control characters and line ends as spaces: text from elsewhere cannot write on the terminal.
pub fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A JSON value as plain text: strings without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lgsp_base::problem::kinds;

    #[test]
    fn every_problem_has_an_exit_code() {
        for (code, exit) in [
            ("org.unknown", 3),
            ("auth.required", 4),
            ("auth.forbidden", 4),
            ("exchange.conflict", 5),
            ("import.invalid", 6),
            ("input.too_large", 6),
            ("http.timeout", 8),
            ("receipt.hash", 10),
            ("storage.corrupt", 10),
            ("storage.full", 1),
            ("system.internal", 1),
        ] {
            let kind = kinds::ALL
                .iter()
                .find(|kind| kind.code == code)
                .expect(code);
            assert_eq!(
                Exit::of_problem(kind.status, kind.code) as u8,
                exit,
                "{code}"
            );
        }
    }

    #[test]
    fn a_failure_is_one_line_for_people_and_one_object_for_scripts() {
        let failure = Failure::of_document(
            422,
            &json!({"code": "import.invalid", "title": "Sai", "detail": "2 dòng\u{1b}[31m\n",
                    "fix": "Sửa", "trace_id": "req_1", "errors": [{"pointer": "line 2", "message": "trùng"}]}),
        );
        assert_eq!(failure.exit, Exit::Invalid);
        let text = failure.to_text(Lang::Vi);
        assert_eq!(
            text,
            "import.invalid Sai: 2 dòng [31m. Cách sửa: Sửa · mã yêu cầu req_1\n  line 2: trùng"
        );
        assert_eq!(failure.to_json()["problem"]["exit"], 6);
        assert_eq!(Failure::of_document(500, &Value::Null).code, "http.500");
    }
}
