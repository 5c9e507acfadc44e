//! Looking at dossiers: who sees what, what is recorded, what never leaves the seal.

use std::time::Duration;

use lgsp_base::Actor;
use lgsp_base::planted::{Bug, Planted};
use lgsp_exchange::dossier::{
    AgeingQuery, ClockState, DossierCursor, DossierError, DossierQuery, DossierRef, Purpose,
    RouteKind,
};
use lgsp_exchange::{ContentTarget, InboxQuery, ReceiveError};
use lgsp_store::StoreError;
use lgsp_store::testing::TestDb;
use lgsp_wire::dossier::DossierStatus;

use crate::dossiers_kit::{CITIZEN, at, dossier, dossier_code, progress, push, step};
use crate::history::stores;
use crate::world::{Way, World, actor, operator, org, run};

/// Words of the person in the dossiers of these tests.
const PERSONAL: [&str; 5] = [
    CITIZEN,
    "Văn Thử",
    "0900000321",
    "BN-260309-0417",
    "Trần Thị Xử",
];

async fn with_dossiers(store: TestDb, planted: Planted) -> World {
    let world = World::with(store, 9, planted);
    world.route(RouteKind::All, "", 2).await;
    world
        .pushes(0, dossier(0, 1, DossierStatus::Received))
        .await
        .expect("accepted");
    world.clock.advance(Duration::from_secs(3 * 3600));
    let steps = vec![step(0, 1, DossierStatus::Processing, "03-09T04:00")];
    world
        .dossiers
        .progress(progress(0, 1, steps))
        .await
        .expect("accepted");
    world
}

#[test]
fn parties_see_persons_and_operators_see_them_masked() {
    run(async {
        for store in stores("dossier_view") {
            let world = with_dossiers(store, Planted::NONE).await;
            world.directory.set(5, Way::Inbox);
            let which = DossierRef::Code(dossier_code(0, 1));
            for party in [0, 2] {
                let view = world
                    .dossiers
                    .view(&actor(party), &which, Purpose::Handling)
                    .await
                    .expect("a view");
                assert!(!view.is_masked);
                let whole = view.dossier.expect("a dossier");
                assert_eq!(whole.applicant.name, "Nguyễn Văn Thử");
                assert_eq!(whole.applicant.identities[0].number, CITIZEN);
                assert_eq!(view.messages.len(), 2);
                let receipts = view.messages.iter().filter(|one| one.receipt.is_some());
                assert_eq!(receipts.count(), if party == 0 { 2 } else { 0 });
            }
            let view = world
                .dossiers
                .view(&operator(), &which, Purpose::Supervision)
                .await
                .expect("a view");
            assert!(view.is_masked);
            let masked = view.dossier.as_ref().expect("a dossier");
            assert_eq!(masked.applicant.name, "N*** V*** T***");
            let text = format!(
                "{} {}",
                serde_json::to_string(masked).expect("JSON"),
                serde_json::to_string(&view.steps[1].step).expect("JSON")
            );
            for personal in PERSONAL {
                assert!(!text.contains(personal), "{personal}");
            }
            for stranger in [actor(1), actor(5)] {
                let unknown = world
                    .dossiers
                    .view(&stranger, &which, Purpose::Handling)
                    .await;
                assert!(matches!(unknown, Err(DossierError::Unknown)));
            }
        }
    });
}

/// What the ledger, the documents' columns and the dossiers' columns say, as text.
async fn in_the_clear(world: &World) -> String {
    world
        .db
        .read::<_, StoreError, _>("everything", |tx| {
            let mut all = String::new();
            for entry in tx.ledger_list(0, 1_000)? {
                all.push_str(&String::from_utf8_lossy(&entry.record));
            }
            for sql in [
                "SELECT notation, subject, subject_folded, type_name, external_id, attachments FROM documents",
                "SELECT code, procedure_code, field_code, retention, code_key, id FROM dossiers",
                "SELECT actor, purpose, dossier_id, actor, actor, actor FROM dossier_looks",
            ] {
                for row in tx.query(sql, &[], |row| {
                    let mut line = String::new();
                    for column in 0..6 {
                        line.push_str(&row.opt_text(column)?.unwrap_or_default());
                        line.push(' ');
                    }
                    Ok(line)
                })? {
                    all.push_str(&row);
                }
            }
            for body in tx.query("SELECT body FROM documents", &[], |row| row.opt_blob(0))? {
                all.push_str(&String::from_utf8_lossy(&body.unwrap_or_default()));
            }
            for sealed in tx.query(
                "SELECT content_sealed FROM dossier_contents",
                &[],
                |row| row.blob(0),
            )? {
                all.push_str(&String::from_utf8_lossy(&sealed));
            }
            Ok(all)
        })
        .await
        .expect("everything")
}

