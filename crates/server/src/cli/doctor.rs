//! `lgsp doctor`: looks at an installation and at a server, and says what to do.

mod dossiers;
mod integrity;
mod ledger;

use std::path::PathBuf;

use clap::Args;
use lgsp_base::time::SystemClock;
use lgsp_base::vi;
use lgsp_base::{Clock, Timestamp};
use lgsp_store::{Db, DbOptions};
use serde_json::{Value, json};

use self::integrity::RESTORE;
use super::Context;
use crate::compose::target;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};
use crate::metrics::free_bytes;

/// Free space below which the doctor warns, in bytes.
const FREE_BYTES_WARN: u64 = 2 * 1024 * 1024 * 1024;
/// Before this instant no clock of a running platform can stand (2025-01-01).
const CLOCK_MIN: Timestamp = Timestamp::from_millis(1_735_689_600_000);

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Data folder to check
    #[arg(long)]
    data: Option<PathBuf>,
}

/// What one look found.
struct Finding {
    name: &'static str,
    state: State,
    detail: String,
    fix: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Warning,
    Bad,
    /// Stored data is no longer what was stored.
    Damaged,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            State::Good => "ok",
            State::Warning => "warning",
            State::Bad => "bad",
            State::Damaged => "damaged",
        }
    }
}

/// Gathers findings in the language of the command.
struct Doctor<'a> {
    context: &'a Context,
    findings: Vec<Finding>,
}

impl Doctor<'_> {
    fn note(
        &mut self,
        name: &'static str,
        state: State,
        detail: impl Into<String>,
        fix: (&'static str, &'static str),
    ) {
        let fix = self.context.output.say(fix.0, fix.1);
        self.findings.push(Finding {
            name,
            state,
            detail: detail.into(),
            fix,
        });
    }

    fn good(&mut self, name: &'static str, detail: impl Into<String>) {
        self.note(name, State::Good, detail, ("", ""));
    }
}

pub(super) fn run(context: &Context, args: &DoctorArgs) -> Result<Exit, Failure> {
    let mut doctor = Doctor {
        context,
        findings: Vec::new(),
    };
    doctor.clock();
    if let Some(data) = &args.data {
        doctor.installation(&DataFolder::new(data));
    }
    super::wait(async {
        doctor.server().await;
        Ok(Exit::Done)
    })?;
    Ok(report(context, &doctor.findings, args.data.is_some()))
}

