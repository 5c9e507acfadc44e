//! The simulated platforms read with eyes of their own; here they meet the codecs that the platform uses, and the samples of the field.

use std::sync::Arc;

use hyper::header::HeaderMap;
use lgsp_base::entropy::SeededEntropy;
use lgsp_base::time::ManualClock;
use lgsp_base::{Clock, Secret, Timestamp};
use lgsp_wire::dossier::civil_status::{CivilDossierQuery, CivilRegistration, CivilStatusReply};
use lgsp_wire::dossier::criminal_record::{
    CriminalRecordQuery, CriminalRecordReply, CriminalRecordRequest, Declaration,
};
use lgsp_wire::dossier::forms::{CIVIL_STATUS, CRIMINAL_RECORD, Gender};
use lgsp_wire::dossier::{
    Dossier, LoginRequest, PortalRequest, PortalService, Procedure, ProcedureRow, ProgressStep,
    Reply, ReplyOutcome, ReplyWords, read_reply,
};
use serde_json::Value;

use crate::platform::Asked;
use crate::{CivilStatus, CriminalRecord, Platform, Portal, PortalConfig, meaning};

const NEW: &[u8] = include_bytes!("../../wire/fixtures/dossier_DongBoHoSoMC_new.json");
const STEP: &[u8] = include_bytes!("../../wire/fixtures/dossier_CapNhatTienDoHoSoMC.json");
const RETURNED: &[u8] =
    include_bytes!("../../wire/fixtures/dossier_DongBoHoSoMC_result_returned.json");
const CODE: &str = "H99.131-260312-0042";

fn clock() -> Arc<dyn Clock> {
    let now = Timestamp::from_edxml("2026/03/12 09:16:02").expect("valid");
    Arc::new(ManualClock::new(now))
}

fn ask(
    platform: &dyn Platform,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let mut fields = HeaderMap::new();
    for (name, value) in headers {
        fields.insert(*name, value.parse().expect("a header"));
    }
    let said = platform.answer(&Asked {
        method: hyper::Method::POST,
        path: path.to_owned(),
        query: String::new(),
        headers: fields,
        body: body.to_vec().into(),
    });
    said.body.to_vec()
}

struct Client {
    portal: Portal,
    session: Secret<String>,
}

impl Client {
    fn new() -> Self {
        let config = PortalConfig::new("binhan", "bí mật");
        let portal = Portal::new(config, clock(), Arc::new(SeededEntropy::new(1)));
        let login = LoginRequest {
            username: "binhan".to_owned(),
            password: Secret::new("bí mật".to_owned()),
        };
        let answer = post(
            &portal,
            &portal.config().auth_path.clone(),
            &login.to_bytes(),
        );
        let session = answer.session.expect("a session");
        Self { portal, session }
    }

    fn send(&self, body: &[u8]) -> Reply {
        post(
            &self.portal,
            &self.portal.config().service_path.clone(),
            body,
        )
    }

    fn request(&self, request: &PortalRequest) -> Reply {
        self.send(&request.to_bytes())
    }

    fn of_service(&self, service: PortalService) -> PortalRequest {
        PortalRequest::new(self.session.clone(), "H99", service)
    }

    /// A sample of the field with our session in it.
    fn sample(&self, bytes: &[u8]) -> Value {
        let mut sample: Value = serde_json::from_slice(bytes).expect("JSON");
        sample["session"] = self.session.expose().as_str().into();
        sample
    }
}

fn post(portal: &Portal, path: &str, body: &[u8]) -> Reply {
    let destination = lgsp_wire::dossier::DESTINATION;
    let answer = ask(portal, path, &[("dstcode", destination)], body);
    read_reply(&answer, &ReplyWords::default()).expect("an answer")
}

fn item(sample: &Value) -> Value {
    sample["data"][0].clone()
}

#[test]
fn the_samples_are_taken_and_stay_as_they_came() {
    let client = Client::new();
    let (new, step, returned) = (
        client.sample(NEW),
        client.sample(STEP),
        client.sample(RETURNED),
    );
    for sample in [&new, &step, &returned] {
        let reply = client.send(sample.to_string().as_bytes());
        assert_eq!(reply.outcome, ReplyOutcome::Ok, "{}", reply.message);
    }
    let kept = client.portal.remembered(CODE);
    assert_eq!(kept.steps, [item(&step)]);
    assert_eq!(
        Value::Object(kept.records[0].object.clone()),
        item(&returned)
    );
}

