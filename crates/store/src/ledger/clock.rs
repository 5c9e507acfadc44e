//! The clock under which the log signs (reliability A8): how far it is from what else is known of the time.
//!
//! Order never comes from it, but checkpoints and receipts carry its times into the world. A step of it is an entry of the
//! ledger; one that is far off signs nothing until it is mended.

use std::fmt;
use std::time::Duration;

use lgsp_base::planted::Bug;
use lgsp_base::{Actor, Clock, Timestamp, limits};
use lgsp_wire::record::Record;

use super::entry::{CLOCK_ACCEPTED, CLOCK_STEPPED, NewEntry};
use super::rows::count;
use super::{Ledger, LedgerError};
use crate::error::StoreError;
use crate::tx::Tx;

/// The setting that says up to which checkpoint times are no measure: their clock was wrong, and somebody said so.
const ACCEPTED: &str = "ledger.clock_accepted";
/// What an authority's time is worth that comes in whole seconds.
const SECOND: i64 = 1_000_000;

/// What the clock is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockSource {
    /// The clock at the start of this process, and the monotonic time since.
    Start,
    /// The time of the newest checkpoint: a clock does not go behind it.
    Checkpoint,
    /// The last word of the time-stamp authority, and the monotonic time since.
    Authority,
}

impl ClockSource {
    /// A stable code for records, metrics and readiness.
    pub const fn code(self) -> &'static str {
        match self {
            ClockSource::Start => "start",
            ClockSource::Checkpoint => "checkpoint",
            ClockSource::Authority => "authority",
        }
    }
}

/// How far the clock is from what it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew {
    /// With what.
    pub source: ClockSource,
    /// Ours less that one, in microseconds; what the measurement leaves open counts as right.
    pub micros: i64,
}

impl ClockSkew {
    /// True above [`limits::CLOCK_SKEW_ALARM`].
    pub fn is_alarm(self) -> bool {
        exceeds(self.micros, limits::CLOCK_SKEW_ALARM)
    }

    /// True above [`limits::CLOCK_SKEW_MAX`]: nothing is signed.
    pub fn is_refused(self) -> bool {
        exceeds(self.micros, limits::CLOCK_SKEW_MAX)
    }
}

impl fmt::Display for ClockSkew {
    /// `302.5 s behind (checkpoint)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.micros < 0 { "behind" } else { "ahead" };
        let tenths = self.micros.unsigned_abs() / 100_000;
        let source = self.source.code();
        write!(f, "{}.{} s {side} ({source})", tenths / 10, tenths % 10)
    }
}

fn exceeds(micros: i64, limit: Duration) -> bool {
    u128::from(micros.unsigned_abs()) > limit.as_micros()
}

/// Both readings at one moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    wall: Timestamp,
    monotonic: Duration,
    /// How long the reading took, in microseconds: so much it may be wrong.
    width: i64,
}

impl Reading {
    fn of(clock: &dyn Clock) -> Self {
        let monotonic = clock.monotonic();
        let wall = clock.now();
        let width = clock.monotonic().saturating_sub(monotonic);
        Self {
            wall,
            monotonic,
            width: micros(width),
        }
    }

