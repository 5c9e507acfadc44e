//! Dossiers, what they say, who takes part, what became of them.

use lgsp_base::Sha256;
use lgsp_base::id::{DossierFileId, ReceiptId, SystemId};
use lgsp_store::Engine;
use lgsp_store::dossier::{
    Dossier, DossierFile, DossierKey, DossierLetter, DossierMessage, DossierParty, DossierStep,
    FileKind, LookFilter, MessageKind, NewLook, PartyRole, RouteKind,
};
use lgsp_store::exchange::DocumentKind;
use lgsp_store::seal::PersonHash;
use lgsp_store::testing::for_each_engine;
use lgsp_wire::dossier::DossierStatus;

use crate::dossier_world::{at, document_id, dossier, dossier_id, insert, key, org, push, write};

#[test]
fn a_dossier_comes_back_as_it_was_stored() {
    for_each_engine("dossier-row", |test| {
        write(test.db(), |tx| {
            let full = Dossier {
                handling: Some(org(2)),
                paused_at: Some(at(5)),
                paused_working_seconds: 60,
                finished_at: Some(at(6)),
                closed_at: Some(at(7)),
                source_system: Some(SystemId::from_bits(9)),
                person: Some(PersonHash([3; 32])),
                keep_until: Some(at(99)),
                ..dossier(1)
            };
            insert(tx, &full)?;
            assert_eq!(tx.dossier_lookup(full.id)?, Some(full.clone()));
            assert_eq!(tx.dossier_by_code(&full.code_key)?, Some(full.clone()));
            assert_eq!(tx.dossier_hold(&full.code_key)?, Some(full.clone()));
            assert_eq!(tx.dossier_lookup(dossier_id(2))?, None);
            assert_eq!(tx.dossier_hold("unknown")?, None);
            let same_code = Dossier {
                id: dossier_id(2),
                ..full
            };
            assert!(!tx.dossier_insert(&same_code, &key(1), b"", b"")?);
            assert_eq!(tx.dossier_content(dossier_id(2))?, None);
            assert_eq!(tx.dossier_count()?, 1);
            Ok(())
        });
    });
}

#[test]
fn every_status_comes_back() {
    for_each_engine("dossier-status", |test| {
        write(test.db(), |tx| {
            for (status, number) in DossierStatus::ALL.into_iter().zip(1..) {
                let new = Dossier {
                    status,
                    channel: None,
                    ..dossier(number)
                };
                insert(tx, &new)?;
                assert_eq!(tx.dossier_lookup(new.id)?, Some(new));
                assert_eq!(tx.dossier_count_in(status, 5)?, 1);
            }
            let open = tx.dossier_count_open()?;
            assert_eq!(open.len(), 10);
            assert_eq!(open[9], (DossierStatus::Returned, 1));
            Ok(())
        });
    });
}

#[test]
fn a_push_moves_a_dossier_from_the_version_before_it_and_no_other() {
    for_each_engine("dossier-version", |test| {
        write(test.db(), |tx| {
            let first = dossier(1);
            insert(tx, &first)?;
            let second = Dossier {
                status: DossierStatus::Processing,
                handling: Some(org(3)),
                is_open: false,
                due_effective_at: Some(at(77)),
                version: 2,
                updated_at: at(50),
                ..first.clone()
            };
            assert!(tx.dossier_update(&second)?);
            assert!(!tx.dossier_update(&second)?, "it is at version 2 already");
            let fourth = Dossier {
                version: 4,
                ..second.clone()
            };
            assert!(!tx.dossier_update(&fourth)?, "version 3 was never there");
            assert_eq!(tx.dossier_lookup(first.id)?, Some(second.clone()));
            let repeated = tx.query_one(
                "SELECT is_open, due_at, updated_at FROM dossier_parties",
                &[],
                |row| Ok((row.flag(0)?, row.opt_time(1)?, row.time(2)?)),
            )?;
            assert_eq!(repeated, (false, Some(at(77)), at(50)), "as parties see it");
            tx.dossier_content_update(first.id, b"s2", b"c2")?;
            let content = tx.dossier_content(first.id)?.expect("there");
            assert_eq!(content.key, key(1));
            assert_eq!(content.summary_sealed, b"s2");
            assert_eq!(content.content_sealed, b"c2");
            Ok(())
        });
    });
}

