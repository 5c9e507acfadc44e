//! The registry over a database, on each engine: permissions, credentials, restarts, several nodes.

use std::sync::Arc;

use lgsp_base::actor::{Actor, Permission};
use lgsp_base::time::{ManualClock, Timestamp};
use lgsp_store::StoreError;
use lgsp_store::testing::{TestDb, for_each_engine};
use lgsp_wire::record::Record;

use super::data::{AFTER, EARLY, LATE, SEED};
use super::support::{day, new_org, on, open, operator, runtime, system_actor};
use crate::draft::{NewOrganisation, Occasion};
use crate::error::{EventError, SystemError};
use crate::import::ImportOptions;
use crate::model::Protocol;
use crate::service::Registry;

const FILE: &str = include_str!("../../../../examples/binh-an/organisations.csv");

pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(day("2026-11-21")))
}

pub(super) async fn binh_an(registry: &Registry) {
    let report = registry
        .import(
            &operator(),
            FILE.as_bytes().to_vec(),
            ImportOptions::default(),
        )
        .await
        .unwrap();
    assert!(report.is_accepted(), "{report:?}");
}

/// Kinds and records; every record is bound to its time and its kind.
pub(super) fn ledger(test: &TestDb) -> Vec<(String, String)> {
    test.db()
        .read("test_ledger", |tx| tx.ledger_list(0, 1_000))
        .wait()
        .unwrap_or_else(|error: StoreError| panic!("{error}"))
        .into_iter()
        .inspect(|entry| {
            assert!(entry.is_intact());
            let record = Record::decode(&entry.record).unwrap();
            assert_eq!(record.text("kind"), Some(entry.kind.as_str()));
            assert_eq!(record.integer("at"), Some(entry.at.as_micros()));
            assert!(record.text("actor").is_some(), "{record:?}");
        })
        .map(|entry| (entry.kind, String::from_utf8(entry.record).unwrap()))
        .collect()
}

#[test]
fn the_directory_of_three_provinces_survives_a_restart() {
    for_each_engine("registry-data", |test| {
        runtime().block_on(async {
            let clock = clock();
            let registry = open(test, &clock).await;
            for (file, rows) in [(SEED, 686), (AFTER, 419), (EARLY, 131), (LATE, 651)] {
                let dry = ImportOptions {
                    is_dry_run: true,
                    ..ImportOptions::default()
                };
                let report = registry
                    .import(&operator(), file.into(), dry)
                    .await
                    .unwrap();
                assert_eq!(report.created + report.changed, rows);
                let before = ledger(test).len();
                let report = registry
                    .import(&operator(), file.into(), ImportOptions::default())
                    .await
                    .unwrap();
                assert_eq!(
                    report.created + report.changed,
                    rows,
                    "a dry run stores nothing"
                );
                assert_eq!(ledger(test).len(), before + 1);
            }
            let restarted = open(test, &clock).await;
            let (old, new) = (registry.snapshot(), restarted.snapshot());
            assert_eq!(new.directory().len(), 686 + 419);
            for at in ["2020-01-01", "2025-06-30", "2025-07-01", "2026-11-21"].map(day) {
                for org in old.directory().iter() {
                    let code = org.code_near(Timestamp::BEGINNING);
                    assert_eq!(old.resolve(code, at), new.resolve(code, at), "{code}");
                }
            }
            assert_eq!(
                old.directory().iter().collect::<Vec<_>>(),
                new.directory().iter().collect::<Vec<_>>()
            );
            for file in [SEED, AFTER, EARLY, LATE] {
                let again = restarted
                    .import(&operator(), file.into(), ImportOptions::default())
                    .await
                    .unwrap();
                assert_eq!((again.unchanged, again.problem_count), (again.rows, 0));
            }
            assert_eq!(ledger(test).len(), 4, "a repetition leaves no trace");
        });
    });
}

#[test]
fn a_refused_file_leaves_nothing() {
    for_each_engine("registry-refused", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            let file = FILE.replace("H99.14.02,", "H99.14.01,");
            let report = registry
                .import(&operator(), file.into_bytes(), ImportOptions::default())
                .await
                .unwrap();
            assert_eq!(report.problems[0].rule, "duplicate", "{report:?}");
            assert!(registry.snapshot().directory().is_empty());
            assert!(open(test, &clock()).await.snapshot().directory().is_empty());
            assert!(ledger(test).is_empty());
        });
    });
}

