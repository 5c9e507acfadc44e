//! D1: the power goes under the file system while documents arrive; what was acknowledged is there afterwards.
//!
//! Needs root, loop devices and ext4. Quick here; `cargo xtask power-cut --rounds N` is the long form.

use lgsp_base::Entropy;
use lgsp_base::entropy::SeededEntropy;
use lgsp_store::testing::Scratch;
use lgsp_tests::faults::LoopDisk;
use lgsp_tests::history::Expect;
use lgsp_tests::load::Load;
use lgsp_tests::system::{System, SystemBuilder};
use lgsp_tests::{rounds, skip};

use crate::BINARY;

const SEED: u64 = 0x5eed_0002;
const DISK_MIB: u32 = 512;

/// A system on a disk whose power can be cut, with four agencies; `None` if this machine cannot make one.
fn on_disk(name: &str) -> Option<(Scratch, LoopDisk, System, Load)> {
    let scratch = Scratch::new(name);
    let disk = match LoopDisk::make(scratch.path(), DISK_MIB) {
        Ok(disk) => disk,
        Err(why) => {
            skip(name, &why);
            return None;
        }
    };
    let system = SystemBuilder::new(BINARY, name)
        .in_folder(&disk.mount.join("data"))
        .start()
        .expect("SQLite");
    let load = Load::new(name, system.agencies(4), SEED);
    Some((scratch, disk, system, load))
}

#[test]
fn nothing_acknowledged_is_lost() {
    let Some((_scratch, disk, mut system, load)) = on_disk("power-cut") else {
        return;
    };
    let entropy = SeededEntropy::new(SEED);
    load.runs(|progress| {
        for _ in 0..rounds("LGSP_POWER_CUT_ROUNDS", 5) {
            let more = usize::try_from(entropy.below(40)).unwrap_or(0);
            progress.waits_for_accepted(1 + more);
            disk.cuts_power_under(&mut system);
            system.serve();
        }
        progress.waits_for_accepted(1);
        progress.stops_sending();
    });
    assert_eq!(load.violations(Expect::Drained), []);
    system.kill();
}

#[test]
fn a_store_that_does_not_sync_is_caught() {
    let Some((_scratch, disk, mut system, load)) = on_disk("power-cut-planted") else {
        return;
    };
    system.kill();
    system.plants("NoSync");
    system.serve();
    let mut is_broken = false;
    load.runs(|progress| {
        progress.waits_for_accepted(40);
        disk.cuts_power_under(&mut system);
        progress.stops_sending();
        // A database that no longer opens is caught, too.
        is_broken = !system.tries_to_serve();
    });
    if !is_broken {
        let violations = load.violations(Expect::Anything);
        assert!(
            violations.iter().any(|found| found.promise == "D1"),
            "{violations:?}"
        );
    }
    system.kill();
}
