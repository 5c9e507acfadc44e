//! The overview: what was done today against yesterday, hour by hour, how each agency's deliveries go, what is to be done.

use std::time::Duration;

use lgsp_base::Timestamp;
use lgsp_base::id::OrgId;
use lgsp_base::limits::INSIGHT_STRIPS_MAX;
use lgsp_store::exchange::DocumentKind;
use lgsp_store::insight::search::hour_of;
use lgsp_store::insight::{Agency, CounterSum, Cursor, Direction, HealthTick, Outcome, WaitingSum};
use lgsp_store::{StoreError, Tx};

use crate::batch::{TICK_MICROS, tick_of};
use crate::{Insight, InsightError, Progress};

/// Ticks of a health strip: a day of 16-minute ticks.
pub const STRIP_TICKS: usize = 90;
/// Hours of the series.
pub const SERIES_HOURS: usize = 24;

const HOUR_MICROS: i64 = 3_600_000_000;
const HOURS_PER_DAY: i64 = 24;
/// Asia/Ho_Chi_Minh is UTC+7 without summer time.
const ZONE_HOURS: i64 = 7;

/// A figure of today beside that of yesterday at the same time of day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Since midnight in Vietnam.
    pub today: u64,
    /// Yesterday from midnight until this time of day.
    pub yesterday: u64,
}

/// The cards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cards {
    /// Business transactions: documents and status messages that were accepted.
    pub transactions: Compared,
    /// Documents (edXML and plain) that were accepted.
    pub documents_sent: Compared,
    /// Documents of that day that their recipients have, counted for each recipient.
    pub documents_received: Compared,
    /// Documents that were refused at the door today.
    pub refused_today: u64,
    /// Deliveries that wait for their recipients now.
    pub waiting: u64,
    /// Deliveries that their recipients did not get and nobody has sent again.
    pub troubled: u64,
}

/// Transactions accepted in one hour, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourPoint {
    /// When the hour begins.
    pub at: Timestamp,
    /// Every recipient has them, or they were taken back.
    pub done: u64,
    /// On their way.
    pub under_way: u64,
    /// In trouble.
    pub troubled: u64,
    /// Refused at the door.
    pub refused: u64,
}

impl HourPoint {
    /// All that were accepted.
    pub const fn accepted(&self) -> u64 {
        self.done + self.under_way + self.troubled
    }
}

/// What a tick of a health strip says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// Nothing was delivered.
    None,
    /// All went well.
    Ok,
    /// Something was confirmed late.
    Slow,
    /// Something failed.
    Trouble,
}

/// How deliveries to one agency go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// The agency.
    pub org: OrgId,
    /// How it is now: by the newest delivery, whenever that was.
    pub now: Tick,
    /// The newest trouble began then, and nothing went well since.
    pub trouble_since: Option<Timestamp>,
    /// The newest trouble, also one that is over.
    pub trouble_at: Option<Timestamp>,
    /// Its cause.
    pub trouble_cause: Option<String>,
    /// The leaf that proves it.
    pub trouble_leaf: Option<u64>,
    /// The last confirmation.
    pub good_at: Option<Timestamp>,
    /// Deliveries that wait for it.
    pub waiting: u64,
    /// Deliveries that it did not get.
    pub troubled: u64,
    /// [`STRIP_TICKS`] ticks, the newest last.
    pub ticks: Vec<Tick>,
}

/// Figures of the to-do list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToDo {
    /// Deliveries to look after.
    pub troubled: u64,
    /// Agencies that did not get them.
    pub troubled_agencies: u64,
    /// When the oldest document among them was accepted.
    pub oldest_troubled: Option<Timestamp>,
    /// Deliveries that wait.
    pub waiting: u64,
    /// Agencies for which they wait.
    pub waiting_agencies: u64,
    /// When the oldest document among them was accepted.
    pub oldest_waiting: Option<Timestamp>,
    /// Agencies whose newest delivery failed.
    pub agencies_in_trouble: u64,
}

