//! What a readable packet must also have to pass the border (protocols §1.12), as far as no directory is needed.

use std::collections::BTreeMap;

use lgsp_base::limits::{EXTERNAL_ID_CHARS_MAX, RECIPIENTS_MAX, TEXT_CHARS_MAX};
use lgsp_base::problem::kinds;
use lgsp_base::time::is_edxml_date;
use lgsp_base::{Problem, Timestamp, vi};

use super::model::{BusinessType, Document, Packet, StatusCode, StatusMessage, content_key};

/// The axis code for a packet in the wrong form (protocols §2.6).
const AXIS_FORM: u8 = 22;

/// One thing that a packet lacks or has wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The element, `MessageHeader/To[2]/OrganId`.
    pub path: String,
    /// The rule, a stable word: `required`, `date`, `time`, `value`, `too_many`, `too_long`, `no_attachment`,
    /// `no_reference`, `twice`.
    pub rule: &'static str,
    /// For people, in Vietnamese.
    pub message_vi: String,
    /// For people, in English.
    pub message_en: String,
    /// The code that answers it on the document axis.
    pub axis_code: u8,
}

/// Checks a packet; an empty list means that it may pass as far as its form goes.
pub fn validate(packet: &Packet) -> Vec<Violation> {
    let mut found = Found::default();
    match packet {
        Packet::Document(document) => check_document(document, &mut found),
        Packet::Status(status) => check_status(status, &mut found),
    }
    found.0
}

/// The problem document of a list of violations; `None` if the list is empty.
pub fn to_problem(violations: &[Violation]) -> Option<Problem> {
    let first = violations.first()?;
    let mut problem = kinds::EDXML_INVALID.with(format!("{}: {}", first.path, first.message_vi));
    for violation in violations {
        problem = problem.at(
            violation.path.clone(),
            violation.rule,
            &violation.message_vi,
        );
    }
    Some(problem)
}

/// The words that mark a state secret, as search keys: Law on the Protection of State Secrets 2018, article 8.
const SECRECY_LEVELS: [&str; 3] = ["mat", "toi mat", "tuyet mat"];

/// The mark by which a document says that it is a state secret and so may not pass (R-DOC-09).
///
/// The format has no such element. Read are `OtherInfo/SecurityLevel`, `Secrecy` and `DoMat`, which some producers add,
/// and only the exact words *Mật*, *Tối mật*, *Tuyệt mật* count, in any letter case. Subjects and type names are never
/// guessed at.
pub fn secrecy_mark(document: &Document) -> Option<&str> {
    document
        .other
        .secrecy_marks
        .iter()
        .find(|mark| SECRECY_LEVELS.contains(&vi::fold(mark).as_str()))
        .map(String::as_str)
}

#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, path: impl Into<String>, rule: &'static str, message: (&str, &str)) {
        self.0.push(Violation {
            path: path.into(),
            rule,
            message_vi: message.0.to_owned(),
            message_en: message.1.to_owned(),
            axis_code: AXIS_FORM,
        });
    }

    fn require(&mut self, path: impl Into<String>, value: &str) {
        if is_missing(value) {
            self.add(path, "required", ("thiếu giá trị", "no value"));
        }
    }

    fn require_date(&mut self, path: &str, value: &str) {
        self.require(path, value);
        self.date_if_given(path, value);
    }

    fn date_if_given(&mut self, path: &str, value: &str) {
        if !is_missing(value) && !is_strict_date(value) {
            self.add(
                path,
                "date",
                (
                    "không phải ngày dạng yyyy/MM/dd",
                    "not a date in the form yyyy/MM/dd",
                ),
            );
        }
    }

    fn limit(&mut self, path: &str, value: &str, chars_max: usize) {
        if value.chars().count() > chars_max {
            self.add(
                path,
                "too_long",
                ("giá trị quá dài", "the value is too long"),
            );
        }
    }
}

/// Absent, empty, or the word that some producers write for absent.
fn is_missing(value: &str) -> bool {
    value.is_empty() || value.eq_ignore_ascii_case("null")
}

/// `yyyy/MM/dd` with all its digits, and a day that exists.
fn is_strict_date(value: &str) -> bool {
    value.len() == 10 && is_edxml_date(value)
}

fn check_document(document: &Document, found: &mut Found) {
    found.require("MessageHeader/From/OrganId", &document.from.organ_id);
    if document.to.is_empty() {
        found.add(
            "MessageHeader/To",
            "required",
            ("không có đơn vị nhận", "no receiver"),
        );
    }
    if document.to.len() > RECIPIENTS_MAX {
        found.add(
            "MessageHeader/To",
            "too_many",
            ("quá nhiều đơn vị nhận", "too many receivers"),
        );
    }
    for (index, to) in document.to.iter().enumerate().take(RECIPIENTS_MAX) {
        found.require(
            format!("MessageHeader/To[{}]/OrganId", index + 1),
            &to.organ_id,
        );
    }
    found.require("MessageHeader/DocumentId", &document.document_id);
    found.limit(
        "MessageHeader/DocumentId",
        &document.document_id,
        EXTERNAL_ID_CHARS_MAX,
    );
    found.require("MessageHeader/Code/CodeNumber", &document.code.number);
    found.require("MessageHeader/Code/CodeNotation", &document.code.notation);
    found.require_date(
        "MessageHeader/PromulgationInfo/PromulgationDate",
        &document.promulgation.date,
    );
    found.require("MessageHeader/Subject", &document.subject);
    found.limit("MessageHeader/Subject", &document.subject, TEXT_CHARS_MAX);
    found.require(
        "MessageHeader/DocumentType/TypeName",
        &document.document_type.name,
    );
    found.date_if_given("MessageHeader/DueDate", &document.due_date);
    check_business(document, found);
    check_contents(document, found);
}

