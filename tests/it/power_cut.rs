//! D1: the power goes under the file system while documents arrive; what was acknowledged is there afterwards.
//!
//! Needs root, loop devices and ext4. Quick here; `cargo xtask power-cut --rounds N` is the long form.

use lgsp_base::Entropy;
use lgsp_base::entropy::SeededEntropy;
use lgsp_store::testing::Scratch;
use lgsp_tests::faults::LoopDisk;
use lgsp_tests::history::{Expect, Violation};
use lgsp_tests::load::Load;
use lgsp_tests::system::SystemBuilder;
use lgsp_tests::{rounds, skip};

use crate::BINARY;

const SEED: u64 = 0x5eed_0002;
const DISK_MIB: u32 = 512;

/// `None` if this machine cannot cut.
fn cut_loop(
    name: &str,
    planted: Option<&str>,
    cuts: u32,
    expect: Expect,
) -> Option<Vec<Violation>> {
    let scratch = Scratch::new(name);
    let disk = match LoopDisk::make(scratch.path(), DISK_MIB) {
        Ok(disk) => disk,
        Err(why) => {
            skip(name, &why);
            return None;
        }
    };
    let mut builder = SystemBuilder::new(BINARY, name).in_folder(&disk.mount.join("data"));
    if let Some(bug) = planted {
        builder = builder.with_planted(bug);
    }
    let mut system = builder.start().expect("SQLite");
    let entropy = SeededEntropy::new(SEED);
    let load = Load::new(name, system.agencies(4), SEED);
    load.runs(|progress| {
        for _ in 0..cuts {
            let more = usize::try_from(entropy.below(40)).unwrap_or(0);
            progress.waits_for_accepted(1 + more);
            disk.cuts_power_under(&mut system);
            system.serve();
        }
        progress.waits_for_accepted(1);
        progress.stops_sending();
    });
    let violations = load.violations(expect);
    drop(system);
    Some(violations)
}

#[test]
fn nothing_acknowledged_is_lost() {
    let cuts = rounds("LGSP_POWER_CUT_ROUNDS", 5);
    if let Some(violations) = cut_loop("power-cut", None, cuts, Expect::Drained) {
        assert_eq!(violations, []);
    }
}

#[test]
fn a_store_that_does_not_sync_is_caught() {
    if let Some(violations) = cut_loop("power-cut-planted", Some("NoSync"), 1, Expect::Anything) {
        assert!(
            violations.iter().any(|found| found.promise == "D1"),
            "{violations:?}"
        );
    }
}
