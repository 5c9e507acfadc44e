//! What is asked, and how long the answers take.

use anyhow::Result;
use lgsp_base::id::OrgId;
use lgsp_base::{Clock, Timestamp};
use lgsp_insight::{DocumentQuery, Insight, Outcome, Scope, Unit};
use lgsp_registry::directory::Directory;
use lgsp_registry::search::search;

use crate::measure::percentile_ms;
use crate::micros_since;
use crate::province::{Dice, PARTIES, YEAR_MICROS};
use crate::report::Row;

/// Rows of a page, as the console asks for.
const PAGE: usize = 50;
/// Promised for documents: milliseconds that 99 of 100 answers stay below.
pub(crate) const DOCUMENTS_P99_MS: f64 = 100.0;
/// The same for organisations.
pub(crate) const ORGANISATIONS_P99_MS: f64 = 10.0;

type Ask = fn(&Dice, Timestamp, u64) -> (Scope, DocumentQuery);

const KINDS: [(&str, Ask); 18] = [
    ("newest, no text", |_, _, _| all(None)),
    ("number", |dice, _, _| {
        all(Some(format!("{}/UBND-VX", dice.roll(60_000))))
    }),
    ("number, begun", |dice, _, _| {
        all(Some(format!("{}", 10 + dice.roll(600))))
    }),
    ("rare word", |dice, _, _| {
        all(Some(format!("hồ sơ HS{}", dice.roll(100_000))))
    }),
    ("unknown word", |dice, _, _| {
        all(Some(format!("zq{}", dice.roll(1_000))))
    }),
    ("frequent word", |dice, _, _| {
        all(Some(
            dice.pick(&["báo cáo", "thực hiện", "uỷ ban", "năm"])
                .to_owned(),
        ))
    }),
    ("frequent words, no marks", |_, _, _| {
        all(Some("bao cao ket qua thuc hien nhiem vu".to_owned()))
    }),
    ("frequent words, never together", |_, _, _| {
        all(Some("giay moi bao cao quyet dinh ke hoach".to_owned()))
    }),
    ("first letters", |dice, _, _| {
        all(Some(
            dice.pick(&["b", "th", "ngh", "chuy", "phong ch"])
                .to_owned(),
        ))
    }),
    ("unit by name", |_, _, _| {
        all(Some("so y te tinh binh an".to_owned()))
    }),
    ("unit", |dice, _, _| {
        let (scope, mut query) = all(None);
        query.unit = Some(Unit::Recipient(org(dice)));
        (scope, query)
    }),
    ("unit and words", |dice, _, _| {
        let (scope, mut query) = all(Some("chuyen doi so".to_owned()));
        query.unit = Some(Unit::Either(org(dice)));
        (scope, query)
    }),
    ("own documents and words", |dice, _, _| {
        let (_, query) = all(Some("ke hoach".to_owned()));
        (
            Scope::Organisations(vec![org(dice), org(dice), org(dice)]),
            query,
        )
    }),
    ("one day", |dice, end, _| {
        let (scope, mut query) = all(None);
        (query.from, query.to) = day(dice, end);
        (scope, query)
    }),
    ("one day and words", |dice, end, _| {
        let (scope, mut query) = all(Some("bao cao".to_owned()));
        (query.from, query.to) = day(dice, end);
        (scope, query)
    }),
    ("troubled and words", |dice, _, _| {
        let (scope, mut query) = all(Some(
            dice.pick(&["bao cao", "ho so hs1", "du lich", "tinh binh"])
                .to_owned(),
        ));
        query.outcome = Some(Outcome::Troubled);
        (scope, query)
    }),
    ("under way at a unit", |dice, _, _| {
        let (scope, mut query) = all(None);
        query.outcome = Some(Outcome::UnderWay);
        query.unit = Some(Unit::Recipient(org(dice)));
        (scope, query)
    }),
    ("further page", |dice, _, leaves| {
        let (scope, mut query) = all(Some("bao cao".to_owned()));
        let share = dice.roll(1_000) as u64;
        query.cursor = Some(leaves / 1_000 * share);
        (scope, query)
    }),
];

