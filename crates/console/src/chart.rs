//! Drawings: SVG made on the server, without script.
//!
//! Each has a title and a description for those who hear pages, shape or pattern say the same as colour, and the page
//! shows the numbers in a table behind it. Colours come from classes of the style sheet, so that themes hold here too.
//! Templates call the functions under their own names; they never fail, whatever the numbers.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Bars that a chart shows at most; more would be narrower than a line.
const BARS_MAX: usize = 96;
/// Series that can be told apart.
const SERIES_MAX: usize = 6;
/// Width of every drawing in its own units; the page scales it.
const WIDTH: f64 = 640.0;

/// One group of a bar chart, stacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bar {
    /// Below it.
    pub(crate) label: String,
    /// A value for each series, from the bottom.
    pub(crate) values: Vec<u64>,
}

/// One check in a strip of health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tick {
    /// Everything arrived.
    Ok,
    /// It arrived late, or after several tries.
    Slow,
    /// Nothing arrived.
    Down,
    /// Nothing was sent.
    None,
}

/// One part of a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// What it counts, in words.
    pub(crate) label: String,
    /// How many.
    pub(crate) count: u64,
}

/// A node of a drawn graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    /// First line.
    pub(crate) title: String,
    /// Second line; may be empty.
    pub(crate) note: String,
    /// Where a press leads; empty for nowhere.
    pub(crate) href: String,
    /// Column, from the left.
    pub(crate) column: u32,
    /// Row in its column, from the top.
    pub(crate) row: u32,
    /// The one the page is about, or the one that was computed.
    pub(crate) is_main: bool,
}

/// A line between two nodes, by their places in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edge {
    /// From.
    pub(crate) from: usize,
    /// To.
    pub(crate) to: usize,
    /// On the line; may be empty.
    pub(crate) label: String,
    /// Broken: only a part goes over.
    pub(crate) is_partial: bool,
}

/// A graph in columns: the history of organisations, or the way from a leaf to a root.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Graph {
    /// What is joined.
    pub(crate) nodes: Vec<Node>,
    /// What joins.
    pub(crate) edges: Vec<Edge>,
}

/// Text for HTML and for attributes in double quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Writing to a string does not fail.
fn put(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece).unwrap_or_default();
}

/// A drawing under construction.
pub(crate) struct Svg(String);

impl Svg {
    pub(crate) fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        let mut svg = Self(String::new());
        svg.add(format_args!(
            "<svg viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" focusable=\"false\"><title>{}</title>",
            escape(title)
        ));
        if !description.is_empty() {
            svg.add(format_args!("<desc>{}</desc>", escape(description)));
        }
        svg
    }

    pub(crate) fn add(&mut self, piece: std::fmt::Arguments<'_>) {
        put(&mut self.0, piece);
    }

    pub(crate) fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        ));
    }

    pub(crate) fn text(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        self.add(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escape(text)
        ));
    }

    fn line(&mut self, class: &str, x1: f64, y1: f64, x2: f64, y2: f64) {
        self.add(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push_str("</svg>");
        self.0
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a drawing needs no more than a few digits"
)]
fn float(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "places in a drawing are few")]
fn place(index: usize) -> f64 {
    index as f64
}

/// The smallest round number that is not below, so that the axis reads well and little of it stays empty.
fn round_up(value: u64) -> u64 {
    const TENTHS: [u64; 10] = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80];
    let mut step = 1u64;
    loop {
        for tenths in TENTHS {
            let wide = u128::from(step) * u128::from(tenths);
            let candidate = u64::try_from(wide / 10).unwrap_or(u64::MAX);
            if wide.is_multiple_of(10) && candidate >= value {
                return candidate;
            }
        }
        match step.checked_mul(10) {
            Some(next) => step = next,
            None => return u64::MAX,
        }
    }
}

/// The sign that goes with a series, so that it is told by shape too: full, lined, dotted.
fn pattern_of(series: usize) -> String {
    format!("d{}", series % SERIES_MAX + 1)
}

