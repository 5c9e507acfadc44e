//! A9: credentials and contents appear in no log, no output and no ledger record.

use std::fs;
use std::time::Duration;

use lgsp_tests::agency::Letter;
use lgsp_tests::canaries::{files, holds};
use lgsp_tests::load::send_until_known;
use lgsp_tests::system::{System, SystemBuilder, department};
use lgsp_tests::wait_for;
use serde_json::Value;

use crate::BINARY;

const PATIENCE: Duration = Duration::from_secs(30);
/// Stands in bodies and subjects: content of documents, which may be stored, and may be nowhere else.
const CANARY: &str = "CANARY-7f3a91-noi-dung-van-ban";

/// Where a secret was found.
type Leak = (String, String);

struct Life {
    system: System,
    /// What opens doors: must be nowhere at all.
    credentials: Vec<(String, String)>,
    /// What commands wrote.
    outputs: Vec<(String, String)>,
}

/// Uses everything that has a secret: tokens, axis secrets, the console's link and session, receipts.
fn lives(name: &str, planted: Option<&str>) -> Life {
    let mut builder = SystemBuilder::new(BINARY, name).with_setting("LGSP__LOG__LEVEL", "trace");
    if let Some(bug) = planted {
        builder = builder.with_planted(bug);
    }
    let system = builder.start().expect("SQLite");
    let mut credentials = vec![(
        "operator's token".to_owned(),
        system.admin_token().to_owned(),
    )];
    let mut agencies = system.agencies(2);
    for agency in &agencies {
        let token = agency.bearer().trim_start_matches("Bearer ").to_owned();
        credentials.push((format!("token of {}", agency.code), token));
    }
    let (_, secret) = system.operator().connects_axis("H99");
    credentials.push(("secret of the axis".to_owned(), secret));
    for file in ["vault.key", "webhook.key", "ledger.key"] {
        let text = fs::read_to_string(system.data.join("keys").join(file));
        if let Some(line) = text.ok().map(|text| text.trim().to_owned()) {
            let tail = line.rsplit('+').next().unwrap_or_default().to_owned();
            credentials.push((file.to_owned(), tail));
        }
    }

    let letter = Letter {
        key: "canary".to_owned(),
        recipients: vec![department(2)],
        body: format!("%PDF {CANARY}").into_bytes(),
    };
    let sent = send_until_known(&mut agencies[0], &letter);
    let handed = agencies[1].receives(10).expect("an inbox");
    agencies[1].acknowledges(&handed).expect("answers");
    agencies[1].refuses("dlv_unknown").expect("an answer");

    let mut outputs = Vec::new();
    let receipt = system
        .scratch()
        .join("canary.lgsp-receipt")
        .display()
        .to_string();
    let data = system.data.display().to_string();
    for words in [
        vec!["trace", sent.document(), "-o", "json"],
        vec!["receipt", sent.document(), "--out", &receipt],
        vec!["verify", &receipt, "--cover"],
        vec!["system", "list", "-o", "json"],
        vec!["config", "show", "--data", &data],
        vec!["doctor", "--data", &data],
        vec!["ledger", "key", "--data", &data],
        vec!["inbox"],
    ] {
        let output = system.runs(&words);
        let text = [output.stdout, output.stderr].concat();
        outputs.push((words.join(" "), String::from_utf8_lossy(&text).into_owned()));
    }
    let whole = fs::read_to_string(&receipt).expect("the receipt");
    outputs.push(("the receipt".to_owned(), whole));
    Life {
        system,
        credentials,
        outputs,
    }
}

fn leaks(mut life: Life) -> Vec<Leak> {
    let mut operator = life.system.operator();
    let records = wait_for(PATIENCE, || {
        let page = operator.calls(
            "GET",
            "/ledger/entries?page_size=1000",
            ("accept", "application/json"),
            b"",
        );
        let items = page.json()["items"].as_array().cloned()?;
        let is_there = items
            .iter()
            .any(|entry| entry["kind"] == "delivery.confirmed");
        is_there.then_some(Value::Array(items))
    });
    let records = records.expect("sealed entries").to_string();
    life.system.stop();
    let log = life.system.whole_log();
    assert!(!log.is_empty(), "there is a log to look at");

    let mut found = Vec::new();
    let mut texts = life.outputs;
    texts.push(("the server's log".to_owned(), log));
    texts.push(("the ledger's records".to_owned(), records));
    for (place, text) in &texts {
        for (name, secret) in &life.credentials {
            // The command that shows the settings and the doctor name no secret either.
            if holds(text.as_bytes(), secret) {
                found.push((name.clone(), place.clone()));
            }
        }
        if holds(text.as_bytes(), CANARY) {
            found.push(("content".to_owned(), place.clone()));
        }
    }
    for (place, bytes) in files(&life.system.data) {
        for (name, secret) in &life.credentials {
            if holds(&bytes, secret) {
                found.push((name.clone(), place.clone()));
            }
        }
    }
    found
}

#[test]
fn no_secret_stands_in_a_log_an_output_or_the_ledger() {
    assert_eq!(leaks(lives("ledger-secrets", None)), []);
}

#[test]
fn credentials_in_the_log_are_caught() {
    let found = leaks(lives("ledger-secrets-planted", Some("LogSecrets")));
    assert!(
        found.iter().any(|(_, place)| place == "the server's log"),
        "{found:?}"
    );
}
