//! Dossiers pushed by their agencies: what is taken, what is refused, whom it reaches.

use lgsp_base::planted::Planted;
use lgsp_base::{Actor, Sha256};
use lgsp_exchange::dossier::{
    DossierError, DossierPush, DossierRef, Procedure, Purpose, PushMode, RouteKind,
};
use lgsp_exchange::{ContentBody, ContentTarget, DocumentKind, SubmitError};
use lgsp_store::testing::TestDb;
use lgsp_wire::dossier::{Dossier, DossierStatus};

use crate::dossiers_kit::{at, dossier, each_world, progress, push, step};
use crate::history::stores;
use crate::world::{Way, World, actor, code, operator, org, run};

#[test]
fn a_dossier_is_stored_and_reaches_its_parties() {
    run(each_world("dossier_push", async |world| {
        let new = dossier(0, 1, DossierStatus::Received);
        let made = world.pushes(0, new.clone()).await.expect("accepted");
        assert_eq!((made.version, made.status), (1, DossierStatus::Received));
        assert_eq!(made.accepted.kind, DocumentKind::Dossier);
        let reached: Vec<&str> = made
            .accepted
            .deliveries
            .iter()
            .map(|delivery| delivery.recipient_code.as_str())
            .collect();
        assert_eq!(reached, ["H99.1", "H99.2"]);
        // The parties read exactly our own JSON of it.
        let body = serde_json::to_vec(&new).expect("JSON");
        assert_eq!(made.accepted.content_sha256, Sha256::of(&body));
        for party in [0, 1, 2] {
            let target = ContentTarget::Document(made.accepted.document);
            let content = world
                .exchange
                .content(&actor(party), target)
                .await
                .expect("content");
            let ContentBody::Bytes(bytes) = content.body else {
                panic!("a small body");
            };
            assert_eq!(bytes, body);
        }
        let page = world.inbox(1).await;
        assert_eq!(page.items[0].content.as_deref(), Some(body.as_slice()));
        assert_eq!(page.items[0].notation.as_deref(), Some("H99.0-260309-0001"));
        assert_eq!(page.items[0].subject, None);
        assert!(
            world.acknowledge(1, &[page.items[0].delivery]).await[0]
                .result
                .is_ok()
        );
    }));
}

#[test]
fn repeats_get_the_first_answer_and_reused_keys_conflict() {
    run(each_world("dossier_repeat", async |world| {
        let new = dossier(0, 1, DossierStatus::Received);
        let first = world
            .dossiers
            .push(push(0, new.clone(), Some("k")))
            .await
            .expect("accepted");
        let again = world
            .dossiers
            .push(push(0, new.clone(), Some("k")))
            .await
            .expect("repeated");
        assert!(again.is_repeat());
        assert_eq!(again.accepted.document, first.accepted.document);
        assert_eq!(again.accepted.receipt, first.accepted.receipt);
        let mut other = new.clone();
        other.note = "khác".to_owned();
        assert!(matches!(
            world.dossiers.push(push(0, other.clone(), Some("k"))).await,
            Err(DossierError::Submit(SubmitError::KeyConflict))
        ));
        // Without a key the same content is a repetition of the last push, and only of that.
        assert!(
            world
                .pushes(0, new.clone())
                .await
                .expect("repeated")
                .is_repeat()
        );
        let moved = world
            .pushes(0, dossier(0, 1, DossierStatus::SupplementAsked))
            .await
            .expect("accepted");
        assert_eq!((moved.version, moved.is_repeat()), (2, false));
        let back = world.pushes(0, new).await.expect("accepted");
        assert_eq!((back.version, back.is_repeat()), (3, false));
        assert_eq!(back.status, DossierStatus::Received);
    }));
}

