//! Organisations and systems over the browser: what is shown to whom, and what a post changes.

use futures_util::FutureExt;
use http::StatusCode;
use lgsp_registry::model::Protocol;

use super::support::{Browser, World, with_world};

const HTTP: &str = "http://127.0.0.1:8088";

#[test]
fn organisations_are_found_with_and_without_marks() {
    with_world("console-orgs", HTTP, |world| {
        async {
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let page = browser.get(world, "/don-vi").await.body;
            assert!(page.contains("UBND tỉnh Bình An"));
            assert!(page.contains("Sở Khoa học và Công nghệ"));
            for text in ["so%20khoa%20hoc", "S%E1%BB%9F%20Khoa", "skhvcn", "H99.14"] {
                let page = browser.get(world, &format!("/don-vi?q={text}")).await.body;
                assert!(page.contains("Sở Khoa học và Công nghệ"), "{text}");
                assert!(!page.contains("UBND xã An Hòa"), "{text}");
            }
            let page = browser.get(world, "/don-vi/H99.14").await;
            assert!(page.body.contains("<h1>Sở Khoa học và Công nghệ</h1>"));
            let missing = browser.get(world, "/don-vi/H99.77").await;
            assert_eq!(missing.status, StatusCode::NOT_FOUND);
            assert!(missing.body.contains("Mã truy vết"));
            let answer = browser.get(world, "/tim?q=H99.14").await;
            assert_eq!(
                answer.location(),
                format!("/don-vi/{}", world.org("H99.14"))
            );
            let answer = browser.get(world, "/tim?q=an%20hoa").await;
            assert!(answer.body.contains("UBND xã An Hòa"));
        }
        .boxed()
    });
}

async fn csrf(world: &World, browser: &mut Browser) -> String {
    browser.get(world, "/tai-khoan").await.csrf()
}

#[test]
fn a_system_is_added_shown_its_secret_once_and_closed() {
    with_world("console-systems", HTTP, |world| {
        async {
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let csrf = csrf(world, &mut browser).await;
            let form = |organisation: &str, name: &str, protocol: &str| {
                [
                    ("csrf", csrf.clone()),
                    ("don_vi", organisation.to_owned()),
                    ("ten", name.to_owned()),
                    ("giao_thuc", protocol.to_owned()),
                ]
            };
            let wrong = browser
                .post(world, "/he-thong/them", &form("khoa hoc", "", ""))
                .await;
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(wrong.body.contains("don-vi=H99.14"), "a code is suggested");

            let made = browser
                .post(world, "/he-thong/them", &form("H99.14", "QLVB", "rest"))
                .await;
            assert_eq!(made.status, StatusCode::CREATED);
            assert_eq!(made.header("cache-control"), "no-store");
            let start = made.body.find("lgsp_live_").expect("a token");
            let token = made.body[start..]
                .split('<')
                .next()
                .expect("its end")
                .to_owned();
            let again = browser
                .post(world, "/he-thong/them", &form("H99.14", "QLVB", "rest"))
                .await;
            assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);

            let list = browser.get(world, "/he-thong?q=qlvb").await.body;
            let start = list.find("/he-thong/sys_").expect("a link");
            let path = list[start..].split('"').next().expect("its end").to_owned();
            let page = browser.get(world, &path).await.body;
            assert!(!page.contains(&token), "the secret is shown once");

            // A second token, and a page that is loaded again does not make a third.
            let name = [("csrf", csrf.clone()), ("ten", "Máy phụ".to_owned())];
            let issued = browser.post(world, &format!("{path}/khoa"), &name).await;
            assert_eq!(issued.status, StatusCode::CREATED);
            let repeated = browser.post(world, &format!("{path}/khoa"), &name).await;
            assert_eq!(repeated.status, StatusCode::UNPROCESSABLE_ENTITY);
            let page = browser.get(world, &path).await.body;
            let start = page.find(&format!("{path}/khoa/tok_")).expect("a link");
            let revoke = page[start..].split('"').next().expect("its end").to_owned();
            assert_eq!(browser.get(world, &revoke).await.status, StatusCode::OK);
            let only = [("csrf", csrf.clone())];
            let done = browser.post(world, &revoke, &only).await;
            assert_eq!(done.location(), format!("{path}?xong=token_revoked"));
            assert!(
                browser
                    .get(world, done.location())
                    .await
                    .body
                    .contains("Đã thu hồi")
            );

            let close = format!("{path}/dong");
            let asked = browser.get(world, &close).await;
            assert!(asked.body.contains("ngừng hiệu lực ngay"));
            assert_eq!(
                browser.post(world, &close, &only).await.status,
                StatusCode::SEE_OTHER
            );
            let again = browser.post(world, &close, &only).await;
            assert_eq!(again.status, StatusCode::NOT_FOUND);
            let (kinds, _) = world.ledger().await;
            for kind in [
                "system.added",
                "token.issued",
                "token.revoked",
                "system.closed",
            ] {
                assert!(kinds.iter().any(|one| one == kind), "{kind}");
            }
        }
        .boxed()
    });
}

