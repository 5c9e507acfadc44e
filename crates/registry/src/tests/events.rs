//! Each kind of event, over time: the rules it keeps and what its codes mean before, on and after the day.

use std::time::Duration;

use lgsp_base::org_code::Scheme;
use lgsp_base::time::Timestamp;

use super::support::{World, before, day, new_org, on};
use crate::draft::{NewCode, Strictness};
use crate::error::EventRule;
use crate::model::SuccessionKind;
use crate::resolve::{ClosedReason, Resolution};

const DAY: &str = "2025-07-01";

fn merge(world: &mut World, from: &str, to: Option<&str>, date: &str) -> Result<(), EventRule> {
    let predecessor = world.id(from);
    let successor = to.map(|code| world.id(code));
    world.apply(|draft, event| {
        draft.succeed(
            predecessor,
            &[successor],
            SuccessionKind::Merge,
            &on(date),
            event,
        )
    })
}

fn code(scheme: Scheme, text: &str) -> NewCode {
    NewCode {
        scheme,
        code: text.to_owned(),
        is_official: true,
        legal_basis: None,
    }
}

#[test]
fn a_new_organisation_is_active_from_its_day() {
    let mut world = World::new();
    let id = world.create_at("H99.14", None, day(DAY));
    let first = day(DAY);
    assert_eq!(
        world.resolve("H99.14", before(DAY)),
        Resolution::NotYet {
            org: id,
            from: first
        }
    );
    assert_eq!(world.says("H99.14", first), "active H99.14");
    assert_eq!(world.says(" h99.14 ", first), "active H99.14");
    assert_eq!(world.says("H99.15", first), "unknown");
    assert_eq!(world.says("", first), "unknown");
    assert_eq!(world.says("null", first), "unknown");
}

#[test]
fn issued_codes_are_strict_and_foreign_ones_tolerated() {
    let mut world = World::new();
    for text in ["99.99.99.G21", "H9", "h99", "H99.a", "H99."] {
        let new = new_org(text, "Đơn vị", None);
        let strict = world.apply(|draft, event| {
            draft.create(&new, Timestamp::BEGINNING, event, Strictness::Issued)
        });
        assert!(matches!(strict, Err(EventRule::Code { .. })), "{text}");
        let tolerant = world.apply(|draft, event| {
            draft.create(&new, Timestamp::BEGINNING, event, Strictness::Foreign)
        });
        assert!(tolerant.is_ok(), "{text}");
    }
    let enterprise = new_org("0101234567", "Công ty Mẫu", None);
    let issued = world.apply(|draft, event| {
        draft.create(&enterprise, Timestamp::BEGINNING, event, Strictness::Issued)
    });
    assert!(
        issued.is_ok(),
        "an enterprise keeps its registration number"
    );
}

#[test]
fn what_an_organisation_begins_with_is_checked() {
    let mut world = World::new();
    world.create("H99");
    let try_with = |world: &mut World, change: &dyn Fn(&mut crate::draft::NewOrganisation)| {
        let mut new = new_org("H99.01", "Văn phòng", None);
        change(&mut new);
        world
            .apply(|draft, event| {
                draft.create(&new, Timestamp::BEGINNING, event, Strictness::Issued)
            })
            .unwrap_err()
            .name()
    };
    assert_eq!(
        try_with(&mut world, &|new| new.name = "  ".into()),
        "name_empty"
    );
    assert_eq!(
        try_with(&mut world, &|new| new.name = "a\u{0}b".into()),
        "name_form"
    );
    assert_eq!(
        try_with(&mut world, &|new| new.name = "x".repeat(301)),
        "name_form"
    );
    assert_eq!(try_with(&mut world, &|new| new.level = 0), "level");
    assert_eq!(try_with(&mut world, &|new| new.level = 10), "level");
    assert_eq!(try_with(&mut world, &|new| new.kind = "Sở".into()), "kind");
    assert_eq!(try_with(&mut world, &|new| new.codes.clear()), "no_code");
    assert_eq!(
        try_with(&mut world, &|new| new.codes =
            vec![code(Scheme::AdminUnit, "01")]),
        "no_code"
    );
    assert_eq!(
        try_with(&mut world, &|new| new.codes =
            vec![code(Scheme::Qd20, "H99")]),
        "code_taken"
    );
    assert_eq!(
        try_with(&mut world, &|new| new.parent =
            Some(lgsp_base::id::OrgId::from_bits(5))),
        "unknown"
    );
}