#[test]
fn creating_twice_is_a_repeat_and_creating_something_else_is_refused() {
    run(each_world("dossier_create", async |world| {
        let create = |dossier: Dossier| DossierPush {
            mode: PushMode::Create,
            ..push(0, dossier, None)
        };
        let new = dossier(0, 1, DossierStatus::Received);
        world
            .dossiers
            .push(create(new.clone()))
            .await
            .expect("accepted");
        assert!(
            world
                .dossiers
                .push(create(new.clone()))
                .await
                .expect("repeated")
                .is_repeat()
        );
        let mut other = new.clone();
        other.note = "khác".to_owned();
        assert!(matches!(
            world.dossiers.push(create(other)).await,
            Err(DossierError::Exists)
        ));
        let update = DossierPush {
            mode: PushMode::Update,
            ..push(0, dossier(0, 2, DossierStatus::Received), None)
        };
        assert!(matches!(
            world.dossiers.push(update).await,
            Err(DossierError::Unknown)
        ));
    }));
}

#[test]
fn a_code_belongs_to_one_applicant() {
    run(each_world("dossier_applicant", async |world| {
        let new = dossier(0, 1, DossierStatus::Received);
        world.pushes(0, new.clone()).await.expect("accepted");
        let mut other = new.clone();
        other.applicant.name = "Lê Thị Khác".to_owned();
        other.applicant.identities[0].number = "001099999999".to_owned();
        let refused = world.pushes(0, other).await.expect_err("refused");
        assert!(matches!(refused, DossierError::OtherApplicant));
        assert_eq!(refused.to_problem().code(), "dossier.other_applicant");
        // A corrected name under the same number is the same person.
        let mut corrected = new;
        corrected.applicant.name = "Nguyễn Văn Thứ".to_owned();
        world.pushes(0, corrected).await.expect("accepted");
    }));
}

#[test]
fn whoever_is_no_party_hears_that_there_is_no_dossier() {
    run(each_world("dossier_stranger", async |world| {
        world.directory.set(5, Way::Inbox);
        let new = dossier(0, 1, DossierStatus::Received);
        // Nobody makes dossiers in the name of another agency.
        assert!(matches!(
            world.pushes(5, new.clone()).await,
            Err(DossierError::Submit(SubmitError::Sender { .. }))
        ));
        world.pushes(0, new.clone()).await.expect("accepted");
        let mut other = new.clone();
        other.note = "x".to_owned();
        assert!(matches!(
            world.pushes(5, other.clone()).await,
            Err(DossierError::Unknown)
        ));
        let steps = vec![step(0, 1, DossierStatus::Processing, "03-09T02:30")];
        assert!(matches!(
            world.dossiers.progress(progress(5, 1, steps)).await,
            Err(DossierError::Unknown)
        ));
        // Whom a route leads to may take dossiers in for others, and go on with them.
        world
            .pushes(2, dossier(0, 2, DossierStatus::Registered))
            .await
            .expect("accepted");
        let taken = world.pushes(1, other).await.expect("a party pushes");
        let owner_hears = taken
            .accepted
            .deliveries
            .iter()
            .any(|delivery| delivery.recipient_code == code(0));
        assert!(owner_hears);
    }));
}

#[test]
fn an_operator_pushes_for_the_owner_and_names_recipients() {
    run(each_world("dossier_operator", async |world| {
        let mut push = push(0, dossier(0, 1, DossierStatus::Received), Some("k"));
        push.actor = operator();
        push.to = vec![code(4)];
        push.handling = Some(code(1));
        let made = world.dossiers.push(push).await.expect("accepted");
        let mut reached: Vec<String> = made
            .accepted
            .deliveries
            .iter()
            .map(|delivery| delivery.recipient_code.clone())
            .collect();
        reached.sort();
        assert_eq!(reached, ["H99.1", "H99.2", "H99.4"]);
        let view = world
            .dossiers
            .view(&actor(1), &DossierRef::Id(made.dossier), Purpose::Handling)
            .await
            .expect("a view");
        assert_eq!(view.handling.expect("a unit").org, org(1));
        assert_eq!(view.messages[0].sender.org, org(0));
    }));
}

