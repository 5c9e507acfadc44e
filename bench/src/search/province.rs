//! A made-up country: its organisations, and the documents of a year with the ledger entries behind them.
//!
//! Everything follows from a seed. Subjects are put together from phrases of official letters, so that some words stand in
//! nearly every document, some in a few thousand and some in a handful.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::{DeliveryId, DocumentId, OrgEventId, OrgId, ReceiptId};
use lgsp_base::org_code::{self, Scheme};
use lgsp_base::{Entropy, Sha256, Timestamp};
use lgsp_insight::{Leaves, LeavesRead, Names, Party};
use lgsp_registry::directory::Directory;
use lgsp_registry::model::{Code, Organisation, Period};
use lgsp_store::exchange::{DocumentKind, NewDocument};
use lgsp_store::ledger::{Entry, SealedEntry};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::record::{Record, Value};

const KINDS: [(&str, &str); 8] = [
    ("Uỷ ban nhân dân xã", "ubnd_xa"),
    ("Uỷ ban nhân dân phường", "ubnd_xa"),
    ("Sở Y tế tỉnh", "so"),
    ("Sở Tài chính tỉnh", "so"),
    ("Trung tâm Hành chính công", "trung_tam"),
    ("Trường Trung học phổ thông", "truong"),
    ("Chi cục Thuế khu vực", "chi_cuc"),
    ("Văn phòng Hội đồng nhân dân", "van_phong"),
];
const PLACES: [&str; 40] = [
    "Bình",
    "An",
    "Phú",
    "Thọ",
    "Hòa",
    "Long",
    "Thành",
    "Đức",
    "Lộc",
    "Tân",
    "Hưng",
    "Yên",
    "Ninh",
    "Thái",
    "Nguyên",
    "Quảng",
    "Nam",
    "Đông",
    "Tây",
    "Bắc",
    "Sơn",
    "Hà",
    "Giang",
    "Điện",
    "Biên",
    "Lai",
    "Châu",
    "Kỳ",
    "Xuân",
    "Đường",
    "Mỹ",
    "Khánh",
    "Vĩnh",
    "Phúc",
    "Ngọc",
    "Thanh",
    "Kim",
    "Bảo",
    "Lâm",
    "Cẩm",
];
const OPENINGS: [&str; 8] = [
    "V/v báo cáo kết quả thực hiện",
    "V/v triển khai",
    "Báo cáo tình hình",
    "Kế hoạch tổ chức",
    "V/v đôn đốc thực hiện",
    "Giấy mời họp về",
    "Quyết định phê duyệt",
    "V/v cung cấp thông tin",
];
const MATTERS: [&str; 24] = [
    "nhiệm vụ cải cách hành chính",
    "chuyển đổi số",
    "công tác phòng cháy chữa cháy",
    "tiêm chủng mở rộng",
    "dự toán thu chi ngân sách",
    "sửa chữa đường giao thông nông thôn",
    "giải phóng mặt bằng",
    "phòng chống thiên tai",
    "công tác thi đua khen thưởng",
    "tuyển sinh lớp đầu cấp",
    "quản lý đất đai",
    "an toàn thực phẩm",
    "hỗ trợ hộ nghèo",
    "bảo vệ môi trường",
    "kiểm kê rừng",
    "đăng ký hộ tịch",
    "giải quyết đơn thư khiếu nại",
    "phát triển du lịch",
    "xây dựng nông thôn mới",
    "bồi dưỡng cán bộ công chức",
    "đấu thầu mua sắm tập trung",
    "bảo hiểm y tế học sinh",
    "số hóa hồ sơ lưu trữ",
    "kết nối trục liên thông văn bản",
];
const OFFICES: [&str; 6] = [
    "UBND-VX", "SYT-NVY", "STC-QLNS", "VP-TH", "BC-KHĐT", "TB-PCTT",
];

/// Organisations that send and receive.
pub(crate) const PARTIES: usize = 1_000;
/// Documents in one transaction while filling.
pub(crate) const CHUNK: usize = 2_000;

