//! Erasing a content: the bytes go, everything that proves them stays.

use lgsp_base::{Sha256, limits};
use lgsp_exchange::{ContentTarget, EraseError, EraseReason, ReceiveError, TroubledQuery};
use lgsp_store::StoreError;
use lgsp_wire::record::Record;

use crate::history::{blob_files, stores};
use crate::world::{World, actor, operator, run};

const REASON: EraseReason = EraseReason::PersonalData;

#[test]
fn bytes_go_and_their_proof_stays() {
    run(async {
        for store in stores("erase") {
            let world = World::with(store, 5, lgsp_base::planted::Planted::NONE);
            let sent = world
                .send(0, &[1], b"a secret that nobody may keep", "k")
                .await;
            let open = world
                .exchange
                .erase(&operator(), sent.document, REASON)
                .await;
            assert!(
                matches!(&open, Err(EraseError::Open { deliveries }) if *deliveries == [sent.deliveries[0].id])
            );
            world.acknowledge(1, &[sent.deliveries[0].id]).await;
            assert!(matches!(
                world.exchange.erase(&actor(0), sent.document, REASON).await,
                Err(EraseError::Forbidden)
            ));
            let erasure = world
                .exchange
                .erase(&operator(), sent.document, REASON)
                .await
                .expect("erased");
            assert_eq!(erasure.reason, "personal_data");
            world.clock.advance(std::time::Duration::from_secs(1));
            let again = world
                .exchange
                .erase(&operator(), sent.document, EraseReason::LegalOrder)
                .await
                .expect("the first erasure");
            assert_eq!(again, erasure);
            for (target, by) in [
                (ContentTarget::Document(sent.document), actor(0)),
                (ContentTarget::Delivery(sent.deliveries[0].id), actor(1)),
            ] {
                assert!(matches!(
                    world.exchange.content(&by, target).await,
                    Err(ReceiveError::Erased)
                ));
            }
            let trace = world
                .exchange
                .trace(&actor(0), sent.document)
                .await
                .expect("a trace");
            assert_eq!(trace.erasure, Some(erasure));
            assert_eq!(
                trace.document.content_sha256,
                Sha256::of(b"a secret that nobody may keep")
            );
            // A repeated submit still gets its first answer.
            assert!(
                world
                    .send(0, &[1], b"a secret that nobody may keep", "k")
                    .await
                    .is_repeat
            );
            let entries = world
                .db
                .read::<_, StoreError, _>("ledger_list", |tx| tx.ledger_list(0, 1_000))
                .await
                .expect("the ledger");
            let erased: Vec<Record> = entries
                .iter()
                .filter(|entry| entry.kind == "document.erased")
                .map(|entry| Record::decode(&entry.record).expect("a record"))
                .collect();
            assert_eq!(erased.len(), 1);
            assert_eq!(erased[0].text("reason"), Some("personal_data"));
            assert_eq!(
                erased[0].text("sha256"),
                Some(sent.content_sha256.to_string().as_str())
            );
            let contents = world
                .db
                .read::<_, StoreError, _>("contents", |tx| {
                    tx.document_contents(lgsp_base::id::DocumentId::from_bits(0), 10)
                })
                .await
                .expect("contents");
            assert!(contents[0].is_erased && contents[0].body.is_none());
        }
    });
}

/// The pages that held a small body hold it no more.
#[test]
fn a_small_body_is_written_over() {
    run(async {
        let mut world = World::new("erase-pages");
        let canary = b"CANARY-7f3a".repeat(3_000);
        let sent = world.send(0, &[1], &canary, "k").await;
        world.acknowledge(1, &[sent.deliveries[0].id]).await;
        world
            .exchange
            .erase(&operator(), sent.document, REASON)
            .await
            .expect("erased");
        // Closing folds the write-ahead log into the file.
        let file = world.blob_folder().with_file_name("lgsp.db");
        world.restart();
        let bytes = std::fs::read(file).expect("the database");
        assert!(!bytes.windows(11).any(|window| window == b"CANARY-7f3a"));
    });
}

#[test]
fn a_large_content_loses_its_file_unless_another_document_has_it() {
    run(async {
        let world = World::new("erase-blob");
        let machine = lgsp_base::time::SystemClock::new();
        world.clock.jump_to(lgsp_base::Clock::now(&machine));
        let bytes = vec![7; limits::INLINE_BODY_BYTES_MAX + 1];
        let first = world.send(0, &[1], &bytes, "1").await;
        let second = world.send(0, &[2], &bytes, "2").await;
        world.acknowledge(1, &[first.deliveries[0].id]).await;
        world.acknowledge(2, &[second.deliveries[0].id]).await;
        let files = || blob_files(&world.blob_folder()).len();
        let aged = limits::ORPHAN_BLOB_AGE + std::time::Duration::from_secs(5);
        world.clock.advance(aged);
        world
            .exchange
            .erase(&operator(), first.document, REASON)
            .await
            .expect("erased");
        assert_eq!(files(), 1, "the second document has the same content");
        let target = ContentTarget::Document(second.document);
        assert!(world.exchange.content(&actor(0), target).await.is_ok());
        world
            .exchange
            .erase(&operator(), second.document, REASON)
            .await
            .expect("erased");
        assert_eq!(files(), 0);
        // A file that is young may belong to an upload under way: the sweeper takes it later.
        world.clock.jump_to(lgsp_base::Clock::now(&machine));
        let third = world.send(0, &[1], &bytes, "3").await;
        world.acknowledge(1, &[third.deliveries[0].id]).await;
        world
            .exchange
            .erase(&operator(), third.document, REASON)
            .await
            .expect("erased");
        assert_eq!(files(), 1);
        world.clock.advance(aged);
        assert_eq!(world.exchange.sweep_orphans().await.expect("works"), 1);
    });
}

#[test]
fn what_was_erased_is_not_sent_again_and_is_in_trouble_no_more() {
    run(async {
        let world = World::new("erase-resend");
        let sent = world.send(0, &[1], b"x", "k").await;
        world.clock.advance(limits::DELIVERY_EXPIRY);
        world.exchange.expire_due().await.expect("works");
        let groups = world
            .exchange
            .troubled_groups(&operator(), TroubledQuery::default())
            .await;
        assert_eq!(groups.expect("groups").total, 1);
        world
            .exchange
            .erase(&operator(), sent.document, REASON)
            .await
            .expect("erased");
        let again = world
            .exchange
            .resend(&actor(0), sent.deliveries[0].id)
            .await;
        assert!(matches!(again, Err(ReceiveError::Erased)));
        let groups = world
            .exchange
            .troubled_groups(&operator(), TroubledQuery::default())
            .await;
        assert_eq!(groups.expect("groups").total, 0);
    });
}