#[test]
fn every_operation_records_an_event_and_a_ledger_entry() {
    for_each_engine("registry-events", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            let by = operator();
            let at = Occasion {
                decision: Some("01/QĐ-UBND".into()),
                ..on("2026-01-01")
            };
            let always = Occasion {
                effective_at: Timestamp::BEGINNING,
                ..Occasion::default()
            };
            let mut ids = Vec::new();
            for code in ["H99", "H99.01", "H99.02", "H99.03", "H99.04", "H99.05"] {
                let new = new_org(code, &format!("Đơn vị {code}"), ids.first().copied());
                ids.push(
                    registry
                        .create_organisation(&by, &new, &always)
                        .await
                        .unwrap(),
                );
            }
            registry.rename(&by, ids[1], "Tên mới", &at).await.unwrap();
            registry
                .move_to(&by, ids[1], Some(ids[2]), &at)
                .await
                .unwrap();
            registry.change_level(&by, ids[1], 3, &at).await.unwrap();
            registry.transfer(&by, ids[1], ids[2], &at).await.unwrap();
            registry
                .merge(&by, &[ids[1]], Some(ids[2]), &on("2026-02-01"))
                .await
                .unwrap();
            registry
                .split(&by, ids[3], &[ids[2], ids[4]], &at)
                .await
                .unwrap();
            registry.dissolve(&by, ids[5], &at).await.unwrap();
            let code = new_org("H99.40", "", None).codes.remove(0);
            registry
                .add_code(
                    &by,
                    ids[4],
                    &code,
                    crate::draft::Strictness::Issued,
                    true,
                    &at,
                )
                .await
                .unwrap();
            let same = registry.rename(&by, ids[2], "Đơn vị H99.02", &at).await;
            assert!(matches!(same, Err(EventError::Rule(_))), "{same:?}");

            let entries = ledger(test);
            assert_eq!(entries.len(), 6 + 8);
            assert!(entries.iter().all(|(kind, _)| kind == "organisation.event"));
            assert!(entries[6].1.contains("01/QĐ-UBND"), "{}", entries[6].1);
            assert!(
                entries[6].1.contains("\"event_kind\":\"rename\""),
                "{}",
                entries[6].1
            );
            let seen = open(test, &clock()).await.snapshot();
            let status = |code| seen.resolve(code, day("2026-11-21")).status();
            assert_eq!(
                ["H99", "H99.01", "H99.03", "H99.04", "H99.40", "H99.05"].map(status),
                [
                    "active",
                    "forwarded",
                    "closed",
                    "forwarded",
                    "active",
                    "closed"
                ]
            );
        });
    });
}

#[test]
fn who_may_not_changes_nothing() {
    for_each_engine("registry-permissions", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            binh_an(&registry).await;
            let snapshot = registry.snapshot();
            let org = snapshot.lookup("H99.14").unwrap().id;
            let other = snapshot.lookup("H99.131").unwrap().id;
            let added = registry
                .add_system(&operator(), org, "QLVB", Protocol::Rest)
                .await
                .unwrap();
            let entries = ledger(test).len();
            let who = system_actor(added.system, org);
            let new = new_org("H99.90", "Đơn vị", None);
            let denied = |result: Result<(), EventError>| {
                assert!(matches!(
                    result.unwrap_err(),
                    EventError::Forbidden {
                        permission: Permission::OrganisationWrite,
                        ..
                    }
                ));
            };
            denied(
                registry
                    .create_organisation(&who, &new, &on("2026-01-01"))
                    .await
                    .map(drop),
            );
            denied(
                registry
                    .rename(&who, org, "Khác", &on("2026-01-01"))
                    .await
                    .map(drop),
            );
            denied(
                registry
                    .merge(&who, &[org], None, &on("2026-01-01"))
                    .await
                    .map(drop),
            );
            denied(
                registry
                    .dissolve(&who, org, &on("2026-01-01"))
                    .await
                    .map(drop),
            );
            denied(
                registry
                    .import(&who, FILE.into(), ImportOptions::default())
                    .await
                    .map(drop),
            );
            let denied = |result: Result<(), SystemError>| {
                let error = result.unwrap_err();
                assert!(matches!(error, SystemError::Forbidden { .. }), "{error:?}");
                assert_eq!(error.to_problem().code(), "auth.forbidden");
            };
            denied(
                registry
                    .add_system(&who, org, "Khác", Protocol::Vxp)
                    .await
                    .map(drop),
            );
            denied(registry.close_system(&who, added.system).await);
            denied(registry.set_receiver(&who, added.system).await);
            denied(registry.issue_token(&who, None, "khóa").await.map(drop));
            denied(
                registry
                    .revoke_token(&who, lgsp_base::id::TokenId::from_bits(1))
                    .await,
            );
            denied(
                registry
                    .register_agency(&who, added.system, other)
                    .await
                    .map(drop),
            );
            denied(registry.set_transition_days(&who, 1).await);
            let theirs = registry
                .add_system(&operator(), other, "QLVB", Protocol::Rest)
                .await
                .unwrap();
            denied(
                registry
                    .propose_webhook(&who, theirs.system, "https://a.example/")
                    .await
                    .map(drop),
            );
            assert_eq!(ledger(test).len(), entries + 1);
        });
    });
}

