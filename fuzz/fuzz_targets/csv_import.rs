//! Whatever the file: an import does not panic, refuses with a line or takes the file whole, and a file that was taken
//! changes nothing when it comes again.
#![no_main]

use std::sync::LazyLock;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::time::Timestamp;
use lgsp_registry::directory::Directory;
use lgsp_registry::import::{ImportOptions, ImportReport, plan};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

const BEFORE: &str = "code_qd20,code_qcvn102,name,kind,level,parent_code_qd20\n\
    H99,000.00.00.H99,UBND tỉnh Bình An,ubnd_tinh,1,\n\
    H99.01,,Sở Một,so,2,H99\n\
    H99.02,,Sở Hai,so,2,H99\n\
    H99.31,,UBND huyện Mẫu,ubnd_huyen,2,H99\n\
    H99.31.01,,UBND xã Mẫu,ubnd_xa,3,H99.31\n";

fn import(directory: &Directory, bytes: &[u8]) -> (ImportReport, Directory) {
    let entropy = SeededEntropy::new(1);
    let options = ImportOptions::default();
    // Another time for each state keeps ids apart although the entropy is the same.
    let now = Timestamp::from_micros(NOW.as_micros() + 1_000 * directory.version());
    let (report, changes) = plan(directory, bytes, options, now, &entropy, &mut |_, _| {});
    if !report.is_accepted() {
        assert!(changes.events.is_empty() && changes.organisations.is_empty());
    }
    (report, directory.after(changes))
}

static START: LazyLock<Directory> = LazyLock::new(|| {
    let (report, directory) = import(&Directory::default(), BEFORE.as_bytes());
    assert!(report.is_accepted(), "{report:?}");
    directory
});

fuzz_target!(|bytes: &[u8]| {
    let (first, directory) = import(&START, bytes);
    if !first.is_accepted() {
        assert!(first.to_problem().is_some());
        return;
    }
    assert_eq!(first.created + first.changed + first.unchanged, first.rows);
    let (second, _) = import(&directory, bytes);
    assert!(second.is_accepted(), "{second:?} after {first:?}");
    assert_eq!(second.unchanged, second.rows, "{second:?}");
    assert_eq!(second.events, 0);
});
