//! Lists and ageing answer what a look at every row would, page by page and by their indexes.

use lgsp_base::limits;
use lgsp_store::dossier::{
    AgeingBounds, AgeingFilter, ClockState, Dossier, DossierFilter, DossierOrder, PartyRole,
};
use lgsp_store::testing::for_each_engine;
use lgsp_store::{Engine, StoreError, Tx, params};
use lgsp_wire::dossier::DossierStatus;

use crate::dossier_world::{all, at, dossier, dossier_id, insert, org, write};

fn pick<T: Copy>(number: u32, from: &[T]) -> T {
    let place = usize::try_from(number).expect("small") % from.len();
    *from.get(place).expect("within")
}

/// Dossiers of every kind: three units, two procedures, three fields, all statuses, with and without due times.
fn varied(number: u32) -> Dossier {
    let status = pick(number, &DossierStatus::ALL);
    let is_open = !status.is_terminal() && status != DossierStatus::Finished;
    let due = (!number.is_multiple_of(7)).then(|| at(10_000 + i64::from(number % 11)));
    let is_stopped = matches!(
        status,
        DossierStatus::SupplementAsked | DossierStatus::PaymentAsked
    );
    Dossier {
        owner: org(u128::from(number % 3) + 1),
        handling: number.is_multiple_of(4).then(|| org(9)),
        procedure: pick(number, &["2.000488", "1.001234"]).to_owned(),
        field: pick(number, &["G03-GD10", "", "G01-LT02"]).to_owned(),
        status,
        is_open,
        due_effective_at: due,
        paused_at: is_stopped.then(|| at(9)),
        finished_at: (!is_open).then(|| at(10_000 + i64::from(number % 13))),
        // Some pushes come in the same microsecond.
        updated_at: at(i64::from(number / 2)),
        ..dossier(number)
    }
}

fn store(tx: &mut Tx<'_>, count: u32) -> Result<Vec<Dossier>, StoreError> {
    let mut stored = Vec::new();
    for number in 1..=count {
        let new = varied(number);
        insert(tx, &new)?;
        if number % 5 == 0 {
            tx.dossier_party_put(&new, org(20), PartyRole::Follower, at(1))?;
        }
        stored.push(new);
    }
    Ok(stored)
}

fn clock(dossier: &Dossier, filter: &DossierFilter) -> ClockState {
    let due = dossier.due_effective_at;
    match (dossier.is_open, dossier.paused_at) {
        (true, Some(_)) => ClockState::Stopped,
        (true, None) if due.is_some_and(|due| due < filter.bounds.now) => ClockState::Overdue,
        (true, None) if due.is_some_and(|due| due < filter.bounds.due_until) => ClockState::Due,
        (true, None) => ClockState::OnTime,
        (false, _) if due.is_some_and(|due| dossier.finished_at > Some(due)) => {
            ClockState::DoneLate
        }
        (false, _) => ClockState::DoneOnTime,
    }
}

/// The list by looking at every row.
fn expected(stored: &[Dossier], filter: &DossierFilter) -> Vec<Dossier> {
    let number = |dossier: &Dossier| u32::try_from(dossier.id.bits()).expect("small");
    let is_party = |dossier: &Dossier, wanted| {
        dossier.owner == wanted
            || dossier.handling == Some(wanted)
            || (wanted == org(20) && number(dossier) % 5 == 0)
    };
    let mut found: Vec<Dossier> = stored
        .iter()
        .filter(|dossier| {
            filter.party.is_none_or(|wanted| is_party(dossier, wanted))
                && filter.unit.is_none_or(|unit| dossier.unit() == unit)
                && filter
                    .procedure
                    .as_ref()
                    .is_none_or(|code| dossier.procedure == *code)
                && filter
                    .field
                    .as_ref()
                    .is_none_or(|code| dossier.field == *code)
                && (filter.statuses.is_empty() || filter.statuses.contains(&dossier.status))
                && (filter.clocks.is_empty() || filter.clocks.contains(&clock(dossier, filter)))
                && filter.from.is_none_or(|from| dossier.updated_at >= from)
                && filter.to.is_none_or(|to| dossier.updated_at < to)
                && match &filter.order {
                    DossierOrder::Newest(_) => true,
                    DossierOrder::Due(_) => dossier.is_open && dossier.due_effective_at.is_some(),
                    DossierOrder::Code { prefix, .. } => dossier.code_key.starts_with(prefix),
                }
        })
        .cloned()
        .collect();
    match filter.order {
        DossierOrder::Newest(_) => {
            found.sort_by_key(|dossier| std::cmp::Reverse((dossier.updated_at, dossier.id)));
        }
        DossierOrder::Due(_) => found.sort_by_key(|dossier| (dossier.due_effective_at, dossier.id)),
        DossierOrder::Code { .. } => found.sort_by(|a, b| a.code_key.cmp(&b.code_key)),
    }
    found
}

