//! Dossiers over the browser: seen masked by those who run the platform, whole by their party, and looked up by everybody.

use futures_util::FutureExt;
use http::StatusCode;
use lgsp_base::{Actor, limits};
use lgsp_exchange::Door;
use lgsp_exchange::dossier::{DossierPush, Procedure};
use lgsp_registry::model::Protocol;
use lgsp_wire::dossier::Dossier;

use super::support::{Answer, Browser, World, with_world};

const HTTP: &str = "http://127.0.0.1:8088";
const PLATFORM: Actor = Actor::Platform { part: "test" };
const CODE: &str = "H99.131-260312-0042";
/// The applicant of the sample.
const NAME: &str = "Phạm Thị Thử Nghiệm";
/// The end of the sample's receipt number `BN-260312-0042`.
const CHECK: &str = "0042";

/// The sample of the wire formats.
fn sample() -> Dossier {
    let text = include_str!("../../../wire/fixtures/dossier_DongBoHoSoMC_new.json");
    let request: serde_json::Value = serde_json::from_str(text).expect("JSON");
    Dossier::from_portal(request["data"][0].clone(), "data[0]")
        .result
        .expect("a dossier")
}

async fn pushed(world: &World) -> String {
    let push = DossierPush {
        idempotency_key: Some("first".to_owned()),
        ..DossierPush::new(PLATFORM, Door::Api, sample())
    };
    let accepted = world.dossiers.push(push).await.expect("taken");
    accepted.dossier.to_string()
}

async fn looked_up(world: &World, browser: &mut Browser, code: &str, check: &str) -> Answer {
    let csrf = browser.get(world, "/tra-cuu").await.csrf();
    let form = [
        ("csrf", csrf),
        ("ma", code.to_owned()),
        ("kiem_tra", check.to_owned()),
    ];
    browser.post(world, "/tra-cuu", &form).await
}

#[test]
fn an_operator_sees_dossiers_without_seeing_persons() {
    with_world("console-dossiers", HTTP, |world| {
        async {
            let id = pushed(world).await;
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let list = browser.get(world, "/ho-so").await;
            assert_eq!(list.status, StatusCode::OK);
            let page = browser.get(world, &format!("/ho-so/{id}")).await;
            assert_eq!(page.status, StatusCode::OK);
            for answer in [&list, &page] {
                assert!(answer.body.contains(CODE));
                assert!(answer.body.contains("P*** T*** T*** N***"), "masked");
                for secret in [NAME, "000000000000", "congdan.mau@example.com"] {
                    assert!(!answer.body.contains(secret), "{secret}");
                }
            }
            let (kinds, records) = world.ledger().await;
            assert!(
                kinds.iter().any(|kind| kind == "dossier.viewed"),
                "{kinds:?}"
            );
            assert!(
                !records.contains("Thử Nghiệm"),
                "the ledger names no person"
            );
            for path in [
                "/ho-so?han=overdue",
                "/ho-so?ma=H99.131-26",
                "/ho-so/ton-dong",
            ] {
                let answer = browser.get(world, path).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}");
                assert!(!answer.body.contains(NAME), "{path}");
            }
            let none = browser.get(world, "/ho-so?ma=H98").await;
            assert!(none.body.contains("Không có hồ sơ nào khớp"));
            let unknown = browser.get(world, "/ho-so/dsr_0").await;
            assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        }
        .boxed()
    });
}

#[test]
fn a_party_sees_the_person_and_nobody_else_sees_the_dossier() {
    with_world("console-dossier-party", HTTP, |world| {
        async {
            let id = pushed(world).await;
            let own = world.house.connect("H99.131", Protocol::Rest).await;
            let other = world.house.connect("H99.132", Protocol::Rest).await;
            let token = |new: &lgsp_registry::NewSystem| {
                new.token.as_ref().expect("a token").expose().clone()
            };
            let mut party = world.logged_in(&token(&own)).await;
            let page = party.get(world, &format!("/ho-so/{id}")).await;
            assert!(page.body.contains(NAME), "{}", page.body);
            let mut stranger = world.logged_in(&token(&other)).await;
            let hidden = stranger.get(world, &format!("/ho-so/{id}")).await;
            assert_eq!(hidden.status, StatusCode::NOT_FOUND);
            let list = stranger.get(world, "/ho-so").await;
            assert!(!list.body.contains(CODE));
        }
        .boxed()
    });
}

