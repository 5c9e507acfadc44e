//! D1, D2, D8, D13: kill -9 again and again while documents arrive; nothing acknowledged is lost, doubled or torn.
//!
//! Quick here; `cargo xtask crash --rounds N [--pg]` is the long form.

use lgsp_base::Entropy;
use lgsp_base::entropy::SeededEntropy;
use lgsp_tests::agency::Letter;
use lgsp_tests::faults::can_trace;
use lgsp_tests::history::{Expect, Violation};
use lgsp_tests::load::{Load, send_until_known};
use lgsp_tests::system::{System, SystemBuilder};
use lgsp_tests::{rounds, skip};

use crate::BINARY;

const SEED: u64 = 0x5eed_0001;

/// Kills and restarts `kills` times under load, then lets everything drain.
pub(crate) fn kill_loop(
    system: &mut System,
    load: &Load,
    kills: u32,
    expect: Expect,
) -> Vec<Violation> {
    let entropy = SeededEntropy::new(SEED);
    load.runs(|progress| {
        for _ in 0..kills {
            let more = usize::try_from(entropy.below(30)).unwrap_or(0);
            progress.waits_for_accepted(1 + more);
            system.kill();
            system.serve();
        }
        progress.waits_for_accepted(1);
        progress.stops_sending();
    });
    load.violations(expect)
}

#[test]
fn sqlite_keeps_every_promise_through_kills() {
    let mut system = SystemBuilder::new(BINARY, "crash-sqlite")
        .start()
        .expect("SQLite");
    let kills = rounds("LGSP_CRASH_ROUNDS", 10);
    let load = Load::new("crash-sqlite", system.agencies(4), SEED);
    let violations = kill_loop(&mut system, &load, kills, Expect::Drained);
    assert_eq!(violations, []);
}

#[test]
fn postgres_keeps_every_promise_through_kills() {
    let builder = SystemBuilder::new(BINARY, "crash-postgres").on_postgres();
    let Some(mut system) = builder.start() else {
        return skip("crash::postgres", "LGSP_TEST_POSTGRES is not set");
    };
    let kills = rounds("LGSP_CRASH_ROUNDS", 5);
    let load = Load::new("crash-postgres", system.agencies(4), SEED);
    let violations = kill_loop(&mut system, &load, kills, Expect::Drained);
    assert_eq!(violations, []);
}

/// A kill loses only what did not leave the process: the bug shows between the early answer and the first write. strace
/// stretches that moment.
#[test]
fn an_answer_before_the_commit_is_caught() {
    if !can_trace() {
        return skip(
            "crash::an_answer_before_the_commit_is_caught",
            "strace may not trace here",
        );
    }
    let mut system = SystemBuilder::new(BINARY, "crash-planted")
        .start()
        .expect("SQLite");
    let load = Load::new("crash-planted", system.agencies(4), SEED);
    system.kill();
    system.plants("AckBeforeCommit");
    system.runs_under(&[
        "strace",
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=pwrite64",
        "-e",
        "inject=pwrite64:delay_enter=2000",
    ]);
    system.serve();
    let violations = kill_loop(&mut system, &load, 3, Expect::Anything);
    assert!(
        violations.iter().any(|found| found.promise == "D1"),
        "{violations:?}"
    );
}

#[test]
fn a_row_without_its_file_is_caught() {
    let system = SystemBuilder::new(BINARY, "crash-blob")
        .with_planted("RowBeforeBlob")
        .start()
        .expect("SQLite");
    let agencies = system.agencies(2);
    let load = Load::new("crash-blob", agencies, SEED);
    let mut sender = load.agency(0);
    let letter = Letter {
        key: "large".to_owned(),
        recipients: vec!["H99.2".to_owned()],
        body: vec![7; 100_000],
    };
    send_until_known(&mut sender, &letter);
    let violations = load.violations(Expect::Anything);
    assert!(
        violations.iter().any(|found| found.promise == "D8"),
        "{violations:?}"
    );
}