/// The overview page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The cards.
    pub cards: Cards,
    /// [`SERIES_HOURS`] hours, the present one last.
    pub hours: Vec<HourPoint>,
    /// Strips, those in trouble first; at most `limits::INSIGHT_STRIPS_MAX`.
    pub strips: Vec<Strip>,
    /// The to-do list.
    pub to_do: ToDo,
    /// How fresh all of it is.
    pub progress: Progress,
}

/// What is read in one snapshot.
struct Figures {
    cursor: Cursor,
    counters: Vec<CounterSum>,
    part: Vec<lgsp_store::insight::SpanSum>,
    waiting: WaitingSum,
    agencies: Vec<(Agency, Vec<HealthTick>)>,
}

impl Insight {
    /// The overview at a moment, over all organisations: for the people who run the platform.
    ///
    /// # Errors
    /// The store's.
    pub async fn overview(&self, now: Timestamp) -> Result<Overview, InsightError> {
        let figures = self
            .inner
            .db
            .read::<_, StoreError, _>("insight_overview", move |tx| figures(tx, now))
            .await?;
        let strips: Vec<Strip> = figures
            .agencies
            .iter()
            .map(|(agency, ticks)| strip(agency, ticks, now))
            .collect();
        let waiting = figures.waiting;
        Ok(Overview {
            cards: cards(&figures, now),
            hours: hours(&figures.counters, now),
            to_do: ToDo {
                troubled: waiting.troubled,
                troubled_agencies: waiting.troubled_agencies,
                oldest_troubled: waiting.oldest_troubled,
                waiting: waiting.waiting,
                waiting_agencies: waiting.waiting_agencies,
                oldest_waiting: waiting.oldest_under_way,
                agencies_in_trouble: strips
                    .iter()
                    .filter(|strip| strip.trouble_since.is_some())
                    .count() as u64,
            },
            progress: self.progress_of(figures.cursor),
            strips,
        })
    }
}

/// Midnight in Vietnam before an instant, as an hour since 1970 UTC.
const fn midnight(hour: i64) -> i64 {
    (hour + ZONE_HOURS).div_euclid(HOURS_PER_DAY) * HOURS_PER_DAY - ZONE_HOURS
}

const fn start_of(hour: i64) -> Timestamp {
    Timestamp::from_micros(hour.saturating_mul(HOUR_MICROS))
}

fn figures(tx: &mut Tx<'_>, now: Timestamp) -> Result<Figures, StoreError> {
    let hour = hour_of(now);
    let oldest = (midnight(hour) - HOURS_PER_DAY).min(hour - SERIES_HOURS as i64);
    // The hour that is not over yet is counted row by row for yesterday.
    let same_hour = hour - HOURS_PER_DAY;
    let part = match tx.insight_hour_lookup(same_hour)? {
        Some(span) => {
            let until = now.minus(Duration::from_secs(24 * 3600));
            tx.insight_span_sum(span, start_of(same_hour), until)?
        }
        None => Vec::new(),
    };
    let newest_tick = tick_of(now);
    let oldest_tick = newest_tick - (STRIP_TICKS as i64 - 1);
    let mut agencies = Vec::new();
    for agency in tx.insight_agencies(INSIGHT_STRIPS_MAX)? {
        let ticks = tx.insight_health(agency.org, oldest_tick, newest_tick)?;
        agencies.push((agency, ticks));
    }
    Ok(Figures {
        cursor: tx.insight_cursor()?,
        counters: tx.insight_counters(None, oldest, hour)?,
        part,
        waiting: tx.insight_waiting()?,
        agencies,
    })
}

const fn is_document(kind: DocumentKind) -> bool {
    matches!(kind, DocumentKind::Edoc | DocumentKind::Plain)
}

