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

/// Ours divided by theirs.
#[derive(Debug, Serialize)]
pub(crate) struct Ratios {
    pub(crate) documents_2k_vs_rabbitmq: Option<f64>,
    pub(crate) documents_1m_vs_rabbitmq: Option<f64>,
}

/// Everything that one run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) ratios: Ratios,
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
        for (name, ratio) in [
            ("2 KiB", self.ratios.documents_2k_vs_rabbitmq),
            ("1 MiB", self.ratios.documents_1m_vs_rabbitmq),
        ] {
            if let Some(ratio) = ratio {
                writeln!(out, "\n{name}: lgsp plain door ÷ RabbitMQ = {ratio:.2}")?;
            }
        }
        Ok(())
    }
}
