//! Traces in every state, for the tests and the gallery.

use std::time::Duration;

use lgsp_base::id::{DeliveryId, DocumentId, OrgId, ReceiptId, StatusId};
use lgsp_base::{Sha256, Timestamp};
use lgsp_exchange::{Trace, TraceDelivery};
use lgsp_store::exchange::{
    Attempt, Delivery, DeliveryState, Document, DocumentKind, Erasure, Status,
};

use super::cause::Cause;
use super::trace::{TracePage, View};

const NAMES: &[&str] = &[
    "Sở Tài chính tỉnh Bình An",
    "Sở Y tế tỉnh Bình An",
    "Sở Nội vụ tỉnh Bình An",
    "Ủy ban nhân dân xã An Hòa",
    "Ủy ban nhân dân phường Trần Hưng Đạo",
    "Trung tâm Phục vụ hành chính công tỉnh Bình An",
];

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_793_840_829_120_000).plus(Duration::from_secs(seconds))
}

pub(super) fn document(bits: u128, kind: DocumentKind, business: Option<u8>) -> Document {
    Document {
        id: DocumentId::from_bits(bits),
        accepted_at: at(0),
        expires_at: at(30 * 86_400),
        door: match kind {
            DocumentKind::Edoc => "axis",
            DocumentKind::Notice => "platform",
            DocumentKind::Status | DocumentKind::Plain | DocumentKind::Dossier => "api",
        }
        .to_owned(),
        kind,
        business_type: business,
        sender_org: OrgId::from_bits(9),
        sender_code: "H99".to_owned(),
        sender_system: None,
        external_id: Some("000.00.00.H99,2026/11/05,123".to_owned()),
        notation: Some("123/UBND-KGVX".to_owned()),
        subject: Some("V/v báo cáo tình hình chuẩn bị năm học mới trên địa bàn tỉnh".to_owned()),
        issued_on: None,
        type_name: Some("Công văn".to_owned()),
        priority: None,
        original: None,
        content_type: "application/edxml+xml".to_owned(),
        content_bytes: 1_468_006,
        content_sha256: Sha256::of(b"sample"),
        attachments: Some("[{},{}]".to_owned()),
        receipt: ReceiptId::from_bits(1),
        blob: None,
    }
}

fn delivery(index: u128, state: DeliveryState, cause: Option<&str>) -> Delivery {
    let is_end = !state.is_open();
    Delivery {
        id: DeliveryId::from_bits(index),
        document: DocumentId::from_bits(1),
        sender_org: OrgId::from_bits(9),
        recipient_org: OrgId::from_bits(index),
        recipient_code: format!("H99.{index:02}"),
        addressed_code: "H99.131".to_owned(),
        is_routed: index == 4,
        kind: DocumentKind::Edoc,
        seq: 17,
        position: 1,
        state,
        attempts: 4,
        refusals: 0,
        next_attempt_at: None,
        lease_number: 4,
        cause: cause.map(ToOwned::to_owned),
        cause_detail: cause.map(|_| "503 Service Unavailable".to_owned()),
        created_at: at(0),
        expires_at: at(30 * 86_400),
        offered_at: (index != 3).then(|| at(1)),
        closed_at: is_end.then(|| at(120)),
        confirmed_by: None,
        receipt: (state == DeliveryState::Delivered).then(|| ReceiptId::from_bits(index)),
        status_code: None,
        status_at: None,
        side_status: None,
        resend_of: None,
    }
}

fn attempt(index: u128, number: i64, outcome: Option<&str>, cause: Option<&str>) -> Attempt {
    let begun = at(u64::try_from(number).unwrap_or(0) * 20);
    Attempt {
        delivery: DeliveryId::from_bits(index),
        number,
        transport: if number == 1 { "pull" } else { "webhook" }.to_owned(),
        started_at: begun,
        finished_at: outcome.map(|_| begun.plus(Duration::from_millis(87))),
        outcome: outcome.map(ToOwned::to_owned),
        cause: cause.map(ToOwned::to_owned),
        detail: cause.map(|_| "503 Service Unavailable".to_owned()),
    }
}

fn status(code: &str, seconds: u64) -> Status {
    Status {
        id: StatusId::from_bits(1),
        document: DocumentId::from_bits(1),
        delivery: None,
        reporter: OrgId::from_bits(1),
        message: None,
        code: code.to_owned(),
        reason: (code == "02").then(|| "Gửi nhầm nơi nhận".to_owned()),
        reported_at: None,
        received_at: at(seconds),
        moved: code != "15",
    }
}

fn shown(delivery: Delivery, attempts: Vec<Attempt>, statuses: Vec<Status>) -> TraceDelivery {
    let index = usize::try_from(delivery.recipient_org.bits()).unwrap_or(0);
    TraceDelivery {
        recipient_name: NAMES
            .get(index % NAMES.len())
            .map(|name| (*name).to_owned()),
        waits_for_system: false,
        delivery,
        attempts,
        statuses,
    }
}

