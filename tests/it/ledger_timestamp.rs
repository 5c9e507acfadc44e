//! A7: time stamps of an authority made of OpenSSL, and what is said when it goes away.

use std::time::Duration;

use lgsp_store::{Db, DbOptions, DbTarget, StoreError};
use lgsp_tests::agency::{Agency, Letter};
use lgsp_tests::http::{Answer, Http};
use lgsp_tests::load::send_until_known;
use lgsp_tests::notaries::Authority;
use lgsp_tests::system::{System, SystemBuilder, department, free_address};
use lgsp_tests::{skip, wait_for};
use serde_json::Value;

use crate::BINARY;

const PATIENCE: Duration = Duration::from_secs(60);

fn sends(agency: &mut Agency, key: &str) -> String {
    let letter = Letter {
        key: key.to_owned(),
        recipients: vec![department(2)],
        body: key.as_bytes().to_vec(),
    };
    send_until_known(agency, &letter).document().to_owned()
}

/// How the check of a name ended in the receipt of a document, once it holds.
fn stamped(system: &System, document: &str) -> bool {
    let file = system.scratch().join("stamped").display().to_string();
    let held = wait_for(PATIENCE, || {
        let fetched = system.runs(&["receipt", document, "--out", &file]);
        let said = system.runs(&["verify", &file, "-o", "json"]);
        let said: Value = serde_json::from_slice(&said.stdout).ok()?;
        let is_stamped = said["checks"]
            .as_array()?
            .iter()
            .any(|check| check["name"] == "receipt.timestamp" && check["outcome"] == "holds");
        (fetched.status.success() && said["valid"] == true && is_stamped).then_some(())
    });
    held.is_some()
}

fn ready(system: &System) -> Value {
    let mut http = Http::new(system.address);
    let answer = http.call("GET", "/readyz", &[], b"").expect("an answer");
    assert_eq!(
        answer.status,
        200,
        "stamps are no condition of work: {}",
        answer.json()
    );
    answer.json()
}

#[test]
fn receipts_are_stamped_and_an_outage_is_told() {
    let mut system = SystemBuilder::new(BINARY, "ledger-stamps")
        .start()
        .expect("SQLite");
    let mut authority = match Authority::start(&system.scratch().join("authority")) {
        Ok(authority) => authority,
        Err(why) => return skip("ledger_timestamp", &why),
    };
    let numbers = free_address();
    system.stop();
    system.sets("LGSP__LEDGER__TIMESTAMP_URL", &authority.url());
    system.sets("LGSP__LEDGER__TIMESTAMP_CA", &authority.certificate());
    system.sets("LGSP__LEDGER__TIMESTAMP_EVERY_SECONDS", "10");
    system.sets(
        "LGSP__OUTBOUND__ALLOW",
        &format!("127.0.0.1/32:{}", authority.address.port()),
    );
    system.sets("LGSP__ADMIN_LISTEN", &numbers.to_string());
    let folder = system.data.display().to_string();
    let checked = system.runs(&["config", "check", "--data", &folder]);
    assert!(checked.status.success(), "{checked:?}");
    system.serve();
    let mut agencies = system.agencies(2);
    let first = sends(&mut agencies[0], "stamped");
    assert!(stamped(&system, &first), "{}", system.log());
    assert_eq!(ready(&system)["status"], "ok");

    authority.kill();
    sends(&mut agencies[0], "unstamped");
    let told = wait_for(PATIENCE, || {
        let said = ready(&system);
        let checks = said["checks"].as_array()?.clone();
        let check = checks
            .into_iter()
            .find(|check| check["name"] == "timestamp")?;
        (said["status"] == "degraded" && check["is_ok"] == false).then_some(check)
    });
    let told = told.unwrap_or_else(|| panic!("{}", system.log()));
    assert!(
        told["reason"]
            .as_str()
            .unwrap_or_default()
            .contains("no time stamp"),
        "{told}"
    );
    let page = Http::new(numbers)
        .call("GET", "/metrics", &[], b"")
        .expect("numbers");
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert!(
        page.contains("\nlgsp_ledger_timestamp_countdown_seconds "),
        "{page}"
    );
    let doctor = system.runs(&["doctor"]);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("timestamp"));

    authority.serve();
    let second = sends(&mut agencies[0], "stamped again");
    assert!(stamped(&system, &second), "{}", system.log());
    let well = wait_for(PATIENCE, || {
        (ready(&system)["status"] == "ok").then_some(())
    });
    assert!(well.is_some(), "{}", ready(&system));
}

