#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool that people and CI read"
)]

mod check;
mod generate;
mod harness;

use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  check                              Crate direction, licences, duplicates, files, limits, links, generated pages
  generate                           Write the pages that come from code
  fuzz [--seconds N] [TARGET]        Build and run the fuzz targets (default: all, 30 s each)
  crash [--rounds N] [--pg]          Long kill -9 loop over the real binary (default: 200 rounds)
  power-cut [--rounds N]             Cut the power under a file system while documents arrive (needs root)
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.split_first() {
        Some((&"check", [])) => check::run(&root()),
        Some((&"generate", [])) => generate::write(&root()),
        Some((&"fuzz", rest)) => harness::fuzz(&root(), rest),
        Some((&"crash", rest)) => harness::crash(&root(), rest),
        Some((&"power-cut", rest)) => harness::power_cut(&root(), rest),
        None | Some((&("help" | "-h" | "--help"), _)) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(_) => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}
