//! Systems, credentials, agencies and endpoints over a database on each engine.

use std::sync::Arc;

use lgsp_base::Secret;
use lgsp_store::testing::for_each_engine;

use super::service::{binh_an, clock, ledger};
use super::support::{open, operator, runtime, system_actor};
use crate::connectors::NewConnector;
use crate::error::{ConnectorRule, SystemError, UrlRule};
use crate::model::{ConnectorSettings, Protocol, WebhookState};
use crate::service::Registry;
use crate::tokens::{Environment, Token};
use crate::vault::Vault;

#[test]
fn the_first_system_receives_until_another_is_chosen_or_it_closes() {
    for_each_engine("registry-receiver", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            binh_an(&registry).await;
            let by = operator();
            let org = registry.snapshot().lookup("H99.14").unwrap().id;
            assert!(registry.snapshot().receiver(org).is_none());
            let first = registry
                .add_system(&by, org, "QLVB", Protocol::Vxp)
                .await
                .unwrap();
            let second = registry
                .add_system(&by, org, "Một cửa", Protocol::Rest)
                .await
                .unwrap();
            let receiver = || registry.snapshot().receiver(org).map(|system| system.id);
            assert_eq!(receiver(), Some(first.system));
            registry.set_receiver(&by, second.system).await.unwrap();
            assert_eq!(receiver(), Some(second.system));
            let twice = registry.add_system(&by, org, "QLVB", Protocol::Rest).await;
            assert!(matches!(twice, Err(SystemError::Exists(name)) if name == "QLVB"));
            registry.close_system(&by, second.system).await.unwrap();
            assert_eq!(receiver(), None);
            let again = registry.close_system(&by, second.system).await;
            assert!(matches!(again, Err(SystemError::SystemUnknown(_))));
            registry.set_receiver(&by, first.system).await.unwrap();
            assert_eq!(receiver(), Some(first.system));
            for bad in ["", " ", "a\nb", &"x".repeat(101)] {
                let refused = registry.add_system(&by, org, bad, Protocol::Rest).await;
                assert!(matches!(refused, Err(SystemError::Name)), "{bad:?}");
            }
        });
    });
}

#[test]
fn credentials_are_shown_once_and_work_until_they_are_taken_back() {
    for_each_engine("registry-credentials", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            binh_an(&registry).await;
            let by = operator();
            let org = registry.snapshot().lookup("H99.14").unwrap().id;
            let vxp = registry
                .add_system(&by, org, "QLVB", Protocol::Vxp)
                .await
                .unwrap();
            assert_eq!(vxp.vxp_id.as_deref(), Some("H99.14-QLVB"));
            let secret = vxp.secret.unwrap();
            assert_eq!(secret.expose().len(), 64);
            assert!(vxp.token.is_none());
            let rest = registry
                .add_system(&by, org, "Một cửa", Protocol::Rest)
                .await
                .unwrap();
            let token = Token::parse(rest.token.unwrap().expose()).unwrap();
            assert_eq!(token.environment(), Environment::Live);
            assert!(rest.secret.is_none());
            let (id, operators) = registry.issue_token(&by, None, "vận hành").await.unwrap();
            let operators = Token::parse(operators.expose()).unwrap();

            // Another node, or the same after a restart.
            let node = open(test, &clock()).await;
            let snapshot = node.snapshot();
            let system = snapshot.system_by_vxp("H99.14-QLVB").unwrap();
            assert_eq!(system.id, vxp.system);
            assert_eq!(
                snapshot.vxp_secret(system.id).unwrap().expose(),
                secret.expose().as_bytes()
            );
            assert_eq!(
                snapshot.token(&token.hash()).unwrap().system,
                Some(rest.system)
            );
            assert_eq!(snapshot.token(&operators.hash()).unwrap().system, None);

            registry.revoke_token(&by, id).await.unwrap();
            assert!(registry.snapshot().token(&operators.hash()).is_none());
            assert!(matches!(
                registry.revoke_token(&by, id).await,
                Err(SystemError::TokenUnknown(_))
            ));
            registry.close_system(&by, rest.system).await.unwrap();
            registry.close_system(&by, vxp.system).await.unwrap();
            assert!(
                node.snapshot().token(&token.hash()).is_some(),
                "not told yet"
            );
            assert!(node.refresh().await.unwrap());
            assert!(!node.refresh().await.unwrap());
            assert!(node.snapshot().token(&token.hash()).is_none());
            assert!(node.snapshot().vxp_secret(vxp.system).is_none());
            let next = registry
                .add_system(&by, org, "QLVB", Protocol::Vxp)
                .await
                .unwrap();
            assert_eq!(
                next.vxp_id.as_deref(),
                Some("H99.14-QLVB-2"),
                "old ids stay taken"
            );

            let records: String = ledger(test).into_iter().map(|(_, record)| record).collect();
            for text in [secret.expose().as_str(), token.expose(), operators.expose()] {
                assert!(!records.contains(text), "a secret stands in the ledger");
            }
        });
    });
}

