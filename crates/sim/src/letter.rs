//! Composes the packets that a simulated agency sends: documents of the four business types and status messages.

use lgsp_base::{Clock, Entropy, Sha256};
use lgsp_wire::edxml::{
    Attachment, AttachmentBody, Business, BusinessDocumentInfo, BusinessType, Code, Document,
    DocumentType, Organization, OtherInfo, PromulgationInfo, Receiver, Reference, ReplacementInfo,
    ResponseFor, SignerInfo, StaffInfo, StatusCode, StatusMessage, Trace, TraceHeader,
    write_document, write_status,
};

use crate::catalogue;
use crate::pdf;

/// An agency as its own letterhead states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// The organisation code.
    pub code: String,
    /// The full name.
    pub name: String,
    /// The superior organisation's name; empty at the top.
    pub in_charge: String,
    /// The abbreviation in notations, for example `STC`.
    pub notation: String,
}

impl Agency {
    /// As `From` and `To` show it.
    pub fn organization(&self) -> Organization {
        Organization {
            organ_id: self.code.clone(),
            in_charge: self.in_charge.clone(),
            name: self.name.clone(),
            email: format!("vanthu.{}@binhan.example", self.code.to_lowercase()),
            ..Organization::default()
        }
    }
}

/// A packet that was composed, and what later packets need to refer to it.
#[derive(Debug, Clone)]
pub struct Letter {
    /// `DocumentId` of the packet.
    pub external_id: String,
    /// Number and notation in one line.
    pub code: String,
    /// Day of issue, `yyyy/MM/dd`.
    pub date: String,
    /// The subject line.
    pub subject: String,
    /// The recipients' codes.
    pub to: Vec<String>,
    /// True for a recall or an update: the recipients answer with 15 or 16.
    pub is_request: bool,
    /// The packet's bytes.
    pub packet: bytes::Bytes,
    /// SHA-256 of these bytes.
    pub sha256: Sha256,
}

