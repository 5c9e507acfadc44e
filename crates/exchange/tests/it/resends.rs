//! Sending many dead letters again.

use std::collections::BTreeMap;
use std::time::Duration;

use lgsp_base::id::{DeliveryId, DocumentId, JobId};
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::{Timestamp, limits};
use lgsp_exchange::{
    BatchQuery, DeliveryFilter, DeliveryState, ResendError, ResendOutcome, ResendState,
    seconds_left,
};
use lgsp_store::StoreError;
use lgsp_store::exchange::{DocumentKind, NewDelivery, NewDocument};
use lgsp_wire::record::Record;

use crate::history::stores;
use crate::world::{Way, World, actor, code, operator, org, run, system};

/// A pace at which a test gets along.
const FAST: Option<u32> = Some(limits::RESEND_PER_SECOND_MAX);

/// Puts deliveries into the store that are dead already: ten thousand pushes that fail eleven times each take their time.
pub(crate) async fn make_dead(
    world: &World,
    sender: u8,
    recipient: u8,
    count: u32,
    cause: &'static str,
) {
    let now = world.now();
    let entropy = world.entropy.clone();
    let base = entropy_id(world);
    world
        .db
        .write::<_, StoreError, _>("make_dead", move |tx| {
            for number in 0..count {
                let at = now.plus(Duration::from_millis(u64::from(number)));
                let document = DocumentId::generate(at, entropy.as_ref());
                let sha256 = lgsp_base::Sha256::of(format!("{base} {number}").as_bytes());
                tx.document_insert(&NewDocument {
                    id: document,
                    accepted_at: at,
                    expires_at: at.plus(limits::DELIVERY_EXPIRY),
                    door: "api",
                    kind: DocumentKind::Plain,
                    business_type: Some(0),
                    sender_org: org(sender),
                    sender_code: &code(sender),
                    sender_system: Some(system(sender)),
                    external_id: None,
                    notation: None,
                    subject: None,
                    subject_folded: None,
                    issued_on: None,
                    type_name: None,
                    priority: None,
                    original: None,
                    content_type: "text/plain",
                    content_bytes: 1,
                    content_sha256: sha256,
                    attachments: None,
                    receipt: lgsp_base::id::ReceiptId::generate(at, entropy.as_ref()),
                    blob: None,
                    body: Some(b"x"),
                })?;
                let place = tx.pair_advance(org(sender), org(recipient), at)?;
                let id = DeliveryId::generate(at, entropy.as_ref());
                tx.delivery_insert(&NewDelivery {
                    id,
                    document,
                    sender_org: org(sender),
                    recipient_org: org(recipient),
                    recipient_code: &code(recipient),
                    addressed_code: &code(recipient),
                    is_routed: false,
                    kind: DocumentKind::Plain,
                    place,
                    next_attempt_at: None,
                    created_at: at,
                    expires_at: at.plus(limits::DELIVERY_EXPIRY),
                    resend_of: None,
                })?;
                tx.delivery_close(id, DeliveryState::Dead, at, cause, Some("made dead"))?;
            }
            Ok(())
        })
        .await
        .expect("stored");
}

fn entropy_id(world: &World) -> String {
    JobId::generate(world.now(), world.entropy.as_ref()).to_string()
}

async fn start(world: &World, query: BatchQuery, key: Option<&str>) -> JobId {
    world
        .exchange
        .resend_batch(&operator(), query, FAST, key.map(str::to_owned))
        .await
        .expect("started")
        .job
        .id
}

/// Works until nothing is left, at most so many steps.
async fn work(world: &World, steps: usize) -> u64 {
    let mut done = 0;
    for _ in 0..steps {
        let step = world.exchange.resend_step().await.expect("works");
        done += step.done;
        match step.next_in {
            Some(wait) => world.clock.advance(wait),
            None => break,
        }
    }
    done
}

