//! The statements of the registry, on each engine.

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::hash::Sha256;
use lgsp_base::id::{OrgEventId, OrgId, SystemId, TokenId, WebhookId};
use lgsp_base::time::Timestamp;

use super::*;
use crate::error::StoreError;
use crate::testing::for_each_engine;

fn org(number: u128) -> OrgId {
    OrgId::from_bits(number)
}

fn period(number: u128, from: i64, name: &str) -> PeriodRow {
    PeriodRow {
        org_id: org(number),
        from_at: Timestamp::from_micros(from),
        to_at: None,
        name: name.to_owned(),
        kind: "so".to_owned(),
        level: 2,
        parent_id: Some(org(1)),
        admin_unit_code: None,
        province: Some("Bình An".to_owned()),
        event_id: OrgEventId::from_bits(9),
    }
}

fn code(number: u128, key: &str) -> CodeRow {
    CodeRow {
        scheme: "qd20",
        code_key: key.to_owned(),
        code: key.to_lowercase(),
        org_id: org(number),
        from_at: Timestamp::BEGINNING,
        to_at: None,
        is_official: true,
        legal_basis: None,
        event_id: OrgEventId::from_bits(9),
    }
}

#[test]
fn organisations_are_written_in_bulk_and_read_back() {
    for_each_engine("registry-organisations", |test| {
        let ids: Vec<u128> = (1..=300).collect();
        let organisations: Vec<OrganisationRow> = ids
            .iter()
            .map(|id| OrganisationRow {
                id: org(*id),
                created_at: Timestamp::from_micros(5),
            })
            .collect();
        let periods: Vec<PeriodRow> = ids.iter().map(|id| period(*id, 0, "Sở Y tế")).collect();
        let codes: Vec<CodeRow> = ids
            .iter()
            .map(|id| code(*id, &format!("H99.{id}")))
            .collect();
        let event = EventRow {
            id: OrgEventId::from_bits(9),
            kind: "create",
            effective_at: Timestamp::BEGINNING,
            recorded_at: Timestamp::from_micros(7),
            decision: None,
            note: Some("ghi chú".to_owned()),
            actor: "platform:test".to_owned(),
            detail: "{}".to_owned(),
        };
        let edge = SuccessionRow {
            event_id: event.id,
            predecessor_id: org(2),
            successor_id: None,
            kind: "merge".to_owned(),
            effective_at: Timestamp::from_micros(8),
            note: None,
        };
        let known = SuccessionRow {
            predecessor_id: org(3),
            successor_id: Some(org(4)),
            ..edge.clone()
        };
        let edges = vec![edge, known];
        let expected = (organisations.clone(), periods.clone(), edges.clone());
        test.db()
            .write("test_put", move |tx| {
                tx.organisation_insert_all(&organisations)?;
                tx.organisation_period_put_all(&periods)?;
                tx.organisation_code_put_all(&codes)?;
                tx.organisation_event_insert_all(std::slice::from_ref(&event))?;
                tx.organisation_succession_insert_all(&edges)
            })
            .wait()
            .unwrap();
        let read = test
            .db()
            .read("test_read", |tx| {
                Ok::<_, StoreError>((
                    tx.organisation_list()?,
                    tx.organisation_period_list()?,
                    tx.organisation_succession_list()?,
                ))
            })
            .wait()
            .unwrap();
        assert_eq!(read, expected);
        let codes = test
            .db()
            .read("test_codes", |tx| tx.organisation_code_list())
            .wait();
        let codes = codes.unwrap_or_else(|error: StoreError| panic!("{error}"));
        assert_eq!(codes.len(), 300);
        assert_eq!(
            (codes[0].code.as_str(), codes[0].code_key.as_str()),
            ("h99.1", "H99.1")
        );
    });
}

