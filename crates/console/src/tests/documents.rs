//! Documents over the browser: found, followed, proved; and what did not arrive, sent again.

use futures_util::FutureExt;
use http::StatusCode;
use lgsp_base::Actor;
use lgsp_base::id::DocumentId;
use lgsp_exchange::{Door, IntakeKind, Submit};
use lgsp_registry::model::Protocol;
use lgsp_wire::tlog::receipt;

use super::support::{Browser, World, with_world};

const HTTP: &str = "http://127.0.0.1:8088";
const PLATFORM: Actor = Actor::Platform { part: "test" };

/// Sends a plain document from the province to one of its units.
async fn sent(world: &World, to: &str, subject: &str) -> DocumentId {
    let mut intake = world
        .house
        .exchange
        .intake(
            IntakeKind::Plain {
                content_type: "text/plain".to_owned(),
            },
            &PLATFORM,
            None,
        )
        .expect("room");
    intake.push(subject.as_bytes()).expect("written");
    let content = intake.finish().expect("whole");
    let submit = Submit {
        sender: Some("H99".to_owned()),
        recipients: vec![to.to_owned()],
        external_id: Some(subject.to_owned()),
        subject: Some(subject.to_owned()),
        ..Submit::new(PLATFORM, Door::Api, content)
    };
    world
        .house
        .exchange
        .submit(submit)
        .await
        .expect("accepted")
        .document
}

async fn csrf(world: &World, browser: &mut Browser) -> String {
    browser.get(world, "/tai-khoan").await.csrf()
}

#[test]
fn a_document_is_found_followed_and_proved() {
    with_world("console-documents", HTTP, |world| {
        async {
            world.house.connect("H99.14", Protocol::Rest).await;
            let id = sent(world, "H99.14", "V/v chuẩn bị Hội nghị").await;
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let trace = browser.get(world, &format!("/truy-vet/{id}")).await.plain();
            assert!(trace.contains("Đang chờ niêm phong"), "before it is sealed");
            let early = browser
                .get(world, &format!("/truy-vet/{id}/bien-nhan"))
                .await;
            assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE);

            world.settle().await;
            for query in [
                "",
                "?q=chuan%20bi",
                "?q=chu%E1%BA%A9n",
                "?don-vi=H99.14",
                "?trang-thai=under_way&loai=plain",
            ] {
                let list = browser.get(world, &format!("/van-ban{query}")).await.body;
                assert!(list.contains(&format!("/truy-vet/{id}")), "{query}");
            }
            for query in [
                "?q=khac",
                "?don-vi=H99.132",
                "?trang-thai=done",
                "?don-vi=khong-co",
            ] {
                let list = browser.get(world, &format!("/van-ban{query}")).await.body;
                assert!(!list.contains(&format!("/truy-vet/{id}")), "{query}");
            }
            let trace = browser.get(world, &format!("/truy-vet/{id}")).await.plain();
            assert!(trace.contains("V/v chuẩn bị Hội nghị") && trace.contains("/nhat-ky/"));
            let part = browser
                .get(world, &format!("/truy-vet/{id}?manh=way"))
                .await
                .body;
            assert!(part.contains("Sở Khoa học và Công nghệ") && !part.contains("<html"));

            let bundle = browser
                .get(world, &format!("/truy-vet/{id}/bien-nhan"))
                .await;
            let key = world.ledger.verifier_key();
            let report = receipt::verify(bundle.body.as_bytes(), Some(&key));
            assert!(report.is_valid() && report.is_pinned(), "{report:?}");
            let ledger = browser.get(world, "/nhat-ky").await.body;
            assert!(ledger.contains("gửi một văn bản") && ledger.contains("ledger.example+"));
            let entry = browser.get(world, "/nhat-ky/0").await.body;
            assert!(entry.contains("Bằng chứng đúng"));
            let beyond = browser.get(world, "/nhat-ky/999999").await;
            assert_eq!(beyond.status, StatusCode::NOT_FOUND);
            let strange = browser.get(world, "/truy-vet/doc_khong-co").await;
            assert_eq!(strange.status, StatusCode::NOT_FOUND);
        }
        .boxed()
    });
}