#[test]
fn a_closed_agency_code_leads_to_the_successor() {
    run(each_world("dossier_closed", async |world| {
        world.directory.set(6, Way::Inbox);
        world
            .directory
            .closed
            .lock()
            .expect("not poisoned")
            .insert(code(6), Some(0));
        // The successor's system pushes a dossier of the old code; nobody has to be asked twice.
        let made = world
            .pushes(0, dossier(6, 1, DossierStatus::Received))
            .await
            .expect("accepted");
        let view = world
            .dossiers
            .view(&actor(0), &DossierRef::Id(made.dossier), Purpose::Handling)
            .await
            .expect("a view");
        assert_eq!(view.owner.org, org(0));
        // A party that is closed later: its successor gets what comes.
        world
            .directory
            .closed
            .lock()
            .expect("not poisoned")
            .insert(code(1), Some(3));
        let mut moved = dossier(6, 1, DossierStatus::Processing);
        moved.handling_unit = "Sở Thử".to_owned();
        let moved = world.pushes(0, moved).await.expect("accepted");
        let mut reached: Vec<&str> = moved
            .accepted
            .deliveries
            .iter()
            .map(|delivery| delivery.recipient_code.as_str())
            .collect();
        reached.sort_unstable();
        assert_eq!(reached, ["H99.2", "H99.3"]);
        let unknown = world
            .pushes(0, dossier(77, 1, DossierStatus::Received))
            .await;
        assert!(matches!(unknown, Err(DossierError::AgencyUnknown { .. })));
    }));
}

#[test]
fn what_cannot_be_is_refused_with_its_places() {
    run(each_world("dossier_invalid", async |world| {
        let mut wrong = dossier(0, 1, DossierStatus::Received);
        wrong.received_at = None;
        let Err(DossierError::Fields(violations)) = world.pushes(0, wrong).await else {
            panic!("a field is missing");
        };
        assert_eq!(violations[0].path, "NgayTiepNhan");
        let mut early = dossier(0, 1, DossierStatus::Received);
        early.due_at = Some(at("03-08T17:00"));
        let mut future = dossier(0, 1, DossierStatus::Received);
        future.received_at = Some(at("03-20T17:00"));
        future.due_at = Some(at("03-25T17:00"));
        for (wrong, place) in [(early, "NgayHenTra"), (future, "NgayTiepNhan")] {
            let problem = world
                .pushes(0, wrong)
                .await
                .expect_err("refused")
                .to_problem();
            assert_eq!(problem.code(), "dossier.invalid");
            assert!(format!("{problem:?}").contains(place), "{problem:?}");
        }
        let mut large = dossier(0, 1, DossierStatus::Received);
        large.note = "x".repeat(600 * 1024);
        assert!(matches!(
            world.pushes(0, large).await,
            Err(DossierError::TooLarge)
        ));
    }));
}

#[test]
fn a_procedure_must_be_known_or_mapped_once_any_is() {
    run(each_world("dossier_procedure", async |world| {
        let procedure = |code: &str| Procedure {
            code: code.to_owned(),
            agency: String::new(),
            name: "Thủ tục".to_owned(),
            field_code: "G15-TP02".to_owned(),
            field_name: "Hộ tịch".to_owned(),
            level: "4".to_owned(),
            record: "{}".to_owned(),
            synced_at: world.now(),
            version: 0,
        };
        let platform = Actor::Platform { part: "test" };
        let put = world
            .dossiers
            .procedures_put(&platform, vec![procedure("1.000001")])
            .await;
        assert_eq!(put.expect("stored"), 1);
        let refused = world
            .pushes(0, dossier(0, 1, DossierStatus::Received))
            .await
            .expect_err("refused");
        assert_eq!(refused.to_problem().code(), "dossier.procedure_unknown");
        let national = "1.000001".parse().expect("a code");
        world
            .dossiers
            .mapping_put(&operator(), "2.000488", None, &national)
            .await
            .expect("mapped");
        world
            .pushes(0, dossier(0, 1, DossierStatus::Received))
            .await
            .expect("accepted");
        let rows = world
            .dossiers
            .list(&operator(), Default::default())
            .await
            .expect("a list");
        assert_eq!(rows.rows[0].procedure, "1.000001");
    }));
}