impl Doctor<'_> {
    fn clock(&mut self) {
        let now = SystemClock::new().now();
        if now < CLOCK_MIN {
            self.note(
                "clock",
                State::Bad,
                now.to_string(),
                (
                    "Đặt lại đồng hồ máy, bật đồng bộ NTP",
                    "Set the machine's clock and turn NTP on",
                ),
            );
        } else {
            self.good("clock", vi::date_time_zoned(now, self.context.lang()));
        }
    }

    fn installation(&mut self, folder: &DataFolder) {
        match folder.check() {
            Ok(()) => self.good("permissions", folder.root().display().to_string()),
            Err(error) => {
                self.note(
                    "permissions",
                    State::Bad,
                    error.to_string(),
                    (
                        "Chỉ tài khoản chạy lgsp được đọc: chmod 0700 thư mục, 0600 tệp khóa",
                        "Only the account that runs lgsp may read: chmod 0700 folders, 0600 keys",
                    ),
                );
                return;
            }
        }
        let config = match super::config::load(folder) {
            Ok(loaded) => {
                self.good("config", folder.settings().display().to_string());
                loaded.config
            }
            Err(failure) => {
                self.note(
                    "config",
                    State::Bad,
                    failure.message,
                    (
                        "Sửa lgsp.toml hoặc biến môi trường nêu trên",
                        "Correct lgsp.toml or the variable that is named",
                    ),
                );
                return;
            }
        };
        self.disk(folder, &config);
        let is_running = folder.lock().is_err();
        if is_running {
            self.good("process", self.context.output.say("đang chạy", "running"));
        }
        self.store(folder, &config, is_running);
    }

    fn disk(&mut self, folder: &DataFolder, config: &Config) {
        let fix = ("Giải phóng hoặc mở rộng ổ đĩa", "Free or extend the disk");
        let text = |bytes: u64| vi::file_size(bytes, self.context.lang());
        match free_bytes(folder.root()) {
            None => self.note("disk", State::Bad, "", fix),
            Some(free) if free < config.storage.reserve_bytes => {
                self.note("disk", State::Bad, text(free), fix);
            }
            Some(free) if free < FREE_BYTES_WARN => {
                self.note("disk", State::Warning, text(free), fix);
            }
            Some(free) => self.good("disk", text(free)),
        }
    }

    /// Opens the database and checks everything that is stored; a running node's SQLite is left to it.
    fn store(&mut self, folder: &DataFolder, config: &Config, is_running: bool) {
        let url = config.database.url.expose();
        if url.is_empty() && is_running {
            let held = self
                .context
                .output
                .say("do tiến trình đang chạy giữ", "held by the running process");
            self.note(
                "database",
                State::Warning,
                held,
                (
                    "Dừng lgsp rồi chạy lại để kiểm tra cả cơ sở dữ liệu và sổ nhật ký",
                    "Stop lgsp and run it again to check database and ledger too",
                ),
            );
            return self.integrity(folder, None);
        }
        let target = match target(folder, config) {
            Ok(target) => target,
            Err(error) => {
                self.note("database", State::Damaged, error.to_string(), RESTORE);
                return self.integrity(folder, None);
            }
        };
        match Db::open(DbOptions::new(target)) {
            Ok(db) => {
                self.integrity(folder, Some(&db));
                self.log(folder, config, &db);
                self.dossier_keys(folder, &db);
                db.close();
            }
            Err(error) => {
                self.not_opened("database", error);
                self.integrity(folder, None);
            }
        }
    }

    async fn server(&mut self) {
        let address = self.context.common.server.clone();
        let asked = match self.context.api() {
            Ok(api) => api.get("/readyz", &[]).await,
            Err(failure) => Err(failure),
        };
        match asked {
            Ok(answer) => {
                self.good("server", address);
                self.notices(&answer.json());
            }
            Err(failure) if failure.exit == Exit::Unreachable => self.note(
                "server",
                State::Warning,
                failure.message,
                (
                    "Chạy lgsp serve, hoặc chỉ đúng địa chỉ bằng --server",
                    "Run lgsp serve, or name the address with --server",
                ),
            ),
            Err(failure) => self.note(
                "server",
                State::Bad,
                failure.message,
                ("Mở /readyz để xem lý do", "Open /readyz for the reason"),
            ),
        }
    }
}

/// An error with its causes.
fn chain(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

fn report(context: &Context, findings: &[Finding], is_installation: bool) -> Exit {
    let items: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "name": finding.name,
                "state": finding.state.word(),
                "detail": finding.detail,
                "fix": finding.fix,
            })
        })
        .collect();
    let has = |state| findings.iter().any(|finding| finding.state == state);
    let is_good = !has(State::Bad) && !has(State::Damaged);
    let output = context.output;
    output.data(&json!({"healthy": is_good, "items": items}), || {
        let mut text = String::new();
        for finding in findings {
            let mark = match finding.state {
                State::Good => "✔",
                State::Warning => "!",
                State::Bad | State::Damaged => "✘",
            };
            text.push_str(&format!("{mark} {:<12} {}\n", finding.name, finding.detail));
            if finding.state != State::Good && !finding.fix.is_empty() {
                text.push_str(&format!("  → {}\n", finding.fix));
            }
        }
        text
    });
    if !is_installation {
        output.note(output.say(
            "Thêm --data DIR để kiểm tra cả bản cài đặt trên máy này.",
            "Add --data DIR to check the installation on this machine too.",
        ));
    }
    match (is_good, has(State::Damaged)) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Integrity,
        (false, false) => Exit::Failed,
    }
}