    /// How much further the wall clock went than the monotonic one since an earlier reading, in microseconds.
    fn stepped_since(&self, wall: Timestamp, monotonic: Duration) -> i64 {
        let passed = micros(self.monotonic.saturating_sub(monotonic));
        difference(self.wall, wall).saturating_sub(passed)
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn difference(of: Timestamp, less: Timestamp) -> i64 {
    of.as_micros().saturating_sub(less.as_micros())
}

/// What remains of a difference when so much of it may be the measurement's own.
fn certain(micros: i64, width: i64) -> i64 {
    micros.signum() * micros.saturating_abs().saturating_sub(width).max(0)
}

/// What this process knows of its clock.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    source: ClockSource,
    /// What the source said, and when that was by the monotonic clock.
    told: (Timestamp, Duration),
    last: Reading,
    /// The time of the newest checkpoint that is a measure.
    floor: Option<Timestamp>,
    /// A step that is not in the ledger yet, in microseconds.
    unrecorded: i64,
    steps: u64,
}

impl ClockWatch {
    /// Begins with the clock as it is; one that is behind the newest checkpoint went back while nobody looked.
    pub(crate) fn new(clock: &dyn Clock, floor: Option<Timestamp>) -> Self {
        let reading = Reading::of(clock);
        let behind = floor.map_or(0, |floor| difference(reading.wall, floor).min(0));
        let is_behind = exceeds(behind, limits::CLOCK_SKEW_ALARM);
        Self {
            source: ClockSource::Start,
            told: (reading.wall, reading.monotonic),
            last: reading,
            floor,
            unrecorded: if is_behind { behind } else { 0 },
            steps: u64::from(is_behind),
        }
    }

    /// Compares with the last look; what is not in the ledger yet, if it is worth an entry.
    fn look(&mut self, clock: &dyn Clock) -> Option<i64> {
        let reading = Reading::of(clock);
        let stepped = reading.stepped_since(self.last.wall, self.last.monotonic);
        if exceeds(
            certain(stepped, reading.width.saturating_add(self.last.width)),
            limits::CLOCK_STEP_MIN,
        ) {
            self.unrecorded = self.unrecorded.saturating_add(stepped);
            self.steps += 1;
        }
        self.last = reading;
        (self.unrecorded != 0).then_some(self.unrecorded)
    }

    /// The worst that is known. An authority's word about the present outweighs the times of old checkpoints.
    fn skew(&self, clock: &dyn Clock) -> ClockSkew {
        let reading = Reading::of(clock);
        let (wall, monotonic) = self.told;
        let known = ClockSkew {
            source: self.source,
            micros: certain(reading.stepped_since(wall, monotonic), reading.width),
        };
        let behind = self.floor.map_or(0, |floor| {
            difference(reading.wall, floor).min(0).saturating_neg()
        });
        if self.source == ClockSource::Authority || behind <= known.micros.saturating_abs() {
            return known;
        }
        ClockSkew {
            source: ClockSource::Checkpoint,
            micros: behind.saturating_neg(),
        }
    }

    /// Takes an authority's word: it was given between `asked` and now, and is cut to whole seconds if it looks like that.
    fn hear(&mut self, clock: &dyn Clock, time: Timestamp, asked: Duration) {
        let reading = Reading::of(clock);
        let took = micros(reading.monotonic.saturating_sub(asked)).saturating_add(reading.width);
        let grain = if time.as_micros() % SECOND == 0 {
            SECOND
        } else {
            0
        };
        // Between the two, our clock is right.
        let most = difference(reading.wall, time);
        let least = most.saturating_sub(took).saturating_sub(grain);
        let skew = if least > 0 { least } else { most.min(0) };
        let right = Timestamp::from_micros(reading.wall.as_micros().saturating_sub(skew));
        self.source = ClockSource::Authority;
        self.told = (right, reading.monotonic);
    }
}

impl Ledger {
    /// How far the clock is from what else is known of the time; from memory.
    pub fn clock_skew(&self) -> ClockSkew {
        self.with_watch(|watch, clock| watch.skew(clock))
    }

    /// Steps of the clock that this node saw.
    pub fn clock_steps(&self) -> u64 {
        self.with_watch(|watch, _| watch.steps)
    }

    /// Takes the word of a time-stamp authority, given since `asked` by the monotonic clock; whoever calls has verified it.
    pub fn hear_time(&self, time: Timestamp, asked: Duration) {
        self.with_watch(|watch, clock| watch.hear(clock, time, asked));
    }

