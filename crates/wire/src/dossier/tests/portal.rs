//! Requests and answers of the national portal.

use lgsp_base::Secret;
use serde_json::{Value, json};

use super::kit::*;
use crate::dossier::*;

fn session() -> Secret<String> {
    Secret::new("SESSION-FROM-LOGIN".to_owned())
}

fn tree(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn answer(body: &str) -> Reply {
    read_reply(body.as_bytes(), &ReplyWords::default()).expect(body)
}

#[test]
fn every_sample_is_read_and_written_with_the_same_meaning() {
    for (name, bytes) in SAMPLES {
        let request = PortalRequest::read(bytes).expect(name);
        assert_eq!(request.agency, "H99");
        assert_eq!(tree(&request.to_bytes()), sample(name), "{name}");
        assert!(!format!("{request:?}").contains("SESSION"));
        let is_updating = *name == "DongBoHoSoMC_result_returned";
        assert_eq!(request.is_updating, Some(is_updating));
        let again = match request.service {
            PortalService::SyncDossiers => {
                let batch = request.dossiers().expect("dossiers");
                let dossiers: Vec<Dossier> = batch
                    .items
                    .into_iter()
                    .map(|item| item.into_result().expect("a dossier"))
                    .collect();
                PortalRequest::sync_dossiers(session(), "H99", is_updating, &dossiers)
            }
            _ => {
                let batch = request.progress().expect("steps");
                let steps: Vec<ProgressStep> = batch
                    .items
                    .into_iter()
                    .map(|item| item.into_result().expect("a step"))
                    .collect();
                PortalRequest::sync_progress(session(), "H99", is_updating, &steps)
            }
        };
        assert_eq!(tree(&again.to_bytes()), sample(name), "{name}");
    }
}

#[test]
fn the_other_requests() {
    let code = "H99.131-260312-0042".parse().expect("a code");
    assert_eq!(
        tree(&PortalRequest::find_dossier(session(), "H99", &code).to_bytes()),
        json!({"session": "SESSION-FROM-LOGIN", "madonvi": "H99", "service": "TraCuuHoSo", "mahoso": "H99.131-260312-0042"})
    );
    let code = "9.000001".parse().expect("a code");
    let request = PortalRequest::procedure(session(), "H99", &code);
    assert_eq!(tree(&request.to_bytes())["maTTHC"], "9.000001");
    let read = PortalRequest::read(&request.to_bytes()).expect("a request");
    assert_eq!(read.service, PortalService::Procedure);
    assert_eq!(read.parameter("MATTHC"), Some("9.000001"));
    let request = PortalRequest::tech_id(session(), "H99", "citizen", "000000000000");
    assert_eq!(tree(&request.to_bytes())["mstorcmnd"], "000000000000");
    let login = LoginRequest {
        username: "h99".to_owned(),
        password: Secret::new("mật khẩu mẫu".to_owned()),
    };
    let read = LoginRequest::read(&login.to_bytes()).expect("a login");
    assert_eq!(read.username, "h99");
    assert_eq!(read.password.expose(), "mật khẩu mẫu");
    for service in PortalService::ALL {
        assert_eq!(PortalService::from_name(service.name()), Some(*service));
    }
    let catalogues = PortalService::ALL
        .iter()
        .filter(|service| service.is_catalogue());
    assert_eq!(catalogues.count(), 14);
}

#[test]
fn wrong_requests_name_their_places() {
    let places = |bytes: &str| match PortalRequest::read(bytes.as_bytes()) {
        Err(DossierError::Invalid(violations)) => violations
            .into_iter()
            .map(|v| (v.path, v.sentence.word()))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let at = |path: &str, rule| (path.to_owned(), rule);
    assert_eq!(
        places("{}"),
        [
            at("session", "required"),
            at("madonvi", "required"),
            at("service", "required")
        ]
    );
    let body = r#"{"session":"s","madonvi":"H99","service":"XoaHoSo","isUpdating":"maybe"}"#;
    assert_eq!(
        places(body),
        [at("service", "unknown"), at("isUpdating", "word")]
    );
    assert!(PortalRequest::read(b"[]").is_err());
    assert!(LoginRequest::read(br#"{"username":"a"}"#).is_err());
    let body = r#"{"session":"s","madonvi":"H99","service":"dongbohosomc","isUpdating":true}"#;
    let request = PortalRequest::read(body.as_bytes()).expect("a request");
    assert_eq!(request.is_updating, Some(true));
    assert!(request.dossiers().is_err());
}

#[test]
fn steps_go_in_batches_of_ten() {
    let item = ProgressStep::from_portal(first("CapNhatTienDoHoSoMC"), "");
    let steps = vec![item.into_result().expect("a step"); 21];
    let sizes: Vec<usize> = progress_batches(&steps).map(<[_]>::len).collect();
    assert_eq!(sizes, [10, 10, 1]);
}

#[test]
fn every_answer_has_a_meaning() {
    use ReplyOutcome::{AlreadyExists, Ok, Refused, SessionLost};
    for (body, outcome, code) in [
        (r#"{"error_code":"0","message":"ok"}"#, Ok, "0"),
        (r#"{"error_code":"00"}"#, Ok, "00"),
        (r#"{"error_code":0,"session":"s"}"#, Ok, "0"),
        (r#"{"session":"s"}"#, Ok, "0"),
        (r#"{"ErrorCode":"0"}"#, Ok, "0"),
        (r#"{"errorCode":0,"message":null}"#, Ok, "0"),
        (r#"{"error":{"code":"0"},"data":{}}"#, Ok, "0"),
        (
            r#"{"error_code":3,"message":"Thiếu trường MaHoSo"}"#,
            Refused,
            "3",
        ),
        (
            r#"{"error_code":"-3","message":"Lỗi hệ thống"}"#,
            Refused,
            "-3",
        ),
        (
            r#"{"error_code":"","message":"Lỗi","code":"7"}"#,
            Refused,
            "7",
        ),
        (
            r#"{"error_code":"3","message":"Hồ sơ đã tồn tại"}"#,
            AlreadyExists,
            "3",
        ),
        (
            r#"{"error_code":"3","message":"HỒ SƠ ĐÃ TỒN TẠI trên hệ thống"}"#,
            AlreadyExists,
            "3",
        ),
        (
            r#"{"error_code":"3","message":"Hồ sơ không tồn tại"}"#,
            Refused,
            "3",
        ),
        (
            r#"{"error_code":"-1","message":"Session không hợp lệ"}"#,
            SessionLost,
            "-1",
        ),
        (
            r#"{"error_code":"2","message":"Phiên làm việc đã hết hạn"}"#,
            SessionLost,
            "2",
        ),
        (
            r#"{"error_code":2,"message":"session expired"}"#,
            SessionLost,
            "2",
        ),
        (
            r#"{"error_code":"2","message":"Phiên bản không hỗ trợ"}"#,
            Refused,
            "2",
        ),
        (r#"{"error":"lỗi","message":"x"}"#, Refused, "lỗi"),
        (
            r#"{"error_code":"0","error":{"code":"9","userMessage":"Session invalid"}}"#,
            SessionLost,
            "9",
        ),
        (
            r#"{"fault":{"code":900901,"message":"Invalid Credentials"}}"#,
            Refused,
            "900901",
        ),
        (
            r#"{"type":"Server.ServerProxy.NetworkError","message":"x","detail":"y"}"#,
            Refused,
            "",
        ),
    ] {
        let reply = answer(body);
        assert_eq!(
            (reply.outcome, reply.code.as_str()),
            (outcome, code),
            "{body}"
        );
    }
    let codes = ReplyWords {
        session_codes: vec!["-1".to_owned()],
        ..ReplyWords::default()
    };
    let reply = read_reply(br#"{"error_code":-1}"#, &codes).expect("an answer");
    assert_eq!(reply.outcome, SessionLost);
}

#[test]
fn answers_that_cannot_be_used() {
    let error = |body: &str| read_reply(body.as_bytes(), &ReplyWords::default()).expect_err(body);
    assert_eq!(error("  <!DOCTYPE html><html>"), ReplyError::Html);
    assert_eq!(error("\u{feff}<?xml?>"), ReplyError::Html);
    assert_eq!(error(" \n"), ReplyError::Empty);
    assert!(matches!(error("502 Bad Gateway"), ReplyError::Json(_)));
    for body in [
        "{}",
        "[]",
        "7",
        r#"{"message":"ok"}"#,
        r#"{"error_code":null}"#,
        r#"{"error_code":[]}"#,
    ] {
        assert_eq!(error(body), ReplyError::NoCode, "{body}");
    }
}

#[test]
fn an_answer_in_full() {
    let reply = Reply::ok("Thành công").with("result", json!([first("DongBoHoSoMC_new"), 7]));
    let read = read_reply(&reply.to_bytes(), &ReplyWords::default()).expect("an answer");
    assert_eq!(read.message, "Thành công");
    assert_eq!(read.rows().len(), 1);
    let one = answer(&json!({"error_code": 0, "Data": first("DongBoHoSoMC_new")}).to_string());
    let batch = one.dossiers().expect("dossiers");
    assert_eq!(
        batch.items[0]
            .result
            .as_ref()
            .expect("a dossier")
            .code
            .number(),
        "0042"
    );
    assert_eq!(
        answer(r#"{"error_code":0}"#)
            .dossiers()
            .expect("none")
            .items,
        []
    );
    let mut reply = Reply::refused("3", "Một số hồ sơ bị từ chối");
    reply.session = Some(session());
    let items = [
        ItemReply {
            key: "H99.131-260312-0042".to_owned(),
            outcome: ReplyOutcome::AlreadyExists,
            code: "3".to_owned(),
            message: "Hồ sơ đã tồn tại".to_owned(),
        },
        ItemReply {
            key: "x".to_owned(),
            outcome: ReplyOutcome::Ok,
            code: "0".to_owned(),
            message: String::new(),
        },
    ];
    let bytes = reply.with_items(&items).to_bytes();
    let read = read_reply(&bytes, &ReplyWords::default()).expect("an answer");
    assert_eq!(read.outcome, ReplyOutcome::Refused);
    assert_eq!(read.items(&ReplyWords::default()), items);
    assert!(read.session.is_some() && !format!("{read:?}").contains("SESSION"));
    let long = answer(&json!({"error_code": 1, "message": "đ".repeat(5_000)}).to_string());
    assert_eq!(long.message.chars().count(), 1_000);
}

#[test]
fn procedures_of_the_national_data_base() {
    let record = json!({
        "ID": 17, "MATTHC": "9.000001.H99", "TENTTHC": "Thủ tục mẫu", "YEUCAU": "x".repeat(50_000),
        "CACHTHUCTHUCHIEN": [{"KENH": "2", "THOIGIAN": [{"DONVITINH": "Ngày làm việc", "THOIGIANGIAIQUYET": "3",
            "PHILEPHI": [{"SOTIEN": "8000", "DONVI": "Đồng", "MAPHILEPHI": "LP-1"}]}]}],
        "THANHPHANHOSO": [{"TRUONGHOP": "", "GIAYTO": [{"MAGIAYTO": "G1", "SOBANCHINH": 1, "MA_KQ_THAYTHE": "KQ.G99.1"}]}],
        "CANCUPHAPLY": {"SOVANBAN": "118/2025/NĐ-CP", "NGAYBANHANH": "09/06/2025"},
        "COQUANPHOIHOP": null, "TTHCLIENQUAN": ["9.000002"],
    });
    let reply = answer(&json!({"error_code": "0", "result": [record]}).to_string());
    let item = Procedure::of_reply(&reply).expect("one");
    assert!(item.tolerances.iter().any(|t| t.habit == Habit::Number));
    let procedure = item.into_result().expect("a procedure");
    assert_eq!(procedure.code.suffix(), Some("H99"));
    assert_eq!(procedure.methods[0].channel, Some(Channel::Online));
    assert_eq!(procedure.methods[0].times[0].fees[0].amount, Some(8_000));
    assert_eq!(procedure.legal_bases[0].issued, "09/06/2025");
    let again = Procedure::from_portal(procedure.to_portal(), "");
    assert_eq!(again.tolerances, []);
    assert_eq!(again.result.expect("a procedure"), procedure);
    let ours = serde_json::to_value(&procedure).expect("JSON");
    assert_eq!(
        serde_json::from_value::<Procedure>(ours).expect("ours"),
        procedure
    );
    assert_eq!(Procedure::of_reply(&answer(r#"{"error_code":0}"#)), None);

    let list = r#"{"error_code":0,"result":[{"MaTTHC":"9.000001","TenTTHC":"A","MucDo":"4"},{"MATTHC":"x"}]}"#;
    let rows = ProcedureRow::of_reply(&answer(list));
    assert_eq!(rows[0].result.as_ref().expect("a row").name, "A");
    assert_eq!(
        rows[0].result.as_ref().expect("a row").to_portal()["MucDo"],
        "4"
    );
    assert_eq!(
        rows[1].result.as_ref().expect_err("refused")[0].path,
        "result[1].MATTHC"
    );
}
