//! The ministries' systems as small foreigners with habits of their own.

use std::sync::Arc;

use lgsp_base::vi::WorkingCalendar;
use lgsp_base::{Actor, Clock};
use lgsp_exchange::dossier::{
    DossierConfig, DossierPush, DossierRef, Dossiers, KeyRing, Purpose, RouteKind,
};
use lgsp_exchange::{ConnectorKind, Door, HandOverOutcome};
use lgsp_registry::model::Protocol;
use serde_json::json;

use super::{CIVIL_FORM, CRIMINAL_FORM};
use crate::connector::fakes::{
    FakeCasework, Foreign, connect, dossier, hand_over, ministries, outbound, steps,
};
use crate::connector::{Connectors, DossierCasework, Message};
use crate::dvcqg::NationalPortal;
use crate::testkit::House;

const PLATFORM: Actor = Actor::Platform { part: "test" };
const CIVIL_OK: (u16, &str) = (200, r#"{"trangThai":1,"moTaTrangThai":"ok","maLoi":null}"#);
const CRIMINAL_OK: (u16, &str) = (200, r#"{"STATUS":"1","DESCRIPTION":"","ID":"LLTP7"}"#);

fn told(outcome: &HandOverOutcome) -> (&'static str, &str) {
    match outcome {
        HandOverOutcome::Confirmed => ("confirmed", ""),
        HandOverOutcome::Refused { cause, .. } => ("refused", cause),
        HandOverOutcome::Unreachable { cause, .. } => ("later", cause),
        HandOverOutcome::Gone => ("gone", ""),
    }
}

#[tokio::test]
async fn every_answer_of_civil_status_has_its_meaning() {
    let house = House::plain("civil-answers").await;
    let foreign = Foreign::default();
    let system = connect(&house, Protocol::CivilStatus, &foreign.listen().await).await;
    let casework = Arc::new(FakeCasework::default());
    let ministries = ministries(&house, casework.clone());
    let item = hand_over(system, ConnectorKind::CivilStatus);
    let say = |message| *casework.message.lock().expect("lock") = Some(message);
    let mut registered = dossier();
    registered.extra.insert(
        CIVIL_FORM.to_owned(),
        json!({"unit": "99131", "module": "LTKS", "record": {
            "nksHoTen": "Phạm Văn Mẫu", "nksGioiTinh": "male", "nksNgaySinh": "2026-03-01"}}),
    );
    say(Message::State(Box::new(registered.clone())));
    let fault = |code: u32, words: &str| {
        json!({"trangThai": 0, "maLoi": code, "moTaLoi": words}).to_string()
    };
    for (status, body, expected) in [
        (200, CIVIL_OK.1.to_owned(), ("confirmed", "")),
        (200, r#"{"status":"1"}"#.to_owned(), ("confirmed", "")),
        (200, "1".to_owned(), ("confirmed", "")),
        (
            200,
            fault(500, "DATA_INCORRECT - hồ sơ đã tồn tại"),
            ("confirmed", ""),
        ),
        (
            200,
            fault(500, "DATA_INCORRECT - Lỗi hệ thống"),
            ("later", "civil_status_500"),
        ),
        (
            200,
            fault(100, "AUTHEN_ERROR"),
            ("later", "civil_status_100"),
        ),
        (
            200,
            fault(101, "IP_DISALLOWED"),
            ("later", "civil_status_101"),
        ),
        (
            200,
            fault(106, "AGENCY_ID_INCORRECT"),
            ("refused", "civil_status_106"),
        ),
        (
            200,
            fault(500, "nksHoTen Phạm Văn Mẫu sai"),
            ("refused", "civil_status_500"),
        ),
        (200, "<html>".to_owned(), ("later", "html")),
        (200, String::new(), ("later", "empty")),
        (200, "{}".to_owned(), ("later", "not_json")),
        (401, "{}".to_owned(), ("later", "http_401")),
        (502, String::new(), ("later", "http_502")),
    ] {
        foreign.will(&[(status, body.as_str())]);
        let outcome = ministries.deliver(&item, ConnectorKind::CivilStatus).await;
        assert_eq!(told(&outcome), expected, "{status} {body}");
        for personal in ["Phạm", "mật khẩu"] {
            assert!(!format!("{outcome:?}").contains(personal), "{outcome:?}");
        }
    }
    let asked = foreign.asked();
    let first = &asked[0];
    assert_eq!(first.path, "/dangKyHoTich");
    assert_eq!(
        first.headers["authorization"].as_bytes(),
        "Bearer mật khẩu".as_bytes()
    );
    assert_eq!(first.text("maDonVi"), "99131");
    assert_eq!(first.text("module"), "LTKS");
    assert_eq!(first.text("ngayTiepNhan"), "12.03.2026");
    let data = first.text("data");
    for part in [
        "<nksGioiTinh>1</nksGioiTinh>",
        "<nksNgaySinh>01.03.2026</nksNgaySinh>",
        "<nycHoTen>Phạm Thị Thử Nghiệm</nycHoTen>",
    ] {
        assert!(data.contains(part), "{data}");
    }
    // What needs no ministry goes nowhere, and what is no form is refused with its place.
    registered.status = "9".parse().expect("a status");
    say(Message::State(Box::new(registered.clone())));
    let outcome = ministries.deliver(&item, ConnectorKind::CivilStatus).await;
    assert_eq!(outcome, HandOverOutcome::Confirmed);
    say(Message::Steps {
        code: registered.code.clone(),
        steps: steps(1),
    });
    let outcome = ministries.deliver(&item, ConnectorKind::CivilStatus).await;
    assert_eq!(outcome, HandOverOutcome::Confirmed);
    registered.status = "2".parse().expect("a status");
    for (form, cause) in [
        (json!("[]"), "form_invalid"),
        (
            json!({"record": {"nksNgaySinh": "hôm qua"}}),
            "form_invalid",
        ),
        (json!({"unknown": 1}), "form_invalid"),
    ] {
        registered.extra.insert(CIVIL_FORM.to_owned(), form);
        say(Message::State(Box::new(registered.clone())));
        let outcome = ministries.deliver(&item, ConnectorKind::CivilStatus).await;
        assert_eq!(told(&outcome), ("refused", cause));
    }
    assert!(foreign.asked().is_empty());
}

#[tokio::test]
async fn every_answer_of_criminal_records_has_its_meaning() {
    let house = House::plain("criminal-answers").await;
    let foreign = Foreign::default();
    let system = connect(&house, Protocol::CriminalRecord, &foreign.listen().await).await;
    let casework = Arc::new(FakeCasework::default());
    let ministries = ministries(&house, casework.clone());
    let item = hand_over(system, ConnectorKind::CriminalRecord);
    let mut handed_in = dossier();
    handed_in.extra.insert(
        CRIMINAL_FORM.to_owned(),
        json!({"declaration": {"gender": "female", "born": "1990"}})
            .to_string()
            .into(),
    );
    *casework.message.lock().expect("lock") = Some(Message::State(Box::new(handed_in)));
    for (status, body, expected) in [
        (200, CRIMINAL_OK.1, ("confirmed", "")),
        (
            200,
            r#"{"STATUS":"-5","DESCRIPTION":"Hồ sơ đã tồn tại"}"#,
            ("confirmed", ""),
        ),
        (
            200,
            r#"{"STATUS":"-99","DESCRIPTION":"Lỗi hệ thống"}"#,
            ("later", "criminal_record_-99"),
        ),
        (
            200,
            r#"{"STATUS":"-2","DESCRIPTION":"Thiếu fullName"}"#,
            ("refused", "criminal_record_-2"),
        ),
        (401, r#"{"STATUS":"-1"}"#, ("later", "http_401")),
        (200, "<html>", ("later", "html")),
        (200, "{}", ("later", "not_json")),
    ] {
        foreign.will(&[(status, body)]);
        let outcome = ministries
            .deliver(&item, ConnectorKind::CriminalRecord)
            .await;
        assert_eq!(told(&outcome), expected, "{status} {body}");
    }
    let asked = foreign.asked();
    let body = &asked[0].body;
    assert_eq!(asked[0].path, "/nhanHoSoDangKy");
    assert_eq!(body["dateReceivedDec"], json!("12/03/2026"));
    assert_eq!(body["idMinistryJustice"], json!("H99"));
    let form = &body["declarationWSForm"];
    assert_eq!(form["fullName"], json!("Phạm Thị Thử Nghiệm"));
    assert_eq!(
        form["genderId"],
        json!(0),
        "another coding than the portal's"
    );
    assert_eq!(form["birthDateStr"], json!("1990"));
    assert!(form.get("requestQty").is_none(), "a gap is no number");
}

#[tokio::test]
async fn states_come_back_once_each_until_the_dossier_is_done() {
    let house = House::plain("ministry-watch").await;
    let keys = KeyRing::create(
        &house.db.folder().join("dossier.key"),
        house.clock.now(),
        house.entropy.as_ref(),
    )
    .expect("keys");
    let dossiers = Dossiers::new(
        house.exchange.clone(),
        keys,
        Arc::new(WorkingCalendar::built_in().clone()),
        DossierConfig::default(),
    );
    let foreign = Foreign::default();
    connect(&house, Protocol::CriminalRecord, &foreign.listen().await).await;
    let routed = dossiers
        .route_add(&PLATFORM, RouteKind::All, "", "H99")
        .await;
    assert!(routed.expect("a route"));
    let casework = Arc::new(DossierCasework::new(
        house.exchange.clone(),
        dossiers.clone(),
        "https://lgsp.example",
    ));
    let ministries = ministries(&house, casework.clone());
    let portal = NationalPortal::new(outbound(), house.registry.clone(), casework);
    let connectors = Arc::new(Connectors::new(portal, ministries.clone()));
    let connected = house.connect("H99.131", Protocol::Rest).await.system;
    let commune = Actor::System {
        system: connected,
        org: house.registry.snapshot().lookup("H99.131").expect("org").id,
    };
    let push = DossierPush::new(commune, Door::Api, dossier());
    dossiers.push(push).await.expect("accepted");
    foreign.will(&[CRIMINAL_OK]);
    let mut worker = house.exchange.worker("node".to_owned(), connectors);
    assert_eq!(worker.step().await.expect("works"), 1);
    assert_eq!(
        ministries.step(&dossiers, "node").await.expect("asked"),
        0,
        "not yet"
    );

    let state = |code: u32| {
        json!({"STATUS": "1", "DEC_STATUS_ID": code.to_string(), "ISSUE_DATE": if code == 5 { "21/11/2026" } else { "" }})
            .to_string()
    };
    let ask = async |answers: &[String]| {
        house.clock.advance(std::time::Duration::from_secs(3_600));
        let answers: Vec<(u16, &str)> = answers.iter().map(|text| (200, text.as_str())).collect();
        foreign.will(&answers);
        ministries.step(&dossiers, "node").await.expect("asked")
    };
    foreign.asked();
    assert_eq!(ask(&["<html>".to_owned()]).await, 1, "a fault is no end");
    assert_eq!(ask(&[state(4)]).await, 1);
    assert_eq!(ask(&[state(4)]).await, 1);
    // Not confirmed there: asked again, told once.
    assert_eq!(ask(&[state(5), "<html>".to_owned()]).await, 1);
    assert_eq!(ask(&[state(5), CRIMINAL_OK.1.to_owned()]).await, 1);
    assert_eq!(ask(&[]).await, 0, "done");
    let paths: Vec<String> = foreign
        .asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    assert_eq!(
        paths.last().map(String::as_str),
        Some("/danhDauHsThanhCong")
    );
    let which = DossierRef::Code(dossier().code);
    let view = dossiers.view(&PLATFORM, &which, Purpose::Support).await;
    let view = view.expect("a view");
    let history: Vec<(&str, &str)> = view
        .steps
        .iter()
        .map(|step| (step.status.code(), step.org.code.as_str()))
        .collect();
    assert_eq!(history, [("2", "H99.131"), ("4", "H99"), ("9", "H99")]);
    drop((ministries, dossiers));
    tokio::task::spawn_blocking(move || drop(house))
        .await
        .expect("closed");
}
