//! The figures of the overview, and the ticker.

use std::time::Duration;

use lgsp_base::Timestamp;
use lgsp_store::exchange::DocumentKind;
use lgsp_store::testing::for_each_engine;
use lgsp_wire::record::Record;

use super::world::{Draft, World, run};
use crate::{Compared, Happened, RecipientState, STRIP_TICKS, Scope, Tick, tick_start};

/// 2026-11-05 09:30 in Vietnam.
fn now() -> Timestamp {
    Timestamp::parse("2026-11-05T02:30:00Z").expect("a time")
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

#[test]
fn today_is_compared_with_yesterday_at_the_same_time_of_day() {
    for_each_engine("insight-cards", |test| {
        let world = World::new(test.db(), 1);
        let kind = |kind| Draft {
            kind,
            ..Draft::default()
        };
        let edoc = kind(DocumentKind::Edoc);
        // Yesterday: two at 00:10, one at 09:20; one at 09:40 is too late, one at 23:50 the day before too early.
        let day = hours(24);
        let midnight = now().minus(minutes(9 * 60 + 30));
        world.send(midnight.minus(day).minus(minutes(10)), 0, &[1], edoc);
        let early = world.send(midnight.minus(day).plus(minutes(10)), 0, &[1, 2], edoc);
        world.send(
            midnight.minus(day).plus(minutes(10)),
            0,
            &[1],
            kind(DocumentKind::Status),
        );
        let late = world.send(now().minus(day).minus(minutes(10)), 0, &[1], edoc);
        world.send(now().minus(day).plus(minutes(10)), 0, &[1], edoc);
        // Today: one right after midnight, one plain document a minute ago.
        let today = world.send(midnight.plus(minutes(1)), 0, &[1], edoc);
        world.send(now().minus(minutes(1)), 0, &[2], kind(DocumentKind::Plain));
        for sent in [&early, &late, &today] {
            world.step(now().minus(minutes(1)), "delivery.confirmed", sent, 0);
        }
        world
            .leaves
            .push(now(), "submit.refused", &Record::new().with("code", "x"));
        world.advance();
        let overview = run(world.insight.overview(now())).expect("an overview");
        let cards = overview.cards;
        let compared = |today, yesterday| Compared { today, yesterday };
        assert_eq!(cards.transactions, compared(2, 3));
        assert_eq!(cards.documents_sent, compared(2, 2));
        assert_eq!(cards.documents_received, compared(1, 2));
        assert_eq!(
            (cards.refused_today, cards.waiting, cards.troubled),
            (1, 5, 0)
        );

        assert_eq!(overview.hours.len(), 24);
        let last = overview.hours.last().expect("hours");
        assert_eq!((last.done, last.under_way, last.refused), (0, 1, 1));
        assert_eq!(
            overview
                .hours
                .iter()
                .map(crate::HourPoint::accepted)
                .sum::<u64>(),
            2
        );
        assert_eq!(overview.to_do.waiting_agencies, 2);
        assert_eq!(
            overview.to_do.oldest_waiting,
            Some(midnight.minus(day).minus(minutes(10)))
        );
        assert_eq!(overview.progress.lag, 0);
    });
}

#[test]
fn a_strip_shows_how_deliveries_go() {
    for_each_engine("insight-strips", |test| {
        let world = World::new(test.db(), 2);
        let ago = |count| now().minus(minutes(count));
        let good = world.send(ago(200), 0, &[1], Draft::default());
        world.step(ago(199), "delivery.confirmed", &good, 0);
        let slow = world.send(ago(160), 0, &[1], Draft::default());
        world.step(ago(100), "delivery.confirmed", &slow, 0);
        let mut bad = world.send(ago(40), 0, &[1, 2], Draft::default());
        world.step(ago(35), "delivery.attempt_failed", &bad, 0);
        world.step(ago(5), "delivery.dead", &bad, 0);
        world.step(ago(39), "delivery.confirmed", &bad, 1);
        world.advance();
        let overview = run(world.insight.overview(now())).expect("an overview");
        assert_eq!(overview.strips.len(), 2);
        let strip = &overview.strips[0];
        assert_eq!((strip.org, strip.now), (world.orgs[1], Tick::Trouble));
        assert_eq!(strip.trouble_since, Some(ago(35)));
        assert_eq!(strip.trouble_at, Some(ago(5)));
        assert_eq!(strip.trouble_cause.as_deref(), Some("too_large"));
        assert_eq!((strip.waiting, strip.troubled), (0, 1));
        assert_eq!(strip.ticks.len(), STRIP_TICKS);
        let at = |when: Timestamp| {
            let place = (0..STRIP_TICKS)
                .rev()
                .find(|place| tick_start(now(), *place) <= when)
                .expect("a tick");
            strip.ticks[place]
        };
        assert_eq!(at(ago(199)), Tick::Ok);
        assert_eq!(at(ago(100)), Tick::Slow);
        assert_eq!((at(ago(35)), at(ago(5))), (Tick::Trouble, Tick::Trouble));
        let quiet = strip
            .ticks
            .iter()
            .filter(|tick| **tick == Tick::None)
            .count();
        assert_eq!(quiet, STRIP_TICKS - 4);
        assert_eq!(overview.strips[1].now, Tick::Ok);
        assert_eq!(
            (overview.to_do.troubled, overview.to_do.agencies_in_trouble),
            (1, 1)
        );

        world.resend(now(), &mut bad, 0);
        world.step(now().plus(minutes(1)), "delivery.confirmed", &bad, 0);
        world.advance();
        let overview = run(world.insight.overview(now().plus(minutes(1)))).expect("an overview");
        let strip = overview
            .strips
            .iter()
            .find(|strip| strip.org == world.orgs[1]);
        let strip = strip.expect("the first agency");
        assert_eq!((strip.now, strip.troubled), (Tick::Ok, 0));
        assert_eq!(
            (strip.trouble_since, strip.trouble_at),
            (None, Some(ago(5)))
        );

        // A day later nothing of it is on the strip.
        let overview = run(world.insight.overview(now().plus(hours(25)))).expect("an overview");
        assert!(
            overview.strips[0]
                .ticks
                .iter()
                .all(|tick| *tick == Tick::None)
        );
    });
}

#[test]
fn the_ticker_tells_what_happens_in_order() {
    for_each_engine("insight-ticker", |test| {
        let world = World::new(test.db(), 3);
        let mut sent = world.send(now(), 0, &[1, 2], Draft::default());
        world.leaves.push(now(), "token.issued", &Record::new());
        world.step(now(), "delivery.attempt_failed", &sent, 0);
        world.step(now(), "delivery.refused", &sent, 1);
        world.step(now(), "delivery.parked", &sent, 1);
        world.resend(now(), &mut sent, 1);
        world.step(now(), "status.reported", &sent, 0);
        let page = run(world.insight.activity(&Scope::All, 0, 100)).expect("lines");
        let what: Vec<&Happened> = page.lines.iter().map(|line| &line.what).collect();
        let cause = || Some("too_large".to_owned());
        assert_eq!(
            what,
            [
                &Happened::Accepted {
                    kind: DocumentKind::Edoc
                },
                &Happened::AttemptFailed {
                    cause: Some("unreachable".to_owned()),
                    number: 1,
                    next_at: Some(now().plus(Duration::from_secs(5))),
                },
                &Happened::RecipientRefused { cause: cause() },
                &Happened::Closed {
                    state: RecipientState::Parked,
                    cause: cause()
                },
                &Happened::Resent,
                &Happened::StatusReported {
                    code: "03".to_owned()
                },
            ]
        );
        assert_eq!(
            (page.lines[0].recipients, page.lines[0].document),
            (2, Some(sent.id))
        );
        assert_eq!(page.next, 7);
        let page = run(world.insight.activity(&Scope::All, 1, 2)).expect("lines");
        assert_eq!((page.lines.len(), page.next), (2, 4));
        let page = run(world.insight.newest_activity(&Scope::All, 2)).expect("lines");
        assert_eq!(
            (page.lines[0].leaf, page.lines[1].leaf, page.next),
            (5, 6, 7)
        );
        let page = run(world.insight.activity(&Scope::All, 7, 5)).expect("lines");
        assert_eq!((page.lines.len(), page.next), (0, 7));
    });
}
