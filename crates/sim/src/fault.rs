//! Misbehaviour on command: what a real system of an agency does on a bad day.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

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
        }
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

    /// True while pushes are answered with a wrong hash.
    pub fn has_wrong_digest(&self) -> bool {
        self.wrong_digest.load(Ordering::Relaxed)
    }
}
