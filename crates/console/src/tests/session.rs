//! The door: who comes in, how long they stay, what is written down about it.

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, StatusCode};
use lgsp_base::{Secret, limits};
use lgsp_registry::model::Protocol;

use super::support::{Browser, with_world};
use crate::session::{Credential, Sessions};

const HTTP: &str = "http://127.0.0.1:8088";
const COOKIE: &str = "lgsp_phien";

#[test]
fn strangers_are_asked_to_log_in_and_come_back_to_where_they_wanted() {
    with_world("console-login", HTTP, |world| {
        async {
            let mut browser = Browser::default();
            let answer = browser.get(world, "/don-vi?q=a%20b").await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            assert_eq!(answer.location(), "/dang-nhap?ve=%2Fdon-vi%3Fq%3Da%2520b");
            let page = browser
                .get(world, "/dang-nhap?ve=%2Fdon-vi%3Fq%3Da%2520b")
                .await;
            assert_eq!(page.status, StatusCode::OK);
            let form = [
                ("csrf", page.csrf()),
                ("ve", "/don-vi?q=a%20b".to_owned()),
                ("khoa", format!("  {} ", world.operator)),
            ];
            let answer = browser.post(world, "/dang-nhap", &form).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            assert_eq!(answer.location(), "/don-vi?q=a%20b");
            assert_eq!(browser.get(world, "/").await.status, StatusCode::OK);
            // The login page sends a visitor on who is in already.
            assert_eq!(browser.get(world, "/dang-nhap").await.location(), "/");
        }
        .boxed()
    });
}

#[test]
fn every_answer_protects_and_nothing_is_kept_on_the_way() {
    with_world("console-headers", "https://lgsp.example/", |world| {
        async {
            let mut browser = world.logged_in(&world.operator.clone()).await;
            assert!(browser.cookie("__Host-lgsp_phien").is_some());
            for path in ["/", "/don-vi", "/don-vi/none", "/dang-nhap"] {
                let answer = browser.get(world, path).await;
                let policy = answer.header("content-security-policy");
                assert!(policy.starts_with("default-src 'none'"), "{path}");
                assert!(
                    !policy.contains("unsafe") && !policy.contains("http"),
                    "{path}"
                );
                assert_eq!(answer.header("cache-control"), "no-store", "{path}");
                assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
                assert!(!answer.header("strict-transport-security").is_empty());
            }
            let page = browser.get(world, "/").await.body;
            let start = page.find("/assets/console.").expect("an asset");
            let asset = page[start..].split('"').next().expect("its end").to_owned();
            let answer = browser.get(world, &asset).await;
            assert!(answer.header("cache-control").contains("immutable"));
            let answer = browser.get(world, "/assets/console.0.css").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        .boxed()
    });
}

#[test]
fn cookies_are_out_of_reach_of_scripts_and_of_other_sites() {
    with_world("console-cookies", "https://lgsp.example", |world| {
        async {
            let mut browser = Browser::default();
            let page = browser.get(world, "/dang-nhap?lang=en").await;
            let form = [("csrf", page.csrf()), ("khoa", world.operator.clone())];
            let answer = browser.post(world, "/dang-nhap", &form).await;
            let cookies: Vec<&str> = answer
                .headers
                .get_all("set-cookie")
                .iter()
                .chain(page.headers.get_all("set-cookie"))
                .map(|value| value.to_str().expect("plain"))
                .collect();
            assert!(cookies.len() >= 4, "{cookies:?}");
            for cookie in cookies {
                for word in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
                    assert!(cookie.contains(word), "{word}: {cookie}");
                }
            }
        }
        .boxed()
    });
}

#[test]
fn wrong_tokens_are_refused_written_down_and_slowed() {
    with_world("console-refused", HTTP, |world| {
        async {
            let mut browser = Browser::default();
            let most = limits::CONSOLE_LOGIN_FAILURES_MAX;
            for _ in 0..most {
                let page = browser.get(world, "/dang-nhap").await;
                let form = [
                    ("csrf", page.csrf()),
                    ("khoa", "lgsp_test_wrong".to_owned()),
                ];
                let answer = browser.post(world, "/dang-nhap", &form).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
                assert!(answer.body.contains("Khóa không đúng"));
            }
            // Also the right one is not looked at now.
            let page = browser.get(world, "/dang-nhap").await;
            let form = [("csrf", page.csrf()), ("khoa", world.operator.clone())];
            let answer = browser.post(world, "/dang-nhap", &form).await;
            assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(answer.header("retry-after"), "300");
            let (kinds, records) = world.ledger().await;
            let refused = kinds
                .iter()
                .filter(|kind| *kind == "session.refused")
                .count();
            assert_eq!(u32::try_from(refused), Ok(most));
            assert!(!records.contains("lgsp_test_wrong"));
            world.advance(limits::CONSOLE_LOGIN_WINDOW.as_secs());
            world.logged_in(&world.operator.clone()).await;
        }
        .boxed()
    });
}

