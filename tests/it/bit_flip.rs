//! D8, D11: a flipped bit in a stored body is noticed and never served.

use std::fs;
use std::path::{Path, PathBuf};

use lgsp_base::Entropy;
use lgsp_base::entropy::SeededEntropy;
use lgsp_tests::agency::Letter;
use lgsp_tests::history::{Expect, Violation};
use lgsp_tests::load::{Load, send_until_known};
use lgsp_tests::system::{System, SystemBuilder, department};

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
