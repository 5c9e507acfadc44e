//! What is accepted, what is refused, and what a repetition gets.

use lgsp_base::limits;
use lgsp_exchange::{
    Acknowledgement, ContentBody, ContentTarget, IntakeKind, ReceiveError, Submit, SubmitError,
};

use crate::world::{Way, World, actor, code, operator, run};

#[test]
fn a_document_is_accepted_once_and_repeated_exactly() {
    run(async {
        let mut world = World::new("repeat");
        let first = world.send(0, &[2, 1], b"hello", "key-1").await;
        assert!(!first.is_repeat);
        assert_eq!(
            first
                .deliveries
                .iter()
                .map(|delivery| delivery.recipient_code.as_str())
                .collect::<Vec<_>>(),
            ["H99.2", "H99.1"]
        );
        world.restart();
        let again = world.send(0, &[1, 2], b"hello", "key-1").await;
        assert!(again.is_repeat);
        assert_eq!(
            lgsp_exchange::Accepted {
                is_repeat: false,
                ..again
            },
            first
        );
        assert_eq!(world.exchange.counters().read().repeated, 1);
    });
}

#[test]
fn a_key_with_another_request_is_a_conflict_and_changes_nothing() {
    run(async {
        let world = World::new("key-conflict");
        let first = world.send(0, &[1], b"hello", "key-1").await;
        for submit in [
            world.plain(0, &[1], b"other", Some("key-1")),
            world.plain(0, &[2], b"hello", Some("key-1")),
        ] {
            let error = world.exchange.submit(submit).await.expect_err("a conflict");
            assert_eq!(error.to_problem().code(), "exchange.idempotency_conflict");
        }
        // Another owner's key is another key.
        world.send(2, &[1], b"other", "key-1").await;
        let trace = world
            .exchange
            .trace(&actor(0), first.document)
            .await
            .expect("a trace");
        assert_eq!(trace.document.content_sha256, first.content_sha256);
        assert_eq!(trace.deliveries.len(), 1);
    });
}

#[test]
fn an_external_id_recognises_repetitions_and_conflicts() {
    run(async {
        let world = World::new("external-id");
        let submit = |bytes: &[u8], key: Option<&str>| {
            let mut submit = world.plain(0, &[1], bytes, key);
            submit.external_id = Some("so-1".to_owned());
            submit
        };
        let first = world
            .exchange
            .submit(submit(b"one", None))
            .await
            .expect("accepted");
        let again = world
            .exchange
            .submit(submit(b"one", Some("k")))
            .await
            .expect("repeated");
        assert!(again.is_repeat && again.document == first.document);
        let by_key = world
            .exchange
            .submit(submit(b"one", Some("k")))
            .await
            .expect("repeated");
        assert_eq!(by_key.document, first.document);
        let error = world
            .exchange
            .submit(submit(b"two", None))
            .await
            .expect_err("a conflict");
        assert_eq!(error.to_problem().code(), "exchange.conflict");
    });
}