#[test]
fn a_form_needs_the_token_of_its_page_and_its_site() {
    with_world("console-csrf", HTTP, |world| {
        async {
            let mut stranger = Browser::default();
            let form = [("csrf", "0".repeat(64)), ("khoa", world.operator.clone())];
            let answer = stranger.post(world, "/dang-nhap", &form).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN);

            let mut browser = world.logged_in(&world.operator.clone()).await;
            let csrf = browser.get(world, "/tai-khoan").await.csrf();
            let other = world.logged_in(&world.operator.clone()).await;
            let foreign = other.clone().get(world, "/tai-khoan").await.csrf();
            assert_ne!(csrf, foreign, "each session has its own");
            for wrong in [String::new(), foreign] {
                let answer = browser.post(world, "/dang-xuat", &[("csrf", wrong)]).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN);
                assert!(answer.body.contains("auth.form"));
            }
            let right = [("csrf", csrf)];
            let answer = browser
                .post_from(world, "/dang-xuat", &right, "cross-site")
                .await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
            let answer = browser.post(world, "/dang-xuat", &right).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
        }
        .boxed()
    });
}

#[test]
fn a_session_ends_in_silence_after_its_life_and_with_its_token() {
    with_world("console-ends", HTTP, |world| {
        async {
            let idle = limits::CONSOLE_SESSION_IDLE.as_secs();
            let mut browser = world.logged_in(&world.operator.clone()).await;
            world.advance(idle - 1);
            assert_eq!(browser.get(world, "/").await.status, StatusCode::OK);
            world.advance(idle - 1);
            // A part that is refreshed by itself answers, but is no sign of life.
            let answer = browser.get(world, "/?manh=cards").await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(!answer.body.contains("<html"));
            world.advance(1);
            let answer = browser.get(world, "/?manh=cards").await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER);

            let mut busy = world.logged_in(&world.operator.clone()).await;
            let life = limits::CONSOLE_SESSION_LIFE.as_secs();
            for _ in 0..(life / 600) {
                assert_eq!(busy.get(world, "/").await.status, StatusCode::OK);
                world.advance(600);
            }
            assert_eq!(busy.get(world, "/").await.status, StatusCode::SEE_OTHER);

            let new = world.house.connect("H99.14", Protocol::Rest).await;
            let token = new.token.expect("a token").expose().clone();
            let mut agency = world.logged_in(&token).await;
            assert_eq!(agency.get(world, "/").await.status, StatusCode::OK);
            let platform = lgsp_base::Actor::Platform { part: "test" };
            let registry = &world.house.registry;
            registry
                .close_system(&platform, new.system)
                .await
                .expect("closed");
            assert_eq!(agency.get(world, "/").await.status, StatusCode::SEE_OTHER);
        }
        .boxed()
    });
}

#[test]
fn logging_out_ends_the_session_and_the_ledger_tells_without_secrets() {
    with_world("console-logout", HTTP, |world| {
        async {
            let mut browser = world.logged_in(&world.operator.clone()).await;
            let kept = browser.clone();
            let cookie = browser.cookie(COOKIE).expect("a session").to_owned();
            let csrf = browser.get(world, "/").await.csrf();
            let answer = browser.post(world, "/dang-xuat", &[("csrf", csrf)]).await;
            assert_eq!(answer.location(), "/dang-nhap?xong=logged_out");
            assert_eq!(browser.cookie(COOKIE), None);
            let page = browser.get(world, answer.location()).await;
            assert!(page.body.contains("Đã đăng xuất"));
            // A copy of the cookie is worth nothing.
            assert_eq!(
                kept.clone().get(world, "/").await.status,
                StatusCode::SEE_OTHER
            );
            let (kinds, records) = world.ledger().await;
            let own: Vec<&str> = kinds
                .iter()
                .map(String::as_str)
                .filter(|kind| kind.starts_with("session."))
                .collect();
            assert_eq!(own, ["session.opened", "session.closed"]);
            assert!(!records.contains(&cookie) && !records.contains(&world.operator));
        }
        .boxed()
    });
}

