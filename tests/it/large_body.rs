//! A large body passes in flat memory, in and out.

use std::io::Write as _;

use lgsp_tests::http::Http;
use lgsp_tests::rounds;
use lgsp_tests::system::{SystemBuilder, department};

use crate::BINARY;

/// Growth of resident memory that is no copy of the body.
const GROWTH_KIB_MAX: u64 = 32 * 1024;
const PIECE: usize = 256 * 1024;

#[test]
fn a_large_body_passes_in_flat_memory() {
    let system = SystemBuilder::new(BINARY, "large-body")
        .start()
        .expect("SQLite");
    let mut agencies = system.agencies(2);
    let mib = u64::from(rounds("LGSP_LARGE_BODY_MIB", 96));
    let before = system.memory_peak_kib();
    let mut http = Http::new(system.address);
    let bearer = agencies[0].bearer().to_owned();
    let fields = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/octet-stream"),
        ("idempotency-key", "large"),
    ];
    let path = format!(
        "/api/v1/documents?from={}&to={}",
        department(1),
        department(2)
    );
    let answer = http
        .call_streaming("POST", &path, &fields, mib * 1024 * 1024, |out| {
            let piece = vec![0x5a; PIECE];
            for _ in 0..mib * 4 {
                out.write_all(&piece)?;
            }
            Ok(())
        })
        .expect("an answer");
    assert_eq!(answer.status, 202, "{}", answer.json());
    let document = answer.json()["id"].as_str().expect("an id").to_owned();
    let content = agencies[1]
        .content(&document)
        .expect("an answer")
        .expect("served");
    assert_eq!(content.len() as u64, mib * 1024 * 1024);
    let growth = system.memory_peak_kib() - before;
    assert!(
        growth <= GROWTH_KIB_MAX,
        "{growth} KiB for a body of {mib} MiB"
    );
}
