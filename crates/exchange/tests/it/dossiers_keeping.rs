//! Dossiers at the end of their time, and under new keys.

use std::time::Duration;

use lgsp_base::Actor;
use lgsp_base::id::ReceiptId;
use lgsp_base::planted::Planted;
use lgsp_exchange::dossier::{
    DossierError, DossierRef, KeyRing, Purpose, RetentionTable, RouteKind,
};
use lgsp_exchange::{ContentTarget, EraseReason, ReceiveError};
use lgsp_store::StoreError;
use lgsp_wire::dossier::DossierStatus;
use lgsp_wire::record::Record;

use crate::dossiers_kit::{CITIZEN, at, dossier, dossier_code, progress, step};
use crate::history::stores;
use crate::world::{World, actor, operator, run};

const YEARS: u64 = 366 * 24 * 3600;

#[test]
fn what_was_kept_long_enough_is_erased_with_proof() {
    run(async {
        for store in stores("dossier_erase") {
            let world = World::with(store, 13, Planted::NONE);
            world.route(RouteKind::All, "", 2).await;
            let made = world
                .pushes(0, dossier(0, 1, DossierStatus::Received))
                .await
                .expect("accepted");
            world.clock.advance(Duration::from_secs(6 * 3600));
            let steps = vec![step(0, 1, DossierStatus::Withdrawn, "03-09T05:00")];
            world
                .dossiers
                .progress(progress(0, 1, steps))
                .await
                .expect("accepted");
            world
                .pushes(0, dossier(0, 2, DossierStatus::Processing))
                .await
                .expect("accepted");
            // Not yet: the class of what was withdrawn is two years; and not while a message is on its way.
            assert_eq!(world.dossiers.erase_due().await.expect("nothing"), 0);
            world.clock.advance(Duration::from_secs(2 * YEARS));
            assert_eq!(world.dossiers.erase_due().await.expect("nothing"), 0);
            let open: Vec<_> = world
                .inbox(2)
                .await
                .items
                .iter()
                .map(|item| item.delivery)
                .collect();
            world.acknowledge(2, &open).await;
            assert_eq!(world.dossiers.erase_due().await.expect("erased"), 1);
            assert_eq!(world.dossiers.erase_due().await.expect("nothing"), 0);

            let which = DossierRef::Id(made.dossier);
            let view = world
                .dossiers
                .view(&actor(0), &which, Purpose::Handling)
                .await
                .expect("a view");
            assert!(view.erased_at.is_some() && view.dossier.is_none());
            assert_eq!(view.steps.len(), 2);
            assert!(view.steps.iter().all(|step| step.step.is_none()));
            let target = ContentTarget::Document(made.accepted.document);
            let content = world.exchange.content(&actor(0), target).await;
            assert!(matches!(content, Err(ReceiveError::Erased)));
            assert!(matches!(
                world
                    .pushes(0, dossier(0, 1, DossierStatus::Received))
                    .await,
                Err(DossierError::Erased)
            ));
            let code = dossier_code(0, 1);
            assert_eq!(
                world
                    .dossiers
                    .public(&code, "2345")
                    .await
                    .expect("answered"),
                None
            );
            let looks = world.dossiers.who_looked(&operator(), CITIZEN).await;
            assert!(looks.expect("looks").is_empty(), "the hashes went too");
            // The other one is as it was.
            let page = world
                .dossiers
                .list(&actor(0), Default::default())
                .await
                .expect("a list");
            assert_eq!(page.rows.len(), 2);
            let names: Vec<&str> = page.rows.iter().map(|row| row.applicant.as_str()).collect();
            assert!(names.contains(&"N*** V*** T***") && names.contains(&""));

            let entries = world
                .db
                .read::<_, StoreError, _>("ledger_list", |tx| tx.ledger_list(0, 1_000))
                .await
                .expect("the ledger");
            let proof = entries
                .iter()
                .find(|entry| entry.kind == "dossier.erased")
                .expect("the proof");
            let record = Record::decode(&proof.record).expect("a record");
            assert_eq!(
                record.text("dossier"),
                Some(made.dossier.to_string().as_str())
            );
            assert_eq!(record.integer("documents"), Some(2));
            assert_eq!(record.text("reason"), Some("retention_ended"));
            assert!(
                proof
                    .receipt
                    .is_some_and(|receipt| receipt != ReceiptId::from_bits(0))
            );
            let erased = entries
                .iter()
                .filter(|entry| entry.kind == "document.erased");
            assert_eq!(erased.count(), 2);
        }
    });
}

#[test]
fn an_operator_erases_before_the_time_and_a_permanent_class_never_ends() {
    run(async {
        for store in stores("dossier_keep") {
            let world = World::with(store, 13, Planted::NONE);
            let mut table = RetentionTable::default();
            table
                .by_code
                .insert("2.000488".to_owned(), "permanent".to_owned());
            world
                .dossiers
                .set_retention(&operator(), &table)
                .await
                .expect("set");
            table.default = "none".to_owned();
            assert!(matches!(
                world.dossiers.set_retention(&operator(), &table).await,
                Err(DossierError::Invalid(_))
            ));
            let made = world
                .pushes(0, dossier(0, 1, DossierStatus::Returned))
                .await
                .expect("accepted");
            world.clock.advance(Duration::from_secs(150 * YEARS));
            assert_eq!(world.dossiers.erase_due().await.expect("nothing"), 0);
            let reason = EraseReason::LegalOrder;
            assert!(matches!(
                world.dossiers.erase(&actor(0), made.dossier, reason).await,
                Err(DossierError::Forbidden)
            ));
            let first = world
                .dossiers
                .erase(&operator(), made.dossier, reason)
                .await;
            assert!(first.expect("erased").is_some());
            let again = world
                .dossiers
                .erase(&operator(), made.dossier, reason)
                .await;
            assert_eq!(again.expect("nothing"), None);
        }
    });
}

#[test]
fn data_keys_are_wrapped_under_a_new_key_while_running() {
    run(async {
        for store in stores("dossier_rewrap") {
            let world = World::with(store, 13, Planted::NONE);
            for number in 1..=5 {
                world
                    .pushes(0, dossier(0, number, DossierStatus::Received))
                    .await
                    .expect("accepted");
            }
            assert_eq!(world.dossiers.rewrap_step().await.expect("nothing"), 0);
            // Another process appends a key.
            let other = KeyRing::open(&world.dossier_keys()).expect("the key file");
            let number = other
                .append(at("03-10T08:00"), world.entropy.as_ref())
                .expect("a new key");
            assert!(world.dossiers.reload_keys().await.expect("reloaded"));
            let state = world.dossiers.key_state().await.expect("a state");
            assert_eq!((state.current, state.older), (number, 5));
            assert_eq!(world.dossiers.rewrap_step().await.expect("wrapped"), 5);
            assert_eq!(world.dossiers.key_state().await.expect("a state").older, 0);
            let which = DossierRef::Code(dossier_code(0, 3));
            let platform = Actor::Platform { part: "test" };
            let view = world
                .dossiers
                .view(&platform, &which, Purpose::Support)
                .await;
            assert!(view.expect("a view").dossier.is_some());
            world
                .pushes(0, dossier(0, 3, DossierStatus::Processing))
                .await
                .expect("accepted");
        }
    });
}
