//! D1–D8, D13 with dossiers: every push about one is a document, and its state moves with it or not at all.

use std::fs;

use lgsp_tests::agency::{Agency, Outcome};
use lgsp_tests::dossiers::{Person, Push, dossier};
use lgsp_tests::faults::LossyProxy;
use lgsp_tests::history::{Expect, Violation};
use lgsp_tests::load::{Load, push_until_known, receive_until};
use lgsp_tests::system::{System, SystemBuilder, department, on_both_engines};
use lgsp_tests::{rounds, skip};
use serde_json::Value;

use crate::BINARY;
use crate::crash::kill_loop;

const SEED: u64 = 0x5eed_d055;
const CODE: &str = "H99.3-260309-0001";

/// Agencies of which the first two follow every dossier.
fn agencies(system: &System, count: usize) -> Vec<Agency> {
    let agencies = system.agencies(count);
    let mut operator = system.operator();
    operator.routes_dossiers_to(&department(1));
    operator.routes_dossiers_to(&department(2));
    agencies
}

/// A dossier of the third agency in a status.
fn push(key: &str, code: &str, status: &str) -> Push {
    Push {
        key: key.to_owned(),
        recipients: vec![department(1), department(2)],
        dossier: dossier(code, status, &Person::new(7), ""),
    }
}

fn drain(load: &Load) {
    for index in 0..2 {
        receive_until(&mut load.agency(index), || true);
    }
}