/// Every page of a list.
fn pages(tx: &mut Tx<'_>, filter: &DossierFilter) -> Result<Vec<Dossier>, StoreError> {
    let (mut filter, mut found) = (filter.clone(), Vec::new());
    loop {
        let page = tx.dossier_list(&filter)?;
        assert!(page.rows.len() <= filter.limit);
        found.extend(page.rows);
        match page.next {
            Some(next) => filter.order = next,
            None => return Ok(found),
        }
    }
}

fn orders() -> [DossierOrder; 3] {
    [
        DossierOrder::Newest(None),
        DossierOrder::Due(None),
        DossierOrder::Code {
            prefix: "H99.01-261201-01".to_owned(),
            after: None,
        },
    ]
}

/// Conditions, alone and together.
fn filters() -> Vec<DossierFilter> {
    let mut filters = vec![all(7)];
    let mut add = |change: &dyn Fn(&mut DossierFilter)| {
        let mut filter = all(7);
        change(&mut filter);
        filters.push(filter);
    };
    add(&|filter| filter.party = Some(org(20)));
    add(&|filter| filter.party = Some(org(77)));
    add(&|filter| filter.unit = Some(org(9)));
    add(&|filter| filter.procedure = Some("2.000488".to_owned()));
    add(&|filter| filter.field = Some(String::new()));
    add(&|filter| filter.statuses = vec![DossierStatus::Processing]);
    add(&|filter| filter.statuses = vec![DossierStatus::Processing, DossierStatus::Returned]);
    add(&|filter| filter.from = Some(at(20)));
    add(&|filter| filter.to = Some(at(40)));
    for state in ClockState::ALL {
        add(&|filter| filter.clocks = vec![*state]);
    }
    add(&|filter| filter.clocks = vec![ClockState::Overdue, ClockState::OnTime]);
    add(&|filter| filter.clocks = vec![ClockState::Due, ClockState::Stopped]);
    add(&|filter| {
        filter.party = Some(org(1));
        filter.unit = Some(org(9));
        filter.statuses = vec![DossierStatus::Received, DossierStatus::Processing];
        filter.clocks = vec![ClockState::Overdue, ClockState::Due];
    });
    add(&|filter| {
        filter.procedure = Some("1.001234".to_owned());
        filter.field = Some("G03-GD10".to_owned());
        filter.statuses = vec![DossierStatus::Returned];
        filter.from = Some(at(5));
        filter.to = Some(at(80));
    });
    filters
}

#[test]
fn every_list_is_that_of_a_look_at_every_row() {
    for_each_engine("dossier-list", |test| {
        write(test.db(), |tx| {
            let stored = store(tx, 200)?;
            for filter in filters() {
                for order in orders() {
                    let filter = DossierFilter {
                        order,
                        ..filter.clone()
                    };
                    let found = pages(tx, &filter)?;
                    assert_eq!(found, expected(&stored, &filter), "{filter:?}");
                }
            }
            assert!(tx.dossier_list(&all(0))?.rows.is_empty());
            Ok(())
        });
    });
}

/// Steps of a plan that would make a page slow among a million dossiers.
fn slow(engine: Engine, plan: &[String]) -> Vec<&String> {
    let is_slow = |step: &&String| match engine {
        Engine::Sqlite => {
            step.contains("TEMP B-TREE") || (step.contains("SCAN") && !step.contains("USING"))
        }
        Engine::Postgres => step.contains("Seq Scan") || step.contains("Sort"),
    };
    plan.iter().filter(is_slow).collect()
}

/// PostgreSQL reads small tables whole; for a look at its plans it must think that it may not.
fn as_if_large(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if tx.engine() == Engine::Postgres {
        tx.execute("SET LOCAL enable_seqscan = off", params![])?;
        tx.execute("SET LOCAL enable_sort = off", params![])?;
        tx.execute("SET LOCAL enable_bitmapscan = off", params![])?;
        tx.execute("SET LOCAL enable_hashjoin = off", params![])?;
    }
    Ok(())
}

#[test]
fn no_list_reads_everything_and_none_is_sorted() {
    for_each_engine("dossier-plan", |test| {
        write(test.db(), |tx| {
            store(tx, 50)?;
            as_if_large(tx)?;
            for filter in filters() {
                for order in orders() {
                    let filter = DossierFilter {
                        order,
                        ..filter.clone()
                    };
                    let plan = tx.dossier_list_plan(&filter)?;
                    assert_eq!(
                        slow(tx.engine(), &plan),
                        Vec::<&String>::new(),
                        "{filter:?}\n{plan:#?}"
                    );
                }
            }
            for field in [None, Some("G03-GD10".to_owned())] {
                let filter = AgeingFilter { units: None, field };
                let plan = tx.dossier_ageing_plan(&filter, &bounds())?;
                let is_covered = plan
                    .iter()
                    .any(|step| step.contains("COVERING INDEX dossiers_ageing"));
                assert!(tx.engine() == Engine::Postgres || is_covered, "{plan:?}");
                assert_eq!(slow(tx.engine(), &plan), Vec::<&String>::new(), "{plan:?}");
            }
            Ok(())
        });
    });
}

