//! The table for people and the one JSON object for machines, in the shape of `bench/documents`.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde::Serialize;

/// One row; a value that was not measured is absent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) target: String,
    pub(crate) size: String,
    pub(crate) per_second: Option<f64>,
    pub(crate) cpu_us_per_item: Option<f64>,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) rss_mb: Option<f64>,
    /// Anything that the columns do not say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
}

/// Everything that one run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) rows: Vec<Row>,
    /// By name, above 1 where the promise is kept.
    pub(crate) ratios: BTreeMap<&'static str, f64>,
}

/// One line of progress on standard error.
pub(crate) fn note(text: &str) {
    // Progress may get lost when nobody listens.
    let _written = writeln!(std::io::stderr(), "bench: {text}");
}

impl Report {
    /// Prints the report on standard output.
    pub(crate) fn print(&self, as_json: bool) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if as_json {
            return writeln!(out, "{}", serde_json::to_string(self)?);
        }
        writeln!(out, "{}\n", self.machine)?;
        writeln!(
            out,
            "{:<32} {:>10} {:>10} {:>9} {:>9}",
            "question", "of", "answers/s", "p50 ms", "p99 ms"
        )?;
        for row in &self.rows {
            let number = |value: Option<f64>, digits: usize| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
            };
            writeln!(
                out,
                "{:<32} {:>10} {:>10} {:>9} {:>9}  {}",
                row.target,
                row.size,
                number(row.per_second, 0),
                number(row.p50_ms, 2),
                number(row.p99_ms, 2),
                row.note
            )?;
        }
        writeln!(out)?;
        self.ratios
            .iter()
            .try_for_each(|(name, ratio)| writeln!(out, "{name}: {ratio:.1}"))
    }
}
