//! The cover page of a receipt: what it says, for people. Rendered from the bundle, never stored in it.

use lgsp_base::Lang;
use lgsp_base::hash::to_hex;

use super::bundle::Bundle;
use crate::record::{Record, Value};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::printable;
use crate::tlog::timestamp::{Certificate, Token, imprint_of};

/// A page of labelled lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverPage {
    /// Heads the page.
    pub title: String,
    /// The platform that gave the receipt.
    pub platform: String,
    /// What the receipt says, in order.
    pub lines: Vec<CoverLine>,
    /// What the page is not, and how to check the file it came from.
    pub note: String,
}

/// One labelled line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverLine {
    /// What it is.
    pub label: &'static str,
    /// What the bundle says.
    pub value: String,
}

impl std::fmt::Display for CoverPage {
    /// Plain text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}\n{}\n", self.platform, self.title)?;
        for line in &self.lines {
            writeln!(f, "{}: {}", line.label, line.value)?;
        }
        writeln!(f, "\n{}", self.note)
    }
}

/// The cover page of a bundle. It repeats what the bundle says; whether that holds, only [`verify`](super::verify()) tells.
pub fn cover(bundle: &Bundle, lang: Lang) -> CoverPage {
    let parts = bundle.parts();
    let record = Record::decode(&parts.record).unwrap_or_default();
    let mut lines = about_record(&record, lang);
    let mut add = |vi, en, value: String| lines.push(line(lang, vi, en, value));
    add(
        "Dòng trong sổ nhật ký",
        "Leaf of the log",
        parts.leaf_index.to_string(),
    );
    if let Ok(checkpoint) = parts.checkpoint.text.parse::<Checkpoint>() {
        add("Sổ nhật ký", "Log", checkpoint.origin);
        add(
            "Số dòng tại điểm chốt",
            "Leaves at the checkpoint",
            checkpoint.size.to_string(),
        );
        add("Mã băm gốc", "Root", checkpoint.root.to_string());
    }
    add("Khóa của sổ", "Key of the log", parts.key.to_string());
    if !parts.successions.is_empty() {
        add(
            "Số lần đổi khóa",
            "Changes of key",
            parts.successions.len().to_string(),
        );
    }
    for key in &parts.witnesses {
        add(
            "Bên chứng kiến",
            "Witness",
            format!("{} ({})", key.name(), to_hex(&key.key_id())),
        );
    }
    if let Some(stamped) = &parts.timestamp
        && let Ok(certificate) = Certificate::from_der(&stamped.certificate)
    {
        let stamp = Token::parse(&stamped.token)
            .and_then(|token| token.verify_by(&imprint_of(&parts.checkpoint.text), &certificate));
        add(
            "Cơ quan cấp dấu thời gian",
            "Time stamping authority",
            certificate.name(),
        );
        if let Ok(stamp) = stamp {
            add("Dấu thời gian", "Time stamp", stamp.at.to_vietnamese());
        }
    }
    CoverPage {
        title: match lang {
            Lang::Vi => "BIÊN NHẬN ĐIỆN TỬ".to_owned(),
            Lang::En => "ELECTRONIC RECEIPT".to_owned(),
        },
        platform: printable(&parts.platform),
        lines,
        note: match lang {
            Lang::Vi => "Trang này được dựng từ tệp biên nhận và tự nó không chứng minh điều gì. Kiểm tra tệp, không cần mạng: \
                         lgsp verify TỆP --key KHÓA, hoặc python3 verify.py TỆP --key KHÓA."
                .to_owned(),
            Lang::En => "This page is rendered from the receipt file and proves nothing by itself. Check the file, offline: \
                         lgsp verify FILE --key KEY, or python3 verify.py FILE --key KEY."
                .to_owned(),
        },
    }
}

fn line(lang: Lang, vi: &'static str, en: &'static str, value: String) -> CoverLine {
    CoverLine {
        label: match lang {
            Lang::Vi => vi,
            Lang::En => en,
        },
        value: printable(&value),
    }
}

/// What the record says, as far as people care.
fn about_record(record: &Record, lang: Lang) -> Vec<CoverLine> {
    let mut lines = Vec::new();
    let text = |key: &str| record.text(key).map(str::to_owned);
    let mut add = |vi, en, value: Option<String>| {
        lines.extend(value.map(|value| line(lang, vi, en, value)));
    };
    add(
        "Nội dung xác nhận",
        "What is confirmed",
        record.text("kind").map(|kind| kind_words(kind, lang)),
    );
    add("Mã biên nhận", "Receipt", text("receipt"));
    add("Mã văn bản", "Document", text("document"));
    add(
        "Mã văn bản của bên gửi",
        "Sender's document id",
        text("external_id"),
    );
    add("Mã giao nhận", "Delivery", text("delivery"));
    add("Bên gửi", "Sender", text("sender"));
    add("Bên nhận", "Recipient", text("recipient"));
    if let Some(Value::List(deliveries)) = record.get("deliveries") {
        add(
            "Số nơi nhận",
            "Recipients",
            Some(deliveries.len().to_string()),
        );
    }
    add(
        "Thời điểm (giờ Việt Nam, theo đồng hồ của nền tảng)",
        "Time (in Vietnam, by the platform's clock)",
        record
            .integer("at")
            .map(|at| lgsp_base::Timestamp::from_micros(at).to_vietnamese()),
    );
    add(
        "SHA-256 của nội dung",
        "SHA-256 of the content",
        text("sha256"),
    );
    add(
        "Dung lượng (byte)",
        "Bytes",
        record.integer("bytes").map(|bytes| bytes.to_string()),
    );
    add("Nguyên nhân", "Cause", text("cause"));
    lines
}

/// The kinds that receipts are asked for; another one is shown by its code.
fn kind_words(kind: &str, lang: Lang) -> String {
    let words = match (kind, lang) {
        ("document.accepted", Lang::Vi) => "Nền tảng đã tiếp nhận văn bản",
        ("document.accepted", Lang::En) => "The platform accepted the document",
        ("document.erased", Lang::Vi) => "Nội dung văn bản đã được xóa, bằng chứng được giữ lại",
        ("document.erased", Lang::En) => "The content was erased, its proof is kept",
        ("submit.refused", Lang::Vi) => "Nền tảng đã từ chối tiếp nhận",
        ("submit.refused", Lang::En) => "The platform refused the document",
        ("delivery.confirmed", Lang::Vi) => "Bên nhận đã xác nhận nhận văn bản",
        ("delivery.confirmed", Lang::En) => "The recipient confirmed the document",
        ("delivery.refused", Lang::Vi) => "Bên nhận từ chối văn bản",
        ("delivery.refused", Lang::En) => "The recipient refused the document",
        ("status.reported", Lang::Vi) => "Bên nhận đã báo trạng thái xử lý",
        ("status.reported", Lang::En) => "The recipient reported a status",
        (other, _) => other,
    };
    words.to_owned()
}
