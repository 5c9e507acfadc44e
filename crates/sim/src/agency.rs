//! One simulated document management system (QLVB) of one agency: it sends, polls, verifies, acknowledges and reports.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use lgsp_base::{Clock, Entropy, Sha256};
use lgsp_wire::edxml::{
    BusinessType, Document, Limits, Packet, ResponseFor, StatusCode, StatusMessage, read_all,
};
use tokio::sync::watch;

use crate::catalogue;
use crate::control::Breakable;
use crate::door::{Door, Kind, Report, Waiting};
use crate::fault::Faults;
use crate::http::CallError;
use crate::journal::Journal;
use crate::letter::{self, Agency, ComposeError, Letter, Purpose};
use crate::units::Habit;

/// Why a piece of work failed; it stays on the desk and is tried again.
#[derive(Debug, thiserror::Error)]
pub enum AgencyError {
    /// The server could not be reached or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A packet could not be composed.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// What came is no packet.
    #[error("what came is not edXML: {0}")]
    Packet(String),
}

/// How the people of an agency treat what comes in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manners {
    /// One of so many new documents is refused with status 02; 0 means none.
    pub refuses_one_in: u64,
    /// One of so many recalls and updates is refused with status 16; 0 means none.
    pub insists_one_in: u64,
}

/// How packets reach a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receive {
    /// It looks into its inbox.
    Poll,
    /// A webhook brings them.
    Push,
}

/// A received document on its way over the desks.
#[derive(Debug)]
struct Case {
    report: Report,
    about: ResponseFor,
    codes: VecDeque<StatusCode>,
}

#[derive(Debug, Default)]
struct Desk {
    manners: Manners,
    next_number: u64,
    outbox: VecDeque<Letter>,
    cases: VecDeque<Case>,
    /// Packets already taken in: a repeated hand-over is acknowledged and otherwise ignored.
    known: HashSet<Sha256>,
    /// Ids of received originals in the REST API, by sender and `DocumentId`.
    originals: HashMap<(String, String), String>,
    /// Senders of documents, for systems that answer; the oldest are forgotten.
    callers: VecDeque<Agency>,
}

/// Packets and originals that a desk remembers.
const KNOWN_MAX: usize = 50_000;
/// Senders that wait for an answer.
const CALLERS_MAX: usize = 16;

impl Desk {
    /// Starts its memory anew when it is full: what is that old does not come again.
    fn forget_old(&mut self) {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
            self.originals.clear();
        }
    }

    fn remember_caller(&mut self, document: &Document) {
        if self.callers.len() >= CALLERS_MAX {
            self.callers.pop_front();
        }
        let from = &document.from;
        self.callers.push_back(Agency {
            code: from.organ_id.clone(),
            name: from.name.clone(),
            in_charge: from.in_charge.clone(),
            notation: document.code.notation.clone(),
        });
    }
}

/// What every system of a simulated world shares.
#[derive(Debug, Clone)]
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, usually seeded.
    pub entropy: Arc<dyn Entropy>,
    /// The outside record.
    pub journal: Journal,
}

/// A simulated system.
#[derive(Debug)]
pub struct AgencySystem {
    agency: Agency,
    door: Door,
    receive: Receive,
    world: World,
    faults: Faults,
    desk: Mutex<Desk>,
}

impl AgencySystem {
    /// A system with empty desks that accepts everything.
    pub fn new(agency: Agency, door: Door, receive: Receive, world: World) -> Self {
        Self {
            agency,
            door,
            receive,
            world,
            faults: Faults::default(),
            desk: Mutex::new(Desk::default()),
        }
    }

    /// The agency that it serves.
    pub fn agency(&self) -> &Agency {
        &self.agency
    }

    /// How packets reach it.
    pub fn receive(&self) -> Receive {
        self.receive
    }

    /// The time that it believes in.
    pub fn clock(&self) -> &dyn Clock {
        &*self.world.clock
    }

