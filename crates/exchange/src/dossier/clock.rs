//! The clock of a dossier: when it is due, counted in working days, and whether that was kept (R-TTHC-04).
//!
//! A term runs in working days of the Vietnamese calendar; within a working day every hour counts. It stands still while the agency
//! waits for the applicant (statuses 5 and 6) and what it stood still is added to the due time. A due time that the agency states anew,
//! in the dossier or in a supplement, replaces the one before and everything added to it.

use std::time::Duration;

use lgsp_base::Timestamp;
use lgsp_base::vi::{Day, WorkingCalendar};
use lgsp_store::dossier::{ClockBounds, ClockState};
use lgsp_wire::dossier::{Dossier, DossierStatus};

/// Seconds of a day.
const DAY_SECONDS: i64 = 24 * 3600;
/// Working days above which a stop is not counted further: no stop lasts that long.
const WORKING_DAYS_MAX: i64 = 9_000;

/// The clock of one dossier at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DossierClock {
    /// Where it stands.
    pub state: ClockState,
    /// The due time as the agency stated it last.
    pub stated_due_at: Option<Timestamp>,
    /// The due time with what the clock stood still.
    pub due_at: Option<Timestamp>,
    /// Since when the clock stands still.
    pub paused_at: Option<Timestamp>,
    /// When handling finished, or the dossier was closed otherwise.
    pub finished_at: Option<Timestamp>,
    /// Working days left, 0 on the last one; negative: working days late. None without a due time, and while it stands still.
    pub working_days_left: Option<i32>,
    /// True if the due time lies in a year whose holidays the calendar does not know: then it is a forecast.
    pub is_forecast: bool,
}

/// What is stored of a clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// As stated.
    pub due_at: Option<Timestamp>,
    /// With what the clock stood still.
    pub due_effective_at: Option<Timestamp>,
    /// Since when it stands still.
    pub paused_at: Option<Timestamp>,
    /// Working seconds that it stood still since the due time was stated.
    pub paused_working_seconds: i64,
    /// When handling finished.
    pub finished_at: Option<Timestamp>,
    /// When the dossier was closed: refused, withdrawn, stopped, returned.
    pub closed_at: Option<Timestamp>,
}

/// What a push says that moves a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moved {
    /// The status now.
    pub(crate) status: DossierStatus,
    /// Since when; never in the future.
    pub(crate) at: Timestamp,
    /// The due time that is stated, if any is.
    pub(crate) stated_due_at: Option<Timestamp>,
}

impl Moved {
    /// What a whole dossier says. `now` is when it came.
    pub(crate) fn of(dossier: &Dossier, now: Timestamp) -> Self {
        let supplement = dossier.supplements.last();
        let stated = match dossier.status {
            DossierStatus::SupplementAsked => supplement.and_then(|one| one.asked_at),
            DossierStatus::Received | DossierStatus::Processing => {
                supplement.and_then(|one| one.received_at)
            }
            DossierStatus::Finished => dossier.finished_at,
            DossierStatus::Returned => dossier.returned_at,
            DossierStatus::Refused => dossier.rejected_at,
            DossierStatus::Registered
            | DossierStatus::PaymentAsked
            | DossierStatus::Withdrawn
            | DossierStatus::Stopped => None,
        };
        let new_term = dossier.supplements.iter().rev().find_map(|one| one.due_at);
        Self {
            status: dossier.status,
            at: stated.filter(|at| *at <= now).unwrap_or(now),
            stated_due_at: new_term.or(dossier.due_at),
        }
    }
}

/// True while the agency waits for the applicant.
pub(crate) const fn pauses(status: DossierStatus) -> bool {
    matches!(
        status,
        DossierStatus::SupplementAsked | DossierStatus::PaymentAsked
    )
}

