//! The page of numbers on the admin listener, in the Prometheus text form.
//!
//! Names are `lgsp_<area>_<thing>_<unit>[_total]`, labels come from closed sets. Counters that a part keeps itself are read
//! when the page is asked for; only HTTP requests are counted here, by route template, never by address.

mod connectors;
mod dossiers;
mod ledger;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use lgsp_base::Clock;
use lgsp_exchange::Exchange;
use lgsp_exchange::dossier::Dossiers;
use lgsp_insight::Insight;
use lgsp_registry::Registry;
use lgsp_store::Db;
use lgsp_store::ledger::Ledger;

use crate::ledger::Vouching;
use crate::listen::Counters;

/// Upper bounds of the classes of a request's duration, in milliseconds.
const DURATION_CLASSES_MS: [u64; 8] = [1, 5, 20, 50, 200, 1_000, 5_000, 30_000];

/// Counts requests as they are answered.
#[derive(Debug)]
pub struct Requests {
    clock: Arc<dyn Clock>,
    by_route: Mutex<BTreeMap<(String, u16), u64>>,
    durations: [AtomicU64; DURATION_CLASSES_MS.len()],
    duration_sum_us: AtomicU64,
    total: AtomicU64,
}

impl Requests {
    /// Nothing was counted yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            by_route: Mutex::default(),
            durations: Default::default(),
            duration_sum_us: AtomicU64::new(0),
            total: AtomicU64::new(0),
        }
    }

    fn count(&self, route: &str, status: u16, took: Duration) {
        self.total.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.duration_sum_us.fetch_add(micros, Ordering::Relaxed);
        for (bound, class) in DURATION_CLASSES_MS.iter().zip(&self.durations) {
            if micros <= bound * 1_000 {
                class.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mut by_route = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        match by_route.get_mut(&(route.to_owned(), status / 100)) {
            Some(count) => *count += 1,
            None => {
                by_route.insert((route.to_owned(), status / 100), 1);
            }
        }
    }

    fn render(&self, page: &mut Page) {
        page.head(
            "lgsp_http_requests_total",
            "counter",
            "Requests answered, by route template and class of status",
        );
        let by_route = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, class), count) in by_route.iter() {
            page.sample(
                "lgsp_http_requests_total",
                &[("route", route), ("status", &format!("{class}xx"))],
                *count,
            );
        }
        drop(by_route);
        let name = "lgsp_http_request_duration_seconds";
        page.head(
            name,
            "histogram",
            "Time from a request's head to its answer's head",
        );
        for (bound, class) in DURATION_CLASSES_MS.iter().zip(&self.durations) {
            let le = format!("{}.{:03}", bound / 1_000, bound % 1_000);
            page.sample(
                &format!("{name}_bucket"),
                &[("le", &le)],
                class.load(Ordering::Relaxed),
            );
        }
        let total = self.total.load(Ordering::Relaxed);
        page.sample(&format!("{name}_bucket"), &[("le", "+Inf")], total);
        let sum = self.duration_sum_us.load(Ordering::Relaxed);
        page.line(&format!(
            "{name}_sum {}.{:06}",
            sum / 1_000_000,
            sum % 1_000_000
        ));
        page.sample(&format!("{name}_count"), &[], total);
    }
}

/// The layer that counts; stands inside the router so that it sees the route's template.
pub async fn count_request(
    State(requests): State<Arc<Requests>>,
    request: Request,
    next: Next,
) -> Response {
    let began = requests.clock.monotonic();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let took = requests.clock.monotonic().saturating_sub(began);
    requests.count(&route, response.status().as_u16(), took);
    response
}

/// Everything the page reads.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The store's own counters.
    pub db: Db,
    /// The exchange's own counters.
    pub exchange: Exchange,
    /// Dossiers, with counters of their own.
    pub dossiers: Dossiers,
    /// Which systems are called.
    pub registry: Registry,
    /// The log.
    pub ledger: Ledger,
    /// What follows the log.
    pub insight: Insight,
    /// What keeps the log going.
    pub vouching: Vouching,
    /// Requests by route.
    pub requests: Arc<Requests>,
    /// Connections of the public listener.
    pub connections: Arc<Counters>,
    /// Log events dropped.
    pub log_dropped: Arc<AtomicU64>,
    /// For the free space.
    pub data: PathBuf,
    /// Since when the process runs.
    pub clock: Arc<dyn Clock>,
}

