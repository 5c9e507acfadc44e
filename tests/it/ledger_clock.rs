//! A8 over the real binary: a clock behind the newest checkpoint is told everywhere, signs nothing, and is mended.

use std::time::Duration;

use lgsp_store::{Db, DbOptions, StoreError};
use lgsp_tests::agency::{Letter, Outcome};
use lgsp_tests::http::Http;
use lgsp_tests::load::send_until_known;
use lgsp_tests::login::{cookie, logs_in};
use lgsp_tests::system::{System, SystemBuilder, department, free_address};
use lgsp_tests::wait_for;
use serde_json::Value;

use crate::BINARY;

const PATIENCE: Duration = Duration::from_secs(60);
/// As if the last checkpoint had been signed under a clock that ran ten minutes ahead.
const AHEAD: i64 = 600_000_000;

/// Moves the time of the newest checkpoint of a stopped system.
fn shifts_checkpoints(system: &System, micros: i64) {
    let db = Db::open(DbOptions::new(lgsp_store::DbTarget::Sqlite {
        path: system.data.join("lgsp.db"),
    }))
    .expect("opens");
    let moved = db.write::<_, StoreError, _>("test", move |tx| {
        tx.execute(
            "UPDATE ledger_checkpoints SET at = at + $1",
            lgsp_store::params![micros],
        )
    });
    assert!(moved.wait().expect("stores") > 0);
    db.close();
}

/// The check of readiness by its name, if it is not well, and the status.
fn trouble(system: &System, name: &str) -> Option<(u16, String)> {
    let mut http = Http::new(system.address);
    let answer = http.call("GET", "/readyz", &[], b"").ok()?;
    let said = answer.json();
    let check = said["checks"]
        .as_array()?
        .iter()
        .find(|check| check["name"] == name && check["is_ok"] == false)?;
    Some((answer.status, check["reason"].as_str()?.to_owned()))
}

/// What the first page says to somebody who is logged in.
fn page(system: &System) -> String {
    let mut http = Http::new(system.address);
    let entered = logs_in(&mut http, system.admin_token(), &[]);
    let answer = http
        .call("GET", "/", &[("cookie", &cookie(&entered))], b"")
        .expect("a page");
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn receipt(system: &System, document: &str) -> (Option<i32>, Value) {
    let file = system.scratch().join("receipt").display().to_string();
    let output = system.runs(&["receipt", document, "--out", &file, "-o", "json"]);
    (
        output.status.code(),
        serde_json::from_slice(&output.stdout).unwrap_or_default(),
    )
}

/// A system whose newest checkpoint is from the future, started again; the first document in it.
fn behind(name: &str, planted: Option<&str>) -> (System, String) {
    let numbers = free_address();
    let builder =
        SystemBuilder::new(BINARY, name).with_setting("LGSP__ADMIN_LISTEN", &numbers.to_string());
    let mut system = builder.start().expect("SQLite");
    let mut agencies = system.agencies(2);
    let letter = |key: &str| Letter {
        key: key.to_owned(),
        recipients: vec![department(2)],
        body: key.as_bytes().to_vec(),
    };
    let document = send_until_known(&mut agencies[0], &letter("first"))
        .document()
        .to_owned();
    assert_eq!(receipt(&system, &document).0, Some(0));
    system.stop();
    shifts_checkpoints(&system, AHEAD);
    if let Some(bug) = planted {
        system.plants(bug);
    }
    system.spawn();
    // Documents are taken whatever the clock says.
    let last = wait_for(PATIENCE, || {
        let outcome = agencies[0].submits(&letter("second"));
        matches!(outcome, Outcome::Accepted(..)).then_some(())
    });
    assert!(last.is_some(), "{}", system.log());
    (system, document)
}

#[test]
fn a_clock_behind_the_newest_checkpoint_signs_nothing_until_it_is_accepted() {
    let (mut system, document) = behind("ledger-clock", None);
    let told = wait_for(PATIENCE, || trouble(&system, "clock")).expect("told");
    assert!(
        told.1.contains("behind (checkpoint): nothing is signed"),
        "{told:?}"
    );
    // Nothing is sealed: after some seconds that is a reason to take no work.
    let refused = wait_for(PATIENCE, || {
        trouble(&system, "ledger").filter(|(status, _)| *status == 503)
    });
    assert!(refused.is_some(), "{}", system.log());
    let (exit, said) = receipt(&system, &document);
    assert_ne!(exit, Some(0));
    assert_eq!(said["problem"]["code"], "ledger.clock", "{said}");
    assert!(
        page(&system).contains("checkpoint"),
        "every page tells of it"
    );
    system.stop();

    let data = system.data.display().to_string();
    let doctor = system.runs(&["doctor", "--data", &data]);
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        doctor.contains("behind (checkpoint)") && doctor.contains("accept-clock"),
        "{doctor}"
    );
    let accepted = system.runs(&["ledger", "accept-clock", "--data", &data]);
    assert!(accepted.status.success(), "{accepted:?}");
    system.serve();
    assert_eq!(trouble(&system, "clock"), None);
    assert_eq!(receipt(&system, &document).0, Some(0));
    system.stop();
    let fsck = system.runs(&["ledger", "fsck", "--data", &data]);
    assert!(fsck.status.success(), "{fsck:?}");
    let db = Db::open(DbOptions::new(lgsp_store::DbTarget::Sqlite {
        path: system.data.join("lgsp.db"),
    }))
    .expect("opens");
    let kinds = db.read::<_, StoreError, _>("test", |tx| tx.ledger_list(0, 1_000));
    let kinds: Vec<String> = kinds
        .wait()
        .expect("reads")
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    for kind in ["ledger.clock_stepped", "ledger.clock_accepted"] {
        assert!(kinds.iter().any(|known| known == kind), "{kind}");
    }
    db.close();
}

#[test]
fn signing_despite_the_skew_is_caught() {
    let (system, document) = behind("ledger-clock-bug", Some("SignDespiteSkew"));
    let signed = wait_for(PATIENCE, || {
        (receipt(&system, &document).0 == Some(0)).then_some(())
    });
    assert!(signed.is_some(), "the fault signs: {}", system.log());
    assert!(trouble(&system, "clock").is_some());
}
