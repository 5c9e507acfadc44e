//! What stands beside the tree: keys, cosignatures, timestamps, receipts, erasures.

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, ReceiptId};
use lgsp_store::ledger::{
    Fault, KEY_ROTATED, KnownCheckpoint, Ledger, LedgerError, RECORD_ERASED, Side, Subject,
};
use lgsp_store::testing::for_each_engine;
use lgsp_store::{Db, StoreError, Tx};
use lgsp_wire::record::Record;
use lgsp_wire::tlog::checkpoint::{Checkpoint, cosign, verify_cosignature};
use lgsp_wire::tlog::merkle::{node_hash, verify_consistency};
use lgsp_wire::tlog::note::{Algorithm, Signature, SignedNote, Signer as _, SoftSigner};
use lgsp_wire::tlog::receipt;
use lgsp_wire::tlog::timestamp::{Certificate, Token, imprint_of};

use super::ledger::{append, clock, config, open, signer, wait};

/// A token of OpenSSL's `ts` over the checkpoint of the first ten entries.
const TOKEN: &[u8] = include_bytes!("../fixtures/timestamp/ten.tst");
/// The authority's certificate.
const AUTHORITY: &[u8] = include_bytes!("../fixtures/timestamp/authority.der");

fn witness(seed: u8) -> SoftSigner {
    SoftSigner::from_seed("witness.example/w1", Algorithm::CosignatureV1, &[seed; 32])
        .expect("a key")
}

fn write<T: Send + 'static>(
    db: &Db,
    closure: impl FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    db.write("test", closure).wait().expect("stores")
}

fn note(ledger: &Ledger, size: u64) -> SignedNote {
    let checkpoint = wait(ledger.checkpoint_at(size)).expect("reads");
    SignedNote::parse(&checkpoint.expect("there").note).expect("a note")
}

fn line(ledger: &Ledger, size: u64, seed: u8) -> Signature {
    cosign(&note(ledger, size).text, &witness(seed), 1_800_000_000).expect("signs")
}

fn seal(ledger: &Ledger) -> u64 {
    wait(ledger.seal()).expect("seals").expect("something").size
}

fn first_bad(ledger: &Ledger) -> Option<Fault> {
    let report = wait(ledger.fsck(|_| ())).expect("checks");
    report.first_bad.map(|bad| bad.fault)
}

#[test]
fn a_key_is_followed_by_the_one_it_names() {
    for_each_engine("ledger-rotate", |test| {
        let clock = clock();
        let ledger = open(test.db(), &clock);
        append(test.db(), 0, 10);
        seal(&ledger);
        let stored = wait(ledger.rotate(signer(2), "operator")).expect("rotates");
        assert_eq!((stored.number, stored.from_size), (2, 11));
        assert_eq!(ledger.verifier_key(), *signer(2).key());
        assert_eq!(seal(&ledger), 11, "the change of key is an entry");
        let told = wait(ledger.leaves(10, 1)).expect("reads").remove(0).entry;
        assert_eq!(told.kind, KEY_ROTATED);
        assert!(Checkpoint::open(&note(&ledger, 10), signer(1).key()).is_ok());
        assert!(Checkpoint::open(&note(&ledger, 11), signer(2).key()).is_ok());
        assert_eq!(first_bad(&ledger), None);
        // The old key opens the log no more, and a node that still has it cannot sign.
        let old = wait(Ledger::open(test.db().clone(), clock.clone(), config(1)));
        assert!(matches!(old, Err(LedgerError::ForeignKey { .. })));
        let again = wait(Ledger::open(test.db().clone(), clock.clone(), config(2)));
        let again = again.expect("the new key opens it");
        wait(again.rotate(signer(3), "operator")).expect("rotates");
        append(test.db(), 10, 12);
        clock.advance(lgsp_base::limits::SEAL_LEASE);
        let replaced = wait(ledger.seal());
        assert!(
            matches!(replaced, Err(LedgerError::KeyReplaced)),
            "{replaced:?}"
        );
        seal(&again);
        let keys = wait(again.keys()).expect("reads");
        assert_eq!(keys.len(), 3);
        assert_eq!(first_bad(&again), None);
        let same = wait(again.rotate(signer(3), "operator"));
        assert!(
            matches!(same, Err(LedgerError::Sign(_))),
            "a key does not follow itself"
        );
        write(test.db(), |tx| {
            tx.execute("UPDATE ledger_keys SET from_size = 5 WHERE number = 2", &[])
        });
        assert_eq!(first_bad(&again), Some(Fault::Key));
    });
}

