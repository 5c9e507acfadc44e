//! Writing for people and for scripts: data on standard output, everything else on standard error.
//!
//! A closed pipe is not an error: `lgsp … | head` ends quietly.

use std::io::{IsTerminal, Write};

use lgsp_base::{Lang, vi};
use serde_json::Value;

use crate::exit::{Exit, Failure};

/// The form of data on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Aligned text.
    #[default]
    Table,
    /// Exactly one JSON object.
    Json,
}

/// Where and how a command writes.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// The form of data.
    pub format: Format,
    /// The language of text.
    pub lang: Lang,
}

impl Output {
    /// True when scripts read.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Picks the text of the language.
    pub fn say<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            Lang::Vi => vi,
            Lang::En => en,
        }
    }

    /// Writes the command's one result.
    pub fn data(&self, object: &Value, text: impl FnOnce() -> String) {
        let mut line = if self.is_json() {
            object.to_string()
        } else {
            text()
        };
        if !line.is_empty() && !line.ends_with('\n') {
            line.push('\n');
        }
        write_quietly(std::io::stdout().lock(), &line);
    }

    /// Writes a line for people to standard error.
    pub fn note(&self, text: &str) {
        write_quietly(std::io::stderr().lock(), &format!("{text}\n"));
    }

    /// Writes a failure and gives its exit code.
    pub fn failure(&self, failure: &Failure) -> Exit {
        if self.is_json() {
            write_quietly(
                std::io::stdout().lock(),
                &format!("{}\n", failure.to_json()),
            );
        }
        self.note(&failure.to_text(self.lang));
        failure.exit
    }
}

/// Writes what can be written.
fn write_quietly(mut stream: impl Write, text: &str) {
    drop(
        stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush()),
    );
}

/// True when a person watches standard error.
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Rows in aligned columns under a heading.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let heading = heading.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(cell.chars().count()) + 2,
            ));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A determinate progress line on standard error.
#[derive(Debug)]
pub struct Progress {
    style: ProgressStyle,
    total: u64,
    shown: u64,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ProgressStyle {
    /// A bar when a person watches, nothing otherwise.
    #[default]
    Auto,
    /// One line per ten percent.
    Plain,
    /// Nothing.
    None,
}

impl Progress {
    /// Starts at nothing of `total`.
    pub fn new(style: ProgressStyle, total: u64) -> Self {
        let style = match style {
            ProgressStyle::Auto if !is_watched() => ProgressStyle::None,
            other => other,
        };
        Self {
            style,
            total,
            shown: 0,
        }
    }

    /// The total, once it is known.
    pub fn set_total(&mut self, total: u64) {
        self.total = total;
    }

    /// So much of the total is done, at so many per second: with count, rate and what is left.
    pub fn at_rate(&mut self, done: u64, per_second: u64, lang: Lang) {
        let percent = self.percent(done);
        let is_news = match self.style {
            ProgressStyle::Auto => percent > self.shown,
            ProgressStyle::Plain => percent / 10 > self.shown / 10,
            ProgressStyle::None => false,
        };
        if !is_news {
            return;
        }
        self.shown = percent;
        let left = self.total.saturating_sub(done).checked_div(per_second);
        let (rate, seconds) = match lang {
            Lang::Vi => ("/giây", "còn"),
            Lang::En => ("/s", "left"),
        };
        let mut line = format!(
            "{percent:3} %  {}/{}  {}{rate}",
            vi::number(done),
            vi::number(self.total),
            vi::number(per_second),
        );
        if let Some(left) = left.filter(|_| percent < 100) {
            line.push_str(&format!("  {seconds} {left} s"));
        }
        let line = match self.style {
            ProgressStyle::Auto => {
                let end = if percent >= 100 { "\n" } else { "" };
                // The tail wipes what a longer line left.
                format!("\r  {} {line}    {end}", bar(percent))
            }
            _ => format!("{line}\n"),
        };
        write_quietly(std::io::stderr().lock(), &line);
    }

    fn percent(&self, done: u64) -> u64 {
        done.saturating_mul(100)
            .checked_div(self.total)
            .unwrap_or(100)
    }

    /// So much of the total is done.
    pub fn at(&mut self, done: u64) {
        let percent = self.percent(done);
        match self.style {
            ProgressStyle::Auto if percent > self.shown => {
                let bar = bar(percent);
                let end = if percent >= 100 { "\n" } else { "" };
                write_quietly(
                    std::io::stderr().lock(),
                    &format!("\r  {bar} {percent:3} %{end}"),
                );
            }
            ProgressStyle::Plain if percent / 10 > self.shown / 10 => {
                write_quietly(std::io::stderr().lock(), &format!("{percent} %\n"));
            }
            _ => return,
        }
        self.shown = percent;
    }
}

/// Twenty squares, so many of them full.
fn bar(percent: u64) -> String {
    let filled = usize::try_from(percent / 5).unwrap_or(20).min(20);
    format!("{}{}", "█".repeat(filled), "·".repeat(20 - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_characters() {
        let rows = vec![
            vec!["H99".into(), "Sở Y tế".into()],
            vec!["H99.1".into(), "Xã".into()],
        ];
        assert_eq!(
            table(&["MÃ", "TÊN"], &rows),
            "MÃ     TÊN\nH99    Sở Y tế\nH99.1  Xã\n"
        );
    }
}