/// How often each document waits for, or reached, its recipient by a delivery that is not in trouble.
async fn copies(world: &World) -> BTreeMap<DocumentId, u32> {
    let mut copies = BTreeMap::new();
    for state in [
        DeliveryState::Waiting,
        DeliveryState::Leased,
        DeliveryState::Delivered,
    ] {
        let mut before = None;
        loop {
            let filter = DeliveryFilter {
                state: Some(state),
                before,
                limit: limits::PAGE_SIZE_MAX,
                ..DeliveryFilter::default()
            };
            let page = world
                .exchange
                .deliveries(&operator(), filter)
                .await
                .expect("a page");
            for delivery in &page {
                *copies.entry(delivery.document).or_default() += 1;
            }
            match page.last() {
                Some(last) if page.len() == limits::PAGE_SIZE_MAX => before = Some(last.id),
                _ => break,
            }
        }
    }
    copies
}

#[test]
fn ten_thousand_dead_letters_reach_their_recipient_once() {
    run(async {
        let mut world = World::new("resend-10000");
        world.directory.set(3, Way::Inbox);
        make_dead(&world, 0, 3, 10_000, "timeout").await;
        let group = BatchQuery {
            cause: Some("timeout".to_owned()),
            org: Some(org(3)),
            state: Some(DeliveryState::Dead),
            ..BatchQuery::default()
        };
        let preview = world
            .exchange
            .resend_preview(&operator(), group.clone(), None)
            .await
            .expect("a preview");
        assert_eq!((preview.matched, preview.sendable), (10_000, 10_000));
        assert_eq!(preview.seconds, 10_000_u64.div_ceil(12));
        let first = start(&world, group.clone(), Some("press")).await;
        assert_eq!(
            start(&world, group.clone(), Some("press")).await,
            first,
            "pressed twice"
        );

        let done = work(&world, 100).await;
        let job = world
            .exchange
            .resend_job(&operator(), first)
            .await
            .expect("there");
        assert_eq!((job.state, job.done), (ResendState::Running, done));
        assert!(job.done > 500 && job.done < 2_000, "{}", job.done);
        let left = seconds_left(&job).expect("running");
        assert_eq!(left, (10_000 - done).div_ceil(500));
        world.restart();
        work(&world, 100).await;

        let cancelled = world
            .exchange
            .resend_cancel(&operator(), first)
            .await
            .expect("ended");
        assert_eq!(cancelled.state, ResendState::Cancelled);
        assert!(cancelled.done > done, "it went on after the restart");
        assert_eq!(work(&world, 10).await, 0);
        assert_eq!(copies(&world).await.len() as u64, cancelled.resent);

        // The rest, by a group that has become smaller; meanwhile somebody presses for everything by name.
        let rest = start(&world, group.clone(), None).await;
        let job = world
            .exchange
            .resend_job(&operator(), rest)
            .await
            .expect("there");
        assert_eq!(job.total, 10_000 - cancelled.resent);
        work(&world, 10).await;
        let items = world
            .exchange
            .resend_items(&operator(), rest, None, 0, 1_000)
            .await
            .expect("items");
        let ids: Vec<DeliveryId> = items.iter().map(|item| item.delivery).collect();
        let named = start(
            &world,
            BatchQuery {
                ids,
                ..BatchQuery::default()
            },
            None,
        )
        .await;
        work(&world, 2_000).await;
        let rest = world
            .exchange
            .resend_job(&operator(), rest)
            .await
            .expect("there");
        let named = world
            .exchange
            .resend_job(&operator(), named)
            .await
            .expect("there");
        assert_eq!(
            (rest.state, named.state),
            (ResendState::Done, ResendState::Done)
        );
        assert_eq!(named.done, 1_000);
        assert_eq!(named.failed + rest.failed, 0);
        assert!(
            named.already + rest.already >= 1_000,
            "two jobs wanted the same thousand"
        );
        let copies = copies(&world).await;
        assert_eq!(copies.len(), 10_000);
        assert!(copies.values().all(|count| *count == 1));
        let nothing = world
            .exchange
            .resend_batch(&operator(), group, FAST, None)
            .await;
        assert!(matches!(nothing, Err(ResendError::Empty)));
    });
}

