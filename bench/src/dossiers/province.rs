//! A made-up province: its units, and what each of its dossiers says. Everything about a dossier follows from its number.

use std::time::Duration;

use anyhow::Result;
use lgsp_base::id::{DocumentId, DossierId, OrgId, ReceiptId, SystemId};
use lgsp_base::vi::Day;
use lgsp_base::{Actor, Entropy, Sha256, Timestamp};
use lgsp_exchange::dossier::KeyRing;
use lgsp_exchange::{
    Channel as Way, ConnectorKind, Directory, DocumentKind, Party, Receiver, Resolved,
};
use lgsp_store::dossier::{Dossier as Row, DossierKey, DossierMessage, MessageKind, PartyRole};
use lgsp_store::exchange::NewDocument;
use lgsp_store::seal::{DataKey, PersonHash, Place};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::{
    Applicant, Channel, Dossier, DossierCode, DossierStatus, Fee, Identity, IdentityKind, Paper,
    ProcedureRef, Sector,
};

/// Units that receive dossiers: communes and departments.
pub(crate) const UNITS: usize = 150;
/// Sectors.
pub(crate) const FIELDS: usize = 40;
/// Procedures.
pub(crate) const PROCEDURES: usize = 400;
/// The organisation of the national portal, which follows every dossier.
pub(crate) const PORTAL: usize = UNITS;
/// Over so many days the dossiers are spread.
pub(crate) const DAYS: i64 = 730;

const DAY_MICROS: i64 = 24 * 3_600_000_000;
/// Running numbers in codes have at most five digits.
const NUMBERS: usize = 100_000;
/// One of so many dossiers never reached the portal.
const LOST_EVERY: usize = 500;
const FAMILY: [&str; 10] = [
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô",
];
const GIVEN: [&str; 12] = [
    "An", "Bình", "Chi", "Dũng", "Giang", "Hạnh", "Khánh", "Lan", "Minh", "Oanh", "Phúc", "Tâm",
];

pub(crate) fn org(number: usize) -> OrgId {
    OrgId::from_bits(number as u128 + 1)
}

pub(crate) fn unit_code(number: usize) -> String {
    format!("H99.{number}")
}

pub(crate) fn actor(number: usize) -> Actor {
    Actor::System {
        system: SystemId::from_bits(number as u128 + 1),
        org: org(number),
    }
}

pub(crate) fn field(number: usize) -> String {
    format!("G{:02}-LV{:02}", 1 + number / 4, 1 + number)
}

pub(crate) fn procedure(number: usize) -> String {
    format!("1.{:06}", 100_000 + number)
}

/// A number below `sides` that follows from two others (the finaliser of SplitMix64).
pub(crate) fn mixed(number: usize, salt: u64, sides: usize) -> usize {
    let mut x = (number as u64).wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    usize::try_from(x % sides.max(1) as u64).unwrap_or(0)
}

/// The same, small numbers more often: units, sectors and procedures are not equally busy.
fn mixed_low(number: usize, salt: u64, sides: usize) -> usize {
    let first = mixed(number, salt, sides);
    mixed(number, salt + 1, first + 1)
}

/// The units and the portal, as the exchange asks for them.
#[derive(Debug)]
pub(crate) struct Units;

impl Units {
    fn number(org: OrgId) -> Option<usize> {
        let number = usize::try_from(org.bits().checked_sub(1)?).ok()?;
        (number <= PORTAL).then_some(number)
    }
}

impl Directory for Units {
    fn resolve(&self, text: &str, _at: Timestamp) -> Resolved {
        let number = text.strip_prefix("H99.").and_then(|rest| rest.parse().ok());
        match number.filter(|number| *number <= PORTAL) {
            Some(number) => Resolved::Found {
                org: org(number),
                code: unit_code(number),
                routed_from: None,
            },
            None => Resolved::Unknown,
        }
    }

    fn party(&self, org: OrgId) -> Option<Party> {
        let number = Self::number(org)?;
        Some(Party {
            code: unit_code(number),
            name: format!("Uỷ ban nhân dân xã số {number}"),
        })
    }

