//! Systems, credentials, agencies and endpoints over a database on each engine.

use std::sync::Arc;

use lgsp_store::testing::for_each_engine;

use super::service::{binh_an, clock, ledger};
use super::support::{open, operator, runtime, system_actor};
use crate::error::{SystemError, UrlRule};
use crate::model::{Protocol, WebhookState};
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
