//! The way of a document over time: a line per recipient, a mark per event, a bar while something waits.

use lgsp_base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chart::Svg;

/// Lines that are drawn at most; the page lists all of them below.
const LINES_MAX: usize = 24;
/// Where the time axis begins; names stand on the left of it.
const LEFT: f64 = 200.0;
const WIDTH: f64 = 860.0;
const ROW: f64 = 30.0;
const TOP: f64 = 26.0;

/// What a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MarkKind {
    /// Something went well.
    Ok,
    /// Something failed.
    Failed,
    /// Something is to come.
    Planned,
}

/// One event on a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// When.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) kind: MarkKind,
}

/// The way to one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Whose.
    pub(crate) label: String,
    /// In order of time.
    pub(crate) marks: Vec<Mark>,
    /// While it waited: from, until.
    pub(crate) waits: Vec<(Timestamp, Timestamp)>,
}

/// Lines over a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timeline {
    /// Left end.
    pub(crate) from: Timestamp,
    /// Right end.
    pub(crate) until: Timestamp,
    /// Below the left end.
    pub(crate) from_label: String,
    /// Below the right end.
    pub(crate) until_label: String,
    /// From above.
    pub(crate) lines: Vec<Line>,
}

impl Timeline {
    /// Where a time stands; none outside of the span.
    fn place(&self, at: Timestamp) -> Option<f64> {
        let whole = self.until.since(self.from).as_secs_f64();
        let part = at.since(self.from).as_secs_f64();
        if at < self.from || part > whole || whole <= 0.0 {
            return None;
        }
        Some(LEFT + (WIDTH - LEFT - 16.0) * part / whole)
    }

    /// The same with times outside moved to the nearer end.
    fn clamped(&self, at: Timestamp) -> f64 {
        if at < self.from {
            return LEFT;
        }
        self.place(at).unwrap_or(WIDTH - 16.0)
    }
}

/// Draws it. Marks differ by shape: a dot, a cross, a ring.
pub(crate) fn timeline(timeline: &Timeline, title: &str, description: &str) -> String {
    let lines = timeline.lines.iter().take(LINES_MAX);
    let count = u32::try_from(timeline.lines.len().min(LINES_MAX)).unwrap_or(0);
    let height = TOP + f64::from(count) * ROW + 22.0;
    let mut svg = Svg::new(WIDTH, height, title, description);
    for (line, index) in lines.zip(0_u32..) {
        let y = TOP + f64::from(index) * ROW;
        let label = lgsp_base::vi::truncate_middle(&line.label, 28);
        svg.text("dam", 0.0, y + 4.0, "start", &label);
        svg.add(format_args!(
            "<path class=\"truc\" d=\"M{LEFT:.1} {y:.1}H{:.1}\"/>",
            WIDTH - 16.0
        ));
        for (from, until) in &line.waits {
            let (left, right) = (timeline.clamped(*from), timeline.clamped(*until));
            svg.rect("cho", left, y - 4.0, (right - left).max(1.0), 8.0);
        }
        for mark in &line.marks {
            let Some(x) = timeline.place(mark.at) else {
                continue;
            };
            match mark.kind {
                MarkKind::Ok => svg.add(format_args!(
                    "<circle class=\"v-tot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/>"
                )),
                MarkKind::Failed => svg.add(format_args!(
                    "<path class=\"cheo\" d=\"M{:.1} {:.1}l10 10m0 -10l-10 10\"/>",
                    x - 5.0,
                    y - 5.0
                )),
                MarkKind::Planned => svg.add(format_args!(
                    "<circle class=\"vong-cho\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/>"
                )),
            }
        }
    }
    svg.text("", LEFT, height - 6.0, "start", &timeline.from_label);
    svg.text("", WIDTH - 16.0, height - 6.0, "end", &timeline.until_label);
    format!(
        "<figure class=\"hinh hinh-cuon\">{}</figure>",
        svg.end()
            .replacen("<svg ", &format!("<svg width=\"{WIDTH:.0}\" "), 1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_differ_by_shape_and_what_is_outside_is_left_out() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let mark = |seconds, kind| Mark {
            at: at(seconds),
            kind,
        };
        let drawn = timeline(
            &Timeline {
                from: at(0),
                until: at(100),
                from_label: "<a>".to_owned(),
                until_label: "b".to_owned(),
                lines: vec![Line {
                    label: "Sở \"Y tế\"".to_owned(),
                    marks: vec![
                        mark(1, MarkKind::Ok),
                        mark(50, MarkKind::Failed),
                        mark(90, MarkKind::Planned),
                        mark(101, MarkKind::Ok),
                    ],
                    waits: vec![(at(50), at(500))],
                }],
            },
            "t",
            "d",
        );
        assert_eq!(drawn.matches("v-tot").count(), 1);
        assert_eq!(drawn.matches("class=\"cheo\"").count(), 1);
        assert_eq!(drawn.matches("vong-cho").count(), 1);
        assert!(drawn.contains("&lt;a&gt;") && drawn.contains("Sở &quot;Y tế&quot;"));
    }

    #[test]
    fn an_empty_span_draws_nothing_outside() {
        let zero = Timestamp::from_micros(0);
        let drawn = timeline(
            &Timeline {
                from: zero,
                until: zero,
                from_label: String::new(),
                until_label: String::new(),
                lines: vec![Line {
                    label: "a".to_owned(),
                    marks: vec![Mark {
                        at: zero,
                        kind: MarkKind::Ok,
                    }],
                    waits: vec![(zero, zero)],
                }],
            },
            "t",
            "d",
        );
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
    }
}
