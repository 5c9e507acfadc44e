//! A rotation that stops at any step, once and again, leaves a log that the next call makes usable.

use lgsp_base::entropy::SeededEntropy;
use lgsp_store::StoreError;
use lgsp_store::testing::{TestDb, for_each_engine};
use lgsp_wire::record::Record;

use super::*;

const STEPS: [Step; 4] = [Step::Written, Step::Named, Step::Aside, Step::Settled];

/// A log with a key and an entry.
fn installation(test: &TestDb, name: &str) -> DataFolder {
    let folder = DataFolder::new(test.folder().join(name));
    folder.create().expect("a folder");
    let entropy = SeededEntropy::new(7);
    note_key::create(&folder.ledger_key(), "log/1", Algorithm::Ed25519, &entropy).expect("a key");
    folder
}

async fn appends(db: &Db) {
    let at = SystemClock::new().now();
    let written = db.write::<_, StoreError, _>("test", move |tx| {
        tx.ledger_append(at, "test.done", None, &Record::new(), [1; 32])
    });
    written.await.expect("stores");
}

/// The log as the platform opens it.
async fn opens(folder: &DataFolder, db: &Db) -> Result<Ledger, LedgerError> {
    match note_key::open(&folder.ledger_key(), Algorithm::Ed25519) {
        Ok(signer) => open(db, signer).await,
        // Between the two renamings.
        Err(_) => Err(LedgerError::KeyReplaced),
    }
}

/// On PostgreSQL the lease of the handle before runs out first.
async fn release(db: &Db) {
    let freed = db.write::<_, StoreError, _>("test", |tx| {
        tx.execute("UPDATE ledger_head SET sealer_until = 0", &[])
    });
    freed.await.expect("stores");
}

async fn stops_at(folder: &DataFolder, db: &Db, stop: Step) {
    release(db).await;
    let mut seen = Vec::new();
    let outcome = rotate(folder, db, &mut |step| {
        seen.push(step);
        anyhow::ensure!(step != stop, "cut off");
        Ok(())
    })
    .await;
    // A rotation that only had the files left to move does not come by the first steps.
    assert_eq!(outcome.is_err(), seen.contains(&stop), "{seen:?}");
}

/// The keys of the log, each with its private half still in the folder.
async fn keys(folder: &DataFolder, ledger: &Ledger) -> usize {
    let kept: Vec<String> = fs::read_dir(folder.keys())
        .expect("keys")
        .filter_map(|file| note_key::open(&file.expect("a file").path(), Algorithm::Ed25519).ok())
        .map(|signer| signer.key().to_string())
        .collect();
    let keys = ledger.keys().await.expect("reads");
    assert!(
        keys.iter().all(|key| kept.contains(&key.verifier)),
        "a private key is lost"
    );
    keys.len()
}

async fn is_sound(folder: &DataFolder, db: &Db) -> usize {
    let ledger = opens(folder, db).await.expect("the log opens");
    appends(db).await;
    release(db).await;
    ledger.seal().await.expect("seals").expect("a checkpoint");
    let report = ledger.fsck(|_| ()).await.expect("checks");
    assert_eq!(report.first_bad, None);
    keys(folder, &ledger).await
}

fn runs(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future);
}

#[test]
fn a_rotation_that_stops_twice_is_finished_by_the_next_call() {
    for first in STEPS {
        for second in STEPS {
            for_each_engine("rotate-steps", |test| {
                runs(async {
                    let db = test.db();
                    let folder = installation(test, "data");
                    is_sound(&folder, db).await;
                    stops_at(&folder, db, first).await;
                    match opens(&folder, db).await {
                        Ok(_) => assert!(matches!(first, Step::Written | Step::Settled)),
                        // Never a second history: the platform does not start, and says what to do.
                        Err(LedgerError::ForeignKey { .. }) => assert_eq!(first, Step::Named),
                        Err(_) => assert_eq!(first, Step::Aside),
                    }
                    stops_at(&folder, db, second).await;
                    release(db).await;
                    rotate(&folder, db, &mut |_| Ok(()))
                        .await
                        .expect("finished");
                    assert!(!note_key::exists(&coming(&folder)).expect("looked"));
                    assert!(is_sound(&folder, db).await >= 2);
                });
            });
        }
    }
}

#[test]
fn a_key_that_was_cut_off_while_it_was_written_is_made_anew() {
    let test = TestDb::sqlite("rotate-torn");
    runs(async {
        let (db, folder) = (test.db(), installation(&test, "data"));
        is_sound(&folder, db).await;
        let torn = b"PRIVATE+KEY+log/1+";
        folder
            .write_private(&coming(&folder), torn)
            .expect("written");
        rotate(&folder, db, &mut |_| Ok(())).await.expect("rotates");
        assert_eq!(is_sound(&folder, db).await, 2);
    });
}
