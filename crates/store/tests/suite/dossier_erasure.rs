//! The end of a dossier, and keys that change under dossiers in use.

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::{DossierFileId, ReceiptId};
use lgsp_base::{Sha256, limits};
use lgsp_store::dossier::{
    Dossier, DossierFile, DossierKey, DossierMessage, DossierStep, FileKind, LookFilter,
    MessageKind, NewLook,
};
use lgsp_store::seal::{DataKey, KeyRing, PersonHash, Place};
use lgsp_store::testing::{Scratch, TestDb, for_each_engine};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::DossierStatus;

use crate::dossier_world::{at, document_id, dossier, dossier_id, insert, org, push, write};

/// A dossier with everything that a dossier can have.
fn full(tx: &mut Tx<'_>, number: u32) -> Result<Dossier, StoreError> {
    let person = PersonHash([u8::try_from(number).expect("small"); 32]);
    let new = Dossier {
        person: Some(person),
        keep_until: Some(at(100 + i64::from(number))),
        ..dossier(number)
    };
    insert(tx, &new)?;
    tx.dossier_person_put(person, new.id, at(1))?;
    tx.dossier_step_insert(
        new.id,
        &DossierStep {
            seq: 1,
            at: at(1),
            status: DossierStatus::Processing,
            org: org(1),
            document: document_id(u128::from(number)),
            text_sealed: Some(vec![1; 40]),
            started_at: None,
            due_at: None,
        },
    )?;
    let blob = format!("org_a/ab/{number}");
    for (version, blob) in [(1u128, None), (2, Some(blob.as_str()))] {
        let document = document_id(u128::from(number) * 10 + version);
        let body = blob.is_none().then_some([5u8; 34].as_slice());
        push(tx, document, blob, body)?;
        let message = DossierMessage {
            version: i64::try_from(version).expect("small"),
            document,
            kind: MessageKind::Dossier,
            sender: org(1),
            status: DossierStatus::Processing,
            at: at(1),
        };
        tx.dossier_message_insert(new.id, &message)?;
    }
    tx.dossier_file_insert(&DossierFile {
        id: DossierFileId::from_bits(number.into()),
        dossier: new.id,
        kind: FileKind::Result,
        name_sealed: Some(vec![1]),
        media_type: "application/pdf".to_owned(),
        bytes: 5,
        sha256: Sha256::of(b"x"),
        blob: Some(format!("org_a/cd/{number}")),
        source_url_sealed: Some(vec![2]),
        created_at: at(1),
    })?;
    tx.dossier_look_insert(&NewLook {
        dossier: new.id,
        actor: "operator me",
        org: None,
        purpose: "handling",
        receipt: None,
        at: at(3),
    })?;
    Ok(new)
}

#[test]
fn an_erased_dossier_leaves_its_proof_and_nothing_it_said() {
    for_each_engine("dossier-erase", |test| {
        write(test.db(), |tx| {
            let (gone, kept) = (full(tx, 1)?, full(tx, 2)?);
            let receipt = ReceiptId::from_bits(8);
            let erase = |tx: &mut Tx<'_>| {
                tx.dossier_erase(gone.id, "me", "retention_ended", Some(receipt), at(200))
            };
            let erased = erase(tx)?.expect("erased");
            assert_eq!(erased.documents, [document_id(11), document_id(12)]);
            assert_eq!(erased.blobs, ["org_a/cd/1", "org_a/ab/1"]);
            let expected = Dossier {
                person: None,
                keep_until: None,
                erased_at: Some(at(200)),
                erasure_receipt: Some(receipt),
                ..gone.clone()
            };
            assert_eq!(erased.dossier, expected);
            assert_eq!(erase(tx)?, None, "once");
            assert_eq!(
                tx.dossier_erase(dossier_id(9), "me", "x", None, at(1))?,
                None
            );

            assert_eq!(tx.dossier_content(gone.id)?, None);
            assert_eq!(tx.dossier_steps(gone.id, 0, 9)?[0].text_sealed, None);
            assert!(
                tx.dossier_list_by_person(PersonHash([1; 32]), None, 9)?
                    .is_empty()
            );
            let file = tx
                .dossier_file(DossierFileId::from_bits(1))?
                .expect("there");
            assert_eq!(
                (file.blob, file.name_sealed, file.source_url_sealed),
                (None, None, None)
            );
            assert_eq!(
                file.sha256,
                Sha256::of(b"x"),
                "the digest proves what was there"
            );
            for number in [11, 12] {
                let document = tx.document_lookup(document_id(number))?.expect("there");
                assert_eq!((document.blob, document.content_bytes), (None, 5));
                assert_eq!(tx.document_body(document_id(number))?, None);
                let erasure = tx.document_erasure(document_id(number))?.expect("noted");
                assert_eq!(
                    (erasure.at, erasure.reason.as_str()),
                    (at(200), "retention_ended")
                );
            }
            for blob in ["org_a/ab/1", "org_a/cd/1"] {
                assert!(!tx.blob_is_known(blob)?, "{blob}");
            }
            let looks = tx.dossier_looks(LookFilter::Dossier(gone.id), None, 9)?;
            assert_eq!(looks.len(), 1, "who looked stays");
            let next = Dossier { version: 2, ..gone };
            assert!(!tx.dossier_update(&next)?, "nothing moves it any more");

            assert!(tx.dossier_content(kept.id)?.is_some());
            assert!(tx.blob_is_known("org_a/ab/2")? && tx.blob_is_known("org_a/cd/2")?);
            assert_eq!(
                tx.dossier_list_by_person(PersonHash([2; 32]), None, 9)?,
                [kept.id]
            );
            assert_eq!(tx.dossier_lookup(kept.id)?, Some(kept));
            Ok(())
        });
    });
}

