//! Several senders and receivers at once, who repeat what they did not hear answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lgsp_base::Entropy;
use lgsp_base::entropy::SeededEntropy;

use crate::agency::{Agency, Handed, Letter, Outcome};
use crate::dossiers::{self, Push};
use crate::history::{Event, Expect, Final, Recorder, Violation, check};
use crate::wait_for;

/// How long a client keeps asking a server that is down.
const PATIENCE: Duration = Duration::from_secs(60);

/// Agencies that send to each other while a test does something to the server.
#[derive(Debug)]
pub struct Load {
    agencies: Vec<Agency>,
    recorder: Arc<Recorder>,
    seed: u64,
    large_every: u64,
    is_of_dossiers: bool,
}

/// What a sender hands in.
enum Matter {
    Letter(Letter),
    Push(Box<Push>),
}

impl Matter {
    fn goes(&self, sender: &mut Agency) -> Outcome {
        match self {
            Matter::Letter(letter) => sender.submits(letter),
            Matter::Push(push) => sender.pushes(push),
        }
    }
}

/// What the test's own thread sees of a running load.
#[derive(Debug)]
pub struct Progress<'l> {
    recorder: &'l Recorder,
    is_over: &'l AtomicBool,
}

impl Progress<'_> {
    /// Waits until `more` further documents were accepted.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn waits_for_accepted(&self, more: usize) {
        let goal = self.recorder.accepted() + more;
        let reached = wait_for(PATIENCE, || {
            (self.recorder.accepted() >= goal).then_some(())
        });
        assert!(
            reached.is_some(),
            "no progress: {} of {goal} accepted",
            self.recorder.accepted()
        );
    }

    /// Tells the senders to finish their letter and stop.
    pub fn stops_sending(&self) {
        self.is_over.store(true, Ordering::Release);
    }
}

impl Load {
    /// A load among these agencies; equal seeds make equal letters.
    pub fn new(name: &str, agencies: Vec<Agency>, seed: u64) -> Self {
        let recorder = Arc::new(Recorder::new(name));
        let mut agencies = agencies;
        for agency in &mut agencies {
            agency.records_in(&recorder);
        }
        Self {
            agencies,
            recorder,
            seed,
            large_every: 16,
            is_of_dossiers: false,
        }
    }

    /// Lets the agencies push dossiers instead of sending letters. The first two must follow every dossier
    /// ([`crate::agency::Operator::routes_dossiers_to`]).
    #[must_use]
    pub fn of_dossiers(mut self) -> Self {
        self.is_of_dossiers = true;
        self
    }

    /// Makes every n-th letter one that is stored as a file.
    #[must_use]
    pub fn with_large_every(mut self, letters: u64) -> Self {
        self.large_every = letters;
        self
    }

    /// Another client of the n-th agency, which records like the others.
    pub fn agency(&self, index: usize) -> Agency {
        self.agencies[index].twin()
    }

