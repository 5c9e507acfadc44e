//! The portal's client against a foreign system that answers everything that is seen, and worse.

mod province;

use std::sync::Arc;

use lgsp_base::id::SystemId;
use lgsp_exchange::{ConnectorKind, HandOver, HandOverOutcome, Transport};
use lgsp_registry::model::Protocol;
use serde_json::json;

use super::NationalPortal;
use crate::connector::Connectors;
use crate::connector::Message;
use crate::connector::fakes::{
    Asked, FakeCasework, Foreign, connect, dossier, hand_over, ministries, outbound, steps,
};
use crate::testkit::House;

const LOGIN: &str = "/XrdAdapter/RestService/forward/mapi/login";
const OK: (u16, &str) = (200, r#"{"error_code":"0","message":""}"#);
const EXISTS: (u16, &str) = (
    200,
    r#"{"error_code":"3","message":"Hồ sơ H99.131-260312-0042 đã tồn tại trên hệ thống"}"#,
);
const MISSING: (u16, &str) = (
    200,
    r#"{"error_code":"3","message":"Hồ sơ H99.131-260312-0042 chưa có trên hệ thống"}"#,
);
const LOST: (u16, &str) = (
    200,
    r#"{"error_code":-1,"message":"Session không hợp lệ hoặc đã hết hạn"}"#,
);

struct Scene {
    house: House,
    foreign: Foreign,
    casework: Arc<FakeCasework>,
    portal: NationalPortal,
    system: SystemId,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let house = House::plain(name).await;
        let foreign = Foreign::default();
        let system = connect(&house, Protocol::Dvcqg, &foreign.listen().await).await;
        foreign.script(|asked| {
            let session = r#"{"error_code":0,"session":"phiên-1"}"#.to_owned();
            (asked.path == LOGIN).then_some((200, session))
        });
        let casework = Arc::new(FakeCasework::default());
        casework.say(Message::State(Box::new(dossier())));
        let portal = NationalPortal::new(outbound(), house.registry.clone(), casework.clone());
        Self {
            house,
            foreign,
            casework,
            portal,
            system,
        }
    }

    fn item(&self) -> HandOver {
        hand_over(self.system, ConnectorKind::Dvcqg)
    }

    async fn deliver(&self) -> HandOverOutcome {
        let ministries = ministries(&self.house, self.casework.clone());
        let connectors = Connectors::new(self.portal.clone(), ministries);
        connectors.hand_over(self.item()).await
    }

    /// What the services were asked, without log-ins, and how many of those there were.
    fn asked(&self) -> (Vec<Asked>, usize) {
        let (logins, others): (Vec<_>, Vec<_>) = self
            .foreign
            .asked()
            .into_iter()
            .partition(|asked| asked.path == LOGIN);
        (others, logins.len())
    }
}

impl FakeCasework {
    fn say(&self, message: Message) {
        *self.message.lock().expect("lock") = Some(message);
    }
}

fn cause(outcome: &HandOverOutcome) -> (&'static str, &str) {
    match outcome {
        HandOverOutcome::Confirmed => ("confirmed", ""),
        HandOverOutcome::Refused { cause, .. } => ("refused", cause),
        HandOverOutcome::Unreachable { cause, .. } => ("later", cause),
        HandOverOutcome::Gone => ("gone", ""),
    }
}

#[tokio::test]
async fn a_dossier_goes_in_the_portals_words() {
    let scene = Scene::new("dvcqg-words").await;
    scene.foreign.will(&[OK]);
    assert_eq!(scene.deliver().await, HandOverOutcome::Confirmed);
    let (asked, logins) = scene.asked();
    assert_eq!((asked.len(), logins), (1, 1));
    let request = &asked[0];
    assert_eq!(request.path, "/XrdAdapter/RestService/forward/mapi/g");
    assert_eq!(
        request.headers["dstcode"],
        "VN:GOV:000.00.00.G22:vpcpdvcprovider"
    );
    for (name, value) in [
        ("session", "phiên-1"),
        ("madonvi", "H99"),
        ("service", "DongBoHoSoMC"),
        ("isUpdating", "False"),
    ] {
        assert_eq!(request.text(name), value);
    }
    let sent = &request.body["data"][0];
    assert_eq!(sent["MaTTHC"], json!("2.000488"), "the national code");
    assert_eq!(sent["ChuHoSo"], json!("Phạm Thị Thử Nghiệm"));
    let urls: Vec<&str> = sent["TaiLieuNop"]
        .as_array()
        .expect("papers")
        .iter()
        .map(|paper| paper["DuongDanTaiTepTin"].as_str().expect("a text"))
        .collect();
    let ours = "https://lgsp.example/tep/don.pdf";
    assert_eq!(urls, [ours, "https://khac.example/khac.pdf", ""]);
    assert_eq!(
        *scene.casework.notes.lock().expect("lock"),
        [
            ("login".to_owned(), Ok(())),
            ("DongBoHoSoMC".to_owned(), Ok(()))
        ]
    );
    drop(scene.house);
}

