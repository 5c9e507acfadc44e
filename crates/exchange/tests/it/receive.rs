//! Inbox, confirmation, refusal, order.

use std::time::Duration;

use lgsp_base::{Sha256, limits};
use lgsp_exchange::{
    Acknowledgement, ContentTarget, DeliveryState, DocumentKind, InboxQuery, ReceiveError,
};

use crate::world::{World, actor, operator, org, run};

fn code_of(outcome: &lgsp_exchange::AcknowledgeOutcome) -> &'static str {
    outcome
        .result
        .as_ref()
        .map_or_else(lgsp_base::Problem::code, |_| "ok")
}

#[test]
fn an_inbox_is_fetched_in_order_confirmed_and_then_empty() {
    run(async {
        for store in crate::history::stores("inbox") {
            let world = World::with(store, 2, lgsp_base::planted::Planted::NONE);
            for n in 0..5u8 {
                world.send(n % 2, &[2], &[n; 10], &format!("k{n}")).await;
                world.clock.advance(Duration::from_millis(1));
            }
            let waiting = world
                .exchange
                .count_waiting(&actor(2), None)
                .await
                .expect("a count");
            assert_eq!((waiting.plain, waiting.edoc), (5, 0));
            let page = world
                .exchange
                .inbox(
                    &actor(2),
                    InboxQuery {
                        limit: 3,
                        with_content: true,
                        kinds: vec![DocumentKind::Plain],
                        ..InboxQuery::default()
                    },
                )
                .await
                .expect("a page");
            assert_eq!(page.items.len(), 3);
            assert!(
                page.items
                    .iter()
                    .all(|item| item.attempt == 1 && item.content.is_some())
            );
            assert_eq!(page.items[0].sender_name.as_deref(), Some("Sở số 0"));
            let rest = world
                .exchange
                .inbox(
                    &actor(2),
                    InboxQuery {
                        after: page.next,
                        limit: 3,
                        ..InboxQuery::default()
                    },
                )
                .await
                .expect("a page");
            assert_eq!((rest.items.len(), rest.next), (2, None));
            let all: Vec<_> = page
                .items
                .iter()
                .chain(&rest.items)
                .map(|item| item.delivery)
                .collect();
            // In any order within one call.
            let outcomes = world
                .acknowledge(2, &all.iter().rev().copied().collect::<Vec<_>>())
                .await;
            assert!(outcomes.iter().all(|outcome| code_of(outcome) == "ok"));
            let again = world.acknowledge(2, &[all[0]]).await;
            let repeated = again[0].result.as_ref().expect("repeated");
            assert!(repeated.repeated);
            assert_eq!(
                repeated.receipt,
                outcomes[4].result.as_ref().expect("confirmed").receipt
            );
            assert!(world.inbox(2).await.items.is_empty());
            assert_eq!(world.exchange.counters().read().delivered, 5);
        }
    });
}

#[test]
fn confirmations_are_judged_one_by_one() {
    run(async {
        let world = World::new("ack");
        let first = world.send(0, &[1], b"first", "1").await.deliveries[0].id;
        let second = world.send(0, &[1], b"second", "2").await.deliveries[0].id;
        let foreign = world.send(0, &[2], b"third", "3").await.deliveries[0].id;
        let missing = lgsp_base::id::DeliveryId::from_bits(9);
        let outcomes = world.acknowledge(1, &[second, foreign, missing]).await;
        assert_eq!(
            outcomes.iter().map(code_of).collect::<Vec<_>>(),
            [
                "exchange.order",
                "exchange.delivery_unknown",
                "exchange.delivery_unknown"
            ]
        );
        assert_eq!(outcomes[1].result, outcomes[2].result);
        let wrong = vec![Acknowledgement {
            delivery: first,
            sha256: Some(Sha256::of(b"other")),
        }];
        let outcomes = world
            .exchange
            .acknowledge(&actor(1), wrong)
            .await
            .expect("answered");
        assert_eq!(code_of(&outcomes[0]), "receipt.hash");
        let outcomes = world.acknowledge(1, &[second, first, first]).await;
        assert!(outcomes.iter().all(|outcome| code_of(outcome) == "ok"));
        let too_many = vec![
            Acknowledgement {
                delivery: first,
                sha256: None
            };
            limits::ACKNOWLEDGE_BATCH_MAX + 1
        ];
        assert!(matches!(
            world.exchange.acknowledge(&actor(1), too_many).await,
            Err(ReceiveError::Invalid(_))
        ));
    });
}

