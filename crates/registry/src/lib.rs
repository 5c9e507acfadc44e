#![doc = include_str!("../README.md")]

pub mod model;

pub mod directory;
pub mod resolve;
pub mod search;

pub mod connections;
pub mod connectors;
pub mod snapshot;

pub mod draft;
pub mod import;

pub mod service;

pub mod events;
pub mod sessions;
pub mod systems;
pub mod tokens;
pub mod vault;
pub mod webhooks;

pub mod error;

mod rows;

pub use connectors::NewConnector;
pub use error::{ConnectorRule, EventError, EventRule, SystemError};
pub use import::{ImportOptions, ImportReport};
pub use resolve::{Candidate, ClosedReason, Resolution};
pub use rows::CONNECTIONS_VERSION;
pub use service::{OpenRegistryError, Registry, RegistryConfig};
pub use sessions::AxisSession;
pub use snapshot::Snapshot;
pub use systems::NewSystem;
pub use tokens::{Environment, Token};
pub use vault::Vault;

#[cfg(test)]
mod tests;
