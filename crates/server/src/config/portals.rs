//! The section `[portals]`: when the national portals have their daily round.

use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, error};

/// The daily round of the national portals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalsConfig {
    /// Hour of the day, Vietnamese time, from which procedures are fetched and yesterday's dossiers compared.
    pub from_hour: u8,
}

impl Default for PortalsConfig {
    fn default() -> Self {
        // Outside of working hours: a comparison asks the portal about every dossier of the day.
        Self { from_hour: 19 }
    }
}

/// Judges the values that a type cannot.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    if config.portals.from_hour > 23 {
        return Err(error("portals.from_hour", "not an hour from 0 to 23"));
    }
    Ok(())
}
