//! D10: after the first failed sync the store acknowledges nothing until it is opened anew.

use lgsp_tests::agency::{Letter, Outcome};
use lgsp_tests::faults::can_trace;
use lgsp_tests::history::Expect;
use lgsp_tests::load::Load;
use lgsp_tests::skip;
use lgsp_tests::system::{SystemBuilder, department};

use crate::BINARY;

/// Fails the `nth` sync of each thread, once; true if something was acknowledged after the first failure.
fn acknowledges_after_failure(nth: u32, planted: Option<&str>) -> bool {
    let name = format!("failed-sync-{nth}");
    let mut builder = SystemBuilder::new(BINARY, &name);
    if let Some(bug) = planted {
        builder = builder.with_planted(bug);
    }
    let mut system = builder.start().expect("SQLite");
    let load = Load::new(&name, system.agencies(2), 1);
    let mut sender = load.agency(0);
    system.kill();
    let inject = format!("inject=fsync,fdatasync:error=EIO:when={nth}");
    system.runs_under(&[
        "strace",
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        &inject,
    ]);
    // A start that fails is a good answer to a failed sync.
    if !system.tries_to_serve() {
        return false;
    }
    let mut has_failed = false;
    let mut is_late = false;
    for number in 0..nth + 12 {
        let is_large = number % 3 == 2;
        let letter = Letter {
            key: format!("key-{number}"),
            recipients: vec![department(2)],
            body: vec![number.to_le_bytes()[0]; if is_large { 80_000 } else { 500 }],
        };
        match sender.submits(&letter) {
            Outcome::Accepted(..) => is_late |= has_failed,
            Outcome::Refused(..) | Outcome::Unknown => has_failed = true,
        }
    }
    assert!(has_failed, "the injected failure was never met");
    system.kill();
    system.runs_under(&[]);
    system.serve();
    if planted.is_none() {
        assert_eq!(load.violations(Expect::Anything), []);
    }
    is_late
}

#[test]
fn nothing_is_acknowledged_after_a_failed_sync() {
    if !can_trace() {
        return skip("failed_sync", "strace may not trace here");
    }
    for nth in [1, 2, 3, 5, 8] {
        assert!(!acknowledges_after_failure(nth, None), "sync {nth}");
    }
}

#[test]
fn a_store_that_carries_on_is_caught() {
    if !can_trace() {
        return skip("failed_sync (planted)", "strace may not trace here");
    }
    assert!(acknowledges_after_failure(5, Some("RetryAfterFailedSync")));
}
