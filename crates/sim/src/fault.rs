//! Misbehaviour on command: what a real system of an agency does on a bad day.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Neither sends nor polls, and answers webhooks with 503.
    Down,
    /// Waits this long before each piece of work.
    Slow(Duration),
    /// Sends every packet twice, as an SDK does when an answer is lost.
    SendsTwice,
    /// Acknowledges every delivery twice.
    AcknowledgesTwice,
    /// Answers so many pushes of each delivery with 503 before it takes it.
    FailsFirst(u32),
    /// Holds a push for a while and breaks the connection without an answer.
    NeverAnswers,
    /// Answers a push with the hash of something else and takes nothing.
    WrongDigest,
    /// Signs its confirmations on the axis with a wrong secret.
    BadSignature,
    /// A national platform that misbehaves in this way.
    Platform(How),
}

/// How a national platform misbehaves; also the words of `lgsp sim fail --how`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Answers everything with 503 and calls nobody.
    Down,
    /// Answers with a web page and status 200.
    Html,
    /// Forgets every session: a log-in succeeds, and the next request is told to log in.
    Session,
    /// Keeps everything that it is given twice.
    Duplicate,
    /// Says that it has kept what it is given, and forgets it.
    Lose,
    /// Keeps another status than the one that it is given.
    Drift,
    /// Answers every request with a server error inside an answer with status 200.
    Error200,
}

impl How {
    /// All of them, in the order of the guide.
    pub const ALL: [How; 7] = [
        How::Down,
        How::Html,
        How::Session,
        How::Duplicate,
        How::Lose,
        How::Drift,
        How::Error200,
    ];

    /// The word on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            How::Down => "down",
            How::Html => "html",
            How::Session => "session",
            How::Duplicate => "duplicate",
            How::Lose => "lose",
            How::Drift => "drift",
            How::Error200 => "error200",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// The faults of one system that are switched on.
#[derive(Debug, Default)]
pub struct Faults {
    down: AtomicBool,
    delay_ms: AtomicU64,
    sends_twice: AtomicBool,
    acknowledges_twice: AtomicBool,
    fails_first: AtomicU32,
    never_answers: AtomicBool,
    wrong_digest: AtomicBool,
    bad_signature: AtomicBool,
    /// One bit for each [`How`] but [`How::Down`].
    platform: AtomicU32,
}

impl Faults {
    /// Switches a fault on; the next piece of work feels it.
    pub fn start(&self, fault: Fault) {
        self.set(fault, true);
    }

    /// Switches a fault off.
    pub fn end(&self, fault: Fault) {
        self.set(fault, false);
    }

    fn set(&self, fault: Fault, on: bool) {
        match fault {
            Fault::Down => self.down.store(on, Ordering::Relaxed),
            Fault::Slow(delay) => {
                let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                self.delay_ms
                    .store(if on { delay } else { 0 }, Ordering::Relaxed);
            }
            Fault::SendsTwice => self.sends_twice.store(on, Ordering::Relaxed),
            Fault::AcknowledgesTwice => self.acknowledges_twice.store(on, Ordering::Relaxed),
            Fault::FailsFirst(times) => self
                .fails_first
                .store(if on { times } else { 0 }, Ordering::Relaxed),
            Fault::NeverAnswers => self.never_answers.store(on, Ordering::Relaxed),
            Fault::WrongDigest => self.wrong_digest.store(on, Ordering::Relaxed),
            Fault::BadSignature => self.bad_signature.store(on, Ordering::Relaxed),
            Fault::Platform(How::Down) => self.down.store(on, Ordering::Relaxed),
            Fault::Platform(how) => {
                let bits = self.platform.load(Ordering::Relaxed);
                let bits = if on {
                    bits | how.bit()
                } else {
                    bits & !how.bit()
                };
                self.platform.store(bits, Ordering::Relaxed);
            }
        }
    }

    /// True while a platform misbehaves in this way.
    pub fn is(&self, how: How) -> bool {
        match how {
            How::Down => self.is_down(),
            other => self.platform.load(Ordering::Relaxed) & other.bit() != 0,
        }
    }

    /// The first way in which a platform misbehaves.
    pub fn how(&self) -> Option<How> {
        How::ALL.into_iter().find(|how| self.is(*how))
    }

    /// Switches off every way of a platform, and slowness.
    pub fn restore(&self) {
        self.end(Fault::Down);
        self.end(Fault::Slow(Duration::ZERO));
        self.platform.store(0, Ordering::Relaxed);
    }

    /// True while the system is down.
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// How long each piece of work is held up.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.load(Ordering::Relaxed))
    }

    /// True while every packet is sent twice.
    pub fn sends_twice(&self) -> bool {
        self.sends_twice.load(Ordering::Relaxed)
    }

    /// True while every delivery is acknowledged twice.
    pub fn acknowledges_twice(&self) -> bool {
        self.acknowledges_twice.load(Ordering::Relaxed)
    }

    /// How many pushes of each delivery fail first.
    pub fn fails_first(&self) -> u32 {
        self.fails_first.load(Ordering::Relaxed)
    }

    /// True while pushes are held and broken off.
    pub fn never_answers(&self) -> bool {
        self.never_answers.load(Ordering::Relaxed)
    }

    /// True while confirmations on the axis are signed with a wrong secret.
    pub fn has_bad_signature(&self) -> bool {
        self.bad_signature.load(Ordering::Relaxed)
    }

    /// True while pushes are answered with a wrong hash.
    pub fn has_wrong_digest(&self) -> bool {
        self.wrong_digest.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_a_platform_is_a_switch_of_its_own() {
        let faults = Faults::default();
        for how in How::ALL {
            faults.start(Fault::Platform(how));
            assert_eq!(faults.how(), Some(how));
            assert_eq!(
                How::ALL
                    .into_iter()
                    .filter(|other| faults.is(*other))
                    .count(),
                1
            );
            assert_eq!(serde_json::json!(how), how.name());
            faults.end(Fault::Platform(how));
            assert_eq!(faults.how(), None);
        }
        faults.start(Fault::Platform(How::Down));
        faults.start(Fault::Platform(How::Lose));
        faults.restore();
        assert_eq!(faults.how(), None);
    }
}
