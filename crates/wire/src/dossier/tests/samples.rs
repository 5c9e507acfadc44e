//! The samples: read, typed, and written back with the same meaning; the same things in other producers' habits.

use lgsp_base::{Lang, Timestamp};
use serde_json::{Value, json};

use super::kit::*;
use crate::dossier::codec::{BoolForm, DateForm};
use crate::dossier::*;

#[test]
fn what_was_read_is_written_with_the_same_meaning() {
    for name in ["DongBoHoSoMC_new", "DongBoHoSoMC_result_returned"] {
        let (dossier, habits) = read(first(name));
        assert_eq!(habits, [], "{name}");
        assert_eq!(dossier.to_portal(), first(name), "{name}");
        assert_eq!(dossier.check(), []);
        let ours = serde_json::to_value(&dossier).expect("JSON");
        assert_eq!(
            serde_json::from_value::<Dossier>(ours).expect("ours"),
            dossier
        );
    }
    let item = ProgressStep::from_portal(first("CapNhatTienDoHoSoMC"), "data[0]");
    assert_eq!(item.tolerances, []);
    let step = item.result.expect("a step");
    assert_eq!(step.to_portal(), first("CapNhatTienDoHoSoMC"));
    assert_eq!(step.check(), []);
    let ours = serde_json::to_value(&step).expect("JSON");
    assert_eq!(
        serde_json::from_value::<ProgressStep>(ours).expect("ours"),
        step
    );
}

#[test]
fn the_new_dossier_in_full() {
    let (dossier, _) = read(first("DongBoHoSoMC_new"));
    assert_eq!(dossier.code.as_str(), "H99.131-260312-0042");
    assert_eq!(dossier.procedure.code.as_str(), "9.000001");
    assert_eq!(dossier.sector.code, "G99-LV01");
    assert_eq!(dossier.status, DossierStatus::Received);
    assert_eq!(dossier.channel, Some(Channel::Online));
    assert_eq!(dossier.applicant.kind, Some(SubjectKind::Citizen));
    let [identity] = dossier.applicant.identities.as_slice() else {
        panic!("one identity")
    };
    assert_eq!(identity.kind, Some(IdentityKind::CitizenCard));
    assert!(identity.is_well_formed());
    assert_eq!(
        dossier.received_at,
        Timestamp::parse("2026-03-12T01:15:00Z")
    );
    assert_eq!(dossier.returned_at, None);
    assert_eq!(dossier.return_form, Some(ReturnForm::Counter));
    assert_eq!(dossier.papers[0].is_deleted, Some(false));
    assert_eq!(dossier.fees[0].amount, Some(8_000));
    assert_eq!(dossier.databases[0].code, "CSDL-DANCU");
    let ours = serde_json::to_value(&dossier).expect("JSON");
    assert_eq!(ours["status"], "2");
    assert_eq!(ours["channel"], "online");
    assert_eq!(ours["received_at"], "2026-03-12T01:15:00.000000Z");
    assert_eq!(ours.get("extra"), None);
}

#[test]
fn habits_of_producers_are_looked_past_and_told() {
    let at = |name: &str| format!("data[0].{name}");
    for (name, value, habit) in [
        ("TrangThaiHoSo", json!(2), Habit::Number),
        ("TrangThaiHoSo", json!("02"), Habit::Spelling),
        ("MaHoSo", json!("h99.131 - 260312-0042"), Habit::Spelling),
        ("MaTTHC", json!(" 9.000001"), Habit::Spelling),
        (
            "NgayTiepNhan",
            json!("12/03/2026 08:15:00"),
            Habit::Date(DateForm::DayFirstTime),
        ),
        (
            "NgayTiepNhan",
            json!("2026-03-12T08:15:00+07:00"),
            Habit::Date(DateForm::Rfc3339),
        ),
        ("NgayTra", Value::Null, Habit::Null),
        ("TaiLieuNop", Value::Null, Habit::Null),
        ("TaiLieuNop", json!(""), Habit::List),
        (
            "HoSoCoThanhPhanSoHoa",
            json!("True"),
            Habit::Bool(BoolForm::Word),
        ),
        ("GhiChu", json!(true), Habit::Boolean),
    ] {
        let (dossier, habits) = read(with(name, value.clone()));
        assert_eq!(habits, [(at(name), habit)], "{name} {value}");
        let (again, habits) = read(dossier.to_portal());
        assert_eq!(
            (again, habits.as_slice()),
            (dossier, &[][..]),
            "{name} {value}"
        );
    }
    let (dossier, habits) = read(with("HoSoCoThanhPhanSoHoa", true));
    assert_eq!(dossier.has_digitised_papers, Some(true));
    assert_eq!(habits.len(), 2);
    let paper = json!({"TenTepDinhKem": "a.pdf", "IsDeleted": "0"});
    let (dossier, habits) = read(with("TaiLieuNop", paper));
    assert_eq!(dossier.papers[0].is_deleted, Some(false));
    assert_eq!(
        habits,
        [
            (at("TaiLieuNop"), Habit::List),
            (at("TaiLieuNop[0].IsDeleted"), Habit::Bool(BoolForm::Digit)),
        ]
    );
}

