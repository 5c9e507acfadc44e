//! Random lives of organisations: whatever events are taken or refused, the promises of the directory hold.

use std::collections::{HashMap, HashSet};

use lgsp_base::id::OrgId;
use lgsp_base::time::Timestamp;
use proptest::prelude::*;

use super::support::{World, new_org};
use crate::draft::{Occasion, Strictness};
use crate::error::EventRule;
use crate::model::SuccessionKind;
use crate::resolve::Resolution;

/// Days on which something can happen; few, so that events meet.
const DAYS: i64 = 8;
/// Codes in play; few, so that they clash.
const CODES: usize = 10;

#[derive(Debug, Clone)]
enum Step {
    Create {
        code: usize,
        parent: Option<usize>,
        day: i64,
    },
    Rename {
        org: usize,
        name: u8,
        day: i64,
    },
    Move {
        org: usize,
        parent: Option<usize>,
        day: i64,
    },
    Level {
        org: usize,
        level: u32,
        day: i64,
    },
    Succeed {
        org: usize,
        successors: Vec<usize>,
        kind: SuccessionKind,
        day: i64,
    },
    Code {
        org: usize,
        code: usize,
        day: i64,
        replaces: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let day = 0..DAYS;
    let org = 0..CODES;
    let kinds = prop::sample::select(vec![
        SuccessionKind::Merge,
        SuccessionKind::Merge,
        SuccessionKind::Rename,
        SuccessionKind::Split,
        SuccessionKind::Transfer,
        SuccessionKind::Dissolve,
    ]);
    prop_oneof![
        3 => (org.clone(), prop::option::of(org.clone()), 0..3i64)
            .prop_map(|(code, parent, day)| Step::Create { code, parent, day }),
        1 => (org.clone(), 0..4u8, day.clone()).prop_map(|(org, name, day)| Step::Rename { org, name, day }),
        1 => (org.clone(), prop::option::of(org.clone()), day.clone())
            .prop_map(|(org, parent, day)| Step::Move { org, parent, day }),
        1 => (org.clone(), 1..4u32, day.clone()).prop_map(|(org, level, day)| Step::Level { org, level, day }),
        4 => (org.clone(), prop::collection::vec(org.clone(), 0..3), kinds, day.clone())
            .prop_map(|(org, successors, kind, day)| Step::Succeed { org, successors, kind, day }),
        1 => (org, 0..CODES, day, any::<bool>())
            .prop_map(|(org, code, day, replaces)| Step::Code { org, code, day, replaces }),
    ]
}

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(day * 86_400_000_000)
}

fn code(number: usize) -> String {
    format!("H99.{number:02}")
}

/// Takes the step if the rules allow it.
fn take(world: &mut World, step: &Step) -> Result<(), EventRule> {
    let find =
        |world: &World, number: usize| world.directory.by_code(&code(number)).map(|org| org.id);
    match step {
        Step::Create {
            code: number,
            parent,
            day,
        } => {
            let parent = parent.and_then(|number| find(world, number));
            let new = new_org(&code(*number), &format!("Đơn vị {number}"), parent);
            world.apply(|draft, event| draft.create(&new, at(*day), event, Strictness::Issued))?;
        }
        Step::Rename { org, name, day } => {
            let Some(org) = find(world, *org) else {
                return Ok(());
            };
            world
                .apply(|draft, event| draft.rename(org, &format!("Tên {name}"), at(*day), event))?;
        }
        Step::Move { org, parent, day } => {
            let Some(org) = find(world, *org) else {
                return Ok(());
            };
            let parent = parent.and_then(|number| find(world, number));
            world.apply(|draft, event| draft.move_to(org, parent, at(*day), event))?;
        }
        Step::Level { org, level, day } => {
            let Some(org) = find(world, *org) else {
                return Ok(());
            };
            world.apply(|draft, event| draft.change_level(org, *level, at(*day), event))?;
        }
        Step::Succeed {
            org,
            successors,
            kind,
            day,
        } => {
            let Some(org) = find(world, *org) else {
                return Ok(());
            };
            let mut found: Vec<Option<OrgId>> = successors
                .iter()
                .filter_map(|number| find(world, *number))
                .map(Some)
                .collect();
            found.sort_unstable();
            found.dedup();
            if *kind == SuccessionKind::Dissolve || found.is_empty() {
                found = vec![None];
            }
            let occasion = Occasion {
                effective_at: at(*day),
                ..Occasion::default()
            };
            world.apply(|draft, event| draft.succeed(org, &found, *kind, &occasion, event))?;
        }
        Step::Code {
            org,
            code: number,
            day,
            replaces,
        } => {
            let Some(org) = find(world, *org) else {
                return Ok(());
            };
            let new = new_org(&code(*number), "", None).codes.remove(0);
            world.apply(|draft, event| {
                draft.add_code(org, &new, at(*day), event, Strictness::Issued, *replaces)
            })?;
        }
    }
    Ok(())
}

