//! From form fields to an edXML packet: the model that `wire::edxml` writes.
//!
//! Equal fields give an equal packet: nothing here depends on the clock beyond the date of issue, which is today's unless
//! the form names it.

use lgsp_base::problem::{kinds, rules};
use lgsp_base::time::is_edxml_date;
use lgsp_base::{Problem, Timestamp};
use lgsp_wire::edxml::{
    Attachment, Business, BusinessDocumentInfo, BusinessType, Code, Document, DocumentType,
    Organization, OtherInfo, PromulgationInfo, Receiver, Reference, ReplacementInfo, SignerInfo,
    Trace, TraceHeader, encoding_for,
};

use crate::form::Fields;

/// Kinds of administrative documents in the order of their numbers (annex of Amendment 1:2022 to QCVN 102).
const ADMINISTRATIVE_KINDS: [&str; 32] = [
    "Nghị quyết",
    "Quyết định",
    "Chỉ thị",
    "Quy chế",
    "Quy định",
    "Thông cáo",
    "Thông báo",
    "Hướng dẫn",
    "Chương trình",
    "Kế hoạch",
    "Phương án",
    "Đề án",
    "Dự án",
    "Báo cáo",
    "Biên bản",
    "Tờ trình",
    "Hợp đồng",
    "Công văn",
    "Công điện",
    "Bản ghi nhớ",
    "Bản cam kết",
    "Bản thỏa thuận",
    "Giấy chứng nhận",
    "Giấy ủy quyền",
    "Giấy mời",
    "Giấy giới thiệu",
    "Giấy nghỉ phép",
    "Giấy đi đường",
    "Giấy biên nhận hồ sơ",
    "Phiếu gửi",
    "Phiếu chuyển",
    "Thư công",
];
/// The kind when the form names none.
const DEFAULT_KIND: &str = "Công văn";

/// An organisation as the directory shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Name, for `OrganName`.
    pub(crate) name: String,
    /// Province, the default place of issue.
    pub(crate) province: Option<String>,
}

/// The document that a recall, update or replacement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Original {
    /// The sender's id of it.
    pub(crate) external_id: String,
    /// Number and notation joined.
    pub(crate) notation: String,
    /// `yyyy/MM/dd`.
    pub(crate) date: String,
    /// Trích yếu.
    pub(crate) subject: String,
    /// Kind in words.
    pub(crate) type_name: String,
    /// Codes that received it.
    pub(crate) receivers: Vec<String>,
}

/// What the packet does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// 0
    New,
    /// 1
    Recall(Original),
    /// 2
    Update(Original),
    /// 3
    Replace(Original),
}

impl Purpose {
    fn original(&self) -> Option<&Original> {
        match self {
            Purpose::New => None,
            Purpose::Recall(original) | Purpose::Update(original) | Purpose::Replace(original) => {
                Some(original)
            }
        }
    }

    /// The original whose values stand in for fields that the form leaves out: not for a replacement, which is a
    /// document with its own number.
    fn defaults(&self) -> Option<&Original> {
        match self {
            Purpose::Replace(_) => None,
            other => other.original(),
        }
    }
}

fn missing(problem: Problem, field: &str) -> Problem {
    problem.breaks(field, rules::REQUIRED.plain())
}