    /// Its misbehaviour, to be switched on and off.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Changes how its people treat what comes in from now on.
    pub fn set_manners(&self, manners: Manners) {
        self.desk().manners = manners;
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when nothing waits to be sent or reported here.
    pub fn is_idle(&self) -> bool {
        let desk = self.desk();
        desk.outbox.is_empty() && desk.cases.is_empty()
    }

    /// Composes a packet and sends it; one that could not be handed over stays in the outbox and goes out with a later [`AgencySystem::work`].
    pub async fn send(&self, to: &[&Agency], purpose: Purpose<'_>) -> Result<Letter, AgencyError> {
        let letter = self.compose(to, purpose)?;
        self.post(letter.clone()).await?;
        Ok(letter)
    }

    /// Composes a packet under the next running number; it is sent by [`AgencySystem::post`], also in another order.
    pub fn compose(&self, to: &[&Agency], purpose: Purpose<'_>) -> Result<Letter, AgencyError> {
        let number = {
            let mut desk = self.desk();
            desk.next_number += 1;
            desk.next_number
        };
        let (clock, entropy) = (&*self.world.clock, &*self.world.entropy);
        Ok(letter::compose(
            &self.agency,
            to,
            number,
            purpose,
            clock,
            entropy,
        )?)
    }

    /// Sends a composed packet, or keeps it in the outbox where it cannot be handed over.
    pub async fn post(&self, letter: Letter) -> Result<(), AgencyError> {
        self.world
            .journal
            .sent(letter.sha256, &letter.code, &letter.to);
        self.desk().outbox.push_back(letter);
        if !self.faults.is_down() {
            self.empty_outbox().await?;
        }
        Ok(())
    }

    /// Sends what waits, in order; stops at the first that cannot be handed over.
    async fn empty_outbox(&self) -> Result<(), AgencyError> {
        loop {
            let Some(letter) = self.desk().outbox.pop_front() else {
                return Ok(());
            };
            let result = self.submit(&letter).await;
            if let Err(error) = result {
                if error.is_io() {
                    self.desk().outbox.push_front(letter);
                } else {
                    self.world.journal.unsent(letter.sha256);
                }
                return Err(error.into());
            }
        }
    }

    async fn submit(&self, letter: &Letter) -> Result<(), CallError> {
        let times = if self.faults.sends_twice() { 2 } else { 1 };
        for _ in 0..times {
            let document = self.door.submit(&self.agency.code, letter).await?;
            self.world.journal.accepted(letter.sha256, &document);
        }
        Ok(())
    }

    /// One round: send what waits, take in documents and statuses, move every case one desk further.
    ///
    /// Returns how many packets came in. Failures are counted in the journal and tried again in the next round.
    pub async fn work(&self) -> usize {
        if self.faults.is_down() {
            return 0;
        }
        let delay = self.faults.delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if let Err(error) = self.empty_outbox().await {
            self.failed(&error);
        }
        let taken = match self.receive {
            Receive::Poll => self.poll().await,
            Receive::Push => 0,
        };
        self.move_cases().await;
        taken
    }

    /// Takes in what waits, documents first.
    async fn poll(&self) -> usize {
        let mut taken = 0;
        for kind in [Kind::Document, Kind::Status] {
            match self.door.list(kind).await {
                Ok(items) => {
                    for item in items {
                        match self.take(kind, &item).await {
                            Ok(()) => taken += 1,
                            // Later items of the same sender may not be confirmed before this one.
                            Err(error) => self.failed(&error),
                        }
                    }
                }
                Err(error) => self.failed(&error.into()),
            }
        }
        taken
    }

    /// Works until told to stop, at least `pace` apart while nothing comes in.
    pub async fn run(&self, pace: Duration, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let taken = self.work().await;
            let pause = if taken == 0 { pace } else { Duration::ZERO };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    fn failed(&self, error: &AgencyError) {
        self.world.journal.error();
        tracing::debug!(agency = %self.agency.code, error = %error, "a simulated system failed and will try again");
    }

    async fn take(&self, kind: Kind, item: &Waiting) -> Result<(), AgencyError> {
        let packet = self.door.fetch(item).await?;
        let sha256 = Sha256::of(&packet);
        if self.faults.has_bad_signature() {
            return Ok(self.door.acknowledge_badly(item).await?);
        }
        match kind {
            Kind::Document => self.take_document(&packet, sha256, &item.document)?,
            Kind::Status => self.take_status(&packet, sha256)?,
        }
        self.door.acknowledge(item, sha256).await?;
        if self.faults.acknowledges_twice() {
            self.door.acknowledge(item, sha256).await?;
        }
        if kind == Kind::Document {
            self.world.journal.acknowledged(&self.agency.code, sha256);
        }
        Ok(())
    }

    /// Fetches and takes in what a webhook announced; a successful answer to the webhook is the acknowledgement.
    pub async fn take_push(&self, kind: Kind, item: &Waiting) -> Result<(), AgencyError> {
        let packet = self.door.fetch(item).await?;
        let sha256 = Sha256::of(&packet);
        match kind {
            Kind::Document => {
                self.take_document(&packet, sha256, &item.document)?;
                self.world.journal.acknowledged(&self.agency.code, sha256);
                Ok(())
            }
            Kind::Status => self.take_status(&packet, sha256),
        }
    }

    /// The senders of documents that came since the last call and ask for an answer, oldest first. Recalls and updates ask for none.
    pub fn take_callers(&self) -> Vec<Agency> {
        self.desk().callers.drain(..).collect()
    }

    fn take_document(
        &self,
        packet: &Bytes,
        sha256: Sha256,
        document_id: &str,
    ) -> Result<(), AgencyError> {
        let Packet::Document(document) = read_packet(packet)? else {
            return Err(AgencyError::Packet(
                "a status message among the documents".to_owned(),
            ));
        };
        let at = self.world.clock.monotonic();
        self.world.journal.received(&self.agency.code, sha256, at);
        let mut desk = self.desk();
        desk.forget_old();
        if desk.known.insert(sha256) {
            let case = self.open_case(&mut desk, &document, document_id);
            desk.cases.push_back(case);
        }
        Ok(())
    }

    /// Decides what the agency will report about a packet.
    fn open_case(&self, desk: &mut Desk, document: &Document, document_id: &str) -> Case {
        use StatusCode::{
            Arrived, Assigned, Completed, Processing, Received, Rejected, RequestGranted,
            RequestRefused,
        };
        let entropy = &*self.world.entropy;
        let happens = |one_in: u64| one_in > 0 && entropy.below(one_in) == 0;
        let sender = document.from.organ_id.clone();
        let key = (sender.clone(), document.document_id.clone());
        let mut reason = String::new();
        let mut about = document_id.to_owned();
        let codes: &[StatusCode] = match document.business_type() {
            BusinessType::Recall | BusinessType::Update => {
                if let Some(original) = desk.originals.get(&key) {
                    about.clone_from(original);
                }
                if happens(desk.manners.insists_one_in) {
                    "Văn bản đã giao xử lý, đề nghị trao đổi trực tiếp".clone_into(&mut reason);
                    &[RequestRefused]
                } else {
                    &[RequestGranted]
                }
            }
            BusinessType::New | BusinessType::Replace | BusinessType::Other(_) => {
                desk.originals.insert(key, document_id.to_owned());
                desk.remember_caller(document);
                if happens(desk.manners.refuses_one_in) {
                    catalogue::some_refusal(entropy).clone_into(&mut reason);
                    &[Arrived, Rejected]
                } else {
                    &[Arrived, Received, Assigned, Processing, Completed]
                }
            }
        };
        Case {
            report: Report {
                document: about,
                sender,
                reason,
            },
            about: ResponseFor {
                organ_id: String::new(),
                code: format!("{}/{}", document.code.number, document.code.notation),
                promulgation_date: document.promulgation.date.clone(),
                document_id: document.document_id.clone(),
            },
            codes: codes.iter().copied().collect(),
        }
    }

    fn take_status(&self, packet: &Bytes, sha256: Sha256) -> Result<(), AgencyError> {
        let Packet::Status(status) = read_packet(packet)? else {
            return Err(AgencyError::Packet(
                "a document among the status messages".to_owned(),
            ));
        };
        let StatusMessage {
            from,
            response_for,
            status_code,
            ..
        } = *status;
        if self.desk().known.insert(sha256) {
            self.world
                .journal
                .status_seen(&response_for.document_id, &from.organ_id, &status_code);
        }
        Ok(())
    }

    /// Reports one code of every case, the first two of a new document in one go, and puts finished cases away.
    async fn move_cases(&self) {
        let count = self.desk().cases.len();
        for _ in 0..count {
            let Some(mut case) = self.desk().cases.pop_front() else {
                return;
            };
            let steps = if case.codes.front() == Some(&StatusCode::Arrived) {
                2
            } else {
                1
            };
            for _ in 0..steps {
                let Some(code) = case.codes.front().copied() else {
                    break;
                };
                match self.report(&case, code).await {
                    Ok(()) => {
                        case.codes.pop_front();
                    }
                    Err(error) => {
                        self.failed(&error);
                        // A refusal will not change by repeating it; only a lost call is worth another round.
                        if !matches!(&error, AgencyError::Call(call) if call.is_io()) {
                            case.codes.clear();
                        }
                        break;
                    }
                }
            }
            if !case.codes.is_empty() {
                self.desk().cases.push_back(case);
            }
        }
    }

    async fn report(&self, case: &Case, code: StatusCode) -> Result<(), AgencyError> {
        let reason = if code.needs_reason() {
            case.report.reason.as_str()
        } else {
            ""
        };
        let packet = letter::compose_status(
            &self.agency,
            &case.report.sender,
            &case.about,
            code,
            reason,
            &*self.world.clock,
            &*self.world.entropy,
        )?;
        self.door
            .report(&self.agency.code, &case.report, code, packet)
            .await?;
        Ok(())
    }
}

impl Breakable for AgencySystem {
    fn code(&self) -> &str {
        &self.agency.code
    }

    fn name(&self) -> &str {
        &self.agency.name
    }

    fn notation(&self) -> &str {
        &self.agency.notation
    }

    fn receives(&self) -> &'static str {
        match self.receive {
            Receive::Push => "push",
            Receive::Poll => "poll",
        }
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What is normal for a test unit is its habit.
    fn settle(&self) {
        if let Some(habit) = Habit::of_code(&self.agency.code) {
            habit.teach(self);
        }
    }
}

fn read_packet(packet: &Bytes) -> Result<Packet, AgencyError> {
    read_all(packet, Limits::default())
        .map(|parsed| parsed.packet)
        .map_err(|error| AgencyError::Packet(error.to_string()))
}
