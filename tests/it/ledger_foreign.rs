//! "Anyone can prove it": a reader made by strangers (aics-tlog, a Python implementation of the C2SP formats) reads a running log.

use std::fs;
use std::process::Command;
use std::time::Duration;

use lgsp_tests::agency::{Agency, Letter};
use lgsp_tests::http::Http;
use lgsp_tests::load::send_until_known;
use lgsp_tests::notaries::Witness;
use lgsp_tests::system::{System, SystemBuilder, department};
use lgsp_tests::{skip, tell, wait_for};
use serde_json::Value;

use crate::BINARY;

const PATIENCE: Duration = Duration::from_secs(60);
/// More than a tile holds, so that full tiles are read too.
const DOCUMENTS: usize = 300;
/// Names the Python that has the reader; `.ci/run` sets it.
const PYTHON: &str = "LGSP_TLOG_PYTHON";

/// The Python that has the reader installed.
fn python() -> Option<String> {
    let python = std::env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python)
        .args(["-c", "import aics_tlog"])
        .output()
        .ok()?;
    probe.status.success().then_some(python)
}

fn sends(agency: &mut Agency, key: &str) -> String {
    let letter = Letter {
        key: key.to_owned(),
        recipients: vec![department(2)],
        body: key.as_bytes().to_vec(),
    };
    send_until_known(agency, &letter).document().to_owned()
}

/// The newest checkpoint of at least this size, once it holds a word.
fn checkpoint(system: &System, size: u64, word: &str) -> (u64, String) {
    let found = wait_for(PATIENCE, || {
        let mut http = Http::new(system.address);
        let answer = http.call("GET", "/ledger/checkpoint", &[], b"").ok()?;
        let note = String::from_utf8(answer.body).ok()?;
        let known: u64 = note.lines().nth(1)?.parse().ok()?;
        (known >= size && note.contains(word)).then_some((known, note))
    });
    found.unwrap_or_else(|| panic!("no checkpoint\n{}", system.log()))
}

#[test]
fn a_reader_made_by_strangers_reads_the_log() {
    let Some(python) = python() else {
        let why = "aics-tlog is missing: pip install aics-tlog (Python 3.12), LGSP_TLOG_PYTHON names that Python";
        return skip("ledger_foreign", why);
    };
    let mut system = SystemBuilder::new(BINARY, "ledger-foreign")
        .start()
        .expect("SQLite");
    let data = system.data.display().to_string();
    let key = system.runs(&["ledger", "key", "--data", &data]);
    let key = String::from_utf8_lossy(&key.stdout).trim().to_owned();
    let witness = Witness::of(BINARY, &system.scratch().join("witness"), &key);
    system.stop();
    system.sets("LGSP__LEDGER__WITNESSES", &witness.setting());
    system.sets("LGSP__OUTBOUND__ALLOW", &witness.allowed());
    system.serve();

    let mut agencies = system.agencies(2);
    let first = sends(&mut agencies[0], "first");
    let (size, note) = checkpoint(&system, 1, "");
    let earlier = system.scratch().join("earlier");
    fs::write(&earlier, note).expect("a file");
    for number in 0..DOCUMENTS {
        sends(&mut agencies[0], &number.to_string());
    }
    let name = witness.key.split('+').next().expect("a name").to_owned();
    let wanted = size + u64::try_from(DOCUMENTS).expect("small");
    checkpoint(&system, wanted, &name);
    let receipt = system.scratch().join("first.lgsp-receipt");
    let fetched = system.runs(&["receipt", &first, "--out", &receipt.display().to_string()]);
    assert!(fetched.status.success(), "{fetched:?}");

    let script = system.scratch().join("ledger_foreign.py");
    fs::write(&script, include_str!("ledger_foreign.py")).expect("a file");
    let output = Command::new(python)
        .arg(&script)
        .arg(format!("http://{}/ledger/", system.address))
        .args([&key, &witness.key])
        .args([&earlier, &receipt])
        .output()
        .expect("python");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert!(said["size"].as_u64() >= Some(wanted), "{said}");
    tell(&format!("ledger_foreign: {said}"));
}
