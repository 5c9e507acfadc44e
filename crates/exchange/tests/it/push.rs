//! Pushing to an endpoint: leases, retries, order, parking, death.

use std::time::Duration;

use lgsp_base::limits;
use lgsp_exchange::{Channel, DeliveryState, Transport};

use crate::world::{Behaviour, FakeTransport, Way, World, actor, run};

async fn state(world: &World, delivery: lgsp_base::id::DeliveryId) -> lgsp_exchange::TraceDelivery {
    world
        .exchange
        .delivery(&actor(0), delivery)
        .await
        .expect("seen")
        .1
}

fn worker(world: &World, transport: &std::sync::Arc<FakeTransport>) -> lgsp_exchange::Worker {
    world.exchange.worker(
        "node-1".to_owned(),
        transport.clone() as std::sync::Arc<dyn Transport>,
    )
}

#[test]
fn a_pair_waits_for_its_head_and_then_goes_on_in_order() {
    run(async {
        for store in crate::history::stores("push-order") {
            let world = World::with(store, 3, lgsp_base::planted::Planted::NONE);
            let transport = FakeTransport::new(&world);
            let mut worker = worker(&world, &transport);
            let mut ids = Vec::new();
            for n in 0..3 {
                ids.push(world.send(0, &[3], &[n], &format!("k{n}")).await.deliveries[0].id);
            }
            let other = world.send(1, &[3], b"x", "k").await.deliveries[0].id;
            transport.will(&[Behaviour::Fail, Behaviour::Take]);
            // Both pairs begin with their first; which of them meets the failure does not matter.
            assert_eq!(worker.step().await.expect("works"), 2);
            for _ in 0..10 {
                world.clock.advance(Duration::from_secs(7));
                worker.step().await.expect("works");
            }
            let mut seen = transport.seen();
            seen.retain(|id| *id != other);
            seen.dedup();
            assert_eq!(seen, ids);
            for id in ids {
                assert_eq!(
                    state(&world, id).await.delivery.state,
                    DeliveryState::Delivered
                );
            }
        }
    });
}

#[test]
fn a_system_that_is_called_gets_its_pairs_in_order_and_a_budget_of_its_own() {
    run(async {
        let world = World::new("push-connector");
        let transport = FakeTransport::new(&world);
        let mut worker = worker(&world, &transport);
        let first = world.send(0, &[3], b"1", "1").await.deliveries[0].id;
        transport.will(&[Behaviour::Fail]);
        assert_eq!(worker.step().await.expect("works"), 1);
        // From now on its system is called by a protocol: what waits goes that way.
        world.directory.set(3, Way::Call);
        let mut ids = vec![first];
        for n in 0..2 {
            ids.push(world.send(0, &[3], &[n], &format!("k{n}")).await.deliveries[0].id);
        }
        for _ in 0..6 {
            world.clock.advance(Duration::from_secs(7));
            worker.step().await.expect("works");
        }
        let mut seen = transport.seen();
        seen.dedup();
        assert_eq!(seen, ids);
        let shown = state(&world, first).await;
        let tries: Vec<_> = shown
            .attempts
            .iter()
            .map(|attempt| (attempt.transport.as_str(), attempt.outcome.as_deref()))
            .collect();
        assert_eq!(
            tries,
            [
                ("webhook", Some("unreachable")),
                ("connector", Some("confirmed"))
            ]
        );
        let items = transport.seen.lock().expect("not poisoned");
        assert!(matches!(
            items.last().map(|item| &item.channel),
            Some(Channel::Connector { .. })
        ));
    });
}

#[test]
fn an_endpoint_that_refuses_is_left_alone_after_five_tries() {
    run(async {
        let world = World::new("push-park");
        let transport = FakeTransport::new(&world);
        let mut worker = worker(&world, &transport);
        let first = world.send(0, &[3], b"1", "1").await.deliveries[0].id;
        let second = world.send(0, &[3], b"2", "2").await.deliveries[0].id;
        transport.will(&[const { Behaviour::Refuse }; 5]);
        for _ in 0..6 {
            worker.step().await.expect("works");
            world.clock.advance(Duration::from_secs(3 * 3600));
        }
        let parked = state(&world, first).await;
        assert_eq!(parked.delivery.state, DeliveryState::Parked);
        assert_eq!(parked.attempts.len(), 5);
        assert_eq!(parked.attempts[0].cause.as_deref(), Some("http_422"));
        assert_eq!(
            state(&world, second).await.delivery.state,
            DeliveryState::Delivered
        );
    });
}

