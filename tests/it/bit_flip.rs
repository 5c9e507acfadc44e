//! D8, D11: a flipped bit in a stored body is noticed and never served, and the doctor finds it wherever it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lgsp_base::Entropy;
use lgsp_base::entropy::SeededEntropy;
use lgsp_tests::agency::Letter;
use lgsp_tests::history::{Expect, Violation};
use lgsp_tests::load::{Load, send_until_known};
use lgsp_tests::system::{System, SystemBuilder, department};
use serde_json::Value;

use crate::BINARY;

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Flips one bit in the middle of a body, wherever the data folder keeps it: pages that are no longer used hold copies.
fn flip(data: &Path, body: &[u8]) {
    // Short enough to stand in one piece on one page of the database.
    let probe = &body[body.len() / 2..body.len() / 2 + 32];
    let mut flipped = 0;
    for path in files(data) {
        let mut bytes = fs::read(&path).expect("a file");
        let places: Vec<usize> = bytes
            .windows(probe.len())
            .enumerate()
            .filter_map(|(place, window)| (window == probe).then_some(place))
            .collect();
        for place in &places {
            bytes[place + 3] ^= 0x10;
        }
        if !places.is_empty() {
            fs::write(&path, bytes).expect("a file");
        }
        flipped += places.len();
    }
    assert!(flipped > 0, "the body stands somewhere in the data folder");
}

/// Stores bodies of several sizes, flips a bit of each behind the server's back, and looks at what it serves.
fn flipped(system: &mut System, name: &str) -> Vec<Violation> {
    let load = Load::new(name, system.agencies(2), 1);
    let entropy = SeededEntropy::new(0x5eed_0003);
    let mut bodies = Vec::new();
    for size in [600, 3_000, 40_000, 70_000, 300_000] {
        let mut body = vec![0; size];
        entropy.fill(&mut body);
        let letter = Letter {
            key: format!("size-{size}"),
            recipients: vec![department(2)],
            body: body.clone(),
        };
        send_until_known(&mut load.agency(0), &letter);
        bodies.push(body);
    }
    assert_eq!(
        load.violations(Expect::Anything),
        [],
        "sound before the flips"
    );
    system.stop();
    for body in &bodies {
        flip(&system.data, body);
    }
    system.serve();
    load.violations(Expect::Anything)
}

#[test]
fn a_flipped_body_is_never_served() {
    let mut system = SystemBuilder::new(BINARY, "bit-flip")
        .start()
        .expect("SQLite");
    let violations = flipped(&mut system, "bit-flip");
    // The checker sees five documents without their bodies, and none that gives out other bytes.
    assert_eq!(violations.len(), 5, "{violations:?}");
    for found in violations {
        assert!(
            found.what.ends_with("is visible without its body"),
            "{found:?}"
        );
    }
}

#[test]
fn a_store_that_serves_unchecked_is_caught() {
    let builder = SystemBuilder::new(BINARY, "bit-flip-planted");
    let mut system = builder
        .with_planted("ServeUnchecked")
        .start()
        .expect("SQLite");
    let violations = flipped(&mut system, "bit-flip-planted");
    let is_caught = violations
        .iter()
        .any(|found| found.what.ends_with("gives out other bytes than it names"));
    assert!(is_caught, "{violations:?}");
}

/// What the doctor says about a data folder: its exit code and the items that are damaged, with their places.
fn diagnosis(data: &Path) -> (Option<i32>, Vec<(String, String)>) {
    let output = Command::new(BINARY)
        .args(["doctor", "-o", "json", "--data"])
        .arg(data)
        .env("LGSP_SERVER", "http://127.0.0.1:9")
        .stdin(Stdio::null())
        .output()
        .expect("the command runs");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |item: &Value, name: &str| item[name].as_str().expect("text").to_owned();
    let damaged = said["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter(|item| item["state"] == "damaged")
        .map(|item| (text(item, "name"), text(item, "detail")))
        .collect();
    (output.status.code(), damaged)
}

/// Places of a text in a database file; on index pages only, if wished.
fn places(database: &[u8], wanted: &[u8], is_index: bool) -> Vec<usize> {
    const INDEX_LEAF: u8 = 0x0a;
    let page = usize::from(u16::from_be_bytes([database[16], database[17]]));
    database
        .windows(wanted.len())
        .enumerate()
        .filter(|(_, window)| *window == wanted)
        .map(|(place, _)| place)
        .filter(|place| !is_index || database[place / page * page] == INDEX_LEAF)
        .collect()
}

#[test]
fn the_doctor_finds_a_flipped_bit_wherever_it_is() {
    let mut system = SystemBuilder::new(BINARY, "bit-flip-doctor")
        .start()
        .expect("SQLite");
    let load = Load::new("bit-flip-doctor", system.agencies(2), 1);
    let entropy = SeededEntropy::new(0x5eed_0004);
    let [small, large] = [3_000, 300_000].map(|size| {
        let mut body = vec![0; size];
        entropy.fill(&mut body);
        let letter = Letter {
            key: format!("size-{size}"),
            recipients: vec![department(2)],
            body: body.clone(),
        };
        send_until_known(&mut load.agency(0), &letter);
        body
    });
    let mut reader = load.agency(1);
    let document = reader.receives(1).expect("an inbox")[0].document.clone();
    system.stop();
    assert_eq!(diagnosis(&system.data), (Some(0), vec![]), "sound");

    let database = system.data.join("lgsp.db");
    let record = format!("\"document\":\"{document}\"");
    let flip_in_database = |wanted: &str, is_index: bool| {
        let mut bytes = fs::read(&database).expect("the database");
        let found = places(&bytes, wanted.as_bytes(), is_index);
        assert!(!found.is_empty(), "it stands there");
        // All of them: pages keep copies of what was moved elsewhere.
        for place in found {
            bytes[place + wanted.len() - 2] ^= 0x01;
        }
        fs::write(&database, bytes).expect("the database");
    };
    type Flip<'a> = &'a dyn Fn();
    let flips: [(&str, Flip<'_>); 4] = [
        ("database", &|| flip_in_database(&document, true)),
        ("ledger", &|| flip_in_database(&record, false)),
        ("documents", &|| flip(&system.data, &small)),
        ("contents", &|| flip(&system.data, &large)),
    ];
    for (part, flip) in flips {
        let before: Vec<_> = files(&system.data)
            .into_iter()
            .map(|path| (fs::read(&path).expect("a file"), path))
            .collect();
        flip();
        let (exit, damaged) = diagnosis(&system.data);
        assert_eq!(exit, Some(10), "{part}: {damaged:?}");
        let names: Vec<&str> = damaged.iter().map(|(name, _)| name.as_str()).collect();
        // An index whose ids can no longer be read is also noticed by whoever walks along it.
        let is_walked = part == "database" && names == ["database", "documents"];
        assert!(names == [part] || is_walked, "{damaged:?}");
        assert!(!damaged[0].1.is_empty(), "{part} names the place");
        for (bytes, path) in before {
            fs::write(path, bytes).expect("a file");
        }
    }
    assert_eq!(diagnosis(&system.data), (Some(0), vec![]), "sound again");
}
