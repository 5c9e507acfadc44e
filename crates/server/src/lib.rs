#![doc = include_str!("../README.md")]

pub mod config;
pub mod data_folder;
pub mod exit;
pub mod init;
pub mod note_key;
pub mod serve;

pub mod compose;
pub mod directory;
mod dossiers;

pub mod ledger;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod proxies;
pub mod tasks;
mod transport;

pub mod client;
pub mod output;
pub mod portals;

pub mod demo;

pub mod witness;

mod adopt;
mod cli;

use std::ffi::OsString;
use std::process::ExitCode;

use lgsp_base::planted::Planted;

/// Runs a command line, the program's name first, and gives its exit code (ux.md §4.3).
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    run_with(args, Planted::NONE)
}

/// As [`run`], with deliberate faults switched on; for the test binary.
pub fn run_with(args: impl Iterator<Item = OsString>, planted: Planted) -> ExitCode {
    cli::run(args, planted).into()
}