fn all(text: Option<String>) -> (Scope, DocumentQuery) {
    (
        Scope::All,
        DocumentQuery {
            text,
            limit: PAGE,
            ..DocumentQuery::default()
        },
    )
}

fn org(dice: &Dice) -> OrgId {
    OrgId::from_bits(dice.roll(PARTIES) as u128 + 1)
}

fn day(dice: &Dice, end: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
    let day = YEAR_MICROS / 365;
    let back = i64::try_from(dice.roll(364)).unwrap_or(0) * day;
    let to = Timestamp::from_micros(end.as_micros() - back);
    let from = Timestamp::from_micros(to.as_micros() - day);
    (Some(from), Some(to))
}

/// Asks for documents, kinds of questions in turn, so that none of them profits from having been asked just before.
pub(crate) async fn documents(
    insight: &Insight,
    clock: &dyn Clock,
    rounds: usize,
    size: &str,
    end: Timestamp,
) -> Result<(Vec<Row>, f64)> {
    let dice = Dice::new(77);
    let leaves = insight.progress().await?.leaves;
    let mut samples: Vec<(u64, Vec<u32>)> = KINDS.iter().map(|_| (0, Vec::new())).collect();
    for _ in 0..rounds {
        for ((_, ask), (found, times)) in KINDS.iter().zip(&mut samples) {
            let (scope, query) = ask(&dice, end, leaves);
            let started = clock.monotonic();
            let page = insight.search(&scope, &query).await?;
            times.push(micros_since(clock, started));
            *found += page.rows.len() as u64;
        }
    }
    let mut rows = Vec::new();
    let mut every = Vec::new();
    for ((name, _), (found, mut times)) in KINDS.iter().zip(samples) {
        every.extend_from_slice(&times);
        let mean = found as f64 / rounds.max(1) as f64;
        rows.push(row(name, size, &mut times, format!("{mean:.1} found")));
    }
    let summary = row("documents, all", size, &mut every, String::new());
    let p99 = summary.p99_ms.unwrap_or(f64::MAX);
    rows.push(summary);
    Ok((rows, p99))
}

/// Asks for organisations.
pub(crate) fn organisations(
    directory: &Directory,
    clock: &dyn Clock,
    rounds: usize,
    size: &str,
    at: Timestamp,
) -> (Row, f64) {
    let texts = [
        "sở y tế",
        "so y te tinh",
        "SYT",
        "H29.5",
        "ủy ban nhân dân",
        "uy ban nhan dan xa binh an",
        "a",
        "phuong phu long 77",
        "nhan dan uy ban xyz",
        "khong co gi ca",
        "n",
        "trung tam",
        "tan hoa",
        "chi cuc thue",
    ];
    let mut times = Vec::new();
    for _ in 0..rounds {
        for text in texts {
            let started = clock.monotonic();
            let found = search(directory, text, at, 20);
            times.push(micros_since(clock, started));
            // The answer is looked at, so that it cannot be left out.
            assert!(found.len() <= 20, "a page is a page");
        }
    }
    let row = row("organisations, all", size, &mut times, String::new());
    let p99 = row.p99_ms.unwrap_or(f64::MAX);
    (row, p99)
}

fn row(name: &str, size: &str, times: &mut [u32], note: String) -> Row {
    times.sort_unstable();
    let total: f64 = times.iter().map(|time| f64::from(*time)).sum();
    let slowest = times.last().copied().unwrap_or(0);
    let note = format!(
        "{note}{}slowest {:.2} ms",
        if note.is_empty() { "" } else { ", " },
        f64::from(slowest) / 1_000.0
    );
    Row {
        target: name.to_owned(),
        size: size.to_owned(),
        per_second: Some(times.len() as f64 * 1_000_000.0 / total.max(1.0)),
        cpu_us_per_item: None,
        p50_ms: Some(percentile_ms(times, 0.5)),
        p99_ms: Some(percentile_ms(times, 0.99)),
        rss_mb: None,
        note,
    }
}