/// A page in the making.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = write!(
                self.0,
                "{}{label}=\"{text}\"",
                if index == 0 { '{' } else { ',' }
            );
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.sample(name, &[], value);
    }
}

impl Sources {
    /// The whole page.
    pub async fn page(&self) -> String {
        let mut page = Page::default();
        self.render_process(&mut page);
        self.requests.render(&mut page);
        self.render_connections(&mut page);
        self.render_store(&mut page);
        self.render_exchange(&mut page);
        self.render_deliveries(&mut page).await;
        self.render_dossiers(&mut page).await;
        self.render_connectors(&mut page).await;
        self.render_ledger(&mut page).await;
        self.render_insight(&mut page).await;
        page.0
    }

    fn render_process(&self, page: &mut Page) {
        page.head("lgsp_build_info", "gauge", "The version that runs");
        page.sample(
            "lgsp_build_info",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1,
        );
        let uptime = self.clock.monotonic().as_secs();
        page.one(
            "lgsp_process_uptime_seconds",
            "gauge",
            "Time since the start",
            uptime,
        );
        let resident = resident_bytes().unwrap_or(0);
        page.one(
            "lgsp_process_resident_bytes",
            "gauge",
            "Memory in use",
            resident,
        );
        let free = free_bytes(&self.data).unwrap_or(0);
        page.one(
            "lgsp_disk_free_bytes",
            "gauge",
            "Free space beside the data",
            free,
        );
        let dropped = self.log_dropped.load(Ordering::Relaxed);
        page.one(
            "lgsp_log_dropped_events_total",
            "counter",
            "Log events dropped because the target was slow",
            dropped,
        );
    }