#[test]
fn nothing_of_a_person_stands_in_the_clear() {
    run(async {
        for store in stores("dossier_canary") {
            let world = with_dossiers(store, Planted::NONE).await;
            let which = DossierRef::Code(dossier_code(0, 1));
            let view = world
                .dossiers
                .view(&actor(0), &which, Purpose::Handling)
                .await
                .expect("a view");
            drop(world.dossiers.who_looked(&operator(), CITIZEN).await);
            let mut said = in_the_clear(&world).await;
            let pushed = push(0, dossier(0, 1, DossierStatus::Received), None);
            let steps = progress(
                0,
                1,
                vec![step(0, 1, DossierStatus::Received, "03-09T04:00")],
            );
            said.push_str(&format!("{view:?} {pushed:?} {steps:?} {:?}", view.steps));
            for personal in PERSONAL {
                assert!(!said.contains(personal), "{personal}");
            }
            assert!(said.contains("H99.0-260309-0001"));
        }
        // The test sees what it says it sees.
        let store = TestDb::sqlite("dossier_clear");
        let world = with_dossiers(store, Planted::with(Bug::DossierInClear)).await;
        assert!(in_the_clear(&world).await.contains(CITIZEN));
    });
}

#[test]
fn looks_are_recorded_before_the_answer_and_found_by_person() {
    run(async {
        for store in stores("dossier_looks") {
            let world = with_dossiers(store, Planted::NONE).await;
            let which = DossierRef::Code(dossier_code(0, 1));
            assert_eq!(looks(&world).await, Vec::<String>::new());
            for (by, purpose) in [
                (actor(0), Purpose::Handling),
                (operator(), Purpose::LegalOrder),
            ] {
                let view = world.dossiers.view(&by, &which, purpose).await;
                view.expect("a view");
            }
            assert_eq!(looks(&world).await, ["legal_order", "handling"]);
            let other = world.dossiers.who_looked(&operator(), "001099000000").await;
            assert!(other.expect("looks").is_empty());
            assert!(matches!(
                world.dossiers.who_looked(&actor(0), CITIZEN).await,
                Err(DossierError::Forbidden)
            ));
            let entries = world
                .db
                .read::<_, StoreError, _>("ledger_list", |tx| tx.ledger_list(0, 1_000))
                .await
                .expect("the ledger");
            let viewed = entries
                .iter()
                .filter(|entry| entry.kind == "dossier.viewed");
            assert_eq!(viewed.count(), 2);
        }
        let store = TestDb::sqlite("dossier_unseen");
        let world = with_dossiers(store, Planted::with(Bug::LookUnrecorded)).await;
        let which = DossierRef::Code(dossier_code(0, 1));
        let by = actor(0);
        let view = world.dossiers.view(&by, &which, Purpose::Handling).await;
        view.expect("a view");
        assert!(looks(&world).await.is_empty(), "the planted fault shows");
    });
}

#[test]
fn the_body_of_a_dossier_is_not_for_operators_and_reading_it_is_a_look() {
    run(async {
        for store in stores("dossier_body") {
            let world = with_dossiers(store, Planted::NONE).await;
            let page = world.inbox(2).await;
            assert!(page.items[0].content.is_some());
            let target = ContentTarget::Document(page.items[0].document);
            let refused = world.exchange.content(&operator(), target).await;
            assert!(matches!(refused, Err(ReceiveError::Forbidden)));
            let query = InboxQuery {
                org: Some(org(2)),
                with_content: true,
                ..InboxQuery::default()
            };
            let seen = world
                .exchange
                .inbox(&operator(), query)
                .await
                .expect("a page");
            assert!(seen.items.iter().all(|item| item.content.is_none()));
            // What was handed over is no look; the sender's reading is.
            assert!(looks(&world).await.is_empty());
            world
                .exchange
                .content(&actor(0), target)
                .await
                .expect("content");
            assert_eq!(looks(&world).await, ["handling"]);
        }
    });
}

async fn looks(world: &World) -> Vec<String> {
    let spaced = "001 099 012 345";
    let looks = world.dossiers.who_looked(&operator(), spaced).await;
    looks
        .expect("looks")
        .into_iter()
        .map(|look| look.purpose)
        .collect()
}

#[test]
fn the_public_sees_steps_with_the_right_check_alone() {
    run(async {
        for store in stores("dossier_public") {
            let world = with_dossiers(store, Planted::NONE).await;
            let code = dossier_code(0, 1);
            for check in ["2345", "0321", "0417"] {
                let view = world.dossiers.public(&code, check).await.expect("answered");
                let view = view.expect("found");
                assert_eq!(view.status, DossierStatus::Processing);
                assert_eq!(view.steps.len(), 2);
                assert_eq!(view.clock, ClockState::OnTime);
                let text = format!("{view:?}");
                for personal in PERSONAL {
                    assert!(!text.contains(personal), "{personal}");
                }
            }
            for check in ["", "0000", "001099012345"] {
                let view = world.dossiers.public(&code, check).await.expect("answered");
                assert_eq!(view, None, "{check}");
            }
            let unknown = dossier_code(0, 9_999);
            assert_eq!(
                world
                    .dossiers
                    .public(&unknown, "2345")
                    .await
                    .expect("answered"),
                None
            );
        }
    });
}