    fn receiver(&self, org: OrgId) -> Option<Receiver> {
        let number = Self::number(org)?;
        Some(Receiver {
            system: SystemId::from_bits(org.bits()),
            channel: if number == PORTAL {
                Way::Connector {
                    kind: ConnectorKind::Dvcqg,
                }
            } else {
                Way::Inbox
            },
        })
    }

    fn may_send_as(&self, system: SystemId, org: OrgId) -> bool {
        system.bits() == org.bits()
    }

    fn receives_for(&self, system: SystemId) -> Vec<OrgId> {
        self.acts_for(system)
    }

    fn acts_for(&self, system: SystemId) -> Vec<OrgId> {
        vec![OrgId::from_bits(system.bits())]
    }

    fn lineage(&self, _org: OrgId) -> Vec<OrgId> {
        Vec::new()
    }

    fn pushed_to(&self) -> Vec<OrgId> {
        vec![org(PORTAL)]
    }
}

/// The dossiers of two years, by number from the oldest to the newest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Province {
    pub(crate) count: usize,
    pub(crate) now: Timestamp,
}

impl Province {
    fn back(&self, micros: i64) -> Timestamp {
        Timestamp::from_micros(self.now.as_micros() - micros)
    }

    /// How long ago it was received, in microseconds.
    fn age(&self, number: usize) -> i64 {
        let share = 1.0 - number as f64 / self.count.max(1) as f64;
        (share * (DAYS * DAY_MICROS) as f64) as i64
    }

    pub(crate) fn unit(number: usize) -> usize {
        mixed_low(number, 11, UNITS)
    }

    pub(crate) fn code(&self, number: usize) -> Result<DossierCode> {
        let day = Day::of(self.back(self.age(number)));
        let running = u32::try_from(number % NUMBERS)?;
        Ok(DossierCode::new(
            &unit_code(Self::unit(number)),
            day,
            running,
        )?)
    }

    /// The number behind a code: codes of one day are far from repeating their running numbers.
    pub(crate) fn number(&self, code: &DossierCode) -> Option<usize> {
        let running: usize = code.number().parse().ok()?;
        (running..self.count)
            .step_by(NUMBERS)
            .find(|number| self.code(*number).is_ok_and(|known| known == *code))
    }

    /// Of the last tenth four in five are still open, of the others one in forty-five: a tenth of all.
    pub(crate) fn is_open(&self, number: usize) -> bool {
        let is_recent = number >= self.count / 10 * 9;
        if is_recent {
            mixed(number, 21, 5) < 4
        } else {
            mixed(number, 22, 45) == 0
        }
    }

    pub(crate) fn status(&self, number: usize) -> DossierStatus {
        let dice = mixed(number, 23, 100);
        if self.is_open(number) {
            match dice {
                0..5 => DossierStatus::Registered,
                5..20 => DossierStatus::Received,
                20..80 => DossierStatus::Processing,
                80..92 => DossierStatus::SupplementAsked,
                _ => DossierStatus::PaymentAsked,
            }
        } else {
            match dice {
                0..90 => DossierStatus::Returned,
                90..94 => DossierStatus::Refused,
                94..97 => DossierStatus::Withdrawn,
                _ => DossierStatus::Finished,
            }
        }
    }

    /// True if the portal never got it, which a comparison has to find.
    pub(crate) fn is_lost(number: usize) -> bool {
        number % LOST_EVERY == 7
    }

    fn received_at(&self, number: usize) -> Timestamp {
        self.back(self.age(number))
    }

    /// Of open ones around now, of the others a few weeks behind their reception.
    fn due_at(&self, number: usize) -> Timestamp {
        let received = self.received_at(number);
        if !self.is_open(number) {
            let days = 5 + mixed(number, 24, 25) as u64;
            return received.plus(Duration::from_secs(days * 24 * 3600));
        }
        let hours = mixed(number, 25, 35 * 24) as i64 - 20 * 24;
        let due = self.back(-hours * 3_600_000_000);
        due.max(received)
    }

    /// When its last push came.
    fn updated_at(&self, number: usize) -> Timestamp {
        let age = self.age(number);
        let longest = if self.is_open(number) {
            age
        } else {
            age.min(30 * DAY_MICROS)
        };
        let thousandth = mixed(number, 26, 1_000) as i64;
        self.back(age - longest / 1_000 * thousandth)
    }