    /// The history so far.
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Runs senders and receivers while `fault` works on the server; returns when every receiver found its inbox empty
    /// after the last sender stopped, or did not within the patience.
    pub fn runs(&self, fault: impl FnOnce(&Progress<'_>)) {
        let is_over = AtomicBool::new(false);
        let sending = AtomicUsize::new(self.agencies.len());
        let codes: Vec<String> = self.agencies.iter().map(|one| one.code.clone()).collect();
        std::thread::scope(|scope| {
            for (index, agency) in self.agencies.iter().enumerate() {
                let (is_over, sending, codes) = (&is_over, &sending, &codes);
                let entropy = SeededEntropy::new(self.seed.wrapping_add(index as u64 * 7919));
                let mut sender = agency.twin();
                let (large_every, is_of_dossiers) = (self.large_every, self.is_of_dossiers);
                scope.spawn(move || {
                    let mut number = 0;
                    while !is_over.load(Ordering::Acquire) {
                        number += 1;
                        let is_large = number % large_every == 0;
                        let matter = if is_of_dossiers {
                            let push = dossiers::push(&sender.code, codes, number, &entropy);
                            Matter::Push(Box::new(push))
                        } else {
                            let next = letter(&sender.code, codes, number, is_large, &entropy);
                            Matter::Letter(next)
                        };
                        // The last one's outcome may stay unknown: the server may be gone for good.
                        while matter.goes(&mut sender) == Outcome::Unknown
                            && !is_over.load(Ordering::Acquire)
                        {
                            std::thread::park_timeout(Duration::from_millis(5));
                        }
                    }
                    sending.fetch_sub(1, Ordering::AcqRel);
                });
                let mut receiver = agency.twin();
                scope.spawn(move || {
                    receive_until(&mut receiver, || sending.load(Ordering::Acquire) == 0);
                });
            }
            let _guard = StopsAtEnd(&is_over);
            fault(&Progress {
                recorder: &self.recorder,
                is_over: &is_over,
            });
        });
    }

    /// Asks the server for every document that a sender heard of, and checks the history.
    pub fn violations(&self, expect: Expect) -> Vec<Violation> {
        let events = self.recorder.events();
        let mut senders = BTreeMap::new();
        let mut shown = Final::new();
        for event in &events {
            match event {
                Event::Submitting { key, sender, .. } => {
                    senders.insert(key.clone(), sender.clone());
                }
                Event::Accepted { key, document, .. } => {
                    let sender = senders.get(key).expect("recorded before");
                    let agency = self.agencies.iter().find(|one| one.code == *sender);
                    let mut agency = agency.expect("one of ours").twin();
                    if let Some(found) = agency.looks_up(document).expect("an answer") {
                        shown.insert(document.clone(), found);
                    }
                }
                _ => {}
            }
        }
        check(&events, &shown, expect)
    }
}

/// Ends the senders when the test's own part is over, also by a panic: the scope waits for them.
struct StopsAtEnd<'l>(&'l AtomicBool);

impl Drop for StopsAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A letter to one or two of the others; small ones stand in the database, large ones become files.
fn letter(
    sender: &str,
    codes: &[String],
    number: u64,
    is_large: bool,
    entropy: &SeededEntropy,
) -> Letter {
    let others: Vec<&String> = codes.iter().filter(|code| *code != sender).collect();
    let first = usize::try_from(entropy.below(others.len() as u64)).unwrap_or(0);
    let mut recipients = vec![others[first].clone()];
    if entropy.below(4) == 0 && others.len() > 1 {
        recipients.push(others[(first + 1) % others.len()].clone());
    }
    let size = if is_large {
        70_000 + entropy.below(60_000)
    } else {
        200 + entropy.below(3_000)
    };
    let mut body = vec![0; usize::try_from(size).unwrap_or(0)];
    entropy.fill(&mut body);
    Letter {
        key: format!("{sender}-{number}"),
        recipients,
        body,
    }
}

/// Repeats a letter under its key until the outcome is known.
///
/// # Panics
/// If it never is.
pub fn send_until_known(sender: &mut Agency, letter: &Letter) -> Outcome {
    let known = wait_for(PATIENCE, || {
        Some(sender.submits(letter)).filter(|outcome| *outcome != Outcome::Unknown)
    });
    known.expect("a known outcome")
}

/// Repeats a push under its key until the outcome is known.
///
/// # Panics
/// If it never is.
pub fn push_until_known(sender: &mut Agency, push: &Push) -> Outcome {
    let known = wait_for(PATIENCE, || {
        Some(sender.pushes(push)).filter(|outcome| *outcome != Outcome::Unknown)
    });
    known.expect("a known outcome")
}

/// Fetches and confirms until `is_last` held before an empty inbox, or for the patience at most.
pub fn receive_until(receiver: &mut Agency, is_last: impl Fn() -> bool) {
    // What was sent for confirmation without an answer is asked again before anything else.
    let mut open: Vec<Handed> = Vec::new();
    let mut quiet_rounds = 0;
    while quiet_rounds < 2_000 {
        let was_last = is_last();
        if open.is_empty() {
            match receiver.receives(100) {
                Ok(handed) if handed.is_empty() && was_last => return,
                Ok(handed) => open = handed,
                Err(_) => {}
            }
        }
        if open.is_empty() {
            quiet_rounds += u32::from(was_last);
            std::thread::park_timeout(Duration::from_millis(5));
            continue;
        }
        match receiver.acknowledges(&open) {
            Ok(_) => open.clear(),
            Err(_) => std::thread::park_timeout(Duration::from_millis(5)),
        }
    }
}
