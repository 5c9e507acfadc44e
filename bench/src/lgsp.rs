//! Our own server as a child process on a temporary data folder, set up through its command line as an operator would.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use lgsp_base::time::{Clock, SystemClock};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::http::Connection;
use crate::process;

const PORT: u16 = 25_680;
const READY_TRIES: u32 = 30_000;
/// How long the checkpoint must stay the same to count as the last one, and how often it is looked at.
const SEALED_PAUSE: Duration = Duration::from_secs(1);
const SEALED_TRIES: u32 = 120;
const READY_PAUSE: Duration = Duration::from_millis(2);

/// A data folder of ours and the administrator's token for it.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    binary: PathBuf,
    path: PathBuf,
    admin_token: String,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Lgsp {
    child: Child,
    pid: u32,
    /// From the start of the process to the first "ready".
    pub(crate) ready_after: Duration,
}

impl Folder {
    /// `lgsp init`.
    pub(crate) async fn init(binary: &Path, path: &Path) -> Result<Self> {
        let mut this = Self {
            binary: binary.to_owned(),
            path: path.to_owned(),
            admin_token: String::new(),
        };
        let data = path.to_string_lossy();
        let made = this
            .command(&[
                "init",
                "--data",
                &data,
                "--org",
                "H98",
                "--name",
                "Tỉnh Đo Lường",
            ])
            .await?;
        this.admin_token = text(&made, "admin_token")?;
        Ok(this)
    }

    /// `lgsp serve`, until it says that it is ready.
    pub(crate) async fn serve(&self) -> Result<Lgsp> {
        self.serve_with(&[]).await
    }

    /// The same with settings from the environment.
    pub(crate) async fn serve_with(&self, settings: &[(&str, &str)]) -> Result<Lgsp> {
        ensure!(
            Lgsp::connect().await.is_err(),
            "somebody listens on port {PORT} already: is another bench running?"
        );
        let log = std::fs::File::create(self.path.with_extension("log"))?;
        let clock = SystemClock::new();
        let child = Command::new(&self.binary)
            .arg("serve")
            .arg("--data")
            .arg(&self.path)
            .args(["--listen", &format!("127.0.0.1:{PORT}")])
            .env("RUST_LOG", "warn")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("the server ended at once")?;
        for _ in 0..READY_TRIES {
            if is_ready().await {
                return Ok(Lgsp {
                    child,
                    pid,
                    ready_after: clock.monotonic(),
                });
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        let output = std::fs::read_to_string(self.path.with_extension("log")).unwrap_or_default();
        bail!("the server did not become ready: {output}")
    }

    /// `lgsp org import`.
    pub(crate) async fn import(&self, organisations: &[(String, String)]) -> Result<()> {
        let mut csv = String::from("code_qd20,code_qcvn102,name,kind,level,parent_code_qd20\n");
        for (code, name) in organisations {
            csv.push_str(&format!("{code},,{name},so,2,H98\n"));
        }
        let file = self.path.with_extension("csv");
        std::fs::write(&file, csv)?;
        let file = file.to_string_lossy();
        self.remote(&["org", "import", &file]).await.map(drop)
    }

    /// `lgsp system add`: what the new system needs to call.
    pub(crate) async fn add_system(&self, org: &str, protocol: &str) -> Result<Value> {
        self.remote(&["system", "add", org, "Hệ thống đo", "--protocol", protocol])
            .await
    }

    /// `lgsp ledger fsck` on the folder of a server that has ended.
    pub(crate) async fn fsck(&self) -> Result<Value> {
        let data = self.path.to_string_lossy();
        self.command(&["ledger", "fsck", "--data", &data]).await
    }

    async fn remote(&self, arguments: &[&str]) -> Result<Value> {
        let server = format!("http://127.0.0.1:{PORT}");
        let mut all = arguments.to_vec();
        all.extend_from_slice(&["--server", &server, "--token", &self.admin_token]);
        self.command(&all).await
    }

    async fn command(&self, arguments: &[&str]) -> Result<Value> {
        let output = Command::new(&self.binary)
            .args(arguments)
            .args(["-o", "json"])
            .stdin(Stdio::null())
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "lgsp {}: {}{}",
            arguments.first().unwrap_or(&""),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).context("lgsp printed no JSON")
    }
}

impl Lgsp {
    /// Waits until the checkpoint has stopped growing.
    pub(crate) async fn wait_until_sealed(&self) -> Result<()> {
        let mut last = Vec::new();
        for _ in 0..SEALED_TRIES {
            let mut connection = Self::connect().await?;
            connection
                .call("GET", "/ledger/checkpoint", "", b"")
                .await?;
            if connection.body == last {
                return Ok(());
            }
            last.clone_from(&connection.body);
            tokio::time::sleep(SEALED_PAUSE).await;
        }
        bail!("the log was not sealed in time")
    }

    /// A new connection to the server.
    pub(crate) async fn connect() -> Result<Connection> {
        Connection::open(PORT).await
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends the server as an operator would and waits for it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        process::terminate(self.pid).await;
        let status = self.child.wait().await?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

async fn is_ready() -> bool {
    let Ok(mut connection) = Lgsp::connect().await else {
        return false;
    };
    connection.call("GET", "/readyz", "", b"").await.is_ok()
}

/// A text field that must be there.
pub(crate) fn text(value: &Value, field: &str) -> Result<String> {
    value
        .get(field)
        .and_then(Value::as_str)
        .map(ToOwned::to_owned)
        .with_context(|| format!("no field {field}"))
}