    fn render_connections(&self, page: &mut Page) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.connections;
        page.one(
            "lgsp_http_connections_open",
            "gauge",
            "Connections open now",
            read(&counters.open),
        );
        for (name, help, counter) in [
            (
                "lgsp_http_connections_total",
                "Connections accepted",
                &counters.accepted,
            ),
            (
                "lgsp_http_connections_evicted_total",
                "Idle connections closed to make room",
                &counters.evicted,
            ),
            (
                "lgsp_http_requests_refused_total",
                "Requests refused below the router",
                &counters.refused,
            ),
            (
                "lgsp_http_handler_panics_total",
                "Handlers that panicked",
                &counters.panics,
            ),
        ] {
            page.one(name, "counter", help, read(counter));
        }
    }

    fn render_store(&self, page: &mut Page) {
        let stats = self.db.stats();
        for (name, help, value) in [
            (
                "lgsp_store_writes_total",
                "Write transactions committed",
                stats.writes,
            ),
            (
                "lgsp_store_groups_total",
                "Synced commits; writes by groups is the group size",
                stats.groups,
            ),
            (
                "lgsp_store_undone_total",
                "Write transactions rolled back",
                stats.undone,
            ),
            ("lgsp_store_reads_total", "Read transactions", stats.reads),
            (
                "lgsp_store_retries_total",
                "Transactions run again after a conflict",
                stats.retries,
            ),
            (
                "lgsp_store_refused_total",
                "Transactions refused because a queue was full",
                stats.refused,
            ),
        ] {
            page.one(name, "counter", help, value);
        }
        page.one(
            "lgsp_store_writes_waiting",
            "gauge",
            "Writes that wait now",
            stats.writes_waiting,
        );
        page.one(
            "lgsp_store_reads_waiting",
            "gauge",
            "Reads that wait now",
            stats.reads_waiting,
        );
        let is_ready = u64::from(self.db.health() == lgsp_store::Health::Ready);
        page.one(
            "lgsp_store_ready",
            "gauge",
            "1 while the store can do its work",
            is_ready,
        );
    }

    fn render_exchange(&self, page: &mut Page) {
        let counted = self.exchange.counters().read();
        for (name, help, value) in [
            (
                "lgsp_exchange_documents_accepted_total",
                "Documents accepted",
                counted.submitted,
            ),
            (
                "lgsp_exchange_documents_repeated_total",
                "Submits answered with an earlier acceptance",
                counted.repeated,
            ),
            (
                "lgsp_exchange_documents_refused_total",
                "Submits refused",
                counted.refused,
            ),
            (
                "lgsp_exchange_deliveries_total",
                "Deliveries made",
                counted.deliveries,
            ),
            (
                "lgsp_exchange_deliveries_fetched_total",
                "Contents handed over to a recipient that fetches",
                counted.handed_over,
            ),
            (
                "lgsp_exchange_deliveries_pushed_total",
                "Pushes tried",
                counted.pushed,
            ),
            (
                "lgsp_exchange_deliveries_confirmed_total",
                "Deliveries confirmed",
                counted.delivered,
            ),
            (
                "lgsp_exchange_deliveries_refused_total",
                "Refusals by recipients",
                counted.refused_by_recipient,
            ),
            (
                "lgsp_exchange_deliveries_parked_total",
                "Deliveries parked",
                counted.parked,
            ),
            (
                "lgsp_exchange_deliveries_dead_total",
                "Deliveries given up",
                counted.dead,
            ),
            (
                "lgsp_exchange_deliveries_expired_total",
                "Deliveries expired",
                counted.expired,
            ),
            (
                "lgsp_exchange_deliveries_cancelled_total",
                "Deliveries cancelled",
                counted.cancelled,
            ),
            (
                "lgsp_exchange_deliveries_resent_total",
                "Deliveries sent again",
                counted.resent,
            ),
            (
                "lgsp_exchange_statuses_total",
                "Status reports recorded",
                counted.statuses,
            ),
            (
                "lgsp_exchange_orphan_blobs_removed_total",
                "Files without a document removed",
                counted.orphans_removed,
            ),
            (
                "lgsp_exchange_leases_lost_total",
                "Leases that another worker had taken",
                counted.leases_lost,
            ),
        ] {
            page.one(name, "counter", help, value);
        }
    }

    async fn render_deliveries(&self, page: &mut Page) {
        let name = "lgsp_exchange_deliveries_now";
        page.head(name, "gauge", "Deliveries by state");
        match self.exchange.count_by_state().await {
            Ok(states) => {
                for (state, count) in states {
                    page.sample(name, &[("state", state.name())], count);
                }
            }
            Err(error) => tracing::warn!(%error, "deliveries could not be counted"),
        }
    }
}

/// Resident memory of this process.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024)
}

/// Free bytes for this process in the file system of a folder.
pub fn free_bytes(folder: &std::path::Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lgsp_base::time::SystemClock;

    #[test]
    fn requests_are_counted_by_route_and_class() {
        let requests = Requests::new(Arc::new(SystemClock::new()));
        requests.count("/api/v1/documents/{id}", 200, Duration::from_millis(3));
        requests.count("/api/v1/documents/{id}", 204, Duration::from_millis(30));
        requests.count("other", 404, Duration::from_secs(60));
        let mut page = Page::default();
        requests.render(&mut page);
        for line in [
            "lgsp_http_requests_total{route=\"/api/v1/documents/{id}\",status=\"2xx\"} 2",
            "lgsp_http_requests_total{route=\"other\",status=\"4xx\"} 1",
            "lgsp_http_request_duration_seconds_bucket{le=\"0.005\"} 1",
            "lgsp_http_request_duration_seconds_bucket{le=\"+Inf\"} 3",
            "lgsp_http_request_duration_seconds_sum 60.033000",
        ] {
            assert!(
                page.0.lines().any(|known| known == line),
                "{line}\n{}",
                page.0
            );
        }
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1_000_000));
    }
}
