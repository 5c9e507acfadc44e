//! Random days in the province, replayed from a seed: senders that lose answers and retry, recipients that confirm twice,
//! refuse and skip, workers that die, stall and come back, restarts, time that passes. Then quiet, and the checker looks at
//! everything. Each promise is also broken on purpose, and the checker has to notice.

use std::sync::Arc;
use std::time::Duration;

use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::DeliveryId;
use lgsp_base::planted::{Bug, Planted};
use lgsp_base::{Actor, Entropy, Sha256, limits};
use lgsp_exchange::dossier::{DossierError, DossierRef, Purpose};
use lgsp_exchange::{
    Accepted, Acknowledgement, DocumentKind, InboxItem, InboxQuery, SubmitError, Transport,
};
use lgsp_store::testing::TestDb;
use lgsp_wire::dossier::{Dossier, DossierStatus};

use crate::dossiers_kit::{dossier, dossier_code, push};
use crate::history::{History, Submitted, check};
use crate::world::{Behaviour, FakeTransport, Way, World, actor, code, org, run};

/// Steps of one random day.
const STEPS: u64 = 60;
/// Who takes part; number 3 is pushed to, the others fetch.
const PARTIES: [u8; 4] = [0, 1, 2, 3];

/// What is handed in.
#[derive(Clone)]
enum Thing {
    Bytes(Vec<u8>),
    Dossier(Box<Dossier>),
}

/// A dossier that was pushed, whom it reaches, and how often it was pushed.
struct Known {
    from: u8,
    number: u32,
    to: Vec<u8>,
    version: i64,
}

struct Day {
    world: World,
    /// True if what is handed in are dossiers too.
    has_dossiers: bool,
    known: Vec<Known>,
    rng: SeededEntropy,
    history: History,
    transport: Arc<FakeTransport>,
    contents: u64,
    allows_large: bool,
}

impl Thing {
    fn sha256(&self) -> Sha256 {
        match self {
            Thing::Bytes(bytes) => Sha256::of(bytes),
            Thing::Dossier(dossier) => Sha256::of(&serde_json::to_vec(dossier).expect("JSON")),
        }
    }
}

impl Day {
    fn new(store: TestDb, seed: u64, planted: Planted, has_dossiers: bool) -> Self {
        let world = World::with(store, seed, planted);
        Self {
            has_dossiers,
            known: Vec::new(),
            transport: FakeTransport::new(&world),
            allows_large: planted.has(Bug::RowBeforeBlob) || seed.is_multiple_of(10),
            world,
            rng: SeededEntropy::new(seed ^ 0x5eed),
            history: History::default(),
            contents: 0,
        }
    }

    fn chance(&self, percent: u64) -> bool {
        self.rng.below(100) < percent
    }

    fn pick(&self, from: &[u8]) -> u8 {
        let index = usize::try_from(self.rng.below(from.len() as u64)).expect("small");
        from[index]
    }

    fn content(&mut self) -> Vec<u8> {
        self.contents += 1;
        let size = if self.allows_large && self.chance(30) {
            limits::INLINE_BODY_BYTES_MAX + 1
        } else {
            40
        };
        let mut bytes = vec![0; size];
        SeededEntropy::new(self.contents).fill(&mut bytes);
        bytes
    }

    async fn step(&mut self) {
        self.world
            .clock
            .advance(Duration::from_millis(self.rng.below(2_000)));
        match self.rng.below(100) {
            0..40 => self.submit().await,
            40..60 => self.receive().await,
            60..65 => self.refuse().await,
            65..85 => self.push().await,
            85..92 => self
                .world
                .clock
                .advance(Duration::from_secs(self.rng.below(400))),
            92..95 => self.restart(),
            95..97 => self.resend().await,
            _ => {
                self.world
                    .exchange
                    .expire_due()
                    .await
                    .expect("expiry works");
            }
        }
    }

    fn restart(&mut self) {
        self.world.restart();
        self.transport = FakeTransport::new(&self.world);
    }