#[test]
fn two_first_pushes_of_one_code_at_once_have_one_winner() {
    for_each_engine("dossier-race", |test| {
        let db = test.db();
        let winners: usize = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8u128)
                .map(|number| {
                    scope.spawn(move || {
                        let new = Dossier {
                            id: dossier_id(number),
                            ..dossier(1)
                        };
                        usize::from(write(db, move |tx| {
                            tx.dossier_insert(&new, &key(1), b"", b"")
                        }))
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().expect("races"))
                .sum()
        });
        assert_eq!(winners, 1);
    });
}

#[test]
fn pushes_at_once_about_one_dossier_come_one_after_the_other() {
    for_each_engine("dossier-hold", |test| {
        let db = test.db();
        write(db, |tx| insert(tx, &dossier(1)));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    write(db, |tx| {
                        let code = dossier(1).code_key;
                        let held = tx.dossier_hold(&code)?.expect("there");
                        let next = Dossier {
                            version: held.version + 1,
                            ..held
                        };
                        assert!(tx.dossier_update(&next)?, "nobody came between");
                        Ok(())
                    });
                });
            }
        });
        let moved = write(db, |tx| tx.dossier_lookup(dossier_id(1)));
        assert_eq!(moved.expect("there").version, 9);
    });
}

#[test]
fn parties_steps_and_pushes_are_kept_in_their_order() {
    for_each_engine("dossier-history", |test| {
        write(test.db(), |tx| {
            let first = dossier(1);
            insert(tx, &first)?;
            tx.dossier_party_put(&first, org(5), PartyRole::Follower, at(3))?;
            tx.dossier_party_put(&first, org(5), PartyRole::Handling, at(4))?;
            let party = |org, role, since| DossierParty { org, role, since };
            assert_eq!(
                tx.dossier_parties(first.id)?,
                [
                    party(org(1), PartyRole::Owner, at(1)),
                    party(org(5), PartyRole::Handling, at(3)),
                ]
            );
            assert_eq!(
                tx.dossier_party(first.id, org(5))?,
                Some(PartyRole::Handling)
            );
            assert_eq!(tx.dossier_party(first.id, org(6))?, None);

            assert_eq!(tx.dossier_step_next(first.id)?, 1);
            let step = |seq| DossierStep {
                seq,
                at: at(seq),
                status: DossierStatus::Processing,
                org: org(1),
                document: document_id(1),
                text_sealed: Some(vec![1, 2]),
                started_at: Some(at(1)),
                due_at: None,
            };
            for seq in 1..=3 {
                tx.dossier_step_insert(first.id, &step(seq))?;
            }
            assert_eq!(tx.dossier_step_next(first.id)?, 4);
            assert_eq!(tx.dossier_steps(first.id, 1, 1)?, [step(2)]);
            assert_eq!(tx.dossier_steps(first.id, 0, 9)?.len(), 3);

            let message = |version: i64| DossierMessage {
                version,
                document: document_id(version.unsigned_abs().into()),
                kind: MessageKind::Progress,
                sender: org(1),
                status: DossierStatus::Processing,
                at: at(version),
            };
            tx.dossier_message_insert(first.id, &message(1))?;
            tx.dossier_message_insert(first.id, &message(2))?;
            assert_eq!(tx.dossier_messages(first.id, 1, 9)?, [message(2)]);
            assert_eq!(tx.dossier_by_document(document_id(2))?, Some((first.id, 2)));
            assert_eq!(tx.dossier_by_document(document_id(3))?, None);
            Ok(())
        });
    });
}