#[test]
fn an_endpoint_is_approved_and_switched_off() {
    with_world("console-webhooks", HTTP, |world| {
        async {
            let new = world.house.connect("H99.14", Protocol::Rest).await;
            let platform = lgsp_base::Actor::Platform { part: "test" };
            world
                .house
                .registry
                .propose_webhook(&platform, new.system, "https://qlvb.example/nhan")
                .await
                .expect("proposed");
            let token = new.token.expect("a token").expose().clone();
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let only = [("csrf", csrf(world, &mut browser).await)];
            let page = browser
                .get(world, &format!("/he-thong/{}", new.system))
                .await
                .body;
            let link = |page: &str, ending: &str| {
                let end = page.find(ending).expect(ending) + ending.len();
                let start = page[..end].rfind("/he-thong/").expect("a link");
                page[start..end].to_owned()
            };
            let approve = link(&page, "/duyet");
            // The owner may not approve.
            let mut agency = world.logged_in(&token).await;
            let own = [("csrf", csrf(world, &mut agency).await)];
            let refused = agency.post(world, &approve, &own).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
            let done = browser.post(world, &approve, &only).await;
            assert!(done.location().ends_with("xong=webhook_approved"));
            let page = browser.get(world, done.location()).await.body;
            assert!(page.contains("Đang dùng"));
            // But switch off it may.
            let off = agency.post(world, &link(&page, "/tat"), &own).await;
            assert!(off.location().ends_with("xong=webhook_disabled"), "{off:?}");
        }
        .boxed()
    });
}

#[test]
fn an_agency_sees_its_own_and_nothing_of_others() {
    with_world("console-agency", HTTP, |world| {
        async {
            let own = world.house.connect("H99.14", Protocol::Rest).await;
            let other = world.house.connect("H99.131", Protocol::Rest).await;
            let token = own.token.expect("a token").expose().clone();
            let mut agency = world.logged_in(&token).await;
            let list = agency.get(world, "/he-thong").await.body;
            assert!(list.contains(&own.system.to_string()));
            assert!(!list.contains(&other.system.to_string()));
            let page = agency
                .get(world, &format!("/he-thong/{}", own.system))
                .await;
            assert_eq!(page.status, StatusCode::OK);
            let page = agency
                .get(world, &format!("/he-thong/{}", other.system))
                .await;
            assert_eq!(page.status, StatusCode::NOT_FOUND);
            for path in ["/he-thong/them", &format!("/he-thong/{}/dong", own.system)] {
                assert_eq!(
                    agency.get(world, path).await.status,
                    StatusCode::FORBIDDEN,
                    "{path}"
                );
            }
            let only = [("csrf", csrf(world, &mut agency).await)];
            let close = format!("/he-thong/{}/dong", own.system);
            assert_eq!(
                agency.post(world, &close, &only).await.status,
                StatusCode::FORBIDDEN
            );
            let page = agency.get(world, "/don-vi/H99.131").await.body;
            assert!(page.contains("Chỉ người vận hành"));
        }
        .boxed()
    });
}
