//! The systems around: ministries, letters, the exchange over REST, notices and the national store of results.

use lgsp_base::Timestamp;
use serde_json::{Value, json};

use super::kit::*;
use crate::dossier::civil_status::*;
use crate::dossier::criminal_record::*;
use crate::dossier::forms::{CIVIL_STATUS, CRIMINAL_RECORD, ForeignForms, Gender, REST_EXCHANGE};
use crate::dossier::rest_exchange::*;
use crate::dossier::*;
use crate::edxml;

fn tree(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn midnight(day: &str) -> Option<Timestamp> {
    Timestamp::from_civil_date(day)
}

#[test]
fn a_civil_registration() {
    let record = CivilRecord(
        [
            ("so", "17"),
            ("nksHoTen", "Phạm Thử <& Nghiệm>"),
            ("nksNgaySinh", "01.02.2026"),
            ("meHoTen", ""),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into(),
    );
    let xml = CivilRecord::to_xml(std::slice::from_ref(&record)).expect("XML");
    assert_eq!(
        xml,
        "<hotich><hoso><nksHoTen>Phạm Thử &lt;&amp; Nghiệm&gt;</nksHoTen><nksNgaySinh>01.02.2026</nksNgaySinh>\
         <so>17</so></hoso></hotich>"
    );
    let registration = CivilRegistration {
        unit: "99131".to_owned(),
        module: "LTKS".to_owned(),
        code: "H99.131-260312-0042".to_owned(),
        received_at: midnight("2026-03-12"),
        data: xml.clone(),
        ..CivilRegistration::default()
    };
    let bytes = registration.to_bytes();
    assert_eq!(tree(&bytes)["ngayTiepNhan"], "12.03.2026");
    let item = CivilRegistration::read(&bytes).expect("a body");
    assert_eq!(item.tolerances, []);
    assert_eq!(item.result.expect("a registration"), registration);
    let other = ForeignForms {
        day: codec::DateForm::DayFirstDate,
        ..CIVIL_STATUS.clone()
    };
    assert_eq!(
        tree(&registration.to_bytes_in(&other))["ngayTiepNhan"],
        "12/03/2026"
    );

    let read = CivilRecord::read(&xml).expect("records");
    assert_eq!(read[0].get("nksHoTen"), "Phạm Thử <& Nghiệm>");
    assert_eq!(read[0].get("meHoTen"), "");
    assert_eq!(
        CivilRecord::read(&record.to_json()).expect("records"),
        [record]
    );
    let wrapped = r#"{"hotich":{"hoso":[{"so":17},{"so":null}]}}"#;
    assert_eq!(CivilRecord::read(wrapped).expect("records").len(), 2);
    let loose = "\u{feff}<?xml version=\"1.0\"?>\n<HoTich>\n <!-- --><hoso><so> 17 </so><ten/></hoso> </HoTich>";
    let read = CivilRecord::read(loose).expect("records");
    assert_eq!((read[0].get("so"), read[0].0.len()), (" 17 ", 2));
    for bad in [
        "",
        "x",
        "7",
        "[7]",
        r#"{"a":{}}"#,
        "<hotich><hoso>",
        "<hotich><hoso><a><b/></a></hoso></hotich>",
        "<hotich><hoso><a/><a/></hoso></hotich>",
        "<x/>",
        "<hotich><x/></hotich>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><hotich/>",
        "<hotich><hoso><a>&a;</a></hoso></hotich>",
    ] {
        assert!(CivilRecord::read(bad).is_err(), "{bad}");
    }
    for bad in [("<a", "x"), ("1", "x"), ("", "x"), ("a", "\0")] {
        let record = CivilRecord([(bad.0.to_owned(), bad.1.to_owned())].into());
        assert!(CivilRecord::to_xml(&[record]).is_err(), "{bad:?}");
    }
}

#[test]
fn answers_of_civil_status() {
    for (body, state, status) in [
        (r#"{"status":1}"#, "1", Some(DossierStatus::Received)),
        (
            r#"{"trangThai":"2","moTa":"Thiếu giấy chứng sinh"}"#,
            "2",
            Some(DossierStatus::SupplementAsked),
        ),
        ("3", "3", Some(DossierStatus::Processing)),
        (r#""4""#, "4", Some(DossierStatus::Finished)),
        (r#"{"status":"0","errorCode":"201"}"#, "0", None),
    ] {
        let reply = CivilStatusReply::read(body.as_bytes()).expect(body);
        assert_eq!(reply.state, state);
        assert_eq!(
            reply
                .dossier_state()
                .and_then(CivilStatusState::dossier_status),
            status
        );
        let again = CivilStatusReply::read(&reply.to_bytes()).expect("an answer");
        assert_eq!(again, reply);
    }
    let reply = CivilStatusReply::read(br#"{"status":"0","errorCode":200,"errorDescription":"x"}"#);
    let reply = reply.expect("an answer");
    assert_eq!(reply.known_fault(), Some(CivilStatusFault::NotFinished));
    assert!(
        reply
            .known_fault()
            .is_some_and(CivilStatusFault::is_temporary)
    );
    assert!(!reply.is_success(&CIVIL_STATUS));
    let folded = r#"{"status":"1","value":"[{\"id\":\"5\",\"maDonVi\":\"99131\"}]"}"#;
    let reply = CivilStatusReply::read(folded.as_bytes()).expect("an answer");
    assert!(reply.is_success(&CIVIL_STATUS));
    assert_eq!(reply.rows()[0]["id"], "5");
    for bad in ["{}", "[]", "null", "<html>"] {
        assert!(CivilStatusReply::read(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn a_criminal_record_request() {
    let body = json!({
        "idMinistryJustice": "99", "idReceivedDec": "H99.14-260312-0007", "dateReceivedDec": "12/03/2026",
        "datePromissoryDec": "", "idMoneyReceipt": "",
        "declarationWSForm": {
            "fullName": "Phạm Thị Thử Nghiệm", "genderId": 0, "birthDateStr": "08/1989", "birthPlace": "",
            "nationalityId": 1, "residence": "", "idTypeId": 3, "identifyNo": "000000000000", "idIssueDate": "01/01/2021",
            "idIssuePlace": "", "phone": "0000000000", "email": "", "declareDate": "11/03/2026", "declareTypeId": 3846,
            "requestQty": 1, "objectRequestId": 72, "formType": 1, "purpose": "", "receiveNo": "", "delivery": 1,
        },
        "residenceWSForm": [{"fromDateStr": "2010", "toDateStr": "03/2026", "residencePlace": "Phú Mẫu", "jobName": "", "workPlace": ""}],
    });
    let item = CriminalRecordRequest::read(body.to_string().as_bytes()).expect("a body");
    assert_eq!(item.tolerances, []);
    let request = item.result.expect("a request");
    assert_eq!(request.declaration.gender, Some(Gender::Female));
    let born = request.declaration.born.expect("a birth date");
    assert_eq!(
        (born.year(), born.month(), born.day()),
        (1989, Some(8), None)
    );
    assert_eq!(
        request.declaration.identity_kind,
        Some(CriminalRecordIdentity::CitizenCard)
    );
    assert_eq!(request.received_at, midnight("2026-03-12"));
    assert_eq!(request.declaration.extra["delivery"], 1);
    assert_eq!(tree(&request.to_bytes()), body);

    let wrong = json!({"idMinistryJustice": "99", "idReceivedDec": "1", "dateReceivedDec": "30/02/2026",
        "residenceWSForm": [{"fromDateStr": "13/2010", "toDateStr": "2011", "residencePlace": "x"}]});
    let item = CriminalRecordRequest::read(wrong.to_string().as_bytes()).expect("a body");
    let places: Vec<_> = item
        .result
        .expect_err("refused")
        .into_iter()
        .map(|v| v.path)
        .collect();
    assert_eq!(
        places,
        [
            "dateReceivedDec",
            "declarationWSForm",
            "residenceWSForm[0].fromDateStr"
        ]
    );
}

#[test]
fn answers_of_criminal_records() {
    let body = json!({"STATUS": 1, "DESCRIPTION": null, "LISTCONTENT": [
        {"DECLARATION_ID": "a1", "DEC_STATUS_ID": 5, "ISSUE_DATE": "12/03/2026", "RECEIVE_NO": "H99.14-260312-0007"},
        {"DECLARATION_ID": "a2", "DEC_STATUS_ID": 9},
    ]});
    let item = CriminalRecordReply::read(body.to_string().as_bytes()).expect("a body");
    let reply = item.result.expect("an answer");
    assert!(reply.is_success(&CRIMINAL_RECORD));
    let state = reply.states[0].state.expect("a state");
    assert_eq!(state.dossier_status(), DossierStatus::Finished);
    assert_eq!(reply.states[0].issued_at, midnight("2026-03-12"));
    assert_eq!(
        (
            reply.states[1].state,
            &reply.states[1].extra["DEC_STATUS_ID"]
        ),
        (None, &json!("9"))
    );
    let ids = ["a1".to_owned(), "a;b".to_owned(), "a2".to_owned()];
    let confirmation = CriminalRecordConfirmation::of(&ids, "2");
    assert_eq!(confirmation.ids, "a1;a2");
    assert_eq!(confirmation.ids().collect::<Vec<_>>(), ["a1", "a2"]);
}

#[test]
fn a_dossier_in_a_letter() {
    let letter = DossierLetter {
        code: "H99.131-260312-0042".parse().expect("a code"),
        service: "Cấp bản sao/trích lục".to_owned(),
        applicant: "Phạm Thị Thử Nghiệm".to_owned(),
    };
    let mut document = edxml::Document::default();
    assert_eq!(DossierLetter::of(&document), None);
    letter.mark(&mut document);
    assert_eq!(
        document.subject,
        "Cấp bản sao/trích lục/Phạm Thị Thử Nghiệm/H99.131-260312-0042"
    );
    assert_eq!(DossierLetter::of(&document), Some(Ok(letter.clone())));
    document.code.number = "42".to_owned();
    assert_eq!(DossierLetter::of(&document), Some(Ok(letter.clone())));
    document.other.reference_codes = String::new();
    assert_eq!(DossierLetter::of(&document), Some(Ok(letter.clone())));
    document.other.reference_codes = "h99.131-260312-0042".to_owned();
    document.subject = "Hồ sơ".to_owned();
    let read = DossierLetter::of(&document)
        .expect("a letter")
        .expect("a dossier");
    assert_eq!(
        (read.service.as_str(), read.applicant.as_str()),
        ("Hồ sơ", "")
    );
    document.other.reference_codes = String::new();
    assert_eq!(DossierLetter::of(&document), Some(Err(NoDossier)));
    document.application_type = "mcdt_dt ".to_owned();
    assert!(DossierLetter::is_one(&document));

    // Through the packet itself.
    let mut document = edxml::Document::default();
    let slashed = DossierLetter {
        applicant: "A/B".to_owned(),
        ..letter
    };
    slashed.mark(&mut document);
    let mut bytes = Vec::new();
    edxml::write_document(&document, &mut std::iter::empty(), &mut bytes).expect("written");
    let mut reader = edxml::Reader::new(edxml::Limits::default(), edxml::Discard);
    reader.push(&bytes).expect("readable");
    let edxml::Packet::Document(read) = reader.finish().expect("a packet").packet else {
        panic!("a document")
    };
    let read = DossierLetter::of(&read)
        .expect("a letter")
        .expect("a dossier");
    assert_eq!(
        (read.applicant.as_str(), read.service),
        ("A-B", slashed.service)
    );
}

#[test]
fn drafts_over_rest() {
    let body = json!({
        "IDHoSo": 5, "MaHoSo": "H99.131-260312-0042", "ChuHoSo": {"Ten": "A", "NgaySinh": "x"},
        "NguoiKy": {"Ten": "B", "TaiKhoan": "b", "Id": "1"}, "NguoiNop": null,
        "VanBanDuThao": {"TrichYeu": "Quyết định", "NgayTao": "12/03/2026 08:00:00", "DinhKem": [{"Ten": "a.pdf", "Base64": "JVBERg==", "Link": ""}]},
        "ThanhPhanHoSo": [{"Ten": "b.pdf", "Link": "https://motcua.binhan.example/b"}],
    });
    let item = DraftDossier::read(body.to_string().as_bytes()).expect("a body");
    let dossier = item.result.expect("a dossier");
    assert_eq!(dossier.draft.files[0].content, FileBytes(b"%PDF".to_vec()));
    assert_eq!(dossier.owner.extra["NgaySinh"], "x");
    let item = DraftDossier::read(&dossier.to_bytes()).expect("a body");
    assert_eq!(
        (item.result, item.tolerances),
        (Ok(dossier.clone()), vec![])
    );
    assert!(!format!("{dossier:?}").contains("JVBERg"));
    assert_eq!(tree(&dossier.to_bytes()).get("NguoiNop"), None);

    let answer = json!({"data": {"IDHoSo": "5", "MaHoSo": "x", "VanBanDi": {"SoKyHieu": "1/QĐ", "NgayKy": "12/03/2026"},
        "LoaiKetQua": "01"}, "error": {"code": "0", "userMessage": ""}});
    let answer =
        RestAnswer::read(answer.to_string().as_bytes(), &REST_EXCHANGE).expect("an answer");
    assert_eq!(answer.fault, None);
    let result = answer
        .draft_result(&REST_EXCHANGE)
        .result
        .expect("a result");
    assert_eq!(result.outcome, Some(DraftOutcome::Issued));
    assert_eq!(result.document.signed_at, midnight("2026-03-12"));
    let answer = br#"{"data":null,"error":{"code":"E1","internalMessage":"x","userMessage":"y"}}"#;
    let answer = RestAnswer::read(answer, &REST_EXCHANGE).expect("an answer");
    assert_eq!(answer.fault.expect("a fault").message, "y");
    let answer = RestAnswer::read(
        br#"{"data":[{"MaVanBan":"1"},7],"error":null}"#,
        &REST_EXCHANGE,
    );
    assert_eq!(answer.expect("an answer").rows().len(), 1);
    assert!(RestAnswer::read(b"{}", &REST_EXCHANGE).is_err());

    let confirmation = TakeConfirmation {
        document: "7".to_owned(),
        outcome: Some(TakeOutcome::Taken),
        ..TakeConfirmation::default()
    };
    assert_eq!(
        tree(&confirmation.to_bytes()),
        json!({"MaVanBan": "7", "TrangThai": "03"})
    );
    let item = TakeConfirmation::read(br#"{"MaVanBan":"7","TrangThai":4}"#).expect("a body");
    assert_eq!(
        item.result.expect("a confirmation").outcome,
        Some(TakeOutcome::Failed)
    );
}

#[test]
fn a_notice_with_files() {
    let notice = |base64: &str| {
        json!({"MaHoSo": "H99.131-260312-0042", "MaTTHC": "9.000001", "ChuHoSo": "Công ty Mẫu", "LoaiDoiTuong": "2",
            "DiaChiDoanhNghiep": {"MaTinh": "99", "MaHuyen": "", "MaXa": "99131", "DiaChiChiTiet": "1 Đường Mẫu"},
            "TaiLieuNop": [{"TenTepDinhKem": "a.txt", "Base64": base64}]})
        .to_string()
    };
    for (text, habits) in [
        ("bcahdQ==", 0),
        ("data:text/plain;base64,bcahdQ==", 1),
        ("bcah\r\ndQ==", 1),
    ] {
        let item = PortalNotice::read(notice(text).as_bytes()).expect("a body");
        assert_eq!(item.tolerances.len(), habits, "{text}");
        let read = item.result.expect("a notice");
        assert_eq!(read.files[0].content.0, b"m\xc6\xa1u");
        assert_eq!(read.address.commune, "99131");
        assert_eq!(read.applicant.kind, Some(SubjectKind::Enterprise));
        let item = PortalNotice::read(&read.to_bytes()).expect("a body");
        assert_eq!(item.result, Ok(read));
    }
    for text in ["x", "bcahdQ", "bcahdQ=", "bcah-Q==", "====", "data:;base64"] {
        let item = PortalNotice::read(notice(text).as_bytes()).expect("a body");
        let violations = item.result.expect_err("refused");
        assert_eq!(violations[0].path, "TaiLieuNop[0].Base64", "{text}");
        assert_eq!(violations[0].sentence.word(), "encoding");
    }
    let large = "A".repeat(lgsp_base::limits::DOSSIER_INLINE_FILE_BYTES_MAX / 3 * 4 + 8);
    let item = PortalNotice::read(notice(&large).as_bytes()).expect("a body");
    assert_eq!(
        item.result.expect_err("refused")[0].sentence.word(),
        "too_large"
    );
}

#[test]
fn reuse_of_results() {
    let body = json!({"SoDinhDanhChuSoHuu": "000000000000", "HoTenNguoiYeuCau": "A", "KenhThucHien": "2",
        "SoDinhDanhNguoiYeuCau": "000000000000", "MaThuTuc": "9.000001",
        "DanhSachDanhMucKetQua": [{"MaKetQua": "KQ.G99.000001", "SoKyHieu": "1/GP"}]});
    let request = ReuseRequest::read(body.to_string().as_bytes()).expect("a body");
    assert_eq!(request.tolerances, []);
    assert_eq!(tree(&request.result.expect("a request").to_bytes()), body);
    let body = json!({"errorCode": "0", "message": "", "signature": "abc", "result": {"DanhSachGiayToKetQua": [
        {"MaKetQua": "KQ.G99.000001", "TenGiayTo": "Giấy phép", "SoKyHieu": "1/GP", "CoQuanChuQuan": "Sở Mẫu",
         "DanhSachTepDinhKem": [{"TenTep": "a.pdf", "DuongDan": "https://kho.example/a"}]}]}});
    let reply = ReuseReply::read(body.to_string().as_bytes()).expect("a body");
    let reply = reply.result.expect("an answer");
    assert_eq!(reply.result.papers[0].files[0].name, "a.pdf");
    assert_eq!(tree(&reply.to_bytes()), body);
    let meaning = read_reply(&reply.to_bytes(), &ReplyWords::default()).expect("an answer");
    assert_eq!(meaning.outcome, ReplyOutcome::Ok);
    let sample = first("DongBoHoSoMC_new").to_string();
    assert!(
        ReuseRequest::read(sample.as_bytes())
            .expect("a body")
            .result
            .is_err()
    );
}
