//! What a run costs: wall time, latency percentiles, and the CPU time and memory of a server's process tree.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Clock ticks per second of `/proc/PID/stat`; fixed in the kernel's interface on every architecture that we build for.
const TICKS_PER_SECOND: u64 = 100;
/// Bytes of a memory page in `/proc/PID/statm`.
const PAGE_BYTES: u64 = 4096;

/// Every process below `root`, `root` included.
pub(crate) fn process_tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        if let Some(parent) = stat_field(pid, 1) {
            let parent = u32::try_from(parent).unwrap_or(0);
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(pid) = tree.get(next).copied() {
        tree.extend(children.remove(&pid).unwrap_or_default());
        next += 1;
    }
    tree
}

/// A number of `/proc/PID/stat`, counted from the state behind the command's closing bracket.
fn stat_field(pid: u32, index: usize) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let rest = text.rsplit_once(')')?.1;
    rest.split_whitespace().nth(index)?.parse().ok()
}

/// User and system time that the tree has used.
pub(crate) fn cpu_time(root: u32) -> Duration {
    let ticks: u64 = process_tree(root)
        .into_iter()
        .map(|pid| stat_field(pid, 11).unwrap_or(0) + stat_field(pid, 12).unwrap_or(0))
        .sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// Resident memory of the tree, in MiB.
pub(crate) fn rss_mb(root: u32) -> f64 {
    let pages: u64 = process_tree(root)
        .into_iter()
        .filter_map(|pid| {
            let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
            text.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum();
    (pages * PAGE_BYTES) as f64 / (1024.0 * 1024.0)
}

/// The most memory the process ever had resident (`VmHWM`), in MiB.
pub(crate) fn rss_peak_mb(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib: f64 = text
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .context("no VmHWM")?
        .parse()?;
    Ok(kib / 1024.0)
}

/// Processor, cores, memory and kernel in one line.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu_info = read("/proc/cpuinfo");
    let model = cpu_info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_matches([' ', '\t', ':'])
        });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory_kib: u64 = read("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0);
    format!(
        "{cores} × {model}, {} GiB RAM, Linux {}",
        memory_kib / (1024 * 1024),
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// The value below which `share` of the sorted samples lie, in milliseconds.
pub(crate) fn percentile_ms(sorted_us: &[u32], share: f64) -> f64 {
    let last = sorted_us.len().saturating_sub(1);
    let index = (last as f64 * share).round() as usize;
    f64::from(sorted_us.get(index).copied().unwrap_or(0)) / 1_000.0
}

/// The middle of three or so runs.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians_are_read_off_the_sorted_values() {
        let samples: Vec<u32> = (1..=1000).map(|n| n * 1000).collect();
        assert!((percentile_ms(&samples, 0.5) - 501.0).abs() < 1.5);
        assert!((percentile_ms(&samples, 0.99) - 990.0).abs() < 1.5);
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(percentile_ms(&[], 0.5) < f64::EPSILON);
    }

    #[test]
    fn this_process_has_a_tree_and_memory() {
        let own = std::process::id();
        assert_eq!(process_tree(own).first(), Some(&own));
        assert!(rss_mb(own) > 0.1);
    }
}
