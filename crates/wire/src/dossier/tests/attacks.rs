//! Hostile bodies: they end in an error, in bounded time, with bounded lists of findings.

use lgsp_base::limits::{DOSSIER_FIELDS_MAX, DOSSIER_LIST_ITEMS_MAX, DOSSIER_VIOLATIONS_MAX};
use serde_json::{Value, json};

use super::kit::*;
use crate::dossier::*;

#[test]
fn findings_are_bounded() {
    let bad = json!({"LoaiDinhDanh": [], "SoDinhDanh": {}});
    let object = with("DinhDanhCHS", vec![bad; DOSSIER_LIST_ITEMS_MAX]);
    assert_eq!(refusal(object).len(), DOSSIER_VIOLATIONS_MAX);
    let odd = json!({"LoaiDinhDanh": 1, "SoDinhDanh": 2});
    let (dossier, habits) = read(with("DinhDanhCHS", vec![odd; DOSSIER_LIST_ITEMS_MAX]));
    assert_eq!(habits.len(), DOSSIER_VIOLATIONS_MAX);
    assert_eq!(dossier.applicant.identities.len(), DOSSIER_LIST_ITEMS_MAX);
}

#[test]
fn names_that_differ_in_letter_case_alone_stay_apart() {
    let mut object = first("DongBoHoSoMC_new");
    object["mahoso"] = json!("x");
    object["MAHOSO"] = json!("y");
    let (dossier, habits) = read(object.clone());
    assert_eq!(habits, []);
    assert_eq!(dossier.to_portal(), object);
}

#[test]
fn a_field_that_is_known_is_not_taken_from_the_unknown_ones() {
    let (mut dossier, _) = read(first("DongBoHoSoMC_new"));
    dossier
        .extra
        .insert("MaHoSo".to_owned(), json!("H99-260312-0001"));
    dossier
        .extra
        .insert("TrangThaiHoSo".to_owned(), json!("10"));
    assert_eq!(dossier.to_portal(), first("DongBoHoSoMC_new"));
    dossier.note = String::new();
    dossier.extra.insert("GhiChu".to_owned(), json!("thêm"));
    // Where the model says unknown, what came stands.
    assert_eq!(dossier.to_portal()["GhiChu"], "thêm");
}

#[test]
fn impossible_times_are_refused_in_every_field() {
    for name in [
        "NgayNopHoSo",
        "NgayTiepNhan",
        "NgayHenTra",
        "NgayTra",
        "NgayKetThucXuLy",
        "NgayTuChoi",
    ] {
        for time in [
            "20260230081500",
            "20261301000000",
            "20260312240000",
            "2026031",
            "abc",
            "0",
            "99999999999999",
        ] {
            assert_eq!(
                refusal(with(name, time)),
                [(format!("data[0].{name}"), "time")],
                "{time}"
            );
        }
        assert_eq!(
            refusal(with(name, -1)),
            [(format!("data[0].{name}"), "time")]
        );
    }
}

#[test]
fn a_model_from_our_own_json_is_held_to_the_same_rules() {
    let (dossier, _) = read(first("DongBoHoSoMC_new"));
    let mut bad = dossier.clone();
    bad.summary = "x".repeat(1_001);
    bad.procedure.name = String::new();
    bad.papers = vec![Paper::default(); DOSSIER_LIST_ITEMS_MAX + 1];
    let places: Vec<String> = bad.check().into_iter().map(|v| v.path).collect();
    assert_eq!(places, ["TenTTHC", "TrichYeuHoSo", "TaiLieuNop"]);
    let mut bad = dossier.clone();
    for index in 0..DOSSIER_FIELDS_MAX {
        bad.extra.insert(format!("x{index}"), Value::Null);
    }
    assert_eq!(bad.check()[0].sentence.word(), "too_many");
    let mut ours = serde_json::to_value(&dossier).expect("JSON");
    ours["statu"] = json!("2");
    assert!(serde_json::from_value::<Dossier>(ours.clone()).is_err());
    ours.as_object_mut().expect("object").remove("statu");
    for (name, value) in [
        ("status", json!(2)),
        ("status", json!("02")),
        ("code", json!("x")),
        ("received_at", json!("20260312")),
    ] {
        let mut bad = ours.clone();
        bad[name] = value;
        assert!(serde_json::from_value::<Dossier>(bad).is_err(), "{name}");
    }
}

#[test]
fn an_object_that_is_wide_costs_little() {
    let wide: Value = (0..100_000)
        .map(|n| (format!("k{n}"), json!("")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(refusal(wide.clone()), [("data[0]".to_owned(), "too_many")]);
    let request =
        json!({"session": "s", "madonvi": "H99", "service": "TraCuuHoSo", "x": wide}).to_string();
    assert!(PortalRequest::read(request.as_bytes()).is_ok());
    assert!(matches!(
        read_reply(wide.to_string().as_bytes(), &ReplyWords::default()),
        Err(ReplyError::NoCode)
    ));
}