    /// What it says, in this status.
    pub(crate) fn dossier(&self, number: usize, status: DossierStatus) -> Result<Dossier> {
        let name = format!(
            "{} {} {}",
            pick(&FAMILY, mixed(number, 31, FAMILY.len())),
            pick(&GIVEN, mixed(number, 32, GIVEN.len())),
            pick(&GIVEN, mixed(number, 33, GIVEN.len())),
        );
        let (field_number, procedure_number) = kinds(number);
        let ended = |is: bool| is.then(|| self.updated_at(number));
        Ok(Dossier {
            code: self.code(number)?,
            procedure: ProcedureRef {
                code: procedure(procedure_number).parse()?,
                name: format!("Thủ tục hành chính số {procedure_number} của lĩnh vực"),
            },
            sector: Sector {
                code: field(field_number),
                name: format!("Lĩnh vực số {field_number}"),
            },
            status,
            channel: Some(Channel::Counter),
            receipt_number: format!("BN-{number:07}"),
            applicant: Applicant {
                name: name.clone(),
                identities: vec![Identity {
                    kind: Some(IdentityKind::CitizenCard),
                    number: citizen(number),
                    extra: Default::default(),
                }],
                phone: format!("09{:08}", mixed(number, 34, 100_000_000)),
                ..Applicant::default()
            },
            summary: format!("Hồ sơ của {name} về thủ tục số {procedure_number}"),
            submitted_at: Some(self.received_at(number)),
            received_at: Some(self.received_at(number)),
            due_at: Some(self.due_at(number)),
            returned_at: ended(status == DossierStatus::Returned),
            return_note: String::new(),
            return_form: None,
            finished_at: ended(status == DossierStatus::Finished),
            rejected_at: ended(status == DossierStatus::Refused),
            handling_unit: format!("Uỷ ban nhân dân xã số {}", Self::unit(number)),
            note: String::new(),
            submission_place: None,
            has_digitised_papers: Some(true),
            is_account_verified: Some(true),
            online_payment: None,
            papers: vec![Paper {
                file_name: "don_de_nghi.pdf".to_owned(),
                url: format!("https://mc.example/tep/{number}"),
                ..Paper::default()
            }],
            fees: vec![Fee {
                name: "Lệ phí".to_owned(),
                amount: Some(8_000),
                ..Fee::default()
            }],
            other_papers: Vec::new(),
            supplements: Vec::new(),
            results: Vec::new(),
            databases: Vec::new(),
            extra: Default::default(),
        })
    }
}

fn pick<'l>(list: &[&'l str], index: usize) -> &'l str {
    list.get(index).copied().unwrap_or("")
}

/// Sector and procedure: each procedure belongs to one sector.
fn kinds(number: usize) -> (usize, usize) {
    let procedure = mixed_low(number, 41, PROCEDURES);
    (procedure % FIELDS, procedure)
}

/// A fictional identity number; a person has a few dossiers.
fn citizen(number: usize) -> String {
    format!("0{:011}", mixed(number, 35, 400_000))
}

/// A dossier as its rows say it, ready to be stored.
#[derive(Debug)]
pub(crate) struct Stored {
    row: Row,
    key: DossierKey,
    summary: Vec<u8>,
    content: Vec<u8>,
    person: PersonHash,
    receipt: ReceiptId,
    sha256: Sha256,
    bytes: u64,
    is_lost: bool,
}

