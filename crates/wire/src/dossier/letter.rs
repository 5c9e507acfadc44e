//! A dossier inside an official letter: an ordinary edXML packet between the one-stop shop and the document system of a province
//! (protocols §4.12).

use crate::edxml::Document;

use super::code::DossierCode;

/// `ApplicationType` of such a packet.
pub const APPLICATION_TYPE: &str = "MCDT_DT";
/// `CodeNotation` of such a packet.
const NOTATION: &str = "Hồ sơ liên thông";
/// Between the parts of the subject: service, applicant, dossier.
const SEPARATOR: char = '/';

/// What a letter says of its dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierLetter {
    /// The dossier.
    pub code: DossierCode,
    /// The service (procedure) in words; may hold slashes.
    pub service: String,
    /// The applicant's name. A slash in it is written as a hyphen, as slashes part the subject.
    pub applicant: String,
}

/// A packet that says it carries a dossier and does not name one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet names no dossier in CodeNumber, ReferenceCodes or Subject")]
pub struct NoDossier;

impl DossierLetter {
    /// True if a packet says that it carries a dossier.
    pub fn is_one(document: &Document) -> bool {
        document
            .application_type
            .trim()
            .eq_ignore_ascii_case(APPLICATION_TYPE)
    }

    /// What a packet says of its dossier; `None` if it is another packet. The number is looked for in `CodeNumber`, then in
    /// `ReferenceCodes`, then at the end of the subject.
    ///
    /// # Errors
    /// [`NoDossier`] if no place holds the code of a dossier.
    pub fn of(document: &Document) -> Option<Result<Self, NoDossier>> {
        Self::is_one(document).then(|| Self::read(document))
    }

    fn read(document: &Document) -> Result<Self, NoDossier> {
        let mut parts = document.subject.rsplitn(3, SEPARATOR).map(str::trim);
        let (last, applicant, service) = (parts.next(), parts.next(), parts.next());
        let code = [
            Some(document.code.number.as_str()),
            Some(document.other.reference_codes.as_str()),
            last,
        ]
        .into_iter()
        .flatten()
        .find_map(|text| DossierCode::read(text).ok())
        .ok_or(NoDossier)?;
        let (service, applicant) = match (service, applicant) {
            (Some(service), Some(applicant)) => (service, applicant),
            // A subject in another form is the service alone.
            _ => (document.subject.trim(), ""),
        };
        Ok(Self {
            code,
            service: service.to_owned(),
            applicant: applicant.to_owned(),
        })
    }

    /// Makes a packet the carrier of this dossier: sets its application type, code, subject and reference codes, and nothing else.
    pub fn mark(&self, document: &mut Document) {
        let applicant = self.applicant.replace(SEPARATOR, "-");
        document.application_type = APPLICATION_TYPE.to_owned();
        document.code.number = self.code.to_string();
        document.code.notation = NOTATION.to_owned();
        document.subject = format!("{}/{applicant}/{}", self.service, self.code);
        document.other.reference_codes = self.code.to_string();
    }
}