#[test]
fn a_new_name_keeps_id_and_code_and_begins_a_period() {
    let mut world = World::new();
    let id = world.create("H99.07");
    let rename = |world: &mut World, name: &str, date: &str| {
        world.apply(|draft, event| draft.rename(id, name, day(date), event))
    };
    rename(&mut world, "Sở Nông nghiệp và Môi trường", DAY).unwrap();
    let name = |world: &World, at| {
        world
            .directory
            .organisation(id)
            .unwrap()
            .name_near(at)
            .to_owned()
    };
    assert_eq!(name(&world, before(DAY)), "Đơn vị H99.07");
    assert_eq!(name(&world, day(DAY)), "Sở Nông nghiệp và Môi trường");
    assert_eq!(world.says("H99.07", day(DAY)), "active H99.07");

    // Recorded later, effective earlier: holds until the renaming that was known already.
    rename(&mut world, "Tên giữa chừng", "2022-01-01").unwrap();
    assert_eq!(name(&world, day("2021-12-31")), "Đơn vị H99.07");
    assert_eq!(name(&world, before(DAY)), "Tên giữa chừng");
    assert_eq!(name(&world, day(DAY)), "Sở Nông nghiệp và Môi trường");

    assert_eq!(
        rename(&mut world, "Tên giữa chừng", "2023-01-01"),
        Err(EventRule::NoChange)
    );
    assert_eq!(
        rename(&mut world, "", "2023-01-01"),
        Err(EventRule::NameEmpty)
    );
    let born = world.create_at("H99.08", None, day(DAY));
    let too_early = world.apply(|draft, event| draft.rename(born, "X", day(DAY), event));
    assert_eq!(too_early, Err(EventRule::BeforeBeginning("H99.08".into())));
    let unborn = world.apply(|draft, event| draft.rename(born, "X", before(DAY), event));
    assert_eq!(unborn, Err(EventRule::NotActive("H99.08".into())));
}

#[test]
fn an_earlier_level_lasts_until_the_next_change_of_level_only() {
    let mut world = World::new();
    let id = world.create("H99.07");
    world
        .apply(|draft, event| draft.rename(id, "Mới", day("2023-01-01"), event))
        .unwrap();
    world
        .apply(|draft, event| draft.change_level(id, 4, day("2024-01-01"), event))
        .unwrap();
    world
        .apply(|draft, event| draft.change_level(id, 3, day("2022-01-01"), event))
        .unwrap();
    let levels: Vec<(u32, &str)> = world
        .directory
        .organisation(id)
        .unwrap()
        .periods
        .iter()
        .map(|period| (period.level, period.name.as_str()))
        .collect();
    assert_eq!(
        levels,
        [
            (2, "Đơn vị H99.07"),
            (3, "Đơn vị H99.07"),
            (3, "Mới"),
            (4, "Mới")
        ]
    );
}

#[test]
fn a_merged_code_routes_during_the_transition_and_names_the_successor_after() {
    let mut world = World::new();
    world.create("H99.04");
    world.create("H99.05");
    merge(&mut world, "H99.04", Some("H99.05"), DAY).unwrap();
    let end = day(DAY).plus(world.transition);
    let last = Timestamp::from_micros(end.as_micros() - 1);
    assert_eq!(world.says("H99.04", before(DAY)), "active H99.04");
    assert_eq!(world.says("H99.04", day(DAY)), "forwarded H99.05");
    assert_eq!(world.says("H99.04", last), "forwarded H99.05");
    assert_eq!(world.says("H99.04", end), "closed transition_over H99.05");
    assert_eq!(world.resolve("H99.04", end).axis_code(), 23);
    let problem = world.resolve("H99.04", end).to_problem("H99.04").unwrap();
    assert_eq!(problem.code(), "exchange.recipient_closed");
    assert!(problem.detail.contains("H99.05"), "{}", problem.detail);
    world.transition = Duration::ZERO;
    assert_eq!(
        world.says("H99.04", day(DAY)),
        "closed transition_over H99.05"
    );

    let again = new_org("H99.04", "Kẻ đến sau", None);
    let taken = world
        .apply(|draft, event| draft.create(&again, day("2030-01-01"), event, Strictness::Foreign));
    assert_eq!(
        taken,
        Err(EventRule::CodeTaken("H99.04".into())),
        "a closed code is never re-issued"
    );
}