#[test]
fn two_nodes_plan_on_what_the_other_did() {
    for_each_engine("registry-nodes", |test| {
        runtime().block_on(async {
            let one = open(test, &clock()).await;
            let two = open(test, &clock()).await;
            binh_an(&one).await;
            // The second node has not looked yet; its event is planned again on what the first one did.
            let new = new_org("H99.14", "Kẻ giả", None);
            let taken = two
                .create_organisation(&operator(), &new, &on("2026-01-01"))
                .await;
            assert_eq!(taken.unwrap_err().to_problem().code(), "org.code_taken");
            let report = two
                .import(&operator(), FILE.into(), ImportOptions::default())
                .await
                .unwrap();
            assert_eq!(report.unchanged, report.rows);
            let org = one.snapshot().lookup("H99.14").unwrap().id;
            two.dissolve(&operator(), org, &on("2026-01-01"))
                .await
                .unwrap();
            let twice = one.dissolve(&operator(), org, &on("2026-01-01")).await;
            assert_eq!(twice.unwrap_err().to_problem().code(), "org.event");
        });
    });
}

#[test]
fn the_transition_period_is_a_setting() {
    for_each_engine("registry-transition", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            let platform = Actor::Platform { part: "init" };
            let always = Occasion {
                effective_at: Timestamp::BEGINNING,
                ..Occasion::default()
            };
            let home = NewOrganisation::undescribed("H99", "Tỉnh Bình An");
            registry
                .create_organisation(&platform, &home, &always)
                .await
                .unwrap();
            binh_an(&registry).await;
            let find = |code: &str| registry.snapshot().lookup(code).unwrap().id;
            let (from, to) = (find("H99.04"), find("H99.05"));
            registry
                .merge(&operator(), &[from], Some(to), &on("2026-11-01"))
                .await
                .unwrap();
            let status = || {
                registry
                    .snapshot()
                    .resolve("H99.04", day("2026-11-21"))
                    .status()
            };
            assert_eq!(status(), "forwarded");
            registry.set_transition_days(&operator(), 7).await.unwrap();
            assert_eq!(status(), "closed");
            assert_eq!(
                open(test, &clock()).await.snapshot().transition().as_secs(),
                7 * 86_400
            );
        });
    });
}

#[test]
fn a_large_directory_is_imported_in_one_go_and_tells_how_far_it_is() {
    const ROWS: usize = 12_000;
    for_each_engine("registry-large", |test| {
        runtime().block_on(async {
            let registry = open(test, &clock()).await;
            let mut file =
                String::from("code_qd20,code_qcvn102,name,kind,level,parent_code_qd20\n");
            file.push_str("H01,,UBND tỉnh Mẫu,ubnd_tinh,1,\n");
            for number in 1..ROWS {
                file.push_str(&format!(
                    "H01.{number},{:03}.{:02}.{:02}.H02,Đơn vị số {number},don_vi_khac,2,H01\n",
                    number % 1_000,
                    number / 1_000 % 100,
                    number / 100_000,
                ));
            }
            let told = Arc::new(std::sync::Mutex::new(Vec::new()));
            let listener = Arc::clone(&told);
            let timer = lgsp_base::time::SystemClock::new();
            let report = registry
                .import_with_progress(
                    &operator(),
                    file.into_bytes(),
                    ImportOptions::default(),
                    Box::new(move |done, total| listener.lock().unwrap().push((done, total))),
                )
                .await
                .unwrap();
            assert!(report.is_accepted(), "{report:?}");
            assert_eq!(report.created, ROWS);
            let told = told.lock().unwrap().clone();
            assert!(told.len() > 10 && told.is_sorted(), "{told:?}");
            assert_eq!(told.last(), Some(&(ROWS, ROWS)));
            let imported = lgsp_base::Clock::monotonic(&timer);
            let again = open(test, &clock()).await;
            let loaded = lgsp_base::Clock::monotonic(&timer) - imported;
            assert_eq!(again.snapshot().directory().len(), ROWS);
            println!("{ROWS} rows imported in {imported:?}, loaded in {loaded:?}");
        });
    });
}