impl Timing {
    /// The clock after a push.
    #[must_use]
    pub(crate) fn moved(mut self, calendar: &WorkingCalendar, moved: &Moved) -> Self {
        let is_new_term = moved.stated_due_at.is_some() && moved.stated_due_at != self.due_at;
        if is_new_term {
            self.due_at = moved.stated_due_at;
            self.due_effective_at = moved.stated_due_at;
            self.paused_working_seconds = 0;
        }
        match (pauses(moved.status), self.paused_at) {
            (true, None) => self.paused_at = Some(moved.at),
            (false, Some(since)) => {
                self.paused_at = None;
                if !is_new_term {
                    let stood = working_seconds_between(calendar, since, moved.at);
                    self.paused_working_seconds = self.paused_working_seconds.saturating_add(stood);
                    self.due_effective_at = self
                        .due_effective_at
                        .map(|due| plus_working_seconds(calendar, due, stood));
                }
            }
            (true, Some(_)) | (false, None) => {}
        }
        match moved.status {
            DossierStatus::Finished | DossierStatus::Returned => {
                self.finished_at = self.finished_at.or(Some(moved.at));
            }
            DossierStatus::Registered | DossierStatus::Received | DossierStatus::Processing => {
                self.finished_at = None;
            }
            DossierStatus::SupplementAsked
            | DossierStatus::PaymentAsked
            | DossierStatus::Refused
            | DossierStatus::Withdrawn
            | DossierStatus::Stopped => {}
        }
        self.closed_at = if moved.status.is_terminal() {
            self.closed_at.or(Some(moved.at))
        } else {
            None
        };
        self
    }

    /// Where it stands at `now`.
    pub fn clock(
        &self,
        calendar: &WorkingCalendar,
        status: DossierStatus,
        now: Timestamp,
    ) -> DossierClock {
        let ended_at = self.finished_at.or(self.closed_at);
        let state = match (self.due_effective_at, ended_at) {
            (None, Some(_)) => ClockState::DoneOnTime,
            (Some(due), Some(ended)) if ended <= due => ClockState::DoneOnTime,
            (Some(_), Some(_)) => ClockState::DoneLate,
            (_, None) if pauses(status) => ClockState::Stopped,
            (None, None) => ClockState::OnTime,
            (Some(due), None) if now > due => ClockState::Overdue,
            (Some(due), None) if due < next_working_day(calendar, now) => ClockState::Due,
            (Some(_), None) => ClockState::OnTime,
        };
        let runs = matches!(
            state,
            ClockState::OnTime | ClockState::Due | ClockState::Overdue
        );
        let working_days_left = self.due_effective_at.filter(|_| runs).map(|due| {
            let (today, day) = (Day::of(now), Day::of(due));
            if day >= today {
                calendar.working_days_between(today, day)
            } else {
                -calendar.working_days_between(day, today)
            }
        });
        DossierClock {
            state,
            stated_due_at: self.due_at,
            due_at: self.due_effective_at,
            paused_at: self.paused_at,
            finished_at: ended_at,
            working_days_left,
            is_forecast: self
                .due_effective_at
                .is_some_and(|due| !calendar.covers(Day::of(due))),
        }
    }
}

/// The instants between which the states of clocks change.
pub(crate) fn bounds(calendar: &WorkingCalendar, now: Timestamp) -> ClockBounds {
    ClockBounds {
        now,
        due_until: next_working_day(calendar, now),
    }
}

/// When the first working day behind the day of `now` begins: what is due before that is due today.
fn next_working_day(calendar: &WorkingCalendar, now: Timestamp) -> Timestamp {
    calendar
        .add_working_days(Day::of(now), 1)
        .map_or(now, Day::start)
}

/// When the day so many working days before the day of `now` begins: what was due before that is later than that.
pub(crate) fn working_days_before(
    calendar: &WorkingCalendar,
    now: Timestamp,
    days: i32,
) -> Timestamp {
    calendar
        .add_working_days(Day::of(now), -days)
        .map_or(now, Day::start)
}

fn seconds_into_day(day: Day, at: Timestamp) -> i64 {
    i64::try_from(at.since(day.start()).as_secs()).unwrap_or(i64::MAX)
}

