//! How a part that works in the background fares: well, or failing since when and why.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use lgsp_base::Timestamp;

/// A failure that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// The last cause, in English.
    pub words: String,
}

/// The state of one part, and how often it failed.
#[derive(Debug, Default)]
pub struct Condition {
    failing: Mutex<Option<Failing>>,
    failures: AtomicU64,
}

impl Condition {
    /// Notes a success; true if it ends a failure.
    pub fn succeeds(&self) -> bool {
        self.with(Option::take).is_some()
    }

    /// Notes a failure; true if it is a new one or has another cause, so that each is logged once.
    pub fn fails(&self, at: Timestamp, words: &str) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.with(|failing| match failing {
            Some(known) if known.words == words => false,
            Some(known) => {
                words.clone_into(&mut known.words);
                true
            }
            None => {
                *failing = Some(Failing {
                    since: at,
                    words: words.to_owned(),
                });
                true
            }
        })
    }

    /// The failure that lasts.
    pub fn failing(&self) -> Option<Failing> {
        self.with(|failing| failing.clone())
    }

    /// Failures since the start.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<Failing>) -> T) -> T {
        act(&mut self.failing.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_told_once_and_the_end_too() {
        let condition = Condition::default();
        let at = Timestamp::from_millis;
        assert!(!condition.succeeds());
        assert!(condition.fails(at(1), "a"));
        assert!(!condition.fails(at(2), "a"));
        assert!(condition.fails(at(3), "b"));
        let failing = condition.failing().expect("failing");
        assert_eq!((failing.since, failing.words.as_str()), (at(1), "b"));
        assert!(condition.succeeds());
        assert_eq!((condition.failing(), condition.failures()), (None, 3));
    }
}