#[test]
fn the_budget_ends_in_death_with_a_cause_and_a_resend_revives() {
    run(async {
        let world = World::new("push-dead");
        let transport = FakeTransport::new(&world);
        let mut worker = worker(&world, &transport);
        let first = world.send(0, &[3], b"1", "1").await.deliveries[0].id;
        transport.will(&[const { Behaviour::Fail }; 11]);
        for _ in 0..11 {
            assert_eq!(worker.step().await.expect("works"), 1);
            assert_eq!(
                worker.step().await.expect("works"),
                0,
                "not before its time"
            );
            world.clock.advance(Duration::from_secs(29 * 3600));
        }
        let dead = state(&world, first).await;
        assert_eq!(dead.delivery.state, DeliveryState::Dead);
        assert_eq!(dead.delivery.cause.as_deref(), Some("connect"));
        assert_eq!(dead.attempts.len(), limits::RETRY_SCHEDULE.len() + 1);
        let resent = world
            .exchange
            .resend(&actor(0), first)
            .await
            .expect("sent again");
        worker.step().await.expect("works");
        assert_eq!(
            state(&world, resent.id).await.delivery.state,
            DeliveryState::Delivered
        );
    });
}

#[test]
fn a_worker_that_dies_loses_its_lease_and_one_that_wakes_late_changes_nothing() {
    run(async {
        let world = World::new("push-lease");
        let transport = FakeTransport::new(&world);
        let first = world.send(0, &[3], b"1", "1").await.deliveries[0].id;
        transport.will(&[Behaviour::Hang]);
        let mut dying = worker(&world, &transport);
        tokio::select! {
            _ = dying.step() => panic!("it hangs"),
            () = transport.hanging.notified() => {}
        }
        assert_eq!(
            worker(&world, &transport).step().await.expect("works"),
            0,
            "the lease holds"
        );
        world
            .clock
            .advance(limits::DELIVERY_LEASE + Duration::from_secs(1));
        // The next one stalls until a second worker has taken over.
        transport.will(&[Behaviour::Stall]);
        assert_eq!(worker(&world, &transport).step().await.expect("works"), 1);
        let shown = state(&world, first).await;
        assert_eq!(shown.delivery.state, DeliveryState::Delivered);
        let outcomes: Vec<_> = shown
            .attempts
            .iter()
            .filter_map(|attempt| attempt.outcome.as_deref())
            .collect();
        assert_eq!(outcomes, ["lost", "lost", "confirmed"]);
        let counted = world.exchange.counters().read();
        assert_eq!((counted.delivered, counted.leases_lost), (1, 1));
    });
}

#[test]
fn what_waits_is_pushed_when_an_endpoint_appears_and_waits_when_it_goes() {
    run(async {
        let world = World::new("push-later");
        let transport = FakeTransport::new(&world);
        let mut worker = worker(&world, &transport);
        let first = world.send(0, &[4], b"1", "1").await.deliveries[0].id;
        let second = world.send(0, &[4], b"2", "2").await.deliveries[0].id;
        assert!(state(&world, first).await.waits_for_system);
        assert_eq!(worker.step().await.expect("works"), 0);
        world.directory.set(4, Way::Push);
        transport.will(&[Behaviour::Gone]);
        assert_eq!(worker.step().await.expect("works"), 1);
        assert_eq!(transport.gone.lock().expect("not poisoned").len(), 1);
        world.directory.set(4, Way::Inbox);
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(worker.step().await.expect("works"), 0);
        assert_eq!(state(&world, first).await.delivery.next_attempt_at, None);
        let outcomes = world.acknowledge(4, &[first, second]).await;
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    });
}

#[test]
fn the_running_worker_wakes_on_a_submit_and_stops_when_told() {
    run(async {
        let world = World::new("push-run");
        let transport = FakeTransport::new(&world);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let running = world
            .exchange
            .run_worker("node-1".to_owned(), transport.clone(), stopped);
        let scenario = async {
            let accepted = world.send(0, &[3], b"1", "1").await;
            loop {
                let shown = state(&world, accepted.deliveries[0].id).await;
                if shown.delivery.state == DeliveryState::Delivered {
                    break;
                }
                tokio::task::yield_now().await;
            }
            stop.send(true).expect("the worker listens");
        };
        tokio::join!(running, scenario);
        assert_eq!(transport.seen().len(), 1);
    });
}
