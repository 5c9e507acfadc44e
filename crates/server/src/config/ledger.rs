//! The section `[ledger]`: who vouches for the log from outside.

use std::time::Duration;

use lgsp_base::limits;
use lgsp_connect::outbound::{Outbound, OutboundConfig, SystemResolver};
use lgsp_wire::tlog::note::{Algorithm, VerifierKey};
use lgsp_wire::tlog::timestamp::Certificate;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, error};

/// The log of what happened, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerConfig {
    /// False only to measure what sealing costs: nothing can be proved or searched meanwhile, and readiness says so.
    pub seal: bool,
    /// Address of a time-stamp authority (RFC 3161); empty for none.
    pub timestamp_url: String,
    /// A PEM file with the certificate under which the authority signs.
    pub timestamp_ca: String,
    /// Seconds between two time stamps of the newest checkpoint.
    pub timestamp_every_seconds: u64,
    /// `warn` or `stop`.
    pub on_timestamp_outage: String,
    /// Seconds without a time stamp after which `stop` refuses new documents.
    pub stop_after_seconds: u64,
    /// `KEY URL` of each witness.
    pub witnesses: Vec<String>,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            seal: true,
            timestamp_url: String::new(),
            timestamp_ca: String::new(),
            timestamp_every_seconds: limits::TIMESTAMP_INTERVAL.as_secs(),
            on_timestamp_outage: "warn".to_owned(),
            stop_after_seconds: limits::TIMESTAMP_OUTAGE_MAX.as_secs(),
            witnesses: Vec::new(),
        }
    }
}

/// What happens when the time-stamp authority is away for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOutage {
    /// The warning stands, work goes on.
    Warn,
    /// New documents are refused until there is a time stamp again.
    Stop,
}

/// A witness as the settings name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessEntry {
    /// Its public key.
    pub key: VerifierKey,
    /// Where it takes checkpoints, without the last slash; `/add-checkpoint` is appended.
    pub url: String,
}

impl LedgerConfig {
    /// What happens when the authority is away for long.
    pub fn on_outage(&self) -> OnOutage {
        match self.on_timestamp_outage.as_str() {
            "stop" => OnOutage::Stop,
            _ => OnOutage::Warn,
        }
    }

    /// Time between two time stamps.
    pub fn timestamp_every(&self) -> Duration {
        Duration::from_secs(self.timestamp_every_seconds)
    }

    /// Time without a time stamp after which [`OnOutage::Stop`] holds.
    pub fn stop_after(&self) -> Duration {
        Duration::from_secs(self.stop_after_seconds)
    }

    /// The certificate of the time-stamp authority; `None` without an authority.
    pub fn authority(&self) -> Result<Option<Certificate>, ConfigError> {
        if self.timestamp_url.is_empty() {
            return Ok(None);
        }
        let wrong = |reason: &dyn std::fmt::Display| {
            let place = format!("{}: {reason}", self.timestamp_ca);
            error("ledger.timestamp_ca", place)
        };
        let pem = std::fs::read(&self.timestamp_ca).map_err(|failed| wrong(&failed))?;
        Certificate::parse(&pem)
            .map(Some)
            .map_err(|_| wrong(&"not a certificate"))
    }