    /// Submits; some answers are lost, then the request is repeated; some keys come back with other content.
    async fn submit(&mut self) {
        let from = self.pick(&[0, 1]);
        let mut to: Vec<u8> = PARTIES
            .iter()
            .copied()
            .filter(|party| *party != from && self.chance(45))
            .collect();
        if to.is_empty() {
            to.push(3);
        }
        let thing = self.thing(from, &mut to);
        let key = format!("key-{}", self.contents);
        let mut submitted = Submitted {
            key: key.clone(),
            from,
            to: to.clone(),
            sha256: thing.sha256(),
            answers: Vec::new(),
        };
        let repetitions = if self.chance(30) { 2 } else { 1 };
        for number in 0..repetitions {
            let is_lost = number + 1 < repetitions && self.chance(70);
            let answer = self.hand_in(from, &to, thing.clone(), &key).await;
            let accepted = answer.expect("accepted");
            if !is_lost {
                submitted
                    .answers
                    .push((accepted.document, accepted.receipt));
            }
            if is_lost && self.chance(20) {
                self.restart();
            }
        }
        // A lost answer is also learnt by the next repetition, whenever it comes.
        let again = self.hand_in(from, &to, thing.clone(), &key).await;
        let again = again.expect("repeated");
        submitted.answers.push((again.document, again.receipt));
        self.history.submitted.push(submitted);
        if self.chance(15) {
            let other = match thing {
                Thing::Bytes(_) => Thing::Bytes(self.content()),
                Thing::Dossier(mut dossier) => {
                    dossier.note.push_str(" khác");
                    Thing::Dossier(dossier)
                }
            };
            let answer = self.hand_in(from, &to, other, &key).await;
            let was_refused = matches!(answer, Err(SubmitError::KeyConflict));
            self.history.reused.push((key, was_refused));
        }
    }

    /// Something to hand in. A dossier that is known reaches whom it reached before, too.
    fn thing(&mut self, from: u8, to: &mut Vec<u8>) -> Thing {
        if !self.has_dossiers || self.chance(30) {
            return Thing::Bytes(self.content());
        }
        self.contents += 1;
        let known = self.chance(50).then(|| {
            let mine = self.known.iter_mut().filter(|known| known.from == from);
            mine.last()
        });
        let number = match known.flatten() {
            Some(known) => {
                for party in to.iter() {
                    if !known.to.contains(party) {
                        known.to.push(*party);
                    }
                }
                to.clone_from(&known.to);
                known.version += 1;
                known.number
            }
            None => {
                let number = u32::try_from(self.known.len() + 1).expect("few");
                self.known.push(Known {
                    from,
                    number,
                    to: to.clone(),
                    version: 1,
                });
                number
            }
        };
        let mut one = dossier(from, number, DossierStatus::Processing);
        one.note = format!("lần {}", self.contents);
        Thing::Dossier(Box::new(one))
    }

    async fn hand_in(
        &self,
        from: u8,
        to: &[u8],
        thing: Thing,
        key: &str,
    ) -> Result<Accepted, SubmitError> {
        match thing {
            Thing::Bytes(bytes) => {
                let submit = self.world.plain(from, to, &bytes, Some(key));
                self.world.exchange.submit(submit).await
            }
            Thing::Dossier(dossier) => {
                let mut push = push(from, *dossier, Some(key));
                push.to = to.iter().copied().map(code).collect();
                match self.world.dossiers.push(push).await {
                    Ok(accepted) => Ok(accepted.accepted),
                    Err(DossierError::Submit(error)) => Err(error),
                    Err(error) => panic!("the dossier is taken: {error}"),
                }
            }
        }
    }

