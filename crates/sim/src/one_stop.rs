//! The one-stop system (*một cửa*) of one agency: it takes a citizen's dossier in, pushes it and its progress, receives dossiers that
//! concern the agency, and hands back results.
//!
//! It keeps dossiers in the national form, as systems in the field do, and sends them through one of two doors ([`Shape`]). Persons are
//! invented, and every identity and telephone number is zeros.

mod door;
mod message;
mod paper;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lgsp_base::vi::{Day, WorkingCalendar};
use lgsp_base::{Clock, Entropy, Sha256, Timestamp};
use lgsp_wire::dossier::DossierCode;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::control::Breakable;
use crate::door::Waiting;
use crate::dossier_book::{DossierBook, Mark};
use crate::fault::Faults;
use crate::http::CallError;
use crate::letter::Agency;
use crate::portal::Procedure;

pub use door::{DossierDoor, Shape};

use message::Message;

/// Dossiers that an office remembers; beyond, its memory begins anew.
const KNOWN_MAX: usize = 10_000;
/// Open cases of one office; it takes no further citizen in.
const CASES_MAX: usize = 1_000;
/// Items that one look into the inbox takes.
const INBOX_PAGE: usize = 50;
/// Hour of the day at which something is due.
const DUE_HOUR: u64 = 17;

/// What an office offers and with whom it shares the work.
#[derive(Debug, Clone)]
pub struct Service {
    /// The procedure.
    pub procedure: Procedure,
    /// The code of the agency that decides; none if the office does.
    pub decided_by: Option<String>,
    /// Codes of the agencies whose one-stop systems get every message about it: for an office that takes it in, itself and the one that
    /// decides; one that decides adds the agency in the dossier's code.
    pub parties: Vec<String>,
}

/// What a system is told about itself.
#[derive(Debug, Clone)]
pub struct OfficeConfig {
    /// The agency.
    pub agency: Agency,
    /// The code with which the numbers of its dossiers begin: the agency's own, or an older one.
    pub issuer: String,
    /// What it offers.
    pub services: Vec<Service>,
    /// When it was closed and took no more dossiers in, as districts were on 1 July 2025.
    pub closes_at: Option<Timestamp>,
    /// True if it looks into its inbox itself; otherwise a webhook brings what comes.
    pub is_polling: bool,
}

/// The next thing to be done with a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// Push the new dossier.
    Open,
    /// Tell of a step: it is being handled.
    Handle,
    /// Wait for the result of the agency that decides.
    Await,
    /// Push it as finished, with its result.
    Finish,
    /// Push it as handed back.
    Return,
}

/// A dossier on somebody's desk.
#[derive(Debug, Clone)]
struct Case {
    dossier: Map<String, Value>,
    parties: Vec<String>,
    moves: VecDeque<Move>,
}

impl Case {
    fn code(&self) -> String {
        text_of(&self.dossier, "MaHoSo").to_owned()
    }
}

#[derive(Debug, Default)]
struct Desk {
    /// Running number of each day.
    numbers: BTreeMap<Day, u32>,
    cases: VecDeque<Case>,
    /// What came from others, in the national form, by code.
    known: BTreeMap<String, Map<String, Value>>,
    /// Dossiers of others that were taken up here.
    taken_up: BTreeSet<String>,
    /// Messages that were taken in: a repeated hand-over is confirmed and otherwise ignored.
    seen: BTreeSet<Sha256>,
}

/// What the systems of all offices share.
#[derive(Debug, Clone)]
pub struct OfficeWorld {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, usually seeded.
    pub entropy: Arc<dyn Entropy>,
    /// The outside record.
    pub book: DossierBook,
}

/// Why an office could not do something.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The server could not be reached or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What came is no dossier.
    #[error("what came is no dossier: {0}")]
    Content(String),
}

/// The one-stop system of one agency.
#[derive(Debug)]
pub struct OneStop {
    config: OfficeConfig,
    /// Code and name under which it is broken: the agency has another system under its own.
    names: (String, String),
    door: DossierDoor,
    world: OfficeWorld,
    faults: Faults,
    desk: Mutex<Desk>,
}

