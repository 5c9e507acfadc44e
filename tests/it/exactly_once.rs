//! D2, D5, D6, D7, D13: recipients that confirm twice, out of order, or refuse; each document reaches its end once.

use lgsp_tests::agency::{Handed, Letter};
use lgsp_tests::history::{Expect, Violation};
use lgsp_tests::load::{Load, send_until_known};
use lgsp_tests::system::{System, SystemBuilder, department, on_both_engines};

use crate::BINARY;

fn send(load: &Load, sender: usize, keys: &[&str]) -> Vec<String> {
    let mut agency = load.agency(sender);
    keys.iter()
        .map(|key| {
            let letter = Letter {
                key: (*key).to_owned(),
                recipients: vec![department(3)],
                body: format!("{} sends {key}", agency.code).into_bytes(),
            };
            send_until_known(&mut agency, &letter).document().to_owned()
        })
        .collect()
}

#[test]
fn a_second_confirmation_gets_the_first_receipt() {
    on_both_engines(BINARY, "confirm-twice", |system| {
        let load = Load::new("confirm-twice", system.agencies(3), 1);
        send(&load, 0, &["a1", "a2"]);
        send(&load, 1, &["b1"]);
        let mut receiver = load.agency(2);
        let first = receiver.receives(10).expect("an answer");
        let again = receiver.receives(10).expect("an answer");
        assert_eq!((first.len(), again.len()), (3, 3));
        let confirmed = receiver.acknowledges(&first).expect("an answer");
        assert_eq!(confirmed, [Ok(false), Ok(false), Ok(false)]);
        let repeated = receiver.acknowledges(&first).expect("an answer");
        assert_eq!(repeated, [Ok(true), Ok(true), Ok(true)]);
        assert!(receiver.receives(10).expect("an answer").is_empty());
        assert_eq!(load.violations(Expect::Drained), []);
    });
}

/// Confirms the second document of a sender before the first: its result, and the violations in the end.
fn out_of_order(system: &System, name: &str) -> (Result<bool, String>, Vec<Violation>) {
    let load = Load::new(name, system.agencies(3), 2);
    send(&load, 0, &["a1", "a2"]);
    let mut receiver = load.agency(2);
    let handed = receiver.receives(10).expect("an answer");
    let early = receiver
        .acknowledges(&handed[1..])
        .expect("an answer")
        .remove(0);
    for result in receiver.acknowledges(&handed).expect("an answer") {
        result.expect("confirmed in order");
    }
    (early, load.violations(Expect::Drained))
}

#[test]
fn confirmations_of_a_pair_happen_in_order() {
    on_both_engines(BINARY, "order", |system| {
        let (early, violations) = out_of_order(system, "order");
        assert_eq!(early, Err("exchange.order".to_owned()));
        assert_eq!(violations, []);
    });
}

#[test]
fn a_store_that_forgets_the_order_is_caught() {
    let builder = SystemBuilder::new(BINARY, "order-planted");
    let system = builder.with_planted("NoPairOrder").start().expect("SQLite");
    let (_, violations) = out_of_order(&system, "order-planted");
    assert!(
        violations.iter().any(|found| found.promise == "D6"),
        "{violations:?}"
    );
}

#[test]
fn a_refused_document_is_parked_and_later_ones_pass() {
    on_both_engines(BINARY, "parked", |system| {
        let load = Load::new("parked", system.agencies(3), 3);
        let documents = send(&load, 0, &["bad", "good"]);
        let mut receiver = load.agency(2);
        let handed = receiver.receives(10).expect("an answer");
        for _ in 0..5 {
            assert_eq!(
                receiver
                    .refuses(&handed[0].delivery)
                    .expect("an answer")
                    .status
                    / 100,
                2
            );
        }
        let rest: Vec<Handed> = receiver.receives(10).expect("an answer");
        assert_eq!(rest.len(), 1);
        assert_eq!(
            receiver.acknowledges(&rest).expect("an answer"),
            [Ok(false)]
        );
        let trace = load
            .agency(0)
            .trace(&documents[0])
            .expect("an answer")
            .expect("shown");
        assert_eq!(trace["deliveries"][0]["state"], "parked");
        assert_eq!(load.violations(Expect::Anything), []);
    });
}

#[test]
fn a_document_for_somebody_else_is_caught() {
    let builder = SystemBuilder::new(BINARY, "invented");
    let system = builder
        .with_planted("InventDelivery")
        .start()
        .expect("SQLite");
    let load = Load::new("invented", system.agencies(3), 4);
    send(&load, 0, &["a1"]);
    for index in 0..3 {
        load.agency(index).receives(10).expect("an answer");
    }
    let violations = load.violations(Expect::Anything);
    assert!(
        violations.iter().any(|found| found.promise == "D2"),
        "{violations:?}"
    );
}
