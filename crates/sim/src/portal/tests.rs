use std::net::SocketAddr;

use lgsp_base::Timestamp;
use lgsp_base::entropy::SeededEntropy;
use lgsp_base::time::ManualClock;
use tokio::sync::watch;

use super::client::{Notice, PortalClient, ProvinceConfig};
use super::*;
use crate::fault::Fault;
use crate::http::{Call, HttpClient};
use crate::platform::Platforms;

/// A portal that listens, and a client that speaks to it in plain HTTP.
struct Scene {
    portal: Arc<Portal>,
    clock: Arc<ManualClock>,
    client: HttpClient,
    url: String,
    platforms: Option<Platforms>,
}

async fn scene() -> Scene {
    let clock = Arc::new(ManualClock::new(
        Timestamp::from_edxml("2026/03/12 09:16:02").expect("valid"),
    ));
    let config = PortalConfig::new("binhan", "bí mật");
    let portal = Portal::new(config, clock.clone(), Arc::new(SeededEntropy::new(1)));
    let platforms = Platforms::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .expect("a port");
    Scene {
        portal: Arc::new(portal),
        clock,
        client: HttpClient::new(&platforms.url()),
        url: platforms.url(),
        platforms: Some(platforms),
    }
}

impl Scene {
    async fn play(mut self, checks: impl AsyncFnOnce(&Scene)) {
        let (_stop, stopping) = watch::channel(false);
        let platforms = self.platforms.take().expect("once");
        let served = platforms.serve(vec![self.portal.clone()], stopping);
        tokio::select! {
            () = checks(&self) => {}
            () = served => panic!("the listener ended"),
        }
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, String) {
        let call = Call::new(Method::POST, path)
            .header("dstcode", DESTINATION)
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = self.client.send(call).await.expect("answered");
        let text = String::from_utf8(answer.body.to_vec()).expect("text");
        (answer.status.as_u16(), text)
    }

    async fn log_in(&self) -> String {
        let path = self.portal.config().auth_path.clone();
        let body = json!({"username": "binhan", "password": "bí mật"});
        let (_, text) = self.post(&path, &body).await;
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        answer["session"].as_str().expect("a session").to_owned()
    }

    async fn ask(&self, mut body: Value) -> (String, Value) {
        let path = self.portal.config().service_path.clone();
        body["madonvi"] = json!("H99");
        let (status, text) = self.post(&path, &body).await;
        assert_eq!(status, 200);
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let code = match &answer["error_code"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (code, answer)
    }

    async fn push(&self, session: &str, is_updating: &str, data: Value) -> (String, Value) {
        self.ask(json!({
            "session": session,
            "service": "DongBoHoSoMC",
            "isUpdating": is_updating,
            "data": data,
        }))
        .await
    }

    async fn look_up(&self, session: &str, code: &str) -> Value {
        let body = json!({"session": session, "service": "TraCuuHoSo", "mahoso": code});
        self.ask(body).await.1["result"].clone()
    }
}

const CODE: &str = "H99.131-260312-0042";

fn dossier() -> Value {
    json!({
        "MaHoSo": CODE,
        "MaTTHC": "9.000001",
        "TenTTHC": "Thủ tục mẫu",
        "MaLinhVuc": "G99-LV01",
        "TenLinhVuc": "Lĩnh vực mẫu",
        "ChuHoSo": "Phạm Thị Thử Nghiệm",
        "NgayTiepNhan": "20260312081500",
        "TrangThaiHoSo": "2",
        "DonViXuLy": "UBND xã Phú Mẫu",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "000000000000"}],
        "TaiLieuNop": [],
    })
}

fn step(status: &str) -> Value {
    json!({
        "MaHoSo": CODE,
        "NguoiXuLy": "Lê Thị Ví Dụ",
        "ThoiDiemXuLy": "20260312093000",
        "TrangThai": status,
    })
}

fn is_ok(code: &str) -> bool {
    matches!(code, "0" | "00")
}

