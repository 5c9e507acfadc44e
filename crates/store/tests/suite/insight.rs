//! The search index answers in its own order, and derived rows leave the database whole.

use lgsp_base::Timestamp;
use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::{DocumentId, OrgId};
use lgsp_store::exchange::DocumentKind;
use lgsp_store::insight::search::Match;
use lgsp_store::insight::{
    Counter, Direction, HealthTick, Outcome, Projected, Search, Transaction,
};
use lgsp_store::testing::for_each_engine;
use lgsp_store::{Db, Engine, StoreError};

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn transaction(leaf: u64, entropy: &SeededEntropy) -> Transaction {
    let document = DocumentId::generate(at(1), entropy);
    Transaction {
        leaf,
        document,
        correlation: document,
        kind: DocumentKind::Edoc,
        business_type: Some(0),
        sender: OrgId::generate(at(1), entropy),
        content_bytes: 10,
        recipients: 1,
        waiting: 1,
        done: 0,
        troubled: 0,
        cancelled: 0,
        outcome: Outcome::UnderWay,
        cause: None,
        next_try_at: None,
        first_at: at(1),
        last_at: at(1),
        last_leaf: leaf,
        erased_at: None,
        words: " bao cao ".to_owned(),
    }
}

/// PostgreSQL answers this for the server, not for the tables.
fn assert_whole(db: &Db) {
    if db.engine() == Engine::Sqlite {
        assert_eq!(db.check().wait().expect("a check"), Vec::<String>::new());
    }
}

#[test]
fn derived_rows_are_stored_changed_and_removed() {
    for_each_engine("insight-rows", |test| {
        let entropy = SeededEntropy::new(1);
        let first = transaction(3, &entropy);
        let org = OrgId::generate(at(1), &entropy);
        let counter = Counter {
            agency: Some(org),
            hour: 5,
            direction: Direction::Sent,
            kind: Some(DocumentKind::Edoc),
            outcome: Outcome::UnderWay,
        };
        let tick = |tick| HealthTick {
            org,
            tick,
            good: 1,
            slow: 0,
            trouble: 0,
        };
        let projected = Projected {
            transactions: vec![first.clone()],
            words: vec![(3, "bao cao".to_owned())],
            counters: vec![(counter, 2, 20)],
            health: vec![tick(7), tick(7)],
            ..Projected::default()
        };
        let changed = Projected {
            transactions: vec![Transaction {
                outcome: Outcome::Done,
                ..first.clone()
            }],
            counters: vec![(counter, -2, -20)],
            // A tick of the same slot: a newer one takes it, an older one is too late.
            health: vec![tick(7 + 96), tick(7)],
            ..Projected::default()
        };
        let document = first.document;
        test.db()
            .write::<_, StoreError, _>("test", move |tx| {
                assert!(tx.insight_advance(0, 4, at(9))?);
                assert!(!tx.insight_advance(0, 4, at(9))?);
                tx.insight_write(&projected)?;
                assert_eq!(tx.insight_counters(Some(org), 5, 5)?.len(), 1);
                assert_eq!(
                    tx.insight_health(org, 0, 1_000)?
                        .first()
                        .map(|tick| tick.good),
                    Some(2)
                );
                tx.insight_write(&changed)?;
                assert!(tx.insight_counters(Some(org), 5, 5)?.is_empty());
                let ticks = tx.insight_health(org, 0, 1_000)?;
                assert_eq!(
                    ticks.iter().map(|tick| tick.tick).collect::<Vec<_>>(),
                    [103]
                );
                let stored = tx.insight_transaction_lookup(document)?;
                assert_eq!(stored.map(|row| row.outcome), Some(Outcome::Done));
                Ok(())
            })
            .wait()
            .expect("stores");
        assert_whole(test.db());
        test.db()
            .write::<_, StoreError, _>("test", |tx| {
                tx.insight_clear()?;
                assert_eq!(tx.insight_rows()?, (0, 0));
                assert_eq!(tx.insight_cursor()?.next_leaf, 0);
                Ok(())
            })
            .wait()
            .expect("clears");
        assert_whole(test.db());
    });
}

/// A sort would read every match of a word before the first row of a page comes out.
#[test]
fn a_page_is_read_off_the_index_without_sorting() {
    for_each_engine("insight-plan", |test| {
        if test.db().engine() != Engine::Sqlite {
            return;
        }
        let plan = |outcome, text: Option<Match>| {
            let search = Search {
                text,
                outcome,
                before: Some(1_000),
                limit: 50,
                ..Search::default()
            };
            test.db()
                .read::<_, StoreError, _>("test", move |tx| tx.insight_search_plan(&search))
                .wait()
                .expect("a plan")
        };
        let word = || {
            Some(Match::All(vec![
                Match::Word("bao".to_owned()),
                Match::Prefix("ca".to_owned()),
            ]))
        };
        for (outcome, text, driver) in [
            (None, word(), "SCAN s VIRTUAL TABLE"),
            (Some(Outcome::Done), word(), "SCAN s VIRTUAL TABLE"),
            (None, None, "SEARCH t USING INTEGER PRIMARY KEY"),
            (
                Some(Outcome::Troubled),
                None,
                "insight_transactions_unfinished",
            ),
        ] {
            let plan = plan(outcome, text);
            let first = plan.first().expect("a step");
            assert!(first.contains(driver), "{plan:?}");
            assert!(
                !plan.iter().any(|step| step.contains("TEMP B-TREE")),
                "{plan:?}"
            );
        }
    });
}