#[test]
fn a_batch_takes_what_is_good_and_says_what_is_not() {
    run(each_world("dossier_batch", async |world| {
        let mut batch = Vec::new();
        for number in 1..=20 {
            batch.push(push(0, dossier(0, number, DossierStatus::Received), None));
        }
        let mut wrong = dossier(0, 21, DossierStatus::Received);
        wrong.due_at = Some(at("03-01T08:00"));
        batch.insert(7, push(0, wrong, None));
        // Two about one code keep their order.
        batch.push(push(0, dossier(0, 3, DossierStatus::Processing), None));
        let results = world.dossiers.push_all(batch).await.expect("a batch");
        let failed: Vec<usize> = results
            .iter()
            .enumerate()
            .filter(|(_, result)| result.is_err())
            .map(|(index, _)| index)
            .collect();
        assert_eq!(failed, [7]);
        assert_eq!(results[21].as_ref().expect("accepted").version, 2);
        assert_eq!(world.status(3).await, DossierStatus::Processing);
        let many = (0..201)
            .map(|_| push(0, dossier(0, 1, DossierStatus::Received), None))
            .collect();
        assert!(matches!(
            world.dossiers.push_all(many).await,
            Err(DossierError::BatchTooLarge)
        ));
    }));
}

#[test]
fn two_that_make_one_dossier_at_once_make_one() {
    run(async {
        for store in stores("dossier_race") {
            let world = World::with(store, 7, Planted::NONE);
            world.route(RouteKind::All, "", 2).await;
            let mut pushes = Vec::new();
            for number in 0..8 {
                let mut one = dossier(0, 1, DossierStatus::Received);
                one.note = format!("lần {number}");
                pushes.push(
                    world
                        .dossiers
                        .push(push(0, one, Some(&format!("k{number}")))),
                );
            }
            let mut versions: Vec<i64> = futures_util::future::join_all(pushes)
                .await
                .into_iter()
                .map(|result| result.expect("accepted").version)
                .collect();
            versions.sort_unstable();
            assert_eq!(versions, (1..=8).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_state_is_replayed_to_one_party_once() {
    run(each_world("dossier_replay", async |world| {
        let made = world
            .pushes(0, dossier(0, 1, DossierStatus::Received))
            .await
            .expect("accepted");
        let again = world
            .dossiers
            .replay(&operator(), made.dossier, org(2), "r1".to_owned())
            .await
            .expect("replayed");
        assert_eq!(again.version, 2);
        assert_eq!(again.accepted.deliveries.len(), 1);
        assert_eq!(again.accepted.content_sha256, made.accepted.content_sha256);
        let repeat = world
            .dossiers
            .replay(&operator(), made.dossier, org(2), "r1".to_owned())
            .await
            .expect("repeated");
        assert!(repeat.is_repeat());
        assert_eq!(repeat.accepted.document, again.accepted.document);
        for (by, to) in [(actor(0), org(2)), (operator(), org(4))] {
            let refused = world
                .dossiers
                .replay(&by, made.dossier, to, "r2".to_owned())
                .await;
            assert!(refused.is_err());
        }
    }));
}

#[test]
fn dossiers_outlive_a_restart() {
    run(async {
        let mut world = World::with(TestDb::sqlite("dossier_restart"), 7, Planted::NONE);
        let made = world
            .pushes(0, dossier(0, 1, DossierStatus::Received))
            .await
            .expect("accepted");
        world.restart();
        let view = world
            .dossiers
            .view(&actor(0), &DossierRef::Id(made.dossier), Purpose::Handling)
            .await
            .expect("a view");
        assert_eq!(view.dossier, Some(dossier(0, 1, DossierStatus::Received)));
    });
}