fn trace(document: Document, deliveries: Vec<TraceDelivery>) -> Trace {
    Trace {
        document,
        sender_name: Some("Ủy ban nhân dân tỉnh Bình An".to_owned()),
        deliveries,
        related: Vec::new(),
        original: None,
        erasure: None,
    }
}

/// Two recipients: one has it and works on it, the other cannot be reached.
fn under_way() -> Trace {
    let mut broken = delivery(1, DeliveryState::Waiting, Some("http_503"));
    broken.next_attempt_at = Some(at(4_407));
    let tries = (1..5)
        .map(|number| attempt(1, number, Some("unreachable"), Some("http_503")))
        .collect();
    let statuses = ["01", "03", "05"].iter().zip([130, 300, 900]);
    trace(
        document(1, DocumentKind::Edoc, Some(0)),
        vec![
            shown(
                delivery(6, DeliveryState::Delivered, None),
                vec![attempt(6, 1, Some("confirmed"), None)],
                statuses
                    .map(|(code, seconds)| status(code, seconds))
                    .collect(),
            ),
            shown(broken, tries, Vec::new()),
        ],
    )
}

/// Every state that a delivery can have, every status code, every outcome of a try, every cause.
fn everything() -> Trace {
    let outcomes = ["confirmed", "refused", "unreachable", "gone", "lost"];
    let causes = Cause::samples();
    let mut deliveries: Vec<TraceDelivery> = DeliveryState::ALL
        .iter()
        .zip(1u128..)
        .map(|(state, index)| {
            shown(
                delivery(index, *state, Some("timeout")),
                Vec::new(),
                Vec::new(),
            )
        })
        .collect();
    let tries = outcomes
        .iter()
        .zip(1..)
        .map(|(outcome, number)| attempt(20, number, Some(outcome), Some("connect")))
        .chain([attempt(20, 6, None, None)])
        .collect();
    let codes = ["01", "02", "03", "04", "05", "06", "13", "15", "16"];
    deliveries.push(shown(
        delivery(20, DeliveryState::Delivered, None),
        tries,
        codes.iter().map(|code| status(code, 500)).collect(),
    ));
    for (cause, index) in causes.iter().zip(30u128..) {
        let word = match cause.key {
            "http" => "http_503".to_owned(),
            "too_large" => "http_413".to_owned(),
            _ => cause.code.clone(),
        };
        deliveries.push(shown(
            delivery(index, DeliveryState::Dead, Some(&word)),
            Vec::new(),
            Vec::new(),
        ));
    }
    let mut homeless = shown(
        delivery(60, DeliveryState::Waiting, None),
        Vec::new(),
        Vec::new(),
    );
    homeless.waits_for_system = true;
    deliveries.push(homeless);
    deliveries.push(shown(
        delivery(61, DeliveryState::Waiting, None),
        Vec::new(),
        Vec::new(),
    ));
    let mut again = delivery(62, DeliveryState::Delivered, None);
    again.resend_of = Some(DeliveryId::from_bits(31));
    deliveries.push(shown(again, Vec::new(), Vec::new()));
    let mut whole = trace(document(1, DocumentKind::Plain, Some(3)), deliveries);
    whole.related = [
        (DocumentKind::Edoc, Some(1)),
        (DocumentKind::Edoc, Some(2)),
        (DocumentKind::Status, None),
        (DocumentKind::Notice, None),
    ]
    .into_iter()
    .map(|(kind, business)| document(2, kind, business))
    .collect();
    whole.original = Some(document(3, DocumentKind::Edoc, Some(0)));
    whole
}

/// A notice of the platform whose content is gone, not sealed yet.
fn erased() -> Trace {
    let mut trace = trace(
        document(1, DocumentKind::Notice, None),
        vec![shown(
            delivery(6, DeliveryState::Delivered, None),
            Vec::new(),
            Vec::new(),
        )],
    );
    trace.erasure = Some(Erasure {
        at: at(90_000),
        by: "platform".to_owned(),
        reason: "retention".to_owned(),
    });
    trace
}

pub(super) fn samples() -> Vec<(&'static str, TracePage)> {
    let view = |zoom, is_troubled_only| View {
        now: at(3_600),
        is_troubled_only,
        zoom,
    };
    let sealed = Some(184_221);
    let mut calm = under_way();
    calm.deliveries.truncate(1);
    vec![
        (
            "under-way",
            TracePage::of(under_way(), sealed, &view("", false)),
        ),
        (
            "everything",
            TracePage::of(everything(), sealed, &view("gio", false)),
        ),
        (
            "only-trouble",
            TracePage::of(everything(), sealed, &view("het", true)),
        ),
        (
            "no-trouble",
            TracePage::of(calm, sealed, &view("phut", true)),
        ),
        (
            "erased",
            TracePage::of(erased(), None, &view("ngay", false)),
        ),
    ]
}