/// Numbers from a seed.
#[derive(Debug)]
pub(crate) struct Dice(SeededEntropy);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `sides`.
    pub(crate) fn roll(&self, sides: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        let sides = u64::try_from(sides.max(1)).unwrap_or(1);
        usize::try_from(u64::from_le_bytes(bytes) % sides).unwrap_or(0)
    }

    /// A number below `sides`, small ones much more often.
    fn roll_low(&self, sides: usize) -> usize {
        let first = self.roll(sides);
        self.roll(first + 1)
    }

    pub(crate) fn pick<'l>(&self, list: &[&'l str]) -> &'l str {
        list.get(self.roll(list.len())).copied().unwrap_or("")
    }
}

/// So many organisations, each with one name and one code.
pub(crate) fn organisations(count: usize) -> Vec<Organisation> {
    let event = OrgEventId::from_bits(1);
    (0..count)
        .map(|number| {
            let (what, kind) = KINDS.get(number % KINDS.len()).copied().unwrap_or(("", ""));
            let place = |step: usize| {
                PLACES
                    .get((number / step) % PLACES.len())
                    .copied()
                    .unwrap_or("")
            };
            let code = format!("H{}.{}", 1 + number % 63, 1 + number / 63);
            Organisation {
                id: OrgId::from_bits(number as u128 + 1),
                created_at: Timestamp::BEGINNING,
                periods: vec![Period {
                    from: Timestamp::BEGINNING,
                    to: None,
                    name: format!("{what} {} {} {}", place(8), place(320), place(12_800)),
                    kind: Arc::from(kind),
                    level: 2,
                    parent: None,
                    admin_unit_code: None,
                    province: None,
                    event,
                }],
                codes: vec![Code {
                    scheme: Scheme::Qd20,
                    key: org_code::key(&code).unwrap_or_else(|_| code.clone()),
                    code,
                    from: Timestamp::BEGINNING,
                    to: None,
                    is_official: true,
                    legal_basis: None,
                    event,
                }],
            }
        })
        .collect()
}

/// Names out of a directory, as the platform asks its registry.
#[derive(Debug)]
pub(crate) struct DirectoryNames(pub(crate) Arc<Directory>);

impl Names for DirectoryNames {
    fn party(&self, org: OrgId, at: Timestamp) -> Option<Party> {
        let found = self.0.organisation(org)?;
        Some(Party {
            name: found.name_near(at).to_owned(),
            code: Some(found.code_near(at).to_owned()),
        })
    }
}

/// A ledger that holds only what is not worked in yet.
#[derive(Debug, Default)]
pub(crate) struct PassingLeaves {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    size: u64,
    leaves: VecDeque<SealedEntry>,
}

impl PassingLeaves {
    fn push(&self, at: Timestamp, kind: &str, record: Record) {
        let record = record
            .with("kind", kind)
            .with("at", at.as_micros())
            .encode();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let index = held.size;
        held.size += 1;
        held.leaves.push_back(SealedEntry {
            leaf: index,
            entry: Entry {
                id: i64::try_from(index).unwrap_or(i64::MAX),
                at,
                kind: kind.to_owned(),
                receipt: None,
                record,
                salt: Vec::new(),
                commitment: Sha256([0; 32]),
            },
        });
    }
}

impl Leaves for PassingLeaves {
    fn size(&self) -> u64 {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .size
    }

    fn read(&self, from: u64, limit: usize) -> LeavesRead<'_> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while held.leaves.front().is_some_and(|leaf| leaf.leaf < from) {
            held.leaves.pop_front();
        }
        let found = held.leaves.iter().take(limit).cloned().collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// A document of the year.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    id: DocumentId,
    at: Timestamp,
    sender: OrgId,
    deliveries: Vec<(DeliveryId, OrgId)>,
    notation: String,
    subject: String,
    external_id: String,
    receipt: ReceiptId,
    end: End,
}

/// What becomes of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Confirmed,
    Dead,
    Waiting,
}

/// The documents of a year, in order.
#[derive(Debug)]
pub(crate) struct Year {
    dice: Dice,
    entropy: SeededEntropy,
    count: usize,
    end: Timestamp,
}

/// Microseconds of the year that the documents are spread over.
pub(crate) const YEAR_MICROS: i64 = 365 * 24 * 3_600_000_000;

impl Year {
    pub(crate) fn new(seed: u64, count: usize, end: Timestamp) -> Self {
        Self {
            dice: Dice::new(seed),
            entropy: SeededEntropy::new(seed + 1),
            count,
            end,
        }
    }

