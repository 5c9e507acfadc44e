//! edXML through the exchange: the four kinds of business, status messages, taking back.

use lgsp_exchange::{
    Accepted, ContentBody, ContentTarget, DeliveryState, DocumentKind, Door, StatusReport,
};

use crate::world::{Way, World, actor, run};

const SENDER: u8 = 14;
const COMMUNE: u8 = 131;

pub(crate) fn sample(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/fixtures/");
    std::fs::read(format!("{folder}{name}.edxml")).expect("a sample")
}

fn world(name: &str) -> World {
    let world = World::new(name);
    for number in [SENDER, COMMUNE, 132] {
        world.directory.set(number, Way::Inbox);
    }
    world
}

async fn send(world: &World, from: u8, name: &str) -> Accepted {
    world
        .send_edxml(from, &sample(name))
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn shown(world: &World, accepted: &Accepted) -> lgsp_exchange::TraceDelivery {
    world
        .exchange
        .trace(&actor(SENDER), accepted.document)
        .await
        .expect("a trace")
        .deliveries
        .remove(0)
}

#[test]
fn a_packet_goes_through_untouched_and_its_life_is_followed() {
    run(async {
        let world = world("life");
        let new = send(&world, SENDER, "edoc_new_two_receivers_zip_attachment").await;
        assert_eq!((new.kind, new.deliveries.len()), (DocumentKind::Edoc, 2));
        let again = send(&world, SENDER, "edoc_new_two_receivers_zip_attachment").await;
        assert!(again.is_repeat && again.document == new.document);
        let page = world.inbox(COMMUNE).await;
        let item = &page.items[0];
        assert_eq!(
            item.external_id.as_deref(),
            Some("H99.14,2026/03/12,215/SKHCN-CĐS")
        );
        assert_eq!(item.notation.as_deref(), Some("215/SKHCN-CĐS"));
        let stream = world
            .exchange
            .content(&actor(COMMUNE), ContentTarget::Delivery(item.delivery))
            .await
            .expect("content");
        assert!(
            matches!(stream.body, ContentBody::Bytes(bytes) if bytes == sample("edoc_new_two_receivers_zip_attachment"))
        );
        world.acknowledge(COMMUNE, &[item.delivery]).await;
        for (name, state) in [
            ("status_01_arrived", "01"),
            ("status_06_completed", "06"),
            ("status_03_received", "06"),
        ] {
            world.clock.advance(std::time::Duration::from_secs(1));
            let status = send(&world, COMMUNE, name).await;
            assert_eq!(status.kind, DocumentKind::Status);
            assert_eq!(status.deliveries[0].recipient_code, "H99.14");
            let trace = world
                .exchange
                .trace(&actor(SENDER), new.document)
                .await
                .expect("a trace");
            let commune = trace
                .deliveries
                .iter()
                .find(|shown| shown.delivery.recipient_code == "H99.131")
                .expect("its delivery");
            assert_eq!(
                commune.delivery.status_code.as_deref(),
                Some(state),
                "{name}"
            );
        }
        // All three were forwarded, also the one that moved nothing.
        let page = world.inbox(SENDER).await;
        assert_eq!(page.items.len(), 3);
        let trace = world
            .exchange
            .trace(&actor(SENDER), new.document)
            .await
            .expect("a trace");
        assert_eq!(trace.related.len(), 3);
        let moved: Vec<bool> = trace
            .deliveries
            .iter()
            .flat_map(|shown| &shown.statuses)
            .map(|status| status.moved)
            .collect();
        assert_eq!(moved, [true, true, false]);
    });
}

#[test]
fn other_content_under_the_same_id_is_a_conflict_but_an_update_attaches() {
    run(async {
        let world = world("attach");
        let new = send(&world, SENDER, "edoc_new_department_to_commune").await;
        let mut other = String::from_utf8(sample("edoc_new_department_to_commune")).expect("text");
        other = other.replacen("V/v", "Về việc", 1);
        assert_ne!(other.as_bytes(), sample("edoc_new_department_to_commune"));
        let error = world
            .send_edxml(SENDER, other.as_bytes())
            .await
            .expect_err("a conflict");
        assert_eq!(error.to_problem().code(), "exchange.conflict");
        world.inbox(COMMUNE).await;
        for name in ["edoc_update", "edoc_recall", "edoc_replace"] {
            let accepted = send(&world, SENDER, name).await;
            let trace = world
                .exchange
                .trace(&actor(SENDER), accepted.document)
                .await
                .expect("a trace");
            assert_eq!(
                trace.original.map(|original| original.id),
                Some(new.document),
                "{name}"
            );
        }
        assert_eq!(
            send(&world, COMMUNE, "status_15_recall_accepted")
                .await
                .deliveries
                .len(),
            1
        );
        let shown = shown(&world, &new).await;
        assert_eq!(shown.delivery.side_status.as_deref(), Some("15"));
        assert_eq!(shown.delivery.status_code, None);
    });
}

#[test]
fn a_recall_before_the_recipient_saw_it_is_a_cancel_and_afterwards_a_request() {
    run(async {
        for (name, recall) in [
            ("cancel-packet", "edoc_recall"),
            ("cancel-status", "status_13_take_back_by_sender"),
        ] {
            let world = world(name);
            let new = send(&world, SENDER, "edoc_new_department_to_commune").await;
            send(&world, SENDER, recall).await;
            assert_eq!(
                shown(&world, &new).await.delivery.state,
                DeliveryState::Cancelled
            );
            assert!(world.inbox(COMMUNE).await.items.is_empty());
            let told = world.inbox(SENDER).await;
            assert_eq!(told.items.len(), 1);
            assert_eq!(told.items[0].kind, DocumentKind::Notice);
        }
        let world = world("request");
        let new = send(&world, SENDER, "edoc_new_department_to_commune").await;
        world.inbox(COMMUNE).await;
        send(&world, SENDER, "status_13_take_back_by_sender").await;
        let shown = shown(&world, &new).await;
        assert_eq!(shown.delivery.state, DeliveryState::Waiting);
        assert_eq!(shown.delivery.side_status.as_deref(), Some("13"));
        assert_eq!(world.inbox(COMMUNE).await.items.len(), 2);
    });
}

#[test]
fn a_status_about_an_unknown_document_is_forwarded_all_the_same() {
    run(async {
        let world = world("unknown");
        send(&world, COMMUNE, "status_01_arrived").await;
        assert_eq!(world.inbox(SENDER).await.items.len(), 1);
    });
}

#[test]
fn a_status_reported_through_the_api_is_an_edxml_message_for_the_sender() {
    run(async {
        let world = world("report");
        let new = send(&world, SENDER, "edoc_new_department_to_commune").await;
        let plain = world.send(SENDER, &[COMMUNE], b"pdf", "k").await;
        let report = |code: &str, reason: Option<&str>| StatusReport {
            code: code.to_owned(),
            reason: reason.map(str::to_owned),
            at: None,
            staff: None,
            reporter: None,
            idempotency_key: None,
            door: Door::Api,
        };
        for document in [new.document, plain.document] {
            let answers = world
                .exchange
                .report_status(&actor(COMMUNE), document, report("03", None))
                .await
                .expect("reported");
            assert_eq!(answers.len(), 1);
            let trace = world
                .exchange
                .trace(&actor(SENDER), document)
                .await
                .expect("a trace");
            assert_eq!(
                trace.deliveries[0].delivery.status_code.as_deref(),
                Some("03")
            );
        }
        for (by, code, expected) in [
            (COMMUNE, "02", "exchange.status"),
            (COMMUNE, "07", "exchange.status"),
            (132, "03", "exchange.document_unknown"),
        ] {
            let error = world
                .exchange
                .report_status(&actor(by), new.document, report(code, None))
                .await
                .expect_err(expected);
            assert_eq!(error.to_problem().code(), expected);
        }
        let taken_back = world
            .exchange
            .report_status(&actor(SENDER), plain.document, report("13", Some("nhầm")))
            .await
            .expect("reported");
        assert_eq!(taken_back[0].deliveries[0].recipient_code, "H99.131");
        let trace = world
            .exchange
            .trace(&actor(SENDER), plain.document)
            .await
            .expect("a trace");
        assert_eq!(trace.deliveries[0].delivery.state, DeliveryState::Cancelled);
    });
}

#[test]
fn a_secret_mark_and_a_broken_packet_are_refused() {
    run(async {
        let world = world("secret");
        let text = String::from_utf8(sample("edoc_new_department_to_commune")).expect("text");
        let marked = text.replacen(
            "<edXML:OtherInfo>",
            "<edXML:OtherInfo><edXML:SecurityLevel>Mật</edXML:SecurityLevel>",
            1,
        );
        assert_ne!(marked, text);
        let error = world
            .send_edxml(SENDER, marked.as_bytes())
            .await
            .expect_err("secret");
        assert_eq!(error.to_problem().code(), "exchange.secret");
        let error = world
            .send_edxml(SENDER, b"<!DOCTYPE x><edXML/>")
            .await
            .expect_err("a DTD");
        assert_eq!(error.to_problem().code(), "xml.dtd");
        let error = world
            .send_edxml(COMMUNE, &sample("edoc_new_department_to_commune"))
            .await
            .expect_err("foreign");
        assert_eq!(error.to_problem().code(), "exchange.sender");
    });
}