#[tokio::test]
async fn every_answer_has_its_meaning() {
    let scene = Scene::new("dvcqg-answers").await;
    let words = r#"{"error_code":"-3","message":"ChuHoSo Phạm Thị Thử Nghiệm, số 000000000000 không hợp lệ"}"#;
    let item_ok =
        r#"{"error_code":"0","data":[{"MaHoSo":"H99.131-260312-0042","error_code":"0"}]}"#;
    let item_refused = r#"{"error_code":"0","data":[{"MaHoSo":"H99.131-260312-0042","error_code":"3","message":"thiếu TenTTHC"}]}"#;
    let item_exists = r#"{"error_code":"0","data":[{"MaHoSo":"H99.131-260312-0042","error_code":"3","message":"Đã tồn tại"}]}"#;
    type Row<'a> = (
        &'a str,
        bool,
        Vec<(u16, &'a str)>,
        (&'static str, &'a str),
        Vec<&'a str>,
    );
    let rows: Vec<Row<'_>> = vec![
        ("text 0", false, vec![OK], ("confirmed", ""), vec!["False"]),
        (
            "text 00",
            false,
            vec![(200, r#"{"error_code":"00"}"#)],
            ("confirmed", ""),
            vec!["False"],
        ),
        (
            "number 0",
            false,
            vec![(200, r#"{"error_code":0,"message":"Thành công"}"#)],
            ("confirmed", ""),
            vec!["False"],
        ),
        ("known", true, vec![OK], ("confirmed", ""), vec!["True"]),
        (
            "exists",
            false,
            vec![EXISTS, OK],
            ("confirmed", ""),
            vec!["False", "True"],
        ),
        (
            "exists, upper case",
            false,
            vec![
                (200, r#"{"error_code":3,"message":"HỒ SƠ ĐÃ TỒN TẠI"}"#),
                OK,
            ],
            ("confirmed", ""),
            vec!["False", "True"],
        ),
        (
            "missing",
            true,
            vec![MISSING, OK],
            ("confirmed", ""),
            vec!["True", "False"],
        ),
        (
            "exists and missing",
            false,
            vec![EXISTS, MISSING],
            ("refused", "portal_3"),
            vec!["False", "True"],
        ),
        (
            "missing and exists",
            true,
            vec![MISSING, EXISTS],
            ("later", "portal_exists"),
            vec!["True", "False"],
        ),
        (
            "missing, to a new one",
            false,
            vec![MISSING],
            ("refused", "portal_3"),
            vec!["False"],
        ),
        (
            "3 with words",
            false,
            vec![(200, r#"{"error_code":3,"message":"thiếu TenTTHC"}"#)],
            ("refused", "portal_3"),
            vec!["False"],
        ),
        (
            "-3 with words",
            false,
            vec![(200, words)],
            ("refused", "portal_-3"),
            vec!["False"],
        ),
        (
            "400 with words",
            false,
            vec![(400, words)],
            ("refused", "portal_-3"),
            vec!["False"],
        ),
        (
            "another code",
            false,
            vec![(200, r#"{"errorCode":"E-17","error_message":"sai"}"#)],
            ("refused", "portal_e-17"),
            vec!["False"],
        ),
        (
            "item taken",
            false,
            vec![(200, item_ok)],
            ("confirmed", ""),
            vec!["False"],
        ),
        (
            "item refused in a success",
            false,
            vec![(200, item_refused)],
            ("refused", "portal_3"),
            vec!["False"],
        ),
        (
            "item exists",
            false,
            vec![(200, item_exists), OK],
            ("confirmed", ""),
            vec!["False", "True"],
        ),
        (
            "session lost",
            false,
            vec![LOST, OK],
            ("confirmed", ""),
            vec!["False", "False"],
        ),
        (
            "session lost twice",
            false,
            vec![LOST, LOST],
            ("later", "session_lost"),
            vec!["False", "False"],
        ),
        (
            "error 500 inside 200",
            false,
            vec![(
                200,
                r#"{"error_code":"500","message":"Lỗi hệ thống: ORA-03113"}"#,
            )],
            ("later", "portal_500"),
            vec!["False"],
        ),
        (
            "page",
            false,
            vec![(200, "<html><title>Bảo trì</title></html>")],
            ("later", "html"),
            vec!["False"],
        ),
        (
            "page behind a mark",
            false,
            vec![(200, "\u{feff}<!DOCTYPE html>")],
            ("later", "html"),
            vec!["False"],
        ),
        (
            "nothing",
            false,
            vec![(200, "")],
            ("later", "empty"),
            vec!["False"],
        ),
        (
            "half",
            false,
            vec![(200, r#"{"error_code":"#)],
            ("later", "not_json"),
            vec!["False"],
        ),
        (
            "no code",
            false,
            vec![(200, r#"{"ok":true}"#)],
            ("later", "no_code"),
            vec!["False"],
        ),
        (
            "a list",
            false,
            vec![(200, "[]")],
            ("later", "no_code"),
            vec!["False"],
        ),
        (
            "a key twice",
            false,
            vec![(200, r#"{"error_code":0,"error_code":3}"#)],
            ("later", "not_json"),
            vec!["False"],
        ),
        (
            "adapter",
            false,
            vec![(500, r#"{"type":"Server.ServerProxy","message":"x"}"#)],
            ("later", "http_500"),
            vec!["False"],
        ),
        (
            "fault in 200",
            false,
            vec![(200, r#"{"type":"Server.ServerProxy","message":"x"}"#)],
            ("refused", "portal_refused"),
            vec!["False"],
        ),
        (
            "502 page",
            false,
            vec![(502, "<html>")],
            ("later", "http_502"),
            vec!["False"],
        ),
        (
            "redirect",
            false,
            vec![(302, "")],
            ("later", "http_302"),
            vec!["False"],
        ),
        (
            "forbidden",
            false,
            vec![(403, "{}")],
            ("later", "http_403"),
            vec!["False"],
        ),
        (
            "busy",
            false,
            vec![(429, "")],
            ("later", "http_429"),
            vec!["False"],
        ),
    ];
    for (name, is_known, answers, expected, updating) in rows {
        *scene.casework.is_known.lock().expect("lock") = is_known;
        scene.foreign.will(&answers);
        let outcome = scene.deliver().await;
        assert_eq!(cause(&outcome), expected, "{name}");
        let (asked, _) = scene.asked();
        let said: Vec<&str> = asked.iter().map(|asked| asked.text("isUpdating")).collect();
        assert_eq!(said, updating, "{name}");
        let shown = format!("{outcome:?}");
        for personal in ["Phạm", "Thử Nghiệm", "000000000000", "phiên-1", "mật khẩu"] {
            assert!(!shown.contains(personal), "{name}: {shown}");
        }
    }
}

#[tokio::test]
async fn a_lost_session_is_renewed_once_by_many_callers() {
    let scene = Scene::new("dvcqg-session").await;
    let number = std::sync::atomic::AtomicUsize::new(0);
    let is_lost = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let lost = is_lost.clone();
    scene.foreign.script(move |asked| {
        use std::sync::atomic::Ordering::SeqCst;
        if asked.path == LOGIN {
            let number = number.fetch_add(1, SeqCst);
            return Some((200, format!(r#"{{"error_code":0,"session":"s{number}"}}"#)));
        }
        let is_first = asked.text("session") == "s0";
        let answer = if is_first && lost.load(SeqCst) {
            LOST
        } else {
            OK
        };
        Some((answer.0, answer.1.to_owned()))
    });
    let outcomes = futures_util::future::join_all((0..20).map(|_| scene.deliver())).await;
    assert!(outcomes.iter().all(|o| *o == HandOverOutcome::Confirmed));
    let (_, logins) = scene.asked();
    assert_eq!(logins, 2, "one at first, one for the loss");
    scene.deliver().await;
    assert_eq!(scene.asked().1, 0, "the session is kept");
}

#[tokio::test]
async fn a_refused_log_in_and_a_closed_system_wait() {
    let scene = Scene::new("dvcqg-login").await;
    for (answer, expected) in [
        (
            (
                200,
                r#"{"error_code":1,"message":"Sai tên đăng nhập hoặc mật khẩu"}"#,
            ),
            ("later", "login_1"),
        ),
        ((200, r#"{"error_code":0}"#), ("later", "no_session")),
        ((200, "<html>"), ("later", "html")),
        ((503, ""), ("later", "http_503")),
    ] {
        scene.foreign.script(|_| None);
        scene.foreign.will(&[answer]);
        assert_eq!(cause(&scene.deliver().await), expected);
    }
    let failed = ("login".to_owned(), Err("login_1".to_owned()));
    assert_eq!(scene.casework.notes.lock().expect("lock")[0], failed);
    let actor = lgsp_base::Actor::Platform { part: "test" };
    let closed = scene
        .house
        .registry
        .close_system(&actor, scene.system)
        .await;
    closed.expect("closed");
    assert_eq!(cause(&scene.deliver().await), ("later", "no_connector"));
}

#[tokio::test]
async fn steps_go_in_tens_and_go_on_where_they_broke_off() {
    let scene = Scene::new("dvcqg-steps").await;
    let code = dossier().code;
    scene.casework.say(Message::Steps {
        code: code.clone(),
        steps: steps(25),
    });
    let partly = r#"{"error_code":"0","data":[
        {"MaHoSo":"H99.131-260312-0042","error_code":"0"},
        {"MaHoSo":"H99.131-260312-0042","error_code":"3","message":"NguoiXuLy Lê Thị Ví Dụ quá dài"},
        {"MaHoSo":"H99.131-260312-0042","error_code":"3","message":"thiếu TrangThai"}]}"#;
    scene.foreign.will(&[OK, (200, partly)]);
    let outcome = scene.deliver().await;
    let HandOverOutcome::Refused { cause, detail } = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(cause, "portal_3");
    assert_eq!(
        detail,
        "batch 2 of 25 steps: 2 of 3: H99.131-260312-0042 3 NguoiXuLy *** quá dài; \
         H99.131-260312-0042 3 thiếu TrangThai"
    );
    let sizes = |asked: &[Asked]| -> Vec<usize> {
        let items = asked
            .iter()
            .filter_map(|asked| asked.body["data"].as_array());
        items.map(Vec::len).collect()
    };
    assert_eq!(sizes(&scene.asked().0), [10, 10]);
    // The batch before is not sent again.
    scene.foreign.will(&[(502, "")]);
    scene.deliver().await;
    scene.foreign.will(&[EXISTS, OK, OK]);
    assert_eq!(scene.deliver().await, HandOverOutcome::Confirmed);
    let (asked, _) = scene.asked();
    assert_eq!(sizes(&asked), [10, 10, 10, 5]);
    let said: Vec<&str> = asked.iter().map(|asked| asked.text("isUpdating")).collect();
    assert_eq!(said, ["False", "False", "True", "False"]);
    assert_eq!(asked[3].text("service"), "CapNhatTienDoHoSoMC");
}

#[tokio::test]
async fn steps_of_a_dossier_that_the_portal_lost_bring_it_back() {
    let scene = Scene::new("dvcqg-restore").await;
    let code = dossier().code;
    scene.casework.say(Message::Steps {
        code,
        steps: steps(2),
    });
    *scene.casework.state.lock().expect("lock") = Some(dossier());
    scene.foreign.will(&[MISSING, OK, OK]);
    assert_eq!(scene.deliver().await, HandOverOutcome::Confirmed);
    let (asked, _) = scene.asked();
    let services: Vec<&str> = asked.iter().map(|asked| asked.text("service")).collect();
    assert_eq!(
        services,
        ["CapNhatTienDoHoSoMC", "DongBoHoSoMC", "CapNhatTienDoHoSoMC"]
    );
    // One that is lost for good is refused, not asked about for ever.
    scene.foreign.will(&[MISSING, OK, MISSING]);
    assert_eq!(cause(&scene.deliver().await), ("refused", "portal_3"));
}

#[tokio::test]
async fn what_is_no_dossier_is_refused_and_what_cannot_be_read_waits() {
    let scene = Scene::new("dvcqg-unread").await;
    *scene.casework.message.lock().expect("lock") = None;
    assert_eq!(cause(&scene.deliver().await), ("refused", "not_a_dossier"));
    assert!(scene.asked().0.is_empty());
}