/// Builds the packet without attachments.
///
/// # Errors
/// `input.invalid` naming every field that is missing or malformed.
pub(crate) fn compose(
    fields: &Fields,
    purpose: &Purpose,
    sender: &str,
    now: Timestamp,
    known: &dyn Fn(&str) -> Known,
) -> Result<Document, Problem> {
    let defaults = purpose.defaults();
    let text = |name: &str| fields.text(name).unwrap_or("").to_owned();
    let or_original = |name: &str, of: fn(&Original) -> &str| {
        fields
            .text(name)
            .or(defaults.map(of))
            .unwrap_or("")
            .to_owned()
    };
    let code = code_of(fields, defaults);
    let date = match fields.text("date").or(defaults.map(|o| o.date.as_str())) {
        Some(date) => date.replace('-', "/"),
        None => now.to_civil_date().replace('-', "/"),
    };
    let subject = or_original("subject", |o| &o.subject);
    let reason = text("reason");
    let mut receivers = fields.receivers();
    if receivers.is_empty() {
        receivers = purpose
            .original()
            .map(|o| o.receivers.clone())
            .unwrap_or_default();
    }

    let mut problem = kinds::INPUT_INVALID.problem();
    for (field, is_absent) in [
        ("from", sender.is_empty()),
        ("to", receivers.is_empty()),
        ("number", code.number.is_empty()),
        ("subject", subject.is_empty()),
        ("reason", reason.is_empty() && *purpose != Purpose::New),
    ] {
        if is_absent {
            problem = missing(problem, field);
        }
    }
    if !code.number.is_empty() && code.notation.is_empty() {
        problem = problem.breaks("number", rules::NOTATION.plain());
    }
    if !is_edxml_date(&date) {
        problem = problem.breaks("date", rules::DATE.plain());
    }
    let due_date = text("due_date").replace('-', "/");
    if !due_date.is_empty() && !is_edxml_date(&due_date) {
        problem = problem.breaks("due_date", rules::DATE.plain());
    }
    let priority = text("priority");
    if !priority.is_empty() && !matches!(priority.as_str(), "0" | "1" | "2" | "3" | "4") {
        problem = problem.breaks("priority", rules::RANGE.with(&[("min", &0), ("max", &4)]));
    }
    if !problem.fields.is_empty() {
        return Err(problem);
    }

    let from = known(sender);
    let type_name = fields
        .text("type_name")
        .or(defaults
            .map(|o| o.type_name.as_str())
            .filter(|name| !name.is_empty()))
        .unwrap_or(DEFAULT_KIND);
    let document_id = match (fields.text("document_id"), defaults) {
        (Some(id), _) => id.to_owned(),
        (None, Some(original)) => original.external_id.clone(),
        (None, None) => format!("{sender},{date},{}/{}", code.number, code.notation),
    };
    Ok(Document {
        from: organization(sender, &from.name),
        to: receivers
            .iter()
            .map(|code| organization(code, &known(code).name))
            .collect(),
        document_id,
        promulgation: PromulgationInfo {
            place: fields
                .text("place")
                .map(ToOwned::to_owned)
                .or(from.province)
                .unwrap_or_default(),
            date: date.clone(),
        },
        document_type: kind_of(type_name),
        subject,
        content: text("content"),
        signer: SignerInfo {
            competence: text("signer_competence"),
            position: text("signer_position"),
            full_name: text("signer_name"),
        },
        due_date,
        other: OtherInfo {
            priority,
            copies: text("copies"),
            pages: text("pages"),
            ..OtherInfo::default()
        },
        steering_type: text("steering_type"),
        trace: Trace {
            hops: vec![TraceHeader {
                organ_id: sender.to_owned(),
                // The hop's time is the day of issue: a repetition of the form must give the same bytes.
                timestamp: format!("{date} 00:00:00"),
            }],
            business: Some(business(purpose, &reason, &receivers)),
            ..Trace::default()
        },
        code,
        ..Document::default()
    })
}

fn code_of(fields: &Fields, defaults: Option<&Original>) -> Code {
    let whole = fields
        .text("number")
        .or(defaults.map(|o| o.notation.as_str()))
        .unwrap_or("");
    let (number, notation) = match fields.text("notation") {
        Some(notation) => (whole, notation),
        None => whole.split_once('/').unwrap_or((whole, "")),
    };
    Code {
        number: number.trim().to_owned(),
        notation: notation.trim().to_owned(),
    }
}

fn organization(code: &str, name: &str) -> Organization {
    Organization {
        organ_id: code.to_owned(),
        in_charge: name.to_owned(),
        name: if name.is_empty() { code } else { name }.to_owned(),
        ..Organization::default()
    }
}

/// Group 2 are administrative documents; the number inside the group is known for the listed kinds only.
fn kind_of(name: &str) -> DocumentType {
    let folded = lgsp_base::vi::fold(name);
    let detail = ADMINISTRATIVE_KINDS
        .iter()
        .position(|kind| lgsp_base::vi::fold(kind) == folded)
        .map(|index| (index + 1).to_string())
        .unwrap_or_default();
    DocumentType {
        group: "2".to_owned(),
        detail,
        name: name.to_owned(),
    }
}

fn business(purpose: &Purpose, reason: &str, receivers: &[String]) -> Business {
    let mut business = Business {
        document_id: String::new(),
        business_type: BusinessType::New,
        reason: reason.to_owned(),
        paper: "0".to_owned(),
        updates: Vec::new(),
        replacements: Vec::new(),
        staff: Vec::new(),
    };
    match purpose {
        Purpose::New => {
            if business.reason.is_empty() {
                business.reason = "Văn bản mới".to_owned();
            }
        }
        Purpose::Recall(original) => {
            business.business_type = BusinessType::Recall;
            business.document_id.clone_from(&original.external_id);
        }
        Purpose::Update(original) => {
            business.business_type = BusinessType::Update;
            business.document_id.clone_from(&original.external_id);
            let removed = original
                .receivers
                .iter()
                .filter(|code| !receivers.contains(code));
            let added = receivers
                .iter()
                .filter(|code| !original.receivers.contains(code));
            let changed: Vec<Receiver> = removed
                .map(|code| receiver(code, "0"))
                .chain(added.map(|code| receiver(code, "1")))
                .collect();
            business.updates.push(BusinessDocumentInfo {
                document_info: "1".to_owned(),
                document_receiver: if changed.is_empty() { "0" } else { "1" }.to_owned(),
                receivers: changed,
            });
        }
        Purpose::Replace(original) => {
            business.business_type = BusinessType::Replace;
            business.replacements.push(ReplacementInfo {
                document_id: original.external_id.clone(),
                organ_ids: original.receivers.clone(),
            });
        }
    }
    business
}

