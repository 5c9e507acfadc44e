//! What is found, by whom, in which order.

use lgsp_base::id::{DocumentId, OrgId};
use lgsp_base::limits::INSIGHT_SCOPE_MAX;
use lgsp_store::StoreError;
use lgsp_store::exchange::DocumentKind;
use lgsp_store::testing::for_each_engine;

use super::history::{self, Dice};
use super::world::{Draft, World, at, run};
use crate::{DocumentQuery, InsightError, Outcome, Scope, Unit};

fn query(text: &str) -> DocumentQuery {
    DocumentQuery {
        text: Some(text.to_owned()),
        limit: 50,
        ..DocumentQuery::default()
    }
}

fn find(world: &World, scope: &Scope, query: &DocumentQuery) -> Vec<DocumentId> {
    let page = run(world.insight.search(scope, query)).expect("a page");
    page.rows
        .iter()
        .map(|row| row.transaction.document)
        .collect()
}

#[test]
fn a_document_is_found_by_everything_people_remember_of_it() {
    for_each_engine("insight-find", |test| {
        let world = World::new(test.db(), 1);
        let road = world.send(
            at(100),
            3,
            &[0],
            Draft {
                notation: Some("123/BC-TTĐB"),
                subject: Some("V/v báo cáo sửa chữa đường Hoà Bình"),
                external_id: Some("000.00.01.H29,2026/11/05,123/BC-TTĐB"),
                ..Draft::default()
            },
        );
        let health = world.send(
            at(200),
            1,
            &[2, 0],
            Draft {
                notation: Some("45/SYT-NV"),
                subject: Some("Kế hoạch tiêm chủng năm 2026"),
                ..Draft::default()
            },
        );
        world.advance();
        for (text, expected) in [
            ("123/BC-TTĐB", vec![road.id]),
            ("123", vec![road.id]),
            ("bao cao", vec![road.id]),
            ("BÁO CÁO", vec![road.id]),
            ("sua chua duong hoa binh", vec![road.id]),
            ("đường Hòa Bình", vec![road.id]),
            ("duo", vec![road.id]),
            ("ke hoa", vec![health.id]),
            ("hoa ke", vec![]),
            ("tiêm ch", vec![health.id]),
            ("so y te", vec![health.id]),
            ("Uỷ ban nhân dân", vec![health.id, road.id]),
            ("H29.2", vec![health.id]),
            ("000.00.01.H29,2026/11/05,123/BC-TTĐB", vec![road.id]),
            ("000.00.01.H29,2026/11/05", vec![road.id]),
            ("2026", vec![health.id]),
            ("khong co", vec![]),
            ("/ -", vec![]),
            ("", vec![health.id, road.id]),
            ("   ", vec![health.id, road.id]),
        ] {
            assert_eq!(find(&world, &Scope::All, &query(text)), expected, "{text}");
        }
        let by_id = query(&format!(" {} ", road.id));
        assert_eq!(find(&world, &Scope::All, &by_id), [road.id]);

        let with = |change: &dyn Fn(&mut DocumentQuery)| {
            let mut query = query("");
            change(&mut query);
            find(&world, &Scope::All, &query)
        };
        let [province, health_org, finance, _] = world.orgs[..] else {
            unreachable!("four organisations");
        };
        let unit = |unit| with(&|query| query.unit = Some(unit));
        assert_eq!(unit(Unit::Sender(health_org)), [health.id]);
        assert_eq!(unit(Unit::Sender(finance)), []);
        assert_eq!(unit(Unit::Recipient(finance)), [health.id]);
        assert_eq!(unit(Unit::Either(province)), [health.id, road.id]);
        assert_eq!(with(&|query| query.from = Some(at(150))), [health.id]);
        assert_eq!(with(&|query| query.to = Some(at(200))), [road.id]);
        assert_eq!(with(&|query| query.to = Some(at(100))), []);
        assert_eq!(with(&|query| query.from = Some(at(9_000))), []);
        assert_eq!(with(&|query| query.kinds = vec![DocumentKind::Status]), []);
        assert_eq!(
            with(&|query| query.kinds = vec![DocumentKind::Edoc, DocumentKind::Plain]),
            [health.id, road.id]
        );
    });
}

