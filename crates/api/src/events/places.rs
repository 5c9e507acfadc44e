//! How many streams are open, in all and by caller.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lgsp_base::limits;

/// Counts open streams.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    by_caller: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// One open stream; dropping it frees its place.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    caller: String,
}

impl Places {
    /// A place for a caller; none if it has `limits::EVENT_STREAMS_PER_CALLER_MAX`, or all have `limits::EVENT_STREAMS_MAX`.
    pub(crate) fn take(&self, caller: &str) -> Option<Place> {
        let mut open = self.lock();
        if open.values().sum::<usize>() >= limits::EVENT_STREAMS_MAX {
            return None;
        }
        let own = open.entry(caller.to_owned()).or_default();
        if *own >= limits::EVENT_STREAMS_PER_CALLER_MAX {
            return None;
        }
        *own += 1;
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
        let places = Places::default();
        let mut held = Vec::new();
        for _ in 0..limits::EVENT_STREAMS_PER_CALLER_MAX {
            held.push(places.take("a").expect("a place"));
        }
        assert!(places.take("a").is_none());
        let callers = limits::EVENT_STREAMS_MAX / limits::EVENT_STREAMS_PER_CALLER_MAX;
        for caller in 1..callers {
            for _ in 0..limits::EVENT_STREAMS_PER_CALLER_MAX {
                held.push(places.take(&caller.to_string()).expect("a place"));
            }
        }
        assert!(places.take("late").is_none());
        held.pop();
        assert!(places.take("late").is_some());
        held.clear();
        assert!(places.lock().is_empty());
    }
}