/// Presses twice for the same ten; the number of documents that the receiver would get more than once.
async fn duplicates(world: &World) -> usize {
    world.directory.set(3, Way::Inbox);
    make_dead(world, 0, 3, 10, "timeout").await;
    let troubled = world
        .exchange
        .deliveries(&operator(), DeliveryFilter::default())
        .await;
    let ids: Vec<DeliveryId> = troubled.expect("a list").iter().map(|row| row.id).collect();
    let query = BatchQuery {
        ids,
        ..BatchQuery::default()
    };
    start(world, query.clone(), None).await;
    start(world, query, None).await;
    work(world, 100).await;
    copies(world)
        .await
        .values()
        .filter(|count| **count > 1)
        .count()
}

#[test]
fn the_check_for_duplicates_catches_a_resend_that_does_not_look() {
    run(async {
        for store in stores("resend-twice") {
            assert_eq!(duplicates(&World::with(store, 2, Planted::NONE)).await, 0);
        }
        for store in stores("resend-twice-bug") {
            let world = World::with(store, 2, Planted::with(Bug::ResendTwice));
            assert_eq!(duplicates(&world).await, 10);
        }
    });
}

#[test]
fn each_delivery_has_its_own_result_and_the_ledger_names_the_job() {
    run(async {
        for store in stores("resend-results") {
            let world = World::with(store, 4, Planted::NONE);
            make_dead(&world, 0, 1, 2, "timeout").await;
            let dead = world
                .exchange
                .deliveries(&operator(), DeliveryFilter::default())
                .await;
            let dead: Vec<DeliveryId> = dead.expect("a list").iter().map(|row| row.id).collect();
            let open = world.send(0, &[1], b"x", "k").await.deliveries[0].id;
            let made = world
                .exchange
                .resend(&operator(), dead[0])
                .await
                .expect("sent again");
            let unknown = DeliveryId::from_bits(77);
            let query = BatchQuery {
                ids: vec![dead[0], dead[1], open, unknown, dead[1]],
                ..BatchQuery::default()
            };
            let preview = world
                .exchange
                .resend_preview(&operator(), query.clone(), Some(1))
                .await;
            let preview = preview.expect("a preview");
            assert_eq!(
                (
                    preview.matched,
                    preview.sendable,
                    preview.already,
                    preview.unsendable
                ),
                (4, 1, 1, 2)
            );
            let job = start(&world, query, None).await;
            work(&world, 20).await;
            let items = world
                .exchange
                .resend_items(&operator(), job, None, 0, 10)
                .await;
            let results: Vec<_> = items
                .expect("items")
                .into_iter()
                .map(|item| {
                    (
                        item.delivery,
                        item.outcome.expect("an outcome"),
                        item.problem,
                    )
                })
                .collect();
            assert_eq!(
                results,
                [
                    (dead[0], ResendOutcome::Already, None),
                    (dead[1], ResendOutcome::Resent, None),
                    (
                        open,
                        ResendOutcome::Failed,
                        Some("exchange.delivery_state".to_owned())
                    ),
                    (
                        unknown,
                        ResendOutcome::Failed,
                        Some("exchange.delivery_unknown".to_owned())
                    ),
                ]
            );
            let failed = world
                .exchange
                .resend_items(&operator(), job, Some(ResendOutcome::Failed), 3, 10)
                .await
                .expect("items");
            assert_eq!(failed.len(), 1);
            let found = world
                .exchange
                .resend_job(&operator(), job)
                .await
                .expect("there");
            assert_eq!((found.resent, found.already, found.failed), (1, 1, 2));
            let entries = world
                .db
                .read::<_, StoreError, _>("ledger_list", |tx| tx.ledger_list(0, 100))
                .await
                .expect("the ledger");
            let named: Vec<_> = entries
                .iter()
                .filter(|entry| entry.kind == "delivery.resent")
                .map(|entry| Record::decode(&entry.record).expect("a record"))
                .map(|record| record.text("job").map(str::to_owned))
                .collect();
            assert_eq!(named, [None, Some(job.to_string())]);
            assert_ne!(made.id, dead[0]);
        }
    });
}

