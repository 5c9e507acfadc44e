//! Trouble as an operator sees it: grouped by cause, recipient and state, and recorded try by try.

use std::collections::BTreeSet;
use std::time::Duration;

use lgsp_base::id::DeliveryId;
use lgsp_base::limits;
use lgsp_base::planted::Planted;
use lgsp_exchange::{DeliveryFilter, DeliveryState, Transport, TroubledQuery};
use lgsp_store::StoreError;
use lgsp_wire::record::Record;

use crate::history::stores;
use crate::resends::make_dead;
use crate::world::{Behaviour, FakeTransport, World, actor, operator, org, run};

#[test]
fn trouble_is_grouped_by_cause_recipient_and_state() {
    run(async {
        for store in stores("groups") {
            let world = World::with(store, 3, Planted::NONE);
            make_dead(&world, 0, 3, 5, "timeout").await;
            world.clock.advance(Duration::from_secs(3600));
            make_dead(&world, 1, 3, 4, "timeout").await;
            make_dead(&world, 0, 3, 2, "http_413").await;
            make_dead(&world, 0, 2, 1, "timeout").await;
            world.send(0, &[4], b"x", "k").await;
            world.clock.advance(limits::DELIVERY_EXPIRY);
            world.exchange.expire_due().await.expect("works");
            let all = world
                .exchange
                .troubled_groups(&operator(), TroubledQuery::default())
                .await
                .expect("groups");
            assert!(all.is_complete);
            assert_eq!(all.total, 13);
            let shown: Vec<_> = all
                .groups
                .iter()
                .map(|group| {
                    (
                        group.cause.as_str(),
                        group.recipient,
                        group.state,
                        group.count,
                    )
                })
                .collect();
            assert_eq!(shown[0], ("timeout", org(3), DeliveryState::Dead, 9));
            assert_eq!(shown[1], ("http_413", org(3), DeliveryState::Dead, 2));
            assert!(shown.contains(&("timeout", org(2), DeliveryState::Dead, 1)));
            assert!(shown.contains(&("no_system", org(4), DeliveryState::Expired, 1)));
            let first = &all.groups[0];
            assert_eq!(first.samples.len(), limits::TROUBLED_SAMPLES_MAX);
            assert_eq!(first.recipient_name.as_deref(), Some("Sở số 3"));
            assert!(first.last_at.since(first.first_at) >= Duration::from_secs(3600));
            assert_eq!(all.oldest_at, Some(first.first_at));
            // A system sees what it takes part in; the recipient of none of them sees nothing.
            let own = async |number| {
                let found = world
                    .exchange
                    .troubled_groups(&actor(number), TroubledQuery::default())
                    .await;
                found.expect("groups").total
            };
            assert_eq!(own(1).await, 4);
            assert_eq!(own(2).await, 1);
            let narrowed = TroubledQuery {
                cause: Some("timeout".to_owned()),
                org: Some(org(3)),
                state: Some(DeliveryState::Dead),
            };
            let narrowed = world.exchange.troubled_groups(&operator(), narrowed).await;
            assert_eq!(narrowed.expect("groups").total, 9);
            let filter = DeliveryFilter {
                recipient: Some(org(3)),
                cause: Some("http_413".to_owned()),
                limit: 10,
                ..DeliveryFilter::default()
            };
            let members = world.exchange.deliveries(&operator(), filter).await;
            assert_eq!(members.expect("a page").len(), 2);
            // What is sent again leaves its group.
            world
                .exchange
                .resend(&operator(), first.samples[0])
                .await
                .expect("sent again");
            let less = world
                .exchange
                .troubled_groups(&operator(), TroubledQuery::default())
                .await;
            assert_eq!(less.expect("groups").total, 12);
        }
    });
}

/// Ten thousand, with a cancel in the middle, a restart in the middle, and a second press at every turn.
#[test]
fn failed_tries_and_refusals_are_in_the_ledger() {
    run(async {
        for store in stores("attempts-ledger") {
            let world = World::with(store, 6, Planted::NONE);
            let transport = FakeTransport::new(&world);
            let mut worker = world.exchange.worker(
                "node".to_owned(),
                transport.clone() as std::sync::Arc<dyn Transport>,
            );
            transport.will(&[
                Behaviour::Fail,
                Behaviour::Refuse,
                Behaviour::Gone,
                Behaviour::Take,
            ]);
            let pushed = world.send(0, &[3], b"1", "1").await.deliveries[0].id;
            for _ in 0..4 {
                assert_eq!(worker.step().await.expect("works"), 1);
                world.clock.advance(Duration::from_secs(3600));
            }
            let pulled = world.send(0, &[1], b"2", "2").await.deliveries[0].id;
            let refused = world
                .exchange
                .refuse(&actor(1), pulled, "bad_pdf".to_owned(), None)
                .await;
            refused.expect("counted");
            let entries = world
                .db
                .read::<_, StoreError, _>("ledger_list", |tx| tx.ledger_list(0, 100))
                .await
                .expect("the ledger");
            let seen: Vec<_> = entries
                .iter()
                .filter(|entry| entry.kind.starts_with("delivery."))
                .map(|entry| {
                    let record = Record::decode(&entry.record).expect("a record");
                    (
                        entry.kind.clone(),
                        record.text("delivery").map(str::to_owned),
                        record.text("cause").map(str::to_owned),
                        record.integer("number"),
                        record
                            .integer("next_at")
                            .is_some_and(|next| next > entry.at.as_micros()),
                    )
                })
                .collect();
            let entry = |kind: &str, id: DeliveryId, cause: Option<&str>, number, is_planned| {
                (
                    kind.to_owned(),
                    Some(id.to_string()),
                    cause.map(str::to_owned),
                    number,
                    is_planned,
                )
            };
            assert_eq!(
                seen,
                [
                    entry(
                        "delivery.attempt_failed",
                        pushed,
                        Some("connect"),
                        Some(1),
                        true
                    ),
                    entry("delivery.refused", pushed, Some("http_422"), Some(1), true),
                    entry(
                        "delivery.attempt_failed",
                        pushed,
                        Some("http_410"),
                        Some(3),
                        true
                    ),
                    entry("delivery.confirmed", pushed, None, None, false),
                    entry("delivery.refused", pulled, Some("bad_pdf"), Some(1), false),
                ]
            );
        }
    });
}

/// The bound of the ledger's growth: a delivery that never arrives leaves as many entries as its budget has tries, and its death.
#[test]
fn a_delivery_that_never_arrives_leaves_a_bounded_trail() {
    run(async {
        let world = World::new("attempts-bound");
        let transport = FakeTransport::new(&world);
        let mut worker = world.exchange.worker(
            "node".to_owned(),
            transport.clone() as std::sync::Arc<dyn Transport>,
        );
        world.send(0, &[3], b"1", "1").await;
        transport.will(&[const { Behaviour::Fail }; 20]);
        for _ in 0..20 {
            worker.step().await.expect("works");
            world.clock.advance(Duration::from_secs(29 * 3600));
        }
        let entries = world
            .db
            .read::<_, StoreError, _>("ledger_list", |tx| tx.ledger_list(0, 100))
            .await
            .expect("the ledger");
        let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
        let failed = kinds
            .iter()
            .filter(|kind| **kind == "delivery.attempt_failed")
            .count();
        assert_eq!(failed, limits::RETRY_SCHEDULE.len() + 1);
        assert_eq!(kinds.last(), Some(&"delivery.dead"));
        assert_eq!(kinds.iter().collect::<BTreeSet<_>>().len(), 3);
    });
}