#[test]
fn an_outcome_is_found_with_any_other_filter() {
    for_each_engine("insight-outcome", |test| {
        let world = World::new(test.db(), 2);
        let sent: Vec<_> = (0..9)
            .map(|number| {
                let subject = if number % 2 == 0 {
                    "Báo cáo quý"
                } else {
                    "Giấy mời"
                };
                world.send(
                    at(100 + number),
                    0,
                    &[1, 2],
                    Draft {
                        subject: Some(subject),
                        ..Draft::default()
                    },
                )
            })
            .collect();
        for (number, document) in sent.iter().enumerate() {
            for place in 0..2 {
                let kind = match number % 3 {
                    0 => "delivery.confirmed",
                    1 => "delivery.dead",
                    _ => continue,
                };
                world.step(at(200), kind, document, place);
            }
        }
        world.advance();
        let found = |outcome, text: &str, unit| {
            let query = DocumentQuery {
                outcome: Some(outcome),
                unit,
                ..query(text)
            };
            let found = find(&world, &Scope::All, &query);
            let place = |id: DocumentId| sent.iter().position(|one| one.id == id).expect("one");
            found.into_iter().map(place).collect::<Vec<usize>>()
        };
        assert_eq!(found(Outcome::Done, "", None), [6, 3, 0]);
        assert_eq!(found(Outcome::Troubled, "", None), [7, 4, 1]);
        assert_eq!(found(Outcome::UnderWay, "", None), [8, 5, 2]);
        assert_eq!(found(Outcome::Cancelled, "", None), [0usize; 0]);
        assert_eq!(found(Outcome::Troubled, "bao c", None), [4]);
        assert_eq!(found(Outcome::UnderWay, "moi", None), [5]);
        assert_eq!(found(Outcome::Done, "bao cao", None), [6, 0]);
        let recipient = Some(Unit::Recipient(world.orgs[2]));
        assert_eq!(found(Outcome::Troubled, "giay", recipient), [7, 1]);
        let sender = Some(Unit::Sender(world.orgs[2]));
        assert_eq!(found(Outcome::Troubled, "giay", sender), [0usize; 0]);
    });
}

/// The text of a state is looked for in the rows when it is frequent, in the index when it is rare: both ways agree.
#[test]
fn rows_and_index_agree_on_what_a_question_means() {
    for_each_engine("insight-two-ways", |test| {
        let world = World::new(test.db(), 3);
        let subjects = ["Báo cáo quý", "Giấy mời họp", "Kế hoạch năm", "báo giá"];
        let mut documents = Vec::new();
        for number in 0..60_i64 {
            let subject = subjects[usize::try_from(number % 4).expect("small")];
            let notation = format!("{number}/UBND");
            let draft = Draft {
                subject: Some(subject),
                notation: Some(&notation),
                ..Draft::default()
            };
            let to = [1 + usize::try_from(number % 3).expect("small")];
            documents.push(world.send(at(100 + number), 0, &to, draft));
        }
        world.advance();
        for text in [
            "bao",
            "ba",
            "bao cao",
            "giay moi h",
            "ubnd 3",
            "y te",
            "H29.2",
            "zz",
        ] {
            let through_index = find(&world, &Scope::All, &query(text));
            let wanted = crate::words::question(text);
            let through_rows = test
                .db()
                .read::<_, StoreError, _>("test_rows", move |tx| {
                    let search = lgsp_store::insight::Search {
                        text: wanted.clone(),
                        limit: 50,
                        ..lgsp_store::insight::Search::default()
                    };
                    tx.insight_search_by_rows(&search)
                })
                .wait()
                .expect("rows");
            let through_rows: Vec<DocumentId> = through_rows
                .iter()
                .map(|row| row.transaction.document)
                .collect();
            assert_eq!(through_index, through_rows, "{text}");
        }
    });
}

#[test]
fn pages_follow_each_other_without_a_gap() {
    for_each_engine("insight-pages", |test| {
        let world = World::new(test.db(), 4);
        let mut expected: Vec<DocumentId> = (0..25)
            .map(|second| world.send(at(100 + second), 0, &[1], Draft::default()).id)
            .collect();
        expected.reverse();
        world.advance();
        for text in ["", "bao cao"] {
            for outcome in [None, Some(Outcome::UnderWay)] {
                let mut found = Vec::new();
                let mut cursor = None;
                loop {
                    let asked = DocumentQuery {
                        cursor,
                        outcome,
                        limit: 10,
                        ..query(text)
                    };
                    let page = run(world.insight.search(&Scope::All, &asked)).expect("a page");
                    assert!(page.rows.len() <= 10);
                    found.extend(page.rows.iter().map(|row| row.transaction.document));
                    cursor = page.next;
                    if cursor.is_none() {
                        break;
                    }
                }
                assert_eq!(found, expected, "{text} {outcome:?}");
            }
        }
    });
}