#[test]
fn refusals_name_their_cause_and_store_nothing() {
    run(async {
        let world = World::new("refusals");
        world
            .directory
            .closed
            .lock()
            .expect("not poisoned")
            .insert("H99.7".to_owned(), None);
        let change = |to: &[u8], edit: &dyn Fn(&mut Submit)| {
            let mut submit = world.plain(
                0,
                to,
                &vec![7; limits::INLINE_BODY_BYTES_MAX + 1],
                Some("k"),
            );
            edit(&mut submit);
            submit
        };
        let nothing = |_: &mut Submit| {};
        let cases: Vec<(Submit, &str)> = vec![
            (change(&[], &nothing), "exchange.recipients"),
            (change(&[0], &nothing), "exchange.recipients"),
            (change(&[1, 1], &nothing), "exchange.recipients"),
            (change(&[1, 9], &nothing), "exchange.recipient_unknown"),
            (change(&[1, 7], &nothing), "exchange.recipient_closed"),
            (
                change(&[1], &|submit| submit.sender = Some(code(2))),
                "exchange.sender",
            ),
            (
                change(&[1], &|submit| submit.sender = Some("X".to_owned())),
                "exchange.sender",
            ),
            (
                change(&[1], &|submit| submit.secrecy = Some("Tối mật".to_owned())),
                "exchange.secret",
            ),
            (
                change(&[1], &|submit| submit.idempotency_key = None),
                "exchange.idempotency_required",
            ),
            (
                change(&[1], &|submit| {
                    submit.idempotency_key = Some("a".repeat(256));
                }),
                "input.invalid",
            ),
            (
                change(&[1], &|submit| submit.idempotency_key = Some(String::new())),
                "input.invalid",
            ),
            (
                change(&[1], &|submit| submit.subject = Some("a".repeat(4_001))),
                "input.invalid",
            ),
            (
                change(&[1], &|submit| {
                    submit.recipients = (0..1_001).map(|n| format!("N{n}")).collect();
                }),
                "exchange.recipients",
            ),
        ];
        for (submit, expected) in cases {
            let error = world.exchange.submit(submit).await.expect_err(expected);
            assert_eq!(error.to_problem().code(), expected);
            if let SubmitError::RecipientClosed { recipients } = &error {
                assert_eq!(recipients[0].1[0].0, "H99.1");
            }
        }
        let sent = world
            .exchange
            .sent(&actor(0), Default::default())
            .await
            .expect("a list");
        assert!(sent.is_empty());
        assert!(crate::history::blob_files(&world.blob_folder()).is_empty());
        let accepted = world
            .exchange
            .submit(change(&[1], &|submit| {
                submit.secrecy = Some("Thường".to_owned());
            }))
            .await;
        assert!(accepted.is_ok());
    });
}

#[test]
fn plain_content_is_refused_for_a_system_that_could_never_see_it() {
    run(async {
        let world = World::new("format");
        world.directory.set(14, Way::Inbox);
        for number in [131, 132] {
            world.directory.set(number, Way::Axis);
        }
        let submit = world.plain(0, &[1, 131, 132], b"%PDF", Some("k"));
        let problem = world
            .exchange
            .submit(submit)
            .await
            .expect_err("the axis carries edXML only")
            .to_problem();
        assert_eq!(problem.code(), "exchange.recipient_format");
        assert_eq!(problem.kind.status, 422);
        let named: Vec<&str> = problem
            .fields
            .iter()
            .map(|field| field.message.as_str())
            .collect();
        assert_eq!(named, ["H99.131", "H99.132"]);
        assert!(world.inbox(1).await.items.is_empty());
        // Once it fetches another way, and as edXML, it goes.
        let edxml = crate::packets::sample("edoc_new_two_receivers_zip_attachment");
        assert_eq!(
            world
                .send_edxml(14, &edxml)
                .await
                .expect("accepted")
                .deliveries
                .len(),
            2
        );
        world.directory.set(131, Way::Inbox);
        world.send(0, &[131], b"%PDF", "k").await;
    });
}

#[test]
fn a_closed_code_routes_to_its_successor_and_says_so() {
    run(async {
        let world = World::new("routed");
        world
            .directory
            .closed
            .lock()
            .expect("not poisoned")
            .insert("H98.5".to_owned(), Some(1));
        let mut submit = world.plain(0, &[], b"x", Some("k"));
        submit.recipients = vec!["H98.5".to_owned()];
        let accepted = world.exchange.submit(submit).await.expect("accepted");
        assert_eq!(accepted.deliveries[0].recipient_code, "H99.1");
        assert_eq!(accepted.deliveries[0].routed_from.as_deref(), Some("H98.5"));
        // Both codes of one organisation: it gets the document once.
        let mut submit = world.plain(0, &[1], b"y", Some("k2"));
        submit.recipients.push("H98.5".to_owned());
        let accepted = world.exchange.submit(submit).await.expect("accepted");
        assert_eq!(accepted.deliveries.len(), 1);
    });
}