fn connector(url: &str) -> NewConnector {
    NewConnector {
        url: url.to_owned(),
        user: "binhan".to_owned(),
        secret: Secret::new("mật khẩu".to_owned()),
        settings: ConnectorSettings {
            unit_code: "H99".to_owned(),
            ..ConnectorSettings::default()
        },
    }
}

#[test]
fn a_connector_is_kept_sealed_and_ends_with_its_system() {
    for_each_engine("registry-connector", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            binh_an(&registry).await;
            let by = operator();
            let org = registry.snapshot().lookup("H99.14").unwrap().id;
            let added = registry
                .add_connector(
                    &by,
                    org,
                    "Cổng DVCQG",
                    Protocol::Dvcqg,
                    connector("https://truc.example//"),
                )
                .await
                .unwrap();
            assert!(added.secret.is_none() && added.token.is_none());
            let node = open(test, &clock()).await;
            let snapshot = node.snapshot();
            assert!(snapshot.receiver(org).is_some_and(|s| s.id == added.system));
            let (known, secret) = snapshot.connections().connector(added.system).unwrap();
            assert_eq!(known.url, "https://truc.example");
            assert_eq!(secret.expose(), "mật khẩu".as_bytes());
            assert!(
                known.settings.login_path.ends_with("/mapi/login"),
                "the usual"
            );
            assert!(known.settings.destination.starts_with("VN:GOV:"));
            let records: String = ledger(test).into_iter().map(|(_, record)| record).collect();
            assert!(!records.contains("mật khẩu"), "a secret in the ledger");
            registry.close_system(&by, added.system).await.unwrap();
            let snapshot = registry.snapshot();
            assert!(snapshot.connections().connector(added.system).is_none());
        });
    });
}

#[test]
fn a_connector_that_cannot_be_used_is_refused_with_its_field() {
    for_each_engine("registry-connector-rules", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            binh_an(&registry).await;
            let by = operator();
            let org = registry.snapshot().lookup("H99.14").unwrap().id;
            type Spoil = fn(&mut NewConnector);
            let cases: [(Protocol, Spoil, ConnectorRule); 8] = [
                (Protocol::Rest, |_| {}, ConnectorRule::Unwanted),
                (
                    Protocol::Dvcqg,
                    |c| c.user.clear(),
                    ConnectorRule::Missing("user"),
                ),
                (
                    Protocol::Dvcqg,
                    |c| c.settings.unit_code.clear(),
                    ConnectorRule::Missing("unit_code"),
                ),
                (
                    Protocol::CivilStatus,
                    |c| c.secret = Secret::new(String::new()),
                    ConnectorRule::Missing("secret"),
                ),
                (
                    Protocol::CivilStatus,
                    |c| c.url.push_str("/a?b=c"),
                    ConnectorRule::Form("url"),
                ),
                (
                    Protocol::Dvcqg,
                    |c| c.settings.login_path = "login".to_owned(),
                    ConnectorRule::Form("login_path"),
                ),
                (
                    Protocol::Dvcqg,
                    |c| c.settings.destination = "a b".to_owned(),
                    ConnectorRule::Form("destination"),
                ),
                (
                    Protocol::CriminalRecord,
                    |c| c.secret = Secret::new("a\nb".to_owned()),
                    ConnectorRule::Form("secret"),
                ),
            ];
            for (protocol, spoil, rule) in cases {
                let mut new = connector("https://truc.example");
                spoil(&mut new);
                let refused = registry
                    .add_connector(&by, org, "Cổng", protocol, new)
                    .await
                    .unwrap_err();
                assert!(
                    matches!(&refused, SystemError::Connector(found) if *found == rule),
                    "{refused}"
                );
            }
            let bare = registry
                .add_system(&by, org, "Cổng", Protocol::Dvcqg)
                .await
                .unwrap_err();
            assert!(matches!(
                bare,
                SystemError::Connector(ConnectorRule::Missing("url"))
            ));
            let plain = registry
                .add_connector(
                    &by,
                    org,
                    "Cổng",
                    Protocol::Dvcqg,
                    connector("http://truc.example"),
                )
                .await
                .unwrap_err();
            assert!(matches!(plain, SystemError::Url(UrlRule::Scheme)));
        });
    });
}

#[test]
fn a_wrong_key_does_not_open() {
    for_each_engine("registry-key", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            binh_an(&registry).await;
            let org = registry.snapshot().lookup("H99.14").unwrap().id;
            registry
                .add_system(&operator(), org, "QLVB", Protocol::Vxp)
                .await
                .unwrap();
            let entropy = Arc::new(lgsp_base::entropy::SeededEntropy::new(99));
            let vault = Vault::create(&test.folder().join("other.key"), &*entropy).unwrap();
            let opened = Registry::open(
                test.db().clone(),
                clock(),
                entropy,
                vault,
                crate::service::RegistryConfig::default(),
            )
            .await;
            assert!(matches!(
                opened,
                Err(crate::service::OpenRegistryError::Vault(_))
            ));
        });
    });
}

