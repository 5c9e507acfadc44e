//! A2–A6: the log over the real binary: receipts, kills between entry and checkpoint, a witness, a new key.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lgsp_base::Entropy;
use lgsp_base::entropy::SeededEntropy;
use lgsp_tests::agency::{Agency, Letter};
use lgsp_tests::http::Http;
use lgsp_tests::load::send_until_known;
use lgsp_tests::notaries::Witness;
use lgsp_tests::system::{System, SystemBuilder, department};
use lgsp_tests::{rounds, skip, wait_for};
use serde_json::Value;

use crate::BINARY;

const SEED: u64 = 0x5eed_0a02;
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a command with `-o json`; its exit code and its object.
fn asks(system: &System, words: &[&str]) -> (Option<i32>, Value) {
    let output = system.runs(&[words, &["-o", "json"]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!(
            "{words:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (output.status.code(), value)
}

fn data(system: &System) -> String {
    system.data.display().to_string()
}

/// The public key of the log, as the operator publishes it.
fn key(system: &System) -> String {
    let (exit, said) = asks(system, &["ledger", "key", "--data", &data(system)]);
    assert_eq!(exit, Some(0), "{said}");
    said["key"].as_str().expect("a key").to_owned()
}

/// The newest checkpoint, as anybody reads it: size and note.
fn checkpoint(system: &System) -> Option<(u64, String)> {
    let mut http = Http::new(system.address).with_patience(Duration::from_secs(5));
    let answer = http.call("GET", "/ledger/checkpoint", &[], b"").ok()?;
    let note = String::from_utf8(answer.body).ok()?;
    let size = note.lines().nth(1)?.parse().ok()?;
    (answer.status == 200).then_some((size, note))
}

fn sends(agency: &mut Agency, key: &str) -> String {
    let letter = Letter {
        key: key.to_owned(),
        recipients: vec![department(2)],
        body: format!("body of {key}").into_bytes(),
    };
    send_until_known(agency, &letter).document().to_owned()
}

/// Downloads a receipt; sealing is a matter of a moment.
fn receipt(system: &System, document: &str, name: &str) -> PathBuf {
    let file = system.scratch().join(name);
    let path = file.display().to_string();
    let (exit, said) = asks(system, &["receipt", document, "--out", &path]);
    assert_eq!(
        (exit, said["valid"].as_bool()),
        (Some(0), Some(true)),
        "{said}"
    );
    file
}

/// What `lgsp verify` says of a file, without any server.
fn verdict(file: &Path, key: Option<&str>) -> (Option<i32>, Value) {
    let mut command = Command::new(BINARY);
    command.arg("verify").arg(file).args(["-o", "json"]);
    if let Some(key) = key {
        command.args(["--key", key]);
    }
    let output = command
        .env("LGSP_SERVER", "http://127.0.0.1:9")
        .output()
        .expect("lgsp verify");
    let said = serde_json::from_slice(&output.stdout).expect("one JSON object");
    (output.status.code(), said)
}

/// What `lgsp ledger fsck` says of a stopped system, compared with checkpoints kept elsewhere.
fn fsck(system: &System, against: &[PathBuf]) -> (Option<i32>, Value) {
    let folder = data(system);
    let files: Vec<String> = against
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let mut words = vec!["ledger", "fsck", "--data", folder.as_str()];
    for file in &files {
        words.extend(["--against", file]);
    }
    asks(system, &words)
}

#[test]
fn a_receipt_is_proved_offline_and_every_bit_of_it_matters() {
    let mut system = SystemBuilder::new(BINARY, "ledger-receipt")
        .start()
        .expect("SQLite");
    let mut agencies = system.agencies(2);
    let document = sends(&mut agencies[0], "k1");
    let file = receipt(&system, &document, "k1.lgsp-receipt");
    let key = key(&system);
    let (exit, body) = fsck(&system, &[]);
    assert_eq!(
        (exit, body["problem"]["code"].as_str()),
        (Some(5), Some("data.busy"))
    );
    assert_eq!(system.stop(), Some(0));

    let (exit, said) = verdict(&file, None);
    assert_eq!(
        (exit, said["valid"].as_bool(), said["pinned"].as_bool()),
        (Some(0), Some(true), Some(false))
    );
    let (exit, said) = verdict(&file, Some(&key));
    assert_eq!(
        (exit, said["pinned"].as_bool()),
        (Some(0), Some(true)),
        "{said}"
    );
    assert_eq!(said["document"], document.as_str());
    assert_eq!(said["kind"], "document.accepted");

    let good = fs::read(&file).expect("the receipt");
    let entropy = SeededEntropy::new(SEED);
    let changed = system.scratch().join("changed");
    for _ in 0..rounds("LGSP_FLIP_ROUNDS", 40) {
        let place = usize::try_from(entropy.below(good.len() as u64)).expect("small");
        let mut bytes = good.clone();
        bytes[place] ^= 1 << entropy.below(8);
        fs::write(&changed, &bytes).expect("a file");
        let (exit, said) = verdict(&changed, Some(&key));
        assert_eq!(
            (exit, said["valid"].as_bool()),
            (Some(10), Some(false)),
            "byte {place}: {said}"
        );
        assert!(!said["verdict"].as_str().unwrap_or_default().is_empty());
    }
    let other = SystemBuilder::new(BINARY, "ledger-other")
        .start()
        .expect("SQLite");
    let (exit, said) = verdict(&file, Some(&self::key(&other)));
    assert_eq!(
        (exit, said["valid"].as_bool()),
        (Some(10), Some(false)),
        "{said}"
    );

    let (exit, said) = fsck(&system, std::slice::from_ref(&file));
    assert_eq!(
        (exit, said["sound"].as_bool()),
        (Some(0), Some(true)),
        "{said}"
    );
}

#[test]
fn a_receipt_is_proved_on_postgres_while_the_platform_runs() {
    let builder = SystemBuilder::new(BINARY, "ledger_receipt_pg").on_postgres();
    let Some(system) = builder.start() else {
        return skip("ledger::postgres", "LGSP_TEST_POSTGRES is not set");
    };
    let mut agencies = system.agencies(2);
    let document = sends(&mut agencies[0], "k1");
    let file = receipt(&system, &document, "k1.lgsp-receipt");
    let (exit, said) = verdict(&file, Some(&key(&system)));
    assert_eq!(
        (exit, said["pinned"].as_bool()),
        (Some(0), Some(true)),
        "{said}"
    );
    let (exit, said) = fsck(&system, std::slice::from_ref(&file));
    assert_eq!(
        (exit, said["sound"].as_bool()),
        (Some(0), Some(true)),
        "{said}"
    );
}

/// A system whose checkpoints a witness cosigns.
fn witnessed(name: &str, planted: Option<&str>) -> (System, Witness) {
    let mut builder = SystemBuilder::new(BINARY, name);
    if let Some(bug) = planted {
        builder = builder.with_planted(bug);
    }
    let mut system = builder.start().expect("SQLite");
    let witness = Witness::of(BINARY, &system.scratch().join("witness"), &key(&system));
    system.stop();
    system.sets("LGSP__LEDGER__WITNESSES", &witness.setting());
    system.sets("LGSP__OUTBOUND__ALLOW", &witness.allowed());
    system.serve();
    (system, witness)
}

/// Waits until the witness signed at least this size; the size and note that it signed.
fn cosigned(system: &System, witness: &Witness, size: u64) -> (u64, String) {
    let name = witness.key.split('+').next().expect("a name").to_owned();
    let found = wait_for(PATIENCE, || {
        checkpoint(system).filter(|(known, note)| *known >= size && note.contains(&name))
    });
    found.unwrap_or_else(|| panic!("not cosigned\n{}\n{}", witness.page(), system.log()))
}

/// The checks of `/readyz` that are not well, with their reasons.
fn troubles(system: &System) -> BTreeMap<String, String> {
    let mut http = Http::new(system.address);
    let answer = http
        .call("GET", "/readyz", &[], b"")
        .expect("an answer")
        .json();
    answer["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter(|check| check["is_ok"] == false)
        .map(|check| {
            let word = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
            (word("name"), word("reason"))
        })
        .collect()
}

/// Kills the server at chance moments while documents arrive; keeps every checkpoint that was seen.
fn kills(system: &mut System, agency: &mut Agency, kills: u32) -> Vec<PathBuf> {
    let entropy = SeededEntropy::new(SEED);
    let mut seen = Vec::new();
    for round in 0..kills {
        for number in 0..=entropy.below(12) {
            sends(agency, &format!("{round}-{number}"));
        }
        if let Some((size, note)) = checkpoint(system) {
            let file = system.scratch().join(format!("seen-{round}-{size}"));
            fs::write(&file, note).expect("a file");
            seen.push(file);
        }
        system.kill();
        system.serve();
    }
    seen
}

#[test]
fn kills_between_entry_and_checkpoint_leave_one_growing_log() {
    let (mut system, witness) = witnessed("ledger-kills", None);
    let mut agencies = system.agencies(2);
    let seen = kills(
        &mut system,
        &mut agencies[0],
        rounds("LGSP_CRASH_ROUNDS", 6),
    );
    let document = sends(&mut agencies[0], "last");
    receipt(&system, &document, "last.lgsp-receipt");
    let (size, _) = checkpoint(&system).expect("a checkpoint");
    cosigned(&system, &witness, size);
    assert!(!witness.page().contains("CẢNH BÁO"), "{}", witness.page());
    assert_eq!(troubles(&system), BTreeMap::new());
    system.stop();
    let (exit, said) = fsck(&system, &seen);
    assert_eq!(
        (exit, said["sound"].as_bool()),
        (Some(0), Some(true)),
        "{said}"
    );
    assert!(said["leaves"].as_u64() >= Some(size), "{said}");
}

#[test]
fn an_entry_that_the_sealer_passes_by_is_caught() {
    let builder = SystemBuilder::new(BINARY, "ledger-skip").with_planted("SealSkipsEntry");
    let mut system = builder.start().expect("SQLite");
    let mut agencies = system.agencies(2);
    for number in 0..12 {
        sends(&mut agencies[0], &number.to_string());
    }
    wait_for(PATIENCE, || checkpoint(&system)).expect("a checkpoint");
    system.stop();
    let (exit, said) = fsck(&system, &[]);
    assert_eq!(exit, Some(10), "{said}");
    assert_eq!(said["first_bad"]["fault"], "entry.unsealed", "{said}");
}

fn copies(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .expect("cp");
    assert!(status.success());
}

#[test]
fn a_witness_refuses_a_log_that_was_rolled_back() {
    let (mut system, mut witness) = witnessed("ledger-rollback", None);
    let mut agencies = system.agencies(2);
    sends(&mut agencies[0], "before");
    let (early, _) = cosigned(&system, &witness, 1);
    system.stop();
    let copy = system.scratch().join("copy");
    copies(&system.data, &copy);

    system.serve();
    for number in 0..5 {
        sends(&mut agencies[0], &format!("after-{number}"));
    }
    let (late, note) = cosigned(&system, &witness, early + 5);
    let known = system.scratch().join("known");
    fs::write(&known, note).expect("a file");
    system.stop();

    // The data folder of yesterday comes back; the witness, killed and started again, remembers.
    fs::remove_dir_all(&system.data).expect("removed");
    copies(&copy, &system.data);
    witness.kill();
    witness.serve();
    system.serve();
    let told = wait_for(PATIENCE, || troubles(&system).remove("witness"));
    assert!(
        told.is_some(),
        "readiness names the witness: {}",
        system.log()
    );
    assert!(
        system.whole_log().contains("rolled back"),
        "{}",
        system.log()
    );

    // Another history past the size that was cosigned: it never gets a signature.
    for number in 0..12 {
        sends(&mut agencies[0], &format!("other-{number}"));
    }
    let warned = wait_for(PATIENCE, || {
        witness.page().contains("CẢNH BÁO").then_some(())
    });
    assert!(warned.is_some(), "{}\n{}", witness.page(), system.log());
    assert!(
        witness.page().contains(&format!(": {late}\n")),
        "{}",
        witness.page()
    );
    assert!(troubles(&system).contains_key("witness"));
    system.stop();
    let (exit, said) = fsck(&system, &[known]);
    assert_eq!(exit, Some(10), "{said}");
    assert_eq!(said["first_bad"]["fault"], "log.rolled_back", "{said}");
}

#[test]
fn receipts_outlive_the_key_that_signed_them() {
    let mut system = SystemBuilder::new(BINARY, "ledger-rotation")
        .start()
        .expect("SQLite");
    let mut agencies = system.agencies(2);
    let document = sends(&mut agencies[0], "old");
    let old_receipt = receipt(&system, &document, "old.lgsp-receipt");
    let old_key = key(&system);
    system.stop();
    let (exit, said) = asks(&system, &["ledger", "rotate-key", "--data", &data(&system)]);
    assert_eq!(exit, Some(0), "{said}");
    let new_key = key(&system);
    assert_eq!(said["key"], new_key.as_str());
    assert_ne!(new_key, old_key);
    let retired = said["retired_file"].as_str().expect("a file");
    assert!(
        fs::read_to_string(retired)
            .expect("kept")
            .starts_with("PRIVATE+KEY+")
    );

    system.serve();
    let document = sends(&mut agencies[0], "new");
    let new_receipt = receipt(&system, &document, "new.lgsp-receipt");
    system.stop();
    for (file, pinned) in [
        (&old_receipt, &old_key),
        (&new_receipt, &old_key),
        (&new_receipt, &new_key),
    ] {
        let (exit, said) = verdict(file, Some(pinned));
        assert_eq!(
            (exit, said["pinned"].as_bool()),
            (Some(0), Some(true)),
            "{said}"
        );
    }
    let (exit, said) = fsck(&system, &[old_receipt, new_receipt]);
    assert_eq!(
        (exit, said["sound"].as_bool()),
        (Some(0), Some(true)),
        "{said}"
    );

    // The retired key does not open the log any more.
    let present = system.data.join("keys/ledger.key");
    fs::rename(&present, present.with_extension("away")).expect("moved");
    fs::copy(retired, &present).expect("copied");
    assert!(!system.tries_to_serve(), "a retired key signs nothing");
}
