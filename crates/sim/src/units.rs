//! Magic test units: organisations whose code says how they behave, as test cards do for payments (ux.md §5.2).
//!
//! A document sent to `….503` fails three times and is then taken; one sent to `….TUCHOI` is refused with a reason. Units act only when
//! they are addressed, and never answer one another. Everything goes over plain HTTP like any other
//! agency's system, but for the one whose certificate has expired.

use std::sync::Arc;
use std::time::Duration;

use lgsp_base::time::Timestamp;
use lgsp_base::{Clock, org_code};
use tokio::sync::watch;

use crate::agency::{AgencyError, AgencySystem, Manners};
use crate::fault::Fault;
use crate::letter::{Agency, Letter, Purpose};

/// How long a slow unit takes to answer; shorter than the time for which a push waits.
pub const SLOW_ANSWER: Duration = Duration::from_secs(20);
/// Pushes of each delivery that fail first.
pub const FAILURES_FIRST: u32 = 3;
/// Bytes of the attachment that a unit answers with.
pub const LARGE_ATTACHMENT_BYTES: usize = 50_000_000;
/// How far the clock of a unit is ahead.
pub const CLOCK_AHEAD: Duration = Duration::from_secs(10 * 60);
/// When a unit takes its answer back.
pub const RECALL_AFTER: Duration = Duration::from_secs(15);
/// How often a unit looks whether it was addressed; it calls nobody when it was not.
const PACE: Duration = Duration::from_millis(200);
/// The same for a unit whose confirmations are refused: it tries again with everything that waits.
const FORGER_PACE: Duration = Duration::from_secs(5);
/// Answers that are to be recalled.
const RECALLS_MAX: usize = 64;

/// What a unit does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// `OK`: takes it at once and completes it.
    Accepts,
    /// `CHAM`: takes it after [`SLOW_ANSWER`].
    AnswersLate,
    /// `TUCHOI`: refuses it with status 02 and a reason.
    Refuses,
    /// `503`: fails [`FAILURES_FIRST`] times, then takes it.
    FailsFirst,
    /// `CHET`: never answers, so that the delivery ends as a dead letter.
    NeverAnswers,
    /// `TO`: takes it and answers with a document whose attachment has [`LARGE_ATTACHMENT_BYTES`].
    SendsLarge,
    /// `TRUNG`: takes it and submits its answer twice.
    SendsTwice,
    /// `THUTU`: takes it and answers with three documents, the later numbers first.
    SendsOutOfOrder,
    /// `KYSAI`: fetches on the axis and confirms with a signature that does not fit.
    BadSignature,
    /// `HETHAN`: receives at an endpoint whose certificate has expired.
    ExpiredCertificate,
    /// `LECHGIO`: its clock is [`CLOCK_AHEAD`], so that every push looks stale and is refused.
    WrongClock,
    /// `THUHOI`: takes it, answers, and recalls the answer [`RECALL_AFTER`] later.
    RecallsLater,
}

impl Habit {
    /// All of them, in the order of the guide.
    pub const ALL: [Habit; 12] = [
        Habit::Accepts,
        Habit::AnswersLate,
        Habit::Refuses,
        Habit::FailsFirst,
        Habit::NeverAnswers,
        Habit::SendsLarge,
        Habit::SendsTwice,
        Habit::SendsOutOfOrder,
        Habit::BadSignature,
        Habit::ExpiredCertificate,
        Habit::WrongClock,
        Habit::RecallsLater,
    ];

    /// The last group of the unit's code.
    pub const fn suffix(self) -> &'static str {
        match self {
            Habit::Accepts => "OK",
            Habit::AnswersLate => "CHAM",
            Habit::Refuses => "TUCHOI",
            Habit::FailsFirst => "503",
            Habit::NeverAnswers => "CHET",
            Habit::SendsLarge => "TO",
            Habit::SendsTwice => "TRUNG",
            Habit::SendsOutOfOrder => "THUTU",
            Habit::BadSignature => "KYSAI",
            Habit::ExpiredCertificate => "HETHAN",
            Habit::WrongClock => "LECHGIO",
            Habit::RecallsLater => "THUHOI",
        }
    }

    /// The habit that an organisation's code names with its last group.
    pub fn of_code(code: &str) -> Option<Self> {
        let key = org_code::key(code).ok()?;
        let (_, suffix) = key.rsplit_once('.')?;
        Self::ALL.into_iter().find(|habit| habit.suffix() == suffix)
    }

    /// True if such a unit is called; the others look into their inbox.
    pub fn is_pushed(self) -> bool {
        self != Habit::BadSignature
    }

    /// True if such a unit is connected by the document axis and not by REST.
    pub fn is_on_axis(self) -> bool {
        self == Habit::BadSignature
    }

    /// The scheme of such a unit's endpoint.
    pub fn scheme(self) -> &'static str {
        match self {
            Habit::ExpiredCertificate => "https",
            _ => "http",
        }
    }

    fn pace(self) -> Duration {
        match self {
            Habit::BadSignature => FORGER_PACE,
            _ => PACE,
        }
    }

    /// The clock that a unit with this habit goes by.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        match self {
            Habit::WrongClock => Arc::new(Ahead(clock)),
            _ => clock,
        }
    }

    /// Gives a system this habit.
    pub(crate) fn teach(self, system: &AgencySystem) {
        let fault = match self {
            Habit::AnswersLate => Fault::Slow(SLOW_ANSWER),
            Habit::FailsFirst => Fault::FailsFirst(FAILURES_FIRST),
            Habit::NeverAnswers => Fault::NeverAnswers,
            Habit::SendsTwice => Fault::SendsTwice,
            Habit::BadSignature => Fault::BadSignature,
            Habit::Refuses => {
                return system.set_manners(Manners {
                    refuses_one_in: 1,
                    insists_one_in: 1,
                });
            }
            Habit::Accepts
            | Habit::SendsLarge
            | Habit::SendsOutOfOrder
            | Habit::ExpiredCertificate
            | Habit::WrongClock
            | Habit::RecallsLater => return,
        };
        system.faults().start(fault);
    }
}

