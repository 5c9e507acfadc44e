//! A bounded number of places, in all and for each caller: for what is held open long, as streams of events are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts what is taken; clones share it.
#[derive(Debug, Clone)]
pub struct Places {
    all_max: usize,
    each_max: usize,
    by_caller: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// One place; dropping it frees it.
#[derive(Debug)]
pub struct Place {
    places: Places,
    caller: String,
}

impl Places {
    /// So many places, of which no caller gets more than `each_max`.
    pub fn new(all_max: usize, each_max: usize) -> Self {
        Self {
            all_max,
            each_max,
            by_caller: Arc::default(),
        }
    }

    /// A place for a caller; none if it has as many as one may have, or all are taken.
    pub fn take(&self, caller: &str) -> Option<Place> {
        let mut open = self.lock();
        let own = open.get(caller).copied().unwrap_or(0);
        if own >= self.each_max || open.values().sum::<usize>() >= self.all_max {
            return None;
        }
        open.insert(caller.to_owned(), own + 1);
        Some(Place {
            places: self.clone(),
            caller: caller.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.by_caller
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.lock();
        if let Some(own) = open.get_mut(&self.caller) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_one_and_for_all_and_come_back() {
        let places = Places::new(6, 2);
        let mut held = vec![
            places.take("a").expect("a place"),
            places.take("a").expect("a place"),
        ];
        assert!(places.take("a").is_none());
        for caller in ["b", "c"] {
            held.extend(
                [places.take(caller), places.take(caller)].map(|one| one.expect("a place")),
            );
        }
        assert!(places.take("late").is_none());
        held.pop();
        assert!(places.take("late").is_some());
        held.clear();
        assert!(places.lock().is_empty());
    }
}