#[test]
fn a_cosignature_is_kept_if_it_fits_and_shown_with_the_checkpoint() {
    for_each_engine("ledger-cosign", |test| {
        let ledger = open(test.db(), &clock());
        append(test.db(), 0, 10);
        seal(&ledger);
        append(test.db(), 10, 20);
        seal(&ledger);
        let key = witness(1).key().clone();
        let fitting = line(&ledger, 20, 1);
        let foreign = wait(ledger.add_cosignature(10, &fitting, &key));
        assert!(matches!(foreign, Err(LedgerError::Cosignature(_))));
        let nowhere = wait(ledger.add_cosignature(15, &fitting, &key));
        assert!(matches!(
            nowhere,
            Err(LedgerError::NoCheckpoint { size: 15 })
        ));
        for _ in 0..2 {
            wait(ledger.add_cosignature(20, &fitting, &key)).expect("fits");
        }
        let shown = note(&ledger, 20);
        assert_eq!(shown.signatures.len(), 2);
        assert!(verify_cosignature(&shown.text, &shown.signatures[1], &key).is_ok());
        let state = wait(ledger.witness_state(key.name())).expect("reads");
        let state = state.expect("known");
        assert_eq!((state.size, state.failure), (20, None));
        wait(ledger.note_witness_failure(key.name(), None, "no answer")).expect("notes");
        wait(ledger.note_witness_failure("other", Some(7), "knows less")).expect("notes");
        let states = wait(ledger.witnesses()).expect("reads");
        assert_eq!((states[0].name.as_str(), states[0].size), ("other", 7));
        assert_eq!(states[1].failure.as_deref(), Some("no answer"));
        assert_eq!((states[1].size, first_bad(&ledger)), (20, None));
        // The number of witnesses is bounded.
        for seed in 2.. {
            let added =
                wait(ledger.add_cosignature(20, &line(&ledger, 20, seed), witness(seed).key()));
            match added {
                Ok(()) => assert!(seed < 40),
                Err(error) => {
                    assert!(matches!(error, LedgerError::TooManyCosignatures));
                    break;
                }
            }
        }
        write(test.db(), |tx| {
            tx.execute(
                "UPDATE ledger_cosignatures SET size = 15 WHERE size = 20",
                &[],
            )
        });
        assert_eq!(first_bad(&ledger), Some(Fault::Evidence));
    });
}

