#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test kit fails its test by panicking"
)]

pub mod agency;
pub mod axis_rest;
pub mod browser;
pub mod canaries;
pub mod dossiers;
pub mod faults;
pub mod history;
pub mod http;
pub mod load;
pub mod login;
pub mod notaries;
pub mod receiver;
pub mod system;
pub mod vxp;

use std::io::Write as _;
use std::time::Duration;

use lgsp_base::Clock;
use lgsp_base::time::SystemClock;

/// Writes a line past the test harness, which would swallow it from a test that passes.
pub fn tell(line: &str) {
    // Nothing to do about a closed output.
    let _written = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Says in the output of `cargo test` that a test could not do its work here.
pub fn skip(test: &str, why: &str) {
    tell(&format!("SKIP {test}: {why}"));
}

/// Asks again and again until there is an answer, at most for `patience`; between two questions the thread rests a moment.
pub fn wait_for<T>(patience: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = SystemClock::new();
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        if clock.monotonic() > patience {
            return None;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The number of rounds of a loop test: a variable's value for the long form, a default for the quick one.
pub fn rounds(variable: &str, default: u32) -> u32 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}