#[tokio::test]
async fn a_dossier_is_created_once_updated_and_found_as_it_came() {
    let checks = async |scene: &Scene| {
        let session = scene.log_in().await;
        assert_eq!(scene.look_up(&session, CODE).await, json!([]));
        let (code, answer) = scene.push(&session, "True", json!([dossier()])).await;
        assert_eq!(code, "3", "{answer}");
        assert!(is_ok(
            &scene.push(&session, "False", json!([dossier()])).await.0
        ));
        let (code, answer) = scene.push(&session, "False", json!([dossier()])).await;
        assert_eq!(code, "3");
        assert!(
            answer["message"]
                .as_str()
                .expect("words")
                .contains("đã tồn tại")
        );
        let mut done = dossier();
        done["TrangThaiHoSo"] = json!("10");
        assert!(is_ok(&scene.push(&session, "True", json!([done])).await.0));
        assert_eq!(scene.look_up(&session, CODE).await, json!([done]));
        let kept = scene.portal.remembered(CODE);
        assert_eq!((kept.status(), kept.records[0].updates), (Some("10"), 1));
        let visits = scene.portal.visits();
        assert_eq!(visits[0].service, "login");
        assert_eq!(visits.last().expect("seen").codes, [CODE]);
    };
    scene().await.play(checks).await;
}