    /// Says that the present clock is right although the newest checkpoint is from a later time: that one's clock was wrong. Its
    /// time is no measure any more, and an entry tells of it.
    ///
    /// # Errors
    /// The store's.
    pub async fn accept_clock(&self, actor: &Actor) -> Result<(), LedgerError> {
        let inner = &self.inner;
        let (at, by) = (inner.clock.now(), actor.label());
        let (salt, skew) = (self.salt(), self.clock_skew());
        let db = &inner.db;
        db.write::<_, StoreError, _>("ledger_accept_clock", move |tx| {
            let size = tx.ledger_head()?.published;
            tx.setting_put(ACCEPTED, &size.to_string(), at, &by)?;
            let record = skew_of(skew)
                .with("actor", by.as_str())
                .with("size", i64::try_from(size).unwrap_or(i64::MAX));
            tx.ledger_insert(&NewEntry::new(at, CLOCK_ACCEPTED, None, &record, salt))
        })
        .await?;
        self.with_watch(|watch, clock| *watch = ClockWatch::new(clock, None));
        Ok(())
    }

    /// Looks at the clock and writes a step of it into the ledger.
    pub(crate) async fn watch_clock(&self) -> Result<(), LedgerError> {
        let Some(stepped) = self.with_watch(ClockWatch::look) else {
            return Ok(());
        };
        let inner = &self.inner;
        let record = skew_of(self.clock_skew())
            .with("actor", Actor::Platform { part: "ledger" }.label())
            .with("node", inner.sealer.as_str())
            .with("stepped_millis", stepped / 1_000);
        let entry = NewEntry::new(inner.clock.now(), CLOCK_STEPPED, None, &record, self.salt());
        inner
            .db
            .write::<_, StoreError, _>("ledger_clock", move |tx| tx.ledger_insert(&entry))
            .await?;
        self.with_watch(|watch, _| watch.unrecorded = watch.unrecorded.saturating_sub(stepped));
        Ok(())
    }

    /// Refuses where the clock is so far off that nothing may be signed.
    ///
    /// # Errors
    /// [`LedgerError::Clock`].
    pub(crate) fn may_sign(&self) -> Result<(), LedgerError> {
        let skew = self.clock_skew();
        if skew.is_refused() && !self.inner.planted.has(Bug::SignDespiteSkew) {
            return Err(LedgerError::Clock(skew));
        }
        Ok(())
    }

    /// Takes over the time of the newest checkpoint, also of another node.
    pub(crate) fn note_floor(&self, floor: Option<Timestamp>) {
        self.with_watch(|watch, _| watch.floor = floor);
    }

    /// True if a checkpoint was published so short a time ago.
    pub(crate) fn is_sealed_within(&self, span: Duration) -> bool {
        let floor = self.with_watch(|watch, _| watch.floor);
        floor.is_some_and(|floor| self.inner.clock.now().since(floor) < span)
    }

    fn salt(&self) -> [u8; 32] {
        let mut salt = [0; 32];
        self.inner.entropy.fill(&mut salt);
        salt
    }

    fn with_watch<T>(&self, act: impl FnOnce(&mut ClockWatch, &dyn Clock) -> T) -> T {
        let inner = &self.inner;
        let mut watch = inner
            .watch
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut watch, inner.clock.as_ref())
    }
}

fn skew_of(skew: ClockSkew) -> Record {
    Record::new()
        .with("skew_millis", skew.micros / 1_000)
        .with("compared_with", skew.source.code())
}

impl Tx<'_> {
    /// The time of the newest checkpoint, unless somebody said that it is no measure.
    pub(crate) fn ledger_clock_floor(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let newest = self.query_opt(
            "SELECT size, at FROM ledger_checkpoints ORDER BY size DESC LIMIT 1",
            &[],
            |row| Ok((count(row, 0)?, row.time(1)?)),
        )?;
        let accepted = self.setting_get(ACCEPTED)?;
        let accepted = accepted.and_then(|setting| setting.value.parse::<u64>().ok());
        Ok(newest
            .filter(|(size, _)| *size > accepted.unwrap_or(0))
            .map(|(_, at)| at))
    }
}

#[cfg(test)]
mod tests;
