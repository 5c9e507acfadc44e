//! A1: whatever somebody outside saw has exactly one entry, which was there first: it survives a kill right behind the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use lgsp_tests::agency::Letter;
use lgsp_tests::load::send_until_known;
use lgsp_tests::system::{System, SystemBuilder, department};
use lgsp_tests::wait_for;
use serde_json::{Value, json};

use crate::BINARY;

const PATIENCE: Duration = Duration::from_secs(30);
const JSON: (&str, &str) = ("content-type", "application/json");

/// Something that was seen from outside, and the entry that must stand for it: kind, a member of its record, its value.
type Effect = (&'static str, &'static str, String);

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Documents, confirmations, refusals, a new system, a resend: everything that the demonstration does, seen from outside.
fn lives(system: &System) -> Vec<Effect> {
    let mut effects: Vec<Effect> = Vec::new();
    let mut operator = system.operator();
    let mut agencies = system.agencies(3);
    for code in 1..=3 {
        let path = format!("/systems?organisation={}", department(code));
        let listed = operator
            .calls("GET", &path, ("accept", "application/json"), b"")
            .json();
        let added = text(&listed["items"][0]["id"]);
        effects.push(("system.added", "system", added));
    }
    for number in 0..6 {
        let letter = Letter {
            key: number.to_string(),
            recipients: vec![department(2), department(3)],
            body: format!("letter {number}").into_bytes(),
        };
        let sent = send_until_known(&mut agencies[0], &letter);
        effects.push(("document.accepted", "document", sent.document().to_owned()));
    }
    let handed = agencies[1].receives(10).expect("an inbox");
    assert_eq!(handed.len(), 6);
    for result in agencies[1].acknowledges(&handed[..4]).expect("answers") {
        assert_eq!(result, Ok(false));
    }
    effects.extend(
        handed[..4]
            .iter()
            .map(|one| ("delivery.confirmed", "delivery", one.delivery.clone())),
    );
    let parked = agencies[2].receives(1).expect("an inbox");
    for _ in 0..5 {
        agencies[2].refuses(&parked[0].delivery).expect("an answer");
    }
    effects.push(("delivery.parked", "delivery", parked[0].delivery.clone()));
    let place = format!("/deliveries/{}/resend", parked[0].delivery);
    let resent = operator.calls("POST", &place, JSON, json!({}).to_string().as_bytes());
    assert_eq!(resent.status / 100, 2, "{}", resent.json());
    effects.push(("delivery.resent", "resend_of", parked[0].delivery.clone()));
    // Bursts, each behind a round of sealing: the next round holds nothing else.
    for burst in 0..3 {
        let sealed = entries(system).len();
        wait_for(PATIENCE, || (entries(system).len() > sealed).then_some(()));
        for number in 0..12 {
            let letter = Letter {
                key: format!("burst-{burst}-{number}"),
                recipients: vec![department(2)],
                body: b"burst".to_vec(),
            };
            let sent = send_until_known(&mut agencies[0], &letter);
            effects.push(("document.accepted", "document", sent.document().to_owned()));
        }
    }
    effects
}

/// Every sealed entry.
fn entries(system: &System) -> Vec<Value> {
    let page = system.operator().calls(
        "GET",
        "/ledger/entries?page_size=1000",
        ("accept", "application/json"),
        b"",
    );
    page.json()["items"].as_array().cloned().unwrap_or_default()
}

/// The effects that have no entry or several.
fn unaccounted(effects: &[Effect], entries: &[Value]) -> Vec<(Effect, usize)> {
    let mut counts: BTreeMap<&Effect, usize> = effects.iter().map(|effect| (effect, 0)).collect();
    for entry in entries {
        for (effect, count) in &mut counts {
            let (kind, member, value) = effect;
            if entry["kind"] == *kind && entry["record"][*member] == value.as_str() {
                *count += 1;
            }
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count != 1)
        .map(|(effect, count)| (effect.clone(), count))
        .collect()
}

/// Lives a while, is killed behind the last answer, and is looked at after the restart, for as long as it takes to seal.
fn balance(name: &str, planted: Option<&str>, patience: Duration) -> Vec<(Effect, usize)> {
    let mut builder = SystemBuilder::new(BINARY, name);
    if let Some(bug) = planted {
        builder = builder.with_planted(bug);
    }
    let mut system = builder.start().expect("SQLite");
    let effects = lives(&system);
    // The planted fault is looked at where it happens.
    if planted.is_none() {
        system.kill();
        system.serve();
    }
    let judged = || unaccounted(&effects, &entries(&system));
    wait_for(patience, || judged().is_empty().then(Vec::new)).unwrap_or_else(judged)
}

#[test]
fn each_visible_effect_has_one_entry_that_was_there_first() {
    assert_eq!(balance("ledger-effects", None, PATIENCE), []);
}

#[test]
fn an_effect_without_a_leaf_is_caught() {
    let found = balance(
        "ledger-effects-planted",
        Some("SealSkipsEntry"),
        Duration::from_secs(3),
    );
    assert!(
        !found.is_empty(),
        "the sealer passed an entry by, and nobody noticed"
    );
}
