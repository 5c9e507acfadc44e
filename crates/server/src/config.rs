//! The settings of an installation: defaults, then `lgsp.toml`, then the environment, then flags.
//!
//! A name that is not known is an error that names its path: a misspelt limit must not silently be the default.

mod ledger;
mod portals;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use lgsp_base::limits;
use lgsp_connect::outbound::{AllowEntry, Network};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

pub use ledger::{LedgerConfig, OnOutage, WitnessEntry};
pub use portals::PortalsConfig;

/// The commented default file that `lgsp init` writes.
pub const DEFAULT_FILE: &str = include_str!("config/lgsp.toml");
/// What names of environment variables begin with.
const ENV_PREFIX: &str = "LGSP__";

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where systems connect, `address:port`.
    pub listen: String,
    /// Where the operator's pages are; empty for none.
    pub admin_listen: String,
    /// The platform's address as other systems see it; empty for the listener's own.
    pub public_url: String,
    /// Networks of proxies whose word about a request's origin counts.
    pub trusted_proxies: Vec<String>,
    /// The database.
    pub database: DatabaseConfig,
    /// The disk.
    pub storage: StorageConfig,
    /// Organisations and tokens.
    pub registry: RegistryConfig,
    /// Connections outward.
    pub outbound: OutboundConfig,
    /// The log of what happened, and who vouches for it.
    pub ledger: LedgerConfig,
    /// The daily round of the national portals.
    pub portals: PortalsConfig,
    /// Limits an operator may change.
    pub limits: LimitsConfig,
    /// The log.
    pub log: LogConfig,
}

/// Where data is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// Empty for SQLite in the data folder, or a PostgreSQL address.
    pub url: DatabaseUrl,
    /// Threads that read.
    pub readers: usize,
}

/// How much disk stays free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// Free bytes below which nothing new is accepted.
    pub reserve_bytes: u64,
}

/// Organisations and tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Days for which closed codes route to their successor.
    pub transition_days: u64,
    /// `live` or `test`.
    pub environment: String,
}

/// Connections outward.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboundConfig {
    /// `HOST:PORT` or `NETWORK/BITS:PORT` of receivers on otherwise forbidden addresses.
    pub allow: Vec<String>,
    /// A PEM file of the authorities trusted for `https`; empty for the machine's own.
    pub ca_file: String,
}

/// Limits an operator may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Connections of the public listener.
    pub connections: usize,
    /// Days a document waits for its recipients.
    pub expiry_days: u64,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// What is logged.
    pub level: String,
    /// `text` or `json`.
    pub format: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            admin_listen: String::new(),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            database: DatabaseConfig::default(),
            storage: StorageConfig::default(),
            registry: RegistryConfig::default(),
            outbound: OutboundConfig::default(),
            ledger: LedgerConfig::default(),
            portals: PortalsConfig::default(),
            limits: LimitsConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: DatabaseUrl::default(),
            readers: 4,
        }
    }
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            reserve_bytes: limits::DISK_RESERVE_BYTES,
        }
    }
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            transition_days: limits::TRANSITION_PERIOD.as_secs() / 86_400,
            environment: "live".to_owned(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: limits::HTTP_CONNECTIONS_MAX,
            expiry_days: limits::DELIVERY_EXPIRY.as_secs() / 86_400,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: "text".to_owned(),
        }
    }
}

/// A database address; its password is never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Wraps an address.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The address with its password; empty for SQLite.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The address with stars for the password.
    pub fn masked(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return self.0.clone();
        };
        match rest.rsplit_once('@') {
            Some((user, place)) => {
                let user = user.split(':').next().unwrap_or_default();
                format!("{scheme}://{user}:***@{place}")
            }
            None => self.0.clone(),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.masked())
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Built in.
    Default,
    /// The file of the data folder.
    File,
    /// An environment variable, by name.
    Env(String),
}

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// `section.name`, or the file.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl std::error::Error for ConfigError {}

fn error(path: &str, message: impl Into<String>) -> ConfigError {
    ConfigError {
        path: path.to_owned(),
        message: message.into(),
    }
}

/// The settings and where each comes from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// By path.
    pub origins: BTreeMap<String, Origin>,
}

/// Reads the file (a missing one is empty) and the environment over the defaults.
pub fn load(
    file: &Path,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(failed) => return Err(error(&file.display().to_string(), failed.to_string())),
    };
    parse(&text, env)
}