#[test]
fn a_period_is_replaced_and_a_code_only_gets_its_end() {
    for_each_engine("registry-periods", |test| {
        let read = test
            .db()
            .write("test_replace", |tx| {
                tx.organisation_period_put_all(&[period(1, 0, "cũ")])?;
                tx.organisation_code_put_all(&[code(1, "H99")])?;
                let mut ended = period(1, 0, "cũ");
                ended.to_at = Some(Timestamp::from_micros(10));
                tx.organisation_period_put_all(&[ended, period(1, 10, "mới")])?;
                let mut closed = code(1, "H99");
                closed.to_at = Some(Timestamp::from_micros(10));
                tx.organisation_code_put_all(&[closed])?;
                Ok::<_, StoreError>((tx.organisation_period_list()?, tx.organisation_code_list()?))
            })
            .wait()
            .unwrap();
        assert_eq!(read.0.len(), 2);
        assert_eq!(read.0[0].to_at, Some(Timestamp::from_micros(10)));
        assert_eq!(read.0[1].name, "mới");
        assert_eq!(read.1[0].to_at, Some(Timestamp::from_micros(10)));
    });
}

#[test]
fn a_code_is_never_given_to_a_second_organisation() {
    for_each_engine("registry-codes", |test| {
        let first = test.db().write("test_first", |tx| {
            tx.organisation_code_put_all(&[code(1, "H99.14")])
        });
        first
            .wait()
            .unwrap_or_else(|error: StoreError| panic!("{error}"));
        let second: Result<(), StoreError> = test
            .db()
            .write("test_second", |tx| {
                tx.organisation_code_put_all(&[code(1, "H99.15"), code(2, "H99.14")])
            })
            .wait();
        assert!(second.unwrap_err().is_constraint());
        let left = test
            .db()
            .read("test_left", |tx| tx.organisation_code_list());
        let left = left
            .wait()
            .unwrap_or_else(|error: StoreError| panic!("{error}"));
        assert_eq!(left.len(), 1, "the refused transaction left nothing");
        assert_eq!(left[0].org_id, org(1));
    });
}

fn system(number: u128, name: &str, is_receiver: bool) -> SystemRow {
    SystemRow {
        id: SystemId::from_bits(number),
        org_id: org(1),
        name: name.to_owned(),
        protocol: "vxp".to_owned(),
        state: "active".to_owned(),
        is_receiver,
        vxp_system_id: Some(format!("H99-{number}")),
        vxp_secret_sealed: Some(vec![1, 2, 3]),
        version: 1,
        created_at: Timestamp::from_micros(1),
        closed_at: None,
    }
}

#[test]
fn one_system_receives_and_a_closed_one_frees_its_name() {
    for_each_engine("registry-systems", |test| {
        test.db()
            .write("test_systems", |tx| {
                let at = Timestamp::from_micros(50);
                assert_eq!(tx.system_receiver_lookup(org(1))?, None);
                assert!(tx.system_insert(&system(1, "QLVB", true))?);
                assert!(
                    !tx.system_insert(&system(2, "QLVB", false))?,
                    "the name is taken"
                );
                assert!(
                    !tx.system_insert(&system(3, "Khác", true))?,
                    "there is a receiver"
                );
                assert!(tx.system_insert(&system(4, "Một cửa", false))?);
                assert!(tx.system_set_receiver(org(1), SystemId::from_bits(4))?);
                assert_eq!(
                    tx.system_receiver_lookup(org(1))?,
                    Some(SystemId::from_bits(4))
                );
                assert!(!tx.system_set_receiver(org(2), SystemId::from_bits(4))?);
                assert!(tx.system_close(SystemId::from_bits(1), at)?);
                assert!(!tx.system_close(SystemId::from_bits(1), at)?);
                assert!(tx.system_insert(&system(5, "QLVB", false))?);
                let rows = tx.system_list()?;
                assert_eq!(rows.len(), 3);
                assert_eq!((rows[0].state.as_str(), rows[0].version), ("closed", 3));
                assert_eq!(rows[0].vxp_secret_sealed.as_deref(), Some(&[1, 2, 3][..]));
                Ok::<_, StoreError>(())
            })
            .wait()
            .unwrap();
    });
}

