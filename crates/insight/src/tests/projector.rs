//! Incremental work, rebuilding and counting give the same.

use std::sync::Arc;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::time::ManualClock;
use lgsp_store::ledger::{Ledger, LedgerConfig, NewEntry};
use lgsp_store::testing::{Scratch, for_each_engine};
use lgsp_store::{Db, DbOptions, DbTarget, StoreError, Tx};
use lgsp_wire::record::Record;
use lgsp_wire::tlog::note::{Algorithm, SoftSigner};

use super::history::{self, Dice};
use super::world::{Draft, World, at, run};
use crate::{Leaves as _, Outcome, RecipientState};

/// Entries of a random history.
const ENTRIES: usize = 160;

#[test]
fn any_cut_into_batches_and_a_rebuild_give_the_same_rows() {
    for_each_engine("insight-batches", |test| {
        for seed in 0..12 {
            let world = World::new(test.db(), seed);
            run(world.insight.rebuild()).expect("empty again");
            let dice = Dice::new(seed);
            history::write(&world, &dice, ENTRIES);
            loop {
                let limit = 1 + dice.roll(40);
                if run(world.insight.advance_by(limit))
                    .expect("advances")
                    .leaves
                    == 0
                {
                    break;
                }
            }
            let one_by_one = world.dump();
            assert_eq!(
                history::miscounted(&world),
                Vec::<String>::new(),
                "seed {seed}"
            );
            let total = run(world.insight.rebuild()).expect("rebuilt");
            assert_eq!(total, ENTRIES as u64, "seed {seed}");
            let rebuilt = world.dump();
            for (one, other) in one_by_one.iter().zip(&rebuilt) {
                assert_eq!(one, other, "seed {seed}");
            }
            assert_eq!(one_by_one.len(), rebuilt.len(), "seed {seed}");
        }
    });
}

#[test]
fn the_sealed_ledger_of_the_store_gives_the_same_rows() {
    for_each_engine("insight-ledger", |test| {
        let world = World::new(test.db(), 9);
        history::write(&world, &Dice::new(9), ENTRIES);
        world.advance();
        let expected = world.dump();
        let signer = SoftSigner::from_seed("ledger.example", Algorithm::Ed25519, &[1; 32]);
        let config = LedgerConfig {
            origin: "ledger.example".to_owned(),
            platform: "Trục thử nghiệm".to_owned(),
            signer: Arc::new(signer.expect("a key")),
            entropy: Arc::new(SeededEntropy::new(9)),
            planted: Planted::NONE,
        };
        let clock = Arc::<ManualClock>::clone(&world.clock);
        let ledger = run(Ledger::open(test.db().clone(), clock, config)).expect("a ledger");
        let written = run(world.leaves.read(0, ENTRIES)).expect("leaves");
        let append = move |tx: &mut Tx<'_>| {
            written.iter().try_for_each(|leaf| {
                let record = Record::decode(&leaf.entry.record).expect("a record");
                let (at, kind) = (leaf.entry.at, &leaf.entry.kind);
                tx.ledger_insert(&NewEntry::new(at, kind, None, &record, [0; 32]))
                    .map(drop)
            })
        };
        test.db()
            .write::<_, StoreError, _>("test_append", append)
            .wait()
            .expect("appends");
        run(ledger.seal()).expect("seals").expect("something new");
        let insight = world.over(Arc::new(ledger));
        assert_eq!(run(insight.rebuild()).expect("rebuilt"), ENTRIES as u64);
        assert_eq!(world.dump(), expected);
    });
}

#[test]
fn the_count_catches_a_resend_that_is_counted_twice() {
    let scratch = Scratch::new("insight-planted");
    let db = Db::open(DbOptions {
        planted: Planted::with(Bug::CountResendTwice),
        ..DbOptions::new(DbTarget::Sqlite {
            path: scratch.path().join("lgsp.db"),
        })
    })
    .expect("a database");
    let is_caught = (0..5).any(|seed| {
        let world = World::new(&db, seed);
        run(world.insight.rebuild()).expect("empty again");
        history::write(&world, &Dice::new(seed), ENTRIES);
        world.advance();
        !history::miscounted(&world).is_empty()
    });
    assert!(is_caught);
}

