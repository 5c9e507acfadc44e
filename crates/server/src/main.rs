//! The program `lgsp`: the command line of the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    lgsp_server::run(std::env::args_os())
}