#[test]
fn a_timestamp_is_kept_if_its_authority_stamped_the_checkpoint() {
    for_each_engine("ledger-stamp", |test| {
        let ledger = open(test.db(), &clock());
        append(test.db(), 0, 10);
        seal(&ledger);
        append(test.db(), 10, 12);
        seal(&ledger);
        let imprint = imprint_of(&note(&ledger, 10).text).to_string();
        assert_eq!(
            imprint, "096ae966e0637f0f7e39669dabb37e57f7c46f26fe7e90d8b403d183fbc44ec5",
            "the token was made for this checkpoint"
        );
        let token = Token::parse(TOKEN).expect("a token");
        let authority = Certificate::parse(AUTHORITY).expect("a certificate");
        assert_eq!(wait(ledger.newest_timestamp()).expect("reads"), None);
        let other = wait(ledger.add_timestamp(12, &token, None, &authority));
        assert!(matches!(other, Err(LedgerError::Timestamp(_))));
        let stored = wait(ledger.add_timestamp(10, &token, None, &authority)).expect("fits");
        wait(ledger.add_timestamp(10, &token, None, &authority)).expect("once more");
        let newest = wait(ledger.newest_timestamp()).expect("reads");
        assert_eq!(newest.as_ref(), Some(&stored));
        let proof = wait(ledger.proof(3)).expect("reads").expect("there");
        assert_eq!(proof.timestamp, newest);
        let report = wait(ledger.fsck(|_| ())).expect("checks");
        assert_eq!((report.first_bad, report.timestamps), (None, 1));
        // A receipt rests on the stamped checkpoint, not on the newest.
        let receipt = ReceiptId::from_bits(1);
        let bundle = wait(ledger.receipt_bundle(Subject::Receipt(receipt)));
        let bundle = bundle.expect("reads").expect("there");
        assert!(bundle.parts().timestamp.is_some());
        let verdict = receipt::verify(&bundle.encode(), Some(signer(1).key()));
        assert!(verdict.is_valid() && verdict.is_pinned(), "{verdict:?}");
        write(test.db(), |tx| {
            tx.execute("UPDATE ledger_timestamps SET gen_time = gen_time + 1", &[])
        });
        assert_eq!(first_bad(&ledger), Some(Fault::Evidence));
    });
}

#[test]
fn a_receipt_proves_its_entry_to_a_stranger_also_after_a_change_of_key() {
    for_each_engine("ledger-receipt", |test| {
        let ledger = open(test.db(), &clock());
        // Every second entry has a receipt: entry n has the id n + 1.
        append(test.db(), 0, 5);
        let subject = Subject::Receipt(ReceiptId::from_bits(5));
        let early = wait(ledger.receipt_bundle(subject));
        assert!(matches!(early, Err(LedgerError::NotSealed)), "{early:?}");
        let unknown = Subject::Receipt(ReceiptId::from_bits(1_000));
        assert_eq!(wait(ledger.receipt_bundle(unknown)).expect("reads"), None);
        let unknown = Subject::Document(DocumentId::from_bits(1));
        assert_eq!(wait(ledger.receipt_bundle(unknown)).expect("reads"), None);
        seal(&ledger);
        append(test.db(), 5, 300);
        seal(&ledger);
        let first_key = ledger.verifier_key();
        wait(ledger.rotate(signer(2), "operator")).expect("rotates");
        append(test.db(), 300, 310);
        let size = seal(&ledger);
        assert_eq!(wait(ledger.leaf_of(subject)).expect("reads"), Some(4));
        let check = |with_witness: bool| {
            let bundle = wait(ledger.receipt_bundle(subject)).expect("reads");
            let bundle = bundle.expect("there").encode();
            for key in [Some(&first_key), Some(signer(2).key()), None] {
                let verdict = receipt::verify(&bundle, key);
                assert!(verdict.is_valid(), "{verdict:?}");
                assert_eq!(verdict.is_pinned(), key.is_some());
            }
            assert!(!receipt::verify(&bundle, Some(signer(3).key())).is_valid());
            let bundle = receipt::Bundle::decode(&bundle).expect("canonical");
            assert_eq!(bundle.parts().witnesses.len(), usize::from(with_witness));
        };
        check(false);
        wait(ledger.add_cosignature(size, &line(&ledger, size, 1), witness(1).key()))
            .expect("fits");
        check(true);
        write(test.db(), |tx| {
            tx.execute("UPDATE ledger_receipts SET leaf = 6 WHERE leaf = 4", &[])
        });
        let moved = wait(ledger.receipt_bundle(subject));
        assert!(matches!(moved, Err(LedgerError::Damaged(_))), "{moved:?}");
        assert_eq!(first_bad(&ledger), Some(Fault::Receipt));
    });
}