fn check_business(document: &Document, found: &mut Found) {
    const TYPE: &str = "TraceHeaderList/Bussiness/BussinessDocType";
    let business = document.trace.business.as_ref();
    match document.business_type() {
        BusinessType::New | BusinessType::Recall => {}
        BusinessType::Update if business.is_some_and(|b| b.updates.is_empty()) => found.add(
            "TraceHeaderList/Bussiness/BussinessDocumentInfo",
            "required",
            (
                "gói tin cập nhật phải nêu nội dung cập nhật",
                "an update must say what changed",
            ),
        ),
        BusinessType::Replace if business.is_some_and(|b| b.replacements.is_empty()) => found.add(
            "TraceHeaderList/Bussiness/ReplacementInfoList",
            "required",
            (
                "gói tin thay thế phải nêu văn bản bị thay thế",
                "a replacement must name what it replaces",
            ),
        ),
        BusinessType::Update | BusinessType::Replace => {}
        BusinessType::Other(text) if text.is_empty() => found.require(TYPE, ""),
        BusinessType::Other(_) => found.add(
            TYPE,
            "value",
            ("nghiệp vụ phải là 0, 1, 2 hoặc 3", "must be 0, 1, 2 or 3"),
        ),
    }
    for (index, info) in business
        .iter()
        .flat_map(|b| b.replacements.iter().enumerate())
    {
        found.require(
            format!(
                "TraceHeaderList/Bussiness/ReplacementInfoList/ReplacementInfo[{}]/DocumentId",
                index + 1
            ),
            &info.document_id,
        );
    }
}

/// Every reference has exactly one attachment and the reverse, with or without `cid:`.
fn check_contents(document: &Document, found: &mut Found) {
    let count = |ids: Vec<&str>| {
        let mut counts = BTreeMap::new();
        for id in ids {
            *counts.entry(content_key(id).to_owned()).or_insert(0usize) += 1;
        }
        counts
    };
    let references = count(
        document
            .references
            .iter()
            .map(|r| r.content_id.as_str())
            .collect(),
    );
    let attachments = count(
        document
            .attachments
            .iter()
            .map(|a| a.content_id.as_str())
            .collect(),
    );
    let twice = ("mã nội dung bị trùng", "the content id stands twice");
    for (index, reference) in document.references.iter().enumerate() {
        let path = format!("edXMLManifest/Reference[{}]/ContentId", index + 1);
        let key = content_key(&reference.content_id);
        if is_missing(key) {
            found.require(path, "");
        } else if references.get(key).is_some_and(|count| *count > 1) {
            found.add(path, "twice", twice);
        } else if !attachments.contains_key(key) {
            found.add(
                path,
                "no_attachment",
                (
                    "không có tệp đính kèm mang mã nội dung này",
                    "no attachment has this content id",
                ),
            );
        }
    }
    for (index, attachment) in document.attachments.iter().enumerate() {
        let path = format!("AttachmentEncoded/Attachment[{}]/ContentId", index + 1);
        let key = content_key(&attachment.content_id);
        if is_missing(key) {
            found.require(path, "");
        } else if attachments.get(key).is_some_and(|count| *count > 1) {
            found.add(path, "twice", twice);
        } else if !references.contains_key(key) {
            found.add(
                path,
                "no_reference",
                (
                    "tệp đính kèm không có trong danh sách edXMLManifest",
                    "the manifest has no reference to this attachment",
                ),
            );
        }
    }
}

fn check_status(status: &StatusMessage, found: &mut Found) {
    found.require("MessageHeader/From/OrganId", &status.from.organ_id);
    let about = &status.response_for;
    found.require("MessageHeader/ResponseFor/OrganId", &about.organ_id);
    found.require("MessageHeader/ResponseFor/DocumentId", &about.document_id);
    found.limit(
        "MessageHeader/ResponseFor/DocumentId",
        &about.document_id,
        EXTERNAL_ID_CHARS_MAX,
    );
    found.date_if_given(
        "MessageHeader/ResponseFor/PromulgationDate",
        &about.promulgation_date,
    );
    match StatusCode::from_text(&status.status_code) {
        Some(code) if code.needs_reason() => {
            found.require("MessageHeader/Description", &status.description);
        }
        Some(_) => {}
        None => found.add(
            "MessageHeader/StatusCode",
            "value",
            (
                "mã trạng thái phải là 01–06, 13, 15 hoặc 16",
                "must be 01–06, 13, 15 or 16",
            ),
        ),
    }
    found.limit(
        "MessageHeader/Description",
        &status.description,
        TEXT_CHARS_MAX,
    );
    if Timestamp::from_edxml(&status.timestamp).is_none() {
        found.add(
            "MessageHeader/Timestamp",
            "time",
            (
                "không phải thời điểm dạng yyyy/MM/dd HH:mm:ss",
                "not a time in the form yyyy/MM/dd HH:mm:ss",
            ),
        );
    }
}