#[test]
fn large_content_comes_back_byte_for_byte_and_only_to_parties() {
    run(async {
        let world = World::new("large");
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let accepted = world.send(0, &[1], &bytes, "k").await;
        assert_eq!(crate::history::blob_files(&world.blob_folder()).len(), 1);
        for target in [
            ContentTarget::Document(accepted.document),
            ContentTarget::Delivery(accepted.deliveries[0].id),
        ] {
            let stream = world
                .exchange
                .content(&actor(1), target)
                .await
                .expect("content");
            let ContentBody::Blob(mut reader) = stream.body else {
                panic!("a blob")
            };
            let mut read = Vec::new();
            std::io::Read::read_to_end(&mut reader, &mut read).expect("reads");
            assert!(read == bytes);
            let foreign = world
                .exchange
                .content(&actor(2), target)
                .await
                .expect_err("foreign");
            assert!(matches!(
                foreign,
                ReceiveError::DocumentUnknown | ReceiveError::DeliveryUnknown
            ));
        }
        let trace = world
            .exchange
            .trace(&actor(0), accepted.document)
            .await
            .expect("a trace");
        assert_eq!(trace.deliveries[0].delivery.attempts, 2);
        // A confirmation with the digest of what was read.
        let outcome = world
            .exchange
            .acknowledge(
                &actor(1),
                vec![Acknowledgement {
                    delivery: accepted.deliveries[0].id,
                    sha256: Some(accepted.content_sha256),
                }],
            )
            .await
            .expect("answered");
        assert!(outcome[0].result.is_ok());
    });
}

#[test]
fn an_intake_over_the_limit_or_dropped_leaves_nothing() {
    run(async {
        let world = World::new("intake");
        let kind = || IntakeKind::Plain {
            content_type: "a/b".to_owned(),
        };
        let declared =
            world
                .exchange
                .intake(kind(), &actor(0), Some(limits::DOCUMENT_BYTES_MAX + 1));
        assert!(matches!(declared, Err(SubmitError::TooLarge)));
        let mut intake = world
            .exchange
            .intake(kind(), &actor(0), None)
            .expect("begins");
        intake.push(&vec![0; 200_000]).expect("taken");
        assert!(intake.is_spilled());
        drop(intake.finish().expect("whole"));
        let unfinished = std::fs::read_dir(world.blob_folder().join("v1/tmp"))
            .expect("a folder")
            .count();
        assert_eq!(unfinished, 0);
    });
}

#[test]
fn a_third_party_cannot_tell_a_document_from_none() {
    run(async {
        let world = World::new("third");
        let accepted = world.send(0, &[1], b"x", "k").await;
        let foreign = world
            .exchange
            .trace(&actor(2), accepted.document)
            .await
            .expect_err("foreign");
        let missing = world
            .exchange
            .trace(&actor(2), lgsp_base::id::DocumentId::from_bits(7))
            .await
            .expect_err("missing");
        assert_eq!(foreign.to_problem(), missing.to_problem());
        assert!(
            world
                .exchange
                .trace(&operator(), accepted.document)
                .await
                .is_ok()
        );
        let seen = world
            .exchange
            .delivery(&actor(2), accepted.deliveries[0].id)
            .await;
        assert!(matches!(seen, Err(ReceiveError::DeliveryUnknown)));
        let resent = world
            .exchange
            .resend(&actor(1), accepted.deliveries[0].id)
            .await;
        assert!(matches!(resent, Err(ReceiveError::DeliveryUnknown)));
    });
}

#[test]
fn two_that_race_on_one_key_store_one_document() {
    run(async {
        for store in crate::history::stores("race") {
            let world = World::with(store, 5, lgsp_base::planted::Planted::NONE);
            let submits: Vec<_> = (0..8)
                .map(|_| {
                    let mut submit = world.plain(0, &[1, 2], b"same", Some("k"));
                    submit.external_id = Some("id".to_owned());
                    world.exchange.submit(submit)
                })
                .collect();
            let answers = futures_util::future::join_all(submits).await;
            let ids: std::collections::BTreeSet<_> = answers
                .into_iter()
                .map(|answer| answer.expect("accepted").document)
                .collect();
            assert_eq!(ids.len(), 1);
        }
    });
}

#[test]
fn below_the_disk_reserve_nothing_new_comes_in_and_what_is_there_goes_out() {
    run(async {
        let mut world = World::new("full");
        let accepted = world.send(0, &[1], b"x", "k").await;
        let late = world.plain(0, &[1], b"y", Some("k2"));
        world.restart_with_reserve(u64::MAX);
        let error = world.exchange.submit(late).await.expect_err("full");
        assert_eq!(error.to_problem().code(), "storage.full");
        assert_eq!(world.inbox(1).await.items.len(), 1);
        let outcomes = world.acknowledge(1, &[accepted.deliveries[0].id]).await;
        assert!(outcomes[0].result.is_ok());
        world.restart();
        assert!(!world.send(0, &[1], b"y", "k2").await.is_repeat);
    });
}