#[test]
fn a_proof_leads_from_the_leaf_to_the_root_and_consistency_from_one_to_the_other() {
    for_each_engine("ledger-proof", |test| {
        let ledger = open(test.db(), &clock());
        append(test.db(), 0, 200);
        seal(&ledger);
        append(test.db(), 200, 333);
        let size = seal(&ledger);
        for leaf in [0, 1, 255, 256, 300, 332] {
            let proof = wait(ledger.proof(leaf)).expect("reads").expect("there");
            assert_eq!((proof.sealed.leaf, proof.checkpoint.size), (leaf, size));
            let root = proof
                .path
                .iter()
                .fold(proof.leaf_hash, |hash, step| match step.side {
                    Side::Left => node_hash(&step.hash, &hash),
                    Side::Right => node_hash(&hash, &step.hash),
                });
            assert_eq!(root, proof.checkpoint.root);
        }
        assert_eq!(wait(ledger.proof(size)).expect("reads"), None);
        let old = wait(ledger.checkpoint_at(200))
            .expect("reads")
            .expect("there");
        let new = wait(ledger.checkpoint()).expect("reads").expect("there");
        let proof = wait(ledger.consistency(200, size)).expect("reads");
        verify_consistency(200, &old.root, size, &new.root, &proof.expect("possible"))
            .expect("consistent");
        assert_eq!(
            wait(ledger.consistency(200, size + 1)).expect("reads"),
            None
        );
        assert_eq!(wait(ledger.consistency(201, 200)).expect("reads"), None);
        let mut seen = Vec::new();
        let known = vec![KnownCheckpoint {
            size: old.size,
            root: old.root,
        }];
        let report = wait(ledger.fsck_against(known, |step| seen.push(step.leaves)));
        assert_eq!(report.expect("checks").first_bad, None);
        assert_eq!(seen, [size]);
    });
}

#[test]
fn an_erased_record_keeps_its_proof_and_its_erasure_is_a_leaf() {
    for_each_engine("ledger-erase", |test| {
        let ledger = open(test.db(), &clock());
        append(test.db(), 0, 10);
        seal(&ledger);
        let erase = |row: i64| {
            write(test.db(), move |tx| {
                tx.ledger_erase(
                    row,
                    Timestamp::from_millis(9),
                    "operator",
                    "ordered",
                    [4; 32],
                )
            })
        };
        let before = wait(ledger.proof(4)).expect("reads").expect("there");
        let told = erase(5).expect("an entry");
        assert_eq!(erase(5), None, "once");
        assert_eq!(first_bad(&ledger), None, "its entry waits to be sealed");
        seal(&ledger);
        assert_eq!(first_bad(&ledger), None);
        let after = wait(ledger.proof(4)).expect("reads").expect("there");
        assert!(after.sealed.entry.is_erased() && after.sealed.entry.is_intact());
        assert_eq!(after.leaf_hash, before.leaf_hash);
        let entry = wait(ledger.leaves(10, 1)).expect("reads").remove(0).entry;
        assert_eq!((entry.id, entry.kind.as_str()), (told, RECORD_ERASED));
        let record = Record::decode(&entry.record).expect("a record");
        let commitment = before.sealed.entry.commitment.to_string();
        assert_eq!(record.text("commitment"), Some(commitment.as_str()));
        assert_eq!(erase(told), None, "what tells of an erasure stays");
        let receipt = Subject::Receipt(ReceiptId::from_bits(5));
        let erased = wait(ledger.receipt_bundle(receipt));
        assert!(matches!(erased, Err(LedgerError::Erased)));
        append(test.db(), 10, 20);
        seal(&ledger);
        write(test.db(), |tx| {
            tx.execute(
                "UPDATE ledger_entries SET record = NULL, salt = NULL WHERE id = 2",
                &[],
            )
        });
        assert_eq!(first_bad(&ledger), Some(Fault::EntryErased));
    });
}
