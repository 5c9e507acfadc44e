//! How much room a file system has, asked at most ten times per second.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use lgsp_base::Clock;
use lgsp_base::time::SystemClock;

/// How long an answer of the file system is believed.
const ANSWER_AGE_MAX: Duration = Duration::from_millis(100);

struct Answer {
    at: Duration,
    free_bytes: u64,
}

/// The free space of one file system and the reserve that is kept of it.
pub(crate) struct Room {
    folder: PathBuf,
    reserve_bytes: u64,
    clock: SystemClock,
    answer: Mutex<Option<Answer>>,
}

impl Room {
    pub(crate) fn new(folder: &Path, reserve_bytes: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            reserve_bytes,
            clock: SystemClock::new(),
            answer: Mutex::new(None),
        }
    }

    /// True if the reserve and `promised_bytes` (space that is spoken for) are free.
    pub(crate) fn is_enough(&self, promised_bytes: u64) -> bool {
        self.free_bytes() >= self.reserve_bytes.saturating_add(promised_bytes)
    }

    /// Free bytes for this process; without an answer of the file system it counts as full.
    pub(crate) fn free_bytes(&self) -> u64 {
        let now = self.clock.monotonic();
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = answer.as_ref()
            && now.saturating_sub(known.at) < ANSWER_AGE_MAX
        {
            return known.free_bytes;
        }
        let free_bytes = rustix::fs::statvfs(&self.folder)
            .map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        *answer = Some(Answer {
            at: now,
            free_bytes,
        });
        free_bytes
    }
}
