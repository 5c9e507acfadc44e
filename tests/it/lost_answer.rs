//! D3, D4: the answer is lost after the commit and the client repeats; two clients race on a key; a key comes back with
//! other content.

use lgsp_tests::agency::{Agency, Letter, Outcome};
use lgsp_tests::faults::LossyProxy;
use lgsp_tests::history::{Expect, Violation};
use lgsp_tests::load::{Load, send_until_known};
use lgsp_tests::system::{System, SystemBuilder, department, on_both_engines};

use crate::BINARY;

const LETTERS: usize = 20;

fn letter(key: &str, body: &str) -> Letter {
    Letter {
        key: key.to_owned(),
        recipients: vec![department(2)],
        body: body.as_bytes().to_vec(),
    }
}

fn drain(receiver: &mut Agency) {
    loop {
        let handed = receiver.receives(100).expect("an answer");
        if handed.is_empty() {
            return;
        }
        for result in receiver.acknowledges(&handed).expect("an answer") {
            result.expect("confirmed");
        }
    }
}

fn lost_answers(system: &System, name: &str) -> Vec<Violation> {
    let load = Load::new(name, system.agencies(2), 1);
    let proxy = LossyProxy::before(system.address);
    for number in 0..LETTERS {
        let mut sender = load.agency(0).through(proxy.address);
        proxy.drops_answers(1 + number % 3);
        send_until_known(
            &mut sender,
            &letter(&format!("key-{number}"), &format!("body {number}")),
        );
    }
    drain(&mut load.agency(1));
    load.violations(Expect::Drained)
}

#[test]
fn a_repeated_key_is_one_document() {
    on_both_engines(BINARY, "lost-answer", |system| {
        assert_eq!(lost_answers(system, "lost-answer"), []);
    });
}

#[test]
fn a_forgotten_key_is_caught() {
    let builder = SystemBuilder::new(BINARY, "lost-answer-planted");
    let system = builder
        .with_planted("ForgetIdempotencyKey")
        .start()
        .expect("SQLite");
    let violations = lost_answers(&system, "lost-answer-planted");
    assert!(
        violations.iter().any(|found| found.promise == "D3"),
        "{violations:?}"
    );
}

#[test]
fn clients_that_race_on_a_key_get_one_document() {
    on_both_engines(BINARY, "race", |system| {
        let load = Load::new("race", system.agencies(2), 2);
        for number in 0..10 {
            let letter = letter(&format!("race-{number}"), &format!("body {number}"));
            let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
                let racers: Vec<_> = (0..4)
                    .map(|_| {
                        let mut sender = load.agency(0);
                        let letter = &letter;
                        scope.spawn(move || send_until_known(&mut sender, letter))
                    })
                    .collect();
                racers
                    .into_iter()
                    .map(|racer| racer.join().expect("a racer"))
                    .collect()
            });
            let fresh = outcomes
                .iter()
                .filter(|outcome| matches!(outcome, Outcome::Accepted(_, false)));
            assert_eq!(fresh.count(), 1, "{outcomes:?}");
        }
        drain(&mut load.agency(1));
        assert_eq!(load.violations(Expect::Drained), []);
    });
}

/// Sends other content under a used key: the answer, and the violations afterwards.
fn reuse(system: &System, name: &str) -> (Outcome, Vec<Violation>) {
    let load = Load::new(name, system.agencies(2), 3);
    let mut sender = load.agency(0);
    send_until_known(&mut sender, &letter("key", "first"));
    let second = sender.submits(&letter("key", "second"));
    drain(&mut load.agency(1));
    (second, load.violations(Expect::Drained))
}

#[test]
fn a_key_with_other_content_is_a_conflict_and_changes_nothing() {
    on_both_engines(BINARY, "key-conflict", |system| {
        let (second, violations) = reuse(system, "key-conflict");
        let conflict = Outcome::Refused(409, "exchange.idempotency_conflict".to_owned());
        assert_eq!(second, conflict);
        assert_eq!(violations, []);
    });
}

#[test]
fn an_ignored_conflict_is_caught() {
    let builder = SystemBuilder::new(BINARY, "key-conflict-planted");
    let system = builder
        .with_planted("IgnoreKeyConflict")
        .start()
        .expect("SQLite");
    let (second, _) = reuse(&system, "key-conflict-planted");
    assert!(
        matches!(second, Outcome::Accepted(..)),
        "the planted bug shows: {second:?}"
    );
}