#[test]
fn a_person_finds_who_looked_also_at_dossiers_that_no_longer_tell_of_it() {
    for_each_engine("dossier-looks", |test| {
        write(test.db(), |tx| {
            for number in 1..=3 {
                insert(tx, &dossier(number))?;
            }
            let (one, other) = (PersonHash([1; 32]), PersonHash([2; 32]));
            tx.dossier_person_put(one, dossier_id(1), at(1))?;
            tx.dossier_person_put(one, dossier_id(1), at(2))?;
            tx.dossier_person_put(one, dossier_id(3), at(1))?;
            tx.dossier_person_put(other, dossier_id(2), at(1))?;
            assert_eq!(
                tx.dossier_list_by_person(one, None, 9)?,
                [dossier_id(3), dossier_id(1)]
            );
            assert_eq!(
                tx.dossier_list_by_person(one, Some(dossier_id(3)), 9)?,
                [dossier_id(1)]
            );
            let look = |number| NewLook {
                dossier: dossier_id(number),
                actor: "system sys_x",
                org: Some(org(4)),
                purpose: "handling",
                receipt: Some(ReceiptId::from_bits(number)),
                at: at(9),
            };
            let ids = [
                tx.dossier_look_insert(&look(1))?,
                tx.dossier_look_insert(&look(2))?,
                tx.dossier_look_insert(&look(3))?,
            ];
            let of = |looks: Vec<lgsp_store::dossier::DossierLook>| {
                looks.iter().map(|look| look.id).collect::<Vec<_>>()
            };
            let person = LookFilter::Person(one);
            let looks = tx.dossier_looks(person, None, 9)?;
            assert_eq!(looks[0].code, dossier(3).code);
            assert_eq!(looks[0].org, Some(org(4)));
            assert_eq!(looks[0].receipt, Some(ReceiptId::from_bits(3)));
            assert_eq!(of(looks), [ids[2], ids[0]]);
            assert_eq!(of(tx.dossier_looks(person, Some(ids[2]), 9)?), [ids[0]]);
            let at_second = LookFilter::Dossier(dossier_id(2));
            assert_eq!(of(tx.dossier_looks(at_second, None, 9)?), [ids[1]]);
            Ok(())
        });
    });
}

fn file(number: u128, blob: Option<&str>) -> DossierFile {
    DossierFile {
        id: DossierFileId::from_bits(number),
        dossier: dossier_id(1),
        kind: FileKind::Paper,
        name_sealed: Some(vec![1]),
        media_type: "application/pdf".to_owned(),
        bytes: 5,
        sha256: Sha256::of(b"x"),
        blob: blob.map(str::to_owned),
        source_url_sealed: blob.is_none().then(|| vec![2]),
        created_at: at(1),
    }
}

#[test]
fn files_are_known_to_the_sweeper_and_fetched_once() {
    for_each_engine("dossier-files", |test| {
        write(test.db(), |tx| {
            let (stored, remote) = (file(1, Some("org_a/ab/abc")), file(2, None));
            tx.dossier_file_insert(&stored)?;
            tx.dossier_file_insert(&remote)?;
            assert_eq!(tx.dossier_file(stored.id)?, Some(stored.clone()));
            assert_eq!(tx.dossier_file(DossierFileId::from_bits(3))?, None);
            let files = tx.dossier_files(dossier_id(1), None, 9)?;
            assert_eq!(files, [stored.clone(), remote.clone()]);
            let files = tx.dossier_files(dossier_id(1), Some(stored.id), 9)?;
            assert_eq!(files.as_slice(), std::slice::from_ref(&remote));
            assert!(tx.blob_is_known("org_a/ab/abc")?);
            assert!(!tx.blob_is_known("org_a/cd/cde")?);
            let digest = Sha256::of(b"y");
            assert!(tx.dossier_file_fetched(remote.id, "org_a/cd/cde", 9, digest)?);
            assert!(!tx.dossier_file_fetched(remote.id, "org_a/ef/efg", 9, digest)?);
            assert!(!tx.dossier_file_fetched(stored.id, "org_a/ef/efg", 9, digest)?);
            assert!(tx.blob_is_known("org_a/cd/cde")?);
            push(tx, document_id(1), Some("org_a/99/999"), None)?;
            assert!(tx.blob_is_known("org_a/99/999")?);
            let contents = tx.document_contents(document_id(0), 9)?;
            assert_eq!(contents[0].kind, DocumentKind::Dossier);
            Ok(())
        });
    });
}