fn check(world: &World, owners: &mut HashMap<String, OrgId>) {
    for org in world.directory.iter() {
        assert!(!org.periods.is_empty());
        for pair in org.periods.windows(2) {
            assert_eq!(
                pair[0].to,
                Some(pair[1].from),
                "periods follow each other: {org:?}"
            );
        }
        for period in &org.periods {
            assert!(period.to.is_none_or(|to| period.from < to), "{org:?}");
        }
        for code in &org.codes {
            let owner = *owners.entry(code.key.clone()).or_insert(org.id);
            assert_eq!(owner, org.id, "{} was given twice", code.key);
            assert!(code.to.is_none_or(|to| code.from <= to), "{org:?}");
            assert!(
                org.ended_at()
                    .is_none_or(|ended| code.to.is_some_and(|to| to <= ended))
            );
        }
    }
    for day in -1..=DAYS {
        let now = at(day);
        for number in 0..CODES {
            match world.resolve(&code(number), now) {
                Resolution::Active { org, .. } => {
                    let org = world.directory.organisation(org).unwrap();
                    assert!(org.period_at(now).is_some());
                }
                Resolution::Forwarded { org, .. } => {
                    let org = world.directory.organisation(org).unwrap();
                    assert!(
                        org.period_at(now).is_some(),
                        "nothing routes to an ended one"
                    );
                }
                Resolution::Closed {
                    org,
                    candidates,
                    closed_at,
                    ..
                } => {
                    assert!(closed_at <= now);
                    let distinct: HashSet<OrgId> = candidates.iter().map(|c| c.org).collect();
                    assert_eq!(distinct.len(), candidates.len());
                    for candidate in candidates {
                        let found = world.directory.organisation(candidate.org).unwrap();
                        assert!(found.period_at(now).is_some(), "{org} {candidate:?}");
                    }
                }
                Resolution::NotYet { from, .. } => assert!(from > now),
                Resolution::Unknown => assert!(!owners.contains_key(&code(number))),
            }
        }
        for org in world.directory.iter() {
            let mut above = HashSet::new();
            let mut current = Some(org.id);
            while let Some(id) = current {
                assert!(above.insert(id), "{id} stands above itself on day {day}");
                current = world
                    .directory
                    .organisation(id)
                    .and_then(|org| org.period_at(now))
                    .and_then(|period| period.parent);
            }
        }
    }
}

/// What was answered about the past must be answered for ever, except by events recorded later for that past.
fn past(world: &World, before: i64) -> Vec<String> {
    (-1..before)
        .flat_map(|day| (0..CODES).map(move |number| (day, number)))
        .map(|(day, number)| world.says(&code(number), at(day)))
        .collect()
}

fn day_of(step: &Step) -> i64 {
    match step {
        Step::Create { day, .. }
        | Step::Rename { day, .. }
        | Step::Move { day, .. }
        | Step::Level { day, .. }
        | Step::Succeed { day, .. }
        | Step::Code { day, .. } => *day,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(20_250_701),
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_lives_keep_every_promise(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        world.transition = std::time::Duration::from_secs(3 * 86_400);
        let mut owners = HashMap::new();
        for step in &steps {
            let day = day_of(step);
            let is_creation = matches!(step, Step::Create { .. } | Step::Code { .. });
            let before = past(&world, day);
            let size = world.directory.len();
            if take(&mut world, step).is_err() {
                prop_assert_eq!(world.directory.len(), size);
            } else if !is_creation {
                prop_assert_eq!(past(&world, day), before, "the past changed by {:?}", step);
            }
        }
        check(&world, &mut owners);
    }
}