#[test]
fn a_dossier_through_the_codec_means_the_same() {
    let client = Client::new();
    let returned = item(&client.sample(RETURNED));
    let read = Dossier::from_portal(returned.clone(), "");
    let dossier = read.result.expect("a dossier");
    let push = |is_updating| {
        PortalRequest::sync_dossiers(
            client.session.clone(),
            "H99",
            is_updating,
            std::slice::from_ref(&dossier),
        )
    };
    assert_eq!(client.request(&push(true)).outcome, ReplyOutcome::Refused);
    assert_eq!(client.request(&push(false)).outcome, ReplyOutcome::Ok);
    assert_eq!(
        client.request(&push(false)).outcome,
        ReplyOutcome::AlreadyExists
    );
    assert_eq!(client.request(&push(true)).outcome, ReplyOutcome::Ok);
    let kept = client.portal.remembered(CODE);
    let sent = returned.as_object().expect("an object");
    assert_eq!(meaning(&kept.records[0].object), meaning(sent));

    let find = PortalRequest::find_dossier(client.session.clone(), "H99", &dossier.code);
    let found = client.request(&find).dossiers().expect("dossiers");
    assert_eq!(found.items[0].result.as_ref().expect("a dossier"), &dossier);

    let step = ProgressStep::from_portal(item(&client.sample(STEP)), "");
    let step = step.result.expect("a step");
    let steps = PortalRequest::sync_progress(client.session.clone(), "H99", false, &[step]);
    assert_eq!(client.request(&steps).outcome, ReplyOutcome::Ok);

    client.portal.end_sessions();
    assert_eq!(
        client.request(&push(true)).outcome,
        ReplyOutcome::SessionLost
    );
}

#[test]
fn procedures_and_catalogues_are_understood() {
    let client = Client::new();
    let listed = client.request(&client.of_service(PortalService::Procedures));
    let rows = ProcedureRow::of_reply(&listed);
    assert_eq!(rows.len(), client.portal.config().procedures.len());
    for row in rows {
        let row = row.result.expect("a row");
        let asked = PortalRequest::procedure(client.session.clone(), "H99", &row.code);
        let whole = Procedure::of_reply(&client.request(&asked)).expect("a record");
        assert_eq!(whole.tolerances, []);
        assert_eq!(whole.result.expect("readable").code, row.code);
    }
    for service in PortalService::ALL.iter().filter(|one| one.is_catalogue()) {
        let reply = client.request(&client.of_service(*service));
        assert_eq!(reply.outcome, ReplyOutcome::Ok, "{}", service.name());
        assert_eq!(
            reply.rows().is_empty(),
            *service == PortalService::Districts
        );
    }
}

#[test]
fn civil_status_understands_the_codec_and_is_understood() {
    let system = CivilStatus::new(CivilStatus::config("t"), clock());
    let call = |operation: &str, body: &[u8]| {
        let path = format!("/apiHoTichTuPhap/{operation}");
        let answer = ask(&system, &path, &[("authorization", "Bearer t")], body);
        CivilStatusReply::read(&answer).expect("an answer")
    };
    let registration = CivilRegistration {
        unit: "99131".to_owned(),
        module: "KS".to_owned(),
        code: CODE.to_owned(),
        received_at: Timestamp::from_civil_date("2026-03-12"),
        data: "<hotich><hoso><nksGioiTinh>2</nksGioiTinh></hoso></hotich>".to_owned(),
        ..CivilRegistration::default()
    };
    let taken = call("dangKyHoTich", &registration.to_bytes());
    assert!(taken.is_success(&CIVIL_STATUS), "{taken:?}");
    let again = call("dangKyHoTich", &registration.to_bytes());
    assert_eq!((again.state.as_str(), again.fault.as_str()), ("0", "500"));
    let query = CivilDossierQuery {
        unit: "99131".to_owned(),
        code: CODE.to_owned(),
        ..CivilDossierQuery::default()
    };
    let states: Vec<String> = (0..4)
        .map(|_| call("traTrangThaiHoSo", &query.to_bytes()).state)
        .collect();
    assert_eq!(states, ["1", "3", "3", "4"]);
    let result = call("ketQuaDangKyHS", &query.to_bytes());
    assert_eq!(result.rows().len(), 1, "{result:?}");
}

#[test]
fn criminal_records_understand_the_codec_and_are_understood() {
    let system = CriminalRecord::new(CriminalRecord::config("t"), clock());
    let call = |operation: &str, body: &[u8]| {
        let path = format!("/apiLyLichTuPhap/{operation}");
        let answer = ask(&system, &path, &[("authorization", "Bearer t")], body);
        let read = CriminalRecordReply::read(&answer).expect("an answer");
        read.result.expect("understood")
    };
    let request = CriminalRecordRequest {
        unit: "99".to_owned(),
        code: CODE.to_owned(),
        received_at: Timestamp::from_civil_date("2026-03-12"),
        declaration: Declaration {
            name: "Phạm Thị Thử Nghiệm".to_owned(),
            gender: Some(Gender::Female),
            born: "1990".parse().ok(),
            declared_at: Timestamp::from_civil_date("2026-03-12"),
            ..Declaration::default()
        },
        ..CriminalRecordRequest::default()
    };
    let taken = call("nhanHoSoDangKy", &request.to_bytes());
    assert!(taken.is_success(&CRIMINAL_RECORD), "{}", taken.description);
    assert!(!taken.id.is_empty());
    let query = CriminalRecordQuery {
        code: CODE.to_owned(),
        kind: "2".to_owned(),
        ..CriminalRecordQuery::default()
    };
    let mut last = call("traTrangThaiHs", &query.to_bytes());
    for _ in 0..4 {
        last = call("traTrangThaiHs", &query.to_bytes());
    }
    assert_eq!(last.issued_at, Timestamp::from_civil_date("2026-03-12"));
    let listed = call("traDsTrangThaiHs", b"{\"infoType\":\"2\"}");
    assert_eq!(listed.states[0].receipt_number, CODE);
}