#[test]
fn agencies_are_registered_below_the_own_organisation() {
    for_each_engine("registry-agencies", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            binh_an(&registry).await;
            let find = |code: &str| registry.snapshot().lookup(code).unwrap().id;
            let (org, below, beside) = (find("H99.14"), find("H99.14.01"), find("H99.131"));
            let added = registry
                .add_system(&operator(), org, "QLVB", Protocol::Vxp)
                .await
                .unwrap();
            let who = system_actor(added.system, org);
            assert!(!registry.snapshot().may_send_as(added.system, below));
            assert!(
                registry
                    .register_agency(&who, added.system, below)
                    .await
                    .unwrap()
            );
            assert!(
                !registry
                    .register_agency(&who, added.system, below)
                    .await
                    .unwrap()
            );
            let snapshot = registry.snapshot();
            assert!(snapshot.may_send_as(added.system, org));
            assert!(snapshot.may_send_as(added.system, below));
            assert!(!snapshot.may_send_as(added.system, beside));
            assert_eq!(
                snapshot.receiver(below).map(|system| system.id),
                Some(added.system)
            );
            let own = registry
                .add_system(&operator(), below, "Riêng", Protocol::Rest)
                .await
                .unwrap();
            assert_eq!(
                registry.snapshot().receiver(below).map(|s| s.id),
                Some(own.system)
            );
            assert!(
                registry
                    .register_agency(&operator(), added.system, beside)
                    .await
                    .unwrap()
            );
            assert!(
                registry
                    .delete_agency(&who, added.system, below)
                    .await
                    .unwrap()
            );
            assert!(
                !registry
                    .delete_agency(&who, added.system, below)
                    .await
                    .unwrap()
            );
            assert!(!registry.snapshot().may_send_as(added.system, below));
        });
    });
}

#[test]
fn an_endpoint_is_used_only_between_approval_and_end() {
    for_each_engine("registry-webhooks", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            binh_an(&registry).await;
            let org = registry.snapshot().lookup("H99.14").unwrap().id;
            let added = registry
                .add_system(&operator(), org, "QLVB", Protocol::Rest)
                .await
                .unwrap();
            let who = system_actor(added.system, org);
            let plain = registry
                .propose_webhook(&who, added.system, "http://a.example/")
                .await;
            assert!(matches!(plain, Err(SystemError::Url(UrlRule::Scheme))));
            let id = registry
                .propose_webhook(&who, added.system, "https://qlvb.example:8443/nhan?x=1")
                .await
                .unwrap()
                .webhook;
            let state = || registry.snapshot().connections().webhook(id).unwrap().state;
            assert_eq!(state(), WebhookState::Proposed);
            let own = registry.approve_webhook(&who, id).await;
            assert!(matches!(own, Err(SystemError::Forbidden { .. })));
            registry.approve_webhook(&operator(), id).await.unwrap();
            assert_eq!(state(), WebhookState::Active);
            assert_eq!(registry.snapshot().webhooks_of(added.system).count(), 1);
            registry.disable_webhook(&who, id).await.unwrap();
            registry.disable_webhook(&who, id).await.unwrap();
            assert_eq!(state(), WebhookState::Disabled);
            registry.approve_webhook(&operator(), id).await.unwrap();
            registry
                .close_system(&operator(), added.system)
                .await
                .unwrap();
            assert_eq!(state(), WebhookState::Disabled);
            let unknown = lgsp_base::id::WebhookId::from_bits(1);
            assert!(matches!(
                registry.approve_webhook(&operator(), unknown).await,
                Err(SystemError::WebhookUnknown(_))
            ));
        });
    });
}

#[test]
fn addresses_of_endpoints_are_checked_in_shape() {
    use crate::webhooks::check_url;
    for good in [
        "https://a.example",
        "https://a.example/",
        "HTTPS://A.example:8443/x?y=z",
        "https://[2001:db8::1]:443/x",
    ] {
        assert_eq!(check_url(good, false), Ok(()), "{good}");
    }
    assert_eq!(check_url("http://127.0.0.1:9000/nhan", true), Ok(()));
    for (bad, rule) in [
        ("", UrlRule::Form),
        ("a.example", UrlRule::Form),
        ("https:/a.example", UrlRule::Form),
        ("https://", UrlRule::Form),
        ("https:///x", UrlRule::Form),
        ("https://a b/", UrlRule::Form),
        ("https://a.example\n/", UrlRule::Form),
        ("https://a.example\\@b/", UrlRule::Form),
        ("https://tỉnh.example/", UrlRule::Form),
        ("https://a.example:0/", UrlRule::Form),
        ("https://a.example:99999/", UrlRule::Form),
        ("https://[::1/", UrlRule::Form),
        ("https://a_b.example/", UrlRule::Form),
        ("http://a.example/", UrlRule::Scheme),
        ("file:///etc/passwd", UrlRule::Scheme),
        ("ftp://a.example/", UrlRule::Scheme),
        ("https://user@a.example/", UrlRule::UserInfo),
        ("https://user:pass@a.example/", UrlRule::UserInfo),
        ("https://a.example/#x", UrlRule::Fragment),
    ] {
        assert_eq!(check_url(bad, false), Err(rule), "{bad}");
    }
    assert_eq!(
        check_url(&format!("https://a.example/{}", "x".repeat(2_000)), false),
        Err(UrlRule::Form)
    );
}