#[test]
fn lists_are_paged_masked_and_each_party_sees_its_own() {
    run(async {
        for store in stores("dossier_list") {
            let world = World::with(store, 9, Planted::NONE);
            world.route(RouteKind::Field, "G15-", 2).await;
            for number in 1..=7 {
                world.clock.advance(Duration::from_secs(1));
                let mut one = dossier(
                    u8::try_from(number % 2).expect("small"),
                    number,
                    DossierStatus::Received,
                );
                if number == 7 {
                    one.sector.code = "G03-GD10".to_owned();
                }
                let from = u8::try_from(number % 2).expect("small");
                world.pushes(from, one).await.expect("accepted");
            }
            let codes = async |by: &Actor, query: DossierQuery| {
                let mut codes = Vec::new();
                let mut cursor = None;
                loop {
                    let page = world
                        .dossiers
                        .list(
                            by,
                            DossierQuery {
                                cursor,
                                limit: 2,
                                ..query.clone()
                            },
                        )
                        .await
                        .expect("a page");
                    for row in &page.rows {
                        assert_eq!(row.applicant, "N*** V*** T***");
                        codes.push(row.code.number().trim_start_matches('0').to_owned());
                    }
                    let Some(next) = page.next else {
                        return codes.join(" ");
                    };
                    let text = next.to_string();
                    cursor = Some(text.parse::<DossierCursor>().expect("a cursor"));
                }
            };
            let all = DossierQuery::default();
            assert_eq!(codes(&operator(), all.clone()).await, "7 6 5 4 3 2 1");
            assert_eq!(codes(&actor(0), all.clone()).await, "6 4 2");
            assert_eq!(codes(&actor(2), all.clone()).await, "6 5 4 3 2 1");
            let by_code = DossierQuery {
                text: Some("h99.1-".to_owned()),
                ..all.clone()
            };
            assert_eq!(codes(&operator(), by_code).await, "1 3 5 7");
            let due = DossierQuery {
                by_due: true,
                clocks: vec![ClockState::OnTime],
                org: Some(org(0)),
                ..all.clone()
            };
            assert_eq!(codes(&operator(), due).await, "2 4 6");
            let late = DossierQuery {
                clocks: vec![ClockState::Overdue],
                ..all.clone()
            };
            assert_eq!(codes(&operator(), late.clone()).await, "");
            world.clock.jump_to(at("03-14T08:00"));
            assert_eq!(codes(&actor(1), late).await, "7 5 3 1");
            let foreign = DossierQuery {
                org: Some(org(1)),
                ..all
            };
            assert!(matches!(
                world.dossiers.list(&actor(0), foreign).await,
                Err(DossierError::Forbidden)
            ));
        }
    });
}

#[test]
fn ageing_counts_open_dossiers_by_unit_and_age() {
    run(async {
        for store in stores("dossier_ageing") {
            let world = World::with(store, 9, Planted::NONE);
            for number in 1..=4 {
                let status = if number == 4 {
                    DossierStatus::PaymentAsked
                } else {
                    DossierStatus::Processing
                };
                world
                    .pushes(0, dossier(0, number, status))
                    .await
                    .expect("accepted");
            }
            world
                .pushes(1, dossier(1, 5, DossierStatus::Returned))
                .await
                .expect("accepted");
            let counts = async |now: &str| {
                world.clock.jump_to(at(now));
                let rows = world
                    .dossiers
                    .ageing(&operator(), AgeingQuery::default())
                    .await
                    .expect("ageing");
                assert_eq!(rows.len(), 1, "what is done has no age");
                let row = &rows[0];
                assert_eq!(row.stopped, 1);
                (
                    row.on_time,
                    row.due,
                    row.overdue_short,
                    row.overdue_middle,
                    row.overdue_long,
                )
            };
            assert_eq!(counts("03-12T08:00").await, (3, 0, 0, 0, 0));
            assert_eq!(counts("03-13T08:00").await, (0, 3, 0, 0, 0));
            assert_eq!(counts("03-16T08:00").await, (0, 0, 3, 0, 0));
            assert_eq!(counts("03-27T08:00").await, (0, 0, 0, 3, 0));
            assert_eq!(counts("04-20T08:00").await, (0, 0, 0, 0, 3));
            let rows = world
                .dossiers
                .ageing(&actor(0), AgeingQuery::default())
                .await
                .expect("ageing");
            assert_eq!(rows[0].stuck_status, Some(DossierStatus::Processing));
            let counts = world.dossiers.counts(&operator()).await.expect("counts");
            assert_eq!((counts.open, counts.overdue, counts.stopped), (4, 3, 1));
        }
    });
}