#[test]
fn nobody_sees_what_is_not_theirs() {
    for_each_engine("insight-scope", |test| {
        let world = World::new(test.db(), 5);
        let sent = history::write(&world, &Dice::new(5), 120);
        world.advance();
        let texts = ["", "bao cao", "so", "syt", "1"];
        let outcomes = [
            None,
            Some(Outcome::Troubled),
            Some(Outcome::UnderWay),
            Some(Outcome::Done),
        ];
        for own in [vec![0], vec![1, 3]] {
            let own: Vec<_> = own
                .into_iter()
                .map(|place: usize| world.orgs[place])
                .collect();
            let scope = Scope::Organisations(own.clone());
            let takes_part = |id: DocumentId| {
                sent.iter().any(|document| {
                    document.id == id
                        && (own.contains(&document.sender)
                            || document.deliveries.iter().any(|(_, org)| own.contains(org)))
                })
            };
            for text in texts {
                for outcome in outcomes {
                    let asked = DocumentQuery {
                        outcome,
                        limit: 1_000,
                        ..query(text)
                    };
                    let theirs: Vec<DocumentId> = find(&world, &Scope::All, &asked)
                        .into_iter()
                        .filter(|id| takes_part(*id))
                        .collect();
                    assert_eq!(find(&world, &scope, &asked), theirs, "{text} {outcome:?}");
                }
            }
            let foreign = sent.iter().find(|document| !takes_part(document.id));
            let foreign = foreign.expect("somebody else's").id;
            assert_eq!(find(&world, &scope, &query(&foreign.to_string())), []);
            let lines = run(world.insight.activity(&scope, 0, 1_000))
                .expect("lines")
                .lines;
            assert!(!lines.is_empty());
            assert!(
                lines
                    .iter()
                    .filter_map(|line| line.document)
                    .all(takes_part),
                "a line about somebody else's document"
            );
        }
        assert_eq!(
            find(&world, &Scope::Organisations(Vec::new()), &query("")),
            []
        );
        let mut many: Vec<OrgId> = (1..INSIGHT_SCOPE_MAX)
            .map(|_| OrgId::generate(at(1), &world.entropy))
            .collect();
        many.push(world.orgs[0]);
        let one = Scope::Organisations(vec![world.orgs[0]]);
        for outcome in outcomes {
            let asked = DocumentQuery {
                outcome,
                ..query("bao")
            };
            assert_eq!(
                find(&world, &Scope::Organisations(many.clone()), &asked),
                find(&world, &one, &asked)
            );
        }
        many.push(world.orgs[1]);
        let many = Scope::Organisations(many);
        let refused = run(world.insight.search(&many, &query("")));
        assert!(matches!(refused, Err(InsightError::TooManyOrganisations)));
    });
}

#[test]
fn what_people_type_breaks_nothing() {
    for_each_engine("insight-odd", |test| {
        let world = World::new(test.db(), 6);
        let sent = world.send(
            at(100),
            0,
            &[1],
            Draft {
                subject: Some("\"AND\" OR (NOT) NEAR* 'x':& | ! 漢字 đ _k %"),
                ..Draft::default()
            },
        );
        world.advance();
        for text in [
            "\"and\"",
            "or*",
            "(not)",
            "near(a b)",
            "'x':*",
            "漢字",
            "x & !",
            "a%",
            "_",
            "\\",
            "\0",
            "^x",
        ] {
            find(&world, &Scope::All, &query(text));
        }
        assert_eq!(find(&world, &Scope::All, &query("AND OR not")), [sent.id]);
        assert_eq!(find(&world, &Scope::All, &query("漢")), [sent.id]);
        let org = world.orgs[0].to_string().replace("org_", "_s");
        assert_eq!(find(&world, &Scope::All, &query(&org)), []);
    });
}
