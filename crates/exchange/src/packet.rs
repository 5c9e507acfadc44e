//! What the exchange takes from an edXML packet: whom, what, about which document.

use lgsp_base::Timestamp;
use lgsp_store::exchange::DocumentKind;
use lgsp_wire::dossier::{DossierCode, DossierLetter};
use lgsp_wire::edxml::{self, Attachment, BusinessType, Packet, StatusCode};

use crate::error::SubmitError;

/// The facts that route a document and describe it in lists.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) kind: DocumentKind,
    /// 0–3 for documents.
    pub(crate) business_type: Option<u8>,
    /// The sender's code; none for plain content.
    pub(crate) from: Option<String>,
    /// The recipients' codes.
    pub(crate) to: Vec<String>,
    /// The sender's own id; for a status message the id it answers, so that an identical repetition is recognised.
    pub(crate) external_id: Option<String>,
    pub(crate) notation: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) issued_on: Option<String>,
    pub(crate) type_name: Option<String>,
    pub(crate) priority: Option<String>,
    /// JSON array.
    pub(crate) attachments: Option<String>,
    /// Ids under which the original may stand, the best first.
    pub(crate) originals: Vec<String>,
    pub(crate) status: Option<StatusFacts>,
    /// The dossier that an official document names (`ApplicationType` `MCDT_DT`).
    pub(crate) dossier: Option<DossierCode>,
}

/// What a status message says.
#[derive(Debug, Clone)]
pub(crate) struct StatusFacts {
    pub(crate) code: StatusCode,
    pub(crate) reason: Option<String>,
    pub(crate) reported_at: Option<Timestamp>,
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Number and notation in the flat form of `ResponseFor/Code`.
pub(crate) fn flat_code(number: &str, notation: &str) -> Option<String> {
    match (number, notation) {
        ("", "") => None,
        (number, "") => Some(number.to_owned()),
        ("", notation) => Some(notation.to_owned()),
        (number, notation) => Some(format!("{number}/{notation}")),
    }
}

fn attachments_json(attachments: &[Attachment]) -> Option<String> {
    if attachments.is_empty() {
        return None;
    }
    let list: Vec<serde_json::Value> = attachments
        .iter()
        .map(|attachment| {
            let content = attachment.content.as_ref();
            serde_json::json!({
                "name": edxml::display_name(&attachment.name),
                "content_type": attachment.content_type,
                "bytes": content.map(|content| content.unpacked_bytes.unwrap_or(content.bytes)),
                "sha256": content.map(|content| content.sha256.to_string()),
                "is_zipped": content.is_some_and(|content| content.unpacked_bytes.is_some()),
            })
        })
        .collect();
    Some(serde_json::Value::Array(list).to_string())
}

/// Checks a packet and takes the facts out of it.
pub(crate) fn facts(packet: &Packet) -> Result<Facts, SubmitError> {
    if let Packet::Document(document) = packet
        && let Some(mark) = edxml::secrecy_mark(document)
    {
        return Err(SubmitError::Secret {
            field: format!("OtherInfo: {mark}"),
        });
    }
    if let Some(problem) = edxml::to_problem(&edxml::validate(packet)) {
        return Err(SubmitError::Packet(problem));
    }
    match packet {
        Packet::Document(document) => Ok(document_facts(document)),
        Packet::Status(status) => status_facts(status),
    }
}

fn document_facts(document: &edxml::Document) -> Facts {
    let business = document.trace.business.as_ref();
    let business_type = match document.business_type() {
        BusinessType::New | BusinessType::Other(_) => 0,
        BusinessType::Recall => 1,
        BusinessType::Update => 2,
        BusinessType::Replace => 3,
    };
    let mut originals = Vec::new();
    if business_type == 3 {
        originals.extend(business.iter().flat_map(|business| {
            business
                .replacements
                .iter()
                .map(|replacement| replacement.document_id.clone())
        }));
    }
    if business_type != 0 {
        originals.extend(business.map(|business| business.document_id.clone()));
        originals.push(document.document_id.clone());
        originals.retain(|id| !id.is_empty());
    }
    let letter = DossierLetter::of(document).and_then(Result::ok);
    Facts {
        kind: DocumentKind::Edoc,
        business_type: Some(business_type),
        from: given(&document.from.organ_id),
        to: document.to.iter().map(|to| to.organ_id.clone()).collect(),
        external_id: given(&document.document_id),
        notation: flat_code(&document.code.number, &document.code.notation),
        // The subject of such a letter names the applicant, whom lists and search must not show.
        subject: match &letter {
            Some(letter) => Some(format!("{}/{}", letter.service, letter.code)),
            None => given(&document.subject),
        },
        issued_on: given(&document.promulgation.date),
        type_name: given(&document.document_type.name),
        priority: given(&document.other.priority),
        attachments: attachments_json(&document.attachments),
        originals,
        status: None,
        dossier: letter.map(|letter| letter.code),
    }
}

fn status_facts(status: &edxml::StatusMessage) -> Result<Facts, SubmitError> {
    let about = &status.response_for;
    let code = StatusCode::from_text(&status.status_code)
        .ok_or_else(|| SubmitError::Status(status.status_code.clone()))?;
    Ok(Facts {
        kind: DocumentKind::Status,
        business_type: None,
        from: given(&status.from.organ_id),
        to: vec![about.organ_id.clone()],
        external_id: given(&about.document_id),
        notation: given(&about.code),
        subject: Some(format!("{} {}", code.as_text(), code.label_vi())),
        issued_on: given(&about.promulgation_date),
        type_name: None,
        priority: None,
        attachments: None,
        originals: vec![about.document_id.clone()],
        status: Some(StatusFacts {
            code,
            reason: given(&status.description),
            reported_at: Timestamp::from_edxml(&status.timestamp),
        }),
        dossier: None,
    })
}