/// What the owner sees of a dossier.
fn view(owner: &mut Agency, code: &str) -> Value {
    let path = format!("/dossiers/{code}?purpose=handling");
    let answer = owner.calls("GET", &path, &[], b"").expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

fn crashes(mut system: System, name: &str, kills: u32) {
    let load = Load::new(name, agencies(&system, 4), SEED).of_dossiers();
    let violations = kill_loop(&mut system, &load, kills, Expect::Drained);
    assert_eq!(violations, []);
}

#[test]
fn sqlite_keeps_every_promise_about_dossiers_through_kills() {
    let system = SystemBuilder::new(BINARY, "dossier-crash").start();
    let kills = rounds("LGSP_CRASH_ROUNDS", 6);
    crashes(system.expect("SQLite"), "dossier-crash", kills);
}

#[test]
fn postgres_keeps_every_promise_about_dossiers_through_kills() {
    let builder = SystemBuilder::new(BINARY, "dossier-crash-pg").on_postgres();
    match builder.start() {
        Some(system) => {
            let kills = rounds("LGSP_CRASH_ROUNDS", 3);
            crashes(system, "dossier-crash-pg", kills);
        }
        None => skip("dossiers::postgres", "LGSP_TEST_POSTGRES is not set"),
    }
}

/// Two pushes about one dossier; the violations afterwards, and what the owner sees.
fn moves(system: &System, name: &str) -> (Vec<Violation>, Value) {
    let load = Load::new(name, agencies(system, 3), 1);
    let mut owner = load.agency(2);
    push_until_known(&mut owner, &push("new", CODE, "2"));
    push_until_known(&mut owner, &push("moved", CODE, "4"));
    drain(&load);
    let shown = view(&mut owner, CODE);
    (load.violations(Expect::Drained), shown)
}

#[test]
fn a_state_and_its_document_come_together() {
    on_both_engines(BINARY, "dossier-moves", |system| {
        let (violations, shown) = moves(system, "dossier-moves");
        assert_eq!(violations, []);
        assert_eq!(
            (shown["status"].as_str(), &shown["version"]),
            (Some("4"), &Value::from(2))
        );
        let messages = shown["messages"].as_array().expect("messages");
        assert_eq!(messages.len(), 2);
        for delivery in messages
            .iter()
            .filter_map(|message| message["deliveries"].as_array())
            .flatten()
        {
            assert_eq!(delivery["state"], "delivered", "{delivery}");
        }
    });
}

#[test]
fn a_state_without_its_document_is_caught() {
    let builder = SystemBuilder::new(BINARY, "dossier-moves-planted");
    let system = builder
        .with_planted("DossierWithoutDocument")
        .start()
        .expect("SQLite");
    let (violations, _) = moves(&system, "dossier-moves-planted");
    assert!(
        violations.iter().any(|found| found.promise == "D1"),
        "{violations:?}"
    );
}

/// Answers get lost behind the commit, and the owner repeats.
fn lost_answers(system: &System, name: &str) -> Vec<Violation> {
    let load = Load::new(name, agencies(system, 3), 2);
    let proxy = LossyProxy::before(system.address);
    for (number, status) in ["2", "4", "5", "4", "9", "10"].iter().enumerate() {
        let mut owner = load.agency(2).through(proxy.address);
        proxy.drops_answers(1 + number % 3);
        push_until_known(&mut owner, &push(&format!("lost-{number}"), CODE, status));
    }
    drain(&load);
    load.violations(Expect::Drained)
}

#[test]
fn a_repeated_push_is_one_document() {
    on_both_engines(BINARY, "dossier-lost", |system| {
        assert_eq!(lost_answers(system, "dossier-lost"), []);
    });
}

#[test]
fn a_forgotten_key_of_a_push_is_caught() {
    let builder = SystemBuilder::new(BINARY, "dossier-lost-planted");
    let system = builder
        .with_planted("ForgetIdempotencyKey")
        .start()
        .expect("SQLite");
    let violations = lost_answers(&system, "dossier-lost-planted");
    assert!(
        violations.iter().any(|found| found.promise == "D3"),
        "{violations:?}"
    );
}

#[test]
fn a_key_with_another_state_is_a_conflict_and_moves_nothing() {
    on_both_engines(BINARY, "dossier-conflict", |system| {
        let load = Load::new("dossier-conflict", agencies(system, 3), 3);
        let mut owner = load.agency(2);
        push_until_known(&mut owner, &push("key", CODE, "2"));
        let second = owner.pushes(&push("key", CODE, "4"));
        let conflict = Outcome::Refused(409, "exchange.idempotency_conflict".to_owned());
        assert_eq!(second, conflict);
        assert_eq!(view(&mut owner, CODE)["status"], "2");
        // Another agency may neither move it nor learn that it is there.
        let mut stranger = system.operator();
        stranger.imports(&[&department(9)]);
        let token = stranger.connects(&department(9));
        let mut stranger = Agency::new(system.address, &department(9), &token);
        let strange = stranger.pushes(&push("strange", CODE, "4"));
        assert_eq!(strange, Outcome::Refused(404, "dossier.unknown".to_owned()));
        drain(&load);
        assert_eq!(load.violations(Expect::Drained), []);
    });
}

/// The digest that a receipt proves, after `lgsp verify` found it valid.
fn proved(system: &System, name: &str, bytes: &[u8]) -> (String, Value) {
    let file = system.scratch().join(name).display().to_string();
    fs::write(&file, bytes).expect("written");
    let output = system.runs(&["verify", &file, "-o", "json"]);
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["valid"], true, "{said}");
    let kind = said["kind"].as_str().unwrap_or_default().to_owned();
    (kind, said["sha256"].clone())
}

#[test]
fn the_receipts_of_both_sides_name_the_stored_digest() {
    let system = SystemBuilder::new(BINARY, "dossier-receipts")
        .start()
        .expect("SQLite");
    let load = Load::new("dossier-receipts", agencies(&system, 3), 4);
    let mut owner = load.agency(2);
    let pushed = push("new", CODE, "2");
    let sent = push_until_known(&mut owner, &pushed);
    drain(&load);
    let path = format!("/documents/{}/receipt", sent.document());
    let content = owner.content(sent.document()).expect("an answer");
    assert_eq!(content, Some(pushed.content()));
    for (index, kind) in [(2, "document.accepted"), (0, "delivery.confirmed")] {
        let mut agency = load.agency(index);
        let bundle = lgsp_tests::wait_for(std::time::Duration::from_secs(30), || {
            let answer = agency.calls("GET", &path, &[], b"").ok()?;
            (answer.status == 200).then_some(answer.body)
        });
        let name = format!("{index}.lgsp-receipt");
        let said = proved(&system, &name, &bundle.expect("a receipt"));
        let digest = lgsp_tests::agency::sha256(&pushed.content());
        assert_eq!(said, (kind.to_owned(), Value::from(digest)));
    }
    assert_eq!(load.violations(Expect::Drained), []);
}