/// What a packet does.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// A new document.
    New,
    /// A new document whose attachment has at least so many bytes.
    Large(usize),
    /// Takes an earlier one back.
    Recall(&'a Letter),
    /// Changes an earlier one.
    Update(&'a Letter),
    /// Stands in the place of an earlier one.
    Replace(&'a Letter),
}

/// Why a packet could not be composed.
#[derive(Debug, thiserror::Error)]
#[error("the packet cannot be written")]
pub struct ComposeError(#[from] std::io::Error);

/// Composes a packet of agency `from`, with running number `number`, to these agencies, with a PDF attached.
///
/// A recall and an update keep the number and the id of what they refer to; a replacement has its own.
pub fn compose(
    from: &Agency,
    to: &[&Agency],
    number: u64,
    purpose: Purpose<'_>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Letter, ComposeError> {
    let now = clock.now();
    let topic = catalogue::some_topic(entropy);
    let (number, date, subject) = match purpose {
        Purpose::Recall(old) | Purpose::Update(old) => {
            let number = old.code.split('/').next().unwrap_or_default().to_owned();
            (number, old.date.clone(), old.subject.clone())
        }
        Purpose::New | Purpose::Large(_) | Purpose::Replace(_) => {
            let date = now.to_edxml().chars().take(10).collect();
            (number.to_string(), date, topic.subject.to_owned())
        }
    };
    let code = format!("{number}/{}", from.notation);
    let external_id = match purpose {
        Purpose::Recall(old) | Purpose::Update(old) => old.external_id.clone(),
        // Seconds and a random tail: two runs on one data folder must not issue one id twice.
        Purpose::New | Purpose::Large(_) | Purpose::Replace(_) => format!(
            "{},{date},{code},{}{:04x}",
            from.code,
            now.as_millis() / 1_000,
            entropy.below(1 << 16)
        ),
    };
    let clerk = catalogue::some_clerk(entropy);
    let padding = match purpose {
        Purpose::Large(bytes) => bytes,
        _ => usize::try_from(entropy.below(24 * 1024)).unwrap_or(0),
    };
    let file = pdf::one_page(
        &[
            &from.name,
            &format!("Số: {code}"),
            &subject,
            &now.to_string(),
        ],
        padding,
    );
    let file_name = format!("{number}-{}.pdf", from.code);
    let document = Document {
        from: from.organization(),
        to: to.iter().map(|agency| agency.organization()).collect(),
        document_id: external_id.clone(),
        code: Code {
            number,
            notation: from.notation.clone(),
        },
        promulgation: PromulgationInfo {
            place: "Bình An".to_owned(),
            date: date.clone(),
        },
        document_type: DocumentType {
            group: "2".to_owned(),
            detail: topic.type_detail.to_string(),
            name: topic.type_name.to_owned(),
        },
        subject: subject.clone(),
        signer: SignerInfo {
            competence: "KT. THỦ TRƯỞNG".to_owned(),
            position: "Cấp phó".to_owned(),
            full_name: catalogue::some_signer(entropy).to_owned(),
        },
        other: OtherInfo {
            priority: entropy.below(3).to_string(),
            copies: "1".to_owned(),
            pages: "1".to_owned(),
            direction: "false".to_owned(),
            ..OtherInfo::default()
        },
        steering_type: "1".to_owned(),
        to_places: vec!["Như trên".to_owned(), "Lưu: VT".to_owned()],
        trace: Trace {
            hops: vec![TraceHeader {
                organ_id: from.code.clone(),
                timestamp: now.to_edxml(),
            }],
            business: Some(business(purpose, to, clerk)),
            ..Trace::default()
        },
        references: vec![Reference {
            content_id: "cid:1".to_owned(),
            content_type: "application/pdf".to_owned(),
            description: format!("Văn bản {code}"),
            attachment_name: file_name.clone(),
        }],
        attachments: vec![Attachment {
            content_id: "cid:1".to_owned(),
            name: file_name,
            description: format!("Văn bản {code}"),
            content_type: "application/pdf".to_owned(),
            ..Attachment::default()
        }],
        ..Document::default()
    };
    let mut packet = Vec::with_capacity(file.len() * 2);
    let mut bodies = std::iter::once(AttachmentBody {
        content: Box::new(file.as_slice()),
        zip_entry: None,
    });
    write_document(&document, &mut bodies, &mut packet)?;
    Ok(Letter {
        external_id,
        code,
        date,
        subject,
        to: to.iter().map(|agency| agency.code.clone()).collect(),
        is_request: matches!(purpose, Purpose::Recall(_) | Purpose::Update(_)),
        sha256: Sha256::of(&packet),
        packet: packet.into(),
    })
}

/// The business block of a packet (protocols §1.5).
fn business(purpose: Purpose<'_>, to: &[&Agency], clerk: &str) -> Business {
    let staff = StaffInfo {
        department: "Văn phòng".to_owned(),
        staff: clerk.to_owned(),
        ..StaffInfo::default()
    };
    let mut business = Business {
        document_id: String::new(),
        business_type: BusinessType::New,
        reason: "Văn bản điện tử mới".to_owned(),
        paper: "0".to_owned(),
        updates: Vec::new(),
        replacements: Vec::new(),
        staff: vec![staff],
    };
    match purpose {
        Purpose::New | Purpose::Large(_) => {}
        Purpose::Recall(old) => {
            business.business_type = BusinessType::Recall;
            business.document_id.clone_from(&old.external_id);
            business.reason = "Thu hồi văn bản do ban hành nhầm thời hạn".to_owned();
        }
        Purpose::Update(old) => {
            business.business_type = BusinessType::Update;
            business.document_id.clone_from(&old.external_id);
            business.reason = "Cập nhật thời hạn xử lý".to_owned();
            let added = to
                .iter()
                .filter(|agency| !old.to.contains(&agency.code))
                .map(|agency| Receiver {
                    organ_id: agency.code.clone(),
                    receiver_type: "1".to_owned(),
                })
                .collect::<Vec<_>>();
            business.updates = vec![BusinessDocumentInfo {
                document_info: "1".to_owned(),
                document_receiver: if added.is_empty() { "0" } else { "1" }.to_owned(),
                receivers: added,
            }];
        }
        Purpose::Replace(old) => {
            business.business_type = BusinessType::Replace;
            business.reason = format!("Thay thế văn bản {}", old.code);
            business.replacements = vec![ReplacementInfo {
                document_id: old.external_id.clone(),
                organ_ids: old.to.clone(),
            }];
        }
    }
    business
}

/// Composes the status message of agency `from` about a document of agency `sender`.
pub fn compose_status(
    from: &Agency,
    sender: &str,
    about: &ResponseFor,
    status: StatusCode,
    reason: &str,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<bytes::Bytes, ComposeError> {
    let message = StatusMessage {
        from: from.organization(),
        response_for: ResponseFor {
            organ_id: sender.to_owned(),
            ..about.clone()
        },
        staff: Some(StaffInfo {
            department: "Văn phòng".to_owned(),
            staff: catalogue::some_clerk(entropy).to_owned(),
            ..StaffInfo::default()
        }),
        status_code: status.as_text().to_owned(),
        description: if reason.is_empty() {
            status.label_vi().to_owned()
        } else {
            reason.to_owned()
        },
        timestamp: clock.now().to_edxml(),
        signature: None,
    };
    let mut packet = Vec::new();
    write_status(&message, &mut packet)?;
    Ok(packet.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lgsp_base::entropy::SeededEntropy;
    use lgsp_base::time::{ManualClock, Timestamp};
    use lgsp_wire::edxml::{Limits, Packet, read_all, validate};

    fn agency(code: &str) -> Agency {
        Agency {
            code: code.to_owned(),
            name: format!("Sở {code}"),
            in_charge: "UBND tỉnh Bình An".to_owned(),
            notation: "S".to_owned(),
        }
    }

    #[test]
    fn packets_of_all_four_types_are_valid_and_refer_to_the_original() {
        let clock = ManualClock::new(Timestamp::from_edxml("2026/03/12 09:16:02").expect("valid"));
        let entropy = SeededEntropy::new(3);
        let (from, a, b) = (agency("H99.14"), agency("H99.131"), agency("H99.132"));
        let new = compose(&from, &[&a], 7, Purpose::New, &clock, &entropy).expect("composes");
        let later = [
            Purpose::Recall(&new),
            Purpose::Update(&new),
            Purpose::Replace(&new),
        ]
        .map(|purpose| compose(&from, &[&a, &b], 8, purpose, &clock, &entropy).expect("composes"));
        for (letter, code) in [&new].into_iter().chain(&later).zip(["0", "1", "2", "3"]) {
            let parsed = read_all(&letter.packet, Limits::default()).expect("reads");
            assert_eq!(validate(&parsed.packet), [], "type {code}");
            let Packet::Document(document) = parsed.packet else {
                unreachable!("a document was written");
            };
            assert_eq!(document.business_type().as_text(), code);
            assert_eq!(document.document_id, letter.external_id);
        }
        let [recall, update, replace] = &later;
        assert_eq!(recall.external_id, new.external_id);
        assert_eq!(update.code, new.code);
        assert_ne!(replace.external_id, new.external_id);
    }
}
