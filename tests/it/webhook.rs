//! D5, D6, D7 for recipients that are called: repeated until confirmed, under one id, one after the other, and never again
//! afterwards.

use std::time::Duration;

use lgsp_tests::agency::Letter;
use lgsp_tests::history::Expect;
use lgsp_tests::load::{Load, send_until_known};
use lgsp_tests::receiver::WebhookReceiver;
use lgsp_tests::system::{System, SystemBuilder, department};
use lgsp_tests::{skip, wait_for};
use serde_json::Value;

use crate::BINARY;

const PATIENCE: Duration = Duration::from_secs(40);

fn start(name: &str, receiver: &WebhookReceiver, is_postgres: bool) -> Option<System> {
    let builder = SystemBuilder::new(BINARY, name)
        .with_setting("LGSP__OUTBOUND__ALLOW", &receiver.address.to_string());
    if is_postgres {
        builder.on_postgres().start()
    } else {
        builder.start()
    }
}

/// Connects the second agency by webhook and sends it two documents; their ids.
fn send_two(system: &System, receiver: &WebhookReceiver, name: &str) -> (Load, [String; 2]) {
    let load = Load::new(name, system.agencies(2), 1);
    let webhook = load.agency(1).proposes_webhook(&receiver.url());
    system.operator().approves_webhook(&webhook);
    let documents = ["first", "second"].map(|key| {
        let letter = Letter {
            key: key.to_owned(),
            recipients: vec![department(2)],
            body: key.as_bytes().to_vec(),
        };
        let outcome = send_until_known(&mut load.agency(0), &letter);
        outcome.document().to_owned()
    });
    (load, documents)
}

/// Waits until the only delivery of a document is in this state; the delivery.
fn waits_for_state(system: &System, document: &str, state: &str) -> Value {
    let mut operator = system.operator();
    let reached = wait_for(PATIENCE, || {
        let trace = operator.trace(document);
        let delivery = trace["deliveries"][0].clone();
        (delivery["state"] == state).then_some(delivery)
    });
    reached.unwrap_or_else(|| panic!("{}", operator.trace(document)))
}

fn repeats_until_confirmed(is_postgres: bool) {
    // Unavailable once: the second document waits behind the first.
    let receiver = WebhookReceiver::answering(&[503]);
    let Some(system) = start("webhook", &receiver, is_postgres) else {
        return skip("webhook", "LGSP_TEST_POSTGRES is not set");
    };
    let (_load, documents) = send_two(&system, &receiver, "webhook");
    for document in &documents {
        let delivery = waits_for_state(&system, document, "delivered");
        assert!(delivery["receipt_id"].is_string());
    }
    let calls = receiver.calls();
    let heard: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.body["data"]["document_id"].as_str())
        .collect();
    assert_eq!(heard, [&documents[0], &documents[0], &documents[1]]);
    assert_eq!(calls[0].id, calls[1].id, "one id for every repetition");
    assert!(calls.iter().all(|call| call.is_signed));
    let attempt = |index: usize| calls[index].body["data"]["attempt"].as_u64();
    assert!(attempt(1) > attempt(0), "tries rise");
}

#[test]
fn a_push_is_repeated_until_it_is_confirmed_and_not_after() {
    repeats_until_confirmed(false);
    repeats_until_confirmed(true);
}

#[test]
fn an_address_that_is_gone_is_switched_off_and_documents_wait_in_the_inbox() {
    let receiver = WebhookReceiver::answering(&[410]);
    let system = start("webhook-gone", &receiver, false).expect("SQLite");
    let (load, documents) = send_two(&system, &receiver, "webhook-gone");
    let mut operator = system.operator();
    let noted = wait_for(PATIENCE, || {
        let trace = operator.trace(&documents[0]);
        (trace["deliveries"][0]["attempt_list"][0]["cause"] == "http_410").then_some(())
    });
    assert!(noted.is_some(), "{}", operator.trace(&documents[0]));
    let mut recipient = load.agency(1);
    let waiting = recipient.receives(10).expect("an answer");
    assert_eq!(waiting.len(), 2);
    assert_eq!(
        recipient.acknowledges(&waiting).expect("an answer"),
        [Ok(false), Ok(false)]
    );
    assert_eq!(receiver.calls().len(), 1, "nothing more goes there");
    assert_eq!(load.violations(Expect::Drained), []);
}