fn receiver(code: &str, receiver_type: &str) -> Receiver {
    Receiver {
        organ_id: code.to_owned(),
        receiver_type: receiver_type.to_owned(),
    }
}

/// Adds an attachment to the packet and says under which name it is zipped, if it is.
pub(crate) fn attach(document: &mut Document, file_name: &str) -> Option<String> {
    let index = document.attachments.len() + 1;
    let encoding = encoding_for(file_name);
    let content_id = format!("cid:{index}");
    document.references.push(Reference {
        content_id: content_id.clone(),
        // The reference producer writes this for every attachment; readers trust the attachment's own type.
        content_type: "application/zip".to_owned(),
        description: String::new(),
        attachment_name: file_name.to_owned(),
    });
    document.attachments.push(Attachment {
        content_id,
        name: file_name.to_owned(),
        description: String::new(),
        field_name: String::new(),
        mime_type: String::new(),
        content_type: encoding.content_type().to_owned(),
        content: None,
    });
    let extension = file_name
        .rsplit_once('.')
        .map_or("bin", |(_, extension)| extension);
    let is_plain = !extension.is_empty() && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    matches!(encoding, lgsp_wire::edxml::Encoding::Zipped)
        .then(|| format!("{index}.{}", if is_plain { extension } else { "bin" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.add(name, value.as_bytes()).expect("field");
        }
        fields
    }

    fn build(pairs: &[(&str, &str)], purpose: &Purpose) -> Result<Document, Problem> {
        let now = Timestamp::from_edxml("2026/03/12 08:00:00").expect("time");
        compose(&fields(pairs), purpose, "H99.14", now, &|code| Known {
            name: format!("Tên {code}"),
            province: Some("Bình An".to_owned()),
        })
    }

    fn original() -> Original {
        Original {
            external_id: "H99.14,2026/03/12,215/SKHCN-CĐS".to_owned(),
            notation: "215/SKHCN-CĐS".to_owned(),
            date: "2026/03/12".to_owned(),
            subject: "V/v báo cáo".to_owned(),
            type_name: "Công văn".to_owned(),
            receivers: vec!["H99.131".to_owned()],
        }
    }

    #[test]
    fn the_shortest_form_is_enough() {
        let form = [
            ("to", "H99.131"),
            ("number", "123/UBND-KGVX"),
            ("subject", "V/v họp"),
        ];
        let document = build(&form, &Purpose::New).expect("composed");
        assert_eq!(document.document_id, "H99.14,2026/03/12,123/UBND-KGVX");
        assert_eq!(document.code.number, "123");
        assert_eq!(document.document_type.detail, "18");
        assert_eq!(document.promulgation.place, "Bình An");
        assert_eq!(document, build(&form, &Purpose::New).expect("again"));
    }

    #[test]
    fn every_missing_field_is_named() {
        let problem = build(&[], &Purpose::New).expect_err("refused");
        let named: Vec<&str> = problem.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(named, ["to", "number", "subject"]);
        let form = [
            ("to", "a"),
            ("number", "1"),
            ("subject", "x"),
            ("date", "2026-02-30"),
        ];
        let problem = build(&form, &Purpose::New).expect_err("refused");
        assert_eq!(problem.fields.len(), 2, "{problem:?}");
    }

    #[test]
    fn an_update_starts_from_the_original() {
        let purpose = Purpose::Update(original());
        let form = [("reason", "Bổ sung nơi nhận"), ("to", "H99.131,H99.132")];
        let document = build(&form, &purpose).expect("composed");
        assert_eq!(document.document_id, original().external_id);
        let update = &document.trace.business.as_ref().expect("business").updates[0];
        assert_eq!(update.receivers, [receiver("H99.132", "1")]);
        let recall = build(&[("reason", "Nhầm")], &Purpose::Recall(original())).expect("composed");
        assert_eq!(recall.to.len(), 1);
        assert!(build(&[], &Purpose::Recall(original())).is_err());
    }

    #[test]
    fn unusual_files_are_zipped_under_a_plain_name() {
        let mut document = Document::default();
        assert_eq!(attach(&mut document, "Công văn.pdf"), None);
        assert_eq!(
            attach(&mut document, "bảng.xlsx").as_deref(),
            Some("2.xlsx")
        );
        assert_eq!(attach(&mut document, "x.t/x").as_deref(), Some("3.bin"));
        assert_eq!(document.attachments[1].content_type, "application/zip");
    }
}
