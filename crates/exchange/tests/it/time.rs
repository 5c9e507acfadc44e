//! Expiry, forgotten keys, orphaned files.

use std::time::Duration;

use lgsp_base::{Timestamp, limits};
use lgsp_exchange::{DeliveryState, DocumentKind, IntakeKind};

use crate::world::{World, actor, run};

#[test]
fn what_nobody_fetches_expires_with_a_notice_to_the_sender() {
    run(async {
        let world = World::new("expiry");
        let accepted = world.send(0, &[1, 4], b"x", "k").await;
        assert_eq!(world.exchange.expire_due().await.expect("works"), 0);
        world.clock.advance(limits::DELIVERY_EXPIRY);
        assert_eq!(world.exchange.expire_due().await.expect("works"), 2);
        assert_eq!(world.exchange.expire_due().await.expect("works"), 0);
        let trace = world
            .exchange
            .trace(&actor(0), accepted.document)
            .await
            .expect("a trace");
        let mut causes: Vec<_> = trace
            .deliveries
            .iter()
            .map(|shown| {
                (
                    shown.delivery.state,
                    shown.delivery.cause.clone().unwrap_or_default(),
                )
            })
            .collect();
        causes.sort();
        assert_eq!(
            causes,
            [
                (DeliveryState::Expired, "no_system".to_owned()),
                (DeliveryState::Expired, "not_fetched".to_owned())
            ]
        );
        assert_eq!(trace.related.len(), 2);
        let page = world.inbox(0).await;
        assert_eq!(page.items.len(), 2);
        assert!(
            page.items
                .iter()
                .all(|item| item.kind == DocumentKind::Notice)
        );
        let notice: serde_json::Value =
            serde_json::from_slice(page.items[0].content.as_ref().expect("content")).expect("JSON");
        assert_eq!(notice["code"], "expired");
        assert_eq!(notice["document"], accepted.document.to_string());
        let ids: Vec<_> = page.items.iter().map(|item| item.delivery).collect();
        assert!(
            world
                .acknowledge(0, &ids)
                .await
                .iter()
                .all(|outcome| outcome.result.is_ok())
        );
        // The recipient does not see the sender's notices.
        let seen = world
            .exchange
            .trace(&actor(1), accepted.document)
            .await
            .expect("a trace");
        assert!(seen.related.is_empty() && seen.deliveries.len() == 1);
        // A notice that expires makes no notice.
        world.send(0, &[1], b"y", "k2").await;
        world.clock.advance(limits::DELIVERY_EXPIRY);
        world.exchange.expire_due().await.expect("works");
        world.clock.advance(limits::DELIVERY_EXPIRY);
        assert_eq!(world.exchange.expire_due().await.expect("works"), 1);
        assert!(world.inbox(0).await.items.is_empty());
    });
}

#[test]
fn keys_are_kept_for_their_time_and_then_forgotten() {
    run(async {
        let world = World::new("keys");
        world.send(0, &[1], b"x", "k").await;
        world.clock.advance(Duration::from_secs(
            limits::IDEMPOTENCY_KEY_DAYS * 24 * 3600,
        ));
        assert_eq!(world.exchange.purge_keys().await.expect("works"), 0);
        assert!(world.send(0, &[1], b"x", "k").await.is_repeat);
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.exchange.purge_keys().await.expect("works"), 1);
        assert!(!world.send(0, &[1], b"x", "k").await.is_repeat);
    });
}

#[test]
fn only_old_files_without_a_document_are_swept() {
    run(async {
        let world = World::new("sweep");
        // Files carry the machine's time.
        let machine = lgsp_base::time::SystemClock::new();
        world.clock.jump_to(lgsp_base::Clock::now(&machine));
        let bytes = vec![1; limits::INLINE_BODY_BYTES_MAX + 1];
        world.send(0, &[1], &bytes, "k").await;
        let kind = IntakeKind::Plain {
            content_type: "a/b".to_owned(),
        };
        let mut submit = world.plain(0, &[1], &[2; 100_000], Some("k"));
        submit.content = world
            .take_in(&actor(0), kind, &[2; 100_000])
            .expect("taken in");
        // Refused inside the transaction, after the file got its name.
        assert!(world.exchange.submit(submit).await.is_err());
        assert_eq!(crate::history::blob_files(&world.blob_folder()).len(), 2);
        assert_eq!(world.exchange.sweep_orphans().await.expect("works"), 0);
        world
            .clock
            .advance(limits::ORPHAN_BLOB_AGE + Duration::from_secs(5));
        assert_eq!(world.exchange.sweep_orphans().await.expect("works"), 1);
        assert_eq!(crate::history::blob_files(&world.blob_folder()).len(), 1);
        assert!(world.now() > Timestamp::from_millis(0));
    });
}