/// Stacked bars with an axis and a legend. `top` is the axis's upper end in words.
pub(crate) fn bars(
    bars: &[Bar],
    title: &str,
    description: &str,
    series: &[String],
    number: &dyn Fn(u64) -> String,
) -> String {
    const HEIGHT: f64 = 190.0;
    const BASE: f64 = 165.0;
    const TOP: f64 = 14.0;
    const LEFT: f64 = 46.0;
    let bars = bars.get(..BARS_MAX.min(bars.len())).unwrap_or(&[]);
    let sums = bars.iter().map(|bar| bar.values.iter().sum::<u64>());
    let top = round_up(sums.max().unwrap_or(0).max(1));
    let mut svg = Svg::new(WIDTH, HEIGHT, title, description);
    for (share, value) in [(0.0, 0), (0.5, top / 2), (1.0, top)] {
        let y = BASE - (BASE - TOP) * share;
        svg.line("truc", LEFT, y, WIDTH, y);
        if share != 0.5 || top > 1 {
            svg.text("", LEFT - 6.0, y + 4.0, "end", &number(value));
        }
    }
    let step = (WIDTH - LEFT) / place(bars.len().max(1));
    let each = bars.len().div_ceil(12).max(1);
    for (index, bar) in bars.iter().enumerate() {
        let x = LEFT + step * place(index);
        let mut y = BASE;
        for (series, value) in bar.values.iter().enumerate() {
            let height = (BASE - TOP) * float(*value) / float(top);
            if height <= 0.0 {
                continue;
            }
            y -= height;
            // Every further series is narrower: the stack is read without its colours.
            let inset = step * (0.12 + 0.14 * place(series.min(2)));
            svg.rect(
                &pattern_of(series),
                x + inset,
                y,
                step - 2.0 * inset,
                height,
            );
        }
        if index.is_multiple_of(each) {
            svg.text("", x + step / 2.0, BASE + 16.0, "middle", &bar.label);
        }
    }
    let mut html = format!("<figure class=\"hinh hinh-cot\">{}", svg.end());
    if series.len() > 1 {
        html.push_str("<ul class=\"chu-giai\">");
        for (index, name) in series.iter().enumerate() {
            let mut key = String::from(
                "<svg viewBox=\"0 0 12 12\" aria-hidden=\"true\" focusable=\"false\">",
            );
            let inset = 4.0f64.min(place(index) * 2.0);
            put(
                &mut key,
                format_args!(
                    "<rect class=\"{}\" x=\"{inset:.0}\" y=\"0\" width=\"{:.0}\" height=\"12\"/></svg>",
                    pattern_of(index),
                    12.0 - 2.0 * inset
                ),
            );
            put(&mut html, format_args!("<li>{key}{}</li>", escape(name)));
        }
        html.push_str("</ul>");
    }
    html.push_str("</figure>");
    html
}

/// A line without axes, for the corner of a card.
pub(crate) fn sparkline(values: &[u64], title: &str) -> String {
    const HEIGHT: f64 = 36.0;
    const SPARK: f64 = 160.0;
    let top = float(values.iter().copied().max().unwrap_or(0).max(1));
    let step = SPARK / place(values.len().saturating_sub(1).max(1));
    let mut points = String::new();
    for (index, value) in values.iter().enumerate() {
        let y = HEIGHT - 3.0 - (HEIGHT - 8.0) * float(*value) / top;
        put(
            &mut points,
            format_args!("{:.1},{y:.1} ", step * place(index)),
        );
    }
    let mut svg = Svg::new(SPARK, HEIGHT, title, "");
    if values.len() > 1 {
        svg.add(format_args!(
            "<polygon class=\"duong-nen\" points=\"0,{HEIGHT} {points}{SPARK},{HEIGHT}\"/><polyline class=\"duong\" points=\"{points}\"/>"
        ));
    }
    format!("<figure class=\"hinh\">{}</figure>", svg.end())
}