#[test]
fn refused_five_times_a_document_is_parked_and_later_ones_pass() {
    run(async {
        let world = World::new("park");
        let first = world.send(0, &[1], b"first", "1").await;
        let second = world.send(0, &[1], b"second", "2").await.deliveries[0].id;
        let delivery = first.deliveries[0].id;
        for n in 1..=limits::REFUSALS_MAX {
            let refused = world
                .exchange
                .refuse(&actor(1), delivery, "bad_pdf".to_owned(), None)
                .await
                .expect("counted");
            assert_eq!(
                (refused.refusals, refused.is_parked),
                (n, n == limits::REFUSALS_MAX)
            );
        }
        let late = world
            .exchange
            .refuse(&actor(1), delivery, "x".to_owned(), None)
            .await;
        assert!(matches!(
            late,
            Err(ReceiveError::DeliveryState { state: "parked" })
        ));
        assert_eq!(
            code_of(&world.acknowledge(1, &[delivery]).await[0]),
            "exchange.delivery_state"
        );
        assert_eq!(code_of(&world.acknowledge(1, &[second]).await[0]), "ok");
        let trouble = world
            .exchange
            .deliveries(&actor(0), Default::default())
            .await
            .expect("a list");
        assert_eq!(trouble[0].id, delivery);
        // Sent again it takes a new place.
        world.clock.advance(std::time::Duration::from_secs(60));
        let resent = world
            .exchange
            .resend(&actor(0), delivery)
            .await
            .expect("sent again");
        assert_eq!((resent.seq, resent.resend_of), (3, Some(delivery)));
        // Pressed twice, it is sent once.
        let again = world.exchange.resend(&actor(0), delivery).await;
        assert_eq!(again.expect("the same").id, resent.id);
        assert_eq!(code_of(&world.acknowledge(1, &[resent.id]).await[0]), "ok");
        assert!(matches!(
            world.exchange.resend(&actor(0), resent.id).await,
            Err(ReceiveError::DeliveryState { .. })
        ));
        let trace = world
            .exchange
            .trace(&actor(0), first.document)
            .await
            .expect("a trace");
        assert_eq!(trace.deliveries.len(), 2);
        assert_eq!(trace.deliveries[0].attempts.len(), 5);
        assert_eq!(trace.deliveries[1].delivery.state, DeliveryState::Delivered);
    });
}

#[test]
fn what_is_passed_over_after_its_time_counts_as_refused_once_per_call() {
    run(async {
        let world = World::new("passed-over");
        let first = world.send(0, &[1], b"first", "1").await.deliveries[0].id;
        let second = world.send(0, &[1], b"second", "2").await.deliveries[0].id;
        let third = world.send(0, &[1], b"third", "3").await.deliveries[0].id;
        world.inbox(1).await;
        // At once: it may still be under way in another thread of the recipient.
        assert_eq!(
            code_of(&world.acknowledge(1, &[second]).await[0]),
            "exchange.order"
        );
        for n in 1..=limits::REFUSALS_MAX {
            world
                .clock
                .advance(limits::DELIVERY_LEASE + Duration::from_secs(1));
            let outcomes = world.acknowledge(1, &[second, third]).await;
            let expected = if n == limits::REFUSALS_MAX {
                "ok"
            } else {
                "exchange.order"
            };
            assert!(
                outcomes.iter().all(|outcome| code_of(outcome) == expected),
                "{n}"
            );
        }
        let (_, shown) = world
            .exchange
            .delivery(&actor(0), first)
            .await
            .expect("seen");
        assert_eq!(shown.delivery.state, DeliveryState::Parked);
        assert_eq!(shown.delivery.cause.as_deref(), Some("passed_over"));
    });
}

#[test]
fn damaged_content_is_never_served() {
    run(async {
        let world = World::new("damage");
        let accepted = world.send(0, &[1], b"precious", "k").await;
        world
            .db
            .write::<_, lgsp_store::StoreError, _>("damage", |tx| {
                tx.execute(
                    "UPDATE documents SET body = $1",
                    lgsp_store::params![&b"preciouz"[..]],
                )
            })
            .await
            .expect("damaged");
        let page = world.inbox(1).await;
        assert!(page.items[0].content.is_none());
        assert_eq!(
            page.items[0].problem.as_ref().map(lgsp_base::Problem::code),
            Some("storage.corrupt")
        );
        let error = world
            .exchange
            .content(&actor(1), ContentTarget::Document(accepted.document))
            .await
            .expect_err("damaged");
        assert_eq!(error.to_problem().code(), "storage.corrupt");
    });
}

#[test]
fn only_the_own_inbox_opens() {
    run(async {
        let world = World::new("own");
        world.send(0, &[1], b"x", "k").await;
        let query = |number| InboxQuery {
            org: Some(org(number)),
            ..InboxQuery::default()
        };
        assert!(matches!(
            world.exchange.inbox(&actor(2), query(1)).await,
            Err(ReceiveError::Forbidden)
        ));
        assert_eq!(
            world
                .exchange
                .inbox(&operator(), query(1))
                .await
                .expect("a page")
                .items
                .len(),
            1
        );
        assert!(matches!(
            world
                .exchange
                .inbox(&operator(), InboxQuery::default())
                .await,
            Err(ReceiveError::Invalid(_))
        ));
        let huge = InboxQuery {
            limit: limits::PAGE_SIZE_MAX + 1,
            ..InboxQuery::default()
        };
        assert!(matches!(
            world.exchange.inbox(&actor(1), huge).await,
            Err(ReceiveError::Invalid(_))
        ));
    });
}