#[test]
fn what_is_not_known_is_kept() {
    let mut object = with("KenhThucHien", "9");
    object["SoTrang"] = json!({"a": [1, null]});
    object["DSKetNoiCSDL"][0]["Moi"] = json!("x");
    let (dossier, habits) = read(object.clone());
    assert_eq!(dossier.channel, None);
    assert_eq!(
        habits,
        [("data[0].KenhThucHien".to_owned(), Habit::UnknownCode)]
    );
    assert_eq!(dossier.to_portal(), object);
    let ours = serde_json::to_value(&dossier).expect("JSON");
    let dossier: Dossier = serde_json::from_value(ours).expect("ours");
    assert_eq!(dossier.to_portal(), object);
}

#[test]
fn letter_case_of_names_is_looked_past() {
    let mut object = first("DongBoHoSoMC_new");
    let status = object
        .as_object_mut()
        .expect("object")
        .remove("TrangThaiHoSo");
    object["trangthaihoso"] = status.expect("status");
    let (dossier, habits) = read(object);
    assert_eq!(
        habits,
        [("data[0].TrangThaiHoSo".to_owned(), Habit::LetterCase)]
    );
    assert_eq!(dossier.to_portal(), first("DongBoHoSoMC_new"));
}

#[test]
fn the_older_identity_field_becomes_an_identity() {
    let mut object = with("SoGiayToChuHoSo", "000000001");
    let (dossier, habits) = read(object.clone());
    assert_eq!(
        habits,
        [("data[0].SoGiayToChuHoSo".to_owned(), Habit::OlderField)]
    );
    assert_eq!(
        dossier.applicant.identities[1].kind,
        Some(IdentityKind::OldCard)
    );
    object["DinhDanhCHS"] = json!([]);
    object["SoGiayToChuHoSo"] = json!("000000000000");
    let (dossier, _) = read(object);
    assert_eq!(dossier.to_portal(), first("DongBoHoSoMC_new"));
}

