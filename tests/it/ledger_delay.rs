//! "Within a second": the time from an entry to the checkpoint that covers it, over some hundreds of documents under load.

use std::time::Duration;

use lgsp_store::{Db, DbOptions, DbTarget, StoreError};
use lgsp_tests::http::Http;
use lgsp_tests::load::Load;
use lgsp_tests::system::{System, SystemBuilder, free_address};
use lgsp_tests::{tell, wait_for};

use crate::BINARY;

const SEED: u64 = 0x5eed_0a05;
const DOCUMENTS: usize = 300;
/// What is promised, for 95 of 100 entries; a machine that has other work may take a breath for the rest.
const PROMISED: Duration = Duration::from_secs(1);
/// What none may exceed.
const BREATH: Duration = Duration::from_secs(5);

/// Within this time also the planted sealer seals.
const LATE: Duration = Duration::from_secs(60);

/// How long each entry waited for its checkpoint, by the times recorded with both, shortest first. The entry's time is taken before its
/// transaction is durable, so that the answer came later and the wait
/// from there was shorter. One that has no checkpoint at all has waited for ever.
fn waits(system: &System) -> Vec<Duration> {
    let path = system.data.join("lgsp.db");
    let db = Db::open(DbOptions::new(DbTarget::Sqlite { path })).expect("opens");
    let waits = db.read::<_, StoreError, _>("test", |tx| {
        tx.query(
            "SELECT COALESCE(c.at - e.at, 9000000000000) FROM ledger_entries AS e
             LEFT JOIN ledger_runs AS r ON e.id >= r.first_id AND e.id < r.first_id + r.entries
             LEFT JOIN ledger_checkpoints AS c ON c.size = (SELECT MIN(size) FROM ledger_checkpoints
                 WHERE size > r.first_leaf + e.id - r.first_id)
             WHERE e.kind IN ('document.accepted', 'delivery.confirmed')
             ORDER BY 1",
            &[],
            |row| row.int(0),
        )
    });
    let waits = waits.wait().expect("reads");
    db.close();
    let wait = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    waits.into_iter().map(wait).collect()
}

/// Whether the promise held, and in words by how much.
fn judge(waits: &[Duration]) -> (bool, String) {
    let at = |hundredth: usize| waits[(waits.len() - 1) * hundredth / 100];
    let words = format!(
        "{} entries waited {} ms (half of them), {} ms (95 of 100), {} ms (the last)",
        waits.len(),
        at(50).as_millis(),
        at(95).as_millis(),
        at(100).as_millis()
    );
    (at(95) <= PROMISED && at(100) <= BREATH, words)
}

/// Agencies send to each other until enough was accepted; the numbers of the node afterwards.
fn loads(name: &str, planted: Option<&str>, documents: usize) -> (System, String) {
    let numbers = free_address();
    let mut builder =
        SystemBuilder::new(BINARY, name).with_setting("LGSP__ADMIN_LISTEN", &numbers.to_string());
    if let Some(bug) = planted {
        builder = builder.with_planted(bug);
    }
    let mut system = builder.start().expect("SQLite");
    // What comes before the first checkpoint is sealed with it, early or late.
    let first = grows(&system, None);
    let load = Load::new(name, system.agencies(4), SEED);
    load.runs(|progress| {
        progress.waits_for_accepted(documents);
        progress.stops_sending();
    });
    // A stop seals at once what waits; a late sealer does it by itself after a while.
    grows(&system, Some(&first));
    let page = Http::new(numbers).call("GET", "/metrics", &[], b"");
    let page = String::from_utf8_lossy(&page.expect("numbers").body).into_owned();
    system.stop();
    (system, page)
}

/// The newest checkpoint, if there is one.
fn checkpoint(system: &System) -> Option<Vec<u8>> {
    let answer = Http::new(system.address).call("GET", "/ledger/checkpoint", &[], b"");
    let answer = answer.expect("an answer");
    (answer.status == 200).then_some(answer.body)
}

/// Waits until the log has another checkpoint than this one.
fn grows(system: &System, seen: Option<&Vec<u8>>) -> Vec<u8> {
    let newer = || checkpoint(system).filter(|newest| Some(newest) != seen);
    wait_for(LATE, newer).expect("another checkpoint")
}

/// A number of the metrics page.
fn number(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap_or_else(|| panic!("{name} is not there:\n{page}"));
    value.trim().parse().expect("a number")
}

#[test]
fn a_checkpoint_covers_an_entry_within_a_second() {
    let (system, page) = loads("ledger-delay", None, DOCUMENTS);
    let waits = waits(&system);
    assert!(waits.len() >= DOCUMENTS);
    let (holds, words) = judge(&waits);
    tell(&format!("ledger_delay: {words}"));
    assert!(holds, "{words}");
    let name = "lgsp_ledger_checkpoint_delay_seconds";
    let count = number(&page, &format!("{name}_count"));
    let prompt = number(&page, &format!("{name}_bucket{{le=\"1.000\"}}"));
    assert!(count >= 1.0 && prompt / count >= 0.5, "{prompt} of {count}");
}

#[test]
fn a_sealer_that_takes_its_time_is_caught() {
    let (system, _) = loads("ledger-delay-bug", Some("SealLate"), 120);
    let (holds, words) = judge(&waits(&system));
    assert!(!holds, "{words}");
}