/// A clock that is [`CLOCK_AHEAD`] of another.
#[derive(Debug)]
struct Ahead(Arc<dyn Clock>);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.0.now().plus(CLOCK_AHEAD)
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

/// A magic unit: a system with a habit.
#[derive(Debug)]
pub struct TestUnit {
    system: Arc<AgencySystem>,
    habit: Habit,
    recalls: Vec<Recall>,
}

/// An answer that will be taken back.
#[derive(Debug)]
struct Recall {
    due: Duration,
    to: Agency,
    letter: Letter,
}

impl TestUnit {
    /// Makes a unit of a system whose agency's code names a habit; none if it names none.
    pub fn new(system: Arc<AgencySystem>) -> Option<Self> {
        let habit = Habit::of_code(&system.agency().code)?;
        habit.teach(&system);
        Some(Self {
            system,
            habit,
            recalls: Vec::new(),
        })
    }

    /// The system, to be given to the endpoint that receives for it.
    pub fn system(&self) -> &Arc<AgencySystem> {
        &self.system
    }

    /// What it does.
    pub fn habit(&self) -> Habit {
        self.habit
    }

    /// Works until told to stop.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            self.work().await;
            tokio::select! {
                () = tokio::time::sleep(self.habit.pace()) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// One round: report on what came, answer its senders, recall what is due. What fails is not tried again: the next document is.
    pub async fn work(&mut self) {
        self.system.work().await;
        for caller in self.system.take_callers() {
            // Two units that answer each other would never stop.
            if Habit::of_code(&caller.code).is_none()
                && let Err(error) = self.answer(caller).await
            {
                tracing::debug!(unit = %self.system.agency().code, %error, "a test unit could not answer");
            }
        }
        let now = self.system.clock().monotonic();
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.recalls)
            .into_iter()
            .partition(|recall| recall.due <= now);
        self.recalls = later;
        for Recall { to, letter, .. } in due {
            if let Err(error) = self.system.send(&[&to], Purpose::Recall(&letter)).await {
                tracing::debug!(unit = %self.system.agency().code, %error, "a test unit could not recall");
            }
        }
    }

    async fn answer(&mut self, caller: Agency) -> Result<(), AgencyError> {
        match self.habit {
            Habit::SendsLarge => {
                let purpose = Purpose::Large(LARGE_ATTACHMENT_BYTES);
                self.system.send(&[&caller], purpose).await.map(drop)
            }
            Habit::SendsTwice => self.system.send(&[&caller], Purpose::New).await.map(drop),
            Habit::SendsOutOfOrder => {
                let one = self.system.compose(&[&caller], Purpose::New)?;
                let two = self.system.compose(&[&caller], Purpose::New)?;
                let three = self.system.compose(&[&caller], Purpose::New)?;
                for letter in [three, one, two] {
                    self.system.post(letter).await?;
                }
                Ok(())
            }
            Habit::RecallsLater => {
                let letter = self.system.send(&[&caller], Purpose::New).await?;
                if self.recalls.len() < RECALLS_MAX {
                    self.recalls.push(Recall {
                        due: self.system.clock().monotonic() + RECALL_AFTER,
                        to: caller,
                        letter,
                    });
                }
                Ok(())
            }
            Habit::Accepts
            | Habit::AnswersLate
            | Habit::Refuses
            | Habit::FailsFirst
            | Habit::NeverAnswers
            | Habit::BadSignature
            | Habit::ExpiredCertificate
            | Habit::WrongClock => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lgsp_base::time::ManualClock;

    #[test]
    fn a_code_names_a_habit_with_its_last_group_alone() {
        for habit in Habit::ALL {
            let code = format!("H99.TEST.{}", habit.suffix().to_lowercase());
            assert_eq!(Habit::of_code(&code), Some(habit));
        }
        for code in ["H99.TEST", "H99.TEST.OK.01", "OK", "H99.02", ""] {
            assert_eq!(Habit::of_code(code), None, "{code}");
        }
    }

    #[test]
    fn one_clock_alone_is_ahead() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_millis(1_000)));
        for habit in Habit::ALL {
            let ahead = habit.clock(clock.clone()).now().since(clock.now());
            let expected = match habit {
                Habit::WrongClock => CLOCK_AHEAD,
                _ => Duration::ZERO,
            };
            assert_eq!(ahead, expected);
        }
    }
}
