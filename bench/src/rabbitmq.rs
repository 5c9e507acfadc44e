//! The peer: RabbitMQ from Debian on loopback, one durable quorum queue per recipient, persistent messages, publisher confirms.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::{Child, Command};

use crate::amqp::Connection;
use crate::load::{Body, Load, Stopwatch};
use crate::process;
use crate::report;

/// Ports beside the usual ones, so that a broker that runs already is left alone.
const AMQP_PORT: u16 = 25_672;
const DISTRIBUTION_PORT: u16 = 25_673;
const EPMD_PORT: u16 = 25_674;
const EPMD_TRIES: u32 = 20;
const EPMD_PAUSE: Duration = Duration::from_millis(100);
const START_TRIES: u32 = 240;
const START_PAUSE: Duration = Duration::from_millis(250);

/// A broker that runs for the bench and ends with it.
#[derive(Debug)]
pub(crate) struct RabbitMq {
    child: Child,
    pid: u32,
}

impl RabbitMq {
    /// Starts the broker with its data under `dir`.
    pub(crate) async fn start(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let config = dir.join("rabbitmq.conf");
        std::fs::write(
            &config,
            format!(
                "listeners.tcp.1 = 127.0.0.1:{AMQP_PORT}\nlog.file.level = error\nheartbeat = 0\n"
            ),
        )?;
        let log = std::fs::File::create(dir.join("stdout.log"))?;
        let server = server_script()?;
        let child = Command::new(server)
            .env("HOME", dir)
            .env("RABBITMQ_NODENAME", "lgspbench@localhost")
            .env("RABBITMQ_CONFIG_FILE", &config)
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_MNESIA_BASE", dir.join("data"))
            .env("RABBITMQ_LOG_BASE", dir.join("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.join("no-plugins"))
            .env("RABBITMQ_DIST_PORT", DISTRIBUTION_PORT.to_string())
            .env("ERL_EPMD_PORT", EPMD_PORT.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("rabbitmq-server cannot be started")?;
        let pid = child.id().context("the broker ended at once")?;
        let this = Self { child, pid };
        for _ in 0..START_TRIES {
            if Connection::open(AMQP_PORT).await.is_ok() {
                return Ok(this);
            }
            tokio::time::sleep(START_PAUSE).await;
        }
        let output = std::fs::read_to_string(dir.join("stdout.log")).unwrap_or_default();
        bail!("the broker did not start: {output}")
    }

    /// The root of the broker's process tree.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The broker's version.
    pub(crate) async fn version() -> String {
        let output = Command::new("dpkg-query")
            .args(["-W", "-f=${Version}", "rabbitmq-server"])
            .output()
            .await;
        output.map_or_else(
            |_| "unknown".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    /// Makes fresh queues for one round.
    pub(crate) async fn prepare(&self, load: Load) -> Result<()> {
        let mut connection = Connection::open(AMQP_PORT).await?;
        for recipient in 0..load.recipients {
            connection.declare_quorum(&queue(load, recipient)).await?;
        }
        connection.close().await
    }

    /// Deletes the queues of a round.
    pub(crate) async fn clear(&self, load: Load) -> Result<()> {
        let mut connection = Connection::open(AMQP_PORT).await?;
        for recipient in 0..load.recipients {
            connection.delete_queue(&queue(load, recipient)).await?;
        }
        connection.close().await
    }

    pub(crate) async fn produce(
        &self,
        load: Load,
        producer: usize,
        mut body: Body,
    ) -> Result<Vec<u32>> {
        let mut connection = Connection::open(AMQP_PORT).await?;
        connection.confirm_select().await?;
        let count = load.documents / load.connections;
        let mut stopwatch = Stopwatch::new(count);
        for number in 0..count {
            let to = queue(load, (producer + number) % load.recipients);
            let sent = connection.publish(&to, body.next());
            stopwatch.time(sent).await?;
        }
        Ok(stopwatch.into_samples())
    }

    pub(crate) async fn consume(&self, load: Load, recipient: usize) -> Result<()> {
        let mut connection = Connection::open(AMQP_PORT).await?;
        // Twice the batch, so that the broker can send on while a batch is being acknowledged.
        let prefetch = u16::try_from(load.batch * 2)?;
        connection
            .consume(&queue(load, recipient), prefetch)
            .await?;
        for number in 1..=load.documents_per_recipient() {
            let (tag, bytes) = connection.next().await?;
            anyhow::ensure!(bytes == load.bytes, "a message of {bytes} bytes");
            if number.is_multiple_of(load.batch) {
                connection.acknowledge(tag).await?;
            }
        }
        connection.close().await
    }

    /// Ends the broker as an operator would; what remains of it ends with the value.
    pub(crate) async fn stop(mut self) -> Result<()> {
        process::terminate_tree(self.pid).await;
        self.child.wait().await?;
        Ok(())
    }
}

impl Drop for RabbitMq {
    /// The script's children would outlive it: whatever of the tree still runs is killed, and the port mapper with it.
    fn drop(&mut self) {
        process::kill_tree(self.pid);
        // The port mapper ends only when it has noticed that its last node is gone.
        for _ in 0..EPMD_TRIES {
            if std::net::TcpStream::connect(("127.0.0.1", EPMD_PORT)).is_err() {
                return;
            }
            // Whether that helped shows in the next round.
            let _status = std::process::Command::new("epmd")
                .env("ERL_EPMD_PORT", EPMD_PORT.to_string())
                .arg("-kill")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            std::thread::sleep(EPMD_PAUSE);
        }
        report::note("epmd could not be ended");
    }
}

/// The server's own script: Debian's wrapper would change the user and drop the environment.
fn server_script() -> Result<std::path::PathBuf> {
    let base = Path::new("/usr/lib/rabbitmq/lib");
    for entry in std::fs::read_dir(base)
        .context("rabbitmq-server is not installed")?
        .flatten()
    {
        let script = entry.path().join("sbin/rabbitmq-server");
        if script.exists() {
            return Ok(script);
        }
    }
    bail!("rabbitmq-server is not installed")
}

fn queue(load: Load, recipient: usize) -> String {
    format!("bench-{}-{recipient}", load.bytes)
}