#[test]
fn a_link_opens_one_session_once_and_for_a_while() {
    with_world("console-link", HTTP, |world| {
        async {
            let link = world
                .sessions
                .issue_link(&world.operator)
                .await
                .expect("a link");
            let path = format!("/?k={}", link.expose());
            // Programs that look at links in letters do not use it up.
            let mut look = Request::head(&path).body(Body::empty()).expect("valid");
            let mut browser = Browser::default();
            let (status, headers, _) = browser.open(world, &mut look).await;
            assert_eq!(status, StatusCode::SEE_OTHER);
            assert!(!headers.contains_key("set-cookie"));
            let answer = browser.get(world, &path).await;
            assert_eq!(
                (answer.status, answer.location()),
                (StatusCode::SEE_OTHER, "/")
            );
            assert_eq!(browser.get(world, "/").await.status, StatusCode::OK);

            let mut second = Browser::default();
            let answer = second.get(world, &path).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            assert!(
                !answer.body.contains(link.expose()),
                "the secret is not repeated"
            );
            // What another process makes of the same database knows it too.
            let sessions = world.sessions.clone();
            let again = sessions.open(Credential::Link(link), "10.0.0.1").await;
            assert!(again.is_err());

            let late = world
                .sessions
                .issue_link(&world.operator)
                .await
                .expect("a link");
            world.advance(limits::CONSOLE_LINK_LIFE.as_secs());
            let answer = second.get(world, &format!("/?k={}", late.expose())).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            let wrong = Credential::Link(Secret::new("none".to_owned()));
            assert!(sessions.open(wrong, "").await.is_err());
            assert!(sessions.issue_link("lgsp_test_none").await.is_err());
        }
        .boxed()
    });
}

#[test]
fn a_visitor_reads_as_they_wish_without_script() {
    with_world("console-wishes", HTTP, |world| {
        async {
            let mut browser = Browser::default();
            let page = browser.get(world, "/dang-nhap").await;
            assert!(page.body.contains("<html lang=\"vi\" data-text=\"usual\""));
            let form = [
                ("ve", "/dang-nhap".to_owned()),
                ("co_chu", "large".to_owned()),
            ];
            let answer = browser.post(world, "/tuy-chon", &form).await;
            assert_eq!(
                (answer.status, answer.location()),
                (StatusCode::SEE_OTHER, "/dang-nhap")
            );
            let form = [
                ("ve", "//evil.example".to_owned()),
                ("tuong_phan", "high".to_owned()),
            ];
            let answer = browser.post(world, "/tuy-chon", &form).await;
            assert_eq!(answer.location(), "/");
            browser.get(world, "/dang-nhap?lang=en").await;
            let page = browser.get(world, "/dang-nhap").await;
            let head = "<html lang=\"en\" data-text=\"large\" data-contrast=\"high\">";
            assert!(page.body.contains(head));
            assert!(page.body.contains("Access token"));
        }
        .boxed()
    });
}

#[test]
fn english_addresses_lead_to_the_vietnamese_ones() {
    with_world("console-aliases", HTTP, |world| {
        async {
            let mut browser = Browser::default();
            for (from, to) in [
                ("/documents?q=1", "/van-ban?q=1"),
                ("/trace/doc_x", "/truy-vet/doc_x"),
                ("/organisations", "/don-vi"),
                ("/ledger", "/nhat-ky"),
            ] {
                let answer = browser.get(world, from).await;
                assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{from}");
                assert_eq!(answer.location(), to);
            }
        }
        .boxed()
    });
}

#[test]
fn an_alarm_stands_on_every_page_with_its_countdown_and_only_for_those_who_are_logged_in() {
    with_world("console-alarms", HTTP, |world| {
        async {
            *world.quiet.1.lock().expect("alarms") = crate::alarms::samples();
            let mut browser = world.logged_in(&world.operator.clone()).await;
            for path in ["/", "/van-ban", "/nhat-ky"] {
                let page = browser.get(world, path).await.body;
                assert!(
                    page.contains("cơ quan cấp dấu thời gian không trả lời"),
                    "{path}"
                );
                assert!(page.contains("data-until"), "{path}");
                assert!(page.contains("Bên chứng kiến witness.example"), "{path}");
            }
            let stranger = Browser::default().get(world, "/dang-nhap").await.body;
            assert!(!stranger.contains("Bên chứng kiến"));
        }
        .boxed()
    });
}
