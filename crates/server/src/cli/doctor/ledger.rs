//! What the doctor says of the log: its key, how far sealing, figures, witnesses and time stamps are.

use std::sync::Arc;

use lgsp_base::entropy::OsEntropy;
use lgsp_base::planted::Planted;
use lgsp_base::time::SystemClock;
use lgsp_base::{Clock, vi};
use lgsp_insight::{Insight, Names, Party};
use lgsp_store::Db;
use lgsp_store::ledger::{Ledger, LedgerError};
use serde_json::Value;

use super::{Doctor, State};
use crate::config::Config;
use crate::data_folder::DataFolder;

/// Entries that may wait for sealing while nothing runs; more is said.
const WAITING_MAX: usize = 100_000;

/// Leaves are counted here, organisations are not named.
#[derive(Debug)]
struct Nameless;

impl Names for Nameless {
    fn party(&self, _: lgsp_base::id::OrgId, _: lgsp_base::Timestamp) -> Option<Party> {
        None
    }
}

/// What was read of the log.
struct Facts {
    size: u64,
    waiting: u64,
    lag: u64,
    stamped: Option<lgsp_base::Timestamp>,
    witnesses: Vec<lgsp_store::ledger::WitnessState>,
    skew: lgsp_store::ledger::ClockSkew,
}

impl Doctor<'_> {
    /// Looks at the log of an installation; `lgsp ledger fsck` derives it again.
    pub(super) fn log(&mut self, folder: &DataFolder, config: &Config, db: &Db) {
        let facts = match super::super::serve::runtime() {
            Ok(runtime) => runtime.block_on(read(folder, db)),
            Err(failure) => Err(anyhow::anyhow!("{}", failure.message)),
        };
        let facts = match facts {
            Ok(facts) => facts,
            Err(error) => {
                return self.note(
                    "log",
                    State::Bad,
                    format!("{error:#}"),
                    (
                        "Chạy lgsp ledger fsck --data DIR; nếu đang thay khóa dở, chạy lại lgsp ledger rotate-key",
                        "Run lgsp ledger fsck --data DIR; if a change of key broke off, run lgsp ledger rotate-key again",
                    ),
                );
            }
        };
        let say = self.context.output;
        let leaves = say.say("dòng đã niêm phong", "leaves sealed");
        let waiting = say.say("đang chờ", "waiting");
        self.good(
            "log",
            format!(
                "{} {leaves}, {} {waiting}",
                vi::number(facts.size),
                vi::number(facts.waiting)
            ),
        );
        let behind = say.say("dòng chưa tính", "leaves behind");
        self.good("insight", format!("{} {behind}", vi::number(facts.lag)));
        self.skew(&facts);
        self.stamps(config, &facts);
        self.witnesses(config, &facts);
    }

    /// A clock behind the newest checkpoint: either it is wrong now, or it was then.
    fn skew(&mut self, facts: &Facts) {
        if !facts.skew.is_alarm() {
            return;
        }
        let state = if facts.skew.is_refused() {
            State::Bad
        } else {
            State::Warning
        };
        self.note(
            "clock",
            state,
            facts.skew.to_string(),
            (
                "Chỉnh đồng hồ máy, bật đồng bộ NTP; nếu giờ hiện tại đúng, chạy lgsp ledger accept-clock --data DIR",
                "Set the machine's clock and turn NTP on; if it is right, run lgsp ledger accept-clock --data DIR",
            ),
        );
    }

    fn stamps(&mut self, config: &Config, facts: &Facts) {
        if config.ledger.timestamp_url.is_empty() {
            return;
        }
        let fix = (
            "Kiểm tra đường tới cơ quan cấp dấu thời gian và ledger.timestamp_ca",
            "Check the way to the time-stamp authority, and ledger.timestamp_ca",
        );
        let now = SystemClock::new().now();
        let limit = config.ledger.stop_after();
        match facts.stamped {
            None if facts.size == 0 => {}
            None => self.note("timestamp", State::Warning, "", fix),
            Some(at) if now.since(at) > limit => {
                self.note("timestamp", State::Warning, at.to_vietnamese(), fix);
            }
            Some(at) => self.good("timestamp", at.to_vietnamese()),
        }
    }

    fn witnesses(&mut self, config: &Config, facts: &Facts) {
        for entry in config.ledger.witness_entries().unwrap_or_default() {
            let name = entry.key.name();
            let state = facts.witnesses.iter().find(|state| state.name == name);
            match state {
                Some(state) if state.failure.is_none() => {
                    self.good("witness", format!("{name}: {}", vi::number(state.size)));
                }
                other => {
                    let words = other
                        .and_then(|state| state.failure.clone())
                        .unwrap_or_default();
                    self.note(
                        "witness",
                        State::Warning,
                        format!("{name} {words}"),
                        (
                            "Mở trang của bên chứng kiến; nếu nó báo sổ bị viết lại, giữ nguyên hiện trạng và tìm nguyên nhân",
                            "Open the page of the witness; if it says that the ledger was rewritten, keep everything as it is and find out why",
                        ),
                    );
                }
            }
        }
    }

    /// What a running node says of itself although it takes work.
    pub(super) fn notices(&mut self, ready: &Value) {
        let checks = ready.get("checks").and_then(Value::as_array);
        for check in checks.into_iter().flatten() {
            let word = |name: &str| {
                let text = check.get(name).and_then(Value::as_str);
                crate::exit::one_line(text.unwrap_or_default())
            };
            if check.get("is_ok") == Some(&Value::Bool(false)) {
                self.note(
                    "notice",
                    State::Warning,
                    format!("{}: {}", word("name"), word("reason")),
                    ("Xem nhật ký vận hành của máy chủ", "See the server's log"),
                );
            }
        }
    }
}

async fn read(folder: &DataFolder, db: &Db) -> anyhow::Result<Facts> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy = Arc::new(OsEntropy);
    let (time, planted) = (clock.clone(), Planted::NONE);
    let ledger = crate::ledger::open(db.clone(), folder, "", time, entropy, planted).await?;
    let insight = Insight::open(
        db.clone(),
        clock,
        Arc::new(ledger.clone()),
        Arc::new(Nameless),
    );
    facts(&ledger, &insight).await
}

async fn facts(ledger: &Ledger, insight: &Insight) -> anyhow::Result<Facts> {
    let checkpoint = ledger.checkpoint().await?;
    let stamped = ledger.newest_timestamp().await?;
    Ok::<_, LedgerError>(Facts {
        size: checkpoint.map_or(0, |found| found.size),
        waiting: ledger.waiting(WAITING_MAX).await?,
        lag: insight.progress().await.map_or(0, |progress| progress.lag),
        stamped: stamped.map(|stamp| stamp.gen_time),
        witnesses: ledger.witnesses().await?,
        skew: ledger.clock_skew(),
    })
    .map_err(Into::into)
}