#[test]
fn a_merger_into_an_unknown_one_closes_without_candidates() {
    let mut world = World::new();
    world.create("H99.04");
    merge(&mut world, "H99.04", None, DAY).unwrap();
    assert_eq!(world.says("H99.04", day(DAY)), "closed successor_unknown");
}

#[test]
fn a_lineage_is_who_went_in_whole_by_then_however_long_ago() {
    let mut world = World::new();
    let ids = ["H99.01", "H99.02", "H99.03", "H99.04", "H99.05"].map(|code| world.create(code));
    let lineage = |world: &World, of: usize, at| {
        let found = crate::resolve::lineage(&world.directory, ids[of], at);
        let position = |org: &_| ids.iter().position(|id| id == org).unwrap();
        found.iter().map(position).collect::<Vec<_>>()
    };
    merge(&mut world, "H99.01", Some("H99.02"), DAY).unwrap();
    merge(&mut world, "H99.02", Some("H99.03"), "2025-08-01").unwrap();
    world
        .apply(|draft, event| {
            let parts = [Some(ids[2]), Some(ids[4])];
            let when = on("2025-09-01");
            draft.succeed(ids[3], &parts, SuccessionKind::Split, &when, event)
        })
        .unwrap();
    assert_eq!(lineage(&world, 1, before(DAY)), [0; 0]);
    assert_eq!(lineage(&world, 1, day(DAY)), [0]);
    assert_eq!(lineage(&world, 2, before("2025-08-01")), [0; 0]);
    assert_eq!(lineage(&world, 2, day("2025-08-01")), [1, 0]);
    let later = day(DAY).plus(world.transition + world.transition);
    assert_eq!(lineage(&world, 2, later), [1, 0]);
    // A part of somebody is not somebody.
    assert_eq!(lineage(&world, 4, later), [0; 0]);
}

#[test]
fn chains_are_followed_while_every_step_is_in_its_transition() {
    let mut world = World::new();
    for code in ["H99.01", "H99.02", "H99.03"] {
        world.create(code);
    }
    merge(&mut world, "H99.01", Some("H99.02"), "2024-01-01").unwrap();
    merge(&mut world, "H99.02", Some("H99.03"), DAY).unwrap();
    assert_eq!(world.says("H99.01", day("2024-06-01")), "forwarded H99.02");
    assert_eq!(world.says("H99.01", day(DAY)), "forwarded H99.03");
    assert_eq!(
        world.says("H99.01", day("2026-01-01")),
        "closed transition_over H99.03"
    );
    assert_eq!(world.says("H99.02", day("2026-01-01")), "forwarded H99.03");
}

#[test]
fn a_chain_on_one_day_is_followed_whatever_the_order() {
    for order in [["H99.01", "H99.02"], ["H99.02", "H99.01"]] {
        let mut world = World::new();
        for code in ["H99.01", "H99.02", "H99.03"] {
            world.create(code);
        }
        for code in order {
            let to = if code == "H99.01" { "H99.02" } else { "H99.03" };
            merge(&mut world, code, Some(to), DAY).unwrap();
        }
        assert_eq!(world.says("H99.01", day(DAY)), "forwarded H99.03");
    }
}

#[test]
fn nobody_succeeds_himself() {
    let mut world = World::new();
    world.create("H99.01");
    world.create("H99.02");
    assert_eq!(
        merge(&mut world, "H99.01", Some("H99.01"), DAY),
        Err(EventRule::SameOrganisation("H99.01".into()))
    );
    merge(&mut world, "H99.01", Some("H99.02"), DAY).unwrap();
    assert_eq!(
        merge(&mut world, "H99.02", Some("H99.01"), DAY),
        Err(EventRule::Cycle("H99.02".into()))
    );
    assert_eq!(
        merge(&mut world, "H99.01", Some("H99.02"), DAY),
        Err(EventRule::NotActive("H99.01".into())),
        "an end happens once"
    );
    assert_eq!(
        merge(&mut world, "H99.02", Some("H99.01"), "2026-01-01"),
        Err(EventRule::NotActive("H99.01".into()))
    );
}

