//! The long-running harnesses: fuzzing, the kill loop and the power cut. The quick forms run in `cargo test`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// What `cargo fuzz` would pass: coverage for libFuzzer on the stable compiler, with debug assertions and overflow checks.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1";

/// Builds the fuzz targets and runs each for a while over its committed corpus.
pub(crate) fn fuzz(root: &Path, args: &[&str]) -> Result<()> {
    let (seconds, rest) = number(args, "--seconds", 30)?;
    let folder = root.join("fuzz");
    let mut targets = target_names(&folder)?;
    match rest.as_slice() {
        [] => {}
        [wanted] => targets.retain(|name| name == wanted),
        _ => bail!("fuzz takes one TARGET or none"),
    }
    ensure!(!targets.is_empty(), "no such fuzz target");
    let platform = host_platform()?;
    let target_dir = folder.join("target");
    run(Command::new(cargo())
        .args(["build", "--release", "--bins", "--target", &platform])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("RUSTFLAGS", COVERAGE)
        .current_dir(&folder))?;
    for name in &targets {
        println!("fuzz {name}: {seconds} s");
        // New finds go to a folder of their own; the committed corpus is read only.
        let finds = folder.join("corpus-local").join(name);
        let crashes = folder.join("artifacts").join(name);
        std::fs::create_dir_all(&finds)?;
        std::fs::create_dir_all(&crashes)?;
        let mut command = Command::new(target_dir.join(&platform).join("release").join(name));
        command
            .arg(format!("-max_total_time={seconds}"))
            // Promise P1, with room for a busy machine.
            .args([
                "-max_len=20000",
                "-timeout=5",
                "-rss_limit_mb=512",
                "-verbosity=0",
                "-print_final_stats=1",
            ])
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .arg(&finds)
            .current_dir(&folder);
        let corpus = folder.join("corpus").join(name);
        if corpus.is_dir() {
            command.arg(corpus);
        }
        run(&mut command).with_context(|| format!("fuzz target {name}"))?;
    }
    Ok(())
}

/// Kills the real binary again and again while documents arrive, and checks the history (D1, D2, D8, D13).
pub(crate) fn crash(root: &Path, args: &[&str]) -> Result<()> {
    let (rounds, rest) = number(args, "--rounds", 200)?;
    let engine = match rest.as_slice() {
        [] => "sqlite",
        ["--pg"] => {
            ensure!(
                std::env::var_os("LGSP_TEST_POSTGRES").is_some(),
                "--pg needs LGSP_TEST_POSTGRES, the address of a server where databases may be created"
            );
            "postgres"
        }
        _ => bail!("crash takes --rounds N and --pg"),
    };
    whole_system_test(
        root,
        &format!("crash::{engine}_"),
        "LGSP_CRASH_ROUNDS",
        rounds,
    )
}

/// Cuts the power under a loop-mounted file system again and again, and checks the history (D1).
pub(crate) fn power_cut(root: &Path, args: &[&str]) -> Result<()> {
    let (rounds, rest) = number(args, "--rounds", 100)?;
    ensure!(rest.is_empty(), "power-cut takes --rounds N");
    whole_system_test(root, "power_cut::", "LGSP_POWER_CUT_ROUNDS", rounds)
}

fn whole_system_test(root: &Path, filter: &str, variable: &str, rounds: u64) -> Result<()> {
    run(Command::new(cargo())
        .args([
            "test",
            "--package",
            "lgsp-tests",
            "--test",
            "it",
            "--",
            filter,
        ])
        .args(["--nocapture", "--test-threads=1"])
        .env(variable, rounds.to_string())
        .current_dir(root))
}

/// The value behind `flag`, and the words that are left.
fn number<'a>(args: &[&'a str], flag: &str, default: u64) -> Result<(u64, Vec<&'a str>)> {
    let mut value = default;
    let mut rest = Vec::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if *word == flag {
            let text = words.next().with_context(|| format!("{flag} N"))?;
            value = text.parse().with_context(|| format!("{flag} {text}"))?;
        } else {
            rest.push(*word);
        }
    }
    Ok((value, rest))
}

fn target_names(folder: &Path) -> Result<Vec<String>> {
    let targets = folder.join("fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&targets).with_context(|| targets.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn host_platform() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc names no host")
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| command.get_program().to_string_lossy().into_owned())?;
    ensure!(
        status.success(),
        "{} ended with {status}",
        command.get_program().to_string_lossy()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_in_any_order() {
        let (value, rest) = number(&["edxml", "--seconds", "5"], "--seconds", 30).expect("valid");
        assert_eq!((value, rest), (5, vec!["edxml"]));
        assert_eq!(number(&[], "--rounds", 7).expect("valid").0, 7);
        assert!(number(&["--rounds"], "--rounds", 7).is_err());
        assert!(number(&["--rounds", "x"], "--rounds", 7).is_err());
    }
}