#[test]
fn every_broken_rule_is_named_with_its_place() {
    let mut object = with("NgayTiepNhan", "20260230081500");
    object["MaHoSo"] = json!("H99.131-260230-0042");
    object["MaTTHC"] = json!("x");
    object["TenTTHC"] = json!(" ");
    object["TrangThaiHoSo"] = json!("11");
    object["TrichYeuHoSo"] = json!("x".repeat(1_001));
    object["GhiChu"] = json!([]);
    object["Email"] = json!("\0");
    object["TaiLieuNop"] = json!([{}, 7, {"TenTepDinhKem": {}}]);
    object["DanhSachLePhi"] = json!(1);
    object.as_object_mut().expect("object").remove("DonViXuLy");
    let expected = [
        ("MaHoSo", "form"),
        ("MaTTHC", "form"),
        ("TenTTHC", "required"),
        ("TrangThaiHoSo", "value"),
        ("Email", "value"),
        ("TrichYeuHoSo", "too_long"),
        ("NgayTiepNhan", "time"),
        ("DonViXuLy", "required"),
        ("GhiChu", "form"),
        ("TaiLieuNop[1]", "form"),
        ("TaiLieuNop[2].TenTepDinhKem", "form"),
        ("DanhSachLePhi", "form"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(n, r)| (format!("data[0].{n}"), *r))
        .collect();
    assert_eq!(refusal(object.clone()), expected);
    let item = Dossier::from_portal(object, "data[0]");
    assert_eq!(item.key, "H99.131-260230-0042");
    let problem = item.into_result().expect_err("refused").to_problem();
    assert_eq!(problem.code(), "input.invalid");
    assert_eq!(
        problem.fields[6].message_in(Lang::Vi),
        "Không phải thời điểm có thật theo dạng yyyyMMddHHmmss"
    );
}

#[test]
fn a_number_that_lost_digits_is_no_text() {
    let body = first("DongBoHoSoMC_new").to_string();
    for (digits, is_taken) in [
        ("18446744073709551615", true),
        ("184467440737095516150", false),
        ("1e17", false),
        ("0.5", true),
    ] {
        let body = body.replace("\"MaDoiTuong\":\"\"", &format!("\"MaDoiTuong\":{digits}"));
        let batch = read_dossiers(format!("[{body}]").as_bytes()).expect("a batch");
        let tech_id = batch.items[0]
            .result
            .as_ref()
            .map(|d| d.applicant.tech_id.as_str());
        assert_eq!(tech_id.ok(), is_taken.then_some(digits));
    }
}

#[test]
fn reception_is_asked_for_where_there_was_one() {
    for status in DossierStatus::ALL {
        let mut object = with("NgayTiepNhan", "");
        object["TrangThaiHoSo"] = status.code().into();
        let is_missing = Dossier::from_portal(object, "").result.is_err();
        assert_eq!(
            is_missing,
            matches!(status.code(), "2" | "4" | "8" | "9" | "10"),
            "{status}"
        );
    }
}

#[test]
fn lists_and_objects_are_bounded() {
    let many = vec![json!({}); 201];
    assert_eq!(
        refusal(with("TaiLieuNop", many)),
        [("data[0].TaiLieuNop".to_owned(), "too_many")]
    );
    let mut object = first("DongBoHoSoMC_new");
    for index in 0..129 {
        object[format!("x{index}")] = json!("");
    }
    assert_eq!(refusal(object), [("data[0]".to_owned(), "too_many")]);
    assert_eq!(refusal(json!([])), [("data[0]".to_owned(), "form")]);
}

#[test]
fn a_wrong_item_does_not_take_the_others_with_it() {
    let good = first("DongBoHoSoMC_new");
    let body = format!("\u{feff}[{good},{{\"MaHoSo\":\"x\"}},{good}]");
    let batch = read_dossiers(body.as_bytes()).expect("a batch");
    let is_good: Vec<bool> = batch.items.iter().map(|item| item.result.is_ok()).collect();
    assert_eq!(is_good, [true, false, true]);
    assert_eq!(batch.items[1].key, "x");
    let wrong = batch.items[1].result.as_ref().expect_err("refused");
    assert!(wrong.iter().all(|v| v.path.starts_with("data[1].")));
    assert_eq!(batch.tolerances[0].habit, Habit::ByteOrderMark);
    let dossiers = [read(good).0];
    let again = read_dossiers(&write_dossiers(&dossiers)).expect("a batch");
    assert_eq!(again.items[0].result.as_ref(), Ok(&dossiers[0]));
}

#[test]
fn bodies_that_are_no_batch() {
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let bomb = "[".repeat(100_000);
    let values = format!("[{}0]", "0,".repeat(200_000));
    let many = format!("[{}{{}}]", "{},".repeat(200));
    let large = " ".repeat(8 * 1024 * 1024 + 1);
    for (body, code) in [
        ("", "input.json"),
        ("<html>", "input.json"),
        ("[{}", "input.json"),
        ("[] []", "input.json"),
        (r#"[{"MaHoSo":"a","MaHoSo":"b"}]"#, "input.json"),
        (r#"[{"a":1e999}]"#, "input.json"),
        (&deep, "input.json"),
        (&bomb, "input.json"),
        (&values, "input.json"),
        ("7", "input.invalid"),
        (&many, "input.invalid"),
        (&large, "input.too_large"),
    ] {
        let error = read_dossiers(body.as_bytes()).expect_err("refused");
        assert_eq!(
            error.to_problem().code(),
            code,
            "{}",
            &body[..body.len().min(40)]
        );
    }
    assert_eq!(read_progress(b"[]").expect("a batch").items, []);
}
