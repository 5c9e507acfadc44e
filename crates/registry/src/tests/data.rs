//! The directory of three provinces before and after the mergers of 2025: every row of both succession files is asked for.

use std::collections::{BTreeMap, BTreeSet};

use lgsp_base::time::Timestamp;

use super::support::{World, before, day};
use crate::import::ImportKind;
use crate::resolve::Resolution;

pub(super) const SEED: &str = include_str!("../../fixtures/data/organisations_seed_provinces.csv");
pub(super) const AFTER: &str =
    include_str!("../../fixtures/data/organisations_after_2025-07-01.csv");
pub(super) const EARLY: &str =
    include_str!("../../fixtures/data/organisation_successions_2020-2024.csv");
pub(super) const LATE: &str = include_str!("../../fixtures/data/organisation_successions_2025.csv");
const BINH_AN: &str = include_str!("../../../../examples/binh-an/organisations.csv");

struct Row {
    predecessor: String,
    successor: String,
    kind: String,
    date: String,
    old_name: String,
    new_name: String,
}

fn rows() -> Vec<Row> {
    [EARLY, LATE]
        .into_iter()
        .flat_map(|file| {
            csv::Reader::from_reader(file.as_bytes())
                .into_records()
                .map(|record| {
                    let record = record.unwrap();
                    Row {
                        predecessor: record[0].to_owned(),
                        successor: record[1].to_owned(),
                        kind: record[2].to_owned(),
                        date: record[3].to_owned(),
                        old_name: record[6].to_owned(),
                        new_name: record[7].to_owned(),
                    }
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn world(files: &[&str]) -> World {
    let mut world = World::new();
    for file in files {
        let report = world.import(file);
        assert_eq!(report.problems, vec![], "{report:?}");
    }
    world
}

#[test]
fn both_directories_and_all_their_changes_are_imported() {
    let mut world = World::new();
    let seed = world.import(SEED);
    assert_eq!(
        (seed.rows, seed.created, seed.events),
        (686, 686, 1),
        "{seed:?}"
    );
    let after = world.import(AFTER);
    assert_eq!((after.rows, after.created), (419, 419), "{after:?}");
    let early = world.import(EARLY);
    assert_eq!((early.rows, early.changed), (131, 131), "{early:?}");
    let late = world.import(LATE);
    assert_eq!((late.rows, late.changed), (651, 651), "{late:?}");
    assert_eq!(late.kind, Some(ImportKind::Successions));
    assert_eq!(world.directory.len(), 686 + 419);

    let today = day("2026-11-21");
    let active = world
        .directory
        .iter()
        .filter(|org| org.period_at(today).is_some());
    assert_eq!(
        active.count(),
        419,
        "every unit of the three old provinces has ended"
    );

    for file in [SEED, AFTER, EARLY, LATE] {
        let again = world.import(file);
        assert!(again.is_accepted(), "{again:?}");
        assert_eq!(
            (again.unchanged, again.created, again.changed, again.events),
            (again.rows, 0, 0, 0)
        );
    }
}

#[test]
fn every_closed_code_resolves_as_its_event_says() {
    let world = world(&[SEED, AFTER, EARLY, LATE]);
    check_all_rows(&world);
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let forward = world(&[SEED, AFTER, EARLY, LATE]);
    let backward = world(&[AFTER, SEED, LATE, EARLY]);
    check_all_rows(&backward);
    for at in [
        "2020-01-01",
        "2024-12-01",
        "2025-03-01",
        "2025-07-01",
        "2026-11-21",
        "2030-01-01",
    ] {
        for org in forward.directory.iter() {
            let code = org.code_near(Timestamp::BEGINNING);
            assert_eq!(
                forward.says(code, day(at)),
                backward.says(code, day(at)),
                "{code} {at}"
            );
        }
    }
}

fn check_all_rows(world: &World) {
    let rows = rows();
    let mut groups: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        groups
            .entry((&row.predecessor, &row.date))
            .or_default()
            .push(row);
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for ((code, date), group) in &groups {
        let at = day(date);
        let eve = before(date);
        let org = world.directory.by_code(code).unwrap();
        assert_eq!(
            world.says(code, eve),
            format!("active {code}"),
            "the day before {date}"
        );
        let names: BTreeSet<&str> = group.iter().map(|row| row.old_name.as_str()).collect();
        if names.len() == 1 && !names.contains("") {
            assert_eq!(
                org.name_near(eve),
                *names.first().unwrap(),
                "{code} before {date}"
            );
        }
        let merge = group.iter().find(|row| row.kind == "merge");
        let rename = group.iter().find(|row| row.kind == "rename");
        let what = if let Some(row) = merge {
            if row.successor.is_empty() {
                assert_eq!(world.says(code, at), "closed successor_unknown");
                "merged into an unknown one"
            } else {
                let next = world.resolve(&row.successor, at).recipient().unwrap();
                assert!(
                    matches!(world.resolve(code, at), Resolution::Forwarded { org, .. } if org == next),
                    "{code} {date}: {:?}",
                    world.resolve(code, at)
                );
                "merged"
            }
        } else if let Some(row) = rename {
            assert_eq!(world.says(code, at), format!("active {code}"));
            assert_eq!(org.name_near(at), row.new_name);
            "renamed"
        } else if group.iter().any(|row| row.kind == "dissolve") {
            assert_eq!(world.says(code, at), "closed dissolved");
            "dissolved"
        } else if group.len() > 1 {
            let mut names: Vec<&str> = group.iter().map(|row| row.successor.as_str()).collect();
            names.sort_unstable();
            assert_eq!(
                world.says(code, at),
                format!("closed several_successors {}", names.join(" "))
            );
            "divided"
        } else {
            assert_eq!(
                world.says(code, at),
                format!("active {code}"),
                "a part went elsewhere"
            );
            "lives on"
        };
        *seen.entry(what).or_default() += 1;
        check_today(world, code, &groups);
    }
    let expected = BTreeMap::from([
        ("merged into an unknown one", 1),
        ("merged", 620),
        ("renamed", 49),
        ("dissolved", 31),
        ("divided", 34),
        ("lives on", 1),
    ]);
    assert_eq!(seen, expected);
}

/// Follows the rows by hand to today and compares.
fn check_today(world: &World, code: &str, groups: &BTreeMap<(&str, &str), Vec<&Row>>) {
    let today = day("2026-11-21");
    let mut current = code.to_owned();
    let mut routes = true;
    loop {
        let next = groups
            .iter()
            .filter(|((of, _), _)| *of == current)
            .flat_map(|(_, group)| group.iter())
            .find(|row| row.kind == "merge" && !row.successor.is_empty());
        let Some(row) = next else { break };
        routes &= today < day(&row.date).plus(world.transition);
        current.clone_from(&row.successor);
    }
    let said = world.says(code, today);
    let is_active = world.says(&current, today) == format!("active {current}");
    match (is_active, routes) {
        (true, true) if current == code => assert_eq!(said, format!("active {code}")),
        (true, true) => assert_eq!(said, format!("forwarded {current}"), "{code}"),
        (true, false) => assert_eq!(said, format!("closed transition_over {current}"), "{code}"),
        (false, _) => assert!(said.starts_with("closed "), "{code}: {said}"),
    }
}

#[test]
fn the_example_province_is_imported() {
    let mut world = World::new();
    let report = world.import(BINH_AN);
    assert!(report.is_accepted(), "{report:?}");
    assert!(report.created >= 14);
    let levels: BTreeSet<u32> = world
        .directory
        .iter()
        .map(|org| org.periods[0].level)
        .collect();
    assert_eq!(levels, BTreeSet::from([1, 2, 3]));
    let today = day("2026-11-21");
    for (code, name) in [
        ("H99.14", "Sở Khoa học và Công nghệ tỉnh Bình An"),
        ("000.00.14.H99", "Sở Khoa học và Công nghệ tỉnh Bình An"),
        ("H99.131", "UBND xã Phú Mẫu"),
        ("H99.132", "UBND xã Tân Mẫu"),
    ] {
        let id = world.resolve(code, today).recipient().unwrap();
        assert_eq!(
            world.directory.organisation(id).unwrap().name_near(today),
            name
        );
    }
}