impl Stored {
    /// Composes and seals what the push of a dossier would store.
    pub(crate) fn make(
        province: &Province,
        number: usize,
        ring: &KeyRing,
        entropy: &dyn Entropy,
    ) -> Result<Self> {
        let status = province.status(number);
        let dossier = province.dossier(number, status)?;
        let (received, updated) = (province.received_at(number), province.updated_at(number));
        let id = DossierId::generate(received, entropy);
        let key = DataKey::generate(entropy)?;
        let body = serde_json::to_vec(&dossier)?;
        // What lists open: the fields of the exchange's own summary.
        let summary = serde_json::json!({
            "applicant": "N*** V*** A***",
            "procedure": dossier.procedure.name,
            "unit": dossier.handling_unit,
        });
        let is_open = province.is_open(number);
        let is_paused = matches!(
            status,
            DossierStatus::SupplementAsked | DossierStatus::PaymentAsked
        );
        let owner = org(Province::unit(number));
        let person = ring.person_hash(&citizen(number));
        Ok(Self {
            key: ring.wrap(Place::Key(id), &key, entropy)?,
            summary: key.seal(Place::Summary(id), summary.to_string().as_bytes(), entropy)?,
            content: key.seal(Place::Content(id), &body, entropy)?,
            person,
            receipt: ReceiptId::generate(updated, entropy),
            sha256: Sha256::of(&body),
            bytes: body.len() as u64,
            is_lost: Province::is_lost(number),
            row: Row {
                id,
                code_key: dossier.code.as_str().to_owned(),
                code: dossier.code.as_str().to_owned(),
                owner,
                handling: None,
                procedure: dossier.procedure.code.base().to_owned(),
                field: dossier.sector.code.clone(),
                channel: dossier.channel,
                status,
                status_at: updated,
                is_open,
                submitted_at: dossier.submitted_at,
                received_at: dossier.received_at,
                due_at: dossier.due_at,
                due_effective_at: dossier.due_at,
                paused_at: (is_open && is_paused).then_some(updated),
                paused_working_seconds: 0,
                finished_at: dossier.finished_at,
                closed_at: (!is_open && status.is_terminal()).then_some(updated),
                version: 1,
                last_document: DocumentId::generate(updated, entropy),
                source_system: Some(SystemId::from_bits(owner.bits())),
                person: Some(person),
                retention: "standard".to_owned(),
                keep_until: (!is_open)
                    .then(|| updated.plus(Duration::from_secs(3_653 * 24 * 3600))),
                erased_at: None,
                erasure_receipt: None,
                created_at: received,
                updated_at: updated,
            },
        })
    }

    /// Its rows; the message's document has no body and no deliveries, as after their erasure.
    pub(crate) fn store(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let row = &self.row;
        if !tx.dossier_insert(row, &self.key, &self.summary, &self.content)? {
            return Err(StoreError::corrupt("two dossiers have one code"));
        }
        tx.dossier_party_put(row, row.owner, PartyRole::Owner, row.created_at)?;
        tx.dossier_party_put(row, org(PORTAL), PartyRole::Follower, row.created_at)?;
        tx.dossier_person_put(self.person, row.id, row.created_at)?;
        tx.dossier_message_insert(
            row.id,
            &DossierMessage {
                version: 1,
                document: row.last_document,
                kind: MessageKind::Dossier,
                sender: row.owner,
                status: row.status,
                at: row.updated_at,
            },
        )?;
        if !self.is_lost {
            tx.portal_item_accepted(org(PORTAL), row.id, 1, row.updated_at)?;
        }
        tx.document_insert(&NewDocument {
            id: row.last_document,
            accepted_at: row.updated_at,
            expires_at: row.updated_at,
            door: "api",
            kind: DocumentKind::Dossier,
            business_type: Some(0),
            sender_org: row.owner,
            sender_code: "H99.0",
            sender_system: row.source_system,
            external_id: None,
            notation: Some(&row.code),
            subject: None,
            subject_folded: None,
            issued_on: None,
            type_name: Some("dossier"),
            priority: None,
            original: None,
            content_type: lgsp_exchange::dossier::DOSSIER_TYPE,
            content_bytes: self.bytes,
            content_sha256: self.sha256,
            attachments: None,
            receipt: self.receipt,
            blob: None,
            body: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dossier_is_found_by_its_code_and_a_tenth_is_open() {
        let province = Province {
            count: 300_000,
            now: Timestamp::from_millis(1_773_000_000_000),
        };
        for number in (0..province.count).step_by(7_919) {
            let code = province.code(number).expect("a code");
            assert_eq!(province.number(&code), Some(number));
            let dossier = province.dossier(number, province.status(number));
            assert_eq!(dossier.expect("a dossier").check(), []);
        }
        let open = (0..province.count).filter(|number| province.is_open(*number));
        assert!((27_000..33_000).contains(&open.count()));
    }
}