    /// Every dossier has as many versions as it had pushes, each with its document.
    async fn check_dossiers(&self) -> Vec<String> {
        let platform = Actor::Platform { part: "test" };
        let mut wrong = Vec::new();
        for known in &self.known {
            let which = DossierRef::Code(dossier_code(known.from, known.number));
            match self
                .world
                .dossiers
                .view(&platform, &which, Purpose::Support)
                .await
            {
                Ok(view) => {
                    let documents = view.messages.iter().filter(|one| one.receipt.is_some());
                    if documents.count() as i64 != view.version {
                        wrong.push(format!("D1 {which:?} has messages without a document"));
                    }
                    if view.version != known.version {
                        wrong.push(format!(
                            "D3 {which:?} has version {} and was pushed {} times",
                            view.version, known.version
                        ));
                    }
                }
                Err(error) => wrong.push(format!("D1 {which:?} is gone: {error}")),
            }
        }
        wrong
    }

    async fn open(&mut self, party: u8) -> Vec<InboxItem> {
        let query = InboxQuery {
            with_content: true,
            limit: usize::try_from(self.rng.below(6) + 1).expect("small"),
            ..InboxQuery::default()
        };
        let page = self
            .world
            .exchange
            .inbox(&actor(party), query)
            .await
            .expect("an inbox");
        for item in &page.items {
            if let Some(content) = &item.content
                && item.kind != DocumentKind::Notice
            {
                self.history.handed.push((
                    party,
                    item.delivery,
                    item.sender_code.clone(),
                    Sha256::of(content),
                    item.attempt,
                ));
            }
        }
        page.items
    }

    /// A recipient fetches a page and confirms some of it, in a random order, sometimes twice, sometimes not at all.
    async fn receive(&mut self) {
        let party = self.pick(&[0, 1, 2]);
        let mut items = self.open(party).await;
        if self.chance(20) {
            return;
        }
        if self.chance(30) {
            items.reverse();
        }
        if self.chance(30) && !items.is_empty() {
            // Skips one: whatever comes behind it has to wait.
            items.remove(0);
        }
        if self.chance(50) {
            self.confirm(party, &items).await;
        } else {
            for item in &items {
                self.confirm(party, std::slice::from_ref(item)).await;
            }
        }
        if self.chance(30) {
            self.confirm(party, &items).await;
        }
    }

    async fn confirm(&mut self, party: u8, items: &[InboxItem]) {
        let batch = items
            .iter()
            .map(|item| Acknowledgement {
                delivery: item.delivery,
                sha256: Some(item.content_sha256),
            })
            .collect();
        let outcomes = self
            .world
            .exchange
            .acknowledge(&actor(party), batch)
            .await
            .expect("answered");
        let mut confirmed: Vec<_> = items
            .iter()
            .zip(outcomes)
            .filter_map(|(item, outcome)| outcome.result.ok().map(|done| (item, done)))
            .filter(|(_, done)| !done.repeated)
            .collect();
        // Within one call the order of the list does not matter.
        confirmed.sort_by_key(|(item, _)| item.seq);
        for (item, done) in confirmed {
            self.history.confirmed.push((
                party,
                item.sender_code.clone(),
                item.kind,
                item.seq,
                item.delivery,
                done.receipt,
            ));
        }
    }

    async fn refuse(&mut self) {
        let party = self.pick(&[0, 1, 2]);
        if let Some(item) = self.open(party).await.first() {
            for _ in 0..self.rng.below(6) {
                drop(
                    self.world
                        .exchange
                        .refuse(&actor(party), item.delivery, "bad".to_owned(), None)
                        .await,
                );
            }
        }
    }

    async fn push(&mut self) {
        let behaviours: Vec<Behaviour> = (0..6)
            .map(|_| match self.rng.below(10) {
                0 | 1 => Behaviour::Fail,
                2 => Behaviour::Refuse,
                3 => Behaviour::Stall,
                4 => Behaviour::Hang,
                _ => Behaviour::Take,
            })
            .collect();
        self.transport.will(&behaviours);
        let mut worker = self.world.exchange.worker(
            "node-1".to_owned(),
            self.transport.clone() as Arc<dyn Transport>,
        );
        // A push that hangs stands for a worker that dies in the middle.
        tokio::select! {
            biased;
            () = self.transport.hanging.notified() => {}
            step = worker.step() => { step.expect("the worker works"); }
        }
    }