    /// The document of this number; they must be asked for in order.
    pub(crate) fn letter(&self, number: usize) -> Letter {
        let share = number as f64 / self.count.max(1) as f64;
        let back = ((1.0 - share) * YEAR_MICROS as f64) as i64;
        let at = Timestamp::from_micros(self.end.as_micros() - back);
        let dice = &self.dice;
        let org = |number: usize| OrgId::from_bits(number as u128 + 1);
        let sender = dice.roll_low(PARTIES);
        let mut to: Vec<usize> = (0..1 + dice.roll_low(4))
            .map(|_| dice.roll_low(PARTIES))
            .collect();
        to.sort_unstable();
        to.dedup();
        let notation = format!("{}/{}", 1 + dice.roll(60_000), dice.pick(&OFFICES));
        // A few recent documents are not through yet, and some of the year's failed.
        let end = match dice.roll(1_000) {
            0..10 => End::Dead,
            10..110 if share > 0.95 => End::Waiting,
            _ => End::Confirmed,
        };
        Letter {
            id: DocumentId::generate(at, &self.entropy),
            at,
            sender: org(sender),
            deliveries: to
                .into_iter()
                .map(|number| (DeliveryId::generate(at, &self.entropy), org(number)))
                .collect(),
            subject: subject(dice),
            external_id: format!("000.00.{:02}.H{:02},{number}", sender % 63, sender / 63),
            notation,
            receipt: ReceiptId::generate(at, &self.entropy),
            end,
        }
    }
}

fn subject(dice: &Dice) -> String {
    let matter = MATTERS
        .get(dice.roll_low(MATTERS.len()))
        .copied()
        .unwrap_or("");
    let mut subject = format!("{} {matter}", dice.pick(&OPENINGS));
    if dice.roll(2) == 0 {
        subject.push_str(&format!(" tháng {} năm 2026", 1 + dice.roll(12)));
    }
    if dice.roll(3) == 0 {
        subject.push_str(&format!(
            " trên địa bàn {} {}",
            dice.pick(&PLACES),
            dice.pick(&PLACES)
        ));
    }
    // A name or an inventory number that hardly any other document has.
    if dice.roll(4) == 0 {
        subject.push_str(&format!(" hồ sơ HS{}", dice.roll(100_000)));
    }
    subject
}

impl Letter {
    /// Its row, without a body.
    pub(crate) fn store(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.document_insert(&NewDocument {
            id: self.id,
            accepted_at: self.at,
            expires_at: self.at,
            door: "api",
            kind: DocumentKind::Edoc,
            business_type: Some(0),
            sender_org: self.sender,
            sender_code: "H29.1",
            sender_system: None,
            external_id: Some(&self.external_id),
            notation: Some(&self.notation),
            subject: Some(&self.subject),
            subject_folded: None,
            issued_on: None,
            type_name: Some("Công văn"),
            priority: None,
            original: None,
            content_type: "application/octet-stream",
            content_bytes: 2_048,
            content_sha256: Sha256::of(&self.id.bits().to_be_bytes()),
            attachments: None,
            receipt: self.receipt,
            blob: None,
            body: None,
        })
    }

    /// Its ledger entries.
    pub(crate) fn enter(&self, leaves: &PassingLeaves) {
        let list: Vec<Value> = self
            .deliveries
            .iter()
            .map(|(delivery, org)| {
                let record = Record::new()
                    .with("delivery", delivery.to_string())
                    .with("recipient", org.to_string());
                Value::from(record)
            })
            .collect();
        let record = Record::new()
            .with("document", self.id.to_string())
            .with("document_kind", DocumentKind::Edoc.name())
            .with("sender", self.sender.to_string())
            .with("business_type", 0)
            .with("deliveries", list);
        leaves.push(self.at, "document.accepted", record);
        let kind = match self.end {
            End::Waiting => return,
            End::Confirmed => "delivery.confirmed",
            End::Dead => "delivery.dead",
        };
        for (delivery, org) in &self.deliveries {
            let record = Record::new()
                .with("document", self.id.to_string())
                .with("delivery", delivery.to_string())
                .with("sender", self.sender.to_string())
                .with("recipient", org.to_string())
                .with("cause", "unreachable");
            leaves.push(self.at, kind, record);
        }
    }
}
