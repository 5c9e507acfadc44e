//! What a merger must not cut off: statuses, recalls and reading go on under the successor.

use lgsp_exchange::{
    Accepted, ContentBody, ContentTarget, DeliveryFilter, DeliveryState, DocumentFilter,
    DocumentKind, Door, StatusReport, Trace,
};

use crate::packets::sample;
use crate::world::{Way, World, actor, run, second};

/// Sends; is later merged into [`HEIR_OF_SENDER`].
const SENDER: u8 = 14;
const HEIR_OF_SENDER: u8 = 15;
/// Receives; is later merged into [`HEIR_OF_COMMUNE`].
const COMMUNE: u8 = 131;
const HEIR_OF_COMMUNE: u8 = 133;
const STRANGER: u8 = 132;

fn world(name: &str) -> World {
    let world = World::new(name);
    for number in [SENDER, HEIR_OF_SENDER, COMMUNE, HEIR_OF_COMMUNE, STRANGER] {
        world.directory.set(number, Way::Inbox);
    }
    world
}

fn merge(world: &World, from: u8, into: u8) {
    let mut closed = world.directory.closed.lock().expect("not poisoned");
    closed.insert(format!("H99.{from}"), Some(into));
}

async fn send(world: &World, from: u8, packet: &str) -> Accepted {
    world
        .send_edxml(from, packet.as_bytes())
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

fn text(name: &str) -> String {
    String::from_utf8(sample(name)).expect("text")
}

async fn trace(world: &World, by: u8, document: &Accepted) -> Trace {
    world
        .exchange
        .trace(&actor(by), document.document)
        .await
        .expect("a trace")
}

fn status(trace: &Trace) -> Option<&str> {
    trace.deliveries[0].delivery.status_code.as_deref()
}

#[test]
fn a_status_for_a_predecessor_is_forwarded_and_moves_its_document() {
    run(async {
        let world = world("merged-sender");
        let new = send(&world, SENDER, &text("edoc_new_department_to_commune")).await;
        let page = world.inbox(COMMUNE).await;
        world.acknowledge(COMMUNE, &[page.items[0].delivery]).await;
        merge(&world, SENDER, HEIR_OF_SENDER);
        let report = send(&world, COMMUNE, &text("status_03_received")).await;
        assert_eq!(report.deliveries[0].recipient_code, "H99.15");
        assert_eq!(report.deliveries[0].routed_from.as_deref(), Some("H99.14"));
        let seen = trace(&world, HEIR_OF_SENDER, &new).await;
        assert_eq!(status(&seen), Some("03"));
        assert_eq!(seen.related.len(), 1);
        let about = trace(&world, HEIR_OF_SENDER, &report).await.original;
        assert_eq!(about.map(|original| original.id), Some(new.document));
        assert_eq!(world.inbox(HEIR_OF_SENDER).await.items.len(), 1);
        // The same through the API, about the document that the predecessor sent.
        let report = StatusReport {
            code: "06".to_owned(),
            reason: None,
            at: None,
            staff: None,
            reporter: None,
            idempotency_key: None,
            door: Door::Api,
        };
        // The fixtures report in March 2026.
        world
            .clock
            .advance(std::time::Duration::from_secs(30 * 24 * 3600));
        world
            .exchange
            .report_status(&actor(COMMUNE), new.document, report)
            .await
            .expect("reported");
        assert_eq!(
            status(&trace(&world, HEIR_OF_SENDER, &new).await),
            Some("06")
        );
    });
}

#[test]
fn a_successor_reports_about_what_its_predecessor_received() {
    run(async {
        let world = world("merged-recipient");
        let new = send(&world, SENDER, &text("edoc_new_department_to_commune")).await;
        let page = world.inbox(COMMUNE).await;
        world.acknowledge(COMMUNE, &[page.items[0].delivery]).await;
        merge(&world, COMMUNE, HEIR_OF_COMMUNE);
        let own_code = text("status_03_received").replacen("H99.131", "H99.133", 1);
        send(&world, HEIR_OF_COMMUNE, &own_code).await;
        assert_eq!(status(&trace(&world, SENDER, &new).await), Some("03"));
        // Under the closed code, as a system writes that was not told yet.
        send(&world, HEIR_OF_COMMUNE, &text("status_06_completed")).await;
        let seen = trace(&world, SENDER, &new).await;
        assert_eq!(status(&seen), Some("06"));
        assert_eq!(seen.deliveries[0].statuses.len(), 2);
    });
}

#[test]
fn a_successor_recalls_what_its_predecessor_sent() {
    run(async {
        for is_seen in [false, true] {
            let world = world(if is_seen {
                "recall-seen"
            } else {
                "recall-unseen"
            });
            let new = send(&world, SENDER, &text("edoc_new_department_to_commune")).await;
            if is_seen {
                world.inbox(COMMUNE).await;
            }
            merge(&world, SENDER, HEIR_OF_SENDER);
            let recall =
                text("edoc_recall").replacen("<edXML:OrganId>H99.14<", "<edXML:OrganId>H99.15<", 1);
            let recall = send(&world, HEIR_OF_SENDER, &recall).await;
            let seen = trace(&world, HEIR_OF_SENDER, &recall).await;
            assert_eq!(
                seen.original.map(|original| original.id),
                Some(new.document)
            );
            let state = trace(&world, HEIR_OF_SENDER, &new).await.deliveries[0]
                .delivery
                .state;
            let told = world.inbox(HEIR_OF_SENDER).await;
            if is_seen {
                assert_eq!(state, DeliveryState::Waiting);
                assert_eq!(world.inbox(COMMUNE).await.items.len(), 2);
                assert!(told.items.is_empty());
            } else {
                assert_eq!(state, DeliveryState::Cancelled);
                assert!(world.inbox(COMMUNE).await.items.is_empty());
                assert_eq!(told.items[0].kind, DocumentKind::Notice);
            }
        }
    });
}

#[test]
fn a_stranger_recalls_and_reads_nothing() {
    run(async {
        let world = world("stranger");
        let new = send(&world, SENDER, &text("edoc_new_department_to_commune")).await;
        merge(&world, SENDER, HEIR_OF_SENDER);
        let recall =
            text("edoc_recall").replacen("<edXML:OrganId>H99.14<", "<edXML:OrganId>H99.132<", 1);
        let recall = send(&world, STRANGER, &recall).await;
        assert!(trace(&world, STRANGER, &recall).await.original.is_none());
        let seen = trace(&world, HEIR_OF_SENDER, &new).await;
        assert_eq!(seen.deliveries[0].delivery.state, DeliveryState::Waiting);
        assert!(seen.related.is_empty());
        for other in [STRANGER, HEIR_OF_COMMUNE] {
            let error = world
                .exchange
                .trace(&actor(other), new.document)
                .await
                .expect_err("not a party");
            assert_eq!(error.to_problem().code(), "exchange.document_unknown");
        }
    });
}

#[test]
fn a_successor_reads_what_its_predecessors_sent_and_received() {
    run(async {
        let world = world("inherit");
        let new = send(&world, SENDER, &text("edoc_new_department_to_commune")).await;
        // Two mergers in a row.
        merge(&world, SENDER, STRANGER);
        merge(&world, STRANGER, HEIR_OF_SENDER);
        merge(&world, COMMUNE, HEIR_OF_COMMUNE);
        for (by, count) in [(HEIR_OF_SENDER, 1), (HEIR_OF_COMMUNE, 0)] {
            let sent = world
                .exchange
                .sent(&actor(by), DocumentFilter::default())
                .await;
            assert_eq!(sent.expect("a list").len(), count);
        }
        let received = world
            .exchange
            .received(&actor(HEIR_OF_COMMUNE), DocumentFilter::default())
            .await
            .expect("a list");
        assert_eq!(received[0].deliveries.len(), 1);
        for by in [HEIR_OF_SENDER, HEIR_OF_COMMUNE] {
            let stream = world
                .exchange
                .content(&actor(by), ContentTarget::Document(new.document))
                .await
                .expect("content");
            assert!(matches!(stream.body, ContentBody::Bytes(bytes)
                if bytes == sample("edoc_new_department_to_commune")));
        }
    });
}

#[test]
fn a_second_system_looks_on_and_receives_nothing() {
    run(async {
        let world = world("second");
        let sent = world.send(0, &[1], b"hello", "k").await;
        let list = world
            .exchange
            .sent(&second(0), DocumentFilter::default())
            .await
            .expect("a list");
        assert_eq!(list.len(), 1);
        for by in [second(0), second(1)] {
            let seen = world.exchange.trace(&by, sent.document).await;
            assert_eq!(seen.expect("a trace").deliveries.len(), 1);
            let filter = DeliveryFilter {
                state: Some(DeliveryState::Waiting),
                ..DeliveryFilter::default()
            };
            let deliveries = world.exchange.deliveries(&by, filter).await;
            assert_eq!(deliveries.expect("a list").len(), 1);
            world
                .exchange
                .content(&by, ContentTarget::Document(sent.document))
                .await
                .expect("content");
        }
        let page = world.exchange.inbox(&second(1), Default::default()).await;
        assert!(page.expect("a page").items.is_empty());
        let seen = trace(&world, 0, &sent).await;
        assert_eq!(
            seen.deliveries[0].delivery.offered_at, None,
            "looking on is no hand-over"
        );
        let outcome = world
            .exchange
            .acknowledge(
                &second(1),
                vec![lgsp_exchange::Acknowledgement {
                    delivery: sent.deliveries[0].id,
                    sha256: None,
                }],
            )
            .await
            .expect("answered");
        assert!(outcome[0].result.is_err());
        let error = world.exchange.trace(&second(2), sent.document).await;
        assert_eq!(
            error.expect_err("not a party").to_problem().code(),
            "exchange.document_unknown"
        );
    });
}
