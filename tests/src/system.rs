//! A whole `lgsp` as a process of its own: made, started, killed and started again.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use lgsp_store::db::DbTarget;
use lgsp_store::testing::{Scratch, TestDb};
use serde_json::Value;

use crate::agency::{Agency, Operator};
use crate::http::Http;
use crate::wait_for;

/// The code of the province in every test.
pub const PROVINCE: &str = "H99";

/// How long a start may take on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// How a system is built.
#[derive(Debug)]
pub struct SystemBuilder {
    binary: PathBuf,
    name: String,
    planted: Option<String>,
    is_postgres: bool,
    folder: Option<PathBuf>,
    wrapper: Vec<String>,
    settings: Vec<(String, String)>,
}

impl SystemBuilder {
    /// A system under test: `binary` is `lgsp-under-test`.
    pub fn new(binary: &str, name: &str) -> Self {
        Self {
            binary: binary.into(),
            name: name.to_owned(),
            planted: None,
            is_postgres: false,
            folder: None,
            wrapper: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// Sets a setting through the environment of the server (`LGSP__OUTBOUND__ALLOW`).
    #[must_use]
    pub fn with_setting(mut self, variable: &str, value: &str) -> Self {
        self.settings.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Switches a deliberate fault on, by the name of its `Bug`.
    #[must_use]
    pub fn with_planted(mut self, bug: &str) -> Self {
        self.planted = Some(bug.to_owned());
        self
    }

    /// Stores in a fresh PostgreSQL database instead of SQLite.
    #[must_use]
    pub fn on_postgres(mut self) -> Self {
        self.is_postgres = true;
        self
    }

    /// Puts the data folder there instead of in a temporary folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_path_buf());
        self
    }

    /// Runs `serve` under another program, such as strace, which must keep the process id.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Makes the data folder and starts the server. `None` if PostgreSQL was wanted and the environment names none.
    ///
    /// # Panics
    /// If it does not become ready.
    pub fn start(self) -> Option<System> {
        let database = if self.is_postgres {
            Some(TestDb::postgres(&self.name)?)
        } else {
            None
        };
        let scratch = Scratch::new(&self.name);
        let data = self
            .folder
            .clone()
            .unwrap_or_else(|| scratch.path().join("data"));
        let mut system = System {
            address: free_address(),
            log: scratch.path().join("server.log"),
            admin_token: String::new(),
            child: None,
            database,
            data,
            builder: self,
            scratch,
        };
        system.init();
        system.serve();
        Some(system)
    }
}

/// A running, or killed, server.
#[derive(Debug)]
pub struct System {
    /// Where it listens; the same after a restart.
    pub address: SocketAddr,
    /// Its data folder.
    pub data: PathBuf,
    admin_token: String,
    builder: SystemBuilder,
    child: Option<Child>,
    log: PathBuf,
    database: Option<TestDb>,
    scratch: Scratch,
}

/// An address of this machine that nobody listens on.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}

impl System {
    fn database_arguments(&self) -> Vec<String> {
        match self.database.as_ref().map(TestDb::target) {
            Some(DbTarget::Postgres { url }) => vec!["--database".to_owned(), url],
            _ => Vec::new(),
        }
    }

    fn init(&mut self) {
        let output = Command::new(&self.builder.binary)
            .args([
                "init",
                "--org",
                PROVINCE,
                "--name",
                "Tỉnh Bình An",
                "-o",
                "json",
                "--data",
            ])
            .arg(&self.data)
            .args(self.database_arguments())
            .stdin(Stdio::null())
            .output()
            .expect("lgsp init");
        assert!(
            output.status.success(),
            "init: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let answer: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        self.admin_token = answer["admin_token"].as_str().expect("a token").to_owned();
    }

    /// Starts the server without waiting for it.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("a log");
        let mut words = self.builder.wrapper.iter();
        let mut command = match words.next() {
            Some(program) => {
                let mut command = Command::new(program);
                command.args(words).arg(&self.builder.binary);
                command
            }
            None => Command::new(&self.builder.binary),
        };
        command
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .args(["--listen", &self.address.to_string()])
            .args(self.database_arguments())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log);
        command.envs(self.builder.settings.iter().cloned());
        if let Some(bug) = &self.builder.planted {
            command.env("LGSP_PLANTED_BUG", bug);
        }
        self.child = Some(command.spawn().expect("lgsp serve"));
    }

    /// Starts the server and waits until it says that it is ready.
    ///
    /// # Panics
    /// If it does not.
    pub fn serve(&mut self) {
        assert!(self.tries_to_serve(), "not ready:\n{}", self.log());
    }

    /// Starts the server and waits until it says that it is ready; false if it ends instead or takes too long.
    pub fn tries_to_serve(&mut self) -> bool {
        self.spawn();
        let address = self.address;
        let ready = wait_for(START_PATIENCE, || {
            if let Some(child) = &mut self.child
                && let Ok(Some(_status)) = child.try_wait()
            {
                return Some(false);
            }
            let mut http = Http::new(address).with_patience(Duration::from_secs(5));
            let answer = http.call("GET", "/readyz", &[], b"").ok()?;
            (answer.status == 200).then_some(true)
        });
        ready == Some(true)
    }

    /// Switches a deliberate fault on for the next start.
    pub fn plants(&mut self, bug: &str) {
        self.builder.planted = Some(bug.to_owned());
    }

    /// Runs the next start under another program, such as strace, which must keep the process id; nothing for none.
    pub fn runs_under(&mut self, wrapper: &[&str]) {
        self.builder.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
    }

    /// Sets a setting for the next start, through the environment of the server.
    pub fn sets(&mut self, variable: &str, value: &str) {
        self.builder
            .settings
            .push((variable.to_owned(), value.to_owned()));
    }

    /// Everything that the server wrote to its output and its log, of all its starts.
    pub fn whole_log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A folder beside the data, for what a test keeps; gone with the system.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Runs a command of the program that is not a server, with the operator's token.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn runs(&self, words: &[&str]) -> Output {
        Command::new(&self.builder.binary)
            .args(words)
            .env("LGSP_SERVER", format!("http://{}", self.address))
            .env("LGSP_TOKEN", &self.admin_token)
            .envs(self.builder.settings.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .expect("the command runs")
    }

    /// What the server logged, its last part.
    pub fn log(&self) -> String {
        let text = self.whole_log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// kill -9, and waits for the end of the process.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill");
            child.wait().expect("the end of a killed process");
        }
    }