#[test]
fn agencies_tokens_and_webhooks_come_and_go() {
    for_each_engine("registry-credentials", |test| {
        test.db()
            .write("test_credentials", |tx| {
                let system = SystemId::from_bits(1);
                let at = Timestamp::from_micros(50);
                let agency = AgencyRow {
                    system_id: system,
                    org_id: org(7),
                    registered_at: at,
                };
                assert!(tx.system_agency_insert(&agency)?);
                assert!(!tx.system_agency_insert(&agency)?);
                assert_eq!(tx.system_agency_list()?, vec![agency]);
                assert!(tx.system_agency_delete(system, org(7))?);
                assert!(!tx.system_agency_delete(system, org(7))?);

                let token = |number: u128, system_id| TokenRow {
                    id: TokenId::from_bits(number),
                    token_sha256: Sha256::of(&number.to_le_bytes()),
                    system_id,
                    name: "khóa".to_owned(),
                    created_at: at,
                };
                tx.token_insert(&token(1, None))?;
                tx.token_insert(&token(2, Some(system)))?;
                assert_eq!(
                    tx.token_list()?,
                    vec![token(1, None), token(2, Some(system))]
                );
                assert_eq!(tx.token_revoke_by_system(system, at)?, 1);
                assert!(tx.token_revoke(TokenId::from_bits(1), at)?);
                assert!(!tx.token_revoke(TokenId::from_bits(1), at)?);
                assert_eq!(tx.token_list()?, vec![]);

                let webhook = WebhookRow {
                    id: WebhookId::generate(at, &SeededEntropy::new(1)),
                    system_id: system,
                    url: "https://qlvb.example/nhan".to_owned(),
                    state: "proposed".to_owned(),
                    approved_by: None,
                    approved_at: None,
                    failing_since: None,
                    version: 1,
                    created_at: at,
                    secret_sealed: Some(vec![1]),
                    old_secret_sealed: None,
                    old_secret_until: None,
                };
                tx.webhook_insert(&webhook)?;
                assert_eq!(tx.webhook_list()?, vec![webhook.clone()]);
                assert!(tx.webhook_rotate_secret(webhook.id, &[2], at)?);
                let rotated = tx.webhook_list()?.remove(0);
                assert_eq!(rotated.secret_sealed, Some(vec![2]));
                assert_eq!(rotated.old_secret_sealed, Some(vec![1]));
                assert_eq!((rotated.old_secret_until, rotated.version), (Some(at), 2));
                assert!(tx.webhook_approve(webhook.id, "tok_x", at)?);
                assert!(!tx.webhook_approve(WebhookId::from_bits(3), "tok_x", at)?);
                let active = tx.webhook_list()?.remove(0);
                assert_eq!(
                    (active.state.as_str(), active.approved_at),
                    ("active", Some(at))
                );
                assert!(tx.webhook_disable(webhook.id)?);
                assert!(!tx.webhook_disable(webhook.id)?);
                assert_eq!(tx.webhook_disable_by_system(system)?, 0);
                Ok::<_, StoreError>(())
            })
            .wait()
            .unwrap();
    });
}

#[test]
fn where_a_system_stands_is_written_over() {
    for_each_engine("registry-connectors", |test| {
        test.db()
            .write("test_connectors", |tx| {
                assert_eq!(tx.connector_list()?, vec![]);
                let first = ConnectorRow {
                    system_id: SystemId::from_bits(1),
                    url: "https://truc.example".to_owned(),
                    user_name: "binhan".to_owned(),
                    secret_sealed: vec![1, 2],
                    settings: "{}".to_owned(),
                    changed_at: Timestamp::from_micros(1),
                };
                tx.connector_put(&first)?;
                assert_eq!(tx.connector_list()?, vec![first.clone()]);
                let second = ConnectorRow {
                    url: "https://truc2.example".to_owned(),
                    secret_sealed: vec![3],
                    changed_at: Timestamp::from_micros(2),
                    ..first
                };
                tx.connector_put(&second)?;
                assert_eq!(tx.connector_list()?, vec![second]);
                Ok::<_, StoreError>(())
            })
            .wait()
            .unwrap();
    });
}