#[test]
fn an_earlier_end_is_refused_when_later_events_need_the_organisation() {
    let mut world = World::new();
    for code in ["H99.01", "H99.02", "H99.03"] {
        world.create(code);
    }
    merge(&mut world, "H99.01", Some("H99.02"), DAY).unwrap();
    assert_eq!(
        merge(&mut world, "H99.02", Some("H99.03"), "2025-01-01"),
        Err(EventRule::LaterEvents("H99.02".into())),
        "it takes another one over later"
    );
    assert_eq!(
        merge(&mut world, "H99.01", Some("H99.03"), "2025-01-01"),
        Err(EventRule::LaterEvents("H99.01".into())),
        "it ends later"
    );
    let renamed = world.id("H99.03");
    world
        .apply(|draft, event| draft.rename(renamed, "Mới", day(DAY), event))
        .unwrap();
    assert_eq!(
        merge(&mut world, "H99.03", None, "2025-01-01"),
        Err(EventRule::LaterEvents("H99.03".into()))
    );
}

#[test]
fn a_transfer_never_routes_and_leaves_the_predecessor_alive() {
    let mut world = World::new();
    let from = world.create("H99.02");
    let to = world.create("H99.20");
    let transfer = |world: &mut World| {
        world.apply(|draft, event| {
            draft.succeed(from, &[Some(to)], SuccessionKind::Transfer, &on(DAY), event)
        })
    };
    transfer(&mut world).unwrap();
    assert_eq!(world.says("H99.02", day("2027-01-01")), "active H99.02");
    // Together with a merger the merger decides, whichever was recorded first.
    world.create("H99.21");
    merge(&mut world, "H99.02", Some("H99.21"), DAY).unwrap();
    transfer(&mut world).unwrap();
    assert_eq!(world.says("H99.02", day(DAY)), "forwarded H99.21");
    assert_eq!(
        world.says("H99.02", day("2030-01-01")),
        "closed transition_over H99.21"
    );
}

#[test]
fn a_split_names_the_active_ends_of_all_parts() {
    let mut world = World::new();
    let [a, b, c] = ["H99.01", "H99.02", "H99.03"].map(|code| world.create(code));
    world.create("H99.04");
    world
        .apply(|draft, event| {
            draft.succeed(
                a,
                &[Some(b), Some(c)],
                SuccessionKind::Split,
                &on(DAY),
                event,
            )
        })
        .unwrap();
    merge(&mut world, "H99.03", Some("H99.04"), "2026-01-01").unwrap();
    assert_eq!(
        world.says("H99.01", day(DAY)),
        "closed several_successors H99.02 H99.03"
    );
    assert_eq!(
        world.says("H99.01", day("2026-01-01")),
        "closed several_successors H99.02 H99.04"
    );
    merge(&mut world, "H99.02", Some("H99.04"), "2026-02-01").unwrap();
    assert_eq!(
        world.says("H99.01", day("2026-02-01")),
        "closed several_successors H99.04"
    );
}

#[test]
fn a_dissolved_organisation_has_no_candidates_and_its_children_live_on() {
    let mut world = World::new();
    let parent = world.create("H99.31");
    world.create_at("H99.31.01", Some(parent), Timestamp::BEGINNING);
    world
        .apply(|draft, event| {
            draft.succeed(parent, &[None], SuccessionKind::Dissolve, &on(DAY), event)
        })
        .unwrap();
    assert!(matches!(
        world.resolve("H99.31", day(DAY)),
        Resolution::Closed { reason: ClosedReason::Dissolved, candidates, .. } if candidates.is_empty()
    ));
    assert_eq!(world.says("H99.31.01", day(DAY)), "active H99.31.01");
}

#[test]
fn a_renaming_with_another_code_routes_like_a_merger() {
    let mut world = World::new();
    let old = world.create("H57");
    let new = world.create("K57");
    world
        .apply(|draft, event| {
            draft.succeed(old, &[Some(new)], SuccessionKind::Rename, &on(DAY), event)
        })
        .unwrap();
    assert_eq!(world.says("H57", before(DAY)), "active H57");
    assert_eq!(world.says("H57", day(DAY)), "forwarded K57");
}