    /// Sends a signal by name (`TERM`, `STOP`, `CONT`).
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status()
            .expect("kill");
        assert!(status.success());
    }

    /// Asks it to end and waits for that; its exit code.
    ///
    /// # Panics
    /// If it does not end.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        let mut child = self.child.take().expect("running");
        let ended = wait_for(Duration::from_secs(40), || child.try_wait().ok().flatten());
        ended.expect("it ends after SIGTERM").code()
    }

    /// The process id.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    /// The state letter of the process (`R`, `S`, `T` …), as the kernel shows it.
    pub fn state_letter(&self) -> Option<char> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        stat.rsplit_once(')')?.1.trim_start().chars().next()
    }

    /// Most memory that was ever resident, in KiB.
    pub fn memory_peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .expect("VmHWM")
    }

    /// The token that `init` gave.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The operator.
    pub fn operator(&self) -> Operator {
        Operator::new(self.address, &self.admin_token)
    }

    /// Makes `count` departments, each with a connected REST system.
    ///
    /// # Panics
    /// If that is refused.
    pub fn agencies(&self, count: usize) -> Vec<Agency> {
        let mut operator = self.operator();
        let codes: Vec<String> = (1..=count).map(department).collect();
        let words: Vec<&str> = codes.iter().map(String::as_str).collect();
        operator.imports(&words);
        codes
            .into_iter()
            .map(|code| {
                let token = operator.connects(&code);
                Agency::new(self.address, &code, &token)
            })
            .collect()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::tell(&format!("server log:\n{}", self.log()));
        }
        self.kill();
    }
}

/// Runs a test on a fresh server over SQLite, then over PostgreSQL, which is left out visibly where there is none.
pub fn on_both_engines(binary: &str, name: &str, test: impl Fn(&System)) {
    test(&SystemBuilder::new(binary, name).start().expect("SQLite"));
    match SystemBuilder::new(binary, name).on_postgres().start() {
        Some(system) => test(&system),
        None => crate::skip(name, "LGSP_TEST_POSTGRES is not set"),
    }
}

/// The code of a department of the tests.
pub fn department(number: usize) -> String {
    format!("{PROVINCE}.{number}")
}