#[test]
fn the_ledger_tells_who_started_and_who_ended_a_bulk_resend() {
    run(async {
        let world = World::new("resend-told");
        make_dead(&world, 0, 1, 3, "timeout").await;
        let query = BatchQuery {
            cause: Some("timeout".to_owned()),
            ..BatchQuery::default()
        };
        let job = start(&world, query.clone(), Some("k")).await;
        assert_eq!(start(&world, query, Some("k")).await, job, "repeated");
        for _ in 0..2 {
            let ended = world.exchange.resend_cancel(&operator(), job).await;
            ended.expect("ended");
        }
        let entries = world
            .db
            .read::<_, StoreError, _>("ledger_list", |tx| tx.ledger_list(0, 100))
            .await
            .expect("the ledger");
        let told: Vec<_> = entries
            .iter()
            .filter(|entry| entry.kind.starts_with("resend."))
            .map(|entry| {
                let record = Record::decode(&entry.record).expect("a record");
                assert_eq!(record.text("job"), Some(job.to_string().as_str()));
                assert_eq!(record.text("actor"), Some(operator().label().as_str()));
                entry.kind.as_str()
            })
            .collect();
        assert_eq!(told, ["resend.started", "resend.cancelled"]);
        let started = entries.iter().find(|entry| entry.kind == "resend.started");
        let text = String::from_utf8(started.expect("one").record.clone()).expect("text");
        for part in [r#""total":3"#, r#""cause":"timeout""#, r#""by_id":false"#] {
            assert!(text.contains(part), "{text}");
        }
    });
}

#[test]
fn the_pace_is_kept_and_a_pause_is_not_made_up_for() {
    run(async {
        let world = World::new("resend-pace");
        make_dead(&world, 0, 1, 200, "timeout").await;
        let query = BatchQuery {
            cause: Some("timeout".to_owned()),
            ..BatchQuery::default()
        };
        let started = world
            .exchange
            .resend_batch(&operator(), query, Some(10), None)
            .await;
        let job = started.expect("started").job.id;
        let begun = world.now();
        for _ in 0..30 {
            world.exchange.resend_step().await.expect("works");
            world.clock.advance(Duration::from_millis(100));
        }
        let done = world
            .exchange
            .resend_job(&operator(), job)
            .await
            .expect("there")
            .done;
        let seconds = world.now().since(begun).as_secs();
        assert!(
            (seconds * 10..=seconds * 10 + 1).contains(&done),
            "{done} in {seconds} s"
        );
        // An hour without a worker is made up for by one second's worth.
        world.clock.advance(Duration::from_secs(3600));
        assert_eq!(world.exchange.resend_step().await.expect("works").done, 11);
        assert_eq!(world.exchange.resend_step().await.expect("works").done, 0);
        // A clock that is set back does not stop it for long.
        world.clock.jump_to(Timestamp::from_millis(
            begun.as_micros() / 1_000 - 3_600_000,
        ));
        assert!(world.exchange.resend_step().await.expect("works").done > 0);
    });
}