#[test]
fn nobody_stands_above_himself_now_or_later() {
    let mut world = World::new();
    let a = world.create("H99");
    let b = world.create_at("H99.01", Some(a), Timestamp::BEGINNING);
    let c = world.create_at("H99.01.01", Some(b), Timestamp::BEGINNING);
    let go = |world: &mut World, org, parent, date: &str| {
        world.apply(|draft, event| draft.move_to(org, parent, day(date), event))
    };
    assert_eq!(
        go(&mut world, a, Some(a), DAY),
        Err(EventRule::Cycle("H99".into()))
    );
    assert_eq!(
        go(&mut world, a, Some(c), DAY),
        Err(EventRule::Cycle("H99".into()))
    );
    go(&mut world, c, Some(a), DAY).unwrap();
    assert_eq!(
        go(&mut world, b, Some(c), "2024-01-01"),
        Err(EventRule::Cycle("H99.01".into())),
        "until that later day c stands below b"
    );
    go(&mut world, b, Some(c), DAY).unwrap();
    let children = |world: &World, id, at| world.directory.children_of(id, at).count();
    assert_eq!(children(&world, a, before(DAY)), 1);
    assert_eq!(children(&world, a, day(DAY)), 1);
    assert_eq!(children(&world, c, day(DAY)), 1);
    go(&mut world, b, None, "2026-01-01").unwrap();
    assert_eq!(children(&world, c, day("2026-01-01")), 0);
}

#[test]
fn another_code_in_the_place_of_one_routes_to_the_same_organisation() {
    let mut world = World::new();
    let id = world.create("H99.14");
    let give = |world: &mut World, new: NewCode, replaces| {
        world.apply(|draft, event| {
            draft.add_code(id, &new, day(DAY), event, Strictness::Issued, replaces)
        })
    };
    give(&mut world, code(Scheme::Tax, "0101234567"), false).unwrap();
    give(&mut world, code(Scheme::Axis, "vxp.saas.03"), false).unwrap();
    give(&mut world, code(Scheme::AdminUnit, "01234"), false).unwrap();
    for known in ["0101234567", "VXP.SAAS.03"] {
        assert_eq!(world.says(known, day(DAY)), "active H99.14");
        assert_eq!(world.says(known, before(DAY)), "not_yet");
    }
    assert_eq!(
        world.says("01234", day(DAY)),
        "unknown",
        "a territory is not an addressee"
    );

    give(&mut world, code(Scheme::Qd20, "H99.41"), true).unwrap();
    assert_eq!(world.says("H99.14", before(DAY)), "active H99.14");
    assert_eq!(world.says("H99.14", day(DAY)), "forwarded H99.41");
    assert_eq!(
        world.says("H99.14", day("2030-01-01")),
        "closed transition_over H99.41"
    );
    assert_eq!(world.says("0101234567", day(DAY)), "active H99.41");
    assert_eq!(
        give(&mut world, code(Scheme::Qd20, "H99.14"), false),
        Err(EventRule::CodeTaken("H99.14".into()))
    );
    world.create("H99.50");
    merge(&mut world, "H99.41", Some("H99.50"), "2026-01-01").unwrap();
    for known in ["H99.14", "H99.41", "0101234567"] {
        assert_eq!(
            world.says(known, day("2026-01-01")),
            "forwarded H99.50",
            "{known}"
        );
    }
}

#[test]
fn the_same_text_in_two_schemes_means_the_active_one() {
    let mut world = World::new();
    let old = world.create("H99.01");
    let new = world.create("H99.02");
    world
        .apply(|draft, event| {
            draft.add_code(
                new,
                &code(Scheme::Local, "H99.01"),
                day(DAY),
                event,
                Strictness::Foreign,
                false,
            )
        })
        .unwrap();
    assert_eq!(world.says("H99.01", day(DAY)), "active H99.01");
    world
        .apply(|draft, event| {
            draft.succeed(old, &[None], SuccessionKind::Dissolve, &on(DAY), event)
        })
        .unwrap();
    assert_eq!(world.says("H99.01", day(DAY)), "active H99.02");
}
