//! Dossiers that agencies hand in through our own API, and the fictional persons in them.
//!
//! Every push about a dossier is a document whose content is our canonical JSON of it, so that the recorder and the checker of
//! [`crate::history`] serve for dossiers too.

use lgsp_base::Entropy;
use lgsp_base::entropy::SeededEntropy;
use lgsp_wire::dossier::Dossier;
use serde_json::json;

/// Statuses through which a dossier of a load goes: received, being handled, finished, result handed over.
const LIFE: [&str; 4] = ["2", "4", "9", "10"];

/// A fictional person.
#[derive(Debug, Clone)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The number of the identity card, 12 digits.
    pub number: String,
    /// The phone number.
    pub phone: String,
    /// The e-mail address.
    pub email: String,
}

impl Person {
    /// Of a number below a million.
    pub fn new(number: u64) -> Self {
        Self {
            name: format!("Nguyễn Thử Số {number}"),
            number: format!("001099{number:06}"),
            phone: format!("0900{number:06}"),
            email: format!("thu.{number}@dan.example"),
        }
    }
}

/// A dossier as it is now, handed in by its owner.
#[derive(Debug, Clone)]
pub struct Push {
    /// Idempotency key.
    pub key: String,
    /// Codes of everybody whom it must reach.
    pub recipients: Vec<String>,
    /// The dossier.
    pub dossier: Dossier,
}

impl Push {
    /// The bytes that its parties get, and whose digest receipts name.
    ///
    /// # Panics
    /// Never: every dossier can be written.
    pub fn content(&self) -> Vec<u8> {
        serde_json::to_vec(&self.dossier).expect("JSON")
    }

    /// The body of the request.
    pub fn request(&self) -> Vec<u8> {
        json!({ "dossier": self.dossier }).to_string().into_bytes()
    }
}

/// A dossier of an agency, received in March 2026.
///
/// # Panics
/// If code or status is none.
pub fn dossier(code: &str, status: &str, person: &Person, note: &str) -> Dossier {
    let ended = |wanted: &str| (status == wanted).then_some("2026-03-17T03:00:00Z");
    let value = json!({
        "code": code,
        "procedure": {"code": "2.000488", "name": "Cấp phiếu lý lịch tư pháp"},
        "sector": {"code": "G15-TP02", "name": "Lý lịch tư pháp"},
        "status": status,
        "receipt_number": format!("BN-{code}"),
        "applicant": {
            "name": person.name,
            "identities": [{"kind": "citizen_card", "number": person.number}],
            "phone": person.phone,
            "email": person.email,
        },
        "summary": format!("Hồ sơ của {}", person.name),
        "received_at": "2026-03-09T02:00:00Z",
        "due_at": "2026-03-20T10:00:00Z",
        "finished_at": ended("9"),
        "returned_at": ended("10"),
        "handling_unit": "UBND xã Thử",
        "note": note,
    });
    serde_json::from_value(value).expect("a dossier")
}

/// The n-th push of an agency, from 1: one dossier after the other, each through its whole life. The first two codes follow every
/// dossier.
///
/// # Panics
/// If the agency has more dossiers in one day than codes have numbers.
pub fn push(sender: &str, codes: &[String], number: u64, entropy: &SeededEntropy) -> Push {
    let (nth, step) = ((number - 1) / 4, usize::try_from((number - 1) % 4));
    let status = LIFE[step.expect("below four")];
    let note = "ghi chú ".repeat(usize::try_from(entropy.below(300)).unwrap_or(0));
    let code = format!("{sender}-260309-{nth:04}");
    Push {
        key: format!("{sender}-{number}"),
        recipients: codes
            .iter()
            .take(2)
            .filter(|code| *code != sender)
            .cloned()
            .collect(),
        dossier: dossier(&code, status, &Person::new(nth), &note),
    }
}