/// How many seconds of working days lie between two times; 0 if the second is not later.
fn working_seconds_between(calendar: &WorkingCalendar, from: Timestamp, to: Timestamp) -> i64 {
    if to <= from {
        return 0;
    }
    let (first, last) = (Day::of(from), Day::of(to));
    let of_day = |day: Day, seconds: i64| {
        if calendar.is_working_day(day) {
            seconds
        } else {
            0
        }
    };
    if first == last {
        return of_day(
            first,
            seconds_into_day(last, to) - seconds_into_day(first, from),
        );
    }
    let whole = i64::from(calendar.working_days_between(first, last))
        - i64::from(calendar.is_working_day(last));
    of_day(first, DAY_SECONDS - seconds_into_day(first, from))
        + whole * DAY_SECONDS
        + of_day(last, seconds_into_day(last, to))
}

/// The time so many seconds of working days later.
fn plus_working_seconds(calendar: &WorkingCalendar, at: Timestamp, seconds: i64) -> Timestamp {
    let seconds = seconds.clamp(0, WORKING_DAYS_MAX * DAY_SECONDS);
    if seconds == 0 {
        return at;
    }
    let step = |day: Day, days: i32| calendar.add_working_days(day, days).unwrap_or(day);
    let mut day = Day::of(at);
    let mut into = seconds_into_day(day, at);
    if !calendar.is_working_day(day) {
        (day, into) = (step(day, 0), 0);
    }
    let total = into + seconds;
    let days = i32::try_from(total / DAY_SECONDS).unwrap_or(0);
    if days > 0 {
        day = step(day, days);
    }
    let rest = u64::try_from(total % DAY_SECONDS).unwrap_or(0);
    day.start().plus(Duration::from_secs(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("{text}:00+07:00")).expect("a time")
    }

    fn moved(status: DossierStatus, when: &str, due: Option<&str>) -> Moved {
        Moved {
            status,
            at: at(when),
            stated_due_at: due.map(at),
        }
    }

    fn timing(moves: &[Moved]) -> Timing {
        let calendar = WorkingCalendar::built_in();
        moves
            .iter()
            .fold(Timing::default(), |timing, one| timing.moved(calendar, one))
    }

    fn state(timing: &Timing, status: DossierStatus, now: &str) -> (ClockState, Option<i32>) {
        let clock = timing.clock(WorkingCalendar::built_in(), status, at(now));
        (clock.state, clock.working_days_left)
    }

    #[test]
    fn states_follow_the_working_days() {
        use DossierStatus::{Finished, Processing, Received};
        // Thursday to Tuesday: two working days between, a weekend in the middle.
        let open = timing(&[moved(
            Received,
            "2026-03-12T09:00",
            Some("2026-03-17T17:00"),
        )]);
        for (now, expected) in [
            ("2026-03-12T10:00", (ClockState::OnTime, Some(3))),
            ("2026-03-15T10:00", (ClockState::OnTime, Some(2))),
            ("2026-03-16T23:59", (ClockState::OnTime, Some(1))),
            ("2026-03-17T00:00", (ClockState::Due, Some(0))),
            ("2026-03-17T17:00", (ClockState::Due, Some(0))),
            ("2026-03-17T17:01", (ClockState::Overdue, Some(0))),
            ("2026-03-20T08:00", (ClockState::Overdue, Some(-3))),
        ] {
            assert_eq!(state(&open, Processing, now), expected, "{now}");
        }
        let calendar = WorkingCalendar::built_in();
        let done = open.moved(calendar, &moved(Finished, "2026-03-17T16:00", None));
        assert_eq!(
            state(&done, Finished, "2026-05-01T08:00"),
            (ClockState::DoneOnTime, None)
        );
        let late = open.moved(calendar, &moved(Finished, "2026-03-18T08:00", None));
        assert_eq!(
            state(&late, Finished, "2026-05-01T08:00"),
            (ClockState::DoneLate, None)
        );
        let untimed = timing(&[moved(Received, "2026-03-12T09:00", None)]);
        assert_eq!(
            state(&untimed, Received, "2026-03-12T10:00"),
            (ClockState::OnTime, None)
        );
    }

    #[test]
    fn a_deadline_over_tet_waits_for_the_first_working_day() {
        // Tết 2026: off from Saturday 14 to Sunday 22 February.
        let open = timing(&[moved(
            DossierStatus::Processing,
            "2026-02-12T09:00",
            Some("2026-02-24T17:00"),
        )]);
        let left = |now| state(&open, DossierStatus::Processing, now);
        assert_eq!(left("2026-02-13T08:00"), (ClockState::OnTime, Some(2)));
        assert_eq!(left("2026-02-18T08:00"), (ClockState::OnTime, Some(2)));
        assert_eq!(left("2026-02-23T08:00"), (ClockState::OnTime, Some(1)));
        assert_eq!(left("2026-02-24T08:00"), (ClockState::Due, Some(0)));
    }

    #[test]
    fn a_stop_moves_the_due_time_by_the_working_time_it_lasted() {
        use DossierStatus::{Processing, Received, SupplementAsked};
        // Stopped from Friday 15:00 to Monday 15:00: one working day.
        let stopped = timing(&[
            moved(Received, "2026-03-12T09:00", Some("2026-03-18T17:00")),
            moved(SupplementAsked, "2026-03-13T15:00", None),
        ]);
        assert_eq!(
            state(&stopped, SupplementAsked, "2026-04-30T08:00"),
            (ClockState::Stopped, None)
        );
        let calendar = WorkingCalendar::built_in();
        let resumed = stopped.moved(calendar, &moved(Processing, "2026-03-16T15:00", None));
        assert_eq!(resumed.due_effective_at, Some(at("2026-03-19T17:00")));
        assert_eq!(resumed.paused_working_seconds, DAY_SECONDS);
        assert_eq!(resumed.paused_at, None);
        assert_eq!(resumed.due_at, Some(at("2026-03-18T17:00")));
        // A repeated status changes nothing.
        let again = resumed.moved(calendar, &moved(Processing, "2026-03-17T15:00", None));
        assert_eq!(again, resumed);
        // A new term replaces what was added.
        let term = moved(Processing, "2026-03-16T15:00", Some("2026-03-30T17:00"));
        let renewed = stopped.moved(calendar, &term);
        assert_eq!(renewed.due_effective_at, Some(at("2026-03-30T17:00")));
        assert_eq!(renewed.paused_working_seconds, 0);
    }

    #[test]
    fn a_stop_over_tet_costs_only_working_days() {
        use DossierStatus::{PaymentAsked, Processing};
        // Friday 13 February 16:00 to Monday 23 February 08:00: 8 hours and 8 hours.
        let timing = timing(&[
            moved(Processing, "2026-02-12T09:00", Some("2026-02-26T10:00")),
            moved(PaymentAsked, "2026-02-13T16:00", None),
            moved(Processing, "2026-02-23T08:00", None),
        ]);
        assert_eq!(timing.paused_working_seconds, 16 * 3600);
        assert_eq!(timing.due_effective_at, Some(at("2026-02-27T02:00")));
    }

    #[test]
    fn adding_and_measuring_working_time_agree() {
        let calendar = WorkingCalendar::built_in();
        let begins = at("2026-02-10T07:30");
        for seconds in [
            1, 3_600, 59_399, 59_400, 86_400, 200_000, 1_000_000, 5_000_000,
        ] {
            let ends = plus_working_seconds(calendar, begins, seconds);
            assert_eq!(working_seconds_between(calendar, begins, ends), seconds);
        }
        assert_eq!(plus_working_seconds(calendar, begins, 0), begins);
        // From a Sunday the count begins on Monday.
        assert_eq!(
            plus_working_seconds(calendar, at("2026-03-15T11:00"), 3_600),
            at("2026-03-16T01:00")
        );
        assert_eq!(
            working_seconds_between(calendar, at("2026-03-16T11:00"), at("2026-03-16T10:00")),
            0
        );
    }
}
