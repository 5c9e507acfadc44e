//! A portal that lost some dossiers, has some twice and others in another status: every difference is found and repaired.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use lgsp_base::Actor;
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::vi::Day;
use lgsp_exchange::dossier::reconcile::{Portal, PortalUnavailable, Reconciler, RemoteDossier};
use lgsp_exchange::dossier::{
    DossierRef, Finding, Purpose, Reconciliation, ReconciliationState, RouteKind,
};
use lgsp_exchange::{ContentBody, ContentTarget, HandOver, HandOverOutcome, Transport};
use lgsp_store::testing::TestDb;
use lgsp_wire::dossier::{Dossier, DossierCode, DossierStatus};

use crate::dossiers_kit::{dossier, dossier_code};
use crate::history::stores;
use crate::world::{Way, World, actor, operator, org, run};

/// The portal's organisation.
const PORTAL: u8 = 5;
/// Dossiers of the day.
const DOSSIERS: u32 = 120;

/// What the portal has, by code: a status for each record.
#[derive(Debug, Default)]
struct FakePortal {
    records: Mutex<BTreeMap<String, Vec<DossierStatus>>>,
    /// Answers that are still given before it goes silent.
    answers_left: Mutex<Option<u32>>,
}

impl FakePortal {
    fn put(&self, code: &DossierCode, status: DossierStatus) {
        let mut records = self.records.lock().expect("not poisoned");
        records.insert(code.to_string(), vec![status]);
    }
}

impl Portal for FakePortal {
    fn look_up(
        &self,
        codes: Vec<DossierCode>,
    ) -> BoxFuture<'_, Result<Vec<RemoteDossier>, PortalUnavailable>> {
        Box::pin(async move {
            if let Some(left) = self.answers_left.lock().expect("not poisoned").as_mut() {
                if *left == 0 {
                    return Err(PortalUnavailable {
                        cause: "timeout".to_owned(),
                    });
                }
                *left -= 1;
            }
            let records = self.records.lock().expect("not poisoned");
            Ok(codes
                .into_iter()
                .flat_map(|code| {
                    let found = records.get(code.as_str()).cloned().unwrap_or_default();
                    found.into_iter().map(move |status| RemoteDossier {
                        code: code.clone(),
                        status: Some(status),
                    })
                })
                .collect())
        })
    }
}

/// Takes dossiers to the portal: what it is handed replaces its records.
#[derive(Debug)]
struct ToPortal {
    world: lgsp_exchange::Exchange,
    portal: Arc<FakePortal>,
}

impl Transport for ToPortal {
    fn hand_over(&self, item: HandOver) -> BoxFuture<'_, HandOverOutcome> {
        Box::pin(async move {
            let platform = Actor::Platform { part: "test" };
            let target = ContentTarget::Document(item.document);
            let content = self
                .world
                .content(&platform, target)
                .await
                .expect("content");
            let ContentBody::Bytes(bytes) = content.body else {
                panic!("a small body");
            };
            let state: Dossier = serde_json::from_slice(&bytes).expect("a dossier");
            self.portal.put(&state.code, state.status);
            HandOverOutcome::Confirmed
        })
    }

    fn endpoint_gone(
        &self,
        _webhook: lgsp_base::id::WebhookId,
        _system: lgsp_base::id::SystemId,
    ) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

struct Day1 {
    world: World,
    portal: Arc<FakePortal>,
    reconciler: Reconciler,
}

impl Day1 {
    async fn new(store: TestDb, planted: Planted) -> Self {
        let world = World::with(store, 11, planted);
        world.directory.set(PORTAL, Way::Call);
        world.route(RouteKind::All, "", PORTAL).await;
        for number in 1..=DOSSIERS {
            world
                .pushes(0, dossier(0, number, DossierStatus::Processing))
                .await
                .expect("accepted");
        }
        let portal = Arc::new(FakePortal::default());
        let reconciler = Reconciler::new(
            world.dossiers.clone(),
            org(PORTAL),
            Arc::clone(&portal) as _,
        );
        let day = Self {
            world,
            portal,
            reconciler,
        };
        day.deliver().await;
        day.world.clock.advance(Duration::from_secs(60));
        day
    }

    async fn deliver(&self) {
        let transport = Arc::new(ToPortal {
            world: self.world.exchange.clone(),
            portal: Arc::clone(&self.portal),
        });
        let mut worker = self.world.exchange.worker("node".to_owned(), transport);
        while worker.step().await.expect("the worker works") > 0 {}
    }

    fn day(&self) -> Day {
        Day::of(self.world.now())
    }

    async fn compare(&self) -> Reconciliation {
        let done = self.reconciler.run(&operator(), self.day()).await;
        done.expect("compared")
    }

