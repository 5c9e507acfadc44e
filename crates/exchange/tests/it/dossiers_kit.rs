//! Fictional dossiers, and the ways in which tests push them.

use lgsp_base::planted::Planted;
use lgsp_base::{Actor, Timestamp};
use lgsp_exchange::Door;
use lgsp_exchange::dossier::{
    DossierAccepted, DossierError, DossierPush, DossierRef, ProgressPush, Purpose, RouteKind,
};
use lgsp_wire::dossier::{
    Applicant, Dossier, DossierStatus, Identity, IdentityKind, ProcedureRef, ProgressStep, Sector,
};

use crate::history::stores;
use crate::world::{World, actor, code, operator};

/// A fictional person's number.
pub(crate) const CITIZEN: &str = "001099012345";

/// A code of organisation `of`.
pub(crate) fn dossier_code(of: u8, number: u32) -> lgsp_wire::dossier::DossierCode {
    format!("H99.{of}-260309-{number:04}")
        .parse()
        .expect("a code")
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-{text}:00+07:00")).expect("a time")
}

/// A dossier of organisation `of`, received on Monday and due on Friday.
pub(crate) fn dossier(of: u8, number: u32, status: DossierStatus) -> Dossier {
    Dossier {
        code: dossier_code(of, number),
        procedure: ProcedureRef {
            code: "2.000488".parse().expect("a code"),
            name: "Cấp bản sao trích lục hộ tịch".to_owned(),
        },
        sector: Sector {
            code: "G15-TP02".to_owned(),
            name: "Hộ tịch".to_owned(),
        },
        status,
        channel: None,
        receipt_number: "BN-260309-0417".to_owned(),
        applicant: Applicant {
            name: "Nguyễn Văn Thử".to_owned(),
            identities: vec![Identity {
                kind: Some(IdentityKind::CitizenCard),
                number: CITIZEN.to_owned(),
                extra: Default::default(),
            }],
            phone: "0900000321".to_owned(),
            ..Applicant::default()
        },
        summary: "Trích lục khai sinh của Nguyễn Văn Thử".to_owned(),
        submitted_at: Some(at("03-09T01:00")),
        received_at: Some(at("03-09T02:00")),
        due_at: Some(at("03-13T17:00")),
        returned_at: None,
        return_note: String::new(),
        return_form: None,
        finished_at: None,
        rejected_at: None,
        handling_unit: "UBND xã Thử".to_owned(),
        note: String::new(),
        submission_place: None,
        has_digitised_papers: None,
        is_account_verified: None,
        online_payment: None,
        papers: Vec::new(),
        fees: Vec::new(),
        other_papers: Vec::new(),
        supplements: Vec::new(),
        results: Vec::new(),
        databases: Vec::new(),
        extra: Default::default(),
    }
}

pub(crate) fn step(of: u8, number: u32, status: DossierStatus, when: &str) -> ProgressStep {
    ProgressStep {
        code: dossier_code(of, number),
        status,
        handler: "Trần Thị Xử".to_owned(),
        position: "Chuyên viên".to_owned(),
        handled_at: Some(at(when)),
        department: "Phòng Tư pháp".to_owned(),
        content: "Đã thẩm định hồ sơ của Nguyễn Văn Thử".to_owned(),
        started_at: None,
        due_at: None,
        extra: Default::default(),
    }
}

pub(crate) fn push(from: u8, dossier: Dossier, key: Option<&str>) -> DossierPush {
    DossierPush {
        idempotency_key: key.map(str::to_owned),
        ..DossierPush::new(actor(from), Door::Api, dossier)
    }
}

pub(crate) fn progress(from: u8, number: u32, steps: Vec<ProgressStep>) -> ProgressPush {
    ProgressPush {
        actor: actor(from),
        door: Door::Api,
        agency: None,
        code: dossier_code(0, number),
        steps,
        idempotency_key: None,
    }
}

impl World {
    pub(crate) async fn pushes(
        &self,
        from: u8,
        dossier: Dossier,
    ) -> Result<DossierAccepted, DossierError> {
        self.dossiers.push(push(from, dossier, None)).await
    }

    pub(crate) async fn route(&self, kind: RouteKind, value: &str, to: u8) {
        self.dossiers
            .route_add(&operator(), kind, value, &code(to))
            .await
            .expect("a route");
    }

    pub(crate) async fn status(&self, number: u32) -> DossierStatus {
        let which = DossierRef::Code(dossier_code(0, number));
        let platform = Actor::Platform { part: "test" };
        let view = self
            .dossiers
            .view(&platform, &which, Purpose::Support)
            .await;
        view.expect("a view").status
    }
}

/// Every store, with two routes: organisation 2 follows every dossier, 1 those of the procedure.
pub(crate) async fn each_world(name: &str, mut test: impl AsyncFnMut(&World)) {
    for store in stores(name) {
        let world = World::with(store, 7, Planted::NONE);
        world.route(RouteKind::All, "", 2).await;
        world.route(RouteKind::Procedure, "2.000488", 1).await;
        test(&world).await;
    }
}
