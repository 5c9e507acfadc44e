//! D9: with less room than the reserve, new documents are refused with 507, accepted ones still go out, and the service
//! recovers by itself when there is room again.

use std::fs;
use std::time::Duration;

use lgsp_base::limits;
use lgsp_store::testing::Scratch;
use lgsp_tests::agency::{Letter, Outcome};
use lgsp_tests::faults::{LoopDisk, run};
use lgsp_tests::history::Expect;
use lgsp_tests::load::{Load, send_until_known};
use lgsp_tests::system::{System, SystemBuilder, department};
use lgsp_tests::{skip, wait_for};

use crate::BINARY;

const MIB: u64 = 1024 * 1024;

fn letter(number: u32) -> Letter {
    Letter {
        key: format!("key-{number}"),
        recipients: vec![department(2)],
        body: vec![3; 2_000],
    }
}

/// A system on a small disk of its own, with the disk; `None` if this machine cannot mount one.
fn on_small_disk(name: &str, planted: Option<&str>) -> Option<(Scratch, LoopDisk, System)> {
    let scratch = Scratch::new(name);
    let disk_mib = u32::try_from(limits::DISK_RESERVE_BYTES / MIB).expect("a small reserve") + 128;
    let disk = match LoopDisk::make(scratch.path(), disk_mib) {
        Ok(disk) => disk,
        Err(why) => {
            skip(name, &why);
            return None;
        }
    };
    let mut builder = SystemBuilder::new(BINARY, name).in_folder(&disk.mount.join("data"));
    if let Some(bug) = planted {
        builder = builder.with_planted(bug);
    }
    let system = builder.start().expect("SQLite");
    Some((scratch, disk, system))
}

/// Fills the disk until only half of the reserve is free.
fn fill(disk: &LoopDisk) -> std::path::PathBuf {
    let filler = disk.mount.join("filler");
    let output = std::process::Command::new("df")
        .args(["--output=avail", "-B1"])
        .arg(&disk.mount)
        .output()
        .expect("df");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let free: u64 = text
        .lines()
        .nth(1)
        .and_then(|line| line.trim().parse().ok())
        .expect("df");
    let size = free - limits::DISK_RESERVE_BYTES / 2;
    run(
        "fallocate",
        &["-l", &size.to_string(), &filler.to_string_lossy()],
    )
    .expect("a full disk");
    filler
}

/// Waits until a submit has this kind of outcome.
fn becomes(load: &Load, first_key: u32, is_wanted: impl Fn(&Outcome) -> bool) -> Option<Outcome> {
    let mut sender = load.agency(0);
    let mut number = first_key;
    wait_for(Duration::from_secs(10), || {
        number += 1;
        Some(sender.submits(&letter(number))).filter(&is_wanted)
    })
}

#[test]
fn a_full_disk_refuses_new_documents_only() {
    let Some((_scratch, disk, system)) = on_small_disk("disk-full", None) else {
        return;
    };
    let load = Load::new("disk-full", system.agencies(2), 1);
    send_until_known(&mut load.agency(0), &letter(0));
    let filler = fill(&disk);
    let full = Outcome::Refused(507, "storage.full".to_owned());
    assert!(
        becomes(&load, 1_000, |outcome| *outcome == full).is_some(),
        "507 within 10 s"
    );
    let mut receiver = load.agency(1);
    let handed = receiver.receives(1_000).expect("an answer");
    assert!(!handed.is_empty());
    for result in receiver.acknowledges(&handed).expect("an answer") {
        result.expect("accepted documents still go out");
    }
    fs::remove_file(filler).expect("room");
    let accepted = becomes(&load, 2_000, |outcome| {
        matches!(outcome, Outcome::Accepted(..))
    });
    assert!(accepted.is_some(), "it recovers within 10 s");
    let handed = receiver.receives(1_000).expect("an answer");
    receiver.acknowledges(&handed).expect("an answer");
    assert_eq!(load.violations(Expect::Drained), []);
}

#[test]
fn a_store_without_reserve_is_caught() {
    let Some((_scratch, disk, system)) = on_small_disk("disk-full-planted", Some("NoDiskReserve"))
    else {
        return;
    };
    let load = Load::new("disk-full-planted", system.agencies(2), 1);
    fill(&disk);
    let refused = becomes(&load, 0, |outcome| {
        matches!(outcome, Outcome::Refused(507, _))
    });
    assert_eq!(refused, None, "the planted bug shows");
}
