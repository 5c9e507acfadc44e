//! The program `lgsp`: the command line of the library.

use std::process::ExitCode;

/// Requests are made by one thread and freed by another; the system's allocator spends a tenth of the time of a document on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lgsp_server::run(std::env::args_os())
}