/// Reads a file's text and an environment over the defaults.
pub fn parse(
    text: &str,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let file: Table = text
        .parse()
        .map_err(|parse: toml::de::Error| error("lgsp.toml", parse.to_string().trim_end()))?;
    let defaults = Table::try_from(Config::default())
        .map_err(|failed| error("lgsp.toml", failed.to_string()))?;
    let mut leaves = BTreeMap::new();
    flatten("", &defaults, &mut leaves);
    let mut origins: BTreeMap<String, Origin> = leaves
        .keys()
        .map(|path| (path.clone(), Origin::Default))
        .collect();

    let mut given = BTreeMap::new();
    flatten("", &file, &mut given);
    for (path, value) in given {
        let known = leaves
            .get_mut(&path)
            .ok_or_else(|| unknown(&path, &origins))?;
        if known.type_str() != value.type_str() {
            return Err(error(
                &path,
                format!("expected {}, found {}", known.type_str(), value.type_str()),
            ));
        }
        *known = value;
        origins.insert(path, Origin::File);
    }
    for (name, text) in env.filter(|(name, _)| name.starts_with(ENV_PREFIX)) {
        let path = name
            .trim_start_matches(ENV_PREFIX)
            .to_ascii_lowercase()
            .replace("__", ".");
        let known = leaves
            .get_mut(&path)
            .ok_or_else(|| unknown(&path, &origins))?;
        *known = from_env(known, &text)
            .ok_or_else(|| error(&path, format!("{name} is not of type {}", known.type_str())))?;
        origins.insert(path, Origin::Env(name));
    }
    let config: Config = unflatten(leaves)
        .try_into()
        .map_err(|failed: toml::de::Error| error("lgsp.toml", failed.to_string().trim_end()))?;
    config.check()?;
    Ok(Loaded { config, origins })
}

fn unknown(path: &str, known: &BTreeMap<String, Origin>) -> ConfigError {
    let last = path.rsplit('.').next().unwrap_or(path);
    let similar = known
        .keys()
        .find(|name| name.rsplit('.').next() == Some(last) || name.contains(last));
    error(
        path,
        match similar {
            Some(name) => format!("unknown setting; did you mean {name}?"),
            None => "unknown setting; `lgsp config show` lists all".to_owned(),
        },
    )
}

fn flatten(prefix: &str, table: &Table, into: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            Value::Table(inner) => flatten(&path, inner, into),
            leaf => {
                into.insert(path, leaf.clone());
            }
        }
    }
}

fn unflatten(leaves: BTreeMap<String, Value>) -> Table {
    let mut root = Table::new();
    for (path, value) in leaves {
        match path.split_once('.') {
            None => {
                root.insert(path, value);
            }
            Some((section, name)) => {
                let inner = root
                    .entry(section)
                    .or_insert_with(|| Value::Table(Table::new()));
                if let Value::Table(inner) = inner {
                    inner.insert(name.to_owned(), value);
                }
            }
        }
    }
    root
}

/// Reads a variable's text as the type of the known value.
fn from_env(known: &Value, text: &str) -> Option<Value> {
    Some(match known {
        Value::String(_) => Value::String(text.to_owned()),
        Value::Integer(_) => Value::Integer(text.trim().parse().ok()?),
        Value::Boolean(_) => Value::Boolean(text.trim().parse().ok()?),
        Value::Array(_) => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        ),
        _ => return None,
    })
}