    /// Plants losses, duplicates and drift; gives how many of each.
    fn plant(&self) -> (u64, u64, u64) {
        let mut records = self.portal.records.lock().expect("not poisoned");
        let (mut lost, mut twice, mut drifted) = (0, 0, 0);
        for number in 1..=DOSSIERS {
            let code = dossier_code(0, number).to_string();
            match number % 17 {
                3 => {
                    records.remove(&code);
                    lost += 1;
                }
                5 => {
                    records
                        .get_mut(&code)
                        .expect("there")
                        .push(DossierStatus::Processing);
                    twice += 1;
                }
                9 => {
                    records.insert(code, vec![DossierStatus::Received]);
                    drifted += 1;
                }
                _ => {}
            }
        }
        (lost, twice, drifted)
    }

    fn is_in_step(&self) -> bool {
        let records = self.portal.records.lock().expect("not poisoned");
        (1..=DOSSIERS).all(|number| {
            records.get(dossier_code(0, number).as_str()) == Some(&vec![DossierStatus::Processing])
        })
    }
}

#[test]
fn every_planted_difference_is_found_and_repaired() {
    run(async {
        for store in stores("reconcile") {
            let day = Day1::new(store, Planted::NONE).await;
            let (lost, twice, drifted) = day.plant();
            assert!(!day.is_in_step());
            let done = day.compare().await;
            assert_eq!(done.state, ReconciliationState::Done);
            assert_eq!(
                (
                    done.checked,
                    done.missing,
                    done.duplicate,
                    done.drift,
                    done.replayed
                ),
                (
                    u64::from(DOSSIERS),
                    lost,
                    twice,
                    drifted,
                    lost + twice + drifted
                )
            );
            day.deliver().await;
            assert!(day.is_in_step());
            // Done is done: asking again finds the same and sends nothing.
            assert_eq!(day.compare().await, done);
            let (_, items) = day
                .world
                .dossiers
                .reconciliation(&operator(), done.id, None)
                .await
                .expect("findings");
            assert_eq!(items.len() as u64, lost + twice + drifted);
            assert!(items.iter().all(|item| item.replayed_as.is_some()));
            let drift = items.iter().find(|item| item.finding == Finding::Drift);
            let drift = drift.expect("drift");
            assert_eq!((drift.ours.as_str(), drift.theirs.as_str()), ("4", "2"));
            // What was sent again belongs to the next comparison, which finds nothing.
            day.world.clock.advance(Duration::from_secs(24 * 3600));
            day.world
                .pushes(0, dossier(0, 1, DossierStatus::Processing))
                .await
                .expect("a repeat");
            let next = day.compare().await;
            assert_eq!((next.missing, next.duplicate, next.drift), (0, 0, 0));
            let view = day
                .world
                .dossiers
                .view(
                    &actor(0),
                    &DossierRef::Code(dossier_code(0, 3)),
                    Purpose::Handling,
                )
                .await
                .expect("a view");
            let state = &view.portals[0];
            assert_eq!(
                (state.sent_version, state.accepted_version),
                (Some(2), Some(2))
            );
            assert_eq!(state.finding, Some(Finding::Missing));
        }
    });
}

#[test]
fn a_comparison_that_stops_goes_on_and_repeats_nothing() {
    run(async {
        for store in stores("reconcile_stop") {
            let day = Day1::new(store, Planted::NONE).await;
            let (lost, twice, drifted) = day.plant();
            *day.portal.answers_left.lock().expect("not poisoned") = Some(1);
            let failed = day.compare().await;
            assert_eq!(failed.state, ReconciliationState::Failed);
            assert_eq!(failed.problem.as_deref(), Some("timeout"));
            *day.portal.answers_left.lock().expect("not poisoned") = None;
            let done = day.compare().await;
            assert_eq!(done.id, failed.id);
            assert_eq!(done.checked, u64::from(DOSSIERS));
            assert_eq!(done.replayed, lost + twice + drifted);
            day.deliver().await;
            assert!(day.is_in_step());
        }
    });
}

#[test]
fn what_is_on_its_way_is_no_difference() {
    run(async {
        let day = Day1::new(TestDb::sqlite("reconcile_open"), Planted::NONE).await;
        day.world
            .pushes(0, dossier(0, 7, DossierStatus::Finished))
            .await
            .expect("accepted");
        day.world.clock.advance(Duration::from_secs(60));
        let done = day.compare().await;
        assert_eq!((done.checked, done.drift), (u64::from(DOSSIERS) - 1, 0));
    });
}

#[test]
fn a_comparison_that_passes_losses_by_is_noticed() {
    run(async {
        let store = TestDb::sqlite("reconcile_bug");
        let day = Day1::new(store, Planted::with(Bug::ReconcileSkipsMissing)).await;
        day.plant();
        day.compare().await;
        day.deliver().await;
        assert!(!day.is_in_step(), "the planted fault shows");
    });
}