    /// The witnesses, each key once.
    pub fn witness_entries(&self) -> Result<Vec<WitnessEntry>, ConfigError> {
        let mut entries: Vec<WitnessEntry> = Vec::new();
        for text in &self.witnesses {
            let entry = witness(text)?;
            if entries.iter().any(|known| known.key == entry.key) {
                return Err(error("ledger.witnesses", "a key stands there twice"));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

fn witness(text: &str) -> Result<WitnessEntry, ConfigError> {
    let wrong = |reason: String| error("ledger.witnesses", reason);
    let (key, url) = text
        .trim()
        .split_once(char::is_whitespace)
        .ok_or_else(|| wrong("not a verifier key, a space and an address".to_owned()))?;
    let key: VerifierKey = key.parse().map_err(|failed| wrong(format!("{failed}")))?;
    if key.algorithm() != Algorithm::CosignatureV1 {
        return Err(wrong(format!("{}: not the key of a witness", key.name())));
    }
    Ok(WitnessEntry {
        key,
        url: url.trim().trim_end_matches('/').to_owned(),
    })
}

/// Judges the section; addresses must pass the guard of calls outward.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let ledger = &config.ledger;
    if !matches!(ledger.on_timestamp_outage.as_str(), "warn" | "stop") {
        return Err(error("ledger.on_timestamp_outage", "neither warn nor stop"));
    }
    if !(10..=86_400).contains(&ledger.timestamp_every_seconds) {
        return Err(error(
            "ledger.timestamp_every_seconds",
            "not between 10 and 86400",
        ));
    }
    if !(300..=30 * 86_400).contains(&ledger.stop_after_seconds)
        || ledger.stop_after_seconds <= ledger.timestamp_every_seconds
    {
        return Err(error(
            "ledger.stop_after_seconds",
            "not between 300 and 2592000, or not longer than timestamp_every_seconds",
        ));
    }
    if !ledger.timestamp_url.is_empty() && ledger.timestamp_ca.is_empty() {
        return Err(error(
            "ledger.timestamp_ca",
            "empty: without the authority's certificate its time stamps cannot be checked",
        ));
    }
    let witnesses = ledger.witness_entries()?;
    if witnesses.len() > limits::WITNESSES_MAX {
        return Err(error(
            "ledger.witnesses",
            format!("more than {}", limits::WITNESSES_MAX),
        ));
    }
    if witnesses.is_empty() && ledger.timestamp_url.is_empty() {
        return Ok(());
    }
    let guard = Outbound::new(
        OutboundConfig {
            allowed: config.allowed()?,
            ..OutboundConfig::default()
        },
        std::sync::Arc::new(SystemResolver),
    )
    .map_err(|failed| error("outbound", failed.to_string()))?;
    let addresses = witnesses
        .iter()
        .map(|witness| ("ledger.witnesses", &witness.url))
        .chain(
            Some(("ledger.timestamp_url", &ledger.timestamp_url))
                .filter(|(_, url)| !url.is_empty()),
        );
    for (path, url) in addresses {
        guard.check_url(url).map_err(|problem| {
            error(
                path,
                format!(
                    "{url}: {}; add its HOST:PORT to outbound.allow",
                    problem.detail
                ),
            )
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lgsp_base::entropy::SeededEntropy;
    use lgsp_base::{Entropy, Secret};
    use lgsp_wire::tlog::note::{Signer as _, SoftSigner};

    use super::*;

    fn key(algorithm: Algorithm) -> String {
        let mut seed = [0; 32];
        SeededEntropy::new(5).fill(&mut seed);
        let seed = Secret::new(seed);
        SoftSigner::from_seed("w/1", algorithm, seed.expose())
            .expect("a key")
            .key()
            .to_string()
    }

    #[test]
    fn witnesses_have_keys_and_addresses_that_may_be_called() {
        let good = key(Algorithm::CosignatureV1);
        let with = |lines: &[String], allow: &[&str]| {
            let mut config = Config::default();
            config.ledger.witnesses = lines.to_vec();
            config.outbound.allow = allow.iter().map(|line| (*line).to_owned()).collect();
            config.check().map(|()| config)
        };
        let public = format!("{good} https://witness.gov.vn/lgsp/");
        let config = with(std::slice::from_ref(&public), &[]).expect("valid");
        let entries = config.ledger.witness_entries().expect("valid");
        assert_eq!(entries[0].url, "https://witness.gov.vn/lgsp");
        assert!(with(&[public.clone(), public], &[]).is_err(), "twice");

        let near = format!("{good} http://127.0.0.1:8090");
        assert!(with(std::slice::from_ref(&near), &["127.0.0.1/32:8090"]).is_ok());
        let refused = with(&[near], &[]).expect_err("not allowed");
        assert_eq!(refused.path, "ledger.witnesses");
        assert!(refused.message.contains("outbound.allow"), "{refused}");
        let log = format!("{} https://witness.gov.vn", key(Algorithm::Ed25519));
        assert!(with(&[log], &[]).is_err(), "a log's key");
    }
}