#[test]
fn a_job_belongs_to_who_asked_and_goes_only_as_far_as_its_rights() {
    run(async {
        let world = World::new("resend-rights");
        make_dead(&world, 0, 2, 3, "timeout").await;
        make_dead(&world, 1, 2, 2, "timeout").await;
        let everything = BatchQuery::default();
        let own = world
            .exchange
            .resend_batch(&actor(0), everything.clone(), FAST, Some("k".to_owned()))
            .await
            .expect("started")
            .job;
        assert_eq!(own.total, 3, "only what it sent");
        assert!(matches!(
            world.exchange.resend_job(&actor(1), own.id).await,
            Err(ResendError::JobUnknown)
        ));
        assert!(matches!(
            world.exchange.resend_cancel(&actor(1), own.id).await,
            Err(ResendError::JobUnknown)
        ));
        let foreign = world
            .exchange
            .deliveries(&actor(1), DeliveryFilter::default())
            .await;
        let ids: Vec<DeliveryId> = foreign.expect("a list").iter().map(|row| row.id).collect();
        let named = BatchQuery {
            ids,
            ..BatchQuery::default()
        };
        let stolen = world
            .exchange
            .resend_batch(&actor(0), named, FAST, None)
            .await;
        let stolen = stolen.expect("started").job.id;
        work(&world, 50).await;
        let stolen = world
            .exchange
            .resend_job(&actor(0), stolen)
            .await
            .expect("there");
        assert_eq!((stolen.resent, stolen.failed), (0, 2));
        // The same key with another choice is a conflict; one actor's key is not another's.
        let other = BatchQuery {
            skip_expired: true,
            ..everything.clone()
        };
        let key = || Some("k".to_owned());
        assert!(matches!(
            world
                .exchange
                .resend_batch(&actor(0), other, FAST, key())
                .await,
            Err(ResendError::KeyConflict)
        ));
        let theirs = world
            .exchange
            .resend_batch(&actor(1), everything, FAST, key())
            .await;
        assert!(!theirs.expect("started").is_repeat);
        let jobs = world
            .exchange
            .resend_jobs(&actor(0), None, 10)
            .await
            .expect("jobs");
        assert_eq!(jobs.len(), 2);
        assert_eq!(
            world
                .exchange
                .resend_jobs(&operator(), None, 10)
                .await
                .expect("jobs")
                .len(),
            3
        );
        for (bad, pace) in [
            (
                BatchQuery {
                    state: Some(DeliveryState::Waiting),
                    ..BatchQuery::default()
                },
                FAST,
            ),
            (BatchQuery::default(), Some(0)),
            (
                BatchQuery::default(),
                Some(limits::RESEND_PER_SECOND_MAX + 1),
            ),
        ] {
            let refused = world
                .exchange
                .resend_batch(&operator(), bad, pace, None)
                .await;
            assert!(matches!(refused, Err(ResendError::Invalid(_))));
        }
        world
            .clock
            .advance(limits::RESEND_JOB_KEPT + Duration::from_secs(60));
        work(&world, 50).await;
        world
            .clock
            .advance(limits::RESEND_JOB_KEPT + Duration::from_secs(60));
        assert_eq!(world.exchange.purge_resends().await.expect("works"), 3);
        assert!(
            world
                .exchange
                .resend_jobs(&operator(), None, 10)
                .await
                .expect("jobs")
                .is_empty()
        );
    });
}

#[test]
fn what_expired_can_be_left_out() {
    run(async {
        let world = World::new("resend-expired");
        make_dead(&world, 0, 1, 2, "timeout").await;
        world.send(0, &[1, 4], b"x", "k").await;
        world.clock.advance(limits::DELIVERY_EXPIRY);
        world.exchange.expire_due().await.expect("works");
        let preview = async |skip_expired| {
            let query = BatchQuery {
                skip_expired,
                ..BatchQuery::default()
            };
            world
                .exchange
                .resend_preview(&operator(), query, FAST)
                .await
                .expect("a preview")
        };
        let all = preview(false).await;
        assert_eq!(
            (all.matched, all.sendable, all.expired, all.without_system),
            (4, 4, 2, 1)
        );
        let fewer = preview(true).await;
        assert_eq!((fewer.matched, fewer.sendable, fewer.expired), (4, 2, 2));
    });
}

#[test]
fn the_running_worker_wakes_on_a_request_and_stops_when_told() {
    run(async {
        let world = World::new("resend-run");
        make_dead(&world, 0, 1, 1, "timeout").await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let scenario = async {
            let job = start(&world, BatchQuery::default(), None).await;
            loop {
                let found = world.exchange.resend_job(&operator(), job).await;
                if found.expect("there").state == ResendState::Done {
                    break;
                }
                tokio::task::yield_now().await;
            }
            stop.send(true).expect("the worker listens");
        };
        tokio::join!(world.exchange.run_resend_worker(stopped), scenario);
        assert_eq!(world.exchange.counters().read().resent, 1);
    });
}