#[test]
fn everybody_looks_up_with_code_and_digits_and_learns_nothing_otherwise() {
    with_world("console-look-up", HTTP, |world| {
        async {
            pushed(world).await;
            let mut browser = Browser::default();
            let found = looked_up(world, &mut browser, CODE, CHECK).await;
            assert_eq!(found.status, StatusCode::OK);
            assert!(found.body.contains("Được tiếp nhận"));
            assert!(found.body.contains("UBND xã Phú Mẫu"));
            for secret in [NAME, "000000000000", "example.com", "Phạm"] {
                assert!(!found.body.contains(secret), "{secret}");
            }
            // A wrong check and an unknown code look alike.
            let wrong = looked_up(world, &mut browser, CODE, "9999").await;
            let unknown = looked_up(world, &mut browser, "H99.131-260312-0043", CHECK).await;
            let shape = |answer: &Answer| {
                let body = answer.body.replace("0043", "0042");
                (answer.status, body.len())
            };
            assert_eq!(wrong.status, StatusCode::NOT_FOUND);
            assert_eq!(shape(&wrong), shape(&unknown));
            assert!(!wrong.body.contains("Được tiếp nhận"));
            let forged = [("ma", CODE.to_owned()), ("kiem_tra", CHECK.to_owned())];
            let forged = browser.post(world, "/tra-cuu", &forged).await;
            assert_eq!(forged.status, StatusCode::FORBIDDEN);
        }
        .boxed()
    });
}

#[test]
fn digits_of_a_code_are_not_tried_out() {
    with_world("console-look-up-bound", HTTP, |world| {
        async {
            pushed(world).await;
            let mut browser = Browser::default();
            for guess in 1..limits::LOOK_UP_FAILURES_PER_CODE_MAX {
                let check = format!("{:04}", guess + 5_000);
                let answer = looked_up(world, &mut browser, CODE, &check).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{guess}");
            }
            // A success costs nothing, another failure closes the code for everybody.
            let right = looked_up(world, &mut browser, CODE, CHECK).await;
            assert_eq!(right.status, StatusCode::OK);
            looked_up(world, &mut browser, CODE, "5999").await;
            let closed = looked_up(world, &mut browser, CODE, CHECK).await;
            assert_eq!(closed.status, StatusCode::TOO_MANY_REQUESTS);
            assert!(!closed.header("retry-after").is_empty());
            world.advance(limits::LOOK_UP_WINDOW.as_secs());
            let later = looked_up(world, &mut browser, CODE, CHECK).await;
            assert_eq!(later.status, StatusCode::OK);
        }
        .boxed()
    });
}

#[test]
fn an_operator_says_what_a_local_code_means() {
    with_world("console-procedures", HTTP, |world| {
        async {
            let procedure = Procedure {
                code: "9.000001".to_owned(),
                agency: String::new(),
                name: "Thủ tục mẫu".to_owned(),
                field_code: "G99-LV01".to_owned(),
                field_name: "Lĩnh vực mẫu".to_owned(),
                level: "4".to_owned(),
                record: "{}".to_owned(),
                synced_at: sample().received_at.expect("received"),
                version: 1,
            };
            let put = world.dossiers.procedures_put(&PLATFORM, vec![procedure]);
            put.await.expect("stored");
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let page = browser.get(world, "/thu-tuc").await;
            assert!(page.body.contains("9.000001") && page.body.contains("Thủ tục mẫu"));
            let form = |local: &str, national: &str| {
                [
                    ("csrf", page.csrf()),
                    ("dia_phuong", local.to_owned()),
                    ("quoc_gia", national.to_owned()),
                ]
            };
            let action = "/thu-tuc/anh-xa";
            let unknown = form("9.000077", "9.000009");
            let unknown = browser.post(world, action, &unknown).await;
            assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
            let saved = form("9.000077", "9.000001");
            let saved = browser.post(world, action, &saved).await;
            assert_eq!(saved.location(), "/thu-tuc?xong=procedure_mapped");
            let page = browser.get(world, saved.location()).await;
            assert!(page.body.contains("9.000077"));
        }
        .boxed()
    });
}