impl OneStop {
    /// A system with an empty desk.
    pub fn new(config: OfficeConfig, door: DossierDoor, world: OfficeWorld) -> Self {
        let agency = &config.agency;
        let names = (
            format!("MC.{}", agency.code),
            format!("Một cửa: {}", agency.name),
        );
        Self {
            config,
            names,
            door,
            world,
            faults: Faults::default(),
            desk: Mutex::default(),
        }
    }

    /// The agency that it serves.
    pub fn agency(&self) -> &Agency {
        &self.config.agency
    }

    /// What it offers.
    pub fn services(&self) -> &[Service] {
        &self.config.services
    }

    /// What a citizen may ask for here: everything but what others send it to decide.
    pub fn services_at_counter(&self) -> impl Iterator<Item = &Service> {
        let own = &self.config.agency.code;
        let services = self.config.services.iter();
        services.filter(move |service| service.decided_by.as_ref() != Some(own))
    }

    /// True if it looks into its inbox itself.
    pub fn is_polling(&self) -> bool {
        self.config.is_polling
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when nothing waits to be done here but the results of others.
    pub fn is_idle(&self) -> bool {
        self.desk()
            .cases
            .iter()
            .all(|case| case.moves.front() == Some(&Move::Await))
    }

    /// True when every case came to its end.
    pub fn is_done(&self) -> bool {
        self.desk().cases.is_empty()
    }

    /// True while it takes dossiers in.
    pub fn is_open(&self) -> bool {
        let closes = self.config.closes_at;
        closes.is_none_or(|at| self.world.clock.now() < at)
    }

    /// Takes a citizen's dossier in at the counter and answers its code; nothing is sent before the next [`OneStop::work`]. None once the
    /// office is closed, or has too much to do.
    pub fn take_in(&self, service: &Service) -> Option<String> {
        if !self.is_open() {
            return None;
        }
        let now = self.world.clock.now();
        let day = Day::of(now);
        let mut desk = self.desk();
        if desk.cases.len() >= CASES_MAX {
            return None;
        }
        let number = desk.numbers.entry(day).or_default();
        *number += 1;
        let number = *number;
        let code = format!("{}{number:04}", self.prefix(day));
        let days = i32::from(service.procedure.days);
        let due = WorkingCalendar::built_in()
            .add_working_days(day, days)
            .unwrap_or(day)
            .start()
            .plus(Duration::from_secs(DUE_HOUR * 3_600));
        let dossier = paper::dossier(&paper::Intake {
            code: &code,
            number,
            procedure: &service.procedure,
            unit: &self.config.agency.name,
            now,
            due,
            entropy: &*self.world.entropy,
        });
        let moves: &[Move] = match &service.decided_by {
            Some(_) => &[Move::Open, Move::Handle, Move::Await, Move::Return],
            None => &[Move::Open, Move::Handle, Move::Finish, Move::Return],
        };
        desk.cases.push_back(Case {
            dossier,
            parties: service.parties.clone(),
            moves: moves.iter().copied().collect(),
        });
        Some(code)
    }

    /// What stands before the number in the codes of a day.
    pub fn prefix(&self, day: Day) -> String {
        let year = day.year() % 100;
        let (month, day) = (day.month(), day.day());
        format!("{}-{year:02}{month:02}{day:02}-", self.config.issuer)
    }

    /// Continues numbers of a day behind what an earlier run used.
    pub fn skip_numbers(&self, day: Day, used: u32) {
        let mut desk = self.desk();
        let number = desk.numbers.entry(day).or_default();
        *number = used.max(*number);
    }

    /// Gives every case to the office that takes its place; whatever was open goes on there.
    pub fn hand_over(&self, successor: &OneStop) -> usize {
        let cases = std::mem::take(&mut self.desk().cases);
        let count = cases.len();
        successor.desk().cases.extend(cases);
        count
    }

    /// One round: look into the inbox and move every case one step. Returns how many messages came in.
    pub async fn work(&self) -> usize {
        if self.faults.is_down() {
            return 0;
        }
        let delay = self.faults.delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let taken = match self.config.is_polling {
            true => self.poll().await,
            false => 0,
        };
        self.move_cases().await;
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

    async fn poll(&self) -> usize {
        let items = match self.door.waiting(INBOX_PAGE).await {
            Ok(items) => items,
            Err(error) => {
                self.failed(&error.into());
                return 0;
            }
        };
        let mut taken = 0;
        for item in items {
            let result = async {
                let (code, mark, sha256) = self.take(&item).await?;
                self.door.acknowledge(&item, sha256).await?;
                self.world
                    .book
                    .confirmed(&self.config.agency.code, &code, &mark);
                Ok(())
            };
            match result.await {
                Ok(()) => taken += 1,
                // Later items of the same sender may not be confirmed before this one.
                Err(error) => self.failed(&error),
            }
        }
        taken
    }

    /// Takes in what a webhook announced; a successful answer to the webhook is the confirmation.
    ///
    /// # Errors
    /// [`OfficeError`] for a broken call or what is no dossier.
    pub async fn take_push(&self, item: &Waiting) -> Result<(), OfficeError> {
        let (code, mark, _) = self.take(item).await?;
        self.world
            .book
            .confirmed(&self.config.agency.code, &code, &mark);
        Ok(())
    }

    async fn take(&self, item: &Waiting) -> Result<(String, Mark, Sha256), OfficeError> {
        let content = self.door.fetch(item).await?;
        let sha256 = Sha256::of(&content);
        let message = Message::read(&content)?;
        let (code, mark) = (message.code.clone(), message.mark.clone());
        let at = self.world.clock.monotonic();
        let recipient = &self.config.agency.code;
        let state = message.state.as_ref();
        self.world.book.received(recipient, &code, &mark, state, at);
        let mut desk = self.desk();
        if desk.seen.len() >= KNOWN_MAX {
            desk.seen.clear();
            desk.known.clear();
            desk.taken_up.clear();
        }
        if desk.seen.insert(sha256) {
            self.think(&mut desk, message);
        }
        Ok((code, mark, sha256))
    }

    /// What a message means for the desk: a result that was waited for, or a dossier to decide.
    fn think(&self, desk: &mut Desk, message: Message) {
        let Message { code, mark, state } = message;
        if let Some(state) = state {
            if mark.status == "9" {
                let waiting = desk
                    .cases
                    .iter_mut()
                    .find(|case| case.moves.front() == Some(&Move::Await) && case.code() == code);
                if let Some(case) = waiting {
                    case.dossier = state.clone();
                    case.moves.pop_front();
                }
            }
            desk.known.insert(code.clone(), state);
        }
        // The agency that took the dossier in says that it is handled before the one that decides begins.
        let is_handled = mark.status == "4";
        let own = &self.config.agency.code;
        let Some(dossier) = desk.known.get(&code) else {
            return;
        };
        let procedure = text_of(dossier, "MaTTHC");
        let service = self.config.services.iter().find(|service| {
            service.decided_by.as_ref() == Some(own) && service.procedure.is_meant_by(procedure)
        });
        let Some(service) = service else {
            return;
        };
        if is_handled && desk.cases.len() < CASES_MAX && !desk.taken_up.contains(&code) {
            let mut parties = service.parties.clone();
            parties.extend(owner_of(&code).filter(|owner| !service.parties.contains(owner)));
            let case = Case {
                dossier: dossier.clone(),
                parties,
                moves: [Move::Finish].into(),
            };
            desk.cases.push_back(case);
            desk.taken_up.insert(code);
        }
    }

    /// Moves every case one step; one that could not be sent stays as it is.
    async fn move_cases(&self) {
        let count = self.desk().cases.len();
        for _ in 0..count {
            let Some(mut case) = self.desk().cases.pop_front() else {
                return;
            };
            match self.step(&mut case).await {
                Ok(()) => {}
                // A lost call is worth another round; a refusal will not change by repeating it.
                Err(error) if is_lost(&error) => self.failed(&error),
                Err(error) => {
                    self.failed(&error);
                    case.moves.clear();
                }
            }
            if !case.moves.is_empty() {
                self.desk().cases.push_back(case);
            }
        }
    }

    async fn step(&self, case: &mut Case) -> Result<(), OfficeError> {
        let Some(next) = case.moves.front().copied() else {
            return Ok(());
        };
        let mut dossier = case.dossier.clone();
        let now = self.world.clock.now();
        match next {
            Move::Await => return Ok(()),
            Move::Open => self.push(case, &dossier, false).await?,
            Move::Handle => {
                self.tell(case, "4", "Chuyển hồ sơ tới bộ phận chuyên môn")
                    .await?;
                dossier.insert("TrangThaiHoSo".to_owned(), "4".into());
            }
            Move::Finish => {
                let procedures = self
                    .config
                    .services
                    .iter()
                    .map(|service| &service.procedure);
                let meant = procedures
                    .into_iter()
                    .find(|procedure| procedure.is_meant_by(text_of(&dossier, "MaTTHC")));
                paper::finish(&mut dossier, meant, now);
                self.push(case, &dossier, true).await?;
            }
            Move::Return => {
                paper::hand_back(&mut dossier, now);
                self.push(case, &dossier, true).await?;
            }
        }
        case.dossier = dossier;
        case.moves.pop_front();
        Ok(())
    }

    /// The offices that get a message from here.
    fn others(&self, case: &Case) -> Vec<String> {
        let parties = case.parties.iter();
        parties
            .filter(|code| **code != self.config.agency.code)
            .cloned()
            .collect()
    }

    async fn push(
        &self,
        case: &Case,
        dossier: &Map<String, Value>,
        is_updating: bool,
    ) -> Result<(), OfficeError> {
        let (code, status) = (
            text_of(dossier, "MaHoSo"),
            text_of(dossier, "TrangThaiHoSo"),
        );
        let to = self.others(case);
        let book = &self.world.book;
        book.sends_state(dossier, &to);
        match self.door.push(dossier, &to, is_updating).await {
            Ok(()) => {
                book.accepted(code, false, status, Some(dossier));
                Ok(())
            }
            Err(error) => {
                if !error.is_io() {
                    book.refused(code, false, status, &error.to_string());
                }
                Err(error.into())
            }
        }
    }

    async fn tell(&self, case: &Case, status: &str, what: &str) -> Result<(), OfficeError> {
        let code = case.code();
        let step = paper::step(&case.dossier, status, what, &self.world);
        let book = &self.world.book;
        book.sends_step(&code, status, &self.others(case));
        match self.door.tell(&code, &step).await {
            Ok(()) => {
                book.accepted(&code, true, status, None);
                Ok(())
            }
            Err(error) => {
                if !error.is_io() {
                    book.refused(&code, true, status, &error.to_string());
                }
                Err(error.into())
            }
        }
    }

    fn failed(&self, error: &OfficeError) {
        tracing::debug!(agency = %self.config.agency.code, error = %error, "a simulated one-stop system failed");
    }
}

impl Breakable for OneStop {
    fn code(&self) -> &str {
        &self.names.0
    }

    fn name(&self) -> &str {
        &self.names.1
    }

    fn notation(&self) -> &'static str {
        "MC"
    }

    fn receives(&self) -> &'static str {
        match self.config.is_polling {
            true => "poll",
            false => "push",
        }
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// The agency in a dossier's code.
fn owner_of(code: &str) -> Option<String> {
    let code = DossierCode::read(code).ok()?;
    Some(code.agency().to_owned())
}

fn is_lost(error: &OfficeError) -> bool {
    matches!(error, OfficeError::Call(call) if call.is_io())
}

fn text_of<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
