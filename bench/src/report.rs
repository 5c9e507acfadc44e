//! The table for people and the one JSON object for machines.

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

impl Row {
    /// A row that holds memory and words only.
    pub(crate) fn fact(target: &str, size: &str, rss_mb: Option<f64>, note: String) -> Self {
        Self {
            target: target.to_owned(),
            size: size.to_owned(),
            per_second: None,
            cpu_us_per_item: None,
            p50_ms: None,
            p99_ms: None,
            rss_mb,
            note,
        }
    }
}

/// Everything that one run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) rows: Vec<Row>,
    /// The first named in the key divided by the second.
    #[serde(serialize_with = "as_map")]
    pub(crate) ratios: Vec<(&'static str, Option<f64>)>,
}

fn as_map<S: serde::Serializer>(
    ratios: &[(&'static str, Option<f64>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(ratios.iter().copied())
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
            "{:<26} {:>8} {:>10} {:>12} {:>9} {:>9} {:>9}",
            "target", "size", "docs/s", "CPU µs/doc", "p50 ms", "p99 ms", "RSS MiB"
        )?;
        for row in &self.rows {
            let number = |value: Option<f64>, digits: usize| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
            };
            writeln!(
                out,
                "{:<26} {:>8} {:>10} {:>12} {:>9} {:>9} {:>9}  {}",
                row.target,
                row.size,
                number(row.per_second, 0),
                number(row.cpu_us_per_item, 0),
                number(row.p50_ms, 2),
                number(row.p99_ms, 2),
                number(row.rss_mb, 0),
                row.note
            )?;
        }
        for (name, ratio) in &self.ratios {
            if let Some(ratio) = ratio {
                writeln!(out, "\n{name} = {ratio:.2}")?;
            }
        }
        Ok(())
    }
}