#[tokio::test]
async fn steps_move_the_status_and_at_most_ten_go_at_once() {
    let checks = async |scene: &Scene| {
        let session = scene.log_in().await;
        let progress = async |data: Value| {
            scene
                .ask(json!({
                    "session": session,
                    "service": "CapNhatTienDoHoSoMC",
                    "isUpdating": "False",
                    "data": data,
                }))
                .await
                .0
        };
        assert_eq!(progress(json!([step("4")])).await, "3", "unknown dossier");
        scene.push(&session, "False", json!([dossier()])).await;
        let mut success = Vec::new();
        for _ in 0..3 {
            success.push(progress(json!([step("4")])).await);
        }
        success.sort();
        success.dedup();
        assert_eq!(success, ["0", "00"], "success has several codes");
        let kept = scene.portal.remembered(CODE);
        assert_eq!((kept.status(), kept.steps.len()), (Some("4"), 1));
        let eleven: Vec<Value> = (0..=ITEMS_MAX).map(|_| step("5")).collect();
        assert_eq!(progress(json!(eleven)).await, "3");
        assert_eq!(progress(json!([step("11")])).await, "3");
    };
    scene().await.play(checks).await;
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_a_code_and_the_name_of_the_field() {
    let rows = [
        ("MaHoSo", json!("x"), "-3"),
        ("MaHoSo", json!("H99.131-261332-0001"), "-3"),
        ("TenTTHC", json!(""), "3"),
        ("MaTTHC", json!("1.999999"), "3"),
        ("TrangThaiHoSo", json!("12"), "3"),
        ("TrangThaiHoSo", json!(2), "-3"),
        ("NgayTiepNhan", json!("12/03/2026"), "-3"),
        ("NgayTiepNhan", json!("20260230081500"), "-3"),
        ("TaiLieuNop", json!("none"), "-3"),
        ("TrichYeuHoSo", json!("a".repeat(1_001)), "3"),
        (
            "DinhDanhCHS",
            json!([{"LoaiDinhDanh": "1", "SoDinhDanh": "00000"}]),
            "3",
        ),
    ];
    let checks = async |scene: &Scene| {
        let session = scene.log_in().await;
        for (field, value, expected) in rows {
            let mut wrong = dossier();
            wrong[field] = value.clone();
            let data = json!([dossier(), wrong]);
            let (code, answer) = scene.push(&session, "False", data).await;
            assert_eq!(code, expected, "{field} = {value}: {answer}");
            let message = answer["message"].as_str().expect("words");
            let name = if field == "DinhDanhCHS" {
                "SoDinhDanh"
            } else {
                field
            };
            assert!(message.contains(name), "{message}");
            assert!(!message.contains("00000"), "no identity in words");
        }
        for (updating, expected) in [
            (json!(true), "-3"),
            (json!("true"), "-3"),
            (Value::Null, "-3"),
        ] {
            let body = json!({
                "session": session,
                "service": "DongBoHoSoMC",
                "isUpdating": updating,
                "data": [dossier()],
            });
            assert_eq!(scene.ask(body).await.0, expected);
        }
        assert_eq!(
            scene.portal.codes(),
            [""; 0],
            "the good item of a bad batch is not kept"
        );
    };
    scene().await.play(checks).await;
}

#[tokio::test]
async fn a_session_ends_by_time_by_restart_and_on_command() {
    let checks = async |scene: &Scene| {
        let lost = async |session: &str| {
            let (code, answer) = scene.push(session, "False", json!([dossier()])).await;
            code == "-1"
                && answer["message"]
                    .as_str()
                    .expect("words")
                    .contains("hết hạn")
        };
        assert!(lost("").await && lost("other").await);
        let session = scene.log_in().await;
        scene.clock.advance(SESSION_FOR);
        assert!(lost(&session).await);
        let session = scene.log_in().await;
        scene.portal.end_sessions();
        assert!(lost(&session).await);
        scene.portal.faults().start(Fault::Platform(How::Session));
        let session = scene.log_in().await;
        assert!(lost(&session).await);
        scene.portal.faults().restore();
        let session = scene.log_in().await;
        assert!(!lost(&session).await);
        let path = scene.portal.config().auth_path.clone();
        let (_, text) = scene
            .post(&path, &json!({"username": "binhan", "password": "?"}))
            .await;
        assert!(!text.contains("session"), "{text}");
    };
    scene().await.play(checks).await;
}

#[tokio::test]
async fn every_planted_fault_shows() {
    let checks = async |scene: &Scene| {
        let session = scene.log_in().await;
        let faults = scene.portal.faults();
        let service = scene.portal.config().service_path.clone();
        let with = |how| faults.start(Fault::Platform(how));

        with(How::Lose);
        assert!(is_ok(
            &scene.push(&session, "False", json!([dossier()])).await.0
        ));
        assert_eq!(scene.look_up(&session, CODE).await, json!([]));
        faults.restore();

        with(How::Drift);
        assert!(is_ok(
            &scene.push(&session, "False", json!([dossier()])).await.0
        ));
        assert_eq!(scene.portal.remembered(CODE).status(), Some("1"));
        faults.restore();
        assert!(is_ok(
            &scene.push(&session, "True", json!([dossier()])).await.0
        ));
        assert_eq!(scene.portal.remembered(CODE).status(), Some("2"));

        with(How::Duplicate);
        assert!(is_ok(
            &scene.push(&session, "True", json!([dossier()])).await.0
        ));
        faults.restore();
        let found = scene.look_up(&session, CODE).await;
        assert_eq!(found.as_array().map(Vec::len), Some(2));
        scene.push(&session, "True", json!([dossier()])).await;
        assert_eq!(
            scene.portal.remembered(CODE).records.len(),
            1,
            "an update mends it"
        );

        with(How::Html);
        let (status, text) = scene.post(&service, &json!({})).await;
        assert_eq!((status, text.starts_with('<')), (200, true));
        faults.restore();
        with(How::Error200);
        assert_eq!(
            scene.push(&session, "True", json!([dossier()])).await.0,
            "500"
        );
        faults.restore();
        with(How::Down);
        assert_eq!(scene.post(&service, &json!({})).await.0, 503);
        faults.restore();

        assert!(scene.portal.set_status(CODE, "5"));
        assert!(scene.portal.duplicate(CODE));
        assert_eq!(scene.portal.remembered(CODE).records.len(), 2);
        assert!(scene.portal.forget(CODE) && !scene.portal.forget(CODE));
    };
    scene().await.play(checks).await;
}

#[tokio::test]
async fn catalogues_procedures_and_questions_have_rows() {
    let checks = async |scene: &Scene| {
        let session = scene.log_in().await;
        let rows = async |service: &str, more: (&str, &str)| {
            let mut body = json!({"session": session, "service": service});
            body[more.0] = json!(more.1);
            let (code, answer) = scene.ask(body).await;
            assert!(is_ok(&code), "{service}: {answer}");
            answer["result"].as_array().expect("a list").len()
        };
        for service in [
            "LayDanhMucCoQuan",
            "LayDanhMucLinhVuc",
            "LayDanhMucTinhThanh",
            "LayDanhMucPhuongXa",
            "LayDanhMucGioiTinh",
            "LayDanhMucQuocGia",
            "LayDanhMucDanToc",
            "LayDanhMucTonGiao",
            "LayDanhMucTinhTrangHonNhan",
            "LayDanhMucDoiTuong",
            "LayDanhMucCapThucHien",
            "LayDanhMucCanCuPhapLy",
            "LayDanhMucLePhi",
            "LayDanhSachTTHC",
            "LayDanhSachHoiDapGuiTuDVCQG",
        ] {
            assert!(rows(service, ("x", "")).await > 0, "{service}");
        }
        assert_eq!(rows("LayDanhMucQuanHuyen", ("x", "")).await, 0);
        assert_eq!(rows("LayThuTuc", ("maTTHC", "9.000002.H99")).await, 1);
        assert_eq!(rows("LayThuTuc", ("maTTHC", "9.0000021")).await, 0);
        let (code, _) = scene
            .ask(json!({"session": session, "service": "LayGiDo"}))
            .await;
        assert_eq!(code, "3");
        let rating = json!({
            "session": session,
            "service": "DongBoDanhGia",
            "data": [{"MaHoSo": CODE, "MucDo": "5"}],
        });
        assert!(is_ok(&scene.ask(rating).await.0));
        assert_eq!(scene.portal.sent_to("DongBoDanhGia").len(), 1);
    };
    scene().await.play(checks).await;
}

#[tokio::test]
async fn without_its_destination_the_adapter_answers_in_its_own_way() {
    let checks = async |scene: &Scene| {
        let auth = scene.portal.config().auth_path.clone();
        let send = async |path: &str| {
            let call = Call::new(Method::POST, path).body("{}");
            scene
                .client
                .send(call)
                .await
                .expect("answered")
                .status
                .as_u16()
        };
        assert_eq!(send(&auth).await, 500);
        assert_eq!(send(&format!("{auth}?dstcode={DESTINATION}")).await, 200);
        assert_eq!(send("/elsewhere").await, 404);
    };
    scene().await.play(checks).await;
}

#[tokio::test]
async fn files_at_the_province_are_fetched_once_and_notices_are_sent() {
    let checks = async |scene: &Scene| {
        // The portal's own listener stands for the province: what matters is which addresses are asked.
        let client = PortalClient::new(
            scene.portal.clone(),
            ProvinceConfig {
                origin: scene.url.clone(),
                token: None,
                notice_path: "/XrdAdapter/RestService/forward/mapi/login".to_owned(),
                results_path: "/nowhere".to_owned(),
            },
        );
        let session = scene.log_in().await;
        let mut with_files = dossier();
        with_files["TaiLieuNop"] = json!([
            {"DuongDanTaiTepTin": format!("{}/tep/1?sig=secret", scene.url)},
            {"DuongDanTaiTepTin": "https://motcua.binhan.example/tep/1001"},
        ]);
        scene.push(&session, "False", json!([with_files])).await;
        assert_eq!(client.fetch_files().await, 0);
        let fetched = client.fetched();
        assert_eq!(fetched.len(), 1, "addresses elsewhere are left alone");
        assert_eq!(
            (fetched[0].path.as_str(), fetched[0].status),
            ("/tep/1", 404)
        );

        let notice = Notice {
            code: "G99.01-260312-0001".to_owned(),
            procedure: "9.000001".to_owned(),
            applicant: "Công ty Ví Dụ".to_owned(),
            papers: vec!["don.pdf".to_owned()],
        };
        let failed = client
            .announce(&notice)
            .await
            .expect_err("a wrong destination");
        assert!(matches!(
            failed,
            crate::CallError::Refused { status: 500, .. }
        ));
        let failed = client
            .ask_results("000000000000", "9.000001", &["KQ.G99.000001"])
            .await;
        assert!(matches!(
            failed,
            Err(crate::CallError::Refused { status: 404, .. })
        ));
    };
    scene().await.play(checks).await;
}
