use std::time::Duration;

use super::*;
use crate::testing::{Scratch, TestDb};

const LATER: Timestamp = Timestamp::from_micros(i64::MAX);

fn open(scratch: &Scratch) -> Blobs {
    Blobs::open(scratch.path(), Planted::NONE).expect("opens")
}

fn count(folder: &Path) -> usize {
    files_in(folder).expect("reads").len()
}

#[test]
fn a_blob_reads_back_and_equal_content_is_one_file_per_owner() {
    let scratch = Scratch::new("blob-back");
    let blobs = open(&scratch);
    let first = blobs.put("org_a", b"content").expect("stores");
    let again = blobs.put("org_a", b"content").expect("stores");
    let other = blobs.put("org_b", b"content").expect("stores");
    assert_eq!(first, again);
    assert_ne!(first.name, other.name);
    assert_eq!(first.sha256, Sha256::of(b"content"));
    assert_eq!(first.bytes, 7);
    for blob in [&first, &other] {
        assert_eq!(
            blobs.read(&blob.name, blob.sha256, 7).expect("reads"),
            b"content"
        );
        assert_eq!(&blobs.check(&blob.name).expect("whole"), blob);
    }
    blobs.remove(&first.name).expect("removes");
    blobs.remove(&first.name).expect("twice");
    assert!(matches!(
        blobs.check(&first.name),
        Err(StoreError::Corrupt { .. })
    ));
    blobs.check(&other.name).expect("the other owner's stays");
    let empty = blobs.put("org_a", b"").expect("stores");
    assert_eq!(
        blobs.read(&empty.name, empty.sha256, 0).expect("reads"),
        b""
    );
}

#[test]
fn a_flipped_bit_or_another_length_is_never_served_to_the_end() {
    let scratch = Scratch::new("blob-flip");
    let blobs = open(&scratch);
    let content: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    let blob = blobs.put("org_a", &content).expect("stores");
    let path = blobs.path_of(&blob.name).expect("a path");
    let mut damaged = vec![content.clone(), content.clone(), content.clone()];
    damaged[0][70_000] ^= 4;
    damaged[1].truncate(99_999);
    damaged[2].push(0);
    for bytes in damaged {
        std::fs::write(&path, bytes).expect("damages");
        let mut reader = blobs.reader(&blob.name, blob.sha256).expect("opens");
        let mut served = Vec::new();
        let mut buffer = vec![0; 8192];
        let error = loop {
            match reader.read(&mut buffer) {
                Ok(0) => panic!("served to the end"),
                Ok(count) => served.extend_from_slice(&buffer[..count]),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(served.len() < content.len());
        assert!(reader.read(&mut buffer).is_err(), "and never afterwards");
        assert!(matches!(
            blobs.check(&blob.name),
            Err(StoreError::Corrupt { .. })
        ));
        assert!(matches!(
            blobs.read(&blob.name, blob.sha256, 1 << 20),
            Err(StoreError::Corrupt { .. })
        ));
    }
    blobs.put("org_a", &content).expect("sent again");
    blobs.check(&blob.name).expect("mended by the repetition");
}

#[test]
fn an_unfinished_blob_leaves_nothing_and_a_crash_leaves_what_is_swept() {
    let scratch = Scratch::new("blob-crash");
    let blobs = open(&scratch);
    let unfinished = scratch.path().join("v1/tmp");
    let mut writer = blobs.create("org_a").expect("begins");
    writer.write(b"half").expect("writes");
    assert_eq!(count(&unfinished), 1);
    drop(writer);
    assert_eq!(count(&unfinished), 0);

    // A crash drops nothing: the file stays, under a name that this process would take next.
    let next = blobs.inner.next.load(Ordering::Relaxed);
    std::fs::write(
        unfinished.join(format!("{}-{next}", std::process::id())),
        b"left",
    )
    .expect("leaves");
    let blob = blobs.put("org_a", b"whole").expect("stores beside it");
    assert_eq!(count(&unfinished), 1);
    let young = blobs.sweep::<StoreError>(Timestamp::from_micros(0), |_| Ok(false));
    assert_eq!(young.expect("sweeps"), Swept::default());
    let known = blob.name.clone();
    let swept = blobs.sweep::<StoreError>(LATER, move |name| Ok(name == known));
    let expected = Swept {
        orphans: 0,
        unfinished: 1,
    };
    assert_eq!(swept.expect("sweeps"), expected);
    blobs.check(&blob.name).expect("a known blob stays");
    let swept = blobs
        .sweep::<StoreError>(LATER, |_| Ok(false))
        .expect("sweeps");
    assert_eq!(swept.orphans, 1);
    assert!(blobs.check(&blob.name).is_err());
}

#[test]
fn an_orphan_that_is_stored_anew_during_the_sweep_survives() {
    let scratch = Scratch::new("blob-race");
    let blobs = open(&scratch);
    let blob = blobs.put("org_a", b"content").expect("stores");
    let path = blobs.path_of(&blob.name).expect("a path");
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    File::open(&path)
        .expect("opens")
        .set_modified(old)
        .expect("ages");
    let swept = blobs.sweep::<StoreError>(Timestamp::from_millis(2_000_000), |_| {
        blobs.put("org_a", b"content").map(|_| false)
    });
    assert_eq!(swept.expect("sweeps").orphans, 0);
    blobs.check(&blob.name).expect("is there");
}

#[test]
fn names_cannot_leave_the_folder() {
    let scratch = Scratch::new("blob-names");
    let blobs = open(&scratch);
    let digest = Sha256::of(b"x").to_string();
    for owner in ["", "tmp", "..", "a/b", "A", ".", &"a".repeat(65)] {
        assert!(
            matches!(blobs.create(owner), Err(StoreError::BlobName { .. })),
            "{owner}"
        );
    }
    for name in [
        "../../etc/passwd".to_owned(),
        format!("org_a/../{digest}"),
        format!("org_a/zz/{digest}"),
        format!("org_a/{}/{}", &digest[..2], digest.to_uppercase()),
        format!("org_a/{}/{digest}/x", &digest[..2]),
    ] {
        let opened = blobs.reader(&name, Sha256::of(b"x"));
        assert!(matches!(opened, Err(StoreError::BlobName { .. })), "{name}");
    }
}

#[test]
fn a_failed_sync_stops_blobs_and_database() {
    let test = TestDb::sqlite("blob-poison");
    let blobs = Blobs::beside(test.db(), test.folder()).expect("opens");
    let half = blobs.create("org_a").expect("before");
    let failed = blobs.synced(Err(std::io::Error::from(std::io::ErrorKind::Other)));
    assert!(matches!(failed, Err(StoreError::Poisoned)));
    assert!(matches!(half.finish(), Err(StoreError::Poisoned)));
    assert!(matches!(blobs.create("org_a"), Err(StoreError::Poisoned)));
    let written = test.db().write("test", |tx| tx.counter_bump("a")).wait();
    assert!(matches!(written, Err(StoreError::Poisoned)));
    assert_eq!(test.db().health(), crate::Health::Poisoned);
    let read = test.db().read("test", |tx| tx.counter_get("a")).wait();
    assert_eq!(read.expect("reading goes on"), 0);
}