#[test]
fn what_is_to_be_erased_is_listed_by_its_time() {
    for_each_engine("dossier-ended", |test| {
        write(test.db(), |tx| {
            for number in [3, 1, 2] {
                full(tx, number)?;
            }
            insert(tx, &dossier(4))?;
            let due = |number: u32| (at(100 + i64::from(number)), dossier_id(number.into()));
            assert_eq!(tx.dossier_list_ended(at(102), None, 9)?, [due(1), due(2)]);
            assert_eq!(tx.dossier_list_ended(at(999), Some(due(1)), 1)?, [due(2)]);
            tx.dossier_erase(dossier_id(2), "me", "retention_ended", None, at(200))?;
            assert_eq!(tx.dossier_list_ended(at(999), None, 9)?, [due(1), due(3)]);
            Ok(())
        });
    });
}

/// One page of wrapping again; the place of the next one.
fn rewrap(
    test: &TestDb,
    ring: &KeyRing,
    after: Option<(u32, lgsp_base::id::DossierId)>,
    limit: usize,
) -> Option<(u32, lgsp_base::id::DossierId)> {
    let ring = ring.clone();
    write(test.db(), move |tx| {
        let page = tx.dossier_key_page(ring.current_number(), after, limit)?;
        for (id, wrapped) in &page {
            let key = ring.unwrap_key(Place::Key(*id), wrapped)?;
            let again = ring.wrap(
                Place::Key(*id),
                &key,
                &SeededEntropy::new(wrapped.number.into()),
            )?;
            assert!(tx.dossier_key_replace(*id, wrapped.number, &again)?);
        }
        Ok(page.last().map(|(id, wrapped)| (wrapped.number, *id)))
    })
}

fn prune(test: &TestDb, ring: &KeyRing, hours: u32) -> (Vec<u32>, Vec<u32>) {
    let is_used = |number| {
        test.db()
            .read::<_, StoreError, _>("key_is_used", move |tx| tx.dossier_key_is_used(number))
            .wait()
    };
    let now = at(0).plus(limits::KEY_SUPERSEDED_MIN * hours);
    let pruned = ring.prune(now, is_used).expect("prunes");
    (pruned.removed, pruned.used)
}

#[test]
fn a_rotation_that_stops_between_pages_goes_on_and_loses_no_dossier() {
    for_each_engine("dossier-rotate", |test| {
        let scratch = Scratch::new("dossier-rotate-keys");
        let path = scratch.path().join("dossier.key");
        let entropy = SeededEntropy::new(5);
        let ring = KeyRing::create(&path, at(0), &entropy).expect("a ring");
        let make = {
            let ring = ring.clone();
            move |numbers: std::ops::RangeInclusive<u32>| {
                let ring = ring.clone();
                move |tx: &mut Tx<'_>| {
                    for number in numbers.clone() {
                        let new = dossier(number);
                        let entropy = SeededEntropy::new(number.into());
                        let key = DataKey::generate(&entropy)?;
                        let wrapped = ring.wrap(Place::Key(new.id), &key, &entropy)?;
                        let content = key.seal(Place::Content(new.id), b"said", &entropy)?;
                        assert!(tx.dossier_insert(&new, &wrapped, b"", &content)?);
                    }
                    Ok(())
                }
            }
        };
        write(test.db(), make(1..=10));
        ring.append(at(0), &entropy).expect("appends");
        write(test.db(), make(11..=12));
        assert_eq!(prune(test, &ring, 5), (vec![], vec![1]), "in use");

        // Two pages, then the node stops; another key comes, and a new node begins from the start.
        let place = rewrap(test, &ring, None, 3);
        rewrap(test, &ring, place, 3);
        assert_eq!(prune(test, &ring, 5), (vec![], vec![1]), "half is in use");
        test.reopen().expect("opens again");
        let ring = KeyRing::open(&path).expect("opens again");
        ring.append(at(0), &entropy).expect("appends");
        let mut place = None;
        loop {
            place = rewrap(test, &ring, place, 4);
            if place.is_none() {
                break;
            }
        }
        let older = write(test.db(), |tx| tx.dossier_key_count_older(3, 99));
        assert_eq!(older, 0);
        assert_eq!(prune(test, &ring, 5), (vec![1, 2], vec![]));
        let ring = KeyRing::open(&path).expect("opens again");
        assert_eq!(ring.numbers(), [3]);
        write(test.db(), move |tx| {
            for number in 1..=12 {
                let id = dossier_id(number);
                let content = tx.dossier_content(id)?.expect("there");
                let key = ring.unwrap_key(Place::Key(id), &content.key)?;
                let said = key.open(Place::Content(id), &content.content_sealed)?;
                assert_eq!(said.expose(), b"said");
            }
            Ok(())
        });
    });
}

#[test]
fn a_data_key_that_was_written_over_does_not_open() {
    let scratch = Scratch::new("dossier-shred-keys");
    let entropy = SeededEntropy::new(6);
    let path = scratch.path().join("dossier.key");
    let ring = KeyRing::create(&path, at(0), &entropy).expect("a ring");
    let key = DataKey::generate(&entropy).expect("a key");
    let place = Place::Key(dossier_id(1));
    let wrapped = ring.wrap(place, &key, &entropy).expect("wraps");
    for sealed in [vec![0; wrapped.sealed.len()], Vec::new()] {
        let shredded = DossierKey {
            number: wrapped.number,
            sealed,
        };
        assert!(ring.unwrap_key(place, &shredded).is_err());
    }
}