    async fn resend(&mut self) {
        for party in [0, 1] {
            let trouble = self
                .world
                .exchange
                .deliveries(&actor(party), Default::default())
                .await
                .expect("a list");
            if let Some(delivery) = trouble.first() {
                drop(self.world.exchange.resend(&actor(party), delivery.id).await);
            }
        }
    }

    /// Faults stop; everybody does what is expected until nothing is open.
    async fn quiet(&mut self) {
        let mut worker = self.world.exchange.worker(
            "node-2".to_owned(),
            self.transport.clone() as Arc<dyn Transport>,
        );
        self.transport.will(&[]);
        for _ in 0..80 {
            self.world.clock.advance(limits::DELIVERY_LEASE);
            while worker.step().await.expect("the worker works") > 0 {}
            for party in [0, 1, 2] {
                loop {
                    let items = self.open(party).await;
                    if items.is_empty() {
                        break;
                    }
                    let before = self.history.confirmed.len();
                    self.confirm(party, &items).await;
                    if self.history.confirmed.len() == before {
                        break;
                    }
                }
            }
            if self.is_idle().await {
                return;
            }
            self.world.clock.advance(Duration::from_secs(1_800));
        }
    }

    async fn is_idle(&self) -> bool {
        for party in PARTIES {
            let waiting = self
                .world
                .exchange
                .count_waiting(&actor(party), Some(org(party)))
                .await
                .expect("a count");
            if waiting != lgsp_exchange::Waiting::default() {
                return false;
            }
        }
        true
    }
}

/// Runs a day and gives what the checker found.
async fn day(store: TestDb, seed: u64, planted: Planted) -> Vec<String> {
    run_day(Day::new(store, seed, planted, false)).await
}

/// The same with dossiers among what is handed in.
async fn dossier_day(store: TestDb, seed: u64, planted: Planted) -> Vec<String> {
    run_day(Day::new(store, seed, planted, true)).await
}

async fn run_day(mut day: Day) -> Vec<String> {
    for _ in 0..STEPS {
        day.step().await;
    }
    day.quiet().await;
    let mut wrong = check(&day.world, &day.history).await;
    wrong.extend(day.check_dossiers().await);
    wrong
}

#[test]
fn days_with_dossiers_keep_every_promise() {
    for seed in 0..40 {
        let wrong = run(dossier_day(
            TestDb::sqlite("dossier_day"),
            seed,
            Planted::NONE,
        ));
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    }
}

#[test]
fn days_with_dossiers_on_postgresql_keep_every_promise() {
    for seed in 0..5 {
        let Some(store) = TestDb::postgres("dossier_day") else {
            return;
        };
        let wrong = run(dossier_day(store, seed, Planted::NONE));
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    }
}

#[test]
fn a_dossier_that_moves_without_its_document_is_noticed() {
    run(async {
        let store = TestDb::sqlite("dossier_bug");
        let planted = Planted::with(Bug::DossierWithoutDocument);
        let mut day = Day::new(store, 1, planted, true);
        let thing = Thing::Dossier(Box::new(dossier(0, 1, DossierStatus::Received)));
        day.hand_in(0, &[1], thing, "a").await.expect("accepted");
        let thing = Thing::Dossier(Box::new(dossier(0, 1, DossierStatus::Processing)));
        day.hand_in(0, &[1], thing, "b").await.expect("accepted");
        day.known.push(Known {
            from: 0,
            number: 1,
            to: vec![1],
            version: 2,
        });
        let wrong = day.check_dossiers().await;
        assert!(wrong.iter().any(|line| line.starts_with("D1")), "{wrong:?}");
    });
}

