//! Whole-system tests, one file per promise or door. `cargo xtask check` sees that no file is left out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod axis;
mod axis_rest;
mod bit_flip;
mod cli;
mod console;
mod console_follow;
mod console_pages;
mod console_proxy;
mod console_reach;
mod console_resend;
mod console_walk;
mod crash;
mod demo;
mod disk_full;
mod dossier_secrets;
mod dossiers;
mod exactly_once;
mod example_client;
mod failed_sync;
mod large_body;
mod ledger;
mod ledger_clock;
mod ledger_delay;
mod ledger_effects;
mod ledger_foreign;
mod ledger_secrets;
mod ledger_timestamp;
mod lost_answer;
mod power_cut;
mod webhook;

/// The product with deliberate faults compiled in.
const BINARY: &str = env!("CARGO_BIN_EXE_lgsp-under-test");