#[test]
fn a_stamp_by_a_stranger_is_not_taken() {
    let mut system = SystemBuilder::new(BINARY, "ledger-stranger")
        .start()
        .expect("SQLite");
    let folder = system.scratch().to_path_buf();
    let trusted = Authority::start(&folder.join("trusted"));
    let stranger = Authority::start(&folder.join("stranger"));
    let (trusted, stranger) = match (trusted, stranger) {
        (Ok(trusted), Ok(stranger)) => (trusted, stranger),
        (Err(why), _) | (_, Err(why)) => return skip("ledger_timestamp", &why),
    };
    system.stop();
    system.sets("LGSP__LEDGER__TIMESTAMP_URL", &stranger.url());
    system.sets("LGSP__LEDGER__TIMESTAMP_CA", &trusted.certificate());
    system.sets(
        "LGSP__OUTBOUND__ALLOW",
        &format!("127.0.0.1/32:{}", stranger.address.port()),
    );
    system.serve();
    let mut agencies = system.agencies(2);
    sends(&mut agencies[0], "k");
    let told = wait_for(PATIENCE, || {
        (ready(&system)["status"] == "degraded").then_some(())
    });
    assert!(told.is_some(), "{}", system.log());
    assert!(
        system.whole_log().contains("the timestamp does not fit"),
        "{}",
        system.log()
    );
}

/// A setting in which the authority has been away for longer than is allowed as soon as it does not answer.
fn overdue(system: &System) {
    let path = system.data.join("lgsp.db");
    let db = Db::open(DbOptions::new(DbTarget::Sqlite { path })).expect("opens");
    let moved = db.write::<_, StoreError, _>("test", |tx| {
        let hour = 3_600_000_000_i64;
        tx.execute(
            "UPDATE ledger_timestamps SET at = at - $1",
            lgsp_store::params![hour],
        )
    });
    assert!(moved.wait().expect("stores") > 0);
    db.close();
}

/// Documents that are stored, of a stopped system.
fn stored(system: &System) -> i64 {
    let path = system.data.join("lgsp.db");
    let db = Db::open(DbOptions::new(DbTarget::Sqlite { path })).expect("opens");
    let count = db.read::<_, StoreError, _>("test", |tx| {
        tx.query_one("SELECT COUNT(*) FROM documents", &[], |row| row.int(0))
    });
    let count = count.wait().expect("reads");
    db.close();
    count
}

/// Hands a document in, once.
fn tries(agency: &Agency, key: &str) -> Answer {
    let path = format!("/documents?from={}&to={}", agency.code, department(2));
    let fields = [
        ("content-type", "application/octet-stream"),
        ("idempotency-key", key),
    ];
    // The connection of before is gone with the process.
    let answer = agency.twin().calls("POST", &path, &fields, key.as_bytes());
    answer.expect("an answer")
}

#[test]
fn an_outage_beyond_the_limit_refuses_documents_where_that_is_set_and_stores_nothing() {
    let mut system = SystemBuilder::new(BINARY, "ledger-stop")
        .start()
        .expect("SQLite");
    let mut authority = match Authority::start(&system.scratch().join("authority")) {
        Ok(authority) => authority,
        Err(why) => return skip("ledger_timestamp", &why),
    };
    system.stop();
    let port = authority.address.port();
    for (name, value) in [
        ("LGSP__LEDGER__TIMESTAMP_URL", authority.url()),
        ("LGSP__LEDGER__TIMESTAMP_CA", authority.certificate()),
        ("LGSP__LEDGER__TIMESTAMP_EVERY_SECONDS", "10".to_owned()),
        ("LGSP__LEDGER__ON_TIMESTAMP_OUTAGE", "stop".to_owned()),
        ("LGSP__LEDGER__STOP_AFTER_SECONDS", "300".to_owned()),
        ("LGSP__OUTBOUND__ALLOW", format!("127.0.0.1/32:{port}")),
    ] {
        system.sets(name, &value);
    }
    system.serve();
    let mut agencies = system.agencies(2);
    let first = sends(&mut agencies[0], "stamped");
    assert!(stamped(&system, &first), "{}", system.log());
    authority.kill();
    sends(&mut agencies[0], "within the limit");
    system.stop();
    overdue(&system);
    let before = stored(&system);

    system.serve();
    let closed = wait_for(PATIENCE, || {
        let refused = ready(&system)["checks"].as_array()?.iter().any(|check| {
            check["reason"]
                .as_str()
                .unwrap_or_default()
                .contains("are refused")
        });
        refused.then_some(())
    });
    assert!(closed.is_some(), "{}", system.log());
    let refused = tries(&agencies[0], "refused");
    let told = (refused.status, refused.code());
    assert_eq!(told, (503, "ledger.timestamp_missing".to_owned()));
    assert_eq!(refused.field("retry-after"), Some("60"));
    assert!(refused.json()["fix"].is_string(), "{}", refused.json());
    system.stop();
    assert_eq!(stored(&system), before, "a refused document left something");

    authority.serve();
    system.serve();
    // The same key, as the answer says: it is no repetition, because nothing was kept.
    let taken = wait_for(PATIENCE, || {
        let answer = tries(&agencies[0], "refused");
        (answer.status / 100 == 2 && answer.field("idempotency-replayed").is_none()).then_some(())
    });
    assert!(taken.is_some(), "{}", system.log());
    system.stop();
    assert_eq!(stored(&system), before + 1);
}