#[test]
fn each_promise_broken_with_dossiers_is_noticed() {
    for (bug, promise) in [
        (Bug::InventDelivery, "D2"),
        (Bug::ForgetIdempotencyKey, "D3"),
        (Bug::IgnoreKeyConflict, "D4"),
        (Bug::NoFencing, "D5"),
        (Bug::NoPairOrder, "D6"),
        (Bug::LostWakeup, "D7"),
    ] {
        let is_noticed = (0..20).any(|seed| {
            let store = TestDb::sqlite("dossier_bug");
            let wrong = run(dossier_day(store, seed, Planted::with(bug)));
            wrong.iter().any(|line| line.starts_with(promise))
        });
        assert!(is_noticed, "{bug:?} breaks {promise} and nobody notices");
    }
}

#[test]
fn two_hundred_days_keep_every_promise() {
    let first: u64 = std::env::var("LGSP_SIM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0);
    let days: u64 = std::env::var("LGSP_SIM_DAYS")
        .ok()
        .and_then(|days| days.parse().ok())
        .unwrap_or(200);
    // Each day is alone with its seed; several at once only shorten the waiting for the disk.
    const AT_ONCE: u64 = 4;
    std::thread::scope(|scope| {
        for lane in 0..AT_ONCE {
            scope.spawn(move || {
                for seed in (first..first + days).filter(|seed| seed % AT_ONCE == lane) {
                    let wrong = run(day(TestDb::sqlite("day"), seed, Planted::NONE));
                    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
                }
            });
        }
    });
}

#[test]
fn days_on_postgresql_keep_every_promise() {
    for seed in 0..10 {
        let Some(store) = TestDb::postgres("day") else {
            return;
        };
        let wrong = run(day(store, seed, Planted::NONE));
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    }
}

#[test]
fn each_broken_promise_is_noticed() {
    for (bug, promise) in [
        (Bug::InventDelivery, "D2"),
        (Bug::ForgetIdempotencyKey, "D3"),
        (Bug::IgnoreKeyConflict, "D4"),
        (Bug::NoFencing, "D5"),
        (Bug::NoPairOrder, "D6"),
        (Bug::LostWakeup, "D7"),
        (Bug::RowBeforeBlob, "D8"),
    ] {
        let is_noticed = (0..20).any(|seed| {
            let wrong = run(day(TestDb::sqlite("bug"), seed, Planted::with(bug)));
            wrong.iter().any(|line| line.starts_with(promise))
        });
        assert!(is_noticed, "{bug:?} breaks {promise} and nobody notices");
    }
}

#[test]
fn content_served_unchecked_is_noticed() {
    run(async {
        let world = World::with(
            TestDb::sqlite("unchecked"),
            1,
            Planted::with(Bug::ServeUnchecked),
        );
        let accepted = world.send(0, &[1], b"precious", "k").await;
        world
            .db
            .write::<_, lgsp_store::StoreError, _>("damage", |tx| {
                tx.execute(
                    "UPDATE documents SET body = $1",
                    lgsp_store::params![&b"preciouz"[..]],
                )
            })
            .await
            .expect("damaged");
        let history = History {
            submitted: vec![Submitted {
                key: "k".to_owned(),
                from: 0,
                to: vec![1],
                sha256: accepted.content_sha256,
                answers: vec![(accepted.document, accepted.receipt)],
            }],
            ..History::default()
        };
        let wrong = check(&world, &history).await;
        assert!(
            wrong.iter().any(|line| line.starts_with("D1 ")),
            "{wrong:?}"
        );
    });
}

#[test]
fn a_delivery_to_nobody_waits_and_goes_when_a_system_appears() {
    run(async {
        let world = World::new("nobody");
        let accepted = world.send(0, &[4], b"x", "k").await;
        let id: DeliveryId = accepted.deliveries[0].id;
        world.clock.advance(Duration::from_secs(7 * 24 * 3600));
        world.directory.set(4, Way::Inbox);
        assert_eq!(world.inbox(4).await.items[0].delivery, id);
        assert!(world.acknowledge(4, &[id]).await[0].result.is_ok());
    });
}