#[test]
fn a_document_goes_through_trouble_to_its_end() {
    for_each_engine("insight-life", |test| {
        let world = World::new(test.db(), 1);
        let mut sent = world.send(at(100), 0, &[1, 2], Draft::default());
        world.step(at(110), "delivery.confirmed", &sent, 0);
        world.step(at(120), "delivery.attempt_failed", &sent, 1);
        world.advance();
        let look = || {
            let id = sent.id;
            test.db()
                .read::<_, StoreError, _>("test_look", move |tx| {
                    let row = tx.insight_transaction_lookup(id)?.expect("a transaction");
                    let recipients = tx.insight_recipients(row.leaf, 10)?;
                    Ok((row, recipients))
                })
                .wait()
                .expect("rows")
        };
        let (row, recipients) = look();
        assert_eq!((row.recipients, row.done, row.waiting), (2, 1, 1));
        assert_eq!(row.outcome, Outcome::UnderWay);
        assert_eq!(row.cause.as_deref(), Some("unreachable"));
        assert_eq!(row.next_try_at, Some(at(125)));
        assert_eq!((row.first_at, row.last_at), (at(100), at(120)));
        let waiting = recipients
            .iter()
            .find(|recipient| recipient.org == world.orgs[2])
            .expect("the second");
        assert_eq!(
            (waiting.attempts, waiting.state),
            (1, RecipientState::Waiting)
        );

        world.step(at(130), "delivery.dead", &sent, 1);
        world.advance();
        let (row, _) = look();
        assert_eq!((row.outcome, row.troubled), (Outcome::Troubled, 1));
        assert_eq!(
            (row.cause.as_deref(), row.next_try_at),
            (Some("too_large"), None)
        );

        let old = sent.clone();
        world.resend(at(140), &mut sent, 1);
        // What is still said of the old delivery moves nothing.
        world.step(at(141), "delivery.expired", &old, 1);
        world.advance();
        let id = sent.id;
        let row = test
            .db()
            .read::<_, StoreError, _>("test_look", move |tx| {
                Ok(tx.insight_transaction_lookup(id)?.expect("a transaction"))
            })
            .wait()
            .expect("a row");
        assert_eq!((row.outcome, row.cause), (Outcome::UnderWay, None));
        world.step(at(150), "delivery.confirmed", &sent, 1);
        world.step(at(160), "status.reported", &sent, 1);
        world.advance();
        let row = test
            .db()
            .read::<_, StoreError, _>("test_look", move |tx| {
                Ok(tx.insight_transaction_lookup(id)?.expect("a transaction"))
            })
            .wait()
            .expect("a row");
        assert_eq!(
            (row.outcome, row.done, row.last_at),
            (Outcome::Done, 2, at(160))
        );
        assert!(history::miscounted(&world).is_empty());
    });
}

#[test]
fn a_chain_is_found_by_its_first_document() {
    for_each_engine("insight-chain", |test| {
        let world = World::new(test.db(), 2);
        let first = world.send(at(100), 0, &[1], Draft::default());
        let second = world.send(
            at(101),
            0,
            &[1],
            Draft {
                original: Some(first.id),
                ..Draft::default()
            },
        );
        world.advance();
        let third = world.send(
            at(102),
            1,
            &[0],
            Draft {
                original: Some(second.id),
                ..Draft::default()
            },
        );
        world.advance();
        let (first, third) = (first.id, third.id);
        let chain = test
            .db()
            .read::<_, StoreError, _>("test_chain", move |tx| tx.insight_correlation_lookup(third))
            .wait()
            .expect("a chain");
        assert_eq!(chain, Some(first));
    });
}

#[test]
fn the_slower_of_two_nodes_changes_nothing() {
    for_each_engine("insight-nodes", |test| {
        let world = World::new(test.db(), 3);
        history::write(&world, &Dice::new(3), 30);
        world.advance();
        let before = world.dump();
        let moved = test
            .db()
            .write::<_, StoreError, _>("test_slow", |tx| tx.insight_advance(0, 30, at(5)))
            .wait()
            .expect("an answer");
        assert!(!moved);
        assert_eq!(world.dump(), before);
        let progress = run(world.insight.progress()).expect("progress");
        assert_eq!((progress.leaves, progress.lag), (30, 0));
    });
}

#[test]
fn how_far_it_is_can_be_asked() {
    for_each_engine("insight-lag", |test| {
        let world = World::new(test.db(), 4);
        world.clock.jump_to(at(9_000));
        for second in 0..10 {
            world.send(at(100 + second), 0, &[1], Draft::default());
        }
        let advanced = run(world.insight.advance_by(4)).expect("advances");
        assert_eq!((advanced.leaves, advanced.lag), (4, 6));
        let progress = run(world.insight.progress()).expect("progress");
        assert_eq!((progress.lag, progress.as_of), (6, at(103)));
        world.advance();
        let progress = run(world.insight.progress()).expect("progress");
        assert_eq!((progress.lag, progress.as_of), (0, at(9_000)));
        let stats = world.insight.stats();
        assert_eq!((stats.leaves, stats.batches, stats.lost), (10, 2, 0));
        let rows = run(world.insight.rows()).expect("rows");
        assert_eq!((rows.transactions, rows.recipients), (10, 10));
    });
}