#[test]
fn an_agency_sees_its_own_documents_and_nobody_elses() {
    with_world("console-scope", HTTP, |world| {
        async {
            let own = world.house.connect("H99.14", Protocol::Rest).await;
            world.house.connect("H99.131", Protocol::Rest).await;
            let mine = sent(world, "H99.14", "của tôi").await;
            let other = sent(world, "H99.131", "của người khác").await;
            world.settle().await;
            let token = own.token.expect("a token").expose().clone();
            let mut browser = world.logged_in(&token).await;
            let list = browser.get(world, "/van-ban").await.body;
            assert!(list.contains(&mine.to_string()) && !list.contains(&other.to_string()));
            let hidden = browser.get(world, &format!("/truy-vet/{other}")).await;
            let missing = browser
                .get(world, &format!("/truy-vet/{}", DocumentId::from_bits(1)))
                .await;
            assert_eq!(hidden.status, StatusCode::NOT_FOUND);
            assert_eq!(missing.status, StatusCode::NOT_FOUND);
            let ledger = browser.get(world, "/nhat-ky").await;
            assert_eq!(ledger.status, StatusCode::FORBIDDEN);
        }
        .boxed()
    });
}

#[test]
fn dead_letters_are_previewed_sent_again_once_and_can_be_stopped() {
    with_world("console-dead", HTTP, |world| {
        async {
            world.house.connect("H99.14", Protocol::Rest).await;
            for number in 0..3 {
                sent(world, "H99.14", &format!("văn bản {number}")).await;
            }
            world.advance(31 * 86_400);
            world.house.exchange.expire_due().await.expect("expired");
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let list = browser.get(world, "/hang-doi-loi").await.plain();
            assert!(
                list.contains("Nơi nhận không lấy văn bản trong thời hạn"),
                "{list}"
            );
            let start = list.find("/hang-doi-loi/gui-lai?").expect("a way on");
            let href = list[start..]
                .split('"')
                .next()
                .expect("its end")
                .replace("&amp;", "&");
            let sample = list.find("/hang-doi-loi/mau/").expect("a sample");
            let sample = list[sample..]
                .split('"')
                .next()
                .expect("its end")
                .to_owned();
            let leads = browser.get(world, &sample).await;
            assert!(leads.location().starts_with("/truy-vet/doc_"));

            let preview = browser.get(world, &href).await.plain();
            assert!(preview.contains("Gửi lại 3 bản tin"), "{preview}");
            let key = preview.find("name=\"khoa\" value=\"").expect("a key") + 19;
            let key = preview[key..]
                .split('"')
                .next()
                .expect("its end")
                .to_owned();
            let csrf = csrf(world, &mut browser).await;
            let query = href.split_once('?').expect("a query").1.to_owned();
            let mut form: Vec<(&str, String)> = vec![
                ("csrf", csrf.clone()),
                ("khoa", key),
                ("toc-do", "1".to_owned()),
            ];
            for pair in query.split('&') {
                let (name, value) = pair.split_once('=').expect("a pair");
                let name = ["nguyen-nhan", "don-vi", "trang-thai"]
                    .into_iter()
                    .find(|known| *known == name)
                    .expect("known");
                form.push((name, value.to_owned()));
            }
            let first = browser.post(world, "/hang-doi-loi/gui-lai", &form).await;
            assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.body);
            let again = browser.post(world, "/hang-doi-loi/gui-lai", &form).await;
            assert_eq!(first.location(), again.location(), "pressed twice, one job");
            let job = first.location().to_owned();
            let page = browser.get(world, &job).await.plain();
            assert!(page.contains("Đang chạy") && page.contains("0/3"), "{page}");
            let stop = browser
                .post(world, &format!("{job}/dung"), &[("csrf", csrf.clone())])
                .await;
            assert_eq!(stop.location(), job);
            let page = browser.get(world, &job).await.plain();
            assert!(page.contains("Đã hủy phần còn lại"));
            let without = browser
                .post(world, "/hang-doi-loi/gui-lai", &[("khoa", "x".to_owned())])
                .await;
            assert_eq!(
                without.status,
                StatusCode::FORBIDDEN,
                "a form without its token"
            );
        }
        .boxed()
    });
}