#[test]
fn a_page_that_finds_too_little_says_where_to_go_on() {
    for_each_engine("dossier-sparse", |test| {
        write(test.db(), |tx| {
            let rare = Dossier {
                field: "G99".to_owned(),
                ..dossier(1)
            };
            insert(tx, &rare)?;
            let count = u32::try_from(limits::DOSSIER_SCAN_MAX).expect("small") + 10;
            // Written in one statement: the rows only have to be there.
            tx.execute(
                "INSERT INTO dossiers (id, code_key, code, owner_org_id, unit_org_id, procedure_code, field_code, status, \
                 status_at, is_open, paused_working_seconds, version, last_document_id, retention, created_at, updated_at) \
                 WITH RECURSIVE numbers (number) AS (SELECT CAST($1 AS BIGINT) UNION ALL \
                 SELECT number + 1 FROM numbers WHERE number < $2) \
                 SELECT 'dsr_' || SUBSTR('00000000000000000000000000' || CAST(number AS TEXT), \
                 LENGTH(CAST(number AS TEXT)) + 1), 'code ' || CAST(number AS TEXT), d.code, d.owner_org_id, d.unit_org_id, \
                 d.procedure_code, 'G03', d.status, d.status_at, d.is_open, 0, 1, d.last_document_id, d.retention, d.created_at, \
                 d.updated_at + number FROM numbers CROSS JOIN dossiers d",
                params![2, count],
            )?;
            let filter = DossierFilter {
                statuses: vec![DossierStatus::Received],
                field: Some("G99".to_owned()),
                ..all(5)
            };
            assert_eq!(
                pages(tx, &filter)?.as_slice(),
                std::slice::from_ref(&rare),
                "found by its field"
            );
            let filter = DossierFilter {
                procedure: Some(rare.procedure.clone()),
                ..filter
            };
            let page = tx.dossier_list(&filter)?;
            assert_eq!(page.rows, [], "nothing among those walked over");
            assert!(page.next.is_some(), "but more behind them");
            assert_eq!(pages(tx, &filter)?, [rare]);
            Ok(())
        });
    });
}

fn bounds() -> AgeingBounds {
    AgeingBounds {
        clock: all(1).bounds,
        late: [at(10_002), at(10_001)],
    }
}

#[test]
fn ageing_counts_what_a_look_at_every_row_counts() {
    for_each_engine("dossier-ageing", |test| {
        write(test.db(), |tx| {
            let stored = store(tx, 200)?;
            let rows = tx.dossier_ageing(&AgeingFilter::default(), &bounds())?;
            for row in &rows {
                let of: Vec<&Dossier> = stored
                    .iter()
                    .filter(|dossier| {
                        dossier.is_open
                            && dossier.unit() == row.unit
                            && dossier.field == row.field
                            && dossier.status == row.status
                    })
                    .collect();
                let between = |from: i64, to: i64| {
                    let is_in = |dossier: &&&Dossier| {
                        dossier
                            .due_effective_at
                            .is_some_and(|due| due >= at(from) && due < at(to))
                    };
                    of.iter().filter(is_in).count() as u64
                };
                let counted = [row.due, row.overdue[0], row.overdue[1], row.overdue[2]];
                let expected = [
                    between(10_003, 10_006),
                    between(10_002, 10_003),
                    between(10_001, 10_002),
                    between(0, 10_001),
                ];
                assert_eq!(counted, expected, "{row:?}");
                assert_eq!(row.open, of.len() as u64);
                assert_eq!(row.on_time, row.open - expected.iter().sum::<u64>());
                let earliest = of
                    .iter()
                    .filter_map(|dossier| dossier.due_effective_at)
                    .min();
                assert_eq!(row.earliest_due_at, earliest);
            }
            let open = stored.iter().filter(|dossier| dossier.is_open).count() as u64;
            assert_eq!(rows.iter().map(|row| row.open).sum::<u64>(), open);
            let some = AgeingFilter {
                units: Some(vec![org(9), org(1)]),
                field: Some(String::new()),
            };
            let rest: Vec<_> = rows
                .into_iter()
                .filter(|row| [org(1), org(9)].contains(&row.unit) && row.field.is_empty())
                .collect();
            assert_eq!(tx.dossier_ageing(&some, &bounds())?, rest);
            let none = AgeingFilter {
                units: Some(Vec::new()),
                field: None,
            };
            assert_eq!(tx.dossier_ageing(&none, &bounds())?, []);
            let last = tx.dossier_lookup(dossier_id(200))?.expect("there");
            assert_eq!(last, stored[199]);
            Ok(())
        });
    });
}
