//! Every function of the Vietnamese kit against its golden file, which pages, tables and exports share.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::vi::{self, Day, Legacy, WorkingCalendar};
use crate::{Lang, Timestamp};

/// The cases of one function in the golden file.
struct Cases {
    golden: Map<String, Value>,
}

impl Cases {
    fn read() -> Self {
        let text = include_str!("../../tests/golden/vi.json");
        let golden = serde_json::from_str(text).expect("JSON");
        Self { golden }
    }

    /// Takes the cases of a function out; what is left at the end has no test.
    fn take(&mut self, name: &str) -> Vec<Value> {
        let cases = self.golden.remove(name).unwrap_or_default();
        let cases = cases.as_array().cloned().unwrap_or_default();
        assert!(!cases.is_empty(), "{name} has cases");
        cases
    }

    /// One result whatever the language.
    fn plain(&mut self, name: &str, run: impl Fn(&Value) -> Value) {
        for case in self.take(name) {
            assert_eq!(run(&case["in"]), case["out"], "{name} {}", case["in"]);
        }
    }

    /// One result in each language.
    fn both(&mut self, name: &str, run: impl Fn(&Value, Lang) -> String) {
        for case in self.take(name) {
            let given = &case["in"];
            assert_eq!(run(given, Lang::Vi), text(&case["vi"]), "{name} {given} vi");
            assert_eq!(run(given, Lang::En), text(&case["en"]), "{name} {given} en");
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn whole(value: &Value) -> u64 {
    value.as_u64().expect("a whole number")
}

fn at(value: &Value) -> Timestamp {
    Timestamp::parse(text(value)).expect("a time")
}

fn day(value: &Value) -> Day {
    text(value).parse().expect("a day")
}

fn small(value: &Value) -> u8 {
    u8::try_from(whole(value)).expect("small")
}

#[test]
fn the_kit_gives_what_the_golden_file_says() {
    let mut cases = Cases::read();
    words(&mut cases);
    numbers(&mut cases);
    times(&mut cases);
    calendar(&mut cases);
    let rest: Vec<&String> = cases.golden.keys().collect();
    assert!(rest.is_empty(), "cases without a test: {rest:?}");
}

fn words(cases: &mut Cases) {
    cases.plain("fold", |given| vi::fold(text(given)).into());
    cases.plain("initials", |given| vi::initials(text(given)).into());
    cases.plain("canonical_tones", |given| {
        vi::canonical_tones(text(given)).into()
    });
    cases.plain("truncate_middle", |given| {
        let chars_max = usize::try_from(whole(&given[1])).expect("small");
        vi::truncate_middle(text(&given[0]), chars_max).into()
    });
    for case in cases.take("same_words") {
        let same = vi::same_words(text(&case["a"]), text(&case["b"]));
        assert_eq!(Value::from(same), case["out"], "same_words {case}");
    }
    for case in cases.take("sorted") {
        let expected: Vec<&str> = case.as_array().expect("a list").iter().map(text).collect();
        let mut sorted = expected.clone();
        sorted.reverse();
        sorted.sort_by_key(|name| vi::sort_key(name));
        assert_eq!(sorted, expected);
        for pair in expected.windows(2) {
            assert_eq!(vi::compare(pair[0], pair[1]), std::cmp::Ordering::Less);
        }
    }
    for case in cases.take("detect_legacy") {
        let found = vi::detect_legacy(text(&case["in"]));
        let kind = found.as_ref().map(|(kind, _)| match kind {
            Legacy::Tcvn3 => "tcvn3",
            Legacy::Vni => "vni",
            Legacy::Utf8AsLatin => "utf8-as-latin",
        });
        assert_eq!(Value::from(kind), case["kind"], "{case} {found:?}");
        assert_eq!(Value::from(found.map(|(_, meant)| meant)), case["out"]);
    }
}

fn numbers(cases: &mut Cases) {
    cases.both("integer", |given, lang| {
        vi::integer(given.as_i64().expect("a number"), lang)
    });
    cases.both("decimal", |given, lang| {
        vi::decimal(given[0].as_f64().expect("a number"), small(&given[1]), lang)
    });
    cases.both("scaled", |given, lang| {
        let value = given[0].as_i64().expect("a number");
        vi::scaled(i128::from(value), small(&given[1]), lang)
    });
    cases.both("percent", |given, lang| {
        vi::percent(whole(&given[0]), whole(&given[1]), lang)
    });
    cases.both("money", |given, lang| {
        vi::money(given.as_i64().expect("a number"), lang)
    });
    cases.both("compact", |given, lang| vi::compact(whole(given), lang));
    cases.both("file_size", |given, lang| vi::file_size(whole(given), lang));
    cases.both("change", |given, lang| {
        vi::change(whole(&given[0]), whole(&given[1]), lang)
    });
}

fn times(cases: &mut Cases) {
    let span = |given: &Value| Duration::from_millis(whole(given));
    cases.both("duration_ms", |given, lang| vi::duration(span(given), lang));
    cases.both("remaining_ms", |given, lang| {
        vi::remaining(span(given), lang)
    });
    cases.both("overdue_ms", |given, lang| vi::overdue(span(given), lang));
    cases.both("ago_ms", |given, lang| vi::ago(span(given), lang));
    cases.both("date", |given, lang| vi::date(at(given), lang));
    cases.both("date_time", |given, lang| vi::date_time(at(given), lang));
    cases.both("date_time_zoned", |given, lang| {
        vi::date_time_zoned(at(given), lang)
    });
    cases.both("long_date", |given, lang| vi::long_date(at(given), lang));
    cases.plain("time_of_day", |given| vi::time_of_day(at(given)).into());
    cases.plain("hour_minute", |given| vi::hour_minute(at(given)).into());
    cases.plain("iso_local", |given| vi::iso_local(at(given)).into());
    cases.both("short_time", |given, lang| {
        vi::short_time(at(&given[0]), at(&given[1]), lang)
    });
    cases.both("weekday", |given, lang| day(given).weekday(lang).to_owned());
}

fn calendar(cases: &mut Cases) {
    let calendar = WorkingCalendar::built_in();
    cases.plain("is_working_day", |given| {
        calendar.is_working_day(day(given)).into()
    });
    cases.plain("add_working_days", |given| {
        let count = i32::try_from(given[1].as_i64().expect("a number")).expect("small");
        let end = calendar.add_working_days(day(&given[0]), count);
        end.map(|day| day.to_string()).into()
    });
    cases.plain("working_days_between", |given| {
        calendar
            .working_days_between(day(&given[0]), day(&given[1]))
            .into()
    });
}

#[test]
fn the_shorthands_agree_with_the_general_forms() {
    assert_eq!(vi::number(1_234_567), vi::integer(1_234_567, Lang::Vi));
    assert_eq!(
        vi::count(1, Lang::En, "văn bản", "document", "documents"),
        "1 document"
    );
    assert_eq!(
        vi::count(0, Lang::En, "văn bản", "document", "documents"),
        "0 documents"
    );
    let at = Timestamp::from_edxml("2026/11/05 09:07:09").expect("a time");
    assert_eq!(at.to_vietnamese(), vi::date_time(at, Lang::Vi));
    assert_eq!(Day::of(at).to_string(), at.to_civil_date());
    assert_eq!(
        Day::of(at).start().to_string(),
        "2026-11-04T17:00:00.000000Z"
    );
}