fn cards(figures: &Figures, now: Timestamp) -> Cards {
    let hour = hour_of(now);
    let today = midnight(hour);
    let yesterday = today - HOURS_PER_DAY;
    let same_hour = hour - HOURS_PER_DAY;
    let mut cards = Cards {
        waiting: figures.waiting.waiting,
        troubled: figures.waiting.troubled,
        ..Cards::default()
    };
    for counter in &figures.counters {
        let is_today = counter.hour >= today;
        if !is_today && !(yesterday..same_hour).contains(&counter.hour) {
            continue;
        }
        let add = |compared: &mut Compared| {
            if is_today {
                compared.today += counter.count;
            } else {
                compared.yesterday += counter.count;
            }
        };
        match (counter.direction, counter.kind) {
            (_, None) => {
                if is_today {
                    cards.refused_today += counter.count;
                }
            }
            (Direction::Sent, Some(kind)) => {
                add(&mut cards.transactions);
                if is_document(kind) {
                    add(&mut cards.documents_sent);
                }
            }
            (Direction::Received, Some(kind)) => {
                if is_document(kind) && counter.outcome == Outcome::Done {
                    add(&mut cards.documents_received);
                }
            }
        }
    }
    for part in &figures.part {
        cards.transactions.yesterday += part.transactions;
        if is_document(part.kind) {
            cards.documents_sent.yesterday += part.transactions;
            cards.documents_received.yesterday += part.received;
        }
    }
    cards
}

fn hours(counters: &[CounterSum], now: Timestamp) -> Vec<HourPoint> {
    let last = hour_of(now);
    let first = last - (SERIES_HOURS as i64 - 1);
    let mut points: Vec<HourPoint> = (first..=last)
        .map(|hour| HourPoint {
            at: start_of(hour),
            done: 0,
            under_way: 0,
            troubled: 0,
            refused: 0,
        })
        .collect();
    for counter in counters {
        let index = usize::try_from(counter.hour - first).ok();
        let Some(point) = index.and_then(|index| points.get_mut(index)) else {
            continue;
        };
        if counter.direction != Direction::Sent {
            continue;
        }
        match counter.outcome {
            Outcome::Done | Outcome::Cancelled => point.done += counter.count,
            Outcome::UnderWay => point.under_way += counter.count,
            Outcome::Troubled => point.troubled += counter.count,
            Outcome::Refused => point.refused += counter.count,
        }
    }
    points
}

fn strip(agency: &Agency, ticks: &[HealthTick], now: Timestamp) -> Strip {
    let first = tick_of(now) - (STRIP_TICKS as i64 - 1);
    let mut shown = vec![Tick::None; STRIP_TICKS];
    for tick in ticks {
        let index = usize::try_from(tick.tick - first).ok();
        if let Some(slot) = index.and_then(|index| shown.get_mut(index)) {
            *slot = if tick.trouble > 0 {
                Tick::Trouble
            } else if tick.slow > 0 {
                Tick::Slow
            } else {
                Tick::Ok
            };
        }
    }
    let state = if agency.trouble_since.is_some() {
        Tick::Trouble
    } else if agency.good_at.is_none() {
        Tick::None
    } else if agency.was_slow {
        Tick::Slow
    } else {
        Tick::Ok
    };
    Strip {
        org: agency.org,
        now: state,
        trouble_since: agency.trouble_since,
        trouble_at: agency.trouble_at,
        trouble_cause: agency.trouble_cause.clone(),
        trouble_leaf: agency.trouble_leaf,
        good_at: agency.good_at,
        waiting: u64::try_from(agency.waiting).unwrap_or(0),
        troubled: u64::try_from(agency.troubled).unwrap_or(0),
        ticks: shown,
    }
}

/// When the tick at a place of a strip began, the newest at [`STRIP_TICKS`] − 1.
pub fn tick_start(now: Timestamp, place: usize) -> Timestamp {
    let back = (STRIP_TICKS as i64 - 1).saturating_sub(i64::try_from(place).unwrap_or(0));
    Timestamp::from_micros((tick_of(now) - back).saturating_mul(TICK_MICROS))
}
