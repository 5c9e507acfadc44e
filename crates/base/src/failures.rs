//! Failed attempts of a while, counted apart by who makes them, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many failures are borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureBounds {
    /// Failures of one key within the window; further attempts are not looked at.
    pub most: u32,
    /// The time in which failures are counted.
    pub window: Duration,
    /// Keys that are counted apart; beyond them all others share one count.
    pub keys: usize,
}

/// Counts failed attempts by key (an address, an address with a name). Times are monotonic.
#[derive(Debug)]
pub struct Failures<K> {
    bounds: FailureBounds,
    window: Mutex<Window<K>>,
}

#[derive(Debug)]
struct Window<K> {
    began: Duration,
    counts: HashMap<Option<K>, u32>,
}

impl<K: Eq + Hash + Copy> Failures<K> {
    /// Nothing has failed yet.
    pub fn new(bounds: FailureBounds) -> Self {
        Self {
            bounds,
            window: Mutex::new(Window {
                began: Duration::ZERO,
                counts: HashMap::new(),
            }),
        }
    }

    fn with<T>(&self, now: Duration, key: Option<K>, act: impl FnOnce(&mut u32) -> T) -> T {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(window.began) >= self.bounds.window {
            window.began = now;
            window.counts.clear();
        }
        let is_full = window.counts.len() >= self.bounds.keys;
        let key = key.filter(|key| !is_full || window.counts.contains_key(&Some(*key)));
        act(window.counts.entry(key).or_default())
    }

    /// Counts an attempt as failed before it is looked at, so that many at the same moment are no more than many in a row;
    /// false if there were too many. Without a key it goes to the count that all others share.
    pub fn begin(&self, now: Duration, key: Option<K>) -> bool {
        let most = self.bounds.most;
        self.with(now, key, |count| {
            let is_open = *count < most;
            *count = count.saturating_add(u32::from(is_open));
            is_open
        })
    }

    /// The attempt was none that failed.
    pub fn forgive(&self, now: Duration, key: Option<K>) {
        self.with(now, key, |count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: FailureBounds = FailureBounds {
        most: 10,
        window: Duration::from_secs(300),
        keys: 64,
    };

    #[test]
    fn failures_are_counted_by_key_and_forgotten() {
        let failures = Failures::new(BOUNDS);
        let (one, two) = (Some(1u32), Some(2));
        let start = Duration::from_secs(1);
        // One that succeeds takes nothing of it.
        assert!(failures.begin(start, one));
        failures.forgive(start, one);
        for _ in 0..BOUNDS.most {
            assert!(failures.begin(start, one));
        }
        assert!(!failures.begin(start, one));
        assert!(failures.begin(start, two));
        assert!(failures.begin(start + BOUNDS.window, one));
    }

    #[test]
    fn beyond_the_bound_keys_share_one_count() {
        let failures = Failures::new(BOUNDS);
        for key in 0..64 + BOUNDS.most {
            assert!(failures.begin(Duration::ZERO, Some(key)));
        }
        assert!(!failures.begin(Duration::ZERO, Some(1_000)));
        assert!(failures.begin(Duration::ZERO, Some(5)));
    }
}