#[test]
fn routes_are_there_once() {
    for_each_engine("dossier-routes", |test| {
        write(test.db(), |tx| {
            let put = |tx: &mut lgsp_store::Tx<'_>, kind, value: &'static str| {
                tx.dossier_route_insert(kind, value, "H99.02", at(1), "me")
            };
            assert!(put(tx, RouteKind::Procedure, "2.000488")?);
            assert!(!put(tx, RouteKind::Procedure, "2.000488")?);
            assert!(put(tx, RouteKind::All, "")?);
            let routes = tx.dossier_routes(9)?;
            assert_eq!(routes.len(), 2);
            assert_eq!(
                (routes[0].kind, routes[1].kind),
                (RouteKind::All, RouteKind::Procedure)
            );
            assert_eq!(routes[1].value, "2.000488");
            assert!(tx.dossier_route_remove(RouteKind::All, "", "H99.02")?);
            assert!(!tx.dossier_route_remove(RouteKind::All, "", "H99.02")?);
            Ok(())
        });
    });
}

#[test]
fn data_keys_are_wrapped_again_page_by_page() {
    for_each_engine("dossier-keys", |test| {
        write(test.db(), |tx| {
            for number in 1..=5 {
                insert(tx, &dossier(number))?;
            }
            assert!(tx.dossier_key_page(1, None, 9)?.is_empty());
            assert_eq!(tx.dossier_key_count_older(2, 3)?, 3);
            assert_eq!(tx.dossier_key_count_older(2, 9)?, 5);
            let page = tx.dossier_key_page(2, None, 2)?;
            assert_eq!(page[0], (dossier_id(1), key(1)));
            // The first one does not open, and so stays: the next page begins behind the last one seen.
            let again = DossierKey {
                number: 2,
                sealed: vec![9; 61],
            };
            assert!(tx.dossier_key_replace(dossier_id(2), 1, &again)?);
            assert!(!tx.dossier_key_replace(dossier_id(2), 1, &again)?);
            let page = tx.dossier_key_page(2, Some((1, dossier_id(2))), 9)?;
            let ids: Vec<_> = page.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids, [dossier_id(3), dossier_id(4), dossier_id(5)]);
            assert_eq!(tx.dossier_key(dossier_id(2))?, Some(again));
            assert!(tx.dossier_key_is_used(1)? && tx.dossier_key_is_used(2)?);
            assert!(!tx.dossier_key_is_used(3)?);
            let mut summaries = tx.dossier_summaries(&[dossier_id(2), dossier_id(9)])?;
            assert_eq!(summaries.len(), 1);
            assert_eq!(summaries.remove(0).sealed, b"summary");
            assert!(tx.dossier_summaries(&[])?.is_empty());
            Ok(())
        });
    });
}

#[test]
fn the_database_stays_whole() {
    for_each_engine("dossier-whole", |test| {
        let db = test.db();
        write(db, |tx| {
            for number in 1..=50 {
                insert(tx, &dossier(number))?;
            }
            Ok(())
        });
        // PostgreSQL answers this for the server, not for the tables.
        if db.engine() == Engine::Sqlite {
            assert_eq!(db.check().wait().expect("a check"), Vec::<String>::new());
        }
    });
}

#[test]
fn letters_stand_at_their_dossier_once() {
    for_each_engine("dossier-letters", |test| {
        write(test.db(), |tx| {
            let letter = |number: u128| DossierLetter {
                document: document_id(number),
                sender: org(2),
                at: at(5),
            };
            for number in [2, 1, 2] {
                tx.dossier_letter_insert(dossier_id(1), &letter(number))?;
            }
            assert_eq!(
                tx.dossier_letters(dossier_id(1), 9)?,
                [letter(1), letter(2)]
            );
            assert_eq!(tx.dossier_letters(dossier_id(1), 1)?, [letter(1)]);
            assert_eq!(tx.dossier_letters(dossier_id(2), 9)?, []);
            Ok(())
        });
    });
}