impl Config {
    /// Judges the values that a type cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.listen_address()?;
        self.admin_address()?;
        let is_url = ["http://", "https://"].iter().any(|scheme| {
            self.public_url
                .strip_prefix(scheme)
                .is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', '@', '?', '#', ' ']))
        });
        if !self.public_url.is_empty() && !is_url {
            return Err(error("public_url", "not http(s)://HOST[:PORT]"));
        }
        let url = self.database.url.expose();
        if !(url.is_empty() || url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(error("database.url", "not empty and not postgres://…"));
        }
        if !(1..=64).contains(&self.database.readers) {
            return Err(error("database.readers", "not between 1 and 64"));
        }
        if !matches!(self.registry.environment.as_str(), "live" | "test") {
            return Err(error("registry.environment", "neither live nor test"));
        }
        if !(1..=100_000).contains(&self.limits.connections) {
            return Err(error("limits.connections", "not between 1 and 100000"));
        }
        if !(1..=3650).contains(&self.limits.expiry_days) {
            return Err(error("limits.expiry_days", "not between 1 and 3650"));
        }
        if !matches!(self.log.format.as_str(), "text" | "json") {
            return Err(error("log.format", "neither text nor json"));
        }
        if self
            .log
            .level
            .parse::<tracing_subscriber::filter::EnvFilter>()
            .is_err()
        {
            return Err(error("log.level", "not a level or a list of levels"));
        }
        self.proxies()?;
        self.allowed()?;
        portals::check(self)?;
        ledger::check(self)
    }

    /// The proxies whose word counts.
    pub fn proxies(&self) -> Result<Vec<Network>, ConfigError> {
        self.trusted_proxies
            .iter()
            .map(|text| {
                text.parse()
                    .map_err(|failed| error("trusted_proxies", format!("{text}: {failed}")))
            })
            .collect()
    }

    /// What may be called although it is not public.
    pub fn allowed(&self) -> Result<Vec<AllowEntry>, ConfigError> {
        self.outbound
            .allow
            .iter()
            .map(|text| {
                text.parse()
                    .map_err(|failed| error("outbound.allow", format!("{text}: {failed}")))
            })
            .collect()
    }

    /// The public listener's address.
    pub fn listen_address(&self) -> Result<SocketAddr, ConfigError> {
        self.listen
            .parse()
            .map_err(|_| error("listen", "not an address and a port such as 127.0.0.1:8080"))
    }

    /// The admin listener's address, if there is one.
    pub fn admin_address(&self) -> Result<Option<SocketAddr>, ConfigError> {
        if self.admin_listen.is_empty() {
            return Ok(None);
        }
        self.admin_listen.parse().map(Some).map_err(|_| {
            error(
                "admin_listen",
                "not an address and a port such as 127.0.0.1:9090",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, env: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        let env: Vec<_> = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        parse(text, env.into_iter())
    }

    #[test]
    fn the_default_file_is_the_default() {
        let loaded = with(DEFAULT_FILE, &[]).expect("valid");
        assert_eq!(loaded.config, Config::default());
        assert!(
            loaded
                .origins
                .values()
                .all(|origin| *origin == Origin::File)
        );
        assert_eq!(with("", &[]).expect("valid").config, Config::default());
    }

    #[test]
    fn later_sources_win_and_are_named() {
        let loaded = with(
            "[database]\nreaders = 2\n[log]\nlevel = \"warn\"",
            &[
                ("LGSP__DATABASE__READERS", "8"),
                ("LGSP__OUTBOUND__ALLOW", "a:1, b:2"),
                ("LGSP_TOKEN", "x"),
            ],
        )
        .expect("valid");
        assert_eq!(loaded.config.database.readers, 8);
        assert_eq!(loaded.config.outbound.allow, ["a:1", "b:2"]);
        assert_eq!(loaded.origins["log.level"], Origin::File);
        assert_eq!(loaded.origins["listen"], Origin::Default);
        assert_eq!(
            loaded.origins["database.readers"],
            Origin::Env("LGSP__DATABASE__READERS".into())
        );
    }

    #[test]
    fn wrong_settings_are_named_by_path() {
        for (text, path) in [
            ("[databse]\nurl = \"x\"", "databse.url"),
            ("[database]\nurll = \"x\"", "database.urll"),
            ("listen = 8080", "listen"),
            ("listen = \"8080\"", "listen"),
            ("[database]\nreaders = 0", "database.readers"),
            ("[database]\nurl = \"mysql://x\"", "database.url"),
            ("[outbound]\nallow = [\"10.0.0.0/99:80\"]", "outbound.allow"),
            ("[outbound]\nallow = [1]", "lgsp.toml"),
            ("[log]\nformat = \"xml\"", "log.format"),
            ("[registry]\nenvironment = \"prod\"", "registry.environment"),
            ("[limits]\nexpiry_days = 0", "limits.expiry_days"),
            (
                "[ledger]\ntimestamp_url = \"https://a.gov.vn\"",
                "ledger.timestamp_ca",
            ),
            (
                "[ledger]\ntimestamp_url = \"http://10.0.0.1/\"\ntimestamp_ca = \"a.pem\"",
                "ledger.timestamp_url",
            ),
            (
                "[ledger]\ntimestamp_every_seconds = 1",
                "ledger.timestamp_every_seconds",
            ),
            (
                "[ledger]\nstop_after_seconds = 60",
                "ledger.stop_after_seconds",
            ),
            (
                "[ledger]\non_timestamp_outage = \"panic\"",
                "ledger.on_timestamp_outage",
            ),
            (
                "[ledger]\nwitnesses = [\"https://w.gov.vn\"]",
                "ledger.witnesses",
            ),
            ("[portals]\nfrom_hour = 24", "portals.from_hour"),
            ("listen = ", "lgsp.toml"),
        ] {
            assert_eq!(with(text, &[]).expect_err(text).path, path);
        }
        assert_eq!(
            with("", &[("LGSP__LISTN", "x")]).expect_err("unknown").path,
            "listn"
        );
        assert_eq!(
            with("", &[("LGSP__DATABASE__READERS", "many")])
                .expect_err("type")
                .path,
            "database.readers"
        );
    }

    #[test]
    fn the_password_is_never_shown() {
        let loaded = with("[database]\nurl = \"postgres://u:hunter2@h/db\"", &[]).expect("valid");
        assert!(!format!("{:?}", loaded.config).contains("hunter2"));
        assert!(
            !toml::to_string(&loaded.config)
                .expect("text")
                .contains("hunter2")
        );
        assert_eq!(
            loaded.config.database.url.expose(),
            "postgres://u:hunter2@h/db"
        );
        assert_eq!(loaded.config.database.url.masked(), "postgres://u:***@h/db");
    }
}
