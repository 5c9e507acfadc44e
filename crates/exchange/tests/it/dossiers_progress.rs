//! How dossiers move: steps, transitions, the clock.

use std::time::Duration;

use lgsp_exchange::dossier::{DossierError, DossierRef, Purpose};
use lgsp_wire::dossier::{DossierStatus, Supplement};

use crate::dossiers_kit::{at, dossier, dossier_code, each_world, progress, step};
use crate::world::{actor, run};

#[test]
fn progress_moves_the_status_and_history_is_kept_once() {
    run(each_world("dossier_progress", async |world| {
        world
            .pushes(0, dossier(0, 1, DossierStatus::Received))
            .await
            .expect("accepted");
        world.clock.advance(Duration::from_secs(6 * 3600));
        let first = step(0, 1, DossierStatus::Processing, "03-09T04:00");
        let second = step(0, 1, DossierStatus::Finished, "03-09T05:00");
        let done = world
            .dossiers
            .progress(progress(0, 1, vec![first.clone()]))
            .await
            .expect("accepted");
        assert_eq!((done.version, done.status), (2, DossierStatus::Processing));
        // The whole history again, with one more.
        let done = world
            .dossiers
            .progress(progress(0, 1, vec![second.clone(), first.clone()]))
            .await
            .expect("accepted");
        assert_eq!(done.status, DossierStatus::Finished);
        // An old step that comes late is history.
        let mut late = step(0, 1, DossierStatus::Received, "03-09T03:30");
        late.content = "Chuyển phòng chuyên môn".to_owned();
        let done = world
            .dossiers
            .progress(progress(0, 1, vec![late]))
            .await
            .expect("accepted");
        assert_eq!(done.status, DossierStatus::Finished);
        let view = world
            .dossiers
            .view(&actor(0), &DossierRef::Id(done.dossier), Purpose::Handling)
            .await
            .expect("a view");
        let statuses: Vec<(DossierStatus, bool)> = view
            .steps
            .iter()
            .map(|step| (step.status, step.step.is_some()))
            .collect();
        assert_eq!(
            statuses,
            [
                (DossierStatus::Received, false),
                (DossierStatus::Received, true),
                (DossierStatus::Processing, true),
                (DossierStatus::Finished, true)
            ]
        );
        let state = view.dossier.expect("whole");
        assert_eq!(state.status, DossierStatus::Finished);
        assert_eq!(state.finished_at, Some(at("03-09T05:00")));
        let other = step(0, 2, DossierStatus::Processing, "03-09T04:00");
        assert!(matches!(
            world.dossiers.progress(progress(0, 1, vec![other])).await,
            Err(DossierError::Fields(_))
        ));
        let refused = step(0, 1, DossierStatus::Registered, "03-09T06:00");
        assert!(matches!(
            world.dossiers.progress(progress(0, 1, vec![refused])).await,
            Err(DossierError::Transition { .. })
        ));
    }));
}

#[test]
fn a_supplement_stops_the_clock_and_a_new_term_replaces_the_old() {
    run(each_world("dossier_clock", async |world| {
        world
            .pushes(0, dossier(0, 1, DossierStatus::Received))
            .await
            .expect("accepted");
        let clock = async || {
            let which = DossierRef::Code(dossier_code(0, 1));
            let view = world
                .dossiers
                .view(&actor(0), &which, Purpose::Handling)
                .await;
            view.expect("a view").clock
        };
        assert_eq!(clock().await.state.name(), "on_time");
        let mut asked = dossier(0, 1, DossierStatus::SupplementAsked);
        asked.supplements = vec![Supplement {
            asked_at: Some(at("03-09T03:00")),
            ..Supplement::default()
        }];
        world.pushes(0, asked.clone()).await.expect("accepted");
        assert_eq!(clock().await.state.name(), "stopped");
        // Two days later the papers come.
        world.clock.advance(Duration::from_secs(2 * 24 * 3600));
        let mut came = asked.clone();
        came.status = DossierStatus::Processing;
        came.supplements[0].received_at = Some(at("03-11T03:00"));
        world.pushes(0, came.clone()).await.expect("accepted");
        let after = clock().await;
        assert_eq!(after.stated_due_at, Some(at("03-13T17:00")));
        assert_eq!(after.due_at, Some(at("03-17T17:00")));
        came.supplements[0].due_at = Some(at("03-20T17:00"));
        world.pushes(0, came).await.expect("accepted");
        assert_eq!(clock().await.due_at, Some(at("03-20T17:00")));
        world.clock.jump_to(at("03-21T08:00"));
        let late = clock().await;
        assert_eq!(late.state.name(), "overdue");
    }));
}

#[test]
fn the_status_follows_the_table_of_transitions() {
    run(each_world("dossier_transition", async |world| {
        world
            .pushes(0, dossier(0, 1, DossierStatus::Received))
            .await
            .expect("accepted");
        world
            .pushes(0, dossier(0, 1, DossierStatus::Returned))
            .await
            .expect("accepted");
        let refused = world
            .pushes(0, dossier(0, 1, DossierStatus::Processing))
            .await
            .expect_err("refused");
        assert!(matches!(
            refused,
            DossierError::Transition {
                from: Some(DossierStatus::Returned),
                to: DossierStatus::Processing
            }
        ));
        assert_eq!(world.status(1).await, DossierStatus::Returned);
    }));
}