/// A strip of checks, oldest at the left: a good one is a full bar, a slow one half of it, a failed one a block at the
/// bottom, nothing an empty frame.
pub(crate) fn strip(ticks: &[Tick], title: &str) -> String {
    const HEIGHT: f64 = 22.0;
    const STEP: f64 = 4.0;
    let width = STEP * place(ticks.len().max(1));
    let mut svg = Svg::new(width, HEIGHT, title, "");
    // One path for each state: a page has many strips.
    for (state, class, top, wide, high) in [
        (Tick::Ok, "v-tot", 2.0, 3.0, 18.0),
        (Tick::Slow, "v-cham", 8.0, 3.0, 12.0),
        (Tick::Down, "v-hong", 14.0, 3.5, 6.0),
        (Tick::None, "v-chua", 17.5, 2.0, 2.0),
    ] {
        let mut path = String::new();
        for (index, _) in ticks.iter().enumerate().filter(|(_, tick)| **tick == state) {
            let x = STEP * place(index);
            put(&mut path, format_args!("M{x} {top}h{wide}v{high}h-{wide}z"));
        }
        if !path.is_empty() {
            svg.add(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
        }
    }
    // Ticks keep their shape only if the drawing is stretched in width alone.
    svg.end()
        .replacen("<svg ", "<svg preserveAspectRatio=\"none\" ", 1)
}

/// Parts of a whole side by side, each with its count in the legend.
pub(crate) fn segments(
    segments: &[Segment],
    title: &str,
    number: &dyn Fn(u64) -> String,
) -> String {
    const HEIGHT: f64 = 18.0;
    let total = float(segments.iter().map(|s| s.count).sum::<u64>().max(1));
    let description: Vec<String> = segments
        .iter()
        .map(|segment| format!("{}: {}", segment.label, number(segment.count)))
        .collect();
    let mut svg = Svg::new(WIDTH, HEIGHT, title, &description.join(", "));
    let mut x = 0.0;
    for (index, segment) in segments.iter().enumerate() {
        let width = WIDTH * float(segment.count) / total;
        if width > 0.0 {
            // A gap between parts tells them apart where colours do not.
            svg.rect(&pattern_of(index), x, 0.0, (width - 2.0).max(1.0), HEIGHT);
        }
        x += width;
    }
    let mut html = format!(
        "<figure class=\"hinh\">{}<ul class=\"chu-giai\">",
        svg.end()
    );
    for (index, (segment, words)) in segments.iter().zip(&description).enumerate() {
        if segment.count > 0 {
            put(
                &mut html,
                format_args!(
                    "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\" focusable=\"false\"><rect class=\"{}\" width=\"12\" height=\"12\"/></svg>{}</li>",
                    pattern_of(index),
                    escape(words)
                ),
            );
        }
    }
    html.push_str("</ul></figure>");
    html
}

/// Boxes in columns, joined by lines with arrows.
pub(crate) fn graph(graph: &Graph, title: &str, description: &str) -> String {
    const BOX_WIDTH: f64 = 190.0;
    const BOX_HEIGHT: f64 = 46.0;
    const COLUMN: f64 = 270.0;
    const ROW: f64 = 64.0;
    const MARGIN: f64 = 8.0;
    let columns = graph
        .nodes
        .iter()
        .map(|node| node.column)
        .max()
        .unwrap_or(0);
    let rows = graph.nodes.iter().map(|node| node.row).max().unwrap_or(0);
    let width = f64::from(columns) * COLUMN + BOX_WIDTH + 2.0 * MARGIN;
    let height = f64::from(rows) * ROW + BOX_HEIGHT + 2.0 * MARGIN;
    let corner = |node: &Node| {
        (
            MARGIN + f64::from(node.column) * COLUMN,
            MARGIN + f64::from(node.row) * ROW,
        )
    };
    let mut svg = Svg::new(width, height, title, description);
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (graph.nodes.get(edge.from), graph.nodes.get(edge.to)) else {
            continue;
        };
        let ((x1, y1), (x2, y2)) = (corner(from), corner(to));
        let (x1, y1, y2) = (x1 + BOX_WIDTH, y1 + BOX_HEIGHT / 2.0, y2 + BOX_HEIGHT / 2.0);
        let (tip, middle) = (x2 - 7.0, (x1 + x2) / 2.0);
        let class = if edge.is_partial {
            "canh canh-dut"
        } else {
            "canh"
        };
        svg.add(format_args!(
            "<path class=\"{class}\" d=\"M{x1:.1} {y1:.1}C{middle:.1} {y1:.1} {middle:.1} {y2:.1} {tip:.1} {y2:.1}\"/>\
             <path class=\"mui\" d=\"M{x2:.1} {y2:.1}l-8 -4v8z\"/>"
        ));
        svg.text(
            "nhan-canh",
            middle,
            (y1 + y2) / 2.0 - 5.0,
            "middle",
            &edge.label,
        );
    }
    for node in &graph.nodes {
        let (x, y) = corner(node);
        if !node.href.is_empty() {
            svg.add(format_args!("<a href=\"{}\">", escape(&node.href)));
        }
        let class = if node.is_main {
            "nut-cay-chinh"
        } else {
            "nut-cay"
        };
        svg.add(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"4\"/>"
        ));
        let title = lgsp_base::vi::truncate_middle(&node.title, 30);
        svg.text("dam", x + 10.0, y + 19.0, "start", &title);
        svg.text("", x + 10.0, y + 36.0, "start", &node.note);
        if !node.href.is_empty() {
            svg.add(format_args!("</a>"));
        }
    }
    // A narrow screen scrolls; text would be too small to read if the drawing shrank with it.
    format!(
        "<figure class=\"hinh hinh-cuon\">{}</figure>",
        svg.end()
            .replacen("<svg ", &format!("<svg width=\"{width:.0}\" "), 1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: u64) -> String {
        value.to_string()
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, round) in [
            (0, 1),
            (1, 1),
            (3, 3),
            (7, 8),
            (11, 12),
            (212, 250),
            (184_221, 200_000),
        ] {
            assert_eq!(round_up(value), round);
        }
        assert!(round_up(u64::MAX) >= u64::MAX / 2);
    }

    #[test]
    fn drawings_say_what_they_show_and_escape_it() {
        let evil = "<b>&\"'";
        let bar = Bar {
            label: evil.to_owned(),
            values: vec![3, 1],
        };
        let names = [evil.to_owned(), "b".to_owned()];
        let node = |column, href: &str| Node {
            title: evil.to_owned(),
            note: evil.to_owned(),
            href: href.to_owned(),
            column,
            row: 0,
            is_main: column == 0,
        };
        let two = Graph {
            nodes: vec![node(0, ""), node(1, "/\"x")],
            edges: vec![
                Edge {
                    from: 0,
                    to: 1,
                    label: evil.to_owned(),
                    is_partial: true,
                },
                // One that leads nowhere is left out.
                Edge {
                    from: 0,
                    to: 9,
                    label: String::new(),
                    is_partial: false,
                },
            ],
        };
        for svg in [
            bars(&[bar], evil, evil, &names, &plain),
            sparkline(&[1, 2, 3], evil),
            strip(&[Tick::Ok, Tick::Slow, Tick::Down, Tick::None], evil),
            segments(
                &[Segment {
                    label: evil.to_owned(),
                    count: 2,
                }],
                evil,
                &plain,
            ),
            graph(&two, evil, evil),
        ] {
            assert!(
                svg.contains("<title>&lt;b&gt;&amp;&quot;&#39;</title>"),
                "{svg}"
            );
            assert!(!svg.contains("<b>"), "{svg}");
            assert!(!svg.contains("style="), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing_without_a_fault() {
        for svg in [
            bars(&[], "t", "", &[], &plain),
            sparkline(&[], "t"),
            sparkline(&[5], "t"),
            strip(&[], "t"),
            segments(&[], "t", &plain),
            graph(&Graph::default(), "t", ""),
        ] {
            assert!(svg.contains("</svg>") && !svg.contains("NaN"), "{svg}");
        }
    }
}
